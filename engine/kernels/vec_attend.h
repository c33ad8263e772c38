/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_KERNELS_VEC_ATTEND_H
#define ENGINE_KERNELS_VEC_ATTEND_H

/* Attention with bfloat16 products, where every row sees all keys. A tile of scores is up to ATTEND_ROWS rows by two
 * vectors of keys, one of results as many rows by two vectors of channels; a row of scores becomes weights in bfloat16,
 * pairs of keys side by side as the instruction takes them. The running softmax is that of `attend`. */

#if defined(__AVX512BF16__)

#include "engine/kernels/lm_private.h"
#include "engine/kernels/vec.h"
#include "engine/kernels/vec_columns.h"

enum { ATTEND_ROWS = 12 };

V_INLINE __m512bh pair_of(const uint16_t *p)
{
    int32_t both;
    memcpy(&both, p, sizeof both);
    return (__m512bh)_mm512_set1_epi32(both);
}

/* y[row][0 .. 16 vectors) (+)= sum over `pairs` of x[row][pair] w[pair][..]; w_pair: elements between pairs. */
V_INLINE void pair_tile(const size_t rows, const size_t vectors, const uint16_t *x, size_t x_row, const uint16_t *w,
                        size_t w_pair, size_t pairs, float *y, size_t y_row, int add)
{
    vf acc[ATTEND_ROWS][2];
#pragma GCC unroll 12
    for (size_t r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (size_t v = 0; v < vectors; v++)
            acc[r][v] = add ? v_load(y + r * y_row + v * V) : v_zero();
    for (size_t p = 0; p < pairs; p++, w += w_pair) {
        __m512bh wv[2];
#pragma GCC unroll 2
        for (size_t v = 0; v < vectors; v++)
            wv[v] = (__m512bh)_mm512_loadu_si512(w + v * 2 * V);
#pragma GCC unroll 12
        for (size_t r = 0; r < rows; r++) {
            __m512bh xv = pair_of(x + r * x_row + 2 * p);
#pragma GCC unroll 2
            for (size_t v = 0; v < vectors; v++)
                acc[r][v] = _mm512_dpbf16_ps(acc[r][v], xv, wv[v]);
        }
    }
#pragma GCC unroll 12
    for (size_t r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (size_t v = 0; v < vectors; v++)
            v_store(y + r * y_row + v * V, acc[r][v]);
}

V_INLINE void pair_rows(const size_t vectors, size_t rows, const uint16_t *x, size_t x_row, const uint16_t *w,
                        size_t w_pair, size_t pairs, float *y, size_t y_row, int add)
{
    size_t r = 0;
    for (; r + ATTEND_ROWS <= rows; r += ATTEND_ROWS)
        pair_tile(ATTEND_ROWS, vectors, x + r * x_row, x_row, w, w_pair, pairs, y + r * y_row, y_row, add);
    for (; r + 4 <= rows; r += 4)
        pair_tile(4, vectors, x + r * x_row, x_row, w, w_pair, pairs, y + r * y_row, y_row, add);
    for (; r < rows; r++)
        pair_tile(1, vectors, x + r * x_row, x_row, w, w_pair, pairs, y + r * y_row, y_row, add);
}

/* All columns of y, `width` of them. */
V_INLINE void pair_product(size_t rows, const uint16_t *x, size_t x_row, const uint16_t *w, size_t width, size_t pairs,
                           float *y, size_t y_row, int add)
{
    size_t c = 0;
    for (; c + 2 * V <= width; c += 2 * V)
        pair_rows(2, rows, x, x_row, w + 2 * c, 2 * width, pairs, y + c, y_row, add);
    for (; c < width; c += V)
        pair_rows(1, rows, x, x_row, w + 2 * c, 2 * width, pairs, y + c, y_row, add);
}

/* Scores of a block become weights, of which the first n count; returns by how much what was summed has to shrink. */
V_INLINE float fold_rounded(float *s, size_t n, uint16_t *weights, float *top, float *total)
{
    vf t = v_set(-INFINITY), sum = v_zero();
    for (size_t i = 0; i < n; i += V)
        t = v_max(t, v_load_fill(s + i, n - i < V ? n - i : V, -INFINITY));
    float best = v_top(t) > *top ? v_top(t) : *top;
    float shrink = best > *top ? expf(*top - best) : 1.0f;
    for (size_t i = 0; i < ENG_LM_KEYS; i += V) {
        size_t left = i >= n ? 0 : n - i < V ? n - i : V;
        vf e = v_keep(v_exp(v_sub(v_load(s + i), v_set(best))), left);
        _mm256_storeu_si256((__m256i *)(void *)(weights + i), (__m256i)_mm512_cvtneps_pbh(e));
        sum = v_add(sum, e);
    }
    *total = *total * shrink + v_sum(sum);
    *top = best;
    return shrink;
}

V_INLINE __m512i round_pair(vf low, vf high)
{
    return (__m512i)_mm512_cvtne2ps_pbh(high, low);
}

/* 16 keys by 32 channels at a time: a word is a pair of channels. */
static void round_keys(const float *x, size_t x_row, size_t n, size_t d, uint16_t *keys)
{
    const size_t places = (n + ENG_LM_KEYS - 1) / ENG_LM_KEYS * ENG_LM_KEYS;
    for (size_t j = 0; j < places; j += 16)
        for (size_t c = 0; c < d; c += 32) {
            uint16_t *to = keys + j / ENG_LM_KEYS * ENG_LM_KEYS * d + (c / 2 * ENG_LM_KEYS + j % ENG_LM_KEYS) * 2;
            const size_t low = d - c < V ? d - c : V, high = d - c <= V ? 0 : d - c - V < V ? d - c - V : V;
            __m512i rows[16], columns[16];
#pragma GCC unroll 16
            for (size_t r = 0; r < 16; r++) {
                const float *from = x + (j + r) * x_row + c;
                rows[r] = j + r < n ? round_pair(v_load_n(from, low), v_load_n(from + (high ? V : 0), high))
                                    : _mm512_setzero_si512();
            }
            to_columns(rows, columns);
            for (size_t p = 0; p < (low + high) / 2; p++)
                _mm512_storeu_si512(to + p * ENG_LM_KEYS * 2, columns[p]);
        }
}

/* Two keys by 16 channels at a time. */
static void round_values(const float *x, size_t x_row, size_t n, size_t d, uint16_t *values)
{
    const size_t places = (n + ENG_LM_KEYS - 1) / ENG_LM_KEYS * ENG_LM_KEYS, width = eng_lm_rounded_width(d);
    for (size_t j = 0; j < places; j += 2, values += 2 * width)
        for (size_t c = 0; c < width; c += V) {
            const float *from = x + j * x_row + c;
            const size_t left = d - c < V ? d - c : V;
            const vf even = j < n ? v_load_n(from, left) : v_zero();
            const vf odd = j + 1 < n ? v_load_n(from + x_row, left) : v_zero();
            const __m512i both = round_pair(even, odd); /* the halves' bytes side by side, 16 bits of each in turn */
            const __m512i low = _mm512_cvtepu16_epi32(_mm512_castsi512_si256(both));
            const __m512i high = _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(both, 1));
            _mm512_storeu_si512(values + 2 * c, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
        }
}

static void attend_rounded(const struct eng_lm_attention_rounded *a)
{
    float top[ENG_LM_QUERIES], total[ENG_LM_QUERIES], *scores = a->scratch;
    uint16_t weights[ENG_LM_QUERIES * ENG_LM_KEYS];
    const size_t width = eng_lm_rounded_width(a->d);
    for (size_t r = 0; r < a->rows; r++) {
        top[r] = -INFINITY;
        total[r] = 0;
    }
    for (size_t begin = 0; begin < a->n; begin += ENG_LM_KEYS) {
        const size_t n = a->n - begin < ENG_LM_KEYS ? a->n - begin : ENG_LM_KEYS;
        pair_product(a->rows, a->q, a->d, a->keys + begin * a->d, ENG_LM_KEYS, a->d / 2, scores, ENG_LM_KEYS, 0);
        for (size_t r = 0; r < a->rows; r++) {
            float shrink = fold_rounded(scores + r * ENG_LM_KEYS, n, weights + r * ENG_LM_KEYS, &top[r], &total[r]);
            for (size_t c = 0; begin > 0 && shrink < 1.0f && c < width; c += V)
                v_store(a->out + r * width + c, v_mul(v_load(a->out + r * width + c), v_set(shrink)));
        }
        pair_product(a->rows, weights, ENG_LM_KEYS, a->values + begin * width, width, (n + 1) / 2, a->out, width,
                     begin > 0);
    }
    for (size_t r = 0; r < a->rows; r++)
        for (size_t c = 0; c < width; c += V)
            v_store(a->out + r * width + c, v_mul(v_load(a->out + r * width + c), v_set(1.0f / total[r])));
}

#endif
#endif
