/* SPDX-License-Identifier: Apache-2.0 */
/* Pairs of tall brackets: around several rows they are a matrix, a binomial or cases, around one row \left and
 * \right. A brace that nothing closes holds cases. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/formula/formula_private.h"

#define TALL 1.32f    /* of the size, from which a bracket is there for what is in it */
#define SIMILAR 0.75f /* of the taller of a pair that overlaps */
#define ROWS_MAX 64
#define BINOMIAL 1.28f /* ems between the rows of a binomial, at least; rows of a matrix are 1.2 apart */
#define AXIS 0.25f

static bool may_open(const struct fm_el *e)
{
    return e->cls == FM_OPEN || e->cls == FM_FENCE;
}

static bool may_close(const struct fm_el *e)
{
    return e->cls == FM_CLOSE || e->cls == FM_FENCE;
}

static bool is_tall(const struct fm_el *e)
{
    return !e->structure && (e->tall || fm_tall(e) > TALL * e->size) && (may_open(e) || may_close(e));
}

static bool matches(const struct fm_el *a, const struct fm_el *b)
{
    const float taller = fmaxf(fm_tall(a), fm_tall(b));
    if (fm_overlap(a->box.y0, a->box.y1, b->box.y0, b->box.y1) < SIMILAR * taller)
        return false;
    return (a->cls != FM_FENCE && b->cls != FM_FENCE) || a->cp == b->cp || a->cls != b->cls;
}

/* What stands between the brackets; both may be NULL: no bracket there. */
static struct fm_list between(struct fm *f, const struct fm_list *list, const struct fm_el *open,
                              const struct fm_el *close)
{
    struct fm_list got = fm_list_new(f, list->n);
    const struct fm_el *any = open ? open : close;
    for (int32_t i = 0; i < list->n && !f->starved; i++) {
        struct fm_el *e = list->e[i];
        const float x = fm_mid_x(e), y = fm_mid_y(e), slack = 0.3f * f->em;
        if (e != open && e != close && !e->gone && (!open || x > open->box.x1) && (!close || x < close->box.x0) &&
            y > any->box.y0 - slack && y < any->box.y1 + slack)
            got.e[got.n++] = e;
    }
    return got;
}

static struct fm_list copy_of(struct fm *f, const struct fm_list *list)
{
    struct fm_list copy = fm_list_new(f, list->n);
    if (!f->starved) {
        memcpy(copy.e, list->e, (size_t)list->n * sizeof *list->e);
        copy.n = list->n;
    }
    return copy;
}

