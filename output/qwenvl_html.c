/* SPDX-License-Identifier: Apache-2.0 */
/* QwenVL-HTML: pages as the large model writes them, so that one parser (docparse/markup) reads both and
 * parse(write(page)) gives the same blocks. One <html><body> a page, blocks in reading order, boxes as four
 * whole pixels of the page image. What a model never writes is added as attributes and only where it says more
 * than its absence:
 *
 *   body  data-page data-width data-height data-dpi data-source   the frame of the boxes, source of all blocks
 *   any   id="b7"             its index on the page, where another block points to it (data-of, data-parent)
 *         data-confidence="0.9871"   data-flags="low_confidence repaired"   data-source (unlike the body's)
 *         data-joined="1"  lang="de"
 *   h1    class="title"    the title; h1..h6 without class are headings of that level
 *   p     class="footer"   any type without an element of its own, under its stable name (dp_block_type_name);
 *                          captions name their block: class="caption" data-of="b7"
 *   ul ol li               nested by level; data-marker where it is not "•" in ul or "1." "2."... in ol,
 *                          data-marker="" where there is none
 *   th    column header, th scope="row" row header; data-bbox and data-confidence on cells
 *   div   class="chart" data-kind="bar"; class="image ocr" holds a figure's text
 *   data-parent="b7"       a block inside of another one that is no list
 *
 * Text: & < > as references, <br> for a line break, white space as it is inside of pre and of music. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "output/escape.h"
#include "output/html_table.h"
#include "output/writer_private.h"

struct qwen_page {
    struct b_buf *buf;
    const struct dp_page *page;
    const struct out_tree *tree;
    enum dp_source_kind source; /* of the page; blocks say only theirs when it differs */
    bool *named;                /* blocks that another one points to */
};

static void bbox(struct b_buf *buf, struct dp_rect r)
{
    b_buf_printf(buf, " data-bbox=\"%ld %ld %ld %ld\"", lroundf(r.x0), lroundf(r.y0), lroundf(r.x1), lroundf(r.y1));
}

static void confidence(struct b_buf *buf, float value)
{
    if (value < 0.0f)
        return;
    b_buf_puts(buf, " data-confidence=\"");
    out_fixed(buf, (double)value, 4);
    b_buf_putc(buf, '"');
}

static void text_attribute(struct b_buf *buf, const char *name, const char *value)
{
    b_buf_printf(buf, " %s=\"", name);
    out_xml_attr(buf, value);
    b_buf_putc(buf, '"');
}

static void flags(struct b_buf *buf, uint32_t bits)
{
    bool any = false;
    for (uint32_t bit = 1; bit; bit <<= 1)
        if ((bits & bit) && dp_flag_name(bit)) {
            b_buf_printf(buf, "%s%s", any ? " " : " data-flags=\"", dp_flag_name(bit));
            any = true;
        }
    if (any)
        b_buf_putc(buf, '"');
}

static bool in_list(const struct qwen_page *q, int32_t i)
{
    const int32_t parent = q->page->blocks[i].parent;
    if (parent == DP_NONE)
        return true;
    const enum dp_block_type type = q->page->blocks[parent].type;
    return (type == DP_LIST && q->page->blocks[i].type == DP_LIST_ITEM) ||
           (type == DP_LIST_ITEM && q->page->blocks[i].type == DP_LIST);
}

static void attributes(struct qwen_page *q, int32_t i)
{
    const struct dp_block *b = &q->page->blocks[i];
    if (b->has_bbox)
        bbox(q->buf, b->bbox);
    if (q->named[i])
        b_buf_printf(q->buf, " id=\"b%d\"", i);
    confidence(q->buf, b->confidence);
    flags(q->buf, b->flags);
    if (b->source != q->source)
        text_attribute(q->buf, "data-source", dp_source_kind_name(b->source));
    if (b->language && b->type != DP_CODE)
        text_attribute(q->buf, "lang", b->language);
    if (b->joined)
        b_buf_puts(q->buf, " data-joined=\"1\"");
    if (!in_list(q, i))
        b_buf_printf(q->buf, " data-parent=\"b%d\"", b->parent);
    if (b->caption_of != DP_NONE)
        b_buf_printf(q->buf, " data-of=\"b%d\"", b->caption_of);
}

static void with_breaks(struct b_buf *buf, const char *text, void *ctx)
{
    (void)ctx;
    for (const char *p = text; *p;) {
        const size_t n = strcspn(p, "\n");
        out_xml_textn(buf, p, n);
        p += n;
        if (*p) {
            b_buf_puts(buf, "<br>");
            p++;
        }
    }
}

static void element(struct qwen_page *q, const char *tag, const char *class, int32_t i)
{
    b_buf_printf(q->buf, "<%s", tag);
    if (class)
        text_attribute(q->buf, "class", class);
    attributes(q, i);
    b_buf_putc(q->buf, '>');
    with_breaks(q->buf, q->page->blocks[i].text, NULL);
    b_buf_printf(q->buf, "</%s>\n", tag);
}

