/* SPDX-License-Identifier: Apache-2.0 */
/* Structure never costs text. Every page of the samples and of the shared pages is read, and then assembled, without
 * and with what the layout network sees:
 *
 *  1. the lines are the same before and after, as a multiset of their texts, and the words are untouched;
 *  2. every line stands in exactly one block;
 *  3. the characters of a block (marker and text, tables: its cells) are those of its lines as a multiset, spaces
 * aside, but for hyphens at the ends of lines that the block's text undoes: at most one for each line of the block.
 *
 * Nothing else may differ. test_text_kept [FILE...]; without arguments: the folders below. DP_E2E_QUICK=1 reads only
 * what has a text layer, for sanitizer builds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <unistd.h>

#include "docparse/assembly.h"
#include "docparse/reader.h"
#include "engine/base/utf8.h"
#include "tests/support/shared_files.h"

#define PAGES_MOST 6 /* of one document: enough of every kind, and the test stays short */
#define FILES_MOST 200

struct tally {
    int pages, lines, hyphens;
    int64_t characters;
};

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Texts of the page's lines, sorted; to be freed. */
static const char **sorted_lines(const struct dp_page *page)
{
    const char **texts = calloc((size_t)page->n_lines + 1, sizeof *texts);
    assert_non_null(texts);
    for (int32_t i = 0; i < page->n_lines; i++)
        texts[i] = page->lines[i].text;
    if (page->n_lines > 1)
        qsort(texts, (size_t)page->n_lines, sizeof *texts, by_text);
    return texts;
}

static bool is_hyphen(uint32_t cp)
{
    return cp == '-' || cp == 0xAD || cp == 0x2010;
}

/* Characters of a text as they are counted: code points that are no space, folded into a table of remainders; equal
 * multisets give equal tables, and unlike ones differ but for odd coincidences. Hyphens are counted apart. */
enum { CLASSES = 4096 };
struct counts {
    int32_t of[CLASSES];
    int32_t hyphens, all;
};

static void count(struct counts *c, const char *text, int sign)
{
    const size_t len = strlen(text);
    for (size_t pos = 0; pos < len;) {
        const uint32_t cp = b_utf8_next(text, len, &pos);
        if (b_cp_is_space(cp))
            continue;
        c->all += sign;
        if (is_hyphen(cp))
            c->hyphens += sign;
        else
            c->of[cp % CLASSES] += sign;
    }
}

/* 3. of the head of this file. */
static void check_block(const struct dp_page *page, const struct dp_block *b, struct tally *tally)
{
    struct counts *c = calloc(1, sizeof *c);
    assert_non_null(c);
    for (int32_t i = 0; i < b->n_lines; i++)
        count(c, page->lines[b->first_line + i].text, 1);
    tally->characters += c->all;
    if (b->marker)
        count(c, b->marker, -1);
    if (b->table != DP_NONE) {
        const struct dp_table *t = &page->tables[b->table];
        for (int32_t i = 0; i < t->n_cells; i++)
            count(c, page->cells[t->first_cell + i].text, -1);
    } else {
        count(c, b->text, -1);
    }
    for (int i = 0; i < CLASSES; i++)
        if (c->of[i] != 0)
            fail_msg("page %d: %s block '%.60s' has %d characters of class %d %s its lines", page->number,
                     dp_block_type_name(b->type), b->text, abs(c->of[i]), i, c->of[i] > 0 ? "less than" : "more than");
    if (c->hyphens < 0 || c->hyphens > b->n_lines)
        fail_msg("page %d: %s block '%.60s' of %d lines lost %d hyphens", page->number, dp_block_type_name(b->type),
                 b->text, b->n_lines, c->hyphens);
    tally->hyphens += c->hyphens;
    free(c);
}

static void check_blocks(const struct dp_page *page, struct tally *tally)
{
    int *owners = calloc((size_t)page->n_lines + 1, sizeof *owners);
    assert_non_null(owners);
    for (int32_t i = 0; i < page->n_blocks; i++) {
        const struct dp_block *b = &page->blocks[i];
        for (int32_t k = 0; k < b->n_lines; k++) {
            owners[b->first_line + k]++;
            assert_int_equal(page->lines[b->first_line + k].block, i);
        }
        check_block(page, b, tally);
    }
    for (int32_t i = 0; i < page->n_lines; i++)
        if (owners[i] != 1)
            fail_msg("page %d: the line '%s' stands in %d blocks", page->number, page->lines[i].text, owners[i]);
    free(owners);
}

/* 1. and 2. as well; the page may have been assembled before. */
static void check_assembly(const struct dp_sheet *sheet, const struct dp_regions *regions, struct dp_page *page,
                           struct tally *tally)
{
    struct b_err err = {0};
    const char **before = sorted_lines(page);
    const int32_t n = page->n_lines, n_words = page->n_words;
    const struct dp_word *words = page->words;
    if (dp_assemble_seen(sheet, regions, page, &err) != B_OK || dp_page_check(page, &err) != B_OK)
        fail_msg("page %d: %s", page->number, err.message);
    const char **after = sorted_lines(page);
    assert_int_equal(page->n_lines, n);
    for (int32_t i = 0; i < n; i++)
        assert_string_equal(before[i], after[i]);
    assert_ptr_equal(page->words, words);
    assert_int_equal(page->n_words, n_words);
    check_blocks(page, tally);
    tally->pages++;
    tally->lines += n;
    free(before);
    free(after);
}

