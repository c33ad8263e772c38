/* SPDX-License-Identifier: Apache-2.0 */
/* docparse/raster.c and orient.c: box reduction, resampling, orientation, Exif, the rule for damage. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "docparse/loader_private.h"
#include "docparse/orient.h"
#include "docparse/raster.h"
#include "tests/support/load.h"

static void plans_the_smallest_factor(void **state)
{
    (void)state;
    struct dp_limits limits = dp_limits_default();
    int factor;
    struct b_err err;
    assert_int_equal(dp_raster_plan(5000, 7000, &limits, &factor, &err), B_OK);
    assert_int_equal(factor, 1);
    assert_int_equal(dp_raster_plan(10000, 10000, &limits, &factor, &err), B_OK); /* 100 M > 50 M */
    assert_int_equal(factor, 2);
    assert_int_equal(dp_raster_plan(20000, 20000, &limits, &factor, &err), B_OK); /* 400 M */
    assert_int_equal(factor, 3);
    assert_int_equal(dp_raster_plan(100000, 10, &limits, &factor, &err), B_OK); /* side 32000 */
    assert_int_equal(factor, 4);
    assert_int_equal(dp_raster_plan(20001, 20000, &limits, &factor, &err), B_LIMIT);
    assert_non_null(strstr(err.advice, "source_pixels"));
    assert_int_equal(dp_raster_plan((uint64_t)1 << 40, 1, &limits, &factor, &err), B_LIMIT);
    assert_int_equal(dp_raster_plan(0, 7, &limits, &factor, &err), B_FORMAT);
    limits.page_pixels = 1;
    assert_int_equal(dp_raster_plan(20000, 20000, &limits, &factor, &err), B_LIMIT);
}

static void reduces_by_exact_means(void **state)
{
    (void)state;
    enum { W = 7, H = 5, F = 3 };
    uint8_t in[H][W][3];
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            for (int c = 0; c < 3; c++)
                in[y][x][c] = (uint8_t)(y * 40 + x * 7 + c);
    struct dp_rows rows;
    struct b_image out;
    assert_int_equal(dp_rows_begin(&rows, W, H, 3, F, NULL), B_OK);
    assert_null(dp_rows_place(&rows));
    for (int y = 0; y < H; y++)
        dp_rows_put(&rows, &in[y][0][0]);
    dp_rows_put(&rows, &in[0][0][0]); /* beyond the height: ignored */
    dp_rows_take(&rows, &out);
    assert_int_equal(out.width, 3);
    assert_int_equal(out.height, 2);
    for (int oy = 0; oy < 2; oy++)
        for (int ox = 0; ox < 3; ox++)
            for (int c = 0; c < 3; c++) {
                int sum = 0, n = 0;
                for (int y = oy * F; y < H && y < oy * F + F; y++)
                    for (int x = ox * F; x < W && x < ox * F + F; x++, n++)
                        sum += in[y][x][c];
                assert_int_equal(out.pixels[(oy * 3 + ox) * 3 + c], (sum + n / 2) / n);
            }
    b_image_free(&out);
}

static void missing_rows_are_white(void **state)
{
    (void)state;
    const uint8_t black[4] = {0, 0, 0, 0};
    struct dp_rows rows;
    struct b_image out;
    assert_int_equal(dp_rows_begin(&rows, 4, 4, 1, 1, NULL), B_OK);
    dp_rows_put(&rows, black);
    dp_rows_take(&rows, &out);
    assert_int_equal(out.pixels[3], 0);
    for (int i = 4; i < 16; i++)
        assert_int_equal(out.pixels[i], 255);
    b_image_free(&out);
}

/* Independent definition of the eight orientations: where stored pixel (0-based row r, column c) is shown. */
static void shown_at(int orientation, int w, int h, int r, int c, int *x, int *y)
{
    int table[9][2] = {{0, 0}, {c, r}, {w - 1 - c, r}, {w - 1 - c, h - 1 - r}, {c, h - 1 - r},
                       {r, c}, {h - 1 - r, c}, {h - 1 - r, w - 1 - c}, {r, w - 1 - c}};
    *x = table[orientation][0];
    *y = table[orientation][1];
}

static void orients_all_eight_ways(void **state)
{
    (void)state;
    for (int channels = 1; channels <= 3; channels += 2)
        for (int orientation = 1; orientation <= 8; orientation++) {
            struct b_image image;
            assert_int_equal(b_image_new(5, 3, channels, 100, &image, NULL), B_OK);
            for (int i = 0; i < 15 * channels; i++)
                image.pixels[i] = (uint8_t)i;
            assert_int_equal(dp_orient(&image, orientation, NULL), B_OK);
            assert_int_equal(image.width, orientation >= 5 ? 3 : 5);
            for (int r = 0; r < 3; r++)
                for (int c = 0; c < 5; c++) {
                    int x, y;
                    shown_at(orientation, 5, 3, r, c, &x, &y);
                    for (int k = 0; k < channels; k++)
                        assert_int_equal(image.pixels[(y * image.width + x) * channels + k],
                                         (r * 5 + c) * channels + k);
                }
            b_image_free(&image);
        }
}

