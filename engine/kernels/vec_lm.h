/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_KERNELS_VEC_LM_H
#define ENGINE_KERNELS_VEC_LM_H

/* What lies between the products of a large model, and its attention, for the set that the including file is
 * compiled for; ISA_ID, ISA_NAME and ISA_TABLE are defined there. */

#include <math.h>
#include <string.h>

#include "engine/kernels/vec_attend.h"
#include "engine/kernels/vec_bytes.h"
#include "engine/kernels/vec_dot.h"
#include "engine/kernels/vec_many.h"
#include "engine/kernels/vec_q4.h"
#include "engine/kernels/vec_tile.h"

V_INLINE vf v_abs(vf a)
{
    return v_max(a, v_sub(v_zero(), a));
}

static void rmsnorm(const float *x, size_t rows, size_t width, const float *gamma, float eps, float *y)
{
    for (size_t r = 0; r < rows; r++, x += width, y += width) {
        vf a = v_zero();
        for (size_t i = 0; i < width; i += V) {
            vf v = v_load_n(x + i, width - i < V ? width - i : V);
            a = v_fma(v, v, a);
        }
        vf share = v_set(1.0f / sqrtf(v_sum(a) / (float)width + eps));
        for (size_t i = 0; i < width; i += V) {
            size_t n = width - i < V ? width - i : V;
            v_store_n(y + i, v_mul(v_mul(v_load_n(x + i, n), share), v_load_n(gamma + i, n)), n);
        }
    }
}

static void rotate(float *x, size_t heads, size_t d, const float *cosine, const float *sine)
{
    size_t half = d / 2;
    for (size_t h = 0; h < heads; h++, x += d)
        for (size_t i = 0; i < half; i += V) {
            size_t n = half - i < V ? half - i : V;
            vf a = v_load_n(x + i, n), b = v_load_n(x + half + i, n);
            vf c = v_load_n(cosine + i, n), s = v_load_n(sine + i, n);
            v_store_n(x + i, v_fnma(b, s, v_mul(a, c)), n);
            v_store_n(x + half + i, v_fma(a, s, v_mul(b, c)), n);
        }
}

static void silu_mul(float *gate, const float *up, size_t n)
{
    for (size_t i = 0; i < n; i += V) {
        size_t left = n - i < V ? n - i : V;
        v_store_n(gate + i, v_mul(v_swish(v_load_n(gate + i, left)), v_load_n(up + i, left)), left);
    }
}

static void add_to(float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i += V) {
        size_t left = n - i < V ? n - i : V;
        v_store_n(x + i, v_add(v_load_n(x + i, left), v_load_n(y + i, left)), left);
    }
}

static void gelu_all(float *x, size_t n)
{
    for (size_t i = 0; i < n; i += V) {
        size_t left = n - i < V ? n - i : V;
        v_store_n(x + i, v_gelu(v_load_n(x + i, left)), left);
    }
}

static size_t argmax(const float *x, size_t n)
{
    vf top = v_set(-INFINITY);
    for (size_t i = 0; i < n; i += V) {
        size_t left = n - i < V ? n - i : V;
        top = v_max(v_load_fill(x + i, left, -INFINITY), top); /* a NaN gives way to top */
    }
    float best = v_top(top);
    for (size_t i = 0; i < n; i++)
        if (x[i] == best)
            return i;
    return 0;
}

/* Scores of one block, rows of ENG_LM_KEYS, are turned into weights; `seen` of them count. Returns by how much
 * what was summed before has to shrink. */
V_INLINE float fold_scores(float *s, size_t seen, float *top, float *total)
{
    vf t = v_set(-INFINITY), sum = v_zero();
    for (size_t i = 0; i < seen; i += V)
        t = v_max(t, v_load_fill(s + i, seen - i < V ? seen - i : V, -INFINITY));
    float best = v_top(t) > *top ? v_top(t) : *top;
    float shrink = best > *top ? expf(*top - best) : 1.0f;
    vf b = v_set(best);
    for (size_t i = 0; i < ENG_LM_KEYS; i += V) {
        size_t n = i >= seen ? 0 : seen - i < V ? seen - i : V;
        vf e = n ? v_keep(v_exp(v_sub(v_load(s + i), b)), n) : v_zero();
        v_store(s + i, e);
        sum = v_add(sum, e);
    }
    *total = *total * shrink + v_sum(sum);
    *top = best;
    return shrink;
}

V_INLINE void scale_row(float *x, size_t n, float factor)
{
    for (size_t i = 0; i < n; i += V)
        v_store(x + i, v_mul(v_load(x + i), v_set(factor)));
}

