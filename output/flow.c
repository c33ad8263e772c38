/* SPDX-License-Identifier: Apache-2.0 */
/* Joins what columns and pages tore apart and finds formulas in running text. Every function is linear in
 * the text it looks at. */
#include "output/flow.h"

#include <string.h>

#include "engine/base/utf8.h"

#define LOOK_AHEAD                                                                                                     \
    256 /* blocks between two parts of a paragraph: more than a column of captions and pictures holds                  \
         */

#define OUT_FLOW_MAX ((size_t)1 << 30) /* as OUT_PAGE_MAX */

bool out_is_running(enum dp_block_type type)
{
    return type == DP_HEADER || type == DP_FOOTER || type == DP_PAGE_NUMBER;
}

/* The block on the same page in which block i goes on: the next one of its type with the same parent.
 * DP_NONE when block i is complete or goes on on another page. */
static int32_t continuation(const struct dp_page *page, int32_t i)
{
    const struct dp_block *b = &page->blocks[i];
    if (!b->joined)
        return DP_NONE;
    for (int32_t k = i + 1; k < page->n_blocks && k - i <= LOOK_AHEAD; k++) {
        const struct dp_block *next = &page->blocks[k];
        if (next->type == b->type && next->parent == b->parent)
            return k;
        if (next->type == DP_TITLE || next->type == DP_HEADING)
            return DP_NONE; /* nothing goes on behind a heading */
    }
    return DP_NONE;
}

int32_t out_first_of_type(const struct dp_page *page, enum dp_block_type type)
{
    for (int32_t k = 0; k < page->n_blocks; k++) {
        if (page->blocks[k].type == type && page->blocks[k].parent == DP_NONE)
            return k;
        if (page->blocks[k].type == DP_TITLE || page->blocks[k].type == DP_HEADING)
            return DP_NONE;
    }
    return DP_NONE;
}

/* Ideographs and kana are set without spaces; Korean words are not. */
static bool spaceless(uint32_t cp)
{
    return b_cp_is_cjk(cp) && !(cp >= 0xAC00 && cp <= 0xD7A3) && !(cp >= 0x1100 && cp <= 0x11FF);
}

void out_join(struct b_buf *text, const char *next)
{
    const size_t more = strlen(next);
    size_t pos = 0;
    if (more == 0 || text->failed != B_OK)
        return;
    if (text->len == 0) {
        b_buf_append(text, next, more);
        return;
    }
    const uint32_t head = b_utf8_next(next, more, &pos);
    const uint32_t tail = b_utf8_last(text->data, text->len);
    const size_t width = tail == 0x2010 ? 3 : tail == 0xAD ? 2 : 1;
    const bool hyphen = tail == '-' || tail == 0xAD || tail == 0x2010;
    const uint32_t before = hyphen ? b_utf8_last(text->data, text->len - width) : 0;
    if (hyphen && (b_cp_is_letter(before) || b_cp_is_digit(before))) {
        if (tail == 0xAD || (b_cp_is_small(before) && b_cp_is_small(head)))
            text->len -= width;
    } else if (!spaceless(tail) && !spaceless(head) && !b_cp_is_space(tail) && !b_cp_is_space(head)) {
        b_buf_putc(text, ' ');
    }
    b_buf_append(text, next, more);
}

/* Appends "^{2}", "_{\text{in}}" for a raised or lowered stretch of letters, digits and signs of charge; false for others. */
static bool script(struct b_buf *out, const char *text, const struct dp_span *s)
{
    bool words = false;
    if (s->kind != DP_SPAN_SUPERSCRIPT && s->kind != DP_SPAN_SUBSCRIPT)
        return false;
    for (size_t pos = (size_t)s->begin; pos < (size_t)s->end;) {
        const uint32_t cp = b_utf8_next(text, (size_t)s->end, &pos);
        words = words || b_cp_is_letter(cp);
        if (!b_cp_is_letter(cp) && !b_cp_is_digit(cp) && cp != '+' && cp != '-' && cp != ',' && cp != '*' && cp != '(' && cp != ')' &&
            cp != 0x2212 && cp != 0x2013 && cp != 0x2020 && cp != 0x2021)
            return false;
    }
    b_buf_puts(out, s->kind == DP_SPAN_SUPERSCRIPT ? "^{" : "_{");
    b_buf_puts(out, words ? "\\text{" : "");
    b_buf_append(out, text + s->begin, (size_t)(s->end - s->begin));
    b_buf_puts(out, words ? "}}" : "}");
    return true;
}

