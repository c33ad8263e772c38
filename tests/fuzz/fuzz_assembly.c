/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a few pages (tests/support/page_script.h): assembly with and without what a layout network saw, what
 * only the document tells, and the writer that the input's length chooses. Pages always pass dp_page_check, no text is
 * lost, and writers write whole characters. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/assembly.h"
#include "docparse/language.h"
#include "engine/base/buf.h"
#include "engine/base/utf8.h"
#include "output/writer.h"
#include "tests/support/page_script.h"
#include "tests/support/text_kept.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OUTPUT_MOST ((size_t)64 << 20)

static void stop_here(const char *why)
{
    fprintf(stderr, "fuzz_assembly: %s\n", why);
    abort();
}

static void check_page(const struct dp_page *page)
{
    struct b_err err = {0};
    if (dp_page_check(page, &err) != B_OK)
        stop_here(err.message);
}

static void assemble(const struct t_script_page *from, const struct dp_regions *regions, struct dp_page *page)
{
    struct t_text_before before;
    struct t_text_tally tally = {0};
    char why[256];
    struct b_err err = {0};
    t_text_note(page, &before);
    if (dp_assemble_seen(&from->sheet, regions, page, &err) != B_OK)
        stop_here(err.message);
    check_page(page);
    if (!t_text_kept(&before, page, &tally, why, sizeof why))
        stop_here(why);
    t_text_before_free(&before);
}

static void settle(const struct t_script *script, struct dp_page **pages)
{
    struct dp_across *across = NULL;
    if (dp_across_new(script->outline, script->n_outline, &across, NULL) != B_OK)
        return;
    for (int32_t i = 0; i < script->n_pages; i++) {
        dp_across_settle(across, pages[i], i + 1 < script->n_pages ? pages[i + 1] : NULL);
        check_page(pages[i]);
    }
    dp_across_drop(across);
}

static enum b_code keep(void *ctx, const void *data, size_t size, struct b_err *err)
{
    (void)err;
    b_buf_append(ctx, data, size);
    return B_OK;
}

static enum b_code keep_side(void *ctx, const char *name, const void *data, size_t size, struct b_err *err)
{
    (void)ctx;
    (void)err;
    if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") != strlen(name) || (size && !data))
        stop_here("the name of a side output");
    return B_OK;
}

static void write_as(const struct out_format *format, const struct t_script *script, struct dp_page **pages)
{
    const struct dp_document_info info = {
        .source_name = "fuzz", .media_type = "image/png", .page_count = script->n_pages, .model_name = "compact"};
    const struct out_options options = {.words = true, .running = true, .figures = "figures"};
    struct b_buf buf;
    struct out_writer *writer = NULL;
    struct b_err err = {0};
    b_buf_init(&buf, OUTPUT_MOST);
    const struct out_sink sink = {&buf, keep, keep_side};
    enum b_code code = out_open(format, &options, &sink, &writer, &err);
    if (code == B_OK)
        code = out_begin(writer, &info, NULL, 0, &err);
    for (int32_t i = 0; i < script->n_pages && code == B_OK; i++) {
        const struct b_image_view image = b_image_view_of(&script->pages[i].sheet.image);
        code = out_page(writer, pages[i], format->needs_image ? &image : NULL, &err);
    }
    if (code == B_OK)
        code = out_end(writer, DP_STATUS_OK, &err);
    if (code != B_OK)
        stop_here(err.message);
    if (strstr(format->media_type, "text/") && !b_utf8_valid(buf.data ? buf.data : "", buf.len))
        stop_here("half a character was written");
    out_drop(writer);
    b_buf_free(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct t_script script;
    struct dp_page *pages[T_SCRIPT_PAGES] = {NULL};
    bool ok = t_script_read((const char *)data, size, &script);
    for (int32_t i = 0; i < script.n_pages && ok; i++) {
        const struct t_script_page *from = &script.pages[i];
        ok = t_script_lines(from, &pages[i], NULL) == B_OK;
        if (!ok)
            break;
        const struct dp_regions regions = {from->regions, from->n_regions};
        assemble(from, NULL, pages[i]);
        if (regions.n > 0)
            assemble(from, &regions, pages[i]);
        dp_page_languages(pages[i]);
        check_page(pages[i]);
    }
    if (ok)
        settle(&script, pages);
    size_t n_formats = 0;
    while (out_formats()[n_formats].name)
        n_formats++;
    if (ok)
        write_as(&out_formats()[size % n_formats], &script, pages);
    for (int32_t i = 0; i < script.n_pages; i++)
        dp_page_drop(pages[i]);
    t_script_free(&script);
    return 0;
}
