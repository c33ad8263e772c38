/* SPDX-License-Identifier: Apache-2.0 */
/* Raised and lowered words of born-digital text: marks of notes, ordinals, powers of units, names of substances. A word
 * that is smaller than the one it hangs on, and off its middle, gets the style; words in a row make one span of the
 * block, unless a formula holds them. */
#include <math.h>
#include <string.h>

#include "docparse/assembly/formula_private.h"
#include "engine/base/utf8.h"

#define SMALL 0.86f  /* of the size of the word that it hangs on */
#define TINY 0.4f    /* of it, at least: what stands beside a drop cap is no script */
#define SHIFT 0.12f  /* of that word's height between the middles */
#define LONGEST 12   /* bytes of a raised word in front of its word: numbers of isotopes and of notes */
#define SPANS_MOST 8000 /* of one page */

#define SCRIPTS (DP_SUPERSCRIPT | DP_SUBSCRIPT)

/* The style of w beside the larger word. */
static uint32_t style_beside(const struct dp_word *w, const struct dp_word *large)
{
    const float tall = large->bbox.y1 - large->bbox.y0;
    const float shift = (w->bbox.y0 + w->bbox.y1 - large->bbox.y0 - large->bbox.y1) * 0.5f;
    if (!(w->font_size > 0) || w->font_size > SMALL * large->font_size || w->font_size < TINY * large->font_size || fabsf(shift) <= SHIFT * tall || fabsf(shift) > tall)
        return 0;
    return shift < 0 ? DP_SUPERSCRIPT : DP_SUBSCRIPT;
}

/* Styles of one line's words: each beside the last of full size that it is joined to, else, raised, before the next one. */
static void mark_line(struct dp_word *words, int32_t n)
{
    int32_t base = DP_NONE;
    for (int32_t i = 0; i < n; i++) {
        if (i == 0 || !words[i - 1].joined)
            base = DP_NONE;
        uint32_t style = base != DP_NONE ? style_beside(&words[i], &words[base]) : 0;
        if (base == DP_NONE && i + 1 < n && strlen(words[i].text) <= LONGEST &&
            style_beside(&words[i], &words[i + 1]) == DP_SUPERSCRIPT && (words[i].joined || i == 0))
            style = DP_SUPERSCRIPT;
        words[i].style |= words[i].style & SCRIPTS ? 0 : style;
        if (!(words[i].style & SCRIPTS))
            base = i;
    }
}

struct gather {
    struct dp_page *page;
    struct dp_span *out;
    int32_t n, formula; /* formula: the next of the page's spans */
    const char *text;
    size_t at;
};

/* Copies the formulas of blocks in front and of this one that begin before `at`; whether one holds the place. */
static bool pass_formulas(struct gather *g, int32_t block, size_t at)
{
    const struct dp_page *p = g->page;
    for (; g->formula < p->n_spans && g->n < SPANS_MOST; g->formula++) {
        const struct dp_span *s = &p->spans[g->formula];
        if (s->block > block || (s->block == block && (size_t)s->begin > at))
            break;
        g->out[g->n++] = *s;
    }
    const struct dp_span *last = g->n > 0 ? &g->out[g->n - 1] : NULL;
    return last && last->block == block && last->kind == DP_SPAN_FORMULA && (size_t)last->end > at;
}

static void add_word(struct gather *g, int32_t block, const struct dp_word *w, size_t len)
{
    const enum dp_span_kind kind = w->style & DP_SUPERSCRIPT ? DP_SPAN_SUPERSCRIPT : DP_SPAN_SUBSCRIPT;
    if (len == 0 || !(w->style & SCRIPTS) || pass_formulas(g, block, g->at) || g->n >= SPANS_MOST)
        return;
    if (g->formula < g->page->n_spans && g->page->spans[g->formula].block == block &&
        (size_t)g->page->spans[g->formula].begin < g->at + len)
        return; /* a formula begins inside of the word */
    struct dp_span *last = g->n > 0 ? &g->out[g->n - 1] : NULL;
    if (last && last->block == block && last->kind == kind && (size_t)last->end == g->at) {
        last->end = (int32_t)(g->at + len);
        last->bbox = dp_rect_union(last->bbox, w->bbox);
        return;
    }
    g->out[g->n++] = (struct dp_span){.block = block,
                                      .begin = (int32_t)g->at,
                                      .end = (int32_t)(g->at + len),
                                      .kind = kind,
                                      .bbox = w->bbox,
                                      .confidence = w->confidence};
}

