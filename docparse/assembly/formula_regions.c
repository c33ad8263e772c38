/* SPDX-License-Identifier: Apache-2.0 */
/* Where displayed formulas are. Glyphs outside of running text that stand close to each other are one region;
 * regions of one row, their number at the margin and rows that follow each other closely belong together. A region
 * is a display when it holds signs of mathematics and no running text stands beside it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/assembly/formula_private.h"
#include "engine/base/utf8.h"

#define GLYPHS_MOST 6000 /* outside of running text: more are a drawing */
#define BESIDE 0.8f      /* sizes between neighbours of one row */
#define BELOW 0.42f      /* sizes between what stands one below the other */
#define CORNER 0.5f      /* sizes between an integral and the limits at its corners; the largest reach downwards */
#define ROW_GAP 2.6f     /* sizes between parts of one row of a display */
#define LINE_GAP 0.95f   /* sizes between rows of one display */
#define PROSE_GAP 1.6f   /* sizes between a display and running text beside it */
#define TALL 1.5f        /* sizes: a bracket around something */
#define GUTTER 0.9f      /* sizes between columns, at least */
#define GUTTER_ROWS 6.0f /* lines' heights above and below, over which no line crosses a gutter */
#define BAR_SHARE 0.6f   /* of the page's width: wider lines part the page */
#define LEADERS 14       /* full stops that no formula has: four rows of dots have twelve */
#define INDENT 2.5f      /* body sizes that the first line of a paragraph may be indented by */
#define NEXT_ROW 1.45f    /* row heights between rows of one paragraph */
#define ROW_WORDS 2      /* long words of a row of a paragraph that is mostly mathematics */
#define NEAR_LINES 24    /* lines before and behind one among which its paragraph's are */
#define ROUNDS 8
#define LONG_WORD 3      /* letters */
#define PROSE_WORDS 4    /* long words from which a line is running text */
#define WORDS_SHARE 0.4f /* of a line's characters in long words, from which they are words */
#define TABLE_RULES 3    /* from one edge to the other: head, body and foot of a table; a fraction has one */
#define RULE_REACH 4.0f  /* lines' heights between a region and the rules of its table above and below */

struct node {
    struct dp_rect box;
    float size, base;
    int32_t glyph, group;
    uint8_t kind; /* enum dp_glyph_kind */
    bool ties, point;
    bool words; /* of a line of words */
    bool bar;
};

static bool is_name(const char *word, size_t len)
{
    static const char *const names[] = {
        "sin",    "cos",    "tan", "log", "exp",  "lim",  "max",  "min",    "sup",    "inf",    "det",    "dim",
        "ker",    "gcd",    "mod", "arg", "sinh", "cosh", "tanh", "limsup", "liminf", "arcsin", "arccos", "arctan",
        "argmax", "argmin", "sgn", "deg", "cot",  "sec",  "csc",  "hom",    "tr",     "Tr",     "rank",   "diag"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strlen(names[i]) == len && memcmp(names[i], word, len) == 0)
            return true;
    return false;
}

/* Counts of one line. */
struct tally {
    int32_t signs, letters, prose, all, words, mono;
};

static void count_word(const struct dp_word *w, struct tally *t)
{
    const size_t len = strlen(w->text);
    size_t run = 0, start = 0;
    for (size_t pos = 0, from = 0; pos <= len; from = pos) {
        const uint32_t cp = pos < len ? b_utf8_next(w->text, len, &pos) : 0;
        const struct dp_glyph g = {.cp = cp};
        const enum dp_glyph_kind kind = cp ? dp_glyph_kind(&g, w->font) : DP_GLYPH_NEUTRAL;
        const bool letter = (kind == DP_GLYPH_PROSE || kind == DP_GLYPH_ITALIC) && b_cp_is_letter(cp);
        t->all += cp != 0;
        t->signs += kind == DP_GLYPH_SIGN || kind == DP_GLYPH_EQUALS;
        t->letters += kind == DP_GLYPH_LETTER;
        t->mono += (w->style & DP_MONO) != 0;
        if (letter) {
            start = run++ ? start : from;
        } else {
            if (run >= LONG_WORD && !is_name(w->text + start, from - start)) {
                t->words++;
                t->prose += (int32_t)run;
            }
            run = 0;
        }
        if (cp == 0)
            break;
    }
}

