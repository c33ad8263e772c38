/* SPDX-License-Identifier: Apache-2.0 */
/* Everything the vision tower and the decoder are fed with, for every shared case, equal to the reference's: resized
 * bytes, patch values bit by bit, grids, windows, segments, positions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/qwen25vl/checkpoint.h"
#include "engine/qwen25vl/config.h"
#include "engine/qwen25vl/image_processor.h"
#include "engine/qwen25vl/positions.h"
#include "tests/support/shared_files.h"
#include "tests/support/tensors.h"

#define MAX_VISUALS 4
#define MAX_FRAMES 16

/* One case: its expected tensors, its pictures and videos in prompt order of each kind. */
struct sample {
    struct eng_qwen_config config;
    struct eng_checkpoint *want;
    char *file;
    struct eng_visual images[MAX_VISUALS], videos[MAX_VISUALS];
    size_t n_images, n_videos;
};

static const struct eng_weight *want_of(const struct sample *s, const char *kind, const char *name)
{
    char full[96];
    snprintf(full, sizeof full, "%s%s", kind, name);
    return eng_checkpoint_find(s->want, full);
}

static void expect_numbers(const struct eng_weight *want, const int32_t *got, size_t count, const char *what)
{
    assert_non_null(want);
    assert_int_equal(want->dtype, ENG_I32);
    if ((size_t)want->count != count || memcmp(want->data, got, count * sizeof *got) != 0)
        fail_msg("%s differs", what);
}

static uint8_t *load_rgb(const char *folder, const char *name, int *width, int *height)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    uint8_t *pixels = t_png_load(t_shared(path), 3, width, height);
    assert_non_null(pixels);
    for (size_t i = 0; i < (size_t)*width * (size_t)*height; i++) {
        const uint8_t blue = pixels[3 * i];
        pixels[3 * i] = pixels[3 * i + 2];
        pixels[3 * i + 2] = blue;
    }
    return pixels;
}

static void load_visual(struct sample *s, const char *folder, const json_t *item)
{
    const json_t *png = json_object_get(item, "png");
    const bool video = json_is_array(png);
    struct b_image_view views[MAX_FRAMES];
    uint8_t *pixels[MAX_FRAMES];
    const size_t n = video ? json_array_size(png) : 1;
    assert_true(n <= MAX_FRAMES);
    for (size_t i = 0; i < n; i++) {
        struct b_image_view *v = &views[i];
        pixels[i] = load_rgb(folder, json_string_value(video ? json_array_get(png, i) : png), &v->width, &v->height);
        v->pixels = pixels[i];
        v->channels = 3;
        v->stride = (size_t)v->width * 3;
    }
    const struct eng_visual_limits limits = {.min_pixels = json_integer_value(json_object_get(item, "min_pixels")),
                                             .max_pixels = json_integer_value(json_object_get(item, "max_pixels"))};
    struct eng_visual *out = video ? &s->videos[s->n_videos++] : &s->images[s->n_images++];
    if (video)
        assert_int_equal(eng_visual_from_frames(&s->config.preprocess, views, (int)n,
                                                json_real_value(json_object_get(item, "fps")), ENG_BICUBIC_PILLOW,
                                                &limits, out, NULL),
                         B_OK);
    else
        assert_int_equal(eng_visual_from_image(&s->config.preprocess, views[0], &limits, out, NULL), B_OK);
    const json_t *grid = json_object_get(item, "grid_thw"), *size = json_object_get(item, "resized_wh");
    assert_int_equal(out->grid_t, json_integer_value(json_array_get(grid, 0)));
    assert_int_equal(out->grid_h, json_integer_value(json_array_get(grid, 1)));
    assert_int_equal(out->grid_w, json_integer_value(json_array_get(grid, 2)));
    assert_int_equal(out->width, json_integer_value(json_array_get(size, 0)));
    assert_int_equal(out->height, json_integer_value(json_array_get(size, 1)));
    if (video)
        assert_true(out->second_per_grid == json_real_value(json_object_get(item, "second_per_grid_t")));
    const char *sum = json_string_value(json_object_get(item, "resized_sha256"));
    char got[65];
    const size_t frames = video ? json_array_size(png) : 1; /* the sum is of the frames as they were given */
    t_sha256(out->pixels, frames * (size_t)out->height * (size_t)out->width * 3, got);
    if (sum)
        assert_string_equal(got, sum);
    for (size_t i = 0; i < n; i++)
        free(pixels[i]);
}

