/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_KERNELS_VEC_H
#define ENGINE_KERNELS_VEC_H

/* One vector of floats for the instruction set that the including file is compiled for, so that AVX2 and AVX-512
 * run the same text. Partial loads and stores touch only the first n <= V floats: the tail of an array goes
 * through the same arithmetic as its body, and a value never depends on how the caller cut the array. */

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define V_INLINE static inline __attribute__((always_inline))

/* Eight lanes exist in both sets: for layouts in groups of eight channels. */
typedef __m256 v8f;

#if defined(VEC_BACKEND)
/* The includer has defined V, vf and the wrappers below (tests/support/vec_pairs.h). */
#elif defined(__AVX512F__)

#define V ((size_t)16)
typedef __m512 vf;

V_INLINE vf v_zero(void) { return _mm512_setzero_ps(); }
V_INLINE vf v_set(float x) { return _mm512_set1_ps(x); }
V_INLINE vf v_load(const float *p) { return _mm512_loadu_ps(p); }
V_INLINE void v_store(float *p, vf a) { _mm512_storeu_ps(p, a); }
V_INLINE __mmask16 v_first(size_t n) { return (__mmask16)((1U << n) - 1U); }
V_INLINE vf v_load_n(const float *p, size_t n) { return _mm512_maskz_loadu_ps(v_first(n), p); }
V_INLINE vf v_load_fill(const float *p, size_t n, float fill) { return _mm512_mask_loadu_ps(v_set(fill), v_first(n), p); }
V_INLINE void v_store_n(float *p, vf a, size_t n) { _mm512_mask_storeu_ps(p, v_first(n), a); }
/* a with lanes n.. set to 0. */
V_INLINE vf v_keep(vf a, size_t n) { return _mm512_maskz_mov_ps(v_first(n), a); }
V_INLINE vf v_add(vf a, vf b) { return _mm512_add_ps(a, b); }
V_INLINE vf v_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
V_INLINE vf v_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
V_INLINE vf v_div(vf a, vf b) { return _mm512_div_ps(a, b); }
V_INLINE vf v_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }   /* ab + c */
V_INLINE vf v_fnma(vf a, vf b, vf c) { return _mm512_fnmadd_ps(a, b, c); } /* c - ab */
/* Both give b when an operand is NaN. */
V_INLINE vf v_min(vf a, vf b) { return _mm512_min_ps(a, b); }
V_INLINE vf v_max(vf a, vf b) { return _mm512_max_ps(a, b); }
V_INLINE vf v_round(vf a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
/* a 2^n for whole n in -126..127. */
V_INLINE vf v_scale2(vf a, vf n)
{
    __m512i e = _mm512_slli_epi32(_mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127)), 23);
    return _mm512_mul_ps(a, _mm512_castsi512_ps(e));
}
V_INLINE v8f v_halves_sum(vf a)
{
    __m512d high = _mm512_castps_pd(a);
    return _mm256_add_ps(_mm512_castps512_ps256(a), _mm256_castpd_ps(_mm512_extractf64x4_pd(high, 1)));
}
V_INLINE v8f v_halves_max(vf a)
{
    __m512d high = _mm512_castps_pd(a);
    return _mm256_max_ps(_mm512_castps512_ps256(a), _mm256_castpd_ps(_mm512_extractf64x4_pd(high, 1)));
}

#else

#define V ((size_t)8)
typedef __m256 vf;

V_INLINE vf v_zero(void) { return _mm256_setzero_ps(); }
V_INLINE vf v_set(float x) { return _mm256_set1_ps(x); }
V_INLINE vf v_load(const float *p) { return _mm256_loadu_ps(p); }
V_INLINE void v_store(float *p, vf a) { _mm256_storeu_ps(p, a); }
V_INLINE __m256i v_first(size_t n)
{
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), lanes); /* n = V: all */
}
V_INLINE vf v_load_n(const float *p, size_t n) { return _mm256_maskload_ps(p, v_first(n)); }
V_INLINE vf v_load_fill(const float *p, size_t n, float fill)
{
    __m256i mask = v_first(n);
    return _mm256_blendv_ps(v_set(fill), _mm256_maskload_ps(p, mask), _mm256_castsi256_ps(mask));
}
V_INLINE void v_store_n(float *p, vf a, size_t n) { _mm256_maskstore_ps(p, v_first(n), a); }
/* a with lanes n.. set to 0. */
V_INLINE vf v_keep(vf a, size_t n) { return _mm256_and_ps(a, _mm256_castsi256_ps(v_first(n))); }
V_INLINE vf v_add(vf a, vf b) { return _mm256_add_ps(a, b); }
V_INLINE vf v_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
V_INLINE vf v_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
V_INLINE vf v_div(vf a, vf b) { return _mm256_div_ps(a, b); }
V_INLINE vf v_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }   /* ab + c */
V_INLINE vf v_fnma(vf a, vf b, vf c) { return _mm256_fnmadd_ps(a, b, c); } /* c - ab */
/* Both give b when an operand is NaN. */
V_INLINE vf v_min(vf a, vf b) { return _mm256_min_ps(a, b); }
V_INLINE vf v_max(vf a, vf b) { return _mm256_max_ps(a, b); }
V_INLINE vf v_round(vf a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
/* a 2^n for whole n in -126..127. */
V_INLINE vf v_scale2(vf a, vf n)
{
    __m256i e = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
    return _mm256_mul_ps(a, _mm256_castsi256_ps(e));
}
V_INLINE v8f v_halves_sum(vf a) { return a; }
V_INLINE v8f v_halves_max(vf a) { return a; }

#endif

V_INLINE float v_sum(vf a)
{
    v8f h = v_halves_sum(a);
    __m128 q = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
    q = _mm_add_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_add_ss(q, _mm_shuffle_ps(q, q, 1)));
}

