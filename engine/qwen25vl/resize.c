/* SPDX-License-Identifier: Apache-2.0 */
/* Antialiased bicubic on 8 bits as two passes of integer arithmetic, columns first, with rounding to 8 bits between
 * them: bit by bit what the reference's image library computes. Newer versions of that library swap the passes for
 * some sizes; published results come from this order. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/qwen25vl/image_processor.h"

#define DOMAIN "resize"
#define CUBIC_A (-0.5)
#define CUBIC_SUPPORT 2.0
#define PILLOW_BITS 22
#define TORCH_MAX_BITS 22

/* Output i of an axis is the sum of input[low[i] .. low[i] + taps[i]) times weight[i * stride ..], shifted. */
struct axis {
    int size, stride, bits;
    int *low, *taps;
    int32_t *weight;
};

static double cubic(double x)
{
    x = fabs(x);
    if (x < 1.0)
        return ((CUBIC_A + 2.0) * x - (CUBIC_A + 3.0)) * x * x + 1;
    if (x < 2.0)
        return (((x - 5) * x + 8) * x - 4) * CUBIC_A;
    return 0.0;
}

static void axis_free(struct axis *a)
{
    free(a->low);
    free(a->taps);
    free(a->weight);
    memset(a, 0, sizeof *a);
}

/* Normalised weights of output i in w[stride]. */
static void weights_of(const struct axis *a, int in, int i, double *w, int *low, int *taps)
{
    const double scale = (double)in / a->size, spread = scale < 1.0 ? 1.0 : scale, support = CUBIC_SUPPORT * spread;
    const double center = (i + 0.5) * scale, inverse = 1.0 / spread;
    int from = (int)(center - support + 0.5), to = (int)(center + support + 0.5);
    from = from < 0 ? 0 : from;
    to = to > in ? in : to;
    double sum = 0;
    for (int j = 0; j < to - from; j++) {
        w[j] = cubic((j + from - center + 0.5) * inverse);
        sum += w[j];
    }
    for (int j = 0; j < to - from && sum != 0; j++)
        w[j] /= sum;
    *low = from;
    *taps = to - from;
}

/* Bits of a weight so that the largest of the axis fits 16 bits. */
static int torch_bits(double largest)
{
    int bits = 0;
    while (bits < TORCH_MAX_BITS && (int)(0.5 + largest * (double)(1 << (bits + 1))) < (1 << 15))
        bits++;
    return bits;
}

static enum b_code axis_new(int in, int out, enum eng_bicubic kind, struct axis *a, struct b_err *err)
{
    const double scale = (double)in / out;
    *a = (struct axis){.size = out, .bits = PILLOW_BITS};
    a->stride = (int)ceil(CUBIC_SUPPORT * (scale < 1.0 ? 1.0 : scale)) * 2 + 1;
    a->low = calloc((size_t)out, sizeof *a->low);
    a->taps = calloc((size_t)out, sizeof *a->taps);
    a->weight = calloc((size_t)out * (size_t)a->stride, sizeof *a->weight);
    double *w = calloc((size_t)a->stride * 2, sizeof *w), largest = 0;
    if (!a->low || !a->taps || !a->weight || !w) {
        free(w);
        axis_free(a);
        return b_fail(err, B_NO_MEMORY, DOMAIN, "no memory for the weights of %d -> %d pixels", in, out);
    }
    for (int i = 0; i < out && kind == ENG_BICUBIC_TORCH; i++) {
        weights_of(a, in, i, w, &a->low[i], &a->taps[i]);
        for (int j = 0; j < a->taps[i]; j++)
            largest = w[j] > largest ? w[j] : largest;
    }
    if (kind == ENG_BICUBIC_TORCH)
        a->bits = torch_bits(largest);
    const double one = (double)(1 << a->bits);
    for (int i = 0; i < out; i++) {
        weights_of(a, in, i, w, &a->low[i], &a->taps[i]);
        for (int j = 0; j < a->taps[i]; j++)
            a->weight[(size_t)i * (size_t)a->stride + (size_t)j] = (int32_t)(w[j] * one + (w[j] < 0 ? -0.5 : 0.5));
    }
    free(w);
    return B_OK;
}

