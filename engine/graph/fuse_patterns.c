/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns without weights or with small ones: activations that files spell out, layer normalisation,
 * attention, squeeze-and-excite. A pattern matches whole or not at all; every value inside it has no other
 * user, so that removing it changes nothing. */
#include <string.h>

#include "engine/graph/graph_private.h"

/* ---- activations ---- */

static void put_activation(struct eng_graph *g, int at, int from, enum eng_act act)
{
    struct gr_node node = g->nodes[at];
    node.kind = GR_ACT;
    node.act = act;
    node.n_in = 1;
    node.in[0] = from;
    gr_put(g, at, &node);
}

/* x / sqrt 2 -> erf -> + 1 -> * x -> * 0.5 */
static void match_gelu(struct eng_graph *g, int n)
{
    const struct gr_node *div = &g->nodes[n];
    int x = div->in[0];
    if (div->n_in != 2 || !gr_is_scalar(g, div->in[1], 1.41421356f))
        return;
    int erf = gr_sole_user(g, div->out[0], GR_ERF);
    int add = erf >= 0 ? gr_sole_user(g, g->nodes[erf].out[0], GR_ADD) : -1;
    if (add < 0 || !gr_is_scalar(g, gr_other(&g->nodes[add], g->nodes[erf].out[0]), 1.0f))
        return;
    int mul = gr_sole_user(g, g->nodes[add].out[0], GR_MUL);
    if (mul < 0 || gr_other(&g->nodes[mul], g->nodes[add].out[0]) != x)
        return;
    int half = gr_sole_user(g, g->nodes[mul].out[0], GR_MUL);
    if (half < 0 || !gr_is_scalar(g, gr_other(&g->nodes[half], g->nodes[mul].out[0]), 0.5f))
        return;
    gr_kill(g, n);
    gr_kill(g, erf);
    gr_kill(g, add);
    gr_kill(g, mul);
    put_activation(g, half, x, ENG_ACT_GELU);
}

/* sigmoid(x) * x */
static void match_swish(struct eng_graph *g, int n)
{
    const struct gr_node *sigmoid = &g->nodes[n];
    int x = sigmoid->in[0], mul = gr_sole_user(g, sigmoid->out[0], GR_MUL);
    if (mul < 0 || gr_other(&g->nodes[mul], sigmoid->out[0]) != x)
        return;
    gr_kill(g, n);
    put_activation(g, mul, x, ENG_ACT_SWISH);
}

/* x * clip(x + 3, 0, 6) / 6 */
static void match_hardswish(struct eng_graph *g, int n)
{
    const struct gr_node *add = &g->nodes[n];
    int x = add->in[0];
    if (add->n_in != 2 || !gr_is_scalar(g, add->in[1], 3.0f))
        return;
    int clip = gr_sole_user(g, add->out[0], GR_CLIP);
    if (clip < 0 || g->nodes[clip].n_in != 3 || !gr_is_scalar(g, g->nodes[clip].in[1], 0.0f) ||
        !gr_is_scalar(g, g->nodes[clip].in[2], 6.0f))
        return;
    int mul = gr_sole_user(g, g->nodes[clip].out[0], GR_MUL);
    if (mul < 0 || gr_other(&g->nodes[mul], g->nodes[clip].out[0]) != x)
        return;
    int div = gr_sole_user(g, g->nodes[mul].out[0], GR_DIV);
    if (div < 0 || g->nodes[div].n_in != 2 || g->nodes[div].in[0] != g->nodes[mul].out[0] ||
        !gr_is_scalar(g, g->nodes[div].in[1], 6.0f))
        return;
    gr_kill(g, n);
    gr_kill(g, clip);
    gr_kill(g, mul);
    put_activation(g, div, x, ENG_ACT_HARDSWISH);
}

