/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_KERNELS_VEC_DOT_H
#define ENGINE_KERNELS_VEC_DOT_H

/* Products of rows with rows. A tile is DOT_ROWS weights' rows by up to DOT_COLUMNS rows of activations; each output is
 * one vector of partial sums that walks the inputs in order and is added up at the end, in whatever tile it is.
 * Weights' rows are far apart in memory, which the processor does not foresee: four rows on is fetched while a row is
 * worked on, into the second-level cache, since rows of 4 KiB crowd out one another in the first. Measured on Zen 4
 * over memory with one row of activations and K = 2048: 16 GB/s with tiles of four rows and the first level, 28 with
 * eight rows and the second, 38 for plain reading. */

#include "engine/kernels/lm_private.h"
#include "engine/kernels/vec.h"

#if defined(__AVX512F__)
#define DOT_COLUMNS ((size_t)6)
#else
#define DOT_COLUMNS ((size_t)3)
#endif
#define DOT_ROWS ((size_t)4)
#define DOT_ALONE ((size_t)8)

/* FUNCTION(rows, columns, x, w, y) for all tiles of the shape. */
#define DOT_COLUMN_CASE(FUNCTION, rows, count)                                                                         \
    case count:                                                                                                        \
        FUNCTION(rows, count, s, x + i * s->x_row, w + j * s->w_row, y + i * s->y_row + j);                            \
        break;
#if defined(__AVX512F__)
#define DOT_SWITCH(FUNCTION, rows)                                                                                     \
    switch (left < DOT_COLUMNS ? left : DOT_COLUMNS) {                                                                 \
        DOT_COLUMN_CASE(FUNCTION, rows, 1)                                                                             \
        DOT_COLUMN_CASE(FUNCTION, rows, 2)                                                                             \
        DOT_COLUMN_CASE(FUNCTION, rows, 3)                                                                             \
        DOT_COLUMN_CASE(FUNCTION, rows, 4)                                                                             \
        DOT_COLUMN_CASE(FUNCTION, rows, 5)                                                                             \
    default:                                                                                                           \
        FUNCTION(rows, 6, s, x + i * s->x_row, w + j * s->w_row, y + i * s->y_row + j);                                \
    }
#else
#define DOT_SWITCH(FUNCTION, rows)                                                                                     \
    switch (left < DOT_COLUMNS ? left : DOT_COLUMNS) {                                                                 \
        DOT_COLUMN_CASE(FUNCTION, rows, 1)                                                                             \
        DOT_COLUMN_CASE(FUNCTION, rows, 2)                                                                             \
    default:                                                                                                           \
        FUNCTION(rows, 3, s, x + i * s->x_row, w + j * s->w_row, y + i * s->y_row + j);                                \
    }
#endif
#define DOT_TILES(FUNCTION)                                                                                            \
    size_t j = 0;                                                                                                      \
    for (; s->m == 1 && j + DOT_ALONE <= s->n; j += DOT_ALONE)                                                         \
        FUNCTION(8, 1, s, x, w + j * s->w_row, y + j);                                                                 \
    for (; j + DOT_ROWS <= s->n; j += DOT_ROWS)                                                                        \
        for (size_t i = 0; i < s->m; i += DOT_COLUMNS) {                                                               \
            size_t left = s->m - i;                                                                                    \
            DOT_SWITCH(FUNCTION, 4)                                                                                    \
        }                                                                                                              \
    for (; j < s->n; j++)                                                                                              \
        for (size_t i = 0; i < s->m; i += DOT_COLUMNS) {                                                               \
            size_t left = s->m - i;                                                                                    \
            DOT_SWITCH(FUNCTION, 1)                                                                                    \
        }

V_INLINE void fetch(const void *p)
{
    _mm_prefetch((const char *)p, _MM_HINT_T1);
}

V_INLINE void f32_tile(const size_t rows, const size_t columns, const struct eng_lm_shape *s, const float *x,
                       const float *w, float *y)
{
    vf acc[8][6];
    size_t k = eng_lm_padded(s->k);
#pragma GCC unroll 8
    for (size_t j = 0; j < rows; j++)
#pragma GCC unroll 8
        for (size_t i = 0; i < columns; i++)
            acc[j][i] = v_zero();
    for (size_t c = 0; c < k; c += V) {
        vf xv[6];
#pragma GCC unroll 8
        for (size_t i = 0; i < columns; i++)
            xv[i] = v_load(x + i * s->x_row + c);
#pragma GCC unroll 8
        for (size_t j = 0; j < rows; j++) {
            vf wv = v_load(w + j * s->w_row + c);
#pragma GCC unroll 8
            for (size_t i = 0; i < columns; i++)
                acc[j][i] = v_fma(xv[i], wv, acc[j][i]);
        }
    }
#pragma GCC unroll 8
    for (size_t i = 0; i < columns; i++)
#pragma GCC unroll 8
        for (size_t j = 0; j < rows; j++)
            y[i * s->y_row + j] += v_sum(acc[j][i]);
}

