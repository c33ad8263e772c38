/* SPDX-License-Identifier: Apache-2.0 */
/* What level lines make: fractions, roots, lines over and under; and braces over and under. Narrow ones first: a
 * structure inside of another is never wider. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/formula/formula_private.h"

#define REACH 0.55f     /* ems between a line and what belongs to it, or between that and the next */
#define CHAIN 0.3f      /* ems between a row and the small things over or under it */
#define SIDE 0.12f      /* ems that a part may stand out at the side by its middle */
#define ROOT_TOUCH 0.2f /* ems between a root's sign and its line */
#define LOOSE 0.45f     /* ems: no numerator is as far from its line while the denominator is as near as TIGHT */
#define TIGHT 0.17f
#define AXIS 0.25f /* ems of the axis over the baseline */

static bool is_brace(const struct fm_el *e)
{
    return e->cls == FM_OVERBRACE || e->cls == FM_UNDERBRACE;
}

static bool spans(const struct fm *f, const struct fm_el *bar, const struct fm_el *e)
{
    const float x = fm_mid_x(e);
    return x > bar->box.x0 - SIDE * f->em && x < bar->box.x1 + SIDE * f->em && e != bar;
}

/* Another line that stands between and is nearer. */
static bool belongs_elsewhere(struct fm *f, const struct fm_list *list, const struct fm_el *bar, const struct fm_el *e)
{
    const float far = fabsf(fm_mid_y(e) - fm_mid_y(bar));
    const bool above = fm_mid_y(e) < fm_mid_y(bar);
    if (!fm_spend(f, list->n))
        return true;
    for (int32_t i = 0; i < list->n; i++) {
        const struct fm_el *o = list->e[i];
        const bool outer = fm_wide(o) > 1.1f * fm_wide(bar) && o->box.x0 < bar->box.x0 + SIDE * f->em &&
                           o->box.x1 > bar->box.x1 - SIDE * f->em;
        if (o == bar || o == e || o->gone || o->cls != FM_BAR || !spans(f, o, e))
            continue;
        const float between = (fm_mid_y(o) - fm_mid_y(bar)) * (fm_mid_y(o) - fm_mid_y(e));
        if (between < 0)
            return true;
        /* The other bar lies on the far side of e. */
        if (!outer && (fm_mid_y(o) < fm_mid_y(e)) == above && fabsf(fm_mid_y(e) - fm_mid_y(o)) < 0.8f * far &&
            fm_wide(o) > 0.3f * fm_wide(bar))
            return true;
    }
    return false;
}

static bool holds(const struct fm_list *list, const struct fm_el *e)
{
    for (int32_t i = 0; i < list->n; i++)
        if (list->e[i] == e)
            return true;
    return false;
}

/* Whether e belongs to the part of a fraction that is gathered in `got`: on its row, or small and close to it. */
static bool joins_row(const struct fm *f, const struct fm_list *got, const struct fm_el *e, float gap, float reach)
{
    float size = 0, y0 = 1e9f, y1 = -1e9f;
    if (got->n == 0)
        return gap < reach;
    for (int32_t i = 0; i < got->n; i++)
        size = fmaxf(size, got->e[i]->size);
    for (int32_t i = 0; i < got->n; i++)
        if (got->e[i]->size > 0.85f * size) {
            y0 = fminf(y0, got->e[i]->box.y0);
            y1 = fmaxf(y1, got->e[i]->box.y1);
        }
    if (fm_overlap(y0, y1, e->box.y0, e->box.y1) > 0.1f * fminf(y1 - y0, fm_tall(e)) ||
        fabsf(e->base - got->e[0]->base) < 0.1f * f->em)
        return true;
    return e->size < 1.05f * size && gap < CHAIN * f->em && (e->size < 0.85f * size || e->cls == FM_ACCENT);
}

/* What stands over (or under) the line: the nearest first, then its row. */
static struct fm_list gather(struct fm *f, const struct fm_list *list, const struct fm_el *bar, bool above, float reach)
{
    struct fm_list got = fm_list_new(f, list->n);
    float edge = above ? bar->box.y0 : bar->box.y1;
    const float slack = 0.08f * f->em;
    while (!f->starved && fm_spend(f, list->n)) {
        struct fm_el *next = NULL;
        float best = 1e9f;
        for (int32_t i = 0; i < list->n; i++) {
            struct fm_el *e = list->e[i];
            if (e->gone || e->cls == FM_BAR || !spans(f, bar, e) || holds(&got, e))
                continue;
            const float gap = above ? edge - e->box.y1 : e->box.y0 - edge;
            if ((above ? e->box.y1 > bar->box.y0 + slack : e->box.y0 < bar->box.y1 - slack) || gap > best ||
                e->box.x0 < bar->box.x0 - 3.0f * SIDE * f->em || belongs_elsewhere(f, list, bar, e) ||
                !joins_row(f, &got, e, gap, reach))
                continue;
            best = gap;
            next = e;
        }
        if (!next)
            break;
        got.e[got.n++] = next;
        edge = above ? fminf(edge, next->box.y0) : fmaxf(edge, next->box.y1);
    }
    return got;
}

