/* SPDX-License-Identifier: Apache-2.0 */
/* docparse/pdf_script*.c: scripts as cairo's script surface writes them, and scripts that nobody writes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cairo-script.h>
#include <cairo.h>

#include "docparse/pdf_script.h"
#include "tests/support/images.h"

static cairo_status_t take(void *closure, const unsigned char *data, unsigned int length)
{
    t_append(closure, data, length);
    return CAIRO_STATUS_SUCCESS;
}

/* A page of lines, boxes, pictures, groups and text, drawn by cairo. */
static void draw_page(struct t_bytes *out)
{
    cairo_device_t *device = cairo_script_create_for_stream(take, out);
    cairo_script_set_mode(device, CAIRO_SCRIPT_MODE_ASCII);
    cairo_surface_t *surface = cairo_script_surface_create(device, CAIRO_CONTENT_COLOR_ALPHA, 400, 300);
    cairo_surface_t *picture = cairo_image_surface_create(CAIRO_FORMAT_RGB24, 20, 10);
    cairo_t *cr = cairo_create(surface);
    cairo_set_line_width(cr, 2);
    cairo_move_to(cr, 10, 20);
    cairo_line_to(cr, 210, 20);
    cairo_stroke(cr);
    cairo_move_to(cr, 10, 20);
    cairo_curve_to(cr, 50, 60, 70, 80, 90, 20);
    cairo_stroke(cr);
    cairo_rectangle(cr, 50, 60, 1, 100); /* a thin box is a line, and covers as well */
    cairo_fill(cr);
    cairo_save(cr);
    cairo_translate(cr, 100, 200);
    cairo_rotate(cr, M_PI / 2);
    cairo_scale(cr, 2, 2);
    cairo_set_source_surface(cr, picture, 0, 0);
    cairo_paint(cr);
    cairo_restore(cr);
    cairo_rectangle(cr, 300, 100, 50, 50);
    cairo_clip(cr);
    cairo_push_group(cr);
    cairo_set_source_rgb(cr, 1, 0, 0);
    cairo_move_to(cr, 310, 120);
    cairo_line_to(cr, 340, 120);
    cairo_stroke(cr);
    cairo_pop_group_to_source(cr);
    cairo_paint_with_alpha(cr, 0.5);
    cairo_reset_clip(cr);
    cairo_set_source_rgb(cr, 0, 0, 0);
    cairo_set_font_size(cr, 20);
    cairo_move_to(cr, 20, 250);
    cairo_show_text(cr, "A(b)\\c");
    cairo_destroy(cr);
    cairo_surface_destroy(picture);
    cairo_surface_destroy(surface);
    cairo_device_finish(device);
    cairo_device_destroy(device);
}

static const struct dp_pdf_mark *find(const struct dp_pdf_drawing *d, int kind, float x0, float y0, float x1, float y1)
{
    for (size_t i = 0; i < d->n_marks; i++) {
        const struct dp_pdf_mark *m = &d->marks[i];
        if (m->kind == kind && fabsf(m->x0 - x0) < 1.1f && fabsf(m->y0 - y0) < 1.1f && fabsf(m->x1 - x1) < 1.1f &&
            fabsf(m->y1 - y1) < 1.1f)
            return m;
    }
    fail_msg("no mark of kind %d at [%g %g %g %g]", kind, (double)x0, (double)y0, (double)x1, (double)y1);
    return NULL;
}

static size_t count(const struct dp_pdf_drawing *d, int kind)
{
    size_t n = 0;
    for (size_t i = 0; i < d->n_marks; i++)
        n += d->marks[i].kind == kind;
    return n;
}

static void marks(void **state)
{
    (void)state;
    struct t_bytes script = {0};
    struct dp_pdf_drawing d;
    struct b_err err;
    draw_page(&script);
    assert_int_equal(dp_pdf_script_read((const char *)script.data, script.size, 1000, &d, &err), B_OK);
    assert_false(d.truncated);
    assert_true(fabsf(find(&d, DP_PDF_LINE, 10, 19, 210, 21)->up_x - 2) < 0.01f);
    find(&d, DP_PDF_LINE, 50, 60, 51, 160);
    find(&d, DP_PDF_LINE, 310, 119, 340, 121); /* out of its group, to its place */
    assert_true(find(&d, DP_PDF_PICTURE, 80, 200, 100, 240)->turned);
    assert_true(find(&d, DP_PDF_COVER, 80, 200, 100, 240)->picture);
    assert_true(find(&d, DP_PDF_SHAPE, 9, 19, 91, 59)->free); /* up to the middle of the curve */
    assert_int_equal(count(&d, DP_PDF_SHAPE), 2);
    assert_int_equal(d.n_shapes, 2); /* with the thin box, which is no level line of no width */
    assert_int_equal(count(&d, DP_PDF_LINE), 3);
    assert_int_equal(count(&d, DP_PDF_PICTURE), 1);
    char text[64] = "";
    size_t n = 0;
    float x = 0;
    for (size_t i = 0; i < d.n_marks; i++) {
        const struct dp_pdf_mark *m = &d.marks[i];
        if (m->kind != DP_PDF_GLYPHS || n + m->text_bytes >= sizeof text)
            continue;
        assert_true(fabsf(m->y0 - 250) < 0.01f && fabsf(m->up_y + 20) < 0.01f && m->x0 >= x && m->x1 > m->x0);
        x = m->x0;
        memcpy(text + n, d.text + m->text, m->text_bytes);
        n += m->text_bytes;
    }
    text[n] = '\0';
    assert_string_equal(text, "A(b)\\c");
    dp_pdf_drawing_free(&d);
    t_bytes_free(&script);
}

