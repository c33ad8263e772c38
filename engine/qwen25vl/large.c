/* SPDX-License-Identifier: Apache-2.0 */
/* Products of many rows through oneDNN. A plan holds for a number of rows that is rounded up: the rows behind the last
 * are what lies there, and nobody reads their results. Invariant: plans are made and forgotten by the thread that
 * starts a run, before its pieces are handed out; during the run they are only read. */
#include "engine/qwen25vl/large.h"

#include <stdlib.h>
#include <string.h>

#include "engine/onednn/matmul.h"

#define DOMAIN "qwen25vl"
enum { FEW_ROWS = 16 };
/* A run needs a plan a job at most; a model has some six lengths of rows, a picture two numbers of rows. */
enum { PLANS = 64, ROWS_STEP = 32, ALIGN = 64, LINE = 64 / sizeof(float), ROWS_AHEAD = 12 };

struct plan {
    struct eng_matmul_shape shape;
    struct eng_matmul *matmul; /* NULL: refused, and not to be asked for again */
};

struct eng_large {
    const struct eng_lm_kernels *kernels;
    bool all, floats, prompts; /* every product of bytes; bfloat16 of pictures, of prompts */
    int threads;
    size_t rows, width;
    struct plan plans[PLANS];
    size_t next;      /* the plan to be replaced */
    uint8_t *scratch; /* for each thread: sums, weights as rows, the library's */
    size_t per_thread, library_bytes;
};

