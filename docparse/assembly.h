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

/* What only the document tells, decided page by page with one page to look ahead, so that memory stays flat: running
 * heads, feet and page numbers by their repetition, levels of headings by the styles and the outline so far,
 * paragraphs and tables that go on on the next page, the language of what is too short to tell its own. Owned by one document; one thread at a time. */
struct dp_across;
/* The outline is borrowed until dp_across_drop; n_outline 0: none. */
enum b_code dp_across_new(const struct dp_outline_item *outline, int32_t n_outline, struct dp_across **out,
                          struct b_err *err) B_MUST_CHECK;
void dp_across_drop(struct dp_across *across);
/* Settles `page` for good; `next` is the page behind it as it was assembled, or NULL at the end of the document. Pages
 * in order, each once. Only types, levels, languages, scripts and `joined` change: no text, no line, no order. Pages without blocks and
 * failed ones are left alone, and so are pages that came with their blocks from a large model. */
void dp_across_settle(struct dp_across *across, struct dp_page *page, struct dp_page *next);

#endif
