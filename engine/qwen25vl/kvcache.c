/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of keys and values: [layer][head] of blocks of 64 positions, first all keys (a block transposed, so that
 * a score of 64 positions is a run of vectors), then all values. Fresh memory is zero and stale places keep finite
 * numbers, as the attention needs. */
#include "engine/qwen25vl/kvcache.h"

#include <stdlib.h>
#include <string.h>

#include "engine/kernels/lm.h"

#define DOMAIN "qwen25vl"

static size_t head_floats(const struct eng_cache *c, size_t capacity)
{
    return capacity * (c->d + eng_lm_value_width(c->d));
}

uint64_t eng_cache_position_bytes(const struct eng_qwen_text *text)
{
    size_t d = (size_t)text->head_dim;
    return (uint64_t)text->layers * (uint64_t)text->kv_heads * (d + eng_lm_value_width(d)) * sizeof(float);
}

void eng_cache_init(const struct eng_qwen_text *text, struct eng_cache *out)
{
    *out = (struct eng_cache){
        .layers = (size_t)text->layers, .heads = (size_t)text->kv_heads, .d = (size_t)text->head_dim};
}

void eng_cache_free(struct eng_cache *cache)
{
    free(cache->memory);
    cache->memory = NULL;
    cache->capacity = cache->length = 0;
}

static void move_contents(const struct eng_cache *from, struct eng_cache *to)
{
    size_t blocks = (from->length + ENG_LM_KEYS - 1) / ENG_LM_KEYS;
    for (size_t layer = 0; blocks > 0 && layer < from->layers; layer++)
        for (size_t head = 0; head < from->heads; head++) {
            memcpy(eng_cache_keys(to, layer, head), eng_cache_keys(from, layer, head),
                   blocks * ENG_LM_KEYS * from->d * sizeof(float));
            memcpy(eng_cache_values(to, layer, head), eng_cache_values(from, layer, head),
                   blocks * ENG_LM_KEYS * eng_lm_value_width(from->d) * sizeof(float));
        }
}

enum b_code eng_cache_reserve(struct eng_cache *cache, size_t positions, uint64_t budget, struct b_err *err)
{
    if (positions <= cache->capacity)
        return B_OK;
    uint64_t each = (uint64_t)cache->layers * cache->heads * head_floats(cache, 1) * sizeof(float);
    uint64_t capacity = ((uint64_t)positions + ENG_LM_KEYS - 1) / ENG_LM_KEYS * ENG_LM_KEYS;
    if (capacity > budget / each)
        return b_fail(err, B_LIMIT, DOMAIN, "%zu tokens need a cache of %llu MiB, the budget is %llu MiB", positions,
                      (unsigned long long)(capacity * each >> 20), (unsigned long long)(budget >> 20));
    struct eng_cache grown = *cache;
    grown.capacity = (size_t)capacity;
    grown.memory = calloc(cache->layers * cache->heads, head_floats(cache, grown.capacity) * sizeof(float));
    if (!grown.memory)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "no memory for a cache of %zu tokens", positions);
    move_contents(cache, &grown);
    free(cache->memory);
    *cache = grown;
    return B_OK;
}

float *eng_cache_keys(const struct eng_cache *cache, size_t layer, size_t head)
{
    return cache->memory + (layer * cache->heads + head) * head_floats(cache, cache->capacity);
}

float *eng_cache_values(const struct eng_cache *cache, size_t layer, size_t head)
{
    return eng_cache_keys(cache, layer, head) + cache->capacity * cache->d;
}

void eng_cache_put(struct eng_cache *cache, size_t layer, size_t position, const float *keys, const float *values)
{
    size_t d = cache->d, width = eng_lm_value_width(d);
    size_t block = position / ENG_LM_KEYS, place = position % ENG_LM_KEYS;
    for (size_t head = 0; head < cache->heads; head++) {
        float *k = eng_cache_keys(cache, layer, head) + block * ENG_LM_KEYS * d + place;
        for (size_t i = 0; i < d; i++)
            k[i * ENG_LM_KEYS] = keys[head * d + i];
        memcpy(eng_cache_values(cache, layer, head) + position * width, values + head * d, d * sizeof *values);
    }
}
