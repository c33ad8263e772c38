/* SPDX-License-Identifier: Apache-2.0 */
/* Words of a text layer as lines: what stands in a hole of a row is part of it, what stands beside or between rows is
 * not. Rows are written with a word's place in front: see layer(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "docparse/text_layer.h"
#include "engine/base/arena.h"

#define WORDS 24
#define EM 20.0f /* pixels of a row's font; rows are 1.2 apart, at 72 dpi */

/* A word in ems: left edge and baseline; its font size as a share of the row's; glyph of mathematics or not. */
struct put {
    const char *text;
    float x, base, wide, size;
    bool sign;
};

/* The lines of the words as "a b|c d"; hidden: drawn invisibly. */
static void layer(const struct put *put, int32_t n, uint8_t hidden, char *out, size_t room)
{
    struct dp_word words[WORDS] = {0};
    uint8_t ends[WORDS] = {0}, hides[WORDS];
    memset(hides, hidden, sizeof hides);
    struct b_arena *arena = b_arena_new((size_t)1 << 20);
    struct dp_glyph glyphs[WORDS];
    const char *fonts[] = {"CMSY10"};
    int32_t n_glyphs = 0;
    struct dp_layer got;
    size_t at = 0;
    for (int32_t i = 0; i < n; i++) {
        const float size = put[i].size * EM;
        words[i] = (struct dp_word){.text = put[i].text, .font_size = size, .font = put[i].sign ? "CMSY10" : "CMR10"};
        words[i].bbox = (struct dp_rect){put[i].x * EM, put[i].base * EM - 0.75f * size, (put[i].x + put[i].wide) * EM,
                                         put[i].base * EM + 0.25f * size};
        ends[i] = 1;
        if (put[i].sign) /* hangs from its baseline */
            glyphs[n_glyphs++] = (struct dp_glyph){.cp = 'p', .x = words[i].bbox.x0, .y = put[i].base * EM, .advance = put[i].wide * EM, .size = size,
                                                   .ink = {words[i].bbox.x0, put[i].base * EM, words[i].bbox.x1, put[i].base * EM + size}};
    }
    const struct dp_sheet sheet = {.dpi = 72, .words = words, .n_words = n, .word_line_end = ends, .word_hidden = hides, .glyphs = glyphs, .n_glyphs = n_glyphs,
                                   .glyph_fonts = fonts, .n_glyph_fonts = 1};
    assert_int_equal(dp_text_layer_group(&sheet, arena, &got, NULL), B_OK);
    int32_t seen = 0;
    for (int32_t l = 0; l < got.n_lines; l++)
        for (int32_t k = 0; k < got.lines[l].count; k++, seen++)
            at += (size_t)snprintf(out + at, room - at, "%s%s", k ? " " : l ? "|" : "", words[got.order[got.lines[l].first + k]].text);
    assert_int_equal(seen, n);
    b_arena_drop(arena);
}

#define EXPECT(want, ...) EXPECT_OF(0, want, __VA_ARGS__)
#define EXPECT_OF(hidden, want, ...)                                               \
    do {                                                                           \
        const struct put put_[] = {__VA_ARGS__};                                   \
        char got_[400] = "";                                                       \
        layer(put_, (int32_t)(sizeof put_ / sizeof put_[0]), hidden, got_, sizeof got_); \
        assert_string_equal(got_, want);                                           \
    } while (0)

static void limits_go_into_their_row(void **state)
{
    (void)state;
    EXPECT("sum S N i=1 of all|next row here", {"sum", 0, 2, 2, 1, false}, {"S", 2.3f, 1.4f, 1, 1, true},
           {"N", 3.3f, 1.6f, 0.6f, 0.7f, false}, {"i=1", 3.3f, 2.3f, 1.3f, 0.7f, false}, {"of", 4.9f, 2, 1, 1, false},
           {"all", 6.2f, 2, 1.2f, 1, false}, {"next", 0, 3.2f, 2, 1, false}, {"row", 2.3f, 3.2f, 2, 1, false}, {"here", 4.6f, 3.2f, 2, 1, false});
}

static void fractions_keep_their_order(void **state)
{
    (void)state;
    EXPECT("to 1 1-x if", {"1", 2.8f, 1.6f, 0.4f, 0.7f, false}, {"to", 1, 2, 1, 1, false}, {"1-x", 2.3f, 2.35f, 1.4f, 0.7f, false},
           {"if", 4, 2, 0.8f, 1, false});
}

