/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of one printed line that the reader found apart (wide word spaces, leaders, formulas) become one
 * row. The danger is the gutter between columns, which may be narrower than a word space: a piece whose
 * left edge is shared by other lines nearby starts a column and is never joined to its left. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/assembly/assembly_private.h"

#define LEVEL 0.6f         /* vertical overlap of two pieces, of the lower one's height */
#define GAP_MOST 1.2f      /* heights between pieces when nothing speaks for a column */
#define GAP_SHARED 0.8f    /* heights, when one or two lines share the edge */
#define GAP_MARKER 3.0f    /* heights between a list marker and its text */
#define GAP_SECTION 2.5f   /* heights between a section's number and its heading */
#define BRACKET_CHARS 10
#define BRACKET_LETTERS 5
#define CLAUSE_CHARS 16    /* of the line of a numbered clause */
#define SECTION_SIZE 1.12f /* of the body: type of a heading that is not bold */
#define GAP_CODE 4.0f      /* heights between words of one line of code that are set in columns */
#define GAP_LISTING 40.0f  /* heights between columns of a listing */
#define GAP_LEADER 6.0f    /* heights between a leader and the number that it leads to */
#define PLACE_CHARS 6      /* of such a number */
#define SAME_END 0.6f      /* heights that the ends of such numbers may differ by */
#define ENTRIES_NEAR 5.0f  /* heights between entries of a table of contents */
#define ENTRIES_LEAST 2    /* with leaders, that end where a number without one does */
#define GAP_LEAST -0.5f
#define HEIGHT_RATIO 1.7f
#define MARKER_RATIO 4.0f   /* heights of a line over those of the small mark in front of it, */
#define MARKER_CORE 0.15f   /* whose middle is not in this share of the line above and below */
#define SHARED_WITHIN 0.45f /* heights: same left edge */
#define SHARED_NEAR 9.0f    /* heights: how far up and down edges are compared */
#define SHARED_STOP 3       /* lines: an edge shared by as many is a column's */
#define SAFE_GAP 0.3f       /* ems: exact boxes of a text layer this close are words of one line */
#define GUTTER_STARTS 2     /* lines that start behind a gap, */
#define GUTTER_ENDS 2       /* and lines that end before it: it is a gutter however narrow */
#define EDGE_WITHIN 0.6f    /* heights: same edge of justified text */
#define GAP_SIGNED 16.0f    /* heights between the last words of a column's text and the initials at its edge */
#define SIGNED_CHARS 10
#define SPANNING 2      /* lines above that reach from edge to edge */
#define SPAN_CHARS 16   /* of each of them */
#define SPAN_NEAR 4.0f  /* heights above */
#define GAP_RUN 4.0f    /* heights between pieces where lines above and below run through the gap, */
#define RUN_NEAR 2.4f   /* and their heights away, */
#define RUN_OVER 0.8f   /* heights that they reach beyond it on both sides, */
#define OPTION_CHARS 2  /* of "B." in front of an answer to choose */
#define HELD_NEAR 6.0f  /* heights to lines that reach over both pieces */
#define RUN_RATIO 1.35f /* and how much higher or lower than it they may be */
#define LOOK 1024       /* neighbours looked at on each side: bounds hostile pages */

struct sorted {
    float y;
    int32_t item;
};

static int by_y(const void *a, const void *b)
{
    const struct sorted *p = a, *q = b;
    if (p->y != q->y)
        return p->y < q->y ? -1 : 1;
    return p->item < q->item ? -1 : p->item > q->item;
}

static float middle_y(const struct dp_item *i)
{
    return (i->box.y0 + i->box.y1) * 0.5f;
}

static float tall(const struct dp_item *i)
{
    return i->box.y1 - i->box.y0;
}

/* A bullet found alone in front of its line is as high as its ink, not as a line. A dash may be a stroke of anything.
 */
