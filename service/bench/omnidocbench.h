/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_BENCH_OMNIDOCBENCH_H
#define SERVICE_BENCH_OMNIDOCBENCH_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/err.h"
#include "service/bench/norm.h"

/* Scores pages of Markdown against an OmniDocBench annotation file. One thread at a time. */

enum bm_element { BM_E_TEXT, BM_E_FORMULA, BM_E_TABLE, BM_E_ORDER, BM_ELEMENTS };
enum bm_measure { BM_M_EDIT, BM_M_TEDS, BM_M_TEDS_S, BM_MEASURES };

const char *bm_element_name(enum bm_element element); /* text_block, display_formula, table, reading_order */
const char *bm_measure_name(enum bm_measure measure); /* Edit_dist, TEDS, TEDS_structure_only */

/* One page's values; NAN where the page has nothing to measure. */
struct bm_page_score {
    double text, formula, teds, teds_s, order;
    bool has_prediction;
};

/* One averaged figure. scope: "all" (label: ALL_page_avg, edit_whole, edit_sample_avg, all), "page" (over the
 * pages with an attribute; label ALL or "language: english"...) or "group" (over blocks with an attribute). */
struct bm_figure {
    enum bm_element element;
    enum bm_measure measure;
    const char *scope, *label; /* owned by the evaluation */
    double value;
    size_t count; /* pages or samples behind it */
};

struct bm_odb;

enum b_code bm_odb_open(const char *truth_path, enum bm_version version, struct bm_odb **out,
                        struct b_err *err) B_MUST_CHECK;
void bm_odb_close(struct bm_odb *odb);

size_t bm_odb_pages(const struct bm_odb *odb);
const char *bm_odb_image(const struct bm_odb *odb, size_t page); /* file name, without folders */

/* Scores one page; markdown NULL: no prediction (the page is then left out, as the protocol does). */
enum b_code bm_odb_score(struct bm_odb *odb, size_t page, const char *markdown, size_t len,
                         struct b_err *err) B_MUST_CHECK;
const struct bm_page_score *bm_odb_page(const struct bm_odb *odb, size_t page);

/* All figures over the pages scored so far, by element, measure, scope and label. */
enum b_code bm_odb_figures(struct bm_odb *odb, const struct bm_figure **out, size_t *n, struct b_err *err) B_MUST_CHECK;
/* The figure "page / ALL" of an element, or NAN. */
double bm_odb_main(const struct bm_odb *odb, enum bm_element element, enum bm_measure measure);

#endif
