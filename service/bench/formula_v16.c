/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses among alignments of a page's formulas: the common matching's, a matching of the formulas alone, the best
 * assignment, the best in order; each with predicted formulas whole, split into rows, or split in all groupings of
 * their rows, and once more with logical cases rewritten. The first of the cheapest counts. */
#include <stdlib.h>
#include <string.h>

#include "service/bench/distance.h"
#include "service/bench/formula_private_v16.h"
#include "service/bench/norm_v16.h"
#include "service/bench/rows_v16.h"

#define EQUAL 1e-12
#define MAX_GROUPINGS 128
#define MAX_GROUPED_ROWS 8

/* An alignment and what it is judged by, in order. */
struct candidate {
    struct bm_rows rows;
    double edits, weighted, average;
    size_t unused, missing; /* predicted formulas that no row uses; truths without any */
    size_t rewritten;
    bool valid;
};

struct chooser {
    struct bm_mem *mem;
    struct bm_truth *truths; /* whole */
    size_t n_truths;
    struct candidate best;
};

static void judge(struct bm_mem *mem, struct candidate *c, const struct bm_piece *pieces, size_t n_pieces, size_t n_raw)
{
    bool *used = BM_ARRAY(mem, n_raw + 1, bool);
    size_t edits = 0, longest = 0, n_used = 0;
    for (size_t i = 0; used && i < c->rows.n; i++) {
        const struct bm_row *row = &c->rows.at[i];
        c->edits += row->edit;
        c->missing += row->n_preds == 0;
        if (row->n_preds == 0)
            continue;
        edits += bm_levenshtein(mem, row->norm_truth, row->norm_pred);
        longest += row->norm_truth.n > row->norm_pred.n ? row->norm_truth.n : row->norm_pred.n;
        for (size_t k = 0; k < row->n_preds; k++) {
            const size_t source = row->preds[k] < n_pieces ? pieces[row->preds[k]].found : n_raw;
            n_used += source < n_raw && !used[source];
            if (source < n_raw)
                used[source] = true;
        }
    }
    c->weighted = longest ? (double)edits / (double)longest : 0;
    c->average = c->rows.n ? c->edits / (double)c->rows.n : 0;
    c->unused = n_raw > n_used ? n_raw - n_used : 0;
    c->valid = true;
}

/* -1, 0, 1; sums of fractions may differ in their last bits. */
static int compare(double a, double b)
{
    return a + EQUAL < b ? -1 : a > b + EQUAL;
}

static bool is_cheaper(const struct candidate *a, const struct candidate *b)
{
    if (!b->valid)
        return true;
    int order = compare(a->edits, b->edits);
    order = order ? order : compare(a->weighted, b->weighted);
    if (order == 0 && a->unused != b->unused)
        return a->unused < b->unused;
    order = order ? order : compare(a->average, b->average);
    if (order)
        return order < 0;
    return a->rewritten != b->rewritten ? a->rewritten > b->rewritten : a->missing < b->missing;
}

static void offer(struct chooser *ch, struct bm_rows rows, const struct bm_piece *pieces, size_t n_pieces, size_t n_raw,
                  size_t rewritten)
{
    struct candidate c = {.rows = rows, .rewritten = rewritten};
    judge(ch->mem, &c, pieces, n_pieces, n_raw);
    if (is_cheaper(&c, &ch->best))
        ch->best = c;
}

static int by_range(const void *a, const void *b)
{
    const struct bm_piece *x = a, *y = b;
    const bool xi = x->fine == BM_FINE_INLINE, yi = y->fine == BM_FINE_INLINE;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    if (xi != yi)
        return xi ? 1 : -1;
    if (x->end != y->end)
        return x->end < y->end ? -1 : 1;
    return x->found < y->found ? -1 : x->found > y->found;
}

/* Lines of both sides. pieces must stay. */
static struct bm16_sides sides_of(struct chooser *ch, const struct bm_piece *pieces, size_t n)
{
    struct bm_mem *mem = ch->mem;
    struct bm16_sides s = {.pieces = pieces, .n_pieces = n};
    const size_t nt = bm_split_truths(mem, BM_V1_6, ch->truths, ch->n_truths, &s.truths);
    s.truth = BM_ARRAY(mem, nt, struct bm_str);
    s.norm_truth = BM_ARRAY(mem, nt, struct bm_str);
    s.pred = BM_ARRAY(mem, n, struct bm_str);
    s.norm_pred = BM_ARRAY(mem, n, struct bm_str);
    for (size_t i = 0; i < nt && !mem->failed; i++) {
        s.truth[s.n_truths] = s.truths[i].content;
        s.norm_truth[s.n_truths] = bm16_norm_formula(mem, s.truths[i].content);
        s.n_truths += s.truths[i].content.n && s.norm_truth[s.n_truths].n;
    }
    for (size_t i = 0; i < n && !mem->failed; i++) {
        s.pred[s.n_preds] = pieces[i].content;
        s.norm_pred[s.n_preds] = bm16_norm_formula(mem, pieces[i].content);
        s.n_preds += pieces[i].content.n && s.norm_pred[s.n_preds].n;
    }
    return s;
}

