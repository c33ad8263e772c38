/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_FORMULA_INLINE_H
#define DOCPARSE_FORMULA_INLINE_H

#include "docparse/formula/formula.h"

/* Where formulas are inside of running text. Characters of mathematical fonts, scripts and signs that stand as
 * mathematics sets them (The TeXbook, chapter 18) are joined to runs as long as they can be; what prose has as well
 * (digits, brackets, points, italic letters, names of functions) belongs to a run only between such. Where it is
 * doubtful, there is no formula. Pure: thread-safe, linear in the number of characters. */

/* A character of a text in its order. Pixels, y down. */
struct dp_inline_char {
    uint32_t cp;      /* as of struct dp_glyph: a code in a font without a character map */
    const char *font; /* NULL: unknown */
    float x0, x1;     /* origin and end of the advance */
    float base, size; /* baseline and font size */
    bool row;         /* the first of a printed row */
    bool stacked;     /* part of what stands one above the other: a fraction */
    bool mono;        /* of a font for code */
};

/* Characters [first, last] are a formula. */
struct dp_inline_run {
    int32_t first, last;
    const char *italic; /* the text font that letters of it are of, or NULL */
};

/* Finds the formulas among chars[0..n): ascending, apart from each other. Single letters of the text font `italic` are
 * formulas too, where no words of that font stand beside them; NULL: of none. Fails only without memory. */
enum b_code dp_formula_inline(const struct dp_inline_char *chars, int32_t n, const char *italic, struct b_arena *arena,
                              struct dp_inline_run **runs, int32_t *n_runs, struct b_err *err) B_MUST_CHECK;

#endif
