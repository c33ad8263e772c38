/* SPDX-License-Identifier: Apache-2.0 */
/* Formulas inside of the running text of born-digital pages, as spans of the finished blocks. A block's words are
 * laid along its text, their glyphs give each character its place, formula/inline.h says which characters are
 * formulas, and the glyphs of those are read as one, each printed row for itself. Invariant: texts stay as they
 * are; where a glyph stands in a formula that the text has elsewhere, there is no span. */
#include <math.h>
#include <string.h>

#include "docparse/assembly/formula_private.h"
#include "docparse/assembly/glyph_words.h"
#include "docparse/formula/inline.h"
#include "engine/base/utf8.h"

#define CHARS_MOST 40000 /* of one block */
#define SPANS_MOST 4000  /* of one page */
#define ABOVE 0.95f      /* font sizes above the baseline that are part of a row; */
#define BELOW 0.4f       /* below */
#define BESIDE 0.6f      /* font sizes behind a formula where a script may be lost */
#define SCRIPT_SIZE 0.86f
#define STACKED 0.35f    /* font sizes between baselines of one word */
#define FRACTION_UP 0.6f    /* sizes from the baseline of a numerator down to the bar; */
#define FRACTION_DOWN 1.15f /* from the bar down to the baseline of a denominator */
#define BAR_LONG 12.0f      /* sizes */
#define BARS_MOST 500       /* of one block */
#define ROW_REACH 60     /* characters beside a formula that tell its baseline */
#define ROW_SHARE 0.5f   /* of the lower line: two lines overlap by as much when they are one printed row */

/* A character of the block: where it stands in the text, and what draws it. */
struct letter {
    int32_t begin, end; /* bytes of the text */
    int32_t word, line;
    int32_t glyph;      /* DP_NONE: the word's glyphs are not one a character */
};

struct block_text {
    struct letter *letters;
    struct dp_inline_char *chars;
    int32_t n, room;
};

static const char *const hyphens[] = {"-", "\xC2\xAD", "\xE2\x80\x90"};

size_t dp_word_in_text(const char *text, const char *word)
{
    const size_t n = strlen(word);
    if (strncmp(text, word, n) == 0)
        return n;
    for (size_t i = 0; i < sizeof hyphens / sizeof hyphens[0]; i++) {
        const size_t h = strlen(hyphens[i]);
        if (n > h && strcmp(word + n - h, hyphens[i]) == 0 && strncmp(text, word, n - h) == 0)
            return n - h;
    }
    return 0;
}

/* Whether the word's glyphs stand one above the other. */
static bool is_stacked(const struct dp_assembly *a, const int32_t *glyphs, int32_t n)
{
    float high = HUGE_VALF, low = -HUGE_VALF, size = 0;
    for (int32_t i = 0; i < n; i++) {
        const struct dp_glyph *g = &a->sheet->glyphs[glyphs[i]];
        high = fminf(high, g->y);
        low = fmaxf(low, g->y);
        size = fmaxf(size, g->size);
    }
    return low - high > STACKED * size;
}