static const char *environment(const struct fm_el *open, const struct fm_el *close)
{
    static const struct {
        const char *open, *close, *name;
    } names[] = {{"(", ")", "pmatrix"},         {"[", "]", "bmatrix"},     {"|", "|", "vmatrix"},
                 {"\\mid", "\\mid", "vmatrix"}, {"\\|", "\\|", "Vmatrix"}, {"\\{", "\\}", "Bmatrix"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(open->latex, names[i].open) == 0 && strcmp(close->latex, names[i].close) == 0)
            return names[i].name;
    return NULL;
}

static const char *bracket(const struct fm_el *e)
{
    return strcmp(e->latex, "\\mid") == 0 ? "|" : e->latex;
}

/* Baselines of two rows that are nothing but one column: a binomial when they stand far apart. */
static bool is_binomial(const struct fm *f, const struct fm_list *rows, int32_t n, const struct fm_el *open)
{
    float base[2] = {0, 0}, size = 0;
    if (n != 2 || strcmp(open->latex, "(") != 0)
        return false;
    for (int r = 0; r < 2; r++)
        for (int32_t i = 0; i < rows[r].n; i++)
            if (rows[r].e[i]->size > size * 1.1f || (base[r] == 0 && rows[r].e[i]->size > 0.9f * size)) {
                size = rows[r].e[i]->size;
                base[r] = rows[r].e[i]->base;
            }
    if (size < 0.85f * f->em)
        return true; /* no matrix is set in the size of scripts */
    return base[1] - base[0] > BINOMIAL * size;
}

static void finish(struct fm *f, struct fm_list *list, struct fm_list *content, struct fm_el *open, struct fm_el *close,
                   const char *latex)
{
    struct fm_list parts = fm_list_new(f, content->n + 2);
    if (f->starved)
        return;
    const struct fm_el *any = open ? open : close;
    const float axis = fm_mid_y(any), size = any->size;
    if (open)
        parts.e[parts.n++] = open;
    for (int32_t i = 0; i < content->n; i++)
        parts.e[parts.n++] = content->e[i];
    if (close)
        parts.e[parts.n++] = close;
    struct fm_el *made = fm_replace(f, list, &parts, latex);
    if (made) {
        made->size = size;
        made->base = axis + AXIS * size;
        made->cls = FM_CLOSE; /* scripts stand at its right corners */
        made->tall = true;
    }
}

static void make_pair(struct fm *f, struct fm_list *list, struct fm_el *open, struct fm_el *close)
{
    struct fm_list content = between(f, list, open, close), work = copy_of(f, &content), rows[ROWS_MAX];
    if (f->starved)
        return;
    fm_accents(f, &work);
    fm_limits(f, &work);
    const int32_t n = fm_split_rows(f, &work, rows, ROWS_MAX);
    int32_t cols = 1;
    const char *name = environment(open, close), *latex;
    if (n > 1) {
        const bool binomial = is_binomial(f, rows, n, open) && name;
        const char *grid = fm_grid(f, rows, n, &cols);
        if (binomial && cols == 1)
            latex = fm_print(f, "\\binom{%s}{%s}", fm_line(f, &rows[0]), fm_line(f, &rows[1]));
        else if (name)
            latex = fm_print(f, "\\begin{%s}%s\\end{%s}", name, grid, name);
        else
            latex = fm_print(f, "\\left%s\\begin{matrix}%s\\end{matrix}\\right%s", bracket(open), grid, bracket(close));
    } else {
        latex = fm_print(f, "\\left%s%s\\right%s", bracket(open), fm_region(f, &work, false), bracket(close));
    }
    /* What was joined inside is marked gone already: the content counts as a whole. */
    finish(f, list, &content, open, close, latex);
}

/* Cases: rows behind a brace that nothing closes. */
static void make_cases(struct fm *f, struct fm_list *list, struct fm_el *open)
{
    struct fm_list content = between(f, list, open, NULL), work = copy_of(f, &content), rows[ROWS_MAX];
    if (f->starved || content.n == 0)
        return;
    fm_accents(f, &work);
    fm_limits(f, &work);
    const int32_t n = fm_split_rows(f, &work, rows, ROWS_MAX);
    int32_t cols;
    if (n < 2)
        finish(f, list, &content, open, NULL, fm_print(f, "\\left\\{%s\\right.", fm_region(f, &work, false)));
    else
        finish(f, list, &content, open, NULL, fm_print(f, "\\begin{cases}%s\\end{cases}", fm_grid(f, rows, n, &cols)));
}

void fm_fences(struct fm *f, struct fm_list *list)
{
    struct fm_list tall = fm_list_new(f, list->n), open = fm_list_new(f, list->n);
    for (int32_t i = 0; i < list->n && !f->starved; i++)
        if (is_tall(list->e[i]))
            tall.e[tall.n++] = list->e[i];
    fm_sort_x(&tall);
    for (int32_t i = 0; i < tall.n && !f->starved && fm_spend(f, list->n); i++) {
        struct fm_el *e = tall.e[i];
        int32_t k = open.n - 1;
        if (may_close(e)) {
            while (k >= 0 && !matches(open.e[k], e))
                k--;
            if (k >= 0) {
                make_pair(f, list, open.e[k], e);
                open.n = k; /* what was open inside stays as it is */
                continue;
            }
        }
        if (may_open(e))
            open.e[open.n++] = e;
    }
    for (int32_t i = open.n - 1; i >= 0 && !f->starved; i--)
        if (!open.e[i]->gone && open.e[i]->cls == FM_OPEN && strcmp(open.e[i]->latex, "\\{") == 0)
            make_cases(f, list, open.e[i]);
    fm_compact(list);
}
