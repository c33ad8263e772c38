/* SPDX-License-Identifier: Apache-2.0 */
/* Single blocks at the shapes of the published 3B and 7B models. Weights and inputs come from a generator, expected
 * outputs from the golden folder. The narrow precisions are held to stated errors on the same layer. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/qwen25vl/positions.h"
#include "engine/qwen25vl/rotary.h"
#include "engine/qwen25vl/vision.h"
#include "tests/support/qwen_case.h"

/* The README's bounds for fp32, and what the narrow forms are held to: squared error of what the layer adds over its
 * squared size. */
#define MAX_ABS 2e-5
#define REL_L2 3e-6
#define NMSE_BF16 1e-4
#define NMSE_INT8 1e-3
#define NMSE_INT4 3e-2
#define NMSE_HALF_CACHE 2e-7

static struct t_case expected; /* only its tensors are used */

static uint64_t name_hash(const char *prefix, const char *name)
{
    uint64_t h = 0xcbf29ce484222325U;
    for (; *prefix; prefix++)
        h = (h ^ (uint8_t)*prefix) * 0x100000001b3U;
    for (; *name; name++)
        h = (h ^ (uint8_t)*name) * 0x100000001b3U;
    return h;
}

static uint16_t value_at(uint64_t seed, uint64_t i, float scale, float offset)
{
    uint64_t x = seed + (i + 1) * 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    x ^= x >> 31;
    float v = (float)((int64_t)(x >> 40) - (1 << 23)) * 0x1p-23f * scale + offset;
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    return (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

static uint16_t *matrix(const char *prefix, const char *name, size_t n, float scale)
{
    uint16_t *out = malloc(n * sizeof *out);
    uint64_t seed = name_hash(prefix, name);
    for (size_t i = 0; i < n; i++)
        out[i] = value_at(seed, i, scale, 0);
    return out;
}

static float *vector(const char *prefix, const char *name, size_t n, float scale, float offset)
{
    float *out = malloc(n * sizeof *out);
    uint64_t seed = name_hash(prefix, name);
    for (size_t i = 0; i < n; i++)
        out[i] = eng_lm_bf16(value_at(seed, i, scale, offset));
    return out;
}

/* A linear layer of the streams' naming and scales. */
static void layer(const char *prefix, const char *name, size_t n, size_t k, bool bias, struct eng_linear *out)
{
    char full[96];
    float scale = k <= 2048 ? 1.0f / 32 : 1.0f / 64;
    if (strstr(name, "qkv") || strstr(name, "q_proj") || strstr(name, "k_proj"))
        scale *= 2;
    (void)snprintf(full, sizeof full, "%s.weight", name);
    uint16_t *w = matrix(prefix, full, n * k, scale);
    struct eng_weight weight = {.dtype = ENG_BF16, .data = w};
    eng_linear_map(eng_lm_best(), &weight, n, k, false, out);
    (void)snprintf(full, sizeof full, "%s.bias", name);
    if (bias)
        out->bias = vector(prefix, full, n, 0.25f, 0);
}

static void free_layer(struct eng_linear *l)
{
    free((void *)(uintptr_t)(l->owned ? NULL : l->w));
    free((float *)(uintptr_t)l->bias);
    eng_linear_free(l);
}

static void check(const char *tag, const float *x, size_t rows, size_t width)
{
    char name[64];
    (void)snprintf(name, sizeof name, "%s.idx", tag);
    const int32_t *at = eng_checkpoint_find(expected.tensors, name)->data;
    (void)snprintf(name, sizeof name, "%s.sub", tag);
    const struct eng_weight *sub = eng_checkpoint_find(expected.tensors, name);
    const float *values = sub->data;
    double worst = 0, error = 0, size = 0;
    for (size_t i = 0; i < (size_t)sub->count; i++) {
        double d = (double)x[at[i]] - (double)values[i];
        worst = fabs(d) > worst || d != d ? fabs(d) : worst;
        error += d * d;
        size += (double)values[i] * (double)values[i];
    }
    print_message("%s: largest error %.2g, relative %.2g\n", tag, worst, sqrt(error / size));
    assert_true(worst <= MAX_ABS && sqrt(error / size) <= REL_L2);
    (void)snprintf(name, sizeof name, "%s.row_l2", tag);
    const float *norms = eng_checkpoint_find(expected.tensors, name)->data;
    for (size_t r = 0; r < rows; r++) {
        double sum = 0;
        for (size_t i = 0; i < width; i++)
            sum += (double)x[r * width + i] * (double)x[r * width + i];
        assert_true(fabs(sqrt(sum) - (double)norms[r]) < 1e-5 * (double)norms[r]);
    }
}

/* --- vision --- */

static const struct eng_qwen_vision vision = {.depth = 1,
                                              .hidden = 1280,
                                              .heads = 16,
                                              .head_dim = 80,
                                              .intermediate = 3420,
                                              .patch = 14,
                                              .temporal_patch = 2,
                                              .merge = 2,
                                              .window = 112,
                                              .out_hidden = 2048,
                                              .patch_values = 1176,
                                              .eps = 1e-6f,
                                              .rope_theta = 10000};

/* A picture of h x w patches through the block, windows or the frame seeing each other; *in: what went in, same order.
 */
static float *run_block(const struct eng_vision_block *block, struct eng_ops *ops, const char *stream, int h, int w,
                        bool full, float **in)
{
    struct eng_grid grid = {.t = 1, .h = h, .w = w};
    struct eng_windows windows;
    struct eng_vision_memory *memory;
    assert_int_equal(eng_windows_new(&vision, &grid, 1, &windows, NULL), B_OK);
    size_t n = windows.patches, hidden = 1280;
    float *rows = vector("rs.vis.x.", stream, n * hidden, 2, 0), *x = malloc(n * hidden * sizeof *x);
    float *cosine = malloc(n * 40 * sizeof *cosine), *sine = malloc(n * 40 * sizeof *sine);
    for (size_t i = 0; i < n; i++) {
        size_t patch = (size_t)windows.index[i / 4] * 4 + i % 4;
        memcpy(x + i * hidden, rows + patch * hidden, hidden * sizeof *x);
        eng_rotary_patch(windows.rows[patch], windows.cols[patch], 80, 10000, cosine + i * 40, sine + i * 40);
    }
    memcpy(rows, x, n * hidden * sizeof *x);
    struct eng_segments segments = {full ? windows.cu_frames : windows.cu_windows,
                                    full ? windows.n_frames : windows.n_windows};
    assert_int_equal(eng_vision_memory_new(&vision, ops, n, n, &memory, NULL), B_OK);
    eng_vision_block_run(&vision, block, ops, memory, &segments, cosine, sine, x, n);
    eng_vision_memory_drop(memory);
    eng_windows_free(&windows);
    free(cosine), free(sine);
    *in = rows;
    return x;
}

static void block_case(const struct eng_vision_block *block, struct eng_ops *ops, const char *stream, int h, int w,
                       bool full, const char *tag)
{
    float *in, *x = run_block(block, ops, stream, h, w, full, &in);
    check(tag, x, (size_t)h * (size_t)w, 1280);
    free(in), free(x);
}

/* The same block in a narrow form, against the exact one. */
static void narrow_block(const struct eng_vision_block *block, struct eng_ops *ops, enum eng_linear_kind kind,
                         double bound)
{
    struct eng_vision_block narrow = *block;
    struct eng_linear *parts[] = {&narrow.qkv, &narrow.proj, &narrow.gate, &narrow.up, &narrow.down};
    for (size_t i = 0; i < 5; i++)
        if (kind == ENG_LINEAR_BF16_ROUNDED)
            parts[i]->kind = eng_lm_best()->dot_bf16_bf16 ? kind : ENG_LINEAR_BF16;
        else
            assert_int_equal(eng_linear_pack(ops->team, kind, parts[i], NULL), B_OK);
    for (int full = 0; full < 2; full++) {
        float *in, *exact = run_block(block, ops, "full", 32, 32, full, &in), *again;
        float *x = run_block(&narrow, ops, "full", 32, 32, full, &again);
        double error = 0, size = 0;
        for (size_t i = 0; i < (size_t)32 * 32 * 1280; i++) {
            double d = (double)x[i] - (double)exact[i], added = (double)exact[i] - (double)in[i];
            error += d * d;
            size += added * added;
        }
        print_message("vision block, kind %d: NMSE %.2g of what it adds\n", (int)kind, error / size);
        assert_true(error / size <= bound);
        free(in), free(exact), free(again), free(x);
    }
    for (size_t i = 0; kind != ENG_LINEAR_BF16_ROUNDED && i < 5; i++)
        eng_linear_free(parts[i]);
}

static void test_vision(void **state)
{
    (void)state;
    struct eng_ops ops;
    struct eng_vision_block block;
    assert_int_equal(eng_ops_new(eng_lm_best(), 2, 384, 5120, &ops, NULL), B_OK);
    block.norm1 = vector("rs.vis.", "visual.blocks.0.norm1.weight", 1280, 0.5f, 1);
    block.norm2 = vector("rs.vis.", "visual.blocks.0.norm2.weight", 1280, 0.5f, 1);
    layer("rs.vis.", "visual.blocks.0.attn.qkv", 3840, 1280, true, &block.qkv);
    layer("rs.vis.", "visual.blocks.0.attn.proj", 1280, 1280, true, &block.proj);
    layer("rs.vis.", "visual.blocks.0.mlp.gate_proj", 3420, 1280, true, &block.gate);
    layer("rs.vis.", "visual.blocks.0.mlp.up_proj", 3420, 1280, true, &block.up);
    layer("rs.vis.", "visual.blocks.0.mlp.down_proj", 1280, 3420, true, &block.down);
    block_case(&block, &ops, "edge", 22, 46, false, "vision.window.edge");
    block_case(&block, &ops, "full", 32, 32, false, "vision.window.full");
    block_case(&block, &ops, "full", 32, 32, true, "vision.fullatt.full");
    narrow_block(&block, &ops, ENG_LINEAR_BF16_ROUNDED, NMSE_BF16);
    narrow_block(&block, &ops, ENG_LINEAR_S8, NMSE_INT8);
    assert_int_equal(eng_ops_enlarge(&ops, ENG_LARGE_ALWAYS, NULL), B_OK); /* through oneDNN, where it can be */
    ops.use = ENG_OPS_PICTURE;
    narrow_block(&block, &ops, ENG_LINEAR_BF16_ROUNDED, NMSE_BF16);
    narrow_block(&block, &ops, ENG_LINEAR_S8, NMSE_INT8);
    free_layer(&block.qkv), free_layer(&block.proj), free_layer(&block.gate), free_layer(&block.up);
    free_layer(&block.down);
    free((float *)(uintptr_t)block.norm1), free((float *)(uintptr_t)block.norm2);
    eng_ops_free(&ops);
}

static void test_merger(void **state)
{
    (void)state;
    struct eng_ops ops;
    struct eng_vision_memory *memory;
    struct eng_qwen model = {.config.vision = vision};
    float *x = vector("rs.merger.x", "", 256 * 1280, 2, 0), *y = malloc(64 * 2048 * sizeof *y);
    assert_int_equal(eng_ops_new(eng_lm_best(), 2, 384, 5120, &ops, NULL), B_OK);
    assert_int_equal(eng_vision_memory_new(&vision, &ops, 256, 256, &memory, NULL), B_OK);
    model.merger_norm = vector("rs.merger.", "visual.merger.ln_q.weight", 1280, 0.5f, 1);
    layer("rs.merger.", "visual.merger.mlp.0", 5120, 5120, true, &model.merger0);
    layer("rs.merger.", "visual.merger.mlp.2", 2048, 5120, true, &model.merger2);
    eng_vision_merge(&model, &ops, memory, x, 64, y);
    check("merger", y, 64, 2048);
    free_layer(&model.merger0), free_layer(&model.merger2);
    free((float *)(uintptr_t)model.merger_norm);
    eng_vision_memory_drop(memory);
    eng_ops_free(&ops);
    free(x), free(y);
}

/* --- decoder --- */

enum { ROWS = 64 };

static struct eng_qwen_text text_of(int hidden, int heads, int kv_heads, int intermediate)
{
    return (struct eng_qwen_text){.hidden = hidden,
                                  .layers = 1,
                                  .heads = heads,
                                  .kv_heads = kv_heads,
                                  .head_dim = 128,
                                  .intermediate = intermediate,
                                  .vocab = 1,
                                  .mrope_section = {16, 24, 24},
                                  .eps = 1e-6f,
                                  .rope_theta = 1e6};
}

static void load_layer(const struct eng_qwen_text *t, const char *prefix, struct eng_layer *l)
{
    size_t h = (size_t)t->hidden, q = (size_t)t->heads * 128, kv = (size_t)t->kv_heads * 128,
           f = (size_t)t->intermediate;
    l->norm1 = vector(prefix, "model.layers.0.input_layernorm.weight", h, 0.5f, 1);
    l->norm2 = vector(prefix, "model.layers.0.post_attention_layernorm.weight", h, 0.5f, 1);
    layer(prefix, "model.layers.0.self_attn.q_proj", q, h, true, &l->q);
    layer(prefix, "model.layers.0.self_attn.k_proj", kv, h, true, &l->k);
    layer(prefix, "model.layers.0.self_attn.v_proj", kv, h, true, &l->v);
    layer(prefix, "model.layers.0.self_attn.o_proj", h, q, false, &l->o);
    layer(prefix, "model.layers.0.mlp.gate_proj", f, h, false, &l->gate);
    layer(prefix, "model.layers.0.mlp.up_proj", f, h, false, &l->up);
    layer(prefix, "model.layers.0.mlp.down_proj", h, f, false, &l->down);
}

/* Seven tokens of text, a picture of 5 x 8 units, seventeen tokens. */
static void fill_positions(int32_t positions[3 * ROWS])
{
    for (int i = 0; i < ROWS; i++) {
        int unit = i - 7, text = i < 7 ? i : i - 7 - 40 + 15;
        bool picture = unit >= 0 && unit < 40;
        positions[i] = picture ? 7 : text;
        positions[ROWS + i] = picture ? 7 + unit / 8 : text;
        positions[2 * ROWS + i] = picture ? 7 + unit % 8 : text;
    }
}

/* Runs the layer over x, `step` rows at a time. */
static void run_layer(const struct eng_qwen_text *t, const struct eng_layer *l, bool half, float *x, size_t step)
{
    struct eng_ops ops;
    struct eng_decoder_memory *memory;
    struct eng_cache cache;
    int32_t positions[3 * ROWS];
    fill_positions(positions);
    eng_cache_init(t, half, &cache);
    assert_int_equal(eng_cache_reserve(&cache, ROWS, (uint64_t)1 << 30, NULL), B_OK);
    assert_int_equal(eng_ops_new(eng_lm_best(), 2, 64, (size_t)t->intermediate, &ops, NULL), B_OK);
    assert_int_equal(eng_decoder_memory_new(t, &ops, &memory, NULL), B_OK);
    for (size_t at = 0; at < ROWS; at += step) {
        struct eng_span span = {.cache = &cache, .count = step};
        struct eng_pass pass = {.x = x + at * (size_t)t->hidden,
                                .rows = step,
                                .positions = positions + at,
                                .stride = ROWS,
                                .spans = &span,
                                .n_spans = 1};
        eng_decoder_angles(t, memory, &pass);
        eng_decoder_layer(t, l, 0, &ops, memory, &pass);
        cache.length += step;
    }
    eng_decoder_memory_drop(memory);
    eng_ops_free(&ops);
    eng_cache_free(&cache);
}

/* Squared error of what the layer adds over its squared size. */
static double error_of(const float *x, const float *exact, const float *in, size_t n)
{
    double error = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        double d = (double)x[i] - (double)exact[i], added = (double)exact[i] - (double)in[i];
        error += d * d;
        size += added * added;
    }
    return error / size;
}

static struct eng_linear *const *parts_of(struct eng_layer *l)
{
    static struct eng_linear *parts[8];
    struct eng_linear *all[8] = {&l->q, &l->k, &l->v, &l->o, &l->gate, &l->up, &l->down, NULL};
    memcpy(parts, all, sizeof parts);
    return parts;
}

static void narrow_layer(const struct eng_qwen_text *t, const struct eng_layer *l, enum eng_linear_kind kind,
                         const float *in, const float *exact, double bound)
{
    struct eng_layer narrow = *l;
    struct eng_team *team;
    size_t n = ROWS * (size_t)t->hidden;
    float *x = malloc(n * sizeof *x);
    assert_int_equal(eng_team_new(2, &team, NULL), B_OK);
    for (struct eng_linear *const *p = parts_of(&narrow); *p; p++)
        if (kind == ENG_LINEAR_BF16_ROUNDED)
            (*p)->kind = eng_lm_best()->dot_bf16_bf16 ? kind : ENG_LINEAR_BF16;
        else
            assert_int_equal(eng_linear_pack(team, kind, *p, NULL), B_OK);
    memcpy(x, in, n * sizeof *x);
    run_layer(t, &narrow, true, x, ROWS);
    double error = error_of(x, exact, in, n);
    print_message("kind %d: NMSE %.2g of what the layer adds\n", (int)kind, error);
    assert_true(error <= bound);
    for (struct eng_linear *const *p = parts_of(&narrow); kind != ENG_LINEAR_BF16_ROUNDED && *p; p++)
        eng_linear_free(*p);
    eng_team_drop(team);
    free(x);
}

static void check_decoder(struct eng_qwen_text t, const char *prefix, const char *tag, bool narrow)
{
    struct eng_layer l;
    size_t n = ROWS * (size_t)t.hidden;
    float *in = vector(prefix, "x", n, 2, 0), *x = malloc(n * sizeof *x), *apart = malloc(n * sizeof *x);
    load_layer(&t, prefix, &l);
    memcpy(x, in, n * sizeof *x);
    memcpy(apart, in, n * sizeof *x);
    run_layer(&t, &l, false, x, ROWS);
    check(tag, x, ROWS, (size_t)t.hidden);
    if (narrow) {
        run_layer(&t, &l, false, apart, 1); /* row by row: the same bits */
        assert_memory_equal(apart, x, n * sizeof *x);
        memcpy(apart, in, n * sizeof *x);
        run_layer(&t, &l, true, apart, ROWS);
        print_message("cache of halves: NMSE %.2g of what the layer adds\n", error_of(apart, x, in, n));
        assert_true(error_of(apart, x, in, n) <= NMSE_HALF_CACHE);
        narrow_layer(&t, &l, ENG_LINEAR_BF16_ROUNDED, in, x, NMSE_BF16);
        narrow_layer(&t, &l, ENG_LINEAR_S8, in, x, NMSE_INT8);
        narrow_layer(&t, &l, ENG_LINEAR_Q4_S8, in, x, NMSE_INT4);
    }
    for (struct eng_linear *const *p = parts_of(&l); *p; p++)
        free_layer(*p);
    free((float *)(uintptr_t)l.norm1), free((float *)(uintptr_t)l.norm2);
    free(in), free(x), free(apart);
}

static void test_layer_3b(void **state)
{
    (void)state;
    check_decoder(text_of(2048, 16, 2, 11008), "rs.layer3b.", "layer3b", true);
}

static void test_layer_7b(void **state)
{
    (void)state;
    check_decoder(text_of(3584, 28, 4, 18944), "rs.layer7b.", "layer7b", false);
}

int main(void)
{
    struct b_err err = {0};
    if (b_bytes_map(t_golden("real-shape/outputs.safetensors"), (uint64_t)1 << 30, &expected.bytes, &err) ||
        eng_checkpoint_parse(expected.bytes.data, expected.bytes.size, &expected.tensors, &err)) {
        printf("%s\n", err.message);
        return 1;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_vision), cmocka_unit_test(test_merger),
                                       cmocka_unit_test(test_layer_3b), cmocka_unit_test(test_layer_7b)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    eng_checkpoint_drop(expected.tensors);
    b_bytes_close(&expected.bytes);
    return failed;
}
