/* SPDX-License-Identifier: Apache-2.0 */
/* Figures as PNG files at the resolution of the page image, and index.json that says what they are. */
#include <stdio.h>
#include <string.h>

#include "output/json_emit.h"
#include "output/picture.h"
#include "output/writer_private.h"

struct figures_writer {
    struct out_writer frame;
    struct b_buf index;
    struct out_json json;
    bool any;
};

static bool is_picture(enum dp_block_type type)
{
    return type == DP_FIGURE || type == DP_CHART || type == DP_STAMP || type == DP_BARCODE || type == DP_MUSIC ||
           type == DP_CHEMISTRY;
}

static void entry(struct figures_writer *w, const struct dp_page *page, const struct out_tree *tree, int32_t i,
                  const char *name)
{
    const struct dp_block *b = &page->blocks[i];
    struct out_json *j = &w->json;
    const float sides[] = {b->bbox.x0, b->bbox.y0, b->bbox.x1, b->bbox.y1};
    const char *const names[] = {"x0", "y0", "x1", "y1"};
    out_json_open_object(j, NULL);
    out_json_text(j, "file", name);
    out_json_int(j, "page", page->number);
    out_json_int(j, "order", b->order);
    out_json_text(j, "type", dp_block_type_name(b->type));
    out_json_open_object(j, "bbox");
    for (int k = 0; k < 4; k++)
        out_json_number(j, names[k], (double)sides[k], 2);
    out_json_close_object(j);
    if (b->text[0])
        out_json_text(j, "text", b->text);
    out_json_open_array(j, "captions");
    for (int32_t k = tree->caption[i]; k != DP_NONE; k = tree->next_caption[k])
        out_json_text(j, NULL, page->blocks[k].text);
    out_json_close_array(j);
    out_json_close_object(j);
}

static enum b_code one(struct figures_writer *w, const struct dp_page *page, const struct out_tree *tree, int32_t i,
                       struct b_image_view view, struct b_err *err)
{
    char name[48];
    struct b_buf png;
    (void)snprintf(name, sizeof name, "p%d-b%d.png", page->number, i);
    b_buf_init(&png, OUT_PAGE_MAX);
    enum b_code code = out_png(&png, view, page->dpi, err);
    if (code == B_OK)
        code = out_side(&w->frame, name, png.data, png.len, err);
    if (code == B_OK)
        entry(w, page, tree, i, name);
    w->any = true;
    b_buf_free(&png);
    return code;
}

static enum b_code figures_page(struct out_writer *writer, const struct dp_page *page, const struct b_image_view *image,
                                struct b_err *err)
{
    struct b_image_view view;
    struct b_image turned;
    struct out_tree tree;
    enum b_code code = out_tree_new(page, &tree, err);
    for (int32_t i = 0; i < page->n_blocks && code == B_OK; i++)
        if (image && is_picture(page->blocks[i].type)) {
            code = out_crop(image, page, &page->blocks[i], &turned, &view, err);
            if (code == B_OK)
                code = one((struct figures_writer *)writer, page, &tree, i, view, err);
            else if (code == B_NOT_FOUND)
                code = B_OK; /* no place on the page, no picture */
            b_image_free(&turned);
        }
    out_tree_free(&tree);
    return code;
}

static enum b_code figures_end(struct out_writer *writer, enum dp_status status, struct b_err *err)
{
    struct figures_writer *w = (struct figures_writer *)writer;
    (void)status;
    if (!w->any)
        return B_OK;
    out_json_close_array(&w->json);
    b_buf_putc(&w->index, '\n');
    enum b_code code = b_buf_check(&w->index, OUT_DOMAIN, err);
    return code == B_OK ? out_side(writer, "index.json", w->index.data, w->index.len, err) : code;
}

static void figures_drop(struct out_writer *writer)
{
    b_buf_free(&((struct figures_writer *)writer)->index);
}

static const struct out_ops figures_ops = {.page = figures_page, .end = figures_end, .drop = figures_drop};

OUT_OPENER(out_figures_open)
{
    enum b_code code = out_writer_new(sizeof(struct figures_writer), &figures_ops, options, sink, out, err);
    if (code != B_OK)
        return code;
    struct figures_writer *w = (struct figures_writer *)*out;
    b_buf_init(&w->index, OUT_PAGE_MAX);
    w->json = (struct out_json){.buf = &w->index, .pretty = true};
    out_json_open_array(&w->json, NULL);
    return B_OK;
}
