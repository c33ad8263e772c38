/* SPDX-License-Identifier: Apache-2.0 */
/* From a request to pages. Each page becomes a message as soon as it is read and is forgotten afterwards;
 * rendered formats grow beside it. Nothing here knows how the answer travels. */
#include "service/rpc/parse_run.h"

#include <stdlib.h>
#include <string.h>

#include "output/writer.h"
#include "service/rpc/messages.h"
#include "service/rpc/metrics.h"
#include "service/rpc/parse_memory.h"
#include "service/rpc/wire.h"

#define DOMAIN "parse"
#define RENDERED_MAX ((size_t)1 << 30)
#define MAX_RANGES 1000
#define MAX_DPI 1200.0

struct run {
    struct svc_worker *worker;
    struct svc_metrics *metrics;
    const char *client;
    const struct svc_parse_events *events;
    const Docparse__V1__OutputOptions *output;
    struct svc_message_options message;
    struct svc_parse_result *result;
    struct out_writer *writers[SVC_MAX_RENDERED];
    struct out_options out_options;
    struct out_sink sinks[SVC_MAX_RENDERED];
};

void svc_parse_result_free(struct svc_parse_result *result)
{
    for (size_t i = 0; i < result->n_rendered; i++)
        b_buf_free(&result->rendered[i]);
    result->n_rendered = 0;
}

static enum b_code check_formats(const Docparse__V1__OutputOptions *output, struct b_err *err)
{
    if (output->n_formats > SVC_MAX_RENDERED)
        return b_fail(err, B_ARGUMENT, DOMAIN, "%zu formats are asked for, at most %d are given", output->n_formats,
                      SVC_MAX_RENDERED);
    for (size_t i = 0; i < output->n_formats; i++) {
        const struct out_format *f = out_format_find(output->formats[i]);
        if (!f)
            return b_fail(err, B_ARGUMENT, DOMAIN, "there is no format '%.40s'", output->formats[i]);
        if (f->side_outputs || f->needs_source)
            return b_fail(err, B_UNSUPPORTED, DOMAIN, "the service does not render '%s'; the command line does",
                          f->name);
    }
    return B_OK;
}

enum b_code svc_parse_check(const Docparse__V1__ParseOptions *o, const char **field, struct b_err *err)
{
    *field = NULL;
    if (!o)
        return B_OK;
    *field = "options.pages";
    if (o->n_pages > MAX_RANGES)
        return b_fail(err, B_ARGUMENT, DOMAIN, "%zu page ranges, at most %d are taken", o->n_pages, MAX_RANGES);
    for (size_t i = 0; i < o->n_pages; i++)
        if (o->pages[i]->first < 1 || (o->pages[i]->last != 0 && o->pages[i]->last < o->pages[i]->first))
            return b_fail(err, B_ARGUMENT, DOMAIN,
                          "page range %d-%d: pages count from 1, the last is not before the first", o->pages[i]->first,
                          o->pages[i]->last);
    *field = "options.dpi";
    if (!(o->dpi >= 0.0 && o->dpi <= MAX_DPI))
        return b_fail(err, B_ARGUMENT, DOMAIN, "dpi must be 0 (native) to %.0f", MAX_DPI);
    *field = "options.text_layer";
    if (o->text_layer < 0 || o->text_layer > DOCPARSE__V1__TEXT_LAYER_USE__TEXT_LAYER_USE_OFF)
        return b_fail(err, B_ARGUMENT, DOMAIN, "unknown use of the text layer: %d", (int)o->text_layer);
    *field = "options.reader";
    if (o->reader < 0 || o->reader > DOCPARSE__V1__READER__READER_LARGE)
        return b_fail(err, B_ARGUMENT, DOMAIN, "unknown reader: %d", (int)o->reader);
    *field = "options.output.formats";
    return o->output ? check_formats(o->output, err) : B_OK;
}

bool svc_parse_wants_large(const Docparse__V1__ParseOptions *o)
{
    return o && o->reader == DOCPARSE__V1__READER__READER_LARGE;
}

