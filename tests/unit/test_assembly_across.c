/* SPDX-License-Identifier: Apache-2.0 */
/* What only the document tells: running heads that change sides, numbers that count, levels of headings by style and
 * outline, and paragraphs over the ends of pages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "docparse/assembly.h"
#include "output/writer.h"
#include "tests/support/page_lines.h"

#define W 1000
#define H 1400
#define PAGES_MAX 8

struct book {
    struct dp_page *pages[PAGES_MAX];
    struct dp_line_builder builders[PAGES_MAX];
    int n;
};

static void add_page(struct book *book)
{
    book->pages[book->n] = t_page_new(book->n + 1, W, H, 120, &book->builders[book->n]);
    book->n++;
}

/* A line of the text layer on the last page; size is its type size in pixels. */
static void line(struct book *book, float x, float y, float size, const char *text)
{
    const struct t_type type = t_type_layer(size);
    t_line(&book->builders[book->n - 1], &type, x, y, text);
}

static void body(struct book *book, float y, int lines)
{
    for (int i = 0; i < lines; i++)
        line(book, 100, y + (float)i * 28, 20,
             "the body of this page goes from edge to edge of its only column of text");
}

static void settle(struct book *book, const struct dp_outline_item *outline, int n)
{
    struct dp_across *across = NULL;
    assert_int_equal(dp_across_new(outline, n, &across, NULL), B_OK);
    for (int i = 0; i < book->n; i++)
        assert_int_equal(dp_assemble(NULL, book->pages[i], NULL), B_OK);
    for (int i = 0; i < book->n; i++) {
        dp_across_settle(across, book->pages[i], i + 1 < book->n ? book->pages[i + 1] : NULL);
        assert_int_equal(dp_page_check(book->pages[i], NULL), B_OK);
    }
    dp_across_drop(across);
}

static void close_book(struct book *book)
{
    for (int i = 0; i < book->n; i++)
        dp_page_drop(book->pages[i]);
}

static const struct dp_block *block_with(const struct book *book, int page, const char *text)
{
    const struct dp_page *p = book->pages[page];
    for (int32_t i = 0; i < p->n_blocks; i++)
        if (strstr(p->blocks[i].text, text))
            return &p->blocks[i];
    fail_msg("no block of page %d holds '%s'", page + 1, text);
    return NULL;
}

/* Heads too low and too large for the rules of a single page; left and right pages differ; numbers are in words. */
static void test_running_heads(void **state)
{
    struct book book = {.n = 0};
    char foot[64];
    (void)state;
    for (int i = 0; i < 6; i++) {
        add_page(&book);
        line(&book, 100, 130, 24, i & 1 ? "A history of measuring" : "The first instruments");
        body(&book, 220, 20);
        (void)snprintf(foot, sizeof foot, "Edition of the year, sheet %d of the whole book in two volumes", i + 41);
        line(&book, 300, 1250, 20, foot);
    }
    settle(&book, NULL, 0);
    for (int i = 2; i < 6; i++) {
        assert_int_equal(block_with(&book, i, i & 1 ? "A history" : "The first")->type, DP_HEADER);
        assert_int_equal(block_with(&book, i, "Edition")->type, DP_FOOTER);
        assert_int_equal(block_with(&book, i, "the body")->type, DP_PARAGRAPH);
    }
    close_book(&book);
}

/* A running head that one page takes for the caption of what stands below it. */
static void test_heads_that_look_like_captions(void **state)
{
    struct book book = {.n = 0};
    struct dp_across *across = NULL;
    (void)state;
    for (int i = 0; i < 4; i++) {
        add_page(&book);
        line(&book, 100, 60, 20, "Table of symbols");
        body(&book, 220, 20);
        assert_int_equal(dp_assemble(NULL, book.pages[i], NULL), B_OK);
        struct dp_block *head = book.pages[i]->blocks;
        assert_string_equal(head->text, "Table of symbols");
        head->type = DP_CAPTION;
        head->caption_of = 1;
    }
    assert_int_equal(dp_across_new(NULL, 0, &across, NULL), B_OK);
    for (int i = 0; i < 4; i++)
        dp_across_settle(across, book.pages[i], i < 3 ? book.pages[i + 1] : NULL);
    assert_int_equal(book.pages[3]->blocks->type, DP_HEADER);
    assert_int_equal(dp_page_check(book.pages[3], NULL), B_OK);
    dp_across_drop(across);
    close_book(&book);
}

