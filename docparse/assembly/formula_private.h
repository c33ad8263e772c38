/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_ASSEMBLY_FORMULA_PRIVATE_H
#define DOCPARSE_ASSEMBLY_FORMULA_PRIVATE_H

#include "docparse/assembly/assembly_private.h"
#include "docparse/formula/formula.h"

/* Private to the parts of assembly that find formulas among the glyphs of a born-digital page. */

/* What a line of the page mostly is. */
enum dp_line_kind {
    DP_LINE_OTHER, /* digits, single letters: part of anything */
    DP_LINE_MATH,  /* signs and letters of mathematics */
    DP_LINE_WORDS, /* a few words: may stand inside of a display */
    DP_LINE_PROSE  /* running text */
};
/* kinds[page->n_lines]: of each line by what it holds, and by the paragraph that it is a row of. */
void dp_formula_line_kinds(const struct dp_assembly *a, enum dp_line_kind *kinds);

/* Bytes of the word as it stands at the text's start; without its hyphen where lines were joined. 0: it is not there. */
size_t dp_word_in_text(const char *text, const char *word);

/* Glyphs that form one display. */
struct dp_glyph_region {
    struct dp_rect box;
    int32_t *glyphs, n_glyphs; /* indices into the sheet's glyphs */
    int32_t signs, letters, italics, equals, words, bars, all;
    int32_t ties, points; /* signs that join, and full stops */
};

/* The displays of the page, top to bottom. kinds: one per line of the page. */
enum b_code dp_formula_regions(struct dp_assembly *a, const enum dp_line_kind *kinds, struct dp_glyph_region **regions,
                               int32_t *n, struct b_err *err) B_MUST_CHECK;

#endif
