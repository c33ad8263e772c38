/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers, steps and layout changes while a network is lowered. Invariant: a value has at most one buffer per
 * layout; a conversion is a step of its own and happens once. */
#include <string.h>

#include "engine/graph/plan.h"

size_t gr_elements(const struct gr_shape *shape)
{
    size_t n = 1;
    for (int i = 0; i < shape->n_dims; i++)
        n *= (size_t)shape->dims[i];
    return n;
}

struct gr_map gr_map_of(const struct gr_lower *l, int value)
{
    const struct gr_shape *s = &l->plan->shapes[value];
    struct gr_map m = {.n = (size_t)s->dims[0],
                       .c = s->n_dims > 1 ? (size_t)s->dims[1] : 1,
                       .h = s->n_dims > 2 ? (size_t)s->dims[2] : 1,
                       .w = s->n_dims > 3 ? (size_t)s->dims[3] : 1};
    m.blocks = (m.c + l->block - 1) / l->block;
    return m;
}

enum b_code gr_new_buf(struct gr_lower *l, size_t bytes, int *buf)
{
    struct gr_plan *p = l->plan;
    if (bytes > l->budget)
        return b_fail(l->err, B_LIMIT, GR_DOMAIN, "a layer needs %zu bytes, %zu are allowed for all", bytes, l->budget);
    if (p->n_bufs >= p->cap_bufs)
        return b_fail(l->err, B_LIMIT, GR_DOMAIN, "the network needs too many buffers");
    p->bufs[p->n_bufs] = (struct gr_buf){.bytes = (bytes + 63) / 64 * 64, .first = -1, .last = -1, .home = -1};
    *buf = p->n_bufs++;
    return B_OK;
}

enum b_code gr_new_step(struct gr_lower *l, const struct gr_node *node, struct gr_step **step)
{
    struct gr_plan *p = l->plan;
    if (p->n_steps >= p->cap_steps)
        return b_fail(l->err, B_LIMIT, GR_DOMAIN, "the network needs too many steps");
    *step = &p->steps[p->n_steps++];
    **step = (struct gr_step){.node = node, .scratch = -1, .share = -1};
    return B_OK;
}

enum b_code gr_make(struct gr_lower *l, int value, enum gr_layout layout, int *buf)
{
    const struct gr_shape *s = &l->plan->shapes[value];
    size_t n = gr_elements(s);
    if (layout == GR_BLOCKED) {
        struct gr_map m = gr_map_of(l, value);
        n = m.n * m.blocks * l->block * m.h * m.w;
    }
    enum b_code code = gr_new_buf(l, n * sizeof(float), buf);
    if (code == B_OK)
        l->plan->rep[layout][value] = *buf;
    return code;
}

enum b_code gr_get(struct gr_lower *l, int value, enum gr_layout layout, int *buf)
{
    struct gr_plan *p = l->plan;
    enum gr_layout other = layout == GR_PLAIN ? GR_BLOCKED : GR_PLAIN;
    *buf = p->rep[layout][value];
    if (*buf >= 0)
        return B_OK;
    int from = p->rep[other][value];
    struct gr_step *step = NULL;
    if (from < 0 || p->shapes[value].n_dims != 4)
        return b_fail(l->err, B_UNSUPPORTED, GR_DOMAIN, "the value '%.100s' is not a tensor that this layer can read",
                      l->g->values[value].name);
    enum b_code code = gr_make(l, value, layout, buf);
    if (code == B_OK)
        code = gr_new_step(l, NULL, &step);
    if (code != B_OK)
        return code;
    step->run = layout == GR_PLAIN ? gr_run_to_plain : gr_run_to_blocked;
    step->n_in = 1;
    step->in[0] = from;
    step->n_out = 1;
    step->out[0] = *buf;
    step->x = gr_map_of(l, value);
    return B_OK;
}
