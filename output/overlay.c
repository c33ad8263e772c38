/* SPDX-License-Identifier: Apache-2.0 */
/* Page pictures with everything that was found drawn over them, one self-contained SVG a page: blocks in the
 * colour of their type with order number, type and confidence, lines as thin boxes along their slope. */
#include <math.h>
#include <stdio.h>

#include "output/escape.h"
#include "output/picture.h"
#include "output/writer_private.h"

#define PICTURE_WIDTH 1800 /* px: lines stay readable when zoomed */

static const char *colour(enum dp_block_type type)
{
    switch (type) {
    case DP_TITLE:
    case DP_HEADING:
        return "#be185d";
    case DP_TABLE:
    case DP_CHART:
        return "#15803d";
    case DP_FIGURE:
        return "#ca6804";
    case DP_FORMULA:
        return "#7e22ce";
    case DP_CAPTION:
        return "#a16207";
    case DP_LIST:
    case DP_LIST_ITEM:
        return "#0e7490";
    case DP_HEADER:
    case DP_FOOTER:
    case DP_PAGE_NUMBER:
        return "#78829b";
    case DP_CODE:
        return "#475569";
    default:
        return "#2563eb";
    }
}

static void pair(struct b_buf *buf, struct dp_point p)
{
    out_fixed(buf, (double)p.x, 1);
    b_buf_putc(buf, ',');
    out_fixed(buf, (double)p.y, 1);
}

static void lines(struct b_buf *buf, const struct dp_page *page)
{
    b_buf_puts(buf, "<g class=\"l\">\n");
    for (int32_t i = 0; i < page->n_lines; i++) {
        b_buf_puts(buf, "<path d=\"M");
        for (int k = 0; k < 4; k++) {
            if (k > 0)
                b_buf_putc(buf, ' ');
            pair(buf, page->lines[i].quad[k]);
        }
        b_buf_puts(buf, "z\"><title>");
        out_xml_text(buf, page->lines[i].text);
        b_buf_puts(buf, "</title></path>\n");
    }
    b_buf_puts(buf, "</g>\n");
}

static void attribute(struct b_buf *buf, const char *name, float value)
{
    b_buf_printf(buf, " %s=\"", name);
    out_fixed(buf, (double)value, 1);
    b_buf_putc(buf, '"');
}

static void block(struct b_buf *buf, const struct dp_page *page, int32_t i, float size)
{
    const struct dp_block *b = &page->blocks[i];
    if (!b->has_bbox)
        return;
    b_buf_printf(buf, "<g style=\"color:%s\"><rect class=\"b\"", colour(b->type));
    attribute(buf, "x", b->bbox.x0);
    attribute(buf, "y", b->bbox.y0);
    attribute(buf, "width", b->bbox.x1 - b->bbox.x0);
    attribute(buf, "height", b->bbox.y1 - b->bbox.y0);
    b_buf_puts(buf, "><title>");
    out_xml_text(buf, b->text);
    b_buf_puts(buf, "</title></rect><text");
    attribute(buf, "x", b->bbox.x0);
    attribute(buf, "y", fmaxf(b->bbox.y0 - 0.25f * size, size));
    b_buf_printf(buf, ">%d %s", b->order + 1, dp_block_type_name(b->type));
    if (b->type == DP_HEADING)
        b_buf_printf(buf, " %d", b->level);
    if (b->confidence >= 0.0f) {
        b_buf_putc(buf, ' ');
        out_fixed(buf, (double)b->confidence, 2);
    }
    b_buf_puts(buf, "</text></g>\n");
}

static void frame(struct b_buf *buf, const struct dp_page *page, float size)
{
    b_buf_printf(
        buf,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\">\n<style>.b{fill:"
        "currentColor;fill-opacity:.07;stroke:currentColor;stroke-width:",
        page->width, page->height, page->width, page->height);
    out_fixed(buf, (double)size / 8.0, 1);
    b_buf_puts(buf, "}.l path{fill:none;stroke:#64748b;stroke-opacity:.6;stroke-width:");
    out_fixed(buf, (double)size / 16.0, 1);
    b_buf_puts(buf, "}text{font:bold ");
    out_fixed(buf, (double)size, 1);
    b_buf_puts(buf, "px sans-serif;fill:currentColor;stroke:#fff;stroke-width:.25em;paint-order:stroke}</style>\n");
}

static enum b_code overlay_page(struct out_writer *writer, const struct dp_page *page, const struct b_image_view *image,
                                struct b_err *err)
{
    struct b_buf buf;
    char name[32];
    enum b_code code = B_OK;
    const float size = fmaxf((float)page->width / 90.0f, 8.0f); /* of the labels, px */
    if (page->width < 1 || page->height < 1)
        return B_OK;
    b_buf_init(&buf, OUT_PAGE_MAX);
    (void)snprintf(name, sizeof name, "p%d.svg", page->number);
    frame(&buf, page, size);
    if (image) {
        b_buf_printf(&buf, "<image width=\"%d\" height=\"%d\" preserveAspectRatio=\"none\" href=\"", page->width,
                     page->height);
        code = out_data_uri(&buf, *image, PICTURE_WIDTH, err);
        b_buf_puts(&buf, "\"/>\n");
    }
    lines(&buf, page);
    for (int32_t i = 0; i < page->n_blocks; i++)
        block(&buf, page, i, size);
    b_buf_puts(&buf, "</svg>\n");
    if (code == B_OK)
        code = b_buf_check(&buf, OUT_DOMAIN, err);
    if (code == B_OK)
        code = out_side(writer, name, buf.data, buf.len, err);
    b_buf_free(&buf);
    return code;
}

static const struct out_ops overlay_ops = {.page = overlay_page};

OUT_OPENER(out_overlay_open)
{
    return out_writer_new(sizeof(struct out_writer), &overlay_ops, options, sink, out, err);
}
