/* SPDX-License-Identifier: Apache-2.0 */
/* The golden pages read for real: line by line against the reference's texts, and whole pages upright,
 * turned, in parts and on one or two threads. Needs the networks and ../shared. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "engine/compact/compact.h"
#include "engine/compact/models_private.h"
#include "tests/support/png_page.h"
#include "tests/support/shared_files.h"

struct golden {
    struct b_image image;
    json_t *lines; /* of page_X.json */
    json_t *root;
};

struct setting {
    struct eng_models *models;
    struct golden pages[3]; /* a, b, c */
};

static void load_golden(char name, struct golden *out)
{
    char file[64];
    (void)snprintf(file, sizeof file, "golden-compact/page_%c.png", name);
    assert_int_equal(t_png_page(t_shared(file), &out->image, NULL), B_OK);
    (void)snprintf(file, sizeof file, "golden-compact/page_%c.json", name);
    out->root = json_load_file(t_shared(file), 0, NULL);
    assert_non_null(out->root);
    out->lines = json_object_get(out->root, "lines");
    assert_true(json_array_size(out->lines) > 10);
}

static struct eng_point corner(const json_t *line, size_t i)
{
    const json_t *p = json_array_get(json_object_get(line, "quad"), i);
    return (struct eng_point){(float)json_number_value(json_array_get(p, 0)),
                              (float)json_number_value(json_array_get(p, 1))};
}

/* The rectangle of the reference as a strip. */
static struct eng_strip strip_of(const json_t *line)
{
    const struct eng_point tl = corner(line, 0), tr = corner(line, 1), bl = corner(line, 3);
    const float dx = tr.x - tl.x, dy = tr.y - tl.y, length = hypotf(dx, dy);
    return (struct eng_strip){.origin = {(tl.x + bl.x) / 2, (tl.y + bl.y) / 2}, .ux = dx / length, .uy = dy / length,
                              .u1 = length, .height = hypotf(bl.x - tl.x, bl.y - tl.y)};
}

/* On upright lines the strings are those of the reference at exact widths. Its crop is interpolated twice
 * and padded to a multiple of 8, ours once and padded to one of 32, so confidences differ: by 0.0018 in the
 * mean when this was written. */
static void upright_lines_read_as_the_reference(void **state)
{
    struct setting *s = *state;
    struct eng_recogniser *recogniser = NULL;
    struct b_arena *arena = b_arena_new((size_t)1 << 24);
    assert_int_equal(eng_recogniser_new(s->models->recogniser, 1, &recogniser, NULL), B_OK);
    size_t n = 0;
    double off = 0;
    for (int p = 0; p < 3; p++) {
        size_t i;
        const json_t *line;
        json_array_foreach(s->pages[p].lines, i, line)
        {
            const struct eng_strip strip = strip_of(line);
            const char *want = json_string_value(json_object_get(line, "text_exact_width"));
            const double conf = json_number_value(json_object_get(line, "conf_exact_width"));
            if (strip.u1 < strip.height * 0.5f || strcmp(want, "This line is upside down") == 0 ||
                strcmp(want, "Vertical text reads upward") == 0)
                continue;
            struct eng_reading r;
            assert_int_equal(eng_recogniser_read(recogniser, 0, b_image_view_of(&s->pages[p].image), &strip, arena, &r,
                                                 NULL, NULL),
                             B_OK);
            assert_string_equal(r.text, want);
            assert_true(fabs((double)r.confidence - conf) < 0.02);
            off += fabs((double)r.confidence - conf);
            for (size_t g = 0; g < r.n_glyphs; g++) {
                assert_true(r.glyphs[g].u0 <= r.glyphs[g].u1);
                assert_true(r.glyphs[g].u0 >= strip.u0 - 0.01f && r.glyphs[g].u1 <= strip.u1 + 0.01f);
                assert_true(g == 0 || r.glyphs[g].u0 >= r.glyphs[g - 1].u1 - 0.01f);
            }
            n++;
        }
    }
    print_message("%zu lines, mean difference of confidence %.5f\n", n, off / (double)n);
    assert_true(n >= 70);
    assert_true(off / (double)n < 0.003);
    eng_recogniser_drop(recogniser);
    b_arena_drop(arena);
}

