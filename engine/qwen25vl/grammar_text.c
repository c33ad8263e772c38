/* SPDX-License-Identifier: Apache-2.0 */
/* Grammars written as rules. One walk over the text; a name followed by ::= ends the rule before it. */
#include <string.h>

#include "engine/base/utf8.h"
#include "engine/qwen25vl/grammar_private.h"
#include "engine/qwen25vl/json_read.h"

#define MAX_TEXT ((size_t)256 << 10)
#define MAX_NAME 64
#define MAX_NESTING 64
#define MAX_CLASS 256
#define MAX_TIMES 65536

struct parser {
    struct gr_builder b;
    const char *text;
    size_t len, at;
    json_t *names; /* name -> number of its rule */
};

static void fail_here(struct parser *p, const char *what)
{
    int line = 1;
    for (size_t i = 0; i < p->at && i < p->len; i++)
        line += p->text[i] == '\n';
    gmr_fail(&p->b, B_FORMAT, "line %d: %s", line, what);
}

static int peek(const struct parser *p)
{
    return p->at < p->len ? (unsigned char)p->text[p->at] : -1;
}

static void skip_space(struct parser *p)
{
    while (p->at < p->len) {
        const char c = p->text[p->at];
        if (c == '#')
            while (p->at < p->len && p->text[p->at] != '\n')
                p->at++;
        else if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
            p->at++;
        else
            break;
    }
}

static bool is_name_char(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* A name at this place in name[MAX_NAME + 1]; its length, 0: none. The place does not move. */
static size_t name_here(struct parser *p, char *name)
{
    size_t n = 0;
    while (p->at + n < p->len && is_name_char((unsigned char)p->text[p->at + n]))
        n++;
    if (n > MAX_NAME) {
        fail_here(p, "a name is too long");
        return 0;
    }
    memcpy(name, p->text + p->at, n);
    name[n] = '\0';
    return n;
}

static uint32_t rule_named(struct parser *p, const char *name)
{
    const json_t *known = json_object_get(p->names, name);
    if (known)
        return (uint32_t)json_integer_value(known);
    const uint32_t rule = gmr_new_rule(&p->b);
    if (json_object_set_new(p->names, name, json_integer(rule)) != 0)
        gmr_fail(&p->b, B_NO_MEMORY, "no memory for a name");
    return rule;
}

/* Behind a name: whether ::= follows, which makes it the beginning of a rule. */
static bool definition_follows(const struct parser *p, size_t at)
{
    while (at < p->len && (p->text[at] == ' ' || p->text[at] == '\t'))
        at++;
    return p->len - at >= 3 && memcmp(p->text + at, "::=", 3) == 0;
}

static uint32_t read_hex(struct parser *p, int digits)
{
    uint32_t value = 0;
    for (int i = 0; i < digits; i++) {
        const int c = peek(p);
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0) {
            fail_here(p, "an escape lacks digits");
            return 0;
        }
        value = value << 4 | (uint32_t)digit;
        p->at++;
    }
    if (value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
        fail_here(p, "an escape is no character");
    return value;
}

/* One character of a text or a class. */
static uint32_t read_char(struct parser *p)
{
    if (peek(p) != '\\')
        return b_utf8_next(p->text, p->len, &p->at);
    p->at++;
    const int c = peek(p);
    p->at++;
    switch (c) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case 'r':
        return '\r';
    case 'x':
        return read_hex(p, 2);
    case 'u':
        return read_hex(p, 4);
    case 'U':
        return read_hex(p, 8);
    case '"':
    case '\\':
    case '[':
    case ']':
    case '-':
    case '^':
        return (uint32_t)c;
    default:
        fail_here(p, "an unknown escape");
        return 0;
    }
}

/* Behind the opening quote. */
static void read_text(struct parser *p, struct gr_seq *seq)
{
    while (!p->b.code && peek(p) != '"') {
        char bytes[4];
        if (p->at >= p->len) {
            fail_here(p, "a text does not end");
            return;
        }
        const uint32_t cp = read_char(p);
        gmr_put_bytes(&p->b, seq, bytes, b_utf8_put(cp, bytes));
    }
    p->at++;
}

/* Behind the opening bracket. */
static uint32_t read_class(struct parser *p)
{
    struct gr_range ranges[MAX_CLASS];
    size_t n = 0;
    const bool negate = peek(p) == '^';
    p->at += negate;
    while (!p->b.code && peek(p) != ']') {
        if (p->at >= p->len || n == MAX_CLASS) {
            fail_here(p, p->at >= p->len ? "a class does not end" : "a class is too long");
            break;
        }
        struct gr_range *r = &ranges[n++];
        r->first = r->last = read_char(p);
        if (peek(p) == '-' && p->at + 1 < p->len && p->text[p->at + 1] != ']') {
            p->at++;
            r->last = read_char(p);
        }
        if (r->last < r->first)
            fail_here(p, "a range runs backwards");
    }
    p->at++;
    return p->b.code ? 0 : gmr_class(&p->b, ranges, n, negate);
}

