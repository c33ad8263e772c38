/* SPDX-License-Identifier: Apache-2.0 */
/* Plain twins of the element-wise kernels: the definitions, with libm. */
#include <math.h>

#include "engine/kernels/kernels_private.h"

static float sigmoid_of(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

static float clamp01(float x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

void eng_ref_relu(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = x[i] > 0 ? x[i] : 0;
}

void eng_ref_gelu(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = 0.5f * x[i] * (1.0f + erff(x[i] * 0.70710678f));
}

void eng_ref_sigmoid(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = sigmoid_of(x[i]);
}

void eng_ref_swish(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = x[i] * sigmoid_of(x[i]);
}

void eng_ref_hardswish(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] *= clamp01(x[i] * (1.0f / 6) + 0.5f);
}

void eng_ref_hardsigmoid(float *x, size_t n, float alpha, float beta)
{
    for (size_t i = 0; i < n; i++)
        x[i] = clamp01(x[i] * alpha + beta);
}

void eng_ref_tanh(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = tanhf(x[i]);
}

void eng_ref_add(float *dst, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = a[i] + b[i];
}

void eng_ref_gru(const float *gx, const float *gh, size_t hidden, float *h)
{
    for (size_t i = 0; i < hidden; i++) {
        float r = sigmoid_of(gx[i] + gh[i]);
        float z = sigmoid_of(gx[hidden + i] + gh[hidden + i]);
        float n = tanhf(gx[2 * hidden + i] + r * gh[2 * hidden + i]);
        h[i] = (h[i] - n) * z + n;
    }
}
