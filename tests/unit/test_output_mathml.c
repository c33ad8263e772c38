/* SPDX-License-Identifier: Apache-2.0 */
/* LaTeX to MathML: what each construct becomes, what is refused, and that any input gives a well-formed element
 * or nothing at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "output/mathml.h"
#include "tests/support/make_document.h"

/* The presentation part: between <semantics> and <annotation>. */
static void expect(const char *latex, const char *want)
{
    struct b_buf buf;
    b_buf_init(&buf, 1 << 20);
    if (!out_mathml(&buf, latex, false))
        fail_msg("refused: %s", latex);
    const char *start = strstr(buf.data, "<semantics>") + sizeof "<semantics>" - 1,
               *end = strstr(buf.data, "<annotation");
    const size_t n = (size_t)(end - start);
    if (n != strlen(want) || memcmp(start, want, n) != 0)
        fail_msg("%s\n gives  %.*s\n not    %s", latex, (int)n, start, want);
    b_buf_free(&buf);
}

static void basics(void **state)
{
    (void)state;
    expect("x", "<mi>x</mi>");
    expect("12.5", "<mn>12.5</mn>");
    expect("a-b", "<mrow><mi>a</mi><mo>\u2212</mo><mi>b</mi></mrow>");
    expect("x^2", "<msup><mi>x</mi><mn>2</mn></msup>");
    expect("x_i^{2n}", "<msubsup><mi>x</mi><mi>i</mi><mrow><mn>2</mn><mi>n</mi></mrow></msubsup>");
    expect("x^2_i", "<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>");
    expect("f'", "<msup><mi>f</mi><mo>\u2032</mo></msup>");
    expect("f''^2", "<msup><mi>f</mi><mrow><mo>\u2032\u2032</mo><mn>2</mn></mrow></msup>");
    expect("{ }^{8}", "<msup><mrow></mrow><mn>8</mn></msup>");
    expect("\\frac12", "<mfrac><mn>1</mn><mn>2</mn></mfrac>");
    expect("\\frac{a+b}{c}", "<mfrac><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mi>c</mi></mfrac>");
    expect("{a \\over b}", "<mfrac><mrow><mi>a</mi></mrow><mrow><mi>b</mi></mrow></mfrac>");
    expect("\\sqrt{x}", "<msqrt><mi>x</mi></msqrt>");
    expect("\\sqrt[3]{x}", "<mroot><mi>x</mi><mrow><mn>3</mn></mrow></mroot>");
    expect("a<b", "<mrow><mi>a</mi><mo>&lt;</mo><mi>b</mi></mrow>");
    expect("50\\%", "<mrow><mn>50</mn><mi mathvariant=\"normal\">%</mi></mrow>");
}

static void letters_and_fonts(void **state)
{
    (void)state;
    expect("\\alpha", "<mi>\u03B1</mi>");
    expect("\\Gamma", "<mi mathvariant=\"normal\">\u0393</mi>");
    expect("\\mathbb{R}", "<mi>\u211D</mi>");
    expect("\\mathcal{L}", "<mi>\u2112</mi>");
    expect("\\mathfrak{g}", "<mi>\U0001D524</mi>");
    expect("\\mathbf{x}", "<mi>\U0001D431</mi>");
    expect("\\mathrm{kg}", "<mi>kg</mi>");
    expect("\\mathrm{d}", "<mi mathvariant=\"normal\">d</mi>");
    expect("\\boldsymbol{\\beta}", "<mi>\U0001D737</mi>");
    expect("\\rm ab", "<mi>ab</mi>");
    expect("\\textcircled{12}", "<mi mathvariant=\"normal\">\u246B</mi>");
    expect("\\text{if }", "<mrow><mtext>if\u00A0</mtext></mrow>");
}

