/* SPDX-License-Identifier: Apache-2.0 */
/* Tables that are turned by a right angle on an upright page. The page is looked at in the direction of their text:
 * the same items and rules in that frame, so that the search for tables sees what a reader sees who turns the page. */
#include <math.h>
#include <string.h>

#include "docparse/assembly/table_private.h"

#define TURNED_LEAST 8 /* lines in the other direction; fewer are labels */
#define SHORT_ITEM 3   /* characters: their direction is a guess */

static struct dp_rect turned(const struct dp_assembly *a, struct dp_rect box, int from, int to)
{
    return dp_frame_to_direction(&a->frame, dp_frame_from_direction(&a->frame, box, from), to);
}

static enum b_code turn_rules(struct dp_assembly *view, const struct dp_assembly *a, struct b_err *err)
{
    view->rules = B_ARENA_ARRAY(a->arena, (size_t)a->n_rules + 1, struct dp_rect);
    view->n_rules = view->n_vertical = 0;
    if (!view->rules)
        return b_arena_refused(a->arena, "assembly", err);
    for (int pass = 0; pass < 2; pass++) { /* what is level on the page is upright in the other frame */
        for (int32_t i = pass ? 0 : a->n_vertical; i < (pass ? a->n_vertical : a->n_rules); i++)
            view->rules[view->n_rules++] = turned(a, a->rules[i], a->main_direction, view->main_direction);
        if (pass == 0)
            view->n_vertical = view->n_rules;
    }
    return B_OK;
}

enum b_code dp_turned_view(struct dp_assembly *a, int direction, struct dp_assembly *view, bool *enough,
                           struct b_err *err)
{
    float *heights = B_ARENA_ARRAY(a->arena, (size_t)a->n_items, float);
    struct dp_rect hull = {1e30f, 1e30f, -1e30f, -1e30f};
    int32_t n = 0;
    *view = *a;
    *enough = false;
    if (!heights)
        return b_arena_refused(a->arena, "assembly", err);
    for (int32_t i = 0; i < a->n_items; i++) {
        const struct dp_item *it = &a->items[i];
        if (it->direction != direction || it->vertical || it->chars == 0 || it->table != DP_NONE)
            continue;
        heights[n++] = it->box.y1 - it->box.y0;
        hull = dp_rect_union(hull, it->box);
    }
    if (n < TURNED_LEAST)
        return B_OK;
    *enough = true;
    view->main_direction = direction;
    view->height = fmaxf(dp_median(heights, n), 1.0f);
    for (int32_t i = 0; i < a->n_items; i++) { /* digits among them that pass for upright ones */
        struct dp_item *it = &a->items[i];
        const struct dp_rect box = turned(a, it->box, it->direction, direction);
        if (it->direction == direction || it->chars > SHORT_ITEM || it->table != DP_NONE || box.x0 < hull.x0 ||
            box.x1 > hull.x1 || box.y0 < hull.y0 || box.y1 > hull.y1)
            continue;
        it->box = box;
        it->direction = (uint8_t)direction;
    }
    return turn_rules(view, a, err);
}

void dp_turned_back(struct dp_assembly *a, const struct dp_assembly *view)
{
    for (int32_t i = a->n_tables; i < view->n_tables; i++)
        a->tables[i].box = turned(a, a->tables[i].box, view->main_direction, a->main_direction);
    a->n_tables = view->n_tables;
    for (int32_t i = 0; i < a->n_items; i++) { /* what no table took is as it was */
        struct dp_item *it = &a->items[i];
        const bool line_says = dp_line_direction(&a->frame, &a->page->lines[it->line]) == view->main_direction;
        if (it->direction != view->main_direction || it->table != DP_NONE || line_says)
            continue;
        it->box = turned(a, it->box, it->direction, a->main_direction);
        it->direction = (uint8_t)a->main_direction;
    }
}
