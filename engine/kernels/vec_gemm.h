/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_KERNELS_VEC_GEMM_H
#define ENGINE_KERNELS_VEC_GEMM_H

/* Products; included once per instruction set. Every output is one chain of fused multiply-adds over k that
 * starts at the bias, whatever tile it falls into: a row's result does not depend on the other rows. */

#include "engine/kernels/kernels_private.h"
#include "engine/kernels/vec.h"
#include "engine/kernels/vec_pointwise.h"

/* Rows in a register tile of two vectors: 12 accumulators of 16 registers, 24 of 32. */
#define TILE ((size_t)(V == 8 ? 6 : 12))
#define TILE_MAX 12

/* acc[rows][2] = bias + x[rows][k] . w, w0 and w1 being the two vectors of columns, their rows `stride` apart. */
V_INLINE void tile_rows(const float *x, size_t k, size_t rows, const float *w0, const float *w1, size_t stride,
                        vf bias0, vf bias1, vf acc[TILE_MAX][2])
{
    for (size_t r = 0; r < rows; r++) {
        acc[r][0] = bias0;
        acc[r][1] = bias1;
    }
    for (size_t p = 0; p < k; p++) {
        vf b0 = v_load(w0 + p * stride), b1 = v_load(w1 + p * stride);
        for (size_t r = 0; r < rows; r++) {
            vf a = v_set(x[r * k + p]);
            acc[r][0] = v_fma(a, b0, acc[r][0]);
            acc[r][1] = v_fma(a, b1, acc[r][1]);
        }
    }
}

V_INLINE vf activated(vf x, enum eng_gemm_act act)
{
    return act == ENG_GEMM_RELU ? v_relu(x) : act == ENG_GEMM_SWISH ? v_swish(x) : act == ENG_GEMM_GELU ? v_gelu(x) : x;
}

struct store {
    float *y;
    size_t stride, columns; /* columns of this tile that exist, 1..2V */
    enum eng_gemm_act act;
    int accumulate;
};

V_INLINE void store_vector(const struct store *s, float *y, size_t n, vf value)
{
    value = activated(value, s->act);
    if (n == V)
        v_store(y, s->accumulate ? v_add(v_load(y), value) : value);
    else
        v_store_n(y, s->accumulate ? v_add(v_load_n(y, n), value) : value, n);
}

V_INLINE void tile_store(const struct store *s, size_t rows, vf acc[TILE_MAX][2])
{
    size_t n0 = s->columns < V ? s->columns : V, n1 = s->columns - n0;
    for (size_t r = 0; r < rows; r++) {
        store_vector(s, s->y + r * s->stride, n0, acc[r][0]);
        if (n1)
            store_vector(s, s->y + r * s->stride + V, n1, acc[r][1]);
    }
}

struct columns { /* one pair of vectors of weights */
    const float *w0, *w1, *bias;
    size_t stride, k;
};

/* Spelled out per count so that the accumulators stay in registers. */
#define TILE_CASE(n) \
    case n: \
        tile_rows(x, c->k, n, c->w0, c->w1, c->stride, b0, b1, acc); \
        tile_store(s, n, acc); \
        break

static void tile_any(const float *x, size_t rows, const struct columns *c, const struct store *s)
{
    vf acc[TILE_MAX][2];
    vf b0 = v_load(c->bias), b1 = v_load(c->bias + V);
    switch (rows) {
        TILE_CASE(1);
        TILE_CASE(2);
        TILE_CASE(3);
        TILE_CASE(4);
        TILE_CASE(5);
        TILE_CASE(6);
        /* Beyond six only with 16 lanes: dead code otherwise. */
        TILE_CASE(7);
        TILE_CASE(8);
        TILE_CASE(9);
        TILE_CASE(10);
        TILE_CASE(11);
        TILE_CASE(12);
    default:
        break;
    }
}
#undef TILE_CASE

/* Columns j0..j1 (j0 a multiple of 2V) of the packed product into s->y, whose column 0 is j0. */
static void gemm_columns(const float *x, size_t m, const struct eng_gemm *w, size_t j0, size_t j1,
                         const struct store *out)
{
    for (size_t j = j0; j < j1; j += 2 * V) {
        /* Two halves of one panel where V = 8, two panels where V = 16. */
        const float *panel = w->panels + j * w->k;
        struct columns c = {.w0 = panel, .bias = w->bias + j, .stride = ENG_GEMM_PANEL, .k = w->k};
        c.w1 = V == ENG_GEMM_PANEL ? panel + ENG_GEMM_PANEL * w->k : panel + V;
        struct store s = *out;
        s.columns = j1 - j < 2 * V ? j1 - j : 2 * V;
        for (size_t i = 0; i < m; i += TILE) {
            s.y = out->y + i * out->stride + (j - j0);
            tile_any(x + i * w->k, m - i < TILE ? m - i : TILE, &c, &s);
        }
    }
}

