/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of an annotated page: truncated blocks merged, categories in the protocol's order, then by reading
 * order. A chain of three truncated blocks doubles the middle one: the annotation joins pairs, and versions
 * up to 1.5 append both ends of every pair. */
#include <stdlib.h>
#include <string.h>

#include "service/bench/odb_private.h"

struct merge_list {
    json_int_t *ids;
    size_t n;
};

struct merges {
    struct merge_list *at;
    size_t n, room;
};

static bool holds(const struct merge_list *list, json_int_t id)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->ids[i] == id)
            return true;
    return false;
}

static void add_pair(struct bm_mem *mem, struct merges *merges, json_int_t source, json_int_t target)
{
    bool found = false;
    for (size_t i = 0; i < merges->n; i++) {
        struct merge_list *list = &merges->at[i];
        if (!holds(list, source) && !holds(list, target))
            continue;
        list->ids[list->n++] = source;
        list->ids[list->n++] = target;
        found = true;
    }
    if (found)
        return;
    struct merge_list *list = &merges->at[merges->n];
    list->ids = BM_ARRAY(mem, merges->room * 2, json_int_t);
    if (!list->ids)
        return;
    list->ids[0] = source;
    list->ids[1] = target;
    list->n = 2;
    merges->n++;
}

/* From version 1.6 on: groups that share a block become one, and each block is in it once. */
static void join_pair(struct bm_mem *mem, struct merges *merges, json_int_t source, json_int_t target)
{
    struct merge_list joined = {BM_ARRAY(mem, merges->room * 2 + 2, json_int_t), 0};
    size_t kept = 0;
    if (!joined.ids)
        return;
    joined.ids[joined.n++] = source;
    if (target != source)
        joined.ids[joined.n++] = target;
    for (size_t i = 0; i < merges->n; i++) {
        const struct merge_list list = merges->at[i];
        bool shared = false;
        for (size_t k = 0; k < list.n; k++)
            shared = shared || holds(&joined, list.ids[k]);
        for (size_t k = 0; shared && k < list.n; k++)
            if (!holds(&joined, list.ids[k]))
                joined.ids[joined.n++] = list.ids[k];
        if (!shared)
            merges->at[kept++] = list;
    }
    merges->at[kept++] = joined;
    merges->n = kept;
}

static struct merges read_merges(struct bm_mem *mem, const json_t *page, enum bm_version version)
{
    const json_t *relations = json_object_get(json_object_get(page, "extra"), "relation");
    struct merges merges = {.room = json_array_size(relations)};
    merges.at = BM_ARRAY(mem, merges.room, struct merge_list);
    for (size_t i = 0; merges.at && i < merges.room && !mem->failed; i++) {
        const json_t *relation = json_array_get(relations, i);
        const char *type = json_string_value(json_object_get(relation, "relation_type"));
        if (type && strcmp(type, "truncated") == 0)
            (version == BM_V1_6 ? join_pair : add_pair)(
                mem, &merges, json_integer_value(json_object_get(relation, "source_anno_id")),
                json_integer_value(json_object_get(relation, "target_anno_id")));
    }
    return merges;
}

static double order_of(const json_t *block)
{
    return json_number_value(json_object_get(block, "order")); /* 0 for null or absent */
}

static struct bm_str string_of(struct bm_mem *mem, const json_t *block, const char *key)
{
    const json_t *value = json_object_get(block, key);
    return bm_decode(mem, json_string_value(value) ? json_string_value(value) : "", json_string_length(value));
}

static struct bm_truth truth_of(struct bm_mem *mem, const json_t *block)
{
    const char *category = json_string_value(json_object_get(block, "category_type"));
    struct bm_truth truth = {.category = category ? category : "", .order = order_of(block)};
    truth.formula = strcmp(truth.category, "equation_isolated") == 0;
    bool table = strcmp(truth.category, "table") == 0;
    truth.content = string_of(mem, block, truth.formula ? "latex" : table ? "html" : "text");
    truth.attribute = json_object_get(block, "attribute");
    return truth;
}

static const json_t *block_with(const json_t *blocks, json_int_t id)
{
    for (size_t i = 0; i < json_array_size(blocks); i++) {
        const json_t *block = json_array_get(blocks, i);
        if (json_integer_value(json_object_get(block, "anno_id")) == id)
            return block;
    }
    return NULL;
}

