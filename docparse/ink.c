/* SPDX-License-Identifier: Apache-2.0 */
/* Ink map by local contrast: a cell has ink when its brightest and darkest pixel differ by CONTRAST, which
 * holds for any background tone and leaves flat areas, however dark, empty. Cells are small against a
 * line of text, so that the shape of what remains tells text from rules and frames. */
#include "docparse/ink.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DOMAIN "ink"
#define CELLS_PER_INCH 50.0
#define CELL_MIN 2       /* pixels: a single pixel has no contrast */
#define CELL_MAX 24      /* pixels: 1200 dpi */
#define SIDE_MAX 2000    /* cells of the longer side: bounds the memory */
#define CONTRAST 40      /* of 255: light grey print shows 55, JPEG noise on paper below 30 */
#define SMEAR 3          /* cells (4.3 points): word spaces of 10 to 14 point text */
#define LINE_MIN 3       /* cells: print of 5 points */
#define LINE_MAX 56      /* cells: 80 points, display type */
#define MARKS_LEAST 12   /* ink cells: two letters of 10 points */
#define LONG_FOR_LINE 2  /* width over height of one line: icons and bullets stay below */
#define FILL_LINE 0.35f  /* share of ink in the box of a line or of a block of lines */
#define FILL_BLOCK 0.25f
#define REGIONS_MAX 256
#define GROW 4           /* cells around a region, for what contrast misses */

static void grey_row(const uint8_t *row, int width, int channels, uint8_t *out)
{
    if (channels == 1) {
        memcpy(out, row, (size_t)width);
        return;
    }
    for (int x = 0; x < width; x++)
        out[x] = (uint8_t)((row[3 * x] * 77 + row[3 * x + 1] * 150 + row[3 * x + 2] * 29) >> 8);
}

/* One row of cells: extremes over `tall` pixel rows, then over each cell's columns. */
static void cell_row(struct b_image_view page, int y, int tall, int cell, uint8_t *grey, uint8_t *low, uint8_t *high,
                     uint8_t *out, int cols)
{
    memset(low, 255, (size_t)page.width);
    memset(high, 0, (size_t)page.width);
    for (int r = 0; r < tall; r++) {
        grey_row(page.pixels + (size_t)(y + r) * page.stride, page.width, page.channels, grey);
        for (int x = 0; x < page.width; x++) {
            low[x] = grey[x] < low[x] ? grey[x] : low[x];
            high[x] = grey[x] > high[x] ? grey[x] : high[x];
        }
    }
    for (int c = 0; c < cols; c++) {
        const int end = (c + 1) * cell < page.width ? (c + 1) * cell : page.width;
        int lo = 255, hi = 0;
        for (int x = c * cell; x < end; x++) {
            lo = low[x] < lo ? low[x] : lo;
            hi = high[x] > hi ? high[x] : hi;
        }
        out[c] = hi - lo >= CONTRAST ? DP_INK_OPEN : DP_INK_NONE;
    }
}

enum b_code dp_ink_map(struct b_image_view page, double dpi, struct b_arena *arena, struct dp_ink *out,
                       struct b_err *err)
{
    const double inch = dpi > 0 ? dpi : page.width / 8.0;
    const int longer = page.width > page.height ? page.width : page.height;
    const int least = longer / SIDE_MAX + 1 > CELL_MIN ? longer / SIDE_MAX + 1 : CELL_MIN;
    int cell = inch < 1e6 ? (int)lround(inch / CELLS_PER_INCH) : least;
    cell = cell < least ? least : cell > CELL_MAX && least <= CELL_MAX ? CELL_MAX : cell;
    out->cell = cell;
    out->cols = (page.width + cell - 1) / cell;
    out->rows = (page.height + cell - 1) / cell;
    out->cells = b_arena_array(arena, (size_t)out->rows, (size_t)out->cols);
    uint8_t *rows = b_arena_array(arena, 3, (size_t)page.width);
    if (!out->cells || !rows)
        return b_arena_refused(arena, DOMAIN, err);
    for (int r = 0; r < out->rows; r++) {
        const int y = r * cell, tall = y + cell <= page.height ? cell : page.height - y;
        cell_row(page, y, tall, cell, rows, rows + page.width, rows + 2 * (size_t)page.width,
                 out->cells + (size_t)r * (size_t)out->cols, out->cols);
    }
    return B_OK;
}

