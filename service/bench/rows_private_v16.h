/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_BENCH_ROWS_PRIVATE_V16_H
#define SERVICE_BENCH_ROWS_PRIVATE_V16_H

#include "service/bench/rows_v16.h"

/* Between rows_v16.c and env_v16.c. */

/* \begin{name}{..}{..} of an environment of rows. */
struct bm16_env {
    struct bm_str name, spec; /* spec: the first group behind, of an array */
    size_t body;              /* behind all groups */
};
bool bm16_env_at(struct bm_str text, size_t pos, struct bm16_env *out);
/* Where the environment's \end stands, or BM_NONE. */
size_t bm16_env_end(struct bm_mem *mem, struct bm_str text, struct bm_str name, size_t from);

/* Rows at the top level, stripped, none empty. */
size_t bm16_latex_rows(struct bm_mem *mem, struct bm_str body, struct bm_str **out);

/* Whether an environment with these rows is compared row by row. outer: it stands in \left\{ .. \right. */
bool bm16_env_splits(struct bm_mem *mem, const struct bm16_env *env, struct bm_str body, const struct bm_str *rows,
                     size_t n, bool outer);
/* Whether a cases environment means an array; `behind` is what follows it. */
bool bm16_cases_is_array(struct bm_mem *mem, struct bm_str body, const struct bm_str *rows, size_t n,
                         struct bm_str behind);

#endif
