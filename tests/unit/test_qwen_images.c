/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures, videos and positions without shared data: check vectors written out by hand, limits, and arguments that
 * make no sense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/qwen25vl/image_processor.h"
#include "engine/qwen25vl/positions.h"

static const struct eng_qwen_preprocess pre = {.min_pixels = 3136,
                                               .max_pixels = 12845056,
                                               .patch = 14,
                                               .temporal_patch = 2,
                                               .merge = 2,
                                               .mean = {0.5f, 0.25f, 0.125f},
                                               .std = {0.25f, 0.5f, 1.0f},
                                               .rescale = 1.0 / 255.0};

static void sizes(void **state)
{
    (void)state;
    static const int rows[][4] = {
        {1532, 1014, 1540, 1008}, {1398, 870, 1400, 868},   {864, 576, 868, 588},
        {1692, 1604, 1680, 1596}, {2448, 1836, 2436, 1848}, {1080, 1920, 1092, 1932},
        {14, 14, 56, 56},         {42, 70, 56, 56},         {30, 5600, 28, 5600},
    };
    int h, w;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(eng_smart_resize(rows[i][0], rows[i][1], 28, 3136, 12845056, &h, &w, NULL), B_OK);
        assert_int_equal(h, rows[i][2]);
        assert_int_equal(w, rows[i][3]);
    }
    assert_int_equal(eng_smart_resize(3508, 2481, 28, 512 * 784, 2048 * 784, &h, &w, NULL), B_OK);
    assert_int_equal(h, 1484);
    assert_int_equal(w, 1064);
    struct b_err err;
    assert_int_equal(eng_smart_resize(1, 201, 28, 3136, 12845056, &h, &w, &err), B_ARGUMENT);
    assert_int_equal(eng_smart_resize(0, 5, 28, 3136, 12845056, &h, &w, &err), B_ARGUMENT);
    assert_int_equal(eng_smart_resize(5, -5, 28, 3136, 12845056, &h, &w, &err), B_ARGUMENT);
    assert_int_equal(eng_smart_resize(5, 5, 28, 10, 9, &h, &w, &err), B_ARGUMENT);
    assert_int_equal(eng_smart_resize(INT32_MAX, INT32_MAX, 28, 3136, 12845056, &h, &w, &err), B_LIMIT);
    assert_int_equal(eng_smart_resize(5, 5, 28, (int64_t)1 << 60, (int64_t)1 << 61, &h, &w, &err), B_LIMIT);
}

/* Pixel (x, y) of a picture that says where it came from. */
static uint8_t *map_of(int width, int height, int frame)
{
    uint8_t *out = malloc((size_t)width * (size_t)height * 3);
    assert_non_null(out);
    for (int i = 0; i < width * height; i++) {
        out[3 * i] = (uint8_t)(i % width);
        out[3 * i + 1] = (uint8_t)(i / width);
        out[3 * i + 2] = (uint8_t)frame;
    }
    return out;
}

static struct b_image_view view_of(const uint8_t *pixels, int width, int height)
{
    return (struct b_image_view){
        .pixels = pixels, .stride = (size_t)width * 3, .width = width, .height = height, .channels = 3};
}

static float value(int byte, int channel)
{
    const float x = (float)(byte * pre.rescale);
    return (x - pre.mean[channel]) / pre.std[channel];
}

static void order_of_patches(void **state)
{
    (void)state;
    uint8_t *pixels = map_of(84, 56, 0);
    struct eng_visual v;
    assert_int_equal(eng_visual_from_image(&pre, view_of(pixels, 84, 56), NULL, &v, NULL), B_OK);
    assert_int_equal(v.grid_t, 1);
    assert_int_equal(v.grid_h, 4);
    assert_int_equal(v.grid_w, 6);
    assert_int_equal(eng_visual_patches(&v), 24);
    assert_int_equal(eng_visual_tokens(&v, 2), 6);
    /* Corners of the patches: blocks of 2 x 2, row by row. */
    static const int corner[24][2] = {{0, 0}, {1, 0}, {0, 1}, {1, 1}, {2, 0}, {3, 0}, {2, 1}, {3, 1},
                                      {4, 0}, {5, 0}, {4, 1}, {5, 1}, {0, 2}, {1, 2}, {0, 3}, {1, 3},
                                      {2, 2}, {3, 2}, {2, 3}, {3, 3}, {4, 2}, {5, 2}, {4, 3}, {5, 3}};
    float patch[1176];
    for (int p = 0; p < 24; p++) {
        eng_visual_patch_values(&v, &pre, p, 1, patch);
        for (int i = 0; i < 1176; i++) {
            const int c = i / 392, y = i % 196 / 14, x = i % 14;
            const int want = c == 0 ? corner[p][0] * 14 + x : c == 1 ? corner[p][1] * 14 + y : 0;
            assert_true(patch[i] == value(want, c));
        }
    }
    eng_visual_free(&v);
    free(pixels);
}

