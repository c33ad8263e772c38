/* SPDX-License-Identifier: Apache-2.0 */
/* Linear layers over mapped or packed weights. Outputs are cut into pieces of PIECE rows of weights, handed to the
 * threads as they come; within a piece ENG_OPS_ROWS rows of activations stay in the second-level cache. Invariant:
 * each output sums its chunks of ENG_LM_CHUNK inputs in order, whatever the pieces are. */
#include "engine/qwen25vl/linear.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "engine/qwen25vl/large.h"

#define DOMAIN "qwen25vl"
#define HUGE_PAGE ((size_t)2 << 20)
enum { PIECE = ENG_OPS_OUTPUTS, OFFSET = 128 }; /* OFFSET: what eng_lm_kernels.quantise adds */
enum { LINE = 64 / sizeof(float), ROWS_AHEAD = 12 }; /* results are rows apart, which the processor does not foresee */
enum { DIRECT_ROWS = 3 };          /* with more rows of activations laying out panels pays */
enum { MANY_ROWS = 24, MANY_INPUTS = ENG_OPS_SPREAD / PIECE }; /* from so many rows on laying out outputs pays */
_Static_assert((int)PIECE == (int)ENG_LM_SPREAD, "a piece is what many_s8 takes");

/* --- working memory --- */

/* A piece of all rows, from whichever output on. */
static size_t beside_floats(const struct eng_ops *ops)
{
    return ops->rows * PIECE + ops->width;
}

static size_t spread_bytes(const struct eng_ops *ops)
{
    return ENG_OPS_SPREAD + ops->rows * PIECE * sizeof(int32_t); /* whole lines of the cache */
}

enum b_code eng_ops_new(const struct eng_lm_kernels *kernels, int threads, size_t rows, size_t width,
                        struct eng_ops *out, struct b_err *err)
{
    *out = (struct eng_ops){.kernels = kernels, .rows = rows, .width = width};
    enum b_code code = eng_team_new(threads, &out->team, err);
    if (code != B_OK)
        return code;
    out->prepared = calloc(rows, eng_lm_padded(width) * sizeof(float));
    out->scales = calloc(rows, sizeof(float));
    out->scratch = calloc((size_t)threads, ENG_OPS_SCRATCH * sizeof(float));
    out->beside = malloc((size_t)threads * beside_floats(out) * sizeof(float));
    if (kernels->many_s8)
        out->spread = aligned_alloc(64, (size_t)threads * spread_bytes(out));
    if (!out->prepared || !out->scales || !out->scratch || !out->beside || (kernels->many_s8 && !out->spread)) {
        eng_ops_free(out);
        return b_fail(err, B_NO_MEMORY, DOMAIN, "no memory for %zu rows of %zu activations", rows, width);
    }
    return B_OK;
}

enum b_code eng_ops_enlarge(struct eng_ops *ops, enum eng_large_mode mode, struct b_err *err)
{
    return eng_large_new(ops->kernels, mode, eng_team_threads(ops->team), ops->rows, ops->width, &ops->large, err);
}

void eng_ops_free(struct eng_ops *ops)
{
    eng_large_drop(ops->large);
    eng_team_drop(ops->team);
    free(ops->prepared);
    free(ops->scales);
    free(ops->scratch);
    free(ops->beside);
    free(ops->spread);
    *ops = (struct eng_ops){0};
}

/* --- activations --- */

struct preparation {
    struct eng_ops *ops;
    enum eng_linear_kind kind;
    const float *x;
    size_t x_row, k;
    const struct eng_linear_norm *norm; /* or NULL */
};

