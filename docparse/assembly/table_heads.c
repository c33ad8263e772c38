/* SPDX-License-Identifier: Apache-2.0 */
/* Headings over several columns without a rule under them. The headings of the first row share the columns among
 * them: of all ways to do so, that one in which each heading stands over the middle of its columns (or begins where
 * they begin). Where the first row then has a heading over several columns, the second row is a head as well, and a
 * heading with nothing under it reaches through both. */
#include <math.h>
#include <string.h>

#include "docparse/assembly/table_private.h"

#define OFF_CENTRE 0.15f /* of the width of its columns, by a heading's middle */
#define OFF_HEIGHTS 1.2f /* line heights, the same */
#define OFF_LEFT 0.6f    /* line heights between the left edges of a heading and of its columns */
#define WIDER 0.1f       /* pixels a column: of two equal ways the one with fewer spans */
#define UNUSABLE 1e9f

struct heads {
    const struct dp_grid *g;
    float left[DP_TABLE_COLS], right[DP_TABLE_COLS]; /* extents of the text in each column, under the first row */
    struct dp_rect head[DP_TABLE_COLS];              /* headings from left to right */
    int32_t own[DP_TABLE_COLS];                      /* the column of its middle */
    int32_t n;
    bool words; /* the second row is of words rather than of numbers */
};

static bool is_empty(const struct dp_grid *g, int32_t row, int32_t col)
{
    const struct dp_rect r = g->text[row * g->t->cols + col];
    return r.x1 < r.x0;
}

/* The cell at the position is one column wide. */
static bool is_narrow(const struct dp_grid *g, int32_t row, int32_t col)
{
    const int32_t *own = g->t->owner + row * g->t->cols;
    return (col == 0 || own[col - 1] != own[col]) && (col + 1 == g->t->cols || own[col + 1] != own[col]);
}

/* Somewhere in the cell over the position stands text. */
static bool has_cell_text(const struct dp_grid *g, int32_t row, int32_t col)
{
    const int32_t own = g->t->owner[row * g->t->cols + col];
    for (int32_t r = row; r < g->t->rows; r++)
        if (g->t->owner[r * g->t->cols + col] == own && !is_empty(g, r, col))
            return true;
    return false;
}

/* The columns that have text, and the headings; false where the first row is no row of headings to be spread. */
static bool look(struct heads *h)
{
    const struct dp_grid *g = h->g;
    const int32_t *owner = g->t->owner;
    int32_t empty = 0, second = 0, numbers = 0, pieces = 0;
    if (g->t->rows < 3 || g->t->cols < 3 || g->t->cols > DP_TABLE_COLS)
        return false;
    for (int32_t c = 0; c < g->t->cols; c++) {
        h->left[c] = 1e30f;
        h->right[c] = -1e30f;
        for (int32_t r = 1; r < g->t->rows; r++)
            if (!is_empty(g, r, c) && is_narrow(g, r, c)) {
                h->left[c] = fminf(h->left[c], g->text[r * g->t->cols + c].x0);
                h->right[c] = fmaxf(h->right[c], g->text[r * g->t->cols + c].x1);
            }
        if (h->right[c] < h->left[c] || (c > 0 && (owner[c] != c || g->x.ruled[c])))
            return false;
        second += has_cell_text(g, 1, c);
        if (is_empty(g, 0, c)) {
            empty += c > 0;
            continue;
        }
        h->own[h->n] = c;
        h->head[h->n++] = g->text[c];
    }
    for (int32_t i = 0; i < g->n_pieces; i++)
        if (dp_grid_index(g->y.at, g->y.n, (g->pieces[i].box.y0 + g->pieces[i].box.y1) * 0.5f) == 1) {
            pieces++;
            numbers += g->pieces[i].digits * 2 >= g->pieces[i].chars;
        }
    h->words = numbers * 2 < pieces;
    return empty > 0 && h->n > 0 && second > h->n;
}

/* How far heading k is from standing over the columns first..last. */
static float off(const struct heads *h, int32_t k, int32_t first, int32_t last)
{
    const float tall = h->g->a->height, wide = h->right[last] - h->left[first];
    if (h->own[k] < first || h->own[k] > last)
        return UNUSABLE;
    const float centre = fabsf((h->head[k].x0 + h->head[k].x1 - h->left[first] - h->right[last]) * 0.5f),
                left = fabsf(h->head[k].x0 - h->left[first]);
    if (first == last)
        return fminf(centre, left);
    if (h->words && left < OFF_LEFT * tall)
        return fminf(centre, left);
    return centre < fmaxf(OFF_CENTRE * wide, OFF_HEIGHTS * tall) ? centre : UNUSABLE;
}

/* Shares the columns among the headings: from[k] is the first column of heading k. Dynamic programme over (headings,
 * columns); false when there is no way. */
static bool share(const struct heads *h, int32_t *from)
{
    const int32_t cols = h->g->t->cols, start = is_empty(h->g, 0, 0); /* an empty corner stays one */
    float best[DP_TABLE_COLS + 1], next[DP_TABLE_COLS + 1];
    int8_t begin[DP_TABLE_COLS][DP_TABLE_COLS + 1];
    for (int32_t end = 0; end <= cols; end++)
        best[end] = end == start ? 0.0f : UNUSABLE; /* columns before `end` are shared */
    for (int32_t k = 0; k < h->n; k++) {
        for (int32_t end = 0; end <= cols; end++) {
            next[end] = UNUSABLE;
            begin[k][end] = 0;
            for (int32_t first = start; first < end; first++) {
                const float cost = best[first] + off(h, k, first, end - 1) + WIDER * (float)(end - first);
                if (cost < next[end]) {
                    next[end] = cost;
                    begin[k][end] = (int8_t)first;
                }
            }
        }
        memcpy(best, next, sizeof best);
    }
    if (best[cols] >= UNUSABLE)
        return false;
    for (int32_t k = h->n - 1, end = cols; k >= 0; end = from[k--])
        from[k] = begin[k][end];
    return true;
}

void dp_table_heads(struct dp_grid *g)
{
    struct heads h = {.g = g};
    int32_t from[DP_TABLE_COLS + 1], *owner = g->t->owner;
    const int32_t cols = g->t->cols;
    if (!look(&h) || !share(&h, from))
        return;
    from[h.n] = cols;
    for (int32_t k = 0; k < h.n; k++)
        for (int32_t c = from[k]; c < from[k + 1]; c++)
            owner[c] = from[k];
    for (int32_t c = 0; c < cols; c++) {
        const bool lone = owner[c] == c && (c + 1 == cols || owner[c + 1] == c + 1);
        if (lone && owner[cols + c] == cols + c && is_narrow(g, 1, c) && is_empty(g, 0, c) != !has_cell_text(g, 1, c))
            owner[cols + c] = c;
    }
}
