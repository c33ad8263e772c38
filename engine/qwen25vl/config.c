/* SPDX-License-Identifier: Apache-2.0 */
/* config.json and its two neighbours as one checked value. The published files are sparse: what they leave out
 * has the defaults of the reference's configuration class, not of the largest model. */
#include "engine/qwen25vl/config.h"

#include <string.h>

#include "engine/qwen25vl/json_read.h"

/* Most pixels a preprocessor_config may allow, 4096 times the published bound. */
#define MAX_PIXELS ((int64_t)1 << 36)

static int small(struct qj_reader *r, const char *key, int64_t low, int64_t high, int64_t fallback)
{
    return (int)qj_int(r, key, low, high, fallback);
}

static void need_silu(struct qj_reader *r)
{
    const char *act = qj_text(r, "hidden_act");
    if (act && strcmp(act, "silu") != 0)
        qj_fail(r, B_UNSUPPORTED, "hidden_act \"%.40s\" is not silu", act);
}

static void read_full_attention(struct qj_reader *r, struct eng_qwen_vision *v)
{
    static const int usual[] = {7, 15, 23, 31};
    const json_t *list = qj_array(r, "fullatt_block_indexes");
    if (!list) {
        for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
            if (usual[i] < v->depth)
                v->full_attention[usual[i]] = true;
        return;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const json_int_t block = json_integer_value(item);
        if (!json_is_integer(item) || block < 0 || block >= ENG_QWEN_MAX_DEPTH) {
            qj_fail(r, B_FORMAT, "fullatt_block_indexes has an entry that is no block");
            return;
        }
        v->full_attention[block] = true; /* a block beyond depth is never asked for */
    }
}

static void read_vision(struct qj_reader *r, struct eng_qwen_vision *v)
{
    need_silu(r);
    v->depth = small(r, "depth", 1, ENG_QWEN_MAX_DEPTH, 32);
    v->hidden = small(r, "hidden_size", 4, ENG_QWEN_MAX_HIDDEN, 3584);
    v->intermediate = small(r, "intermediate_size", 1, ENG_QWEN_MAX_INTERMEDIATE, 3420);
    v->heads = small(r, "num_heads", 1, ENG_QWEN_MAX_HEADS, 16);
    const int channels = small(r, "in_chans", 1, 16, small(r, "in_channels", 1, 16, ENG_QWEN_CHANNELS));
    v->patch = small(r, "patch_size", 1, 64, 14);
    v->temporal_patch = small(r, "temporal_patch_size", 1, 8, 2);
    v->merge = small(r, "spatial_merge_size", 1, 8, 2);
    v->window = small(r, "window_size", 1, 4096, 112);
    v->out_hidden = small(r, "out_hidden_size", 1, ENG_QWEN_MAX_HIDDEN, 3584);
    v->tokens_per_second = qj_real(r, "tokens_per_second", 0, 1000, 4);
    v->eps = (float)qj_real(r, "rms_norm_eps", 1e-12, 1e-2, 1e-6);
    v->rope_theta = 10000.0;
    if (channels != ENG_QWEN_CHANNELS)
        qj_fail(r, B_UNSUPPORTED, "%d input channels instead of %d", channels, ENG_QWEN_CHANNELS);
    if (v->hidden % v->heads || v->hidden / v->heads % 4 || v->hidden / v->heads > ENG_QWEN_MAX_HEAD_DIM)
        qj_fail(r, B_FORMAT, "vision hidden_size %d does not fit %d heads", v->hidden, v->heads);
    if (v->window % (v->patch * v->merge))
        qj_fail(r, B_UNSUPPORTED, "window_size %d is no multiple of %d", v->window, v->patch * v->merge);
    v->head_dim = v->hidden / v->heads;
    v->patch_values = ENG_QWEN_CHANNELS * v->temporal_patch * v->patch * v->patch;
    read_full_attention(r, v);
}

