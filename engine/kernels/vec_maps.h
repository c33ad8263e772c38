/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_KERNELS_VEC_MAPS_H
#define ENGINE_KERNELS_VEC_MAPS_H

/* Kernels over blocked maps; included once per instruction set. Where whole blocks fill whole vectors (b % V = 0)
 * they run here; the one other case, blocks of 8 on a 16-lane set, oneDNN never chooses: it takes the plain twin. */

#include <string.h>

#include "engine/kernels/kernels_private.h"
#include "engine/kernels/vec.h"
#include "engine/kernels/vec_pointwise.h"

/* Sums of a run stay in fp32 lanes for 64 additions, then join a total in fp64: exact enough for maps of any
 * size. MEAN_STEP floats hold a whole number of blocks of 8 or 16, so a lane always meets the same channel. */
enum { MEAN_STEP = 64, MEAN_RUN = 64 * MEAN_STEP };

static void mean_block(const float *x, size_t n, size_t b, double *total)
{
    for (size_t start = 0; start < n; start += MEAN_RUN) {
        size_t end = n - start < MEAN_RUN ? n : start + MEAN_RUN, i = start;
        vf part[MEAN_STEP / V];
        float lanes[MEAN_STEP];
        for (size_t j = 0; j < MEAN_STEP / V; j++)
            part[j] = v_zero();
        for (; i + MEAN_STEP <= end; i += MEAN_STEP)
            for (size_t j = 0; j < MEAN_STEP / V; j++)
                part[j] = v_add(part[j], v_load(x + i + j * V));
        for (size_t j = 0; j < MEAN_STEP / V; j++)
            v_store(lanes + j * V, part[j]);
        for (size_t j = 0; j < MEAN_STEP; j++)
            total[j % b] += (double)lanes[j];
        for (; i < end; i++)
            total[i % b] += (double)x[i];
    }
}

static void mean(const float *x, size_t blocks, size_t hw, size_t b, float *out)
{
    for (size_t k = 0; k < blocks; k++) {
        double total[16] = {0};
        mean_block(x + k * hw * b, hw * b, b, total);
        for (size_t c = 0; c < b; c++)
            out[k * b + c] = (float)(total[c] / (double)hw);
    }
}

static void scale(float *x, size_t blocks, size_t hw, size_t b, const float *s, int keep)
{
    for (size_t k = 0; k < blocks; k++) {
        float factor[16];
        for (size_t j = 0; j < 16; j++)
            factor[j] = s[k * b + j % b] + (keep ? 1.0f : 0.0f);
        vf f0 = v_load(factor), f1 = v_load(factor + 16 - V);
        float *row = x + k * hw * b;
        size_t n = hw * b, i = 0;
        for (; i + 2 * V <= n; i += 2 * V) {
            vf a = v_mul(v_load(row + i), f0), c = v_mul(v_load(row + i + V), f1);
            v_store(row + i, a);
            v_store(row + i + V, c);
        }
        for (; i < n; i++)
            row[i] *= factor[i % b];
    }
}

V_INLINE void upsample_rows(const float *src, size_t blocks, size_t h, size_t w, size_t b, size_t factor, float *dst,
                            int accumulate)
{
    for (size_t r = 0; r < blocks * h * factor; r++) { /* rows of dst; blocks follow each other */
        const float *from = src + r / factor * w * b;
        float *to = dst + r * w * factor * b;
        for (size_t x = 0; x < w; x++, from += b)
            for (size_t c = 0; c < b; c += V) {
                vf v = v_load(from + c);
                float *p = to + x * factor * b + c;
                for (size_t f = 0; f < factor; f++, p += b)
                    v_store(p, accumulate ? v_add(v_load(p), v) : v);
            }
    }
}

static void upsample(const float *src, size_t blocks, size_t h, size_t w, size_t b, size_t factor, float *dst,
                     int accumulate)
{
    if (b % V != 0)
        eng_ref_upsample(src, blocks, h, w, b, factor, dst, accumulate);
    else if (b == V && factor == 2 && accumulate) /* constants let the loops unroll */
        upsample_rows(src, blocks, h, w, V, 2, dst, 1);
    else if (b == V)
        upsample_rows(src, blocks, h, w, V, factor, dst, accumulate);
    else
        upsample_rows(src, blocks, h, w, b, factor, dst, accumulate);
}

static void maxpool2(const float *src, size_t blocks, size_t h, size_t w, size_t b, float *dst)
{
    if (b % V != 0) {
        eng_ref_maxpool2(src, blocks, h, w, b, dst);
        return;
    }
    size_t row = w * b;
    for (size_t r = 0; r < blocks * h; r++, src += row, dst += row) {
        const float *below = (r + 1) % h ? src + row : src;
        size_t i = 0;
        for (; i + b < row; i += V) {
            vf left = v_max(v_load(src + i), v_load(below + i));
            v_store(dst + i, v_max(left, v_max(v_load(src + i + b), v_load(below + i + b))));
        }
        for (; i < row; i += V)
            v_store(dst + i, v_max(v_load(src + i), v_load(below + i)));
    }
}

