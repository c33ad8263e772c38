/* SPDX-License-Identifier: Apache-2.0 */
/* 8-bit page pixels: allocation bounded before it happens, windows that never leave their image, quarter
 * turns. Invariant: width and height are >= 1 and width * height * channels fits in size_t. */
#include "engine/base/image.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

void *b_pixels_alloc(size_t size)
{
    void *at = NULL;
    if (size < 2 * HUGE_PAGE)
        return malloc(size ? size : 1);
    if (posix_memalign(&at, HUGE_PAGE, size) != 0)
        return NULL;
    (void)madvise(at, size / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE); /* a wish: the system may not have any */
    return at;
}

enum b_code b_image_new(int width, int height, int channels, uint64_t max_pixels, struct b_image *out,
                        struct b_err *err)
{
    *out = (struct b_image){0};
    if (width < 1 || height < 1 || (channels != 1 && channels != 3))
        return b_fail(err, B_ARGUMENT, "image", "an image of %d x %d pixels with %d channels cannot be made", width,
                      height, channels);
    uint64_t pixels = (uint64_t)width * (uint64_t)height;
    if (pixels > max_pixels) {
        (void)b_fail(err, B_LIMIT, "image", "the image has %d x %d pixels, more than the bound of %llu", width, height,
                     (unsigned long long)max_pixels);
        b_advise(err, "raise the pixel limit if the input is trusted");
        return B_LIMIT;
    }
    uint8_t *data = b_pixels_alloc((size_t)pixels * (size_t)channels);
    if (!data)
        return b_fail(err, B_NO_MEMORY, "image", "out of memory for an image of %d x %d pixels", width, height);
    *out = (struct b_image){.pixels = data, .width = width, .height = height, .channels = channels};
    return B_OK;
}

void b_image_free(struct b_image *image)
{
    if (!image)
        return;
    if (image->mapped)
        (void)munmap(image->pixels, image->mapped);
    else
        free(image->pixels);
    *image = (struct b_image){0};
}

struct b_image_view b_image_view_of(const struct b_image *image)
{
    return (struct b_image_view){.pixels = image->pixels,
                                 .stride = (size_t)image->width * (size_t)image->channels,
                                 .width = image->width,
                                 .height = image->height,
                                 .channels = image->channels};
}

static int clamp(int v, int low, int high)
{
    return v < low ? low : v > high ? high : v;
}

struct b_image_view b_image_view_crop(struct b_image_view view, int x, int y, int width, int height)
{
    int x0 = clamp(x, 0, view.width - 1), y0 = clamp(y, 0, view.height - 1);
    int64_t x1 = (int64_t)x + width, y1 = (int64_t)y + height;
    int right = clamp((int)(x1 < view.width ? x1 : view.width), x0 + 1, view.width);
    int bottom = clamp((int)(y1 < view.height ? y1 : view.height), y0 + 1, view.height);
    view.pixels += (size_t)y0 * view.stride + (size_t)x0 * (size_t)view.channels;
    view.width = right - x0;
    view.height = bottom - y0;
    return view;
}

enum b_code b_image_turn(struct b_image_view view, int quarter_turns, struct b_image *out, struct b_err *err)
{
    int turns = ((quarter_turns % 4) + 4) % 4;
    bool swap = turns % 2 == 1;
    enum b_code code = b_image_new(swap ? view.height : view.width, swap ? view.width : view.height, view.channels,
                                   UINT64_MAX, out, err);
    if (code != B_OK)
        return code;
    size_t ch = (size_t)view.channels;
    for (int y = 0; y < out->height; y++) {
        uint8_t *dst = out->pixels + (size_t)y * (size_t)out->width * ch;
        for (int x = 0; x < out->width; x++, dst += ch) {
            int sx = x, sy = y;
            if (turns == 1) {
                sx = y;
                sy = view.height - 1 - x;
            } else if (turns == 2) {
                sx = view.width - 1 - x;
                sy = view.height - 1 - y;
            } else if (turns == 3) {
                sx = view.width - 1 - y;
                sy = x;
            }
            memcpy(dst, view.pixels + (size_t)sy * view.stride + (size_t)sx * ch, ch);
        }
    }
    return B_OK;
}
