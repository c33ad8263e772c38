/* SPDX-License-Identifier: Apache-2.0 */
/* The decoder's layers. All rows of a pass share the products; the attention of a row sees its own session's cache
 * up to itself. Query heads that share a head of keys are rows of one call, so that a cache is read once for them. */
#include "engine/qwen25vl/decoder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/qwen25vl/rotary.h"

#define DOMAIN "decoder"

struct eng_decoder_memory {
    float *y;             /* [rows][hidden] */
    float *qkv;           /* [rows][q + 2 kv] */
    float *attended;      /* [rows][q] */
    float *gate, *up;     /* [rows][intermediate] */
    float *cosine, *sine; /* [rows][head_dim / 2] */
    float *attention;     /* for each thread */
    size_t per_thread;
};

enum b_code eng_decoder_memory_new(const struct eng_qwen_text *text, const struct eng_ops *ops,
                                   struct eng_decoder_memory **out, struct b_err *err)
{
    size_t rows = ops->rows, d = (size_t)text->head_dim, q = (size_t)text->heads * d, kv = (size_t)text->kv_heads * d;
    struct eng_decoder_memory *m = *out = calloc(1, sizeof *m);
    if (m) {
        m->per_thread = ENG_LM_QUERIES * (d + eng_lm_value_width(d) + ENG_LM_KEYS + 2) + eng_lm_half_scratch(d);
        m->y = malloc(rows * (size_t)text->hidden * sizeof(float));
        m->qkv = malloc(rows * (q + 2 * kv) * sizeof(float));
        m->attended = malloc(rows * q * sizeof(float));
        m->gate = malloc(rows * (size_t)text->intermediate * sizeof(float));
        m->up = malloc(rows * (size_t)text->intermediate * sizeof(float));
        m->cosine = malloc(rows * d * sizeof(float));
        m->attention = malloc((size_t)eng_team_threads(ops->team) * m->per_thread * sizeof(float));
    }
    if (!m || !m->y || !m->qkv || !m->attended || !m->gate || !m->up || !m->cosine || !m->attention) {
        eng_decoder_memory_drop(m);
        *out = NULL;
        return b_fail(err, B_NO_MEMORY, DOMAIN, "no memory for passes of %zu rows", rows);
    }
    m->sine = m->cosine + rows * (d / 2);
    return B_OK;
}

void eng_decoder_memory_drop(struct eng_decoder_memory *memory)
{
    if (!memory)
        return;
    free(memory->y);
    free(memory->qkv);
    free(memory->attended);
    free(memory->gate);
    free(memory->up);
    free(memory->cosine);
    free(memory->attention);
    free(memory);
}

/* --- attention --- */

struct layer_run {
    const struct eng_qwen_text *text;
    const struct eng_layer *layer;
    const struct eng_lm_kernels *kernels;
    struct eng_decoder_memory *memory;
    const struct eng_pass *pass;
    size_t index;          /* of the layer */
    size_t group, per_job; /* query heads of a head of keys; rows that one piece of work takes */
};

/* `heads` query heads from `head` on of rows row .. row+n-1 of a span, against its head kv of keys. */
static void attend_tile(const struct layer_run *run, const struct eng_cache *cache, size_t kv, size_t head,
                        size_t heads, size_t row, size_t n, size_t seen, float *memory)
{
    size_t d = (size_t)run->text->head_dim, q_width = (size_t)run->text->heads * d, width = eng_lm_value_width(d);
    size_t stride = q_width + 2 * (size_t)run->text->kv_heads * d;
    float *q = memory, *out = q + ENG_LM_QUERIES * d, factor = (float)(1.0 / sqrt((double)d));
    for (size_t i = 0; i < n; i++)
        for (size_t h = 0; h < heads; h++)
            for (size_t c = 0; c < d; c++)
                q[(i * heads + h) * d + c] = run->memory->qkv[(row + i) * stride + (head + h) * d + c] * factor;
    struct eng_lm_attention a = {.keys = eng_cache_keys(cache, run->index, kv),
                                 .values = eng_cache_values(cache, run->index, kv),
                                 .half = cache->half,
                                 .d = d,
                                 .rows = n * heads,
                                 .first = seen,
                                 .group = heads,
                                 .q = q,
                                 .out = out,
                                 .scratch = out + ENG_LM_QUERIES * width};
    run->kernels->attend(&a);
    for (size_t i = 0; i < n; i++)
        for (size_t h = 0; h < heads; h++)
            memcpy(run->memory->attended + (row + i) * q_width + (head + h) * d, out + (i * heads + h) * width,
                   d * sizeof *out);
}

