/* SPDX-License-Identifier: Apache-2.0 */
/* Cells with spans -> a consistent grid: every position is covered exactly once. Spans that overlap or leave
 * the table are cut, rows without anything vanish, short rows are filled up with empty cells. The work is
 * linear in the number of grid positions, which limits.table_cells bounds. */
#include <stdlib.h>
#include <string.h>

#include "docparse/markup_private.h"

enum {
    LOOP_ROWS = 16, /* equal rows (or groups of them) at the end of a table that was never closed */
    SPAN_MAX = 1000 /* rows or columns that one cell may ask for, as in HTML */
};

bool mk_cell_add(struct dp_markup *m, const struct mk_elem *e, const char *text)
{
    const struct mk_table *t = &m->grids.tables[m->grids.n_tables - 1];
    if (m->grids.n_cells >= m->opt.limits.table_cells ||
        !mk_grow(m, (void **)&m->grids.cells, m->grids.n_cells, &m->grids.cap_cells, sizeof *m->grids.cells))
        return false;
    m->grids.cells[m->grids.n_cells++] = (struct mk_cell){.row = t->rows - 1,
                                                          .row_span = e->rowspan,
                                                          .col_span = e->colspan,
                                                          .col = -1,
                                                          .box = e->boxed ? e->box : (struct dp_rect){0, 0, 0, 0},
                                                          .text = text,
                                                          .confidence = e->meta.confidence,
                                                          .th = mk_name_at(e->name)->level == 1, /* th */
                                                          .head = t->in_head,
                                                          .scope = (int8_t)e->scope};
    return true;
}

/* A table on its way to the page. */
struct grid {
    struct mk_cell *cells;
    int32_t n;
    int32_t rows, cols;
    int32_t max_cols;
    int64_t max_positions;
    int32_t *until;   /* by column: the first row that is free */
    int32_t *covered; /* by column: rows that are covered */
    bool *starts;     /* by column: a cell begins here */
    bool repaired, cut;
};

static int32_t clamp(int32_t value, int32_t low, int32_t high)
{
    return value < low ? low : value > high ? high : value;
}

static uint64_t row_hash(const struct mk_cell *cells, int32_t from, int32_t to)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (int32_t i = from; i < to; i++) {
        for (const char *p = cells[i].text; *p; p++)
            h = (h ^ (unsigned char)*p) * 0x100000001b3u;
        h = (h ^ 0xFFu) * 0x100000001b3u;
    }
    return h;
}

/* The number of cells that are left when the rows repeated at the end are taken off. */
static int32_t without_loop(const struct grid *g)
{
    int32_t rows = 0, keep = g->n;
    uint64_t *hash = calloc((size_t)g->n + 1, sizeof *hash);
    int32_t *first = calloc((size_t)g->n + 1, sizeof *first);
    for (int32_t i = 0, next; hash && first && i < g->n; i = next) {
        for (next = i + 1; next < g->n && g->cells[next].row == g->cells[i].row;)
            next++;
        first[rows] = i;
        hash[rows++] = row_hash(g->cells, i, next);
    }
    for (int32_t p = 1; p <= MK_PERIOD && keep == g->n; p++) {
        /* the last row may have been cut: it takes no part */
        int32_t run = 0;
        for (int32_t r = rows - 2; r >= p && hash[r] == hash[r - p]; r--)
            run++;
        if (run >= p * (LOOP_ROWS - 1))
            keep = first[rows - 1 - run];
    }
    free(hash);
    free(first);
    return keep;
}

/* Puts the cells [from, to) of one row of the source at g->rows; the next column that is free. */
static int32_t place_row(struct grid *g, int32_t from, int32_t to)
{
    int32_t c = 0;
    for (int32_t i = from; i < to; i++) {
        struct mk_cell *cell = &g->cells[i];
        while (c < g->max_cols && g->until[c] > g->rows)
            c++;
        if (c == g->max_cols) {
            g->cut = true; /* more columns than any table has: the cell stays out (col is -1) */
            continue;
        }
        const int32_t want = clamp(cell->col_span, 1, SPAN_MAX);
        int32_t span = 1;
        while (span < want && c + span < g->max_cols && g->until[c + span] <= g->rows)
            span++;
        g->repaired = g->repaired || span != cell->col_span || cell->row_span < 0;
        cell->row_span = cell->row_span == 0 ? SPAN_MAX : clamp(cell->row_span, 1, SPAN_MAX);
        cell->row = g->rows;
        cell->col = c;
        cell->col_span = span;
        for (int32_t k = 0; k < span; k++)
            g->until[c + k] = g->rows + cell->row_span;
        c += span;
    }
    return c;
}

