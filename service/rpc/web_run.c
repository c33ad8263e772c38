/* SPDX-License-Identifier: Apache-2.0 */
/* One document on a worker, told line by line: pages as lines of the jsonl format with their pictures, and the next
 * piece of every format asked for, so that neither side ever needs the whole at once. A format that fails is left out
 * and named at the end; the document goes on. */
#include <stdlib.h>
#include <string.h>

#include "output/escape.h"
#include "output/json_emit.h"
#include "output/picture.h"
#include "service/rpc/messages.h"
#include "service/rpc/metrics.h"
#include "service/rpc/web_private.h"

#define LINE_MAX_BYTES ((size_t)1 << 30)
#define PICTURE_WIDTH 1400 /* px: small print stays readable, an office page takes about 200 KB */

struct part {
    const struct out_format *format;
    struct out_writer *writer; /* NULL: given up, see `why` */
    struct b_buf bytes;        /* since the last event; whole files of binary formats */
    struct b_err why;
};

struct web_run {
    struct web_request *request;
    struct part lines; /* the jsonl format */
    struct part parts[WEB_FORMATS];
    size_t n_parts;
    struct out_options options;
    struct out_sink sinks[WEB_FORMATS + 1];
    const struct dp_source *source;
    int32_t pages_ok, pages_failed;
    struct b_buf line;
};

static enum b_code to_part(void *ctx, const void *data, size_t size, struct b_err *err)
{
    struct part *part = ctx;
    b_buf_append(&part->bytes, data, size);
    return b_buf_check(&part->bytes, WEB_DOMAIN, err);
}

static bool is_binary(const struct out_format *f)
{
    return strcmp(f->name, "xlsx") == 0 || strcmp(f->name, "pdf") == 0;
}

static enum b_code open_part(struct web_run *run, struct part *part, struct out_sink *sink, const struct out_format *f,
                             const struct dp_document_info *info, struct b_err *err)
{
    part->format = f;
    b_buf_init(&part->bytes, LINE_MAX_BYTES);
    *sink = (struct out_sink){.ctx = part, .write = to_part};
    enum b_code code = out_open(f, &run->options, sink, &part->writer, err);
    if (code == B_OK)
        code = out_begin(part->writer, info, f->needs_source ? run->source->bytes.data : NULL,
                         f->needs_source ? run->source->bytes.size : 0, err);
    return code;
}

static void give_up(struct part *part)
{
    out_drop(part->writer);
    part->writer = NULL;
    b_buf_free(&part->bytes);
}

