/* SPDX-License-Identifier: Apache-2.0 */
/* Cells side by side that are read row by row, told from columns of prose that are read one after the
 * other: prose fills its column with long lines, cells are short, differ in width and stand on common rows. */
#include <math.h>
#include <stdlib.h>

#include "docparse/assembly/assembly_private.h"

#define COLUMNS_MAX 64
#define ROWS_LEAST 2        /* rows with two cells or more */
#define LEVEL_SHARE 0.6f    /* of the cells that stand beside a cell of another column */
#define PROSE_FILL 0.75f    /* of the column's width, by the lines of prose in it */
#define PROSE_LATIN 18.0f   /* characters of a line */
#define PROSE_CJK 7.0f

struct column {
    float x0, x1;
    float width, chars, cjk;
    int32_t cells;
};

struct cell {
    float y, y0, y1, x;
    int32_t row;
};

static int32_t column_at(const float *cuts, int32_t n_cuts, const struct dp_rect *box)
{
    const float x = (box->x0 + box->x1) * 0.5f;
    int32_t c = 0;
    while (c < n_cuts && x > cuts[c])
        c++;
    return c;
}

static bool is_prose(const struct column *c)
{
    if (c->cells == 0 || c->x1 <= c->x0)
        return false;
    const float n = (float)c->cells, fill = c->width / n / (c->x1 - c->x0), chars = c->chars / n;
    const bool cjk = c->cjk * 2.0f > c->chars;
    return fill > PROSE_FILL && chars > (cjk ? PROSE_CJK : PROSE_LATIN);
}

bool dp_is_grid(const struct dp_assembly *a, const int32_t *set, int32_t n, const float *cuts, int32_t n_cuts)
{
    struct column columns[COLUMNS_MAX];
    if (n_cuts < 1 || n_cuts >= COLUMNS_MAX)
        return false;
    for (int32_t c = 0; c <= n_cuts; c++)
        columns[c] = (struct column){.x0 = 1e30f, .x1 = -1e30f};
    int32_t cells = 0, level = 0;
    for (int32_t i = 0; i < n; i++) {
        const struct dp_draft_block *b = &a->blocks[set[i]];
        if (b->direction != a->main_direction)
            return false;
        for (int32_t k = 0; k < b->count; k++) {
            const struct dp_row *r = &a->rows[a->block_rows[b->first + k]];
            struct column *c = &columns[column_at(cuts, n_cuts, &r->box)];
            c->x0 = fminf(c->x0, r->box.x0);
            c->x1 = fmaxf(c->x1, r->box.x1);
            c->width += r->box.x1 - r->box.x0;
            c->chars += (float)r->chars;
            c->cjk += (float)r->cjk;
            c->cells++;
            cells++;
        }
    }
    int32_t prose = 0, filled = 0;
    for (int32_t c = 0; c <= n_cuts; c++) {
        prose += is_prose(&columns[c]);
        filled += columns[c].cells > 0;
    }
    if (filled < 2 || prose * 2 >= filled || cells > 2000 || cells < 2 * ROWS_LEAST)
        return false;
    for (int32_t i = 0; i < n; i++)
        for (int32_t k = 0; k < a->blocks[set[i]].count; k++) {
            const struct dp_rect r = a->rows[a->block_rows[a->blocks[set[i]].first + k]].box;
            bool found = false;
            for (int32_t j = 0; j < n && !found; j++)
                for (int32_t m = 0; m < a->blocks[set[j]].count && !found; m++) {
                    const struct dp_rect q = a->rows[a->block_rows[a->blocks[set[j]].first + m]].box;
                    found = column_at(cuts, n_cuts, &q) != column_at(cuts, n_cuts, &r) &&
                            dp_overlap(r.y0, r.y1, q.y0, q.y1) > 0.5f * fminf(r.y1 - r.y0, q.y1 - q.y0);
                }
            level += found;
        }
    return (float)level >= LEVEL_SHARE * (float)cells;
}

static int by_y(const void *p, const void *q)
{
    const struct cell *a = p, *b = q;
    if (a->y != b->y)
        return a->y < b->y ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

static int by_x(const void *p, const void *q)
{
    const struct cell *a = p, *b = q;
    if (a->x != b->x)
        return a->x < b->x ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

/* Cells sorted downwards fall into printed rows; each row is then read across. */
static void sort_cells(struct cell *cells, int32_t n)
{
    qsort(cells, (size_t)n, sizeof *cells, by_y);
    for (int32_t start = 0, i = 1; i <= n; i++) {
        const float tall = cells[start].y1 - cells[start].y0;
        if (i < n && cells[i].y - cells[start].y < 0.5f * tall)
            continue;
        qsort(cells + start, (size_t)(i - start), sizeof *cells, by_x);
        start = i;
    }
}

enum b_code dp_grid_merge(struct dp_assembly *a, const int32_t *set, int32_t n, struct b_err *err)
{
    int32_t count = 0, at = 0;
    for (int32_t i = 0; i < n; i++)
        count += a->blocks[set[i]].count;
    struct cell *cells = B_ARENA_ARRAY(a->arena, (size_t)count, struct cell);
    if (!cells)
        return b_arena_refused(a->arena, "assembly", err);
    struct dp_draft_block *whole = &a->blocks[set[0]];
    for (int32_t i = 0; i < n; i++) {
        struct dp_draft_block *b = &a->blocks[set[i]];
        for (int32_t k = 0; k < b->count; k++) {
            const int32_t row = a->block_rows[b->first + k];
            const struct dp_rect r = a->rows[row].box;
            cells[at++] = (struct cell){(r.y0 + r.y1) * 0.5f, r.y0, r.y1, a->rtl ? -r.x1 : r.x0, row};
        }
        if (i > 0) {
            whole->box = dp_rect_union(whole->box, b->box);
            whole->chars += b->chars;
            whole->lines += b->lines;
            b->count = 0;
        }
    }
    sort_cells(cells, count);
    whole->first = a->n_block_rows;
    whole->count = count;
    whole->grid = true;
    whole->marker = 0;
    for (int32_t i = 0; i < count; i++)
        a->block_rows[a->n_block_rows++] = cells[i].row;
    return B_OK;
}
