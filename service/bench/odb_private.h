/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_BENCH_ODB_PRIVATE_H
#define SERVICE_BENCH_ODB_PRIVATE_H

#include <jansson.h>

#include "service/bench/omnidocbench.h"
#include "service/bench/quick_match.h"

/* One row of an element, reduced to its numbers. */
struct bm_sample {
    enum bm_element element;
    size_t page;
    double edits, longest; /* edit distance and the longer length */
    double teds, teds_s;   /* tables only */
    const json_t **attributes;
    size_t n_attributes;
};

struct bm_odb {
    json_t *truth;
    enum bm_version version;
    struct b_arena *kept, *page_arena, *scratch; /* results; one page; the distances */
    struct bm_mem results, work;
    struct bm_page_score *pages;
    size_t n_pages;
    struct bm_sample *samples;
    size_t n_samples, cap_samples;
    struct bm_figure *figures;
    size_t n_figures;
};

/* The blocks of a page that take part, in the protocol's order. tables: HTML in content. */
struct bm_page_truth {
    struct bm_truth *texts, *tables; /* texts: formulas among them */
    size_t n_texts, n_tables;
};
void bm_read_page_truth(struct bm_mem *mem, const json_t *page, enum bm_version version, struct bm_page_truth *out);

/* Texts and formulas in the order in which the kinds first appear, which decides between equal positions. */
struct bm_pieces bm_mixed_pieces(struct bm_mem *mem, const struct bm_pieces *all);

/* Adds a row's figures to an element. */
void bm_add_row(struct bm_odb *odb, size_t page, enum bm_element element, const struct bm_row *row);
/* The page's reading order as its rows tell it. */
void bm_measure_order(struct bm_odb *odb, size_t page, const struct bm_row *rows, size_t n);

/* A page by version 1.6; all: its pieces. */
void bm16_score_page(struct bm_odb *odb, size_t page, const struct bm_page_truth *truth, struct bm_pieces *all);

/* Averages of the samples into odb->figures. */
enum b_code bm_compute_figures(struct bm_odb *odb, struct b_err *err) B_MUST_CHECK;

#endif