static bool beside(const struct dp_item *marker, const struct dp_item *line)
{
    const float margin = MARKER_CORE * tall(line), y = middle_y(marker);
    const bool dash = marker->first == '-' || marker->first == 0x2013 || marker->first == 0x2014;
    return !dash && marker->box.x1 < line->box.x0 && tall(line) <= MARKER_RATIO * tall(marker) &&
           y > line->box.y0 + margin && y < line->box.y1 - margin;
}

static bool level(const struct dp_item *a, const struct dp_item *b)
{
    if (a->lone_marker != b->lone_marker && (a->lone_marker ? beside(a, b) : beside(b, a)))
        return true;
    const float lower = fminf(tall(a), tall(b)), higher = fmaxf(tall(a), tall(b));
    return higher <= HEIGHT_RATIO * lower && dp_overlap(a->box.y0, a->box.y1, b->box.y0, b->box.y1) > LEVEL * lower;
}

/* Other lines above and below that start where `b` starts. */
static int sharing(const struct dp_assembly *a, const struct sorted *s, int32_t n, int32_t at, float h)
{
    const struct dp_item *b = &a->items[s[at].item];
    int count = 0;
    for (int step = -1; step <= 1; step += 2)
        for (int32_t k = at + step, seen = 0; k >= 0 && k < n && seen < LOOK; k += step, seen++) {
            const struct dp_item *c = &a->items[s[k].item];
            if (fabsf(s[k].y - s[at].y) > SHARED_NEAR * h)
                break;
            count += c->direction == b->direction && !level(b, c) && fabsf(c->box.x0 - b->box.x0) < SHARED_WITHIN * h;
        }
    return count;
}

/* Other lines near by that end where `left` ends: the edge of a justified column. */
static int ending(const struct dp_assembly *a, const struct sorted *s, int32_t n, int32_t at,
                  const struct dp_item *left, float h)
{
    int count = 0;
    for (int step = -1; step <= 1; step += 2)
        for (int32_t k = at + step, seen = 0; k >= 0 && k < n && seen < LOOK; k += step, seen++) {
            const struct dp_item *c = &a->items[s[k].item];
            if (fabsf(s[k].y - s[at].y) > SHARED_NEAR * h)
                break;
            count +=
                c->direction == left->direction && !level(left, c) && fabsf(c->box.x1 - left->box.x1) < EDGE_WITHIN * h;
        }
    return count;
}

/* Lines near by that reach from the left piece's start to the right one's end: both stand in one column of text. */
static int spanning_rows(const struct dp_assembly *a, const struct sorted *s, int32_t at, const struct dp_item *left,
                         float h)
{
    const struct dp_item *b = &a->items[s[at].item];
    int count = 0;
    for (int32_t k = at - 1, seen = 0; k >= 0 && seen < LOOK; k--, seen++) {
        const struct dp_item *c = &a->items[s[k].item];
        if (s[at].y - s[k].y > SPAN_NEAR * h)
            break;
        count += c->direction == b->direction && c->chars >= SPAN_CHARS && !level(b, c) &&
                 fabsf(c->box.x0 - left->box.x0) < EDGE_WITHIN * h && fabsf(c->box.x1 - b->box.x1) < EDGE_WITHIN * h;
    }
    return count;
}

static bool alike(const struct dp_item *a, const struct dp_item *b)
{
    return tall(a) < RUN_RATIO * tall(b) && tall(b) < RUN_RATIO * tall(a);
}

/* The right piece is set like the left one and opens nothing, unlike the second answer of "A. one   B. two". */
static bool is_word(const struct dp_item *left, const struct dp_item *right)
{
    const bool letter = right->chars <= OPTION_CHARS && right->ends & DP_PUNCT_SENTENCE;
    return alike(left, right) && right->marker == 0 && !right->drawn && !right->lone_marker && !letter;
}

/* Lines on both sides of the row run through the gap between two pieces, and none near by ends or starts at it: it is
 * a space of a line that was justified too widely. A gutter has rows beside it that it cuts. */
