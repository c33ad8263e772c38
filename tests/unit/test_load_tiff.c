/* SPDX-License-Identifier: Apache-2.0 */
/* docparse/load_tiff.c with tiff_decode.c, tiff_pixels.c: every storage form gives the right pixels. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <tiffio.h>

#include "tests/support/load.h"

enum { W = 83, H = 61 }; /* odd, above one tile, not a multiple of 8 */

static struct t_tiff base_spec(int bits, int samples, int photometric, int compression)
{
    return (struct t_tiff){.width = W, .height = H, .bits = bits, .samples = samples, .photometric = photometric,
                           .compression = compression, .extra = -1, .rows_per_strip = 16};
}

/* Loads page 1 and compares every pixel with want (its channels), allowing `slack`. */
static void check_pixels(const struct t_bytes *file, const uint8_t *want, int channels, int slack, const char *what)
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
    assert_int_equal(sheet.kind, DP_SHEET_RASTER);
    dp_sheet_free(&sheet);
}

static void bilevel_of_every_compression(void **state)
{
    (void)state;
    static const struct {
        int compression, group3;
        const char *name;
    } cases[] = {
        {COMPRESSION_NONE, 0, "none"},         {COMPRESSION_PACKBITS, 0, "packbits"},
        {COMPRESSION_CCITTRLE, 0, "rle"},      {COMPRESSION_CCITTFAX3, 0, "g3 1d"},
        {COMPRESSION_CCITTFAX3, GROUP3OPT_2DENCODING, "g3 2d"},
        {COMPRESSION_CCITTFAX3, GROUP3OPT_FILLBITS, "g3 fill"},
        {COMPRESSION_CCITTFAX4, 0, "g4"},      {COMPRESSION_LZW, 0, "lzw"},
        {COMPRESSION_DEFLATE, 0, "deflate"},   {COMPRESSION_ADOBE_DEFLATE, 0, "adobe deflate"},
        {COMPRESSION_ZSTD, 0, "zstd"},         {COMPRESSION_LZMA, 0, "lzma"},
    };
    static const char *const modes[] = {"w", "wb", "w8"};
    uint8_t *want = t_pattern(W, H, 1, true);
    size_t row;
    uint8_t *packed = t_pack(want, W, H, 1, &row);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int inverted = 0; inverted < 2; inverted++)
            for (int fill = FILLORDER_MSB2LSB; fill <= FILLORDER_LSB2MSB; fill++) {
                struct t_tiff spec = base_spec(1, 1, PHOTOMETRIC_MINISBLACK, cases[i].compression);
                uint8_t *stored = malloc(row * H);
                assert_non_null(stored);
                for (size_t k = 0; k < row * H; k++)
                    stored[k] = inverted ? (uint8_t)~packed[k] : packed[k];
                spec.photometric = inverted ? PHOTOMETRIC_MINISWHITE : PHOTOMETRIC_MINISBLACK;
                spec.group3 = cases[i].group3;
                spec.fill_order = fill;
                spec.pixels = stored;
                spec.row = row;
                struct t_bytes file = {0};
                t_tiff_make(&spec, 1, modes[i % 3], &file);
                check_pixels(&file, want, 1, 0, cases[i].name);
                t_bytes_free(&file);
                free(stored);
            }
    free(packed);
    free(want);
}

static void grey_of_every_depth(void **state)
{
    (void)state;
    static const int depths[] = {1, 2, 4, 8, 12};
    uint8_t *pixels = t_pattern(W, H, 1, false);
    for (size_t i = 0; i < sizeof depths / sizeof depths[0]; i++)
        for (int tiled = 0; tiled < 2; tiled++) {
            int bits = depths[i], most = bits >= 8 ? 255 : (1 << bits) - 1;
            struct t_tiff spec = base_spec(bits, 1, PHOTOMETRIC_MINISBLACK, COMPRESSION_LZW);
            uint8_t want[W * H];
            for (int k = 0; k < W * H; k++)
                want[k] = (uint8_t)(bits >= 8 ? pixels[k] : (pixels[k] >> (8 - bits)) * 255 / most);
            uint8_t *packed = t_pack(pixels, W, H, bits, &spec.row);
            spec.pixels = packed;
            spec.tile = tiled ? 32 : 0;
            struct t_bytes file = {0};
            t_tiff_make(&spec, 1, "w", &file);
            check_pixels(&file, want, 1, bits == 12 ? 1 : 0, "grey");
            t_bytes_free(&file);
            free(packed);
        }
    free(pixels);
}

