/* SPDX-License-Identifier: Apache-2.0 */
/* Lines to blocks on pages drawn here: order, headings, furniture, tables; and that no character is lost. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "docparse/assembly.h"
#include "tests/support/page_lines.h"

#define W 1200
#define H 1600

static struct dp_page *page;
static struct dp_sheet sheet;
static struct dp_line_builder builder;

static int set_up(void **state)
{
    (void)state;
    memset(&sheet, 0, sizeof sheet);
    sheet.kind = DP_SHEET_RASTER;
    if (b_image_new(W, H, 1, (uint64_t)W * H, &sheet.image, NULL) != B_OK)
        return -1;
    memset(sheet.image.pixels, 255, (size_t)W * H);
    page = t_page_new(2, W, H, 150, &builder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    dp_page_drop(page);
    b_image_free(&sheet.image);
    return 0;
}

static void fill(int x0, int y0, int x1, int y1, int grey)
{
    for (int y = y0; y < y1; y++)
        memset(sheet.image.pixels + (size_t)y * W + x0, grey, (size_t)(x1 - x0));
}

/* A recognised line of words of about half an em a character; size is the height of its box. */
static void line(float x, float y, float size, const char *text)
{
    const struct t_type type = t_type_read(size);
    t_line(&builder, &type, x, y, text);
}

static void column(float x, float y, int lines, const char *text)
{
    for (int i = 0; i < lines; i++)
        line(x, y + (float)i * 28, 20, text);
}

static void assemble(void)
{
    t_page_assemble(&sheet, page);
}

static const struct dp_block *block_with(const char *text)
{
    const struct dp_block *b = t_block_with(page, text);
    if (!b)
        fail_msg("no block holds '%s'", text);
    return b;
}

static const struct dp_cell *cell_at(const struct dp_table *t, int row, int col)
{
    for (int32_t i = 0; i < t->n_cells; i++) {
        const struct dp_cell *c = &page->cells[t->first_cell + i];
        if (c->row == row && c->col == col)
            return c;
    }
    return NULL;
}

static void expect_cell(const struct dp_table *t, int row, int col, const char *text, int rows, int cols)
{
    const struct dp_cell *c = cell_at(t, row, col);
    if (!c)
        fail_msg("no cell at %d,%d", row, col);
    assert_string_equal(c->text, text);
    assert_int_equal(c->row_span, rows);
    assert_int_equal(c->col_span, cols);
}

static void test_columns(void **state)
{
    (void)state;
    line(300, 100, 40, "A title over both");
    column(100, 250, 12, "left column words that fill the width of it");
    column(650, 250, 12, "right column words that fill the width of it");
    assemble();
    const struct dp_block *title = block_with("A title"), *left = block_with("left column"),
                          *right = block_with("right column");
    assert_int_equal(title->type, DP_HEADING);
    assert_true(title->order < left->order && left->order < right->order);
}

static void test_furniture(void **state)
{
    (void)state;
    line(100, 40, 18, "Running head");
    line(1000, 40, 18, "17");
    column(100, 200, 20, "body text that fills the width of the whole page from left to right and back");
    line(590, 1530, 18, "- 17 -");
    assemble();
    assert_int_equal(block_with("Running head")->type, DP_HEADER);
    assert_int_equal(block_with("- 17 -")->type, DP_PAGE_NUMBER);
    assert_int_equal(block_with("body text")->type, DP_PARAGRAPH);
}

/* What the publisher's server put close above the running head is furniture as well. */
static void test_two_running_heads(void **state)
{
    (void)state;
    line(400, 20, 18, "Downloaded from a library on July 12");
    line(100, 41, 18, "Running head");
    line(1000, 41, 18, "17");
    column(100, 200, 20, "body text that fills the width of the whole page from left to right and back");
    assemble();
    assert_int_equal(block_with("Downloaded from")->type, DP_HEADER);
    assert_int_equal(block_with("Running head")->type, DP_HEADER);
    assert_int_equal(block_with("17")->type, DP_PAGE_NUMBER);
}