/* V floats of as many halves, and back. */
V_INLINE vf v_of_halves(const uint16_t *p)
{
#if defined(__AVX512F__)
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
#else
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
#endif
}

V_INLINE void store_halves(uint16_t *p, vf v)
{
    v = v_min(v_max(v, v_set(-65504.0f)), v_set(65504.0f)); /* a NaN gives way to the bound */
#if defined(__AVX512F__)
    _mm256_storeu_si256((__m256i *)(void *)p, _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
#else
    _mm_storeu_si128((__m128i *)(void *)p, _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
#endif
}

static void narrow_f16(const float *x, size_t n, uint16_t *out)
{
    size_t i = 0;
    for (; i + V <= n; i += V)
        store_halves(out + i, v_load(x + i));
    if (i < n) {
        uint16_t last[V];
        store_halves(last, v_load_n(x + i, n - i));
        memcpy(out + i, last, (n - i) * sizeof *out);
    }
}

/* Up to how many rows halves are widened in the tiles; with more they are widened once before. */
enum { HALF_ROWS = 12 };
TILE_FUNCTIONS(half, uint16_t, v_of_halves)

/* A block of the cache: where it is, and how many values it has, a multiple of 32. */
struct cache_block {
    const void *at;
    bool half;
};

V_INLINE struct cache_block block_of(const struct eng_lm_attention *a, const void *cache, size_t at, size_t n,
                                     float *room)
{
    if (!a->half)
        return (struct cache_block){(const float *)cache + at, false};
    const uint16_t *halves = (const uint16_t *)cache + at;
    if (a->rows <= HALF_ROWS)
        return (struct cache_block){halves, true};
    for (size_t i = 0; i < n; i += V)
        v_store(room + i, v_of_halves(halves + i));
    return (struct cache_block){room, false};
}

/* Products of rows x with the block's columns from `column` on, two vectors of them. */
V_INLINE void block_tile(struct tile *t, struct cache_block block, size_t column, size_t rows, size_t row)
{
    if (block.half) {
        t->w0 = (const uint16_t *)block.at + column;
        t->w1 = (const uint16_t *)block.at + column + V;
        half_rows(t, rows, row);
    } else {
        t->w0 = (const float *)block.at + column;
        t->w1 = (const float *)block.at + column + V;
        tile_rows(t, rows, row);
    }
}

V_INLINE void block_scores(const struct eng_lm_attention *a, struct cache_block keys, float *scores)
{
    static const float zeros[2 * 16] = {0};
    for (size_t j = 0; j < ENG_LM_KEYS; j += 2 * V) {
        struct tile t = {.x = a->q,
                         .blocks = 1,
                         .depth = a->d,
                         .w_row = ENG_LM_KEYS,
                         .bias = zeros,
                         .y0 = scores + j,
                         .y1 = scores + j + V,
                         .y_row = ENG_LM_KEYS};
        block_tile(&t, keys, j, a->rows, a->d);
    }
}

V_INLINE void block_values(const struct eng_lm_attention *a, struct cache_block values, size_t n, const float *scores)
{
    size_t width = eng_lm_value_width(a->d);
    for (size_t c = 0; c < width; c += 2 * V) {
        struct tile t = {.x = scores,
                         .blocks = 1,
                         .depth = n,
                         .w_row = width,
                         .y0 = a->out + c,
                         .y1 = a->out + c + V,
                         .y_row = width};
        block_tile(&t, values, c, a->rows, ENG_LM_KEYS);
    }
}

static size_t last_seen(const struct eng_lm_attention *a, size_t row)
{
    return a->first + (a->group ? row / a->group : 0) + 1;
}

/* A running softmax, block by block from position 0: a row's weight beyond what it sees is 0, so that its result
 * is the same whatever rows are beside it. */
static void attend(const struct eng_lm_attention *a)
{
    float *scores = a->scratch, *top = scores + ENG_LM_QUERIES * ENG_LM_KEYS, *total = top + ENG_LM_QUERIES;
    float *room = total + ENG_LM_QUERIES;
    size_t width = eng_lm_value_width(a->d), end = last_seen(a, a->rows - 1);
    memset(a->out, 0, a->rows * width * sizeof *a->out);
    for (size_t r = 0; r < a->rows; r++) {
        top[r] = -INFINITY;
        total[r] = 0;
    }
    for (size_t begin = 0; begin < end; begin += ENG_LM_KEYS) {
        block_scores(a, block_of(a, a->keys, begin * a->d, ENG_LM_KEYS * a->d, room), scores);
        for (size_t r = 0; r < a->rows; r++) {
            size_t seen = last_seen(a, r);
            seen = seen <= begin ? 0 : seen - begin < ENG_LM_KEYS ? seen - begin : ENG_LM_KEYS;
            if (seen == 0) {
                memset(scores + r * ENG_LM_KEYS, 0, ENG_LM_KEYS * sizeof *scores);
                continue;
            }
            float shrink = fold_scores(scores + r * ENG_LM_KEYS, seen, &top[r], &total[r]);
            if (shrink < 1.0f)
                scale_row(a->out + r * width, width, shrink);
        }
        size_t n = end - begin < ENG_LM_KEYS ? end - begin : ENG_LM_KEYS;
        block_values(a, block_of(a, a->values, begin * width, n * width, room), n, scores);
    }
    for (size_t r = 0; r < a->rows; r++)
        scale_row(a->out + r * width, width, 1.0f / total[r]);
}

#if defined(__AVX512F__)
static void widen_f16(const uint16_t *w, size_t k, float *out)
{
    for (size_t i = 0; i < eng_lm_padded(k); i += 16) {
        size_t n = i >= k ? 0 : k - i < 16 ? k - i : 16;
        _mm512_storeu_ps(out + i, _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(v_first(n), w + i)));
    }
}
#else
static void widen_f16(const uint16_t *w, size_t k, float *out)
{
    memset(out, 0, eng_lm_padded(k) * sizeof *out);
    size_t i = 0;
    for (; i + 8 <= k; i += 8)
        v_store(out + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)(w + i))));
    for (; i < k; i++)
        out[i] = eng_lm_f16(w[i]);
}
#endif

