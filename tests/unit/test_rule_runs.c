/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of rules in pixels against a walk over every pixel, on noise, letters, dashes and rules of many heights. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "docparse/assembly/image_private.h"

enum { WIDE = 397, TALL = 360, MOST = 40000, NOTHING = 0, DARK = 1, LIGHT = 2 };

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static int kind_of(int mid, int one, int other)
{
    const int low = one < other ? one : other, high = one > other ? one : other;
    return low > mid + 22 ? DARK : high < mid - 22 ? LIGHT : NOTHING;
}

struct plain {
    struct dp_run run[MOST];
    int32_t n;
};

/* One line of marks, from its first to its last. */
static void plain_walk(const uint8_t *marks, int32_t n, int32_t at, int32_t gap, float solid, float dashed,
                       struct plain *out)
{
    int32_t from = -1, last = -1, count = 0;
    for (int32_t i = 0; i <= n; i++) {
        const int kind = i < n ? marks[i] : NOTHING;
        if (from >= 0 && (i == n || (kind != NOTHING && (i - last > gap || kind != marks[from])))) {
            const float length = (float)(last - from + 1), fill = (float)count / length;
            if ((fill >= 0.85f && length >= solid) || (fill >= 0.5f && length >= dashed)) {
                assert_true(out->n < MOST);
                out->run[out->n++] = (struct dp_run){at, from, last + 1};
            }
            from = -1;
        }
        if (kind == NOTHING)
            continue;
        if (from < 0) {
            from = i;
            count = 0;
        }
        last = i;
        count++;
    }
}

static void plain_level(const struct dp_pixels *p, struct plain *out)
{
    uint8_t marks[WIDE];
    out->n = 0;
    for (int32_t y = p->reach; y + p->reach < p->h; y++) {
        for (int32_t x = 0; x < p->w; x++)
            marks[x] = (uint8_t)kind_of(p->grey[y * p->w + x], p->grey[(y - p->reach) * p->w + x],
                                        p->grey[(y + p->reach) * p->w + x]);
        plain_walk(marks, p->w, y, p->gap, 2.5f * p->height, 6.0f * p->height, out);
    }
}

static void plain_edges(const struct dp_pixels *p, struct plain *out)
{
    uint8_t marks[WIDE];
    out->n = 0;
    for (int32_t y = p->reach; y + p->reach < p->h; y++) {
        for (int32_t x = 0; x < p->w; x++) {
            const int above = p->grey[(y - 2) * p->w + x], below = p->grey[(y + 2) * p->w + x];
            marks[x] = above > below + 30 ? DARK : above < below - 30 ? LIGHT : NOTHING;
        }
        if (y % 2 == 0)
            plain_walk(marks, p->w, y, 2, 10.0f * p->height, 1e9f, out);
    }
}

static void plain_upright(const struct dp_pixels *p, struct plain *out)
{
    uint8_t marks[TALL];
    out->n = 0;
    for (int32_t x = p->reach; x + p->reach < p->w; x++) {
        for (int32_t y = 0; y < p->h; y++) {
            const uint8_t *at = p->grey + y * p->w + x;
            marks[y] = (uint8_t)kind_of(at[0], at[-p->reach], at[p->reach]);
        }
        plain_walk(marks, p->h, x, p->gap, 1.5f * p->height, 6.0f * p->height, out);
    }
}

static int by_place(const void *p, const void *q)
{
    const struct dp_run *a = p, *b = q;
    return a->at != b->at ? (a->at < b->at ? -1 : 1) : (a->from > b->from) - (a->from < b->from);
}

static void fill(uint8_t *grey, int32_t x0, int32_t y0, int32_t x1, int32_t y1, int value)
{
    for (int32_t y = y0 < 0 ? 0 : y0; y < y1 && y < TALL; y++)
        for (int32_t x = x0 < 0 ? 0 : x0; x < x1 && x < WIDE; x++)
            grey[y * WIDE + x] = (uint8_t)value;
}

