/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_MAKE_DOCUMENT_H
#define TESTS_SUPPORT_MAKE_DOCUMENT_H

#include "docparse/document.h"
#include "engine/base/image.h"

/* Documents for tests: a fixed one that shows every block type, and random ones. All pass dp_document_check. */

/* Puts a page together. Every function does nothing once the arena is full or a bound is hit; ok says so. */
struct t_page {
    struct dp_page *page;
    int32_t room; /* of each array */
    bool ok;
};
bool t_page_begin(struct t_page *t, int32_t number, int32_t width, int32_t height, double dpi);
/* A block behind all others; its text is copied. Returns its index. */
int32_t t_block(struct t_page *t, enum dp_block_type type, struct dp_rect bbox, const char *text);
/* Lines of words over the last block's box, the text laid out in rows of equal height. */
void t_lines(struct t_page *t, int rows);
/* Empty grid for the last block; cells are added in row-major order. */
void t_table(struct t_page *t, int32_t rows, int32_t cols);
void t_cell(struct t_page *t, int32_t row, int32_t col, int32_t row_span, int32_t col_span, enum dp_header_kind header,
            const char *text);
/* The first place of `covered` in the last block's text as a span; behind those that the block has already. */
void t_span(struct t_page *t, enum dp_span_kind kind, const char *covered, const char *latex);
const char *t_text(struct t_page *t, const char *text); /* copy in the page's arena */

/* Two pages with every block type, spans, nested lists, formulas, flags and hostile texts. */
bool t_sample_document(struct dp_document *out);

/* The picture of a sample page: grey, a light ground with a dark bar for every line. Freed with b_image_free. */
bool t_page_image(const struct dp_page *page, int channels, struct b_image *out);

/* Random documents: the same for the same seed. */
struct t_random {
    uint64_t state;
    bool markup;  /* only what QwenVL-HTML carries: whole boxes, no lines, collapsed white space, full grids */
    bool spans;   /* formulas and other spans in the texts */
    bool hostile; /* texts full of the signs that formats give a meaning */
};
bool t_random_document(struct t_random *random, int32_t pages, struct dp_document *out);
uint32_t t_random_below(struct t_random *random, uint32_t bound); /* 0 <= result < bound; bound > 0 */

#endif
