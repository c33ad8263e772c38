/* SPDX-License-Identifier: Apache-2.0 */
/* Worker threads over a ring of tasks. Invariant: count <= queue_max; a task runs exactly once; the
 * pool's lock is never held while a task runs. */
#include "engine/base/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#define MAX_THREADS 256

struct task {
    b_task_fn fn;
    void *ctx;
};

struct b_pool {
    pthread_mutex_t lock;
    pthread_cond_t not_empty, not_full, idle;
    struct task *ring;
    size_t queue_max, first, count;
    int threads, busy, next_worker;
    bool stopping;
    pthread_t ids[MAX_THREADS];
};

static void *work(void *arg)
{
    struct b_pool *pool = arg;
    pthread_mutex_lock(&pool->lock);
    int worker = pool->next_worker++;
    for (;;) {
        while (pool->count == 0 && !pool->stopping)
            pthread_cond_wait(&pool->not_empty, &pool->lock);
        if (pool->count == 0)
            break;
        struct task t = pool->ring[pool->first];
        pool->first = (pool->first + 1) % pool->queue_max;
        pool->count--;
        pool->busy++;
        pthread_cond_signal(&pool->not_full);
        pthread_mutex_unlock(&pool->lock);
        t.fn(t.ctx, worker);
        pthread_mutex_lock(&pool->lock);
        pool->busy--;
        if (pool->busy == 0 && pool->count == 0)
            pthread_cond_broadcast(&pool->idle);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

enum b_code b_pool_new(int threads, size_t queue_max, struct b_pool **out, struct b_err *err)
{
    *out = NULL;
    if (threads < 1 || threads > MAX_THREADS || queue_max < 1)
        return b_fail(err, B_ARGUMENT, "pool", "%d threads with a queue of %zu cannot be made", threads, queue_max);
    struct b_pool *pool = calloc(1, sizeof *pool);
    if (pool)
        pool->ring = calloc(queue_max, sizeof *pool->ring);
    if (!pool || !pool->ring) {
        free(pool);
        return b_fail(err, B_NO_MEMORY, "pool", "out of memory");
    }
    pool->queue_max = queue_max;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->not_empty, NULL);
    pthread_cond_init(&pool->not_full, NULL);
    pthread_cond_init(&pool->idle, NULL);
    while (pool->threads < threads && pthread_create(&pool->ids[pool->threads], NULL, work, pool) == 0)
        pool->threads++;
    if (pool->threads < threads) {
        b_pool_drop(pool);
        return b_fail(err, B_NO_MEMORY, "pool", "the system refused to start %d threads", threads);
    }
    *out = pool;
    return B_OK;
}

void b_pool_drop(struct b_pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->not_empty);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->threads; i++)
        pthread_join(pool->ids[i], NULL);
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->not_empty);
    pthread_cond_destroy(&pool->not_full);
    pthread_cond_destroy(&pool->idle);
    free(pool->ring);
    free(pool);
}

int b_pool_threads(const struct b_pool *pool)
{
    return pool->threads;
}

/* With the lock held and a place free. */
static void enqueue(struct b_pool *pool, b_task_fn fn, void *ctx)
{
    pool->ring[(pool->first + pool->count) % pool->queue_max] = (struct task){fn, ctx};
    pool->count++;
    pthread_cond_signal(&pool->not_empty);
}

void b_pool_push(struct b_pool *pool, b_task_fn fn, void *ctx)
{
    pthread_mutex_lock(&pool->lock);
    while (pool->count == pool->queue_max)
        pthread_cond_wait(&pool->not_full, &pool->lock);
    enqueue(pool, fn, ctx);
    pthread_mutex_unlock(&pool->lock);
}

enum b_code b_pool_try_push(struct b_pool *pool, b_task_fn fn, void *ctx)
{
    pthread_mutex_lock(&pool->lock);
    bool full = pool->count == pool->queue_max;
    if (!full)
        enqueue(pool, fn, ctx);
    pthread_mutex_unlock(&pool->lock);
    return full ? B_LIMIT : B_OK;
}

void b_pool_wait(struct b_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    while (pool->count > 0 || pool->busy > 0)
        pthread_cond_wait(&pool->idle, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

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
