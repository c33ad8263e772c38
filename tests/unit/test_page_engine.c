/* SPDX-License-Identifier: Apache-2.0 */
/* The page engine's decisions that need no network: senses, turns, choice of trial lines, figures. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/compact/page_private.h"

static struct eng_strip strip(float x, float y, float ux, float uy, float length, float height)
{
    return (struct eng_strip){.origin = {x, y}, .ux = ux, .uy = uy, .u0 = 0, .u1 = length, .height = height};
}

/* A page turned so that its text runs in a direction must come upright by the turns that are reported:
 * turning the direction clockwise that often gives rightwards. */
static void turns_bring_text_upright(void **state)
{
    (void)state;
    for (int q = 0; q < 4; q++) {
        struct eng_point d = eng_text_direction(q);
        for (int i = 0; i < q; i++)
            d = (struct eng_point){-d.y, d.x};
        assert_true(d.x == 1.0f && d.y == 0.0f);
    }
    for (int axis = 0; axis < 2; axis++)
        for (int i = 0; i < 2; i++) { /* lines: the sense is the text's direction */
            const struct eng_sense sense = eng_sense_at(i);
            const struct eng_point d = eng_text_direction(eng_quarter_turns(axis == 0, sense));
            const float along = axis == 0 ? d.x : d.y;
            assert_true(along == (sense.reversed ? -1.0f : 1.0f));
        }
    for (int axis = 0; axis < 2; axis++)
        for (int i = 2; i < 4; i++) { /* columns: the sense is "down" of the upright page */
            const struct eng_sense sense = eng_sense_at(i);
            const struct eng_point r = eng_text_direction(eng_quarter_turns(axis == 0, sense));
            const struct eng_point down = {-r.y, r.x};
            const float along = axis == 0 ? down.x : down.y;
            assert_true(along == (sense.reversed ? -1.0f : 1.0f));
        }
}

static void the_longer_text_decides_the_axis(void **state)
{
    (void)state;
    struct eng_strip s[3] = {strip(0, 0, 1, 0, 400, 20), strip(0, 50, 0, 1, 300, 20), strip(50, 50, 0, 1, 300, 20)};
    bool active[3] = {true, true, true};
    assert_false(eng_main_axis_is_x(s, active, 3));
    active[2] = false;
    assert_true(eng_main_axis_is_x(s, active, 3));
    s[0] = strip(0, 0, 1, 0, 30, 20); /* too short to have a direction */
    assert_false(eng_main_axis_is_x(s, active, 3));
    assert_true(eng_main_axis_is_x(s, active, 0));
}

static void default_senses_follow_the_page(void **state)
{
    (void)state;
    const struct eng_strip right = strip(0, 0, 1, 0.1f, 100, 10), down = strip(0, 0, 0.1f, 1, 100, 10);
    assert_false(eng_default_sense(&right, 0).reversed);
    assert_true(eng_default_sense(&right, 2).reversed);
    assert_false(eng_default_sense(&down, 0).reversed); /* across: from top to bottom */
    assert_true(eng_default_sense(&down, 2).reversed);
    assert_true(eng_default_sense(&down, 1).reversed); /* text runs upwards */
    assert_false(eng_default_sense(&down, 3).reversed);
    assert_false(eng_default_sense(&right, 1).reversed); /* upright "down" is +x on that page */
    assert_true(eng_default_sense(&right, 3).reversed);
}

static void trial_lines_are_spread(void **state)
{
    (void)state;
    struct eng_strip s[40];
    bool active[40];
    size_t chosen[6];
    for (int i = 0; i < 40; i++) {
        s[i] = strip(0, (float)i * 30, 1, 0, i % 2 ? 200 : 2000, 20); /* every other one costs too much */
        active[i] = true;
    }
    assert_int_equal(eng_trial_lines(s, active, 40, true, chosen, 6), 6);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(chosen[i] % 2, 1);
        assert_true(chosen[i] >= i * 6 && chosen[i] < (i + 1) * 7);
    }
    assert_int_equal(eng_trial_lines(s, active, 2, true, chosen, 6), 2); /* all there is */
    assert_int_equal(eng_trial_lines(s, active, 40, false, chosen, 6), 0);
    memset(active, 0, sizeof active);
    assert_int_equal(eng_trial_lines(s, active, 40, true, chosen, 6), 0);
}

static void figures_are_those_of_the_lines(void **state)
{
    (void)state;
    struct eng_strip s[4];
    bool active[4] = {true, true, true, true};
    const float c = cosf(0.05f), v = sinf(0.05f);
    for (int i = 0; i < 4; i++)
        s[i] = strip(10, (float)i * 40, c, v, 300, 20);
    s[3] = strip(10, 200, 0.9f, -0.43f, 40, 20); /* short and askew: not heard */
    struct eng_page_job job = {.strips = s, .active = active, .n = 4, .main_axis_is_x = true};
    float skew, curl;
    eng_page_figures(&job, &skew, &curl);
    assert_true(fabsf(skew - 2.8648f) < 0.01f); /* clockwise, y growing downwards */
    assert_true(curl < 1e-3f);
    s[1].degree = 2; /* v = 10 - 10 t^2: sagitta 10, half a height */
    s[1].coef[0] = 10;
    s[1].coef[2] = -10;
    eng_page_figures(&job, &skew, &curl);
    assert_true(fabsf(curl - 0.5f) < 0.01f);
    for (int i = 0; i < 4; i++)
        s[i] = strip(10, (float)i * 40, -v, c, 300, 20); /* the same page turned: lines down */
    job.main_axis_is_x = false;
    eng_page_figures(&job, &skew, &curl);
    assert_true(fabsf(skew - 2.8648f) < 0.01f);
    job.n = 0;
    eng_page_figures(&job, &skew, &curl);
    assert_true(skew == 0 && curl == 0);
}

static void missing_models_are_named(void **state)
{
    (void)state;
    struct eng_models *models = NULL;
    struct b_err err = {.code = B_OK};
    assert_int_equal(eng_models_load("no-such-folder", &models, &err), B_NOT_FOUND);
    assert_null(models);
    assert_non_null(strstr(err.message, "PP-OCRv6_det_small.onnx"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turns_bring_text_upright),       cmocka_unit_test(the_longer_text_decides_the_axis),
        cmocka_unit_test(default_senses_follow_the_page), cmocka_unit_test(trial_lines_are_spread),
        cmocka_unit_test(figures_are_those_of_the_lines), cmocka_unit_test(missing_models_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
