/* SPDX-License-Identifier: Apache-2.0 */
/* Signs that TeX puts together from several glyphs: brackets and roots out of pieces, negated relations, long
 * arrows, rows of points, braces over and under; and letters of text fonts as words. */
#include <math.h>
#include <string.h>

#include "docparse/formula/formula_private.h"
#include "engine/base/utf8.h"

#define STACK_X 0.12f   /* ems between pieces of one bracket across, at most */
#define STACK_GAP 0.35f /* ems between pieces one below the other */
#define WORD_GAP 0.09f  /* ems inside a word */
#define TIP_GAP 0.6f    /* ems between pieces of a brace that a line joins */

/* Absorbs b into a. */
static void absorb(struct fm_el *a, struct fm_el *b)
{
    a->box = (struct dp_rect){fminf(a->box.x0, b->box.x0), fminf(a->box.y0, b->box.y0), fmaxf(a->box.x1, b->box.x1),
                              fmaxf(a->box.y1, b->box.y1)};
    a->end = fmaxf(a->end, b->end);
    a->x = fminf(a->x, b->x);
    a->glyphs += b->glyphs;
    b->gone = true;
}

static bool stacks(const struct fm_el *e)
{
    return e->cls == FM_PIECE || e->cls == FM_RADICAL || (e->cls == FM_FENCE && !e->text_font);
}

static bool same_bracket(const struct fm_el *a, const struct fm_el *b)
{
    if (a->cls != b->cls)
        return false;
    if (a->cls == FM_FENCE)
        return a->cp == b->cp;
    return a->cls == FM_RADICAL || a->latex[0] == '\0' || b->latex[0] == '\0' || strcmp(a->latex, b->latex) == 0;
}

/* What a stack of pieces is. */
static void close_stack(struct fm_el *e)
{
    if (e->cls != FM_PIECE)
        return;
    const char *l = e->latex;
    e->tall = true;
    e->cls = strcmp(l, "(") == 0 || strcmp(l, "[") == 0 || strcmp(l, "\\{") == 0 ? FM_OPEN
             : strcmp(l, "\\int") == 0                                           ? FM_OP
             : l[0] == '\0'                                                      ? FM_FENCE
                                                                                 : FM_CLOSE;
    if (l[0] == '\0')
        e->latex = "|";
}

static void join_stacks(struct fm *f, struct fm_list *list)
{
    for (int32_t i = 0; i < list->n; i++) {
        struct fm_el *a = list->e[i];
        if (a->gone || !stacks(a))
            continue;
        for (bool grown = true; grown && fm_spend(f, list->n);) {
            grown = false;
            for (int32_t k = 0; k < list->n; k++) {
                struct fm_el *b = list->e[k];
                if (b == a || b->gone || !same_bracket(a, b) || fabsf(a->x - b->x) > STACK_X * f->em)
                    continue;
                const float gap = fmaxf(b->box.y0 - a->box.y1, a->box.y0 - b->box.y1);
                if (gap > STACK_GAP * f->em || (a->cls == FM_RADICAL && gap < -0.6f * fminf(fm_tall(a), fm_tall(b))))
                    continue;
                if (a->cls == FM_PIECE && a->latex[0] == '\0')
                    a->latex = b->latex;
                absorb(a, b);
                grown = true;
            }
        }
        close_stack(a);
    }
    fm_compact(list);
}

/* A brace of four tips with lines between them, or of one glyph. The first tip says where its point is. */
static void join_braces(struct fm *f, struct fm_list *list)
{
    fm_sort_x(list);
    for (int32_t i = 0; i < list->n; i++) {
        struct fm_el *a = list->e[i];
        if (a->gone || (a->cls != FM_OVERBRACE && a->cls != FM_UNDERBRACE))
            continue;
        for (int32_t k = i + 1; k < list->n; k++) {
            struct fm_el *b = list->e[k];
            const bool brace = b->cls == FM_OVERBRACE || b->cls == FM_UNDERBRACE;
            if (b->gone || !(brace || b->cls == FM_BAR) || b->box.x0 - a->box.x1 > (brace ? TIP_GAP : 0.2f) * f->em ||
                fm_overlap(a->box.y0, a->box.y1, b->box.y0, b->box.y1) < 0)
                continue;
            if (brace && fabsf(a->base - b->base) > 0.2f * f->em)
                continue;
            absorb(a, b);
        }
        a->latex = a->cls == FM_OVERBRACE ? "\\overbrace" : "\\underbrace";
    }
    fm_compact(list);
}

