/* SPDX-License-Identifier: Apache-2.0 */
/* Rules R1..R16 of the parser: cleaning, fences, prose, tags, references, boxes, limits, bare text. Every
 * answer is parsed whole and byte by byte (tests/support/markup_parse.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "docparse/digest.h"
#include "engine/base/buf.h"
#include "tests/support/markup_parse.h"

#define OUTLINE(answer, expected)                                                                                      \
    do {                                                                                                               \
        struct t_parsed p_ = t_parse(answer);                                                                          \
        assert_string_equal(t_outline(&p_), expected);                                                                 \
        t_parsed_free(&p_);                                                                                            \
    } while (0)

static int warned(const struct t_parsed *p, enum dp_markup_warning_code code)
{
    return p->result.counts[code];
}

static void test_r1_encoding(void **state)
{
    (void)state;
    OUTLINE("<p>a\xff\xc3(b</p>", "paragraph|a\xEF\xBF\xBD\xEF\xBF\xBD(b|-");
    OUTLINE("<p>x\xe4\xb8", "paragraph|x|-"); /* cut in the middle of a character */
    OUTLINE("<p>\x01\x7f"
            "a\r\nb\rc\xc2\x85</p>",
            "paragraph|a b c|-");
    OUTLINE("<pre>a\r\nb\rc\r\r\nd</pre>", "code|a\nb\nc\n\nd|-");
    OUTLINE("\xEF\xBB\xBF<p>bom</p>", "paragraph|bom|-");
    OUTLINE("<p>\xEF\xBF\xBE</p>", "paragraph|\xEF\xBF\xBD|-"); /* a noncharacter */
    struct t_parsed p = t_parse("<p>ab\xff</p>");
    assert_int_equal(warned(&p, DP_MARKUP_W_ENCODING), 1);
    assert_int_equal(p.result.warnings[0].offset, 5);
    t_parsed_free(&p);
}

static void test_r2_special_tokens(void **state)
{
    (void)state;
    OUTLINE("<p>a<|im_end|>b</p><|endoftext|>", "paragraph|ab|-");
    OUTLINE("<|im_start|><p>a</p><|im_", "paragraph|a|-");
    OUTLINE("<p>a <| b |></p>", "paragraph|a <| b |>|-");
    OUTLINE("<think>is it <p>?</p></think><p>a</p>", "paragraph|a|-");
    OUTLINE("thoughts </think>\nanswer", "paragraph|answer|-");
    struct dp_markup_options o = dp_markup_options_default();
    o.thinking = true;
    const char *answer = "I see <p>this</p> <table></think><p>that</p>";
    struct t_parsed p = t_parse_with(answer, strlen(answer), &o, DP_MARKUP_STOP_TOKEN, 10, 10);
    assert_string_equal(t_outline(&p), "paragraph|that|-");
    t_parsed_free(&p);
}

static void test_r3_fences(void **state)
{
    (void)state;
    OUTLINE("```html\n<p>a</p>\n```", "paragraph|a|-");
    OUTLINE("```html\n<p>a</p>", "paragraph|a|-");
    OUTLINE("```\n<p>a</p>\n```\n", "paragraph|a|-");
    OUTLINE("```HTML\nbare\n```", "paragraph|bare|-");
    OUTLINE("```html<p>a</p>```", "paragraph|a|-");
    OUTLINE("  ```xml  \n<p>a</p>", "paragraph|a|-");
    OUTLINE("<b title='>>'>x</b> &lt;", "paragraph|x <|-"); /* prose until its end is known */
    OUTLINE("<p>a ```b``` c</p>", "paragraph|a ```b``` c|-");
    struct t_parsed p = t_parse("```html\nbare");
    assert_int_equal(p.result.kind, DP_MARKUP_HTML);
    t_parsed_free(&p);
    p = t_parse("```html\n<p>a</p>\n```\nThis page shows a.");
    assert_string_equal(t_outline(&p), "paragraph|a|-");
    assert_int_equal(warned(&p, DP_MARKUP_W_POSTAMBLE), 1);
    t_parsed_free(&p);
    p = t_parse("The text:\n\n```\none\n\n\n\ntwo  \n```\nbye");
    assert_string_equal(t_outline(&p), "paragraph|one\n\ntwo|-");
    assert_string_equal(p.result.preamble, "The text:");
    t_parsed_free(&p);
}

