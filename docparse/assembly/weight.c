/* SPDX-License-Identifier: Apache-2.0 */
/* Bold lines of recognised text: mean width of the strokes over the type size, against the same measure of the
 * page's other lines. Stroke widths come from the darkness between edges, so they are finer than a pixel. */
#include <math.h>
#include <string.h>

#include "docparse/assembly/assembly_private.h"

#define BOLD 1.28f /* times the page's usual weight */
#define CHARS_LEAST 4
#define LINES_LEAST 6    /* fewer lines have no usual weight */
#define MARGIN 0.12f     /* of the box above and below that is not looked at */
#define LEVEL_MOST 0.02f /* slope of a line whose box is its place */
#define SLANT_MOST 0.15f /* of a line that is weighed */
#define CONTRAST_LEAST 40

static void grey_row(const uint8_t *restrict rgb, int32_t n, uint8_t *restrict out)
{
    for (int32_t x = 0; x < n; x++)
        out[x] = (uint8_t)((rgb[x * 3] + 2 * rgb[x * 3 + 1] + rgb[x * 3 + 2]) >> 2);
}

enum b_code dp_page_grey(struct dp_assembly *a, const uint8_t **grey, int32_t *width, int32_t *height,
                         struct b_err *err)
{
    const struct dp_sheet *s = a->sheet;
    *grey = NULL;
    *width = *height = 0;
    if (!s || !s->image.pixels)
        return B_OK;
    const struct b_image_view v = b_image_view_of(&s->image);
    if (!a->grey) {
        uint8_t *made = b_arena_alloc(a->arena, (size_t)v.width * (size_t)v.height, 64);
        if (!made)
            return b_arena_refused(a->arena, "assembly", err);
        for (int y = 0; y < v.height; y++) {
            const uint8_t *in = v.pixels + (size_t)y * v.stride;
            uint8_t *out = made + (size_t)y * (size_t)v.width;
            if (v.channels == 1)
                memcpy(out, in, (size_t)v.width);
            else
                grey_row(in, v.width, out);
        }
        a->grey = made;
    }
    *grey = a->grey;
    *width = v.width;
    *height = v.height;
    return B_OK;
}

/* y0 and y1 are those of the left end; a slanted line sinks from there. */
struct window {
    const uint8_t *grey;
    int32_t stride, x0, y0, x1, y1, height;
    int32_t *sinks; /* rows by which each column of a slanted line lies lower; NULL for a level one */
};

/* Row y of the window, from x0 on; `room` holds a slanted one. */
static const uint8_t *row_of(const struct window *w, int32_t y, uint8_t *room)
{
    const size_t stride = (size_t)w->stride;
    if (!w->sinks)
        return w->grey + (size_t)y * stride + w->x0;
    for (int32_t x = w->x0; x < w->x1; x++) {
        int32_t row = y + w->sinks[x - w->x0];
        row = row < 0 ? 0 : row >= w->height ? w->height - 1 : row;
        room[x - w->x0] = w->grey[(size_t)row * stride + (size_t)x];
    }
    return room;
}

