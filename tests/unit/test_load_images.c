/* SPDX-License-Identifier: Apache-2.0 */
/* PNG, JPEG and WebP loaders: every storage form gives the right pixels, size, resolution and orientation. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <spng.h>

#include "tests/support/load.h"

enum { W = 83, H = 61 };

static void check(const struct t_bytes *file, const uint8_t *want, int channels, int slack, const char *what)
{
    struct dp_sheet sheet;
    struct b_err err;
    if (t_load(file, 1, NULL, &sheet, &err) != B_OK)
        fail_msg("%s: %s", what, err.message);
    if (sheet.image.width != W || sheet.image.height != H || sheet.image.channels != channels)
        fail_msg("%s: %d x %d x %d", what, sheet.image.width, sheet.image.height, sheet.image.channels);
    for (int i = 0; i < W * H * channels; i++)
        if (abs(sheet.image.pixels[i] - want[i]) > slack)
            fail_msg("%s: sample %d is %d, not %d", what, i, sheet.image.pixels[i], want[i]);
    if (sheet.n_warnings)
        fail_msg("%s: %s", what, sheet.warnings[0]);
    dp_sheet_free(&sheet);
}

static uint8_t on_white(int c, int a)
{
    return (uint8_t)((c * a + 255 * (255 - a) + 127) / 255);
}

static void png_of_every_colour_type(void **state)
{
    (void)state;
    for (int interlaced = 0; interlaced < 2; interlaced++)
        for (int samples = 1; samples <= 4; samples++)
            for (int wide = 0; wide < 2; wide++) {
                static uint8_t narrow[W * H * 4], want[W * H * 3];
                static uint16_t deep[W * H * 4];
                int channels = samples <= 2 ? 1 : 3;
                bool alpha = samples % 2 == 0;
                for (int i = 0; i < W * H; i++) {
                    int a = i % 6 * 51;
                    for (int c = 0; c < samples; c++) {
                        narrow[i * samples + c] = (uint8_t)(alpha && c == channels ? a : (i * 7 + c * 50) % 256);
                        deep[i * samples + c] = (uint16_t)(narrow[i * samples + c] * 257);
                    }
                    for (int c = 0; c < channels; c++)
                        want[i * channels + c] = on_white(narrow[i * samples + c], alpha ? a : 255);
                }
                static const int types[] = {0, 0, 4, 2, 6};
                struct t_png spec = {.width = W, .height = H, .bits = wide ? 16 : 8, .colour = types[samples],
                                     .interlaced = interlaced, .pixels = wide ? (const uint8_t *)deep : narrow,
                                     .row = (size_t)W * (size_t)samples * (wide ? 2 : 1)};
                struct t_bytes file = {0};
                t_png_make(&spec, &file);
                check(&file, want, channels, 0, interlaced ? "interlaced png" : "png");
                t_bytes_free(&file);
            }
}

static void png_of_every_depth(void **state)
{
    (void)state;
    static const int depths[] = {1, 2, 4, 8};
    uint8_t *pixels = t_pattern(W, H, 1, false);
    for (size_t i = 0; i < 4; i++)
        for (int form = 0; form < 5; form++) { /* grey, transparent grey, colour, grey and translucent palettes */
            int bits = depths[i], n = 1 << bits, channels = form == 2 || form == 4 ? 3 : 1;
            uint8_t palette[256 * 3], alpha[256], want[W * H * 3];
            for (int k = 0; k < n; k++) {
                alpha[k] = (uint8_t)(255 - k * 255 / n);
                for (int c = 0; c < 3; c++)
                    palette[k * 3 + c] = (uint8_t)(form == 3 ? k * 200 / n : k * 37 + c * 91 + 1);
            }
            struct t_png spec = {.width = W, .height = H, .bits = bits, .colour = form >= 2 ? 3 : 0,
                                 .interlaced = i % 2 == 1, .transparent_grey = form == 1 ? 1 : 0};
            if (form >= 2) {
                spec.palette = palette;
                spec.n_palette = n;
                spec.alpha = form == 4 ? alpha : NULL;
            }
            uint8_t *packed = t_pack(pixels, W, H, bits, &spec.row);
            spec.pixels = packed;
            for (int k = 0; k < W * H; k++) {
                int v = pixels[k] >> (8 - bits);
                for (int c = 0; c < channels; c++)
                    want[k * channels + c] =
                        form >= 2 ? on_white(palette[v * 3 + c], form == 4 ? alpha[v] : 255)
                                  : on_white(v * 255 / (n - 1), form == 1 && v == 0 ? 0 : 255);
            }
            struct t_bytes file = {0};
            t_png_make(&spec, &file);
            check(&file, want, channels, 0, "png depth");
            t_bytes_free(&file);
            free(packed);
        }
    free(pixels);
}