static struct tally count_line(const struct dp_page *page, const struct dp_line *line)
{
    struct tally t = {0};
    for (int32_t i = 0; i < line->n_words; i++)
        count_word(&page->words[line->first_word + i], &t);
    return t;
}

static enum dp_line_kind line_kind(const struct dp_page *page, const struct dp_line *line)
{
    const struct tally t = count_line(page, line);
    if (t.words >= PROSE_WORDS && (float)t.prose > WORDS_SHARE * (float)t.all)
        return DP_LINE_PROSE;
    if ((float)t.prose > WORDS_SHARE * (float)t.all)
        return t.prose > 24 ? DP_LINE_PROSE : DP_LINE_WORDS;
    if (t.mono * 2 > t.all)
        return DP_LINE_PROSE;
    return t.signs + t.letters > 0 ? DP_LINE_MATH : DP_LINE_OTHER;
}

/* Long words of the printed row that the line is a piece of, and the row's box. */
static int32_t row_of(const struct dp_assembly *a, int32_t line, struct dp_rect *box)
{
    const struct dp_page *page = a->page;
    struct tally t = count_line(page, &page->lines[line]);
    *box = page->lines[line].bbox;
    for (int32_t i = line, step = -1; step <= 1; step += 2) /* pieces follow each other in the file's order */
        for (i = line + step; i >= 0 && i < page->n_lines; i += step) {
            const struct dp_rect b = page->lines[i].bbox;
            const float low = fminf(b.y1 - b.y0, box->y1 - box->y0);
            if (dp_overlap(b.y0, b.y1, box->y0, box->y1) < 0.6f * low || fmaxf(b.x0, box->x0) - fminf(b.x1, box->x1) > PROSE_GAP * a->body)
                break;
            const struct tally more = count_line(page, &page->lines[i]);
            t.words += more.words;
            *box = dp_rect_union(*box, b);
        }
    return t.words;
}

/* Whether the row stands in a paragraph with the line of running text b: at its left edge, one row on; a first row may be
 * indented when it reaches the right edge, which no display does. */
static bool is_next_row(const struct dp_assembly *a, struct dp_rect row, struct dp_rect b)
{
    const float step = ((row.y0 + row.y1) - (b.y0 + b.y1)) * 0.5f, indent = row.x0 - b.x0;
    if (fabsf(step) < 0.6f * a->height || fabsf(step) > NEXT_ROW * a->height)
        return false;
    if (indent < -INDENT * a->body || indent > INDENT * a->body)
        return false;
    const bool flush = row.x1 > b.x1 - 0.5f * a->body;
    if (step > 0 && indent < 0.5f * a->body) /* below, perhaps below a first row that is indented */
        return indent > -0.5f * a->body || flush;
    return step < 0 && indent > -0.5f * a->body && flush;
}

void dp_formula_line_kinds(const struct dp_assembly *a, enum dp_line_kind *kinds)
{
    const struct dp_page *page = a->page;
    bool again = true;
    for (int32_t i = 0; i < page->n_lines; i++)
        kinds[i] = line_kind(page, &page->lines[i]);
    for (int round = 0; again && round < ROUNDS; round++) {
        again = false;
        for (int32_t i = 0; i < page->n_lines; i++) {
            struct dp_rect row;
            if (kinds[i] == DP_LINE_PROSE || kinds[i] == DP_LINE_OTHER || row_of(a, i, &row) < ROW_WORDS)
                continue;
            const int32_t from = i > NEAR_LINES ? i - NEAR_LINES : 0;
            for (int32_t k = from; k < page->n_lines && k <= i + NEAR_LINES && kinds[i] != DP_LINE_PROSE; k++)
                if (kinds[k] == DP_LINE_PROSE && is_next_row(a, row, page->lines[k].bbox)) {
                    kinds[i] = DP_LINE_PROSE;
                    again = true;
                }
        }
    }
}

static float gap_x(struct dp_rect a, struct dp_rect b)
{
    return fmaxf(a.x0, b.x0) - fminf(a.x1, b.x1);
}

static float gap_y(struct dp_rect a, struct dp_rect b)
{
    return fmaxf(a.y0, b.y0) - fminf(a.y1, b.y1);
}

