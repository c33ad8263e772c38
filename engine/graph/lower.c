/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes -> steps: chooses layouts (maps blocked, rows plain) and creates the library's primitives for the
 * planned sizes. Invariant: a step reads and writes only the buffers it lists. */
#include <string.h>

#include "engine/graph/plan.h"

/* A step of `node` that reads in[0..n_in) in `layout` and writes out[0] in `to`. */
static enum b_code simple(struct gr_lower *l, const struct gr_node *node, enum gr_layout layout, enum gr_layout to,
                          gr_step_fn *run, struct gr_step **out)
{
    struct gr_step *step = NULL;
    int in[GR_MAX_IN], n_in = node->n_in, made;
    if (node->kind == GR_UPSAMPLE || node->kind == GR_SPLIT)
        n_in = 1;
    enum b_code code = B_OK;
    for (int i = 0; i < n_in && code == B_OK; i++)
        code = gr_get(l, node->in[i], layout, &in[i]);
    if (code == B_OK && node->residual >= 0)
        code = gr_get(l, node->residual, layout, &in[n_in++]);
    if (code == B_OK)
        code = gr_make(l, node->out[0], to, &made);
    if (code == B_OK)
        code = gr_new_step(l, node, &step);
    if (code != B_OK)
        return code;
    step->run = run;
    step->n_in = n_in;
    memcpy(step->in, in, (size_t)n_in * sizeof *in);
    step->n_out = 1;
    step->out[0] = made;
    step->x = gr_map_of(l, node->in[0]);
    step->y = gr_map_of(l, node->out[0]);
    *out = step;
    return B_OK;
}

static enum b_code add_scratch(struct gr_lower *l, struct gr_step *step, size_t floats)
{
    return gr_new_buf(l, floats * sizeof(float), &step->scratch);
}

/* ---- convolutions ---- */

static int same_pad(size_t size, size_t out, int kernel, int stride)
{
    long total = ((long)out - 1) * stride + kernel - (long)size;
    return total > 0 ? (int)total : 0;
}

/* SAME_UPPER puts the odd pixel at the end. */
static void set_padding(struct eng_conv_shape *s, const struct gr_window *w)
{
    s->top = w->pad[0];
    s->left = w->pad[1];
    s->bottom = w->pad[2];
    s->right = w->pad[3];
    if (w->same_upper) {
        int v = same_pad((size_t)s->h_in, (size_t)s->h_out, s->kh, s->sh);
        int h = same_pad((size_t)s->w_in, (size_t)s->w_out, s->kw, s->sw);
        s->top = v / 2;
        s->bottom = v - v / 2;
        s->left = h / 2;
        s->right = h - h / 2;
    }
}

static struct eng_conv_shape conv_shape(const struct gr_node *node, const struct gr_map *x, const struct gr_map *y)
{
    const struct gr_window *w = &node->window;
    struct eng_conv_shape s = {
        .n = (int)x->n,
        .c_in = (int)x->c,
        .h_in = (int)x->h,
        .w_in = (int)x->w,
        .c_out = (int)y->c,
        .h_out = (int)y->h,
        .w_out = (int)y->w,
        .kh = w->kernel[0],
        .kw = w->kernel[1],
        .sh = w->stride[0],
        .sw = w->stride[1],
        .depthwise = w->group > 1,
        .add = node->residual >= 0,
        .act = gr_acts_behind(node->act) ? ENG_ACT_NONE : node->act,
    };
    set_padding(&s, w);
    return s;
}

static enum b_code lower_conv(struct gr_lower *l, const struct gr_node *node)
{
    struct gr_step *step = NULL;
    /* The first layer reads the caller's planar pixels; the library packs up to 4 channels into its kernel. */
    int plain = l->plan->rep[GR_PLAIN][node->in[0]];
    bool planar = plain >= 0 && plain == l->plan->input && node->window.group == 1 && node->weights->dims[1] <= 4 &&
                  node->residual < 0;
    enum b_code code = simple(l, node, planar ? GR_PLAIN : GR_BLOCKED, GR_BLOCKED, gr_run_conv, &step);
    if (code != B_OK)
        return code;
    if (node->residual >= 0)
        step->share = 1;
    step->rows = step->y.n * step->y.blocks * l->block * step->y.h * step->y.w;
    struct eng_conv_shape s = conv_shape(node, &step->x, &step->y);
    s.plain_source = planar;
    return eng_conv_new(l->dnn, &s, node->weights->packed, &step->conv, l->err);
}

