/* SPDX-License-Identifier: Apache-2.0 */
/* The client's side of gRPC. One completion queue, one thread: a batch is started and waited for in short steps,
 * so that an interrupt cancels the call. Refusals that invite a retry are tried again after the server's own
 * delay; a call is repeated as a whole, which is safe because reading a document changes nothing. */
#include "service/rpc/client.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "docparse/document.h"
#include "docparse/v1/parser.pb-c.h"
#include "engine/base/buf.h"
#include "engine/base/file.h"
#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"
#include "service/rpc/status.h"
#include "service/rpc/unpack.h"
#include "service/rpc/wire.h"

#define DOMAIN "client"
#define CHUNK ((size_t)512 << 10)
#define STEP_MS 200
#define PEM_MAX ((uint64_t)1 << 20)
#define MESSAGE_MAX (1 << 30)
#define DEFAULT_SECONDS 3600.0
#define RETRY_MS_MAX 60000
#define METHOD_STREAM "/docparse.v1.DocumentParser/ParseStream"
#define METHOD_INFO "/docparse.v1.DocumentParser/GetServerInfo"
#define METHOD_CAPACITY "/docparse.v1.DocumentParser/GetCapacity"

struct svc_client {
    grpc_channel *channel;
    grpc_completion_queue *queue;
    char *authorization; /* "Bearer ..." or NULL */
    double seconds;
    int retries;
};

/* One call under way. */
struct stream {
    struct svc_client *client;
    struct b_cancel *cancel;
    grpc_call *call;
    grpc_metadata_array initial, trailing;
    grpc_status_code code;
    grpc_slice details;
    bool ended, headed; /* status and server's headers are there */
};

static enum b_code read_text(const char *path, char **out, struct b_err *err)
{
    struct b_bytes bytes;
    *out = NULL;
    if (!path)
        return B_OK;
    enum b_code code = b_bytes_map(path, PEM_MAX, &bytes, err);
    if (code != B_OK)
        return code;
    *out = malloc(bytes.size + 1);
    if (*out) {
        memcpy(*out, bytes.data, bytes.size);
        (*out)[bytes.size] = '\0';
    }
    b_bytes_close(&bytes);
    return *out ? B_OK : b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
}

static enum b_code make_credentials(const struct svc_client_options *o, grpc_channel_credentials **out,
                                    struct b_err *err)
{
    char *ca = NULL, *cert = NULL, *key = NULL;
    *out = NULL;
    if (!o->tls_ca) {
        *out = grpc_insecure_credentials_create();
        return B_OK;
    }
    enum b_code code = read_text(o->tls_ca, &ca, err);
    if (code == B_OK)
        code = read_text(o->tls_cert, &cert, err);
    if (code == B_OK)
        code = read_text(o->tls_key, &key, err);
    if (code == B_OK) {
        grpc_ssl_pem_key_cert_pair pair = {.private_key = key, .cert_chain = cert};
        *out = grpc_ssl_credentials_create_ex(ca, cert && key ? &pair : NULL, NULL, NULL);
    }
    free(ca);
    free(cert);
    free(key);
    return code;
}

static grpc_arg number_arg(const char *key, int value)
{
    union {
        const char *in;
        char *out;
    } name = {.in = key};
    return (grpc_arg){.type = GRPC_ARG_INTEGER, .key = name.out, .value = {.integer = value}};
}

enum b_code svc_client_new(const struct svc_client_options *o, struct svc_client **out, struct b_err *err)
{
    grpc_channel_credentials *credentials = NULL;
    struct svc_client *c = calloc(1, sizeof *c);
    *out = NULL;
    if (!c)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    grpc_init();
    c->seconds = o->deadline_seconds > 0 ? o->deadline_seconds : DEFAULT_SECONDS;
    c->retries = o->retries;
    enum b_code code = make_credentials(o, &credentials, err);
    if (code == B_OK && o->token) {
        const size_t size = strlen(o->token) + sizeof "Bearer ";
        c->authorization = malloc(size);
        if (c->authorization)
            (void)snprintf(c->authorization, size, "Bearer %s", o->token);
        else
            code = b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    }
    if (code == B_OK) {
        grpc_arg args[] = {number_arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, MESSAGE_MAX),
                           number_arg(GRPC_ARG_ENABLE_HTTP_PROXY, 0)};
        const grpc_channel_args channel_args = {.num_args = sizeof args / sizeof args[0], .args = args};
        c->queue = grpc_completion_queue_create_for_next(NULL);
        c->channel = grpc_channel_create(o->address, credentials, &channel_args);
    }
    if (credentials)
        grpc_channel_credentials_release(credentials);
    if (code != B_OK) {
        svc_client_drop(c);
        return code;
    }
    *out = c;
    return B_OK;
}

