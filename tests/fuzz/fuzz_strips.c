/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the detector's post-processing. Input: byte 0 the map's width, bytes 1 and 2 the page's size over the
 * map's in sixteenths, then a pixel a byte: space is 0, 'z' is 1, bytes above 0x7f are numbers that no network
 * should make. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "engine/compact/detector.h"

#define HEAD 3
#define MOST_PIXELS (1u << 16)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static float value_of(uint8_t byte)
{
    static const float odd[] = {NAN, INFINITY, -INFINITY, 1e38f, -1.0f, 0.3f, 0.29999f, 1e-40f};
    return byte < 0x80 ? (float)(byte - ' ') / (float)('z' - ' ') : odd[byte % 8];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD + 1)
        return 0;
    const int width = data[0] + 1;
    size_t pixels = size - HEAD < MOST_PIXELS ? size - HEAD : MOST_PIXELS;
    const int height = (int)(pixels / (size_t)width);
    if (height < 1)
        return 0;
    pixels = (size_t)height * (size_t)width;
    float *prob = malloc(pixels * sizeof *prob); /* exact, so that a read past the end is seen */
    if (!prob)
        return 0;
    for (size_t i = 0; i < pixels; i++)
        prob[i] = value_of(data[HEAD + i]);
    struct eng_strip_list list;
    if (eng_strips_from_map(prob, width, height, width * (data[1] + 1) / 16 + 1, height * (data[2] + 1) / 16 + 1, NULL,
                            &list, NULL) == B_OK) {
        for (size_t i = 0; i < list.count; i++) {
            const struct eng_strip *s = &list.strips[i];
            if (!(isfinite(s->origin.x) && isfinite(s->u0) && s->u0 < s->u1 && isfinite(s->height) && s->height > 0))
                __builtin_trap();
        }
        eng_strip_list_free(&list);
    }
    free(prob);
    return 0;
}
