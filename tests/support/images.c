/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes, patterns, Exif, PNG, JPEG and WebP for tests; TIFF is in images_tiff.c. */
#include "tests/support/images.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <spng.h>
#include <webp/encode.h>

#define NEED(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: the test input could not be made: %s\n", __FILE__, __LINE__, #condition);          \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

void t_bytes_free(struct t_bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct t_bytes){0};
}

void t_append(struct t_bytes *out, const void *data, size_t size)
{
    if (out->size + size > out->cap) {
        out->cap = (out->size + size) * 2 + 64;
        out->data = realloc(out->data, out->cap);
        NEED(out->data);
    }
    if (size)
        memcpy(out->data + out->size, data, size);
    out->size += size;
}

void t_append_be32(struct t_bytes *out, uint32_t value)
{
    uint8_t b[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value};
    t_append(out, b, 4);
}

void t_append_le(struct t_bytes *out, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        uint8_t b = (uint8_t)(value >> (8 * i));
        t_append(out, &b, 1);
    }
}

void t_write_le(struct t_bytes *out, size_t at, uint64_t value, int bytes)
{
    NEED(at + (size_t)bytes <= out->size);
    for (int i = 0; i < bytes; i++)
        out->data[at + (size_t)i] = (uint8_t)(value >> (8 * i));
}

uint8_t *t_pattern(int width, int height, int channels, bool bilevel)
{
    uint8_t *pixels = malloc((size_t)width * (size_t)height * (size_t)channels), *p = pixels;
    NEED(pixels);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            bool ink = (y / 5) % 3 != 2 && ((unsigned)(x / 3 + y / 15 * 7) * 2654435761u >> 28) < 6;
            for (int c = 0; c < channels; c++)
                *p++ = (uint8_t)(ink ? (bilevel ? 0 : 20 + 30 * c + x % 16)
                                     : 255 - (bilevel ? 0 : (x * (c + 1) + y * 3) % 64));
        }
    return pixels;
}

uint8_t *t_pack(const uint8_t *samples, int per_row, int rows, int bits, size_t *row)
{
    *row = ((size_t)per_row * (size_t)bits + 7) / 8;
    uint8_t *out = calloc((size_t)rows, *row);
    NEED(out);
    for (int y = 0; y < rows; y++)
        for (int x = 0; x < per_row; x++) {
            /* 12 bits: the sample and its high half again, so that 255 is 4095 */
            unsigned v = samples[(size_t)y * (size_t)per_row + (size_t)x];
            v = bits > 8 ? v << 4 | v >> 4 : v >> (8 - bits);
            for (int b = 0; b < bits; b++) {
                size_t at = (size_t)x * (size_t)bits + (size_t)b;
                if (v >> (bits - 1 - b) & 1)
                    out[(size_t)y * *row + at / 8] |= (uint8_t)(0x80 >> at % 8);
            }
        }
    return out;
}

static void exif_number(struct t_bytes *out, uint32_t value, int bytes, bool big)
{
    for (int i = 0; i < bytes; i++) {
        uint8_t b = (uint8_t)(value >> (8 * (big ? bytes - 1 - i : i)));
        t_append(out, &b, 1);
    }
}

static void exif_entry(struct t_bytes *out, bool big, uint32_t tag, uint32_t type, uint32_t count, uint32_t value)
{
    exif_number(out, tag, 2, big);
    exif_number(out, type, 2, big);
    exif_number(out, count, 4, big);
    exif_number(out, value, type == 3 ? 2 : 4, big);
    if (type == 3)
        exif_number(out, 0, 2, big);
}

void t_exif_make(int orientation, uint32_t dpi, bool big, bool prefixed, struct t_bytes *out)
{
    uint32_t n = (orientation ? 1u : 0u) + (dpi ? 3u : 0u), behind = 8 + 2 + n * 12 + 4;
    if (prefixed)
        t_append(out, "Exif\0", 6);
    t_append(out, big ? "MM\0*" : "II*\0", 4);
    exif_number(out, 8, 4, big);
    exif_number(out, n, 2, big);
    if (orientation)
        exif_entry(out, big, 274, 3, 1, (uint32_t)orientation);
    if (dpi) {
        exif_entry(out, big, 282, 5, 1, behind);
        exif_entry(out, big, 283, 5, 1, behind);
        exif_entry(out, big, 296, 3, 1, 2);
    }
    exif_number(out, 0, 4, big);
    exif_number(out, dpi * 2, 4, big);
    exif_number(out, 2, 4, big);
}