/* Three columns, four rows, every line drawn; the first column of rows 1 and 2 is one cell, so is the head. */
static void test_ruled_table(void **state)
{
    (void)state;
    const int xs[] = {200, 500, 750, 1000}, ys[] = {400, 450, 500, 550, 600};
    column(200, 150, 5, "words before the table that run over the whole width of the text on this page");
    for (int i = 0; i < 5; i++)
        fill(i == 2 ? xs[1] : xs[0], ys[i], xs[3], ys[i] + 2, 0);
    for (int i = 0; i < 4; i++)
        fill(xs[i], i == 0 || i == 3 ? ys[0] : ys[1], xs[i] + 2, ys[4], 0);
    line(220, 415, 20, "Yearly figures of the town");
    line(220, 488, 20, "Households");
    line(520, 465, 20, "12");
    line(770, 465, 20, "13");
    line(520, 515, 20, "14");
    line(770, 515, 20, "15");
    line(220, 565, 20, "Industry");
    line(520, 565, 20, "16");
    column(200, 700, 5, "words after the table that run over the whole width of the text on this page");
    assemble();
    assert_int_equal(page->n_tables, 1);
    const struct dp_table *t = &page->tables[0];
    assert_int_equal(t->rows, 4);
    assert_int_equal(t->cols, 3);
    expect_cell(t, 0, 0, "Yearly figures of the town", 1, 3);
    expect_cell(t, 1, 0, "Households", 2, 1);
    expect_cell(t, 1, 1, "12", 1, 1);
    expect_cell(t, 2, 2, "15", 1, 1);
    expect_cell(t, 3, 2, "", 1, 1);
    const struct dp_block *before = block_with("words before"), *after = block_with("words after");
    const struct dp_block *table = block_with("Households");
    assert_int_equal(table->type, DP_TABLE);
    assert_true(before->order < table->order && table->order < after->order);
}

/* Rules only above and below the head and under the last row. */
static void test_three_line_table(void **state)
{
    (void)state;
    static const char *const rows[][4] = {{"Sample", "Mean", "Error", "Count"},
                                          {"alpha", "1.25", "0.11", "40"},
                                          {"beta", "2.50", "0.12", "41"},
                                          {"gamma", "3.75", "0.13", "42"},
                                          {"delta", "4.25", "0.14", "43"}};
    const int ys[] = {400, 450, 645};
    column(200, 150, 5, "words before the table that run over the whole width of the text on this page");
    for (int i = 0; i < 3; i++)
        fill(200, ys[i], 1000, ys[i] + 2, 0);
    for (int r = 0; r < 5; r++)
        for (int c = 0; c < 4; c++)
            line(220 + (float)c * 220, 412 + (float)r * 46, 20, rows[r][c]);
    column(200, 800, 5, "words after the table that run over the whole width of the text on this page");
    assemble();
    assert_int_equal(page->n_tables, 1);
    assert_int_equal(page->tables[0].rows, 5);
    assert_int_equal(page->tables[0].cols, 4);
    for (int r = 0; r < 5; r++)
        for (int c = 0; c < 4; c++)
            expect_cell(&page->tables[0], r, c, rows[r][c], 1, 1);
    assert_int_equal(cell_at(&page->tables[0], 0, 1)->header, DP_COLUMN_HEADER);
}

/* Two columns of prose between two long rules are no table, nor is a boxed paragraph. */
static void test_no_table(void **state)
{
    (void)state;
    fill(100, 200, 1100, 203, 0);
    fill(100, 800, 1100, 803, 0);
    column(120, 230, 18, "left column words that fill the width of it");
    column(640, 230, 18, "right column words that fill the width of it");
    fill(100, 1000, 1100, 1002, 0);
    fill(100, 1150, 1100, 1152, 0);
    fill(100, 1000, 102, 1150, 0);
    fill(1098, 1000, 1100, 1150, 0);
    column(140, 1020, 4, "a paragraph in a frame, which is a box around text and nothing else at all");
    assemble();
    assert_int_equal(page->n_tables, 0);
}

/* Letters of a page as a sorted list; spaces and the hyphens that joining undoes do not count. */
static int by_byte(const void *a, const void *b)
{
    return *(const char *)a - *(const char *)b;
}

static char *letters_of_lines(void)
{
    size_t n = 0, room = 1;
    for (int32_t i = 0; i < page->n_lines; i++)
        room += strlen(page->lines[i].text);
    char *all = malloc(room);
    assert_non_null(all);
    for (int32_t i = 0; i < page->n_lines; i++)
        for (const char *c = page->lines[i].text; *c; c++)
            if (*c != ' ')
                all[n++] = *c;
    all[n] = 0;
    qsort(all, n, 1, by_byte);
    return all;
}

