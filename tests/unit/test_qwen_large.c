/* SPDX-License-Identifier: Apache-2.0 */
/* Products of many rows through oneDNN, forced on this processor whatever it has: against sums in double, against the
 * kernels that they stand in for, and what they promise: bytes give the kernels' bits, no result depends on threads, a
 * row of a prompt has the same bits beside any others, and decoding steps never come this way. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/onednn/matmul.h"
#include "engine/qwen25vl/large.h"

/* Squared error over squared size. Both keep sums of exact products in fp32, in chains of some 2,048. */
#define NMSE_SUMS 1e-11
/* The same for activations that were rounded to bfloat16, 8 bits, against the exact product. */
#define NMSE_ROUNDED 1e-5

static uint32_t state = 5;
static float draw(float limit)
{
    state = state * 1664525U + 1013904223U;
    return ((float)(state >> 8) / 8388608.0f - 1.0f) * limit;
}

static uint16_t draw_bf16(void)
{
    float v = draw(1);
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    return (uint16_t)(bits >> 16);
}

/* --- the wrapper alone --- */

static void check_bf16(size_t m, size_t n, size_t k)
{
    const struct eng_matmul_shape s = {ENG_MATMUL_BF16, m, n, k};
    uint16_t *x = calloc(m * k, sizeof *x), *w = calloc(n * k, sizeof *w);
    float *y = calloc(m * n, sizeof *y);
    struct eng_matmul *matmul;
    struct b_err err = {0};
    double error = 0, size = 0;
    for (size_t i = 0; i < m * k; i++)
        x[i] = draw_bf16();
    for (size_t i = 0; i < n * k; i++)
        w[i] = draw_bf16();
    enum b_code code = eng_matmul_new(&s, &matmul, &err);
    assert_int_equal(code, eng_lm_best()->dot_bf16_bf16 ? B_OK : B_UNSUPPORTED);
    if (code == B_OK) {
        void *scratch = aligned_alloc(64, eng_matmul_scratch(matmul) / 64 * 64 + 64);
        assert_memory_equal(eng_matmul_name(matmul), "brg:", 4);
        assert_int_equal(eng_matmul_run(matmul, x, w, y, scratch, &err), B_OK);
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < n; j++) {
                double sum = 0;
                for (size_t c = 0; c < k; c++)
                    sum += (double)eng_lm_bf16(x[i * k + c]) * (double)eng_lm_bf16(w[j * k + c]);
                error += (sum - (double)y[i * n + j]) * (sum - (double)y[i * n + j]);
                size += sum * sum;
            }
        assert_true(error <= NMSE_SUMS * size);
        free(scratch);
    }
    eng_matmul_drop(matmul);
    free(x), free(w), free(y);
}

static void check_u8s8(size_t m, size_t n, size_t k)
{
    const struct eng_matmul_shape s = {ENG_MATMUL_U8S8, m, n, k};
    uint8_t *x = calloc(m * k, 1);
    int8_t *w = calloc(n * k, 1);
    int32_t *y = calloc(m * n, sizeof *y);
    struct eng_matmul *matmul;
    struct b_err err = {0};
    for (size_t i = 0; i < m * k; i++) /* often at the ends, where narrow sums would saturate */
        x[i] = (uint8_t)(draw(1) > 0 ? 255 : 128 + (int)draw(127));
    for (size_t i = 0; i < n * k; i++)
        w[i] = (int8_t)(draw(1) > 0 ? 127 : (int)draw(127));
    enum b_code code = eng_matmul_new(&s, &matmul, &err);
    assert_int_equal(code, eng_lm_best()->isa >= ENG_LM_AVX512_VNNI ? B_OK : B_UNSUPPORTED);
    if (code == B_OK) {
        void *scratch = aligned_alloc(64, eng_matmul_scratch(matmul) / 64 * 64 + 64);
        assert_int_equal(eng_matmul_run(matmul, x, w, y, scratch, &err), B_OK);
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < n; j++) {
                int32_t sum = 0;
                for (size_t c = 0; c < k; c++)
                    sum += x[i * k + c] * w[j * k + c];
                assert_int_equal(y[i * n + j], sum);
            }
        free(scratch);
    }
    eng_matmul_drop(matmul);
    free(x), free(w), free(y);
}

static void test_matmul(void **test)
{
    static const size_t shapes[][3] = {{32, 64, 64}, {96, 64, 1280}, {64, 128, 1176}, {384, 64, 3456}, {33, 64, 128}};
    (void)test;
    struct eng_matmul *matmul;
    const struct eng_matmul_shape none = {ENG_MATMUL_BF16, 0, 64, 64};
    struct b_err err = {0};
    assert_int_equal(eng_matmul_new(&none, &matmul, &err), B_ARGUMENT);
    assert_null(matmul);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        check_bf16(shapes[i][0], shapes[i][1], shapes[i][2]);
        check_u8s8(shapes[i][0], shapes[i][1], (shapes[i][2] + 63) / 64 * 64);
    }
    eng_matmul_drop(NULL);
}

