/* SPDX-License-Identifier: Apache-2.0 */
/* Safetensors files made by hand: what is accepted, under which names, widened to which values; and every way in
 * which a file may lie about itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/qwen25vl/checkpoint.h"

/* header then `bytes` zero bytes; caller frees. */
static uint8_t *make(const char *header, size_t bytes, size_t *size)
{
    const size_t len = strlen(header);
    uint8_t *out = calloc(1, 8 + len + bytes);
    assert_non_null(out);
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)((uint64_t)len >> (8 * i));
    memcpy(out + 8, header, len);
    *size = 8 + len + bytes;
    return out;
}

static enum b_code parse(const char *header, size_t bytes)
{
    size_t size;
    struct eng_checkpoint *cp = NULL;
    struct b_err err;
    b_err_clear(&err);
    uint8_t *file = make(header, bytes, &size);
    const enum b_code code = eng_checkpoint_parse(file, size, &cp, &err);
    assert_int_equal(code == B_OK, cp != NULL);
    assert_int_equal(code, err.code);
    eng_checkpoint_drop(cp);
    free(file);
    return code;
}

#define ONE(dtype, shape, offsets) "{\"x\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

static void accepted(void **state)
{
    (void)state;
    assert_int_equal(parse("{}", 0), B_OK);
    assert_int_equal(parse("{\"__metadata__\":{\"format\":\"pt\"}}", 0), B_OK);
    assert_int_equal(parse(ONE("F32", "[2,3]", "[0,24]"), 24), B_OK);
    assert_int_equal(parse(ONE("F32", "[]", "[0,4]"), 4), B_OK);
    assert_int_equal(parse(ONE("F32", "[0,9]", "[0,0]"), 0), B_OK);
    assert_int_equal(parse(ONE("F8_E4M3", "[5]", "[0,5]"), 5), B_OK);
}

static void refused(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "",
        "[]",
        "{",
        "{}x",
        "{\"x\":1}",
        "{\"x\":{}}",
        "nul",
        ONE("F32", "[2,3]", "[0,20]"),                   /* too few bytes for the shape */
        ONE("F32", "[2,2]", "[0,24]"),                   /* too many */
        ONE("F32", "[2,3]", "[0,28]"),                   /* beyond the end */
        ONE("F32", "[2,3]", "[24,0]"),                   /* backwards */
        ONE("F32", "[2,3]", "[-24,0]"),                  /* before the beginning */
        ONE("F32", "[2,3]", "[0]"),                      /* one offset */
        ONE("F32", "[2,3]", "[0.0,24.0]"),               /* no whole numbers */
        ONE("F32", "[-2,-3]", "[0,24]"),                 /* negative dimensions */
        ONE("F32", "[2.0,3]", "[0,24]"),                 /* no whole number */
        ONE("F32", "\"6\"", "[0,24]"),                   /* no array */
        ONE("F32", "[1,1,1,1,1,1,1,1,6]", "[0,24]"),     /* too many dimensions */
        ONE("F32", "[4294967296,4294967296]", "[0,24]"), /* product overflows */
        ONE("F32", "[4611686018427387904]", "[0,0]"),    /* bytes overflow */
        ONE("F32", "[99999999999999999999]", "[0,24]"),  /* number overflows */
        ONE("Q4", "[6]", "[0,24]"),                      /* unknown dtype */
        "{\"x\":{\"dtype\":\"U8\",\"shape\":[24],\"data_offsets\":[0,24]},"
        "\"x\":{\"dtype\":\"U8\",\"shape\":[24],\"data_offsets\":[0,24]}}", /* a name twice */
        "{\"x\":{\"dtype\":\"U8\",\"shape\":[16],\"data_offsets\":[0,16]},"
        "\"y\":{\"dtype\":\"U8\",\"shape\":[16],\"data_offsets\":[8,24]}}", /* overlap */
        "{\"x\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]},"
        "\"y\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[16,24]}}", /* gap */
        ONE("U8", "[16]", "[0,16]"),                                        /* rest */
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        if (parse(headers[i], 24) == B_OK)
            fail_msg("accepted: %s", headers[i]);
}

