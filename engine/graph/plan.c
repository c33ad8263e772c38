/* SPDX-License-Identifier: Apache-2.0 */
/* One planned input shape: infers sizes node by node, lowers to steps, places buffers. */
#include <stdlib.h>
#include <string.h>

#include "engine/graph/plan.h"

#define PLAN_BYTES ((size_t)256 << 20) /* of a plan's own tables; the networks need below 2 MB */

static enum b_code make_tables(const struct eng_graph *g, struct gr_plan *p, struct b_err *err)
{
    size_t values = (size_t)g->n_values;
    p->cap_steps = g->n_nodes * 4 + 16;
    p->cap_bufs = g->n_nodes * 8 + 16;
    if (p->cap_steps > GR_MAX_STEPS)
        return b_fail(err, B_LIMIT, GR_DOMAIN, "the network has %d layers", g->n_nodes);
    p->shapes = B_ARENA_ARRAY(p->arena, values, struct gr_shape);
    p->rep[GR_PLAIN] = B_ARENA_ARRAY(p->arena, values, int);
    p->rep[GR_BLOCKED] = B_ARENA_ARRAY(p->arena, values, int);
    p->bufs = B_ARENA_ARRAY(p->arena, (size_t)p->cap_bufs, struct gr_buf);
    p->steps = B_ARENA_ARRAY(p->arena, (size_t)p->cap_steps, struct gr_step);
    if (!p->shapes || !p->rep[GR_PLAIN] || !p->rep[GR_BLOCKED] || !p->bufs || !p->steps)
        return b_arena_refused(p->arena, GR_DOMAIN, err);
    for (int v = 0; v < g->n_values; v++)
        p->rep[GR_PLAIN][v] = p->rep[GR_BLOCKED][v] = -1;
    for (int i = 0; i < ENG_MAX_OUTPUTS; i++)
        p->outputs[i] = -1;
    return B_OK;
}

static enum b_code set_input(struct gr_lower *l, const int64_t dims[4])
{
    struct gr_shape *s = &l->plan->shapes[l->g->input];
    *s = (struct gr_shape){.known = true, .n_dims = 4};
    for (int i = 0; i < 4; i++) {
        if (dims[i] < 1 || dims[i] > GR_MAX_SIDE)
            return b_fail(l->err, B_ARGUMENT, GR_DOMAIN, "an input side of %lld", (long long)dims[i]);
        s->dims[i] = dims[i];
    }
    if ((double)dims[0] * (double)dims[1] * (double)dims[2] * (double)dims[3] * 4 > (double)l->budget)
        return b_fail(l->err, B_LIMIT, GR_DOMAIN, "the input is larger than the %zu bytes that are allowed", l->budget);
    return gr_make(l, l->g->input, GR_PLAIN, &l->plan->input);
}

static enum b_code set_outputs(struct gr_lower *l)
{
    for (int i = 0; i < l->g->n_outputs; i++) {
        int v = l->g->outputs[i];
        const struct gr_shape *s = &l->plan->shapes[v];
        if (!s->known || s->is_int || s->n_dims > ENG_MAX_DIMS || s->n_dims < 1)
            return b_fail(l->err, B_UNSUPPORTED, GR_DOMAIN, "the output '%.100s' is not a tensor",
                          l->g->values[v].name);
        l->plan->output_shapes[i] = *s;
        enum b_code code = gr_get(l, v, GR_PLAIN, &l->plan->outputs[i]);
        if (code != B_OK)
            return code;
    }
    return B_OK;
}

static enum b_code fill(struct gr_lower *l, const int64_t dims[4])
{
    enum b_code code = make_tables(l->g, l->plan, l->err);
    if (code == B_OK)
        code = set_input(l, dims);
    for (int n = 0; n < l->g->n_nodes && code == B_OK; n++) {
        const struct gr_node *node = &l->g->nodes[n];
        code = gr_infer(l->g, l->plan->shapes, node, l->err);
        if (code == B_OK && !gr_is_folded(l->plan->shapes, node))
            code = gr_lower_node(l, node);
    }
    if (code == B_OK)
        code = set_outputs(l);
    return code == B_OK ? gr_place(l->g, l->plan, l->block, l->budget, l->err) : code;
}

/* Keeps what a run needs, a fifth of what planning needed: plans stay for long, and there are many. */
static enum b_code settle(struct gr_plan *p, struct b_err *err)
{
    const size_t steps = (size_t)p->n_steps * sizeof *p->steps, bufs = (size_t)p->n_bufs * sizeof *p->bufs;
    struct b_arena *arena = b_arena_new(steps + bufs + 64);
    char *kept = arena ? b_arena_alloc(arena, steps + bufs, 64) : NULL;
    if (!kept) {
        b_arena_drop(arena);
        return b_fail(err, B_NO_MEMORY, GR_DOMAIN, "out of memory");
    }
    memcpy(kept, p->steps, steps);
    memcpy(kept + steps, p->bufs, bufs);
    b_arena_drop(p->arena);
    p->arena = arena;
    p->steps = (struct gr_step *)(void *)kept;
    p->bufs = (struct gr_buf *)(void *)(kept + steps);
    p->cap_steps = p->n_steps;
    p->cap_bufs = p->n_bufs;
    p->shapes = NULL;
    p->rep[GR_PLAIN] = p->rep[GR_BLOCKED] = NULL;
    return B_OK;
}

enum b_code gr_plan_new(const struct eng_graph *g, struct eng_dnn *dnn, const int64_t dims[4], size_t budget,
                        struct gr_plan **out, struct b_err *err)
{
    *out = NULL;
    struct gr_plan *plan = calloc(1, sizeof *plan);
    if (plan)
        plan->arena = b_arena_new(PLAN_BYTES);
    if (!plan || !plan->arena) {
        free(plan);
        return b_fail(err, B_NO_MEMORY, GR_DOMAIN, "out of memory");
    }
    memcpy(plan->key, dims, sizeof plan->key);
    struct gr_lower l = {.g = g, .dnn = dnn, .plan = plan, .block = eng_dnn_block(), .budget = budget, .err = err};
    enum b_code code = fill(&l, dims);
    if (code == B_OK && !g->options.keep_inner)
        code = settle(plan, err);
    if (code != B_OK) {
        gr_plan_drop(plan);
        return code;
    }
    *out = plan;
    return B_OK;
}

void gr_plan_drop(struct gr_plan *plan)
{
    if (!plan)
        return;
    for (int i = 0; i < plan->n_steps; i++)
        eng_conv_drop(plan->steps[i].conv);
    b_arena_drop(plan->arena);
    free(plan);
}
