/* SPDX-License-Identifier: Apache-2.0 */
/* The original PDF with invisible text, by qpdf: every object of the file stays, pages get their contents wrapped
 * in q and Q and one more stream with the text. The text's font is made once, at the end, when its characters
 * are known. qpdf's C interface turns all its exceptions into a stored error, asked for behind each step. */
#include <stdlib.h>
#include <string.h>

#include <qpdf/qpdf-c.h>

#include "output/pdf_private.h"

#define DOMAIN "pdf"
#define DEPTH_MAX 64 /* of the page tree, for inherited entries */

struct out_pdf_original {
    qpdf_data pdf;
    qpdf_oh font; /* indirect, filled in at the end */
    int n_pages;
    bool used; /* some page got text */
};

/* The pending error of qpdf, if there is one. */
static enum b_code pending(struct out_pdf_original *o, struct b_err *err)
{
    if (!qpdf_has_error(o->pdf))
        return B_OK;
    qpdf_error error = qpdf_get_error(o->pdf);
    const enum b_code code = qpdf_get_error_code(o->pdf, error) == qpdf_e_password ? B_PASSWORD : B_FORMAT;
    return b_fail(err, code, DOMAIN, "the original file cannot be changed: %s",
                  qpdf_get_error_message_detail(o->pdf, error));
}

enum b_code out_pdf_original_open(const void *source, size_t size, struct out_pdf_original **out, struct b_err *err)
{
    *out = NULL;
    struct out_pdf_original *o = calloc(1, sizeof *o);
    if (!o)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    o->pdf = qpdf_init();
    qpdf_silence_errors(o->pdf);
    qpdf_set_suppress_warnings(o->pdf, QPDF_TRUE);
    const QPDF_ERROR_CODE read = qpdf_read_memory(o->pdf, "input", source, size, NULL);
    o->n_pages = read & QPDF_ERRORS ? 0 : qpdf_get_num_pages(o->pdf);
    if (o->n_pages > 0 && qpdf_push_inherited_attributes_to_page(o->pdf) == QPDF_SUCCESS) {
        /* Placeholder; indirect, so that all pages share it. */
        o->font = qpdf_make_indirect_object(o->pdf, qpdf_oh_new_dictionary(o->pdf));
    }
    enum b_code code = pending(o, err);
    if (code == B_OK && o->n_pages < 1)
        code = b_fail(err, B_FORMAT, DOMAIN, "the original file has no pages");
    if (code == B_OK)
        *out = o;
    else
        out_pdf_original_drop(o);
    return code;
}

/* Four numbers of a rectangle, corners in order; false when it is none. */
static bool rectangle(struct out_pdf_original *o, qpdf_oh page, const char *key, double r[4])
{
    qpdf_oh box = qpdf_oh_get_key(o->pdf, page, key);
    if (!qpdf_oh_is_array(o->pdf, box) || qpdf_oh_get_array_n_items(o->pdf, box) != 4)
        return false;
    for (int i = 0; i < 4; i++) {
        qpdf_oh side = qpdf_oh_get_array_item(o->pdf, box, i);
        if (!qpdf_oh_is_number(o->pdf, side))
            return false;
        r[i] = qpdf_oh_get_numeric_value(o->pdf, side);
        if (!(r[i] > -1e7 && r[i] < 1e7))
            return false;
    }
    for (int i = 0; i < 2; i++)
        if (r[i] > r[i + 2]) {
            const double swap = r[i];
            r[i] = r[i + 2];
            r[i + 2] = swap;
        }
    return r[2] > r[0] && r[3] > r[1];
}

/* The visible box: the crop box inside of the media box, as viewers take it. */
static void visible_box(struct out_pdf_original *o, qpdf_oh page, double r[4])
{
    double media[4] = {0, 0, 612, 792}, crop[4];
    if (!rectangle(o, page, "/MediaBox", media))
        memcpy(media, (const double[]){0, 0, 612, 792}, sizeof media);
    memcpy(r, media, 4 * sizeof *r);
    if (!rectangle(o, page, "/CropBox", crop))
        return;
    for (int i = 0; i < 2; i++) {
        r[i] = crop[i] > media[i] ? crop[i] : media[i];
        r[i + 2] = crop[i + 2] < media[i + 2] ? crop[i + 2] : media[i + 2];
    }
    if (!(r[2] > r[0] && r[3] > r[1]))
        memcpy(r, media, 4 * sizeof *r);
}

