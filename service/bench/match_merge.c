/* SPDX-License-Identifier: Apache-2.0 */
/* Merging of predictions: a truth that no single prediction fits may have been cut into neighbouring ones.
 * For each such truth the best run of predictions is found; where runs of different truths overlap, a set of
 * disjoint runs with low mean cost is chosen. */
#include <math.h>

#include "service/bench/match_private.h"

#define CERTAIN 0.25
#define INSIDE 0.6
#define MAX_MERGED 160 /* predictions of one run */

struct run {
    size_t from, to;
    double cost;
    size_t rank; /* order of discovery */
};

struct merge {
    struct bm_mem *mem;
    const struct bm_str *truths, *preds;
    size_t n_truths, n_preds;
    bool *frozen; /* predictions with a certain partner */
};

double *bm_cost_matrix(struct bm_mem *mem, const struct bm_str *rows, size_t n_rows, const struct bm_str *cols,
                       size_t n_cols)
{
    double *cost = BM_ARRAY(mem, n_rows * n_cols, double);
    for (size_t i = 0; cost && i < n_rows; i++)
        for (size_t j = 0; j < n_cols; j++)
            cost[i * n_cols + j] = bm_ned(mem, rows[i], cols[j]);
    return cost;
}

/* The longest run from `from` that keeps coming closer to the truth, every piece lying inside it. */
static struct run best_run_from(struct merge *m, struct bm_str truth, size_t from)
{
    struct run run = {from, from + 1, bm_ned(m->mem, truth, m->preds[from]), 0};
    bool first_inside = false, tested = false;
    struct bm_out joined = bm_out_on(m->mem);
    bm_put(&joined, m->preds[from]);
    while (run.to < m->n_preds && run.to - run.from < MAX_MERGED && !m->frozen[run.to]) {
        struct bm_str next = m->preds[run.to];
        if (next.n > truth.n || m->preds[from].n > truth.n)
            break;
        size_t length = joined.n;
        bm_putc(&joined, ' ');
        bm_put(&joined, next);
        double cost = bm_ned(m->mem, truth, bm_taken(&joined));
        if (!tested && cost <= run.cost) {
            first_inside = bm_fits_inside(m->mem, truth, m->preds[from], INSIDE, true);
            tested = true;
        }
        if (cost > run.cost || !first_inside || !bm_fits_inside(m->mem, truth, next, INSIDE, false)) {
            joined.n = length;
            break;
        }
        run.to++;
        run.cost = cost;
        if (joined.n > truth.n)
            break;
    }
    return run;
}

static bool overlap(const struct run *a, const struct run *b)
{
    return a->from < b->to && b->from < a->to;
}

/* A set of runs that do not overlap, grown in order. */
struct path {
    struct run *runs;
    size_t n;
};

/* Puts the run into the path where it fits; returns whether the path needs no sibling for it. */
static bool offer(struct path *path, const struct run *run)
{
    bool clash = false, same = false;
    for (size_t i = 0; i < path->n; i++) {
        struct run *at = &path->runs[i];
        if (at->from == run->from && at->to == run->to) {
            clash = same = true;
            if (at->cost > run->cost) {
                for (size_t k = i; k + 1 < path->n; k++)
                    path->runs[k] = path->runs[k + 1];
                path->runs[path->n - 1] = *run;
            }
        } else if (overlap(at, run)) {
            clash = true;
        }
    }
    if (!clash)
        path->runs[path->n++] = *run;
    return !clash || same;
}

static void choose_in_group(struct bm_mem *mem, const struct run *runs, size_t n, size_t *owner)
{
    struct path *paths = BM_ARRAY(mem, n, struct path);
    size_t n_paths = 0;
    if (!paths)
        return;
    for (size_t i = 0; i < n; i++) {
        bool placed = false;
        for (size_t p = 0; p < n_paths; p++)
            placed = offer(&paths[p], &runs[i]) || placed;
        if (placed)
            continue;
        paths[n_paths].runs = BM_ARRAY(mem, n, struct run);
        if (!paths[n_paths].runs)
            return;
        paths[n_paths].runs[0] = runs[i];
        paths[n_paths++].n = 1;
    }
    const struct path *best = NULL;
    double lowest = INFINITY;
    for (size_t p = 0; p < n_paths; p++) {
        double sum = 0;
        for (size_t i = 0; i < paths[p].n; i++)
            sum += paths[p].runs[i].cost;
        if (sum / (double)paths[p].n < lowest) {
            lowest = sum / (double)paths[p].n;
            best = &paths[p];
        }
    }
    for (size_t i = 0; best && i < best->n; i++)
        for (size_t j = best->runs[i].from; j < best->runs[i].to; j++)
            owner[j] = best->runs[i].from;
}

/* Runs sorted by their start; a group ends where the next run touches none of its members. */
static void choose(struct bm_mem *mem, struct run *runs, size_t n, size_t *owner)
{
    for (size_t from = 0; from < n;) {
        size_t to = from + 1, reach = runs[from].to;
        while (to < n && runs[to].from < reach) {
            reach = runs[to].to > reach ? runs[to].to : reach;
            to++;
        }
        choose_in_group(mem, runs + from, to - from, owner);
        from = to;
    }
}

static void sort_runs(struct bm_mem *mem, struct run *runs, size_t n, size_t n_preds)
{
    /* Counting sort: starts are small numbers, and equal ones must keep their order. */
    size_t *place = BM_ARRAY(mem, n_preds + 2, size_t);
    struct run *sorted = BM_ARRAY(mem, n, struct run);
    if (!place || !sorted)
        return;
    for (size_t i = 0; i < n; i++)
        place[runs[i].from + 1]++;
    for (size_t j = 0; j <= n_preds; j++)
        place[j + 1] += place[j];
    for (size_t i = 0; i < n; i++)
        sorted[place[runs[i].from]++] = runs[i];
    for (size_t i = 0; i < n; i++)
        runs[i] = sorted[i];
}

size_t bm_group_predictions(struct bm_mem *mem, const double *cost, const struct bm_str *truths, size_t n_truths,
                            const struct bm_str *preds, size_t n_preds, size_t *owner)
{
    struct merge m = {mem, truths, preds, n_truths, n_preds, BM_ARRAY(mem, n_preds, bool)};
    struct run *runs = BM_ARRAY(mem, n_truths, struct run);
    size_t n = 0, groups = 0;
    for (size_t j = 0; j < n_preds; j++)
        owner[j] = j;
    if (mem->failed)
        return n_preds;
    for (size_t i = 0; i < n_truths; i++)
        for (size_t j = 0; j < n_preds; j++)
            m.frozen[j] = m.frozen[j] || cost[i * n_preds + j] < CERTAIN;
    for (size_t i = 0; i < n_truths; i++) {
        bool certain = false;
        struct run best = {0, 0, INFINITY, 0};
        for (size_t j = 0; j < n_preds && !certain; j++)
            certain = cost[i * n_preds + j] < CERTAIN;
        for (size_t j = 0; j < n_preds && !certain; j++) {
            if (m.frozen[j])
                continue;
            struct run run = best_run_from(&m, truths[i], j);
            if (run.cost < best.cost)
                best = run;
        }
        if (best.to > best.from)
            runs[n++] = best;
    }
    sort_runs(mem, runs, n, n_preds);
    choose(mem, runs, n, owner);
    /* owner holds the first member of each group: number the groups. */
    size_t first = BM_NONE;
    for (size_t j = 0; j < n_preds; j++) {
        size_t own = owner[j];
        if (own != first || own == j)
            groups++;
        first = own;
        owner[j] = groups - 1;
    }
    return groups;
}
