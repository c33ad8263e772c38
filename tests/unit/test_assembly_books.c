/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of books and manuals: chapter openings, listings, bibliographies. The text is a text layer's, as in
 * born-digital documents. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "docparse/assembly.h"
#include "tests/support/page_lines.h"

#define W 1000
#define H 1400

static struct dp_page *page;
static struct dp_line_builder builder;
static struct dp_sheet sheet;
static struct dp_rule rules[16];
static uint32_t style;

static int set_up(void **state)
{
    (void)state;
    style = 0;
    sheet = (struct dp_sheet){.kind = DP_SHEET_DIGITAL, .rules = rules};
    page = t_page_new(2, W, H, 120, &builder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    dp_page_drop(page);
    return 0;
}

/* A line of the text layer; size is its type size in pixels. */
static void line(float x, float y, float size, const char *text)
{
    struct t_type type = t_type_layer(size);
    type.style = style;
    t_line(&builder, &type, x, y, text);
}

static void body(float y, int lines)
{
    for (int i = 0; i < lines; i++)
        line(100, y + (float)i * 28, 20, "the body of this page goes from edge to edge of its only column of text");
}

static void rule(float x0, float y0, float x1, float y1)
{
    rules[sheet.n_rules++] = (struct dp_rule){.bbox = {x0, y0, x1, y1}, .vertical = x1 - x0 < y1 - y0};
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

static void expect_heading(const char *text)
{
    const struct dp_block *b = block_with(text);
    assert_string_equal(b->text, text);
    assert_int_equal(b->type, DP_HEADING);
    assert_int_equal(b->level, 1);
}

static void test_chapter_over_title(void **state)
{
    (void)state;
    line(100, 100, 26, "Chapter 3");
    line(100, 160, 40, "The Harbour");
    body(260, 20);
    assemble();
    expect_heading("Chapter 3 The Harbour");
}

static void test_small_label(void **state)
{
    (void)state;
    line(440, 200, 18, "CHAPTER ONE");
    line(350, 260, 34, "Of Ships and Men");
    body(360, 20);
    assemble();
    expect_heading("CHAPTER ONE Of Ships and Men");
}

static void test_large_number(void **state)
{
    (void)state;
    line(100, 100, 60, "7");
    line(100, 200, 40, "Winds");
    body(300, 20);
    assemble();
    expect_heading("7 Winds");
}

static void test_part(void **state)
{
    (void)state;
    line(400, 300, 40, "Teil II");
    line(380, 380, 40, "Die Küste");
    body(500, 12);
    assemble();
    expect_heading("Teil II Die Küste");
}

/* What names a chapter in passing, and headings that merely follow each other, stay what they are. */
static void test_no_opening(void **state)
{
    (void)state;
    line(100, 100, 30, "Chapter 3 and its sources");
    line(100, 150, 30, "Winds");
    body(200, 4);
    line(100, 340, 30, "Part I");
    line(100, 400, 30, "Chapter 1");
    body(450, 4);
    line(100, 620, 30, "Chapter 2");
    body(670, 4);
    assemble();
    assert_string_equal(block_with("Winds")->text, "Winds");
    assert_string_equal(block_with("Part I")->text, "Part I");
    assert_string_equal(block_with("Chapter 2")->text, "Chapter 2");
}

/* ls -l in a frame: columns, but no table. */
static void listing(void)
{
    style = DP_MONO;
    line(120, 400, 20, "$ ls -l");
    line(120, 430, 20, "-rw-r--r--");
    line(280, 430, 20, "4 Sep 5 15:43");
    line(440, 430, 20, "debian-binary");
    line(120, 460, 20, "-rw-r--r--");
    line(250, 460, 20, "2403 Sep 5 15:43");
    line(440, 460, 20, "control.tar.gz");
    line(120, 490, 20, "-rw-r--r--");
    line(230, 490, 20, "751613 Sep 5 15:43");
    line(440, 490, 20, "data.tar.gz");
    style = 0;
    rule(110, 390, 800, 391);
    rule(110, 520, 800, 521);
    rule(110, 390, 111, 521);
    rule(799, 390, 800, 521);
}

static void test_listing_in_frame(void **state)
{
    (void)state;
    body(100, 8);
    listing();
    body(600, 8);
    assemble();
    const struct dp_block *b = block_with("ls -l");
    assert_int_equal(b->type, DP_CODE);
    assert_string_equal(b->text, "$ ls -l\n"
                                 "-rw-r--r--      4 Sep 5 15:43   debian-binary\n"
                                 "-rw-r--r--   2403 Sep 5 15:43   control.tar.gz\n"
                                 "-rw-r--r-- 751613 Sep 5 15:43   data.tar.gz");
}

/* The same words with rules between them are a table. */
static void test_drawn_table_of_code(void **state)
{
    (void)state;
    body(100, 8);
    listing();
    rule(110, 425, 800, 426);
    rule(110, 455, 800, 456);
    rule(200, 390, 201, 521);
    rule(430, 390, 431, 521);
    body(600, 8);
    assemble();
    assert_int_equal(page->n_tables, 1);
}

/* A program with an indent and an empty line is one block. */
static void test_program(void **state)
{
    (void)state;
    body(100, 8);
    style = DP_MONO;
    line(120, 400, 20, "int main(void)");
    line(120, 426, 20, "{");
    line(160, 452, 20, "return 0;");
    line(120, 478, 20, "}");
    line(120, 530, 20, "int other;");
    style = 0;
    body(650, 8);
    assemble();
    const struct dp_block *b = block_with("main");
    assert_int_equal(b->type, DP_CODE);
    assert_string_equal(b->text, "int main(void)\n{\n    return 0;\n}\n\nint other;");
}

/* A slide that is all listing but for its heading. */
static void test_page_of_code(void **state)
{
    (void)state;
    line(100, 60, 30, "Source package example");
    style = DP_MONO;
    for (int i = 0; i < 20; i++)
        line(100, 150 + (float)i * 32, 18,
             i & 1 ? "Build-Depends: debhelper (>= 5.0.0), {misc}" : "Files: [..]_1.12.orig");
    assemble();
    assert_int_equal(block_with("debhelper")->type, DP_CODE);
}

/* A typewritten letter under a printed head is text. */
static void test_typewritten_page(void **state)
{
    (void)state;
    line(100, 60, 30, "Harbour Office");
    style = DP_MONO;
    for (int i = 0; i < 20; i++)
        line(100, 150 + (float)i * 28, 20, "the ship (a barque) was seen by the pilot's boat at noon, and later");
    assemble();
    assert_int_equal(block_with("barque")->type, DP_PARAGRAPH);
}

static int count(enum dp_block_type type)
{
    int n = 0;
    for (int32_t i = 0; i < page->n_blocks; i++)
        n += page->blocks[i].type == type;
    return n;
}

static const char *const entries[][2] = {
    {"Andler, S. 1979. Predicate path expressions for the control of",
     "processes. In: Principles of languages, 226-236."},
    {"Anisi, D. A. 2003. Optimal motion control of a ground vehicle.",
     "Master's thesis, Royal Institute of Technology."},
    {"Clarkson, K. L. 1985. Algorithms for problems of close points",
     "in computational geometry. Ph.D. thesis, Stanford."},
    {"Cohen, J. 1996. Special issue on digital libraries and what they", "are for. Communications 39, 11, 12-20."},
    {"Harel, D. 1979. First-order dynamic logic. Lecture notes in", "computer science, volume 68. Springer, New York."},
};

/* Entries from y downwards, a label before each where there is one; the second lines hang in by `in`. */
static float list_entries(float x, float y, float in, int label)
{
    for (int i = 0; i < 5; i++) {
        char text[160] = "";
        if (label > 0)
            (void)snprintf(text, sizeof text, "[%d] ", label + i);
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s", entries[i][0]);
        line(x, y, 20, text);
        line(x + in, y + 24, 20, entries[i][1]);
        y += 48;
    }
    return y;
}

static void test_labelled_references(void **state)
{
    (void)state;
    body(100, 6);
    line(100, 300, 26, "References");
    list_entries(100, 350, 40, 1);
    assemble();
    assert_int_equal(count(DP_REFERENCE), 5);
    assert_int_equal(count(DP_LIST_ITEM), 0);
    assert_string_equal(block_with("[2]")->text,
                        "[2] Anisi, D. A. 2003. Optimal motion control of a ground vehicle. Master's "
                        "thesis, Royal Institute of Technology.");
}

static void test_hanging_references(void **state)
{
    (void)state;
    body(100, 6);
    line(100, 300, 26, "Literaturverzeichnis");
    list_entries(100, 350, 40, 0);
    assemble();
    assert_int_equal(count(DP_REFERENCE), 5);
    assert_true(strncmp(block_with("Royal")->text, "Anisi", 5) == 0);
}

/* A page that goes on with a bibliography has no heading that says so. */
static void test_references_by_form(void **state)
{
    (void)state;
    line(140, 100, 20, "and their use in harbours. Ports 7, 3, 1990, 4-11.");
    const float y = list_entries(100, 124, 40, 21);
    line(100, y + 60, 26, "About the author");
    line(100, y + 110, 20, "The author has worked in harbours since 1970 and lives by the sea.");
    assemble();
    assert_int_equal(count(DP_REFERENCE), 6);
    assert_int_equal(block_with("The author has")->type, DP_PARAGRAPH);
}

static void test_references_over_columns(void **state)
{
    (void)state;
    line(60, 100, 26, "References");
    for (int i = 0; i < 8; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "[%d] Harel, D. 19%d. Logic of", i + 1, 70 + i);
        line(60, 150 + (float)i * 48, 20, text);
        if (i < 7)
            line(100, 174 + (float)i * 48, 20, "first-order programs in use.");
    }
    line(560, 150, 20, "first-order programs. Springer.");
    for (int i = 0; i < 7; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "[%d] Cohen, J. 19%d. Libraries", i + 9, 70 + i);
        line(520, 174 + (float)i * 48, 20, text);
        line(560, 198 + (float)i * 48, 20, "that serve for many things.");
    }
    assemble();
    assert_int_equal(count(DP_REFERENCE), 16);
    assert_true(block_with("[8]")->joined);
    assert_false(block_with("[7]")->joined);
    assert_int_equal(block_with("first-order programs. Springer")->type, DP_REFERENCE);
}