static struct dp_rect body_of(const struct dp_glyph *g)
{
    struct dp_rect b = g->ink;
    if (!(b.x1 > b.x0))
        b = (struct dp_rect){g->x, g->y - 0.7f * g->size, g->x + g->advance, g->y};
    if (g->cp == DP_GLYPH_BAR)
        return b;
    b.x0 = fminf(b.x0, g->x);
    b.x1 = fmaxf(b.x1, g->x + g->advance);
    return b;
}

/* The line whose box holds the glyph: of running text first. */
static int32_t line_of(const struct dp_assembly *a, const enum dp_line_kind *kinds, const struct dp_glyph *g)
{
    const float x = g->x + 0.5f * g->advance, y = g->y - 0.25f * g->size;
    int32_t hit = DP_NONE;
    for (int32_t i = 0; i < a->page->n_lines; i++) {
        const struct dp_rect b = a->page->lines[i].bbox;
        if (x < b.x0 || x > b.x1 || y < b.y0 || y > b.y1)
            continue;
        if (kinds[i] == DP_LINE_PROSE)
            return i;
        if (hit == DP_NONE || kinds[i] > kinds[hit])
            hit = i;
    }
    return hit;
}

static int32_t root_of(struct node *nodes, int32_t i)
{
    while (nodes[i].group != i) {
        nodes[i].group = nodes[nodes[i].group].group;
        i = nodes[i].group;
    }
    return i;
}

static int by_top(const void *p, const void *q)
{
    const struct node *a = p, *b = q;
    if (a->box.y0 != b->box.y0)
        return a->box.y0 < b->box.y0 ? -1 : 1;
    return a->glyph - b->glyph;
}

/* Nodes of everything outside of running text, top to bottom. */
static int32_t make_nodes(const struct dp_assembly *a, const enum dp_line_kind *kinds, struct node *nodes)
{
    const struct dp_sheet *s = a->sheet;
    int32_t n = 0;
    for (int32_t i = 0; i < s->n_glyphs && n < GLYPHS_MOST; i++) {
        const struct dp_glyph *g = &s->glyphs[i];
        const bool bar = g->cp == DP_GLYPH_BAR;
        const int32_t line = bar ? DP_NONE : line_of(a, kinds, g);
        if ((line != DP_NONE && kinds[line] == DP_LINE_PROSE) ||
            (bar && g->advance > BAR_SHARE * (float)a->page->width) || (g->cp == ' ' && !(g->ink.x1 > g->ink.x0)) ||
            g->cp == 0xA0 || g->cp == 0x200B)
            continue;
        const char *font = g->font >= 0 ? s->glyph_fonts[g->font] : NULL;
        nodes[n++] = (struct node){.box = body_of(g),
                                   .ties = !bar && dp_glyph_ties(g, font),
                                   .point = g->cp == '.',
                                   .size = bar ? 0 : g->size,
                                   .base = g->y,
                                   .glyph = i,
                                   .kind = (uint8_t)dp_glyph_kind(g, font),
                                   .words = line != DP_NONE && kinds[line] == DP_LINE_WORDS,
                                   .bar = bar};
    }
    qsort(nodes, (size_t)n, sizeof *nodes, by_top);
    for (int32_t i = 0; i < n; i++)
        nodes[i].group = i;
    return n;
}

static bool close_by(const struct node *a, const struct node *b)
{
    const float size = fmaxf(fmaxf(a->size, b->size), 1.0f), dx = gap_x(a->box, b->box), dy = gap_y(a->box, b->box);
    if (a->bar && b->bar)
        return false;
    if (a->words || b->words) /* words only join along their row */
        return a->words == b->words && dx < BESIDE * size && fabsf(a->base - b->base) < 0.2f * size;
    const bool script = !a->bar && !b->bar && (a->size < 0.86f * size || b->size < 0.86f * size);
    if (script && dx < CORNER * size && dy < CORNER * size) /* limits at the corners of an integral */
        return true;
    return (dx < BESIDE * size && dy < 0.1f * size && !a->bar && !b->bar) || (dy < BELOW * size && dx < 0.05f * size);
}

static void join_nodes(struct node *nodes, int32_t n)
{
    float tallest = 0, size = 0;
    for (int32_t i = 0; i < n; i++) {
        tallest = fmaxf(tallest, nodes[i].box.y1 - nodes[i].box.y0);
        size = fmaxf(size, nodes[i].size);
    }
    for (int32_t i = 0; i < n; i++) {
        /* Sorted by top: whatever starts below this one's reach is too far. */
        for (int32_t k = i + 1; k < n && nodes[k].box.y0 < nodes[i].box.y1 + CORNER * size; k++) {
            const int32_t p = root_of(nodes, i), q = root_of(nodes, k);
            if (p != q && close_by(&nodes[i], &nodes[k]))
                nodes[p > q ? p : q].group = p < q ? p : q;
        }
    }
}

