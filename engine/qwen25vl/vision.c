/* SPDX-License-Identifier: Apache-2.0 */
/* The vision tower, frame by frame: patch embedding, blocks with attention inside windows or over the frame, merger.
 * Rows are kept in window order from the first block to the last, so that a segment of attention is a run of rows.
 * Products run over pieces of ops->rows rows, so that only the queries, keys and values of a block are held for the
 * whole frame. */
#include "engine/qwen25vl/vision.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/qwen25vl/positions.h"
#include "engine/qwen25vl/rotary.h"

#define DOMAIN "vision"

struct eng_vision_memory {
    float *qkv;       /* [rows][3 hidden]; attention leaves its result where the queries were */
    float *y;         /* [ops->rows][hidden], or [ops->rows][merge^2 hidden] in the merger */
    float *gate;      /* [ops->rows][intermediate or merge^2 hidden] */
    float *attention; /* for each thread */
    size_t per_thread, longest;
};

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Enough for keys, values, queries and results in fp32, and so for those in bfloat16. */
static size_t attention_floats(size_t d, size_t longest)
{
    size_t blocks = (longest + ENG_LM_KEYS - 1) / ENG_LM_KEYS, width = eng_lm_value_width(d);
    return blocks * ENG_LM_KEYS * (d + width) + ENG_LM_QUERIES * (d + width + ENG_LM_KEYS + 2) +
           ENG_LM_PAD;
}

enum b_code eng_vision_memory_new(const struct eng_qwen_vision *vision, const struct eng_ops *ops, size_t rows,
                                  size_t longest, struct eng_vision_memory **out, struct b_err *err)
{
    size_t hidden = (size_t)vision->hidden, merged = hidden * (size_t)(vision->merge * vision->merge);
    struct eng_vision_memory *m = *out = calloc(1, sizeof *m);
    if (m) {
        size_t wide = larger((size_t)vision->intermediate, merged);
        m->longest = longest;
        m->per_thread = attention_floats((size_t)vision->head_dim, longest);
        m->qkv = malloc(rows * 3 * hidden * sizeof(float));
        m->y = malloc(ops->rows * merged * sizeof(float));
        m->gate = malloc(ops->rows * wide * sizeof(float));
        m->attention = calloc((size_t)eng_team_threads(ops->team), m->per_thread * sizeof(float));
    }
    if (!m || !m->qkv || !m->y || !m->gate || !m->attention) {
        eng_vision_memory_drop(m);
        *out = NULL;
        return b_fail(err, B_NO_MEMORY, DOMAIN, "no memory for a picture of %zu patches", rows);
    }
    return B_OK;
}

void eng_vision_memory_drop(struct eng_vision_memory *memory)
{
    if (!memory)
        return;
    free(memory->qkv);
    free(memory->y);
    free(memory->gate);
    free(memory->attention);
    free(memory);
}

/* --- attention --- */

struct attention_run {
    const struct eng_qwen_vision *vision;
    const struct eng_lm_kernels *kernels;
    struct eng_vision_memory *memory;
    const struct eng_segments *segments;
    bool rounded; /* products in bfloat16 */
};

/* Keys and values of one head over rows begin .. begin+n-1, in blocks; the places behind them are 0. */
static void gather_head(const struct attention_run *run, size_t head, size_t begin, size_t n, float *keys,
                        float *values)
{
    size_t hidden = (size_t)run->vision->hidden, d = (size_t)run->vision->head_dim, width = eng_lm_value_width(d);
    size_t blocks = (n + ENG_LM_KEYS - 1) / ENG_LM_KEYS;
    memset(keys, 0, blocks * ENG_LM_KEYS * d * sizeof *keys);
    memset(values, 0, blocks * ENG_LM_KEYS * width * sizeof *values);
    for (size_t j = 0; j < n; j++) {
        const float *k = run->memory->qkv + (begin + j) * 3 * hidden + hidden + head * d, *v = k + hidden;
        float *to = keys + j / ENG_LM_KEYS * ENG_LM_KEYS * d + j % ENG_LM_KEYS;
        for (size_t c = 0; c < d; c++)
            to[c * ENG_LM_KEYS] = k[c];
        memcpy(values + j * width, v, d * sizeof *v);
    }
}