/* "\not" before a relation that it strikes through. */
static void join_negations(struct fm *f, struct fm_list *list)
{
    static const char *const named[][2] = {
        {"=", "\\neq"}, {"\\in", "\\notin"}, {"\\exists", "\\nexists"}, {"\\mid", "\\nmid"}};
    fm_sort_x(list);
    for (int32_t i = 0; i < list->n; i++) {
        struct fm_el *a = list->e[i], *hit = NULL;
        const bool slash = a->cp == '/' && !a->text_font; /* \notin is a slash over a sign */
        if ((a->cls != FM_NOT && !slash) || a->gone)
            continue;
        for (int32_t k = i > 6 ? i - 6 : 0; k < list->n && k < i + 7; k++) {
            struct fm_el *b = list->e[k];
            if (b != a && !b->gone && b->cls == FM_REL && fabsf(b->base - a->base) < 0.1f * f->em &&
                fabsf(fm_mid_x(b) - fm_mid_x(a)) < (slash ? 0.15f : 0.35f) * f->em &&
                (!hit || fabsf(fm_mid_x(b) - fm_mid_x(a)) < fabsf(fm_mid_x(hit) - fm_mid_x(a))))
                hit = b;
        }
        if (!hit)
            continue;
        const char *latex = fm_print(f, "\\not%s", hit->latex ? hit->latex : "=");
        for (size_t k = 0; k < sizeof named / sizeof named[0]; k++)
            if (hit->latex && strcmp(hit->latex, named[k][0]) == 0)
                latex = named[k][1];
        absorb(hit, a);
        hit->latex = latex;
        hit->cls = FM_REL;
    }
    fm_compact(list);
}

