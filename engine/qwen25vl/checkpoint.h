/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_QWEN25VL_CHECKPOINT_H
#define ENGINE_QWEN25VL_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

/* The tensors of a checkpoint directory: model.safetensors or the shards that model.safetensors.index.json
 * names, mapped read-only. Names, dtypes, shapes and byte ranges are checked when the directory is opened, so
 * that every tensor handed out lies wholly inside its file. Immutable after opening: any number of threads
 * may read. A file that is truncated by somebody else while it is mapped is outside of this contract. */
struct eng_checkpoint;

enum eng_dtype { ENG_F32 = 0, ENG_F16, ENG_BF16, ENG_I32, ENG_I64, ENG_U8, ENG_OTHER };

enum { ENG_TENSOR_MAX_DIMS = 8 };

/* One tensor, row-major. Borrowed from the checkpoint. data is aligned to the element's size. */
struct eng_weight {
    const char *name; /* as in the file, except that model.language_model.* and model.visual.* read model.*
                         and visual.*, and that a leading language_model. is dropped */
    enum eng_dtype dtype;
    int n_dims;
    int64_t dims[ENG_TENSOR_MAX_DIMS]; /* each >= 0 */
    int64_t count;                     /* product of dims */
    const void *data;
    size_t bytes;
};

/* Opens dir. Errors: B_NOT_FOUND (no weights), B_FORMAT, B_UNSUPPORTED, B_LIMIT, B_IO, B_NO_MEMORY. */
enum b_code eng_checkpoint_open(const char *dir, struct eng_checkpoint **out, struct b_err *err) B_MUST_CHECK;
/* One safetensors file in memory, which must outlive the checkpoint. */
enum b_code eng_checkpoint_parse(const void *data, size_t size, struct eng_checkpoint **out,
                                 struct b_err *err) B_MUST_CHECK;
void eng_checkpoint_drop(struct eng_checkpoint *cp);

size_t eng_checkpoint_count(const struct eng_checkpoint *cp);
/* Tensor i in the order of names; i < count. */
const struct eng_weight *eng_checkpoint_at(const struct eng_checkpoint *cp, size_t i);
/* NULL when there is none of that name. */
const struct eng_weight *eng_checkpoint_find(const struct eng_checkpoint *cp, const char *name);

/* The tensor of that name with exactly these dims and a floating dtype (F32, F16, BF16); anything else is
 * B_FORMAT with a message that names the tensor and what was found. */
enum b_code eng_checkpoint_float(const struct eng_checkpoint *cp, const char *name, int n_dims, const int64_t *dims,
                                 const struct eng_weight **out, struct b_err *err) B_MUST_CHECK;
/* The same for one exact dtype. */
enum b_code eng_checkpoint_typed(const struct eng_checkpoint *cp, const char *name, enum eng_dtype dtype, int n_dims,
                                 const int64_t *dims, const struct eng_weight **out, struct b_err *err) B_MUST_CHECK;

/* Lets the system take back the memory of a tensor (or of `bytes` bytes inside one); they are read from the file again
 * when they are next used. */
void eng_checkpoint_release(const struct eng_checkpoint *cp, const void *data, size_t bytes);

/* Total bytes of all tensors, and a text of 64 hexadecimal digits (+ NUL) that names the contents: SHA-256 over
 * every file's header, size and evenly spaced samples of its data. Two different checkpoints of one layout
 * differ in it unless they agree in every sample; it reads at most 4 MiB of data a file. */
uint64_t eng_checkpoint_bytes(const struct eng_checkpoint *cp);
enum b_code eng_checkpoint_identity(const struct eng_checkpoint *cp, char out[65], struct b_err *err) B_MUST_CHECK;

/* Widens elements first .. first+count-1 of an F32, F16 or BF16 tensor, exactly. The range lies inside. */
void eng_weight_to_f32(const struct eng_weight *w, int64_t first, int64_t count, float *out);

/* An AWQ int4 layer ("gemm" layout): weight[o][k] = (q[k][o] - z[k / group][o]) * scale[k / group][o]. */
struct eng_awq {
    int64_t in, out, group;           /* out is a multiple of 8, in of group */
    const struct eng_weight *qweight; /* I32 [in, out / 8] */
    const struct eng_weight *qzeros;  /* I32 [in / group, out / 8] */
    const struct eng_weight *scales;  /* F16 or BF16 or F32 [in / group, out] */
};

/* prefix: "model.layers.3.self_attn.k_proj" and so on. B_NOT_FOUND when there is no PREFIX.qweight (the layer is not
 * quantised: look for PREFIX.weight); B_FORMAT when shapes or dtypes do not fit in, out and group. */
enum b_code eng_awq_find(const struct eng_checkpoint *cp, const char *prefix, int64_t in, int64_t out, int group,
                         struct eng_awq *awq, struct b_err *err) B_MUST_CHECK;
/* q or z of row `row` (an input or a group) and column `col` (an output): 0 .. 15. */
int eng_awq_nibble(const struct eng_weight *packed, int64_t row, int64_t col);
/* Row-major float32 rows first .. first+count-1 of the weight [out, in]: the reference dequantisation. */
void eng_awq_rows_to_f32(const struct eng_awq *awq, int64_t first, int64_t count, float *out);

#endif
