/* SPDX-License-Identifier: Apache-2.0 */
/* Joins neighbours that belong to one formula, cuts off what does not belong to its ends, and keeps runs that prose
 * cannot be. Every step looks at each character a bounded number of times: brackets are searched for their partner
 * over BRACKET_REACH characters. */
#include "docparse/formula/inline.h"

#include <math.h>

#include "docparse/formula/inline_private.h"

#define BRACKET_REACH 120 /* characters between a bracket and its partner */
#define SCRIPT_REACH 40   /* characters of one script */
/* White between neighbours in sizes, at most. */
#define THIN 0.24f        /* inside of a product: a thin space is 0.17, a word space of a tight line 0.25 */
#define THIN_SPACE 0.18f   /* a thin space at most */
#define FACTORS 0.3f      /* between letters of mathematics, where prose would have set a word between two formulas */
#define AROUND_SIGN 0.75f /* relations: 0.28, stretched to twice as much */
#define BEFORE_OPERATOR 0.4f /* a thin space and the margin of a fraction */
#define CLOSE_BY 0.12f
#define BEHIND_COMMA 0.45f
#define QUAD 1.3f         /* before "(mod n)" */
#define COLON_SPACE 0.07f /* before a colon that is a sign of mathematics, at least */

struct search {
    const struct in_char *c;
    int32_t n;
};

static float gap(const struct search *s, int32_t a)
{
    return (s->c[a + 1].x0 - s->c[a].x1) / s->c[a + 1].size;
}

static bool is_operand(enum in_kind k)
{
    return k == IN_VARIABLE || k == IN_WEAK || k == IN_DIGIT || k == IN_NAME || k == IN_STACK || k == IN_SCRIPT || k == IN_CLOSE ||
           k == IN_FENCE || k == IN_DOTS || k == IN_BANG || k == IN_OPERATOR || k == IN_ACCENT;
}

static bool is_sign(enum in_kind k)
{
    return k == IN_RELATION || k == IN_BINARY;
}

static bool begins(enum in_kind k)
{
    return is_operand(k) && k != IN_CLOSE && k != IN_BANG && k != IN_SCRIPT && k != IN_ACCENT;
}

static enum in_kind kind_at(const struct search *s, int32_t i)
{
    return i >= 0 && i < s->n ? s->c[i].kind : IN_PROSE;
}

/* What the script at i stands at. */
static enum in_kind base_kind(const struct search *s, int32_t i)
{
    for (int back = 0; i > 0 && s->c[i].kind == IN_SCRIPT && back < SCRIPT_REACH; back++)
        i--;
    return s->c[i].kind;
}

/* A comma or point at b, between a and what follows it. */
static bool links_point(const struct search *s, int32_t a, int32_t b)
{
    const enum in_kind after = kind_at(s, b + 1);
    if (b + 1 >= s->n || s->c[b + 1].row || gap(s, a) > THIN)
        return false;
    if (s->c[b].of_prose && s->c[b + 1].math && s->c[b + 1].letter) /* mathematics has a comma of its own */
        return false;
    if (s->c[b].kind == IN_POINT)
        return kind_at(s, a) == IN_DIGIT && after == IN_DIGIT && gap(s, b) < CLOSE_BY;
    return (begins(after) || after == IN_OPEN || is_sign(after)) &&
           gap(s, b) < (s->c[b].math ? BEHIND_COMMA : THIN);
}

