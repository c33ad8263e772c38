/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks as HTML elements: headings, lists with their own markers, tables with header cells, figures with
 * their captions. Each element carries its block's id, type, box and confidence; what could not be read well
 * is marked. Recursion follows parents, which are at most 64 deep. */
#include <string.h>

#include "engine/base/utf8.h"
#include "output/escape.h"
#include "output/flow.h"
#include "output/html_private.h"
#include "output/html_table.h"
#include "output/picture.h"

static bool has_rtl(const char *text)
{
    const size_t len = strlen(text);
    for (size_t pos = 0; pos < len;)
        if (b_cp_is_rtl(b_utf8_next(text, len, &pos)))
            return true;
    return false;
}

static void data_bbox(struct b_buf *buf, struct dp_rect r)
{
    const float sides[] = {r.x0, r.y0, r.x1, r.y1};
    b_buf_puts(buf, " data-bbox=\"");
    for (int i = 0; i < 4; i++) {
        if (i > 0)
            b_buf_putc(buf, ' ');
        out_fixed(buf, (double)sides[i], 1);
    }
    b_buf_putc(buf, '"');
}

static void flags(struct b_buf *buf, uint32_t bits)
{
    if (!bits)
        return;
    b_buf_puts(buf, " data-flags=\"");
    bool any = false;
    for (uint32_t bit = 1; bit; bit <<= 1)
        if ((bits & bit) && dp_flag_name(bit)) {
            b_buf_printf(buf, "%s%s", any ? " " : "", dp_flag_name(bit));
            any = true;
        }
    b_buf_putc(buf, '"');
}

/* "<tag" with everything that is known about block i, without ">". */
static void open_tag(struct html_page *h, const char *tag, int32_t i)
{
    const struct dp_block *b = &h->page->blocks[i];
    b_buf_printf(h->buf, "<%s id=\"p%d-b%d\" data-type=\"%s\"", tag, h->page->number, i, dp_block_type_name(b->type));
    if (b->has_bbox)
        data_bbox(h->buf, b->bbox);
    if (b->confidence >= 0.0f) {
        b_buf_puts(h->buf, " data-confidence=\"");
        out_fixed(h->buf, (double)b->confidence, 3);
        b_buf_putc(h->buf, '"');
    }
    flags(h->buf, b->flags);
    if (out_own_language(h->page, b)) {
        b_buf_puts(h->buf, " lang=\"");
        out_xml_attr(h->buf, b->language);
        b_buf_putc(h->buf, '"');
    }
    if (has_rtl(b->text))
        b_buf_puts(h->buf, " dir=\"auto\"");
}

static void text_of(struct html_page *h, int32_t i)
{
    const struct dp_block *b = &h->page->blocks[i];
    if (!b->text[0] && (b->flags & DP_FLAG_UNREADABLE))
        b_buf_puts(h->buf, "<span class=\"unreadable\">[unreadable]</span>");
    else if (out_has_math(b) || !out_html_styled(h->buf, h->page, i))
        out_html_text(h->buf, b->text, out_has_math(b));
}

static void element(struct html_page *h, const char *tag, int32_t i)
{
    open_tag(h, tag, i);
    b_buf_putc(h->buf, '>');
    text_of(h, i);
    b_buf_printf(h->buf, "</%s>\n", tag);
}

static void block(struct html_page *h, int32_t i);

static void children(struct html_page *h, int32_t i)
{
    for (int32_t k = h->tree->child[i]; k != DP_NONE; k = h->tree->next[k])
        block(h, k);
}

/* "12." or "12)": the number, otherwise -1. */
static int32_t number_of(const char *marker)
{
    int32_t n = 0;
    const char *p = marker;
    for (; *p >= '0' && *p <= '9' && p - marker < 6; p++)
        n = n * 10 + (*p - '0');
    return p > marker && (*p == '.' || *p == ')') && p[1] == '\0' ? n : -1;
}

/* One sign that is neither letter nor digit: the list's own bullet stands for it. */
static bool is_bullet(const char *marker)
{
    const size_t len = strlen(marker);
    size_t pos = 0;
    if (len == 0)
        return true;
    const uint32_t cp = b_utf8_next(marker, len, &pos);
    return pos == len && !b_cp_is_letter(cp) && !b_cp_is_digit(cp);
}

