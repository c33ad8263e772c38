/* SPDX-License-Identifier: Apache-2.0 */
/* Reads pages that are written down as text. Invariant: all boxes lie on their page, all arrays have room for `MOST`
 * entries, and what would be one more is left out. */
#include "tests/support/page_script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/line_builder.h"
#include "docparse/text_layer.h"
#include "engine/base/utf8.h"

enum { MOST = 600, SIDE_MOST = 800, NUMBERS = 6 };

static const char *const fonts[] = {"Times-Roman", "Times-Bold",          "CMR10",  "CMMI10", "CMSY10", "CMEX10",
                                    "Courier",     "STIXTwoMath-Regular", "Symbol", NULL};
#define N_FONTS ((int32_t)(sizeof fonts / sizeof fonts[0]))

struct command {
    char name;
    int32_t at[NUMBERS];
    const char *text; /* what follows the numbers that the command takes */
    size_t len;
};

static int32_t clamp(int64_t value, int32_t least, int32_t most)
{
    return value < least ? least : value > most ? most : (int32_t)value;
}

/* How many numbers stand before the text. */
static int numbers_of(char name)
{
    return name == 't' ? 5 : name == 'o' ? 2 : NUMBERS;
}

static void parse_line(const char *line, size_t len, struct command *c)
{
    size_t at = len ? 1 : 0;
    *c = (struct command){.name = len ? line[0] : '\0'};
    for (int i = 0; i < numbers_of(c->name); i++) {
        int64_t value = 0;
        while (at < len && line[at] == ' ')
            at++;
        const bool minus = at < len && line[at] == '-';
        for (at += minus; at < len && line[at] >= '0' && line[at] <= '9'; at++)
            value = value < 100000000 ? value * 10 + (line[at] - '0') : value;
        c->at[i] = (int32_t)(minus ? -value : value);
    }
    if (at < len && line[at] == ' ')
        at++;
    c->text = line + at;
    c->len = len - at;
}

static bool sheet_begin(struct t_script *s, const struct command *c)
{
    struct t_script_page *page = &s->pages[s->n_pages];
    struct dp_sheet *sheet = &page->sheet;
    *page = (struct t_script_page){.n_regions = 0};
    sheet->number = ++s->n_pages;
    sheet->dpi = clamp(c->at[2], 0, 1200);
    sheet->kind = (enum dp_sheet_kind)clamp(c->at[3], DP_SHEET_RASTER, DP_SHEET_DIGITAL);
    sheet->arena = b_arena_new((size_t)1 << 24);
    if (!sheet->arena || b_image_new(clamp(c->at[0], 1, SIDE_MOST), clamp(c->at[1], 1, SIDE_MOST), 1, 1u << 20,
                                     &sheet->image, NULL) != B_OK)
        return false;
    memset(sheet->image.pixels, 255, (size_t)sheet->image.width * (size_t)sheet->image.height);
    sheet->words = B_ARENA_ARRAY(sheet->arena, MOST, struct dp_word);
    sheet->word_hidden = B_ARENA_ARRAY(sheet->arena, MOST, uint8_t);
    sheet->word_line_end = B_ARENA_ARRAY(sheet->arena, MOST, uint8_t);
    sheet->rules = B_ARENA_ARRAY(sheet->arena, MOST, struct dp_rule);
    sheet->shapes = B_ARENA_ARRAY(sheet->arena, MOST, struct dp_shape);
    sheet->glyphs = B_ARENA_ARRAY(sheet->arena, MOST, struct dp_glyph);
    sheet->images = B_ARENA_ARRAY(sheet->arena, MOST, struct dp_placed_image);
    sheet->glyph_fonts = B_ARENA_ARRAY(sheet->arena, N_FONTS, const char *);
    if (!sheet->words || !sheet->word_hidden || !sheet->word_line_end || !sheet->rules || !sheet->shapes ||
        !sheet->glyphs || !sheet->images || !sheet->glyph_fonts)
        return false;
    memcpy(sheet->glyph_fonts, fonts, sizeof fonts);
    sheet->n_glyph_fonts = N_FONTS;
    return true;
}

static struct dp_rect box_of(const struct dp_sheet *s, const int32_t at[4])
{
    const int32_t w = s->image.width, h = s->image.height;
    const int32_t x0 = clamp(at[0], 0, w), y0 = clamp(at[1], 0, h);
    return (struct dp_rect){(float)x0, (float)y0, (float)clamp(at[2], x0, w), (float)clamp(at[3], y0, h)};
}

