/* SPDX-License-Identifier: Apache-2.0 */
/* PNG through libspng, row by row, so that a cut or damaged file still gives the rows before the damage.
 * libspng wants a chunk's bytes as its header promises; for a file cut inside IDAT the reader presents that
 * last chunk as ending where the file ends (see find_cut). Sole user of spng.h. */
#include <spng.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/loader_private.h"
#include "docparse/orient.h"
#include "docparse/raster.h"

#define SIGNATURE_BYTES 8
#define CHUNK_BYTES_MAX ((size_t)16 << 20)  /* one ancillary chunk, inflated; ICC profiles reach 3 MiB */
#define CHUNK_CACHE_MAX ((size_t)32 << 20)  /* all of them together */
#define INCH_PER_METRE 0.0254
#define POLL_ROWS 256

struct png {
    const uint8_t *data;
    size_t size;
    struct dp_loader_options options;
    struct spng_ihdr ihdr;
    size_t cut_chunk;    /* offset of an IDAT that the end of the file cuts; 0: none */
    uint32_t cut_length; /* bytes of it that are there */
};

/* Input as libspng sees it; at the cut, the chunk's length is replaced and four bytes of CRC are added. */
struct feed {
    const struct png *png;
    size_t at;
};

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void find_cut(struct png *png)
{
    size_t at = SIGNATURE_BYTES;
    while (at + 12 <= png->size) {
        uint32_t length = be32(png->data + at);
        if (length > png->size - at - 12) {
            size_t there = png->size - at - 8;
            if (memcmp(png->data + at + 4, "IDAT", 4) == 0) {
                png->cut_chunk = at;
                png->cut_length = (uint32_t)(there < length ? there : length);
            }
            return;
        }
        at += (size_t)length + 12;
    }
}

static uint8_t feed_byte(const struct png *png, size_t at)
{
    if (png->cut_chunk && at >= png->cut_chunk && at < png->cut_chunk + 4)
        return (uint8_t)(png->cut_length >> (8 * (3 - (at - png->cut_chunk))));
    return at < png->size ? png->data[at] : 0;
}

static int feed_read(spng_ctx *ctx, void *user, void *dest, size_t length)
{
    struct feed *feed = user;
    const struct png *png = feed->png;
    uint8_t *out = dest;
    (void)ctx;
    size_t end = png->cut_chunk ? png->cut_chunk + 8 + png->cut_length + 4 : png->size;
    if (length > end - feed->at)
        return SPNG_IO_EOF;
    size_t plain = png->cut_chunk ? png->cut_chunk : png->size; /* bytes before it need no patching */
    if (feed->at < plain && length <= plain - feed->at)
        memcpy(out, png->data + feed->at, length);
    else
        for (size_t i = 0; i < length; i++)
            out[i] = feed_byte(png, feed->at + i);
    feed->at += length;
    return 0;
}

static enum b_code png_failure(int why, const char *what, struct b_err *err)
{
    switch (why) {
    case SPNG_EMEM:
        return b_fail(err, B_NO_MEMORY, "png", "out of memory");
    case SPNG_ECHUNK_LIMITS:
    case SPNG_EOVERFLOW:
        return b_fail(err, B_LIMIT, "png", "%s: %s", what, spng_strerror(why));
    default:
        return b_fail(err, B_FORMAT, "png", "%s: %s", what, spng_strerror(why));
    }
}

/* New decoder at the start of the file. */
static enum b_code start(const struct png *png, struct feed *feed, spng_ctx **out, struct b_err *err)
{
    *feed = (struct feed){.png = png};
    spng_ctx *ctx = spng_ctx_new(0);
    *out = ctx;
    if (!ctx)
        return b_fail(err, B_NO_MEMORY, "png", "out of memory");
    int why = spng_set_chunk_limits(ctx, CHUNK_BYTES_MAX, CHUNK_CACHE_MAX);
    if (!why && png->cut_chunk) /* the CRC of the cut chunk is not there to be checked */
        why = spng_set_crc_action(ctx, SPNG_CRC_USE, SPNG_CRC_DISCARD);
    if (!why)
        why = spng_set_png_stream(ctx, feed_read, feed);
    return why ? png_failure(why, "the decoder cannot start", err) : B_OK;
}

static bool is_grey(spng_ctx *ctx, const struct spng_ihdr *ihdr)
{
    if (ihdr->color_type == SPNG_COLOR_TYPE_GRAYSCALE || ihdr->color_type == SPNG_COLOR_TYPE_GRAYSCALE_ALPHA)
        return true;
    struct spng_plte plte;
    if (ihdr->color_type != SPNG_COLOR_TYPE_INDEXED || spng_get_plte(ctx, &plte) != 0)
        return false;
    for (uint32_t i = 0; i < plte.n_entries && i < 256; i++)
        if (plte.entries[i].red != plte.entries[i].green || plte.entries[i].red != plte.entries[i].blue)
            return false;
    return true;
}

