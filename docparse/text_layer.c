/* SPDX-License-Identifier: Apache-2.0 */
/* Groups the words of a text layer into lines. First along the file's own order, where neighbours on one
 * baseline belong together; then pieces of one row that nearly touch; then scripts, parts of fractions and large
 * signs that stand in a hole of a row, which Poppler takes for lines of their own. Never across a gap wider than a
 * word space can be: columns are assembly's business. Invariant: every word with a visible character is
 * in exactly one line. */
#include "docparse/text_layer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/formula/formula.h"
#include "engine/base/utf8.h"

#define DOMAIN "text layer"
#define GAP_WORDS 1.0f     /* ems between neighbours in the file's order; justified text reaches 0.8 */
#define GAP_GUTTER 0.9f    /* ems between columns, at least; LaTeX sets them 1 apart */
#define GUTTER_NEAR 8.0f   /* ems above and below, over which no word crosses a gutter */
#define GUTTER_FAR 20.0f   /* ems above and below, over which words start at its right edge */
#define GUTTER_STARTS 4    /* such words */
#define EDGE_SAME 0.2f     /* ems between such starts */
#define GAP_BROKEN 0.35f   /* ems when the file breaks the line there (Poppler breaks at raised characters) */
#define GAP_PIECES 0.45f   /* ems between pieces of one row that are not neighbours in the file */
#define BACK 0.5f          /* ems a word may start before the end of its neighbour: kerning, accents */
#define TOUCHING 0.08f     /* ems: below there is no space between two words */
#define TALLER 1.25f       /* than a line: a word that is turned */
#define TOUCHING_CJK 0.30f /* ems: CJK has no spaces, its characters stand apart by side bearings */
#define SCRIPT_SIZE 0.86f  /* of the row's font size, at most */
#define SCRIPT_REACH 0.8f  /* ems between the middles of a row and of what stands in a hole of it; rows are 1.2 apart */
#define SCRIPT_LONG 12.0f  /* ems */
#define APART 0.3f         /* of the lower box: between the middles of two that stand one above the other */
#define HOLE_EDGE 0.15f    /* ems that a script may stand over its neighbour: italic letters lean */
#define PIECE_WORDS 12
#define ROW_SIZE 0.9f      /* of a sign's size, that its row has at least */
#define ROW_SHARE 0.4f     /* of a row's characters that are of its size, at least */
#define ROW_CHARS 200      /* that are looked at */
#define SIGNS_MOST 2000    /* signs that are looked for among the glyphs of one page */
#define STEPS_MOST 500000  /* words of rows that are looked at for holes; a page of formulas needs some hundreds */
#define ROUNDS 3
#define HOLE_SIDE 0.45f    /* ems between a script and its nearer neighbour */
#define HOLE_LEAST 0.8f    /* of a script's width: more than the space between two words */
#define HOLE_SPARE 1.3f    /* ems of a hole that are left when the script is in it */

/* A word in its line's frame: `along` grows in reading direction, `across` downwards of the characters. */
struct span {
    float a0, a1, c0, c1;
};

struct grouping {
    const struct dp_sheet *sheet;
    uint8_t *direction; /* per word */
    bool *upright;      /* per word: vertical CJK */
    float *em;          /* per word: font size, pixels */
    struct span *core;  /* per line: box of its largest word, and where it ends */
    struct dp_layer_line *lines;
    int32_t n_lines;
    int32_t *next; /* per word: next word of its line or -1 */
    int32_t *tail; /* per line: last word */
    int32_t *head;
    int32_t looks, steps; /* left of SIGNS_MOST, STEPS_MOST */
};

static struct span span_of(struct dp_rect b, int direction)
{
    switch (direction) {
    case 1:
        return (struct span){b.y0, b.y1, -b.x1, -b.x0};
    case 2:
        return (struct span){-b.x1, -b.x0, -b.y1, -b.y0};
    case 3:
        return (struct span){-b.y1, -b.y0, b.x0, b.x1};
    default:
        return (struct span){b.x0, b.x1, b.y0, b.y1};
    }
}

/* First and last code point, number of visible ones, and how many of them are CJK or right-to-left. */
struct glance {
    uint32_t first, last;
    int visible, cjk, rtl;
};