void svc_client_drop(struct svc_client *c)
{
    if (!c)
        return;
    if (c->channel)
        grpc_channel_destroy(c->channel);
    if (c->queue) {
        grpc_completion_queue_shutdown(c->queue);
        while (grpc_completion_queue_next(c->queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL).type !=
               GRPC_QUEUE_SHUTDOWN)
            continue;
        grpc_completion_queue_destroy(c->queue);
    }
    free(c->authorization);
    free(c);
    grpc_shutdown();
}

/* Waits for the batch with this tag; a request to stop cancels the call, whose batches then end by themselves.
 * The status batch has the stream itself as its tag and may come at any time. */
static bool wait_for(struct stream *s, const void *tag)
{
    for (;;) {
        const gpr_timespec until =
            gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(STEP_MS, GPR_TIMESPAN));
        const grpc_event e = grpc_completion_queue_next(s->client->queue, until, NULL);
        if (b_cancel_check(s->cancel, NULL) != B_OK)
            (void)grpc_call_cancel(s->call, NULL);
        if (e.type != GRPC_OP_COMPLETE)
            continue;
        if (e.tag == s)
            s->ended = true;
        if (e.tag == &s->initial)
            s->headed = true;
        if (e.tag == tag)
            return e.success != 0;
    }
}

static void open_stream(struct svc_client *c, const char *method, struct b_cancel *cancel, struct stream *s)
{
    *s = (struct stream){.client = c, .cancel = cancel};
    grpc_metadata_array_init(&s->initial);
    grpc_metadata_array_init(&s->trailing);
    const gpr_timespec deadline =
        gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis((int64_t)(c->seconds * 1000.0), GPR_TIMESPAN));
    s->call = grpc_channel_create_call(c->channel, NULL, GRPC_PROPAGATE_DEFAULTS, c->queue,
                                       grpc_slice_from_static_string(method), NULL, deadline, NULL);
    grpc_op op = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT};
    op.data.recv_status_on_client.trailing_metadata = &s->trailing;
    op.data.recv_status_on_client.status = &s->code;
    op.data.recv_status_on_client.status_details = &s->details;
    (void)grpc_call_start_batch(s->call, &op, 1, s, NULL);
    grpc_metadata header = {.key = grpc_slice_from_static_string("authorization"),
                            .value = grpc_slice_from_static_string(c->authorization ? c->authorization : "")};
    grpc_op start[2] = {{.op = GRPC_OP_SEND_INITIAL_METADATA}, {.op = GRPC_OP_RECV_INITIAL_METADATA}};
    start[0].data.send_initial_metadata.count = c->authorization ? 1 : 0;
    start[0].data.send_initial_metadata.metadata = &header;
    start[1].data.recv_initial_metadata.recv_initial_metadata = &s->initial;
    (void)grpc_call_start_batch(s->call, start, 1, start, NULL);
    (void)wait_for(s, start);
    /* The server's headers come with its first message. */
    (void)grpc_call_start_batch(s->call, &start[1], 1, &s->initial, NULL);
}

static bool send_bytes(struct stream *s, const void *data, size_t size)
{
    grpc_slice slice = grpc_slice_from_copied_buffer(data, size);
    grpc_byte_buffer *bytes = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_op op = {.op = GRPC_OP_SEND_MESSAGE};
    op.data.send_message.send_message = bytes;
    const bool fine = grpc_call_start_batch(s->call, &op, 1, bytes, NULL) == GRPC_CALL_OK && wait_for(s, bytes);
    grpc_slice_unref(slice);
    grpc_byte_buffer_destroy(bytes);
    return fine;
}

static void half_close(struct stream *s)
{
    grpc_op op = {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT};
    if (grpc_call_start_batch(s->call, &op, 1, &op, NULL) == GRPC_CALL_OK)
        (void)wait_for(s, &op);
}