/* Lays one word along the text from `at`. */
static void put_word(const struct dp_assembly *a, const struct dp_glyph_words *w, int32_t word, int32_t line, const char *text,
                     size_t at, size_t len, bool row, struct block_text *out)
{
    const struct dp_word *d = &a->page->words[word];
    const int32_t *glyphs = w->glyphs + w->first[word], n = w->first[word + 1] - w->first[word];
    const int32_t chars = (int32_t)b_utf8_count(d->text, strlen(d->text));
    const bool stacked = n > 1 && is_stacked(a, glyphs, n), exact = n == chars && !stacked;
    const float tall = d->bbox.y1 - d->bbox.y0, wide = (d->bbox.x1 - d->bbox.x0) / (float)(chars > 0 ? chars : 1);
    int32_t k = 0;
    for (size_t pos = at; pos < at + len && out->n < out->room; k++) {
        struct letter *l = &out->letters[out->n];
        struct dp_inline_char *c = &out->chars[out->n++];
        *l = (struct letter){.begin = (int32_t)pos, .word = word, .line = line, .glyph = exact ? glyphs[k] : DP_NONE};
        c->cp = b_utf8_next(text, at + len, &pos);
        l->end = (int32_t)pos;
        c->font = d->font;
        c->row = row && k == 0;
        c->mono = (d->style & DP_MONO) != 0;
        c->stacked = stacked;
        c->x0 = d->bbox.x0 + wide * (float)k;
        c->x1 = c->x0 + wide;
        c->size = n > 0 ? a->sheet->glyphs[glyphs[0]].size : d->font_size > 0 ? d->font_size * (float)(a->page->dpi / 72.0) : 0.75f * tall;
        c->base = n > 0 ? a->sheet->glyphs[glyphs[0]].y : d->bbox.y1 - 0.25f * tall;
        if (!exact)
            continue;
        const struct dp_glyph *g = &a->sheet->glyphs[glyphs[k]];
        c->x0 = g->x;
        c->x1 = g->x + g->advance;
        c->base = g->y;
        c->size = g->size;
        if (g->cp != 0 && c->font && dp_font_is_mathematical(c->font))
            c->cp = g->cp; /* the code says more than what Poppler made of it */
    }
}

/* Letters [*first, *last] that hold all above and below the bar within their printed row; false when there are not both. */
static bool is_fraction(const struct block_text *t, struct dp_rect bar, int32_t *first, int32_t *last)
{
    int32_t above = 0, below = 0;
    float x0 = HUGE_VALF, x1 = -HUGE_VALF;
    *first = *last = -1;
    for (int32_t i = 0; i < t->n; i++) {
        const struct dp_inline_char *c = &t->chars[i];
        const float x = 0.5f * (c->x0 + c->x1), up = bar.y0 - c->base;
        if (x < bar.x0 || x > bar.x1 || up > FRACTION_UP * c->size || up < -FRACTION_DOWN * c->size)
            continue;
        above += up >= 0;
        below += up < 0;
        *first = *first < 0 ? i : *first;
        *last = i;
        x0 = fminf(x0, c->x0);
        x1 = fmaxf(x1, c->x1);
    }
    if (above == 0 || below == 0 || x1 - x0 < 0.5f * (bar.x1 - bar.x0))
        return false;
    for (int32_t i = *first + 1; i <= *last; i++)
        if (t->chars[i].row) /* an underlined word over the next row */
            return false;
    return true;
}

/* Marks letters above and below the bars of fractions as stacked. */
static void mark_fractions(const struct dp_assembly *a, struct block_text *t)
{
    const struct dp_sheet *s = a->sheet;
    float top = HUGE_VALF, bottom = -HUGE_VALF, size = 0;
    int32_t looks = BARS_MOST, first, last;
    for (int32_t i = 0; i < t->n; i++) {
        top = fminf(top, t->chars[i].base);
        bottom = fmaxf(bottom, t->chars[i].base);
        size = fmaxf(size, t->chars[i].size);
    }
    for (int32_t k = 0; k < s->n_glyphs && looks > 0; k++) {
        const struct dp_rect b = s->glyphs[k].ink;
        if (s->glyphs[k].cp != DP_GLYPH_BAR || b.y0 < top - 2 * size || b.y0 > bottom + size || b.x1 - b.x0 > BAR_LONG * size)
            continue;
        looks--;
        if (!is_fraction(t, b, &first, &last))
            continue;
        for (int32_t i = first; i <= last; i++)
            t->chars[i].stacked = true;
    }
}

