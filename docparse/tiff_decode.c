/* SPDX-License-Identifier: Apache-2.0 */
/* Pixels of a TIFF page in bands: scanlines of strips, rows of tiles, or libtiff's own conversion to RGBA. A
 * strip or tile that cannot be decoded leaves white rows and is counted; the rest of the page goes on.
 * Invariant: no buffer is larger than DP_BAND_BYTES_MAX, and its size is checked against libtiff's. */
#include <stdlib.h>
#include <string.h>

#include "docparse/tiff_private.h"

#define POLL_ROWS 256
#define SENTINEL 0xA5u      /* fills a buffer before a decode that may stop early */
#define SENTINEL_JPEG 0x80u /* what libjpeg puts where data are missing: mid grey */

/* Working memory of one page. */
struct work {
    struct dp_tiff_file *files;
    const struct dp_tiff_layout *layout;
    struct dp_rows *rows;
    struct b_cancel *cancel;
    struct dp_tiff_loss *loss;
    size_t raw_row;   /* bytes of a row of samples as libtiff hands it out */
    uint8_t *raw;     /* one such row per plane, or one tile per plane */
    uint8_t *samples; /* width * per_pixel, 8 bits */
    uint8_t *plane;   /* width, 8 bits: one plane before it is interleaved */
    uint8_t *out;     /* page pixels: a row, or a band of tiles */
};

static void lose(struct work *w, int64_t first, int64_t rows)
{
    if (rows > 0 && w->loss->first < 0)
        w->loss->first = first;
    w->loss->rows += rows;
}

static size_t row_bytes(const struct dp_tiff_layout *layout, size_t pixels)
{
    size_t per_pixel = layout->separate ? 1 : (size_t)layout->colour.per_pixel;
    return (pixels * per_pixel * (size_t)layout->samples.bits + 7) / 8;
}

/* Raw rows of `pixels` pixels (one per plane, `stride` apart) -> page pixels. */
static void convert_row(struct work *w, const uint8_t *raw, size_t stride, size_t pixels, uint8_t *out)
{
    const struct dp_tiff_layout *l = w->layout;
    if (!l->separate) {
        dp_samples_to_8(&l->samples, raw, pixels * (size_t)l->colour.per_pixel, w->samples);
    } else {
        size_t planes = (size_t)l->n_planes;
        for (size_t p = 0; p < planes; p++) {
            dp_samples_to_8(&l->samples, raw + p * stride, pixels, w->plane);
            for (size_t x = 0; x < pixels; x++)
                w->samples[x * planes + p] = w->plane[x];
        }
    }
    dp_colour_row(&l->colour, w->samples, pixels, out);
}

/* --- strips --- */

/* Rows at the end of a buffer that no decoder wrote (or wrote as missing). */
static uint32_t trailing_blank(const uint8_t *buf, uint32_t rows, size_t bytes, uint8_t sentinel)
{
    uint32_t n = 0;
    for (; n < rows; n++) {
        const uint8_t *row = buf + (size_t)(rows - 1 - n) * bytes;
        uint8_t first = row[0];
        if ((first != sentinel && first != 0) || memcmp(row, row + 1, bytes - 1) != 0)
            break;
    }
    return n;
}

/* Decodes `rows` rows of a strip from `there` bytes; the input is copied since libtiff may reverse its bits. */
static bool decode_part(struct work *w, uint32_t strip, const uint8_t *bytes, uint64_t there, uint8_t *buf,
                        uint32_t rows)
{
    uint8_t *copy = malloc((size_t)there);
    if (!copy)
        return false;
    memcpy(copy, bytes, (size_t)there);
    int ok = TIFFReadFromUserBuffer(w->files[0].tif, strip, copy, (tmsize_t)there, buf,
                                    (tmsize_t)((size_t)rows * w->raw_row));
    free(copy);
    return ok != 0;
}

/* A strip whose bytes the end of the file cuts: decodes what is there. First a trial over the whole strip shows
 * how many rows the data give; then exactly those are decoded again, so that predictors see complete rows.
 * Returns the rows put. */