static void ignores_other_orientations(void **state)
{
    (void)state;
    struct b_image image;
    assert_int_equal(b_image_new(2, 1, 1, 100, &image, NULL), B_OK);
    image.pixels[0] = 7;
    assert_int_equal(dp_orient(&image, 0, NULL), B_OK);
    assert_int_equal(dp_orient(&image, 9, NULL), B_OK);
    assert_int_equal(dp_orient(&image, -1, NULL), B_OK);
    assert_int_equal(image.pixels[0], 7);
    b_image_free(&image);
}

static void parses_exif(void **state)
{
    (void)state;
    for (int big = 0; big < 2; big++)
        for (int prefixed = 0; prefixed < 2; prefixed++) {
            struct t_bytes block = {0};
            struct dp_exif exif;
            t_exif_make(6, 300, big, prefixed, &block);
            dp_exif_parse(block.data, block.size, &exif);
            assert_int_equal(exif.orientation, 6);
            assert_true(fabs(exif.x_dpi - 300) < 1e-9 && fabs(exif.y_dpi - 300) < 1e-9);
            for (size_t cut = 0; cut < block.size; cut++) { /* exact-size copies: the sanitizer sees every overrun */
                uint8_t *copy = malloc(cut + 1);
                assert_non_null(copy);
                uint8_t *at = copy + 1;
                memcpy(at, block.data, cut);
                dp_exif_parse(at, cut, &exif);
                assert_in_range(exif.orientation, 0, 8);
                free(copy);
            }
            t_bytes_free(&block);
        }
}

static void exif_offsets_may_be_anything(void **state)
{
    (void)state;
    uint8_t block[64];
    struct dp_exif exif;
    for (uint32_t offset = 0; offset < 80; offset++) {
        memset(block, 0xff, sizeof block);
        memcpy(block, "II*\0", 4);
        block[4] = (uint8_t)offset;
        block[5] = block[6] = block[7] = offset > 64 ? 0xff : 0;
        dp_exif_parse(block, sizeof block, &exif);
        assert_int_equal(exif.orientation, 0);
    }
}

static void resizes_flat_images_exactly(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {3, 50}, {100, 7}, {13, 200}, {1000, 1}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct b_image image;
        assert_int_equal(b_image_new(13, 50, 3, 10000, &image, NULL), B_OK);
        for (int p = 0; p < 13 * 50; p++) {
            image.pixels[p * 3] = 255;
            image.pixels[p * 3 + 1] = 0;
            image.pixels[p * 3 + 2] = 77;
        }
        assert_int_equal(dp_raster_resize(&image, sizes[i][0], sizes[i][1], NULL), B_OK);
        assert_int_equal(image.width, sizes[i][0]);
        assert_int_equal(image.height, sizes[i][1]);
        for (int p = 0; p < image.width * image.height; p++) {
            assert_int_equal(image.pixels[p * 3], 255);
            assert_int_equal(image.pixels[p * 3 + 1], 0);
            assert_int_equal(image.pixels[p * 3 + 2], 77);
        }
        b_image_free(&image);
    }
}

static void halving_is_the_mean_and_doubling_keeps_edges(void **state)
{
    (void)state;
    struct b_image image;
    assert_int_equal(b_image_new(4, 1, 1, 100, &image, NULL), B_OK);
    memcpy(image.pixels, (const uint8_t[]){0, 100, 200, 50}, 4);
    assert_int_equal(dp_raster_resize(&image, 2, 1, NULL), B_OK);
    assert_int_equal(image.pixels[0], 50);
    assert_int_equal(image.pixels[1], 125);
    assert_int_equal(dp_raster_resize(&image, 4, 1, NULL), B_OK);
    assert_int_equal(image.pixels[0], 50);
    assert_int_equal(image.pixels[1], 69); /* 50 + 75 / 4, rounded */
    assert_int_equal(image.pixels[3], 125);
    b_image_free(&image);
}

static struct dp_sheet finish_grid(double x, double y, bool aspect, double asked, struct b_err *err)
{
    struct dp_loader_options options = {.limits = dp_limits_default(), .dpi = asked};
    struct dp_sheet sheet;
    struct b_image image;
    struct dp_grid grid = {.x_dpi = x, .y_dpi = y, .aspect_only = aspect, .reduced = 1};
    assert_int_equal(dp_sheet_begin(&sheet, 1, &options.limits, err), B_OK);
    assert_int_equal(b_image_new(200, 100, 1, 100000, &image, err), B_OK);
    memset(image.pixels, 9, 20000);
    assert_int_equal(dp_raster_finish(&sheet, &image, &grid, &options, err), B_OK);
    return sheet;
}

