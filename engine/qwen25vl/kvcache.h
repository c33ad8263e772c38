/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_QWEN25VL_KVCACHE_H
#define ENGINE_QWEN25VL_KVCACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"
#include "engine/kernels/lm.h"
#include "engine/qwen25vl/config.h"

/* Keys and values of one session, in the blocks that eng_lm_kernels.attend reads, as floats or halves. Memory is
 * reserved for the capacity and used as positions come. One thread at a time. */
struct eng_cache {
    void *memory;
    bool half;
    size_t layers, heads, d; /* heads: of keys and values */
    size_t capacity;         /* positions, a multiple of ENG_LM_KEYS */
    size_t length;           /* positions that hold something; the owner moves it */
};

/* Bytes of one position. */
uint64_t eng_cache_position_bytes(const struct eng_qwen_text *text, bool half);

/* An empty cache; eng_cache_reserve makes room. */
void eng_cache_init(const struct eng_qwen_text *text, bool half, struct eng_cache *out);
void eng_cache_free(struct eng_cache *cache);
/* Room for `positions`, contents kept; B_LIMIT when that takes more than `budget` bytes. */
enum b_code eng_cache_reserve(struct eng_cache *cache, size_t positions, uint64_t budget,
                              struct b_err *err) B_MUST_CHECK;

/* A head's blocks. */
void *eng_cache_keys(const struct eng_cache *cache, size_t layer, size_t head);
void *eng_cache_values(const struct eng_cache *cache, size_t layer, size_t head);
/* Puts the keys and values of one position, [heads][d] each. position < capacity. */
void eng_cache_put(struct eng_cache *cache, const struct eng_lm_kernels *kernels, size_t layer, size_t position,
                   const float *keys, const float *values);

#endif