static char *letters_of_blocks(void)
{
    size_t n = 0, room = 1;
    for (int32_t i = 0; i < page->n_blocks; i++)
        room += strlen(page->blocks[i].text) + (page->blocks[i].marker ? strlen(page->blocks[i].marker) : 0);
    char *all = malloc(room);
    assert_non_null(all);
    for (int32_t i = 0; i < page->n_blocks; i++) {
        for (const char *c = page->blocks[i].text; *c; c++)
            if (*c != ' ' && *c != '\n' && *c != '\t')
                all[n++] = *c;
        for (const char *c = page->blocks[i].marker ? page->blocks[i].marker : ""; *c; c++)
            if (*c != ' ')
                all[n++] = *c;
    }
    all[n] = 0;
    qsort(all, n, 1, by_byte);
    return all;
}

/* Numbers that look random and are the same everywhere (xorshift). */
struct dice {
    uint32_t state;
};

static int roll(struct dice *d, int sides)
{
    d->state ^= d->state << 13;
    d->state ^= d->state >> 17;
    d->state ^= d->state << 5;
    return (int)(d->state % (uint32_t)sides);
}

/* Pages without sense: random lines and rules. Whatever is made of them, every letter is still there. */
static void test_nothing_is_lost(void **state)
{
    for (unsigned seed = 1; seed <= 60; seed++) {
        struct dice d = {seed * 2654435761u};
        const int lines = 5 + roll(&d, 120), rules = roll(&d, 40);
        for (int i = 0; i < rules; i++) {
            const int x = roll(&d, W - 60), y = roll(&d, H - 60), n = 40 + roll(&d, 800);
            if (roll(&d, 2))
                fill(x, y, x + n < W ? x + n : W, y + 2, 0);
            else
                fill(x, y, x + 2, y + n < H ? y + n : H, 0);
        }
        for (int i = 0; i < lines; i++) {
            char text[64];
            const int n = 1 + roll(&d, 40);
            for (int k = 0; k < n; k++)
                text[k] = (char)(roll(&d, 6) && k && k + 1 < n ? 'a' + roll(&d, 26) : 'A' + roll(&d, 26));
            for (int k = 5; k + 2 < n; k += 3 + roll(&d, 9))
                text[k] = ' ';
            text[n] = 0;
            const float size = 10 + (float)(roll(&d, 30));
            line((float)(roll(&d, W - 400)), (float)(roll(&d, H - 50)), size, text);
        }
        char *before = letters_of_lines();
        assemble();
        char *after = letters_of_blocks(), *kept = letters_of_lines();
        assert_string_equal(before, after);
        assert_string_equal(before, kept);
        free(before);
        free(after);
        free(kept);
        tear_down(state);
        assert_int_equal(set_up(state), 0);
    }
}

/* A slanted label must not bend the page around it: the table's columns would come apart. */
static void test_slanted_label(void **state)
{
    (void)state;
    struct dp_word word = {.bbox = {100, 60, 300, 130}, .text = "Warming", .confidence = 0.9f};
    assert_int_equal(dp_line_builder_word(&builder, &word, NULL), B_OK);
    struct dp_line slanted = {.source = DP_FROM_COMPACT,
                              .confidence = 0.9f,
                              .quad = {{100, 100}, {295, 60}, {300, 90}, {105, 130}},
                              .bbox = {100, 60, 300, 130}};
    assert_int_equal(dp_line_builder_end(&builder, &slanted, NULL), B_OK);
    column(200, 200, 4, "words before the table that run over the whole width of the text on this page");
    for (int i = 0; i <= 5; i++)
        fill(200, 400 + i * 50, 1000, 402 + i * 50, 60);
    for (int i = 0; i <= 4; i++)
        fill(200 + i * 200, 400, 202 + i * 200, 650, 60);
    for (int r = 0; r < 5; r++)
        line(220, 415 + (float)r * 50, 20, "cell");
    line(420, 415, 20, "head");
    assemble();
    assert_int_equal(page->n_tables, 1);
    assert_int_equal(page->tables[0].cols, 4);
    assert_int_equal(page->tables[0].rows, 5);
}

static void test_lettering_of_a_figure(void **state)
{
    static const char *const labels[] = {"600", "400", "200", "0", "Q1", "Q2", "2023", "2024"};
    static const float at[][2] = {{300, 450}, {300, 550}, {300, 650}, {320, 750},
                                  {420, 790}, {620, 790}, {800, 470}, {800, 510}};
    (void)state;
    column(200, 200, 5, "words before the drawing that run over the whole width of the text on this page");
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
        line(at[i][0], at[i][1], 20, labels[i]);
    line(450, 860, 20, "Figure 1: Demand by quarter");
    column(200, 940, 5, "words behind the drawing that run over the whole width of the text on this page");
    assemble();
    const struct dp_block *figure = block_with("Q1"), *caption = block_with("Demand by quarter");
    assert_int_equal(figure->type, DP_FIGURE);
    assert_int_equal(figure->n_lines, 8);
    assert_int_equal(caption->type, DP_CAPTION);
    assert_int_equal(caption->caption_of, figure->order);
    assert_int_equal(block_with("words before")->type, DP_PARAGRAPH);
    assert_true(block_with("words before")->order < figure->order);
    assert_true(figure->order < block_with("words behind")->order);
}