static struct glance glance_at(const char *text)
{
    struct glance g = {0};
    const size_t len = strlen(text);
    for (size_t pos = 0; pos < len;) {
        const uint32_t cp = b_utf8_next(text, len, &pos);
        if (b_cp_is_space(cp) || b_cp_is_control(cp))
            continue;
        g.first = g.visible++ ? g.first : cp;
        g.last = cp;
        g.cjk += b_cp_is_cjk(cp);
        g.rtl += b_cp_is_rtl(cp);
    }
    return g;
}

static float em_of(const struct dp_word *w, double dpi, int direction)
{
    const float across = direction & 1 ? w->bbox.x1 - w->bbox.x0 : w->bbox.y1 - w->bbox.y0;
    float em = dpi > 0 && w->font_size > 0 ? (float)(w->font_size * dpi / 72.0) : across;
    /* A font size that does not fit the box is scaled by a matrix the loader did not see. */
    if (em > 3.0f * across || em < across / 3.0f)
        em = across;
    return em > 1.0f ? em : 1.0f;
}

/* A word much taller than wide with several characters is turned or vertical. Boxes are as high as a line, 1 to 1.5 em
 * and more in Arabic faces, so that a short upright word ("of") is narrow as well: only what is longer than that tells. */
static bool looks_tall(const struct dp_word *w, double dpi, int visible, float line)
{
    const float wide = w->bbox.x1 - w->bbox.x0, tall = w->bbox.y1 - w->bbox.y0;
    return visible >= 2 && tall > 1.6f * wide && tall > fmaxf(1.6f, TALLER * line) * em_of(w, dpi, 1);
}

static int by_value(const void *p, const void *q)
{
    const float a = *(const float *)p, b = *(const float *)q;
    return (a > b) - (a < b);
}

/* Usual height of a line's box, ems: of words that are wider than high. 0 when there are few. ems: scratch, one a word. */
static float line_height(const struct dp_sheet *s, float *ems)
{
    size_t n = 0;
    for (int32_t i = 0; i < s->n_words; i++) {
        const struct dp_word *w = &s->words[i];
        if (w->bbox.x1 - w->bbox.x0 > w->bbox.y1 - w->bbox.y0)
            ems[n++] = (w->bbox.y1 - w->bbox.y0) / em_of(w, s->dpi, 0);
    }
    if (n * 4 < (size_t)s->n_words)
        return 0;
    qsort(ems, n, sizeof *ems, by_value);
    return n > 0 ? ems[n / 2] : 0;
}

/* Directions of all words: from their own shape, else from a turned neighbour in the same file order. */
static void find_directions(struct grouping *g)
{
    const struct dp_sheet *s = g->sheet;
    const float line = line_height(s, g->em); /* the ems themselves are not known yet */
    for (int32_t i = 0; i < s->n_words; i++) {
        const struct dp_word *w = &s->words[i];
        const struct glance look = glance_at(w->text);
        if (!looks_tall(w, s->dpi, look.visible, line))
            continue;
        g->upright[i] = look.cjk * 2 > look.visible;
        g->direction[i] = g->upright[i] ? 1 : 3;
        if (g->upright[i])
            continue;
        /* Reading up or down: from the previous or next word of the same column. */
        for (int32_t d = -1; d <= 1; d += 2) {
            const int32_t j = i + d;
            if (j < 0 || j >= s->n_words || !looks_tall(&s->words[j], s->dpi, glance_at(s->words[j].text).visible, line))
                continue;
            const struct dp_rect a = s->words[i].bbox, b = s->words[j].bbox;
            if (a.x1 <= b.x0 || b.x1 <= a.x0)
                continue;
            const bool next_below = d > 0 ? b.y0 > a.y0 : a.y0 > b.y0;
            g->direction[i] = next_below ? 1 : 3;
        }
    }
    /* Single characters between turned words ("2" in "Figure 2 of") take the side of their predecessor. */
    for (int32_t i = 1; i < s->n_words; i++) {
        const int before = g->direction[i - 1];
        if (g->direction[i] || !before || glance_at(s->words[i].text).visible != 1)
            continue;
        const struct span a = span_of(s->words[i - 1].bbox, before), b = span_of(s->words[i].bbox, before);
        const float em = em_of(&s->words[i - 1], s->dpi, before);
        const float overlap = fminf(a.c1, b.c1) - fmaxf(a.c0, b.c0);
        if (overlap > 0.5f * (b.c1 - b.c0) && b.a0 - a.a1 < em && b.a0 - a.a1 > -0.3f * em) {
            g->direction[i] = (uint8_t)before;
            g->upright[i] = g->upright[i - 1];
        }
    }
}

