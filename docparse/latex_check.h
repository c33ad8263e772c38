/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_LATEX_CHECK_H
#define DOCPARSE_LATEX_CHECK_H

#include <stdbool.h>
#include <stddef.h>

/* Checks of formula source that hold for any LaTeX, without knowing its commands. Linear, bounded,
 * thread-safe. */

enum dp_latex_fault {
    DP_LATEX_FINE,
    DP_LATEX_BRACES,      /* { and } do not match */
    DP_LATEX_ENVIRONMENT, /* \begin and \end do not match */
    DP_LATEX_FENCES,      /* \left and \right do not match */
    DP_LATEX_DOLLAR,      /* a math delimiter inside a formula, or one that is never closed in a text */
    DP_LATEX_DEEP         /* nested deeper than DP_LATEX_DEPTH */
};

#define DP_LATEX_DEPTH 64 /* nesting of braces and environments; papers stay below 20 */

/* Formula source without its delimiters. */
enum dp_latex_fault dp_latex_check(const char *latex, size_t len);

/* All formulas inside a text: $...$, $$...$$, \(...\), \[...\]; the first fault. Amounts of money are no
 * formulas: a $ opens one only when a closing $ follows that is not set behind a space. */
enum dp_latex_fault dp_latex_check_text(const char *text, size_t len);

/* Takes surrounding space and one pair of math delimiters off: [*start, *end) of text[0..len). */
void dp_latex_strip(const char *text, size_t len, size_t *start, size_t *end);

#endif
