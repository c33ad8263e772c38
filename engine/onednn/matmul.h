/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_ONEDNN_MATMUL_H
#define ENGINE_ONEDNN_MATMUL_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/err.h"

/* Matrix products by oneDNN's blocked kernels, which take AMX where the processor has it and the system grants it
 * (the library asks for the permission itself), otherwise AVX-512. Weights stay as they lie, row by row: the library
 * lays out 64 outputs at a time in its scratch memory, so that there is no second copy of a layer. */

enum eng_matmul_kind {
    ENG_MATMUL_BF16, /* bfloat16 x bfloat16, sums in fp32, written as fp32 */
    ENG_MATMUL_U8S8  /* uint8_t x int8_t, written as exact int32_t */
};

/* y[m][n] = x[m][k] . w[n][k], row-major without gaps: the library leaves its fast code where rows are further apart,
 * or a size is not fixed when the product is planned. */
struct eng_matmul_shape {
    enum eng_matmul_kind kind;
    size_t m, n, k;
};

struct eng_matmul;
/* B_UNSUPPORTED: the library has no fast code for it on this processor (n below 64, for one). U8S8 is refused without
 * VNNI, where the library lets sums of 16 bits saturate. Planning takes 0.1 to 1 ms. */
enum b_code eng_matmul_new(const struct eng_matmul_shape *shape, struct eng_matmul **out,
                           struct b_err *err) B_MUST_CHECK;
void eng_matmul_drop(struct eng_matmul *matmul);
size_t eng_matmul_scratch(const struct eng_matmul *matmul);   /* bytes */
const char *eng_matmul_name(const struct eng_matmul *matmul); /* the library's name of its code */
/* Runs on the calling thread alone, whatever eng_dnn_set_threads was told; any number of threads may run one product at
 * a time, each with a scratch of its own, aligned to 64 bytes. */
enum b_code eng_matmul_run(const struct eng_matmul *matmul, const void *x, const void *w, void *y, void *scratch,
                           struct b_err *err) B_MUST_CHECK;

/* The library would use AMX. */
bool eng_matmul_has_amx(void);

#endif
