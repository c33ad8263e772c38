/* SPDX-License-Identifier: Apache-2.0 */
/* Filled squares and discs that were read as letters get their own character; letters stay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "docparse/bullets.h"
#include "docparse/line_builder.h"

enum { SIDE = 200 };

static struct dp_page *page;
static struct b_image image;
static struct dp_line_builder builder;

static int set_up(void **state)
{
    (void)state;
    if (dp_page_new(1, (size_t)8 << 20, &page, NULL) != B_OK ||
        b_image_new(SIDE, SIDE, 1, SIDE * SIDE, &image, NULL) != B_OK)
        return -1;
    memset(image.pixels, 230, SIDE * SIDE);
    page->width = page->height = SIDE;
    dp_line_builder_begin(&builder, page);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    dp_page_drop(page);
    b_image_free(&image);
    return 0;
}

static void read_as(float x, float y, float side, const char *text, float confidence)
{
    const struct dp_rect box = {x, y, x + side, y + side};
    const struct dp_word word = {.bbox = box, .text = text, .confidence = confidence};
    struct dp_line l = {.source = DP_FROM_COMPACT, .confidence = confidence};
    dp_quad_of_box(box, 0, l.quad);
    assert_int_equal(dp_line_builder_word(&builder, &word, NULL), B_OK);
    assert_int_equal(dp_line_builder_end(&builder, &l, NULL), B_OK);
}

static void fill(int x0, int y0, int x1, int y1, uint8_t grey)
{
    for (int y = y0; y < y1; y++)
        memset(image.pixels + y * SIDE + x0, grey, (size_t)(x1 - x0));
}

static void disc(int cx, int cy, int radius, uint8_t grey)
{
    for (int y = -radius; y <= radius; y++)
        for (int x = -radius; x <= radius; x++)
            if (x * x + y * y <= radius * radius)
                image.pixels[(cy + y) * SIDE + cx + x] = grey;
}

static const char *text_of(int32_t line)
{
    const struct b_image_view view = b_image_view_of(&image);
    dp_bullets_name(&view, page, 0);
    assert_string_equal(page->words[page->lines[line].first_word].text, page->lines[line].text);
    return page->lines[line].text;
}

static void solid_patches_are_marks(void **state)
{
    (void)state;
    fill(13, 13, 25, 25, 20);
    disc(60, 20, 6, 20);
    read_as(10, 10, 18, "\xe5\x9c\x8b", 0.44f);
    read_as(51, 11, 18, "e", 0.5f);
    assert_string_equal(text_of(0), "\xe2\x96\xa0");
    assert_string_equal(text_of(1), "\xe2\x97\x8f");
}

static void white_on_dark_counts(void **state)
{
    (void)state;
    fill(0, 0, 60, 60, 30);
    fill(13, 13, 25, 25, 250);
    read_as(10, 10, 18, "I", 0.6f);
    assert_string_equal(text_of(0), "\xe2\x96\xa0");
}

static void letters_stay(void **state)
{
    (void)state;
    fill(13, 13, 25, 25, 20); /* read without doubt */
    read_as(10, 10, 18, "B", 0.9f);
    fill(58, 12, 61, 26, 20); /* a stroke */
    read_as(50, 10, 18, "1", 0.4f);
    fill(93, 13, 105, 25, 20); /* a frame */
    fill(96, 16, 102, 22, 230);
    read_as(90, 10, 18, "D", 0.4f);
    fill(130, 10, 148, 28, 20); /* no paper around: a piece of a picture */
    read_as(130, 10, 18, "a", 0.4f);
    fill(13, 63, 25, 75, 20); /* a word */
    read_as(10, 60, 18, "abc", 0.4f);
    assert_string_equal(text_of(0), "B");
    assert_string_equal(text_of(1), "1");
    assert_string_equal(text_of(2), "D");
    assert_string_equal(text_of(3), "a");
    assert_string_equal(text_of(4), "abc");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(solid_patches_are_marks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(white_on_dark_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(letters_stay, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
