/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_KERNELS_VEC_ROWS_H
#define ENGINE_KERNELS_VEC_ROWS_H

/* Norms, softmax, attention, the CTC head and the table decoder's scores; included once per instruction set. */

#include <math.h>
#include <string.h>

#include "engine/kernels/kernels_private.h"
#include "engine/kernels/vec.h"
#include "engine/kernels/vec_gemm.h"

V_INLINE float row_sum(const float *x, size_t n)
{
    vf a = v_zero(), b = v_zero();
    size_t i = 0;
    for (; i + 2 * V <= n; i += 2 * V) {
        a = v_add(a, v_load(x + i));
        b = v_add(b, v_load(x + i + V));
    }
    for (; i < n; i += V)
        a = v_add(a, v_load_n(x + i, n - i < V ? n - i : V));
    return v_sum(v_add(a, b));
}

/* Largest of n >= 1 values. */
V_INLINE float row_max(const float *x, size_t n)
{
    vf a = v_set(-INFINITY), b = a;
    size_t i = 0;
    for (; i + 2 * V <= n; i += 2 * V) {
        a = v_max(v_load(x + i), a);
        b = v_max(v_load(x + i + V), b);
    }
    for (; i < n; i += V)
        a = v_max(v_load_fill(x + i, n - i < V ? n - i : V, -INFINITY), a);
    return v_top(v_max(a, b));
}

/* sum exp(x - top), optionally kept in x. */
V_INLINE float row_exp(float *x, size_t n, float top, int keep)
{
    vf t = v_set(top), a = v_zero(), b = v_zero();
    size_t i = 0;
    for (; i + 2 * V <= n; i += 2 * V) {
        vf e = v_exp(v_sub(v_load(x + i), t)), f = v_exp(v_sub(v_load(x + i + V), t));
        a = v_add(a, e);
        b = v_add(b, f);
        if (keep) {
            v_store(x + i, e);
            v_store(x + i + V, f);
        }
    }
    for (; i < n; i += V) {
        size_t left = n - i < V ? n - i : V;
        vf e = v_keep(v_exp(v_sub(v_load_n(x + i, left), t)), left);
        a = v_add(a, e);
        if (keep)
            v_store_n(x + i, e, left);
    }
    return v_sum(v_add(a, b));
}

static void layernorm(const float *x, size_t rows, size_t width, const float *gamma, const float *beta, float eps,
                      float *y)
{
    for (size_t r = 0; r < rows; r++, x += width, y += width) {
        vf m = v_set(row_sum(x, width) / (float)width), sq = v_zero();
        for (size_t i = 0; i < width; i += V) {
            size_t n = width - i < V ? width - i : V;
            vf d = v_keep(v_sub(v_load_n(x + i, n), m), n);
            sq = v_fma(d, d, sq);
        }
        vf s = v_set(1.0f / sqrtf(v_sum(sq) / (float)width + eps));
        size_t i = 0;
        for (; i + V <= width; i += V) {
            vf d = v_mul(v_sub(v_load(x + i), m), s);
            v_store(y + i, v_fma(d, v_load(gamma + i), v_load(beta + i)));
        }
        if (i < width) {
            size_t n = width - i;
            vf d = v_mul(v_sub(v_load_n(x + i, n), m), s);
            v_store_n(y + i, v_fma(d, v_load_n(gamma + i, n), v_load_n(beta + i, n)), n);
        }
    }
}

static void softmax(float *x, size_t rows, size_t width)
{
    for (size_t r = 0; r < rows; r++, x += width) {
        vf share = v_set(1.0f / row_exp(x, width, row_max(x, width), 1));
        size_t i = 0;
        for (; i + V <= width; i += V)
            v_store(x + i, v_mul(v_load(x + i), share));
        if (i < width)
            v_store_n(x + i, v_mul(v_load_n(x + i, width - i), share), width - i);
    }
}

/* First index whose value is `top`; n - 1 if there is none (NaN). */
V_INLINE size_t first_of(const float *x, size_t n, float top)
{
    size_t at = 0;
    while (at + 1 < n && x[at] != top)
        at++;
    return at;
}

static size_t argmax(const float *x, size_t n, float *probability)
{
    float top = row_max(x, n), sum = 0;
    vf t = v_set(top), a = v_zero();
    for (size_t i = 0; i < n; i += V) {
        size_t left = n - i < V ? n - i : V;
        a = v_add(a, v_keep(v_exp(v_sub(v_load_n(x + i, left), t)), left));
    }
    sum = v_sum(a);
    *probability = 1.0f / sum;
    return first_of(x, n, top);
}

static void tanh_score(const float *k, const float *q, const float *w, size_t positions, size_t width, float *score)
{
    for (size_t p = 0; p < positions; p++, k += width) {
        vf a = v_zero(), b = v_zero();
        size_t j = 0;
        for (; j + 2 * V <= width; j += 2 * V) {
            a = v_fma(v_tanh(v_add(v_load(k + j), v_load(q + j))), v_load(w + j), a);
            b = v_fma(v_tanh(v_add(v_load(k + j + V), v_load(q + j + V))), v_load(w + j + V), b);
        }
        for (; j < width; j += V) { /* lanes beyond the width are tanh(0) * 0 */
            size_t n = width - j < V ? width - j : V;
            a = v_fma(v_tanh(v_add(v_load_n(k + j, n), v_load_n(q + j, n))), v_load_n(w + j, n), a);
        }
        score[p] = v_sum(v_add(a, b));
    }
}

/* State of the running softmax of one row: its top so far, where, and sum exp(logit - top). */
struct ctc_row {
    float top, sum;
    int32_t at;
};