static void item(struct html_page *h, int32_t i, bool ordered)
{
    const struct dp_block *b = &h->page->blocks[i];
    const char *marker = b->marker ? b->marker : "";
    const int32_t number = number_of(marker);
    const bool own = ordered ? number < 0 : !is_bullet(marker);
    open_tag(h, "li", i);
    if (ordered && number >= 0)
        b_buf_printf(h->buf, " value=\"%d\"", number);
    if (b->level > 0)
        b_buf_printf(h->buf, " data-level=\"%d\"", b->level > 6 ? 6 : b->level);
    b_buf_puts(h->buf, own ? " class=\"own-marker\">" : ">");
    if (own && *marker) {
        b_buf_puts(h->buf, "<span class=\"marker\">");
        out_xml_text(h->buf, marker);
        b_buf_puts(h->buf, "</span> ");
    }
    text_of(h, i);
    children(h, i);
    b_buf_puts(h->buf, "</li>\n");
}

static bool is_ordered(const struct html_page *h, int32_t first_item)
{
    const char *marker = first_item == DP_NONE ? NULL : h->page->blocks[first_item].marker;
    return marker && number_of(marker) >= 0;
}

static void list(struct html_page *h, int32_t i)
{
    const bool ordered = is_ordered(h, h->tree->child[i]);
    if (h->tree->child[i] == DP_NONE) {
        element(h, "p", i);
        return;
    }
    open_tag(h, ordered ? "ol" : "ul", i);
    b_buf_puts(h->buf, ">\n");
    if (h->page->blocks[i].text[0]) {
        b_buf_puts(h->buf, "<li class=\"own-marker\">");
        text_of(h, i);
        b_buf_puts(h->buf, "</li>\n");
    }
    for (int32_t k = h->tree->child[i]; k != DP_NONE; k = h->tree->next[k]) {
        if (h->page->blocks[k].type == DP_LIST_ITEM) {
            item(h, k, ordered);
        } else {
            b_buf_puts(h->buf, "<li class=\"own-marker\">");
            block(h, k);
            b_buf_puts(h->buf, "</li>\n");
        }
    }
    b_buf_puts(h->buf, ordered ? "</ol>\n" : "</ul>\n");
}

/* Digits with signs, separators and units of money: stands to the right, under its like. */
static bool is_number(const char *text)
{
    const size_t len = strlen(text);
    return len > 0 && strspn(text, "0123456789.,+- %()$'\xC2\xA0\xE2\x82\xAC\x88\x92\x93\x94") == len &&
           strpbrk(text, "0123456789");
}

static void cell_attributes(struct b_buf *buf, const struct dp_cell *cell, void *ctx)
{
    (void)ctx;
    if (is_number(cell->text))
        b_buf_puts(buf, " class=\"num\"");
    if (cell->bbox.x1 > cell->bbox.x0)
        data_bbox(buf, cell->bbox);
    if (cell->confidence >= 0.0f && cell->confidence < 0.5f)
        b_buf_puts(buf, " data-flags=\"low_confidence\"");
}

static void cell_text(struct b_buf *buf, const char *text, void *ctx)
{
    out_html_text(buf, text, *(const bool *)ctx && strchr(text, '$'));
}

/* A further part of the table that waits: its rows go there, and a link to it stands here. */
static void table_part(struct html_page *h, const struct dp_table *t, struct out_table_style style)
{
    const struct out_joined *j = h->joined;
    style.more = true;
    style.first = t->repeated_rows;
    out_html_table(h->parts, h->page, t, &style);
    b_buf_printf(h->buf, "<p class=\"continued\"><a href=\"#p%d-b%d\">p%d-b%d</a>", j->first_page, j->first_block,
                 j->first_page, j->first_block);
    if (t->caption) {
        b_buf_putc(h->buf, ' ');
        cell_text(h->buf, t->caption, style.ctx);
    }
    b_buf_puts(h->buf, "</p>\n");
}

static void table(struct html_page *h, int32_t i)
{
    const struct dp_block *b = &h->page->blocks[i];
    const struct dp_table *t = &h->page->tables[b->table];
    bool math = b->source == DP_FROM_VLM;
    struct out_table_style style = {
        .cell_attributes = cell_attributes, .cell_text = cell_text, .ctx = &math, .sections = true, .lines = true};
    if (h->joined && h->joined->block == i) {
        table_part(h, t, style);
        return;
    }
    if (h->joined && out_joined_starts(h->page, i)) {
        style.open = true;
        b_buf_puts(h->buf, "<div class=\"scroll\" role=\"region\" aria-label=\"Table\" tabindex=\"0\">");
        out_html_table(h->buf, h->page, t, &style);
        out_joined_start(h->joined, h->page, i, h->buf);
        b_buf_puts(h->buf, "</table></div>\n");
        return;
    }
    b_buf_puts(h->buf, "<div class=\"scroll\" role=\"region\" aria-label=\"Table\" tabindex=\"0\">");
    out_html_table(h->buf, h->page, t, &style);
    b_buf_puts(h->buf, "</div>\n");
}

