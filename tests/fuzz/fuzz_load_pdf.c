/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a PDF: opening and loading may refuse but not misbehave. What follows the first line break of
 * an input that starts with "%!CairoScript" is read as a drawing script, too. */
#include <stdint.h>
#include <string.h>

#include "docparse/loader.h"
#include "docparse/pdf_script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PAGES_MOST 3

static void check_sheet(const struct dp_sheet *s)
{
    for (int32_t i = 0; i < s->n_words; i++) {
        const struct dp_rect b = s->words[i].bbox;
        if (!(b.x0 >= 0 && b.x0 <= b.x1 && b.x1 <= (float)s->image.width && b.y0 >= 0 && b.y0 <= b.y1 &&
              b.y1 <= (float)s->image.height) ||
            strlen(s->words[i].text) == 0)
            __builtin_trap();
    }
}

static void load(const uint8_t *data, size_t size)
{
    struct dp_loader_options options = {.limits = dp_limits_default(), .password = "secret"};
    struct dp_source source;
    struct dp_loader *loader = NULL;
    struct b_err err;
    options.limits.page_pixels = 200000;
    options.limits.page_arena = 16u << 20;
    if (dp_source_of_bytes(data, size, "fuzz", &options.limits, &source, &err) != B_OK)
        return;
    if (source.media == DP_MEDIA_PDF && dp_loader_open(&source, &options, &loader, &err) == B_OK)
        for (int32_t n = 1; n <= dp_loader_info(loader)->page_count && n <= PAGES_MOST; n++) {
            struct dp_sheet sheet;
            if (dp_loader_page(loader, n, NULL, &sheet, &err) == B_OK)
                check_sheet(&sheet);
            dp_sheet_free(&sheet);
        }
    dp_loader_close(loader);
    dp_source_close(&source);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char mark[] = "%!CairoScript";
    if (size > sizeof mark && memcmp(data, mark, sizeof mark - 1) == 0) {
        struct dp_pdf_drawing drawing;
        if (dp_pdf_script_read((const char *)data, size, 10000, &drawing, NULL) == B_OK)
            dp_pdf_drawing_free(&drawing);
        return 0;
    }
    load(data, size);
    return 0;
}