static bool on_one_row(const struct dp_line *p, const struct dp_line *q)
{
    const float over = dp_overlap(p->bbox.y0, p->bbox.y1, q->bbox.y0, q->bbox.y1);
    return over > ROW_SHARE * fminf(p->bbox.y1 - p->bbox.y0, q->bbox.y1 - q->bbox.y0) && q->bbox.x0 > p->bbox.x1 - 0.5f * (q->bbox.y1 - q->bbox.y0);
}

/* The block's words along its text; false where they do not make it up. */
static bool lay_out(const struct dp_assembly *a, const struct dp_glyph_words *w, const struct dp_block *b, struct block_text *out)
{
    size_t at = 0;
    bool marker = b->marker != NULL;
    out->n = 0;
    for (int32_t l = 0; l < b->n_lines; l++) {
        const struct dp_line *line = &a->page->lines[b->first_line + l];
        bool row = l == 0 || !on_one_row(line - 1, line);
        for (int32_t k = 0; k < line->n_words; k++) {
            const int32_t word = line->first_word + k;
            const char *text = a->page->words[word].text;
            if (marker && strcmp(text, b->marker) == 0) {
                marker = false;
                continue;
            }
            marker = false;
            at += strspn(b->text + at, " \t\n");
            const size_t len = dp_word_in_text(b->text + at, text);
            if (len == 0 && text[0])
                return false;
            put_word(a, w, word, b->first_line + l, b->text, at, len, row, out);
            row = row && len == 0;
            at += len;
        }
    }
    return b->text[at + strspn(b->text + at, " \t\n")] == '\0' && out->n < out->room;
}

struct finder {
    struct dp_assembly *a;
    const struct dp_glyph_words *words;
    const struct block_text *text;
    struct dp_glyph *glyphs; /* of the formula in work; DP_FORMULA_GLYPHS */
    int32_t n_glyphs;
    struct dp_rect box;
    float confidence;
    const char *italic; /* whose single letters are variables, or NULL */
    struct dp_span *spans; /* SPANS_MOST */
    int32_t n_spans;
};

static bool in_run(const struct finder *f, int32_t from, int32_t to, int32_t word)
{
    for (int32_t i = from; i <= to; i++)
        if (f->text->letters[i].word == word)
            return true;
    return false;
}

/* Size and baseline of the row around letters [from, to]: of the largest letters, where most of them stand. Operators
 * have baselines of their own. */
static void measure(const struct finder *f, int32_t from, int32_t to, float *size, float *base)
{
    const struct dp_inline_char *c = f->text->chars;
    int32_t lo = from, hi = to, best = 0;
    while (lo > 0 && !c[lo].row && from - lo < ROW_REACH)
        lo--;
    while (hi + 1 < f->text->n && !c[hi + 1].row && hi - to < ROW_REACH)
        hi++;
    *size = 0;
    for (int32_t i = from; i <= to; i++)
        *size = fmaxf(*size, c[i].size);
    *base = c[from].base;
    for (int32_t i = lo; i <= hi && i - lo < 4 * ROW_REACH; i++) {
        int32_t same = 0;
        if (fabsf(c[i].size - *size) > 0.1f * *size)
            continue;
        for (int32_t k = lo; k <= hi && k - lo < 4 * ROW_REACH; k++)
            same += fabsf(c[k].base - c[i].base) < 0.05f * *size;
        if (same > best) {
            best = same;
            *base = c[i].base;
        }
    }
}

/* Whether the bar begins where a root sign ends that is no part of the formula in work. */
static bool is_of_lost_root(const struct finder *f, const struct dp_glyph *bar, float size)
{
    const struct dp_sheet *s = f->a->sheet;
    for (int32_t k = dp_glyph_words_at(f->a, f->words, bar->ink.x0 - 1.5f * size); k < s->n_glyphs; k++) {
        const struct dp_glyph *g = &s->glyphs[f->words->by_x[k]];
        if (g->x > bar->ink.x0)
            return false;
        if (g->cp == DP_GLYPH_BAR || fabsf(g->ink.x1 - bar->ink.x0) > 0.15f * size || g->ink.y0 > bar->ink.y1 + 0.1f * size ||
            g->ink.y1 < bar->ink.y1 + 0.3f * size)
            continue;
        bool taken = false;
        for (int32_t i = 0; i < f->n_glyphs && !taken; i++)
            taken = f->glyphs[i].x == g->x && f->glyphs[i].y == g->y && f->glyphs[i].cp == g->cp;
        if (!taken)
            return true;
    }
    return false;
}