/* --- PNG --- */

const uint8_t t_png_signature[8] = {0x89, 'P', 'N', 'G', 13, 10, 26, 10};

static uint32_t crc32_of(const uint8_t *data, size_t size, uint32_t crc)
{
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int b = 0; b < 8; b++)
            crc = crc & 1 ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
    }
    return crc;
}

void t_png_chunk(struct t_bytes *out, const char *type, const void *data, size_t size)
{
    t_append_be32(out, (uint32_t)size);
    size_t from = out->size;
    t_append(out, type, 4);
    t_append(out, data, size);
    t_append_be32(out, ~crc32_of(out->data + from, size + 4, ~0u));
}

static void png_extras(spng_ctx *ctx, const struct t_png *spec, char **text)
{
    if (spec->palette) {
        struct spng_plte plte = {.n_entries = (uint32_t)spec->n_palette};
        struct spng_trns trns = {.n_type3_entries = (uint32_t)spec->n_palette};
        for (int i = 0; i < spec->n_palette; i++) {
            plte.entries[i].red = spec->palette[i * 3];
            plte.entries[i].green = spec->palette[i * 3 + 1];
            plte.entries[i].blue = spec->palette[i * 3 + 2];
            trns.type3_alpha[i] = spec->alpha ? spec->alpha[i] : 255;
        }
        NEED(spng_set_plte(ctx, &plte) == 0);
        if (spec->alpha)
            NEED(spng_set_trns(ctx, &trns) == 0);
    }
    if (spec->transparent_grey) {
        struct spng_trns trns = {.gray = (uint16_t)(spec->transparent_grey - 1)};
        NEED(spng_set_trns(ctx, &trns) == 0);
    }
    if (spec->ppu_x) {
        struct spng_phys phys = {spec->ppu_x, spec->ppu_y, (uint8_t)spec->unit};
        NEED(spng_set_phys(ctx, &phys) == 0);
    }
    if (spec->exif) {
        struct spng_exif exif = {spec->exif->size, (char *)spec->exif->data};
        NEED(spng_set_exif(ctx, &exif) == 0);
    }
    if (spec->text_bytes) {
        *text = malloc(spec->text_bytes + 1);
        NEED(*text);
        memset(*text, 'a', spec->text_bytes);
        (*text)[spec->text_bytes] = '\0';
        struct spng_text item = {.keyword = "Comment", .type = SPNG_ZTXT, .length = spec->text_bytes, .text = *text};
        NEED(spng_set_text(ctx, &item, 1) == 0);
    }
}

void t_png_make(const struct t_png *spec, struct t_bytes *out)
{
    spng_ctx *ctx = spng_ctx_new(SPNG_CTX_ENCODER);
    char *text = NULL;
    NEED(ctx && spng_set_option(ctx, SPNG_ENCODE_TO_BUFFER, 1) == 0);
    struct spng_ihdr ihdr = {.width = (uint32_t)spec->width,
                             .height = (uint32_t)spec->height,
                             .bit_depth = (uint8_t)spec->bits,
                             .color_type = (uint8_t)spec->colour,
                             .interlace_method = spec->interlaced ? SPNG_INTERLACE_ADAM7 : SPNG_INTERLACE_NONE};
    NEED(spng_set_ihdr(ctx, &ihdr) == 0);
    png_extras(ctx, spec, &text);
    NEED(spng_encode_image(ctx, spec->pixels, spec->row * (size_t)spec->height, SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE) == 0);
    size_t size = 0;
    int error = 0;
    void *png = spng_get_png_buffer(ctx, &size, &error);
    NEED(png && !error);
    t_append(out, png, size);
    free(png);
    free(text);
    spng_ctx_free(ctx);
}

/* --- JPEG --- */

static void jpeg_setup(struct jpeg_compress_struct *lib, const struct t_jpeg *spec)
{
    lib->image_width = (unsigned)spec->width;
    lib->image_height = (unsigned)spec->height;
    lib->input_components = spec->channels;
    lib->in_color_space = spec->channels == 1 ? JCS_GRAYSCALE : spec->channels == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(lib);
    if (spec->channels == 4) {
        jpeg_set_colorspace(lib, spec->ycck ? JCS_YCCK : JCS_CMYK);
        lib->write_Adobe_marker = (boolean)spec->adobe_inverted;
    }
    jpeg_set_quality(lib, spec->quality ? spec->quality : 95, TRUE);
    if (spec->progressive)
        jpeg_simple_progression(lib);
    lib->arith_code = (boolean)spec->arithmetic;
    lib->restart_in_rows = spec->restart_rows;
    if (spec->x_density) {
        lib->density_unit = (UINT8)spec->density_unit;
        lib->X_density = (UINT16)spec->x_density;
        lib->Y_density = (UINT16)spec->y_density;
    } else {
        lib->write_JFIF_header = (boolean)(spec->exif == NULL && spec->channels < 4);
    }
}

