/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the protocol over one page: cut the Markdown, match tables, match texts and formulas, measure the rows. */
#include "service/bench/omnidocbench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "service/bench/distance.h"
#include "service/bench/latex_text.h"
#include "service/bench/match_private.h"
#include "service/bench/odb_private.h"
#include "service/bench/teds.h"

#define KEPT_BYTES ((size_t)1 << 30)
#define PAGE_BYTES ((size_t)3 << 30) /* a dense newspaper with 300 blocks takes about 300 MB */
#define SCRATCH_BYTES ((size_t)256 << 20)

const char *bm_element_name(enum bm_element element)
{
    static const char *const names[] = {"text_block", "display_formula", "table", "reading_order"};
    return names[element];
}

const char *bm_measure_name(enum bm_measure measure)
{
    static const char *const names[] = {"Edit_dist", "TEDS", "TEDS_structure_only"};
    return names[measure];
}

enum b_code bm_odb_open(const char *truth_path, enum bm_version version, struct bm_odb **out, struct b_err *err)
{
    json_error_t why;
    struct bm_odb *odb = calloc(1, sizeof *odb);
    *out = NULL;
    if (!odb)
        return b_fail(err, B_NO_MEMORY, "bench", "no memory for the evaluation");
    odb->version = version;
    odb->truth = json_load_file(truth_path, 0, &why);
    odb->kept = b_arena_new(KEPT_BYTES);
    odb->page_arena = b_arena_new(PAGE_BYTES);
    odb->scratch = b_arena_new(SCRATCH_BYTES);
    odb->results = (struct bm_mem){odb->kept, odb->scratch, false};
    odb->work = (struct bm_mem){odb->page_arena, odb->scratch, false};
    enum b_code code = B_OK;
    if (!odb->kept || !odb->page_arena || !odb->scratch) {
        code = b_fail(err, B_NO_MEMORY, "bench", "no memory for the evaluation");
    } else if (!json_is_array(odb->truth)) {
        code = b_fail(err, B_FORMAT, "bench", "%s is no annotation file: %s", truth_path,
                      odb->truth ? "not an array of pages" : why.text);
    } else {
        odb->n_pages = json_array_size(odb->truth);
        odb->pages = BM_ARRAY(&odb->results, odb->n_pages, struct bm_page_score);
        code = bm_check(&odb->results, err);
    }
    if (code != B_OK) {
        bm_odb_close(odb);
        return code;
    }
    for (size_t i = 0; i < odb->n_pages; i++)
        odb->pages[i] = (struct bm_page_score){NAN, NAN, NAN, NAN, NAN, false};
    *out = odb;
    return B_OK;
}

void bm_odb_close(struct bm_odb *odb)
{
    if (!odb)
        return;
    json_decref(odb->truth);
    b_arena_drop(odb->kept);
    b_arena_drop(odb->page_arena);
    b_arena_drop(odb->scratch);
    free(odb);
}

size_t bm_odb_pages(const struct bm_odb *odb)
{
    return odb->n_pages;
}

const char *bm_odb_image(const struct bm_odb *odb, size_t page)
{
    const json_t *info = json_object_get(json_array_get(odb->truth, page), "page_info");
    const char *path = json_string_value(json_object_get(info, "image_path"));
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path ? path : "";
}

const struct bm_page_score *bm_odb_page(const struct bm_odb *odb, size_t page)
{
    return &odb->pages[page];
}

static void add_sample(struct bm_odb *odb, const struct bm_sample *sample)
{
    if (odb->n_samples == odb->cap_samples) {
        size_t cap = odb->cap_samples;
        struct bm_sample *bigger;
        if (cap == 0) {
            cap = 256;
            bigger = BM_ARRAY(&odb->results, cap, struct bm_sample);
        } else {
            bigger = b_arena_grow(odb->kept, odb->samples, odb->n_samples, &cap, sizeof *bigger);
        }
        if (!bigger) {
            odb->results.failed = true;
            return;
        }
        odb->samples = bigger;
        odb->cap_samples = cap;
    }
    odb->samples[odb->n_samples++] = *sample;
}

static void keep_attributes(struct bm_odb *odb, struct bm_sample *sample, struct bm_truth *const *truths, size_t n)
{
    sample->attributes = BM_ARRAY(&odb->results, n, const json_t *);
    for (size_t i = 0; sample->attributes && i < n; i++)
        sample->attributes[sample->n_attributes++] = truths[i]->attribute;
}

