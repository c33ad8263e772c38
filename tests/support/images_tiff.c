/* SPDX-License-Identifier: Apache-2.0 */
/* TIFF files for tests: proper ones through libtiff, hostile ones entry by entry. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tiffio.h>

#include "tests/support/images.h"

#define NEED(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: the test input could not be made: %s\n", __FILE__, __LINE__, #condition);          \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

struct memory {
    struct t_bytes *bytes;
    size_t at;
};

static tmsize_t memory_read(thandle_t handle, void *buf, tmsize_t count)
{
    struct memory *m = handle;
    size_t left = m->at < m->bytes->size ? m->bytes->size - m->at : 0, n = (size_t)count < left ? (size_t)count : left;
    if (n)
        memcpy(buf, m->bytes->data + m->at, n);
    m->at += n;
    return (tmsize_t)n;
}

static tmsize_t memory_write(thandle_t handle, void *buf, tmsize_t count)
{
    struct memory *m = handle;
    while (m->bytes->size < m->at + (size_t)count)
        t_append_le(m->bytes, 0, 8);
    memcpy(m->bytes->data + m->at, buf, (size_t)count);
    m->at += (size_t)count;
    return count;
}

static toff_t memory_seek(thandle_t handle, toff_t offset, int whence)
{
    struct memory *m = handle;
    m->at = (size_t)offset + (whence == SEEK_CUR ? m->at : whence == SEEK_END ? m->bytes->size : 0);
    return m->at;
}

static int memory_close(thandle_t handle)
{
    (void)handle;
    return 0;
}

static toff_t memory_size(thandle_t handle)
{
    struct memory *m = handle;
    return m->bytes->size;
}

static void set_tags(TIFF *tif, const struct t_tiff *p)
{
    TIFFSetField(tif, TIFFTAG_IMAGEWIDTH, p->width);
    TIFFSetField(tif, TIFFTAG_IMAGELENGTH, p->height);
    TIFFSetField(tif, TIFFTAG_BITSPERSAMPLE, p->bits);
    TIFFSetField(tif, TIFFTAG_SAMPLESPERPIXEL, p->samples);
    TIFFSetField(tif, TIFFTAG_COMPRESSION, p->compression ? p->compression : COMPRESSION_NONE);
    TIFFSetField(tif, TIFFTAG_PHOTOMETRIC, p->photometric);
    TIFFSetField(tif, TIFFTAG_PLANARCONFIG, p->planar ? p->planar : PLANARCONFIG_CONTIG);
    if (p->predictor)
        TIFFSetField(tif, TIFFTAG_PREDICTOR, p->predictor);
    if (p->fill_order)
        TIFFSetField(tif, TIFFTAG_FILLORDER, p->fill_order);
    if (p->format)
        TIFFSetField(tif, TIFFTAG_SAMPLEFORMAT, p->format);
    if (p->orientation)
        TIFFSetField(tif, TIFFTAG_ORIENTATION, p->orientation);
    if (p->x_resolution > 0) {
        TIFFSetField(tif, TIFFTAG_XRESOLUTION, p->x_resolution);
        TIFFSetField(tif, TIFFTAG_YRESOLUTION, p->y_resolution);
    }
    if (p->unit)
        TIFFSetField(tif, TIFFTAG_RESOLUTIONUNIT, p->unit);
    if (p->extra >= 0) {
        uint16_t kinds[1] = {(uint16_t)p->extra};
        TIFFSetField(tif, TIFFTAG_EXTRASAMPLES, 1, kinds);
    }
    if (p->subfile)
        TIFFSetField(tif, TIFFTAG_SUBFILETYPE, p->subfile);
    if (p->group3)
        TIFFSetField(tif, TIFFTAG_GROUP3OPTIONS, p->group3);
    if (p->subsampling)
        TIFFSetField(tif, TIFFTAG_YCBCRSUBSAMPLING, p->subsampling, p->subsampling);
    if (p->palette)
        TIFFSetField(tif, TIFFTAG_COLORMAP, p->palette, p->palette + (1 << p->bits), p->palette + (2 << p->bits));
    if (p->software)
        TIFFSetField(tif, TIFFTAG_SOFTWARE, p->software);
    if (p->date)
        TIFFSetField(tif, TIFFTAG_DATETIME, p->date);
    if (p->compression == COMPRESSION_JPEG && p->photometric == PHOTOMETRIC_YCBCR)
        TIFFSetField(tif, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
    if (p->compression == COMPRESSION_WEBP)
        TIFFSetField(tif, TIFFTAG_WEBP_LOSSLESS, 1);
}

static void write_strips(TIFF *tif, const struct t_tiff *p)
{
    int planes = p->planar == PLANARCONFIG_SEPARATE ? p->samples : 1;
    int rows = p->rows_per_strip ? p->rows_per_strip : p->height;
    TIFFSetField(tif, TIFFTAG_ROWSPERSTRIP, rows);
    uint32_t strip = 0;
    if (p->photometric == PHOTOMETRIC_YCBCR && p->subsampling == 2 && p->compression != COMPRESSION_JPEG) {
        /* rows are already clumps of 2 x 2 luma, Cb, Cr; one strip */
        NEED(TIFFWriteEncodedStrip(tif, 0, (void *)(uintptr_t)p->pixels,
                                   (tmsize_t)(p->row * (size_t)p->height / 2)) >= 0);
        return;
    }
    for (int plane = 0; plane < planes; plane++)
        for (int y = 0; y < p->height; y += rows, strip++) {
            size_t n = (size_t)(p->height - y < rows ? p->height - y : rows) * p->row;
            uint8_t *copy = malloc(n); /* libtiff works in place */
            NEED(copy);
            memcpy(copy, p->pixels + ((size_t)plane * (size_t)p->height + (size_t)y) * p->row, n);
            NEED(TIFFWriteEncodedStrip(tif, strip, copy, (tmsize_t)n) >= 0);
            free(copy);
        }
}

