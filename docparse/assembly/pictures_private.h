/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_ASSEMBLY_PICTURES_PRIVATE_H
#define DOCPARSE_ASSEMBLY_PICTURES_PRIVATE_H

#include "docparse/assembly/assembly_private.h"

/* Private to the search for pictures (pictures.c, busy.c). */

/* The page in cells of a few pixels: 1 where the grey changes within a cell and no text lies on it. `sums` holds the
 * cells' running sums (one row and column more) for shares of boxes. */
struct dp_busy {
    uint8_t *cells; /* [h * w]; NULL when there is no image */
    int32_t *sums;  /* [(h + 1) * (w + 1)] */
    int32_t w, h;
};

enum b_code dp_busy_make(struct dp_assembly *a, struct dp_busy *out, struct b_err *err) B_MUST_CHECK;
/* Share of busy cells in a box of page pixels. */
float dp_busy_share(const struct dp_busy *busy, struct dp_rect box);
/* The box shrunk to its busy cells. */
struct dp_rect dp_busy_tighten(const struct dp_busy *busy, struct dp_rect box);
/* Boxes, in page pixels, of what hangs together and is busy in depth: not a line, not a frame. */
enum b_code dp_busy_regions(struct dp_assembly *a, const struct dp_busy *busy, struct dp_rect **out, int32_t *n,
                            struct b_err *err) B_MUST_CHECK;

#endif