static void avgpool(const float *src, size_t blocks, size_t h, size_t w, size_t b, size_t kh, size_t kw, float *dst)
{
    if (b % V != 0) {
        eng_ref_avgpool(src, blocks, h, w, b, kh, kw, dst);
        return;
    }
    size_t oh = h / kh, ow = w / kw;
    vf share = v_set(1.0f / (float)(kh * kw));
    for (size_t k = 0; k < blocks; k++)
        for (size_t y = 0; y < oh; y++)
            for (size_t x = 0; x < ow; x++)
                for (size_t c = 0; c < b; c += V) {
                    vf sum = v_zero();
                    for (size_t j = 0; j < kh; j++)
                        for (size_t i = 0; i < kw; i++)
                            sum = v_add(sum, v_load(src + ((k * h + y * kh + j) * w + x * kw + i) * b + c));
                    v_store(dst + ((k * oh + y) * ow + x) * b + c, v_mul(sum, share));
                }
}

/* dst[c][p] = src[p][c] for 8 x 8; strides in floats. */
V_INLINE void transpose8(const float *src, size_t src_stride, float *dst, size_t dst_stride)
{
    v8f r[8], t[8];
    for (size_t i = 0; i < 8; i++)
        r[i] = _mm256_loadu_ps(src + i * src_stride);
    for (size_t i = 0; i < 4; i++) {
        t[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
        t[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
    }
    for (size_t i = 0; i < 2; i++) {
        r[4 * i] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0x44);
        r[4 * i + 1] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0xEE);
        r[4 * i + 2] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0x44);
        r[4 * i + 3] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0xEE);
    }
    for (size_t i = 0; i < 4; i++) {
        _mm256_storeu_ps(dst + i * dst_stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
        _mm256_storeu_ps(dst + (i + 4) * dst_stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
    }
}

static void to_blocked(const float *src, size_t c, size_t hw, size_t b, float *dst)
{
    for (size_t first = 0; first < c; first += 8) { /* groups of eight channels; b is 8 or 16 */
        size_t channels = c - first < 8 ? c - first : 8, p = 0;
        const float *from = src + first * hw;
        float *to = dst + first / b * b * hw + first % b;
        if (channels == 8)
            for (; p + 8 <= hw; p += 8)
                transpose8(from + p, hw, to + p * b, b);
        for (; p < hw; p++)
            for (size_t ch = 0; ch < 8; ch++)
                to[p * b + ch] = ch < channels ? from[ch * hw + p] : 0.0f;
    }
    if (b == 16 && (c - 1) % 16 < 8) { /* the upper half of the last block is padding */
        float *to = dst + (c - 1) / 16 * 16 * hw + 8;
        for (size_t p = 0; p < hw; p++)
            memset(to + p * 16, 0, 8 * sizeof *to);
    }
}

static void to_plain(const float *src, size_t c, size_t hw, size_t b, float *dst)
{
    for (size_t first = 0; first < c; first += 8) {
        size_t channels = c - first < 8 ? c - first : 8, p = 0;
        const float *from = src + first / b * b * hw + first % b;
        float *to = dst + first * hw;
        if (channels == 8)
            for (; p + 8 <= hw; p += 8)
                transpose8(from + p * b, b, to + p, hw);
        for (; p < hw; p++)
            for (size_t ch = 0; ch < channels; ch++)
                to[ch * hw + p] = from[p * b + ch];
    }
}

/* Eight channels of one of the four pixels: from + bias -> every second pixel of every second row. */
V_INLINE void shuffle_group(const float *from, size_t h, size_t w, size_t b, v8f bias, v8f floor, float *to)
{
    for (size_t y = 0; y < h; y++)
        for (size_t x = 0; x < w; x++) {
            v8f v = _mm256_add_ps(_mm256_loadu_ps(from + (y * w + x) * b), bias);
            _mm256_storeu_ps(to + (y * 4 * w + x * 2) * b, _mm256_max_ps(floor, v));
        }
}

static void shuffle2(const float *src, size_t c, size_t h, size_t w, size_t b, const float *bias, int relu_too,
                     float *dst)
{
    if (c % 8 != 0) {
        eng_ref_shuffle2(src, c, h, w, b, bias, relu_too, dst);
        return;
    }
    v8f floor = _mm256_set1_ps(relu_too ? 0.0f : -__builtin_inff());
    for (size_t ch = 0; ch < c; ch += 8)
        for (size_t d = 0; d < 4; d++) {
            size_t s = d * c + ch;
            const float *from = src + s / b * b * h * w + s % b;
            float *to = dst + ch / b * b * 4 * h * w + ch % b + (d / 2 * 2 * w + d % 2) * b;
            v8f add8 = bias ? _mm256_loadu_ps(bias + ch) : _mm256_setzero_ps();
            shuffle_group(from, h, w, b, add8, floor, to);
        }
    if (c % b != 0) /* b = 16 and the last block is half full */
        for (size_t p = 0; p < 4 * h * w; p++)
            memset(dst + (c / b * 4 * h * w + p) * b + 8, 0, 8 * sizeof *dst);
}

static void shuffle2_plain(const float *src, size_t h, size_t w, size_t b, float bias, int sigmoid_too, float *dst)
{
    __m128 add4 = _mm_set1_ps(bias);
    for (size_t y = 0; y < h; y++) {
        float *top = dst + 4 * y * w, *bottom = top + 2 * w;
        for (size_t x = 0; x < w; x++) {
            __m128 v = _mm_add_ps(_mm_loadu_ps(src + (y * w + x) * b), add4);
            float two[4];
            _mm_storeu_ps(two, v);
            memcpy(top + 2 * x, two, 2 * sizeof *two);
            memcpy(bottom + 2 * x, two + 2, 2 * sizeof *two);
        }
        if (sigmoid_too)
            sigmoid(top, 4 * w); /* both rows, still in the nearest cache */
    }
}

#endif
