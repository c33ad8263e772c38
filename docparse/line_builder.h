/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_LINE_BUILDER_H
#define DOCPARSE_LINE_BUILDER_H

#include "docparse/document.h"

/* Appends lines with their words to a page whose lines are not yet assembled. Plain value; one thread at
 * a time. Everything lands in the page's arena; texts of words are borrowed (they must live in it). */
struct dp_line_builder {
    struct dp_page *page;
    size_t line_cap, word_cap;
    int32_t line_start; /* first word of the line being built */
};

void dp_line_builder_begin(struct dp_line_builder *builder, struct dp_page *page);

/* Adds a word to the line being built. */
enum b_code dp_line_builder_word(struct dp_line_builder *builder, const struct dp_word *word, struct b_err *err)
    B_MUST_CHECK;

/* Ends the line: takes quad, source, flags, confidence and font_size from `line`; text, words and block are filled
 * here, and bbox where `line` has an empty one. A line without words is kept (unreadable ink). */
enum b_code dp_line_builder_end(struct dp_line_builder *builder, const struct dp_line *line, struct b_err *err)
    B_MUST_CHECK;

/* The words with single spaces between them, none behind a word that is `joined`; NULL when the arena is full. */
char *dp_words_text(struct b_arena *arena, const struct dp_word *words, int32_t n);

/* Quad of an upright box whose text runs in `direction`: 0 right, 1 down, 2 left, 3 up. */
void dp_quad_of_box(struct dp_rect box, int direction, struct dp_point quad[4]);

#endif
