/* SPDX-License-Identifier: Apache-2.0 */
/* JSON and JSON Lines: everything that the document model holds, in the names of
 * schemas/json/document.schema.json. Written page by page, so memory stays flat; the status is known only
 * at the end and stands there. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/utf8.h"
#include "output/json_emit.h"
#include "output/mathml.h"
#include "output/writer_private.h"

#define SCHEMA_VERSION "1.0"
#define PIXEL_DECIMALS 2 /* a hundredth of a pixel is below what any reader measures */
#define CONFIDENCE_DECIMALS 4
#define QUAD_TOLERANCE 0.5f /* px: a line whose corners are its box's needs no corners of its own */

struct json_writer {
    struct out_writer frame;
    struct out_json json;
    bool lines; /* JSON Lines */
};

static void rect(struct out_json *j, const char *key, struct dp_rect r)
{
    out_json_open_object(j, key);
    j->flat++;
    out_json_number(j, "x0", (double)r.x0, PIXEL_DECIMALS);
    out_json_number(j, "y0", (double)r.y0, PIXEL_DECIMALS);
    out_json_number(j, "x1", (double)r.x1, PIXEL_DECIMALS);
    out_json_number(j, "y1", (double)r.y1, PIXEL_DECIMALS);
    out_json_close_object(j);
    j->flat--;
}

static void confidence(struct out_json *j, float value)
{
    if (value >= 0.0f)
        out_json_number(j, "confidence", (double)value, CONFIDENCE_DECIMALS);
}

static void flags(struct out_json *j, uint32_t bits, bool always)
{
    if (!bits && !always)
        return;
    out_json_open_array(j, "flags");
    j->flat++;
    for (uint32_t bit = 1; bit; bit <<= 1)
        if ((bits & bit) && dp_flag_name(bit))
            out_json_text(j, NULL, dp_flag_name(bit));
    out_json_close_array(j);
    j->flat--;
}

static void id_of(struct out_json *j, const char *key, const struct dp_page *page, int32_t block)
{
    char id[40];
    (void)snprintf(id, sizeof id, "p%d-b%d", page->number, block);
    out_json_text(j, key, id);
}

static void style(struct out_json *j, uint32_t bits)
{
    static const struct {
        uint32_t bit;
        const char *name;
    } names[] = {{DP_BOLD, "bold"},
                 {DP_ITALIC, "italic"},
                 {DP_MONO, "mono"},
                 {DP_SUPERSCRIPT, "superscript"},
                 {DP_SUBSCRIPT, "subscript"}};
    if (!bits)
        return;
    out_json_open_array(j, "style");
    j->flat++;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (bits & names[i].bit)
            out_json_text(j, NULL, names[i].name);
    out_json_close_array(j);
    j->flat--;
}

static void word(struct out_json *j, const struct dp_word *w)
{
    out_json_open_object(j, NULL);
    rect(j, "bbox", w->bbox);
    out_json_text(j, "text", w->text);
    confidence(j, w->confidence);
    if (w->font_size > 0)
        out_json_number(j, "font_size", (double)w->font_size, 2);
    if (w->font)
        out_json_text(j, "font", w->font);
    style(j, w->style);
    if (w->joined)
        out_json_bool(j, "joined", true);
    out_json_close_object(j);
}

static bool quad_is_box(const struct dp_line *l)
{
    const struct dp_point box[4] = {
        {l->bbox.x0, l->bbox.y0}, {l->bbox.x1, l->bbox.y0}, {l->bbox.x1, l->bbox.y1}, {l->bbox.x0, l->bbox.y1}};
    for (int i = 0; i < 4; i++)
        if (fabsf(l->quad[i].x - box[i].x) > QUAD_TOLERANCE || fabsf(l->quad[i].y - box[i].y) > QUAD_TOLERANCE)
            return false;
    return true;
}

