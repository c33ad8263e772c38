/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels for one instruction set; CMakeLists.txt gives this file its flags. */
#define ISA_ID ENG_ISA_PLAIN
#define ISA_NAME "plain"
#define ISA_TABLE eng_kernels_plain
#include "engine/kernels/kernels_body.h"
