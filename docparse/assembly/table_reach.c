/* SPDX-License-Identifier: Apache-2.0 */
/* Rows beyond the outermost rules: a head above the first one, totals or a whole body below the last one. A row
 * belongs to the table when it stands as near as rows do and each of its pieces fits into one of the columns. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/assembly/table_private.h"

#define ABOVE_MOST 2       /* rows of a head without a rule above it */
#define BELOW_MOST 60      /* rows without a rule below them */
#define REACH 0.85f        /* of the usual height of a row, to the middle of the next one */
#define STICKS_OUT 0.3f    /* heights that a piece may reach over its column */
#define FILLED 0.5f        /* share of the columns that such a row fills at least */
#define CELL_CHARS 30      /* longer pieces are prose */
#define ONE_ROW_APART 0.5f /* heights between the middles of pieces of one row */

static float mid_y(struct dp_rect r)
{
    return (r.y0 + r.y1) * 0.5f;
}

static float mid_x(struct dp_rect r)
{
    return (r.x0 + r.x1) * 0.5f;
}

static bool is_free(const struct dp_assembly *a, const struct dp_item *it, struct dp_rect box)
{
    return it->table == DP_NONE && it->direction == a->main_direction && it->chars > 0 && mid_x(it->box) > box.x0 &&
           mid_x(it->box) < box.x1;
}

/* A rule between the table and what stands beyond it: something else begins there. */
static bool rule_between(const struct dp_assembly *a, struct dp_rect box, float edge, float at)
{
    const float least = 0.1f * a->height, from = fminf(edge, at) + least, to = fmaxf(edge, at) - least;
    for (int32_t i = a->n_vertical; i < a->n_rules; i++)
        if (mid_y(a->rules[i]) > from && mid_y(a->rules[i]) < to &&
            dp_overlap(a->rules[i].x0, a->rules[i].x1, box.x0, box.x1) > 0.3f * (box.x1 - box.x0))
            return true;
    return false;
}

/* Items of the next row above (or below) the table, as a draft of their own; none when nothing stands near. */
static enum b_code next_row(struct dp_assembly *a, const struct dp_draft_table *t, bool above, float reach,
                            struct dp_draft_table *row, struct b_err *err)
{
    const float edge = above ? t->box.y0 : t->box.y1;
    float nearest = 1e30f, at = 0;
    row->n_items = 0;
    if (!row->items)
        row->items = B_ARENA_ARRAY(a->arena, (size_t)a->n_items, int32_t);
    if (!row->items)
        return b_arena_refused(a->arena, "assembly", err);
    for (int32_t i = 0; i < a->n_items; i++) {
        const struct dp_item *it = &a->items[i];
        const float away = above ? edge - mid_y(it->box) : mid_y(it->box) - edge;
        if (!is_free(a, it, t->box) || away <= 0 || away > reach || away >= nearest)
            continue;
        nearest = away;
        at = mid_y(it->box);
    }
    if (nearest > 1e29f || rule_between(a, t->box, edge, at))
        return B_OK;
    for (int32_t i = 0; i < a->n_items; i++)
        if (is_free(a, &a->items[i], t->box) && fabsf(mid_y(a->items[i].box) - at) < ONE_ROW_APART * a->height)
            row->items[row->n_items++] = i;
    return B_OK;
}

/* Whether the pieces of the row fill the table's columns, each of them one; above the table two headings or more, each
 * over several columns but none over the first one, do as well. */
static enum b_code fits(struct dp_assembly *a, const struct dp_draft_table *t, const struct dp_draft_table *row,
                        bool above, bool *yes, struct b_err *err)
{
    struct dp_piece *pieces;
    int32_t n = 0, n_rows = 0, columns = 0, last = DP_NONE, headings = 0, wide = 0;
    const float out = STICKS_OUT * a->height;
    *yes = false;
    const enum b_code code = dp_pieces_make(a, row, &pieces, &n, &n_rows, err);
    if (code != B_OK || n_rows != 1)
        return code;
    for (int32_t i = 0; i < n; i++) { /* from left to right */
        const struct dp_piece *p = &pieces[i];
        const int32_t c = dp_grid_index(t->xs, t->cols + 1, mid_x(p->box));
        if (p->chars > CELL_CHARS)
            return B_OK;
        wide += p->box.x0 < t->xs[c] - out || p->box.x1 > t->xs[c + 1] + out;
        headings += c > 0 && p->box.x0 > t->xs[1] - out;
        columns += c != last;
        last = c;
    }
    *yes = columns >= 2 && wide == 0 && (float)columns >= FILLED * (float)t->cols;
    *yes = *yes || (above && headings >= 2 && headings < t->cols - 1 && headings >= n - 1);
    return B_OK;
}

enum b_code dp_table_reach(struct dp_assembly *a, const struct dp_draft_table *table, struct dp_rect *box,
                           struct b_err *err)
{
    struct dp_draft_table grown = *table, row = {.n_items = 0};
    *box = table->box;
    const float usual = (table->ys[table->rows] - table->ys[0]) / (float)table->rows;
    const float reach = REACH * fmaxf(fminf(usual, 2.5f * a->height), 1.2f * a->height);
    for (int side = 0; side < 2; side++)
        for (int k = 0; k < (side == 0 ? ABOVE_MOST : BELOW_MOST); k++) {
            bool yes = false;
            enum b_code code = next_row(a, &grown, side == 0, reach, &row, err);
            if (code == B_OK && row.n_items > 0)
                code = fits(a, table, &row, side == 0, &yes, err);
            if (code != B_OK)
                return code;
            if (!yes)
                break;
            struct dp_rect all = a->items[row.items[0]].box;
            for (int32_t i = 1; i < row.n_items; i++)
                all = dp_rect_union(all, a->items[row.items[i]].box);
            if (side == 0)
                grown.box.y0 = all.y0 - 0.1f * a->height;
            else
                grown.box.y1 = all.y1 + 0.1f * a->height;
        }
    *box = grown.box;
    return B_OK;
}
