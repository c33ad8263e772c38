/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_BENCH_HTML_H
#define SERVICE_BENCH_HTML_H

#include "service/bench/text.h"

/* Reads HTML as a plain tokenizer does, without repairing the structure: an end tag closes everything back to
 * its own start tag and is ignored when there is none; what is open at the end is closed. Never fails. */

struct bm_html_attr {
    struct bm_str name, value;
};

#define BM_HTML_ATTRS 32 /* further attributes of one tag are dropped */

struct bm_html_tag {
    struct bm_str name; /* lower case */
    struct bm_html_attr attrs[BM_HTML_ATTRS];
    int n_attrs;
    bool empty; /* one of the elements that never have content */
};

struct bm_html_events {
    void (*open)(void *ctx, const struct bm_html_tag *tag);
    void (*close)(void *ctx, struct bm_str name); /* not called for empty elements */
    void (*text)(void *ctx, struct bm_str text);  /* references decoded; blank text is one space or newline */
    void (*comment)(void *ctx, struct bm_str inside);
};

void bm_html_read(struct bm_mem *mem, struct bm_str html, const struct bm_html_events *events, void *ctx);

#endif