static void widen_bf16(const uint16_t *w, size_t k, float *out)
{
    size_t c = 0;
    for (; c + 32 <= k; c += 32)
        for (size_t i = 0; i < 16; i += V) {
            vf even, odd;
            bf16_pair(w + c + 2 * i, &even, &odd);
            v_store(out + c + i, even);
            v_store(out + c + 16 + i, odd);
        }
    memset(out + c, 0, (eng_lm_padded(k) - c) * sizeof *out);
    for (size_t i = c; i < k; i++)
        out[c + (i & 1) * 16 + (i - c) / 2] = eng_lm_bf16(w[i]);
}

V_INLINE vf v_of_bytes(const uint8_t *p, int shift)
{
#if defined(__AVX512F__)
    __m512i wide = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
    return _mm512_cvtepi32_ps(_mm512_and_si512(_mm512_srli_epi32(wide, (unsigned)shift), _mm512_set1_epi32(15)));
#else
    __m256i wide = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p));
    return _mm256_cvtepi32_ps(_mm256_and_si256(_mm256_srli_epi32(wide, shift), _mm256_set1_epi32(15)));
#endif
}

static void widen_q4(const uint8_t *w, size_t row, size_t w_row, size_t k, float *out)
{
    const uint8_t *group = w + row / ENG_LM_Q4_PANEL * ENG_LM_Q4_PANEL * w_row;
    size_t at = row % ENG_LM_Q4_PANEL * 4;
    for (size_t g = 0; g < k / ENG_LM_GROUP; g++, group += ENG_LM_Q4_STEP) {
        uint8_t q[ENG_LM_GROUP / 2];
        uint32_t bits;
        for (size_t i = 0; i < sizeof q; i += 4)
            memcpy(q + i, group + i / 4 * ENG_LM_Q4_LINE + at, 4);
        memcpy(&bits, group + ENG_LM_Q4_SCALES + at, sizeof bits);
        float step;
        memcpy(&step, &bits, sizeof step);
        vf zero = v_set((float)(bits & 15)), scale = v_set(eng_lm_q4_scale(step));
        for (size_t i = 0; i < ENG_LM_GROUP / 2; i += V) {
            float *to = out + g * ENG_LM_GROUP + i;
            v_store(to, v_mul(v_sub(v_of_bytes(q + i, 0), zero), scale));
            v_store(to + ENG_LM_GROUP / 2, v_mul(v_sub(v_of_bytes(q + i, 4), zero), scale));
        }
    }
}

/* V whole numbers 0..255. */
V_INLINE void store_bytes(uint8_t *out, vf v)
{
#if defined(__AVX512F__)
    _mm_storeu_si128((__m128i *)(void *)out, _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(v)));
#else
    __m256i wide = _mm256_cvtps_epi32(v);
    __m128i half = _mm_packus_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
    _mm_storel_epi64((__m128i *)(void *)out, _mm_packus_epi16(half, half));
#endif
}