static void add_glyph(struct dp_sheet *s, struct dp_rect ink, uint32_t cp, int32_t font, float size)
{
    if (s->n_glyphs < MOST)
        s->glyphs[s->n_glyphs++] = (struct dp_glyph){.x = ink.x0,
                                                     .y = cp == DP_GLYPH_BAR ? ink.y1 : ink.y0 + 0.8f * size,
                                                     .advance = ink.x1 - ink.x0,
                                                     .size = size,
                                                     .ink = ink,
                                                     .cp = cp,
                                                     .font = cp == DP_GLYPH_BAR ? DP_NONE : font};
}

/* Readers hand on valid text without control characters and white space only. */
static bool is_word(const char *text)
{
    const size_t len = strlen(text);
    bool fine = len > 0 && b_utf8_valid(text, len);
    for (size_t pos = 0; pos < len && fine;) {
        const uint32_t cp = b_utf8_next(text, len, &pos);
        fine = !b_cp_is_control(cp) && !b_cp_is_space(cp);
    }
    return fine;
}

/* One word; returns where the next one begins. */
static int32_t add_word(struct dp_sheet *s, const struct command *c, int32_t at, const char *text, size_t len)
{
    const int32_t size = clamp(c->at[2], 1, 200), style = c->at[3], step = size > 1 ? size / 2 : 1;
    const int32_t font = clamp(c->at[4], 0, N_FONTS - 1);
    const bool down = style & T_STYLE_DOWN;
    const int32_t advance = clamp((int64_t)b_utf8_count(text, len) * (down ? size : step), 1, SIDE_MOST);
    const int32_t box[4] = {down ? c->at[0] : at, down ? at : c->at[1], down ? c->at[0] + size : at + advance,
                            down ? at + advance : c->at[1] + size};
    struct dp_word *w = &s->words[s->n_words];
    *w = (struct dp_word){.bbox = box_of(s, box),
                          .text = b_arena_text(s->arena, text, len),
                          .confidence = DP_NO_CONFIDENCE,
                          .font_size = s->dpi > 0 ? (float)(size * 72.0 / s->dpi) : 0,
                          .font = fonts[font],
                          .style = (uint32_t)style & 31u};
    if (!w->text || !is_word(w->text))
        return at + advance + step;
    s->word_hidden[s->n_words] = (style & T_STYLE_HIDDEN) != 0;
    s->word_line_end[s->n_words++] = 0;
    for (size_t pos = 0, i = 0; (style & T_STYLE_GLYPHS) && !down && pos < len; i++) {
        const int32_t x = at + (int32_t)i * step;
        const int32_t ink[4] = {x, box[1], x + step, box[3]};
        add_glyph(s, box_of(s, ink), b_utf8_next(text, len, &pos), font, (float)size);
    }
    return at + advance + step;
}

static void add_text(struct dp_sheet *s, const struct command *c)
{
    int32_t at = c->at[3] & T_STYLE_DOWN ? c->at[1] : c->at[0];
    at = clamp(at, -SIDE_MOST, SIDE_MOST);
    for (size_t i = 0; i < c->len && s->n_words < MOST;) {
        const char *blank = memchr(c->text + i, ' ', c->len - i);
        const size_t len = blank ? (size_t)(blank - c->text) - i : c->len - i;
        if (len > 0)
            at = add_word(s, c, at, c->text + i, len);
        i += len + 1;
    }
    if ((c->at[3] & T_STYLE_END) && s->n_words > 0)
        s->word_line_end[s->n_words - 1] = 1;
}

static void add_ink(struct dp_sheet *s, struct dp_rect b, int32_t grey)
{
    for (int y = (int)b.y0; y < (int)b.y1; y++)
        memset(s->image.pixels + (size_t)y * (size_t)s->image.width + (size_t)b.x0, clamp(grey, 0, 255),
               (size_t)(b.x1 - b.x0));
}

static void add_outline(struct t_script *s, const struct command *c)
{
    const char *title = b_arena_text(s->arena, c->text, c->len);
    if (title && s->n_outline < T_SCRIPT_OUTLINE && b_utf8_valid(title, strlen(title)))
        s->outline[s->n_outline++] = (struct dp_outline_item){title, clamp(c->at[0], 0, 9), clamp(c->at[1], 0, 9)};
}

