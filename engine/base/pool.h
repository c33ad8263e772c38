/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_BASE_POOL_H
#define ENGINE_BASE_POOL_H

#include <stddef.h>

#include "engine/base/err.h"

/* Worker threads with a bounded queue. Thread-safe. */
struct b_pool;

typedef void (*b_task_fn)(void *ctx, int worker); /* worker: 0 .. threads-1 */

/* threads 1..256, queue_max >= 1. */
enum b_code b_pool_new(int threads, size_t queue_max, struct b_pool **out, struct b_err *err) B_MUST_CHECK;
/* Runs what is queued, then joins the threads. NULL is allowed. */
void b_pool_drop(struct b_pool *pool);
int b_pool_threads(const struct b_pool *pool);

/* Waits for a free place / fails with B_LIMIT when the queue is full. */
void b_pool_push(struct b_pool *pool, b_task_fn fn, void *ctx);
enum b_code b_pool_try_push(struct b_pool *pool, b_task_fn fn, void *ctx) B_MUST_CHECK;
/* Waits until the queue is empty and all workers are idle. */
void b_pool_wait(struct b_pool *pool);

/* Calls fn(ctx, index, worker) for index 0..count-1 on up to `threads` threads, the calling thread
 * being worker 0, and returns when all are done. Indices are handed out in order. threads <= 1 or a
 * failure to start threads runs everything in the caller: results must not depend on the worker. */
typedef void (*b_index_fn)(void *ctx, size_t index, int worker);
void b_parallel_for(int threads, size_t count, b_index_fn fn, void *ctx);

#endif