static uint8_t to_byte(int32_t sum, int bits)
{
    sum >>= bits; /* arithmetic: rounds down also below zero */
    return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

static int32_t half_of(const struct axis *a)
{
    return a->bits ? (int32_t)1 << (a->bits - 1) : 0;
}

static void pass_row(const struct axis *a, const uint8_t *src, int channels, uint8_t *dst)
{
    const int32_t half = half_of(a);
    for (int i = 0; i < a->size; i++) {
        const int32_t *w = a->weight + (size_t)i * (size_t)a->stride;
        const uint8_t *p = src + (size_t)a->low[i] * (size_t)channels;
        if (channels == 3) {
            int32_t r = half, g = half, b = half;
            for (int j = 0; j < a->taps[i]; j++, p += 3) {
                r += p[0] * w[j];
                g += p[1] * w[j];
                b += p[2] * w[j];
            }
            *dst++ = to_byte(r, a->bits);
            *dst++ = to_byte(g, a->bits);
            *dst++ = to_byte(b, a->bits);
        } else {
            int32_t sum = half;
            for (int j = 0; j < a->taps[i]; j++)
                sum += p[j] * w[j];
            *dst++ = to_byte(sum, a->bits);
        }
    }
}

/* Rows of `row` bytes that lie `stride` apart; sums holds `row` numbers. */
static void pass_columns(const struct axis *a, const uint8_t *src, size_t stride, size_t row, int32_t *restrict sums,
                         uint8_t *restrict dst)
{
    for (int i = 0; i < a->size; i++, dst += row) {
        for (size_t x = 0; x < row; x++)
            sums[x] = half_of(a);
        for (int j = 0; j < a->taps[i]; j++) {
            const uint8_t *restrict p = src + (size_t)(a->low[i] + j) * stride;
            const int32_t w = a->weight[(size_t)i * (size_t)a->stride + (size_t)j];
            for (size_t x = 0; x < row; x++)
                sums[x] += p[x] * w;
        }
        for (size_t x = 0; x < row; x++)
            dst[x] = to_byte(sums[x], a->bits);
    }
}

static enum b_code second_pass(const uint8_t *src, size_t stride, int in, int out, size_t row, enum eng_bicubic kind,
                               uint8_t *dst, struct b_err *err)
{
    struct axis a;
    enum b_code code = axis_new(in, out, kind, &a, err);
    int32_t *sums = code ? NULL : calloc(row, sizeof *sums);
    if (!code && !sums)
        code = b_fail(err, B_NO_MEMORY, DOMAIN, "no memory for a row of %zu bytes", row);
    if (!code)
        pass_columns(&a, src, stride, row, sums, dst);
    free(sums);
    axis_free(&a);
    return code;
}

static enum b_code first_pass(struct b_image_view src, int out, enum eng_bicubic kind, uint8_t *dst, struct b_err *err)
{
    struct axis a;
    enum b_code code = axis_new(src.width, out, kind, &a, err);
    for (int y = 0; y < src.height && !code; y++)
        pass_row(&a, src.pixels + (size_t)y * src.stride, src.channels,
                 dst + (size_t)y * (size_t)out * (size_t)src.channels);
    axis_free(&a);
    return code;
}

enum b_code eng_bicubic_resize(struct b_image_view src, enum eng_bicubic kind, int height, int width, uint8_t *dst,
                               struct b_err *err)
{
    const size_t row = (size_t)width * (size_t)src.channels;
    size_t bytes;
    if (src.width < 1 || src.height < 1 || width < 1 || height < 1)
        return b_fail(err, B_ARGUMENT, DOMAIN, "%d x %d to %d x %d pixels", src.width, src.height, width, height);
    if (width == src.width && height == src.height) {
        for (int y = 0; y < height; y++)
            memcpy(dst + (size_t)y * row, src.pixels + (size_t)y * src.stride, row);
        return B_OK;
    }
    if (width == src.width)
        return second_pass(src.pixels, src.stride, src.height, height, row, kind, dst, err);
    if (height == src.height)
        return first_pass(src, width, kind, dst, err);
    if (__builtin_mul_overflow(row, (size_t)src.height, &bytes))
        return b_fail(err, B_LIMIT, DOMAIN, "%d x %d pixels are too many", width, src.height);
    uint8_t *between = malloc(bytes);
    if (!between)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "no memory for %zu bytes of pixels", bytes);
    enum b_code code = first_pass(src, width, kind, between, err);
    if (!code)
        code = second_pass(between, row, src.height, height, row, kind, dst, err);
    free(between);
    return code;
}

void eng_rgba_over_white(const uint8_t *rgba, size_t n, uint8_t *rgb)
{
    for (size_t i = 0; i < n; i++) {
        const unsigned alpha = rgba[4 * i + 3];
        for (size_t c = 0; c < 3; c++) {
            const unsigned t = 255u * (255u - alpha) + rgba[4 * i + c] * alpha + 128u;
            rgb[3 * i + c] = (uint8_t)(((t >> 8) + t) >> 8);
        }
    }
}