/* Blocks of one list, by reading order, their texts joined without a separator. */
static bool merged_truth(struct bm_mem *mem, const json_t *blocks, const struct merge_list *list, struct bm_truth *out)
{
    const json_t **sorted = BM_ARRAY(mem, list->n, const json_t *);
    size_t n = 0;
    for (size_t i = 0; sorted && i < list->n; i++) {
        const json_t *block = block_with(blocks, list->ids[i]);
        if (!block)
            continue;
        size_t k = n++;
        for (; k > 0 && order_of(sorted[k - 1]) > order_of(block); k--)
            sorted[k] = sorted[k - 1];
        sorted[k] = block;
    }
    if (n == 0)
        return false;
    struct bm_out text = bm_out_on(mem);
    for (size_t i = 0; i < n; i++)
        bm_put(&text, string_of(mem, sorted[i], "text"));
    *out = truth_of(mem, sorted[0]);
    out->content = bm_taken(&text);
    out->attribute = NULL;
    return true;
}

static int rank_of(const char *category)
{
    static const char *const ranks[] = {"text_block",       "title",
                                        "code_txt",         "code_txt_caption",
                                        "reference",        "equation_caption",
                                        "figure_caption",   "figure_footnote",
                                        "table_caption",    "table_footnote",
                                        "code_algorithm",   "code_algorithm_caption",
                                        "header",           "footer",
                                        "page_footnote",    "page_number",
                                        "equation_isolated"};
    for (int i = 0; i < (int)(sizeof ranks / sizeof ranks[0]); i++)
        if (strcmp(category, ranks[i]) == 0)
            return i;
    return -1;
}

struct ranked {
    struct bm_truth truth;
    int rank;
    size_t index;
};

static int by_order(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->truth.order < y->truth.order || x->truth.order > y->truth.order)
        return x->truth.order < y->truth.order ? -1 : 1;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static struct bm_truth *sorted_truths(struct bm_mem *mem, struct ranked *all, size_t n, bool tables, size_t *count)
{
    struct bm_truth *out = BM_ARRAY(mem, n, struct bm_truth);
    *count = 0;
    for (size_t i = 0; out && i < n; i++)
        if (tables ? strcmp(all[i].truth.category, "table") == 0 : all[i].rank >= 0)
            out[(*count)++] = all[i].truth;
    return out;
}

/* Version 1.6 leaves ignored blocks out, and with them the group that holds one. */
static bool is_left_out(const json_t *blocks, const struct merge_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        if (json_is_true(json_object_get(block_with(blocks, list->ids[i]), "ignore")))
            return true;
    return false;
}

void bm_read_page_truth(struct bm_mem *mem, const json_t *page, enum bm_version version, struct bm_page_truth *out)
{
    const json_t *blocks = json_object_get(page, "layout_dets");
    struct merges merges = read_merges(mem, page, version);
    size_t room = json_array_size(blocks) + merges.n, n = 0;
    struct ranked *all = BM_ARRAY(mem, room, struct ranked);
    *out = (struct bm_page_truth){0};
    for (size_t i = 0; all && i < json_array_size(blocks); i++) {
        const json_t *block = json_array_get(blocks, i);
        json_int_t id = json_integer_value(json_object_get(block, "anno_id"));
        bool merged = false;
        for (size_t k = 0; k < merges.n; k++)
            merged = merged || holds(&merges.at[k], id);
        if (version == BM_V1_6 && json_is_true(json_object_get(block, "ignore")))
            merged = true;
        if (!merged)
            all[n++].truth = truth_of(mem, block);
    }
    for (size_t k = 0; all && k < merges.n; k++)
        if (!(version == BM_V1_6 && is_left_out(blocks, &merges.at[k])) &&
            merged_truth(mem, blocks, &merges.at[k], &all[n].truth))
            n++;
    for (size_t i = 0; all && i < n; i++) {
        all[i].rank = rank_of(all[i].truth.category);
        all[i].index = i;
    }
    if (n)
        qsort(all, n, sizeof *all, by_order);
    out->texts = sorted_truths(mem, all, n, false, &out->n_texts);
    out->tables = sorted_truths(mem, all, n, true, &out->n_tables);
}
