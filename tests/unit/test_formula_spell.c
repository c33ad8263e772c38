/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "docparse/formula_spell.h"
#include "docparse/latex_check.h"

static bool spell(const char *answer, struct b_buf *out)
{
    b_buf_init(out, 1 << 16);
    bool sound = dp_formula_spell(answer, strlen(answer), out);
    b_buf_putc(out, '\0');
    return sound;
}

static void gives_every_argument_braces(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"\\frac ab", "\\frac{a}{b}"},
        {"\\frac {a+1}{2b}", "\\frac{a+1}{2b}"},
        {"x_i^2", "x_{i}^{2}"},
        {"x'_{ij}^{\\alpha }", "x'_{ij}^{\\alpha}"},
        {"\\alpha x+\\beta 2", "\\alpha x+\\beta2"},
        {"\\sum _{i=1}^na_i", "\\sum_{i=1}^{n}a_{i}"},
        {"\\sqrt x", "\\sqrt{x}"},
        {"\\sqrt[3]{x+1}", "\\sqrt[3]{x+1}"},
        {"\\sqrt [x]", "\\sqrt{[}x]"},
        {"\\mathbf A\\hat {\\mathbf x}", "\\mathbf{A}\\hat{\\mathbf{x}}"},
        {"\\operatorname {rank}(A)", "\\operatorname{rank}(A)"},
        {"0\\text {if all }x", "0\\text{if all }x"},
        {"\\begin{pmatrix}a&b\\\\ c_1&\\frac 12\\end{pmatrix}",
         "\\begin{pmatrix}a&b\\\\c_{1}&\\frac{1}{2}\\end{pmatrix}"},
        {"\\{x\\in \\mathbb R\\mid x>0\\}", "\\{x\\in\\mathbb{R}\\mid x>0\\}"},
        {"e^{-x^2}", "e^{-x^{2}}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct b_buf out;
        assert_true(spell(cases[i][0], &out));
        assert_string_equal(out.data, cases[i][1]);
        assert_int_equal(dp_latex_check(out.data, out.len - 1), DP_LATEX_FINE);
        b_buf_free(&out);
    }
}

static void tells_what_is_no_formula(void **state)
{
    (void)state;
    static const char *const cases[] = {"",
                                        " ",
                                        "x_",
                                        "\\frac a",
                                        "{a",
                                        "a}",
                                        "\\frac {a}{",
                                        "a&b",
                                        "a\\\\ b",
                                        "\\end{matrix}",
                                        "\\begin{matrix}a",
                                        "\\begin{matrix}a\\end{cases}",
                                        "\\begin",
                                        "\\begin{",
                                        "x^_2",
                                        "\\text {a{b}}",
                                        "\\sqrt[3",
                                        "\\hat ",
                                        "\\text ",
                                        "\\mathrm "};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct b_buf out;
        if (spell(cases[i], &out))
            fail_msg("taken for a formula: %s -> %s", cases[i], out.data);
        b_buf_free(&out);
    }
}

static void stops_at_its_depth(void **state)
{
    (void)state;
    char deep[4096];
    struct b_buf out;
    size_t n = 0;
    for (int i = 0; i < 600; i++)
        n += (size_t)(memcpy(deep + n, "x^{", 3) != NULL) * 3;
    deep[n] = '\0';
    assert_false(spell(deep, &out));
    b_buf_free(&out);
    memset(deep, '{', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    assert_false(spell(deep, &out));
    b_buf_free(&out);
}

/* Any bytes: it ends, and what it takes for sound has matching braces. */
static void survives_any_bytes(void **state)
{
    (void)state;
    static const char signs[] = "\\{}^_&ab1 []\\\\\\frac\\sqrt\\begin{matrix}\\end{matrix}\xC3\xA9";
    uint64_t seed = 7;
    for (int round = 0; round < 20000; round++) {
        char text[48];
        size_t n = 0;
        while (n < sizeof text - 1) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            text[n++] = signs[(seed >> 33) % (sizeof signs - 1)];
        }
        text[n] = '\0';
        struct b_buf out;
        if (spell(text, &out) && dp_latex_check(out.data, out.len - 1) == DP_LATEX_BRACES)
            fail_msg("%s became %s", text, out.data);
        b_buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_every_argument_braces),
        cmocka_unit_test(tells_what_is_no_formula),
        cmocka_unit_test(stops_at_its_depth),
        cmocka_unit_test(survives_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
