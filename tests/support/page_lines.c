/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of words for pages of tests. */
#include "tests/support/page_lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void succeed(enum b_code code, const char *what, const struct b_err *err)
{
    if (code != B_OK) {
        (void)fprintf(stderr, "%s: %s\n", what, err->message);
        abort();
    }
}

struct dp_page *t_page_new(int number, int w, int h, double dpi, struct dp_line_builder *builder)
{
    struct b_err err = {0};
    struct dp_page *page = NULL;
    succeed(dp_page_new(number, 64u << 20, &page, &err), "a test's page", &err);
    page->width = w;
    page->height = h;
    page->dpi = dpi;
    dp_line_builder_begin(builder, page);
    return page;
}

void t_page_assemble(const struct dp_sheet *sheet, struct dp_page *page)
{
    struct b_err err = {0};
    succeed(dp_assemble(sheet, page, &err), "assembly", &err);
    succeed(dp_page_check(page, &err), "the assembled page", &err);
}

struct t_type t_type_read(float size)
{
    return (struct t_type){.size = size, .step = size * 0.4f, .source = DP_FROM_COMPACT, .confidence = 0.9f};
}

struct t_type t_type_layer(float size)
{
    return (struct t_type){.size = size,
                           .step = size * 0.5f,
                           .font_size = size * 0.6f,
                           .source = DP_FROM_TEXT_LAYER,
                           .confidence = DP_NO_CONFIDENCE};
}

static void need(enum b_code code)
{
    if (code != B_OK) {
        fprintf(stderr, "a line of the test's page could not be made\n");
        abort();
    }
}

/* The box of a stretch of the line at (x, y), from `from` to `to` in the direction of its words. */
static struct dp_rect box_of(const struct t_type *type, float x, float y, float from, float to)
{
    return type->downwards ? (struct dp_rect){x, from, x + type->size, to}
                           : (struct dp_rect){from, y, to, y + type->size};
}

void t_line(struct dp_line_builder *builder, const struct t_type *type, float x, float y, const char *text)
{
    const float start = type->downwards ? y : x;
    float at = start;
    for (size_t i = 0; text[i];) {
        const size_t n = strcspn(text + i, " ");
        const struct dp_word word = {.bbox = box_of(type, x, y, at, at + (float)n * type->step),
                                     .text = b_arena_text(builder->page->arena, text + i, n),
                                     .font_size = type->font_size,
                                     .style = type->style,
                                     .confidence = type->confidence};
        need(word.text ? dp_line_builder_word(builder, &word, NULL) : B_NO_MEMORY);
        at += (float)(n + 1) * type->step;
        i += n + (text[i + n] == ' ');
    }
    struct dp_line line = {.source = type->source,
                           .confidence = type->confidence,
                           .font_size = type->font_size,
                           .flags = type->direction ? (uint32_t)DP_FLAG_TURNED : 0};
    dp_quad_of_box(box_of(type, x, y, start, at - type->step), type->direction, line.quad);
    need(dp_line_builder_end(builder, &line, NULL));
}

const struct dp_block *t_block_with(const struct dp_page *page, const char *text)
{
    for (int32_t i = 0; i < page->n_blocks; i++)
        if (page->blocks[i].type != DP_LIST && strstr(page->blocks[i].text, text))
            return &page->blocks[i];
    return NULL;
}
