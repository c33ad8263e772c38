/* SPDX-License-Identifier: Apache-2.0 */
/* quick_match around the matching proper: formulas of several rows are split, strings normalised, ignored
 * blocks answered first, and the links turned into rows. From version 1.5 on, positions and attributes are
 * looked up in lists that still hold the empty items while the numbers do not count them; so they are here. */
#include "service/bench/quick_match.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "service/bench/match_private.h"
#include "service/bench/rows_v16.h"

#define IGNORED_NEAR 0.25

struct side {
    struct bm_str *raw, *norm;
    size_t *item; /* number among the kept ones, which is where attributes are looked up */
    size_t n;
};

bool bm_is_ignored(const char *category)
{
    static const char *const names[] = {"figure_caption", "figure_footnote", "table_caption",
                                        "table_footnote", "code_algorithm",  "code_algorithm_caption",
                                        "header",         "footer",          "page_footnote",
                                        "page_number",    "equation_caption"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(category, names[i]) == 0)
            return true;
    return false;
}

/* --- formulas of several rows --- */

static bool is_single_column(struct bm_str spec)
{
    uint32_t only = 0;
    for (size_t i = 0; i < spec.n; i++) {
        if (bm_is_space(spec.cp[i]) || spec.cp[i] == '|')
            continue;
        if (only)
            return false;
        only = spec.cp[i];
    }
    return only == 'l' || only == 'c' || only == 'r';
}

/* The body of the first array environment of one column; false when there is none. */
static bool array_body(struct bm_str text, size_t *from, size_t *to)
{
    static const char begin[] = "\\begin{array}{";
    for (size_t i = bm_find(text, 0, begin); i != BM_NONE; i = bm_find(text, i + 1, begin)) {
        size_t spec = i + sizeof begin - 1, close = bm_find_cp(text, spec, '}');
        size_t end = close == BM_NONE ? BM_NONE : bm_find(text, close + 1, "\\end{array}");
        if (end == BM_NONE)
            continue;
        *from = close + 1;
        *to = end;
        return is_single_column(bm_slice(text, spec, close));
    }
    return false;
}

/* The next row of a body: stripped, never empty. */
static bool next_array_row(struct bm_str body, size_t *at, struct bm_str *row)
{
    while (*at <= body.n) {
        size_t end = bm_find(body, *at, "\\\\");
        *row = bm_strip(bm_slice(body, *at, end == BM_NONE ? body.n : end));
        *at = end == BM_NONE ? body.n + 1 : end + 2;
        if (row->n)
            return true;
    }
    return false;
}

/* Rows of an array of one column with their places, as versions before 1.6 take them. False: the formula stays. */
static bool array_rows(struct bm_mem *mem, struct bm_str formula, struct bm16_row **out, size_t *n)
{
    size_t from, to, at = 0, search = 0;
    struct bm_str row;
    *n = 0;
    if (!array_body(formula, &from, &to))
        return false;
    const struct bm_str body = bm_slice(formula, from, to);
    *out = BM_ARRAY(mem, body.n / 3 + 1, struct bm16_row);
    while (*out && next_array_row(body, &at, &row)) {
        size_t found = bm_find_str(body, search, row);
        found = found == BM_NONE ? search : found;
        search = found + row.n;
        (*out)[(*n)++] = (struct bm16_row){row, from + found, from + search - 1};
    }
    return true;
}

static bool rows_of(struct bm_mem *mem, enum bm_version version, struct bm_str formula, struct bm16_row **out,
                    size_t *n)
{
    if (version != BM_V1_6)
        return array_rows(mem, formula, out, n);
    *n = bm16_split_rows(mem, formula, out);
    return *n > 0;
}

static struct bm_str wrapped(struct bm_mem *mem, struct bm_str row)
{
    struct bm_out out = bm_out_on(mem);
    bm_puts(&out, "\\[");
    bm_put(&out, row);
    bm_puts(&out, "\\]");
    return bm_taken(&out);
}

