/* SPDX-License-Identifier: Apache-2.0 */
/* Glyphs to elements, and the order in which structures are found. Invariant: an element is either in the list in
 * work or part of exactly one structure; what no structure takes is written where it stands, so nothing vanishes
 * without being counted in `lost`. */
#include "docparse/formula/formula.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/formula/formula_private.h"
#include "docparse/latex_check.h"
#include "engine/base/utf8.h"

#define DOMAIN "formula"
#define ASCENT 0.68f /* of the size: ink of a letter whose font tells nothing */
#define DESCENT 0.02f
#define TAG_GAP 1.5f /* ems between a formula and its number, at least */
#define TAG_GLYPHS 12
#define LATEX_MAX ((size_t)1 << 20)

const char *fm_print(struct fm *f, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    va_list copy;
    va_copy(copy, args);
    const int n = vsnprintf(NULL, 0, fmt, copy);
    va_end(copy);
    char *text = n >= 0 && (size_t)n < LATEX_MAX ? b_arena_alloc(f->arena, (size_t)n + 1, 1) : NULL;
    if (text)
        (void)vsnprintf(text, (size_t)n + 1, fmt, args);
    va_end(args);
    if (!text)
        f->starved = true;
    return text ? text : "";
}

struct fm_list fm_list_new(struct fm *f, int32_t room)
{
    struct fm_list list = {B_ARENA_ARRAY(f->arena, (size_t)room + 1, struct fm_el *), 0};
    if (!list.e)
        f->starved = true;
    return list;
}

void fm_compact(struct fm_list *list)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < list->n; i++)
        if (!list->e[i]->gone)
            list->e[kept++] = list->e[i];
    list->n = kept;
}

struct dp_rect fm_box_of(const struct fm_list *list)
{
    struct dp_rect box = {0, 0, 0, 0};
    for (int32_t i = 0; i < list->n; i++) {
        const struct dp_rect b = list->e[i]->box;
        if (i == 0) {
            box = b;
            continue;
        }
        box = (struct dp_rect){fminf(box.x0, b.x0), fminf(box.y0, b.y0), fmaxf(box.x1, b.x1), fmaxf(box.y1, b.y1)};
    }
    return box;
}

static int by_x(const void *a, const void *b)
{
    const struct fm_el *p = *(struct fm_el *const *)a, *q = *(struct fm_el *const *)b;
    if (p->box.x0 != q->box.x0)
        return p->box.x0 < q->box.x0 ? -1 : 1;
    return (p->box.y0 > q->box.y0) - (p->box.y0 < q->box.y0);
}

void fm_sort_x(struct fm_list *list)
{
    if (list->n > 1)
        qsort(list->e, (size_t)list->n, sizeof *list->e, by_x);
}

struct fm_el *fm_replace(struct fm *f, struct fm_list *list, const struct fm_list *parts, const char *latex)
{
    struct fm_el *made = B_ARENA_ARRAY(f->arena, 1, struct fm_el);
    if (!made || parts->n == 0) {
        f->starved = f->starved || !made;
        return NULL;
    }
    *made = (struct fm_el){.box = fm_box_of(parts), .latex = latex, .structure = true, .base = parts->e[0]->base};
    made->x = made->box.x0;
    made->end = made->box.x1;
    for (int32_t i = 0; i < parts->n; i++) {
        parts->e[i]->gone = true;
        made->glyphs += parts->e[i]->glyphs;
        if (parts->e[i]->cls != FM_BAR)
            made->size = fmaxf(made->size, parts->e[i]->size);
        made->end = fmaxf(made->end, parts->e[i]->end);
    }
    /* In the place of the first part: there is room. */
    int32_t at = 0;
    while (at < list->n && !list->e[at]->gone)
        at++;
    if (at < list->n)
        list->e[at] = made;
    fm_compact(list);
    return made;
}

const char *fm_region(struct fm *f, struct fm_list *list, bool script)
{
    if (list->n == 0)
        return "";
    if (f->depth >= FM_DEPTH_MAX || f->starved || f->work <= 0) {
        for (int32_t i = 0; i < list->n; i++)
            f->lost += list->e[i]->glyphs;
        return "";
    }
    f->depth++;
    fm_bars(f, list);
    fm_fences(f, list);
    fm_accents(f, list);
    fm_limits(f, list);
    const char *latex = fm_rows(f, list, script);
    f->depth--;
    return latex;
}

static struct fm_el element_of(const struct dp_glyph *g, const char *font)
{
    const struct fm_sign s = fm_sign_of(g->cp, font);
    struct fm_el e = {.box = g->ink,
                      .x = g->x,
                      .end = g->x + g->advance,
                      .base = g->y,
                      .size = g->size,
                      .cp = s.cp,
                      .latex = s.latex,
                      .cls = s.cls,
                      .alphabet = s.alphabet,
                      .text_font = s.text_font,
                      .glyphs = 1};
    if (!(e.box.x1 > e.box.x0))
        e.box = (struct dp_rect){g->x, g->y - ASCENT * g->size, g->x + fmaxf(g->advance, 0.1f * g->size),
                                 g->y + DESCENT * g->size};
    if (!s.latex && s.cls == FM_ORD) {
        e.latex = NULL;
        if (!s.known)
            e.glyphs = 3; /* weighs more in what is lost */
    }
    return e;
}