static void frames_of_a_video(void **state)
{
    (void)state;
    uint8_t *pixels[3];
    struct b_image_view views[3];
    for (int i = 0; i < 3; i++) {
        pixels[i] = map_of(56, 56, 10 * i);
        views[i] = view_of(pixels[i], 56, 56);
    }
    struct eng_visual v;
    assert_int_equal(eng_visual_from_frames(&pre, views, 3, 4.0, ENG_BICUBIC_TORCH, NULL, &v, NULL), B_OK);
    assert_int_equal(v.frames, 4);
    assert_int_equal(v.grid_t, 2);
    assert_true(v.second_per_grid == 0.5);
    assert_int_equal(eng_visual_patches(&v), 32);
    float patch[1176];
    static const int blue[2][2] = {{0, 10}, {20, 20}}; /* the last frame stands twice */
    for (int t = 0; t < 2; t++) {
        eng_visual_patch_values(&v, &pre, 16 * t, 1, patch);
        for (int s = 0; s < 2; s++)
            assert_true(patch[2 * 392 + s * 196] == value(blue[t][s], 2));
    }
    eng_visual_free(&v);
    struct b_err err;
    views[2].height = 28;
    assert_int_equal(eng_visual_from_frames(&pre, views, 3, 4.0, ENG_BICUBIC_TORCH, NULL, &v, &err), B_ARGUMENT);
    assert_int_equal(eng_visual_from_frames(&pre, views, 0, 4.0, ENG_BICUBIC_TORCH, NULL, &v, &err), B_ARGUMENT);
    assert_int_equal(eng_visual_from_frames(&pre, views, 1, 0.0, ENG_BICUBIC_TORCH, NULL, &v, &err), B_ARGUMENT);
    const struct eng_visual_limits little = {.max_bytes = 20000};
    assert_int_equal(eng_visual_from_frames(&pre, views, 2, 2.0, ENG_BICUBIC_TORCH, &little, &v, &err), B_OK);
    eng_visual_free(&v);
    const struct eng_visual_limits less = {.max_bytes = 18000};
    assert_int_equal(eng_visual_from_frames(&pre, views, 2, 2.0, ENG_BICUBIC_TORCH, &less, &v, &err), B_LIMIT);
    assert_null(v.pixels);
    for (int i = 0; i < 3; i++)
        free(pixels[i]);
}

static void which_frames(void **state)
{
    (void)state;
    int index[768], n;
    double fps;
    /* 10 s at 30 a second: two a second. */
    assert_int_equal(eng_video_sample(300, 30, NULL, index, &n, &fps, NULL), B_OK);
    assert_int_equal(n, 20);
    assert_true(fps == 20.0 / 300 * 30);
    assert_int_equal(index[0], 0);
    assert_int_equal(index[1], 16); /* 15.74 */
    assert_int_equal(index[19], 299);
    /* Too short for four frames: all there are, an even number. */
    assert_int_equal(eng_video_sample(3, 30, NULL, index, &n, &fps, NULL), B_OK);
    assert_int_equal(n, 2);
    assert_int_equal(index[1], 2);
    assert_int_equal(eng_video_sample(1, 30, NULL, index, &n, &fps, NULL), B_ARGUMENT);
    /* An hour: the most frames. */
    assert_int_equal(eng_video_sample(108000, 30, NULL, index, &n, &fps, NULL), B_OK);
    assert_int_equal(n, 768);
    assert_int_equal(index[767], 107999);
    const struct eng_video_rate rate = {.want_fps = 1, .min_frames = 5, .max_frames = 9};
    assert_int_equal(eng_video_sample(90, 30, &rate, index, &n, &fps, NULL), B_OK);
    assert_int_equal(n, 6);
    assert_int_equal(eng_video_sample(900, 30, &rate, index, &n, &fps, NULL), B_OK);
    assert_int_equal(n, 8);
    assert_int_equal(eng_video_limits(4).max_pixels, 768 * 784);
    assert_int_equal(eng_video_limits(768).max_pixels, 128000 * 784 / 10 * 9 / 768 * 2);
    assert_int_equal(eng_video_limits(4000).max_pixels, 105369); /* 1.05 times the least */
    assert_int_equal(eng_video_limits(4).min_pixels, 128 * 784);
}

static void expect_windows(struct eng_grid grid, const int32_t *index, size_t n, const int32_t *cu, size_t n_cu)
{
    const struct eng_qwen_vision vision = {.patch = 14, .merge = 2, .window = 112};
    struct eng_windows w;
    assert_int_equal(eng_windows_new(&vision, &grid, 1, &w, NULL), B_OK);
    assert_int_equal(w.units, n);
    assert_memory_equal(w.index, index, n * sizeof *index);
    assert_int_equal(w.n_windows + 1, n_cu);
    assert_memory_equal(w.cu_windows, cu, n_cu * sizeof *cu);
    assert_int_equal(w.n_frames, grid.t);
    for (int t = 0; t <= grid.t; t++)
        assert_int_equal(w.cu_frames[t], t * grid.h * grid.w);
    assert_int_equal(w.rows[1], 0);
    assert_int_equal(w.cols[1], 1);
    assert_int_equal(w.rows[2], 1);
    assert_int_equal(w.cols[2], 0);
    eng_windows_free(&w);
}