static void attend_job(void *context, size_t index, int worker)
{
    const struct layer_run *run = context;
    size_t kv_heads = (size_t)run->text->kv_heads, kv = index % kv_heads, row = 0, span = 0, jobs;
    float *memory = run->memory->attention + (size_t)worker * run->memory->per_thread;
    index /= kv_heads;
    for (; index >= (jobs = (run->pass->spans[span].count + run->per_job - 1) / run->per_job); span++) {
        index -= jobs;
        row += run->pass->spans[span].count;
    }
    const struct eng_span *s = &run->pass->spans[span];
    size_t first = index * run->per_job, n = s->count - first < run->per_job ? s->count - first : run->per_job;
    size_t seen = s->cache->length + first; /* positions before and including the first row: 0 .. seen */
    if (run->group <= ENG_LM_QUERIES) {
        attend_tile(run, s->cache, kv, kv * run->group, run->group, row + first, n, seen, memory);
        return;
    }
    for (size_t h = 0; h < run->group; h += ENG_LM_QUERIES) { /* per_job is 1 */
        size_t heads = run->group - h < ENG_LM_QUERIES ? run->group - h : ENG_LM_QUERIES;
        attend_tile(run, s->cache, kv, kv * run->group + h, heads, row + first, n, seen, memory);
    }
}

/* --- rows --- */

static void norm_first(void *context, size_t row, int worker)
{
    const struct layer_run *run = context;
    size_t hidden = (size_t)run->text->hidden;
    (void)worker;
    run->kernels->rmsnorm(run->pass->x + row * hidden, 1, hidden, run->layer->norm1, run->text->eps,
                          run->memory->y + row * hidden);
}

static void norm_second(void *context, size_t row, int worker)
{
    const struct layer_run *run = context;
    size_t hidden = (size_t)run->text->hidden;
    (void)worker;
    run->kernels->rmsnorm(run->pass->x + row * hidden, 1, hidden, run->layer->norm2, run->text->eps,
                          run->memory->y + row * hidden);
}

/* Queries and keys lie side by side. */
static void rotate_row(void *context, size_t row, int worker)
{
    const struct layer_run *run = context;
    size_t d = (size_t)run->text->head_dim, heads = (size_t)run->text->heads, kv = (size_t)run->text->kv_heads;
    (void)worker;
    run->kernels->rotate(run->memory->qkv + row * (heads + 2 * kv) * d, heads + kv, d,
                         run->memory->cosine + row * (d / 2), run->memory->sine + row * (d / 2));
}

static void gate_row(void *context, size_t row, int worker)
{
    const struct layer_run *run = context;
    size_t width = (size_t)run->text->intermediate;
    (void)worker;
    run->kernels->silu_mul(run->memory->gate + row * width, run->memory->up + row * width, width);
}

/* Few rows are not worth waking the team. */
static void each_row(struct eng_ops *ops, size_t rows, eng_team_work work, struct layer_run *run)
{
    if (rows >= 8)
        eng_team_run(ops->team, rows, work, run);
    else
        for (size_t i = 0; i < rows; i++)
            work(run, i, 0);
}

static void fill_cache(const struct layer_run *run)
{
    size_t d = (size_t)run->text->head_dim, heads = (size_t)run->text->heads, kv = (size_t)run->text->kv_heads, row = 0;
    for (size_t s = 0; s < run->pass->n_spans; s++)
        for (size_t i = 0; i < run->pass->spans[s].count; i++, row++) {
            const float *keys = run->memory->qkv + row * (heads + 2 * kv) * d + heads * d;
            struct eng_cache *cache = run->pass->spans[s].cache;
            eng_cache_put(cache, run->kernels, run->index, cache->length + i, keys, keys + kv * d);
        }
}