static void prepare_row(void *context, size_t row, int worker)
{
    const struct preparation *p = context;
    const struct eng_lm_kernels *kernels = p->ops->kernels;
    size_t padded = eng_lm_padded(p->k);
    const float *x = p->x + row * p->x_row;
    float *wide = (float *)p->ops->prepared + row * padded;
    if (p->norm) {
        float *normed = p->ops->beside + (size_t)worker * beside_floats(p->ops);
        kernels->rmsnorm(x, 1, p->k, p->norm->gamma, p->norm->eps, normed);
        x = normed;
    }
    switch (p->kind) {
    case ENG_LINEAR_BF16:
        kernels->split(x, p->k, wide);
        break;
    case ENG_LINEAR_BF16_ROUNDED:
        kernels->round_bf16(x, p->k, (uint16_t *)p->ops->prepared + row * padded);
        break;
    case ENG_LINEAR_S8:
    case ENG_LINEAR_Q4_S8:
        p->ops->scales[row] = kernels->quantise(x, p->k, (uint8_t *)p->ops->prepared + row * padded);
        break;
    default:
        memcpy(wide, x, p->k * sizeof *x);
        memset(wide + p->k, 0, (padded - p->k) * sizeof *x);
    }
}

/* --- products --- */

/* Weights' rows first .. first+n-1 of a job with activations' rows row .. row+m-1. */
struct piece {
    const struct eng_ops *ops;
    const struct eng_linear_job *job;
    size_t first, n, row, m;
    float *scratch;
};

static void widen_row(const struct piece *p, size_t output, size_t at, size_t k, float *out)
{
    const struct eng_linear *l = p->job->linear;
    const struct eng_lm_kernels *kernels = p->ops->kernels;
    if (l->kind == ENG_LINEAR_F32) {
        memcpy(out, (const float *)l->w + output * l->w_row + at, k * sizeof *out);
        memset(out + k, 0, (eng_lm_padded(k) - k) * sizeof *out);
    } else if (l->kind == ENG_LINEAR_F16) {
        kernels->widen_f16((const uint16_t *)l->w + output * l->w_row + at, k, out);
    } else if (l->kind == ENG_LINEAR_Q4) {
        kernels->widen_q4((const uint8_t *)l->w + at / ENG_LM_GROUP * ENG_LM_Q4_STEP, output, l->w_row, k, out);
    } else {
        kernels->widen_bf16((const uint16_t *)l->w + output * l->w_row + at, k, out);
    }
}

/* Four rows of weights at a time become floats that stay in the first-level cache. */
static void widened_chunk(const struct piece *p, size_t at, size_t k)
{
    size_t padded = eng_lm_padded(p->job->linear->k), w_row = eng_lm_padded(k);
    const float *x = (const float *)p->ops->prepared + p->row * padded + at;
    for (size_t j = 0; j < p->n; j += 4) {
        size_t n = p->n - j < 4 ? p->n - j : 4;
        for (size_t i = 0; i < n; i++)
            widen_row(p, p->first + j + i, at, k, p->scratch + i * w_row);
        struct eng_lm_shape shape = {
            .m = p->m, .n = n, .k = k, .x_row = padded, .w_row = w_row, .y_row = p->job->y_row};
        p->ops->kernels->dot_f32(&shape, x, p->scratch, p->job->y + p->row * p->job->y_row + p->first + j);
    }
}

/* One panel of bfloat16 weights at a time is laid out in the first-level cache for all rows of activations. */
static void rounded_panel(const struct piece *p, size_t j, size_t at, size_t k)
{
    const struct eng_linear *l = p->job->linear;
    size_t padded = eng_lm_padded(l->k), n = p->n - j < ENG_LM_PANEL ? p->n - j : ENG_LM_PANEL;
    const uint16_t *w = (const uint16_t *)l->w + (p->first + j) * l->w_row + at;
    struct eng_lm_shape shape = {.m = p->m,
                                 .n = n,
                                 .k = eng_lm_padded(k),
                                 .x_row = padded,
                                 .w_row = eng_lm_padded(k),
                                 .y_row = p->job->y_row,
                                 .panels = true};
    eng_lm_to_panel(w, l->w_row * sizeof *w, n, k * sizeof *w, shape.w_row * sizeof *w, p->scratch);
    p->ops->kernels->dot_bf16_bf16(&shape, (const uint16_t *)p->ops->prepared + p->row * padded + at,
                                   (const uint16_t *)(const void *)p->scratch,
                                   p->job->y + p->row * p->job->y_row + p->first + j);
}

