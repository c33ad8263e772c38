/* SPDX-License-Identifier: Apache-2.0 */
/* Every instruction set of the large model's kernels against the plain twins, and what all sets promise: that a
 * row's bits do not depend on its neighbours. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/kernels/lm_private.h"

/* Bounds of the squared error over the squared size. fp32: rounding of sums of up to 2,048 products; bfloat16:
 * the instruction keeps the products' sums in fp32 too. */
#define NMSE_FP32 1e-12
#define NMSE_NARROW_SUM 1e-11
/* Softmax magnifies the rounding of scores of up to 128 products and size 20. */
#define NMSE_ATTENTION 1e-10
/* Weights of values are rounded to bfloat16, 8 bits: each is off by at most 2^-9 of itself. */
#define NMSE_ROUNDED 1e-5
#define ELEMENT_MAX 2e-6f

static const struct eng_lm_kernels *plain, *sets[ENG_LM_ISA_COUNT];
static int n_sets;

static uint32_t state = 1;
static float draw(float limit)
{
    state = state * 1664525U + 1013904223U;
    return ((float)(state >> 8) / 8388608.0f - 1.0f) * limit;
}

static float *floats(size_t n, float limit)
{
    float *x = calloc(n + 1, sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = draw(limit);
    return x;
}

static uint16_t *halves(size_t n)
{
    uint16_t *x = calloc(n + 1, sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++) {
        float v = draw(1);
        uint32_t bits;
        memcpy(&bits, &v, sizeof bits);
        x[i] = (uint16_t)(bits >> 16);
    }
    return x;
}

static void near(const float *a, const float *expected, size_t n, double bound, const struct eng_lm_kernels *set,
                 const char *what)
{
    double error = 0, size = 1e-30;
    for (size_t i = 0; i < n; i++) {
        error += ((double)a[i] - (double)expected[i]) * ((double)a[i] - (double)expected[i]);
        size += (double)expected[i] * (double)expected[i];
    }
    if (!(error / size <= bound)) {
        print_error("%s: %s: NMSE %g above %g\n", set->name, what, error / size, bound);
        fail();
    }
}

/* Rows of `bytes` bytes in panels of rows of `length`. */
static void *panels_of(const void *rows, size_t n, size_t bytes, size_t length)
{
    uint8_t *out = calloc((n + ENG_LM_PANEL - 1) / ENG_LM_PANEL * ENG_LM_PANEL, length);
    assert_non_null(out);
    for (size_t j = 0; j < n; j += ENG_LM_PANEL)
        eng_lm_to_panel((const uint8_t *)rows + j * bytes, bytes, n - j < ENG_LM_PANEL ? n - j : ENG_LM_PANEL, bytes,
                        length, out + j * length);
    return out;
}

static void test_panel(void **test)
{
    (void)test;
    uint8_t rows[3 * 70], panel[8 * 128];
    for (size_t i = 0; i < sizeof rows; i++)
        rows[i] = (uint8_t)(i + 1);
    eng_lm_to_panel(rows, 70, 3, 70, 128, panel);
    for (size_t j = 0; j < 8; j++)
        for (size_t c = 0; c < 128; c++)
            assert_int_equal(panel[c / 64 * 512 + j * 64 + c % 64], j < 3 && c < 70 ? rows[j * 70 + c] : 0);
}

static const size_t sizes[] = {1, 20, 32, 52, 84, 96, 128, 1176, 1280, 1372, 2048, 4160};
enum { N_SIZES = sizeof sizes / sizeof sizes[0], ROWS = 9, OUTPUTS = 11 };

static void test_dot_float(void **test)
{
    (void)test;
    for (int set = 0; set < n_sets; set++)
        for (size_t at = 0; at < N_SIZES; at++) {
            size_t k = sizes[at], kp = eng_lm_padded(k);
            float *x = floats(ROWS * k, 1), *xs = floats(ROWS * kp, 1), *w = floats(OUTPUTS * kp, 1);
            uint16_t *bits = halves(OUTPUTS * k);
            float y[ROWS * OUTPUTS] = {0}, expected[ROWS * OUTPUTS] = {0}, direct[ROWS * OUTPUTS] = {0};
            for (size_t i = 0; i < ROWS; i++)
                sets[set]->split(x + i * k, k, xs + i * kp);
            for (size_t j = 0; j < OUTPUTS; j++) {
                float *twin = floats(kp, 1);
                sets[set]->widen_bf16(bits + j * k, k, w + j * kp);
                plain->widen_bf16(bits + j * k, k, twin);
                assert_memory_equal(twin, w + j * kp, kp * sizeof *twin);
                free(twin);
            }
            struct eng_lm_shape shape = {.m = ROWS, .n = OUTPUTS, .k = k, .x_row = kp, .w_row = kp, .y_row = OUTPUTS};
            sets[set]->dot_f32(&shape, xs, w, y);
            plain->dot_f32(&shape, xs, w, expected);
            near(y, expected, ROWS * OUTPUTS, NMSE_FP32, sets[set], "dot_f32");
            for (size_t i = 0; i < ROWS; i++) { /* alone: the same bits */
                float alone[OUTPUTS] = {0};
                struct eng_lm_shape one = shape;
                one.m = 1;
                sets[set]->dot_f32(&one, xs + i * kp, w, alone);
                assert_memory_equal(alone, y + i * OUTPUTS, sizeof alone);
            }
            if (k % 32 == 0) {
                shape.w_row = k;
                sets[set]->dot_bf16(&shape, xs, bits, direct);
                assert_memory_equal(direct, y, sizeof y);
            }
            if (k % 32 == 0 && sets[set]->dot_bf16_bf16) {
                uint16_t *xb = calloc(ROWS * kp, sizeof *xb);
                for (size_t i = 0; i < ROWS; i++)
                    plain->round_bf16(x + i * k, k, xb + i * kp);
                memset(y, 0, sizeof y);
                memset(expected, 0, sizeof expected);
                for (size_t i = 0; i < ROWS; i++) {
                    for (size_t c = 0; c < k; c++)
                        w[c] = eng_lm_bf16(xb[i * kp + c]);
                    plain->split(w, k, xs + i * kp);
                }
                sets[set]->dot_bf16_bf16(&shape, xb, bits, y);
                plain->dot_bf16(&shape, xs, bits, expected);
                near(y, expected, ROWS * OUTPUTS, NMSE_NARROW_SUM, sets[set], "dot_bf16_bf16");
                uint16_t *panels = panels_of(bits, OUTPUTS, 2 * k, 2 * kp);
                float paneled[ROWS * OUTPUTS] = {0}; /* in panels: the same bits */
                shape.w_row = kp;
                shape.panels = true;
                sets[set]->dot_bf16_bf16(&shape, xb, panels, paneled);
                assert_memory_equal(paneled, y, sizeof y);
                free(xb), free(panels);
            }
            free(x), free(xs), free(w), free(bits);
        }
}

static void test_rows_in_narrow_forms(void **test)
{
    (void)test;
    for (int set = 0; set < n_sets; set++)
        for (size_t at = 0; at < N_SIZES; at++) {
            size_t k = sizes[at], kp = eng_lm_padded(k);
            float *x = floats(k, 3), *wide = floats(kp, 1), *twin = floats(kp, 1);
            uint16_t *bits = halves(k), *a = calloc(kp, 2), *b = calloc(kp, 2);
            uint8_t *p = calloc(kp, 1), *q = calloc(kp, 1);
            sets[set]->round_bf16(x, k, a);
            plain->round_bf16(x, k, b);
            assert_memory_equal(a, b, kp * 2);
            sets[set]->widen_f16(bits, k, wide); /* as halves they cover every exponent but the special one */
            plain->widen_f16(bits, k, twin);
            assert_memory_equal(wide, twin, kp * sizeof *wide);
            sets[set]->narrow_f16(x, k, a);
            plain->narrow_f16(x, k, b);
            assert_memory_equal(a, b, k * 2);
            float scale = sets[set]->quantise(x, k, p), expected = plain->quantise(x, k, q);
            assert_true(scale == expected);
            assert_memory_equal(p, q, kp);
            free(x), free(wide), free(twin), free(bits), free(a), free(b), free(p), free(q);
        }
}

static void test_dot_bytes(void **test)
{
    (void)test;
    for (int set = 0; set < n_sets; set++)
        for (size_t at = 0; at < N_SIZES; at++) {
            size_t k = sizes[at], kp = eng_lm_padded(k);
            uint8_t *x = calloc(ROWS * kp, 1);
            int8_t *w = calloc(OUTPUTS * kp, 1);
            for (size_t i = 0; i < ROWS * kp; i++)
                x[i] = i % 3 ? (uint8_t)(128 + (int)draw(127)) : (uint8_t)255; /* no saturation */
            for (size_t j = 0; j < OUTPUTS; j++)
                for (size_t c = 0; c < k; c++)
                    w[j * kp + c] = c % 3 ? (int8_t)draw(127) : 127;
            int32_t y[ROWS * OUTPUTS], expected[ROWS * OUTPUTS], sum = 0;
            struct eng_lm_shape shape = {.m = ROWS, .n = OUTPUTS, .k = k, .x_row = kp, .w_row = kp, .y_row = OUTPUTS};
            int8_t *panels = panels_of(w, OUTPUTS, kp, kp);
            plain->dot_s8(&shape, x, panels, expected);
            for (size_t c = 0; c < k; c++)
                sum += x[8 * kp + c] * w[10 * kp + c];
            assert_int_equal(expected[8 * OUTPUTS + 10], sum);
            for (shape.m = 1; shape.m <= ROWS; shape.m++) {
                memset(y, 0, sizeof y);
                sets[set]->dot_s8(&shape, x, panels, y);
                assert_memory_equal(y, expected, shape.m * OUTPUTS * sizeof *y);
            }
            free(x), free(w), free(panels);
        }
}

/* Products of many rows, in two steps over the inputs, from weights in panels to finished outputs. */
static void many_one(const struct eng_lm_kernels *set, size_t m, size_t n, size_t k, bool add)
{
    const size_t kp = eng_lm_padded(k), half = kp / 2 / ENG_LM_PAD * ENG_LM_PAD, y_row = n + 3;
    uint8_t *x = calloc(m * kp, 1);
    int8_t *w = calloc(n * kp, 1), *spread = calloc(ENG_LM_SPREAD * kp, 1), *twin = calloc(ENG_LM_SPREAD * kp, 1);
    int32_t *whole = calloc(m * n, sizeof *whole), *sums = calloc(m * ENG_LM_SPREAD, sizeof *sums);
    float *shift = floats(n, 90), *scale = floats(n, 1), *bias = floats(n, 1), *shares = floats(m, 1);
    float *y = floats(m * y_row, 3), *expected = calloc(m * y_row, sizeof *expected);
    for (size_t i = 0; i < m * kp; i++)
        x[i] = i % 3 ? (uint8_t)(128 + (int)draw(127)) : (uint8_t)255;
    for (size_t i = 0; i < n * kp; i++)
        w[i] = i % kp >= k ? 0 : i % 5 ? (int8_t)draw(127) : 127;
    int8_t *panels = panels_of(w, n, kp, kp);
    const struct eng_lm_shape shape = {.m = m, .n = n, .k = k, .x_row = kp, .w_row = kp, .y_row = n};
    plain->dot_s8(&shape, x, panels, whole);
    memcpy(expected, y, m * y_row * sizeof *y);
    for (size_t i = 0; i < m; i++) {
        const struct eng_lm_finish f = {shift, scale, bias, shares[i], add, n, expected + i * y_row};
        plain->finish_s8(&f, whole + i * n);
    }
    const struct eng_lm_finish finish = {shift, scale, bias, 0, add, n, y};
    struct eng_lm_many p = {
        .m = m, .x_row = kp, .y_row = y_row, .x = x, .w = spread, .sums = sums, .shares = shares};
    for (size_t at = 0; at < kp; at += p.k) {
        p.k = at == 0 && half ? half : kp - at;
        p.x = x + at;
        p.more = at > 0;
        p.finish = at + p.k == kp ? &finish : NULL;
        set->spread_s8(panels + at * ENG_LM_PANEL, kp, n, p.k, spread);
        plain->spread_s8(panels + at * ENG_LM_PANEL, kp, n, p.k, twin);
        assert_memory_equal(spread, twin, p.k * ENG_LM_SPREAD);
        set->many_s8(&p);
    }
    assert_memory_equal(y, expected, m * y_row * sizeof *y);
    free(x), free(w), free(spread), free(twin), free(whole), free(sums), free(shift), free(scale), free(bias);
    free(shares), free(y), free(expected), free(panels);
}

static void test_many_bytes(void **test)
{
    (void)test;
    many_one(plain, 5, 11, 200, true);
    for (int set = 0; set < n_sets; set++) {
        if (!sets[set]->many_s8)
            continue;
        many_one(sets[set], 13, 64, 1280, false);
        many_one(sets[set], 6, 28, 84, true);
        many_one(sets[set], 1, 1, 20, false);
        many_one(sets[set], 27, 50, 3420, true);
        many_one(sets[set], 4, 17, 64, false);
    }
}

/* Rows of 4-bit weights in panels; scales[n][groups] for the caller. */
static uint8_t *q4_panels(const float *w, size_t n, size_t k, float *scales)
{
    const size_t panel = ENG_LM_Q4_PANEL, w_row = eng_lm_q4_bytes(k);
    uint8_t *out = calloc((n + panel - 1) / panel * panel, w_row), *q = calloc(k, 1), *zero = calloc(k, 1);
    for (size_t j = 0; j < n; j++) {
        struct eng_lm_q4_row row = {q, scales + j * (k / ENG_LM_GROUP), zero};
        plain->pack_q4(w + j * k, k, &row);
        eng_lm_q4_to_panel(&row, k, j % panel, out + j / panel * panel * w_row);
    }
    free(q), free(zero);
    return out;
}

enum { Q4_OUTPUTS = 45 }; /* a panel, and a part of the next */

static void test_dot_q4_size(size_t k)
{
    float *w = floats(Q4_OUTPUTS * k, 1), *x = floats(ROWS * k, 2), *wide = floats(k, 1), *twin = floats(k, 1);
    uint8_t *xq = calloc(ROWS, k);
    for (size_t i = 0; i < ROWS; i++)
        (void)plain->quantise(x + i * k, k, xq + i * k);
    size_t groups = k / ENG_LM_GROUP, w_row = eng_lm_q4_bytes(k);
    float *scales = floats(Q4_OUTPUTS * groups, 1);
    uint8_t *packed = q4_panels(w, Q4_OUTPUTS, k, scales);
    struct eng_lm_shape shape = {.m = ROWS, .n = Q4_OUTPUTS, .k = k, .x_row = k, .w_row = w_row, .y_row = Q4_OUTPUTS};
    for (int set = 0; set < n_sets; set++) {
        float y[ROWS * Q4_OUTPUTS], expected[ROWS * Q4_OUTPUTS];
        sets[set]->dot_q4(&shape, xq, packed, y);
        plain->dot_q4(&shape, xq, packed, expected);
        near(y, expected, ROWS * Q4_OUTPUTS, NMSE_FP32, sets[set], "dot_q4");
        for (size_t i = 0; i < ROWS; i++) { /* alone, or a few together: the same bits */
            float alone[7 * Q4_OUTPUTS];
            struct eng_lm_shape few = shape;
            for (few.m = 1; few.m <= 7 && i + few.m <= ROWS; few.m++) {
                sets[set]->dot_q4(&few, xq + i * k, packed, alone);
                assert_memory_equal(alone, y + i * Q4_OUTPUTS, few.m * Q4_OUTPUTS * sizeof *alone);
            }
        }
        for (size_t j = 0; j < Q4_OUTPUTS; j++) {
            sets[set]->widen_q4(packed, j, w_row, k, wide);
            plain->widen_q4(packed, j, w_row, k, twin);
            assert_memory_equal(wide, twin, k * sizeof *wide);
            for (size_t c = 0; c < k; c++) /* within half a step; the rounded zero shifts the ends by another half */
                assert_true(fabsf(wide[c] - w[j * k + c]) <= 1.001f * scales[j * groups + c / ENG_LM_GROUP]);
        }
    }
    free(w), free(x), free(wide), free(twin), free(xq), free(scales), free(packed);
}

static void test_dot_q4(void **test)
{
    (void)test;
    test_dot_q4_size(128);
    test_dot_q4_size(384);
    test_dot_q4_size(4480);
}

static void test_pack_s8(void **test)
{
    (void)test;
    float *w = floats(100, 5);
    int8_t out[128];
    int32_t sum, twin = 0;
    float scale = plain->pack_s8(w, 100, out, &sum);
    for (size_t i = 0; i < 128; i++) {
        assert_true(i < 100 ? fabsf((float)out[i] * scale - w[i]) <= scale * 0.5001f : out[i] == 0);
        twin += out[i];
    }
    assert_int_equal(sum, twin);
    free(w);
    for (int set = 0; set < n_sets; set++) { /* the same bits from every set */
        float *x = floats(384, 3), scales[3], twins[3];
        int8_t a[384], b[384];
        uint8_t q[192], r[192], zeros[3], others[3];
        struct eng_lm_q4_row one = {q, scales, zeros}, other = {r, twins, others};
        x[5] = 0;
        assert_true(sets[set]->pack_s8(x, 300, a, &sum) == plain->pack_s8(x, 300, b, &twin));
        assert_memory_equal(a, b, eng_lm_padded(300));
        assert_int_equal(sum, twin);
        sets[set]->pack_q4(x, 384, &one);
        plain->pack_q4(x, 384, &other);
        assert_memory_equal(scales, twins, sizeof scales);
        assert_memory_equal(zeros, others, sizeof zeros);
        assert_memory_equal(q, r, sizeof q);
        free(x);
    }
}

static void test_between(void **test)
{
    (void)test;
    for (int set = 0; set < n_sets; set++)
        for (size_t at = 0; at < N_SIZES; at++) {
            size_t n = sizes[at];
            float *x = floats(3 * n, 4), *gamma = floats(n, 2), *y = floats(3 * n, 1), *expected = floats(3 * n, 1);
            sets[set]->rmsnorm(x, 3, n, gamma, 1e-6f, y);
            plain->rmsnorm(x, 3, n, gamma, 1e-6f, expected);
            near(y, expected, 3 * n, NMSE_FP32, sets[set], "rmsnorm");
            memcpy(y, x, 3 * n * sizeof *y);
            memcpy(expected, x, 3 * n * sizeof *y);
            sets[set]->silu_mul(y, x, 3 * n);
            plain->silu_mul(expected, x, 3 * n);
            near(y, expected, 3 * n, NMSE_FP32, sets[set], "silu_mul");
            sets[set]->add(y, x, 3 * n);
            plain->add(expected, x, 3 * n);
            near(y, expected, 3 * n, NMSE_FP32, sets[set], "add");
            sets[set]->gelu(y, 3 * n);
            plain->gelu(expected, 3 * n);
            for (size_t i = 0; i < 3 * n; i++)
                assert_true(fabsf(y[i] - expected[i]) <= ELEMENT_MAX * fmaxf(1, fabsf(expected[i])));
            if (n % 2 == 0) {
                float *c = floats(n, 1);
                memcpy(y, x, 3 * n * sizeof *y);
                memcpy(expected, x, 3 * n * sizeof *y);
                sets[set]->rotate(y, 3, n, c, c + n / 2);
                plain->rotate(expected, 3, n, c, c + n / 2);
                near(y, expected, 3 * n, NMSE_FP32, sets[set], "rotate");
                free(c);
            }
            x[n / 2] = x[n - 1] = 9; /* ties: the lowest */
            assert_int_equal(sets[set]->argmax(x, n), n / 2);
            free(x), free(gamma), free(y), free(expected);
        }
    float special[5] = {NAN, -INFINITY, 3, NAN, 2};
    for (int set = 0; set < n_sets; set++)
        assert_int_equal(sets[set]->argmax(special, 5), 2);
}

/* Halves come back as themselves, what lies between two goes to the nearer, a tie to the even one, and nothing leaves
 * the finite ones. */
static void test_halves(void **test)
{
    (void)test;
    for (int set = 0; set < n_sets; set++) {
        for (uint16_t bits = 0; bits < 0x7BFF; bits++) {
            float low = eng_lm_f16(bits), high = eng_lm_f16((uint16_t)(bits + 1)), middle = low + (high - low) / 2;
            float x[5] = {low, nextafterf(middle, low), middle, nextafterf(middle, high), -low};
            uint16_t out[5], expected[5] = {bits, bits, (uint16_t)(bits + (bits & 1)), (uint16_t)(bits + 1),
                                            (uint16_t)(bits | 0x8000)};
            sets[set]->narrow_f16(x, 5, out);
            assert_memory_equal(out, expected, sizeof out);
        }
        const float wild[6] = {65504, 65520, 1e30f, INFINITY, -INFINITY, NAN};
        const uint16_t bounds[6] = {0x7BFF, 0x7BFF, 0x7BFF, 0x7BFF, 0xFBFF, 0xFBFF};
        uint16_t out[6];
        sets[set]->narrow_f16(wild, 6, out);
        assert_memory_equal(out, bounds, sizeof out);
    }
}

/* A cache of halves gives the bits of the same numbers as floats. */
static void attend_halves(const struct eng_lm_kernels *set, const struct eng_lm_attention *floats_of, size_t blocks)
{
    struct eng_lm_attention a = *floats_of;
    size_t width = eng_lm_value_width(a.d), n_keys = blocks * a.d * ENG_LM_KEYS,
           n_values = blocks * ENG_LM_KEYS * width;
    float *scratch = malloc((ENG_LM_QUERIES * (ENG_LM_KEYS + 2) + eng_lm_half_scratch(a.d)) * sizeof *scratch);
    float *keys = malloc(n_keys * sizeof *keys), *values = malloc(n_values * sizeof *values);
    float *wide = malloc(a.rows * width * sizeof *wide), *half = malloc(a.rows * width * sizeof *half);
    uint16_t *half_keys = malloc(n_keys * 2), *half_values = malloc(n_values * 2);
    set->narrow_f16(a.keys, n_keys, half_keys);
    set->narrow_f16(a.values, n_values, half_values);
    for (size_t i = 0; i < n_keys; i++)
        keys[i] = eng_lm_f16(half_keys[i]);
    for (size_t i = 0; i < n_values; i++)
        values[i] = eng_lm_f16(half_values[i]);
    a.scratch = scratch;
    a.keys = keys, a.values = values, a.out = wide;
    set->attend(&a);
    a.keys = half_keys, a.values = half_values, a.half = true, a.out = half;
    set->attend(&a);
    assert_memory_equal(half, wide, a.rows * width * sizeof *half);
    free(scratch), free(keys), free(values), free(wide), free(half), free(half_keys), free(half_values);
}

static void attend_one(const struct eng_lm_kernels *set, size_t d, size_t rows, size_t first, size_t group)
{
    size_t seen = first + (group ? (rows - 1) / group : 0) + 1, width = eng_lm_value_width(d);
    size_t blocks = (seen + ENG_LM_KEYS - 1) / ENG_LM_KEYS;
    float *keys = floats(blocks * d * ENG_LM_KEYS, 2), *values = floats(blocks * ENG_LM_KEYS * width, 1);
    float *q = floats(rows * d, 1), *out = floats(rows * width, 1), *expected = floats(rows * width, 1);
    float *alone = floats(width, 1), scratch[ENG_LM_QUERIES * (ENG_LM_KEYS + 2)];
    struct eng_lm_attention a = {.keys = keys,
                                 .values = values,
                                 .d = d,
                                 .rows = rows,
                                 .first = first,
                                 .group = group,
                                 .q = q,
                                 .out = out,
                                 .scratch = scratch};
    set->attend(&a);
    a.out = expected;
    plain->attend(&a);
    for (size_t r = 0; r < rows; r++)
        near(out + r * width, expected + r * width, d, NMSE_ATTENTION, set, "attend");
    for (size_t r = 0; r < rows; r++) { /* alone: the same bits */
        struct eng_lm_attention one = a;
        one.rows = 1;
        one.first = first + (group ? r / group : 0);
        one.q = q + r * d;
        one.out = alone;
        set->attend(&one);
        assert_memory_equal(alone, out + r * width, d * sizeof *alone);
    }
    attend_halves(set, &a, blocks);
    free(keys), free(values), free(q), free(out), free(expected), free(alone);
}

static void test_attend(void **test)
{
    (void)test;
    for (int set = 0; set < n_sets; set++) {
        attend_one(sets[set], 16, 48, 62, 1);
        attend_one(sets[set], 80, 17, 63, 0);
        attend_one(sets[set], 24, 13, 127, 0);
        attend_one(sets[set], 128, 24, 190, 8);
        attend_one(sets[set], 32, 1, 0, 1);
    }
}

static void attend_rounded_one(const struct eng_lm_kernels *set, size_t d, size_t rows, size_t n)
{
    size_t width = eng_lm_rounded_width(d), places = (n + ENG_LM_KEYS - 1) / ENG_LM_KEYS * ENG_LM_KEYS;
    uint16_t *keys = calloc(places * d, 2), *values = calloc(places * width, 2), *q = calloc(rows * d, 2);
    float *out = floats(rows * width, 1), *expected = floats(rows * width, 1), *alone = floats(width, 1);
    float scratch[ENG_LM_QUERIES * ENG_LM_KEYS], x[64];
    uint16_t bits[64];
    for (size_t i = 0; i < rows * d; i++) {
        x[0] = draw(1);
        plain->round_bf16(x, 1, bits);
        q[i] = bits[0];
    }
    for (size_t j = 0; j < n; j++)
        for (size_t c = 0; c < d; c++) {
            x[0] = draw(2);
            x[1] = draw(1);
            plain->round_bf16(x, 2, bits);
            keys[j / ENG_LM_KEYS * ENG_LM_KEYS * d + c / 2 * 2 * ENG_LM_KEYS + j % ENG_LM_KEYS * 2 + c % 2] = bits[0];
            values[j / 2 * 2 * width + 2 * c + j % 2] = bits[1];
        }
    struct eng_lm_attention_rounded a = {keys, values, q, d, rows, n, out, scratch};
    set->attend_rounded(&a);
    a.out = expected;
    eng_lm_ref_attend_rounded(&a);
    for (size_t r = 0; r < rows; r++) {
        near(out + r * width, expected + r * width, d, NMSE_ROUNDED, set, "attend_rounded");
        struct eng_lm_attention_rounded one = a; /* alone: the same bits */
        one.rows = 1;
        one.q = q + r * d;
        one.out = alone;
        set->attend_rounded(&one);
        assert_memory_equal(alone, out + r * width, d * sizeof *alone);
    }
    free(keys), free(values), free(q), free(out), free(expected), free(alone);
}

/* Rows of d among others, whose padding holds what must not get in. */
static void round_places(const struct eng_lm_kernels *set, size_t n, size_t d)
{
    const size_t x_row = d + 7, places = (n + ENG_LM_KEYS - 1) / ENG_LM_KEYS * ENG_LM_KEYS;
    const size_t width = eng_lm_rounded_width(d);
    float *x = floats(n * x_row, 5);
    uint16_t *keys = halves(places * d), *twin = halves(places * d);
    uint16_t *values = halves(places * width), *other = halves(places * width);
    set->round_keys(x, x_row, n, d, keys);
    eng_lm_ref_round_keys(x, x_row, n, d, twin);
    assert_memory_equal(keys, twin, places * d * sizeof *keys);
    set->round_values(x, x_row, n, d, values);
    eng_lm_ref_round_values(x, x_row, n, d, other);
    assert_memory_equal(values, other, places * width * sizeof *values);
    free(x), free(keys), free(twin), free(values), free(other);
}

static void test_attend_rounded(void **test)
{
    (void)test;
    for (int set = 0; set < n_sets; set++) {
        if (!sets[set]->attend_rounded)
            continue;
        round_places(sets[set], 64, 80);
        round_places(sets[set], 65, 26);
        round_places(sets[set], 1, 2);
        round_places(sets[set], 39, 128);
        attend_rounded_one(sets[set], 80, 48, 64);
        attend_rounded_one(sets[set], 80, 17, 201);
        attend_rounded_one(sets[set], 16, 3, 1);
        attend_rounded_one(sets[set], 26, 13, 130);
    }
}

static void test_finish(void **test)
{
    (void)test;
    enum { N = 37 };
    float *sums = floats(N, 1e6f), *shift = floats(N, 1e5f), *scale = floats(N, 1), *y = floats(N, 9);
    int32_t whole[N];
    for (size_t i = 0; i < N; i++) {
        shift[i] = rintf(shift[i]);
        whole[i] = (int32_t)draw(2e9f);
    }
    for (int set = 0; set < n_sets; set++)
        for (int way = 0; way < 4; way++) {
            float a[N], b[N];
            memcpy(a, y, sizeof a);
            memcpy(b, y, sizeof b);
            struct eng_lm_finish f = {shift, scale, way & 1 ? sums : NULL, 0.37f, way > 1, N, a}, g = f;
            g.y = b;
            sets[set]->finish_s8(&f, whole);
            plain->finish_s8(&g, whole);
            assert_memory_equal(a, b, sizeof a);
            sets[set]->finish_q4(&f, sums);
            plain->finish_q4(&g, sums);
            assert_memory_equal(a, b, sizeof a);
        }
    free(sums), free(shift), free(scale), free(y);
}

int main(void)
{
    plain = eng_lm_for(ENG_LM_PLAIN);
    for (int isa = ENG_LM_AVX2; isa < ENG_LM_ISA_COUNT; isa++)
        if (eng_lm_for((enum eng_lm_isa)isa))
            sets[n_sets++] = eng_lm_for((enum eng_lm_isa)isa);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_panel),
        cmocka_unit_test(test_dot_float),
        cmocka_unit_test(test_rows_in_narrow_forms),
        cmocka_unit_test(test_dot_bytes),
        cmocka_unit_test(test_many_bytes),
        cmocka_unit_test(test_dot_q4),
        cmocka_unit_test(test_pack_s8),
        cmocka_unit_test(test_between),
        cmocka_unit_test(test_halves),
        cmocka_unit_test(test_attend),
        cmocka_unit_test(test_attend_rounded),
        cmocka_unit_test(test_finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
