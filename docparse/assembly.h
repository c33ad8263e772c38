/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_ASSEMBLY_H
#define DOCPARSE_ASSEMBLY_H

#include "docparse/document.h"
#include "docparse/loader.h"
#include "docparse/regions.h"

/* Lines -> blocks in reading order. Decides in the flattened page (rotation, skew and the curl of the lines
 * taken out); boxes stay in the page image's frame. Never deletes text: the characters of page->lines before
 * and after are the same multiset. Reorders page->lines so that each block's lines are contiguous.
 * Thread-safe on different pages. `sheet` may be NULL (no rules, no images known). */
enum b_code dp_assemble(const struct dp_sheet *sheet, struct dp_page *page, struct b_err *err) B_MUST_CHECK;

/* The same with what a layout network saw; NULL: nobody looked. */
enum b_code dp_assemble_seen(const struct dp_sheet *sheet, const struct dp_regions *regions, struct dp_page *page,
                             struct b_err *err) B_MUST_CHECK;

#endif
