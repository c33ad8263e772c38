/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_QWEN25VL_VISION_H
#define ENGINE_QWEN25VL_VISION_H

#include "engine/base/cancel.h"
#include "engine/qwen25vl/model.h"

/* The vision tower: a visual becomes one vector of text.hidden floats for each of its tokens, in row-major order,
 * frame after frame. Frames do not see each other, so they are worked on one at a time. */
enum b_code eng_vision_run(const struct eng_qwen *model, struct eng_ops *ops, const struct eng_visual *visual,
                           float *out, const struct eng_trace *trace, struct b_cancel *cancel,
                           struct b_err *err) B_MUST_CHECK;

/* One block on `n` rows x [n][hidden] in window order, for tests of single blocks. cosine, sine [n][head_dim/2] in the
 * same order; segments: cu[0] = 0 .. cu[n_segments] = n, rows of one segment see each other. */
struct eng_vision_memory;
enum b_code eng_vision_memory_new(const struct eng_qwen_vision *vision, const struct eng_ops *ops, size_t rows,
                                  size_t longest, struct eng_vision_memory **out, struct b_err *err) B_MUST_CHECK;
void eng_vision_memory_drop(struct eng_vision_memory *memory);
struct eng_segments {
    const int32_t *cu;
    size_t count;
};
void eng_vision_block_run(const struct eng_qwen_vision *vision, const struct eng_vision_block *block,
                          struct eng_ops *ops, struct eng_vision_memory *memory, const struct eng_segments *segments,
                          const float *cosine, const float *sine, float *x, size_t n);
/* units [n][merge^2 * hidden] = x's rows, window order -> y [n][out_hidden] */
void eng_vision_merge(const struct eng_qwen *model, struct eng_ops *ops, struct eng_vision_memory *memory,
                      const float *x, size_t units, float *y);

#endif
