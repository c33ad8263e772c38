/* SPDX-License-Identifier: Apache-2.0 */
/* Bump allocator over a list of blocks. Invariant: `used` never exceeds `budget`, and every pointer
 * handed out stays valid until b_arena_reset or b_arena_drop. */
#include "engine/base/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BLOCK 16384u
#define MAX_ALIGN 64u

struct block {
    struct block *next;
    size_t size, used; /* of the bytes behind this header */
};

struct b_arena {
    struct block *head; /* the block in use; the others are full */
    size_t budget, used;
    bool over_budget; /* why the last refusal happened */
};

static uint8_t *block_bytes(struct block *b)
{
    return (uint8_t *)(b + 1);
}

static struct block *block_new(size_t size)
{
    struct block *b = malloc(sizeof *b + size);
    if (b)
        *b = (struct block){.size = size};
    return b;
}

struct b_arena *b_arena_new(size_t budget)
{
    struct b_arena *arena = calloc(1, sizeof *arena);
    if (arena)
        arena->budget = budget;
    return arena;
}

void b_arena_drop(struct b_arena *arena)
{
    if (!arena)
        return;
    for (struct block *b = arena->head, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(arena);
}

/* Bytes to skip in b so that the next address is aligned. */
static size_t padding_of(struct block *b, size_t align)
{
    uintptr_t at = (uintptr_t)(block_bytes(b) + b->used);
    return (size_t)((align - (at & (align - 1))) & (align - 1));
}

void *b_arena_alloc(struct b_arena *arena, size_t size, size_t align)
{
    if (size == 0)
        size = 1;
    if (align == 0 || align > MAX_ALIGN || (align & (align - 1)) != 0)
        align = MAX_ALIGN;
    if (size > arena->budget - arena->used) {
        arena->over_budget = true;
        return NULL;
    }
    struct block *b = arena->head;
    if (!b || b->size - b->used < size + padding_of(b, align) || size + padding_of(b, align) < size) {
        size_t want = b ? b->size * 2 : FIRST_BLOCK;
        if (want > (1u << 22))
            want = 1u << 22;
        if (size > SIZE_MAX - MAX_ALIGN - sizeof *b) {
            arena->over_budget = true;
            return NULL;
        }
        if (want < size + MAX_ALIGN)
            want = size + MAX_ALIGN;
        struct block *fresh = block_new(want);
        if (!fresh) {
            arena->over_budget = false;
            return NULL;
        }
        fresh->next = arena->head;
        arena->head = b = fresh;
    }
    size_t pad = padding_of(b, align);
    void *out = block_bytes(b) + b->used + pad;
    b->used += pad + size;
    arena->used += size;
    return out;
}

void *b_arena_array(struct b_arena *arena, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size) {
        arena->over_budget = true;
        return NULL;
    }
    void *out = b_arena_alloc(arena, count * size, 16);
    if (out)
        memset(out, 0, count * size);
    return out;
}

char *b_arena_text(struct b_arena *arena, const char *text, size_t len)
{
    if (len == SIZE_MAX)
        return NULL;
    char *out = b_arena_alloc(arena, len + 1, 1);
    if (!out)
        return NULL;
    if (len)
        memcpy(out, text, len);
    out[len] = '\0';
    return out;
}

void *b_arena_grow(struct b_arena *arena, const void *old, size_t count, size_t *cap, size_t size)
{
    size_t want = *cap ? *cap * 2 : 16;
    if (want < *cap)
        return NULL;
    void *out = b_arena_array(arena, want, size);
    if (!out)
        return NULL;
    if (count)
        memcpy(out, old, count * size);
    *cap = want;
    return out;
}

void b_arena_reset(struct b_arena *arena)
{
    struct block *keep = arena->head;
    if (keep) {
        for (struct block *b = keep->next, *next; b; b = next) {
            next = b->next;
            free(b);
        }
        keep->next = NULL;
        keep->used = 0;
    }
    arena->used = 0;
    arena->over_budget = false;
}

size_t b_arena_used(const struct b_arena *arena)
{
    return arena->used;
}

enum b_code b_arena_refused(const struct b_arena *arena, const char *domain, struct b_err *err)
{
    if (arena->over_budget)
        return b_fail(err, B_LIMIT, domain, "the result needs more than the memory budget of %zu bytes", arena->budget);
    return b_fail(err, B_NO_MEMORY, domain, "out of memory");
}
