/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_KERNELS_VEC_MLP_H
#define ENGINE_KERNELS_VEC_MLP_H

/* The two pointwise convolutions of a block with the GELU between them, for MLP_PIXELS positions at a time: what
 * they read and their hidden channels lie densely in scratch, inside the second-level cache, instead of in a map
 * twice as large as the network's (and whose rows may all fall into the same cache sets). A vector is one block
 * of output channels of one position. Included once per instruction set. */

#include <string.h>

#include "engine/kernels/kernels_private.h"
#include "engine/kernels/vec.h"
#include "engine/kernels/vec_pointwise.h"
#include "engine/kernels/vec_tile.h"

/* Output blocks from channel j on, for n positions: x [k/V][n][V] -> y, blocks y_block floats apart, starting from
 * the bias or, without `fresh`, from what y holds. Inputs are cut so that a panel of weights stays in the
 * first-level cache while all positions pass. */
static void mlp_pair(const struct eng_gemm *w, size_t j, size_t n, const float *x, float *y, size_t y_block, int fresh)
{
    float unused[12 * V]; /* where the second vector goes when only one block is left */
    size_t blocks = w->k / V, cuts = (w->k + MLP_DEPTH - 1) / MLP_DEPTH, two = w->n - j >= 2 * V;
    for (size_t cut = 0; cut < cuts; cut++) {
        size_t from = blocks * cut / cuts, to = blocks * (cut + 1) / cuts;
        const float *panel = w->panels + j * w->k + from * V * ENG_GEMM_PANEL;
        struct tile t = {.x = x + from * n * V, .x_block = n * V, .blocks = to - from, .depth = V, .w0 = panel,
                         .w_row = ENG_GEMM_PANEL, .bias = fresh && cut == 0 ? w->bias + j : NULL, .y_row = V};
        t.w1 = V == ENG_GEMM_PANEL ? panel + ENG_GEMM_PANEL * w->k : panel + V;
        t.y0 = y;
        t.y1 = y + y_block;
        if (two) {
            tile_rows(&t, n, V);
            continue;
        }
        memset(unused, 0, sizeof unused);
        for (size_t i = 0; i < n; i += TILE) {
            t.x = x + (from * n + i) * V;
            t.y0 = y + i * V;
            t.y1 = unused;
            tile_rows(&t, n - i < TILE ? n - i : TILE, V);
        }
    }
}

/* n <= MLP_PIXELS positions; blocks of src and dst are hw * V floats apart. */
static void mlp_pixels(const struct eng_mlp *m, const float *s, size_t n, size_t hw, const float *src, float *dst,
                       float *scratch)
{
    size_t c = m->first->k, wide = m->first->n, out = m->second->n, row = n * V, map = hw * V;
    float *hidden = scratch, *in = scratch + wide * MLP_PIXELS;
    for (size_t k = 0; k < c / V; k++) {
        vf factor = s ? v_load(s + k * V) : v_set(1.0f);
        vf bias = m->residual ? v_load(m->second->bias + k * V) : v_set(0.0f); /* with a residual, out is c */
        for (size_t i = 0; i < row; i += V) {
            vf v = v_mul(v_load(src + k * map + i), factor);
            v_store(in + k * row + i, v);
            if (m->residual)
                v_store(dst + k * map + i, v_add(v, bias));
        }
    }
    for (size_t j = 0; j < wide; j += 2 * V) {
        mlp_pair(m->first, j, n, in, hidden + j * n, row, 1);
        gelu(hidden + j * n, (wide - j < 2 * V ? 1 : 2) * row); /* still in the first-level cache */
    }
    for (size_t j = 0; j < out; j += 2 * V)
        mlp_pair(m->second, j, n, hidden, dst + j * hw, map, !m->residual);
}

static void mlp(const struct eng_mlp *m, const float *s, size_t begin, size_t end, size_t hw, size_t b,
                const float *src, float *dst, float *scratch)
{
    if (b != V) {
        eng_ref_mlp(m, s, begin, end, hw, b, src, dst, scratch);
        return;
    }
    for (size_t p = begin; p < end; p += MLP_PIXELS) {
        size_t n = end - p < MLP_PIXELS ? end - p : MLP_PIXELS;
        mlp_pixels(m, s, n, hw, src + p * V, dst + p * V, scratch);
    }
}

#endif
