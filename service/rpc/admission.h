/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_RPC_ADMISSION_H
#define SERVICE_RPC_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/err.h"
#include "service/rpc/clients.h"

/* Who may wait, who is next, and who is told to come back later. Knows nothing of gRPC. Two classes:
 * interactive work goes first, but one start in SVC_BULK_SHARE goes to waiting bulk work, so that it never
 * starves. Inside a class clients take turns: one client's thousand calls do not stand before another's first.
 *
 * How long an interactive call for pages waits is bounded by interactive calls alone: workers come back to the queue
 * between the pages of bulk work (svc_admission_lend), and while every one of them is inside a bulk page, however long it takes
 * or its client keeps it waiting, one more worker, the express, takes what has waited for SVC_EXPRESS_MS. So with `a`
 * interactive calls in front, each at most T long on a worker: SVC_EXPRESS_MS + a T, and a T / workers while no
 * bulk page takes longer than SVC_EXPRESS_MS; bulk work in between adds a page to SVC_BULK_SHARE - 1 calls.
 *
 * Two kinds, each with threads of its own, so that a question to the large model, which takes minutes, holds up no
 * page; both share the bounds of the queue. Thread-safe. */
struct svc_admission;

enum svc_class { SVC_INTERACTIVE, SVC_BULK, SVC_CLASSES };
enum svc_kind { SVC_PAGES, SVC_MODEL, SVC_KINDS };

#define SVC_BULK_SHARE 8  /* every eighth start is bulk when both classes wait */
#define SVC_EXPRESS_MS 500 /* an interactive call that waits so long for bulk pages to end is taken by the express */
#define SVC_BULK_SPARES 4 /* bulk calls leave a quarter of the queue to interactive ones */

struct svc_admission_limits {
    int queue;            /* calls that may wait, both classes together */
    int queue_per_client; /* of one client; 0: no bound of its own */
    uint64_t bytes;       /* document bytes held by waiting and running calls */
    int workers;          /* calls that run at the same time: for the estimate of the wait */
    struct svc_client_limits client;
    int sessions; /* the same of SVC_MODEL; 0: none ever run */
};

/* One call's ticket: embedded in the call, all fields private to admission.c. */
struct svc_worker;
struct svc_ticket {
    struct svc_ticket *next;
    void (*run)(struct svc_ticket *ticket, struct svc_worker *worker); /* set by its owner: its turn has come */
    char client[SVC_CLIENT_NAME];
    enum svc_class class;
    enum svc_kind kind;
    bool ours; /* the server's own work (stored jobs): no bound of the queue keeps it out */
    uint64_t bytes;
    int64_t queued_ns, waited_ns; /* waited_ns: how long, once it runs */
    bool waiting, running, begun, express;
};

enum b_code svc_admission_new(const struct svc_admission_limits *limits, struct svc_admission **out,
                              struct b_err *err) B_MUST_CHECK;
void svc_admission_drop(struct svc_admission *admission);
/* Other bounds from now on; the numbers of workers and sessions stay. What waits or is held already stays too. */
void svc_admission_set_limits(struct svc_admission *admission, const struct svc_admission_limits *limits);

/* A ticket starts with its client's name and class; it is for pages, holds no bytes and does not wait yet. */
void svc_ticket_init(struct svc_ticket *ticket, const char *client, enum svc_class class);

/* All refusals below fill *refusal. B_LIMIT: come back when it says, or never (retry_ms -1: it cannot fit at all). */

/* Counts the ticket as a call of its client, until it leaves. B_LIMIT: CLIENT_CALLS. */
enum b_code svc_admission_begin(struct svc_admission *admission, struct svc_ticket *ticket, struct svc_refusal *refusal,
                                struct b_err *err) B_MUST_CHECK;

/* Takes `bytes` more of the byte budgets of the server and the client, before they are read. B_LIMIT: BYTES_EXHAUSTED,
 * CLIENT_BYTES. */
enum b_code svc_admission_hold(struct svc_admission *admission, struct svc_ticket *ticket, uint64_t bytes,
                               struct svc_refusal *refusal, struct b_err *err) B_MUST_CHECK;

/* Whether a ticket could enter now; the same answers as svc_admission_enter, nothing changes. */
enum b_code svc_admission_peek(struct svc_admission *admission, const struct svc_ticket *ticket, int64_t deadline_ns,
                               struct svc_refusal *refusal, struct b_err *err) B_MUST_CHECK;

/* Puts the ticket into the queue. B_LIMIT: QUEUE_FULL, CLIENT_QUEUE, CLIENT_PAGES. B_DEADLINE: DEADLINE_TOO_SHORT, it
 * could not start before deadline_ns (on b_now_ns's clock; 0: none). B_CANCELLED: DRAINING. */
enum b_code svc_admission_enter(struct svc_admission *admission, struct svc_ticket *ticket, int64_t deadline_ns,
                                struct svc_refusal *refusal, struct b_err *err) B_MUST_CHECK;

/* Whether the client may have more pages read, for work that is queued elsewhere. B_LIMIT: CLIENT_PAGES. */
enum b_code svc_admission_may_read(struct svc_admission *admission, const char *client, struct svc_refusal *refusal,
                                   struct b_err *err) B_MUST_CHECK;
/* A page of the client's was read. */
void svc_admission_page(struct svc_admission *admission, const char *client);

/* For workers: waits for the next ticket of a kind and marks it running; NULL after svc_admission_close once no such
 * ticket waits any more. */
struct svc_ticket *svc_admission_next(struct svc_admission *admission, enum svc_kind kind);

/* For the express: waits until an interactive ticket for pages has waited for SVC_EXPRESS_MS during which no worker was
 * at interactive work, and marks it running; NULL after svc_admission_close. */
struct svc_ticket *svc_admission_express(struct svc_admission *admission);

/* For a worker whose bulk work has come to the end of a page: an interactive ticket for pages that waits, marked
 * running, or NULL. So that nobody waits for a bulk document of a thousand pages to end. */
struct svc_ticket *svc_admission_lend(struct svc_admission *admission);

/* Takes a waiting ticket out of the queue; says where it was. */
enum svc_place { SVC_ELSEWHERE, SVC_WAITING, SVC_RUNNING };
enum svc_place svc_admission_withdraw(struct svc_admission *admission, struct svc_ticket *ticket);

/* Ends a ticket, whatever its state: gives its bytes back; a running one teaches the estimate of the wait how
 * long a call takes. Safe to call twice. */
void svc_admission_leave(struct svc_admission *admission, struct svc_ticket *ticket);

/* No new tickets enter from now on; those that wait are still served. */
void svc_admission_drain(struct svc_admission *admission);
/* After drain: svc_admission_next returns NULL when the queue is empty. */
void svc_admission_close(struct svc_admission *admission);

struct svc_admission_state {
    int running, waiting[SVC_CLASSES];
    int model_running; /* of running: questions to the large model */
    uint64_t bytes;
    struct svc_admission_limits limits;
    int64_t expected_wait_ms; /* of an interactive call that came now */
    bool draining;
};
void svc_admission_look(struct svc_admission *admission, struct svc_admission_state *state);

/* How many waiting tickets would start before this one; 0 when it is not waiting. */
int svc_admission_position(struct svc_admission *admission, const struct svc_ticket *ticket);

#endif
