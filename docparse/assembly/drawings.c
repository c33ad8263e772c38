/* SPDX-License-Identifier: Apache-2.0 */
/* Drawings that the file makes of paths: diagrams, plots, graphs. Shapes and rules that are near each other are one
 * drawing where curves, slanted lines or bars reach over it; grounds of text, frames, rules of tables and lone signs
 * are none. What is lettered close beside belongs to it. All in page pixels. Invariant: at most a few thousand pieces
 * are held against each other, whatever the file draws. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/assembly/assembly_private.h"

#define RULES_MOST 2048  /* rules that are looked at: more is a table or a map, whose shapes tell enough */
#define TEXTS_MOST 2048  /* short lines, likewise */
#define PAGE_SHARE 0.85f /* of width and height: the page's own ground and frame */
#define GROUND_CHARS 120 /* in a box: it is the ground of a text; */
#define GROUND_LINE 45   /* or in one line of it */
#define GROUND_CODE 14   /* of code */
#define BAND_EDGE 0.02f  /* of the page: what goes from edge to edge is a band of the page's own dress */
#define NEAR 1.5f        /* line heights between parts of one drawing, */
#define NEAR_SMALL 0.6f  /* when both are signs of less than */
#define SMALL 1.2f       /* line heights */
#define NEAR_TEXT 0.6f   /* between a part and what is lettered at it: a word at the ends of two lines joins them */
#define TOUCH 3.0f       /* pixels between a rule and what it belongs to */
#define SIDE_LEAST 3.5f  /* line heights of either side of a drawing */
#define FLAT_LEAST 2.2f  /* or of the lesser side, where the other is FLAT_LONG and there are several free shapes */
#define FLAT_LONG 5.0f
#define LINKED_LEAST 1.5f /* of the lesser side of boxes in a row that rules join */
#define REACH 0.25f       /* of the sides, that curves and slanted lines span */
#define REACH_SURE 0.5f
#define REACH_FRAME 0.6f /* that boxes or rules span where all free shapes are small */
#define ROUND 0.1f       /* sides that differ by less: a dot or a ring */
#define EDGES_LEAST 2    /* small slanted lines and curves that make a tree */
#define BARS_LEAST 3
#define BOXES_MOST 256 /* looked at in one drawing */
#define NODES_LEAST 3
#define NODE_LEAST 0.4f /* line heights */
#define NODE_GAP 0.3f   /* line heights between boxes that rules join; cells of a table touch */
#define TEXT_MOST 0.5f  /* of the area under text */
#define PROSE_CHARS 45  /* of a line of prose */
#define PROSE_LINES 3   /* so many in a drawing: it is a ground after all */
#define LABEL_CHARS 28
#define LABEL_SIZE 1.3f /* over body: larger type is a title */
#define TURNED_CHARS 60
#define LABEL_BESIDE 1.2f /* line heights between a drawing and a label */
#define LABEL_ABOVE 0.6f
#define LABEL_TURNED 2.5f
#define LABEL_ROUNDS 2

struct piece {
    struct dp_rect box;
    int32_t group, shapes; /* shapes: of the group, at its root */
    bool rule, text, free, filled, small;
};

/* What the pieces of one group come to. */
struct group {
    struct dp_rect box, free_box, frame_box;
    int32_t n_free, n_edges, n_boxes, n_rules, first; /* first: one of its pieces; n_edges: free and not round */
    float largest;                                    /* lesser side of the largest free piece */
};

struct finder {
    struct dp_assembly *a;
    struct piece *pieces;
    int32_t n;
    float page_w, page_h;
};

static float width(struct dp_rect b)
{
    return b.x1 - b.x0;
}

static float height(struct dp_rect b)
{
    return b.y1 - b.y0;
}

static bool holds_middle(struct dp_rect b, struct dp_rect of)
{
    const float x = (of.x0 + of.x1) * 0.5f, y = (of.y0 + of.y1) * 0.5f;
    return x > b.x0 && x < b.x1 && y > b.y0 && y < b.y1;
}