/* The next message, to be unreferenced; false at the end. */
static bool receive(struct stream *s, grpc_slice *out)
{
    grpc_byte_buffer *bytes = NULL;
    grpc_byte_buffer_reader reader;
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};
    op.data.recv_message.recv_message = &bytes;
    if (grpc_call_start_batch(s->call, &op, 1, &op, NULL) != GRPC_CALL_OK)
        return false;
    (void)wait_for(s, &op);
    if (!bytes)
        return false;
    const bool fine = grpc_byte_buffer_reader_init(&reader, bytes) != 0;
    if (fine) {
        *out = grpc_byte_buffer_reader_readall(&reader);
        grpc_byte_buffer_reader_destroy(&reader);
    }
    grpc_byte_buffer_destroy(bytes);
    return fine;
}

static enum b_code code_of(grpc_status_code code)
{
    switch (code) {
    case GRPC_STATUS_OK:
        return B_OK;
    case GRPC_STATUS_CANCELLED:
        return B_CANCELLED;
    case GRPC_STATUS_DEADLINE_EXCEEDED:
        return B_DEADLINE;
    case GRPC_STATUS_INVALID_ARGUMENT:
    case GRPC_STATUS_UNAUTHENTICATED:
    case GRPC_STATUS_PERMISSION_DENIED:
        return B_ARGUMENT;
    case GRPC_STATUS_RESOURCE_EXHAUSTED:
        return B_LIMIT;
    case GRPC_STATUS_UNIMPLEMENTED:
        return B_UNSUPPORTED;
    case GRPC_STATUS_NOT_FOUND:
        return B_NOT_FOUND;
    case GRPC_STATUS_UNAVAILABLE:
        return B_IO;
    default:
        return B_INTERNAL;
    }
}

static const grpc_slice *trailer(const struct stream *s, const char *key)
{
    for (size_t i = 0; i < s->trailing.count; i++)
        if (grpc_slice_str_cmp(s->trailing.metadata[i].key, key) == 0)
            return &s->trailing.metadata[i].value;
    return NULL;
}

/* The stable reason of the error details, such as "QUEUE_FULL", into reason. */
static void take_reason(const struct stream *s, char *reason, size_t size)
{
    const grpc_slice *bytes = trailer(s, "grpc-status-details-bin");
    reason[0] = '\0';
    Google__Rpc__Status *status =
        bytes ? google__rpc__status__unpack(NULL, GRPC_SLICE_LENGTH(*bytes), GRPC_SLICE_START_PTR(*bytes)) : NULL;
    for (size_t i = 0; status && i < status->n_details; i++) {
        const Google__Protobuf__Any *any = status->details[i];
        if (strcmp(any->type_url, "type.googleapis.com/google.rpc.ErrorInfo") != 0)
            continue;
        Google__Rpc__ErrorInfo *info = google__rpc__error_info__unpack(NULL, any->value.len, any->value.data);
        if (info) {
            (void)snprintf(reason, size, "%s", info->reason);
            google__rpc__error_info__free_unpacked(info, NULL);
        }
    }
    if (status)
        google__rpc__status__free_unpacked(status, NULL);
}

/* Waits for the status and frees the call. *retry_ms: what the server asks to wait before another try, or -1. */
static enum b_code close_stream(struct stream *s, int64_t *retry_ms, struct b_err *err)
{
    char reason[24];
    if (!s->ended)
        (void)wait_for(s, s);
    if (!s->headed)
        (void)wait_for(s, &s->initial);
    const grpc_slice *pushback = trailer(s, "grpc-retry-pushback-ms");
    *retry_ms = -1;
    if (pushback) {
        char text[24] = "";
        const size_t len =
            GRPC_SLICE_LENGTH(*pushback) < sizeof text - 1 ? GRPC_SLICE_LENGTH(*pushback) : sizeof text - 1;
        memcpy(text, GRPC_SLICE_START_PTR(*pushback), len);
        *retry_ms = strtoll(text, NULL, 10);
    }
    const enum b_code code = code_of(s->code);
    if (code != B_OK) {
        take_reason(s, reason, sizeof reason);
        (void)b_fail(err, code, reason[0] ? reason : DOMAIN, "%.*s", (int)GRPC_SLICE_LENGTH(s->details),
                     (const char *)GRPC_SLICE_START_PTR(s->details));
    }
    grpc_slice_unref(s->details);
    grpc_metadata_array_destroy(&s->initial);
    grpc_metadata_array_destroy(&s->trailing);
    grpc_call_unref(s->call);
    return code;
}

/* --- ParseStream --- */

