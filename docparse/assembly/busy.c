/* SPDX-License-Identifier: Apache-2.0 */
/* Busy places of the page image: cells in which the grey changes, less those under text. A coloured ground is not busy,
 * a photograph or a drawing is. Invariant: work is one pass over the pixels and a few over the cells. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/assembly/pictures_private.h"

#define CELL 8             /* pixels: half a line of small print */
#define CONTRAST_LEAST 22  /* grey levels within a busy cell, */
#define CONTRAST_MOST 64
#define NOISE 2.5f         /* or so many times what a quarter of the page's cells show: paper, camera, compression */
#define TEXT_MARGIN 0.2f   /* of a line's height around it that counts as its text */
#define DEPTH 2            /* cells around one that are looked at, */
#define DEPTH_LEAST 13     /* and must be busy of the 25: less is a line or an edge */
#define FILL_LEAST 0.6f    /* of a part's box */
#define BRIDGE 1           /* cells between parts of one picture */

/* Least and greatest grey of each cell of one row of cells. */
static void scan_row(const uint8_t *grey, int32_t stride, int32_t rows, int32_t cells, uint8_t *least, uint8_t *most)
{
    memset(least, 255, (size_t)cells * CELL);
    memset(most, 0, (size_t)cells * CELL);
    for (int32_t y = 0; y < rows; y += 2) { /* every second row sees as much */
        const uint8_t *row = grey + (size_t)y * (size_t)stride;
        for (int32_t x = 0; x < cells * CELL; x++) {
            least[x] = row[x] < least[x] ? row[x] : least[x];
            most[x] = row[x] > most[x] ? row[x] : most[x];
        }
    }
}

static void range_row(const uint8_t *least, const uint8_t *most, int32_t cells, uint8_t *out)
{
    for (int32_t c = 0; c < cells; c++) {
        int lo = 255, hi = 0;
        for (int k = 0; k < CELL; k++) {
            lo = least[c * CELL + k] < lo ? least[c * CELL + k] : lo;
            hi = most[c * CELL + k] > hi ? most[c * CELL + k] : hi;
        }
        out[c] = (uint8_t)(hi > lo ? hi - lo : 0);
    }
}

/* Ranges of grey -> busy or not, by the page's own noise. */
static void mark(struct dp_busy *busy)
{
    const size_t n = (size_t)busy->w * (size_t)busy->h;
    size_t histogram[256] = {0}, sum = 0;
    int quiet = 0;
    for (size_t i = 0; i < n; i++)
        histogram[busy->cells[i]]++;
    while (quiet < 255 && (sum += histogram[quiet]) * 4 < n)
        quiet++;
    const float noise = NOISE * (float)quiet;
    const int bound = noise < CONTRAST_LEAST ? CONTRAST_LEAST : noise > CONTRAST_MOST ? CONTRAST_MOST : (int)noise;
    for (size_t i = 0; i < n; i++)
        busy->cells[i] = busy->cells[i] >= bound;
}

static int32_t cell_at(float pixel, int32_t most)
{
    const int32_t c = (int32_t)floorf(pixel / CELL);
    return c < 0 ? 0 : c > most ? most : c;
}

static void mask_text(const struct dp_assembly *a, struct dp_busy *busy)
{
    for (int32_t i = 0; i < a->page->n_lines; i++) {
        const struct dp_rect b = a->page->lines[i].bbox;
        const float margin = TEXT_MARGIN * fminf(b.y1 - b.y0, b.x1 - b.x0);
        const int32_t x0 = cell_at(b.x0 - margin, busy->w), x1 = cell_at(b.x1 + margin + CELL, busy->w);
        const int32_t y0 = cell_at(b.y0 - margin, busy->h), y1 = cell_at(b.y1 + margin + CELL, busy->h);
        for (int32_t y = y0; y < y1; y++)
            memset(busy->cells + (size_t)y * (size_t)busy->w + x0, 0, (size_t)(x1 - x0));
    }
}

