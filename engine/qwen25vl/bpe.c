/* SPDX-License-Identifier: Apache-2.0 */
/* Byte-pair merging of one piece: the pair of the lowest rank first, of equal ones the leftmost, until none is left.
 * Short pieces are scanned; long ones use a heap of pairs, so that a piece of n bytes costs O(n log n) whatever its
 * bytes. Both give the same tokens. */
#include <stdlib.h>
#include <string.h>

#include "engine/qwen25vl/tokenizer_private.h"

#define DOMAIN "tokenizer"
/* Up to this length scanning all pairs is faster than keeping a heap. */
#define SCAN_MAX 24
#define NO_PAIR UINT64_MAX
/* The published 151,387 merges need 25 places at most; a file that needs ten times that was made to. */
#define MAX_PROBE 255

struct symbol {
    int32_t id;
    int32_t prev, next; /* -1: none */
};

static uint32_t pair_hash(int32_t left, int32_t right, unsigned bits)
{
    const uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    return (uint32_t)((key * 0x9e3779b97f4a7c15u) >> (64 - bits));
}

/* The merge of a pair, or NULL. */
static const struct tok_merge *find_merge(const struct eng_tokenizer *tok, int32_t left, int32_t right)
{
    const uint32_t mask = ((uint32_t)1 << tok->merge_bits) - 1, home = pair_hash(left, right, tok->merge_bits);
    for (uint32_t i = 0; i <= tok->max_probe; i++) {
        const struct tok_merge *m = &tok->merges[(home + i) & mask];
        if (m->left == left && m->right == right)
            return m;
        if (m->left < 0)
            return NULL;
    }
    return NULL;
}

enum b_code tok_put_merge(struct eng_tokenizer *tok, struct tok_merge merge, struct b_err *err)
{
    const uint32_t mask = ((uint32_t)1 << tok->merge_bits) - 1;
    const uint32_t home = pair_hash(merge.left, merge.right, tok->merge_bits);
    for (uint32_t i = 0; i <= MAX_PROBE; i++) {
        struct tok_merge *m = &tok->merges[(home + i) & mask];
        if (m->left >= 0 && (m->left != merge.left || m->right != merge.right))
            continue;
        *m = merge;
        tok->max_probe = i > tok->max_probe ? i : tok->max_probe;
        return B_OK;
    }
    return b_fail(err, B_LIMIT, DOMAIN, "the merges are made to collide");
}

static enum b_code scan_piece(const struct eng_tokenizer *tok, const char *piece, size_t len, struct eng_ids *ids,
                              struct b_err *err)
{
    int32_t id[SCAN_MAX];
    const struct tok_merge *pair[SCAN_MAX]; /* pair[i]: of id[i] and id[i + 1] */
    size_t n = len;
    for (size_t i = 0; i < n; i++)
        id[i] = tok->byte_id[(unsigned char)piece[i]];
    for (size_t i = 0; i + 1 < n; i++)
        pair[i] = find_merge(tok, id[i], id[i + 1]);
    while (n > 1) {
        size_t best = n;
        for (size_t i = 0; i + 1 < n; i++)
            if (pair[i] && (best == n || pair[i]->rank < pair[best]->rank))
                best = i;
        if (best == n)
            break;
        id[best] = pair[best]->id;
        memmove(&id[best + 1], &id[best + 2], (n - best - 2) * sizeof *id);
        memmove(&pair[best], &pair[best + 1], (n - best - 2) * sizeof *pair);
        n--;
        if (best > 0)
            pair[best - 1] = find_merge(tok, id[best - 1], id[best]);
        if (best + 1 < n)
            pair[best] = find_merge(tok, id[best], id[best + 1]);
    }
    enum b_code code = B_OK;
    for (size_t i = 0; i < n && !code; i++)
        code = eng_ids_push(ids, id[i], err);
    return code;
}

/* A heap entry: rank in the upper half, place of the left symbol in the lower. */
struct heap {
    uint64_t *items;
    size_t count;
};

