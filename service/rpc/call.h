/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_RPC_CALL_H
#define SERVICE_RPC_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/buf.h"
#include "engine/base/cancel.h"
#include "engine/base/log.h"
#include "service/rpc/admission.h"
#include "service/rpc/status.h"

/* One RPC as methods see it. Two kinds of thread meet here: the poller, which is the only one that talks to
 * gRPC, and the workers, which compute. What a method wants to send goes into the call's outbox from any
 * thread; the poller takes it from there. Knows nothing of protobuf. */
struct svc_call;
struct svc_worker;

/* A method's part in a call. Functions marked P run on the poller and must never wait; W runs on a worker.
 * Every path through them ends in exactly one svc_call_finish. */
struct svc_method {
    const char *path;      /* "/package.Service/Method" */
    size_t max_message;    /* bytes of one request message; larger ones are refused unread */
    bool streams_requests; /* more than one request message: `message` is called for each */
    bool costly;           /* goes through admission: refused early when the queue is full */
    bool lasting;          /* a stream that may live long: counts as a call of its client, as costly ones do */
    bool open;             /* needs no token (health) */
    enum svc_kind kind;    /* whose threads `work` runs on */
    /* P: before anything is read. NULL: nothing to prepare. */
    void (*begin)(struct svc_call *call);
    /* P: one request message, borrowed for the call of this function. */
    void (*message)(struct svc_call *call, const uint8_t *data, size_t size);
    /* P: no more request messages will come. NULL: ignored. */
    void (*half_closed)(struct svc_call *call);
    /* W: the call's turn has come. */
    void (*work)(struct svc_call *call, struct svc_worker *worker);
    /* P: about once a second while the call lives: heartbeats, watches. */
    void (*tick)(struct svc_call *call, int64_t now_ns);
    /* P or W: frees what `begin` and the others stored with svc_call_set_state. */
    void (*drop)(void *state);
};

struct svc_server;
struct svc_server *svc_call_server(const struct svc_call *call);
void *svc_call_state(const struct svc_call *call);
void svc_call_set_state(struct svc_call *call, void *state);
struct b_cancel *svc_call_cancel(struct svc_call *call); /* requested when the client leaves; has its deadline */
struct svc_ticket *svc_call_ticket(struct svc_call *call);
const char *svc_call_client(const struct svc_call *call);     /* identity for fairness and logs */

/* For who keeps a call beyond the function that it came to. The last one frees it: hold no lock that `drop` takes. try:
 * of a call that may be on its way out; false then. Any thread. */
void svc_call_ref(struct svc_call *call);
bool svc_call_try_ref(struct svc_call *call);
void svc_call_unref(struct svc_call *call);

/* A line of the log that says whose it is: request, trace, client and method. */
void svc_call_log(const struct svc_call *call, enum b_log_level level, const char *fmt, ...) B_PRINTF(3, 4);

/* P: puts the call into the queue for the workers; refuses it (and finishes it) when that cannot be. The class
 * was set in the ticket before. */
void svc_call_enqueue(struct svc_call *call);
/* Whether it could be queued now, as its ticket is: otherwise the call is ended with the reason, before more is read. */
bool svc_call_has_room(struct svc_call *call);

/* Sends one response message; takes the buffer's bytes (buf is empty afterwards). With may_wait, which is for
 * workers only, it waits while the client does not take what was sent before. False when the client is gone:
 * stop working. */
bool svc_call_send(struct svc_call *call, struct b_buf *buf, bool may_wait);

/* Whether everything sent so far has left the outbox (for methods that only send the newest state). */
bool svc_call_idle(struct svc_call *call);

/* Ends the call: OK when problem is NULL or its code B_OK, otherwise its status with details. `reason` replaces
 * the code's name in the details; field names the blamed request field; retry_ms >= 0 invites a retry. Only the
 * first one counts. */
struct svc_end {
    const char *reason, *field;
    const char *quota; /* what was used up, such as "client:alice"; NULL: nothing */
    int64_t retry_ms;
};
void svc_call_finish(struct svc_call *call, const struct b_err *problem);
/* Ends the call because admission said no. */
void svc_call_refuse(struct svc_call *call, const struct b_err *problem, const struct svc_refusal *refusal);
void svc_call_finish_with(struct svc_call *call, enum svc_grpc_code code, const struct b_err *problem,
                          const struct svc_end *end);

#endif
