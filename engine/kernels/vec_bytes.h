/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_KERNELS_VEC_BYTES_H
#define ENGINE_KERNELS_VEC_BYTES_H

/* Products in whole numbers over panels of weights (lm.h): memory is read in one run, and a panel's part of BYTES_CHUNK
 * inputs stays in the first-level cache while all rows of activations pass by. A tile is ROWS_WIDE rows of a panel (half
 * of one with the 16 registers of AVX2) by up to three rows of activations. */

#include "engine/kernels/lm_private.h"
#include "engine/kernels/vec.h"
#include "engine/kernels/vec_sums.h"

enum { BYTES_CHUNK = 2048 };
#if defined(__AVX512F__)
enum { ROWS_WIDE = 8 };
#else
enum { ROWS_WIDE = 4 };
#endif

/* Integers: `vi` is one vector of 32-bit sums, BYTES how many bytes of a row one step takes. */
#if defined(__AVX512F__)
#define BYTES ((size_t)64)
V_INLINE vi i_zero(void)
{
    return _mm512_setzero_si512();
}
V_INLINE vi i_load(const void *p)
{
    return _mm512_loadu_si512(p);
}
V_INLINE void i_store(void *p, vi a)
{
    _mm512_storeu_si512(p, a);
}
V_INLINE vf i_float(vi a)
{
    return _mm512_cvtepi32_ps(a);
}
/* sum - 128 shift. */
V_INLINE vi i_less_128(vi sum, vf shift)
{
    return _mm512_sub_epi32(sum, _mm512_slli_epi32(_mm512_cvttps_epi32(shift), 7));
}
V_INLINE vi i_sub8(vi a, vi b)
{
    return _mm512_sub_epi8(a, b);
}
V_INLINE vi i_and(vi a, vi b)
{
    return _mm512_and_si512(a, b);
}
V_INLINE vi i_set8(int x)
{
    return _mm512_set1_epi8((char)x);
}
V_INLINE vi i_high4(vi a)
{
    return _mm512_and_si512(_mm512_srli_epi16(a, 4), _mm512_set1_epi8(15));
}
#if defined(__AVX512VNNI__)
V_INLINE vi i_dot(vi acc, vi u8, vi s8)
{
    return _mm512_dpbusd_epi32(acc, u8, s8);
}
#else
/* Exact: bytes are widened to 16 bits, of which no product leaves 32. */
V_INLINE vi i_dot(vi acc, vi u8, vi s8)
{
    __m512i xl = _mm512_unpacklo_epi8(u8, i_zero()), xh = _mm512_unpackhi_epi8(u8, i_zero());
    __m512i wl = _mm512_srai_epi16(_mm512_unpacklo_epi8(i_zero(), s8), 8);
    __m512i wh = _mm512_srai_epi16(_mm512_unpackhi_epi8(i_zero(), s8), 8);
    return _mm512_add_epi32(acc, _mm512_add_epi32(_mm512_madd_epi16(xl, wl), _mm512_madd_epi16(xh, wh)));
}
#endif
#else
#define BYTES ((size_t)32)
V_INLINE vi i_zero(void)
{
    return _mm256_setzero_si256();
}
V_INLINE vi i_load(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}
V_INLINE void i_store(void *p, vi a)
{
    _mm256_storeu_si256((__m256i *)p, a);
}
V_INLINE vf i_float(vi a)
{
    return _mm256_cvtepi32_ps(a);
}
V_INLINE vi i_less_128(vi sum, vf shift)
{
    return _mm256_sub_epi32(sum, _mm256_slli_epi32(_mm256_cvttps_epi32(shift), 7));
}
V_INLINE vi i_sub8(vi a, vi b)
{
    return _mm256_sub_epi8(a, b);
}
V_INLINE vi i_and(vi a, vi b)
{
    return _mm256_and_si256(a, b);
}
V_INLINE vi i_set8(int x)
{
    return _mm256_set1_epi8((char)x);
}
V_INLINE vi i_high4(vi a)
{
    return _mm256_and_si256(_mm256_srli_epi16(a, 4), _mm256_set1_epi8(15));
}
V_INLINE vi i_dot(vi acc, vi u8, vi s8)
{
    __m256i xl = _mm256_unpacklo_epi8(u8, i_zero()), xh = _mm256_unpackhi_epi8(u8, i_zero());
    __m256i wl = _mm256_srai_epi16(_mm256_unpacklo_epi8(i_zero(), s8), 8);
    __m256i wh = _mm256_srai_epi16(_mm256_unpackhi_epi8(i_zero(), s8), 8);
    return _mm256_add_epi32(acc, _mm256_add_epi32(_mm256_madd_epi16(xl, wl), _mm256_madd_epi16(xh, wh)));
}
#endif

/* Inputs of a chunk for `rows` rows of a panel, which is given from the first of them on. The sums are whole numbers in
 * the type of floats: of integers GCC 12 stores every sum in every step. */
