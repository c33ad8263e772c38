/* SPDX-License-Identifier: Apache-2.0 */
/* The detector's input: sizes, values and their order, resampling both ways. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/compact/det_input.h"

static void sizes_follow_the_reference(void **state)
{
    (void)state;
    /* page width, height, scale, bound -> width, height, padded width, padded height */
    static const struct {
        int w, h;
        double scale;
        int most;
        int want[4];
    } cases[] = {
        {900, 1180, 1.0, 1984, {896, 1184, 896, 1184}},    /* stretched by a few pixels */
        {860, 1000, 1.0, 1984, {864, 992, 864, 992}},      /* 1000 / 32 = 31.25 */
        {1654, 2339, 1.0, 1984, {1408, 1984, 1408, 1984}}, /* bounded by the long side */
        {1000, 10, 1.0, 1984, {992, 10, 992, 32}},         /* a thin side is padded, not stretched */
        {30000, 10, 1.0, 1984, {1984, 1, 1984, 32}},       {1, 1, 1.0, 1984, {1, 1, 32, 32}},
        {1, 1, 736.0, 1984, {736, 736, 736, 736}},         {100, 50, 1000.0, 64, {64, 32, 64, 32}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct eng_det_size s = eng_det_size_of(cases[i].w, cases[i].h, cases[i].scale, cases[i].most);
        const int got[4] = {s.width, s.height, s.padded_width, s.padded_height};
        for (int k = 0; k < 4; k++)
            assert_int_equal(got[k], cases[i].want[k]);
    }
}

static void pages_are_enlarged_or_shrunk(void **state)
{
    (void)state;
    /* page width, height -> the tensor's */
    static const int cases[][4] = {
        {1654, 2339, 1408, 1984},                         /* A4 at 200 dpi, */
        {2480, 3508, 1408, 1984},                         /* at 300, */
        {595, 842, 736, 1056},                            /* at 72 */
        {3508, 2480, 1984, 1408},                         /* lying */
        {4000, 4000, 1984, 1984}, {600, 8000, 448, 6080}, /* a receipt has the pixels of a sheet */
        {8000, 48, 8000, 64},                             /* a line */
        {1, 100000, 32, 8192},    {100000, 100000, 1984, 1984},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct eng_det_scale how = eng_det_scale_for(cases[i][0], cases[i][1]);
        const struct eng_det_size s = eng_det_size_of(cases[i][0], cases[i][1], how.scale, how.max_side);
        assert_int_equal(s.padded_width, cases[i][2]);
        assert_int_equal(s.padded_height, cases[i][3]);
    }
}

static float *filled(struct b_image_view page, struct eng_det_size size)
{
    const size_t n = (size_t)size.padded_width * (size_t)size.padded_height * 3;
    float *tensor = malloc(n * sizeof *tensor);
    assert_non_null(tensor);
    for (size_t i = 0; i < n; i++)
        tensor[i] = NAN;
    assert_int_equal(eng_det_fill(page, &size, tensor, NULL), B_OK);
    for (size_t i = 0; i < n; i++)
        assert_true(tensor[i] >= -1.0001f && tensor[i] <= 1.0001f); /* all written */
    return tensor;
}

/* At scale 1 pixels pass unchanged, as B, G, R planes; the padding repeats the edge. */
static void pixels_pass_at_scale_one(void **state)
{
    (void)state;
    uint8_t pixels[5 * 4 * 3];
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * 4);
    const struct b_image_view page = {.pixels = pixels, .width = 5, .height = 4, .stride = 15, .channels = 3};
    const struct eng_det_size size = eng_det_size_of(5, 4, 1.0, 1984);
    float *tensor = filled(page, size);
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < 32; y++)
            for (int x = 0; x < 32; x++) {
                const int px = x < 5 ? x : 4, py = y < 4 ? y : 3;
                const float want = (float)pixels[(py * 5 + px) * 3 + (2 - c)] / 127.5f - 1.0f;
                assert_true(fabsf(tensor[(c * 32 + y) * 32 + x] - want) < 1e-5f);
            }
    free(tensor);
}

static void grey_fills_all_planes(void **state)
{
    (void)state;
    uint8_t pixels[64 * 48];
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * 7);
    const struct b_image_view page = {.pixels = pixels, .width = 64, .height = 48, .stride = 64, .channels = 1};
    const struct eng_det_size size = eng_det_size_of(64, 48, 1.5, 1984);
    float *tensor = filled(page, size);
    const size_t plane = (size_t)size.padded_width * (size_t)size.padded_height;
    for (size_t i = 0; i < plane; i++)
        assert_true(tensor[i] == tensor[plane + i] && tensor[i] == tensor[2 * plane + i]);
    free(tensor);
}

/* A page of even brightness stays even, whatever the scale, and shrinking keeps the mean of fine stripes:
 * no pixel is skipped. */
static void shrinking_averages(void **state)
{
    (void)state;
    enum { W = 700, H = 640 };
    uint8_t *pixels = malloc(W * H);
    assert_non_null(pixels);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            pixels[y * W + x] = x % 2 ? 255 : 0;
    const struct b_image_view page = {.pixels = pixels, .width = W, .height = H, .stride = W, .channels = 1};
    static const double scales[] = {0.5, 0.31, 0.1};
    for (size_t i = 0; i < 3; i++) {
        const struct eng_det_size size = eng_det_size_of(W, H, scales[i], 1984);
        float *tensor = filled(page, size);
        for (int y = 2; y < size.height - 2; y++)
            for (int x = 2; x < size.width - 2; x++)
                assert_true(fabsf(tensor[y * size.padded_width + x]) < 0.13f);
        free(tensor);
    }
    memset(pixels, 77, W * H);
    for (int i = 0; i < 3; i++) {
        const struct eng_det_size size = eng_det_size_of(W, H, i ? scales[i] : 1.7, 1984);
        float *tensor = filled(page, size);
        const size_t n = (size_t)size.padded_width * (size_t)size.padded_height * 3;
        for (size_t k = 0; k < n; k++)
            assert_true(fabsf(tensor[k] - (77.0f / 127.5f - 1.0f)) < 1e-4f);
        free(tensor);
    }
    free(pixels);
}

/* Enlarging keeps places: a ramp stays the ramp of pixel centres at +0.5. */
static void enlarging_keeps_places(void **state)
{
    (void)state;
    enum { W = 40 };
    uint8_t pixels[W * 2];
    for (int x = 0; x < W; x++)
        pixels[x] = pixels[W + x] = (uint8_t)(6 * x);
    const struct b_image_view page = {.pixels = pixels, .width = W, .height = 2, .stride = W, .channels = 1};
    const struct eng_det_size size = eng_det_size_of(W, 2, 3.0, 1984);
    assert_int_equal(size.width, 120);
    float *tensor = filled(page, size);
    for (int x = 2; x < 118; x++) {
        const float want = 6.0f * (((float)x + 0.5f) / 3.0f - 0.5f) / 127.5f - 1.0f;
        assert_true(fabsf(tensor[x] - want) < 1e-4f);
    }
    free(tensor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_follow_the_reference), cmocka_unit_test(pages_are_enlarged_or_shrunk),
        cmocka_unit_test(pixels_pass_at_scale_one),   cmocka_unit_test(grey_fills_all_planes),
        cmocka_unit_test(shrinking_averages),         cmocka_unit_test(enlarging_keeps_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
