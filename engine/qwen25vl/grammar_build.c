/* SPDX-License-Identifier: Apache-2.0 */
/* Rules collected one by one and laid out flat. Invariant of a finished grammar: every rule has an alternative, every
 * index is in its table, and no rule can come back to itself without taking a byte, so that a matcher's walks end. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/utf8.h"
#include "engine/qwen25vl/grammar_private.h"

#define DOMAIN "grammar"
#define MAX_BYTES ((size_t)64 << 20)
#define MAX_ELEMS ((size_t)1 << 20)
#define MAX_RULES ((size_t)1 << 19)
/* Grammars written by people need two or three; one made to need many would cost the square of its length. */
#define MAX_ROUNDS 64

void gmr_fail(struct gr_builder *b, enum b_code code, const char *fmt, ...)
{
    if (b->code)
        return;
    char text[256];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    b->code = b_fail(b->err, code, DOMAIN, "%s", text);
}

enum b_code gmr_begin(struct gr_builder *b, struct b_err *err)
{
    memset(b, 0, sizeof *b);
    b->err = err;
    b->arena = b_arena_new(MAX_BYTES);
    if (!b->arena)
        return b->code = b_fail(err, B_NO_MEMORY, DOMAIN, "no memory for a grammar");
    (void)gmr_new_rule(b);
    return b->code;
}

/* Room for one more in a list of the arena. */
static bool room(struct gr_builder *b, void **list, size_t count, size_t *cap, size_t size)
{
    if (b->code)
        return false;
    if (count < *cap)
        return true;
    void *grown = *list ? b_arena_grow(b->arena, *list, count, cap, size) : b_arena_alloc(b->arena, 8 * size, 8);
    if (!grown) {
        b->code = b_arena_refused(b->arena, DOMAIN, b->err);
        return false;
    }
    *cap = *list ? *cap : 8;
    *list = grown;
    return true;
}

uint32_t gmr_new_rule(struct gr_builder *b)
{
    if (b->n_rules == MAX_RULES)
        gmr_fail(b, B_LIMIT, "more than %zu rules", MAX_RULES);
    void *list = b->rules;
    if (!room(b, &list, b->n_rules, &b->cap_rules, sizeof *b->rules))
        return 0;
    b->rules = list;
    b->rules[b->n_rules] = (struct gr_pending){.count = 0};
    return (uint32_t)b->n_rules++;
}

void gmr_alternative(struct gr_builder *b, uint32_t rule, const struct gr_seq *seq)
{
    if (b->n_elems + seq->count + 1 > MAX_ELEMS)
        gmr_fail(b, B_LIMIT, "the grammar has more than %zu places", MAX_ELEMS);
    if (b->code)
        return;
    struct gr_alternative *a = b_arena_alloc(b->arena, sizeof *a, 8);
    uint32_t *items = b_arena_alloc(b->arena, (seq->count + 1) * sizeof *items, 8);
    if (!a || !items) {
        b->code = b_arena_refused(b->arena, DOMAIN, b->err);
        return;
    }
    if (seq->count)
        memcpy(items, seq->items, seq->count * sizeof *items);
    items[seq->count] = GR_ELEM(GR_END, 0);
    *a = (struct gr_alternative){.items = items, .count = seq->count + 1};
    struct gr_pending *r = &b->rules[rule];
    if (r->last)
        r->last->next = a;
    else
        r->first = a;
    r->last = a;
    r->count++;
    b->n_elems += a->count;
}

void gmr_put(struct gr_builder *b, struct gr_seq *seq, uint32_t elem)
{
    void *list = seq->items;
    if (!room(b, &list, seq->count, &seq->cap, sizeof *seq->items))
        return;
    seq->items = list;
    seq->items[seq->count++] = elem;
}

