/* SPDX-License-Identifier: Apache-2.0 */
/* Probability maps drawn by hand -> strips: geometry, touching lines, borrowed directions, bad maps. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/compact/detector.h"
#include "engine/compact/direction_grid.h"
#include "tests/support/text_map.h"

/* The strips of a map that is the page, pixel by pixel. */
static struct eng_strip_list strips_of(const struct t_map *map)
{
    struct eng_strip_list list;
    struct b_err err = {.code = B_OK};
    if (eng_strips_from_map(map->prob, map->width, map->height, map->width, map->height, NULL, &list, &err) != B_OK)
        fail_msg("%s", err.message);
    return list;
}

static double angle_of(const struct eng_strip *s)
{
    return atan2((double)s->uy, (double)s->ux);
}

/* Widening of a w x h rectangle on each side: area * 1.6 / perimeter. */
static double widening(double w, double h)
{
    return w * h * 1.6 / (2.0 * (w + h));
}

static void a_bar_becomes_its_rectangle(void **state)
{
    (void)state;
    for (int step = -5; step <= 6; step++) {
        const double angle = step * 0.26; /* -75 to 90 degrees */
        struct t_map map = t_map_new(400, 400);
        t_map_bar(&map, 200 - 120 * cos(angle), 200 - 120 * sin(angle), angle, 240, 12, 0, 0.9);
        struct eng_strip_list list = strips_of(&map);
        assert_int_equal(list.count, 1);
        const struct eng_strip *s = &list.strips[0];
        double off = angle_of(s) - angle;
        off -= M_PI * floor(off / M_PI + 0.5); /* a direction has no sense */
        assert_true(fabs(off) < 0.01);
        assert_true(fabsf(s->ux) < fabsf(s->uy) ? s->uy > 0 : s->ux > 0);
        const double d = widening(240, 12);
        assert_true(fabs((double)eng_strip_length(s) - 240 - 2 * d) < 4);
        assert_true(fabs((double)s->height - 12 - 2 * d) < 4);
        const struct eng_point middle = eng_strip_at(s, (s->u0 + s->u1) / 2, 0);
        assert_true(hypot((double)middle.x - 200, (double)middle.y - 200) < 1.5);
        assert_true(s->score > 0.75f && s->score <= 0.9f);
        eng_strip_list_free(&list);
        t_map_free(&map);
    }
}

/* The centre line follows a bow, within a pixel everywhere. */
static void a_bowed_bar_is_followed(void **state)
{
    (void)state;
    for (int side = -1; side <= 1; side += 2) {
        struct t_map map = t_map_new(640, 200);
        t_map_bar(&map, 40, 100, 0.02, 560, 10, side * 25.0, 0.9);
        struct eng_strip_list list = strips_of(&map);
        assert_int_equal(list.count, 1);
        const struct eng_strip *s = &list.strips[0];
        assert_true(s->degree >= 2);
        for (int i = 0; i <= 20; i++) {
            const double at = 560.0 * (0.05 + 0.9 * i / 20), t = 2 * at / 560 - 1, v = side * 25.0 * (1 - t * t);
            const double x = 40 + at * cos(0.02) - v * sin(0.02), y = 100 + at * sin(0.02) + v * cos(0.02);
            double nearest = 1e9;
            for (int k = 0; k <= 2000; k++) {
                const struct eng_point p = eng_strip_at(s, s->u0 + (s->u1 - s->u0) * (float)k / 2000, 0);
                nearest = fmin(nearest, hypot((double)p.x - x, (double)p.y - y));
            }
            assert_true(nearest < 1.0);
        }
        assert_true(s->height < 10 + 2 * widening(600, 10) + 4); /* not the enclosing rectangle's */
        eng_strip_list_free(&list);
        t_map_free(&map);
    }
}

