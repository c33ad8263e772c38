/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_FORMULA_SPELL_H
#define DOCPARSE_FORMULA_SPELL_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/buf.h"

/* The formula model answers in its shortest spelling ("\frac ab", "x_i^2": an argument of one sign has no braces). This
 * writes the usual one, every argument in braces: "\frac{a}{b}", "x_{i}^{2}". Linear, thread-safe, nested
 * DP_FORMULA_DEPTH deep at most. */
#define DP_FORMULA_DEPTH 48 /* real formulas stay below 12 */

/* Appends to `out` (whose failure is its own). False when the answer is no whole formula: braces or environments that
 * do not match, an argument that is missing, a row's end outside of a matrix, nothing at all. */
bool dp_formula_spell(const char *answer, size_t len, struct b_buf *out);

#endif
