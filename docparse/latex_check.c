/* SPDX-License-Identifier: Apache-2.0 */
/* Balance of braces, environments and \left..\right in LaTeX. One stack holds what is open; an
 * environment's name is remembered as a place in the source, so nothing is copied. */
#include "docparse/latex_check.h"

#include <string.h>

enum opened { BRACE, ENVIRONMENT, FENCE };

struct open_part {
    enum opened kind;
    size_t name, name_len; /* environments */
};

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool space(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

/* {name} at s[*pos]; false when there is none. */
static bool read_name(const char *s, size_t len, size_t *pos, size_t *name, size_t *name_len)
{
    size_t i = *pos;
    while (i < len && space(s[i]))
        i++;
    if (i >= len || s[i] != '{')
        return false;
    *name = ++i;
    while (i < len && s[i] != '}' && s[i] != '{' && s[i] != '\\')
        i++;
    if (i >= len || s[i] != '}')
        return false;
    *name_len = i - *name;
    *pos = i + 1;
    return true;
}

static enum dp_latex_fault fault_of(enum opened kind)
{
    return kind == BRACE ? DP_LATEX_BRACES : kind == FENCE ? DP_LATEX_FENCES : DP_LATEX_ENVIRONMENT;
}

struct checker {
    const char *s;
    size_t len, pos;
    struct open_part stack[DP_LATEX_DEPTH];
    size_t depth;
};

static enum dp_latex_fault push(struct checker *c, struct open_part part)
{
    if (c->depth == DP_LATEX_DEPTH)
        return DP_LATEX_DEEP;
    c->stack[c->depth++] = part;
    return DP_LATEX_FINE;
}

static enum dp_latex_fault pop(struct checker *c, struct open_part part)
{
    if (c->depth == 0)
        return fault_of(part.kind);
    const struct open_part *top = &c->stack[c->depth - 1];
    if (top->kind != part.kind)
        return fault_of(top->kind);
    if (part.kind == ENVIRONMENT &&
        (top->name_len != part.name_len || memcmp(c->s + top->name, c->s + part.name, part.name_len) != 0))
        return DP_LATEX_ENVIRONMENT;
    c->depth--;
    return DP_LATEX_FINE;
}

/* A command: pos stands behind the backslash. */
static enum dp_latex_fault command(struct checker *c)
{
    const char *s = c->s;
    size_t from = c->pos;
    if (from >= c->len)
        return DP_LATEX_FINE;
    if (!letter(s[from])) {
        c->pos++; /* \{ \} \\ \$ and other single characters */
        return DP_LATEX_FINE;
    }
    while (c->pos < c->len && letter(s[c->pos]))
        c->pos++;
    const size_t n = c->pos - from;
    struct open_part part = {ENVIRONMENT, 0, 0};
    if (n == 5 && memcmp(s + from, "begin", 5) == 0)
        return read_name(s, c->len, &c->pos, &part.name, &part.name_len) ? push(c, part) : DP_LATEX_ENVIRONMENT;
    if (n == 3 && memcmp(s + from, "end", 3) == 0)
        return read_name(s, c->len, &c->pos, &part.name, &part.name_len) ? pop(c, part) : DP_LATEX_ENVIRONMENT;
    part.kind = FENCE;
    if (n == 4 && memcmp(s + from, "left", 4) == 0)
        return push(c, part);
    if (n == 5 && memcmp(s + from, "right", 5) == 0)
        return pop(c, part);
    return DP_LATEX_FINE;
}

enum dp_latex_fault dp_latex_check(const char *latex, size_t len)
{
    struct checker c = {.s = latex, .len = len};
    enum dp_latex_fault fault = DP_LATEX_FINE;
    while (c.pos < len && fault == DP_LATEX_FINE) {
        switch (latex[c.pos++]) {
        case '\\':
            fault = command(&c);
            break;
        case '{':
            fault = push(&c, (struct open_part){BRACE, 0, 0});
            break;
        case '}':
            fault = pop(&c, (struct open_part){BRACE, 0, 0});
            break;
        case '$': /* \text{for $x$} may hold pairs; a bare one is a stray delimiter */
            fault = c.depth > 0 ? DP_LATEX_FINE : DP_LATEX_DOLLAR;
            break;
        default:
            break;
        }
    }
    if (fault == DP_LATEX_FINE && c.depth > 0)
        fault = fault_of(c.stack[c.depth - 1].kind);
    return fault;
}

/* The place of the closing delimiter behind text[from], or len. */
static size_t find_close(const char *text, size_t len, size_t from, char kind)
{
    for (size_t i = from; i < len; i++) {
        if (text[i] == '\\' && i + 1 < len) {
            if (text[i + 1] == kind)
                return i;
            i++;
        } else if (text[i] == '$' && kind == '$' && i > from && !space(text[i - 1])) {
            return i;
        } else if (text[i] == '$' && kind == '2' && i + 1 < len && text[i + 1] == '$') {
            return i;
        }
    }
    return len;
}

enum dp_latex_fault dp_latex_check_text(const char *text, size_t len)
{
    bool search[4] = {true, true, true, true}; /* false: no closing delimiter of this kind is left, stay linear */
    for (size_t i = 0; i < len;) {
        size_t open = 1, which = 0;
        char kind = '$';
        if (text[i] == '\\' && i + 1 < len && (text[i + 1] == '(' || text[i + 1] == '[')) {
            kind = text[i + 1] == '(' ? ')' : ']';
            which = kind == ')' ? 1 : 2;
            open = 2;
        } else if (text[i] == '\\') {
            i += 2;
            continue;
        } else if (text[i] != '$') {
            i++;
            continue;
        } else if (i + 1 < len && text[i + 1] == '$') {
            kind = '2';
            which = 3;
            open = 2;
        } else if (i + 1 < len && space(text[i + 1])) {
            i++;
            continue;
        }
        const size_t end = search[which] ? find_close(text, len, i + open, kind) : len;
        if (end == len) {
            search[which] = false;
            i += open;
            continue;
        }
        const enum dp_latex_fault fault = dp_latex_check(text + i + open, end - i - open);
        if (fault != DP_LATEX_FINE)
            return fault;
        i = end + open;
    }
    return search[3] ? DP_LATEX_FINE : DP_LATEX_DOLLAR;
}

void dp_latex_strip(const char *text, size_t len, size_t *start, size_t *end)
{
    static const char *const pairs[][2] = {{"$$", "$$"}, {"\\[", "\\]"}, {"\\(", "\\)"}, {"$", "$"}};
    size_t a = 0, b = len;
    while (a < b && space(text[a]))
        a++;
    while (b > a && space(text[b - 1]))
        b--;
    for (size_t k = 0; k < sizeof pairs / sizeof pairs[0]; k++) {
        const size_t n = strlen(pairs[k][0]);
        if (b - a < n || memcmp(text + a, pairs[k][0], n) != 0)
            continue;
        a += n;
        if (b - a >= n && memcmp(text + b - n, pairs[k][1], n) == 0)
            b -= n; /* the closing one is missing when the answer was cut */
        break;
    }
    while (a < b && space(text[a]))
        a++;
    while (b > a && space(text[b - 1]))
        b--;
    *start = a;
    *end = b;
}