/* Whether `w` stands on the baseline of a line whose main box is `core`: same row, or raised/lowered. */
static bool same_row(struct span core, struct span w, float em_line, float em_word)
{
    const float overlap = fminf(core.c1, w.c1) - fmaxf(core.c0, w.c0);
    const float smaller = fminf(core.c1 - core.c0, w.c1 - w.c0);
    const float ratio = em_word / em_line;
    if (ratio < 0.8f || ratio > 1.25f)
        return overlap > 0.35f * smaller; /* raised, lowered or initial characters */
    return overlap > 0.6f * smaller;
}

/* The gap in front of a word is the gutter between two columns: above and below, no word crosses its middle and several
 * start at its right edge. */
static bool is_gutter(struct grouping *g, int32_t word, float from, float to)
{
    const struct dp_sheet *s = g->sheet;
    const int dir = g->direction[word];
    const struct span w = span_of(s->words[word].bbox, dir);
    const float em = g->em[word], middle = (from + to) * 0.5f;
    int32_t starts = 0;
    g->steps -= s->n_words;
    for (int32_t i = 0; i < s->n_words && g->steps > 0; i++) {
        const struct span o = span_of(s->words[i].bbox, dir);
        const float away = fmaxf(o.c0 - w.c1, w.c0 - o.c1);
        if (g->direction[i] != dir || away > GUTTER_FAR * em)
            continue;
        if (o.a0 < middle && o.a1 > middle && away < GUTTER_NEAR * em)
            return false;
        starts += fabsf(o.a0 - w.a0) < EDGE_SAME * em;
    }
    return starts > GUTTER_STARTS; /* the word itself is one */
}

static bool continues(struct grouping *g, int32_t line, int32_t prev, int32_t word)
{
    const struct dp_sheet *s = g->sheet;
    const int dir = g->direction[word];
    if (g->direction[prev] != dir || g->upright[prev] != g->upright[word])
        return false;
    const struct span p = span_of(s->words[prev].bbox, dir), w = span_of(s->words[word].bbox, dir);
    const float em = fminf(g->em[prev], g->em[word]), big = fmaxf(g->em[prev], g->em[word]);
    if (!same_row(g->core[line], w, g->lines[line].size, g->em[word]))
        return false;
    if (em < 0.4f * big && !(w.a0 - p.a1 < 0.3f * em))
        return false;
    float gap = w.a0 - p.a1;
    const struct glance a = glance_at(s->words[prev].text), b = glance_at(s->words[word].text);
    if (a.rtl + b.rtl > 0 && p.a0 - w.a1 > gap)
        gap = p.a0 - w.a1; /* right-to-left neighbours: the next word ends before this one starts */
    const float limit = s->words[prev].joined                        ? 2.0f
                        : s->word_line_end && s->word_line_end[prev] ? GAP_BROKEN
                                                                     : GAP_WORDS;
    if (gap >= limit * big || gap <= -BACK * big - (s->words[prev].joined ? em : 0))
        return false;
    return gap < GAP_GUTTER * big || p.a0 > w.a0 || !is_gutter(g, word, p.a1, w.a0);
}

static void put_word(struct grouping *g, int32_t line, int32_t word)
{
    struct dp_layer_line *l = &g->lines[line];
    const struct span w = span_of(g->sheet->words[word].bbox, g->direction[word]);
    const struct dp_rect b = g->sheet->words[word].bbox;
    if (l->count == 0) {
        g->head[line] = word;
        l->direction = g->direction[word];
        l->vertical = g->upright[word];
        l->bbox = b;
        l->size = g->em[word];
        g->core[line] = w;
    } else {
        g->next[g->tail[line]] = word;
        l->bbox.x0 = fminf(l->bbox.x0, b.x0);
        l->bbox.y0 = fminf(l->bbox.y0, b.y0);
        l->bbox.x1 = fmaxf(l->bbox.x1, b.x1);
        l->bbox.y1 = fmaxf(l->bbox.y1, b.y1);
        struct span *core = &g->core[line];
        if (g->em[word] > 1.05f * l->size) {
            l->size = g->em[word];
            core->c0 = w.c0;
            core->c1 = w.c1;
        }
        core->a0 = fminf(core->a0, w.a0);
        core->a1 = fmaxf(core->a1, w.a1);
    }
    g->tail[line] = word;
    l->count++;
}