static void wide_samples(void **state)
{
    (void)state;
    uint8_t *want = t_pattern(W, H, 1, false);
    static uint16_t u16[W * H];
    static int16_t s16[W * H];
    static uint32_t u32[W * H];
    static float f32[W * H];
    static double f64[W * H];
    for (int i = 0; i < W * H; i++) {
        u16[i] = (uint16_t)(want[i] * 257);
        s16[i] = (int16_t)(want[i] * 257 - 32768);
        u32[i] = (uint32_t)want[i] * 0x01010101u;
        f32[i] = (float)want[i] / 255.0f;
        f64[i] = want[i] / 255.0;
    }
    f32[0] = (float)NAN; /* black; white above 1, black below 0 */
    f32[1] = 7;
    f32[2] = -7;
    static const struct {
        int bits, format, predictor;
    } cases[] = {{16, SAMPLEFORMAT_UINT, 1}, {16, SAMPLEFORMAT_UINT, 2}, {16, SAMPLEFORMAT_INT, 1},
                 {32, SAMPLEFORMAT_UINT, 1}, {32, SAMPLEFORMAT_IEEEFP, 1}, {32, SAMPLEFORMAT_IEEEFP, 3},
                 {64, SAMPLEFORMAT_IEEEFP, 1}};
    static const char *const names[] = {"u16", "u16 predicted", "s16", "u32", "f32", "f32 predicted", "f64"};
    const void *const data[] = {u16, u16, s16, u32, f32, f32, f64};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int big = 0; big < 2; big++) {
            if (big && cases[i].predictor == 3)
                continue; /* libtiff 4.5 itself does not read back what it writes */
            struct t_tiff spec = base_spec(cases[i].bits, 1, PHOTOMETRIC_MINISBLACK, COMPRESSION_ADOBE_DEFLATE);
            uint8_t expected[W * H];
            memcpy(expected, want, sizeof expected);
            if (data[i] == f32) {
                expected[0] = expected[2] = 0;
                expected[1] = 255;
            }
            spec.format = cases[i].format;
            spec.predictor = cases[i].predictor;
            spec.pixels = data[i];
            spec.row = (size_t)W * (size_t)cases[i].bits / 8;
            struct t_bytes file = {0};
            t_tiff_make(&spec, 1, big ? "wb" : "w", &file);
            check_pixels(&file, expected, 1, 0, names[i]);
            t_bytes_free(&file);
        }
    free(want);
}

static void rgb_in_every_arrangement(void **state)
{
    (void)state;
    uint8_t *want = t_pattern(W, H, 3, false);
    static uint8_t planes[3 * W * H];
    for (int i = 0; i < W * H; i++)
        for (int c = 0; c < 3; c++)
            planes[c * W * H + i] = want[i * 3 + c];
    static const int compressions[] = {COMPRESSION_NONE, COMPRESSION_PACKBITS, COMPRESSION_LZW, COMPRESSION_ADOBE_DEFLATE,
                                       COMPRESSION_ZSTD, COMPRESSION_LZMA, COMPRESSION_WEBP};
    for (size_t i = 0; i < sizeof compressions / sizeof compressions[0]; i++)
        for (int separate = 0; separate < 2; separate++)
            for (int tile = 0; tile <= 32; tile += 32)
                for (int predictor = 1; predictor <= 2; predictor++) {
                    bool predicts = compressions[i] != COMPRESSION_NONE && compressions[i] != COMPRESSION_PACKBITS &&
                                    compressions[i] != COMPRESSION_WEBP;
                    if ((predictor == 2 && !predicts) || (separate && compressions[i] == COMPRESSION_WEBP))
                        continue;
                    struct t_tiff spec = base_spec(8, 3, PHOTOMETRIC_RGB, compressions[i]);
                    spec.planar = separate ? PLANARCONFIG_SEPARATE : PLANARCONFIG_CONTIG;
                    spec.tile = tile;
                    spec.predictor = predicts ? predictor : 0;
                    spec.pixels = separate ? planes : want;
                    spec.row = separate ? W : 3 * W;
                    struct t_bytes file = {0};
                    t_tiff_make(&spec, 1, "w", &file);
                    check_pixels(&file, want, 3, 0, "rgb");
                    t_bytes_free(&file);
                }
    free(want);
}

