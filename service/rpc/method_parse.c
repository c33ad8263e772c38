/* SPDX-License-Identifier: Apache-2.0 */
/* ParseDocument and ParseStream. The poller collects the document within the server's byte budget, a worker
 * reads it. A stream says "opened" and each page as soon as they are there, and a heartbeat when it has been
 * silent for a while. */
#include <stdlib.h>
#include <string.h>

#include "service/rpc/messages.h"
#include "service/rpc/parse_run.h"
#include "service/rpc/request.h"
#include "service/rpc/wire.h"

#define DOMAIN "parse"
#define REPLY_MAX ((size_t)1 << 30)
#define CHUNK_MAX ((size_t)4 << 20)
#define UNARY_MAX ((size_t)64 << 20)
#define SILENCE_NS 5000000000LL /* a heartbeat after this long without an event */

struct parse_state {
    struct b_arena *arena;                     /* holds request or header */
    const Docparse__V1__ParseRequest *request; /* ParseDocument */
    const Docparse__V1__ParseHeader *header;   /* ParseStream */
    struct b_buf data;                         /* ParseStream: the document so far */
    atomic_llong last_event_ns;
    atomic_int pages_done, pages_to_read;
    bool queued;
};

static void drop_state(void *p)
{
    struct parse_state *st = p;
    b_arena_drop(st->arena);
    b_buf_free(&st->data);
    free(st);
}

static void begin(struct svc_call *call)
{
    struct parse_state *st = calloc(1, sizeof *st);
    if (!st) {
        struct b_err err;
        (void)b_fail(&err, B_NO_MEMORY, DOMAIN, "out of memory");
        svc_call_finish(call, &err);
        return;
    }
    const uint64_t max = svc_server_limits(svc_call_server(call)).input_bytes;
    b_buf_init(&st->data, max < SIZE_MAX ? (size_t)max : SIZE_MAX);
    atomic_init(&st->last_event_ns, b_now_ns());
    atomic_init(&st->pages_done, 0);
    atomic_init(&st->pages_to_read, 0);
    svc_call_set_state(call, st);
}

static bool options_fine(struct svc_call *call, const Docparse__V1__ParseOptions *options)
{
    struct b_err err;
    const char *field = NULL;
    if (svc_parse_check(options, &field, &err) != B_OK) {
        svc_request_refuse(call, field, &err);
        return false;
    }
    if (options && options->priority == DOCPARSE__V1__PRIORITY__PRIORITY_BULK)
        svc_call_ticket(call)->class = SVC_BULK;
    return svc_request_reader(call, options);
}

/* --- ParseDocument --- */

static void unary_message(struct svc_call *call, const uint8_t *data, size_t size)
{
    struct parse_state *st = svc_call_state(call);
    if (!svc_request_hold(call, size))
        return;
    st->request = svc_request_unpack(call, &docparse__v1__parse_request__descriptor, data, size, &st->arena);
    if (!st->request || !options_fine(call, st->request->options))
        return;
    if (st->request->content.len == 0) {
        struct b_err err;
        (void)b_fail(&err, B_ARGUMENT, DOMAIN, "there is no document in the request");
        svc_request_refuse(call, "content", &err);
        return;
    }
    st->queued = true;
    svc_call_enqueue(call);
}

static void unary_half_closed(struct svc_call *call)
{
    const struct parse_state *st = svc_call_state(call);
    struct b_err err;
    if (st->request)
        return;
    (void)b_fail(&err, B_ARGUMENT, DOMAIN, "the call ended without a request");
    svc_call_finish(call, &err);
}

struct unary_reply {
    struct b_buf document;
};

static enum b_code unary_opened(void *ctx, const Docparse__V1__DocumentInfo *info, int32_t pages, struct b_err *err)
{
    struct unary_reply *reply = ctx;
    (void)pages;
    return svc_wire_message(&reply->document, 1, &info->base, err);
}

static enum b_code unary_page(void *ctx, const Docparse__V1__Page *page, struct b_err *err)
{
    struct unary_reply *reply = ctx;
    return svc_wire_message(&reply->document, 3, &page->base, err);
}