/* The set as an element. */
static uint32_t element_of_set(struct gr_builder *b, const struct gr_set *set)
{
    void *list = b->sets;
    if (!room(b, &list, b->n_sets, &b->cap_sets, sizeof *b->sets))
        return GR_ELEM(GR_END, 0);
    b->sets = list;
    b->sets[b->n_sets] = *set;
    return GR_ELEM(GR_SET, b->n_sets++);
}

static uint32_t one_byte(struct gr_builder *b, uint8_t byte)
{
    if (!b->byte_set[byte]) {
        struct gr_set set = {{0}};
        set.bits[byte >> 3] = (uint8_t)(1u << (byte & 7));
        b->byte_set[byte] = 1 + GR_INDEX(element_of_set(b, &set));
    }
    return GR_ELEM(GR_SET, b->byte_set[byte] - 1);
}

void gmr_put_bytes(struct gr_builder *b, struct gr_seq *seq, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        gmr_put(b, seq, one_byte(b, (uint8_t)bytes[i]));
}

void gmr_put_repeat(struct gr_builder *b, struct gr_seq *seq, uint32_t elem, int64_t min, int64_t max)
{
    for (int64_t i = 0; i < min && !b->code; i++)
        gmr_put(b, seq, elem);
    if (max >= 0 && max - min > (int64_t)MAX_ELEMS)
        gmr_fail(b, B_LIMIT, "%lld repeats are too many", (long long)max);
    /* Optional ones as a chain from its end: each rule is "once more and the rest, or nothing". */
    const struct gr_seq nothing = {.count = 0};
    uint32_t rest = 0;
    const bool endless = max < 0;
    for (int64_t i = endless ? max : min; i < max || (endless && i < 0); i++) {
        struct gr_seq more = {.count = 0};
        const uint32_t rule = gmr_new_rule(b);
        gmr_put(b, &more, elem);
        if (endless || rest)
            gmr_put(b, &more, GR_ELEM(GR_RULE, endless ? rule : rest));
        gmr_alternative(b, rule, &more);
        gmr_alternative(b, rule, &nothing);
        rest = rule;
        if (b->code || endless)
            break;
    }
    if (rest)
        gmr_put(b, seq, GR_ELEM(GR_RULE, rest));
}

static void put_byte_range(struct gr_builder *b, struct gr_seq *seq, unsigned first, unsigned last)
{
    struct gr_set set = {{0}};
    for (unsigned byte = first; byte <= last; byte++)
        set.bits[byte >> 3] |= (uint8_t)(1u << (byte & 7));
    gmr_put(b, seq, element_of_set(b, &set));
}

/* Code points of one length in UTF-8 as alternatives of rule: cut so that in each part every byte has a range of its
 * own, the bytes behind one that varies being free. */
static void add_utf8(struct gr_builder *b, uint32_t rule, uint32_t first, uint32_t last)
{
    while (first <= last && !b->code) {
        char low[4], high[4];
        const size_t n = b_utf8_put(first, low);
        uint32_t end = last;
        for (size_t i = 1; i < n; i++) {
            const uint32_t block = ((uint32_t)1 << (6 * i)) - 1;
            if ((first & ~block) == (end & ~block))
                continue;
            if (first & block)
                end = first | block;
            else if ((end & block) != block)
                end = (end & ~block) - 1;
        }
        (void)b_utf8_put(end, high);
        struct gr_seq seq = {.count = 0};
        for (size_t i = 0; i < n; i++)
            put_byte_range(b, &seq, (unsigned char)low[i], (unsigned char)high[i]);
        gmr_alternative(b, rule, &seq);
        first = end + 1;
    }
}

static int by_first(const void *a, const void *b)
{
    const struct gr_range *x = a, *y = b;
    return x->first < y->first ? -1 : x->first > y->first;
}

/* Cuts [first, last] at the lengths of UTF-8 and around the surrogates. What has one byte goes into *ascii, so that a
 * class has one alternative for all of it. */
