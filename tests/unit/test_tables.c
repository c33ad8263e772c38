/* SPDX-License-Identifier: Apache-2.0 */
/* Tables drawn here that need more than rules and gutters: tables under each other, labels of two lines, groups of
 * rows, rules that are none. Each test draws one page, assembles it and looks at the cells. */
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
#define SIZE 24 /* height of a line */
#define CHAR 10 /* width of a character */

struct drawing {
    struct dp_page *page;
    struct dp_sheet sheet;
    struct dp_line_builder builder;
};

static int set_up(void **state)
{
    struct drawing *g = calloc(1, sizeof *g);
    *state = g;
    if (!g || b_image_new(W, H, 1, (uint64_t)W * H, &g->sheet.image, NULL) != B_OK)
        return -1;
    g->sheet.kind = DP_SHEET_RASTER;
    memset(g->sheet.image.pixels, 255, (size_t)W * H);
    g->page = t_page_new(2, W, H, 150, &g->builder);
    return 0;
}

static int tear_down(void **state)
{
    struct drawing *g = *state;
    dp_page_drop(g->page);
    b_image_free(&g->sheet.image);
    free(g);
    return 0;
}

static void rule(struct drawing *g, int x0, int y0, int x1, int y1)
{
    for (int y = y0; y < y1; y++)
        memset(g->sheet.image.pixels + (size_t)y * W + x0, 30, (size_t)(x1 - x0));
}

/* A line of text that the reader saw in `direction`; one word for each run without spaces. */
static void text_in(struct drawing *g, float x, float y, const char *text, int direction)
{
    struct t_type type = t_type_read(SIZE);
    type.step = CHAR;
    type.direction = direction;
    t_line(&g->builder, &type, x, y, text);
}

static void text(struct drawing *g, float x, float y, const char *words)
{
    text_in(g, x, y, words, 0);
}

/* Prose that makes the page upright and gives lines their usual height. */
static void prose(struct drawing *g, float y)
{
    for (int i = 0; i < 4; i++)
        text(g, 100, y + (float)i * 32,
             "words of the text around that run over the whole width of the page as text does");
}

/* Cells side by side, column c at x0 + c * step; empty strings are skipped. */
static void row(struct drawing *g, float x0, float step, float y, const char *const *cells, int n)
{
    for (int c = 0; c < n; c++)
        if (cells[c][0])
            text(g, x0 + (float)c * step, y, cells[c]);
}

static void assemble(struct drawing *g)
{
    t_page_assemble(&g->sheet, g->page);
}

static const char *cell_text(const struct drawing *g, int table, int r, int c)
{
    const struct dp_table *t = &g->page->tables[table];
    for (int32_t i = 0; i < t->n_cells; i++)
        if (g->page->cells[t->first_cell + i].row == r && g->page->cells[t->first_cell + i].col == c)
            return g->page->cells[t->first_cell + i].text;
    return "(covered)";
}

static void expect_size(const struct drawing *g, int table, int rows, int cols)
{
    assert_true(table < g->page->n_tables);
    assert_int_equal(g->page->tables[table].rows, rows);
    assert_int_equal(g->page->tables[table].cols, cols);
}

/* Two tables with unlike columns, a double rule between them. */
static void test_double_rule(void **state)
{
    static const char *const names[] = {"Alder", "Beech", "Cedar", "Douglas", "Elm"};
    struct drawing *g = *state;
    prose(g, 100);
    for (int part = 0; part < 2; part++) {
        const int top = 300 + part * 232;
        rule(g, 120, top, 1080, top + 2);
        text(g, 130, (float)top + 8, "Name");
        for (int c = 1; c < (part ? 3 : 5); c++)
            text(g, (float)(part ? 130 + c * 370 : 130 + c * 190), (float)top + 8, "Column");
        rule(g, 120, top + 38, 1080, top + 40);
        for (int r = 0; r < 5; r++) {
            text(g, 130, (float)(top + 46 + r * 36), names[r]);
            for (int c = 1; c < (part ? 3 : 5); c++)
                text(g, (float)(part ? 130 + c * 370 : 130 + c * 190), (float)(top + 46 + r * 36), "12.50");
        }
        rule(g, 120, top + 226, 1080, top + 228);
    }
    prose(g, 820);
    assemble(g);
    assert_int_equal(g->page->n_tables, 2);
    expect_size(g, 0, 6, 5);
    expect_size(g, 1, 6, 3);
}

