/* SPDX-License-Identifier: Apache-2.0 */
/* `docparse convert`: inputs one after the other through one pipeline, each into its output files. A
 * failing input is reported and counted; the others go on. Invariant: an input leaves either all of its
 * outputs or none. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "docparse/digest.h"
#include "docparse/model_files.h"
#include "docparse/pipeline.h"
#include "engine/base/buf.h"
#include "engine/base/log.h"
#include "service/cli.h"
#include "service/convert_options.h"
#include "service/manifest.h"

#define NAMED_MOST 20 /* failures that the end of a run names again; all are counted */
#define POLL_MS 100   /* how often the wait for standard input looks at the cancel flag */

struct run {
    struct svc_convert_options options;
    struct dp_sandbox *sandbox;
    struct dp_model *model;
    struct dp_pipeline *pipeline;
    struct svc_manifest *manifest; /* NULL without --resume */
    struct svc_progress *progress;
    struct b_cancel *cancel;
    struct b_buf standard_input; /* its bytes while it is converted */
    size_t failed;
    const char *named[NAMED_MOST]; /* paths of the first failures, of options.inputs */
    enum b_code reasons[NAMED_MOST];
    bool keep_images;
};

/* One document on its way. */
struct job {
    struct run *run;
    const struct svc_input *input;
    const struct dp_source *source;
    struct svc_outputs *outputs;
    int pages_failed, pages_partial;
    struct b_err first; /* of the pages that failed or are damaged */
};

static enum b_code on_begin(void *ctx, const struct dp_document_info *info, int32_t pages, struct b_err *err)
{
    struct job *job = ctx;
    const struct svc_convert_options *o = &job->run->options;
    struct svc_output_request request = {.folder = o->out_dir,
                                         .stem = job->input->stem,
                                         .formats = o->formats,
                                         .n_formats = o->n_formats,
                                         .options = o->output,
                                         .source = job->source->bytes.data,
                                         .source_size = job->source->bytes.size};
    svc_progress_document(job->run->progress, job->input->path, (int)pages);
    return svc_outputs_open(&request, info, &job->outputs, err);
}

static enum b_code on_page(void *ctx, const struct dp_page *page, const struct b_image_view *image, struct b_err *err)
{
    struct job *job = ctx;
    if (page->status != DP_STATUS_OK)
        svc_print_error(job->input->path, page->number, &page->error);
    if (page->status != DP_STATUS_OK && job->first.code == B_OK)
        job->first = page->error;
    job->pages_failed += page->status == DP_STATUS_FAILED;
    job->pages_partial += page->status == DP_STATUS_PARTIAL;
    for (int32_t i = 0; i < page->n_warnings; i++)
        if (page->status == DP_STATUS_OK || strcmp(page->warnings[i], page->error.message) != 0)
            b_log(B_LOG_WARNING, job->input->path, "page %d: %s", page->number, page->warnings[i]);
    enum b_code code = svc_outputs_page(job->outputs, page, image, err);
    if (code == B_OK)
        svc_progress_page(job->run->progress);
    return code;
}

static void report_done(const struct job *job, enum dp_status status)
{
    char text[96];
    if (status == DP_STATUS_OK)
        (void)snprintf(text, sizeof text, "ok");
    else
        (void)snprintf(text, sizeof text, "%s: %d page%s failed, %d damaged", dp_status_name(status), job->pages_failed,
                       job->pages_failed == 1 ? "" : "s", job->pages_partial);
    svc_progress_done(job->run->progress, text);
}

/* Returns B_OK when pages were handed out; *status and, unless it is OK, *err say how well. */
static enum b_code convert_source(struct run *run, const struct svc_input *input, const struct dp_source *source,
                                  enum dp_status *status, struct b_err *err)
{
    struct job job = {.run = run, .input = input, .source = source};
    const struct svc_convert_options *o = &run->options;
    struct dp_parse_options parse = {.limits = o->limits,
                                     .layout = o->layout,
                                     .dpi = o->dpi,
                                     .password = o->password,
                                     .sandbox = run->sandbox,
                                     .ranges = o->n_ranges ? o->ranges : NULL,
                                     .n_ranges = o->n_ranges,
                                     .keep_images = run->keep_images};
    struct dp_parse_events events = {.ctx = &job, .begin = on_begin, .page = on_page};
    enum b_code code = dp_pipeline_parse(run->pipeline, source, &parse, &events, status, run->cancel, err);
    if (code == B_OK && *status != DP_STATUS_FAILED)
        code = svc_outputs_commit(job.outputs, *status, err);
    else
        svc_outputs_abort(job.outputs); /* results without a page would look done */
    if (code == B_OK) {
        report_done(&job, *status);
        *err = job.first;
    }
    return code;
}