static void to_page(const uint8_t *rgba, size_t width, int channels, uint8_t *out)
{
    for (size_t x = 0; x < width; x++, rgba += 4)
        for (int c = 0; c < channels; c++)
            *out++ = dp_over_white(rgba[c], rgba[3]);
}

static void read_grid(spng_ctx *ctx, struct dp_grid *grid)
{
    struct spng_phys phys;
    struct spng_exif exif;
    struct dp_exif parsed = {0};
    if (spng_get_exif(ctx, &exif) == 0)
        dp_exif_parse((const uint8_t *)exif.data, exif.length, &parsed);
    grid->orientation = parsed.orientation;
    if (spng_get_phys(ctx, &phys) == 0) {
        grid->aspect_only = phys.unit_specifier != 1;
        double unit = grid->aspect_only ? 1 : INCH_PER_METRE;
        grid->x_dpi = phys.ppu_x * unit;
        grid->y_dpi = phys.ppu_y * unit;
    } else {
        grid->x_dpi = parsed.x_dpi;
        grid->y_dpi = parsed.y_dpi;
    }
}

/* Rows of a plain image; *good counts them. */
static enum b_code read_rows(spng_ctx *ctx, struct dp_rows *rows, uint8_t *rgba, uint8_t *row, struct b_cancel *cancel,
                             int64_t *good, int *why, struct b_err *err)
{
    size_t bytes = (size_t)rows->width * 4;
    for (*good = 0; *good < rows->height; ++*good) {
        if (*good % POLL_ROWS == 0) {
            enum b_code code = b_cancel_check(cancel, err);
            if (code != B_OK)
                return code;
        }
        *why = spng_decode_row(ctx, rgba, bytes);
        if (*why && *why != SPNG_EOI)
            return B_OK;
        to_page(rgba, (size_t)rows->width, rows->channels, row);
        dp_rows_put(rows, row);
    }
    *why = 0;
    return B_OK;
}

/* Adam7 (PNG §8.2): the block of pixels that stands for one pixel of a pass until later passes refine it. */
struct adam7 {
    int x0, y0, dx, dy, block_w, block_h;
};
static const struct adam7 passes[7] = {{0, 0, 8, 8, 8, 8}, {4, 0, 8, 8, 4, 8}, {0, 4, 4, 8, 4, 4}, {2, 0, 4, 4, 2, 4},
                                       {0, 2, 2, 4, 2, 2}, {1, 0, 2, 2, 1, 2}, {0, 1, 1, 2, 1, 1}};

static void paint_pass_row(struct b_image *image, const struct adam7 *pass, int y, const uint8_t *pixels)
{
    size_t ch = (size_t)image->channels;
    int bottom = y + pass->block_h < image->height ? y + pass->block_h : image->height;
    for (int x = pass->x0; x < image->width; x += pass->dx, pixels += ch) {
        int right = x + pass->block_w < image->width ? x + pass->block_w : image->width;
        for (int by = y; by < bottom; by++)
            for (int bx = x; bx < right; bx++)
                memcpy(image->pixels + ((size_t)by * (size_t)image->width + (size_t)bx) * ch, pixels, ch);
    }
}

/* Rows of an interlaced image; *good counts stored rows that have at least their first-pass pixels. */
static enum b_code read_interlaced(spng_ctx *ctx, struct dp_rows *rows, uint8_t *rgba, uint8_t *row,
                                   struct b_cancel *cancel, int64_t *good, int *last_pass, int *why, struct b_err *err)
{
    memset(rows->image.pixels, 255, (size_t)rows->width * (size_t)rows->height * (size_t)rows->channels);
    struct spng_row_info info;
    *good = 0;
    *last_pass = 0;
    for (int64_t n = 0;; n++) {
        if (n % POLL_ROWS == 0) {
            enum b_code code = b_cancel_check(cancel, err);
            if (code != B_OK)
                return code;
        }
        *why = spng_get_row_info(ctx, &info);
        if (*why || info.pass < 0 || info.pass > 6 || info.row_num >= (uint32_t)rows->height)
            break;
        const struct adam7 *pass = &passes[info.pass];
        size_t width = ((size_t)(rows->width - pass->x0) + (size_t)pass->dx - 1) / (size_t)pass->dx;
        *why = spng_decode_scanline(ctx, rgba, width * 4);
        if (*why && *why != SPNG_EOI)
            break;
        to_page(rgba, width, rows->channels, row);
        paint_pass_row(&rows->image, pass, (int)info.row_num, row);
        *last_pass = info.pass;
        int64_t covered = (int64_t)info.row_num + pass->block_h;
        if (info.pass == 0)
            *good = covered < rows->height ? covered : rows->height;
        if (*why == SPNG_EOI) {
            *why = 0;
            break;
        }
    }
    rows->next = rows->height;
    return B_OK;
}

