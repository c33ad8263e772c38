/* SPDX-License-Identifier: Apache-2.0 */
/* What a page draws with paths, brought down to a number that can be looked at: where there is more (maps, clouds of
 * points, a hostile file), small neighbours become one, in cells that grow until the rest fits. Invariant: at most
 * DP_SHAPES_MAX shapes, each within the page. */
#include <math.h>
#include <stdlib.h>

#include "docparse/pdf_private.h"
#include "docparse/pdf_script.h"

#define CELL_POINTS 4.0f /* side of the first cells */
#define RULE_THICK 4.0f  /* points: thinner long boxes are rules */
#define RULE_RATIO 3.0f

/* A shape and the cell in which it may be joined to others. */
struct celled {
    struct dp_shape shape;
    int64_t cell; /* negative: stays alone */
};

static int by_cell(const void *p, const void *q)
{
    const int64_t a = ((const struct celled *)p)->cell, b = ((const struct celled *)q)->cell;
    return (a > b) - (a < b);
}

/* Cell of the shape among cells of this side, apart for free ones; alone where it is larger than two of them. */
static int64_t cell_of(const struct dp_shape *s, size_t i, float side)
{
    const struct dp_rect b = s->bbox;
    if (b.x1 - b.x0 > 2.0f * side || b.y1 - b.y0 > 2.0f * side)
        return -1 - (int64_t)i;
    const int64_t x = (int64_t)((b.x0 + b.x1) * 0.5f / side), y = (int64_t)((b.y0 + b.y1) * 0.5f / side);
    return (y << 32 | x) * 2 + s->free;
}

/* Joins shapes until `most` are left or all of the page is one cell. */
static size_t join(struct celled *all, size_t n, size_t most, float page_side)
{
    for (float side = CELL_POINTS; n > most && side < 4.0f * page_side; side *= 2.0f) {
        size_t kept = 0;
        for (size_t i = 0; i < n; i++)
            all[i].cell = cell_of(&all[i].shape, i, side);
        qsort(all, n, sizeof *all, by_cell);
        for (size_t i = 0; i < n; i++) {
            struct celled *last = kept > 0 ? &all[kept - 1] : NULL;
            if (!last || last->cell != all[i].cell) {
                all[kept++] = all[i];
                continue;
            }
            const struct dp_rect a = last->shape.bbox, b = all[i].shape.bbox;
            last->shape.bbox =
                (struct dp_rect){fminf(a.x0, b.x0), fminf(a.y0, b.y0), fmaxf(a.x1, b.x1), fmaxf(a.y1, b.y1)};
            last->shape.filled = last->shape.filled || all[i].shape.filled;
        }
        n = kept;
    }
    return n < most ? n : most;
}

static bool is_rule(const struct dp_shape *s)
{
    const float w = s->bbox.x1 - s->bbox.x0, h = s->bbox.y1 - s->bbox.y0;
    return !s->free && fminf(w, h) <= RULE_THICK && fmaxf(w, h) >= RULE_RATIO * fminf(w, h);
}

enum b_code dp_pdf_take_shapes(const struct dp_pdf_drawing *drawing, struct dp_pdf_content *content,
                               struct dp_sheet *sheet, struct b_err *err)
{
    const float w = (float)content->width, h = (float)content->height;
    struct celled *all = malloc((drawing->n_shapes + 1) * sizeof *all);
    size_t n = 0;
    if (!all)
        return b_fail(err, B_NO_MEMORY, DP_PDF_DOMAIN, "out of memory");
    for (size_t i = 0; i < drawing->n_marks && n < drawing->n_shapes; i++) {
        const struct dp_pdf_mark *m = &drawing->marks[i];
        const struct dp_rect b = {fmaxf(m->x0, 0), fmaxf(m->y0, 0), fminf(m->x1, w), fminf(m->y1, h)};
        if (m->kind != DP_PDF_SHAPE || !(b.x1 > b.x0 && b.y1 > b.y0))
            continue;
        const struct dp_shape s = {.bbox = b, .free = m->free, .filled = m->filled};
        if (!is_rule(&s))
            all[n++].shape = s;
    }
    n = join(all, n, DP_SHAPES_MAX, fmaxf(w, h));
    content->shapes = B_ARENA_ARRAY(sheet->arena, n, struct dp_shape);
    for (size_t i = 0; content->shapes && i < n; i++)
        content->shapes[i] = all[i].shape;
    content->n_shapes = (int)n;
    free(all);
    return content->shapes ? B_OK : b_arena_refused(sheet->arena, DP_PDF_DOMAIN, err);
}

void dp_pdf_place_shapes(const struct dp_pdf_content *content, const struct dp_pdf_grid *grid, struct dp_sheet *sheet)
{
    for (int i = 0; i < content->n_shapes; i++) {
        struct dp_rect *b = &content->shapes[i].bbox;
        *b = dp_pdf_place(grid, b->x0, b->y0, b->x1, b->y1);
    }
    sheet->shapes = content->shapes;
    sheet->n_shapes = content->n_shapes;
}
