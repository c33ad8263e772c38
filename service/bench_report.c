/* SPDX-License-Identifier: Apache-2.0 */
/* Reports of an OmniDocBench run: a table for people, JSON for scripts, HTML for eyes, and the comparison of
 * two runs. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/buf.h"
#include "engine/base/file.h"
#include "service/bench_private.h"

#define MAX_REPORT ((size_t)256 << 20)
#define WORST_PAGES 20
#define CHANGED 0.005 /* smaller changes of a page are not listed */

static const struct column {
    const char *name, *key;
    enum bm_element element;
    enum bm_measure measure;
    bool higher; /* is better */
} columns[] = {
    {"text edit", "text_edit", BM_E_TEXT, BM_M_EDIT, false},
    {"formula edit", "formula_edit", BM_E_FORMULA, BM_M_EDIT, false},
    {"TEDS", "teds", BM_E_TABLE, BM_M_TEDS, true},
    {"TEDS-S", "teds_s", BM_E_TABLE, BM_M_TEDS_S, true},
    {"order edit", "order_edit", BM_E_ORDER, BM_M_EDIT, false},
};
#define N_COLUMNS (sizeof columns / sizeof columns[0])

static double page_value(const struct bm_page_score *p, size_t column)
{
    const double values[N_COLUMNS] = {p->text, p->formula, p->teds, p->teds_s, p->order};
    return values[column];
}

static size_t count_scored(const struct bm_odb *odb)
{
    size_t n = 0;
    for (size_t i = 0; i < bm_odb_pages(odb); i++)
        n += bm_odb_page(odb, i)->has_prediction;
    return n;
}

static void print_value(double value)
{
    if (isnan(value))
        printf("  %9s", "-");
    else
        printf("  %9.4f", value);
}

void svc_bench_print(const struct svc_bench_report *r)
{
    size_t pages = bm_odb_pages(r->odb), scored = count_scored(r->odb);
    printf("OmniDocBench %s: %zu of %zu pages have a prediction\n\n%-60s", r->version, scored, pages, "page");
    for (size_t c = 0; c < N_COLUMNS; c++)
        printf("  %9.9s", columns[c].name);
    putchar('\n');
    for (size_t i = 0; i < pages && pages <= 100; i++) {
        if (!bm_odb_page(r->odb, i)->has_prediction)
            continue;
        printf("%-60.60s", bm_odb_image(r->odb, i));
        for (size_t c = 0; c < N_COLUMNS; c++)
            print_value(page_value(bm_odb_page(r->odb, i), c));
        putchar('\n');
    }
    printf("%-60s", "mean over pages");
    for (size_t c = 0; c < N_COLUMNS; c++)
        print_value(bm_odb_main(r->odb, columns[c].element, columns[c].measure));
    putchar('\n');
}

static json_t *number(double value)
{
    return isnan(value) ? json_null() : json_real(value);
}

static json_t *as_json(const struct svc_bench_report *r)
{
    json_t *root = json_object(), *overall = json_object(), *figures = json_array(), *pages = json_array();
    json_object_set_new(root, "benchmark", json_string("omnidocbench"));
    json_object_set_new(root, "version", json_string(r->version));
    json_object_set_new(root, "pages", json_integer((json_int_t)bm_odb_pages(r->odb)));
    json_object_set_new(root, "scored", json_integer((json_int_t)count_scored(r->odb)));
    for (size_t c = 0; c < N_COLUMNS; c++)
        json_object_set_new(overall, columns[c].key,
                            number(bm_odb_main(r->odb, columns[c].element, columns[c].measure)));
    json_object_set_new(root, "overall", overall);
    for (size_t i = 0; i < r->n_figures; i++) {
        const struct bm_figure *f = &r->figures[i];
        json_array_append_new(figures,
                              json_pack("{s:s, s:s, s:s, s:s, s:f, s:I}", "element", bm_element_name(f->element),
                                        "measure", bm_measure_name(f->measure), "scope", f->scope, "label", f->label,
                                        "value", f->value, "count", (json_int_t)f->count));
    }
    json_object_set_new(root, "figures", figures);
    for (size_t i = 0; i < bm_odb_pages(r->odb); i++) {
        json_t *page = json_object();
        json_object_set_new(page, "image", json_string(bm_odb_image(r->odb, i)));
        json_object_set_new(page, "prediction", json_boolean(bm_odb_page(r->odb, i)->has_prediction));
        for (size_t c = 0; c < N_COLUMNS; c++)
            json_object_set_new(page, columns[c].key, number(page_value(bm_odb_page(r->odb, i), c)));
        json_array_append_new(pages, page);
    }
    json_object_set_new(root, "per_page", pages);
    return root;
}