static struct dp_rect line_box(const struct dp_assembly *a, int32_t item)
{
    return a->page->lines[a->items[item].line].bbox;
}

/* Whether running text stands in the box. */
static bool is_ground(const struct dp_assembly *a, struct dp_rect box)
{
    int32_t chars = 0;
    for (int32_t i = 0; i < a->n_items; i++) {
        if (!holds_middle(box, line_box(a, i)))
            continue;
        chars += a->items[i].chars;
        if (a->items[i].chars > (a->items[i].mono ? GROUND_CODE : GROUND_LINE) || chars > GROUND_CHARS)
            return true;
    }
    return false;
}

static bool is_page(const struct finder *f, struct dp_rect b)
{
    const float dx = BAND_EDGE * f->page_w, dy = BAND_EDGE * f->page_h;
    if ((b.x0 < dx && b.x1 > f->page_w - dx) || (b.y0 < dy && b.y1 > f->page_h - dy))
        return true;
    return width(b) > PAGE_SHARE * f->page_w && height(b) > PAGE_SHARE * f->page_h;
}

static enum b_code gather(struct finder *f, struct b_err *err)
{
    struct dp_assembly *a = f->a;
    const struct dp_sheet *s = a->sheet;
    const int32_t n_rules = s->n_rules < RULES_MOST ? s->n_rules : 0;
    f->pieces = B_ARENA_ARRAY(a->arena, (size_t)s->n_shapes + (size_t)n_rules + TEXTS_MOST, struct piece);
    if (!f->pieces)
        return b_arena_refused(a->arena, "assembly", err);
    for (int32_t i = 0; i < s->n_shapes; i++) {
        const struct dp_shape *p = &s->shapes[i];
        const float longest = fmaxf(width(p->bbox), height(p->bbox));
        if (is_page(f, p->bbox) || (!p->free && longest > SMALL * a->height && is_ground(a, p->bbox)))
            continue;
        f->pieces[f->n++] =
            (struct piece){.box = p->bbox, .free = p->free, .filled = p->filled, .small = longest < SMALL * a->height};
    }
    if (f->n == 0)
        return B_OK; /* rules alone are no drawing */
    for (int32_t i = 0; i < n_rules; i++)
        f->pieces[f->n++] = (struct piece){.box = s->rules[i].bbox, .rule = true};
    for (int32_t i = 0, n = 0; i < a->n_items && n < TEXTS_MOST; i++)
        if (a->items[i].chars <= LABEL_CHARS && a->items[i].size < LABEL_SIZE * a->body) {
            f->pieces[f->n++] = (struct piece){.box = line_box(a, i), .text = true};
            n++;
        }
    return B_OK;
}

static int32_t root_of(struct piece *pieces, int32_t i)
{
    while (pieces[i].group != i) {
        pieces[i].group = pieces[pieces[i].group].group;
        i = pieces[i].group;
    }
    return i;
}

static int by_left(const void *p, const void *q)
{
    const struct piece *a = p, *b = q;
    if (a->box.x0 != b->box.x0)
        return a->box.x0 < b->box.x0 ? -1 : 1;
    return (a->box.y0 > b->box.y0) - (a->box.y0 < b->box.y0);
}

/* How far apart they may be; negative: they are never one. */
static float near_enough(const struct piece *p, const struct piece *q, float h)
{
    if (p->text || q->text)
        return (p->text && q->text) || p->rule || q->rule ? -1.0f : NEAR_TEXT * h;
    return p->rule || q->rule ? TOUCH : p->small && q->small ? NEAR_SMALL * h : NEAR * h;
}