/* Pass 1: along the file's order. */
static void group_along(struct grouping *g)
{
    const struct dp_sheet *s = g->sheet;
    int32_t prev = -1;
    for (int32_t i = 0; i < s->n_words; i++) {
        if (glance_at(s->words[i].text).visible == 0)
            continue;
        const int32_t line = g->n_lines - 1;
        if (prev >= 0 && continues(g, line, prev, i)) {
            put_word(g, line, i);
        } else {
            g->lines[g->n_lines] = (struct dp_layer_line){0};
            put_word(g, g->n_lines++, i);
        }
        prev = i;
    }
}

struct row_key {
    float across;
    int32_t line;
};

static int by_across(const void *a, const void *b)
{
    const struct row_key *x = a, *y = b;
    if (x->across != y->across)
        return x->across < y->across ? -1 : 1;
    return x->line < y->line ? -1 : x->line > y->line;
}

static bool is_script(const struct grouping *g, int32_t line, int32_t word)
{
    return g->em[word] < SCRIPT_SIZE * g->lines[line].size;
}

static bool is_mark(uint32_t cp)
{
    return (cp >= 0x300 && cp < 0x370) || (cp >= 0x20D0 && cp < 0x2100);
}

/* One above the other. */
static bool stand_apart(struct span p, struct span q)
{
    return fabsf(p.c0 + p.c1 - q.c0 - q.c1) > 2 * APART * fminf(p.c1 - p.c0, q.c1 - q.c0);
}

/* How far the first word of the right piece may stand over the last one of the left piece, in ems: parts of one sign
 * (of U+2245), an accent over its letter, a limit below the other. */
static float may_overlap(const struct grouping *g, int32_t left, int32_t right, float em)
{
    const struct dp_word *words = g->sheet->words;
    const int32_t tail = g->tail[left], head = g->head[right];
    const struct span p = span_of(words[tail].bbox, g->direction[tail]), q = span_of(words[head].bbox, g->direction[head]);
    const struct glance a = glance_at(words[tail].text), b = glance_at(words[head].text);
    const bool same = fabsf(p.a0 - q.a0) < HOLE_EDGE * em && fabsf(p.a1 - q.a1) < HOLE_EDGE * em;
    const bool limits = is_script(g, left, tail) && is_script(g, right, head) && stand_apart(p, q);
    if (limits || (same && a.visible == 1 && b.visible == 1 && b.first == '=' && a.first == 0x223C))
        return 0.2f + (p.a1 - p.a0) / em;
    return b.visible > 0 && is_mark(b.first) ? 1.2f : 0.2f;
}

static bool touches(const struct grouping *g, int32_t left, int32_t right)
{
    const struct dp_layer_line *l = &g->lines[left], *r = &g->lines[right];
    if (l->direction != r->direction || l->vertical != r->vertical)
        return false;
    /* Of the words that meet: a drop cap far away makes the gap no smaller. */
    const float em = fmaxf(g->em[g->tail[left]], g->em[g->head[right]]), gap = g->core[right].a0 - g->core[left].a1;
    const struct span *small = l->size < r->size ? &g->core[left] : &g->core[right];
    const struct span *large = l->size < r->size ? &g->core[right] : &g->core[left];
    if (!same_row(*large, *small, fmaxf(l->size, r->size), fminf(l->size, r->size)))
        return false;
    if (glance_at(g->sheet->words[g->tail[left]].text).rtl || glance_at(g->sheet->words[g->head[right]].text).rtl)
        return false; /* which of the two is read first is not known here */
    return gap < GAP_PIECES * em && gap > -may_overlap(g, left, right, em) * em;
}

/* Appends line `right` to line `left`. */
static void append_line(struct grouping *g, int32_t left, int32_t right)
{
    for (int32_t w = g->head[right], after; w >= 0; w = after) {
        after = g->next[w];
        g->next[w] = -1;
        put_word(g, left, w);
    }
    g->lines[right].count = 0;
}

/* Pass 2: pieces of one row that nearly touch, whatever the file's order. Rows are looked for within a
 * window of neighbours sorted across the reading direction. */
