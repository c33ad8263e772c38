/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_TEXT_LAYER_H
#define DOCPARSE_TEXT_LAYER_H

#include "docparse/document.h"
#include "docparse/loader.h"

/* What the file itself says the page reads: its words grouped into lines by geometry, and whether they
 * can be believed. Plain values; arrays live in the arena given. Thread-safe on different sheets. */

/* A line of the layer. Words of one line are neighbours in `order`, in reading order. */
struct dp_layer_line {
    int32_t first, count; /* into dp_layer.order */
    int direction;        /* text runs 0 right, 1 down, 2 left, 3 up */
    bool vertical;        /* upright characters one below the other (CJK) */
    struct dp_rect bbox;
    float size;           /* font size, pixels */
    bool hidden;          /* every word is drawn invisibly */
    bool bad;             /* characters that nobody can have meant: must be read from the image */
};

struct dp_layer {
    int32_t *order; /* word indices of the sheet, line after line */
    bool *joined;   /* per entry of order: no space behind it */
    struct dp_layer_line *lines;
    int32_t n_lines, n_words;
    /* Characters without white space: all, in bad lines, in hidden words. */
    int32_t chars, bad_chars, hidden_chars;
    bool doubtful; /* decodable but strange (font without a character map, other people's OCR): try before trusting */
};

/* Groups the sheet's words. Words without any visible character are left out. */
enum b_code dp_text_layer_group(const struct dp_sheet *sheet, struct b_arena *arena, struct dp_layer *out,
                                struct b_err *err) B_MUST_CHECK;

/* Marks bad lines and fills the counts and `doubtful`. */
void dp_text_layer_judge(const struct dp_sheet *sheet, struct dp_layer *layer);

/* Share of the characters that have to be changed to make one text of the other, white space and case
 * ignored: edit distance over the longer length, 0 for two empty texts. Texts are cut at 512 characters. */
float dp_text_distance(const char *a, const char *b);

#endif