/* --- layers --- */

enum { ROWS = 160, LAYERS = 2 };

struct layers {
    size_t n[LAYERS], k, m, x_row, y_row;
    uint16_t *stored[LAYERS];
    float *bias[LAYERS], *x, *before;
    struct eng_linear linear[LAYERS];
};

static struct layers make_layers(const struct eng_lm_kernels *kernels, size_t n, size_t k, size_t m, bool bytes)
{
    struct layers l = {.n = {n, n + 37}, .k = k, .m = m, .x_row = k + 3, .y_row = n + 40};
    struct eng_team *team;
    assert_int_equal(eng_team_new(1, &team, NULL), B_OK);
    for (int i = 0; i < LAYERS; i++) {
        l.stored[i] = calloc(l.n[i] * k, sizeof(uint16_t));
        l.bias[i] = calloc(l.n[i], sizeof(float));
        for (size_t j = 0; j < l.n[i] * k; j++)
            l.stored[i][j] = draw_bf16();
        for (size_t j = 0; j < l.n[i]; j++)
            l.bias[i][j] = draw(1);
        struct eng_weight weight = {.dtype = ENG_BF16, .data = l.stored[i], .count = (int64_t)(l.n[i] * k)};
        eng_linear_map(kernels, &weight, l.n[i], k, true, &l.linear[i]);
        l.linear[i].bias = i ? NULL : l.bias[i];
        if (bytes)
            assert_int_equal(eng_linear_pack(team, ENG_LINEAR_S8, &l.linear[i], NULL), B_OK);
    }
    l.x = calloc(m * l.x_row, sizeof(float));
    l.before = calloc(m * l.y_row, sizeof(float));
    for (size_t i = 0; i < m * l.x_row; i++)
        l.x[i] = draw(1);
    for (size_t i = 0; i < m * l.y_row; i++)
        l.before[i] = draw(1);
    eng_team_drop(team);
    return l;
}

static void free_layers(struct layers *l)
{
    for (int i = 0; i < LAYERS; i++) {
        eng_linear_free(&l->linear[i]);
        free(l->stored[i]);
        free(l->bias[i]);
    }
    free(l->x), free(l->before);
}

/* Rows first .. first+m-1 through both layers, one of them added to what is there; results side by side. */
static float *run(const struct layers *l, const struct eng_lm_kernels *kernels, enum eng_large_mode mode,
                  enum eng_ops_use use, int threads, size_t first, size_t m)
{
    struct eng_ops ops;
    size_t size = l->m * l->y_row;
    float *y = calloc(LAYERS * size, sizeof *y);
    assert_int_equal(eng_ops_new(kernels, threads, ROWS, l->k, &ops, NULL), B_OK);
    assert_int_equal(eng_ops_enlarge(&ops, mode, NULL), B_OK);
    ops.use = use;
    memcpy(y, l->before, size * sizeof *y);
    struct eng_linear_job jobs[LAYERS] = {{&l->linear[0], y + first * l->y_row, l->y_row, true},
                                          {&l->linear[1], y + size + first * l->y_row, l->y_row, false}};
    for (int again = 0; again < 2; again++) { /* the second time with the plans of the first */
        memcpy(y, l->before, size * sizeof *y);
        eng_linear_run(&ops, l->x + first * l->x_row, l->x_row, m, jobs, LAYERS);
    }
    eng_ops_free(&ops);
    return y;
}

static void assert_near(const float *a, const float *expected, size_t n, double bound)
{
    double error = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        error += ((double)a[i] - (double)expected[i]) * ((double)a[i] - (double)expected[i]);
        size += (double)expected[i] * (double)expected[i];
    }
    if (!(error <= bound * size))
        print_error("NMSE %g above %g\n", error / size, bound);
    assert_true(error <= bound * size);
}

static const size_t layer_shapes[][3] = {{64, 128, 65}, {20, 96, 70}, {130, 1280, 97}, {84, 3420, 160}, {7, 66, 129}};
enum { SHAPES = sizeof layer_shapes / sizeof *layer_shapes };

