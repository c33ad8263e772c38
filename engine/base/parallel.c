/* SPDX-License-Identifier: Apache-2.0 */
/* A loop whose rounds threads take in turns. Invariant: every index is handed out once. */
#include "engine/base/parallel.h"

#include <pthread.h>
#include <stdatomic.h>

#define MAX_THREADS 256

struct for_work {
    b_index_fn fn;
    void *ctx;
    size_t count;
    atomic_size_t next;
};

struct for_worker {
    struct for_work *work;
    int worker;
    pthread_t id;
};

static void *for_run(void *arg)
{
    struct for_worker *self = arg;
    struct for_work *w = self->work;
    for (;;) {
        size_t i = atomic_fetch_add(&w->next, 1);
        if (i >= w->count)
            return NULL;
        w->fn(w->ctx, i, self->worker);
    }
}

void b_parallel_for(int threads, size_t count, b_index_fn fn, void *ctx)
{
    struct for_work w = {.fn = fn, .ctx = ctx, .count = count};
    struct for_worker workers[MAX_THREADS];
    atomic_init(&w.next, 0);
    if (threads > MAX_THREADS)
        threads = MAX_THREADS;
    if ((size_t)(threads > 0 ? threads : 1) > count)
        threads = (int)count;
    int started = 1;
    for (; started < threads; started++) {
        workers[started] = (struct for_worker){.work = &w, .worker = started};
        if (pthread_create(&workers[started].id, NULL, for_run, &workers[started]) != 0)
            break; /* fewer threads give the same result, later */
    }
    workers[0] = (struct for_worker){.work = &w, .worker = 0};
    (void)for_run(&workers[0]);
    for (int i = 1; i < started; i++)
        pthread_join(workers[i].id, NULL);
}
