/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_KERNELS_KERNELS_H
#define ENGINE_KERNELS_KERNELS_H

#include <stddef.h>

/* What oneDNN does badly or not at all, fp32, single-threaded, results independent of threads. One body
 * (kernels_body.h) is compiled for each instruction set; the plain build is the twin that tests hold the
 * others against. "Blocked" is oneDNN's nChw8c / nChw16c with batch 1: [channels/b][height*width][b],
 * channels padded with zeros to a multiple of b. */

enum eng_isa { ENG_ISA_PLAIN, ENG_ISA_AVX2, ENG_ISA_AVX512, ENG_ISA_COUNT };

struct eng_kernels {
    enum eng_isa isa;
    const char *name;
    /* In place over n floats. gelu: x/2 (1 + erf(x/sqrt 2)), absolute error of erf below 2e-7. */
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
};

/* The best set this processor runs; chosen once per call, cheap. */
const struct eng_kernels *eng_kernels_best(void);
/* The set for one instruction set, or NULL when the processor lacks it: for tests and benchmarks. */
const struct eng_kernels *eng_kernels_for(enum eng_isa isa);

#endif