static void gemm(const float *x, size_t m, const struct eng_gemm *w, enum eng_gemm_act act, int accumulate, float *y)
{
    struct store s = {.y = y, .stride = w->n, .act = act, .accumulate = accumulate};
    gemm_columns(x, m, w, 0, w->n, &s);
}

/* Weights as they are: columns j.. of one row, n of them, in up to eight vectors to hide the latency. */
V_INLINE void product_row(const float *x, const float *w, const float *bias, size_t k, size_t stride, size_t vectors,
                          float *y)
{
    vf acc[8];
    for (size_t v = 0; v < vectors; v++)
        acc[v] = bias ? v_load(bias + v * V) : v_zero();
    for (size_t p = 0; p < k; p++) {
        vf a = v_set(x[p]);
        for (size_t v = 0; v < vectors; v++)
            acc[v] = v_fma(a, v_load(w + p * stride + v * V), acc[v]);
    }
    for (size_t v = 0; v < vectors; v++)
        v_store(y + v * V, acc[v]);
}

V_INLINE void product_tail(const float *x, const float *w, const float *bias, size_t k, size_t stride, size_t n,
                           float *y)
{
    vf acc = bias ? v_load_n(bias, n) : v_zero();
    for (size_t p = 0; p < k; p++)
        acc = v_fma(v_set(x[p]), v_load_n(w + p * stride, n), acc);
    v_store_n(y, acc, n);
}

static void matmul(const float *x, const float *w, const float *bias, size_t m, size_t k, size_t n, float *y)
{
    const float zeros[2 * V] = {0};
    size_t j = 0;
    struct columns c = {.stride = n, .k = k};
    struct store s = {.stride = n, .columns = 2 * V, .act = ENG_GEMM_LINEAR};
    if (m >= 4) /* enough rows to reuse what is loaded */
        for (; j + 2 * V <= n; j += 2 * V) {
            c.w0 = w + j;
            c.w1 = w + j + V;
            c.bias = bias ? bias + j : zeros;
            for (size_t i = 0; i < m; i += TILE) {
                s.y = y + i * n + j;
                tile_any(x + i * k, m - i < TILE ? m - i : TILE, &c, &s);
            }
        }
    for (size_t first = j, i = 0; i < m; i++) {
        for (j = first; j + 8 * V <= n; j += 8 * V)
            product_row(x + i * k, w + j, bias ? bias + j : NULL, k, n, 8, y + i * n + j);
        for (; j + 2 * V <= n; j += 2 * V)
            product_row(x + i * k, w + j, bias ? bias + j : NULL, k, n, 2, y + i * n + j);
        for (; j + V <= n; j += V)
            product_row(x + i * k, w + j, bias ? bias + j : NULL, k, n, 1, y + i * n + j);
        if (j < n)
            product_tail(x + i * k, w + j, bias ? bias + j : NULL, k, n, n - j, y + i * n + j);
    }
}

/* Four rows of dot products, two chains each. */
V_INLINE void dots(const float *w, const float *x, size_t rows, size_t width, float *out)
{
    vf even[4], odd[4];
    for (size_t r = 0; r < rows; r++)
        even[r] = odd[r] = v_zero();
    size_t j = 0;
    for (; j + 2 * V <= width; j += 2 * V) {
        vf a = v_load(x + j), b = v_load(x + j + V);
        for (size_t r = 0; r < rows; r++) {
            even[r] = v_fma(a, v_load(w + r * width + j), even[r]);
            odd[r] = v_fma(b, v_load(w + r * width + j + V), odd[r]);
        }
    }
    for (; j < width; j += V) {
        size_t n = width - j < V ? width - j : V;
        vf a = v_load_n(x + j, n);
        for (size_t r = 0; r < rows; r++)
            even[r] = v_fma(a, v_load_n(w + r * width + j, n), even[r]);
    }
    for (size_t r = 0; r < rows; r++)
        out[r] = v_sum(v_add(even[r], odd[r]));
}

static void matvec(const float *w, const float *x, const float *bias, size_t rows, size_t width, float *y)
{
    size_t r = 0;
    for (; r + 4 <= rows; r += 4)
        dots(w + r * width, x, 4, width, y + r);
    for (; r < rows; r++)
        dots(w + r * width, x, 1, width, y + r);
    for (r = 0; bias && r < rows; r++)
        y[r] += bias[r];
}

static void excite(const float *mean_of, size_t c, size_t mid, const float *w1, const float *b1, const float *w2,
                   const float *b2, float alpha, float beta, float *hidden, float *out)
{
    matmul(mean_of, w1, b1, 1, c, mid, hidden);
    relu(hidden, mid);
    matmul(hidden, w2, b2, 1, mid, c, out);
    hardsigmoid(out, c, alpha, beta);
}

#endif
