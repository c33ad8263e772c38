/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels of one instruction set; CMakeLists.txt gives this file its flags. */
#define ISA_ID ENG_ISA_AVX2
#define ISA_NAME "avx2"
#define ISA_TABLE eng_kernels_avx2
#include "engine/kernels/vec_table.h"
