/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_ASSEMBLY_TABLE_PRIVATE_H
#define DOCPARSE_ASSEMBLY_TABLE_PRIVATE_H

#include "docparse/assembly/assembly_private.h"

/* Between the files about tables. */

/* Words of one line that stand close together: what a cell holds, or a part of it. */
struct dp_piece {
    struct dp_rect box;          /* main frame */
    int32_t item;                /* whose line it is of */
    int32_t first_word, n_words; /* of the page; 0 words: the whole line */
    int32_t text_row;            /* rows of text are numbered downwards */
    int32_t chars, digits, cjk;
    bool leads; /* a leader goes from it to the next piece of its row */
};

enum { DP_TABLE_COLS = 60, DP_TABLE_ROWS = 400 }; /* a page of small print has fewer */

/* One side of the grid: boundaries, and whether a rule made them. */
struct dp_grid_lines {
    float at[DP_TABLE_ROWS + 2];
    bool ruled[DP_TABLE_ROWS + 2];
    int32_t n;
};

struct dp_grid {
    struct dp_assembly *a;
    struct dp_draft_table *t;
    struct dp_piece *pieces;
    int32_t n_pieces, text_rows;
    struct dp_grid_lines x, y;
    struct dp_rect *text;               /* [rows * cols] around the pieces of each position; x1 < x0: none */
    int32_t inner_upright, inner_level; /* boundaries by rules inside of the frame */
    int32_t long_upright, long_level;   /* those of them that go through most of the region */
};

/* table_heads.c: headings over several columns that no rule marks; changes owners in the first two rows. */
void dp_table_heads(struct dp_grid *g);

/* Pieces of the table's lines, by text row and from left to right. */
enum b_code dp_pieces_make(struct dp_assembly *a, const struct dp_draft_table *table, struct dp_piece **out,
                           int32_t *n_pieces, int32_t *n_rows, struct b_err *err) B_MUST_CHECK;

/* leaders.c: level rules that are leaders are no rules any more, but a property of the item that they begin at. */
void dp_leader_rules(struct dp_assembly *a);
/* Words of the item's line from its from-th on that are one leader; 0: none begins there. */
int32_t dp_leader_words(const struct dp_assembly *a, const struct dp_item *item, int32_t from);
/* Whether the leaders of the pieces, sorted as dp_pieces_make does, lead to numbers of pages: a table of contents. */
bool dp_is_contents(const struct dp_assembly *a, const struct dp_piece *pieces, int32_t n);
/* Whether enough of the rows of text have a leader that it alone makes them a table. */
bool dp_is_led(const struct dp_piece *pieces, int32_t n, int32_t rows);

/* The interval of the sorted boundaries at[0..n) that holds value; outside values go to the ends. */
int32_t dp_grid_index(const float *at, int32_t n, float value);

/* table_turned.c: the page in the frame of text that runs in `direction`; enough: there is some. view borrows from `a`
 * and shares its items and tables; dp_turned_back takes the tables that were found in it. */
enum b_code dp_turned_view(struct dp_assembly *a, int direction, struct dp_assembly *view, bool *enough,
                           struct b_err *err) B_MUST_CHECK;
void dp_turned_back(struct dp_assembly *a, const struct dp_assembly *view);

/* table_bare.c: calls `try_box` with the box of each candidate without rules; a candidate with leaders that it does
 * not take is offered again in the parts that wide gaps cut it into. */
typedef enum b_code (*dp_try_box)(void *context, struct dp_rect box, bool *taken);
enum b_code dp_tables_bare(struct dp_assembly *a, dp_try_box try_box, void *context, struct b_err *err) B_MUST_CHECK;

/* table_reach.c: the table's box with the rows above and below it that share its columns; the items of the table must
 * not be free any more. */
enum b_code dp_table_reach(struct dp_assembly *a, const struct dp_draft_table *table, struct dp_rect *box,
                           struct b_err *err) B_MUST_CHECK;

#endif
