/* SPDX-License-Identifier: Apache-2.0 */
/* Straightens a strip by one resampling of the page. An output pixel is the mean of n x m interpolated
 * samples spread evenly over its footprint, n and m being the footprint's sides in page pixels rounded up: a
 * plain interpolation when enlarging, an area filter when shrinking. The interpolation is bilinear, as in
 * the network's training (golden texts come out identical), and bicubic where small print is enlarged more
 * than twice (83 instead of 90 errors in 5,666 characters of a newspaper 11 px high). Invariant: both paths
 * compute this same filter; no read lies outside the page. */
#include "engine/compact/strip_sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CUBIC_A (-0.75f)    /* -0.5 and -1 read as well within 0.05 points of character error */
#define CUBIC_BELOW 0.5f    /* footprint, page pixels */
#define SHRINK_FROM 1.2f    /* footprints up to this many page pixels need no averaging */
#define MAX_SAMPLES 16      /* per output pixel and direction: 48 px from a line 768 px high */
#define MAX_WIDTH (1 << 16) /* output columns */

void eng_arc_init(struct eng_arc *arc, const struct eng_strip *strip)
{
    arc->strip = *strip;
    arc->straight = strip->degree <= 0;
    arc->nodes[0] = 0.0f;
    struct eng_point before = eng_strip_at(strip, strip->u0, 0.0f);
    const float span = strip->u1 - strip->u0;
    for (int i = 1; i < ENG_ARC_NODES; i++) {
        struct eng_point at = eng_strip_at(strip, strip->u0 + span * (float)i / (ENG_ARC_NODES - 1), 0.0f);
        arc->nodes[i] = arc->nodes[i - 1] + hypotf(at.x - before.x, at.y - before.y);
        before = at;
    }
    arc->length = arc->straight ? span : arc->nodes[ENG_ARC_NODES - 1];
}

float eng_arc_u(const struct eng_arc *arc, float position)
{
    const float u0 = arc->strip.u0, span = arc->strip.u1 - u0;
    if (arc->straight || !(arc->length > 0.0f))
        return u0 + position;
    int lo = 0, hi = ENG_ARC_NODES - 1;
    while (hi - lo > 1) {
        const int mid = (lo + hi) / 2;
        if (arc->nodes[mid] <= position)
            lo = mid;
        else
            hi = mid;
    }
    const float step = arc->nodes[hi] - arc->nodes[lo];
    const float part = step > 0.0f ? (position - arc->nodes[lo]) / step : 0.0f;
    return u0 + span * ((float)lo + part) / (ENG_ARC_NODES - 1);
}

int eng_arc_width(const struct eng_arc *arc, float from, float to)
{
    /* The small bias keeps exact multiples from being rounded up by the last bit. */
    const double width = ceil((double)ENG_LINE_PIXELS * ((double)to - from) / arc->strip.height - 1e-3);
    if (!(width >= 1.0))
        return 1;
    return width > MAX_WIDTH ? MAX_WIDTH : (int)width;
}

static int samples_for(float footprint)
{
    if (!(footprint > SHRINK_FROM))
        return 1;
    return footprint >= MAX_SAMPLES ? MAX_SAMPLES : (int)ceilf(footprint);
}

/* Weights of the four neighbours of a point at fraction f behind the second. */
static void tap_weights(float f, bool cubic, float w[4])
{
    if (!cubic) {
        w[0] = w[3] = 0.0f;
        w[1] = 1.0f - f;
        w[2] = f;
        return;
    }
    const float a = CUBIC_A, g = 1.0f - f, s = f + 1.0f;
    w[0] = ((a * s - 5.0f * a) * s + 8.0f * a) * s - 4.0f * a;
    w[1] = ((a + 2.0f) * f - (a + 3.0f)) * f * f + 1.0f;
    w[2] = ((a + 2.0f) * g - (a + 3.0f)) * g * g + 1.0f;
    w[3] = 1.0f - w[0] - w[1] - w[2];
}

