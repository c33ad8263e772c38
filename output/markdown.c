/* SPDX-License-Identifier: Apache-2.0 */
/* Markdown for people and for benchmarks: one blank line between blocks and none inside of them, GitHub tables
 * where no cell spans, HTML tables where one does, formulas in dollars. Paragraphs that columns and pages
 * tore apart are one paragraph again: the last one of a page is held back until the next page is known. */
#include <stdlib.h>
#include <string.h>

#include "output/escape.h"
#include "output/flow.h"
#include "output/html_table.h"
#include "output/joined.h"
#include "output/md_escape.h"
#include "output/writer_private.h"

#define DEPTH_MAX 16 /* levels of lists that are indented; deeper ones stay at this depth */
#define HEADING_MAX 6

struct md_writer {
    struct out_writer frame;
    bool any;  /* a block was written: the next one needs a blank line */
    bool open; /* held text that goes on on the next page */
    enum dp_block_type open_type;
    bool open_math;
    struct b_buf held;
    struct out_joined joined;
    struct b_buf pipes, html; /* the table that waits, in both forms: later rows may need spans */
    bool pipes_fit;
};

struct md_page {
    struct md_writer *w;
    struct b_buf *buf;
    const struct dp_page *page;
    const struct out_tree *tree;
    bool *done;
    int indent[DEPTH_MAX + 1]; /* columns before the text of an item at each depth */
};

static void start_block(struct md_writer *w)
{
    if (w->any)
        b_buf_puts(&w->frame.buf, "\n\n");
    w->any = true;
}

static void release(struct md_writer *w)
{
    if (!w->open)
        return;
    start_block(w);
    out_md_text(&w->frame.buf, w->held.data ? w->held.data : "", OUT_MD_BLOCK, w->open_math);
    b_buf_clear(&w->held);
    w->open = false;
}

static void row_lead(struct b_buf *buf, int32_t from, int32_t to)
{
    for (int32_t c = from; c < to; c++)
        b_buf_puts(buf, " |");
}

static void rule(struct b_buf *buf, int32_t cols)
{
    b_buf_puts(buf, "\n|");
    for (int32_t c = 0; c < cols; c++)
        b_buf_puts(buf, " --- |");
}

/* Rows from `first` on. Without spans each cell is one position. head: the first row is the header that the format asks
 * for. */
static void pipe_rows(struct b_buf *buf, const struct md_page *m, const struct dp_table *t, int32_t first, bool head,
                      bool math)
{
    int32_t row = first, col = 0;
    b_buf_putc(buf, '|');
    for (int32_t i = 0; i < t->n_cells; i++) {
        const struct dp_cell *c = &m->page->cells[t->first_cell + i];
        if (c->row < first)
            continue;
        for (; row < c->row; row++, col = 0) {
            row_lead(buf, col, t->cols);
            if (head && row == 0)
                rule(buf, t->cols);
            b_buf_puts(buf, "\n|");
        }
        row_lead(buf, col, c->col);
        b_buf_putc(buf, ' ');
        out_md_text(buf, c->text, OUT_MD_CELL, math && strchr(c->text, '$'));
        b_buf_puts(buf, " |");
        col = c->col + 1;
    }
    row_lead(buf, col, t->cols);
    if (head && row == 0)
        rule(buf, t->cols);
}

/* A grid that is mostly holes would blow up as pipes: one small file must not become a huge one. */
static bool fits_pipes(const struct md_page *m, const struct dp_table *t)
{
    const int64_t area = (int64_t)t->rows * t->cols;
    return !m->w->frame.options.html_tables && t->n_cells > 0 && !out_table_has_spans(m->page, t) &&
           area <= 4 * (int64_t)t->n_cells + 64;
}

/* Rows of the table that waits, in both forms. */
static void keep_rows(struct md_page *m, const struct dp_table *t, int32_t first, bool math, bool more)
{
    struct md_writer *w = m->w;
    const struct out_table_style style = {.first = first, .more = more, .open = true};
    w->pipes_fit = (w->pipes_fit || !more) && fits_pipes(m, t);
    if (more && first < t->rows)
        b_buf_putc(&w->pipes, '\n');
    if (w->pipes_fit && first < t->rows)
        pipe_rows(&w->pipes, m, t, first, !more, math);
    out_html_table(&w->html, m->page, t, &style);
}

