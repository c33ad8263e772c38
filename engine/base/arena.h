/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_BASE_ARENA_H
#define ENGINE_BASE_ARENA_H

#include <stddef.h>

#include "engine/base/err.h"

/* Bump allocator with a byte budget: everything that one page or one request needs, freed at once.
 * One thread at a time. Memory is not zeroed unless the name says so. */
struct b_arena;

/* New arena that hands out at most `budget` bytes. NULL when out of memory. Free with b_arena_drop. */
struct b_arena *b_arena_new(size_t budget);
void b_arena_drop(struct b_arena *arena);

/* `size` bytes aligned to `align` (a power of two, at most 64); NULL when the budget or the system
 * refuses. A size of 0 gives a valid unique pointer. */
void *b_arena_alloc(struct b_arena *arena, size_t size, size_t align);

/* Array of `count` zeroed elements; the product is checked. */
void *b_arena_array(struct b_arena *arena, size_t count, size_t size);

/* NUL-terminated copy of text[0..len). */
char *b_arena_text(struct b_arena *arena, const char *text, size_t len);

/* Doubles `old` (count elements used of *cap) in the arena; NULL on refusal, `old` stays valid. */
void *b_arena_grow(struct b_arena *arena, const void *old, size_t count, size_t *cap, size_t size);

/* Forgets all contents and keeps the first block for reuse. */
void b_arena_reset(struct b_arena *arena);

/* Bytes handed out so far. */
size_t b_arena_used(const struct b_arena *arena);

/* Fills err with the reason why an allocation was refused (budget or system); returns its code. */
enum b_code b_arena_refused(const struct b_arena *arena, const char *domain, struct b_err *err);

#define B_ARENA_ARRAY(arena, count, type) ((type *)b_arena_array((arena), (count), sizeof(type)))

#endif