static void line(struct json_writer *w, const struct dp_page *page, const struct dp_line *l)
{
    struct out_json *j = &w->json;
    out_json_open_object(j, NULL);
    rect(j, "bbox", l->bbox);
    if (!quad_is_box(l)) {
        out_json_open_array(j, "quad");
        j->flat++;
        for (int i = 0; i < 4; i++) {
            out_json_number(j, NULL, (double)l->quad[i].x, PIXEL_DECIMALS);
            out_json_number(j, NULL, (double)l->quad[i].y, PIXEL_DECIMALS);
        }
        out_json_close_array(j);
        j->flat--;
    }
    out_json_text(j, "text", l->text);
    confidence(j, l->confidence);
    out_json_text(j, "source", dp_source_kind_name(l->source));
    flags(j, l->flags, false);
    if (l->font_size > 0)
        out_json_number(j, "font_size", (double)l->font_size, 2);
    if (w->frame.options.words) {
        out_json_open_array(j, "words");
        for (int32_t i = 0; i < l->n_words; i++)
            word(j, &page->words[l->first_word + i]);
        out_json_close_array(j);
    }
    out_json_close_object(j);
}

static void cell(struct out_json *j, const struct dp_cell *c)
{
    static const char *const headers[] = {"none", "column", "row"};
    out_json_open_object(j, NULL);
    out_json_int(j, "row", c->row);
    out_json_int(j, "col", c->col);
    out_json_int(j, "row_span", c->row_span);
    out_json_int(j, "col_span", c->col_span);
    out_json_text(j, "header", headers[c->header]);
    if (c->bbox.x0 != 0 || c->bbox.y0 != 0 || c->bbox.x1 != 0 || c->bbox.y1 != 0)
        rect(j, "bbox", c->bbox);
    out_json_text(j, "text", c->text);
    confidence(j, c->confidence);
    out_json_close_object(j);
}

static void table(struct out_json *j, const struct dp_page *page, int32_t index)
{
    const struct dp_table *t = &page->tables[index];
    out_json_open_object(j, "table");
    out_json_int(j, "rows", t->rows);
    out_json_int(j, "cols", t->cols);
    if (t->caption)
        out_json_text(j, "caption", t->caption);
    if (t->continues)
        out_json_bool(j, "continues", true);
    if (t->repeated_rows > 0)
        out_json_int(j, "repeated_rows", t->repeated_rows);
    out_json_open_array(j, "cells");
    for (int32_t i = 0; i < t->n_cells; i++)
        cell(j, &page->cells[t->first_cell + i]);
    out_json_close_array(j);
    out_json_close_object(j);
}

static void formula(struct json_writer *w, const char *latex, bool display, bool bad)
{
    struct out_json *j = &w->json;
    struct b_buf mathml;
    b_buf_init(&mathml, OUT_PAGE_MAX);
    out_json_open_object(j, "formula");
    out_json_text(j, "latex", latex);
    if (!bad && out_mathml(&mathml, latex, display) && mathml.data)
        out_json_text(j, "mathml", mathml.data);
    out_json_bool(j, "display", display);
    out_json_close_object(j);
    if (mathml.failed != B_OK && w->frame.buf.failed == B_OK)
        w->frame.buf.failed = mathml.failed;
    b_buf_free(&mathml);
}

/* The parts that only some types have. */
static void block_details(struct json_writer *w, const struct dp_page *page, const struct dp_block *b)
{
    struct out_json *j = &w->json;
    if (b->type == DP_CHART) {
        out_json_open_object(j, "chart");
        if (b->chart_kind)
            out_json_text(j, "kind", b->chart_kind);
        if (b->table != DP_NONE)
            table(j, page, b->table);
        out_json_close_object(j);
    } else if (b->table != DP_NONE) {
        table(j, page, b->table);
    }
    if (b->latex)
        formula(w, b->latex, b->display, b->flags & DP_FLAG_BAD_LATEX);
    if (b->caption_of != DP_NONE)
        id_of(j, "caption_of", page, b->caption_of);
}

