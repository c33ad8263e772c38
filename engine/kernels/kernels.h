/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_KERNELS_KERNELS_H
#define ENGINE_KERNELS_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

/* What oneDNN does badly or not at all, in fp32. Every function is single-threaded, keeps no state and allocates
 * nothing, so any thread may call it and no result depends on the number of threads. The caller has checked
 * sizes: they are not repeated here. Pointers need the alignment of a float only; a destination does not overlap
 * a source unless a comment says so.
 *
 * Every instruction set has the whole table. The plain set is written with libm and without tricks: it is the
 * twin that the others are tested against (tests/unit/test_kernels.c names the bounds) and what runs on
 * processors without AVX2.
 *
 * "Blocked" is oneDNN's nChw8c / nChw16c with batch 1: [blocks][height*width][b], b = 8 or 16; channels are
 * padded with zeros to a multiple of b. hw = height * width. */

enum eng_isa { ENG_ISA_PLAIN, ENG_ISA_AVX2, ENG_ISA_AVX512, ENG_ISA_COUNT };

/* Weights of a product x[m][k] . w[k][n] + bias, in panels of ENG_GEMM_PANEL columns; the format is the same for
 * all instruction sets. Immutable after eng_gemm_new: shared by any number of threads. */
struct eng_gemm;
enum { ENG_GEMM_PANEL = 16, ENG_GEMM_MAX = 1 << 20 }; /* largest k and n */

enum eng_gemm_act { ENG_GEMM_LINEAR, ENG_GEMM_RELU, ENG_GEMM_SWISH, ENG_GEMM_GELU };

/* Copies w[k][n] (rows `stride` >= n floats apart) and bias[n] (NULL: zeros). */
enum b_code eng_gemm_new(const float *w, size_t k, size_t n, size_t stride, const float *bias, struct eng_gemm **out,
                         struct b_err *err) B_MUST_CHECK;
void eng_gemm_drop(struct eng_gemm *gemm);
size_t eng_gemm_k(const struct eng_gemm *gemm);
size_t eng_gemm_n(const struct eng_gemm *gemm);

/* Weights of a block of two 1x1 convolutions, w2 . gelu(w1 . x + b1) + b2 (+ x if residual): w1 [hidden][c] and
 * w2 [out][hidden] as ONNX keeps them; all three multiples of 16, at most ENG_MLP_MAX; out = c if residual. NULL
 * biases are zeros. Shared like eng_gemm. */
struct eng_mlp;
enum { ENG_MLP_MAX = 4096 };
struct eng_mlp_shape {
    size_t c, hidden, out;
    int residual;
};
enum b_code eng_mlp_new(const float *w1, const float *b1, const float *w2, const float *b2,
                        const struct eng_mlp_shape *shape, struct eng_mlp **out, struct b_err *err) B_MUST_CHECK;
void eng_mlp_drop(struct eng_mlp *mlp);
size_t eng_mlp_scratch(const struct eng_mlp *mlp); /* floats, for each thread */

/* Floats of scratch that `ctc` and `attention` need. */
enum { ENG_CTC_SCRATCH = 96 * 256 };
size_t eng_attention_scratch(size_t t, size_t d);
enum { ENG_ATTENTION_MAX_D = 64 }; /* widest head */

struct eng_kernels {
    enum eng_isa isa;
    const char *name;
    /* In place over n floats. gelu: x/2 (1 + erf(x/sqrt 2)), absolute error of erf below 1e-6. */
    void (*relu)(float *x, size_t n);
    void (*gelu)(float *x, size_t n);
    void (*sigmoid)(float *x, size_t n);
    void (*swish)(float *x, size_t n);
    void (*hardswish)(float *x, size_t n);
    void (*hardsigmoid)(float *x, size_t n, float alpha, float beta);
    void (*tanh)(float *x, size_t n);
    /* dst[i] = a[i] + b[i]; dst may be a or b. */
    void (*add)(float *dst, const float *a, const float *b, size_t n);
    /* mean[c] over hw positions of a blocked map with `blocks` blocks of b channels. */
    void (*mean)(const float *x, size_t blocks, size_t hw, size_t b, float *mean);
    /* Blocked x[c] *= s[c]; with `keep` x[c] += x[c] * s[c] (residual squeeze-and-excite). */
    void (*scale)(float *x, size_t blocks, size_t hw, size_t b, const float *s, int keep);
    /* dst[w*factor] = or += src, nearest, blocked; h and w of src. */
    void (*upsample)(const float *src, size_t blocks, size_t h, size_t w, size_t b, size_t factor, float *dst,
                     int accumulate);
    /* 2x2 maximum, stride 1, padded right and below (SAME_UPPER). */
    void (*maxpool2)(const float *src, size_t blocks, size_t h, size_t w, size_t b, float *dst);
    /* Mean over kh x kw windows that do not overlap; rows and columns that do not fill one are left out. */
    void (*avgpool)(const float *src, size_t blocks, size_t h, size_t w, size_t b, size_t kh, size_t kw, float *dst);
    /* y[m][n] = x[m][k] . w[k][n] + bias[n] (bias may be NULL), row-major, for small m. */
    void (*matmul)(const float *x, const float *w, const float *bias, size_t m, size_t k, size_t n, float *y);
    /* y[row] = (x - mean) / sqrt(var + eps) * gamma + beta over rows of `width`. */
    void (*layernorm)(const float *x, size_t rows, size_t width, const float *gamma, const float *beta, float eps,
                      float *y);
    /* Softmax over each row, in place. */
    void (*softmax)(float *x, size_t rows, size_t width);
    /* Index of the largest of n values (lowest index on ties) and its softmax probability. */
    size_t (*argmax)(const float *x, size_t n, float *probability);
    /* Table decoder: score[p] = sum_j tanh(k[p][j] + q[j]) * w[j] for p < positions, j < width. */
    void (*tanh_score)(const float *k, const float *q, const float *w, size_t positions, size_t width, float *score);

