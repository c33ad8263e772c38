/* SPDX-License-Identifier: Apache-2.0 */
/* The page's pixels as they would lie on flat and upright paper: the flattening is computed at the points of a mesh
 * and taken for even between them. Invariant: what lies beyond the page image is white. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/assembly/image_private.h"

#define MESH 32 /* pixels between the points where the flattening is computed: it bends by 1/50 pixel between them */
#define GROUP 8 /* cells of the mesh */
#define FRACTION 12 /* bits of a place behind the point: a cell's rounding stays below 1/100 pixel */
#define ONE (1 << FRACTION)
#define FEW 4           /* pixels that are taken at once, */
#define LEVEL (ONE / 8) /* where each moves by less than this */
#define FARTHEST 1e5f   /* pixels: places beyond are as far outside as any, and whole numbers hold a walk to it */

/* One cell of the mesh: where its corners lie in the page image. */
struct cell {
    struct dp_point top[2], low[2];
    bool inside;
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

/* A walk through the page image: where it starts and how far it goes with each pixel, in whole numbers. */
struct walk {
    int32_t x, y, dx, dy;
};

static int32_t fixed(float v)
{
    return (int32_t)(v * ONE);
}

/* n pixels at places that need not lie in the image. */
static void sample_edge(const uint8_t *grey, int32_t w, int32_t h, struct walk at, uint8_t *restrict out, int32_t n)
{
    for (int32_t k = 0; k < n; k++) {
        const int32_t ix = (at.x + k * at.dx) >> FRACTION, iy = (at.y + k * at.dy) >> FRACTION;
        out[k] = ix >= 0 && iy >= 0 && ix < w && iy < h ? grey[(size_t)iy * (size_t)w + (size_t)ix] : 255;
    }
}

/* n pixels of one row of a cell, v of the way down: a straight walk through the page image. Where it is nearly level,
 * four pixels at a time are those of one row, which moves a pixel by half of one at most and is much faster. */
static void sample_cell(const uint8_t *restrict grey, int32_t w, int32_t h, const struct cell *c, float v,
                        uint8_t *restrict out, int32_t n)
{
    const float x0 = c->top[0].x + (c->low[0].x - c->top[0].x) * v, y0 = c->top[0].y + (c->low[0].y - c->top[0].y) * v;
    const float x1 = c->top[1].x + (c->low[1].x - c->top[1].x) * v, y1 = c->top[1].y + (c->low[1].y - c->top[1].y) * v;
    const struct walk at = {fixed(x0), fixed(y0), fixed((x1 - x0) / MESH), fixed((y1 - y0) / MESH)};
    int32_t k = 0;
    if (!c->inside) {
        sample_edge(grey, w, h, at, out, n);
        return;
    }
    if (abs(at.dy) <= LEVEL && abs(at.dx - ONE) <= LEVEL)
        for (; k + FEW <= n; k += FEW) {
            const int32_t x = at.x + k * at.dx + (at.dx - ONE) * (FEW - 1) / 2;
            const int32_t y = at.y + k * at.dy + at.dy * (FEW - 1) / 2;
            memcpy(out + k, grey + (size_t)(y >> FRACTION) * (size_t)w + (size_t)(x >> FRACTION), FEW);
        }
    for (; k < n; k++)
        out[k] = grey[(size_t)((at.y + k * at.dy) >> FRACTION) * (size_t)w + (size_t)((at.x + k * at.dx) >> FRACTION)];
}

/* One strip of the mesh, between the points of two mesh rows. A few cells at a time:
 * their rows of the image stay at hand. */
static void sample_strip(const uint8_t *grey, int32_t w, int32_t h, struct cell *cells, uint8_t *out, int32_t rows)
{
    const int32_t n = (w + MESH - 1) / MESH;
    for (int32_t k = 0; k < n; k++)
        cells[k].inside = is_inside(&cells[k], w, h);
    for (int32_t first = 0; first < n; first += GROUP)
        for (int32_t y = 0; y < rows; y++)
            for (int32_t k = first; k < n && k < first + GROUP; k++)
                sample_cell(grey, w, h, &cells[k], (float)y / MESH, out + (size_t)y * (size_t)w + k * MESH,
                            w - k * MESH < MESH ? w - k * MESH : MESH);
}

static struct dp_point within_bounds(struct dp_point p)
{
    return (struct dp_point){fminf(fmaxf(p.x, -FARTHEST), FARTHEST), fminf(fmaxf(p.y, -FARTHEST), FARTHEST)};
}

/* The row of the mesh at y becomes the lower end of the cells; what was that is their upper end. */
static void mesh_row(const struct dp_flat_frame *f, int32_t y, struct cell *cells, int32_t n)
{
    struct dp_point left = within_bounds(dp_frame_unflatten(f, (struct dp_point){0.5f, (float)y + 0.5f}));
    for (int32_t k = 0; k < n; k++) {
        const struct dp_point flat = {(float)((k + 1) * MESH) + 0.5f, (float)y + 0.5f};
        const struct dp_point right = within_bounds(dp_frame_unflatten(f, flat));
        cells[k].top[0] = cells[k].low[0];
        cells[k].top[1] = cells[k].low[1];
        cells[k].low[0] = left;
        cells[k].low[1] = left = right;
    }
}

/* out[h][w]: the image, w x h when it stands upright, turned so; tile by tile, since one of them is walked down. */
static void turn_upright(const uint8_t *restrict grey, int turns, int32_t w, int32_t h, uint8_t *restrict out)
{
    const size_t from_w = (size_t)(turns & 1 ? h : w), last = (size_t)w * (size_t)h - 1;
    if (turns == 2) {
        for (size_t i = 0; i <= last; i++)
            out[i] = grey[last - i];
        return;
    }
    for (int32_t y0 = 0; y0 < h; y0 += MESH)
        for (int32_t x0 = 0; x0 < w; x0 += MESH)
            for (int32_t y = y0; y < h && y < y0 + MESH; y++) {
                uint8_t *row = out + (size_t)y * (size_t)w;
                const size_t column = (size_t)(turns == 1 ? y : h - 1 - y);
                for (int32_t x = x0; x < w && x < x0 + MESH; x++)
                    row[x] = grey[(size_t)(turns == 1 ? w - 1 - x : x) * from_w + column];
            }
}

/* The page in grey, upright; *grey NULL: it has no image. */
static enum b_code upright_grey(struct dp_assembly *a, const uint8_t **grey, int32_t *width, int32_t *height,
                                struct b_err *err)
{
    int32_t w, h;
    const enum b_code code = dp_page_grey(a, grey, &w, &h, err);
    const int turns = a->frame.turns;
    *width = turns & 1 ? h : w;
    *height = turns & 1 ? w : h;
    if (code != B_OK || !*grey || turns == 0)
        return code;
    if (!a->upright) {
        a->upright = b_arena_alloc(a->arena, (size_t)w * (size_t)h, 64);
        if (!a->upright)
            return b_arena_refused(a->arena, "assembly", err);
        turn_upright(*grey, turns, *width, *height, a->upright);
    }
    *grey = a->upright;
    return B_OK;
}

enum b_code dp_flat_grey(struct dp_assembly *a, const uint8_t **grey, int32_t *width, int32_t *height,
                         struct b_err *err)
{
    const struct dp_flat_frame *f = &a->frame;
    const enum b_code code = upright_grey(a, grey, width, height, err);
    const int32_t w = *width, h = *height, across = (w + MESH - 1) / MESH;
    if (code != B_OK || !*grey || !f->warped)
        return code;
    if (!a->flat) /* a later frame of the same page has the same size */
        a->flat = b_arena_alloc(a->arena, (size_t)w * (size_t)h, 64);
    uint8_t *out = a->flat;
    struct cell *cells = B_ARENA_ARRAY(a->arena, (size_t)across, struct cell);
    if (!out || !cells)
        return b_arena_refused(a->arena, "assembly", err);
    mesh_row(f, 0, cells, across);
    for (int32_t y = 0; y < h; y += MESH) {
        mesh_row(f, y + MESH, cells, across);
        sample_strip(*grey, w, h, cells, out + (size_t)y * (size_t)w, h - y < MESH ? h - y : MESH);
    }
    *grey = out;
    return B_OK;
}