static void jpeg_inside(void **state)
{
    (void)state;
    uint8_t *want = malloc(W * H * 3);
    assert_non_null(want);
    for (int i = 0; i < W * H; i++) /* smooth, so that the loss stays small */
        for (int c = 0; c < 3; c++)
            want[i * 3 + c] = (uint8_t)(40 + (i % W) + (i / W) + c * 20);
    for (int tile = 0; tile <= 32; tile += 32) {
        struct t_tiff spec = base_spec(8, 3, PHOTOMETRIC_YCBCR, COMPRESSION_JPEG);
        spec.pixels = want;
        spec.row = 3 * W;
        spec.tile = tile;
        struct t_bytes file = {0};
        t_tiff_make(&spec, 1, "w", &file);
        check_pixels(&file, want, 3, 12, "jpeg ycbcr");
        t_bytes_free(&file);
        spec.photometric = PHOTOMETRIC_RGB;
        t_tiff_make(&spec, 1, "w", &file);
        check_pixels(&file, want, 3, 12, "jpeg rgb");
        t_bytes_free(&file);
    }
    uint8_t grey[W * H];
    for (int i = 0; i < W * H; i++)
        grey[i] = want[i * 3];
    struct t_tiff spec = base_spec(8, 1, PHOTOMETRIC_MINISBLACK, COMPRESSION_JPEG);
    spec.pixels = grey;
    spec.row = W;
    struct t_bytes file = {0};
    t_tiff_make(&spec, 1, "w", &file);
    check_pixels(&file, grey, 1, 8, "jpeg grey");
    t_bytes_free(&file);
    free(want);
}

static void palettes(void **state)
{
    (void)state;
    static const int depths[] = {1, 4, 8};
    uint8_t *pixels = t_pattern(W, H, 1, false);
    for (size_t i = 0; i < 3; i++)
        for (int form = 0; form < 3; form++) { /* colour, grey, colour with 8-bit values */
            int bits = depths[i], n = 1 << bits;
            uint16_t palette[3 * 256];
            for (int k = 0; k < n; k++)
                for (int c = 0; c < 3; c++) {
                    int v = form == 1 ? 255 - k * 255 / (n - 1) : (k * 37 + c * 91) % 255 + (k == 0);
                    palette[c * n + k] = (uint16_t)(form == 2 ? v : v << 8 | v);
                }
            struct t_tiff spec = base_spec(bits, 1, PHOTOMETRIC_PALETTE, COMPRESSION_PACKBITS);
            uint8_t *packed = t_pack(pixels, W, H, bits, &spec.row);
            int channels = form == 1 ? 1 : 3;
            uint8_t want[W * H * 3];
            for (int k = 0; k < W * H; k++)
                for (int c = 0; c < channels; c++)
                    want[k * channels + c] = (uint8_t)(palette[c * n + (pixels[k] >> (8 - bits))] >> (form == 2 ? 0 : 8));
            spec.palette = palette;
            spec.pixels = packed;
            struct t_bytes file = {0};
            t_tiff_make(&spec, 1, "w", &file);
            check_pixels(&file, want, channels, 0, "palette");
            t_bytes_free(&file);
            free(packed);
        }
    free(pixels);
}

static void cmyk_becomes_light(void **state)
{
    (void)state;
    static uint8_t cmyk[W * H * 4], want[W * H * 3];
    for (int i = 0; i < W * H; i++) {
        for (int c = 0; c < 4; c++)
            cmyk[i * 4 + c] = (uint8_t)(i * (c + 3) % 256);
        for (int c = 0; c < 3; c++)
            want[i * 3 + c] = (uint8_t)lround((255 - cmyk[i * 4 + c]) * (255 - cmyk[i * 4 + 3]) / 255.0);
    }
    struct t_tiff spec = base_spec(8, 4, PHOTOMETRIC_SEPARATED, COMPRESSION_LZW);
    spec.pixels = cmyk;
    spec.row = W * 4;
    struct t_bytes file = {0};
    t_tiff_make(&spec, 1, "w", &file);
    check_pixels(&file, want, 3, 1, "cmyk");
    t_bytes_free(&file);
}

