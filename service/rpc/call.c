/* SPDX-License-Identifier: Apache-2.0 */
/* Calls on gRPC's C core. All batches are started on the poller thread, except the empty one that wakes it
 * (the core allows that from anywhere). At most one response message is on its way; its completion is the
 * only sign of back-pressure, so that the outbox fills when a client reads slowly, and a worker then waits.
 * Invariant: every claimed call ends with exactly one SEND_STATUS, even when its client is gone. */
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>
#include <grpc/support/time.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/log.h"
#include "service/rpc/call_private.h"
#include "service/rpc/core_private.h"
#include "service/rpc/messages.h"
#include "service/rpc/metrics.h"
#include "service/rpc/server_private.h"

#define DOMAIN "call"
#define OUTBOX_BYTES ((size_t)8 << 20) /* a worker waits while this much is not yet taken */
#define DETAILS_MAX 4096               /* metadata over 8 kB is refused by clients */
#define DETAILS_KEY "grpc-status-details-bin"
#define PUSHBACK_KEY "grpc-retry-pushback-ms"
#define REQUEST_KEY "x-request-id"

_Static_assert((int)SVC_GRPC_UNAUTHENTICATED == (int)GRPC_STATUS_UNAUTHENTICATED &&
                   (int)SVC_GRPC_UNAVAILABLE == (int)GRPC_STATUS_UNAVAILABLE &&
                   (int)SVC_GRPC_RESOURCE_EXHAUSTED == (int)GRPC_STATUS_RESOURCE_EXHAUSTED,
               "status numbers are the protocol's");

static void on_message(struct svc_call *call, bool ok);
static void on_close(struct svc_call *call, bool ok);
static void on_sent(struct svc_call *call, bool ok);
static void on_status(struct svc_call *call, bool ok);
static void on_wake(struct svc_call *call, bool ok);

struct svc_call *svc_call_claim(struct svc_server *server, grpc_server *core, grpc_completion_queue *queue,
                                void (*on_new)(struct svc_call *call, bool ok))
{
    struct svc_call *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->server = server;
    c->queue = queue;
    atomic_init(&c->refs, 2); /* birth and the claim */
    atomic_init(&c->poked, false);
    b_cancel_init(&c->cancel);
    b_buf_init(&c->details_bytes, DETAILS_MAX);
    pthread_mutex_init(&c->lock, NULL);
    svc_monotonic_cond(&c->room);
    grpc_call_details_init(&c->details);
    grpc_metadata_array_init(&c->metadata);
    c->on_new = (struct svc_tag){on_new, c};
    c->on_message = (struct svc_tag){on_message, c};
    c->on_close = (struct svc_tag){on_close, c};
    c->on_sent = (struct svc_tag){on_sent, c};
    c->on_status = (struct svc_tag){on_status, c};
    c->on_wake = (struct svc_tag){on_wake, c};
    if (grpc_server_request_call(core, &c->call, &c->details, &c->metadata, queue, queue, &c->on_new) != GRPC_CALL_OK) {
        svc_call_unref(c);
        svc_call_unref(c);
        return NULL;
    }
    return c;
}

static void free_outgoing(struct svc_outgoing *o)
{
    while (o) {
        struct svc_outgoing *next = o->next;
        grpc_byte_buffer_destroy(o->bytes);
        free(o);
        o = next;
    }
}

void svc_call_ref(struct svc_call *call)
{
    atomic_fetch_add(&call->refs, 1);
}

bool svc_call_try_ref(struct svc_call *c)
{
    int refs = atomic_load(&c->refs);
    while (refs > 0)
        if (atomic_compare_exchange_weak(&c->refs, &refs, refs + 1))
            return true;
    return false;
}

void svc_call_unref(struct svc_call *c)
{
    if (atomic_fetch_sub(&c->refs, 1) != 1)
        return;
    if (c->method && c->method->drop && c->state)
        c->method->drop(c->state);
    if (c->method)
        svc_admission_leave(svc_server_admission(c->server), &c->ticket);
    free_outgoing(c->first);
    free_outgoing(c->sending);
    if (c->incoming)
        grpc_byte_buffer_destroy(c->incoming);
    grpc_call_details_destroy(&c->details);
    grpc_metadata_array_destroy(&c->metadata);
    if (c->call)
        grpc_call_unref(c->call);
    b_buf_free(&c->details_bytes);
    pthread_cond_destroy(&c->room);
    pthread_mutex_destroy(&c->lock);
    svc_server_forget(c->server, c);
    free(c);
}