/* Places are counted in characters, as most languages index texts; each span also says what it covers. */
static void spans(struct json_writer *w, const struct dp_page *page, int32_t index)
{
    struct out_json *j = &w->json;
    const struct dp_block *b = &page->blocks[index];
    int32_t first, n = dp_spans_of(page, index, &first);
    size_t at = 0, chars = 0;
    if (n == 0)
        return;
    out_json_open_array(j, "spans");
    for (const struct dp_span *s = page->spans + first; n > 0; n--, s++) {
        const size_t begin = chars += b_utf8_count(b->text + at, (size_t)s->begin - at);
        const size_t inside = b_utf8_count(b->text + s->begin, (size_t)(s->end - s->begin));
        out_json_open_object(j, NULL);
        out_json_text(j, "kind", dp_span_kind_name(s->kind));
        out_json_int(j, "start", (int64_t)begin);
        out_json_int(j, "end", (int64_t)(begin + inside));
        out_json_textn(j, "text", b->text + s->begin, (size_t)(s->end - s->begin));
        rect(j, "bbox", s->bbox);
        confidence(j, s->confidence);
        if (s->latex)
            formula(w, s->latex, false, false);
        out_json_close_object(j);
        at = (size_t)s->end;
        chars = begin + inside;
    }
    out_json_close_array(j);
}

static void block(struct json_writer *w, const struct dp_page *page, int32_t index)
{
    const struct dp_block *b = &page->blocks[index];
    struct out_json *j = &w->json;
    out_json_open_object(j, NULL);
    id_of(j, "id", page, index);
    out_json_text(j, "type", dp_block_type_name(b->type));
    out_json_int(j, "order", b->order);
    if (b->type == DP_HEADING || b->type == DP_LIST || b->type == DP_LIST_ITEM || b->level > 0)
        out_json_int(j, "level", b->level);
    if (b->parent != DP_NONE)
        id_of(j, "parent", page, b->parent);
    if (b->has_bbox)
        rect(j, "bbox", b->bbox);
    if (b->marker)
        out_json_text(j, "marker", b->marker);
    out_json_text(j, "text", b->text);
    if (b->language)
        out_json_text(j, "language", b->language);
    if (b->script)
        out_json_text(j, "script", b->script);
    confidence(j, b->confidence);
    out_json_text(j, "source", dp_source_kind_name(b->source));
    flags(j, b->flags, true);
    if (b->joined)
        out_json_bool(j, "joined", true);
    block_details(w, page, b);
    spans(w, page, index);
    out_json_open_array(j, "lines");
    for (int32_t i = 0; i < b->n_lines; i++)
        line(w, page, &page->lines[b->first_line + i]);
    out_json_close_array(j);
    out_json_close_object(j);
}

static void page_head(struct out_json *j, const struct dp_page *page)
{
    out_json_int(j, "number", page->number);
    out_json_int(j, "width", page->width);
    out_json_int(j, "height", page->height);
    out_json_number(j, "dpi", page->dpi, 3);
    out_json_number(j, "rotation", page->rotation, 0);
    out_json_number(j, "skew", page->skew, 3);
    if (page->language)
        out_json_text(j, "language", page->language);
    if (page->script)
        out_json_text(j, "script", page->script);
    out_json_text(j, "status", dp_status_name(page->status));
    if (page->error.code != B_OK) {
        out_json_open_object(j, "error");
        out_json_text(j, "code", b_code_name(page->error.code));
        out_json_text(j, "message", page->error.message);
        out_json_text(j, "advice", page->error.advice);
        out_json_close_object(j);
    }
    out_json_open_array(j, "warnings");
    for (int32_t i = 0; i < page->n_warnings; i++)
        out_json_text(j, NULL, page->warnings[i]);
    out_json_close_array(j);
}

static void page_body(struct json_writer *w, const struct dp_page *page)
{
    struct out_json *j = &w->json;
    bool loose = false;
    out_json_open_array(j, "blocks");
    for (int32_t i = 0; i < page->n_blocks; i++)
        block(w, page, i);
    out_json_close_array(j);
    for (int32_t i = 0; i < page->n_lines; i++) {
        if (page->lines[i].block != DP_NONE)
            continue;
        if (!loose)
            out_json_open_array(j, "lines");
        loose = true;
        line(w, page, &page->lines[i]);
    }
    if (loose)
        out_json_close_array(j);
}

