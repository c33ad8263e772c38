/* SPDX-License-Identifier: Apache-2.0 */
/* Pipe tables and HTML tables as grids of cells with spans. */
#include <stdlib.h>
#include <string.h>

#include "service/bench/html.h"
#include "service/bench/olmocr_private.h"

#define MAX_GRIDS 256
#define MAX_WIDTH 512
#define MAX_SPAN 512
#define MAX_CELLS 20000 /* of one table; further cells are dropped */

/* Cells in reading order, as they are met; row numbers are set, columns are found when the table ends. */
struct draft {
    struct bm_mem *mem;
    struct bm_grids grids;
    struct bm_grid_cell *cells;
    size_t n_cells, cap, rows;
};

static struct bm_grid_cell *new_cell(struct draft *d)
{
    if (d->n_cells == d->cap) {
        size_t cap = d->cap ? d->cap : 64;
        struct bm_grid_cell *bigger = d->cap ? b_arena_grow(d->mem->arena, d->cells, d->n_cells, &cap, sizeof *bigger)
                                             : BM_ARRAY(d->mem, cap, struct bm_grid_cell);
        if (!bigger || d->n_cells >= MAX_CELLS)
            return NULL;
        d->cells = bigger;
        d->cap = cap;
    }
    d->cells[d->n_cells] = (struct bm_grid_cell){.row = d->rows - 1, .rows = 1, .cols = 1};
    return &d->cells[d->n_cells++];
}

/* Puts the cells into a grid: each takes the first free columns of its row. */
static void end_table(struct draft *d)
{
    struct bm_grid grid = {.cells = d->cells, .n_cells = d->n_cells};
    size_t col = 0, row = 0;
    for (size_t i = 0; i < d->n_cells; i++)
        if (d->cells[i].row + d->cells[i].rows > grid.height)
            grid.height = d->cells[i].row + d->cells[i].rows;
    size_t *at = BM_ARRAY(d->mem, grid.height * MAX_WIDTH, size_t);
    for (size_t i = 0; at && i < d->n_cells; i++) {
        struct bm_grid_cell *c = &d->cells[i];
        if (c->row != row)
            col = 0;
        row = c->row;
        while (col < MAX_WIDTH && at[row * MAX_WIDTH + col])
            col++;
        c->col = col;
        for (size_t r = row; r < row + c->rows; r++)
            for (size_t k = col; k < col + c->cols && k < MAX_WIDTH; k++)
                at[r * MAX_WIDTH + k] = i + 1;
        col += c->cols;
        if (c->col < MAX_WIDTH && col > grid.width)
            grid.width = col < MAX_WIDTH ? col : MAX_WIDTH;
    }
    grid.at = BM_ARRAY(d->mem, grid.height * grid.width, size_t);
    for (size_t r = 0; at && grid.at && r < grid.height; r++)
        memcpy(grid.at + r * grid.width, at + r * MAX_WIDTH, grid.width * sizeof *at);
    if (grid.n_cells && grid.at && d->grids.n < MAX_GRIDS)
        d->grids.at[d->grids.n++] = grid;
    d->cells = NULL;
    d->n_cells = d->cap = d->rows = 0;
}

/* --- pipes --- */

static bool only_of(struct bm_str line, const char *allowed)
{
    for (size_t i = 0; i < line.n; i++)
        if (line.cp[i] > 126 || !strchr(allowed, (int)line.cp[i]))
            return false;
    return true;
}

static void pipe_row(struct draft *d, struct bm_str line)
{
    size_t from = 0;
    bool first = true;
    d->rows++;
    for (size_t i = 0; i <= line.n; i++) {
        if (i < line.n && line.cp[i] != '|')
            continue;
        struct bm_str text = bm_strip(bm_slice(line, from, i));
        from = i + 1;
        bool edge = text.n == 0 && (first || i == line.n);
        if (!edge) {
            struct bm_grid_cell *cell = new_cell(d);
            if (!cell)
                return;
            cell->text = text;
            cell->heading = d->rows == 1 || d->n_cells == 1 || d->cells[d->n_cells - 2].row != cell->row;
        }
        first = false;
    }
    if (d->n_cells == 0 || d->cells[d->n_cells - 1].row != d->rows - 1)
        d->rows--; /* nothing but pipes */
}

static void read_pipes(struct draft *d, struct bm_str text)
{
    size_t lines = 0;
    bool separator = false;
    text = bm_strip(text);
    for (size_t from = 0; from <= text.n;) {
        size_t end = bm_find_cp(text, from, '\n');
        struct bm_str line = bm_slice(text, from, end == BM_NONE ? text.n : end);
        bool pipes = bm_find_cp(line, 0, '|') != BM_NONE;
        if (!pipes && lines) {
            if (lines >= 2)
                end_table(d);
            d->cells = NULL;
            d->n_cells = d->cap = d->rows = lines = 0;
            separator = false;
        } else if (pipes) {
            struct bm_str inner = bm_strip(bm_replace(d->mem, line, "|", ""));
            lines++;
            if (!separator && inner.n && only_of(inner, "- :"))
                separator = true;
            else if (bm_strip(line).n && !only_of(line, "- :|"))
                pipe_row(d, line);
        }
        from = end == BM_NONE ? text.n + 1 : end + 1;
    }
    if (lines >= 2)
        end_table(d);
    d->cells = NULL;
    d->n_cells = d->cap = d->rows = 0;
}

