/* SPDX-License-Identifier: Apache-2.0 */
/* Structure never costs text (what that means: tests/support/text_kept.h). Every page of the samples and of the shared
 * pages is read, and then assembled, without and with what the layout network sees. test_text_kept [FILE...]; without
 * arguments: the folders below. DP_E2E_QUICK=1 reads only what has a text layer, for sanitizer builds. */
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
#include "tests/support/shared_files.h"
#include "tests/support/text_kept.h"

#define PAGES_MOST 6 /* of one document: enough of every kind, and the test stays short */
#define FILES_MOST 200

/* The page may have been assembled before. */
static void check_assembly(const struct dp_sheet *sheet, const struct dp_regions *regions, struct dp_page *page,
                           struct t_text_tally *tally)
{
    struct b_err err = {0};
    struct t_text_before before;
    char why[256];
    t_text_note(page, &before);
    if (dp_assemble_seen(sheet, regions, page, &err) != B_OK || dp_page_check(page, &err) != B_OK)
        fail_msg("page %d: %s", page->number, err.message);
    if (!t_text_kept(&before, page, tally, why, sizeof why))
        fail_msg("%s", why);
    t_text_before_free(&before);
}

static void check_page(struct dp_reader *reader, const struct dp_sheet *sheet, int32_t number, struct t_text_tally *tally)
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

static void check_file(struct dp_reader *reader, const char *path, bool quick, struct t_text_tally *tally)
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

static void check_folder(struct dp_reader *reader, const char *folder, bool quick, struct t_text_tally *tally)
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
    struct t_text_tally tally = {0};
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
