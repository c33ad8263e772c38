/* SPDX-License-Identifier: Apache-2.0 */
/* Speed of the large model's products, one core, in processor time:
 *
 *   bench_lm [ROUNDS]
 *
 * First with one row of activations over memory far larger than any cache, next to plain reading, in GB a second; then with
 * 96 rows from the caches, in billions of operations (multiply and add counted apart) a second. Kernels take turns;
 * the best and the median of ROUNDS are printed. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "engine/kernels/lm.h"

#define ROUND_BYTES ((size_t)22 << 20)
#define MEMORY_BYTES ((size_t)64 * ROUND_BYTES)
enum { ROWS = 96, OUTPUTS = 64, WIDTH = 2048, ROUNDS_MAX = 999, KERNELS = 6 };

struct bench {
    const struct eng_lm_kernels *set;
    uint8_t *memory; /* MEMORY_BYTES and more behind */
    uint8_t *x;      /* ROWS rows of WIDTH floats */
    float *y;
};

static double seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void read_plain(const struct bench *b, const uint8_t *at, size_t rows, size_t m)
{
    float s[64] = {0};
    (void)m;
    for (size_t i = 0; i < rows * WIDTH; i += sizeof s)
        for (size_t j = 0; j < 64; j++)
            s[j] += ((const float *)(const void *)(at + i))[j];
    memcpy(b->y, s, sizeof s);
}

static void run_f32(const struct bench *b, const uint8_t *at, size_t rows, size_t m)
{
    struct eng_lm_shape s = {.m = m, .n = 4, .k = ENG_LM_CHUNK, .x_row = WIDTH, .w_row = ENG_LM_CHUNK, .y_row = 4};
    for (size_t i = 0; i < rows * WIDTH; i += 4 * ENG_LM_CHUNK * sizeof(float))
        b->set->dot_f32(&s, (const float *)(const void *)b->x, (const float *)(const void *)(at + i), b->y);
}

static void run_bf16(const struct bench *b, const uint8_t *at, size_t rows, size_t m)
{
    struct eng_lm_shape s = {.m = m, .n = 8, .k = ENG_LM_CHUNK, .x_row = WIDTH, .w_row = WIDTH, .y_row = 8};
    for (size_t i = 0; i < rows * WIDTH / 2; i += 8 * WIDTH)
        for (size_t c = 0; c < WIDTH; c += ENG_LM_CHUNK) {
            s.ahead = 8 * WIDTH;
            b->set->dot_bf16(&s, (const float *)(const void *)b->x, (const uint16_t *)(const void *)at + i + c, b->y);
        }
}

static void run_rounded(const struct bench *b, const uint8_t *at, size_t rows, size_t m)
{
    struct eng_lm_shape s = {.m = m, .n = 8, .k = ENG_LM_CHUNK, .x_row = WIDTH, .w_row = WIDTH, .y_row = 8};
    const uint16_t *w = (const uint16_t *)(const void *)at;
    static uint16_t panel[8 * ENG_LM_CHUNK];
    for (size_t i = 0; i < rows * WIDTH / 2; i += 8 * WIDTH)
        for (size_t c = 0; c < WIDTH; c += ENG_LM_CHUNK) {
            s.ahead = 8 * WIDTH;
            s.panels = m > 3;
            s.w_row = s.panels ? ENG_LM_CHUNK : WIDTH;
            if (s.panels)
                eng_lm_to_panel(w + i + c, WIDTH * 2, 8, ENG_LM_CHUNK * 2, ENG_LM_CHUNK * 2, panel);
            b->set->dot_bf16_bf16(&s, (const uint16_t *)(const void *)b->x + c, s.panels ? panel : w + i + c, b->y);
        }
}

static void run_s8(const struct bench *b, const uint8_t *at, size_t rows, size_t m)
{
    struct eng_lm_shape s = {.m = m, .n = OUTPUTS, .k = WIDTH, .x_row = WIDTH, .w_row = WIDTH, .y_row = OUTPUTS};
    for (size_t i = 0; i < rows; i += OUTPUTS)
        b->set->dot_s8(&s, b->x, (const int8_t *)at + i * WIDTH, (int32_t *)(void *)b->y);
}

static void run_q4(const struct bench *b, const uint8_t *at, size_t rows, size_t m)
{
    const size_t w_row = eng_lm_q4_bytes(WIDTH);
    struct eng_lm_shape s = {.m = m, .n = OUTPUTS, .k = WIDTH, .x_row = WIDTH, .w_row = w_row, .y_row = OUTPUTS};
    for (size_t i = 0; i + OUTPUTS * w_row <= rows * WIDTH; i += OUTPUTS * w_row)
        b->set->dot_q4(&s, b->x, at + i, b->y);
}

/* rows: bytes / WIDTH; a kernel does `each` products a byte. */
static const struct {
    const char *name;
    void (*run)(const struct bench *b, const uint8_t *at, size_t rows, size_t m);
    double each;
} kernels[KERNELS] = {{"plain reading", read_plain, 0},         {"fp32 x fp32", run_f32, 0.25},
                      {"fp32 x bf16", run_bf16, 0.5},           {"bf16 x bf16", run_rounded, 0.5},
                      {"8 bits", run_s8, 1},                    {"4 bits", run_q4, 32.0 / 17}};

static int descending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

static void measure(const struct bench *b, size_t m, int rounds)
{
    static double rates[KERNELS][ROUNDS_MAX];
    size_t bytes = m == 1 ? ROUND_BYTES : (size_t)OUTPUTS * WIDTH * 9 / 2, at = 0;
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < KERNELS; i++) {
            if ((m > 1 && i == 0) || (i == 3 && !b->set->dot_bf16_bf16))
                continue;
            double begin = seconds();
            kernels[i].run(b, b->memory + at, bytes / WIDTH, m);
            double took = seconds() - begin;
            rates[i][round] = (m == 1 ? (double)bytes : 2 * kernels[i].each * (double)bytes * (double)m) / took * 1e-9;
            at = m == 1 ? (at + bytes) % MEMORY_BYTES : 0;
        }
    for (int i = m == 1 ? 0 : 1; i < KERNELS; i++) {
        qsort(rates[i], (size_t)rounds, sizeof(double), descending);
        printf("%-12s %2zu rows  %-14s best %7.1f  median %7.1f %s\n", b->set->name, m, kernels[i].name, rates[i][0],
               rates[i][rounds / 2], m == 1 ? "GB/s" : "G/s");
    }
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 21;
    rounds = rounds < 1 ? 1 : rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
    size_t bytes = MEMORY_BYTES + ((size_t)4 << 20);
    uint8_t *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct bench b = {.memory = memory,
                      .x = calloc((size_t)ROWS * WIDTH, sizeof(float)),
                      .y = calloc((size_t)ROWS * OUTPUTS, sizeof(float))};
    if (memory == MAP_FAILED || !b.x || !b.y)
        return 1;
    (void)madvise(memory, bytes, MADV_HUGEPAGE);
    memset(memory, 0, bytes);
    for (int isa = ENG_LM_ISA_COUNT - 1; isa > ENG_LM_PLAIN; isa--) {
        b.set = eng_lm_for((enum eng_lm_isa)isa);
        if (!b.set)
            continue;
        measure(&b, 1, rounds);
        measure(&b, ROWS, rounds);
    }
    free(b.x), free(b.y);
    return munmap(memory, bytes) == 0 ? 0 : 1;
}
