/* SPDX-License-Identifier: Apache-2.0 */
/* Steps on blocked maps. Work is split over threads by channel block or by element, never inside a sum, so
 * that results do not depend on the number of threads. Invariant: channels that pad the last block are zero
 * after every step, because convolutions read them. */
#include <string.h>

#include "engine/graph/plan.h"

#define SPLIT 16384 /* elements of an element-wise step that one thread takes at a time */

void gr_copy_shared(const struct gr_run *run, const struct gr_step *step)
{
    if (step->copy)
        memcpy(gr_at(run, step->out[0]), gr_at(run, step->in[step->share]), run->bufs[step->out[0]].bytes);
}

static void activate(const struct gr_run *run, enum eng_act act, float *x, size_t n)
{
    const struct eng_kernels *k = run->kernels;
    switch (act) {
    case ENG_ACT_RELU:
        k->relu(x, n);
        break;
    case ENG_ACT_GELU:
        k->gelu(x, n);
        break;
    case ENG_ACT_HARDSWISH:
        k->hardswish(x, n);
        break;
    case ENG_ACT_SWISH:
        k->swish(x, n);
        break;
    case ENG_ACT_SIGMOID:
        k->sigmoid(x, n);
        break;
    default:
        break;
    }
}

/* What a range of blocks or elements needs. */
struct job {
    const struct gr_run *run;
    const struct gr_step *step;
    const float *src, *other;
    float *dst;
    size_t n;
};

static struct job job_of(const struct gr_run *run, const struct gr_step *step)
{
    return (struct job){
        .run = run, .step = step, .src = gr_at(run, step->in[0]), .dst = gr_at(run, step->out[0]), .n = step->rows};
}

/* ---- element-wise ---- */

static void act_range(void *context, size_t begin, size_t end)
{
    const struct job *j = context;
    size_t from = begin * SPLIT, to = end * SPLIT < j->n ? end * SPLIT : j->n;
    activate(j->run, j->step->node->act, j->dst + from, to - from);
}

enum b_code gr_run_act(struct gr_run *run, const struct gr_step *step, struct b_err *err)
{
    (void)err;
    gr_copy_shared(run, step);
    struct job j = job_of(run, step);
    eng_dnn_parallel((j.n + SPLIT - 1) / SPLIT, act_range, &j);
    return B_OK;
}

/* The library's gelu and swish cost about 1.2 ns an element, the kernels' below 0.5: they run behind it. */
enum b_code gr_run_conv(struct gr_run *run, const struct gr_step *step, struct b_err *err)
{
    gr_copy_shared(run, step);
    enum b_code code = eng_conv_run(step->conv, run->dnn, gr_at(run, step->in[0]), gr_at(run, step->out[0]), err);
    if (code == B_OK && gr_acts_behind(step->node->act)) {
        struct job j = job_of(run, step);
        eng_dnn_parallel((j.n + SPLIT - 1) / SPLIT, act_range, &j);
    }
    return code;
}

static void add_range(void *context, size_t begin, size_t end)
{
    const struct job *j = context;
    size_t from = begin * SPLIT, to = end * SPLIT < j->n ? end * SPLIT : j->n;
    j->run->kernels->add(j->dst + from, j->src + from, j->other + from, to - from);
}

enum b_code gr_run_add(struct gr_run *run, const struct gr_step *step, struct b_err *err)
{
    (void)err;
    struct job j = job_of(run, step);
    j.other = gr_at(run, step->in[1]);
    eng_dnn_parallel((j.n + SPLIT - 1) / SPLIT, add_range, &j);
    return B_OK;
}

/* ---- pools ---- */

static void maxpool_range(void *context, size_t begin, size_t end)
{
    const struct job *j = context;
    const struct gr_map *x = &j->step->x, *y = &j->step->y;
    size_t b = j->run->block;
    if (j->step->node->window.stride[0] == 1) {
        j->run->kernels->maxpool2(j->src + begin * x->h * x->w * b, end - begin, x->h, x->w, b,
                                  j->dst + begin * y->h * y->w * b);
        return;
    }
    for (size_t k = begin; k < end; k++)
        for (size_t r = 0; r < y->h; r++) {
            const float *top = j->src + (k * x->h + 2 * r) * x->w * b, *bottom = top + x->w * b;
            float *to = j->dst + (k * y->h + r) * y->w * b;
            for (size_t i = 0; i < y->w * b; i++) {
                size_t at = i / b * 2 * b + i % b;
                float l = top[at] > bottom[at] ? top[at] : bottom[at];
                float q = top[at + b] > bottom[at + b] ? top[at + b] : bottom[at + b];
                to[i] = l > q ? l : q;
            }
        }
}

