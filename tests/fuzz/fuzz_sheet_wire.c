/* SPDX-License-Identifier: Apache-2.0 */
/* The answers of a decoder process: any bytes give a sheet that keeps its promises, or an error. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "docparse/sheet_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int inside(const struct dp_sheet *s, struct dp_rect b)
{
    return b.x0 >= 0 && b.x0 <= b.x1 && b.x1 <= (float)s->image.width && b.y0 >= 0 && b.y0 <= b.y1 &&
           b.y1 <= (float)s->image.height;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dp_limits limits = dp_limits_default();
    struct dp_sheet s;
    struct dp_file_info info;
    struct b_buf again;
    limits.page_arena = (uint64_t)1 << 24;
    if (dp_sheet_read(data, size, &limits, &s, NULL) == B_OK) {
        for (int32_t i = 0; i < s.n_words; i++)
            if (!inside(&s, s.words[i].bbox) || !s.words[i].text)
                abort();
        for (int32_t i = 0; i < s.n_rules; i++)
            if (!inside(&s, s.rules[i].bbox))
                abort();
        b_buf_init(&again, (size_t)1 << 25);
        dp_sheet_write(&again, &s); /* what was read can be written and read again */
        struct dp_sheet back;
        if (dp_sheet_read(again.data, again.len, &limits, &back, NULL) == B_FORMAT)
            abort();
        dp_sheet_free(&back);
        b_buf_free(&again);
    }
    dp_sheet_free(&s);
    struct b_arena *arena = b_arena_new((size_t)1 << 24);
    if (arena && dp_file_info_read(data, size, arena, &info, NULL) == B_OK)
        for (int32_t i = 0; i < info.n_outline; i++)
            if (!info.outline[i].title || info.outline[i].page > info.page_count)
                abort();
    b_arena_drop(arena);
    return 0;
}
