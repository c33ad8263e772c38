/* SPDX-License-Identifier: Apache-2.0 */
/* Escaping: no text leaves its place in any format, numbers are the same everywhere. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/utf8.h"
#include "output/cells.h"
#include "output/escape.h"
#include "output/flow.h"
#include "output/md_escape.h"
#include "tests/support/make_document.h"

typedef void escape_fn(struct b_buf *buf, const char *text);

static void expect(escape_fn *escape, const char *text, const char *want)
{
    struct b_buf buf;
    b_buf_init(&buf, 1 << 16);
    escape(&buf, text);
    assert_int_equal(buf.failed, B_OK);
    assert_string_equal(buf.data ? buf.data : "", want);
    b_buf_free(&buf);
}

static void xml_references(void **state)
{
    (void)state;
    expect(out_xml_text, "a<b>&\"'c", "a&lt;b&gt;&amp;\"'c");
    expect(out_xml_text, "]]>", "]]&gt;");
    expect(out_xml_text, NULL, "");
    expect(out_xml_attr, "a\"b'c\td\ne<f>&", "a&quot;b&#39;c&#9;d&#10;e&lt;f&gt;&amp;");
}

/* Control characters, ill-formed UTF-8, surrogates and noncharacters never come out. */
static void replacements(void **state)
{
    (void)state;
    expect(out_xml_text,
           "a\x01"
           "b\x7F"
           "c",
           "a\uFFFD"
           "b\uFFFD"
           "c");
    expect(out_xml_text, "\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD"); /* U+D800 */
    expect(out_xml_text, "x\xC0\xAFy", "x\uFFFD\uFFFDy");       /* overlong slash */
    expect(out_xml_text, "x\xE2\x82", "x\uFFFD");
    expect(out_plain, "\xEF\xBF\xBF", "\uFFFD"); /* U+FFFF */
    expect(out_plain, "a\r\nb\rc", "a\nb\nc");
}

static void json_strings(void **state)
{
    (void)state;
    expect(out_json_string, "a\"b\\c\nd\te", "\"a\\\"b\\\\c\\nd\\te\"");
    expect(out_json_string, "</script>", "\"<\\/script>\"");
    expect(out_json_string, "a/b", "\"a/b\"");
    expect(out_json_string, "\u2028\u2029", "\"\\u2028\\u2029\"");
    expect(out_json_string, "\x02", "\"\uFFFD\"");
    expect(out_json_string, NULL, "\"\"");
}

static void fixed(double value, int decimals, const char *want)
{
    struct b_buf buf;
    b_buf_init(&buf, 64);
    out_fixed(&buf, value, decimals);
    assert_string_equal(buf.data, want);
    b_buf_free(&buf);
}

static void numbers(void **state)
{
    (void)state;
    fixed(0, 2, "0");
    fixed(1.5, 2, "1.5");
    fixed(-1.005, 1, "-1");
    fixed(-0.001, 2, "0");
    fixed(1234.5678, 2, "1234.57");
    fixed(100, 3, "100");
    fixed(0.05, 2, "0.05");
    fixed((double)NAN, 2, "0");
    fixed((double)INFINITY, 2, "1000000000000");
    fixed(-(double)INFINITY, 2, "-1000000000000");
    fixed(0.9999, 2, "1");
    fixed(10.5, 0, "11");
}

static void base64(void **state)
{
    static const char *const pairs[][2] = {{"", ""},        {"f", "Zg=="},          {"fo", "Zm8="},
                                           {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}, {"\xFF\xFE\xFD", "//79"}};
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct b_buf buf;
        b_buf_init(&buf, 64);
        out_base64(&buf, pairs[i][0], strlen(pairs[i][0]));
        assert_string_equal(buf.data ? buf.data : "", pairs[i][1]);
        b_buf_free(&buf);
    }
}

