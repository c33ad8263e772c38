/* SPDX-License-Identifier: Apache-2.0 */
/* Page pixels -> detector input. Separable resampling in float: the rows are filtered once into a ring that
 * holds as many as one output row needs, then mixed down the columns. Enlarging is bilinear with pixel
 * centres at +0.5, what the network was trained on; shrinking widens the same triangle (antialiasing). */
#include "engine/compact/det_input.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PLANES 3
#define MIN_SIDE 736.0
#define MAX_SIDE 1984.0                /* COMPACT.md has the errors at other sizes */
#define SHEET_PIXELS (1984.0 * 1408.0) /* an A4 page's */
#define STRETCHED_FROM 320             /* network pixels: from here on rounding changes a side by 5 % at most */

/* Weights of one output sample: inputs first .. first + count. */
struct tap {
    int first, count;
};

struct filter {
    struct tap *taps;
    float *weights; /* taps[i] uses weights[i * width ...] */
    int width;      /* most inputs of any sample */
};

struct eng_det_scale eng_det_scale_for(int page_w, int page_h)
{
    const double shorter = page_w < page_h ? page_w : page_h, longest = page_w < page_h ? page_h : page_w;
    const double by_pixels = longest * sqrt(SHEET_PIXELS / (shorter * longest));
    const double bound = fmin(fmax(MAX_SIDE, by_pixels), ENG_DET_LONGEST);
    const double enlarged = fmin(MIN_SIDE / shorter, MAX_SIDE / longest);
    return (struct eng_det_scale){fmax(1.0, enlarged), (int)bound};
}

/* Pixels that a side of `exact` pixels gets, and in the tensor. Long sides are stretched or squeezed to the
 * nearest multiple of the grain, as in training; where that would distort, the side is padded. */
static int side_of(double exact, int max_side, int *padded)
{
    const double whole = fmin(fmax(1.0, floor(exact + 0.5)), max_side);
    if (whole >= STRETCHED_FROM) {
        const int most = max_side / ENG_DET_GRAIN * ENG_DET_GRAIN;
        *padded = (int)nearbyint(exact / ENG_DET_GRAIN) * ENG_DET_GRAIN;
        return *padded = *padded < most ? *padded : most;
    }
    *padded = ((int)whole + ENG_DET_GRAIN - 1) / ENG_DET_GRAIN * ENG_DET_GRAIN;
    return (int)whole;
}

struct eng_det_size eng_det_size_of(int page_w, int page_h, double scale, int max_side)
{
    const double longest = page_w > page_h ? page_w : page_h;
    if (longest * scale > max_side)
        scale = max_side / longest;
    struct eng_det_size size = {0};
    size.width = side_of(page_w * scale, max_side, &size.padded_width);
    size.height = side_of(page_h * scale, max_side, &size.padded_height);
    return size;
}

static void filter_free(struct filter *f)
{
    free(f->taps);
    free(f->weights);
    memset(f, 0, sizeof *f);
}

static enum b_code filter_new(int in, int out, struct filter *f, struct b_err *err)
{
    double ratio = (double)in / out, support = fmax(ratio, 1.0);
    f->width = (int)ceil(support) * 2 + 1;
    f->taps = calloc((size_t)out, sizeof *f->taps);
    f->weights = calloc((size_t)out * (size_t)f->width, sizeof *f->weights);
    if (!f->taps || !f->weights)
        return b_fail(err, B_NO_MEMORY, "detector", "no memory to resample %d to %d pixels", in, out);
    for (int i = 0; i < out; i++) {
        double centre = (i + 0.5) * ratio, total = 0.0;
        int from = (int)fmax(0.0, floor(centre - support)), to = (int)fmin(in, ceil(centre + support));
        float *w = f->weights + (size_t)i * (size_t)f->width;
        int n = to - from < f->width ? to - from : f->width;
        for (int k = 0; k < n; k++) {
            double away = fabs(from + k + 0.5 - centre) / support;
            w[k] = (float)fmax(0.0, 1.0 - away);
            total += (double)w[k];
        }
        for (int k = 0; k < n; k++)
            w[k] = (float)((double)w[k] / total);
        f->taps[i] = (struct tap){from, n};
    }
    return B_OK;
}