void svc_call_log(const struct svc_call *c, enum b_log_level level, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    b_log(level, DOMAIN, "request=%s%s%s%s%s client=%s %s: %s", c->request_id, c->trace.trace_id[0] ? " trace=" : "",
          c->trace.trace_id, c->trace.trace_id[0] ? " span=" : "", c->trace.span, c->client,
          c->method ? c->method->path : "?", text);
}

/* Starts a batch whose completion is `tag`; holds a reference until then. */
static bool start_batch(struct svc_call *c, const grpc_op *ops, size_t n, struct svc_tag *tag)
{
    svc_call_ref(c);
    const grpc_call_error e = grpc_call_start_batch(c->call, ops, n, tag, NULL);
    if (e == GRPC_CALL_OK)
        return true;
    svc_call_log(c, B_LOG_ERROR, "a batch was refused: %s", grpc_call_error_to_string(e));
    svc_call_unref(c);
    return false;
}

static void poke(struct svc_call *c)
{
    if (!atomic_exchange(&c->poked, true))
        (void)start_batch(c, NULL, 0, &c->on_wake);
}

static void read_next(struct svc_call *c)
{
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};
    op.data.recv_message.recv_message = &c->incoming;
    (void)start_batch(c, &op, 1, &c->on_message);
}

void svc_call_start(struct svc_call *c)
{
    grpc_op op = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER};
    op.data.recv_close_on_server.cancelled = &c->cancelled;
    (void)start_batch(c, &op, 1, &c->on_close);
    if (c->method->begin)
        c->method->begin(c);
    pthread_mutex_lock(&c->lock);
    const bool over = c->finished;
    pthread_mutex_unlock(&c->lock);
    c->read_ns = b_now_ns();
    if (!over)
        read_next(c);
}

void svc_call_header(const struct svc_call *c, const char *key, char *out, size_t size)
{
    const grpc_slice *value = svc_metadata_find(&c->metadata, key);
    out[0] = '\0';
    if (value)
        svc_slice_text(*value, out, size);
}

static void refuse_large(struct svc_call *c, size_t size)
{
    struct b_err err;
    (void)b_fail(&err, B_LIMIT, DOMAIN, "a message of %zu bytes is larger than the %zu that this method takes", size,
                 c->method->max_message);
    b_advise(&err, "send the document in chunks with ParseStream");
    svc_call_finish(c, &err);
}

static void on_message(struct svc_call *c, bool ok)
{
    pthread_mutex_lock(&c->lock);
    const bool over = c->finished;
    pthread_mutex_unlock(&c->lock);
    if (!ok || over || !c->incoming) {
        if (ok && !over && !c->reading_ended && c->method->half_closed) {
            c->reading_ended = true;
            c->method->half_closed(c);
        }
        return;
    }
    const size_t size = grpc_byte_buffer_length(c->incoming);
    c->got_message = true;
    c->read_ns = b_now_ns();
    if (size > c->method->max_message) {
        refuse_large(c, size);
    } else {
        grpc_byte_buffer_reader reader;
        if (grpc_byte_buffer_reader_init(&reader, c->incoming)) {
            grpc_slice all = grpc_byte_buffer_reader_readall(&reader);
            c->method->message(c, GRPC_SLICE_START_PTR(all), GRPC_SLICE_LENGTH(all));
            grpc_slice_unref(all);
            grpc_byte_buffer_reader_destroy(&reader);
        }
    }
    grpc_byte_buffer_destroy(c->incoming);
    c->incoming = NULL;
    if (c->method->streams_requests)
        read_next(c);
}

/* The client does not listen any more: nothing waits for it, nobody works for it. */
static void client_gone(struct svc_call *c)
{
    pthread_mutex_lock(&c->lock);
    c->gone = true;
    free_outgoing(c->first);
    c->first = c->last = NULL;
    c->waiting_bytes = 0;
    pthread_cond_broadcast(&c->room);
    pthread_mutex_unlock(&c->lock);
}