static struct bm_piece *copy_of(struct bm_mem *mem, const struct bm_piece *pieces, size_t n)
{
    struct bm_piece *copy = BM_ARRAY(mem, n, struct bm_piece);
    if (copy && n)
        memcpy(copy, pieces, n * sizeof *copy);
    return copy;
}

/* Every truth has a row of its own, and every row formulas only. */
static bool is_complete(const struct bm_rows *rows, size_t n)
{
    for (size_t i = 0; i < rows->n; i++) {
        const struct bm_row *row = &rows->at[i];
        if (row->n_truths != 1 || (row->piece && row->piece->kind == BM_TEXT))
            return false;
    }
    return rows->n == n;
}

static struct bm_rows with_truths(struct bm_mem *mem, const struct bm_rows *rows)
{
    struct bm_rows kept = {.at = BM_ARRAY(mem, rows->n, struct bm_row)};
    for (size_t i = 0; kept.at && i < rows->n; i++)
        if (rows->at[i].n_truths)
            kept.at[kept.n++] = rows->at[i];
    return kept;
}

/* Matching and alignments with the predicted formulas as they are. pieces: by range. */
static void offer_whole(struct chooser *ch, const struct bm_piece *pieces, size_t n, size_t rewritten)
{
    const struct bm16_sides sides = sides_of(ch, pieces, n);
    struct bm_piece *own = copy_of(ch->mem, pieces, n);
    struct bm_rows rows;
    if (!own)
        return;
    rows = bm_quick_match(ch->mem, BM_V1_6, ch->truths, ch->n_truths, own, n, false);
    rows = with_truths(ch->mem, &rows);
    if (is_complete(&rows, sides.n_truths))
        offer(ch, rows, pieces, n, n, rewritten);
    offer(ch, bm16_align_pairs(ch->mem, &sides), pieces, n, n, rewritten);
    for (int gaps = 0; gaps < 2; gaps++)
        if (bm16_align_in_order(ch->mem, &sides, gaps, &rows))
            offer(ch, rows, pieces, n, n, rewritten);
}

/* Neighbouring rows of a formula as one. */
static struct bm_piece joined(struct bm_mem *mem, const struct bm_piece *rows, size_t n)
{
    struct bm_piece piece = rows[0];
    struct bm_str *parts = BM_ARRAY(mem, n, struct bm_str);
    if (n == 1 || !parts)
        return piece;
    for (size_t i = 0; i < n; i++)
        parts[i] = rows[i].content;
    struct bm_out out = bm_out_on(mem);
    bm_puts(&out, "\\[");
    bm_put(&out, bm_strip(bm16_as_array(mem, parts, n, true)));
    bm_puts(&out, "\\]");
    piece.content = bm_taken(&out);
    piece.end = rows[n - 1].end;
    piece.fine = BM_FINE_NONE;
    return piece;
}

/* Predicted formulas with their rows: rows[first[i]] .. rows[first[i + 1]] of formula i. */
struct split {
    struct bm_piece *rows;
    size_t *first;
    size_t groupings; /* of all together; 0: too many, or nothing to split */
};

static struct split split_of(struct bm_mem *mem, const struct bm_piece *pieces, size_t n)
{
    struct split s = {BM_ARRAY(mem, n * MAX_GROUPED_ROWS, struct bm_piece), BM_ARRAY(mem, n + 1, size_t), 1};
    bool any = false;
    for (size_t i = 0; i < n && !mem->failed; i++) {
        struct bm_piece *rows;
        const size_t k = bm_split_pieces(mem, BM_V1_6, &pieces[i], 1, &rows);
        const bool whole = k <= 1 || k > MAX_GROUPED_ROWS;
        memcpy(s.rows + s.first[i], whole ? &pieces[i] : rows, (whole ? 1 : k) * sizeof *rows);
        s.first[i + 1] = s.first[i] + (whole ? 1 : k);
        any = any || !whole;
        if (!whole)
            s.groupings <<= k - 1;
        if (s.groupings > MAX_GROUPINGS) {
            s.groupings = 0;
            return s;
        }
    }
    if (!any || mem->failed)
        s.groupings = 0;
    return s;
}