static enum b_code collect(struct dp_assembly *a, struct node *nodes, int32_t n, struct dp_glyph_region *regions,
                           int32_t *count, struct b_err *err)
{
    int32_t *glyphs = B_ARENA_ARRAY(a->arena, (size_t)n + 1, int32_t),
            *of = B_ARENA_ARRAY(a->arena, (size_t)n + 1, int32_t);
    if (!glyphs || !of)
        return b_arena_refused(a->arena, "assembly", err);
    *count = 0;
    for (int32_t i = 0; i < n; i++)
        if (root_of(nodes, i) == i) {
            of[i] = *count;
            regions[(*count)++] = (struct dp_glyph_region){.box = nodes[i].box};
        }
    for (int32_t i = 0; i < n; i++)
        regions[of[root_of(nodes, i)]].n_glyphs++;
    for (int32_t r = 0, at = 0; r < *count; r++) {
        regions[r].glyphs = glyphs + at;
        at += regions[r].n_glyphs;
        regions[r].n_glyphs = 0;
    }
    for (int32_t i = 0; i < n; i++) {
        struct dp_glyph_region *r = &regions[of[root_of(nodes, i)]];
        r->glyphs[r->n_glyphs++] = nodes[i].glyph;
        r->box = dp_rect_union(r->box, nodes[i].box);
        const bool bracket = !nodes[i].bar && nodes[i].box.y1 - nodes[i].box.y0 > TALL * nodes[i].size;
        r->signs += nodes[i].kind == DP_GLYPH_SIGN || (bracket && nodes[i].kind == DP_GLYPH_NEUTRAL);
        r->letters += nodes[i].kind == DP_GLYPH_LETTER;
        r->italics += nodes[i].kind == DP_GLYPH_ITALIC;
        r->equals += nodes[i].kind == DP_GLYPH_EQUALS;
        r->words += nodes[i].words && (nodes[i].kind == DP_GLYPH_PROSE || nodes[i].kind == DP_GLYPH_ITALIC);
        r->bars += nodes[i].bar;
        r->all += !nodes[i].bar;
        r->ties += nodes[i].ties || nodes[i].bar || bracket;
        r->points += nodes[i].point;
    }
    return B_OK;
}

static bool is_math(const struct dp_glyph_region *r)
{
    return r->n_glyphs > 0 && r->words * 5 <= r->all * 3 &&
           (r->signs + r->letters > 0 || (r->equals > 0 && r->italics > 0));
}

/* "(12)", "(A.3)": what a display's number looks like. */
static bool is_tag(const struct dp_assembly *a, const struct dp_glyph_region *r)
{
    uint32_t first = 0, last = 0;
    float x0 = 1e30f, x1 = -1e30f;
    if (r->n_glyphs < 3 || r->n_glyphs > 12 || r->box.y1 - r->box.y0 > 2.0f * a->height)
        return false;
    for (int32_t i = 0; i < r->n_glyphs; i++) {
        const struct dp_glyph *g = &a->sheet->glyphs[r->glyphs[i]];
        if (g->x < x0) {
            x0 = g->x;
            first = g->cp;
        }
        if (g->x > x1) {
            x1 = g->x;
            last = g->cp;
        }
    }
    return first == '(' && last == ')';
}

/* Running text, or a border, between two boxes of one row. */
static bool parted(const struct dp_assembly *a, const enum dp_line_kind *kinds, struct dp_rect p, struct dp_rect q)
{
    const float x0 = fminf(p.x1, q.x1), x1 = fmaxf(p.x0, q.x0), y0 = fmaxf(p.y0, q.y0), y1 = fminf(p.y1, q.y1);
    for (int32_t i = 0; i < a->page->n_lines; i++) {
        const struct dp_rect b = a->page->lines[i].bbox;
        if (kinds[i] == DP_LINE_PROSE && b.x1 > x0 && b.x0 < x1 && b.y1 > y0 && b.y0 < y1)
            return true;
    }
    for (int32_t i = 0; i < a->n_vertical; i++) {
        const struct dp_rect b = a->rules[i];
        if (b.x1 > x0 && b.x0 < x1 && b.y1 > y0 && b.y0 < y1 && b.y1 - b.y0 > 2.0f * (y1 - y0))
            return true;
    }
    return false;
}

