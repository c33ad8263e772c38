/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_COMPACT_COMPONENTS_H
#define ENGINE_COMPACT_COMPONENTS_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

/* Connected components (8-neighbourhood) of a thresholded probability map, as horizontal runs. Private to
 * engine/compact. */

/* Pixels x0 <= x < x1 of row y; sum of their probabilities. */
struct eng_run {
    int32_t y, x0, x1;
    float sum;
};

struct eng_component {
    size_t first, count;      /* its runs: runs[first .. first + count), by y, then x */
    uint64_t area;            /* pixels */
    double sum;               /* of their probabilities */
    int32_t x0, y0, x1, y1;   /* bounding box, x1 and y1 exclusive */
};

struct eng_components {
    struct eng_run *runs;
    struct eng_component *items; /* by their first pixel in raster order */
    size_t count;
};

/* A window into a probability map: prob[y * stride + x]. */
struct eng_map {
    const float *prob;
    size_t stride;
    int width, height;
};

/* Linear in the number of pixels; NaN counts as below the level. Free with eng_components_free. */
enum b_code eng_components_find(struct eng_map map, float level, struct eng_components *out, struct b_err *err)
    B_MUST_CHECK;
void eng_components_free(struct eng_components *components);

#endif