static int clamp_index(int v, int count)
{
    return v < 0 ? 0 : (v >= count ? count - 1 : v);
}

/* Coordinate -> index of its cell, for any float: far outside stays outside. */
static int cell_of(float v)
{
    return (int)fminf(fmaxf(floorf(v), -1e6f), 1e6f);
}

static void store_pixel(const float value[3], float k, float *out)
{
    for (int c = 0; c < 3; c++)
        out[2 - c] = fminf(fmaxf(value[c] * k, 0.0f), 255.0f); /* R, G, B -> B, G, R */
}

static void add_sample(struct b_image_view page, struct eng_point at, bool cubic, float sum[3])
{
    const float x = at.x - 0.5f, y = at.y - 0.5f;
    const int xi = cell_of(x), yi = cell_of(y);
    float wx[4], wy[4];
    size_t column[4];
    tap_weights(x - (float)xi, cubic, wx);
    tap_weights(y - (float)yi, cubic, wy);
    for (int i = 0; i < 4; i++)
        column[i] = (size_t)clamp_index(xi - 1 + i, page.width) * (size_t)page.channels;
    const size_t green = page.channels == 3 ? 1 : 0, blue = page.channels == 3 ? 2 : 0;
    for (int j = 0; j < 4; j++) {
        const uint8_t *row = page.pixels + (size_t)clamp_index(yi - 1 + j, page.height) * page.stride;
        float r = 0.0f, g = 0.0f, b = 0.0f;
        for (int i = 0; i < 4; i++) {
            const uint8_t *p = row + column[i];
            r += wx[i] * (float)p[0];
            g += wx[i] * (float)p[green];
            b += wx[i] * (float)p[blue];
        }
        sum[0] += wy[j] * r;
        sum[1] += wy[j] * g;
        sum[2] += wy[j] * b;
    }
}

/* Foot of a normal of the centre line. */
struct foot {
    struct eng_point at;
    float nx, ny; /* unit normal, pointing below the text */
};

static struct foot foot_at(const struct eng_arc *arc, float position)
{
    const float u = eng_arc_u(arc, position), h = arc->strip.height;
    struct foot f = {.at = eng_strip_at(&arc->strip, u, 0.0f)};
    const struct eng_point below = eng_strip_at(&arc->strip, u, h);
    f.nx = h > 0.0f ? (below.x - f.at.x) / h : 0.0f;
    f.ny = h > 0.0f ? (below.y - f.at.y) / h : 0.0f;
    return f;
}

void eng_arc_sample_plain(const struct eng_arc *arc, struct b_image_view page, const struct eng_arc_part *part,
                          float *out)
{
    const float height = arc->strip.height, step = (part->to - part->from) / (float)part->columns;
    const int nx = samples_for(step), ny = samples_for(height / ENG_LINE_PIXELS);
    const float k = 1.0f / (float)(nx * ny);
    const bool cubic = height / ENG_LINE_PIXELS < CUBIC_BELOW;
    for (int i = 0; i < part->columns; i++) {
        struct foot feet[MAX_SAMPLES];
        for (int a = 0; a < nx; a++)
            feet[a] = foot_at(arc, part->from + ((float)i + ((float)a + 0.5f) / (float)nx) * step);
        for (int j = 0; j < ENG_LINE_PIXELS; j++) {
            float sum[3] = {0.0f, 0.0f, 0.0f};
            for (int b = 0; b < ny; b++) {
                const float v = (((float)j + ((float)b + 0.5f) / (float)ny) / ENG_LINE_PIXELS - 0.5f) * height;
                for (int a = 0; a < nx; a++) {
                    const struct eng_point at = {feet[a].at.x + v * feet[a].nx, feet[a].at.y + v * feet[a].ny};
                    add_sample(page, at, cubic, sum);
                }
            }
            store_pixel(sum, k, out + ((size_t)j * (size_t)part->stride + (size_t)i) * 3);
        }
    }
}

