/* SPDX-License-Identifier: Apache-2.0 */
/* bench_large [ROUNDS]: linear layers of many rows by the kernels and through oneDNN, at the shapes of the 3B model's
 * decoder and tower. The two take turns, passes of 384 rows as in a session; processor time of one thread, best of
 * ROUNDS, in billions of operations (multiply and add counted apart) a second. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "engine/qwen25vl/large.h"

enum { PASS = 384, MOST = 1500, WIDEST = 11008 };

static const struct {
    const char *name;
    size_t n, k;
} layers[] = {{"q, o", 2048, 2048},       {"gate, up", 11008, 2048},  {"down", 2048, 11008}, {"tower qkv", 3840, 1280},
              {"tower gate", 3420, 1280}, {"tower down", 1280, 3420}, {"merger", 5120, 5120}};

static double seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double timed(struct eng_ops *ops, const struct eng_linear *l, const float *x, float *y, size_t m)
{
    const double begin = seconds();
    for (size_t at = 0; at < m; at += PASS) {
        const struct eng_linear_job job = {l, y + at * l->n, l->n, false};
        eng_linear_run(ops, x + at * l->k, l->k, m - at < PASS ? m - at : PASS, &job, 1);
    }
    return seconds() - begin;
}

static void measure(struct eng_ops ops[2], const char *name, const struct eng_linear *l, const float *x, float *y,
                    int rounds)
{
    static const size_t sizes[] = {128, 512, 1500};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        double best[2] = {1e9, 1e9};
        for (int round = 0; round < 2 * rounds; round++) {
            const double took = timed(&ops[round % 2], l, x, y, sizes[i]);
            best[round % 2] = took < best[round % 2] ? took : best[round % 2];
        }
        const double work = 2e-9 * (double)sizes[i] * (double)l->n * (double)l->k;
        printf("%-10s %5zu x %5zu, %4zu rows, %s: kernels %5.0f, oneDNN %5.0f G/s, ratio %.2f\n", name, l->n, l->k,
               sizes[i], l->kind == ENG_LINEAR_S8 ? "int8" : "bf16", work / best[0], work / best[1], best[0] / best[1]);
    }
}

int main(int argc, char **argv)
{
    const int rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 3;
    const struct eng_lm_kernels *kernels = eng_lm_best();
    struct eng_ops ops[2] = {{0}};
    struct b_err err = {0};
    enum b_code code = B_OK;
    for (int i = 0; i < 2 && code == B_OK; i++) {
        code = eng_ops_new(kernels, 1, PASS, WIDEST, &ops[i], &err);
        if (code == B_OK)
            code = eng_ops_enlarge(&ops[i], i ? ENG_LARGE_ALWAYS : ENG_LARGE_NEVER, &err);
        ops[i].use = ENG_OPS_PICTURE;
    }
    float *x = calloc((size_t)MOST * WIDEST, sizeof *x), *y = calloc((size_t)MOST * WIDEST, sizeof *y);
    for (size_t i = 0; x && i < (size_t)MOST * WIDEST; i++)
        x[i] = (float)(i % 1999) / 1000.0f - 1.0f;
    for (size_t i = 0; code == B_OK && x && y && i < sizeof layers / sizeof *layers; i++) {
        const size_t count = layers[i].n * layers[i].k;
        uint16_t *w = malloc(count * sizeof *w);
        for (size_t j = 0; w && j < count; j++)
            w[j] = (uint16_t)(0x3C00 + j * 2654435761U % 0x200 + (j & 1) * 0x8000);
        const struct eng_weight weight = {.dtype = ENG_BF16, .data = w, .count = (int64_t)count};
        struct eng_linear l;
        eng_linear_map(kernels, &weight, layers[i].n, layers[i].k, true, &l);
        if (w && l.kind == ENG_LINEAR_BF16_ROUNDED)
            measure(ops, layers[i].name, &l, x, y, rounds);
        code = w ? eng_linear_pack(ops[0].team, ENG_LINEAR_S8, &l, &err) : B_NO_MEMORY;
        if (code == B_OK)
            measure(ops, layers[i].name, &l, x, y, rounds);
        eng_linear_free(&l);
        free(w);
    }
    free(x);
    free(y);
    eng_ops_free(&ops[0]);
    eng_ops_free(&ops[1]);
    if (code != B_OK)
        (void)fprintf(stderr, "bench_large: %s\n", err.message);
    return code != B_OK;
}
