/* SPDX-License-Identifier: Apache-2.0 */
/* Text of blocks while it is collected. One buffer holds the texts of all open blocks, inner ones behind
 * outer ones; an inner text is taken off when its block is complete. White space collapses as it arrives, so
 * that the result does not depend on the pieces. */
#include <string.h>

#include "docparse/markup_private.h"

static bool space(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

static struct mk_elem *top(struct dp_markup *m)
{
    return &m->stack[m->depth - 1];
}

static struct mk_elem *collector(struct dp_markup *m)
{
    const int8_t col = top(m)->col;
    return col < 0 ? NULL : &m->stack[col];
}

bool mk_bounded_append(struct b_buf *buf, const char *s, size_t n)
{
    size_t fit = buf->max - buf->len;
    if (n <= fit) {
        b_buf_append(buf, s, n);
        return true;
    }
    while (fit > 0 && ((unsigned char)s[fit] & 0xC0) == 0x80)
        fit--; /* whole characters */
    b_buf_append(buf, s, fit);
    return false;
}

static void put_as_it_is(struct dp_markup *m, const char *s, size_t n)
{
    struct mk_elem *col = collector(m);
    if (m->full.text)
        return;
    if (!mk_bounded_append(&m->text, s, n)) {
        m->full.text = true; /* nothing behind it either, however short */
        mk_warn(m, DP_MARKUP_W_LIMIT, col ? col->offset : m->place);
        if (col)
            col->meta.flags |= DP_FLAG_TRUNCATED;
    }
    if (m->text.failed == B_NO_MEMORY)
        m->full.memory = true;
}

void mk_text_drop(struct dp_markup *m, struct mk_elem *e)
{
    if (m->text.len > e->start && m->text.data) {
        m->text.len = e->start;
        m->text.data[m->text.len] = '\0';
    }
    m->full.text = false;
}

static void append(struct dp_markup *m, struct mk_elem *col, const char *s, size_t n)
{
    if (col->pending) {
        if (m->text.len > col->start)
            put_as_it_is(m, (const char *)&col->pending, 1);
        col->pending = 0;
    }
    put_as_it_is(m, s, n);
}

/* Runs of white space become one space; a single space inside of a run of words stays where it is. */
static void collapse(struct dp_markup *m, struct mk_elem *col, const char *s, size_t n)
{
    size_t i = 0;
    while (i < n) {
        while (i < n && space(s[i])) {
            if (!col->pending)
                col->pending = ' ';
            i++;
        }
        const size_t from = i;
        while (i < n && (!space(s[i]) || (s[i] == ' ' && i + 1 < n && !space(s[i + 1]))))
            i++;
        if (i > from)
            append(m, col, s + from, i - from);
    }
}

/* Inside of $...$ only line breaks are changed. */
static void formula(struct dp_markup *m, struct mk_elem *col, const char *s, size_t n)
{
    const bool keep = m->lex.math == '2' || m->lex.math == ']';
    for (size_t i = 0; i < n;) {
        size_t run = i;
        while (run < n && (s[run] != '\n' || keep))
            run++;
        if (run > i)
            append(m, col, s + i, run - i);
        if (run < n) {
            append(m, col, " ", 1);
            run++;
        }
        i = run;
    }
}

void mk_text(struct dp_markup *m, const char *s, size_t n)
{
    size_t first = 0;
    while (first < n && space(s[first]))
        first++;
    if (first < n)
        m->lex.silent = 0;
    if (!collector(m)) {
        if (first == n)
            return;
        s += first;
        n -= first;
        m->anon.offset = mk_offset(m, m->win.at + first);
        mk_anon_open(m);
    }
    struct mk_elem *col = collector(m);
    if (!col)
        return; /* the stack is full */
    if (col->pre)
        append(m, col, s, n);
    else if (m->lex.math)
        formula(m, col, s, n);
    else
        collapse(m, col, s, n);
}

void mk_text_break(struct dp_markup *m)
{
    struct mk_elem *col = collector(m);
    if (!col || m->text.len <= col->start)
        return;
    if (!col->pre || m->text.data[m->text.len - 1] != '\n')
        col->pending = '\n';
}

/* Digits and a few signs exist as superscripts and subscripts. */
static const char *small(char c, char script)
{
    static const char *const up[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    static const char *const down[] = {"₀", "₁", "₂", "₃", "₄", "₅", "₆", "₇", "₈", "₉"};
    const bool high = script == '^';
    if (c >= '0' && c <= '9')
        return high ? up[c - '0'] : down[c - '0'];
    switch (c) {
    case '+':
        return high ? "⁺" : "₊";
    case '-':
        return high ? "⁻" : "₋";
    case '=':
        return high ? "⁼" : "₌";
    case '(':
        return high ? "⁽" : "₍";
    case ')':
        return high ? "⁾" : "₎";
    case 'n':
        return high ? "ⁿ" : NULL;
    default:
        return NULL;
    }
}

enum { SCRIPT_MAX = 32 }; /* characters of one <sup> that are raised; longer ones are notes, not exponents */

/* "10<sup>3</sup>" must not become 103: raised characters where there are some, the plain text otherwise. */
static void raise_text(struct dp_markup *m)
{
    char copy[SCRIPT_MAX];
    const size_t n = m->text.len > m->script.start ? m->text.len - m->script.start : 0;
    if (n == 0 || n > SCRIPT_MAX)
        return;
    memcpy(copy, m->text.data + m->script.start, n);
    for (size_t i = 0; i < n; i++)
        if (!small(copy[i], m->script.sign))
            return;
    m->text.len = m->script.start;
    for (size_t i = 0; i < n; i++) {
        const char *sign = small(copy[i], m->script.sign);
        put_as_it_is(m, sign, strlen(sign));
    }
}

void mk_text_mark(struct dp_markup *m, char script, bool open)
{
    struct mk_elem *col = collector(m);
    if (m->lex.math) {
        const char opening[2] = {script, '{'};
        if (col)
            append(m, col, open ? opening : "}", open ? 2 : 1);
    } else if (open) {
        m->script.open = col != NULL;
        m->script.sign = script;
        if (!col)
            return;
        if (col->pending && m->text.len > col->start)
            put_as_it_is(m, (const char *)&col->pending, 1);
        col->pending = 0;
        m->script.start = m->text.len;
    } else if (m->script.open) {
        m->script.open = false;
        if (col && m->script.start >= col->start)
            raise_text(m);
    }
}

struct mk_slice mk_trim(struct mk_slice t)
{
    while (t.n > 0 && space(t.p[0])) {
        t.p++;
        t.n--;
    }
    while (t.n > 0 && space(t.p[t.n - 1]))
        t.n--;
    return t;
}

struct mk_slice mk_collected(struct dp_markup *m, struct mk_elem *e)
{
    struct mk_slice t = {"", 0};
    if (m->text.len > e->start)
        t = (struct mk_slice){m->text.data + e->start, m->text.len - e->start};
    if (e->role == MK_R_DRAWN && e->type == DP_CODE) {
        if (t.n > 0 && t.p[0] == '\n') {
            t.p++;
            t.n--;
        }
        if (t.n > 0 && t.p[t.n - 1] == '\n')
            t.n--;
        if (mk_trim(t).n == 0)
            t.n = 0;
    } else {
        t = mk_trim(t);
    }
    const size_t kept = mk_loop_in_text(t.p, t.n);
    if (kept < t.n) {
        e->meta.flags |= DP_FLAG_LOOP_GUARD;
        m->res.looped = true;
        mk_warn(m, DP_MARKUP_W_LOOP, e->offset);
        t.n = kept;
    }
    return t;
}

struct mk_slice mk_squeeze(struct dp_markup *m, struct mk_slice t)
{
    char *s = t.n > 0 ? m->text.data + (t.p - m->text.data) : NULL;
    size_t out = 0;
    for (size_t i = 0; i < t.n; i++)
        if (!space(s[i]) || (out > 0 && !space(s[out - 1])))
            s[out++] = s[i] == '\t' ? ' ' : s[i];
    return mk_trim((struct mk_slice){t.p, out});
}

struct mk_slice mk_unfence(struct mk_slice t)
{
    const struct mk_slice inner = mk_trim(t);
    if (inner.n < 3 || memcmp(inner.p, "```", 3) != 0)
        return t;
    const char *line = memchr(inner.p, '\n', inner.n);
    if (!line)
        return t;
    struct mk_slice out = {line + 1, inner.n - (size_t)(line + 1 - inner.p)};
    if (out.n >= 3 && memcmp(out.p + out.n - 3, "```", 3) == 0)
        out.n -= 3;
    while (out.n > 0 && out.p[out.n - 1] == '\n')
        out.n--;
    return out;
}

enum {
    LOOP_LOOK = 32,         /* bytes at the end that must stand `period` before as well */
    LOOP_PERIOD = 2048,     /* bytes of the longest repeated part: about 500 tokens */
    LOOP_TIMES = 8,         /* how often it must stand there */
    LOOP_BYTES = 256,       /* and how many bytes they must take */
    LOOP_SHORT = 8,         /* parts up to this length are leaders, rules or blanks to fill in ... */
    LOOP_SHORT_BYTES = 1024 /* ... and must take this much */
};

/* A model in a loop repeats its last words until it is stopped: so loops are looked for at the end. Tries
 * each period once; the work is bounded by LOOP_PERIOD steps and one pass over the repeated part. */
size_t mk_loop_in_text(const char *text, size_t len)
{
    if (len < LOOP_BYTES)
        return len;
    const char *tail = text + len - LOOP_LOOK;
    const size_t most = len / LOOP_TIMES < LOOP_PERIOD ? len / LOOP_TIMES : LOOP_PERIOD;
    for (size_t p = 1; p <= most; p++) {
        if (tail[-(ptrdiff_t)p] != tail[0] || memcmp(tail - p, tail, LOOP_LOOK) != 0)
            continue;
        size_t from = len - LOOP_LOOK;
        while (from > p && text[from - 1] == text[from - 1 - p])
            from--;
        const size_t run = len - from + p;
        const size_t need = p <= LOOP_SHORT ? LOOP_SHORT_BYTES : LOOP_BYTES;
        if (run < p * LOOP_TIMES || run < need)
            return len;                    /* the shortest period decides: longer ones are its multiples or weaker */
        size_t keep = from > p ? from : p; /* the part once */
        while (keep < len && ((unsigned char)text[keep] & 0xC0) == 0x80)
            keep++;
        return keep;
    }
    return len;
}
