/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures whose lettering is text: axis labels, legends and numbers scattered over a drawing. What stands
 * between the last running text and a caption that speaks of a figure, and is nothing but short pieces, is one
 * figure; its text stays its text. Without such a caption nothing is gathered: short pieces may be anything. */
#include <math.h>
#include <string.h>

#include "docparse/assembly/assembly_private.h"

#define PIECES_LEAST 4
#define PIECES_MOST 400
#define PIECE_CHARS 28 /* of one row */
#define BLOCK_CHARS 60
#define CELLS_MOST 6 /* a "table" of few cells inside a drawing is a framed legend */
#define PROSE_CHARS 60
#define FIGURES_MOST 64 /* captions looked at on one page: bounds hostile pages */

static bool names_figure(const struct dp_assembly *a, const struct dp_draft_block *b)
{
    static const char *const labels[] = {"Fig", "FIG", "Abb", "Chart", "Рис", "图", "圖", "図"};
    const struct dp_row *row = &a->rows[a->block_rows[b->first]];
    const char *text = a->page->lines[a->items[a->row_items[row->first]].line].text;
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
        if (strncmp(text, labels[i], strlen(labels[i])) == 0)
            return true;
    return false;
}

static bool beside(const struct dp_draft_block *b, float x0, float x1)
{
    return dp_overlap(b->box.x0, b->box.x1, x0, x1) > 0;
}

/* Lettering: short rows, and not what a page's text is made of. */
static bool is_piece(const struct dp_assembly *a, const struct dp_draft_block *b)
{
    if (b->before || b->after || b->chars > BLOCK_CHARS)
        return false;
    if (b->table != DP_NONE)
        return a->tables[b->table].n_cells <= CELLS_MOST;
    if (b->type != DP_PARAGRAPH && b->type != DP_OTHER)
        return false;
    for (int32_t i = 0; i < b->count; i++)
        if (a->rows[a->block_rows[b->first + i]].chars > PIECE_CHARS)
            return false;
    return true;
}

/* Edges of the column that the caption stands in: its own and those of running text above or below it. */
static void column_of(const struct dp_assembly *a, const struct dp_draft_block *caption, float *x0, float *x1)
{
    *x0 = caption->box.x0;
    *x1 = caption->box.x1;
    for (int32_t i = 0; i < a->n_order; i++) {
        const struct dp_draft_block *b = &a->blocks[a->order[i]];
        if (b->chars < PROSE_CHARS || b->table != DP_NONE || b->direction != a->main_direction ||
            !beside(b, caption->box.x0, caption->box.x1))
            continue;
        *x0 = fminf(*x0, b->box.x0);
        *x1 = fmaxf(*x1, b->box.x1);
    }
}

/* Where the text above the caption ends. */
static float ceiling_of(const struct dp_assembly *a, const struct dp_draft_block *caption, float x0, float x1)
{
    float top = 0;
    for (int32_t i = 0; i < a->n_order; i++) {
        const struct dp_draft_block *b = &a->blocks[a->order[i]];
        if (b != caption && b->box.y0 < caption->box.y0 && beside(b, x0, x1) && !is_piece(a, b))
            top = fmaxf(top, fminf(b->box.y1, caption->box.y0));
    }
    return top;
}

/* The pieces between them, in reading order: how many; places[] gets their places in a->order. */
static int32_t pieces_of(const struct dp_assembly *a, const struct dp_draft_block *caption, int32_t *places)
{
    float x0, x1;
    int32_t n = 0;
    column_of(a, caption, &x0, &x1);
    const float top = ceiling_of(a, caption, x0, x1);
    for (int32_t i = 0; i < a->n_order; i++) {
        const struct dp_draft_block *b = &a->blocks[a->order[i]];
        const float x = (b->box.x0 + b->box.x1) * 0.5f, y = (b->box.y0 + b->box.y1) * 0.5f;
        if (b == caption || !is_piece(a, b) || y < top || y > caption->box.y0 || x < x0 || x > x1)
            continue;
        if (n == PIECES_MOST)
            return 0;
        places[n++] = i;
    }
    return n;
}

static enum b_code make_figure(struct dp_assembly *a, const int32_t *places, int32_t n, struct b_err *err)
{
    int32_t set[PIECES_MOST];
    for (int32_t i = 0; i < n; i++) {
        set[i] = a->order[places[i]];
        a->blocks[set[i]].table = DP_NONE;
    }
    const enum b_code code = dp_grid_merge(a, set, n, err);
    if (code != B_OK)
        return code;
    a->blocks[set[0]].type = DP_FIGURE;
    a->blocks[set[0]].aside = false;
    int32_t kept = 0;
    for (int32_t i = 0, k = 1; i < a->n_order; i++) {
        if (k < n && places[k] == i) {
            k++;
            continue;
        }
        a->order[kept++] = a->order[i];
    }
    a->n_order = kept;
    return B_OK;
}

enum b_code dp_figures_gather(struct dp_assembly *a, struct b_err *err)
{
    int32_t places[PIECES_MOST];
    for (int32_t i = 0, seen = 0; i < a->n_order && seen < FIGURES_MOST; i++) {
        const struct dp_draft_block *b = &a->blocks[a->order[i]];
        if (b->type != DP_CAPTION || b->count == 0 || b->table != DP_NONE || !names_figure(a, b))
            continue;
        const int32_t n = pieces_of(a, b, places);
        seen++;
        if (n < PIECES_LEAST)
            continue;
        for (int32_t k = n - 1; k > 0 && places[0] < i; k--)
            i -= places[k] < i; /* where this caption stands once the pieces have moved together */
        const enum b_code code = make_figure(a, places, n, err);
        if (code != B_OK)
            return code;
    }
    return B_OK;
}