static void test_r4_prose(void **state)
{
    (void)state;
    struct t_parsed p = t_parse("Here it is: 3 < 4.\n<p data-bbox=\"1 2 3 4\">a</p>");
    assert_string_equal(t_outline(&p), "paragraph|a|1 2 3 4");
    assert_string_equal(p.result.preamble, "Here it is: 3 < 4.");
    assert_int_equal(warned(&p, DP_MARKUP_W_PREAMBLE), 1);
    assert_int_equal(p.result.kind, DP_MARKUP_HTML);
    t_parsed_free(&p);
    p = t_parse("line one\nline  two &amp; [1] {x}\n");
    assert_string_equal(t_outline(&p), "paragraph|line one\nline  two &amp; [1] {x}|-");
    assert_int_equal(p.result.kind, DP_MARKUP_TEXT);
    assert_string_equal(p.result.preamble, "");
    t_parsed_free(&p);
    OUTLINE("plain with <b>bold</b> &lt;x", "paragraph|plain with bold <x|-");
    p = t_parse("");
    assert_int_equal(p.page->n_blocks, 0);
    assert_int_equal(p.result.kind, DP_MARKUP_EMPTY);
    t_parsed_free(&p);
    p = t_parse(" \n ");
    assert_int_equal(p.page->n_blocks, 0);
    t_parsed_free(&p);
}

static void test_r5_raw_and_hash(void **state)
{
    (void)state;
    static const char answer[] = "<p>\xff</p>";
    struct dp_markup_options o = dp_markup_options_default();
    char hex[65];
    o.keep_raw = true;
    struct t_parsed p = t_parse_with(answer, sizeof answer - 1, &o, DP_MARKUP_STOP_TOKEN, 10, 10);
    assert_int_equal(p.result.raw_size, sizeof answer - 1);
    assert_memory_equal(p.result.raw, answer, sizeof answer - 1);
    assert_int_equal(dp_sha256_hex(answer, sizeof answer - 1, hex, NULL), B_OK);
    assert_string_equal(p.result.sha256, hex);
    assert_int_equal(p.result.bytes, sizeof answer - 1);
    t_parsed_free(&p);
    p = t_parse(answer);
    assert_null(p.result.raw);
    t_parsed_free(&p);
}

static void test_r6_what_is_a_tag(void **state)
{
    (void)state;
    OUTLINE("<p>if a<b and c<d>5</p><p>next</p>", "paragraph|if a<b and c<d>5|-\nparagraph|next|-");
    OUTLINE("<p>p<0.05, x < y, <= 3, <>, </ >, <!=, <3</p>", "paragraph|p<0.05, x < y, <= 3, <>, </ >, <!=, <3|-");
    OUTLINE("<p>#include <stdio.h></p>", "paragraph|#include <stdio.h>|-");
    OUTLINE("<p>8.00<all></p>", "paragraph|8.00<all>|-");
    OUTLINE("<p.x>a</p>", "paragraph|<p.x>a|-");
    OUTLINE("<p>a<br clear=all/>x</p><p class=y/>z", "paragraph|a\nx|-\nparagraph|z|-");
    OUTLINE("<P ID='b1'\n DATA-BBOX='1 2 3 4' nowrap>a</P  >", "paragraph|a|1 2 3 4");
    OUTLINE("<p title=\"a > b\">x</p>", "paragraph|x|-");
    OUTLINE("<p class=\"text\"data-bbox=\"1 2 3 4\">x</p>", "paragraph|x|1 2 3 4");
    struct t_parsed p = t_parse("<p>#include <stdio.h></p>");
    assert_int_equal(warned(&p, DP_MARKUP_W_NOT_A_TAG), 1);
    assert_int_equal(p.result.warnings[0].offset, 12);
    t_parsed_free(&p);
}

