/* SPDX-License-Identifier: Apache-2.0 */
/* Writes small image files of every kind that is read into the folder given: seeds for fuzz_load_images. */
#include <stdio.h>
#include <stdlib.h>

#include <spng.h>
#include <tiffio.h>

#include "tests/support/images.h"

enum { W = 45, H = 37 };

static void save(const char *folder, const char *name, struct t_bytes *bytes)
{
    char path[4096];
    const int n = snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = n > 0 && (size_t)n < sizeof path ? fopen(path, "wb") : NULL;
    if (!f || fwrite(bytes->data, 1, bytes->size, f) != bytes->size || fclose(f) != 0)
        fprintf(stderr, "cannot write %s/%s\n", folder, name);
    t_bytes_free(bytes);
}

/* One page of `spec` in the given packing, its pixels made here. */
static void save_tiff(const char *folder, const char *name, struct t_tiff spec, const char *mode)
{
    struct t_bytes file = {0};
    uint8_t *samples = t_pattern(W, H, spec.samples == 3 ? 3 : 1, spec.bits == 1);
    uint8_t *rows = t_pack(samples, W * spec.samples, H, spec.bits, &spec.row);
    spec.width = W;
    spec.height = H;
    spec.pixels = rows;
    spec.extra = -1;
    spec.rows_per_strip = 16;
    t_tiff_make(&spec, 1, mode, &file);
    save(folder, name, &file);
    free(samples);
    free(rows);
}

static void save_tiffs(const char *folder)
{
    static const struct {
        const char *name, *mode;
        struct t_tiff spec;
    } cases[] = {
        {"g4.tif", "w", {.bits = 1, .samples = 1, .compression = COMPRESSION_CCITTFAX4}},
        {"g3.tif",
         "wb",
         {.bits = 1,
          .samples = 1,
          .compression = COMPRESSION_CCITTFAX3,
          .group3 = GROUP3OPT_2DENCODING,
          .fill_order = 2}},
        {"packbits.tif", "w", {.bits = 1, .samples = 1, .compression = COMPRESSION_PACKBITS, .orientation = 6}},
        {"grey4.tif", "w", {.bits = 4, .samples = 1, .photometric = 1, .compression = COMPRESSION_NONE}},
        {"lzw.tif",
         "w8",
         {.bits = 8, .samples = 3, .photometric = 2, .compression = COMPRESSION_LZW, .predictor = 2, .software = "x"}},
        {"tiles.tif",
         "w",
         {.bits = 8, .samples = 3, .photometric = 2, .compression = COMPRESSION_ADOBE_DEFLATE, .tile = 16}},
        {"jpeg.tif",
         "w",
         {.bits = 8, .samples = 3, .photometric = 6, .compression = COMPRESSION_JPEG, .subsampling = 2}},
        {"zstd.tif",
         "w",
         {.bits = 8,
          .samples = 1,
          .photometric = 1,
          .compression = COMPRESSION_ZSTD,
          .unit = 2,
          .x_resolution = 300,
          .y_resolution = 200}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        save_tiff(folder, cases[i].name, cases[i].spec, cases[i].mode);
}

static void save_pngs(const char *folder, const uint8_t *rgb, const uint8_t *grey)
{
    static const uint8_t palette[6] = {255, 255, 255, 0, 0, 90}, alpha[2] = {0, 255};
    struct t_bytes file = {0};
    size_t row;
    uint8_t *bits = t_pack(grey, W, H, 1, &row);
    const struct t_png colour = {.width = W,
                                 .height = H,
                                 .bits = 8,
                                 .colour = SPNG_COLOR_TYPE_TRUECOLOR,
                                 .interlaced = true,
                                 .pixels = rgb,
                                 .row = W * 3,
                                 .ppu_x = 5906,
                                 .ppu_y = 5906,
                                 .unit = 1,
                                 .text_bytes = 40};
    t_png_make(&colour, &file);
    save(folder, "interlaced.png", &file);
    const struct t_png indexed = {.width = W,
                                  .height = H,
                                  .bits = 1,
                                  .colour = SPNG_COLOR_TYPE_INDEXED,
                                  .pixels = bits,
                                  .row = row,
                                  .palette = palette,
                                  .n_palette = 2,
                                  .alpha = alpha};
    t_png_make(&indexed, &file);
    save(folder, "indexed.png", &file);
    free(bits);
}

static void save_others(const char *folder, const uint8_t *rgb)
{
    struct t_bytes file = {0}, exif = {0}, still = {0};
    t_exif_make(6, 300, true, true, &exif);
    const struct t_jpeg jpeg = {
        .width = W, .height = H, .channels = 3, .pixels = rgb, .quality = 60, .progressive = true, .exif = &exif};
    t_jpeg_make(&jpeg, &file);
    save(folder, "progressive.jpg", &file);
    const struct t_jpeg grey = {.width = W,
                                .height = H,
                                .channels = 1,
                                .pixels = rgb,
                                .quality = 60,
                                .restart_rows = 1,
                                .density_unit = 1,
                                .x_density = 150,
                                .y_density = 150};
    t_jpeg_make(&grey, &file);
    save(folder, "restarts.jpg", &file);
    t_bytes_free(&exif);
    t_webp_make(rgb, W, H, 3, false, &still);
    t_exif_make(8, 200, false, false, &exif);
    t_webp_with_exif(&still, W, H, &exif, &file);
    save(folder, "exif.webp", &file);
    t_webp_animation(&still, &still, W, H, &file);
    save(folder, "animation.webp", &file);
    save(folder, "still.webp", &still);
    t_bytes_free(&exif);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    uint8_t *rgb = t_pattern(W, H, 3, false), *bilevel = t_pattern(W, H, 1, true);
    save_tiffs(argv[1]);
    save_pngs(argv[1], rgb, bilevel);
    save_others(argv[1], rgb);
    free(rgb);
    free(bilevel);
    return 0;
}
