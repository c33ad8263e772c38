/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_KERNELS_VEC_Q4_H
#define ENGINE_KERNELS_VEC_Q4_H

/* Products of bytes with 4-bit weights: outputs are lanes (lm.h), four inputs of a row of activations are repeated in all
 * of them. Each output walks its groups in order: the exact product of the group, then times its scale. A tile is
 * a panel by up to Q4_COLUMNS rows of activations. */

#include <string.h>

#include "engine/kernels/vec_bytes.h"

/* Weights of Q4_VECTORS vectors at a time; AVX2 has registers for three rows of them, and passes a group's lines twice. */
enum { Q4_VECTORS = 2 };
#if defined(__AVX512F__)
enum { Q4_COLUMNS = 6 };
V_INLINE vi i_set32(int x)
{
    return _mm512_set1_epi32(x);
}
V_INLINE vi i_less_product(vi a, vi b, vi c) /* a - bc */
{
    return _mm512_sub_epi32(a, _mm512_mullo_epi32(b, c));
}
V_INLINE int i_total(vi a)
{
    return _mm512_reduce_add_epi32(a);
}
/* The first byte of each word, four times. */
V_INLINE vi i_fourfold(vi a)
{
    return _mm512_shuffle_epi8(a, _mm512_broadcast_i32x4(_mm_setr_epi8(0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12)));
}
#else
enum { Q4_COLUMNS = 3 };
V_INLINE vi i_set32(int x)
{
    return _mm256_set1_epi32(x);
}
V_INLINE vi i_less_product(vi a, vi b, vi c)
{
    return _mm256_sub_epi32(a, _mm256_mullo_epi32(b, c));
}
V_INLINE int i_total(vi a)
{
    __m128i half = _mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4E));
    return _mm_cvtsi128_si32(_mm_add_epi32(half, _mm_shuffle_epi32(half, 0xB1)));
}
V_INLINE vi i_fourfold(vi a)
{
    return _mm256_shuffle_epi8(
        a, _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12)));
}
#endif

/* Four bytes, again in every word. */
V_INLINE vi i_words(const uint8_t *p)
{
    int32_t four;
    memcpy(&four, p, sizeof four);
    return i_set32(four);
}

/* acc + x . low + y . high, word by word. Without VNNI two products of a byte with -15..15 fit 16 bits, and so do four. */
V_INLINE vi q4_words(vi acc, vi x, vi low, vi y, vi high)
{
#if defined(__AVX512VNNI__)
    return i_dot(i_dot(acc, x, low), y, high);
#elif defined(__AVX512F__)
    vi four = _mm512_add_epi16(_mm512_maddubs_epi16(x, low), _mm512_maddubs_epi16(y, high));
    return _mm512_add_epi32(acc, _mm512_madd_epi16(four, _mm512_set1_epi16(1)));
#else
    vi four = _mm256_add_epi16(_mm256_maddubs_epi16(x, low), _mm256_maddubs_epi16(y, high));
    return _mm256_add_epi32(acc, _mm256_madd_epi16(four, _mm256_set1_epi16(1)));
#endif
}

/* The scales of a vector of outputs from their place in a group on, and their zeros. */
V_INLINE vf q4_scales(const uint8_t *at, vi *zeros)
{
    const vi bits = i_load(at);
    *zeros = i_and(bits, i_set32(15));
    return v_of_bits(i_and(bits, i_set32(~15)));
}

/* The sum of a group of activations. */
V_INLINE int q4_total(const uint8_t *x)
{
    vi sum = i_zero();
    for (size_t b = 0; b < ENG_LM_GROUP / 2; b += BYTES)
        sum = q4_words(sum, i_load(x + b), i_set8(1), i_load(x + ENG_LM_GROUP / 2 + b), i_set8(1));
    return i_total(sum);
}

/* A group's products with Q4_VECTORS vectors of outputs, from w on, onto acc. One row waits for its weights, and the fewer
 * instructions a line takes the more lines are under way: there zeros are subtracted from the product, `total` being the
 * sum of the activations. The whole numbers are the same. */