enum b_code gr_run_maxpool(struct gr_run *run, const struct gr_step *step, struct b_err *err)
{
    (void)err;
    struct job j = job_of(run, step);
    eng_dnn_parallel(step->x.n * step->x.blocks, maxpool_range, &j);
    return B_OK;
}

enum b_code gr_run_avgpool(struct gr_run *run, const struct gr_step *step, struct b_err *err)
{
    (void)err;
    const struct gr_window *w = &step->node->window;
    run->kernels->avgpool(gr_at(run, step->in[0]), step->x.n * step->x.blocks, step->x.h, step->x.w, run->block,
                          (size_t)w->kernel[0], (size_t)w->kernel[1], gr_at(run, step->out[0]));
    return B_OK;
}

/* ---- squeeze-and-excite ---- */

static void mean_range(void *context, size_t begin, size_t end)
{
    const struct job *j = context;
    size_t hw = j->step->x.h * j->step->x.w, b = j->run->block;
    j->run->kernels->mean(j->src + begin * hw * b, end - begin, hw, b, j->dst + begin * b);
}

enum b_code gr_run_mean(struct gr_run *run, const struct gr_step *step, struct b_err *err)
{
    (void)err;
    struct job j = job_of(run, step);
    eng_dnn_parallel(step->x.n * step->x.blocks, mean_range, &j);
    return B_OK;
}

static void scale_range(void *context, size_t begin, size_t end)
{
    const struct job *j = context;
    size_t hw = j->step->x.h * j->step->x.w, b = j->run->block;
    j->run->kernels->scale(j->dst + begin * hw * b, end - begin, hw, b, j->other + begin * b, j->step->node->keep);
}

/* mean -> C x mid -> relu -> mid x C -> hard sigmoid -> scale in place. */
enum b_code gr_run_excite(struct gr_run *run, const struct gr_step *step, struct b_err *err)
{
    (void)err;
    const struct gr_weights *w = step->node->weights;
    const struct eng_kernels *k = run->kernels;
    size_t padded = step->x.blocks * run->block, c = step->x.c, mid = (size_t)w->dims[1];
    float *factors = gr_at(run, step->out[1]), *hidden = gr_at(run, step->out[2]), *mean = gr_at(run, step->scratch);
    gr_copy_shared(run, step);
    struct job m = job_of(run, step);
    m.src = m.dst;
    m.dst = mean;
    eng_dnn_parallel(step->x.n * step->x.blocks, mean_range, &m);
    memset(factors, 0, step->x.n * padded * sizeof *factors);
    for (size_t n = 0; n < step->x.n; n++)
        k->excite(mean + n * padded, c, mid, w->w, w->b, w->w2, w->b2, step->node->alpha, step->node->beta,
                  hidden + n * mid, factors + n * padded);
    struct job s = job_of(run, step);
    s.other = factors;
    eng_dnn_parallel(step->x.n * step->x.blocks, scale_range, &s);
    return B_OK;
}

/* ---- block of two 1x1 convolutions ---- */

struct block_job {
    struct job job;
    size_t parts, sample;
    const float *factors;
    float *scratch;
};

static void block_parts(void *context, size_t begin, size_t end)
{
    const struct block_job *b = context;
    const struct gr_step *s = b->job.step;
    const struct eng_mlp *mlp = s->node->weights->mlp;
    size_t hw = s->x.h * s->x.w, block = b->job.run->block;
    for (size_t part = begin; part < end; part++)
        b->job.run->kernels->mlp(mlp, b->factors, hw * part / b->parts, hw * (part + 1) / b->parts, hw, block,
                                 b->job.src + b->sample * s->x.blocks * hw * block,
                                 b->job.dst + b->sample * s->y.blocks * hw * block,
                                 b->scratch + part * eng_mlp_scratch(mlp));
}