static void resolution_becomes_square_or_unknown(void **state)
{
    (void)state;
    static const struct {
        double x, y;
        bool aspect;
        double asked;
        int width, height;
        double dpi;
        const char *warning;
    } cases[] = {
        {300, 300, false, 0, 200, 100, 300, NULL},
        {300, 0, false, 0, 200, 100, 300, NULL},
        {204, 98, false, 0, 200, 208, 204, "not square"}, /* fax, standard mode */
        {204, 196, false, 0, 200, 104, 204, "not square"},
        {98, 204, false, 0, 416, 100, 204, "not square"},
        {300, 301, false, 0, 200, 100, 301, NULL},
        {0, 0, false, 0, 200, 100, 0, NULL},
        {1, 1, false, 0, 200, 100, 0, "implausible"},
        {29, 29, false, 0, 200, 100, 0, "implausible"},
        {2401, 2401, false, 0, 200, 100, 0, "implausible"},
        {1e30, 1e30, false, 0, 200, 100, 0, "implausible"},
        {2000, 300, false, 0, 200, 100, 0, "implausible"}, /* ratio above 4 */
        {2, 1, true, 0, 200, 200, 0, "not square"},
        {1, 1, true, 0, 200, 100, 0, NULL},
        {(double)NAN, (double)NAN, false, 0, 200, 100, 0, NULL},
        {(double)INFINITY, 300, false, 0, 200, 100, 300, NULL},
        {300, 300, false, 150, 100, 50, 150, NULL},
        {100, 100, false, 200, 400, 200, 200, NULL},
        {0, 0, false, 150, 200, 100, 0, NULL},
        {30, 30, false, 2400 * 100, 200, 100, 30, "pixel limit"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct b_err err;
        struct dp_sheet sheet = finish_grid(cases[i].x, cases[i].y, cases[i].aspect, cases[i].asked, &err);
        if (sheet.image.width != cases[i].width || sheet.image.height != cases[i].height ||
            fabs(sheet.dpi - cases[i].dpi) > 1e-9)
            fail_msg("case %zu: %d x %d at %g", i, sheet.image.width, sheet.image.height, sheet.dpi);
        if (cases[i].warning)
            assert_non_null(t_warning(&sheet, cases[i].warning));
        else
            assert_int_equal(sheet.n_warnings, 0);
        assert_true(fabs(sheet.width_pt - (cases[i].dpi > 0 ? sheet.image.width * 72 / cases[i].dpi : 0)) < 1e-9);
        assert_int_equal(sheet.kind, DP_SHEET_RASTER);
        dp_sheet_free(&sheet);
    }
}

static void damage_is_kept_from_five_percent(void **state)
{
    (void)state;
    struct dp_limits limits = dp_limits_default();
    struct dp_sheet sheet;
    struct b_err err;
    assert_int_equal(dp_sheet_begin(&sheet, 1, &limits, &err), B_OK);
    assert_int_equal(dp_raster_salvage(&sheet, 4, 100, 4, "cut", &err), B_FORMAT);
    assert_int_equal(dp_raster_salvage(&sheet, 0, 3, 0, "", &err), B_FORMAT);
    assert_int_equal(sheet.n_warnings, 0);
    assert_int_equal(dp_raster_salvage(&sheet, 5, 100, 5, "cut", &err), B_OK);
    assert_string_equal(sheet.warnings[0], "damaged: 95 of 100 rows are missing, from row 6 on (cut)");
    dp_sheet_free(&sheet);
}

static void warnings_are_clean_bounded_and_unique(void **state)
{
    (void)state;
    struct dp_limits limits = dp_limits_default();
    struct dp_sheet sheet;
    assert_int_equal(dp_sheet_begin(&sheet, 1, &limits, NULL), B_OK);
    dp_sheet_warn(&sheet, "bad \x1b[31m \xff name");
    dp_sheet_warn(&sheet, "bad \x1b[31m \xff name");
    assert_int_equal(sheet.n_warnings, 1);
    assert_string_equal(sheet.warnings[0], "bad ?[31m ? name");
    for (int i = 0; i < 1000; i++)
        dp_sheet_warn(&sheet, "warning %d", i);
    assert_in_range(sheet.n_warnings, 10, 100);
    dp_sheet_free(&sheet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_the_smallest_factor),
        cmocka_unit_test(reduces_by_exact_means),
        cmocka_unit_test(missing_rows_are_white),
        cmocka_unit_test(orients_all_eight_ways),
        cmocka_unit_test(ignores_other_orientations),
        cmocka_unit_test(parses_exif),
        cmocka_unit_test(exif_offsets_may_be_anything),
        cmocka_unit_test(resizes_flat_images_exactly),
        cmocka_unit_test(halving_is_the_mean_and_doubling_keeps_edges),
        cmocka_unit_test(resolution_becomes_square_or_unknown),
        cmocka_unit_test(damage_is_kept_from_five_percent),
        cmocka_unit_test(warnings_are_clean_bounded_and_unique),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
