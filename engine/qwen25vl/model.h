/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_QWEN25VL_MODEL_H
#define ENGINE_QWEN25VL_MODEL_H

#include "engine/base/arena.h"
#include "engine/qwen25vl/linear.h"
#include "engine/qwen25vl/packed.h"
#include "engine/qwen25vl/qwen25vl.h"

/* The model as the compute side sees it; the names of fields are those of the checkpoint's tensors. */

struct eng_vision_block {
    const float *norm1, *norm2; /* [hidden] */
    struct eng_linear qkv, proj, gate, up, down;
};

struct eng_layer {
    const float *norm1, *norm2; /* [hidden] */
    struct eng_linear q, k, v, o, gate, up, down;
};

struct eng_qwen {
    struct eng_qwen_config config;
    struct eng_checkpoint *checkpoint;
    struct eng_packfile *packed; /* file that packed layers lie in, or NULL */
    enum eng_qwen_precision precision;
    enum eng_large_mode large;
    struct eng_tokenizer *tokenizer; /* or NULL */
    const struct eng_lm_kernels *kernels;
    struct b_arena *arena; /* norms and biases, widened */
    char identity[65];
    bool half_cache;    /* of sessions */
    bool release_tower; /* to keep within small memory a block of the tower is packed to 8 bits for its run only, and
                         * the mapped pages are given back behind it */

    struct eng_linear patch_embed; /* [hidden][patch_values] */
    struct eng_vision_block *blocks;
    const float *merger_norm;
    struct eng_linear merger0, merger2;

    const struct eng_weight *embed; /* [vocab][hidden] */
    struct eng_layer *layers;
    const float *final_norm;
    struct eng_linear head;
};

/* Widest row that the layers of the model read. */
size_t eng_qwen_widest(const struct eng_qwen *model);
/* Gives the mapped pages of a layer's weights back to the system, which reads them again when they are used. */
void eng_qwen_release(const struct eng_qwen *model, const struct eng_linear *linear);

/* Test window into a pass: called with every named tensor, rows by width. Tensors come in pieces of rows: `first` is
 * the first row's number. NULL in normal use. */
struct eng_trace {
    void (*see)(void *context, const char *name, int index, size_t first, const float *x, size_t rows, size_t width);
    void *context;
};

#endif
