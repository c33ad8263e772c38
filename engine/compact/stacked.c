/* SPDX-License-Identifier: Apache-2.0 */
/* A column of upright characters as a line: cut between the characters, each laid to the right of the one
 * before. Cuts are found by dynamic programming over the column's ink profile: a cut wants a gap, a
 * character wants to be as long as the column's ink is wide (CJK characters are square). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/compact/line_image.h"
#include "engine/compact/strip_sample.h"

#define CELL ENG_LINE_PIXELS
#define MARGIN 4     /* rows above and below a character, as in a line of print */
#define MIN_PITCH 16 /* columns of the lying image; a character is at least a third of the strip */
#define MAX_PITCH 64
#define MARK_LEAST 3 /* pixels of a comma or full stop in its square, each way */
#define MARK_MOST 24
#define MARK_CONTRAST 40.0f  /* grey levels that ink differs from the ground */
#define LENGTH_WEIGHT 300.0f /* contrast units that a character of twice or no length costs */

/* The column lying on its side, its cuts, and how wide its ink is. */
struct column {
    struct eng_line_image lying;
    int *cuts; /* cuts[0] = 0 .. cuts[n] = width, columns of the lying image */
    size_t n;
    float pitch;
    float background[3];
};

/* Rows of the lying image that hold ink: the width of the characters. */
static float ink_extent(const struct eng_line_image *image, float level)
{
    int first = CELL, last = -1;
    for (int y = 0; y < CELL; y++) {
        int changes = 0;
        for (int x = 1; x < image->content; x++) {
            const float *p = image->bgr + ((size_t)y * (size_t)image->width + (size_t)x) * 3;
            changes += fabsf(p[1] - p[-2]) > level * 0.5f;
        }
        if (changes * 40 > image->content) { /* an edge every 40 columns: one a character */
            first = y < first ? y : first;
            last = y;
        }
    }
    return last > first ? (float)(last - first + 1) : (float)CELL * 0.75f;
}

/* Mean colour of the gaps; white when there is none. */
static void find_background(struct column *c, float level)
{
    double sum[3] = {0.0, 0.0, 0.0};
    size_t n = 0;
    const struct eng_line_image *image = &c->lying;
    for (int x = 0; x < image->content; x++) {
        if (image->ink[x] >= level)
            continue;
        const float *p = image->bgr + ((size_t)(CELL / 2) * (size_t)image->width + (size_t)x) * 3;
        for (int k = 0; k < 3; k++)
            sum[k] += (double)p[k];
        n++;
    }
    for (int k = 0; k < 3; k++)
        c->background[k] = n ? (float)(sum[k] / (double)n) : 255.0f;
}

/* Cheapest chain of cuts from 0 to width. */
static enum b_code find_cuts(struct column *c, struct b_err *err)
{
    const int width = c->lying.content;
    const int lo = (int)fmaxf(c->pitch * 0.5f, 4.0f), hi = (int)(c->pitch * 1.6f) + 1;
    float *cost = malloc(((size_t)width + 1) * sizeof *cost);
    int *back = malloc(((size_t)width + 1) * sizeof *back);
    c->cuts = malloc(((size_t)width + 2) * sizeof *c->cuts);
    enum b_code code = B_OK;
    if (!cost || !back || !c->cuts) {
        code = b_fail(err, B_NO_MEMORY, "recogniser", "no memory for a column of %d pixels", width);
        goto out;
    }
    cost[0] = 0.0f;
    back[0] = -1;
    for (int x = 1; x <= width; x++) {
        const float ink = x < width ? c->lying.ink[x] : 0.0f;
        cost[x] = INFINITY;
        back[x] = 0;
        for (int from = x > hi ? x - hi : 0; from <= x - lo || from == 0; from++) {
            const float off = ((float)(x - from) - c->pitch) / c->pitch;
            const float here = cost[from] + ink + LENGTH_WEIGHT * off * off;
            if (here < cost[x]) {
                cost[x] = here;
                back[x] = from;
            }
            if (from >= x - 1)
                break;
        }
    }
    for (int x = width; x > 0 && c->n <= (size_t)width; x = back[x])
        c->cuts[c->n++] = x;
    for (size_t i = 0; i < c->n / 2; i++) {
        const int swap = c->cuts[i];
        c->cuts[i] = c->cuts[c->n - 1 - i];
        c->cuts[c->n - 1 - i] = swap;
    }
    memmove(c->cuts + 1, c->cuts, c->n * sizeof *c->cuts);
    c->cuts[0] = 0;
out:
    free(cost);
    free(back);
    return code;
}

static enum b_code measure_column(struct column *c, struct b_image_view page, const struct eng_strip *strip,
                                  struct b_err *err)
{
    enum b_code code = eng_line_image_make(&c->lying, page, strip, ENG_LOOK_PLAIN, err);
    if (code != B_OK)
        return code;
    const float level = eng_line_gap_level(&c->lying);
    c->pitch = fminf(fmaxf(ink_extent(&c->lying, level) * 1.1f, MIN_PITCH), MAX_PITCH);
    find_background(c, level);
    return find_cuts(c, err);
}