static void on_close(struct svc_call *c, bool ok)
{
    (void)ok;
    if (!c->cancelled)
        return;
    b_cancel_request(&c->cancel);
    client_gone(c);
    struct b_err err;
    (void)b_fail(&err, B_CANCELLED, DOMAIN, "the client left or its deadline passed");
    const enum svc_place place = svc_admission_withdraw(svc_server_admission(c->server), &c->ticket);
    if (place == SVC_RUNNING)
        return; /* the worker ends it */
    svc_call_finish(c, &err);
    if (place == SVC_WAITING)
        svc_call_unref(c); /* the queue's reference */
}

static void pump(struct svc_call *c);

static void on_sent(struct svc_call *c, bool ok)
{
    free_outgoing(c->sending);
    c->sending = NULL;
    if (!ok)
        client_gone(c);
    pump(c);
}

static void on_status(struct svc_call *c, bool ok)
{
    (void)ok;
    svc_call_unref(c); /* the reference of birth: nothing can come after a status */
}

static void on_wake(struct svc_call *c, bool ok)
{
    (void)ok;
    atomic_store(&c->poked, false);
    pump(c);
}

static size_t add_headers(struct svc_call *c, grpc_op *op)
{
    if (c->headers_sent)
        return 0;
    c->headers_sent = true;
    *op = (grpc_op){.op = GRPC_OP_SEND_INITIAL_METADATA};
    return 1;
}

/* What goes with the status; the values are unreferenced after it was started. */
struct trailers {
    grpc_metadata items[5];
    size_t n;
};

static void add_trailer(struct trailers *t, const char *key, const void *value, size_t size)
{
    t->items[t->n].key = grpc_slice_from_static_string(key);
    t->items[t->n++].value = grpc_slice_from_copied_buffer(value, size);
}

static void fill_trailers(const struct svc_call *c, struct trailers *t)
{
    char text[SVC_TRACEPARENT];
    memset(t, 0, sizeof *t);
    add_trailer(t, REQUEST_KEY, c->request_id, strlen(c->request_id));
    if (c->trace.trace_id[0]) {
        svc_trace_write(&c->trace, text);
        add_trailer(t, "traceparent", text, strlen(text));
    }
    if (c->trace.state[0])
        add_trailer(t, "tracestate", c->trace.state, strlen(c->trace.state));
    if (c->details_bytes.len > 0)
        add_trailer(t, DETAILS_KEY, c->details_bytes.data, c->details_bytes.len);
    if (c->retry_ms >= 0) {
        (void)snprintf(text, sizeof text, "%lld", (long long)c->retry_ms);
        add_trailer(t, PUSHBACK_KEY, text, strlen(text));
    }
}

static void send_status(struct svc_call *c)
{
    grpc_op ops[2] = {{0}};
    struct trailers trailers;
    size_t n = add_headers(c, ops);
    grpc_slice message = grpc_slice_from_copied_string(c->message);
    fill_trailers(c, &trailers);
    ops[n].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
    ops[n].data.send_status_from_server.status = (grpc_status_code)c->code;
    ops[n].data.send_status_from_server.status_details = c->message[0] ? &message : NULL;
    ops[n].data.send_status_from_server.trailing_metadata_count = trailers.n;
    ops[n].data.send_status_from_server.trailing_metadata = trailers.items;
    c->status_sent = true;
    if (!start_batch(c, ops, n + 1, &c->on_status))
        svc_call_unref(c); /* no completion will drop the reference of birth */
    for (size_t i = 0; i < trailers.n; i++)
        grpc_slice_unref(trailers.items[i].value);
    grpc_slice_unref(message);
}

