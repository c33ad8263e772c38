/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses the kernels that the processor runs. Built without any instruction-set flag, so that it is safe
 * to execute everywhere. */
#include "engine/kernels/kernels_private.h"

static int runs(enum eng_isa isa)
{
#if defined(__x86_64__)
    if (isa == ENG_ISA_AVX2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (isa == ENG_ISA_AVX512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#endif
    return isa == ENG_ISA_PLAIN;
}

const struct eng_kernels *eng_kernels_for(enum eng_isa isa)
{
    if (!runs(isa))
        return NULL;
#if defined(__x86_64__)
    if (isa == ENG_ISA_AVX512)
        return &eng_kernels_avx512;
    if (isa == ENG_ISA_AVX2)
        return &eng_kernels_avx2;
#endif
    return &eng_kernels_plain;
}

const struct eng_kernels *eng_kernels_best(void)
{
    for (int isa = ENG_ISA_COUNT - 1; isa > ENG_ISA_PLAIN; isa--) {
        const struct eng_kernels *k = eng_kernels_for((enum eng_isa)isa);
        if (k)
            return k;
    }
    return &eng_kernels_plain;
}
