/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_QWEN25VL_LARGE_H
#define ENGINE_QWEN25VL_LARGE_H

#include "engine/qwen25vl/linear.h"

/* Private to the compute side: products of many rows through oneDNN (engine/onednn/matmul.h), piece by piece of
 * ENG_OPS_OUTPUTS outputs, so that threads share them as they share those of the kernels.
 *
 * Bytes: the sums are whole numbers and what follows is the kernels' own, so the bits are those of the kernels. With
 * AMX (or when told so) more than ENG_LARGE_ROWS rows go this way; with VNNI alone the kernels are faster.
 * bfloat16: sums are added in another order than the kernels', so who goes this way may depend on nothing but what the
 * rows are: those of pictures always do, those of prompts only with AMX (or when told so), then all of them and by one
 * plan of all rows; rows of decoding steps never do. */
enum { ENG_LARGE_ROWS = 64 };

struct eng_large;
/* NULL in *out and B_OK where nothing would go this way: no VNNI in the kernels or the library. */
enum b_code eng_large_new(const struct eng_lm_kernels *kernels, enum eng_large_mode mode, int threads, size_t rows,
                          size_t width, struct eng_large **out, struct b_err *err) B_MUST_CHECK;
void eng_large_drop(struct eng_large *large);
/* bfloat16 rows of prompts go this way: they differ in their last bits from what decoding steps leave in the cache. */
bool eng_large_takes_prompts(const struct eng_large *large);

/* A run of jobs over the same m prepared rows. */
struct eng_large_run {
    const struct eng_linear_job *jobs;
    size_t n_jobs, m;
    enum eng_ops_use use;
};
/* Whether the run goes this way; plans what it needs. By one thread at a time, while none is in eng_large_piece. */
bool eng_large_ready(struct eng_large *large, const struct eng_large_run *run);

/* Outputs first .. first+n-1 of a job of a run that is ready; prepared, scales: of eng_ops. False: the library failed
 * and nothing was written. Any number of threads, one of a number at a time. */
struct eng_large_piece {
    const struct eng_linear_job *job;
    size_t first, n;
    const void *prepared;
    const float *scales;
    int worker;
};
bool eng_large_run_piece(const struct eng_large *large, const struct eng_large_run *run,
                         const struct eng_large_piece *piece);

#endif