/* Rules above and below totals stand over the numbers alone: the labels belong to the table, and each total is one row
 * with its label. */
static void test_statement(void **state)
{
    static const char *const labels[] = {"in thousands", "Grants", "Sales",       "Total income",
                                         "Rent",         "Staff",  "Total costs", "Result"};
    static const char *const left[] = {"2023", "12,500", "7,250", "19,750", "4,100", "9,300", "13,400", "6,350"};
    struct drawing *g = *state;
    prose(g, 100);
    for (int r = 0; r < 8; r++) {
        const float y = 300 + (float)r * 32;
        text(g, 130, y, labels[r]);
        text(g, 600, y, left[r]);
        text(g, 850, y, r == 0 ? "2022" : left[8 - r]);
        if (r == 3 || r == 6 || r == 7)
            rule(g, 590, (int)y - 5, 930, (int)y - 3);
    }
    rule(g, 590, 549, 930, 552);
    prose(g, 700);
    assemble(g);
    assert_int_equal(g->page->n_tables, 1);
    expect_size(g, 0, 8, 3);
    for (int r = 0; r < 8; r++) {
        assert_string_equal(cell_text(g, 0, r, 0), labels[r]);
        assert_string_equal(cell_text(g, 0, r, 1), left[r]);
    }
}

/* Rules between groups of three rows: each row has its label and numbers, so none of them is a line of another's cell.
 */
static void test_rules_between_groups(void **state)
{
    static const char *const labels[] = {"Ash", "Beech", "Cedar", "Elm", "Fir", "Larch", "Maple", "Oak", "Pine"};
    struct drawing *g = *state;
    prose(g, 100);
    row(g, 200, 250, 300, (const char *const[]){"", "East", "North", "West"}, 4);
    for (int r = 0; r < 9; r++) {
        row(g, 200, 250, 340 + (float)r * 32, (const char *const[]){labels[r], "313", "(612)", "742"}, 4);
        if (r % 3 == 0)
            rule(g, 190, 334 + r * 32, 1000, 336 + r * 32);
    }
    rule(g, 190, 630, 1000, 632);
    prose(g, 760);
    assemble(g);
    assert_int_equal(g->page->n_tables, 1);
    expect_size(g, 0, 10, 4);
    assert_string_equal(cell_text(g, 0, 2, 0), "Beech");
    assert_string_equal(cell_text(g, 0, 9, 3), "742");
}

/* A form: level rules go through, upright ones only where a row is parted. */
static void test_form(void **state)
{
    struct drawing *g = *state;
    prose(g, 100);
    for (int y = 300; y <= 580; y += 40)
        rule(g, 120, y, 1080, y + 2);
    for (int i = 0; i < 2; i++)
        rule(g, i ? 1078 : 120, 300, i ? 1080 : 122, 582);
    rule(g, 300, 340, 302, 580);
    rule(g, 620, 340, 622, 460);
    rule(g, 800, 340, 802, 460);
    text(g, 450, 308, "Application for a permit");
    row(g, 130, 500, 348, (const char *const[]){"Name", "First name"}, 2);
    row(g, 130, 500, 388, (const char *const[]){"Street", "Town"}, 2);
    row(g, 130, 500, 428, (const char *const[]){"Born", "Nation"}, 2);
    text(g, 130, 468, "Purpose");
    text(g, 310, 468, "works in the yard behind the house");
    text(g, 130, 508, "Signature");
    text(g, 130, 548, "Remarks");
    prose(g, 700);
    assemble(g);
    assert_int_equal(g->page->n_tables, 1);
    expect_size(g, 0, 7, 4);
    assert_string_equal(cell_text(g, 0, 0, 0), "Application for a permit");
    assert_string_equal(cell_text(g, 0, 2, 2), "Town");
    assert_string_equal(cell_text(g, 0, 4, 1), "works in the yard behind the house");
}

