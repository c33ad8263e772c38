/* SPDX-License-Identifier: Apache-2.0 */
/* Builder of pages and the fixed sample document. */
#include "tests/support/make_document.h"

#include <stdlib.h>
#include <string.h>

#define ROOM 4096
#define PAGE_BYTES ((size_t)32 << 20)

bool t_page_begin(struct t_page *t, int32_t number, int32_t width, int32_t height, double dpi)
{
    *t = (struct t_page){.room = ROOM, .ok = true};
    if (dp_page_new(number, PAGE_BYTES, &t->page, NULL) != B_OK)
        return t->ok = false;
    struct dp_page *p = t->page;
    p->width = width;
    p->height = height;
    p->dpi = dpi;
    p->blocks = B_ARENA_ARRAY(p->arena, ROOM, struct dp_block);
    p->lines = B_ARENA_ARRAY(p->arena, ROOM, struct dp_line);
    p->words = B_ARENA_ARRAY(p->arena, ROOM, struct dp_word);
    p->tables = B_ARENA_ARRAY(p->arena, ROOM, struct dp_table);
    p->cells = B_ARENA_ARRAY(p->arena, ROOM, struct dp_cell);
    p->spans = B_ARENA_ARRAY(p->arena, ROOM, struct dp_span);
    t->ok = p->blocks && p->lines && p->words && p->tables && p->cells && p->spans;
    return t->ok;
}

const char *t_text(struct t_page *t, const char *text)
{
    char *copy = text ? b_arena_text(t->page->arena, text, strlen(text)) : NULL;
    t->ok = t->ok && (copy || !text);
    return copy ? copy : "";
}

void t_span(struct t_page *t, enum dp_span_kind kind, const char *covered, const char *latex)
{
    struct dp_page *p = t->page;
    const struct dp_block *b = &p->blocks[p->n_blocks - 1];
    const char *at = t->ok && p->n_spans < t->room ? strstr(b->text, covered) : NULL;
    if (!at) {
        t->ok = false;
        return;
    }
    p->spans[p->n_spans++] = (struct dp_span){.block = p->n_blocks - 1,
                                              .begin = (int32_t)(at - b->text),
                                              .end = (int32_t)(at - b->text + (ptrdiff_t)strlen(covered)),
                                              .kind = kind,
                                              .latex = latex ? t_text(t, latex) : NULL,
                                              .bbox = b->bbox,
                                              .confidence = 0.95f};
}

int32_t t_block(struct t_page *t, enum dp_block_type type, struct dp_rect bbox, const char *text)
{
    struct dp_page *p = t->page;
    if (!t->ok || p->n_blocks >= t->room) {
        t->ok = false;
        return 0;
    }
    struct dp_block *b = &p->blocks[p->n_blocks];
    *b = (struct dp_block){.type = type,
                           .level = type == DP_HEADING ? 1 : 0,
                           .order = p->n_blocks,
                           .parent = DP_NONE,
                           .bbox = bbox,
                           .text = t_text(t, text),
                           .confidence = DP_NO_CONFIDENCE,
                           .source = DP_FROM_COMPACT,
                           .first_line = p->n_lines,
                           .table = DP_NONE,
                           .caption_of = DP_NONE,
                           .has_bbox = true};
    return p->n_blocks++;
}

/* Words of one line, as wide as their share of the characters. */
static void words_of(struct t_page *t, struct dp_line *line)
{
    struct dp_page *p = t->page;
    const size_t chars = strlen(line->text);
    const float step = (line->bbox.x1 - line->bbox.x0) / (float)(chars ? chars : 1);
    for (size_t i = 0; i < chars;) {
        const size_t n = strcspn(line->text + i, " ");
        if (n > 0 && p->n_words < t->room) {
            char *text = b_arena_text(p->arena, line->text + i, n);
            const float x0 = line->bbox.x0 + step * (float)i;
            t->ok = t->ok && text;
            p->words[p->n_words++] = (struct dp_word){.bbox = {x0, line->bbox.y0, x0 + step * (float)n, line->bbox.y1},
                                                      .text = text ? text : "",
                                                      .confidence = line->confidence,
                                                      .font_size = line->font_size};
            line->n_words++;
        }
        i += n + (line->text[i + n] == ' ');
    }
}

