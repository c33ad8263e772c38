/* SPDX-License-Identifier: Apache-2.0 */
/* Items that follow each other in reading order become lists, and items that stand further in than the one above them
 * lists inside of it. Invariant: a list stands right before its first item among the page's blocks. */
#include "docparse/assembly/assembly_private.h"

#define NESTED 0.9f /* heights further in: numbers of one list that are set to the right differ by less */

static float edge_of(const struct dp_draft_block *b)
{
    return b->rtl ? -b->box.x1 : b->box.x0;
}

static void open_list(struct dp_lists *l, struct dp_page *page, int32_t index, float edge)
{
    page->blocks[index] = (struct dp_block){.type = DP_LIST,
                                            .order = index,
                                            .parent = l->depth > 0 ? l->at[l->depth - 1].item : DP_NONE,
                                            .table = DP_NONE,
                                            .caption_of = DP_NONE,
                                            .text = "",
                                            .confidence = DP_NO_CONFIDENCE};
    l->at[l->depth++] = (struct dp_open_list){.list = index, .item = DP_NONE, .edge = edge};
}

bool dp_lists_before(struct dp_lists *l, struct dp_page *page, const struct dp_draft_block *item, int32_t index)
{
    const float edge = edge_of(item), step = NESTED * item->height;
    const struct dp_rect last = l->last, b = item->box;
    const bool opens = l->depth == 0;
    l->last = b;
    if (opens) {
        open_list(l, page, index, edge);
        return true;
    }
    if (b.y0 < last.y0 || dp_overlap(b.x0, b.x1, last.x0, last.x1) <= 0) { /* in the next column */
        l->depth = 1;
        l->at[0].edge = edge;
        return false;
    }
    while (l->depth > 1 && edge < l->at[l->depth - 1].edge - step)
        l->depth--;
    if (edge > l->at[l->depth - 1].edge + step && l->depth < DP_LISTS_DEEP) {
        open_list(l, page, index, edge);
        return true;
    }
    if (l->depth == 1 && edge < l->at[0].edge - step)
        l->at[0].edge = edge;
    return false;
}

void dp_lists_behind(struct dp_lists *l, struct dp_page *page, int32_t index)
{
    struct dp_block *item = &page->blocks[index];
    item->parent = l->at[l->depth - 1].list;
    l->at[l->depth - 1].item = index;
    for (int32_t d = 0; d < l->depth; d++) {
        struct dp_block *list = &page->blocks[l->at[d].list];
        list->bbox = list->has_bbox ? dp_rect_union(list->bbox, item->bbox) : item->bbox;
        if (!list->has_bbox) {
            list->source = item->source;
            list->first_line = item->first_line;
        }
        list->has_bbox = true;
    }
}
