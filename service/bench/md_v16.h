/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_BENCH_MD_V16_H
#define SERVICE_BENCH_MD_V16_H

#include "service/bench/md_filter.h"

/* What version 1.6 does beyond cutting: formulas looked for in alternative texts, tables and paragraphs, numbers and
 * remarks beside formulas split off, labels that are no formulas dropped. */

/* Adds the text as a formula to fall back on where it looks like one. */
void bm16_add_rescue(struct bm_mem *mem, struct bm_pieces *pieces, struct bm_str text, size_t start, size_t end,
                     enum bm_fine fine);
/* The alternative texts of a page's images, at their places. */
void bm16_add_images(struct bm_mem *mem, struct bm_pieces *pieces, struct bm_str markdown);
/* Cells of a table that look like sums. */
void bm16_add_cells(struct bm_mem *mem, struct bm_pieces *pieces, struct bm_str html, size_t start);
/* A formula without what stands beside it, or several sums in one formula each on its own. */
void bm16_add_formula(struct bm_mem *mem, struct bm_pieces *pieces, const struct bm_piece *formula);
/* A paragraph that is an element (div) as its text. */
struct bm_str bm16_fragment_text(struct bm_mem *mem, struct bm_str text);
/* Descriptions of images lose their dollars, so that they hold no formulas. */
struct bm_str bm16_plain_descriptions(struct bm_mem *mem, struct bm_str markdown);
/* An inline formula that is only a name or a number. */
bool bm16_is_label(struct bm_mem *mem, const struct bm_piece *piece);

#endif
