/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_IMAGES_H
#define TESTS_SUPPORT_IMAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Image files made in memory for tests, by the libraries themselves or byte by byte where a file must be
 * wrong. Everything here aborts on failure: a test that cannot make its input has no result. */

struct t_bytes {
    uint8_t *data;
    size_t size, cap;
};

void t_bytes_free(struct t_bytes *bytes);
void t_append(struct t_bytes *out, const void *data, size_t size);
void t_append_be32(struct t_bytes *out, uint32_t value);
/* Appends / overwrites little-endian numbers. */
void t_append_le(struct t_bytes *out, uint64_t value, int bytes);
void t_write_le(struct t_bytes *out, size_t at, uint64_t value, int bytes);

/* A page-like pattern: text-like runs of black on white, the same for every call. 1 or 3 channels, 8 bits;
 * bilevel gives only 0 and 255. Caller frees. */
uint8_t *t_pattern(int width, int height, int channels, bool bilevel);
/* 8-bit samples -> rows packed to 1, 2, 4 or 12 bits (high bits kept). Caller frees; *row is a row's bytes. */
uint8_t *t_pack(const uint8_t *samples, int per_row, int rows, int bits, size_t *row);

/* One TIFF page; zero fields mean libtiff's defaults. pixels: packed rows, or planes one after the other. */
struct t_tiff {
    int width, height, bits, samples;
    int photometric, compression, planar, predictor, fill_order, format;
    int rows_per_strip, tile; /* tile: side of a square tile; 0 strips */
    int orientation, unit;
    double x_resolution, y_resolution;
    int extra;                /* EXTRASAMPLE_ kind of the last sample; -1 none */
    int subfile, group3;
    int subsampling;          /* YCbCr: 1 or 2, both ways */
    const uint16_t *palette;  /* 3 * (1 << bits) */
    const char *software, *date;
    const uint8_t *pixels;
    size_t row;               /* bytes of a row (of a plane) */
};

/* mode: "w" little-endian, "wb" big-endian, "w8" BigTIFF. */
void t_tiff_make(const struct t_tiff *pages, int n, const char *mode, struct t_bytes *out);
/* Classic TIFF whose directory comes first and whose single strip of `size` bytes lies at the end of the file;
 * entries: tag, type, count, value (or offset behind the directory) quadruples. StripOffsets and
 * StripByteCounts are added; strip_claim is what StripByteCounts says. */
void t_tiff_directory_first(const uint32_t (*entries)[4], int n, const void *strip, size_t size, uint32_t strip_claim,
                            struct t_bytes *out);
/* Raw bytes of strip 0 of a file. */
void t_tiff_raw_strip(const struct t_bytes *file, struct t_bytes *out);

struct t_png {
    int width, height, bits, colour; /* SPNG_COLOR_TYPE_ */
    bool interlaced;
    const uint8_t *pixels;           /* rows as PNG stores them, 16 bits in the machine's order */
    size_t row;
    const uint8_t *palette;          /* n_palette * 3 */
    int n_palette;
    const uint8_t *alpha;            /* tRNS of a palette, n_palette */
    int transparent_grey;            /* tRNS of grey: value + 1; 0 none */
    uint32_t ppu_x, ppu_y;
    int unit;
    const struct t_bytes *exif;
    size_t text_bytes;               /* zTXt of that many bytes */
};
void t_png_make(const struct t_png *spec, struct t_bytes *out);
/* Appends a chunk with its CRC. */
void t_png_chunk(struct t_bytes *out, const char *type, const void *data, size_t size);
extern const uint8_t t_png_signature[8];

struct t_jpeg {
    int width, height, channels; /* 1 grey, 3 RGB, 4 CMYK */
    const uint8_t *pixels;
    int quality;
    bool progressive, ycck, adobe_inverted, arithmetic;
    int restart_rows;
    int density_unit, x_density, y_density;
    const struct t_bytes *exif; /* with its "Exif\0\0" */
};
void t_jpeg_make(const struct t_jpeg *spec, struct t_bytes *out);

void t_webp_make(const uint8_t *pixels, int width, int height, int channels, bool lossless, struct t_bytes *out);
/* Extended WebP with an EXIF chunk / an animation of two frames, from still files made above. */
void t_webp_with_exif(const struct t_bytes *still, int width, int height, const struct t_bytes *exif,
                      struct t_bytes *out);
void t_webp_animation(const struct t_bytes *first, const struct t_bytes *second, int width, int height,
                      struct t_bytes *out);

/* Exif block with an orientation and a resolution in inches (0: none). */
void t_exif_make(int orientation, uint32_t dpi, bool big_endian, bool prefixed, struct t_bytes *out);

#endif