static void sift_down(struct heap *h, size_t i)
{
    const uint64_t item = h->items[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= h->count)
            break;
        if (child + 1 < h->count && h->items[child + 1] < h->items[child])
            child++;
        if (h->items[child] >= item)
            break;
        h->items[i] = h->items[child];
        i = child;
    }
    h->items[i] = item;
}

static uint64_t pop(struct heap *h)
{
    const uint64_t top = h->items[0];
    h->items[0] = h->items[--h->count];
    if (h->count)
        sift_down(h, 0);
    return top;
}

static void push(struct heap *h, uint64_t item)
{
    size_t i = h->count++;
    for (; i > 0 && h->items[(i - 1) / 2] > item; i = (i - 1) / 2)
        h->items[i] = h->items[(i - 1) / 2];
    h->items[i] = item;
}

static uint64_t pair_at(const struct eng_tokenizer *tok, const struct symbol *s, int32_t i)
{
    if (i < 0 || s[i].next < 0)
        return NO_PAIR;
    const struct tok_merge *m = find_merge(tok, s[i].id, s[s[i].next].id);
    return m ? (uint64_t)(uint32_t)m->rank << 32 | (uint32_t)i : NO_PAIR;
}

static void push_pair(const struct eng_tokenizer *tok, const struct symbol *s, int32_t i, struct heap *h)
{
    const uint64_t pair = pair_at(tok, s, i);
    if (pair != NO_PAIR)
        push(h, pair);
}

static void merge_all(const struct eng_tokenizer *tok, struct symbol *s, struct heap *h)
{
    while (h->count) {
        const uint64_t top = pop(h);
        const int32_t i = (int32_t)(uint32_t)top;
        if (s[i].id < 0 || pair_at(tok, s, i) != top)
            continue; /* a neighbour was merged since */
        const int32_t right = s[i].next;
        s[i].id = find_merge(tok, s[i].id, s[right].id)->id;
        s[i].next = s[right].next;
        s[right].id = -1;
        if (s[i].next >= 0)
            s[s[i].next].prev = i;
        push_pair(tok, s, s[i].prev, h);
        push_pair(tok, s, i, h);
    }
}

static enum b_code reserve(struct tok_scratch *scratch, size_t len, struct b_err *err)
{
    if (len <= scratch->cap)
        return B_OK;
    tok_scratch_free(scratch);
    scratch->symbols = malloc(len * sizeof(struct symbol));
    /* At first a pair a symbol; every merge then takes one out and puts at most two in. */
    scratch->heap = malloc(2 * len * sizeof *scratch->heap);
    if (!scratch->symbols || !scratch->heap) {
        tok_scratch_free(scratch);
        return b_fail(err, B_NO_MEMORY, DOMAIN, "no memory to split a word of %zu bytes", len);
    }
    scratch->cap = len;
    return B_OK;
}

void tok_scratch_free(struct tok_scratch *scratch)
{
    free(scratch->symbols);
    free(scratch->heap);
    memset(scratch, 0, sizeof *scratch);
}

enum b_code tok_merge_piece(const struct eng_tokenizer *tok, const char *piece, size_t len, struct tok_scratch *scratch,
                            struct eng_ids *ids, struct b_err *err)
{
    if (len <= SCAN_MAX)
        return scan_piece(tok, piece, len, ids, err);
    enum b_code code = reserve(scratch, len, err);
    if (code)
        return code;
    struct symbol *s = scratch->symbols;
    struct heap h = {.items = scratch->heap};
    for (size_t i = 0; i < len; i++)
        s[i] = (struct symbol){.id = tok->byte_id[(unsigned char)piece[i]],
                               .prev = (int32_t)i - 1,
                               .next = i + 1 < len ? (int32_t)i + 1 : -1};
    for (size_t i = 0; i + 1 < len; i++) {
        const uint64_t pair = pair_at(tok, s, (int32_t)i);
        if (pair != NO_PAIR)
            h.items[h.count++] = pair;
    }
    for (size_t i = h.count / 2; i-- > 0;)
        sift_down(&h, i);
    merge_all(tok, s, &h);
    for (int32_t i = 0; i >= 0 && !code; i = s[i].next)
        code = eng_ids_push(ids, s[i].id, err);
    return code;
}