static void absorb(struct dp_assembly *a, struct dp_glyph_region *to, struct dp_glyph_region *from, struct b_err *err,
                   enum b_code *code)
{
    const size_t n = (size_t)to->n_glyphs, m = (size_t)from->n_glyphs;
    int32_t *glyphs = B_ARENA_ARRAY(a->arena, n + m, int32_t);
    if (!glyphs) {
        *code = b_arena_refused(a->arena, "assembly", err);
        return;
    }
    memcpy(glyphs, to->glyphs, n * sizeof *glyphs);
    memcpy(glyphs + n, from->glyphs, m * sizeof *glyphs);
    to->glyphs = glyphs;
    to->n_glyphs += from->n_glyphs;
    to->box = dp_rect_union(to->box, from->box);
    to->signs += from->signs;
    to->letters += from->letters;
    to->italics += from->italics;
    to->equals += from->equals;
    to->words += from->words;
    to->bars += from->bars;
    to->all += from->all;
    to->ties += from->ties;
    to->points += from->points;
    from->n_glyphs = 0;
}

/* Whether region b is part of the display that a is. */
static bool belongs(const struct dp_assembly *a, const enum dp_line_kind *kinds, const struct dp_glyph_region *p,
                    const struct dp_glyph_region *q)
{
    const float dx = gap_x(p->box, q->box), dy = gap_y(p->box, q->box), size = a->body;
    const float low = fminf(p->box.y1 - p->box.y0, q->box.y1 - q->box.y0);
    if (!is_math(p))
        return false;
    if (-dy > 0.4f * low && q->words * 2 >= q->all &&
        !is_math(q)) /* words: to the right of mathematics, or inside of it */
        return dx < ROW_GAP * size && q->box.x0 > p->box.x0 && !parted(a, kinds, p->box, q->box);
    if (-dy > 0.4f * low && dx < ROW_GAP * size)
        return !parted(a, kinds, p->box, q->box);
    if (-dy > 0.5f * low && is_tag(a, q) && q->signs == 0)
        return !parted(a, kinds, p->box, q->box);
    return dy < LINE_GAP * size && dx < 0 && is_math(q);
}

static enum b_code merge(struct dp_assembly *a, const enum dp_line_kind *kinds, struct dp_glyph_region *r, int32_t n,
                         struct b_err *err)
{
    enum b_code code = B_OK;
    for (bool again = true; again && code == B_OK;) {
        again = false;
        for (int32_t i = 0; i < n && code == B_OK; i++)
            for (int32_t k = 0; k < n && code == B_OK; k++)
                if (i != k && r[i].n_glyphs > 0 && r[k].n_glyphs > 0 && belongs(a, kinds, &r[i], &r[k])) {
                    absorb(a, &r[i], &r[k], err, &code);
                    again = true;
                }
    }
    return code;
}

/* A row of a paragraph that happens to be all mathematics: it starts where the text above or below starts, at the
 * paragraph's own distance. Words may follow an indented first line as well. */
static bool is_inline_row(const struct dp_assembly *a, const enum dp_line_kind *kinds, const struct dp_glyph_region *r)
{
    if (r->box.y1 - r->box.y0 > 1.7f * a->height)
        return false;
    for (int32_t i = 0; i < a->page->n_lines; i++) {
        const struct dp_rect b = a->page->lines[i].bbox;
        const float step = ((r->box.y0 + r->box.y1) - (b.y0 + b.y1)) * 0.5f, indent = b.x0 - r->box.x0;
        const float most = r->words > 0 && step > 0 ? INDENT * a->body : 0.5f * a->body;
        if (kinds[i] == DP_LINE_PROSE && indent > -0.5f * a->body && indent < most && fabsf(step) < 1.45f * a->height)
            return true;
    }
    return false;
}

static bool is_rule_over(const struct dp_assembly *a, const struct dp_glyph *g, struct dp_rect box)
{
    const float slack = 0.5f * a->body, reach = RULE_REACH * a->height;
    return g->cp == DP_GLYPH_BAR && g->x < box.x0 + slack && g->x + g->advance > box.x1 - slack &&
           g->y > box.y0 - reach && g->y < box.y1 + reach;
}

