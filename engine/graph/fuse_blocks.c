/* SPDX-License-Identifier: Apache-2.0 */
/* The block that the backbones repeat: y = (t +) W2 gelu(W1 t + b1) + b2 on every pixel, t = x or x times the
 * factors of squeeze-and-excite. One kernel keeps the hidden map, the largest of the network, in cache. */
#include <string.h>

#include "engine/graph/graph_private.h"

#define UNIT 16 /* channels: whole vectors and whole blocks on every instruction set */

static bool is_pointwise(const struct gr_node *node)
{
    const struct gr_window *w = &node->window;
    bool plain = node->weights && w->kernel[0] == 1 && w->kernel[1] == 1 && w->stride[0] == 1 && w->stride[1] == 1 &&
                 w->group == 1 && !w->same_upper;
    for (int i = 0; i < 4; i++)
        plain = plain && w->pad[i] == 0;
    return plain;
}

static bool fits(int64_t channels)
{
    return channels % UNIT == 0 && channels <= ENG_MLP_MAX;
}

/* Squeeze-and-excite that only feeds this block moves into it. With kept values it stays a step of its own. */
static void absorb_excite(const struct eng_graph *g, struct gr_node *block, int uses)
{
    int n = gr_producer(g, block->in[0], GR_SE);
    if (n < 0 || g->options.keep_inner || g->nodes[n].keep || g->values[block->in[0]].uses != uses)
        return;
    block->excite = g->nodes[n].weights;
    block->alpha = g->nodes[n].alpha;
    block->beta = g->nodes[n].beta;
    block->in[0] = g->nodes[n].in[0];
}

static enum b_code match_block(struct eng_graph *g, int n, struct b_err *err)
{
    const struct gr_node *first = &g->nodes[n];
    int x = first->in[0], m = gr_sole_user(g, first->out[0], GR_CONV);
    if (first->act != ENG_ACT_GELU || first->residual >= 0 || !is_pointwise(first) || m < 0)
        return B_OK;
    const struct gr_node *second = &g->nodes[m];
    if (!is_pointwise(second) || second->in[0] != first->out[0] || second->act != ENG_ACT_NONE ||
        (second->residual >= 0 && second->residual != x))
        return B_OK;
    const struct gr_weights *a = first->weights, *b = second->weights;
    if (!fits(a->dims[1]) || !fits(a->dims[0]) || !fits(b->dims[0]) || b->dims[1] != a->dims[0] ||
        (second->residual >= 0 && b->dims[0] != a->dims[1]))
        return B_OK;
    struct gr_weights *w = B_ARENA_ARRAY(g->arena, 1, struct gr_weights);
    struct gr_node *hidden = B_ARENA_ARRAY(g->arena, 1, struct gr_node);
    if (!w || !hidden)
        return b_arena_refused(g->arena, GR_DOMAIN, err);
    *w =
        (struct gr_weights){.w = a->w, .b = a->b, .w2 = b->w, .b2 = b->b, .dims = {a->dims[1], a->dims[0], b->dims[0]}};
    *hidden = *first;
    struct gr_node node = *second;
    node.kind = GR_BLOCK;
    node.in[0] = x;
    node.keep = second->residual >= 0;
    node.residual = -1;
    node.weights = w;
    node.hidden = g->options.keep_inner ? hidden : NULL;
    absorb_excite(g, &node, node.keep ? 2 : 1);
    gr_kill(g, n);
    gr_put(g, m, &node);
    return B_OK;
}

enum b_code gr_fuse_blocks(struct eng_graph *g, struct b_err *err)
{
    enum b_code code = B_OK;
    for (int n = 0; n < g->n_nodes && code == B_OK; n++)
        if (g->nodes[n].kind == GR_CONV)
            code = match_block(g, n, err);
    gr_count_uses(g);
    return code;
}
