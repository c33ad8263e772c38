/* SPDX-License-Identifier: Apache-2.0 */
/* The large model's kernels of one instruction set; CMakeLists.txt gives this file its flags. */
#define ISA_ID ENG_LM_AVX512_BF16
#define ISA_NAME "avx512-bf16"
#define ISA_TABLE eng_lm_avx512_bf16
#include "engine/kernels/vec_lm.h"