/* Paper and ink: the commonest grey, and the grey of the few percent furthest from it. */
static bool find_levels(const struct window *w, uint8_t *room, int *paper, int *ink)
{
    int32_t four[4][256] = {{0}},
            histogram[256]; /* neighbours are often equal: four counters do not wait for each other */
    int32_t all = 0, sum = 0;
    const int32_t n = w->x1 - w->x0;
    for (int32_t y = w->y0; y < w->y1; y += 2) {
        const uint8_t *row = row_of(w, y, room);
        for (int32_t x = 0; x < n; x++)
            four[x & 3][row[x]]++;
        all += n;
    }
    for (int g = 0; g < 256; g++)
        histogram[g] = four[0][g] + four[1][g] + four[2][g] + four[3][g];
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

enum { LEVEL = 511, STARTS = 512, STAYS = 1024 }; /* darkness of a grey; whether a stroke starts or stays in it */

/* Mean stroke width in pixels; 0 when there is nothing to see. */
static float stroke_width(const struct window *w, uint8_t *room)
{
    int paper, ink;
    uint16_t of_grey[256];
    int64_t dark = 0, strokes = 0;
    const int32_t n = w->x1 - w->x0;
    if (n < 8 || w->y1 - w->y0 < 4 || !find_levels(w, room, &paper, &ink))
        return 0;
    for (int g = 0; g < 256; g++) {
        int level = (paper - g) * 256 / (paper - ink); /* 0 paper, 256 ink */
        level = level < 0 ? 0 : level > 256 ? 256 : level;
        of_grey[g] = (uint16_t)(level | (level > 128 ? STARTS : 0) | (level > 96 ? STAYS : 0));
    }
    for (int32_t y = w->y0; y < w->y1; y++) {
        const uint8_t *row = row_of(w, y, room);
        unsigned in = 0, row_strokes = 0, row_dark = 0;
        for (int32_t x = 0; x < n; x++) {
            const unsigned g = of_grey[row[x]], starts = g / STARTS & 1, stays = g / STAYS & 1;
            row_dark += g & LEVEL;
            row_strokes += starts & ~in;
            in = starts | (in & stays);
        }
        dark += row_dark;
        strokes += row_strokes;
    }
    return strokes > 0 ? (float)dark / 256.0f / (float)strokes : 0;
}

static bool is_plain(const struct dp_assembly *a, const struct dp_item *item)
{
    const struct dp_line *l = &a->page->lines[item->line];
    const float dx = l->quad[1].x - l->quad[0].x, dy = l->quad[1].y - l->quad[0].y;
    return l->source == DP_FROM_COMPACT && item->chars >= CHARS_LEAST && dx > 0 && fabsf(dy) < SLANT_MOST * dx;
}

/* The part of the page image that a line of text fills. */
static struct window window_of(const struct dp_line *l, const uint8_t *grey, int32_t width, int32_t height,
                               int32_t *sinks)
{
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
                       .sinks = slanted ? sinks : NULL};
    w.x0 = w.x0 < 0 ? 0 : w.x0;
    w.y0 = w.y0 < 0 ? 0 : w.y0;
    w.x1 = w.x1 > width ? width : w.x1;
    w.y1 = w.y1 > height ? height : w.y1;
    for (int32_t x = w.x0; slanted && x < w.x1; x++)
        sinks[x - w.x0] = (int32_t)((float)(x - w.x0) * slope);
    return w;
}

/* Stroke widths of all lines, once: they lie in the page image and do not change with the frame. */
static enum b_code measure_strokes(struct dp_assembly *a, struct b_err *err)
{
    int32_t width, height;
    const uint8_t *grey;
    const enum b_code code = dp_page_grey(a, &grey, &width, &height, err);
    if (code != B_OK)
        return code;
    a->strokes = B_ARENA_ARRAY(a->arena, (size_t)a->n_items, float);
    int32_t *sinks = B_ARENA_ARRAY(a->arena, (size_t)width, int32_t);
    uint8_t *room = b_arena_array(a->arena, (size_t)width, 1);
    if (!a->strokes || !sinks || !room)
        return b_arena_refused(a->arena, "assembly", err);
    for (int32_t i = 0; grey && i < a->n_items; i++) {
        if (!is_plain(a, &a->items[i]))
            continue;
        const struct window w = window_of(&a->page->lines[a->items[i].line], grey, width, height, sinks);
        a->strokes[i] = stroke_width(&w, room);
    }
    return B_OK;
}

enum b_code dp_items_weigh(struct dp_assembly *a, struct b_err *err)
{
    int32_t n = 0;
    float *weight = B_ARENA_ARRAY(a->arena, (size_t)a->n_items, float),
          *sorted = B_ARENA_ARRAY(a->arena, (size_t)a->n_items, float);
    if (!weight || !sorted)
        return b_arena_refused(a->arena, "assembly", err);
    const enum b_code code = a->strokes ? B_OK : measure_strokes(a, err);
    if (code != B_OK)
        return code;
    for (int32_t i = 0; i < a->n_items; i++) {
        weight[i] = a->strokes[i] / fmaxf(a->items[i].size, 1.0f);
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
