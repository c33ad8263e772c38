/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_KERNELS_VEC_SUMS_H
#define ENGINE_KERNELS_VEC_SUMS_H

/* The sums of eight vectors' lanes at once: halves are added to halves, pair by pair of vectors, so that eight sums take
 * three times the work of one. Floats are added in the order of v_sum: the same bits. */

#include "engine/kernels/vec.h"

/* Keeps a value that several instructions use in a register: left alone, GCC loads it again for each of them. */
#define HOLD(value) __asm__("" : "+v"(value))

#if defined(__AVX512F__)
typedef __m512i vi;
#define SUM8_STEPS(ADD)                                                                                                \
    __m512 t[4];                                                                                                       \
    _Pragma("GCC unroll 8") for (size_t i = 0; i < 4; i++)                                                             \
        t[i] = ADD(_mm512_shuffle_f32x4(a[2 * i], a[2 * i + 1], 0x44),                                                 \
                   _mm512_shuffle_f32x4(a[2 * i], a[2 * i + 1], 0xEE));                                                \
    __m512 u0 = ADD(_mm512_shuffle_f32x4(t[0], t[1], 0x88), _mm512_shuffle_f32x4(t[0], t[1], 0xDD));                   \
    __m512 u1 = ADD(_mm512_shuffle_f32x4(t[2], t[3], 0x88), _mm512_shuffle_f32x4(t[2], t[3], 0xDD));                   \
    __m512 v = ADD(_mm512_shuffle_ps(u0, u1, 0x44), _mm512_shuffle_ps(u0, u1, 0xEE));                                  \
    v = ADD(v, _mm512_permute_ps(v, 0xB1));                                                                            \
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 2, 6, 10, 14, 0, 0, 0, 0, 0, 0, 0, 0);                         \
    __m256 sums = _mm512_castps512_ps256(_mm512_permutexvar_ps(order, v));

V_INLINE vi v_bits(vf a)
{
    return _mm512_castps_si512(a);
}
V_INLINE vf v_of_bits(vi a)
{
    return _mm512_castsi512_ps(a);
}
V_INLINE __m512 add_whole(__m512 a, __m512 b)
{
    return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(a), _mm512_castps_si512(b)));
}
#else
typedef __m256i vi;
#define SUM8_STEPS(ADD)                                                                                                \
    __m256 t[4];                                                                                                       \
    _Pragma("GCC unroll 8") for (size_t i = 0; i < 4; i++)                                                             \
        t[i] = ADD(_mm256_permute2f128_ps(a[2 * i], a[2 * i + 1], 0x20),                                               \
                   _mm256_permute2f128_ps(a[2 * i], a[2 * i + 1], 0x31));                                              \
    __m256 u0 = ADD(_mm256_shuffle_ps(t[0], t[1], 0x44), _mm256_shuffle_ps(t[0], t[1], 0xEE));                         \
    __m256 u1 = ADD(_mm256_shuffle_ps(t[2], t[3], 0x44), _mm256_shuffle_ps(t[2], t[3], 0xEE));                         \
    __m256 v = ADD(_mm256_shuffle_ps(u0, u1, 0x88), _mm256_shuffle_ps(u0, u1, 0xDD));                                  \
    __m256 sums = _mm256_permutevar8x32_ps(v, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));

V_INLINE vi v_bits(vf a)
{
    return _mm256_castps_si256(a);
}
V_INLINE vf v_of_bits(vi a)
{
    return _mm256_castsi256_ps(a);
}
V_INLINE __m256 add_whole(__m256 a, __m256 b)
{
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(a), _mm256_castps_si256(b)));
}
#endif

V_INLINE v8f v_sum8(const vf *a)
{
    SUM8_STEPS(v_add)
    return sums;
}

/* Of the bits of 32-bit whole numbers. */
V_INLINE __m256i i_sum8(const vf *a)
{
    SUM8_STEPS(add_whole)
    return _mm256_castps_si256(sums);
}

/* Stores the first n of eight. */
V_INLINE void store8(float *to, v8f a, size_t n)
{
    if (n == 8)
        _mm256_storeu_ps(to, a);
    else
        _mm256_maskstore_ps(to, _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)),
                            a);
}

V_INLINE v8f load8(const float *from, size_t n)
{
    if (n == 8)
        return _mm256_loadu_ps(from);
    return _mm256_maskload_ps(
        from, _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)));
}

#endif
