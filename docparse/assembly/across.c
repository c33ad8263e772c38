/* SPDX-License-Identifier: Apache-2.0 */
/* The document's pass over assembled pages, and paragraphs over the ends of pages. Invariant: it keeps no pointer into
 * a page behind dp_across_settle, so pages may be freed as soon as they are written. */
#include <stdlib.h>

#include "docparse/assembly/across_private.h"
#include "docparse/assembly/assembly_private.h"

enum b_code dp_across_new(const struct dp_outline_item *outline, int32_t n_outline, struct dp_across **out,
                          struct b_err *err)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return b_fail(err, B_NO_MEMORY, "assembly", "out of memory");
    (*out)->outline = outline;
    (*out)->n_outline = n_outline;
    return B_OK;
}

void dp_across_drop(struct dp_across *across)
{
    free(across);
}

/* Whether assembly made the page's blocks. */
static bool applies(const struct dp_page *page)
{
    if (!page || page->status == DP_STATUS_FAILED || page->n_blocks == 0)
        return false;
    for (int32_t i = 0; i < page->n_blocks; i++)
        if (page->blocks[i].source == DP_FROM_VLM)
            return false;
    return true;
}

static bool is_apart(enum dp_block_type type)
{
    return type == DP_HEADER || type == DP_FOOTER || type == DP_PAGE_NUMBER || type == DP_FOOTNOTE ||
           type == DP_FIGURE || type == DP_CHART || type == DP_TABLE || type == DP_CAPTION || type == DP_OTHER;
}

/* The last text of the page's flow, before what stands apart from it. */
static struct dp_block *last_flow(struct dp_page *page)
{
    for (int32_t i = page->n_blocks - 1; i >= 0; i--) {
        struct dp_block *b = &page->blocks[i];
        if ((b->type == DP_PARAGRAPH || b->type == DP_REFERENCE) && b->parent == DP_NONE)
            return b;
        if (!is_apart(b->type))
            return NULL;
    }
    return NULL;
}

static const struct dp_block *first_flow(const struct dp_page *page)
{
    for (int32_t i = 0; i < page->n_blocks; i++) {
        const struct dp_block *b = &page->blocks[i];
        if ((b->type == DP_PARAGRAPH || b->type == DP_REFERENCE) && b->parent == DP_NONE)
            return b;
        if (!is_apart(b->type))
            return NULL;
    }
    return NULL;
}

static void join_pages(struct dp_page *page, const struct dp_page *next)
{
    if (next->number != page->number + 1)
        return;
    struct dp_block *last = last_flow(page);
    const struct dp_block *first = first_flow(next);
    if (last && first && last->type == DP_REFERENCE && first->type == DP_REFERENCE)
        last->joined = dp_reference_goes_on(next, first);
    else if (last && first && !last->joined)
        last->joined = dp_goes_on(page, last, next, first);
}

void dp_across_settle(struct dp_across *across, struct dp_page *page, struct dp_page *next)
{
    const bool own = applies(page), others = applies(next);
    dp_across_languages(across, page, next);
    if (own) {
        dp_across_edges(across, page, others ? next : NULL);
        dp_across_levels(across, page);
        dp_across_remember(across, page);
    }
    if (own && others) {
        dp_across_edges(across, next, NULL); /* its heads must not pass for text that goes on */
        join_pages(page, next);
        dp_across_tables(page, next);
    }
}
