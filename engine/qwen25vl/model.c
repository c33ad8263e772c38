/* SPDX-License-Identifier: Apache-2.0 */
/* Opens a checkpoint: finds every tensor the configuration calls for, checks its shape, widens norms and biases and
 * maps or packs the matrices. Invariant: an opened model has every pointer set and never changes again. */
#include "engine/qwen25vl/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOMAIN "qwen25vl"
#define SMALL_BYTES_MAX ((size_t)1 << 30) /* norms and biases; 72B: 12 MiB */
enum { NAME_MAX_LEN = 160 };

struct opening {
    struct eng_qwen *model;
    struct eng_team *team;
    enum eng_qwen_precision precision;
    struct b_err *err;
    enum b_code code; /* sticky: after a failure the rest does nothing */
};

static void fail(struct opening *o, enum b_code code)
{
    if (o->code == B_OK)
        o->code = code;
}

static const struct eng_weight *find(struct opening *o, const char *name, int n_dims, const int64_t *dims)
{
    const struct eng_weight *weight = NULL;
    if (o->code == B_OK)
        fail(o, eng_checkpoint_float(o->model->checkpoint, name, n_dims, dims, &weight, o->err));
    return o->code == B_OK ? weight : NULL;
}

/* "prefix" "suffix" as a widened vector of n. */
static const float *vector(struct opening *o, const char *prefix, const char *suffix, int n)
{
    char name[NAME_MAX_LEN + 32];
    int64_t dims[1] = {n};
    (void)snprintf(name, sizeof name, "%s%s", prefix, suffix);
    const struct eng_weight *weight = find(o, name, 1, dims);
    if (!weight)
        return NULL;
    float *out = b_arena_alloc(o->model->arena, (size_t)n * sizeof *out, 64);
    if (!out) {
        fail(o, b_arena_refused(o->model->arena, DOMAIN, o->err));
        return NULL;
    }
    eng_weight_to_f32(weight, 0, n, out);
    return out;
}

/* prefix.weight [n, k], with prefix.bias if there is one to be. */
static void map_layer(struct opening *o, const char *prefix, int n, int k, bool bias, bool round,
                      struct eng_linear *out)
{
    char name[NAME_MAX_LEN + 32];
    int64_t dims[2] = {n, k};
    (void)snprintf(name, sizeof name, "%s.weight", prefix);
    const struct eng_weight *weight = find(o, name, 2, dims);
    if (weight)
        eng_linear_map(o->model->kernels, weight, (size_t)n, (size_t)k, round, out);
    if (bias)
        out->bias = vector(o, prefix, ".bias", n);
}

static void pack_layer(struct opening *o, enum eng_linear_kind kind, struct eng_linear *linear)
{
    if (o->code != B_OK)
        return;
    struct eng_linear mapped = *linear;
    if (o->model->packed) {
        kind = kind == ENG_LINEAR_Q4_S8 && linear->k % ENG_LM_GROUP != 0 ? ENG_LINEAR_S8 : kind;
        fail(o, eng_packfile_take(o->model->packed, kind, mapped.n, mapped.k, linear, o->err));
        linear->bias = mapped.bias;
        return;
    }
    fail(o, eng_linear_pack(o->team, kind, linear, o->err));
    if (o->code == B_OK)
        eng_qwen_release(o->model, &mapped);
}

/* A matrix of the decoder in the precision that was asked for. */
static void text_layer(struct opening *o, int layer, const char *part, int n, int k, bool bias, struct eng_linear *out)
{
    char prefix[NAME_MAX_LEN];
    const struct eng_qwen_quant *quant = &o->model->config.quant;
    (void)snprintf(prefix, sizeof prefix, "model.layers.%d.%s", layer, part);
    if (o->code == B_OK && quant->kind == ENG_QWEN_QUANT_AWQ) {
        struct eng_awq awq;
        enum eng_linear_kind kind = o->precision == ENG_QWEN_EXACT ? ENG_LINEAR_Q4 : ENG_LINEAR_Q4_S8;
        fail(o, eng_awq_find(o->model->checkpoint, prefix, k, n, quant->group, &awq, o->err));
        if (o->code == B_OK && o->model->packed)
            fail(o, eng_packfile_take(o->model->packed, kind, (size_t)n, (size_t)k, out, o->err));
        else if (o->code == B_OK)
            fail(o, eng_linear_awq(o->team, &awq, (size_t)n, (size_t)k, kind, out, o->err));
        if (bias)
            out->bias = vector(o, prefix, ".bias", n);
        return;
    }
    map_layer(o, prefix, n, k, bias, o->precision != ENG_QWEN_EXACT, out);
    if (o->precision == ENG_QWEN_INT8)
        pack_layer(o, ENG_LINEAR_S8, out);
    if (o->precision == ENG_QWEN_INT4)
        pack_layer(o, ENG_LINEAR_Q4_S8, out);
}

