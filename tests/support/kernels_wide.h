/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_KERNELS_WIDE_H
#define TESTS_SUPPORT_KERNELS_WIDE_H

#include "engine/kernels/kernels.h"

/* The 16-lane kernels built from pairs of AVX2 registers; runs wherever the AVX2 set runs. */
extern const struct eng_kernels t_kernels_wide;

#endif
