/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_KERNELS_VEC_DOT_H
#define ENGINE_KERNELS_VEC_DOT_H

/* Products of rows with rows in floats. A tile is a few weights' rows by a few rows of activations; each output is one
 * vector of partial sums that walks the inputs in order and is added up at the end, in whatever tile it is.
 * Weights' rows are far apart in memory, which the processor does not foresee: what is read next is fetched while a
 * row is worked on, into the second-level cache, since rows of 4 KiB crowd out one another in the first. Measured on
 * Zen 4 over memory with one row of activations, large pages: 23 GB/s without, 27 four rows on, 28 to 31 eight rows on,
 * as much as plain reading. */

#include "engine/kernels/lm_private.h"
#include "engine/kernels/vec.h"
#include "engine/kernels/vec_sums.h"

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
            if (columns == 1 && s->ahead)
                fetch(row + s->ahead);
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

/* Rows `stride` apart, of which 32 elements are taken at a time, `step` apart; the first `valid` rows are stored. */
V_INLINE void bb_tile(const size_t rows, const size_t columns, const size_t valid, const size_t stride,
                      const size_t step, const struct eng_lm_shape *s, const uint16_t *x, const uint16_t *w, float *y)
{
    vf acc[3][8];
#pragma GCC unroll 8
    for (size_t j = 0; j < 8; j++)
#pragma GCC unroll 8
        for (size_t i = 0; i < columns; i++)
            acc[i][j] = v_zero();
    for (size_t c = 0; c < s->k; c += 32, w += step) {
        __m512bh xv[3];
#pragma GCC unroll 8
        for (size_t i = 0; i < columns; i++)
            xv[i] = bf16_load(x + i * s->x_row + c);
#pragma GCC unroll 8
        for (size_t j = 0; j < rows; j++) {
            __m512bh wv = bf16_load(w + j * stride);
            HOLD(wv);
            if (columns == 1 && s->ahead)
                fetch(w + j * stride + s->ahead);
#pragma GCC unroll 8
            for (size_t i = 0; i < columns; i++)
                acc[i][j] = _mm512_dpbf16_ps(acc[i][j], xv[i], wv);
        }
    }
#pragma GCC unroll 8
    for (size_t i = 0; i < columns; i++) {
        float *to = y + i * s->y_row;
        store8(to, _mm256_add_ps(load8(to, valid), v_sum8(acc[i])), valid);
    }
}

#define BB_TILES(rows, valid, stride, step)                                                                            \
    for (size_t i = 0; i < s->m; i += 3) {                                                                             \
        const uint16_t *xi = x + i * s->x_row;                                                                         \
        float *yi = y + i * s->y_row + j;                                                                              \
        switch (s->m - i) {                                                                                            \
        case 1:                                                                                                        \
            bb_tile(rows, 1, valid, stride, step, s, xi, w + j * s->w_row, yi);                                        \
            break;                                                                                                     \
        case 2:                                                                                                        \
            bb_tile(rows, 2, valid, stride, step, s, xi, w + j * s->w_row, yi);                                        \
            break;                                                                                                     \
        default:                                                                                                       \
            bb_tile(rows, 3, valid, stride, step, s, xi, w + j * s->w_row, yi);                                        \
        }                                                                                                              \
    }

static void dot_bf16_bf16(const struct eng_lm_shape *s, const uint16_t *x, const uint16_t *w, float *y)
{
    size_t j = 0;
    if (s->panels) {
        for (; j < s->n; j += ENG_LM_PANEL) {
            size_t valid = s->n - j < ENG_LM_PANEL ? s->n - j : ENG_LM_PANEL;
            BB_TILES(8, valid, 32, 32 * ENG_LM_PANEL)
        }
        return;
    }
    for (; j + 8 <= s->n; j += 8)
        BB_TILES(8, 8, s->w_row, 32)
    for (; j < s->n; j++)
        BB_TILES(1, 1, s->w_row, 32)
}
#endif

#endif
