/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_RPC_CLIENT_PRIVATE_H
#define SERVICE_RPC_CLIENT_PRIVATE_H

#include <grpc/grpc.h>

#include "engine/base/arena.h"
#include "service/rpc/client.h"
#include <protobuf-c/protobuf-c.h>

/* Between the files of the client. */
struct svc_client {
    grpc_channel *channel;
    grpc_completion_queue *queue;
    char *authorization; /* "Bearer ..." or NULL */
    double seconds;
    int retries;
};

/* One call under way (client_stream.c). */
struct svc_stream {
    struct svc_client *client;
    struct b_cancel *cancel;
    grpc_call *call;
    grpc_metadata_array initial, trailing;
    grpc_status_code code;
    grpc_slice details;
    bool ended, headed; /* status and server's headers are there */
};

/* One try of a call: when it must be over, and what it says about another one. */
struct svc_try {
    int64_t deadline_ns; /* on b_now_ns's clock */
    int64_t retry_ms;    /* what the server asks to wait; -1: it said nothing */
    bool again;          /* another try may help */
    bool delivered;      /* something was handed out: never again */
};

void svc_stream_open(struct svc_client *client, const char *path, const struct svc_try *attempt,
                     struct b_cancel *cancel, struct svc_stream *stream);
/* False: the server has ended the call; its status says why. */
bool svc_stream_send(struct svc_stream *stream, const void *data, size_t size);
void svc_stream_half_close(struct svc_stream *stream);
/* The next message, to be unreferenced; false at the end. */
bool svc_stream_receive(struct svc_stream *stream, grpc_slice *out);
/* Waits for the status, after cancelling where `code` is an error, and frees the call. The caller's error wins over the
 * status, which otherwise fills *err: reason code as domain, the server's advice and the request's id as advice. */
enum b_code svc_stream_close(struct svc_stream *stream, enum b_code code, struct svc_try *attempt, struct b_err *err);

/* A received message in the arena. */
enum b_code svc_stream_unpack(grpc_slice message, const ProtobufCMessageDescriptor *type, struct b_arena **arena,
                              ProtobufCMessage **out, struct b_err *err) B_MUST_CHECK;

/* Calls `once` until it succeeds or another try is no use: the server's own delay is honoured (no try comes earlier,
 * none after a refusal that does not invite one), without one the wait doubles each time; the client's deadline is that
 * of all tries together. */
enum b_code svc_client_try(struct svc_client *client, enum b_code (*once)(void *, struct svc_try *, struct b_err *),
                           void *ctx, struct b_cancel *cancel, struct b_err *err) B_MUST_CHECK;

#endif
