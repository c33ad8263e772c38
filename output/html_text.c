/* SPDX-License-Identifier: Apache-2.0 */
/* Running text and formulas in HTML. */
#include <string.h>

#include "output/escape.h"
#include "output/flow.h"
#include "output/html_private.h"
#include "output/mathml.h"

void out_html_formula(struct b_buf *buf, const char *latex, bool display)
{
    if (out_mathml(buf, latex, display))
        return;
    b_buf_puts(buf, "<code class=\"latex\" title=\"LaTeX source\">");
    out_xml_text(buf, latex);
    b_buf_puts(buf, "</code>");
}

static void formula_in_text(struct b_buf *buf, const char *text, const struct out_inline_math *m)
{
    struct b_buf latex;
    b_buf_init(&latex, OUT_PAGE_MAX);
    b_buf_append(&latex, text + m->body, m->body_end - m->body);
    if (latex.data)
        out_html_formula(buf, latex.data, m->display);
    if (latex.failed != B_OK)
        buf->failed = latex.failed;
    b_buf_free(&latex);
}

static void with_breaks(struct b_buf *buf, const char *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        const char *nl = memchr(text + i, '\n', len - i);
        const size_t end = nl ? (size_t)(nl - text) : len;
        out_xml_textn(buf, text + i, end - i);
        if (nl)
            b_buf_puts(buf, "<br>");
        i = end + (nl != NULL);
    }
}

/* Words of a block along its text: where each one stands, so that its font's style can be shown. */
struct style_walk {
    struct b_buf *buf; /* NULL: only look whether it works out */
    const char *text;
    size_t at;
    uint32_t mask, open, seen; /* styles to show, of the open elements, that occurred */
    const struct dp_span *span, *spans_end; /* that are not shown yet */
};

static void change_style(struct style_walk *w, uint32_t style)
{
    static const struct {
        uint32_t bit;
        const char *tag;
    } tags[] = {{DP_BOLD, "b"}, {DP_ITALIC, "i"}, {DP_SUPERSCRIPT, "sup"}, {DP_SUBSCRIPT, "sub"}};
    if (!w->buf || style == w->open)
        return;
    for (size_t i = sizeof tags / sizeof tags[0]; i-- > 0;)
        if (w->open & tags[i].bit)
            b_buf_printf(w->buf, "</%s>", tags[i].tag);
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
        if (style & tags[i].bit)
            b_buf_printf(w->buf, "<%s>", tags[i].tag);
    w->open = style;
}

/* text[from..to), formulas in place of the characters that spans name; what was shown before is not shown again. */
static void put_range(struct style_walk *w, size_t from, size_t to)
{
    while (w->buf && from < to) {
        while (w->span < w->spans_end && ((size_t)w->span->end <= from || w->span->kind != DP_SPAN_FORMULA))
            w->span++;
        const bool any = w->span < w->spans_end && (size_t)w->span->begin < to;
        const size_t plain = !any ? to : (size_t)w->span->begin > from ? (size_t)w->span->begin : from;
        with_breaks(w->buf, w->text + from, plain - from);
        if (!any)
            return;
        if ((size_t)w->span->begin >= from) {
            change_style(w, 0);
            b_buf_puts(w->buf, "<span class=\"formula\">");
            out_html_formula(w->buf, w->span->latex, false);
            b_buf_puts(w->buf, "</span>");
        }
        from = (size_t)w->span->end;
    }
}

/* Whether the formula in front covers the place: words inside of it have no style of their own. */
static bool inside_formula(const struct style_walk *w, size_t at)
{
    const struct dp_span *s = w->span;
    while (s < w->spans_end && ((size_t)s->end <= at || s->kind != DP_SPAN_FORMULA))
        s++;
    return s < w->spans_end && (size_t)s->begin <= at;
}

/* Length of the word as it stands at w->at; without its hyphen where lines were joined. 0: it is not there. */
static size_t match(const struct style_walk *w, const char *word)
{
    static const char *const hyphens[] = {"-", "\xC2\xAD", "\xE2\x80\x90"};
    const size_t n = strlen(word);
    if (strncmp(w->text + w->at, word, n) == 0)
        return n;
    for (size_t i = 0; i < sizeof hyphens / sizeof hyphens[0]; i++) {
        const size_t h = strlen(hyphens[i]);
        if (n > h && strcmp(word + n - h, hyphens[i]) == 0 && strncmp(w->text + w->at, word, n - h) == 0)
            return n - h;
    }
    return 0;
}

static bool step(struct style_walk *w, const struct dp_word *word)
{
    const size_t gap = strspn(w->text + w->at, " \t\n");
    const uint32_t style = word->style & w->mask;
    w->at += gap;
    const size_t n = match(w, word->text);
    if (n == 0)
        return word->text[0] == '\0';
    const uint32_t shown = inside_formula(w, w->at) ? 0 : style;
    w->seen |= style;
    if (shown != w->open)
        change_style(w, 0); /* before the blank */
    put_range(w, w->at - gap, w->at);
    change_style(w, shown);
    put_range(w, w->at, w->at + n);
    w->at += n;
    return true;
}

/* True when the words are the text, from its start (behind a list's marker) to its end. */
static bool walk_words(struct style_walk *w, const struct dp_page *page, const struct dp_block *b)
{
    bool marker = b->marker != NULL;
    for (int32_t l = 0; l < b->n_lines; l++) {
        const struct dp_line *line = &page->lines[b->first_line + l];
        for (int32_t k = 0; k < line->n_words; k++) {
            const struct dp_word *word = &page->words[line->first_word + k];
            if (marker && strcmp(word->text, b->marker) == 0) {
                marker = false; /* the marker is not part of the text */
                continue;
            }
            marker = false;
            if (!step(w, word))
                return false;
        }
    }
    change_style(w, 0);
    return w->text[w->at + strspn(w->text + w->at, " \t\n")] == '\0';
}

bool out_html_styled(struct b_buf *buf, const struct dp_page *page, int32_t index)
{
    const struct dp_block *b = &page->blocks[index];
    const bool heading = b->type == DP_TITLE || b->type == DP_HEADING; /* bold as it is */
    int32_t first;
    const int32_t n = dp_spans_of(page, index, &first);
    const struct dp_span *spans = n > 0 ? &page->spans[first] : NULL;
    struct style_walk w = {.text = b->text,
                           .mask = DP_ITALIC | DP_SUPERSCRIPT | DP_SUBSCRIPT | (heading ? 0 : DP_BOLD)};
    const bool whole = walk_words(&w, page, b);
    if ((!whole || w.seen == 0) && n == 0)
        return false;
    w = (struct style_walk){.buf = buf, .text = b->text, .mask = w.mask, .span = spans, .spans_end = n > 0 ? spans + n : NULL};
    if (whole)
        return walk_words(&w, page, b);
    put_range(&w, 0, strlen(b->text)); /* formulas alone */
    return true;
}

void out_html_text(struct b_buf *buf, const char *text, bool math)
{
    const size_t len = strlen(text);
    struct out_inline_math m;
    size_t from = 0;
    while (math && out_next_math(text, len, from, &m)) {
        with_breaks(buf, text + from, m.begin - from);
        formula_in_text(buf, text, &m);
        from = m.end;
    }
    with_breaks(buf, text + from, len - from);
}
