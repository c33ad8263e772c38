/* SPDX-License-Identifier: Apache-2.0 */
/* Plain twins of the kernels over rows: products, norms, softmax, attention, the CTC head. Sums run in fp64 so
 * that the twin is the more exact side of every comparison. */
#include <math.h>

#include "engine/kernels/kernels_private.h"

static float weight_at(const struct eng_gemm *w, size_t row, size_t column)
{
    return w->panels[(column / ENG_GEMM_PANEL * w->k + row) * ENG_GEMM_PANEL + column % ENG_GEMM_PANEL];
}

void eng_ref_matmul(const float *x, const float *w, const float *bias, size_t m, size_t k, size_t n, float *y)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = bias ? (double)bias[j] : 0;
            for (size_t p = 0; p < k; p++)
                sum += (double)x[i * k + p] * (double)w[p * n + j];
            y[i * n + j] = (float)sum;
        }
}

void eng_ref_matvec(const float *w, const float *x, const float *bias, size_t rows, size_t width, float *y)
{
    for (size_t r = 0; r < rows; r++) {
        double sum = bias ? (double)bias[r] : 0;
        for (size_t j = 0; j < width; j++)
            sum += (double)w[r * width + j] * (double)x[j];
        y[r] = (float)sum;
    }
}

void eng_ref_excite(const float *mean, size_t c, size_t mid, const float *w1, const float *b1, const float *w2,
                    const float *b2, float alpha, float beta, float *hidden, float *scale)
{
    eng_ref_matmul(mean, w1, b1, 1, c, mid, hidden);
    eng_ref_relu(hidden, mid);
    eng_ref_matmul(hidden, w2, b2, 1, mid, c, scale);
    eng_ref_hardsigmoid(scale, c, alpha, beta);
}

void eng_ref_layernorm(const float *x, size_t rows, size_t width, const float *gamma, const float *beta, float eps,
                       float *y)
{
    for (size_t r = 0; r < rows; r++, x += width, y += width) {
        double mean = 0, var = 0;
        for (size_t i = 0; i < width; i++)
            mean += (double)x[i];
        mean /= (double)width;
        for (size_t i = 0; i < width; i++)
            var += ((double)x[i] - mean) * ((double)x[i] - mean);
        double s = 1.0 / sqrt(var / (double)width + (double)eps);
        for (size_t i = 0; i < width; i++)
            y[i] = (float)(((double)x[i] - mean) * s * (double)gamma[i] + (double)beta[i]);
    }
}

void eng_ref_softmax(float *x, size_t rows, size_t width)
{
    for (size_t r = 0; r < rows; r++, x += width) {
        float top = -INFINITY;
        double sum = 0;
        for (size_t i = 0; i < width; i++)
            top = x[i] > top ? x[i] : top;
        for (size_t i = 0; i < width; i++) {
            x[i] = expf(x[i] - top);
            sum += (double)x[i];
        }
        for (size_t i = 0; i < width; i++)
            x[i] = (float)((double)x[i] / sum);
    }
}

size_t eng_ref_argmax(const float *x, size_t n, float *probability)
{
    size_t best = 0;
    double sum = 0;
    for (size_t i = 1; i < n; i++)
        best = x[i] > x[best] ? i : best;
    for (size_t i = 0; i < n; i++)
        sum += (double)expf(x[i] - x[best]);
    *probability = (float)(1.0 / sum);
    return best;
}

void eng_ref_tanh_score(const float *k, const float *q, const float *w, size_t positions, size_t width, float *score)
{
    for (size_t p = 0; p < positions; p++) {
        double sum = 0;
        for (size_t j = 0; j < width; j++)
            sum += (double)tanhf(k[p * width + j] + q[j]) * (double)w[j];
        score[p] = (float)sum;
    }
}