static enum b_code decode(const struct png *png, spng_ctx *ctx, struct dp_rows *rows, struct b_cancel *cancel,
                          struct dp_sheet *sheet, struct b_err *err)
{
    uint8_t *rgba = malloc((size_t)rows->width * 4), *row = malloc((size_t)rows->width * 4);
    enum b_code code = B_OK;
    if (!rgba || !row) {
        code = b_fail(err, B_NO_MEMORY, "png", "out of memory");
        goto out;
    }
    int64_t good = 0;
    int why = 0, pass = 6;
    if (png->ihdr.interlace_method)
        code = read_interlaced(ctx, rows, rgba, row, cancel, &good, &pass, &why, err);
    else
        code = read_rows(ctx, rows, rgba, row, cancel, &good, &why, err);
    if (code != B_OK || !why)
        goto out;
    if (why == SPNG_EMEM)
        code = png_failure(why, "decoding failed", err);
    else if (good == rows->height)
        dp_sheet_warn(sheet, "damaged: the interlaced image ends in pass %d of 7: detail is missing (%s)", pass + 1,
                      spng_strerror(why));
    else
        code = dp_raster_salvage(sheet, good, rows->height, good, spng_strerror(why), err);
out:
    free(rgba);
    free(row);
    return code;
}

static enum b_code plan(const struct png *png, int *factor, struct b_err *err)
{
    enum b_code code = dp_raster_plan(png->ihdr.width, png->ihdr.height, &png->options.limits, factor, err);
    if (code == B_OK && *factor > 1 && png->ihdr.interlace_method) {
        code = b_fail(err, B_LIMIT, "png", "an interlaced image of %u x %u pixels cannot be read in reduced size",
                      png->ihdr.width, png->ihdr.height);
        b_advise(err, "save it without interlacing, or raise the pixel limit");
    }
    return code;
}

static enum b_code png_page(void *state, int32_t number, struct b_cancel *cancel, struct dp_sheet *out,
                            struct b_err *err)
{
    const struct png *png = state;
    struct feed feed;
    spng_ctx *ctx = NULL;
    struct dp_rows rows = {0};
    struct b_image image = {0};
    int factor;
    enum b_code code = plan(png, &factor, err);
    if (code == B_OK)
        code = dp_sheet_begin(out, number, &png->options.limits, err);
    if (code == B_OK)
        code = start(png, &feed, &ctx, err);
    if (code != B_OK)
        goto out;
    int why = spng_decode_image(ctx, NULL, 0, SPNG_FMT_RGBA8, SPNG_DECODE_TRNS | SPNG_DECODE_PROGRESSIVE);
    if (why) {
        code = png_failure(why, "no pixel can be decoded", err);
        goto out;
    }
    struct dp_grid grid = {.reduced = factor};
    read_grid(ctx, &grid);
    code = dp_rows_begin(&rows, (int)png->ihdr.width, (int)png->ihdr.height, is_grey(ctx, &png->ihdr) ? 1 : 3, factor,
                         err);
    if (code == B_OK)
        code = decode(png, ctx, &rows, cancel, out, err);
    if (code != B_OK)
        goto out;
    dp_rows_take(&rows, &image);
    code = dp_raster_finish(out, &image, &grid, &png->options, err);
out:
    dp_rows_free(&rows);
    spng_ctx_free(ctx);
    return code;
}

static enum b_code png_page_size(void *state, int32_t number, double *width, double *height, struct b_err *err)
{
    const struct png *png = state;
    struct feed feed;
    spng_ctx *ctx = NULL;
    (void)number;
    enum b_code code = start(png, &feed, &ctx, err);
    struct dp_grid grid = {0};
    if (code == B_OK)
        read_grid(ctx, &grid);
    spng_ctx_free(ctx);
    bool turned = grid.orientation >= 5;
    *width = turned ? png->ihdr.height : png->ihdr.width;
    *height = turned ? png->ihdr.width : png->ihdr.height;
    return code;
}

static void png_close(void *state)
{
    free(state);
}

enum b_code dp_load_png_open(const struct dp_source *source, const struct dp_loader_options *options,
                             struct dp_loader *out, struct b_err *err)
{
    static const struct dp_loader_ops ops = {png_close, png_page, png_page_size};
    struct png *png = calloc(1, sizeof *png);
    if (!png)
        return b_fail(err, B_NO_MEMORY, "png", "out of memory");
    out->ops = &ops;
    out->state = png;
    png->data = source->bytes.data;
    png->size = source->bytes.size;
    png->options = *options;
    find_cut(png);
    struct feed feed;
    spng_ctx *ctx = NULL;
    enum b_code code = start(png, &feed, &ctx, err);
    if (code == B_OK) {
        int why = spng_get_ihdr(ctx, &png->ihdr);
        if (why)
            code = png_failure(why, "the header cannot be read", err);
    }
    spng_ctx_free(ctx);
    out->info.page_count = 1;
    return code;
}
