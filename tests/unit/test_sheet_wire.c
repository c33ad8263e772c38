/* SPDX-License-Identifier: Apache-2.0 */
/* Sheets and file facts as bytes: what is written is read back the same, and no bytes at all bring the reader to anything
 * else than a sheet that keeps its promises or an error. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "docparse/loader_private.h"
#include "docparse/sheet_wire.h"
#include "tests/support/sheets.h"

/* Places in the record, for hostile hands (sheet_wire.c's structs). */
#define AT_NUMBER_OF_WORDS 24
#define AT_WIDTH 12
#define HEAD_BYTES 72
#define WORD_BYTES 40

static void write_sheet(struct b_buf *buf)
{
    struct dp_sheet sheet;
    b_buf_init(buf, (size_t)1 << 20);
    t_sheet_make(&sheet, 7);
    dp_sheet_write(buf, &sheet);
    assert_int_equal(b_buf_check(buf, "test", NULL), B_OK);
    dp_sheet_free(&sheet);
}

static void test_round_trip(void **state)
{
    (void)state;
    const struct dp_limits limits = dp_limits_default();
    struct b_buf buf;
    struct dp_sheet s;
    struct b_err err;
    write_sheet(&buf);
    assert_int_equal(dp_sheet_read(buf.data, buf.len, &limits, &s, &err), B_OK);
    memset(buf.data, 0xff, buf.len); /* nothing points into the bytes */
    b_buf_free(&buf);
    assert_int_equal(s.number, 7);
    assert_int_equal(s.image.width, 100);
    assert_int_equal(s.image.height, 50);
    assert_int_equal(s.image.channels, 3);
    assert_null(s.image.pixels);
    assert_true(s.dpi == 150.5 && s.width_pt == 48 && s.height_pt == 24);
    assert_int_equal(s.kind, DP_SHEET_DIGITAL);
    assert_int_equal(s.n_words, T_SHEET_WORDS);
    for (int i = 0; i < T_SHEET_WORDS; i++)
        assert_string_equal(s.words[i].text, t_sheet_texts[i]);
    assert_string_equal(s.words[0].font, "Times");
    assert_null(s.words[1].font);
    assert_string_equal(s.words[2].font, "Courier");
    assert_ptr_equal(s.words[0].font, s.words[3].font);
    assert_true(s.words[1].joined && !s.words[0].joined);
    assert_int_equal(s.words[4].style, 4);
    assert_true(s.words[4].font_size == 10.5f && s.words[4].confidence == DP_NO_CONFIDENCE);
    assert_true(s.words[3].bbox.x0 == 3 && s.words[3].bbox.x1 == 4);
    assert_int_equal(s.word_hidden[2], 1);
    assert_int_equal(s.word_hidden[1], 0);
    assert_int_equal(s.word_line_end[4], 1);
    assert_int_equal(s.n_rules, 1);
    assert_true(s.rules[0].bbox.x1 == 100 && s.rules[0].width == 1 && !s.rules[0].vertical);
    assert_int_equal(s.n_images, 2);
    assert_int_equal(s.images[1].pixel_width, 640);
    assert_int_equal(s.n_shapes, 2);
    assert_true(s.shapes[0].free && !s.shapes[0].filled && s.shapes[1].filled && s.shapes[1].bbox.x1 == 90);
    assert_int_equal(s.n_warnings, 1);
    assert_string_equal(s.warnings[0], "something is odd");
    assert_int_equal(s.n_glyphs, 2);
    assert_int_equal(s.n_glyph_fonts, 2);
    assert_null(s.glyph_fonts[0]);
    assert_string_equal(s.glyph_fonts[1], "CMMI10");
    assert_true(s.glyphs[0].cp == 'x' && s.glyphs[0].font == 1 && s.glyphs[0].ink.x1 == 9);
    assert_int_equal(s.glyphs[1].cp, DP_GLYPH_BAR);
    dp_sheet_free(&s);
}