/* Unites pieces that are near each other, from left to right. */
static void unite(struct finder *f)
{
    const float h = f->a->height;
    qsort(f->pieces, (size_t)f->n, sizeof *f->pieces, by_left);
    for (int32_t i = 0; i < f->n; i++)
        f->pieces[i].group = i;
    for (int32_t i = 0; i < f->n; i++) {
        const struct piece *p = &f->pieces[i];
        for (int32_t k = i + 1; k < f->n && f->pieces[k].box.x0 <= p->box.x1 + NEAR * h; k++) {
            const struct piece *q = &f->pieces[k];
            const float gap = near_enough(p, q, h);
            if (gap < 0 || q->box.x0 > p->box.x1 + gap || dp_overlap(p->box.y0, p->box.y1, q->box.y0, q->box.y1) < -gap)
                continue;
            const int32_t a = root_of(f->pieces, i), b = root_of(f->pieces, k);
            f->pieces[a > b ? a : b].group = a > b ? b : a;
        }
    }
    for (int32_t i = 0; i < f->n; i++)
        f->pieces[root_of(f->pieces, i)].shapes += !f->pieces[i].rule && !f->pieces[i].text;
}

/* Boxes of different lengths on one base. */
static bool has_bars(const struct finder *f, int32_t root)
{
    struct dp_rect at[BOXES_MOST];
    int32_t n = 0;
    for (int32_t i = 0; i < f->n && n < BOXES_MOST; i++)
        if (root_of(f->pieces, i) == root && !f->pieces[i].free && f->pieces[i].filled)
            at[n++] = f->pieces[i].box;
    for (int32_t i = 0; i < n; i++) {
        int32_t up = 1, along = 1;
        for (int32_t k = 0; k < n; k++) {
            if (k == i)
                continue;
            const bool apart_x = dp_overlap(at[i].x0, at[i].x1, at[k].x0, at[k].x1) < 1.0f;
            const bool apart_y = dp_overlap(at[i].y0, at[i].y1, at[k].y0, at[k].y1) < 1.0f;
            up += apart_x && fabsf(at[i].y1 - at[k].y1) < 2.0f && fabsf(height(at[i]) - height(at[k])) > 2.0f &&
                  fabsf(width(at[i]) - width(at[k])) < 2.0f;
            along += apart_y && fabsf(at[i].x0 - at[k].x0) < 2.0f && fabsf(width(at[i]) - width(at[k])) > 2.0f &&
                     fabsf(height(at[i]) - height(at[k])) < 2.0f;
        }
        if (up >= BARS_LEAST || along >= BARS_LEAST)
            return true;
    }
    return false;
}

/* The group's boxes that are in no other: how many, BOXES_MOST at most. */
static int32_t outer_boxes(const struct finder *f, int32_t root, struct dp_rect *at)
{
    int32_t n = 0;
    for (int32_t i = 0; i < f->n && n < BOXES_MOST; i++) {
        const struct piece *p = &f->pieces[i];
        if (root_of(f->pieces, i) != root || p->rule || p->text || p->free ||
            fminf(width(p->box), height(p->box)) < NODE_LEAST * f->a->height)
            continue;
        int32_t k = 0;
        while (k < n && !holds_middle(at[k], p->box) && !holds_middle(p->box, at[k]))
            k++;
        if (k == n)
            at[n++] = p->box;
        else
            at[k] = dp_rect_union(at[k], p->box);
    }
    return n;
}

static bool touch(struct dp_rect a, struct dp_rect b, float gap)
{
    return dp_overlap(a.x0, a.x1, b.x0, b.x1) > -gap && dp_overlap(a.y0, a.y1, b.y0, b.y1) > -gap;
}

/* Boxes apart from each other that rules between them join. */
static bool has_links(const struct finder *f, int32_t root)
{
    struct dp_rect at[BOXES_MOST];
    const int32_t n = outer_boxes(f, root, at);
    int32_t apart = 0, links = 0;
    for (int32_t i = 0; i < n; i++) {
        bool lone = true;
        for (int32_t k = 0; k < n && lone; k++)
            lone = k == i || !touch(at[i], at[k], NODE_GAP * f->a->height);
        apart += lone;
    }
    if (n < NODES_LEAST)
        return false;
    for (int32_t i = 0; i < f->n; i++) {
        const struct dp_rect r = f->pieces[i].box;
        if (!f->pieces[i].rule || root_of(f->pieces, i) != root)
            continue;
        const struct dp_rect mid = {(r.x0 + r.x1) * 0.5f, (r.y0 + r.y1) * 0.5f, (r.x0 + r.x1) * 0.5f,
                                    (r.y0 + r.y1) * 0.5f};
        bool meets = false, within = false;
        for (int32_t k = 0; k < n; k++) {
            meets = meets || touch(r, at[k], TOUCH);
            within = within || touch(mid, at[k], TOUCH);
        }
        links += meets && !within;
    }
    return links >= NODES_LEAST - 1 && (links >= n - 1 || apart * 4 >= n * 3);
}

