/* SPDX-License-Identifier: Apache-2.0 */
/* The shared checkpoints: counts, shards against the single file bit by bit, tied and untied heads, int4 layers
 * against the reference's dequantisation. */
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
#include "tests/support/shared_files.h"

static struct eng_checkpoint *open_shared(const char *name)
{
    struct eng_checkpoint *cp = NULL;
    struct b_err err;
    if (eng_checkpoint_open(t_shared(name), &cp, &err) != B_OK)
        fail_msg("%s", err.message);
    return cp;
}

static void shards_equal_one_file(void **state)
{
    (void)state;
    struct eng_checkpoint *one = open_shared("golden/tiny"), *many = open_shared("golden/tiny-sharded");
    assert_int_equal(eng_checkpoint_count(one), eng_checkpoint_count(many));
    assert_true(eng_checkpoint_bytes(one) == eng_checkpoint_bytes(many));
    assert_true(eng_checkpoint_bytes(one) == 1485184); /* total_size of the index */
    for (size_t i = 0; i < eng_checkpoint_count(one); i++) {
        const struct eng_weight *a = eng_checkpoint_at(one, i), *b = eng_checkpoint_at(many, i);
        assert_string_equal(a->name, b->name);
        assert_int_equal(a->n_dims, b->n_dims);
        assert_memory_equal(a->dims, b->dims, sizeof a->dims);
        assert_int_equal(a->bytes, b->bytes);
        assert_memory_equal(a->data, b->data, a->bytes);
        assert_int_equal((uintptr_t)a->data % 2, 0);
        assert_ptr_equal(eng_checkpoint_find(one, a->name), a);
    }
    char x[65], y[65], again[65];
    assert_int_equal(eng_checkpoint_identity(one, x, NULL), B_OK);
    assert_int_equal(eng_checkpoint_identity(one, again, NULL), B_OK);
    assert_int_equal(eng_checkpoint_identity(many, y, NULL), B_OK);
    assert_string_equal(x, again);
    assert_string_not_equal(x, y);
    eng_checkpoint_drop(one);
    eng_checkpoint_drop(many);
}

static void heads(void **state)
{
    (void)state;
    struct eng_qwen_config config;
    struct eng_checkpoint *cp = open_shared("golden/tiny");
    assert_int_equal(eng_qwen_config_load(t_shared("golden/tiny"), &config, NULL), B_OK);
    assert_false(config.text.tied);
    const int64_t dims[2] = {config.text.vocab, config.text.hidden};
    const struct eng_weight *w;
    assert_int_equal(eng_checkpoint_float(cp, "lm_head.weight", 2, dims, &w, NULL), B_OK);
    assert_int_equal(w->dtype, ENG_BF16);
    eng_checkpoint_drop(cp);
    cp = open_shared("golden/tiny-tied");
    assert_int_equal(eng_qwen_config_load(t_shared("golden/tiny-tied"), &config, NULL), B_OK);
    assert_true(config.text.tied);
    assert_null(eng_checkpoint_find(cp, "lm_head.weight"));
    struct b_err err;
    assert_int_equal(eng_checkpoint_float(cp, "lm_head.weight", 2, dims, &w, &err), B_FORMAT);
    assert_non_null(strstr(err.message, "lm_head.weight"));
    eng_checkpoint_drop(cp);
}

static void published_configs(void **state)
{
    (void)state;
    struct eng_qwen_config c;
    assert_int_equal(eng_qwen_config_load(t_shared("golden/awq"), &c, NULL), B_OK);
    assert_int_equal(c.quant.kind, ENG_QWEN_QUANT_AWQ);
    assert_int_equal(c.quant.group, 128);
    assert_int_equal(eng_qwen_config_load(t_shared("golden/overfit"), &c, NULL), B_OK);
    assert_int_equal(c.vision.head_dim, 24);
    assert_int_equal(c.vision.patch_values, 1176);
    assert_true(c.vision.full_attention[1] && c.vision.full_attention[3] && !c.vision.full_attention[0]);
    assert_true(c.vision.tokens_per_second == 2);
    assert_int_equal(c.text.mrope_section[1], 6);
    assert_int_equal(c.generation.n_stops, 2);
    assert_int_equal(c.generation.stops[0], 397);
    assert_true(c.generation.repetition_penalty == 1.05);
    assert_int_equal(c.ids.image_pad, 407);
    assert_int_equal(c.preprocess.max_pixels, 12845056);
}

static void int4_layers(void **state)
{
    (void)state;
    struct eng_checkpoint *cp = open_shared("golden/awq");
    json_t *root = t_json(t_shared("golden/awq/expected.json")), *layer;
    const char *name;
    int layers = 0;
    json_object_foreach(json_object_get(root, "dequantised"), name, layer)
    {
        const json_t *shape = json_object_get(layer, "shape");
        const int64_t out = json_integer_value(json_array_get(shape, 0)),
                      in = json_integer_value(json_array_get(shape, 1));
        char prefix[128], sum[65];
        snprintf(prefix, sizeof prefix, "%.*s", (int)(strlen(name) - strlen(".weight")), name);
        struct eng_awq awq;
        assert_int_equal(eng_awq_find(cp, prefix, in, out, 128, &awq, NULL), B_OK);
        float *rows = malloc((size_t)(in * out) * sizeof *rows);
        eng_awq_rows_to_f32(&awq, 0, out / 2, rows);
        eng_awq_rows_to_f32(&awq, out / 2, out - out / 2, rows + out / 2 * in);
        t_sha256(rows, (size_t)(in * out) * sizeof *rows, sum);
        assert_string_equal(sum, json_string_value(json_object_get(layer, "sha256_of_float32_row_major_out_in")));
        free(rows);
        layers++;
    }
    assert_int_equal(layers, 14);
    struct eng_awq awq;
    struct b_err err;
    assert_int_equal(eng_awq_find(cp, "lm_head", 256, 384, 128, &awq, &err), B_NOT_FOUND);
    assert_int_equal(eng_awq_find(cp, "model.layers.0.self_attn.k_proj", 256, 256, 128, &awq, &err), B_FORMAT);
    json_decref(root);
    eng_checkpoint_drop(cp);
}

int main(void)
{
    t_need_shared("golden/tiny/config.json");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shards_equal_one_file),
        cmocka_unit_test(heads),
        cmocka_unit_test(published_configs),
        cmocka_unit_test(int4_layers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
