/* SPDX-License-Identifier: Apache-2.0 */
/* One page in version 1.6: tables by their normal form, texts and formulas together, rows mended, formulas matched
 * again, and the order of all of them. Where the protocol loses the first predicted table's place, so does this. */
#include <stdlib.h>
#include <string.h>

#include "service/bench/distance.h"
#include "service/bench/formula_v16.h"
#include "service/bench/match_private.h"
#include "service/bench/norm_v16.h"
#include "service/bench/odb_private.h"
#include "service/bench/spans_v16.h"

static void add_row(struct bm_rows *rows, struct bm_row row)
{
    rows->at[rows->n++] = row;
}

/* Tables of the page and what they are compared with; rows has room for all. */
static void match_tables(struct bm_odb *odb, const struct bm_page_truth *truth, struct bm_pieces *all,
                         struct bm_rows *rows)
{
    struct bm_mem *mem = &odb->work;
    const size_t nt = truth->n_tables;
    struct bm_str *truths = BM_ARRAY(mem, nt, struct bm_str), *preds = BM_ARRAY(mem, all->n, struct bm_str);
    size_t *of = BM_ARRAY(mem, nt, size_t), *piece = BM_ARRAY(mem, all->n, size_t), n = 0, np = 0, pairs = 0;
    size_t *row = BM_ARRAY(mem, nt, size_t), *col = BM_ARRAY(mem, nt, size_t);
    for (size_t i = 0; i < nt && !mem->failed; i++) {
        truths[n] = bm_norm_table(mem, truth->tables[i].content, BM_V1_6);
        of[n] = i;
        n += truths[n].n > 0;
    }
    for (size_t i = 0; i < all->n && !mem->failed; i++) {
        if (all->at[i].kind != BM_HTML_TABLE)
            continue; /* tables in LaTeX would need LaTeXML, and count nothing without it */
        preds[np] = bm_norm_table(mem, all->at[i].content, BM_V1_6);
        piece[np] = i;
        np += preds[np].n > 0;
    }
    if (mem->failed)
        return;
    if (n && np)
        pairs = bm_assign(mem, bm_cost_matrix(mem, truths, n, preds, np), n, np, row, col);
    for (size_t t = 0, next = 0; t < n; t++) {
        struct bm_truth **list = BM_ARRAY(mem, 1, struct bm_truth *);
        struct bm_row r = {.category = "table", .truths = list, .n_truths = 1, .edit = 1};
        if (!list)
            return;
        list[0] = &truth->tables[of[t]];
        r.truth = list[0]->content;
        r.norm_truth = truths[t];
        if (next < pairs && row[next] == t) {
            const struct bm_piece *p = &all->at[piece[col[next]]];
            r.pred = p->content;
            r.norm_pred = preds[col[next]];
            r.placed = col[next] > 0; /* number 0 reads as "none" */
            r.start = p->start;
            next++;
        }
        add_row(rows, r);
    }
}

static struct bm_rows match_formulas(struct bm_mem *mem, const struct bm_page_truth *truth, const struct bm_pieces *all,
                                     const struct bm_rows *rows)
{
    struct bm_truth *formulas = BM_ARRAY(mem, truth->n_texts, struct bm_truth);
    struct bm_rows current = {.at = BM_ARRAY(mem, rows->n, struct bm_row)};
    size_t n = 0;
    if (mem->failed)
        return (struct bm_rows){0};
    for (size_t i = 0; i < truth->n_texts; i++)
        if (truth->texts[i].formula)
            formulas[n++] = truth->texts[i];
    for (size_t i = 0; i < rows->n; i++)
        if (rows->at[i].n_truths && strcmp(rows->at[i].category, "equation_isolated") == 0)
            add_row(&current, rows->at[i]);
    return bm16_match_formulas(mem, formulas, n, all, &current);
}

void bm16_score_page(struct bm_odb *odb, size_t page, const struct bm_page_truth *truth, struct bm_pieces *all)
{
    struct bm_mem *mem = &odb->work;
    struct bm_pieces some = bm_mixed_pieces(mem, all);
    struct bm_pieces matched = {.at = BM_ARRAY(mem, some.n, struct bm_piece), .n = some.n};
    if (mem->failed)
        return;
    if (some.n)
        memcpy(matched.at, some.at, some.n * sizeof *some.at);
    struct bm_rows rows = bm_quick_match(mem, BM_V1_6, truth->texts, truth->n_texts, matched.at, matched.n, true);
    for (size_t i = 0; i < rows.n; i++)
        bm16_compare_as_texts(mem, &rows.at[i]);
    bm16_mend_texts(mem, &rows, &some);
    const struct bm_rows formulas = match_formulas(mem, truth, all, &rows);
    struct bm_rows counted = {.at = BM_ARRAY(mem, rows.n + formulas.n + truth->n_tables, struct bm_row)};
    if (mem->failed)
        return;
    for (size_t i = 0; i < rows.n; i++) {
        const struct bm_row *row = &rows.at[i];
        if (row->n_truths == 0 || bm_is_ignored(row->category) || strcmp(row->category, "equation_isolated") == 0)
            continue;
        bm_add_row(odb, page, BM_E_TEXT, row);
        add_row(&counted, *row);
    }
    for (size_t i = 0; i < formulas.n; i++) {
        bm_add_row(odb, page, BM_E_FORMULA, &formulas.at[i]);
        add_row(&counted, formulas.at[i]);
    }
    const size_t first = counted.n;
    match_tables(odb, truth, all, &counted);
    for (size_t i = first; i < counted.n; i++)
        bm_add_row(odb, page, BM_E_TABLE, &counted.at[i]);
    bm_measure_order(odb, page, counted.at, counted.n);
}
