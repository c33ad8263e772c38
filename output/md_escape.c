/* SPDX-License-Identifier: Apache-2.0 */
/* Escaping for Markdown. A first pass counts the signs that come in pairs (a lone asterisk is an asterisk), a
 * second writes; both are linear. */
#include "output/md_escape.h"

#include <stdint.h>
#include <string.h>

#include "output/escape.h"
#include "output/flow.h"

struct pairs {
    int stars, underscores, backticks, tildes, dollars;
    bool marked; /* formulas between OUT_MATH_OPEN and OUT_MATH_CLOSE */
};

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\0';
}

static bool alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

static bool punctuation(char c)
{
    return c > 0x20 && (unsigned char)c < 0x7F && !alnum(c);
}

static char at(const char *text, size_t len, size_t i)
{
    return i < len ? text[i] : '\0';
}

/* Signs that could open or close emphasis, code or a formula. */
static bool flanks(const char *text, size_t len, size_t i)
{
    const char before = i > 0 ? text[i - 1] : '\0', after = at(text, len, i + 1);
    if (blank(before) && blank(after))
        return false;
    return text[i] != '_' || !(alnum(before) && alnum(after));
}

/* Behind the marked formula that begins at i. */
static size_t behind_formula(const char *text, size_t len, size_t i)
{
    const char *end = memchr(text + i, OUT_MATH_CLOSE, len - i);
    return end ? (size_t)(end - text) + 1 : len;
}

static struct pairs count(const char *text, size_t len)
{
    struct pairs p = {0};
    for (size_t i = 0; i < len; i++) {
        if (text[i] == OUT_MATH_OPEN) {
            p.marked = true;
            i = behind_formula(text, len, i) - 1;
            continue;
        }
        p.stars += text[i] == '*' && flanks(text, len, i) && p.stars < 2;
        p.underscores += text[i] == '_' && flanks(text, len, i) && p.underscores < 2;
        p.backticks += text[i] == '`' && p.backticks < 2;
        p.tildes += text[i] == '~' && p.tildes < 2;
    }
    struct out_inline_math math;
    p.dollars = p.marked || out_next_math(text, len, 0, &math) ? 2 : 0;
    return p;
}

/* "&name;" and "&#12;" would be read as a character. */
static bool is_reference(const char *text, size_t len, size_t i)
{
    size_t k = i + 1;
    if (at(text, len, k) == '#')
        k++;
    const size_t first = k;
    while (k < len && k - first < 32 && alnum(text[k]) && (unsigned char)text[k] < 0x80)
        k++;
    return k > first && at(text, len, k) == ';';
}

/* True where the byte at i needs a backslash inside of a line. */
static bool special(const char *text, size_t len, size_t i, const struct pairs *p, enum out_md_place place)
{
    const char next = at(text, len, i + 1);
    switch (text[i]) {
    case '\\':
        return punctuation(next);
    case '*':
        return p->stars > 1 && flanks(text, len, i);
    case '_':
        return p->underscores > 1 && flanks(text, len, i);
    case '`':
        return p->backticks > 1;
    case '~':
        return p->tildes > 1;
    case '$':
        return p->dollars > 1;
    case '<':
        return alnum(next) || next == '/' || next == '!' || next == '?';
    case '&':
        return is_reference(text, len, i);
    case ']':
        return next == '(' || next == '[' || next == ':';
    case '|':
        return place == OUT_MD_CELL;
    default:
        return false;
    }
}

/* The offset at which the line text[i..) needs a backslash, or len for none: signs of blocks. */
static size_t line_sign(const char *text, size_t len, size_t i)
{
    const char c = at(text, len, i);
    size_t k = i;
    if (c == '#') {
        while (at(text, len, k) == '#')
            k++;
        return k - i <= 6 && blank(at(text, len, k)) ? i : len;
    }
    if (c >= '0' && c <= '9') {
        while (at(text, len, k) >= '0' && at(text, len, k) <= '9')
            k++;
        const char dot = at(text, len, k);
        return k - i <= 9 && (dot == '.' || dot == ')') && blank(at(text, len, k + 1)) ? k : len;
    }
    if (c == '>' || c == '|')
        return i;
    if ((c == '-' || c == '+' || c == '*') && blank(at(text, len, i + 1)))
        return i;
    if (c && strchr("-=*_`~", c)) { /* rule, underline of a heading, fence */
        size_t signs = 0;
        while (at(text, len, k) == c || at(text, len, k) == ' ') {
            signs += text[k] == c;
            k++;
        }
        const bool whole = k >= len || text[k] == '\n';
        if ((whole && strchr("-=*_", c)) || (signs >= 3 && strchr("`~", c)))
            return i;
    }
    return len;
}

struct md_text {
    struct b_buf *buf;
    const char *text;
    size_t len;
    enum out_md_place place;
    struct pairs pairs;
};