static enum b_code to_buffer(void *ctx, const void *data, size_t size, struct b_err *err)
{
    b_buf_append(ctx, data, size);
    return b_buf_check(ctx, DOMAIN, err);
}

static enum b_code open_writers(struct run *r, const struct dp_document_info *info, struct b_err *err)
{
    r->out_options = (struct out_options){.words = !r->message.omit_words};
    enum b_code code = B_OK;
    for (size_t i = 0; r->output && i < r->output->n_formats && code == B_OK; i++) {
        const struct out_format *f = out_format_find(r->output->formats[i]);
        r->result->formats[i] = f;
        b_buf_init(&r->result->rendered[i], RENDERED_MAX);
        r->result->n_rendered = i + 1;
        r->sinks[i] = (struct out_sink){.ctx = &r->result->rendered[i], .write = to_buffer};
        code = out_open(f, &r->out_options, &r->sinks[i], &r->writers[i], err);
        if (code == B_OK)
            code = out_begin(r->writers[i], info, NULL, 0, err);
    }
    return code;
}

static enum b_code on_begin(void *ctx, const struct dp_document_info *info, int32_t pages, struct b_err *err)
{
    struct run *r = ctx;
    struct b_arena *arena = b_arena_new((size_t)1 << 16);
    Docparse__V1__DocumentInfo *message = NULL;
    enum b_code code = open_writers(r, info, err);
    if (code == B_OK)
        code = arena ? svc_info_message(info, arena, &message, err) : b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    if (code == B_OK)
        code = r->events->opened(r->events->ctx, message, pages, err);
    b_arena_drop(arena);
    return code;
}

static void on_stage(void *ctx, enum dp_stage stage, int64_t ns)
{
    const struct run *r = ctx;
    svc_metrics_stage(r->metrics, (enum svc_stage)stage, ns);
}

static void on_between(void *ctx)
{
    const struct run *r = ctx;
    svc_worker_lend(r->worker);
}

static enum b_code on_page(void *ctx, const struct dp_page *page, const struct b_image_view *image, struct b_err *err)
{
    struct run *r = ctx;
    struct b_arena *arena = b_arena_new((size_t)512 << 20);
    Docparse__V1__Page *message = NULL;
    enum b_code code = B_OK;
    const int64_t since = b_now_ns();
    svc_metrics_page(r->metrics, (int)page->status);
    svc_admission_page(svc_server_admission(r->worker->server), r->client);
    if (page->status == DP_STATUS_FAILED) {
        svc_metrics_failure(r->metrics, SVC_FAILED_PAGE, svc_reason_name(page->error.code));
        r->result->pages_failed++;
    } else {
        r->result->pages_ok++;
    }
    for (size_t i = 0; i < r->result->n_rendered && code == B_OK; i++)
        code = out_page(r->writers[i], page, image, err);
    const bool typed = !(r->output && r->output->omit_document);
    if (code == B_OK && typed)
        code = arena ? svc_page_message(page, &r->message, arena, &message, err)
                     : b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    svc_metrics_stage(r->metrics, SVC_STAGE_WRITE, b_now_ns() - since);
    if (code == B_OK && typed)
        code = r->events->page(r->events->ctx, message, err); /* may wait for the client */
    b_arena_drop(arena);
    return code;
}

static struct dp_page_range *ranges_of(const Docparse__V1__ParseOptions *o)
{
    struct dp_page_range *ranges = o && o->n_pages ? calloc(o->n_pages, sizeof *ranges) : NULL;
    for (size_t i = 0; ranges && i < o->n_pages; i++)
        ranges[i] = (struct dp_page_range){o->pages[i]->first, o->pages[i]->last ? o->pages[i]->last : INT32_MAX};
    return ranges;
}