static bool on_line_of(const struct finder *f, int32_t letter, int32_t word)
{
    const struct dp_line *line = &f->a->page->lines[f->text->letters[letter].line];
    return word >= line->first_word && word < line->first_word + line->n_words;
}

/* Whether the bar lies over a letter of the next row. */
static bool is_of_next_row(const struct finder *f, const struct dp_glyph *bar, float base, float size)
{
    const struct dp_sheet *s = f->a->sheet;
    if (bar->ink.y0 < base + 0.1f * size)
        return false;
    for (int32_t k = dp_glyph_words_at(f->a, f->words, bar->ink.x0); k < s->n_glyphs; k++) {
        const struct dp_glyph *g = &s->glyphs[f->words->by_x[k]];
        if (g->x > bar->ink.x1)
            return false;
        if (g->cp != DP_GLYPH_BAR && g->y > base + size && g->ink.x1 > g->ink.x0 && g->ink.y0 - bar->ink.y1 > -0.05f * size &&
            g->ink.y0 - bar->ink.y1 < 0.4f * size)
            return true;
    }
    return false;
}

/* Adds the glyphs of letters [from, to], which stand on one row, and what belongs to them without a character of its
 * own: bars, pieces. False where the row is not what the text says. */
static bool collect(struct finder *f, int32_t from, int32_t to)
{
    const struct dp_sheet *s = f->a->sheet;
    const struct letter *letters = f->text->letters;
    const struct dp_inline_char *chars = f->text->chars;
    float x0 = HUGE_VALF, x1 = -HUGE_VALF, size = 0, base = 0;
    measure(f, from, to, &size, &base);
    for (int32_t i = from; i <= to; i++) {
        const struct letter *l = &letters[i];
        x0 = fminf(x0, chars[i].x0);
        x1 = fmaxf(x1, chars[i].x1);
        if (l->glyph != DP_NONE) {
            if (f->n_glyphs >= DP_FORMULA_GLYPHS)
                return false;
            f->glyphs[f->n_glyphs++] = s->glyphs[l->glyph];
            continue;
        }
        /* All of a word whose glyphs are not one a character, or nothing. */
        const bool first = i == from || letters[i - 1].word != l->word;
        const bool cut = (i == from && i > 0 && letters[i - 1].word == l->word) ||
                         (i == to && i + 1 < f->text->n && letters[i + 1].word == l->word);
        const int32_t at = f->words->first[l->word], n = f->words->first[l->word + 1] - at;
        if (cut || n == 0)
            return false;
        for (int32_t k = 0; first && k < n; k++) {
            if (f->n_glyphs >= DP_FORMULA_GLYPHS)
                return false;
            f->glyphs[f->n_glyphs++] = s->glyphs[f->words->glyphs[at + k]];
        }
    }
    for (int32_t k = dp_glyph_words_at(f->a, f->words, x0); k < s->n_glyphs; k++) {
        const int32_t glyph = f->words->by_x[k], word = f->words->word[glyph];
        const struct dp_glyph *g = &s->glyphs[glyph];
        const bool ink = g->ink.x1 > g->ink.x0;
        const float mid = ink ? 0.5f * (g->ink.y0 + g->ink.y1) : g->y - 0.3f * g->size;
        if (g->x + 0.5f * g->advance > x1 + BESIDE * size)
            break;
        if (g->x + 0.5f * g->advance > x1) { /* a script that the text has elsewhere */
            if (word != DP_NONE && g->size < SCRIPT_SIZE * size && g->x < x1 + 0.2f * size && fabsf(g->y - base) > 0.05f * size &&
                mid > base - ABOVE * size && mid < base + BELOW * size && f->a->page->words[word].bbox.x0 >= x1 - 0.2f * size &&
                !on_line_of(f, to, word))
                return false;
            continue;
        }
        if (mid < base - ABOVE * size || mid > base + BELOW * size || (!ink && word == DP_NONE) || (word != DP_NONE && in_run(f, from, to, word)))
            continue;
        if (g->cp == DP_GLYPH_BAR && is_of_next_row(f, g, base, size))
            continue;
        if (word != DP_NONE || f->n_glyphs >= DP_FORMULA_GLYPHS || (g->cp == DP_GLYPH_BAR && is_of_lost_root(f, g, size)))
            return false; /* the text has it elsewhere */
        f->glyphs[f->n_glyphs++] = *g;
    }
    return true;
}