static void join_pieces(struct grouping *g, struct row_key *keys)
{
    enum { WINDOW = 48 }; /* pieces of one row: more than any table has columns */
    for (int direction = 0; direction < 4; direction++) {
        int32_t n = 0;
        for (int32_t i = 0; i < g->n_lines; i++)
            if (g->lines[i].direction == direction && g->lines[i].count > 0)
                keys[n++] = (struct row_key){(g->core[i].c0 + g->core[i].c1) * 0.5f, i};
        qsort(keys, (size_t)n, sizeof *keys, by_across);
        for (int32_t i = 0; i < n; i++) {
            for (int32_t k = -WINDOW; k <= WINDOW; k++) {
                const int32_t j = i + k;
                if (k == 0 || j < 0 || j >= n)
                    continue;
                const int32_t left = keys[i].line, right = keys[j].line;
                if (g->lines[left].count == 0 || g->lines[right].count == 0 || !touches(g, left, right))
                    continue;
                append_line(g, left, right);
                k = -WINDOW - 1; /* the line has grown: look again from its new end */
            }
        }
    }
}

/* A hole of a line: the words before and behind it, and where a script is put that stands there. */
struct hole {
    int32_t before; /* the word that the script follows; -1: it is the first */
    float off;      /* between the middles of line and script */
};

/* Whether the words from..to, which stand in `w` and are smaller than the row or one large sign, have a hole of the line
 * for themselves. */
static bool find_hole(struct grouping *g, int32_t line, struct span w, struct hole *out)
{
    const struct dp_sheet *s = g->sheet;
    const struct dp_layer_line *l = &g->lines[line];
    const struct span core = g->core[line];
    const float em = l->size, edge = HOLE_EDGE * em, mid = 0.5f * (w.c0 + w.c1);
    float left = -HUGE_VALF, right = HUGE_VALF, a0 = w.a0, a1 = w.a1; /* a0, a1: of all that is in the hole */
    *out = (struct hole){.before = -1, .off = fabsf(mid - 0.5f * (core.c0 + core.c1))};
    if (out->off > SCRIPT_REACH * em || w.a1 < core.a0 - em || w.a0 > core.a1 + em)
        return false;
    for (int32_t k = g->head[line]; k >= 0; k = g->next[k]) {
        const struct span q = span_of(s->words[k].bbox, l->direction);
        const float over = fminf(w.a1, q.a1) - fmaxf(w.a0, q.a0);
        if (--g->steps < 0 || glance_at(s->words[k].text).rtl > 0)
            return false;
        if (!is_script(g, line, k)) {
            if (over > edge)
                return false;
        } else if (over > edge) { /* the other part of a fraction, or the other limit */
            if (!stand_apart(w, q))
                return false;
            if (mid > 0.5f * (q.c0 + q.c1))
                out->before = k;
            a0 = fminf(a0, q.a0);
            a1 = fmaxf(a1, q.a1);
            continue;
        }
        if (q.a0 + q.a1 < w.a0 + w.a1) {
            left = fmaxf(left, q.a1);
            out->before = k;
        } else {
            right = fminf(right, q.a0);
        }
    }
    return (a0 - left < HOLE_SIDE * em || right - a1 < HOLE_SIDE * em) &&
           (!isfinite(left) || !isfinite(right) ||
            (right - left < a1 - a0 + HOLE_SPARE * em && right - left > HOLE_LEAST * (a1 - a0)));
}

/* Whether most characters of the line are of its size: a drop cap makes no row of the lines beside it. */
static bool is_row(const struct grouping *g, int32_t line)
{
    int large = 0, all = 0;
    for (int32_t k = g->head[line]; k >= 0 && all < ROW_CHARS; k = g->next[k]) {
        const int n = glance_at(g->sheet->words[k].text).visible;
        all += n;
        large += is_script(g, line, k) ? 0 : n;
    }
    return (float)large >= ROW_SHARE * (float)all;
}

