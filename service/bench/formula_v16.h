/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_BENCH_FORMULA_V16_H
#define SERVICE_BENCH_FORMULA_V16_H

#include "service/bench/quick_match.h"

/* Formulas of a page matched once more on their own (version 1.6): several alignments are made, the cheapest counts.
 * truths: the page's formulas by order. pieces: all of the page. current: the formula rows of the page's common
 * matching. Rows for every row of every truth. */
struct bm_rows bm16_match_formulas(struct bm_mem *mem, struct bm_truth *truths, size_t n,
                                   const struct bm_pieces *pieces, const struct bm_rows *current);

#endif