static void expect_grid(const struct t_bytes *file, int width, int height, double dpi, int corner_x, int corner_y,
                        int corner, int slack)
{
    struct dp_sheet sheet;
    struct b_err err;
    if (t_load(file, 1, NULL, &sheet, &err) != B_OK)
        fail_msg("%s", err.message);
    assert_int_equal(sheet.image.width, width);
    assert_int_equal(sheet.image.height, height);
    assert_true(fabs(sheet.dpi - dpi) < 0.02);
    int x = corner_x ? width - 1 : 0, y = corner_y ? height - 1 : 0;
    int got = sheet.image.pixels[(y * width + x) * sheet.image.channels];
    if (abs(got - corner) > slack)
        fail_msg("corner is %d, not %d", got, corner);
    dp_sheet_free(&sheet);
}

/* Where the first stored pixel is shown: right, bottom. */
static const int corners[9][2] = {{0, 0}, {0, 0}, {1, 0}, {1, 1}, {0, 1}, {0, 0}, {1, 0}, {1, 1}, {0, 1}};

static void png_resolution_and_orientation(void **state)
{
    (void)state;
    uint8_t *pixels = t_pattern(W, H, 1, false);
    for (int orientation = 0; orientation <= 8; orientation++) {
        struct t_bytes exif = {0}, file = {0};
        t_exif_make(orientation, 0, orientation % 2, false, &exif);
        struct t_png spec = {.width = W, .height = H, .bits = 8, .pixels = pixels, .row = W, .exif = &exif,
                             .ppu_x = 11811, .ppu_y = 11811, .unit = 1};
        t_png_make(&spec, &file);
        expect_grid(&file, orientation >= 5 ? H : W, orientation >= 5 ? W : H, 300, corners[orientation][0],
                    corners[orientation][1], pixels[0], 0);
        t_bytes_free(&file);
        t_bytes_free(&exif);
    }
    struct t_bytes file = {0};
    struct t_png spec = {.width = W, .height = H, .bits = 8, .pixels = pixels, .row = W, .ppu_x = 2, .ppu_y = 1};
    t_png_make(&spec, &file);
    expect_grid(&file, W, 2 * H, 0, 0, 0, pixels[0], 0); /* an aspect ratio alone */
    t_bytes_free(&file);
    free(pixels);
}

static uint8_t *smooth(int channels)
{
    uint8_t *pixels = malloc((size_t)W * H * (size_t)channels);
    assert_non_null(pixels);
    for (int i = 0; i < W * H; i++)
        for (int c = 0; c < channels; c++)
            pixels[i * channels + c] = (uint8_t)(30 + i % W + i / W + c * 20);
    return pixels;
}

static void jpeg_of_every_kind(void **state)
{
    (void)state;
    for (int channels = 1; channels <= 3; channels += 2) {
        uint8_t *pixels = smooth(channels);
        for (int form = 0; form < 4; form++) {
            struct t_jpeg spec = {.width = W, .height = H, .channels = channels, .pixels = pixels,
                                  .progressive = form == 1, .arithmetic = form == 2, .restart_rows = form == 3};
            struct t_bytes file = {0};
            t_jpeg_make(&spec, &file);
            check(&file, pixels, channels, 10, "jpeg");
            t_bytes_free(&file);
        }
        free(pixels);
    }
}

static void jpeg_inks(void **state)
{
    (void)state;
    uint8_t *cmyk = smooth(4);
    static uint8_t want[W * H * 3];
    for (int form = 0; form < 3; form++) { /* Adobe CMYK, Adobe YCCK, plain CMYK */
        bool adobe = form < 2;
        for (int i = 0; i < W * H; i++)
            for (int c = 0; c < 3; c++) {
                int light = adobe ? cmyk[i * 4 + c] : 255 - cmyk[i * 4 + c];
                int key = adobe ? cmyk[i * 4 + 3] : 255 - cmyk[i * 4 + 3];
                want[i * 3 + c] = (uint8_t)((light * key + 127) / 255);
            }
        struct t_jpeg spec = {.width = W, .height = H, .channels = 4, .pixels = cmyk, .ycck = form == 1,
                              .adobe_inverted = adobe};
        struct t_bytes file = {0};
        t_jpeg_make(&spec, &file);
        check(&file, want, 3, 10, "cmyk jpeg");
        t_bytes_free(&file);
    }
    free(cmyk);
}

