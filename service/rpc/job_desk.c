/* SPDX-License-Identifier: Apache-2.0 */
/* One list in the order of work. Each piece has a round: the one after that which is being served when it comes, or the one
 * after its client's last piece that waits; rounds are served in order, and pieces of a round in the order in which they
 * came. Invariant: the list is sorted by round, and a client has at most one waiting piece in each. */
#include "service/rpc/job_desk.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/base/cancel.h"
#include "service/rpc/server_private.h"

#define DOMAIN "jobs"
#define TICK_NS 1000000000LL

struct svc_desk {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct svc_desk_item *first;
    int waiting;
    uint64_t round; /* of the piece that was taken last */
    void (*look)(void *ctx), (*tick)(void *ctx);
    void *ctx;
    int64_t next_tick_ns; /* the thread's own */
    pthread_t thread;
    bool open, woken, closing;
};

enum b_code svc_desk_new(void (*look)(void *ctx), void (*tick)(void *ctx), void *ctx, struct svc_desk **out,
                         struct b_err *err)
{
    struct svc_desk *d = calloc(1, sizeof *d);
    *out = d;
    if (!d)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    d->look = look;
    d->tick = tick;
    d->ctx = ctx;
    pthread_mutex_init(&d->lock, NULL);
    svc_monotonic_cond(&d->changed);
    return B_OK;
}

/* With the lock held: until there is something to do. */
static void wait_for_work(struct svc_desk *d)
{
    const struct timespec until = {.tv_sec = (time_t)(d->next_tick_ns / 1000000000),
                                   .tv_nsec = (long)(d->next_tick_ns % 1000000000)};
    while (!d->first && !d->woken && !d->closing && b_now_ns() < d->next_tick_ns)
        (void)pthread_cond_timedwait(&d->changed, &d->lock, &until);
}

static struct svc_desk_item *take_first(struct svc_desk *d)
{
    struct svc_desk_item *item = d->first;
    if (item) {
        d->first = item->next;
        d->waiting--;
        d->round = item->round;
    }
    return item;
}

static void *work(void *arg)
{
    struct svc_desk *d = arg;
    pthread_mutex_lock(&d->lock);
    while (!d->closing || d->first) {
        wait_for_work(d);
        const bool woken = d->woken, late = !d->closing && b_now_ns() >= d->next_tick_ns;
        d->woken = false;
        struct svc_desk_item *item = take_first(d);
        pthread_mutex_unlock(&d->lock);
        if (woken)
            d->look(d->ctx);
        if (late) {
            d->tick(d->ctx);
            d->next_tick_ns = b_now_ns() + TICK_NS;
        }
        if (item)
            item->run(item);
        pthread_mutex_lock(&d->lock);
    }
    pthread_mutex_unlock(&d->lock);
    return NULL;
}

enum b_code svc_desk_open(struct svc_desk *d, struct b_err *err)
{
    d->open = pthread_create(&d->thread, NULL, work, d) == 0;
    return d->open ? B_OK : b_fail(err, B_NO_MEMORY, DOMAIN, "the system refused to start a thread");
}

void svc_desk_drop(struct svc_desk *d)
{
    if (!d)
        return;
    pthread_mutex_lock(&d->lock);
    d->closing = true;
    pthread_cond_broadcast(&d->changed);
    pthread_mutex_unlock(&d->lock);
    if (d->open)
        pthread_join(d->thread, NULL);
    pthread_cond_destroy(&d->changed);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

bool svc_desk_put(struct svc_desk *d, struct svc_desk_item *item)
{
    pthread_mutex_lock(&d->lock);
    const bool room = d->waiting < SVC_DESK_MAX;
    if (room) {
        item->round = d->round + 1;
        for (const struct svc_desk_item *i = d->first; i; i = i->next)
            if (i->round >= item->round && strcmp(i->client, item->client) == 0)
                item->round = i->round + 1;
        struct svc_desk_item **at = &d->first;
        while (*at && (*at)->round <= item->round)
            at = &(*at)->next;
        item->next = *at;
        *at = item;
        d->waiting++;
        pthread_cond_signal(&d->changed);
    }
    pthread_mutex_unlock(&d->lock);
    return room;
}

void svc_desk_wake(struct svc_desk *d)
{
    pthread_mutex_lock(&d->lock);
    d->woken = true;
    pthread_cond_signal(&d->changed);
    pthread_mutex_unlock(&d->lock);
}