V_INLINE void q4_group(const size_t columns, size_t x_row, const uint8_t *x, int total, const uint8_t *w,
                       vf acc[Q4_COLUMNS][Q4_VECTORS])
{
    vi zeros[Q4_VECTORS], bytes[Q4_VECTORS], part[Q4_COLUMNS][Q4_VECTORS];
#pragma GCC unroll 8
    for (size_t v = 0; v < Q4_VECTORS; v++) {
        (void)q4_scales(w + ENG_LM_Q4_SCALES + v * BYTES, &zeros[v]);
        bytes[v] = i_fourfold(zeros[v]);
#pragma GCC unroll 8
        for (size_t i = 0; i < columns; i++)
            part[i][v] = i_zero();
    }
#pragma GCC unroll 4
    for (size_t c = 0; c < ENG_LM_GROUP / 8; c++) {
        vi low[Q4_VECTORS], high[Q4_VECTORS];
#pragma GCC unroll 8
        for (size_t v = 0; v < Q4_VECTORS; v++) {
            const vi both = i_load(w + c * ENG_LM_Q4_LINE + v * BYTES);
            low[v] = i_and(both, i_set8(15));
            high[v] = i_high4(both);
            if (columns > 1) {
                low[v] = i_sub8(low[v], bytes[v]);
                high[v] = i_sub8(high[v], bytes[v]);
            }
        }
#pragma GCC unroll 8
        for (size_t i = 0; i < columns; i++) {
            const uint8_t *xi = x + i * x_row + 4 * c;
            const vi first = i_words(xi), second = i_words(xi + ENG_LM_GROUP / 2);
#pragma GCC unroll 8
            for (size_t v = 0; v < Q4_VECTORS; v++)
                part[i][v] = q4_words(part[i][v], first, low[v], second, high[v]);
        }
    }
#pragma GCC unroll 8
    for (size_t v = 0; v < Q4_VECTORS; v++) {
        const vf scales = q4_scales(w + ENG_LM_Q4_SCALES + v * BYTES, &zeros[v]);
        if (columns == 1)
            part[0][v] = i_less_product(part[0][v], zeros[v], i_set32(total));
#pragma GCC unroll 8
        for (size_t i = 0; i < columns; i++)
            acc[i][v] = v_fma(i_float(part[i][v]), scales, acc[i][v]);
    }
}

/* A panel of which `valid` outputs count. */
V_INLINE void q4_tile(const size_t columns, const struct eng_lm_shape *s, const uint8_t *x, const uint8_t *w, float *y,
                      size_t valid)
{
    enum { PASSES = ENG_LM_Q4_LINE / (Q4_VECTORS * (int)sizeof(vf)) };
    vf acc[PASSES][Q4_COLUMNS][Q4_VECTORS];
#pragma GCC unroll 8
    for (size_t h = 0; h < PASSES; h++)
#pragma GCC unroll 8
        for (size_t i = 0; i < columns; i++)
#pragma GCC unroll 8
            for (size_t v = 0; v < Q4_VECTORS; v++)
                acc[h][i][v] = v_zero();
    for (size_t at = 0; at < s->k; at += ENG_LM_GROUP, w += ENG_LM_Q4_STEP) {
        const int total = columns == 1 ? q4_total(x + at) : 0;
#pragma GCC unroll 8
        for (size_t h = 0; h < PASSES; h++)
            q4_group(columns, s->x_row, x + at, total, w + h * Q4_VECTORS * BYTES, acc[h]);
    }
#pragma GCC unroll 8
    for (size_t h = 0; h < PASSES; h++)
#pragma GCC unroll 8
        for (size_t v = 0; v < Q4_VECTORS; v++) {
            const size_t j = (h * Q4_VECTORS + v) * V;
#pragma GCC unroll 8
            for (size_t i = 0; i < columns; i++)
                if (j < valid)
                    v_store_n(y + i * s->y_row + j, acc[h][i][v], valid - j < V ? valid - j : V);
        }
}

static void dot_q4(const struct eng_lm_shape *s, const uint8_t *x, const uint8_t *w, float *y)
{
    for (size_t j = 0; j < s->n; j += ENG_LM_Q4_PANEL, w += ENG_LM_Q4_PANEL * s->w_row) {
        const size_t valid = s->n - j < ENG_LM_Q4_PANEL ? s->n - j : ENG_LM_Q4_PANEL;
        size_t i = 0;
        for (; i + Q4_COLUMNS <= s->m; i += Q4_COLUMNS)
            q4_tile(Q4_COLUMNS, s, x + i * s->x_row, w, y + i * s->y_row + j, valid);
        for (; i + 2 <= s->m; i += 2)
            q4_tile(2, s, x + i * s->x_row, w, y + i * s->y_row + j, valid);
        for (; i < s->m; i++)
            q4_tile(1, s, x + i * s->x_row, w, y + i * s->y_row + j, valid);
    }
}

#endif