static bool runs_through(const struct dp_assembly *a, const struct sorted *s, int32_t n, int32_t at,
                         const struct dp_item *left, float h)
{
    const struct dp_item *b = &a->items[s[at].item];
    if (!is_word(left, b))
        return false;
    for (int step = -1; step <= 1; step += 2) {
        int running = 0;
        for (int32_t k = at + step, seen = 0; k >= 0 && k < n && seen < LOOK; k += step, seen++) {
            const struct dp_item *c = &a->items[s[k].item];
            if (fabsf(s[k].y - s[at].y) > RUN_NEAR * h)
                break;
            if (c->direction != b->direction || level(b, c) || level(left, c))
                continue;
            if (fabsf(c->box.x1 - left->box.x1) < EDGE_WITHIN * h || fabsf(c->box.x0 - b->box.x0) < EDGE_WITHIN * h)
                return false;
            running += alike(b, c) && c->box.x0 < left->box.x1 - RUN_OVER * h && c->box.x1 > b->box.x0 + RUN_OVER * h;
        }
        if (running == 0)
            return false;
    }
    return true;
}

/* Other lines near by, above and below, that reach over both pieces: a column holds them. */
static bool is_held(const struct dp_assembly *a, const struct sorted *s, int32_t n, int32_t at,
                    const struct dp_item *left, float h)
{
    const struct dp_item *b = &a->items[s[at].item];
    int count = 0;
    for (int step = -1; step <= 1; step += 2)
        for (int32_t k = at + step, seen = 0; k >= 0 && k < n && seen < LOOK; k += step, seen++) {
            const struct dp_item *c = &a->items[s[k].item];
            if (fabsf(s[k].y - s[at].y) > HELD_NEAR * h)
                break;
            count += c->direction == b->direction && c->chars >= SPAN_CHARS && alike(b, c) && !level(b, c) &&
                     c->box.x0 < left->box.x0 + EDGE_WITHIN * h && c->box.x1 > b->box.x1 - EDGE_WITHIN * h;
        }
    return count >= SPANNING;
}

static bool rule_between(const struct dp_assembly *a, const struct dp_item *left, const struct dp_item *right)
{
    if (left->direction != a->main_direction)
        return false;
    const float y0 = fmaxf(left->box.y0, right->box.y0), y1 = fminf(left->box.y1, right->box.y1);
    const float x0 = fminf(left->box.x1, right->box.x0) - 1.0f, x1 = fmaxf(left->box.x1, right->box.x0) + 1.0f;
    for (int32_t i = 0; i < a->n_vertical; i++) {
        const struct dp_rect r = a->rules[i];
        const float x = (r.x0 + r.x1) * 0.5f;
        if (x >= x0 && x <= x1 && dp_overlap(r.y0, r.y1, y0, y1) > 0.5f * (y1 - y0))
            return true;
    }
    return false;
}

/* Nearest piece to the left of `at` on its row, or DP_NONE. */
static int32_t left_neighbour(const struct dp_assembly *a, const struct sorted *s, int32_t n, int32_t at)
{
    const struct dp_item *b = &a->items[s[at].item];
    int32_t best = DP_NONE;
    float gap = 1e30f;
    for (int step = -1; step <= 1; step += 2)
        for (int32_t k = at + step, seen = 0; k >= 0 && k < n && seen < LOOK; k += step, seen++) {
            const struct dp_item *c = &a->items[s[k].item];
            if (fabsf(s[k].y - s[at].y) > tall(b))
                break;
            if (c->direction != b->direction || c->box.x0 >= b->box.x0 || !level(b, c))
                continue;
            const float g = b->box.x0 - c->box.x1;
            if (g < gap) {
                gap = g;
                best = s[k].item;
            }
        }
    return best;
}