/* A chunk of inputs with ENG_LM_PANEL rows of weights from j on; `ahead`: where reading goes on, in weights. */
static void float_chunk(const struct piece *p, size_t j, size_t at, size_t k, size_t ahead)
{
    const struct eng_linear *l = p->job->linear;
    const struct eng_lm_kernels *kernels = p->ops->kernels;
    size_t padded = eng_lm_padded(l->k);
    struct eng_lm_shape shape = {.m = p->m,
                                 .n = p->n - j < ENG_LM_PANEL ? p->n - j : ENG_LM_PANEL,
                                 .k = k,
                                 .x_row = padded,
                                 .w_row = l->w_row,
                                 .y_row = p->job->y_row,
                                 .ahead = ahead};
    float *y = p->job->y + p->row * p->job->y_row + p->first + j;
    const uint16_t *w = (const uint16_t *)l->w + (p->first + j) * l->w_row + at;
    size_t x = p->row * padded + at;
    if (l->kind == ENG_LINEAR_BF16_ROUNDED && (p->m > DIRECT_ROWS || k % 32 != 0))
        rounded_panel(p, j, at, k);
    else if (l->kind == ENG_LINEAR_BF16_ROUNDED)
        kernels->dot_bf16_bf16(&shape, (const uint16_t *)p->ops->prepared + x, w, y);
    else
        kernels->dot_bf16(&shape, (const float *)p->ops->prepared + x, w, y);
}

static void float_piece(const struct piece *p)
{
    const struct eng_linear *l = p->job->linear;
    if (l->kind != ENG_LINEAR_BF16_ROUNDED &&
        (l->kind != ENG_LINEAR_BF16 || l->k % 32 != 0 || p->m > p->ops->kernels->direct_rows)) {
        for (size_t at = 0; at < l->k; at += ENG_LM_CHUNK)
            widened_chunk(p, at, l->k - at < ENG_LM_CHUNK ? l->k - at : ENG_LM_CHUNK);
        return;
    }
    size_t chunks = (l->k + ENG_LM_CHUNK - 1) / ENG_LM_CHUNK;
    for (size_t j = 0; j < p->n; j += ENG_LM_PANEL)
        for (size_t c = 0; c < chunks; c++) { /* fetches the chunk after the next, 32 KiB on */
            size_t at = c * ENG_LM_CHUNK, to = (c + 2) % chunks * ENG_LM_CHUNK;
            size_t ahead = (c + 2) / chunks * ENG_LM_PANEL * l->w_row + to - at;
            float_chunk(p, j, at, l->k - at < ENG_LM_CHUNK ? l->k - at : ENG_LM_CHUNK, ahead);
        }
}

static void narrow_piece(const struct piece *p)
{
    const struct eng_linear *l = p->job->linear;
    size_t padded = eng_lm_padded(l->k);
    const uint8_t *x = (const uint8_t *)p->ops->prepared + p->row * padded;
    struct eng_lm_shape shape = {.m = p->m, .n = p->n, .k = l->k, .x_row = padded, .w_row = l->w_row, .y_row = p->n};
    float *sums = p->scratch;
    int32_t *whole = (int32_t *)(void *)p->scratch;
    if (l->kind == ENG_LINEAR_S8) {
        p->ops->kernels->dot_s8(&shape, x, (const int8_t *)l->w + p->first * l->w_row, whole); /* whole panels */
    } else {
        p->ops->kernels->dot_q4(&shape, x, (const uint8_t *)l->w + p->first * l->w_row, sums);
    }
    for (size_t i = 0; i < p->m; i++) {
        struct eng_lm_finish f = {.shift = l->shift + p->first,
                                  .scale = l->scale ? l->scale + p->first : NULL,
                                  .bias = l->bias ? l->bias + p->first : NULL,
                                  .share = p->ops->scales[p->row + i],
                                  .add = p->job->add,
                                  .n = p->n,
                                  .y = p->job->y + (p->row + i) * p->job->y_row + p->first};
        for (size_t j = 0; i + ROWS_AHEAD < p->m && j < p->n; j += LINE)
            __builtin_prefetch(f.y + ROWS_AHEAD * p->job->y_row + j, 1);
        if (l->kind == ENG_LINEAR_S8)
            p->ops->kernels->finish_s8(&f, whole + i * p->n);
        else
            p->ops->kernels->finish_q4(&f, sums + i * p->n);
    }
}

