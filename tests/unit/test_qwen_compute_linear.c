/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the large model that need no checkpoint: linear layers of every kind of weight against sums in double, the
 * team of threads, the cache, rotary angles, and the distribution that sampling draws from. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/qwen25vl/kvcache.h"
#include "engine/qwen25vl/linear.h"
#include "engine/qwen25vl/rotary.h"
#include "engine/qwen25vl/sample.h"

static uint32_t state = 3;
static float draw(float limit)
{
    state = state * 1664525U + 1013904223U;
    return ((float)(state >> 8) / 8388608.0f - 1.0f) * limit;
}

/* Weights of one layer in a dtype, and the same as floats. */
struct weights {
    size_t n, k;
    void *stored;
    float *wide, *bias;
    struct eng_weight weight;
};

static struct weights make_weights(size_t n, size_t k, enum eng_dtype dtype)
{
    struct weights w = {.n = n, .k = k, .stored = calloc(n * k, 4), .wide = calloc(n * k, 4), .bias = calloc(n, 4)};
    for (size_t i = 0; i < n * k; i++) {
        uint16_t bits = (uint16_t)(dtype == ENG_F16 ? 0x3000 : 0x3D00);
        bits = (uint16_t)(bits + (state >> 12 & 0x7FF) + (draw(1) > 0 ? 0x8000 : 0));
        float value = dtype == ENG_F16 ? eng_lm_f16(bits) : dtype == ENG_BF16 ? eng_lm_bf16(bits) : draw(0.2f);
        w.wide[i] = value;
        if (dtype == ENG_F32)
            ((float *)w.stored)[i] = value;
        else
            ((uint16_t *)w.stored)[i] = bits;
    }
    for (size_t i = 0; i < n; i++)
        w.bias[i] = draw(1);
    w.weight = (struct eng_weight){.dtype = dtype, .data = w.stored, .count = (int64_t)(n * k)};
    return w;
}

static void free_weights(struct weights *w)
{
    free(w->stored);
    free(w->wide);
    free(w->bias);
}

/* Squared error over squared size of y against x . w + bias (+ before). */
static double error_of(const struct weights *w, const float *x, size_t x_row, size_t m, const float *before,
                       const float *y, size_t y_row)
{
    double error = 0, size = 0;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < w->n; j++) {
            double sum = (double)w->bias[j] + (before ? (double)before[i * y_row + j] : 0);
            for (size_t c = 0; c < w->k; c++)
                sum += (double)x[i * x_row + c] * (double)w->wide[j * w->k + c];
            error += (sum - (double)y[i * y_row + j]) * (sum - (double)y[i * y_row + j]);
            size += sum * sum;
        }
    return error / size;
}

static void check_linear(enum eng_lm_isa isa, enum eng_dtype dtype, size_t n, size_t k, size_t m, double pack_bound)
{
    struct weights w = make_weights(n, k, dtype);
    struct eng_linear linear;
    struct eng_ops ops;
    size_t x_row = k + 3, y_row = n + 5;
    float *x = calloc(m * x_row, 4), *y = calloc(m * y_row, 4), *before = calloc(m * y_row, 4),
          *again = calloc(m * y_row, 4);
    for (size_t i = 0; i < m * x_row; i++)
        x[i] = draw(1);
    for (size_t i = 0; i < m * y_row; i++)
        before[i] = again[i] = draw(1);
    assert_int_equal(eng_ops_new(eng_lm_for(isa), 2, m, k, &ops, NULL), B_OK);
    eng_linear_map(ops.kernels, &w.weight, n, k, false, &linear);
    linear.bias = w.bias;
    if (pack_bound > 0)
        assert_int_equal(eng_linear_pack(ops.team, k % ENG_LM_GROUP ? ENG_LINEAR_S8 : ENG_LINEAR_Q4_S8, &linear, NULL),
                         B_OK);
    double bound = pack_bound > 0 ? pack_bound : 1e-11;
    struct eng_linear_job job = {&linear, y, y_row, false}, add = {&linear, again, y_row, true};
    eng_linear_run(&ops, x, x_row, m, &job, 1);
    assert_true(error_of(&w, x, x_row, m, NULL, y, y_row) <= bound);
    eng_linear_run(&ops, x, x_row, m, &add, 1);
    assert_true(error_of(&w, x, x_row, m, before, again, y_row) <= bound);
    for (size_t i = 0; i < m; i++) { /* alone: the same bits */
        job.y = again;
        eng_linear_run(&ops, x + i * x_row, x_row, 1, &job, 1);
        assert_memory_equal(again, y + i * y_row, n * sizeof *y);
    }
    for (size_t i = 0; i < m; i++)
        for (size_t j = n; j < y_row; j++)
            assert_true(y[i * y_row + j] == 0); /* nothing is written beside the row */
    eng_linear_free(&linear);
    eng_ops_free(&ops);
    free_weights(&w);
    free(x), free(y), free(before), free(again);
}

