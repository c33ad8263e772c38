/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_KERNELS_VEC_GEMM_H
#define ENGINE_KERNELS_VEC_GEMM_H

/* Products; included once per instruction set. */

#include "engine/kernels/kernels_private.h"
#include "engine/kernels/vec.h"
#include "engine/kernels/vec_pointwise.h"
#include "engine/kernels/vec_tile.h"

V_INLINE vf activated(vf x, enum eng_gemm_act act)
{
    return act == ENG_GEMM_RELU ? v_relu(x) : act == ENG_GEMM_SWISH ? v_swish(x) : act == ENG_GEMM_GELU ? v_gelu(x) : x;
}

/* Where a product goes: rows of `stride` floats. */
struct target {
    float *y;
    size_t stride;
    enum eng_gemm_act act;
    int accumulate;
};

/* n <= V outputs that lie in `from` go to y. */
V_INLINE void deliver(const struct target *t, float *y, size_t n, const float *from)
{
    vf value = activated(v_load(from), t->act);
    if (n == V)
        v_store(y, t->accumulate ? v_add(v_load(y), value) : value);
    else
        v_store_n(y, t->accumulate ? v_add(v_load_n(y, n), value) : value, n);
}

/* A pair of vectors for rows of x, of which `columns` <= 2V outputs exist. Only a full pair that needs no second
 * look goes straight to y. */
static void pair_rows(struct tile *t, size_t rows, size_t columns, const struct target *out)
{
    enum { ROWS = 48 };
    float held[ROWS * 2 * V];
    if (columns == 2 * V && out->act == ENG_GEMM_LINEAR && !out->accumulate) {
        t->y0 = out->y;
        t->y1 = out->y + V;
        t->y_row = out->stride;
        tile_rows(t, rows, t->depth);
        return;
    }
    t->y0 = held;
    t->y1 = held + V;
    t->y_row = 2 * V;
    for (size_t i = 0, n; i < rows; i += n, t->x += n * t->depth) {
        n = rows - i < ROWS ? rows - i : ROWS;
        tile_rows(t, n, t->depth);
        for (size_t r = 0; r < n; r++)
            for (size_t j = 0; j < columns; j += V)
                deliver(out, out->y + (i + r) * out->stride + j, columns - j < V ? columns - j : V,
                        held + r * 2 * V + j);
    }
}

/* Columns j0..j1 (j0 a multiple of 2V) of the packed product; column 0 of out is j0. */
static void gemm_columns(const float *x, size_t m, const struct eng_gemm *w, size_t j0, size_t j1,
                         const struct target *out)
{
    for (size_t j = j0; j < j1; j += 2 * V) {
        /* Two halves of one panel where V = 8, two panels where V = 16. */
        const float *panel = w->panels + j * w->k;
        struct tile t = {.x = x, .blocks = 1, .depth = w->k, .w0 = panel, .w_row = ENG_GEMM_PANEL, .bias = w->bias + j};
        t.w1 = V == ENG_GEMM_PANEL ? panel + ENG_GEMM_PANEL * w->k : panel + V;
        struct target part = *out;
        part.y += j - j0;
        pair_rows(&t, m, j1 - j < 2 * V ? j1 - j : 2 * V, &part);
    }
}

static void gemm(const float *x, size_t m, const struct eng_gemm *w, enum eng_gemm_act act, int accumulate, float *y)
{
    struct target out = {.y = y, .stride = w->n, .act = act, .accumulate = accumulate};
    gemm_columns(x, m, w, 0, w->n, &out);
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
    if (m >= 4) /* enough rows to reuse what is loaded */
        for (; j + 2 * V <= n; j += 2 * V) {
            struct tile t = {.x = x, .blocks = 1, .depth = k, .w0 = w + j, .w1 = w + j + V, .w_row = n};
            struct target out = {.y = y + j, .stride = n, .act = ENG_GEMM_LINEAR};
            t.bias = bias ? bias + j : zeros;
            pair_rows(&t, m, 2 * V, &out);
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
