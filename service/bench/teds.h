/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_BENCH_TEDS_H
#define SERVICE_BENCH_TEDS_H

#include "service/bench/text.h"

/* Tree-edit-distance similarity of two tables in HTML (Zhong et al. 2020): 1 minus the tree edit distance over
 * the larger number of elements. Cells that align cost the normalised edit distance of their contents, or
 * nothing when only the structure counts. 0 when either is empty, is no table, or has spans that are no numbers. */
double bm_teds(struct bm_mem *mem, struct bm_str pred, struct bm_str truth, bool structure_only);

#endif
