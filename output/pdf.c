/* SPDX-License-Identifier: Apache-2.0 */
/* Searchable PDF. A PDF stays what it is: its pages get invisible text where they have none of their own
 * (pdf_original.c). Everything else becomes a new file, written page by page so that memory stays flat: the
 * page picture without loss (a JPEG file byte by byte as it is), or as JPEG where that is far smaller, under the
 * text. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "output/escape.h"
#include "output/pdf_private.h"
#include "output/picture.h"

#define POINTS_PER_INCH 72.0
#define UNKNOWN_DPI 96.0 /* of pictures that do not say: what screens assume */
#define SIDE_MAX 14400.0 /* points: the largest page that readers take */
#define JPEG_QUALITY 90
#define JPEG_GAIN 4           /* a JPEG is taken when it is this many times shorter: photographs */
#define SIGNATURE_WITHIN 1024 /* bytes before "%PDF-" that readers accept */

enum fixed_object { CATALOG = 1, PAGES, INFO, FONT, CID_FONT, DESCRIPTOR, PROGRAM, TO_UNICODE, GLYPH_MAP, FIRST_FREE };

struct pdf_writer {
    struct out_writer frame;
    struct out_pdf_font font;
    struct out_pdf_original *original; /* NULL: a new file */
    uint64_t written;                  /* bytes that the sink has */
    uint64_t *offsets;                 /* by object number; 0: not written */
    size_t n_objects, room;
};

static enum b_code reserve(struct pdf_writer *w, size_t objects, struct b_err *err)
{
    if (objects <= w->room)
        return B_OK;
    const size_t room = objects * 2;
    uint64_t *more = realloc(w->offsets, room * sizeof *more);
    if (!more)
        return b_fail(err, B_NO_MEMORY, OUT_DOMAIN, "out of memory");
    memset(more + w->room, 0, (room - w->room) * sizeof *more);
    w->offsets = more;
    w->room = room;
    return B_OK;
}

static void open_object(struct pdf_writer *w, size_t number)
{
    w->offsets[number] = w->written + w->frame.buf.len;
    b_buf_printf(&w->frame.buf, "%zu 0 obj\n", number);
}

static void close_object(struct pdf_writer *w)
{
    b_buf_puts(&w->frame.buf, "\nendobj\n");
}

/* A stream object with Flate. */
static enum b_code stream(struct pdf_writer *w, size_t number, const void *data, size_t size, struct b_err *err)
{
    uLongf packed_size = compressBound((uLong)size);
    unsigned char *packed = malloc(packed_size);
    if (!packed || compress2(packed, &packed_size, data, (uLong)size, Z_DEFAULT_COMPRESSION) != Z_OK) {
        free(packed);
        return b_fail(err, B_NO_MEMORY, OUT_DOMAIN, "out of memory");
    }
    open_object(w, number);
    b_buf_printf(&w->frame.buf, "<< /Length %lu /Filter /FlateDecode /Length1 %zu >>\nstream\n",
                 (unsigned long)packed_size, size);
    b_buf_append(&w->frame.buf, packed, packed_size);
    b_buf_puts(&w->frame.buf, "\nendstream");
    close_object(w);
    free(packed);
    return B_OK;
}

