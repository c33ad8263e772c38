/* SPDX-License-Identifier: Apache-2.0 */
/* Refuses the n-th piece of memory that the text layer and assembly ask their arenas for, for each n: an arena hands
 * out many pieces of one allocation, so that the failing allocator of test_torture.c meets few of them. Each run must
 * end in an error that says so or in the same bytes as without. test_torture_arena [FILE...]; without arguments: the
 * seeds of fuzz_assembly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "docparse/assembly.h"
#include "engine/base/buf.h"
#include "output/writer.h"
#include "tests/support/page_script.h"

#define SCRIPT_BYTES 65536

static size_t count, fail_at;

void *__real_b_arena_alloc(struct b_arena *arena, size_t size, size_t align);
void *__real_b_arena_array(struct b_arena *arena, size_t n, size_t size);
char *__real_b_arena_text(struct b_arena *arena, const char *text, size_t len);
void *__real_b_arena_grow(struct b_arena *arena, const void *old, size_t n, size_t *cap, size_t size);
void *__wrap_b_arena_alloc(struct b_arena *arena, size_t size, size_t align);
void *__wrap_b_arena_array(struct b_arena *arena, size_t n, size_t size);
char *__wrap_b_arena_text(struct b_arena *arena, const char *text, size_t len);
void *__wrap_b_arena_grow(struct b_arena *arena, const void *old, size_t n, size_t *cap, size_t size);

static bool refuse(void)
{
    return ++count == fail_at;
}

void *__wrap_b_arena_alloc(struct b_arena *arena, size_t size, size_t align)
{
    return refuse() ? NULL : __real_b_arena_alloc(arena, size, align);
}

void *__wrap_b_arena_array(struct b_arena *arena, size_t n, size_t size)
{
    return refuse() ? NULL : __real_b_arena_array(arena, n, size);
}

char *__wrap_b_arena_text(struct b_arena *arena, const char *text, size_t len)
{
    return refuse() ? NULL : __real_b_arena_text(arena, text, len);
}

void *__wrap_b_arena_grow(struct b_arena *arena, const void *old, size_t n, size_t *cap, size_t size)
{
    return refuse() ? NULL : __real_b_arena_grow(arena, old, n, cap, size);
}

/* The page's words grouped and assembled while the n-th piece is refused; n 0: none is. Its JSON, where that went well.
 */
static enum b_code assemble(const struct t_script_page *from, size_t n, struct b_buf *json, struct b_err *err)
{
    struct dp_page *page = NULL;
    const struct dp_regions regions = {from->regions, from->n_regions};
    count = 0;
    fail_at = n;
    enum b_code code = t_script_lines(from, &page, err);
    if (code == B_OK)
        code = dp_assemble_seen(&from->sheet, &regions, page, err);
    fail_at = 0;
    const size_t asked = count;
    if (code == B_OK) {
        struct dp_document document = {.pages = &page, .n_pages = 1, .status = DP_STATUS_OK};
        const struct out_options options = {.words = true, .pretty = true};
        document.info = (struct dp_document_info){.source_name = "a", .media_type = "image/png", .page_count = 9};
        if (dp_page_check(page, err) != B_OK)
            fail_msg("piece %zu: %s", n, err->message);
        assert_int_equal(out_render(out_format_find("json"), &options, &document, json, err), B_OK);
    }
    dp_page_drop(page);
    count = asked;
    return code;
}

static void torture_page(const char *name, const struct t_script_page *from)
{
    struct b_buf want, got;
    struct b_err err = {0};
    b_buf_init(&want, (size_t)16 << 20);
    b_buf_init(&got, (size_t)16 << 20);
    assert_int_equal(assemble(from, 0, &want, &err), B_OK);
    const size_t total = count;
    for (size_t n = 1; n <= total; n++) {
        b_buf_clear(&got);
        const enum b_code code = assemble(from, n, &got, &err);
        if (code != B_OK && code != B_NO_MEMORY && code != B_LIMIT)
            fail_msg("%s, page %d, piece %zu of %zu: %s [%s]", name, from->sheet.number, n, total, err.message,
                     b_code_name(code));
        if (code == B_OK && (got.len != want.len || memcmp(got.data, want.data, got.len) != 0))
            fail_msg("%s, page %d, piece %zu of %zu changed the page without an error", name, from->sheet.number, n,
                     total);
    }
    b_buf_free(&want);
    b_buf_free(&got);
}

static void torture_file(const char *path)
{
    char *text = malloc(SCRIPT_BYTES);
    struct t_script script;
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_non_null(text);
    const size_t size = fread(text, 1, SCRIPT_BYTES, f);
    (void)fclose(f);
    assert_true(t_script_read(text, size, &script));
    for (int32_t i = 0; i < script.n_pages; i++)
        torture_page(path, &script.pages[i]);
    t_script_free(&script);
    free(text);
}

static void torture_script(const char *name)
{
    const char *source = getenv("DP_SOURCE");
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/tests/fuzz/seeds/assembly/%s", source ? source : ".", name);
    torture_file(path);
}

static void book(void **state)
{
    (void)state;
    torture_script("book.txt");
}

static void tables(void **state)
{
    (void)state;
    torture_script("tables.txt");
}

static void formulas(void **state)
{
    (void)state;
    torture_script("formulas.txt");
}

static void over_pages(void **state)
{
    (void)state;
    torture_script("over_pages.txt");
}

static void named_files(void **state)
{
    for (char **path = *state; *path; path++)
        torture_file(*path);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(book), cmocka_unit_test(tables), cmocka_unit_test(formulas),
                                       cmocka_unit_test(over_pages)};
    const struct CMUnitTest named[] = {cmocka_unit_test_prestate(named_files, argv + 1)};
    return argc > 1 ? cmocka_run_group_tests(named, NULL, NULL) : cmocka_run_group_tests(tests, NULL, NULL);
}