static void lengths_that_lie(void **state)
{
    (void)state;
    size_t size;
    struct eng_checkpoint *cp = NULL;
    uint8_t *file = make(ONE("F32", "[2,3]", "[0,24]"), 24, &size);
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *part = malloc(cut + 1);
        memcpy(part, file, cut);
        assert_int_not_equal(eng_checkpoint_parse(part, cut, &cp, NULL), B_OK);
        assert_null(cp);
        free(part);
    }
    static const uint64_t lengths[] = {0, 1, UINT64_MAX, (uint64_t)1 << 63, UINT64_MAX - 7, (uint64_t)1 << 32};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        for (int k = 0; k < 8; k++)
            file[k] = (uint8_t)(lengths[i] >> (8 * k));
        assert_int_not_equal(eng_checkpoint_parse(file, size, &cp, NULL), B_OK);
    }
    free(file);
}

static void names(void **state)
{
    (void)state;
    static const char header[] =
        "{\"model.visual.blocks.0.norm1.weight\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[0,2]},"
        "\"model.language_model.norm.weight\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[2,4]},"
        "\"language_model.model.layers.0.mlp.up_proj.weight\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[4,6]}"
        ","
        "\"model.embed_tokens.weight\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[6,8]},"
        "\"lm_head.weight\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[8,10]}}";
    static const char *const want[] = {"visual.blocks.0.norm1.weight", "model.norm.weight",
                                       "model.layers.0.mlp.up_proj.weight", "model.embed_tokens.weight",
                                       "lm_head.weight"};
    size_t size;
    struct eng_checkpoint *cp = NULL;
    uint8_t *file = make(header, 10, &size);
    assert_int_equal(eng_checkpoint_parse(file, size, &cp, NULL), B_OK);
    for (size_t i = 0; i < 5; i++)
        assert_non_null(eng_checkpoint_find(cp, want[i]));
    assert_null(eng_checkpoint_find(cp, "model.visual.blocks.0.norm1.weight"));
    eng_checkpoint_drop(cp);
    free(file);
    /* Both names of one tensor in one file. */
    assert_int_equal(parse("{\"model.visual.a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                           "\"visual.a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}",
                           2),
                     B_FORMAT);
}

static void widened(void **state)
{
    (void)state;
    static const char header[] = "{\"b\":{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":[0,8]},"
                                 "\"h\":{\"dtype\":\"F16\",\"shape\":[8],\"data_offsets\":[8,24]},"
                                 "\"f\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[24,28]}}";
    static const uint16_t bits[12] = {0x3f80, 0xc000, 0x7f80, 0x0001, 0x3c00, 0xc000,
                                      0x0001, 0x8001, 0x7bff, 0xfc00, 0x0400, 0x3555};
    static const float want[12] = {1.0f,     -2.0f,     INFINITY, 0x1p-133f, 1.0f,     -2.0f,
                                   0x1p-24f, -0x1p-24f, 65504.0f, -INFINITY, 0x1p-14f, 0x1.554p-2f};
    for (size_t pad = 0; pad < 2; pad++) { /* the second time every tensor lies off its alignment */
        char text[512];
        size_t size;
        struct eng_checkpoint *cp = NULL;
        snprintf(text, sizeof text, "%s%*s", header, (int)((8 - strlen(header) % 8) % 8 + pad), "");
        uint8_t *file = make(text, 28, &size);
        memcpy(file + size - 28, bits, sizeof bits);
        const float pi = 3.25f;
        memcpy(file + size - 4, &pi, 4);
        assert_int_equal(eng_checkpoint_parse(file, size, &cp, NULL), B_OK);
        float got[13];
        eng_weight_to_f32(eng_checkpoint_find(cp, "b"), 0, 4, got);
        eng_weight_to_f32(eng_checkpoint_find(cp, "h"), 0, 5, got + 4);
        eng_weight_to_f32(eng_checkpoint_find(cp, "h"), 5, 3, got + 9);
        eng_weight_to_f32(eng_checkpoint_find(cp, "f"), 0, 1, got + 12);
        assert_memory_equal(got, want, sizeof want);
        assert_true(got[12] == pi);
        assert_int_equal((uintptr_t)eng_checkpoint_find(cp, "f")->data % 4, 0);
        eng_checkpoint_drop(cp);
        free(file);
    }
}

