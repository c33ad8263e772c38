/* SPDX-License-Identifier: Apache-2.0 */
/* Layers with weights: convolutions and products take their constants, the bias addition or batch
 * normalisation behind them, the activation and the residual addition. Invariant: a weight array that a
 * node points to has exactly the elements that weights->dims say. */
#include <math.h>
#include <string.h>

#include "engine/graph/graph_private.h"

static struct gr_weights *new_weights(struct eng_graph *g)
{
    return B_ARENA_ARRAY(g->arena, 1, struct gr_weights);
}

static float *new_floats(struct eng_graph *g, size_t n)
{
    return b_arena_alloc(g->arena, n * sizeof(float), 64);
}

/* ---- constants of one layer ---- */

static bool sides_ok(const int64_t *dims, int n)
{
    for (int i = 0; i < n; i++)
        if (dims[i] < 1 || dims[i] > 4 * GR_MAX_SIDE)
            return false;
    return true;
}

static enum b_code take_conv_weights(struct eng_graph *g, struct gr_node *node, struct b_err *err)
{
    const struct gr_const *w = node->n_in >= 2 && node->in[1] >= 0 ? g->values[node->in[1]].c : NULL;
    if (!w || !w->f || w->n_dims != 4 || !sides_ok(w->dims, 4) || node->n_in > 3)
        return gr_unsupported(node, "weights that are not a constant of four dimensions", err);
    int64_t out = node->kind == GR_CONV ? w->dims[0] : w->dims[1], group = node->window.group;
    bool deep = node->kind == GR_CONV && group > 1 && group == out && w->dims[1] == 1;
    if (w->dims[2] != node->window.kernel[0] || w->dims[3] != node->window.kernel[1] || (group != 1 && !deep))
        return gr_unsupported(node, "grouped weights or weights of another size than the window", err);
    struct gr_weights *taken = new_weights(g);
    if (!taken)
        return b_arena_refused(g->arena, GR_DOMAIN, err);
    taken->w = w->f;
    memcpy(taken->dims, w->dims, sizeof taken->dims);
    if (node->n_in == 3 && node->in[2] >= 0) {
        taken->b = gr_floats(g, node->in[2], out);
        if (!taken->b)
            return gr_unsupported(node, "a bias of another size", err);
    }
    node->weights = taken;
    node->n_in = 1;
    return B_OK;
}

static enum b_code take_matmul_weights(struct eng_graph *g, struct gr_node *node, struct b_err *err)
{
    const struct gr_const *w = node->n_in == 2 ? g->values[node->in[1]].c : NULL;
    if (!w)
        return B_OK; /* a product of two computed values: known inside attention only */
    if (!w->f || w->n_dims != 2 || !sides_ok(w->dims, 2))
        return gr_unsupported(node, "weights that are not a matrix", err);
    struct gr_weights *taken = new_weights(g);
    if (!taken)
        return b_arena_refused(g->arena, GR_DOMAIN, err);
    *taken = (struct gr_weights){.w = w->f, .dims = {w->dims[0], w->dims[1]}};
    node->weights = taken;
    node->n_in = 1;
    return B_OK;
}

static int64_t channels_of(const struct gr_node *node)
{
    return node->kind == GR_CONV ? node->weights->dims[0] : node->weights->dims[1];
}

/* ---- what follows a layer ---- */

/* A constant that adds one number to each output channel of the layer, or NULL. */
static const float *channel_bias(const struct eng_graph *g, const struct gr_node *layer, int value)
{
    int64_t channels = channels_of(layer);
    const struct gr_const *c = value >= 0 ? g->values[value].c : NULL;
    if (!gr_floats(g, value, channels))
        return NULL;
    int at = layer->kind == GR_MATMUL ? c->n_dims - 1 : c->n_dims - 3;
    return at >= 0 && c->n_dims <= 4 && c->dims[at] == channels ? c->f : NULL;
}

static enum b_code add_bias(struct eng_graph *g, struct gr_node *layer, const float *bias, struct b_err *err)
{
    size_t n = (size_t)channels_of(layer);
    if (!layer->weights->b) {
        layer->weights->b = bias;
        return B_OK;
    }
    float *sum = new_floats(g, n);
    if (!sum)
        return b_arena_refused(g->arena, GR_DOMAIN, err);
    for (size_t i = 0; i < n; i++)
        sum[i] = layer->weights->b[i] + bias[i];
    layer->weights->b = sum;
    return B_OK;
}