static void open_text(struct opening *o)
{
    struct eng_qwen *m = o->model;
    const struct eng_qwen_text *t = &m->config.text;
    int64_t dims[2] = {t->vocab, t->hidden};
    int q = t->heads * t->head_dim, kv = t->kv_heads * t->head_dim;
    m->embed = find(o, "model.embed_tokens.weight", 2, dims);
    m->final_norm = vector(o, "model.norm", ".weight", t->hidden);
    for (int i = 0; i < t->layers && o->code == B_OK; i++) {
        struct eng_layer *layer = &m->layers[i];
        char prefix[NAME_MAX_LEN];
        (void)snprintf(prefix, sizeof prefix, "model.layers.%d.", i);
        layer->norm1 = vector(o, prefix, "input_layernorm.weight", t->hidden);
        layer->norm2 = vector(o, prefix, "post_attention_layernorm.weight", t->hidden);
        text_layer(o, i, "self_attn.q_proj", q, t->hidden, true, &layer->q);
        text_layer(o, i, "self_attn.k_proj", kv, t->hidden, true, &layer->k);
        text_layer(o, i, "self_attn.v_proj", kv, t->hidden, true, &layer->v);
        text_layer(o, i, "self_attn.o_proj", t->hidden, q, false, &layer->o);
        text_layer(o, i, "mlp.gate_proj", t->intermediate, t->hidden, false, &layer->gate);
        text_layer(o, i, "mlp.up_proj", t->intermediate, t->hidden, false, &layer->up);
        text_layer(o, i, "mlp.down_proj", t->hidden, t->intermediate, false, &layer->down);
    }
    const char *head = t->tied ? "model.embed_tokens" : "lm_head";
    map_layer(o, head, t->vocab, t->hidden, false, o->precision != ENG_QWEN_EXACT, &m->head);
    if (o->precision == ENG_QWEN_INT8 || o->precision == ENG_QWEN_INT4)
        pack_layer(o, ENG_LINEAR_S8, &m->head);
}

static void open_block(struct opening *o, int index, struct eng_vision_block *block, bool round)
{
    const struct eng_qwen_vision *v = &o->model->config.vision;
    char prefix[NAME_MAX_LEN];
    int len = snprintf(prefix, sizeof prefix, "visual.blocks.%d.", index);
    block->norm1 = vector(o, prefix, "norm1.weight", v->hidden);
    block->norm2 = vector(o, prefix, "norm2.weight", v->hidden);
    const struct {
        const char *name;
        int n, k;
        struct eng_linear *out;
    } parts[] = {
        {"attn.qkv", 3 * v->hidden, v->hidden, &block->qkv},
        {"attn.proj", v->hidden, v->hidden, &block->proj},
        {"mlp.gate_proj", v->intermediate, v->hidden, &block->gate},
        {"mlp.up_proj", v->intermediate, v->hidden, &block->up},
        {"mlp.down_proj", v->hidden, v->intermediate, &block->down},
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        (void)snprintf(prefix + len, sizeof prefix - (size_t)len, "%s", parts[i].name);
        map_layer(o, prefix, parts[i].n, parts[i].k, true, round, parts[i].out);
        if (o->precision == ENG_QWEN_INT8)
            pack_layer(o, ENG_LINEAR_S8, parts[i].out);
    }
}

static void open_vision(struct opening *o)
{
    struct eng_qwen *m = o->model;
    const struct eng_qwen_vision *v = &m->config.vision;
    bool round = o->precision != ENG_QWEN_EXACT;
    int64_t dims[5] = {v->hidden, ENG_QWEN_CHANNELS, v->temporal_patch, v->patch, v->patch};
    int merged = v->hidden * v->merge * v->merge;
    const struct eng_weight *patch = find(o, "visual.patch_embed.proj.weight", 5, dims);
    if (patch)
        eng_linear_map(m->kernels, patch, (size_t)v->hidden, (size_t)v->patch_values, round, &m->patch_embed);
    for (int i = 0; i < v->depth && o->code == B_OK; i++)
        open_block(o, i, &m->blocks[i], round);
    m->merger_norm = vector(o, "visual.merger.", "ln_q.weight", v->hidden);
    map_layer(o, "visual.merger.mlp.0", merged, merged, true, round, &m->merger0);
    map_layer(o, "visual.merger.mlp.2", v->out_hidden, merged, true, round, &m->merger2);
}

