/* SPDX-License-Identifier: Apache-2.0 */
/* The evaluation of the 18 shared pages against the official evaluators' results, every figure of them: by
 * element, by page attribute, by block attribute; and its time. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <jansson.h>

#include "service/bench/omnidocbench.h"

static char path[4096];

static const char *shared(const char *name)
{
    const char *root = getenv("DP_SHARED");
    snprintf(path, sizeof path, "%s/data/bench/%s", root ? root : "../shared", name);
    return path;
}

static char *read_text(const char *name, size_t *len)
{
    FILE *file = fopen(name, "rb");
    if (!file)
        return NULL;
    char *text = malloc(1 << 20);
    assert_non_null(text);
    *len = fread(text, 1, (1 << 20) - 1, file);
    fclose(file);
    return text;
}

static struct bm_odb *score_all(const char *folder, enum bm_version version)
{
    struct bm_odb *odb;
    struct b_err err = {0};
    assert_int_equal(bm_odb_open(shared("omnidocbench-demo/OmniDocBench_demo.json"), version, &odb, &err), B_OK);
    assert_int_equal(bm_odb_pages(odb), 18);
    for (size_t i = 0; i < bm_odb_pages(odb); i++) {
        char name[1024];
        const char *image = bm_odb_image(odb, i);
        size_t len = 0;
        snprintf(name, sizeof name, "omnidocbench-demo/%s/%.*s.md", folder, (int)strlen(image) - 4, image);
        char *text = read_text(shared(name), &len);
        assert_non_null(text);
        assert_int_equal(bm_odb_score(odb, i, text, len, &err), B_OK);
        free(text);
    }
    return odb;
}

static const struct bm_figure *figure(const struct bm_figure *f, size_t n, int e, int m, const char *scope,
                                      const char *label)
{
    for (size_t i = 0; i < n; i++)
        if ((int)f[i].element == e && (int)f[i].measure == m && strcmp(f[i].scope, scope) == 0 &&
            strcmp(f[i].label, label) == 0)
            return &f[i];
    return NULL;
}

/* Golden results hold NaN, which is no JSON: read as 0. */
static json_t *load_golden(const char *name)
{
    size_t len = 0;
    char *text = read_text(name, &len);
    if (!text)
        return NULL;
    text[len] = 0;
    for (char *at = strstr(text, "NaN"); at; at = strstr(at, "NaN"))
        memcpy(at, " 0 ", 3);
    json_t *json = json_loads(text, 0, NULL);
    free(text);
    return json;
}

static void compare(const char *folder, enum bm_version version, const char *golden, double tolerance, size_t least)
{
    json_t *want = load_golden(shared(golden));
    if (!want) {
        printf("SKIP: %s is not there\n", path);
        exit(77);
    }
    struct bm_odb *odb = score_all(folder, version);
    const struct bm_figure *got;
    size_t n, compared = 0, wrong = 0;
    assert_int_equal(bm_odb_figures(odb, &got, &n, NULL), B_OK);
    for (int e = 0; e < BM_ELEMENTS; e++)
        for (int m = 0; m < BM_MEASURES; m++)
            for (int s = 0; s < 3; s++) {
                static const char *const scopes[] = {"all", "page", "group"};
                json_t *part = json_object_get(json_object_get(want, bm_element_name((enum bm_element)e)), scopes[s]);
                json_t *values = json_object_get(part, bm_measure_name((enum bm_measure)m));
                const char *label;
                json_t *value;
                json_object_foreach(values, label, value)
                {
                    const struct bm_figure *f = figure(got, n, e, m, scopes[s], label);
                    double v = json_number_value(value);
                    compared++;
                    if (f && fabs(f->value - v) <= tolerance)
                        continue;
                    if (wrong++ < 12)
                        printf("%s %s: %s %s %s %s: %f, want %f\n", folder, golden, bm_element_name((enum bm_element)e),
                               bm_measure_name((enum bm_measure)m), scopes[s], label, f ? f->value : NAN, v);
                }
            }
    json_decref(want);
    bm_odb_close(odb);
    printf("%s: %zu of %zu figures agree\n", golden, compared - wrong, compared);
    assert_true(compared >= least);
    assert_int_equal(wrong, 0);
}

static void test_v15(void **state)
{
    (void)state;
    compare("pred-sample", BM_V1_5, "omnidocbench-golden/v1.5/end2end.metric_result.json", 1e-9, 100);
    compare("gt-markdown", BM_V1_5, "omnidocbench-golden/v1.5/mds.metric_result.json", 1e-9, 100);
}

static void test_v10(void **state)
{
    (void)state;
    compare("pred-sample", BM_V1_0, "omnidocbench-golden/v1.0/end2end.metric_result.json", 1e-9, 100);
    compare("gt-markdown", BM_V1_0, "omnidocbench-golden/v1.0/mds.metric_result.json", 1e-9, 100);
}

static void test_v16(void **state)
{
    (void)state;
    compare("pred-sample", BM_V1_6, "omnidocbench-golden/v1.6/end2end.metric_result.json", 1e-9, 100);
    compare("gt-markdown", BM_V1_6, "omnidocbench-golden/v1.6/mds.metric_result.json", 1e-9, 100);
}

static void test_time(void **state)
{
    (void)state;
    clock_t before;
    for (int v = BM_V1_5; v <= BM_V1_6; v++) {
        before = clock();
        bm_odb_close(score_all("pred-sample", (enum bm_version)v));
        double seconds = (double)(clock() - before) / CLOCKS_PER_SEC;
        printf("18 pages in %.2f s of one core by version 1.%d\n", seconds, v == BM_V1_5 ? 5 : 6);
        assert_true(seconds < 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_v15),
        cmocka_unit_test(test_v10),
        cmocka_unit_test(test_v16),
        cmocka_unit_test(test_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