static float quantise(const float *x, size_t k, uint8_t *out)
{
    vf t = v_zero();
    for (size_t i = 0; i < k; i += V)
        t = v_max(v_abs(v_load_n(x + i, k - i < V ? k - i : V)), t);
    float top = v_top(t), scale = top > 0 && top < INFINITY ? top / 127.0f : 1.0f;
    vf inverse = v_set(1.0f / scale);
    for (size_t i = 0; i < eng_lm_padded(k); i += V) {
        size_t n = i >= k ? 0 : k - i < V ? k - i : V;
        vf v = v_round(v_mul(v_load_n(x + i, n), inverse));
        store_bytes(out + i, v_add(v_max(v_min(v, v_set(127.0f)), v_set(-127.0f)), v_set(128.0f)));
    }
    return scale;
}

static float pack_s8(const float *w, size_t k, int8_t *out, int32_t *sum)
{
    uint8_t *bytes = (uint8_t *)out;
    float scale = quantise(w, k, bytes);
    int32_t total = 0;
    for (size_t i = 0; i < eng_lm_padded(k); i++) {
        total += (int32_t)bytes[i] - 128;
        bytes[i] ^= 128; /* less 128, in two's complement */
    }
    *sum = total;
    return scale;
}

static void pack_q4(const float *w, size_t k, const struct eng_lm_q4_row *out)
{
    uint8_t *q = out->q, *zero = out->zero;
    float *scale = out->scale;
    for (size_t g = 0; g < k / ENG_LM_GROUP; g++, w += ENG_LM_GROUP, q += ENG_LM_GROUP / 2) {
        vf low = v_zero(), high = v_zero();
        uint8_t bytes[ENG_LM_GROUP];
        for (size_t i = 0; i < ENG_LM_GROUP; i += V) {
            low = v_max(v_sub(v_zero(), v_load(w + i)), low); /* of -w; a NaN gives way */
            high = v_max(v_load(w + i), high);
        }
        float step = (v_top(high) + v_top(low)) / 15.0f;
        step = eng_lm_q4_scale(step);
        scale[g] = step > 0 && step < INFINITY ? step : 1.0f;
        float z = nearbyintf(v_top(low) / scale[g]);
        zero[g] = (uint8_t)(z >= 0 ? z <= 15 ? z : 15 : 0);
        for (size_t i = 0; i < ENG_LM_GROUP; i += V) {
            vf v = v_add(v_round(v_div(v_load(w + i), v_set(scale[g]))), v_set((float)zero[g]));
            store_bytes(bytes + i, v_max(v_min(v, v_set(15.0f)), v_zero()));
        }
        for (size_t i = 0; i < ENG_LM_GROUP / 2; i++)
            q[i] = (uint8_t)(bytes[i] | bytes[i + ENG_LM_GROUP / 2] << 4);
    }
}

#if defined(__AVX512BF16__)
static void round_bf16(const float *x, size_t k, uint16_t *out)
{
    for (size_t i = 0; i < eng_lm_padded(k); i += 16) {
        size_t n = i >= k ? 0 : k - i < 16 ? k - i : 16;
        _mm256_storeu_si256((__m256i *)(void *)(out + i), (__m256i)_mm512_cvtneps_pbh(v_load_n(x + i, n)));
    }
}
#endif

const struct eng_lm_kernels ISA_TABLE = {
    .isa = ISA_ID,
    .name = ISA_NAME,
    .split = eng_lm_ref_split,
    .quantise = quantise,
    .widen_bf16 = widen_bf16,
    .narrow_f16 = narrow_f16,
    .widen_f16 = widen_f16,
    .widen_q4 = widen_q4,
    .dot_f32 = dot_f32,
    .dot_bf16 = dot_bf16,
    .direct_rows = 4,
    .dot_s8 = dot_s8,
    .dot_q4 = dot_q4,
#if defined(__AVX512VNNI__)
    .spread_s8 = spread_s8,
    .many_s8 = many_s8,
#endif
    .pack_s8 = pack_s8,
    .pack_q4 = pack_q4,
    .rmsnorm = rmsnorm,
    .rotate = rotate,
    .silu_mul = silu_mul,
    .gelu = gelu_all,
    .add = add_to,
    .attend = attend,
    .finish_s8 = finish_s8,
    .finish_q4 = finish_q4,
    .argmax = argmax,
#if defined(__AVX512BF16__)
    .dot_bf16_bf16 = dot_bf16_bf16,
    .attend_rounded = attend_rounded,
    .round_keys = round_keys,
    .round_values = round_values,
    .round_bf16 = round_bf16,
#else
    .round_bf16 = eng_lm_ref_round_bf16,
#endif
};

#endif
