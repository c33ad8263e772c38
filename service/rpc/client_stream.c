/* SPDX-License-Identifier: Apache-2.0 */
/* One call of the client on gRPC's C core. One completion queue, one thread: a batch is started and waited for in short
 * steps, so that an interrupt cancels the call. Invariant: every batch that was started is waited for before the call
 * is freed. */
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>
#include <grpc/support/time.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"
#include "service/rpc/client_private.h"
#include "service/rpc/core_private.h"
#include "service/rpc/unpack.h"

#define DOMAIN "client"
#define STEP_MS 200
#define DETAILS_KEY "grpc-status-details-bin"
#define PUSHBACK_KEY "grpc-retry-pushback-ms"
#define TYPES "type.googleapis.com/google.rpc."
#define DETAILS_BUDGET ((size_t)1 << 20)

/* Waits for the batch with this tag; a request to stop cancels the call, whose batches then end by themselves.
 * The status batch has the stream itself as its tag and may come at any time. */
static bool wait_for(struct svc_stream *s, const void *tag)
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

void svc_stream_open(struct svc_client *c, const char *path, const struct svc_try *attempt, struct b_cancel *cancel,
                     struct svc_stream *s)
{
    *s = (struct svc_stream){.client = c, .cancel = cancel};
    grpc_metadata_array_init(&s->initial);
    grpc_metadata_array_init(&s->trailing);
    const int64_t left = attempt->deadline_ns - b_now_ns();
    const gpr_timespec deadline =
        gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_nanos(left > 0 ? left : 0, GPR_TIMESPAN));
    s->call = grpc_channel_create_call(c->channel, NULL, GRPC_PROPAGATE_DEFAULTS, c->queue,
                                       grpc_slice_from_static_string(path), NULL, deadline, NULL);
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

bool svc_stream_send(struct svc_stream *s, const void *data, size_t size)
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

void svc_stream_half_close(struct svc_stream *s)
{
    grpc_op op = {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT};
    if (grpc_call_start_batch(s->call, &op, 1, &op, NULL) == GRPC_CALL_OK)
        (void)wait_for(s, &op);
}

bool svc_stream_receive(struct svc_stream *s, grpc_slice *out)
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

enum b_code svc_stream_unpack(grpc_slice message, const ProtobufCMessageDescriptor *type, struct b_arena **arena,
                              ProtobufCMessage **out, struct b_err *err)
{
    const size_t size = GRPC_SLICE_LENGTH(message);
    *arena = b_arena_new(svc_unpack_budget(size));
    return *arena ? svc_unpack(type, GRPC_SLICE_START_PTR(message), size, *arena, out, err)
                  : b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
}

/* --- the end --- */

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
    case GRPC_STATUS_FAILED_PRECONDITION:
        return B_UNSUPPORTED;
    case GRPC_STATUS_NOT_FOUND:
        return B_NOT_FOUND;
    case GRPC_STATUS_UNAVAILABLE:
        return B_IO;
    default:
        return B_INTERNAL;
    }
}

/* What the error details say. */
struct told {
    char reason[24], advice[128], request_id[72];
    int64_t retry_ms; /* -1: nothing */
};

static const void *detail(const Google__Protobuf__Any *any, const char *type,
                          const ProtobufCMessageDescriptor *descriptor, struct b_arena *arena)
{
    ProtobufCMessage *message = NULL;
    if (strncmp(any->type_url, TYPES, strlen(TYPES)) != 0 || strcmp(any->type_url + strlen(TYPES), type) != 0)
        return NULL;
    return svc_unpack(descriptor, any->value.data, any->value.len, arena, &message, NULL) == B_OK ? message : NULL;
}