/* Writes the table that has waited. */
static void put_table(void *ctx, struct b_buf *buf)
{
    struct md_writer *w = ctx;
    const struct b_buf *form = w->pipes_fit ? &w->pipes : &w->html;
    b_buf_append(buf, form->data, form->len);
    if (!w->pipes_fit)
        b_buf_puts(buf, "</table>");
    if (w->pipes.failed != B_OK || w->html.failed != B_OK)
        buf->failed = form->failed != B_OK ? form->failed : B_LIMIT;
    b_buf_free(&w->pipes);
    b_buf_free(&w->html);
}

static void table(struct md_page *m, int32_t i)
{
    const struct dp_block *b = &m->page->blocks[i];
    const struct dp_table *t = out_grid(m->page, b);
    struct md_writer *w = m->w;
    const bool math = b->source == DP_FROM_VLM, more = w->joined.block == i;
    if (t->caption || !more)
        start_block(w);
    if (t->caption) {
        out_md_text(m->buf, t->caption, OUT_MD_BLOCK, math);
        b_buf_puts(m->buf, more ? "" : "\n\n");
    }
    if (more) {
        keep_rows(m, t, t->repeated_rows, math, true);
    } else if (out_joined_starts(m->page, i)) {
        out_joined_start(&w->joined, m->page, i, m->buf);
        keep_rows(m, t, 0, math, false);
    } else if (fits_pipes(m, t)) {
        pipe_rows(m->buf, m, t, 0, true, math);
    } else {
        out_html_table(m->buf, m->page, t, NULL);
    }
}

static void code(struct md_page *m, const char *text, const char *language)
{
    size_t longest = 2, ticks = 0;
    for (const char *p = text; *p; p++) {
        ticks = *p == '`' ? ticks + 1 : 0;
        longest = ticks > longest ? ticks : longest;
    }
    start_block(m->w);
    for (size_t i = 0; i <= longest; i++)
        b_buf_putc(m->buf, '`');
    for (const char *p = language ? language : ""; *p > ' ' && *p != '`' && (unsigned char)*p < 0x80; p++)
        b_buf_putc(m->buf, *p);
    b_buf_putc(m->buf, '\n');
    out_plain(m->buf, text);
    if (*text && text[strlen(text) - 1] != '\n')
        b_buf_putc(m->buf, '\n');
    for (size_t i = 0; i <= longest; i++)
        b_buf_putc(m->buf, '`');
}

static void formula(struct md_page *m, const struct dp_block *b)
{
    const char *fence = b->display ? "$$" : "$";
    start_block(m->w);
    b_buf_puts(m->buf, fence);
    if (b->display)
        b_buf_putc(m->buf, '\n');
    out_md_latex(m->buf, b->latex);
    if (b->display)
        b_buf_putc(m->buf, '\n');
    b_buf_puts(m->buf, fence);
}

static void url(struct b_buf *buf, const char *text)
{
    static const char hex[] = "0123456789ABCDEF";
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p > 0x20 && *p < 0x7F && !strchr("%()<>\"\\`[]#?:", *p)) {
            b_buf_putc(buf, (char)*p);
        } else {
            const char coded[3] = {'%', hex[*p >> 4], hex[*p & 15]};
            b_buf_append(buf, coded, sizeof coded);
        }
    }
}

static void picture(struct md_page *m, int32_t i)
{
    const char *folder = m->w->frame.options.figures;
    start_block(m->w);
    b_buf_printf(m->buf, "![%s p%d-b%d](", dp_block_type_name(m->page->blocks[i].type), m->page->number, i);
    if (folder && m->page->blocks[i].has_bbox) {
        url(m->buf, folder);
        b_buf_printf(m->buf, "/p%d-b%d.png", m->page->number, i);
    }
    b_buf_putc(m->buf, ')');
}