enum b_code svc_bench_write_json(const struct svc_bench_report *r, const char *path, struct b_err *err)
{
    json_t *root = as_json(r);
    char *text = json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(12));
    json_decref(root);
    if (!text)
        return b_fail(err, B_NO_MEMORY, "bench", "no memory for the report");
    enum b_code code = b_outfile_put(path, text, strlen(text), err);
    free(text);
    return code;
}

/* --- HTML --- */

static void put_escaped(struct b_buf *buf, const char *text)
{
    for (; *text; text++) {
        if (*text == '<')
            b_buf_puts(buf, "&lt;");
        else if (*text == '>')
            b_buf_puts(buf, "&gt;");
        else if (*text == '&')
            b_buf_puts(buf, "&amp;");
        else if (*text == '"')
            b_buf_puts(buf, "&quot;");
        else
            b_buf_putc(buf, *text);
    }
}

static void put_row(struct b_buf *buf, const char *name, const double *values)
{
    b_buf_puts(buf, "<tr><td>");
    put_escaped(buf, name);
    for (size_t c = 0; c < N_COLUMNS; c++)
        if (isnan(values[c]))
            b_buf_puts(buf, "</td><td>–");
        else
            b_buf_printf(buf, "</td><td>%.4f", values[c]);
    b_buf_puts(buf, "</td></tr>\n");
}

/* A picture by its whole path, so that the report may stand in any folder. */
static bool put_picture(struct b_buf *buf, const char *path)
{
    char *whole = realpath(path, NULL);
    if (!whole)
        return false;
    b_buf_puts(buf, "<a href=\"");
    put_escaped(buf, whole);
    b_buf_puts(buf, "\"><img alt=\"the page\" loading=\"lazy\" src=\"");
    put_escaped(buf, whole);
    b_buf_puts(buf, "\"></a>");
    free(whole);
    return true;
}

static void put_worst(struct b_buf *buf, const struct svc_bench_report *r, size_t page)
{
    char path[4096];
    size_t len = 0;
    const char *image = bm_odb_image(r->odb, page);
    const struct bm_page_score *score = bm_odb_page(r->odb, page);
    char *text = svc_bench_prediction(r->pred_dir, image, path, sizeof path) ? svc_bench_load(path, &len) : NULL;
    b_buf_puts(buf, "<h2>");
    put_escaped(buf, image);
    b_buf_puts(buf, "</h2>\n<p>");
    for (size_t c = 0; c < N_COLUMNS; c++)
        if (!isnan(page_value(score, c)))
            b_buf_printf(buf, "%s %.4f &emsp;", columns[c].name, page_value(score, c));
    b_buf_puts(buf, "</p>\n<div class=\"pair\">");
    if (!svc_bench_overlay(r->pred_dir, image, path, sizeof path) || !put_picture(buf, path))
        if (r->image_dir) {
            (void)snprintf(path, sizeof path, "%s/%s", r->image_dir, image);
            (void)put_picture(buf, path);
        }
    b_buf_puts(buf, "<pre>");
    put_escaped(buf, text ? text : "");
    b_buf_puts(buf, "</pre></div>\n");
    free(text);
}

struct ranked {
    double value;
    size_t page;
};

static int worst_first(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return x->value > y->value ? -1 : x->value < y->value;
}

