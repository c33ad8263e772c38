/* SPDX-License-Identifier: Apache-2.0 */
/* Components of a thresholded map against a flood fill, and their bookkeeping. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/compact/components.h"

#define LEVEL 0.3f

/* A drawing as a map: '#' is text. */
static void draw(const char *const *rows, int n, float *prob, struct eng_map *map)
{
    const int width = (int)strlen(rows[0]);
    for (int y = 0; y < n; y++)
        for (int x = 0; x < width; x++)
            prob[y * width + x] = rows[y][x] == '#' ? 0.8f : 0.1f;
    *map = (struct eng_map){prob, (size_t)width, width, n};
}

static void corners_connect(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "#...##..", //
        ".#..##..", //
        "..#....#", //
        "........", //
    };
    float prob[32];
    struct eng_map map;
    struct eng_components c;
    draw(rows, 4, prob, &map);
    assert_int_equal(eng_components_find(map, LEVEL, &c, NULL), B_OK);
    assert_int_equal(c.count, 3);
    assert_int_equal(c.items[0].area, 3); /* the diagonal */
    assert_int_equal(c.items[1].area, 4);
    assert_int_equal(c.items[2].area, 1);
    assert_int_equal(c.items[0].x0, 0);
    assert_int_equal(c.items[0].x1, 3);
    assert_int_equal(c.items[0].y1, 3);
    assert_true(fabs(c.items[1].sum - 3.2) < 1e-6);
    eng_components_free(&c);
}

static void arms_join_late(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "#.#.#.#.", //
        "#.#.#.#.", //
        "########", //
        "........", //
        "###.####", //
        "#.###..#", //
    };
    float prob[48];
    struct eng_map map;
    struct eng_components c;
    draw(rows, 6, prob, &map);
    assert_int_equal(eng_components_find(map, LEVEL, &c, NULL), B_OK);
    assert_int_equal(c.count, 2);
    assert_int_equal(c.items[0].area, 16);
    assert_int_equal(c.items[1].area, 12);
    for (size_t i = 0; i < c.count; i++) { /* runs of a component: by y, then x */
        const struct eng_run *r = c.runs + c.items[i].first;
        for (size_t k = 1; k < c.items[i].count; k++)
            assert_true(r[k].y > r[k - 1].y || (r[k].y == r[k - 1].y && r[k].x0 > r[k - 1].x1));
    }
    eng_components_free(&c);
}

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 16;
}

/* Plain flood fill: labels[i] = number of i's component, 0 outside. */
static int flood(const float *prob, int w, int h, int *labels, int *stack)
{
    int count = 0;
    memset(labels, 0, (size_t)(w * h) * sizeof *labels);
    for (int i = 0; i < w * h; i++) {
        if (labels[i] || !(prob[i] > LEVEL))
            continue;
        int n = 0;
        labels[i] = ++count;
        stack[n++] = i;
        while (n > 0) {
            const int at = stack[--n];
            for (int dy = -1; dy <= 1; dy++)
                for (int dx = -1; dx <= 1; dx++) {
                    const int x = at % w + dx, y = at / w + dy, to = y * w + x;
                    if (x < 0 || y < 0 || x >= w || y >= h || labels[to] || !(prob[to] > LEVEL))
                        continue;
                    labels[to] = count;
                    stack[n++] = to;
                }
        }
    }
    return count;
}

static void random_maps_equal_a_flood_fill(void **state)
{
    (void)state;
    enum { MOST = 64 * 64 };
    static float prob[MOST];
    static int labels[MOST], stack[MOST];
    uint32_t seed = 7;
    for (int round = 0; round < 200; round++) {
        const int w = 1 + (int)(next(&seed) % 64), h = 1 + (int)(next(&seed) % 64);
        const uint32_t density = 5 + next(&seed) % 90;
        for (int i = 0; i < w * h; i++)
            prob[i] = next(&seed) % 100 < density ? 0.31f + (float)(next(&seed) % 60) * 0.01f : NAN;
        struct eng_components c;
        const struct eng_map map = {prob, (size_t)w, w, h};
        assert_int_equal(eng_components_find(map, LEVEL, &c, NULL), B_OK);
        assert_int_equal(c.count, flood(prob, w, h, labels, stack));
        size_t pixels = 0;
        for (size_t i = 0; i < c.count; i++)
            for (size_t k = 0; k < c.items[i].count; k++) {
                const struct eng_run r = c.runs[c.items[i].first + k];
                for (int x = r.x0; x < r.x1; x++, pixels++)
                    assert_int_equal(labels[r.y * w + x], i + 1); /* both number by first pixel */
            }
        for (int i = 0; i < w * h; i++)
            pixels -= labels[i] != 0;
        assert_int_equal(pixels, 0);
        eng_components_free(&c);
    }
}

/* Only the window counts, not what lies behind its rows. */
static void windows_end_where_they_say(void **state)
{
    (void)state;
    float prob[4 * 40];
    struct eng_components c;
    for (int i = 0; i < 4 * 40; i++)
        prob[i] = i % 40 >= 36 ? 0.9f : 0.0f;
    const struct eng_map map = {prob, 40, 36, 4};
    assert_int_equal(eng_components_find(map, LEVEL, &c, NULL), B_OK);
    assert_int_equal(c.count, 0);
    eng_components_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(corners_connect),
        cmocka_unit_test(arms_join_late),
        cmocka_unit_test(random_maps_equal_a_flood_fill),
        cmocka_unit_test(windows_end_where_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
