/* SPDX-License-Identifier: Apache-2.0 */
/* Layout regions and table structure of the golden pages, from their pictures. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "engine/compact/layout.h"
#include "engine/compact/table.h"
#include "tests/support/png_page.h"

static char path[4096];

static const char *golden(const char *name)
{
    const char *shared = getenv("DP_SHARED");
    snprintf(path, sizeof path, "%s/data/golden-compact/%s", shared ? shared : "../shared", name);
    return path;
}

static struct eng_graph *load_model(const char *name)
{
    const char *models = getenv("DOCPARSE_MODELS");
    struct eng_graph *graph = NULL;
    struct b_err err = {0};
    struct eng_graph_options options = {0};
    snprintf(path, sizeof path, "%s/%s", models ? models : "build/models", name);
    enum b_code code = eng_graph_load(path, &options, &graph, &err);
    if (code == B_NOT_FOUND) {
        printf("SKIP: %s is not there\n", path);
        exit(77);
    }
    assert_int_equal(code, B_OK);
    return graph;
}

static struct b_image load_page(const char *name)
{
    struct b_image image;
    struct b_err err = {0};
    enum b_code code = t_png_page(golden(name), &image, &err);
    if (code == B_NOT_FOUND) {
        printf("SKIP: %s is not there\n", path);
        exit(77);
    }
    assert_int_equal(code, B_OK);
    return image;
}

static double number_at(const json_t *list, size_t i)
{
    return json_number_value(json_array_get(list, i));
}

/* Every golden region has its own among ours, and there are no others. */
static void check_regions(const struct eng_layout_regions *got, const json_t *want)
{
    bool used[ENG_LAYOUT_MAX_REGIONS] = {false};
    assert_int_equal(got->n, json_array_size(want));
    for (size_t i = 0; i < json_array_size(want); i++) {
        const json_t *w = json_array_get(want, i), *box = json_object_get(w, "box_xyxy");
        size_t k = 0;
        for (; k < got->n; k++) {
            const struct eng_region *r = &got->at[k];
            if (!used[k] &&
                strcmp(eng_layout_class_name(r->class_of), json_string_value(json_object_get(w, "class"))) == 0 &&
                fabs((double)r->score - json_number_value(json_object_get(w, "score"))) <= 2e-4 &&
                fabs((double)r->x0 - number_at(box, 0)) <= 0.5 && fabs((double)r->y0 - number_at(box, 1)) <= 0.5 &&
                fabs((double)r->x1 - number_at(box, 2)) <= 0.5 && fabs((double)r->y1 - number_at(box, 3)) <= 0.5)
                break;
        }
        if (k == got->n) {
            for (size_t j = 0; j < got->n; j++)
                printf("  %s %f: %f %f %f %f\n", eng_layout_class_name(got->at[j].class_of), (double)got->at[j].score,
                       (double)got->at[j].x0, (double)got->at[j].y0, (double)got->at[j].x1, (double)got->at[j].y1);
            fail_msg("region %zu is missing", i);
        }
        used[k] = true;
    }
}

static void test_layout(void **state)
{
    (void)state;
    struct eng_graph *graph = load_model("layout_cdla.onnx");
    struct eng_layout *layout;
    static struct eng_layout_regions regions;
    assert_int_equal(eng_layout_new(graph, 1, &layout, NULL), B_OK);
    for (char page = 'a'; page <= 'c'; page++) {
        char name[32];
        snprintf(name, sizeof name, "page_%c.png", page);
        struct b_image image = load_page(name);
        snprintf(name, sizeof name, "page_%c.json", page);
        json_t *want = json_load_file(golden(name), 0, NULL);
        assert_int_equal(eng_layout_find(layout, b_image_view_of(&image), NULL, &regions, NULL, NULL), B_OK);
        check_regions(&regions, json_object_get(want, "layout"));
        if (page == 'a') { /* a column is text and reference both: the better one stays */
            struct eng_layout_options single = {.same_overlap = 0.8f};
            size_t all = regions.n;
            assert_int_equal(eng_layout_find(layout, b_image_view_of(&image), &single, &regions, NULL, NULL), B_OK);
            assert_int_equal(regions.n, all - 2);
        }
        json_decref(want);
        b_image_free(&image);
    }
    eng_layout_drop(layout);
    eng_graph_drop(graph);
}

static const char *token_text(uint8_t token)
{
    static const char *const names[] = {"",     "<thead>", "</thead>", "<tbody>", "</tbody>",
                                        "<tr>", "</tr>",   "<td",      ">",       "</td>"};
    if (token == ENG_TABLE_CELL)
        return "<td></td>";
    return token < 10 ? names[token] : "span";
}

static void test_table(void **state)
{
    (void)state;
    struct eng_graph *graph = load_model("slanet-plus.onnx");
    struct eng_table_net *net;
    struct b_arena *arena = b_arena_new(16 << 20);
    struct eng_table_structure table;
    struct b_image image = load_page("page_b_table.png");
    json_t *page = json_load_file(golden("page_b.json"), 0, NULL), *want = json_object_get(page, "table");
    json_t *tokens = json_object_get(want, "tokens"), *cells = json_object_get(want, "cells");
    assert_int_equal(eng_table_net_new(graph, 1, &net, NULL), B_OK);
    assert_int_equal(eng_table_read(net, b_image_view_of(&image), arena, &table, NULL, NULL), B_OK);
    /* The golden list is wrapped in three tags on either side, which the network does not say. */
    assert_int_equal(table.n_tokens, json_array_size(tokens) - 6);
    for (size_t i = 0; i < table.n_tokens; i++)
        assert_string_equal(token_text(table.tokens[i]), json_string_value(json_array_get(tokens, i + 3)));
    assert_int_equal(table.n_cells, json_array_size(cells));
    for (size_t i = 0; i < table.n_cells; i++)
        for (size_t k = 0; k < 8; k++)
            assert_float_equal(table.cells[i].corners[k], number_at(json_array_get(cells, i), k), 0.2);
    assert_int_equal(table.rows, 5);
    assert_int_equal(table.cols, 4);
    json_decref(page);
    b_image_free(&image);
    b_arena_drop(arena);
    eng_table_net_drop(net);
    eng_graph_drop(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_layout), cmocka_unit_test(test_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