/* Running text of any type, with everything it goes on in. */
static void paragraph(struct md_page *m, int32_t i, const char *sign)
{
    const struct dp_block *b = &m->page->blocks[i];
    struct b_buf text;
    b_buf_init(&text, OUT_PAGE_MAX);
    const bool more = out_flow_marked(m->page, i, m->done, &text);
    if (text.failed != B_OK)
        m->buf->failed = text.failed;
    if (more && !*sign && b->parent == DP_NONE && text.len > 0) {
        release(m->w);
        b_buf_append(&m->w->held, text.data, text.len);
        m->w->open = true;
        m->w->open_type = b->type;
        m->w->open_math = out_has_math(b);
    } else if (text.len > 0) {
        start_block(m->w);
        b_buf_puts(m->buf, sign);
        out_md_text(m->buf, text.data, *sign ? OUT_MD_INLINE : OUT_MD_BLOCK, out_has_math(b));
    }
    b_buf_free(&text);
}

static void heading(struct md_page *m, int32_t i)
{
    const struct dp_block *b = &m->page->blocks[i];
    char sign[HEADING_MAX + 2];
    /* A title is the first level, so sections start at the second. */
    int n = b->type == DP_TITLE ? 1 : b->level + 1;
    n = n > HEADING_MAX ? HEADING_MAX : n;
    memset(sign, '#', (size_t)n);
    sign[n] = ' ';
    sign[n + 1] = '\0';
    paragraph(m, i, sign);
}

static void block(struct md_page *m, int32_t i, int depth);

static bool ordered_marker(const char *marker)
{
    const size_t n = strspn(marker, "0123456789");
    return n > 0 && n <= 9 && (marker[n] == '.' || marker[n] == ')') && marker[n + 1] == '\0';
}

/* "- text" or "3. text", indented below the text of the item around it. */
static void item(struct md_page *m, int32_t i, int depth, bool first)
{
    const struct dp_block *b = &m->page->blocks[i];
    const int level = b->level > depth ? b->level : depth;
    const int d = level > DEPTH_MAX - 1 ? DEPTH_MAX - 1 : level;
    const char *marker = b->marker ? b->marker : "";
    const bool ordered = ordered_marker(marker);
    if (first && depth == 0)
        start_block(m->w);
    else
        b_buf_putc(m->buf, '\n');
    for (int k = 0; k < m->indent[d]; k++)
        b_buf_putc(m->buf, ' ');
    const size_t before = m->buf->len;
    b_buf_puts(m->buf, ordered ? marker : "-");
    b_buf_putc(m->buf, ' ');
    m->indent[d + 1] = m->indent[d] + (int)(m->buf->len - before);
    /* Markers such as "a)" or "(iv)" are part of the text; bullets are not. */
    const bool own = !ordered && strlen(marker) > 1 && (unsigned char)marker[0] < 0x80;
    if (own) {
        out_md_text(m->buf, marker, OUT_MD_INLINE, false);
        b_buf_putc(m->buf, ' ');
    }
    m->done[i] = true;
    struct b_buf text;
    b_buf_init(&text, OUT_PAGE_MAX);
    (void)out_flow_marked(m->page, i, m->done, &text);
    out_md_text(m->buf, text.data ? text.data : "", own ? OUT_MD_INLINE : OUT_MD_ITEM, out_has_math(b));
    if (text.failed != B_OK)
        m->buf->failed = text.failed;
    b_buf_free(&text);
    for (int32_t k = m->tree->child[i]; k != DP_NONE; k = m->tree->next[k])
        block(m, k, d + 1);
}

static void list(struct md_page *m, int32_t i, int depth)
{
    if (m->page->blocks[i].text[0])
        paragraph(m, i, "");
    bool first = true;
    for (int32_t k = m->tree->child[i]; k != DP_NONE; k = m->tree->next[k]) {
        if (m->page->blocks[k].type != DP_LIST_ITEM || m->done[k]) {
            block(m, k, depth);
        } else {
            item(m, k, depth, first);
            first = false;
        }
    }
}

static void children(struct md_page *m, int32_t i, int depth)
{
    for (int32_t k = m->tree->child[i]; k != DP_NONE; k = m->tree->next[k])
        block(m, k, depth);
}