static struct fm_list joined(struct fm *f, const struct fm_list *a, const struct fm_list *b, struct fm_el *one)
{
    struct fm_list all = fm_list_new(f, a->n + b->n + 1);
    if (f->starved)
        return all;
    for (int32_t i = 0; i < a->n; i++)
        all.e[all.n++] = a->e[i];
    for (int32_t i = 0; i < b->n; i++)
        all.e[all.n++] = b->e[i];
    all.e[all.n++] = one;
    return all;
}

/* Copy of the pointers: a region uses its list up. */
static const char *inner(struct fm *f, const struct fm_list *list)
{
    struct fm_list copy = fm_list_new(f, list->n);
    if (f->starved)
        return "";
    memcpy(copy.e, list->e, (size_t)list->n * sizeof *list->e);
    copy.n = list->n;
    return fm_region(f, &copy, false);
}

static float size_of(const struct fm_list *list)
{
    float size = 0;
    for (int32_t i = 0; i < list->n; i++)
        size = fmaxf(size, list->e[i]->cls == FM_BAR ? 0 : list->e[i]->size);
    return size;
}

/* The baseline that most of the content stands on: its largest, lowest letter's. */
static float base_of(const struct fm_list *list)
{
    const float size = size_of(list);
    for (int32_t i = 0; i < list->n; i++)
        if (list->e[i]->size > 0.9f * size && !list->e[i]->structure && list->e[i]->cls == FM_ORD)
            return list->e[i]->base;
    return list->n > 0 ? list->e[0]->base : 0;
}

static void make_fraction(struct fm *f, struct fm_list *list, struct fm_el *bar, struct fm_list *over,
                          struct fm_list *under)
{
    const struct fm_list parts = joined(f, over, under, bar);
    const float size = fmaxf(size_of(over), size_of(under)), y = fm_mid_y(bar);
    const char *a = inner(f, over), *b = inner(f, under);
    struct fm_el *made = fm_replace(f, list, &parts, fm_print(f, "\\frac{%s}{%s}", a, b));
    if (made) {
        made->size = size;
        made->base = y + AXIS * (size < 0.8f * f->em ? fmaxf(size, 0.7f * f->em) : size);
    }
}

static void make_line(struct fm *f, struct fm_list *list, struct fm_el *bar, struct fm_list *content,
                      const char *command)
{
    const struct fm_list none = {NULL, 0}, parts = joined(f, content, &none, bar);
    const float size = size_of(content), base = base_of(content);
    struct fm_el *made = fm_replace(f, list, &parts, fm_print(f, "%s{%s}", command, inner(f, content)));
    if (made) {
        made->size = size;
        made->base = base;
    }
}

/* The root sign whose line this is. */
static struct fm_el *root_of(struct fm *f, const struct fm_list *list, const struct fm_el *bar)
{
    for (int32_t i = 0; fm_spend(f, 1) && i < list->n; i++) {
        struct fm_el *r = list->e[i];
        if (!r->gone && r->cls == FM_RADICAL && !r->structure && fabsf(r->box.x1 - bar->box.x0) < ROOT_TOUCH * f->em &&
            fabsf(r->box.y0 - fm_mid_y(bar)) < ROOT_TOUCH * f->em)
            return r;
    }
    return NULL;
}

