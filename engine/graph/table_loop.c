/* SPDX-License-Identifier: Apache-2.0 */
/* The decoder loop of SLANet-plus (compact-models 1.6). The ONNX Loop is not interpreted: its weights are
 * recognised by the order and the sizes of the matrix products, and the loop runs as the attention, GRU cell
 * and two heads that it spells out, with the constant product of features and W0 hoisted out of it. */
#include <math.h>
#include <string.h>

#include "engine/graph/graph_private.h"
#include "engine/kernels/kernels.h"
#include "onnx.pb-c.h"

#define TABLE_STEPS 501 /* the loop's own bound */
#define CORNERS 8

/* Constants of the outer network in the order in which the body multiplies or adds them. */
struct found {
    const struct gr_const *products[9], *sums[7];
    int n_products, n_sums;
};

static const struct gr_const *outer(const struct eng_graph *g, const Onnx__GraphProto *body, const char *name)
{
    for (size_t i = 0; i < body->n_node; i++) /* a transposed weight */
        if (body->node[i]->n_output == 1 && body->node[i]->op_type && strcmp(body->node[i]->output[0], name) == 0 &&
            strcmp(body->node[i]->op_type, "Transpose") == 0 && body->node[i]->n_input == 1)
            name = body->node[i]->input[0];
    int v = gr_find_value(g, name);
    return v >= 0 ? g->values[v].c : NULL;
}

static bool sized(const struct gr_const *c, int64_t rows, int64_t cols)
{
    if (!c || !c->f)
        return false;
    if (cols == 0)
        return c->n_dims == 1 && c->dims[0] == rows;
    return c->n_dims == 2 && c->dims[0] == rows && c->dims[1] == cols;
}

static void collect(const struct eng_graph *g, const Onnx__GraphProto *body, struct found *f)
{
    for (size_t i = 0; i < body->n_node; i++) {
        const Onnx__NodeProto *n = body->node[i];
        if (!n->op_type || n->n_input != 2)
            continue;
        const struct gr_const *c = outer(g, body, n->input[1]);
        if (!c || !c->f)
            continue;
        if (strcmp(n->op_type, "MatMul") == 0 && f->n_products < 9)
            f->products[f->n_products++] = c;
        else if (strcmp(n->op_type, "Add") == 0 && f->n_sums < 7)
            f->sums[f->n_sums++] = c;
    }
}

enum b_code gr_read_table_loop(struct eng_graph *g, const Onnx__GraphProto *body, struct gr_table **out,
                               struct b_err *err)
{
    struct found f = {.n_products = 0};
    struct gr_table *t = B_ARENA_ARRAY(g->arena, 1, struct gr_table);
    if (!t)
        return b_arena_refused(g->arena, GR_DOMAIN, err);
    if (body->n_node > 4096)
        return b_fail(err, B_UNSUPPORTED, GR_DOMAIN, "the loop has %zu layers", body->n_node);
    collect(g, body, &f);
    const struct gr_const **w = f.products, **b = f.sums;
    bool ok = f.n_products == 9 && f.n_sums == 7 && w[0]->n_dims == 2 && w[6]->n_dims == 2;
    int64_t F = ok ? w[0]->dims[0] : 0, H = ok ? w[0]->dims[1] : 0, V = ok ? w[6]->dims[1] : 0;
    ok = ok && F > 0 && F <= 4096 && H > 0 && H <= 4096 && V > 1 && V <= 4096;
    ok = ok && sized(w[1], H, H) && sized(w[2], H, 1) && sized(w[3], 3 * H, F + V) && sized(w[4], 3 * H, H) &&
         sized(w[5], H, H) && sized(w[6], H, V) && sized(w[7], H, H) && sized(w[8], H, CORNERS);
    ok = ok && sized(b[0], H, 0) && sized(b[1], 3 * H, 0) && sized(b[2], 3 * H, 0) && sized(b[3], H, 0) &&
         sized(b[4], V, 0) && sized(b[5], H, 0) && sized(b[6], CORNERS, 0);
    if (!ok)
        return b_fail(err, B_UNSUPPORTED, GR_DOMAIN, "the loop is not the table decoder that is known");
    *t = (struct gr_table){.features = (int)F,
                           .hidden = (int)H,
                           .vocabulary = (int)V,
                           .steps = TABLE_STEPS,
                           .w0 = w[0]->f,
                           .w1 = w[1]->f,
                           .b1 = b[0]->f,
                           .w2 = w[2]->f,
                           .wx = w[3]->f,
                           .bx = b[1]->f,
                           .wh = w[4]->f,
                           .bh = b[2]->f,
                           .w3 = w[5]->f,
                           .b3 = b[3]->f,
                           .w4 = w[6]->f,
                           .b4 = b[4]->f,
                           .w5 = w[7]->f,
                           .b5 = b[5]->f,
                           .w6 = w[8]->f,
                           .b6 = b[6]->f};
    *out = t;
    return B_OK;
}