static void test_linear(void **test)
{
    static const size_t shapes[][3] = {{1, 1, 1}, {5, 20, 3}, {67, 96, 2}, {130, 84, 9}, {64, 2080, 7}, {3, 4100, 50}};
    (void)test;
    for (int isa = ENG_LM_PLAIN; isa < ENG_LM_ISA_COUNT; isa++)
        for (size_t i = 0; eng_lm_for((enum eng_lm_isa)isa) && i < sizeof shapes / sizeof shapes[0]; i++)
            for (int dtype = ENG_F32; dtype <= ENG_BF16; dtype++)
                check_linear((enum eng_lm_isa)isa, (enum eng_dtype)dtype, shapes[i][0], shapes[i][1], shapes[i][2], 0);
}

static void test_packed(void **test)
{
    (void)test;
    for (int isa = ENG_LM_PLAIN; isa < ENG_LM_ISA_COUNT; isa++)
        if (eng_lm_for((enum eng_lm_isa)isa)) {
            check_linear((enum eng_lm_isa)isa, ENG_F32, 70, 200, 9, 1e-3); /* 8 bits */
            check_linear((enum eng_lm_isa)isa, ENG_BF16, 130, 2300, 3, 1e-3);
            check_linear((enum eng_lm_isa)isa, ENG_F16, 70, 384, 9, 3e-2); /* 4 bits */
            check_linear((enum eng_lm_isa)isa, ENG_BF16, 9, 4096, 2, 3e-2);
        }
}

struct count {
    atomic_int seen[100];
    atomic_int bad;
};

static void count_index(void *context, size_t index, int worker)
{
    struct count *c = context;
    atomic_fetch_add(&c->seen[index], 1);
    if (worker < 0 || worker > 2)
        atomic_fetch_add(&c->bad, 1);
}

static void test_team(void **test)
{
    (void)test;
    struct eng_team *team;
    struct count count = {.bad = 0};
    struct b_err err = {0};
    assert_int_equal(eng_team_new(0, &team, &err), B_ARGUMENT);
    assert_int_equal(eng_team_new(3, &team, &err), B_OK);
    for (int run = 0; run < 500; run++)
        eng_team_run(team, (size_t)(run % 101), count_index, &count);
    for (int i = 0; i < 100; i++) { /* index i is in every run of more than i */
        int expected = 0;
        for (int run = 0; run < 500; run++)
            expected += run % 101 > i;
        assert_int_equal(atomic_load(&count.seen[i]), expected);
    }
    assert_int_equal(atomic_load(&count.bad), 0);
    eng_team_drop(team);
    eng_team_drop(NULL);
}

static float cached(const struct eng_cache *cache, const void *part, size_t at)
{
    return cache->half ? eng_lm_f16(((const uint16_t *)part)[at]) : ((const float *)part)[at];
}