/* Arrows that overlap with what lengthens them. */
static const char *joined_arrow(const struct fm_el *a, const struct fm_el *b)
{
    static const struct {
        uint32_t a, b;
        const char *latex;
    } pairs[] = {{0x21A6, 0x2192, "\\mapsto"},
                 {0x2212, 0x2192, "\\longrightarrow"},
                 {0x2190, 0x2212, "\\longleftarrow"},
                 {'=', 0x21D2, "\\Longrightarrow"},
                 {0x21D0, '=', "\\Longleftarrow"},
                 {0x21D0, 0x21D2, "\\Longleftrightarrow"},
                 {0x2190, 0x2192, "\\longleftrightarrow"},
                 {0x21A6, 0x27F6, "\\longmapsto"},
                 {'|', '=', "\\models"},
                 {0x2223, '=', "\\models"},
                 {0x2212, 0x27F6, "\\longrightarrow"},
                 {',', 0x2192, "\\hookrightarrow"},
                 {0x21A9, 0x2192, "\\hookrightarrow"},
                 {0x222B, 0x222B, "\\iint"},
                 {0x222C, 0x222B, "\\iiint"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (pairs[i].a == a->cp && pairs[i].b == b->cp)
            return pairs[i].latex;
    return NULL;
}

/* Code point that a joined sign goes on as. */
static uint32_t code_of_joined(const char *latex, uint32_t cp)
{
    return strcmp(latex, "\\longrightarrow") == 0 ? 0x27F6 : strcmp(latex, "\\iint") == 0 ? 0x222C : cp;
}

static void join_arrows(struct fm *f, struct fm_list *list)
{
    fm_sort_x(list);
    for (int32_t i = list->n - 1; i >= 0; i--) {
        struct fm_el *a = list->e[i];
        for (int32_t k = i + 1; k < list->n && k < i + 5 && !a->gone; k++) {
            struct fm_el *b = list->e[k];
            const char *latex = b->gone ? NULL : joined_arrow(a, b);
            const bool integrals = a->cls == FM_OP;
            if (!latex || fabsf(a->base - b->base) > 0.1f * f->em || a->size != b->size ||
                b->x - a->end > (integrals ? 0.12f : 0.02f) * f->em ||
                (!integrals && a->cp != 0x21A6 && a->cp != ',' && b->box.x0 - a->box.x1 > 0.05f * f->em))
                continue;
            if (a->cp == ',' && a->box.y1 > a->base)
                continue; /* a comma, no hook */
            if (integrals && b->box.x0 - a->box.x1 > 0.2f * f->em)
                continue;
            absorb(a, b);
            a->latex = latex;
            a->cp = code_of_joined(latex, b->cp);
            a->cls = integrals ? FM_OP : FM_ARROW;
            k = i;
        }
    }
    fm_compact(list);
}

/* Signs one over the other that are one sign. */
static void join_over(struct fm *f, struct fm_list *list)
{
    for (int32_t i = 0; i < list->n; i++) {
        struct fm_el *a = list->e[i];
        if (a->gone || (a->cp != 0x223C && a->cp != '.' && a->cp != 0x2D9) || !fm_spend(f, list->n))
            continue;
        for (int32_t k = 0; k < list->n; k++) {
            struct fm_el *b = list->e[k];
            if (b->gone || b->cp != '=' || fabsf(fm_mid_x(a) - fm_mid_x(b)) > 0.08f * f->em || a->size != b->size ||
                a->box.y1 > b->box.y0 + 0.05f * f->em || b->box.y0 - a->box.y1 > 0.3f * f->em)
                continue;
            absorb(b, a);
            b->latex = a->cp == 0x223C ? "\\cong" : "\\doteq";
            b->cp = 0;
        }
    }
    fm_compact(list);
}

/* Three points at equal steps. */
static const char *points(const struct fm *f, const struct fm_el *a, const struct fm_el *b, const struct fm_el *c)
{
    const float dx = fm_mid_x(b) - fm_mid_x(a), dy = fm_mid_y(b) - fm_mid_y(a);
    const float ex = fm_mid_x(c) - fm_mid_x(b), ey = fm_mid_y(c) - fm_mid_y(b), near = 0.06f * f->em;
    if (fabsf(dx - ex) > near || fabsf(dy - ey) > near || hypotf(dx, dy) > 0.7f * f->em || a->cp != b->cp ||
        a->cp != c->cp)
        return NULL;
    if (fabsf(dy) < near)
        return dx < 0.2f * f->em || dx > 0.6f * f->em ? NULL : a->cp == '.' ? "\\ldots" : "\\cdots";
    if (fabsf(dx) < near)
        return "\\vdots";
    return fabsf(dx) > 0.15f * f->em ? "\\ddots" : NULL;
}

static void join_points(struct fm *f, struct fm_list *list)
{
    for (int32_t i = 0; i < list->n; i++) {
        struct fm_el *a = list->e[i];
        if (a->gone || (a->cp != '.' && a->cp != 0x22C5 && a->cp != 0xB7))
            continue;
        for (int32_t k = 0; k < list->n && !a->gone; k++)
            for (int32_t m = 0; m < list->n && k != i && list->e[k]->cp == a->cp && fm_spend(f, 1); m++) {
                struct fm_el *b = list->e[k], *c = list->e[m];
                if (m == i || m == k || b->gone || c->gone || b->cp != a->cp ||
                    fm_mid_x(b) < fm_mid_x(a) - 0.05f * f->em ||
                    (fabsf(fm_mid_x(b) - fm_mid_x(a)) < 0.05f * f->em && b->base < a->base))
                    continue;
                const char *latex = points(f, a, b, c);
                if (!latex)
                    continue;
                absorb(a, b);
                absorb(a, c);
                a->latex = latex;
                a->cls = FM_ORD;
                a->cp = 0;
                if (latex[1] == 'v' || latex[1] == 'd')
                    a->base = fm_mid_y(a) + 0.25f * a->size;
                break;
            }
    }
    fm_compact(list);
}

void fm_join_pieces(struct fm *f, struct fm_list *list)
{
    join_stacks(f, list);
    join_braces(f, list);
    join_negations(f, list);
    join_arrows(f, list);
    join_over(f, list);
    join_points(f, list);
}

static bool wordly(const struct fm_el *e)
{
    if (e->structure || e->cls != FM_ORD || e->latex || !(e->text_font || e->alphabet == FM_ROMAN))
        return false;
    return b_cp_is_letter(e->cp) || e->cp > 0x2E80;
}

/* Letters side by side in one upright or text font: names of functions, words. */
void fm_make_words(struct fm *f, struct fm_list *list)
{
    fm_sort_x(list);
    for (int32_t i = 0; i < list->n; i++) {
        struct fm_el *a = list->e[i];
        char word[256];
        size_t len = 0;
        if (a->gone || a->word || !wordly(a))
            continue;
        len = b_utf8_put(a->cp, word);
        for (int32_t k = i + 1; k < list->n && len + 4 < sizeof word; k++) {
            struct fm_el *b = list->e[k];
            const bool hyphen = b->cp == '-' && b->text_font && len > 1;
            if (b->gone || !(wordly(b) || hyphen) || (b->alphabet != a->alphabet && !hyphen) ||
                fabsf(b->base - a->base) > 0.04f * f->em || fabsf(b->size - a->size) > 0.02f * a->size ||
                b->x - a->end > WORD_GAP * a->size || b->x - a->end < -0.3f * a->size)
                continue;
            const float base = a->base;
            len += b_utf8_put(b->cp, word + len);
            absorb(a, b);
            a->base = base;
            a->end = b->end;
        }
        if (len == 1 && (unsigned char)word[0] < 0x80)
            continue;
        bool limits = false;
        const char *name = a->alphabet == FM_ROMAN ? fm_operator_name(word, len, &limits) : NULL;
        a->word = true;
        a->latex = name ? name : fm_print(f, "%.*s", (int)len, word);
        a->limits = limits;
        a->cls = name ? FM_OP : FM_ORD;
        a->cp = 0;
    }
    fm_compact(list);
    /* "lim sup" is one name. */
    for (int32_t i = 0; i + 1 < list->n; i++) {
        struct fm_el *a = list->e[i];
        for (int32_t k = i + 1; k < list->n && k < i + 4; k++) {
            struct fm_el *b = list->e[k];
            if (b->gone || a->gone || !a->word || !b->word || strcmp(a->latex, "\\lim") != 0 ||
                b->x - a->end > 0.35f * f->em || fabsf(a->base - b->base) > 0.04f * f->em ||
                (strcmp(b->latex, "\\sup") != 0 && strcmp(b->latex, "\\inf") != 0))
                continue;
            const char *latex = b->latex[1] == 's' ? "\\limsup" : "\\liminf";
            absorb(a, b);
            a->latex = latex;
        }
    }
    fm_compact(list);
}