static void operators(void **state)
{
    (void)state;
    expect("\\sum_{i=1}^n",
           "<munderover><mo "
           "movablelimits=\"true\">\u2211</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover>");
    expect("\\int_0^1", "<msubsup><mo>\u222B</mo><mn>0</mn><mn>1</mn></msubsup>");
    expect("\\int\\limits_0^1", "<munderover><mo>\u222B</mo><mn>0</mn><mn>1</mn></munderover>");
    expect("\\not=", "<mo>=\u0338</mo>");
    expect("\\sin x", "<mrow><mi>sin</mi><mspace width=\"0.167em\"/><mi>x</mi></mrow>");
    expect("\\sin(x)", "<mrow><mi>sin</mi><mo stretchy=\"false\">(</mo><mi>x</mi><mo stretchy=\"false\">)</mo></mrow>");
    expect("\\hat{x}", "<mover accent=\"true\"><mi>x</mi><mo stretchy=\"false\">^</mo></mover>");
    expect(
        "\\underbrace{x}_{n}",
        "<munder><munder accentunder=\"true\"><mi>x</mi><mo stretchy=\"true\">\u23DF</mo></munder><mi>n</mi></munder>");
    expect("\\left( x \\right.", "<mrow><mo form=\"prefix\" stretchy=\"true\">(</mo><mi>x</mi></mrow>");
    expect("\\overset{a}{b}", "<mover><mi>b</mi><mi>a</mi></mover>");
    expect("a\\,b", "<mrow><mi>a</mi><mspace width=\"0.167em\"/><mi>b</mi></mrow>");
    expect("\\operatorname{rank} A",
           "<mrow><mi mathvariant=\"normal\">rank</mi><mspace width=\"0.167em\"/><mi>A</mi></mrow>");
}

static void tables(void **state)
{
    (void)state;
    expect("\\begin{matrix} a & b \\\\ c & d \\end{matrix}",
           "<mrow><mtable><mtr><mtd><mi>a</mi></mtd><mtd><mi>b</mi></mtd></mtr><mtr><mtd><mi>c</mi></mtd><mtd><mi>d</"
           "mi></mtd></mtr></mtable></mrow>");
    expect("\\begin{cases} a \\\\ \\end{cases}", "<mrow><mo form=\"prefix\" stretchy=\"true\">{</mo><mtable><mtr><mtd "
                                                 "style=\"text-align:left\"><mi>a</mi></mtd></mtr></mtable></mrow>");
    expect("\\begin{array}{l|r} a & b \\end{array}",
           "<mrow><mtable><mtr><mtd style=\"text-align:left\"><mi>a</mi></mtd><mtd "
           "style=\"text-align:right\"><mi>b</mi></mtd></mtr></mtable></mrow>");
}

static void refused(void **state)
{
    static const char *const bad[] = {"\\nosuchthing",
                                      "{a",
                                      "a}",
                                      "\\frac{1}",
                                      "x^2^3",
                                      "\\left( x",
                                      "x \\right)",
                                      "\\begin{matrix} a",
                                      "\\begin{matrix} a \\end{pmatrix}",
                                      "\\begin{nosuch} a \\end{nosuch}",
                                      "a $ b",
                                      "\\sqrt[3{x}",
                                      "\\",
                                      "x_",
                                      "^",
                                      "\\text{a",
                                      "\\text{\\foo}",
                                      "\\end{x}",
                                      "\\not",
                                      "\\left\\alpha x \\right)",
                                      "\\includegraphics{x}",
                                      "\\href{javascript:alert(1)}{x}"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct b_buf buf;
        b_buf_init(&buf, 1 << 16);
        b_buf_puts(&buf, "before");
        if (out_mathml(&buf, bad[i], true))
            fail_msg("taken: %s\n%s", bad[i], buf.data);
        assert_string_equal(buf.data, "before"); /* nothing was appended */
        b_buf_free(&buf);
    }
}

static void source_is_kept(void **state)
{
    struct b_buf buf;
    (void)state;
    b_buf_init(&buf, 1 << 16);
    assert_true(out_mathml(&buf, "a<b \\text{</math><script>}", true));
    assert_non_null(
        strstr(buf.data,
               "<annotation encoding=\"application/x-tex\">a&lt;b \\text{&lt;/math&gt;&lt;script&gt;}</annotation>"));
    assert_null(strstr(buf.data, "<script"));
    assert_non_null(strstr(buf.data, " display=\"block\""));
    b_buf_free(&buf);
}

