/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of page images at the size and in the form that an output wants. */
#include "output/picture.h"

#include <math.h>
#include <stdlib.h>

#include "output/escape.h"

#define DOMAIN "picture"
#define JPEG_QUALITY 82 /* text stays crisp; about a tenth of a PNG on photographs */
#define PIXELS_MAX ((uint64_t)1 << 28)
#define FILE_MAX ((size_t)1 << 30)

/* One output row: the average of the input rows and columns under each pixel, by whole input pixels. */
static void shrink_row(struct b_image_view view, int y0, int y1, int width, uint32_t *sums, uint8_t *out)
{
    const size_t channels = (size_t)view.channels;
    for (int x = 0; x < width; x++) {
        const int x0 = (int)((int64_t)x * view.width / width), x1 = (int)((int64_t)(x + 1) * view.width / width);
        for (size_t c = 0; c < channels; c++)
            sums[c] = 0;
        for (int y = y0; y < y1; y++) {
            const uint8_t *p = view.pixels + (size_t)y * view.stride + (size_t)x0 * channels;
            for (int i = x0; i < x1; i++)
                for (size_t c = 0; c < channels; c++)
                    sums[c] += *p++;
        }
        const uint32_t n = (uint32_t)(x1 - x0) * (uint32_t)(y1 - y0);
        for (size_t c = 0; c < channels; c++)
            *out++ = (uint8_t)((sums[c] + n / 2) / n);
    }
}

/* The view made smaller by averaging, so that it is at most max_width wide; never larger. Owned by *out. */
static enum b_code shrink(struct b_image_view view, int max_width, struct b_image *out, struct b_err *err)
{
    const int width = view.width > max_width ? max_width : view.width;
    int height = (int)((int64_t)view.height * width / view.width);
    height = height < 1 ? 1 : height;
    uint32_t sums[4];
    enum b_code code = b_image_new(width, height, view.channels, PIXELS_MAX, out, err);
    if (code != B_OK)
        return code;
    /* A pixel's sum stays in 32 bits up to 4096 x 4096 input pixels; rows beyond that are left out. */
    for (int y = 0; y < height; y++) {
        const int y0 = (int)((int64_t)y * view.height / height);
        int y1 = (int)((int64_t)(y + 1) * view.height / height);
        y1 = y1 > y0 + 4096 ? y0 + 4096 : y1;
        shrink_row(view, y0, y1, width, sums, out->pixels + (size_t)y * (size_t)width * (size_t)view.channels);
    }
    return B_OK;
}

static enum b_code shorter(struct b_buf *buf, struct b_image_view view, struct b_err *err)
{
    struct b_buf png, jpeg;
    b_buf_init(&png, FILE_MAX);
    b_buf_init(&jpeg, FILE_MAX);
    enum b_code code = out_png(&png, view, 0, err);
    /* JPEG ends at 65500 pixels a side; PNG does not. */
    const bool has_jpeg = code == B_OK && out_jpeg(&jpeg, view, JPEG_QUALITY, 0, NULL) == B_OK;
    if (code == B_OK) {
        const bool lossless = !has_jpeg || png.len <= jpeg.len;
        const struct b_buf *best = lossless ? &png : &jpeg;
        b_buf_puts(buf, lossless ? "data:image/png;base64," : "data:image/jpeg;base64,");
        out_base64(buf, best->data, best->len);
        code = b_buf_check(buf, DOMAIN, err);
    }
    b_buf_free(&png);
    b_buf_free(&jpeg);
    return code;
}

enum b_code out_data_uri(struct b_buf *buf, struct b_image_view view, int max_width, struct b_err *err)
{
    struct b_image small = {0};
    if (view.width <= max_width)
        return shorter(buf, view, err);
    enum b_code code = shrink(view, max_width, &small, err);
    if (code == B_OK)
        code = shorter(buf, b_image_view_of(&small), err);
    b_image_free(&small);
    return code;
}

enum b_code out_crop(const struct b_image_view *image, const struct dp_page *page, const struct dp_block *block,
                     struct b_image *owned, struct b_image_view *crop, struct b_err *err)
{
    const struct dp_rect box = block->bbox;
    const float x0 = fmaxf(floorf(box.x0) - 1.0f, 0.0f), y0 = fmaxf(floorf(box.y0) - 1.0f, 0.0f);
    const float x1 = fminf(ceilf(box.x1) + 1.0f, (float)image->width),
                y1 = fminf(ceilf(box.y1) + 1.0f, (float)image->height);
    *owned = (struct b_image){0};
    if (!block->has_bbox || !(x1 > x0 && y1 > y0))
        return B_NOT_FOUND;
    *crop = b_image_view_crop(*image, (int)x0, (int)y0, (int)(x1 - x0), (int)(y1 - y0));
    const int turns = (int)(page->rotation / 90.0) & 3;
    if (turns == 0)
        return B_OK;
    enum b_code code = b_image_turn(*crop, turns, owned, err);
    if (code == B_OK)
        *crop = b_image_view_of(owned);
    return code;
}