/* Normalised strings, or the raw ones where nothing was left of them. */
static void measure_edit(struct bm_mem *mem, const struct bm_row *row, struct bm_sample *sample)
{
    struct bm_str truth = row->norm_truth.n ? row->norm_truth : row->truth;
    struct bm_str pred = row->norm_pred.n ? row->norm_pred : row->pred;
    sample->longest = (double)(truth.n > pred.n ? truth.n : pred.n);
    sample->edits = (double)bm_levenshtein(mem, pred, truth);
}

void bm_add_row(struct bm_odb *odb, size_t page, enum bm_element element, const struct bm_row *row)
{
    struct bm_sample sample = {.element = element, .page = page, .teds = NAN, .teds_s = NAN};
    measure_edit(&odb->work, row, &sample);
    if (element == BM_E_TABLE) {
        struct bm_str truth = row->norm_truth.n ? row->norm_truth : row->truth;
        struct bm_str pred = row->norm_pred.n ? row->norm_pred : row->pred;
        sample.teds = bm_teds(&odb->work, pred, truth, false);
        sample.teds_s = bm_teds(&odb->work, pred, truth, true);
    }
    keep_attributes(odb, &sample, row->truths, row->n_truths);
    add_sample(odb, &sample);
}

/* --- tables --- */

static void add_table_row(struct bm_odb *odb, size_t page, struct bm_truth *truth, struct bm_str pred)
{
    struct bm_truth *list[1] = {truth};
    struct bm_row row = {.category = "table", .truths = list, .n_truths = 1, .truth = truth->content, .pred = pred};
    row.norm_truth = bm_norm_table(&odb->work, truth->content, odb->version);
    row.norm_pred = bm_norm_table(&odb->work, pred, odb->version);
    bm_add_row(odb, page, BM_E_TABLE, &row);
}

/* Text of a table that no table of the truth claimed joins the other text (from version 1.5 on). */
static void explode(struct bm_mem *mem, const struct bm_piece *table, struct bm_pieces *texts)
{
    struct bm_str *cells;
    size_t n = bm_cell_texts(mem, table->content, &cells);
    for (size_t i = 0; i < n; i++) {
        struct bm_piece piece = *table;
        piece.kind = BM_TEXT;
        piece.content = cells[i];
        bm_add_piece(mem, texts, &piece);
    }
}

static void match_tables(struct bm_odb *odb, size_t page, struct bm_page_truth *truth, const struct bm_pieces *all,
                         struct bm_pieces *texts)
{
    struct bm_mem *mem = &odb->work;
    struct bm_str *html = BM_ARRAY(mem, all->n, struct bm_str), *truths = BM_ARRAY(mem, truth->n_tables, struct bm_str);
    size_t *piece = BM_ARRAY(mem, all->n, size_t), *of = BM_ARRAY(mem, truth->n_tables, size_t);
    size_t *row = BM_ARRAY(mem, truth->n_tables, size_t), *col = BM_ARRAY(mem, truth->n_tables, size_t);
    bool *used = BM_ARRAY(mem, all->n, bool);
    size_t n_html = 0, n_latex = 0, n = 0;
    if (mem->failed || truth->n_tables == 0)
        return;
    for (size_t i = 0; i < all->n; i++) {
        n_latex += all->at[i].kind == BM_LATEX_TABLE;
        if (all->at[i].kind != BM_HTML_TABLE || all->at[i].content.n == 0)
            continue;
        html[n_html] = all->at[i].content;
        piece[n_html++] = i;
    }
    for (size_t t = 0; t < truth->n_tables; t++)
        if (truth->tables[t].content.n) {
            truths[n] = truth->tables[t].content;
            of[n++] = t;
        }
    size_t pairs = 0;
    if (n_latex <= n_html && n_html) /* tables in LaTeX count nothing in these versions */
        pairs = bm_assign(mem, bm_cost_matrix(mem, truths, n, html, n_html), n, n_html, row, col);
    for (size_t t = 0, next = 0; t < n; t++) {
        bool paired = next < pairs && row[next] == t;
        struct bm_str pred = paired ? html[col[next]] : (struct bm_str){NULL, 0};
        if (paired)
            used[col[next++]] = true;
        add_table_row(odb, page, &truth->tables[of[t]], pred);
    }
    for (size_t k = 0; odb->version != BM_V1_0 && n_latex <= n_html && k < n_html; k++)
        if (!used[k])
            explode(mem, &all->at[piece[k]], texts);
}

/* --- texts, formulas, order --- */

