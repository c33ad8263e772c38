/* SPDX-License-Identifier: Apache-2.0 */
/* A region of the page as the formula model was trained to see it (corpora/synth, engine/training/data.py): grey, paper
 * white, one size of letters, in the middle of a canvas in units of 28 px. Invariant: the ink inside of the region is
 * inside of the canvas, whole. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/formula_reader.h"
#include "engine/qwen25vl/qwen25vl.h"

#define DOMAIN "formula"
#define EM_TRAINED 23.0f    /* pixels of an em in training, 19 to 28 */
#define HEIGHT_ONE_ROW 1.5f /* ems of a formula of one row with scripts: for regions whose size of letters is unknown  \
                             */
enum {
    UNIT = 28,  /* pixels of a token's square */
    MARGIN = 4, /* white on each side at least */
    WIDEST = 28,
    TALLEST = 7,   /* units of the largest canvas in training */
    CONTRAST = 40, /* levels between paper and ink, else there is none */
    REGION_PIXELS = 1 << 26
};

struct levels {
    int paper, ink;
};

/* The copied grey pixels of the region's part on the page. */
static enum b_code grey_region(struct b_image_view page, struct dp_rect box, struct b_image *out, struct b_err *err)
{
    if (!(box.x1 > box.x0 && box.y1 > box.y0) || box.x1 < 0 || box.y1 < 0 || box.x0 >= (float)page.width ||
        box.y0 >= (float)page.height)
        return b_fail(err, B_NOT_FOUND, DOMAIN, "the region is not on the page");
    const int x0 = (int)fmaxf(0, floorf(box.x0)), y0 = (int)fmaxf(0, floorf(box.y0));
    const int x1 = (int)fminf((float)page.width, ceilf(box.x1)), y1 = (int)fminf((float)page.height, ceilf(box.y1));
    const struct b_image_view part = b_image_view_crop(page, x0, y0, x1 - x0, y1 - y0);
    enum b_code code = b_image_new(part.width, part.height, 1, REGION_PIXELS, out, err);
    if (code != B_OK)
        return code;
    for (int y = 0; y < part.height; y++) {
        const uint8_t *from = part.pixels + (size_t)y * part.stride;
        uint8_t *to = out->pixels + (size_t)y * (size_t)part.width;
        for (int x = 0; x < part.width; x++, from += part.channels)
            to[x] = part.channels == 1 ? *from : (uint8_t)((from[0] * 77 + from[1] * 150 + from[2] * 29) >> 8);
    }
    return B_OK;
}

/* Paper: the level that most pixels are about; ink: what the darkest hundredth is. */
static struct levels levels_of(const struct b_image *grey)
{
    size_t count[256] = {0};
    const size_t all = (size_t)grey->width * (size_t)grey->height;
    for (size_t i = 0; i < all; i++)
        count[grey->pixels[i]]++;
    struct levels l = {255, 0};
    for (size_t seen = count[255]; l.paper > 0 && seen * 4 < all; seen += count[l.paper])
        l.paper--;
    for (size_t seen = count[0]; l.ink < 255 && seen * 100 < all; seen += count[l.ink])
        l.ink++;
    return l;
}

/* Bounds of what is darker than halfway between paper and ink; false when nothing is. */
static bool ink_bounds(const struct b_image *grey, struct levels l, int bounds[4])
{
    const int limit = (l.paper + l.ink) / 2;
    bounds[0] = grey->width;
    bounds[1] = grey->height;
    bounds[2] = bounds[3] = 0;
    for (int y = 0; y < grey->height; y++)
        for (int x = 0; x < grey->width; x++)
            if (grey->pixels[(size_t)y * (size_t)grey->width + (size_t)x] < limit) {
                bounds[0] = x < bounds[0] ? x : bounds[0];
                bounds[1] = y < bounds[1] ? y : bounds[1];
                bounds[2] = x + 1 > bounds[2] ? x + 1 : bounds[2];
                bounds[3] = y + 1 > bounds[3] ? y + 1 : bounds[3];
            }
    bounds[0] -= bounds[0] > 0;
    bounds[1] -= bounds[1] > 0;
    bounds[2] += bounds[2] < grey->width;
    bounds[3] += bounds[3] < grey->height;
    return bounds[2] > bounds[0] && bounds[3] > bounds[1];
}

/* Units of a side that holds `pixels`; long sides come in fewer sizes, as in training. */
static int units_of(int pixels)
{
    const int n = (pixels + 2 * MARGIN + UNIT - 1) / UNIT;
    return n <= 8 ? n : n <= 16 ? (n + 1) / 2 * 2 : (n + 3) / 4 * 4;
}

static int scaled(int pixels, float scale)
{
    const int n = (int)lroundf((float)pixels * scale);
    return n < 1 ? 1 : n;
}

enum b_code dp_formula_picture(struct b_image_view page, const struct dp_formula_region *region, struct b_image *out,
                               struct b_err *err)
{
    struct b_image grey = {0}, small = {0};
    int b[4] = {0};
    *out = (struct b_image){0};
    enum b_code code = grey_region(page, region->box, &grey, err);
    struct levels l = {255, 0};
    if (code == B_OK) {
        l = levels_of(&grey);
        if (l.paper - l.ink < CONTRAST || !ink_bounds(&grey, l, b))
            code = b_fail(err, B_NOT_FOUND, DOMAIN, "the region has no ink");
    }
    if (code == B_OK) {
        const int w = b[2] - b[0], h = b[3] - b[1];
        float scale = EM_TRAINED / (region->em > 0 ? region->em : fmaxf((float)h / HEIGHT_ONE_ROW, 1.0f));
        scale = fminf(scale, (float)(WIDEST * UNIT - 2 * MARGIN) / (float)w);
        scale = fminf(scale, (float)(TALLEST * UNIT - 2 * MARGIN) / (float)h);
        const int sw = scaled(w, scale), sh = scaled(h, scale);
        code = b_image_new(sw, sh, 1, REGION_PIXELS, &small, err);
        if (code == B_OK)
            code = eng_bicubic_resize(b_image_view_crop(b_image_view_of(&grey), b[0], b[1], w, h), ENG_BICUBIC_PILLOW,
                                      sh, sw, small.pixels, err);
        if (code == B_OK)
            code = b_image_new(units_of(sw) * UNIT, units_of(sh) * UNIT, 1, REGION_PIXELS, out, err);
    }
    if (code == B_OK) {
        memset(out->pixels, 255, (size_t)out->width * (size_t)out->height);
        const int x0 = (out->width - small.width) / 2, y0 = (out->height - small.height) / 2;
        for (int y = 0; y < small.height; y++)
            for (int x = 0; x < small.width; x++) {
                const int v = small.pixels[(size_t)y * (size_t)small.width + (size_t)x];
                const int level = (v - l.ink) * 255 / (l.paper - l.ink);
                out->pixels[(size_t)(y + y0) * (size_t)out->width + (size_t)(x + x0)] =
                    (uint8_t)(level < 0     ? 0
                              : level > 255 ? 255
                                            : level);
            }
    }
    b_image_free(&grey);
    b_image_free(&small);
    if (code != B_OK)
        b_image_free(out);
    return code;
}
