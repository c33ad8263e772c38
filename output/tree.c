/* SPDX-License-Identifier: Apache-2.0 */
/* Turns the parent and caption links of a page's blocks into lists in reading order. Relies on what
 * dp_page_check guarantees: links are in range, parents form no circle. */
#include <stdlib.h>

#include "output/writer_private.h"

enum b_code out_tree_new(const struct dp_page *page, struct out_tree *tree, struct b_err *err)
{
    const size_t n = (size_t)page->n_blocks;
    *tree = (struct out_tree){.first = DP_NONE};
    if (n == 0)
        return B_OK;
    int32_t *links = calloc(n, 4 * sizeof *links);
    if (!links)
        return b_fail(err, B_NO_MEMORY, OUT_DOMAIN, "out of memory");
    tree->child = links;
    tree->next = links + n;
    tree->caption = links + 2 * n;
    tree->next_caption = links + 3 * n;
    for (size_t i = 0; i < 4 * n; i++)
        links[i] = DP_NONE;
    /* From the last block to the first, each put in front of its list: lists end up in reading order. */
    for (int32_t i = page->n_blocks - 1; i >= 0; i--) {
        const struct dp_block *b = &page->blocks[i];
        int32_t *head = b->parent == DP_NONE ? &tree->first : &tree->child[b->parent];
        tree->next[i] = *head;
        *head = i;
        if (b->caption_of != DP_NONE) {
            tree->next_caption[i] = tree->caption[b->caption_of];
            tree->caption[b->caption_of] = i;
        }
    }
    return B_OK;
}

void out_tree_free(struct out_tree *tree)
{
    free(tree->child);
    *tree = (struct out_tree){.first = DP_NONE};
}

bool out_table_has_spans(const struct dp_page *page, const struct dp_table *table)
{
    for (int32_t i = 0; i < table->n_cells; i++) {
        const struct dp_cell *c = &page->cells[table->first_cell + i];
        if (c->row_span > 1 || c->col_span > 1)
            return true;
    }
    return false;
}

const struct dp_table *out_grid(const struct dp_page *page, const struct dp_block *block)
{
    const struct dp_table *table = block->table == DP_NONE ? NULL : &page->tables[block->table];
    return table && table->n_cells > 0 ? table : NULL;
}
