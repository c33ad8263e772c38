/* SPDX-License-Identifier: Apache-2.0 */
/* The answer before it is known what it is: prose, then a fence, JSON, a first tag, or the whole of a plain
 * answer. Prose is kept as it came until then. */
#include <string.h>

#include "docparse/markup_private.h"

static const char *front(const struct dp_markup *m)
{
    return m->win.bytes + m->win.at;
}

static size_t left(const struct dp_markup *m)
{
    return m->win.end - m->win.at;
}

static bool space(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

static bool blank(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!space(s[i]))
            return false;
    return true;
}

static void keep(struct dp_markup *m, size_t n)
{
    const char *s = front(m);
    if (m->lex.prose.len == 0)
        m->lex.prose_offset = mk_offset(m, m->win.at);
    if (!m->full.prose && !m->fence_closed && !mk_bounded_append(&m->lex.prose, s, n)) {
        m->full.prose = true;
        mk_warn(m, DP_MARKUP_W_LIMIT, m->lex.prose_offset + m->lex.prose.len);
    }
    if (m->lex.prose.failed != B_OK)
        m->full.memory = true;
    for (size_t i = 0; i < n; i++)
        m->lex.line_start = s[i] == '\n' || (m->lex.line_start && s[i] == ' ');
    m->win.at += n;
}

/* Prose is over: it becomes the preamble. */
static void prose_is_preamble(struct dp_markup *m)
{
    const struct mk_slice prose =
        mk_trim((struct mk_slice){m->lex.prose.data ? m->lex.prose.data : "", m->lex.prose.len});
    if (prose.n > 0) {
        mk_warn(m, DP_MARKUP_W_PREAMBLE, m->lex.prose_offset);
        if (m->res.preamble[0] == '\0')
            m->res.preamble = mk_text_copy(m, prose.p, prose.n);
    }
    b_buf_clear(&m->lex.prose);
    m->lex.inline_tags = m->full.prose = false;
}

static bool info_is(struct mk_slice info, const char *word)
{
    if (info.n != strlen(word))
        return false;
    for (size_t i = 0; i < info.n; i++)
        if ((info.p[i] | 0x20) != word[i])
            return false;
    return true;
}

static void open_fence(struct dp_markup *m, struct mk_slice info)
{
    if (m->fenced && info.n == 0) {
        m->fence_closed = true; /* what follows the content is not part of it */
        return;
    }
    m->fenced = true;
    m->fence_closed = false;
    prose_is_preamble(m);
    if (info_is(info, "json"))
        m->lex.mode = MK_M_JSON;
    else if (info_is(info, "html") || info_is(info, "xml") || info_is(info, "xhtml"))
        m->lex.mode = MK_M_HTML;
}

/* A line of ``` with an optional word behind it. */
static void fence(struct dp_markup *m)
{
    const char *s = front(m);
    const size_t n = left(m);
    size_t i = 0;
    while (i < n && s[i] == '`' && i < MK_FENCE_MAX)
        i++;
    const size_t ticks = i;
    const size_t from = i;
    while (i < n && i < MK_FENCE_MAX && !space(s[i]) && s[i] != '<' && s[i] != '[' && s[i] != '{' && s[i] != '`')
        i++;
    const struct mk_slice info = {s + from, i - from};
    while (i < n && i < MK_FENCE_MAX && (s[i] == ' ' || s[i] == '\t'))
        i++;
    if (i >= n && i < MK_FENCE_MAX && !m->lex.final)
        return;
    if (ticks < 3 || i >= MK_FENCE_MAX || (i < n && !strchr("\n<[{", s[i]))) {
        keep(m, ticks);
        return;
    }
    open_fence(m, info);
    m->win.at += i + (i < n && s[i] == '\n');
    m->lex.line_start = true;
}

static void to_html(struct dp_markup *m)
{
    prose_is_preamble(m);
    m->lex.mode = MK_M_HTML;
}

static void angle(struct dp_markup *m)
{
    const char *s = front(m);
    const size_t n = left(m);
    static const char think[] = "<think>", end[] = "</think>";
    struct mk_tag tag;
    bool known;
    if (n < sizeof end && !m->lex.final &&
        (memcmp(s, think, n < sizeof think - 1 ? n : sizeof think - 1) == 0 ||
         memcmp(s, end, n < sizeof end - 1 ? n : sizeof end - 1) == 0) &&
        n < (n > 1 && s[1] == '/' ? sizeof end - 1 : sizeof think - 1))
        return;
    if (n >= sizeof think - 1 && memcmp(s, think, sizeof think - 1) == 0) {
        m->lex.mode = MK_M_THINK;
        return;
    }
    if (n >= sizeof end - 1 && memcmp(s, end, sizeof end - 1) == 0) {
        m->win.at += sizeof end - 1;
        m->full.prose = false;
        b_buf_clear(&m->lex.prose); /* all of it were thoughts */
        m->lex.inline_tags = false;
        m->lex.line_start = true;
        return;
    }
    if (n > 1 && s[1] == '|') {
        const int len = mk_special(s, n, m->lex.final);
        if (len > 0)
            m->win.at += (size_t)len;
        else if (len == 0)
            keep(m, 1);
        return;
    }
    if (n > 1 && (s[1] == '!' || s[1] == '?')) {
        if (n < 4 && !m->lex.final)
            return;
        if ((n >= 4 && memcmp(s, "<!--", 4) == 0) || (n >= 3 && ((s[2] | 0x20) == 'd' || s[1] == '?')))
            to_html(m);
        else
            keep(m, 1);
        return;
    }
    const int got = n > 1 || !m->lex.final || m->cutting ? mk_find_tag(m, &tag, &known) : MK_NO_TAG;
    if (got == MK_HOLD)
        return;
    if (got == MK_NO_TAG) {
        keep(m, 1);
        return;
    }
    if (got == MK_CUT) {
        mk_warn(m, DP_MARKUP_W_CUT_TAG, mk_offset(m, m->win.at));
        m->cut_tag = true;
        m->win.at = m->win.end;
        return;
    }
    const uint8_t kind = mk_name_at(tag.name)->kind;
    const bool mark = kind == MK_K_INLINE || kind == MK_K_SCRIPT || kind == MK_K_BREAK || kind == MK_K_CODE;
    if (!tag.closing && (!mark || tag.box.seen)) {
        to_html(m);
        return;
    }
    m->lex.inline_tags = true;
    keep(m, (size_t)got);
}

