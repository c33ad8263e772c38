/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_KERNELS_KERNELS_PRIVATE_H
#define ENGINE_KERNELS_KERNELS_PRIVATE_H

#include "engine/kernels/kernels.h"

extern const struct eng_kernels eng_kernels_plain, eng_kernels_avx2, eng_kernels_avx512;

/* panels: [n padded to 2 panels][k][ENG_GEMM_PANEL], zeros beyond n; bias padded likewise. The pair lets a
 * 16-lane set work on two panels where an 8-lane set works on the halves of one. */
struct eng_gemm {
    size_t k, n, n_padded;
    float *panels, *bias;
};

/* first: c -> hidden, second: hidden -> out. */
struct eng_mlp {
    struct eng_gemm *first, *second;
    int residual;
};

/* Positions whose hidden channels are alive at a time (for 768 of them 144 KiB), and the most rows of a panel of
 * weights, 64 bytes each, that share the first-level cache with a tile's inputs. */
enum { MLP_PIXELS = 48, MLP_DEPTH = 256 };

/* Rows and columns of logits that `ctc` keeps at a time: 96 KiB, a fifth of a Zen 3 core's L2. */
enum { CTC_ROWS = 96, CTC_COLUMNS = 256, ATTENTION_QUERIES = 4 };

/* Columns of keys in attention's scratch: whole vectors of the widest set. */
static inline size_t eng_round16(size_t n)
{
    return (n + 15) / 16 * 16;
}

/* Plain twins. Kernels of a faster set may fall back to them. */
void eng_ref_relu(float *x, size_t n);
void eng_ref_gelu(float *x, size_t n);
void eng_ref_sigmoid(float *x, size_t n);
void eng_ref_swish(float *x, size_t n);
void eng_ref_hardswish(float *x, size_t n);
void eng_ref_hardsigmoid(float *x, size_t n, float alpha, float beta);
void eng_ref_tanh(float *x, size_t n);
void eng_ref_add(float *dst, const float *a, const float *b, size_t n);
void eng_ref_gru(const float *gx, const float *gh, size_t hidden, float *h);
void eng_ref_mean(const float *x, size_t blocks, size_t hw, size_t b, float *mean);
void eng_ref_scale(float *x, size_t blocks, size_t hw, size_t b, const float *s, int keep);
void eng_ref_upsample(const float *src, size_t blocks, size_t h, size_t w, size_t b, size_t factor, float *dst,
                      int accumulate);
void eng_ref_maxpool2(const float *src, size_t blocks, size_t h, size_t w, size_t b, float *dst);
void eng_ref_avgpool(const float *src, size_t blocks, size_t h, size_t w, size_t b, size_t kh, size_t kw, float *dst);
void eng_ref_to_blocked(const float *src, size_t c, size_t hw, size_t b, float *dst);
void eng_ref_to_plain(const float *src, size_t c, size_t hw, size_t b, float *dst);
void eng_ref_to_rows(const float *src, size_t c, size_t hw, size_t b, float *dst);
void eng_ref_from_rows(const float *src, size_t c, size_t hw, size_t b, float *dst);
void eng_ref_copy_channels(const float *src, size_t src_at, float *dst, size_t dst_at, size_t c, size_t hw, size_t b);
void eng_ref_shuffle2(const float *src, size_t c, size_t h, size_t w, size_t b, const float *bias, int relu,
                      float *dst);
void eng_ref_shuffle2_plain(const float *src, size_t h, size_t w, size_t b, float bias, int sigmoid, float *dst);
void eng_ref_matmul(const float *x, const float *w, const float *bias, size_t m, size_t k, size_t n, float *y);
void eng_ref_matvec(const float *w, const float *x, const float *bias, size_t rows, size_t width, float *y);
void eng_ref_excite(const float *mean, size_t c, size_t mid, const float *w1, const float *b1, const float *w2,
                    const float *b2, float alpha, float beta, float *hidden, float *scale);
void eng_ref_layernorm(const float *x, size_t rows, size_t width, const float *gamma, const float *beta, float eps,
                       float *y);
void eng_ref_softmax(float *x, size_t rows, size_t width);
size_t eng_ref_argmax(const float *x, size_t n, float *probability);
void eng_ref_tanh_score(const float *k, const float *q, const float *w, size_t positions, size_t width, float *score);
void eng_ref_attention(const float *qkv, size_t t, size_t heads, size_t d, float scale, float *scratch, float *out);
void eng_ref_gemm(const float *x, size_t m, const struct eng_gemm *w, enum eng_gemm_act act, int accumulate, float *y);
void eng_ref_mlp(const struct eng_mlp *m, const float *s, size_t begin, size_t end, size_t hw, size_t b,
                 const float *src, float *dst, float *scratch);
void eng_ref_ctc(const float *x, size_t t, const struct eng_gemm *w, float *scratch, int32_t *index,
                 float *probability);

#endif
