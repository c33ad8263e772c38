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
    const void *w0, *w1; /* floats, or halves of `half_rows` */
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
#define EACH_7(X) EACH_6(X) X(6)
#define EACH_8(X) EACH_7(X) X(7)
#define EACH_12(X) EACH_6(X) X(6) X(7) X(8) X(9) X(10) X(11)

#define TILE_DECLARE(i) vf a##i, b##i;
#define TILE_BIAS(i) a##i = bias0; b##i = bias1;
#define TILE_LOAD(i) a##i = v_load(y0 + i * t->y_row); b##i = v_load(y1 + i * t->y_row);
#define TILE_STEP(i) v = v_set(x[i * row + c]); a##i = v_fma(v, u0, a##i); b##i = v_fma(v, u1, b##i);
#define TILE_STORE(i) v_store(y0 + i * t->y_row, a##i); v_store(y1 + i * t->y_row, b##i);

#define TILE_FUNCTION(kind, n, type, load) \
    V_INLINE void kind##_##n(const struct tile *t, size_t row) \
    { \
        const float *x = t->x; \
        const type *w0 = t->w0, *w1 = t->w1; \
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
                vf u0 = load(w0), u1 = load(w1), v; \
                EACH_##n(TILE_STEP) \
            } \
        EACH_##n(TILE_STORE) \
    }

/* Tiles of 7 and 8 rows are for the query heads that share a head of keys; AVX2 has no registers for them. Sixteen lanes
 * may also be pairs of eight, in a test (tests/support/vec_pairs.h). */
#if defined(__AVX512F__) || defined(VEC_BACKEND)
#define TILE_MOST(left) ((left) >= TILE ? TILE : (left) == 7 || (left) == 8 ? (left) : (left) >= 6 ? 6 : (left))
#define TILE_WIDE(kind, type, load) \
    TILE_FUNCTION(kind, 7, type, load) \
    TILE_FUNCTION(kind, 8, type, load) \
    TILE_FUNCTION(kind, 12, type, load)
#define TILE_WIDE_CASES(kind) TILE_CASE(kind, 12) TILE_CASE(kind, 8) TILE_CASE(kind, 7)
#else /* two tiles of alike size keep more chains going than one of six and a small one */
#define TILE_MOST(left) ((left) == 7 || (left) == 8 ? 4 : (left) >= TILE ? TILE : (left))
#define TILE_WIDE(kind, type, load)
#define TILE_WIDE_CASES(kind)
#endif
#define TILE_CASE(kind, n) case n: kind##_##n(&t, row); break;

/* kind_rows: `rows` rows, in tiles. */
#define TILE_FUNCTIONS(kind, type, load) \
    TILE_FUNCTION(kind, 1, type, load) \
    TILE_FUNCTION(kind, 2, type, load) \
    TILE_FUNCTION(kind, 3, type, load) \
    TILE_FUNCTION(kind, 4, type, load) \
    TILE_FUNCTION(kind, 5, type, load) \
    TILE_FUNCTION(kind, 6, type, load) \
    TILE_WIDE(kind, type, load) \
    V_INLINE void kind##_rows(const struct tile *first, size_t rows, size_t row) \
    { \
        struct tile t = *first; \
        for (size_t done = 0, n; done < rows; done += n, t.x += n * row, t.y0 += n * t.y_row, t.y1 += n * t.y_row) { \
            n = TILE_MOST(rows - done); \
            switch (n) { \
                TILE_WIDE_CASES(kind) \
                TILE_CASE(kind, 6) \
                TILE_CASE(kind, 5) \
                TILE_CASE(kind, 4) \
                TILE_CASE(kind, 3) \
                TILE_CASE(kind, 2) \
            default: \
                kind##_1(&t, row); \
            } \
        } \
    }

TILE_FUNCTIONS(tile, float, v_load)

#endif