static void unary_work(struct svc_call *call, struct svc_worker *worker)
{
    const struct parse_state *st = svc_call_state(call);
    const Docparse__V1__ParseRequest *request = st->request;
    const struct svc_parse_input input = {.client = svc_call_client(call),
                                          .name = request->name,
                                          .data = request->content.data,
                                          .size = request->content.len,
                                          .sha256 = request->sha256,
                                          .options = request->options,
                                          .remember = true};
    struct unary_reply reply;
    struct svc_parse_result result;
    struct b_buf out;
    struct b_err err = {0};
    b_buf_init(&reply.document, REPLY_MAX);
    b_buf_init(&out, REPLY_MAX);
    const struct svc_parse_events events = {.ctx = &reply, .opened = unary_opened, .page = unary_page};
    enum b_code code = svc_parse_run(worker, &input, &events, svc_call_cancel(call), &result, &err);
    if (code == B_OK) {
        svc_wire_number(&reply.document, 2, (uint64_t)svc_status_message(result.status));
        code = b_buf_check(&reply.document, DOMAIN, &err);
    }
    const bool typed = !(request->options && request->options->output && request->options->output->omit_document);
    if (code == B_OK && typed)
        svc_wire_bytes(&out, 1, reply.document.data, reply.document.len);
    if (code == B_OK)
        code = svc_parse_put_rendered(&result, &out, 2, &err);
    if (code == B_OK)
        (void)svc_call_send(call, &out, true);
    svc_call_finish(call, code == B_OK ? NULL : &err);
    svc_parse_result_free(&result);
    b_buf_free(&reply.document);
    b_buf_free(&out);
}

const struct svc_method svc_parse_document = {
    .path = "/docparse.v1.DocumentParser/ParseDocument",
    .max_message = UNARY_MAX,
    .costly = true,
    .begin = begin,
    .message = unary_message,
    .half_closed = unary_half_closed,
    .work = unary_work,
    .drop = drop_state,
};

/* --- ParseStream --- */

static void refuse(struct svc_call *call, const char *what)
{
    struct b_err err;
    (void)b_fail(&err, B_ARGUMENT, DOMAIN, "%s", what);
    svc_call_finish(call, &err);
}

static void take_header(struct svc_call *call, struct parse_state *st, const Docparse__V1__ParseChunk *chunk,
                        struct b_arena *arena)
{
    if (st->header || chunk->part_case != DOCPARSE__V1__PARSE_CHUNK__PART_HEADER) {
        b_arena_drop(arena);
        refuse(call, st->header ? "a second header" : "the first message must be the header");
        return;
    }
    st->arena = arena;
    st->header = chunk->header;
    if (!options_fine(call, st->header->options))
        return;
    if (st->header->size > st->data.max)
        refuse(call, "the document is larger than the server takes");
    else if (svc_call_ticket(call)->class == SVC_BULK) /* interactive ones were asked at the door */
        (void)svc_call_has_room(call);
}

static void stream_message(struct svc_call *call, const uint8_t *data, size_t size)
{
    struct parse_state *st = svc_call_state(call);
    struct b_arena *arena = NULL;
    struct b_err err;
    const Docparse__V1__ParseChunk *chunk =
        svc_request_unpack(call, &docparse__v1__parse_chunk__descriptor, data, size, &arena);
    if (!chunk) {
        b_arena_drop(arena);
        return;
    }
    if (!st->header || chunk->part_case != DOCPARSE__V1__PARSE_CHUNK__PART_DATA) {
        take_header(call, st, chunk, arena);
        return;
    }
    if (svc_request_hold(call, chunk->data.len)) {
        b_buf_append(&st->data, chunk->data.data, chunk->data.len);
        if (b_buf_check(&st->data, DOMAIN, &err) != B_OK)
            svc_call_finish(call, &err);
    }
    b_arena_drop(arena);
}

static void stream_half_closed(struct svc_call *call)
{
    struct parse_state *st = svc_call_state(call);
    if (!st->header)
        refuse(call, "the stream ended without a header");
    else if (st->data.len == 0)
        refuse(call, "the stream ended without a document");
    else if (st->header->size != 0 && st->header->size != st->data.len)
        refuse(call, "the document is not as long as its header says");
    else {
        st->queued = true;
        svc_call_enqueue(call);
    }
}

static enum b_code send_event(struct svc_call *call, const Docparse__V1__ParseEvent *event, bool may_wait,
                              struct b_err *err)
{
    struct parse_state *st = svc_call_state(call);
    struct b_buf buf;
    b_buf_init(&buf, REPLY_MAX);
    enum b_code code = svc_wire_pack(&buf, &event->base, err);
    atomic_store(&st->last_event_ns, b_now_ns());
    if (code == B_OK && !svc_call_send(call, &buf, may_wait))
        code = b_fail(err, B_CANCELLED, DOMAIN, "the client left");
    b_buf_free(&buf);
    return code;
}

