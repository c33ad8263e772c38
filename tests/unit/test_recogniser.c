/* SPDX-License-Identifier: Apache-2.0 */
/* Sampling of strips, CTC decoding, places of glyphs, words and spaces: everything around the network. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/compact/ctc.h"
#include "engine/compact/glyphs.h"
#include "engine/compact/line_image.h"
#include "engine/compact/recogniser.h"
#include "engine/compact/spaces.h"
#include "engine/compact/strip_sample.h"

enum { PAGE_W = 200, PAGE_H = 160 };

struct fixture {
    uint8_t pixels[PAGE_W * PAGE_H * 3];
    struct b_image_view page;
};

/* Page whose pixel (x, y) is a smooth or rough function of its place. */
static void paint(struct fixture *f, int channels, uint8_t (*value)(int x, int y, int c))
{
    f->page = (struct b_image_view){f->pixels, (size_t)(PAGE_W * channels), PAGE_W, PAGE_H, channels};
    for (int y = 0; y < PAGE_H; y++)
        for (int x = 0; x < PAGE_W; x++)
            for (int c = 0; c < channels; c++)
                f->pixels[(y * PAGE_W + x) * channels + c] = value(x, y, c);
}

static uint8_t rough(int x, int y, int c)
{
    return (uint8_t)((x * 37 + y * 91 + c * 53 + x * y * 7) % 251);
}

static uint8_t ramp_y(int x, int y, int c)
{
    (void)x;
    (void)c;
    return (uint8_t)(y + 40);
}

static uint8_t colours(int x, int y, int c)
{
    (void)x;
    (void)y;
    return (uint8_t)(c == 0 ? 10 : (c == 1 ? 120 : 230));
}

static struct eng_strip straight(float x, float y, float ux, float uy, float length, float height)
{
    return (struct eng_strip){.origin = {x, y}, .ux = ux, .uy = uy, .u0 = 0, .u1 = length, .height = height,
                              .score = 1};
}

static float largest_difference(const float *a, const float *b, size_t n)
{
    float most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmaxf(most, fabsf(a[i] - b[i]));
    return most;
}

/* Both paths of the sampler are the same filter, in all four directions, enlarging and shrinking, inside
 * the page and across its border. */
static void separable_path_equals_plain(void **state)
{
    struct fixture *f = *state;
    static const float axes[4][2] = {{1, 0}, {0, 1}, {-1, 0}, {0, -1}};
    static const float heights[4] = {11.3f, 48.0f, 70.7f, 150.0f};
    float *fast = malloc(sizeof(float) * 48 * 256 * 3), *plain = malloc(sizeof(float) * 48 * 256 * 3);
    assert_true(fast && plain);
    for (int channels = 1; channels <= 3; channels += 2) {
        paint(f, channels, rough);
        for (int i = 0; i < 16; i++) {
            const struct eng_strip s =
                straight(97.4f, 71.6f, axes[i % 4][0], axes[i % 4][1], 131.7f, heights[i / 4]);
            struct eng_arc arc;
            eng_arc_init(&arc, &s);
            const int width = eng_arc_width(&arc, 0, arc.length) % 256 + 1;
            const struct eng_arc_part part = {0, arc.length, width, width};
            assert_int_equal(eng_arc_sample(&arc, f->page, &part, fast, NULL), B_OK);
            eng_arc_sample_plain(&arc, f->page, &part, plain);
            /* 255 x the rounding of up to 200 products in fp32 */
            assert_true(largest_difference(fast, plain, (size_t)width * 48 * 3) < 0.02f);
        }
    }
    free(fast);
    free(plain);
}

static void colours_come_out_as_bgr(void **state)
{
    struct fixture *f = *state;
    paint(f, 3, colours);
    const struct eng_strip s = straight(20, 40, 0.96f, 0.28f, 100, 20); /* 240 columns and 16 of padding */
    float *bgr = NULL;
    int width = 0;
    assert_int_equal(eng_strip_sample(f->page, &s, &bgr, &width, NULL), B_OK);
    assert_int_equal(width, 256);
    for (int i = 0; i < width * 48; i++) {
        if (i % width >= 240) {
            assert_true(bgr[3 * i] == 127.5f && bgr[3 * i + 2] == 127.5f);
            continue;
        }
        assert_true(fabsf(bgr[3 * i] - 230) < 0.01f);
        assert_true(fabsf(bgr[3 * i + 1] - 120) < 0.01f);
        assert_true(fabsf(bgr[3 * i + 2] - 10) < 0.01f);
    }
    free(bgr);
}

