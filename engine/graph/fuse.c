/* SPDX-License-Identifier: Apache-2.0 */
/* The order of the passes and the tools they share. Invariant: after every pass nodes stay in topological
 * order, because a fused node takes the last slot of its pattern. */
#include <math.h>
#include <string.h>

#include "engine/graph/graph_private.h"

void gr_count_uses(struct eng_graph *g)
{
    for (int v = 0; v < g->n_values; v++) {
        g->values[v].uses = 0;
        g->values[v].user = -1;
    }
    for (int n = 0; n < g->n_nodes; n++) {
        const struct gr_node *node = &g->nodes[n];
        if (node->kind == GR_DEAD)
            continue;
        for (int i = 0; i <= node->n_in; i++) {
            int v = i < node->n_in ? node->in[i] : node->residual;
            if (v < 0)
                continue;
            g->values[v].uses++;
            g->values[v].user = n;
        }
    }
    for (int i = 0; i < g->n_outputs; i++)
        g->values[g->outputs[i]].uses++;
}

void gr_kill(struct eng_graph *g, int node)
{
    g->nodes[node].kind = GR_DEAD;
}

static bool is_output(const struct eng_graph *g, int value)
{
    for (int i = 0; i < g->n_outputs; i++)
        if (g->outputs[i] == value)
            return true;
    return false;
}

int gr_sole_user(const struct eng_graph *g, int value, enum gr_kind kind)
{
    if (value < 0 || g->values[value].uses != 1 || is_output(g, value))
        return -1;
    int n = g->values[value].user;
    return n >= 0 && g->nodes[n].kind == kind ? n : -1;
}

int gr_producer(const struct eng_graph *g, int value, enum gr_kind kind)
{
    int n = value >= 0 ? g->values[value].producer : -1;
    return n >= 0 && g->nodes[n].kind == kind ? n : -1;
}

int gr_other(const struct gr_node *node, int value)
{
    if (node->n_in != 2)
        return -1;
    return node->in[0] == value ? node->in[1] : node->in[1] == value ? node->in[0] : -1;
}

bool gr_scalar(const struct eng_graph *g, int value, float *out)
{
    const struct gr_const *c = value >= 0 ? g->values[value].c : NULL;
    if (!c || !c->f || c->count != 1 || c->n_dims > 1)
        return false;
    *out = c->f[0];
    return true;
}

bool gr_is_scalar(const struct eng_graph *g, int value, float expected)
{
    float f;
    return gr_scalar(g, value, &f) && fabsf(f - expected) <= 1e-5f * fmaxf(1.0f, fabsf(expected));
}

const float *gr_floats(const struct eng_graph *g, int value, int64_t count)
{
    const struct gr_const *c = value >= 0 ? g->values[value].c : NULL;
    return c && c->f && count > 0 && c->count == (size_t)count ? c->f : NULL;
}

bool gr_ints_are(const struct eng_graph *g, int value, const int64_t *want, int n)
{
    const struct gr_const *c = value >= 0 ? g->values[value].c : NULL;
    return c && c->i && c->n_dims == 1 && c->count == (size_t)n && memcmp(c->i, want, (size_t)n * sizeof *want) == 0;
}

void gr_put(struct eng_graph *g, int at, const struct gr_node *node)
{
    g->nodes[at] = *node;
    for (int i = 0; i < node->n_out; i++)
        if (node->out[i] >= 0)
            g->values[node->out[i]].producer = at;
}

/* ---- constants ---- */

/* Reshape of a constant by a constant: the same elements under new dimensions. */
static enum b_code fold_reshape(struct eng_graph *g, const struct gr_node *node, bool *done, struct b_err *err)
{
    const struct gr_const *from = g->values[node->in[0]].c;
    const struct gr_const *shape = node->n_in == 2 && node->in[1] >= 0 ? g->values[node->in[1]].c : NULL;
    if (!from || !shape || !shape->i || shape->n_dims != 1 || shape->count > GR_MAX_DIMS)
        return B_OK;
    size_t count = 1;
    for (size_t i = 0; i < shape->count; i++) {
        if (shape->i[i] < 1 || (size_t)shape->i[i] > from->count)
            return B_OK;
        if (count > from->count)
            return B_OK;
        count *= (size_t)shape->i[i];
    }
    if (count != from->count)
        return gr_unsupported(node, "a reshape to another size", err);
    struct gr_const *c = B_ARENA_ARRAY(g->arena, 1, struct gr_const);
    if (!c)
        return b_arena_refused(g->arena, GR_DOMAIN, err);
    *c = *from;
    c->n_dims = (int)shape->count;
    memcpy(c->dims, shape->i, shape->count * sizeof c->dims[0]);
    g->values[node->out[0]].c = c;
    *done = true;
    return B_OK;
}