/* Sends what is next: a message, else the status. */
static void pump(struct svc_call *c)
{
    if (c->sending || c->status_sent)
        return;
    pthread_mutex_lock(&c->lock);
    struct svc_outgoing *next = c->first;
    const bool finished = c->finished;
    if (next) {
        c->first = next->next;
        c->last = c->first ? c->last : NULL;
        c->waiting_bytes -= next->size;
        next->next = NULL;
        pthread_cond_broadcast(&c->room);
    }
    pthread_mutex_unlock(&c->lock);
    if (next) {
        grpc_op ops[2] = {{0}};
        const size_t n = add_headers(c, ops);
        ops[n].op = GRPC_OP_SEND_MESSAGE;
        ops[n].data.send_message.send_message = next->bytes;
        c->sending = next;
        if (!start_batch(c, ops, n + 1, &c->on_sent)) {
            free_outgoing(next);
            c->sending = NULL;
            client_gone(c);
        }
    } else if (finished) {
        send_status(c);
    }
}

/* The client holds up a worker or its own answer: it loses the call. Any thread. */
static void cut(struct svc_call *c)
{
    b_log(B_LOG_WARNING, DOMAIN, "%s: %s takes its answer too slowly", c->method->path, c->client);
    svc_metrics_failure(svc_server_metrics(c->server), SVC_FAILED_CALL, "SLOW_CLIENT");
    (void)grpc_call_cancel_with_status(c->call, GRPC_STATUS_ABORTED, "the client takes its answer too slowly", NULL);
}

static int64_t patience_ns(const struct svc_call *c)
{
    return svc_server_options(c->server)->slow_client_s * 1000000000LL;
}

/* The request, or the rest of it, does not come. */
static void give_up_reading(struct svc_call *c)
{
    struct b_err err;
    (void)b_fail(&err, B_DEADLINE, DOMAIN, "the client has sent nothing for %d s",
                 svc_server_options(c->server)->slow_client_s);
    svc_call_finish_with(c, SVC_GRPC_DEADLINE_EXCEEDED, &err,
                         &(struct svc_end){.reason = "SLOW_CLIENT", .retry_ms = -1});
}

void svc_call_reap(struct svc_call *c, int64_t now_ns)
{
    pthread_mutex_lock(&c->lock);
    const bool late = c->finished && !c->gone && !c->reaped && now_ns - c->finished_ns > 2 * patience_ns(c);
    const bool idle = !c->finished && !c->reading_ended && (c->method->streams_requests || !c->got_message) &&
                      now_ns - c->read_ns > patience_ns(c);
    c->reaped |= late;
    pthread_mutex_unlock(&c->lock);
    if (late && c->call)
        cut(c);
    if (idle)
        give_up_reading(c);
}

/* With the lock held: waits until the outbox has room. False when the client leaves none. */
static bool wait_for_room(struct svc_call *c)
{
    const int64_t until = b_now_ns() + patience_ns(c);
    while (c->waiting_bytes > OUTBOX_BYTES && !c->gone && !c->finished) {
        struct timespec at = {.tv_sec = (time_t)(until / 1000000000), .tv_nsec = (long)(until % 1000000000)};
        if (pthread_cond_timedwait(&c->room, &c->lock, &at) != 0 && b_now_ns() >= until)
            return false;
    }
    return true;
}

bool svc_call_send(struct svc_call *c, struct b_buf *buf, bool may_wait)
{
    struct svc_outgoing *o = calloc(1, sizeof *o);
    if (o) {
        grpc_slice slice = grpc_slice_from_copied_buffer(buf->data ? buf->data : "", buf->len);
        o->size = buf->len;
        o->bytes = grpc_raw_byte_buffer_create(&slice, 1);
        grpc_slice_unref(slice);
    }
    b_buf_free(buf);
    if (!o || !o->bytes) {
        free(o);
        return false;
    }
    pthread_mutex_lock(&c->lock);
    const bool slow = may_wait && !wait_for_room(c);
    const bool taken = !slow && !c->gone && !c->finished;
    if (taken) {
        if (c->last)
            c->last->next = o;
        else
            c->first = o;
        c->last = o;
        c->waiting_bytes += o->size;
    }
    pthread_mutex_unlock(&c->lock);
    if (slow)
        cut(c);
    if (taken)
        poke(c);
    else
        free_outgoing(o);
    return taken;
}

bool svc_call_idle(struct svc_call *c)
{
    pthread_mutex_lock(&c->lock);
    const bool idle = !c->first && !c->sending;
    pthread_mutex_unlock(&c->lock);
    return idle;
}

