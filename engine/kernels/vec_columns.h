/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_KERNELS_VEC_COLUMNS_H
#define ENGINE_KERNELS_VEC_COLUMNS_H

#if defined(__AVX512F__)

#include "engine/kernels/vec.h"

/* 16 rows of 16 words become 16 columns of them. */
V_INLINE void to_columns(const __m512i rows[16], __m512i columns[16])
{
    __m512i a[16], b[16];
#pragma GCC unroll 8
    for (size_t j = 0; j < 16; j += 2) {
        b[j] = _mm512_unpacklo_epi32(rows[j], rows[j + 1]);
        b[j + 1] = _mm512_unpackhi_epi32(rows[j], rows[j + 1]);
    }
#pragma GCC unroll 4
    for (size_t j = 0; j < 16; j += 4) { /* a[j + i]: word i of each 128 bits of four rows */
        a[j] = _mm512_unpacklo_epi64(b[j], b[j + 2]);
        a[j + 1] = _mm512_unpackhi_epi64(b[j], b[j + 2]);
        a[j + 2] = _mm512_unpacklo_epi64(b[j + 1], b[j + 3]);
        a[j + 3] = _mm512_unpackhi_epi64(b[j + 1], b[j + 3]);
    }
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        __m512i low02 = _mm512_shuffle_i32x4(a[i], a[4 + i], 0x88), low13 = _mm512_shuffle_i32x4(a[i], a[4 + i], 0xDD);
        __m512i high02 = _mm512_shuffle_i32x4(a[8 + i], a[12 + i], 0x88);
        __m512i high13 = _mm512_shuffle_i32x4(a[8 + i], a[12 + i], 0xDD);
        columns[i] = _mm512_shuffle_i32x4(low02, high02, 0x88);
        columns[4 + i] = _mm512_shuffle_i32x4(low13, high13, 0x88);
        columns[8 + i] = _mm512_shuffle_i32x4(low02, high02, 0xDD);
        columns[12 + i] = _mm512_shuffle_i32x4(low13, high13, 0xDD);
    }
}

#endif
#endif
