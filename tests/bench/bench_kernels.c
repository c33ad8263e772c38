/* SPDX-License-Identifier: Apache-2.0 */
/* bench_kernels [NAME]: nanoseconds per element of every kernel and instruction set, at shapes of the compact
 * networks. The sets take turns; the best of ROUNDS counts. NAME keeps the kernels whose name contains it. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/kernels/kernels.h"

enum { ROUNDS = 9, MAP_H = 240, MAP_W = 336, B = 8, MAP = MAP_H * MAP_W * B, LINE = 16384 };

struct data {
    float *x, *y, *w, *small;
    int32_t index[1024];
    struct eng_gemm *head, *qkv;
    struct eng_mlp *block;
};

struct kernel {
    const char *name;
    double elements;
    const char *unit; /* what an element is */
    void (*run)(const struct eng_kernels *k, struct data *d);
};

static void run_gelu(const struct eng_kernels *k, struct data *d) { k->gelu(d->x, LINE); }
static void run_swish(const struct eng_kernels *k, struct data *d) { k->swish(d->x, LINE); }
static void run_sigmoid(const struct eng_kernels *k, struct data *d) { k->sigmoid(d->x, LINE); }
static void run_tanh(const struct eng_kernels *k, struct data *d) { k->tanh(d->x, LINE); }
static void run_hardswish(const struct eng_kernels *k, struct data *d) { k->hardswish(d->x, LINE); }
static void run_mean(const struct eng_kernels *k, struct data *d) { k->mean(d->x, 1, MAP_H * MAP_W, B, d->small); }
static void run_scale(const struct eng_kernels *k, struct data *d) { k->scale(d->x, 1, MAP_H * MAP_W, B, d->small, 0); }
static void run_upsample(const struct eng_kernels *k, struct data *d)
{
    k->upsample(d->x, 1, MAP_H / 2, MAP_W / 2, B, 2, d->y, 1);
}
static void run_maxpool(const struct eng_kernels *k, struct data *d) { k->maxpool2(d->x, 1, MAP_H, MAP_W, B, d->y); }
static void run_shuffle(const struct eng_kernels *k, struct data *d)
{
    k->shuffle2(d->x, 8, MAP_H / 2, MAP_W / 2, B, d->small, 1, d->y);
}
static void run_shuffle_plain(const struct eng_kernels *k, struct data *d)
{
    k->shuffle2_plain(d->x, MAP_H / 2, MAP_W / 2, B, 0.1f, 1, d->y);
}
static void run_to_plain(const struct eng_kernels *k, struct data *d) { k->to_plain(d->x, B, MAP_H * MAP_W, B, d->y); }
static void run_to_blocked(const struct eng_kernels *k, struct data *d)
{
    k->to_blocked(d->x, B, MAP_H * MAP_W, B, d->y);
}
static void run_layernorm(const struct eng_kernels *k, struct data *d)
{
    k->layernorm(d->x, 80, 120, d->w, d->w + 120, 1e-5f, d->y);
}
static void run_softmax(const struct eng_kernels *k, struct data *d) { k->softmax(d->x, 80, 80); }
static void run_attention(const struct eng_kernels *k, struct data *d)
{
    k->attention(d->w, 160, 8, 15, 0.25f, d->y, d->x);
}
static void run_gemm(const struct eng_kernels *k, struct data *d)
{
    k->gemm(d->w, 80, d->qkv, ENG_GEMM_LINEAR, 0, d->y);
}
static void run_matmul(const struct eng_kernels *k, struct data *d)
{
    k->matmul(d->w, d->w, NULL, 80, 120, 360, d->y);
}
static void run_matmul1(const struct eng_kernels *k, struct data *d) { k->matmul(d->w, d->w, NULL, 1, 256, 256, d->y); }
static void run_matvec(const struct eng_kernels *k, struct data *d) { k->matvec(d->w, d->w, NULL, 768, 256, d->y); }
static void run_ctc(const struct eng_kernels *k, struct data *d)
{
    k->ctc(d->w, 80, d->head, d->y, d->index, d->small);
}
static void run_tanh_score(const struct eng_kernels *k, struct data *d)
{
    k->tanh_score(d->w, d->w, d->w, 256, 256, d->small);
}
static void run_mlp(const struct eng_kernels *k, struct data *d)
{
    k->mlp(d->block, NULL, 0, 1920, 1920, k->isa == ENG_ISA_AVX512 ? 16 : 8, d->w, d->y, d->x);
}
static void run_gru(const struct eng_kernels *k, struct data *d) { k->gru(d->w, d->w, 256, d->small); }