/* y = (x - mean) / sqrt(var + eps) * scale + shift, folded into weights and bias of a convolution. */
static enum b_code fold_batchnorm(struct eng_graph *g, struct gr_node *conv, const struct gr_node *bn, bool *done,
                                  struct b_err *err)
{
    struct gr_weights *w = conv->weights;
    int64_t channels = w->dims[0];
    size_t each = (size_t)(w->dims[1] * w->dims[2] * w->dims[3]);
    const float *p[4];
    if (conv->kind != GR_CONV || bn->n_in != 5 || bn->in[0] != conv->out[0])
        return B_OK;
    for (int i = 0; i < 4; i++) {
        p[i] = gr_floats(g, bn->in[i + 1], channels);
        if (!p[i])
            return B_OK;
    }
    float *scaled = new_floats(g, (size_t)channels * each), *bias = new_floats(g, (size_t)channels);
    if (!scaled || !bias)
        return b_arena_refused(g->arena, GR_DOMAIN, err);
    for (int64_t c = 0; c < channels; c++) {
        double k = (double)p[0][c] / sqrt((double)p[3][c] + (double)bn->eps);
        for (size_t i = 0; i < each; i++)
            scaled[(size_t)c * each + i] = (float)((double)w->w[(size_t)c * each + i] * k);
        bias[c] = (float)(((w->b ? (double)w->b[c] : 0.0) - (double)p[2][c]) * k + (double)p[1][c]);
    }
    w->w = scaled;
    w->b = bias;
    *done = true;
    return B_OK;
}

/* The layer takes over the slot and the output of the node behind it. */
static int take_slot(struct eng_graph *g, int n, int behind)
{
    struct gr_node node = g->nodes[n];
    node.out[0] = g->nodes[behind].out[0];
    gr_kill(g, n);
    gr_put(g, behind, &node);
    return behind;
}

/* The library's fast convolutions sum only directly behind the product, not behind an activation. */
static bool can_add(const struct gr_node *layer)
{
    return layer->kind == GR_MATMUL || (layer->kind == GR_CONV && layer->act == ENG_ACT_NONE);
}

static bool takes(const struct gr_node *layer, enum eng_act act)
{
    return act != ENG_ACT_HARDSIGMOID &&
           (layer->kind != GR_MATMUL || act == ENG_ACT_RELU || act == ENG_ACT_SWISH || act == ENG_ACT_GELU);
}

/* One step; *at moves when something was absorbed. */
static enum b_code absorb(struct eng_graph *g, int *at, struct b_err *err)
{
    struct gr_node *layer = &g->nodes[*at];
    int out = layer->out[0];
    int add = gr_sole_user(g, out, GR_ADD), bn = gr_sole_user(g, out, GR_BATCHNORM), act = gr_sole_user(g, out, GR_ACT);
    int other = add >= 0 ? gr_other(&g->nodes[add], out) : -1;
    bool plain = layer->act == ENG_ACT_NONE && layer->residual < 0, done = false;
    enum b_code code = B_OK;
    if (plain && other >= 0 && channel_bias(g, layer, other)) {
        code = add_bias(g, layer, channel_bias(g, layer, other), err);
        if (code == B_OK)
            *at = take_slot(g, *at, add);
    } else if (plain && bn >= 0) {
        code = fold_batchnorm(g, layer, &g->nodes[bn], &done, err);
        if (done)
            *at = take_slot(g, *at, bn);
    } else if (plain && act >= 0 && takes(layer, g->nodes[act].act)) {
        layer->act = g->nodes[act].act;
        *at = take_slot(g, *at, act);
    } else if (layer->residual < 0 && can_add(layer) && other >= 0 && !g->values[other].c) {
        layer->residual = other;
        *at = take_slot(g, *at, add);
    }
    return code;
}

/* Four pixels of a 2x2 stride-2 transposed convolution are one 1x1 convolution: weights [I][O][2][2] become
 * [2][2][O padded to a block][I]. */
