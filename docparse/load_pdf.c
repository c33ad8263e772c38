/* SPDX-License-Identifier: Apache-2.0 */
/* PDF pages through Poppler's GLib interface: opening, and the steps that make a sheet of a page. What a page
 * holds is read first, since it decides the resolution at which the page is drawn. Invariant: all state is in
 * struct dp_pdf, so that loaders of one source may run on several threads, or in other processes. */
#include <stdlib.h>
#include <string.h>

#include "docparse/pdf_private.h"

#define INFO_ARENA_BYTES ((size_t)16 << 20) /* strings of the metadata and the outline */
#define SIDE_MAX_PT 1e6                     /* a page of 350 m; Acrobat's own limit is 14400 units */

static void pdf_close(void *state)
{
    struct dp_pdf *pdf = state;
    if (pdf->document)
        g_object_unref(pdf->document);
    if (pdf->bytes)
        g_bytes_unref(pdf->bytes);
    dp_pdf_fonts_free(pdf->fonts);
    dp_pdf_sinks_free(pdf->sinks);
    b_arena_drop(pdf->arena);
    free(pdf);
}

static enum b_code open_page(const struct dp_pdf *pdf, int32_t number, PopplerPage **page,
                             struct dp_pdf_content *content, struct b_err *err)
{
    *content = (struct dp_pdf_content){.unit = pdf->units ? pdf->units[number - 1] : 1.0};
    *page = poppler_document_get_page(pdf->document, number - 1);
    if (!*page)
        return b_fail(err, B_FORMAT, DP_PDF_DOMAIN, "page %d cannot be read", (int)number);
    poppler_page_get_size(*page, &content->width, &content->height);
    if (content->width > 0 && content->height > 0 && content->width < SIDE_MAX_PT && content->height < SIDE_MAX_PT)
        return B_OK;
    return b_fail(err, B_FORMAT, DP_PDF_DOMAIN, "page %d has an impossible size of %g x %g points", (int)number,
                  content->width, content->height);
}

static enum b_code load_page(struct dp_pdf *pdf, PopplerPage *page, struct dp_pdf_content *content,
                             struct b_cancel *cancel, struct dp_sheet *out, struct b_err *err)
{
    struct dp_pdf_grid grid;
    enum b_code code = dp_pdf_read_words(pdf, page, content, out, err);
    if (code == B_OK)
        code = b_cancel_check(cancel, err);
    if (code == B_OK)
        code = dp_pdf_read_images(pdf, page, content, out, err);
    if (code == B_OK)
        code = b_cancel_check(cancel, err);
    if (code == B_OK)
        dp_pdf_fonts_check(pdf, cancel, content, out);
    if (code == B_OK)
        code = dp_pdf_read_marks(pdf, page, content, cancel, out, err);
    if (code == B_OK)
        code = dp_pdf_find_scan(page, content, out, err);
    if (code == B_OK)
        code = dp_pdf_choose_grid(pdf, content, out, &grid, err);
    if (code == B_OK)
        code = dp_pdf_draw(pdf, page, &grid, cancel, out, err);
    if (code != B_OK)
        return code;
    dp_pdf_place_words(&grid, out);
    dp_pdf_place_glyphs(&grid, out);
    dp_pdf_place_shapes(content, &grid, out);
    out->kind = content->scan ? DP_SHEET_SCAN : DP_SHEET_DIGITAL;
    out->width_pt = content->width * content->unit;
    out->height_pt = content->height * content->unit;
    code = dp_pdf_place_marks(content, &grid, out, err);
    return code == B_OK ? dp_pdf_place_images(content, &grid, out, err) : code;
}

static enum b_code pdf_page(void *state, int32_t number, struct b_cancel *cancel, struct dp_sheet *out,
                            struct b_err *err)
{
    struct dp_pdf *pdf = state;
    PopplerPage *page = NULL;
    struct dp_pdf_content content;
    enum b_code code = dp_sheet_begin(out, number, &pdf->options.limits, err);
    if (code == B_OK)
        code = open_page(pdf, number, &page, &content, err);
    if (code == B_OK)
        code = load_page(pdf, page, &content, cancel, out, err);
    if (page)
        g_object_unref(page);
    return code;
}

