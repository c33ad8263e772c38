/* SPDX-License-Identifier: Apache-2.0 */
/* XLSX by libxlsxwriter: one sheet a table behind an index, spans as merged cells. A cell is a number only where
 * the spreadsheet then shows exactly the text that was read ("087" and "1,204" stay texts). Texts are stored as
 * texts, never as formulas, in cells of the text format, so that "=1+1" stays harmless when it is edited.
 * The library writes files, so it gets an anonymous one in memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xlsxwriter.h>

#include "engine/base/utf8.h"
#include "output/cells.h"
#include "output/escape.h"
#include "output/writer_private.h"

#define CREATED 946684800    /* 2000-01-01: the same document gives the same bytes */
#define CELL_UNITS_MAX 32767 /* UTF-16 units that a cell takes */
#define TEXT_FORMAT 49       /* "@": what is typed into such a cell stays a text */
#define ROWS_MAX 1048576
#define COLS_MAX 16384
#define SHEETS_MAX 10000 /* tables; every sheet costs a spreadsheet program memory and time */

struct xlsx_writer {
    struct out_writer frame;
    int fd;
    lxw_workbook *book;
    lxw_worksheet *index;
    lxw_format *text, *number, *head_text, *head_number;
    lxw_row_t tables;    /* rows of the index so far */
    lxw_worksheet *open; /* of the table that goes on on the next page; NULL when none does */
    int32_t open_rows;   /* rows in it so far */
};

static enum b_code broken(lxw_error error, struct b_err *err)
{
    if (error == LXW_NO_ERROR)
        return B_OK;
    if (error == LXW_ERROR_MEMORY_MALLOC_FAILED)
        return b_fail(err, B_NO_MEMORY, OUT_DOMAIN, "out of memory");
    if (error == LXW_ERROR_CREATING_TMPFILE || error == LXW_ERROR_CREATING_XLSX_FILE)
        return b_fail(err, B_IO, OUT_DOMAIN, "the workbook could not be written: %s", lxw_strerror(error));
    return b_fail(err, B_LIBRARY, OUT_DOMAIN, "the workbook could not be written: %s", lxw_strerror(error));
}

static bool hex4(const char *p)
{
    return strspn(p, "0123456789ABCDEFabcdef") >= 4;
}

/* Text as the format stores it: cut to what a cell takes, "_x0041_" quoted, as it would be read as a character. */
static void cell_text(struct b_buf *buf, const char *text)
{
    const size_t len = strlen(text);
    size_t units = 0;
    for (size_t pos = 0; pos < len;) {
        if (text[pos] == '_' && text[pos + 1] == 'x' && hex4(text + pos + 2) && text[pos + 6] == '_') {
            b_buf_puts(buf, "_x005F");
            units += 6;
        }
        const uint32_t cp = out_next(text, len, &pos);
        units += cp > 0xFFFF ? 2 : 1;
        if (units >= CELL_UNITS_MAX) {
            b_buf_puts(buf, "\xE2\x80\xA6");
            return;
        }
        out_put(buf, cp);
    }
}

/* first: the sheet's row of the table's first one. */
static enum b_code put(struct xlsx_writer *w, lxw_worksheet *sheet, const struct dp_cell *c, int32_t first,
                       struct b_err *err)
{
    const bool spans = c->row_span > 1 || c->col_span > 1;
    const lxw_row_t row = (lxw_row_t)(c->row + first);
    const lxw_col_t col = (lxw_col_t)c->col;
    lxw_error error = LXW_NO_ERROR;
    double number = 0;
    const bool numeric = out_is_exact_number(c->text, &number), head = c->header != DP_NOT_HEADER;
    lxw_format *format = numeric ? (head ? w->head_number : w->number) : head ? w->head_text : w->text;
    struct b_buf text;
    if (c->row + first + c->row_span > ROWS_MAX || c->col + c->col_span > COLS_MAX)
        return B_OK; /* beyond what a sheet has */
    b_buf_init(&text, OUT_PAGE_MAX);
    cell_text(&text, c->text);
    if (spans)
        error = worksheet_merge_range(sheet, row, col, row + (lxw_row_t)c->row_span - 1,
                                      (lxw_col_t)(col + c->col_span - 1), "", format);
    if (error == LXW_NO_ERROR && numeric)
        error = worksheet_write_number(sheet, row, col, number, format);
    else if (error == LXW_NO_ERROR && text.len > 0)
        error = worksheet_write_string(sheet, row, col, text.data, format);
    enum b_code code = b_buf_check(&text, OUT_DOMAIN, err);
    b_buf_free(&text);
    return code == B_OK ? broken(error, err) : code;
}