static void dot_f32(const struct eng_lm_shape *s, const float *x, const float *w, float *y){DOT_TILES(f32_tile)}

/* Even and odd elements of 2V bfloat16 as floats. */
#if defined(__AVX512F__)
V_INLINE void bf16_pair(const uint16_t *w, vf *even, vf *odd)
{
    __m512i both = _mm512_loadu_si512(w);
    *even = _mm512_castsi512_ps(_mm512_slli_epi32(both, 16));
    *odd = _mm512_castsi512_ps(_mm512_and_si512(both, _mm512_set1_epi32((int)0xFFFF0000U)));
}
#else
V_INLINE void bf16_pair(const uint16_t *w, vf *even, vf *odd)
{
    __m256i both = _mm256_loadu_si256((const __m256i *)(const void *)w);
    *even = _mm256_castsi256_ps(_mm256_slli_epi32(both, 16));
    *odd = _mm256_castsi256_ps(_mm256_and_si256(both, _mm256_set1_epi32((int)0xFFFF0000U)));
}
#endif

V_INLINE void bf16_tile(const size_t rows, const size_t columns, const struct eng_lm_shape *s, const float *x,
                        const uint16_t *w, float *y)
{
    vf acc[8][6];
#pragma GCC unroll 8
    for (size_t j = 0; j < rows; j++)
#pragma GCC unroll 8
        for (size_t i = 0; i < columns; i++)
            acc[j][i] = v_zero();
    for (size_t c = 0; c < s->k; c += 32) {
#pragma GCC unroll 8
        for (size_t j = 0; j < rows; j++) {
            const uint16_t *row = w + j * s->w_row + c;
            vf even, odd;
            fetch(row + 4 * s->w_row);
            /* the order of f32_tile over a widened row: all 16 even ones, then all odd ones */
            if (V == 16) {
                bf16_pair(row, &even, &odd);
#pragma GCC unroll 8
                for (size_t i = 0; i < columns; i++)
                    acc[j][i] = v_fma(v_load(x + i * s->x_row + c), even, acc[j][i]);
#pragma GCC unroll 8
                for (size_t i = 0; i < columns; i++)
                    acc[j][i] = v_fma(v_load(x + i * s->x_row + c + 16), odd, acc[j][i]);
            } else {
                vf even2, odd2;
                bf16_pair(row, &even, &odd);
                bf16_pair(row + 16, &even2, &odd2);
#pragma GCC unroll 8
                for (size_t i = 0; i < columns; i++) {
                    const float *p = x + i * s->x_row + c;
                    acc[j][i] = v_fma(v_load(p), even, acc[j][i]);
                    acc[j][i] = v_fma(v_load(p + 8), even2, acc[j][i]);
                    acc[j][i] = v_fma(v_load(p + 16), odd, acc[j][i]);
                    acc[j][i] = v_fma(v_load(p + 24), odd2, acc[j][i]);
                }
            }
        }
    }
#pragma GCC unroll 8
    for (size_t i = 0; i < columns; i++)
#pragma GCC unroll 8
        for (size_t j = 0; j < rows; j++)
            y[i * s->y_row + j] += v_sum(acc[j][i]);
}

static void dot_bf16(const struct eng_lm_shape *s, const float *x, const uint16_t *w, float *y){DOT_TILES(bf16_tile)}

#if defined(__AVX512BF16__)
V_INLINE __m512bh bf16_load(const uint16_t *p)
{
    return (__m512bh)_mm512_loadu_si512(p);
}

V_INLINE void bb_tile(const size_t rows, const size_t columns, const struct eng_lm_shape *s, const uint16_t *x,
                      const uint16_t *w, float *y)
{
    vf acc[8][6];
#pragma GCC unroll 8
    for (size_t j = 0; j < rows; j++)
#pragma GCC unroll 8
        for (size_t i = 0; i < columns; i++)
            acc[j][i] = v_zero();
    for (size_t c = 0; c < s->k; c += 32) {
        __m512bh wv[8];
#pragma GCC unroll 8
        for (size_t j = 0; j < rows; j++) {
            wv[j] = bf16_load(w + j * s->w_row + c);
            fetch(w + (j + 4) * s->w_row + c);
        }
#pragma GCC unroll 8
        for (size_t i = 0; i < columns; i++) {
            __m512bh xv = bf16_load(x + i * s->x_row + c);
#pragma GCC unroll 8
            for (size_t j = 0; j < rows; j++)
                acc[j][i] = _mm512_dpbf16_ps(acc[j][i], xv, wv[j]);
        }
    }
#pragma GCC unroll 8
    for (size_t i = 0; i < columns; i++)
#pragma GCC unroll 8
        for (size_t j = 0; j < rows; j++)
            y[i * s->y_row + j] += v_sum(acc[j][i]);
}

static void dot_bf16_bf16(const struct eng_lm_shape *s, const uint16_t *x, const uint16_t *w, float *y)
{
    DOT_TILES(bb_tile)
}
#endif

