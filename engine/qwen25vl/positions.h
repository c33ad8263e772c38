/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_QWEN25VL_POSITIONS_H
#define ENGINE_QWEN25VL_POSITIONS_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"
#include "engine/qwen25vl/config.h"

/* Index arithmetic of the model: windows and row/column positions of the vision tower, three-part positions of
 * the decoder. Pure functions, exact, thread-safe. */

/* Grid of one picture or video in patches; h and w are multiples of merge. second_per_grid as in struct eng_visual
 * (used for videos only). */
struct eng_grid {
    int t, h, w;
    double second_per_grid;
};

/* Windows of all grids, in prompt order. A unit is merge x merge patches. */
struct eng_windows {
    int32_t *index;       /* [units]: place i in window order holds unit index[i] */
    int32_t *cu_windows;  /* [n_windows + 1]: first patch of every window, window order; last: all patches */
    int32_t *cu_frames;   /* [n_frames + 1]: first patch of every frame (segments of full attention) */
    int32_t *rows, *cols; /* [patches]: position of a patch in its frame, *processor* order */
    size_t units, patches, n_windows, n_frames;
};
/* B_ARGUMENT on a bad grid, B_LIMIT above 2^28 patches. Free with eng_windows_free. */
enum b_code eng_windows_new(const struct eng_qwen_vision *vision, const struct eng_grid *grids, size_t n_grids,
                            struct eng_windows *out, struct b_err *err) B_MUST_CHECK;
void eng_windows_free(struct eng_windows *windows);

/* Positions of a whole prompt, [3][count] in out (time, height, width; row r at out + r * count). images and videos
 * in prompt order. *delta: what a position of a later token adds to its sequence index. B_ARGUMENT when pads and
 * grids do not match. tokens_per_second and ids come from config. */
enum b_code eng_mrope_positions(const struct eng_qwen_config *config, const int32_t *ids, size_t count,
                                const struct eng_grid *images, size_t n_images, const struct eng_grid *videos,
                                size_t n_videos, int32_t *out, int32_t *delta, struct b_err *err) B_MUST_CHECK;

#endif