/* Rows without cells: those that spans from above reach are part of the table. */
static void take_gap(struct grid *g, int32_t gap, int32_t reach)
{
    const int32_t covered = reach > g->rows ? reach - g->rows : 0;
    int32_t keep = gap < covered ? gap : covered;
    const int64_t room = g->cols > 0 ? g->max_positions / g->cols - g->rows : 0;
    if (keep > room)
        keep = room > 0 ? (int32_t)room : 0;
    g->repaired = g->repaired || keep < gap;
    g->rows += keep;
}

static void place(struct grid *g, int32_t source_rows)
{
    int32_t source = 0, reach = 0;
    for (int32_t i = 0, next; i < g->n; i = next) {
        const int32_t row = g->cells[i].row;
        for (next = i + 1; next < g->n && g->cells[next].row == row;)
            next++;
        take_gap(g, row - source, reach);
        source = row + 1;
        const int32_t cols = place_row(g, i, next);
        if (cols > g->cols)
            g->cols = cols;
        if ((int64_t)(g->rows + 1) * g->cols > g->max_positions) {
            g->n = i;
            g->cut = true;
            return;
        }
        for (int32_t k = i; k < next; k++)
            if (g->cells[k].col >= 0 && g->rows + g->cells[k].row_span > reach)
                reach = g->rows + g->cells[k].row_span;
        g->rows++;
    }
    take_gap(g, source_rows > source ? source_rows - source : 0, reach);
}

/* Spans end inside of the table; columns at its right that no cell begins in and some row lacks are none. */
static void clip(struct grid *g)
{
    for (int32_t i = 0; i < g->n; i++) {
        struct mk_cell *cell = &g->cells[i];
        if (cell->col < 0)
            continue;
        if (cell->row_span > g->rows - cell->row) {
            g->repaired = g->repaired || cell->row_span != SPAN_MAX; /* that one means: to the end */
            cell->row_span = g->rows - cell->row;
        }
        g->starts[cell->col] = true;
        for (int32_t k = 0; k < cell->col_span; k++)
            g->covered[cell->col + k] += cell->row_span;
    }
    int32_t cols = g->cols;
    while (cols > 1 && !g->starts[cols - 1] && g->covered[cols - 1] < g->rows)
        cols--;
    for (int32_t i = 0; cols < g->cols && i < g->n; i++) {
        struct mk_cell *cell = &g->cells[i];
        if (cell->col >= 0 && cell->col + cell->col_span > cols)
            cell->col_span = cols - cell->col;
    }
    g->repaired = g->repaired || cols < g->cols;
    g->cols = cols;
}

static enum dp_header_kind header_of(const struct mk_cell *cell, bool all_th)
{
    if (cell->scope == 'r' && cell->th)
        return DP_ROW_HEADER;
    if (cell->head || (cell->th && cell->scope == 'c'))
        return DP_COLUMN_HEADER;
    if (!cell->th)
        return DP_NOT_HEADER;
    return all_th || cell->row == 0 ? DP_COLUMN_HEADER : DP_ROW_HEADER;
}

static struct dp_cell *next_cell(struct dp_markup *m)
{
    struct dp_page *p = m->page;
    if ((size_t)p->n_cells >= m->room.cells) {
        struct dp_cell *more =
            m->full.arena ? NULL : b_arena_grow(p->arena, p->cells, (size_t)p->n_cells, &m->room.cells, sizeof *more);
        if (!more) {
            m->full.arena = true;
            return NULL;
        }
        p->cells = more;
    }
    return &p->cells[p->n_cells++];
}

