/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_KERNELS_VEC_POINTWISE_H
#define ENGINE_KERNELS_VEC_POINTWISE_H

/* Element-wise kernels over any number of floats; included once per instruction set. Four independent vectors
 * hide the latency of the polynomials. */

#include "engine/kernels/vec.h"

typedef vf v_fn(vf x);

V_INLINE void map(float *x, size_t n, v_fn *f)
{
    size_t i = 0;
    for (; i + 4 * V <= n; i += 4 * V) {
        vf a = f(v_load(x + i)), b = f(v_load(x + i + V));
        vf c = f(v_load(x + i + 2 * V)), d = f(v_load(x + i + 3 * V));
        v_store(x + i, a);
        v_store(x + i + V, b);
        v_store(x + i + 2 * V, c);
        v_store(x + i + 3 * V, d);
    }
    for (; i + V <= n; i += V)
        v_store(x + i, f(v_load(x + i)));
    if (i < n)
        v_store_n(x + i, f(v_load_n(x + i, n - i)), n - i);
}

V_INLINE vf hardswish_one(vf x)
{
    return v_mul(x, v_clamp01(v_fma(x, v_set(1.0f / 6), v_set(0.5f))));
}

static void relu(float *x, size_t n)
{
    map(x, n, v_relu);
}

static void gelu(float *x, size_t n)
{
    map(x, n, v_gelu);
}

static void sigmoid(float *x, size_t n)
{
    map(x, n, v_sigmoid);
}

static void swish(float *x, size_t n)
{
    map(x, n, v_swish);
}

static void hardswish(float *x, size_t n)
{
    map(x, n, hardswish_one);
}

static void tanh_all(float *x, size_t n)
{
    map(x, n, v_tanh);
}

static void hardsigmoid(float *x, size_t n, float alpha, float beta)
{
    vf a = v_set(alpha), b = v_set(beta);
    size_t i = 0;
    for (; i + V <= n; i += V)
        v_store(x + i, v_clamp01(v_fma(v_load(x + i), a, b)));
    if (i < n)
        v_store_n(x + i, v_clamp01(v_fma(v_load_n(x + i, n - i), a, b)), n - i);
}

static void add(float *dst, const float *a, const float *b, size_t n)
{
    size_t i = 0;
    for (; i + V <= n; i += V)
        v_store(dst + i, v_add(v_load(a + i), v_load(b + i)));
    if (i < n)
        v_store_n(dst + i, v_add(v_load_n(a + i, n - i), v_load_n(b + i, n - i)), n - i);
}

/* n <= V units of the GRU cell starting at unit i. */
V_INLINE void gru_units(const float *gx, const float *gh, size_t hidden, float *h, size_t i, size_t n)
{
    vf r = v_sigmoid(v_add(v_load_n(gx + i, n), v_load_n(gh + i, n)));
    vf z = v_sigmoid(v_add(v_load_n(gx + hidden + i, n), v_load_n(gh + hidden + i, n)));
    vf c = v_tanh(v_fma(r, v_load_n(gh + 2 * hidden + i, n), v_load_n(gx + 2 * hidden + i, n)));
    vf old = v_load_n(h + i, n);
    v_store_n(h + i, v_fma(v_sub(old, c), z, c), n);
}

static void gru(const float *gx, const float *gh, size_t hidden, float *h)
{
    for (size_t i = 0; i < hidden; i += V)
        gru_units(gx, gh, hidden, h, i, hidden - i < V ? hidden - i : V);
}

#endif
