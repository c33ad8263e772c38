/* SPDX-License-Identifier: Apache-2.0 */
/* Sink of the tests and the way of a document through a writer. */
#include "tests/support/collect.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/make_document.h"

#define MAIN_MAX ((size_t)1 << 28)

void t_collect_init(struct t_collect *c)
{
    *c = (struct t_collect){.n_sides = 0};
    b_buf_init(&c->main, MAIN_MAX);
}

void t_collect_free(struct t_collect *c)
{
    for (size_t i = 0; i < c->n_sides; i++)
        free(c->sides[i].data);
    b_buf_free(&c->main);
    c->n_sides = 0;
}

static bool fails(struct t_collect *c)
{
    return ++c->calls == c->fail_at;
}

static enum b_code take(void *ctx, const void *data, size_t size, struct b_err *err)
{
    struct t_collect *c = ctx;
    if (fails(c))
        return b_fail(err, B_IO, "test", "no space left on device");
    b_buf_append(&c->main, data, size);
    return b_buf_check(&c->main, "test", err);
}

static enum b_code take_side(void *ctx, const char *name, const void *data, size_t size, struct b_err *err)
{
    struct t_collect *c = ctx;
    if (fails(c))
        return b_fail(err, B_IO, "test", "no space left on device");
    if (c->n_sides == T_SIDES_MAX || strlen(name) >= sizeof c->sides[0].name || t_collect_find(c, name) ||
        name[0] == '.' || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") != strlen(name))
        return b_fail(err, B_INTERNAL, "test", "a side output with the name %s", name);
    struct t_side *side = &c->sides[c->n_sides];
    memcpy(side->name, name, strlen(name) + 1);
    side->data = malloc(size + 1);
    if (!side->data)
        return b_fail(err, B_NO_MEMORY, "test", "out of memory");
    memcpy(side->data, data, size);
    ((char *)side->data)[size] = '\0';
    side->size = size;
    c->n_sides++;
    return B_OK;
}

struct out_sink t_collect_sink(struct t_collect *c)
{
    return (struct out_sink){.ctx = c, .write = take, .side = take_side};
}

const struct t_side *t_collect_find(const struct t_collect *c, const char *name)
{
    for (size_t i = 0; i < c->n_sides; i++)
        if (strcmp(c->sides[i].name, name) == 0)
            return &c->sides[i];
    return NULL;
}

static enum b_code one_page(struct out_writer *writer, const struct dp_page *page, bool images, struct b_err *err)
{
    struct b_image image = {0};
    enum b_code code;
    if (images && page->width > 0 && t_page_image(page, page->number % 2 ? 3 : 1, &image)) {
        const struct b_image_view view = b_image_view_of(&image);
        code = out_page(writer, page, &view, err);
    } else {
        code = out_page(writer, page, NULL, err);
    }
    b_image_free(&image);
    return code;
}

enum b_code t_render(const struct out_format *format, const struct out_options *options,
                     const struct dp_document *document, bool images, const struct b_buf *source,
                     struct t_collect *into, struct b_err *err)
{
    const struct out_sink sink = t_collect_sink(into);
    struct out_writer *writer = NULL;
    enum b_code code = out_open(format, options, &sink, &writer, err);
    if (code == B_OK)
        code = out_begin(writer, &document->info, source ? source->data : NULL, source ? source->len : 0, err);
    for (int32_t i = 0; code == B_OK && i < document->n_pages; i++)
        code = one_page(writer, document->pages[i], images, err);
    if (code == B_OK)
        code = out_end(writer, document->status, err);
    out_drop(writer);
    return code;
}
