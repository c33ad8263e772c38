/* SPDX-License-Identifier: Apache-2.0 */
/* hOCR 1.2 as XHTML: pages, areas, paragraphs, lines and words with their boxes in pixels and confidences in
 * percent. Blocks come in reading order; blocks inside of others stand behind them, as areas do not nest. */
#include <math.h>
#include <string.h>

#include "output/escape.h"
#include "output/words.h"
#include "output/writer_private.h"

static void bbox(struct b_buf *buf, struct dp_rect r)
{
    b_buf_printf(buf, "bbox %ld %ld %ld %ld", lroundf(r.x0), lroundf(r.y0), lroundf(r.x1), lroundf(r.y1));
}

static const char *class_of(const struct dp_block *b)
{
    switch (b->type) {
    case DP_TITLE:
        return "ocr_title";
    case DP_TABLE:
        return "ocr_table";
    case DP_FIGURE:
    case DP_CHART:
        return "ocr_photo";
    case DP_FORMULA:
        return "ocr_display";
    case DP_CAPTION:
        return "ocr_caption";
    case DP_HEADER:
        return "ocr_header";
    case DP_FOOTER:
        return "ocr_footer";
    case DP_PAGE_NUMBER:
        return "ocr_pageno";
    default:
        return "ocr_carea";
    }
}

struct hocr {
    struct b_buf *buf;
    const struct dp_page *page;
    bool words;
    int32_t line, word; /* numbers on the page, for ids */
};

static void confidence(struct b_buf *buf, float value)
{
    if (value >= 0.0f)
        b_buf_printf(buf, "; x_wconf %ld", lroundf(value * 100.0f));
}

static void words(struct hocr *h, const struct dp_line *line)
{
    struct out_words it = out_words_of(h->page, line);
    struct out_word w;
    while (out_words_next(&it, &w)) {
        b_buf_printf(h->buf, "<span class=\"ocrx_word\" id=\"word_%d_%d\" title=\"", h->page->number, ++h->word);
        bbox(h->buf, w.bbox);
        confidence(h->buf, w.confidence);
        b_buf_puts(h->buf, "\">");
        out_xml_textn(h->buf, w.text, w.len);
        b_buf_puts(h->buf, w.space ? "</span> " : "</span>");
    }
}

static void line(struct hocr *h, const struct dp_line *l)
{
    b_buf_printf(h->buf, "<span class=\"ocr_line\" id=\"line_%d_%d\" title=\"", h->page->number, ++h->line);
    bbox(h->buf, l->bbox);
    if (l->font_size > 0) {
        b_buf_puts(h->buf, "; x_fsize ");
        out_fixed(h->buf, (double)l->font_size, 1);
    }
    const float dx = l->quad[1].x - l->quad[0].x, dy = l->quad[1].y - l->quad[0].y;
    if (dy != 0.0f || dx < 0.0f) { /* counter-clockwise, as the format counts */
        b_buf_puts(h->buf, "; textangle ");
        out_fixed(h->buf, -57.29577951 * atan2((double)dy, (double)dx), 2);
    }
    b_buf_puts(h->buf, "\">");
    if (h->words)
        words(h, l);
    else
        out_xml_text(h->buf, l->text);
    b_buf_puts(h->buf, "</span>\n");
}

/* Cells of a table that has no lines of its own. */
static void cells(struct hocr *h, const struct dp_table *t)
{
    for (int32_t i = 0; i < t->n_cells; i++) {
        const struct dp_cell *c = &h->page->cells[t->first_cell + i];
        const struct dp_block as_block = {
            .bbox = c->bbox, .text = c->text, .confidence = c->confidence, .has_bbox = c->bbox.x1 > c->bbox.x0};
        struct dp_line l;
        if (out_line_of_block(&as_block, &l))
            line(h, &l);
    }
}