enum b_code gr_fuse_activations(struct eng_graph *g, struct b_err *err)
{
    (void)err;
    for (int n = 0; n < g->n_nodes; n++) {
        if (g->nodes[n].kind == GR_DIV)
            match_gelu(g, n);
        else if (g->nodes[n].kind == GR_ACT && g->nodes[n].act == ENG_ACT_SIGMOID)
            match_swish(g, n);
        else if (g->nodes[n].kind == GR_ADD)
            match_hardswish(g, n);
    }
    gr_count_uses(g);
    return B_OK;
}

/* ---- layer normalisation ---- */

/* Everything up to x - mean and its deviation, found backwards from the division. */
struct norm {
    int mean, sub, pow, mean2, add, sqrt, div, mul, last;
    float eps;
};

static bool norm_above(const struct eng_graph *g, int n, struct norm *m)
{
    const struct gr_node *div = &g->nodes[n];
    *m = (struct norm){.div = n};
    if (div->n_in != 2)
        return false;
    m->sub = gr_producer(g, div->in[0], GR_SUB);
    m->sqrt = gr_producer(g, div->in[1], GR_SQRT);
    m->add = m->sqrt >= 0 ? gr_producer(g, g->nodes[m->sqrt].in[0], GR_ADD) : -1;
    if (m->sub < 0 || m->add < 0 || g->nodes[m->add].n_in != 2 || !gr_scalar(g, g->nodes[m->add].in[1], &m->eps))
        return false;
    m->mean2 = gr_producer(g, g->nodes[m->add].in[0], GR_REDUCE_LAST);
    m->pow = m->mean2 >= 0 ? gr_producer(g, g->nodes[m->mean2].in[0], GR_POW) : -1;
    if (m->pow < 0 || g->nodes[m->pow].n_in != 2 || g->nodes[m->pow].in[0] != div->in[0] ||
        !gr_is_scalar(g, g->nodes[m->pow].in[1], 2.0f))
        return false;
    const struct gr_node *sub = &g->nodes[m->sub];
    m->mean = sub->n_in == 2 ? gr_producer(g, sub->in[1], GR_REDUCE_LAST) : -1;
    if (m->mean < 0 || g->nodes[m->mean].in[0] != sub->in[0])
        return false;
    const int inner[] = {sub->in[1], div->in[1], g->nodes[m->sqrt].in[0], g->nodes[m->add].in[0],
                         g->nodes[m->mean2].in[0]};
    for (size_t i = 0; i < sizeof inner / sizeof inner[0]; i++)
        if (g->values[inner[i]].uses != 1)
            return false;
    return g->values[div->in[0]].uses == 2;
}

static const float *vector_of(const struct eng_graph *g, int value, int64_t *count)
{
    const struct gr_const *c = value >= 0 ? g->values[value].c : NULL;
    if (!c || !c->f || c->n_dims != 1 || c->count < 1)
        return NULL;
    *count = (int64_t)c->count;
    return c->f;
}

static enum b_code match_layernorm(struct eng_graph *g, int n, struct b_err *err)
{
    struct norm m;
    int64_t width = 0, width2 = 0;
    if (!norm_above(g, n, &m))
        return B_OK;
    m.mul = gr_sole_user(g, g->nodes[n].out[0], GR_MUL);
    m.last = m.mul >= 0 ? gr_sole_user(g, g->nodes[m.mul].out[0], GR_ADD) : -1;
    if (m.last < 0)
        return B_OK;
    const float *gamma = vector_of(g, gr_other(&g->nodes[m.mul], g->nodes[n].out[0]), &width);
    const float *beta = vector_of(g, gr_other(&g->nodes[m.last], g->nodes[m.mul].out[0]), &width2);
    if (!gamma || !beta || width != width2)
        return B_OK;
    struct gr_weights *w = B_ARENA_ARRAY(g->arena, 1, struct gr_weights);
    if (!w)
        return b_arena_refused(g->arena, GR_DOMAIN, err);
    *w = (struct gr_weights){.w = gamma, .b = beta, .dims = {width}};
    struct gr_node node = g->nodes[m.last];
    node.kind = GR_LAYERNORM;
    node.n_in = 1;
    node.in[0] = g->nodes[m.sub].in[0];
    node.eps = m.eps;
    node.weights = w;
    const int inner[] = {m.mean, m.sub, m.pow, m.mean2, m.add, m.sqrt, m.div, m.mul};
    for (size_t i = 0; i < sizeof inner / sizeof inner[0]; i++)
        gr_kill(g, inner[i]);
    gr_put(g, m.last, &node);
    return B_OK;
}