static void test_many_fonts(void **state)
{
    (void)state;
    enum { N = 300 };
    const struct dp_limits limits = dp_limits_default();
    static char names[N][8];
    struct dp_sheet s, back;
    struct b_buf buf;
    assert_int_equal(dp_sheet_begin(&s, 1, &limits, NULL), B_OK);
    s.image = (struct b_image){.width = 1, .height = 1, .channels = 1};
    s.words = B_ARENA_ARRAY(s.arena, N, struct dp_word);
    for (int i = 0; i < N; i++) {
        (void)snprintf(names[i], sizeof names[i], "f%d", i * 7 % N);
        s.words[i] = (struct dp_word){.text = "x", .font = names[i * 7 % N]};
    }
    s.n_words = N;
    b_buf_init(&buf, (size_t)1 << 20);
    dp_sheet_write(&buf, &s);
    assert_int_equal(dp_sheet_read(buf.data, buf.len, &limits, &back, NULL), B_OK);
    for (int i = 0; i < N; i++)
        assert_string_equal(back.words[i].font, s.words[i].font);
    dp_sheet_free(&s);
    dp_sheet_free(&back);
    b_buf_free(&buf);
}

/* What dp_sheet_read promises of a sheet, whatever the bytes were. */
static void check_promises(const struct dp_sheet *s, const struct dp_limits *limits)
{
    const float w = (float)s->image.width, h = (float)s->image.height;
    assert_true(s->image.width > 0 && s->image.height > 0);
    assert_true((uint64_t)s->image.width * (uint64_t)s->image.height <= limits->page_pixels);
    assert_true(s->n_words >= 0 && s->n_words <= limits->words_per_page);
    for (int32_t i = 0; i < s->n_words; i++) {
        const struct dp_rect b = s->words[i].bbox;
        assert_true(b.x0 >= 0 && b.x0 <= b.x1 && b.x1 <= w && b.y0 >= 0 && b.y0 <= b.y1 && b.y1 <= h);
        assert_non_null(s->words[i].text);
        assert_true(isfinite(s->words[i].font_size));
    }
    for (int32_t i = 0; i < s->n_rules; i++)
        assert_true(s->rules[i].bbox.x1 <= w && s->rules[i].bbox.y1 <= h && isfinite(s->rules[i].width));
    assert_true(s->n_shapes >= 0 && s->n_shapes <= DP_SHAPES_MAX);
    for (int32_t i = 0; i < s->n_shapes; i++)
        assert_true(s->shapes[i].bbox.x1 <= w && s->shapes[i].bbox.y1 <= h);
}

static void read_damaged(const char *data, size_t len)
{
    const struct dp_limits limits = dp_limits_default();
    struct dp_sheet s;
    struct b_err err = {0};
    char *exact = malloc(len ? len : 1); /* so that the sanitizer sees a read beyond the end */
    memcpy(exact, data, len);
    const enum b_code code = dp_sheet_read(exact, len, &limits, &s, &err);
    free(exact);
    if (code == B_OK)
        check_promises(&s, &limits);
    else
        assert_true((code == B_FORMAT || code == B_LIMIT) && err.message[0]);
    dp_sheet_free(&s);
}

static void test_cut_short(void **state)
{
    (void)state;
    const struct dp_limits limits = dp_limits_default();
    struct b_buf buf;
    write_sheet(&buf);
    for (size_t len = 0; len < buf.len; len++) {
        struct dp_sheet s;
        assert_int_equal(dp_sheet_read(buf.data, len, &limits, &s, NULL), B_FORMAT);
        assert_null(s.arena);
        read_damaged(buf.data, len);
    }
    b_buf_putc(&buf, 'x');
    assert_int_equal(dp_sheet_read(buf.data, buf.len, &limits, &(struct dp_sheet){0}, NULL), B_FORMAT);
    b_buf_free(&buf);
}

static void test_every_bit(void **state)
{
    (void)state;
    struct b_buf buf;
    write_sheet(&buf);
    for (size_t i = 0; i < buf.len * 8; i++) {
        buf.data[i / 8] ^= (char)(1 << i % 8);
        read_damaged(buf.data, buf.len);
        buf.data[i / 8] ^= (char)(1 << i % 8);
    }
    for (size_t i = 0; i + 4 <= buf.len; i++) {
        static const uint32_t values[] = {0, 1, 0x7fffffff, 0x80000000u, 0xffffffffu, 0x7fc00000u, 0x7f800000u};
        char old[4];
        memcpy(old, buf.data + i, 4);
        for (size_t k = 0; k < sizeof values / sizeof values[0]; k++) {
            memcpy(buf.data + i, &values[k], 4);
            read_damaged(buf.data, buf.len);
        }
        memcpy(buf.data + i, old, 4);
    }
    b_buf_free(&buf);
}

static enum b_code with_int(struct b_buf *buf, size_t at, int32_t value, struct dp_limits limits)
{
    struct dp_sheet s;
    int32_t old;
    memcpy(&old, buf->data + at, sizeof old);
    memcpy(buf->data + at, &value, sizeof value);
    const enum b_code code = dp_sheet_read(buf->data, buf->len, &limits, &s, NULL);
    memcpy(buf->data + at, &old, sizeof old);
    dp_sheet_free(&s);
    return code;
}