static bool spans(struct dp_rect part, struct dp_rect box, float share)
{
    return width(part) > share * width(box) && height(part) > share * height(box);
}

static struct group measure(const struct finder *f, int32_t root)
{
    struct group g = {.box = {1e30f, 1e30f, -1e30f, -1e30f}, .first = root};
    g.free_box = g.frame_box = g.box;
    for (int32_t i = 0; i < f->n; i++) {
        const struct piece *p = &f->pieces[i];
        if (p->text || root_of(f->pieces, i) != root)
            continue;
        g.box = dp_rect_union(g.box, p->box);
        if (p->free) {
            g.free_box = dp_rect_union(g.free_box, p->box);
            g.largest = fmaxf(g.largest, fminf(width(p->box), height(p->box)));
        } else {
            g.frame_box = dp_rect_union(g.frame_box, p->box);
        }
        g.n_free += p->free;
        g.n_edges += p->free && fabsf(width(p->box) - height(p->box)) > ROUND * fmaxf(width(p->box), height(p->box));
        g.n_rules += p->rule;
        g.n_boxes += !p->free && !p->rule;
    }
    return g;
}

/* Whether text covers the drawing: it is a ground then, or letters that are drawn. */
static bool is_covered(const struct dp_assembly *a, struct dp_rect box)
{
    float covered = 0;
    int32_t prose = 0;
    for (int32_t i = 0; i < a->n_items; i++) {
        const struct dp_rect b = line_box(a, i);
        const float w = dp_overlap(b.x0, b.x1, box.x0, box.x1), h = dp_overlap(b.y0, b.y1, box.y0, box.y1);
        if (w <= 0 || h <= 0)
            continue;
        covered += w * h;
        prose += holds_middle(box, b) && a->items[i].chars > PROSE_CHARS;
    }
    return prose >= PROSE_LINES || covered > TEXT_MOST * width(box) * height(box);
}

/* Whether the group is a drawing; *sure: whatever else is said of the place. */
static bool is_drawing(const struct finder *f, const struct group *g, bool *sure)
{
    const float h = f->a->height;
    *sure = false;
    const float lesser = fminf(width(g->box), height(g->box)), longer = fmaxf(width(g->box), height(g->box));
    const bool flat = lesser > FLAT_LEAST * h && longer > FLAT_LONG * h && g->n_free >= 2 && g->largest > SMALL * h;
    const bool row = lesser > LINKED_LEAST * h && longer > FLAT_LONG * h && g->n_boxes >= NODES_LEAST;
    if ((lesser < SIDE_LEAST * h && !flat && !row) || is_page(f, g->box) || is_covered(f->a, g->box))
        return false;
    *sure = g->n_boxes >= NODES_LEAST && has_links(f, g->first);
    if (lesser < SIDE_LEAST * h && !flat)
        return *sure;
    if (*sure || (g->n_boxes >= BARS_LEAST && has_bars(f, g->first)))
        return true;
    *sure = g->n_free > 0 && spans(g->free_box, g->box, REACH_SURE) &&
            (g->largest > SMALL * h || g->n_edges >= EDGES_LEAST);
    if (*sure || g->n_free == 0)
        return *sure;
    if (g->largest < SMALL * h)
        return g->n_boxes + g->n_rules >= 2 && spans(g->frame_box, g->box, REACH_FRAME);
    return spans(g->free_box, g->box, REACH) || g->n_boxes >= 2;
}

static bool names_figure(const char *text)
{
    static const char *const labels[] = {"Fig", "FIG", "Abb", "Tab", "TAB", "Chart", "Рис", "图", "圖", "図", "表"};
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
        if (strncmp(text, labels[i], strlen(labels[i])) == 0)
            return true;
    return false;
}