static void document_head(struct out_json *j, const struct dp_document_info *info)
{
    out_json_text(j, "schema_version", SCHEMA_VERSION);
    out_json_open_object(j, "product");
    out_json_text(j, "name", "docparse");
    out_json_text(j, "version", DOCPARSE_VERSION);
    out_json_close_object(j);
    out_json_open_object(j, "model");
    out_json_text(j, "name", info->model_name);
    out_json_text(j, "sha256", info->model_sha256);
    out_json_close_object(j);
    out_json_text(j, "options_sha256", info->options_sha256);
    out_json_open_object(j, "source");
    out_json_text(j, "name", info->source_name);
    out_json_text(j, "sha256", info->source_sha256);
    out_json_text(j, "media_type", info->media_type);
    out_json_int(j, "page_count", info->page_count);
    out_json_close_object(j);
    if (!info->title && !info->author && !info->subject && !info->language)
        return;
    const char *const names[] = {"title", "author", "subject", "language"};
    const char *const values[] = {info->title, info->author, info->subject, info->language};
    out_json_open_object(j, "metadata");
    for (size_t i = 0; i < 4; i++)
        if (values[i])
            out_json_text(j, names[i], values[i]);
    out_json_close_object(j);
}

static enum b_code json_begin(struct out_writer *writer, struct b_err *err)
{
    struct json_writer *w = (struct json_writer *)writer;
    (void)err;
    w->json = (struct out_json){.buf = &writer->buf, .pretty = writer->options.pretty && !w->lines};
    out_json_open_object(&w->json, NULL);
    if (w->lines)
        out_json_text(&w->json, "record", "document");
    document_head(&w->json, writer->info);
    if (w->lines)
        out_json_close_object(&w->json);
    else
        out_json_open_array(&w->json, "pages");
    if (w->lines)
        b_buf_putc(&writer->buf, '\n');
    return B_OK;
}

static enum b_code json_page(struct out_writer *writer, const struct dp_page *page, const struct b_image_view *image,
                             struct b_err *err)
{
    struct json_writer *w = (struct json_writer *)writer;
    (void)image;
    (void)err;
    if (w->lines)
        w->json.need_comma = false;
    else if (!w->json.pretty && writer->n_pages > 0) {
        b_buf_puts(&writer->buf, ",\n"); /* a page a line: a diff of two results stays readable */
        w->json.need_comma = false;
    }
    out_json_open_object(&w->json, NULL);
    if (w->lines)
        out_json_text(&w->json, "record", "page");
    page_head(&w->json, page);
    page_body(w, page);
    out_json_close_object(&w->json);
    if (w->lines)
        b_buf_putc(&writer->buf, '\n');
    return B_OK;
}

static enum b_code json_end(struct out_writer *writer, enum dp_status status, struct b_err *err)
{
    struct json_writer *w = (struct json_writer *)writer;
    (void)err;
    if (w->lines) {
        w->json.need_comma = false;
        out_json_open_object(&w->json, NULL);
        out_json_text(&w->json, "record", "end");
        out_json_int(&w->json, "pages", writer->n_pages);
    } else {
        out_json_close_array(&w->json);
    }
    out_json_text(&w->json, "status", dp_status_name(status));
    out_json_close_object(&w->json);
    b_buf_putc(&writer->buf, '\n');
    return B_OK;
}

static const struct out_ops json_ops = {.begin = json_begin, .page = json_page, .end = json_end};

OUT_OPENER(out_json_open)
{
    return out_writer_new(sizeof(struct json_writer), &json_ops, options, sink, out, err);
}

OUT_OPENER(out_jsonl_open)
{
    enum b_code code = out_writer_new(sizeof(struct json_writer), &json_ops, options, sink, out, err);
    if (code == B_OK)
        ((struct json_writer *)*out)->lines = true;
    return code;
}
