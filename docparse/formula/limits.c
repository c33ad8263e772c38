/* SPDX-License-Identifier: Apache-2.0 */
/* Accents over letters, and what stands above and below operators, names of functions, relations and arrows. */
#include <math.h>
#include <string.h>

#include "docparse/formula/formula_private.h"

#define SMALL 0.86f     /* size of limits against the operator's */
#define NEAR 0.55f      /* ems between an operator and its limit, at most */
#define ACCENT_GAP 0.4f /* ems between an accent and its letter */
#define SIDE_GAP 0.35f  /* ems between neighbours in one limit */

static const char *wide_name(const char *latex)
{
    return strcmp(latex, "\\hat") == 0     ? "\\widehat"
           : strcmp(latex, "\\tilde") == 0 ? "\\widetilde"
           : strcmp(latex, "\\vec") == 0   ? "\\overrightarrow"
           : strcmp(latex, "\\bar") == 0   ? "\\overline"
                                           : latex;
}

static void make_accent(struct fm *f, struct fm_list *list, struct fm_el *accent, struct fm_list *base)
{
    struct fm_list parts = fm_list_new(f, base->n + 1), copy = fm_list_new(f, base->n);
    if (f->starved)
        return;
    const struct fm_el first = *base->e[0];
    for (int32_t i = 0; i < base->n; i++)
        parts.e[parts.n++] = copy.e[copy.n++] = base->e[i];
    parts.e[parts.n++] = accent;
    const bool wide =
        base->n > 1 || fm_wide(accent) > (strcmp(accent->latex, "\\vec") == 0 ? 0.7f : 0.47f) * accent->size;
    const char *name = wide ? wide_name(accent->latex) : accent->latex;
    const bool crossed = accent->box.y0 > first.box.y0 && strcmp(accent->latex, "\\bar") == 0 && first.cp == 'h';
    const char *latex =
        crossed ? "\\hbar" : fm_print(f, "%s{%s}", name, base->n > 1 ? fm_region(f, &copy, false) : fm_line(f, &copy));
    struct fm_el *made = fm_replace(f, list, &parts, latex);
    if (made) {
        made->size = first.size;
        made->base = first.base;
        made->x = first.x;
        made->end = base->e[base->n - 1]->end;
        made->cls = FM_ORD;
    }
}

/* Letters below an accent, within its width. */
static struct fm_list below_accent(struct fm *f, const struct fm_list *list, const struct fm_el *a)
{
    struct fm_list got = fm_list_new(f, list->n);
    struct fm_el *nearest = NULL;
    float best = 1e9f;
    for (int32_t i = 0; i < list->n && !f->starved; i++) {
        struct fm_el *e = list->e[i];
        if (e == a || e->gone || e->cls == FM_ACCENT || e->cls == FM_BAR)
            continue;
        const float x = fm_mid_x(e), gap = e->box.y0 - a->box.y1;
        const bool struck = e->cp == 'h' && fm_mid_y(a) < fm_mid_y(e);
        if ((gap < -0.12f * f->em && !struck) || gap > ACCENT_GAP * f->em || e->size < 0.6f * a->size)
            continue;
        if (x > a->box.x0 && x < a->box.x1 && fm_wide(a) > 0.5f * a->size)
            got.e[got.n++] = e;
        const float off = fabsf(x - fm_mid_x(a));
        if (off < best && fm_overlap(e->box.x0, e->box.x1, a->box.x0, a->box.x1) > 0) {
            best = off;
            nearest = e;
        }
    }
    if (got.n == 0 && nearest)
        got.e[got.n++] = nearest;
    fm_sort_x(&got);
    return got;
}

void fm_accents(struct fm *f, struct fm_list *list)
{
    for (bool again = true; again && !f->starved && fm_spend(f, list->n);) { /* innermost (lowest) first */
        struct fm_el *lowest = NULL;
        again = false;
        for (int32_t i = 0; i < list->n; i++) {
            struct fm_el *e = list->e[i];
            if (e->cls == FM_ACCENT && !e->gone && !e->limits && (!lowest || fm_mid_y(e) > fm_mid_y(lowest)))
                lowest = e;
        }
        if (!lowest)
            break;
        again = true;
        struct fm_list base = below_accent(f, list, lowest);
        lowest->limits = true; /* looked at */
        if (base.n > 0)
            make_accent(f, list, lowest, &base);
    }
}

/* Whether operators take their limits above and below. */
static bool takes_limits(const struct fm_el *e)
{
    return e->cls == FM_OP || e->cls == FM_REL || e->cls == FM_ARROW || (e->word && !e->text_font);
}

static bool in_list(const struct fm_list *list, const struct fm_el *e)
{
    for (int32_t i = 0; i < list->n; i++)
        if (list->e[i] == e)
            return true;
    return false;
}

