/* SPDX-License-Identifier: Apache-2.0 */
/* HTML to read: one self-contained file, a section a page, nothing loaded from outside. Only with page pictures
 * there is a script, ours, named by its hash in the content policy of the head: even a flaw in escaping could
 * load and run nothing. */
#include "output/escape.h"
#include "output/html_private.h"

struct html_writer {
    struct out_writer frame;
    struct out_joined joined;
    struct b_buf parts; /* rows of the table that waits, behind its first part */
};

static const char *title_of(const struct dp_document_info *info)
{
    if (info->title && info->title[0])
        return info->title;
    return info->source_name ? info->source_name : "Document";
}

static void head(struct b_buf *buf, const struct dp_document_info *info, bool script)
{
    b_buf_puts(buf, "<!DOCTYPE html>\n<html lang=\"");
    out_xml_attr(buf, info->language ? info->language : "");
    b_buf_puts(buf, "\">\n<head>\n<meta charset=\"utf-8\">\n"
                    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
                    "style-src 'unsafe-inline'");
    if (script)
        b_buf_printf(buf, "; script-src 'sha256-%s'", out_html_script_sha256);
    b_buf_puts(buf, "\">\n"
                    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                    "<meta name=\"generator\" content=\"docparse " DOCPARSE_VERSION "\">\n<title>");
    out_xml_text(buf, title_of(info));
    b_buf_puts(buf, "</title>\n<style>\n");
    b_buf_puts(buf, out_html_css);
    b_buf_puts(buf, script ? out_html_sheet_css : "");
    b_buf_puts(buf, script ? "</style>\n</head>\n<body class=\"sheets\">\n" : "</style>\n</head>\n<body>\n");
}

static void document_header(struct b_buf *buf, const struct dp_document_info *info)
{
    b_buf_puts(buf, "<header class=\"document\">\n<p class=\"name\">");
    out_xml_text(buf, title_of(info));
    b_buf_printf(buf, "</p>\n<p class=\"about\">%d page%s", info->page_count, info->page_count == 1 ? "" : "s");
    if (info->author && info->author[0]) {
        b_buf_puts(buf, " · ");
        out_xml_text(buf, info->author);
    }
    if (info->title && info->title[0] && info->source_name) {
        b_buf_puts(buf, " · ");
        out_xml_text(buf, info->source_name);
    }
    b_buf_puts(buf, "</p>\n</header>\n<main>\n");
}

static enum b_code html_begin(struct out_writer *writer, struct b_err *err)
{
    (void)err;
    head(&writer->buf, writer->info, writer->options.page_images);
    document_header(&writer->buf, writer->info);
    return B_OK;
}

static void messages(struct b_buf *buf, const struct dp_page *page)
{
    if (page->error.code != B_OK) {
        b_buf_puts(buf, "<p class=\"message\" role=\"note\">");
        out_xml_text(buf, page->error.message);
        if (page->error.advice[0]) {
            b_buf_puts(buf, " — ");
            out_xml_text(buf, page->error.advice);
        }
        b_buf_puts(buf, "</p>\n");
    }
    for (int32_t i = 0; i < page->n_warnings; i++) {
        b_buf_puts(buf, "<p class=\"message\" role=\"note\">");
        out_xml_text(buf, page->warnings[i]);
        b_buf_puts(buf, "</p>\n");
    }
}

static enum b_code html_page(struct out_writer *writer, const struct dp_page *page, const struct b_image_view *image,
                             struct b_err *err)
{
    struct b_buf *buf = &writer->buf;
    struct out_tree tree;
    enum b_code code = out_tree_new(page, &tree, err);
    if (code != B_OK)
        return code;
    b_buf_printf(buf,
                 "<section class=\"page%s\" id=\"page-%d\" aria-label=\"Page %d\" data-status=\"%s\" data-width=\"%d\" "
                 "data-height=\"%d\"",
                 writer->options.page_images && image ? " with-sheet" : "", page->number, page->number,
                 dp_status_name(page->status), page->width, page->height);
    if (page->language) {
        b_buf_puts(buf, " lang=\"");
        out_xml_attr(buf, page->language);
        b_buf_putc(buf, '"');
    }
    b_buf_puts(buf, ">\n");
    b_buf_printf(buf, "<p class=\"number\"><a href=\"#page-%d\">%d</a></p>\n", page->number, page->number);
    struct html_writer *w = (struct html_writer *)writer;
    struct html_page h = {.buf = buf, .page = page, .image = image, .tree = &tree, .parts = &w->parts, .err = err};
    if (!writer->options.page_images) { /* beside its picture a page shows what stands on it */
        h.joined = &w->joined;
        out_joined_begin(h.joined, page);
    }
    const bool sheet = writer->options.page_images && image;
    if (sheet)
        out_html_sheet(&h);
    b_buf_puts(buf, sheet ? "<div class=\"text\">\n" : "");
    messages(buf, page);
    out_html_blocks(&h);
    b_buf_puts(buf, sheet ? "</div>\n</section>\n" : "</section>\n");
    out_tree_free(&tree);
    if (w->parts.failed != B_OK)
        buf->failed = w->parts.failed;
    out_joined_end(&w->joined, buf, w->parts.len);
    return h.code;
}

static void put_parts(void *ctx, struct b_buf *buf)
{
    struct html_writer *w = ctx;
    if (w->parts.len > 0)
        b_buf_append(buf, w->parts.data, w->parts.len);
    b_buf_free(&w->parts);
}

static void html_drop(struct out_writer *writer)
{
    struct html_writer *w = (struct html_writer *)writer;
    out_joined_free(&w->joined);
    b_buf_free(&w->parts);
}

static enum b_code html_end(struct out_writer *writer, enum dp_status status, struct b_err *err)
{
    struct b_buf *buf = &writer->buf;
    (void)err;
    out_joined_finish(&((struct html_writer *)writer)->joined, buf);
    b_buf_puts(buf, "</main>\n<footer class=\"document\">\n<p>Read by docparse " DOCPARSE_VERSION);
    if (writer->info->model_name) {
        b_buf_puts(buf, " with ");
        out_xml_text(buf, writer->info->model_name);
    }
    if (status != DP_STATUS_OK)
        b_buf_printf(buf, " · %s", status == DP_STATUS_FAILED ? "not readable" : "some pages are incomplete");
    b_buf_puts(buf, "</p>\n</footer>\n");
    if (writer->options.page_images)
        b_buf_printf(buf, "<script>%s</script>\n", out_html_script);
    b_buf_puts(buf, "</body>\n</html>\n");
    return B_OK;
}

static const struct out_ops html_ops = {.begin = html_begin, .page = html_page, .end = html_end, .drop = html_drop};

OUT_OPENER(out_html_open)
{
    const enum b_code code = out_writer_new(sizeof(struct html_writer), &html_ops, options, sink, out, err);
    if (code != B_OK)
        return code;
    struct html_writer *w = (struct html_writer *)*out;
    b_buf_init(&w->parts, OUT_PAGE_MAX);
    out_joined_init(&w->joined, put_parts, w);
    return B_OK;
}
