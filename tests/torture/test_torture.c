/* SPDX-License-Identifier: Apache-2.0 */
/* Fails the n-th allocation of our own code while documents are loaded, read, assembled and written, for many n.
 * Each run must end in an error that says so or in the same bytes as without a failure; nothing crashes, no output
 * stays half written, and (by the leak sanitizer, in builds that have it) nothing is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "docparse/pipeline.h"
#include "output/writer.h"
#include "service/inputs.h"
#include "service/manifest.h"
#include "service/outputs.h"
#include "tests/support/folder.h"
#include "tests/torture/alloc.h"

/* Every allocation up to here fails in turn, then every STEP-th or so: early ones are set-up, each of its own
 * kind; later ones repeat in loops. */
#define DENSE 120
#define RUNS_MAX 260

static struct dp_model *model;

static char *sample(const char *name, char *out, size_t size)
{
    const char *source = getenv("DP_SOURCE");
    (void)snprintf(out, size, "%s/corpora/samples/%s", source ? source : ".", name);
    return out;
}

static size_t next_point(size_t n, size_t total)
{
    if (n < DENSE || total <= DENSE)
        return n + 1;
    return n + 1 + (total - DENSE) / (RUNS_MAX - DENSE);
}

/* One load of the file's first page. */
static enum b_code load_once(const char *path, struct b_err *err)
{
    struct dp_loader_options options = {.limits = dp_limits_default()};
    struct dp_source source = {0};
    struct dp_loader *loader = NULL;
    struct dp_sheet sheet = {0};
    enum b_code code = dp_source_open(path, &options.limits, &source, err);
    if (code != B_OK)
        return code;
    code = dp_loader_open(&source, &options, &loader, err);
    if (code == B_OK)
        code = dp_loader_page(loader, 1, NULL, &sheet, err);
    dp_sheet_free(&sheet);
    dp_loader_close(loader);
    dp_source_close(&source);
    return code;
}

static void torture_loader(const char *name)
{
    char path[1024];
    struct b_err err = {0};
    (void)sample(name, path, sizeof path);
    t_alloc_fail_at(0);
    assert_int_equal(load_once(path, &err), B_OK);
    const size_t total = t_alloc_count();
    assert_true(total > 3);
    for (size_t n = 1; n <= total; n = next_point(n, total)) {
        t_alloc_fail_at(n);
        b_err_clear(&err);
        const enum b_code code = load_once(path, &err);
        const long balance = t_alloc_balance();
        t_alloc_fail_at(0);
        if (code != B_OK && code != B_NO_MEMORY)
            fail_msg("%s, allocation %zu of %zu: %s [%s]", name, n, total, err.message, b_code_name(code));
        if (balance > 0)
            fail_msg("%s, allocation %zu of %zu: %ld blocks are lost", name, n, total, balance);
    }
}

static void loaders(void **state)
{
    (void)state;
    torture_loader("form.pdf");
    torture_loader("scan.tif");
    torture_loader("chinese.png");
    torture_loader("photo.jpg");
    torture_loader("letter.webp");
}

/* A document on its way into all formats. */
struct run {
    const struct out_format *formats[SVC_MAX_FORMATS];
    size_t n_formats;
    const struct dp_source *source;
    struct t_folder folder;
    struct svc_outputs *outputs;
    enum b_code page_code;
};

static enum b_code on_begin(void *ctx, const struct dp_document_info *info, int32_t pages, struct b_err *err)
{
    struct run *run = ctx;
    (void)pages;
    struct svc_output_request request = {.folder = run->folder.path,
                                         .stem = "a",
                                         .formats = run->formats,
                                         .n_formats = run->n_formats,
                                         .options = {.words = true},
                                         .source = run->source->bytes.data,
                                         .source_size = run->source->bytes.size};
    return svc_outputs_open(&request, info, &run->outputs, err);
}

static enum b_code on_page(void *ctx, const struct dp_page *page, const struct b_image_view *image, struct b_err *err)
{
    struct run *run = ctx;
    if (page->status != DP_STATUS_OK)
        run->page_code = page->error.code;
    return svc_outputs_page(run->outputs, page, image, err);
}

/* Makes a pipeline, converts, commits. */
static enum b_code convert_once(struct run *run, enum dp_status *status, struct b_err *err)
{
    struct dp_parse_options options = {.limits = dp_limits_default(), .keep_images = true};
    struct dp_parse_events events = {.ctx = run, .begin = on_begin, .page = on_page};
    struct dp_pipeline *pipeline = NULL;
    run->outputs = NULL;
    run->page_code = B_OK;
    enum b_code code = dp_pipeline_new(model, DP_TEXT_TRUST, 1, &pipeline, err);
    if (code == B_OK)
        code = dp_pipeline_parse(pipeline, run->source, &options, &events, status, NULL, err);
    if (code == B_OK && *status != DP_STATUS_FAILED)
        code = svc_outputs_commit(run->outputs, *status, err);
    else
        svc_outputs_abort(run->outputs);
    dp_pipeline_drop(pipeline);
    return code;
}

