/* SPDX-License-Identifier: Apache-2.0 */
/* Rows mended after the matching (version 1.6). Runs of pieces are tried around the place that a row has, between the
 * pieces of other rows; better ones are handed out by gain, each piece once. */
#include "service/bench/spans_v16.h"

#include <stdlib.h>
#include <string.h>

#include "service/bench/distance.h"
#include "service/bench/norm_v16.h"

#define BAD 0.45     /* normalised edit distance above which a row is mended */
#define LONG_TEXT 80 /* normalised code points */
#define REACH 8      /* pieces before and behind */
#define LEAST_GAIN 0.2
#define EQUAL 1e-12

static struct bm_str as_text(struct bm_mem *mem, struct bm_str raw, bool formula)
{
    return bm16_inline_to_text(mem, formula ? bm16_strip_delimiters(raw) : raw);
}

static bool is_formula_block(const struct bm_row *row)
{
    return strcmp(row->category, "equation_isolated") == 0;
}

void bm16_compare_as_texts(struct bm_mem *mem, struct bm_row *row)
{
    if (row->n_truths == 0 || !row->piece || is_formula_block(row) == bm_is_formula(row->piece))
        return;
    row->truth = as_text(mem, row->truth, is_formula_block(row));
    row->pred = as_text(mem, row->pred, bm_is_formula(row->piece));
    row->norm_truth = bm16_norm_text(mem, row->truth);
    row->norm_pred = bm16_norm_text(mem, row->pred);
    row->edit = bm_ned(mem, row->norm_truth, row->norm_pred);
}

/* Pieces in the order of the matching, before formulas were split. */
struct pool {
    struct bm_piece *at;
    struct bm_str *text; /* what each looks like as text */
    size_t n;
};

static struct pool pool_of(struct bm_mem *mem, const struct bm_pieces *pieces)
{
    struct pool pool = {BM_ARRAY(mem, pieces->n, struct bm_piece), BM_ARRAY(mem, pieces->n, struct bm_str), pieces->n};
    if (mem->failed)
        return (struct pool){0};
    for (size_t i = 0; i < pool.n; i++) {
        pool.at[i] = pieces->at[i];
        pool.at[i].found = i;
    }
    if (pool.n)
        qsort(pool.at, pool.n, sizeof *pool.at, bm_inline_last);
    for (size_t i = 0; i < pool.n; i++)
        pool.text[i] = as_text(mem, pool.at[i].content, pool.at[i].kind == BM_EQUATION);
    return pool;
}

/* Calls mark[i] = true for the pieces of a row: by number, or by place where no number fits. */
static bool mark_pieces(const struct pool *pool, const struct bm_row *row, bool *mark)
{
    bool any = false;
    for (size_t k = 0; k < row->n_preds; k++)
        if (row->preds[k] < pool->n)
            any = mark[row->preds[k]] = true;
    for (size_t i = 0; !any && row->placed && i < pool->n; i++)
        mark[i] = mark[i] || (pool->at[i].start <= row->start && row->start <= pool->at[i].end);
    for (size_t i = 0; !any && i < pool->n; i++)
        any = mark[i];
    return any;
}

/* Signs of formulas inside a text. */
static bool hints_at_formulas(struct bm_str text)
{
    static const char *const commands[] = {"\\frac", "\\sum", "\\int", "\\sqrt", "\\left", "\\right"};
    for (size_t i = 0; i < text.n; i++) {
        const bool dollar = text.cp[i] == '$';
        size_t close = BM_NONE;
        if (dollar) {
            close = bm_find_cp(text, i + 1, '$');
        } else if (bm_at(text, i, "\\(")) {
            const size_t round = bm_find_cp(text, i + 2, ')');
            close = round != BM_NONE && text.cp[round - 1] == '\\' ? round : BM_NONE;
        }
        if (close != BM_NONE && close > i + dollar)
            return true;
    }
    for (size_t k = 0; k < sizeof commands / sizeof commands[0]; k++)
        if (bm16_has(text, commands[k]))
            return true;
    return (bm16_has(text, "^") || bm16_has(text, "_")) && (bm16_has(text, "$") || bm16_has(text, "\\"));
}

static bool needs_mending(const struct bm_row *row)
{
    if (row->n_truths == 0 || row->edit <= BAD)
        return false;
    if (strcmp(row->category, "title") == 0)
        return true;
    return strcmp(row->category, "text_block") == 0 &&
           (hints_at_formulas(row->truth) || row->norm_truth.n >= LONG_TEXT);
}

struct span {
    size_t from, to, row; /* pieces [from, to) */
    size_t away;          /* of the row's own first piece */
    struct bm_str norm;
    double edit;
    bool found;
};

static bool is_better(const struct span *a, const struct span *b)
{
    if (!b->found || a->edit + EQUAL < b->edit)
        return true;
    if (a->edit > b->edit + EQUAL)
        return false;
    if (a->to - a->from != b->to - b->from)
        return a->to - a->from < b->to - b->from;
    return a->away < b->away;
}