static bool sound(const struct fm_el *e)
{
    return isfinite(e->x) && isfinite(e->end) && isfinite(e->base) && isfinite(e->size) && isfinite(e->box.x0) &&
           isfinite(e->box.x1) && isfinite(e->box.y0) && isfinite(e->box.y1);
}

/* The size of the formula's own letters: the largest that is no exception. */
static float main_size(const struct fm_list *list)
{
    float best = 0, any = 0;
    for (int32_t i = 0; i < list->n; i++) {
        const float size = list->e[i]->size;
        int32_t same = 0;
        if (list->e[i]->cls == FM_BAR)
            continue;
        any = fmaxf(any, size);
        if (size <= best)
            continue;
        for (int32_t k = 0; k < list->n; k++)
            same += list->e[k]->cls != FM_BAR && fabsf(list->e[k]->size - size) < 0.03f * size;
        if (same * 12 >= list->n || same >= 8)
            best = size;
    }
    return best > 0 ? best : any > 0 ? any : 1.0f;
}

/* Takes "(3.2)" at the right or left margin off the list and remembers what is in it. */
static void take_tag(struct fm *f, struct fm_list *list, bool right)
{
    fm_sort_x(list);
    const int32_t n = list->n;
    int32_t count = 1;
    while (count < n && count <= TAG_GLYPHS) { /* glyphs of one baseline at the margin */
        const struct fm_el *inner = right ? list->e[n - count] : list->e[count - 1];
        const struct fm_el *next = right ? list->e[n - count - 1] : list->e[count];
        const float gap = right ? inner->box.x0 - next->box.x1 : next->box.x0 - inner->box.x1;
        if (gap > TAG_GAP * f->em)
            break;
        count++;
    }
    if (count < 3 || count >= n || count > TAG_GLYPHS)
        return;
    struct fm_el **tag = right ? list->e + n - count : list->e;
    char text[TAG_GLYPHS * 4 + 1];
    size_t at = 0;
    if (tag[0]->cp != '(' || tag[count - 1]->cp != ')')
        return;
    for (int32_t i = 0; i < count; i++) {
        const uint32_t cp = tag[i]->cp == 0x2032 || tag[i]->cp == 0x2019 ? '\'' : tag[i]->cp;
        if (fabsf(tag[i]->base - tag[0]->base) > 0.5f * f->em || !(tag[i]->cls == FM_ORD || cp < 0x80))
            return;
        if (i > 0 && i < count - 1)
            at += b_utf8_put(cp, text + at);
    }
    text[at] = '\0';
    f->tag = fm_print(f, "%s", text);
    for (int32_t i = 0; i < count; i++)
        tag[i]->gone = true;
    fm_compact(list);
}

enum b_code dp_formula_read(const struct dp_glyph *glyphs, int32_t n, const char *const *fonts, struct b_arena *arena,
                            struct dp_formula *out, struct b_err *err)
{
    struct fm f = {.arena = arena, .work = FM_WORK_MAX};
    *out = (struct dp_formula){.latex = ""};
    n = n < DP_FORMULA_GLYPHS ? n : DP_FORMULA_GLYPHS;
    struct fm_el *els = B_ARENA_ARRAY(arena, (size_t)n, struct fm_el);
    struct fm_list list = fm_list_new(&f, n);
    if (!els || f.starved)
        return b_arena_refused(arena, DOMAIN, err);
    int32_t all = 0;
    for (int32_t i = 0; i < n; i++) {
        els[i] = element_of(&glyphs[i], glyphs[i].font >= 0 ? fonts[glyphs[i].font] : NULL);
        if (els[i].cls != FM_SPACE && sound(&els[i])) {
            list.e[list.n++] = &els[i];
            all += els[i].cls != FM_BAR;
            f.lost += els[i].glyphs - 1;
        }
        els[i].glyphs = 1;
    }
    f.em = main_size(&list);
    take_tag(&f, &list, true);
    if (!f.tag)
        take_tag(&f, &list, false);
    fm_join_pieces(&f, &list);
    fm_make_words(&f, &list);
    out->latex = fm_region(&f, &list, false);
    if (f.starved)
        return b_arena_refused(arena, DOMAIN, err);
    out->tag = f.tag;
    out->confidence = all > 0 && f.work > 0 ? fmaxf(0, 1.0f - 2.0f * (float)f.lost / (float)(all + 2)) : 0;
    if (dp_latex_check(out->latex, strlen(out->latex)) != DP_LATEX_FINE)
        out->confidence = 0;
    return B_OK;
}
