/* SPDX-License-Identifier: Apache-2.0 */
/* The list of formats and the frame that every writer runs in: order of calls, check of each page, hand-over
 * of bytes. Invariant: after the first failure a writer takes nothing more, so half a page never counts
 * as a page. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/buf.h"
#include "output/writer_private.h"

static const struct out_format formats[] = {
    {.name = "json",
     .extension = ".json",
     .media_type = "application/json",
     .summary = "everything: blocks, lines, words, tables with boxes and confidences",
     .open = out_json_open},
    {.name = "jsonl",
     .extension = ".jsonl",
     .media_type = "application/jsonl",
     .summary = "the same as JSON Lines: a header, one line a page, an end line",
     .open = out_jsonl_open},
    {.name = "html",
     .extension = ".html",
     .media_type = "text/html",
     .summary = "a page to read, self-contained",
     .needs_image = true,
     .open = out_html_open},
    {.name = "md",
     .extension = ".md",
     .media_type = "text/markdown",
     .summary = "Markdown: headings, lists, tables, formulas",
     .open = out_markdown_open},
    {.name = "text",
     .extension = ".txt",
     .media_type = "text/plain",
     .summary = "plain text in reading order, a form feed between pages",
     .open = out_text_open},
    {.name = "qwenvl-html",
     .extension = ".qwenvl.html",
     .media_type = "text/html",
     .summary = "the large model's own format; docparse reads it again",
     .open = out_qwenvl_html_open},
    {.name = "csv",
     .extension = ".tables",
     .media_type = "text/csv",
     .summary = "tables, one file each, in a folder",
     .side_outputs = true,
     .open = out_csv_open},
    {.name = "xlsx",
     .extension = ".xlsx",
     .media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
     .summary = "tables as a workbook, one sheet each",
     .open = out_xlsx_open},
    {.name = "hocr",
     .extension = ".hocr",
     .media_type = "text/vnd.hocr+html",
     .summary = "hOCR 1.2: lines and words with boxes and confidences",
     .open = out_hocr_open},
    {.name = "alto",
     .extension = ".alto.xml",
     .media_type = "application/alto+xml",
     .summary = "ALTO 4: blocks, lines and words with boxes and confidences",
     .open = out_alto_open},
    {.name = "pdf",
     .extension = ".searchable.pdf",
     .media_type = "application/pdf",
     .summary = "searchable PDF: the original pages under invisible text",
     .needs_image = true,
     .needs_source = true,
     .open = out_pdf_open},
    {.name = "figures",
     .extension = ".figures",
     .media_type = "image/png",
     .summary = "figures cut out of the pages, in a folder",
     .needs_image = true,
     .side_outputs = true,
     .open = out_figures_open},
    {.name = "overlay",
     .extension = ".overlay",
     .media_type = "image/svg+xml",
     .summary = "page pictures with the boxes that were found, in a folder",
     .needs_image = true,
     .side_outputs = true,
     .open = out_overlay_open},
    {.name = NULL},
};

const struct out_format *out_formats(void)
{
    return formats;
}

const struct out_format *out_format_find(const char *name)
{
    for (const struct out_format *f = formats; f->name; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

enum b_code out_writer_new(size_t size, const struct out_ops *ops, const struct out_options *options,
                           const struct out_sink *sink, struct out_writer **out, struct b_err *err)
{
    struct out_writer *w = calloc(1, size);
    *out = w;
    if (!w)
        return b_fail(err, B_NO_MEMORY, OUT_DOMAIN, "out of memory");
    w->ops = ops;
    w->options = options ? *options : (struct out_options){.words = true};
    w->sink = *sink;
    b_buf_init(&w->buf, OUT_PAGE_MAX);
    return B_OK;
}

/* Hands the pending bytes to the sink. */
static enum b_code flush(struct out_writer *writer, struct b_err *err)
{
    enum b_code code = b_buf_check(&writer->buf, OUT_DOMAIN, err);
    if (code == B_OK && writer->buf.len > 0)
        code = writer->sink.write(writer->sink.ctx, writer->buf.data, writer->buf.len, err);
    b_buf_clear(&writer->buf);
    return code;
}

enum b_code out_side(struct out_writer *writer, const char *name, const void *data, size_t size, struct b_err *err)
{
    if (!writer->sink.side)
        return b_fail(err, B_UNSUPPORTED, OUT_DOMAIN,
                      "this format writes several files, and the receiver takes only one");
    return writer->sink.side(writer->sink.ctx, name, data, size, err);
}

enum b_code out_open(const struct out_format *format, const struct out_options *options, const struct out_sink *sink,
                     struct out_writer **out, struct b_err *err)
{
    *out = NULL;
    return format->open(options, sink, out, err);
}

