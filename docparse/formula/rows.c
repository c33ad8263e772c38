/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a region and columns of its rows. A row has letters of the region's own size on one baseline; small ones
 * are scripts of the nearest row. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/formula/formula_private.h"

#define ROWS_MOST 64
#define OWN_SIZE 0.8f  /* of the region's size, from which an element makes a row */
#define ROW_STEP 0.75f /* ems between baselines of rows, at least */
#define AXIS 0.25f
#define COLUMN_GAP 0.62f
#define COLS_MOST 40
#define ALIGNED 0.12f /* ems between relations of aligned rows */

/* Where an element says that a row's baseline is; false for small ones, which belong to the row they are nearest to. */
static bool row_base(const struct fm_el *e, float size, float *base)
{
    *base = e->base;
    if (e->cls == FM_BAR || e->cls == FM_PUNCT || e->cls == FM_PRIME || e->cls == FM_PIECE || e->cls == FM_ACCENT)
        return false;
    if (!e->structure && !e->word &&
        (e->cls == FM_OP || e->tall || e->cls == FM_OPEN || e->cls == FM_CLOSE || e->cls == FM_FENCE)) {
        *base = fm_mid_y(e) + AXIS * size; /* their origins are anywhere */
        return e->size > OWN_SIZE * size;
    }
    return e->size > (e->structure ? 0.6f : OWN_SIZE) * size;
}