/* The character between u0 and u1 of the column as a small upright strip of its own. */
static struct eng_strip cell_strip(const struct eng_strip *column, float u0, float u1)
{
    const struct eng_point centre = eng_strip_at(column, (u0 + u1) * 0.5f, 0.0f);
    const float side = (u1 - u0) * CELL / (CELL - 2 * MARGIN);
    struct eng_strip s = {
        .origin = centre, .ux = column->uy, .uy = -column->ux, .u0 = -side * 0.5f, .u1 = side * 0.5f, .height = side};
    return s;
}

/* Rows and columns of a cell that its ink fills, half open; empty when there is none. */
struct ink_box {
    int x0, y0, x1, y1;
};

static struct ink_box ink_of(const float *cell, const float background[3], float least)
{
    struct ink_box b = {CELL, CELL, 0, 0};
    for (int y = MARGIN; y < CELL - MARGIN; y++)
        for (int x = MARGIN; x < CELL - MARGIN; x++) {
            if (fabsf(cell[((size_t)y * CELL + (size_t)x) * 3 + 1] - background[1]) < least)
                continue;
            b.x0 = x < b.x0 ? x : b.x0;
            b.x1 = x + 1 > b.x1 ? x + 1 : b.x1;
            b.y0 = y < b.y0 ? y : b.y0;
            b.y1 = y + 1 > b.y1 ? y + 1 : b.y1;
        }
    return b;
}

/* Commas and full stops of a column stand in the upper right of their square, those of a line in the lower left: a
 * small mark that is alone there is moved, or it would be read as a quotation mark or not at all. */
static void settle_mark(float *cell, const float background[3])
{
    const struct ink_box b = ink_of(cell, background, MARK_CONTRAST);
    const int wide = b.x1 - b.x0, tall = b.y1 - b.y0;
    if (wide < MARK_LEAST || tall < MARK_LEAST || wide > MARK_MOST || tall > MARK_MOST || b.x0 + b.x1 < CELL ||
        b.y0 + b.y1 > CELL || b.x0 < CELL / 2 - MARGIN || b.y1 > CELL / 2 + MARGIN)
        return;
    float mark[MARK_MOST * MARK_MOST * 3];
    const size_t row = (size_t)wide * 3;
    for (int y = 0; y < tall; y++) {
        float *from = cell + ((size_t)(b.y0 + y) * CELL + (size_t)b.x0) * 3;
        memcpy(mark + (size_t)y * row, from, row * sizeof *mark);
        for (int x = 0; x < wide; x++)
            memcpy(from + (size_t)x * 3, background, 3 * sizeof *from);
    }
    for (int y = 0; y < tall; y++)
        memcpy(cell + ((size_t)(CELL - b.y1 + y) * CELL + (size_t)(CELL - b.x1)) * 3, mark + (size_t)y * row,
               row * sizeof *mark);
}

/* 48 x 48 columns of `cell` into columns [at, at + 48) of the image, margins in the background's colour. */
static void paste(struct eng_line_image *image, const float *cell, int at, const float background[3])
{
    for (int y = 0; y < CELL; y++) {
        float *row = image->bgr + ((size_t)y * (size_t)image->width + (size_t)at) * 3;
        if (y >= MARGIN && y < CELL - MARGIN) {
            memcpy(row, cell + (size_t)y * CELL * 3, CELL * 3 * sizeof *row);
            continue;
        }
        for (int x = 0; x < CELL; x++)
            memcpy(row + (size_t)x * 3, background, 3 * sizeof *row);
    }
}

enum b_code eng_line_image_stack(struct eng_line_image *image, struct b_image_view page, const struct eng_strip *strip,
                                 struct b_err *err)
{
    struct column c = {.n = 0};
    float *cell = malloc((size_t)CELL * CELL * 3 * sizeof *cell);
    enum b_code code = cell ? measure_column(&c, page, strip, err)
                            : b_fail(err, B_NO_MEMORY, "recogniser", "no memory for a character");
    if (code != B_OK)
        goto out;
    if ((code = eng_line_image_reserve(image, (int)c.n * CELL, err)) != B_OK)
        goto out;
    for (size_t i = 0; i < c.n; i++) {
        const float u0 = c.lying.u[c.cuts[i]], u1 = c.lying.u[c.cuts[i + 1]];
        const struct eng_strip s = cell_strip(strip, u0, u1);
        struct eng_arc arc;
        eng_arc_init(&arc, &s);
        const int at = (int)i * CELL;
        if (at + CELL > image->content)
            break;
        const struct eng_arc_part part = {0.0f, arc.length, CELL, CELL};
        if ((code = eng_arc_sample(&arc, page, &part, cell, err)) != B_OK)
            goto out;
        settle_mark(cell, c.background);
        paste(image, cell, at, c.background);
        for (int x = 0; x < CELL; x++)
            image->u[at + x] = u0 + (u1 - u0) * (float)x / CELL;
    }
    for (int x = image->content; x <= image->width; x++)
        image->u[x] = c.lying.u[c.lying.content];
out:
    eng_line_image_free(&c.lying);
    free(c.cuts);
    free(cell);
    return code;
}
