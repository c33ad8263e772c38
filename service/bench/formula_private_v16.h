/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_BENCH_FORMULA_PRIVATE_V16_H
#define SERVICE_BENCH_FORMULA_PRIVATE_V16_H

#include "service/bench/formula_v16.h"

/* Between formula_v16.c and align_v16.c. */

/* Both sides of an alignment. Lines leave out what is empty, items do not, and lines are looked up among the items by
 * their number, as the protocol does. piece->found: number of the formula that a piece came from. */
struct bm16_sides {
    struct bm_truth *truths;
    struct bm_str *truth, *norm_truth;
    size_t n_truths;
    const struct bm_piece *pieces;
    struct bm_str *pred, *norm_pred;
    size_t n_preds;
    size_t n_pieces;
};


/* One prediction for each truth at most, the cheapest sum; what stays alone costs 1. */
struct bm_rows bm16_align_pairs(struct bm_mem *mem, const struct bm16_sides *sides);
/* In order on both sides, neighbouring predictions may belong together; gaps: with some left out between them.
 * False: there is no such alignment. */
bool bm16_align_in_order(struct bm_mem *mem, const struct bm16_sides *sides, bool gaps, struct bm_rows *out);

#endif
