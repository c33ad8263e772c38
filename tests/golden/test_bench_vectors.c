/* SPDX-License-Identifier: Apache-2.0 */
/* Every stage of the metrics against recorded inputs and outputs of the official evaluators. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "service/bench/md_filter.h"
#include "service/bench/norm.h"
#include "service/bench/teds.h"
#include "service/bench/vqa.h"

static struct bm_mem mem;

static int set_up(void **state)
{
    (void)state;
    mem = (struct bm_mem){b_arena_new(1u << 30), b_arena_new(1u << 30), false};
    return mem.arena && mem.scratch ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    b_arena_drop(mem.arena);
    b_arena_drop(mem.scratch);
    return 0;
}

/* The lines of a .jsonl file of the shared vectors. */
static json_t *load_lines(const char *name)
{
    const char *shared = getenv("DP_SHARED");
    char path[4096];
    assert_non_null(shared);
    snprintf(path, sizeof path, "%s/data/bench/%s", shared, name);
    FILE *file = fopen(path, "rb");
    if (!file) {
        printf("SKIP: %s is not there\n", path);
        exit(77);
    }
    json_t *rows = json_array();
    json_error_t error;
    json_t *row;
    while ((row = json_loadf(file, JSON_DISABLE_EOF_CHECK, &error)))
        json_array_append_new(rows, row);
    fclose(file);
    return rows;
}

static struct bm_str str_of(const json_t *row, const char *key)
{
    const json_t *value = json_object_get(row, key);
    return bm_decode(&mem, json_string_value(value), json_string_length(value));
}

static void expect_same(struct bm_str got, const json_t *row, const char *key, size_t i, size_t *wrong)
{
    struct bm_str want = str_of(row, key);
    if (bm_equal(got, want))
        return;
    if ((*wrong)++ < 5)
        printf("row %zu\n  got  %s\n  want %s\n", i, bm_utf8(&mem, got), bm_utf8(&mem, want));
}

static void test_texts(void **state)
{
    (void)state;
    json_t *rows = load_lines("vectors/v15_text_norm.jsonl"), *row;
    size_t i, wrong = 0;
    json_array_foreach(rows, i, row)
    {
        struct bm_str plain = bm_inline_to_text(&mem, str_of(row, "in"));
        expect_same(plain, row, "textblock2unicode", i, &wrong);
        expect_same(bm_only_words(&mem, plain), row, "clean_string", i, &wrong);
    }
    assert_int_equal(i, 217);
    json_decref(rows);
    assert_int_equal(wrong, 0);
}

static void test_formulas(void **state)
{
    (void)state;
    json_t *rows = load_lines("vectors/v15_formula_norm.jsonl"), *row;
    size_t i, wrong = 0;
    json_array_foreach(rows, i, row)
    {
        expect_same(bm_norm_formula(&mem, str_of(row, "in"), BM_V1_5), row, "out", i, &wrong);
    }
    assert_int_equal(i, 178);
    json_decref(rows);
    assert_int_equal(wrong, 0);
}

static void test_tables(void **state)
{
    (void)state;
    json_t *rows = load_lines("vectors/v15_table_norm.jsonl"), *row;
    size_t i, wrong = 0;
    json_array_foreach(rows, i, row)
    {
        expect_same(bm_norm_table(&mem, str_of(row, "in"), BM_V1_5), row, "out", i, &wrong);
    }
    assert_int_equal(i, 46);
    json_decref(rows);
    assert_int_equal(wrong, 0);
}

static void test_teds(void **state)
{
    (void)state;
    json_t *rows = load_lines("vectors/teds.jsonl"), *row;
    size_t i, wrong = 0;
    json_array_foreach(rows, i, row)
    {
        struct bm_str pred = str_of(row, "pred"), gt = str_of(row, "gt");
        double teds = bm_teds(&mem, pred, gt, false), structure = bm_teds(&mem, pred, gt, true);
        double want = json_number_value(json_object_get(row, "TEDS"));
        double want_s = json_number_value(json_object_get(row, "TEDS_S"));
        if (fabs(teds - want) > 1e-9 || fabs(structure - want_s) > 1e-9) {
            printf("row %zu: %.12f %.12f, want %.12f %.12f\n", i, teds, structure, want, want_s);
            wrong++;
        }
    }
    assert_int_equal(i, 146);
    json_decref(rows);
    assert_int_equal(wrong, 0);
}

static const char *category_of(const struct bm_piece *piece)
{
    static const char *const names[] = {"text_all", "equation_isolated", "html_table", "latex_table"};
    return names[piece->kind];
}

static const char *fine_of(const struct bm_piece *piece)
{
    static const char *const names[] = {NULL, "text_block", "code", "equation_inline", "md2html_table"};
    return names[piece->fine];
}