static void block(struct md_page *m, int32_t i, int depth)
{
    const struct dp_block *b = &m->page->blocks[i];
    if (m->done[i] || (out_is_running(b->type) && !m->w->frame.options.running)) {
        children(m, i, depth); /* the block itself went into an earlier paragraph, or is left out */
        return;
    }
    switch (b->type) {
    case DP_TITLE:
    case DP_HEADING:
        heading(m, i);
        break;
    case DP_LIST:
        list(m, i, depth);
        return;
    case DP_LIST_ITEM:
        item(m, i, depth, true);
        return;
    case DP_CODE:
    case DP_MUSIC:
        code(m, b->text, b->type == DP_MUSIC ? "abc" : b->language);
        break;
    case DP_FIGURE:
    case DP_CHART:
        picture(m, i);
        if (out_grid(m->page, b))
            table(m, i);
        else
            paragraph(m, i, "");
        break;
    default:
        if (out_grid(m->page, b))
            table(m, i);
        else if (b->latex)
            formula(m, b);
        else
            paragraph(m, i, "");
        break;
    }
    m->done[i] = true;
    children(m, i, depth);
}

/* The held paragraph goes on in the first one of this page, or was complete after all. */
static void resume(struct md_page *m)
{
    struct md_writer *w = m->w;
    const int32_t i = w->open ? out_first_of_type(m->page, w->open_type) : DP_NONE;
    if (i == DP_NONE) {
        if (m->page->n_blocks > 0)
            release(w);
        return;
    }
    struct b_buf text;
    b_buf_init(&text, OUT_PAGE_MAX);
    const bool more = out_flow_marked(m->page, i, m->done, &text);
    out_join(&w->held, text.data ? text.data : "");
    if (text.failed != B_OK)
        m->buf->failed = text.failed;
    b_buf_free(&text);
    if (!more)
        release(w);
}

static void loose_lines(struct md_page *m)
{
    for (int32_t i = 0; i < m->page->n_lines; i++)
        if (m->page->lines[i].block == DP_NONE && m->page->lines[i].text[0]) {
            start_block(m->w);
            out_md_text(m->buf, m->page->lines[i].text, OUT_MD_BLOCK, false);
        }
}

static enum b_code md_page(struct out_writer *writer, const struct dp_page *page, const struct b_image_view *image,
                           struct b_err *err)
{
    struct out_tree tree;
    (void)image;
    enum b_code code = out_tree_new(page, &tree, err);
    if (code != B_OK)
        return code;
    struct md_page m = {.w = (struct md_writer *)writer, .buf = &writer->buf, .page = page, .tree = &tree};
    m.done = calloc((size_t)page->n_blocks + 1, sizeof *m.done);
    if (!m.done) {
        out_tree_free(&tree);
        return b_fail(err, B_NO_MEMORY, OUT_DOMAIN, "out of memory");
    }
    out_joined_begin(&m.w->joined, page);
    resume(&m);
    for (int32_t i = tree.first; i != DP_NONE; i = tree.next[i])
        block(&m, i, 0);
    loose_lines(&m);
    if (m.w->held.failed != B_OK)
        writer->buf.failed = m.w->held.failed;
    out_joined_end(&m.w->joined, &writer->buf, m.w->pipes.len + m.w->html.len);
    free(m.done);
    out_tree_free(&tree);
    return B_OK;
}

static enum b_code md_end(struct out_writer *writer, enum dp_status status, struct b_err *err)
{
    struct md_writer *w = (struct md_writer *)writer;
    (void)status;
    (void)err;
    out_joined_finish(&w->joined, &writer->buf);
    release(w);
    if (w->any)
        b_buf_putc(&writer->buf, '\n');
    return B_OK;
}

static void md_drop(struct out_writer *writer)
{
    struct md_writer *w = (struct md_writer *)writer;
    b_buf_free(&w->held);
    b_buf_free(&w->pipes);
    b_buf_free(&w->html);
    out_joined_free(&w->joined);
}

static const struct out_ops md_ops = {.page = md_page, .end = md_end, .drop = md_drop};

OUT_OPENER(out_markdown_open)
{
    enum b_code code = out_writer_new(sizeof(struct md_writer), &md_ops, options, sink, out, err);
    if (code != B_OK)
        return code;
    struct md_writer *w = (struct md_writer *)*out;
    b_buf_init(&w->held, OUT_PAGE_MAX);
    b_buf_init(&w->pipes, OUT_PAGE_MAX);
    b_buf_init(&w->html, OUT_PAGE_MAX);
    out_joined_init(&w->joined, put_table, w);
    return B_OK;
}