/* The part of the packed rows that tile x, y covers; beyond the page the last bytes and rows are repeated. */
static void cut_tile(const struct t_tiff *p, int plane, int x, int y, uint8_t *tile, size_t tile_row)
{
    int per_pixel = p->planar == PLANARCONFIG_SEPARATE ? 1 : p->samples;
    size_t from = (size_t)x * (size_t)(per_pixel * p->bits) / 8, step = (size_t)(per_pixel * p->bits + 7) / 8;
    for (int r = 0; r < p->tile; r++) {
        int from_y = y + r < p->height ? y + r : p->height - 1;
        const uint8_t *row = p->pixels + ((size_t)plane * (size_t)p->height + (size_t)from_y) * p->row;
        uint8_t *to = tile + (size_t)r * tile_row;
        size_t n = p->row - from < tile_row ? p->row - from : tile_row;
        memcpy(to, row + from, n);
        for (; n >= step && n < tile_row; n++)
            to[n] = to[n - step];
    }
}

static void write_tiles(TIFF *tif, const struct t_tiff *p)
{
    int planes = p->planar == PLANARCONFIG_SEPARATE ? p->samples : 1;
    TIFFSetField(tif, TIFFTAG_TILEWIDTH, p->tile);
    TIFFSetField(tif, TIFFTAG_TILELENGTH, p->tile);
    size_t tile_row = (size_t)TIFFTileRowSize(tif), size = (size_t)TIFFTileSize(tif);
    uint8_t *tile = malloc(size);
    NEED(tile);
    for (int plane = 0; plane < planes; plane++)
        for (int y = 0; y < p->height; y += p->tile)
            for (int x = 0; x < p->width; x += p->tile) {
                memset(tile, 0, size);
                cut_tile(p, plane, x, y, tile, tile_row);
                uint32_t index = TIFFComputeTile(tif, (uint32_t)x, (uint32_t)y, 0, (uint16_t)plane);
                NEED(TIFFWriteEncodedTile(tif, index, tile, (tmsize_t)size) >= 0);
            }
    free(tile);
}

void t_tiff_make(const struct t_tiff *pages, int n, const char *mode, struct t_bytes *out)
{
    struct memory memory = {out, 0};
    TIFF *tif = TIFFClientOpen("made", mode, &memory, memory_read, memory_write, memory_seek, memory_close, memory_size,
                               NULL, NULL);
    NEED(tif);
    for (int i = 0; i < n; i++) {
        set_tags(tif, &pages[i]);
        if (pages[i].tile)
            write_tiles(tif, &pages[i]);
        else
            write_strips(tif, &pages[i]);
        NEED(TIFFWriteDirectory(tif));
    }
    TIFFClose(tif);
}

void t_tiff_raw_strip(const struct t_bytes *file, struct t_bytes *out)
{
    struct t_bytes copy = *file;
    struct memory memory = {&copy, 0};
    TIFF *tif = TIFFClientOpen("made", "r", &memory, memory_read, memory_write, memory_seek, memory_close, memory_size,
                               NULL, NULL);
    NEED(tif);
    size_t size = (size_t)TIFFGetStrileByteCount(tif, 0);
    uint8_t *data = malloc(size);
    NEED(data && TIFFReadRawStrip(tif, 0, data, (tmsize_t)size) == (tmsize_t)size);
    t_append(out, data, size);
    free(data);
    TIFFClose(tif);
}

void t_tiff_directory_first(const uint32_t (*entries)[4], int n, const void *strip, size_t size, uint32_t strip_claim,
                            struct t_bytes *out)
{
    uint32_t data_at = 8 + 2 + (uint32_t)(n + 2) * 12 + 4;
    uint32_t own[2][4] = {{273, 4, 1, data_at}, {279, 4, 1, strip_claim}};
    t_append(out, "II*\0", 4);
    t_append_le(out, 8, 4);
    t_append_le(out, (uint64_t)(n + 2), 2);
    int next = 0;
    for (int i = 0; i < n + 2; i++) { /* ascending tags */
        const uint32_t *e = next < 2 && (i - next >= n || own[next][0] < entries[i - next][0]) ? own[next] : NULL;
        if (e)
            next++;
        else
            e = entries[i - next];
        t_append_le(out, e[0], 2);
        t_append_le(out, e[1], 2);
        t_append_le(out, e[2], 4);
        t_append_le(out, e[3], 4);
    }
    t_append_le(out, 0, 4);
    t_append(out, strip, size);
}