/* ---- attention ---- */

/* Value -> squeeze -> slice [part, part + 1] of the transposed product; gives that transpose's index. */
static int part_of(const struct eng_graph *g, int value, int64_t part)
{
    int squeeze = gr_producer(g, value, GR_SQUEEZE);
    if (squeeze < 0 || g->values[value].uses != 1 || g->nodes[squeeze].n_ints != 1 || g->nodes[squeeze].ints[0] != 0)
        return -1;
    int slice = gr_producer(g, g->nodes[squeeze].in[0], GR_SLICE);
    const int64_t begin = part, end = part + 1, zero = 0, one = 1;
    if (slice < 0 || g->values[g->nodes[slice].out[0]].uses != 1 || g->nodes[slice].n_in != 5)
        return -1;
    const struct gr_node *s = &g->nodes[slice];
    if (!gr_ints_are(g, s->in[1], &begin, 1) || !gr_ints_are(g, s->in[2], &end, 1) ||
        !gr_ints_are(g, s->in[3], &zero, 1) || !gr_ints_are(g, s->in[4], &one, 1))
        return -1;
    return gr_producer(g, s->in[0], GR_TRANSPOSE);
}

static bool permutes(const struct gr_node *node, const int64_t *perm, int n)
{
    return node->n_ints == n && memcmp(node->ints, perm, (size_t)n * sizeof *perm) == 0;
}

/* The scale of the queries: q * scale [+ 0]. Steps back over both; false when they are not that. */
static bool query_scale(const struct eng_graph *g, int *value, float *scale)
{
    int add = gr_producer(g, *value, GR_ADD);
    if (add >= 0) {
        if (g->values[*value].uses != 1 || g->nodes[add].n_in != 2 || !gr_is_scalar(g, g->nodes[add].in[1], 0.0f))
            return false;
        *value = g->nodes[add].in[0];
    }
    int mul = gr_producer(g, *value, GR_MUL);
    if (mul < 0 || g->values[*value].uses != 1 || g->nodes[mul].n_in != 2 || !gr_scalar(g, g->nodes[mul].in[1], scale))
        return false;
    *value = g->nodes[mul].in[0];
    return true;
}

/* Queries, keys and values as parts 0, 1, 2 of one transposed [N,T,3,heads,width]; gives that transpose. */
static int attention_source(const struct eng_graph *g, const struct gr_node *softmax, const struct gr_node *scores,
                            const struct gr_node *product, float *scale)
{
    static const int64_t keys_perm[] = {0, 1, 3, 2}, split_perm[] = {2, 0, 3, 1, 4};
    int query = scores->in[0], keys = scores->n_in == 2 ? gr_producer(g, scores->in[1], GR_TRANSPOSE) : -1;
    if (keys < 0 || !permutes(&g->nodes[keys], keys_perm, 4) || g->values[scores->in[1]].uses != 1 ||
        !query_scale(g, &query, scale) || product->n_in != 2 || product->in[0] != softmax->out[0])
        return -1;
    int q = part_of(g, query, 0), k = part_of(g, g->nodes[keys].in[0], 1), v = part_of(g, product->in[1], 2);
    if (q < 0 || q != k || q != v || !permutes(&g->nodes[q], split_perm, 5) || g->values[g->nodes[q].out[0]].uses != 3)
        return -1;
    return q;
}