/* Small things over or under `op`, centred there, with their neighbours in the same rows. */
static struct fm_list limit_of(struct fm *f, const struct fm_list *list, const struct fm_el *op, bool above)
{
    struct fm_list got = fm_list_new(f, list->n);
    float edge = above ? op->box.y0 : op->box.y1, low = 0, high = 0;
    for (bool grown = !f->starved; grown && fm_spend(f, list->n);) {
        grown = false;
        for (int32_t i = 0; i < list->n; i++) {
            struct fm_el *e = list->e[i];
            if (e == op || e->gone || in_list(&got, e) || e->size > SMALL * f->em || e->size > 0.99f * op->size)
                continue;
            const float gap = above ? edge - e->box.y1 : e->box.y0 - edge;
            const bool outside = above ? e->box.y1 < op->box.y0 + 0.1f * f->em : e->box.y0 > op->box.y1 - 0.1f * f->em;
            const bool over =
                fm_overlap(e->box.x0, e->box.x1, op->box.x0, op->box.x1) > 0.4f * fminf(fm_wide(e), fm_wide(op));
            if (outside && over && gap < NEAR * f->em && gap > -0.15f * f->em) {
                low = got.n ? fminf(low, e->box.y0) : e->box.y0;
                high = got.n ? fmaxf(high, e->box.y1) : e->box.y1;
                got.e[got.n++] = e;
                edge = above ? fminf(edge, e->box.y0) : fmaxf(edge, e->box.y1);
                grown = true;
                continue;
            }
            const float mid = fm_mid_y(e);
            if (got.n == 0 || mid < low - 0.1f * f->em || mid > high + 0.1f * f->em || !outside)
                continue;
            const struct dp_rect box = fm_box_of(&got);
            if (e->box.x0 - box.x1 < SIDE_GAP * f->em && box.x0 - e->box.x1 < SIDE_GAP * f->em) {
                low = fminf(low, e->box.y0);
                high = fmaxf(high, e->box.y1);
                got.e[got.n++] = e;
                grown = true;
            }
        }
    }
    return got;
}

/* A script of the element before, not something over this one: it does not stand in the middle. */
static bool is_centred(const struct fm *f, const struct fm_list *limit, const struct fm_el *op)
{
    const struct dp_rect box = fm_box_of(limit);
    const float off = fabsf((box.x0 + box.x1) * 0.5f - fm_mid_x(op));
    return off < 0.3f * f->em || off < 0.12f * (box.x1 - box.x0);
}

static const char *limit_latex(struct fm *f, const struct fm_list *limit)
{
    struct fm_list copy = fm_list_new(f, limit->n);
    if (f->starved)
        return "";
    memcpy(copy.e, limit->e, (size_t)limit->n * sizeof *limit->e);
    copy.n = limit->n;
    return fm_region(f, &copy, true);
}

static const char *with_limits(struct fm *f, const struct fm_el *op, const char *over, const char *under)
{
    const char *name = op->latex ? op->latex : "=";
    if (op->cls == FM_ARROW) {
        const bool left = strstr(name, "left") && !strstr(name, "right");
        const char *arrow = left ? "\\xleftarrow" : "\\xrightarrow";
        return under ? fm_print(f, "%s[%s]{%s}", arrow, under, over ? over : "") : fm_print(f, "%s{%s}", arrow, over);
    }
    if (op->cls == FM_REL)
        return under ? fm_print(f, "\\underset{%s}{%s}", under,
                                over ? fm_print(f, "\\overset{%s}{%s}", over, name) : name)
                     : fm_print(f, "\\overset{%s}{%s}", over, name);
    const bool named = !op->word || op->limits || strcmp(name, "\\limsup") == 0 || strcmp(name, "\\liminf") == 0;
    if (!named)
        name = name[0] == '\\' ? name : fm_print(f, "\\operatorname*{%s}", name);
    if (over && under)
        return fm_print(f, "%s_{%s}^{%s}", name, under, over);
    return under ? fm_print(f, "%s_{%s}", name, under) : fm_print(f, "%s^{%s}", name, over);
}

void fm_limits(struct fm *f, struct fm_list *list)
{
    for (int32_t i = 0; i < list->n && !f->starved && fm_spend(f, 1); i++) {
        struct fm_el *op = list->e[i];
        if (op->gone || op->structure || !takes_limits(op))
            continue;
        struct fm_list over = limit_of(f, list, op, true), under = limit_of(f, list, op, false);
        if (f->starved)
            return;
        if (!is_centred(f, &over, op))
            over.n = 0;
        if (!is_centred(f, &under, op))
            under.n = 0;
        if (over.n == 0 && under.n == 0)
            continue;
        const struct fm_el was = *op;
        struct fm_list parts = fm_list_new(f, over.n + under.n + 1);
        if (f->starved)
            return;
        parts.e[parts.n++] = op;
        for (int32_t k = 0; k < over.n; k++)
            parts.e[parts.n++] = over.e[k];
        for (int32_t k = 0; k < under.n; k++)
            parts.e[parts.n++] = under.e[k];
        const char *a = over.n ? limit_latex(f, &over) : NULL, *b = under.n ? limit_latex(f, &under) : NULL;
        struct fm_el *made = fm_replace(f, list, &parts, with_limits(f, &was, a, b));
        if (made) {
            made->size = was.size;
            made->base = was.cls == FM_OP && !was.word ? fm_mid_y(&was) + 0.25f * f->em : was.base;
            made->cls = was.cls == FM_ARROW ? FM_REL : was.cls;
            i = -1; /* places have moved */
        }
    }
}