/* Group headings stand alone in their row, the second line of a label does not; lines are as far apart as rows. */
static void test_groups_and_long_labels(void **state)
{
    static const char *const rows[][4] = {{"Exposure", "Cases", "OR", "CI"},
                                          {"Never exposed to it", "1,823", "1.00", "-"},
                                          {"Duration", "", "", ""},
                                          {"Up to six years of it", "40", "1.45", "0.92-2.31"},
                                          {"Test for linear trend", "29", "0.79", "0.47-1.31"},
                                          {"with the reference", "", "", ""},
                                          {"Intensity", "", "", ""},
                                          {"Low", "60", "1.26", "0.86-1.83"}};
    struct drawing *g = *state;
    prose(g, 100);
    rule(g, 120, 300, 1080, 302);
    for (int r = 0; r < 8; r++)
        row(g, 130, 250, (float)(r == 0 ? 310 : 320 + r * 26), rows[r], 4);
    rule(g, 120, 338, 1080, 340);
    rule(g, 120, 540, 1080, 542);
    prose(g, 620);
    assemble(g);
    expect_size(g, 0, 7, 4);
    assert_string_equal(cell_text(g, 0, 2, 0), "Duration");
    assert_string_equal(cell_text(g, 0, 4, 0), "Test for linear trend with the reference");
    assert_string_equal(cell_text(g, 0, 4, 1), "29");
    assert_string_equal(cell_text(g, 0, 5, 0), "Intensity");
    assert_string_equal(cell_text(g, 0, 6, 3), "0.86-1.83");
}

/* The reader may take one or two characters for turned ones; their cells are not empty for that. */
static void test_turned_digits(void **state)
{
    static const char *const cells[] = {"Oak", "120.5", "77.25"};
    struct drawing *g = *state;
    prose(g, 100);
    for (int r = 0; r <= 4; r++)
        rule(g, 120, 300 + r * 40, 1080, 302 + r * 40);
    for (int c = 0; c <= 3; c++)
        rule(g, 120 + c * 320, 300, 122 + c * 320, 462);
    for (int r = 0; r < 4; r++) {
        row(g, 140, 320, (float)(308 + r * 40), cells, r == 2 ? 2 : 3);
        if (r == 2)
            text_in(g, 780, (float)(308 + r * 40), "45", 2);
    }
    prose(g, 560);
    assemble(g);
    expect_size(g, 0, 4, 3);
    assert_string_equal(cell_text(g, 0, 2, 2), "45");
}

/* The fold of a book beside the table runs down to the foot of the page: what stands below is text. */
static void test_fold_beside_table(void **state)
{
    static const char *const cells[] = {"Oak", "120.5", "77.25"};
    struct drawing *g = *state;
    for (int c = 0; c < 3; c++)
        rule(g, 120 + c * 320, 100, 122 + c * 320, 302);
    rule(g, 1080, 20, 1083, 1500);
    for (int r = 0; r <= 1; r++)
        rule(g, 120, 100 + r * 40, 1080, 102 + r * 40);
    rule(g, 120, 300, 1080, 302);
    for (int r = 0; r < 5; r++)
        row(g, 140, 320, (float)(108 + r * 40), cells, 3);
    prose(g, 400);
    prose(g, 600);
    assemble(g);
    assert_int_equal(g->page->n_tables, 1);
    expect_size(g, 0, 5, 3);
    for (int32_t i = 0; i < g->page->n_blocks; i++)
        assert_true(g->page->blocks[i].type != DP_TABLE || !strstr(g->page->blocks[i].text, "words"));
}

/* Ones below each other at the right end of a column look like a rule. */
static void test_strokes_are_no_rule(void **state)
{
    static const char *const cells[] = {"Oak", "1201", "77.25"};
    struct drawing *g = *state;
    prose(g, 100);
    for (int r = 0; r <= 1; r++)
        rule(g, 120, 300 + r * 40, 1080, 302 + r * 40);
    rule(g, 120, 580, 1080, 582);
    rule(g, 440, 300, 442, 580);
    rule(g, 760, 300, 762, 580);
    for (int r = 0; r < 7; r++)
        row(g, 140, 320, (float)(308 + r * 40), cells, 3);
    for (int r = 1; r < 5; r++) /* the stroke of the last digit, 4 pixels from the end of its line */
        rule(g, 494, 308 + r * 40 - 4, 496, 308 + r * 40 + SIZE + 4);
    prose(g, 700);
    assemble(g);
    expect_size(g, 0, 7, 3);
}

/* A head without a rule above it and a total without one below it belong to the table. */
static void test_rows_beyond_rules(void **state)
{
    static const char *const head[] = {"Tree", "Height", "Girth"}, *const body[] = {"Oak", "20.5", "7.25"},
                             *const total[] = {"Sum", "102.5", "36.25"};
    struct drawing *g = *state;
    prose(g, 100);
    row(g, 140, 320, 300, head, 3);
    for (int r = 0; r < 5; r++)
        row(g, 140, 320, (float)(340 + r * 40), body, 3);
    row(g, 140, 320, 540, total, 3);
    for (int r = 0; r <= 5; r++)
        rule(g, 120, 332 + r * 40, 1080, 334 + r * 40);
    prose(g, 660);
    assemble(g);
    expect_size(g, 0, 7, 3);
    assert_string_equal(cell_text(g, 0, 0, 1), "Height");
    assert_string_equal(cell_text(g, 0, 6, 2), "36.25");
}