static enum b_code match_attention(struct eng_graph *g, int n)
{
    static const int64_t merge_perm[] = {0, 2, 1, 3};
    const struct gr_node *softmax = &g->nodes[n];
    float scale;
    int scores = gr_producer(g, softmax->in[0], GR_MATMUL), product = gr_sole_user(g, softmax->out[0], GR_MATMUL);
    if ((softmax->axis != 3 && softmax->axis != -1) || scores < 0 || product < 0 || g->values[softmax->in[0]].uses != 1)
        return B_OK;
    int split = attention_source(g, softmax, &g->nodes[scores], &g->nodes[product], &scale);
    int merge = gr_sole_user(g, g->nodes[product].out[0], GR_TRANSPOSE);
    int flat = merge >= 0 ? gr_sole_user(g, g->nodes[merge].out[0], GR_RESHAPE) : -1;
    int parts = split >= 0 ? gr_producer(g, g->nodes[split].in[0], GR_RESHAPE) : -1;
    if (flat < 0 || parts < 0 || !permutes(&g->nodes[merge], merge_perm, 4) || g->nodes[parts].n_in != 2 ||
        g->nodes[flat].n_in != 2)
        return B_OK;
    const struct gr_const *shape = g->values[g->nodes[parts].in[1]].c;
    if (!shape || !shape->i || shape->count != 5 || shape->i[0] != 0 || shape->i[1] != -1 || shape->i[2] != 3 ||
        shape->i[3] < 1 || shape->i[3] > 64 || shape->i[4] < 1 || shape->i[4] > ENG_ATTENTION_MAX_D)
        return B_OK;
    const int64_t merged[] = {0, -1, shape->i[3] * shape->i[4]};
    if (!gr_ints_are(g, g->nodes[flat].in[1], merged, 3))
        return B_OK;
    struct gr_node node = g->nodes[flat];
    node.kind = GR_ATTENTION;
    node.n_in = 1;
    node.in[0] = g->nodes[parts].in[0];
    node.n_out = 2;
    node.out[1] = softmax->out[0]; /* the probabilities, for taps */
    node.alpha = scale;
    node.ints[0] = shape->i[3];
    node.ints[1] = shape->i[4];
    node.n_ints = 2;
    /* The nodes between fall away as dead code; the ones that define out[] must go now. */
    gr_kill(g, n);
    gr_kill(g, product);
    gr_kill(g, merge);
    gr_put(g, flat, &node);
    return B_OK;
}

enum b_code gr_fuse_sequences(struct eng_graph *g, struct b_err *err)
{
    enum b_code code = B_OK;
    for (int n = 0; n < g->n_nodes && code == B_OK; n++) {
        if (g->nodes[n].kind == GR_DIV)
            code = match_layernorm(g, n, err);
        else if (g->nodes[n].kind == GR_SOFTMAX)
            code = match_attention(g, n);
    }
    return code;
}

/* ---- squeeze-and-excite, upsample and add ---- */

/* O x I x 1 x 1 -> I x O: small products run over rows of the input channel. */
static const float *transposed(struct eng_graph *g, const struct gr_weights *w)
{
    int64_t o = w->dims[0], in = w->dims[1];
    float *t = b_arena_alloc(g->arena, (size_t)(o * in) * sizeof *t, 64);
    for (int64_t i = 0; t && i < o; i++)
        for (int64_t j = 0; j < in; j++)
            t[j * o + i] = w->w[i * in + j];
    return t;
}

static const float *bias_of(struct eng_graph *g, const struct gr_weights *w)
{
    return w->b ? w->b : b_arena_array(g->arena, (size_t)w->dims[0], sizeof *w->b);
}