/* A line of justified text that was set so widely that the reader found its words apart. */
static void test_wide_spaces(void **state)
{
    (void)state;
    static const char *const text = "governmental representatives of the region recommended it"; /* ends at 556 */
    for (int i = 0; i < 8; i++)
        if (i != 4)
            line(100, 200 + (float)i * 28, 20, text);
    const float y = 200 + 4 * 28;
    line(100, y, 20, "although");
    line(208, y, 20, "no");
    line(274, y, 20, "extraordinarily");
    line(440, y, 20, "communication");
    assemble();
    int paragraphs = 0;
    for (int32_t i = 0; i < page->n_blocks; i++)
        paragraphs += page->blocks[i].type == DP_PARAGRAPH;
    assert_int_equal(paragraphs, 1);
    assert_non_null(
        strstr(page->blocks[0].text, "recommended it although no extraordinarily communication governmental"));
}

/* A mark that was found alone has a box as high as its ink, which is half as high as a line. */
static void test_small_marks(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        const float y = 200 + (float)i * 100;
        line(100, y + 7, 12, "\xe2\x96\xa0"); /* a filled square */
        line(135, y, 28, "Results were better in the second half of the year than");
        line(135, y + 36, 28, "they had been in the first half, and stayed so until May");
    }
    assemble();
    int items = 0;
    for (int32_t i = 0; i < page->n_blocks; i++) {
        items += page->blocks[i].type == DP_LIST_ITEM && strstr(page->blocks[i].text, "stayed so") != NULL;
        assert_true(page->blocks[i].type == DP_LIST || strlen(page->blocks[i].text) > 5); /* no mark stands alone */
    }
    assert_int_equal(items, 3);
}

/* Short paragraphs without a caption below them are left alone, and a table's caption gathers nothing. */
static void test_no_figure(void **state)
{
    (void)state;
    column(200, 200, 3, "words before the list that run over the whole width of the text on this page");
    for (int i = 0; i < 6; i++)
        line(200, 400 + (float)i * 80, 20, "short words");
    line(200, 900, 20, "Table 3: not a drawing");
    assemble();
    for (int32_t i = 0; i < page->n_blocks; i++)
        assert_int_not_equal(page->blocks[i].type, DP_FIGURE);
}

/* A paragraph that the foot of a column cuts is marked as going on; one that ends there, or one behind it that is
 * indented, is not. */
static void test_paragraph_over_columns(void **state)
{
    (void)state;
    column(100, 250, 12, "left column words that fill the width of it");
    column(650, 250, 12, "and right column words that fill its width.");
    line(100, 1000, 20,
         "A line that begins the second part of the page and stands over both of its columns, from left to right");
    column(100, 1050, 11, "lower column words that fill the width of it");
    line(100, 1050 + 11 * 28, 20, "and end before its foot.");
    line(650, 1050, 20, "Other column words that fill the width of it");
    column(650, 1078, 11, "lower right column words that fill its width");
    assemble();
    const struct dp_block *left = block_with("left column"), *right = block_with("and right column");
    assert_true(left->joined);
    assert_int_equal(right->order, left->order + 1);
    assert_false(right->joined);
    assert_false(block_with("lower column")->joined);
}

/* Initials at the right edge of a column's last line belong to that line. */
/* Numbered sections start at one height in both columns: their numbers say that each column is read to its foot. */
static void sections(const char *left, const char *right)
{
    column(100, 200, 4, "the column of text before it");
    column(660, 200, 4, "the other column of the page");
    line(100, 360, 27, left);
    line(660, 360, 27, right);
    column(100, 420, 30, "the column of text below it");
    column(660, 420, 30, "the foot of the other column");
    assemble();
}

static void test_sections_at_one_height(void **state)
{
    (void)state;
    sections("2 Overview of it", "4 Typefaces and more");
    assert_true(block_with("2 Overview")->order < block_with("the other column")->order);
    assert_true(block_with("text below")->order < block_with("the other column")->order);
}

