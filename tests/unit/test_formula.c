/* SPDX-License-Identifier: Apache-2.0 */
/* LaTeX from glyphs placed by hand, as TeX would place them: scripts, fractions, roots, limits, accents, matrices;
 * codes of fonts without a character map; and that nothing hostile gets past. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "docparse/formula/formula.h"

#define ROOM 4096
#define EM 20.0f /* pixels */

static const char *const fonts[] = {
    "CMMI10", "CMR10", "CMSY10", "CMEX10", "CMMI7", "CMR7", "MSBM10", "STIXTwoMath-Regular", "CMTI10"};
enum { CMMI, CMR, CMSY, CMEX, CMMI7, CMR7, MSBM, STIX, CMTI };

static struct dp_glyph glyphs[ROOM];
static int32_t n;
static struct b_arena *arena;

static int set_up(void **state)
{
    (void)state;
    n = 0;
    arena = b_arena_new(64u << 20);
    return arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    b_arena_drop(arena);
    return 0;
}

/* A glyph at (x, y) ems, y upwards from the first baseline; ink from `down` below to `up` above its own baseline. */
static void put(int font, uint32_t cp, float x, float y, float wide, float up, float down)
{
    const float size = font == CMMI7 || font == CMR7 ? 0.7f * EM : EM, left = 100 + x * EM, base = 200 - y * EM;
    glyphs[n++] =
        (struct dp_glyph){.x = left,
                          .y = base,
                          .advance = wide * EM,
                          .size = size,
                          .ink = {left + 0.02f * EM, base - up * EM, left + (wide - 0.02f) * EM, base + down * EM},
                          .cp = cp,
                          .font = font};
}

/* Small letters, digits and capitals. */
static void small(int font, uint32_t cp, float x, float y)
{
    const float k = font == CMMI7 || font == CMR7 ? 0.7f : 1.0f;
    put(font, cp, x, y, 0.5f * k, (cp >= 'a' && cp <= 'z' && !strchr("bdfhklt", (int)cp) ? 0.43f : 0.66f) * k, 0.01f);
}

static void bar(float x, float y, float wide)
{
    glyphs[n++] = (struct dp_glyph){.x = 100 + x * EM,
                                    .y = 200 - y * EM,
                                    .advance = wide * EM,
                                    .size = 0.8f,
                                    .ink = {100 + x * EM, 199.2f - y * EM, 100 + (x + wide) * EM, 200 - y * EM},
                                    .cp = DP_GLYPH_BAR,
                                    .font = DP_NONE};
}

static struct dp_formula read_all(void)
{
    struct dp_formula f;
    assert_int_equal(dp_formula_read(glyphs, n, fonts, arena, &f, NULL), B_OK);
    return f;
}

static void expect(const char *latex)
{
    const struct dp_formula f = read_all();
    assert_string_equal(f.latex, latex);
    assert_true(f.confidence >= DP_FORMULA_SURE);
}

static void scripts(void **state)
{
    (void)state;
    small(CMMI, 'x', 0, 0);
    small(CMMI7, 'i', 0.55f, -0.15f);
    small(CMR7, '2', 0.55f, 0.41f);
    put(CMR, '=', 1.3f, 0, 0.78f, 0.37f, -0.13f);
    small(CMMI, 'y', 2.4f, 0);
    put(CMSY, 0x2032, 2.95f, 0.36f, 0.2f, 0.5f, -0.05f);
    expect("x_{i}^{2}=y'");
}

/* A code that no table names keeps its place among the others as a sign, not as a control character. */
static void unnamed_codes(void **state)
{
    (void)state;
    for (int i = 0; i < 30; i++)
        small(CMMI, 'x', (float)i * 0.55f, 0);
    small(STIX, 0x01, 30 * 0.55f, 0);
    const struct dp_formula f = read_all();
    assert_non_null(strstr(f.latex, "\xEF\xBF\xBD"));
    for (const char *p = f.latex; *p; p++)
        assert_true((unsigned char)*p >= ' ');
}

static void fraction(void **state)
{
    (void)state;
    small(CMMI, 'a', 0.3f, 0.68f);
    put(CMR, '+', 0.9f, 0.68f, 0.78f, 0.58f, 0.08f);
    small(CMMI, 'b', 1.8f, 0.68f);
    bar(0.2f, 0.25f, 2.3f);
    small(CMMI, 'c', 1.1f, -0.69f);
    expect("\\frac{a+b}{c}");
}

static void overline_is_no_fraction(void **state)
{
    (void)state;
    bar(0, 0.55f, 0.5f);
    small(CMMI, 'x', 0, 0);
    expect("\\overline{x}");
}

static void root(void **state)
{
    (void)state;
    put(CMSY, 0x221A, 0, 0.8f, 0.83f, 0.04f, 1.0f);
    bar(0.81f, 0.8f, 1.0f);
    small(CMMI, 'x', 0.9f, 0);
    small(CMR7, '3', 0.1f, 0.4f);
    expect("\\sqrt[3]{x}");
}

static void sum_with_limits(void **state)
{
    (void)state;
    put(CMEX, 'X', 0, 0.95f, 1.44f, 0, 1.4f); /* the code of the display sum */
    small(CMMI7, 'n', 0.55f, 1.15f);
    small(CMMI7, 'i', 0.15f, -1.0f);
    put(CMR7, '=', 0.5f, -1.0f, 0.5f, 0.26f, -0.09f);
    small(CMR7, '1', 1.0f, -1.0f);
    small(CMMI, 'a', 1.6f, 0);
    expect("\\sum_{i=1}^{n}a");
}

