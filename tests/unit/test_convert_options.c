/* SPDX-License-Identifier: Apache-2.0 */
/* service/convert_options.c: the command line of `docparse convert`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "service/cli.h"
#include "service/convert_options.h"
#include "tests/support/folder.h"

#define MAX_WORDS 16

/* Parses "convert" and the words; returns what svc_convert_options_parse does. */
static int parse(struct svc_convert_options *o, const char *const *words)
{
    char copies[MAX_WORDS][512], *argv[MAX_WORDS + 2];
    int argc = 0;
    (void)snprintf(copies[0], sizeof copies[0], "convert");
    argv[argc++] = copies[0];
    for (; words[argc - 1]; argc++) {
        (void)snprintf(copies[argc], sizeof copies[argc], "%s", words[argc - 1]);
        argv[argc] = copies[argc];
    }
    argv[argc] = NULL;
    return svc_convert_options_parse(argc, argv, o);
}

/* Strings of the options (out_dir...) lie in the words' copies: only numbers are looked at behind this. */
#define PARSE(o, ...) parse(o, (const char *const[]){__VA_ARGS__, NULL})

static void refuses(const char *const *words)
{
    struct svc_convert_options o;
    assert_int_equal(parse(&o, words), SVC_EXIT_USAGE);
    svc_convert_options_free(&o);
}
#define REFUSES(...) refuses((const char *const[]){__VA_ARGS__, NULL})

static void defaults(void **state)
{
    (void)state;
    struct svc_convert_options o;
    assert_int_equal(PARSE(&o, "-"), -1);
    assert_int_equal(o.inputs.count, 1);
    assert_int_equal(o.n_formats, 3);
    assert_string_equal(o.formats[0]->name, "html");
    assert_true(o.output.words && o.jobs >= 1 && o.dpi == 0 && o.n_ranges == 0 && !o.resume);
    assert_int_equal(o.text_layer, DP_TEXT_TRUST);
    svc_convert_options_free(&o);
}

static void values_arrive(void **state)
{
    (void)state;
    struct svc_convert_options o;
    assert_int_equal(PARSE(&o, "--format=md,json,md", "-j3", "--dpi", "300", "--pages=1-3,9,12-", "--text-layer", "off",
                           "--progress=none", "--no-words", "--max-pixels=1000000", "--page-seconds=0", "-"),
                     -1);
    assert_int_equal(o.n_formats, 2);
    assert_string_equal(o.formats[0]->name, "md");
    assert_int_equal(o.jobs, 3);
    assert_true(o.dpi == 300.0 && !o.output.words && o.limits.page_pixels == 1000000 && o.limits.page_seconds == 0);
    assert_int_equal(o.n_ranges, 3);
    assert_true(o.ranges[0].first == 1 && o.ranges[0].last == 3 && o.ranges[1].first == 9 && o.ranges[1].last == 9);
    assert_true(o.ranges[2].first == 12 && o.ranges[2].last == INT32_MAX);
    assert_int_equal(o.text_layer, DP_TEXT_OFF);
    assert_int_equal(o.progress, SVC_PROGRESS_NONE);
    svc_convert_options_free(&o);
}

/* One reader of page lists for every command and for the page of the service. */
static void page_lists(void **state)
{
    (void)state;
    struct dp_page_range r[3];
    assert_int_equal(dp_page_ranges_parse("-4 , 7 - 9,2147483647", r, 3), 3);
    assert_true(r[0].first == 1 && r[0].last == 4 && r[1].first == 7 && r[1].last == 9 && r[2].first == INT32_MAX);
    assert_int_equal(dp_page_ranges_parse("-", r, 3), 1);
    assert_true(r[0].first == 1 && r[0].last == INT32_MAX);
    assert_int_equal(dp_page_ranges_parse("1,2,3,4", r, 3), 4);
    const char *const bad[] = {"", " ", ",", "1,,2", "0", "1-0", "3-2", "2147483648", "99999999999999999999999999", "1x", "1--2", "+1", "1-2-3"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(dp_page_ranges_parse(bad[i], r, 3), 0);
}

static void words_behind_two_dashes_are_inputs(void **state)
{
    (void)state;
    struct svc_convert_options o;
    assert_int_equal(PARSE(&o, "--", "--jobs", "-x"), -1);
    assert_int_equal(o.inputs.count, 2);
    assert_string_equal(o.inputs.items[0].path, "--jobs");
    assert_true(o.inputs.items[0].failed);
    svc_convert_options_free(&o);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    const char *const bad[][2] = {
        {"--jobs=0", "-"},
        {"--jobs=257", "-"},
        {"--jobs=two", "-"},
        {"--jobs=1x", "-"},
        {"--dpi=35", "-"},
        {"--dpi=1201", "-"},
        {"--dpi=", "-"},
        {"--pages=0", "-"},
        {"--pages=3-1", "-"},
        {"--pages=", "-"},
        {"--pages=1,,2", "-"},
        {"--pages=1-2-3", "-"},
        {"--pages=99999999999", "-"},
        {"--format=pdx", "-"},
        {"--format=", "-"},
        {"--format=,", "-"},
        {"--text-layer=maybe", "-"},
        {"--progress=loud", "-"},
        {"--reader=magic", "-"},
        {"--shard=0/2", "-"},
        {"--shard=3/2", "-"},
        {"--shard=1", "-"},
        {"--shard=a/b", "-"},
        {"--output=", "-"},
        {"--max-pages=0", "-"},
        {"--page-seconds=-1", "-"},
        {"--unknown", "-"},
        {"-Z", "-"},
        {"--resume=yes", "-"},
        {"--pa=1", "-"},
        {"--password-file=none", "-"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        REFUSES(bad[i][0], bad[i][1]);
    REFUSES("--jobs");
    REFUSES("--resume");
}

static void password_is_the_first_line(void **state)
{
    (void)state;
    struct t_folder folder;
    char path[300];
    t_folder_make(&folder);
    t_folder_write(&folder, "secret", "pass word\r\nsecond\n");
    (void)snprintf(path, sizeof path, "--password-file=%s/secret", folder.path);
    struct svc_convert_options o;
    assert_int_equal(PARSE(&o, path, "-"), -1);
    assert_string_equal(o.password, "pass word");
    svc_convert_options_free(&o);
    t_folder_remove(&folder);
}

static void shards_and_lists(void **state)
{
    (void)state;
    struct t_folder folder;
    char list[1024], argument[300];
    t_folder_make(&folder);
    (void)snprintf(list, sizeof list, "%s/none-a\n%s/none-b\n%s/none-c\n", folder.path, folder.path, folder.path);
    t_folder_write(&folder, "list", list);
    (void)snprintf(argument, sizeof argument, "--files-from=%s/list", folder.path);
    struct svc_convert_options o;
    assert_int_equal(PARSE(&o, argument, "--shard=2/2", "-"), -1);
    assert_int_equal(o.inputs.count, 2); /* the second of the list, and standard input */
    assert_string_equal(o.inputs.items[1].path, "-");
    svc_convert_options_free(&o);
    t_folder_remove(&folder);
}

static void help_ends_well(void **state)
{
    (void)state;
    struct svc_convert_options o;
    assert_int_equal(PARSE(&o, "--help"), SVC_EXIT_OK);
    svc_convert_options_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(values_arrive),
        cmocka_unit_test(page_lists),
        cmocka_unit_test(words_behind_two_dashes_are_inputs),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(password_is_the_first_line),
        cmocka_unit_test(shards_and_lists),
        cmocka_unit_test(help_ends_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