static void sum_up(struct dp_busy *busy)
{
    const size_t wide = (size_t)busy->w + 1;
    for (int32_t y = 0; y < busy->h; y++) {
        int32_t row = 0;
        for (int32_t x = 0; x < busy->w; x++) {
            row += busy->cells[(size_t)y * (size_t)busy->w + (size_t)x];
            busy->sums[(size_t)(y + 1) * wide + (size_t)x + 1] = busy->sums[(size_t)y * wide + (size_t)x + 1] + row;
        }
    }
}

enum b_code dp_busy_make(struct dp_assembly *a, struct dp_busy *out, struct b_err *err)
{
    int32_t width, height;
    const uint8_t *grey;
    const enum b_code code = dp_page_grey(a, &grey, &width, &height, err);
    *out = (struct dp_busy){.w = width / CELL, .h = height / CELL};
    if (code != B_OK || !grey || out->w < 1 || out->h < 1)
        return code;
    const size_t wide = (size_t)out->w;
    out->cells = b_arena_alloc(a->arena, wide * (size_t)out->h, 64);
    out->sums = B_ARENA_ARRAY(a->arena, (wide + 1) * ((size_t)out->h + 1), int32_t);
    uint8_t *least = b_arena_alloc(a->arena, wide * CELL, 64), *most = b_arena_alloc(a->arena, wide * CELL, 64);
    if (!out->cells || !out->sums || !least || !most)
        return b_arena_refused(a->arena, "assembly", err);
    for (int32_t y = 0; y < out->h; y++) {
        scan_row(grey + (size_t)y * CELL * (size_t)width, width, CELL, out->w, least, most);
        range_row(least, most, out->w, out->cells + (size_t)y * wide);
    }
    mark(out);
    mask_text(a, out);
    sum_up(out);
    return B_OK;
}

/* Busy cells in the cells [x0, x1) x [y0, y1). */
static int32_t count(const struct dp_busy *busy, int32_t x0, int32_t y0, int32_t x1, int32_t y1)
{
    const size_t wide = (size_t)busy->w + 1;
    const int32_t *s = busy->sums;
    return s[(size_t)y1 * wide + (size_t)x1] - s[(size_t)y0 * wide + (size_t)x1] - s[(size_t)y1 * wide + (size_t)x0] +
           s[(size_t)y0 * wide + (size_t)x0];
}

float dp_busy_share(const struct dp_busy *busy, struct dp_rect box)
{
    const int32_t x0 = cell_at(box.x0, busy->w), x1 = cell_at(box.x1 + CELL - 1, busy->w);
    const int32_t y0 = cell_at(box.y0, busy->h), y1 = cell_at(box.y1 + CELL - 1, busy->h);
    const int64_t cells = (int64_t)(x1 - x0) * (y1 - y0);
    return cells > 0 ? (float)count(busy, x0, y0, x1, y1) / (float)cells : 0.0f;
}

struct dp_rect dp_busy_tighten(const struct dp_busy *busy, struct dp_rect box)
{
    int32_t x0 = cell_at(box.x0, busy->w), x1 = cell_at(box.x1 + CELL - 1, busy->w);
    int32_t y0 = cell_at(box.y0, busy->h), y1 = cell_at(box.y1 + CELL - 1, busy->h);
    while (x0 < x1 && count(busy, x0, y0, x0 + 1, y1) == 0)
        x0++;
    while (x0 < x1 && count(busy, x1 - 1, y0, x1, y1) == 0)
        x1--;
    while (y0 < y1 && count(busy, x0, y0, x1, y0 + 1) == 0)
        y0++;
    while (y0 < y1 && count(busy, x0, y1 - 1, x1, y1) == 0)
        y1--;
    if (x0 >= x1 || y0 >= y1)
        return box;
    return (struct dp_rect){fmaxf(box.x0, (float)(x0 * CELL)), fmaxf(box.y0, (float)(y0 * CELL)),
                            fminf(box.x1, (float)(x1 * CELL)), fminf(box.y1, (float)(y1 * CELL))};
}