static uint32_t salvage_strip(struct work *w, uint32_t strip, uint32_t rows)
{
    uint64_t declared, there;
    const uint8_t *bytes = dp_tiff_strile_bytes(&w->files[0], strip, &declared, &there);
    if (!bytes || there == 0 || w->layout->separate || (uint64_t)rows * w->raw_row > DP_BAND_BYTES_MAX)
        return 0;
    uint8_t sentinel = w->layout->compression == COMPRESSION_JPEG ? SENTINEL_JPEG : SENTINEL, *buf = NULL;
    uint32_t good = rows;
    if (w->layout->compression == COMPRESSION_NONE)
        good = (uint32_t)(there / w->raw_row < rows ? there / w->raw_row : rows);
    buf = malloc((size_t)rows * w->raw_row);
    if (!buf)
        return 0;
    if (w->layout->compression != COMPRESSION_NONE) {
        memset(buf, sentinel, (size_t)rows * w->raw_row);
        (void)decode_part(w, strip, bytes, there, buf, rows);
        good = rows - trailing_blank(buf, rows, w->raw_row, sentinel);
        if (good > 0 && good < rows && w->layout->compression != COMPRESSION_JPEG)
            good--; /* the last one may be cut in its middle */
    }
    if (good > 0 && !decode_part(w, strip, bytes, there, buf, good) && w->layout->compression != COMPRESSION_JPEG)
        good = 0;
    for (uint32_t y = 0; y < good; y++) {
        convert_row(w, buf + (size_t)y * w->raw_row, 0, w->layout->width, w->out);
        dp_rows_put(w->rows, w->out);
    }
    free(buf);
    return good;
}

static bool strip_is_whole(const struct work *w, uint32_t y)
{
    for (int p = 0; p < (w->layout->separate ? w->layout->n_planes : 1); p++) {
        uint64_t declared, there;
        uint32_t strip = TIFFComputeStrip(w->files[p].tif, y, (uint16_t)p);
        if (!dp_tiff_strile_bytes(&w->files[p], strip, &declared, &there) || there < declared || there == 0)
            return false;
    }
    return true;
}

/* One row of every plane into w->raw; false when the strip has no more. */
static bool read_scanline(struct work *w, uint32_t y)
{
    int planes = w->layout->separate ? w->layout->n_planes : 1;
    for (int p = 0; p < planes; p++) {
        struct dp_tiff_file *file = &w->files[p];
        file->premature = false;
        if (TIFFReadScanline(file->tif, w->raw + (size_t)p * w->raw_row, y, (uint16_t)p) < 0 || file->premature)
            return false;
    }
    return true;
}

/* Row after row, until the strip ends or cannot go on; *done counts them. */
static enum b_code read_strip(struct work *w, uint32_t y, uint32_t rows, uint32_t *done, struct b_err *err)
{
    for (*done = 0; *done < rows && read_scanline(w, y + *done); ++*done) {
        uint8_t *place = dp_rows_place(w->rows), *to = place ? place : w->out;
        convert_row(w, w->raw, w->raw_row, w->layout->width, to);
        dp_rows_put(w->rows, to);
        if ((*done + 1) % POLL_ROWS == 0) {
            enum b_code code = b_cancel_check(w->cancel, err);
            if (code != B_OK)
                return code;
        }
    }
    return B_OK;
}

static enum b_code decode_strips(struct work *w, struct b_err *err)
{
    const struct dp_tiff_layout *l = w->layout;
    size_t planes = l->separate ? (size_t)l->n_planes : 1;
    if ((uint64_t)TIFFScanlineSize64(w->files[0].tif) != w->raw_row)
        return b_fail(err, B_FORMAT, "tiff", "the rows of the page have an impossible size");
    w->raw = calloc(planes, w->raw_row);
    w->out = malloc((size_t)l->width * 3);
    if (!w->raw || !w->out)
        return b_fail(err, B_NO_MEMORY, "tiff", "out of memory");
    for (uint32_t y = 0; y < l->height; y += l->band_rows) {
        uint32_t rows = l->height - y < l->band_rows ? l->height - y : l->band_rows, done = 0;
        enum b_code code = b_cancel_check(w->cancel, err);
        if (code == B_OK && strip_is_whole(w, y))
            code = read_strip(w, y, rows, &done, err);
        else if (code == B_OK)
            done = salvage_strip(w, TIFFComputeStrip(w->files[0].tif, y, 0), rows);
        if (code != B_OK)
            return code;
        lose(w, (int64_t)y + done, (int64_t)rows - done);
        dp_rows_put_white(w->rows, (int)(rows - done));
    }
    return B_OK;
}