static void alpha_is_blended_on_white(void **state)
{
    (void)state;
    static const int kinds[] = {EXTRASAMPLE_UNASSALPHA, EXTRASAMPLE_ASSOCALPHA, EXTRASAMPLE_UNSPECIFIED};
    for (int samples = 2; samples <= 4; samples += 2)
        for (int k = 0; k < 3; k++)
            for (int separate = 0; separate < 2; separate++) {
                static uint8_t stored[W * H * 4], planes[W * H * 4], want[W * H * 3];
                int channels = samples - 1;
                for (int i = 0; i < W * H; i++) {
                    int alpha = i % 5 * 63;
                    for (int c = 0; c < channels; c++) {
                        int v = (i * 7 + c * 50) % 256, over = (v * alpha + 255 * (255 - alpha) + 127) / 255;
                        int premultiplied = v * alpha / 255;
                        stored[i * samples + c] = (uint8_t)(k == 1 ? premultiplied : v);
                        want[i * channels + c] = (uint8_t)(k == 2 ? v : k == 1 ? premultiplied + 255 - alpha : over);
                    }
                    stored[i * samples + channels] = (uint8_t)alpha;
                    for (int c = 0; c < samples; c++)
                        planes[c * W * H + i] = stored[i * samples + c];
                }
                struct t_tiff spec = base_spec(8, samples, channels == 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK,
                                               COMPRESSION_LZW);
                spec.extra = kinds[k];
                spec.planar = separate ? PLANARCONFIG_SEPARATE : PLANARCONFIG_CONTIG;
                spec.pixels = separate ? planes : stored;
                spec.row = (size_t)(separate ? W : W * samples);
                struct t_bytes file = {0};
                t_tiff_make(&spec, 1, "w", &file);
                check_pixels(&file, want, channels, 0, "alpha");
                t_bytes_free(&file);
            }
}

static void lab_gives_known_colours(void **state)
{
    (void)state;
    /* L*a*b* under D50 of sRGB white, black, mid grey, red, green, blue (ICC sRGB profile) */
    static const double lab[6][3] = {{100, 0, 0}, {0, 0, 0}, {53.585, 0, 0}, {54.29, 80.80, 69.89}, {87.82, -79.27, 80.99},
                                     {29.57, 68.29, -112.03}};
    static const uint8_t rgb[6][3] = {{255, 255, 255}, {0, 0, 0}, {128, 128, 128}, {255, 0, 0}, {0, 255, 0}, {0, 0, 255}};
    static uint8_t narrow[W * H * 3], want[W * H * 3];
    static uint16_t wide[W * H * 3];
    for (int i = 0; i < W * H; i++)
        for (int c = 0; c < 3; c++) {
            double v = lab[i % 6][c];
            narrow[i * 3 + c] = (uint8_t)(c == 0 ? lround(v * 2.55) : lround(v) & 255);
            wide[i * 3 + c] = (uint16_t)(c == 0 ? lround(v * 655.35) : lround(v * 256) & 65535);
            want[i * 3 + c] = rgb[i % 6][c];
        }
    for (int deep = 0; deep < 2; deep++) {
        struct t_tiff spec = base_spec(deep ? 16 : 8, 3, PHOTOMETRIC_CIELAB, COMPRESSION_LZW);
        spec.pixels = deep ? (const uint8_t *)wide : narrow;
        spec.row = (size_t)W * (deep ? 6 : 3);
        struct t_bytes file = {0};
        t_tiff_make(&spec, 1, "w", &file);
        check_pixels(&file, want, 3, deep ? 8 : 12, deep ? "lab 16" : "lab 8");
        t_bytes_free(&file);
    }
}