/* All rows of a layer in 8 bits, some inputs after the other; the last of them finish. */
static void many_piece(const struct piece *p, uint8_t *spread)
{
    const struct eng_linear *l = p->job->linear;
    const struct eng_lm_kernels *kernels = p->ops->kernels;
    const size_t padded = eng_lm_padded(l->k);
    int8_t *w = (int8_t *)spread;
    const struct eng_lm_finish finish = {.shift = l->shift + p->first,
                                         .scale = l->scale + p->first,
                                         .bias = l->bias ? l->bias + p->first : NULL,
                                         .add = p->job->add,
                                         .n = p->n,
                                         .y = p->job->y + p->first};
    struct eng_lm_many many = {.m = p->m,
                               .x_row = padded,
                               .y_row = p->job->y_row,
                               .w = w,
                               .sums = (int32_t *)(void *)(spread + ENG_OPS_SPREAD),
                               .shares = p->ops->scales};
    for (size_t at = 0; at < padded; at += many.k) {
        many.k = padded - at < MANY_INPUTS ? padded - at : MANY_INPUTS;
        many.x = (const uint8_t *)p->ops->prepared + at;
        many.more = at > 0;
        many.finish = at + many.k == padded ? &finish : NULL;
        kernels->spread_s8((const int8_t *)l->w + p->first * l->w_row + at * ENG_LM_PANEL, l->w_row, p->n, many.k, w);
        kernels->many_s8(&many);
    }
}

static void start_rows(const struct piece *p)
{
    if (p->job->add && !p->job->linear->bias)
        return;
    for (size_t i = 0; i < p->m; i++) {
        float *y = p->job->y + (p->row + i) * p->job->y_row + p->first;
        const float *bias = p->job->linear->bias ? p->job->linear->bias + p->first : NULL;
        for (size_t j = 0; j < p->n; j++)
            y[j] = (p->job->add ? y[j] : 0.0f) + (bias ? bias[j] : 0.0f);
    }
}

struct run {
    struct eng_ops *ops;
    const struct eng_linear_job *jobs;
    size_t n_jobs, m;
    bool large;
    struct eng_large_run through; /* when large */
};

/* Outputs first .. first+PIECE-1 of a job for all rows. */
static void job_piece(const struct run *run, const struct eng_linear_job *job, size_t first, int worker)
{
    const struct eng_linear *l = job->linear;
    struct piece p = {.ops = run->ops,
                      .job = job,
                      .first = first,
                      .n = l->n - first < PIECE ? l->n - first : PIECE,
                      .scratch = run->ops->scratch + (size_t)worker * ENG_OPS_SCRATCH};
    const struct eng_large_piece piece = {.job = job,
                                          .first = first,
                                          .n = p.n,
                                          .prepared = run->ops->prepared,
                                          .scales = run->ops->scales,
                                          .worker = worker};
    if (run->large && eng_large_run_piece(run->ops->large, &run->through, &piece))
        return;
    if (l->kind == ENG_LINEAR_S8 && run->ops->spread && run->m >= MANY_ROWS) {
        p.m = run->m;
        many_piece(&p, run->ops->spread + (size_t)worker * spread_bytes(run->ops));
        return;
    }
    for (; p.row < run->m; p.row += ENG_OPS_ROWS) {
        p.m = run->m - p.row < ENG_OPS_ROWS ? run->m - p.row : ENG_OPS_ROWS;
        if (l->kind == ENG_LINEAR_S8 || l->kind == ENG_LINEAR_Q4_S8) {
            narrow_piece(&p);
        } else {
            start_rows(&p);
            float_piece(&p);
        }
    }
}

static size_t pieces_of(const struct eng_linear *linear)
{
    return (linear->n + PIECE - 1) / PIECE;
}

static void run_piece(void *context, size_t index, int worker)
{
    const struct run *run = context;
    size_t job = 0, pieces;
    for (; index >= (pieces = pieces_of(run->jobs[job].linear)); job++)
        index -= pieces;
    job_piece(run, &run->jobs[job], index * PIECE, worker);
}

