/* SPDX-License-Identifier: Apache-2.0 */
/* Cells side by side that are read row by row, told from columns of prose that are read one after the
 * other: prose fills its column with long lines, cells are short, differ in width and stand on common rows. */
#include <math.h>
#include <stdlib.h>

#include "docparse/assembly/assembly_private.h"

#define COLUMNS_MAX 64
#define ROWS_LEAST 2     /* rows with two cells or more */
#define LEVEL_SHARE 0.6f /* of the cells that stand beside a cell of another column */
#define PROSE_FILL 0.75f /* of the column's width, by the lines of prose in it */
#define PROSE_LATIN 18   /* characters of a line */
#define PROSE_CJK 9
#define PROSE_LINES 3    /* lines of prose that make a column of prose, */
#define PROSE_SHARE 0.2f /* if they are as many of its lines */
#define PARAGRAPH_ROWS 4 /* lines of a paragraph, as opposed to a cell of several lines */
#define CELLS_MAX 2000   /* bounds the pairwise look for common rows */

struct column {
    float x0, x1;
    int32_t cells, prose; /* rows, rows that look like prose */
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

/* Calls for each row of the set; the index-th row lies in block_rows of its block. */
struct cursor {
    const struct dp_assembly *a;
    const int32_t *set;
    int32_t n, block, row;
};

static const struct dp_row *next_row(struct cursor *c)
{
    while (c->block < c->n) {
        const struct dp_draft_block *b = &c->a->blocks[c->set[c->block]];
        if (c->row < b->count)
            return &c->a->rows[c->a->block_rows[b->first + c->row++]];
        c->block++;
        c->row = 0;
    }
    return NULL;
}

static bool is_prose(const struct column *c, const struct dp_row *r)
{
    const bool cjk = r->cjk * 2 > r->chars;
    return r->box.x1 - r->box.x0 > PROSE_FILL * (c->x1 - c->x0) && r->chars > (cjk ? PROSE_CJK : PROSE_LATIN);
}

/* Columns of prose among the columns that hold anything. */
static bool has_prose(const struct column *columns, int32_t n)
{
    int32_t prose = 0, filled = 0;
    for (int32_t c = 0; c < n; c++) {
        filled += columns[c].cells > 0;
        prose += columns[c].prose >= PROSE_LINES && (float)columns[c].prose > PROSE_SHARE * (float)columns[c].cells;
    }
    return filled < 2 || (filled < 4 ? prose > 0 : prose * 3 > filled);
}

/* Most of the text stands in paragraphs: blocks of several long lines that fill their own width. Where columns are
 * cut too coarsely, the width of a column says nothing. */
static bool is_mostly_prose(const struct dp_assembly *a, const int32_t *set, int32_t n)
{
    int64_t prose = 0, all = 0;
    for (int32_t k = 0; k < n; k++) {
        const struct dp_draft_block *b = &a->blocks[set[k]];
        int32_t full = 0, cjk = 0;
        for (int32_t i = 0; i < b->count; i++) {
            const struct dp_row *r = &a->rows[a->block_rows[b->first + i]];
            full += r->box.x1 - r->box.x0 > PROSE_FILL * (b->box.x1 - b->box.x0);
            cjk += r->cjk;
        }
        const int32_t least = cjk * 2 > b->chars ? PROSE_CJK : PROSE_LATIN;
        all += b->chars;
        if (b->count >= PARAGRAPH_ROWS && full * 4 >= b->count * 3 && b->chars >= least * b->count)
            prose += b->chars;
    }
    return prose * 2 > all;
}

/* Share of the rows that stand beside a row of another column. */
static float share_level(struct cursor start, const float *cuts, int32_t n_cuts, int32_t cells)
{
    int32_t level = 0;
    struct cursor i = start;
    for (const struct dp_row *r; (r = next_row(&i)) != NULL;) {
        struct cursor j = start;
        const struct dp_row *q;
        const int32_t own = column_at(cuts, n_cuts, &r->box);
        while ((q = next_row(&j)) != NULL &&
               !(dp_overlap(r->box.y0, r->box.y1, q->box.y0, q->box.y1) > 0.5f * fminf(r->height, q->height) &&
                 column_at(cuts, n_cuts, &q->box) != own)) {
        }
        level += q != NULL;
    }
    return cells > 0 ? (float)level / (float)cells : 0.0f;
}

bool dp_is_grid(const struct dp_assembly *a, const int32_t *set, int32_t n, const float *cuts, int32_t n_cuts)
{
    struct column columns[COLUMNS_MAX];
    const struct cursor start = {.a = a, .set = set, .n = n};
    struct cursor i = start;
    int32_t cells = 0;
    if (n_cuts < 1 || n_cuts >= COLUMNS_MAX)
        return false;
    for (int32_t c = 0; c <= n_cuts; c++)
        columns[c] = (struct column){.x0 = 1e30f, .x1 = -1e30f};
    for (int32_t k = 0; k < n; k++)
        if (a->blocks[set[k]].direction != a->main_direction || a->blocks[set[k]].table != DP_NONE ||
            a->blocks[set[k]].picture != DP_NONE || a->blocks[set[k]].formula ||
            a->blocks[set[k]].before || a->blocks[set[k]].after)
            return false;
    for (const struct dp_row *r; (r = next_row(&i)) != NULL; cells++) {
        struct column *c = &columns[column_at(cuts, n_cuts, &r->box)];
        c->x0 = fminf(c->x0, r->box.x0);
        c->x1 = fmaxf(c->x1, r->box.x1);
        c->cells++;
    }
    if (cells > CELLS_MAX || cells < 2 * ROWS_LEAST || is_mostly_prose(a, set, n))
        return false;
    i = start;
    for (const struct dp_row *r; (r = next_row(&i)) != NULL;) {
        struct column *c = &columns[column_at(cuts, n_cuts, &r->box)];
        c->prose += is_prose(c, r);
    }
    return !has_prose(columns, n_cuts + 1) && share_level(start, cuts, n_cuts, cells) >= LEVEL_SHARE;
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
    whole->drawn = NULL;
    for (int32_t i = 0; i < count; i++)
        a->block_rows[a->n_block_rows++] = cells[i].row;
    return B_OK;
}
