/* SPDX-License-Identifier: Apache-2.0 */
/* The recogniser's view of a strip: exact width, then grey up to a multiple of 32, which keeps the number of
 * planned widths small. Padding changes the answer (compact-models.md 2.5), but by no more than stretching
 * to the same width does, and grey is what the network was trained with. */
#include "engine/compact/line_image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/compact/strip_sample.h"

#define WIDTH_STEP 32
#define MID_GREY 127.5f          /* 0 after normalisation */
#define MAX_LINE_WIDTH (1 << 15) /* 680 heights: a longer strip is squeezed */
/* Heights over the strip's. Six real pages read with the same errors (1.09 %) at 1, 1.08 and 1.16, 35 rendered
 * and degraded ones with 0.178, 0.180 and 0.175 %: the higher, the fewer columns there are to compute. */
#define ROOMY 1.12f
#define TALL 1.3f
#define SNAP 0.02f     /* of the height: a centre line this close to a page axis is one */
#define GAP_SHARE 0.3f /* of the line's usual contrast */
#define EDGE_ROWS 4    /* rows at the top and bottom that may show neighbouring lines */

void eng_line_image_free(struct eng_line_image *image)
{
    free(image->bgr);
    free(image->u);
    free(image->ink);
    memset(image, 0, sizeof *image);
}

static enum b_code grow(struct eng_line_image *image, int width, struct b_err *err)
{
    const size_t columns = (size_t)width;
    eng_line_image_free(image);
    image->bgr = malloc(columns * ENG_LINE_PIXELS * 3 * sizeof *image->bgr);
    image->u = malloc((columns + 1) * sizeof *image->u);
    image->ink = malloc(columns * sizeof *image->ink);
    if (!image->bgr || !image->u || !image->ink) {
        eng_line_image_free(image);
        return b_fail(err, B_NO_MEMORY, "recogniser", "no memory for a line of %d columns", width);
    }
    image->capacity = width;
    return B_OK;
}

enum b_code eng_line_image_reserve(struct eng_line_image *image, int content, struct b_err *err)
{
    content = content > MAX_LINE_WIDTH ? MAX_LINE_WIDTH : (content < 1 ? 1 : content);
    const int width = (content + WIDTH_STEP - 1) / WIDTH_STEP * WIDTH_STEP;
    if (width > image->capacity) {
        enum b_code code = grow(image, width, err);
        if (code != B_OK)
            return code;
    }
    image->content = content;
    image->width = width;
    for (int y = 0; y < ENG_LINE_PIXELS; y++)
        for (int x = content * 3; x < width * 3; x++)
            image->bgr[(size_t)y * (size_t)width * 3 + (size_t)x] = MID_GREY;
    return B_OK;
}

/* A strip whose centre line follows a page axis up to noise of the fit is put on that axis: it is then
 * sampled without blurring, as a scanner's own rows are. */
static struct eng_strip snapped(const struct eng_strip *strip)
{
    enum { SAMPLES = 33 };
    const bool along_x = fabsf(strip->ux) >= fabsf(strip->uy);
    float lo = INFINITY, hi = -INFINITY, sum = 0.0f;
    for (int i = 0; i < SAMPLES; i++) {
        const struct eng_point p =
            eng_strip_at(strip, strip->u0 + (strip->u1 - strip->u0) * (float)i / (SAMPLES - 1), 0.0f);
        const float across = along_x ? p.y : p.x;
        lo = fminf(lo, across);
        hi = fmaxf(hi, across);
        sum += across;
    }
    if (!((hi - lo) * 0.5f <= SNAP * strip->height))
        return *strip;
    const struct eng_point middle = eng_strip_at(strip, (strip->u0 + strip->u1) * 0.5f, 0.0f);
    const float u_mid = (strip->u0 + strip->u1) * 0.5f, across = sum / SAMPLES;
    struct eng_strip out = *strip;
    out.ux = along_x ? copysignf(1.0f, strip->ux) : 0.0f;
    out.uy = along_x ? 0.0f : copysignf(1.0f, strip->uy);
    out.origin.x = along_x ? middle.x - u_mid * out.ux : across;
    out.origin.y = along_x ? across : middle.y - u_mid * out.uy;
    out.degree = 0;
    memset(out.coef, 0, sizeof out.coef);
    return out;
}

static int by_value(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Largest difference between two rows of a column, over the three colours. */
static void measure_ink(struct eng_line_image *image)
{
    for (int x = image->content; x < image->width; x++)
        image->ink[x] = 0.0f;
    for (int x = 0; x < image->content; x++) {
        float contrast = 0.0f;
        for (int c = 0; c < 3; c++) {
            float lo = 255.0f, hi = 0.0f;
            for (int y = EDGE_ROWS; y < ENG_LINE_PIXELS - EDGE_ROWS; y++) {
                const float v = image->bgr[((size_t)y * (size_t)image->width + (size_t)x) * 3 + (size_t)c];
                lo = fminf(lo, v);
                hi = fmaxf(hi, v);
            }
            contrast = fmaxf(contrast, hi - lo);
        }
        image->ink[x] = contrast;
    }
}

float eng_line_gap_level(const struct eng_line_image *image)
{
    float some[256];
    const int n = image->content < 256 ? image->content : 256;
    for (int i = 0; i < n; i++)
        some[i] = image->ink[(size_t)i * (size_t)image->content / (size_t)n];
    qsort(some, (size_t)n, sizeof *some, by_value);
    return GAP_SHARE * some[n * 8 / 10];
}

static enum b_code fill_straightened(struct eng_line_image *image, struct b_image_view page,
                                     const struct eng_strip *strip, float scale, struct b_err *err)
{
    struct eng_strip used = snapped(strip);
    used.height *= scale;
    struct eng_arc arc;
    eng_arc_init(&arc, &used);
    if (!(used.height > 0.0f) || !(arc.length > 0.0f))
        return b_fail(err, B_ARGUMENT, "recogniser", "an empty strip");
    enum b_code code = eng_line_image_reserve(image, eng_arc_width(&arc, 0.0f, arc.length), err);
    if (code != B_OK)
        return code;
    const int content = image->content;
    for (int i = 0; i <= image->width; i++)
        image->u[i] = eng_arc_u(&arc, i < content ? arc.length * (float)i / (float)content : arc.length);
    const struct eng_arc_part part = {0.0f, arc.length, content, image->width};
    return eng_arc_sample(&arc, page, &part, image->bgr, err);
}

static float height_of(enum eng_line_look look)
{
    return look == ENG_LOOK_ROOMY ? ROOMY : (look == ENG_LOOK_TALL ? TALL : 1.0f);
}

enum b_code eng_line_image_make(struct eng_line_image *image, struct b_image_view page, const struct eng_strip *strip,
                                enum eng_line_look look, struct b_err *err)
{
    enum b_code code;
    if (look == ENG_LOOK_STACKED)
        code = eng_line_image_stack(image, page, strip, err);
    else
        code = fill_straightened(image, page, strip, height_of(look), err);
    if (code == B_OK)
        measure_ink(image);
    return code;
}
