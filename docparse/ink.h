/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_INK_H
#define DOCPARSE_INK_H

#include <stdbool.h>

#include "docparse/document.h"
#include "engine/base/image.h"

/* Where a page shows ink: a coarse map of cells (about 1.4 points wide) with local contrast. What words,
 * rules and the like explain is accounted for; what remains and has the shape of text must be read.
 * Plain value; arrays live in the arena given. One thread at a time. */
enum dp_ink_cell { DP_INK_NONE, DP_INK_OPEN, DP_INK_ACCOUNTED };

struct dp_ink {
    uint8_t *cells; /* [rows][cols] of enum dp_ink_cell */
    int cols, rows;
    int cell;       /* side of a cell, page pixels */
};

/* dpi: of the image, 0 when unknown (a page width of about 8 inches is assumed). */
enum b_code dp_ink_map(struct b_image_view page, double dpi, struct b_arena *arena, struct dp_ink *out,
                       struct b_err *err) B_MUST_CHECK;

/* Accounts for the ink inside `box` widened by grow pixels on each side. */
void dp_ink_account(struct dp_ink *ink, struct dp_rect box, float grow);

/* Whether any ink, accounted or not, lies in the box. */
bool dp_ink_any(const struct dp_ink *ink, struct dp_rect box);

/* Cells with ink / with ink that is not accounted for. */
struct dp_ink_count {
    long all, open;
};
struct dp_ink_count dp_ink_total(const struct dp_ink *ink);

/* Boxes around open ink that looks like text: rows of small marks. Frames, curves, rules and single marks are
 * left out, pictures are in. *text_cells gets the open ink cells inside. */
enum b_code dp_ink_regions(const struct dp_ink *ink, struct b_arena *arena, float (**regions)[4], size_t *count,
                           long *text_cells, struct b_err *err) B_MUST_CHECK;

#endif
