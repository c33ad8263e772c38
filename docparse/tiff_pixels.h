/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_TIFF_PIXELS_H
#define DOCPARSE_TIFF_PIXELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Samples as TIFF stores them -> 8-bit grey or RGB on white. Pure arithmetic on rows; thread-safe. Private to
 * load_tiff. */

enum dp_sample_format { DP_SAMPLE_UINT, DP_SAMPLE_INT, DP_SAMPLE_FLOAT };

struct dp_samples {
    int bits;                     /* 1..16, 32; 64 for floats */
    enum dp_sample_format format;
    bool indices;                 /* palette indices: bits <= 8, kept as they are */
    double low, high;             /* floats: the values of black and white */
};

/* Whether dp_samples_to_8 reads this layout. */
bool dp_samples_known(const struct dp_samples *samples);
/* n samples, packed most significant bit first below 8 bits and for odd depths, in the machine's byte order at
 * 16, 32 and 64 bits. row holds (n * bits + 7) / 8 bytes. */
void dp_samples_to_8(const struct dp_samples *samples, const uint8_t *row, size_t n, uint8_t *out);

enum dp_colour_kind {
    DP_COLOUR_GREY,
    DP_COLOUR_INVERTED, /* 0 is white */
    DP_COLOUR_PALETTE,
    DP_COLOUR_RGB,
    DP_COLOUR_CMYK,     /* 255 is full ink */
    DP_COLOUR_CIELAB,   /* a and b signed (TIFF 6.0 §23) */
    DP_COLOUR_ICCLAB    /* a and b with an offset of 128 (TIFF technote 4) */
};

struct dp_colour {
    enum dp_colour_kind kind;
    int per_pixel;       /* samples of a pixel, >= what the kind needs */
    int alpha;           /* index of the alpha sample, or -1 */
    bool premultiplied;
    bool grey_palette;
    uint8_t palette[256][3];
};

/* 1 or 3: what dp_colour_row writes for a pixel. */
int dp_colour_channels(const struct dp_colour *colour);
/* width pixels of per_pixel interleaved 8-bit samples -> page pixels. */
void dp_colour_row(const struct dp_colour *colour, const uint8_t *samples, size_t width, uint8_t *out);

#endif
