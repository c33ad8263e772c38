/* SPDX-License-Identifier: Apache-2.0 */
/* Writes small files of our own as seeds: make_qwen_seeds FOLDER makes
 * FOLDER/{safetensors,config,tokenizer,grammar}/... */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/buf.h"
#include "tests/support/tiny_vocab.h"

static const char *folder;

static void put(const char *name, const void *data, size_t size)
{
    char path[4096];
    const int n = snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = n > 0 && (size_t)n < sizeof path ? fopen(path, "wb") : NULL;
    if (!f || fwrite(data, 1, size, f) != size || fclose(f) != 0) {
        fprintf(stderr, "cannot write %s\n", name);
        exit(1);
    }
}

static void weights(const char *name, const char *header, size_t bytes)
{
    struct b_buf out;
    const size_t len = strlen(header);
    b_buf_init(&out, 1 << 16);
    for (int i = 0; i < 8; i++)
        b_buf_putc(&out, (char)(len >> (8 * i)));
    b_buf_puts(&out, header);
    for (size_t i = 0; i < bytes; i++)
        b_buf_putc(&out, (char)(i * 37));
    put(name, out.data, out.len);
    b_buf_free(&out);
}

static const char config[] =
    "{\"model_type\":\"qwen2_5_vl\",\"hidden_size\":96,\"num_hidden_layers\":3,\"num_attention_heads\":6,"
    "\"num_key_value_heads\":2,\"intermediate_size\":200,\"vocab_size\":1024,\"rms_norm_eps\":1e-6,\"hidden_act\":"
    "\"silu\","
    "\"rope_theta\":1000000.0,\"rope_scaling\":{\"type\":\"mrope\",\"mrope_section\":[2,3,3]},\"bos_token_id\":1000,"
    "\"eos_token_id\":[1002],\"vision_start_token_id\":1009,\"vision_end_token_id\":1010,\"vision_token_id\":1011,"
    "\"image_token_id\":1012,\"video_token_id\":1013,\"quantization_config\":{\"quant_method\":\"awq\",\"bits\":4,"
    "\"group_size\":128,\"version\":\"gemm\",\"zero_point\":true},\"vision_config\":{\"depth\":4,\"hidden_size\":64,"
    "\"num_heads\":4,\"out_hidden_size\":96,\"in_chans\":3,\"window_size\":112,\"fullatt_block_indexes\":[1,3],"
    "\"tokens_per_second\":2,\"patch_size\":14,\"spatial_merge_size\":2,\"temporal_patch_size\":2}}";

static void configs(void)
{
    struct b_buf out;
    b_buf_init(&out, 1 << 16);
    b_buf_puts(&out, config);
    put("config/alone", out.data, out.len);
    b_buf_putc(&out, '\0');
    b_buf_puts(&out, "{\"repetition_penalty\":1.05,\"eos_token_id\":[1002,1000],\"temperature\":0.1,\"top_k\":1,"
                     "\"top_p\":0.001,\"do_sample\":true,\"pad_token_id\":1000}");
    b_buf_putc(&out, '\0');
    b_buf_puts(&out, "{\"min_pixels\":3136,\"max_pixels\":12845056,\"patch_size\":14,\"temporal_patch_size\":2,"
                     "\"merge_size\":2,\"image_mean\":[0.48,0.45,0.4],\"image_std\":[0.26,0.26,0.27],"
                     "\"size\":{\"shortest_edge\":3136,\"longest_edge\":12845056},\"resample\":3}");
    put("config/three", out.data, out.len);
    b_buf_clear(&out);
    b_buf_puts(&out, "{\"model_type\":\"qwen2_5_vl\",\"image_token_id\":12,\"video_token_id\":13,\"text_config\":{"
                     "\"hidden_size\":16,\"num_hidden_layers\":1,\"num_attention_heads\":1,\"intermediate_size\":8,"
                     "\"vocab_size\":20,\"eos_token_id\":3,\"vision_start_token_id\":1,\"vision_end_token_id\":2,"
                     "\"rope_parameters\":{\"rope_type\":\"default\",\"rope_theta\":10.5,\"mrope_section\":[2,3,3]}},"
                     "\"vision_config\":{\"hidden_size\":64,\"num_heads\":4,\"out_hidden_size\":16}}");
    put("config/nested", out.data, out.len);
    b_buf_free(&out);
}

static void tokenizers(void)
{
    static const char text[] = "tThe cat's  12 \xe4\xbd\xa0\xe5\xa5\xbd e\xcc\x81 aaaaaaa<|im_end|>\r\n\t x \xff abc";
    static const char merges[] = "m#version: 0.2\na b\nab c\n\0{\"<|im_end|>\":300}";
    static const char settings[] =
        "ca b\n\0{\"added_tokens_decoder\":{\"300\":{\"content\":\"<|im_end|>\",\"special\":true}}}";
    struct b_buf out;
    b_buf_init(&out, 1 << 16);
    b_buf_putc(&out, 'j');
    t_tokenizer_json(&out);
    put("tokenizer/json", out.data, out.len);
    b_buf_clear(&out);
    b_buf_putc(&out, 'v');
    t_vocab_json(&out);
    b_buf_putc(&out, '\0');
    b_buf_puts(&out, t_merges);
    put("tokenizer/files", out.data, out.len);
    b_buf_free(&out);
    put("tokenizer/text", text, sizeof text - 1);
    put("tokenizer/merges", merges, sizeof merges - 1);
    put("tokenizer/settings", settings, sizeof settings - 1);
}

static void grammars(void)
{
    static const char *const texts[] = {
        "groot ::= \"yes\" | \"no\" | list # the answer\nlist ::= \"[\" number (\",\" number){0,9} \"]\"\n"
        "number ::= [0-9]+ (\".\" [^a\\n\\u00e9]*)? .{2,} x?\nx ::= \"\\x41\"\n",
        "s{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":9},\"b\":{"
        "\"type\":"
        "[\"string\",\"null\"],\"maxLength\":5},\"c\":{\"type\":\"array\",\"items\":{\"$ref\":\"#\"},\"minItems\":1},"
        "\"d\":{\"enum\":[\"x\",1,null]}},\"required\":[\"a\"]}",
        "s{\"anyOf\":[{\"type\":\"number\",\"minimum\":0},{\"type\":\"boolean\"},{\"const\":\"k\"},{\"oneOf\":[{"
        "\"type\":"
        "\"null\"},{\"type\":\"object\",\"additionalProperties\":{\"prefixItems\":[{}],\"items\":false}}]}]}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char name[32];
        snprintf(name, sizeof name, "grammar/%zu", i);
        put(name, texts[i], strlen(texts[i]));
    }
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    folder = argv[1];
    weights("safetensors/two",
            "{\"__metadata__\":{\"format\":\"pt\"},\"model.visual.a\":{\"dtype\":\"BF16\",\"shape\":[2,3],"
            "\"data_offsets\":[0,12]},\"b\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[12,16]}}   ",
            16);
    weights("safetensors/odd", "{\"h\":{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[0,8]}}", 8);
    weights(
        "safetensors/int4",
        "{\"l.qweight\":{\"dtype\":\"I32\",\"shape\":[16,1],\"data_offsets\":[0,64]},\"l.qzeros\":{\"dtype\":\"I32\","
        "\"shape\":[1,1],\"data_offsets\":[64,68]},\"l.scales\":{\"dtype\":\"F16\",\"shape\":[1,8],"
        "\"data_offsets\":[68,84]}}",
        84);
    weights("safetensors/empty", "{}", 0);
    configs();
    tokenizers();
    grammars();
    return 0;
}
