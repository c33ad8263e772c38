/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_VEC_PAIRS_H
#define TESTS_SUPPORT_VEC_PAIRS_H

/* Sixteen lanes made of two AVX2 registers, in place of the AVX-512 part of engine/kernels/vec.h: the 16-lane
 * form of every kernel (tails, tiles of 12 rows, pairs of panels, blocks of 8 in vectors of 16) runs and is
 * tested on machines without AVX-512. Only the one-line wrappers of AVX-512 instructions stay untested there. */

#include <immintrin.h>
#include <stddef.h>

#define VEC_BACKEND
#define V ((size_t)16)
#define PAIR static inline __attribute__((always_inline))
typedef struct { __m256 lo, hi; } vf;

PAIR vf pair(__m256 lo, __m256 hi) { return (vf){lo, hi}; }
PAIR __m256i pair_mask(size_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
PAIR size_t upper(size_t n) { return n > 8 ? n - 8 : 0; }
PAIR vf v_zero(void) { return pair(_mm256_setzero_ps(), _mm256_setzero_ps()); }
PAIR vf v_set(float x) { return pair(_mm256_set1_ps(x), _mm256_set1_ps(x)); }
PAIR vf v_load(const float *p) { return pair(_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)); }
PAIR void v_store(float *p, vf a)
{
    _mm256_storeu_ps(p, a.lo);
    _mm256_storeu_ps(p + 8, a.hi);
}
PAIR vf v_load_n(const float *p, size_t n)
{
    __m256 hi = n > 8 ? _mm256_maskload_ps(p + 8, pair_mask(n - 8)) : _mm256_setzero_ps();
    return pair(_mm256_maskload_ps(p, pair_mask(n)), hi);
}
PAIR void v_store_n(float *p, vf a, size_t n)
{
    _mm256_maskstore_ps(p, pair_mask(n), a.lo);
    if (n > 8)
        _mm256_maskstore_ps(p + 8, pair_mask(n - 8), a.hi);
}
PAIR vf v_keep(vf a, size_t n)
{
    return pair(_mm256_and_ps(a.lo, _mm256_castsi256_ps(pair_mask(n))),
                _mm256_and_ps(a.hi, _mm256_castsi256_ps(pair_mask(upper(n)))));
}
PAIR vf v_load_fill(const float *p, size_t n, float fill)
{
    vf a = v_load_n(p, n);
    __m256 f = _mm256_set1_ps(fill);
    return pair(_mm256_blendv_ps(f, a.lo, _mm256_castsi256_ps(pair_mask(n))),
                _mm256_blendv_ps(f, a.hi, _mm256_castsi256_ps(pair_mask(upper(n)))));
}
PAIR vf v_add(vf a, vf b) { return pair(_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)); }
PAIR vf v_sub(vf a, vf b) { return pair(_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)); }
PAIR vf v_mul(vf a, vf b) { return pair(_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)); }
PAIR vf v_div(vf a, vf b) { return pair(_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)); }
PAIR vf v_min(vf a, vf b) { return pair(_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)); }
PAIR vf v_max(vf a, vf b) { return pair(_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)); }
PAIR vf v_fma(vf a, vf b, vf c) { return pair(_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)); }
PAIR vf v_fnma(vf a, vf b, vf c)
{
    return pair(_mm256_fnmadd_ps(a.lo, b.lo, c.lo), _mm256_fnmadd_ps(a.hi, b.hi, c.hi));
}
PAIR __m256 round8(__m256 a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
PAIR vf v_round(vf a) { return pair(round8(a.lo), round8(a.hi)); }
PAIR __m256 power8(__m256 a, __m256 n)
{
    __m256i e = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
    return _mm256_mul_ps(a, _mm256_castsi256_ps(e));
}
PAIR vf v_scale2(vf a, vf n) { return pair(power8(a.lo, n.lo), power8(a.hi, n.hi)); }
PAIR __m256 v_halves_sum(vf a) { return _mm256_add_ps(a.lo, a.hi); }
PAIR __m256 v_halves_max(vf a) { return _mm256_max_ps(a.lo, a.hi); }

#endif