static void test_r7_formulas_hold_no_tags(void **state)
{
    (void)state;
    OUTLINE("<p>$x<y$ and</p><p>more</p>", "paragraph|$x<y$ and|-\nparagraph|more|-");
    OUTLINE("<p>$a<b>c$ d</p>", "paragraph|$a<b>c$ d|-");
    OUTLINE("<p>$$a<p>b$$ d</p>", "paragraph|$$a<p>b$$ d|-");
    OUTLINE("<p>\\(a<b>c\\) \\[i<i>j\\]</p>", "paragraph|\\(a<b>c\\) \\[i<i>j\\]|-");
    OUTLINE("<p>open $x<y</p><p>b</p>", "paragraph|open $x<y|-\nparagraph|b|-");
    OUTLINE("<p>costs $5 <b>now</b></p>", "paragraph|costs $5 now|-");
    OUTLINE("<p>$5 and $6 <i>each</i></p>", "paragraph|$5 and $6 each|-");
    OUTLINE("<table><tr><td>$5<td>$x<td>6</table>", "table|$5\t$x\t6|-");
    OUTLINE("<p>a\\$b<b>c</b></p>", "paragraph|a\\$bc|-");
    OUTLINE("<pre>$x <b>y</b></pre>", "code|$x y|-");
}

static void test_r8_references(void **state)
{
    (void)state;
    OUTLINE("<p>R&D, &notit; a=1&copy=2 &amp;&lt;&gt;&quot;&apos;</p>", "paragraph|R&D, &notit; a=1&copy=2 &<>\"'|-");
    OUTLINE("<p>&#65;&#x42;&#X43;&nbsp;&eacute;</p>", "paragraph|ABC\xC2\xA0\xC3\xA9|-");
    OUTLINE("<p>&#0;&#xD800;&#x110000;&#xFFFE;&#;&#x;&#99999999999;</p>",
            "paragraph|&#0;&#xD800;&#x110000;&#xFFFE;&#;&#x;&#99999999999;|-");
    OUTLINE("<p>a &am", "paragraph|a &am|-");
    OUTLINE("<p>&lt;p&gt;</p>", "paragraph|<p>|-");
}

static void test_r9_attributes(void **state)
{
    (void)state;
    OUTLINE("<P Data-BBox=\"1 2 3 4\" data-bbox=\"5 6 7 8\">a</p>", "paragraph|a|1 2 3 4");
    OUTLINE("<Div CLASS=\"Image\" data-bbox=\"1 2 3 4\"><IMG></DIV>", "figure||1 2 3 4");
}

static void test_r10_boxes(void **state)
{
    (void)state;
    OUTLINE("<p data-bbox=\"1,2, 3 ,4\">a</p>", "paragraph|a|1 2 3 4");
    OUTLINE("<p data-bbox=\"[1, 2, 3, 4]\">a</p>", "paragraph|a|1 2 3 4");
    OUTLINE("<p data-bbox='(1 2) (3 4)'>a</p>", "paragraph|a|1 2 3 4");
    OUTLINE("<p data-bbox=1 2 3 4>a</p>", "paragraph|a|1 2 3 4");
    OUTLINE("<p data-bbox=1 2 3 4 class=\"title\">a</p>", "title|a|1 2 3 4");
    OUTLINE("<p data-bbox=\"1.5 2.25 +3 4\">a</p>", "paragraph|a|1.5 2.25 3 4");
    OUTLINE("<p data-polygon=\"[[10,20],[30,25],[28,40],[9,38]]\">a</p>", "paragraph|a|9 20 30 40");
    OUTLINE("<p data-bbox=\"1 2 3\">a</p>", "paragraph|a|-");
    OUTLINE("<p data-bbox=\"1 2 3 4 5\">a</p>", "paragraph|a|-");
    OUTLINE("<p data-bbox=\"1 2 3 x\">a</p>", "paragraph|a|-");
    OUTLINE("<p data-bbox=\"\">a</p>", "paragraph|a|-");
    OUTLINE("<p data-bbox=\"1 2 3 4>a</p><p data-bbox=\"5 6 7 8\">b</p>", "paragraph|a|-\nparagraph|b|5 6 7 8");
    struct t_parsed p = t_parse("<p data-bbox=\"1 2 3\">a</p>");
    assert_int_equal(warned(&p, DP_MARKUP_W_BAD_BOX), 1);
    t_parsed_free(&p);
}