/* On a page that gets brighter downwards, row j of a horizontal strip has the brightness of its height, and
 * a strip that follows a parabola sees the same at every column only if it follows it. */
static void a_curved_strip_is_straightened(void **state)
{
    struct fixture *f = *state;
    paint(f, 1, ramp_y);
    struct eng_strip s = straight(20, 60, 1, 0, 160, 24);
    struct eng_arc arc;
    float out[48 * 64 * 3];
    eng_arc_init(&arc, &s);
    struct eng_arc_part part = {0, 160, 64, 64};
    assert_int_equal(eng_arc_sample(&arc, f->page, &part, out, NULL), B_OK);
    for (int j = 0; j < 48; j++) {
        const float y = 60 - 12 + ((float)j + 0.5f) * 0.5f; /* centre of the row on the page */
        assert_true(fabsf(out[((j * 64) + 31) * 3] - (y - 0.5f + 40)) < 0.05f);
    }
    s.degree = 2; /* v = 10 t^2 - 5 */
    s.coef[0] = -5;
    s.coef[2] = 10;
    eng_arc_init(&arc, &s);
    assert_true(arc.length > 160);
    part.to = arc.length;
    eng_arc_sample_plain(&arc, f->page, &part, out);
    for (int i = 2; i < 62; i++) {
        const float u = eng_arc_u(&arc, ((float)i + 0.5f) / 64 * arc.length), t = (u - 80) / 80;
        const float y = 60 + 10 * t * t - 5; /* the centre of the strip at this column */
        const float middle = (out[((23 * 64) + i) * 3] + out[((24 * 64) + i) * 3]) * 0.5f;
        assert_true(fabsf(middle - (y - 0.5f + 40)) < 0.3f);
    }
}

static void arc_positions_are_monotone(void **state)
{
    (void)state;
    struct eng_strip s = straight(0, 0, 1, 0, 300, 20);
    s.degree = 3;
    s.coef[1] = 12;
    s.coef[3] = -30;
    struct eng_arc arc;
    eng_arc_init(&arc, &s);
    float before = eng_arc_u(&arc, -5);
    assert_true(before < 0);
    for (int i = 0; i <= 400; i++) {
        const float u = eng_arc_u(&arc, arc.length * (float)i / 400);
        assert_true(u > before);
        before = u;
    }
    assert_true(fabsf(before - 300) < 0.01f);
    assert_int_equal(eng_arc_width(&arc, 0, 100), 240);
    assert_int_equal(eng_arc_width(&arc, 0, 100.1f), 241);
}

static void hopeless_strips_are_refused(void **state)
{
    struct fixture *f = *state;
    paint(f, 3, rough);
    float *bgr = NULL;
    int width = 0;
    struct eng_strip s = straight(10, 10, 1, 0, 0, 10);
    assert_int_equal(eng_strip_sample(f->page, &s, &bgr, &width, NULL), B_ARGUMENT);
    s = straight(10, 10, 1, 0, 50, 0);
    assert_int_equal(eng_strip_sample(f->page, &s, &bgr, &width, NULL), B_ARGUMENT);
    s = straight(NAN, 10, 1, 0, 50, 10);
    assert_int_equal(eng_strip_sample(f->page, &s, &bgr, &width, NULL), B_ARGUMENT);
    assert_null(bgr);
    s = straight(1e9f, -1e9f, 1, 0, 50, 10); /* far outside: the border's colour, no read outside */
    assert_int_equal(eng_strip_sample(f->page, &s, &bgr, &width, NULL), B_OK);
    free(bgr);
    s = straight(0, 80, 1, 0, 1e6f, 10); /* longer than any line: squeezed */
    assert_int_equal(eng_strip_sample(f->page, &s, &bgr, &width, NULL), B_OK);
    assert_true(width <= 32768);
    free(bgr);
}