/* The same in bfloat16. */
static void attend_segment_rounded(const struct attention_run *run, size_t head, size_t begin, size_t n,
                                   float *memory)
{
    size_t d = (size_t)run->vision->head_dim, width = eng_lm_rounded_width(d), stride = 3 * (size_t)run->vision->hidden;
    size_t places = (n + ENG_LM_KEYS - 1) / ENG_LM_KEYS * ENG_LM_KEYS;
    float *out = memory, *scratch = out + ENG_LM_QUERIES * width, factor = (float)(1.0 / sqrt((double)d));
    float scaled[ENG_LM_MAX_HEAD];
    uint16_t *keys = (uint16_t *)(void *)(scratch + ENG_LM_QUERIES * ENG_LM_KEYS), *values = keys + places * d;
    uint16_t *q = values + places * width;
    const float *first = run->memory->qkv + begin * stride + head * d + (size_t)run->vision->hidden;
    run->kernels->round_keys(first, stride, n, d, keys);
    run->kernels->round_values(first + run->vision->hidden, stride, n, d, values);
    struct eng_lm_attention_rounded a = {
        .keys = keys, .values = values, .q = q, .d = d, .n = n, .out = out, .scratch = scratch};
    for (size_t i = 0; i < n; i += ENG_LM_QUERIES) {
        float *rows = run->memory->qkv + (begin + i) * stride + head * d;
        a.rows = n - i < ENG_LM_QUERIES ? n - i : ENG_LM_QUERIES;
        for (size_t r = 0; r < a.rows; r++) { /* the padding of a row is overwritten by the next */
            for (size_t c = 0; c < d; c++)
                scaled[c] = rows[r * stride + c] * factor;
            run->kernels->round_bf16(scaled, d, q + r * d);
        }
        run->kernels->attend_rounded(&a);
        for (size_t r = 0; r < a.rows; r++)
            memcpy(rows + r * stride, out + r * width, d * sizeof *out);
    }
}

/* One head of one segment. Only this piece of work reads or writes its part of the queries. */
static void attend_segment(void *context, size_t index, int worker)
{
    const struct attention_run *run = context;
    size_t heads = (size_t)run->vision->heads, d = (size_t)run->vision->head_dim, width = eng_lm_value_width(d);
    size_t head = index % heads, stride = 3 * (size_t)run->vision->hidden;
    size_t begin = (size_t)run->segments->cu[index / heads], end = (size_t)run->segments->cu[index / heads + 1];
    size_t n = end - begin, blocks = (n + ENG_LM_KEYS - 1) / ENG_LM_KEYS;
    float *keys = run->memory->attention + (size_t)worker * run->memory->per_thread;
    float *values = keys + blocks * ENG_LM_KEYS * d, *q = values + blocks * ENG_LM_KEYS * width;
    float *out = q + ENG_LM_QUERIES * d, factor = (float)(1.0 / sqrt((double)d));
    if (n == 0)
        return;
    if (run->rounded) {
        attend_segment_rounded(run, head, begin, n, keys);
        return;
    }
    gather_head(run, head, begin, n, keys, values);
    struct eng_lm_attention a = {.keys = keys,
                                 .values = values,
                                 .d = d,
                                 .first = n - 1,
                                 .q = q,
                                 .out = out,
                                 .scratch = out + ENG_LM_QUERIES * width};
    for (size_t i = 0; i < n; i += ENG_LM_QUERIES) {
        float *rows = run->memory->qkv + (begin + i) * stride + head * d;
        a.rows = n - i < ENG_LM_QUERIES ? n - i : ENG_LM_QUERIES;
        for (size_t r = 0; r < a.rows; r++)
            for (size_t c = 0; c < d; c++)
                q[r * d + c] = rows[r * stride + c] * factor;
        run->kernels->attend(&a);
        for (size_t r = 0; r < a.rows; r++)
            memcpy(rows + r * stride, out + r * width, d * sizeof *out);
    }
}

/* --- a block --- */

struct rows_run {
    const struct eng_qwen_vision *vision;
    const struct eng_lm_kernels *kernels;
    const float *x, *gamma, *cosine, *sine;
    float *y;
    size_t width;
};

static void norm_row(void *context, size_t row, int worker)
{
    const struct rows_run *r = context;
    (void)worker;
    r->kernels->rmsnorm(r->x + row * r->width, 1, r->width, r->gamma, r->vision->eps, r->y + row * r->width);
}

