/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_KERNELS_VEC_TILE_H
#define ENGINE_KERNELS_VEC_TILE_H

/* The register tile under every product: up to TILE rows by two vectors of columns, 12 accumulators of 16
 * registers (24 of 32 with AVX-512). Each output is one chain of fused multiply-adds in the order of its inputs,
 * whatever tile it falls into, so a row's result does not depend on the other rows. */

#include "engine/kernels/vec.h"

#define TILE ((size_t)(V == 8 ? 6 : 12))

/* Inputs come in `blocks` groups of `depth`: input c of group k of row r is x[k * x_block + r * row + c] (row is a
 * parameter of the functions), and its weights are w0[(k * depth + c) * w_row ..], w1 likewise. */
struct tile {
    const float *x;
    size_t x_block, blocks, depth;
    const float *w0, *w1;
    size_t w_row;
    const float *bias; /* two vectors to start from; NULL: go on from what y holds */
    float *y0, *y1;    /* row r of the two vectors: + r * y_row */
    size_t y_row;
};

/* Named variables, not arrays: the compiler must keep them in registers. */
#define EACH_1(X) X(0)
#define EACH_2(X) EACH_1(X) X(1)
#define EACH_3(X) EACH_2(X) X(2)
#define EACH_4(X) EACH_3(X) X(3)
#define EACH_5(X) EACH_4(X) X(4)
#define EACH_6(X) EACH_5(X) X(5)
#define EACH_12(X) EACH_6(X) X(6) X(7) X(8) X(9) X(10) X(11)

#define TILE_DECLARE(i) vf a##i, b##i;
#define TILE_BIAS(i) a##i = bias0; b##i = bias1;
#define TILE_LOAD(i) a##i = v_load(y0 + i * t->y_row); b##i = v_load(y1 + i * t->y_row);
#define TILE_STEP(i) v = v_set(x[i * row + c]); a##i = v_fma(v, u0, a##i); b##i = v_fma(v, u1, b##i);
#define TILE_STORE(i) v_store(y0 + i * t->y_row, a##i); v_store(y1 + i * t->y_row, b##i);

#define TILE_FUNCTION(n) \
    V_INLINE void tile_##n(const struct tile *t, size_t row) \
    { \
        const float *x = t->x, *w0 = t->w0, *w1 = t->w1; \
        float *y0 = t->y0, *y1 = t->y1; \
        EACH_##n(TILE_DECLARE) \
        if (t->bias) { \
            vf bias0 = v_load(t->bias), bias1 = v_load(t->bias + V); \
            EACH_##n(TILE_BIAS) \
        } else { \
            EACH_##n(TILE_LOAD) \
        } \
        for (size_t k = 0; k < t->blocks; k++, x += t->x_block) \
            for (size_t c = 0; c < t->depth; c++, w0 += t->w_row, w1 += t->w_row) { \
                vf u0 = v_load(w0), u1 = v_load(w1), v; \
                EACH_##n(TILE_STEP) \
            } \
        EACH_##n(TILE_STORE) \
    }

TILE_FUNCTION(1)
TILE_FUNCTION(2)
TILE_FUNCTION(3)
TILE_FUNCTION(4)
TILE_FUNCTION(5)
TILE_FUNCTION(6)
TILE_FUNCTION(12)

/* `rows` rows, in tiles. */
V_INLINE void tile_rows(const struct tile *first, size_t rows, size_t row)
{
    struct tile t = *first;
    for (size_t done = 0, n; done < rows; done += n, t.x += n * row, t.y0 += n * t.y_row, t.y1 += n * t.y_row) {
        size_t left = rows - done;
        n = left >= TILE ? TILE : left >= 6 ? 6 : left;
        switch (n) {
        case 12:
            tile_12(&t, row);
            break;
        case 6:
            tile_6(&t, row);
            break;
        case 5:
            tile_5(&t, row);
            break;
        case 4:
            tile_4(&t, row);
            break;
        case 3:
            tile_3(&t, row);
            break;
        case 2:
            tile_2(&t, row);
            break;
        default:
            tile_1(&t, row);
            break;
        }
    }
}

#endif
