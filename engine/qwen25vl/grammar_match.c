/* SPDX-License-Identifier: Apache-2.0 */
/* Follows a grammar through an answer, byte by byte, in all readings at once. A reading is a place in a rule that waits
 * for a byte and a chain of places to go on at when rules end; chains share their tails. Invariant: every reading waits
 * for a byte (places of other kinds are walked through at once), and older links never point at newer ones, so that a
 * try is undone by forgetting the newest links. */
#include <stdlib.h>
#include <string.h>

#include "engine/qwen25vl/config.h"
#include "engine/qwen25vl/grammar_private.h"

#define DOMAIN "grammar"
#define NO_LINK UINT32_MAX
#define MAX_LINKS 65536

/* Whether two chains hold the same places; shared tails make this short. */
static bool same_chain(const struct eng_matcher *m, uint32_t a, uint32_t b)
{
    while (a != b) {
        if (a == NO_LINK || b == NO_LINK || m->links[a].depth != m->links[b].depth ||
            m->links[a].place != m->links[b].place)
            return false;
        a = m->links[a].next;
        b = m->links[b].next;
    }
    return true;
}

static void add_reading(const struct eng_matcher *m, struct gr_readings *out, struct gr_reading r)
{
    for (uint32_t i = 0; i < out->count; i++)
        if (out->items[i].place == r.place && same_chain(m, out->items[i].link, r.link))
            return;
    if (out->count < ENG_GRAMMAR_MAX_READINGS)
        out->items[out->count++] = r;
}

/* A link to go on at place when a rule ends, or the one below where nothing is left to do at place. */
static bool push_link(struct eng_matcher *m, uint32_t place, uint32_t next, uint32_t *out)
{
    *out = next;
    if (GR_KIND(m->grammar->elems[place]) == GR_END)
        return true; /* the last of its alternative: lists written with a tail rule stay flat */
    const uint32_t depth = next == NO_LINK ? 1 : m->links[next].depth + 1;
    if (depth > ENG_GRAMMAR_MAX_DEPTH || m->n_links == MAX_LINKS)
        return false;
    *out = m->n_links++;
    m->links[*out] = (struct gr_link){.place = place, .next = next, .depth = depth};
    return true;
}

/* Walks from a place to all that wait for a byte, and adds them. *left: places that may still be looked at. */
static void walk_from(struct eng_matcher *m, struct gr_reading start, struct gr_readings *out, uint32_t *left)
{
    const struct eng_grammar *g = m->grammar;
    uint32_t n = 0;
    m->walk[n++] = start;
    for (; n && *left; (*left)--, m->walked++) {
        const struct gr_reading r = m->walk[--n];
        const uint32_t elem = g->elems[r.place], index = GR_INDEX(elem);
        uint32_t link;
        switch (GR_KIND(elem)) {
        case GR_SET:
            add_reading(m, out, r);
            break;
        case GR_END:
            if (r.link == NO_LINK)
                out->whole = true;
            else
                m->walk[n++] = (struct gr_reading){m->links[r.link].place, m->links[r.link].next};
            break;
        case GR_RULE:
            if (!push_link(m, r.place + 1, r.link, &link))
                break;
            for (uint32_t a = 0; a < g->rules[index].count && n < GR_MAX_WALK; a++)
                m->walk[n++] = (struct gr_reading){g->alternatives[g->rules[index].first + a], link};
            break;
        default:
            break;
        }
    }
}

static bool has_byte(const struct eng_grammar *g, uint32_t place, uint8_t byte)
{
    return g->sets[GR_INDEX(g->elems[place])].bits[byte >> 3] >> (byte & 7) & 1;
}

bool gmr_step(struct eng_matcher *m, const struct gr_readings *from, uint8_t byte, struct gr_readings *to)
{
    uint32_t left = GR_MAX_WALK;
    to->count = 0;
    to->whole = false;
    for (uint32_t i = 0; i < from->count; i++)
        if (has_byte(m->grammar, from->items[i].place, byte))
            walk_from(m, (struct gr_reading){from->items[i].place + 1, from->items[i].link}, to, &left);
    return to->count || to->whole;
}

/* The readings after bytes, in one of m->next; NULL when there are none. */
static const struct gr_readings *after(struct eng_matcher *m, const char *bytes, size_t len)
{
    const struct gr_readings *at = &m->now;
    for (size_t i = 0; i < len; i++) {
        struct gr_readings *to = &m->next[i & 1];
        if (!gmr_step(m, at, (uint8_t)bytes[i], to))
            return NULL;
        at = to;
    }
    return at;
}

