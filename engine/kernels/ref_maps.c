/* SPDX-License-Identifier: Apache-2.0 */
/* Plain twins of the kernels over blocked maps: element (channel, position) lies at
 * (channel / b * hw + position) * b + channel % b. */
#include <math.h>
#include <string.h>

#include "engine/kernels/kernels_private.h"

static size_t at(size_t channel, size_t position, size_t hw, size_t b)
{
    return (channel / b * hw + position) * b + channel % b;
}

void eng_ref_mean(const float *x, size_t blocks, size_t hw, size_t b, float *mean)
{
    for (size_t c = 0; c < blocks * b; c++) {
        double sum = 0;
        for (size_t p = 0; p < hw; p++)
            sum += (double)x[at(c, p, hw, b)];
        mean[c] = (float)(sum / (double)hw);
    }
}

void eng_ref_scale(float *x, size_t blocks, size_t hw, size_t b, const float *s, int keep)
{
    for (size_t k = 0; k < blocks; k++)
        for (size_t p = 0; p < hw; p++)
            for (size_t c = 0; c < b; c++)
                x[(k * hw + p) * b + c] *= s[k * b + c] + (keep ? 1.0f : 0.0f);
}

void eng_ref_upsample(const float *src, size_t blocks, size_t h, size_t w, size_t b, size_t factor, float *dst,
                      int accumulate)
{
    size_t ow = w * factor;
    for (size_t k = 0; k < blocks; k++)
        for (size_t y = 0; y < h * factor; y++)
            for (size_t x = 0; x < ow; x++) {
                const float *from = src + ((k * h + y / factor) * w + x / factor) * b;
                float *to = dst + ((k * h * factor + y) * ow + x) * b;
                for (size_t c = 0; c < b; c++)
                    to[c] = accumulate ? to[c] + from[c] : from[c];
            }
}

void eng_ref_maxpool2(const float *src, size_t blocks, size_t h, size_t w, size_t b, float *dst)
{
    for (size_t k = 0; k < blocks; k++)
        for (size_t y = 0; y < h; y++)
            for (size_t x = 0; x < w; x++)
                for (size_t c = 0; c < b; c++) {
                    float top = -INFINITY;
                    for (size_t j = y; j < h && j < y + 2; j++)
                        for (size_t i = x; i < w && i < x + 2; i++) {
                            float v = src[((k * h + j) * w + i) * b + c];
                            top = v > top ? v : top;
                        }
                    dst[((k * h + y) * w + x) * b + c] = top;
                }
}

void eng_ref_avgpool(const float *src, size_t blocks, size_t h, size_t w, size_t b, size_t kh, size_t kw, float *dst)
{
    size_t oh = h / kh, ow = w / kw;
    for (size_t k = 0; k < blocks; k++)
        for (size_t y = 0; y < oh; y++)
            for (size_t x = 0; x < ow; x++)
                for (size_t c = 0; c < b; c++) {
                    float sum = 0;
                    for (size_t j = 0; j < kh; j++)
                        for (size_t i = 0; i < kw; i++)
                            sum += src[((k * h + y * kh + j) * w + x * kw + i) * b + c];
                    dst[((k * oh + y) * ow + x) * b + c] = sum / (float)(kh * kw);
                }
}

void eng_ref_to_blocked(const float *src, size_t c, size_t hw, size_t b, float *dst)
{
    size_t padded = (c + b - 1) / b * b;
    for (size_t ch = 0; ch < padded; ch++)
        for (size_t p = 0; p < hw; p++)
            dst[at(ch, p, hw, b)] = ch < c ? src[ch * hw + p] : 0.0f;
}

void eng_ref_to_plain(const float *src, size_t c, size_t hw, size_t b, float *dst)
{
    for (size_t ch = 0; ch < c; ch++)
        for (size_t p = 0; p < hw; p++)
            dst[ch * hw + p] = src[at(ch, p, hw, b)];
}

void eng_ref_to_rows(const float *src, size_t c, size_t hw, size_t b, float *dst)
{
    for (size_t first = 0; first < c; first += b) {
        size_t run = c - first < b ? c - first : b;
        for (size_t p = 0; p < hw; p++)
            memcpy(dst + p * c + first, src + (first / b * hw + p) * b, run * sizeof *dst);
    }
}

void eng_ref_from_rows(const float *src, size_t c, size_t hw, size_t b, float *dst)
{
    for (size_t first = 0; first < c; first += b) {
        size_t run = c - first < b ? c - first : b;
        for (size_t p = 0; p < hw; p++) {
            float *to = dst + (first / b * hw + p) * b;
            memcpy(to, src + p * c + first, run * sizeof *dst);
            memset(to + run, 0, (b - run) * sizeof *dst);
        }
    }
}

void eng_ref_copy_channels(const float *src, size_t src_at, float *dst, size_t dst_at, size_t c, size_t hw, size_t b)
{
    /* Runs of channels that stay inside one block on both sides. */
    for (size_t done = 0, run; done < c; done += run) {
        size_t room_src = b - (src_at + done) % b, room_dst = b - (dst_at + done) % b;
        run = room_src < room_dst ? room_src : room_dst;
        run = run < c - done ? run : c - done;
        const float *from = src + at(src_at + done, 0, hw, b);
        float *to = dst + at(dst_at + done, 0, hw, b);
        if (run == b)
            memcpy(to, from, hw * b * sizeof *to);
        else
            for (size_t p = 0; p < hw; p++)
                memcpy(to + p * b, from + p * b, run * sizeof *to);
    }
}

void eng_ref_shuffle2(const float *src, size_t c, size_t h, size_t w, size_t b, const float *bias, int relu,
                      float *dst)
{
    size_t padded = (c + b - 1) / b * b;
    for (size_t ch = 0; ch < padded; ch++)
        for (size_t y = 0; y < 2 * h; y++)
            for (size_t x = 0; x < 2 * w; x++) {
                float v = 0;
                if (ch < c) {
                    size_t from = (y % 2 * 2 + x % 2) * c + ch;
                    v = src[at(from, y / 2 * w + x / 2, h * w, b)] + (bias ? bias[ch] : 0.0f);
                    v = relu && !(v > 0) ? 0 : v;
                }
                dst[at(ch, y * 2 * w + x, 4 * h * w, b)] = v;
            }
}

void eng_ref_shuffle2_plain(const float *src, size_t h, size_t w, size_t b, float bias, int sigmoid, float *dst)
{
    for (size_t y = 0; y < 2 * h; y++)
        for (size_t x = 0; x < 2 * w; x++) {
            float v = src[at(y % 2 * 2 + x % 2, y / 2 * w + x / 2, h * w, b)] + bias;
            dst[y * 2 * w + x] = sigmoid ? 1.0f / (1.0f + expf(-v)) : v;
        }
}
