/* SPDX-License-Identifier: Apache-2.0 */
/* The page's pixels as they would lie on flat and upright paper: the flattening is computed at the points of a mesh
 * and taken for even between them. Invariant: what lies beyond the page image is white. */
#include "docparse/assembly/image_private.h"

#define MESH 16 /* pixels between the points where the flattening is computed exactly */

/* Where a point of the flattened upright page lies in the page image. */
static struct dp_point to_image(const struct dp_flat_frame *f, struct dp_point flat)
{
    const struct dp_point p = dp_frame_unflatten(f, flat);
    switch (f->turns) {
    case 1:
        return (struct dp_point){p.y, f->page_h - p.x};
    case 2:
        return (struct dp_point){f->page_w - p.x, f->page_h - p.y};
    case 3:
        return (struct dp_point){f->page_w - p.y, p.x};
    default:
        return p;
    }
}

static uint8_t pixel_at(const uint8_t *grey, int32_t w, int32_t h, float x, float y)
{
    const int32_t ix = (int32_t)x, iy = (int32_t)y;
    return x >= 0 && y >= 0 && ix < w && iy < h ? grey[(size_t)iy * (size_t)w + (size_t)ix] : 255;
}

/* One cell of the mesh: where its corners lie in the page image. */
struct cell {
    struct dp_point top[2], low[2];
};

/* Places in between lie between the corners' places; a pixel is left for rounding. */
static bool is_inside(const struct cell *c, int32_t w, int32_t h)
{
    for (int k = 0; k < 2; k++)
        if (!(c->top[k].x >= 1 && c->low[k].x >= 1 && c->top[k].y >= 1 && c->low[k].y >= 1 &&
              c->top[k].x < (float)(w - 1) && c->low[k].x < (float)(w - 1) && c->top[k].y < (float)(h - 1) &&
              c->low[k].y < (float)(h - 1)))
            return false;
    return true;
}

/* One row of a cell, v of the way down. */
static void sample_row(const uint8_t *grey, int32_t w, int32_t h, const struct cell *c, float v, bool inside,
                       uint8_t *restrict out, int32_t n)
{
    float xs[MESH], ys[MESH];
    int32_t at[MESH];
    for (int32_t x = 0; x < MESH; x++) {
        const float u = (float)x / MESH;
        const float x0 = c->top[0].x + (c->top[1].x - c->top[0].x) * u,
                    x1 = c->low[0].x + (c->low[1].x - c->low[0].x) * u;
        const float y0 = c->top[0].y + (c->top[1].y - c->top[0].y) * u,
                    y1 = c->low[0].y + (c->low[1].y - c->low[0].y) * u;
        xs[x] = x0 + (x1 - x0) * v;
        ys[x] = y0 + (y1 - y0) * v;
    }
    if (!inside) {
        for (int32_t x = 0; x < n; x++)
            out[x] = pixel_at(grey, w, h, xs[x], ys[x]);
        return;
    }
    for (int32_t x = 0; x < MESH; x++)
        at[x] = (int32_t)ys[x] * w + (int32_t)xs[x];
    for (int32_t x = 0; x < n; x++)
        out[x] = grey[at[x]];
}

/* One strip of the mesh, between the points of two mesh rows. */
static void sample_strip(const uint8_t *grey, int32_t w, int32_t h, const struct dp_point *top,
                         const struct dp_point *low, uint8_t *out, int32_t flat_w, int32_t rows)
{
    for (int32_t x = 0, k = 0; x < flat_w; x += MESH, k++) {
        const struct cell c = {{top[k], top[k + 1]}, {low[k], low[k + 1]}};
        const int32_t n = flat_w - x < MESH ? flat_w - x : MESH;
        const bool inside = is_inside(&c, w, h);
        for (int32_t y = 0; y < rows; y++)
            sample_row(grey, w, h, &c, (float)y / MESH, inside, out + (size_t)y * (size_t)flat_w + (size_t)x, n);
    }
}

/* Where the points of one row of the mesh lie in the page image. */
static void mesh_row(const struct dp_flat_frame *f, int32_t y, struct dp_point *points, int32_t n)
{
    for (int32_t k = 0; k < n; k++)
        points[k] = to_image(f, (struct dp_point){(float)(k * MESH) + 0.5f, (float)y + 0.5f});
}

const uint8_t *dp_flat_grey(struct dp_assembly *a, int32_t *width, int32_t *height)
{
    const struct dp_flat_frame *f = &a->frame;
    int32_t w = 0, h = 0;
    const uint8_t *grey = dp_page_grey(a, &w, &h);
    *width = w;
    *height = h;
    if (!grey || (!f->warped && f->turns == 0))
        return grey;
    *width = (int32_t)f->w;
    *height = (int32_t)f->h;
    const int32_t across = *width / MESH + 2;
    if (!a->flat) /* a later frame of the same page has the same size */
        a->flat = b_arena_alloc(a->arena, (size_t)*width * (size_t)*height, 64);
    uint8_t *out = a->flat;
    struct dp_point *top = B_ARENA_ARRAY(a->arena, (size_t)across, struct dp_point);
    struct dp_point *low = B_ARENA_ARRAY(a->arena, (size_t)across, struct dp_point);
    if (!out || !top || !low)
        return NULL;
    mesh_row(f, 0, top, across);
    for (int32_t y = 0; y < *height; y += MESH) {
        struct dp_point *swap = top;
        mesh_row(f, y + MESH, low, across);
        const int32_t rows = *height - y < MESH ? *height - y : MESH;
        sample_strip(grey, w, h, top, low, out + (size_t)y * (size_t)*width, *width, rows);
        top = low;
        low = swap;
    }
    return out;
}
