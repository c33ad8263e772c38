/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_QWEN25VL_CHECKPOINT_PRIVATE_H
#define ENGINE_QWEN25VL_CHECKPOINT_PRIVATE_H

#include "engine/base/file.h"
#include "engine/qwen25vl/safetensors.h"

/* Private to checkpoint.c and weights.c. */
struct eng_checkpoint {
    struct b_bytes *shards; /* in the order of their file names */
    size_t n_shards;
    struct st_list list; /* sorted by canonical name */
    void **copies;       /* tensors that had to be aligned */
    size_t n_copies;
    uint64_t bytes;
};

#endif
