/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OUTPUT_WORDS_H
#define OUTPUT_WORDS_H

#include "docparse/document.h"

/* The words of a line one by one, for formats that place every word. Lines whose words are not known are cut
 * at their blanks, and the words share the line's length by their characters (wide ones count double). */
struct out_word {
    struct dp_rect bbox;
    const char *text; /* text[0..len), not NUL-terminated; never empty */
    size_t len;
    float confidence;
    bool space; /* a blank follows on the line */
};

struct out_words {
    const struct dp_page *page;
    const struct dp_line *line;
    int32_t next;       /* word of the line, when it has words */
    size_t at;          /* in the line's text, when it has none */
    double done, whole; /* width units before `at`, and of the whole text */
};

struct out_words out_words_of(const struct dp_page *page, const struct dp_line *line);
bool out_words_next(struct out_words *words, struct out_word *word);

/* A block that has text but no lines, as one line over its whole box; the text's newlines count as blanks. False
 * when the block has lines, no text or no place. */
bool out_line_of_block(const struct dp_block *block, struct dp_line *line);

#endif
