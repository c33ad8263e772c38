/* SPDX-License-Identifier: Apache-2.0 */
/* Located answers as messages: scaled to the page, cut to it, and refused where they are no places. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "service/rpc/ask_run.h"

/* The answer to a page of 200 x 100 pixels of which the model saw 100 x 100. */
static enum b_code places(const char *answer, struct b_arena *arena, Docparse__V1__Location ***out, size_t *count)
{
    struct svc_ask_result r = {.width = 200, .height = 100};
    r.answer.frames[0].width = 100;
    r.answer.frames[0].height = 100;
    b_buf_init(&r.answer.text, 1 << 20);
    b_buf_puts(&r.answer.text, answer);
    const enum b_code code = svc_ask_places(&r, 3, arena, out, count, NULL);
    b_buf_free(&r.answer.text);
    return code;
}

static void scales_and_cuts(void **state)
{
    (void)state;
    struct b_arena *arena = b_arena_new(1 << 16);
    Docparse__V1__Location **l = NULL;
    size_t n = 0;
    assert_int_equal(places("```json\n[{\"bbox_2d\": [10, 20, 30, 40], \"label\": \"a\"},"
                            "{\"point_2d\": [5, 5.5], \"label\": \"\\u00e9\"},"
                            "{\"bbox_2d\": [90, 80, -5, 1e300]}]\n```",
                            arena, &l, &n),
                     B_OK);
    assert_int_equal(n, 3);
    assert_string_equal(l[0]->label, "a");
    assert_int_equal(l[0]->page, 3);
    assert_true(l[0]->box && !l[0]->point);
    assert_true(l[0]->box->x0 == 20 && l[0]->box->y0 == 20 && l[0]->box->x1 == 60 && l[0]->box->y1 == 40);
    assert_true(l[1]->point && !l[1]->box && l[1]->point->x == 10 && l[1]->point->y == 5.5f);
    assert_string_equal(l[1]->label, "\xc3\xa9");
    assert_true(l[2]->box->x0 == 0 && l[2]->box->x1 == 180 && l[2]->box->y0 == 80 && l[2]->box->y1 == 100);
    assert_int_equal(places("[]", arena, &l, &n), B_OK);
    assert_int_equal(n, 0);
    b_arena_drop(arena);
}

static void refuses_what_is_no_place(void **state)
{
    static const char *const wrong[] = {"",
                                        "there is nothing",
                                        "{\"bbox_2d\": [1, 2, 3, 4]}",
                                        "[1]",
                                        "[{\"label\": \"a\"}]",
                                        "[{\"bbox_2d\": [1, 2, 3]}]",
                                        "[{\"bbox_2d\": [1, 2, 3, \"4\"]}]",
                                        "[{\"bbox_2d\": [1, 2, 3, 4]"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct b_arena *arena = b_arena_new(1 << 16);
        Docparse__V1__Location **l = NULL;
        size_t n = 0;
        assert_int_equal(places(wrong[i], arena, &l, &n), B_FORMAT);
        b_arena_drop(arena);
    }
    struct b_arena *small = b_arena_new(64);
    Docparse__V1__Location **l = NULL;
    size_t n = 0;
    assert_int_equal(places("[{\"bbox_2d\": [1, 2, 3, 4]}]", small, &l, &n), B_LIMIT);
    b_arena_drop(small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(scales_and_cuts), cmocka_unit_test(refuses_what_is_no_place)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
