/* SPDX-License-Identifier: Apache-2.0 */
/* Two alignments of formulas: the best assignment, and the cheapest path in order (dynamic programming over truths and
 * predictions, in which a truth may take a run of predictions). Ties are decided as in the protocol: by edits per
 * character, then by fewer inline formulas, then by what was found first. */
#include <stdlib.h>
#include <string.h>

#include "service/bench/distance.h"
#include "service/bench/formula_private_v16.h"
#include "service/bench/rows_v16.h"

#define MAX_RUN 12 /* predictions of one truth */
#define EQUAL 1e-12
#define UNREACHED 1e9

/* A row of a truth with the predictions seq[0..n) (n 0: none). */
static void fill_row(struct bm_mem *mem, const struct bm16_sides *sides, size_t truth, const uint32_t *seq, size_t n,
                   struct bm_row *row)
{
    struct bm_truth **list = BM_ARRAY(mem, 1, struct bm_truth *);
    size_t *numbers = BM_ARRAY(mem, n, size_t);
    struct bm_str *parts = BM_ARRAY(mem, n, struct bm_str), *norms = BM_ARRAY(mem, n, struct bm_str);
    *row = (struct bm_row){.category = "equation_isolated", .edit = 1};
    if (mem->failed)
        return;
    list[0] = &sides->truths[truth];
    row->truths = list;
    row->n_truths = 1;
    row->truth = sides->truth[truth];
    row->norm_truth = sides->norm_truth[truth];
    for (size_t i = 0; i < n; i++) {
        numbers[i] = seq[i];
        parts[i] = sides->pred[seq[i]];
        norms[i] = sides->norm_pred[seq[i]];
    }
    row->preds = numbers;
    row->n_preds = n;
    if (n == 0)
        return;
    row->piece = &sides->pieces[seq[0]];
    row->placed = true;
    row->start = row->piece->start;
    row->pred = n > 1 ? bm16_as_array(mem, parts, n, true) : parts[0];
    row->norm_pred = bm_strip(bm_join(mem, norms, n, " "));
    row->edit = bm_ned(mem, row->norm_truth, row->norm_pred);
}

struct bm_rows bm16_align_pairs(struct bm_mem *mem, const struct bm16_sides *sides)
{
    const size_t nt = sides->n_truths, np = sides->n_preds, all = nt + np;
    struct bm_rows rows = {.at = BM_ARRAY(mem, nt, struct bm_row)};
    double *cost = BM_ARRAY(mem, all * all, double);
    size_t *row = BM_ARRAY(mem, all, size_t), *col = BM_ARRAY(mem, all, size_t);
    if (mem->failed)
        return rows;
    for (size_t i = 0; i < all; i++)
        for (size_t j = 0; j < all; j++)
            cost[i * all + j] = i >= nt && j >= np ? 0
                                : i < nt && j < np ? bm_ned(mem, sides->norm_truth[i], sides->norm_pred[j])
                                                   : 1;
    const size_t pairs = np ? bm_assign(mem, cost, all, all, row, col) : 0;
    for (size_t i = 0; i < nt; i++) {
        uint32_t partner = UINT32_MAX;
        for (size_t k = 0; k < pairs; k++)
            if (row[k] == i && col[k] < np)
                partner = (uint32_t)col[k];
        fill_row(mem, sides, i, &partner, partner != UINT32_MAX, &rows.at[rows.n++]);
    }
    return rows;
}

/* Predictions that may belong to one truth. */
struct run {
    uint32_t at[MAX_RUN];
    uint32_t n;
    struct bm_str norm;
    bool in_text; /* a lone inline formula */
};

struct runs {
    struct run *at;
    size_t n, cap;
};

struct runner {
    struct bm_mem *mem;
    const struct bm16_sides *sides;
    size_t most, span, skips; /* predictions of a run; how far it reaches; how many it may leave out */
    struct runs runs;
};

static bool may_join(const struct bm16_sides *sides, const struct run *run)
{
    bool same = true, display = true;
    for (uint32_t i = 0; i < run->n; i++) {
        same = same && sides->pieces[run->at[i]].found == sides->pieces[run->at[0]].found;
        display = display && sides->pieces[run->at[i]].fine != BM_FINE_INLINE;
    }
    return run->n < 2 || same || (display && run->at[run->n - 1] - run->at[0] + 1 == run->n);
}

static void keep_run(struct runner *r, const struct run *run)
{
    struct bm_str parts[MAX_RUN];
    struct run kept = *run;
    if (!may_join(r->sides, run))
        return;
    for (uint32_t i = 0; i < run->n; i++)
        parts[i] = r->sides->norm_pred[run->at[i]];
    kept.norm = bm_strip(bm_join(r->mem, parts, run->n, " "));
    kept.in_text = run->n == 1 && r->sides->pieces[run->at[0]].fine == BM_FINE_INLINE;
    if (kept.norm.n == 0)
        return;
    if (r->runs.n == r->runs.cap) {
        size_t cap = r->runs.cap ? r->runs.cap : 64;
        struct run *bigger = r->runs.cap ? b_arena_grow(r->mem->arena, r->runs.at, r->runs.n, &cap, sizeof *bigger)
                                         : BM_ARRAY(r->mem, cap, struct run);
        if (!bigger) {
            r->mem->failed = true;
            return;
        }
        r->runs.at = bigger;
        r->runs.cap = cap;
    }
    r->runs.at[r->runs.n++] = kept;
}