/* 1x1 convolution into a buffer of its own, then the pixels to their places; one channel leaves plain. */
static enum b_code lower_deconv(struct gr_lower *l, const struct gr_node *node)
{
    struct gr_step *conv = NULL, *shuffle = NULL;
    int x, y, mid;
    bool single = node->ints[0] == 1;
    struct gr_map in = gr_map_of(l, node->in[0]), inner = in;
    inner.c = (size_t)node->weights->dims[0];
    inner.blocks = (inner.c + l->block - 1) / l->block;
    enum b_code code = gr_get(l, node->in[0], GR_BLOCKED, &x);
    if (code == B_OK)
        code = gr_new_buf(l, in.n * inner.blocks * l->block * in.h * in.w * sizeof(float), &mid);
    if (code == B_OK)
        code = gr_make(l, node->out[0], single ? GR_PLAIN : GR_BLOCKED, &y);
    if (code == B_OK)
        code = gr_new_step(l, node, &conv);
    if (code == B_OK)
        code = gr_new_step(l, node, &shuffle);
    if (code != B_OK)
        return code;
    conv->run = gr_run_conv;
    shuffle->run = gr_run_shuffle;
    conv->rows = in.n * inner.blocks * l->block * in.h * in.w;
    conv->n_in = conv->n_out = shuffle->n_in = shuffle->n_out = 1;
    conv->in[0] = x;
    conv->out[0] = shuffle->in[0] = mid;
    shuffle->out[0] = y;
    shuffle->x = inner;
    shuffle->y = gr_map_of(l, node->out[0]);
    struct eng_conv_shape s = {.n = (int)in.n,
                               .c_in = (int)in.c,
                               .h_in = (int)in.h,
                               .w_in = (int)in.w,
                               .c_out = (int)inner.c,
                               .h_out = (int)in.h,
                               .w_out = (int)in.w,
                               .kh = 1,
                               .kw = 1,
                               .sh = 1,
                               .sw = 1,
                               .act = single || gr_acts_behind(node->act) ? ENG_ACT_NONE : node->act};
    return eng_conv_new(l->dnn, &s, node->weights->packed, &conv->conv, l->err);
}

/* ---- maps ---- */

static enum b_code lower_pool(struct gr_lower *l, const struct gr_node *node)
{
    const struct gr_window *w = &node->window;
    struct gr_step *step = NULL;
    bool unpadded = true;
    for (int i = 0; i < 4; i++)
        unpadded = unpadded && w->pad[i] == 0;
    bool tiles = unpadded && w->stride[0] == w->kernel[0] && w->stride[1] == w->kernel[1] && !w->same_upper;
    bool two = w->kernel[0] == 2 && w->kernel[1] == 2;
    if (node->kind == GR_AVGPOOL && !tiles)
        return gr_unsupported(node, "an average over windows that overlap or are padded", l->err);
    if (node->kind == GR_MAXPOOL &&
        !(two && unpadded && (tiles || (w->same_upper && w->stride[0] == 1 && w->stride[1] == 1))))
        return gr_unsupported(node, "a maximum other than 2x2 with stride 2, or with stride 1 and SAME_UPPER", l->err);
    return simple(l, node, GR_BLOCKED, GR_BLOCKED, node->kind == GR_AVGPOOL ? gr_run_avgpool : gr_run_maxpool, &step);
}

static enum b_code lower_excite(struct gr_lower *l, const struct gr_node *node)
{
    struct gr_step *step = NULL;
    enum b_code code = simple(l, node, GR_BLOCKED, GR_BLOCKED, gr_run_excite, &step);
    if (code == B_OK)
        code = gr_make(l, node->out[1], GR_BLOCKED, &step->out[1]);
    if (code == B_OK)
        code = gr_make(l, node->out[2], GR_PLAIN, &step->out[2]);
    if (code != B_OK)
        return code;
    step->n_out = 3;
    step->share = 0;
    return add_scratch(l, step, step->x.n * step->x.blocks * l->block);
}