static void jpeg_resolution_and_orientation(void **state)
{
    (void)state;
    uint8_t *pixels = smooth(3);
    for (int orientation = 0; orientation <= 8; orientation++) {
        struct t_bytes exif = {0}, file = {0};
        t_exif_make(orientation, 240, orientation % 2, true, &exif);
        struct t_jpeg spec = {.width = W, .height = H, .channels = 3, .pixels = pixels, .exif = &exif};
        t_jpeg_make(&spec, &file);
        expect_grid(&file, orientation >= 5 ? H : W, orientation >= 5 ? W : H, 240, corners[orientation][0],
                    corners[orientation][1], pixels[0], 10);
        t_bytes_free(&file);
        t_bytes_free(&exif);
    }
    static const struct {
        int unit, x, y, height;
        double dpi;
    } cases[] = {{1, 300, 300, H, 300}, {2, 118, 118, H, 299.72}, {0, 1, 1, H, 0}, {0, 2, 1, 2 * H, 0}, {1, 7, 7, H, 0},
                 {1, 200, 100, 2 * H, 200}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct t_jpeg spec = {.width = W, .height = H, .channels = 3, .pixels = pixels, .density_unit = cases[i].unit,
                              .x_density = cases[i].x, .y_density = cases[i].y};
        struct t_bytes file = {0};
        t_jpeg_make(&spec, &file);
        expect_grid(&file, W, cases[i].height, cases[i].dpi, 0, 0, pixels[0], 10);
        t_bytes_free(&file);
    }
    free(pixels);
}

static void webp_of_every_kind(void **state)
{
    (void)state;
    uint8_t *rgb = t_pattern(W, H, 3, false), *even = smooth(3);
    static uint8_t rgba[W * H * 4], want[W * H * 3];
    for (int i = 0; i < W * H; i++) {
        for (int c = 0; c < 3; c++)
            rgba[i * 4 + c] = rgb[i * 3 + c];
        rgba[i * 4 + 3] = (uint8_t)(i % 5 * 51 + 51);
        for (int c = 0; c < 3; c++)
            want[i * 3 + c] = on_white(rgb[i * 3 + c], rgba[i * 4 + 3]);
    }
    struct t_bytes file = {0};
    t_webp_make(rgb, W, H, 3, true, &file);
    check(&file, rgb, 3, 0, "lossless webp");
    t_bytes_free(&file);
    t_webp_make(rgba, W, H, 4, true, &file);
    check(&file, want, 3, 0, "lossless webp with alpha");
    t_bytes_free(&file);
    t_webp_make(even, W, H, 3, false, &file);
    check(&file, even, 3, 16, "lossy webp");
    t_bytes_free(&file);
    free(rgb);
    free(even);
}

static void webp_exif_and_animation(void **state)
{
    (void)state;
    uint8_t *rgb = t_pattern(W, H, 3, false), *other = smooth(3);
    struct t_bytes first = {0}, second = {0}, exif = {0}, file = {0};
    t_webp_make(rgb, W, H, 3, true, &first);
    t_webp_make(other, W, H, 3, true, &second);
    t_exif_make(8, 150, true, false, &exif);
    t_webp_with_exif(&first, W, H, &exif, &file);
    expect_grid(&file, H, W, 150, corners[8][0], corners[8][1], rgb[0], 0);
    t_bytes_free(&file);
    t_webp_animation(&first, &second, W, H, &file);
    struct dp_sheet sheet;
    struct b_err err;
    assert_int_equal(t_load(&file, 1, NULL, &sheet, &err), B_OK);
    assert_memory_equal(sheet.image.pixels, rgb, W * H * 3);
    assert_non_null(t_warning(&sheet, "animation of 2 frames"));
    dp_sheet_free(&sheet);
    t_bytes_free(&file);
    t_bytes_free(&exif);
    t_bytes_free(&first);
    t_bytes_free(&second);
    free(rgb);
    free(other);
}