static bool is_letters(const char *text)
{
    const size_t len = strlen(text);
    bool all = len > 0;
    for (size_t pos = 0; pos < len && all;)
        all = b_cp_is_letter(b_utf8_next(text, len, &pos));
    return all;
}

/* Letters inside of a word, as the A of the sign that LaTeX writes for itself. */
static bool is_inside_word(const struct dp_word *words, int32_t n, int32_t i)
{
    return i > 0 && i + 1 < n && words[i - 1].joined && words[i].joined && is_letters(words[i - 1].text) && is_letters(words[i].text) &&
           is_letters(words[i + 1].text);
}

/* The scripts of one block, along its text as far as its words make it up. */
static void search_block(struct gather *g, int32_t block)
{
    const struct dp_block *b = &g->page->blocks[block];
    bool marker = b->marker != NULL;
    g->text = b->text;
    g->at = 0;
    for (int32_t l = 0; l < b->n_lines; l++) {
        const struct dp_line *line = &g->page->lines[b->first_line + l];
        for (int32_t k = 0; k < line->n_words; k++) {
            const struct dp_word *w = &g->page->words[line->first_word + k];
            const bool is_marker = marker && strcmp(w->text, b->marker) == 0;
            marker = false;
            if (is_marker)
                continue;
            g->at += strspn(g->text + g->at, " \t\n");
            const size_t len = dp_word_in_text(g->text + g->at, w->text);
            if (len == 0 && w->text[0])
                return;
            if (!is_inside_word(g->page->words + line->first_word, line->n_words, k))
                add_word(g, block, w, len);
            g->at += len;
        }
    }
}

enum b_code dp_scripts_find(struct dp_assembly *a, struct b_err *err)
{
    struct dp_page *page = a->page;
    bool any = false;
    /* Sizes in other people's OCR of a scan are guesses. */
    if (!a->sheet || a->sheet->kind != DP_SHEET_DIGITAL || a->frame.warped || a->frame.turns || a->main_direction != 0)
        return B_OK;
    for (int32_t i = 0; i < page->n_lines; i++)
        mark_line(page->words + page->lines[i].first_word, page->lines[i].n_words);
    for (int32_t i = 0; i < page->n_words && !any; i++)
        any = (page->words[i].style & SCRIPTS) != 0;
    if (!any)
        return B_OK;
    struct gather g = {.page = page, .out = B_ARENA_ARRAY(a->arena, SPANS_MOST, struct dp_span)};
    if (!g.out)
        return b_arena_refused(a->arena, "assembly", err);
    for (int32_t i = 0; i < page->n_blocks; i++) {
        const struct dp_block *b = &page->blocks[i];
        if (b->source == DP_FROM_TEXT_LAYER && b->table == DP_NONE && b->type != DP_FORMULA && b->type != DP_CODE &&
            b->type != DP_FIGURE && b->type != DP_CHART && !(b->flags & (DP_FLAG_TURNED | DP_FLAG_VERTICAL)))
            search_block(&g, i);
    }
    pass_formulas(&g, page->n_blocks, 0);
    if (g.n == 0 || g.formula < page->n_spans) /* too many: formulas alone */
        return B_OK;
    struct dp_span *spans = B_ARENA_ARRAY(page->arena, (size_t)g.n, struct dp_span);
    if (!spans)
        return b_arena_refused(page->arena, "assembly", err);
    memcpy(spans, g.out, (size_t)g.n * sizeof *spans);
    page->spans = spans;
    page->n_spans = g.n;
    return B_OK;
}