static enum b_code index_row(struct xlsx_writer *w, const struct dp_page *page, const struct out_tree *tree, int32_t i,
                             const char *sheet, struct b_err *err)
{
    const struct dp_table *t = &page->tables[page->blocks[i].table];
    const char *caption = t->caption                    ? t->caption
                          : tree->caption[i] == DP_NONE ? ""
                                                        : page->blocks[tree->caption[i]].text;
    char link[96];
    struct b_buf text;
    b_buf_init(&text, OUT_PAGE_MAX);
    cell_text(&text, caption);
    (void)snprintf(link, sizeof link, "internal:'%s'!A1", sheet);
    const lxw_row_t row = ++w->tables;
    lxw_error error = worksheet_write_url(w->index, row, 0, link, NULL);
    if (error == LXW_NO_ERROR)
        error = worksheet_write_string(w->index, row, 0, sheet, w->text);
    const int32_t numbers[] = {page->number, t->rows, t->cols};
    for (lxw_col_t k = 0; k < 3 && error == LXW_NO_ERROR; k++)
        error = worksheet_write_number(w->index, row, (lxw_col_t)(k + 1), numbers[k], w->number);
    if (text.len > 0 && error == LXW_NO_ERROR)
        error = worksheet_write_string(w->index, row, 4, text.data, w->text);
    const enum b_code code = b_buf_check(&text, OUT_DOMAIN, err);
    b_buf_free(&text);
    return code == B_OK ? broken(error, err) : code;
}

/* A table that goes on keeps its sheet: its further rows stand under the first ones, without the repeated head. */
static enum b_code more_rows(struct xlsx_writer *w, const struct dp_page *page, const struct dp_table *t,
                             struct b_err *err)
{
    enum b_code code = B_OK;
    for (int32_t k = 0; code == B_OK && k < t->n_cells; k++) {
        const struct dp_cell *c = &page->cells[t->first_cell + k];
        if (c->row >= t->repeated_rows)
            code = put(w, w->open, c, w->open_rows - t->repeated_rows, err);
    }
    w->open_rows += t->rows - t->repeated_rows;
    return code;
}

static enum b_code sheet_of(struct xlsx_writer *w, const struct dp_page *page, const struct out_tree *tree, int32_t i,
                            struct b_err *err)
{
    const struct dp_table *t = &page->tables[page->blocks[i].table];
    char name[32];
    (void)snprintf(name, sizeof name, "p%d-b%d", page->number, i);
    lxw_worksheet *sheet = workbook_add_worksheet(w->book, name);
    enum b_code code = sheet ? B_OK : b_fail(err, B_NO_MEMORY, OUT_DOMAIN, "out of memory");
    for (int32_t k = 0; code == B_OK && k < t->n_cells; k++)
        code = put(w, sheet, &page->cells[t->first_cell + k], 0, err);
    w->open = sheet;
    w->open_rows = t->rows;
    return code == B_OK ? index_row(w, page, tree, i, name, err) : code;
}

