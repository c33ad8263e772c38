/* SPDX-License-Identifier: Apache-2.0 */
/* Bilinear resampling with 11-bit weights on 8-bit values: the rounding of the library that the networks'
 * reference preparation uses, so that scores agree to the fourth digit. */
#include "engine/compact/net_input.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ONE 2048 /* weights have 11 bits */

struct tap {
    int first, second; /* samples */
    int a, b;          /* their weights */
};

static void fill_taps(struct tap *taps, int in, int out)
{
    for (int i = 0; i < out; i++) {
        float at = (float)((i + 0.5) * ((double)in / out) - 0.5);
        int first = (int)floorf(at);
        float part = at - (float)first;
        if (first < 0) {
            first = 0;
            part = 0;
        }
        if (first >= in - 1) {
            first = in - 1;
            part = 0;
        }
        taps[i] = (struct tap){first, first + 1 < in ? first + 1 : first, (int)lrintf((1 - part) * ONE),
                               (int)lrintf(part * ONE)};
    }
}

/* One row of the picture, horizontally resampled: [width][3] in R, G, B. */
static void stretch_row(const uint8_t *row, int channels, const struct tap *taps, int width, int *out)
{
    for (int x = 0; x < width; x++)
        for (int c = 0; c < 3; c++) {
            int k = channels == 1 ? 0 : c;
            out[x * 3 + c] =
                row[taps[x].first * channels + k] * taps[x].a + row[taps[x].second * channels + k] * taps[x].b;
        }
}

/* Mixes two stretched rows and writes them normalised: plane 0 is B. The constants are in the order in which
 * the reference applies them, which is not the order of the colours. */
static void write_row(const int *above, const int *below, struct tap tap, int width, size_t plane, float *out)
{
    static const float mean[3] = {0.485f, 0.456f, 0.406f}, deviation[3] = {0.229f, 0.224f, 0.225f};
    for (int x = 0; x < width; x++)
        for (int c = 0; c < 3; c++) {
            int at = x * 3 + (2 - c);
            int value = (((tap.a * (above[at] >> 4)) >> 16) + ((tap.b * (below[at] >> 4)) >> 16) + 2) >> 2;
            value = value < 0 ? 0 : value > 255 ? 255 : value;
            out[(size_t)c * plane + (size_t)x] = ((float)value / 255.0f - mean[c]) / deviation[c];
        }
}

enum b_code eng_net_fill(struct b_image_view view, int width, int height, int tensor_w, int tensor_h, float *tensor,
                         struct b_err *err)
{
    if (width < 1 || height < 1 || width > tensor_w || height > tensor_h || view.width < 1 || view.height < 1)
        return b_fail(err, B_ARGUMENT, "compact", "a picture of %dx%d does not fit a network of %dx%d", width, height,
                      tensor_w, tensor_h);
    size_t plane = (size_t)tensor_w * (size_t)tensor_h, line = (size_t)width * 3;
    struct tap *taps_x = calloc((size_t)width, sizeof *taps_x), *taps_y = calloc((size_t)height, sizeof *taps_y);
    int *rows = calloc(line * 2, sizeof *rows), held[2] = {-1, -1};
    enum b_code code = B_OK;
    if (!taps_x || !taps_y || !rows) {
        code = b_fail(err, B_NO_MEMORY, "compact", "no memory to resample a picture");
        goto out;
    }
    fill_taps(taps_x, view.width, width);
    fill_taps(taps_y, view.height, height);
    memset(tensor, 0, 3 * plane * sizeof *tensor);
    for (int y = 0; y < height; y++) {
        const int wanted[2] = {taps_y[y].first, taps_y[y].second};
        for (int k = 0; k < 2; k++) /* source row s is kept in slot s % 2: neighbours never collide */
            if (held[wanted[k] % 2] != wanted[k]) {
                stretch_row(view.pixels + (size_t)wanted[k] * view.stride, view.channels, taps_x, width,
                            rows + (size_t)(wanted[k] % 2) * line);
                held[wanted[k] % 2] = wanted[k];
            }
        write_row(rows + (size_t)(wanted[0] % 2) * line, rows + (size_t)(wanted[1] % 2) * line, taps_y[y], width, plane,
                  tensor + (size_t)y * (size_t)tensor_w);
    }
out:
    free(taps_x);
    free(taps_y);
    free(rows);
    return code;
}