static enum b_code lower_block(struct gr_lower *l, const struct gr_node *node)
{
    struct gr_step *step = NULL;
    enum b_code code = node->hidden ? lower_conv(l, node->hidden) : B_OK;
    if (code == B_OK)
        code = simple(l, node, GR_BLOCKED, GR_BLOCKED, gr_run_block, &step);
    if (code != B_OK)
        return code;
    step->share = node->keep ? 0 : -1;
    /* Means, hidden values and factors of squeeze-and-excite, then the kernel's scratch for each part. */
    size_t floats = node->excite ? step->x.c * 2 + (size_t)node->excite->dims[1] : 0;
    return add_scratch(l, step, floats + GR_PARTS * eng_mlp_scratch(node->weights->mlp));
}

static enum b_code lower_upsample(struct gr_lower *l, const struct gr_node *node)
{
    struct gr_step *step = NULL;
    enum b_code code = simple(l, node, GR_BLOCKED, GR_BLOCKED, gr_run_upsample, &step);
    if (code == B_OK && node->residual >= 0)
        step->share = 1;
    return code;
}

static enum b_code lower_concat(struct gr_lower *l, const struct gr_node *node)
{
    struct gr_step *step = NULL;
    enum b_code code = simple(l, node, GR_BLOCKED, GR_BLOCKED, gr_run_concat, &step);
    size_t at = 0;
    for (int i = 0; i < node->n_in && code == B_OK; i++) {
        step->dims[i] = l->plan->shapes[node->in[i]].dims[1];
        step->rows = at % l->block; /* of the last input: not 0 means that its channels are copied one by one */
        at += (size_t)step->dims[i];
    }
    return code;
}

/* Element-wise on whatever layout the value has; a blocked one only if zeros of the padding stay zeros. */
static enum b_code lower_act(struct gr_lower *l, const struct gr_node *node)
{
    struct gr_step *step = NULL;
    bool blocked = l->plan->rep[GR_PLAIN][node->in[0]] < 0 && node->act != ENG_ACT_SIGMOID;
    enum gr_layout layout = blocked ? GR_BLOCKED : GR_PLAIN;
    enum b_code code = simple(l, node, layout, layout, gr_run_act, &step);
    if (code == B_OK) {
        step->share = 0;
        step->rows = blocked ? step->x.n * step->x.blocks * l->block * step->x.h * step->x.w
                             : gr_elements(&l->plan->shapes[node->in[0]]);
    }
    return code;
}

static enum b_code lower_add(struct gr_lower *l, const struct gr_node *node)
{
    struct gr_step *step = NULL;
    bool blocked = l->plan->shapes[node->in[0]].n_dims == 4 &&
                   (l->plan->rep[GR_PLAIN][node->in[0]] < 0 || l->plan->rep[GR_PLAIN][node->in[1]] < 0);
    enum gr_layout layout = blocked ? GR_BLOCKED : GR_PLAIN;
    enum b_code code = simple(l, node, layout, layout, gr_run_add, &step);
    if (code == B_OK) {
        step->share = node->in[0] == node->in[1] ? -1 : 0;
        step->rows = blocked ? step->x.n * step->x.blocks * l->block * step->x.h * step->x.w
                             : gr_elements(&l->plan->shapes[node->in[0]]);
    }
    return code;
}

/* ---- rows ---- */

static void set_rows(struct gr_lower *l, const struct gr_node *node, struct gr_step *step)
{
    const struct gr_shape *s = &l->plan->shapes[node->in[0]];
    step->width = (size_t)s->dims[s->n_dims - 1];
    step->rows = gr_elements(s) / step->width;
    step->n_dims = s->n_dims;
    memcpy(step->dims, s->dims, sizeof step->dims);
}

static enum b_code lower_matmul(struct gr_lower *l, const struct gr_node *node)
{
    struct gr_step *step = NULL;
    enum b_code code = simple(l, node, GR_PLAIN, GR_PLAIN, gr_run_matmul, &step);
    if (code != B_OK)
        return code;
    set_rows(l, node, step);
    step->share = node->residual >= 0 ? 1 : -1;
    return B_OK;
}

static enum b_code lower_ctc(struct gr_lower *l, const struct gr_node *node)
{
    struct gr_step *step = NULL;
    enum b_code code = simple(l, node, GR_PLAIN, GR_PLAIN, gr_run_ctc, &step);
    if (code != B_OK)
        return code;
    set_rows(l, node, step);
    /* Class and probability of every row, then the kernel's scratch for each part. */
    return add_scratch(l, step, step->rows * 2 + GR_PARTS * ENG_CTC_SCRATCH);
}

