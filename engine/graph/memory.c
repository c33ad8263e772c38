/* SPDX-License-Identifier: Apache-2.0 */
/* Where buffers live. Backwards over the steps, an input moves into the output's place if the step can work in
 * place and nobody needs the input later, or into its slice of a concatenation; then every remaining buffer
 * gets the lowest place that is free during its life, largest first. Invariant: two buffers that are alive at
 * the same step overlap only if one is the other's home at that place. */
#include <stdlib.h>

#include "engine/graph/plan.h"

static void touch(struct gr_buf *b, int step)
{
    if (b->first < 0)
        b->first = step;
    if (b->last < step)
        b->last = step;
}

static void find_lives(struct gr_plan *p, bool keep)
{
    for (int i = 0; i < p->n_steps; i++) {
        const struct gr_step *s = &p->steps[i];
        for (int k = 0; k < s->n_in; k++)
            touch(&p->bufs[s->in[k]], i);
        for (int k = 0; k < s->n_out; k++)
            touch(&p->bufs[s->out[k]], i);
        if (s->scratch >= 0)
            touch(&p->bufs[s->scratch], i);
    }
    p->bufs[p->input].first = 0;
    p->bufs[p->input].fixed = true;
    for (int i = 0; i < ENG_MAX_OUTPUTS; i++)
        if (p->outputs[i] >= 0) {
            touch(&p->bufs[p->outputs[i]], p->n_steps);
            p->bufs[p->outputs[i]].fixed = true;
        }
    for (int i = 0; keep && i < p->n_bufs; i++) {
        touch(&p->bufs[i], p->n_steps);
        p->bufs[i].first = 0;
    }
}

/* `buf` may move into `home` only if whoever works in place on home, or on what home lives in, comes after
 * the last reader of buf. */
static bool outlived(const struct gr_plan *p, int buf, int home)
{
    for (int h = home; h >= 0; h = p->bufs[h].home)
        if (p->bufs[h].taken && p->bufs[buf].last >= p->bufs[h].last)
            return false;
    return true;
}

static int times_read(const struct gr_step *s, int buf)
{
    int n = 0;
    for (int k = 0; k < s->n_in; k++)
        n += s->in[k] == buf;
    return n;
}

static void share_place(struct gr_plan *p, int at, bool keep)
{
    struct gr_step *s = &p->steps[at];
    if (s->share < 0)
        return;
    struct gr_buf *in = &p->bufs[s->in[s->share]];
    s->copy = keep || in->fixed || in->home >= 0 || in->last != at || times_read(s, s->in[s->share]) != 1 ||
              in->bytes != p->bufs[s->out[0]].bytes;
    if (s->copy)
        return;
    in->home = s->out[0];
    in->home_offset = 0;
    in->taken = true;
}

static void concat_place(struct gr_plan *p, const struct gr_step *s, const size_t *channels, size_t block)
{
    size_t at = 0, hw = s->y.h * s->y.w;
    for (int k = 0; k < s->n_in; k++, at += channels[k]) {
        struct gr_buf *in = &p->bufs[s->in[k]];
        if (at % block != 0 || (channels[k] % block != 0 && k + 1 < s->n_in))
            return;
        if (in->fixed || in->home >= 0 || times_read(s, s->in[k]) != 1 || !outlived(p, s->in[k], s->out[0]))
            continue;
        in->home = s->out[0];
        in->home_offset = at * hw * sizeof(float);
    }
}

static void find_homes(const struct eng_graph *g, struct gr_plan *p, size_t block)
{
    bool keep = g->options.keep_inner;
    for (int i = p->n_steps - 1; i >= 0; i--) {
        const struct gr_step *s = &p->steps[i];
        share_place(p, i, keep);
        if (s->run == gr_run_concat && s->y.n == 1) {
            size_t channels[GR_MAX_IN];
            for (int k = 0; k < s->n_in; k++)
                channels[k] = (size_t)p->shapes[s->node->in[k]].dims[1];
            concat_place(p, s, channels, block);
        }
    }
}

static int root_of(const struct gr_plan *p, int buf, size_t *offset)
{
    *offset = 0;
    while (p->bufs[buf].home >= 0) {
        *offset += p->bufs[buf].home_offset;
        buf = p->bufs[buf].home;
    }
    return buf;
}

struct order {
    size_t bytes;
    int buf;
};

static int by_size(const void *a, const void *b)
{
    const struct order *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x->buf < y->buf ? -1 : 1;
}

/* Gives `buf` the lowest place that meets none of the placed buffers alive at the same time. `placed` is kept in
 * the order of places, so one walk over it finds the first gap. */
static void first_fit(struct gr_plan *p, int *placed, int n, int buf)
{
    struct gr_buf *b = &p->bufs[buf];
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        const struct gr_buf *o = &p->bufs[placed[i]];
        if (o->last < b->first || b->last < o->first)
            continue;
        if (at + b->bytes <= o->offset)
            break;
        at = o->offset + o->bytes > at ? o->offset + o->bytes : at;
    }
    b->offset = at;
    int to = n;
    for (; to > 0 && p->bufs[placed[to - 1]].offset > at; to--)
        placed[to] = placed[to - 1];
    placed[to] = buf;
}

enum b_code gr_place(const struct eng_graph *g, struct gr_plan *p, size_t block, size_t budget, struct b_err *err)
{
    find_lives(p, g->options.keep_inner);
    find_homes(g, p, block);
    struct order *order = b_arena_array(p->arena, (size_t)p->n_bufs + 1, sizeof *order);
    int *placed = B_ARENA_ARRAY(p->arena, (size_t)p->n_bufs + 1, int);
    if (!order || !placed)
        return b_arena_refused(p->arena, GR_DOMAIN, err);
    int n = 0;
    for (int i = 0; i < p->n_bufs; i++) {
        size_t offset;
        int root = root_of(p, i, &offset);
        if (root == i) {
            order[n++] = (struct order){p->bufs[i].bytes, i};
            continue;
        }
        if (p->bufs[i].first >= 0 && p->bufs[i].first < p->bufs[root].first)
            p->bufs[root].first = p->bufs[i].first;
        if (p->bufs[i].last > p->bufs[root].last)
            p->bufs[root].last = p->bufs[i].last;
    }
    qsort(order, (size_t)n, sizeof *order, by_size);
    p->bytes = 0;
    for (int i = 0; i < n; i++) {
        const struct gr_buf *b = &p->bufs[order[i].buf];
        first_fit(p, placed, i, order[i].buf);
        size_t end = b->offset + b->bytes;
        if (end > budget)
            return b_fail(err, B_LIMIT, GR_DOMAIN, "this input size needs more than the %zu bytes that are allowed",
                          budget);
        p->bytes = end > p->bytes ? end : p->bytes;
    }
    for (int i = 0; i < p->n_bufs; i++) {
        size_t offset;
        int root = root_of(p, i, &offset);
        p->bufs[i].offset = p->bufs[root].offset + offset;
    }
    return B_OK;
}
