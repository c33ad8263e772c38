/* SPDX-License-Identifier: Apache-2.0 */
/* Pages as JSON that a person can review: no long texts, every number. */
#include "tests/support/markup_dump.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/utf8.h"

#define SHOWN 24 /* characters of a text that are shown */

static json_t *text_json(const char *text)
{
    const size_t len = strlen(text);
    size_t pos = 0;
    uint64_t h = 0xcbf29ce484222325u;
    char hash[32];
    for (int i = 0; i < SHOWN && pos < len; i++)
        (void)b_utf8_next(text, len, &pos);
    if (pos == len)
        return json_stringn(text, len);
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)text[i]) * 0x100000001b3u;
    (void)snprintf(hash, sizeof hash, "%016" PRIx64, h);
    return json_pack("{s:o, s:i, s:s}", "begins", json_stringn(text, pos), "bytes", (int)len, "fnv1a", hash);
}

static json_t *rect_json(struct dp_rect r)
{
    char text[96];
    (void)snprintf(text, sizeof text, "%.2f %.2f %.2f %.2f", (double)r.x0, (double)r.y0, (double)r.x1, (double)r.y1);
    return json_string(text);
}

static json_t *flags_json(uint32_t flags)
{
    json_t *list = json_array();
    for (uint32_t bit = 1; bit; bit <<= 1)
        if ((flags & bit) && dp_flag_name(bit))
            (void)json_array_append_new(list, json_string(dp_flag_name(bit)));
    return list;
}

static json_t *table_json(const struct dp_page *page, const struct dp_table *t)
{
    static const char *const headers[] = {"", "column", "row"};
    json_t *cells = json_array();
    for (int32_t i = 0; i < t->n_cells; i++) {
        const struct dp_cell *c = &page->cells[t->first_cell + i];
        char place[64];
        (void)snprintf(place, sizeof place, "%d,%d %dx%d %s", c->row, c->col, c->row_span, c->col_span,
                       headers[c->header]);
        json_t *cell = json_array();
        (void)json_array_append_new(cell, json_string(place));
        (void)json_array_append_new(cell, text_json(c->text));
        (void)json_array_append_new(cells, cell);
    }
    json_t *out = json_pack("{s:i, s:i, s:o}", "rows", t->rows, "cols", t->cols, "cells", cells);
    if (t->caption)
        (void)json_object_set_new(out, "caption", text_json(t->caption));
    return out;
}

static json_t *block_json(const struct dp_page *page, const struct dp_block *b)
{
    json_t *out = json_pack("{s:s, s:o}", "type", dp_block_type_name(b->type), "text", text_json(b->text));
    if (b->level)
        (void)json_object_set_new(out, "level", json_integer(b->level));
    if (b->has_bbox)
        (void)json_object_set_new(out, "bbox", rect_json(b->bbox));
    if (b->parent != DP_NONE)
        (void)json_object_set_new(out, "parent", json_integer(b->parent));
    if (b->caption_of != DP_NONE)
        (void)json_object_set_new(out, "caption_of", json_integer(b->caption_of));
    if (b->flags)
        (void)json_object_set_new(out, "flags", flags_json(b->flags));
    if (b->marker)
        (void)json_object_set_new(out, "marker", json_string(b->marker));
    if (b->latex)
        (void)json_object_set_new(out, b->display ? "display_latex" : "inline_latex", text_json(b->latex));
    if (b->chart_kind)
        (void)json_object_set_new(out, "chart_kind", json_string(b->chart_kind));
    if (b->language)
        (void)json_object_set_new(out, "language", json_string(b->language));
    if (b->n_lines)
        (void)json_object_set_new(out, "lines", json_integer(b->n_lines));
    if (b->table != DP_NONE)
        (void)json_object_set_new(out, "table", table_json(page, &page->tables[b->table]));
    return out;
}

json_t *t_markup_json(const struct dp_page *page, const struct dp_markup_result *r)
{
    static const char *const kinds[] = {"empty", "html", "json", "text"};
    json_t *blocks = json_array(), *warnings = json_object();
    for (int32_t i = 0; i < page->n_blocks; i++)
        (void)json_array_append_new(blocks, block_json(page, &page->blocks[i]));
    for (int c = 0; c < DP_MARKUP_WARNINGS; c++)
        if (r->counts[c])
            (void)json_object_set_new(warnings, dp_markup_warning_name((enum dp_markup_warning_code)c),
                                      json_integer(r->counts[c]));
    return json_pack("{s:s, s:b, s:b, s:b, s:s, s:o, s:i, s:i, s:o, s:o}", "kind", kinds[r->kind], "complete",
                     r->complete, "truncated", r->truncated, "looped", r->looped, "status",
                     dp_status_name(page->status), "preamble", text_json(r->preamble), "width", page->width, "height",
                     page->height, "warnings", warnings, "blocks", blocks);
}