static enum b_code fold_constants(struct eng_graph *g, struct b_err *err)
{
    enum b_code code = B_OK;
    for (int n = 0; n < g->n_nodes && code == B_OK; n++) {
        bool done = false;
        if (g->nodes[n].kind == GR_RESHAPE && g->nodes[n].n_out == 1)
            code = fold_reshape(g, &g->nodes[n], &done, err);
        if (done)
            gr_kill(g, n);
    }
    return code;
}

/* ---- dead code ---- */

static void drop_dead(struct eng_graph *g)
{
    gr_count_uses(g);
    for (int n = g->n_nodes - 1; n >= 0; n--) {
        struct gr_node *node = &g->nodes[n];
        int used = 0;
        for (int i = 0; i < node->n_out; i++)
            used += node->out[i] >= 0 ? g->values[node->out[i]].uses : 0;
        if (node->kind == GR_DEAD || used)
            continue;
        gr_kill(g, n);
        for (int i = 0; i <= node->n_in; i++) {
            int v = i < node->n_in ? node->in[i] : node->residual;
            if (v >= 0)
                g->values[v].uses--;
        }
    }
    gr_count_uses(g);
}

static void compact(struct eng_graph *g)
{
    int to = 0;
    for (int n = 0; n < g->n_nodes; n++)
        if (g->nodes[n].kind != GR_DEAD) {
            struct gr_node node = g->nodes[n];
            gr_put(g, to++, &node);
        }
    g->n_nodes = to;
}

/* ---- what must not be left ---- */

static enum b_code check_left(const struct eng_graph *g, struct b_err *err)
{
    for (int n = 0; n < g->n_nodes; n++) {
        const struct gr_node *node = &g->nodes[n];
        if (node->kind >= GR_MUL)
            return gr_unsupported(node,
                                  node->kind == GR_UNKNOWN ? "an operator that is not read"
                                                           : "this operator outside the patterns that are known",
                                  err);
        bool weighted =
            node->kind == GR_CONV || node->kind == GR_DECONV || node->kind == GR_MATMUL || node->kind == GR_CTC;
        if (weighted && !node->weights)
            return gr_unsupported(node, "weights that are not constant", err);
        if (node->kind == GR_ACT && node->act == ENG_ACT_HARDSIGMOID)
            return gr_unsupported(node, "a hard sigmoid outside squeeze-and-excite", err);
    }
    return B_OK;
}

/* The last softmax of a recogniser: classes per time step become the best class and its probability. */
static enum b_code fuse_ctc(struct eng_graph *g, struct b_err *err)
{
    int n = g->n_outputs == 1 ? gr_producer(g, g->outputs[0], GR_SOFTMAX) : -1;
    int m = n >= 0 ? gr_producer(g, g->nodes[n].in[0], GR_MATMUL) : -1;
    if (m < 0 || g->values[g->nodes[n].in[0]].uses != 1 || g->nodes[m].act != ENG_ACT_NONE ||
        g->nodes[m].residual >= 0 || !g->nodes[m].weights || (g->nodes[n].axis != 2 && g->nodes[n].axis != -1))
        return b_fail(err, B_UNSUPPORTED, GR_DOMAIN, "the network does not end in a classifier over time steps");
    struct gr_node node = g->nodes[m];
    node.kind = GR_CTC;
    node.out[0] = g->nodes[n].out[0];
    gr_kill(g, m);
    gr_put(g, n, &node);
    return B_OK;
}

enum b_code gr_fuse(struct eng_graph *g, struct b_err *err)
{
    enum b_code code = fold_constants(g, err);
    if (code == B_OK) {
        drop_dead(g);
        code = gr_fuse_activations(g, err);
    }
    if (code == B_OK)
        code = gr_fuse_sequences(g, err);
    gr_count_uses(g);
    if (code == B_OK)
        code = gr_fuse_layers(g, err);
    gr_count_uses(g);
    if (code == B_OK)
        code = gr_fuse_excites(g, err);
    if (code == B_OK)
        code = gr_fuse_blocks(g, err);
    if (code == B_OK && g->options.ctc_argmax)
        code = fuse_ctc(g, err);
    if (code != B_OK)
        return code;
    drop_dead(g);
    compact(g);
    gr_count_uses(g);
    code = check_left(g, err);
    return code == B_OK ? gr_pack_layers(g, err) : code;
}