static void count_failure(struct run *run, const struct svc_input *input, enum b_code reason)
{
    if (run->failed < NAMED_MOST) {
        run->named[run->failed] = input->path;
        run->reasons[run->failed] = reason;
    }
    run->failed++;
}

/* What went wrong, once more at the end: between thousands of lines nobody finds it. */
static void list_failures(const struct run *run)
{
    const size_t total = run->options.inputs.count;
    if (run->failed == 0 || total < 2)
        return;
    fprintf(stderr, "docparse: %zu of %zu inputs failed or are incomplete:\n", run->failed, total);
    for (size_t i = 0; i < run->failed && i < NAMED_MOST; i++) {
        fputs("  ", stderr);
        for (const char *c = run->named[i]; *c; c++) /* names may hold what moves a terminal's cursor */
            fputc((unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c, stderr);
        fprintf(stderr, " [%s]\n", run->reasons[i] == B_OK ? "incomplete before" : b_code_name(run->reasons[i]));
    }
    if (run->failed > NAMED_MOST)
        fprintf(stderr, "  ... and %zu more%s\n", run->failed - NAMED_MOST,
                run->manifest ? ": see docparse-manifest.jsonl" : "; --resume writes all into docparse-manifest.jsonl");
}

static bool outputs_exist(const struct run *run, const struct svc_input *input)
{
    const struct svc_convert_options *o = &run->options;
    char path[4096];
    for (size_t i = 0; i < o->n_formats; i++)
        if (!o->formats[i]->side_outputs && /* a document without tables has no folder for them */
            (!svc_output_path(o->out_dir, input->stem, o->formats[i], path, sizeof path) || access(path, F_OK) != 0))
            return false;
    return true;
}

/* Skips what an earlier run finished. The exit code says what it would have said in one run: results that
 * were incomplete still are. */
static bool done_before(struct run *run, const struct svc_input *input)
{
    enum dp_status status;
    if (!run->manifest || !svc_manifest_done(run->manifest, input->path, input->stem, &status) ||
        !outputs_exist(run, input))
        return false;
    svc_progress_skip(run->progress);
    if (status == DP_STATUS_OK) {
        b_log(B_LOG_INFO, input->path, "done before, skipped");
    } else {
        b_log(B_LOG_WARNING, input->path, "done before, skipped; some of its pages failed then");
        count_failure(run, input, B_OK);
    }
    return true;
}

/* Waits for bytes before every read, so that an interrupt ends the wait. */
static enum b_code read_standard_input(struct run *run, struct dp_source *source, struct b_err *err)
{
    enum b_code code = B_OK;
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    struct b_buf *buf = &run->standard_input;
    b_buf_free(buf);
    b_buf_init(buf, (size_t)run->options.limits.input_bytes);
    for (ssize_t n = 1; code == B_OK && n != 0;) {
        char chunk[65536];
        code = b_cancel_check(run->cancel, err);
        if (code != B_OK || poll(&in, 1, POLL_MS) <= 0) {
            n = 1;
            continue;
        }
        n = read(STDIN_FILENO, chunk, sizeof chunk);
        if (n < 0 && errno != EINTR)
            code = b_fail(err, B_IO, "cli", "standard input cannot be read: %s", strerror(errno));
        if (n > 0) {
            b_buf_append(buf, chunk, (size_t)n);
            code = b_buf_check(buf, "cli", err);
        }
    }
    return code == B_OK ? dp_source_of_bytes(buf->data, buf->len, "stdin", &run->options.limits, source, err) : code;
}

/* Converts one input; errors are printed and counted here. */
static enum b_code convert_input(struct run *run, const struct svc_input *input)
{
    struct b_err err = input->err;
    enum b_code code = input->failed ? err.code : B_OK;
    enum dp_status status = DP_STATUS_FAILED;
    struct dp_source source = {0};
    const struct dp_limits *limits = &run->options.limits;
    if (code == B_OK && done_before(run, input))
        return B_OK;
    if (code == B_OK)
        code = strcmp(input->path, "-") == 0 ? read_standard_input(run, &source, &err)
                                             : dp_source_open(input->path, limits, &source, &err);
    const bool opened = code == B_OK;
    if (opened && run->sandbox)
        code = dp_source_share(&source, &err);
    if (code == B_OK)
        code = convert_source(run, input, &source, &status, &err);
    if (opened)
        dp_source_close(&source);
    if (code == B_CANCELLED)
        return code;
    if (code != B_OK)
        svc_print_error(input->path, 0, &err);
    if (code != B_OK || status != DP_STATUS_OK)
        count_failure(run, input, err.code);
    if (run->manifest && !input->failed) {
        struct b_err record = {0};
        if (svc_manifest_record(run->manifest, input->path, input->stem, code == B_OK ? status : DP_STATUS_FAILED, &err,
                                &record) != B_OK)
            svc_print_error(input->path, 0, &record);
    }
    return code;
}

static enum b_code open_manifest(struct run *run, struct b_err *err)
{
    const struct svc_convert_options *o = &run->options;
    char text[1024], key[65];
    int len = snprintf(text, sizeof text, "%s %s %s p=%d t=%d m=%lld text=%d layout=%d dpi=%.6g pixels=%llu words=%d images=%d",
                       DOCPARSE_VERSION, dp_model_sha256(run->model), dp_model_options(run->model), (int)o->qwen.precision,
                       o->qwen.max_tokens,
                       (long long)o->qwen.max_pixels, (int)o->text_layer, (int)o->layout, o->dpi,
                       (unsigned long long)o->limits.page_pixels, (int)o->output.words, (int)o->output.page_images);
    for (size_t i = 0; i < o->n_formats && len > 0 && (size_t)len < sizeof text; i++)
        len += snprintf(text + len, sizeof text - (size_t)len, " %s", o->formats[i]->name);
    for (size_t i = 0; i < o->n_ranges && len > 0 && (size_t)len < sizeof text; i++)
        len += snprintf(text + len, sizeof text - (size_t)len, " %d-%d", o->ranges[i].first, o->ranges[i].last);
    if (len < 0 || (size_t)len >= sizeof text)
        return b_fail(err, B_LIMIT, "manifest", "too many page ranges for --resume");
    enum b_code code = dp_sha256_hex(text, (size_t)len, key, err);
    return code == B_OK ? svc_manifest_open(o->out_dir, key, &run->manifest, err) : code;
}

static enum b_code set_up(struct run *run, struct b_err *err)
{
    char models[4096];
    const struct svc_convert_options *o = &run->options;
    enum b_code code = dp_sandbox_start(o->sandbox, &run->sandbox, err);
    if (code != B_OK)
        return code;
    code = o->large ? dp_model_open_qwen(o->checkpoint_dir, &o->qwen, &run->model, err)
                                : dp_models_dir(o->models_dir, models, sizeof models, err);
    if (code == B_OK && !o->large)
        code = dp_model_open_compact(models, &run->model, err);
    if (code == B_OK && !o->large && o->formulas_dir)
        code = dp_model_add_formulas(run->model, o->formulas_dir, err);
    if (code == B_OK)
        code = dp_pipeline_new(run->model, run->options.text_layer, run->options.jobs, &run->pipeline, err);
    if (code == B_OK && run->options.resume)
        code = open_manifest(run, err);
    return code;
}

static void tear_down(struct run *run)
{
    svc_progress_drop(run->progress);
    svc_manifest_close(run->manifest);
    dp_pipeline_drop(run->pipeline);
    dp_model_drop(run->model);
    dp_sandbox_stop(run->sandbox);
    svc_convert_options_free(&run->options);
    b_buf_free(&run->standard_input);
}

int svc_cmd_convert(int argc, char **argv, struct b_cancel *cancel)
{
    struct run run = {.cancel = cancel};
    int done = svc_convert_options_parse(argc, argv, &run.options);
    if (done >= 0) {
        svc_convert_options_free(&run.options);
        return done;
    }
    struct b_err err = {0};
    if (set_up(&run, &err) != B_OK) {
        svc_print_error("set-up", 0, &err);
        tear_down(&run);
        return SVC_EXIT_SETUP;
    }
    for (size_t i = 0; i < run.options.n_formats; i++)
        run.keep_images = run.keep_images || run.options.formats[i]->needs_image ||
                          (run.options.output.page_images && strcmp(run.options.formats[i]->name, "html") == 0);
    run.progress = svc_progress_new(run.options.progress, run.options.inputs.count);
    size_t total = run.options.inputs.count;
    enum b_code code = B_OK;
    for (size_t i = 0; i < total && code != B_CANCELLED; i++)
        code = convert_input(&run, &run.options.inputs.items[i]);
    const size_t failed = run.failed;
    svc_progress_drop(run.progress);
    run.progress = NULL;
    if (code != B_CANCELLED)
        list_failures(&run);
    tear_down(&run);
    if (code == B_CANCELLED) {
        fputs("docparse: interrupted; unfinished outputs were removed\n", stderr);
        return SVC_EXIT_INTERRUPTED;
    }
    return failed > 0 ? SVC_EXIT_FAILED : SVC_EXIT_OK;
}
