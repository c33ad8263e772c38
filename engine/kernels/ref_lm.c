/* SPDX-License-Identifier: Apache-2.0 */
/* Plain twins of the large model's kernels: sums in double, libm, no tricks. What the vector sets are tested
 * against, and what runs on processors without AVX2. */
#include <math.h>
#include <string.h>

#include "engine/kernels/kernels_private.h"
#include "engine/kernels/lm_private.h"

float eng_lm_bf16(uint16_t bits)
{
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

float eng_lm_f16(uint16_t bits)
{
    int exponent = bits >> 10 & 31;
    double fraction = bits & 1023, value;
    if (exponent == 31)
        value = bits & 1023 ? (double)NAN : (double)INFINITY;
    else
        value = exponent ? ldexp(1024.0 + fraction, exponent - 25) : ldexp(fraction, -24);
    return (float)(bits & 0x8000 ? -value : value);
}

static uint16_t to_bf16(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if (x != x)
        return (uint16_t)(bits >> 16 | 64);
    return (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

/* Place of input i in the order of `split`. */
static size_t split_place(size_t i)
{
    return i / 32 * 32 + (i & 1) * 16 + i % 32 / 2;
}

void eng_lm_ref_split(const float *x, size_t k, float *out)
{
    memset(out, 0, eng_lm_padded(k) * sizeof *out);
    for (size_t i = 0; i < k; i++)
        out[split_place(i)] = x[i];
}

void eng_lm_ref_round_bf16(const float *x, size_t k, uint16_t *out)
{
    memset(out, 0, eng_lm_padded(k) * sizeof *out);
    for (size_t i = 0; i < k; i++)
        out[i] = to_bf16(x[i]);
}

float eng_lm_ref_quantise(const float *x, size_t k, uint8_t *out)
{
    float top = 0;
    for (size_t i = 0; i < k; i++)
        top = fabsf(x[i]) > top ? fabsf(x[i]) : top; /* NaN never gets in */
    float scale = top > 0 && top < INFINITY ? top / 127.0f : 1.0f;
    for (size_t i = 0; i < eng_lm_padded(k); i++) {
        float v = i < k ? nearbyintf(x[i] * (1.0f / scale)) : 0.0f;
        out[i] = (uint8_t)(128 + (int)(v >= -127.0f ? v <= 127.0f ? v : 127.0f : -127.0f));
    }
    return scale;
}

void eng_lm_ref_widen_bf16(const uint16_t *w, size_t k, float *out)
{
    memset(out, 0, eng_lm_padded(k) * sizeof *out);
    for (size_t i = 0; i < k; i++)
        out[split_place(i)] = eng_lm_bf16(w[i]);
}

/* Halves are multiples of a step that doubles with the exponent; nearbyint rounds ties to even. */
static uint16_t to_f16(float x)
{
    float v = x >= -65504.0f ? x <= 65504.0f ? x : 65504.0f : -65504.0f;
    int exponent;
    double size = fabs((double)v), steps;
    (void)frexp(size, &exponent); /* size < 2^exponent */
    exponent = size > 0x1p-14 ? exponent : -13;
    steps = nearbyint(ldexp(size, 11 - exponent)); /* 2048 of them: the next exponent, and so do the bits carry */
    unsigned bits = (unsigned)steps + ((unsigned)(exponent + 13) << 10);
    return (uint16_t)(bits | (signbit(v) ? 0x8000U : 0U));
}

void eng_lm_ref_narrow_f16(const float *x, size_t n, uint16_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = to_f16(x[i]);
}

void eng_lm_ref_widen_f16(const uint16_t *w, size_t k, float *out)
{
    memset(out, 0, eng_lm_padded(k) * sizeof *out);
    for (size_t i = 0; i < k; i++)
        out[i] = eng_lm_f16(w[i]);
}

void eng_lm_to_panel(const void *rows, size_t distance, size_t n, size_t bytes, size_t length, void *panel)
{
    for (size_t j = 0; j < ENG_LM_PANEL; j++)
        for (size_t at = 0; at < length; at += ENG_LM_BLOCK) {
            uint8_t *to = (uint8_t *)panel + at * ENG_LM_PANEL + j * ENG_LM_BLOCK;
            const uint8_t *from = (const uint8_t *)rows + j * distance + at;
            if (j < n && at + ENG_LM_BLOCK <= bytes) {
                memcpy(to, from, ENG_LM_BLOCK); /* a size the compiler knows: a few moves */
            } else {
                memset(to, 0, ENG_LM_BLOCK);
                if (j < n && at < bytes)
                    memcpy(to, from, bytes - at);
            }
        }
}

void eng_lm_from_panel(const void *panel, size_t length, void *rows)
{
    const uint8_t *from = panel;
    for (size_t at = 0; at < length; at += ENG_LM_BLOCK)
        for (size_t j = 0; j < ENG_LM_PANEL; j++, from += ENG_LM_BLOCK)
            memcpy((uint8_t *)rows + j * length + at, from, ENG_LM_BLOCK);
}

/* Where byte `at` of a row lies in panels of rows of that length. */
static size_t panel_place(size_t row, size_t length, size_t at)
{
    return (row / ENG_LM_PANEL * length + at / ENG_LM_BLOCK * ENG_LM_BLOCK) * ENG_LM_PANEL +
           row % ENG_LM_PANEL * ENG_LM_BLOCK + at % ENG_LM_BLOCK;
}

float eng_lm_q4_scale(float scale)
{
    uint32_t bits;
    memcpy(&bits, &scale, sizeof bits);
    bits &= ~15U;
    memcpy(&scale, &bits, sizeof bits);
    return scale;
}

void eng_lm_q4_to_panel(const struct eng_lm_q4_row *row, size_t k, size_t at, uint8_t *panel)
{
    for (size_t g = 0; g < k / ENG_LM_GROUP; g++, panel += ENG_LM_Q4_STEP) {
        const uint8_t *q = row->q + g * (ENG_LM_GROUP / 2);
        for (size_t i = 0; i < ENG_LM_GROUP / 8; i++)
            memcpy(panel + i * ENG_LM_Q4_LINE + at * 4, q + 4 * i, 4);
        const float scale = eng_lm_q4_scale(row->scale[g]);
        uint32_t bits;
        memcpy(&bits, &scale, sizeof bits);
        bits |= row->zero[g];
        memcpy(panel + ENG_LM_Q4_SCALES + at * 4, &bits, sizeof bits);
    }
}

/* q - zero of an input of a row, and the scale of its group. */
static int q4_at(const uint8_t *w, size_t row, size_t w_row, size_t i, float *scale)
{
    const uint8_t *group =
        w + row / ENG_LM_Q4_PANEL * ENG_LM_Q4_PANEL * w_row + i / ENG_LM_GROUP * ENG_LM_Q4_STEP;
    const size_t at = row % ENG_LM_Q4_PANEL, pair = i % (ENG_LM_GROUP / 2);
    const uint8_t byte = group[pair / 4 * ENG_LM_Q4_LINE + at * 4 + pair % 4];
    uint32_t bits;
    memcpy(&bits, group + ENG_LM_Q4_SCALES + at * 4, sizeof bits);
    memcpy(scale, &bits, sizeof bits);
    *scale = eng_lm_q4_scale(*scale);
    return (i % ENG_LM_GROUP < ENG_LM_GROUP / 2 ? byte & 15 : byte >> 4) - (int)(bits & 15);
}

void eng_lm_ref_widen_q4(const uint8_t *w, size_t row, size_t w_row, size_t k, float *out)
{
    memset(out, 0, eng_lm_padded(k) * sizeof *out);
    for (size_t i = 0; i < k; i++) {
        float scale;
        const int q = q4_at(w, row, w_row, i, &scale);
        out[i] = (float)q * scale;
    }
}

void eng_lm_ref_dot_f32(const struct eng_lm_shape *s, const float *x, const float *w, float *y)
{
    for (size_t i = 0; i < s->m; i++)
        for (size_t j = 0; j < s->n; j++) {
            double sum = 0;
            for (size_t c = 0; c < eng_lm_padded(s->k); c++)
                sum += (double)x[i * s->x_row + c] * (double)w[j * s->w_row + c];
            y[i * s->y_row + j] += (float)sum;
        }
}

void eng_lm_ref_dot_bf16(const struct eng_lm_shape *s, const float *x, const uint16_t *w, float *y)
{
    for (size_t i = 0; i < s->m; i++)
        for (size_t j = 0; j < s->n; j++) {
            double sum = 0; /* in the order of the widened row: the same bits */
            for (size_t c = 0; c < s->k; c++) {
                size_t at = c / 32 * 32 + c % 16 * 2 + (c % 32 >= 16);
                sum += (double)x[i * s->x_row + c] * (double)eng_lm_bf16(w[j * s->w_row + at]);
            }
            y[i * s->y_row + j] += (float)sum;
        }
}

void eng_lm_ref_dot_bf16_bf16(const struct eng_lm_shape *s, const uint16_t *x, const uint16_t *w, float *y)
{
    for (size_t i = 0; i < s->m; i++)
        for (size_t j = 0; j < s->n; j++) {
            double sum = 0;
            for (size_t c = 0; c < s->k; c++)
                sum += (double)eng_lm_bf16(x[i * s->x_row + c]) *
                       (double)eng_lm_bf16(w[s->panels ? panel_place(j, 2 * s->w_row, 2 * c) / 2 : j * s->w_row + c]);
            y[i * s->y_row + j] += (float)sum;
        }
}

void eng_lm_ref_dot_s8(const struct eng_lm_shape *s, const uint8_t *x, const int8_t *w, int32_t *y)
{
    for (size_t i = 0; i < s->m; i++)
        for (size_t j = 0; j < s->n; j++) {
            int32_t sum = 0;
            for (size_t c = 0; c < s->k; c++)
                sum += (int32_t)x[i * s->x_row + c] * w[panel_place(j, s->w_row, c)];
            y[i * s->y_row + j] = sum;
        }
}

void eng_lm_ref_spread_s8(const int8_t *panels, size_t w_row, size_t n, size_t k, int8_t *out)
{
    for (size_t j = 0; j < ENG_LM_SPREAD; j++)
        for (size_t c = 0; c < k; c++)
            out[(c / 4 * ENG_LM_SPREAD + j) * 4 + c % 4] = j < n ? panels[panel_place(j, w_row, c)] : 0;
}

void eng_lm_ref_many_s8(const struct eng_lm_many *p)
{
    for (size_t i = 0; i < p->m; i++) {
        int32_t *sums = p->sums + i * ENG_LM_SPREAD;
        for (size_t j = 0; j < ENG_LM_SPREAD; j++) {
            int32_t sum = p->more ? sums[j] : 0;
            for (size_t c = 0; c < p->k; c++)
                sum += (int32_t)p->x[i * p->x_row + c] * p->w[(c / 4 * ENG_LM_SPREAD + j) * 4 + c % 4];
            sums[j] = sum;
        }
        if (p->finish) {
            struct eng_lm_finish f = *p->finish;
            f.share = p->shares[i];
            f.y += i * p->y_row;
            eng_lm_ref_finish_s8(&f, sums);
        }
    }
}

/* The chain of the vector sets. */
void eng_lm_ref_dot_q4(const struct eng_lm_shape *s, const uint8_t *x, const uint8_t *w, float *y)
{
    for (size_t i = 0; i < s->m; i++)
        for (size_t j = 0; j < s->n; j++) {
            float sum = 0;
            for (size_t g = 0; g < s->k / ENG_LM_GROUP; g++) {
                int32_t part = 0;
                float scale = 0;
                for (size_t c = g * ENG_LM_GROUP; c < (g + 1) * ENG_LM_GROUP; c++)
                    part += x[i * s->x_row + c] * q4_at(w, j, s->w_row, c, &scale);
                sum = fmaf((float)part, scale, sum);
            }
            y[i * s->y_row + j] = sum;
        }
}

void eng_lm_ref_rmsnorm(const float *x, size_t rows, size_t width, const float *gamma, float eps, float *y)
{
    for (size_t r = 0; r < rows; r++, x += width, y += width) {
        double sum = 0;
        for (size_t i = 0; i < width; i++)
            sum += (double)x[i] * (double)x[i];
        float share = (float)(1.0 / sqrt(sum / (double)width + (double)eps));
        for (size_t i = 0; i < width; i++)
            y[i] = x[i] * share * gamma[i];
    }
}

void eng_lm_ref_rotate(float *x, size_t heads, size_t d, const float *cosine, const float *sine)
{
    for (size_t h = 0; h < heads; h++, x += d)
        for (size_t i = 0; i < d / 2; i++) {
            float a = x[i], b = x[i + d / 2];
            x[i] = a * cosine[i] - b * sine[i];
            x[i + d / 2] = b * cosine[i] + a * sine[i];
        }
}

void eng_lm_ref_silu_mul(float *gate, const float *up, size_t n)
{
    for (size_t i = 0; i < n; i++)
        gate[i] = gate[i] / (1.0f + expf(-gate[i])) * up[i];
}

void eng_lm_ref_add(float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] += y[i];
}

static double cached(const struct eng_lm_attention *a, const void *part, size_t at)
{
    return (double)(a->half ? eng_lm_f16(((const uint16_t *)part)[at]) : ((const float *)part)[at]);
}

/* Softmax over the whole row in two passes, scores computed twice: no running maximum to go wrong. */
static void attend_row(const struct eng_lm_attention *a, size_t row, size_t seen)
{
    const float *q = a->q + row * a->d;
    size_t width = eng_lm_value_width(a->d);
    float *out = a->out + row * width;
    double sums[ENG_LM_MAX_HEAD + 32] = {0}, total = 0, top = -INFINITY;
    for (int pass = 0; pass < 2; pass++)
        for (size_t j = 0; j < seen; j++) {
            size_t key = j / ENG_LM_KEYS * a->d * ENG_LM_KEYS + j % ENG_LM_KEYS;
            double score = 0;
            for (size_t c = 0; c < a->d; c++)
                score += (double)q[c] * cached(a, a->keys, key + c * ENG_LM_KEYS);
            if (pass == 0) {
                top = score > top ? score : top;
                continue;
            }
            double weight = exp(score - top);
            total += weight;
            for (size_t c = 0; c < a->d; c++)
                sums[c] += weight * cached(a, a->values, j * width + c);
        }
    for (size_t c = 0; c < width; c++)
        out[c] = (float)(sums[c] / total);
}

void eng_lm_ref_attend(const struct eng_lm_attention *a)
{
    for (size_t row = 0; row < a->rows; row++)
        attend_row(a, row, a->first + (a->group ? row / a->group : 0) + 1);
}

void eng_lm_ref_round_keys(const float *x, size_t x_row, size_t n, size_t d, uint16_t *keys)
{
    memset(keys, 0, (n + ENG_LM_KEYS - 1) / ENG_LM_KEYS * ENG_LM_KEYS * d * sizeof *keys);
    for (size_t j = 0; j < n; j++)
        for (size_t c = 0; c < d; c++)
            keys[j / ENG_LM_KEYS * ENG_LM_KEYS * d + (c / 2 * ENG_LM_KEYS + j % ENG_LM_KEYS) * 2 + c % 2] =
                to_bf16(x[j * x_row + c]);
}

void eng_lm_ref_round_values(const float *x, size_t x_row, size_t n, size_t d, uint16_t *values)
{
    const size_t width = eng_lm_rounded_width(d);
    memset(values, 0, (n + ENG_LM_KEYS - 1) / ENG_LM_KEYS * ENG_LM_KEYS * width * sizeof *values);
    for (size_t j = 0; j < n; j++)
        for (size_t c = 0; c < d; c++)
            values[j / 2 * 2 * width + 2 * c + j % 2] = to_bf16(x[j * x_row + c]);
}

void eng_lm_ref_attend_rounded(const struct eng_lm_attention_rounded *a)
{
    const size_t width = eng_lm_rounded_width(a->d), d = a->d;
    for (size_t r = 0; r < a->rows; r++) {
        double sums[ENG_LM_MAX_HEAD + 16] = {0}, total = 0, top = -INFINITY;
        for (int pass = 0; pass < 2; pass++)
            for (size_t j = 0; j < a->n; j++) {
                const uint16_t *key = a->keys + j / ENG_LM_KEYS * d * ENG_LM_KEYS + j % ENG_LM_KEYS * 2;
                const uint16_t *value = a->values + j / 2 * 2 * width + j % 2;
                double score = 0;
                for (size_t c = 0; c < d; c++)
                    score += (double)eng_lm_bf16(a->q[r * d + c]) *
                             (double)eng_lm_bf16(key[c / 2 * 2 * ENG_LM_KEYS + c % 2]);
                if (pass == 0) {
                    top = score > top ? score : top;
                    continue;
                }
                total += exp(score - top);
                for (size_t c = 0; c < d; c++)
                    sums[c] += exp(score - top) * (double)eng_lm_bf16(value[2 * c]);
            }
        for (size_t c = 0; c < width; c++)
            a->out[r * width + c] = (float)(sums[c] / total);
    }
}

static void finish_one(const struct eng_lm_finish *f, size_t j, float part)
{
    const float start = (f->add ? f->y[j] : 0.0f) + (f->bias ? f->bias[j] : 0.0f);
    f->y[j] = start + part;
}

void eng_lm_ref_finish_s8(const struct eng_lm_finish *f, const int32_t *sums)
{
    for (size_t j = 0; j < f->n; j++) {
        const float sum = (float)(sums[j] - 128 * (int32_t)f->shift[j]) * f->scale[j];
        finish_one(f, j, sum * f->share);
    }
}

void eng_lm_ref_finish_q4(const struct eng_lm_finish *f, const float *sums)
{
    for (size_t j = 0; j < f->n; j++) {
        const float sum = sums[j] - f->shift[j];
        finish_one(f, j, sum * f->share);
    }
}

size_t eng_lm_ref_argmax(const float *x, size_t n)
{
    size_t at = 0;
    for (size_t i = 1; i < n; i++)
        if (x[i] > x[at] || (x[at] != x[at] && x[i] == x[i]))
            at = i;
    return at;
}

float eng_lm_ref_pack_s8(const float *w, size_t k, int8_t *out, int32_t *sum)
{
    float top = 0;
    *sum = 0;
    for (size_t i = 0; i < k; i++)
        top = fabsf(w[i]) > top ? fabsf(w[i]) : top;
    float scale = top > 0 && top < INFINITY ? top / 127.0f : 1.0f, inverse = 1.0f / scale;
    memset(out, 0, eng_lm_padded(k));
    for (size_t i = 0; i < k; i++) {
        float v = nearbyintf(w[i] * inverse);
        out[i] = (int8_t)(v >= -127.0f ? v <= 127.0f ? v : 127.0f : -127.0f);
        *sum += out[i];
    }
    return scale;
}

static void pack_group(const float *w, uint8_t *q, float *scale, uint8_t *zero)
{
    float low = 0, high = 0;
    for (size_t i = 0; i < ENG_LM_GROUP; i++) {
        low = w[i] < low ? w[i] : low;
        high = w[i] > high ? w[i] : high;
    }
    float step = (high - low) / 15.0f;
    *scale = eng_lm_q4_scale(step);
    *scale = *scale > 0 && *scale < INFINITY ? *scale : 1.0f;
    float z = nearbyintf(-low / *scale);
    *zero = (uint8_t)(z >= 0 ? z <= 15 ? z : 15 : 0);
    memset(q, 0, ENG_LM_GROUP / 2);
    for (size_t i = 0; i < ENG_LM_GROUP; i++) {
        float v = nearbyintf(w[i] / *scale) + (float)*zero;
        unsigned bits = (unsigned)(v >= 0 ? v <= 15 ? v : 15 : 0);
        q[i % (ENG_LM_GROUP / 2)] |= (uint8_t)(i < ENG_LM_GROUP / 2 ? bits : bits << 4);
    }
}

void eng_lm_ref_pack_q4(const float *w, size_t k, const struct eng_lm_q4_row *out)
{
    for (size_t g = 0; g < k / ENG_LM_GROUP; g++)
        pack_group(w + g * ENG_LM_GROUP, out->q + g * (ENG_LM_GROUP / 2), out->scale + g, out->zero + g);
}

const struct eng_lm_kernels eng_lm_plain = {
    .isa = ENG_LM_PLAIN,
    .name = "plain",
    .split = eng_lm_ref_split,
    .round_bf16 = eng_lm_ref_round_bf16,
    .quantise = eng_lm_ref_quantise,
    .widen_bf16 = eng_lm_ref_widen_bf16,
    .narrow_f16 = eng_lm_ref_narrow_f16,
    .widen_f16 = eng_lm_ref_widen_f16,
    .widen_q4 = eng_lm_ref_widen_q4,
    .dot_f32 = eng_lm_ref_dot_f32,
    .dot_bf16 = eng_lm_ref_dot_bf16,
    .direct_rows = SIZE_MAX,
    .dot_s8 = eng_lm_ref_dot_s8,
    .spread_s8 = eng_lm_ref_spread_s8,
    .many_s8 = eng_lm_ref_many_s8,
    .dot_q4 = eng_lm_ref_dot_q4,
    .pack_s8 = eng_lm_ref_pack_s8,
    .pack_q4 = eng_lm_ref_pack_q4,
    .rmsnorm = eng_lm_ref_rmsnorm,
    .rotate = eng_lm_ref_rotate,
    .silu_mul = eng_lm_ref_silu_mul,
    .gelu = eng_ref_gelu,
    .add = eng_lm_ref_add,
    .attend = eng_lm_ref_attend,
    .finish_s8 = eng_lm_ref_finish_s8,
    .finish_q4 = eng_lm_ref_finish_q4,
    .argmax = eng_lm_ref_argmax,
};
