/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels in their 16-lane form on AVX2 registers; see vec_pairs.h. */
#include "tests/support/vec_pairs.h"

#include "tests/support/kernels_wide.h"

#define ISA_ID ENG_ISA_AVX512
#define ISA_NAME "16 lanes in pairs"
#define ISA_TABLE t_kernels_wide
#include "engine/kernels/vec_table.h"