void t_lines(struct t_page *t, int rows)
{
    struct dp_page *p = t->page;
    struct dp_block *b = &p->blocks[p->n_blocks - 1];
    const size_t len = strlen(b->text);
    size_t from = 0;
    for (int r = 0; r < rows && t->ok && from < len && p->n_lines < t->room; r++) {
        size_t to = r + 1 == rows ? len : len * (size_t)(r + 1) / (size_t)rows;
        while (to < len && b->text[to] != ' ')
            to++;
        char *text = b_arena_text(p->arena, b->text + from, to > from ? to - from : 0);
        const float height = (b->bbox.y1 - b->bbox.y0) / (float)rows;
        struct dp_rect box = {b->bbox.x0, b->bbox.y0 + height * (float)r, b->bbox.x1,
                              b->bbox.y0 + height * (float)(r + 1)};
        t->ok = t->ok && text;
        struct dp_line *line = &p->lines[p->n_lines++];
        *line = (struct dp_line){.bbox = box,
                                 .quad = {{box.x0, box.y0}, {box.x1, box.y0}, {box.x1, box.y1}, {box.x0, box.y1}},
                                 .text = text ? text : "",
                                 .confidence = b->confidence,
                                 .source = b->source,
                                 .block = p->n_blocks - 1,
                                 .first_word = p->n_words,
                                 .font_size = 10.5f};
        words_of(t, line);
        b->n_lines++;
        from = to + (to < len);
    }
}

void t_table(struct t_page *t, int32_t rows, int32_t cols)
{
    struct dp_page *p = t->page;
    if (!t->ok || p->n_tables >= t->room) {
        t->ok = false;
        return;
    }
    p->blocks[p->n_blocks - 1].table = p->n_tables;
    p->tables[p->n_tables++] = (struct dp_table){.rows = rows, .cols = cols, .first_cell = p->n_cells};
}

void t_cell(struct t_page *t, int32_t row, int32_t col, int32_t row_span, int32_t col_span, enum dp_header_kind header,
            const char *text)
{
    struct dp_page *p = t->page;
    if (!t->ok || p->n_cells >= t->room || p->n_tables == 0) {
        t->ok = false;
        return;
    }
    p->cells[p->n_cells++] = (struct dp_cell){.row = row,
                                              .col = col,
                                              .row_span = row_span,
                                              .col_span = col_span,
                                              .header = header,
                                              .text = t_text(t, text),
                                              .confidence = DP_NO_CONFIDENCE};
    p->tables[p->n_tables - 1].n_cells++;
}

bool t_page_image(const struct dp_page *page, int channels, struct b_image *out)
{
    if (b_image_new(page->width, page->height, channels, (uint64_t)1 << 27, out, NULL) != B_OK)
        return false;
    const size_t stride = (size_t)page->width * (size_t)channels;
    memset(out->pixels, 0xF4, stride * (size_t)page->height);
    for (int32_t i = 0; i < page->n_lines; i++) {
        const struct dp_rect r = page->lines[i].bbox;
        for (int32_t y = (int32_t)r.y0 + 4; y < (int32_t)r.y1 - 4 && y < page->height; y++)
            for (int32_t x = (int32_t)r.x0; y >= 0 && x < (int32_t)r.x1 && x < page->width; x++)
                if (x >= 0)
                    memset(out->pixels + (size_t)y * stride + (size_t)x * (size_t)channels, x % 7 < 4 ? 0x30 : 0xF4,
                           (size_t)channels);
    }
    return true;
}
