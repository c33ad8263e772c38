/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_QWEN_CASE_H
#define TESTS_SUPPORT_QWEN_CASE_H

#include <jansson.h>

#include "engine/base/file.h"
#include "engine/qwen25vl/checkpoint.h"
#include "engine/qwen25vl/session_private.h"

/* Golden cases of the Qwen2.5-VL engine and comparisons with them. Every failure ends the test. */

/* $DP_SHARED/data/golden/<path>; ends the program with 77 when the folder is absent. */
const char *t_golden(const char *path);

/* A prompt with its visuals, and the file of expected tensors. */
struct t_case {
    json_t *json;
    struct b_bytes bytes;
    struct eng_checkpoint *tensors;
    struct eng_visual visuals[8];
    size_t n_visuals;
    int32_t *ids;
    size_t count;
};
/* tiny/cases/NAME; files of visuals lie beside it. */
void t_case_load(const char *name, const struct eng_qwen_config *config, struct t_case *out);
/* A case with one picture at its final size: paths of the .json, the .safetensors and the picture. */
void t_case_load_single(const char *json, const char *tensors, const char *picture,
                        const struct eng_qwen_config *config, struct t_case *out);
void t_case_free(struct t_case *c);
struct eng_prompt t_case_prompt(const struct t_case *c);

/* A picture file as the model sees it; limits NULL: the checkpoint's. */
void t_visual_load(const char *path, const struct eng_qwen_config *config, const struct eng_visual_limits *limits,
                   struct eng_visual *out);

struct eng_qwen *t_qwen_open(const char *dir, const struct eng_qwen_options *options);
struct eng_session *t_session(const struct eng_qwen *model, int threads);

/* Everything that a trace showed, by name ("image.block0", "layer2"). */
struct t_seen {
    char name[32];
    float *data;
    size_t count, width;
};
struct t_trace {
    struct t_seen items[160];
    size_t n_items;
    const struct t_case *c; /* tells pictures from videos */
    size_t visual;          /* of the tower's pass that is shown now */
};
struct eng_trace t_trace_of(struct t_trace *trace);
void t_trace_free(struct t_trace *trace);
const struct t_seen *t_trace_find(const struct t_trace *trace, const char *name);

/* Expected tensor `name`, whole or as the stored sample, against x[count]. */
struct t_bound {
    double max_abs, rel_l2; /* rel_l2 0: not looked at */
};
void t_compare(const struct t_case *c, const char *name, const float *x, size_t count, struct t_bound bound);

/* Greedy ids of n tokens after the prompt; stops are ignored when `all`. */
void t_greedy(struct eng_session *session, const struct eng_prompt *prompt, double penalty, size_t n, bool all,
              int32_t *ids, size_t *got);

#endif
