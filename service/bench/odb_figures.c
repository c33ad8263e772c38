/* SPDX-License-Identifier: Apache-2.0 */
/* Averages: over all pages, over pages with an attribute, over blocks with an attribute. Edit distances add up
 * within a page before they are divided; tables are averaged within a page; pages are then averaged. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "service/bench/odb_private.h"

struct sums {
    struct bm_odb *odb;
    struct bm_figure *at;
    size_t n, cap;
};

static void add_value(struct sums *s, enum bm_element element, enum bm_measure measure, const char *scope,
                      const char *label, double value)
{
    size_t i = 0;
    if (isnan(value))
        return;
    while (i < s->n && (s->at[i].element != element || s->at[i].measure != measure || s->at[i].scope != scope ||
                        strcmp(s->at[i].label, label) != 0))
        i++;
    if (i == s->n) {
        if (s->n == s->cap) {
            size_t cap = s->cap ? s->cap : 64;
            struct bm_figure *bigger = s->cap ? b_arena_grow(s->odb->kept, s->at, s->n, &cap, sizeof *bigger)
                                              : BM_ARRAY(&s->odb->results, cap, struct bm_figure);
            if (!bigger) {
                s->odb->results.failed = true;
                return;
            }
            s->at = bigger;
            s->cap = cap;
        }
        const char *own = b_arena_text(s->odb->kept, label, strlen(label));
        if (!own) {
            s->odb->results.failed = true;
            return;
        }
        s->at[s->n++] = (struct bm_figure){element, measure, scope, own, 0, 0};
    }
    s->at[i].value += value;
    s->at[i].count++;
}

static double sample_value(const struct bm_sample *s, enum bm_measure measure)
{
    if (measure == BM_M_EDIT)
        return s->longest > 0 ? s->edits / s->longest : NAN;
    return measure == BM_M_TEDS ? s->teds : s->teds_s;
}

/* "key: value", the value as the protocol prints it. */
static const char *label_of(struct bm_odb *odb, const char *key, const json_t *value)
{
    char text[256];
    if (json_is_string(value))
        snprintf(text, sizeof text, "%s: %s", key, json_string_value(value));
    else if (json_is_boolean(value))
        snprintf(text, sizeof text, "%s: %s", key, json_is_true(value) ? "True" : "False");
    else if (json_is_integer(value))
        snprintf(text, sizeof text, "%s: %lld", key, (long long)json_integer_value(value));
    else
        snprintf(text, sizeof text, "%s: None", key);
    const char *own = b_arena_text(odb->kept, text, strlen(text));
    if (!own)
        odb->results.failed = true;
    return own ? own : "";
}

/* Every label once for each sample. */
static void add_groups(struct sums *sums, const struct bm_sample *s)
{
    const char *labels[64];
    size_t n = 0;
    for (size_t i = 0; i < s->n_attributes; i++) {
        void *at = json_object_iter((json_t *)(uintptr_t)s->attributes[i]);
        for (; at; at = json_object_iter_next((json_t *)(uintptr_t)s->attributes[i], at)) {
            const char *label = label_of(sums->odb, json_object_iter_key(at), json_object_iter_value(at));
            bool known = n == 64;
            for (size_t k = 0; k < n; k++)
                known = known || strcmp(labels[k], label) == 0;
            if (!known)
                labels[n++] = label;
        }
    }
    for (size_t k = 0; k < n; k++)
        for (int m = 0; m < BM_MEASURES; m++)
            add_value(sums, s->element, (enum bm_measure)m, "group", labels[k], sample_value(s, (enum bm_measure)m));
}