static void test_boxes_on_the_page(void **state)
{
    (void)state;
    OUTLINE("<p data-bbox=\"30 40 10 20\">a</p>", "paragraph|a|10 20 30 40");
    OUTLINE("<p data-bbox=\"-5 1900 1200 2400\">a</p>", "paragraph|a|0 1900 1000 2000");
    OUTLINE("<p data-bbox=\"1100 10 1200 20\">a</p>", "paragraph|a|-");
    OUTLINE("<p data-bbox=\"10 10 10 20\">a</p>", "paragraph|a|-");
    OUTLINE("<p data-bbox=\"99999999999999999999 -99999999999999999999 5 5\">a</p>", "paragraph|a|5 0 1000 5");
    struct t_parsed p =
        t_parse("<p data-bbox=\"30 40 10 20\">a</p><p data-bbox=\"1 2000 3 2000\">b</p><p data-bbox=\"1 1 3 3\">c</p>");
    assert_true(p.page->blocks[0].flags & DP_FLAG_REPAIRED);
    assert_true(p.page->blocks[1].flags & DP_FLAG_REPAIRED);
    assert_false(p.page->blocks[1].has_bbox);
    assert_int_equal(p.page->blocks[2].flags, 0);
    assert_int_equal(warned(&p, DP_MARKUP_W_BOX_REPAIRED), 1);
    assert_int_equal(warned(&p, DP_MARKUP_W_BOX_DROPPED), 1);
    t_parsed_free(&p);
}

/* Each axis has its own factor: 1014 / 1008 across, 1532 / 1540 down. */
static void test_frames(void **state)
{
    (void)state;
    static const char answer[] = "<p data-bbox=\"504 770 1008 1540\">a</p>";
    struct dp_markup_options o = dp_markup_options_default();
    o.frame_width = 1008;
    o.frame_height = 1540;
    struct t_parsed p = t_parse_with(answer, sizeof answer - 1, &o, DP_MARKUP_STOP_TOKEN, 1014, 1532);
    assert_string_equal(t_outline(&p), "paragraph|a|507 766 1014 1532");
    t_parsed_free(&p);
    p = t_parse_with(answer, sizeof answer - 1, &o, DP_MARKUP_STOP_TOKEN, 0, 0); /* the page takes the frame's size */
    assert_string_equal(t_outline(&p), "paragraph|a|504 770 1008 1540");
    assert_int_equal(p.page->width, 1008);
    t_parsed_free(&p);
    o.unit = DP_MARKUP_THOUSANDTHS;
    static const char relative[] = "<p data-bbox=\"500 250 1000 1001\">a</p>";
    p = t_parse_with(relative, sizeof relative - 1, &o, DP_MARKUP_STOP_TOKEN, 2000, 400);
    assert_string_equal(t_outline(&p), "paragraph|a|1000 100 2000 400");
    t_parsed_free(&p);
    static const char page[] =
        "<html><body data-width=\"500\" data-height=\"100\" data-dpi=\"150.5\"><p data-bbox=\"250 50 500 100\">a</p>";
    p = t_parse_with(page, sizeof page - 1, NULL, DP_MARKUP_STOP_TOKEN, 1000, 400);
    assert_string_equal(t_outline(&p), "paragraph|a|500 200 1000 400");
    assert_float_equal(p.page->dpi, 150.5, 1e-6);
    t_parsed_free(&p);
}

static void test_r11_cut_tags(void **state)
{
    (void)state;
    struct t_parsed p = t_parse_stop("<p data-bbox=\"1 2 3 4\">a</p><p data-bbox=\"1 2 70 8", DP_MARKUP_STOP_LENGTH);
    assert_string_equal(t_outline(&p), "paragraph|a|1 2 3 4");
    assert_int_equal(warned(&p, DP_MARKUP_W_CUT_TAG), 1);
    assert_true(p.result.truncated);
    t_parsed_free(&p);
    p = t_parse_stop("<p data-bbox=\"1 2 3 4\">a</p><p data-bbox=\"1 2 70 8\"", DP_MARKUP_STOP_LENGTH);
    assert_string_equal(t_outline(&p), "paragraph|a|1 2 3 4");
    t_parsed_free(&p);
    OUTLINE("<p>a <", "paragraph|a <|-");
    p = t_parse_stop("<p>a <", DP_MARKUP_STOP_LENGTH);
    assert_string_equal(t_outline(&p), "paragraph|a|-");
    t_parsed_free(&p);
    OUTLINE("<p>a </p", "paragraph|a|-");
    OUTLINE("<p>a <im", "paragraph|a|-");
    OUTLINE("<p>2 <3", "paragraph|2 <3|-");
    OUTLINE("<p>a</p><img src=\"path", "paragraph|a|-");
}