size_t gr_table_scratch(const struct gr_table *t, size_t positions)
{
    size_t H = (size_t)t->hidden, F = (size_t)t->features, V = (size_t)t->vocabulary;
    return positions * H + positions + 2 * H + (F + V) + 6 * H + H + 64;
}

struct state {
    float *k, *score, *q, *h, *x, *gx, *gh, *mid;
};

/* One step: attention over the positions, the GRU cell, both heads. `row` gets the structure logits. */
static void step(const struct gr_table *t, const struct eng_kernels *kn, const float *features, size_t positions,
                 struct state *s, int previous, float *row, float *corners)
{
    size_t H = (size_t)t->hidden, F = (size_t)t->features, V = (size_t)t->vocabulary;
    kn->matmul(s->h, t->w1, t->b1, 1, H, H, s->q);
    kn->tanh_score(s->k, s->q, t->w2, positions, H, s->score);
    kn->softmax(s->score, 1, positions);
    kn->matmul(s->score, features, NULL, 1, positions, F, s->x);
    memset(s->x + F, 0, V * sizeof *s->x);
    s->x[F + (size_t)previous] = 1.0f;
    kn->matvec(t->wx, s->x, t->bx, 3 * H, F + V, s->gx);
    kn->matvec(t->wh, s->h, t->bh, 3 * H, H, s->gh);
    kn->gru(s->gx, s->gh, H, s->h);
    kn->matmul(s->h, t->w3, t->b3, 1, H, H, s->mid);
    kn->matmul(s->mid, t->w4, t->b4, 1, H, V, row);
    kn->matmul(s->h, t->w5, t->b5, 1, H, H, s->mid);
    kn->matmul(s->mid, t->w6, t->b6, 1, H, CORNERS, corners);
    kn->sigmoid(corners, CORNERS);
}

enum b_code gr_table_run(const struct gr_table *t, const float *features, size_t positions, float *corners,
                         float *structure, float *scratch, int *steps, struct b_cancel *cancel, struct b_err *err)
{
    const struct eng_kernels *kn = eng_kernels_best();
    size_t H = (size_t)t->hidden, V = (size_t)t->vocabulary;
    struct state s = {.k = scratch};
    s.score = s.k + positions * H;
    s.q = s.score + positions;
    s.h = s.q + H;
    s.x = s.h + H;
    s.gx = s.x + (size_t)t->features + V;
    s.gh = s.gx + 3 * H;
    s.mid = s.gh + 3 * H;
    kn->matmul(features, t->w0, NULL, positions, (size_t)t->features, H, s.k);
    memset(s.h, 0, H * sizeof *s.h);
    int previous = 0, n = 0;
    while (n < t->steps) {
        enum b_code code = n % 32 == 0 ? b_cancel_check(cancel, err) : B_OK;
        if (code != B_OK)
            return code;
        float *row = structure + (size_t)n * V, p;
        step(t, kn, features, positions, &s, previous, row, corners + (size_t)n * CORNERS);
        previous = (int)kn->argmax(row, V, &p);
        n++;
        if (previous == t->vocabulary - 1) /* end of structure */
            break;
    }
    /* The file's loop leaves one more row, which nothing was written to. */
    if (n < t->steps) {
        memset(structure + (size_t)n * V, 0, V * sizeof *structure);
        memset(corners + (size_t)n * CORNERS, 0, CORNERS * sizeof *corners);
        n++;
    }
    kn->softmax(structure, (size_t)n, V);
    *steps = n;
    return B_OK;
}