/* "3.1", "B.2", "B": the number of a section in front of its name. */
static bool is_number_of_section(const char *text)
{
    const size_t len = strlen(text), letter = text[0] >= 'A' && text[0] <= 'Z';
    return len > 0 && len <= 10 && text[0] != '.' && letter + strspn(text + letter, "0123456789.") == len;
}

/* Entries of a table of contents above or below the row: lines that end in leaders. */
static bool is_among_entries(const struct dp_assembly *a, const struct sorted *s, int32_t n, int32_t at, float h)
{
    int entries = 0;
    for (int step = -1; step <= 1; step += 2)
        for (int32_t k = at + step, seen = 0; k >= 0 && k < n && seen < LOOK && entries < ENTRIES_LEAST; k += step, seen++) {
            if (fabsf(s[k].y - s[at].y) > ENTRIES_NEAR * h)
                break;
            entries += a->items[s[k].item].leader != DP_LEADER_NONE;
        }
    return entries >= ENTRIES_LEAST;
}

/* "3.1" in front of "Sampling": a number alone, and words set like it and unlike the body, or led by dots to a page, as
 * the entries about them are; or a number of several levels in front of a clause. */
static bool is_section_number(const struct dp_assembly *a, const struct sorted *s, int32_t n, int32_t at,
                              const struct dp_item *l, const struct dp_item *r)
{
    const char *text = a->page->lines[l->line].text;
    if (!is_number_of_section(text) || r->letters < 2)
        return false;
    if (r->leader != DP_LEADER_NONE || is_among_entries(a, s, n, at, tall(r)))
        return true;
    if (l->digits == 0 || l->letters > 0)
        return false;
    if (strcspn(text, ".") + 1 < strlen(text) && r->chars >= CLAUSE_CHARS)
        return true;
    const float ratio = l->size / fmaxf(r->size, 1.0f);
    return l->bold == r->bold && ratio > 0.85f && ratio < 1.18f && (r->bold || r->size > SECTION_SIZE * a->body);
}

/* "# so", "% so", "// so": what stands behind a line of a program. */
static bool is_comment(const struct dp_assembly *a, const struct dp_item *item)
{
    const char *text = a->page->lines[item->line].text;
    const size_t sign = strspn(text, text[0] == '/' ? "/*" : text[0] == '%' ? "%" : text[0] == '#' ? "#" : "");
    return sign > 0 && sign <= 3 && (text[0] != '/' || sign == 2) && text[sign] == ' ';
}

/* Some text that is no code starts where this piece does: it may be the edge of a column. */
static bool starts_text(const struct dp_assembly *a, const struct sorted *s, int32_t n, int32_t at, float h)
{
    const struct dp_item *b = &a->items[s[at].item];
    for (int step = -1; step <= 1; step += 2)
        for (int32_t k = at + step, seen = 0; k >= 0 && k < n && seen < LOOK; k += step, seen++) {
            const struct dp_item *c = &a->items[s[k].item];
            if (!c->mono && c->direction == b->direction && fabsf(c->box.x0 - b->box.x0) < SHARED_WITHIN * h)
                return true;
        }
    return false;
}

/* The page of a chapter in a table of contents, to which no dots lead: it ends where the numbers of other entries do. */
static bool is_place(const struct dp_assembly *a, const struct sorted *s, int32_t n, int32_t at)
{
    const struct dp_item *r = &a->items[s[at].item];
    const float h = fmaxf(tall(r), 1.0f);
    int entries = 0;
    if (r->digits == 0 || r->digits != r->chars || r->chars > PLACE_CHARS)
        return false;
    for (int step = -1; step <= 1; step += 2)
        for (int32_t k = at + step, seen = 0; k >= 0 && k < n && seen < LOOK; k += step, seen++) {
            const struct dp_item *c = &a->items[s[k].item];
            const float behind = r->box.x1 - c->box.x1;
            entries += c->direction == r->direction && ((c->leader == DP_LEADER_NUMBER && fabsf(behind) < SAME_END * h) ||
                                                        (c->leader == DP_LEADER_OPEN && behind > 0 && behind < GAP_LEADER * h));
        }
    return entries >= ENTRIES_LEAST;
}