/* A box with round corners is a box, a circle and a house are free, what is white is nothing. */
static void shapes(void **state)
{
    (void)state;
    static const char script[] =
        "%!CairoScript\n<< /content //COLOR_ALPHA /width 400 /height 300 >> surface context\n0 g set-source\n"
        "n 20 10 m 90 10 l 95.5 10 100 14.5 100 20 c 100 50 l 100 55.5 95.5 60 90 60 c 20 60 l 14.5 60 10 55.5 10 50 c "
        "10 20 l 10 14.5 14.5 10 20 10 c h fill+\n"
        "n 250 50 m 250 77.6 227.6 100 200 100 c 172.4 100 150 77.6 150 50 c 150 22.4 172.4 0 200 0 c 227.6 0 250 22.4 "
        "250 50 c h stroke+\n"
        "n 10 200 m 10 120 l 50 100 l 90 120 l 90 200 l 10 120 l 90 120 l 10 200 l 90 200 l stroke+\n"
        "1 g set-source\nn 300 200 m 340 240 l 300 240 l h fill+\npop\n";
    struct dp_pdf_drawing d;
    struct b_err err;
    assert_int_equal(dp_pdf_script_read(script, sizeof script - 1, 1000, &d, &err), B_OK);
    assert_int_equal(d.n_shapes, 3);
    const struct dp_pdf_mark *box = find(&d, DP_PDF_SHAPE, 10, 10, 100, 60);
    assert_true(!box->free && box->filled);
    const struct dp_pdf_mark *circle = find(&d, DP_PDF_SHAPE, 149, -1, 251, 101);
    assert_true(circle->free && !circle->filled);
    assert_true(find(&d, DP_PDF_SHAPE, 9, 99, 91, 201)->free);
    dp_pdf_drawing_free(&d);
}

/* Shapes beyond their bound are left out; the other marks do not suffer. */
static void many_shapes(void **state)
{
    (void)state;
    const size_t n = DP_PDF_SHAPES_MAX + 10;
    struct t_bytes script = {0};
    struct dp_pdf_drawing d;
    struct b_err err;
    const char *head = "%!CairoScript\n<< /content //COLOR_ALPHA /width 400 /height 300 >> surface context\n0 g set-source\n";
    const char *dot = "n 1 1 m 9 9 l 1 9 l h fill+\n", *line = "n 10 20 m 210 20 l stroke+\npop\n";
    t_append(&script, head, strlen(head));
    for (size_t i = 0; i < n; i++)
        t_append(&script, dot, strlen(dot));
    t_append(&script, line, strlen(line));
    assert_int_equal(dp_pdf_script_read((const char *)script.data, script.size, 10, &d, &err), B_OK);
    assert_false(d.truncated);
    assert_int_equal(d.n_shapes, DP_PDF_SHAPES_MAX);
    assert_int_equal(count(&d, DP_PDF_LINE), 1);
    dp_pdf_drawing_free(&d);
    t_bytes_free(&script);
}