/* A small page in the middle of a large sheet: its number stands far from the edge, and nothing below it. */
static void test_numbers_of_small_pages(void **state)
{
    static const char *const roman[] = {"ix", "x", "xi"};
    static const char *const above[] = {"A sentence begins the first page", "Quite another one is here", "The end of the book has come"};
    struct book book = {.n = 0};
    char number[8];
    (void)state;
    for (int i = 0; i < 3; i++) {
        add_page(&book);
        body(&book, 250, 20);
        (void)snprintf(number, sizeof number, "%d", i + 11);
        line(&book, 500, 1120, 20, number);
        line(&book, 800, 1120, 20, roman[i]);
        (void)snprintf(number, sizeof number, "%d", i + 40); /* counts as well, but inside of the text */
        line(&book, 100, 190, 20, number);
        line(&book, 100, 150, 20, above[i]);
    }
    settle(&book, NULL, 0);
    for (int i = 0; i < 3; i++) {
        const struct dp_page *page = book.pages[i];
        (void)snprintf(number, sizeof number, "%d", i + 11);
        assert_int_equal(block_with(&book, i, number)->type, DP_PAGE_NUMBER);
        for (int32_t k = 0; k < page->n_blocks; k++)
            assert_true(strcmp(page->blocks[k].text, roman[i]) != 0 || page->blocks[k].type == DP_PAGE_NUMBER);
        (void)snprintf(number, sizeof number, "%d", i + 40);
        for (int32_t k = 0; k < page->n_blocks; k++)
            assert_true(strcmp(page->blocks[k].text, number) != 0 || page->blocks[k].type != DP_PAGE_NUMBER);
    }
    close_book(&book);
}

/* The same place is not enough: headings that differ stay headings. */
static void test_headings_stay(void **state)
{
    static const char *const titles[] = {"Measuring length", "Weighing small things", "Clocks of old", "On heat"};
    struct book book = {.n = 0};
    (void)state;
    for (int i = 0; i < 4; i++) {
        add_page(&book);
        line(&book, 100, 130, 30, titles[i]);
        body(&book, 220, 20);
    }
    settle(&book, NULL, 0);
    for (int i = 1; i < 4; i++)
        assert_int_equal(block_with(&book, i, titles[i])->type, DP_HEADING);
    close_book(&book);
}

/* A page of large type does not lift its headings: the style was met before. The outline overrules both. */
static void test_levels(void **state)
{
    static const struct dp_outline_item outline[] = {{"On clocks", 2, 3}};
    struct book book = {.n = 0};
    (void)state;
    for (int i = 0; i < 3; i++) {
        add_page(&book);
        if (i == 0)
            line(&book, 100, 60, 50, "The whole of it");
        body(&book, 150, 3);
        line(&book, 100, 300, 32, i == 2 ? "4 On clocks" : "Some heading");
        body(&book, 400, 12);
        if (i == 1)
            for (int k = 0; k < 8; k++)
                line(&book, 100, 760 + (float)k * 36, 25, "a long quotation in larger type fills this page");
    }
    settle(&book, outline, 1);
    const int32_t first = block_with(&book, 0, "Some heading")->level;
    assert_int_equal(block_with(&book, 1, "Some heading")->level, first);
    assert_int_equal(block_with(&book, 2, "On clocks")->level, 3);
    close_book(&book);
}

/* Text that the foot of a page cuts goes on below the next page's head; text that ends does not. */
static void test_paragraph_over_pages(void **state)
{
    struct book book = {.n = 0};
    (void)state;
    for (int i = 0; i < 3; i++) {
        add_page(&book);
        line(&book, 100, 60, 18, "Head of the book");
        line(&book, 800, 60, 18, i == 0 ? "7" : i == 1 ? "8" : "9");
        body(&book, 150, 30);
        if (i == 1)
            line(&book, 100, 150 + 30 * 28, 20, "and here it ends.");
    }
    settle(&book, NULL, 0);
    assert_true(block_with(&book, 0, "the body")->joined);
    assert_false(block_with(&book, 1, "and here it ends")->joined);
    assert_int_equal(block_with(&book, 1, "8")->type, DP_PAGE_NUMBER);
    close_book(&book);
}

/* Rows of a table without rules: a place and three numbers. */
static void rows(struct book *book, float y, int first, int n, bool head, float step)
{
    static const char *const heads[] = {"Place", "Depth", "Share", "Loss"};
    char text[32];
    for (int c = 0; c < 4 && head; c++)
        line(book, 100 + (float)c * step, y, 20, heads[c]);
    for (int r = 0; r < n; r++)
        for (int c = 0; c < 4; c++) {
            if (c == 0)
                (void)snprintf(text, sizeof text, "Station %c", 'A' + first + r);
            else
                (void)snprintf(text, sizeof text, "%d.%d5", first + r + 10, c);
            line(book, 100 + (float)c * step, y + (float)(r + head) * 32, 20, text);
        }
}

static struct dp_table *table_of(const struct book *book, int page)
{
    assert_int_equal(book->pages[page]->n_tables, 1);
    return &book->pages[page]->tables[0];
}

