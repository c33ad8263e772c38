/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses the large model's kernels that the processor runs. Built without any instruction-set flag. */
#include "engine/kernels/lm_private.h"

#if defined(__x86_64__)
#include <cpuid.h>

/* Asked directly, since clang's __builtin_cpu_supports does not know the name before version 18. */
static int has_f16c(void)
{
    unsigned a, b, c = 0, d;
    return __get_cpuid(1, &a, &b, &c, &d) && c >> 29 & 1;
}
#endif

static int runs(enum eng_lm_isa isa)
{
#if defined(__x86_64__)
    int wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    switch (isa) {
    case ENG_LM_AVX2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
    case ENG_LM_AVX512:
        return wide;
    case ENG_LM_AVX512_VNNI:
        return wide && __builtin_cpu_supports("avx512vnni");
    case ENG_LM_AVX512_BF16:
        return wide && __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bf16");
    default:
        break;
    }
#endif
    return isa == ENG_LM_PLAIN;
}

const struct eng_lm_kernels *eng_lm_for(enum eng_lm_isa isa)
{
    if (!runs(isa))
        return NULL;
#if defined(__x86_64__)
    switch (isa) {
    case ENG_LM_AVX2:
        return &eng_lm_avx2;
    case ENG_LM_AVX512:
        return &eng_lm_avx512;
    case ENG_LM_AVX512_VNNI:
        return &eng_lm_avx512_vnni;
    case ENG_LM_AVX512_BF16:
        return &eng_lm_avx512_bf16;
    default:
        break;
    }
#endif
    return &eng_lm_plain;
}

const struct eng_lm_kernels *eng_lm_best(void)
{
    for (int isa = ENG_LM_ISA_COUNT - 1; isa > ENG_LM_PLAIN; isa--) {
        const struct eng_lm_kernels *k = eng_lm_for((enum eng_lm_isa)isa);
        if (k)
            return k;
    }
    return &eng_lm_plain;
}
