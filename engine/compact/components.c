/* SPDX-License-Identifier: Apache-2.0 */
/* Run-based component labelling: one pass makes runs and joins each with the runs it touches in the row
 * above (union-find, the smaller index is the root), a counting sort then groups the runs. Invariant: the
 * result depends on the map alone, and every pixel is visited a constant number of times. */
#include "engine/compact/components.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Pixels tested at once for "nothing here": most of a page is empty. */
#define SKIP_BLOCK 16

struct labelling {
    struct eng_run *runs;
    uint32_t *parent;
    size_t count, capacity;
};

static enum b_code push_run(struct labelling *l, struct eng_run run, struct b_err *err)
{
    if (l->count == l->capacity) {
        size_t capacity = l->capacity ? l->capacity * 2 : 4096;
        struct eng_run *runs = realloc(l->runs, capacity * sizeof *runs);
        if (runs)
            l->runs = runs;
        uint32_t *parent = runs ? realloc(l->parent, capacity * sizeof *parent) : NULL;
        if (!parent)
            return b_fail(err, B_NO_MEMORY, "detector", "no memory for %zu runs of text pixels", capacity);
        l->parent = parent;
        l->capacity = capacity;
    }
    l->runs[l->count] = run;
    l->parent[l->count] = (uint32_t)l->count;
    l->count++;
    return B_OK;
}

static uint32_t root_of(uint32_t *parent, uint32_t i)
{
    while (parent[i] != i) {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    return i;
}

static void join(uint32_t *parent, uint32_t a, uint32_t b)
{
    a = root_of(parent, a);
    b = root_of(parent, b);
    if (a < b)
        parent[b] = a;
    else
        parent[a] = b;
}

static bool block_is_empty(const float *p, float level)
{
    int any = 0;
    for (int i = 0; i < SKIP_BLOCK; i++)
        any |= p[i] > level;
    return !any;
}

static enum b_code scan_row(struct labelling *l, const float *row, int width, int y, float level, struct b_err *err)
{
    int x = 0;
    while (x < width) {
        if (!(row[x] > level)) {
            if (x + SKIP_BLOCK <= width && block_is_empty(row + x, level))
                x += SKIP_BLOCK;
            else
                x++;
            continue;
        }
        struct eng_run run = {y, x, x, 0.0f};
        while (x < width && row[x] > level)
            run.sum += fminf(row[x++], 1.0f);
        run.x1 = x;
        enum b_code code = push_run(l, run, err);
        if (code != B_OK)
            return code;
    }
    return B_OK;
}

/* Joins the runs [mid, end) of a row with the runs [from, mid) of the row above. */
static void join_rows(struct labelling *l, size_t from, size_t mid, size_t end)
{
    size_t above = from;
    for (size_t i = mid; i < end; i++) {
        while (above < mid && l->runs[above].x1 < l->runs[i].x0)
            above++;
        for (size_t j = above; j < mid && l->runs[j].x0 <= l->runs[i].x1; j++)
            join(l->parent, (uint32_t)i, (uint32_t)j);
    }
}

static void add_run(struct eng_component *c, const struct eng_run *run)
{
    if (c->count == 0) {
        c->x0 = run->x0;
        c->x1 = run->x1;
        c->y0 = run->y;
    }
    c->count++;
    c->area += (uint64_t)(run->x1 - run->x0);
    c->sum += (double)run->sum;
    c->x0 = run->x0 < c->x0 ? run->x0 : c->x0;
    c->x1 = run->x1 > c->x1 ? run->x1 : c->x1;
    c->y1 = run->y + 1;
}

/* Numbers the components by first appearance and sorts the runs by component, keeping their order. */
static enum b_code group(struct labelling *l, struct eng_components *out, struct b_err *err)
{
    size_t n = l->count, count = 0;
    for (size_t i = 0; i < n; i++)
        count += l->parent[i] == i;
    out->items = calloc(count ? count : 1, sizeof *out->items);
    out->runs = malloc((n ? n : 1) * sizeof *out->runs);
    if (!out->items || !out->runs)
        return b_fail(err, B_NO_MEMORY, "detector", "no memory for %zu components", count);
    /* Roots come before their members, so one pass turns parents into component numbers. */
    uint32_t next = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t up = l->parent[i];
        l->parent[i] = up == i ? next++ : l->parent[up];
        add_run(&out->items[l->parent[i]], &l->runs[i]);
    }
    size_t at = 0;
    for (size_t c = 0; c < count; c++) {
        out->items[c].first = at;
        at += out->items[c].count;
        out->items[c].count = 0;
    }
    for (size_t i = 0; i < n; i++) {
        struct eng_component *c = &out->items[l->parent[i]];
        out->runs[c->first + c->count++] = l->runs[i];
    }
    out->count = count;
    return B_OK;
}

enum b_code eng_components_find(struct eng_map map, float level, struct eng_components *out, struct b_err *err)
{
    struct labelling l = {NULL, NULL, 0, 0};
    enum b_code code = B_OK;
    size_t from = 0;
    memset(out, 0, sizeof *out);
    for (int y = 0; y < map.height; y++) {
        size_t mid = l.count;
        code = scan_row(&l, map.prob + (size_t)y * map.stride, map.width, y, level, err);
        if (code != B_OK)
            goto out;
        join_rows(&l, from, mid, l.count);
        from = mid;
    }
    for (size_t i = 0; i < l.count; i++)
        l.parent[i] = root_of(l.parent, (uint32_t)i);
    code = group(&l, out, err);
out:
    free(l.runs);
    free(l.parent);
    if (code != B_OK)
        eng_components_free(out);
    return code;
}

void eng_components_free(struct eng_components *components)
{
    free(components->runs);
    free(components->items);
    memset(components, 0, sizeof *components);
}
