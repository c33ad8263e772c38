/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_QWEN25VL_SAFETENSORS_H
#define ENGINE_QWEN25VL_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include "engine/qwen25vl/checkpoint.h"

/* Private to this folder: the tensors of one safetensors file in memory. */

struct st_list {
    struct eng_weight *items; /* names are owned copies, as in the file */
    size_t count, cap;
};

/* Appends every tensor of the file; on failure list may have grown by some. what names the file in messages.
 * data stays borrowed by the tensors and may lie off their elements' alignment. */
enum b_code st_parse(const void *data, size_t size, const char *what, struct st_list *list,
                     struct b_err *err) B_MUST_CHECK;
void st_list_free(struct st_list *list);

/* Length of the header with its 8 bytes of length: where the tensors' bytes begin. For a file st_parse accepted. */
size_t st_data_at(const void *data);

size_t st_dtype_size(enum eng_dtype dtype); /* 0 for ENG_OTHER */
const char *st_dtype_name(enum eng_dtype dtype);

#endif