/* "[3]", "(12)", "(5 marks)": what stands in brackets at the right edge of the text, behind a question or a formula. */
static bool is_bracketed(const struct dp_item *i)
{
    return i->chars <= BRACKET_CHARS && i->digits > 0 && i->letters <= BRACKET_LETTERS &&
           ((i->first == '[' && i->last == ']') || (i->first == '(' && i->last == ')'));
}

/* Another one ends where it does, and nothing stands behind it: they are set at an edge. */
static bool is_edge_mark(const struct dp_assembly *a, int32_t item)
{
    const struct dp_item *r = &a->items[item];
    bool alike = false;
    for (int32_t i = 0; i < a->n_items && i < LOOK && is_bracketed(r); i++) {
        const struct dp_item *o = &a->items[i];
        if (i == item || o->direction != r->direction)
            continue;
        if (o->box.x0 >= r->box.x1 && level(r, o))
            return false;
        alike = alike || (is_bracketed(o) && !level(r, o) && fabsf(o->box.x1 - r->box.x1) < SAME_END * tall(r));
    }
    return alike;
}

static bool joins(const struct dp_assembly *a, const struct sorted *s, int32_t n, int32_t at, int32_t left)
{
    const struct dp_item *l = &a->items[left], *r = &a->items[s[at].item];
    const float h = fmaxf(fminf(tall(l), tall(r)), 1.0f), gap = r->box.x0 - l->box.x1;
    if (gap < GAP_LEAST * h || l->vertical != r->vertical || r->drawn)
        return false;
    /* Frames of links stand between an entry's name and its number. */
    if (r->place && l->letters > 1 && l->leader == DP_LEADER_NONE)
        return true;
    if (l->leader == DP_LEADER_OPEN && r->digits > 0 && r->chars <= PLACE_CHARS && gap < GAP_LEADER * h)
        return true;
    if (r->leader != DP_LEADER_NONE && r->first == '.' && gap < GAP_LEADER * h && is_among_entries(a, s, n, at, tall(r)))
        return true;
    if (rule_between(a, l, r))
        return false;
    if (l->letters > 1 && is_edge_mark(a, s[at].item))
        return true;
    if ((l->listing && r->listing) || (l->mono && r->mono && is_comment(a, r)))
        return gap < GAP_LISTING * h; /* columns of a listing are not columns of text */
    if (l->mono && r->mono && gap < GAP_CODE * h && !starts_text(a, s, n, at, h))
        return true;
    if (l->lone_marker && !r->lone_marker && gap <= GAP_MARKER * tall(r))
        return true;
    if (gap < GAP_RUN * h && runs_through(a, s, n, at, l, h))
        return true;
    if (gap < GAP_RUN * h && is_word(l, r) && sharing(a, s, n, at, h) < GUTTER_STARTS && is_held(a, s, n, at, l, h))
        return true;
    if (gap > GAP_MARKER * h)
        return gap < GAP_SIGNED * h && r->chars <= SIGNED_CHARS && l->chars > r->chars &&
               spanning_rows(a, s, at, l, h) >= SPANNING;
    if (gap < GAP_SECTION * h && is_section_number(a, s, n, at, l, r))
        return true;
    if (gap > GAP_MOST * h)
        return r->chars <= SIGNED_CHARS && l->chars > r->chars && spanning_rows(a, s, at, l, h) >= SPANNING;
    const bool exact =
        a->page->lines[l->line].source == DP_FROM_TEXT_LAYER && a->page->lines[r->line].source == DP_FROM_TEXT_LAYER;
    if (exact && gap < SAFE_GAP * fminf(l->size, r->size)) /* a drop cap's size says nothing of the line's gaps */
        return true;
    const int shared = sharing(a, s, n, at, h);
    if (shared >= GUTTER_STARTS && ending(a, s, n, at, l, h) >= GUTTER_ENDS)
        return false;
    return shared < SHARED_STOP && (shared == 0 || gap <= GAP_SHARED * h);
}

