/* SPDX-License-Identifier: Apache-2.0 */
/* Listings and terminal output. Lines of a fixed face stand in columns by nature, so what looks like a table of them is
 * taken for code unless rules part its cells: a table of commands is drawn, a directory listing is not. Pieces of
 * code that follow each other in one place are one block. Invariant: rows keep their order. */
#include <math.h>

#include "docparse/assembly/assembly_private.h"

#define MONO_SHARE 0.95   /* of the characters of a listing */
#define FRAME 1.2f        /* heights from the edge of a region: its frame, rather than rules inside of it */
#define RULE_SHARE 0.5f   /* of the region's width or height: a rule that parts its cells */
#define PIECES_GAP 2.0f   /* heights between pieces of one listing */
#define PIECES_LEFT 60.0f /* heights between their left edges */

static bool parts_cells(const struct dp_assembly *a, struct dp_rect box)
{
    const float edge = FRAME * a->height;
    for (int32_t i = 0; i < a->n_rules; i++) {
        const struct dp_rect r = a->rules[i];
        const float x = (r.x0 + r.x1) * 0.5f, y = (r.y0 + r.y1) * 0.5f;
        if (i < a->n_vertical ? x > box.x0 + edge && x < box.x1 - edge &&
                                    dp_overlap(r.y0, r.y1, box.y0, box.y1) > RULE_SHARE * (box.y1 - box.y0)
                              : y > box.y0 + edge && y < box.y1 - edge &&
                                    dp_overlap(r.x0, r.x1, box.x0, box.x1) > RULE_SHARE * (box.x1 - box.x0))
            return true;
    }
    return false;
}

bool dp_is_listing(struct dp_assembly *a, const int32_t *items, int32_t n, struct dp_rect box)
{
    double mono = 0, all = 0;
    for (int32_t i = 0; i < n; i++) {
        const struct dp_item *it = &a->items[items[i]];
        all += it->chars;
        mono += it->mono ? it->chars : 0;
    }
    if (!(mono > MONO_SHARE * all) || parts_cells(a, box))
        return false;
    for (int32_t i = 0; i < n; i++)
        a->items[items[i]].listing = true;
    return true;
}

static bool goes_on(const struct dp_assembly *a, const struct dp_draft_block *up, const struct dp_draft_block *low)
{
    const float gap = low->box.y0 - up->box.y1;
    return up->type == DP_CODE && low->type == DP_CODE && up->count > 0 && low->count > 0 && !up->grid && !low->grid &&
           up->direction == a->main_direction && low->direction == a->main_direction && gap > -0.3f * low->height &&
           gap < PIECES_GAP * low->height && fabsf(up->box.x0 - low->box.x0) < PIECES_LEFT * low->height &&
           fabsf(up->height - low->height) < 0.3f * low->height;
}

void dp_code_join(struct dp_assembly *a)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < a->n_order;) {
        struct dp_draft_block *first = &a->blocks[a->order[i]];
        int32_t end = i + 1, rows = first->count;
        for (; end < a->n_order && goes_on(a, &a->blocks[a->order[end - 1]], &a->blocks[a->order[end]]); end++)
            rows += a->blocks[a->order[end]].count;
        a->order[kept++] = a->order[i];
        if (end == i + 1 || a->n_block_rows + rows > 2 * a->n_items) {
            i++;
            continue;
        }
        const int32_t at = a->n_block_rows;
        for (int32_t k = i; k < end; k++) {
            struct dp_draft_block *b = &a->blocks[a->order[k]];
            for (int32_t r = 0; r < b->count; r++)
                a->block_rows[a->n_block_rows++] = a->block_rows[b->first + r];
            if (k == i)
                continue;
            first->chars += b->chars;
            first->lines += b->lines;
            first->box = dp_rect_union(first->box, b->box);
            b->count = 0;
        }
        first->first = at;
        first->count = rows;
        i = end;
    }
    a->n_order = kept;
}