static int64_t read_number(struct parser *p)
{
    int64_t value = 0;
    if (peek(p) < '0' || peek(p) > '9')
        fail_here(p, "a number is missing");
    while (peek(p) >= '0' && peek(p) <= '9' && value <= MAX_TIMES)
        value = value * 10 + (p->text[p->at++] - '0');
    if (value > MAX_TIMES)
        fail_here(p, "too many repeats");
    return value;
}

/* ?, *, + or {n,m} behind an item: true, and how often. */
static bool read_times(struct parser *p, int64_t *min, int64_t *max)
{
    const int c = peek(p);
    if (c != '?' && c != '*' && c != '+' && c != '{')
        return false;
    p->at++;
    *min = c == '+';
    *max = c == '?' ? 1 : -1;
    if (c != '{')
        return true;
    *min = *max = read_number(p);
    if (peek(p) == ',') {
        p->at++;
        *max = peek(p) == '}' ? -1 : read_number(p);
    }
    if (peek(p) != '}' || (*max >= 0 && *max < *min))
        fail_here(p, "repeats are not {n}, {n,} or {n,m}");
    p->at++;
    return true;
}

static uint32_t as_rule(struct parser *p, const struct gr_seq *seq)
{
    const uint32_t rule = gmr_new_rule(&p->b);
    gmr_alternative(&p->b, rule, seq);
    return GR_ELEM(GR_RULE, rule);
}

static void read_alternatives(struct parser *p, uint32_t rule, int depth);

/* One item with its repeats; false where the alternative ends. */
static bool read_item(struct parser *p, struct gr_seq *seq, int depth)
{
    static const struct gr_range any = {0, 0x10ffff};
    char name[MAX_NAME + 1];
    struct gr_seq item = {.count = 0};
    const int c = peek(p);
    size_t n;
    if (c == '"') {
        p->at++;
        read_text(p, &item);
    } else if (c == '[') {
        p->at++;
        gmr_put(&p->b, &item, read_class(p));
    } else if (c == '.') {
        p->at++;
        gmr_put(&p->b, &item, gmr_class(&p->b, &any, 1, false));
    } else if (c == '(') {
        p->at++;
        const uint32_t rule = gmr_new_rule(&p->b);
        read_alternatives(p, rule, depth + 1);
        if (peek(p) != ')')
            fail_here(p, "a group does not end");
        p->at++;
        gmr_put(&p->b, &item, GR_ELEM(GR_RULE, rule));
    } else if ((n = name_here(p, name)) > 0 && !definition_follows(p, p->at + n)) {
        p->at += n;
        gmr_put(&p->b, &item, GR_ELEM(GR_RULE, rule_named(p, name)));
    } else {
        return false;
    }
    int64_t min, max;
    if (read_times(p, &min, &max))
        gmr_put_repeat(&p->b, seq, item.count == 1 ? item.items[0] : as_rule(p, &item), min, max);
    else
        for (size_t i = 0; i < item.count; i++)
            gmr_put(&p->b, seq, item.items[i]);
    return true;
}

static void read_alternatives(struct parser *p, uint32_t rule, int depth)
{
    if (depth > MAX_NESTING)
        fail_here(p, "groups are nested too deeply");
    while (!p->b.code) {
        struct gr_seq seq = {.count = 0};
        skip_space(p);
        while (!p->b.code && read_item(p, &seq, depth))
            skip_space(p);
        gmr_alternative(&p->b, rule, &seq);
        if (peek(p) != '|')
            break;
        p->at++;
    }
}

static void read_rule(struct parser *p)
{
    char name[MAX_NAME + 1];
    const size_t n = name_here(p, name);
    if (n == 0 || !definition_follows(p, p->at + n)) {
        fail_here(p, "a rule does not begin with NAME ::=");
        return;
    }
    const uint32_t rule = rule_named(p, name);
    if (!p->b.code && p->b.rules[rule].count)
        fail_here(p, "a rule is given twice");
    p->at += n;
    skip_space(p);
    p->at += 3;
    read_alternatives(p, rule, 0);
    skip_space(p);
}

enum b_code eng_grammar_parse(const char *text, size_t len, struct eng_grammar **out, struct b_err *err)
{
    struct parser p = {.text = text, .len = len};
    *out = NULL;
    enum b_code code = gmr_begin(&p.b, err);
    if (code)
        return code;
    p.names = json_object();
    if (!p.names || json_object_set_new(p.names, "root", json_integer(0)) != 0)
        gmr_fail(&p.b, B_NO_MEMORY, "no memory for names");
    if (len > MAX_TEXT)
        gmr_fail(&p.b, B_LIMIT, "a grammar of %zu bytes is above the bound of %zu", len, MAX_TEXT);
    skip_space(&p);
    while (!p.b.code && p.at < p.len)
        read_rule(&p);
    json_decref(p.names);
    return gmr_finish(&p.b, out);
}