static void alphabet_is_checked(void **state)
{
    (void)state;
    struct eng_alphabet a;
    static const char good[] = "a\n\xe3\x80\x80\n\xe4\xb8\xad\n";
    assert_int_equal(eng_alphabet_parse(good, sizeof good - 1, &a, NULL), B_OK);
    assert_int_equal(a.count, 5);
    assert_int_equal(a.cps[0], 0);
    assert_int_equal(a.cps[1], 'a');
    assert_int_equal(a.cps[2], 0x3000);
    assert_int_equal(a.cps[3], 0x4e2d);
    assert_int_equal(a.cps[4], ' ');
    eng_alphabet_free(&a);
    assert_int_equal(eng_alphabet_parse("a\nb", 3, &a, NULL), B_OK); /* no newline at the end */
    assert_int_equal(a.count, 4);
    eng_alphabet_free(&a);
    static const char *const bad[] = {"", "\n", "a\n\nb\n", "ab\nc\n", "a\n\xff\n", "a\nbc"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(eng_alphabet_parse(bad[i], strlen(bad[i]), &a, NULL), B_FORMAT);
}

static void steps_collapse(void **state)
{
    (void)state;
    uint32_t cps[4] = {0, 'a', 'b', ' '};
    const struct eng_alphabet alphabet = {cps, 4};
    static const float pairs[] = {0, .9f, 1, .8f, 1, .5f, 0, .9f, 1, .7f, 2, .6f, 3, .9f, 9, .9f, -1, .9f, 2, NAN};
    struct eng_ctc_item items[10];
    assert_int_equal(eng_ctc_collapse(&alphabet, pairs, 10, items), 5);
    assert_int_equal(items[0].cp, 'a');
    assert_int_equal(items[0].first, 1);
    assert_int_equal(items[0].last, 2);
    assert_true(fabsf(items[0].probability - .8f) < 1e-6f); /* of the first step */
    assert_int_equal(items[1].cp, 'a');                       /* a blank parts equal letters */
    assert_int_equal(items[2].cp, 'b');
    assert_int_equal(items[3].cp, ' ');
    assert_int_equal(items[4].first, 9);
    assert_true(items[4].probability == 0);
}

static void glyphs_end_at_the_ink(void **state)
{
    (void)state;
    enum { W = 128 };
    float ink[W], u[W + 1];
    for (int x = 0; x < W; x++)
        ink[x] = (x >= 4 && x < 20) || (x >= 24 && x < 40) || (x >= 70 && x < 100) ? 200 : 5;
    for (int x = 0; x <= W; x++)
        u[x] = 50 + (float)x * 0.5f;
    const struct eng_line_image image = {.u = u, .ink = ink, .content = W, .width = W, .capacity = W};
    const struct eng_ctc_item items[] = {{'a', 1, 1, .9f}, {'b', 3, 4, .8f}, {' ', 6, 6, .7f}, {'c', 10, 10, .6f}};
    struct eng_glyph g[4];
    eng_glyphs_place(&image, items, 4, g);
    static const float want[4][2] = {{4, 20}, {24, 40}, {40, 70}, {70, 100}};
    for (int i = 0; i < 4; i++) {
        assert_true(fabsf(g[i].u0 - (50 + want[i][0] * 0.5f)) < 0.51f);
        assert_true(fabsf(g[i].u1 - (50 + want[i][1] * 0.5f)) < 0.51f);
    }
    assert_true(g[3].confidence == .6f);
}

static struct eng_glyph glyph(uint32_t cp, float u0, float u1)
{
    return (struct eng_glyph){cp, u0, u1, 0.5f};
}

static void words_split(void **state)
{
    (void)state;
    struct eng_glyph g[] = {glyph('a', 0, 5),      glyph('b', 5, 10),       glyph(' ', 10, 14), glyph('c', 14, 20),
                            glyph(0x4e2d, 20, 40), glyph(0x3002, 40, 60),   glyph(0x6587, 60, 80),
                            glyph('x', 80, 85),    glyph('y', 185, 190)};
    const struct eng_reading r = {"", g, sizeof g / sizeof g[0], 1};
    struct eng_word w[8];
    assert_int_equal(eng_reading_words(&r, 20, w, 8), 6);
    static const size_t first[] = {0, 3, 4, 6, 7, 8}, count[] = {2, 1, 2, 1, 1, 1};
    static const bool joined[] = {false, true, true, true, false, false};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(w[i].first, first[i]);
        assert_int_equal(w[i].count, count[i]);
        assert_int_equal(w[i].joined, joined[i]);
        assert_true(w[i].confidence == 0.5f);
    }
    assert_true(w[0].u0 == 0 && w[0].u1 == 10);
    assert_int_equal(eng_reading_words(&r, 20, w, 2), 6); /* too little room: counted all the same */
}

