/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_TIFF_PRIVATE_H
#define DOCPARSE_TIFF_PRIVATE_H

#include <tiffio.h>

#include "docparse/loader_private.h"
#include "docparse/raster.h"
#include "docparse/tiff_pixels.h"

/* Shared by load_tiff.c (tags), tiff_file.c (handles) and tiff_decode.c (pixels), the users of libtiff. */

#define DP_TIFF_PLANES_MAX 5 /* CMYK and alpha */
#define DP_TIFF_TEXT_MAX 160

/* A libtiff handle over memory, with the messages of its calls. Does not move in memory while it is open. */
struct dp_tiff_file {
    TIFF *tif;
    const uint8_t *data;
    uint64_t size, at;
    char error[DP_TIFF_TEXT_MAX];   /* first error since opening; "" when none */
    char warning[DP_TIFF_TEXT_MAX]; /* first warning */
    bool premature;                 /* a codec ran out of data; reset by who looks */
};

/* Opens the directory at `offset`. Close also after a failure. */
enum b_code dp_tiff_file_open(struct dp_tiff_file *file, const uint8_t *data, size_t size, uint64_t offset,
                              struct b_err *err) B_MUST_CHECK;
void dp_tiff_file_close(struct dp_tiff_file *file);
/* Bytes of a strip or tile that are in the file: *declared is what the directory promises. */
const uint8_t *dp_tiff_strile_bytes(const struct dp_tiff_file *file, uint32_t strile, uint64_t *declared,
                                    uint64_t *there);

/* How the pixels of one page are stored; checked against libtiff's own sizes. */
struct dp_tiff_layout {
    uint32_t width, height;
    uint32_t band_rows;         /* rows of a strip or of a tile, clipped to the page */
    uint32_t tile_width, tile_height; /* 0: strips */
    uint16_t compression;
    bool separate;              /* one plane a sample */
    bool convert;               /* libtiff itself converts to RGBA: subsampled YCbCr, old JPEG, LogLuv */
    struct dp_samples samples;
    struct dp_colour colour;
    int n_planes;               /* of separate planes: those that are read */
};

/* Rows lost to damage. */
struct dp_tiff_loss {
    int64_t rows, first; /* first: -1 when nothing is lost */
};

/* Decodes the page of files[0] (files[1..] are further handles on it for separate planes) into rows. */
enum b_code dp_tiff_decode(struct dp_tiff_file *files, const struct dp_tiff_layout *layout, struct dp_rows *rows,
                           struct b_cancel *cancel, struct dp_tiff_loss *loss, struct b_err *err) B_MUST_CHECK;

#endif
