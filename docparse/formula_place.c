/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks that a formula's region covers become one block. Invariant: the page passes dp_page_check before and after
 * each region: lines stay contiguous and name their block, indices between blocks follow what is taken out. */
#include "docparse/formula_place.h"

#include <math.h>
#include <string.h>

#define DOMAIN "formula"
#define COVERED 0.55f /* of a block's area: it is the formula's */
#define TOUCHED 0.2f /* of the smaller area: a block that is not covered, but cut */

static float area(struct dp_rect r)
{
    return fmaxf(r.x1 - r.x0, 0) * fmaxf(r.y1 - r.y0, 0);
}

static float common(struct dp_rect a, struct dp_rect b)
{
    return area((struct dp_rect){fmaxf(a.x0, b.x0), fmaxf(a.y0, b.y0), fminf(a.x1, b.x1), fminf(a.y1, b.y1)});
}

static bool may_be_formula(const struct dp_page *page, int32_t i)
{
    const struct dp_block *b = &page->blocks[i];
    for (int32_t k = 0; k < page->n_blocks; k++)
        if (page->blocks[k].parent == i || page->blocks[k].caption_of == i)
            return false;
    return b->parent == DP_NONE && !b->latex &&
           (b->type == DP_PARAGRAPH || b->type == DP_HEADING || b->type == DP_OTHER || b->type == DP_FIGURE ||
            b->type == DP_FORMULA);
}

/* The covered blocks [first, last], whose lines follow each other; false when there are none or the region cuts. */
static bool covered_blocks(const struct dp_page *page, struct dp_rect box, int32_t *first, int32_t *last)
{
    *first = *last = DP_NONE;
    for (int32_t i = 0; i < page->n_blocks; i++) {
        const struct dp_block *b = &page->blocks[i];
        if (!b->has_bbox)
            continue;
        const float shared = common(b->bbox, box);
        if (area(b->bbox) > 0 && shared >= COVERED * area(b->bbox) && may_be_formula(page, i)) {
            if (*first != DP_NONE &&
                (*last != i - 1 || page->blocks[*last].first_line + page->blocks[*last].n_lines != b->first_line))
                return false;
            *first = *first == DP_NONE ? i : *first;
            *last = i;
        } else if (shared > TOUCHED * fminf(area(b->bbox), area(box))) {
            return false;
        }
    }
    return *first != DP_NONE;
}

/* Spans of blocks [first, last] go with their texts, those behind follow their blocks. */
static void take_spans(struct dp_page *page, int32_t first, int32_t last)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < page->n_spans; i++) {
        struct dp_span s = page->spans[i];
        if (s.block >= first && s.block <= last)
            continue;
        s.block -= s.block > last ? last - first : 0;
        page->spans[kept++] = s;
    }
    page->n_spans = kept;
}

/* Takes blocks [from, to) out, which are part of block `into` now. */
static void take_out(struct dp_page *page, int32_t from, int32_t to, int32_t into)
{
    const int32_t n = to - from;
    for (int32_t i = 0; i < page->n_lines; i++) {
        int32_t *block = &page->lines[i].block;
        *block = *block >= to ? *block - n : *block >= from ? into : *block;
    }
    memmove(page->blocks + from, page->blocks + to, (size_t)(page->n_blocks - to) * sizeof *page->blocks);
    page->n_blocks -= n;
    for (int32_t i = 0; i < page->n_blocks; i++) {
        struct dp_block *b = &page->blocks[i];
        b->parent -= b->parent >= to ? n : 0;
        b->caption_of -= b->caption_of >= to ? n : 0;
    }
}

/* Texts of blocks [first, last], a line each. */
static const char *joined_text(const struct dp_page *page, int32_t first, int32_t last)
{
    size_t size = 1, at = 0;
    for (int32_t i = first; i <= last; i++)
        size += strlen(page->blocks[i].text) + 1;
    char *text = b_arena_alloc(page->arena, size, 1);
    if (!text)
        return NULL;
    for (int32_t i = first; i <= last; i++) {
        const size_t len = strlen(page->blocks[i].text);
        if (at > 0 && len > 0)
            text[at++] = '\n';
        memcpy(text + at, page->blocks[i].text, len);
        at += len;
    }
    text[at] = '\0';
    return text;
}

enum b_code dp_formula_place(struct dp_page *page, const struct dp_formula_region *regions,
                             const struct dp_formula_reading *readings, size_t n, int32_t *placed, struct b_err *err)
{
    *placed = 0;
    for (size_t i = 0; i < n; i++) {
        int32_t first, last;
        if (!readings[i].latex || readings[i].confidence < DP_FORMULA_READING_SURE ||
            !covered_blocks(page, regions[i].box, &first, &last))
            continue;
        const char *text = joined_text(page, first, last);
        if (!text)
            return b_arena_refused(page->arena, DOMAIN, err);
        struct dp_block *b = &page->blocks[first];
        for (int32_t k = first; k <= last; k++) {
            const struct dp_rect r = page->blocks[k].bbox;
            b->bbox = (struct dp_rect){fminf(b->bbox.x0, r.x0), fminf(b->bbox.y0, r.y0), fmaxf(b->bbox.x1, r.x1),
                                       fmaxf(b->bbox.y1, r.y1)};
            b->n_lines = page->blocks[k].first_line + page->blocks[k].n_lines - b->first_line;
        }
        b->type = DP_FORMULA;
        b->level = 0;
        b->joined = false;
        b->text = text;
        b->latex = readings[i].latex;
        b->display = true;
        b->confidence = readings[i].confidence;
        b->source = DP_FROM_VLM;
        b->flags &= ~(uint32_t)DP_FLAG_LOW_CONFIDENCE;
        ++*placed;
        take_spans(page, first, last);
        take_out(page, first + 1, last + 1, first);
    }
    return B_OK;
}