/* Queries and keys of a row lie side by side. */
static void rotate_row(void *context, size_t row, int worker)
{
    const struct rows_run *r = context;
    size_t half = (size_t)r->vision->head_dim / 2;
    (void)worker;
    r->kernels->rotate(r->y + row * r->width, 2 * (size_t)r->vision->heads, 2 * half, r->cosine + row * half,
                       r->sine + row * half);
}

static void gelu_row(void *context, size_t row, int worker)
{
    const struct rows_run *r = context;
    (void)worker;
    r->kernels->gelu(r->y + row * r->width, r->width);
}

static void attention_half(const struct eng_qwen_vision *vision, const struct eng_vision_block *block,
                           struct eng_ops *ops, struct eng_vision_memory *memory, const struct eng_segments *segments,
                           struct rows_run *rows, float *x, size_t n)
{
    size_t hidden = (size_t)vision->hidden;
    for (size_t at = 0, m; at < n; at += m) {
        m = n - at < ops->rows ? n - at : ops->rows;
        const struct eng_linear_norm norm = {block->norm1, vision->eps};
        struct eng_linear_job job = {&block->qkv, memory->qkv + at * 3 * hidden, 3 * hidden, false};
        eng_linear_run_normed(ops, &norm, x + at * hidden, hidden, m, &job, 1);
    }
    rows->y = memory->qkv;
    rows->width = 3 * hidden;
    eng_team_run(ops->team, n, rotate_row, rows);
    struct attention_run run = {.vision = vision, .kernels = ops->kernels, .memory = memory, .segments = segments};
    run.rounded = ops->kernels->attend_rounded && vision->head_dim % 2 == 0 &&
                  (block->qkv.kind == ENG_LINEAR_BF16_ROUNDED || block->qkv.kind == ENG_LINEAR_S8);
    eng_team_run(ops->team, segments->count * (size_t)vision->heads, attend_segment, &run);
}

void eng_vision_block_run(const struct eng_qwen_vision *vision, const struct eng_vision_block *block,
                          struct eng_ops *ops, struct eng_vision_memory *memory, const struct eng_segments *segments,
                          const float *cosine, const float *sine, float *x, size_t n)
{
    size_t hidden = (size_t)vision->hidden, wide = (size_t)vision->intermediate;
    struct rows_run rows = {.vision = vision, .kernels = ops->kernels, .cosine = cosine, .sine = sine};
    attention_half(vision, block, ops, memory, segments, &rows, x, n);
    for (size_t at = 0, m; at < n; at += m) {
        m = n - at < ops->rows ? n - at : ops->rows;
        float *part = x + at * hidden;
        struct eng_linear_job proj = {&block->proj, part, hidden, true}, down = {&block->down, part, hidden, true};
        eng_linear_run(ops, memory->qkv + at * 3 * hidden, 3 * hidden, m, &proj, 1);
        const struct eng_linear_norm norm = {block->norm2, vision->eps};
        struct eng_linear_job gate = {&block->gate, memory->gate, wide, false};
        eng_linear_run_gated(ops, &norm, part, hidden, m, &gate, &block->up);
        eng_linear_run(ops, memory->gate, wide, m, &down, 1);
    }
}

/* --- the ends --- */

void eng_vision_merge(const struct eng_qwen *model, struct eng_ops *ops, struct eng_vision_memory *memory,
                      const float *x, size_t units, float *y)
{
    const struct eng_qwen_vision *v = &model->config.vision;
    size_t each = (size_t)(v->merge * v->merge), hidden = (size_t)v->hidden, wide = each * hidden;
    for (size_t at = 0, m; at < units; at += m) {
        m = units - at < ops->rows ? units - at : ops->rows;
        struct rows_run rows = {.vision = v,
                                .kernels = ops->kernels,
                                .x = x + at * wide,
                                .gamma = model->merger_norm,
                                .y = memory->y,
                                .width = hidden};
        eng_team_run(ops->team, m * each, norm_row, &rows);
        struct eng_linear_job first = {&model->merger0, memory->gate, wide, false};
        struct eng_linear_job second = {&model->merger2, y + at * (size_t)v->out_hidden, (size_t)v->out_hidden, false};
        eng_linear_run(ops, memory->y, wide, m, &first, 1);
        rows.y = memory->gate;
        rows.width = wide;
        eng_team_run(ops->team, m, gelu_row, &rows);
        eng_linear_run(ops, memory->gate, wide, m, &second, 1);
    }
}