/* A file above the pixel limit is reduced and says so; the mean brightness stays. */
static void expect_reduced(const struct t_bytes *file, double mean, const char *what)
{
    struct dp_limits limits = dp_limits_default();
    struct dp_sheet sheet;
    struct b_err err;
    limits.page_pixels = W * H / 9; /* 562: a factor of 4 fits (21 * 16), 3 does not (28 * 21) */
    if (t_load(file, 1, &limits, &sheet, &err) != B_OK)
        fail_msg("%s: %s", what, err.message);
    assert_int_equal(sheet.image.width, 21);
    assert_int_equal(sheet.image.height, 16);
    assert_non_null(t_warning(&sheet, "reduced to 1/4"));
    assert_true(fabs(sheet.dpi - 75) < 0.02);
    double sum = 0;
    for (int i = 0; i < 21 * 16 * sheet.image.channels; i++)
        sum += sheet.image.pixels[i];
    if (fabs(sum / (21 * 16 * sheet.image.channels) - mean) > 3)
        fail_msg("%s: mean %g, not %g", what, sum / (21 * 16 * sheet.image.channels), mean);
    dp_sheet_free(&sheet);
    limits.source_pixels = W * H - 1;
    assert_int_equal(t_load(file, 1, &limits, &sheet, &err), B_LIMIT);
    assert_string_not_equal(err.advice, "");
}

static void large_images_are_reduced(void **state)
{
    (void)state;
    uint8_t *pixels = smooth(3);
    double mean = 0;
    for (int i = 0; i < W * H * 3; i++)
        mean += pixels[i] / (double)(W * H * 3);
    struct t_bytes file = {0}, still = {0}, exif = {0};
    struct t_png png = {.width = W, .height = H, .bits = 8, .colour = 2, .pixels = pixels, .row = 3 * W,
                        .ppu_x = 11811, .ppu_y = 11811, .unit = 1};
    t_png_make(&png, &file);
    expect_reduced(&file, mean, "png");
    t_bytes_free(&file);
    struct t_jpeg jpeg = {.width = W, .height = H, .channels = 3, .pixels = pixels, .density_unit = 1,
                          .x_density = 300, .y_density = 300};
    t_jpeg_make(&jpeg, &file);
    expect_reduced(&file, mean, "jpeg");
    t_bytes_free(&file);
    t_exif_make(0, 300, false, false, &exif);
    t_webp_make(pixels, W, H, 3, false, &still);
    t_webp_with_exif(&still, W, H, &exif, &file);
    expect_reduced(&file, mean, "webp");
    t_bytes_free(&file);
    struct t_tiff tiff = {.width = W, .height = H, .bits = 8, .samples = 3, .photometric = 2, .compression = 5,
                          .extra = -1, .pixels = pixels, .row = 3 * W, .x_resolution = 300, .y_resolution = 300};
    t_tiff_make(&tiff, 1, "w", &file);
    expect_reduced(&file, mean, "tiff");
    t_bytes_free(&file);
    tiff.tile = 16;
    t_tiff_make(&tiff, 1, "w", &file);
    expect_reduced(&file, mean, "tiled tiff");
    t_bytes_free(&file);
    struct dp_limits limits = dp_limits_default();
    struct dp_sheet sheet;
    struct b_err err;
    limits.page_pixels = W * H / 9;
    png.interlaced = true;
    t_png_make(&png, &file);
    assert_int_equal(t_load(&file, 1, &limits, &sheet, &err), B_LIMIT);
    assert_non_null(strstr(err.message, "interlaced"));
    t_bytes_free(&file);
    t_bytes_free(&still);
    t_bytes_free(&exif);
    free(pixels);
}

static void asked_resolution_is_given(void **state)
{
    (void)state;
    uint8_t *pixels = smooth(3);
    struct t_bytes file = {0};
    struct t_jpeg jpeg = {.width = W, .height = H, .channels = 3, .pixels = pixels, .density_unit = 1,
                          .x_density = 300, .y_density = 300};
    t_jpeg_make(&jpeg, &file);
    struct dp_loader_options options = {.limits = dp_limits_default(), .dpi = 150};
    struct dp_sheet sheet;
    struct b_err err;
    assert_int_equal(t_load_options(&file, 1, &options, &sheet, &err), B_OK);
    assert_int_equal(sheet.image.width, 42); /* 41.5 */
    assert_true(fabs(sheet.dpi - 150) < 1e-9);
    dp_sheet_free(&sheet);
    t_bytes_free(&file);
    free(pixels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(png_of_every_colour_type), cmocka_unit_test(png_of_every_depth),
        cmocka_unit_test(png_resolution_and_orientation), cmocka_unit_test(jpeg_of_every_kind),
        cmocka_unit_test(jpeg_inks), cmocka_unit_test(jpeg_resolution_and_orientation),
        cmocka_unit_test(webp_of_every_kind), cmocka_unit_test(webp_exif_and_animation),
        cmocka_unit_test(large_images_are_reduced), cmocka_unit_test(asked_resolution_is_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
