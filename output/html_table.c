/* SPDX-License-Identifier: Apache-2.0 */
/* A grid as an HTML table. Rows are walked with a list of how far down each column is taken, so holes are
 * found without a map of the whole grid; the work is rows + cells + columns of the rows that have cells. */
#include "output/html_table.h"

#include <stdlib.h>
#include <string.h>

#include "output/escape.h"

#define HOLES_MAX 64 /* empty cells in a row that are written one by one */

struct walk {
    struct b_buf *buf;
    const struct dp_page *page;
    const struct dp_table *table;
    const struct out_table_style *style;
    int32_t *until; /* first row in which a column is free again */
    bool head;      /* inside <thead> */
};

static void text_of(struct walk *w, const char *text)
{
    if (w->style->cell_text) {
        w->style->cell_text(w->buf, text, w->style->ctx);
        return;
    }
    for (const char *p = text; *p;) {
        const size_t n = strcspn(p, "\n");
        out_xml_textn(w->buf, p, n);
        p += n;
        if (*p) {
            b_buf_putc(w->buf, ' ');
            p++;
        }
    }
}

static void cell(struct walk *w, const struct dp_cell *c)
{
    const bool header = c->header != DP_NOT_HEADER;
    b_buf_puts(w->buf, header ? "<th" : "<td");
    if (header && w->style->sections)
        b_buf_puts(w->buf, c->header == DP_ROW_HEADER ? " scope=\"row\"" : " scope=\"col\"");
    if (c->row_span > 1)
        b_buf_printf(w->buf, " rowspan=\"%d\"", c->row_span);
    if (c->col_span > 1)
        b_buf_printf(w->buf, " colspan=\"%d\"", c->col_span);
    if (w->style->cell_attributes)
        w->style->cell_attributes(w->buf, c, w->style->ctx);
    b_buf_putc(w->buf, '>');
    text_of(w, c->text);
    b_buf_puts(w->buf, header ? "</th>" : "</td>");
}

/* Empty cells for the free columns of [from, to); a long run is one cell, so that a sparse grid stays small. */
static void holes(struct walk *w, int32_t row, int32_t from, int32_t to)
{
    for (int32_t c = from; c < to;) {
        int32_t end = c;
        while (end < to && w->until[end] <= row)
            end++;
        if (end - c > HOLES_MAX)
            b_buf_printf(w->buf, "<td colspan=\"%d\"></td>", end - c);
        else
            for (int32_t k = c; k < end; k++)
                b_buf_puts(w->buf, "<td></td>");
        c = end > c ? end : c + 1;
    }
}

/* True when every cell that starts in the row is a column header that ends by then. */
static bool is_head_row(const struct walk *w, int32_t first, int32_t row, int32_t *end)
{
    int32_t i = first;
    for (; i < w->table->n_cells; i++) {
        const struct dp_cell *c = &w->page->cells[w->table->first_cell + i];
        if (c->row != row)
            break;
        if (c->header != DP_COLUMN_HEADER)
            return false;
        if (c->row + c->row_span > *end)
            *end = c->row + c->row_span;
    }
    return i > first;
}

/* Rows of the table's head: leading rows of column headers, where no span reaches into the body. */
static int32_t head_rows(const struct walk *w)
{
    int32_t row = 0, end = 0, i = 0;
    while (row < w->table->rows && is_head_row(w, i, row, &end)) {
        while (i < w->table->n_cells && w->page->cells[w->table->first_cell + i].row == row)
            i++;
        row++;
    }
    return end <= row && row < w->table->rows ? row : 0;
}

static int32_t row_of(struct walk *w, int32_t row, int32_t i)
{
    int32_t col = 0;
    b_buf_puts(w->buf, "<tr>");
    for (; i < w->table->n_cells; i++) {
        const struct dp_cell *c = &w->page->cells[w->table->first_cell + i];
        if (c->row != row)
            break;
        holes(w, row, col, c->col);
        cell(w, c);
        for (int32_t k = c->col; k < c->col + c->col_span; k++)
            w->until[k] = c->row + c->row_span;
        col = c->col + c->col_span;
    }
    if (col > 0)
        holes(w, row, col, w->table->cols);
    b_buf_puts(w->buf, "</tr>");
    if (w->style->lines)
        b_buf_putc(w->buf, '\n');
    return i;
}

static void rows(struct walk *w)
{
    const bool sections = w->style->sections;
    const char *nl = w->style->lines ? "\n" : "";
    const int32_t first = w->style->first, head = sections && first == 0 && !w->style->more ? head_rows(w) : 0;
    int32_t i = 0;
    while (i < w->table->n_cells && w->page->cells[w->table->first_cell + i].row < first)
        i++;
    for (int32_t row = first; row < w->table->rows; row++) {
        if (sections && row == first)
            b_buf_printf(w->buf, "%s%s", head > 0 ? "<thead>" : "<tbody>", nl);
        if (sections && head > 0 && row == head)
            b_buf_printf(w->buf, "</thead>%s<tbody>%s", nl, nl);
        i = row_of(w, row, i);
        if (w->buf->failed != B_OK)
            return;
    }
    if (sections && w->table->rows > first)
        b_buf_printf(w->buf, "</tbody>%s", nl);
}

static void start(struct walk *w)
{
    b_buf_puts(w->buf, "<table");
    if (w->style->table_attributes)
        w->style->table_attributes(w->buf, w->style->ctx);
    b_buf_putc(w->buf, '>');
    if (w->style->lines)
        b_buf_putc(w->buf, '\n');
    if ((w->style->sections || w->style->caption) && w->table->caption) {
        b_buf_puts(w->buf, "<caption>");
        text_of(w, w->table->caption);
        b_buf_puts(w->buf, "</caption>");
    }
}

void out_html_table(struct b_buf *buf, const struct dp_page *page, const struct dp_table *table,
                    const struct out_table_style *style)
{
    static const struct out_table_style compact = {.sections = false};
    struct walk w = {.buf = buf, .page = page, .table = table, .style = style ? style : &compact};
    w.until = calloc((size_t)table->cols + 1, sizeof *w.until);
    if (!w.until) {
        buf->failed = B_NO_MEMORY;
        return;
    }
    if (!w.style->more)
        start(&w);
    rows(&w);
    if (!w.style->more && !w.style->open)
        b_buf_puts(buf, "</table>");
    free(w.until);
}
