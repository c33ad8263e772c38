/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_RPC_CALL_PRIVATE_H
#define SERVICE_RPC_CALL_PRIVATE_H

#include <grpc/grpc.h>
#include <pthread.h>
#include <stdatomic.h>

#include "service/rpc/call.h"
#include "service/rpc/trace.h"

/* Between call.c and server.c only. */

/* What a completion queue hands back: which function goes on with which call. */
struct svc_tag {
    void (*fn)(struct svc_call *call, bool ok);
    struct svc_call *call;
};

struct svc_outgoing {
    struct svc_outgoing *next;
    grpc_byte_buffer *bytes;
    size_t size;
};

#define SVC_REQUEST_ID 64 /* bytes of a request's id, terminator included */
#define SVC_REASON 32

struct svc_call {
    /* Set once, before others see the call. */
    struct svc_server *server;
    const struct svc_method *method;
    grpc_completion_queue *queue;
    grpc_call *call; /* NULL until a client's call has been claimed */
    char client[SVC_CLIENT_NAME];
    char request_id[SVC_REQUEST_ID];
    struct svc_trace trace;
    bool known; /* its client may call */
    void *state;
    int64_t begun_ns;
    struct svc_ticket ticket;
    struct b_cancel cancel;
    atomic_int
        refs; /* one for birth (until the status is out), one per outstanding batch, one while queued or worked on */

    /* The poller's own. */
    grpc_call_details details;
    grpc_metadata_array metadata;
    struct svc_tag on_new, on_message, on_close, on_sent, on_status, on_wake;
    grpc_byte_buffer *incoming;
    struct svc_outgoing *sending;
    int cancelled; /* written by the core until on_close */
    bool headers_sent, status_sent, reading_ended, got_message;
    int64_t read_ns;                            /* when it last heard of the client */
    struct svc_call *next_live, *previous_live; /* under the server's lock */

    /* The outbox, under `lock`. */
    pthread_mutex_t lock;
    pthread_cond_t room;
    struct svc_outgoing *first, *last;
    size_t waiting_bytes;
    bool finished, gone; /* gone: the client does not take anything any more */
    bool reaped;         /* its answer was thrown away */
    int64_t finished_ns;
    enum svc_grpc_code code;
    char message[384]; /* of the status */
    char reason[SVC_REASON];
    struct b_buf details_bytes;
    int64_t retry_ms;
    atomic_bool poked; /* a wake-up is under way */
};

/* Starts waiting for the next call of any method. NULL when out of memory. */
struct svc_call *svc_call_claim(struct svc_server *server, grpc_server *core, grpc_completion_queue *queue,
                                void (*on_new)(struct svc_call *call, bool ok));

/* P: from the server for a call that has come: says what it is, then, once the server has it among its live calls,
 * refuses or starts it (door.c). */
void svc_door_prepare(struct svc_call *call);
void svc_door_open(struct svc_call *call);

/* P: from the server once the method is known: watches for the call's end and starts to read. */
void svc_call_start(struct svc_call *call);
/* P: one request header's value as text ("" when absent), cut to size - 1 bytes. */
void svc_call_header(const struct svc_call *call, const char *key, char *out, size_t size);

/* P: now and then: ends a call whose request does not come, or whose answer nobody takes. */
void svc_call_reap(struct svc_call *call, int64_t now_ns);

/* From server.c. */
struct svc_admission *svc_server_admission(const struct svc_server *server);
void svc_server_forget(struct svc_server *server, struct svc_call *call); /* when the last reference is gone */

#endif