static void check_cache(bool half)
{
    struct eng_qwen_text text = {.layers = 2, .kv_heads = 3, .head_dim = 20};
    struct eng_cache cache;
    struct b_err err = {0};
    float keys[60], values[60];
    eng_cache_init(&text, half, &cache);
    uint64_t each = 2 * 3 * (20 + 32) * (half ? 2 : 4);
    assert_int_equal(eng_cache_position_bytes(&text, half), each);
    assert_int_equal(eng_cache_reserve(&cache, 65, 127 * each, &err), B_LIMIT); /* whole blocks: 128 positions */
    assert_int_equal(eng_cache_reserve(&cache, 64, 1 << 20, &err), B_OK);
    for (size_t p = 0; p < 64; p++) {
        for (size_t i = 0; i < 60; i++) {
            keys[i] = (float)(p * 16 + i); /* halves hold them exactly */
            values[i] = -keys[i];
        }
        eng_cache_put(&cache, eng_lm_best(), 1, p, keys, values);
    }
    cache.length = 64;
    assert_int_equal(eng_cache_reserve(&cache, 200, 1 << 20, &err), B_OK); /* moves, and keeps what it holds */
    assert_int_equal(cache.capacity, 256);
    for (size_t p = 0; p < 64; p++)
        for (size_t i = 0; i < 20; i++) {
            assert_true(cached(&cache, eng_cache_keys(&cache, 1, 2), i * 64 + p) == (float)(p * 16 + 40 + i));
            assert_true(cached(&cache, eng_cache_values(&cache, 1, 2), p * 32 + i) == -(float)(p * 16 + 40 + i));
        }
    for (size_t i = 20; i < 32; i++)
        assert_true(cached(&cache, eng_cache_values(&cache, 1, 0), i) == 0);
    eng_cache_free(&cache);
}

static void test_cache(void **test)
{
    (void)test;
    check_cache(false);
    check_cache(true);
}

static void test_rotary(void **test)
{
    (void)test;
    float c[64], s[64];
    const int section[3] = {16, 24, 24};
    const int32_t position[3] = {5, 100, 7};
    eng_rotary_token(position, section, 128, 1e6, c, s);
    for (int i = 0; i < 64; i++) {
        double angle = position[i < 16 ? 0 : i < 40 ? 1 : 2] * pow(1e6, -i / 64.0);
        assert_true(fabs((double)c[i] - cos(angle)) < 2e-5 && fabs((double)s[i] - sin(angle)) < 2e-5);
    }
    eng_rotary_patch(3, 11, 80, 1e4, c, s);
    for (int i = 0; i < 40; i++) {
        double angle = (i < 20 ? 3 : 11) * pow(1e4, -(i % 20) / 20.0);
        assert_true(fabs((double)c[i] - cos(angle)) < 2e-6 && fabs((double)s[i] - sin(angle)) < 2e-6);
    }
}

/* --- sampling --- */

enum { VOCAB = 8, DRAWS = 20000 };

static void shares(struct eng_generate how, const float *logits, const int32_t *prompt, size_t n_prompt, double *out)
{
    struct eng_sampler sampler = {0};
    struct eng_qwen_config config = {.text.vocab = VOCAB, .generation.repetition_penalty = 1, .generation.top_p = 1};
    int counts[VOCAB] = {0};
    assert_int_equal(eng_sampler_begin(&sampler, &config, &how, prompt, n_prompt, NULL), B_OK);
    for (int i = 0; i < DRAWS; i++) {
        float copy[VOCAB];
        memcpy(copy, logits, sizeof copy);
        if (how.repetition_penalty > 1) { /* the same state before every draw, but for the generator */
            uint64_t at = sampler.state;
            assert_int_equal(eng_sampler_begin(&sampler, &config, &how, prompt, n_prompt, NULL), B_OK);
            sampler.state = at;
        }
        struct eng_token token = eng_sampler_next(&sampler, eng_lm_best(), copy);
        double sum = 0;
        for (int j = 0; j < VOCAB; j++)
            sum += exp((double)logits[j]);
        assert_true(fabs((double)token.log_probability - ((double)logits[token.id] - log(sum))) < 1e-5);
        counts[token.id]++;
    }
    for (int i = 0; i < VOCAB; i++)
        out[i] = (double)counts[i] / DRAWS;
    eng_sampler_free(&sampler);
}