void svc_call_finish_with(struct svc_call *c, enum svc_grpc_code code, const struct b_err *problem,
                          const struct svc_end *end)
{
    pthread_mutex_lock(&c->lock);
    if (c->finished) {
        pthread_mutex_unlock(&c->lock);
        return;
    }
    c->finished = true;
    c->finished_ns = b_now_ns();
    c->code = code;
    c->retry_ms = end ? end->retry_ms : -1;
    if (code != SVC_GRPC_OK && problem) {
        const struct svc_status_details details = {.reason = end ? end->reason : NULL,
                                                   .field = end ? end->field : NULL,
                                                   .quota = end ? end->quota : NULL,
                                                   .request_id = c->request_id,
                                                   .retry_delay_ms = c->retry_ms};
        (void)snprintf(c->reason, sizeof c->reason, "%s",
                       end && end->reason ? end->reason : svc_reason_name(problem->code));
        (void)snprintf(c->message, sizeof c->message, "%s", problem->message);
        svc_metrics_failure(svc_server_metrics(c->server), SVC_FAILED_CALL,
                            end && end->reason ? end->reason : svc_reason_name(problem->code));
        if (svc_status_pack(code, problem, &details, &c->details_bytes, NULL) != B_OK)
            b_buf_clear(&c->details_bytes);
    }
    pthread_cond_broadcast(&c->room);
    pthread_mutex_unlock(&c->lock);
    poke(c);
}

void svc_call_finish(struct svc_call *c, const struct b_err *problem)
{
    const bool ok = !problem || problem->code == B_OK;
    svc_call_finish_with(c, ok ? SVC_GRPC_OK : svc_grpc_code_of(problem->code), problem, NULL);
}

/* What cannot fit at all is the request's fault: RESOURCE_EXHAUSTED would invite clients to try again. */
void svc_call_refuse(struct svc_call *c, const struct b_err *problem, const struct svc_refusal *refusal)
{
    char quota[SVC_CLIENT_NAME + 16];
    struct svc_end end = {.reason = refusal->reason, .retry_ms = refusal->retry_ms};
    enum svc_grpc_code code = refusal->retry_ms >= 0 ? SVC_GRPC_RESOURCE_EXHAUSTED : SVC_GRPC_INVALID_ARGUMENT;
    if (problem->code == B_CANCELLED)
        code = SVC_GRPC_UNAVAILABLE;
    else if (problem->code == B_DEADLINE)
        code = SVC_GRPC_DEADLINE_EXCEEDED;
    if (strncmp(refusal->reason, "CLIENT_", 7) == 0) {
        (void)snprintf(quota, sizeof quota, "client:%s", c->client);
        end.quota = quota;
    }
    svc_call_finish_with(c, code, problem, &end);
}

void svc_call_enqueue(struct svc_call *c)
{
    struct b_err err;
    struct svc_refusal refusal;
    svc_call_ref(c); /* the queue's, then the worker's */
    if (svc_admission_enter(svc_server_admission(c->server), &c->ticket, atomic_load(&c->cancel.deadline_ns), &refusal,
                            &err) == B_OK)
        return;
    svc_call_refuse(c, &err, &refusal);
    svc_call_unref(c);
}

bool svc_call_has_room(struct svc_call *c)
{
    struct b_err err;
    struct svc_refusal refusal;
    if (svc_admission_peek(svc_server_admission(c->server), &c->ticket, atomic_load(&c->cancel.deadline_ns), &refusal,
                           &err) == B_OK)
        return true;
    svc_call_refuse(c, &err, &refusal);
    return false;
}

struct svc_server *svc_call_server(const struct svc_call *call)
{
    return call->server;
}

void *svc_call_state(const struct svc_call *call)
{
    return call->state;
}

void svc_call_set_state(struct svc_call *call, void *state)
{
    call->state = state;
}

struct b_cancel *svc_call_cancel(struct svc_call *call)
{
    return &call->cancel;
}

struct svc_ticket *svc_call_ticket(struct svc_call *call)
{
    return &call->ticket;
}

const char *svc_call_client(const struct svc_call *call)
{
    return call->client;
}