/* What a writer wrote, as a JSON string: well-formed UTF-8 that keeps its form feeds. */
static void put_string(struct b_buf *out, const struct b_buf *text)
{
    size_t from = 0;
    b_buf_putc(out, '"');
    for (size_t i = 0; i < text->len; i++) {
        const unsigned char c = (unsigned char)text->data[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        b_buf_append(out, text->data + from, i - from);
        b_buf_printf(out, "\\u%04x", c);
        from = i + 1;
    }
    b_buf_append(out, text->data + from, text->len - from);
    b_buf_putc(out, '"');
}

/* "parts":{"md":"..."}: what the text formats have written since the last line. */
static void put_parts(struct web_run *run)
{
    const char *comma = "";
    b_buf_puts(&run->line, ",\"parts\":{");
    for (size_t i = 0; i < run->n_parts; i++) {
        struct part *part = &run->parts[i];
        if (is_binary(part->format) || part->bytes.len == 0)
            continue;
        b_buf_printf(&run->line, "%s\"%s\":", comma, part->format->name);
        put_string(&run->line, &part->bytes);
        b_buf_clear(&part->bytes);
        comma = ",";
    }
    b_buf_putc(&run->line, '}');
}

/* A line of the jsonl format without its newline, as the value of `key`. */
static void put_jsonl(struct web_run *run, const char *key)
{
    const struct b_buf *bytes = &run->lines.bytes;
    size_t len = bytes->len;
    while (len > 0 && bytes->data[len - 1] == '\n')
        len--;
    b_buf_printf(&run->line, ",\"%s\":", key);
    b_buf_append(&run->line, len > 0 ? bytes->data : "null", len > 0 ? len : 4);
    b_buf_clear(&run->lines.bytes);
}

static enum b_code send_line(struct web_run *run, struct b_err *err)
{
    b_buf_puts(&run->line, "}\n");
    const enum b_code code = web_send(run->request, &run->line, err);
    b_buf_free(&run->line);
    return code;
}

static enum b_code on_begin(void *ctx, const struct dp_document_info *info, int32_t pages, struct b_err *err)
{
    struct web_run *run = ctx;
    const struct web_form *form = &run->request->form;
    enum b_code code = open_part(run, &run->lines, &run->sinks[WEB_FORMATS], out_format_find("jsonl"), info, err);
    for (size_t i = 0; i < form->n_wanted; i++) {
        struct part *part = &run->parts[run->n_parts++];
        if (open_part(run, part, &run->sinks[i], form->wanted[i], info, &part->why) != B_OK)
            give_up(part);
    }
    pthread_mutex_lock(&run->request->lock);
    run->request->pages = pages;
    pthread_mutex_unlock(&run->request->lock);
    if (code != B_OK)
        return code;
    b_buf_printf(&run->line, "{\"event\":\"opened\",\"pages\":%d", pages);
    put_jsonl(run, "document");
    put_parts(run);
    return send_line(run, err);
}

static void on_stage(void *ctx, enum dp_stage stage, int64_t ns)
{
    const struct web_run *run = ctx;
    svc_metrics_stage(svc_server_metrics(run->request->server), (enum svc_stage)stage, ns);
}

static enum b_code on_page(void *ctx, const struct dp_page *page, const struct b_image_view *image, struct b_err *err)
{
    struct web_run *run = ctx;
    struct svc_metrics *metrics = svc_server_metrics(run->request->server);
    const int64_t since = b_now_ns();
    enum b_code code = out_page(run->lines.writer, page, NULL, err);
    svc_metrics_page(metrics, (int)page->status);
    svc_admission_page(svc_server_admission(run->request->server), run->request->ticket.client);
    if (page->status == DP_STATUS_FAILED) {
        svc_metrics_failure(metrics, SVC_FAILED_PAGE, svc_reason_name(page->error.code));
        run->pages_failed++;
    } else {
        run->pages_ok++;
    }
    for (size_t i = 0; i < run->n_parts && code == B_OK; i++)
        if (run->parts[i].writer && out_page(run->parts[i].writer, page, image, &run->parts[i].why) != B_OK)
            give_up(&run->parts[i]);
    if (code != B_OK)
        return code;
    b_buf_puts(&run->line, "{\"event\":\"page\"");
    put_jsonl(run, "page");
    put_parts(run);
    if (image) {
        b_buf_puts(&run->line, ",\"picture\":\"");
        code = out_data_uri(&run->line, *image, PICTURE_WIDTH, err);
        b_buf_putc(&run->line, '"');
    }
    svc_metrics_stage(metrics, SVC_STAGE_WRITE, b_now_ns() - since);
    pthread_mutex_lock(&run->request->lock);
    run->request->pages_done++;
    pthread_mutex_unlock(&run->request->lock);
    return code == B_OK ? send_line(run, err) : code;
}

static enum b_code send_finished(struct web_run *run, enum dp_status status, struct b_err *err)
{
    for (size_t i = 0; i < run->n_parts; i++)
        if (run->parts[i].writer && out_end(run->parts[i].writer, status, &run->parts[i].why) != B_OK)
            give_up(&run->parts[i]);
    b_buf_printf(&run->line, "{\"event\":\"finished\",\"status\":\"%s\",\"pages_ok\":%d,\"pages_failed\":%d",
                 dp_status_name(status), run->pages_ok, run->pages_failed);
    put_parts(run);
    const char *comma = "";
    b_buf_puts(&run->line, ",\"binary\":{");
    for (size_t i = 0; i < run->n_parts; i++) {
        struct part *part = &run->parts[i];
        if (!part->writer || !is_binary(part->format) || part->bytes.len == 0)
            continue;
        b_buf_printf(&run->line, "%s\"%s\":\"", comma, part->format->name);
        out_base64(&run->line, part->bytes.data, part->bytes.len);
        b_buf_putc(&run->line, '"');
        comma = ",";
    }
    b_buf_putc(&run->line, '}');
    struct out_json j = {.buf = &run->line, .need_comma = true};
    out_json_open_object(&j, "missing");
    for (size_t i = 0; i < run->n_parts; i++)
        if (!run->parts[i].writer)
            out_json_text(&j, run->parts[i].format->name, run->parts[i].why.message);
    out_json_close_object(&j);
    return send_line(run, err);
}

static enum b_code read_document(struct web_run *run, struct svc_worker *worker, struct b_err *err)
{
    struct web_request *r = run->request;
    struct web_form *form = &r->form;
    struct dp_source source = {0};
    struct dp_pipeline *pipeline = NULL;
    enum dp_status status = DP_STATUS_FAILED;
    const struct dp_limits limits = svc_server_limits(worker->server);
    const struct dp_parse_options options = {
        .limits = limits,
        .password = form->password[0] ? form->password : NULL,
        .sandbox = svc_server_options(worker->server)->sandbox,
        .ranges = form->n_ranges ? form->ranges : NULL,
        .n_ranges = form->n_ranges,
        .keep_images = true,
    };
    const struct dp_parse_events events = {.ctx = run, .took = on_stage, .begin = on_begin, .page = on_page};
    enum b_code code = dp_source_of_bytes(form->file.data, form->file.len, form->name[0] ? form->name : "document",
                                          &limits, &source, err);
    if (code != B_OK)
        return code;
    run->source = &source;
    if (options.sandbox)
        code = dp_source_share(&source, err);
    if (code == B_OK)
        code = svc_worker_pipeline(worker, strcmp(form->text_layer, "off") == 0 ? DP_TEXT_OFF : DP_TEXT_TRUST, false,
                                   &pipeline, err);
    if (code == B_OK)
        code = dp_pipeline_parse(pipeline, &source, &options, &events, &status, &r->cancel, err);
    if (code == B_OK)
        code = send_finished(run, status, err);
    for (size_t i = 0; i < run->n_parts; i++)
        give_up(&run->parts[i]);
    give_up(&run->lines);
    dp_source_close(&source);
    return code;
}

void web_work(struct svc_ticket *ticket, struct svc_worker *worker)
{
    struct web_request *r = (struct web_request *)(void *)ticket;
    struct web_run *run = calloc(1, sizeof *run);
    struct b_err err = {0}, lost;
    enum b_code code = b_cancel_check(&r->cancel, &err);
    if (code == B_OK && !run)
        code = b_fail(&err, B_NO_MEMORY, WEB_DOMAIN, "out of memory");
    if (code == B_OK) {
        run->request = r;
        run->options = (struct out_options){.words = true};
        b_buf_init(&run->line, LINE_MAX_BYTES);
        code = read_document(run, worker, &err);
        b_buf_free(&run->line);
    }
    if (code != B_OK) {
        struct b_buf line;
        b_buf_init(&line, 4096);
        b_buf_puts(&line, "{\"event\":\"error\",");
        web_put_error(&line, svc_reason_name(code), &err, -1);
        svc_metrics_failure(svc_server_metrics(r->server), SVC_FAILED_CALL, svc_reason_name(code));
        b_buf_puts(&line, "}\n");
        (void)!web_send(r, &line, &lost);
        b_buf_free(&line);
    }
    free(run);
    web_over(r, code == B_OK ? SVC_GRPC_OK : svc_grpc_code_of(code));
    svc_admission_leave(svc_server_admission(worker->server), ticket);
    web_request_unref(r);
}
