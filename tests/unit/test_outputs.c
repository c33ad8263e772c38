/* SPDX-License-Identifier: Apache-2.0 */
/* service/outputs.c: all files of a document or none, whoever fails. The formats are made here. */
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

#include "output/writer_private.h"
#include "service/outputs.h"
#include "tests/support/folder.h"

/* A format that writes one line a page and fails where its name says. */
static enum b_code line_page(struct out_writer *writer, const struct dp_page *page, const struct b_image_view *image,
                             struct b_err *err)
{
    (void)image;
    (void)err;
    b_buf_printf(&writer->buf, "page %d\n", page->number);
    return B_OK;
}

static enum b_code fail_now(struct out_writer *writer, enum dp_status status, struct b_err *err)
{
    (void)writer;
    (void)status;
    return b_fail(err, B_INTERNAL, "test", "no end");
}

static enum b_code side_page(struct out_writer *writer, const struct dp_page *page, const struct b_image_view *image,
                             struct b_err *err)
{
    (void)image;
    char name[32];
    (void)snprintf(name, sizeof name, page->number == 13 ? "../evil" : "table-%d.csv", page->number);
    return out_side(writer, name, "a,b\n", 4, err);
}

static const struct out_ops line_ops = {.page = line_page}, failing_ops = {.page = line_page, .end = fail_now},
                            side_ops = {.page = side_page};

static enum b_code open_line(const struct out_options *o, const struct out_sink *s, struct out_writer **out,
                             struct b_err *err)
{
    return out_writer_new(sizeof **out, &line_ops, o, s, out, err);
}

static enum b_code open_failing(const struct out_options *o, const struct out_sink *s, struct out_writer **out,
                                struct b_err *err)
{
    return out_writer_new(sizeof **out, &failing_ops, o, s, out, err);
}

static enum b_code open_side(const struct out_options *o, const struct out_sink *s, struct out_writer **out,
                             struct b_err *err)
{
    return out_writer_new(sizeof **out, &side_ops, o, s, out, err);
}

static const struct out_format line = {.name = "line", .extension = ".line", .open = open_line},
                               failing = {.name = "failing", .extension = ".fail", .open = open_failing},
                               side = {.name = "side", .extension = ".tables", .side_outputs = true, .open = open_side};

struct fixture {
    struct t_folder folder;
    struct b_err err;
    struct dp_document_info info;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->info =
        (struct dp_document_info){.source_name = "a", .media_type = "image/png", .page_count = 2, .model_name = "m"};
    t_folder_make(&f->folder);
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

static struct svc_outputs *opened(struct fixture *f, const struct out_format *const *formats, size_t n)
{
    struct svc_output_request r = {.folder = f->folder.path, .stem = "deep/in/a", .formats = formats, .n_formats = n};
    struct svc_outputs *outs = NULL;
    assert_int_equal(svc_outputs_open(&r, &f->info, &outs, &f->err), B_OK);
    return outs;
}

static enum b_code page(struct fixture *f, struct svc_outputs *outs, int number)
{
    struct dp_page *p = NULL;
    assert_int_equal(dp_page_new(number, 1 << 20, &p, &f->err), B_OK);
    p->width = p->height = 100;
    enum b_code code = svc_outputs_page(outs, p, NULL, &f->err);
    dp_page_drop(p);
    return code;
}

static void expect_text(struct fixture *f, const char *name, const char *expected)
{
    char *text = t_folder_read(&f->folder, name);
    assert_string_equal(text, expected);
    free(text);
}

static void nothing_shows_before_commit(void **state)
{
    struct fixture *f = *state;
    const struct out_format *formats[] = {&line, &side};
    char path[512];
    struct svc_outputs *outs = opened(f, formats, 2);
    assert_int_equal(page(f, outs, 1), B_OK);
    assert_int_equal(page(f, outs, 2), B_OK);
    assert_int_not_equal(access(t_folder_at(&f->folder, "deep/in/a.line", path, sizeof path), F_OK), 0);
    assert_int_not_equal(access(t_folder_at(&f->folder, "deep/in/a.tables", path, sizeof path), F_OK), 0);
    assert_int_equal(svc_outputs_commit(outs, DP_STATUS_OK, &f->err), B_OK);
    expect_text(f, "deep/in/a.line", "page 1\npage 2\n");
    expect_text(f, "deep/in/a.tables/table-2.csv", "a,b\n");
    assert_int_equal(t_folder_count(&f->folder, "deep/in"), 2);
    struct stat st;
    assert_int_equal(stat(t_folder_at(&f->folder, "deep/in/a.line", path, sizeof path), &st), 0);
    mode_t mask = umask(0);
    (void)umask(mask);
    assert_int_equal(st.st_mode & 0777, 0666 & ~mask);
}

static void abort_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    const struct out_format *formats[] = {&line, &side};
    struct svc_outputs *outs = opened(f, formats, 2);
    assert_int_equal(page(f, outs, 1), B_OK);
    svc_outputs_abort(outs);
    assert_int_equal(t_folder_count(&f->folder, "deep/in"), 0);
    svc_outputs_abort(NULL);
}

