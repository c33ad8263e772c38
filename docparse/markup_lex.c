/* SPDX-License-Identifier: Apache-2.0 */
/* Clean bytes -> text, references and tags. Invariant: each step looks at the window's front only and either
 * takes at least one byte or, when what stands there may go on behind the window's end, waits. What waits is
 * shorter than MK_TAG_MAX, and places already searched are remembered, so feeding byte by byte stays linear. */
#include <string.h>

#include "docparse/markup_private.h"
#include "engine/base/utf8.h"

static bool space(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static const char *front(const struct dp_markup *m)
{
    return m->win.bytes + m->win.at;
}

static size_t left(const struct dp_markup *m)
{
    return m->win.end - m->win.at;
}

static void text(struct dp_markup *m, size_t n)
{
    mk_text(m, front(m), n);
    m->win.at += n;
}

int mk_special(const char *s, size_t n, bool final)
{
    size_t i = 2;
    if (n < 2 || s[0] != '<' || s[1] != '|')
        return 0;
    while (i < n && i < MK_SPECIAL_MAX - 2 && (letter(s[i]) || digit(s[i]) || s[i] == '_' || s[i] == '-'))
        i++;
    if (i + 1 < n)
        return i > 2 && s[i] == '|' && s[i + 1] == '>' ? (int)i + 2 : 0;
    if (i < n && s[i] != '|')
        return 0;
    return final ? (int)n : i >= MK_SPECIAL_MAX - 2 ? 0 : -1; /* a token cut at the end goes with it */
}

/* Whether the name behind '<' or '</' may be one of the catalogue: 1 yes, 0 no, -1 not known yet. */
static int name_known(const char *s, size_t n)
{
    size_t i = n > 1 && s[1] == '/' ? 2 : 1;
    const size_t from = i;
    while (i < n && i - from <= 12 && (letter(s[i]) || digit(s[i])))
        i++;
    if (i == from && i < n)
        return 0;
    if (i >= n && i - from <= 12)
        return -1;
    return mk_name_find(s + from, i - from) >= 0;
}

/* Where the next '>' stands in the window from `from` on, or its end. Remembers how far it looked. */
static size_t next_gt(struct dp_markup *m, size_t from)
{
    const bool first = from <= m->lex.no_gt;
    const size_t at = first ? m->lex.no_gt : from;
    const char *gt = at < m->win.end ? memchr(m->win.bytes + at, '>', m->win.end - at) : NULL;
    const size_t found = gt ? (size_t)(gt - m->win.bytes) : m->win.end;
    if (first)
        m->lex.no_gt = found;
    return found;
}

int mk_find_tag(struct dp_markup *m, struct mk_tag *out, bool *known)
{
    const char *s = front(m);
    const size_t n = left(m);
    const int name = name_known(s, n);
    *known = name != 0;
    if (name == 0)
        return MK_NO_TAG;
    if (name < 0)
        return m->lex.final ? MK_CUT : MK_HOLD;
    if (m->lex.held_at != mk_offset(m, m->win.at) + 1) { /* +1: 0 means none */
        m->lex.held_at = mk_offset(m, m->win.at) + 1;
        m->lex.held_from = 1;
        m->lex.held_tries = 0;
    }
    for (;;) {
        const size_t gt = next_gt(m, m->win.at + m->lex.held_from);
        if (gt >= m->win.end || gt - m->win.at >= MK_TAG_MAX)
            break;
        const size_t len = gt + 1 - m->win.at;
        const int got = mk_tag_read(s, len, ++m->lex.held_tries >= MK_TRIES, out);
        if (got >= 0)
            return got;
        if (m->lex.held_tries >= MK_TRIES)
            return MK_NO_TAG;
        m->lex.held_from = len;
    }
    if (n < MK_TAG_MAX && !m->lex.final)
        return MK_HOLD;
    const int whole = m->lex.held_tries > 0 ? mk_tag_read(s, m->lex.held_from, true, out) : 0;
    if (whole > 0 || n >= MK_TAG_MAX)
        return whole > 0 ? whole : MK_NO_TAG;
    return mk_tag_read(s, n, false, out) < 0 ? MK_CUT : MK_NO_TAG;
}

/* R7: inside of a formula '<' is text, but for what no formula holds. */
static bool ends_formula(const struct dp_markup *m, const struct mk_tag *tag)
{
    const uint8_t kind = mk_name_at(tag->name)->kind;
    const bool mark = kind == MK_K_INLINE || kind == MK_K_INPUT || kind == MK_K_VOID;
    if (m->lex.math == '$' && m->lex.money && !m->lex.tex)
        return true; /* an amount of money */
    if (tag->closing)
        return !mark;
    return tag->box.seen || (!mark && strcmp(mk_name_at(tag->name)->name, "p") != 0);
}

static bool think_token(struct dp_markup *m)
{
    static const char *const tokens[] = {"<think>", "</think>"};
    for (int i = 0; i < 2; i++) {
        const size_t len = strlen(tokens[i]), n = left(m) < len ? left(m) : len;
        if (memcmp(front(m), tokens[i], n) != 0 || (n < len && m->lex.final))
            continue;
        if (n == len)
            m->win.at += len;
        return true; /* taken, or waits */
    }
    return false;
}

static void tag_or_text(struct dp_markup *m)
{
    struct mk_tag tag;
    bool known;
    const int got = mk_find_tag(m, &tag, &known);
    if (got == MK_HOLD)
        return;
    if (got == MK_CUT) {
        mk_warn(m, DP_MARKUP_W_CUT_TAG, mk_offset(m, m->win.at));
        m->cut_tag = true;
        m->win.at = m->win.end;
        return;
    }
    if (got == MK_NO_TAG && !known && think_token(m))
        return;
    if (got == MK_NO_TAG || (m->lex.math && !ends_formula(m, &tag))) {
        if (got == MK_NO_TAG)
            mk_warn(m, DP_MARKUP_W_NOT_A_TAG, mk_offset(m, m->win.at));
        m->lex.tex = true;
        text(m, 1);
        return;
    }
    tag.offset = mk_offset(m, m->win.at);
    m->win.at += (size_t)got;
    mk_tag_take(m, &tag);
}

static void angle(struct dp_markup *m)
{
    const char *s = front(m);
    const size_t n = left(m);
    if (n == 1 && !m->lex.final)
        return;
    if (n == 1 && !m->cutting) {
        text(m, 1); /* the model ended with it; in an answer that was cut it is the start of a tag */
    } else if (n == 1 || letter(s[1]) || s[1] == '/') {
        tag_or_text(m);
    } else if (s[1] == '|') {
        const int len = mk_special(s, n, m->lex.final);
        if (len > 0)
            m->win.at += (size_t)len;
        else if (len == 0)
            text(m, 1);
    } else if (s[1] == '!' || s[1] == '?') {
        if (n < 4 && !m->lex.final)
            return;
        if (n >= 4 && memcmp(s, "<!--", 4) == 0) {
            m->lex.mode = MK_M_COMMENT;
            m->lex.dashes = 0;
            m->win.at += 4;
        } else if (n >= 3 && letter(s[2])) {
            m->lex.mode = MK_M_DECL;
            m->win.at += 2;
        } else {
            text(m, 1);
        }
    } else {
        text(m, 1);
    }
}

/* Code point of the numeric reference s[0..n) = "#123" or "#x1F", 0 when there is none. */
static uint32_t numeric(const char *s, size_t n)
{
    const bool hex = n > 1 && (s[1] == 'x' || s[1] == 'X');
    uint32_t cp = 0;
    if (n <= (hex ? 2u : 1u))
        return 0;
    for (size_t i = hex ? 2 : 1; i < n; i++) {
        const char c = (char)(s[i] | 0x20);
        if (!digit(s[i]) && !(hex && c >= 'a' && c <= 'f'))
            return 0;
        cp = cp * (hex ? 16 : 10) + (uint32_t)(digit(s[i]) ? s[i] - '0' : c - 'a' + 10);
        if (cp > 0x10FFFF)
            return 0;
    }
    return cp == '\r' || b_cp_is_control(cp) ? 0 : cp; /* surrogates and noncharacters count as controls */
}

/* R8: a reference ends with ';', otherwise '&' is text. */
static void reference(struct dp_markup *m)
{
    const char *s = front(m);
    const size_t n = left(m);
    size_t i = 1;
    char utf8[4];
    while (i < n && i < MK_ENTITY_MAX && (letter(s[i]) || digit(s[i]) || (i == 1 && s[i] == '#')))
        i++;
    if (i >= n && i < MK_ENTITY_MAX && !m->lex.final)
        return;
    uint32_t cp = 0;
    if (i > 1 && i < n && s[i] == ';')
        cp = s[1] == '#' ? numeric(s + 1, i - 1) : mk_tree_entity(s + 1, i - 1);
    if (cp == 0) {
        text(m, 1);
        return;
    }
    mk_text(m, utf8, b_utf8_put(cp, utf8));
    m->win.at += i + 1;
}

static bool verbatim(const struct dp_markup *m)
{
    const int8_t col = m->stack[m->depth - 1].col;
    return col >= 0 && m->stack[col].pre;
}

static void dollar(struct dp_markup *m)
{
    const char *s = front(m);
    const size_t n = left(m);
    if (n == 1 && !m->lex.final)
        return;
    const char next = n > 1 ? s[1] : '\0';
    size_t len = 1;
    if (verbatim(m)) {
        /* code */
    } else if (m->lex.math == '2' || m->lex.math == 0) {
        if (next == '$') {
            len = 2;
            m->lex.math = m->lex.math ? 0 : '2';
        } else if (m->lex.math == 0 && next && !space(next)) {
            m->lex.math = '$';
            m->lex.money = digit(next);
            m->lex.tex = false;
        }
    } else if (m->lex.math == '$') {
        const bool again = m->lex.money && !m->lex.tex && digit(next); /* $5 and $6 */
        m->lex.math = again ? '$' : 0;
    }
    text(m, len);
}

static void backslash(struct dp_markup *m)
{
    const char *s = front(m);
    const size_t n = left(m);
    if (n == 1 && !m->lex.final)
        return;
    const char next = n > 1 ? s[1] : '\0';
    const bool sign = next && strchr("()[]{}$\\,;:!|%#&_", next) && next != '&';
    m->lex.tex = true;
    if (!verbatim(m)) {
        if (m->lex.math == 0 && (next == '(' || next == '['))
            m->lex.math = next == '(' ? ')' : ']';
        else if (m->lex.math && m->lex.math == next)
            m->lex.math = 0;
    }
    text(m, sign ? 2 : 1);
}

static void content(struct dp_markup *m)
{
    const char *s = front(m);
    const size_t n = left(m);
    size_t i = 0;
    while (i < n && s[i] != '<' && s[i] != '&' && s[i] != '$' && s[i] != '\\')
        i++;
    if (i > 0) {
        for (size_t k = 0; m->lex.math == '$' && !m->lex.tex && k < i; k++)
            m->lex.tex = s[k] == '^' || s[k] == '_' || s[k] == '{' || s[k] == '=' || s[k] == '+';
        text(m, i);
        return;
    }
    switch (s[0]) {
    case '<':
        angle(m);
        break;
    case '&':
        reference(m);
        break;
    case '$':
        dollar(m);
        break;
    default:
        backslash(m);
        break;
    }
}

static void comment(struct dp_markup *m)
{
    while (m->win.at < m->win.end) {
        const char c = m->win.bytes[m->win.at++];
        if (c == '>' && m->lex.dashes >= 2) {
            m->lex.mode = MK_M_HTML;
            return;
        }
        m->lex.dashes = c == '-' ? (m->lex.dashes < 2 ? m->lex.dashes + 1 : 2) : 0;
    }
}

static void declaration(struct dp_markup *m)
{
    const char *gt = memchr(front(m), '>', left(m));
    m->win.at = gt ? (size_t)(gt - m->win.bytes) + 1 : m->win.end;
    if (gt)
        m->lex.mode = MK_M_HTML;
}

/* Style sheets, scripts and titles are dropped: up to their end tag or, but for scripts, a tag of the page. */
static void raw(struct dp_markup *m)
{
    const struct mk_name *own = mk_name_at(m->lex.raw_name);
    const char *lt = memchr(front(m), '<', left(m));
    m->win.at = lt ? (size_t)(lt - m->win.bytes) : m->win.end;
    if (!lt)
        return;
    const int known = name_known(lt, left(m));
    if (known < 0 && !m->lex.final)
        return;
    if (known > 0) {
        const bool closing = lt[1] == '/';
        size_t i = closing ? 2 : 1, from = i;
        while (letter(lt[i]) || digit(lt[i]))
            i++;
        const int name = mk_name_find(lt + from, i - from);
        const uint8_t kind = mk_name_at(name)->kind;
        if (closing && name == m->lex.raw_name) {
            m->lex.mode = MK_M_DECL; /* skips to '>' */
            return;
        }
        if (own->level == 0 && kind != MK_K_INLINE && kind != MK_K_VOID && kind != MK_K_SCRIPT && kind != MK_K_RAW) {
            m->lex.mode = MK_M_HTML;
            return;
        }
    }
    m->win.at++;
}

void mk_lex_html(struct dp_markup *m)
{
    while (m->win.at < m->win.end && !m->full.memory) {
        const size_t before = m->win.at;
        const enum mk_mode mode = m->lex.mode;
        switch (mode) {
        case MK_M_HTML:
            content(m);
            break;
        case MK_M_RAW:
            raw(m);
            break;
        case MK_M_COMMENT:
            comment(m);
            break;
        case MK_M_DECL:
            declaration(m);
            break;
        default:
            return;
        }
        if (m->win.at == before && m->lex.mode == mode)
            return;
    }
}