static void expect(const double *got, const double *weights)
{
    double total = 0;
    for (int i = 0; i < VOCAB; i++)
        total += weights[i];
    for (int i = 0; i < VOCAB; i++) /* five standard deviations and no less than nothing for what is left out */
        assert_true(weights[i] == 0 ? got[i] == 0 : fabs(got[i] - weights[i] / total) < 5 * sqrt(0.25 / DRAWS));
}

static void test_sampling(void **test)
{
    (void)test;
    const float logits[VOCAB] = {1, 3, 2, 2.5f, -1, 0, 3, -4};
    const int32_t prompt[3] = {1, 4, 1};
    double got[VOCAB], weights[VOCAB];
    struct eng_generate how = {.sampling = ENG_SAMPLE_RANDOM, .temperature = 0.7, .seed = 42};
    for (int i = 0; i < VOCAB; i++)
        weights[i] = exp((double)logits[i] / 0.7);
    shares(how, logits, NULL, 0, got);
    expect(got, weights);
    how.top_k = 3; /* ids 1, 6 and 3 */
    weights[0] = weights[2] = weights[4] = weights[5] = weights[7] = 0;
    shares(how, logits, NULL, 0, got);
    expect(got, weights);
    how.top_k = 0;
    how.top_p = 0.5; /* 1 and 6 hold 0.6 of it: one alone is not enough */
    weights[3] = 0;
    shares(how, logits, NULL, 0, got);
    expect(got, weights);
    how = (struct eng_generate){.sampling = ENG_SAMPLE_RANDOM, .temperature = 1, .repetition_penalty = 2};
    for (int i = 0; i < VOCAB; i++)
        weights[i] = exp(i == 1 ? 1.5 : i == 4 ? -2.0 : (double)logits[i]);
    shares(how, logits, prompt, 3, got);
    expect(got, weights);
    how.sampling = ENG_SAMPLE_GREEDY; /* 1 is punished: 6 wins; without, the lowest of the two */
    shares(how, logits, prompt, 3, got);
    assert_true(got[6] == 1);
    how.repetition_penalty = 1;
    shares(how, logits, prompt, 3, got);
    assert_true(got[1] == 1);
}

/* What a broken checkpoint gives must still be a token with a confidence. */
static void test_sampling_of_no_numbers(void **test)
{
    (void)test;
    static const float values[3] = {NAN, INFINITY, -INFINITY};
    for (int sampling = ENG_SAMPLE_GREEDY; sampling <= ENG_SAMPLE_RANDOM; sampling++)
        for (int v = 0; v < 3; v++) {
            struct eng_sampler sampler = {0};
            struct eng_qwen_config config = {.text.vocab = VOCAB};
            struct eng_generate how = {
                .sampling = (enum eng_sampling)sampling, .temperature = 1, .repetition_penalty = 1.1};
            float logits[VOCAB];
            for (int i = 0; i < VOCAB; i++)
                logits[i] = values[v];
            assert_int_equal(eng_sampler_begin(&sampler, &config, &how, NULL, 0, NULL), B_OK);
            struct eng_token token = eng_sampler_next(&sampler, eng_lm_best(), logits);
            assert_in_range(token.id, 0, VOCAB - 1);
            assert_true(token.log_probability <= 0);
            eng_sampler_free(&sampler);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_linear),
                                       cmocka_unit_test(test_packed),
                                       cmocka_unit_test(test_team),
                                       cmocka_unit_test(test_cache),
                                       cmocka_unit_test(test_rotary),
                                       cmocka_unit_test(test_sampling),
                                       cmocka_unit_test(test_sampling_of_no_numbers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
