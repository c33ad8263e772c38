/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_BENCH_DISTANCE_H
#define SERVICE_BENCH_DISTANCE_H

#include "service/bench/text.h"

/* Edit distances and the assignment that uses them. Exact: no timeouts, no approximations. */

/* Levenshtein distance of two sequences (cost 1 for insert, delete and replace). */
size_t bm_levenshtein(struct bm_mem *mem, struct bm_str a, struct bm_str b);

/* Distance over the longer length; 0 for two empty strings. */
double bm_ned(struct bm_mem *mem, struct bm_str a, struct bm_str b);

/* Does `what` (not empty, at most as long as `in`) come within `limit` of some window of `in` that has
 * its length? The measure is distance / length; limit itself counts when `inclusive`. */
bool bm_fits_inside(struct bm_mem *mem, struct bm_str in, struct bm_str what, double limit, bool inclusive);

/* Longest common subsequence length (for the indel ratio). */
size_t bm_lcs(struct bm_mem *mem, struct bm_str a, struct bm_str b);

/* Optimal assignment on a rows x cols cost matrix (row-major, finite): pairs min(rows, cols) of them by
 * shortest augmenting paths. Ties fall as in the reference evaluators' library: rows in order, columns
 * scanned from the last, a free column preferred on equal cost. to_row[k], to_col[k] in row order.
 * Returns the number of pairs; 0 also when memory is refused. */
size_t bm_assign(struct bm_mem *mem, const double *cost, size_t rows, size_t cols, size_t *to_row, size_t *to_col);

#endif