/* Writes the grid row by row; holes become empty cells. */
static bool emit(struct dp_markup *m, struct grid *g)
{
    int32_t i = 0;
    memset(g->until, 0, (size_t)g->max_cols * sizeof *g->until);
    for (int32_t r = 0; r < g->rows; r++) {
        bool all_th = true;
        for (int32_t k = i; k < g->n && g->cells[k].row == r; k++)
            all_th = all_th && g->cells[k].th;
        for (int32_t c = 0; c < g->cols; c++) {
            if (g->until[c] > r)
                continue;
            while (i < g->n && g->cells[i].col < 0)
                i++;
            struct dp_cell *out = next_cell(m);
            if (!out)
                return false;
            if (i < g->n && g->cells[i].row == r && g->cells[i].col == c) {
                const struct mk_cell *cell = &g->cells[i++];
                *out = (struct dp_cell){r,         c,          cell->row_span,  cell->col_span, header_of(cell, all_th),
                                        cell->box, cell->text, cell->confidence};
                for (int32_t k = 0; k < cell->col_span; k++)
                    g->until[c + k] = r + cell->row_span;
            } else {
                *out = (struct dp_cell){
                    .row = r, .col = c, .row_span = 1, .col_span = 1, .text = "", .confidence = DP_NO_CONFIDENCE};
                g->repaired = true;
            }
        }
        while (i < g->n && (g->cells[i].col < 0 || g->cells[i].row <= r))
            i++;
    }
    return true;
}

static int32_t add_table(struct dp_markup *m, struct grid *g)
{
    struct dp_page *p = m->page;
    const int32_t first = p->n_cells;
    if ((size_t)p->n_tables >= m->room.tables) {
        struct dp_table *more =
            m->full.arena ? NULL
                          : b_arena_grow(p->arena, p->tables, (size_t)p->n_tables, &m->room.tables, sizeof *more);
        if (!more) {
            m->full.arena = true;
            return DP_NONE;
        }
        p->tables = more;
    }
    if (!emit(m, g)) {
        p->n_cells = first;
        return DP_NONE;
    }
    p->tables[p->n_tables] =
        (struct dp_table){.rows = g->rows, .cols = g->cols, .first_cell = first, .n_cells = p->n_cells - first};
    return p->n_tables++;
}

int32_t mk_table_finish(struct dp_markup *m, uint64_t offset, bool *repaired, bool *looped)
{
    const struct mk_table t = m->grids.tables[--m->grids.n_tables];
    if (m->grids.n_cells <= t.first_cell)
        return DP_NONE;
    struct grid g = {.cells = m->grids.cells + t.first_cell,
                     .n = m->grids.n_cells - t.first_cell,
                     .max_cols = m->opt.limits.table_cols,
                     .max_positions = m->opt.limits.table_cells,
                     .repaired = *repaired};
    int32_t table = DP_NONE;
    m->grids.n_cells = t.first_cell;
    const int32_t kept = t.closed ? g.n : without_loop(&g);
    *looped = kept < g.n;
    g.n = kept;
    int64_t widest = 0;
    for (int32_t i = 0; i < g.n; i++)
        widest += clamp(g.cells[i].col_span, 1, SPAN_MAX);
    if (g.max_cols > widest)
        g.max_cols = (int32_t)widest;
    g.until = calloc((size_t)g.max_cols, 2 * sizeof *g.until + sizeof *g.starts);
    if (!g.until) {
        m->full.memory = true;
        return DP_NONE;
    }
    g.covered = g.until + g.max_cols;
    g.starts = (bool *)(g.covered + g.max_cols);
    place(&g, *looped ? 0 : t.rows);
    clip(&g);
    if (g.rows > 0 && g.cols > 0)
        table = add_table(m, &g);
    free(g.until);
    if (g.cut)
        mk_warn(m, DP_MARKUP_W_LIMIT, offset);
    if (g.repaired || g.cut)
        mk_warn(m, DP_MARKUP_W_TABLE, offset);
    *repaired = g.repaired || g.cut;
    return table;
}

const char *mk_table_text(struct dp_markup *m, int32_t index)
{
    if (index == DP_NONE)
        return "";
    const struct dp_table *t = &m->page->tables[index];
    const struct dp_cell *cells = m->page->cells + t->first_cell;
    size_t size = 1, n = 0;
    for (int32_t i = 0; i < t->n_cells; i++)
        size += strlen(cells[i].text) + 1;
    char *text = m->full.arena ? NULL : b_arena_alloc(m->page->arena, size, 1);
    if (!text) {
        m->full.arena = true;
        return "";
    }
    for (int32_t i = 0; i < t->n_cells; i++) {
        if (i > 0)
            text[n++] = cells[i].row == cells[i - 1].row ? '\t' : '\n';
        for (const char *p = cells[i].text; *p; p++)
            text[n++] = *p == '\n' || *p == '\t' ? ' ' : *p;
    }
    text[n] = '\0';
    return text;
}
