/* SPDX-License-Identifier: Apache-2.0 */
/* The table of plain twins. */
#include "engine/kernels/kernels_private.h"

const struct eng_kernels eng_kernels_plain = {
    .isa = ENG_ISA_PLAIN, .name = "plain", .relu = eng_ref_relu, .gelu = eng_ref_gelu, .sigmoid = eng_ref_sigmoid,
    .swish = eng_ref_swish, .hardswish = eng_ref_hardswish, .hardsigmoid = eng_ref_hardsigmoid,
    .tanh = eng_ref_tanh, .add = eng_ref_add, .mean = eng_ref_mean, .scale = eng_ref_scale,
    .upsample = eng_ref_upsample, .maxpool2 = eng_ref_maxpool2, .avgpool = eng_ref_avgpool,
    .matmul = eng_ref_matmul, .layernorm = eng_ref_layernorm, .softmax = eng_ref_softmax, .argmax = eng_ref_argmax,
    .tanh_score = eng_ref_tanh_score, .excite = eng_ref_excite, .to_blocked = eng_ref_to_blocked,
    .to_plain = eng_ref_to_plain, .to_rows = eng_ref_to_rows, .from_rows = eng_ref_from_rows,
    .copy_channels = eng_ref_copy_channels, .shuffle2 = eng_ref_shuffle2,
    .shuffle2_plain = eng_ref_shuffle2_plain, .attention = eng_ref_attention, .gemm = eng_ref_gemm,
    .ctc = eng_ref_ctc, .gru = eng_ref_gru, .matvec = eng_ref_matvec, .mlp = eng_ref_mlp,
};