/* All patches of one kind one after another, made in odd ranges. */
static float *all_patches(const struct sample *s, const struct eng_visual *visuals, size_t n, size_t *count)
{
    const size_t per = (size_t)s->config.vision.patch_values;
    size_t patches = 0, at = 0;
    for (size_t i = 0; i < n; i++)
        patches += (size_t)eng_visual_patches(&visuals[i]);
    float *out = malloc(patches * per * sizeof *out);
    assert_non_null(out);
    for (size_t i = 0; i < n; i++) {
        const int64_t all = eng_visual_patches(&visuals[i]);
        for (int64_t from = 0; from < all; from += 7) {
            const int64_t some = all - from < 7 ? all - from : 7;
            eng_visual_patch_values(&visuals[i], &s->config.preprocess, from, some, out + at);
            at += (size_t)some * per;
        }
    }
    *count = patches * per;
    return out;
}

static void check_values(const struct sample *s, const char *kind, const struct eng_visual *visuals, size_t n)
{
    size_t count;
    float *got = all_patches(s, visuals, n, &count);
    const struct eng_weight *full = want_of(s, kind, "pixel_values"), *sub = want_of(s, kind, "pixel_values.sub");
    if (full) {
        assert_int_equal(full->count, count);
        assert_memory_equal(got, full->data, count * sizeof *got);
    } else {
        char name[32];
        snprintf(name, sizeof name, "idx.%zu", count);
        const struct eng_weight *idx = want_of(s, "", name);
        assert_non_null(sub);
        assert_non_null(idx);
        const int32_t *at = idx->data;
        for (int64_t i = 0; i < idx->count; i++)
            assert_memory_equal(&got[at[i]], (const float *)sub->data + i, sizeof *got);
    }
    free(got);
}

static void grids_of(const struct eng_visual *visuals, size_t n, struct eng_grid *grids)
{
    for (size_t i = 0; i < n; i++)
        grids[i] =
            (struct eng_grid){visuals[i].grid_t, visuals[i].grid_h, visuals[i].grid_w, visuals[i].second_per_grid};
}

static void check_tower(const struct sample *s, const char *kind, const struct eng_visual *visuals, size_t n)
{
    if (n == 0)
        return;
    check_values(s, kind, visuals, n);
    struct eng_grid grids[MAX_VISUALS];
    struct eng_windows w;
    grids_of(visuals, n, grids);
    assert_int_equal(eng_windows_new(&s->config.vision, grids, n, &w, NULL), B_OK);
    expect_numbers(want_of(s, kind, "window_index"), w.index, w.units, "window_index");
    expect_numbers(want_of(s, kind, "cu_window_seqlens"), w.cu_windows, w.n_windows + 1, "cu_window_seqlens");
    expect_numbers(want_of(s, kind, "cu_seqlens"), w.cu_frames, w.n_frames + 1, "cu_seqlens");
    eng_windows_free(&w);
}

static void check_positions(const struct sample *s, int64_t delta)
{
    struct eng_grid images[MAX_VISUALS], videos[MAX_VISUALS];
    grids_of(s->images, s->n_images, images);
    grids_of(s->videos, s->n_videos, videos);
    const struct eng_weight *ids = want_of(s, "", "input_ids");
    assert_non_null(ids);
    int32_t *out = malloc((size_t)ids->count * 3 * sizeof *out), got = 0;
    assert_int_equal(eng_mrope_positions(&s->config, ids->data, (size_t)ids->count, images, s->n_images, videos,
                                         s->n_videos, out, &got, NULL),
                     B_OK);
    expect_numbers(want_of(s, "", "position_ids"), out, (size_t)ids->count * 3, "position_ids");
    assert_int_equal(got, delta);
    free(out);
}

static void open_sample(struct sample *s, const char *checkpoint, const char *expected)
{
    size_t size;
    struct b_err err;
    memset(s, 0, sizeof *s);
    if (eng_qwen_config_load(t_shared(checkpoint), &s->config, &err) != B_OK)
        fail_msg("%s", err.message);
    s->file = t_read(t_shared(expected), &size);
    assert_int_equal(eng_checkpoint_parse(s->file, size, &s->want, NULL), B_OK);
}

static void close_sample(struct sample *s)
{
    for (size_t i = 0; i < s->n_images; i++)
        eng_visual_free(&s->images[i]);
    for (size_t i = 0; i < s->n_videos; i++)
        eng_visual_free(&s->videos[i]);
    eng_checkpoint_drop(s->want);
    free(s->file);
}