size_t bm_split_truths(struct bm_mem *mem, enum bm_version version, const struct bm_truth *in, size_t n,
                       struct bm_truth **out)
{
    size_t room = n, k = 0, parts;
    for (size_t i = 0; i < n; i++)
        room += in[i].formula ? in[i].content.n / 3 : 0;
    *out = BM_ARRAY(mem, room, struct bm_truth);
    for (size_t i = 0; *out && i < n; i++) {
        struct bm16_row *rows;
        if (!in[i].formula || !rows_of(mem, version, in[i].content, &rows, &parts)) {
            (*out)[k++] = in[i];
            continue;
        }
        for (size_t part = 1; part <= parts; part++) {
            (*out)[k] = in[i];
            (*out)[k].content = wrapped(mem, rows[part - 1].content);
            (*out)[k++].order = version == BM_V1_6 ? in[i].order + (double)part / 1000
                                                   : round((in[i].order + (double)part / 10) * 10) / 10;
        }
    }
    return *out ? k : 0;
}

size_t bm_split_pieces(struct bm_mem *mem, enum bm_version version, const struct bm_piece *in, size_t n,
                       struct bm_piece **out)
{
    size_t room = n, k = 0, parts;
    for (size_t i = 0; i < n; i++)
        room += in[i].kind == BM_EQUATION ? in[i].content.n / 3 : 0;
    *out = BM_ARRAY(mem, room, struct bm_piece);
    for (size_t i = 0; *out && i < n; i++) {
        struct bm16_row *rows;
        if (in[i].kind != BM_EQUATION || !rows_of(mem, version, in[i].content, &rows, &parts)) {
            (*out)[k++] = in[i];
            continue;
        }
        for (size_t part = 0; part < parts; part++) {
            (*out)[k] = in[i];
            (*out)[k].content = wrapped(mem, rows[part].content);
            (*out)[k].start = in[i].start + rows[part].start;
            (*out)[k++].end = in[i].start + rows[part].end;
        }
    }
    return *out ? k : 0;
}

int bm_inline_last(const void *a, const void *b)
{
    const struct bm_piece *x = a, *y = b;
    bool xi = x->fine == BM_FINE_INLINE, yi = y->fine == BM_FINE_INLINE;
    if (xi != yi)
        return xi ? 1 : -1;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return x->found < y->found ? -1 : x->found > y->found;
}

bool bm_is_formula(const struct bm_piece *piece)
{
    return piece->kind == BM_EQUATION && (piece->fine == BM_FINE_NONE || piece->fine == BM_FINE_INLINE);
}

/* --- normalised lists without empty strings --- */

static void keep(struct side *side, struct bm_str raw, struct bm_str norm)
{
    if (raw.n == 0 || norm.n == 0)
        return;
    side->raw[side->n] = raw;
    side->norm[side->n] = norm;
    side->item[side->n] = side->n;
    side->n++;
}

static struct side new_side(struct bm_mem *mem, size_t n)
{
    struct side side = {BM_ARRAY(mem, n, struct bm_str), BM_ARRAY(mem, n, struct bm_str), BM_ARRAY(mem, n, size_t), 0};
    return side;
}

static struct side truth_side(struct bm_mem *mem, enum bm_version version, const struct bm_truth *t, size_t n,
                              const char **category)
{
    struct side side = new_side(mem, n);
    for (size_t i = 0; i < n && !mem->failed; i++) {
        size_t before = side.n;
        keep(&side, t[i].content,
             t[i].formula ? bm_norm_formula(mem, t[i].content, version) : bm_norm_text(mem, t[i].content, version));
        if (side.n > before)
            category[before] = t[i].category;
    }
    return side;
}

static struct side piece_side(struct bm_mem *mem, enum bm_version version, const struct bm_piece *p, size_t n)
{
    struct side side = new_side(mem, n);
    for (size_t i = 0; i < n && !mem->failed; i++) {
        struct bm_str norm = p[i].kind == BM_TEXT       ? bm_norm_text(mem, p[i].content, version)
                             : p[i].kind == BM_EQUATION ? bm_norm_formula(mem, p[i].content, version)
                                                        : p[i].content;
        keep(&side, p[i].content, norm);
    }
    return side;
}

static void thin(struct side *side, const bool *gone, const char **category)
{
    size_t n = 0;
    for (size_t i = 0; i < side->n; i++) {
        if (gone[i])
            continue;
        side->raw[n] = side->raw[i];
        side->norm[n] = side->norm[i];
        side->item[n] = side->item[i];
        if (category)
            category[n] = category[i];
        n++;
    }
    side->n = n;
}

