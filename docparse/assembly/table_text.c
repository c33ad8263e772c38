/* SPDX-License-Identifier: Apache-2.0 */
/* Words of a table's lines: as pieces from which the grid is found, and as the texts of its cells. Invariant:
 * every word lands in exactly one cell, but for leaders between two of them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/assembly/table_private.h"
#include "docparse/line_builder.h"
#include "engine/base/utf8.h"

#define APART 0.8f /* heights between words that are no longer one piece */

static float mid_y(struct dp_rect r)
{
    return (r.y0 + r.y1) * 0.5f;
}

static float mid_x(struct dp_rect r)
{
    return (r.x0 + r.x1) * 0.5f;
}

/* Extent of a word along its line in the main frame; across, the line's own. */
static struct dp_rect word_box(const struct dp_assembly *a, const struct dp_item *item, const struct dp_word *w)
{
    const struct dp_point p = {w->bbox.x0, w->bbox.y0}, q = {w->bbox.x1, w->bbox.y1};
    const struct dp_point u = dp_frame_flatten(&a->frame, dp_frame_upright(&a->frame, p));
    const struct dp_point v = dp_frame_flatten(&a->frame, dp_frame_upright(&a->frame, q));
    struct dp_rect box = {fminf(u.x, v.x), fminf(u.y, v.y), fmaxf(u.x, v.x), fmaxf(u.y, v.y)};
    box = dp_frame_to_direction(&a->frame, box, a->main_direction);
    box.y0 = item->box.y0;
    box.y1 = item->box.y1;
    return box;
}

static void count_text(struct dp_piece *p, const char *text)
{
    const size_t len = strlen(text);
    for (size_t pos = 0; pos < len;) {
        const uint32_t cp = b_utf8_next(text, len, &pos);
        if (b_cp_is_space(cp))
            continue;
        p->chars++;
        p->digits += b_cp_is_digit(cp);
        p->cjk += b_cp_is_cjk(cp);
    }
}

/* Whether a vertical rule stands between x0 and x1 beside the line. */
static bool rule_between(const struct dp_assembly *a, float x0, float x1, struct dp_rect line)
{
    for (int32_t i = 0; i < a->n_vertical; i++) {
        const struct dp_rect r = a->rules[i];
        const float x = mid_x(r);
        if (x > x0 && x < x1 && dp_overlap(r.y0, r.y1, line.y0, line.y1) > 0.5f * (line.y1 - line.y0))
            return true;
    }
    return false;
}

static int by_row(const void *p, const void *q)
{
    const struct dp_piece *a = p, *b = q;
    const float d = mid_y(a->box) - mid_y(b->box);
    return d < 0 ? -1 : d > 0 ? 1 : a->first_word - b->first_word;
}

static int by_place(const void *p, const void *q)
{
    const struct dp_piece *a = p, *b = q;
    return a->box.x0 < b->box.x0 ? -1 : a->box.x0 > b->box.x0 ? 1 : a->first_word - b->first_word;
}

/* Numbers the rows of text: pieces whose middles are near each other. Lone leaders become a property of the piece that
 * they lead from, and *count the number of the others. */
static int32_t number_rows(struct dp_piece *pieces, int32_t *count)
{
    const int32_t n = *count;
    int32_t rows = 0, kept = 0;
    if (n > 0)
        qsort(pieces, (size_t)n, sizeof *pieces, by_row);
    for (int32_t from = 0, i = 1; i <= n; i++) {
        const float tall = pieces[from].box.y1 - pieces[from].box.y0;
        if (i < n && mid_y(pieces[i].box) - mid_y(pieces[from].box) < 0.5f * tall)
            continue;
        qsort(pieces + from, (size_t)(i - from), sizeof *pieces, by_place);
        const int32_t first = kept;
        for (int32_t k = from; k < i; k++) {
            if (pieces[k].n_words == 0 && pieces[k].leads) {
                if (kept > first)
                    pieces[kept - 1].leads = true;
                continue;
            }
            pieces[kept] = pieces[k];
            pieces[kept++].text_row = rows;
        }
        rows += kept > first;
        from = i;
    }
    *count = kept;
    return rows;
}