/* All runs that begin with this one, shorter ones first. Depth: MAX_RUN. */
static void grow_run(struct runner *r, struct run *run, size_t end, size_t skips)
{
    keep_run(r, run);
    if (run->n == r->most || r->mem->failed)
        return;
    const uint32_t last = run->at[run->n - 1];
    for (uint32_t next = last + 1; next < end && next - last - 1 <= skips; next++) {
        run->at[run->n++] = next;
        grow_run(r, run, end, skips - (next - last - 1));
        run->n--;
    }
}

static struct runner runner_of(struct bm_mem *mem, const struct bm16_sides *sides, bool gaps)
{
    const size_t nt = sides->n_truths, np = sides->n_preds, apart = nt > np ? nt - np : np - nt;
    struct runner r = {.mem = mem, .sides = sides, .most = nt > 1 && apart >= 2 ? 12 : 10};
    r.most = np < r.most ? np : r.most;
    r.span = gaps && r.most + 2 < np ? r.most + 2 : gaps ? np : r.most;
    if (gaps && (apart >= 1 || np >= 4))
        r.skips = apart >= 3 ? 2 : 1;
    return r;
}

struct place {
    double cost;
    size_t edits, longest, in_text;
    size_t from_truth, from_pred;
    const struct run *run; /* NULL: something was left out */
    bool reached;
};

static bool is_better(const struct place *a, const struct place *b)
{
    if (!b->reached)
        return true;
    if (a->cost + EQUAL < b->cost)
        return true;
    if (a->cost > b->cost + EQUAL)
        return false;
    if (a->longest && b->longest) {
        const double x = (double)a->edits * (double)b->longest, y = (double)b->edits * (double)a->longest;
        if (x < y || x > y)
            return x < y;
    } else if (a->longest || b->longest) {
        return a->longest > 0;
    }
    return a->in_text < b->in_text;
}

static void offer(struct place *at, struct place new)
{
    new.reached = true;
    if (is_better(&new, at))
        *at = new;
}

struct table {
    struct place *at;
    size_t width;
};

static void try_runs(struct runner *r, const size_t *first, const struct table *t, size_t i, size_t j)
{
    const struct place here = t->at[i * t->width + j];
    const struct bm_str truth = r->sides->norm_truth[i];
    for (size_t k = first[j]; k < first[j + 1]; k++) {
        const struct run *run = &r->runs.at[k];
        const size_t longest = truth.n > run->norm.n ? truth.n : run->norm.n;
        const size_t edits = bm_levenshtein(r->mem, truth, run->norm);
        struct place next = {here.cost + (longest ? (double)edits / (double)longest : 0),
                             here.edits + edits,
                             here.longest + longest,
                             here.in_text + run->in_text,
                             i,
                             j,
                             run,
                             true};
        offer(&t->at[(i + 1) * t->width + run->at[run->n - 1] + 1], next);
    }
}

bool bm16_align_in_order(struct bm_mem *mem, const struct bm16_sides *sides, bool gaps, struct bm_rows *out)
{
    const size_t nt = sides->n_truths, np = sides->n_preds;
    struct runner r = runner_of(mem, sides, gaps);
    struct table t = {BM_ARRAY(mem, (nt + 1) * (np + 1), struct place), np + 1};
    size_t *first = BM_ARRAY(mem, np + 1, size_t);
    *out = (struct bm_rows){.at = BM_ARRAY(mem, nt, struct bm_row)};
    if (nt == 0 || np == 0 || mem->failed)
        return false;
    for (size_t j = 0; j < np; j++) {
        struct run run = {.at = {(uint32_t)j}, .n = 1};
        first[j] = r.runs.n;
        grow_run(&r, &run, j + r.span < np ? j + r.span : np, r.skips);
    }
    first[np] = r.runs.n;
    t.at[0].reached = true;
    for (size_t i = 0; i <= nt && !mem->failed; i++)
        for (size_t j = 0; j <= np; j++) {
            const struct place here = t.at[i * t.width + j];
            struct place next = {here.cost + 1, here.edits, here.longest, here.in_text, i, j, NULL, true};
            if (!here.reached)
                continue;
            if (j < np)
                offer(&t.at[i * t.width + j + 1], next);
            if (i < nt)
                offer(&t.at[(i + 1) * t.width + j], next);
            if (i < nt && j < np)
                try_runs(&r, first, &t, i, j);
        }
    for (size_t i = nt, j = np; (i || j) && !mem->failed;) {
        const struct place *p = &t.at[i * t.width + j];
        if (i > p->from_truth)
            fill_row(mem, sides, p->from_truth, p->run ? p->run->at : NULL, p->run ? p->run->n : 0,
                          &out->at[p->from_truth]);
        i = p->from_truth;
        j = p->from_pred;
    }
    out->n = nt;
    return !mem->failed;
}