struct numbers {
    uint32_t *at;
    size_t n;
};

struct placed {
    size_t start, index;
    const struct bm_row *row;
};

static int by_place(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* Orders as whole thousandths, so that sequences compare like strings. */
static void put_orders(const struct bm_row *row, struct numbers *out)
{
    for (size_t i = 0; i < row->n_truths; i++) {
        double order = row->truths[i]->order;
        if (order > 0 && order < 1e6)
            out->at[out->n++] = (uint32_t)lround(order * 1000);
    }
}

void bm_measure_order(struct bm_odb *odb, size_t page, const struct bm_row *rows, size_t n)
{
    struct bm_mem *mem = &odb->work;
    size_t room = 0, n_placed = 0;
    for (size_t i = 0; i < n; i++)
        room += rows[i].n_truths;
    struct numbers truth = {BM_ARRAY(mem, room, uint32_t), 0}, pred = {BM_ARRAY(mem, room, uint32_t), 0};
    struct placed *placed = BM_ARRAY(mem, n, struct placed);
    if (mem->failed)
        return;
    for (size_t i = 0; i < n; i++) {
        put_orders(&rows[i], &truth);
        if (rows[i].placed && rows[i].n_truths) {
            placed[n_placed] = (struct placed){rows[i].start, i, &rows[i]};
            n_placed++;
        }
    }
    if (n_placed)
        qsort(placed, n_placed, sizeof *placed, by_place);
    for (size_t i = 0; i < n_placed; i++)
        put_orders(placed[i].row, &pred);
    if (truth.n == 0)
        return;
    qsort(truth.at, truth.n, sizeof *truth.at, by_number);
    struct bm_sample sample = {.element = BM_E_ORDER, .page = page, .teds = NAN, .teds_s = NAN};
    struct bm_str a = {truth.at, truth.n}, b = {pred.at, pred.n};
    sample.longest = (double)(a.n > b.n ? a.n : b.n);
    sample.edits = (double)bm_levenshtein(mem, a, b);
    add_sample(odb, &sample);
}

/* A formula of the truth that was found as plain text counts as text. */
static bool moves_to_text(struct bm_odb *odb, struct bm_row *row)
{
    struct bm_str plain;
    if (odb->version == BM_V1_0 || !row->piece || row->piece->kind == BM_EQUATION)
        return false;
    if (bm_latex_text(&odb->work, row->truth, &plain))
        row->truth = plain;
    row->norm_truth = bm_only_words(&odb->work, row->truth);
    return true;
}

static void route_rows(struct bm_odb *odb, size_t page, struct bm_rows rows)
{
    struct bm_row *ordered = BM_ARRAY(&odb->work, rows.n, struct bm_row);
    size_t n = 0;
    for (size_t i = 0; ordered && i < rows.n; i++) {
        struct bm_row *row = &rows.at[i];
        bool formula = strcmp(row->category, "equation_isolated") == 0;
        bool nothing = row->n_truths == 0 && odb->version != BM_V1_0;
        if (nothing || bm_is_ignored(row->category))
            continue;
        if (formula) {
            bm_add_row(odb, page, moves_to_text(odb, row) ? BM_E_TEXT : BM_E_FORMULA, row);
            continue;
        }
        bm_add_row(odb, page, BM_E_TEXT, row);
        ordered[n++] = *row;
    }
    bm_measure_order(odb, page, ordered, n);
}

static struct bm_pieces of_kind(struct bm_mem *mem, const struct bm_pieces *all, enum bm_piece_kind kind)
{
    struct bm_pieces out = {0};
    for (size_t i = 0; i < all->n; i++)
        if (all->at[i].kind == kind)
            bm_add_piece(mem, &out, &all->at[i]);
    return out;
}

static void match_apart(struct bm_odb *odb, size_t page, struct bm_page_truth *truth, const struct bm_pieces *all)
{
    struct bm_mem *mem = &odb->work;
    for (int formulas = 0; formulas < 2; formulas++) {
        struct bm_pieces pieces = of_kind(mem, all, formulas ? BM_EQUATION : BM_TEXT);
        struct bm_truth *some = BM_ARRAY(mem, truth->n_texts, struct bm_truth);
        size_t n = 0, kept = 0;
        for (size_t i = 0; some && i < truth->n_texts; i++)
            if (truth->texts[i].formula == (formulas != 0))
                some[n++] = truth->texts[i];
        if (n == 0)
            continue;
        struct bm_rows rows = bm_quick_match(mem, odb->version, some, n, pieces.at, pieces.n, true);
        for (size_t i = 0; i < rows.n; i++)
            if (!formulas || rows.at[i].n_truths)
                rows.at[kept++] = rows.at[i];
        rows.n = kept;
        if (!formulas)
            route_rows(odb, page, rows);
        for (size_t i = 0; formulas && i < rows.n; i++)
            bm_add_row(odb, page, BM_E_FORMULA, &rows.at[i]);
    }
}

struct bm_pieces bm_mixed_pieces(struct bm_mem *mem, const struct bm_pieces *all)
{
    struct bm_pieces texts = of_kind(mem, all, BM_TEXT), equations = of_kind(mem, all, BM_EQUATION);
    bool text_first = true;
    for (size_t i = 0; i < all->n; i++)
        if (all->at[i].kind == BM_TEXT || all->at[i].kind == BM_EQUATION) {
            text_first = all->at[i].kind == BM_TEXT;
            break;
        }
    struct bm_pieces *first = text_first ? &texts : &equations, *second = text_first ? &equations : &texts;
    for (size_t i = 0; i < second->n; i++)
        bm_add_piece(mem, first, &second->at[i]);
    return *first;
}

static double page_mean(const struct bm_odb *odb, size_t first, enum bm_element element, enum bm_measure measure)
{
    double sum = 0, weight = 0;
    for (size_t i = first; i < odb->n_samples; i++) {
        const struct bm_sample *s = &odb->samples[i];
        if (s->element != element)
            continue;
        sum += measure == BM_M_EDIT ? s->edits : measure == BM_M_TEDS ? s->teds : s->teds_s;
        weight += measure == BM_M_EDIT ? s->longest : 1;
    }
    return weight > 0 ? sum / weight : NAN;
}

enum b_code bm_odb_score(struct bm_odb *odb, size_t page, const char *markdown, size_t len, struct b_err *err)
{
    if (!markdown && odb->version != BM_V1_6)
        return B_OK; /* the page is left out; from 1.6 on it counts as empty */
    b_arena_reset(odb->page_arena);
    struct bm_mem *mem = &odb->work;
    struct bm_page_truth truth;
    size_t first = odb->n_samples;
    bm_read_page_truth(mem, json_array_get(odb->truth, page), odb->version, &truth);
    struct bm_pieces all = bm_md_filter(mem, bm_decode(mem, markdown ? markdown : "", len), odb->version);
    if (odb->version == BM_V1_6) {
        bm16_score_page(odb, page, &truth, &all);
    } else if (odb->version == BM_V1_0) {
        match_tables(odb, page, &truth, &all, NULL);
        match_apart(odb, page, &truth, &all);
    } else {
        struct bm_pieces texts = bm_mixed_pieces(mem, &all);
        match_tables(odb, page, &truth, &all, &texts);
        route_rows(odb, page, bm_quick_match(mem, odb->version, truth.texts, truth.n_texts, texts.at, texts.n, true));
    }
    odb->pages[page] = (struct bm_page_score){
        page_mean(odb, first, BM_E_TEXT, BM_M_EDIT),  page_mean(odb, first, BM_E_FORMULA, BM_M_EDIT),
        page_mean(odb, first, BM_E_TABLE, BM_M_TEDS), page_mean(odb, first, BM_E_TABLE, BM_M_TEDS_S),
        page_mean(odb, first, BM_E_ORDER, BM_M_EDIT), markdown != NULL};
    enum b_code code = bm_check(mem, err);
    mem->failed = false;
    return code != B_OK ? code : bm_check(&odb->results, err);
}

enum b_code bm_odb_figures(struct bm_odb *odb, const struct bm_figure **out, size_t *n, struct b_err *err)
{
    enum b_code code = bm_compute_figures(odb, err);
    *out = odb->figures;
    *n = code == B_OK ? odb->n_figures : 0;
    return code;
}

double bm_odb_main(const struct bm_odb *odb, enum bm_element element, enum bm_measure measure)
{
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < odb->n_pages; i++) {
        const struct bm_page_score *p = &odb->pages[i];
        double value = element == BM_E_TEXT      ? p->text
                       : element == BM_E_FORMULA ? p->formula
                       : element == BM_E_ORDER   ? p->order
                       : measure == BM_M_TEDS    ? p->teds
                                                 : p->teds_s;
        if (!isnan(value)) {
            sum += value;
            n++;
        }
    }
    return n ? sum / (double)n : NAN;
}