/* The best assignment for every grouping of rows. Groupings are counted through, the last formula's fastest. */
static void offer_groupings(struct chooser *ch, const struct bm_piece *pieces, size_t n, size_t rewritten)
{
    const struct split s = split_of(ch->mem, pieces, n);
    for (size_t number = 0; number < s.groupings && !ch->mem->failed; number++) {
        struct bm_piece *some = BM_ARRAY(ch->mem, s.first[n], struct bm_piece);
        size_t k = 0, left = s.groupings, rest = number;
        for (size_t i = 0; some && i < n; i++) {
            const size_t rows = s.first[i + 1] - s.first[i];
            left >>= rows - 1;
            const size_t cuts = rest / left;
            rest %= left;
            for (size_t from = 0, at = 0; at < rows; at++)
                if (at + 1 == rows || (cuts >> at & 1)) {
                    some[k++] = joined(ch->mem, s.rows + s.first[i] + from, at + 1 - from);
                    from = at + 1;
                }
        }
        if (!some)
            return;
        qsort(some, k, sizeof *some, by_range);
        const struct bm16_sides sides = sides_of(ch, some, k);
        offer(ch, bm16_align_pairs(ch->mem, &sides), some, k, n, rewritten);
    }
}

static void offer_split(struct chooser *ch, const struct bm_piece *pieces, size_t n, size_t rewritten)
{
    struct bm_piece *rows;
    struct bm_rows aligned;
    const size_t k = bm_split_pieces(ch->mem, BM_V1_6, pieces, n, &rows);
    offer_groupings(ch, pieces, n, rewritten);
    if (k <= n)
        return;
    const struct bm16_sides sides = sides_of(ch, rows, k);
    for (int gaps = 0; gaps < 2; gaps++)
        if (bm16_align_in_order(ch->mem, &sides, gaps, &aligned))
            offer(ch, aligned, rows, k, n, rewritten);
}

/* Formulas and texts that look like some, each once, by range; found: their number. */
static struct bm_piece *pool_of(struct bm_mem *mem, const struct bm_pieces *pieces, size_t *n)
{
    struct bm_piece *pool = BM_ARRAY(mem, pieces->n, struct bm_piece);
    *n = 0;
    for (int rescue = 0; pool && rescue < 2; rescue++)
        for (size_t i = 0; i < pieces->n; i++) {
            struct bm_piece p = pieces->at[i];
            bool known = p.kind != (rescue ? BM_RESCUE : BM_EQUATION);
            p.kind = BM_EQUATION;
            for (size_t k = 0; k < *n && !known; k++)
                known = pool[k].start == p.start && pool[k].end == p.end && pool[k].fine == p.fine &&
                        bm_equal(pool[k].content, p.content);
            p.found = *n;
            if (!known)
                pool[(*n)++] = p;
        }
    if (pool && *n)
        qsort(pool, *n, sizeof *pool, by_range);
    for (size_t i = 0; pool && i < *n; i++)
        pool[i].found = i;
    return pool;
}

struct bm_rows bm16_match_formulas(struct bm_mem *mem, struct bm_truth *truths, size_t n,
                                   const struct bm_pieces *pieces, const struct bm_rows *current)
{
    struct chooser ch = {.mem = mem, .truths = truths, .n_truths = n};
    size_t n_pool, rewritten = 0;
    struct bm_piece *pool = pool_of(mem, pieces, &n_pool);
    if (n == 0 || !pool)
        return (struct bm_rows){0};
    const struct bm16_sides sides = sides_of(&ch, pool, n_pool);
    if (is_complete(current, sides.n_truths))
        offer(&ch, *current, pool, n_pool, n_pool, 0);
    offer_whole(&ch, pool, n_pool, 0);
    offer_split(&ch, pool, n_pool, 0);
    struct bm_piece *logic = copy_of(mem, pool, n_pool);
    for (size_t i = 0; logic && i < n_pool; i++) {
        bool changed;
        logic[i].content = bm16_logic_braces(mem, logic[i].content, &changed);
        rewritten += changed;
    }
    if (rewritten && logic) {
        offer_whole(&ch, logic, n_pool, rewritten);
        offer_split(&ch, logic, n_pool, rewritten);
    }
    return ch.best.rows;
}
