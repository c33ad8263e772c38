/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_RPC_CLIENTS_H
#define SERVICE_RPC_CLIENTS_H

#include <stdint.h>

#include "engine/base/err.h"

/* What one client may use of the server at a time. A client is the owner of a bearer token, else the name of a
 * certificate, else an address (all behind one proxy are then one). Knows nothing of calls. Not thread-safe: admission
 * asks under its lock. */
struct svc_clients;

#define SVC_CLIENT_NAME 64 /* bytes of a client's name that tell clients apart, terminator included */

struct svc_client_limits {
    int calls;            /* in flight, waiting ones included; 0: no bound */
    uint64_t bytes;       /* of documents, waiting and running; 0: no bound */
    int pages_per_minute; /* 0: no bound */
};

/* Why something is refused: a stable reason code, and when to come back (-1: never, it cannot fit). */
struct svc_refusal {
    const char *reason;
    int64_t retry_ms;
};

enum b_code svc_clients_new(struct svc_clients **out, struct b_err *err) B_MUST_CHECK;
void svc_clients_drop(struct svc_clients *clients);

/* Takes a call, or bytes of which the caller has `own` already. B_LIMIT with CLIENT_CALLS or CLIENT_BYTES; the caller
 * sets retry_ms where it is not -1. */
enum b_code svc_clients_begin(struct svc_clients *clients, const struct svc_client_limits *limits, const char *name,
                              struct svc_refusal *refusal, struct b_err *err) B_MUST_CHECK;
void svc_clients_end(struct svc_clients *clients, const char *name);
enum b_code svc_clients_hold(struct svc_clients *clients, const struct svc_client_limits *limits, const char *name,
                             uint64_t bytes, uint64_t own, struct svc_refusal *refusal, struct b_err *err) B_MUST_CHECK;
void svc_clients_release(struct svc_clients *clients, const char *name, uint64_t bytes);

/* A page was read. How many pages a document has is known too late to refuse it, so a client may get ahead of its rate
 * by the documents that it has begun; nothing new of it is taken until it is back within a minute's pages. */
void svc_clients_page(struct svc_clients *clients, const struct svc_client_limits *limits, const char *name,
                      int64_t now_ns);
/* B_LIMIT with CLIENT_PAGES, and when. */
enum b_code svc_clients_may_read(struct svc_clients *clients, const struct svc_client_limits *limits, const char *name,
                                 int64_t now_ns, struct svc_refusal *refusal, struct b_err *err) B_MUST_CHECK;

#endif
