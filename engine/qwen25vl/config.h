/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_QWEN25VL_CONFIG_H
#define ENGINE_QWEN25VL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

/* config.json, generation_config.json and preprocessor_config.json of a Qwen2.5-VL checkpoint as one plain
 * value. Every field is range-checked when it is read, so that users of a loaded configuration may multiply
 * any two dimensions in int64_t and any dimension with a small constant in int. Immutable after loading. */

/* Bounds of what is accepted, well above the largest published model (72B: hidden 8192, 80 layers, MLP 29696,
 * 152064 rows). */
enum {
    ENG_QWEN_MAX_HIDDEN = 32768,
    ENG_QWEN_MAX_INTERMEDIATE = 262144,
    ENG_QWEN_MAX_LAYERS = 256,
    ENG_QWEN_MAX_DEPTH = 128, /* blocks of the vision tower */
    ENG_QWEN_MAX_HEADS = 256,
    ENG_QWEN_MAX_HEAD_DIM = 512,
    ENG_QWEN_MAX_VOCAB = 1 << 20,
    ENG_QWEN_MAX_STOPS = 8,
    ENG_QWEN_CHANNELS = 3
};

struct eng_qwen_vision {
    int depth, hidden, heads, head_dim; /* head_dim = hidden / heads, a multiple of 4 */
    int intermediate;
    int patch, temporal_patch, merge; /* 14 px, 2 frames, 2 patches */
    int window;                       /* side of an attention window, px; a multiple of patch * merge */
    int out_hidden;                   /* equals text.hidden */
    int patch_values;                 /* channels * temporal_patch * patch * patch = 1176: a patch's floats */
    double tokens_per_second;         /* of a video, for its time positions */
    float eps;                        /* of the RMS norms: fixed at 1e-6 by the reference */
    double rope_theta;                /* fixed at 10000 by the reference */
    bool full_attention[ENG_QWEN_MAX_DEPTH];
};

struct eng_qwen_text {
    int hidden, layers, heads, kv_heads, head_dim; /* heads is a multiple of kv_heads, head_dim is even */
    int intermediate;
    int vocab;            /* rows of the embedding */
    int max_positions;    /* max_position_embeddings */
    int mrope_section[3]; /* frequencies of time, height, width; their sum is head_dim / 2 */
    float eps;
    double rope_theta;
    bool tied; /* no lm_head.weight: the embedding matrix is used */
};

/* Ids of tokens that the model itself gives a meaning to; each in [0, text.vocab). */
struct eng_qwen_token_ids {
    int32_t bos, eos; /* bos is -1 where the file has none */
    int32_t vision_start, vision_end, vision_pad, image_pad, video_pad;
};

enum eng_qwen_quant_kind { ENG_QWEN_QUANT_NONE = 0, ENG_QWEN_QUANT_AWQ };

struct eng_qwen_quant {
    enum eng_qwen_quant_kind kind;
    int bits, group; /* 4, and inputs per scale (128): a power of two in 16 .. 1024 */
};

/* Defaults of decoding; a user's explicit options win over them. */
struct eng_qwen_generation {
    double repetition_penalty; /* 1: none; in (0, 10] */
    double temperature;        /* >= 0; 0 or a value <= 1e-5 means greedy */
    double top_p;              /* in (0, 1]; 1: off */
    int top_k;                 /* 0: off */
    bool do_sample;            /* as in the file; false means greedy */
    int n_stops;
    int32_t stops[ENG_QWEN_MAX_STOPS]; /* ids that end an answer */
    int32_t pad;                       /* -1: none */
};

struct eng_qwen_preprocess {
    int64_t min_pixels, max_pixels;
    int patch, temporal_patch, merge;
    float mean[ENG_QWEN_CHANNELS], std[ENG_QWEN_CHANNELS]; /* R, G, B */
    double rescale;                                        /* 1/255 */
};

struct eng_qwen_config {
    struct eng_qwen_vision vision;
    struct eng_qwen_text text;
    struct eng_qwen_token_ids ids;
    struct eng_qwen_quant quant;
    struct eng_qwen_generation generation;
    struct eng_qwen_preprocess preprocess;
};

/* Reads the three files of a checkpoint directory. config.json must be there (B_NOT_FOUND); the other two may be
 * missing and then have the published defaults. Both layouts of config.json are read (text fields at the top
 * or in text_config). */
enum b_code eng_qwen_config_load(const char *dir, struct eng_qwen_config *out, struct b_err *err) B_MUST_CHECK;

/* The same from memory; generation and preprocess may be NULL (defaults). */
enum b_code eng_qwen_config_parse(const char *config, size_t config_size, const char *generation,
                                  size_t generation_size, const char *preprocess, size_t preprocess_size,
                                  struct eng_qwen_config *out, struct b_err *err) B_MUST_CHECK;

#endif