/* Rows in the form that the kernels want, and how the products will be done. */
static struct run begin_run(struct eng_ops *ops, const struct eng_linear_norm *norm, const float *x, size_t x_row,
                            size_t m, const struct eng_linear_job *jobs, size_t n_jobs)
{
    struct preparation p = {.ops = ops,
                            .kind = jobs[0].linear->kind,
                            .x = x,
                            .x_row = x_row,
                            .k = jobs[0].linear->k,
                            .norm = norm};
    struct run run = {.ops = ops, .jobs = jobs, .n_jobs = n_jobs, .m = m};
    if (m < 8)
        for (size_t i = 0; i < m; i++)
            prepare_row(&p, i, 0);
    else
        eng_team_run(ops->team, m, prepare_row, &p);
    run.through = (struct eng_large_run){.jobs = jobs, .n_jobs = n_jobs, .m = m, .use = ops->use};
    run.large = eng_large_ready(ops->large, &run.through);
    return run;
}

void eng_linear_run(struct eng_ops *ops, const float *x, size_t x_row, size_t m, const struct eng_linear_job *jobs,
                    size_t n_jobs)
{
    eng_linear_run_normed(ops, NULL, x, x_row, m, jobs, n_jobs);
}

void eng_linear_run_normed(struct eng_ops *ops, const struct eng_linear_norm *norm, const float *x, size_t x_row,
                           size_t m, const struct eng_linear_job *jobs, size_t n_jobs)
{
    struct run run = begin_run(ops, norm, x, x_row, m, jobs, n_jobs);
    size_t pieces = 0;
    for (size_t i = 0; i < n_jobs; i++)
        pieces += pieces_of(jobs[i].linear);
    eng_team_run(ops->team, pieces, run_piece, &run);
}

/* The same piece of gate and up, of which only the gated product leaves the near caches. */
static void run_gated(void *context, size_t index, int worker)
{
    const struct run *run = context;
    const struct eng_linear_job *gate = &run->jobs[0];
    struct eng_linear_job up = run->jobs[1];
    const size_t first = index * PIECE, n = gate->linear->n - first < PIECE ? gate->linear->n - first : PIECE;
    up.y = run->ops->beside + (size_t)worker * beside_floats(run->ops);
    up.y_row = PIECE;
    job_piece(run, gate, first, worker);
    job_piece(run, &up, first, worker);
    for (size_t i = 0; i < run->m; i++)
        run->ops->kernels->silu_mul(gate->y + i * gate->y_row + first, up.y + i * PIECE + first, n);
}

void eng_linear_run_gated(struct eng_ops *ops, const struct eng_linear_norm *norm, const float *x, size_t x_row,
                          size_t m, const struct eng_linear_job *gate, const struct eng_linear *up)
{
    const struct eng_linear_job jobs[2] = {*gate, {.linear = up}};
    struct run run = begin_run(ops, norm, x, x_row, m, jobs, 2);
    eng_team_run(ops->team, pieces_of(gate->linear), run_gated, &run);
}

/* --- weights --- */

void eng_linear_map(const struct eng_lm_kernels *kernels, const struct eng_weight *weight, size_t n, size_t k,
                    bool round, struct eng_linear *out)
{
    *out = (struct eng_linear){.n = n, .k = k, .w = weight->data, .w_row = k};
    if (weight->dtype == ENG_F32)
        out->kind = ENG_LINEAR_F32;
    else if (weight->dtype == ENG_F16)
        out->kind = ENG_LINEAR_F16;
    else
        out->kind = round && kernels->dot_bf16_bf16 ? ENG_LINEAR_BF16_ROUNDED : ENG_LINEAR_BF16;
}

void eng_linear_free(struct eng_linear *linear)
{
    if (!linear->mapped) {
        free(linear->owned);
        free(linear->scale);
        free(linear->shift);
    }
    *linear = (struct eng_linear){0};
}

uint64_t eng_linear_bytes(const struct eng_linear *l)
{
    switch (l->kind) {
    case ENG_LINEAR_F32:
        return (uint64_t)l->n * l->k * 4;
    case ENG_LINEAR_S8:
        return (uint64_t)l->n * (l->w_row + 8);
    case ENG_LINEAR_Q4:
    case ENG_LINEAR_Q4_S8:
        return (uint64_t)l->n * (l->w_row + 4);
    default:
        return (uint64_t)l->n * l->k * 2;
    }
}

