/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of born-digital documents: marks that are drawn, lists inside of lists. */
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
static uint32_t style;

static int set_up(void **state)
{
    (void)state;
    style = 0;
    sheet = (struct dp_sheet){.kind = DP_SHEET_DIGITAL};
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

static void assemble(void)
{
    t_page_assemble(&sheet, page);
}

/* The `n`-th item of the page and the item that its list stands in, or NULL. */
static const struct dp_block *item(int n)
{
    for (int32_t i = 0; i < page->n_blocks; i++)
        if (page->blocks[i].type == DP_LIST_ITEM && n-- == 0)
            return &page->blocks[i];
    fail_msg("the page has too few items");
    return NULL;
}

static const struct dp_block *outer(const struct dp_block *b)
{
    const struct dp_block *list = &page->blocks[b->parent];
    assert_int_equal(list->type, DP_LIST);
    return list->parent == DP_NONE ? NULL : &page->blocks[list->parent];
}

static int count(enum dp_block_type type)
{
    int n = 0;
    for (int32_t i = 0; i < page->n_blocks; i++)
        n += page->blocks[i].type == type;
    return n;
}

/* Discs and, further in, rings before lines; a third item has two lines. A disc between two texts, boxes to tick and a
 * row of dots are no marks of lists. */
static void test_drawn_marks(void **state)
{
    (void)state;
    struct dp_shape shapes[] = {
        {{112, 207, 119, 214}, true, true},   {{142, 235, 149, 242}, true, false},  {{112, 263, 119, 270}, true, true},
        {{112, 319, 119, 326}, true, true},   {{218, 407, 225, 414}, true, true},   /* between texts */
        {{106, 503, 116, 513}, false, false}, {{106, 531, 116, 541}, false, false}, /* to tick */
        {{100, 607, 107, 614}, true, true},   {{110, 607, 117, 614}, true, true},   /* a row of dots */
    };
    sheet.shapes = shapes;
    sheet.n_shapes = (int32_t)(sizeof shapes / sizeof shapes[0]);
    line(100, 100, 20, "the body of this page goes from edge to edge of its only column of text");
    line(100, 128, 20, "and what is to be bought is written down under it as a list of its own:");
    line(130, 200, 20, "two pounds of flour");
    line(160, 228, 20, "white");
    line(130, 256, 20, "a handful of raisins that were left in cold water for the whole night");
    line(130, 284, 20, "and dried");
    line(130, 312, 20, "salt");
    line(100, 400, 20, "Left of it");
    line(240, 400, 20, "and right of it");
    line(130, 497, 20, "to be sent by mail");
    line(130, 525, 20, "to be fetched");
    line(130, 600, 20, "Chapter one of the book");
    assemble();
    assert_int_equal(count(DP_LIST_ITEM), 4);
    assert_int_equal(count(DP_LIST), 2);
    assert_string_equal(item(0)->text, "two pounds of flour");
    assert_string_equal(item(0)->marker, "\xE2\x80\xA2");
    assert_string_equal(item(1)->marker, "\xE2\x97\xA6");
    assert_null(outer(item(0)));
    assert_ptr_equal(outer(item(1)), item(0));
    assert_null(outer(item(2)));
    assert_non_null(strstr(item(2)->text, "night and dried"));
    assert_string_equal(item(3)->text, "salt");
}

/* Lists in a list's items, by where their marks stand; the last item is in the outermost list again. */
static void test_nested(void **state)
{
    (void)state;
    line(100, 100, 20, "1. Set up the machine in a dry place.");
    line(130, 128, 20, "\xE2\x80\xA2 Keep it off the ground.");
    line(160, 156, 20, "\xE2\x80\x93 Wood will do.");
    line(160, 184, 20, "\xE2\x80\x93 So will stone.");
    line(130, 212, 20, "\xE2\x80\xA2 Keep it out of the sun.");
    line(100, 240, 20, "2. Turn it on.");
    assemble();
    assert_int_equal(count(DP_LIST), 3);
    assert_ptr_equal(outer(item(1)), item(0));
    assert_ptr_equal(outer(item(2)), item(1));
    assert_ptr_equal(outer(item(3)), item(1));
    assert_ptr_equal(outer(item(4)), item(0));
    assert_null(outer(item(5)));
    assert_int_equal(item(5)->parent, item(0)->parent);
}

static const struct dp_block *block_with(const char *text)
{
    for (int32_t i = 0; i < page->n_blocks; i++)
        if (page->blocks[i].type != DP_LIST && strstr(page->blocks[i].text, text))
            return &page->blocks[i];
    fail_msg("no block holds '%s'", text);
    return NULL;
}

/* Numbers of headings, clauses and items in pieces of their own, as a tabulator sets them. */
static void test_numbers_apart(void **state)
{
    (void)state;
    style = DP_BOLD;
    line(150, 400, 20, "MEANING OF WORDS");
    style = 0;
    line(100, 400, 20, "1.");
    line(100, 450, 20, "1.1");
    line(160, 450, 20, "In this contract the words below have the meaning that is given to them");
    line(160, 478, 20, "unless it says so.");
    line(160, 506, 20, "(a)");
    line(210, 506, 20, "Work means what is done.");
    line(160, 534, 20, "(b)");
    line(210, 534, 20, "Fees means what is paid for it.");
    line(100, 562, 20, "1.2");
    line(160, 562, 20, "Words that are not among them have the meaning that they always had in");
    line(160, 590, 20, "this town.");
    assemble();
    assert_string_equal(block_with("MEANING")->text, "1. MEANING OF WORDS");
    assert_int_equal(block_with("MEANING")->type, DP_HEADING);
    assert_true(strncmp(block_with("In this")->text, "1.1 In this", 11) == 0);
    assert_ptr_equal(block_with("In this"), block_with("it says so."));
    assert_int_equal(count(DP_LIST_ITEM), 2);
    assert_string_equal(item(0)->marker, "(a)");
    assert_string_equal(item(0)->text, "Work means what is done.");
    assert_string_equal(item(1)->text, "Fees means what is paid for it.");
    assert_true(strncmp(block_with("Words that")->text, "1.2 Words", 9) == 0);
    assert_ptr_equal(block_with("Words that"), block_with("this town."));
}

/* Marks in brackets at the right edge are read behind their questions. */
static void test_marks(void **state)
{
    (void)state;
    line(130, 400, 20, "What is the sum of two and two?");
    line(860, 400, 20, "[3]");
    line(130, 460, 20, "What is left when three is taken from it?");
    line(860, 460, 20, "[2]");
    line(130, 520, 20, "What is the half of that?");
    line(860, 520, 20, "[5]");
    assemble();
    assert_string_equal(block_with("sum")->text, "What is the sum of two and two? [3]");
    assert_string_equal(block_with("left")->text, "What is left when three is taken from it? [2]");
    assert_string_equal(block_with("half")->text, "What is the half of that? [5]");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_drawn_marks),
        TEST(test_nested),
        TEST(test_numbers_apart),
        TEST(test_marks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