/* Takes `piece`, which stands in the hole, into the line. */
static void fill_hole(struct grouping *g, int32_t line, const struct hole *hole, int32_t piece)
{
    struct dp_layer_line *l = &g->lines[line], *p = &g->lines[piece];
    const int32_t behind = hole->before >= 0 ? g->next[hole->before] : g->head[line];
    if (hole->before >= 0)
        g->next[hole->before] = g->head[piece];
    else
        g->head[line] = g->head[piece];
    g->next[g->tail[piece]] = behind;
    if (behind < 0)
        g->tail[line] = g->tail[piece];
    l->bbox = (struct dp_rect){fminf(l->bbox.x0, p->bbox.x0), fminf(l->bbox.y0, p->bbox.y0), fmaxf(l->bbox.x1, p->bbox.x1),
                               fmaxf(l->bbox.y1, p->bbox.y1)};
    g->core[line].a0 = fminf(g->core[line].a0, g->core[piece].a0);
    g->core[line].a1 = fmaxf(g->core[line].a1, g->core[piece].a1);
    l->count += p->count;
    p->count = 0;
}

/* The ink of a sign that is a word of its own, whose box is where its font puts it: roots and sums hang from their
 * baselines. False where the sheet has no such glyph. */
static bool ink_of(const struct grouping *g, int32_t word, struct span *out)
{
    const struct dp_sheet *s = g->sheet;
    const struct dp_rect b = s->words[word].bbox;
    float best = g->em[word];
    for (int32_t i = 0; i < s->n_glyphs; i++) {
        const struct dp_glyph *k = &s->glyphs[i];
        const float off = fabsf(k->y - b.y1);
        if (fabsf(k->x - b.x0) > 0.1f * g->em[word] || !(k->ink.x1 > k->ink.x0) || k->font == DP_NONE || off >= best ||
            !dp_font_is_mathematical(s->glyph_fonts[k->font]))
            continue;
        best = off;
        *out = span_of(k->ink, g->direction[word]);
    }
    return best < g->em[word];
}

static bool is_sign(const struct grouping *g, int32_t word)
{
    const struct dp_word *w = &g->sheet->words[word];
    return w->font && dp_font_is_mathematical(w->font) && glance_at(w->text).visible == 1;
}

/* A piece of scripts and large signs, and where its ink stands. */
static bool is_loose(struct grouping *g, int32_t line, float row, struct span *out)
{
    int signs = 0;
    *out = g->core[line];
    for (int32_t k = g->head[line]; k >= 0; k = g->next[k]) {
        struct span ink = {0};
        if (g->em[k] < SCRIPT_SIZE * row)
            continue;
        if (signs++ > 0 || !is_sign(g, k) || --g->looks < 0)
            return false;
        if (ink_of(g, k, &ink)) {
            out->c0 = ink.c0;
            out->c1 = ink.c1;
        }
    }
    return true;
}

/* Pass 3: scripts, parts of fractions and large signs as pieces of their own go into the nearest row that has a hole
 * for them. */
static bool fill_holes(struct grouping *g, struct row_key *keys)
{
    enum { WINDOW = 48 };
    int32_t n = 0;
    bool any = false;
    for (int32_t i = 0; i < g->n_lines; i++)
        if (g->lines[i].count > 0 && !g->lines[i].vertical)
            keys[n++] = (struct row_key){(g->core[i].c0 + g->core[i].c1) * 0.5f, i};
    qsort(keys, (size_t)n, sizeof *keys, by_across);
    for (int32_t i = 0; i < n; i++) {
        const int32_t piece = keys[i].line;
        const struct dp_layer_line *p = &g->lines[piece];
        struct hole best = {.off = HUGE_VALF};
        struct span w = g->core[piece];
        int32_t line = -1;
        float row = 0;
        bool loose = false;
        for (int32_t j = i > WINDOW ? i - WINDOW : 0; j < n && j <= i + WINDOW; j++) {
            const struct dp_layer_line *l = &g->lines[keys[j].line];
            struct hole h;
            if (j == i || l->count == 0 || l->direction != p->direction || p->count > PIECE_WORDS ||
                w.a1 - w.a0 > SCRIPT_LONG * l->size || l->size < p->size * ROW_SIZE)
                continue;
            if (l->size != row)
                loose = is_loose(g, piece, row = l->size, &w);
            if (loose && find_hole(g, keys[j].line, w, &h) && h.off < best.off && is_row(g, keys[j].line)) {
                best = h;
                line = keys[j].line;
            }
        }
        if (line >= 0)
            fill_hole(g, line, &best, piece);
        any = any || line >= 0;
    }
    return any;
}