/* Rows without any rule over two columns of text: one table, without its caption and its note; a heading over the
 * middle of its columns is over them. */
static void test_bare_table_over_columns(void **state)
{
    static const char *const heads[] = {"Place", "2022", "Rate", "2023", "Loss"};
    static const char *const rows[][5] = {{"Arnsholt", "12.5", "80%", "13.1", "4.2"},
                                          {"Bremvik", "9.25", "71%", "10.0", "0.5"},
                                          {"Carlow", "31.0", "64%", "28.5", "1.75"},
                                          {"Dunmore", "7.75", "90%", "8.25", "2.5"}};
    struct drawing *g = *state;
    for (int i = 0; i < 6; i++) {
        text(g, 100, (float)(100 + i * 32), "words of the left column as they run along it");
        text(g, 620, (float)(100 + i * 32), "words of the right column as they run along it");
        text(g, 100, (float)(660 + i * 32), "words of the left column as they run along it");
        text(g, 620, (float)(660 + i * 32), "words of the right column as they run along it");
    }
    text(g, 120, 340, "Table 4. Readings by place");
    text(g, 425, 380, "Winter");
    text(g, 825, 380, "Summer");
    row(g, 120, 200, 412, heads, 5);
    for (int r = 0; r < 4; r++)
        row(g, 120, 200, (float)(444 + r * 32), rows[r], 5);
    text(g, 120, 600, "Source: district office.");
    assemble(g);
    assert_int_equal(g->page->n_tables, 1);
    expect_size(g, 0, 6, 5);
    const struct dp_cell *cells = &g->page->cells[g->page->tables[0].first_cell];
    int wide = 0;
    for (int32_t i = 0; i < g->page->tables[0].n_cells; i++)
        if (cells[i].row == 0 && cells[i].col_span == 2) {
            assert_string_equal(cells[i].text, wide ? "Summer" : "Winter");
            wide++;
        }
    assert_int_equal(wide, 2);
    assert_string_equal(cell_text(g, 0, 5, 4), "2.5");
    assert_int_equal(cells[g->page->tables[0].n_cells - 5].header, DP_ROW_HEADER);
}

/* Two columns of prose whose lines are broken into pieces are no table. */
static void test_columns_are_no_table(void **state)
{
    struct drawing *g = *state;
    for (int i = 0; i < 12; i++) {
        text(g, 100, (float)(100 + i * 32), "words of the left column as they run along it");
        text(g, 620, (float)(100 + i * 32),
             i % 4 == 3 ? "short end" : "words of the right column as they run along it");
    }
    assemble(g);
    assert_int_equal(g->page->n_tables, 0);
}

/* Three narrow columns of justified prose on common rows: each line is in several pieces, none of which is long. */
static void test_justified_columns_are_no_table(void **state)
{
    static const char *const left[] = {"The boats waited for", "here they", "the better weather", "with some wind"};
    static const char *const right[] = {"two", "weeks and longer", "calm", "at anchor"};
    struct drawing *g = *state;
    for (int i = 0; i < 24; i++)
        for (int c = 0; c < 3; c++) {
            const char *end = right[(i + c) % 4];
            text(g, (float)(100 + c * 305), (float)(100 + i * 32), left[(i + c) % 4]);
            text(g, (float)(100 + c * 305 + 280 - (int)strlen(end) * CHAR), (float)(100 + i * 32), end);
        }
    assemble(g);
    assert_int_equal(g->page->n_tables, 0);
}

/* A line that runs down the page. */
static void turned_text(struct drawing *g, float x, float y, const char *words)
{
    struct t_type type = t_type_read(SIZE);
    type.step = CHAR;
    type.direction = 1;
    type.downwards = true;
    t_line(&g->builder, &type, x, y, words);
}