/* From pixels of the page as it is shown to user space. */
static struct out_pdf_matrix matrix_of(const double r[4], int turns, double width, double height)
{
    const double w = r[2] - r[0], h = r[3] - r[1];
    switch (turns) {
    case 1:
        return (struct out_pdf_matrix){.b = h / width, .c = w / height, .e = r[0], .f = r[1]};
    case 2:
        return (struct out_pdf_matrix){.a = -w / width, .d = h / height, .e = r[2], .f = r[1]};
    case 3:
        return (struct out_pdf_matrix){.b = -h / width, .c = -w / height, .e = r[2], .f = r[3]};
    default:
        return (struct out_pdf_matrix){.a = w / width, .d = -h / height, .e = r[0], .f = r[3]};
    }
}

static qpdf_oh new_stream(struct out_pdf_original *o, const void *data, size_t size)
{
    qpdf_oh stream = qpdf_oh_new_stream(o->pdf);
    qpdf_oh_replace_stream_data(o->pdf, stream, data, size, qpdf_oh_new_null(o->pdf), qpdf_oh_new_null(o->pdf));
    return stream;
}

/* Own contents between q and Q, then the text. */
static void add_contents(struct out_pdf_original *o, qpdf_oh page, const struct b_buf *text)
{
    qpdf_oh old = qpdf_oh_get_key(o->pdf, page, "/Contents"), all = qpdf_oh_new_array(o->pdf);
    qpdf_oh_append_item(o->pdf, all, new_stream(o, "q\n", 2));
    if (qpdf_oh_is_array(o->pdf, old)) {
        const int n = qpdf_oh_get_array_n_items(o->pdf, old);
        for (int i = 0; i < n; i++)
            qpdf_oh_append_item(o->pdf, all, qpdf_oh_get_array_item(o->pdf, old, i));
    } else if (qpdf_oh_is_stream(o->pdf, old)) {
        qpdf_oh_append_item(o->pdf, all, old);
    }
    qpdf_oh_append_item(o->pdf, all, new_stream(o, text->data, text->len));
    qpdf_oh_replace_key(o->pdf, page, "/Contents", all);
}

static void add_font(struct out_pdf_original *o, qpdf_oh page)
{
    qpdf_oh resources = qpdf_oh_get_key(o->pdf, page, "/Resources");
    if (!qpdf_oh_is_dictionary(o->pdf, resources)) {
        resources = qpdf_oh_new_dictionary(o->pdf);
        qpdf_oh_replace_key(o->pdf, page, "/Resources", resources);
    }
    qpdf_oh fonts = qpdf_oh_get_key(o->pdf, resources, "/Font");
    if (!qpdf_oh_is_dictionary(o->pdf, fonts)) {
        fonts = qpdf_oh_new_dictionary(o->pdf);
        qpdf_oh_replace_key(o->pdf, resources, "/Font", fonts);
    }
    qpdf_oh_replace_key(o->pdf, fonts, "/" OUT_PDF_FONT_NAME, o->font);
}

enum b_code out_pdf_original_page(struct out_pdf_original *o, struct out_pdf_font *font, const struct dp_page *page,
                                  struct b_err *err)
{
    if (page->number > o->n_pages || page->width < 1 || page->height < 1)
        return B_OK; /* a page that was not read stays as it is */
    double r[4];
    struct b_buf text;
    qpdf_oh oh = qpdf_get_page_n(o->pdf, (size_t)(page->number - 1));
    visible_box(o, oh, r);
    qpdf_oh rotate = qpdf_oh_get_key(o->pdf, oh, "/Rotate");
    const int angle = qpdf_oh_is_integer(o->pdf, rotate) ? qpdf_oh_get_int_value_as_int(o->pdf, rotate) : 0;
    const int turns = ((angle / 90) % 4 + 4) % 4;
    b_buf_init(&text, OUT_PAGE_MAX);
    b_buf_puts(&text, "\nQ\n");
    const size_t empty = text.len;
    out_pdf_text(&text, font, page, matrix_of(r, turns, page->width, page->height), true);
    enum b_code code = b_buf_check(&text, DOMAIN, err);
    if (code == B_OK && text.len > empty) {
        add_contents(o, oh, &text);
        add_font(o, oh);
        o->used = true;
    }
    b_buf_free(&text);
    qpdf_oh_release(o->pdf, oh);
    return code == B_OK ? pending(o, err) : code;
}