static void cut_line(const struct dp_assembly *a, int32_t index, struct dp_piece *pieces, int32_t *n)
{
    const struct dp_item *item = &a->items[index];
    const struct dp_line *line = &a->page->lines[item->line];
    const float apart = APART * (item->box.y1 - item->box.y0);
    struct dp_piece *p = NULL;
    for (int32_t k = 0; k < line->n_words; k++) {
        const struct dp_word *w = &a->page->words[line->first_word + k];
        const struct dp_rect box = word_box(a, item, w);
        const int32_t leader = dp_leader_words(a, item, k);
        if (leader > 0) {
            if (!p) { /* what it leads from is another line */
                p = &pieces[(*n)++];
                *p = (struct dp_piece){.box = box, .item = index, .first_word = line->first_word + k};
            }
            p->leads = true;
            p = NULL;
            k += leader - 1;
            continue;
        }
        if (!p || box.x0 - p->box.x1 > apart || rule_between(a, p->box.x1 - 2, box.x0 + 2, item->box)) {
            p = &pieces[(*n)++];
            *p = (struct dp_piece){.box = box, .item = index, .first_word = line->first_word + k};
        }
        p->box = dp_rect_union(p->box, box);
        p->n_words++;
        count_text(p, w->text);
    }
    if (p && item->led)
        p->leads = true;
    if (line->n_words == 0 && line->text[0]) {
        p = &pieces[(*n)++];
        *p = (struct dp_piece){.box = item->box, .item = index};
        count_text(p, line->text);
    }
}

enum b_code dp_pieces_make(struct dp_assembly *a, const struct dp_draft_table *table, struct dp_piece **out,
                           int32_t *n_pieces, int32_t *n_rows, struct b_err *err)
{
    size_t room = 0;
    for (int32_t i = 0; i < table->n_items; i++)
        room += (size_t)a->page->lines[a->items[table->items[i]].line].n_words + 1;
    *n_pieces = *n_rows = 0;
    *out = B_ARENA_ARRAY(a->arena, room, struct dp_piece);
    if (!*out)
        return b_arena_refused(a->arena, "assembly", err);
    for (int32_t i = 0; i < table->n_items; i++)
        cut_line(a, table->items[i], *out, n_pieces);
    *n_rows = number_rows(*out, n_pieces);
    return B_OK;
}

/* --- texts of cells --- */

/* A run of words of one line inside one cell. */
struct part {
    int32_t cell; /* position of the owner in the grid */
    float y, x, tall;
    int32_t line, first_word, n_words;
};

static int by_cell(const void *p, const void *q)
{
    const struct part *a = p, *b = q;
    if (a->cell != b->cell)
        return a->cell < b->cell ? -1 : 1;
    if (a->y < b->y || a->y > b->y)
        return a->y < b->y ? -1 : 1;
    return a->x < b->x ? -1 : a->x > b->x ? 1 : a->first_word - b->first_word;
}

static int by_x(const void *p, const void *q)
{
    const struct part *a = p, *b = q;
    return a->x < b->x ? -1 : a->x > b->x ? 1 : a->first_word - b->first_word;
}

static int32_t cell_at(const struct dp_draft_table *t, float x, float y)
{
    return t->owner[dp_grid_index(t->ys, t->rows + 1, y) * t->cols + dp_grid_index(t->xs, t->cols + 1, x)];
}

/* Where text ends in each row of the grid; leaders are none. */
static float *row_ends(const struct dp_assembly *a, const struct dp_draft_table *t)
{
    float *ends = B_ARENA_ARRAY(a->arena, (size_t)t->rows, float);
    for (int32_t r = 0; ends && r < t->rows; r++)
        ends[r] = -1e30f;
    for (int32_t i = 0; ends && i < t->n_items; i++) {
        const struct dp_item *item = &a->items[t->items[i]];
        const struct dp_line *line = &a->page->lines[item->line];
        float *end = &ends[dp_grid_index(t->ys, t->rows + 1, mid_y(item->box))];
        for (int32_t k = 0; k < line->n_words; k++) {
            const int32_t leader = dp_leader_words(a, item, k);
            if (leader > 0)
                k += leader - 1;
            else
                *end = fmaxf(*end, word_box(a, item, &a->page->words[line->first_word + k]).x1);
        }
    }
    return ends;
}

/* The leader of the line's words [from, from + n) leads to a text of its row, rather than being a blank to fill in. */
static bool leads_on(const struct dp_assembly *a, const struct dp_draft_table *t, const struct dp_item *item,
                     int32_t from, int32_t n, const float *ends)
{
    const struct dp_word *last = &a->page->words[a->page->lines[item->line].first_word + from + n - 1];
    return word_box(a, item, last).x1 < ends[dp_grid_index(t->ys, t->rows + 1, mid_y(item->box))];
}

