/* SPDX-License-Identifier: Apache-2.0 */
/* Grounding and key-value JSON as models write it, and the check of LaTeX. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "docparse/latex_check.h"
#include "engine/base/buf.h"
#include "tests/support/markup_parse.h"

#define OUTLINE(answer, expected)                                                                                      \
    do {                                                                                                               \
        struct t_parsed p_ = t_parse(answer);                                                                          \
        assert_string_equal(t_outline(&p_), expected);                                                                 \
        assert_int_equal(p_.result.kind, DP_MARKUP_JSON);                                                              \
        t_parsed_free(&p_);                                                                                            \
    } while (0)

static void test_spotting(void **state)
{
    (void)state;
    OUTLINE("[{\"bbox_2d\": [1, 2, 30, 40], \"text_content\": \"a <b> & \\\"c\\\"\"}, "
            "{\"bbox_2d\":[5,6,7,8],\"text_content\":\"d\"}]",
            "paragraph|a <b> & \"c\"|1 2 30 40\nparagraph|d|5 6 7 8");
    OUTLINE("```json\n[\n\t{\"bbox_2d\": [1, 2, 3, 4], \"label\": \"cat\", \"sub_label\": \"grey\"},\n]\n```",
            "other|cat, grey|1 2 3 4");
    OUTLINE("{\"bbox_2d\": [1, 2, 3, 4], \"name_zh\": \"\\u7c73\\u996d\", \"name_en\": \"Rice\"}",
            "other|米饭, Rice|1 2 3 4");
    OUTLINE("[{\"bbox_2d\": [1, 2, 3, 4], \"names\": {\"zh\": \"x\", \"en\": \"y\"}}]", "other|x, y|1 2 3 4");
    OUTLINE("{\"items\": [{\"bbox_2d\": [1, 2, 3, 4], \"text\": \"in\"}]}", "paragraph|in|1 2 3 4");
}

static void test_points(void **state)
{
    (void)state;
    OUTLINE("[{\"point_2d\": [10, 20], \"label\": \"a\"}, {\"point_2d\": [\"394\", \"105\"], \"label\": \"b\"},"
            " {\"point_2d\": [\"243, 291\"], \"label\": \"c\", \"label2\": \"d\"}, {\"point_2d\": [5000, 1], "
            "\"label\": \"far\"}]",
            "other|a|10 20 10 20\nother|b|394 105 394 105\nother|c, d|243 291 243 291\nother|far|-");
}

static void test_damage(void **state)
{
    (void)state;
    OUTLINE("[{'bbox_2d': [1, 2, 3, 4], 'text_content': 'it's',},]", "paragraph|it's|1 2 3 4");
    OUTLINE("[{\"bbox_2d\": [\"1\", \"2\", 3, \"4\"] \"text_content\": \"no comma\"} {\"bbox_2d\": \"5, 6, 7, 8\", "
            "\"text\": \"x\"}]",
            "paragraph|no comma|1 2 3 4\nparagraph|x|5 6 7 8");
    OUTLINE("[{\n{\"bbox_2d\": [1, 2, 3, 4], \"label\": \"stray brace\"}]", "other|stray brace|1 2 3 4");
    OUTLINE("[{\"bbox_2d\": [1, 2, 3, 4], \"label\": \"a\", {\"bbox_2d\": [5, 6, 7, 8], \"label\": \"b\"}]",
            "other|a|1 2 3 4\nother|b|5 6 7 8");
    OUTLINE("[{\"bbox_2d\": [30, 40, 10, 20], \"label\": \"swapped\"}, {\"bbox_2d\": [1, 2, 3], \"label\": \"three\"},"
            " {\"bbox_2d\": [[1, 2], [3, 4]], \"label\": \"pairs\"}, {bbox_2d: [1, 2, 3, 4], label: bare}]",
            "other|swapped|10 20 30 40\nother|three|-\nother|pairs|1 2 3 4\nother|bare|1 2 3 4");
    OUTLINE("[{\"bbox_2d\": [1, 2, 3, 4}, {\"bbox_2d\": [5, 6, 7, 8], \"label\": \"b\"}]",
            "other||1 2 3 4\nother|b|5 6 7 8");
    OUTLINE("[{\"bbox_2d\": [1, 2, 3, 4], \"text\": \"\\ud83d\\ude00 \\ud83d \\u0000 \\alpha \\n\"}]",
            "paragraph|😀 �  \\alpha|1 2 3 4");
    OUTLINE("[{'bbox_2d': [1, 2, 3, 4], 'text': '\\ud83d\\udexy \\ude00 \\ud83dz'}]", "paragraph|�xy � �z|1 2 3 4");
    struct t_parsed p = t_parse("[{'bbox_2d': [1, 2, 3, 4]},]");
    assert_true(p.result.complete);
    t_parsed_free(&p);
}

static void test_cut_tails(void **state)
{
    (void)state;
    static const struct {
        const char *answer, *outline;
    } cases[] = {
        {"[{\"bbox_2d\": [1, 2, 3, 4], \"text\": \"a\"}, {\"bbox_2d\": [5, 6, 7", "paragraph|a|1 2 3 4"},
        {"[{\"bbox_2d\": [1, 2, 3, 4], \"text\": \"a\"}, {\"bbox_2d\": [5, 6, 7, 8", "paragraph|a|1 2 3 4"},
        {"[{\"bbox_2d\": [1, 2, 3, 4], \"text\": \"a\"}, {\"bbox_2d\": [5, 6, 7, 8], \"te", "paragraph|a|1 2 3 4"},
        {"[{\"bbox_2d\": [1, 2, 3, 4], \"text\": \"a\"}, {\"bbox_2d\": [5, 6, 7, 8], \"text\": \"half a",
         "paragraph|a|1 2 3 4\nparagraph|half a|5 6 7 8"},
        {"[{\"bbox_2d\": [1, 2, 3, 4], \"text\": \"a\"", "paragraph|a|1 2 3 4"},
        {"[{\"text\": \"b\", \"bbox_2d\": [5, 6, 7, 8", "paragraph|b|-"},
        {"[{\"text\": \"b\", \"bbox_2d\": [5, 6, 7, 8 ", "paragraph|b|-"},
        {"[{\"text\": \"b\", \"bbox_2d\": [5, 6, 7, 8]", "paragraph|b|5 6 7 8"},
        {"[{", ""},
        {"{\"a", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct t_parsed p = t_parse_stop(cases[i].answer, DP_MARKUP_STOP_LENGTH);
        assert_string_equal(t_outline(&p), cases[i].outline);
        assert_true(p.result.truncated);
        t_parsed_free(&p);
    }
    struct t_parsed p = t_parse_stop(cases[3].answer, DP_MARKUP_STOP_LENGTH);
    assert_int_equal(p.page->blocks[0].flags, 0);
    assert_int_equal(p.page->blocks[1].flags, DP_FLAG_TRUNCATED);
    t_parsed_free(&p);
}

static void test_key_values(void **state)
{
    (void)state;
    struct t_parsed p = t_parse("Here it is:\n```json\n{\"company\": \"A & B <C>\", \"total\": 8.75, \"paid\": true, "
                                "\"none\": null, \"who\": {\"name\": \"N\"}}\n```");
    assert_string_equal(t_outline(&p), "table|company\tA & B <C>\ntotal\t8.75\npaid\ttrue\nname\tN|-");
    assert_string_equal(p.result.preamble, "Here it is:");
    assert_int_equal(p.page->cells[0].header, DP_ROW_HEADER);
    assert_int_equal(p.page->cells[1].header, DP_NOT_HEADER);
    t_parsed_free(&p);
    OUTLINE("[{\"k\": \"1\"}, {\"k\": \"2\"}]", "table|k\t1|-\ntable|k\t2|-");
    OUTLINE("{\"k\": \"\"}", "table|k\t|-");
    p = t_parse("I see [{\"bbox_2d\": [1, 2, 3, 4], \"label\": \"x\"}] there"); /* JSON in the middle of prose */
    assert_string_equal(t_outline(&p), "other|x|1 2 3 4");
    assert_string_equal(p.result.preamble, "I see");
    t_parsed_free(&p);
}