/* --- tiles --- */

/* All planes of the tile at x, y into w->raw. */
static bool read_tile(struct work *w, uint32_t x, uint32_t y, size_t tile_bytes)
{
    int planes = w->layout->separate ? w->layout->n_planes : 1;
    TIFF *tif = w->files[0].tif;
    for (int p = 0; p < planes; p++) {
        uint32_t tile = TIFFComputeTile(tif, x, y, 0, (uint16_t)p);
        uint64_t declared, there;
        if (!dp_tiff_strile_bytes(&w->files[0], tile, &declared, &there) || there == 0)
            return false;
        w->files[0].premature = false;
        if (TIFFReadEncodedTile(tif, tile, w->raw + (size_t)p * tile_bytes, (tmsize_t)tile_bytes) < 0 ||
            w->files[0].premature)
            return false;
    }
    return true;
}

/* The tiles of one row of tiles into the band w->out; returns how many were lost. */
static uint32_t read_tile_row(struct work *w, uint32_t y, uint32_t rows, size_t tile_bytes)
{
    const struct dp_tiff_layout *l = w->layout;
    size_t channels = (size_t)w->rows->channels, tile_row = row_bytes(l, l->tile_width);
    uint32_t lost = 0;
    for (uint32_t x = 0; x < l->width; x += l->tile_width) {
        size_t pixels = l->width - x < l->tile_width ? l->width - x : l->tile_width;
        bool ok = read_tile(w, x, y, tile_bytes);
        lost += !ok;
        for (uint32_t r = 0; r < rows; r++) {
            uint8_t *to = w->out + ((size_t)r * l->width + x) * channels;
            if (ok)
                convert_row(w, w->raw + (size_t)r * tile_row, tile_bytes, pixels, to);
            else
                memset(to, 255, pixels * channels);
        }
    }
    return lost;
}

static enum b_code decode_tiles(struct work *w, struct b_err *err)
{
    const struct dp_tiff_layout *l = w->layout;
    size_t planes = l->separate ? (size_t)l->n_planes : 1, channels = (size_t)w->rows->channels;
    uint64_t tile_bytes = (uint64_t)row_bytes(l, l->tile_width) * l->tile_height;
    uint64_t band = (uint64_t)l->width * l->band_rows * channels;
    if (tile_bytes * planes > DP_BAND_BYTES_MAX || band > DP_BAND_BYTES_MAX)
        return b_fail(err, B_LIMIT, "tiff", "tiles of %u x %u pixels are too large to decode", l->tile_width,
                      l->tile_height);
    if (TIFFTileSize64(w->files[0].tif) != tile_bytes)
        return b_fail(err, B_FORMAT, "tiff", "the tiles of the page have an impossible size");
    w->raw = calloc(planes, (size_t)tile_bytes);
    w->out = malloc((size_t)band);
    if (!w->raw || !w->out)
        return b_fail(err, B_NO_MEMORY, "tiff", "out of memory");
    uint32_t across = (l->width - 1) / l->tile_width + 1;
    for (uint32_t y = 0; y < l->height; y += l->band_rows) {
        enum b_code code = b_cancel_check(w->cancel, err);
        if (code != B_OK)
            return code;
        uint32_t rows = l->height - y < l->band_rows ? l->height - y : l->band_rows;
        uint32_t lost = read_tile_row(w, y, rows, (size_t)tile_bytes);
        /* A band with some tiles lost counts in proportion, at least one row. */
        lose(w, y, lost ? ((int64_t)rows * lost + across - 1) / across : 0);
        for (uint32_t r = 0; r < rows; r++)
            dp_rows_put(w->rows, w->out + (size_t)r * l->width * channels);
    }
    return B_OK;
}

/* --- conversion by libtiff --- */