static enum b_code send_header(struct stream *s, const struct svc_client_request *r, struct b_err *err)
{
    Docparse__V1__OutputOptions output = DOCPARSE__V1__OUTPUT_OPTIONS__INIT;
    Docparse__V1__ParseOptions options = DOCPARSE__V1__PARSE_OPTIONS__INIT;
    Docparse__V1__ParseHeader header = DOCPARSE__V1__PARSE_HEADER__INIT;
    Docparse__V1__ParseChunk chunk = DOCPARSE__V1__PARSE_CHUNK__INIT;
    char *formats[16];
    struct b_buf buf;
    for (size_t i = 0; i < r->n_formats && i < sizeof formats / sizeof formats[0]; i++)
        formats[output.n_formats++] = svc_borrow(r->formats[i]);
    output.formats = formats;
    output.omit_words = true; /* typed pages only count here: what is kept are the rendered formats */
    output.omit_lines = true;
    options.output = &output;
    options.password = svc_borrow(r->password ? r->password : "");
    options.text_layer = (Docparse__V1__TextLayerUse)r->text_layer;
    options.priority = r->bulk ? DOCPARSE__V1__PRIORITY__PRIORITY_BULK : DOCPARSE__V1__PRIORITY__PRIORITY_INTERACTIVE;
    header.name = svc_borrow(r->name);
    header.size = r->size;
    header.options = &options;
    chunk.part_case = DOCPARSE__V1__PARSE_CHUNK__PART_HEADER;
    chunk.header = &header;
    b_buf_init(&buf, (size_t)1 << 20);
    enum b_code code = svc_wire_pack(&buf, &chunk.base, err);
    if (code == B_OK)
        (void)send_bytes(s, buf.data, buf.len);
    b_buf_free(&buf);
    return code;
}

/* A refused send means that the server has ended the call: its status says why. */
static enum b_code send_document(struct stream *s, const struct svc_client_request *r, struct b_err *err)
{
    enum b_code code = send_header(s, r, err);
    struct b_buf buf;
    b_buf_init(&buf, CHUNK + 64);
    for (size_t at = 0; at < r->size && code == B_OK && !s->ended; at += CHUNK) {
        const size_t n = r->size - at < CHUNK ? r->size - at : CHUNK;
        b_buf_clear(&buf);
        svc_wire_bytes(&buf, 2, (const char *)r->data + at, n);
        code = b_buf_check(&buf, DOMAIN, err);
        if (code == B_OK && !send_bytes(s, buf.data, buf.len))
            break;
    }
    b_buf_free(&buf);
    if (code == B_OK)
        half_close(s);
    return code;
}

struct heard {
    const struct svc_client_events *events;
    int32_t done, to_read;
    int status; /* -1 until the end has been heard */
};

static enum b_code hear_end(struct heard *h, const Docparse__V1__Finished *f, struct b_err *err)
{
    enum b_code code = B_OK;
    h->status = f->status == DOCPARSE__V1__STATUS__STATUS_OK        ? DP_STATUS_OK
                : f->status == DOCPARSE__V1__STATUS__STATUS_PARTIAL ? DP_STATUS_PARTIAL
                                                                    : DP_STATUS_FAILED;
    for (size_t i = 0; i < f->n_rendered && code == B_OK; i++)
        code = h->events->rendered(h->events->ctx, f->rendered[i]->format, f->rendered[i]->content.data,
                                   f->rendered[i]->content.len, err);
    return code;
}

static enum b_code hear(struct heard *h, grpc_slice message, struct b_err *err)
{
    const size_t size = GRPC_SLICE_LENGTH(message);
    struct b_arena *arena = b_arena_new(svc_unpack_budget(size));
    ProtobufCMessage *m = NULL;
    enum b_code code =
        arena ? svc_unpack(&docparse__v1__parse_event__descriptor, GRPC_SLICE_START_PTR(message), size, arena, &m, err)
              : b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    if (code == B_OK) {
        const Docparse__V1__ParseEvent *e = (const Docparse__V1__ParseEvent *)(const void *)m;
        int32_t position = 0;
        if (e->event_case == DOCPARSE__V1__PARSE_EVENT__EVENT_OPENED)
            h->to_read = e->opened->pages_to_read;
        else if (e->event_case == DOCPARSE__V1__PARSE_EVENT__EVENT_PAGE)
            h->done++;
        else if (e->event_case == DOCPARSE__V1__PARSE_EVENT__EVENT_HEARTBEAT)
            position = e->heartbeat->queue_position;
        else if (e->event_case == DOCPARSE__V1__PARSE_EVENT__EVENT_FINISHED)
            code = hear_end(h, e->finished, err);
        h->events->progress(h->events->ctx, h->done, h->to_read, position);
    }
    b_arena_drop(arena);
    return code;
}

