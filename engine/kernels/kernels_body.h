/* SPDX-License-Identifier: Apache-2.0 */
/* The body of all kernels, included once per instruction set with ISA_NAME, ISA_ID and ISA_TABLE defined.
 * Loops are written so that the compiler vectorises them under the flags of the including file: no calls,
 * no early exits, reductions over a fixed number of independent lanes so that every build that vectorises
 * differently still sums in a stated order. */
#ifndef ENGINE_KERNELS_KERNELS_BODY_H
#define ENGINE_KERNELS_KERNELS_BODY_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "engine/kernels/kernels_private.h"

#define LANES 16 /* partial sums of a reduction */

/* e^x, relative error below 2e-7 for |x| <= 87; arguments outside are clamped. Cephes-style: x = n ln2 + r,
 * a polynomial of degree 6 in r, 2^n put into the exponent bits. */
static inline float exp_fast(float x)
{
    x = x < -87.0f ? -87.0f : x;
    x = x > 88.0f ? 88.0f : x;
    float t = x * 1.44269504f;
    int32_t n = (int32_t)(t + (t >= 0 ? 0.5f : -0.5f));
    float f = (float)n;
    float r = (x - f * 0.693359375f) + f * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    int32_t bits = (n + 127) << 23;
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    return p * scale;
}

static inline float sigmoid_one(float x)
{
    return 1.0f / (1.0f + exp_fast(-x));
}

static inline float tanh_one(float x)
{
    /* 1 - 2/(e^2x + 1) loses nothing that matters near 0 in fp32: absolute error below 2e-7. */
    return 1.0f - 2.0f / (exp_fast(2.0f * x) + 1.0f);
}

/* erf by Abramowitz and Stegun 7.1.26, absolute error below 1.5e-7. */
static inline float gelu_one(float x)
{
    float z = x * 0.70710678f, a = fabsf(z);
    float t = 1.0f / (1.0f + 0.3275911f * a);
    float p = 1.061405429f;
    p = p * t - 1.453152027f;
    p = p * t + 1.421413741f;
    p = p * t - 0.284496736f;
    p = p * t + 0.254829592f;
    float e = 1.0f - p * t * exp_fast(-a * a);
    e = z < 0 ? -e : e;
    return 0.5f * x * (1.0f + e);
}

static void relu(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = x[i] > 0 ? x[i] : 0;
}

static void gelu(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = gelu_one(x[i]);
}

static void sigmoid(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = sigmoid_one(x[i]);
}

static void swish(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = x[i] * sigmoid_one(x[i]);
}

static void hardswish(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float g = x[i] * (1.0f / 6) + 0.5f;
        g = g < 0 ? 0 : g;
        x[i] *= g > 1 ? 1 : g;
    }
}

static void hardsigmoid(float *x, size_t n, float alpha, float beta)
{
    for (size_t i = 0; i < n; i++) {
        float g = x[i] * alpha + beta;
        g = g < 0 ? 0 : g;
        x[i] = g > 1 ? 1 : g;
    }
}

static void tanh_all(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = tanh_one(x[i]);
}

static void add(float *dst, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = a[i] + b[i];
}

/* Positions are summed in runs of 256 first: fp32 stays exact enough over a million positions. */
static void mean(const float *x, size_t blocks, size_t hw, size_t b, float *out)
{
    for (size_t k = 0; k < blocks; k++) {
        float total[LANES] = {0};
        for (size_t start = 0; start < hw; start += 256) {
            size_t end = start + 256 < hw ? start + 256 : hw;
            float part[LANES] = {0};
            for (size_t p = start; p < end; p++)
                for (size_t c = 0; c < b; c++)
                    part[c] += x[(k * hw + p) * b + c];
            for (size_t c = 0; c < b; c++)
                total[c] += part[c];
        }
        for (size_t c = 0; c < b; c++)
            out[k * b + c] = total[c] / (float)hw;
    }
}

static void scale(float *x, size_t blocks, size_t hw, size_t b, const float *s, int keep)
{
    for (size_t k = 0; k < blocks; k++) {
        float f[LANES] = {0};
        for (size_t c = 0; c < b; c++)
            f[c] = s[k * b + c] + (keep ? 1.0f : 0.0f);
        float *row = x + k * hw * b;
        for (size_t p = 0; p < hw; p++)
            for (size_t c = 0; c < b; c++)
                row[p * b + c] *= f[c];
    }
}

static void upsample(const float *src, size_t blocks, size_t h, size_t w, size_t b, size_t factor, float *dst,
                     int accumulate)
{
    size_t out_w = w * factor;
    for (size_t k = 0; k < blocks; k++)
        for (size_t y = 0; y < h * factor; y++) {
            const float *from = src + (k * h + y / factor) * w * b;
            float *to = dst + (k * h * factor + y) * out_w * b;
            for (size_t x = 0; x < w; x++)
                for (size_t f = 0; f < factor; f++, to += b)
                    for (size_t c = 0; c < b; c++)
                        to[c] = from[x * b + c] + (accumulate ? to[c] : 0.0f);
        }
}

static void maxpool2(const float *src, size_t blocks, size_t h, size_t w, size_t b, float *dst)
{
    for (size_t k = 0; k < blocks; k++)
        for (size_t y = 0; y < h; y++) {
            const float *r0 = src + (k * h + y) * w * b;
            const float *r1 = src + (k * h + (y + 1 < h ? y + 1 : y)) * w * b;
            float *to = dst + (k * h + y) * w * b;
            for (size_t i = 0; i < w * b; i++) {
                size_t j = i + b < w * b ? i + b : i;
                float left = r0[i] > r1[i] ? r0[i] : r1[i];
                float right = r0[j] > r1[j] ? r0[j] : r1[j];
                to[i] = left > right ? left : right;
            }
        }
}

