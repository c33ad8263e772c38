/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OUTPUT_WRITER_H
#define OUTPUT_WRITER_H

#include "docparse/document.h"
#include "engine/base/image.h"

/* Writers are pure: document in, bytes out through a sink; no clock, no files, no globals. The same
 * document gives the same bytes. Pages arrive in order, one at a time, so that memory stays flat.
 * One writer is used by one thread at a time. */

/* Where bytes go. `side` opens a further output (one CSV a table, one PNG a figure) named by the writer
 * with [a-z0-9._-] only; NULL when the caller cannot take side outputs. */
struct out_sink {
    void *ctx;
    enum b_code (*write)(void *ctx, const void *data, size_t size, struct b_err *err);
    enum b_code (*side)(void *ctx, const char *name, const void *data, size_t size, struct b_err *err);
};

struct out_options {
    bool words;          /* JSON, hOCR, ALTO: words with their boxes; default on */
    bool pretty;         /* JSON: indented */
    bool page_images;    /* HTML: embed page pictures with boxes over them */
    bool running;        /* Markdown: headers, footers and page numbers too; default off */
    bool html_tables;    /* Markdown: all tables as HTML on one line, as benchmarks want them; default off */
    const char *figures; /* Markdown: folder of the figures format's pictures, relative to the output, for
                          * links; NULL: none are linked. Lives as long as the writer. */
};

struct out_writer;

struct out_format {
    const char *name;      /* "json", "md"... as on the command line */
    const char *extension; /* ".json" */
    const char *media_type;
    const char *summary; /* one line for --help */
    bool needs_image;    /* wants the page image */
    bool needs_source;   /* wants the source bytes (searchable PDF of a PDF) */
    bool side_outputs;   /* writes only or also side outputs; extension then names their folder, such as ".tables" */
    enum b_code (*open)(const struct out_options *options, const struct out_sink *sink, struct out_writer **out,
                        struct b_err *err);
};

/* All formats, ended by one whose name is NULL. */
const struct out_format *out_formats(void);
const struct out_format *out_format_find(const char *name); /* NULL when unknown */

enum b_code out_open(const struct out_format *format, const struct out_options *options, const struct out_sink *sink,
                     struct out_writer **out, struct b_err *err) B_MUST_CHECK;
/* Once, before the first page. info is copied. source/source_size: bytes of the input, only for formats with
 * needs_source, otherwise NULL; borrowed until out_drop. */
enum b_code out_begin(struct out_writer *writer, const struct dp_document_info *info, const void *source,
                      size_t source_size, struct b_err *err) B_MUST_CHECK;
/* image: NULL when not needed or not to be had. */
enum b_code out_page(struct out_writer *writer, const struct dp_page *page, const struct b_image_view *image,
                     struct b_err *err) B_MUST_CHECK;
enum b_code out_end(struct out_writer *writer, enum dp_status status, struct b_err *err) B_MUST_CHECK;
void out_drop(struct out_writer *writer);

/* Convenience for tests and the service: a whole document into a buffer. */
struct b_buf;
enum b_code out_render(const struct out_format *format, const struct out_options *options,
                       const struct dp_document *document, struct b_buf *buf, struct b_err *err) B_MUST_CHECK;

#endif