/* Rows of a table that consist of numbers with signs: several rules, all with the same ends, cover the region's width. */
static bool is_between_rules(const struct dp_assembly *a, struct dp_rect box)
{
    const struct dp_glyph *first = NULL;
    int32_t n = 0;
    for (int32_t i = 0; i < a->sheet->n_glyphs; i++) {
        const struct dp_glyph *g = &a->sheet->glyphs[i];
        if (!is_rule_over(a, g, box))
            continue;
        first = first ? first : g;
        n += fabsf(g->x - first->x) < 0.5f * a->body && fabsf(g->advance - first->advance) < 0.5f * a->body;
    }
    return n >= TABLE_RULES;
}

/* Text of another column: no line of running text above or below crosses what lies between. */
static bool is_beyond_gutter(const struct dp_assembly *a, const enum dp_line_kind *kinds, struct dp_rect box, struct dp_rect text)
{
    const float x = (fmaxf(box.x0, text.x0) + fminf(box.x1, text.x1)) * 0.5f, reach = GUTTER_ROWS * a->height;
    if (gap_x(box, text) < GUTTER * a->body)
        return false;
    for (int32_t i = 0; i < a->page->n_lines; i++) {
        const struct dp_rect b = a->page->lines[i].bbox;
        if (kinds[i] == DP_LINE_PROSE && b.x0 < x && b.x1 > x && b.y1 > box.y0 - reach && b.y0 < box.y1 + reach)
            return false;
    }
    return true;
}

static bool is_display(const struct dp_assembly *a, const enum dp_line_kind *kinds, const struct dp_glyph_region *r)
{
    if (!is_math(r) || r->all < (r->bars ? 2 : 3) || r->box.y1 - r->box.y0 < 0.4f * a->body)
        return false;
    if (dp_on_drawing(a, r->box))
        return false;
    if (r->points > LEADERS) /* a table of contents */
        return false;
    if (r->ties == 0 && r->box.y1 - r->box.y0 > 2.0f * a->height) /* a column of signs */
        return false;
    for (int32_t i = 0; i < a->page->n_lines; i++) {
        const struct dp_rect b = a->page->lines[i].bbox;
        const float mid = (b.y0 + b.y1) * 0.5f;
        if (kinds[i] == DP_LINE_PROSE && mid > r->box.y0 - 0.1f * a->body && mid < r->box.y1 + 0.1f * a->body &&
            gap_x(b, r->box) < PROSE_GAP * a->body && !is_beyond_gutter(a, kinds, r->box, b))
            return false;
    }
    return !is_inline_row(a, kinds, r) && !is_between_rules(a, r->box);
}

static int by_region_top(const void *p, const void *q)
{
    const struct dp_glyph_region *a = p, *b = q;
    return a->box.y0 < b->box.y0 ? -1 : a->box.y0 > b->box.y0;
}

enum b_code dp_formula_regions(struct dp_assembly *a, const enum dp_line_kind *kinds, struct dp_glyph_region **out,
                               int32_t *n, struct b_err *err)
{
    const size_t most = a->sheet->n_glyphs < GLYPHS_MOST ? (size_t)a->sheet->n_glyphs : (size_t)GLYPHS_MOST;
    struct node *nodes = B_ARENA_ARRAY(a->arena, most + 1, struct node);
    struct dp_glyph_region *regions = B_ARENA_ARRAY(a->arena, most + 1, struct dp_glyph_region);
    *n = 0;
    *out = regions;
    if (!nodes || !regions)
        return b_arena_refused(a->arena, "assembly", err);
    const int32_t n_nodes = make_nodes(a, kinds, nodes);
    int32_t count = 0;
    if (n_nodes == GLYPHS_MOST)
        return B_OK;
    join_nodes(nodes, n_nodes);
    enum b_code code = collect(a, nodes, n_nodes, regions, &count, err);
    if (code == B_OK)
        code = merge(a, kinds, regions, count, err);
    for (int32_t i = 0; i < count && code == B_OK; i++)
        if (is_display(a, kinds, &regions[i]))
            regions[(*n)++] = regions[i];
    qsort(regions, (size_t)*n, sizeof *regions, by_region_top);
    return code;
}