/* Takes ignored truths out, and with them every prediction that is near to one. */
static void answer_ignored(struct bm_mem *mem, struct side *truths, const char **category, struct side *preds,
                           struct bm_rows *rows)
{
    bool *gone_t = BM_ARRAY(mem, truths->n, bool), *gone_p = BM_ARRAY(mem, preds->n, bool);
    if (mem->failed)
        return;
    for (size_t i = 0; i < truths->n; i++) {
        if (!bm_is_ignored(category[i]))
            continue;
        gone_t[i] = true;
        for (size_t j = 0; j < preds->n; j++)
            gone_p[j] = gone_p[j] || bm_ned(mem, truths->norm[i], preds->norm[j]) < IGNORED_NEAR;
    }
    size_t *answers = BM_ARRAY(mem, preds->n, size_t);
    for (size_t j = 0; answers && j < preds->n; j++)
        if (gone_p[j])
            answers[rows->n_ignored++] = preds->item[j];
    rows->ignored = answers;
    thin(truths, gone_t, category);
    thin(preds, gone_p, NULL);
}

/* --- rows --- */

struct maker {
    struct bm_mem *mem;
    enum bm_version version;
    struct side truths, preds;
    const char **category;
    struct bm_truth *items;
    struct bm_piece *pieces;
};

/* The most frequent category, the first one met on a tie; ignored ones only when there is nothing else. */
static const char *main_category(const struct maker *m, const struct bm_link *link)
{
    const char *best = "";
    size_t most = 0;
    for (int pass = 0; pass < 2 && most == 0; pass++)
        for (size_t i = 0; i < link->n_truths; i++) {
            const char *name = m->category[link->truths[i]];
            size_t count = 0;
            if (pass == 0 && bm_is_ignored(name))
                continue;
            for (size_t k = 0; k < link->n_truths; k++)
                count += strcmp(m->category[link->truths[k]], name) == 0;
            if (count > most) {
                most = count;
                best = name;
            }
        }
    return best;
}

/* Several formulas become the rows of an array. */
static struct bm_str as_array(struct maker *m, const struct bm_link *link)
{
    struct bm_out out = bm_out_on(m->mem);
    bm_puts(&out, "\\begin{array}{l} ");
    for (size_t i = 0; i < link->n_truths; i++) {
        const struct bm_str raw = m->truths.raw[link->truths[i]];
        bm_puts(&out, i ? " \\\\ {" : "{");
        bm_put(&out, m->version == BM_V1_6 ? bm16_strip_delimiters(raw) : bm_strip_cp(bm_strip_cp(raw, '$'), '\n'));
        bm_putc(&out, '}');
    }
    bm_puts(&out, " \\end{array}");
    return bm_taken(&out);
}

static void fill_truth(struct maker *m, const struct bm_link *link, struct bm_row *row)
{
    struct bm_out raw = bm_out_on(m->mem), norm = bm_out_on(m->mem);
    struct bm_truth **list = BM_ARRAY(m->mem, link->n_truths, struct bm_truth *);
    row->category = main_category(m, link);
    for (size_t i = 0; list && i < link->n_truths; i++) {
        size_t t = link->truths[i];
        list[i] = &m->items[m->truths.item[t]];
        bm_put(&raw, m->truths.raw[t]);
        bm_put(&norm, m->truths.norm[t]);
    }
    row->truths = list;
    row->n_truths = list ? link->n_truths : 0;
    row->truth = bm_taken(&raw);
    row->norm_truth = bm_taken(&norm);
    if (m->version != BM_V1_0 && link->n_truths > 1 && strcmp(row->category, "equation_isolated") == 0)
        row->truth = as_array(m, link);
}

static void fill_pred(struct maker *m, const struct bm_link *link, struct bm_row *row)
{
    struct bm_out raw = bm_out_on(m->mem), norm = bm_out_on(m->mem);
    size_t n = link->list ? link->n_list : link->to - link->from;
    struct bm_str *parts = BM_ARRAY(m->mem, n, struct bm_str);
    size_t *numbers = BM_ARRAY(m->mem, n, size_t);
    for (size_t k = 0; parts && numbers && k < n; k++) {
        size_t j = link->list ? link->list[k] : link->from + k;
        if (k == 0)
            row->piece = &m->pieces[m->preds.item[j]];
        parts[k] = m->preds.raw[j];
        numbers[k] = m->preds.item[j];
        bm_put(&raw, m->preds.raw[j]);
        bm_put(&norm, m->preds.norm[j]);
    }
    row->pred = bm_taken(&raw);
    row->norm_pred = bm_taken(&norm);
    row->preds = numbers;
    row->n_preds = numbers ? n : 0;
    row->placed = row->piece != NULL;
    row->start = row->piece ? row->piece->start : 0;
    if (m->version == BM_V1_6 && n > 1 && parts && (bm_is_formula(row->piece) || row->piece->fine == BM_FINE_CAPTION))
        row->pred = bm16_as_array(m->mem, parts, n, false);
}