static enum b_code pdf_page_size(void *state, int32_t number, double *width, double *height, struct b_err *err)
{
    PopplerPage *page = NULL;
    struct dp_pdf_content content;
    enum b_code code = open_page(state, number, &page, &content, err);
    if (code == B_OK) {
        *width = content.width * content.unit;
        *height = content.height * content.unit;
    }
    if (page)
        g_object_unref(page);
    return code;
}

/* Why Poppler would not open the document. */
static enum b_code refused(const GError *why, bool with_password, struct b_err *err)
{
    if (g_error_matches(why, POPPLER_ERROR, POPPLER_ERROR_ENCRYPTED)) {
        (void)b_fail(err, B_PASSWORD, DP_PDF_DOMAIN, "%s",
                     with_password ? "the password does not open this document"
                                   : "the document is encrypted and needs a password");
        b_advise(err, "give the right one with --password-file");
        return B_PASSWORD;
    }
    (void)b_fail(err, B_FORMAT, DP_PDF_DOMAIN, "this is not a readable PDF: %s", why ? why->message : "unknown reason");
    b_advise(err, "open it in a PDF viewer and save it anew, or fetch it again if it was cut short");
    return B_FORMAT;
}

/* Opens with a password, through a stream: Poppler 22.12 crashes on a wrong password for plain bytes, and on
 * one that Latin-1 cannot hold (older PDFs know no other). */
static PopplerDocument *open_with(GBytes *bytes, const char *password, GError **why)
{
    gchar *latin = g_convert(password, -1, "ISO-8859-1", "UTF-8", NULL, NULL, NULL);
    if (!latin) {
        g_set_error_literal(why, POPPLER_ERROR, POPPLER_ERROR_ENCRYPTED, "the password is not Latin-1");
        return NULL;
    }
    g_free(latin);
    GInputStream *stream = g_memory_input_stream_new_from_bytes(bytes);
    PopplerDocument *document =
        poppler_document_new_from_stream(stream, (goffset)g_bytes_get_size(bytes), password, NULL, why);
    g_object_unref(stream);
    return document;
}

static enum b_code open_document(struct dp_pdf *pdf, struct b_err *err)
{
    const char *password = pdf->options.password;
    const bool given = password && password[0];
    GError *why = NULL;
    pdf->options.password = NULL; /* the caller's, for this call only */
    pdf->document = poppler_document_new_from_bytes(pdf->bytes, NULL, &why);
    if (!pdf->document && given && g_error_matches(why, POPPLER_ERROR, POPPLER_ERROR_ENCRYPTED)) {
        g_clear_error(&why);
        pdf->document = open_with(pdf->bytes, password, &why);
    }
    enum b_code code = pdf->document ? B_OK : refused(why, given, err);
    g_clear_error(&why);
    return code;
}

enum b_code dp_load_pdf_open(const struct dp_source *source, const struct dp_loader_options *options,
                             struct dp_loader *out, struct b_err *err)
{
    static const struct dp_loader_ops ops = {pdf_close, pdf_page, pdf_page_size};
    if (source->bytes.size > INT32_MAX)
        return b_fail(err, B_LIMIT, DP_PDF_DOMAIN, "a PDF of more than 2 GiB is not read");
    struct dp_pdf *pdf = calloc(1, sizeof *pdf);
    if (!pdf)
        return b_fail(err, B_NO_MEMORY, DP_PDF_DOMAIN, "out of memory");
    out->ops = &ops;
    out->state = pdf;
    pdf->options = *options;
    pdf->arena = b_arena_new(INFO_ARENA_BYTES);
    if (!pdf->arena)
        return b_fail(err, B_NO_MEMORY, DP_PDF_DOMAIN, "out of memory");
    pdf->bytes = g_bytes_new_static(source->bytes.data, source->bytes.size);
    enum b_code code = open_document(pdf, err);
    if (code == B_OK)
        code = dp_pdf_read_info(pdf, &out->info, err);
    return code;
}
