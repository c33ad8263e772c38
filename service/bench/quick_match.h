/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_BENCH_QUICK_MATCH_H
#define SERVICE_BENCH_QUICK_MATCH_H

#include "service/bench/md_filter.h"

/* Which predicted pieces belong to which blocks of the truth ("quick_match"). */

/* One block of the truth. */
struct bm_truth {
    const char *category;  /* such as "text_block", as the annotation names it */
    struct bm_str content; /* text, or LaTeX where `formula` */
    bool formula;
    double order;          /* reading order; 0: none */
    const void *attribute; /* the caller's; may be NULL */
};

/* A row of the result: blocks of the truth with the pieces that were matched to them. */
struct bm_row {
    const char *category;           /* of the truth: the most frequent one; "" when no truth */
    const struct bm_piece *piece;   /* first predicted piece, NULL when none */
    struct bm_truth *const *truths; /* whose order and attributes count */
    size_t n_truths;
    struct bm_str truth, pred;           /* raw */
    struct bm_str norm_truth, norm_pred; /* normalised, joined */
    double edit;                         /* normalised edit distance as matching measured it */
    const size_t *preds;                 /* numbers of the pieces among those that are not empty */
    size_t n_preds;
    bool placed; /* it has a predicted piece with a position */
    size_t start;
};

struct bm_rows {
    struct bm_row *at;
    size_t n;
    const size_t *ignored; /* pieces that answer ignored blocks, numbered as above */
    size_t n_ignored;
};

/* split_pieces: predicted formulas of several rows are taken apart. Version 1.0 is called for texts and for formulas
 * apart, later ones with both together. Rows are in the protocol's order. Rows of ignored categories (captions,
 * headers...) are left out from version 1.5 on. */
struct bm_rows bm_quick_match(struct bm_mem *mem, enum bm_version version, struct bm_truth *truths, size_t n_truths,
                              struct bm_piece *pieces, size_t n_pieces, bool split_pieces);

/* Formulas of several rows as one item a row; returns how many there are. */
size_t bm_split_truths(struct bm_mem *mem, enum bm_version version, const struct bm_truth *in, size_t n,
                       struct bm_truth **out);
size_t bm_split_pieces(struct bm_mem *mem, enum bm_version version, const struct bm_piece *in, size_t n,
                       struct bm_piece **out);
/* Order of pieces by position, inline formulas last; `found` decides between equals. For qsort. */
int bm_inline_last(const void *a, const void *b);
/* Does the protocol call the piece a formula? Found ones and remarks beside formulas are none to it. */
bool bm_is_formula(const struct bm_piece *piece);

/* Captions, footnotes, headers, footers, page numbers: matched, never scored. */
bool bm_is_ignored(const char *category);

#endif