/* Whether what follows a also belongs to its formula; brackets that open are the caller's. */
static bool links(const struct search *s, int32_t a)
{
    const int32_t b = a + 1;
    const enum in_kind ka = s->c[a].kind == IN_SCRIPT && base_kind(s, a) == IN_OPERATOR ? IN_OPERATOR : s->c[a].kind, kb = s->c[b].kind;
    if (kb == IN_PROSE || ka == IN_PROSE)
        return false;
    if (s->c[b].row) /* formulas are broken behind signs */
        return is_sign(ka) && (begins(kb) || kb == IN_OPEN);
    const float g = gap(s, a);
    if ((g < -2.5f && (ka != IN_STACK || kb != IN_STACK)) || g > AROUND_SIGN)
        return false;
    if (kb == IN_ACCENT) /* over what it belongs to */
        return g < (s->c[b].math ? CLOSE_BY : 0) && is_operand(ka);
    if (ka == IN_ACCENT)
        return g < BEHIND_COMMA;
    if (kb == IN_SCRIPT) /* behind a sign: the upper half of a fraction */
        return is_sign(ka) || (g < THIN && is_operand(ka));
    if (is_sign(ka) || is_sign(kb))
        return true;
    if (kb == IN_COMMA || kb == IN_POINT)
        return links_point(s, a, b);
    if (ka == IN_COMMA || ka == IN_POINT)
        return true; /* links_point saw what follows */
    if (ka == IN_FENCE || kb == IN_FENCE || kb == IN_DOTS || ka == IN_DOTS)
        return g < (s->c[a].math && s->c[b].math ? AROUND_SIGN : BEHIND_COMMA);
    if (ka == IN_SLASH || kb == IN_SLASH)
        return g < (s->c[a].math || s->c[b].math ? THIN : CLOSE_BY) && (ka == IN_SLASH ? begins(kb) : is_operand(ka));
    if (kb == IN_COLON)
        return g > COLON_SPACE && is_operand(ka) && b + 1 < s->n && begins(kind_at(s, b + 1)) && !s->c[b + 1].row;
    if (ka == IN_COLON)
        return true;
    if (kb == IN_BANG)
        return g < CLOSE_BY && is_operand(ka) && ka != IN_DIGIT;
    if (kb == IN_CLOSE)
        return false; /* only with its partner */
    if (ka == IN_OPERATOR)
        return g < AROUND_SIGN;
    if (ka == IN_NAME || kb == IN_NAME)
        return g < 0.3f;
    if (kb == IN_OPERATOR)
        return is_operand(ka) && g < (ka == IN_DIGIT ? THIN : BEFORE_OPERATOR);
    const bool factors = kb == IN_VARIABLE && (ka == IN_VARIABLE || (ka == IN_SCRIPT && base_kind(s, a) == IN_VARIABLE));
    return is_operand(ka) && is_operand(kb) && g < (factors ? FACTORS : THIN);
}

/* The partner of the bracket at `open` when all between belongs to mathematics; DP_NONE otherwise. */
static int32_t partner(const struct search *s, int32_t open)
{
    int depth = 0;
    for (int32_t i = open; i < s->n && i - open < BRACKET_REACH; i++) {
        const enum in_kind k = s->c[i].kind;
        if (k == IN_PROSE || (i > open && s->c[i].row && !is_sign(s->c[i - 1].kind)))
            return DP_NONE;
        if (i > open && !s->c[i].row && gap(s, i - 1) > AROUND_SIGN)
            return DP_NONE;
        depth += k == IN_OPEN;
        depth -= k == IN_CLOSE;
        if (depth == 0)
            return i > open + 1 ? i : DP_NONE;
    }
    return DP_NONE;
}

/* Whether a bracket that opens at a + 1 goes on with what ends at a: "f(", "= (", "n (mod". */
static bool takes_bracket(const struct search *s, int32_t a)
{
    const enum in_kind k = s->c[a].kind;
    const float g = gap(s, a);
    if (s->c[a + 1].row)
        return is_sign(k);
    if (kind_at(s, a + 2) == IN_NAME && s->c[a + 2].cp == 'm' && is_operand(k))
        return g < QUAD;
    return is_sign(k) || k == IN_COMMA || k == IN_SLASH || k == IN_COLON ? g < AROUND_SIGN : is_operand(k) && g < THIN;
}

/* The end of the run that begins at `first`. */
static int32_t run_end(const struct search *s, int32_t first)
{
    int32_t end = first;
    if (s->c[first].kind == IN_OPEN) {
        end = partner(s, first);
        if (end == DP_NONE)
            return DP_NONE;
    }
    while (end + 1 < s->n) {
        if (s->c[end + 1].kind == IN_OPEN) {
            const int32_t close = takes_bracket(s, end) ? partner(s, end + 1) : DP_NONE;
            if (close == DP_NONE)
                break;
            end = close;
        } else if (links(s, end)) {
            end++;
        } else {
            break;
        }
    }
    return end;
}