static void obey(struct t_script *s, const struct command *c)
{
    struct t_script_page *page = &s->pages[s->n_pages - 1];
    struct dp_sheet *sheet = &page->sheet;
    const struct dp_rect b = box_of(sheet, c->at);
    const int32_t glyph[4] = {c->at[0], c->at[1], c->at[0] + (c->at[2] > 0 ? c->at[2] % SIDE_MOST : 1),
                              c->at[1] + ((uint32_t)c->at[4] == DP_GLYPH_BAR ? 1 : clamp(c->at[2], 1, SIDE_MOST))};
    switch (c->name) {
    case 't':
        add_text(sheet, c);
        break;
    case 'r':
        if (sheet->n_rules < MOST)
            sheet->rules[sheet->n_rules++] =
                (struct dp_rule){.bbox = b, .width = 1, .vertical = b.x1 - b.x0 < b.y1 - b.y0};
        break;
    case 'b':
        if (sheet->n_shapes < MOST)
            sheet->shapes[sheet->n_shapes++] =
                (struct dp_shape){.bbox = b, .free = c->at[4] & 1, .filled = c->at[4] & 2};
        break;
    case 'i':
        if (sheet->n_images < MOST)
            sheet->images[sheet->n_images++] = (struct dp_placed_image){b, 100, 100};
        break;
    case 'k':
        add_ink(sheet, b, c->at[4]);
        break;
    case 'n':
        if (page->n_regions < T_SCRIPT_REGIONS)
            page->regions[page->n_regions++] =
                (struct dp_region){(enum dp_region_kind)clamp(c->at[4], 0, DP_REGION_KINDS - 1),
                                   (float)clamp(c->at[5], 0, 100) / 100.0f, b};
        break;
    case 'g':
        add_glyph(sheet, box_of(sheet, glyph), (uint32_t)clamp(c->at[4], 0, DP_GLYPH_BAR),
                  clamp(c->at[3], 0, N_FONTS - 1), (float)clamp(c->at[2], 1, SIDE_MOST));
        break;
    case 'o':
        add_outline(s, c);
        break;
    default:
        break;
    }
}

bool t_script_read(const char *text, size_t size, struct t_script *out)
{
    *out = (struct t_script){.arena = b_arena_new((size_t)1 << 22)};
    struct command c = {.name = 'p', .at = {600, 800, 100, DP_SHEET_DIGITAL}};
    bool ok = out->arena && (size > 0 && text[0] == 'p' ? true : sheet_begin(out, &c));
    for (size_t at = 0; at < size && ok;) {
        const char *end = memchr(text + at, '\n', size - at);
        const size_t len = end ? (size_t)(end - text) - at : size - at;
        parse_line(text + at, len, &c);
        if (c.name != 'p')
            obey(out, &c);
        else if (out->n_pages < T_SCRIPT_PAGES)
            ok = sheet_begin(out, &c);
        at += len + 1;
    }
    return ok;
}

void t_script_free(struct t_script *script)
{
    for (int32_t i = 0; i < script->n_pages; i++) {
        b_arena_drop(script->pages[i].sheet.arena);
        b_image_free(&script->pages[i].sheet.image);
    }
    b_arena_drop(script->arena);
}

static enum b_code add_line(const struct dp_sheet *sheet, const struct dp_layer *layer, const struct dp_layer_line *l,
                            struct dp_line_builder *builder, struct b_err *err)
{
    struct dp_line line = {.source = DP_FROM_TEXT_LAYER, .confidence = DP_NO_CONFIDENCE, .bbox = l->bbox};
    line.flags = (l->hidden ? DP_FLAG_HIDDEN : 0) | (l->vertical ? DP_FLAG_VERTICAL : 0);
    if (sheet->dpi > 0)
        line.font_size = (float)(l->size * 72.0 / sheet->dpi);
    dp_quad_of_box(l->bbox, l->direction, line.quad);
    for (int32_t k = 0; k < l->count; k++) {
        struct dp_word word = sheet->words[layer->order[l->first + k]];
        word.joined = layer->joined[l->first + k];
        const enum b_code code = dp_line_builder_word(builder, &word, err);
        if (code != B_OK)
            return code;
    }
    return dp_line_builder_end(builder, &line, err);
}

enum b_code t_script_lines(const struct t_script_page *from, struct dp_page **out, struct b_err *err)
{
    const struct dp_sheet *sheet = &from->sheet;
    struct dp_line_builder builder;
    struct dp_layer layer;
    enum b_code code = dp_page_new(sheet->number, (size_t)64 << 20, out, err);
    if (code != B_OK)
        return code;
    struct dp_page *page = *out;
    page->width = sheet->image.width;
    page->height = sheet->image.height;
    page->dpi = sheet->dpi;
    dp_line_builder_begin(&builder, page);
    code = dp_text_layer_group(sheet, page->arena, &layer, err);
    for (int32_t i = 0; i < layer.n_lines && code == B_OK; i++)
        code = add_line(sheet, &layer, &layer.lines[i], &builder, err);
    if (code != B_OK) {
        dp_page_drop(page);
        *out = NULL;
    }
    return code;
}