static struct eng_packfile_key key_of(const struct eng_qwen *model)
{
    return (struct eng_packfile_key){model->identity, model->precision, model->kernels->name};
}

/* The file of packed weights, where the precision has one and somebody made it. */
static enum b_code open_packed(struct eng_qwen *model, const char *folder, struct b_err *err)
{
    char path[4096];
    struct b_err missing = {0};
    const struct eng_packfile_key key = key_of(model);
    if (model->precision != ENG_QWEN_INT8 && model->precision != ENG_QWEN_INT4)
        return B_OK;
    enum b_code code = eng_packfile_path(folder, &key, path, sizeof path, err);
    if (code == B_OK) {
        code = eng_packfile_open(path, &key, &model->packed, &missing);
        if (code == B_NOT_FOUND)
            return B_OK;
        if (code != B_OK && err)
            *err = missing;
    }
    return code;
}

bool eng_qwen_is_packed(const struct eng_qwen *model)
{
    return model->packed != NULL;
}

/* Every packed layer, as open_vision and open_text open them. */
static size_t list_packed(const struct eng_qwen *model, const struct eng_linear **all)
{
    size_t n = 0;
    for (int i = 0; model->precision == ENG_QWEN_INT8 && i < model->config.vision.depth; i++) {
        const struct eng_vision_block *b = &model->blocks[i];
        const struct eng_linear *parts[] = {&b->qkv, &b->proj, &b->gate, &b->up, &b->down};
        memcpy(all + n, parts, sizeof parts);
        n += sizeof parts / sizeof *parts;
    }
    for (int i = 0; i < model->config.text.layers; i++) {
        const struct eng_layer *l = &model->layers[i];
        const struct eng_linear *parts[] = {&l->q, &l->k, &l->v, &l->o, &l->gate, &l->up, &l->down};
        memcpy(all + n, parts, sizeof parts);
        n += sizeof parts / sizeof *parts;
    }
    all[n++] = &model->head;
    return n;
}

enum b_code eng_qwen_pack(const struct eng_qwen *model, const char *folder, char *path, size_t cap, struct b_err *err)
{
    const struct eng_packfile_key key = key_of(model);
    const size_t most = (size_t)model->config.text.layers * 7 + (size_t)model->config.vision.depth * 5 + 1;
    const struct eng_linear **all = calloc(most, sizeof(*all));
    if (!all)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    size_t n = list_packed(model, all);
    enum b_code code = B_OK;
    if (model->precision != ENG_QWEN_INT8 && model->precision != ENG_QWEN_INT4)
        code = b_fail(err, B_ARGUMENT, DOMAIN, "weights are packed in 8 or 4 bits only");
    if (code == B_OK)
        code = eng_packfile_path(folder, &key, path, cap, err);
    if (code == B_OK)
        code = eng_packfile_write(path, &key, all, n, err);
    free(all);
    return code;
}

static enum b_code open_parts(struct eng_qwen *model, const char *dir, const struct eng_qwen_options *options,
                              struct b_err *err)
{
    enum b_code code = eng_qwen_config_load(dir, &model->config, err);
    if (code == B_OK)
        code = eng_checkpoint_open(dir, &model->checkpoint, err);
    if (code == B_OK)
        code = eng_checkpoint_identity(model->checkpoint, model->identity, err);
    if (code != B_OK)
        return code;
    struct b_err missing = {0}; /* a model without a tokenizer still takes ids */
    code = eng_tokenizer_open(dir, &model->tokenizer, &missing);
    if (code != B_OK && code != B_NOT_FOUND) {
        if (err)
            *err = missing;
        return code;
    }
    code = open_packed(model, options->packed ? options->packed : dir, err);
    if (code != B_OK)
        return code;
    model->arena = b_arena_new(SMALL_BYTES_MAX);
    model->blocks = calloc((size_t)model->config.vision.depth, sizeof *model->blocks);
    model->layers = calloc((size_t)model->config.text.layers, sizeof *model->layers);
    if (!model->arena || !model->blocks || !model->layers)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    struct opening o = {.model = model, .precision = options->precision, .err = err};
    code = eng_team_new(options->threads > 0 ? options->threads : 1, &o.team, err);
    if (code != B_OK)
        return code;
    open_vision(&o);
    open_text(&o);
    eng_team_drop(o.team);
    return o.code;
}