enum b_code gr_run_block(struct gr_run *run, const struct gr_step *step, struct b_err *err)
{
    (void)err;
    const struct gr_weights *w = step->node->excite;
    size_t c = step->x.c, mid = w ? (size_t)w->dims[1] : 0;
    float *mean = gr_at(run, step->scratch), *factors = mean + c, *hidden = factors + c;
    struct block_job b = {.job = job_of(run, step),
                          .parts = gr_parts(run),
                          .factors = w ? factors : NULL,
                          .scratch = w ? hidden + mid : mean};
    for (; b.sample < step->x.n; b.sample++) {
        if (w) {
            struct job m = b.job;
            m.src += b.sample * step->x.blocks * step->x.h * step->x.w * run->block;
            m.dst = mean;
            eng_dnn_parallel(step->x.blocks, mean_range, &m);
            run->kernels->excite(mean, c, mid, w->w, w->b, w->w2, w->b2, step->node->alpha, step->node->beta, hidden,
                                 factors);
        }
        eng_dnn_parallel(b.parts, block_parts, &b);
    }
    return B_OK;
}

/* ---- upsample, pixel shuffle, concatenation ---- */

/* Nearest with indices floor(i * in / out), as float arithmetic of the reference has them. */
static void upsample_any(const struct job *j, size_t begin, size_t end, bool add)
{
    const struct gr_map *x = &j->step->x, *y = &j->step->y;
    size_t b = j->run->block;
    float sy = (float)y->h / (float)x->h, sx = (float)y->w / (float)x->w;
    for (size_t k = begin; k < end; k++)
        for (size_t r = 0; r < y->h; r++) {
            size_t from_y = (size_t)((float)r / sy);
            const float *from = j->src + (k * x->h + (from_y < x->h ? from_y : x->h - 1)) * x->w * b;
            float *to = j->dst + (k * y->h + r) * y->w * b;
            for (size_t i = 0; i < y->w; i++, to += b) {
                size_t from_x = (size_t)((float)i / sx);
                from_x = from_x < x->w ? from_x : x->w - 1;
                for (size_t c = 0; c < b; c++)
                    to[c] = from[from_x * b + c] + (add ? to[c] : 0.0f);
            }
        }
}

static void upsample_range(void *context, size_t begin, size_t end)
{
    const struct job *j = context;
    const struct gr_map *x = &j->step->x, *y = &j->step->y;
    size_t b = j->run->block, factor = y->h / x->h;
    bool add = j->step->node->residual >= 0;
    if (y->h == factor * x->h && y->w == factor * x->w)
        j->run->kernels->upsample(j->src + begin * x->h * x->w * b, end - begin, x->h, x->w, b, factor,
                                  j->dst + begin * y->h * y->w * b, add);
    else
        upsample_any(j, begin, end, add);
}

enum b_code gr_run_upsample(struct gr_run *run, const struct gr_step *step, struct b_err *err)
{
    (void)err;
    gr_copy_shared(run, step);
    struct job j = job_of(run, step);
    eng_dnn_parallel(step->x.n * step->x.blocks, upsample_range, &j);
    return B_OK;
}

/* Source blocks are ordered dy, dx, channel block. */
static void shuffle_range(void *context, size_t begin, size_t end)
{
    const struct job *j = context;
    const struct gr_map *x = &j->step->x, *y = &j->step->y;
    size_t b = j->run->block;
    for (size_t k = begin; k < end; k++) {
        size_t n = k / y->blocks, block = k % y->blocks;
        for (size_t r = 0; r < y->h; r++) {
            float *to = j->dst + (k * y->h + r) * y->w * b;
            for (size_t dx = 0; dx < 2; dx++) {
                size_t from_block = n * x->blocks + ((r % 2) * 2 + dx) * y->blocks + block;
                const float *from = j->src + (from_block * x->h + r / 2) * x->w * b;
                for (size_t i = 0; i < x->w; i++)
                    memcpy(to + (2 * i + dx) * b, from + i * b, b * sizeof *to);
            }
        }
    }
}