static void ycbcr_without_jpeg(void **state)
{
    (void)state;
    /* 2 x 2 clumps: four lumas, Cb, Cr (TIFF 6.0 §21); CCIR 601 */
    enum { CW = (W + 1) / 2, CH = (H + 1) / 2 };
    static uint8_t clumps[CW * CH * 6], want[W * H * 3];
    for (int cy = 0; cy < CH; cy++)
        for (int cx = 0; cx < CW; cx++) {
            uint8_t *p = clumps + (cy * CW + cx) * 6;
            int cb = 100 + cx % 50, cr = 110 + cy % 50;
            for (int k = 0; k < 4; k++) {
                int x = cx * 2 + k % 2, y = cy * 2 + k / 2, luma = 60 + (x + y) % 120;
                p[k] = (uint8_t)luma;
                if (x >= W || y >= H)
                    continue;
                uint8_t *to = want + (y * W + x) * 3;
                to[0] = (uint8_t)lround(fmin(255, fmax(0, luma + 1.402 * (cr - 128))));
                to[1] = (uint8_t)lround(fmin(255, fmax(0, luma - 0.344136 * (cb - 128) - 0.714136 * (cr - 128))));
                to[2] = (uint8_t)lround(fmin(255, fmax(0, luma + 1.772 * (cb - 128))));
            }
            p[4] = (uint8_t)cb;
            p[5] = (uint8_t)cr;
        }
    struct t_tiff spec = base_spec(8, 3, PHOTOMETRIC_YCBCR, COMPRESSION_NONE);
    spec.subsampling = 2;
    spec.rows_per_strip = 0;
    spec.pixels = clumps;
    spec.row = CW * 6; /* of two pixel rows; t_tiff_make writes height / 2 of them, rounded up by the last clump */
    spec.height = H + 1;
    struct t_bytes file = {0};
    t_tiff_make(&spec, 1, "w", &file);
    struct dp_sheet sheet;
    struct b_err err;
    assert_int_equal(t_load(&file, 1, NULL, &sheet, &err), B_OK);
    assert_int_equal(sheet.image.channels, 3);
    for (int i = 0; i < W * H * 3; i++)
        if (abs(sheet.image.pixels[i] - want[i]) > 2)
            fail_msg("sample %d is %d, not %d", i, sheet.image.pixels[i], want[i]);
    assert_int_equal(sheet.n_warnings, 0);
    dp_sheet_free(&sheet);
    t_bytes_free(&file);
}

/* TIFF 6.0 §22: a whole JPEG stream in the file, pointed at by JPEGInterchangeFormat. */
static void old_jpeg(void **state)
{
    (void)state;
    uint8_t *pixels = malloc(W * H * 3);
    assert_non_null(pixels);
    for (int i = 0; i < W * H * 3; i++)
        pixels[i] = (uint8_t)(60 + (i / 3 % W) + (i / 3 / W));
    struct t_bytes jpeg = {0}, file = {0};
    t_jpeg_make(&(struct t_jpeg){.width = W, .height = H, .channels = 3, .pixels = pixels}, &jpeg);
    uint32_t n = 9, at = 8 + 2 + (n + 2) * 12 + 4;
    const uint32_t entries[][4] = {{256, 4, 1, W},         {257, 4, 1, H}, {258, 3, 1, 8},
                                   {259, 3, 1, 6},         {262, 3, 1, 6}, {277, 3, 1, 3},
                                   {278, 4, 1, H},         {513, 4, 1, at}, {514, 4, 1, (uint32_t)jpeg.size}};
    t_tiff_directory_first(entries, (int)n, jpeg.data, jpeg.size, (uint32_t)jpeg.size, &file);
    struct dp_sheet sheet;
    struct b_err err;
    if (t_load(&file, 1, NULL, &sheet, &err) != B_OK)
        fail_msg("%s", err.message);
    assert_int_equal(sheet.image.width, W);
    for (int i = 0; i < W * H * 3; i++)
        if (abs(sheet.image.pixels[i] - pixels[i]) > 12)
            fail_msg("sample %d is %d, not %d", i, sheet.image.pixels[i], pixels[i]);
    dp_sheet_free(&sheet);
    t_bytes_free(&file);
    t_bytes_free(&jpeg);
    free(pixels);
}