V_INLINE float v_top(vf a)
{
    v8f h = v_halves_max(a);
    __m128 q = _mm_max_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
    q = _mm_max_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_max_ss(q, _mm_shuffle_ps(q, q, 1)));
}

/* e^x, relative error below 1.0e-7; x is clamped to -87..88, NaN stays NaN. x = n ln2 + r, e^r = 1 + r + r^2 q(r)
 * with q of degree 4 fitted for least relative error on |r| <= ln2/2, then 2^n. */
V_INLINE vf v_exp(vf x)
{
    x = v_min(v_set(88.0f), v_max(v_set(-87.0f), x));
    vf n = v_round(v_mul(x, v_set(1.44269504f)));
    vf r = v_fnma(n, v_set(0.693359375f), x); /* ln 2 in two parts; n times the first is exact */
    r = v_fma(n, v_set(2.12194442e-4f), r);
    vf q = v_set(1.381459879e-3f);
    q = v_fma(q, r, v_set(8.368716575e-3f));
    q = v_fma(q, r, v_set(4.166838899e-2f));
    q = v_fma(q, r, v_set(1.666652113e-1f));
    q = v_fma(q, r, v_set(4.999999404e-1f));
    q = v_add(v_fma(q, v_mul(r, r), r), v_set(1.0f));
    return v_scale2(q, n);
}

V_INLINE vf v_sigmoid(vf x)
{
    vf one = v_set(1.0f);
    return v_div(one, v_add(one, v_exp(v_sub(v_zero(), x))));
}

V_INLINE vf v_swish(vf x)
{
    return v_mul(x, v_sigmoid(x));
}

/* 1 - 2/(e^2x + 1): absolute error below 2e-7; relative accuracy is lost near 0, where nothing here needs it. */
V_INLINE vf v_tanh(vf x)
{
    vf one = v_set(1.0f);
    vf e = v_add(v_exp(v_add(x, x)), one);
    return v_sub(one, v_div(v_set(2.0f), e));
}

/* x (1/2 + h), h = erf(x/sqrt 2)/2 = x p(u), u = 2 min(x^2, 25)/25 - 1, p of degree 12 fitted for least absolute
 * error on |x| <= 5 and h clamped to +-1/2 beyond: erf within 6e-7. No division and no exponential. */
V_INLINE vf v_gelu(vf x)
{
    vf t = v_min(v_set(25.0f), v_mul(x, x));
    vf u = v_fma(t, v_set(0.08f), v_set(-1.0f));
    vf u2 = v_mul(u, u); /* even and odd powers apart: half the latency */
    vf even = v_set(6.087285000830889e-4f), odd = v_set(-1.6132657183334231e-3f);
    even = v_fma(even, u2, v_set(1.722796238027513e-3f));
    odd = v_fma(odd, u2, v_set(-2.68557365052402e-3f));
    even = v_fma(even, u2, v_set(6.410513538867235e-3f));
    odd = v_fma(odd, u2, v_set(-1.1164340190589428e-2f));
    even = v_fma(even, u2, v_set(1.6402173787355423e-2f));
    odd = v_fma(odd, u2, v_set(-2.3268653079867363e-2f));
    even = v_fma(even, u2, v_set(3.1442172825336456e-2f));
    odd = v_fma(odd, u2, v_set(-4.0442608296871185e-2f));
    even = v_fma(even, u2, v_set(5.152052268385887e-2f));
    odd = v_fma(odd, u2, v_set(-7.02962800860405e-2f));
    even = v_fma(even, u2, v_set(1.4136378467082977e-1f));
    vf p = v_fma(odd, u, even);
    vf h = v_min(v_set(0.5f), v_max(v_set(-0.5f), v_mul(x, p)));
    return v_fma(x, h, v_mul(x, v_set(0.5f)));
}

V_INLINE vf v_clamp01(vf x)
{
    return v_min(v_set(1.0f), v_max(v_zero(), x));
}

V_INLINE vf v_relu(vf x)
{
    return v_max(x, v_zero());
}

#endif