/* Reads letters [from, to] of one row and appends the LaTeX. */
static enum b_code read_row(struct finder *f, int32_t from, int32_t to, char **latex, struct b_err *err)
{
    struct dp_formula formula;
    struct b_arena *arena = f->a->arena;
    f->n_glyphs = 0;
    if (!collect(f, from, to)) {
        f->confidence = 0;
        return B_OK;
    }
    const enum b_code code = dp_formula_read(f->glyphs, f->n_glyphs, f->a->sheet->glyph_fonts, arena, &formula, err);
    if (code != B_OK)
        return code;
    if (formula.tag || !formula.latex[0])
        f->confidence = 0;
    f->confidence = fminf(f->confidence, formula.confidence);
    const size_t before = *latex ? strlen(*latex) : 0, more = strlen(formula.latex);
    char *all = b_arena_alloc(arena, before + more + 2, 1);
    if (!all)
        return b_arena_refused(arena, "assembly", err);
    if (before > 0) {
        memcpy(all, *latex, before);
        all[before] = ' ';
    }
    memcpy(all + before + (before > 0), formula.latex, more + 1);
    *latex = all;
    return B_OK;
}

static enum b_code read_run(struct finder *f, int32_t block, const struct dp_inline_run *run, struct b_err *err)
{
    struct dp_page *page = f->a->page;
    char *latex = NULL;
    enum b_code code = B_OK;
    f->confidence = 1;
    f->box = page->words[f->text->letters[run->first].word].bbox;
    for (int32_t from = run->first, to; from <= run->last && code == B_OK && f->confidence >= DP_FORMULA_SURE; from = to + 1) {
        to = from;
        while (to < run->last && !f->text->chars[to + 1].row)
            to++;
        code = read_row(f, from, to, &latex, err);
    }
    if (code != B_OK || f->confidence < DP_FORMULA_SURE || !latex)
        return code;
    for (int32_t i = run->first; i <= run->last; i++) {
        const struct dp_inline_char *c = &f->text->chars[i];
        const struct dp_rect word = page->words[f->text->letters[i].word].bbox;
        const struct dp_rect box = {c->x0, word.y0, fmaxf(c->x1, c->x0), word.y1};
        f->box = i == run->first ? box : dp_rect_union(f->box, box);
    }
    const char *kept = b_arena_text(page->arena, latex, strlen(latex));
    if (!kept)
        return b_arena_refused(page->arena, "assembly", err);
    f->spans[f->n_spans++] = (struct dp_span){.block = block,
                                              .begin = f->text->letters[run->first].begin,
                                              .end = f->text->letters[run->last].end,
                                              .kind = DP_SPAN_FORMULA,
                                              .latex = kept,
                                              .bbox = f->box,
                                              .confidence = f->confidence};
    return B_OK;
}

