/* SPDX-License-Identifier: Apache-2.0 */
/* The table of the set that the including file is compiled for; ISA_ID, ISA_NAME and ISA_TABLE are defined there. */
#ifndef ENGINE_KERNELS_VEC_TABLE_H
#define ENGINE_KERNELS_VEC_TABLE_H

#include "engine/kernels/vec_gemm.h"
#include "engine/kernels/vec_maps.h"
#include "engine/kernels/vec_mlp.h"
#include "engine/kernels/vec_pointwise.h"
#include "engine/kernels/vec_rows.h"

const struct eng_kernels ISA_TABLE = {
    .isa = ISA_ID, .name = ISA_NAME, .relu = relu, .gelu = gelu, .sigmoid = sigmoid, .swish = swish,
    .hardswish = hardswish, .hardsigmoid = hardsigmoid, .tanh = tanh_all, .add = add, .mean = mean, .scale = scale,
    .upsample = upsample, .maxpool2 = maxpool2, .avgpool = avgpool, .matmul = matmul, .layernorm = layernorm,
    .softmax = softmax, .argmax = argmax, .tanh_score = tanh_score, .excite = excite, .to_blocked = to_blocked,
    .to_plain = to_plain, .to_rows = eng_ref_to_rows, .from_rows = eng_ref_from_rows,
    .copy_channels = eng_ref_copy_channels, .shuffle2 = shuffle2,
    .shuffle2_plain = shuffle2_plain, .attention = attention, .gemm = gemm, .ctc = ctc, .gru = gru, .matvec = matvec,
    .mlp = mlp,
};

#endif