/* Everything that a reading says, as one text. */
static char *transcript(const struct eng_page_lines *page)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    for (size_t i = 0; i < page->count; i++) {
        const struct eng_line *l = &page->lines[i];
        (void)fprintf(f, "%s|%a|%a|%a|%d", l->reading.text, (double)l->reading.confidence, (double)l->strip.origin.x,
                      (double)l->strip.u1, l->unreadable);
        for (size_t g = 0; g < l->reading.n_glyphs; g++)
            (void)fprintf(f, " %a %a", (double)l->reading.glyphs[g].u0, (double)l->reading.glyphs[g].u1);
        (void)fputc('\n', f);
    }
    (void)fclose(f);
    return text;
}

static void read_page(const struct setting *s, int threads, struct b_image_view view,
                      const struct eng_page_options *options, struct b_arena *arena, struct eng_page_lines *page)
{
    struct eng_page_engine *engine = NULL;
    assert_int_equal(eng_page_engine_new(s->models, threads, &engine, NULL), B_OK);
    assert_int_equal(eng_page_read(engine, view, options, arena, page, NULL, NULL), B_OK);
    eng_page_engine_drop(engine);
}

/* Equal apart from spaces: the detector's strip is not the reference's rectangle to the pixel, and the
 * spaces between CJK and digits depend on it. */
static bool same_but_spaces(const char *a, const char *b)
{
    for (;; a++, b++) {
        while (*a == ' ')
            a++;
        while (*b == ' ')
            b++;
        if (*a != *b)
            return false;
        if (!*a)
            return true;
    }
}

static const struct eng_line *find_line(const struct eng_page_lines *page, const char *text)
{
    for (size_t i = 0; i < page->count; i++)
        if (same_but_spaces(page->lines[i].reading.text, text))
            return &page->lines[i];
    return NULL;
}

static size_t count_found(const struct eng_page_lines *page, const json_t *lines)
{
    size_t found = 0, i;
    const json_t *line;
    json_array_foreach(lines, i, line)
    {
        const char *want = json_string_value(json_object_get(line, "text_exact_width"));
        if (find_line(page, want))
            found++;
        else
            print_message("not found: %s\n", want);
    }
    return found;
}

static void whole_pages_hold_all_lines(void **state)
{
    struct setting *s = *state;
    struct b_arena *arena = b_arena_new((size_t)1 << 26);
    for (int p = 0; p < 3; p++) {
        struct eng_page_lines page;
        read_page(s, 2, b_image_view_of(&s->pages[p].image), NULL, arena, &page);
        assert_int_equal(page.quarter_turns, 0);
        assert_true(fabsf(page.skew) < 0.3f);
        assert_true(count_found(&page, s->pages[p].lines) >= json_array_size(s->pages[p].lines));
    }
    b_arena_drop(arena);
}

/* Page c is upright but has one line upside down and one that reads upward. */
static void odd_lines_are_read_in_their_own_direction(void **state)
{
    struct setting *s = *state;
    struct b_arena *arena = b_arena_new((size_t)1 << 26);
    struct eng_page_lines page;
    read_page(s, 1, b_image_view_of(&s->pages[2].image), NULL, arena, &page);
    const struct eng_line *turned = find_line(&page, "This line is upside down");
    const struct eng_line *upward = find_line(&page, "Vertical text reads upward");
    assert_true(turned && upward);
    assert_true(turned->strip.ux < -0.99f);
    assert_true(upward->strip.uy < -0.99f);
    assert_false(turned->unreadable);
    b_arena_drop(arena);
}

/* A turned page gives the same lines, in the pixels of the page as it was given. */
static void turned_pages_read_as_upright_ones(void **state)
{
    struct setting *s = *state;
    struct b_arena *arena = b_arena_new((size_t)1 << 27);
    struct eng_page_lines upright;
    const struct b_image *image = &s->pages[0].image;
    read_page(s, 2, b_image_view_of(image), NULL, arena, &upright);
    for (int turns = 1; turns < 4; turns++) {
        struct b_image turned;
        struct eng_page_lines page;
        assert_int_equal(b_image_turn(b_image_view_of(image), turns, &turned, NULL), B_OK);
        read_page(s, 2, b_image_view_of(&turned), NULL, arena, &page);
        assert_int_equal(page.quarter_turns, 4 - turns);
        assert_int_equal(page.count, upright.count);
        for (size_t i = 0; i < page.count; i++) {
            const struct eng_line *a = &upright.lines[i], *b = &page.lines[i];
            assert_string_equal(a->reading.text, b->reading.text);
            struct eng_point p = eng_strip_at(&a->strip, a->strip.u0, -3), q = eng_strip_at(&b->strip, b->strip.u0, -3);
            float w = (float)image->width, h = (float)image->height;
            for (int t = 0; t < turns; t++) { /* the point turns with the page */
                p = (struct eng_point){h - p.y, p.x};
                const float swap = w;
                w = h;
                h = swap;
            }
            assert_true(hypotf(p.x - q.x, p.y - q.y) < 0.01f);
        }
        b_image_free(&turned);
    }
    b_arena_drop(arena);
}