/* Ends a call: what was appended goes to the sink; the first failure closes the writer. */
static enum b_code finish(struct out_writer *w, enum b_code code, enum out_state next, struct b_err *err)
{
    if (code == B_OK)
        code = flush(w, err);
    w->state = code == B_OK ? next : OUT_BROKEN;
    return code;
}

#define INFO_BYTES ((size_t)1 << 20) /* of a file's name and metadata */

/* The producer's texts may end before the last page is written, so the writer has its own. */
static enum b_code copy_info(struct out_writer *w, const struct dp_document_info *info, struct b_err *err)
{
    w->info_arena = b_arena_new(INFO_BYTES);
    if (!w->info_arena)
        return b_fail(err, B_NO_MEMORY, OUT_DOMAIN, "out of memory");
    struct dp_document_info *copy = B_ARENA_ARRAY(w->info_arena, 1, struct dp_document_info);
    if (!copy)
        return b_arena_refused(w->info_arena, OUT_DOMAIN, err);
    *copy = *info;
    const char **const texts[] = {&copy->source_name, &copy->media_type, &copy->model_name, &copy->title,
                                  &copy->author,      &copy->subject,    &copy->language};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (*texts[i] && !(*texts[i] = b_arena_text(w->info_arena, *texts[i], strlen(*texts[i]))))
            return b_arena_refused(w->info_arena, OUT_DOMAIN, err);
    }
    w->info = copy;
    return B_OK;
}

enum b_code out_begin(struct out_writer *writer, const struct dp_document_info *info, const void *source,
                      size_t source_size, struct b_err *err)
{
    if (writer->state != OUT_OPENED)
        return b_fail(err, B_ARGUMENT, OUT_DOMAIN, "a writer begins once");
    enum b_code code = copy_info(writer, info, err);
    if (code != B_OK) {
        writer->state = OUT_BROKEN;
        return code;
    }
    writer->source = source;
    writer->source_size = source ? source_size : 0;
    return finish(writer, writer->ops->begin ? writer->ops->begin(writer, err) : B_OK, OUT_BEGUN, err);
}

enum b_code out_page(struct out_writer *writer, const struct dp_page *page, const struct b_image_view *image,
                     struct b_err *err)
{
    if (writer->state != OUT_BEGUN)
        return b_fail(err, B_ARGUMENT, OUT_DOMAIN, "pages come between begin and end, and none after a failure");
    if (page->number <= writer->last_page)
        return b_fail(err, B_ARGUMENT, OUT_DOMAIN, "page %d comes behind page %d", page->number, writer->last_page);
    enum b_code code = dp_page_check(page, err);
    if (code != B_OK)
        return code; /* nothing was written: the caller may give a page in its place */
    code = writer->ops->page ? writer->ops->page(writer, page, image, err) : B_OK;
    writer->last_page = page->number;
    writer->n_pages++;
    return finish(writer, code, OUT_BEGUN, err);
}

enum b_code out_end(struct out_writer *writer, enum dp_status status, struct b_err *err)
{
    if (writer->state != OUT_BEGUN)
        return b_fail(err, B_ARGUMENT, OUT_DOMAIN, "a writer ends once, after begin, and not after a failure");
    return finish(writer, writer->ops->end ? writer->ops->end(writer, status, err) : B_OK, OUT_ENDED, err);
}

void out_drop(struct out_writer *writer)
{
    if (!writer)
        return;
    if (writer->ops->drop)
        writer->ops->drop(writer);
    b_buf_free(&writer->buf);
    b_arena_drop(writer->info_arena);
    free(writer);
}

static enum b_code to_buf(void *ctx, const void *data, size_t size, struct b_err *err)
{
    struct b_buf *buf = ctx;
    b_buf_append(buf, data, size);
    return b_buf_check(buf, OUT_DOMAIN, err);
}

enum b_code out_render(const struct out_format *format, const struct out_options *options,
                       const struct dp_document *document, struct b_buf *buf, struct b_err *err)
{
    const struct out_sink sink = {.ctx = buf, .write = to_buf};
    struct out_writer *writer = NULL;
    enum b_code code = out_open(format, options, &sink, &writer, err);
    if (code != B_OK)
        goto out;
    code = out_begin(writer, &document->info, NULL, 0, err);
    for (int32_t i = 0; code == B_OK && i < document->n_pages; i++)
        code = out_page(writer, document->pages[i], NULL, err);
    if (code == B_OK)
        code = out_end(writer, document->status, err);
out:
    out_drop(writer);
    return code;
}
