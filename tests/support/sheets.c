/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/sheets.h"

#include "docparse/loader_private.h"

const char *const t_sheet_texts[T_SHEET_WORDS] = {"one", "zwei", "三", "", "five"};

void t_sheet_make(struct dp_sheet *s, int32_t number)
{
    const struct dp_limits limits = dp_limits_default();
    static const char times[] = "Times", courier[] = "Courier";
    const char *const fonts[T_SHEET_WORDS] = {times, NULL, courier, times, courier};
    if (dp_sheet_begin(s, number, &limits, NULL) != B_OK)
        return;
    s->image = (struct b_image){.width = 100, .height = 50, .channels = 3};
    s->dpi = 150.5;
    s->width_pt = 48;
    s->height_pt = 24;
    s->kind = DP_SHEET_DIGITAL;
    s->words = B_ARENA_ARRAY(s->arena, T_SHEET_WORDS, struct dp_word);
    s->word_hidden = B_ARENA_ARRAY(s->arena, T_SHEET_WORDS, uint8_t);
    s->word_line_end = B_ARENA_ARRAY(s->arena, T_SHEET_WORDS, uint8_t);
    s->rules = B_ARENA_ARRAY(s->arena, 1, struct dp_rule);
    s->images = B_ARENA_ARRAY(s->arena, 2, struct dp_placed_image);
    for (int i = 0; i < T_SHEET_WORDS; i++)
        s->words[i] = (struct dp_word){.bbox = {(float)i, 1, (float)i + 1, 2},
                                       .text = t_sheet_texts[i],
                                       .confidence = DP_NO_CONFIDENCE,
                                       .font_size = 10.5f,
                                       .font = fonts[i],
                                       .style = (uint32_t)i,
                                       .joined = i == 1};
    s->n_words = T_SHEET_WORDS;
    s->word_hidden[2] = s->word_line_end[4] = 1;
    s->rules[0] = (struct dp_rule){.bbox = {0, 10, 100, 11}, .width = 1, .vertical = false};
    s->n_rules = 1;
    s->images[1] = (struct dp_placed_image){.bbox = {0, 0, 10, 10}, .pixel_width = 640, .pixel_height = 480};
    s->n_images = 2;
    s->shapes = B_ARENA_ARRAY(s->arena, 2, struct dp_shape);
    s->shapes[0] = (struct dp_shape){.bbox = {1, 2, 3, 4}, .free = true};
    s->shapes[1] = (struct dp_shape){.bbox = {5, 6, 90, 40}, .filled = true};
    s->n_shapes = 2;
    s->glyphs = B_ARENA_ARRAY(s->arena, 2, struct dp_glyph);
    s->glyph_fonts = B_ARENA_ARRAY(s->arena, 2, const char *);
    s->glyph_fonts[1] = "CMMI10";
    s->n_glyph_fonts = 2;
    s->glyphs[0] = (struct dp_glyph){.x = 5, .y = 9, .advance = 4, .size = 8, .ink = {5, 3, 9, 9}, .cp = 'x', .font = 1};
    s->glyphs[1] = (struct dp_glyph){.ink = {1, 2, 9, 3}, .cp = DP_GLYPH_BAR, .font = DP_NONE};
    s->n_glyphs = 2;
    dp_sheet_warn(s, "something is %s", "odd");
}