static void take_detail(const Google__Protobuf__Any *any, struct b_arena *arena, struct told *told)
{
    const Google__Rpc__ErrorInfo *info = detail(any, "ErrorInfo", &google__rpc__error_info__descriptor, arena);
    const Google__Rpc__RetryInfo *retry = detail(any, "RetryInfo", &google__rpc__retry_info__descriptor, arena);
    const Google__Rpc__RequestInfo *request = detail(any, "RequestInfo", &google__rpc__request_info__descriptor, arena);
    if (info)
        (void)snprintf(told->reason, sizeof told->reason, "%s", info->reason);
    for (size_t i = 0; info && i < info->n_metadata; i++)
        if (strcmp(info->metadata[i]->key, "advice") == 0)
            (void)snprintf(told->advice, sizeof told->advice, "%s", info->metadata[i]->value);
    if (retry && retry->retry_delay && retry->retry_delay->seconds >= 0 && retry->retry_delay->seconds < 86400)
        told->retry_ms = retry->retry_delay->seconds * 1000 + retry->retry_delay->nanos / 1000000;
    if (request)
        (void)snprintf(told->request_id, sizeof told->request_id, "%s", request->request_id);
}

static void read_details(const struct svc_stream *s, struct told *told)
{
    const grpc_slice *bytes = svc_metadata_find(&s->trailing, DETAILS_KEY);
    struct b_arena *arena = bytes ? b_arena_new(DETAILS_BUDGET) : NULL;
    ProtobufCMessage *message = NULL;
    *told = (struct told){.retry_ms = -1};
    if (arena && svc_unpack(&google__rpc__status__descriptor, GRPC_SLICE_START_PTR(*bytes), GRPC_SLICE_LENGTH(*bytes),
                            arena, &message, NULL) == B_OK) {
        const Google__Rpc__Status *status = (const Google__Rpc__Status *)(const void *)message;
        for (size_t i = 0; i < status->n_details; i++)
            take_detail(status->details[i], arena, told);
    }
    b_arena_drop(arena);
}

/* Whether and when to try again. The pushback, when there is one, decides; a negative one or one that is no number
 * forbids it (gRPC's retry design). */
static void judge(const struct svc_stream *s, const struct told *told, struct svc_try *attempt)
{
    const grpc_slice *pushback = svc_metadata_find(&s->trailing, PUSHBACK_KEY);
    attempt->retry_ms = told->retry_ms;
    attempt->again = told->retry_ms >= 0 || s->code == GRPC_STATUS_UNAVAILABLE;
    if (pushback) {
        char text[24], *end = NULL;
        svc_slice_text(*pushback, text, sizeof text);
        attempt->retry_ms = strtoll(text, &end, 10);
        attempt->again = end != text && !*end && attempt->retry_ms >= 0;
    }
}

static void say(const struct svc_stream *s, const struct told *told, enum b_code code, struct b_err *err)
{
    (void)b_fail(err, code, told->reason[0] ? told->reason : DOMAIN, "%.*s", (int)GRPC_SLICE_LENGTH(s->details),
                 (const char *)GRPC_SLICE_START_PTR(s->details));
    if (told->request_id[0])
        b_advise(err, "%s%srequest %.64s", told->advice, told->advice[0] ? "; " : "", told->request_id);
    else if (told->advice[0])
        b_advise(err, "%s", told->advice);
}

enum b_code svc_stream_close(struct svc_stream *s, enum b_code code, struct svc_try *attempt, struct b_err *err)
{
    struct told told;
    if (code != B_OK)
        (void)grpc_call_cancel(s->call, NULL);
    if (!s->ended)
        (void)wait_for(s, s);
    if (!s->headed)
        (void)wait_for(s, &s->initial);
    const enum b_code ended = code_of(s->code);
    if (code == B_OK && ended != B_OK) {
        read_details(s, &told);
        judge(s, &told, attempt);
        say(s, &told, ended, err);
        code = ended;
    }
    grpc_slice_unref(s->details);
    grpc_metadata_array_destroy(&s->initial);
    grpc_metadata_array_destroy(&s->trailing);
    grpc_call_unref(s->call);
    return code;
}