/* A table turned by a right angle between upright paragraphs; one of its numbers passes for upright. */
static void test_turned_table(void **state)
{
    static const char *const rows[][3] = {
        {"Name", "Height", "Girth"}, {"Oak", "120.5", "77.25"}, {"Elm", "98.75", "9"}, {"Beech", "101.0", "60.5"}};
    struct drawing *g = *state;
    prose(g, 100);
    for (int r = 0; r <= 4; r++) /* rows follow each other from right to left */
        rule(g, 700 - r * 60, 300, 702 - r * 60, 902);
    for (int c = 0; c <= 3; c++)
        rule(g, 460, 300 + c * 200, 702, 302 + c * 200);
    for (int r = 0; r < 4; r++)
        for (int c = 0; c < 3; c++) {
            if (r == 2 && c == 2)
                text(g, 660 - (float)r * 60, 720, "9");
            else
                turned_text(g, 660 - (float)r * 60, (float)(320 + c * 200), rows[r][c]);
        }
    prose(g, 1000);
    prose(g, 1200);
    assemble(g);
    assert_int_equal(g->page->n_tables, 1);
    expect_size(g, 0, 4, 3);
    for (int r = 0; r < 4; r++)
        for (int c = 0; c < 3; c++)
            assert_string_equal(cell_text(g, 0, r, c), rows[r][c]);
    const struct dp_rect box = g->page->cells[g->page->tables[0].first_cell].bbox;
    assert_true(box.x0 > 600 && box.x1 < 720 && box.y0 < 320 && box.y1 > 480);
}

/* A frame of four rows, three columns wide. */
static void frame_of_rows(struct drawing *g, float y)
{
    static const char *const rows[][3] = {
        {"Article", "Price", "Sum"}, {"Hinge", "2.40", "24.00"}, {"Board", "8.10", "16.20"}, {"Screw", "0.10", "9.90"}};
    const int top = (int)y;
    for (int r = 0; r <= 4; r++)
        rule(g, 100, top + r * 40, 1000, top + r * 40 + 2);
    for (int c = 0; c <= 3; c++)
        rule(g, 100 + c * 300 - (c == 3) * 2, top, 102 + c * 300 - (c == 3) * 2, top + 162);
    for (int r = 0; r < 4; r++)
        row(g, 120, 300, y + 8 + (float)r * 40, rows[r], 3);
}

/* The rule under a letterhead is as wide as the frame of the articles, and between them stand address and dates beside
 * each other: they do not make one loose table that is none in the end. */
static void test_frame_under_letterhead(void **state)
{
    struct drawing *g = *state;
    static const char *const between[][2] = {
        {"Mr. J. Fairweather", "Number 817"}, {"Orchard Cottage", "Date 3 June"}, {"Lower Wickham", "Due 3 July"}};
    rule(g, 100, 180, 1000, 183);
    for (int r = 0; r < 3; r++)
        row(g, 100, 650, 240 + (float)r * 36, between[r], 2);
    frame_of_rows(g, 480);
    prose(g, 900);
    assemble(g);
    assert_int_equal(g->page->n_tables, 1);
    assert_int_equal(g->page->tables[0].rows, 4);
    assert_int_equal(g->page->tables[0].cols, 3);
    assert_string_equal(cell_text(g, 0, 0, 0), "Article");
    assert_string_equal(cell_text(g, 0, 3, 2), "9.90");
}

/* The place on a page that must be turned by quarters to stand upright. */
static struct dp_point turned(struct dp_point p, int turns)
{
    return turns == 1   ? (struct dp_point){p.y, W - p.x}
           : turns == 2 ? (struct dp_point){W - p.x, H - p.y}
                        : (struct dp_point){H - p.y, p.x};
}

static struct dp_rect bounds(struct dp_point a, struct dp_point b)
{
    return (struct dp_rect){a.x < b.x ? a.x : b.x, a.y < b.y ? a.y : b.y, a.x > b.x ? a.x : b.x, a.y > b.y ? a.y : b.y};
}

static void turn_page(struct drawing *g, int turns)
{
    struct b_image flat = g->sheet.image;
    const int w = turns & 1 ? H : W, h = turns & 1 ? W : H;
    assert_int_equal(b_image_new(w, h, 1, (uint64_t)W * H, &g->sheet.image, NULL), B_OK);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            const struct dp_point to = turned((struct dp_point){(float)x + 0.5f, (float)y + 0.5f}, turns);
            g->sheet.image.pixels[(size_t)to.y * (size_t)w + (size_t)to.x] = flat.pixels[(size_t)(y * W + x)];
        }
    b_image_free(&flat);
    for (int32_t i = 0; i < g->page->n_words; i++) {
        struct dp_rect *b = &g->page->words[i].bbox;
        *b = bounds(turned((struct dp_point){b->x0, b->y0}, turns), turned((struct dp_point){b->x1, b->y1}, turns));
    }
    for (int32_t i = 0; i < g->page->n_lines; i++) {
        struct dp_line *l = &g->page->lines[i];
        for (int k = 0; k < 4; k++)
            l->quad[k] = turned(l->quad[k], turns);
        l->bbox = bounds(l->quad[0], l->quad[2]);
    }
    g->page->width = w;
    g->page->height = h;
    g->page->rotation = 90.0 * turns;
}