/* A bracket around all of the run that prose has set around it, rather than a pair or an interval. */
static bool is_wrapped(const struct search *s, int32_t first, int32_t last)
{
    int depth = 0, others = 0;
    if (s->c[first].kind != IN_OPEN || s->c[last].kind != IN_CLOSE)
        return false;
    for (int32_t i = first; i <= last; i++) {
        depth += s->c[i].kind == IN_OPEN;
        depth -= s->c[i].kind == IN_CLOSE;
        others += i > first && i < last && s->c[i].kind != IN_STACK;
        if ((depth == 0 && i < last) || (depth == 1 && s->c[i].kind == IN_COMMA))
            return false;
    }
    return others > 0 && (s->c[first].cp == '(' || s->c[first].cp == '['); /* around a fraction alone: a binomial */
}

/* A relation before a word, as in "n = number": the sign is prose's. */
static bool followed_by_prose(const struct search *s, int32_t i)
{
    return s->c[i].kind == IN_RELATION && i + 1 < s->n && s->c[i + 1].kind == IN_PROSE && s->c[i + 1].letter && !s->c[i + 1].row &&
           gap(s, i) < AROUND_SIGN;
}

/* Takes off what does not belong to the ends; false when an end lacks what a sign there asks for. */
static bool trim(const struct search *s, struct dp_inline_run *r)
{
    for (bool again = true; again && r->first <= r->last;) {
        const enum in_kind a = s->c[r->first].kind, b = s->c[r->last].kind;
        again = true;
        if (is_sign(b) && !followed_by_prose(s, r->last))
            return false;
        const bool before_name = r->first < r->last && (s->c[r->first + 1].kind == IN_NAME || s->c[r->first + 1].kind == IN_OPERATOR) &&
                                 gap(s, r->first) < THIN_SPACE;
        if (a == IN_BINARY && r->first < r->last && gap(s, r->first) > CLOSE_BY && s->c[r->first].math && !before_name)
            return false;
        if (b == IN_COMMA || b == IN_POINT || b == IN_COLON || b == IN_SLASH || is_sign(b))
            r->last--;
        else if (a == IN_COMMA || a == IN_POINT || a == IN_COLON || a == IN_SLASH || a == IN_CLOSE || a == IN_BANG || a == IN_SCRIPT ||
                 (a == IN_RELATION && !s->c[r->first].math) ||
                 (a == IN_BINARY && r->first < r->last && gap(s, r->first) > CLOSE_BY && !before_name))
            r->first++;
        else if (is_wrapped(s, r->first, r->last)) {
            r->first++;
            r->last--;
        } else
            again = false;
    }
    return r->first <= r->last;
}

struct evidence {
    int32_t variables, weak, signs, scripts, lowered, operators, stacks, digits, math_commas, math_brackets, calls, letters_only;
    bool power; /* ten, or a number with a sign in its exponent */
};

static struct evidence weigh(const struct search *s, const struct dp_inline_run *r)
{
    struct evidence e = {0};
    for (int32_t i = r->first; i <= r->last; i++) {
        const struct in_char *c = &s->c[i];
        const enum in_kind before = i > r->first ? c[-1].kind : IN_PROSE, after = i < r->last ? c[1].kind : IN_PROSE;
        e.variables += c->kind == IN_VARIABLE;
        e.weak += c->kind == IN_WEAK;
        e.digits += c->kind == IN_DIGIT;
        e.signs += is_sign(c->kind) && (is_operand(before) || before == IN_BINARY) && (is_operand(after) || after == IN_OPEN || after == IN_BINARY);
        e.scripts += c->kind == IN_SCRIPT;
        e.lowered += c->kind == IN_SCRIPT && (!c->raised || !(c->cp >= '0' && c->cp <= '9'));
        e.operators += c->kind == IN_OPERATOR;
        e.stacks += c->kind == IN_STACK;
        e.math_commas += c->kind == IN_COMMA && c->math;
        e.math_brackets += c->kind == IN_OPEN && c->math;
        e.calls += c->kind == IN_OPEN && (before == IN_WEAK || before == IN_NAME);
        if (c->kind == IN_SCRIPT && c->raised && before == IN_DIGIT)
            e.power = e.power || (c->math && (c->cp > 0x7F || c->letter)) ||
                      (i >= r->first + 2 && c[-1].cp == '0' && c[-2].cp == '1' && (i == r->first + 2 || c[-3].kind != IN_DIGIT));
    }
    return e;
}

