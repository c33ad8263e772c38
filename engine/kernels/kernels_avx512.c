/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels of one instruction set; CMakeLists.txt gives this file its flags. */
#define ISA_ID ENG_ISA_AVX512
#define ISA_NAME "avx512"
#define ISA_TABLE eng_kernels_avx512
#include "engine/kernels/vec_table.h"