static uint32_t be32(const char *p)
{
    const unsigned char *b = (const unsigned char *)p;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* The compressed rows of a PNG of ours: the contents of its IDAT chunks. PDF reads them as they are. */
static void append_rows(struct b_buf *buf, const struct b_buf *png, size_t *size)
{
    *size = 0;
    for (size_t at = 8; at + 12 <= png->len;) {
        const size_t length = be32(png->data + at);
        if (length > png->len - at - 12)
            return;
        if (memcmp(png->data + at + 4, "IDAT", 4) == 0) {
            if (buf)
                b_buf_append(buf, png->data + at + 8, length);
            *size += length;
        }
        at += length + 12;
    }
}

static void put_png(struct b_buf *buf, struct b_image_view view, const struct b_buf *png)
{
    const bool grey = png->data[25] == 0; /* colour type in the header chunk */
    size_t size;
    append_rows(NULL, png, &size);
    b_buf_printf(buf,
                 "<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /%s /BitsPerComponent 8 /Filter "
                 "/FlateDecode /DecodeParms << /Predictor 15 /Colors %d /BitsPerComponent 8 /Columns %d >> /Length %zu "
                 ">>\nstream\n",
                 view.width, view.height, grey ? "DeviceGray" : "DeviceRGB", grey ? 1 : 3, view.width, size);
    append_rows(buf, png, &size);
}

static void put_jpeg(struct b_buf *buf, struct b_image_view view, const void *jpeg, size_t size)
{
    b_buf_printf(
        buf,
        "<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /%s /BitsPerComponent 8 /Filter /DCTDecode "
        "/Length %zu >>\nstream\n",
        view.width, view.height, view.channels == 1 ? "DeviceGray" : "DeviceRGB", size);
    b_buf_append(buf, jpeg, size);
}

/* Eight pixels a byte, packed, for pictures of black and white only: false for others. */
static bool two_levels(struct b_image_view view)
{
    if (view.channels != 1)
        return false;
    for (int y = 0; y < view.height; y++) {
        const uint8_t *row = view.pixels + (size_t)y * view.stride;
        for (int x = 0; x < view.width; x++)
            if (row[x] != 0 && row[x] != 255)
                return false;
    }
    return true;
}

static enum b_code bits(struct pdf_writer *w, size_t number, struct b_image_view view, struct b_err *err)
{
    const size_t bytes = ((size_t)view.width + 7) / 8, size = bytes * (size_t)view.height;
    uLongf packed_size = compressBound((uLong)size);
    uint8_t *rows = calloc(1, size), *packed = malloc(packed_size);
    if (!rows || !packed) {
        free(rows);
        free(packed);
        return b_fail(err, B_NO_MEMORY, OUT_DOMAIN, "out of memory");
    }
    for (int y = 0; y < view.height; y++)
        for (int x = 0; x < view.width; x++)
            if (view.pixels[(size_t)y * view.stride + (size_t)x])
                rows[(size_t)y * bytes + (size_t)x / 8] |= (uint8_t)(0x80 >> (x % 8));
    const int done = compress2(packed, &packed_size, rows, (uLong)size, Z_BEST_COMPRESSION);
    if (done == Z_OK) {
        open_object(w, number);
        b_buf_printf(
            &w->frame.buf,
            "<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 1 "
            "/Filter /FlateDecode /Length %lu >>\nstream\n",
            view.width, view.height, (unsigned long)packed_size);
        b_buf_append(&w->frame.buf, packed, packed_size);
        b_buf_puts(&w->frame.buf, "\nendstream");
        close_object(w);
    }
    free(rows);
    free(packed);
    return done == Z_OK ? B_OK : b_fail(err, B_NO_MEMORY, OUT_DOMAIN, "out of memory");
}

/* The file's own JPEG, two levels, a PNG's rows, or a JPEG of ours: the first that fits. */
static enum b_code picture(struct pdf_writer *w, size_t number, struct b_image_view view, struct b_err *err)
{
    struct b_buf png, jpeg;
    int channels;
    if (w->frame.source && w->frame.info->page_count == 1 &&
        out_pdf_jpeg_fits(w->frame.source, w->frame.source_size, view.width, view.height, &channels)) {
        view.channels = channels;
        open_object(w, number);
        put_jpeg(&w->frame.buf, view, w->frame.source, w->frame.source_size);
        b_buf_puts(&w->frame.buf, "\nendstream");
        close_object(w);
        return B_OK;
    }
    if (two_levels(view))
        return bits(w, number, view, err);
    b_buf_init(&png, OUT_PAGE_MAX);
    b_buf_init(&jpeg, OUT_PAGE_MAX);
    enum b_code code = out_png(&png, view, 0, err);
    if (code == B_OK) {
        open_object(w, number);
        if (view.channels == 3 && out_jpeg(&jpeg, view, JPEG_QUALITY, 0, NULL) == B_OK &&
            jpeg.len * JPEG_GAIN < png.len)
            put_jpeg(&w->frame.buf, view, jpeg.data, jpeg.len);
        else
            put_png(&w->frame.buf, view, &png);
        b_buf_puts(&w->frame.buf, "\nendstream");
        close_object(w);
    }
    b_buf_free(&png);
    b_buf_free(&jpeg);
    return code;
}

/* Three objects a page, found by its place: page, contents, picture. */
static size_t page_object(int32_t index)
{
    return FIRST_FREE + 3 * (size_t)index;
}

static void page_size(const struct dp_page *page, double *width, double *height)
{
    const double dpi = page->dpi > 0 ? page->dpi : UNKNOWN_DPI;
    *width = (page->width > 0 ? page->width : 595.0) * POINTS_PER_INCH / dpi;
    *height = (page->height > 0 ? page->height : 842.0) * POINTS_PER_INCH / dpi;
    const double larger = *width > *height ? *width : *height, scale = larger > SIDE_MAX ? SIDE_MAX / larger : 1.0;
    *width = *width * scale < 1.0 ? 1.0 : *width * scale;
    *height = *height * scale < 1.0 ? 1.0 : *height * scale;
}

static void page_dict(struct pdf_writer *w, size_t number, double width, double height, bool has_picture)
{
    struct b_buf *buf = &w->frame.buf;
    open_object(w, number);
    b_buf_printf(buf, "<< /Type /Page /Parent %d 0 R /MediaBox [ 0 0 ", PAGES);
    out_fixed(buf, width, 3);
    b_buf_putc(buf, ' ');
    out_fixed(buf, height, 3);
    b_buf_printf(buf, " ] /Contents %zu 0 R /Resources << /Font << /" OUT_PDF_FONT_NAME " %d 0 R >>", number + 1, FONT);
    if (has_picture)
        b_buf_printf(buf, " /XObject << /Picture %zu 0 R >>", number + 2);
    b_buf_puts(buf, " >> >>");
    close_object(w);
}

static enum b_code new_page(struct pdf_writer *w, const struct dp_page *page, const struct b_image_view *image,
                            struct b_err *err)
{
    const size_t number = page_object(w->frame.n_pages);
    double width, height;
    struct b_buf contents;
    b_buf_init(&contents, OUT_PAGE_MAX);
    page_size(page, &width, &height);
    enum b_code code = reserve(w, number + 3, err);
    if (code == B_OK) {
        w->n_objects = number + 3;
        page_dict(w, number, width, height, image != NULL);
        if (image) {
            b_buf_puts(&contents, "q ");
            out_fixed(&contents, width, 3);
            b_buf_puts(&contents, " 0 0 ");
            out_fixed(&contents, height, 3);
            b_buf_puts(&contents, " 0 0 cm /Picture Do Q\n");
        }
        const struct out_pdf_matrix matrix = {.a = width / (page->width > 0 ? page->width : 1),
                                              .d = -height / (page->height > 0 ? page->height : 1),
                                              .f = height};
        out_pdf_text(&contents, &w->font, page, matrix, false);
        code = b_buf_check(&contents, OUT_DOMAIN, err);
    }
    if (code == B_OK)
        code = stream(w, number + 1, contents.data ? contents.data : "", contents.len, err);
    if (code == B_OK && image)
        code = picture(w, number + 2, *image, err);
    b_buf_free(&contents);
    return code;
}

static bool is_pdf(const void *source, size_t size)
{
    const char *p = source;
    for (size_t i = 0; i + 5 <= size && i < SIGNATURE_WITHIN; i++)
        if (memcmp(p + i, "%PDF-", 5) == 0)
            return true;
    return false;
}

static enum b_code pdf_begin(struct out_writer *writer, struct b_err *err)
{
    struct pdf_writer *w = (struct pdf_writer *)writer;
    enum b_code code = out_pdf_font_init(&w->font, err);
    if (code == B_OK)
        code = reserve(w, FIRST_FREE, err);
    if (code != B_OK)
        return code;
    w->n_objects = FIRST_FREE;
    if (writer->source && is_pdf(writer->source, writer->source_size)) {
        code = out_pdf_original_open(writer->source, writer->source_size, &w->original, err);
        if (code == B_NO_MEMORY)
            return code;
    }
    if (!w->original) /* a comment of high bytes says that the file is binary */
        b_buf_puts(&writer->buf, "%PDF-1.7\n%\xE2\xE3\xCF\xD3\n");
    w->written += writer->buf.len;
    return B_OK;
}

static enum b_code pdf_page(struct out_writer *writer, const struct dp_page *page, const struct b_image_view *image,
                            struct b_err *err)
{
    struct pdf_writer *w = (struct pdf_writer *)writer;
    if (w->original)
        return out_pdf_original_page(w->original, &w->font, page, err);
    enum b_code code = new_page(w, page, image, err);
    w->written += writer->buf.len;
    return code;
}

static void open_dictionary(struct pdf_writer *w, size_t number, const char *const (*entries)[2])
{
    open_object(w, number);
    b_buf_puts(&w->frame.buf, "<<");
    for (; (*entries)[0]; entries++)
        b_buf_printf(&w->frame.buf, " %s %s", (*entries)[0], (*entries)[1]);
}

static enum b_code font_objects(struct pdf_writer *w, struct b_err *err)
{
    struct b_buf data;
    b_buf_init(&data, OUT_PAGE_MAX);
    open_dictionary(w, FONT, out_pdf_font_entries);
    b_buf_printf(&w->frame.buf, " /DescendantFonts [ %d 0 R ] /ToUnicode %d 0 R >>", CID_FONT, TO_UNICODE);
    close_object(w);
    open_dictionary(w, CID_FONT, out_pdf_cid_font_entries);
    b_buf_printf(&w->frame.buf, " /FontDescriptor %d 0 R /CIDToGIDMap %d 0 R >>", DESCRIPTOR, GLYPH_MAP);
    close_object(w);
    open_dictionary(w, DESCRIPTOR, out_pdf_descriptor_entries);
    b_buf_printf(&w->frame.buf, " /FontFile2 %d 0 R >>", PROGRAM);
    close_object(w);
    enum b_code code = stream(w, PROGRAM, out_pdf_font_program, out_pdf_font_program_size, err);
    out_pdf_to_unicode(&data, &w->font);
    if (code == B_OK)
        code = b_buf_check(&data, OUT_DOMAIN, err);
    if (code == B_OK)
        code = stream(w, TO_UNICODE, data.data, data.len, err);
    b_buf_clear(&data);
    out_pdf_glyph_map(&data, &w->font);
    if (code == B_OK)
        code = b_buf_check(&data, OUT_DOMAIN, err);
    if (code == B_OK)
        code = stream(w, GLYPH_MAP, data.data, data.len, err);
    b_buf_free(&data);
    return code;
}

static void information(struct pdf_writer *w)
{
    const struct dp_document_info *info = w->frame.info;
    const char *const keys[] = {"Title", "Author", "Subject"};
    const char *const values[] = {info->title, info->author, info->subject};
    struct b_buf *buf = &w->frame.buf;
    open_object(w, INFO);
    b_buf_puts(buf, "<< /Producer (docparse " DOCPARSE_VERSION ")");
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (values[i] && values[i][0]) {
            b_buf_printf(buf, " /%s ", keys[i]);
            out_pdf_string(buf, values[i]);
        }
    b_buf_puts(buf, " >>");
    close_object(w);
}

static void page_tree(struct pdf_writer *w)
{
    struct b_buf *buf = &w->frame.buf;
    open_object(w, PAGES);
    b_buf_printf(buf, "<< /Type /Pages /Count %d /Kids [", w->frame.n_pages);
    for (int32_t i = 0; i < w->frame.n_pages; i++)
        b_buf_printf(buf, " %zu 0 R", page_object(i));
    b_buf_puts(buf, " ] >>");
    close_object(w);
    open_object(w, CATALOG);
    b_buf_printf(buf, "<< /Type /Catalog /Pages %d 0 R", PAGES);
    if (w->frame.info->language && w->frame.info->language[0]) {
        b_buf_puts(buf, " /Lang ");
        out_pdf_string(buf, w->frame.info->language);
    }
    b_buf_puts(buf, " >>");
    close_object(w);
}

static void cross_references(struct pdf_writer *w)
{
    struct b_buf *buf = &w->frame.buf;
    const uint64_t start = w->written + buf->len;
    b_buf_printf(buf, "xref\n0 %zu\n0000000000 65535 f \n", w->n_objects);
    for (size_t i = 1; i < w->n_objects; i++)
        b_buf_printf(buf, "%010llu %05d %c \n", (unsigned long long)w->offsets[i], w->offsets[i] ? 0 : 65535,
                     w->offsets[i] ? 'n' : 'f');
    b_buf_printf(buf, "trailer\n<< /Size %zu /Root %d 0 R /Info %d 0 R", w->n_objects, CATALOG, INFO);
    if (strlen(w->frame.info->source_sha256) == 64)
        b_buf_printf(buf, " /ID [ <%.32s> <%.32s> ]", w->frame.info->source_sha256, w->frame.info->source_sha256);
    b_buf_printf(buf, " >>\nstartxref\n%llu\n%%%%EOF\n", (unsigned long long)start);
}

static enum b_code pdf_end(struct out_writer *writer, enum dp_status status, struct b_err *err)
{
    struct pdf_writer *w = (struct pdf_writer *)writer;
    (void)status;
    if (w->original)
        return out_pdf_original_write(w->original, &w->font, &writer->buf, err);
    enum b_code code = font_objects(w, err);
    if (code != B_OK)
        return code;
    information(w);
    page_tree(w);
    cross_references(w);
    return B_OK;
}

static void pdf_drop(struct out_writer *writer)
{
    struct pdf_writer *w = (struct pdf_writer *)writer;
    out_pdf_font_free(&w->font);
    out_pdf_original_drop(w->original);
    free(w->offsets);
}

static const struct out_ops pdf_ops = {.begin = pdf_begin, .page = pdf_page, .end = pdf_end, .drop = pdf_drop};

OUT_OPENER(out_pdf_open)
{
    return out_writer_new(sizeof(struct pdf_writer), &pdf_ops, options, sink, out, err);
}
