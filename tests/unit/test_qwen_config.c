/* SPDX-License-Identifier: Apache-2.0 */
/* config.json and its neighbours: the published shapes in both layouts, defaults of sparse files, and every field
 * out of range. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "engine/qwen25vl/config.h"

#define VISION_3B                                                                                                      \
    "\"vision_config\":{\"hidden_act\":\"silu\",\"hidden_size\":1280,\"in_chans\":3,\"out_hidden_size\":2048,"         \
    "\"spatial_patch_size\":14,\"tokens_per_second\":2}"
#define ROPE "\"rope_theta\":1000000.0,\"rope_scaling\":{\"type\":\"mrope\",\"mrope_section\":[16,24,24]}"
#define TEXT_3B                                                                                                        \
    "\"hidden_act\":\"silu\",\"hidden_size\":2048,\"intermediate_size\":11008,\"max_position_embeddings\":128000,"     \
    "\"num_attention_heads\":16,\"num_hidden_layers\":36,\"num_key_value_heads\":2,\"rms_norm_eps\":1e-06,"            \
    "\"use_sliding_window\":false,\"vocab_size\":151936"
#define IDS                                                                                                            \
    "\"bos_token_id\":151643,\"eos_token_id\":151645,\"vision_start_token_id\":151652,\"vision_end_token_id\":151653," \
    "\"vision_token_id\":151654,\"image_token_id\":151655,\"video_token_id\":151656"
#define TYPE "\"model_type\":\"qwen2_5_vl\""
#define FLAT "{" TYPE "," TEXT_3B "," ROPE "," IDS ",\"tie_word_embeddings\":true," VISION_3B "}"

static enum b_code parse(const char *config, const char *generation, const char *preprocess, struct eng_qwen_config *c,
                         struct b_err *err)
{
    return eng_qwen_config_parse(config, strlen(config), generation, generation ? strlen(generation) : 0, preprocess,
                                 preprocess ? strlen(preprocess) : 0, c, err);
}

static void shape_3b(void **state)
{
    (void)state;
    struct eng_qwen_config c;
    assert_int_equal(parse(FLAT, NULL, NULL, &c, NULL), B_OK);
    assert_int_equal(c.text.hidden, 2048);
    assert_int_equal(c.text.layers, 36);
    assert_int_equal(c.text.heads, 16);
    assert_int_equal(c.text.kv_heads, 2);
    assert_int_equal(c.text.head_dim, 128);
    assert_int_equal(c.text.intermediate, 11008);
    assert_int_equal(c.text.vocab, 151936);
    assert_true(c.text.tied);
    assert_true(c.text.eps == 1e-6f);
    assert_true(c.text.rope_theta == 1e6);
    assert_int_equal(c.text.mrope_section[2], 24);
    assert_int_equal(c.vision.depth, 32);
    assert_int_equal(c.vision.hidden, 1280);
    assert_int_equal(c.vision.heads, 16);
    assert_int_equal(c.vision.head_dim, 80);
    assert_int_equal(c.vision.intermediate, 3420);
    assert_int_equal(c.vision.window, 112);
    assert_int_equal(c.vision.patch_values, 1176);
    assert_true(c.vision.tokens_per_second == 2);
    for (int i = 0; i < 32; i++)
        assert_int_equal(c.vision.full_attention[i], i % 8 == 7);
    assert_int_equal(c.ids.image_pad, 151655);
    assert_int_equal(c.quant.kind, ENG_QWEN_QUANT_NONE);
    /* Without generation_config.json the reference's class defaults hold. */
    assert_true(c.generation.repetition_penalty == 1.0);
    assert_false(c.generation.do_sample);
    assert_int_equal(c.generation.n_stops, 1);
    assert_int_equal(c.generation.stops[0], 151645);
    assert_int_equal(c.preprocess.min_pixels, 3136);
    assert_int_equal(c.preprocess.max_pixels, 12845056);
    assert_true(c.preprocess.mean[2] == 0.40821073f);
}