/* Whether the item ends or begins a text that stands away from the drawing: another line follows it on that side. */
static bool is_of_text(const struct dp_assembly *a, int32_t item, bool above)
{
    const struct dp_rect b = line_box(a, item);
    for (int32_t i = 0; i < a->n_items; i++) {
        const struct dp_rect o = line_box(a, i);
        const float gap = above ? b.y0 - o.y1 : o.y0 - b.y1;
        if (i != item && gap > -0.5f * height(b) && gap < LABEL_ABOVE * a->height && fabsf(o.x0 - b.x0) < a->height &&
            a->items[i].chars > LABEL_CHARS)
            return true;
    }
    return false;
}

static bool is_label(const struct dp_assembly *a, int32_t item, struct dp_rect box)
{
    const struct dp_item *it = &a->items[item];
    const struct dp_rect b = line_box(a, item);
    const float h = a->height;
    const float across = dp_overlap(b.x0, b.x1, box.x0, box.x1), down = dp_overlap(b.y0, b.y1, box.y0, box.y1);
    if (names_figure(a->page->lines[it->line].text) || it->size > LABEL_SIZE * a->body)
        return false;
    if (it->direction != a->main_direction)
        return it->chars <= TURNED_CHARS && down > 0.9f * height(b) && across > -LABEL_TURNED * h;
    if (it->chars > LABEL_CHARS)
        return false;
    if (down > 0.5f * height(b))
        return across > (it->digits * 2 >= it->chars ? -LABEL_BESIDE : -LABEL_ABOVE) * h;
    const bool above = b.y0 < box.y0;
    return across > 0 && down > -LABEL_ABOVE * h && !(it->bold && above) && !is_of_text(a, item, above);
}

static struct dp_rect with_labels(const struct dp_assembly *a, struct dp_rect box)
{
    for (int round = 0; round < LABEL_ROUNDS; round++) {
        const struct dp_rect was = box;
        for (int32_t i = 0; i < a->n_items; i++)
            if (is_label(a, i, was))
                box = dp_rect_union(box, line_box(a, i));
    }
    return box;
}

bool dp_on_drawing(const struct dp_assembly *a, struct dp_rect page_box)
{
    for (int32_t i = 0; i < a->n_drawings; i++) {
        const struct dp_rect d = a->drawings[i].page_box;
        const float w = dp_overlap(d.x0, d.x1, page_box.x0, page_box.x1);
        const float h = dp_overlap(d.y0, d.y1, page_box.y0, page_box.y1);
        if (a->drawings[i].sure && w > 0 && h > 0 && w * h > 0.5f * width(page_box) * height(page_box))
            return true;
    }
    return false;
}

enum b_code dp_drawings_find(struct dp_assembly *a, struct b_err *err)
{
    struct finder f = {.a = a};
    if (!a->sheet || a->sheet->kind != DP_SHEET_DIGITAL || a->sheet->n_shapes == 0)
        return B_OK;
    f.page_w = (float)a->page->width;
    f.page_h = (float)a->page->height;
    a->drawings = B_ARENA_ARRAY(a->arena, DP_PICTURES_MOST, struct dp_drawing);
    if (!a->drawings)
        return b_arena_refused(a->arena, "assembly", err);
    const enum b_code code = gather(&f, err);
    if (code != B_OK)
        return code;
    unite(&f);
    int32_t looked = 0;
    for (int32_t i = 0; i < f.n && a->n_drawings < DP_PICTURES_MOST && looked < 4 * DP_PICTURES_MOST; i++) {
        if (root_of(f.pieces, i) != i || f.pieces[i].shapes == 0)
            continue;
        bool sure;
        const struct group g = measure(&f, i);
        looked++;
        if (is_drawing(&f, &g, &sure))
            a->drawings[a->n_drawings++] = (struct dp_drawing){.page_box = with_labels(a, g.box), .sure = sure};
    }
    return B_OK;
}