struct window {
    int x0, y0, x1, y1; /* cells, half open */
};

static int clamp_cell(float v, int max)
{
    return !(v > 0) ? 0 : v >= (float)max ? max : (int)v;
}

static struct window window_of(const struct dp_ink *ink, struct dp_rect box, float grow)
{
    const float c = (float)ink->cell;
    return (struct window){
        .x0 = clamp_cell(floorf((box.x0 - grow) / c), ink->cols),
        .y0 = clamp_cell(floorf((box.y0 - grow) / c), ink->rows),
        .x1 = clamp_cell(ceilf((box.x1 + grow) / c), ink->cols),
        .y1 = clamp_cell(ceilf((box.y1 + grow) / c), ink->rows),
    };
}

void dp_ink_account(struct dp_ink *ink, struct dp_rect box, float grow)
{
    const struct window w = window_of(ink, box, grow);
    for (int y = w.y0; y < w.y1; y++)
        for (int x = w.x0; x < w.x1; x++) {
            uint8_t *cell = &ink->cells[(size_t)y * (size_t)ink->cols + (size_t)x];
            if (*cell == DP_INK_OPEN)
                *cell = DP_INK_ACCOUNTED;
        }
}

bool dp_ink_any(const struct dp_ink *ink, struct dp_rect box)
{
    const struct window w = window_of(ink, box, 0);
    for (int y = w.y0; y < w.y1; y++)
        for (int x = w.x0; x < w.x1; x++)
            if (ink->cells[(size_t)y * (size_t)ink->cols + (size_t)x] != DP_INK_NONE)
                return true;
    return false;
}

struct dp_ink_count dp_ink_total(const struct dp_ink *ink)
{
    struct dp_ink_count n = {0, 0};
    const size_t cells = (size_t)ink->rows * (size_t)ink->cols;
    for (size_t i = 0; i < cells; i++) {
        n.all += ink->cells[i] != DP_INK_NONE;
        n.open += ink->cells[i] == DP_INK_OPEN;
    }
    return n;
}

/* Open ink with the gaps of a row closed: 1 where something stands, 2 where it is ink. */
static void smear(const struct dp_ink *ink, uint8_t *out)
{
    for (int y = 0; y < ink->rows; y++) {
        const uint8_t *row = ink->cells + (size_t)y * (size_t)ink->cols;
        uint8_t *to = out + (size_t)y * (size_t)ink->cols;
        int last = -SMEAR - 2;
        for (int x = 0; x < ink->cols; x++) {
            if (row[x] != DP_INK_OPEN)
                continue;
            if (x - last <= SMEAR + 1)
                for (int k = last + 1; k < x; k++)
                    to[k] = 1;
            to[x] = 2;
            last = x;
        }
    }
}

struct patch {
    struct window box;
    long ink;
};

/* Collects the 8-connected patch at (x, y) and clears it. `stack` holds every cell at most once. */
static struct patch take_patch(uint8_t *map, int cols, int rows, int x, int y, int32_t *stack)
{
    struct patch p = {{x, y, x + 1, y + 1}, 0};
    size_t top = 0;
    stack[top++] = (int32_t)((size_t)y * (size_t)cols + (size_t)x);
    p.ink += map[stack[0]] == 2;
    map[stack[0]] = 0;
    while (top > 0) {
        const int32_t at = stack[--top];
        const int cx = at % cols, cy = at / cols;
        p.box.x0 = cx < p.box.x0 ? cx : p.box.x0;
        p.box.y0 = cy < p.box.y0 ? cy : p.box.y0;
        p.box.x1 = cx + 1 > p.box.x1 ? cx + 1 : p.box.x1;
        p.box.y1 = cy + 1 > p.box.y1 ? cy + 1 : p.box.y1;
        for (int ny = cy > 0 ? cy - 1 : 0; ny <= cy + 1 && ny < rows; ny++)
            for (int nx = cx > 0 ? cx - 1 : 0; nx <= cx + 1 && nx < cols; nx++) {
                const int32_t to = (int32_t)((size_t)ny * (size_t)cols + (size_t)nx);
                if (!map[to])
                    continue;
                p.ink += map[to] == 2;
                map[to] = 0;
                stack[top++] = to;
            }
    }
    return p;
}

