/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_QWEN25VL_LINEAR_H
#define ENGINE_QWEN25VL_LINEAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"
#include "engine/kernels/lm.h"
#include "engine/qwen25vl/checkpoint.h"
#include "engine/qwen25vl/team.h"

/* Linear layers with weights as the checkpoint has them (mapped, never copied) or packed to 8 or 4 bits, and the
 * working memory of the session that runs them. A row's result depends neither on the rows computed with it nor
 * on the number of threads. */

enum eng_linear_kind {
    ENG_LINEAR_F32 = 0,
    ENG_LINEAR_F16,
    ENG_LINEAR_BF16,         /* fp32 activations */
    ENG_LINEAR_BF16_ROUNDED, /* activations rounded to bfloat16 */
    ENG_LINEAR_S8,           /* both in 8 bits: a scale an output, a scale a row of activations */
    ENG_LINEAR_Q4,           /* 4-bit groups, fp32 activations: the exact product with the dequantised weights */
    ENG_LINEAR_Q4_S8         /* 4-bit groups, activations in 8 bits */
};

struct eng_linear {
    enum eng_linear_kind kind;
    size_t n, k;   /* outputs, inputs */
    const void *w; /* [n] rows of w_row elements (bytes for 4 bits); packed kinds in panels (lm.h) */
    size_t w_row;
    const float *bias; /* [n] or NULL; borrowed */
    void *owned;       /* packed weights; NULL while they are mapped */
    float *scale;      /* S8: [n], owned; NULL otherwise */
    bool mapped;       /* the packed parts lie in a file (packed.h) and are read-only */
    float *shift;      /* S8: [n], sum of the row; Q4_S8: [n], what the activations' offset adds; owned */
};

/* Borrows a floating tensor [n, k] (or of that many elements in that order). round: use the kernel that rounds
 * activations to bfloat16 where weights are bfloat16 and the processor has it. */
void eng_linear_map(const struct eng_lm_kernels *kernels, const struct eng_weight *weight, size_t n, size_t k,
                    bool round, struct eng_linear *out);
/* Packs a mapped layer in place to S8, or Q4_S8 where k allows it (S8 otherwise). */
enum b_code eng_linear_pack(struct eng_team *team, enum eng_linear_kind kind, struct eng_linear *linear,
                            struct b_err *err) B_MUST_CHECK;
/* Q4 or Q4_S8 from an AWQ layer of which the first n outputs and k inputs count. */
enum b_code eng_linear_awq(struct eng_team *team, const struct eng_awq *awq, size_t n, size_t k,
                           enum eng_linear_kind kind, struct eng_linear *out, struct b_err *err) B_MUST_CHECK;
void eng_linear_free(struct eng_linear *linear);
/* Bytes that one pass over the weights reads. */
uint64_t eng_linear_bytes(const struct eng_linear *linear);

/* What the rows of a pass are (large.h). */
enum eng_ops_use { ENG_OPS_STEP = 0, ENG_OPS_PROMPT, ENG_OPS_PICTURE };

/* Whether products of many rows go through oneDNN: where it is at least as fast, never, or wherever it can. */
enum eng_large_mode { ENG_LARGE_AUTO = 0, ENG_LARGE_NEVER, ENG_LARGE_ALWAYS };

/* Working memory of the layers of one session: activations of up to `rows` rows of up to `width` values. */
struct eng_large;
struct eng_ops {
    const struct eng_lm_kernels *kernels;
    struct eng_team *team;
    size_t rows, width;
    void *prepared; /* [rows] rows of activations in the form a kernel wants */
    float *scales;  /* [rows] */
    float *scratch; /* for each thread ENG_OPS_SCRATCH floats */
    float *beside;           /* for each thread a piece of all rows */
    uint8_t *spread;         /* for each thread a piece's sums of all rows and ENG_OPS_SPREAD bytes; or NULL */
    struct eng_large *large; /* NULL: all products are the kernels' */
    enum eng_ops_use use;
};
enum {
    ENG_OPS_ROWS = 96,
    ENG_OPS_OUTPUTS = 64,
    ENG_OPS_SPREAD = 2048 * ENG_OPS_OUTPUTS, /* weights of 2,048 inputs for many rows */
    ENG_OPS_SCRATCH = 4 * (ENG_LM_CHUNK + ENG_LM_PAD) + ENG_OPS_ROWS * ENG_OPS_OUTPUTS
};

/* Rows of packed layers are rounded up to whole panels. */
static inline size_t eng_linear_panel(enum eng_linear_kind kind)
{
    return kind == ENG_LINEAR_S8 ? ENG_LM_PANEL : ENG_LM_Q4_PANEL;
}
static inline size_t eng_linear_rows(enum eng_linear_kind kind, size_t n)
{
    const size_t panel = eng_linear_panel(kind);
    return (n + panel - 1) / panel * panel;
}

enum b_code eng_ops_new(const struct eng_lm_kernels *kernels, int threads, size_t rows, size_t width,
                        struct eng_ops *out, struct b_err *err) B_MUST_CHECK;
/* Lets products of many rows go through oneDNN. */
enum b_code eng_ops_enlarge(struct eng_ops *ops, enum eng_large_mode mode, struct b_err *err) B_MUST_CHECK;
void eng_ops_free(struct eng_ops *ops);

/* A layer with where its output goes: y[i] = or (add) += x[i] . w + bias, rows y_row floats apart. */
struct eng_linear_job {
    const struct eng_linear *linear;
    float *y;
    size_t y_row;
    bool add;
};
/* Runs layers of one kind and one k over the same m <= ops->rows rows x (x_row floats apart). */
void eng_linear_run(struct eng_ops *ops, const float *x, size_t x_row, size_t m, const struct eng_linear_job *jobs,
                    size_t n_jobs);
/* The same over rms(x) * gamma, row by row as eng_lm_kernels.rmsnorm makes them; norm NULL: over x. */
struct eng_linear_norm {
    const float *gamma; /* [k] */
    float eps;
};
void eng_linear_run_normed(struct eng_ops *ops, const struct eng_linear_norm *norm, const float *x, size_t x_row,
                           size_t m, const struct eng_linear_job *jobs, size_t n_jobs);
/* Two layers of as many outputs (ops->width at most): normed the same: gate->y = g / (1 + exp(-g)) * u, not
 * adding, piece by piece while both are near. */
void eng_linear_run_gated(struct eng_ops *ops, const struct eng_linear_norm *norm, const float *x, size_t x_row,
                          size_t m, const struct eng_linear_job *gate, const struct eng_linear *up);

#endif
