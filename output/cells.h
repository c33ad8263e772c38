/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OUTPUT_CELLS_H
#define OUTPUT_CELLS_H

#include <stdbool.h>

/* What a spreadsheet would make of a cell's text. */

/* True when a spreadsheet might run the text as a formula: it begins, perhaps behind blanks, with = + - @ or
 * one of their full-width forms, or with a tab or newline; and it is not just a number with its sign. */
bool out_is_formula(const char *text);

/* True when the text is exactly what a spreadsheet shows for a number with the general format: optional minus,
 * no leading zeros, a point, no trailing zeros, at most 15 digits. "087", "1,204" and "1.50" are texts. */
bool out_is_exact_number(const char *text, double *value);

#endif