static void formulas_of_spreadsheets(void **state)
{
    static const char *const bad[] = {"=1+1",    "+cmd|' /C calc'!A0",
                                      "-2+3",    "@SUM(A1)",
                                      "\t=1",    "\n=1",
                                      "  =1",    "\u00A0=1",
                                      "\uFF1D1", "\uFF20x",
                                      "-",       "+",
                                      "-1-1",    " -12",
                                      "-12;=1"};
    static const char *const good[] = {"",
                                       "a",
                                       "1=1",
                                       "-12",
                                       "+7",
                                       "-1,204.50",
                                       "-3.5 %",
                                       "+49",
                                       "'",
                                       "\u2212"
                                       "5",
                                       "a@b.c"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (!out_is_formula(bad[i]))
            fail_msg("taken for harmless: %s", bad[i]);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (out_is_formula(good[i]))
            fail_msg("taken for a formula: %s", good[i]);
}

static void exact_numbers(void **state)
{
    static const char *const texts[] = {"",
                                        "a",
                                        "087",
                                        "00",
                                        "1,204",
                                        "1.50",
                                        "1.",
                                        ".5",
                                        "+1",
                                        "-0",
                                        "1e3",
                                        "0x10",
                                        " 1",
                                        "1 ",
                                        "12345678901234567890",
                                        "123456789012",
                                        "١٢",
                                        "--1",
                                        "1.2.3",
                                        "-"};
    double value;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (out_is_exact_number(texts[i], &value))
            fail_msg("taken for a number: %s", texts[i]);
    assert_true(out_is_exact_number("0", &value) && value == 0);
    assert_true(out_is_exact_number("-12.25", &value) && value == -12.25);
    assert_true(out_is_exact_number("12345678901", &value) && value == 12345678901.0);
}

static void markdown(const char *text, enum out_md_place place, bool math, const char *want)
{
    struct b_buf buf;
    b_buf_init(&buf, 1 << 16);
    out_md_text(&buf, text, place, math);
    assert_string_equal(buf.data ? buf.data : "", want);
    b_buf_free(&buf);
}

static void markdown_signs(void **state)
{
    (void)state;
    markdown("plain prose, 3 * 4 and snake_case stay", OUT_MD_BLOCK, false, "plain prose, 3 * 4 and snake_case stay");
    markdown("*a* _b_", OUT_MD_BLOCK, false, "\\*a\\* \\_b\\_");
    markdown("one * only*", OUT_MD_BLOCK, false, "one * only*");
    markdown("# not a heading", OUT_MD_BLOCK, false, "\\# not a heading");
    markdown("#hash", OUT_MD_BLOCK, false, "#hash");
    markdown("1. not a list", OUT_MD_BLOCK, false, "1\\. not a list");
    markdown("2024 was", OUT_MD_BLOCK, false, "2024 was");
    markdown("- no item", OUT_MD_BLOCK, false, "\\- no item");
    markdown("-12 degrees", OUT_MD_BLOCK, false, "-12 degrees");
    markdown("---", OUT_MD_BLOCK, false, "\\---");
    markdown("text\n===", OUT_MD_BLOCK, false, "text  \n\\===");
    markdown("> quoted", OUT_MD_BLOCK, false, "\\> quoted");
    markdown("<b> &amp; a < b & c", OUT_MD_BLOCK, false, "\\<b> \\&amp; a < b & c");
    markdown("[a](b) [c]", OUT_MD_BLOCK, false, "[a\\](b) [c]");
    markdown("```\ncode", OUT_MD_BLOCK, false, "\\`\\`\\`  \ncode");
    markdown("> item\nb", OUT_MD_ITEM, false, "\\> item b");
    markdown("> heading", OUT_MD_INLINE, false, "> heading");
    markdown("a | b\nc", OUT_MD_CELL, false, "a \\| b c");
    markdown("a\n\n\nb", OUT_MD_BLOCK, false, "a  \nb");
    markdown("  a  ", OUT_MD_BLOCK, false, "a");
    markdown("back\\slash \\* and \\", OUT_MD_BLOCK, false, "back\\slash \\\\* and \\");
    markdown("$5 and $6", OUT_MD_BLOCK, false, "$5 and $6");
    markdown("x $a$ y", OUT_MD_BLOCK, false, "x \\$a\\$ y");
    markdown("x $a*b*c|d$ *y*", OUT_MD_CELL, true, "x $a*b*c\\|d$ \\*y\\*");
}

static void markdown_latex(void **state)
{
    struct b_buf buf;
    (void)state;
    b_buf_init(&buf, 1024);
    out_md_latex(&buf, " a + b\n\n= c \\tag{3{x}} $$ ");
    assert_string_equal(buf.data, "a + b\n= c  $ $");
    b_buf_free(&buf);
}

static void inline_math(void **state)
{
    struct out_inline_math m;
    const char *text = "costs $5 or $6, but $x_1$ and $$y$$ and \\$z$";
    (void)state;
    assert_true(out_next_math(text, strlen(text), 0, &m));
    assert_memory_equal(text + m.body, "x_1", 3);
    assert_false(m.display);
    assert_true(out_next_math(text, strlen(text), m.end, &m));
    assert_memory_equal(text + m.begin, "$$y$$", 5);
    assert_true(m.display);
    assert_false(out_next_math(text, strlen(text), m.end, &m));
}

static void joins(void **state)
{
    static const char *const cases[][3] = {{"dred-", "ging", "dredging"},
                                           {"Jean-", "Paul", "Jean-Paul"},
                                           {"one", "two", "one two"},
                                           {"供水", "年度", "供水年度"},
                                           {"", "x", "x"},
                                           {"A4-", "page", "A4-page"},
                                           {"soft\u00AD", "Ware", "softWare"},
                                           {"end ", "next", "end next"},
                                           {"10-", "12", "10-12"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct b_buf buf;
        b_buf_init(&buf, 256);
        b_buf_puts(&buf, cases[i][0]);
        out_join(&buf, cases[i][1]);
        assert_string_equal(buf.data, cases[i][2]);
        b_buf_free(&buf);
    }
}

/* Random bytes through every escaper: always well-formed, and nothing that would end the text's place. */
static void random_bytes(void **state)
{
    struct t_random r = {.state = 7};
    char text[64];
    (void)state;
    for (int round = 0; round < 20000; round++) {
        const uint32_t n = t_random_below(&r, sizeof text - 1);
        for (uint32_t i = 0; i < n; i++)
            text[i] = (char)(1 + t_random_below(&r, 255));
        text[n] = '\0';
        struct b_buf buf;
        b_buf_init(&buf, 1 << 12);
        out_xml_attr(&buf, text);
        assert_true(!buf.data || (b_utf8_valid(buf.data, buf.len) && !strpbrk(buf.data, "<>\"'\n\t\r")));
        b_buf_clear(&buf);
        out_json_string(&buf, text);
        assert_true(b_utf8_valid(buf.data, buf.len));
        for (size_t i = 1; i + 1 < buf.len; i++) {
            assert_true((unsigned char)buf.data[i] >= 0x20 && buf.data[i] != '"');
            i += buf.data[i] == '\\';
        }
        b_buf_clear(&buf);
        out_md_text(&buf, text, (enum out_md_place)(round % 4), round % 2 == 0);
        assert_true(!buf.data || b_utf8_valid(buf.data, buf.len));
        b_buf_free(&buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xml_references), cmocka_unit_test(replacements),   cmocka_unit_test(json_strings),
        cmocka_unit_test(numbers),        cmocka_unit_test(base64),         cmocka_unit_test(formulas_of_spreadsheets),
        cmocka_unit_test(exact_numbers),  cmocka_unit_test(markdown_signs), cmocka_unit_test(markdown_latex),
        cmocka_unit_test(inline_math),    cmocka_unit_test(joins),          cmocka_unit_test(random_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