/* Numbered steps, also below a heading that could head a bibliography, and references within prose. */
static void test_no_references(void **state)
{
    (void)state;
    line(100, 100, 26, "Reference");
    line(100, 150, 20, "1. Open the valve with the key that hangs beside it.");
    line(100, 180, 20, "2. Wait until the pressure has gone down to nothing.");
    line(100, 210, 20, "3. Close the valve and hang the key up again.");
    line(100, 300, 26, "History");
    line(100, 350, 20, "1. In 1990 the harbour was closed for want of ships.");
    line(100, 380, 20, "2. In 1995 it was opened again as a museum.");
    line(100, 410, 20, "3. In 2001 the museum was closed for want of guests.");
    line(100, 440, 20, "4. In 2005 the harbour was filled up and built over.");
    assemble();
    assert_int_equal(count(DP_REFERENCE), 0);
    assert_int_equal(count(DP_LIST_ITEM), 7);
}

/* An entry of a table of contents in pieces: its number, its name and, where there is one, the page with dots before it. */
static void entry(float y, const char *number, const char *name, const char *place)
{
    char dots[128] = "";
    size_t n = 0;
    line(100, y, 20, number);
    line(150, y, 20, name);
    if (!place[0])
        return;
    for (size_t at = strlen(name) + 2; at + 2 < 75; at += 2) {
        dots[n++] = '.';
        dots[n++] = ' ';
    }
    (void)snprintf(dots + n, sizeof dots - n, "%s", place);
    line(900 - (float)strlen(dots) * 10, y, 20, dots);
}