static bool no_space(const struct grouping *g, int32_t a, int32_t b)
{
    const struct dp_sheet *s = g->sheet;
    if (s->words[a].joined && b == a + 1)
        return true;
    const int dir = g->direction[a];
    const struct span p = span_of(s->words[a].bbox, dir), w = span_of(s->words[b].bbox, dir);
    const struct glance ga = glance_at(s->words[a].text), gb = glance_at(s->words[b].text);
    const bool cjk = b_cp_is_cjk(ga.last) && b_cp_is_cjk(gb.first);
    /* A drop cap and the rest of its word. */
    if (g->em[a] > 1.6f * g->em[b] && ga.first == ga.last && ga.first >= 'A' && ga.first <= 'Z' && gb.first >= 'a' &&
        gb.first <= 'z')
        return true;
    const float gap = ga.rtl + gb.rtl > 0 ? fmaxf(p.a0 - w.a1, w.a0 - p.a1) : w.a0 - p.a1;
    return gap < (cjk ? TOUCHING_CJK : TOUCHING) * fminf(g->em[a], g->em[b]);
}

static void write_out(const struct grouping *g, struct dp_layer *out)
{
    const struct dp_sheet *s = g->sheet;
    int32_t at = 0, kept = 0;
    for (int32_t i = 0; i < g->n_lines; i++) {
        struct dp_layer_line l = g->lines[i];
        if (l.count == 0)
            continue;
        l.first = at;
        l.hidden = true;
        for (int32_t w = g->head[i]; w >= 0; w = g->next[w]) {
            out->joined[at] = g->next[w] >= 0 && no_space(g, w, g->next[w]);
            out->order[at++] = w;
            l.hidden = l.hidden && s->word_hidden && s->word_hidden[w];
        }
        out->lines[kept++] = l;
    }
    out->n_lines = kept;
    out->n_words = at;
}

/* The words are invisible, put over a picture by a program that read it: their sizes are guesses, and tell no scripts. */
static bool is_guessed(const struct dp_sheet *s)
{
    int32_t hidden = 0;
    for (int32_t i = 0; s->word_hidden && i < s->n_words; i++)
        hidden += s->word_hidden[i] != 0;
    return hidden * 2 > s->n_words;
}

enum b_code dp_text_layer_group(const struct dp_sheet *sheet, struct b_arena *arena, struct dp_layer *out,
                                struct b_err *err)
{
    const size_t n = (size_t)(sheet->n_words > 0 ? sheet->n_words : 0);
    *out = (struct dp_layer){0};
    struct grouping g = {.sheet = sheet, .looks = SIGNS_MOST, .steps = STEPS_MOST};
    g.direction = B_ARENA_ARRAY(arena, n, uint8_t);
    g.upright = B_ARENA_ARRAY(arena, n, bool);
    g.em = B_ARENA_ARRAY(arena, n, float);
    g.core = B_ARENA_ARRAY(arena, n, struct span);
    g.lines = B_ARENA_ARRAY(arena, n, struct dp_layer_line);
    g.next = B_ARENA_ARRAY(arena, n, int32_t);
    g.tail = B_ARENA_ARRAY(arena, n, int32_t);
    g.head = B_ARENA_ARRAY(arena, n, int32_t);
    struct row_key *keys = B_ARENA_ARRAY(arena, n, struct row_key);
    out->order = B_ARENA_ARRAY(arena, n, int32_t);
    out->joined = B_ARENA_ARRAY(arena, n, bool);
    out->lines = B_ARENA_ARRAY(arena, n, struct dp_layer_line);
    if (!g.direction || !g.upright || !g.em || !g.core || !g.lines || !g.next || !g.tail || !g.head || !keys ||
        !out->order || !out->joined || !out->lines)
        return b_arena_refused(arena, DOMAIN, err);
    find_directions(&g);
    for (size_t i = 0; i < n; i++) {
        g.next[i] = -1;
        g.em[i] = em_of(&sheet->words[i], sheet->dpi, g.direction[i]);
    }
    group_along(&g);
    join_pieces(&g, keys);
    const int rounds = is_guessed(sheet) ? 0 : ROUNDS;
    for (int round = 0; round < rounds && fill_holes(&g, keys); round++) /* a denominator brings its row to the numerator */
        join_pieces(&g, keys);
    write_out(&g, out);
    return B_OK;
}