static void ctc_fold(struct ctc_row *row, float *logits, size_t n, size_t first)
{
    float top = row_max(logits, n);
    if (top > row->top) {
        row->sum *= expf(row->top - top); /* at first exp(-inf) = 0 */
        row->top = top;
        row->at = (int32_t)(first + first_of(logits, n, top));
    }
    row->sum += row_exp(logits, n, row->top, 0);
}

/* Strips of CTC_COLUMNS logits of CTC_ROWS rows live in scratch, which stays in the second-level cache; the
 * weights are read once per CTC_ROWS rows. */
static void ctc(const float *x, size_t t, const struct eng_gemm *w, float *scratch, int32_t *index, float *probability)
{
    for (size_t i = 0; i < t; i += CTC_ROWS) {
        struct ctc_row state[CTC_ROWS];
        size_t rows = t - i < CTC_ROWS ? t - i : CTC_ROWS;
        for (size_t r = 0; r < rows; r++)
            state[r] = (struct ctc_row){.top = -INFINITY};
        for (size_t j = 0; j < w->n; j += CTC_COLUMNS) {
            size_t n = w->n - j < CTC_COLUMNS ? w->n - j : CTC_COLUMNS;
            struct target out = {.y = scratch, .stride = CTC_COLUMNS, .act = ENG_GEMM_LINEAR};
            gemm_columns(x + i * w->k, rows, w, j, j + n, &out);
            for (size_t r = 0; r < rows; r++)
                ctc_fold(&state[r], scratch + r * CTC_COLUMNS, n, j);
        }
        for (size_t r = 0; r < rows; r++) {
            index[i + r] = state[r].at;
            probability[i + r] = 1.0f / state[r].sum;
        }
    }
}

/* Keys of one head transposed to [d][tp] and values padded to [t][dp] for whole vectors; tp = t and dp = d
 * rounded up to 16. Padding is 0. */
static void gather_head(const float *qkv, size_t t, size_t heads, size_t d, size_t head, float *keys, float *values)
{
    size_t width = heads * d, tp = eng_round16(t), dp = eng_round16(d);
    memset(keys, 0, d * tp * sizeof *keys);
    memset(values, 0, t * dp * sizeof *values);
    for (size_t j = 0; j < t; j++) {
        const float *k = qkv + j * 3 * width + width + head * d, *v = k + width;
        for (size_t c = 0; c < d; c++) {
            keys[c * tp + j] = k[c];
            values[j * dp + c] = v[c];
        }
    }
}

/* Scores of `n` queries (rows of `stride`) against all keys -> scores[n][tp], scaled. */
V_INLINE void query_scores(const float *q, size_t stride, size_t n, const float *keys, size_t tp, size_t d,
                           float factor, float *scores)
{
    for (size_t j = 0; j < tp; j += V) {
        vf acc[ATTENTION_QUERIES];
        for (size_t i = 0; i < n; i++)
            acc[i] = v_zero();
        for (size_t c = 0; c < d; c++) {
            vf k = v_load(keys + c * tp + j);
            for (size_t i = 0; i < n; i++)
                acc[i] = v_fma(v_set(q[i * stride + c]), k, acc[i]);
        }
        for (size_t i = 0; i < n; i++)
            v_store(scores + i * tp + j, v_mul(acc[i], v_set(factor)));
    }
}

/* out[i][c] = share[i] * sum_j weight[i][j] values[j][c]. */
V_INLINE void weighted_values(const float *weights, size_t tp, size_t n, const float *values, size_t t, size_t d,
                              const float *share, float *out, size_t stride)
{
    size_t dp = eng_round16(d);
    for (size_t c = 0; c < d; c += V) {
        vf acc[ATTENTION_QUERIES];
        for (size_t i = 0; i < n; i++)
            acc[i] = v_zero();
        for (size_t j = 0; j < t; j++) {
            vf v = v_load(values + j * dp + c);
            for (size_t i = 0; i < n; i++)
                acc[i] = v_fma(v_set(weights[i * tp + j]), v, acc[i]);
        }
        for (size_t i = 0; i < n; i++)
            v_store_n(out + i * stride + c, v_mul(acc[i], v_set(share[i])), d - c < V ? d - c : V);
    }
}

V_INLINE void query_group(const float *q, size_t width, size_t n, const float *keys, const float *values, size_t t,
                          size_t d, float factor, float *scores, float *out)
{
    size_t tp = eng_round16(t);
    float share[ATTENTION_QUERIES];
    query_scores(q, 3 * width, n, keys, tp, d, factor, scores);
    for (size_t i = 0; i < n; i++) {
        float *s = scores + i * tp;
        share[i] = 1.0f / row_exp(s, t, row_max(s, t), 1);
    }
    weighted_values(scores, tp, n, values, t, d, share, out, width);
}

static void attention(const float *qkv, size_t t, size_t heads, size_t d, float factor, float *scratch, float *out)
{
    size_t width = heads * d, tp = eng_round16(t);
    float *keys = scratch, *values = keys + d * tp, *scores = values + eng_round16(d) * tp;
    for (size_t head = 0; head < heads; head++) {
        size_t i = 0;
        gather_head(qkv, t, heads, d, head, keys, values);
        const float *q = qkv + head * d;
        float *to = out + head * d;
        for (; i + ATTENTION_QUERIES <= t; i += ATTENTION_QUERIES)
            query_group(q + i * 3 * width, width, ATTENTION_QUERIES, keys, values, t, d, factor, scores, to + i * width);
        for (; i < t; i++)
            query_group(q + i * 3 * width, width, 1, keys, values, t, d, factor, scores, to + i * width);
    }
}

#endif
