/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_ASSEMBLY_TABLE_PRIVATE_H
#define DOCPARSE_ASSEMBLY_TABLE_PRIVATE_H

#include "docparse/assembly/assembly_private.h"

/* Between table_grid.c and table_text.c. */

/* Words of one line that stand close together: what a cell holds, or a part of it. */
struct dp_piece {
    struct dp_rect box;          /* main frame */
    int32_t item;                /* whose line it is of */
    int32_t first_word, n_words; /* of the page; 0 words: the whole line */
    int32_t text_row;            /* rows of text are numbered downwards */
    int32_t chars, digits, cjk;
};

/* Pieces of the table's lines, by text row and from left to right. */
enum b_code dp_pieces_make(struct dp_assembly *a, const struct dp_draft_table *table, struct dp_piece **out,
                           int32_t *n_pieces, int32_t *n_rows, struct b_err *err) B_MUST_CHECK;

/* The interval of the sorted boundaries at[0..n) that holds value; outside values go to the ends. */
int32_t dp_grid_index(const float *at, int32_t n, float value);

#endif
