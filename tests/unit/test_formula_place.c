/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "docparse/formula_place.h"
#include "docparse/formula_reader.h"
#include "tests/support/make_document.h"

static void begin(struct t_page *t)
{
    assert_true(t_page_begin(t, 1, 1000, 1400, 200));
    t_block(t, DP_PARAGRAPH, (struct dp_rect){100, 100, 900, 200}, "We find that");
    t_lines(t, 2);
    t_block(t, DP_PARAGRAPH, (struct dp_rect){300, 220, 600, 260}, "x = a");
    t_lines(t, 1);
    t_block(t, DP_PARAGRAPH, (struct dp_rect){300, 262, 600, 290}, "b + c");
    t_lines(t, 1);
    t_block(t, DP_FIGURE, (struct dp_rect){100, 400, 900, 700}, "");
    const int32_t caption = t_block(t, DP_CAPTION, (struct dp_rect){100, 710, 900, 740}, "Figure 1");
    t->page->blocks[caption].caption_of = caption - 1;
    t_lines(t, 1);
    assert_true(t->ok);
    assert_int_equal(dp_page_check(t->page, NULL), B_OK);
}

static int32_t place(struct t_page *t, struct dp_rect box, const char *latex, float confidence)
{
    const struct dp_formula_region region = {.box = box};
    const struct dp_formula_reading reading = {.latex = latex, .confidence = confidence};
    struct b_err err = {0};
    int32_t placed;
    assert_int_equal(dp_formula_place(t->page, &region, &reading, 1, &placed, &err), B_OK);
    if (dp_page_check(t->page, &err) != B_OK)
        fail_msg("%s", err.message);
    return placed;
}

static void a_sure_reading_becomes_a_formula(void **state)
{
    (void)state;
    struct t_page t;
    begin(&t);
    const int32_t lines = t.page->n_lines;
    assert_int_equal(place(&t, (struct dp_rect){290, 215, 610, 295}, "x=\\frac{a}{b+c}", 0.9f), 1);
    assert_int_equal(t.page->n_blocks, 4);
    assert_int_equal(t.page->n_lines, lines);
    const struct dp_block *b = &t.page->blocks[1];
    assert_int_equal(b->type, DP_FORMULA);
    assert_string_equal(b->latex, "x=\\frac{a}{b+c}");
    assert_string_equal(b->text, "x = a\nb + c");
    assert_true(b->display);
    assert_int_equal(b->n_lines, 2);
    assert_int_equal(b->source, DP_FROM_VLM);
    assert_true(b->bbox.y0 == 220 && b->bbox.y1 == 290);
    assert_int_equal(t.page->blocks[3].caption_of, 2);
    dp_page_drop(t.page);
}

/* Spans of what became a formula go, the others stay with their blocks. */
static void spans_follow_their_blocks(void **state)
{
    (void)state;
    struct t_page t;
    begin(&t);
    const struct dp_span spans[] = {{.block = 0, .begin = 0, .end = 2, .kind = DP_SPAN_ITALIC},
                                    {.block = 1, .begin = 0, .end = 5, .kind = DP_SPAN_FORMULA, .latex = "x=a"},
                                    {.block = 2, .begin = 0, .end = 1, .kind = DP_SPAN_FORMULA, .latex = "b"},
                                    {.block = 4, .begin = 7, .end = 8, .kind = DP_SPAN_BOLD}};
    memcpy(t.page->spans, spans, sizeof spans);
    t.page->n_spans = 4;
    assert_int_equal(place(&t, (struct dp_rect){290, 215, 610, 295}, "x=\\frac{a}{b+c}", 0.9f), 1);
    assert_int_equal(t.page->n_spans, 2);
    assert_int_equal(t.page->spans[0].block, 0);
    assert_int_equal(t.page->spans[1].block, 3);
    assert_int_equal(t.page->spans[1].kind, DP_SPAN_BOLD);
    dp_page_drop(t.page);
}

static void an_unsure_reading_changes_nothing(void **state)
{
    (void)state;
    struct t_page t;
    const struct {
        const char *latex;
        float confidence;
    } cases[] = {{"x=a", 0.3f}, {NULL, 0.9f}};
    for (int i = 0; i < 2; i++) {
        begin(&t);
        assert_int_equal(place(&t, (struct dp_rect){290, 215, 610, 295}, cases[i].latex, cases[i].confidence), 0);
        assert_int_equal(t.page->n_blocks, 5);
        assert_int_equal(t.page->blocks[1].type, DP_PARAGRAPH);
        assert_null(t.page->blocks[1].latex);
        assert_string_equal(t.page->blocks[1].text, "x = a");
        dp_page_drop(t.page);
    }
}

static void what_does_not_fit_changes_nothing(void **state)
{
    (void)state;
    const struct dp_rect boxes[] = {
        {0, 0, 50, 50},       /* nothing there */
        {100, 100, 900, 150}, /* half a paragraph */
        {100, 390, 900, 750}, /* a figure with its caption */
        {290, 150, 610, 295}, /* cuts the paragraph above */
    };
    for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++) {
        struct t_page t;
        begin(&t);
        assert_int_equal(place(&t, boxes[i], "x", 0.9f), 0);
        assert_int_equal(t.page->n_blocks, 5);
        for (int32_t k = 0; k < 3; k++)
            assert_int_equal(t.page->blocks[k].type, DP_PARAGRAPH);
        dp_page_drop(t.page);
    }
}

/* Dark boxes on grey paper come out black on white, of the trained size, with a margin. */
static void pictures_are_of_one_size(void **state)
{
    (void)state;
    struct b_err err = {0};
    for (int scale = 1; scale <= 4; scale++) {
        struct b_image page, out;
        assert_int_equal(b_image_new(200 * scale, 100 * scale, 3, 1 << 24, &page, &err), B_OK);
        memset(page.pixels, 200, (size_t)(page.width * page.height * 3));
        for (int y = 40 * scale; y < 60 * scale; y++)
            memset(page.pixels + (size_t)(y * page.width + 50 * scale) * 3, 60, (size_t)(100 * scale) * 3);
        const struct dp_formula_region region = {.box = {10, 10, (float)page.width - 10, (float)page.height - 10},
                                                 .em = 20.0f * (float)scale};
        assert_int_equal(dp_formula_picture(b_image_view_of(&page), &region, &out, &err), B_OK);
        assert_int_equal(out.width % 28 + out.height % 28, 0);
        int dark = 0;
        for (int i = 0; i < out.width * out.height; i++) {
            dark += out.pixels[i] < 128;
            assert_true(i >= out.width || out.pixels[i] == 255);
        }
        assert_in_range(dark, 2500, 2800); /* 115 x 23 */
        b_image_free(&out);
        memset(page.pixels, 200, (size_t)(page.width * page.height * 3));
        assert_int_equal(dp_formula_picture(b_image_view_of(&page), &region, &out, &err), B_NOT_FOUND);
        const struct dp_formula_region off = {.box = {-50, -50, -10, -10}};
        assert_int_equal(dp_formula_picture(b_image_view_of(&page), &off, &out, &err), B_NOT_FOUND);
        b_image_free(&page);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sure_reading_becomes_a_formula),
        cmocka_unit_test(spans_follow_their_blocks),
        cmocka_unit_test(an_unsure_reading_changes_nothing),
        cmocka_unit_test(what_does_not_fit_changes_nothing),
        cmocka_unit_test(pictures_are_of_one_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