/* '[' or '{' as the first sign of the answer: JSON when it looks so. */
static void bracket(struct dp_markup *m)
{
    const char *s = front(m);
    const size_t n = left(m);
    size_t i = 1;
    if (!blank(m->lex.prose.data ? m->lex.prose.data : "", m->lex.prose.len)) {
        keep(m, 1);
        return;
    }
    while (i < n && space(s[i]) && i < MK_FENCE_MAX)
        i++;
    if (i >= n && i < MK_FENCE_MAX && !m->lex.final)
        return;
    const char next = i < n ? s[i] : '\0';
    if (next == '{' || (s[0] == '{' && (next == '"' || next == '\'')) || (s[0] == '[' && next == '[')) {
        b_buf_clear(&m->lex.prose);
        m->lex.mode = MK_M_JSON;
        return;
    }
    keep(m, 1);
}

void mk_lex_prose(struct dp_markup *m)
{
    while (m->win.at < m->win.end && m->lex.mode == MK_M_PROSE && !m->full.memory) {
        const size_t before = m->win.at;
        const char *s = front(m);
        const size_t n = left(m);
        size_t i = 0;
        bool start = m->lex.line_start;
        while (i < n && s[i] != '<' && s[i] != '[' && s[i] != '{' && !(s[i] == '`' && start)) {
            start = s[i] == '\n' || (start && s[i] == ' ');
            i++;
        }
        if (i > 0)
            keep(m, i);
        else if (s[0] == '<')
            angle(m);
        else if (s[0] == '`')
            fence(m);
        else
            bracket(m);
        if (m->win.at == before && m->lex.mode == MK_M_PROSE)
            return;
    }
}

/* Lines without the spaces at their ends; empty ones at most one in a row. */
static size_t tidy(char *text, size_t n)
{
    size_t out = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\n') {
            while (out > 0 && (text[out - 1] == ' ' || text[out - 1] == '\t'))
                out--;
            if (out >= 2 && text[out - 1] == '\n' && text[out - 2] == '\n')
                continue;
        }
        text[out++] = text[i];
    }
    return out;
}

static void plain_block(struct dp_markup *m)
{
    m->lex.prose.len = tidy(m->lex.prose.data, m->lex.prose.len);
    struct mk_slice all = mk_trim((struct mk_slice){m->lex.prose.data, m->lex.prose.len});
    const size_t kept = mk_loop_in_text(all.p, all.n);
    m->res.kind = DP_MARKUP_TEXT;
    const int32_t block = mk_block_add(m, DP_PARAGRAPH, 0, DP_NONE);
    if (block == DP_NONE)
        return;
    struct dp_block *b = &m->page->blocks[block];
    b->text = mk_text_copy(m, all.p, kept);
    if (kept < all.n) {
        b->flags |= DP_FLAG_LOOP_GUARD;
        m->res.looped = true;
        mk_warn(m, DP_MARKUP_W_LOOP, m->lex.prose_offset + kept);
    }
    if (m->cutting && !m->fence_closed && m->fenced)
        b->flags |= DP_FLAG_TRUNCATED;
    mk_complete(m, block);
}

/* The first '[' or '{' of a text that holds grounding JSON behind prose, or its length. */
static size_t find_json(const char *s, size_t n)
{
    static const char *const keys[] = {"bbox_2d", "point_2d"};
    for (size_t k = 0; k < 2; k++)
        if (memmem(s, n, keys[k], strlen(keys[k]))) {
            for (size_t i = 0; i < n; i++)
                if (s[i] == '[' || s[i] == '{')
                    return i;
        }
    return n;
}

void mk_prose_end(struct dp_markup *m)
{
    if (!m->lex.prose.data || blank(m->lex.prose.data, m->lex.prose.len))
        return;
    const size_t json = find_json(m->lex.prose.data, m->lex.prose.len);
    if (json < m->lex.prose.len) {
        const struct mk_slice before = mk_trim((struct mk_slice){m->lex.prose.data, json});
        if (before.n > 0) {
            mk_warn(m, DP_MARKUP_W_PREAMBLE, m->lex.prose_offset);
            m->res.preamble = mk_text_copy(m, before.p, before.n);
        }
        m->lex.mode = MK_M_JSON;
        mk_replay(m, m->lex.prose.data + json, m->lex.prose.len - json);
    } else if (m->lex.inline_tags) {
        m->lex.mode = MK_M_HTML;
        mk_replay(m, m->lex.prose.data, m->lex.prose.len);
    } else {
        plain_block(m);
    }
}