static bool is_flow(const struct dp_block *b)
{
    return b->n_lines > 0 && b->source == DP_FROM_TEXT_LAYER && b->table == DP_NONE && b->text[0] &&
           !(b->flags & (DP_FLAG_TURNED | DP_FLAG_VERTICAL | DP_FLAG_UNREADABLE | DP_FLAG_HIDDEN)) && b->type != DP_FORMULA &&
           b->type != DP_CODE && b->type != DP_FIGURE && b->type != DP_CHART && b->type != DP_PAGE_NUMBER;
}

/* The text font that formulas of the page take their letters from, or NULL. */
static enum b_code find_italic(struct dp_assembly *a, const struct dp_glyph_words *words, struct block_text *text, const char **italic,
                               struct b_err *err)
{
    for (int32_t i = 0; i < a->page->n_blocks && !*italic; i++) {
        const struct dp_block *b = &a->page->blocks[i];
        struct dp_inline_run *runs;
        int32_t n = 0;
        if (!is_flow(b) || !lay_out(a, words, b, text))
            continue;
        const enum b_code code = dp_formula_inline(text->chars, text->n, NULL, a->arena, &runs, &n, err);
        if (code != B_OK)
            return code;
        for (int32_t k = 0; k < n && !*italic; k++)
            *italic = runs[k].italic;
    }
    return B_OK;
}

static enum b_code search_block(struct dp_assembly *a, const struct dp_glyph_words *words, int32_t block, struct block_text *text,
                                struct finder *f, struct b_err *err)
{
    const struct dp_block *b = &a->page->blocks[block];
    struct dp_inline_run *runs;
    int32_t n = 0;
    if (!is_flow(b) || !lay_out(a, words, b, text))
        return B_OK;
    mark_fractions(a, text);
    enum b_code code = dp_formula_inline(text->chars, text->n, f->italic, a->arena, &runs, &n, err);
    if (code == B_OK && n == 1 && runs[0].first == 0 && runs[0].last + 2 >= text->n) /* no prose around it */
        return B_OK;
    for (int32_t i = 0; i < n && code == B_OK && f->n_spans < SPANS_MOST; i++)
        code = read_run(f, block, &runs[i], err);
    return code;
}

enum b_code dp_inline_formulas_find(struct dp_assembly *a, struct b_err *err)
{
    struct dp_page *page = a->page;
    struct dp_glyph_words words;
    bool known;
    if (!a->sheet || a->sheet->n_glyphs == 0 || a->frame.warped || a->frame.turns || a->main_direction != 0)
        return B_OK;
    enum b_code code = dp_glyph_words_find(a, &words, &known, err);
    if (code != B_OK || !known)
        return code;
    struct block_text text = {.letters = B_ARENA_ARRAY(a->arena, CHARS_MOST, struct letter),
                              .chars = B_ARENA_ARRAY(a->arena, CHARS_MOST, struct dp_inline_char),
                              .room = CHARS_MOST};
    struct finder f = {.a = a, .words = &words, .text = &text, .glyphs = B_ARENA_ARRAY(a->arena, DP_FORMULA_GLYPHS, struct dp_glyph)};
    f.spans = B_ARENA_ARRAY(a->arena, SPANS_MOST, struct dp_span);
    if (!text.letters || !text.chars || !f.glyphs || !f.spans)
        return b_arena_refused(a->arena, "assembly", err);
    code = find_italic(a, &words, &text, &f.italic, err);
    for (int32_t i = 0; i < page->n_blocks && code == B_OK; i++)
        code = search_block(a, &words, i, &text, &f, err);
    if (code != B_OK || f.n_spans == 0)
        return code;
    page->spans = B_ARENA_ARRAY(page->arena, (size_t)f.n_spans, struct dp_span);
    if (!page->spans)
        return b_arena_refused(page->arena, "assembly", err);
    memcpy(page->spans, f.spans, (size_t)f.n_spans * sizeof *f.spans);
    page->n_spans = f.n_spans;
    return B_OK;
}