static void one_failing_writer_takes_all_back(void **state)
{
    struct fixture *f = *state;
    const struct out_format *formats[] = {&line, &side, &failing};
    struct svc_outputs *outs = opened(f, formats, 3);
    assert_int_equal(page(f, outs, 1), B_OK);
    assert_int_equal(svc_outputs_commit(outs, DP_STATUS_OK, &f->err), B_INTERNAL);
    assert_int_equal(t_folder_count(&f->folder, "deep/in"), 0);
}

static void failing_rename_takes_all_back(void **state)
{
    struct fixture *f = *state;
    const struct out_format *formats[] = {&side, &line};
    char path[512];
    struct svc_outputs *outs = opened(f, formats, 2);
    assert_int_equal(page(f, outs, 1), B_OK);
    t_folder_write(&f->folder, "deep/in/a.line/in-the-way", "x");
    assert_int_equal(svc_outputs_commit(outs, DP_STATUS_OK, &f->err), B_IO);
    assert_int_equal(t_folder_count(&f->folder, "deep/in"), 1); /* what was in the way */
    assert_int_equal(access(t_folder_at(&f->folder, "deep/in/a.line/in-the-way", path, sizeof path), F_OK), 0);
}

static void side_outputs_replace_those_of_before(void **state)
{
    struct fixture *f = *state;
    const struct out_format *formats[] = {&side};
    t_folder_write(&f->folder, "deep/in/a.tables/table-9.csv", "old");
    struct svc_outputs *outs = opened(f, formats, 1);
    assert_int_equal(page(f, outs, 1), B_OK);
    assert_int_equal(svc_outputs_commit(outs, DP_STATUS_OK, &f->err), B_OK);
    assert_int_equal(t_folder_count(&f->folder, "deep/in/a.tables"), 1);
    outs = opened(f, formats, 1); /* no table this time: no folder either */
    assert_int_equal(svc_outputs_commit(outs, DP_STATUS_OK, &f->err), B_OK);
    assert_int_equal(t_folder_count(&f->folder, "deep/in"), 0);
}

static void side_names_stay_in_their_folder(void **state)
{
    struct fixture *f = *state;
    const struct out_format *formats[] = {&side};
    struct svc_outputs *outs = opened(f, formats, 1);
    assert_int_equal(page(f, outs, 13), B_INTERNAL);
    svc_outputs_abort(outs);
    assert_int_equal(t_folder_count(&f->folder, "deep/in"), 0);
}

static void folder_in_the_way_is_an_error(void **state)
{
    struct fixture *f = *state;
    const struct out_format *formats[] = {&line};
    t_folder_write(&f->folder, "deep", "a file");
    struct svc_output_request r = {.folder = f->folder.path, .stem = "deep/a", .formats = formats, .n_formats = 1};
    struct svc_outputs *outs = NULL;
    assert_int_equal(svc_outputs_open(&r, &f->info, &outs, &f->err), B_IO);
    assert_null(outs);
}

int main(void)
{
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(nothing_shows_before_commit),          WITH_FOLDER(abort_leaves_nothing),
        WITH_FOLDER(one_failing_writer_takes_all_back),    WITH_FOLDER(failing_rename_takes_all_back),
        WITH_FOLDER(side_outputs_replace_those_of_before), WITH_FOLDER(side_names_stay_in_their_folder),
        WITH_FOLDER(folder_in_the_way_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