/* CSV files by name; texts are cut to what the test looks at. */
struct files {
    char names[8][32], texts[8][2048];
    int n;
};

static enum b_code keep_file(void *ctx, const char *name, const void *data, size_t size, struct b_err *err)
{
    struct files *f = ctx;
    (void)err;
    assert_true(f->n < 8);
    (void)snprintf(f->names[f->n], sizeof f->names[0], "%s", name);
    (void)snprintf(f->texts[f->n++], sizeof f->texts[0], "%.*s", (int)size, (const char *)data);
    return B_OK;
}

static void write_csv(const struct book *book, struct files *files)
{
    const struct out_options options = {.words = true};
    const struct out_sink sink = {.ctx = files, .side = keep_file};
    const struct dp_document_info info = {.source_name = "book.pdf", .page_count = book->n};
    struct out_writer *writer = NULL;
    files->n = 0;
    assert_int_equal(out_open(out_format_find("csv"), &options, &sink, &writer, NULL), B_OK);
    assert_int_equal(out_begin(writer, &info, NULL, 0, NULL), B_OK);
    for (int i = 0; i < book->n; i++)
        assert_int_equal(out_page(writer, book->pages[i], NULL, NULL), B_OK);
    assert_int_equal(out_end(writer, DP_STATUS_OK, NULL), B_OK);
    out_drop(writer);
}

/* A table over three pages that repeats its head, heads and page numbers around it: one file of its rows. */
static void test_table_over_pages(void **state)
{
    struct book book = {.n = 0};
    static struct files files;
    char number[8];
    (void)state;
    for (int i = 0; i < 3; i++) {
        add_page(&book);
        (void)snprintf(number, sizeof number, "%d", i + 7);
        line(&book, 500, 1350, 20, number);
        if (i == 0)
            body(&book, 100, 20);
        rows(&book, i == 0 ? 700 : 100, i * 8, i == 0 ? 17 : i == 1 ? 34 : 4, true, 220);
        if (i == 2)
            body(&book, 400, 20);
    }
    settle(&book, NULL, 0);
    assert_true(block_with(&book, 0, "Station A")->joined);
    assert_true(block_with(&book, 1, "Station I")->joined);
    assert_false(block_with(&book, 2, "Station Q")->joined);
    assert_false(table_of(&book, 0)->continues);
    for (int i = 1; i < 3; i++) {
        assert_true(table_of(&book, i)->continues);
        assert_int_equal(table_of(&book, i)->repeated_rows, 1);
    }
    write_csv(&book, &files);
    assert_int_equal(files.n, 2);
    assert_non_null(strstr(files.texts[0], "Station A"));
    assert_non_null(strstr(files.texts[0], "Station T"));
    assert_ptr_equal(strstr(files.texts[0], "Depth"), files.texts[0] + strlen("Place,"));
    assert_null(strstr(files.texts[0] + 20, "Depth"));
    assert_string_equal(files.names[1], "index.csv");
    close_book(&book);
}

/* Without its head again: rows of numbers go on, and the first of them is no head. */
static void test_table_without_head(void **state)
{
    struct book book = {.n = 0};
    (void)state;
    add_page(&book);
    body(&book, 100, 20);
    rows(&book, 700, 0, 17, true, 220);
    add_page(&book);
    rows(&book, 100, 17, 5, false, 220);
    body(&book, 400, 20);
    settle(&book, NULL, 0);
    assert_true(table_of(&book, 1)->continues);
    assert_int_equal(table_of(&book, 1)->repeated_rows, 0);
    assert_int_equal(book.pages[1]->cells[0].header != DP_COLUMN_HEADER, 1);
    close_book(&book);
}

/* Text between them, or other columns: two tables. */
static void test_tables_apart(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        struct book book = {.n = 0};
        add_page(&book);
        body(&book, 100, 20);
        rows(&book, 700, 0, 17, true, 220);
        add_page(&book);
        if (k == 0)
            body(&book, 100, 4);
        rows(&book, k == 0 ? 260 : 100, 17, 9, true, k == 0 ? 220 : 160);
        body(&book, 700, 20);
        settle(&book, NULL, 0);
        assert_false(table_of(&book, 1)->continues);
        assert_false(block_with(&book, 0, "Station A")->joined);
        close_book(&book);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_running_heads), cmocka_unit_test(test_heads_that_look_like_captions),
        cmocka_unit_test(test_numbers_of_small_pages),    cmocka_unit_test(test_headings_stay),
        cmocka_unit_test(test_levels),           cmocka_unit_test(test_paragraph_over_pages),
        cmocka_unit_test(test_table_over_pages), cmocka_unit_test(test_table_without_head),
        cmocka_unit_test(test_tables_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
