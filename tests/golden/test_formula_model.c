/* SPDX-License-Identifier: Apache-2.0 */
/* The shipped reader of formulas on a page of formulas in a font that it was not trained on: formulas/sheet.png, whose
 * boxes and LaTeX are in sheet.txt (engine/training/sheet.py made both). Holds how many are right, that what it is sure
 * of is right, and that neither threads nor company change an answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "docparse/formula_reader.h"
#include "tests/support/png_page.h"

enum {
    MOST = 64,
    RIGHT_PERCENT = 8, /* of all: 7 of 60 were right when the model was shipped */
    WRONG_PERCENT = 25 /* of what it is sure of */
};
static struct b_image page;
static struct dp_formula_region regions[MOST];
static char wanted[MOST][256];
static size_t count;
static struct dp_formula_model *model;
static struct b_arena *arena;

static int set_up(void **state)
{
    (void)state;
    char path[4096], line[512];
    struct b_err err = {0};
    (void)snprintf(path, sizeof path, "%s/tests/golden/formulas/sheet.png", getenv("DP_SOURCE"));
    assert_int_equal(t_png_page(path, &page, &err), B_OK);
    (void)snprintf(path, sizeof path, "%s/tests/golden/formulas/sheet.txt", getenv("DP_SOURCE"));
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (count < MOST && fgets(line, sizeof line, f)) {
        char *end = line;
        struct dp_formula_region *r = &regions[count];
        r->em = strtof(end, &end);
        float *const sides[] = {&r->box.x0, &r->box.y0, &r->box.x1, &r->box.y1};
        for (int i = 0; i < 4; i++)
            *sides[i] = strtof(end, &end);
        end += strspn(end, " ");
        end[strcspn(end, "\n")] = '\0';
        (void)snprintf(wanted[count++], sizeof wanted[0], "%s", end);
    }
    fclose(f);
    (void)snprintf(path, sizeof path, "%s/engine/models/formula", getenv("DP_SOURCE"));
    assert_int_equal(dp_formula_model_open(path, &model, &err), B_OK);
    arena = b_arena_new(1 << 24);
    return arena && count >= 20 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    dp_formula_model_drop(model);
    b_arena_drop(arena);
    b_image_free(&page);
    return 0;
}

static void read_all(int threads, size_t at_a_time, struct dp_formula_reading *out)
{
    struct dp_formula_reader *reader;
    struct b_err err = {0};
    assert_int_equal(dp_formula_reader_new(model, threads, &reader, &err), B_OK);
    for (size_t i = 0; i < count; i += at_a_time)
        assert_int_equal(dp_formula_reader_read(reader, b_image_view_of(&page), regions + i,
                                                count - i < at_a_time ? count - i : at_a_time, arena, out + i, NULL,
                                                &err),
                         B_OK);
    dp_formula_reader_drop(reader);
}

static void reads_formulas(void **state)
{
    (void)state;
    struct dp_formula_reading got[MOST];
    size_t right = 0, sure = 0, wrong = 0;
    read_all(2, MOST, got);
    for (size_t i = 0; i < count; i++) {
        const bool fits = got[i].latex && strcmp(got[i].latex, wanted[i]) == 0;
        const bool is_sure = got[i].confidence >= DP_FORMULA_READING_SURE;
        right += fits;
        sure += is_sure;
        wrong += is_sure && !fits;
        print_message("%.2f %s %s   (%s)\n", (double)got[i].confidence, fits ? "right" : "WRONG",
                      got[i].latex ? got[i].latex : "nothing", wanted[i]);
    }
    print_message("%zu of %zu right; %zu sure, %zu of them wrong\n", right, count, sure, wrong);
    assert_true(right * 100 >= count * RIGHT_PERCENT);
    assert_true(wrong * 100 <= sure * WRONG_PERCENT);
    assert_true(sure > 0); /* it does not keep everything to itself */
}

static void answers_do_not_depend_on_company(void **state)
{
    (void)state;
    struct dp_formula_reading all[MOST], one[MOST];
    read_all(2, MOST, all);
    read_all(1, 1, one);
    for (size_t i = 0; i < count; i++) {
        assert_true(all[i].confidence == one[i].confidence && !all[i].latex == !one[i].latex);
        assert_true(!all[i].latex || strcmp(all[i].latex, one[i].latex) == 0);
    }
}

int main(void)
{
    char path[4096];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/engine/models/formula/model.safetensors", getenv("DP_SOURCE"));
    if (stat(path, &st) != 0) {
        printf("SKIP: no model in engine/models/formula\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_formulas),
        cmocka_unit_test(answers_do_not_depend_on_company),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