static enum b_code parse_source(struct svc_worker *worker, const struct dp_source *source, struct run *r,
                                const Docparse__V1__ParseOptions *o, struct b_cancel *cancel, struct b_err *err)
{
    const bool off = o && o->text_layer == DOCPARSE__V1__TEXT_LAYER_USE__TEXT_LAYER_USE_OFF;
    struct dp_page_range *ranges = ranges_of(o);
    const bool large = svc_parse_wants_large(o);
    struct dp_parse_options options = {
        .limits = svc_server_limits(worker->server),
        .dpi = o ? o->dpi : 0.0,
        .password = o && o->password[0] ? o->password : NULL,
        .sandbox = svc_server_options(worker->server)->sandbox,
        .ranges = ranges,
        .n_ranges = ranges ? o->n_pages : 0,
    };
    const struct dp_parse_events events = {.ctx = r, .took = on_stage, .between = on_between, .begin = on_begin, .page = on_page};
    struct dp_pipeline *pipeline = NULL;
    if (large)
        options.limits.page_seconds = svc_server_options(worker->server)->model_page_seconds;
    enum b_code code = o && o->n_pages && !ranges ? b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory") : B_OK;
    if (code == B_OK)
        code = svc_worker_pipeline(worker, off ? DP_TEXT_OFF : DP_TEXT_TRUST, large, &pipeline, err);
    if (code == B_OK)
        code = dp_pipeline_parse(pipeline, source, &options, &events, &r->result->status, cancel, err);
    for (size_t i = 0; i < r->result->n_rendered && code == B_OK; i++)
        code = out_end(r->writers[i], r->result->status, err);
    free(ranges);
    return code;
}

enum b_code svc_parse_run(struct svc_worker *worker, const struct svc_parse_input *input,
                          const struct svc_parse_events *events, struct b_cancel *cancel,
                          struct svc_parse_result *result, struct b_err *err)
{
    const Docparse__V1__ParseOptions *o = input->options;
    struct run r = {.worker = worker,
                    .metrics = svc_server_metrics(worker->server),
                    .client = input->client,
                    .events = events,
                    .output = o ? o->output : NULL,
                    .result = result};
    struct dp_source source = {0};
    const struct dp_limits limits = svc_server_limits(worker->server);
    *result = (struct svc_parse_result){.status = DP_STATUS_FAILED};
    if (r.output)
        r.message =
            (struct svc_message_options){.omit_words = r.output->omit_words, .omit_lines = r.output->omit_lines};
    enum b_code code =
        dp_source_of_bytes(input->data, input->size, input->name[0] ? input->name : "document", &limits, &source, err);
    if (code != B_OK)
        return code;
    if (input->sha256[0] && strcmp(input->sha256, source.sha256) != 0)
        code =
            b_fail(err, B_ARGUMENT, DOMAIN, "the content has the sha256 %s, not the one that was given", source.sha256);
    struct svc_parse_memory memory;
    svc_parse_memory_begin(&memory, worker->server, input, source.sha256, events);
    r.events = &memory.events;
    if (code == B_OK && !svc_parse_memory_tell(&memory, result, cancel, &code, err)) {
        if (svc_server_options(worker->server)->sandbox)
            code = dp_source_share(&source, err);
        if (code == B_OK)
            code = parse_source(worker, &source, &r, o, cancel, err);
        if (code == B_OK)
            svc_parse_memory_keep(&memory, result);
    }
    svc_parse_memory_end(&memory);
    for (size_t i = 0; i < SVC_MAX_RENDERED; i++)
        out_drop(r.writers[i]);
    dp_source_close(&source);
    return code;
}

enum b_code svc_parse_put_rendered(const struct svc_parse_result *result, struct b_buf *buf, uint32_t field,
                                   struct b_err *err)
{
    enum b_code code = B_OK;
    for (size_t i = 0; i < result->n_rendered && code == B_OK; i++) {
        const struct out_format *f = result->formats[i];
        const struct b_buf *bytes = &result->rendered[i];
        struct b_buf one;
        b_buf_init(&one, RENDERED_MAX);
        svc_wire_bytes(&one, 1, f->name, strlen(f->name));
        svc_wire_bytes(&one, 2, f->media_type, strlen(f->media_type));
        svc_wire_bytes(&one, 3, bytes->data ? bytes->data : "", bytes->len);
        code = b_buf_check(&one, DOMAIN, err);
        if (code == B_OK)
            svc_wire_bytes(buf, field, one.data, one.len);
        b_buf_free(&one);
    }
    return code == B_OK ? b_buf_check(buf, DOMAIN, err) : code;
}