static void check_page(struct dp_reader *reader, const struct dp_sheet *sheet, int32_t number, struct tally *tally)
{
    struct dp_page *page = NULL;
    struct b_cancel cancel;
    struct b_err err = {0};
    b_cancel_init(&cancel);
    assert_int_equal(dp_page_new(number, 256u << 20, &page, &err), B_OK);
    page->width = sheet->image.width;
    page->height = sheet->image.height;
    page->dpi = sheet->dpi;
    if (dp_reader_read(reader, sheet, page, &cancel, &err) != B_OK)
        fail_msg("page %d: %s", number, err.message);
    struct dp_regions regions;
    if (dp_reader_regions(reader, sheet, page, page->arena, &regions, &cancel, &err) != B_OK)
        fail_msg("page %d: %s", number, err.message);
    check_assembly(sheet, NULL, page, tally);
    check_assembly(sheet, &regions, page, tally);
    dp_page_drop(page);
}

static void check_file(struct dp_reader *reader, const char *path, bool quick, struct tally *tally)
{
    struct dp_loader_options options = {.limits = dp_limits_default()};
    struct dp_source source;
    struct dp_loader *loader;
    struct b_cancel cancel;
    struct b_err err = {0};
    b_cancel_init(&cancel);
    if (dp_source_open(path, &options.limits, &source, &err) != B_OK)
        fail_msg("%s", err.message);
    if (dp_loader_open(&source, &options, &loader, &err) != B_OK)
        fail_msg("%s: %s", path, err.message);
    const int32_t pages = dp_loader_info(loader)->page_count;
    for (int32_t i = 1; i <= pages && i <= PAGES_MOST; i++) {
        struct dp_sheet sheet = {0};
        if (dp_loader_page(loader, i, &cancel, &sheet, &err) != B_OK)
            fail_msg("%s: %s", path, err.message);
        if (!quick || sheet.n_words > 0)
            check_page(reader, &sheet, i, tally);
        dp_sheet_free(&sheet);
    }
    dp_loader_close(loader);
    dp_source_close(&source);
}

static void check_folder(struct dp_reader *reader, const char *folder, bool quick, struct tally *tally)
{
    char path[4096];
    DIR *dir = opendir(folder);
    if (!dir)
        fail_msg("%s cannot be listed", folder);
    int n = 0;
    for (const struct dirent *e; (e = readdir(dir)) != NULL && n < FILES_MOST; n++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (e->d_name[0] != '.' && e->d_type != DT_DIR)
            check_file(reader, path, quick, tally);
    }
    closedir(dir);
}

/* Arguments of the program, handed to the test. */
struct arguments {
    char **paths;
    int n;
};

static void test_text_is_kept(void **state)
{
    static const char *const shared[] = {"bench/omnidocbench-demo/images", "bench/mdpbench-demo/images",
                                         "bench/olmocr-bench-sample/pdfs",
                                         "bench/olmocr-bench-sample/pdfs/headers_footers"};
    const struct arguments *args = *state;
    const bool quick = getenv("DP_E2E_QUICK") != NULL;
    struct tally tally = {0};
    struct dp_model *model;
    struct dp_reader *reader;
    struct b_err err = {0};
    if (dp_model_open_compact(getenv("DOCPARSE_MODELS"), &model, &err) != B_OK)
        fail_msg("%s", err.message);
    assert_int_equal(dp_reader_new(model, DP_TEXT_TRUST, 2, &reader, &err), B_OK);
    for (int i = 0; i < args->n; i++)
        check_file(reader, args->paths[i], false, &tally);
    if (args->n == 0) {
        char samples[4096];
        (void)snprintf(samples, sizeof samples, "%s/corpora/samples", getenv("DP_SOURCE"));
        check_folder(reader, samples, quick, &tally);
    }
    for (size_t i = 0; args->n == 0 && i < sizeof shared / sizeof shared[0]; i++) {
        if (access(t_shared(shared[i]), R_OK) == 0)
            check_folder(reader, t_shared(shared[i]), quick, &tally);
        else
            printf("%s is not there: its pages were not read\n", t_shared(shared[i]));
    }
    printf("%d assemblies, %d lines, %lld characters kept; %d hyphens at the ends of lines undone\n", tally.pages,
           tally.lines, (long long)tally.characters, tally.hyphens);
    assert_true(tally.pages > 0);
    dp_reader_drop(reader);
    dp_model_drop(model);
}

int main(int argc, char **argv)
{
    struct arguments args = {argv + 1, argc - 1};
    if (!getenv("DOCPARSE_MODELS") || !getenv("DP_SOURCE")) {
        printf("SKIP: DOCPARSE_MODELS and DP_SOURCE say where the networks and the samples are\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test_prestate(test_text_is_kept, &args)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
