/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_BENCH_ROWS_V16_H
#define SERVICE_BENCH_ROWS_V16_H

#include "service/bench/norm_v16.h"

/* Formulas of several rows in version 1.6: which are compared row by row, and where their rows lie. */

struct bm16_row {
    struct bm_str content;
    size_t start, end; /* in the formula as given */
};

/* The rows of a formula that is an environment of rows, or bare rows; returns 0 when it stays whole. */
size_t bm16_split_rows(struct bm_mem *mem, struct bm_str formula, struct bm16_row **out);

/* Systems of statements written as cases, rewritten as the array that they mean. *changed: something was. */
struct bm_str bm16_logic_braces(struct bm_mem *mem, struct bm_str formula, bool *changed);

/* Several formulas as the rows of one array, each without its delimiters. */
struct bm_str bm16_as_array(struct bm_mem *mem, const struct bm_str *formulas, size_t n, bool skip_empty);

#endif
