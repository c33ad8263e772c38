/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_QWEN25VL_GRAMMAR_PRIVATE_H
#define ENGINE_QWEN25VL_GRAMMAR_PRIVATE_H

#include "engine/base/arena.h"
#include "engine/qwen25vl/config.h"
#include "engine/qwen25vl/grammar.h"

/* Private to grammar*.c. */

/* One place of a rule's alternative: the end of it, a byte of a set, or another rule. */
enum gr_kind { GR_END = 0, GR_SET = 1, GR_RULE = 2 };
#define GR_ELEM(kind, index) ((uint32_t)(kind) << 30 | (uint32_t)(index))
#define GR_KIND(elem) ((enum gr_kind)((elem) >> 30))
#define GR_INDEX(elem) ((elem)&0x3fffffffu)

struct gr_set {
    uint8_t bits[32];
};

struct gr_rule {
    uint32_t first, count; /* alternatives */
};

struct eng_grammar {
    uint32_t *elems;        /* alternatives one after another, each with its end */
    uint32_t *alternatives; /* first element of each */
    struct gr_rule *rules;  /* rule 0 is the root */
    struct gr_set *sets;
    uint32_t n_elems, n_alternatives, n_rules, n_sets;
};

/* --- building --- */

struct gr_seq { /* an alternative being made; zero-initialise */
    uint32_t *items;
    size_t count, cap;
};

struct gr_alternative {
    struct gr_alternative *next;
    uint32_t *items;
    size_t count;
};

struct gr_pending {
    struct gr_alternative *first, *last;
    uint32_t count;
};

struct gr_builder {
    struct b_arena *arena;
    struct b_err *err;
    enum b_code code; /* the first failure; later calls do nothing */
    struct gr_pending *rules;
    size_t n_rules, cap_rules;
    struct gr_set *sets;
    size_t n_sets, cap_sets;
    size_t n_elems;
    uint32_t byte_set[256]; /* 1 + set of one byte; 0: not made yet */
};

enum b_code gmr_begin(struct gr_builder *b, struct b_err *err) B_MUST_CHECK; /* makes rule 0 */
/* Ends the building in any case: the grammar, or the failure. */
enum b_code gmr_finish(struct gr_builder *b, struct eng_grammar **out) B_MUST_CHECK;
void gmr_fail(struct gr_builder *b, enum b_code code, const char *fmt, ...) B_PRINTF(3, 4);

uint32_t gmr_new_rule(struct gr_builder *b);
/* Adds seq, which may be used again for another one, as an alternative. */
void gmr_alternative(struct gr_builder *b, uint32_t rule, const struct gr_seq *seq);
void gmr_put(struct gr_builder *b, struct gr_seq *seq, uint32_t elem);
void gmr_put_bytes(struct gr_builder *b, struct gr_seq *seq, const char *bytes, size_t len);
/* elem min to max times (max < 0: without end). */
void gmr_put_repeat(struct gr_builder *b, struct gr_seq *seq, uint32_t elem, int64_t min, int64_t max);

/* Code points in ranges [first, last], ascending or not, as an element; negate: all others. */
struct gr_range {
    uint32_t first, last;
};
uint32_t gmr_class(struct gr_builder *b, const struct gr_range *ranges, size_t count, bool negate);

/* --- following --- */

/* Places looked at between two bytes, over all readings; a JSON Schema of 100 optional members needs some 300. */
#define GR_MAX_WALK 8192
#define GR_KEPT_MASKS 4

struct gr_link {
    uint32_t place, next, depth;
};

struct gr_reading {
    uint32_t place; /* an element of kind GR_SET */
    uint32_t link;
};

struct gr_readings {
    struct gr_reading items[ENG_GRAMMAR_MAX_READINGS];
    uint32_t count;
    bool whole; /* the text so far is one of the grammar */
};

struct eng_matcher {
    const struct eng_grammar *grammar;
    const struct eng_tokenizer *tok;
    int32_t stops[ENG_QWEN_MAX_STOPS];
    int n_stops;
    bool ended; /* a stop was taken */
    struct gr_link *links;
    uint32_t n_links;
    uint32_t *moved; /* as many as links: where links go when the unused ones are dropped */
    struct gr_readings now, next[2];
    uint64_t walked; /* places looked at so far */
    struct gr_reading walk[GR_MAX_WALK];
    struct gr_mask *masks[GR_KEPT_MASKS]; /* of places met before, or NULL */
    unsigned next_mask;
};

/* The readings after one more byte; false when there are none. New links stay until m->n_links is set back. */
bool gmr_step(struct eng_matcher *m, const struct gr_readings *from, uint8_t byte, struct gr_readings *to);
void gmr_masks_free(struct eng_matcher *m);

#endif