static int pointwise_after(const struct eng_graph *g, int value, enum eng_act act)
{
    int n = gr_sole_user(g, value, GR_CONV);
    if (n < 0 || !g->nodes[n].weights || g->nodes[n].act != act || g->nodes[n].residual >= 0)
        return -1;
    const struct gr_window *w = &g->nodes[n].window;
    bool plain = w->kernel[0] == 1 && w->kernel[1] == 1 && w->stride[0] == 1 && w->stride[1] == 1 && w->group == 1;
    for (int i = 0; i < 4; i++)
        plain = plain && w->pad[i] == 0;
    return plain ? n : -1;
}

static enum b_code match_excite(struct eng_graph *g, int n, struct b_err *err)
{
    const struct gr_node *mean = &g->nodes[n];
    int x = mean->in[0];
    int first = pointwise_after(g, mean->out[0], ENG_ACT_RELU);
    int second = first >= 0 ? pointwise_after(g, g->nodes[first].out[0], ENG_ACT_NONE) : -1;
    int gate = second >= 0 ? gr_sole_user(g, g->nodes[second].out[0], GR_ACT) : -1;
    if (gate < 0 || g->nodes[gate].act != ENG_ACT_HARDSIGMOID)
        return B_OK;
    int mul = gr_sole_user(g, g->nodes[gate].out[0], GR_MUL);
    if (mul < 0 || gr_other(&g->nodes[mul], g->nodes[gate].out[0]) != x)
        return B_OK;
    const struct gr_weights *a = g->nodes[first].weights, *b = g->nodes[second].weights;
    if (a->dims[0] != b->dims[1] || a->dims[1] != b->dims[0])
        return B_OK;
    int add = gr_sole_user(g, g->nodes[mul].out[0], GR_ADD), last = mul;
    if (add >= 0 && gr_other(&g->nodes[add], g->nodes[mul].out[0]) == x)
        last = add;
    struct gr_weights *w = B_ARENA_ARRAY(g->arena, 1, struct gr_weights);
    if (!w)
        return b_arena_refused(g->arena, GR_DOMAIN, err);
    *w = (struct gr_weights){.w = transposed(g, a),
                             .b = bias_of(g, a),
                             .w2 = transposed(g, b),
                             .b2 = bias_of(g, b),
                             .dims = {b->dims[0], a->dims[0]}};
    if (!w->w || !w->w2 || !w->b || !w->b2)
        return b_arena_refused(g->arena, GR_DOMAIN, err);
    struct gr_node node = g->nodes[last];
    node.kind = GR_SE;
    node.n_in = 1;
    node.in[0] = x;
    node.n_out = 3;
    node.out[1] = g->nodes[gate].out[0]; /* the factors and the hidden values, for taps */
    node.out[2] = g->nodes[first].out[0];
    node.alpha = g->nodes[gate].alpha;
    node.beta = g->nodes[gate].beta;
    node.keep = last != mul;
    node.weights = w;
    const int inner[] = {n, first, second, gate, mul};
    for (size_t i = 0; i < sizeof inner / sizeof inner[0]; i++)
        gr_kill(g, inner[i]);
    gr_put(g, last, &node);
    return B_OK;
}

static void match_upsample_add(struct eng_graph *g, int n)
{
    const struct gr_node *up = &g->nodes[n];
    int add = gr_sole_user(g, up->out[0], GR_ADD);
    int other = add >= 0 ? gr_other(&g->nodes[add], up->out[0]) : -1;
    if (other < 0 || g->values[other].c || other == up->in[0])
        return;
    struct gr_node node = *up;
    node.out[0] = g->nodes[add].out[0];
    node.residual = other;
    gr_kill(g, n);
    gr_put(g, add, &node);
}

enum b_code gr_fuse_excites(struct eng_graph *g, struct b_err *err)
{
    enum b_code code = B_OK;
    for (int n = 0; n < g->n_nodes && code == B_OK; n++) {
        if (g->nodes[n].kind == GR_MEAN)
            code = match_excite(g, n, err);
        else if (g->nodes[n].kind == GR_UPSAMPLE)
            match_upsample_add(g, n);
    }
    gr_count_uses(g);
    return code;
}