/* Appends the LaTeX of the first of n spans: a formula, or scripts as long as they follow each other ("_{4}^{2-}"). The
 * number of spans; 0 where the characters stay: a dollar in front of a digit closes nothing. */
static int32_t latex_of(struct b_buf *out, const char *text, const struct dp_span *s, int32_t n)
{
    int32_t used = 0;
    if (s->kind == DP_SPAN_FORMULA)
        b_buf_puts(out, s->latex);
    else
        while (used < n && (used == 0 || (s[used].begin == s[used - 1].end && s[used].kind != s[used - 1].kind)) && script(out, text, &s[used]))
            used++;
    if (s->kind == DP_SPAN_FORMULA)
        used = 1;
    return used > 0 && !(text[s[used - 1].end] >= '0' && text[s[used - 1].end] <= '9') ? used : 0;
}

static void join_marked(const struct dp_page *page, int32_t block, struct b_buf *text)
{
    const char *from = page->blocks[block].text;
    struct b_buf own;
    int32_t first;
    const int32_t n = dp_spans_of(page, block, &first);
    size_t at = 0;
    b_buf_init(&own, OUT_FLOW_MAX);
    for (int32_t i = 0, used; i < n; i += used > 0 ? used : 1) {
        const struct dp_span *s = &page->spans[first + i];
        struct b_buf latex;
        b_buf_init(&latex, OUT_FLOW_MAX);
        used = latex_of(&latex, from, s, n - i);
        if (used > 0) {
            if (at > 0 && at == (size_t)s->begin) /* "$a$$b$" would be something else */
                b_buf_putc(&own, ' ');
            b_buf_append(&own, from + at, (size_t)s->begin - at);
            b_buf_putc(&own, OUT_MATH_OPEN);
            b_buf_append(&own, latex.data ? latex.data : "", latex.len);
            b_buf_putc(&own, OUT_MATH_CLOSE);
            at = (size_t)s[used - 1].end;
        }
        if (latex.failed != B_OK)
            own.failed = latex.failed;
        b_buf_free(&latex);
    }
    b_buf_puts(&own, from + at);
    if (own.failed != B_OK)
        text->failed = own.failed;
    out_join(text, own.data ? own.data : "");
    b_buf_free(&own);
}

static bool flow(const struct dp_page *page, int32_t i, bool *done, struct b_buf *text, bool marked)
{
    for (;;) {
        done[i] = true;
        if (marked)
            join_marked(page, i, text);
        else
            out_join(text, page->blocks[i].text);
        const int32_t next = continuation(page, i);
        if (next == DP_NONE || done[next])
            return page->blocks[i].joined && next == DP_NONE;
        i = next;
    }
}

bool out_flow_text(const struct dp_page *page, int32_t i, bool *done, struct b_buf *text)
{
    return flow(page, i, done, text, false);
}

bool out_flow_marked(const struct dp_page *page, int32_t i, bool *done, struct b_buf *text)
{
    return flow(page, i, done, text, true);
}

bool out_has_math(const struct dp_block *block)
{
    return block->source == DP_FROM_VLM && block->type != DP_CODE && block->type != DP_MUSIC &&
           strchr(block->text, '$');
}

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

/* text[i] is a dollar that a backslash in front of it does not quote. */
static bool is_dollar(const char *text, size_t i)
{
    return text[i] == '$' && !(i > 0 && text[i - 1] == '\\');
}

bool out_next_math(const char *text, size_t len, size_t from, struct out_inline_math *math)
{
    for (size_t i = from; i + 2 < len; i++) {
        if (!is_dollar(text, i))
            continue;
        const size_t n = text[i + 1] == '$' ? 2 : 1;
        size_t k = i + n;
        if (n == 1 && blank(text[k]))
            continue;
        while (k < len && !is_dollar(text, k))
            k++;
        if (k >= len)
            return false; /* no further dollar at all */
        const bool closes = n == 2 ? k + 1 < len && text[k + 1] == '$'
                                   : !blank(text[k - 1]) && !(k + 1 < len && text[k + 1] >= '0' && text[k + 1] <= '9');
        if (closes && k > i + n) {
            *math = (struct out_inline_math){.begin = i, .body = i + n, .body_end = k, .end = k + n, .display = n == 2};
            return true;
        }
        i = k - 1; /* the next dollar may open */
    }
    return false;
}
