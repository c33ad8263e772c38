/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an image file (TIFF, PNG, JPEG, WebP): opening and loading may refuse but not misbehave. A page that was
 * loaded keeps to the limits, and every pixel of it can be read; its size is known without loading it. */
#include <stdint.h>
#include <stdlib.h>

#include "docparse/loader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PAGES_MOST 4
#define PIXELS_MOST 200000u

static volatile uint8_t seen;

static void check_sheet(const struct dp_sheet *s, int32_t number)
{
    const struct b_image *m = &s->image;
    if (s->number != number || m->width < 1 || m->height < 1 || (m->channels != 1 && m->channels != 3) ||
        (uint64_t)m->width * (uint64_t)m->height > PIXELS_MOST || !(s->dpi >= 0) || s->n_words != 0)
        abort();
    const size_t bytes = (size_t)m->width * (size_t)m->height * (size_t)m->channels;
    for (size_t i = 0; i < bytes; i++)
        seen = (uint8_t)(seen ^ m->pixels[i]);
    for (int32_t i = 0; i < s->n_warnings; i++)
        if (!s->warnings[i] || !s->warnings[i][0])
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dp_loader_options options = {.limits = dp_limits_default()};
    struct dp_source source;
    struct dp_loader *loader = NULL;
    options.limits.page_pixels = PIXELS_MOST;
    options.limits.source_pixels = 4 * PIXELS_MOST; /* so that pages are made smaller as well */
    if (dp_source_of_bytes(data, size, "fuzz", &options.limits, &source, NULL) != B_OK)
        return 0;
    if (source.media != DP_MEDIA_PDF && dp_loader_open(&source, &options, &loader, NULL) == B_OK)
        for (int32_t n = 1; n <= dp_loader_info(loader)->page_count && n <= PAGES_MOST; n++) {
            struct dp_sheet sheet;
            double width = 0, height = 0;
            if (dp_loader_page(loader, n, NULL, &sheet, NULL) == B_OK) {
                check_sheet(&sheet, n);
                if (dp_loader_page_size(loader, n, &width, &height, NULL) != B_OK || !(width >= 1 && height >= 1))
                    abort();
            }
            dp_sheet_free(&sheet);
        }
    dp_loader_close(loader);
    dp_source_close(&source);
    return 0;
}