static void nested_and_renamed(void **state)
{
    (void)state;
    static const char nested[] =
        "{" TYPE ",\"image_token_id\":151655,\"video_token_id\":151656,\"text_config\":{\"model_type\":\"qwen2_5_vl_"
        "text\"," TEXT_3B ",\"tie_word_embeddings\":true,\"bos_token_id\":null,\"eos_token_id\":151645,"
        "\"rope_parameters\":{\"rope_type\":\"default\",\"rope_theta\":500000.0,\"mrope_section\":[16,24,24]}},"
        "\"vision_config\":{\"hidden_size\":1280,\"out_hidden_size\":2048,\"in_channels\":3,\"depth\":4,"
        "\"fullatt_block_indexes\":[0,3]}}";
    struct eng_qwen_config c;
    struct b_err err;
    if (parse(nested, NULL, NULL, &c, &err) != B_OK)
        fail_msg("%s", err.message);
    assert_int_equal(c.text.hidden, 2048);
    assert_true(c.text.tied);
    assert_true(c.text.rope_theta == 500000.0);
    assert_int_equal(c.ids.bos, -1);
    assert_int_equal(c.ids.vision_start, 151652);
    assert_true(c.vision.tokens_per_second == 4); /* the class's default where the file is silent */
    assert_true(c.vision.full_attention[0] && c.vision.full_attention[3] && !c.vision.full_attention[1]);
}

static void larger_shapes(void **state)
{
    (void)state;
    /* 7B: out_hidden_size is absent and 3584 by default. 72B: padded MLP of the int4 files. */
    static const char b7[] =
        "{" TYPE "," ROPE "," IDS ",\"hidden_size\":3584,\"intermediate_size\":18944,\"num_attention_heads\":28,"
        "\"num_hidden_layers\":28,\"num_key_value_heads\":4,\"rms_norm_eps\":1e-6,\"vocab_size\":152064,"
        "\"vision_config\":{\"hidden_size\":1280,\"tokens_per_second\":2}}";
    static const char b72[] =
        "{" TYPE "," ROPE "," IDS ",\"hidden_size\":8192,\"intermediate_size\":29696,\"num_attention_heads\":64,"
        "\"num_hidden_layers\":80,\"num_key_value_heads\":8,\"rms_norm_eps\":1e-6,\"vocab_size\":152064,"
        "\"quantization_config\":{\"bits\":4,\"group_size\":128,\"modules_to_not_convert\":[\"visual\"],"
        "\"quant_method\":\"awq\",\"version\":\"gemm\",\"zero_point\":true},"
        "\"vision_config\":{\"hidden_size\":1280,\"intermediate_size\":3456,\"out_hidden_size\":8192}}";
    struct eng_qwen_config c;
    assert_int_equal(parse(b7, NULL, NULL, &c, NULL), B_OK);
    assert_int_equal(c.vision.out_hidden, 3584);
    assert_false(c.text.tied);
    assert_int_equal(parse(b72, NULL, NULL, &c, NULL), B_OK);
    assert_int_equal(c.text.intermediate, 29696);
    assert_int_equal(c.vision.intermediate, 3456);
    assert_int_equal(c.quant.kind, ENG_QWEN_QUANT_AWQ);
    assert_int_equal(c.quant.bits, 4);
}