/* The recorded items are grouped by category; ours are one list by position. */
static void check_page(const json_t *row, struct bm_pieces pieces, size_t *wrong)
{
    const json_t *items = json_object_get(row, "items");
    size_t seen = 0;
    for (int kind = BM_TEXT; kind <= BM_LATEX_TABLE; kind++) {
        struct bm_piece probe = {.kind = (enum bm_piece_kind)kind};
        const json_t *want = json_object_get(items, category_of(&probe));
        size_t k = 0;
        for (size_t i = 0; i < pieces.n; i++) {
            const struct bm_piece *p = &pieces.at[i];
            if ((int)p->kind != kind)
                continue;
            const json_t *w = json_array_get(want, k++);
            const json_t *pos = json_object_get(w, "position");
            const char *fine = json_string_value(json_object_get(w, "fine_category_type"));
            bool same = w && bm_equal(p->content, str_of(w, "content")) &&
                        json_integer_value(json_array_get(pos, 0)) == (json_int_t)p->start &&
                        (fine ? fine_of(p) && strcmp(fine, fine_of(p)) == 0 : fine_of(p) == NULL);
            if (!same && (*wrong)++ < 5)
                printf("%s: %s %zu at %zu: %s\n", json_string_value(json_object_get(row, "file")), category_of(p), k,
                       p->start, bm_utf8(&mem, p->content));
        }
        if (k != json_array_size(want))
            (*wrong)++;
        seen += k;
    }
    assert_int_equal(seen, pieces.n);
}

static void test_filter(void **state)
{
    (void)state;
    json_t *rows = load_lines("vectors/v15_md_filter.jsonl"), *row;
    size_t i, wrong = 0;
    json_array_foreach(rows, i, row)
    {
        const char *file = json_string_value(json_object_get(row, "file"));
        const char *name = strrchr(file, '/') + 1;
        char path[4096];
        snprintf(path, sizeof path, "%s/data/bench/omnidocbench-demo/%s/%s", getenv("DP_SHARED"),
                 strncmp(file, "end2end", 7) == 0 ? "pred-sample" : "gt-markdown", name);
        FILE *in = fopen(path, "rb");
        assert_non_null(in);
        static char text[1 << 20];
        size_t n = fread(text, 1, sizeof text, in);
        fclose(in);
        check_page(row, bm_md_filter(&mem, bm_decode(&mem, text, n), BM_V1_5), &wrong);
    }
    assert_int_equal(i, 36);
    json_decref(rows);
    assert_int_equal(wrong, 0);
}

static size_t strings_of(const json_t *row, const char *key, struct bm_str *out)
{
    const json_t *list = json_object_get(row, key);
    size_t n = json_array_size(list);
    assert_true(n <= 16);
    for (size_t i = 0; i < n; i++) {
        const json_t *value = json_array_get(list, i);
        out[i] = bm_decode(&mem, json_string_value(value), json_string_length(value));
    }
    return n;
}

static void expect_score(double got, const json_t *row, const char *key, size_t i)
{
    const json_t *value = json_object_get(row, key);
    double want = json_is_boolean(value) ? json_is_true(value) : json_number_value(value);
    if (fabs(got - want) > 1e-12) {
        printf("row %zu: %s\n", i, bm_utf8(&mem, str_of(row, "pred")));
        assert_float_equal(got, want, 1e-12);
    }
}

static void test_answers(void **state)
{
    (void)state;
    struct bm_str a[16];
    json_t *rows = load_lines("vectors/anls.jsonl"), *row;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        size_t n = strings_of(row, "answers", a);
        expect_score(bm_anls(&mem, str_of(row, "pred"), a, n), row, "anls", i);
    }
    assert_int_equal(i, 15);
    json_decref(rows);
    rows = load_lines("vectors/chartqa_relaxed.jsonl");
    json_array_foreach(rows, i, row)
    {
        expect_score(bm_relaxed(&mem, str_of(row, "pred"), str_of(row, "target")), row, "correct", i);
    }
    assert_int_equal(i, 20);
    json_decref(rows);
    rows = load_lines("vectors/textvqa_acc.jsonl");
    json_array_foreach(rows, i, row)
    {
        size_t n = strings_of(row, "answers", a), wrong = 0;
        expect_same(bm_vqa_norm(&mem, str_of(row, "pred")), row, "norm_pred", i, &wrong);
        assert_int_equal(wrong, 0);
        expect_score(bm_vqa_accuracy(&mem, str_of(row, "pred"), a, n), row, "acc", i);
    }
    assert_int_equal(i, 12);
    json_decref(rows);
    rows = load_lines("vectors/ocrbench.jsonl");
    json_array_foreach(rows, i, row)
    {
        size_t n = strings_of(row, "answers", a);
        bool formula = strcmp(json_string_value(json_object_get(row, "dataset_name")), "HME100k") == 0;
        expect_score(bm_ocrbench(&mem, str_of(row, "pred"), a, n, formula), row, "score", i);
    }
    assert_int_equal(i, 180);
    json_decref(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_texts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_formulas, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tables, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_teds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_filter, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_answers, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
