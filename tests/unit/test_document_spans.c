/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/make_document.h"

static void begin(struct t_page *t)
{
    assert_true(t_page_begin(t, 1, 1000, 1400, 200));
    t_block(t, DP_PARAGRAPH, (struct dp_rect){100, 100, 900, 200}, "where é = mc2 holds");
    t_span(t, DP_SPAN_FORMULA, "é = mc2", "e=mc^{2}");
    t_span(t, DP_SPAN_ITALIC, "holds", NULL);
    t_block(t, DP_PARAGRAPH, (struct dp_rect){100, 300, 900, 400}, "plain");
    t_block(t, DP_PARAGRAPH, (struct dp_rect){100, 500, 900, 600}, "the 1st");
    t_span(t, DP_SPAN_SUPERSCRIPT, "st", NULL);
    assert_true(t->ok);
}

static void finds_the_spans_of_a_block(void **state)
{
    (void)state;
    struct t_page t;
    int32_t first;
    begin(&t);
    assert_int_equal(dp_page_check(t.page, NULL), B_OK);
    assert_int_equal(dp_spans_of(t.page, 0, &first), 2);
    assert_int_equal(first, 0);
    assert_int_equal(dp_spans_of(t.page, 1, &first), 0);
    assert_int_equal(dp_spans_of(t.page, 2, &first), 1);
    assert_int_equal(first, 2);
    assert_int_equal(dp_spans_of(t.page, 3, &first), 0);
    assert_string_equal(dp_span_kind_name(DP_SPAN_SUPERSCRIPT), "superscript");
    dp_page_drop(t.page);
}

static void broken_spans_are_named(void **state)
{
    (void)state;
    const struct dp_span good = {.block = 0, .begin = 6, .end = 14, .kind = DP_SPAN_FORMULA, .latex = "e", .confidence = 1};
    struct dp_span bad[12];
    for (size_t i = 0; i < 12; i++)
        bad[i] = good;
    bad[0].block = 3;
    bad[1].block = -1;
    bad[2].begin = 7; /* inside of a character */
    bad[3].end = 7;
    bad[4].end = 400;
    bad[5].begin = -1;
    bad[6].end = 6; /* empty */
    bad[7].kind = DP_SPAN_KINDS;
    bad[8].latex = NULL;
    bad[9].kind = DP_SPAN_BOLD; /* with a formula */
    bad[10].confidence = 2;
    bad[11].bbox = (struct dp_rect){5, 0, 4, 1};
    struct t_page t;
    struct b_err err;
    begin(&t);
    t.page->n_spans = 1;
    t.page->spans[0] = good;
    assert_int_equal(dp_page_check(t.page, &err), B_OK);
    for (size_t i = 0; i < 12; i++) {
        t.page->spans[0] = bad[i];
        if (dp_page_check(t.page, &err) != B_INTERNAL)
            fail_msg("span %zu passed", i);
        assert_non_null(strstr(err.message, "span 0"));
    }
    t.page->n_spans = 2; /* overlaps, then stands before */
    for (int i = 0; i < 2; i++) {
        t.page->spans[0] = t.page->spans[1] = good;
        t.page->spans[1].begin = i ? 0 : 13;
        t.page->spans[1].end = i ? 2 : 16;
        assert_int_equal(dp_page_check(t.page, &err), B_INTERNAL);
    }
    t.page->n_spans = 1;
    t.page->spans = NULL;
    assert_int_equal(dp_page_check(t.page, &err), B_INTERNAL);
    dp_page_drop(t.page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_spans_of_a_block),
        cmocka_unit_test(broken_spans_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
