/* SPDX-License-Identifier: Apache-2.0 */
/* Bold lines of recognised text: mean width of the strokes over the type size, against the same measure of the
 * page's other lines. Stroke widths come from the darkness between edges, so they are finer than a pixel. */
#include <math.h>
#include <string.h>

#include "docparse/assembly/assembly_private.h"

#define BOLD 1.28f /* times the page's usual weight */
#define CHARS_LEAST 4
#define LINES_LEAST 6 /* fewer lines have no usual weight */
#define MARGIN 0.12f  /* of the box above and below that is not looked at */
#define LEVEL_MOST 0.02f /* slope of a line whose box is its place */
#define SLANT_MOST 0.15f /* of a line that is weighed */
#define CONTRAST_LEAST 40

const uint8_t *dp_page_grey(struct dp_assembly *a, int32_t *width, int32_t *height)
{
    const struct dp_sheet *s = a->sheet;
    if (!s || !s->image.pixels)
        return NULL;
    const struct b_image_view v = b_image_view_of(&s->image);
    *width = v.width;
    *height = v.height;
    if (a->grey)
        return a->grey;
    uint8_t *grey = b_arena_alloc(a->arena, (size_t)v.width * (size_t)v.height, 64);
    for (int y = 0; grey && y < v.height; y++) {
        const uint8_t *in = v.pixels + (size_t)y * v.stride;
        uint8_t *out = grey + (size_t)y * (size_t)v.width;
        if (v.channels == 1) {
            memcpy(out, in, (size_t)v.width);
            continue;
        }
        for (int x = 0; x < v.width; x++)
            out[x] = (uint8_t)((in[x * 3] + 2 * in[x * 3 + 1] + in[x * 3 + 2]) >> 2);
    }
    a->grey = grey;
    return grey;
}

/* y0 and y1 are those of the left end; a slanted line sinks by `slope` from there. */
struct window {
    const uint8_t *grey;
    int32_t stride, x0, y0, x1, y1, height;
    float slope;  /* in use where the line is slanted */
    bool slanted;
};

static inline uint8_t level_at(const struct window *w, int32_t x, int32_t y)
{
    if (!w->slanted)
        return w->grey[(size_t)y * (size_t)w->stride + (size_t)x];
    int32_t row = y + (int32_t)((float)(x - w->x0) * w->slope);
    row = row < 0 ? 0 : row >= w->height ? w->height - 1 : row;
    return w->grey[(size_t)row * (size_t)w->stride + (size_t)x];
}

/* Paper and ink: the commonest grey, and the grey of the few percent furthest from it. */
static bool find_levels(const struct window *w, int *paper, int *ink)
{
    int32_t histogram[256] = {0}, all = 0, sum = 0;
    for (int32_t y = w->y0; y < w->y1; y += 2)
        for (int32_t x = w->x0; x < w->x1; x++, all++)
            histogram[level_at(w, x, y)]++;
    *paper = 0;
    for (int g = 1; g < 256; g++)
        if (histogram[g] > histogram[*paper])
            *paper = g;
    const int step = *paper >= 128 ? 1 : -1;
    *ink = *paper >= 128 ? 0 : 255;
    for (int g = *ink; g != *paper && sum * 25 < all; g += step) {
        sum += histogram[g];
        *ink = g;
    }
    return all > 0 && (*paper > *ink ? *paper - *ink : *ink - *paper) >= CONTRAST_LEAST;
}

/* Mean stroke width in pixels; 0 when there is nothing to see. */
static float stroke_width(const struct window *w)
{
    int paper, ink;
    int64_t dark = 0, strokes = 0;
    if (w->x1 - w->x0 < 8 || w->y1 - w->y0 < 4 || !find_levels(w, &paper, &ink))
        return 0;
    const int range = paper - ink;
    for (int32_t y = w->y0; y < w->y1; y++) {
        bool in = false;
        for (int32_t x = w->x0; x < w->x1; x++) {
            int level = (paper - level_at(w, x, y)) * 256 / range; /* 0 paper, 256 ink */
            level = level < 0 ? 0 : level > 256 ? 256 : level;
            dark += level;
            strokes += !in && level > 128;
            in = level > (in ? 96 : 128);
        }
    }
    return strokes > 0 ? (float)dark / 256.0f / (float)strokes : 0;
}

static bool is_plain(const struct dp_assembly *a, const struct dp_item *item)
{
    const struct dp_line *l = &a->page->lines[item->line];
    const float dx = l->quad[1].x - l->quad[0].x, dy = l->quad[1].y - l->quad[0].y;
    return l->source == DP_FROM_COMPACT && item->chars >= CHARS_LEAST && dx > 0 && fabsf(dy) < SLANT_MOST * dx;
}

enum b_code dp_items_weigh(struct dp_assembly *a, struct b_err *err)
{
    int32_t width = 0, height = 0, n = 0;
    const uint8_t *grey = dp_page_grey(a, &width, &height);
    float *weight = B_ARENA_ARRAY(a->arena, (size_t)a->n_items, float),
          *sorted = B_ARENA_ARRAY(a->arena, (size_t)a->n_items, float);
    if (!weight || !sorted)
        return b_arena_refused(a->arena, "assembly", err);
    for (int32_t i = 0; grey && i < a->n_items; i++) {
        const struct dp_item *item = &a->items[i];
        const struct dp_line *l = &a->page->lines[item->line];
        const struct dp_rect b = l->bbox;
        const float slope = (l->quad[1].y - l->quad[0].y) / fmaxf(l->quad[1].x - l->quad[0].x, 1.0f);
        const bool slanted = fabsf(slope) >= LEVEL_MOST;
        const float top = slanted ? l->quad[0].y : b.y0, foot = slanted ? l->quad[3].y : b.y1;
        const float margin = MARGIN * (foot - top);
        struct window w = {.grey = grey,
                           .stride = width,
                           .x0 = (int32_t)b.x0,
                           .y0 = (int32_t)(top + margin),
                           .x1 = (int32_t)b.x1,
                           .y1 = (int32_t)(foot - margin),
                           .height = height,
                           .slope = slope,
                           .slanted = slanted};
        if (!is_plain(a, item))
            continue;
        w.x0 = w.x0 < 0 ? 0 : w.x0;
        w.y0 = w.y0 < 0 ? 0 : w.y0;
        w.x1 = w.x1 > width ? width : w.x1;
        w.y1 = w.y1 > height ? height : w.y1;
        weight[i] = stroke_width(&w) / fmaxf(item->size, 1.0f);
        if (weight[i] > 0)
            sorted[n++] = weight[i];
    }
    if (n < LINES_LEAST)
        return B_OK;
    const float usual = dp_median(sorted, n);
    for (int32_t i = 0; i < a->n_items; i++)
        if (weight[i] > BOLD * usual)
            a->items[i].bold = true;
    return B_OK;
}