static void test_rows_of_sections(void **state)
{
    (void)state;
    sections("2 Overview of it", "3 Typefaces and more");
    assert_true(block_with("2 Overview")->order > block_with("the other column")->order);
}

/* Most of the page is set small (references): short paragraphs of the larger text are no headings. */
static void test_two_sizes_of_text(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        line(100, 150 + (float)i * 34, 26,
             "a paragraph of the larger text of the page that goes on and on and on here");
    line(100, 350, 26, "A short paragraph of it");
    column(100, 420, 36, "small text of references in many lines that fill most of the page as they do");
    line(100, 1480, 36, "A heading after all");
    assemble();
    assert_int_equal(block_with("short paragraph")->type, DP_PARAGRAPH);
    assert_int_equal(block_with("heading after all")->type, DP_HEADING);
}

/* Each entry of a table of contents is a block of its own, with the number that its dots lead to. */
static void test_leaders(void **state)
{
    (void)state;
    static const char *const names[] = {"Introduction", "Methods of it", "Results and more", "Discussion"};
    for (int i = 0; i < 4; i++) {
        char text[120], number[8];
        (void)snprintf(text, sizeof text, "%-20s . . . . . . . . . . . . . . . . . . . . . .", names[i]);
        (void)snprintf(number, sizeof number, "%d", 3 + 4 * i);
        line(40, 300 + (float)i * 30, 20, i == 1 ? "2.1" : "2");
        line(100, 300 + (float)i * 30, 20, text);
        line(720, 300 + (float)i * 30, 20, number);
    }
    line(40, 450, 20, "3 The end of the book"); /* a chapter, without dots */
    line(709, 450, 20, "91");
    column(100, 600, 6, "text of the page that follows after the table of contents");
    assemble();
    assert_string_equal(block_with("The end")->text, "3 The end of the book 91");
    assert_int_equal(block_with("The end")->type, DP_PARAGRAPH);
    const char *const text = block_with("Methods")->text;
    assert_non_null(strstr(text, "2.1 "));
    assert_int_equal(block_with("Methods")->type, DP_PARAGRAPH);
    assert_null(strstr(text, "Introduction"));
    assert_string_equal(text + strlen(text) - 3, ". 7");
}

/* Options in the margin, each beside what it means: read in pairs, not as a column of names. */
static void test_labels_beside_texts(void **state)
{
    (void)state;
    static const char *const names[] = {"center", "framesep", "sidecap", "width"};
    for (int i = 0; i < 4; i++) {
        line(100, 200 + (float)i * 150, 20, names[i]);
        for (int k = 0; k < 3; k++) {
            char text[80];
            (void)snprintf(text, sizeof text, "meaning %d of it in so many words that it fills lines", i);
            line(400, 200 + (float)i * 150 + (float)k * 28, 20, text);
        }
    }
    assemble();
    assert_true(block_with("framesep")->order > block_with("meaning 0")->order);
    assert_true(block_with("framesep")->order < block_with("meaning 1")->order);
    assert_true(block_with("width")->order > block_with("meaning 2")->order);
}

/* A cover has no text that its title could be larger than. */
static void test_cover(void **state)
{
    (void)state;
    page->number = 1;
    line(300, 400, 50, "Guide for Developers");
    line(300, 520, 36, "Release 1.20");
    line(300, 700, 36, "Institute");
    assemble();
    assert_int_equal(block_with("Guide")->type, DP_TITLE);
    assert_int_not_equal(block_with("Release")->type, DP_TITLE);
}

/* A bold item of a list is no heading. */
static void test_bold_item(void **state)
{
    (void)state;
    column(100, 150, 8, "text of the page before the list of items in it");
    line(100, 460, 20, "• Another item");
    const int32_t first = page->n_words;
    line(100, 420, 20, "• Bold item here");
    for (int32_t i = first; i < page->n_words; i++)
        page->words[i].style = DP_BOLD;
    assemble();
    assert_int_equal(block_with("Bold item")->type, DP_LIST_ITEM);
}

static void test_initials(void **state)
{
    (void)state;
    column(100, 250, 8, "left column words that fill the width of it all");
    line(100, 250 + 8 * 28, 20, "and end here.");
    line(100 + 44 * 8, 250 + 8 * 28, 20, "P.G.");
    column(650, 250, 12, "right column words that fill the width of it");
    assemble();
    assert_non_null(strstr(block_with("P.G.")->text, "and end here. P.G."));
}