/* Lines that touch through a bridge (a descender, a stain) come apart, straight and tilted ones. */
static void touching_lines_are_split(void **state)
{
    (void)state;
    for (int tilt = 0; tilt < 2; tilt++) {
        const double angle = tilt * 0.05;
        struct t_map map = t_map_new(500, 200);
        for (int i = 0; i < 3; i++)
            t_map_bar(&map, 40, 60 + 22 * i, angle, 380, 12, 0, 0.9);
        t_map_bar(&map, 200, 60 + 160 * angle, M_PI / 2, 44, 14, 0, 0.9); /* over all three */
        struct eng_strip_list list = strips_of(&map);
        assert_int_equal(list.count, 3);
        for (size_t i = 0; i < 3; i++) {
            assert_true(fabs(angle_of(&list.strips[i]) - angle) < 0.02);
            assert_true((double)(list.strips[i].u1 - list.strips[i].u0) > 370);
            assert_true(list.strips[i].height < 12 + 2 * widening(380, 12) + 6);
        }
        eng_strip_list_free(&list);
        t_map_free(&map);
    }
}

/* One line of growing print is no two lines. */
static void a_wedge_stays_whole(void **state)
{
    (void)state;
    struct t_map map = t_map_new(500, 120);
    for (int i = 0; i < 40; i++)
        t_map_bar(&map, 40 + i * 10, 60, 0, 11, 10 + i * 0.2, 0, 0.9);
    struct eng_strip_list list = strips_of(&map);
    assert_int_equal(list.count, 1);
    eng_strip_list_free(&list);
    t_map_free(&map);
}

/* A mark of one character has the direction of the lines around it, not that of its own outline. */
static void short_marks_borrow_their_direction(void **state)
{
    (void)state;
    struct t_map map = t_map_new(600, 400);
    const double angle = 0.2;
    for (int i = 0; i < 5; i++)
        t_map_bar(&map, 40, 40 + 40 * i, angle, 400, 10, 0, 0.9);
    t_map_bar(&map, 500, 240, angle + M_PI / 2, 13, 7, 0, 0.9); /* an "I" of that print, higher than wide */
    struct eng_strip_list list = strips_of(&map);
    assert_int_equal(list.count, 6);
    size_t shorts = 0;
    for (size_t i = 0; i < list.count; i++) {
        shorts += list.strips[i].u1 - list.strips[i].u0 < 100;
        assert_true(fabs(angle_of(&list.strips[i]) - angle) < 0.02);
    }
    assert_int_equal(shorts, 1);
    eng_strip_list_free(&list);
    t_map_free(&map);
}

static void faint_and_tiny_marks_are_dropped(void **state)
{
    (void)state;
    struct t_map map = t_map_new(300, 120);
    t_map_bar(&map, 20, 30, 0, 200, 12, 0, 0.45); /* above the mask's level, below the score's */
    t_map_bar(&map, 20, 60, 0, 200, 1.6, 0, 0.9); /* a hair */
    t_map_bar(&map, 20, 90, 0, 200, 12, 0, 0.9);
    struct eng_strip_list list = strips_of(&map);
    assert_int_equal(list.count, 1);
    assert_true(fabsf(list.strips[0].origin.y - 90) < 1.5f);
    eng_strip_list_free(&list);
    const struct eng_detector_options lenient = {.min_score = 0.3f};
    assert_int_equal(eng_strips_from_map(map.prob, 300, 120, 300, 120, &lenient, &list, NULL), B_OK);
    assert_int_equal(list.count, 2);
    eng_strip_list_free(&list);
    const struct eng_detector_options strict = {.mask_level = 0.95f};
    assert_int_equal(eng_strips_from_map(map.prob, 300, 120, 300, 120, &strict, &list, NULL), B_OK);
    assert_int_equal(list.count, 0);
    eng_strip_list_free(&list);
    t_map_free(&map);
}

/* A page larger than its map, by different factors in x and y: lengths, angle and place in page pixels. */
static void pages_have_their_own_pixels(void **state)
{
    (void)state;
    struct t_map map = t_map_new(400, 300);
    t_map_bar(&map, 50, 150, 0.3, 250, 12, 0, 0.9);
    struct eng_strip_list list;
    assert_int_equal(eng_strips_from_map(map.prob, 400, 300, 800, 660, NULL, &list, NULL), B_OK);
    assert_int_equal(list.count, 1);
    const struct eng_strip *s = &list.strips[0];
    assert_true(fabsf(list.scale_x - 0.5f) < 1e-6f && fabsf(list.scale_y - 300.0f / 660.0f) < 1e-6f);
    const double want = atan2(sin(0.3) * 2.2, cos(0.3) * 2.0);
    assert_true(fabs(angle_of(s) - want) < 0.01);
    const struct eng_point p = eng_strip_at(s, (s->u0 + s->u1) / 2, 0);
    assert_true(fabs((double)p.x - 2.0 * (50 + 125 * cos(0.3))) < 3);
    assert_true(fabs((double)p.y - 2.2 * (150 + 125 * sin(0.3))) < 3);
    eng_strip_list_free(&list);
    t_map_free(&map);
}

