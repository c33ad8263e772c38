/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_BASE_PARALLEL_H
#define ENGINE_BASE_PARALLEL_H

#include <stddef.h>

/* Calls fn(ctx, index, worker) for index 0..count-1 on up to `threads` threads, the calling thread
 * being worker 0, and returns when all are done. Indices are handed out in order. threads <= 1 or a
 * failure to start threads runs everything in the caller: results must not depend on the worker. */
typedef void (*b_index_fn)(void *ctx, size_t index, int worker);
void b_parallel_for(int threads, size_t count, b_index_fn fn, void *ctx);

#endif