static const char *const cases[] = {
    "a_image_140x196",    "b1_not_multiple_101x157", "b2_half_even_70x98", "b3_below_min_20x30", "b4_above_max_230x322",
    "b5_wide_660x33",     "b6_tall_28x560",          "c_two_images",       "d_text_only",        "e1_video_6f_fps2",
    "e2_video_6f_fps1.5", "e3_video_5f_fps4",        "f_image_and_video",  "g_long_prompt",
};

static void tiny_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[128];
        struct sample s;
        print_message("%s\n", cases[i]);
        snprintf(path, sizeof path, "golden/tiny/cases/%s.safetensors", cases[i]);
        open_sample(&s, "golden/tiny", path);
        snprintf(path, sizeof path, "golden/tiny/cases/%s.json", cases[i]);
        json_t *root = t_json(t_shared(path));
        const json_t *visuals = json_object_get(root, "visuals");
        for (size_t v = 0; v < json_array_size(visuals); v++)
            load_visual(&s, "golden/tiny/cases", json_array_get(visuals, v));
        check_tower(&s, "image.", s.images, s.n_images);
        check_tower(&s, "video.", s.videos, s.n_videos);
        check_positions(&s, json_integer_value(json_object_get(root, "rope_delta")));
        json_decref(root);
        close_sample(&s);
    }
}

/* The other checkpoints store positions only. */
static void other_checkpoints(void **state)
{
    (void)state;
    static const struct {
        const char *checkpoint, *tensors, *json, *folder, *png;
    } others[] = {
        {"golden/tiny-tied", "golden/tiny-tied/case.safetensors", "golden/tiny-tied/case.json", "golden/tiny/cases",
         "a_image_140x196.img0.png"},
        {"golden/awq", "golden/awq/expected.safetensors", "golden/awq/expected.json", "golden/awq", "awq.img0.png"},
    };
    for (size_t i = 0; i < 2; i++) {
        struct sample s;
        open_sample(&s, others[i].checkpoint, others[i].tensors);
        json_t *root = t_json(t_shared(others[i].json));
        struct b_image_view view = {.channels = 3};
        uint8_t *pixels = load_rgb(others[i].folder, others[i].png, &view.width, &view.height);
        view.pixels = pixels;
        view.stride = (size_t)view.width * 3;
        assert_int_equal(eng_visual_from_image(&s.config.preprocess, view, NULL, &s.images[s.n_images++], NULL), B_OK);
        check_positions(&s, json_integer_value(json_object_get(root, "rope_delta")));
        free(pixels);
        json_decref(root);
        close_sample(&s);
    }
}

static void overfit_pages(void **state)
{
    (void)state;
    struct eng_qwen_config config;
    assert_int_equal(eng_qwen_config_load(t_shared("golden/overfit"), &config, NULL), B_OK);
    json_t *root = t_json(t_shared("golden/overfit/expected.json"));
    const json_t *pages = json_object_get(root, "pages");
    assert_int_equal(json_array_size(pages), 6);
    for (size_t i = 0; i < 6; i++) {
        const json_t *page = json_array_get(pages, i), *grid = json_object_get(page, "grid_thw");
        struct b_image_view view = {.channels = 3};
        uint8_t *pixels =
            load_rgb("golden/overfit", json_string_value(json_object_get(page, "png")), &view.width, &view.height);
        view.pixels = pixels;
        view.stride = (size_t)view.width * 3;
        struct eng_visual v;
        assert_int_equal(eng_visual_from_image(&config.preprocess, view, NULL, &v, NULL), B_OK);
        assert_int_equal(v.grid_h, json_integer_value(json_array_get(grid, 1)));
        assert_int_equal(v.grid_w, json_integer_value(json_array_get(grid, 2)));
        size_t n;
        int32_t delta = 0, *ids = (int32_t *)t_ints(json_object_get(page, "prompt_ids"), &n);
        int32_t *out = malloc(3 * n * sizeof *out);
        struct eng_grid g;
        grids_of(&v, 1, &g);
        assert_int_equal(eng_mrope_positions(&config, ids, n, &g, 1, NULL, 0, out, &delta, NULL), B_OK);
        assert_int_equal(delta, json_integer_value(json_object_get(page, "rope_delta")));
        free(out);
        free(ids);
        free(pixels);
        eng_visual_free(&v);
    }
    json_decref(root);
}

int main(void)
{
    t_need_shared("golden/tiny/config.json");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiny_cases),
        cmocka_unit_test(other_checkpoints),
        cmocka_unit_test(overfit_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