enum b_code eng_qwen_open(const char *dir, const struct eng_qwen_options *options, struct eng_qwen **out,
                          struct b_err *err)
{
    static const struct eng_qwen_options defaults = {0};
    *out = NULL;
    if (!options)
        options = &defaults;
    const struct eng_lm_kernels *kernels =
        options->isa > 0 ? eng_lm_for((enum eng_lm_isa)(options->isa - 1)) : eng_lm_best();
    if (!kernels)
        return b_fail(err, B_UNSUPPORTED, DOMAIN, "this processor lacks the instructions that were asked for");
    struct eng_qwen *model = calloc(1, sizeof *model);
    if (!model)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    model->kernels = kernels;
    model->precision = options->precision;
    model->large = (enum eng_large_mode)options->large;
    model->half_cache = options->cache == ENG_QWEN_CACHE_F16 ||
                        (options->cache == ENG_QWEN_CACHE_AUTO && options->precision != ENG_QWEN_EXACT);
    model->release_tower = options->precision == ENG_QWEN_INT4;
    enum b_code code = open_parts(model, dir, options, err);
    if (code != B_OK) {
        eng_qwen_drop(model);
        return code;
    }
    *out = model;
    return B_OK;
}

void eng_qwen_drop(struct eng_qwen *model)
{
    if (!model)
        return;
    for (int i = 0; model->blocks && i < model->config.vision.depth; i++) {
        struct eng_vision_block *b = &model->blocks[i];
        struct eng_linear *all[] = {&b->qkv, &b->proj, &b->gate, &b->up, &b->down};
        for (size_t j = 0; j < sizeof all / sizeof all[0]; j++)
            eng_linear_free(all[j]);
    }
    for (int i = 0; model->layers && i < model->config.text.layers; i++) {
        struct eng_layer *l = &model->layers[i];
        struct eng_linear *all[] = {&l->q, &l->k, &l->v, &l->o, &l->gate, &l->up, &l->down};
        for (size_t j = 0; j < sizeof all / sizeof all[0]; j++)
            eng_linear_free(all[j]);
    }
    eng_linear_free(&model->patch_embed);
    eng_linear_free(&model->merger0);
    eng_linear_free(&model->merger2);
    eng_linear_free(&model->head);
    free(model->blocks);
    free(model->layers);
    b_arena_drop(model->arena);
    eng_tokenizer_drop(model->tokenizer);
    eng_checkpoint_drop(model->checkpoint);
    eng_packfile_drop(model->packed);
    free(model);
}

void eng_qwen_release(const struct eng_qwen *model, const struct eng_linear *linear)
{
    if (!linear->owned && linear->w)
        eng_checkpoint_release(model->checkpoint, linear->w, (size_t)eng_linear_bytes(linear));
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

size_t eng_qwen_widest(const struct eng_qwen *model)
{
    const struct eng_qwen_vision *v = &model->config.vision;
    const struct eng_qwen_text *t = &model->config.text;
    size_t merged = (size_t)v->hidden * (size_t)(v->merge * v->merge);
    size_t widest = larger(larger(merged, (size_t)v->patch_values), (size_t)v->intermediate);
    size_t heads = (size_t)t->heads * (size_t)t->head_dim;
    return larger(larger(widest, heads), larger((size_t)t->hidden, (size_t)t->intermediate));
}

const struct eng_qwen_config *eng_qwen_config_of(const struct eng_qwen *model)
{
    return &model->config;
}

const struct eng_tokenizer *eng_qwen_tokenizer_of(const struct eng_qwen *model)
{
    return model->tokenizer;
}

const char *eng_qwen_identity(const struct eng_qwen *model)
{
    return model->identity;
}

const char *eng_qwen_isa(const struct eng_qwen *model)
{
    return model->kernels->name;
}

uint64_t eng_qwen_step_bytes(const struct eng_qwen *model)
{
    uint64_t sum = eng_linear_bytes(&model->head);
    for (int i = 0; i < model->config.text.layers; i++) {
        const struct eng_layer *l = &model->layers[i];
        const struct eng_linear *all[] = {&l->q, &l->k, &l->v, &l->o, &l->gate, &l->up, &l->down};
        for (size_t j = 0; j < sizeof all / sizeof all[0]; j++)
            sum += eng_linear_bytes(all[j]);
    }
    return sum;
}
