/* SPDX-License-Identifier: Apache-2.0 */
/* Searchable PDF: which picture goes in, and damaged originals. Places of words are held by check_pdf.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/file.h"
#include "output/pdf_private.h"
#include "output/picture.h"
#include "tests/support/collect.h"
#include "tests/support/make_document.h"

static struct b_image picture(int width, int height, int channels, bool two_levels)
{
    struct b_image image;
    struct t_random r = {.state = 5};
    assert_int_equal(b_image_new(width, height, channels, 1 << 24, &image, NULL), B_OK);
    for (size_t i = 0; i < (size_t)width * (size_t)height * (size_t)channels; i++)
        image.pixels[i] = two_levels ? (uint8_t)(255 * t_random_below(&r, 2)) : (uint8_t)t_random_below(&r, 256);
    return image;
}

static void jpeg_of(int width, int height, int channels, struct b_buf *jpeg)
{
    struct b_image image = picture(width, height, channels, false);
    b_buf_init(jpeg, 1 << 24);
    assert_int_equal(out_jpeg(jpeg, b_image_view_of(&image), 80, 72, NULL), B_OK);
    b_image_free(&image);
}

/* The JPEG with one more segment behind its start. */
static void insert(struct b_buf *jpeg, const void *segment, size_t size)
{
    struct b_buf longer;
    b_buf_init(&longer, 1 << 24);
    b_buf_append(&longer, jpeg->data, 2);
    b_buf_append(&longer, segment, size);
    b_buf_append(&longer, jpeg->data + 2, jpeg->len - 2);
    b_buf_free(jpeg);
    *jpeg = longer;
}

static void jpeg_that_fits(void **state)
{
    (void)state;
    for (int channels = 1; channels <= 3; channels += 2) {
        struct b_buf jpeg;
        int found;
        jpeg_of(40, 30, channels, &jpeg);
        assert_true(out_pdf_jpeg_fits(jpeg.data, jpeg.len, 40, 30, &found));
        assert_int_equal(found, channels);
        assert_false(out_pdf_jpeg_fits(jpeg.data, jpeg.len, 30, 40, &found));
        assert_false(out_pdf_jpeg_fits(jpeg.data, jpeg.len, 41, 30, &found));
        b_buf_free(&jpeg);
    }
}

static void jpeg_with_segments(void **state)
{
    static const unsigned char upright[] = "\xFF\xE1\x00\x22"
                                           "Exif\0\0MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x01\0\0\0\0\0\0";
    static const unsigned char turned[] = "\xFF\xE1\x00\x22"
                                          "Exif\0\0II\x2A\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    static const unsigned char adobe[] = "\xFF\xEE\x00\x0E"
                                         "Adobe\0\x64\0\0\0\0\x02";
    struct b_buf jpeg;
    int channels;
    (void)state;
    jpeg_of(40, 30, 3, &jpeg);
    insert(&jpeg, upright, 0x24);
    assert_true(out_pdf_jpeg_fits(jpeg.data, jpeg.len, 40, 30, &channels));
    insert(&jpeg, turned, 0x24);
    assert_false(out_pdf_jpeg_fits(jpeg.data, jpeg.len, 40, 30, &channels));
    b_buf_free(&jpeg);
    jpeg_of(40, 30, 3, &jpeg);
    insert(&jpeg, adobe, 0x10);
    assert_false(out_pdf_jpeg_fits(jpeg.data, jpeg.len, 40, 30, &channels));
    b_buf_free(&jpeg);
}

static void damaged_jpeg(void **state)
{
    struct b_buf jpeg;
    struct t_random r = {.state = 9};
    int channels;
    (void)state;
    jpeg_of(16, 16, 3, &jpeg);
    for (size_t n = 0; n <= jpeg.len; n++) { /* exact copies, so that a read past the end is seen */
        unsigned char *copy = malloc(n + 1);
        assert_non_null(copy);
        memcpy(copy, jpeg.data, n);
        for (int k = 0; k < 3 && n > 0; k++) {
            (void)out_pdf_jpeg_fits(copy, n, 16, 16, &channels);
            copy[t_random_below(&r, (uint32_t)n)] ^= (unsigned char)(1u << t_random_below(&r, 8));
        }
        free(copy);
    }
    b_buf_free(&jpeg);
}