/* The gutter between narrow columns may be no wider than a word space: edges tell it. */
static void test_narrow_gutter(void **state)
{
    (void)state;
    line(100, 200, 40, "A title over all three of them");
    for (int i = 0; i < 4; i++)
        for (int c = 0; c < 3; c++)
            line(100 + (float)c * 336, 400 + (float)i * 28, 20, "the column is justified and full of words");
    assemble();
    int32_t paragraphs = 0;
    for (int32_t i = 0; i < page->n_blocks; i++) {
        assert_true(page->blocks[i].bbox.x1 - page->blocks[i].bbox.x0 < 700);
        paragraphs += page->blocks[i].type == DP_PARAGRAPH;
    }
    assert_int_equal(paragraphs, 3);
}

/* A photograph: noise with smooth places in it. */
static void photograph(int x0, int y0, int x1, int y1)
{
    uint32_t dice = 1;
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++) {
            dice = dice * 1664525u + 1013904223u;
            const bool smooth = ((x / 60) + (y / 60)) % 3 == 0;
            sheet.image.pixels[(size_t)(y * W + x)] = (uint8_t)(smooth ? 120 : 40 + (dice >> 24) % 160);
        }
}

static const struct dp_block *first_of(enum dp_block_type type)
{
    for (int32_t i = 0; i < page->n_blocks; i++)
        if (page->blocks[i].type == type)
            return &page->blocks[i];
    return NULL;
}

/* A photograph in a column is a figure with a box of its own between the text around it; a caption set over it stays
 * text, a word in it becomes its text. A framed and tinted paragraph is no figure. */
static void test_photograph(void **state)
{
    (void)state;
    column(100, 150, 6, "left column words that fill the width of it");
    photograph(100, 360, 460, 700);
    line(200, 500, 18, "EXIT");
    column(100, 740, 6, "words below it that fill the width of column");
    column(650, 150, 20, "right column words that fill the width of it");
    fill(640, 880, 1010, 1080, 230);
    column(650, 900, 5, "framed words that fill the width of the frame");
    assemble();
    const struct dp_block *figure = first_of(DP_FIGURE);
    assert_non_null(figure);
    assert_float_equal(figure->bbox.x0, 100, 17);
    assert_float_equal(figure->bbox.y0, 360, 17);
    assert_float_equal(figure->bbox.x1, 460, 17);
    assert_float_equal(figure->bbox.y1, 700, 17);
    assert_string_equal(figure->text, "EXIT");
    assert_true(block_with("left column")->order < figure->order);
    assert_true(figure->order < block_with("words below")->order);
    assert_int_equal(block_with("framed words")->type, DP_PARAGRAPH);
    assert_true(block_with("framed words")->order > block_with("right column")->order);
}

/* A page of a PDF with these shapes; what is drawn is seen in the image, too. */
static void drawn(struct dp_shape *shapes, int n)
{
    sheet.kind = DP_SHEET_DIGITAL;
    sheet.shapes = shapes;
    sheet.n_shapes = n;
    for (int i = 0; i < n; i++)
        if (shapes[i].free || shapes[i].filled)
            for (int x = (int)shapes[i].bbox.x0; x < (int)shapes[i].bbox.x1; x += 4)
                fill(x, (int)shapes[i].bbox.y0, x + 2, (int)shapes[i].bbox.y1, shapes[i].free ? 60 : 210);
}

/* Words at the ends of slanted lines are a tree, and no table; boxes that arrows join are a diagram; a box with round
 * corners behind a text is neither, nor is a row of rings before answers. */
