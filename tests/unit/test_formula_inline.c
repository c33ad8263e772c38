/* SPDX-License-Identifier: Apache-2.0 */
/* Formulas among the characters of running text, written as rows of signs: see row(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "docparse/formula/inline.h"
#include "engine/base/utf8.h"

#define ROOM 400

/* Lays out `spec`: letters behind ~ are of the italic of mathematics, behind ` of a text's italic, behind { calligraphic, others of its roman;
 * ^ and _ raise and lower the next character, a blank is a word's, | a thin one, # begins a row. */
static int32_t row(const char *spec, struct dp_inline_char *c)
{
    const size_t len = strlen(spec);
    float x = 100, y = 100;
    const char *font = "CMR10";
    int shift = 0;
    bool begin = true;
    int32_t n = 0;
    for (size_t at = 0; at < len && n < ROOM;) {
        const uint32_t cp = b_utf8_next(spec, len, &at);
        if (cp == '~' || cp == '`' || cp == '{') {
            font = cp == '~' ? "CMMI10" : cp == '`' ? "CMTI10" : "CMSY10";
        } else if (cp == '^' || cp == '_') {
            shift = cp == '^' ? -1 : 1;
        } else if (cp == ' ' || cp == '|') {
            x += cp == ' ' ? 3.3f : 1.7f;
        } else if (cp == '#') {
            x = 100;
            y += 12;
            begin = true;
        } else {
            const float size = shift ? 7 : 10;
            c[n++] = (struct dp_inline_char){.cp = cp, .font = cp > 0x2100 ? "CMSY10" : font, .x0 = x, .x1 = x + 0.5f * size,
                                             .base = y + (shift < 0 ? -3.6f : shift > 0 ? 1.5f : 0), .size = size, .row = begin};
            x += 0.5f * size;
            begin = false;
            shift = 0;
            font = "CMR10";
        }
    }
    return n;
}

/* The formulas of the row as "x=y;n;", where the page's formulas take letters from the text font `italic`. */
static void found(const char *spec, const char *italic, char *out, size_t room)
{
    struct dp_inline_char c[ROOM];
    struct b_arena *arena = b_arena_new((size_t)1 << 20);
    struct dp_inline_run *runs;
    int32_t n_runs;
    size_t at = 0;
    const int32_t n = row(spec, c);
    assert_int_equal(dp_formula_inline(c, n, italic, arena, &runs, &n_runs, NULL), B_OK);
    for (int32_t i = 0; i < n_runs; i++) {
        assert_true(runs[i].first >= 0 && runs[i].first <= runs[i].last && runs[i].last < n);
        for (int32_t k = runs[i].first; k <= runs[i].last && at + 8 < room; k++)
            at += b_utf8_put(c[k].cp, out + at);
        out[at++] = ';';
    }
    out[at] = '\0';
    b_arena_drop(arena);
}

static void expect_in(const char *italic, const char *spec, const char *want)
{
    char got[1000];
    found(spec, italic, got, sizeof got);
    if (strcmp(got, want) != 0)
        fail_msg("\"%s\" gives \"%s\", not \"%s\"", spec, got, want);
}

static void expect(const char *spec, const char *want)
{
    expect_in(NULL, spec, want);
}

static void formulas(void **state)
{
    (void)state;
    expect("let ~x be a number", "x;");
    expect("so ~x_~i = ~a + 2~b holds", "xi=a+2b;");
    expect("where ~f(~x) ≤ 3 and (see ~n) of", "f(x)≤3;n;");
    expect("in ~O(~n|log|~n) steps", "O(nlogn);");
    expect("for 0 ≤ ~t ≤ 1, as 3 of 5", "0≤t≤1;");
    expect("the pair (~a~,|~b) and (~c)", "(a,b);c;");
    expect("if ~a = ~b +#~c, then", "a=b+c;");
    expect("about 10^5 cells", "105;");
    expect("~n-th of ~m, ~k. Then", "n;m;k;");
    expect("say `x = 3 or `g(`y) so", "x=3;g(y);");
    expect("let ~x,~y be of ~f_0 = id, so", "x;y;f0=id;");
    expect("is −|log|~c of ~x̸= 2", "−logc;x̸=2;");
    expect("so Var(`X) or ~R^~i|~f", "Var(X);Rif;");
}

/* Single letters of the text font that the page's formulas take theirs from. */
static void letters(void **state)
{
    (void)state;
    expect("let `G be of order `n. Then", "");
    expect_in("CMTI10", "let `G be of order `n. Then (`M,|`g) and 2`k", "G;n;(M,g);2k;");
    expect_in("CMTI10", "see `i.`e. and (`a) or `t`h`e `b of `i`f", "");
    expect_in("CMBX10", "let `G be of order `n. Then", "");
}

static void prose(void **state)
{
    (void)state;
    expect("the 1^s^t of May^3 and 1648^1 were", "");
    expect("an area of 20 m^2 and H_2O, it", "");
    expect("`in `v`i`t`r`o and `a or `b", "");
    expect("`i`t’`s 3 + 4 and/or (a) to (c), i)", "");
    expect("from 10 to 20, 2 - 1, 5 • 6 a, b and c", "");
    expect("a = number", "");
    expect("~d~i~f~f and ~e~f~f~o~r~t", "");
    expect("5 µm", "");
    expect("the LaTeX|2~ε of Group2~α or so", "");
    expect("uses {A{M{S-TeX", "");
    expect("let {F be, and 2~α", "F;2α;");
}

/* What is cut or incomplete is no formula. */
static void doubt(void **state)
{
    (void)state;
    expect("is ~f(see below) so", "");
    expect("is ~a + and", "");
    expect("", "");
}

static void hostile(void **state)
{
    (void)state;
    struct dp_inline_char c[ROOM];
    struct b_arena *arena = b_arena_new((size_t)8 << 20);
    struct dp_inline_run *runs;
    int32_t n_runs;
    uint32_t seed = 1;
    static const uint32_t cps[] = {'(', ')', 'x', '=', ',', '.', '|', '/', ':', '!', '0', 0x2211, 0x3B1, 0x304, 0x10FFFF, 0, 0x2032};
    static const char *const fonts[] = {"CMMI10", "CMR10", "CMEX10", NULL, "CMTI10"};
    for (int round = 0; round < 300; round++) {
        for (int i = 0; i < ROOM; i++) {
            uint32_t v[6];
            for (int k = 0; k < 6; k++)
                v[k] = (seed = seed * 1664525u + 1013904223u) >> 16;
            c[i] = (struct dp_inline_char){.cp = cps[v[0] % 17], .font = fonts[v[1] % 5], .x0 = (float)(v[2] % 50), .x1 = (float)(v[3] % 60),
                                           .base = (float)(v[4] % 20), .size = (float)(v[5] % 12), .row = v[0] % 40 == 0, .stacked = v[1] % 90 == 0};
        }
        assert_int_equal(dp_formula_inline(c, ROOM, round % 2 ? "CMTI10" : NULL, arena, &runs, &n_runs, NULL), B_OK);
        for (int32_t i = 0; i < n_runs; i++)
            assert_true(runs[i].first <= runs[i].last && runs[i].last < ROOM && (i == 0 || runs[i].first > runs[i - 1].last));
    }
    b_arena_drop(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(formulas), cmocka_unit_test(letters), cmocka_unit_test(prose), cmocka_unit_test(doubt),
                                       cmocka_unit_test(hostile)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
