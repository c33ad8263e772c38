/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_COLLECT_H
#define TESTS_SUPPORT_COLLECT_H

#include "engine/base/buf.h"
#include "output/writer.h"

/* A sink that keeps everything, or fails at its n-th call. */

#define T_SIDES_MAX 512

struct t_side {
    char name[64];
    void *data;
    size_t size;
};

struct t_collect {
    struct b_buf main;
    struct t_side sides[T_SIDES_MAX];
    size_t n_sides;
    int calls;   /* so far, writes and sides together */
    int fail_at; /* the call (from 1) that fails with B_IO; 0: none */
};

void t_collect_init(struct t_collect *c);
void t_collect_free(struct t_collect *c);
struct out_sink t_collect_sink(struct t_collect *c);
const struct t_side *t_collect_find(const struct t_collect *c, const char *name); /* NULL when absent */

/* A whole document through a writer; with images, every page gets a picture (t_page_image). source: bytes of the
 * input, or NULL. */
enum b_code t_render(const struct out_format *format, const struct out_options *options,
                     const struct dp_document *document, bool images, const struct b_buf *source,
                     struct t_collect *into, struct b_err *err);

#endif
