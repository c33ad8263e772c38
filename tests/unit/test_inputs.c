/* SPDX-License-Identifier: Apache-2.0 */
/* service/inputs.c and suggest.c: what arguments expand to, and how results are named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "output/writer.h"
#include "service/inputs.h"
#include "service/suggest.h"
#include "tests/support/folder.h"

struct fixture {
    struct t_folder folder;
    struct svc_inputs inputs;
    struct b_err err;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    t_folder_make(&f->folder);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    t_folder_remove(&f->folder);
    svc_inputs_free(&f->inputs);
    free(f);
    return 0;
}

static void add(struct fixture *f, const char *name)
{
    char path[1024];
    assert_int_equal(svc_inputs_add(&f->inputs, t_folder_at(&f->folder, name, path, sizeof path), &f->err), B_OK);
}

static void name(struct fixture *f)
{
    assert_int_equal(svc_inputs_name(&f->inputs, &f->err), B_OK);
}

/* Checks the stems in order, "" ends them. */
static void expect_stems(const struct fixture *f, const char *const *stems)
{
    size_t n = 0;
    for (; stems[n][0]; n++) {
        assert_true(n < f->inputs.count);
        assert_string_equal(f->inputs.items[n].stem, stems[n]);
    }
    assert_int_equal(f->inputs.count, n);
}
#define EXPECT_STEMS(f, ...) expect_stems(f, (const char *const[]){__VA_ARGS__, ""})