void eng_matcher_reset(struct eng_matcher *m)
{
    const struct gr_rule *root = &m->grammar->rules[0];
    uint32_t left = GR_MAX_WALK;
    m->n_links = 0;
    m->ended = false;
    m->now.count = 0;
    m->now.whole = false;
    for (uint32_t a = 0; a < root->count; a++)
        walk_from(m, (struct gr_reading){m->grammar->alternatives[root->first + a], NO_LINK}, &m->now, &left);
}

enum b_code eng_matcher_new(const struct eng_grammar *grammar, const struct eng_tokenizer *tok, const int32_t *stops,
                            int n_stops, struct eng_matcher **out, struct b_err *err)
{
    *out = NULL;
    if (n_stops < 0 || n_stops > ENG_QWEN_MAX_STOPS)
        return b_fail(err, B_ARGUMENT, DOMAIN, "%d tokens that end an answer", n_stops);
    struct eng_matcher *m = calloc(1, sizeof *m);
    if (m) {
        m->links = malloc(MAX_LINKS * sizeof *m->links);
        m->moved = malloc(MAX_LINKS * sizeof *m->moved);
    }
    if (!m || !m->links || !m->moved) {
        eng_matcher_drop(m);
        return b_fail(err, B_NO_MEMORY, DOMAIN, "no memory to follow a grammar");
    }
    m->grammar = grammar;
    m->tok = tok;
    m->n_stops = n_stops;
    for (int i = 0; i < n_stops; i++)
        m->stops[i] = stops[i];
    eng_matcher_reset(m);
    *out = m;
    return B_OK;
}

void eng_matcher_drop(struct eng_matcher *m)
{
    if (!m)
        return;
    gmr_masks_free(m);
    free(m->links);
    free(m->moved);
    free(m);
}

static bool is_stop(const struct eng_matcher *m, int32_t id)
{
    for (int i = 0; i < m->n_stops; i++)
        if (m->stops[i] == id)
            return true;
    return false;
}

/* Bytes of a token that text is made of; NULL for none, added and empty ones. */
static const char *text_of(const struct eng_matcher *m, int32_t id, size_t *len)
{
    const char *bytes = eng_tokenizer_bytes(m->tok, id, len);
    return bytes && *len && !eng_tokenizer_is_added(m->tok, id) ? bytes : NULL;
}

bool eng_matcher_allows(struct eng_matcher *m, int32_t id)
{
    size_t len;
    if (m->ended)
        return false;
    if (is_stop(m, id))
        return m->now.whole;
    const char *bytes = text_of(m, id, &len);
    const uint32_t links = m->n_links;
    const bool allowed = bytes && after(m, bytes, len) != NULL;
    m->n_links = links;
    return allowed;
}

/* Drops links that no reading holds any more. */
static void drop_links(struct eng_matcher *m)
{
    memset(m->moved, 0, m->n_links * sizeof *m->moved);
    for (uint32_t i = 0; i < m->now.count; i++)
        for (uint32_t l = m->now.items[i].link; l != NO_LINK && !m->moved[l]; l = m->links[l].next)
            m->moved[l] = 1;
    uint32_t n = 0;
    for (uint32_t l = 0; l < m->n_links; l++) {
        if (!m->moved[l])
            continue;
        struct gr_link link = m->links[l];
        if (link.next != NO_LINK)
            link.next = m->moved[link.next];
        m->links[n] = link;
        m->moved[l] = n++;
    }
    for (uint32_t i = 0; i < m->now.count; i++)
        if (m->now.items[i].link != NO_LINK)
            m->now.items[i].link = m->moved[m->now.items[i].link];
    m->n_links = n;
}

bool eng_matcher_accept(struct eng_matcher *m, int32_t id)
{
    size_t len;
    if (m->ended)
        return false;
    if (is_stop(m, id)) {
        m->ended = m->now.whole;
        return m->ended;
    }
    const char *bytes = text_of(m, id, &len);
    const uint32_t links = m->n_links;
    const struct gr_readings *at = bytes ? after(m, bytes, len) : NULL;
    if (!at) {
        m->n_links = links;
        return false;
    }
    m->now = *at;
    drop_links(m);
    return true;
}

bool eng_matcher_may_end(const struct eng_matcher *m)
{
    return m->now.whole;
}

bool eng_matcher_must_end(const struct eng_matcher *m)
{
    return m->ended || (m->now.whole && m->now.count == 0);
}