/* rope_scaling of the published files, rope_parameters of newer ones: only plain MRoPE is read. */
static void read_rope(struct qj_reader *r, struct eng_qwen_text *t)
{
    const json_t *rope = qj_object(r, "rope_scaling");
    if (!rope)
        rope = qj_object(r, "rope_parameters");
    struct qj_reader inner = {.object = rope, .where = r->where, .err = r->err, .code = r->code};
    const char *kinds[2] = {qj_text(&inner, "type"), qj_text(&inner, "rope_type")};
    for (int i = 0; i < 2; i++)
        if (kinds[i] && strcmp(kinds[i], "mrope") != 0 && strcmp(kinds[i], "default") != 0)
            qj_fail(&inner, B_UNSUPPORTED, "rope scaling \"%.40s\" is not mrope", kinds[i]);
    const json_t *theta_of = qj_find(r, "rope_theta") ? NULL : rope;
    struct qj_reader theta = {.object = theta_of, .fallback = r->object, .where = r->where, .err = r->err};
    if (!theta_of)
        theta = *r;
    t->rope_theta = qj_real(&theta, "rope_theta", 1, 1e12, 1000000.0);
    const json_t *sections = qj_array(&inner, "mrope_section");
    int64_t sum = 0;
    if (json_array_size(sections) != 3)
        qj_fail(&inner, B_FORMAT, "mrope_section has not three entries");
    for (size_t i = 0; i < 3 && !inner.code; i++) {
        const json_int_t n = json_integer_value(json_array_get(sections, i));
        if (n < 0 || n > t->head_dim)
            qj_fail(&inner, B_FORMAT, "an entry of mrope_section is out of range");
        else
            sum += t->mrope_section[i] = (int)n;
    }
    if (sum * 2 != t->head_dim)
        qj_fail(&inner, B_FORMAT, "mrope_section does not add up to half of head_dim %d", t->head_dim);
    r->code = inner.code ? inner.code : theta.code;
}

static void read_text(struct qj_reader *r, struct eng_qwen_text *t)
{
    need_silu(r);
    t->hidden = small(r, "hidden_size", 1, ENG_QWEN_MAX_HIDDEN, QJ_REQUIRED);
    t->layers = small(r, "num_hidden_layers", 1, ENG_QWEN_MAX_LAYERS, QJ_REQUIRED);
    t->heads = small(r, "num_attention_heads", 1, ENG_QWEN_MAX_HEADS, QJ_REQUIRED);
    t->kv_heads = small(r, "num_key_value_heads", 1, ENG_QWEN_MAX_HEADS, t->heads);
    t->head_dim = small(r, "head_dim", 1, ENG_QWEN_MAX_HEAD_DIM, t->hidden / t->heads);
    t->intermediate = small(r, "intermediate_size", 1, ENG_QWEN_MAX_INTERMEDIATE, QJ_REQUIRED);
    t->vocab = small(r, "vocab_size", 1, ENG_QWEN_MAX_VOCAB, QJ_REQUIRED);
    t->max_positions = small(r, "max_position_embeddings", 1, 1 << 28, 32768);
    t->eps = (float)qj_real(r, "rms_norm_eps", 1e-12, 1e-2, 1e-5);
    if (qj_bool(r, "use_sliding_window", false))
        qj_fail(r, B_UNSUPPORTED, "use_sliding_window is on");
    if (t->heads % t->kv_heads)
        qj_fail(r, B_FORMAT, "%d heads do not share %d key-value heads evenly", t->heads, t->kv_heads);
    if (t->head_dim < 2 || t->head_dim % 2 || t->head_dim > ENG_QWEN_MAX_HEAD_DIM)
        qj_fail(r, B_FORMAT, "head_dim %d is not even or out of range", t->head_dim);
    read_rope(r, t);
}