static void bad_arguments_are_refused(void **state)
{
    (void)state;
    static const float one[4] = {0.9f, 0.9f, 0.9f, 0.9f};
    struct eng_strip_list list;
    assert_int_equal(eng_strips_from_map(NULL, 2, 2, 2, 2, NULL, &list, NULL), B_ARGUMENT);
    assert_int_equal(eng_strips_from_map(one, 0, 2, 2, 2, NULL, &list, NULL), B_ARGUMENT);
    assert_int_equal(eng_strips_from_map(one, 2, -1, 2, 2, NULL, &list, NULL), B_ARGUMENT);
    assert_int_equal(eng_strips_from_map(one, 2, 2, 0, 2, NULL, &list, NULL), B_ARGUMENT);
    assert_int_equal(eng_strips_from_map(one, 40000, 40000, 2, 2, NULL, &list, NULL), B_LIMIT);
    assert_int_equal(eng_strips_from_map(one, 2, 2, 100000, 2, NULL, &list, NULL), B_ARGUMENT);
    assert_null(list.strips);
}

static struct eng_line_fit flat_fit(double x, double y, double angle, double length)
{
    return (struct eng_line_fit){
        .origin = {x, y}, .axis = {cos(angle), sin(angle)}, .u0 = -length / 2, .u1 = length / 2, .height = 10};
}

static void the_grid_knows_its_neighbourhood(void **state)
{
    (void)state;
    struct eng_direction_grid grid;
    struct eng_dpoint axis;
    double thickness;
    assert_int_equal(eng_direction_grid_new(2000, 1000, &grid, NULL), B_OK);
    assert_false(eng_direction_near(&grid, (struct eng_dpoint){500, 500}, &axis, &thickness));
    for (int i = 0; i < 4; i++) { /* left half tilted one way, right half another */
        struct eng_line_fit left = flat_fit(400, 400 + 40 * i, 0.2, 500),
                            right = flat_fit(1600, 400 + 40 * i, -0.3, 500);
        eng_direction_add(&grid, &left, 10);
        eng_direction_add(&grid, &right, 14);
    }
    assert_true(eng_direction_near(&grid, (struct eng_dpoint){400, 460}, &axis, &thickness));
    assert_true(fabs(atan2(axis.y, axis.x) - 0.2) < 0.01 && fabs(thickness - 10) < 0.01);
    assert_true(eng_direction_near(&grid, (struct eng_dpoint){1600, 460}, &axis, &thickness));
    assert_true(fabs(atan2(axis.y, axis.x) + 0.3) < 0.01 && fabs(thickness - 14) < 0.01);
    struct eng_line_fit across = flat_fit(400, 460, 0.2 + M_PI / 2, 2000);
    eng_direction_add(&grid, &across, 10); /* contradicts */
    assert_false(eng_direction_near(&grid, (struct eng_dpoint){400, 460}, &axis, &thickness));
    /* Points outside take the border's cells. */
    assert_true(eng_direction_near(&grid, (struct eng_dpoint){2500, 430}, &axis, &thickness) ||
                !eng_direction_near(&grid, (struct eng_dpoint){-500, -430}, &axis, &thickness));
    eng_direction_grid_free(&grid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bar_becomes_its_rectangle),        cmocka_unit_test(a_bowed_bar_is_followed),
        cmocka_unit_test(touching_lines_are_split),           cmocka_unit_test(a_wedge_stays_whole),
        cmocka_unit_test(short_marks_borrow_their_direction), cmocka_unit_test(faint_and_tiny_marks_are_dropped),
        cmocka_unit_test(pages_have_their_own_pixels),        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(the_grid_knows_its_neighbourhood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
