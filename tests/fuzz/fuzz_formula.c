/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as glyphs of a formula: bounded work, LaTeX that is balanced or not sure. */
#include <stdint.h>
#include <string.h>

#include "docparse/formula/formula.h"
#include "docparse/latex_check.h"
#include "engine/base/utf8.h"

#define GLYPH_BYTES 8
#define ARENA_BYTES ((size_t)256 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const fonts[] = {"CMMI10", "CMR10",       "CMSY10", "CMEX10", "MSBM10", "STIXTwoMath-Regular",
                                        NULL,     "Times-Italic"};
    static const uint16_t signs[] = {'(',    ')',    '{',   '|',   '=',    '.',    '/',    0x221A,
                                     0x2211, 0x222B, 0x338, 0x2C6, 0x23DE, 0x2192, 0x2032, 0x239B};
    enum { MOST = 300 };
    struct dp_glyph glyphs[MOST];
    int32_t n = 0;
    for (size_t at = 0; at + GLYPH_BYTES <= size && n < MOST; at += GLYPH_BYTES) {
        const uint8_t *p = data + at;
        const float x = p[0], y = p[1], em = p[2] & 1 ? 10.0f : 7.0f, wide = (float)(p[3] & 63),
                    up = (float)(p[4] & 63), down = (float)(p[5] & 15);
        const bool bar = p[6] > 240;
        glyphs[n++] = (struct dp_glyph){.x = x,
                                        .y = y,
                                        .advance = wide,
                                        .size = em,
                                        .ink = {x, y - up, x + wide, y + (bar ? 1.0f : down)},
                                        .cp = bar          ? DP_GLYPH_BAR
                                              : p[6] > 200 ? signs[p[6] & 15]
                                                           : p[6],
                                        .font = bar ? DP_NONE : p[7] & 7};
    }
    struct b_arena *arena = b_arena_new(ARENA_BYTES);
    struct dp_formula f;
    if (!arena)
        return 0;
    if (dp_formula_read(glyphs, n, fonts, arena, &f, NULL) == B_OK) {
        const size_t len = strlen(f.latex);
        for (size_t i = 0; i < len; i++)
            if ((unsigned char)f.latex[i] < ' ')
                __builtin_trap();
        if (!b_utf8_valid(f.latex, len) || !(f.confidence >= 0 && f.confidence <= 1) ||
            (f.confidence > 0 && dp_latex_check(f.latex, len) != DP_LATEX_FINE))
            __builtin_trap();
    }
    b_arena_drop(arena);
    return 0;
}