static void block(struct hocr *h, int32_t i)
{
    const struct dp_block *b = &h->page->blocks[i];
    struct dp_line whole;
    b_buf_printf(h->buf, "<div class=\"%s\" id=\"block_%d_%d\" title=\"", class_of(b), h->page->number, i);
    if (b->has_bbox)
        bbox(h->buf, b->bbox);
    b_buf_puts(h->buf, "\">\n<p class=\"ocr_par\"");
    if (out_own_language(h->page, b)) {
        b_buf_puts(h->buf, " lang=\"");
        out_xml_attr(h->buf, b->language);
        b_buf_putc(h->buf, '"');
    }
    b_buf_puts(h->buf, ">\n");
    for (int32_t k = 0; k < b->n_lines; k++)
        line(h, &h->page->lines[b->first_line + k]);
    const struct dp_table *grid = b->n_lines == 0 ? out_grid(h->page, b) : NULL;
    if (grid)
        cells(h, grid);
    else if (out_line_of_block(b, &whole))
        line(h, &whole);
    b_buf_puts(h->buf, "</p>\n</div>\n");
}

static enum b_code hocr_begin(struct out_writer *writer, struct b_err *err)
{
    struct b_buf *buf = &writer->buf;
    (void)err;
    b_buf_puts(buf, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                    "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\" "
                    "\"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">\n"
                    "<html xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n<title>");
    out_xml_text(buf, writer->info->title ? writer->info->title : writer->info->source_name);
    b_buf_puts(
        buf, "</title>\n<meta http-equiv=\"Content-Type\" content=\"text/html;charset=utf-8\"/>\n"
             "<meta name=\"ocr-system\" content=\"docparse " DOCPARSE_VERSION "\"/>\n"
             "<meta name=\"ocr-capabilities\" content=\"ocr_page ocr_carea ocr_par ocr_line ocrx_word ocr_title "
             "ocr_table ocr_photo ocr_display ocr_caption ocr_header ocr_footer ocr_pageno ocrp_lang ocrp_wconf\"/>\n");
    b_buf_printf(buf, "<meta name=\"ocr-number-of-pages\" content=\"%d\"/>\n</head>\n<body>\n",
                 writer->info->page_count);
    return B_OK;
}

/* The image's name inside of the property's quotes: a quote or semicolon would end it. */
static void image_name(struct b_buf *buf, const char *name)
{
    for (const char *p = name ? name : ""; *p;) {
        const size_t n = strcspn(p, "\";");
        out_xml_attrn(buf, p, n);
        p += n;
        if (*p) {
            b_buf_putc(buf, '_');
            p++;
        }
    }
}

static enum b_code hocr_page(struct out_writer *writer, const struct dp_page *page, const struct b_image_view *image,
                             struct b_err *err)
{
    struct b_buf *buf = &writer->buf;
    struct hocr h = {.buf = buf, .page = page, .words = writer->options.words};
    (void)image;
    (void)err;
    b_buf_printf(buf, "<div class=\"ocr_page\" id=\"page_%d\" title=\"image &quot;", page->number);
    image_name(buf, writer->info->source_name);
    b_buf_printf(buf, "&quot;; bbox 0 0 %d %d; ppageno %d", page->width, page->height, page->number - 1);
    if (page->dpi > 0)
        b_buf_printf(buf, "; scan_res %ld %ld", lround(page->dpi), lround(page->dpi));
    if (page->language) {
        b_buf_puts(buf, "\" lang=\"");
        out_xml_attr(buf, page->language);
    }
    b_buf_puts(buf, "\">\n");
    for (int32_t i = 0; i < page->n_blocks; i++)
        block(&h, i);
    for (int32_t i = 0; i < page->n_lines; i++)
        if (page->lines[i].block == DP_NONE)
            line(&h, &page->lines[i]);
    b_buf_puts(buf, "</div>\n");
    return B_OK;
}

static enum b_code hocr_end(struct out_writer *writer, enum dp_status status, struct b_err *err)
{
    (void)status;
    (void)err;
    b_buf_puts(&writer->buf, "</body>\n</html>\n");
    return B_OK;
}

static const struct out_ops hocr_ops = {.begin = hocr_begin, .page = hocr_page, .end = hocr_end};

OUT_OPENER(out_hocr_open)
{
    return out_writer_new(sizeof(struct out_writer), &hocr_ops, options, sink, out, err);
}