static void from_abgr(const uint32_t *in, size_t width, uint8_t *out)
{
    for (size_t x = 0; x < width; x++, out += 3) {
        unsigned white = 255u - TIFFGetA(in[x]); /* libtiff premultiplies */
        unsigned r = TIFFGetR(in[x]) + white, g = TIFFGetG(in[x]) + white, b = TIFFGetB(in[x]) + white;
        out[0] = (uint8_t)(r > 255 ? 255 : r);
        out[1] = (uint8_t)(g > 255 ? 255 : g);
        out[2] = (uint8_t)(b > 255 ? 255 : b);
    }
}

static enum b_code convert_bands(struct work *w, TIFFRGBAImage *image, uint32_t *raster, struct b_err *err)
{
    const struct dp_tiff_layout *l = w->layout;
    for (uint32_t y = 0; y < l->height; y += l->band_rows) {
        enum b_code code = b_cancel_check(w->cancel, err);
        if (code != B_OK)
            return code;
        uint32_t rows = l->height - y < l->band_rows ? l->height - y : l->band_rows;
        image->row_offset = (int)y;
        image->col_offset = 0;
        w->files[0].premature = false;
        if (!TIFFRGBAImageGet(image, raster, l->width, rows) || w->files[0].premature) {
            lose(w, y, rows);
            dp_rows_put_white(w->rows, (int)rows);
            continue;
        }
        for (uint32_t r = 0; r < rows; r++) {
            from_abgr(raster + (size_t)r * l->width, l->width, w->out);
            dp_rows_put(w->rows, w->out);
        }
    }
    return B_OK;
}

static enum b_code decode_converted(struct work *w, struct b_err *err)
{
    const struct dp_tiff_layout *l = w->layout;
    uint64_t pixels = (uint64_t)l->width * l->band_rows;
    if (pixels * sizeof(uint32_t) > DP_BAND_BYTES_MAX)
        return b_fail(err, B_LIMIT, "tiff", "strips of %u x %u pixels are too large to convert", l->width,
                      l->band_rows);
    uint32_t *raster = malloc((size_t)pixels * sizeof *raster);
    w->out = malloc((size_t)l->width * 3);
    char why[1024] = ""; /* size that libtiff asks for */
    TIFFRGBAImage image;
    enum b_code code;
    if (!raster || !w->out) {
        code = b_fail(err, B_NO_MEMORY, "tiff", "out of memory");
    } else if (!TIFFRGBAImageOK(w->files[0].tif, why)) {
        code = b_fail(err, B_UNSUPPORTED, "tiff", "this kind of image is not read: %s", why);
    } else if (!TIFFRGBAImageBegin(&image, w->files[0].tif, 1, why)) {
        code = b_fail(err, B_FORMAT, "tiff", "the page cannot be decoded: %s", why);
    } else {
        /* Rows as stored; the loader turns the page itself. */
        image.orientation = ORIENTATION_TOPLEFT;
        image.req_orientation = ORIENTATION_TOPLEFT;
        code = convert_bands(w, &image, raster, err);
        TIFFRGBAImageEnd(&image);
    }
    free(raster);
    return code;
}

enum b_code dp_tiff_decode(struct dp_tiff_file *files, const struct dp_tiff_layout *layout, struct dp_rows *rows,
                           struct b_cancel *cancel, struct dp_tiff_loss *loss, struct b_err *err)
{
    struct work w = {.files = files, .layout = layout, .rows = rows, .cancel = cancel, .loss = loss};
    enum b_code code;
    *loss = (struct dp_tiff_loss){.first = -1};
    if (layout->convert) {
        code = decode_converted(&w, err);
        goto out;
    }
    w.raw_row = row_bytes(layout, layout->width);
    size_t widest = layout->tile_width > layout->width ? layout->tile_width : layout->width;
    w.samples = malloc(widest * (size_t)layout->colour.per_pixel);
    w.plane = malloc(widest);
    if (!w.samples || !w.plane)
        code = b_fail(err, B_NO_MEMORY, "tiff", "out of memory");
    else
        code = layout->tile_width ? decode_tiles(&w, err) : decode_strips(&w, err);
out:
    free(w.raw);
    free(w.samples);
    free(w.plane);
    free(w.out);
    return code;
}
