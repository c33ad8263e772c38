/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_KERNELS_LM_PRIVATE_H
#define ENGINE_KERNELS_LM_PRIVATE_H

#include "engine/kernels/lm.h"

extern const struct eng_lm_kernels eng_lm_plain, eng_lm_avx2, eng_lm_avx512, eng_lm_avx512_vnni, eng_lm_avx512_bf16;

/* Plain twins. */
void eng_lm_ref_split(const float *x, size_t k, float *out);
void eng_lm_ref_round_bf16(const float *x, size_t k, uint16_t *out);
float eng_lm_ref_quantise(const float *x, size_t k, uint8_t *out);
void eng_lm_ref_widen_bf16(const uint16_t *w, size_t k, float *out);
void eng_lm_ref_narrow_f16(const float *x, size_t n, uint16_t *out);
void eng_lm_ref_widen_f16(const uint16_t *w, size_t k, float *out);
void eng_lm_ref_widen_q4(const uint8_t *w, size_t row, size_t w_row, size_t k, float *out);
void eng_lm_ref_dot_f32(const struct eng_lm_shape *s, const float *x, const float *w, float *y);
void eng_lm_ref_dot_bf16(const struct eng_lm_shape *s, const float *x, const uint16_t *w, float *y);
void eng_lm_ref_dot_bf16_bf16(const struct eng_lm_shape *s, const uint16_t *x, const uint16_t *w, float *y);
void eng_lm_ref_dot_s8(const struct eng_lm_shape *s, const uint8_t *x, const int8_t *w, int32_t *y);
void eng_lm_ref_spread_s8(const int8_t *panels, size_t w_row, size_t n, size_t k, int8_t *out);
void eng_lm_ref_many_s8(const struct eng_lm_many *p);
void eng_lm_ref_dot_q4(const struct eng_lm_shape *s, const uint8_t *x, const uint8_t *w, float *y);
float eng_lm_ref_pack_s8(const float *w, size_t k, int8_t *out, int32_t *sum);
void eng_lm_ref_pack_q4(const float *w, size_t k, const struct eng_lm_q4_row *out);
void eng_lm_ref_rmsnorm(const float *x, size_t rows, size_t width, const float *gamma, float eps, float *y);
void eng_lm_ref_rotate(float *x, size_t heads, size_t d, const float *cosine, const float *sine);
void eng_lm_ref_silu_mul(float *gate, const float *up, size_t n);
void eng_lm_ref_add(float *x, const float *y, size_t n);
void eng_lm_ref_attend(const struct eng_lm_attention *a);
void eng_lm_ref_round_keys(const float *x, size_t x_row, size_t n, size_t d, uint16_t *keys);
void eng_lm_ref_round_values(const float *x, size_t x_row, size_t n, size_t d, uint16_t *values);
void eng_lm_ref_attend_rounded(const struct eng_lm_attention_rounded *a);
void eng_lm_ref_finish_s8(const struct eng_lm_finish *f, const int32_t *sums);
void eng_lm_ref_finish_q4(const struct eng_lm_finish *f, const float *sums);
size_t eng_lm_ref_argmax(const float *x, size_t n);

#endif
