/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_QWEN25VL_DECODER_H
#define ENGINE_QWEN25VL_DECODER_H

#include "engine/qwen25vl/kvcache.h"
#include "engine/qwen25vl/model.h"

/* The decoder: rows of embeddings, of one or several sessions, through all layers at once. */

/* Rows of one session inside a pass: they follow what its cache holds, one position each. */
struct eng_span {
    struct eng_cache *cache; /* its length grows by count; room is reserved */
    size_t count;
};

struct eng_decoder_memory;
/* For passes of up to ops->rows rows. */
enum b_code eng_decoder_memory_new(const struct eng_qwen_text *text, const struct eng_ops *ops,
                                   struct eng_decoder_memory **out, struct b_err *err) B_MUST_CHECK;
void eng_decoder_memory_drop(struct eng_decoder_memory *memory);

/* x [rows][hidden] in place; positions [3][rows] as positions.h gives them, row r of it at positions + r * stride;
 * rows = sum of the spans' counts. */
struct eng_pass {
    float *x;
    size_t rows;
    const int32_t *positions;
    size_t stride;
    struct eng_span *spans;
    size_t n_spans;
    const struct eng_trace *trace;
    size_t first; /* number of row 0, for the trace */
};
void eng_decoder_run(const struct eng_qwen *model, struct eng_ops *ops, struct eng_decoder_memory *memory,
                     struct eng_pass *pass);
/* One layer of such a pass, for tests of single layers; eng_decoder_angles comes first, the caches' lengths stay. */
void eng_decoder_angles(const struct eng_qwen_text *text, struct eng_decoder_memory *memory,
                        const struct eng_pass *pass);
void eng_decoder_layer(const struct eng_qwen_text *text, const struct eng_layer *layer, size_t index,
                       struct eng_ops *ops, struct eng_decoder_memory *memory, struct eng_pass *pass);

/* Final norm (in place) and head: logits [rows][vocab] of rows x [rows][hidden], rows <= ops->rows. */
void eng_decoder_logits(const struct eng_qwen *model, struct eng_ops *ops, float *x, size_t rows, float *logits);

#endif
