/* SPDX-License-Identifier: Apache-2.0 */
/* Which tokens may come next, all at once. Tokens are walked in the order of their bytes, so that a beginning shared by
 * many is followed once and one that fails takes all of them along; masks of the last few places are kept, because the
 * inside of a text looks the same after every token. Invariant: the result is what eng_matcher_allows says of each
 * token, whatever was kept. */
#include <stdlib.h>
#include <string.h>

#include "engine/qwen25vl/grammar_private.h"

/* Places looked at for a whole mask, about a second: a grammar made to be slow loses tokens instead. */
#define MAX_MASK_WALK ((uint64_t)1 << 27)
/* Beginnings up to this length are shared; 98 of 100 tokens of a Qwen2 vocabulary are no longer. */
#define MAX_SHARED 16
/* A place with more open rules than this is not kept: it would hardly come again. */
#define MAX_KEPT_LINKS 64

struct gr_mask {
    struct gr_readings at;
    struct gr_link links[MAX_KEPT_LINKS];
    uint32_t n_links;
    uint8_t *allowed;
    size_t vocab, count;
};

void gmr_masks_free(struct eng_matcher *m)
{
    for (size_t i = 0; i < GR_KEPT_MASKS; i++)
        if (m->masks[i]) {
            free(m->masks[i]->allowed);
            free(m->masks[i]);
            m->masks[i] = NULL;
        }
}

static bool same_place(const struct eng_matcher *m, const struct gr_mask *kept, size_t vocab)
{
    return kept->vocab == vocab && kept->n_links == m->n_links && kept->at.count == m->now.count &&
           kept->at.whole == m->now.whole &&
           memcmp(kept->at.items, m->now.items, m->now.count * sizeof *m->now.items) == 0 &&
           memcmp(kept->links, m->links, m->n_links * sizeof *m->links) == 0;
}

static void keep_mask(struct eng_matcher *m, const uint8_t *allowed, size_t vocab, size_t count)
{
    if (m->n_links > MAX_KEPT_LINKS)
        return;
    struct gr_mask *kept = calloc(1, sizeof *kept);
    uint8_t *copy = malloc(vocab);
    if (!kept || !copy) { /* the next mask is made anew */
        free(kept);
        free(copy);
        return;
    }
    memcpy(copy, allowed, vocab);
    kept->at.count = m->now.count;
    kept->at.whole = m->now.whole;
    memcpy(kept->at.items, m->now.items, m->now.count * sizeof *m->now.items);
    memcpy(kept->links, m->links, m->n_links * sizeof *m->links);
    kept->n_links = m->n_links;
    kept->allowed = copy;
    kept->vocab = vocab;
    kept->count = count;
    struct gr_mask **place = &m->masks[m->next_mask++ % GR_KEPT_MASKS];
    if (*place)
        free((*place)->allowed);
    free(*place);
    *place = kept;
}

/* Readings along the token walked last. */
struct trail {
    struct gr_readings at[MAX_SHARED + 1]; /* after so many of its bytes; [0]: now */
    uint32_t links[MAX_SHARED + 1];        /* how many there were then */
    const char *bytes;
    size_t len, known; /* bytes whose readings are in at[] */
    size_t failed;     /* length of the beginning that nothing allows; 0: none */
};

static size_t shared_length(const char *a, size_t n, const char *b, size_t m)
{
    size_t i = 0;
    while (i < n && i < m && a[i] == b[i])
        i++;
    return i;
}

/* Follows one token from where it leaves the one before; whether all of it may come. */
static bool follow(struct eng_matcher *m, struct trail *t, const char *bytes, size_t len)
{
    const size_t shared = shared_length(t->bytes, t->len, bytes, len);
    t->bytes = bytes;
    t->len = len;
    if (t->failed && shared >= t->failed)
        return false;
    t->failed = 0;
    t->known = shared < t->known ? shared : t->known;
    m->n_links = t->links[t->known];
    const struct gr_readings *at = &t->at[t->known];
    for (size_t i = t->known; i < len; i++) {
        struct gr_readings *to = i < MAX_SHARED ? &t->at[i + 1] : &m->next[i & 1];
        if (!gmr_step(m, at, (uint8_t)bytes[i], to)) {
            t->failed = i + 1;
            return false;
        }
        at = to;
        if (i < MAX_SHARED) {
            t->known = i + 1;
            t->links[i + 1] = m->n_links;
        }
    }
    return true;
}

/* The tokens that begin with one byte. */
static void walk_tokens(struct eng_matcher *m, struct trail *t, uint8_t first, uint64_t end, uint8_t *allowed,
                        size_t vocab)
{
    const int32_t *ids;
    const size_t n = eng_tokenizer_in_order(m->tok, first, &ids);
    for (size_t i = 0; i < n && t->failed != 1 && m->walked < end; i++) {
        size_t len;
        const char *bytes = eng_tokenizer_bytes(m->tok, ids[i], &len);
        const bool follows = follow(m, t, bytes, len);
        if ((size_t)ids[i] < vocab)
            allowed[ids[i]] = follows;
    }
    t->failed = 0;
}

/* False when memory for the walk is refused. */
static bool walk_all(struct eng_matcher *m, uint8_t *allowed, size_t vocab)
{
    const uint64_t end = m->walked + MAX_MASK_WALK;
    const uint32_t links = m->n_links;
    struct trail *t = malloc(sizeof *t);
    if (!t)
        return false;
    t->at[0] = m->now;
    t->links[0] = links;
    t->bytes = "";
    t->len = t->known = t->failed = 0;
    for (unsigned first = 0; first < 256; first++)
        walk_tokens(m, t, (uint8_t)first, end, allowed, vocab);
    m->n_links = links;
    free(t);
    return true;
}

size_t eng_matcher_mask(struct eng_matcher *m, uint8_t *allowed, size_t vocab)
{
    for (size_t i = 0; i < GR_KEPT_MASKS && !m->ended; i++)
        if (m->masks[i] && same_place(m, m->masks[i], vocab)) {
            memcpy(allowed, m->masks[i]->allowed, vocab);
            return m->masks[i]->count;
        }
    memset(allowed, 0, vocab);
    if (m->ended)
        return 0;
    if (!walk_all(m, allowed, vocab)) /* one by one then, slower */
        for (size_t id = 0; id < vocab; id++)
            allowed[id] = eng_matcher_allows(m, (int32_t)id);
    for (int i = 0; i < m->n_stops; i++)
        if (m->stops[i] >= 0 && (size_t)m->stops[i] < vocab)
            allowed[m->stops[i]] = m->now.whole;
    size_t n = 0;
    for (size_t id = 0; id < vocab; id++)
        n += allowed[id];
    keep_mask(m, allowed, vocab, n);
    return n;
}
