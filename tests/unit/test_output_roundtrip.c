/* SPDX-License-Identifier: Apache-2.0 */
/* parse(write(page)) gives the same blocks: random pages of what QwenVL-HTML can carry, written by the writer
 * and read by the reader of model output. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "docparse/markup.h"
#include "engine/base/buf.h"
#include "output/writer.h"
#include "tests/support/make_document.h"

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_rect(struct dp_rect a, struct dp_rect b)
{
    return a.x0 == b.x0 && a.y0 == b.y0 && a.x1 == b.x1 && a.y1 == b.y1;
}

static bool same_number(float a, float b)
{
    return a == b || (a - b < 0.00006f && b - a < 0.00006f);
}

#define DIFFERS(what) return what

/* Name of the first difference; NULL when there is none. */
static const char *cells_differ(const struct dp_page *p, const struct dp_table *a, const struct dp_page *q,
                                const struct dp_table *b)
{
    if (a->rows != b->rows || a->cols != b->cols || a->n_cells != b->n_cells || !same_text(a->caption, b->caption))
        DIFFERS("grid");
    for (int32_t i = 0; i < a->n_cells; i++) {
        const struct dp_cell *c = &p->cells[a->first_cell + i], *d = &q->cells[b->first_cell + i];
        if (c->row != d->row || c->col != d->col || c->row_span != d->row_span || c->col_span != d->col_span)
            DIFFERS("cell's place");
        if (c->header != d->header)
            DIFFERS("cell's header");
        if (!same_text(c->text, d->text))
            DIFFERS("cell's text");
        if (!same_rect(c->bbox, d->bbox) || !same_number(c->confidence, d->confidence))
            DIFFERS("cell's box or confidence");
    }
    return NULL;
}

static const char *blocks_differ(const struct dp_page *p, const struct dp_page *q, int32_t i)
{
    const struct dp_block *a = &p->blocks[i], *b = &q->blocks[i];
    if (a->type != b->type)
        DIFFERS("type");
    if (a->level != b->level)
        DIFFERS("level");
    if (a->parent != b->parent)
        DIFFERS("parent");
    if (!same_text(a->text, b->text))
        DIFFERS("text");
    if (a->has_bbox != b->has_bbox || (a->has_bbox && !same_rect(a->bbox, b->bbox)))
        DIFFERS("box");
    if (!same_number(a->confidence, b->confidence))
        DIFFERS("confidence");
    if (a->source != b->source)
        DIFFERS("source");
    if (a->flags != (b->flags & ~(uint32_t)DP_FLAG_BAD_LATEX))
        DIFFERS("flags");
    if (!same_text(a->latex, b->latex) || a->display != b->display)
        DIFFERS("formula");
    if (!same_text(a->chart_kind, b->chart_kind))
        DIFFERS("chart kind");
    if (a->caption_of != b->caption_of)
        DIFFERS("caption's block");
    if (!same_text(a->marker, b->marker))
        DIFFERS("marker");
    if (!same_text(a->language, b->language))
        DIFFERS("language");
    if ((a->table == DP_NONE) != (b->table == DP_NONE))
        DIFFERS("table");
    return a->table == DP_NONE ? NULL : cells_differ(p, &p->tables[a->table], q, &q->tables[b->table]);
}

static void write_page(const struct dp_document *d, struct b_buf *buf)
{
    struct b_err err = {0};
    b_buf_init(buf, (size_t)1 << 26);
    if (out_render(out_format_find("qwenvl-html"), NULL, d, buf, &err) != B_OK)
        fail_msg("%s", err.message);
}

static struct dp_page *read_page(const struct b_buf *buf, const struct dp_page *like)
{
    struct dp_page *page = NULL;
    struct b_err err = {0};
    const struct dp_markup_options options = dp_markup_options_default();
    assert_int_equal(dp_page_new(like->number, (size_t)64 << 20, &page, &err), B_OK);
    page->width = like->width;
    page->height = like->height;
    if (dp_markup_parse(buf->data, buf->len, &options, DP_MARKUP_STOP_TOKEN, page, NULL, &err) != B_OK ||
        dp_page_check(page, &err) != B_OK)
        fail_msg("%s", err.message);
    return page;
}

static void round_trip(uint64_t seed, bool hostile)
{
    struct t_random r = {.state = seed, .markup = true, .hostile = hostile};
    struct dp_document d;
    struct b_buf buf, again;
    assert_true(t_random_document(&r, 1, &d));
    write_page(&d, &buf);
    struct dp_page *page = read_page(&buf, d.pages[0]);
    const struct dp_page *want = d.pages[0];
    for (int32_t i = 0; i < want->n_blocks && i < page->n_blocks; i++) {
        const char *what = blocks_differ(want, page, i);
        if (what)
            fail_msg("seed %d, block %d (%s): %s differs: \"%s\" became \"%s\"\n%s", (int)seed, i,
                     dp_block_type_name(want->blocks[i].type), what, want->blocks[i].text, page->blocks[i].text,
                     getenv("SHOW") ? buf.data : "");
    }
    if (want->n_blocks != page->n_blocks)
        fail_msg("seed %d: %d blocks became %d", (int)seed, want->n_blocks, page->n_blocks);
    /* And once more: what was read writes the same bytes. */
    page->dpi = want->dpi;
    for (int32_t i = 0; i < page->n_blocks; i++)
        page->blocks[i].flags = want->blocks[i].flags; /* the reader judges LaTeX anew */
    struct dp_page *pages[] = {page};
    const struct dp_document second = {.info = d.info, .pages = pages, .n_pages = 1};
    write_page(&second, &again);
    size_t at = 0;
    while (buf.data[at] && buf.data[at] == again.data[at])
        at++;
    if (buf.data[at] != again.data[at])
        fail_msg("seed %d: written \"%.60s\", and once more \"%.60s\"", (int)seed, buf.data + (at > 20 ? at - 20 : 0),
                 again.data + (at > 20 ? at - 20 : 0));
    b_buf_free(&buf);
    b_buf_free(&again);
    dp_page_drop(page);
    dp_document_clear(&d);
}

static void plain_pages(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++)
        round_trip(seed, false);
}

static void hostile_pages(void **state)
{
    (void)state;
    for (uint64_t seed = 1001; seed <= 1300; seed++)
        round_trip(seed, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(plain_pages), cmocka_unit_test(hostile_pages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