/* Probabilities are stored for taps only. */
static enum b_code lower_attention(struct gr_lower *l, const struct gr_node *node)
{
    struct gr_step *step = NULL;
    enum b_code code = simple(l, node, GR_PLAIN, GR_PLAIN, gr_run_attention, &step);
    if (code != B_OK)
        return code;
    set_rows(l, node, step);
    if (l->g->options.keep_inner) {
        step->n_out = 2;
        code = gr_make(l, node->out[1], GR_PLAIN, &step->out[1]);
    }
    size_t floats = eng_attention_scratch((size_t)step->dims[1], (size_t)node->ints[1]);
    return code == B_OK ? add_scratch(l, step, floats) : code;
}

static enum b_code lower_rows(struct gr_lower *l, const struct gr_node *node, gr_step_fn *run)
{
    struct gr_step *step = NULL;
    enum b_code code = simple(l, node, GR_PLAIN, GR_PLAIN, run, &step);
    if (code != B_OK)
        return code;
    set_rows(l, node, step);
    if (node->kind == GR_SOFTMAX)
        step->share = 0;
    return B_OK;
}

/* The same elements under other dimensions: no step. */
static enum b_code lower_view(struct gr_lower *l, const struct gr_node *node)
{
    int buf;
    enum b_code code = gr_get(l, node->in[0], GR_PLAIN, &buf);
    if (code != B_OK)
        return code;
    l->plan->bufs[buf].fixed = true;
    l->plan->rep[GR_PLAIN][node->out[0]] = buf;
    return B_OK;
}

static enum b_code lower_split(struct gr_lower *l, const struct gr_node *node)
{
    struct gr_step *step = NULL;
    enum b_code code = simple(l, node, GR_PLAIN, GR_PLAIN, gr_run_split, &step);
    for (int i = 1; i < node->n_out && code == B_OK; i++)
        code = gr_make(l, node->out[i], GR_PLAIN, &step->out[i]);
    if (code != B_OK)
        return code;
    step->n_out = node->n_out;
    for (int i = 0; i < node->n_out; i++)
        step->dims[i] = l->plan->shapes[node->out[i]].dims[1];
    return B_OK;
}

static enum b_code lower_table(struct gr_lower *l, const struct gr_node *node)
{
    struct gr_step *step = NULL;
    enum b_code code = simple(l, node, GR_PLAIN, GR_PLAIN, gr_run_table, &step);
    if (code == B_OK)
        code = gr_make(l, node->out[1], GR_PLAIN, &step->out[1]);
    if (code != B_OK)
        return code;
    step->n_out = 2;
    set_rows(l, node, step);
    return add_scratch(l, step, gr_table_scratch(node->table, step->rows));
}

enum b_code gr_lower_node(struct gr_lower *l, const struct gr_node *node)
{
    struct gr_step *step = NULL;
    switch (node->kind) {
    case GR_CONV:
        return lower_conv(l, node);
    case GR_DECONV:
        return lower_deconv(l, node);
    case GR_MAXPOOL:
    case GR_AVGPOOL:
        return lower_pool(l, node);
    case GR_MEAN:
        return simple(l, node, GR_BLOCKED, GR_BLOCKED, gr_run_mean, &step);
    case GR_ACT:
        return lower_act(l, node);
    case GR_ADD:
        return lower_add(l, node);
    case GR_SE:
        return lower_excite(l, node);
    case GR_BLOCK:
        return lower_block(l, node);
    case GR_UPSAMPLE:
        return lower_upsample(l, node);
    case GR_CONCAT:
        return lower_concat(l, node);
    case GR_MATMUL:
        return lower_matmul(l, node);
    case GR_LAYERNORM:
        return lower_rows(l, node, gr_run_layernorm);
    case GR_SOFTMAX:
        return lower_rows(l, node, gr_run_softmax);
    case GR_ATTENTION:
        return lower_attention(l, node);
    case GR_CTC:
        return lower_ctc(l, node);
    case GR_TRANSPOSE:
        return lower_rows(l, node, gr_run_transpose);
    case GR_RESHAPE:
    case GR_SQUEEZE:
        return lower_view(l, node);
    case GR_SPLIT:
        return lower_split(l, node);
    case GR_TABLE:
        return lower_table(l, node);
    default:
        return gr_unsupported(node, "an operator that cannot run on tensors", l->err);
    }
}