static void read_token_ids(struct qj_reader *r, int vocab, struct eng_qwen_token_ids *ids)
{
    const int64_t last = vocab - 1;
    ids->bos = (int32_t)qj_int(r, "bos_token_id", 0, last, -1);
    ids->vision_start = (int32_t)qj_int(r, "vision_start_token_id", 0, last, 151652);
    ids->vision_end = (int32_t)qj_int(r, "vision_end_token_id", 0, last, 151653);
    ids->vision_pad = (int32_t)qj_int(r, "vision_token_id", 0, last, 151654);
    ids->image_pad = (int32_t)qj_int(r, "image_token_id", 0, last, 151655);
    ids->video_pad = (int32_t)qj_int(r, "video_token_id", 0, last, 151656);
    ids->eos = json_is_array(qj_find(r, "eos_token_id")) ? -1 : (int32_t)qj_int(r, "eos_token_id", 0, last, 151645);
    if (ids->eos < 0) {
        const json_t *first = json_array_get(qj_find(r, "eos_token_id"), 0);
        ids->eos = json_is_integer(first) && json_integer_value(first) >= 0 && json_integer_value(first) <= last
                       ? (int32_t)json_integer_value(first)
                       : -1;
    }
    const int32_t all[] = {ids->eos, ids->vision_start, ids->vision_end, ids->image_pad, ids->video_pad};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i] < 0 || all[i] > last)
            qj_fail(r, B_FORMAT, "a special token's id is missing or outside of the vocabulary of %d", vocab);
    if (ids->vision_pad > last)
        ids->vision_pad = -1; /* no part of any prompt: newer files leave it out */
    if (ids->image_pad == ids->video_pad)
        qj_fail(r, B_FORMAT, "image and video pads have one id");
}

static void read_quant(struct qj_reader *r, struct eng_qwen_quant *q)
{
    const json_t *object = qj_object(r, "quantization_config");
    if (!object)
        return;
    struct qj_reader inner = {.object = object, .where = "quantization_config", .err = r->err, .code = r->code};
    const char *method = qj_text(&inner, "quant_method"), *version = qj_text(&inner, "version");
    if (!method || strcmp(method, "awq") != 0)
        qj_fail(&inner, B_UNSUPPORTED, "quant_method \"%.40s\" is not awq", method ? method : "");
    if (version && strcmp(version, "gemm") != 0 && strcmp(version, "GEMM") != 0)
        qj_fail(&inner, B_UNSUPPORTED, "version \"%.40s\" is not gemm", version);
    if (!qj_bool(&inner, "zero_point", true))
        qj_fail(&inner, B_UNSUPPORTED, "zero_point is off");
    q->bits = small(&inner, "bits", 4, 4, small(&inner, "w_bit", 4, 4, 4));
    q->group = small(&inner, "group_size", 16, 1024, small(&inner, "q_group_size", 16, 1024, 128));
    if (q->group & (q->group - 1))
        qj_fail(&inner, B_UNSUPPORTED, "group_size %d is no power of two", q->group);
    q->kind = ENG_QWEN_QUANT_AWQ;
    r->code = inner.code;
}

static enum b_code read_config(const json_t *root, struct eng_qwen_config *c, struct b_err *err)
{
    struct qj_reader top = {.object = root, .where = "config.json", .err = err};
    const char *type = qj_text(&top, "model_type");
    if (!type || strcmp(type, "qwen2_5_vl") != 0)
        qj_fail(&top, B_UNSUPPORTED, "model_type \"%.40s\" is not qwen2_5_vl", type ? type : "");
    struct qj_reader text = top;
    text.fallback = root;
    text.object = qj_object(&top, "text_config");
    text.code = top.code;
    read_text(&text, &c->text);
    c->text.tied = qj_bool(&top, "tie_word_embeddings", false) || qj_bool(&text, "tie_word_embeddings", false);
    struct qj_reader vision = {.object = qj_object(&top, "vision_config"), .where = "vision_config", .err = err};
    vision.code = text.code;
    read_vision(&vision, &c->vision);
    if (c->vision.out_hidden != c->text.hidden)
        qj_fail(&vision, B_FORMAT, "out_hidden_size %d differs from the decoder's hidden_size %d", c->vision.out_hidden,
                c->text.hidden);
    /* Ids stand at the top even where the rest is nested. */
    struct qj_reader ids = {.object = root, .fallback = text.object, .where = top.where, .err = err};
    ids.code = vision.code;
    read_token_ids(&ids, c->text.vocab, &c->ids);
    read_quant(&ids, &c->quant);
    return top.code ? top.code : ids.code;
}