/* Rules are found in a page that lies on its side or head as in one that stands. */
static void test_turned_page(void **state)
{
    for (int turns = 1; turns <= 3; turns++) {
        assert_int_equal(turns > 1 ? set_up(state) : 0, 0);
        struct drawing *g = *state;
        prose(g, 100);
        frame_of_rows(g, 480);
        turn_page(g, turns);
        assemble(g);
        assert_int_equal(g->page->n_tables, 1);
        assert_int_equal(g->page->tables[0].rows, 4);
        assert_int_equal(g->page->tables[0].cols, 3);
        assert_string_equal(cell_text(g, 0, 3, 2), "9.90");
        if (turns < 3)
            (void)tear_down(state);
    }
}

/* A note under a table is the table's. */
static void test_note(void **state)
{
    static const char *const cells[] = {"Oak", "120.5", "77.25"};
    struct drawing *g = *state;
    prose(g, 100);
    for (int r = 0; r <= 4; r++)
        rule(g, 120, 300 + r * 40, 1080, 302 + r * 40);
    for (int r = 0; r < 4; r++)
        row(g, 140, 320, (float)(308 + r * 40), cells, 3);
    text(g, 120, 472, "Source: the forester's books.");
    prose(g, 560);
    assemble(g);
    for (int32_t i = 0; i < g->page->n_blocks; i++) {
        const struct dp_block *b = &g->page->blocks[i];
        const bool note = strncmp(b->text, "Source", 6) == 0;
        assert_int_equal(b->type == DP_FOOTNOTE, note);
        assert_int_equal(b->parent != DP_NONE && g->page->blocks[b->parent].type == DP_TABLE, note);
    }
}

/* Dots that lead to a price part two cells and stand in neither; lists that are set to other margins are other tables;
 * what has no price keeps its dots. */
static void test_leaders(void **state)
{
    static const char *const goods[] = {"Spade with a handle of ash and a blade", "Hand fork", "Twine", "Rake"};
    static const char *const prices[] = {"32.50", "8.75", "3.20", "12.90"};
    struct drawing *g = *state;
    prose(g, 100);
    for (int r = 0; r < 4; r++) {
        text(g, 100, (float)(300 + r * 36), goods[r]);
        text(g, 500, (float)(300 + r * 36), r ? "............." : ". . . . . . .");
        text(g, 700, (float)(300 + r * 36), prices[r]);
        text(g, 100, (float)(560 + r * 36), "Soup ............................................................");
        if (r != 1)
            text(g, 900, (float)(560 + r * 36), prices[r]);
    }
    prose(g, 800);
    assemble(g);
    assert_int_equal(g->page->n_tables, 2);
    expect_size(g, 0, 4, 2);
    for (int r = 0; r < 4; r++) {
        assert_string_equal(cell_text(g, 0, r, 0), goods[r]);
        assert_string_equal(cell_text(g, 0, r, 1), prices[r]);
    }
    expect_size(g, 1, 4, 2);
    assert_string_equal(cell_text(g, 1, 0, 0), "Soup");
    assert_int_equal(strncmp(cell_text(g, 1, 1, 0), "Soup .....", 10), 0);
}

/* Dots that lead to pages are a table of contents. */
static void test_contents(void **state)
{
    static const char *const pages[] = {"iii", "1", "1", "4", "12", "104"};
    struct drawing *g = *state;
    prose(g, 100);
    for (int r = 0; r < 6; r++) {
        text(g, 100, (float)(300 + r * 36), "Chapter of the book ...............................................");
        text(g, 900, (float)(300 + r * 36), pages[r]);
    }
    prose(g, 800);
    assemble(g);
    assert_int_equal(g->page->n_tables, 0);
}

/* An index of two columns, whose places go up and down, is no table either. */
static void test_index(void **state)
{
    static const char *const pages[] = {"30", "12, 44", "7", "51, 60", "3", "18"};
    struct drawing *g = *state;
    prose(g, 100);
    for (int r = 0; r < 6; r++)
        for (int c = 0; c < 2; c++) {
            text(g, (float)(100 + c * 520), (float)(300 + r * 36), "word of it .................");
            text(g, (float)(400 + c * 520), (float)(300 + r * 36), pages[(r + c) % 6]);
        }
    prose(g, 800);
    assemble(g);
    assert_int_equal(g->page->n_tables, 0);
}

