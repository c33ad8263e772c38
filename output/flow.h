/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OUTPUT_FLOW_H
#define OUTPUT_FLOW_H

#include "docparse/document.h"
#include "engine/base/buf.h"

/* Text that flows: paragraphs that go on in another block, and formulas inside of running text. */

/* Headers, footers and page numbers: repeated on every page, not part of the flow. */
bool out_is_running(enum dp_block_type type);


/* First block of a type without a parent: where a paragraph of the page before goes on. DP_NONE when there is none. */
int32_t out_first_of_type(const struct dp_page *page, enum dp_block_type type);

/* Appends `next` to a text: a hyphen at a line's end between small letters goes, ideographs join without a space. */
void out_join(struct b_buf *text, const char *next);

/* Appends the text of block i and of everything it goes on in, and marks those blocks in done[] (n_blocks flags).
 * True when the last of them still goes on, on a later page. */
bool out_flow_text(const struct dp_page *page, int32_t i, bool *done, struct b_buf *text);

/* The same for Markdown: formulas that spans name stand as OUT_MATH_OPEN, LaTeX, OUT_MATH_CLOSE in place of their
 * characters. No text of a page that passed dp_page_check holds these two signs. */
#define OUT_MATH_OPEN '\x01'
#define OUT_MATH_CLOSE '\x02'
bool out_flow_marked(const struct dp_page *page, int32_t i, bool *done, struct b_buf *text);

/* A formula inside of a text: text[begin..end) with its dollars, LaTeX in text[body..body_end). */
struct out_inline_math {
    size_t begin, body, body_end, end;
    bool display; /* in double dollars */
};

/* The first formula at or after `from`. Only texts that a large model wrote have them: elsewhere a dollar is
 * a dollar, so ask out_has_math first. An opening dollar is followed by no space and a closing one follows
 * no space and stands before no digit, so prices stay prices. Linear over a whole text. */
bool out_next_math(const char *text, size_t len, size_t from, struct out_inline_math *math);
bool out_has_math(const struct dp_block *block);

#endif