static void roots_go_to_the_row_of_their_ink(void **state)
{
    (void)state;
    EXPECT("one row above|R 2n is even", {"one", 0, 1, 1.5f, 1, false}, {"row", 1.8f, 1, 2, 1, false}, {"above", 4.1f, 1, 2, 1, false},
           {"R", 0, 1.3f, 0.8f, 1, true}, {"2n", 0.8f, 2.2f, 1, 1, false}, {"is", 2.1f, 2.2f, 1, 1, false}, {"even", 3.4f, 2.2f, 2, 1, false});
}

static void others_stay_lines(void **state)
{
    (void)state;
    /* Small letters over a word, as readings of Han characters are; a small note beside a row; between far rows. */
    EXPECT("word here|ruby", {"word", 0, 2, 2, 1, false}, {"here", 2.3f, 2, 2, 1, false}, {"ruby", 0.4f, 1.3f, 1.2f, 0.5f, false});
    EXPECT("word here|note", {"word", 0, 2, 2, 1, false}, {"here", 2.3f, 2, 2, 1, false}, {"note", 5.5f, 2, 1.2f, 0.7f, false});
    EXPECT("word here|1", {"word", 0, 2, 2, 1, false}, {"here", 2.3f, 2, 2, 1, false}, {"1", 2, 3.4f, 0.3f, 0.7f, false});
}

/* Lines beside a drop cap are none of its scripts, nor do they bring the next column to it. */
static void drop_caps_take_no_lines(void **state)
{
    (void)state;
    EXPECT("O ver the past|increasing|pressure from", {"O", 0, 3, 2, 3, false}, {"ver", 2, 1.6f, 1.5f, 1, false}, {"the", 3.8f, 1.6f, 1.5f, 1, false},
           {"past", 5.6f, 1.6f, 2, 1, false}, {"increasing", 2.1f, 2.8f, 5, 1, false}, {"pressure", 8.8f, 2.8f, 3, 1, false},
           {"from", 12.1f, 2.8f, 2, 1, false});
}

/* What a program wrote invisibly over a scan has guessed sizes. */
static void guessed_sizes_tell_no_scripts(void **state)
{
    (void)state;
    EXPECT("a x b", {"a", 0, 2, 0.5f, 1, false}, {"b", 1.4f, 2, 0.5f, 1, false}, {"x", 0.55f, 1.25f, 0.7f, 0.7f, false});
    EXPECT_OF(1, "a|b|x", {"a", 0, 2, 0.5f, 1, false}, {"b", 1.4f, 2, 0.5f, 1, false}, {"x", 0.55f, 1.25f, 0.7f, 0.7f, false});
}

/* A short word in a face whose boxes are much higher than its ems, as those of Arabic are, is not turned. */
static void short_words_of_high_boxes(void **state)
{
    static const struct {
        const char *text;
        float x0, x1;
    } put[] = {{"\xD8\xA7\xD9\x84\xD9\x88\xD8\xB2\xD9\x8A\xD8\xB1", 200, 260},
               {"\xD8\xA5\xD9\x86", 176, 194},
               {"\xD8\xA7\xD9\x84\xD9\x85\xD8\xB4\xD8\xB1\xD9\x88\xD8\xB9", 110, 170}};
    struct dp_word words[3] = {0};
    uint8_t ends[3] = {0};
    struct dp_layer got;
    struct b_arena *arena = b_arena_new((size_t)1 << 20);
    (void)state;
    for (int i = 0; i < 3; i++)
        words[i] = (struct dp_word){.text = put[i].text, .font_size = EM, .font = "Naskh", .bbox = {put[i].x0, 100, put[i].x1, 100 + 1.75f * EM}};
    const struct dp_sheet sheet = {.dpi = 72, .words = words, .n_words = 3, .word_line_end = ends};
    assert_int_equal(dp_text_layer_group(&sheet, arena, &got, NULL), B_OK);
    assert_int_equal(got.n_lines, 1);
    assert_int_equal(got.lines[0].direction, 0);
    b_arena_drop(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(limits_go_into_their_row), cmocka_unit_test(fractions_keep_their_order),
                                       cmocka_unit_test(roots_go_to_the_row_of_their_ink), cmocka_unit_test(others_stay_lines),
                                       cmocka_unit_test(drop_caps_take_no_lines), cmocka_unit_test(guessed_sizes_tell_no_scripts),
                                       cmocka_unit_test(short_words_of_high_boxes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