static void test_json_bounds(void **state)
{
    (void)state;
    struct b_buf b;
    b_buf_init(&b, 1 << 22);
    for (int i = 0; i < 5000; i++)
        b_buf_puts(&b, i % 2 ? "[" : "{\"a\":");
    struct t_parsed p = t_parse(b.data);
    assert_true(p.result.counts[DP_MARKUP_W_NESTING] > 0);
    t_parsed_free(&p);
    b_buf_clear(&b);
    b_buf_puts(&b, "[");
    for (int i = 0; i < 2000; i++)
        b_buf_puts(&b, "{\"bbox_2d\": [1, 2, 3, 4], \"text_content\": \"loop\"},");
    p = t_parse(b.data);
    assert_int_equal(p.page->n_blocks, 1);
    assert_true(p.result.looped);
    t_parsed_free(&p);
    b_buf_free(&b);
}

static void test_latex(void **state)
{
    (void)state;
    static const struct {
        const char *latex;
        enum dp_latex_fault fault;
    } cases[] = {
        {"", DP_LATEX_FINE},
        {"\\frac{a}{b}", DP_LATEX_FINE},
        {"\\frac{a}{b", DP_LATEX_BRACES},
        {"a}b{", DP_LATEX_BRACES},
        {"\\{ a \\}", DP_LATEX_FINE},
        {"\\{ a \\} {", DP_LATEX_BRACES},
        {"\\begin{matrix} a \\\\ b \\end{matrix}", DP_LATEX_FINE},
        {"\\begin{matrix} a \\end{pmatrix}", DP_LATEX_ENVIRONMENT},
        {"\\begin{matrix} a", DP_LATEX_ENVIRONMENT},
        {"\\begin matrix", DP_LATEX_ENVIRONMENT},
        {"\\end{matrix}", DP_LATEX_ENVIRONMENT},
        {"\\begin{a}{\\end{a}}", DP_LATEX_BRACES},
        {"\\left( x \\right)", DP_LATEX_FINE},
        {"\\left\\{ x \\right.", DP_LATEX_FINE},
        {"\\left( x", DP_LATEX_FENCES},
        {"x \\right)", DP_LATEX_FENCES},
        {"\\leftarrow \\rightarrow", DP_LATEX_FINE},
        {"a $ b", DP_LATEX_DOLLAR},
        {"\\text{for $x$}", DP_LATEX_FINE},
        {"a \\$ b \\", DP_LATEX_FINE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (dp_latex_check(cases[i].latex, strlen(cases[i].latex)) != cases[i].fault)
            fail_msg("%s: not %d", cases[i].latex, (int)cases[i].fault);
    char deep[400];
    memset(deep, '{', 200);
    memset(deep + 200, '}', 200);
    assert_int_equal(dp_latex_check(deep, 400), DP_LATEX_DEEP);
    assert_int_equal(dp_latex_check(deep + 200 - DP_LATEX_DEPTH, 2 * DP_LATEX_DEPTH), DP_LATEX_FINE);
}

static void test_latex_in_text(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum dp_latex_fault fault;
    } cases[] = {
        {"no formula", DP_LATEX_FINE},    {"a $x^{2}$ b $$y$$ c \\(z\\) d \\[w\\]", DP_LATEX_FINE},
        {"a $x^{2$ b", DP_LATEX_BRACES},  {"costs $5 and $6", DP_LATEX_FINE},
        {"an open $$x", DP_LATEX_DOLLAR}, {"\\$5 and { text", DP_LATEX_FINE},
        {"\\(x{\\)", DP_LATEX_BRACES},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (dp_latex_check_text(cases[i].text, strlen(cases[i].text)) != cases[i].fault)
            fail_msg("%s: not %d", cases[i].text, (int)cases[i].fault);
    static const char *const strips[][2] = {{" $$ x $$ ", "x"}, {"\\[x\\]", "x"}, {"$x$", "x"}, {"$$x", "x"},
                                            {"x", "x"},         {"\\( \\)", ""},  {"$", ""}};
    for (size_t i = 0; i < sizeof strips / sizeof strips[0]; i++) {
        size_t start, end;
        dp_latex_strip(strips[i][0], strlen(strips[i][0]), &start, &end);
        assert_int_equal(end - start, strlen(strips[i][1]));
        assert_memory_equal(strips[i][0] + start, strips[i][1], end - start);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spotting),  cmocka_unit_test(test_points),        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_cut_tails), cmocka_unit_test(test_key_values),    cmocka_unit_test(test_json_bounds),
        cmocka_unit_test(test_latex),     cmocka_unit_test(test_latex_in_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
