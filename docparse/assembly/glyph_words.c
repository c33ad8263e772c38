/* SPDX-License-Identifier: Apache-2.0 */
/* A glyph belongs to the word whose box holds its middle and in which it stands where the box's font puts the
 * baseline; of several (a script above another one) to the nearest. Work is bounded by LOOKS_MOST. */
#include "docparse/assembly/glyph_words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LOOKS_MOST 20000000 /* pairs of a word and a glyph: 0.1 s; a dense page needs 300,000 */
#define BASELINE 0.24f      /* of a word's box below its baseline */
#define OTHER_SIZE 0.12f    /* of the font size */
#define OTHER_FONT 0.5f     /* font sizes that a glyph of another font counts as farther away */

struct place {
    float x;
    int32_t glyph;
};

static int by_place(const void *p, const void *q)
{
    const struct place *a = p, *b = q;
    return a->x != b->x ? (a->x < b->x ? -1 : 1) : a->glyph - b->glyph;
}

static float middle(const struct dp_glyph *g)
{
    return g->x + 0.5f * g->advance;
}

int32_t dp_glyph_words_at(const struct dp_assembly *a, const struct dp_glyph_words *w, float x)
{
    int32_t low = 0, high = a->sheet->n_glyphs;
    while (low < high) {
        const int32_t mid = (low + high) / 2;
        if (middle(&a->sheet->glyphs[w->by_x[mid]]) < x)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* How far the glyph is from drawing a character of the word, in pixels; HUGE_VALF for never. */
static float distance(const struct dp_assembly *a, const struct dp_word *word, float size, const struct dp_glyph *g)
{
    const struct dp_rect b = word->bbox;
    const float tall = b.y1 - b.y0, off = fabsf(g->y - (b.y1 - BASELINE * tall));
    const char *font = g->font >= 0 ? a->sheet->glyph_fonts[g->font] : NULL;
    if (g->cp == DP_GLYPH_BAR || g->y < b.y0 || g->y > b.y1 + 0.1f * tall)
        return HUGE_VALF;
    if (size > 0 && fabsf(g->size - size) > OTHER_SIZE * size)
        return HUGE_VALF;
    return off + (font && word->font && strcmp(font, word->font) != 0 ? OTHER_FONT * g->size : 0);
}

static bool claim(const struct dp_assembly *a, struct dp_glyph_words *out, float *least, int64_t *looks)
{
    const float scale = a->page->dpi > 0 ? (float)(a->page->dpi / 72.0) : 0;
    for (int32_t i = 0; i < a->page->n_words; i++) {
        const struct dp_word *word = &a->page->words[i];
        const float slack = 0.04f * (word->bbox.y1 - word->bbox.y0);
        for (int32_t k = dp_glyph_words_at(a, out, word->bbox.x0 - slack); k < a->sheet->n_glyphs; k++) {
            const int32_t glyph = out->by_x[k];
            const struct dp_glyph *g = &a->sheet->glyphs[glyph];
            if (middle(g) > word->bbox.x1 + slack)
                break;
            if (--*looks < 0)
                return false;
            const float d = distance(a, word, word->font_size * scale, g);
            if (d < least[glyph]) {
                least[glyph] = d;
                out->word[glyph] = i;
            }
        }
    }
    return true;
}

enum b_code dp_glyph_words_find(struct dp_assembly *a, struct dp_glyph_words *out, bool *known, struct b_err *err)
{
    const size_t n = (size_t)a->sheet->n_glyphs, words = (size_t)a->page->n_words;
    struct place *places = B_ARENA_ARRAY(a->arena, n + 1, struct place);
    float *least = B_ARENA_ARRAY(a->arena, n + 1, float);
    int64_t looks = LOOKS_MOST;
    *out = (struct dp_glyph_words){.by_x = B_ARENA_ARRAY(a->arena, n + 1, int32_t),
                                   .word = B_ARENA_ARRAY(a->arena, n + 1, int32_t),
                                   .first = B_ARENA_ARRAY(a->arena, words + 2, int32_t),
                                   .glyphs = B_ARENA_ARRAY(a->arena, n + 1, int32_t)};
    if (!places || !least || !out->by_x || !out->word || !out->first || !out->glyphs)
        return b_arena_refused(a->arena, "assembly", err);
    for (size_t i = 0; i < n; i++) {
        const float x = middle(&a->sheet->glyphs[i]);
        places[i] = (struct place){isfinite(x) ? x : 0, (int32_t)i};
        least[i] = HUGE_VALF;
        out->word[i] = DP_NONE;
    }
    qsort(places, n, sizeof *places, by_place);
    for (size_t i = 0; i < n; i++)
        out->by_x[i] = places[i].glyph;
    *known = claim(a, out, least, &looks);
    if (!*known)
        return B_OK;
    for (size_t i = 0; i < n; i++)
        if (out->word[i] != DP_NONE)
            out->first[out->word[i] + 2]++;
    for (size_t i = 2; i < words + 2; i++)
        out->first[i] += out->first[i - 1];
    for (size_t i = 0; i < n; i++) {
        const int32_t glyph = out->by_x[i], word = out->word[glyph];
        if (word != DP_NONE)
            out->glyphs[out->first[word + 1]++] = glyph;
    }
    return B_OK;
}
