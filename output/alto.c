/* SPDX-License-Identifier: Apache-2.0 */
/* ALTO 4: text blocks, lines and strings with their boxes in pixels, pictures as illustrations, block types as
 * tags. Strings are the words; a blank between two of them is an <SP>. */
#include <math.h>
#include <string.h>

#include "output/escape.h"
#include "output/words.h"
#include "output/writer_private.h"

struct alto {
    struct b_buf *buf;
    const struct dp_page *page;
    bool words;
    int32_t line, string; /* numbers on the page, for ids */
};

static void number(struct b_buf *buf, const char *name, float value)
{
    b_buf_printf(buf, " %s=\"", name);
    out_fixed(buf, (double)value, 1);
    b_buf_putc(buf, '"');
}

static void place(struct b_buf *buf, struct dp_rect r)
{
    number(buf, "HPOS", r.x0);
    number(buf, "VPOS", r.y0);
    number(buf, "WIDTH", r.x1 - r.x0);
    number(buf, "HEIGHT", r.y1 - r.y0);
}

static void content(struct b_buf *buf, const char *text, size_t len)
{
    b_buf_puts(buf, " CONTENT=\"");
    out_xml_attrn(buf, text, len);
    b_buf_putc(buf, '"');
}

static void string(struct alto *a, struct dp_rect box, const char *text, size_t len, float confidence)
{
    b_buf_printf(a->buf, "<String ID=\"s%d_%d\"", a->page->number, ++a->string);
    place(a->buf, box);
    if (confidence >= 0.0f) {
        b_buf_puts(a->buf, " WC=\"");
        out_fixed(a->buf, (double)confidence, 3);
        b_buf_putc(a->buf, '"');
    }
    content(a->buf, text, len);
    b_buf_puts(a->buf, "/>");
}

static void line(struct alto *a, const struct dp_line *l)
{
    struct out_words it = out_words_of(a->page, l);
    struct out_word w, next;
    bool more = a->words && out_words_next(&it, &w);
    if (a->words ? !more : l->text[0] == '\0')
        return; /* a line needs a string */
    b_buf_printf(a->buf, "<TextLine ID=\"l%d_%d\"", a->page->number, ++a->line);
    place(a->buf, l->bbox);
    b_buf_putc(a->buf, '>');
    if (!more)
        string(a, l->bbox, l->text, strlen(l->text), l->confidence);
    while (more) {
        string(a, w.bbox, w.text, w.len, w.confidence);
        more = out_words_next(&it, &next);
        if (more && w.space) {
            b_buf_puts(a->buf, "<SP");
            number(a->buf, "HPOS", fminf(w.bbox.x1, next.bbox.x0));
            number(a->buf, "VPOS", w.bbox.y0);
            number(a->buf, "WIDTH", fabsf(next.bbox.x0 - w.bbox.x1));
            b_buf_puts(a->buf, "/>");
        }
        w = next;
    }
    b_buf_puts(a->buf, "</TextLine>\n");
}

static void open_block(struct alto *a, const char *tag, int32_t i)
{
    const struct dp_block *b = &a->page->blocks[i];
    b_buf_printf(a->buf, "<%s ID=\"b%d_%d\" TAGREFS=\"type_%s\"", tag, a->page->number, i, dp_block_type_name(b->type));
    if (b->has_bbox)
        place(a->buf, b->bbox);
}

static void text_block(struct alto *a, int32_t i)
{
    const struct dp_block *b = &a->page->blocks[i];
    struct dp_line whole;
    open_block(a, "TextBlock", i);
    if (b->language && b->type != DP_CODE) {
        b_buf_puts(a->buf, " LANG=\"");
        out_xml_attr(a->buf, b->language);
        b_buf_putc(a->buf, '"');
    }
    b_buf_puts(a->buf, ">\n");
    for (int32_t k = 0; k < b->n_lines; k++)
        line(a, &a->page->lines[b->first_line + k]);
    if (out_line_of_block(b, &whole))
        line(a, &whole);
    b_buf_puts(a->buf, "</TextBlock>\n");
}

/* A table whose words are known by their cells only. */
static void table(struct alto *a, int32_t i, const struct dp_table *t)
{
    open_block(a, "ComposedBlock", i);
    b_buf_puts(a->buf, " TYPE=\"table\">\n");
    for (int32_t k = 0; k < t->n_cells; k++) {
        const struct dp_cell *c = &a->page->cells[t->first_cell + k];
        const struct dp_block as_block = {
            .bbox = c->bbox, .text = c->text, .confidence = c->confidence, .has_bbox = c->bbox.x1 > c->bbox.x0};
        struct dp_line l;
        if (!out_line_of_block(&as_block, &l))
            continue;
        b_buf_printf(a->buf, "<TextBlock ID=\"b%d_%d_%d\"", a->page->number, i, k);
        place(a->buf, c->bbox);
        b_buf_puts(a->buf, ">\n");
        line(a, &l);
        b_buf_puts(a->buf, "</TextBlock>\n");
    }
    b_buf_puts(a->buf, "</ComposedBlock>\n");
}