/* One output position's window of page pixels along one axis: weights[offset .. offset + count) belong to
 * the pixels first .. first + count - 1, border not yet replicated. */
struct taps {
    int first, count;
    size_t offset;
};

struct tap_table {
    struct taps *at;
    float *weights;
};

/* Output position i of n covers [start + i * step, start + (i + 1) * step) in page pixels. */
static enum b_code make_taps(float start, float step, int n, bool cubic, struct tap_table *out, struct b_err *err)
{
    const int samples = samples_for(fabsf(step));
    const size_t window = (size_t)ceilf(fabsf(step)) + 6;
    if (!(fabsf(step) < 1e5f))
        return b_fail(err, B_ARGUMENT, "strip", "a strip is too large for its page");
    out->at = calloc((size_t)n, sizeof *out->at);
    out->weights = calloc((size_t)n * window, sizeof *out->weights);
    if (!out->at || !out->weights)
        return b_fail(err, B_NO_MEMORY, "strip", "no memory for %d columns", n);
    for (int i = 0; i < n; i++) {
        struct taps *t = &out->at[i];
        float *w = out->weights + (size_t)i * window;
        t->offset = (size_t)i * window;
        const float a = start + (float)i * step, b = a + step;
        t->first = cell_of(fminf(a, b) - 0.5f) - 1;
        for (int k = 0; k < samples; k++) {
            const float x = start + ((float)i + ((float)k + 0.5f) / (float)samples) * step - 0.5f;
            const int cell = cell_of(x) - 1 - t->first;
            float four[4];
            if (cell < 0 || (size_t)cell + 4 > window)
                continue; /* only coordinates far outside every page come here */
            tap_weights(x - floorf(x), cubic, four);
            for (int j = 0; j < 4; j++)
                w[cell + j] += four[j] / (float)samples;
            if (cell + 4 > t->count)
                t->count = cell + 4;
        }
    }
    return B_OK;
}

static void free_taps(struct tap_table *t)
{
    free(t->at);
    free(t->weights);
}

/* The page seen with the strip's axis as x: pixel (along, across) at base + along * along_step + across *
 * across_step; `along` and `across` may be mirrored by the caller's taps. */
struct axes {
    const uint8_t *base;
    size_t along_step, across_step;
    int along_count, across_count, channels;
};

/* One output row: the page's rows weighted across into line[3 * (hi - lo)], then along into out. */
static void blend_rows(const struct axes *x, const struct taps *t, const float *weights, int lo, int hi, float *line)
{
    const size_t n = (size_t)(hi - lo), green = x->channels == 3 ? 1 : 0, blue = x->channels == 3 ? 2 : 0;
    memset(line, 0, n * 3 * sizeof *line);
    for (int k = 0; k < t->count; k++) {
        const float w = weights[t->offset + (size_t)k];
        const uint8_t *p =
            x->base + (size_t)clamp_index(t->first + k, x->across_count) * x->across_step + (size_t)lo * x->along_step;
        if (x->channels == 3 && x->along_step == 3) {
            for (size_t i = 0; i < n * 3; i++)
                line[i] += w * (float)p[i];
            continue;
        }
        for (size_t i = 0; i < n; i++, p += x->along_step) {
            line[3 * i] += w * (float)p[0];
            line[3 * i + 1] += w * (float)p[green];
            line[3 * i + 2] += w * (float)p[blue];
        }
    }
}

static void blend_columns(const struct axes *x, const struct tap_table *along, int lo, int width, const float *line,
                          float *out)
{
    for (int i = 0; i < width; i++) {
        const struct taps *t = &along->at[i];
        float sum[3] = {0.0f, 0.0f, 0.0f};
        for (int k = 0; k < t->count; k++) {
            const float w = along->weights[t->offset + (size_t)k];
            const float *p = line + (size_t)(clamp_index(t->first + k, x->along_count) - lo) * 3;
            sum[0] += w * p[0];
            sum[1] += w * p[1];
            sum[2] += w * p[2];
        }
        store_pixel(sum, 1.0f, out + (size_t)i * 3);
    }
}

