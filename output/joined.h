/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OUTPUT_JOINED_H
#define OUTPUT_JOINED_H

#include "docparse/document.h"
#include "engine/base/buf.h"

/* A table that goes on over pages, in formats that write it as one. Its rows are kept by the format, and what is
 * written behind its first part waits until the last part is known. Pages are written into one buffer, which is empty
 * when a page begins. Memory: the waiting bytes are bounded; where they grow beyond, the table is written as far as it
 * has come, and its next part is a table of its own. Values; one writer each. */
struct out_joined {
    void (*rows)(void *ctx, struct b_buf *buf); /* appends the rows that the format has kept, and forgets them */
    void *ctx;
    bool open;          /* a table waits */
    bool started, more; /* on this page; and goes on on the next one */
    int32_t cols;
    int32_t block;                   /* of this page: in which the table goes on; DP_NONE */
    size_t cut;                      /* where in the page's buffer the rows of a table that started will stand */
    int32_t first_page, first_block; /* where it started */
    struct b_buf tail;               /* what waits */
};

#define OUT_JOINED_MAX ((size_t)64 << 20) /* bytes that wait: a report of a thousand pages of one table has 20 MiB */

void out_joined_init(struct out_joined *joined, void (*rows)(void *ctx, struct b_buf *buf), void *ctx);
void out_joined_free(struct out_joined *joined);

/* A page begins: finds the block in which the table that waits goes on (joined->block). */
void out_joined_begin(struct out_joined *joined, const struct dp_page *page);
/* Whether block i is a table that goes on on the next page and can be waited for. */
bool out_joined_starts(const struct dp_page *page, int32_t i);
/* The table of block i starts here: its rows will stand at the end of what `page_bytes` holds now. */
void out_joined_start(struct out_joined *joined, const struct dp_page *page, int32_t i, struct b_buf *page_bytes);
/* The page is written: page_bytes then holds what may be handed on. kept: bytes of the rows that the format keeps. */
void out_joined_end(struct out_joined *joined, struct b_buf *page_bytes, size_t kept);
/* The document is at its end: puts everything that waits in front of `bytes`. */
void out_joined_finish(struct out_joined *joined, struct b_buf *bytes);

#endif