static enum b_code unfold_deconv(struct eng_graph *g, struct gr_node *node, struct b_err *err)
{
    struct gr_weights *w = node->weights;
    const struct gr_window *win = &node->window;
    size_t in = (size_t)w->dims[0], out = (size_t)w->dims[1], block = eng_dnn_block();
    bool square =
        win->kernel[0] == 2 && win->kernel[1] == 2 && win->stride[0] == 2 && win->stride[1] == 2 && !win->same_upper;
    for (int i = 0; i < 4; i++)
        square = square && win->pad[i] == 0;
    if (!square)
        return gr_unsupported(node, "a transposed convolution other than 2x2 with stride 2", err);
    size_t each = out == 1 ? 1 : (out + block - 1) / block * block;
    float *t = new_floats(g, 4 * each * in), *b = new_floats(g, 4 * each);
    if (!t || !b)
        return b_arena_refused(g->arena, GR_DOMAIN, err);
    memset(t, 0, 4 * each * in * sizeof *t);
    memset(b, 0, 4 * each * sizeof *b);
    for (size_t p = 0; p < 4; p++)
        for (size_t o = 0; o < out; o++) {
            b[p * each + o] = w->b ? w->b[o] : 0.0f;
            for (size_t i = 0; i < in; i++)
                t[(p * each + o) * in + i] = w->w[(i * out + o) * 4 + p];
        }
    node->ints[0] = (int64_t)out;
    node->n_ints = 1;
    *w = (struct gr_weights){.w = t, .b = b, .dims = {(int64_t)(4 * each), (int64_t)in, 1, 1}};
    return B_OK;
}

enum b_code gr_fuse_layers(struct eng_graph *g, struct b_err *err)
{
    enum b_code code = B_OK;
    for (int n = 0; n < g->n_nodes && code == B_OK; n++) {
        struct gr_node *node = &g->nodes[n];
        if (node->kind == GR_CONV || node->kind == GR_DECONV)
            code = take_conv_weights(g, node, err);
        else if (node->kind == GR_MATMUL)
            code = take_matmul_weights(g, node, err);
    }
    gr_count_uses(g);
    for (int n = 0; n < g->n_nodes && code == B_OK; n++) {
        enum gr_kind kind = g->nodes[n].kind;
        if ((kind != GR_CONV && kind != GR_DECONV && kind != GR_MATMUL) || !g->nodes[n].weights)
            continue;
        for (int at = n, before = -1; at != before && code == B_OK;) {
            before = at;
            code = absorb(g, &at, err);
        }
        gr_count_uses(g);
    }
    for (int n = 0; n < g->n_nodes && code == B_OK; n++)
        if (g->nodes[n].kind == GR_DECONV)
            code = unfold_deconv(g, &g->nodes[n], err);
    return code;
}

/* ---- packing ---- */

enum b_code gr_pack_layers(struct eng_graph *g, struct b_err *err)
{
    enum b_code code = B_OK;
    for (int n = 0; n < g->n_nodes && code == B_OK; n++) {
        const struct gr_node *node = &g->nodes[n];
        struct gr_weights *w = node->weights;
        if (node->kind == GR_BLOCK) {
            const struct eng_mlp_shape shape = {.c = (size_t)w->dims[0],
                                                .hidden = (size_t)w->dims[1],
                                                .out = (size_t)w->dims[2],
                                                .residual = node->keep};
            code = eng_mlp_new(w->w, w->b, w->w2, w->b2, &shape, &w->mlp, err);
            node = node->hidden;
            w = node ? node->weights : NULL;
        }
        if (code != B_OK || !node)
            continue;
        if (node->kind == GR_CONV || node->kind == GR_DECONV) {
            w->packed = eng_packed_new(w->w, w->b);
            if (!w->packed)
                code = b_fail(err, B_NO_MEMORY, GR_DOMAIN, "out of memory");
        } else if (node->kind == GR_MATMUL || node->kind == GR_CTC) {
            code = eng_gemm_new(w->w, (size_t)w->dims[0], (size_t)w->dims[1], (size_t)w->dims[1], w->b, &w->gemm, err);
        }
    }
    return code;
}