static void all_formats(struct run *run)
{
    for (const struct out_format *f = out_formats(); f->name && run->n_formats < SVC_MAX_FORMATS; f++)
        run->formats[run->n_formats++] = f;
}

/* The outputs of a run without a failure, to hold the others against. */
struct expected {
    char *texts[SVC_MAX_FORMATS];
};

static void name_of(const struct out_format *format, char *out, size_t size)
{
    (void)snprintf(out, size, "a%s", format->extension);
}

static void remember(const struct run *run, struct expected *expected)
{
    char name[64];
    for (size_t i = 0; i < run->n_formats; i++) {
        name_of(run->formats[i], name, sizeof name);
        expected->texts[i] = t_folder_read(&run->folder, name);
    }
}

static void expect_same(const struct run *run, const struct expected *expected, size_t n)
{
    char name[64];
    for (size_t i = 0; i < run->n_formats; i++) {
        name_of(run->formats[i], name, sizeof name);
        char *now = t_folder_read(&run->folder, name);
        if (strcmp(now, expected->texts[i]) != 0)
            fail_msg("allocation %zu changed %s without an error", n, name);
        free(now);
    }
}

static void torture_convert(const char *name, size_t runs)
{
    char path[1024];
    struct b_err err = {0};
    struct run run = {0};
    struct dp_source source = {0};
    enum dp_status status;
    const struct dp_limits limits = dp_limits_default();
    all_formats(&run);
    assert_int_equal(dp_source_open(sample(name, path, sizeof path), &limits, &source, &err), B_OK);
    run.source = &source;
    t_folder_make(&run.folder);
    t_alloc_fail_at(0);
    assert_int_equal(convert_once(&run, &status, &err), B_OK);
    assert_int_equal(status, DP_STATUS_OK);
    const size_t total = t_alloc_count(), files = t_folder_count(&run.folder, "");
    struct expected expected = {{NULL}};
    remember(&run, &expected);
    assert_true(expected.texts[0][0]);
    const size_t step = 1 + total / runs;
    for (size_t n = 1; n <= total; n += step) {
        t_folder_remove(&run.folder);
        t_folder_make(&run.folder);
        t_alloc_fail_at(n);
        b_err_clear(&err);
        const enum b_code code = convert_once(&run, &status, &err);
        t_alloc_fail_at(0);
        if (code != B_OK && code != B_NO_MEMORY)
            fail_msg("%s, allocation %zu of %zu: %s [%s]", name, n, total, err.message, b_code_name(code));
        if (code == B_OK && run.page_code != B_OK && run.page_code != B_NO_MEMORY)
            fail_msg("%s, allocation %zu of %zu: the page says [%s]", name, n, total, b_code_name(run.page_code));
        const bool complete = code == B_OK && status != DP_STATUS_FAILED;
        const size_t left = t_folder_count(&run.folder, "");
        if (complete ? left > files : left != 0)
            fail_msg("%s, allocation %zu of %zu: %zu files are left", name, n, total, left);
        if (complete && status == DP_STATUS_OK)
            expect_same(&run, &expected, n);
    }
    t_folder_remove(&run.folder);
    dp_source_close(&source);
    for (size_t i = 0; i < run.n_formats; i++)
        free(expected.texts[i]);
}

static void born_digital_document(void **state)
{
    (void)state;
    torture_convert("invoice.pdf", 300);
}

static void inputs_and_manifest(void **state)
{
    (void)state;
    struct t_folder folder;
    struct b_err err = {0};
    t_folder_make(&folder);
    t_folder_write(&folder, "in/a.pdf", "x");
    t_folder_write(&folder, "in/a.tif", "x");
    t_folder_write(&folder, "in/b/a.pdf", "x");
    for (size_t n = 1, reached = 1; reached; n++) {
        struct svc_inputs inputs = {0};
        struct svc_manifest *manifest = NULL;
        t_alloc_fail_at(n);
        enum b_code code = svc_inputs_add(&inputs, folder.path, &err);
        if (code == B_OK)
            code = svc_inputs_name(&inputs, &err);
        if (code == B_OK)
            code = svc_manifest_open(folder.path, "key", &manifest, &err);
        if (code == B_OK)
            code = svc_manifest_record(manifest, inputs.items[0].path, inputs.items[0].stem, DP_STATUS_OK, NULL, &err);
        svc_manifest_close(manifest);
        svc_inputs_free(&inputs);
        reached = t_alloc_failed();
        t_alloc_fail_at(0);
        assert_true(code == B_OK || code == B_NO_MEMORY);
        assert_true(reached || code == B_OK);
    }
    t_folder_remove(&folder);
}

static int open_model(void **state)
{
    (void)state;
    const char *models = getenv("DOCPARSE_MODELS");
    struct b_err err = {0};
    return models && dp_model_open_compact(models, &model, &err) == B_OK ? 0 : -1;
}

static int drop_model(void **state)
{
    (void)state;
    dp_model_drop(model);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loaders),
        cmocka_unit_test(inputs_and_manifest),
        cmocka_unit_test_setup_teardown(born_digital_document, open_model, drop_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
