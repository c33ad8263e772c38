/* SPDX-License-Identifier: Apache-2.0 */
/* service/manifest.c: what counts as done, torn lines, keys. */
#include <fcntl.h>
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

#include "service/manifest.h"
#include "tests/support/folder.h"

#define FILE_NAME "docparse-manifest.jsonl"

struct fixture {
    struct t_folder folder;
    struct b_err err;
    char input[512];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    t_folder_make(&f->folder);
    t_folder_write(&f->folder, "a.pdf", "some bytes");
    (void)t_folder_at(&f->folder, "a.pdf", f->input, sizeof f->input);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    t_folder_remove(&f->folder);
    free(f);
    return 0;
}

static struct svc_manifest *opened(struct fixture *f, const char *key)
{
    struct svc_manifest *m = NULL;
    assert_int_equal(svc_manifest_open(f->folder.path, key, &m, &f->err), B_OK);
    return m;
}

static void record(struct fixture *f, const char *key, enum dp_status status)
{
    struct svc_manifest *m = opened(f, key);
    assert_int_equal(svc_manifest_record(m, f->input, "a", status, NULL, &f->err), B_OK);
    svc_manifest_close(m);
}

static bool done(struct fixture *f, const char *key, const char *stem, enum dp_status *status)
{
    struct svc_manifest *m = opened(f, key);
    bool yes = svc_manifest_done(m, f->input, stem, status);
    svc_manifest_close(m);
    return yes;
}

static void finished_inputs_are_done(void **state)
{
    struct fixture *f = *state;
    enum dp_status status;
    assert_false(done(f, "k", "a", &status));
    record(f, "k", DP_STATUS_OK);
    assert_true(done(f, "k", "a", &status));
    assert_int_equal(status, DP_STATUS_OK);
    assert_false(done(f, "other options", "a", &status));
    assert_false(done(f, "k", "b", &status));
}

static void the_last_word_counts(void **state)
{
    struct fixture *f = *state;
    enum dp_status status;
    record(f, "k", DP_STATUS_FAILED);
    assert_false(done(f, "k", "a", &status));
    record(f, "k", DP_STATUS_PARTIAL);
    assert_true(done(f, "k", "a", &status));
    assert_int_equal(status, DP_STATUS_PARTIAL);
    record(f, "k", DP_STATUS_FAILED);
    assert_false(done(f, "k", "a", &status));
}

static void changed_inputs_are_not_done(void **state)
{
    struct fixture *f = *state;
    enum dp_status status;
    record(f, "k", DP_STATUS_OK);
    t_folder_write(&f->folder, "a.pdf", "other size of bytes");
    assert_false(done(f, "k", "a", &status));
    record(f, "k", DP_STATUS_OK);
    assert_true(done(f, "k", "a", &status));
    struct stat st;
    assert_int_equal(stat(f->input, &st), 0);
    struct timespec times[2] = {st.st_atim, st.st_mtim};
    times[1].tv_nsec = (times[1].tv_nsec + 1000) % 1000000000;
    assert_int_equal(utimensat(AT_FDCWD, f->input, times, 0), 0);
    assert_false(done(f, "k", "a", &status));
    record(f, "k", DP_STATUS_OK);
    (void)t_folder_at(&f->folder, "b.pdf", f->input, sizeof f->input);
    t_folder_write(&f->folder, "b.pdf", "other size of bytes");
    assert_int_equal(utimensat(AT_FDCWD, f->input, times, 0), 0);
    assert_false(done(f, "k", "a", &status)); /* same size and time, another file */
}

static void torn_lines_cost_one_input(void **state)
{
    struct fixture *f = *state;
    enum dp_status status;
    record(f, "k", DP_STATUS_OK);
    char *text = t_folder_read(&f->folder, FILE_NAME), torn[4096];
    (void)snprintf(torn, sizeof torn, "not json\n{\"key\": 7}\n%.20s", text);
    free(text);
    t_folder_write(&f->folder, FILE_NAME, torn);
    assert_false(done(f, "k", "a", &status));
    record(f, "k", DP_STATUS_OK); /* must not run on from the torn line */
    assert_true(done(f, "k", "a", &status));
}

static void reasons_are_recorded(void **state)
{
    struct fixture *f = *state;
    struct b_err why = {0};
    (void)b_fail(&why, B_PASSWORD, "pdf", "it needs a password");
    struct svc_manifest *m = opened(f, "k");
    assert_int_equal(svc_manifest_record(m, f->input, "a", DP_STATUS_FAILED, &why, &f->err), B_OK);
    svc_manifest_close(m);
    char *text = t_folder_read(&f->folder, FILE_NAME);
    assert_non_null(strstr(text, "\"reason\":\"password\""));
    assert_non_null(strstr(text, "it needs a password"));
    free(text);
}

static void odd_names_are_done_as_well(void **state)
{
    struct fixture *f = *state;
    enum dp_status status;
    (void)t_folder_at(&f->folder, "r\xe9sum\xe9.pdf", f->input, sizeof f->input);
    t_folder_write(&f->folder, "r\xe9sum\xe9.pdf", "some bytes");
    struct svc_manifest *m = opened(f, "k");
    assert_int_equal(svc_manifest_record(m, f->input, "r\xe9sum\xe9", DP_STATUS_OK, NULL, &f->err), B_OK);
    svc_manifest_close(m);
    assert_true(done(f, "k", "r\xe9sum\xe9", &status));
    assert_false(done(f, "k", "r\xe8sum\xe9", &status));
}

static void unwritable_folders_are_errors(void **state)
{
    struct fixture *f = *state;
    struct svc_manifest *m = NULL;
    char path[512];
    assert_int_equal(svc_manifest_open(t_folder_at(&f->folder, "a.pdf", path, sizeof path), "k", &m, &f->err), B_IO);
    assert_null(m);
    assert_true(f->err.message[0]);
}

int main(void)
{
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(finished_inputs_are_done),      WITH_FOLDER(the_last_word_counts),
        WITH_FOLDER(changed_inputs_are_not_done),   WITH_FOLDER(torn_lines_cost_one_input),
        WITH_FOLDER(unwritable_folders_are_errors), WITH_FOLDER(reasons_are_recorded),
        WITH_FOLDER(odd_names_are_done_as_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
