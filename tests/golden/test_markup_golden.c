/* SPDX-License-Identifier: Apache-2.0 */
/* Real model outputs against reviewed expectations (tests/golden/markup), whole, byte by byte, and cut at
 * every place. The outputs lie beside the repository and are not part of it. With --generate the program
 * writes the expectations anew, for review. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <jansson.h>

#include "tests/support/markup_dump.h"
#include "tests/support/markup_same.h"

#define MAX_BYTES 65536
#define ARENA ((size_t)64 << 20)

static char *folder; /* of the samples */

struct sample {
    char name[128];
    char data[MAX_BYTES];
    size_t size;
    bool relative, truncated;
    int32_t image[2], frame[2];
};

static void read_pair(json_t *item, const char *key, int32_t out[2])
{
    json_t *pair = json_object_get(item, key);
    for (size_t i = 0; i < 2; i++)
        out[i] = (int32_t)json_integer_value(json_array_get(pair, i));
}

static void load(json_t *item, struct sample *s)
{
    char path[4096];
    memset(s, 0, sizeof *s);
    (void)snprintf(s->name, sizeof s->name, "%s", json_string_value(json_object_get(item, "file")));
    (void)snprintf(path, sizeof path, "%s/%s", folder, s->name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    s->size = fread(s->data, 1, sizeof s->data, f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(s->size, json_integer_value(json_object_get(item, "bytes")));
    s->relative = strncmp(s->name, "qwen3vl", 7) == 0;
    s->truncated = json_is_true(json_object_get(item, "truncated"));
    read_pair(item, "image_size", s->image);
    read_pair(item, "model_size", s->frame);
}

static json_t *read_index(void)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/index.json", folder);
    json_t *root = json_load_file(path, 0, NULL);
    assert_non_null(root);
    return root;
}

/* Parses size bytes in pieces of `step` (0: at once). */
static struct dp_page *parse(const struct sample *s, size_t size, size_t step, struct dp_markup_result *result)
{
    struct dp_page *page = NULL;
    struct dp_markup *m = NULL;
    struct b_err err;
    struct dp_markup_options o = dp_markup_options_default();
    o.unit = s->relative ? DP_MARKUP_THOUSANDTHS : DP_MARKUP_FRAME_PIXELS;
    o.frame_width = s->frame[0];
    o.frame_height = s->frame[1];
    assert_int_equal(dp_page_new(1, ARENA, &page, &err), B_OK);
    page->width = s->image[0];
    page->height = s->image[1];
    assert_int_equal(dp_markup_new(page, &o, &m, &err), B_OK);
    for (size_t at = 0; at < size;) {
        const size_t n = step && step < size - at ? step : size - at;
        char *copy = malloc(n); /* exact, so that the address sanitizer sees reads behind it */
        assert_non_null(copy);
        memcpy(copy, s->data + at, n);
        assert_int_equal(dp_markup_push(m, copy, n, &err), B_OK);
        free(copy);
        at += n;
    }
    const enum dp_markup_stop stop = s->truncated || size < s->size ? DP_MARKUP_STOP_LENGTH : DP_MARKUP_STOP_TOKEN;
    assert_int_equal(dp_markup_finish(m, stop, result, &err), B_OK);
    dp_markup_drop(m);
    if (dp_page_check(page, &err) != B_OK)
        fail_msg("%s: %s", s->name, err.message);
    return page;
}

static void expected_path(const struct sample *s, char *path, size_t size)
{
    const char *source = getenv("DP_SOURCE");
    (void)snprintf(path, size, "%s/tests/golden/markup/%s.json", source ? source : ".", s->name);
}

static void generate(const struct sample *s)
{
    char path[4096];
    struct dp_markup_result result;
    struct dp_page *page = parse(s, s->size, 0, &result);
    json_t *got = t_markup_json(page, &result);
    expected_path(s, path, sizeof path);
    assert_int_equal(json_dump_file(got, path, JSON_INDENT(1) | JSON_PRESERVE_ORDER), 0);
    json_decref(got);
    dp_page_drop(page);
}

static void compare(const struct sample *s)
{
    char path[4096];
    struct dp_markup_result result;
    struct dp_page *page = parse(s, s->size, 0, &result);
    json_t *got = t_markup_json(page, &result);
    expected_path(s, path, sizeof path);
    json_t *expected = json_load_file(path, 0, NULL);
    if (!expected)
        fail_msg("no expectation %s", path);
    if (!json_equal(got, expected)) {
        char *text = json_dumps(got, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
        fail_msg("%s differs from its expectation:\n%s", s->name, text);
    }
    json_decref(expected);
    json_decref(got);
    dp_page_drop(page);
}

static void for_each(void (*step)(const struct sample *s))
{
    static struct sample s;
    size_t i;
    json_t *item, *root = read_index();
    json_array_foreach(json_object_get(root, "items"), i, item)
    {
        load(item, &s);
        step(&s);
    }
    assert_int_equal(i, 15);
    json_decref(root);
}

static void test_expectations(void **state)
{
    (void)state;
    for_each(compare);
}

static void pieces(const struct sample *s)
{
    static const size_t steps[] = {1, 2, 3, 7, 64, 1000};
    struct dp_markup_result whole, result;
    struct dp_page *page = parse(s, s->size, 0, &whole);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct dp_page *other = parse(s, s->size, steps[i], &result);
        const char *what = t_markup_difference(page, other);
        if (!what)
            what = t_markup_result_difference(&whole, &result);
        if (what)
            fail_msg("%s in pieces of %zu: %s differs", s->name, steps[i], what);
        dp_page_drop(other);
    }
    dp_page_drop(page);
}

static void test_pieces(void **state)
{
    (void)state;
    for_each(pieces);
}

/* Every block of a prefix but the last was complete, so the whole answer has it too: lists grow, and captions
 * are known by what follows. */
static void still_there(const struct sample *s, size_t size, const struct dp_page *part, const struct dp_page *whole)
{
    for (int32_t i = 0; i + 1 < part->n_blocks; i++) {
        const struct dp_block *a = &part->blocks[i], *b = &whole->blocks[i];
        const bool caption =
            (a->type == DP_CAPTION || a->type == DP_PARAGRAPH) && (b->type == DP_CAPTION || b->type == DP_PARAGRAPH);
        if (i >= whole->n_blocks || (a->type != b->type && !caption) || strcmp(a->text, b->text) != 0 ||
            (a->type != DP_LIST && memcmp(&a->bbox, &b->bbox, sizeof a->bbox) != 0))
            fail_msg("%s cut at %zu: block %d is not the whole answer's", s->name, size, i);
    }
}

/* No prefix may crash or break the page, and what was complete stays. */
static void prefixes(const struct sample *s)
{
    struct dp_markup_result result;
    struct dp_page *whole = parse(s, s->size, 0, &result);
    for (size_t size = 0; size < s->size; size++) {
        struct dp_page *page = parse(s, size, 0, &result);
        assert_true(size == 0 || result.truncated);
        still_there(s, size, page, whole);
        dp_page_drop(page);
    }
    dp_page_drop(whole);
}

static void test_prefixes(void **state)
{
    (void)state;
    for_each(prefixes);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expectations),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_prefixes),
    };
    static char path[4096];
    struct stat st;
    const char *shared = getenv("DP_SHARED");
    (void)snprintf(path, sizeof path, "%s/data/qwenvl-samples", shared ? shared : "../shared");
    folder = path;
    if (stat(path, &st) != 0) {
        printf("SKIP: no samples in %s\n", path);
        return 77;
    }
    if (argc > 1 && strcmp(argv[1], "--generate") == 0) {
        for_each(generate);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