static int by_value(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

int32_t fm_split_rows(struct fm *f, const struct fm_list *list, struct fm_list *rows, int32_t most)
{
    float *bases = B_ARENA_ARRAY(f->arena, (size_t)list->n + 1, float), size = 0, last = 0;
    int32_t n_bases = 0, n = 0;
    if (!bases || f->starved || list->n == 0) {
        f->starved = f->starved || !bases;
        return 0;
    }
    for (int32_t i = 0; i < list->n; i++)
        size = fmaxf(size, list->e[i]->cls == FM_BAR || list->e[i]->gone ? 0 : list->e[i]->size);
    for (int32_t i = 0; i < list->n; i++)
        n_bases += !list->e[i]->gone && row_base(list->e[i], size, &bases[n_bases]);
    qsort(bases, (size_t)n_bases, sizeof *bases, by_value);
    for (int32_t i = 0; i < n_bases; i++) { /* the first of each group of baselines */
        if (n > 0 && (bases[i] - last < ROW_STEP * size || n == most)) {
            last = bases[i] - last < 0.3f * size ? bases[i] : last;
            continue;
        }
        bases[n++] = last = bases[i];
    }
    n = n > 0 ? n : 1;
    for (int32_t r = 0; r < n; r++)
        rows[r] = fm_list_new(f, list->n);
    for (int32_t i = 0; i < list->n && !f->starved; i++) {
        struct fm_el *e = list->e[i];
        float base, near = 1e30f;
        int32_t best = 0;
        if (e->gone)
            continue;
        if (!row_base(e, size, &base))
            base = fm_mid_y(e) + AXIS * size;
        for (int32_t r = 0; r < n && n_bases > 0; r++)
            if (fabsf(bases[r] - base) < near) {
                near = fabsf(bases[r] - base);
                best = r;
            }
        rows[best].e[rows[best].n++] = e;
    }
    for (int32_t r = 0; r < n && !f->starved; r++)
        fm_sort_x(&rows[r]);
    return f->starved ? 0 : n;
}

/* Gaps that run through all rows. Returns the number of columns; cuts[c] lies between column c and c + 1. */
static int32_t find_columns(struct fm *f, const struct fm_list *rows, int32_t n_rows, float *cuts)
{
    float x0 = 1e30f, x1 = -1e30f;
    int32_t cols = 1, list_size = 1;
    for (int32_t r = 0; r < n_rows; r++)
        for (int32_t i = 0; i < rows[r].n; i++, list_size++) {
            x0 = fminf(x0, rows[r].e[i]->box.x0);
            x1 = fmaxf(x1, rows[r].e[i]->box.x1);
        }
    for (float at = x0; at < x1 && cols < COLS_MOST;) {
        /* The end of what covers `at`, then the start of the next. */
        float end = at, next = 1e30f;
        for (bool grown = true; grown && fm_spend(f, list_size);) {
            grown = false;
            for (int32_t r = 0; r < n_rows; r++)
                for (int32_t i = 0; i < rows[r].n; i++) {
                    const struct dp_rect b = rows[r].e[i]->box;
                    if (b.x0 <= end + 0.01f * f->em && b.x1 > end) {
                        end = b.x1;
                        grown = true;
                    }
                }
        }
        for (int32_t r = 0; r < n_rows; r++)
            for (int32_t i = 0; i < rows[r].n; i++)
                if (rows[r].e[i]->box.x0 > end)
                    next = fminf(next, rows[r].e[i]->box.x0);
        if (next > x1)
            break;
        if (next - end > COLUMN_GAP * f->em)
            cuts[cols++ - 1] = (end + next) * 0.5f;
        at = next;
    }
    return cols;
}

/* The part of a row between two places. */
static struct fm_list part_of(struct fm *f, const struct fm_list *row, float from, float to)
{
    struct fm_list part = fm_list_new(f, row->n);
    for (int32_t i = 0; i < row->n && !f->starved; i++)
        if (fm_mid_x(row->e[i]) >= from && fm_mid_x(row->e[i]) < to)
            part.e[part.n++] = row->e[i];
    return part;
}

const char *fm_grid(struct fm *f, struct fm_list *rows, int32_t n_rows, int32_t *cols)
{
    float cuts[COLS_MOST];
    const char *all = "";
    *cols = find_columns(f, rows, n_rows, cuts);
    for (int32_t r = 0; r < n_rows && !f->starved; r++) {
        const char *line = "";
        for (int32_t c = 0; c < *cols; c++) {
            struct fm_list cell = part_of(f, &rows[r], c > 0 ? cuts[c - 1] : -1e30f, c + 1 < *cols ? cuts[c] : 1e30f);
            line = c ? fm_print(f, "%s&%s", line, fm_line(f, &cell)) : fm_line(f, &cell);
        }
        all = r ? fm_print(f, "%s\\\\%s", all, line) : line;
    }
    return all;
}

/* Where the rows' relations stand one below the other: the place most rows share; false when no two do. */
static bool find_alignment(struct fm *f, const struct fm_list *rows, int32_t n, float *x)
{
    int32_t best = 1;
    for (int32_t r = 0; r < n; r++)
        for (int32_t i = 0; i < rows[r].n; i++) {
            const struct fm_el *e = rows[r].e[i];
            int32_t same = 0;
            if ((e->cls != FM_REL && e->cls != FM_ARROW) || !fm_spend(f, n))
                continue;
            for (int32_t k = 0; k < n; k++)
                for (int32_t m = 0; m < rows[k].n; m++) {
                    const struct fm_el *o = rows[k].e[m];
                    if ((o->cls == FM_REL || o->cls == FM_ARROW) && fabsf(o->x - e->x) < ALIGNED * f->em) {
                        same++;
                        break;
                    }
                }
            if (same > best) {
                best = same;
                *x = e->x;
            }
            break; /* the first relation of the row */
        }
    return best > 1;
}

const char *fm_rows(struct fm *f, struct fm_list *list, bool script)
{
    struct fm_list *rows = B_ARENA_ARRAY(f->arena, ROWS_MOST, struct fm_list);
    if (!rows) {
        f->starved = true;
        return "";
    }
    const int32_t n = fm_split_rows(f, list, rows, ROWS_MOST);
    const char *all = "";
    float x = 0;
    if (n <= 1)
        return n == 1 ? fm_line(f, &rows[0]) : "";
    const bool aligned = !script && find_alignment(f, rows, n, &x);
    for (int32_t r = 0; r < n && !f->starved; r++) {
        const char *line;
        if (aligned) {
            const float cut = x - ALIGNED * f->em;
            struct fm_list left = part_of(f, &rows[r], -1e30f, cut), right = part_of(f, &rows[r], cut, 1e30f);
            line = fm_print(f, "%s&%s", fm_line(f, &left), fm_line(f, &right));
        } else {
            line = fm_line(f, &rows[r]);
        }
        all = r ? fm_print(f, "%s\\\\%s", all, line) : line;
    }
    if (script)
        return fm_print(f, "\\substack{%s}", all);
    return aligned ? fm_print(f, "\\begin{aligned}%s\\end{aligned}", all)
                   : fm_print(f, "\\begin{gathered}%s\\end{gathered}", all);
}