void eng_decoder_layer(const struct eng_qwen_text *text, const struct eng_layer *layer, size_t index,
                       struct eng_ops *ops, struct eng_decoder_memory *memory, struct eng_pass *pass)
{
    size_t hidden = (size_t)text->hidden, d = (size_t)text->head_dim, q = (size_t)text->heads * d;
    size_t kv = (size_t)text->kv_heads * d, all = q + 2 * kv, wide = (size_t)text->intermediate, jobs = 0;
    struct layer_run run = {.text = text,
                            .layer = layer,
                            .kernels = ops->kernels,
                            .memory = memory,
                            .pass = pass,
                            .index = index,
                            .group = (size_t)(text->heads / text->kv_heads)};
    run.per_job = run.group <= ENG_LM_QUERIES ? ENG_LM_QUERIES / run.group : 1;
    each_row(ops, pass->rows, norm_first, &run);
    struct eng_linear_job in[3] = {{&layer->q, memory->qkv, all, false},
                                   {&layer->k, memory->qkv + q, all, false},
                                   {&layer->v, memory->qkv + q + kv, all, false}};
    eng_linear_run(ops, memory->y, hidden, pass->rows, in, 3);
    each_row(ops, pass->rows, rotate_row, &run);
    fill_cache(&run);
    for (size_t s = 0; s < pass->n_spans; s++)
        jobs += (pass->spans[s].count + run.per_job - 1) / run.per_job;
    eng_team_run(ops->team, jobs * (size_t)text->kv_heads, attend_job, &run);
    struct eng_linear_job out = {&layer->o, pass->x, hidden, true}, down = {&layer->down, pass->x, hidden, true};
    eng_linear_run(ops, memory->attended, q, pass->rows, &out, 1);
    each_row(ops, pass->rows, norm_second, &run);
    struct eng_linear_job both[2] = {{&layer->gate, memory->gate, wide, false}, {&layer->up, memory->up, wide, false}};
    eng_linear_run(ops, memory->y, hidden, pass->rows, both, 2);
    each_row(ops, pass->rows, gate_row, &run);
    eng_linear_run(ops, memory->gate, wide, pass->rows, &down, 1);
}

void eng_decoder_angles(const struct eng_qwen_text *text, struct eng_decoder_memory *memory,
                        const struct eng_pass *pass)
{
    size_t half = (size_t)text->head_dim / 2;
    for (size_t i = 0; i < pass->rows; i++) {
        const int32_t *p = pass->positions + i;
        const int32_t position[3] = {p[0], p[pass->stride], p[2 * pass->stride]};
        eng_rotary_token(position, text->mrope_section, 2 * half, text->rope_theta, memory->cosine + i * half,
                         memory->sine + i * half);
    }
}

void eng_decoder_run(const struct eng_qwen *model, struct eng_ops *ops, struct eng_decoder_memory *memory,
                     struct eng_pass *pass)
{
    const struct eng_qwen_text *text = &model->config.text;
    eng_decoder_angles(text, memory, pass);
    for (int i = 0; i < text->layers; i++) {
        eng_decoder_layer(text, &model->layers[i], (size_t)i, ops, memory, pass);
        if (pass->trace && pass->trace->see)
            pass->trace->see(pass->trace->context, "layer", i, pass->first, pass->x, pass->rows, (size_t)text->hidden);
    }
    for (size_t s = 0; s < pass->n_spans; s++)
        pass->spans[s].cache->length += pass->spans[s].count;
}

void eng_decoder_logits(const struct eng_qwen *model, struct eng_ops *ops, float *x, size_t rows, float *logits)
{
    size_t hidden = (size_t)model->config.text.hidden, vocab = (size_t)model->config.text.vocab;
    ops->kernels->rmsnorm(x, rows, hidden, model->final_norm, model->config.text.eps, x);
    struct eng_linear_job head = {&model->head, logits, vocab, false};
    eng_linear_run(ops, x, hidden, rows, &head, 1);
}