static void avgpool(const float *src, size_t blocks, size_t h, size_t w, size_t b, size_t kh, size_t kw, float *dst)
{
    size_t oh = h / kh, ow = w / kw;
    float share = 1.0f / (float)(kh * kw);
    for (size_t k = 0; k < blocks; k++)
        for (size_t y = 0; y < oh; y++)
            for (size_t x = 0; x < ow; x++) {
                float sum[LANES] = {0};
                for (size_t j = 0; j < kh; j++)
                    for (size_t i = 0; i < kw; i++)
                        for (size_t c = 0; c < b; c++)
                            sum[c] += src[((k * h + y * kh + j) * w + x * kw + i) * b + c];
                for (size_t c = 0; c < b; c++)
                    dst[((k * oh + y) * ow + x) * b + c] = sum[c] * share;
            }
}

static void matmul(const float *x, const float *w, const float *bias, size_t m, size_t k, size_t n, float *y)
{
    for (size_t i = 0; i < m; i++) {
        float *row = y + i * n;
        for (size_t j = 0; j < n; j++)
            row[j] = bias ? bias[j] : 0.0f;
        for (size_t p = 0; p < k; p++) {
            float f = x[i * k + p];
            const float *wr = w + p * n;
            for (size_t j = 0; j < n; j++)
                row[j] += f * wr[j];
        }
    }
}

static float sum_of(const float *x, size_t n)
{
    float part[LANES] = {0}, total = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t l = 0; l < LANES; l++)
            part[l] += x[i + l];
    for (; i < n; i++)
        part[i % LANES] += x[i];
    for (size_t l = 0; l < LANES; l++)
        total += part[l];
    return total;
}

static void layernorm(const float *x, size_t rows, size_t width, const float *gamma, const float *beta, float eps,
                      float *y)
{
    for (size_t r = 0; r < rows; r++, x += width, y += width) {
        float m = sum_of(x, width) / (float)width, var = 0, part[LANES] = {0};
        size_t i = 0;
        for (; i + LANES <= width; i += LANES)
            for (size_t l = 0; l < LANES; l++)
                part[l] += (x[i + l] - m) * (x[i + l] - m);
        for (; i < width; i++)
            part[i % LANES] += (x[i] - m) * (x[i] - m);
        for (size_t l = 0; l < LANES; l++)
            var += part[l];
        float s = 1.0f / sqrtf(var / (float)width + eps);
        for (i = 0; i < width; i++)
            y[i] = (x[i] - m) * s * gamma[i] + beta[i];
    }
}

static float max_of(const float *x, size_t n)
{
    float part[LANES], best;
    for (size_t l = 0; l < LANES; l++)
        part[l] = x[0];
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t l = 0; l < LANES; l++)
            part[l] = x[i + l] > part[l] ? x[i + l] : part[l];
    best = part[0];
    for (; i < n; i++)
        best = x[i] > best ? x[i] : best;
    for (size_t l = 1; l < LANES; l++)
        best = part[l] > best ? part[l] : best;
    return best;
}

static void softmax(float *x, size_t rows, size_t width)
{
    for (size_t r = 0; r < rows; r++, x += width) {
        float top = max_of(x, width);
        for (size_t i = 0; i < width; i++)
            x[i] = exp_fast(x[i] - top);
        float share = 1.0f / sum_of(x, width);
        for (size_t i = 0; i < width; i++)
            x[i] *= share;
    }
}

static size_t argmax(const float *x, size_t n, float *probability)
{
    float top = max_of(x, n), part[LANES] = {0}, total = 0;
    size_t at = 0, i = 0;
    while (at + 1 < n && x[at] != top) /* NaN everywhere ends at the last index */
        at++;
    for (; i + LANES <= n; i += LANES)
        for (size_t l = 0; l < LANES; l++)
            part[l] += exp_fast(x[i + l] - top);
    for (; i < n; i++)
        part[i % LANES] += exp_fast(x[i] - top);
    for (size_t l = 0; l < LANES; l++)
        total += part[l];
    *probability = 1.0f / total;
    return at;
}

static void tanh_score(const float *k, const float *q, const float *w, size_t positions, size_t width, float *score)
{
    for (size_t p = 0; p < positions; p++, k += width) {
        float part[LANES] = {0}, total = 0;
        size_t j = 0;
        for (; j + LANES <= width; j += LANES)
            for (size_t l = 0; l < LANES; l++)
                part[l] += tanh_one(k[j + l] + q[j + l]) * w[j + l];
        for (; j < width; j++)
            part[j % LANES] += tanh_one(k[j] + q[j]) * w[j];
        for (size_t l = 0; l < LANES; l++)
            total += part[l];
        score[p] = total;
    }
}

const struct eng_kernels ISA_TABLE = {
    .isa = ISA_ID, .name = ISA_NAME, .relu = relu, .gelu = gelu, .sigmoid = sigmoid, .swish = swish,
    .hardswish = hardswish, .hardsigmoid = hardsigmoid, .tanh = tanh_all, .add = add, .mean = mean, .scale = scale,
    .upsample = upsample, .maxpool2 = maxpool2, .avgpool = avgpool, .matmul = matmul, .layernorm = layernorm,
    .softmax = softmax, .argmax = argmax, .tanh_score = tanh_score, .excite = eng_ref_excite,
    .to_blocked = eng_ref_to_blocked, .to_plain = eng_ref_to_plain, .copy_channels = eng_ref_copy_channels,
    .shuffle2 = eng_ref_shuffle2, .shuffle2_plain = eng_ref_shuffle2_plain, .attention = eng_ref_attention,
    .gemm = eng_ref_gemm, .ctc = eng_ref_ctc, .gru = eng_ref_gru, .matvec = eng_ref_matvec,
};

#endif
