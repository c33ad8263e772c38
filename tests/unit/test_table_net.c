/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding of the table and layout networks' outputs, hostile ones among them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/compact/layout.h"
#include "engine/compact/table.h"

#define STEPS 64

static struct b_arena *arena;
static float corners[STEPS * 8], tokens[STEPS * 50];

static int set_up(void **state)
{
    (void)state;
    arena = b_arena_new(1 << 20);
    memset(corners, 0, sizeof corners);
    memset(tokens, 0, sizeof tokens);
    return arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    b_arena_drop(arena);
    return 0;
}

static struct eng_table_structure decode(const int *sequence, int n)
{
    struct eng_table_structure t;
    for (int i = 0; i < n; i++)
        tokens[i * 50 + sequence[i]] = 0.9f;
    struct eng_tensor c = {corners, 3, {1, n, 8, 0}}, k = {tokens, 3, {1, n, 50, 0}};
    assert_int_equal(eng_table_decode(&c, &k, 100, arena, &t, NULL), B_OK);
    return t;
}

/* No position is covered twice and nothing leaves the grid. */
static void check_grid(const struct eng_table_structure *t)
{
    bool *taken = calloc((size_t)(t->rows * t->cols) + 1, sizeof *taken);
    for (size_t i = 0; i < t->n_cells; i++) {
        const struct eng_table_cell *c = &t->cells[i];
        assert_true(c->row >= 0 && c->col >= 0 && c->row_span >= 1 && c->col_span >= 1);
        assert_true(c->row + c->row_span <= t->rows && c->col + c->col_span <= t->cols);
        for (int32_t r = c->row; r < c->row + c->row_span; r++)
            for (int32_t k = c->col; k < c->col + c->col_span; k++) {
                assert_false(taken[r * t->cols + k]);
                taken[r * t->cols + k] = true;
            }
    }
    free(taken);
}

static void test_spans(void **state)
{
    (void)state;
    /* a spans two rows, b two columns; below b two cells */
    const int s[] = {5, 7, 29, 8, 9, 7, 10, 8, 9, 6, 5, 48, 48, 6, 49, 48};
    struct eng_table_structure t = decode(s, 16);
    check_grid(&t);
    assert_int_equal(t.rows, 2);
    assert_int_equal(t.cols, 3);
    assert_int_equal(t.n_cells, 4);
    assert_int_equal(t.cells[0].row_span, 2);
    assert_int_equal(t.cells[1].col_span, 2);
    assert_int_equal(t.cells[2].col, 1);
    assert_int_equal(t.cells[3].col, 2);
    assert_int_equal(t.n_tokens, 14);
}

static void test_overlapping_spans(void **state)
{
    (void)state;
    /* the second row's first cell wants three columns, but a span from above holds the second */
    const int s[] = {5, 48, 7, 47, 8, 9, 48, 6, 5, 7, 11, 8, 9, 6, 5, 6};
    struct eng_table_structure t = decode(s, 16);
    check_grid(&t);
    assert_int_equal(t.cells[3].col_span, 1);
    assert_int_equal(t.cells[1].row_span, 3);
}

static void test_stray_tokens(void **state)
{
    (void)state;
    const int s[] = {28, 47, 9, 8, 48, 2, 6, 0, 48};
    struct eng_table_structure t = decode(s, 9);
    check_grid(&t);
    assert_int_equal(t.rows, 1);
    assert_int_equal(t.n_cells, 2);
}

static void test_shapes(void **state)
{
    (void)state;
    struct eng_table_structure t;
    static struct eng_layout_regions regions;
    struct eng_tensor c = {corners, 3, {1, 4, 8, 0}}, k = {tokens, 3, {1, 4, 49, 0}};
    struct eng_tensor outputs[8] = {0};
    assert_int_equal(eng_table_decode(&c, &k, 100, arena, &t, NULL), B_FORMAT);
    assert_int_equal(eng_layout_decode(outputs, 100, 100, NULL, &regions, NULL), B_FORMAT);
}

/* One grid cell says "table" with certain distances; its box and its doubles are known. */
static void test_layout_box(void **state)
{
    (void)state;
    static const int cells[4] = {7600, 1900, 475, 130};
    static struct eng_layout_regions regions;
    struct eng_tensor outputs[8];
    float *data[8];
    for (int l = 0; l < 4; l++) {
        data[l] = calloc((size_t)cells[l] * 10, sizeof(float));
        data[4 + l] = calloc((size_t)cells[l] * 32, sizeof(float));
        outputs[l] = (struct eng_tensor){data[l], 3, {1, cells[l], 10, 0}};
        outputs[4 + l] = (struct eng_tensor){data[4 + l], 3, {1, cells[l], 32, 0}};
    }
    for (int i = 200; i < 202; i++) { /* two neighbours of the 19x25 level: the second is a double */
        data[2][i * 10 + ENG_LAYOUT_TABLE] = i == 200 ? 0.9f : 0.8f;
        for (int side = 0; side < 4; side++)
            data[6][i * 32 + side * 8 + 4] = 50; /* four grid steps to every side */
    }
    data[2][200 * 10 + ENG_LAYOUT_FIGURE] = 0.7f;
    assert_int_equal(eng_layout_decode(outputs, 608, 800, NULL, &regions, NULL), B_OK);
    assert_int_equal(regions.n, 2);
    const struct eng_region *r = &regions.at[1];
    assert_int_equal(r->class_of, ENG_LAYOUT_TABLE);
    float x = (200 % 19 + 0.5f) * 32, y = (200 / 19 + 0.5f) * 32;
    assert_float_equal(r->x0, x - 128, 1e-3);
    assert_float_equal(r->y1, y + 128, 1e-3);
    struct eng_layout_options single = {.same_overlap = 0.8f};
    assert_int_equal(eng_layout_decode(outputs, 608, 800, &single, &regions, NULL), B_OK);
    assert_int_equal(regions.n, 1);
    assert_int_equal(regions.at[0].class_of, ENG_LAYOUT_TABLE);
    for (int i = 0; i < 8; i++)
        free(data[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_spans, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_overlapping_spans, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stray_tokens, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_shapes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_layout_box, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