/* With one side empty there is nothing to match: every item is a row of its own. */
static struct bm_links one_sided(struct bm_mem *mem, const struct maker *m)
{
    size_t n = m->truths.n ? m->truths.n : m->preds.n;
    struct bm_links links = {BM_ARRAY(mem, n, struct bm_link), 0};
    for (size_t i = 0; links.at && i < n; i++) {
        struct bm_link *link = &links.at[links.n++];
        link->edit = 1;
        if (m->truths.n) {
            link->truths = BM_ARRAY(mem, 1, size_t);
            if (link->truths)
                link->truths[link->n_truths++] = i;
        } else {
            link->from = i;
            link->to = i + 1;
        }
    }
    return links;
}

static struct bm_links one_pair(struct bm_mem *mem, const struct maker *m)
{
    struct bm_links links = {BM_ARRAY(mem, 1, struct bm_link), 0};
    if (links.at && (links.at[0].truths = BM_ARRAY(mem, 1, size_t))) {
        links.at[0].to = 1;
        links.at[0].edit = bm_ned(mem, m->truths.norm[0], m->preds.norm[0]);
        links.at[0].n_truths = 1;
        links.n = 1;
    }
    return links;
}

/* Sorts the pieces and takes formulas of several rows apart. */
static void split_items(struct maker *m, size_t *n_truths, size_t *n_pieces, bool split_pieces)
{
    for (size_t i = 0; i < *n_pieces; i++)
        m->pieces[i].found = i;
    if (*n_pieces)
        qsort(m->pieces, *n_pieces, sizeof *m->pieces, bm_inline_last);
    *n_truths = bm_split_truths(m->mem, m->version, m->items, *n_truths, &m->items);
    if (split_pieces)
        *n_pieces = bm_split_pieces(m->mem, m->version, m->pieces, *n_pieces, &m->pieces);
}

static struct bm_links match_items(struct maker *m, struct bm_rows *rows)
{
    bool *whole = NULL;
    if (m->truths.n == 0 || m->preds.n == 0)
        return one_sided(m->mem, m);
    if (m->truths.n == 1 && m->preds.n == 1)
        return one_pair(m->mem, m);
    if (m->version != BM_V1_0)
        answer_ignored(m->mem, &m->truths, m->category, &m->preds, rows);
    if (m->version == BM_V1_6)
        whole = BM_ARRAY(m->mem, m->truths.n, bool);
    for (size_t i = 0; whole && i < m->truths.n; i++)
        whole[i] = strcmp(m->category[i], "equation_isolated") == 0;
    return bm_match(m->mem, m->truths.norm, m->truths.n, m->preds.norm, m->preds.n, m->version == BM_V1_0, whole);
}

struct bm_rows bm_quick_match(struct bm_mem *mem, enum bm_version version, struct bm_truth *truths, size_t n_truths,
                              struct bm_piece *pieces, size_t n_pieces, bool split_pieces)
{
    struct maker m = {.mem = mem, .version = version, .items = truths, .pieces = pieces};
    struct bm_rows rows = {0};
    if (version != BM_V1_0)
        split_items(&m, &n_truths, &n_pieces, split_pieces);
    m.category = BM_ARRAY(mem, n_truths, const char *);
    if (mem->failed)
        return rows;
    m.truths = truth_side(mem, version, m.items, n_truths, m.category);
    m.preds = piece_side(mem, version, m.pieces, n_pieces);
    const struct bm_links links = match_items(&m, &rows);
    rows.at = BM_ARRAY(mem, links.n, struct bm_row);
    for (size_t i = 0; rows.at && i < links.n; i++) {
        struct bm_row *row = &rows.at[rows.n++];
        row->category = "";
        row->edit = links.at[i].edit;
        if (links.at[i].n_truths)
            fill_truth(&m, &links.at[i], row);
        fill_pred(&m, &links.at[i], row);
    }
    return rows;
}