static const struct kernel kernels[] = {
    {"gelu", LINE, "value", run_gelu},
    {"swish", LINE, "value", run_swish},
    {"sigmoid", LINE, "value", run_sigmoid},
    {"tanh", LINE, "value", run_tanh},
    {"hardswish", LINE, "value", run_hardswish},
    {"mean", MAP, "value", run_mean},
    {"scale", MAP, "value", run_scale},
    {"upsample+add", MAP, "output", run_upsample},
    {"maxpool2", MAP, "output", run_maxpool},
    {"shuffle2", MAP * 4 / 4, "output", run_shuffle},
    {"shuffle2_plain", MAP_H * MAP_W, "output", run_shuffle_plain},
    {"to_plain", MAP, "value", run_to_plain},
    {"to_blocked", MAP, "value", run_to_blocked},
    {"layernorm 80x120", 80 * 120, "value", run_layernorm},
    {"softmax 80x80", 80 * 80, "value", run_softmax},
    {"attention T=160", 160.0 * 160 * 8, "query.key", run_attention},
    {"gemm 80x120x360", 80.0 * 120 * 360, "madd", run_gemm},
    {"matmul 80x120x360", 80.0 * 120 * 360, "madd", run_matmul},
    {"matmul 1x256x256", 256.0 * 256, "madd", run_matmul1},
    {"matvec 768x256", 768.0 * 256, "madd", run_matvec},
    {"ctc T=80", 80.0 * 120 * 18710, "madd", run_ctc},
    {"tanh_score 256x256", 256.0 * 256, "tanh", run_tanh_score},
    {"mlp 96-192-96", 1920.0 * 96 * 192 * 2, "madd", run_mlp},
    {"gru 256", 256, "unit", run_gru},
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Seconds of one call, repeated until 2 ms have passed. */
static double time_of(const struct kernel *kernel, const struct eng_kernels *set, struct data *d)
{
    double start = now(), took;
    int calls = 0;
    do {
        kernel->run(set, d);
        calls++;
        took = now() - start;
    } while (took < 2e-3);
    return took / calls;
}

static float *floats(size_t n)
{
    float *x = aligned_alloc(64, (n * sizeof *x + 63) / 64 * 64);
    for (size_t i = 0; x && i < n; i++)
        x[i] = (float)(i * 2654435761U % 2001U) / 1000.0f - 1.0f;
    return x;
}

static void report(const struct kernel *kernel, struct data *d)
{
    double best[ENG_ISA_COUNT];
    for (int isa = 0; isa < ENG_ISA_COUNT; isa++)
        best[isa] = 1e9;
    for (int round = 0; round < ROUNDS; round++)
        for (int isa = 0; isa < ENG_ISA_COUNT; isa++) {
            const struct eng_kernels *set = eng_kernels_for((enum eng_isa)isa);
            if (!set || (isa == ENG_ISA_PLAIN && round > 1))
                continue;
            double t = time_of(kernel, set, d);
            best[isa] = t < best[isa] ? t : best[isa];
        }
    printf("%-20s", kernel->name);
    for (int isa = 0; isa < ENG_ISA_COUNT; isa++)
        if (eng_kernels_for((enum eng_isa)isa))
            printf(" %9.4f", best[isa] / kernel->elements * 1e9);
    printf("  ns per %s\n", kernel->unit);
}

int main(int argc, char **argv)
{
    struct data d = {.x = floats(MAP), .y = floats(MAP * 4), .w = floats(120 * 18710), .small = floats(18710)};
    struct b_err err;
    if (!d.x || !d.y || !d.w || !d.small || eng_gemm_new(d.w, 120, 18710, 18710, d.small, &d.head, &err) != B_OK ||
        eng_gemm_new(d.w, 120, 360, 360, d.small, &d.qkv, &err) != B_OK ||
        eng_mlp_new(d.w, d.w, d.w, d.w, &(struct eng_mlp_shape){96, 192, 96, 1}, &d.block, &err) != B_OK) {
        fprintf(stderr, "bench_kernels: out of memory\n");
        return 1;
    }
    printf("%-20s", "kernel");
    for (int isa = 0; isa < ENG_ISA_COUNT; isa++)
        if (eng_kernels_for((enum eng_isa)isa))
            printf(" %9s", eng_kernels_for((enum eng_isa)isa)->name);
    printf("\n");
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
        if (argc < 2 || strstr(kernels[i].name, argv[1]))
            report(&kernels[i], &d);
    eng_gemm_drop(d.head);
    eng_gemm_drop(d.qkv);
    eng_mlp_drop(d.block);
    free(d.x);
    free(d.y);
    free(d.w);
    free(d.small);
    return 0;
}