static void missing_spaces_come_back(void **state)
{
    (void)state;
    /* "ab cd ef" + "gh" behind a gap without a space, "12" apart inside a number, "://" wide apart */
    struct eng_glyph g[32] = {glyph('a', 0, 8),    glyph('b', 9, 17),   glyph(' ', 17, 30), glyph('c', 30, 38),
                              glyph('d', 39, 47),  glyph(' ', 47, 60),  glyph('e', 60, 68), glyph('f', 69, 77),
                              glyph('g', 90, 98),  glyph('h', 99, 107), glyph('1', 108, 116), glyph('2', 129, 137),
                              glyph(':', 150, 154), glyph('/', 167, 171)};
    size_t n = 0;
    assert_int_equal(eng_spaces_restore(g, 14, 1.0f, &n, NULL), B_OK);
    assert_int_equal(n, 15);
    assert_int_equal(g[8].cp, ' ');
    assert_true(g[8].u0 == 77 && g[8].u1 == 90);
    assert_int_equal(g[9].cp, 'g');
    assert_int_equal(g[14].cp, '/');
}

/* Four black squares one below the other on white: laid out as four cells whose u rise along the column. */
static uint8_t squares(int x, int y, int c)
{
    (void)c;
    return (uint8_t)(x >= 80 && x < 104 && y >= 20 && y < 128 && (y - 20) % 28 < 24 ? 20 : 240);
}

static void columns_are_cut_between_characters(void **state)
{
    struct fixture *f = *state;
    paint(f, 3, squares);
    const struct eng_strip s = straight(92, 15, 0, 1, 118, 32);
    struct eng_line_image image = {0};
    assert_int_equal(eng_line_image_make(&image, f->page, &s, ENG_LOOK_STACKED, NULL), B_OK);
    assert_true(image.width >= 4 * 48 && image.width < 5 * 48 + 32);
    const float level = eng_line_gap_level(&image);
    int runs = 0;
    for (int x = 1; x < image.width; x++)
        runs += image.ink[x] >= level && image.ink[x - 1] < level;
    assert_int_equal(runs, 4);
    for (int x = 0; x < image.width; x++)
        assert_true(image.u[x + 1] >= image.u[x]);
    assert_true(image.u[0] >= 0 && image.u[image.width] <= 118.5f);
    eng_line_image_free(&image);
}

/* The same with a full stop in the upper right of the third square: it comes to lie in the lower left. */
static uint8_t squares_and_stop(int x, int y, int c)
{
    if (y >= 74 && y < 102)
        return (uint8_t)(x >= 95 && x < 103 && y >= 79 && y < 86 ? 20 : 240);
    return squares(x, y, c);
}

static void marks_of_columns_lie_as_in_lines(void **state)
{
    struct fixture *f = *state;
    paint(f, 3, squares_and_stop);
    const struct eng_strip s = straight(92, 15, 0, 1, 118, 32);
    struct eng_line_image image = {0};
    int high = 0, low = 0;
    assert_int_equal(eng_line_image_make(&image, f->page, &s, ENG_LOOK_STACKED, NULL), B_OK);
    for (int y = 0; y < 48; y++)
        for (int x = 2 * 48; x < 3 * 48; x++) {
            const bool ink = image.bgr[((size_t)y * (size_t)image.width + (size_t)x) * 3] < 130.0f;
            high += ink && y < 24;
            low += ink && y >= 24 && x < 2 * 48 + 24;
        }
    assert_int_equal(high, 0);
    assert_true(low > 40);
    eng_line_image_free(&image);
}

static int make_fixture(void **state)
{
    *state = malloc(sizeof(struct fixture));
    return *state ? 0 : -1;
}

static int drop_fixture(void **state)
{
    free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(separable_path_equals_plain),
        cmocka_unit_test(colours_come_out_as_bgr),
        cmocka_unit_test(a_curved_strip_is_straightened),
        cmocka_unit_test(arc_positions_are_monotone),
        cmocka_unit_test(hopeless_strips_are_refused),
        cmocka_unit_test(alphabet_is_checked),
        cmocka_unit_test(steps_collapse),
        cmocka_unit_test(glyphs_end_at_the_ink),
        cmocka_unit_test(words_split),
        cmocka_unit_test(missing_spaces_come_back),
        cmocka_unit_test(columns_are_cut_between_characters),
        cmocka_unit_test(marks_of_columns_lie_as_in_lines),
    };
    return cmocka_run_group_tests(tests, make_fixture, drop_fixture);
}