static void test_lies(void **state)
{
    (void)state;
    const struct dp_limits limits = dp_limits_default();
    struct dp_limits small = limits;
    struct b_buf buf;
    write_sheet(&buf);
    assert_int_equal(with_int(&buf, AT_NUMBER_OF_WORDS, T_SHEET_WORDS, limits), B_OK); /* the places are right */
    assert_int_equal(with_int(&buf, AT_WIDTH, 100, limits), B_OK);
    assert_int_equal(with_int(&buf, AT_NUMBER_OF_WORDS, -1, limits), B_FORMAT);
    assert_int_equal(with_int(&buf, AT_NUMBER_OF_WORDS, 199999, limits), B_FORMAT);
    assert_int_equal(with_int(&buf, AT_WIDTH, 0, limits), B_FORMAT);
    assert_int_equal(with_int(&buf, AT_WIDTH, 0x7fffffff, limits), B_FORMAT);
    small.words_per_page = T_SHEET_WORDS - 1;
    assert_int_equal(with_int(&buf, 0, 0x31485344, small), B_FORMAT);
    small = limits;
    small.page_pixels = 4999;
    assert_int_equal(with_int(&buf, 0, 0x31485344, small), B_FORMAT);
    small = limits;
    small.page_arena = 256;
    assert_int_equal(with_int(&buf, 0, 0x31485344, small), B_LIMIT);
    b_buf_free(&buf);
}

static void test_boxes_are_clipped(void **state)
{
    (void)state;
    const struct dp_limits limits = dp_limits_default();
    const struct dp_rect hostile[] = {{-5, 90, 1e30f, 20}, {NAN, NAN, NAN, NAN}, {INFINITY, -INFINITY, 3, 4}};
    struct b_buf buf;
    write_sheet(&buf);
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        struct dp_sheet s;
        memcpy(buf.data + HEAD_BYTES + WORD_BYTES * i, &hostile[i], sizeof hostile[i]);
        assert_int_equal(dp_sheet_read(buf.data, buf.len, &limits, &s, NULL), B_OK);
        check_promises(&s, &limits);
        dp_sheet_free(&s);
    }
    b_buf_free(&buf);
}

static void test_file_info(void **state)
{
    (void)state;
    static const struct dp_outline_item items[] = {{"Chapter", 0, 1}, {"Section", 1, 3}};
    const struct dp_file_info info = {.page_count = 3, .title = "A title", .language = "de", .version = "PDF-1.7",
                                      .modified = "2024-01-01T00:00:00Z", .tagged = true, .outline = items, .n_outline = 2};
    struct dp_file_info back;
    struct b_buf buf;
    b_buf_init(&buf, 4096);
    dp_file_info_write(&buf, &info);
    struct b_arena *arena = b_arena_new(1 << 16);
    assert_int_equal(dp_file_info_read(buf.data, buf.len, arena, &back, NULL), B_OK);
    assert_int_equal(back.page_count, 3);
    assert_string_equal(back.title, "A title");
    assert_null(back.author);
    assert_string_equal(back.language, "de");
    assert_string_equal(back.version, "PDF-1.7");
    assert_string_equal(back.modified, "2024-01-01T00:00:00Z");
    assert_true(back.tagged && !back.encrypted && !back.repaired);
    assert_int_equal(back.n_outline, 2);
    assert_string_equal(back.outline[1].title, "Section");
    assert_int_equal(back.outline[1].page, 3);
    for (size_t len = 0; len < buf.len; len++) {
        b_arena_reset(arena);
        assert_int_equal(dp_file_info_read(buf.data, len, arena, &back, NULL), B_FORMAT);
    }
    for (size_t i = 0; i < buf.len * 8; i++) {
        b_arena_reset(arena);
        buf.data[i / 8] ^= (char)(1 << i % 8);
        const enum b_code code = dp_file_info_read(buf.data, buf.len, arena, &back, NULL);
        assert_true(code == B_OK || code == B_FORMAT || code == B_LIMIT);
        buf.data[i / 8] ^= (char)(1 << i % 8);
    }
    b_arena_drop(arena);
    b_buf_free(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_many_fonts),        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_every_bit),  cmocka_unit_test(test_lies),              cmocka_unit_test(test_boxes_are_clipped),
        cmocka_unit_test(test_file_info),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
