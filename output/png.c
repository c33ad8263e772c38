/* SPDX-License-Identifier: Apache-2.0 */
/* PNG by libspng. */
#include <spng.h>
#include <stdlib.h>
#include <string.h>

#include "output/picture.h"

#define DOMAIN "png"
#define METRES_PER_INCH 0.0254

static bool is_grey(struct b_image_view view)
{
    if (view.channels == 1)
        return true;
    for (int y = 0; y < view.height; y++) {
        const uint8_t *p = view.pixels + (size_t)y * view.stride;
        for (int x = 0; x < view.width; x++, p += 3)
            if (p[0] != p[1] || p[1] != p[2])
                return false;
    }
    return true;
}

static int take(spng_ctx *ctx, void *user, void *data, size_t size)
{
    struct b_buf *buf = user;
    (void)ctx;
    b_buf_append(buf, data, size);
    return buf->failed == B_OK ? 0 : SPNG_IO_ERROR;
}

static int encode(spng_ctx *ctx, struct b_image_view view, bool grey)
{
    const size_t width = (size_t)view.width, channels = (size_t)view.channels;
    const bool narrow = grey && channels == 3;
    uint8_t *row = narrow ? malloc(width) : NULL;
    if (narrow && !row)
        return SPNG_EMEM;
    int code = spng_encode_image(ctx, NULL, 0, SPNG_FMT_PNG, SPNG_ENCODE_PROGRESSIVE | SPNG_ENCODE_FINALIZE);
    for (int y = 0; y < view.height && code == 0; y++) {
        const uint8_t *p = view.pixels + (size_t)y * view.stride;
        for (size_t x = 0; narrow && x < width; x++)
            row[x] = p[3 * x];
        code = spng_encode_row(ctx, narrow ? row : p, width * (grey ? 1 : 3));
    }
    free(row);
    return code == SPNG_EOI ? 0 : code;
}

enum b_code out_png(struct b_buf *buf, struct b_image_view view, double dpi, struct b_err *err)
{
    const bool grey = is_grey(view);
    struct spng_ihdr ihdr = {.width = (uint32_t)view.width,
                             .height = (uint32_t)view.height,
                             .bit_depth = 8,
                             .color_type = grey ? SPNG_COLOR_TYPE_GRAYSCALE : SPNG_COLOR_TYPE_TRUECOLOR};
    spng_ctx *ctx = spng_ctx_new(SPNG_CTX_ENCODER);
    if (!ctx)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    int code = spng_set_png_stream(ctx, take, buf);
    if (code == 0)
        code = spng_set_ihdr(ctx, &ihdr);
    if (code == 0 && dpi > 0) {
        const uint32_t ppm = (uint32_t)(dpi / METRES_PER_INCH + 0.5);
        struct spng_phys phys = {.ppu_x = ppm, .ppu_y = ppm, .unit_specifier = 1};
        code = spng_set_phys(ctx, &phys);
    }
    if (code == 0)
        code = encode(ctx, view, grey);
    spng_ctx_free(ctx);
    if (buf->failed != B_OK)
        return b_buf_check(buf, DOMAIN, err);
    if (code == SPNG_EMEM)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    return code == 0 ? B_OK : b_fail(err, B_LIBRARY, DOMAIN, "a picture could not be written: %s", spng_strerror(code));
}
