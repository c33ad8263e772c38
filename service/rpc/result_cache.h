/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_RPC_RESULT_CACHE_H
#define SERVICE_RPC_RESULT_CACHE_H

#include <stdbool.h>

#include "engine/base/err.h"
#include "engine/base/file.h"

/* Bytes under keys, on disk: DIR/results/ab/abcd... (64 hex digits), a file each with its digest. Bounded by bytes:
 * what was used longest ago goes first, also after a restart. An entry appears by rename, so that a process that is
 * killed leaves whole entries only; one that does not fit its digest is removed and was never there. When the disk
 * refuses, nothing is stored for a minute, and reading goes on. One process at a time, which a lock holds. Knows
 * nothing of what it keeps. Thread-safe. */
struct svc_cache;

#define SVC_CACHE_KEY 65 /* 64 lower-case hex digits and the terminator */

enum b_code svc_cache_open(const char *dir, uint64_t max_bytes, struct svc_cache **out, struct b_err *err) B_MUST_CHECK;
void svc_cache_close(struct svc_cache *cache);
void svc_cache_set_bytes(struct svc_cache *cache, uint64_t max_bytes);

/* The entry's bytes, which live as long as `file` is open (b_bytes_close, also after false). False: a miss. */
bool svc_cache_get(struct svc_cache *cache, const char *key, struct b_bytes *file, const uint8_t **data, size_t *size);

/* The largest entry that is kept: an eighth of the whole, at most 256 MiB. */
size_t svc_cache_entry_max(struct svc_cache *cache);
void svc_cache_put(struct svc_cache *cache, const char *key, const void *data, size_t size);

struct svc_cache_state {
    unsigned long long hits, misses, stored, evicted, damaged, failures;
    uint64_t bytes, max_bytes;
    size_t entries;
    bool storing; /* false for a while after the disk refused */
};
void svc_cache_look(struct svc_cache *cache, struct svc_cache_state *state);

#endif
