/* SPDX-License-Identifier: Apache-2.0 */
/* Table network: the picture scaled into a square of 488 pixels, a sequence of HTML tokens with a box for each
 * cell, and the grid that the tokens describe. Tokens are a guess: rows may be of unequal length and spans may
 * reach too far, so the grid is built by placing every cell at the first free position of its row and cutting
 * spans where they would cover a position twice. */
#include "engine/compact/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/compact/net_input.h"

#define SIDE 488
#define VOCABULARY 50
#define END_TOKEN 49
#define MAX_COLS 512
#define MAX_ROWS 512

struct eng_table_net {
    struct eng_runner *runner;
};

enum b_code eng_table_net_new(const struct eng_graph *graph, int threads, struct eng_table_net **out, struct b_err *err)
{
    struct eng_table_net *net = calloc(1, sizeof *net);
    struct eng_runner_options options = {.threads = threads, .max_plans = 1};
    *out = NULL;
    if (!net)
        return b_fail(err, B_NO_MEMORY, "table", "out of memory");
    enum b_code code = eng_runner_new(graph, &options, &net->runner, err);
    if (code != B_OK) {
        free(net);
        return code;
    }
    *out = net;
    return B_OK;
}

void eng_table_net_drop(struct eng_table_net *net)
{
    if (!net)
        return;
    eng_runner_drop(net->runner);
    free(net);
}

static int best_token(const float *row, float *probability)
{
    int best = 0;
    for (int i = 1; i < VOCABULARY; i++)
        if (row[i] > row[best])
            best = i;
    *probability = row[best];
    return best;
}

/* Token sequence up to the end mark; cells with their corners, spans still those of the tokens. */
static void read_tokens(const struct eng_tensor *corners, const struct eng_tensor *tokens, float side,
                        struct eng_table_structure *out)
{
    int32_t row = -1;
    double sum = 0;
    for (int64_t t = 0; t < tokens->dims[1]; t++) {
        float p;
        int token = best_token(tokens->data + t * VOCABULARY, &p);
        if (token == END_TOKEN && t > 0)
            break;
        if (token == 0 || token == END_TOKEN)
            continue;
        sum += (double)p;
        out->tokens[out->n_tokens++] = (uint8_t)token;
        struct eng_table_cell *last = out->n_cells ? &out->cells[out->n_cells - 1] : NULL;
        if (token == ENG_TABLE_TR) {
            row++;
        } else if (token == ENG_TABLE_CELL || token == ENG_TABLE_TD_OPEN) {
            row = row < 0 ? 0 : row;
            struct eng_table_cell *cell = &out->cells[out->n_cells++];
            *cell = (struct eng_table_cell){.row = row, .row_span = 1, .col_span = 1, .score = p};
            for (int k = 0; k < 8; k++)
                cell->corners[k] = corners->data[t * 8 + k] * side;
        } else if (last && token >= ENG_TABLE_COLSPAN_2 && token < ENG_TABLE_ROWSPAN_2) {
            last->col_span = token - ENG_TABLE_COLSPAN_2 + 2;
        } else if (last && token >= ENG_TABLE_ROWSPAN_2 && token < ENG_TABLE_CELL) {
            last->row_span = token - ENG_TABLE_ROWSPAN_2 + 2;
        }
    }
    out->rows = row + 1;
    out->score = out->n_tokens ? (float)(sum / (double)out->n_tokens) : 0;
}

/* Is [col, col + span) of the row free? */
static bool is_free(const uint8_t *taken, int32_t row, int32_t col, int32_t span)
{
    for (int32_t c = col; c < col + span; c++)
        if (c >= MAX_COLS || taken[(size_t)row * MAX_COLS + (size_t)c])
            return false;
    return true;
}

/* Gives every cell its column and cuts spans to what is free; cells without room are dropped. */
static void place_cells(struct eng_table_structure *t, uint8_t *taken)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->n_cells; i++) {
        struct eng_table_cell cell = t->cells[i];
        int32_t col = 0;
        if (cell.row >= t->rows)
            continue;
        while (col < MAX_COLS && taken[(size_t)cell.row * MAX_COLS + (size_t)col])
            col++;
        if (col == MAX_COLS)
            continue;
        cell.col = col;
        while (!is_free(taken, cell.row, col, cell.col_span))
            cell.col_span--;
        int32_t rows = 1;
        while (rows < cell.row_span && cell.row + rows < t->rows && is_free(taken, cell.row + rows, col, cell.col_span))
            rows++;
        cell.row_span = rows;
        for (int32_t r = cell.row; r < cell.row + rows; r++)
            memset(taken + (size_t)r * MAX_COLS + (size_t)col, 1, (size_t)cell.col_span);
        t->cols = col + cell.col_span > t->cols ? col + cell.col_span : t->cols;
        t->cells[kept++] = cell;
    }
    t->n_cells = kept;
}

enum b_code eng_table_decode(const struct eng_tensor *corners, const struct eng_tensor *tokens, float side,
                             struct b_arena *arena, struct eng_table_structure *out, struct b_err *err)
{
    *out = (struct eng_table_structure){0};
    if (corners->n_dims != 3 || tokens->n_dims != 3 || corners->dims[2] != 8 || tokens->dims[2] != VOCABULARY ||
        corners->dims[1] != tokens->dims[1] || tokens->dims[1] < 1)
        return b_fail(err, B_FORMAT, "table", "the table network's outputs have an unknown shape");
    size_t steps = (size_t)tokens->dims[1];
    out->tokens = B_ARENA_ARRAY(arena, steps, uint8_t);
    out->cells = B_ARENA_ARRAY(arena, steps, struct eng_table_cell);
    if (!out->tokens || !out->cells)
        return b_arena_refused(arena, "table", err);
    read_tokens(corners, tokens, side, out);
    if (out->rows > MAX_ROWS)
        out->rows = MAX_ROWS;
    uint8_t *taken = calloc((size_t)out->rows + 1, MAX_COLS);
    if (!taken)
        return b_fail(err, B_NO_MEMORY, "table", "out of memory");
    place_cells(out, taken);
    free(taken);
    return B_OK;
}

enum b_code eng_table_read(struct eng_table_net *net, struct b_image_view picture, struct b_arena *arena,
                           struct eng_table_structure *out, struct b_cancel *cancel, struct b_err *err)
{
    const int64_t dims[4] = {1, 3, SIDE, SIDE};
    int longer = picture.width > picture.height ? picture.width : picture.height;
    double scale = (double)SIDE / longer;
    int width = (int)(picture.width * scale), height = (int)(picture.height * scale);
    struct eng_tensor outputs[ENG_MAX_OUTPUTS];
    float *input;
    *out = (struct eng_table_structure){0};
    width = width < 1 ? 1 : width > SIDE ? SIDE : width;
    height = height < 1 ? 1 : height > SIDE ? SIDE : height;
    enum b_code code = eng_runner_input(net->runner, dims, &input, err);
    if (code == B_OK)
        code = eng_net_fill(picture, width, height, SIDE, SIDE, input, err);
    if (code == B_OK)
        code = eng_runner_run(net->runner, outputs, cancel, err);
    if (code == B_OK)
        code = eng_table_decode(&outputs[0], &outputs[1], (float)longer, arena, out, err);
    eng_runner_rest(net->runner);
    return code;
}
