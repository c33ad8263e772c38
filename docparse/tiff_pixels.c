/* SPDX-License-Identifier: Apache-2.0 */
/* TIFF samples of any depth to 8 bits, and TIFF colour spaces to grey or sRGB. */
#include "docparse/tiff_pixels.h"

#include <math.h>
#include <string.h>

#include "docparse/raster.h"

bool dp_samples_known(const struct dp_samples *s)
{
    if (s->indices)
        return s->format == DP_SAMPLE_UINT && s->bits >= 1 && s->bits <= 8;
    if (s->format == DP_SAMPLE_FLOAT)
        return s->bits == 32 || s->bits == 64;
    return (s->bits >= 1 && s->bits <= 16) || s->bits == 32;
}

static void from_bits(const struct dp_samples *s, const uint8_t *row, size_t n, uint8_t *out)
{
    unsigned bits = (unsigned)s->bits, most = (1u << bits) - 1;
    size_t at = 0;
    uint32_t held = 0;
    unsigned have = 0;
    for (size_t i = 0; i < n; i++) {
        while (have < bits) {
            held = held << 8 | row[at++];
            have += 8;
        }
        have -= bits;
        unsigned v = held >> have & most;
        if (s->format == DP_SAMPLE_INT)
            v ^= 1u << (bits - 1);
        out[i] = (uint8_t)(s->indices ? v : (v * 255u + most / 2) / most);
    }
}

static void from_floats(const struct dp_samples *s, const uint8_t *row, size_t n, uint8_t *out)
{
    double scale = s->high > s->low ? 255.0 / (s->high - s->low) : 255.0;
    for (size_t i = 0; i < n; i++) {
        double v;
        if (s->bits == 32) {
            float f;
            memcpy(&f, row + i * 4, 4);
            v = (double)f;
        } else {
            memcpy(&v, row + i * 8, 8);
        }
        v = (v - s->low) * scale;
        out[i] = v >= 255 ? 255 : v > 0 ? (uint8_t)(v + 0.5) : 0; /* NaN becomes 0 */
    }
}

static void from_16(const struct dp_samples *s, const uint8_t *row, size_t n, uint8_t *out)
{
    unsigned flip = s->format == DP_SAMPLE_INT ? 0x8000u : 0;
    for (size_t i = 0; i < n; i++) {
        uint16_t v;
        memcpy(&v, row + i * 2, 2);
        unsigned u = v ^ flip;
        out[i] = (uint8_t)((u * 255u + 32767u) / 65535u);
    }
}

static void from_32(const struct dp_samples *s, const uint8_t *row, size_t n, uint8_t *out)
{
    uint32_t flip = s->format == DP_SAMPLE_INT ? 0x80000000u : 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t v;
        memcpy(&v, row + i * 4, 4);
        out[i] = (uint8_t)((v ^ flip) >> 24);
    }
}

void dp_samples_to_8(const struct dp_samples *s, const uint8_t *row, size_t n, uint8_t *out)
{
    if (s->format == DP_SAMPLE_FLOAT)
        from_floats(s, row, n, out);
    else if (s->bits == 8 && s->format == DP_SAMPLE_UINT)
        memcpy(out, row, n);
    else if (s->bits == 16)
        from_16(s, row, n, out);
    else if (s->bits == 32)
        from_32(s, row, n, out);
    else
        from_bits(s, row, n, out);
}

int dp_colour_channels(const struct dp_colour *colour)
{
    switch (colour->kind) {
    case DP_COLOUR_GREY:
    case DP_COLOUR_INVERTED:
        return 1;
    case DP_COLOUR_PALETTE:
        return colour->grey_palette ? 1 : 3;
    default:
        return 3;
    }
}

static uint8_t gamma_srgb(double v)
{
    /* IEC 61966-2-1 */
    v = v <= 0.0031308 ? 12.92 * v : 1.055 * pow(v, 1 / 2.4) - 0.055;
    return v >= 1 ? 255 : v > 0 ? (uint8_t)(v * 255 + 0.5) : 0;
}

static double lab_inverse(double t)
{
    return t > 6.0 / 29 ? t * t * t : 3 * (6.0 / 29) * (6.0 / 29) * (t - 4.0 / 29);
}

/* CIE L*a*b* under D50 -> sRGB through the Bradford-adapted matrix of the ICC sRGB profile. */
static void lab_to_rgb(double l, double a, double b, uint8_t *rgb)
{
    double fy = (l + 16) / 116, x = 0.9642 * lab_inverse(fy + a / 500), y = lab_inverse(fy),
           z = 0.8249 * lab_inverse(fy - b / 200);
    rgb[0] = gamma_srgb(3.1338561 * x - 1.6168667 * y - 0.4906146 * z);
    rgb[1] = gamma_srgb(-0.9787684 * x + 1.9161415 * y + 0.0334540 * z);
    rgb[2] = gamma_srgb(0.0719453 * x - 0.2289914 * y + 1.4052427 * z);
}

static void one_pixel(const struct dp_colour *colour, const uint8_t *in, uint8_t *out)
{
    switch (colour->kind) {
    case DP_COLOUR_GREY:
        out[0] = in[0];
        break;
    case DP_COLOUR_INVERTED:
        out[0] = (uint8_t)(255 - in[0]);
        break;
    case DP_COLOUR_PALETTE:
        memcpy(out, colour->palette[in[0]], (size_t)dp_colour_channels(colour));
        break;
    case DP_COLOUR_RGB:
        memcpy(out, in, 3);
        break;
    case DP_COLOUR_CMYK:
        for (int c = 0; c < 3; c++)
            out[c] = (uint8_t)(((255u - in[c]) * (255u - in[3]) + 127) / 255);
        break;
    case DP_COLOUR_CIELAB:
        lab_to_rgb(in[0] / 2.55, in[1] < 128 ? in[1] : in[1] - 256, in[2] < 128 ? in[2] : in[2] - 256, out);
        break;
    case DP_COLOUR_ICCLAB:
        lab_to_rgb(in[0] / 2.55, in[1] - 128, in[2] - 128, out);
        break;
    }
}

void dp_colour_row(const struct dp_colour *colour, const uint8_t *samples, size_t width, uint8_t *out)
{
    size_t step = (size_t)colour->per_pixel, channels = (size_t)dp_colour_channels(colour);
    if (colour->kind == DP_COLOUR_INVERTED && step == 1) { /* bilevel scans: most of all pages */
        for (size_t x = 0; x < width; x++)
            out[x] = (uint8_t)(255 - samples[x]);
        return;
    }
    if (colour->alpha < 0 && step == channels && (colour->kind == DP_COLOUR_GREY || colour->kind == DP_COLOUR_RGB)) {
        memcpy(out, samples, width * step);
        return;
    }
    for (size_t x = 0; x < width; x++, samples += step, out += channels) {
        one_pixel(colour, samples, out);
        if (colour->alpha < 0)
            continue;
        unsigned a = samples[colour->alpha];
        for (size_t c = 0; c < channels; c++) {
            unsigned over = colour->premultiplied ? out[c] + 255u - a : dp_over_white(out[c], a);
            out[c] = (uint8_t)(over > 255 ? 255 : over);
        }
    }
}
