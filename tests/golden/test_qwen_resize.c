/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes and resized bytes against the reference's: all 308 sizes, 24 resizes of noise in both kinds of arithmetic,
 * small pictures in full, transparent pixels over white, grey. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/qwen25vl/checkpoint.h"
#include "engine/qwen25vl/image_processor.h"
#include "tests/support/shared_files.h"

static int number(const json_t *list, size_t i)
{
    return (int)json_integer_value(json_array_get(list, i));
}

static void sizes(void **state)
{
    (void)state;
    json_t *root = t_json(t_shared("golden/resize/smart_resize.json"));
    const json_t *rows = json_object_get(root, "rows");
    assert_int_equal(json_array_size(rows), 308);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        int h = -1, w = -1;
        const enum b_code code =
            eng_smart_resize(number(row, 0), number(row, 1), 28, number(row, 2), number(row, 3), &h, &w, NULL);
        if (h != number(row, 4) || (h > 0 && w != number(row, 5)))
            fail_msg("%d x %d gives %d x %d instead of %d x %d", number(row, 0), number(row, 1), h, w, number(row, 4),
                     number(row, 5));
        assert_int_equal(code == B_OK, number(row, 4) > 0);
    }
    json_decref(root);
}

/* The shared noise: top byte of value i of the stream that name seeds. */
static uint8_t *noise(const char *name, size_t count)
{
    uint64_t seed = 0xcbf29ce484222325u;
    for (; *name; name++)
        seed = (seed ^ (unsigned char)*name) * 0x100000001b3u;
    uint8_t *out = malloc(count);
    assert_non_null(out);
    for (size_t i = 0; i < count; i++) {
        uint64_t x = seed + (i + 1) * 0x9e3779b97f4a7c15u;
        x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
        x = (x ^ x >> 27) * 0x94d049bb133111ebu;
        out[i] = (uint8_t)((x ^ x >> 31) >> 56);
    }
    return out;
}

static void crc32_text(const uint8_t *data, size_t size, char out[9])
{
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int k = 0; k < 8; k++)
            crc = crc & 1u ? crc >> 1 ^ 0xedb88320u : crc >> 1;
    }
    snprintf(out, 9, "%08x", crc ^ 0xffffffffu);
}

static void resized_noise(void **state)
{
    (void)state;
    json_t *root = t_json(t_shared("golden/resize/resize.json"));
    const json_t *rows = json_object_get(root, "resize");
    assert_int_equal(json_array_size(rows), 24);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const json_t *src = json_object_get(row, "src_hw"), *dst = json_object_get(row, "dst_hw");
        const char *stream = json_string_value(json_object_get(row, "stream"));
        const int h = number(src, 0), w = number(src, 1), to_h = number(dst, 0), to_w = number(dst, 1);
        const size_t bytes = (size_t)to_h * (size_t)to_w * 3;
        uint8_t *pixels = noise(stream, (size_t)h * (size_t)w * 3), *out = malloc(bytes);
        const struct b_image_view view = {
            .pixels = pixels, .stride = (size_t)w * 3, .width = w, .height = h, .channels = 3};
        char sum[65];
        assert_int_equal(eng_bicubic_resize(view, ENG_BICUBIC_PILLOW, to_h, to_w, out, NULL), B_OK);
        t_sha256(out, bytes, sum);
        assert_string_equal(sum, json_string_value(json_object_get(row, "sha256")));
        assert_int_equal(eng_bicubic_resize(view, ENG_BICUBIC_TORCH, to_h, to_w, out, NULL), B_OK);
        crc32_text(out, bytes, sum);
        assert_string_equal(sum, json_string_value(json_object_get(row, "torch_uint8_crc32")));
        free(pixels);
        free(out);
    }
    json_decref(root);
}

static const struct eng_weight *pixels_of(const struct eng_checkpoint *cp, const char *name)
{
    const struct eng_weight *w = eng_checkpoint_find(cp, name);
    assert_non_null(w);
    assert_int_equal(w->dtype, ENG_U8);
    return w;
}

static struct b_image_view view_of(const struct eng_weight *w)
{
    return (struct b_image_view){.pixels = w->data,
                                 .stride = (size_t)(w->dims[1] * w->dims[2]),
                                 .width = (int)w->dims[1],
                                 .height = (int)w->dims[0],
                                 .channels = (int)w->dims[2]};
}

static void small_pictures(void **state)
{
    (void)state;
    static const char *const names[] = {"resize.70x98", "resize.20x30", "resize.64x64", "resize.13x7"};
    size_t size;
    char *file = t_read(t_shared("golden/resize/pixels.safetensors"), &size);
    struct eng_checkpoint *cp = NULL;
    assert_int_equal(eng_checkpoint_parse(file, size, &cp, NULL), B_OK);
    for (size_t i = 0; i < 4; i++) {
        char src[32], dst[32];
        snprintf(src, sizeof src, "%s.src", names[i]);
        snprintf(dst, sizeof dst, "%s.dst", names[i]);
        const struct eng_weight *to = pixels_of(cp, dst);
        uint8_t *out = malloc(to->bytes);
        assert_int_equal(eng_bicubic_resize(view_of(pixels_of(cp, src)), ENG_BICUBIC_PILLOW, (int)to->dims[0],
                                            (int)to->dims[1], out, NULL),
                         B_OK);
        assert_memory_equal(out, to->data, to->bytes);
        free(out);
    }
    const struct eng_weight *rgba = pixels_of(cp, "mode.RGBA.src"), *over = pixels_of(cp, "mode.RGBA.rgb");
    uint8_t *out = malloc(over->bytes);
    eng_rgba_over_white(rgba->data, (size_t)(rgba->dims[0] * rgba->dims[1]), out);
    assert_memory_equal(out, over->data, over->bytes);
    free(out);
    /* Grey in one channel ends as the same three bytes as grey in three. */
    struct eng_visual grey, rgb;
    const struct eng_qwen_preprocess pre = {
        .min_pixels = 3136, .max_pixels = 12845056, .patch = 14, .temporal_patch = 2, .merge = 2};
    assert_int_equal(eng_visual_from_image(&pre, view_of(pixels_of(cp, "mode.L.src")), NULL, &grey, NULL), B_OK);
    assert_int_equal(eng_visual_from_image(&pre, view_of(pixels_of(cp, "mode.L.rgb")), NULL, &rgb, NULL), B_OK);
    assert_int_equal(grey.height, rgb.height);
    assert_memory_equal(grey.pixels, rgb.pixels, (size_t)rgb.height * (size_t)rgb.width * 3);
    eng_visual_free(&grey);
    eng_visual_free(&rgb);
    eng_checkpoint_drop(cp);
    free(file);
}

int main(void)
{
    t_need_shared("golden/resize/resize.json");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),
        cmocka_unit_test(resized_noise),
        cmocka_unit_test(small_pictures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
