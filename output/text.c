/* SPDX-License-Identifier: Apache-2.0 */
/* Plain text in reading order: a blank line between blocks, a form feed between pages, tabs between the
 * cells of a table. Everything that stands on the page is kept, headers and footers too. */
#include <stdlib.h>
#include <string.h>

#include "output/escape.h"
#include "output/flow.h"
#include "output/writer_private.h"

struct text_page {
    struct b_buf *buf;
    const struct dp_page *page;
    const struct out_tree *tree;
    bool *done;
    bool any; /* something was written for this page */
};

static void table(struct text_page *t, const struct dp_table *table)
{
    int32_t row = 0, col = 0;
    for (int32_t i = 0; i < table->n_cells; i++) {
        const struct dp_cell *c = &t->page->cells[table->first_cell + i];
        for (; row < c->row; row++, col = 0)
            b_buf_putc(t->buf, '\n');
        for (; col < c->col; col++)
            b_buf_putc(t->buf, '\t');
        for (const char *p = c->text; *p;) { /* a cell is one field of one line */
            const size_t n = strcspn(p, "\t\n");
            b_buf_append(t->buf, p, n);
            p += n;
            if (*p) {
                b_buf_putc(t->buf, ' ');
                p++;
            }
        }
    }
    b_buf_putc(t->buf, '\n');
}

/* Formulas of born-digital pages are written with the characters that the page has: their LaTeX is in the other
 * formats. */
static void block(struct text_page *t, int32_t i, int depth, bool in_list)
{
    const struct dp_block *b = &t->page->blocks[i];
    if (t->done[i]) { /* it went into an earlier paragraph */
        for (int32_t k = t->tree->child[i]; k != DP_NONE; k = t->tree->next[k])
            block(t, k, depth, in_list);
        return;
    }
    t->done[i] = true;
    const bool item = b->type == DP_LIST_ITEM;
    const bool empty = !out_grid(t->page, b) && !b->latex && b->text[0] == '\0' && !b->marker;
    if (!empty && t->any && !(item && in_list))
        b_buf_putc(t->buf, '\n');
    t->any = t->any || !empty;
    for (int k = 0; item && k < depth; k++)
        b_buf_puts(t->buf, "  ");
    if (b->marker) {
        out_plain(t->buf, b->marker);
        b_buf_putc(t->buf, ' ');
    }
    if (out_grid(t->page, b)) {
        table(t, out_grid(t->page, b));
    } else if (b->latex && (b->source != DP_FROM_TEXT_LAYER || b->text[0] == '\0')) {
        out_plain(t->buf, b->latex);
        b_buf_putc(t->buf, '\n');
    } else if (!empty) {
        struct b_buf text;
        b_buf_init(&text, OUT_PAGE_MAX);
        (void)out_flow_text(t->page, i, t->done, &text);
        out_plain(t->buf, text.data);
        b_buf_putc(t->buf, '\n');
        if (text.failed != B_OK)
            t->buf->failed = text.failed;
        b_buf_free(&text);
    }
    bool follows = !empty;
    for (int32_t k = t->tree->child[i]; k != DP_NONE; k = t->tree->next[k]) {
        block(t, k, depth + item, in_list || item || follows);
        follows = true;
    }
}

static void loose_lines(struct text_page *t)
{
    for (int32_t i = 0; i < t->page->n_lines; i++)
        if (t->page->lines[i].block == DP_NONE) {
            if (t->any)
                b_buf_putc(t->buf, '\n');
            t->any = true;
            out_plain(t->buf, t->page->lines[i].text);
            b_buf_putc(t->buf, '\n');
        }
}

static enum b_code text_page(struct out_writer *writer, const struct dp_page *page, const struct b_image_view *image,
                             struct b_err *err)
{
    struct out_tree tree;
    (void)image;
    enum b_code code = out_tree_new(page, &tree, err);
    if (code != B_OK)
        return code;
    bool *done = calloc((size_t)page->n_blocks + 1, sizeof *done);
    if (!done) {
        out_tree_free(&tree);
        return b_fail(err, B_NO_MEMORY, OUT_DOMAIN, "out of memory");
    }
    if (writer->n_pages > 0)
        b_buf_putc(&writer->buf, '\f');
    struct text_page t = {.buf = &writer->buf, .page = page, .tree = &tree, .done = done};
    for (int32_t i = tree.first; i != DP_NONE; i = tree.next[i])
        block(&t, i, 0, false);
    loose_lines(&t);
    free(done);
    out_tree_free(&tree);
    return B_OK;
}

static const struct out_ops text_ops = {.page = text_page};

OUT_OPENER(out_text_open)
{
    return out_writer_new(sizeof(struct out_writer), &text_ops, options, sink, out, err);
}