static enum b_code xlsx_page(struct out_writer *writer, const struct dp_page *page, const struct b_image_view *image,
                             struct b_err *err)
{
    struct xlsx_writer *w = (struct xlsx_writer *)writer;
    struct out_tree tree;
    enum b_code code = out_tree_new(page, &tree, err);
    (void)image;
    for (int32_t i = 0; i < page->n_blocks && code == B_OK; i++)
        if (out_grid(page, &page->blocks[i])) {
            const struct dp_table *t = out_grid(page, &page->blocks[i]);
            const bool more = t->continues && w->open;
            w->open = more ? w->open : NULL;
            if (more)
                code = more_rows(w, page, t, err);
            else if (w->tables < SHEETS_MAX)
                code = sheet_of(w, page, &tree, i, err);
            if (!page->blocks[i].joined)
                w->open = NULL;
        }
    out_tree_free(&tree);
    return code;
}

static lxw_format *format(lxw_workbook *book, bool text, bool bold)
{
    lxw_format *f = workbook_add_format(book);
    if (!f)
        return NULL; /* the library then writes without a format */
    format_set_align(f, LXW_ALIGN_VERTICAL_TOP);
    if (bold)
        format_set_bold(f);
    if (text) {
        format_set_text_wrap(f);
        format_set_num_format_index(f, TEXT_FORMAT);
    }
    return f;
}

static enum b_code xlsx_begin(struct out_writer *writer, struct b_err *err)
{
    struct xlsx_writer *w = (struct xlsx_writer *)writer;
    static const char *const heads[] = {"sheet", "page", "rows", "columns", "caption"};
    char path[64];
    w->fd = memfd_create("workbook", MFD_CLOEXEC);
    if (w->fd < 0)
        return b_fail(err, B_IO, OUT_DOMAIN, "no memory for the workbook");
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", w->fd);
    w->book = workbook_new(path);
    w->index = w->book ? workbook_add_worksheet(w->book, "index") : NULL;
    if (!w->index)
        return b_fail(err, B_NO_MEMORY, OUT_DOMAIN, "out of memory");
    lxw_doc_properties properties = {.created = CREATED};
    (void)workbook_set_properties(w->book, &properties);
    w->text = format(w->book, true, false);
    w->number = format(w->book, false, false);
    w->head_text = format(w->book, true, true);
    w->head_number = format(w->book, false, true);
    for (lxw_col_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        (void)worksheet_write_string(w->index, 0, i, heads[i], w->head_text);
    return B_OK;
}

static enum b_code take_file(struct xlsx_writer *w, struct b_buf *buf, struct b_err *err)
{
    struct stat status;
    if (fstat(w->fd, &status) != 0 || status.st_size <= 0)
        return b_fail(err, B_IO, OUT_DOMAIN, "the workbook is empty");
    const size_t size = (size_t)status.st_size;
    void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, w->fd, 0);
    if (data == MAP_FAILED)
        return b_fail(err, B_NO_MEMORY, OUT_DOMAIN, "out of memory");
    b_buf_append(buf, data, size);
    (void)munmap(data, size);
    return B_OK;
}

static enum b_code xlsx_end(struct out_writer *writer, enum dp_status status, struct b_err *err)
{
    struct xlsx_writer *w = (struct xlsx_writer *)writer;
    (void)status;
    lxw_workbook *book = w->book;
    w->book = NULL; /* closing frees it, whatever happens */
    enum b_code code = broken(workbook_close(book), err);
    return code == B_OK ? take_file(w, &writer->buf, err) : code;
}

static void xlsx_drop(struct out_writer *writer)
{
    struct xlsx_writer *w = (struct xlsx_writer *)writer;
    lxw_workbook_free(w->book);
    if (w->fd >= 0)
        (void)close(w->fd);
}

static const struct out_ops xlsx_ops = {.begin = xlsx_begin, .page = xlsx_page, .end = xlsx_end, .drop = xlsx_drop};

OUT_OPENER(out_xlsx_open)
{
    enum b_code code = out_writer_new(sizeof(struct xlsx_writer), &xlsx_ops, options, sink, out, err);
    if (code == B_OK)
        ((struct xlsx_writer *)*out)->fd = -1;
    return code;
}