struct frame {
    const struct eng_qwen *model;
    struct eng_ops *ops;
    const struct eng_visual *visual;
    const struct eng_trace *trace;
    struct eng_windows windows;
    struct eng_vision_memory *memory;
    float *x, *cosine, *sine; /* [patches][hidden], [patches][head_dim/2] twice; window order */
    float *merged;            /* [units][out_hidden] window order */
    size_t n, first;          /* patches of a frame; number of the frame's first patch */
};

static void see(const struct frame *f, const char *name, int index, size_t first, const float *x, size_t rows,
                size_t width)
{
    if (f->trace && f->trace->see)
        f->trace->see(f->trace->context, name, index, first, x, rows, width);
}

/* Patches in the processor's order, embedded piece by piece, each unit copied to its place in window order. */
static void embed_patches(struct frame *f, const size_t *place)
{
    const struct eng_qwen_vision *v = &f->model->config.vision;
    size_t each = (size_t)(v->merge * v->merge), hidden = (size_t)v->hidden, values = (size_t)v->patch_values;
    /* the memory of the gates is [ops->rows][>= merge^2 hidden]; a piece of patches may be wider than that */
    size_t room = f->ops->rows * larger((size_t)v->intermediate, each * hidden);
    size_t step = room / values < f->ops->rows ? room / values : f->ops->rows;
    step = step > each ? step / each * each : each;
    for (size_t at = 0, m; at < f->n; at += m) {
        m = f->n - at < step ? f->n - at : step;
        eng_visual_patch_values(f->visual, &f->model->config.preprocess, (int64_t)(f->first + at), (int64_t)m,
                                f->memory->gate);
        struct eng_linear_job job = {&f->model->patch_embed, f->memory->y, hidden, false};
        eng_linear_run(f->ops, f->memory->gate, values, m, &job, 1);
        see(f, "patch_embed", 0, f->first + at, f->memory->y, m, hidden);
        for (size_t i = 0; i < m; i += each)
            memcpy(f->x + place[(at + i) / each] * each * hidden, f->memory->y + i * hidden,
                   each * hidden * sizeof(float));
    }
}

static void make_angles(struct frame *f)
{
    const struct eng_qwen_vision *v = &f->model->config.vision;
    size_t each = (size_t)(v->merge * v->merge), half = (size_t)v->head_dim / 2;
    for (size_t i = 0; i < f->n; i++) {
        size_t patch = (size_t)f->windows.index[i / each] * each + i % each;
        eng_rotary_patch(f->windows.rows[patch], f->windows.cols[patch], 2 * half, v->rope_theta, f->cosine + i * half,
                         f->sine + i * half);
    }
}

static void block_layers(struct eng_vision_block *block, struct eng_linear *all[5])
{
    struct eng_linear *parts[] = {&block->qkv, &block->proj, &block->gate, &block->up, &block->down};
    memcpy(all, parts, sizeof parts);
}

/* A block in 8 bits for one run. On failure *out has nothing to free. */
static enum b_code pack_block(const struct eng_qwen *model, struct eng_ops *ops, const struct eng_vision_block *block,
                              struct eng_vision_block *out, struct b_err *err)
{
    struct eng_linear *all[5];
    enum b_code code = B_OK;
    *out = *block;
    block_layers(out, all);
    size_t done = 0;
    for (; done < 5 && code == B_OK; done++) {
        struct eng_linear mapped = *all[done];
        code = eng_linear_pack(ops->team, ENG_LINEAR_S8, all[done], err);
        if (code == B_OK)
            eng_qwen_release(model, &mapped);
    }
    for (size_t i = 0; code != B_OK && i + 1 < done; i++)
        eng_linear_free(all[i]);
    return code;
}

