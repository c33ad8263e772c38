/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_FORMULA_FORMULA_H
#define DOCPARSE_FORMULA_FORMULA_H

#include "docparse/loader.h"

/* A formula's LaTeX from the places of its glyphs: baselines and sizes give scripts and limits, level lines give
 * fractions, roots and overlines, tall brackets around several rows give matrices. The rules are those by which
 * TeX sets formulas (The TeXbook, appendix G); other programs follow them. Pure: thread-safe, bounded by the number
 * of glyphs (DP_FORMULA_GLYPHS) and by depth. */

#define DP_FORMULA_GLYPHS 2000 /* of one formula; a page-long derivation has 1500 */

struct dp_formula {
    const char *latex; /* in the arena, without delimiters; "" when nothing is understood */
    const char *tag;   /* the number beside it without its brackets, NULL when it has none */
    float confidence;  /* 0..1: share of the glyphs that found a place; below DP_FORMULA_SURE it is not to be shown */
};
#define DP_FORMULA_SURE 0.85f

/* What one glyph is, for telling mathematics from prose. */
enum dp_glyph_kind {
    DP_GLYPH_PROSE,   /* letters and points of text fonts */
    DP_GLYPH_ITALIC,  /* the same of a slanted text font: other programs set variables in it */
    DP_GLYPH_NEUTRAL, /* digits, brackets, points: part of both */
    DP_GLYPH_LETTER,  /* a letter of an alphabet of mathematics */
    DP_GLYPH_EQUALS,  /* signs that text fonts have, too */
    DP_GLYPH_SIGN     /* relation, operator, Greek, root, bracket of several pieces */
};
enum dp_glyph_kind dp_glyph_kind(const struct dp_glyph *glyph, const char *font);

/* Whether the sign ties what stands around it together: a relation, an operator, an arrow, a root. */
bool dp_glyph_ties(const struct dp_glyph *glyph, const char *font);

/* A font that only formulas use, by its name. */
bool dp_font_is_mathematical(const char *font);

/* Reads the formula that glyphs[0..n) are, lines (DP_GLYPH_BAR) among them, in any order. `fonts` are the sheet's.
 * Fails only without memory; a formula that is not understood has a low confidence. */
enum b_code dp_formula_read(const struct dp_glyph *glyphs, int32_t n, const char *const *fonts, struct b_arena *arena,
                            struct dp_formula *out, struct b_err *err) B_MUST_CHECK;

#endif
