/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_FORMULA_PLACE_H
#define DOCPARSE_FORMULA_PLACE_H

#include "docparse/formula_reader.h"

/* Makes formula blocks of what was read from the page's picture. A region whose reading is sure
 * (DP_FORMULA_READING_SURE) turns the blocks that it covers into one formula with its LaTeX and their text. All else
 * stays as it was assembled: the layout network takes headings for formulas, too, and the reader is not sure of those.
 * So do regions that cut through a block, cover a table or nothing. *placed: formulas that were set. */
enum b_code dp_formula_place(struct dp_page *page, const struct dp_formula_region *regions,
                             const struct dp_formula_reading *readings, size_t n, int32_t *placed,
                             struct b_err *err) B_MUST_CHECK;

#endif