static void generation(void **state)
{
    (void)state;
    struct eng_qwen_config c;
    assert_int_equal(parse(FLAT, "{\"eos_token_id\":151645,\"pad_token_id\":151643}", NULL, &c, NULL), B_OK);
    assert_int_equal(c.generation.n_stops, 1);
    assert_true(c.generation.repetition_penalty == 1.0);
    assert_int_equal(parse(FLAT,
                           "{\"eos_token_id\":[151645,151643],\"repetition_penalty\":1.05,\"temperature\":0.1,"
                           "\"top_k\":1,\"top_p\":0.001,\"do_sample\":true}",
                           NULL, &c, NULL),
                     B_OK);
    assert_int_equal(c.generation.n_stops, 2);
    assert_int_equal(c.generation.stops[1], 151643);
    assert_int_equal(c.generation.top_k, 1);
    assert_true(c.generation.top_p == 0.001);
    assert_true(c.generation.do_sample);
    static const char *const bad[] = {
        "{\"eos_token_id\":[]}",
        "{\"eos_token_id\":[1,2,3,4,5,6,7,8,9]}",
        "{\"eos_token_id\":\"x\"}",
        "{\"eos_token_id\":151936}",
        "{\"eos_token_id\":-1}",
        "{\"repetition_penalty\":0}",
        "{\"repetition_penalty\":\"1\"}",
        "{\"temperature\":-1}",
        "{\"top_p\":0}",
        "{\"top_p\":1.5}",
        "{\"top_k\":-3}",
        "{\"do_sample\":1}",
        "[]",
        "{",
        "{\"temperature\":1e999}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (parse(FLAT, bad[i], NULL, &c, NULL) == B_OK)
            fail_msg("accepted: %s", bad[i]);
}

static void preprocess(void **state)
{
    (void)state;
    struct eng_qwen_config c;
    assert_int_equal(parse(FLAT, NULL,
                           "{\"min_pixels\":784,\"max_pixels\":2000000,\"image_mean\":[0.5,0.25,0],"
                           "\"image_std\":[1,0.5,2],\"resample\":3}",
                           &c, NULL),
                     B_OK);
    assert_int_equal(c.preprocess.min_pixels, 784);
    assert_int_equal(c.preprocess.max_pixels, 2000000);
    assert_true(c.preprocess.mean[1] == 0.25f && c.preprocess.std[2] == 2.0f);
    assert_int_equal(parse(FLAT, NULL, "{\"size\":{\"shortest_edge\":4000,\"longest_edge\":90000}}", &c, NULL), B_OK);
    assert_int_equal(c.preprocess.min_pixels, 4000);
    assert_int_equal(c.preprocess.max_pixels, 90000);
    static const char *const bad[] = {
        "{\"min_pixels\":0}",
        "{\"min_pixels\":9000,\"max_pixels\":8000}",
        "{\"patch_size\":16}",
        "{\"merge_size\":1}",
        "{\"image_std\":[1,1,0]}",
        "{\"image_mean\":[1,1]}",
        "{\"image_mean\":[1,1,null]}",
        "{\"resample\":2}",
        "{\"max_pixels\":1e30}",
        "{\"temporal_patch_size\":1}",
        "{\"size\":7}",
        "{\"rescale_factor\":0}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (parse(FLAT, NULL, bad[i], &c, NULL) == B_OK)
            fail_msg("accepted: %s", bad[i]);
}

/* FLAT with one piece of text replaced. */
static const char *changed(const char *from, const char *to, char *out, size_t cap)
{
    const char *at = strstr(FLAT, from);
    assert_non_null(at);
    const int n = snprintf(out, cap, "%.*s%s%s", (int)(at - FLAT), FLAT, to, at + strlen(from));
    assert_true(n > 0 && (size_t)n < cap);
    return out;
}

static void out_of_range(void **state)
{
    (void)state;
    static const char *const edits[][2] = {
        {"\"qwen2_5_vl\"", "\"qwen3_vl\""},
        {"\"qwen2_5_vl\"", "7"},
        {"\"hidden_size\":2048", "\"hidden_size\":0"},
        {"\"hidden_size\":2048", "\"hidden_size\":-2048"},
        {"\"hidden_size\":2048", "\"hidden_size\":1048576"},
        {"\"hidden_size\":2048", "\"hidden_size\":\"2048\""},
        {"\"hidden_size\":2048", "\"hidden_size\":2048.5"},
        {"\"hidden_size\":2048,", ""},
        {"\"num_hidden_layers\":36,", ""},
        {"\"num_attention_heads\":16,", ""},
        {"\"intermediate_size\":11008,", ""},
        {",\"vocab_size\":151936", ""},
        {"\"num_hidden_layers\":36", "\"num_hidden_layers\":100000"},
        {"\"num_attention_heads\":16", "\"num_attention_heads\":0"},
        {"\"num_attention_heads\":16", "\"num_attention_heads\":15"},
        {"\"num_key_value_heads\":2", "\"num_key_value_heads\":3"},
        {"\"num_key_value_heads\":2", "\"num_key_value_heads\":0"},
        {"\"vocab_size\":151936", "\"vocab_size\":100000000"},
        {"\"vocab_size\":151936", "\"vocab_size\":1000"}, /* the ids no longer fit */
        {"\"rms_norm_eps\":1e-06", "\"rms_norm_eps\":0"},
        {"\"rms_norm_eps\":1e-06", "\"rms_norm_eps\":-1"},
        {"[16,24,24]", "[16,24]"},
        {"[16,24,24]", "[16,24,25]"},
        {"[16,24,24]", "[-16,40,40]"},
        {"[16,24,24]", "[9223372036854775807,24,24]"},
        {"\"type\":\"mrope\"", "\"type\":\"yarn\""},
        {"\"rope_theta\":1000000.0", "\"rope_theta\":0"},
        {"\"use_sliding_window\":false", "\"use_sliding_window\":true"},
        {"\"hidden_act\":\"silu\"", "\"hidden_act\":\"gelu\""},
        {"\"image_token_id\":151655", "\"image_token_id\":151656"},
        {"\"image_token_id\":151655", "\"image_token_id\":151936"},
        {"\"eos_token_id\":151645", "\"eos_token_id\":[]"},
        {"\"in_chans\":3", "\"in_chans\":1"},
        {"\"hidden_size\":1280", "\"hidden_size\":1279"},
        {"\"out_hidden_size\":2048", "\"out_hidden_size\":3584"},
        {"\"tokens_per_second\":2", "\"tokens_per_second\":-2"},
        {"\"tokens_per_second\":2", "\"window_size\":100"},
        {"\"tokens_per_second\":2", "\"patch_size\":0"},
        {"\"tokens_per_second\":2", "\"spatial_merge_size\":0"},
        {"\"tokens_per_second\":2", "\"temporal_patch_size\":0"},
        {"\"tokens_per_second\":2", "\"depth\":129"},
        {"\"tokens_per_second\":2", "\"fullatt_block_indexes\":[-1]"},
        {"\"tokens_per_second\":2", "\"fullatt_block_indexes\":[128]"},
        {"\"tokens_per_second\":2", "\"fullatt_block_indexes\":7"},
        {"\"tie_word_embeddings\":true", "\"tie_word_embeddings\":1"},
        {"\"tie_word_embeddings\":true", "\"quantization_config\":{\"quant_method\":\"gptq\",\"bits\":4}"},
        {"\"tie_word_embeddings\":true", "\"quantization_config\":{\"quant_method\":\"awq\",\"bits\":3}"},
        {"\"tie_word_embeddings\":true", "\"quantization_config\":{\"quant_method\":\"awq\",\"group_size\":100}"},
        {"\"tie_word_embeddings\":true", "\"quantization_config\":{\"quant_method\":\"awq\",\"version\":\"gemv\"}"},
    };
    struct eng_qwen_config c;
    char text[4096];
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        struct b_err err;
        b_err_clear(&err);
        const enum b_code code = parse(changed(edits[i][0], edits[i][1], text, sizeof text), NULL, NULL, &c, &err);
        if (code == B_OK || code != err.code || !err.message[0])
            fail_msg("accepted: %s", edits[i][1]);
    }
}

static void missing_file(void **state)
{
    (void)state;
    struct eng_qwen_config c;
    struct b_err err;
    assert_int_equal(eng_qwen_config_load("no/such/folder", &c, &err), B_NOT_FOUND);
    assert_true(err.advice[0] != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shape_3b),     cmocka_unit_test(nested_and_renamed), cmocka_unit_test(larger_shapes),
        cmocka_unit_test(generation),   cmocka_unit_test(preprocess),         cmocka_unit_test(out_of_range),
        cmocka_unit_test(missing_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
