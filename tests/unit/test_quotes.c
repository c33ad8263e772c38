/* SPDX-License-Identifier: Apache-2.0 */
/* engine/compact/quotes.c on lines drawn here: words as bars, marks as strokes or commas. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/compact/quotes.h"
#include "engine/compact/strip_sample.h"

#define WIDTH 320

struct drawn {
    struct eng_line_image image;
    struct eng_glyph glyphs[24];
    size_t n;
    float paper, ink;
};

static void start(struct drawn *d, float paper, float ink)
{
    struct b_err err;
    memset(d, 0, sizeof *d);
    d->paper = paper;
    d->ink = ink;
    assert_int_equal(eng_line_image_reserve(&d->image, WIDTH, &err), B_OK);
    for (int i = 0; i < ENG_LINE_PIXELS * d->image.width * 3; i++)
        d->image.bgr[i] = paper;
    for (int i = 0; i <= d->image.width; i++)
        d->image.u[i] = 100.0f + 0.5f * (float)i;
}

static void add(struct drawn *d, uint32_t cp, float from, float to)
{
    d->glyphs[d->n++] = (struct eng_glyph){cp, 100.0f + 0.5f * from, 100.0f + 0.5f * to, 0.9f};
}

/* A round spot, its edge soft. */
static void spot(struct drawn *d, float cx, float cy, float radius)
{
    for (int y = 0; y < ENG_LINE_PIXELS; y++)
        for (int x = 0; x < WIDTH; x++) {
            const float share = fminf(fmaxf(radius + 0.5f - hypotf((float)x - cx, (float)y - cy), 0.0f), 1.0f);
            float *p = d->image.bgr + ((size_t)y * (size_t)d->image.width + (size_t)x) * 3;
            const float value = d->paper + (d->ink - d->paper) * share;
            if (fabsf(value - d->paper) > fabsf(p[0] - d->paper))
                p[0] = p[1] = p[2] = value;
        }
}

/* Four letters as bars from column x on: the glyph after them begins at x + 24. */
static float word(struct drawn *d, float x)
{
    for (int i = 0; i < 4; i++) {
        for (float y = 20; y < 38; y++)
            spot(d, x + 2 + 6 * (float)i, y, 1.2f);
        add(d, 'n', x + 6 * (float)i, x + 6 * (float)i + 5);
    }
    return x + 24;
}

enum kind { STRAIGHT, OPENING, CLOSING };

static void stroke(struct drawn *d, float x, enum kind kind)
{
    for (float t = 0; t <= 1.0f; t += 0.05f)
        if (kind == STRAIGHT)
            spot(d, x, 9 + 8 * t, 1.4f - 0.3f * t);
        else if (kind == CLOSING) /* a head, and a tail that bends to the left below it */
            spot(d, x + 1 - 3.0f * t * t, 10 + 7 * t, t < 0.3f ? 2.2f : 1.6f - t);
        else
            spot(d, x - 1 + 3.0f * t * t, 16 - 7 * t, t < 0.3f ? 2.2f : 1.6f - t);
}

static float mark(struct drawn *d, float x, uint32_t cp, enum kind kind)
{
    stroke(d, x + 4, kind);
    if (cp == '"')
        stroke(d, x + 11, kind);
    add(d, cp, x, x + (cp == '"' ? 15.0f : 8.0f));
    return x + (cp == '"' ? 16.0f : 9.0f);
}

