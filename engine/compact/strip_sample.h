/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_COMPACT_STRIP_SAMPLE_H
#define ENGINE_COMPACT_STRIP_SAMPLE_H

#include <stdbool.h>

#include "engine/base/err.h"
#include "engine/base/image.h"
#include "engine/compact/strip.h"

/* Pixels of a strip, straightened. Private to engine/compact; eng_strip_sample in recogniser.h is the
 * public form. */

#define ENG_LINE_PIXELS 48 /* height of the recogniser's input */

/* Positions along a strip are lengths of arc, page pixels, 0 at u0 and `length` at u1; positions outside
 * continue the strip. Plain value. */
#define ENG_ARC_NODES 65
struct eng_arc {
    struct eng_strip strip;
    float length;             /* of the centre line */
    float nodes[ENG_ARC_NODES]; /* arc length at equal steps of u; unused when straight */
    bool straight;            /* degree 0 */
};

void eng_arc_init(struct eng_arc *arc, const struct eng_strip *strip);

/* u at an arc length. */
float eng_arc_u(const struct eng_arc *arc, float position);

/* Width that keeps the characters' proportions at 48 px height: ceil(48 * length / height), at least 1. */
int eng_arc_width(const struct eng_arc *arc, float from, float to);

/* What to sample: arc positions [from, to) into `columns` columns of an image whose rows are `stride` columns
 * apart. */
struct eng_arc_part {
    float from, to;
    int columns, stride;
};

/* out[row * stride + column][3]: B, G, R, 0..255, 48 rows. One resampling: interpolated, averaged over the
 * pixel's footprint where the page is finer than the output, border replicated. A strip along a page axis
 * takes a separable path that gives the same values up to rounding. */
enum b_code eng_arc_sample(const struct eng_arc *arc, struct b_image_view page, const struct eng_arc_part *part,
                           float *out, struct b_err *err) B_MUST_CHECK;

/* The general path alone: the separable path's twin, for tests. */
void eng_arc_sample_plain(const struct eng_arc *arc, struct b_image_view page, const struct eng_arc_part *part,
                          float *out);

#endif
