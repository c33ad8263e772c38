/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a network: a bounded cache of plans by input shape over one block of memory that all of them use in
 * turn, and other runners while this one rests. Invariant: when a plan is chosen the block is large enough for it. */
#include <stdlib.h>
#include <string.h>

#include "engine/graph/activations.h"
#include "engine/graph/plan.h"

#define DEFAULT_PLANS 48
#define MAX_PLANS 4096
#define DEFAULT_BYTES ((size_t)2 << 30)

struct eng_runner {
    const struct eng_graph *graph;
    struct eng_runner_options options;
    struct eng_dnn *dnn;
    struct gr_plan **plans;
    int n_plans;
    struct gr_plan *current;
    uint64_t clock;
    struct gr_block block; /* empty while it rests */
    bool ran; /* current has been run: taps are valid */
};

enum b_code eng_runner_new(const struct eng_graph *graph, const struct eng_runner_options *options,
                           struct eng_runner **out, struct b_err *err)
{
    *out = NULL;
    struct eng_runner *r = calloc(1, sizeof *r);
    if (!r)
        return b_fail(err, B_NO_MEMORY, GR_DOMAIN, "out of memory");
    r->graph = graph;
    if (options)
        r->options = *options;
    if (r->options.threads < 1)
        r->options.threads = 1;
    if (r->options.max_plans < 1)
        r->options.max_plans = DEFAULT_PLANS;
    if (r->options.max_plans > MAX_PLANS)
        r->options.max_plans = MAX_PLANS;
    if (r->options.memory_bytes == 0)
        r->options.memory_bytes = DEFAULT_BYTES;
    r->plans = calloc((size_t)r->options.max_plans, sizeof(struct gr_plan *));
    enum b_code code = r->plans ? eng_dnn_new(&r->dnn, err) : b_fail(err, B_NO_MEMORY, GR_DOMAIN, "out of memory");
    if (code != B_OK) {
        eng_runner_drop(r);
        return code;
    }
    *out = r;
    return B_OK;
}

void eng_runner_drop(struct eng_runner *runner)
{
    if (!runner)
        return;
    for (int i = 0; i < runner->n_plans; i++)
        gr_plan_drop(runner->plans[i]);
    free(runner->plans);
    eng_dnn_drop(runner->dnn);
    gr_block_give(runner->graph->memory, &runner->block);
    free(runner);
}

void eng_runner_set_threads(struct eng_runner *runner, int threads)
{
    runner->options.threads = threads < 1 ? 1 : threads;
}

static enum b_code ensure_bytes(struct eng_runner *r, size_t bytes, struct b_err *err)
{
    if (bytes <= r->block.bytes)
        return B_OK;
    gr_block_give(r->graph->memory, &r->block);
    return gr_block_take(r->graph->memory, bytes, &r->block, err);
}

void eng_runner_rest(struct eng_runner *runner)
{
    runner->current = NULL;
    runner->ran = false;
    gr_block_give(runner->graph->memory, &runner->block);
}

static struct gr_plan *find_plan(const struct eng_runner *r, const int64_t dims[4])
{
    for (int i = 0; i < r->n_plans; i++)
        if (memcmp(r->plans[i]->key, dims, sizeof r->plans[i]->key) == 0 && r->plans[i]->threads == r->options.threads)
            return r->plans[i];
    return NULL;
}

/* A place for one more plan: a free one, or that of the plan unused for longest. */
static struct gr_plan **place_for_plan(struct eng_runner *r)
{
    if (r->n_plans < r->options.max_plans)
        return &r->plans[r->n_plans++];
    struct gr_plan **oldest = &r->plans[0];
    for (int i = 1; i < r->n_plans; i++)
        if (r->plans[i]->used < (*oldest)->used)
            oldest = &r->plans[i];
    gr_plan_drop(*oldest);
    return oldest;
}

