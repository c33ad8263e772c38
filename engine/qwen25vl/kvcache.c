/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of keys and values: [layer][head] of blocks of 64 positions, first all keys (a block transposed, so that
 * a score of 64 positions is a run of vectors), then all values, floats or halves. Fresh memory is zero and stale
 * places keep finite numbers, as the attention needs. */
#include "engine/qwen25vl/kvcache.h"

#include <stdlib.h>
#include <string.h>

#define DOMAIN "qwen25vl"

static size_t item(const struct eng_cache *c)
{
    return c->half ? sizeof(uint16_t) : sizeof(float);
}

/* Of `positions` positions of a head. */
static size_t head_bytes(const struct eng_cache *c, size_t positions)
{
    return positions * (c->d + eng_lm_value_width(c->d)) * item(c);
}

static size_t position_bytes(const struct eng_cache *c)
{
    return c->layers * c->heads * head_bytes(c, 1);
}

uint64_t eng_cache_position_bytes(const struct eng_qwen_text *text, bool half)
{
    struct eng_cache cache;
    eng_cache_init(text, half, &cache);
    return position_bytes(&cache);
}

void eng_cache_init(const struct eng_qwen_text *text, bool half, struct eng_cache *out)
{
    *out = (struct eng_cache){
        .half = half, .layers = (size_t)text->layers, .heads = (size_t)text->kv_heads, .d = (size_t)text->head_dim};
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
                   blocks * ENG_LM_KEYS * from->d * item(from));
            memcpy(eng_cache_values(to, layer, head), eng_cache_values(from, layer, head),
                   blocks * ENG_LM_KEYS * eng_lm_value_width(from->d) * item(from));
        }
}

enum b_code eng_cache_reserve(struct eng_cache *cache, size_t positions, uint64_t budget, struct b_err *err)
{
    if (positions <= cache->capacity)
        return B_OK;
    uint64_t each = position_bytes(cache);
    uint64_t capacity = ((uint64_t)positions + ENG_LM_KEYS - 1) / ENG_LM_KEYS * ENG_LM_KEYS;
    if (capacity > budget / each)
        return b_fail(err, B_LIMIT, DOMAIN, "%zu tokens need a cache of %llu MiB, the budget is %llu MiB", positions,
                      (unsigned long long)(capacity * each >> 20), (unsigned long long)(budget >> 20));
    struct eng_cache grown = *cache;
    grown.capacity = (size_t)capacity;
    grown.memory = calloc(cache->layers * cache->heads, head_bytes(cache, grown.capacity));
    if (!grown.memory)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "no memory for a cache of %zu tokens", positions);
    move_contents(cache, &grown);
    free(cache->memory);
    *cache = grown;
    return B_OK;
}

void *eng_cache_keys(const struct eng_cache *cache, size_t layer, size_t head)
{
    return (uint8_t *)cache->memory + (layer * cache->heads + head) * head_bytes(cache, cache->capacity);
}

void *eng_cache_values(const struct eng_cache *cache, size_t layer, size_t head)
{
    return (uint8_t *)eng_cache_keys(cache, layer, head) + cache->capacity * cache->d * item(cache);
}

/* Position `place` of a block of keys. */
static void scatter(const struct eng_cache *cache, const float *keys, size_t place, void *block)
{
    for (size_t i = 0; i < cache->d; i++)
        ((float *)block)[i * ENG_LM_KEYS + place] = keys[i];
}

static void scatter_half(const struct eng_cache *cache, const uint16_t *keys, size_t place, void *block)
{
    for (size_t i = 0; i < cache->d; i++)
        ((uint16_t *)block)[i * ENG_LM_KEYS + place] = keys[i];
}

void eng_cache_put(struct eng_cache *cache, const struct eng_lm_kernels *kernels, size_t layer, size_t position,
                   const float *keys, const float *values)
{
    size_t d = cache->d, width = eng_lm_value_width(d), block = position / ENG_LM_KEYS * ENG_LM_KEYS * d;
    uint16_t narrow[ENG_LM_MAX_HEAD];
    for (size_t head = 0; head < cache->heads; head++, keys += d, values += d) {
        uint8_t *k = (uint8_t *)eng_cache_keys(cache, layer, head) + block * item(cache);
        uint8_t *v = (uint8_t *)eng_cache_values(cache, layer, head) + position * width * item(cache);
        if (cache->half) {
            kernels->narrow_f16(keys, d, narrow);
            scatter_half(cache, narrow, position % ENG_LM_KEYS, k);
            kernels->narrow_f16(values, d, (uint16_t *)(void *)v);
        } else {
            scatter(cache, keys, position % ENG_LM_KEYS, k);
            memcpy(v, values, d * sizeof *values);
        }
    }
}