static int32_t collect_parts(const struct dp_assembly *a, const struct dp_draft_table *t, const float *ends,
                             struct part *parts)
{
    int32_t n = 0;
    for (int32_t i = 0; i < t->n_items; i++) {
        const struct dp_item *item = &a->items[t->items[i]];
        const struct dp_line *line = &a->page->lines[item->line];
        struct part *p = NULL;
        for (int32_t k = 0; k < line->n_words; k++) {
            const struct dp_rect box = word_box(a, item, &a->page->words[line->first_word + k]);
            const int32_t leader = dp_leader_words(a, item, k);
            if (leader > 0 && leads_on(a, t, item, k, leader, ends)) {
                k += leader - 1;
                p = NULL;
                continue;
            }
            const int32_t cell = cell_at(t, mid_x(box), mid_y(item->box));
            if (!p || p->cell != cell) {
                p = &parts[n++];
                *p = (struct part){cell, mid_y(box), box.x0, box.y1 - box.y0, item->line, line->first_word + k, 0};
            }
            p->n_words++;
        }
        if (line->n_words == 0)
            parts[n++] = (struct part){cell_at(t, mid_x(item->box), mid_y(item->box)),
                                       mid_y(item->box),
                                       item->box.x0,
                                       item->box.y1 - item->box.y0,
                                       item->line,
                                       0,
                                       0};
    }
    if (n > 0)
        qsort(parts, (size_t)n, sizeof *parts, by_cell);
    for (int32_t from = 0, k = 1; k <= n; k++) { /* within a cell: printed rows, each from left to right */
        if (k < n && parts[k].cell == parts[from].cell && parts[k].y - parts[from].y < 0.5f * parts[from].tall)
            continue;
        qsort(parts + from, (size_t)(k - from), sizeof *parts, by_x);
        from = k;
    }
    return n;
}

static char *text_of(struct dp_assembly *a, const struct part *parts, int32_t n)
{
    struct dp_line *lines = B_ARENA_ARRAY(a->arena, (size_t)n, struct dp_line);
    for (int32_t i = 0; lines && i < n; i++) {
        lines[i] = a->page->lines[parts[i].line];
        if (parts[i].n_words > 0 && parts[i].n_words < lines[i].n_words)
            lines[i].text = dp_words_text(a->arena, &a->page->words[parts[i].first_word], parts[i].n_words);
        if (!lines[i].text)
            return NULL;
    }
    return lines ? dp_join_lines(a->page->arena, lines, n) : NULL;
}

static float confidence_of(const struct dp_assembly *a, const struct part *parts, int32_t n)
{
    double sum = 0;
    int32_t known = 0;
    for (int32_t i = 0; i < n; i++) {
        const float c = a->page->lines[parts[i].line].confidence;
        if (c >= 0) {
            sum += (double)c;
            known++;
        }
    }
    return known ? (float)(sum / known) : DP_NO_CONFIDENCE;
}

/* The cell's own rectangle where the page is flat, otherwise around its words; empty cells then have none. */
static struct dp_rect box_of(const struct dp_assembly *a, const struct dp_draft_table *t, const struct dp_draft_cell *c,
                             const struct part *parts, int32_t n)
{
    if (!a->frame.warped && a->frame.turns == 0)
        return dp_frame_from_direction(
            &a->frame,
            (struct dp_rect){t->xs[c->col], t->ys[c->row], t->xs[c->col + c->col_span], t->ys[c->row + c->row_span]},
            a->main_direction);
    struct dp_rect box = {0, 0, 0, 0};
    bool any = false;
    for (int32_t i = 0; i < n; i++)
        for (int32_t k = 0; k < parts[i].n_words; k++) {
            const struct dp_rect w = a->page->words[parts[i].first_word + k].bbox;
            box = any ? dp_rect_union(box, w) : w;
            any = true;
        }
    return box;
}

/* In the column that names the rows. */
static bool is_first(const struct dp_draft_table *t, const struct dp_draft_cell *c)
{
    return t->rtl ? c->col + c->col_span == t->cols : c->col == 0;
}