/* One channel: the four pixels are channels 0..3 of the only block; the result is plain. */
static void shuffle_single(void *context, size_t begin, size_t end)
{
    const struct job *j = context;
    const struct gr_map *x = &j->step->x, *y = &j->step->y;
    size_t b = j->run->block;
    for (size_t r = begin; r < end; r++) {
        const float *from = j->src + r * x->w * b;
        float *top = j->dst + 2 * r * y->w, *bottom = top + y->w;
        for (size_t i = 0; i < x->w; i++, from += b) {
            top[2 * i] = from[0];
            top[2 * i + 1] = from[1];
            bottom[2 * i] = from[2];
            bottom[2 * i + 1] = from[3];
        }
        if (!gr_acts_behind(j->step->node->act))
            activate(j->run, j->step->node->act, top, 2 * y->w);
    }
}

enum b_code gr_run_shuffle(struct gr_run *run, const struct gr_step *step, struct b_err *err)
{
    (void)err;
    struct job j = job_of(run, step);
    if (step->y.c == 1)
        eng_dnn_parallel(step->x.n * step->x.h, shuffle_single, &j);
    else
        eng_dnn_parallel(step->y.n * step->y.blocks, shuffle_range, &j);
    return B_OK;
}

/* Channels to any place in the destination's blocks. */
static void copy_channels(const float *src, size_t channels, size_t hw, size_t b, float *dst, size_t at)
{
    for (size_t c = 0; c < channels; c++) {
        const float *from = src + c / b * hw * b + c % b;
        float *to = dst + (at + c) / b * hw * b + (at + c) % b;
        for (size_t p = 0; p < hw; p++)
            to[p * b] = from[p * b];
    }
}

enum b_code gr_run_concat(struct gr_run *run, const struct gr_step *step, struct b_err *err)
{
    (void)err;
    const struct gr_map *y = &step->y;
    size_t hw = y->h * y->w, b = run->block, each = y->blocks * hw * b;
    float *dst = gr_at(run, step->out[0]);
    for (size_t n = 0; n < y->n; n++) {
        size_t at = 0;
        if (step->rows) /* the last block is filled channel by channel: clear its padding */
            memset(dst + n * each + (y->blocks - 1) * hw * b, 0, hw * b * sizeof *dst);
        for (int i = 0; i < step->n_in; i++) {
            size_t channels = (size_t)step->dims[i], blocks = (channels + b - 1) / b;
            const float *src = gr_at(run, step->in[i]) + n * blocks * hw * b;
            float *to = dst + n * each + at / b * hw * b;
            if (at % b == 0 && src != to)
                memcpy(to, src, blocks * hw * b * sizeof *to);
            else if (at % b != 0)
                copy_channels(src, channels, hw, b, dst + n * each, at);
            at += channels;
        }
    }
    return B_OK;
}

/* ---- layouts ---- */

static void plain_range(void *context, size_t begin, size_t end)
{
    const struct job *j = context;
    const struct gr_map *x = &j->step->x;
    size_t b = j->run->block, hw = x->h * x->w;
    for (size_t k = begin; k < end; k++)
        for (size_t c = 0; c < b && k % x->blocks * b + c < x->c; c++) {
            const float *from = j->src + k * hw * b + c;
            float *to = j->dst + (k / x->blocks * x->c + k % x->blocks * b + c) * hw;
            for (size_t p = 0; p < hw; p++)
                to[p] = from[p * b];
        }
}

enum b_code gr_run_to_plain(struct gr_run *run, const struct gr_step *step, struct b_err *err)
{
    (void)err;
    struct job j = job_of(run, step);
    eng_dnn_parallel(step->x.n * step->x.blocks, plain_range, &j);
    return B_OK;
}

static void blocked_range(void *context, size_t begin, size_t end)
{
    const struct job *j = context;
    const struct gr_map *x = &j->step->x;
    size_t b = j->run->block, hw = x->h * x->w;
    for (size_t k = begin; k < end; k++)
        for (size_t c = 0; c < b; c++) {
            bool real = k % x->blocks * b + c < x->c;
            const float *from = j->src + (k / x->blocks * x->c + (real ? k % x->blocks * b + c : 0)) * hw;
            float *to = j->dst + k * hw * b + c;
            for (size_t p = 0; p < hw; p++)
                to[p * b] = real ? from[p] : 0.0f;
        }
}

enum b_code gr_run_to_blocked(struct gr_run *run, const struct gr_step *step, struct b_err *err)
{
    (void)err;
    struct job j = job_of(run, step);
    eng_dnn_parallel(step->x.n * step->x.blocks, blocked_range, &j);
    return B_OK;
}