/* Integers: `vi` is one vector of 32-bit sums, BYTES how many bytes of a row one step takes. */
#if defined(__AVX512F__)
typedef __m512i vi;
#define BYTES ((size_t)64)
V_INLINE vi i_zero(void)
{
    return _mm512_setzero_si512();
}
V_INLINE vi i_load(const void *p)
{
    return _mm512_loadu_si512(p);
}
V_INLINE int32_t i_sum(vi a)
{
    return _mm512_reduce_add_epi32(a);
}
V_INLINE vf i_float(vi a)
{
    return _mm512_cvtepi32_ps(a);
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
typedef __m256i vi;
#define BYTES ((size_t)32)
V_INLINE vi i_zero(void)
{
    return _mm256_setzero_si256();
}
V_INLINE vi i_load(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}
V_INLINE int32_t i_sum(vi a)
{
    __m128i q = _mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    q = _mm_add_epi32(q, _mm_shuffle_epi32(q, 0x4E));
    return _mm_cvtsi128_si32(_mm_add_epi32(q, _mm_shuffle_epi32(q, 0xB1)));
}
V_INLINE vf i_float(vi a)
{
    return _mm256_cvtepi32_ps(a);
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

V_INLINE void s8_tile(const size_t rows, const size_t columns, const struct eng_lm_shape *s, const uint8_t *x,
                      const int8_t *w, int32_t *y)
{
    vi acc[8][6];
    size_t k = eng_lm_padded(s->k);
#pragma GCC unroll 8
    for (size_t j = 0; j < rows; j++)
#pragma GCC unroll 8
        for (size_t i = 0; i < columns; i++)
            acc[j][i] = i_zero();
    for (size_t c = 0; c < k; c += BYTES) {
        vi wv[8];
#pragma GCC unroll 8
        for (size_t j = 0; j < rows; j++) {
            wv[j] = i_load(w + j * s->w_row + c);
            fetch(w + (j + 4) * s->w_row + c);
        }
#pragma GCC unroll 8
        for (size_t i = 0; i < columns; i++) {
            vi xv = i_load(x + i * s->x_row + c);
#pragma GCC unroll 8
            for (size_t j = 0; j < rows; j++)
                acc[j][i] = i_dot(acc[j][i], xv, wv[j]);
        }
    }
#pragma GCC unroll 8
    for (size_t i = 0; i < columns; i++)
#pragma GCC unroll 8
        for (size_t j = 0; j < rows; j++)
            y[i * s->y_row + j] = i_sum(acc[j][i]);
}

static void dot_s8(const struct eng_lm_shape *s, const uint8_t *x, const int8_t *w, int32_t *y){DOT_TILES(s8_tile)}

/* One row of 4-bit weights with up to DOT_COLUMNS rows of activations. */
V_INLINE void q4_row(const size_t columns, const struct eng_lm_shape *s, const uint8_t *x, const struct eng_lm_q4 *w,
                     size_t j, float *y)
{
    const uint8_t *q = w->q + j * s->w_row;
    vf acc[6];
#pragma GCC unroll 8
    for (size_t i = 0; i < columns; i++)
        acc[i] = v_zero();
    for (size_t g = 0; g < s->k / ENG_LM_GROUP; g++) {
        vi zero = i_set8(w->zero[j * w->groups + g]);
        vf scale = v_set(w->scale[j * w->groups + g]);
        vi part[6];
#pragma GCC unroll 8
        for (size_t i = 0; i < columns; i++)
            part[i] = i_zero();
#pragma GCC unroll 8
        for (size_t c = 0; c < 64; c += BYTES) {
            vi both = i_load(q + g * 64 + c);
            vi low = i_sub8(i_and(both, i_set8(15)), zero), high = i_sub8(i_high4(both), zero);
#pragma GCC unroll 8
            for (size_t i = 0; i < columns; i++) {
                const uint8_t *p = x + i * s->x_row + g * ENG_LM_GROUP + c;
                part[i] = i_dot(i_dot(part[i], i_load(p), low), i_load(p + 64), high);
            }
        }
#pragma GCC unroll 8
        for (size_t i = 0; i < columns; i++)
            acc[i] = v_fma(i_float(part[i]), scale, acc[i]);
    }
#pragma GCC unroll 8
    for (size_t i = 0; i < columns; i++)
        y[i * s->y_row + j] = v_sum(acc[i]);
}

static void dot_q4(const struct eng_lm_shape *s, const uint8_t *x, const struct eng_lm_q4 *w, float *y)
{
    for (size_t j = 0; j < s->n; j++) {
        size_t i = 0;
        for (; i + DOT_COLUMNS <= s->m; i += DOT_COLUMNS)
            q4_row(DOT_COLUMNS, s, x + i * s->x_row, w, j, y + i * s->y_row);
        for (; i < s->m; i++)
            q4_row(1, s, x + i * s->x_row, w, j, y + i * s->y_row);
    }
}

#endif
