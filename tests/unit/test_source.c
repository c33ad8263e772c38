/* SPDX-License-Identifier: Apache-2.0 */
/* docparse/source.c: recognition by content, messages, names, limits. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "docparse/source.h"
#include "engine/base/utf8.h"

static enum b_code open_bytes(const void *data, size_t size, const char *name, struct dp_source *source,
                              struct b_err *err)
{
    struct dp_limits limits = dp_limits_default();
    b_err_clear(err);
    return dp_source_of_bytes(data, size, name, &limits, source, err);
}

static void recognises_by_first_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        enum dp_media media;
    } cases[] = {
        {"%PDF-1.7\n", 9, DP_MEDIA_PDF},
        {"II*\0\10\0\0\0", 8, DP_MEDIA_TIFF},
        {"MM\0*\0\0\0\10", 8, DP_MEDIA_TIFF},
        {"II+\0\10\0\0\0", 8, DP_MEDIA_TIFF},
        {"MM\0+\0\10\0\0", 8, DP_MEDIA_TIFF},
        {"\x89PNG\r\n\x1a\n", 8, DP_MEDIA_PNG},
        {"\xff\xd8\xff\xe0", 4, DP_MEDIA_JPEG},
        {"RIFF\4\0\0\0WEBPVP8 ", 16, DP_MEDIA_WEBP},
        {"RIFF\4\0\0\0WAVEfmt ", 16, DP_MEDIA_UNKNOWN},
        {"%PDF", 4, DP_MEDIA_UNKNOWN},
        {"\x89PN", 3, DP_MEDIA_UNKNOWN},
        {"", 0, DP_MEDIA_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(dp_media_of((const uint8_t *)cases[i].bytes, cases[i].size), cases[i].media);
}

static void finds_a_pdf_behind_junk(void **state)
{
    (void)state;
    uint8_t junk[1100];
    memset(junk, 'x', sizeof junk);
    memcpy(junk + 1019, "%PDF-", 5);
    assert_int_equal(dp_media_of(junk, sizeof junk), DP_MEDIA_PDF);
    memset(junk, 'x', sizeof junk);
    memcpy(junk + 1020, "%PDF-", 5); /* its last byte is the 1025th */
    assert_int_equal(dp_media_of(junk, sizeof junk), DP_MEDIA_UNKNOWN);
    /* An image that quotes a PDF header is an image. */
    uint8_t tiff[64] = "II*\0";
    memcpy(tiff + 20, "%PDF-1.4", 8);
    assert_int_equal(dp_media_of(tiff, sizeof tiff), DP_MEDIA_TIFF);
}

static void hashes_the_bytes(void **state)
{
    (void)state;
    struct dp_source source;
    struct b_err err;
    assert_int_equal(open_bytes("%PDF-", 5, "folder/a.pdf", &source, &err), B_OK);
    /* printf %%PDF- | sha256sum */
    assert_string_equal(source.sha256, "38523c087796e5d5dd1cf9bad1fb026781a838dd9dd2cf8af58b9f6502a46778");
    assert_string_equal(source.name, "a.pdf");
    assert_string_equal(dp_media_type_name(source.media), "application/pdf");
    dp_source_close(&source);
    assert_null(source.name);
}

static void refuses_empty_input(void **state)
{
    (void)state;
    struct dp_source source;
    struct b_err err;
    assert_int_equal(open_bytes("", 0, "scan.pdf", &source, &err), B_FORMAT);
    assert_non_null(strstr(err.message, "scan.pdf is empty"));
    assert_string_not_equal(err.advice, "");
}