/* So is one whose entries have one place each: their names stand in the order of the alphabet. */
static void test_index_of_single_places(void **state)
{
    static const char *const pages[] = {"30", "12", "7", "51", "3", "18"};
    static const char *const words[][2] = {{"aims of it", "keys of it"}, {"Boards it had", "ledgers"}, {"books", "lists kept"},
                                           {"bills of it", "mail to it"}, {"dates of it", "Members"}, {"errors", "notes"}};
    struct drawing *g = *state;
    prose(g, 100);
    for (int r = 0; r < 6; r++)
        for (int c = 0; c < 2; c++) {
            text(g, (float)(100 + c * 520), (float)(300 + r * 36), words[r][c]);
            text(g, (float)(250 + c * 520), (float)(300 + r * 36), ". . . . . .");
            text(g, (float)(400 + c * 520), (float)(300 + r * 36), pages[(r + c) % 6]);
        }
    prose(g, 800);
    assemble(g);
    assert_int_equal(g->page->n_tables, 0);
}

/* Dots that a scan shows as a rule on the line of text, of which the reader sees the first ones only. */
static void test_dotted_rules(void **state)
{
    static const char *const goods[] = {"Spade ..", "Hand fork.", "Twine ...", "Rake"};
    static const char *const prices[] = {"32.50", "8.75", "3.20", "12.90"};
    struct drawing *g = *state;
    prose(g, 100);
    for (int r = 0; r < 4; r++) {
        text(g, 100, (float)(300 + r * 36), goods[r]);
        rule(g, 190, 316 + r * 36, 690, 318 + r * 36);
        text(g, 700, (float)(300 + r * 36), prices[r]);
    }
    prose(g, 500);
    assemble(g);
    assert_int_equal(g->page->n_tables, 1);
    expect_size(g, 0, 4, 2);
    assert_string_equal(cell_text(g, 0, 0, 0), "Spade");
    assert_string_equal(cell_text(g, 0, 1, 0), "Hand fork.");
    assert_string_equal(cell_text(g, 0, 2, 0), "Twine");
    assert_string_equal(cell_text(g, 0, 3, 1), "12.90");
}

/* The first column of a table in Hebrew is the rightmost one. */
static void test_columns_from_the_right(void **state)
{
    struct drawing *g = *state;
    prose(g, 100);
    for (int r = 0; r <= 4; r++)
        rule(g, 120, 300 + r * 40, 1080, 302 + r * 40);
    for (int c = 0; c <= 3; c++)
        for (int y = 300; y < 460; y++)
            memset(g->sheet.image.pixels + (size_t)y * W + 120 + c * 320, 30, 2);
    for (int r = 0; r < 4; r++) {
        text(g, 140, (float)(308 + r * 40), r ? "24" : "2022");
        text(g, 460, (float)(308 + r * 40), r ? "48" : "2023");
        text(g, 780, (float)(308 + r * 40), "\xd7\xa0\xd7\xa1\xd7\x99\xd7\xa2\xd7\x95\xd7\xaa");
    }
    prose(g, 560);
    assemble(g);
    expect_size(g, 0, 4, 3);
    assert_string_equal(cell_text(g, 0, 0, 1), "2023");
    assert_string_equal(cell_text(g, 0, 0, 2), "2022");
    const struct dp_cell *cells = &g->page->cells[g->page->tables[0].first_cell];
    assert_int_equal(cells[3].header, DP_ROW_HEADER);
    assert_int_equal(cells[4].header, DP_NOT_HEADER);
    assert_true(cells[3].bbox.x0 > cells[4].bbox.x0);
}

/* A rule above and one below, in a column of text: the other column is no part of the table. */
static void test_rules_above_and_below(void **state)
{
    static const char *const names[] = {"Place", "Carlow", "Imst", "Lundby", "Penzlin"};
    struct drawing *g = *state;
    for (int r = 0; r < 12; r++)
        text(g, 640, (float)(300 + r * 32), "words of the other column of this page");
    rule(g, 100, 300, 560, 302);
    for (int r = 0; r < 5; r++) {
        text(g, 110, (float)(306 + r * 32), names[r]);
        text(g, 330, (float)(306 + r * 32), r ? "5.4" : "Mean");
        text(g, 480, (float)(306 + r * 32), r ? "13.8" : "Max");
    }
    rule(g, 100, 466, 560, 468);
    for (int r = 0; r < 6; r++)
        text(g, 100, (float)(490 + r * 32), "words of the column under the small table");
    assemble(g);
    assert_int_equal(g->page->n_tables, 1);
    expect_size(g, 0, 5, 3);
}