/* A font that is new after another was selected again has the size that was given last. */
static void sizes_of_fonts(void **state)
{
    (void)state;
    static const struct {
        const char *face;
        double size;
    } steps[] = {{"serif", 20}, {"serif", 10}, {"serif", 20}, {"monospace", 10}, {"serif", 20}};
    struct t_bytes script = {0};
    struct dp_pdf_drawing d;
    struct b_err err;
    cairo_device_t *device = cairo_script_create_for_stream(take, &script);
    cairo_script_set_mode(device, CAIRO_SCRIPT_MODE_ASCII);
    cairo_surface_t *surface = cairo_script_surface_create(device, CAIRO_CONTENT_COLOR_ALPHA, 400, 300);
    cairo_t *cr = cairo_create(surface);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        cairo_select_font_face(cr, steps[i].face, CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
        cairo_set_font_size(cr, steps[i].size);
        cairo_move_to(cr, 20, 20 + 30 * (double)i);
        cairo_show_text(cr, "x");
    }
    cairo_destroy(cr);
    cairo_surface_destroy(surface);
    cairo_device_finish(device);
    cairo_device_destroy(device);
    assert_int_equal(dp_pdf_script_read((const char *)script.data, script.size, 1000, &d, &err), B_OK);
    assert_int_equal(d.n_marks, 5);
    for (size_t i = 0; i < d.n_marks; i++)
        if (fabs(d.marks[i].up_y + steps[i].size) > 0.01)
            fail_msg("text %zu has the size %g, not %g", i, -(double)d.marks[i].up_y, steps[i].size);
    dp_pdf_drawing_free(&d);
    t_bytes_free(&script);
}

/* Every beginning of a script, and scripts with changed bytes, are read without harm. */
static void broken_scripts(void **state)
{
    (void)state;
    struct t_bytes script = {0};
    struct dp_pdf_drawing d;
    struct b_err err;
    uint32_t random = 7;
    draw_page(&script);
    for (size_t cut = 0; cut<script.size; cut += script.size> 4000 ? script.size / 4000 : 1) {
        char *copy = malloc(cut + 1);
        assert_non_null(copy);
        memcpy(copy, script.data, cut);
        assert_int_equal(dp_pdf_script_read(copy, cut, 1000, &d, &err), B_OK);
        dp_pdf_drawing_free(&d);
        free(copy);
    }
    for (int i = 0; i < 800; i++) {
        uint8_t *copy = malloc(script.size);
        assert_non_null(copy);
        memcpy(copy, script.data, script.size);
        for (int k = 0; k < 1 + i % 6; k++) {
            random = random * 1664525u + 1013904223u;
            copy[(random >> 4) % script.size] = script.data[(random >> 12) % script.size];
        }
        assert_int_equal(dp_pdf_script_read((const char *)copy, script.size, 1000, &d, &err), B_OK);
        dp_pdf_drawing_free(&d);
        free(copy);
    }
    t_bytes_free(&script);
}

static void hostile_scripts(void **state)
{
    (void)state;
    static const char *const scripts[] = {
        "<< /width 9e99 /height -1 >> surface context n 0 0 m 1e400 0 l stroke+",
        "surface context 1 0 0 1 set-matrix mask paint fill+ show-glyphs show-text-glyphs pop pop pop pop exch roll",
        "<< >> surface context [1 0 0 1 0 0] set-matrix (ab) [1 2 <~!<~>] <~!<E3%~> //FORWARD show-text-glyphs",
        "<< >> surface context dup s9 context s99999999999 pattern set-source paint /s1 exch def s1 pattern set-source "
        "paint",
        "<< >> surface context f0 /glyphs get 70000 << /metrics [1 2 3] >> set 1 << /metrics [0 0 0 0 1 0] >> set pop "
        "pop",
        "{(}) <~}~> } } [[[[ ]] ((( << >> >> >> ]",
        "<< /type 42 /source <|!!!!zzzzzzzzzzzzzzzzzzzz~> >> font dup /f0 exch def",
        "<< /type 42 /source <|s8W-!s8W-!s8W-!~> >> font",
        "-1 index 5 -1 roll 1e9 index 1000 1 roll",
    };
    struct dp_pdf_drawing d;
    struct b_err err;
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        assert_int_equal(dp_pdf_script_read(scripts[i], strlen(scripts[i]), 100, &d, &err), B_OK);
        dp_pdf_drawing_free(&d);
    }
    struct t_bytes deep = {0}; /* the stack and the marks are bounded */
    t_append(&deep, "<< >> surface context ", 22);
    for (int i = 0; i < 2000; i++)
        t_append(&deep, "1 ", 2);
    assert_int_equal(dp_pdf_script_read((const char *)deep.data, deep.size, 100, &d, &err), B_OK);
    assert_true(d.truncated);
    dp_pdf_drawing_free(&d);
    deep.size = 22;
    for (int i = 0; i < 300; i++)
        t_append(&deep, "n 0 0 m 90 0 l stroke+ ", 23);
    assert_int_equal(dp_pdf_script_read((const char *)deep.data, deep.size, 100, &d, &err), B_OK);
    assert_true(d.truncated);
    assert_true(d.n_marks <= 128);
    dp_pdf_drawing_free(&d);
    t_bytes_free(&deep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(marks), cmocka_unit_test(shapes), cmocka_unit_test(many_shapes),
                                       cmocka_unit_test(sizes_of_fonts),
                                       cmocka_unit_test(broken_scripts), cmocka_unit_test(hostile_scripts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