static void add_range(struct gr_builder *b, uint32_t rule, uint32_t first, uint32_t last, struct gr_set *ascii)
{
    static const struct gr_range parts[] = {{0x80, 0x7ff}, {0x800, 0xd7ff}, {0xe000, 0xffff}, {0x10000, 0x10ffff}};
    for (uint32_t cp = first; cp <= last && cp < 0x80; cp++)
        ascii->bits[cp >> 3] |= (uint8_t)(1u << (cp & 7));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const uint32_t from = first > parts[i].first ? first : parts[i].first;
        const uint32_t to = last < parts[i].last ? last : parts[i].last;
        if (from <= to)
            add_utf8(b, rule, from, to);
    }
}

uint32_t gmr_class(struct gr_builder *b, const struct gr_range *ranges, size_t count, bool negate)
{
    const uint32_t rule = gmr_new_rule(b);
    struct gr_range *sorted = b->code ? NULL : b_arena_alloc(b->arena, (count + 1) * sizeof *sorted, 8);
    if (!sorted) {
        if (!b->code)
            b->code = b_arena_refused(b->arena, DOMAIN, b->err);
        return GR_ELEM(GR_END, 0);
    }
    if (count)
        memcpy(sorted, ranges, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_first);
    struct gr_set ascii = {{0}};
    static const struct gr_set none;
    uint32_t next = 0; /* the first code point that no range before holds */
    for (size_t i = 0; i < count; i++) {
        if (negate && sorted[i].first > next)
            add_range(b, rule, next, sorted[i].first - 1, &ascii);
        const uint32_t from = sorted[i].first > next ? sorted[i].first : next;
        if (!negate && sorted[i].last >= from)
            add_range(b, rule, from, sorted[i].last, &ascii);
        next = sorted[i].last + 1 > next ? sorted[i].last + 1 : next;
    }
    if (negate && next <= 0x10ffff)
        add_range(b, rule, next, 0x10ffff, &ascii);
    if (memcmp(&ascii, &none, sizeof none) != 0) {
        struct gr_seq seq = {.count = 0};
        gmr_put(b, &seq, element_of_set(b, &ascii));
        gmr_alternative(b, rule, &seq);
    }
    if (!b->code && b->rules[rule].count == 0)
        gmr_fail(b, B_FORMAT, "a class holds no character");
    return GR_ELEM(GR_RULE, rule);
}

static void lay_out(const struct gr_builder *b, struct eng_grammar *g)
{
    for (size_t r = 0; r < b->n_rules; r++) {
        g->rules[r] = (struct gr_rule){.first = g->n_alternatives, .count = b->rules[r].count};
        for (const struct gr_alternative *a = b->rules[r].first; a; a = a->next) {
            g->alternatives[g->n_alternatives++] = g->n_elems;
            memcpy(g->elems + g->n_elems, a->items, a->count * sizeof *a->items);
            g->n_elems += (uint32_t)a->count;
        }
    }
    if (b->n_sets)
        memcpy(g->sets, b->sets, b->n_sets * sizeof *g->sets);
    g->n_rules = (uint32_t)b->n_rules;
    g->n_sets = (uint32_t)b->n_sets;
}

/* Whether some alternative of rule is made of rules already known to match nothing. */
static bool can_be_empty(const struct eng_grammar *g, uint32_t rule, const uint8_t *empty)
{
    for (uint32_t a = 0; a < g->rules[rule].count; a++) {
        const uint32_t *e = &g->elems[g->alternatives[g->rules[rule].first + a]];
        while (GR_KIND(*e) == GR_RULE && empty[GR_INDEX(*e)])
            e++;
        if (GR_KIND(*e) == GR_END)
            return true;
    }
    return false;
}