static void test_r12_depth(void **state)
{
    (void)state;
    struct b_buf b;
    b_buf_init(&b, 1 << 20);
    for (int i = 0; i < 5001; i++)
        b_buf_puts(&b, "<div>");
    b_buf_puts(&b, "<p>deep</p>");
    for (int i = 0; i < 5001; i++)
        b_buf_puts(&b, "</div>");
    b_buf_puts(&b, "<p data-bbox=\"1 2 3 4\">after</p>");
    struct t_parsed p = t_parse(b.data);
    assert_string_equal(t_outline(&p), "paragraph|deep|-\nparagraph|after|1 2 3 4");
    assert_true(warned(&p, DP_MARKUP_W_NESTING) > 4900);
    t_parsed_free(&p);
    b_buf_clear(&b);
    struct dp_markup_options o = dp_markup_options_default();
    o.limits.depth = 4; /* the page itself and three more */
    static const char lists[] = "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>";
    p = t_parse_with(lists, sizeof lists - 1, &o, DP_MARKUP_STOP_TOKEN, 10, 10);
    assert_string_equal(t_outline(&p), "list||-\nlist_item|a|-\nlist||-\nlist_item|b|-\nlist_item|c|-");
    assert_int_equal(warned(&p, DP_MARKUP_W_NESTING), 1);
    t_parsed_free(&p);
    for (int i = 0; i < 300; i++)
        b_buf_printf(&b, "<table><tbody><tr><td data-bbox=\"%d %d %d %d\">", i, i, 900 - i, 900 - i);
    b_buf_puts(&b, "x");
    p = t_parse_stop(b.data, DP_MARKUP_STOP_LENGTH);
    assert_true(p.page->n_blocks > 0 && p.page->n_blocks < 20);
    assert_true(warned(&p, DP_MARKUP_W_NESTING) > 100);
    t_parsed_free(&p);
    b_buf_free(&b);
}

static struct t_parsed limited(const char *answer, const struct dp_markup_limits *limits)
{
    struct dp_markup_options o = dp_markup_options_default();
    o.limits = *limits;
    return t_parse_with(answer, strlen(answer), &o, DP_MARKUP_STOP_TOKEN, 1000, 2000);
}

static void test_r13_limits(void **state)
{
    (void)state;
    const struct dp_markup_limits standard = dp_markup_options_default().limits;
    struct dp_markup_limits l = standard;
    l.blocks = 2;
    struct t_parsed p = limited("<p>a</p><p>b</p><p>c</p><p>d</p>", &l);
    assert_string_equal(t_outline(&p), "paragraph|a|-\nparagraph|b|-");
    assert_int_equal(p.page->status, DP_STATUS_PARTIAL);
    assert_int_equal(p.page->error.code, B_LIMIT);
    assert_int_equal(warned(&p, DP_MARKUP_W_LIMIT), 1);
    t_parsed_free(&p);
    l = standard;
    l.block_text = 5;
    p = limited("<p>abcd\xC3\xA9 fgh</p><p>next</p>", &l); /* no character is cut in two */
    assert_string_equal(t_outline(&p), "paragraph|abcd|-\nparagraph|next|-");
    assert_true(p.page->blocks[0].flags & DP_FLAG_TRUNCATED);
    t_parsed_free(&p);
    l = standard;
    l.input_bytes = 12;
    p = limited("<p>a</p><p>bcdefg</p>", &l);
    assert_string_equal(t_outline(&p), "paragraph|a|-\nparagraph|b|-");
    assert_int_equal(p.page->error.code, B_LIMIT);
    t_parsed_free(&p);
    l = standard;
    l.table_cells = 4;
    p = limited("<table><tr><td>1<td>2<tr><td>3<td>4<tr><td>5<td>6</table>", &l);
    assert_string_equal(t_outline(&p), "table|1\t2\n3\t4|-");
    assert_true(p.page->blocks[0].flags & DP_FLAG_REPAIRED);
    t_parsed_free(&p);
}

