/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_COMPACT_TABLE_H
#define ENGINE_COMPACT_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/arena.h"
#include "engine/base/cancel.h"
#include "engine/base/err.h"
#include "engine/base/image.h"
#include "engine/graph/graph.h"

/* Table structure: SLANet-plus. Says the cells of a table from its picture; it does not read them. One thread at
 * a time. */
struct eng_table_net;

/* Tokens of the network's vocabulary, "sos" and "eos" left out: 1..48. */
enum eng_table_token {
    ENG_TABLE_THEAD = 1,
    ENG_TABLE_THEAD_END,
    ENG_TABLE_TBODY,
    ENG_TABLE_TBODY_END,
    ENG_TABLE_TR,
    ENG_TABLE_TR_END,
    ENG_TABLE_TD_OPEN,                              /* "<td", followed by spans and ">" */
    ENG_TABLE_TAG_END,                              /* ">" */
    ENG_TABLE_TD_CLOSE,                             /* "</td>" */
    ENG_TABLE_COLSPAN_2,                            /* .. + 18: colspan 20 */
    ENG_TABLE_ROWSPAN_2 = ENG_TABLE_COLSPAN_2 + 19, /* .. + 18: rowspan 20 */
    ENG_TABLE_CELL = ENG_TABLE_ROWSPAN_2 + 19       /* "<td></td>" */
};

/* A cell of the grid. corners: top-left, top-right, bottom-right, bottom-left as x, y in pixels of the picture. */
struct eng_table_cell {
    int32_t row, col, row_span, col_span;
    float corners[8];
    float score; /* probability of its token */
};

/* A consistent grid: no position is covered twice; spans end inside it. Lives in the arena. */
struct eng_table_structure {
    int32_t rows, cols;
    struct eng_table_cell *cells; /* row by row */
    size_t n_cells;
    uint8_t *tokens; /* as the network said them */
    size_t n_tokens;
    float score; /* mean probability of the tokens */
};

/* The network borrows the graph. */
enum b_code eng_table_net_new(const struct eng_graph *graph, int threads, struct eng_table_net **out,
                              struct b_err *err) B_MUST_CHECK;
void eng_table_net_drop(struct eng_table_net *net);

/* picture: the table with about 10 pixels around it. */
enum b_code eng_table_read(struct eng_table_net *net, struct b_image_view picture, struct b_arena *arena,
                           struct eng_table_structure *out, struct b_cancel *cancel, struct b_err *err) B_MUST_CHECK;

/* Decoding alone, for tests: corners [1][T][8] (fractions of the square), tokens [1][T][50]; side: pixels of the
 * picture's longer side. */
enum b_code eng_table_decode(const struct eng_tensor *corners, const struct eng_tensor *tokens, float side,
                             struct b_arena *arena, struct eng_table_structure *out, struct b_err *err) B_MUST_CHECK;

#endif
