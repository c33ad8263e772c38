/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_RASTER_H
#define DOCPARSE_RASTER_H

#include <stdbool.h>

#include "docparse/loader.h"

/* What all image loaders share: bounds before memory, rows streamed through a box filter, resolution,
 * orientation and the rule for damaged pages. Private to the image loaders; one thread at a time. */

/* Longest side of an image as stored. 2^20 pixels are 44 m at 600 dpi; it bounds row buffers. */
#define DP_STORED_SIDE_MAX (1 << 20)
/* Largest buffer that a decoder needs beside the page image (a row of tiles, a strip that must be decoded
 * whole): 512 MiB, an A3 page at 600 dpi with four channels is 280 MiB. */
#define DP_BAND_BYTES_MAX ((uint64_t)512 << 20)
/* A damaged page is handed out when at least this share of it was decoded: a letterhead is 5 % of A4. */
#define DP_SALVAGE_PERCENT 5

/* The smallest whole factor >= 1 by which a stored image of width x height pixels must be reduced to respect
 * page_pixels and page_side. B_FORMAT for empty images, B_LIMIT above source_pixels or DP_STORED_SIDE_MAX. */
enum b_code dp_raster_plan(uint64_t width, uint64_t height, const struct dp_limits *limits, int *factor,
                           struct b_err *err) B_MUST_CHECK;

/* Rows of 8-bit pixels in, page image out: each output pixel is the mean of factor x factor stored ones. */
struct dp_rows {
    struct b_image image;
    int width, height, channels; /* stored */
    int factor;
    int next;                    /* stored row that dp_rows_put expects */
    uint32_t *sums;              /* image.width * channels; NULL when factor is 1 */
};

enum b_code dp_rows_begin(struct dp_rows *rows, int width, int height, int channels, int factor, struct b_err *err)
    B_MUST_CHECK;
/* Where the next row may be decoded in place (factor 1), or NULL: then hand it to dp_rows_put. */
uint8_t *dp_rows_place(struct dp_rows *rows);
/* Takes one row of width * channels bytes, which may be dp_rows_place's; rows beyond the height are ignored. */
void dp_rows_put(struct dp_rows *rows, const uint8_t *row);
/* Takes `count` white rows, clipped to what is missing. */
void dp_rows_put_white(struct dp_rows *rows, int count);
/* Moves the image out; missing rows are white. */
void dp_rows_take(struct dp_rows *rows, struct b_image *out);
void dp_rows_free(struct dp_rows *rows);

/* c over white with coverage a (0..255), rounded. */
static inline uint8_t dp_over_white(unsigned c, unsigned a)
{
    return (uint8_t)((c * a + 255u * (255u - a) + 127u) / 255u);
}

/* What the file says of its pixel grid. */
struct dp_grid {
    double x_dpi, y_dpi; /* 0 unknown; with aspect_only their ratio alone means something */
    bool aspect_only;
    int orientation;     /* 0..8 */
    double reduced;      /* stored pixels per pixel of the image, >= 1 */
};

/* Finishes a sheet: makes pixels square and scales to options->dpi, orients, sets image, dpi, size and kind,
 * warns of reductions and implausible resolutions. Takes *image in any case. */
enum b_code dp_raster_finish(struct dp_sheet *sheet, struct b_image *image, const struct dp_grid *grid,
                             const struct dp_loader_options *options, struct b_err *err) B_MUST_CHECK;

/* The rule for damaged pages: with enough of `total` rows decoded the page gets a warning that starts with
 * "damaged: " (the pipeline makes such a page partial), otherwise B_FORMAT. first is the first missing row,
 * 0-based; why may be "". */
enum b_code dp_raster_salvage(struct dp_sheet *sheet, int64_t decoded, int64_t total, int64_t first, const char *why,
                              struct b_err *err) B_MUST_CHECK;

/* Resamples to width x height pixels: area means where an axis shrinks, linear where it grows. *image is
 * replaced; unchanged on failure. */
enum b_code dp_raster_resize(struct b_image *image, int width, int height, struct b_err *err) B_MUST_CHECK;

#endif