/* Whether m rows of `use` go through oneDNN. */
static bool goes(const struct layers *l, const struct eng_lm_kernels *kernels, enum eng_large_mode mode,
                 enum eng_ops_use use, size_t m)
{
    struct eng_large *large;
    struct eng_linear_job job = {&l->linear[0], NULL, 0, false};
    const struct eng_large_run one = {.jobs = &job, .n_jobs = 1, .m = m, .use = use};
    assert_int_equal(eng_large_new(kernels, mode, 1, ROWS, l->k, &large, NULL), B_OK);
    bool ready = eng_large_ready(large, &one);
    eng_large_drop(large);
    return ready;
}

static void test_bytes(void **test)
{
    (void)test;
    for (int isa = ENG_LM_AVX512_VNNI; isa < ENG_LM_ISA_COUNT; isa++)
        for (size_t i = 0; eng_lm_for((enum eng_lm_isa)isa) && i < SHAPES; i++) {
            const struct eng_lm_kernels *kernels = eng_lm_for((enum eng_lm_isa)isa);
            struct layers l = make_layers(kernels, layer_shapes[i][0], layer_shapes[i][1], layer_shapes[i][2], true);
            size_t bytes = LAYERS * l.m * l.y_row * sizeof(float);
            float *own = run(&l, kernels, ENG_LARGE_NEVER, ENG_OPS_STEP, 1, 0, l.m);
            assert_true(goes(&l, kernels, ENG_LARGE_ALWAYS, ENG_OPS_STEP, l.m));
            for (int use = ENG_OPS_STEP; use <= ENG_OPS_PICTURE; use++)
                for (int threads = 1; threads < 4; threads++) {
                    float *y = run(&l, kernels, ENG_LARGE_ALWAYS, (enum eng_ops_use)use, threads, 0, l.m);
                    assert_memory_equal(y, own, bytes);
                    free(y);
                }
            free(own);
            free_layers(&l);
        }
}

static void test_who_goes(void **test)
{
    (void)test;
    const struct eng_lm_kernels *best = eng_lm_best();
    struct layers bytes = make_layers(best, 64, 128, 4, true), floats = make_layers(best, 64, 128, 4, false);
    bool vnni = best->isa >= ENG_LM_AVX512_VNNI, rounded = best->dot_bf16_bf16 != NULL;
    struct eng_large *large;
    for (int isa = ENG_LM_PLAIN; isa < ENG_LM_AVX512_VNNI; isa++)
        if (eng_lm_for((enum eng_lm_isa)isa)) {
            assert_int_equal(eng_large_new(eng_lm_for((enum eng_lm_isa)isa), ENG_LARGE_ALWAYS, 1, 8, 8, &large, NULL),
                             B_OK);
            assert_null(large);
        }
    assert_false(goes(&bytes, best, ENG_LARGE_NEVER, ENG_OPS_PICTURE, ROWS));
    assert_true(goes(&bytes, best, ENG_LARGE_ALWAYS, ENG_OPS_STEP, ROWS) == vnni);
    assert_false(goes(&bytes, best, ENG_LARGE_ALWAYS, ENG_OPS_STEP, ENG_LARGE_ROWS));
    assert_true(goes(&bytes, best, ENG_LARGE_AUTO, ENG_OPS_STEP, ROWS) == (vnni && eng_matmul_has_amx()));
    assert_true(goes(&floats, best, ENG_LARGE_AUTO, ENG_OPS_PICTURE, 1) == rounded);
    assert_true(goes(&floats, best, ENG_LARGE_AUTO, ENG_OPS_PROMPT, ROWS) == (rounded && eng_matmul_has_amx()));
    assert_true(goes(&floats, best, ENG_LARGE_ALWAYS, ENG_OPS_PROMPT, 1) == rounded);
    assert_false(goes(&floats, best, ENG_LARGE_ALWAYS, ENG_OPS_STEP, ROWS));
    free_layers(&bytes);
    free_layers(&floats);
}