/* --- HTML --- */

struct html_draft {
    struct draft d;
    struct bm_out text;
    int table, head; /* open elements */
    struct bm_grid_cell *cell;
};

static size_t span_of(const struct bm_html_tag *tag, const char *name)
{
    size_t value = 0;
    for (int i = 0; i < tag->n_attrs; i++) {
        if (!bm_is(tag->attrs[i].name, name))
            continue;
        struct bm_str text = bm_strip(tag->attrs[i].value);
        for (size_t k = 0; k < text.n; k++) {
            if (text.cp[k] < '0' || text.cp[k] > '9')
                return 1;
            value = value > MAX_SPAN ? value : value * 10 + (text.cp[k] - '0');
        }
    }
    return value == 0 ? 1 : value > MAX_SPAN ? MAX_SPAN : value;
}

static void on_open(void *ctx, const struct bm_html_tag *tag)
{
    struct html_draft *h = ctx;
    if (bm_is(tag->name, "table"))
        h->table++;
    else if (bm_is(tag->name, "thead"))
        h->head++;
    else if (bm_is(tag->name, "tr") && h->table)
        h->d.rows++;
    else if (bm_is(tag->name, "br") && h->cell)
        bm_putc(&h->text, '\n');
    else if ((bm_is(tag->name, "td") || bm_is(tag->name, "th")) && h->d.rows) {
        h->cell = new_cell(&h->d);
        h->text = bm_out_on(h->d.mem);
        if (!h->cell)
            return;
        h->cell->rows = span_of(tag, "rowspan");
        h->cell->cols = span_of(tag, "colspan");
        h->cell->heading = h->head > 0 || bm_is(tag->name, "th");
    }
}

static void on_close(void *ctx, struct bm_str name)
{
    struct html_draft *h = ctx;
    if ((bm_is(name, "td") || bm_is(name, "th")) && h->cell) {
        h->cell->text = bm_strip(bm_taken(&h->text));
        h->cell = NULL;
    } else if (bm_is(name, "thead") && h->head) {
        h->head--;
    } else if (bm_is(name, "table") && h->table && --h->table == 0) {
        end_table(&h->d);
    }
}

static void on_text(void *ctx, struct bm_str text)
{
    struct html_draft *h = ctx;
    if (h->cell)
        bm_put(&h->text, text);
}

static void on_comment(void *ctx, struct bm_str inside)
{
    (void)ctx;
    (void)inside;
}

struct bm_grids bm_read_grids(struct bm_mem *mem, struct bm_str markdown, bool pipes)
{
    static const struct bm_html_events events = {on_open, on_close, on_text, on_comment};
    struct html_draft h = {.d = {.mem = mem}, .text = bm_out_on(mem)};
    h.d.grids.at = BM_ARRAY(mem, MAX_GRIDS, struct bm_grid);
    if (!h.d.grids.at)
        return h.d.grids;
    if (pipes)
        read_pipes(&h.d, markdown);
    bm_html_read(mem, markdown, &events, &h);
    return h.d.grids;
}

static void add_once(size_t out[static 64], size_t *n, size_t cell)
{
    for (size_t i = 0; i < *n; i++)
        if (out[i] == cell)
            return;
    if (*n < 64)
        out[(*n)++] = cell;
}

/* The first other cell from (row, col) in steps of (down, right). */
static void look(const struct bm_grid *g, size_t cell, size_t row, size_t col, int down, int right, size_t *out,
                 size_t *n)
{
    while (row < g->height && col < g->width) {
        size_t found = g->at[row * g->width + col];
        if (found && found != cell + 1) {
            add_once(out, n, found - 1);
            return;
        }
        row += (size_t)down;
        col += (size_t)right; /* below zero wraps to a number outside of the grid */
    }
}

size_t bm_grid_next(const struct bm_grid *grid, size_t cell, enum bm_way way, size_t out[static 64])
{
    const struct bm_grid_cell *c = &grid->cells[cell];
    size_t n = 0;
    if (way == BM_LEFT || way == BM_RIGHT)
        for (size_t r = c->row; r < c->row + c->rows; r++)
            look(grid, cell, r, way == BM_RIGHT ? c->col + c->cols : c->col - 1, 0, way == BM_RIGHT ? 1 : -1, out, &n);
    else
        for (size_t k = c->col; k < c->col + c->cols; k++)
            look(grid, cell, way == BM_DOWN ? c->row + c->rows : c->row - 1, k, way == BM_DOWN ? 1 : -1, 0, out, &n);
    return n;
}