static void test_drawings(void **state)
{
    (void)state;
    struct dp_shape shapes[] = {
        {{300, 330, 380, 380}, true, false},   {{390, 330, 470, 380}, true, false}, /* of a tree */
        {{220, 412, 290, 470}, true, false},   {{310, 412, 370, 470}, true, false},
        {{200, 800, 330, 850}, false, true},   {{450, 800, 580, 850}, false, true}, /* boxes, */
        {{700, 800, 830, 850}, false, true},   {{430, 818, 450, 832}, true, true},  /* and heads of arrows */
        {{680, 818, 700, 832}, true, true},    {{330, 824, 430, 826}, false, false},
        {{580, 824, 680, 826}, false, false},  {{200, 700, 230, 900}, true, false},
        {{90, 1090, 1100, 1260}, false, true},                                      /* the ground of a text */
        {{100, 1400, 116, 1416}, true, false}, {{100, 1428, 116, 1444}, true, false},
        {{100, 1456, 116, 1472}, true, false}, {{100, 1484, 116, 1500}, true, false},
        {{100, 1512, 116, 1528}, true, false},
    };
    column(100, 120, 6, "words before the drawing that run over the whole width of the text on this page");
    line(374, 305, 20, "VP");
    line(285, 385, 20, "V");
    line(465, 385, 20, "NP");
    line(210, 475, 20, "he");
    line(360, 475, 20, "saw");
    column(100, 560, 4, "words between them that run over the whole width of the text on this page");
    line(215, 815, 20, "start");
    line(465, 815, 20, "work");
    line(715, 815, 20, "stop");
    column(100, 1100, 5, "framed words that run over the whole width of the text and of its tinted ground");
    column(130, 1398, 5, "an answer that may be chosen");
    drawn(shapes, (int)(sizeof shapes / sizeof shapes[0]));
    assemble();
    const struct dp_block *tree = block_with("VP"), *diagram = block_with("start");
    assert_int_equal(tree->type, DP_FIGURE);
    assert_int_equal(tree->n_lines, 5);
    assert_true(tree->bbox.x0 <= 212 && tree->bbox.x1 >= 469 && tree->bbox.y0 <= 306 && tree->bbox.y1 >= 469);
    assert_int_equal(diagram->type, DP_FIGURE);
    assert_non_null(strstr(diagram->text, "stop"));
    assert_true(block_with("words before")->order < tree->order && tree->order < block_with("words between")->order);
    assert_int_equal(block_with("framed words")->type, DP_PARAGRAPH);
    assert_true(block_with("an answer")->type != DP_FIGURE);
    int32_t figures = 0;
    for (int32_t i = 0; i < page->n_blocks; i++)
        figures += page->blocks[i].type == DP_FIGURE || page->blocks[i].type == DP_CHART;
    assert_int_equal(figures, 2);
}

/* Boxes of different heights on one line are a chart with the numbers beside it; shaded rows of a table are none. */
static void test_drawn_bars(void **state)
{
    (void)state;
    struct dp_shape shapes[] = {
        {{300, 500, 350, 700}, false, true}, {{400, 420, 450, 700}, false, true}, {{500, 600, 550, 700}, false, true},
        {{600, 380, 650, 700}, false, true}, {{100, 1000, 700, 1028}, false, true}, {{100, 1056, 700, 1084}, false, true},
        {{100, 1112, 700, 1140}, false, true}, {{100, 1168, 700, 1196}, false, true},
    };
    column(100, 120, 6, "words before the drawing that run over the whole width of the text on this page");
    for (int i = 0; i < 4; i++) {
        static const char *const numbers[] = {"30", "20", "10", "0"};
        line(270, 380 + (float)i * 104, 20, numbers[i]);
    }
    for (int i = 0; i < 8; i++) {
        static const char *const names[] = {"Ash", "Birch", "Cedar", "Elm", "Fir", "Larch", "Oak", "Pine"};
        line(110, 1004 + (float)i * 28, 20, names[i]);
        line(400, 1004 + (float)i * 28, 20, "12.5");
        line(600, 1004 + (float)i * 28, 20, "3.75");
    }
    struct dp_rule axis = {.bbox = {290, 699, 660, 702}, .width = 3};
    sheet.rules = &axis;
    sheet.n_rules = 1;
    drawn(shapes, (int)(sizeof shapes / sizeof shapes[0]));
    assemble();
    const struct dp_block *chart = first_of(DP_CHART);
    assert_non_null(chart);
    assert_non_null(strstr(chart->text, "30"));
    assert_null(first_of(DP_FIGURE));
    assert_int_equal(block_with("Cedar")->type, DP_TABLE);
}

/* The network calls a page of text a figure, and a drawing too: only the drawing becomes one, without its title. With
 * numbers at equal distances it is a chart. */