static void add_page(struct sums *sums, size_t page, enum bm_element element, enum bm_measure measure, double value)
{
    const json_t *info = json_object_get(json_array_get(sums->odb->truth, page), "page_info");
    json_t *attributes = json_object_get(info, "page_attribute");
    if (isnan(value))
        return;
    add_value(sums, element, measure, "page", "ALL", value);
    for (void *at = json_object_iter(attributes); at; at = json_object_iter_next(attributes, at)) {
        const json_t *v = json_object_iter_value(at);
        if (!json_is_array(v)) {
            add_value(sums, element, measure, "page", label_of(sums->odb, json_object_iter_key(at), v), value);
            continue;
        }
        for (size_t i = 0; i < json_array_size(v); i++) {
            const char *name = json_string_value(json_array_get(v, i));
            if (name && !strstr(name, "table"))
                add_value(sums, element, measure, "page", name, value);
        }
    }
}

static void add_pages(struct sums *sums)
{
    struct bm_odb *odb = sums->odb;
    double *top = BM_ARRAY(&odb->results, odb->n_pages, double),
           *bottom = BM_ARRAY(&odb->results, odb->n_pages, double);
    if (!top || !bottom)
        return;
    for (int e = 0; e < BM_ELEMENTS; e++)
        for (int m = 0; m < BM_MEASURES; m++) {
            for (size_t p = 0; p < odb->n_pages; p++)
                top[p] = bottom[p] = 0;
            for (size_t i = 0; i < odb->n_samples; i++) {
                const struct bm_sample *s = &odb->samples[i];
                double value = sample_value(s, (enum bm_measure)m);
                if ((int)s->element != e || isnan(value))
                    continue;
                top[s->page] += m == BM_M_EDIT ? s->edits : value;
                bottom[s->page] += m == BM_M_EDIT ? s->longest : 1;
            }
            for (size_t p = 0; p < odb->n_pages; p++)
                if (bottom[p] > 0) {
                    add_page(sums, p, (enum bm_element)e, (enum bm_measure)m, top[p] / bottom[p]);
                    if (m == BM_M_EDIT)
                        add_value(sums, (enum bm_element)e, BM_M_EDIT, "all", "ALL_page_avg", top[p] / bottom[p]);
                }
        }
}

static void add_wholes(struct sums *sums)
{
    struct bm_odb *odb = sums->odb;
    double edits[BM_ELEMENTS] = {0}, longest[BM_ELEMENTS] = {0};
    for (size_t i = 0; i < odb->n_samples; i++) {
        const struct bm_sample *s = &odb->samples[i];
        if (s->longest <= 0)
            continue;
        edits[s->element] += s->edits;
        longest[s->element] += s->longest;
        add_value(sums, s->element, BM_M_EDIT, "all", "edit_sample_avg", s->edits / s->longest);
        add_value(sums, s->element, BM_M_TEDS, "all", "all", s->teds);
        add_value(sums, s->element, BM_M_TEDS_S, "all", "all", s->teds_s);
    }
    for (int e = 0; e < BM_ELEMENTS; e++)
        if (longest[e] > 0)
            add_value(sums, (enum bm_element)e, BM_M_EDIT, "all", "edit_whole", edits[e] / longest[e]);
}

static int by_name(const void *a, const void *b)
{
    const struct bm_figure *x = a, *y = b;
    if (x->element != y->element)
        return x->element < y->element ? -1 : 1;
    if (x->measure != y->measure)
        return x->measure < y->measure ? -1 : 1;
    int scope = strcmp(x->scope, y->scope);
    return scope ? scope : strcmp(x->label, y->label);
}

enum b_code bm_compute_figures(struct bm_odb *odb, struct b_err *err)
{
    struct sums sums = {.odb = odb};
    add_pages(&sums);
    add_wholes(&sums);
    for (size_t i = 0; i < odb->n_samples; i++)
        add_groups(&sums, &odb->samples[i]);
    for (size_t i = 0; i < sums.n; i++)
        sums.at[i].value /= (double)sums.at[i].count;
    if (sums.n)
        qsort(sums.at, sums.n, sizeof *sums.at, by_name);
    odb->figures = sums.at;
    odb->n_figures = sums.n;
    return bm_check(&odb->results, err);
}
