/* SPDX-License-Identifier: Apache-2.0 */
/* What the layout network says of blocks that geometry has named: a vote that counts where the block itself does not
 * speak against it. Its regions are matched to blocks of about their size; a region over half of a page says nothing
 * of the blocks in it. Invariant: only types and levels change, never text or order. */
#include <math.h>
#include <string.h>

#include "docparse/assembly/assembly_private.h"
#include "engine/base/utf8.h"

#define INSIDE 0.7f        /* of the block's area in the region */
#define LARGER 2.5f        /* heights of the block that the region may be high */
#define TITLE_SCORE 0.6f
#define TITLE_ROWS 3
#define TITLE_CHARS 100
#define EDGE_SCORE 0.6f
#define EDGE_SURE 0.93f    /* whatever its size */
#define EDGE_ZONE 0.12f    /* of the page height */
#define EDGE_SIZE 1.2f     /* over body: larger type at the head of a page is a title more often */
#define EDGE_CHARS 90
#define CAPTION_SCORE 0.5f
#define CAPTION_ROWS 4
#define CAPTION_GAP 3.0f   /* line heights to the table or picture */
#define FORMULA_SCORE 0.5f
#define FORMULA_ROWS 4
#define FORMULA_WORDS 0.35f /* share of letters in words of three and more */

static float area_of(struct dp_rect b)
{
    return b.x1 > b.x0 && b.y1 > b.y0 ? (b.x1 - b.x0) * (b.y1 - b.y0) : 0.0f;
}

/* Box of the block's lines in page pixels. */
static struct dp_rect page_box(const struct dp_assembly *a, const struct dp_draft_block *b)
{
    struct dp_rect box = {1e30f, 1e30f, -1e30f, -1e30f};
    for (int32_t i = 0; i < b->count; i++) {
        const struct dp_row *r = &a->rows[a->block_rows[b->first + i]];
        for (int32_t k = 0; k < r->count; k++)
            box = dp_rect_union(box, a->page->lines[a->items[a->row_items[r->first + k]].line].bbox);
    }
    return box;
}

/* Best score of a kind among the regions that are about this block; 0: none is. */
static float vote(const struct dp_assembly *a, struct dp_rect box, enum dp_region_kind kind)
{
    float best = 0;
    for (int32_t i = 0; i < a->regions->n; i++) {
        const struct dp_region *r = &a->regions->at[i];
        const struct dp_rect both = {fmaxf(box.x0, r->bbox.x0), fmaxf(box.y0, r->bbox.y0), fminf(box.x1, r->bbox.x1),
                                     fminf(box.y1, r->bbox.y1)};
        const float tall = fminf(box.y1 - box.y0, box.x1 - box.x0), high = fminf(r->bbox.y1 - r->bbox.y0, r->bbox.x1 - r->bbox.x0);
        if (r->kind == kind && r->score > best && area_of(both) > INSIDE * area_of(box) && high < LARGER * tall)
            best = r->score;
    }
    return best;
}

static bool ends_sentence(const struct dp_assembly *a, const struct dp_draft_block *b)
{
    return a->items[a->rows[a->block_rows[b->first + b->count - 1]].tail].ends & DP_PUNCT_SENTENCE;
}

static bool near_picture(const struct dp_assembly *a, const struct dp_draft_block *b)
{
    for (int32_t i = 0; i < a->n_order; i++) {
        const struct dp_draft_block *c = &a->blocks[a->order[i]];
        const float gap = fmaxf(c->box.y0 - b->box.y1, b->box.y0 - c->box.y1);
        if ((c->type == DP_FIGURE || c->type == DP_CHART || c->type == DP_TABLE) && gap < CAPTION_GAP * a->height &&
            dp_overlap(b->box.x0, b->box.x1, c->box.x0, c->box.x1) > 0)
            return true;
    }
    return false;
}

/* Operators and relations in it, and hardly a word. */
static bool is_mathematical(const struct dp_assembly *a, const struct dp_draft_block *b)
{
    int32_t signs = 0, letters = 0, in_words = 0;
    for (int32_t i = 0; i < b->count; i++) {
        const struct dp_row *r = &a->rows[a->block_rows[b->first + i]];
        for (int32_t k = 0; k < r->count; k++) {
            const char *text = a->page->lines[a->items[a->row_items[r->first + k]].line].text;
            const size_t len = strlen(text);
            int32_t run = 0;
            for (size_t pos = 0; pos < len;) {
                const uint32_t cp = b_utf8_next(text, len, &pos);
                const bool letter = b_cp_is_letter(cp);
                if (b_cp_is_cjk(cp))
                    return false;
                signs += cp == '=' || cp == '<' || cp == '>' || cp == '+' || (cp >= 0x2190 && cp <= 0x22FF) ||
                         cp == 0xD7 || cp == 0xB1;
                letters += letter;
                run = letter ? run + 1 : 0;
                in_words += run == 3 ? 3 : run > 3;
            }
        }
    }
    return signs > 0 && (float)in_words <= FORMULA_WORDS * (float)(letters > 0 ? letters : 1);
}

/* Whether the block may be a running head or foot: one line of small type at the edge. */
static bool may_be_edge(const struct dp_assembly *a, const struct dp_draft_block *b, bool top)
{
    const float h = a->main_direction & 1 ? a->frame.w : a->frame.h;
    const float away = (top ? b->box.y1 : h - b->box.y0) / h;
    return b->count <= 2 && b->chars <= EDGE_CHARS && away < EDGE_ZONE;
}

static bool is_edge(const struct dp_assembly *a, const struct dp_draft_block *b, float score)
{
    return score >= EDGE_SURE || (score >= EDGE_SCORE && b->size <= EDGE_SIZE * a->body);
}

void dp_votes_count(struct dp_assembly *a)
{
    for (int32_t i = 0; a->regions && a->regions->n > 0 && i < a->n_order; i++) {
        struct dp_draft_block *b = &a->blocks[a->order[i]];
        const bool plain = b->type == DP_PARAGRAPH || b->type == DP_OTHER;
        if (b->count == 0 || b->before || b->after || b->table != DP_NONE || b->picture != DP_NONE ||
            (!plain && b->type != DP_HEADING))
            continue;
        const struct dp_rect box = page_box(a, b);
        if (may_be_edge(a, b, true) && is_edge(a, b, vote(a, box, DP_REGION_HEADER)))
            b->type = DP_HEADER;
        else if (may_be_edge(a, b, false) && is_edge(a, b, vote(a, box, DP_REGION_FOOTER)))
            b->type = DP_FOOTER;
        else if (b->count <= CAPTION_ROWS && near_picture(a, b) &&
                 fmaxf(vote(a, box, DP_REGION_FIGURE_CAPTION), vote(a, box, DP_REGION_TABLE_CAPTION)) >= CAPTION_SCORE)
            b->type = DP_CAPTION;
        else if (plain && !b->grid && b->count <= FORMULA_ROWS && vote(a, box, DP_REGION_FORMULA) >= FORMULA_SCORE &&
                 is_mathematical(a, b))
            b->type = DP_FORMULA;
        else if (b->type == DP_PARAGRAPH && b->count <= TITLE_ROWS && b->chars <= TITLE_CHARS && !b->aside &&
                 !ends_sentence(a, b) && vote(a, box, DP_REGION_TITLE) >= TITLE_SCORE)
            b->type = DP_HEADING;
        else
            continue;
        b->level = b->type == DP_HEADING ? dp_heading_level(a, b) : 0;
    }
}