#define FIGURE_WIDTH 1200 /* px: sharp at the width of a page on dense screens */

/* The piece of the page, or its empty place when there is no page image. */
static void crop(struct html_page *h, int32_t i, const char *what)
{
    const struct dp_block *b = &h->page->blocks[i];
    struct b_image_view view;
    struct b_image turned = {0};
    if (h->code != B_OK)
        return;
    const enum b_code code = h->image ? out_crop(h->image, h->page, b, &turned, &view, h->err) : B_NOT_FOUND;
    if (code == B_NOT_FOUND) {
        b_buf_printf(h->buf, "<div class=\"picture\" role=\"img\" aria-label=\"%s\"></div>\n", what);
        return;
    }
    h->code = code;
    if (code != B_OK)
        return;
    b_buf_printf(h->buf, "<img width=\"%d\" height=\"%d\" alt=\"", view.width, view.height);
    if (b->text[0])
        out_xml_attr(h->buf, b->text);
    else
        b_buf_puts(h->buf, what);
    b_buf_puts(h->buf, "\" src=\"");
    h->code = out_data_uri(h->buf, view, FIGURE_WIDTH, h->err);
    b_buf_puts(h->buf, "\">\n");
    b_image_free(&turned);
}

static void picture(struct html_page *h, int32_t i)
{
    const struct dp_block *b = &h->page->blocks[i];
    crop(h, i, b->type == DP_CHART ? "Chart" : "Figure");
    if (b->text[0]) {
        b_buf_puts(h->buf, "<p class=\"inner\">");
        text_of(h, i);
        b_buf_puts(h->buf, "</p>\n");
    }
}

/* A caption goes into the figure of what it belongs to; not one of running text, and not one that holds blocks
 * itself, so that every block is written once. */
static bool is_attached(const struct html_page *h, int32_t i)
{
    const struct dp_block *b = &h->page->blocks[i];
    if (b->caption_of == DP_NONE || h->tree->child[i] != DP_NONE)
        return false;
    const enum dp_block_type target = h->page->blocks[b->caption_of].type;
    return target == DP_FIGURE || target == DP_CHART || target == DP_TABLE || target == DP_FORMULA || target == DP_CODE;
}

/* The first caption that belongs into the figure of block i. */
static int32_t first_caption(const struct html_page *h, int32_t i)
{
    int32_t k = h->tree->caption[i];
    while (k != DP_NONE && !is_attached(h, k))
        k = h->tree->next_caption[k];
    return k;
}

static void captions(struct html_page *h, int32_t i)
{
    b_buf_puts(h->buf, "<figcaption>\n");
    for (int32_t k = h->tree->caption[i]; k != DP_NONE; k = h->tree->next_caption[k])
        if (is_attached(h, k))
            element(h, "p", k);
    b_buf_puts(h->buf, "</figcaption>\n");
}

static void code_text(struct html_page *h, const struct dp_block *b)
{
    b_buf_puts(h->buf, "<code");
    if (b->language && b->type == DP_CODE) {
        b_buf_puts(h->buf, " class=\"language-");
        out_xml_attr(h->buf, b->language);
        b_buf_putc(h->buf, '"');
    }
    b_buf_putc(h->buf, '>');
    out_xml_text(h->buf, b->text);
    b_buf_puts(h->buf, "</code>");
}

/* Text in columns that no table is known for: a row a line, a cell between two tabs. */
static void row_cells(struct html_page *h, const char *text)
{
    b_buf_puts(h->buf, "<tr><td>");
    for (; *text && *text != '\n'; text++) {
        const size_t n = strcspn(text, "\t\n");
        out_xml_textn(h->buf, text, n);
        text += n;
        if (*text != '\t')
            break;
        b_buf_puts(h->buf, "</td><td>");
    }
    b_buf_puts(h->buf, "</td></tr>\n");
}