static void folders_are_searched_in_order(void **state)
{
    struct fixture *f = *state;
    const char *const files[] = {"in/b.PDF",  "in/a.tiff", "in/2024/deep/c.jpeg", "in/notes.txt", "in/.hidden/x.png",
                                 "in/.x.png", "in/z.webp"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        t_folder_write(&f->folder, files[i], "x");
    for (const struct out_format *o = out_formats(); o->name; o++) {
        char side[256]; /* what an earlier run left beside its inputs */
        (void)snprintf(side, sizeof side, "in/t%s/figure-1.png", o->extension);
        if (o->side_outputs)
            t_folder_write(&f->folder, side, "x");
    }
    add(f, "in");
    name(f);
    EXPECT_STEMS(f, "2024/deep/c", "a", "b", "z");
    assert_non_null(strstr(f->inputs.items[0].path, "/in/2024/deep/c.jpeg"));
}

static void output_folder_is_left_out(void **state)
{
    struct fixture *f = *state;
    char path[1024];
    t_folder_write(&f->folder, "in/a.png", "x");
    t_folder_write(&f->folder, "in/out/b.png", "x");
    svc_inputs_skip_folder(&f->inputs, t_folder_at(&f->folder, "in/out", path, sizeof path));
    add(f, "in");
    name(f);
    EXPECT_STEMS(f, "a");
    svc_inputs_skip_folder(&f->inputs, t_folder_at(&f->folder, "none", path, sizeof path));
    add(f, "in");
    assert_int_equal(f->inputs.count, 3);
}

static void collisions_keep_extensions(void **state)
{
    struct fixture *f = *state;
    const char *const files[] = {"a.pdf", "a.tif", "b.pdf", "one/c.pdf", "two/c.pdf", ".pdf", "noext", "d.alto.tif"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        t_folder_write(&f->folder, files[i], "x");
        add(f, files[i]);
    }
    name(f);
    EXPECT_STEMS(f, "a.pdf", "a.tif", "b", "c.pdf", "c.pdf~2", ".pdf", "noext", "d.alto.tif");
}

static void numbered_names_stay_different(void **state)
{
    struct fixture *f = *state;
    const char *const files[] = {"1/a.pdf", "2/a.pdf", "3/a.pdf", "a.pdf~2.png", "4/a.pdf"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        t_folder_write(&f->folder, files[i], "x");
        add(f, files[i]);
    }
    name(f);
    for (size_t i = 0; i < f->inputs.count; i++)
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(f->inputs.items[i].stem, f->inputs.items[k].stem);
    assert_string_equal(f->inputs.items[0].stem, "a.pdf");
}

static void shards_share_the_work(void **state)
{
    struct fixture *f = *state;
    static const char *const all[3][3] = {{"0", "3", ""}, {"1", "4", ""}, {"2", "5", ""}};
    for (size_t shard = 1; shard <= 3; shard++) {
        for (int i = 0; i < 6; i++) {
            char file[16];
            (void)snprintf(file, sizeof file, "%d.pdf", i);
            t_folder_write(&f->folder, file, "x");
            add(f, file);
        }
        name(f);
        svc_inputs_shard(&f->inputs, shard, 3);
        expect_stems(f, all[shard - 1]);
        svc_inputs_free(&f->inputs);
    }
}

static void lists_name_by_whole_path(void **state)
{
    struct fixture *f = *state;
    char list[2048], path[1024], argument[1100];
    t_folder_write(&f->folder, "x/a.pdf", "x");
    t_folder_write(&f->folder, "x/in/b.pdf", "x");
    const char *base = f->folder.path;
    (void)snprintf(list, sizeof list, "%s/x//./a.pdf\r\n\n%s/x/in\n%s/../none.pdf\n@other\n-", base, base, base);
    t_folder_write(&f->folder, "list", list);
    (void)snprintf(argument, sizeof argument, "@%s", t_folder_at(&f->folder, "list", path, sizeof path));
    assert_int_equal(svc_inputs_add(&f->inputs, argument, &f->err), B_OK);
    assert_int_equal(f->inputs.count, 3);
    const char *stem = f->inputs.items[0].stem;
    assert_true(stem[0] != '/' && stem[0] != '.');
    assert_non_null(strstr(stem, "docparse-test-"));
    assert_string_equal(strstr(stem, "/x/"), "/x/a.pdf");
    assert_string_equal(strstr(f->inputs.items[1].stem, "/x/"), "/x/in/b.pdf");
    assert_true(f->inputs.items[2].failed);
    assert_int_equal(f->inputs.items[2].err.code, B_NOT_FOUND);
    assert_string_equal(f->inputs.items[2].stem, "none.pdf");
}

static void parents_never_leave_the_output_folder(void **state)
{
    struct fixture *f = *state;
    char list[2048], path[1024], argument[1100];
    t_folder_write(&f->folder, "x/b.png", "x");
    t_folder_write(&f->folder, "x/y/z", "x");
    t_folder_write(&f->folder, "a.pdf", "x");
    (void)snprintf(list, sizeof list, "%s/x/../a.pdf\n%s/x/y/..\n", f->folder.path, f->folder.path);
    t_folder_write(&f->folder, "list", list);
    (void)snprintf(argument, sizeof argument, "@%s", t_folder_at(&f->folder, "list", path, sizeof path));
    assert_int_equal(svc_inputs_add(&f->inputs, argument, &f->err), B_OK);
    EXPECT_STEMS(f, "a.pdf", "b.png");
}

static void bad_arguments_become_failed_items(void **state)
{
    struct fixture *f = *state;
    add(f, "nothing.pdf");
    assert_int_equal(svc_inputs_add(&f->inputs, "@no-such-list", &f->err), B_OK);
    assert_int_equal(svc_inputs_add(&f->inputs, "-", &f->err), B_OK);
    assert_int_equal(f->inputs.count, 3);
    assert_true(f->inputs.items[0].failed && f->inputs.items[1].failed && !f->inputs.items[2].failed);
    assert_int_equal(f->inputs.items[0].err.code, B_NOT_FOUND);
    assert_true(f->inputs.items[0].err.advice[0] && f->inputs.items[1].err.advice[0]);
    assert_string_equal(f->inputs.items[2].stem, "stdin");
}

static void loops_of_links_end(void **state)
{
    struct fixture *f = *state;
    char path[1024];
    t_folder_write(&f->folder, "in/a.png", "x");
    assert_int_equal(symlink(".", t_folder_at(&f->folder, "in/again", path, sizeof path)), 0);
    assert_int_equal(symlink("gone.png", t_folder_at(&f->folder, "in/dangling.png", path, sizeof path)), 0);
    t_folder_write(&f->folder, "other/b.png", "x");
    assert_int_equal(symlink("../other", t_folder_at(&f->folder, "in/linked", path, sizeof path)), 0);
    add(f, "in");
    name(f);
    EXPECT_STEMS(f, "a", "linked/b");
}

static void suggestions(void **state)
{
    (void)state;
    assert_int_equal(svc_edit_distance("", "abc"), 3);
    assert_int_equal(svc_edit_distance("convert", "convert"), 0);
    assert_int_equal(svc_edit_distance("covnert", "convert"), 1);
    assert_int_equal(svc_edit_distance("kitten", "sitting"), 3);
    static const char *const names[] = {"convert", "info", "models", "version"};
    static const struct {
        const char *word, *expected;
    } cases[] = {{"convrt", "convert"}, {"ifno", "info"}, {"vers", "version"}, {"xyzzy", NULL}, {"i", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct svc_suggestion best = {0};
        for (size_t k = 0; k < sizeof names / sizeof names[0]; k++)
            svc_suggest(&best, cases[i].word, names[k]);
        if (cases[i].expected)
            assert_string_equal(best.name ? best.name : "none", cases[i].expected);
        else
            assert_null(best.name);
    }
}

int main(void)
{
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(folders_are_searched_in_order),
        WITH_FOLDER(output_folder_is_left_out),
        WITH_FOLDER(collisions_keep_extensions),
        WITH_FOLDER(numbered_names_stay_different),
        WITH_FOLDER(shards_share_the_work),
        WITH_FOLDER(lists_name_by_whole_path),
        WITH_FOLDER(parents_never_leave_the_output_folder),
        WITH_FOLDER(bad_arguments_become_failed_items),
        WITH_FOLDER(loops_of_links_end),
        cmocka_unit_test(suggestions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
