/* SPDX-License-Identifier: Apache-2.0 */
/* PNG pages for tests and benches of the engine, which knows no file formats. */
#include "tests/support/png_page.h"

#include <spng.h>
#include <stdio.h>

enum b_code t_png_page(const char *path, struct b_image *out, struct b_err *err)
{
    *out = (struct b_image){.pixels = NULL};
    FILE *f = fopen(path, "rb");
    if (!f)
        return b_fail(err, B_NOT_FOUND, "png", "%s cannot be opened", path);
    spng_ctx *ctx = spng_ctx_new(0);
    struct spng_ihdr head;
    size_t size = 0;
    enum b_code code = B_OK;
    if (!ctx || spng_set_png_file(ctx, f) || spng_get_ihdr(ctx, &head) ||
        spng_decoded_image_size(ctx, SPNG_FMT_RGB8, &size))
        code = b_fail(err, B_FORMAT, "png", "%s is not a PNG file", path);
    if (code == B_OK)
        code = b_image_new((int)head.width, (int)head.height, 3, UINT64_C(1) << 28, out, err);
    if (code == B_OK && spng_decode_image(ctx, out->pixels, size, SPNG_FMT_RGB8, 0))
        code = b_fail(err, B_FORMAT, "png", "%s is damaged", path);
    spng_ctx_free(ctx);
    (void)fclose(f);
    if (code != B_OK)
        b_image_free(out);
    return code;
}
