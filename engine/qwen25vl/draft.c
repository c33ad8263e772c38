/* SPDX-License-Identifier: Apache-2.0 */
/* Drafts by looking up: the longest end of the text that stands elsewhere is followed there. Places are found by the
 * hash of the last two tokens, newest first, and at most CANDIDATES of them are tried: a step costs microseconds on
 * any input. What is proposed decides about time only, never about the answer. */
#include <stdlib.h>
#include <string.h>

#include "engine/qwen25vl/qwen25vl.h"

#define DOMAIN "draft"
enum {
    GRAM = 2,       /* tokens that a place is found by */
    SELF_MIN = 3,   /* the text itself is followed only after a longer match: it repeats by chance more often */
    MATCH_MAX = 40, /* a longer match says no more */
    CANDIDATES = 64,
    END = -1, /* between references; no id */
    TOKENS_MAX = 1 << 22
};

/* Tokens with chains of places of equal hash. heads[hash] and earlier[place] hold a place + 1; 0 ends a chain. A place
 * is the index behind its gram. */
struct index {
    int32_t *ids;
    uint32_t *earlier, *heads;
    size_t count, cap, n_heads;
};

struct eng_lookup {
    struct index references, self;
    size_t expected; /* place in the references where the last proposal would have ended: preferred */
};

static size_t slot_of(const struct index *index, const int32_t *end)
{
    uint64_t hash =
        (uint64_t)(uint32_t)end[-1] * 0x9E3779B97F4A7C15U + (uint64_t)(uint32_t)end[-2] * 0xC2B2AE3D27D4EB4FU;
    return (size_t)(hash >> 32) & (index->n_heads - 1);
}

static void link_place(struct index *index, size_t place)
{
    if (place < GRAM)
        return;
    size_t slot = slot_of(index, index->ids + place);
    index->earlier[place] = index->heads[slot];
    index->heads[slot] = (uint32_t)place + 1;
}

static bool reserve(struct index *index, size_t count)
{
    if (count <= index->cap)
        return true;
    size_t cap = index->cap ? index->cap : 1024;
    while (cap < count)
        cap *= 2;
    int32_t *ids = realloc(index->ids, cap * sizeof *ids);
    if (ids)
        index->ids = ids;
    uint32_t *earlier = realloc(index->earlier, (cap + 1) * sizeof *earlier);
    if (earlier)
        index->earlier = earlier;
    uint32_t *heads = calloc(cap, sizeof *heads);
    if (!ids || !earlier || !heads) {
        free(heads);
        return false;
    }
    free(index->heads);
    index->heads = heads;
    index->n_heads = index->cap = cap;
    for (size_t i = GRAM; i <= index->count; i++)
        link_place(index, i);
    return true;
}

static void clear(struct index *index)
{
    if (index->heads)
        memset(index->heads, 0, index->n_heads * sizeof *index->heads);
    index->count = 0;
}

static bool append(struct index *index, const int32_t *ids, size_t count)
{
    if (!reserve(index, index->count + count))
        return false;
    for (size_t i = 0; i < count; i++) {
        index->ids[index->count++] = ids[i];
        link_place(index, index->count);
    }
    return true;
}

static void free_index(struct index *index)
{
    free(index->ids);
    free(index->earlier);
    free(index->heads);
}

enum b_code eng_lookup_new(struct eng_lookup **out, struct b_err *err)
{
    *out = calloc(1, sizeof **out);
    return *out ? B_OK : b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
}

void eng_lookup_drop(struct eng_lookup *lookup)
{
    if (!lookup)
        return;
    free_index(&lookup->references);
    free_index(&lookup->self);
    free(lookup);
}

enum b_code eng_lookup_add(struct eng_lookup *lookup, const int32_t *ids, size_t count, struct b_err *err)
{
    static const int32_t end = END;
    if (count > TOKENS_MAX || lookup->references.count > TOKENS_MAX - count)
        return b_fail(err, B_LIMIT, DOMAIN, "references of more than %d tokens", (int)TOKENS_MAX);
    if (!append(&lookup->references, ids, count) || !append(&lookup->references, &end, 1))
        return b_fail(err, B_NO_MEMORY, DOMAIN, "no memory for a reference of %zu tokens", count);
    return B_OK;
}

/* How many tokens in front of two places agree. */
static size_t match_length(const int32_t *a, size_t at_a, const int32_t *b, size_t at_b)
{
    size_t n = 0;
    while (n < MATCH_MAX && n < at_a && n < at_b && a[at_a - 1 - n] == b[at_b - 1 - n] && a[at_a - 1 - n] != END)
        n++;
    return n;
}

static size_t distance(size_t a, size_t b)
{
    return a > b ? a - b : b - a;
}

/* Place with the longest match with the end of ids; its length in *length (0: none). Places at or behind `limit` do
 * not count. Among equals the one nearest to `expected` wins. */
static size_t best_place(const struct index *index, const int32_t *ids, size_t count, size_t limit, size_t expected,
                         size_t *length)
{
    size_t best = 0;
    *length = 0;
    if (index->count < GRAM || count < GRAM)
        return 0;
    uint32_t at = index->heads[slot_of(index, ids + count)];
    for (int tries = 0; at > 0 && tries < CANDIDATES; tries++, at = index->earlier[at - 1]) {
        size_t place = at - 1;
        if (place >= limit)
            continue;
        size_t n = match_length(index->ids, place, ids, count);
        if (n < GRAM || n < *length)
            continue;
        if (n > *length || distance(place, expected) < distance(best, expected)) {
            *length = n;
            best = place;
        }
    }
    return best;
}

static size_t copy_from(const struct index *index, size_t place, int32_t *out, size_t max)
{
    size_t n = 0;
    while (n < max && place + n < index->count && index->ids[place + n] != END) {
        out[n] = index->ids[place + n];
        n++;
    }
    return n;
}

/* Brings the index of the text up to date; another text starts it anew. */
static bool follow_text(struct index *self, const int32_t *ids, size_t count)
{
    if (self->count > count || (self->count && memcmp(self->ids, ids, self->count * sizeof *ids) != 0))
        clear(self);
    return append(self, ids + self->count, count - self->count);
}

size_t eng_lookup_propose(void *context, const int32_t *ids, size_t count, int32_t *out, size_t max)
{
    struct eng_lookup *lookup = context;
    size_t length, own_length = 0, own = 0;
    size_t place = best_place(&lookup->references, ids, count, lookup->references.count, lookup->expected, &length);
    if (count <= TOKENS_MAX && follow_text(&lookup->self, ids, count))
        own = best_place(&lookup->self, ids, count, count, count, &own_length);
    if (own_length >= SELF_MIN && own_length > length)
        return copy_from(&lookup->self, own, out, max);
    if (length == 0)
        return 0;
    size_t n = copy_from(&lookup->references, place, out, max);
    lookup->expected = place + n;
    return n;
}