static void names_and_words(void **state)
{
    (void)state;
    static const char sin[] = "sin", when[] = "if";
    for (int i = 0; i < 3; i++)
        small(CMR, (uint32_t)sin[i], 0.5f * (float)i, 0);
    small(CMMI, 'x', 1.7f, 0);
    for (int i = 0; i < 2; i++)
        small(CMR, (uint32_t)when[i], 3.4f + 0.5f * (float)i, 0);
    small(CMMI, 'y', 4.7f, 0);
    expect("\\sin x\\quad\\text{if}y");
}

static void matrix_of_pieces(void **state)
{
    (void)state;
    for (int side = 0; side < 2; side++) { /* upper hook, extension, lower hook, hanging from their origins */
        const float x = side ? 3.2f : 0;
        put(CMEX, side ? '1' : '0', x, 1.5f, 0.6f, 0, 1.2f);
        put(CMEX, side ? 'C' : 'B', x, 0.3f, 0.6f, 0, 0.6f);
        put(CMEX, side ? 'A' : '@', x, -0.3f, 0.6f, 0, 1.2f);
    }
    for (int i = 0; i < 4; i++)
        small(CMMI, (uint32_t)('a' + i), i & 1 ? 2.4f : 0.8f, i < 2 ? 0.6f : -0.6f);
    expect("\\begin{pmatrix}a&b\\\\c&d\\end{pmatrix}");
}

static void accents_and_alphabets(void **state)
{
    (void)state;
    small(CMMI, 'x', 0, 0);
    put(CMR, 0x2C6, 0, 0, 0.5f, 0.7f, -0.55f);
    put(CMSY, 0x2208, 0.8f, 0, 0.67f, 0.54f, 0.04f);
    small(MSBM, 'R', 1.8f, 0);
    expect("\\hat{x}\\in\\mathbb{R}");
    n = 0;
    small(STIX, 0x1D465, 0, 0); /* mathematical italic x */
    put(STIX, 0x2264, 0.8f, 0, 0.7f, 0.6f, 0.1f);
    small(STIX, 0x1D6FC, 1.8f, 0);
    expect("x\\leq\\alpha");
}

static void number_at_the_margin(void **state)
{
    (void)state;
    small(CMMI, 'x', 0, 0);
    put(CMR, '=', 0.8f, 0, 0.78f, 0.37f, -0.13f);
    small(CMR, '0', 1.8f, 0);
    put(CMR, '(', 12, 0, 0.39f, 0.75f, 0.25f);
    small(CMR, '7', 12.4f, 0);
    put(CMR, ')', 12.9f, 0, 0.39f, 0.75f, 0.25f);
    expect("x=0");
    assert_string_equal(read_all().tag, "7");
}

static void aligned_rows(void **state)
{
    (void)state;
    for (int row = 0; row < 2; row++) {
        const float y = -1.6f * (float)row;
        small(CMMI, row ? 'b' : 'a', 0, y);
        put(CMR, '=', 0.8f, y, 0.78f, 0.37f, -0.13f);
        small(CMR, (uint32_t)('1' + row), 1.8f, y);
    }
    expect("\\begin{aligned}a&=1\\\\b&=2\\end{aligned}");
}

/* A sign that nobody knows must not pass for a formula that is understood. */
static void doubt(void **state)
{
    (void)state;
    small(CMMI, 'x', 0, 0);
    put(CMR, '=', 0.8f, 0, 0.78f, 0.37f, -0.13f);
    put(CMSY, 0xE123, 1.8f, 0, 0.5f, 0.6f, 0);
    assert_true(read_all().confidence < DP_FORMULA_SURE);
}

static void kinds(void **state)
{
    (void)state;
    static const struct {
        uint32_t cp;
        const char *font;
        enum dp_glyph_kind kind;
    } cases[] = {{'a', "CMR10", DP_GLYPH_PROSE},   {'a', "CMTI10", DP_GLYPH_ITALIC},
                 {'a', "CMMI10", DP_GLYPH_LETTER}, {'=', "Helvetica", DP_GLYPH_EQUALS},
                 {'7', "CMR10", DP_GLYPH_NEUTRAL}, {0x3B1, "Times-Roman", DP_GLYPH_SIGN},
                 {'X', "CMEX10", DP_GLYPH_SIGN},   {'a', NULL, DP_GLYPH_PROSE}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct dp_glyph g = {.cp = cases[i].cp};
        assert_int_equal(dp_glyph_kind(&g, cases[i].font), cases[i].kind);
    }
}

/* Many bars of one width and points without end: bounded work, whatever comes out. */
static void hostile(void **state)
{
    (void)state;
    for (int i = 0; i < 700; i++) {
        bar(0, 0.001f * (float)i, 5);
        small(CMMI, 'x', 0.001f * (float)i, 0.01f * (float)i);
        put(CMR, '.', 0.3f * (float)i, 0, 0.2f, 0.1f, 0);
    }
    (void)read_all();
    n = 0;
    small(CMMI, 'x', NAN, INFINITY);
    put(CMEX, '0', 1e30f, -1e30f, 1e30f, NAN, 0);
    assert_string_equal(read_all().latex, "");
    n = 0;
    assert_string_equal(read_all().latex, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(scripts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unnamed_codes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fraction, set_up, tear_down),
        cmocka_unit_test_setup_teardown(overline_is_no_fraction, set_up, tear_down),
        cmocka_unit_test_setup_teardown(root, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sum_with_limits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_and_words, set_up, tear_down),
        cmocka_unit_test_setup_teardown(matrix_of_pieces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(accents_and_alphabets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(number_at_the_margin, set_up, tear_down),
        cmocka_unit_test_setup_teardown(aligned_rows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(doubt, set_up, tear_down),
        cmocka_unit_test_setup_teardown(kinds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hostile, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
