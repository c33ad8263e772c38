/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_BENCH_MATCH_PRIVATE_H
#define SERVICE_BENCH_MATCH_PRIVATE_H

#include "service/bench/distance.h"

/* The matching proper, on normalised strings. */

/* Neighbouring predictions [from, to) matched to some truths. */
struct bm_link {
    size_t from, to; /* from == to: truths without a prediction */
    size_t *list;    /* predictions that are no range (what was left over), or NULL */
    size_t n_list;
    size_t *truths; /* ascending within one link of the first stages */
    size_t n_truths;
    double edit; /* what the stage that made it measured; 1 for left-overs */
};

struct bm_links {
    struct bm_link *at;
    size_t n;
};

/* Cost matrix of normalised edit distances, rows x cols; NULL when memory is refused. */
double *bm_cost_matrix(struct bm_mem *mem, const struct bm_str *rows, size_t n_rows, const struct bm_str *cols,
                       size_t n_cols);

/* Decides which neighbouring predictions are pieces of one truth: fills owner[j] with the number of the
 * group that prediction j falls into (ascending), returns the number of groups. */
size_t bm_group_predictions(struct bm_mem *mem, const double *cost, const struct bm_str *truths, size_t n_truths,
                            const struct bm_str *preds, size_t n_preds, size_t *owner);

/* All stages: certain pairs, merging, assignment, truths inside predictions, left-overs. `old`: as version
 * 1.0 does it, which pairs left-overs by plain distance and lists truths that nothing matched twice. whole: truths
 * that are never looked for inside a prediction, or NULL. */
struct bm_links bm_match(struct bm_mem *mem, const struct bm_str *truths, size_t n_truths, const struct bm_str *preds,
                         size_t n_preds, bool old, const bool *whole);

/* 0..all-1 without the members of `gone`, in the order in which the reference implementation's hash set
 * gives them; returns how many. */
size_t bm_set_difference(struct bm_mem *mem, size_t all, const bool *gone, size_t *out);

#endif