/* Strip along a page axis: first across, then along. */
static enum b_code sample_separable(const struct eng_arc *arc, struct b_image_view page,
                                    const struct eng_arc_part *part, float *out, struct b_err *err)
{
    const int width = part->columns;
    const struct eng_strip *s = &arc->strip;
    const bool along_x = fabsf(s->ux) > fabsf(s->uy);
    const size_t pixel = (size_t)page.channels;
    const struct axes x = {page.pixels,
                           along_x ? pixel : page.stride,
                           along_x ? page.stride : pixel,
                           along_x ? page.width : page.height,
                           along_x ? page.height : page.width,
                           page.channels};
    const struct foot first = foot_at(arc, part->from);
    const float sign = along_x ? (s->ux > 0 ? 1.0f : -1.0f) : (s->uy > 0 ? 1.0f : -1.0f);
    const float start = along_x ? first.at.x : first.at.y, centre = along_x ? first.at.y : first.at.x;
    const float down = along_x ? sign : -sign; /* normal (-uy, ux) */
    const bool cubic = s->height / ENG_LINE_PIXELS < CUBIC_BELOW;
    struct tap_table along = {NULL, NULL}, across = {NULL, NULL};
    float *line = NULL;
    enum b_code code = make_taps(start, sign * (part->to - part->from) / (float)width, width, cubic, &along, err);
    if (code == B_OK)
        code = make_taps(centre - down * 0.5f * s->height, down * s->height / ENG_LINE_PIXELS, ENG_LINE_PIXELS, cubic,
                         &across, err);
    if (code != B_OK)
        goto out;
    int lo = x.along_count - 1, hi = 0;
    for (int i = 0; i<width; i += width> 1 ? width - 1 : 1) { /* the ends bound the rest */
        const struct taps *t = &along.at[i];
        const int a = clamp_index(t->first, x.along_count);
        const int b = clamp_index(t->first + (t->count ? t->count - 1 : 0), x.along_count);
        lo = a < lo ? a : lo;
        hi = b > hi ? b : hi;
    }
    line = malloc((size_t)(hi - lo + 1) * 3 * sizeof *line);
    if (!line) {
        code = b_fail(err, B_NO_MEMORY, "strip", "no memory for a line of %d pixels", hi - lo + 1);
        goto out;
    }
    for (int j = 0; j < ENG_LINE_PIXELS; j++) {
        blend_rows(&x, &across.at[j], across.weights, lo, hi + 1, line);
        blend_columns(&x, &along, lo, width, line, out + (size_t)j * (size_t)part->stride * 3);
    }
out:
    free(line);
    free_taps(&along);
    free_taps(&across);
    return code;
}

static bool is_finite_strip(const struct eng_strip *s)
{
    float sum = s->origin.x + s->origin.y + s->ux + s->uy + s->u0 + s->u1 + s->height;
    for (int i = 0; i <= ENG_STRIP_DEGREE; i++)
        sum += s->coef[i];
    return isfinite(sum) && s->height > 0.0f && s->u1 > s->u0;
}

enum b_code eng_arc_sample(const struct eng_arc *arc, struct b_image_view page, const struct eng_arc_part *part,
                           float *out, struct b_err *err)
{
    const struct eng_strip *s = &arc->strip;
    if (part->columns < 1 || part->columns > MAX_WIDTH || part->stride < part->columns || !(part->to > part->from) ||
        !is_finite_strip(s) || page.width < 1 || page.height < 1)
        return b_fail(err, B_ARGUMENT, "strip", "a strip of %g x %g page pixels cannot be sampled to %d columns",
                      (double)(part->to - part->from), (double)s->height, part->columns);
    if (arc->straight && (s->ux == 0.0f || s->uy == 0.0f))
        return sample_separable(arc, page, part, out, err);
    eng_arc_sample_plain(arc, page, part, out);
    return B_OK;
}
