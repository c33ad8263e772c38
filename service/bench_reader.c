/* SPDX-License-Identifier: Apache-2.0 */
/* What the page benchmarks read with: one model and a pipeline for each use of the text layer, kept over all
 * pages. A document becomes Markdown and, when asked for, the overlay of its first page; both come from the same
 * pass, so that the picture shows what was scored. */
#include <stdlib.h>

#include "docparse/model_files.h"
#include "docparse/pipeline.h"
#include "docparse/sandbox.h"
#include "engine/base/buf.h"
#include "output/writer.h"
#include "service/bench_private.h"

#define MAX_OUTPUT ((size_t)256 << 20)

struct svc_bench_reader {
    struct dp_model *model;
    struct dp_sandbox *sandbox;
    struct dp_pipeline *trusting, *seeing; /* with the text layer, and without it */
};

enum b_code svc_bench_reader_new(const char *models, const char *formulas, int jobs, struct svc_bench_reader **out,
                                 struct b_err *err)
{
    char dir[4096];
    struct svc_bench_reader *r = calloc(1, sizeof *r);
    *out = NULL;
    if (!r)
        return b_fail(err, B_NO_MEMORY, "bench", "out of memory");
    enum b_code code = dp_sandbox_start(DP_SANDBOX_AUTO, &r->sandbox, err);
    if (code == B_OK)
        code = dp_models_dir(models, dir, sizeof dir, err);
    if (code == B_OK)
        code = dp_model_open_compact(dir, &r->model, err);
    if (code == B_OK && formulas)
        code = dp_model_add_formulas(r->model, formulas, err);
    if (code == B_OK)
        code = dp_pipeline_new(r->model, DP_TEXT_TRUST, jobs, &r->trusting, err);
    if (code == B_OK)
        code = dp_pipeline_new(r->model, DP_TEXT_OFF, jobs, &r->seeing, err);
    if (code != B_OK) {
        svc_bench_reader_drop(r);
        return code;
    }
    *out = r;
    return B_OK;
}

void svc_bench_reader_drop(struct svc_bench_reader *reader)
{
    if (!reader)
        return;
    dp_pipeline_drop(reader->trusting);
    dp_pipeline_drop(reader->seeing);
    dp_model_drop(reader->model);
    dp_sandbox_stop(reader->sandbox);
    free(reader);
}

/* One document on its way through. */
struct reading {
    struct b_buf markdown, overlay;
    struct out_writer *md, *svg; /* svg: NULL when no overlay is wanted */
};

static enum b_code put_markdown(void *ctx, const void *data, size_t size, struct b_err *err)
{
    struct reading *r = ctx;
    b_buf_append(&r->markdown, data, size);
    return b_buf_check(&r->markdown, "bench", err);
}

/* The overlay writer has only side outputs, one a page: the first is kept. */
static enum b_code put_overlay(void *ctx, const char *name, const void *data, size_t size, struct b_err *err)
{
    struct reading *r = ctx;
    (void)name;
    if (r->overlay.len == 0)
        b_buf_append(&r->overlay, data, size);
    return b_buf_check(&r->overlay, "bench", err);
}

static enum b_code on_begin(void *ctx, const struct dp_document_info *info, int32_t pages, struct b_err *err)
{
    struct reading *r = ctx;
    (void)pages;
    enum b_code code = out_begin(r->md, info, NULL, 0, err);
    return code == B_OK && r->svg ? out_begin(r->svg, info, NULL, 0, err) : code;
}

static enum b_code on_page(void *ctx, const struct dp_page *page, const struct b_image_view *image, struct b_err *err)
{
    struct reading *r = ctx;
    enum b_code code = out_page(r->md, page, NULL, err);
    return code == B_OK && r->svg && r->overlay.len == 0 ? out_page(r->svg, page, image, err) : code;
}

static enum b_code open_writers(struct reading *r, bool overlay, struct b_err *err)
{
    const struct out_options options = {.html_tables = true};
    const struct out_sink sink = {.ctx = r, .write = put_markdown, .side = put_overlay};
    b_buf_init(&r->markdown, MAX_OUTPUT);
    b_buf_init(&r->overlay, MAX_OUTPUT);
    enum b_code code = out_open(out_format_find("md"), &options, &sink, &r->md, err);
    if (code == B_OK && overlay)
        code = out_open(out_format_find("overlay"), &options, &sink, &r->svg, err);
    return code;
}

static enum b_code close_writers(struct reading *r, enum dp_status status, struct b_err *err)
{
    enum b_code code = out_end(r->md, status, err);
    if (code == B_OK && r->svg)
        code = out_end(r->svg, status, err);
    b_buf_putc(&r->markdown, 0);
    return code == B_OK ? b_buf_check(&r->markdown, "bench", err) : code;
}

enum b_code svc_bench_read(struct svc_bench_reader *reader, const char *path, const struct svc_bench_want *want,
                           struct svc_bench_page *out, struct b_cancel *cancel, struct b_err *err)
{
    struct dp_source source = {0};
    struct reading r = {0};
    struct dp_parse_options parse = {
        .limits = dp_limits_default(), .keep_images = want->overlay, .sandbox = reader->sandbox};
    struct dp_parse_events events = {.ctx = &r, .begin = on_begin, .page = on_page};
    enum dp_status status = DP_STATUS_FAILED;
    *out = (struct svc_bench_page){0};
    enum b_code code = dp_source_open(path, &parse.limits, &source, err);
    if (code == B_OK && parse.sandbox)
        code = dp_source_share(&source, err);
    if (code == B_OK)
        code = open_writers(&r, want->overlay, err);
    if (code == B_OK)
        code = dp_pipeline_parse(want->text_layer ? reader->trusting : reader->seeing, &source, &parse, &events,
                                 &status, cancel, err);
    if (code == B_OK)
        code = close_writers(&r, status, err);
    out_drop(r.md);
    out_drop(r.svg);
    dp_source_close(&source);
    if (code != B_OK) {
        b_buf_free(&r.markdown);
        b_buf_free(&r.overlay);
        return code;
    }
    *out = (struct svc_bench_page){r.markdown.data, r.markdown.len - 1, r.overlay.data, r.overlay.len};
    return B_OK;
}

void svc_bench_page_free(struct svc_bench_page *page)
{
    free(page->markdown);
    free(page->overlay);
    *page = (struct svc_bench_page){0};
}