/* "<div class=... data-bbox=...><img data-bbox=.../>": how pictures and everything drawn begin. */
static void open_picture(struct qwen_page *q, const char *class, const char *more, int32_t i)
{
    const struct dp_block *b = &q->page->blocks[i];
    b_buf_puts(q->buf, "<div");
    text_attribute(q->buf, "class", class);
    b_buf_puts(q->buf, more);
    attributes(q, i);
    if (b->type == DP_CHART && b->chart_kind)
        text_attribute(q->buf, "data-kind", b->chart_kind);
    b_buf_puts(q->buf, "><img");
    if (b->has_bbox)
        bbox(q->buf, b->bbox);
    b_buf_puts(q->buf, "/>");
}

static void cell_attributes(struct b_buf *buf, const struct dp_cell *cell, void *ctx)
{
    (void)ctx;
    if (cell->header == DP_ROW_HEADER)
        b_buf_puts(buf, " scope=\"row\"");
    if (cell->bbox.x0 != 0 || cell->bbox.y0 != 0 || cell->bbox.x1 != 0 || cell->bbox.y1 != 0)
        bbox(buf, cell->bbox);
    confidence(buf, cell->confidence);
}

struct table_context {
    struct qwen_page *q;
    int32_t block;
};

static void table_attributes(struct b_buf *buf, void *ctx)
{
    const struct table_context *t = ctx;
    (void)buf;
    if (t->q->page->blocks[t->block].type == DP_TABLE)
        attributes(t->q, t->block);
}

static void table(struct qwen_page *q, int32_t i)
{
    struct table_context context = {.q = q, .block = i};
    const struct out_table_style style = {.table_attributes = table_attributes,
                                          .cell_attributes = cell_attributes,
                                          .cell_text = with_breaks,
                                          .ctx = &context,
                                          .caption = true};
    out_html_table(q->buf, q->page, &q->page->tables[q->page->blocks[i].table], &style);
}

static void drawn(struct qwen_page *q, const char *class, const char *format, const char *fence, const char *text,
                  int32_t i)
{
    open_picture(q, class, format, i);
    b_buf_printf(q->buf, "<div>%s", fence);
    out_xml_text(q->buf, text);
    b_buf_printf(q->buf, "%s</div></div>\n", fence);
}

static void picture(struct qwen_page *q, int32_t i)
{
    const struct dp_block *b = &q->page->blocks[i];
    const bool chart = b->type == DP_CHART;
    open_picture(q, chart ? "chart" : b->text[0] ? "image ocr" : "image", "", i);
    if (chart && b->table != DP_NONE) {
        table(q, i);
    } else if (b->text[0]) {
        b_buf_puts(q->buf, "<p>");
        with_breaks(q->buf, b->text, NULL);
        b_buf_puts(q->buf, "</p>");
    }
    b_buf_puts(q->buf, "</div>\n");
}

static void code(struct qwen_page *q, int32_t i)
{
    const struct dp_block *b = &q->page->blocks[i];
    b_buf_puts(q->buf, "<pre");
    attributes(q, i);
    b_buf_puts(q->buf, "><code");
    if (b->language) {
        b_buf_puts(q->buf, " class=\"language-");
        out_xml_attr(q->buf, b->language);
        b_buf_putc(q->buf, '"');
    }
    b_buf_putc(q->buf, '>');
    if (b->text[0] == '\n')
        b_buf_putc(q->buf, '\n'); /* HTML drops one line break behind <pre> */
    out_xml_text(q->buf, b->text);
    b_buf_puts(q->buf, "</code></pre>\n");
}

static void block(struct qwen_page *q, int32_t i);

/* "3." of the n-th item, counted from 1. */
static bool is_number(const char *marker, int32_t n)
{
    int32_t value = 0;
    const char *p = marker;
    for (; *p >= '0' && *p <= '9' && p - marker < 6; p++)
        value = value * 10 + (*p - '0');
    return p > marker && marker[0] != '0' && value == n && p[0] == '.' && p[1] == '\0';
}

static void item(struct qwen_page *q, int32_t i, bool ordered, int32_t n)
{
    const struct dp_block *b = &q->page->blocks[i];
    const char *marker = b->marker ? b->marker : "";
    b_buf_puts(q->buf, "<li");
    attributes(q, i);
    if (ordered ? !is_number(marker, n) : strcmp(marker, "•") != 0)
        text_attribute(q->buf, "data-marker", marker);
    b_buf_putc(q->buf, '>');
    with_breaks(q->buf, b->text, NULL);
    for (int32_t k = q->tree->child[i]; k != DP_NONE; k = q->tree->next[k])
        if (q->page->blocks[k].type == DP_LIST)
            block(q, k);
    b_buf_puts(q->buf, "</li>\n");
    for (int32_t k = q->tree->child[i]; k != DP_NONE; k = q->tree->next[k])
        if (q->page->blocks[k].type != DP_LIST)
            block(q, k);
}