/* Strokes of all lengths and greys, some dashed, on paper or on bands; then noise in some of the pixels. */
static void paint(uint8_t *grey, uint32_t seed, int strokes, int noise)
{
    memset(grey, 230, (size_t)WIDE * TALL);
    for (int i = 0; i < strokes; i++) {
        const int32_t x = (int32_t)(next_random(&seed) % WIDE), y = (int32_t)(next_random(&seed) % TALL);
        const int32_t length = (int32_t)(next_random(&seed) % 250), thick = 1 + (int32_t)(next_random(&seed) % 4);
        const int32_t dash = next_random(&seed) % 3 ? length + 1 : 2 + (int32_t)(next_random(&seed) % 12);
        const int value = next_random(&seed) % 4 ? 30 : 255;
        const bool upright = next_random(&seed) % 2;
        if (i % 9 == 0)
            fill(grey, x, y, x + length, y + 40, 150);
        for (int32_t at = 0; at < length; at += dash + dash / 2 + 1)
            if (upright)
                fill(grey, x, y + at, x + thick, y + (at + dash < length ? at + dash : length), value);
            else
                fill(grey, x + at, y, x + (at + dash < length ? at + dash : length), y + thick, value);
        const int32_t hole =
            (int32_t)((int64_t)length * (8 + next_random(&seed) % 8) / 100); /* about what a solid one may lack */
        if (i % 2 && upright)
            fill(grey, x, y + (length - hole) / 2, x + thick, y + (length + hole) / 2, 230);
        else if (i % 2)
            fill(grey, x + (length - hole) / 2, y, x + (length + hole) / 2, y + thick, 230);
    }
    for (int i = 0; i < noise; i++) {
        const uint32_t at = next_random(&seed) % (WIDE * TALL);
        grey[at] = (uint8_t)next_random(&seed);
    }
}

static void compare(struct dp_runs *got, struct plain *want)
{
    assert_int_equal(got->n, want->n);
    if (want->n == 0)
        return;
    qsort(got->list, (size_t)got->n, sizeof *got->list, by_place);
    qsort(want->run, (size_t)want->n, sizeof *want->run, by_place);
    assert_memory_equal(got->list, want->run, (size_t)want->n * sizeof *want->run);
}

static void runs_are_those_of_a_plain_walk(void **state)
{
    (void)state;
    static const float heights[] = {4.0f, 5.3f, 8.0f, 11.5f, 17.0f, 23.4f, 31.0f, 48.0f, 90.0f};
    uint8_t *grey = malloc((size_t)WIDE * TALL);
    struct plain *want = malloc(sizeof *want);
    int64_t level = 0, upright = 0, edges = 0;
    assert_non_null(grey);
    assert_non_null(want);
    for (uint32_t seed = 1; seed <= 27; seed++) {
        struct b_arena *arena = b_arena_new((size_t)64 << 20);
        struct dp_pixels p = {.grey = grey, .w = WIDE, .h = TALL, .height = heights[seed % 9]};
        struct dp_runs runs = {.arena = arena};
        paint(grey, seed * 77u, 60 + (int)(seed % 5) * 200, seed % 2 ? 3000 : 0);
        p.reach = (int32_t)(0.22f * p.height + 0.5f);
        p.reach = p.reach < 3 ? 3 : p.reach > 16 ? 16 : p.reach;
        p.gap = (int32_t)(0.4f * p.height);
        plain_level(&p, want);
        assert_true(dp_runs_level(&p, &runs));
        compare(&runs, want);
        level += want->n;
        runs = (struct dp_runs){.arena = arena};
        plain_edges(&p, want);
        assert_true(dp_runs_edges(&p, &runs));
        compare(&runs, want);
        edges += want->n;
        runs = (struct dp_runs){.arena = arena};
        plain_upright(&p, want);
        assert_true(dp_runs_upright(&p, &runs));
        compare(&runs, want);
        upright += want->n;
        b_arena_drop(arena);
    }
    assert_true(level > 1000 && upright > 1000 && edges > 100); /* the pictures have something to find */
    free(want);
    free(grey);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(runs_are_those_of_a_plain_walk)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