V_INLINE void s8_sums(const size_t rows, const size_t columns, size_t k, size_t x_row, const uint8_t *x,
                      const int8_t *w, vf acc[3][8])
{
#pragma GCC unroll 8
    for (size_t j = 0; j < 8; j++)
#pragma GCC unroll 8
        for (size_t i = 0; i < columns; i++)
            acc[i][j] = v_zero();
    for (size_t c = 0; c < k; c += BYTES) {
        vi xv[3];
#pragma GCC unroll 8
        for (size_t i = 0; i < columns; i++)
            xv[i] = i_load(x + i * x_row + c);
#pragma GCC unroll 8
        for (size_t j = 0; j < rows; j++) {
            vi wv = i_load(w + j * ENG_LM_BLOCK);
            HOLD(wv);
#pragma GCC unroll 8
            for (size_t i = 0; i < columns; i++)
                acc[i][j] = v_of_bits(i_dot(v_bits(acc[i][j]), xv[i], wv));
        }
        w += (c + BYTES) % ENG_LM_BLOCK ? BYTES : (ENG_LM_PANEL - 1) * ENG_LM_BLOCK + BYTES;
    }
}

V_INLINE void s8_store(int32_t *to, __m256i sums, size_t valid, int add)
{
    v8f all = _mm256_castsi256_ps(sums);
    if (add)
        all = _mm256_castsi256_ps(_mm256_add_epi32(sums, _mm256_castps_si256(load8((const float *)(void *)to, valid))));
    store8((float *)(void *)to, all, valid);
}

/* All rows of activations against a chunk of a panel of which `valid` rows count. */
V_INLINE void s8_tile(const size_t columns, const struct eng_lm_shape *s, size_t k, const uint8_t *x, const int8_t *w,
                      int32_t *y, size_t valid, int add)
{
    vf acc[3][8];
    if (columns == 1 || ROWS_WIDE == 8) {
        s8_sums(8, columns, k, s->x_row, x, w, acc);
    } else {
        vf low[3][8];
        s8_sums(4, columns, k, s->x_row, x, w, low);
        s8_sums(4, columns, k, s->x_row, x, w + 4 * ENG_LM_BLOCK, acc);
#pragma GCC unroll 8
        for (size_t i = 0; i < columns; i++)
#pragma GCC unroll 8
            for (size_t j = 0; j < 4; j++) {
                acc[i][4 + j] = acc[i][j];
                acc[i][j] = low[i][j];
            }
    }
#pragma GCC unroll 8
    for (size_t i = 0; i < columns; i++)
        s8_store(y + i * s->y_row, i_sum8(acc[i]), valid, add);
}

static void dot_s8(const struct eng_lm_shape *s, const uint8_t *x, const int8_t *w, int32_t *y)
{
    const size_t chunk = s->m == 1 ? eng_lm_padded(s->k) : BYTES_CHUNK;
    for (size_t j = 0; j < s->n; j += ENG_LM_PANEL, w += ENG_LM_PANEL * s->w_row) {
        const size_t valid = s->n - j < ENG_LM_PANEL ? s->n - j : ENG_LM_PANEL;
        for (size_t at = 0; at < eng_lm_padded(s->k); at += chunk) {
            const size_t left = eng_lm_padded(s->k) - at, k = left < chunk ? left : chunk;
            for (size_t i = 0; i < s->m; i += 3) {
                const uint8_t *xi = x + i * s->x_row + at;
                const int8_t *wi = w + at * ENG_LM_PANEL;
                int32_t *yi = y + i * s->y_row + j;
                if (s->m - i == 1)
                    s8_tile(1, s, k, xi, wi, yi, valid, at > 0);
                else if (s->m - i == 2)
                    s8_tile(2, s, k, xi, wi, yi, valid, at > 0);
                else
                    s8_tile(3, s, k, xi, wi, yi, valid, at > 0);
            }
        }
    }
}

V_INLINE void finish_part(const struct eng_lm_finish *f, size_t j, size_t n, vf part)
{
    vf start = f->add ? v_load_n(f->y + j, n) : v_zero();
    if (f->bias)
        start = v_add(start, v_load_n(f->bias + j, n));
    v_store_n(f->y + j, v_add(start, part), n);
}

V_INLINE void finish_whole(const struct eng_lm_finish *f, size_t j, vi sum)
{
    size_t n = f->n - j < V ? f->n - j : V;
    vf whole = i_float(i_less_128(sum, v_load_n(f->shift + j, n)));
    finish_part(f, j, n, v_mul(v_mul(whole, v_load_n(f->scale + j, n)), v_set(f->share)));
}

static void finish_s8(const struct eng_lm_finish *f, const int32_t *sums)
{
    for (size_t j = 0; j < f->n; j += V)
        finish_whole(f, j, v_bits(v_load_n((const float *)(const void *)(sums + j), f->n - j < V ? f->n - j : V)));
}

static void finish_q4(const struct eng_lm_finish *f, const float *sums)
{
    for (size_t j = 0; j < f->n; j += V) {
        size_t n = f->n - j < V ? f->n - j : V;
        finish_part(f, j, n, v_mul(v_sub(v_load_n(sums + j, n), v_load_n(f->shift + j, n)), v_set(f->share)));
    }
}

#endif