void eng_ref_attention(const float *qkv, size_t t, size_t heads, size_t d, float scale, float *scratch, float *out)
{
    size_t width = heads * d, row = 3 * width;
    for (size_t head = 0; head < heads; head++)
        for (size_t i = 0; i < t; i++) {
            const float *q = qkv + i * row + head * d;
            for (size_t j = 0; j < t; j++) {
                const float *k = qkv + j * row + width + head * d;
                double dot = 0;
                for (size_t c = 0; c < d; c++)
                    dot += (double)q[c] * (double)k[c];
                scratch[j] = (float)dot * scale;
            }
            eng_ref_softmax(scratch, 1, t);
            for (size_t c = 0; c < d; c++) {
                double sum = 0;
                for (size_t j = 0; j < t; j++)
                    sum += (double)scratch[j] * (double)qkv[j * row + 2 * width + head * d + c];
                out[i * width + head * d + c] = (float)sum;
            }
        }
}

/* Logits or outputs j0..j1 of one row. */
static void product_row(const float *x, const struct eng_gemm *w, size_t j0, size_t j1, float *y)
{
    for (size_t j = j0; j < j1; j++) {
        double sum = (double)w->bias[j];
        for (size_t p = 0; p < w->k; p++)
            sum += (double)x[p] * (double)weight_at(w, p, j);
        y[j - j0] = (float)sum;
    }
}

static float activated(float v, enum eng_gemm_act act)
{
    if (act == ENG_GEMM_RELU)
        eng_ref_relu(&v, 1);
    else if (act == ENG_GEMM_SWISH)
        eng_ref_swish(&v, 1);
    else if (act == ENG_GEMM_GELU)
        eng_ref_gelu(&v, 1);
    return v;
}

void eng_ref_gemm(const float *x, size_t m, const struct eng_gemm *w, enum eng_gemm_act act, int accumulate, float *y)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < w->n; j++) {
            float v;
            product_row(x + i * w->k, w, j, j + 1, &v);
            v = activated(v, act);
            y[i * w->n + j] = accumulate ? y[i * w->n + j] + v : v;
        }
}

void eng_ref_ctc(const float *x, size_t t, const struct eng_gemm *w, float *scratch, int32_t *index,
                 float *probability)
{
    for (size_t i = 0; i < t; i++) {
        float top = -INFINITY;
        double sum = 0;
        size_t best = 0;
        for (size_t j = 0; j < w->n; j += CTC_COLUMNS) {
            size_t n = w->n - j < CTC_COLUMNS ? w->n - j : CTC_COLUMNS;
            product_row(x + i * w->k, w, j, j + n, scratch);
            for (size_t c = 0; c < n; c++) {
                if (scratch[c] > top) {
                    sum *= exp((double)top - (double)scratch[c]);
                    top = scratch[c];
                    best = j + c;
                }
                sum += exp((double)scratch[c] - (double)top);
            }
        }
        index[i] = (int32_t)best;
        probability[i] = (float)(1.0 / sum);
    }
}

void eng_ref_mlp(const struct eng_mlp *m, const float *s, size_t begin, size_t end, size_t hw, size_t b,
                 const float *src, float *dst, float *scratch)
{
    size_t c = m->first->k, out = m->second->n;
    float *hidden = scratch, *in = hidden + m->first->n, *sum = in + c; /* the channels of one position */
    for (size_t p = begin; p < end; p++) {
        for (size_t ch = 0; ch < c; ch++)
            in[ch] = src[(ch / b * hw + p) * b + ch % b] * (s ? s[ch] : 1.0f);
        eng_ref_gemm(in, 1, m->first, ENG_GEMM_GELU, 0, hidden);
        eng_ref_gemm(hidden, 1, m->second, ENG_GEMM_LINEAR, 0, sum);
        for (size_t ch = 0; ch < out; ch++)
            dst[(ch / b * hw + p) * b + ch % b] = sum[ch] + (m->residual ? in[ch] : 0.0f);
    }
}