static size_t aligned(size_t bytes)
{
    return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

static size_t sums_bytes(const struct eng_large *large)
{
    return aligned(large->rows * ENG_OPS_OUTPUTS * sizeof(float));
}

static size_t weights_bytes(const struct eng_large *large)
{
    return aligned(ENG_OPS_OUTPUTS * eng_lm_padded(large->width) * sizeof(uint16_t));
}

/* Room for `library_bytes` of the library's scratch. */
static bool make_scratch(struct eng_large *large, size_t library_bytes)
{
    const size_t each = sums_bytes(large) + weights_bytes(large) + aligned(library_bytes);
    uint8_t *scratch = aligned_alloc(ALIGN, each * (size_t)large->threads);
    if (!scratch)
        return false;
    memset(scratch, 0, each * (size_t)large->threads);
    free(large->scratch);
    large->scratch = scratch;
    large->per_thread = each;
    large->library_bytes = library_bytes;
    return true;
}

enum b_code eng_large_new(const struct eng_lm_kernels *kernels, enum eng_large_mode mode, int threads, size_t rows,
                          size_t width, struct eng_large **out, struct b_err *err)
{
    *out = NULL;
    if (mode == ENG_LARGE_NEVER || kernels->isa < ENG_LM_AVX512_VNNI)
        return B_OK;
    struct eng_large *large = calloc(1, sizeof *large);
    if (!large)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    *large = (struct eng_large){.kernels = kernels, .threads = threads, .rows = rows, .width = width};
    large->floats = kernels->dot_bf16_bf16 != NULL;
    large->all = mode == ENG_LARGE_ALWAYS || eng_matmul_has_amx();
    large->prompts = large->floats && large->all;
    if (!make_scratch(large, 0)) {
        free(large);
        return b_fail(err, B_NO_MEMORY, DOMAIN, "no memory for products of %zu rows", rows);
    }
    *out = large;
    return B_OK;
}

void eng_large_drop(struct eng_large *large)
{
    if (!large)
        return;
    for (size_t i = 0; i < PLANS; i++)
        eng_matmul_drop(large->plans[i].matmul);
    free(large->scratch);
    free(large);
}

bool eng_large_takes_prompts(const struct eng_large *large)
{
    return large && large->prompts;
}

/* --- plans --- */

static bool goes(const struct eng_large *large, const struct eng_large_run *run)
{
    switch (run->jobs[0].linear->kind) {
    case ENG_LINEAR_S8:
        return large->all && run->m > (run->use == ENG_OPS_PICTURE ? FEW_ROWS : ENG_LARGE_ROWS);
    case ENG_LINEAR_BF16_ROUNDED:
        return (run->use == ENG_OPS_PICTURE && large->floats) || (run->use == ENG_OPS_PROMPT && large->prompts);
    default:
        return false;
    }
}

/* Always for whole pieces: the library's fast code takes no fewer outputs. */
static struct eng_matmul_shape shape_of(const struct eng_large *large, const struct eng_large_run *run,
                                        const struct eng_linear *linear)
{
    const bool bytes = linear->kind == ENG_LINEAR_S8;
    const size_t rows = (run->m + ROWS_STEP - 1) / ROWS_STEP * ROWS_STEP;
    struct eng_matmul_shape shape = {
        .kind = bytes ? ENG_MATMUL_U8S8 : ENG_MATMUL_BF16, .n = ENG_OPS_OUTPUTS, .k = eng_lm_padded(linear->k)};
    shape.m = rows > large->rows || (!bytes && run->use == ENG_OPS_PROMPT) ? large->rows : rows;
    return shape;
}

static bool same(const struct eng_matmul_shape *a, const struct eng_matmul_shape *b)
{
    return a->kind == b->kind && a->m == b->m && a->n == b->n && a->k == b->k;
}

static const struct plan *find(const struct eng_large *large, const struct eng_matmul_shape *shape)
{
    for (size_t i = 0; i < PLANS; i++)
        if (same(&large->plans[i].shape, shape))
            return &large->plans[i];
    return NULL;
}

static bool make(struct eng_large *large, const struct eng_matmul_shape *shape)
{
    const struct plan *known = find(large, shape);
    if (known)
        return known->matmul != NULL;
    struct eng_matmul *matmul;
    const enum b_code code = eng_matmul_new(shape, &matmul, NULL);
    if (code != B_OK && code != B_UNSUPPORTED)
        return false; /* want of memory may pass */
    if (matmul && eng_matmul_scratch(matmul) > large->library_bytes &&
        !make_scratch(large, eng_matmul_scratch(matmul))) {
        eng_matmul_drop(matmul);
        return false;
    }
    struct plan *plan = &large->plans[large->next++ % PLANS];
    eng_matmul_drop(plan->matmul);
    *plan = (struct plan){.shape = *shape, .matmul = matmul};
    return matmul != NULL;
}

bool eng_large_ready(struct eng_large *large, const struct eng_large_run *run)
{
    if (!large || run->n_jobs > PLANS || !goes(large, run))
        return false;
    for (size_t i = 0; i < run->n_jobs; i++) {
        const struct eng_matmul_shape shape = shape_of(large, run, run->jobs[i].linear);
        if (shape.k > eng_lm_padded(large->width) || run->m > large->rows || !make(large, &shape))
            return false;
    }
    return true;
}

/* --- pieces --- */

/* The piece's weights row by row, padded with zeros. Rows of a last piece that is not whole are made up of what lies
 * in the scratch. */
static const void *plain_rows(const struct eng_large_piece *piece, uint8_t *rows)
{
    const struct eng_linear *l = piece->job->linear;
    if (l->kind == ENG_LINEAR_S8) {
        const uint8_t *panels = (const uint8_t *)l->w + piece->first * l->w_row;
        for (size_t j = 0; j < piece->n; j += ENG_LM_PANEL)
            eng_lm_from_panel(panels + j * l->w_row, l->w_row, rows + j * l->w_row);
        return rows;
    }
    const uint16_t *mapped = (const uint16_t *)l->w + piece->first * l->w_row;
    const size_t padded = eng_lm_padded(l->k), tail = (padded - l->k) * sizeof *mapped;
    if (piece->n == ENG_OPS_OUTPUTS && tail == 0 && l->w_row == l->k)
        return mapped;
    for (size_t j = 0; j < piece->n; j++) {
        uint16_t *to = (uint16_t *)(void *)rows + j * padded;
        memcpy(to, mapped + j * l->w_row, l->k * sizeof *mapped);
        memset(to + l->k, 0, tail);
    }
    return rows;
}

bool eng_large_run_piece(const struct eng_large *large, const struct eng_large_run *run,
                         const struct eng_large_piece *piece)
{
    static const float zeros[ENG_OPS_OUTPUTS] = {0};
    const struct eng_linear *l = piece->job->linear;
    const bool bytes = l->kind == ENG_LINEAR_S8;
    const struct eng_matmul_shape shape = shape_of(large, run, l);
    const struct plan *plan = find(large, &shape);
    uint8_t *sums = large->scratch + (size_t)piece->worker * large->per_thread;
    uint8_t *rows = sums + sums_bytes(large), *library = rows + weights_bytes(large);
    if (!plan || !plan->matmul ||
        eng_matmul_run(plan->matmul, piece->prepared, plain_rows(piece, rows), sums, library, NULL) != B_OK)
        return false;
    for (size_t i = 0; i < run->m; i++) {
        struct eng_lm_finish f = {.shift = bytes ? l->shift + piece->first : zeros,
                                  .scale = bytes ? l->scale + piece->first : NULL,
                                  .bias = l->bias ? l->bias + piece->first : NULL,
                                  .share = bytes ? piece->scales[i] : 1,
                                  .add = piece->job->add,
                                  .n = piece->n,
                                  .y = piece->job->y + i * piece->job->y_row + piece->first};
        for (size_t j = 0; i + ROWS_AHEAD < run->m && j < piece->n; j += LINE)
            __builtin_prefetch(f.y + ROWS_AHEAD * piece->job->y_row + j, 1);
        if (bytes)
            large->kernels->finish_s8(&f, (const int32_t *)(const void *)sums + i * ENG_OPS_OUTPUTS);
        else
            large->kernels->finish_q4(&f, (const float *)(const void *)sums + i * ENG_OPS_OUTPUTS);
    }
    return true;
}