/* A table of contents whose numbers stand apart from the names: the page of a chapter in a link's frame and without a
 * leader, an entry of two lines, a leader that leaves room for two dots only, letters for numbers. No table, no heading. */
static void test_contents(void **state)
{
    (void)state;
    style = DP_BOLD;
    line(100, 200, 20, "1");
    line(150, 200, 20, "Before the war");
    line(890, 200, 20, "3");
    style = 0;
    rule(886, 198, 904, 199);
    rule(886, 221, 904, 222);
    rule(886, 198, 887, 222);
    rule(903, 198, 904, 222);
    entry(228, "1.1", "The harbour", "3");
    entry(256, "1.2", "The town and those who went away from it, and what they said when", "");
    entry(284, "", "they came back", "5");
    entry(312, "1.3", "The year in which all the houses were painted white as they are now", "7");
    entry(340, "A", "Tables", "9");
    assemble();
    assert_int_equal(count(DP_TABLE), 0);
    assert_int_equal(count(DP_HEADING), 0);
    assert_string_equal(block_with("Before")->text, "1 Before the war 3");
    assert_true(strncmp(block_with("harbour")->text, "1.1 The harbour . .", 19) == 0);
    assert_true(strncmp(block_with("The town")->text, "1.2 The town", 12) == 0);
    assert_ptr_equal(block_with("The town"), block_with("they came back . ."));
    assert_string_equal(block_with("white")->text, "1.3 The year in which all the houses were painted white as they are now . . 7");
    assert_true(strncmp(block_with("Tables")->text, "A Tables . .", 12) == 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_chapter_over_title),
        TEST(test_small_label),
        TEST(test_large_number),
        TEST(test_part),
        TEST(test_no_opening),
        TEST(test_listing_in_frame),
        TEST(test_program),
        TEST(test_page_of_code),
        TEST(test_typewritten_page),
        TEST(test_drawn_table_of_code),
        TEST(test_labelled_references),
        TEST(test_hanging_references),
        TEST(test_references_by_form),
        TEST(test_references_over_columns),
        TEST(test_no_references),
        TEST(test_contents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