/* Cells whose surroundings are busy as well. */
static void deepen(const struct dp_busy *busy, uint8_t *deep)
{
    for (int32_t y = 0; y < busy->h; y++)
        for (int32_t x = 0; x < busy->w; x++) {
            const int32_t x0 = x > DEPTH ? x - DEPTH : 0, x1 = x + DEPTH + 1 < busy->w ? x + DEPTH + 1 : busy->w;
            const int32_t y0 = y > DEPTH ? y - DEPTH : 0, y1 = y + DEPTH + 1 < busy->h ? y + DEPTH + 1 : busy->h;
            deep[(size_t)y * (size_t)busy->w + (size_t)x] = count(busy, x0, y0, x1, y1) >= DEPTH_LEAST;
        }
}

/* Leftmost and rightmost cell of a part in each row. */
struct span {
    int32_t x0, x1;
};

/* What hangs together around `start`; empties it. Bounds in cells; *fill: share of them between the part's ends in
 * each row, since a photograph is smooth within. */
static struct dp_rect flood(const struct dp_busy *busy, uint8_t *deep, int32_t start, int32_t *stack,
                            struct span *spans, float *fill)
{
    struct dp_rect box = {1e30f, 1e30f, -1e30f, -1e30f};
    int32_t n = 0;
    int64_t filled = 0;
    for (int32_t y = 0; y < busy->h; y++)
        spans[y] = (struct span){INT32_MAX, -1};
    stack[n++] = start;
    deep[start] = 0;
    while (n > 0) {
        const int32_t at = stack[--n], x = at % busy->w, y = at / busy->w;
        spans[y].x0 = x < spans[y].x0 ? x : spans[y].x0;
        spans[y].x1 = x > spans[y].x1 ? x : spans[y].x1;
        box = dp_rect_union(box, (struct dp_rect){(float)x, (float)y, (float)(x + 1), (float)(y + 1)});
        for (int32_t v = y - 1 - BRIDGE; v <= y + 1 + BRIDGE; v++)
            for (int32_t u = x - 1 - BRIDGE; u <= x + 1 + BRIDGE; u++) {
                if (u < 0 || v < 0 || u >= busy->w || v >= busy->h || !deep[(size_t)v * (size_t)busy->w + (size_t)u])
                    continue;
                deep[(size_t)v * (size_t)busy->w + (size_t)u] = 0;
                stack[n++] = v * busy->w + u;
            }
    }
    for (int32_t y = 0; y < busy->h; y++)
        filled += spans[y].x1 >= 0 ? spans[y].x1 + 1 - spans[y].x0 : 0;
    *fill = (float)filled / fmaxf((box.x1 - box.x0) * (box.y1 - box.y0), 1.0f);
    return box;
}

enum b_code dp_busy_regions(struct dp_assembly *a, const struct dp_busy *busy, struct dp_rect **out, int32_t *n,
                            struct b_err *err)
{
    const int32_t cells = busy->w * busy->h;
    uint8_t *deep = b_arena_alloc(a->arena, (size_t)cells, 64);
    int32_t *stack = B_ARENA_ARRAY(a->arena, (size_t)cells, int32_t);
    struct dp_rect *found = B_ARENA_ARRAY(a->arena, DP_PICTURES_MOST, struct dp_rect);
    struct span *spans = B_ARENA_ARRAY(a->arena, (size_t)busy->h, struct span);
    *n = 0;
    if (!deep || !stack || !found || !spans)
        return b_arena_refused(a->arena, "assembly", err);
    deepen(busy, deep);
    const float least = 3.0f * a->height;
    for (int32_t i = 0; i < cells && *n < DP_PICTURES_MOST; i++) {
        if (!deep[i])
            continue;
        float fill;
        const struct dp_rect b = flood(busy, deep, i, stack, spans, &fill);
        const struct dp_rect box = {b.x0 * CELL, b.y0 * CELL, b.x1 * CELL, b.y1 * CELL};
        if (box.x1 - box.x0 > least && box.y1 - box.y0 > least && fill > FILL_LEAST)
            found[(*n)++] = box;
    }
    *out = found;
    return B_OK;
}
