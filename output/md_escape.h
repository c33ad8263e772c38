/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OUTPUT_MD_ESCAPE_H
#define OUTPUT_MD_ESCAPE_H

#include <stdbool.h>

#include "engine/base/buf.h"

/* Where a text stands in Markdown. */
enum out_md_place {
    OUT_MD_BLOCK,  /* starts a line: signs of headings, lists, quotes and rules count */
    OUT_MD_ITEM,   /* starts an item of a list: the same signs count, newlines become spaces */
    OUT_MD_INLINE, /* stands behind a heading's sign or other text on one line: newlines become spaces */
    OUT_MD_CELL    /* in a cell of a pipe table: newlines become spaces, bars are escaped */
};

/* Text as Markdown (CommonMark with GitHub's tables and dollars) that renders as exactly this text. A sign gets
 * its backslash only where Markdown would read it as markup, so that plain prose stays plain. With math,
 * formulas in dollars stay as they are; formulas between OUT_MATH_OPEN and OUT_MATH_CLOSE (flow.h) are put into dollars,
 * and every other dollar of such a text gets a backslash. Leading and trailing blanks go. */
void out_md_text(struct b_buf *buf, const char *text, enum out_md_place place, bool math);

/* LaTeX between dollars: no blank lines, no dollar that would end it, no equation number (\tag). */
void out_md_latex(struct b_buf *buf, const char *latex);

#endif