static enum b_code fill_cells(struct dp_assembly *a, const struct dp_draft_table *t, struct dp_cell *cells,
                              struct b_err *err)
{
    size_t room = 0;
    for (int32_t i = 0; i < t->n_items; i++)
        room += (size_t)a->page->lines[a->items[t->items[i]].line].n_words + 1;
    struct part *parts = B_ARENA_ARRAY(a->arena, room, struct part);
    const float *ends = row_ends(a, t);
    if (!parts || !ends)
        return b_arena_refused(a->arena, "assembly", err);
    const int32_t n = collect_parts(a, t, ends, parts);
    for (int32_t i = 0, at = 0; i < t->n_cells; i++) {
        const struct dp_draft_cell *c = &t->cells[i];
        const int32_t own = c->row * t->cols + c->col;
        int32_t end = at;
        while (end < n && parts[end].cell == own)
            end++;
        cells[i] = (struct dp_cell){.row = c->row,
                                    .col = c->col,
                                    .row_span = c->row_span,
                                    .col_span = c->col_span,
                                    .header = c->row < t->header_rows              ? DP_COLUMN_HEADER
                                              : t->header_column && is_first(t, c) ? DP_ROW_HEADER
                                                                                   : DP_NOT_HEADER,
                                    .bbox = box_of(a, t, c, parts + at, end - at),
                                    .confidence = confidence_of(a, parts + at, end - at)};
        cells[i].text = end > at ? text_of(a, parts + at, end - at) : "";
        if (!cells[i].text)
            return b_arena_refused(a->page->arena, "assembly", err);
        at = end;
    }
    return B_OK;
}

static int by_position(const void *p, const void *q)
{
    const struct dp_cell *a = p, *b = q;
    return a->row != b->row ? a->row - b->row : a->col - b->col;
}

/* Columns numbered from the right. */
static void mirror_columns(const struct dp_draft_table *t, struct dp_cell *cells)
{
    for (int32_t i = 0; i < t->n_cells; i++)
        cells[i].col = t->cols - cells[i].col - cells[i].col_span;
    if (t->n_cells > 1)
        qsort(cells, (size_t)t->n_cells, sizeof *cells, by_position);
}

/* Cells row by row, tabs and newlines between. */
static char *block_text(struct b_arena *arena, const struct dp_cell *cells, int32_t n)
{
    size_t size = 1, len = 0;
    for (int32_t i = 0; i < n; i++)
        size += strlen(cells[i].text) + 1;
    char *text = b_arena_alloc(arena, size, 1);
    for (int32_t i = 0; text && i < n; i++) {
        const size_t more = strlen(cells[i].text);
        if (i > 0)
            text[len++] = cells[i].row != cells[i - 1].row ? '\n' : '\t';
        memcpy(text + len, cells[i].text, more);
        len += more;
    }
    if (text)
        text[len] = '\0';
    return text;
}

enum b_code dp_table_emit(struct dp_assembly *a, const struct dp_draft_table *table, struct dp_block *block,
                          struct b_err *err)
{
    struct dp_page *page = a->page;
    size_t table_cap = (size_t)page->n_tables, cell_cap = (size_t)page->n_cells;
    struct dp_table *tables = B_ARENA_ARRAY(page->arena, table_cap + 1, struct dp_table);
    struct dp_cell *cells = B_ARENA_ARRAY(page->arena, cell_cap + (size_t)table->n_cells, struct dp_cell);
    if (!tables || !cells)
        return b_arena_refused(page->arena, "assembly", err);
    if (page->n_tables)
        memcpy(tables, page->tables, table_cap * sizeof *tables);
    if (page->n_cells)
        memcpy(cells, page->cells, cell_cap * sizeof *cells);
    struct dp_assembly view = *a; /* the page as the table's text runs */
    view.main_direction = table->direction;
    const enum b_code code = fill_cells(&view, table, cells + cell_cap, err);
    if (code != B_OK)
        return code;
    if (table->rtl)
        mirror_columns(table, cells + cell_cap);
    tables[table_cap] = (struct dp_table){
        .rows = table->rows, .cols = table->cols, .first_cell = page->n_cells, .n_cells = table->n_cells};
    block->table = page->n_tables;
    block->text = block_text(page->arena, cells + cell_cap, table->n_cells);
    page->tables = tables;
    page->cells = cells;
    page->n_tables++;
    page->n_cells += table->n_cells;
    return block->text ? B_OK : b_arena_refused(page->arena, "assembly", err);
}