/* "word" 'l'l', curled or not; expects five code points. */
static void check_line(float paper, float ink, bool curled, const uint32_t want[5])
{
    struct drawn d;
    const enum kind open = curled ? OPENING : STRAIGHT, close = curled ? CLOSING : STRAIGHT;
    size_t at[5], n = 0;
    start(&d, paper, ink);
    float x = 10;
    at[n++] = d.n;
    x = word(&d, mark(&d, x, '"', open));
    at[n++] = d.n;
    x = mark(&d, x, '"', close);
    add(&d, ' ', x, x + 14);
    x += 14;
    at[n++] = d.n;
    x = mark(&d, x, '\'', open);
    for (float y = 20; y < 38; y++)
        spot(&d, x + 3, y, 1.2f);
    add(&d, 'l', x, x + 6);
    at[n++] = d.n;
    x = mark(&d, x + 7, '\'', close);
    for (float y = 20; y < 38; y++)
        spot(&d, x + 3, y, 1.2f);
    add(&d, 'l', x, x + 6);
    at[n++] = d.n;
    x = mark(&d, x + 7, '\'', close);
    add(&d, '\'', x + 4, x + 12); /* one that cannot be made out follows the others */
    struct eng_glyph before[24];
    memcpy(before, d.glyphs, sizeof before);
    eng_quotes_settle(&d.image, d.glyphs, d.n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(d.glyphs[at[i]].cp, want[i]);
    assert_int_equal(d.glyphs[d.n - 1].cp, curled ? 0x2019 : '\'');
    for (size_t i = 0; i < d.n; i++) { /* nothing else changes */
        before[i].cp = d.glyphs[i].cp;
        assert_memory_equal(&before[i], &d.glyphs[i], sizeof before[i]);
    }
    eng_line_image_free(&d.image);
}

static void curled_marks_are_seen(void **state)
{
    (void)state;
    static const uint32_t want[5] = {0x201C, 0x201D, 0x2018, 0x2019, 0x2019};
    check_line(255, 0, true, want);
    check_line(200, 60, true, want);
    check_line(20, 240, true, want); /* light on dark */
}

static void straight_marks_stay(void **state)
{
    (void)state;
    static const uint32_t want[5] = {'"', '"', '\'', '\'', '\''};
    check_line(255, 0, false, want);
    check_line(180, 40, false, want);
    check_line(20, 240, false, want);
}

/* What is no mark, or hardly to be seen, stays as it was read. */
static void unclear_marks_stay(void **state)
{
    (void)state;
    struct drawn d;
    start(&d, 255, 0);
    (void)word(&d, 10);
    add(&d, '\'', 60, 70);  /* nothing there */
    add(&d, '"', 100, 120); /* a thick bar over the whole line */
    for (float y = 0; y < ENG_LINE_PIXELS; y++)
        spot(&d, 110, y, 6);
    eng_quotes_settle(&d.image, d.glyphs, d.n);
    assert_int_equal(d.glyphs[4].cp, '\'');
    assert_int_equal(d.glyphs[5].cp, '"');
    eng_line_image_free(&d.image);
    start(&d, 128, 120); /* no contrast */
    (void)mark(&d, 20, '\'', CLOSING);
    eng_quotes_settle(&d.image, d.glyphs, d.n);
    assert_int_equal(d.glyphs[0].cp, '\'');
    eng_line_image_free(&d.image);
}

/* Any pixels and any extents: reads stay inside, marks become marks. */
static void noise_is_harmless(void **state)
{
    (void)state;
    uint32_t seed = 7;
    for (int round = 0; round < 300; round++) {
        struct drawn d;
        start(&d, 255, 0);
        for (int i = 0; i < ENG_LINE_PIXELS * d.image.width * 3; i++) {
            seed = seed * 1664525u + 1013904223u;
            d.image.bgr[i] = round % 3 ? (float)(seed >> 24) : (seed >> 24) < 30 ? 0.0f : 255.0f;
        }
        for (int g = 0; g < 16; g++) {
            seed = seed * 1664525u + 1013904223u;
            const float a = (float)(seed >> 16 & 511) - 60.0f, b = a + (float)(seed >> 8 & 31);
            add(&d, g % 3 == 0 ? '\'' : g % 3 == 1 ? '"' : 'a', a, b);
        }
        eng_quotes_settle(&d.image, d.glyphs, d.n);
        for (size_t g = 0; g < d.n; g++) {
            const uint32_t cp = d.glyphs[g].cp;
            assert_true(g % 3 == 2 ? cp == 'a' : g % 3 == 1 ? cp == '"' || cp == 0x201C || cp == 0x201D : cp == '\'' || cp == 0x2018 || cp == 0x2019);
        }
        eng_line_image_free(&d.image);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(curled_marks_are_seen),
        cmocka_unit_test(straight_marks_stay),
        cmocka_unit_test(unclear_marks_stay),
        cmocka_unit_test(noise_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