static void orientation_and_resolution(void **state)
{
    (void)state;
    uint8_t *pixels = t_pattern(W, H, 1, false);
    static const struct {
        double x, y, dpi;
        int unit, width, height;
    } cases[] = {
        {300, 300, 300, RESUNIT_INCH, W, H},
        {118.11, 118.11, 300, RESUNIT_CENTIMETER, W, H},
        {204, 98, 204, RESUNIT_INCH, W, 127}, /* 61 * 204 / 98 = 126.98 */
        {300, 300, 0, RESUNIT_NONE, W, H},
        {1, 1, 0, RESUNIT_INCH, W, H},
        {1e9, 1e9, 0, RESUNIT_INCH, W, H},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int orientation = 1; orientation <= 8; orientation++) {
            struct t_tiff spec = base_spec(8, 1, PHOTOMETRIC_MINISBLACK, COMPRESSION_LZW);
            spec.pixels = pixels;
            spec.row = W;
            spec.orientation = orientation;
            spec.x_resolution = cases[i].x;
            spec.y_resolution = cases[i].y;
            spec.unit = cases[i].unit;
            struct t_bytes file = {0};
            t_tiff_make(&spec, 1, "w", &file);
            struct dp_sheet sheet;
            struct b_err err;
            assert_int_equal(t_load(&file, 1, NULL, &sheet, &err), B_OK);
            bool turned = orientation >= 5;
            assert_int_equal(turned ? sheet.image.height : sheet.image.width, cases[i].width);
            assert_int_equal(turned ? sheet.image.width : sheet.image.height, cases[i].height);
            assert_true(fabs(sheet.dpi - cases[i].dpi) < 0.01);
            static const int corner[9][2] = {{0, 0}, {0, 0}, {1, 0}, {1, 1}, {0, 1}, {0, 0}, {1, 0}, {1, 1}, {0, 1}};
            int x = corner[orientation][0] ? sheet.image.width - 1 : 0;
            int y = corner[orientation][1] ? sheet.image.height - 1 : 0;
            assert_int_equal(sheet.image.pixels[y * sheet.image.width + x], pixels[0]);
            dp_sheet_free(&sheet);
            t_bytes_free(&file);
        }
    free(pixels);
}

static void facts_of_the_file(void **state)
{
    (void)state;
    uint8_t *pixels = t_pattern(W, H, 1, false);
    struct t_tiff spec = base_spec(8, 1, PHOTOMETRIC_MINISBLACK, COMPRESSION_NONE);
    spec.pixels = pixels;
    spec.row = W;
    spec.orientation = 6;
    spec.software = "scan\x01 tool  ";
    spec.date = "2024:02:29 23:59:58";
    struct t_bytes file = {0};
    t_tiff_make(&spec, 1, "w", &file);
    struct dp_source source;
    struct dp_loader_options options = {.limits = dp_limits_default()};
    struct dp_loader *loader;
    assert_int_equal(dp_source_of_bytes(file.data, file.size, "a", &options.limits, &source, NULL), B_OK);
    assert_int_equal(dp_loader_open(&source, &options, &loader, NULL), B_OK);
    const struct dp_file_info *info = dp_loader_info(loader);
    assert_int_equal(info->media, DP_MEDIA_TIFF);
    assert_int_equal(info->page_count, 1);
    assert_string_equal(info->creator, "scan  tool");
    assert_string_equal(info->created, "2024-02-29T23:59:58");
    assert_null(info->title);
    double width, height;
    assert_int_equal(dp_loader_page_size(loader, 1, &width, &height, NULL), B_OK);
    assert_true(fabs(width - H) < 0.5 && fabs(height - W) < 0.5); /* turned */
    assert_int_equal(dp_loader_page_size(loader, 2, &width, &height, NULL), B_ARGUMENT);
    struct dp_sheet sheet;
    assert_int_equal(dp_loader_page(loader, 0, NULL, &sheet, NULL), B_ARGUMENT);
    struct b_cancel cancel;
    b_cancel_init(&cancel);
    b_cancel_request(&cancel);
    assert_int_equal(dp_loader_page(loader, 1, &cancel, &sheet, NULL), B_CANCELLED);
    dp_loader_close(loader);
    dp_source_close(&source);
    t_bytes_free(&file);
    free(pixels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bilevel_of_every_compression), cmocka_unit_test(grey_of_every_depth),
        cmocka_unit_test(wide_samples),                 cmocka_unit_test(rgb_in_every_arrangement),
        cmocka_unit_test(jpeg_inside),                  cmocka_unit_test(palettes),
        cmocka_unit_test(cmyk_becomes_light),           cmocka_unit_test(alpha_is_blended_on_white),
        cmocka_unit_test(lab_gives_known_colours),      cmocka_unit_test(ycbcr_without_jpeg),
        cmocka_unit_test(old_jpeg),                     cmocka_unit_test(orientation_and_resolution),
        cmocka_unit_test(facts_of_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