/* A layer that is being packed; source: the mapped one (or none, with awq). */
struct packing {
    struct eng_linear *to;
    const struct eng_linear *from;
    const struct eng_awq *awq;
    const struct eng_lm_kernels *kernels;
    atomic_bool *failed;
};

static void wide_row(const struct eng_linear *l, size_t row, float *out)
{
    struct eng_weight w = {.dtype = l->kind == ENG_LINEAR_F32   ? ENG_F32
                                    : l->kind == ENG_LINEAR_F16 ? ENG_F16
                                                                : ENG_BF16,
                           .data = l->w,
                           .count = (int64_t)(l->n * l->k)};
    eng_weight_to_f32(&w, (int64_t)(row * l->k), (int64_t)l->k, out);
}

/* What the offset of the activations adds to an output, as the kernel computes it: sum of scale * 128 * (q - z). */
static float q4_shift(const struct eng_lm_q4_row *row, size_t groups)
{
    double sum = 0;
    for (size_t g = 0; g < groups; g++) {
        int whole = 0;
        for (size_t i = 0; i < ENG_LM_GROUP / 2; i++)
            whole += (row->q[g * (ENG_LM_GROUP / 2) + i] & 15) + (row->q[g * (ENG_LM_GROUP / 2) + i] >> 4);
        whole -= ENG_LM_GROUP * row->zero[g];
        sum += (double)row->scale[g] * OFFSET * whole;
    }
    return (float)sum;
}

static void awq_row(const struct packing *p, size_t row, const struct eng_lm_q4_row *out)
{
    struct eng_linear *to = p->to;
    size_t groups = to->k / ENG_LM_GROUP, half = ENG_LM_GROUP / 2;
    for (size_t g = 0; g < groups; g++) {
        /* a group of the file may be a multiple or a part of ours */
        int64_t at = (int64_t)(g * ENG_LM_GROUP) / p->awq->group;
        int zero = eng_awq_nibble(p->awq->qzeros, at, (int64_t)row);
        eng_weight_to_f32(p->awq->scales, at * p->awq->out + (int64_t)row, 1, &out->scale[g]);
        out->scale[g] = eng_lm_q4_scale(out->scale[g]); /* the same, but for scales in fp32 */
        out->zero[g] = (uint8_t)zero;
        for (size_t i = 0; i < half; i++) {
            int64_t input = (int64_t)(g * ENG_LM_GROUP + i);
            int low = eng_awq_nibble(p->awq->qweight, input, (int64_t)row);
            int high = eng_awq_nibble(p->awq->qweight, input + (int64_t)half, (int64_t)row);
            out->q[g * half + i] = (uint8_t)(low | high << 4);
        }
    }
}

static void pack_panel_s8(const struct packing *p, size_t first, size_t n, uint8_t *rows, float *wide)
{
    struct eng_linear *to = p->to;
    for (size_t j = 0; j < n; j++) {
        int32_t sum;
        wide_row(p->from, first + j, wide);
        to->scale[first + j] = p->kernels->pack_s8(wide, to->k, (int8_t *)rows + j * to->w_row, &sum);
        to->shift[first + j] = (float)sum; /* below 2^24: exact */
    }
    eng_lm_to_panel(rows, to->w_row, n, to->w_row, to->w_row, (uint8_t *)to->owned + first * to->w_row);
}

static void pack_panel_q4(const struct packing *p, size_t first, size_t n, uint8_t *q, float *wide)
{
    struct eng_linear *to = p->to;
    size_t groups = to->k / ENG_LM_GROUP;
    struct eng_lm_q4_row row = {q, wide + to->k, q + to->k / 2};
    for (size_t j = 0; j < n; j++) {
        if (p->awq) {
            awq_row(p, first + j, &row);
        } else {
            wide_row(p->from, first + j, wide);
            p->kernels->pack_q4(wide, to->k, &row);
        }
        to->shift[first + j] = q4_shift(&row, groups);
        eng_lm_q4_to_panel(&row, to->k, j, (uint8_t *)to->owned + first * to->w_row);
    }
}

