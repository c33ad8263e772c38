/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_ASSEMBLY_GLYPH_WORDS_H
#define DOCPARSE_ASSEMBLY_GLYPH_WORDS_H

#include "docparse/assembly/assembly_private.h"

/* Private to assembly: which glyphs of a born-digital page draw which of its words. Found by place, size and font, since
 * words come from the text and glyphs from the drawing. */
struct dp_glyph_words {
    int32_t *by_x;   /* the sheet's glyphs from left to right; n_glyphs */
    int32_t *word;   /* per glyph: the word of the page that it draws, DP_NONE for none */
    int32_t *first;  /* per word, and one more: where its glyphs begin in `glyphs` */
    int32_t *glyphs; /* word after word, from left to right in each */
};

/* Lives in a->arena. *known: false where the page asks for more work than it is worth. */
enum b_code dp_glyph_words_find(struct dp_assembly *a, struct dp_glyph_words *out, bool *known, struct b_err *err) B_MUST_CHECK;

/* The first entry of by_x whose glyph begins at x or behind it. */
int32_t dp_glyph_words_at(const struct dp_assembly *a, const struct dp_glyph_words *w, float x);

#endif