static enum b_code run_block(struct frame *f, int i, struct b_err *err)
{
    const struct eng_qwen_vision *v = &f->model->config.vision;
    struct eng_segments windows = {f->windows.cu_windows, f->windows.n_windows};
    struct eng_segments frames = {f->windows.cu_frames, f->windows.n_frames};
    const struct eng_segments *segments = v->full_attention[i] ? &frames : &windows;
    struct eng_vision_block packed, *block = &f->model->blocks[i];
    struct eng_linear *all[5];
    if (!f->model->release_tower) {
        eng_vision_block_run(v, block, f->ops, f->memory, segments, f->cosine, f->sine, f->x, f->n);
        return B_OK;
    }
    enum b_code code = pack_block(f->model, f->ops, block, &packed, err);
    if (code != B_OK)
        return code;
    eng_vision_block_run(v, &packed, f->ops, f->memory, segments, f->cosine, f->sine, f->x, f->n);
    block_layers(&packed, all);
    for (size_t j = 0; j < 5; j++)
        eng_linear_free(all[j]);
    return B_OK;
}

static enum b_code run_frame(struct frame *f, const size_t *place, float *out, struct b_cancel *cancel,
                             struct b_err *err)
{
    const struct eng_qwen *model = f->model;
    const struct eng_qwen_vision *v = &model->config.vision;
    size_t hidden = (size_t)v->hidden, width = (size_t)v->out_hidden;
    embed_patches(f, place);
    for (int i = 0; i < v->depth; i++) {
        enum b_code code = b_cancel_check(cancel, err);
        if (code == B_OK)
            code = run_block(f, i, err);
        if (code != B_OK)
            return code;
        see(f, "block", i, f->first, f->x, f->n, hidden);
    }
    eng_vision_merge(model, f->ops, f->memory, f->x, f->windows.units, f->merged);
    for (size_t i = 0; i < f->windows.units; i++)
        memcpy(out + (size_t)f->windows.index[i] * width, f->merged + i * width, width * sizeof *out);
    return B_OK;
}

static enum b_code run_frames(struct frame *f, size_t *place, float *out, struct b_cancel *cancel, struct b_err *err)
{
    size_t width = (size_t)f->model->config.vision.out_hidden;
    for (size_t i = 0; i < f->windows.units; i++)
        place[f->windows.index[i]] = i;
    make_angles(f);
    for (int t = 0; t < f->visual->grid_t; t++) {
        f->first = (size_t)t * f->n;
        enum b_code code = run_frame(f, place, out + (size_t)t * f->windows.units * width, cancel, err);
        if (code != B_OK)
            return code;
    }
    see(f, "merger", 0, 0, out, (size_t)f->visual->grid_t * f->windows.units, width);
    return B_OK;
}

enum b_code eng_vision_run(const struct eng_qwen *model, struct eng_ops *ops, const struct eng_visual *visual,
                           float *out, const struct eng_trace *trace, struct b_cancel *cancel, struct b_err *err)
{
    const struct eng_qwen_vision *v = &model->config.vision;
    struct eng_grid grid = {.t = 1, .h = visual->grid_h, .w = visual->grid_w};
    struct frame f = {.model = model, .ops = ops, .visual = visual, .trace = trace};
    enum b_code code = eng_windows_new(v, &grid, 1, &f.windows, err);
    if (code != B_OK)
        return code;
    f.n = f.windows.patches;
    f.x = malloc(f.n * (size_t)v->hidden * sizeof(float));
    f.cosine = malloc(f.n * (size_t)v->head_dim * sizeof(float));
    f.sine = f.cosine ? f.cosine + f.n * (size_t)v->head_dim / 2 : NULL;
    f.merged = malloc(f.windows.units * (size_t)v->out_hidden * sizeof(float));
    size_t *place = malloc(f.windows.units * sizeof *place);
    if (!f.x || !f.cosine || !f.merged || !place)
        code = b_fail(err, B_NO_MEMORY, DOMAIN, "no memory for a picture of %zu patches", f.n);
    if (code == B_OK)
        code = eng_vision_memory_new(v, ops, f.n, f.n, &f.memory, err);
    const enum eng_ops_use use = ops->use;
    ops->use = ENG_OPS_PICTURE;
    if (code == B_OK)
        code = run_frames(&f, place, out, cancel, err);
    ops->use = use;
    eng_vision_memory_drop(f.memory);
    free(place);
    free(f.merged);
    free(f.cosine);
    free(f.x);
    eng_windows_free(&f.windows);
    return code;
}
