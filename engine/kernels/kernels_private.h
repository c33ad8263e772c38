/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_KERNELS_KERNELS_PRIVATE_H
#define ENGINE_KERNELS_KERNELS_PRIVATE_H

#include "engine/kernels/kernels.h"

extern const struct eng_kernels eng_kernels_plain, eng_kernels_avx2, eng_kernels_avx512;

#endif
