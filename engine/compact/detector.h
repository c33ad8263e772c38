/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_COMPACT_DETECTOR_H
#define ENGINE_COMPACT_DETECTOR_H

#include "engine/base/cancel.h"
#include "engine/base/err.h"
#include "engine/base/image.h"
#include "engine/compact/strip.h"
#include "engine/graph/graph.h"

/* Text detection: PP-OCRv6 small detector (DB head). Finds lines of text as strips. */
struct eng_detector;

struct eng_detector_options {
    float scale;      /* page pixels -> network pixels; 0: chosen from the page (small pages enlarged) */
    int max_side;     /* bound of the network input's long side, pixels; 0: default */
    float mask_level; /* probability above which a pixel belongs to text; 0: default 0.3 */
    float min_score;  /* strips below are dropped; 0: default 0.5 */
};

/* Strips found on one page; free with eng_strip_list_free. */
struct eng_strip_list {
    struct eng_strip *strips;
    size_t count;
    size_t dropped;         /* the smallest marks of a page of many thousands: not among the strips */
    float scale_x, scale_y; /* network pixels per page pixel that were used */
};
void eng_strip_list_free(struct eng_strip_list *list);

/* The detector borrows the graph. One thread at a time. */
enum b_code eng_detector_new(const struct eng_graph *graph, int threads, struct eng_detector **out,
                             struct b_err *err) B_MUST_CHECK;
void eng_detector_drop(struct eng_detector *detector);

enum b_code eng_detector_find(struct eng_detector *detector, struct b_image_view page,
                              const struct eng_detector_options *options, struct eng_strip_list *out,
                              struct b_cancel *cancel, struct b_err *err) B_MUST_CHECK;

/* Post-processing alone, used by tests and the fuzz target: probability map prob[map_h][map_w] ->
 * strips in pixels of a page of page_w x page_h. Time grows with the map's pixels, whatever is on it; a map
 * of more than 16 million is B_LIMIT. */
enum b_code eng_strips_from_map(const float *prob, int map_w, int map_h, int page_w, int page_h,
                                const struct eng_detector_options *options, struct eng_strip_list *out,
                                struct b_err *err) B_MUST_CHECK;

#endif
