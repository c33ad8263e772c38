/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OUTPUT_HTML_PRIVATE_H
#define OUTPUT_HTML_PRIVATE_H

#include "output/joined.h"
#include "output/writer_private.h"

/* One page on its way into HTML. */
struct html_page {
    struct b_buf *buf;
    const struct dp_page *page;
    const struct b_image_view *image; /* NULL: pictures are named, not shown */
    const struct out_tree *tree;
    struct out_joined *joined; /* NULL: every page keeps its own part of a table */
    struct b_buf *parts;       /* rows of the table that waits */
    enum b_code code; /* of the first picture that could not be written */
    struct b_err *err;
};

/* The blocks of the page as elements with ids "p1-b0". */
void out_html_blocks(struct html_page *h);

/* Text of a block with line breaks and, where math is set, with formulas as MathML. */
void out_html_text(struct b_buf *buf, const char *text, bool math);

/* Text of a block with its formulas and the styles of its words (bold, italic, raised, lowered). False, and nothing
 * written, when there are neither, or no formulas and the words do not make up the text. */
bool out_html_styled(struct b_buf *buf, const struct dp_page *page, int32_t block);

/* LaTeX as MathML, or as marked source where it is not known. */
void out_html_formula(struct b_buf *buf, const char *latex, bool display);

/* The page's picture with a box over it for every block. */
void out_html_sheet(struct html_page *h);

/* Style; script that lights up a block and its box together, and the hash that lets it run. */
extern const char out_html_css[];
extern const char out_html_sheet_css[];
extern const char out_html_script[];
extern const char out_html_script_sha256[];

#endif