    /* Squeeze-and-excite from the mean on: scale[c] = clamp(alpha z[c] + beta, 0, 1) with
     * z = relu(mean . w1 + b1) . w2 + b2; w1 [c][mid], w2 [mid][c]; hidden: room for mid floats. */
    void (*excite)(const float *mean, size_t c, size_t mid, const float *w1, const float *b1, const float *w2,
                   const float *b2, float alpha, float beta, float *hidden, float *scale);
    /* NCHW [c][hw] -> blocked (pads with zeros) and back. */
    void (*to_blocked)(const float *src, size_t c, size_t hw, size_t b, float *dst);
    void (*to_plain)(const float *src, size_t c, size_t hw, size_t b, float *dst);
    /* Blocked <-> rows of channels [hw][c], the input of the products. */
    void (*to_rows)(const float *src, size_t c, size_t hw, size_t b, float *dst);
    void (*from_rows)(const float *src, size_t c, size_t hw, size_t b, float *dst);
    /* Channels src_at..src_at+c of one blocked map -> channels dst_at.. of another of equal hw; the other
     * channels of dst keep what they have. For Concat and Split. */
    void (*copy_channels)(const float *src, size_t src_at, float *dst, size_t dst_at, size_t c, size_t hw, size_t b);
    /* 2x2 stride 2 transposed convolution's second half: src is the blocked output [4c][h][w] of a 1x1
     * convolution with channel (dy*2 + dx)*c + ch; dst blocked [c][2h][2w] = src + bias[ch] (NULL: none), then
     * relu if asked. Padding channels of dst become 0. */
    void (*shuffle2)(const float *src, size_t c, size_t h, size_t w, size_t b, const float *bias, int relu,
                     float *dst);
    /* The same for c = 1 into a plain map [2h][2w], then sigmoid if asked. */
    void (*shuffle2_plain)(const float *src, size_t h, size_t w, size_t b, float bias, int sigmoid, float *dst);
    /* qkv [t][3][heads][d] -> out [t][heads][d]: softmax(scale q.k) v, no mask; d <= ENG_ATTENTION_MAX_D;
     * scratch: eng_attention_scratch(t, d) floats. */
    void (*attention)(const float *qkv, size_t t, size_t heads, size_t d, float scale, float *scratch, float *out);
    /* y[m][n] = or (accumulate) += act(x[m][k] . w + bias), row-major without gaps. */
    void (*gemm)(const float *x, size_t m, const struct eng_gemm *w, enum eng_gemm_act act, int accumulate, float *y);
    /* CTC head: for each row of x[t][k] the index of the largest logit of x . w + bias (lowest index on ties)
     * and its softmax probability; logits are never stored. scratch: ENG_CTC_SCRATCH floats. */
    void (*ctc)(const float *x, size_t t, const struct eng_gemm *w, float *scratch, int32_t *index, float *probability);
    /* The block at positions begin..end of blocked maps of hw positions: t = src s (s NULL: 1; s is what
     * squeeze-and-excite gave), dst = (t +) w2 . gelu(w1 . t + b1) + b2. With residual dst may be src. A
     * position's result depends on nothing but its own channels. Measured on Zen 3 against oneDNN's two
     * convolutions with post-ops, one thread: 1.03 (384 channels) to 1.2 times as fast (48 channels). */
    void (*mlp)(const struct eng_mlp *m, const float *s, size_t begin, size_t end, size_t hw, size_t b,
                const float *src, float *dst, float *scratch);
    /* GRU cell, gates in the order reset, update, candidate: gx = Wx x + bx, gh = Wh h + bh [3*hidden] each;
     * h' = (h - n) z + n in place, n = tanh(gx_n + r gh_n). */
    void (*gru)(const float *gx, const float *gh, size_t hidden, float *h);
    /* y[r] = w[r] . x + bias[r] for weights kept by output row, w [rows][width]; bias may be NULL. */
    void (*matvec)(const float *w, const float *x, const float *bias, size_t rows, size_t width, float *y);
};

/* The best set this processor runs; chosen once per call, cheap. */
const struct eng_kernels *eng_kernels_best(void);
/* The set for one instruction set, or NULL when the processor lacks it: for tests and benchmarks. */
const struct eng_kernels *eng_kernels_for(enum eng_isa isa);

#endif