static void block(struct alto *a, int32_t i)
{
    const struct dp_block *b = &a->page->blocks[i];
    const struct dp_table *grid = b->n_lines == 0 ? out_grid(a->page, b) : NULL;
    if (grid) {
        table(a, i, grid);
    } else if ((b->type == DP_FIGURE || b->type == DP_CHART) && b->n_lines == 0 && b->text[0] == '\0') {
        open_block(a, "Illustration", i);
        b_buf_puts(a->buf, "/>\n");
    } else {
        text_block(a, i);
    }
}

static enum b_code alto_begin(struct out_writer *writer, struct b_err *err)
{
    struct b_buf *buf = &writer->buf;
    (void)err;
    b_buf_puts(buf, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                    "<alto xmlns=\"http://www.loc.gov/standards/alto/ns-v4#\" "
                    "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
                    "xsi:schemaLocation=\"http://www.loc.gov/standards/alto/ns-v4# "
                    "http://www.loc.gov/standards/alto/v4/alto-4-4.xsd\" SCHEMAVERSION=\"4.4\">\n"
                    "<Description>\n<MeasurementUnit>pixel</MeasurementUnit>\n<sourceImageInformation>\n<fileName>");
    out_xml_text(buf, writer->info->source_name);
    b_buf_puts(buf, "</fileName>\n</sourceImageInformation>\n<Processing ID=\"reading\">\n<processingSoftware>\n"
                    "<softwareCreator>docparse</softwareCreator>\n<softwareName>docparse</softwareName>\n"
                    "<softwareVersion>" DOCPARSE_VERSION "</softwareVersion>\n<applicationDescription>");
    out_xml_text(buf, writer->info->model_name);
    b_buf_puts(buf, "</applicationDescription>\n</processingSoftware>\n</Processing>\n</Description>\n<Tags>\n");
    for (int type = 0; type < DP_BLOCK_TYPES; type++)
        b_buf_printf(buf, "<StructureTag ID=\"type_%s\" LABEL=\"%s\"/>\n", dp_block_type_name((enum dp_block_type)type),
                     dp_block_type_name((enum dp_block_type)type));
    b_buf_puts(buf, "</Tags>\n<Layout>\n");
    return B_OK;
}

static enum b_code alto_page(struct out_writer *writer, const struct dp_page *page, const struct b_image_view *image,
                             struct b_err *err)
{
    struct b_buf *buf = &writer->buf;
    struct alto a = {.buf = buf, .page = page, .words = writer->options.words};
    bool loose = false;
    (void)image;
    (void)err;
    b_buf_printf(buf, "<Page ID=\"p%d\" PHYSICAL_IMG_NR=\"%d\" WIDTH=\"%d\" HEIGHT=\"%d\">\n", page->number,
                 page->number, page->width, page->height);
    b_buf_printf(buf, "<PrintSpace HPOS=\"0\" VPOS=\"0\" WIDTH=\"%d\" HEIGHT=\"%d\">\n", page->width, page->height);
    for (int32_t i = 0; i < page->n_blocks; i++)
        block(&a, i);
    for (int32_t i = 0; i < page->n_lines; i++) {
        if (page->lines[i].block != DP_NONE)
            continue;
        if (!loose)
            b_buf_printf(buf, "<TextBlock ID=\"b%d_lines\">\n", page->number);
        loose = true;
        line(&a, &page->lines[i]);
    }
    b_buf_puts(buf, loose ? "</TextBlock>\n</PrintSpace>\n</Page>\n" : "</PrintSpace>\n</Page>\n");
    return B_OK;
}

static enum b_code alto_end(struct out_writer *writer, enum dp_status status, struct b_err *err)
{
    (void)status;
    (void)err;
    if (writer->n_pages == 0) /* the schema wants one */
        b_buf_puts(&writer->buf, "<Page ID=\"p0\" PHYSICAL_IMG_NR=\"0\"/>\n");
    b_buf_puts(&writer->buf, "</Layout>\n</alto>\n");
    return B_OK;
}

static const struct out_ops alto_ops = {.begin = alto_begin, .page = alto_page, .end = alto_end};

OUT_OPENER(out_alto_open)
{
    return out_writer_new(sizeof(struct out_writer), &alto_ops, options, sink, out, err);
}