static enum b_code parse_once(struct svc_client *c, const struct svc_client_request *r,
                              const struct svc_client_events *events, int *status, int64_t *retry_ms,
                              struct b_cancel *cancel, struct b_err *err)
{
    struct heard h = {.events = events, .status = -1};
    struct stream s;
    struct b_err end;
    grpc_slice message;
    open_stream(c, METHOD_STREAM, cancel, &s);
    enum b_code code = send_document(&s, r, err);
    while (code == B_OK && receive(&s, &message)) {
        code = hear(&h, message, err);
        grpc_slice_unref(message);
    }
    if (code != B_OK)
        (void)grpc_call_cancel(s.call, NULL);
    const enum b_code ended = close_stream(&s, retry_ms, &end);
    if (code == B_OK && ended != B_OK) {
        *err = end;
        code = ended;
    }
    if (code == B_OK && h.status < 0)
        code = b_fail(err, B_IO, DOMAIN, "the server ended the call before the document's end");
    *status = h.status;
    return code;
}

enum b_code svc_client_parse(struct svc_client *c, const struct svc_client_request *request,
                             const struct svc_client_events *events, int *status, struct b_cancel *cancel,
                             struct b_err *err)
{
    for (int attempt = 0;; attempt++) {
        int64_t retry_ms = -1;
        enum b_code code = b_cancel_check(cancel, err);
        if (code == B_OK)
            code = parse_once(c, request, events, status, &retry_ms, cancel, err);
        if (code == B_OK || retry_ms < 0 || attempt >= c->retries || b_cancel_check(cancel, NULL) != B_OK)
            return code;
        /* Twice as long with each refusal, never less than the server asks for. */
        int64_t wait = retry_ms << (attempt < 6 ? attempt : 6);
        for (wait = wait > RETRY_MS_MAX ? RETRY_MS_MAX : wait; wait > 0 && b_cancel_check(cancel, NULL) == B_OK;
             wait -= STEP_MS)
            usleep((useconds_t)(wait < STEP_MS ? wait : STEP_MS) * 1000);
    }
}

static enum b_code ask(struct svc_client *c, const char *method, const ProtobufCMessageDescriptor *type,
                       struct b_arena *arena, ProtobufCMessage **out, struct b_err *err)
{
    struct stream s;
    struct b_err end;
    grpc_slice message;
    int64_t retry_ms;
    enum b_code code = B_OK;
    bool got = false;
    open_stream(c, method, NULL, &s);
    (void)send_bytes(&s, "", 0);
    half_close(&s);
    if (receive(&s, &message)) {
        got = true;
        code = svc_unpack(type, GRPC_SLICE_START_PTR(message), GRPC_SLICE_LENGTH(message), arena, out, err);
        grpc_slice_unref(message);
    }
    const enum b_code ended = close_stream(&s, &retry_ms, &end);
    if (code == B_OK && ended != B_OK) {
        *err = end;
        return ended;
    }
    return code == B_OK && !got ? b_fail(err, B_IO, DOMAIN, "the server gave no answer") : code;
}

enum b_code svc_client_describe(struct svc_client *c, char *text, size_t size, struct b_err *err)
{
    struct b_arena *arena = b_arena_new((size_t)1 << 20);
    ProtobufCMessage *info = NULL, *capacity = NULL;
    enum b_code code = arena ? ask(c, METHOD_INFO, &docparse__v1__server_info__descriptor, arena, &info, err)
                             : b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    if (code == B_OK)
        code = ask(c, METHOD_CAPACITY, &docparse__v1__capacity__descriptor, arena, &capacity, err);
    if (code == B_OK) {
        const Docparse__V1__ServerInfo *i = (const Docparse__V1__ServerInfo *)(const void *)info;
        const Docparse__V1__Capacity *k = (const Docparse__V1__Capacity *)(const void *)capacity;
        (void)snprintf(text, size, "docparse %s, reader %s, %d workers, %d running, %d of %d waiting%s",
                       i->product_version, i->n_readers ? i->readers[0] : "none", k->workers, k->running,
                       k->queued_interactive + k->queued_bulk, k->queue_limit, k->draining ? ", stopping" : "");
    }
    b_arena_drop(arena);
    return code;
}