static void make_root(struct fm *f, struct fm_list *list, struct fm_el *bar, struct fm_el *root)
{
    struct fm_list content = fm_list_new(f, list->n), index = fm_list_new(f, list->n);
    for (int32_t i = 0; i < list->n && !f->starved; i++) {
        struct fm_el *e = list->e[i];
        if (e->gone || e == bar || e == root)
            continue;
        const float x = fm_mid_x(e), y = fm_mid_y(e);
        if (x > bar->box.x0 - 0.05f * f->em && x < bar->box.x1 + 0.05f * f->em && y > bar->box.y0 &&
            y < root->box.y1 + 0.2f * f->em)
            content.e[content.n++] = e;
        else if (e->size < 0.8f * f->em && e->box.x1 > root->box.x0 + 0.05f * f->em &&
                 e->box.x0 < root->box.x0 + 0.3f * f->em && e->box.x1 < root->box.x1 &&
                 y < fm_mid_y(root) + 0.1f * f->em && y > root->box.y0 - 0.4f * f->em)
            index.e[index.n++] = e;
    }
    if (f->starved)
        return;
    struct fm_list parts = joined(f, &content, &index, bar);
    parts.e[parts.n++] = root; /* the list has room for one more */
    const float size = fmaxf(size_of(&content), 0.1f), base = content.n ? base_of(&content) : root->box.y1;
    const char *body = inner(f, &content), *degree = index.n ? inner(f, &index) : NULL;
    struct fm_el *made = fm_replace(
        f, list, &parts, degree ? fm_print(f, "\\sqrt[%s]{%s}", degree, body) : fm_print(f, "\\sqrt{%s}", body));
    if (made) {
        made->size = size;
        made->base = base;
    }
}

/* A brace with its content on one side and a label on the other. */
static void make_brace(struct fm *f, struct fm_list *list, struct fm_el *brace)
{
    const bool over = brace->cls == FM_OVERBRACE;
    struct fm_list content = gather(f, list, brace, !over, REACH * f->em),
                   label = gather(f, list, brace, over, REACH * f->em);
    int32_t kept = 0;
    for (int32_t i = 0; i < label.n; i++) /* labels are small */
        if (label.e[i]->size < 0.86f * f->em || content.n == 0)
            label.e[kept++] = label.e[i];
    label.n = kept;
    if (content.n == 0 || f->starved) {
        f->lost += brace->glyphs;
        brace->gone = true;
        return;
    }
    const struct fm_list parts = joined(f, &content, &label, brace);
    const float size = size_of(&content), base = base_of(&content);
    const char *body = inner(f, &content), *text = label.n ? inner(f, &label) : NULL;
    const char *latex = text ? fm_print(f, "%s{%s}%s{%s}", brace->latex, body, over ? "^" : "_", text)
                             : fm_print(f, "%s{%s}", brace->latex, body);
    struct fm_el *made = fm_replace(f, list, &parts, latex);
    if (made) {
        made->size = size;
        made->base = base;
    }
}

static void use_bar(struct fm *f, struct fm_list *list, struct fm_el *bar)
{
    struct fm_el *root = bar->cls == FM_BAR ? root_of(f, list, bar) : NULL;
    if (is_brace(bar)) {
        make_brace(f, list, bar);
        return;
    }
    if (root) {
        make_root(f, list, bar, root);
        return;
    }
    struct fm_list over = gather(f, list, bar, true, REACH * f->em), under = gather(f, list, bar, false, REACH * f->em);
    if (f->starved)
        return;
    const float above = over.n ? bar->box.y0 - fm_box_of(&over).y1 : 0,
                below = under.n ? fm_box_of(&under).y0 - bar->box.y1 : 0;
    if (above > LOOSE * f->em && below < TIGHT * f->em)
        over.n = 0; /* a line over something, with another line of the formula over it */
    if (over.n > 0 && under.n > 0) {
        make_fraction(f, list, bar, &over, &under);
    } else if (under.n > 0) {
        make_line(f, list, bar, &under, "\\overline");
    } else if (over.n > 0) {
        make_line(f, list, bar, &over, "\\underline");
    } else {
        bar->gone = true; /* a rule of something else */
        f->lost++;
    }
    fm_compact(list);
}

static int by_width(const void *a, const void *b)
{
    const float p = fm_wide(*(struct fm_el *const *)a), q = fm_wide(*(struct fm_el *const *)b);
    return (p > q) - (p < q);
}

void fm_bars(struct fm *f, struct fm_list *list)
{
    struct fm_list bars = fm_list_new(f, list->n);
    for (int32_t i = 0; i < list->n && !f->starved; i++)
        if (list->e[i]->cls == FM_BAR || is_brace(list->e[i]))
            bars.e[bars.n++] = list->e[i];
    if (bars.n > 1)
        qsort(bars.e, (size_t)bars.n, sizeof *bars.e, by_width);
    for (int32_t i = 0; i < bars.n && !f->starved && fm_spend(f, list->n); i++)
        if (!bars.e[i]->gone)
            use_bar(f, list, bars.e[i]);
    fm_compact(list);
}