/* Makes one panel of the layer. */
static void pack_panel(void *context, size_t panel, int worker)
{
    const struct packing *p = context;
    size_t k = p->to->k, rows_of = eng_linear_panel(p->to->kind), first = panel * rows_of;
    size_t n = p->to->n - first < rows_of ? p->to->n - first : rows_of;
    float *wide = malloc((k + k / ENG_LM_GROUP) * sizeof *wide);
    uint8_t *rows = malloc(ENG_LM_PANEL * eng_lm_padded(k));
    (void)worker;
    if (!wide || !rows)
        atomic_store(p->failed, true);
    else if (p->to->kind == ENG_LINEAR_S8)
        pack_panel_s8(p, first, n, rows, wide);
    else
        pack_panel_q4(p, first, n, rows, wide);
    free(wide);
    free(rows);
}

/* Large pages spare the address translation that a pass over gigabytes otherwise waits for. */
static void *allocate_large(size_t bytes)
{
    size_t align = bytes >= HUGE_PAGE ? HUGE_PAGE : 64;
    void *memory = aligned_alloc(align, (bytes + align - 1) / align * align);
    if (memory && align == HUGE_PAGE)
        (void)madvise(memory, bytes, MADV_HUGEPAGE);
    return memory;
}

static enum b_code allocate(struct eng_linear *l, struct b_err *err)
{
    bool q4 = l->kind != ENG_LINEAR_S8;
    size_t rows = eng_linear_rows(l->kind, l->n), bytes;
    l->w_row = q4 ? eng_lm_q4_bytes(l->k) : eng_lm_padded(l->k);
    bytes = rows * l->w_row;
    l->owned = allocate_large(bytes);
    l->scale = q4 ? NULL : calloc(l->n, sizeof(float));
    l->shift = calloc(l->n, sizeof(float));
    l->w = l->owned;
    if (!l->owned || !l->shift || (!q4 && !l->scale)) {
        eng_linear_free(l);
        return b_fail(err, B_NO_MEMORY, DOMAIN, "no memory to pack a layer of %zu x %zu weights", l->n, l->k);
    }
    if (q4 && bytes) /* rows beyond n */
        memset((uint8_t *)l->owned + bytes - ENG_LM_Q4_PANEL * l->w_row, 0, ENG_LM_Q4_PANEL * l->w_row);
    return B_OK;
}

static enum b_code pack_all(struct eng_team *team, struct packing *p, struct b_err *err)
{
    atomic_bool failed = false;
    p->failed = &failed;
    p->kernels = eng_lm_best();
    enum b_code code = allocate(p->to, err);
    if (code != B_OK)
        return code;
    eng_team_run(team, eng_linear_rows(p->to->kind, p->to->n) / eng_linear_panel(p->to->kind), pack_panel, p);
    if (!atomic_load(&failed))
        return B_OK;
    eng_linear_free(p->to);
    return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
}

enum b_code eng_linear_pack(struct eng_team *team, enum eng_linear_kind kind, struct eng_linear *linear,
                            struct b_err *err)
{
    struct eng_linear to = {.kind = kind, .n = linear->n, .k = linear->k, .bias = linear->bias};
    if (kind == ENG_LINEAR_Q4_S8 && linear->k % ENG_LM_GROUP != 0)
        to.kind = ENG_LINEAR_S8;
    struct packing p = {.to = &to, .from = linear};
    enum b_code code = pack_all(team, &p, err);
    if (code == B_OK)
        *linear = to;
    return code;
}

enum b_code eng_linear_awq(struct eng_team *team, const struct eng_awq *awq, size_t n, size_t k,
                           enum eng_linear_kind kind, struct eng_linear *out, struct b_err *err)
{
    *out = (struct eng_linear){.kind = kind, .n = n, .k = k};
    if (k % ENG_LM_GROUP != 0 || awq->group % ENG_LM_GROUP != 0)
        return b_fail(err, B_UNSUPPORTED, DOMAIN, "a 4-bit layer with %zu inputs in groups of %lld", k,
                      (long long)awq->group);
    if (awq->out < (int64_t)n || awq->in < (int64_t)k)
        return b_fail(err, B_FORMAT, DOMAIN, "a 4-bit layer is smaller than the configuration says");
    struct packing p = {.to = out, .awq = awq};
    return pack_all(team, &p, err);
}