/* Fills *row from its chain of items, left to right, or right to left where the script does. */
static void close_row(struct dp_assembly *a, struct dp_row *row)
{
    int32_t *list = a->row_items + row->first;
    int32_t rtl = 0;
    const struct dp_item *tallest = &a->items[list[0]];
    row->box = tallest->box;
    row->bold = row->mono = true;
    for (int32_t i = 0; i < row->count; i++) {
        const struct dp_item *it = &a->items[list[i]];
        row->box = dp_rect_union(row->box, it->box);
        row->chars += it->chars;
        row->cjk += it->cjk;
        row->digits += it->digits;
        row->letters += it->letters;
        rtl += it->rtl;
        row->bold = row->bold && (it->bold || (it->lone_marker && row->count > 1));
        row->mono = row->mono && it->mono;
        row->size = fmaxf(row->size, it->size);
        if (tall(it) > tall(tallest))
            tallest = it;
    }
    row->height = tall(tallest);
    row->rtl = rtl * 2 > row->letters && rtl > 0;
    for (int32_t i = 0, j = row->count - 1; row->rtl && i < j; i++, j--) {
        const int32_t t = list[i];
        list[i] = list[j];
        list[j] = t;
    }
    row->head = list[0];
    row->tail = list[row->count - 1];
    row->above = row->below = DP_NONE;
    const struct dp_item *last = &a->items[list[row->count - 1]];
    row->entry = last->leader == DP_LEADER_NUMBER || (row->count > 1 && last->place) ||
                 (row->count > 1 && last->digits > 0 && a->items[list[row->count - 2]].leader == DP_LEADER_OPEN);
}

enum b_code dp_rows_make(struct dp_assembly *a, struct b_err *err)
{
    const size_t n = (size_t)a->n_items;
    struct sorted *s = B_ARENA_ARRAY(a->arena, n, struct sorted);
    int32_t *right = B_ARENA_ARRAY(a->arena, n, int32_t), *left = B_ARENA_ARRAY(a->arena, n, int32_t);
    a->rows = B_ARENA_ARRAY(a->arena, n, struct dp_row);
    a->row_items = B_ARENA_ARRAY(a->arena, n, int32_t);
    if (!s || !right || !left || !a->rows || !a->row_items)
        return b_arena_refused(a->arena, "assembly", err);
    int32_t count = 0;
    for (int32_t i = 0; i < a->n_items; i++) {
        if (a->items[i].table == DP_NONE)
            s[count++] = (struct sorted){middle_y(&a->items[i]), i};
        left[i] = right[i] = DP_NONE;
    }
    qsort(s, (size_t)count, sizeof *s, by_y);
    for (int32_t i = 0; i < count; i++)
        a->items[s[i].item].place = is_place(a, s, count, i);
    for (int32_t i = 0; i < count; i++) {
        const int32_t item = s[i].item, l = left_neighbour(a, s, count, i);
        if (l == DP_NONE || !joins(a, s, count, i, l))
            continue;
        /* Two pieces may claim the same left neighbour: the nearer one has it. */
        if (right[l] != DP_NONE) {
            if (a->items[right[l]].box.x0 <= a->items[item].box.x0)
                continue;
            left[right[l]] = DP_NONE;
        }
        right[l] = item;
        left[item] = l;
    }
    int32_t at = 0;
    for (int32_t i = 0; i < count; i++) {
        if (left[s[i].item] != DP_NONE)
            continue;
        struct dp_row *row = &a->rows[a->n_rows++];
        *row = (struct dp_row){.first = at};
        for (int32_t item = s[i].item; item != DP_NONE; item = right[item], row->count++)
            a->row_items[at++] = item;
        close_row(a, row);
    }
    a->n_row_items = at;
    return B_OK;
}