/* A page of that picture as PDF. */
static void render(const struct b_image *image, const struct b_buf *source, struct t_collect *got)
{
    const struct out_sink sink = t_collect_sink(got);
    const struct dp_document_info info = {.source_name = "x", .page_count = 1};
    struct out_writer *w = NULL;
    struct t_page t;
    struct b_err err = {0};
    const struct b_image_view view = b_image_view_of(image);
    assert_true(t_page_begin(&t, 1, image->width, image->height, 100));
    t_block(&t, DP_PARAGRAPH, (struct dp_rect){1, 1, 20, 10}, "some text");
    assert_int_equal(out_open(out_format_find("pdf"), NULL, &sink, &w, &err), B_OK);
    assert_int_equal(out_begin(w, &info, source ? source->data : NULL, source ? source->len : 0, &err), B_OK);
    assert_int_equal(out_page(w, t.page, &view, &err), B_OK);
    if (out_end(w, DP_STATUS_OK, &err) != B_OK)
        fail_msg("%s", err.message);
    out_drop(w);
    dp_page_drop(t.page);
    assert_memory_equal(got->main.data, "%PDF-", 5);
}

static bool holds(const struct t_collect *got, const void *what, size_t size)
{
    return memmem(got->main.data, got->main.len, what, size) != NULL;
}

#define HOLDS(got, text) holds(got, text, sizeof(text) - 1)

static void pictures(void **state)
{
    struct t_collect got;
    struct b_buf jpeg;
    (void)state;
    struct b_image image = picture(60, 40, 1, true);
    t_collect_init(&got);
    render(&image, NULL, &got);
    assert_true(HOLDS(&got, "/BitsPerComponent 1 "));
    t_collect_free(&got);
    b_image_free(&image);

    image = picture(60, 40, 1, false);
    t_collect_init(&got);
    render(&image, NULL, &got);
    assert_true(HOLDS(&got, "/DeviceGray /BitsPerComponent 8") && HOLDS(&got, "/Predictor 15 /Colors 1"));
    t_collect_free(&got);
    b_image_free(&image);

    image = picture(60, 40, 3, false);
    jpeg_of(60, 40, 3, &jpeg);
    t_collect_init(&got);
    render(&image, &jpeg, &got);
    assert_true(holds(&got, jpeg.data, jpeg.len)); /* byte by byte */
    assert_true(HOLDS(&got, "/DCTDecode"));
    t_collect_free(&got);
    b_image_free(&image);

    image = picture(61, 40, 3, false); /* not the file's picture: a page image of its own */
    t_collect_init(&got);
    render(&image, &jpeg, &got);
    assert_false(holds(&got, jpeg.data, jpeg.len));
    t_collect_free(&got);
    b_image_free(&image);
    b_buf_free(&jpeg);
}

/* What calls itself PDF and is none, and a real one cut anywhere: a file comes out all the same. */
static void damaged_originals(void **state)
{
    const char *root = getenv("DP_SOURCE");
    struct b_bytes file;
    struct b_err err = {0};
    char path[1024];
    struct b_image image = picture(60, 40, 1, false);
    (void)state;
    (void)snprintf(path, sizeof path, "%s/corpora/samples/form.pdf", root ? root : ".");
    if (b_bytes_map(path, 1 << 24, &file, &err) != B_OK)
        fail_msg("%s", err.message);
    for (int i = 0; i <= 40; i++) {
        struct t_collect got;
        struct b_buf source;
        b_buf_init(&source, 1 << 24);
        if (i == 0)
            b_buf_puts(&source, "%PDF-1.7\nthis is none\n%%EOF\n");
        else
            b_buf_append(&source, file.data, file.size * (size_t)i / 40);
        t_collect_init(&got);
        render(&image, &source, &got);
        t_collect_free(&got);
        b_buf_free(&source);
    }
    b_bytes_close(&file);
    b_image_free(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jpeg_that_fits), cmocka_unit_test(jpeg_with_segments), cmocka_unit_test(damaged_jpeg),
        cmocka_unit_test(pictures),       cmocka_unit_test(damaged_originals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