/* A Greek letter as the first part of a unit or a name: "µm". */
static bool is_prefix(const struct search *s, const struct dp_inline_run *r)
{
    return r->first == r->last && s->c[r->first].greek && r->last + 1 < s->n && !s->c[r->last + 1].row &&
           s->c[r->last + 1].letter && gap(s, r->last) < CLOSE_BY;
}

/* A number that a word in front holds on to: the version of a name, as in LaTeX2e. */
static bool is_version(const struct search *s, const struct dp_inline_run *r)
{
    return s->c[r->first].kind == IN_DIGIT && r->first > 0 && !s->c[r->first].row && s->c[r->first - 1].kind == IN_PROSE &&
           s->c[r->first - 1].letter && gap(s, r->first - 1) < THIN_SPACE;
}

/* Four letters or more in a row and nothing else, three calligraphic ones: a word or a sign of a firm in the letters of
 * mathematics. */
static bool is_word(const struct search *s, const struct dp_inline_run *r)
{
    if (r->last - r->first < (s->c[r->first].calligraphic ? 2 : 3))
        return false;
    for (int32_t i = r->first; i <= r->last; i++)
        if (!s->c[i].letter || s->c[i].kind != IN_VARIABLE || s->c[i].greek)
            return false;
    return true;
}

/* A call whose bracket holds what is not understood. */
static bool is_cut(const struct search *s, const struct dp_inline_run *r)
{
    return kind_at(s, r->last + 1) == IN_OPEN && !s->c[r->last + 1].row && gap(s, r->last) < CLOSE_BY;
}

/* The last character of the bracket that opens at `open`, or of its row. */
static int32_t behind_bracket(const struct search *s, int32_t open)
{
    int depth = 0;
    int32_t i = open;
    for (; i + 1 < s->n && i - open < BRACKET_REACH && !s->c[i + 1].row; i++) {
        depth += s->c[i].kind == IN_OPEN;
        depth -= s->c[i].kind == IN_CLOSE;
        if (depth == 0)
            break;
    }
    return i;
}

static bool is_formula(const struct search *s, const struct dp_inline_run *r)
{
    const struct evidence e = weigh(s, r);
    if (is_version(s, r))
        return false;
    if (e.variables > 0)
        return !is_prefix(s, r) && !is_word(s, r);
    if (e.weak > 0)
        return e.signs > 0 || e.lowered > 0 || e.operators > 0 || e.calls > 0;
    return e.stacks > 0 || e.power || (e.operators > 0 && e.digits + e.scripts > 0) ||
           (e.digits > 0 && e.math_commas > 0 && e.math_brackets + (s->c[r->first].kind == IN_OPEN) > 0);
}

/* The font of a letter of a text font in the run. */
static const char *italic_of(const struct search *s, const struct dp_inline_char *chars, const struct dp_inline_run *r)
{
    for (int32_t i = r->first; i <= r->last; i++)
        if (s->c[i].kind == IN_WEAK && !s->c[i].greek)
            return chars[i].font;
    return NULL;
}

enum b_code dp_formula_inline(const struct dp_inline_char *chars, int32_t n, const char *italic, struct b_arena *arena,
                              struct dp_inline_run **runs, int32_t *n_runs, struct b_err *err)
{
    *n_runs = 0;
    *runs = B_ARENA_ARRAY(arena, (size_t)n + 1, struct dp_inline_run);
    struct in_char *c = B_ARENA_ARRAY(arena, (size_t)n + 1, struct in_char);
    float *sizes = B_ARENA_ARRAY(arena, (size_t)n + 1, float);
    if (!*runs || !c || !sizes)
        return b_arena_refused(arena, "formula", err);
    in_kinds(chars, n, italic, sizes, c);
    const struct search s = {c, n};
    for (int32_t i = 0; i < n; i++) {
        if (!begins(c[i].kind) && c[i].kind != IN_OPEN && !is_sign(c[i].kind))
            continue;
        const int32_t end = run_end(&s, i);
        if (end == DP_NONE)
            continue;
        struct dp_inline_run r = {.first = i, .last = end};
        i = end;
        if (is_cut(&s, &r))
            i = behind_bracket(&s, end + 1);
        else if (trim(&s, &r) && is_formula(&s, &r)) {
            r.italic = italic_of(&s, chars, &r);
            (*runs)[(*n_runs)++] = r;
        }
    }
    return B_OK;
}