static void list(struct qwen_page *q, int32_t i)
{
    const int32_t first = q->tree->child[i];
    const char *marker = first != DP_NONE ? q->page->blocks[first].marker : NULL;
    const bool ordered = marker && is_number(marker, 1);
    const char *tag = ordered ? "ol" : "ul";
    int32_t n = 0;
    b_buf_printf(q->buf, "<%s", tag);
    attributes(q, i);
    b_buf_puts(q->buf, ">\n");
    with_breaks(q->buf, q->page->blocks[i].text, NULL);
    for (int32_t k = first; k != DP_NONE; k = q->tree->next[k])
        if (q->page->blocks[k].type == DP_LIST_ITEM)
            item(q, k, ordered, ++n);
    b_buf_printf(q->buf, "</%s>\n", tag);
    for (int32_t k = first; k != DP_NONE; k = q->tree->next[k])
        if (q->page->blocks[k].type != DP_LIST_ITEM)
            block(q, k);
}

static void children(struct qwen_page *q, int32_t i)
{
    for (int32_t k = q->tree->child[i]; k != DP_NONE; k = q->tree->next[k])
        block(q, k);
}

static void heading(struct qwen_page *q, int32_t i)
{
    const struct dp_block *b = &q->page->blocks[i];
    const char tag[3] = {'h', (char)('0' + (b->type == DP_TITLE ? 1 : b->level)), '\0'};
    element(q, tag, b->type == DP_TITLE ? "title" : NULL, i);
}

static void block(struct qwen_page *q, int32_t i)
{
    const struct dp_block *b = &q->page->blocks[i];
    switch (b->type) {
    case DP_TITLE:
    case DP_HEADING:
        heading(q, i);
        break;
    case DP_PARAGRAPH:
        element(q, "p", NULL, i);
        break;
    case DP_LIST:
        list(q, i);
        return;
    case DP_FIGURE:
    case DP_CHART:
        picture(q, i);
        break;
    case DP_FORMULA:
        if (b->latex)
            drawn(q, "formula", "", b->display ? "$$" : "$", b->latex, i);
        else
            element(q, "p", "formula", i);
        break;
    case DP_MUSIC:
        drawn(q, "music sheet", " format=\"abc notation\"", "", b->text, i);
        break;
    case DP_CHEMISTRY:
        drawn(q, "chemical formula", " format=\"smile\"", "", b->text, i);
        break;
    case DP_CODE:
        code(q, i);
        break;
    default:
        if (b->table != DP_NONE) {
            table(q, i);
            b_buf_putc(q->buf, '\n');
        } else {
            element(q, "p", dp_block_type_name(b->type), i);
        }
        break;
    }
    children(q, i);
}

/* The source of most blocks stands on the page. */
static enum dp_source_kind main_source(const struct dp_page *page)
{
    int32_t counts[DP_FROM_REPAIR + 1] = {0};
    int best = DP_FROM_VLM;
    for (int32_t i = 0; i < page->n_blocks; i++)
        counts[page->blocks[i].source]++;
    for (int s = 0; s <= DP_FROM_REPAIR; s++)
        if (counts[s] > counts[best])
            best = s;
    return (enum dp_source_kind)best;
}

static void open_page(struct qwen_page *q)
{
    const struct dp_page *page = q->page;
    b_buf_printf(q->buf, "<html>\n<body data-page=\"%d\" data-width=\"%d\" data-height=\"%d\"", page->number,
                 page->width, page->height);
    if (page->dpi > 0) {
        b_buf_puts(q->buf, " data-dpi=\"");
        out_fixed(q->buf, page->dpi, 3);
        b_buf_putc(q->buf, '"');
    }
    if (q->source != DP_FROM_VLM)
        text_attribute(q->buf, "data-source", dp_source_kind_name(q->source));
    b_buf_puts(q->buf, ">\n");
}

static enum b_code qwen_page(struct out_writer *writer, const struct dp_page *page, const struct b_image_view *image,
                             struct b_err *err)
{
    struct out_tree tree;
    (void)image;
    enum b_code code = out_tree_new(page, &tree, err);
    if (code != B_OK)
        return code;
    struct qwen_page q = {.buf = &writer->buf, .page = page, .tree = &tree, .source = main_source(page)};
    q.named = calloc((size_t)page->n_blocks + 1, sizeof *q.named);
    if (!q.named) {
        out_tree_free(&tree);
        return b_fail(err, B_NO_MEMORY, OUT_DOMAIN, "out of memory");
    }
    for (int32_t i = 0; i < page->n_blocks; i++) {
        if (page->blocks[i].caption_of != DP_NONE)
            q.named[page->blocks[i].caption_of] = true;
        if (!in_list(&q, i))
            q.named[page->blocks[i].parent] = true;
    }
    open_page(&q);
    for (int32_t i = tree.first; i != DP_NONE; i = tree.next[i])
        block(&q, i);
    b_buf_puts(q.buf, "</body>\n</html>\n");
    free(q.named);
    out_tree_free(&tree);
    return B_OK;
}

static const struct out_ops qwen_ops = {.page = qwen_page};

OUT_OPENER(out_qwenvl_html_open)
{
    return out_writer_new(sizeof(struct out_writer), &qwen_ops, options, sink, out, err);
}
