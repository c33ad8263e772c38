/* SPDX-License-Identifier: Apache-2.0 */
/* Steps on row-major rows: the recogniser's neck and head, the table decoder, and the plumbing around them. */
#include <math.h>
#include <string.h>

#include "engine/graph/plan.h"

enum b_code gr_run_matmul(struct gr_run *run, const struct gr_step *step, struct b_err *err)
{
    const struct gr_node *node = step->node;
    float *y = gr_at(run, step->out[0]);
    size_t n = step->rows * (size_t)node->weights->dims[1];
    enum b_code code = eng_matmul_run(step->products[0], run->dnn, gr_at(run, step->in[0]), y, err);
    if (code != B_OK)
        return code;
    gr_activate(run, node->act, y, n);
    if (node->residual >= 0)
        run->kernels->add(y, y, gr_at(run, step->in[1]), n);
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
    if (step->copy)
        memcpy(gr_at(run, step->out[0]), gr_at(run, step->in[0]), run->bufs[step->out[0]].bytes);
    run->kernels->softmax(gr_at(run, step->out[0]), step->rows, step->width);
    return B_OK;
}

/* ---- attention ---- */

struct heads {
    const struct gr_run *run;
    const struct gr_step *step;
    size_t t, heads, width, padded;
};

/* One head of one sample: queries scaled, keys transposed, values padded to whole vectors. */
static void one_head(const struct heads *a, size_t sample, size_t head)
{
    const struct eng_kernels *k = a->run->kernels;
    size_t t = a->t, d = a->width, p = a->padded, inner = a->heads * d;
    const float *qkv = gr_at(a->run, a->step->in[0]) + sample * t * 3 * inner + head * d;
    float *scores = gr_at(a->run, a->step->out[1]) + (sample * a->heads + head) * t * t;
    float *dst = gr_at(a->run, a->step->out[0]) + sample * t * inner + head * d;
    float *q = gr_at(a->run, a->step->scratch) + head * 4 * a->step->rows * p, *keys = q + t * p, *v = keys + t * p;
    float *o = v + t * p;
    memset(v, 0, t * p * sizeof *v);
    for (size_t i = 0; i < t; i++)
        for (size_t j = 0; j < d; j++) {
            q[i * d + j] = qkv[i * 3 * inner + j] * a->step->node->alpha;
            keys[j * t + i] = qkv[i * 3 * inner + inner + j];
            v[i * p + j] = qkv[i * 3 * inner + 2 * inner + j];
        }
    k->matmul(q, keys, NULL, t, d, t, scores);
    k->softmax(scores, t, t);
    k->matmul(scores, v, NULL, t, t, p, o);
    for (size_t i = 0; i < t; i++)
        memcpy(dst + i * inner, o + i * p, d * sizeof *dst);
}

static void head_range(void *context, size_t begin, size_t end)
{
    const struct heads *a = context;
    for (size_t head = begin; head < end; head++)
        for (size_t sample = 0; sample < (size_t)a->step->dims[0]; sample++)
            one_head(a, sample, head);
}

enum b_code gr_run_attention(struct gr_run *run, const struct gr_step *step, struct b_err *err)
{
    (void)err;
    const struct gr_node *node = step->node;
    struct heads a = {.run = run, .step = step, .t = (size_t)step->dims[1], .heads = (size_t)node->ints[0],
                      .width = (size_t)node->ints[1], .padded = ((size_t)node->ints[1] + 7) / 8 * 8};
    eng_dnn_parallel(a.heads, head_range, &a);
    return B_OK;
}

/* ---- classifier over time steps ---- */

/* Folds one tile of logits into each row's best class, its logit and the sum of e^(logit - best). Later tiles
 * win only when strictly larger, so ties go to the lowest class. */
static void fold_tile(const struct gr_run *run, const float *logits, size_t rows, size_t columns, size_t first,
                      float *best, float *sum, float *out)
{
    for (size_t r = 0; r < rows; r++) {
        const float *row = logits + r * GR_CTC_COLUMNS;
        float p;
        size_t at = run->kernels->argmax(row, columns, &p);
        float top = row[at], here = 1.0f / p;
        if (first == 0 || top > best[r]) {
            sum[r] = first == 0 ? here : here + sum[r] * expf(best[r] - top);
            best[r] = top;
            out[2 * r] = (float)(first + at);
        } else {
            sum[r] += here * expf(top - best[r]);
        }
    }
}

enum b_code gr_run_ctc(struct gr_run *run, const struct gr_step *step, struct b_err *err)
{
    size_t classes = (size_t)step->node->weights->dims[1];
    float *logits = gr_at(run, step->scratch), *best = logits + step->rows * GR_CTC_COLUMNS, *sum = best + step->rows;
    float *out = gr_at(run, step->out[0]);
    for (int i = 0; i < step->n_products; i++) {
        size_t first = (size_t)i * GR_CTC_COLUMNS, left = classes - first;
        enum b_code code = eng_matmul_run(step->products[i], run->dnn, gr_at(run, step->in[0]), logits, err);
        if (code != B_OK)
            return code;
        fold_tile(run, logits, step->rows, left < GR_CTC_COLUMNS ? left : GR_CTC_COLUMNS, first, best, sum, out);
    }
    for (size_t r = 0; r < step->rows; r++)
        out[2 * r + 1] = 1.0f / sum[r];
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