static void windows(void **state)
{
    (void)state;
    static const int32_t a[] = {0, 1, 2, 3, 5, 6, 7, 8, 10, 11, 12, 13, 4, 9, 14}, ca[] = {0, 48, 60};
    static const int32_t b[] = {0, 1, 2, 3, 5, 6, 7, 8, 4, 9, 10, 11, 12, 13, 15, 16, 17, 18, 14, 19};
    static const int32_t cb[] = {0, 32, 40, 72, 80};
    int32_t c[16];
    static const int32_t cc[] = {0, 64};
    for (int32_t i = 0; i < 16; i++)
        c[i] = i;
    expect_windows((struct eng_grid){1, 6, 10, 0}, a, 15, ca, 3);
    expect_windows((struct eng_grid){2, 4, 10, 0}, b, 20, cb, 5);
    expect_windows((struct eng_grid){1, 8, 8, 0}, c, 16, cc, 2);
    const struct eng_qwen_vision vision = {.patch = 14, .merge = 2, .window = 112},
                                 bad = {.patch = 14, .merge = 2, .window = 14};
    const struct eng_grid odd = {1, 3, 4, 0}, none = {0, 4, 4, 0}, huge = {INT32_MAX - 1, 1 << 14, 1 << 14, 0};
    struct eng_windows w;
    assert_int_equal(eng_windows_new(&vision, &odd, 1, &w, NULL), B_ARGUMENT);
    assert_int_equal(eng_windows_new(&vision, &none, 1, &w, NULL), B_ARGUMENT);
    assert_int_equal(eng_windows_new(&vision, &huge, 1, &w, NULL), B_LIMIT);
    assert_int_equal(eng_windows_new(&bad, &odd, 1, &w, NULL), B_ARGUMENT);
}

static void positions(void **state)
{
    (void)state;
    const struct eng_qwen_config config = {.vision = {.merge = 2, .tokens_per_second = 2},
                                           .ids = {.image_pad = 90, .video_pad = 91}};
    static const int32_t ids[] = {1, 2, 80, 90, 90, 90, 90, 90, 90, 81, 3};
    static const int32_t want[3][11] = {
        {0, 1, 2, 3, 3, 3, 3, 3, 3, 6, 7}, {0, 1, 2, 3, 3, 3, 4, 4, 4, 6, 7}, {0, 1, 2, 3, 4, 5, 3, 4, 5, 6, 7}};
    const struct eng_grid grid = {1, 4, 6, 0}, large = {1, 6, 6, 0}, odd = {1, 5, 6, 0};
    int32_t out[33], delta = 0;
    assert_int_equal(eng_mrope_positions(&config, ids, 11, &grid, 1, NULL, 0, out, &delta, NULL), B_OK);
    assert_memory_equal(out, want, sizeof want);
    assert_int_equal(delta, -3);
    assert_int_equal(eng_mrope_positions(&config, ids, 3, NULL, 0, NULL, 0, out, &delta, NULL), B_OK);
    assert_int_equal(delta, 0);
    /* A video of two frames half a second apart, whose time steps round down. */
    static const int32_t clip[] = {5, 91, 91, 6};
    const struct eng_grid video = {2, 2, 2, 0.75};
    assert_int_equal(eng_mrope_positions(&config, clip, 4, NULL, 0, &video, 1, out, &delta, NULL), B_OK);
    assert_int_equal(out[1], 1);
    assert_int_equal(out[2], 2); /* 1 + trunc(1.5) */
    assert_int_equal(out[3], 3);
    struct b_err err;
    const struct eng_grid never = {2, 2, 2, 1e30};
    assert_int_equal(eng_mrope_positions(&config, ids, 11, &large, 1, NULL, 0, out, &delta, &err), B_ARGUMENT);
    assert_int_equal(eng_mrope_positions(&config, ids, 11, &odd, 1, NULL, 0, out, &delta, &err), B_ARGUMENT);
    assert_int_equal(eng_mrope_positions(&config, ids, 11, NULL, 0, NULL, 0, out, &delta, &err), B_ARGUMENT);
    assert_int_equal(eng_mrope_positions(&config, ids, 3, &grid, 1, NULL, 0, out, &delta, &err), B_ARGUMENT);
    assert_int_equal(eng_mrope_positions(&config, ids, 5, &grid, 1, NULL, 0, out, &delta, &err), B_ARGUMENT);
    assert_int_equal(eng_mrope_positions(&config, clip, 4, NULL, 0, &never, 1, out, &delta, &err), B_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),        cmocka_unit_test(order_of_patches), cmocka_unit_test(frames_of_a_video),
        cmocka_unit_test(which_frames), cmocka_unit_test(windows),          cmocka_unit_test(positions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