static char folder[64];

static void put_file(const char *name, const void *data, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    fclose(f);
}

static enum b_code open_folder(struct b_err *err)
{
    struct eng_checkpoint *cp = NULL;
    const enum b_code code = eng_checkpoint_open(folder, &cp, err);
    eng_checkpoint_drop(cp);
    return code;
}

static enum b_code open_index(const char *index, struct b_err *err)
{
    put_file("model.safetensors.index.json", index, strlen(index));
    return open_folder(err);
}

static void folders(void **state)
{
    (void)state;
    struct b_err err;
    size_t size;
    snprintf(folder, sizeof folder, "qwen_checkpoint_XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(open_folder(&err), B_NOT_FOUND);
    assert_non_null(strstr(err.message, "model.safetensors"));
    uint8_t *file = make(ONE("U8", "[4]", "[0,4]"), 4, &size);
    put_file("model.safetensors", file, size);
    assert_int_equal(open_folder(&err), B_OK);
    assert_int_equal(open_index("{\"weight_map\":{\"x\":\"model.safetensors\"}}", &err), B_OK);
    assert_int_equal(open_index("{\"weight_map\":{\"x\":\"other.safetensors\"}}", &err), B_NOT_FOUND);
    assert_int_equal(open_index("{\"weight_map\":{\"y\":\"model.safetensors\"}}", &err), B_FORMAT);
    assert_int_equal(open_index("{\"weight_map\":{}}", &err), B_FORMAT);
    assert_int_equal(open_index("{}", &err), B_FORMAT);
    assert_int_equal(open_index("{\"weight_map\":{\"x\":7}}", &err), B_FORMAT);
    assert_int_equal(open_index("{\"weight_map\":{\"x\":\"../model.safetensors\"}}", &err), B_FORMAT);
    assert_int_equal(open_index("{\"weight_map\":{\"x\":\"/etc/passwd\"}}", &err), B_FORMAT);
    assert_int_equal(open_index("{\"weight_map\":{\"x\":\"\"}}", &err), B_FORMAT);
    put_file("second.safetensors", file, size);
    assert_int_equal(open_index("{\"weight_map\":{\"x\":\"model.safetensors\",\"y\":\"second.safetensors\"}}", &err),
                     B_FORMAT);
    free(file);
    static const char *const made[] = {"model.safetensors", "second.safetensors", "model.safetensors.index.json"};
    for (size_t i = 0; i < 3; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", folder, made[i]);
        unlink(path);
    }
    rmdir(folder);
}

static void shapes_asked_for(void **state)
{
    (void)state;
    size_t size;
    struct eng_checkpoint *cp = NULL;
    struct b_err err;
    const struct eng_weight *w;
    uint8_t *file = make(ONE("I32", "[2,3]", "[0,24]"), 24, &size);
    assert_int_equal(eng_checkpoint_parse(file, size, &cp, NULL), B_OK);
    assert_int_equal(eng_checkpoint_typed(cp, "x", ENG_I32, 2, (const int64_t[]){2, 3}, &w, &err), B_OK);
    assert_int_equal(eng_checkpoint_typed(cp, "x", ENG_I32, 2, (const int64_t[]){3, 2}, &w, &err), B_FORMAT);
    assert_null(w);
    assert_non_null(strstr(err.message, "2 x 3 instead of 3 x 2"));
    assert_int_equal(eng_checkpoint_typed(cp, "x", ENG_I32, 1, (const int64_t[]){6}, &w, &err), B_FORMAT);
    assert_int_equal(eng_checkpoint_float(cp, "x", 2, (const int64_t[]){2, 3}, &w, &err), B_UNSUPPORTED);
    assert_non_null(strstr(err.message, "I32"));
    assert_int_equal(eng_checkpoint_float(cp, "y", 2, (const int64_t[]){2, 3}, &w, &err), B_FORMAT);
    eng_checkpoint_drop(cp);
    free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted),         cmocka_unit_test(refused),
        cmocka_unit_test(lengths_that_lie), cmocka_unit_test(names),
        cmocka_unit_test(widened),          cmocka_unit_test(folders),
        cmocka_unit_test(shapes_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
