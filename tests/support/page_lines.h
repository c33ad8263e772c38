/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_PAGE_LINES_H
#define TESTS_SUPPORT_PAGE_LINES_H

#include "docparse/assembly.h"
#include "docparse/line_builder.h"

/* Lines of text for tests of assembly, every character as wide as the next one (a byte is a character). Everything here
 * aborts on failure: a test that cannot make its page has no result. One thread at a time. */

/* A page of w x h pixels, on which the builder adds lines. Drop it with dp_page_drop. */
struct dp_page *t_page_new(int number, int w, int h, double dpi, struct dp_line_builder *builder);
/* Assembles the page and checks it; sheet may be NULL. */
void t_page_assemble(const struct dp_sheet *sheet, struct dp_page *page);

/* How a line is set. */
struct t_type {
    float size, step; /* height of the line, advance of a character: pixels */
    float font_size;  /* points; 0 unknown */
    uint32_t style;   /* dp_style bits */
    enum dp_source_kind source;
    float confidence;
    int direction; /* that the reader saw: 0 right, 1 down, 2 left, 3 up; other than 0: the line is flagged as turned */
    bool downwards; /* words follow each other from top to bottom */
};
/* Type as a recogniser reads it and as a text layer has it; size: pixels. */
struct t_type t_type_read(float size);
struct t_type t_type_layer(float size);

/* The text's words from (x, y), their upper left corner, on, as one line; words lie in the page's arena. */
void t_line(struct dp_line_builder *builder, const struct t_type *type, float x, float y, const char *text);

/* The first block that is no list and holds `text`; NULL: none. Borrowed from the page. */
const struct dp_block *t_block_with(const struct dp_page *page, const char *text);

#endif