static void test_regions(void **state)
{
    (void)state;
    static const struct dp_region seen[] = {
        {DP_REGION_FIGURE, 0.9f, {90, 90, 1110, 640}},   {DP_REGION_FIGURE, 0.8f, {90, 690, 1110, 1310}},
        {DP_REGION_TITLE, 0.8f, {95, 655, 400, 685}},    {DP_REGION_HEADER, 0.9f, {95, 30, 420, 56}},
        {DP_REGION_TITLE, 0.9f, {90, 1390, 1110, 1600}},
    };
    const struct dp_regions regions = {seen, 5};
    struct b_err err = {0};
    line(100, 33, 20, "The name of the whole book");
    column(100, 110, 18, "words before the drawing that run over the whole width of the text on this page");
    line(100, 660, 20, "A small heading");
    line(400, 700, 20, "Growth of all the towns");
    for (int i = 0; i < 5; i++) {
        char text[8];
        (void)snprintf(text, sizeof text, "%d", 500 - i * 100);
        line(110, 790 + (float)i * 100, 20, text);
        fill(200 + i * 150, 1100 - i * 60, 260 + i * 150, 1240, 90);
        fill(200 + i * 150, 1000 - i * 60, 206 + i * 150, 1240, 20);
    }
    fill(180, 780, 183, 1245, 0);
    fill(180, 1242, 1000, 1245, 0);
    column(100, 1400, 6, "words behind the drawing that run over the whole width of the text on this page");
    if (dp_assemble_seen(&sheet, &regions, page, &err) != B_OK)
        fail_msg("%s", err.message);
    assert_int_equal(dp_page_check(page, &err), B_OK);
    const struct dp_block *chart = first_of(DP_CHART);
    assert_non_null(chart);
    assert_null(first_of(DP_FIGURE));
    assert_non_null(strstr(chart->text, "300"));
    assert_null(strstr(chart->text, "Growth"));
    assert_float_equal(chart->confidence, 0.9f, 1e-3); /* of its lettering */
    assert_int_equal(block_with("words before")->type, DP_PARAGRAPH);
    assert_int_equal(block_with("A small heading")->type, DP_HEADING);
    assert_int_equal(block_with("words behind")->type, DP_PARAGRAPH);
    assert_int_equal(block_with("The name of")->type, DP_HEADER);
}

/* Terms in a column of their own, each beside the first line of what is said of it, are read in turn; a number in the
 * margin of a paragraph does not part it. */
static void test_terms(void **state)
{
    static const char *const terms[] = {"Alder", "Birch", "Cedar"};
    (void)state;
    for (int i = 0; i < 3; i++) {
        line(100, 200 + (float)i * 84, 20, terms[i]);
        for (int k = 0; k < 3; k++)
            line(220, 200 + (float)(i * 3 + k) * 28, 20, k == 2 ? "a last line" : "what is said of this one tree here");
    }
    for (int i = 0; i < 8; i++)
        line(220, 700 + (float)i * 28, 20, "a paragraph whose lines are counted beside it");
    line(150, 700 + 3 * 28, 20, "5");
    assemble();
    const struct dp_block *alder = block_with("Alder"), *birch = block_with("Birch"), *cedar = block_with("Cedar");
    assert_int_equal(birch->order, alder->order + 2);
    assert_int_equal(cedar->order, birch->order + 2);
    assert_int_equal(block_with("a paragraph whose")->n_lines, 8);
}

/* A short line in a tall box: a word that a tilted page lets stand on end in its margin. */
static void standing_word(float x, float y, const char *text)
{
    const struct dp_word word = {.bbox = {x, y, x + 30, y + 220}, .text = text, .confidence = 0.9f};
    assert_int_equal(dp_line_builder_word(&builder, &word, NULL), B_OK);
    struct dp_line l = {.source = DP_FROM_COMPACT, .confidence = 0.9f};
    dp_quad_of_box((struct dp_rect){x, y, x + 30, y + 220}, 0, l.quad);
    assert_int_equal(dp_line_builder_end(&builder, &l, NULL), B_OK);
}

/* Words that stand on end in the margin are no terms: the columns beside them are read to their feet. */
static void test_standing_words(void **state)
{
    (void)state;
    standing_word(40, 195, "Report");
    standing_word(40, 643, "Notes");
    for (int i = 0; i < 2; i++) {
        const float y = 200 + (float)i * 448;
        column(150, y, 14, i ? "the lower left has words to fill it" : "the upper left has words to fill it");
        column(650, y, 14, i ? "the lower right has words to fill it" : "the upper right has words to fill it");
    }
    assemble();
    assert_true(block_with("lower left")->order < block_with("upper right")->order);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_columns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_furniture, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_two_running_heads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ruled_table, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_three_line_table, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_table, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_is_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_slanted_label, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lettering_of_a_figure, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_figure, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_paragraph_over_columns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_photograph, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_regions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_drawings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_drawn_bars, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_terms, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_standing_words, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_initials, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bold_item, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cover, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_leaders, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_labels_beside_texts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sections_at_one_height, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rows_of_sections, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_two_sizes_of_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_narrow_gutter, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_small_marks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wide_spaces, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