static void put_pages(struct b_buf *buf, const struct svc_bench_report *r)
{
    size_t n = 0, pages = bm_odb_pages(r->odb);
    struct ranked *order = calloc(pages ? pages : 1, sizeof *order);
    if (!order)
        return;
    for (size_t i = 0; i < pages; i++) {
        const struct bm_page_score *p = bm_odb_page(r->odb, i);
        double values[N_COLUMNS];
        for (size_t c = 0; c < N_COLUMNS; c++)
            values[c] = page_value(p, c);
        if (!p->has_prediction)
            continue;
        put_row(buf, bm_odb_image(r->odb, i), values);
        if (!isnan(p->text))
            order[n++] = (struct ranked){p->text, i};
    }
    b_buf_puts(buf, "</table>\n<h1>Worst pages by text</h1>\n");
    qsort(order, n, sizeof *order, worst_first);
    for (size_t i = 0; i < n && i < WORST_PAGES; i++)
        put_worst(buf, r, order[i].page);
    free(order);
}

enum b_code svc_bench_write_html(const struct svc_bench_report *r, const char *path, struct b_err *err)
{
    struct b_buf buf;
    double values[N_COLUMNS];
    b_buf_init(&buf, MAX_REPORT);
    b_buf_puts(&buf,
               "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>OmniDocBench</title>\n<style>"
               "body{font:14px sans-serif;margin:2em}td,th{padding:.2em .8em;border-bottom:1px solid #ccc;"
               "text-align:left}.pair{display:flex;gap:1em}.pair a{width:48%;flex:none;align-self:flex-start}.pair img{width:100%}"
               ".pair pre{width:48%;white-space:pre-wrap;overflow-wrap:anywhere;font:inherit;margin:0;background:#f4f4f4;padding:1em}</style></head><body>\n");
    b_buf_printf(&buf, "<h1>OmniDocBench %s</h1>\n<p>%zu of %zu pages have a prediction.</p>\n<table><tr><th>page",
                 r->version, count_scored(r->odb), bm_odb_pages(r->odb));
    for (size_t c = 0; c < N_COLUMNS; c++) {
        b_buf_printf(&buf, "</th><th>%s", columns[c].name);
        values[c] = bm_odb_main(r->odb, columns[c].element, columns[c].measure);
    }
    b_buf_puts(&buf, "</th></tr>\n");
    put_row(&buf, "mean over pages", values);
    put_pages(&buf, r);
    b_buf_puts(&buf, "</body></html>\n");
    enum b_code code = b_buf_check(&buf, "bench", err);
    if (code == B_OK)
        code = b_outfile_put(path, buf.data, buf.len, err);
    b_buf_free(&buf);
    return code;
}

/* --- comparison --- */

static double old_value(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static void print_change(const char *name, const struct column *c, double old, double now)
{
    double gain = c->higher ? now - old : old - now;
    printf("%-60.60s  %-12s  %8.4f -> %8.4f  %s\n", name, c->name, old, now,
           gain > 0   ? "better"
           : gain < 0 ? "worse"
                      : "same");
}

enum b_code svc_bench_compare(const struct svc_bench_report *r, const char *path, struct b_err *err)
{
    json_error_t why;
    json_t *old = json_load_file(path, 0, &why);
    const json_t *overall = json_object_get(old, "overall"), *pages = json_object_get(old, "per_page");
    if (!json_is_object(overall) || !json_is_array(pages)) {
        json_decref(old);
        return b_fail(err, B_FORMAT, "bench", "%s is no report of an earlier run%s%s", path, old ? "" : ": ",
                      old ? "" : why.text);
    }
    printf("\nsince %s\n", path);
    for (size_t c = 0; c < N_COLUMNS; c++) {
        double before = old_value(overall, columns[c].key);
        double now = bm_odb_main(r->odb, columns[c].element, columns[c].measure);
        if (!isnan(before) && !isnan(now))
            print_change("mean over pages", &columns[c], before, now);
    }
    for (size_t i = 0; i < bm_odb_pages(r->odb); i++) {
        const json_t *page = NULL;
        for (size_t k = 0; k < json_array_size(pages) && !page; k++) {
            const char *name = json_string_value(json_object_get(json_array_get(pages, k), "image"));
            if (name && strcmp(name, bm_odb_image(r->odb, i)) == 0)
                page = json_array_get(pages, k);
        }
        for (size_t c = 0; page && c < N_COLUMNS; c++) {
            double before = old_value(page, columns[c].key), now = page_value(bm_odb_page(r->odb, i), c);
            if (fabs(now - before) >= CHANGED)
                print_change(bm_odb_image(r->odb, i), &columns[c], before, now);
        }
    }
    json_decref(old);
    return B_OK;
}