enum b_code eng_runner_input(struct eng_runner *runner, const int64_t dims[4], float **input, struct b_err *err)
{
    *input = NULL;
    runner->current = NULL;
    runner->ran = false;
    struct gr_plan *plan = find_plan(runner, dims);
    enum b_code code = B_OK;
    if (!plan) {
        eng_dnn_set_threads(runner->options.threads);
        code = gr_plan_new(runner->graph, runner->dnn, dims, runner->options.memory_bytes, &plan, err);
        eng_dnn_rest();
        if (code == B_OK) {
            plan->threads = runner->options.threads;
            *place_for_plan(runner) = plan;
        }
    }
    if (code == B_OK)
        code = ensure_bytes(runner, plan->bytes, err);
    if (code != B_OK)
        return code;
    plan->used = ++runner->clock;
    runner->current = plan;
    *input = (float *)(void *)(runner->block.base + plan->bufs[plan->input].offset);
    return B_OK;
}

static void set_output(const struct eng_runner *r, const struct gr_run *run, int i, struct eng_tensor *out)
{
    const struct gr_plan *plan = r->current;
    int v = r->graph->outputs[i];
    const struct gr_shape *s = &plan->output_shapes[i];
    *out = (struct eng_tensor){.data = gr_at(run, plan->outputs[i]), .n_dims = s->n_dims};
    memcpy(out->dims, s->dims, sizeof out->dims);
    int producer = r->graph->values[v].producer;
    if (producer >= 0 && r->graph->nodes[producer].kind == GR_TABLE)
        out->dims[1] = run->table_steps;
}

enum b_code eng_runner_run(struct eng_runner *runner, struct eng_tensor outputs[ENG_MAX_OUTPUTS],
                           struct b_cancel *cancel, struct b_err *err)
{
    const struct gr_plan *plan = runner->current;
    if (!plan)
        return b_fail(err, B_ARGUMENT, GR_DOMAIN, "a run without an input");
    struct gr_run run = {.dnn = runner->dnn,
                         .kernels = eng_kernels_best(),
                         .base = runner->block.base,
                         .bufs = plan->bufs,
                         .cancel = cancel,
                         .block = eng_dnn_block(),
                         .threads = plan->threads};
    enum b_code code = B_OK;
    eng_dnn_set_threads(plan->threads);
    for (int i = 0; i < plan->n_steps && code == B_OK; i++) {
        code = b_cancel_check(cancel, err);
        if (code == B_OK)
            code = plan->steps[i].run(&run, &plan->steps[i], err);
    }
    eng_dnn_rest();
    if (code != B_OK)
        return code;
    for (int i = 0; i < runner->graph->n_outputs; i++)
        set_output(runner, &run, i, &outputs[i]);
    runner->ran = true;
    return B_OK;
}

/* Row-major copy of a blocked map. */
static void unblock(const float *src, const struct gr_shape *s, size_t b, float *dst)
{
    size_t c_all = (size_t)s->dims[1], hw = (size_t)s->dims[2] * (size_t)s->dims[3], blocks = (c_all + b - 1) / b;
    for (size_t n = 0; n < (size_t)s->dims[0]; n++)
        for (size_t c = 0; c < c_all; c++)
            for (size_t p = 0; p < hw; p++)
                *dst++ = src[((n * blocks + c / b) * hw + p) * b + c % b];
}

enum b_code eng_runner_tap(struct eng_runner *runner, const char *name, float *values, size_t max, size_t *count,
                           struct b_err *err)
{
    const struct eng_graph *g = runner->graph;
    const struct gr_plan *plan = runner->current;
    *count = 0;
    if (!plan || !runner->ran || !g->options.keep_inner)
        return b_fail(err, B_ARGUMENT, GR_DOMAIN, "inner values exist after a run of a network loaded with keep_inner");
    int v = gr_resolve(g, gr_find_value(g, name));
    int plain = v >= 0 ? plan->rep[GR_PLAIN][v] : -1, blocked = v >= 0 ? plan->rep[GR_BLOCKED][v] : -1;
    if (plain < 0 && blocked < 0)
        return b_fail(err, B_NOT_FOUND, GR_DOMAIN, "the fused network does not compute '%.100s'", name);
    const struct gr_shape *s = &plan->shapes[v];
    size_t n = gr_elements(s);
    if (n > max)
        return b_fail(err, B_ARGUMENT, GR_DOMAIN, "'%.100s' has %zu elements", name, n);
    const char *at = runner->block.base + plan->bufs[plain >= 0 ? plain : blocked].offset;
    if (plain >= 0)
        memcpy(values, at, n * sizeof *values);
    else
        unblock((const float *)(const void *)at, s, eng_dnn_block(), values);
    *count = n;
    return B_OK;
}
