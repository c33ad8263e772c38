/* SPDX-License-Identifier: Apache-2.0 */
/* Maps that no text makes: they must give strips with finite numbers, in a time that grows with their pixels. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "engine/compact/detector.h"
#include "tests/support/text_map.h"

#define MOST_STRIPS 16384
/* CPU seconds a million pixels: a release build takes at most 0.3 (stripes), the sanitizers ten times that. */
#define MOST_SECONDS 12.0

static void check_strip(const struct eng_strip *s)
{
    assert_true(isfinite(s->origin.x) && isfinite(s->origin.y) && isfinite(s->height) && s->height > 0);
    assert_true(fabsf(hypotf(s->ux, s->uy) - 1) < 1e-3f);
    assert_true(isfinite(s->u0) && isfinite(s->u1) && s->u0 < s->u1);
    assert_true(s->degree >= 0 && s->degree <= ENG_STRIP_DEGREE);
    for (int i = 0; i <= ENG_STRIP_DEGREE; i++)
        assert_true(isfinite(s->coef[i]));
    for (int i = 0; i < 4; i++)
        assert_true(isfinite(s->quad[i].x) && isfinite(s->quad[i].y));
    assert_true(s->score >= 0 && s->score <= 1);
}

/* Strips of the map as a page of its own size; returns their number. */
static size_t check(const struct t_map *map)
{
    struct eng_strip_list list;
    struct b_err err = {.code = B_OK};
    const clock_t begin = clock();
    if (eng_strips_from_map(map->prob, map->width, map->height, map->width, map->height, NULL, &list, &err) != B_OK)
        fail_msg("%s", err.message);
    const double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    const double millions = (double)map->width * map->height / 1e6;
    if (seconds > MOST_SECONDS * fmax(millions, 0.1))
        fail_msg("%dx%d took %.1f s", map->width, map->height, seconds);
    assert_true(list.count <= MOST_STRIPS);
    for (size_t i = 0; i < list.count; i++)
        check_strip(&list.strips[i]);
    const size_t count = list.count;
    eng_strip_list_free(&list);
    return count;
}

typedef float paint(int x, int y, uint32_t *seed);

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static float ones(int x, int y, uint32_t *seed)
{
    (void)x, (void)y, (void)seed;
    return 1.0f;
}

static float nans(int x, int y, uint32_t *seed)
{
    (void)x, (void)y, (void)seed;
    return NAN;
}

static float noise(int x, int y, uint32_t *seed)
{
    (void)x, (void)y;
    return (float)(next(seed) % 1000) * 1e-3f;
}

static float odd_numbers(int x, int y, uint32_t *seed)
{
    static const float values[] = {NAN, INFINITY, -INFINITY, 1e30f, -1e30f, 0.9f, 0.9f, 0.9f, 0.0f, 1.0f};
    (void)x, (void)y;
    return values[next(seed) % 10];
}

static float blots(int x, int y, uint32_t *seed) /* one component a tile: the most there can be */
{
    (void)seed;
    return x % 6 < 5 && y % 6 < 5 ? 0.9f : 0.0f;
}

static float rings(int x, int y, uint32_t *seed) /* every component's window holds all inner ones */
{
    (void)seed;
    const int d = abs(x - 500) > abs(y - 500) ? abs(x - 500) : abs(y - 500);
    return d % 12 < 6 ? 0.9f : 0.0f;
}

static float diagonals(int x, int y, uint32_t *seed)
{
    (void)seed;
    return (x + y) % 14 < 7 ? 0.9f : 0.0f;
}

static float comb(int x, int y, uint32_t *seed)
{
    (void)seed;
    return y % 400 < 8 || x % 12 < 6 ? 0.9f : 0.0f;
}

static float snake(int x, int y, uint32_t *seed)
{
    (void)seed;
    return y % 10 < 5 || (y / 10 % 2 ? x < 6 : x > 990) ? 0.9f : 0.0f;
}

static void every_pattern_is_bounded(void **state)
{
    (void)state;
    static paint *const paints[] = {ones, nans, noise, odd_numbers, blots, rings, diagonals, comb, snake};
    static const int sizes[][2] = {{1000, 1000}, {1, 1}, {1, 700}, {700, 1}, {30000, 10}, {10, 30000}, {97, 33}};
    for (size_t p = 0; p < sizeof paints / sizeof *paints; p++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            struct t_map map = t_map_new(sizes[i][0], sizes[i][1]);
            uint32_t seed = 99;
            for (int y = 0; y < map.height; y++)
                for (int x = 0; x < map.width; x++)
                    map.prob[(size_t)y * (size_t)map.width + (size_t)x] = paints[p](x, y, &seed);
            (void)check(&map);
            t_map_free(&map);
        }
}

/* More marks than there are lines on any page: the largest stay, and the rest is counted. */
static void the_largest_marks_stay(void **state)
{
    (void)state;
    struct t_map map = t_map_new(1200, 1200);
    for (int y = 0; y < 1200; y++)
        for (int x = 0; x < 1200; x++)
            map.prob[y * 1200 + x] = x % 6 < 5 && y % 6 < 5 ? 0.9f : 0.0f; /* 40,000 squares */
    for (int y = 0; y < 5; y++)
        for (int x = 0; x < 1200; x++)
            map.prob[(600 + y) * 1200 + x] = 0.9f;
    struct eng_strip_list list;
    assert_int_equal(eng_strips_from_map(map.prob, 1200, 1200, 1200, 1200, NULL, &list, NULL), B_OK);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.dropped, 200 * 199);
    assert_true(list.strips[0].u1 - list.strips[0].u0 > 1200);
    eng_strip_list_free(&list);
    t_map_free(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pattern_is_bounded),
        cmocka_unit_test(the_largest_marks_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
