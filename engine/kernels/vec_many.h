/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_KERNELS_VEC_MANY_H
#define ENGINE_KERNELS_VEC_MANY_H

/* Byte products of many rows: outputs lie in the lanes, four inputs of a row of activations are repeated in all of them,
 * so that no sums across a vector are left to make, which with 1,280 inputs cost a tenth of the products' time. A tile is
 * MANY_ROWS rows by MANY_VECTORS vectors of outputs; weights stream from the second-level cache, 256 bytes for each 24
 * products. */

#if defined(__AVX512VNNI__)

#include <string.h>

#include "engine/kernels/vec_bytes.h"
#include "engine/kernels/vec_columns.h"

enum { MANY_ROWS = 6, MANY_VECTORS = ENG_LM_SPREAD / 16 };

static void spread_s8(const int8_t *panels, size_t w_row, size_t n, size_t k, int8_t *out)
{
    static const int8_t zeros[ENG_LM_BLOCK] = {0};
    const size_t step = ENG_LM_SPREAD * 4;
    for (size_t c = 0; c < k; c += ENG_LM_BLOCK)
        for (size_t v = 0; v < MANY_VECTORS; v++) {
            __m512i rows[16], columns[16];
#pragma GCC unroll 16
            for (size_t j = 0; j < 16; j++) {
                size_t row = v * 16 + j, panel = row / ENG_LM_PANEL * ENG_LM_PANEL;
                rows[j] = i_load(row < n ? panels + panel * w_row + c * ENG_LM_PANEL + row % ENG_LM_PANEL * ENG_LM_BLOCK
                                         : zeros);
            }
            to_columns(rows, columns);
#pragma GCC unroll 16
            for (size_t i = 0; i < 16; i++)
                i_store(out + (c / 4 + i) * step + v * 64, columns[i]);
        }
}

V_INLINE void many_tile(const size_t rows, const struct eng_lm_many *p, size_t first)
{
    vf acc[MANY_ROWS][MANY_VECTORS];
    int32_t *sums = p->sums + first * ENG_LM_SPREAD;
    const uint8_t *x = p->x + first * p->x_row;
    const int8_t *w = p->w;
#pragma GCC unroll 8
    for (size_t r = 0; r < rows; r++)
#pragma GCC unroll 8
        for (size_t v = 0; v < MANY_VECTORS; v++) {
            acc[r][v] = p->more ? v_of_bits(i_load(sums + r * ENG_LM_SPREAD + v * V)) : v_zero();
            if (p->finish && v * V < p->finish->n)
                __builtin_prefetch(p->finish->y + (first + r) * p->y_row + v * V, 1);
        }
    for (size_t c = 0; c < p->k; c += 4, w += ENG_LM_SPREAD * 4) {
        vi wv[MANY_VECTORS];
#pragma GCC unroll 8
        for (size_t v = 0; v < MANY_VECTORS; v++) {
            wv[v] = i_load(w + v * 64);
            HOLD(wv[v]);
        }
#pragma GCC unroll 8
        for (size_t r = 0; r < rows; r++) {
            int32_t four;
            memcpy(&four, x + r * p->x_row + c, sizeof four);
            vi xv = _mm512_set1_epi32(four);
#pragma GCC unroll 8
            for (size_t v = 0; v < MANY_VECTORS; v++)
                acc[r][v] = v_of_bits(i_dot(v_bits(acc[r][v]), xv, wv[v]));
        }
    }
#pragma GCC unroll 8
    for (size_t r = 0; r < rows; r++) {
        struct eng_lm_finish f = {0};
        if (p->finish) {
            f = *p->finish;
            f.share = p->shares[first + r];
            f.y += (first + r) * p->y_row;
        }
#pragma GCC unroll 8
        for (size_t v = 0; v < MANY_VECTORS; v++)
            if (!p->finish)
                i_store(sums + r * ENG_LM_SPREAD + v * V, v_bits(acc[r][v]));
            else if (v * V < f.n)
                finish_whole(&f, v * V, v_bits(acc[r][v]));
    }
}

static void many_s8(const struct eng_lm_many *p)
{
    size_t i = 0;
    for (; i + MANY_ROWS <= p->m; i += MANY_ROWS)
        many_tile(MANY_ROWS, p, i);
    for (; i + 2 <= p->m; i += 2)
        many_tile(2, p, i);
    for (; i < p->m; i++)
        many_tile(1, p, i);
}

#endif
#endif