static void says_what_it_saw(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *name, *part, *advice;
    } cases[] = {
        {"Dear Sir or Madam,\n", 19, "letter.pdf", "letter.pdf is named .pdf but holds plain text", "text needs no reading"},
        {"Dear Sir or Madam,\n", 19, "letter.doc", "letter.doc holds plain text", "text needs no reading"},
        {"PK\3\4....", 8, "x.docx", "a ZIP archive or an Office document", "unpack it first, or save"},
        {"GIF89a..", 8, "x.png", "is named .png but holds a GIF image", "PNG or JPEG first"},
        {"\0\0\0\x18" "ftypheic", 12, "x.jpg", "HEIC", "PNG or JPEG first"},
        {"\0\0\0\0\0\0\0\0", 8, "x.tif", "only zero bytes", "fetch it again"},
        {"RIFF\4\0\0\0WAVE", 12, "x.webp", "RIFF file that is not WebP", "convert the file first"},
        {"\xde\xad\xbe\xef", 4, "x", "starts with de ad be ef", "convert the file first"},
        {"\xde", 1, "x", "starts with de 00 00 00", "convert the file first"},
        {"caf\xc3\xa9 \xe2\x82\xac", 9, "x.PDF", "named .pdf but holds plain text", "text needs"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dp_source source;
        struct b_err err;
        assert_int_equal(open_bytes(cases[i].bytes, cases[i].size, cases[i].name, &source, &err), B_UNSUPPORTED);
        if (!strstr(err.message, cases[i].part))
            fail_msg("\"%s\" lacks \"%s\"", err.message, cases[i].part);
        assert_non_null(strstr(err.advice, "PDF, TIFF, PNG, JPEG and WebP"));
        if (!strstr(err.advice, cases[i].advice))
            fail_msg("\"%s\" lacks \"%s\"", err.advice, cases[i].advice);
    }
}

static void cleans_names(void **state)
{
    (void)state;
    struct dp_source source;
    struct b_err err;
    assert_int_equal(open_bytes("%PDF-", 5, "/a/b/bad\xff\nname\x01.pdf", &source, &err), B_OK);
    assert_true(b_utf8_valid(source.name, strlen(source.name)));
    assert_null(strchr(source.name, '\n'));
    assert_null(strchr(source.name, '/'));
    assert_non_null(strstr(source.name, "name"));
    dp_source_close(&source);
    char longer[5000];
    memset(longer, 0xff, sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(open_bytes("%PDF-", 5, longer, &source, &err), B_OK);
    assert_true(strlen(source.name) <= 1024);
    dp_source_close(&source);
}

static void respects_the_byte_limit(void **state)
{
    (void)state;
    struct dp_limits limits = dp_limits_default();
    struct dp_source source;
    struct b_err err;
    limits.input_bytes = 4;
    assert_int_equal(dp_source_of_bytes("%PDF-", 5, "a", &limits, &source, &err), B_LIMIT);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "%PDF-", 5), 5);
    close(ends[1]);
    assert_int_equal(dp_source_of_fd(ends[0], "stdin", &limits, &source, &err), B_LIMIT);
    close(ends[0]);
}

static void reads_paths_and_descriptors(void **state)
{
    (void)state;
    struct dp_limits limits = dp_limits_default();
    struct dp_source source;
    struct b_err err;
    char path[] = "test_source_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "%PDF-1.4 and more", 17), 17);
    assert_int_equal(dp_source_open(path, &limits, &source, &err), B_OK);
    assert_int_equal(source.bytes.size, 17);
    assert_string_equal(source.name, path);
    dp_source_close(&source);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(dp_source_of_fd(fd, NULL, &limits, &source, &err), B_OK);
    assert_string_equal(source.name, "standard input");
    dp_source_close(&source);
    close(fd);
    unlink(path);
    assert_int_equal(dp_source_open(path, &limits, &source, &err), B_NOT_FOUND);
    assert_int_equal(dp_source_open(".", &limits, &source, &err), B_ARGUMENT);
    assert_int_equal(dp_source_open("/dev/null", &limits, &source, &err), B_FORMAT);
    dp_source_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recognises_by_first_bytes), cmocka_unit_test(finds_a_pdf_behind_junk),
        cmocka_unit_test(hashes_the_bytes),          cmocka_unit_test(refuses_empty_input),
        cmocka_unit_test(says_what_it_saw),          cmocka_unit_test(cleans_names),
        cmocka_unit_test(respects_the_byte_limit),   cmocka_unit_test(reads_paths_and_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
