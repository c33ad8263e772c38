/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_COMPACT_LAYOUT_H
#define ENGINE_COMPACT_LAYOUT_H

#include <stddef.h>

#include "engine/base/cancel.h"
#include "engine/base/err.h"
#include "engine/base/image.h"
#include "engine/graph/graph.h"

/* Page layout: PicoDet trained on Chinese papers. A vote, not an owner of text: it takes newspapers and notes for
 * one figure. One thread at a time. */
struct eng_layout;

/* In the network's order. */
enum eng_layout_class {
    ENG_LAYOUT_TEXT,
    ENG_LAYOUT_TITLE,
    ENG_LAYOUT_FIGURE,
    ENG_LAYOUT_FIGURE_CAPTION,
    ENG_LAYOUT_TABLE,
    ENG_LAYOUT_TABLE_CAPTION,
    ENG_LAYOUT_HEADER,
    ENG_LAYOUT_FOOTER,
    ENG_LAYOUT_REFERENCE,
    ENG_LAYOUT_EQUATION,
    ENG_LAYOUT_CLASSES
};
const char *eng_layout_class_name(enum eng_layout_class class_of); /* "text", "figure_caption"... */

struct eng_region {
    enum eng_layout_class class_of;
    float score;          /* 0..1 */
    float x0, y0, x1, y1; /* page pixels, inside the page */
};

#define ENG_LAYOUT_MAX_REGIONS (ENG_LAYOUT_CLASSES * 100) /* 100 a class are kept */

/* Regions of one page, by class and falling score. */
struct eng_layout_regions {
    struct eng_region at[ENG_LAYOUT_MAX_REGIONS];
    size_t n;
};

struct eng_layout_options {
    float min_score;    /* 0: default 0.5 */
    float same_overlap; /* regions of different classes above this overlap are one, the better stays; 0: keep all */
};

/* The layout borrows the graph. */
enum b_code eng_layout_new(const struct eng_graph *graph, int threads, struct eng_layout **out,
                           struct b_err *err) B_MUST_CHECK;
void eng_layout_drop(struct eng_layout *layout);

enum b_code eng_layout_find(struct eng_layout *layout, struct b_image_view page,
                            const struct eng_layout_options *options, struct eng_layout_regions *out,
                            struct b_cancel *cancel, struct b_err *err) B_MUST_CHECK;

/* Decoding alone, for tests: the network's eight outputs (scores of four levels, then distances). B_FORMAT when
 * their shapes are not those of the network. */
enum b_code eng_layout_decode(const struct eng_tensor outputs[8], int page_w, int page_h,
                              const struct eng_layout_options *options, struct eng_layout_regions *out,
                              struct b_err *err) B_MUST_CHECK;

#endif