void t_jpeg_make(const struct t_jpeg *spec, struct t_bytes *out)
{
    struct jpeg_compress_struct lib;
    struct jpeg_error_mgr errors;
    unsigned char *data = NULL;
    unsigned long size = 0;
    lib.err = jpeg_std_error(&errors); /* exits on error, which fails the test */
    jpeg_create_compress(&lib);
    jpeg_mem_dest(&lib, &data, &size);
    jpeg_setup(&lib, spec);
    jpeg_start_compress(&lib, TRUE);
    if (spec->exif)
        jpeg_write_marker(&lib, JPEG_APP0 + 1, spec->exif->data, (unsigned)spec->exif->size);
    size_t row = (size_t)spec->width * (size_t)spec->channels;
    uint8_t *line = malloc(row);
    NEED(line);
    while (lib.next_scanline < lib.image_height) {
        memcpy(line, spec->pixels + lib.next_scanline * row, row);
        JSAMPROW rows[1] = {line};
        (void)jpeg_write_scanlines(&lib, rows, 1);
    }
    jpeg_finish_compress(&lib);
    jpeg_destroy_compress(&lib);
    t_append(out, data, size);
    free(line);
    free(data);
}

/* --- WebP --- */

void t_webp_make(const uint8_t *pixels, int width, int height, int channels, bool lossless, struct t_bytes *out)
{
    uint8_t *made = NULL;
    size_t size;
    int stride = width * channels;
    if (lossless)
        size = channels == 4 ? WebPEncodeLosslessRGBA(pixels, width, height, stride, &made)
                             : WebPEncodeLosslessRGB(pixels, width, height, stride, &made);
    else
        size = channels == 4 ? WebPEncodeRGBA(pixels, width, height, stride, 90, &made)
                             : WebPEncodeRGB(pixels, width, height, stride, 90, &made);
    NEED(size > 0);
    t_append(out, made, size);
    WebPFree(made);
}

static void webp_chunk(struct t_bytes *out, const char *type, const void *data, size_t size)
{
    t_append(out, type, 4);
    t_append_le(out, size, 4);
    t_append(out, data, size);
    if (size % 2)
        t_append_le(out, 0, 1);
}

static void webp_header(struct t_bytes *out, int width, int height, uint8_t flags)
{
    t_append(out, "RIFF\0\0\0\0WEBP", 12);
    struct t_bytes vp8x = {0};
    t_append_le(&vp8x, flags, 4);
    t_append_le(&vp8x, (uint64_t)(width - 1), 3);
    t_append_le(&vp8x, (uint64_t)(height - 1), 3);
    webp_chunk(out, "VP8X", vp8x.data, vp8x.size);
    t_bytes_free(&vp8x);
}

void t_webp_with_exif(const struct t_bytes *still, int width, int height, const struct t_bytes *exif,
                      struct t_bytes *out)
{
    webp_header(out, width, height, 0x08);
    t_append(out, still->data + 12, still->size - 12);
    webp_chunk(out, "EXIF", exif->data, exif->size);
    t_write_le(out, 4, out->size - 8, 4);
}

static void webp_frame(struct t_bytes *out, const struct t_bytes *still, int width, int height)
{
    struct t_bytes frame = {0};
    t_append_le(&frame, 0, 6);
    t_append_le(&frame, (uint64_t)(width - 1), 3);
    t_append_le(&frame, (uint64_t)(height - 1), 3);
    t_append_le(&frame, 100, 3);
    t_append_le(&frame, 0, 1);
    t_append(&frame, still->data + 12, still->size - 12);
    webp_chunk(out, "ANMF", frame.data, frame.size);
    t_bytes_free(&frame);
}

void t_webp_animation(const struct t_bytes *first, const struct t_bytes *second, int width, int height,
                      struct t_bytes *out)
{
    webp_header(out, width, height, 0x02);
    webp_chunk(out, "ANIM", "\xff\xff\xff\xff\0\0", 6);
    webp_frame(out, first, width, height);
    webp_frame(out, second, width, height);
    t_write_le(out, 4, out->size - 8, 4);
}
