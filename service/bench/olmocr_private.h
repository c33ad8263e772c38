/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_BENCH_OLMOCR_PRIVATE_H
#define SERVICE_BENCH_OLMOCR_PRIVATE_H

#include "service/bench/text.h"

/* Tables of a page as grids, for the tests about neighbours of cells. */

struct bm_grid_cell {
    struct bm_str text;
    size_t row, col, rows, cols;
    bool heading;
};

struct bm_grid {
    struct bm_grid_cell *cells;
    size_t n_cells;
    size_t *at; /* cell number + 1 at row * width + col; 0: none */
    size_t height, width;
};

struct bm_grids {
    struct bm_grid *at;
    size_t n;
};

struct bm_grids bm_read_grids(struct bm_mem *mem, struct bm_str markdown, bool pipes);

enum bm_way { BM_UP, BM_DOWN, BM_LEFT, BM_RIGHT };
/* Cells next to a cell; at most 64 are listed. */
size_t bm_grid_next(const struct bm_grid *grid, size_t cell, enum bm_way way, size_t out[static 64]);

#endif
