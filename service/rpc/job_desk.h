/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_RPC_JOB_DESK_H
#define SERVICE_RPC_JOB_DESK_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/err.h"
#include "service/rpc/clients.h"

/* A thread for what waits for the disk, one piece after the other, so that a slow disk holds up neither the poller nor
 * a worker. A client's pieces are done in the order in which they came; clients take turns, so that one client's
 * thousand requests do not stand before another's first. Knows nothing of jobs or gRPC. Thread-safe. */
struct svc_desk;

/* A piece of work, embedded in what it is about; private to job_desk.c but for what svc_desk_put says. */
struct svc_desk_item {
    struct svc_desk_item *next;
    void (*run)(struct svc_desk_item *item); /* may free the item */
    char client[SVC_CLIENT_NAME];
    uint64_t round;
};

#define SVC_DESK_MAX 1024 /* pieces that may wait */

/* The thread starts with svc_desk_open. look(ctx) is called on it after svc_desk_wake, before the next piece, and tick(ctx)
 * about once a second. */
enum b_code svc_desk_new(void (*look)(void *ctx), void (*tick)(void *ctx), void *ctx, struct svc_desk **out,
                         struct b_err *err) B_MUST_CHECK;
enum b_code svc_desk_open(struct svc_desk *desk, struct b_err *err) B_MUST_CHECK;
/* Does what waits, then ends the thread. */
void svc_desk_drop(struct svc_desk *desk);

/* Has item->run called on the thread, with item->run and item->client set. False when too much waits: nothing was
 * taken. */
bool svc_desk_put(struct svc_desk *desk, struct svc_desk_item *item) B_MUST_CHECK;
void svc_desk_wake(struct svc_desk *desk);

#endif