static void text_rows(struct html_page *h, const char *text)
{
    while (*text) {
        row_cells(h, text);
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
}

static void inside_of_figure(struct html_page *h, int32_t i)
{
    const struct dp_block *b = &h->page->blocks[i];
    if (b->type == DP_FIGURE || b->type == DP_CHART)
        picture(h, i);
    if (out_grid(h->page, b)) {
        table(h, i);
    } else if (b->latex) {
        out_html_formula(h->buf, b->latex, b->display);
    } else if (b->type == DP_TABLE) {
        b_buf_puts(h->buf, "<div class=\"scroll\"><table class=\"rows\">\n");
        text_rows(h, b->text);
        b_buf_puts(h->buf, "</table></div>\n");
    } else if (b->type == DP_CODE) {
        b_buf_puts(h->buf, "<pre>");
        code_text(h, b);
        b_buf_puts(h->buf, "</pre>\n");
    } else if (b->type == DP_FORMULA) {
        b_buf_puts(h->buf, "<p>");
        text_of(h, i);
        b_buf_puts(h->buf, "</p>\n");
    }
}

/* Pictures, charts, tables and whatever else has a caption: with it, above or below as on the page. */
static void figure(struct html_page *h, int32_t i)
{
    const int32_t caption = first_caption(h, i);
    open_tag(h, "figure", i);
    b_buf_puts(h->buf, ">\n");
    if (caption != DP_NONE && caption < i)
        captions(h, i);
    inside_of_figure(h, i);
    if (caption != DP_NONE && caption > i)
        captions(h, i);
    children(h, i);
    b_buf_puts(h->buf, "</figure>\n");
}

static void formula(struct html_page *h, int32_t i)
{
    const struct dp_block *b = &h->page->blocks[i];
    if (!b->latex) {
        element(h, "p", i);
        return;
    }
    open_tag(h, "div", i);
    b_buf_puts(h->buf, b->display ? " class=\"formula display\">" : " class=\"formula\">");
    out_html_formula(h->buf, b->latex, b->display);
    b_buf_puts(h->buf, "</div>\n");
}

static void rows(struct html_page *h, int32_t i)
{
    open_tag(h, "div", i);
    b_buf_puts(h->buf, " class=\"scroll\"><table class=\"rows\">\n");
    text_rows(h, h->page->blocks[i].text);
    b_buf_puts(h->buf, "</table></div>\n");
}

static void code(struct html_page *h, int32_t i)
{
    const struct dp_block *b = &h->page->blocks[i];
    open_tag(h, "pre", i);
    b_buf_putc(h->buf, '>');
    code_text(h, b);
    b_buf_puts(h->buf, "</pre>\n");
}

static const char *heading_tag(const struct dp_block *b)
{
    static const char *const tags[] = {"h2", "h2", "h3", "h4", "h5", "h6", "h6"};
    if (b->type == DP_TITLE)
        return "h1";
    return tags[b->level < 0 ? 0 : b->level > 6 ? 6 : b->level];
}

static void block(struct html_page *h, int32_t i)
{
    const struct dp_block *b = &h->page->blocks[i];
    if (is_attached(h, i))
        return; /* written with what it belongs to */
    if (first_caption(h, i) != DP_NONE || b->type == DP_TABLE || b->type == DP_FIGURE || b->type == DP_CHART) {
        figure(h, i);
        return;
    }
    switch (b->type) {
    case DP_TITLE:
    case DP_HEADING:
        element(h, heading_tag(b), i);
        break;
    case DP_LIST:
        list(h, i);
        return;
    case DP_LIST_ITEM:
        b_buf_puts(h->buf, is_ordered(h, i) ? "<ol>" : "<ul>");
        item(h, i, is_ordered(h, i));
        b_buf_puts(h->buf, is_ordered(h, i) ? "</ol>\n" : "</ul>\n");
        return;
    case DP_FORMULA:
        formula(h, i);
        break;
    case DP_CODE:
    case DP_MUSIC:
        code(h, i);
        break;
    default:
        if (strchr(b->text, '\t'))
            rows(h, i);
        else
            element(h, "p", i);
        break;
    }
    children(h, i);
}

void out_html_blocks(struct html_page *h)
{
    for (int32_t i = h->tree->first; i != DP_NONE; i = h->tree->next[i])
        block(h, i);
    for (int32_t i = 0; i < h->page->n_lines; i++)
        if (h->page->lines[i].block == DP_NONE && h->page->lines[i].text[0]) {
            b_buf_puts(h->buf, "<p data-type=\"line\"");
            data_bbox(h->buf, h->page->lines[i].bbox);
            b_buf_putc(h->buf, '>');
            out_xml_text(h->buf, h->page->lines[i].text);
            b_buf_puts(h->buf, "</p>\n");
        }
}