static void threads_and_neighbours_change_nothing(void **state)
{
    struct setting *s = *state;
    struct b_arena *arena = b_arena_new((size_t)1 << 27);
    struct eng_page_lines one, two, part;
    const struct b_image_view view = b_image_view_of(&s->pages[1].image);
    read_page(s, 1, view, NULL, arena, &one);
    read_page(s, 2, view, NULL, arena, &two);
    char *a = transcript(&one), *b = transcript(&two);
    assert_string_equal(a, b);
    free(a);
    free(b);
    const float region[1][4] = {{60, 420, 720, 720}}; /* the table */
    const struct eng_page_options options = {.fixed_direction = true, .regions = region, .n_regions = 1};
    read_page(s, 2, view, &options, arena, &part);
    assert_true(part.count >= 15 && part.count < one.count);
    for (size_t i = 0; i < part.count; i++) {
        const struct eng_line *l = find_line(&one, part.lines[i].reading.text);
        assert_non_null(l);
        assert_true(l->reading.confidence == part.lines[i].reading.confidence ||
                    strlen(l->reading.text) < 3); /* the same short number stands in two cells */
    }
    b_arena_drop(arena);
}

static void grey_pages_equal_their_colour_copies(void **state)
{
    struct setting *s = *state;
    const struct b_image *c = &s->pages[0].image;
    struct b_image grey, colour;
    struct b_arena *arena = b_arena_new((size_t)1 << 26);
    assert_int_equal(b_image_new(c->width, c->height, 1, UINT64_C(1) << 24, &grey, NULL), B_OK);
    assert_int_equal(b_image_new(c->width, c->height, 3, UINT64_C(1) << 24, &colour, NULL), B_OK);
    for (size_t i = 0; i < (size_t)c->width * (size_t)c->height; i++) {
        grey.pixels[i] = c->pixels[3 * i + 1];
        memset(colour.pixels + 3 * i, grey.pixels[i], 3);
    }
    struct eng_page_lines a, b;
    read_page(s, 2, b_image_view_of(&grey), NULL, arena, &a);
    read_page(s, 2, b_image_view_of(&colour), NULL, arena, &b);
    char *x = transcript(&a), *y = transcript(&b);
    assert_string_equal(x, y);
    free(x);
    free(y);
    b_image_free(&grey);
    b_image_free(&colour);
    b_arena_drop(arena);
}

static void an_empty_page_has_no_lines(void **state)
{
    struct setting *s = *state;
    struct b_image blank;
    struct eng_page_lines page;
    struct b_arena *arena = b_arena_new((size_t)1 << 20);
    assert_int_equal(b_image_new(300, 200, 1, UINT64_C(1) << 20, &blank, NULL), B_OK);
    memset(blank.pixels, 255, 300 * 200);
    read_page(s, 1, b_image_view_of(&blank), NULL, arena, &page);
    assert_int_equal(page.count, 0);
    assert_int_equal(page.quarter_turns, 0);
    b_image_free(&blank);
    b_arena_drop(arena);
}

static int set_up(void **state)
{
    static const char names[3] = {'a', 'b', 'c'};
    struct setting *s = calloc(1, sizeof *s);
    struct b_err err = {.code = B_OK};
    if (!s)
        return -1;
    if (eng_models_load(getenv("DOCPARSE_MODELS"), &s->models, &err) != B_OK) {
        print_message("%s\n", err.message);
        return -1;
    }
    for (int i = 0; i < 3; i++)
        load_golden(names[i], &s->pages[i]);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct setting *s = *state;
    for (int i = 0; i < 3; i++) {
        b_image_free(&s->pages[i].image);
        json_decref(s->pages[i].root);
    }
    eng_models_drop(s->models);
    free(s);
    return 0;
}

int main(void)
{
    t_need_shared("golden-compact/page_a.json");
    t_need_model("PP-OCRv6_rec_small.onnx");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(upright_lines_read_as_the_reference),
        cmocka_unit_test(whole_pages_hold_all_lines),
        cmocka_unit_test(odd_lines_are_read_in_their_own_direction),
        cmocka_unit_test(turned_pages_read_as_upright_ones),
        cmocka_unit_test(threads_and_neighbours_change_nothing),
        cmocka_unit_test(grey_pages_equal_their_colour_copies),
        cmocka_unit_test(an_empty_page_has_no_lines),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
