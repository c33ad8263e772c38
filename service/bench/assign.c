/* SPDX-License-Identifier: Apache-2.0 */
/* Rectangular assignment by shortest augmenting paths (Jonker and Volgenant 1987; Crouse 2016). The order in
 * which columns are looked at is part of the contract: costs of unrelated strings are all 1, and the scores
 * of the field depend on how such ties fall. */
#include <math.h>

#include "service/bench/distance.h"

struct paths {
    const double *cost;
    size_t rows, cols; /* rows <= cols */
    double *row_price, *col_price, *shortest;
    size_t *from, *row_of, *col_of, *remaining;
    bool *row_seen, *col_seen;
};

static bool make_paths(struct bm_mem *mem, struct paths *p)
{
    p->row_price = BM_ARRAY(mem, p->rows, double);
    p->col_price = BM_ARRAY(mem, p->cols, double);
    p->shortest = BM_ARRAY(mem, p->cols, double);
    p->from = BM_ARRAY(mem, p->cols, size_t);
    p->row_of = BM_ARRAY(mem, p->cols, size_t);
    p->col_of = BM_ARRAY(mem, p->rows, size_t);
    p->remaining = BM_ARRAY(mem, p->cols, size_t);
    p->row_seen = BM_ARRAY(mem, p->rows, bool);
    p->col_seen = BM_ARRAY(mem, p->cols, bool);
    if (mem->failed)
        return false;
    for (size_t j = 0; j < p->cols; j++)
        p->row_of[j] = BM_NONE;
    for (size_t i = 0; i < p->rows; i++)
        p->col_of[i] = BM_NONE;
    return true;
}

/* Grows the tree of shortest paths from `row` until it reaches a free column. */
static size_t reach_free(struct paths *p, size_t row, double *length)
{
    size_t left = p->cols, sink = BM_NONE, i = row;
    double base = 0;
    for (size_t j = 0; j < p->cols; j++) {
        p->remaining[j] = p->cols - j - 1;
        p->col_seen[j] = false;
        p->shortest[j] = INFINITY;
    }
    for (size_t k = 0; k < p->rows; k++)
        p->row_seen[k] = false;
    while (sink == BM_NONE) {
        size_t best = BM_NONE;
        double lowest = INFINITY;
        p->row_seen[i] = true;
        for (size_t k = 0; k < left; k++) {
            size_t j = p->remaining[k];
            double r = base + p->cost[i * p->cols + j] - p->row_price[i] - p->col_price[j];
            if (r < p->shortest[j]) {
                p->from[j] = i;
                p->shortest[j] = r;
            }
            bool equal = !(p->shortest[j] < lowest) && !(p->shortest[j] > lowest);
            if (p->shortest[j] < lowest || (equal && p->row_of[j] == BM_NONE)) {
                lowest = p->shortest[j];
                best = k;
            }
        }
        if (best == BM_NONE)
            return BM_NONE;
        base = lowest;
        size_t j = p->remaining[best];
        if (p->row_of[j] == BM_NONE)
            sink = j;
        else
            i = p->row_of[j];
        p->col_seen[j] = true;
        p->remaining[best] = p->remaining[--left];
    }
    *length = base;
    return sink;
}

static bool solve(struct paths *p)
{
    for (size_t row = 0; row < p->rows; row++) {
        double length = 0;
        size_t j = reach_free(p, row, &length);
        if (j == BM_NONE)
            return false;
        p->row_price[row] += length;
        for (size_t i = 0; i < p->rows; i++)
            if (p->row_seen[i] && i != row)
                p->row_price[i] += length - p->shortest[p->col_of[i]];
        for (size_t k = 0; k < p->cols; k++)
            if (p->col_seen[k])
                p->col_price[k] -= length - p->shortest[k];
        for (size_t i = BM_NONE; i != row;) {
            i = p->from[j];
            p->row_of[j] = i;
            size_t next = p->col_of[i];
            p->col_of[i] = j;
            j = next;
        }
    }
    return true;
}

size_t bm_assign(struct bm_mem *mem, const double *cost, size_t rows, size_t cols, size_t *to_row, size_t *to_col)
{
    struct paths p = {.cost = cost, .rows = rows, .cols = cols};
    if (rows == 0 || cols == 0)
        return 0;
    if (cols < rows) {
        double *turned = BM_ARRAY(mem, rows * cols, double);
        if (!turned)
            return 0;
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < cols; j++)
                turned[j * rows + i] = cost[i * cols + j];
        p = (struct paths){.cost = turned, .rows = cols, .cols = rows};
    }
    if (!make_paths(mem, &p) || !solve(&p))
        return 0;
    size_t n = 0;
    for (size_t i = 0; i < rows; i++) {
        size_t j = cols < rows ? p.row_of[i] : p.col_of[i];
        if (j == BM_NONE)
            continue;
        to_row[n] = i;
        to_col[n++] = j;
    }
    return n;
}