/* True when every tag is closed by its own, in order, and texts hold no bare "<". */
static bool well_nested(const char *xml)
{
    const char *open[4096];
    size_t n = 0, length[4096];
    for (const char *p = strchr(xml, '<'); p; p = strchr(p, '<')) {
        const char *end = strchr(p, '>');
        if (!end)
            return false;
        const bool closing = p[1] == '/';
        const char *name = p + 1 + closing;
        const size_t len = strcspn(name, " />");
        if (closing) {
            if (n == 0 || length[n - 1] != len || memcmp(open[n - 1], name, len) != 0)
                return false;
            n--;
        } else if (end[-1] != '/') {
            if (n == 4096)
                return false;
            open[n] = name;
            length[n++] = len;
        }
        p = end;
    }
    return n == 0;
}

static void random_sources(void **state)
{
    static const char *const pieces[] = {"a",
                                         "2",
                                         "\\alpha",
                                         "{",
                                         "}",
                                         "^",
                                         "_",
                                         "\\frac",
                                         "\\sqrt",
                                         "[",
                                         "]",
                                         "&",
                                         "\\\\",
                                         "\\left(",
                                         "\\right)",
                                         "\\begin{matrix}",
                                         "\\end{matrix}",
                                         "\\text{",
                                         "$",
                                         "'",
                                         "\\sum",
                                         "\\limits",
                                         "\\hat",
                                         "\\mathbf",
                                         "\\over",
                                         "\\sin",
                                         " ",
                                         "\\not",
                                         "=",
                                         "<",
                                         "|",
                                         "\\rm",
                                         "\\displaystyle",
                                         "\\begin{array}{lc}",
                                         "\\end{array}",
                                         "\\substack{",
                                         "\\tag{1}",
                                         "\\binom",
                                         "日",
                                         "\\big(",
                                         "\\"};
    struct t_random r = {.state = 11};
    size_t taken = 0;
    (void)state;
    for (int round = 0; round < 20000; round++) {
        struct b_buf latex, xml;
        b_buf_init(&latex, 4096);
        b_buf_init(&xml, 1 << 20);
        b_buf_puts(&latex, "");
        const uint32_t n = 1 + t_random_below(&r, 12);
        for (uint32_t i = 0; i < n; i++)
            b_buf_puts(&latex, pieces[t_random_below(&r, sizeof pieces / sizeof pieces[0])]);
        if (out_mathml(&xml, latex.data, round % 2 == 0)) {
            taken++;
            if (!well_nested(xml.data))
                fail_msg("%s\n gives %s", latex.data, xml.data);
        } else {
            assert_int_equal(xml.len, 0);
        }
        b_buf_free(&latex);
        b_buf_free(&xml);
    }
    assert_true(taken > 1500);
}

/* Depth is bounded and time linear: a megabyte of the worst kinds. */
static void large_sources(void **state)
{
    static const char *const units[] = {
        "{",      "x^{",       "\\frac{", "\\left(", "\\sqrt[", "x^2 ", "\\begin{matrix}", "a\\over ", "\\text{$",
        "\\tag{", "\\mathbf ", "\\hat ",  "'",       "&",       "\\\\"};
    (void)state;
    for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
        struct b_buf latex, xml;
        b_buf_init(&latex, 2 << 20);
        b_buf_init(&xml, (size_t)1 << 28);
        while (latex.len < (size_t)1 << 19)
            b_buf_puts(&latex, units[u]);
        (void)out_mathml(&xml, latex.data, true);
        b_buf_free(&latex);
        b_buf_free(&xml);
    }
}

/* A full buffer is an error of the buffer, not a formula. */
static void full_buffer(void **state)
{
    (void)state;
    for (size_t max = 1; max < 400; max += 7) {
        struct b_buf buf;
        b_buf_init(&buf, max);
        (void)out_mathml(&buf, "\\frac{\\sqrt{x_i^2}}{\\hat{y}} + \\begin{matrix} a & b \\end{matrix}", true);
        assert_true(buf.failed == B_LIMIT || buf.len <= max);
        b_buf_free(&buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(basics),         cmocka_unit_test(letters_and_fonts), cmocka_unit_test(operators),
        cmocka_unit_test(tables),         cmocka_unit_test(refused),           cmocka_unit_test(source_is_kept),
        cmocka_unit_test(random_sources), cmocka_unit_test(large_sources),     cmocka_unit_test(full_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
