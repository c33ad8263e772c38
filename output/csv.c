/* SPDX-License-Identifier: Apache-2.0 */
/* CSV (RFC 4180, UTF-8): one file a table, and index.csv that says which table is which. A spanning cell stands
 * at its first position. A table that goes on over pages is one file, its repeated heads left out. Spreadsheets run
 * what begins with = + - @ or a control character as a formula: such cells get an apostrophe in front, except plain
 * numbers, which are no formula ("-12", "+3.5 %"). */
#include <stdio.h>
#include <string.h>

#include "output/cells.h"
#include "output/escape.h"
#include "output/writer_private.h"

struct csv_writer {
    struct out_writer frame;
    struct b_buf index;
    bool any;
    struct b_buf rows, caption; /* of the table that was begun and may go on on the next page */
    char block[40];
    const char *type;
    int32_t page, n_rows, cols; /* cols DP_NONE: none was begun */
};

/* alone: the only column of its table. */
static void field(struct b_buf *buf, const char *text, bool alone)
{
    const bool formula = out_is_formula(text);
    if (text[0] == '\0' && alone) { /* an empty line would be no row */
        b_buf_puts(buf, "\"\"");
        return;
    }
    if (!formula && !text[strcspn(text, ",\"\n\r\t;")] && text[0] != ' ') {
        out_plain(buf, text);
        return;
    }
    b_buf_puts(buf, formula ? "\"'" : "\"");
    for (const char *p = text; *p;) {
        const size_t n = strcspn(p, "\"");
        out_plainn(buf, p, n);
        p += n;
        if (*p) {
            b_buf_puts(buf, "\"\"");
            p++;
        }
    }
    b_buf_putc(buf, '"');
}

/* Empty fields up to a column; the first one of a row has no comma in front. */
static void commas(struct b_buf *buf, int32_t from, int32_t to)
{
    for (int32_t c = from < 1 ? 1 : from; c < to; c++)
        b_buf_putc(buf, ',');
}

static void end_row(struct b_buf *buf, int32_t col, int32_t cols)
{
    if (col == 0 && cols == 1)
        b_buf_puts(buf, "\"\"");
    commas(buf, col, cols);
    b_buf_puts(buf, "\r\n");
}

/* Rows from `first` on. */
static void table(struct b_buf *buf, const struct dp_page *page, const struct dp_table *t, int32_t first)
{
    int32_t row = first, col = 0;
    for (int32_t i = 0; i < t->n_cells; i++) {
        const struct dp_cell *c = &page->cells[t->first_cell + i];
        if (c->row < first)
            continue;
        for (; row < c->row; row++, col = 0)
            end_row(buf, col, t->cols);
        commas(buf, col, c->col + 1);
        field(buf, c->text, t->cols == 1);
        col = c->col + 1;
    }
    for (; row < t->rows; row++, col = 0)
        end_row(buf, col, t->cols);
}

/* The caption of the table's block: its own, or the first one that belongs to it. */
static const char *caption_of(const struct dp_page *page, const struct out_tree *tree, int32_t i)
{
    const struct dp_table *t = &page->tables[page->blocks[i].table];
    if (t->caption)
        return t->caption;
    return tree->caption[i] == DP_NONE ? "" : page->blocks[tree->caption[i]].text;
}

/* Writes the file of the table that was begun last, and its row of the index. */
static enum b_code finish(struct csv_writer *w, struct b_err *err)
{
    char name[64];
    if (w->cols < 0)
        return B_OK;
    (void)snprintf(name, sizeof name, "%s.csv", w->block);
    enum b_code code = b_buf_check(&w->rows, OUT_DOMAIN, err);
    if (code == B_OK)
        code = b_buf_check(&w->caption, OUT_DOMAIN, err);
    if (code == B_OK)
        code = out_side(&w->frame, name, w->rows.data, w->rows.len, err);
    if (code == B_OK) {
        b_buf_printf(&w->index, "%s,%s,%d,%s,%d,%d,", name, w->block, w->page, w->type, w->n_rows, w->cols);
        b_buf_append(&w->index, w->caption.data, w->caption.len);
        b_buf_puts(&w->index, "\r\n");
    }
    w->any = true;
    w->cols = DP_NONE;
    b_buf_free(&w->rows);
    b_buf_free(&w->caption);
    return code;
}

/* A table, or the rows of one that goes on from the page before, without those that repeat its head. */
static enum b_code one(struct csv_writer *w, const struct dp_page *page, const struct out_tree *tree, int32_t i,
                       struct b_err *err)
{
    const struct dp_block *b = &page->blocks[i];
    const struct dp_table *t = &page->tables[b->table];
    const bool more = t->continues && w->cols == t->cols && w->rows.len < OUT_PAGE_MAX;
    enum b_code code = more ? B_OK : finish(w, err);
    if (!more) {
        b_buf_init(&w->rows, 2 * (size_t)OUT_PAGE_MAX);
        b_buf_init(&w->caption, OUT_PAGE_MAX);
        (void)snprintf(w->block, sizeof w->block, "p%d-b%d", page->number, i);
        field(&w->caption, caption_of(page, tree, i), false);
        w->page = page->number;
        w->type = dp_block_type_name(b->type);
        w->n_rows = 0;
        w->cols = t->cols;
    }
    const int32_t first = more ? t->repeated_rows : 0;
    table(&w->rows, page, t, first);
    w->n_rows += t->rows - first;
    return code == B_OK && !b->joined ? finish(w, err) : code;
}

static enum b_code csv_page(struct out_writer *writer, const struct dp_page *page, const struct b_image_view *image,
                            struct b_err *err)
{
    struct out_tree tree;
    enum b_code code = out_tree_new(page, &tree, err);
    (void)image;
    for (int32_t i = 0; i < page->n_blocks && code == B_OK; i++)
        if (out_grid(page, &page->blocks[i]))
            code = one((struct csv_writer *)writer, page, &tree, i, err);
    out_tree_free(&tree);
    return code;
}

/* A document without tables leaves nothing behind. */
static enum b_code csv_end(struct out_writer *writer, enum dp_status status, struct b_err *err)
{
    struct csv_writer *w = (struct csv_writer *)writer;
    (void)status;
    enum b_code code = finish(w, err);
    if (!w->any || code != B_OK)
        return code;
    code = b_buf_check(&w->index, OUT_DOMAIN, err);
    return code == B_OK ? out_side(writer, "index.csv", w->index.data, w->index.len, err) : code;
}

static void csv_drop(struct out_writer *writer)
{
    struct csv_writer *w = (struct csv_writer *)writer;
    b_buf_free(&w->index);
    b_buf_free(&w->rows);
    b_buf_free(&w->caption);
}

static const struct out_ops csv_ops = {.page = csv_page, .end = csv_end, .drop = csv_drop};

OUT_OPENER(out_csv_open)
{
    enum b_code code = out_writer_new(sizeof(struct csv_writer), &csv_ops, options, sink, out, err);
    if (code != B_OK)
        return code;
    struct csv_writer *w = (struct csv_writer *)*out;
    w->cols = DP_NONE;
    b_buf_init(&w->index, OUT_PAGE_MAX);
    b_buf_puts(&w->index, "file,block,page,type,rows,columns,caption\r\n");
    return B_OK;
}