/* The best run that starts at `from`. */
static void try_runs(struct bm_mem *mem, const struct pool *pool, const bool *blocked, struct bm_str truth, bool hint,
                     size_t from, size_t end, size_t home, struct span *best)
{
    struct bm_out text = bm_out_on(mem);
    const size_t most = hint ? 8 : 4;
    for (size_t to = from; to < end && to < from + most; to++) {
        if (blocked[to] || (pool->at[to].kind != BM_TEXT && !hint))
            return;
        bm_put(&text, pool->text[to]);
        struct span span = {.from = from, .to = to + 1, .row = best->row, .found = true};
        span.away = home == BM_NONE ? 0 : from > home ? from - home : home - from;
        span.norm = bm16_norm_text(mem, bm_taken(&text));
        if (span.norm.n == 0)
            continue;
        span.edit = bm_ned(mem, truth, span.norm);
        if (is_better(&span, best))
            *best = span;
    }
}

static struct span best_span(struct bm_mem *mem, const struct bm_rows *rows, size_t index, const struct pool *pool)
{
    const struct bm_row *row = &rows->at[index];
    struct span best = {.row = index};
    bool *own = BM_ARRAY(mem, pool->n, bool), *blocked = BM_ARRAY(mem, pool->n, bool);
    const bool hint = hints_at_formulas(row->truth);
    const struct bm_str truth =
        bm16_norm_text(mem, hint ? bm16_inline_to_norm(mem, row->truth) : as_text(mem, row->truth, false));
    size_t first = 0, end = pool->n, home = BM_NONE;
    if (mem->failed || truth.n == 0)
        return best;
    for (size_t i = 0; i < rows->n; i++)
        if (i != index && rows->at[i].n_truths)
            (void)mark_pieces(pool, &rows->at[i], blocked);
    for (size_t i = 0; i < rows->n_ignored; i++)
        if (rows->ignored[i] < pool->n)
            blocked[rows->ignored[i]] = true;
    if (mark_pieces(pool, row, own)) {
        size_t last = 0;
        for (size_t i = 0; i < pool->n; i++)
            if (own[i]) {
                home = home == BM_NONE ? i : home;
                last = i;
            }
        first = home > REACH ? home - REACH : 0;
        end = last + REACH + 1 < pool->n ? last + REACH + 1 : pool->n;
    }
    for (size_t from = first; from < end && !mem->failed; from++)
        try_runs(mem, pool, blocked, truth, hint, from, end, home, &best);
    if (best.found && (best.edit >= row->edit - LEAST_GAIN || best.edit > (hint ? 0.45 : 0.35)))
        best.found = false;
    return best;
}

static void take_span(struct bm_mem *mem, struct bm_row *row, const struct pool *pool, const struct span *span)
{
    struct bm_out raw = bm_out_on(mem);
    size_t *numbers = BM_ARRAY(mem, span->to - span->from, size_t);
    for (size_t i = span->from; numbers && i < span->to; i++) {
        bm_put(&raw, pool->at[i].content);
        numbers[i - span->from] = i;
    }
    row->pred = bm_taken(&raw);
    row->norm_pred = span->norm;
    row->edit = span->edit;
    row->preds = numbers;
    row->n_preds = numbers ? span->to - span->from : 0;
    row->placed = true;
    row->start = pool->at[span->from].start;
}

void bm16_mend_texts(struct bm_mem *mem, struct bm_rows *rows, const struct bm_pieces *pieces)
{
    const struct pool pool = pool_of(mem, pieces);
    struct span *spans = BM_ARRAY(mem, rows->n, struct span);
    bool *used = BM_ARRAY(mem, pool.n, bool);
    size_t n = 0;
    if (mem->failed || pool.n == 0)
        return;
    for (size_t i = 0; i < rows->n; i++)
        if (needs_mending(&rows->at[i])) {
            spans[n] = best_span(mem, rows, i, &pool);
            n += spans[n].found;
        }
    for (size_t taken = 0; taken < n; taken++) {
        size_t best = BM_NONE;
        double gain = -1;
        bool free_pieces = true;
        for (size_t i = 0; i < n; i++)
            if (spans[i].found && rows->at[spans[i].row].edit - spans[i].edit > gain) {
                best = i;
                gain = rows->at[spans[i].row].edit - spans[i].edit;
            }
        if (best == BM_NONE)
            return;
        spans[best].found = false;
        for (size_t i = spans[best].from; i < spans[best].to; i++)
            free_pieces = free_pieces && !used[i];
        if (!free_pieces)
            continue;
        for (size_t i = spans[best].from; i < spans[best].to; i++)
            used[i] = true;
        take_span(mem, &rows->at[spans[best].row], &pool, &spans[best]);
    }
}