static void test_rounded(void **test)
{
    (void)test;
    const struct eng_lm_kernels *kernels = eng_lm_best();
    for (size_t i = 0; kernels->dot_bf16_bf16 && i < SHAPES; i++) {
        struct layers l = make_layers(kernels, layer_shapes[i][0], layer_shapes[i][1], layer_shapes[i][2], false);
        size_t count = LAYERS * l.m * l.y_row, size = l.m * l.y_row;
        float *own = run(&l, kernels, ENG_LARGE_NEVER, ENG_OPS_STEP, 1, 0, l.m);
        assert_true(goes(&l, kernels, ENG_LARGE_AUTO, ENG_OPS_PICTURE, l.m));
        float *step = run(&l, kernels, ENG_LARGE_ALWAYS, ENG_OPS_STEP, 2, 0, l.m);
        assert_memory_equal(step, own, count * sizeof(float));
        float *picture = run(&l, kernels, ENG_LARGE_AUTO, ENG_OPS_PICTURE, 1, 0, l.m);
        float *prompt = run(&l, kernels, ENG_LARGE_ALWAYS, ENG_OPS_PROMPT, 1, 0, l.m);
        assert_near(picture, own, count, NMSE_SUMS);
        assert_near(prompt, own, count, NMSE_SUMS);
        float *two = run(&l, kernels, ENG_LARGE_AUTO, ENG_OPS_PICTURE, 2, 0, l.m);
        assert_memory_equal(two, picture, count * sizeof(float));
        struct layers exact = l;
        for (int j = 0; j < LAYERS; j++)
            exact.linear[j].kind = ENG_LINEAR_BF16;
        float *plain = run(&exact, kernels, ENG_LARGE_NEVER, ENG_OPS_STEP, 1, 0, l.m);
        assert_near(prompt, plain, count, NMSE_ROUNDED);
        for (size_t first = 0; first < l.m; first += 1 + first / 3) { /* in other company, at another place */
            size_t m = l.m - first < 40 ? l.m - first : 1 + first % 40;
            float *some = run(&l, kernels, ENG_LARGE_ALWAYS, ENG_OPS_PROMPT, 2, first, m);
            for (int j = 0; j < LAYERS; j++)
                for (size_t r = first; r < first + m; r++)
                    assert_memory_equal(some + (size_t)j * size + r * l.y_row, prompt + (size_t)j * size + r * l.y_row,
                                        l.n[j] * sizeof(float));
            free(some);
        }
        free(own), free(step), free(picture), free(prompt), free(two), free(plain);
        free_layers(&l);
    }
}

/* --- layers with what lies between them --- */

static void check_fused(const struct eng_lm_kernels *kernels, struct layers *l, int threads)
{
    struct eng_ops ops;
    size_t n = l->n[0], size = l->m * l->y_row;
    float *normed = calloc(l->m * l->x_row, sizeof *normed), *gamma = calloc(l->k, sizeof *gamma);
    float *apart = calloc(LAYERS * size, sizeof *apart), *fused = calloc(size, sizeof *fused);
    const struct eng_linear_norm norm = {gamma, 1e-6f};
    for (size_t i = 0; i < l->k; i++)
        gamma[i] = draw(1);
    assert_int_equal(eng_ops_new(kernels, threads, ROWS, l->k > n ? l->k : n, &ops, NULL), B_OK);
    assert_int_equal(eng_ops_enlarge(&ops, ENG_LARGE_ALWAYS, NULL), B_OK);
    for (size_t i = 0; i < l->m; i++)
        kernels->rmsnorm(l->x + i * l->x_row, 1, l->k, gamma, 1e-6f, normed + i * l->x_row);
    l->linear[1].n = n;
    struct eng_linear_job jobs[LAYERS] = {{&l->linear[0], apart, l->y_row, false},
                                          {&l->linear[1], apart + size, l->y_row, false}};
    struct eng_linear_job one = {&l->linear[0], fused, l->y_row, false};
    eng_linear_run(&ops, normed, l->x_row, l->m, jobs, LAYERS);
    eng_linear_run_normed(&ops, &norm, l->x, l->x_row, l->m, &one, 1);
    assert_memory_equal(fused, apart, size * sizeof *fused);
    for (size_t i = 0; i < l->m; i++)
        kernels->silu_mul(apart + i * l->y_row, apart + size + i * l->y_row, n);
    eng_linear_run_gated(&ops, &norm, l->x, l->x_row, l->m, &one, &l->linear[1]);
    assert_memory_equal(fused, apart, size * sizeof *fused);
    eng_linear_run_gated(&ops, NULL, normed, l->x_row, l->m, &one, &l->linear[1]);
    assert_memory_equal(fused, apart, size * sizeof *fused);
    eng_ops_free(&ops);
    free(normed), free(gamma), free(apart), free(fused);
}

static void test_fused(void **test)
{
    (void)test;
    for (int isa = ENG_LM_PLAIN; isa < ENG_LM_ISA_COUNT; isa++)
        for (int bytes = 0; eng_lm_for((enum eng_lm_isa)isa) && bytes < 2; bytes++)
            for (int threads = 1; threads < 3; threads++) {
                const struct eng_lm_kernels *kernels = eng_lm_for((enum eng_lm_isa)isa);
                struct layers l = make_layers(kernels, 150, 200, threads == 1 ? 70 : 3, bytes);
                check_fused(kernels, &l, threads);
                free_layers(&l);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_matmul), cmocka_unit_test(test_bytes),
                                       cmocka_unit_test(test_who_goes), cmocka_unit_test(test_rounded),
                                       cmocka_unit_test(test_fused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
