/* SPDX-License-Identifier: Apache-2.0 */
/* Steps on row-major rows: the recogniser's neck and head, the table decoder, and the plumbing around them. */
#include <string.h>

#include "engine/graph/plan.h"

/* Rows of a product on one thread. */
struct product {
    const struct eng_kernels *kernels;
    const struct gr_step *step;
    const float *x;
    float *y;
    enum eng_gemm_act act;
};

static void product_rows(void *context, size_t begin, size_t end)
{
    const struct product *p = context;
    const struct gr_weights *w = p->step->node->weights;
    p->kernels->gemm(p->x + begin * p->step->width, end - begin, w->gemm, p->act, p->step->node->residual >= 0,
                     p->y + begin * (size_t)w->dims[1]);
}

enum b_code gr_run_matmul(struct gr_run *run, const struct gr_step *step, struct b_err *err)
{
    const struct gr_node *node = step->node;
    struct product p = {
        .kernels = run->kernels, .step = step, .x = gr_at(run, step->in[0]), .y = gr_at(run, step->out[0])};
    switch (node->act) {
    case ENG_ACT_NONE:
        p.act = ENG_GEMM_LINEAR;
        break;
    case ENG_ACT_RELU:
        p.act = ENG_GEMM_RELU;
        break;
    case ENG_ACT_SWISH:
        p.act = ENG_GEMM_SWISH;
        break;
    case ENG_ACT_GELU:
        p.act = ENG_GEMM_GELU;
        break;
    default:
        return gr_unsupported(node, "this activation behind a product", err);
    }
    gr_copy_shared(run, step);
    eng_dnn_parallel(step->rows, product_rows, &p);
    return B_OK;
}

enum b_code gr_run_layernorm(struct gr_run *run, const struct gr_step *step, struct b_err *err)
{
    (void)err;
    const struct gr_weights *w = step->node->weights;
    run->kernels->layernorm(gr_at(run, step->in[0]), step->rows, step->width, w->w, w->b, step->node->eps,
                            gr_at(run, step->out[0]));
    return B_OK;
}

enum b_code gr_run_softmax(struct gr_run *run, const struct gr_step *step, struct b_err *err)
{
    (void)err;
    gr_copy_shared(run, step);
    run->kernels->softmax(gr_at(run, step->out[0]), step->rows, step->width);
    return B_OK;
}

/* ---- attention ---- */

/* What softmax gave, for taps: the kernel keeps no probabilities. */
static void store_probabilities(const struct gr_run *run, const struct gr_step *step)
{
    size_t t = (size_t)step->dims[1], heads = (size_t)step->node->ints[0], d = (size_t)step->node->ints[1];
    float *scores = gr_at(run, step->out[1]);
    for (size_t sample = 0; sample < (size_t)step->dims[0]; sample++) {
        const float *qkv = gr_at(run, step->in[0]) + sample * t * step->width;
        for (size_t row = 0; row < heads * t; row++) {
            const float *q = qkv + row % t * step->width + row / t * d;
            for (size_t i = 0; i < t; i++) {
                const float *k = qkv + i * step->width + (heads + row / t) * d;
                float sum = 0;
                for (size_t j = 0; j < d; j++)
                    sum += q[j] * k[j];
                *scores++ = sum * step->node->alpha;
            }
        }
    }
    run->kernels->softmax(gr_at(run, step->out[1]), (size_t)step->dims[0] * heads * t, t);
}

enum b_code gr_run_attention(struct gr_run *run, const struct gr_step *step, struct b_err *err)
{
    (void)err;
    const struct gr_node *node = step->node;
    size_t t = (size_t)step->dims[1], heads = (size_t)node->ints[0], d = (size_t)node->ints[1];
    for (size_t sample = 0; sample < (size_t)step->dims[0]; sample++)
        run->kernels->attention(gr_at(run, step->in[0]) + sample * t * step->width, t, heads, d, node->alpha,
                                gr_at(run, step->scratch), gr_at(run, step->out[0]) + sample * t * heads * d);
    if (step->n_out == 2)
        store_probabilities(run, step);
    return B_OK;
}