/* One page row, resampled to `out` samples in each of the three planes. */
static void filter_row(const uint8_t *pixels, int channels, const struct filter *f, int out, float *planes)
{
    for (int x = 0; x < out; x++) {
        struct tap t = f->taps[x];
        const float *w = f->weights + (size_t)x * (size_t)f->width;
        const uint8_t *p = pixels + (size_t)t.first * (size_t)channels;
        float sum[PLANES] = {0.0f, 0.0f, 0.0f};
        if (channels == 1) {
            for (int k = 0; k < t.count; k++)
                sum[0] += w[k] * (float)p[k];
            sum[1] = sum[2] = sum[0];
        } else {
            for (int k = 0; k < t.count; k++)
                for (int c = 0; c < PLANES; c++)
                    sum[c] += w[k] * (float)p[3 * k + c];
        }
        for (int c = 0; c < PLANES; c++)
            planes[c * out + x] = sum[c];
    }
}

/* Mixes the ring's rows of one output row and writes it, padded, into the three planes (B, G, R). */
static void write_row(const float *ring, int ring_rows, struct tap tap, const float *weights,
                      const struct eng_det_size *size, int y, float *tensor)
{
    size_t line = (size_t)size->width * PLANES, plane = (size_t)size->padded_width * (size_t)size->padded_height;
    for (int c = 0; c < PLANES; c++) {
        float *out = tensor + (size_t)(PLANES - 1 - c) * plane + (size_t)y * (size_t)size->padded_width;
        for (int x = 0; x < size->width; x++)
            out[x] = -1.0f;
        for (int k = 0; k < tap.count; k++) {
            const float *in = ring + (size_t)((tap.first + k) % ring_rows) * line + (size_t)c * (size_t)size->width;
            float w = weights[k] * (2.0f / 255.0f);
            for (int x = 0; x < size->width; x++)
                out[x] += w * in[x];
        }
        for (int x = size->width; x < size->padded_width; x++)
            out[x] = out[size->width - 1];
    }
}

static void pad_rows(const struct eng_det_size *size, float *tensor)
{
    size_t row = (size_t)size->padded_width, plane = row * (size_t)size->padded_height;
    for (int c = 0; c < PLANES; c++)
        for (int y = size->height; y < size->padded_height; y++)
            memcpy(tensor + (size_t)c * plane + (size_t)y * row,
                   tensor + (size_t)c * plane + (size_t)(size->height - 1) * row, row * sizeof *tensor);
}

enum b_code eng_det_fill(struct b_image_view page, const struct eng_det_size *size, float *tensor, struct b_err *err)
{
    struct filter across = {NULL, NULL, 0}, down = {NULL, NULL, 0};
    float *ring = NULL;
    enum b_code code = filter_new(page.width, size->width, &across, err);
    if (code == B_OK)
        code = filter_new(page.height, size->height, &down, err);
    if (code != B_OK)
        goto out;
    ring = malloc((size_t)down.width * (size_t)size->width * PLANES * sizeof *ring);
    if (!ring) {
        code = b_fail(err, B_NO_MEMORY, "detector", "no memory for %d rows of %d pixels", down.width, size->width);
        goto out;
    }
    int next = 0; /* first page row that is not in the ring yet */
    for (int y = 0; y < size->height; y++) {
        struct tap tap = down.taps[y];
        for (next = next < tap.first ? tap.first : next; next < tap.first + tap.count; next++)
            filter_row(page.pixels + (size_t)next * page.stride, page.channels, &across, size->width,
                       ring + (size_t)(next % down.width) * (size_t)size->width * PLANES);
        write_row(ring, down.width, tap, down.weights + (size_t)y * (size_t)down.width, size, y, tensor);
    }
    pad_rows(size, tensor);
out:
    free(ring);
    filter_free(&across);
    filter_free(&down);
    return code;
}