/* Entries of a dictionary from pairs of key and value without references. */
static qpdf_oh dictionary(struct out_pdf_original *o, qpdf_oh dict, const char *const (*entries)[2])
{
    for (; (*entries)[0]; entries++)
        qpdf_oh_replace_key(o->pdf, dict, (*entries)[0], qpdf_oh_parse(o->pdf, (*entries)[1]));
    return dict;
}

static qpdf_oh new_dictionary(struct out_pdf_original *o, const char *const (*entries)[2])
{
    return qpdf_make_indirect_object(o->pdf, dictionary(o, qpdf_oh_new_dictionary(o->pdf), entries));
}

/* The font with its parts, in the place that the pages already name. */
static enum b_code complete_font(struct out_pdf_original *o, const struct out_pdf_font *font, struct b_err *err)
{
    struct b_buf data;
    b_buf_init(&data, OUT_PAGE_MAX);
    out_pdf_to_unicode(&data, font);
    enum b_code code = b_buf_check(&data, DOMAIN, err);
    qpdf_oh to_unicode = new_stream(o, data.data ? data.data : "", data.len);
    b_buf_clear(&data);
    out_pdf_glyph_map(&data, font);
    if (code == B_OK)
        code = b_buf_check(&data, DOMAIN, err);
    qpdf_oh glyph_map = new_stream(o, data.data ? data.data : "", data.len);
    b_buf_free(&data);
    qpdf_oh program = new_stream(o, out_pdf_font_program, out_pdf_font_program_size);
    qpdf_oh_replace_key(o->pdf, qpdf_oh_get_dict(o->pdf, program), "/Length1",
                        qpdf_oh_new_integer(o->pdf, (long long)out_pdf_font_program_size));
    qpdf_oh descriptor = new_dictionary(o, out_pdf_descriptor_entries);
    qpdf_oh_replace_key(o->pdf, descriptor, "/FontFile2", program);
    qpdf_oh cid_font = new_dictionary(o, out_pdf_cid_font_entries);
    qpdf_oh_replace_key(o->pdf, cid_font, "/FontDescriptor", descriptor);
    qpdf_oh_replace_key(o->pdf, cid_font, "/CIDToGIDMap", glyph_map);
    (void)dictionary(o, o->font, out_pdf_font_entries);
    qpdf_oh_replace_key(o->pdf, o->font, "/DescendantFonts", qpdf_oh_wrap_in_array(o->pdf, cid_font));
    qpdf_oh_replace_key(o->pdf, o->font, "/ToUnicode", to_unicode);
    return code == B_OK ? pending(o, err) : code;
}

enum b_code out_pdf_original_write(struct out_pdf_original *o, const struct out_pdf_font *font, struct b_buf *buf,
                                   struct b_err *err)
{
    enum b_code code = o->used ? complete_font(o, font, err) : B_OK;
    if (code != B_OK)
        return code;
    (void)qpdf_init_write_memory(o->pdf);
    qpdf_set_deterministic_ID(o->pdf, QPDF_TRUE);
    qpdf_set_preserve_encryption(o->pdf, QPDF_FALSE);
    const QPDF_ERROR_CODE written = qpdf_write(o->pdf);
    code = pending(o, err);
    if (code == B_OK && (written & QPDF_ERRORS))
        code = b_fail(err, B_LIBRARY, DOMAIN, "the file could not be written");
    if (code == B_OK)
        b_buf_append(buf, qpdf_get_buffer(o->pdf), qpdf_get_buffer_length(o->pdf));
    return code;
}

void out_pdf_original_drop(struct out_pdf_original *o)
{
    if (!o)
        return;
    qpdf_cleanup(&o->pdf);
    free(o);
}