/* text[from..to) without formulas. */
static void run(const struct md_text *t, size_t from, size_t to, bool line_start)
{
    size_t sign = line_start && (t->place == OUT_MD_BLOCK || t->place == OUT_MD_ITEM) ? line_sign(t->text, t->len, from) : t->len;
    for (size_t i = from; i < to;) {
        if (t->text[i] == '\n') {
            while (i < to && blank(t->text[i]))
                i++;
            if (i >= t->len)
                return;
            b_buf_puts(t->buf, t->place == OUT_MD_BLOCK ? "  \n" : " ");
            if (t->place == OUT_MD_BLOCK)
                sign = line_sign(t->text, t->len, i);
            continue;
        }
        if (i == sign || special(t->text, t->len, i, &t->pairs, t->place))
            b_buf_putc(t->buf, '\\');
        out_put(t->buf, out_next(t->text, t->len, &i));
    }
}

/* A marked formula in dollars; a bar would end the cell. */
static void put_formula(const struct md_text *t, size_t begin, size_t end)
{
    struct b_buf latex;
    b_buf_init(&latex, (size_t)1 << 20);
    for (size_t i = begin; i < end; i++)
        if (t->text[i] == '|' && t->place == OUT_MD_CELL)
            b_buf_puts(&latex, "\\vert ");
        else
            b_buf_putc(&latex, t->text[i]);
    b_buf_putc(t->buf, '$');
    out_md_latex(t->buf, latex.data ? latex.data : "");
    b_buf_putc(t->buf, '$');
    if (latex.failed != B_OK)
        t->buf->failed = latex.failed;
    b_buf_free(&latex);
}

/* Text with marked formulas; its other dollars are quoted. */
static void with_marks(const struct md_text *t, size_t from)
{
    for (bool first = true; from < t->len; first = false) {
        const char *open = memchr(t->text + from, OUT_MATH_OPEN, t->len - from);
        const size_t to = open ? (size_t)(open - t->text) : t->len;
        run(t, from, to, first && to > from);
        if (!open)
            return;
        from = behind_formula(t->text, t->len, to);
        put_formula(t, to + 1, from - 1);
    }
}

void out_md_text(struct b_buf *buf, const char *text, enum out_md_place place, bool math)
{
    size_t len = strlen(text), from = 0;
    while (blank(at(text, len, from)) && from < len)
        from++;
    while (len > from && blank(text[len - 1]))
        len--;
    struct md_text t = {.buf = buf, .text = text, .len = len, .place = place, .pairs = count(text, len)};
    struct out_inline_math m;
    if (math)
        t.pairs.dollars = 0;
    if (t.pairs.marked) {
        with_marks(&t, from);
        return;
    }
    for (bool first = true; from < len; first = false) {
        if (!math || !out_next_math(text, len, from, &m)) {
            run(&t, from, len, first);
            return;
        }
        run(&t, from, m.begin, first && m.begin > from);
        for (size_t i = m.begin; i < m.end;) { /* formulas as they are; a bar would end the cell */
            const uint32_t cp = out_next(text, len, &i);
            if (cp == '|' && place == OUT_MD_CELL)
                b_buf_puts(buf, "\\|");
            else
                out_put(buf, cp == '\n' ? ' ' : cp);
        }
        from = m.end;
    }
}

#define TAG_MAX 256 /* bytes of an equation number; bounds the search for its brace */

/* Length of "\tag{...}" at text, braces matched; 0 when there is none. */
static size_t tag_length(const char *text)
{
    if (strncmp(text, "\\tag", 4) != 0)
        return 0;
    size_t i = text[4] == '*' ? 5 : 4;
    if (text[i] != '{')
        return 0;
    for (int depth = 0; text[i] && i < TAG_MAX; i++) {
        depth += text[i] == '{' && text[i - 1] != '\\';
        depth -= text[i] == '}' && text[i - 1] != '\\';
        if (depth == 0)
            return i + 1;
    }
    return 0;
}

void out_md_latex(struct b_buf *buf, const char *latex)
{
    size_t len = strlen(latex), i = 0;
    const size_t start = buf->len;
    while (i < len && blank(latex[i]))
        i++;
    while (len > i && blank(latex[len - 1]))
        len--;
    while (i < len) {
        const size_t tag = latex[i] == '\\' ? tag_length(latex + i) : 0;
        if (tag > 0 && i + tag <= len) {
            i += tag;
            continue;
        }
        if (latex[i] == '\n') {
            while (i < len && blank(latex[i]))
                i++;
            b_buf_putc(buf, '\n');
            continue;
        }
        if (latex[i] == '$' && i > 0 && latex[i - 1] == '$')
            b_buf_putc(buf, ' ');
        out_put(buf, out_next(latex, len, &i));
    }
    while (buf->failed == B_OK && buf->len > start && blank(buf->data[buf->len - 1]))
        buf->len--; /* what stood before a number that went */
}
