/* SPDX-License-Identifier: Apache-2.0 */
/* Words of a reading. Invariant: every glyph that is not a space belongs to exactly one word, in order. */
#include "engine/base/utf8.h"
#include "engine/compact/recogniser.h"

static bool is_blank(const struct eng_glyph *glyph)
{
    return b_cp_is_space(glyph->cp) || b_cp_is_control(glyph->cp);
}

/* CJK punctuation that ends a clause: 、。〃 and the full-width ！ to ／ ： ； ？ */
static bool ends_clause(uint32_t cp)
{
    return (cp >= 0x3001 && cp <= 0x3003) || (cp >= 0xFF01 && cp <= 0xFF0F) || cp == 0xFF1A || cp == 0xFF1B ||
           cp == 0xFF1F;
}

static bool breaks(const struct eng_glyph *a, const struct eng_glyph *b, float strip_height)
{
    return is_blank(b) || b_cp_is_cjk(a->cp) != b_cp_is_cjk(b->cp) || ends_clause(a->cp) ||
           b->u0 - a->u1 > strip_height;
}

size_t eng_reading_words(const struct eng_reading *reading, float strip_height, struct eng_word *words, size_t max)
{
    const struct eng_glyph *g = reading->glyphs;
    size_t n = 0;
    for (size_t i = 0; i < reading->n_glyphs;) {
        if (is_blank(&g[i])) {
            i++;
            continue;
        }
        struct eng_word w = {.first = i, .u0 = g[i].u0, .u1 = g[i].u1};
        float sum = 0.0f;
        do {
            sum += g[i].confidence;
            w.u0 = g[i].u0 < w.u0 ? g[i].u0 : w.u0;
            w.u1 = g[i].u1 > w.u1 ? g[i].u1 : w.u1;
            i++;
        } while (i < reading->n_glyphs && !breaks(&g[i - 1], &g[i], strip_height));
        w.count = i - w.first;
        w.confidence = sum / (float)w.count;
        w.joined = i < reading->n_glyphs && !is_blank(&g[i]) && g[i].u0 - g[i - 1].u1 <= strip_height;
        if (n < max)
            words[n] = w;
        n++;
    }
    return n;
}
