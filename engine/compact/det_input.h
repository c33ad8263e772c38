/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_COMPACT_DET_INPUT_H
#define ENGINE_COMPACT_DET_INPUT_H

#include "engine/base/err.h"
#include "engine/base/image.h"

/* The page as the detector's input tensor. Private to engine/compact. */

/* Size of the resized page, and of the tensor that holds it (multiples of ENG_DET_GRAIN). */
struct eng_det_size {
    int width, height;
    int padded_width, padded_height;
};

#define ENG_DET_GRAIN 32 /* compact-models.md 1.1: input sides are multiples of 32 */

#define ENG_DET_LONGEST 8192

/* How a page is looked at: network pixels per page pixel, and a bound for the long side that may lower it. */
struct eng_det_scale {
    double scale;
    int max_side; /* at most ENG_DET_LONGEST */
};

/* Small pages are enlarged, since their print is small, and large ones shrunk (compact-models.md 2.1, 2.2); a long
 * thin page, a receipt, may be longer than a sheet of paper as long as it has no more pixels. */
struct eng_det_scale eng_det_scale_for(int page_w, int page_h);

/* Size at about `scale` network pixels per page pixel, shrunk further where the long side would exceed
 * max_side (at least ENG_DET_GRAIN). Sides are rounded to the grain or, when short, padded to it: the two
 * scales may differ a little. */
struct eng_det_size eng_det_size_of(int page_w, int page_h, double scale, int max_side);

/* Resamples the page to size->width x size->height (triangle filter, as wide as the shrinking asks for, so
 * that small print keeps its ink), repeats its last row and column into the padding, and writes planes B,
 * G, R of (value / 255 - 0.5) / 0.5 to tensor[3][padded_height][padded_width]. */
enum b_code eng_det_fill(struct b_image_view page, const struct eng_det_size *size, float *tensor,
                         struct b_err *err) B_MUST_CHECK;

#endif