static bool text_like(const struct patch *p)
{
    const int w = p->box.x1 - p->box.x0, h = p->box.y1 - p->box.y0;
    if (p->ink < MARKS_LEAST || w < LINE_MIN || h < LINE_MIN)
        return false;
    const float fill = (float)p->ink / ((float)w * (float)h);
    const int longer = w > h ? w : h, shorter = w > h ? h : w;
    if (shorter <= LINE_MAX && longer >= LONG_FOR_LINE * shorter)
        return fill >= FILL_LINE;
    return longer > LINE_MIN * LONG_FOR_LINE * 3 && fill >= FILL_BLOCK; /* several lines grown together, pictures */
}

static bool overlap(struct window a, struct window b)
{
    return a.x0 < b.x1 && b.x0 < a.x1 && a.y0 < b.y1 && b.y0 < a.y1;
}

/* Joins overlapping windows; few enough for the quadratic loop. */
static size_t merge_windows(struct window *w, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n;) {
            if (!overlap(w[i], w[j])) {
                j++;
                continue;
            }
            w[i].x0 = w[j].x0 < w[i].x0 ? w[j].x0 : w[i].x0;
            w[i].y0 = w[j].y0 < w[i].y0 ? w[j].y0 : w[i].y0;
            w[i].x1 = w[j].x1 > w[i].x1 ? w[j].x1 : w[i].x1;
            w[i].y1 = w[j].y1 > w[i].y1 ? w[j].y1 : w[i].y1;
            w[j] = w[--n];
            j = i + 1;
        }
    return n;
}

/* Adds a window; when the list is full, everything becomes one window: never a silent loss. */
static size_t add_window(struct window *list, size_t n, struct window w)
{
    if (n == REGIONS_MAX) {
        n = merge_windows(list, n);
        if (n == REGIONS_MAX) {
            for (size_t i = 1; i < n; i++) {
                list[0].x0 = list[i].x0 < list[0].x0 ? list[i].x0 : list[0].x0;
                list[0].y0 = list[i].y0 < list[0].y0 ? list[i].y0 : list[0].y0;
                list[0].x1 = list[i].x1 > list[0].x1 ? list[i].x1 : list[0].x1;
                list[0].y1 = list[i].y1 > list[0].y1 ? list[i].y1 : list[0].y1;
            }
            n = 1;
        }
    }
    list[n] = w;
    return n + 1;
}

enum b_code dp_ink_regions(const struct dp_ink *ink, struct b_arena *arena, float (**regions)[4], size_t *count,
                           long *text_cells, struct b_err *err)
{
    const size_t cells = (size_t)ink->rows * (size_t)ink->cols;
    *count = 0;
    *text_cells = 0;
    uint8_t *map = b_arena_array(arena, cells, 1);
    int32_t *stack = B_ARENA_ARRAY(arena, cells, int32_t);
    struct window *list = B_ARENA_ARRAY(arena, REGIONS_MAX, struct window);
    *regions = b_arena_array(arena, REGIONS_MAX, sizeof **regions);
    if (!map || !stack || !list || !*regions)
        return b_arena_refused(arena, DOMAIN, err);
    smear(ink, map);
    size_t n = 0;
    for (int y = 0; y < ink->rows; y++)
        for (int x = 0; x < ink->cols; x++) {
            if (!map[(size_t)y * (size_t)ink->cols + (size_t)x])
                continue;
            const struct patch p = take_patch(map, ink->cols, ink->rows, x, y, stack);
            if (!text_like(&p))
                continue;
            *text_cells += p.ink;
            n = add_window(list, n, (struct window){p.box.x0 - GROW, p.box.y0 - GROW, p.box.x1 + GROW, p.box.y1 + GROW});
        }
    n = merge_windows(list, n);
    for (size_t i = 0; i < n; i++) {
        const struct window w = list[i];
        float *r = (*regions)[i];
        r[0] = (float)(w.x0 * ink->cell);
        r[1] = (float)(w.y0 * ink->cell);
        r[2] = (float)(w.x1 * ink->cell);
        r[3] = (float)(w.y1 * ink->cell);
    }
    *count = n;
    return B_OK;
}