/* ---- classifier over time steps ---- */

struct classifier {
    const struct gr_run *run;
    const struct gr_step *step;
    size_t parts;
};

static void classify_parts(void *context, size_t begin, size_t end)
{
    const struct classifier *c = context;
    const struct gr_step *s = c->step;
    float *p = gr_at(c->run, s->scratch), *scratch = p + 2 * s->rows;
    int32_t *index = (int32_t *)(void *)(p + s->rows);
    for (size_t part = begin; part < end; part++) {
        size_t from = s->rows * part / c->parts, to = s->rows * (part + 1) / c->parts;
        c->run->kernels->ctc(gr_at(c->run, s->in[0]) + from * s->width, to - from, s->node->weights->gemm,
                             scratch + part * ENG_CTC_SCRATCH, index + from, p + from);
    }
}

enum b_code gr_run_ctc(struct gr_run *run, const struct gr_step *step, struct b_err *err)
{
    (void)err;
    struct classifier c = {.run = run, .step = step, .parts = gr_parts(run)};
    eng_dnn_parallel(c.parts, classify_parts, &c);
    const float *p = gr_at(run, step->scratch);
    const int32_t *index = (const int32_t *)(const void *)(p + step->rows);
    float *out = gr_at(run, step->out[0]);
    for (size_t r = 0; r < step->rows; r++) {
        out[2 * r] = (float)index[r];
        out[2 * r + 1] = p[r];
    }
    return B_OK;
}

/* ---- plumbing ---- */

enum b_code gr_run_transpose(struct gr_run *run, const struct gr_step *step, struct b_err *err)
{
    (void)err;
    const float *src = gr_at(run, step->in[0]);
    float *dst = gr_at(run, step->out[0]);
    size_t strides[GR_MAX_DIMS] = {0}, dims[GR_MAX_DIMS] = {0}, count[GR_MAX_DIMS] = {0}, total = 1, at = 0;
    int n = step->n_dims;
    for (int i = n - 1; i >= 0; i--) {
        strides[i] = total;
        total *= (size_t)step->dims[i];
    }
    size_t walk[GR_MAX_DIMS] = {0};
    for (int i = 0; i < n; i++) {
        walk[i] = strides[step->node->ints[i]];
        dims[i] = (size_t)step->dims[step->node->ints[i]];
    }
    size_t inner = dims[n - 1], step_in = walk[n - 1];
    for (size_t o = 0; o < total; o += inner) {
        for (size_t i = 0; i < inner; i++)
            dst[o + i] = src[at + i * step_in];
        for (int k = n - 2; k >= 0; k--) {
            at += walk[k];
            if (++count[k] < dims[k])
                break;
            at -= walk[k] * dims[k];
            count[k] = 0;
        }
    }
    return B_OK;
}

enum b_code gr_run_split(struct gr_run *run, const struct gr_step *step, struct b_err *err)
{
    (void)err;
    size_t hw = step->x.h * step->x.w, at = 0;
    const float *src = gr_at(run, step->in[0]);
    for (int i = 0; i < step->n_out; i++) {
        size_t each = (size_t)step->dims[i] * hw;
        for (size_t n = 0; n < step->x.n; n++)
            memcpy(gr_at(run, step->out[i]) + n * each, src + n * step->x.c * hw + at, each * sizeof *src);
        at += each;
    }
    return B_OK;
}

enum b_code gr_run_table(struct gr_run *run, const struct gr_step *step, struct b_err *err)
{
    return gr_table_run(step->node->table, gr_at(run, step->in[0]), step->rows, gr_at(run, step->out[0]),
                        gr_at(run, step->out[1]), gr_at(run, step->scratch), &run->table_steps, run->cancel, err);
}