/* Rules that match nothing at all, in rounds over all rules from either end; false after too many of them. */
static bool find_empty(const struct eng_grammar *g, uint8_t *empty)
{
    for (int round = 0; round < MAX_ROUNDS; round++) {
        bool changed = false;
        for (uint32_t i = 0; i < g->n_rules; i++) {
            const uint32_t r = round % 2 ? i : g->n_rules - 1 - i;
            if (!empty[r] && can_be_empty(g, r, empty))
                empty[r] = changed = true;
        }
        if (!changed)
            return true;
    }
    return false;
}

/* A place of the walk over what a rule may begin with. */
struct visit {
    uint32_t rule, alternative, elem;
};

/* Depth-first over "may begin with": a rule met again while it is open would never take a byte. */
static bool comes_back(const struct eng_grammar *g, const uint8_t *empty, uint8_t *state, struct visit *stack)
{
    enum { NEW = 0, OPEN, DONE };
    for (uint32_t root = 0; root < g->n_rules; root++) {
        size_t depth = 0;
        if (state[root] == NEW) {
            stack[depth++] = (struct visit){.rule = root};
            state[root] = OPEN;
        }
        while (depth) {
            struct visit *v = &stack[depth - 1];
            const struct gr_rule *r = &g->rules[v->rule];
            if (v->alternative == r->count) {
                state[v->rule] = DONE;
                depth--;
                continue;
            }
            const uint32_t elem = g->elems[g->alternatives[r->first + v->alternative] + v->elem];
            const uint32_t next = GR_INDEX(elem);
            if (GR_KIND(elem) == GR_RULE && empty[next]) {
                v->elem++;
            } else {
                v->alternative++;
                v->elem = 0;
            }
            if (GR_KIND(elem) != GR_RULE || state[next] == DONE)
                continue;
            if (state[next] == OPEN)
                return true;
            state[next] = OPEN;
            stack[depth++] = (struct visit){.rule = next};
        }
    }
    return false;
}

static void check(struct gr_builder *b, const struct eng_grammar *g)
{
    uint8_t *empty = calloc(g->n_rules, 1), *state = calloc(g->n_rules, 1);
    struct visit *stack = calloc(g->n_rules, sizeof *stack);
    if (!empty || !state || !stack) {
        gmr_fail(b, B_NO_MEMORY, "no memory to check a grammar");
    } else {
        if (!find_empty(g, empty))
            gmr_fail(b, B_LIMIT, "rules that may be empty lean on each other too much");
        else if (comes_back(g, empty, state, stack))
            gmr_fail(b, B_FORMAT, "a rule begins with itself, or repeats what may be empty");
    }
    free(empty);
    free(state);
    free(stack);
}

enum b_code gmr_finish(struct gr_builder *b, struct eng_grammar **out)
{
    struct eng_grammar *g = NULL;
    size_t alternatives = 0;
    *out = NULL;
    for (size_t r = 0; r < b->n_rules && !b->code; r++) {
        alternatives += b->rules[r].count;
        if (b->rules[r].count == 0)
            gmr_fail(b, B_FORMAT, "a rule is used but not given");
    }
    if (!b->code) {
        g = calloc(1, sizeof *g);
        if (g) {
            g->elems = calloc(b->n_elems + 1, sizeof *g->elems);
            g->alternatives = calloc(alternatives + 1, sizeof *g->alternatives);
            g->rules = calloc(b->n_rules + 1, sizeof *g->rules);
            g->sets = calloc(b->n_sets + 1, sizeof *g->sets);
        }
        if (!g || !g->elems || !g->alternatives || !g->rules || !g->sets)
            gmr_fail(b, B_NO_MEMORY, "no memory for a grammar");
    }
    if (!b->code) {
        lay_out(b, g);
        check(b, g);
    }
    if (b->code)
        eng_grammar_drop(g);
    else
        *out = g;
    b_arena_drop(b->arena);
    return b->code;
}

void eng_grammar_drop(struct eng_grammar *grammar)
{
    if (!grammar)
        return;
    free(grammar->elems);
    free(grammar->alternatives);
    free(grammar->rules);
    free(grammar->sets);
    free(grammar);
}
