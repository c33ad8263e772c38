/* SPDX-License-Identifier: Apache-2.0 */
/* What a server is, in one line for people. */
#include <grpc/slice.h>
#include <stdio.h>

#include "docparse/v1/parser.pb-c.h"
#include "service/rpc/client_private.h"

#define DOMAIN "client"
#define PARSER "/docparse.v1.DocumentParser/"

struct question {
    struct svc_client *client;
    const char *path;
    const ProtobufCMessageDescriptor *type;
    struct b_cancel *cancel;
    struct b_arena *arena; /* holds the answer */
    ProtobufCMessage *answer;
};

static enum b_code ask_once(void *ctx, struct svc_try *attempt, struct b_err *err)
{
    struct question *q = ctx;
    struct svc_stream s;
    grpc_slice message;
    enum b_code code = B_OK;
    svc_stream_open(q->client, q->path, attempt, q->cancel, &s);
    (void)svc_stream_send(&s, "", 0);
    svc_stream_half_close(&s);
    if (svc_stream_receive(&s, &message)) {
        b_arena_drop(q->arena);
        code = svc_stream_unpack(message, q->type, &q->arena, &q->answer, err);
        grpc_slice_unref(message);
    }
    code = svc_stream_close(&s, code, attempt, err);
    return code == B_OK && !q->answer ? b_fail(err, B_IO, DOMAIN, "the server gave no answer") : code;
}

enum b_code svc_client_describe(struct svc_client *c, char *text, size_t size, struct b_cancel *cancel,
                                struct b_err *err)
{
    struct question info = {
        .client = c, .path = PARSER "GetServerInfo", .type = &docparse__v1__server_info__descriptor, .cancel = cancel};
    struct question capacity = {
        .client = c, .path = PARSER "GetCapacity", .type = &docparse__v1__capacity__descriptor, .cancel = cancel};
    enum b_code code = svc_client_try(c, ask_once, &info, cancel, err);
    if (code == B_OK)
        code = svc_client_try(c, ask_once, &capacity, cancel, err);
    if (code == B_OK) {
        const Docparse__V1__ServerInfo *i = (const Docparse__V1__ServerInfo *)(const void *)info.answer;
        const Docparse__V1__Capacity *k = (const Docparse__V1__Capacity *)(const void *)capacity.answer;
        (void)snprintf(text, size, "docparse %s, reader %s%s%s, %d workers, %d running, %d of %d waiting%s",
                       i->product_version, i->n_readers ? i->readers[0] : "none",
                       i->large_model[0] ? ", questions to " : "", i->large_model, k->workers, k->running,
                       k->queued_interactive + k->queued_bulk, k->queue_limit, k->draining ? ", stopping" : "");
    }
    b_arena_drop(info.arena);
    b_arena_drop(capacity.arena);
    return code;
}
