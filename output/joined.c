/* SPDX-License-Identifier: Apache-2.0 */
/* Tables over pages as one. Invariant: every byte of a page is handed on once and in its order, but that the rows of
 * later parts stand with those of the first. */
#include "output/joined.h"

void out_joined_init(struct out_joined *j, void (*rows)(void *ctx, struct b_buf *buf), void *ctx)
{
    *j = (struct out_joined){.rows = rows, .ctx = ctx, .block = DP_NONE};
    b_buf_init(&j->tail, 2 * (size_t)1 << 30);
}

void out_joined_free(struct out_joined *j)
{
    b_buf_free(&j->tail);
}

bool out_joined_starts(const struct dp_page *page, int32_t i)
{
    const struct dp_block *b = &page->blocks[i];
    return b->type == DP_TABLE && b->joined && b->parent == DP_NONE && b->table != DP_NONE;
}

void out_joined_begin(struct out_joined *j, const struct dp_page *page)
{
    j->block = DP_NONE;
    j->started = j->more = false;
    for (int32_t i = 0; j->open && i < page->n_blocks; i++) {
        const struct dp_block *b = &page->blocks[i];
        if (b->type != DP_TABLE || b->table == DP_NONE || b->parent != DP_NONE)
            continue;
        const struct dp_table *t = &page->tables[b->table];
        if (t->continues && t->n_cells > 0 && t->cols == j->cols) {
            j->block = i;
            j->more = b->joined;
        }
        return; /* only the first table of a page goes on */
    }
}

/* Puts the table and what waited behind it into the bytes: where it started on this page, or in front of them. */
static void complete(struct out_joined *j, struct b_buf *bytes)
{
    struct b_buf out;
    const size_t before = j->started ? j->cut : 0;
    b_buf_init(&out, bytes->max);
    if (before > 0)
        b_buf_append(&out, bytes->data, before);
    j->rows(j->ctx, &out);
    if (j->tail.len > 0)
        b_buf_append(&out, j->tail.data, j->tail.len);
    if (bytes->len > before)
        b_buf_append(&out, bytes->data + before, bytes->len - before);
    if (j->tail.failed != B_OK || bytes->failed != B_OK)
        out.failed = bytes->failed != B_OK ? bytes->failed : j->tail.failed;
    b_buf_free(bytes);
    b_buf_free(&j->tail);
    *bytes = out;
    j->open = j->started = false;
}

void out_joined_start(struct out_joined *j, const struct dp_page *page, int32_t i, struct b_buf *page_bytes)
{
    if (j->open)
        complete(j, page_bytes);
    j->open = j->started = true;
    j->cols = page->tables[page->blocks[i].table].cols;
    j->cut = page_bytes->len;
    j->first_page = page->number;
    j->first_block = i;
}

void out_joined_end(struct out_joined *j, struct b_buf *page_bytes, size_t kept)
{
    if (!j->open)
        return;
    if (page_bytes->failed != B_OK)
        return;
    if (j->started && page_bytes->data) {
        b_buf_append(&j->tail, page_bytes->data + j->cut, page_bytes->len - j->cut);
        page_bytes->len = j->cut;
        page_bytes->data[j->cut] = '\0';
    } else if (j->block != DP_NONE && j->more && j->tail.len + page_bytes->len + kept < OUT_JOINED_MAX) {
        if (page_bytes->len > 0)
            b_buf_append(&j->tail, page_bytes->data, page_bytes->len);
        b_buf_clear(page_bytes);
    } else {
        complete(j, page_bytes);
    }
}

void out_joined_finish(struct out_joined *j, struct b_buf *bytes)
{
    if (j->open)
        complete(j, bytes);
}