static enum b_code stream_opened(void *ctx, const Docparse__V1__DocumentInfo *info, int32_t pages, struct b_err *err)
{
    struct parse_state *st = svc_call_state(ctx);
    Docparse__V1__Opened opened = DOCPARSE__V1__OPENED__INIT;
    Docparse__V1__ParseEvent event = DOCPARSE__V1__PARSE_EVENT__INIT;
    atomic_store(&st->pages_to_read, pages);
    opened.info = svc_borrow_message(info);
    opened.pages_to_read = pages;
    event.event_case = DOCPARSE__V1__PARSE_EVENT__EVENT_OPENED;
    event.opened = &opened;
    return send_event(ctx, &event, true, err);
}

static enum b_code stream_page(void *ctx, const Docparse__V1__Page *page, struct b_err *err)
{
    struct parse_state *st = svc_call_state(ctx);
    Docparse__V1__ParseEvent event = DOCPARSE__V1__PARSE_EVENT__INIT;
    atomic_fetch_add(&st->pages_done, 1);
    event.event_case = DOCPARSE__V1__PARSE_EVENT__EVENT_PAGE;
    event.page = svc_borrow_message(page);
    return send_event(ctx, &event, true, err);
}

/* ParseEvent.finished, put together by hand because rendered formats are buffers already. */
static enum b_code send_finished(struct svc_call *call, const struct svc_parse_result *result, struct b_err *err)
{
    struct b_buf finished, event;
    b_buf_init(&finished, REPLY_MAX);
    b_buf_init(&event, REPLY_MAX);
    svc_wire_number(&finished, 1, (uint64_t)svc_status_message(result->status));
    svc_wire_number(&finished, 2, (uint64_t)result->pages_ok);
    svc_wire_number(&finished, 3, (uint64_t)result->pages_failed);
    enum b_code code = svc_parse_put_rendered(result, &finished, 4, err);
    if (code == B_OK) {
        svc_wire_bytes(&event, DOCPARSE__V1__PARSE_EVENT__EVENT_FINISHED, finished.data, finished.len);
        code = b_buf_check(&event, DOMAIN, err);
    }
    if (code == B_OK && !svc_call_send(call, &event, true))
        code = b_fail(err, B_CANCELLED, DOMAIN, "the client left");
    b_buf_free(&finished);
    b_buf_free(&event);
    return code;
}

static void stream_work(struct svc_call *call, struct svc_worker *worker)
{
    const struct parse_state *st = svc_call_state(call);
    const struct svc_parse_input input = {.client = svc_call_client(call),
                                          .name = st->header->name,
                                          .data = (const uint8_t *)st->data.data,
                                          .size = st->data.len,
                                          .sha256 = st->header->sha256,
                                          .options = st->header->options,
                                          .remember = true};
    const struct svc_parse_events events = {.ctx = call, .opened = stream_opened, .page = stream_page};
    struct svc_parse_result result;
    struct b_err err = {0};
    enum b_code code = svc_parse_run(worker, &input, &events, svc_call_cancel(call), &result, &err);
    if (code == B_OK)
        code = send_finished(call, &result, &err);
    svc_call_finish(call, code == B_OK ? NULL : &err);
    svc_parse_result_free(&result);
}

static void stream_tick(struct svc_call *call, int64_t now_ns)
{
    struct parse_state *st = svc_call_state(call);
    struct b_err err;
    if (!st || !st->queued || now_ns - atomic_load(&st->last_event_ns) < SILENCE_NS || !svc_call_idle(call))
        return;
    Docparse__V1__Heartbeat beat = DOCPARSE__V1__HEARTBEAT__INIT;
    Docparse__V1__ParseEvent event = DOCPARSE__V1__PARSE_EVENT__INIT;
    beat.pages_done = atomic_load(&st->pages_done);
    beat.pages_to_read = atomic_load(&st->pages_to_read);
    beat.queue_position = svc_admission_position(svc_server_admission(svc_call_server(call)), svc_call_ticket(call));
    event.event_case = DOCPARSE__V1__PARSE_EVENT__EVENT_HEARTBEAT;
    event.heartbeat = &beat;
    (void)send_event(call, &event, false, &err);
}

const struct svc_method svc_parse_stream = {
    .path = "/docparse.v1.DocumentParser/ParseStream",
    .max_message = CHUNK_MAX,
    .streams_requests = true,
    .costly = true,
    .begin = begin,
    .message = stream_message,
    .half_closed = stream_half_closed,
    .work = stream_work,
    .tick = stream_tick,
    .drop = drop_state,
};