/* Sums under the items of an invoice, between the same two rules, are rows of their own. */
static void test_sums_under_items(void **state)
{
    static const char *const item[] = {"12", "Spade", "4", "130.00"};
    static const char *const sums[][2] = {{"Sub-total", "226.50"}, {"Tax", "45.30"}, {"Total", "271.80"}};
    struct drawing *g = *state;
    prose(g, 100);
    for (int r = 0; r < 6; r++)
        row(g, 140, 240, (float)(308 + r * 34), item, 4);
    for (int r = 0; r < 3; r++)
        row(g, 620, 240, (float)(520 + r * 34), sums[r], 2);
    rule(g, 120, 300, 1080, 302);
    rule(g, 120, 512, 1080, 514);
    rule(g, 120, 622, 1080, 624);
    for (int c = 0; c <= 4; c++)
        for (int y = 300; y < (c > 0 && c < 3 ? 514 : 624); y++)
            memset(g->sheet.image.pixels + (size_t)y * W + 120 + c * 240, 30, 2);
    prose(g, 700);
    assemble(g);
    expect_size(g, 0, 9, 4);
    for (int r = 0; r < 3; r++)
        assert_string_equal(cell_text(g, 0, 6 + r, 3), sums[r][1]);
}

/* Second lines of two cells of three begin in the middle of a sentence. */
static void test_cells_of_two_lines(void **state)
{
    static const char *const lines[][3] = {{"Term", "Meaning", "Remarks"},
                                           {"Gauge", "Instrument that shows", "Read twice a day by"},
                                           {"", "the height of water", "the keeper of the lock"},
                                           {"Weir", "Low dam over the whole", "Built of stone or"},
                                           {"", "width of a river", "wood"},
                                           {"Sluice", "Gate for the water", "Closed at night"}};
    struct drawing *g = *state;
    prose(g, 100);
    rule(g, 120, 300, 1080, 302);
    for (int r = 0; r < 6; r++)
        row(g, 140, 320, (float)(308 + r * 30 + (r > 0) * 8), lines[r], 3);
    rule(g, 120, 338, 1080, 340);
    rule(g, 120, 500, 1080, 502);
    prose(g, 600);
    assemble(g);
    expect_size(g, 0, 4, 3);
    assert_string_equal(cell_text(g, 0, 1, 1), "Instrument that shows the height of water");
    assert_string_equal(cell_text(g, 0, 2, 2), "Built of stone or wood");
}

/* Where most cells are empty the head above the first rule says which columns there are. */
static void test_head_of_empty_table(void **state)
{
    static const char *const rows[][6] = {{"Task", "Week 1", "Week 2", "Week 3", "Week 4", "Week 5"},
                                          {"Staff", "x", "x", "x", "", ""},
                                          {"Rent", "", "x", "", "x", "x"},
                                          {"Repairs", "", "", "", "", "x"},
                                          {"Insurance", "", "", "", "", ""}};
    struct drawing *g = *state;
    prose(g, 100);
    for (int r = 0; r < 5; r++) {
        row(g, 140, 160, (float)(300 + r * 44), rows[r], 6);
        rule(g, 120, 334 + r * 44, 1080, 336 + r * 44);
    }
    prose(g, 600);
    assemble(g);
    expect_size(g, 0, 5, 6);
    for (int r = 0; r < 5; r++)
        for (int c = 0; c < 6; c++)
            assert_string_equal(cell_text(g, 0, r, c), rows[r][c]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_double_rule, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_groups_and_long_labels, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_turned_digits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fold_beside_table, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_strokes_are_no_rule, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rows_beyond_rules, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bare_table_over_columns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_columns_are_no_table, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_justified_columns_are_no_table, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_turned_table, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_note, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_frame_under_letterhead, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_turned_page, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_head_of_empty_table, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_leaders, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sums_under_items, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cells_of_two_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_contents, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_index, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_index_of_single_places, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_dotted_rules, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_columns_from_the_right, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rules_above_and_below, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_statement, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rules_between_groups, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_form, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