/* A budget of the arena that is too small costs blocks, never the page. */
static void test_arena_budget(void **state)
{
    (void)state;
    struct b_buf b;
    b_buf_init(&b, 1 << 22);
    for (int i = 0; i < 3000; i++)
        b_buf_printf(&b, "<p data-bbox=\"1 %d 90 %d\">some text of paragraph %d</p><table><tr><td>%d</table>", i % 1000,
                     i % 1000 + 9, i, i);
    for (size_t budget = 100; budget < 2000000; budget = budget * 3 / 2) {
        struct dp_page *page = NULL;
        struct dp_markup_result r;
        struct b_err err;
        assert_int_equal(dp_page_new(1, budget, &page, &err), B_OK);
        page->width = page->height = 2000;
        assert_int_equal(dp_markup_parse(b.data, b.len, NULL, DP_MARKUP_STOP_TOKEN, page, &r, &err), B_OK);
        if (dp_page_check(page, &err) != B_OK)
            fail_msg("budget %zu: %s", budget, err.message);
        assert_true(b_arena_used(page->arena) <= budget);
        assert_true(page->n_blocks == 6000 || page->status == DP_STATUS_PARTIAL);
        dp_page_drop(page);
    }
    b_buf_free(&b);
}

static void test_r14_outside_of_body(void **state)
{
    (void)state;
    OUTLINE("<html><p>a</p><body><p>b</p></body></html><p>c</p><html><body><p>d</p></body></html>",
            "paragraph|a|-\nparagraph|b|-\nparagraph|c|-\nparagraph|d|-");
    OUTLINE("<!DOCTYPE html>\n<html><head><meta charset=\"u\"><title>T<b></title><style>p > b {}</style>"
            "<script>if (a<p) x = \"<p>\";</script></head><body><p>b</p>",
            "paragraph|b|-");
    OUTLINE("<p>a</p><!-- <p>no</p> --><p>b</p><?xml version=\"1\"?><p>c</p>",
            "paragraph|a|-\nparagraph|b|-\nparagraph|c|-");
}

static void test_r15_bare_text(void **state)
{
    (void)state;
    struct t_parsed p = t_parse("<p>a<div>inner</div>tail</p> \n <h2>h</h2>");
    assert_string_equal(t_outline(&p), "paragraph|a|-\nparagraph|inner|-\nparagraph|tail|-\nheading|h|-");
    assert_true(warned(&p, DP_MARKUP_W_BARE_TEXT) >= 1);
    t_parsed_free(&p);
    OUTLINE("<ul>x<li>y</li></ul>", "list||-\nlist_item|x|-\nlist_item|y|-");
    OUTLINE("<table>cap<tr>loose<td>cell</td></tr></table>", "table|cap\t\nloose\tcell|-");
}

static void test_r16_white_space(void **state)
{
    (void)state;
    OUTLINE("<p>  a \n\t b  </p>", "paragraph|a b|-");
    OUTLINE("<p>a\xC2\xA0 \xC2\xA0"
            "b</p>",
            "paragraph|a\xC2\xA0 \xC2\xA0"
            "b|-");
    OUTLINE("<p>a<br>b<br/><br>c</p>", "paragraph|a\nb\nc|-");
    OUTLINE("<p>$a   b$   c</p>", "paragraph|$a   b$ c|-");
    OUTLINE("<pre>\n  x\n\n\ty  \n</pre>", "code|  x\n\n\ty  |-");
    OUTLINE("<div class=\"music sheet\" format=\"abc notation\"><img/><div>X:1\nK:C\n C  D</div></div>",
            "music|X:1\nK:C\n C  D|-");
    OUTLINE("<p>a<b> b</b>\n<i>c</i>d</p>", "paragraph|a b cd|-");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_r1_encoding),
        cmocka_unit_test(test_r2_special_tokens),
        cmocka_unit_test(test_r3_fences),
        cmocka_unit_test(test_r4_prose),
        cmocka_unit_test(test_r5_raw_and_hash),
        cmocka_unit_test(test_r6_what_is_a_tag),
        cmocka_unit_test(test_r7_formulas_hold_no_tags),
        cmocka_unit_test(test_r8_references),
        cmocka_unit_test(test_r9_attributes),
        cmocka_unit_test(test_r10_boxes),
        cmocka_unit_test(test_boxes_on_the_page),
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_r11_cut_tags),
        cmocka_unit_test(test_r12_depth),
        cmocka_unit_test(test_r13_limits),
        cmocka_unit_test(test_arena_budget),
        cmocka_unit_test(test_r14_outside_of_body),
        cmocka_unit_test(test_r15_bare_text),
        cmocka_unit_test(test_r16_white_space),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