static void read_stops(struct qj_reader *r, const struct eng_qwen_config *c, struct eng_qwen_generation *g)
{
    const json_t *value = qj_find(r, "eos_token_id");
    const size_t n = json_is_array(value) ? json_array_size(value) : 1;
    if (!value) {
        g->stops[g->n_stops++] = c->ids.eos;
        return;
    }
    if (n == 0 || n > ENG_QWEN_MAX_STOPS) {
        qj_fail(r, B_FORMAT, "eos_token_id has %zu entries", n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_is_array(value) ? json_array_get(value, i) : value;
        if (!json_is_integer(item) || json_integer_value(item) < 0 || json_integer_value(item) >= c->text.vocab) {
            qj_fail(r, B_FORMAT, "eos_token_id holds what is no id");
            return;
        }
        g->stops[g->n_stops++] = (int32_t)json_integer_value(item);
    }
}

/* root NULL: the defaults, which are those of the reference's class. */
static enum b_code read_generation(const json_t *root, struct eng_qwen_config *c, struct b_err *err)
{
    struct qj_reader r = {.object = root, .where = "generation_config.json", .err = err};
    struct eng_qwen_generation *g = &c->generation;
    g->repetition_penalty = qj_real(&r, "repetition_penalty", 0.01, 10, 1.0);
    g->temperature = qj_real(&r, "temperature", 0, 100, 1.0);
    g->top_p = qj_real(&r, "top_p", 1e-9, 1, 1.0);
    g->top_k = small(&r, "top_k", 0, ENG_QWEN_MAX_VOCAB, 50);
    g->do_sample = qj_bool(&r, "do_sample", false);
    g->pad = (int32_t)qj_int(&r, "pad_token_id", 0, c->text.vocab - 1, -1);
    read_stops(&r, c, g);
    return r.code;
}

static void read_triple(struct qj_reader *r, const char *key, double low, double high, const float fallback[3],
                        float out[3])
{
    const json_t *list = qj_array(r, key);
    memcpy(out, fallback, 3 * sizeof *out);
    if (!list)
        return;
    if (json_array_size(list) != 3) {
        qj_fail(r, B_FORMAT, "%s has not three entries", key);
        return;
    }
    for (size_t i = 0; i < 3; i++) {
        const json_t *item = json_array_get(list, i);
        const double value = json_number_value(item);
        if (!json_is_number(item) || !(value >= low && value <= high))
            qj_fail(r, B_FORMAT, "an entry of %s is not a number from %g to %g", key, low, high);
        else
            out[i] = (float)value;
    }
}

static enum b_code read_preprocess(const json_t *root, struct eng_qwen_config *c, struct b_err *err)
{
    static const float mean[3] = {0.48145466f, 0.4578275f, 0.40821073f};
    static const float std[3] = {0.26862954f, 0.26130258f, 0.27577711f};
    struct qj_reader r = {.object = root, .where = "preprocessor_config.json", .err = err};
    struct eng_qwen_preprocess *p = &c->preprocess;
    /* Newer files say shortest_edge and longest_edge for what are areas. */
    struct qj_reader size = r;
    size.object = qj_object(&r, "size");
    const int64_t least = qj_int(&size, "shortest_edge", 1, MAX_PIXELS, 3136);
    const int64_t most = qj_int(&size, "longest_edge", 1, MAX_PIXELS, 12845056);
    r.code = r.code ? r.code : size.code;
    p->min_pixels = qj_int(&r, "min_pixels", 1, MAX_PIXELS, least);
    p->max_pixels = qj_int(&r, "max_pixels", 1, MAX_PIXELS, most);
    p->patch = small(&r, "patch_size", 1, 64, c->vision.patch);
    p->temporal_patch = small(&r, "temporal_patch_size", 1, 8, c->vision.temporal_patch);
    p->merge = small(&r, "merge_size", 1, 8, c->vision.merge);
    p->rescale = qj_real(&r, "rescale_factor", 1e-6, 1, 1.0 / 255.0);
    read_triple(&r, "image_mean", -1000, 1000, mean, p->mean);
    read_triple(&r, "image_std", 1e-6, 1000, std, p->std);
    if (p->min_pixels > p->max_pixels)
        qj_fail(&r, B_FORMAT, "min_pixels is above max_pixels");
    if (p->patch != c->vision.patch || p->temporal_patch != c->vision.temporal_patch || p->merge != c->vision.merge)
        qj_fail(&r, B_FORMAT, "patch sizes differ from those of config.json");
    if (qj_int(&r, "resample", 0, 100, 3) != 3)
        qj_fail(&r, B_UNSUPPORTED, "resample is not 3 (bicubic)");
    return r.code;
}

static enum b_code read_all(const json_t *config, const json_t *generation, const json_t *preprocess,
                            struct eng_qwen_config *out, struct b_err *err)
{
    memset(out, 0, sizeof *out);
    enum b_code code = read_config(config, out, err);
    if (!code)
        code = read_generation(generation, out, err);
    if (!code)
        code = read_preprocess(preprocess, out, err);
    return code;
}

static enum b_code load_optional(const char *dir, const char *name, json_t **out, struct b_err *err)
{
    const enum b_code code = qj_load(dir, name, QJ_MAX_CONFIG, out, err);
    return code == B_NOT_FOUND ? B_OK : code;
}

enum b_code eng_qwen_config_load(const char *dir, struct eng_qwen_config *out, struct b_err *err)
{
    json_t *config = NULL, *generation = NULL, *preprocess = NULL;
    enum b_code code = qj_load(dir, "config.json", QJ_MAX_CONFIG, &config, err);
    if (code == B_NOT_FOUND)
        b_advise(err, "name a folder that holds a checkpoint as published: config.json, tokenizer and safetensors");
    if (!code)
        code = load_optional(dir, "generation_config.json", &generation, err);
    if (!code)
        code = load_optional(dir, "preprocessor_config.json", &preprocess, err);
    if (!code)
        code = read_all(config, generation, preprocess, out, err);
    json_decref(config);
    json_decref(generation);
    json_decref(preprocess);
    return code;
}

static enum b_code parse_optional(const char *text, size_t size, const char *what, json_t **out, struct b_err *err)
{
    return text ? qj_parse(text, size, QJ_MAX_CONFIG, what, out, err) : B_OK;
}

enum b_code eng_qwen_config_parse(const char *config, size_t config_size, const char *generation,
                                  size_t generation_size, const char *preprocess, size_t preprocess_size,
                                  struct eng_qwen_config *out, struct b_err *err)
{
    json_t *roots[3] = {NULL, NULL, NULL};
    enum b_code code = qj_parse(config, config_size, QJ_MAX_CONFIG, "config.json", &roots[0], err);
    if (!code)
        code = parse_optional(generation, generation_size, "generation_config.json", &roots[1], err);
    if (!code)
        code = parse_optional(preprocess, preprocess_size, "preprocessor_config.json", &roots[2], err);
    if (!code)
        code = read_all(roots[0], roots[1], roots[2], out, err);
    for (int i = 0; i < 3; i++)
        json_decref(roots[i]);
    return code;
}
