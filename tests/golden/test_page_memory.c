/* SPDX-License-Identifier: Apache-2.0 */
/* Resident memory of reading: below the bound on an A4 page of 300 dpi, and flat over many pages. The pages are
 * golden ones enlarged. Needs the networks and ../shared; the bounds do not hold under a sanitizer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/compact/compact.h"
#include "tests/support/png_page.h"
#include "tests/support/shared_files.h"

#define A4_WIDTH 2480
#define A4_HEIGHT 3508
#define MOST_MB 700
#define THREADS 2

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define INSTRUMENTED 1
#else
#define INSTRUMENTED 0
#endif

/* A field of the process's status, MB. */
static long status_mb(const char *field)
{
    char line[256];
    long kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        if (strncmp(line, field, strlen(field)) == 0)
            kb = strtol(line + strlen(field) + 1, NULL, 10);
    (void)fclose(f);
    return kb / 1024;
}

static void load(char name, struct b_image *out)
{
    char file[64];
    (void)snprintf(file, sizeof file, "golden-compact/page_%c.png", name);
    assert_int_equal(t_png_page(t_shared(file), out, NULL), B_OK);
}

static struct b_image enlarged(const struct b_image *page, int width, int height)
{
    struct b_image out;
    assert_int_equal(b_image_new(width, height, 3, UINT64_C(1) << 26, &out, NULL), B_OK);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            const int fx = (int)((int64_t)x * page->width / width), fy = (int)((int64_t)y * page->height / height);
            memcpy(out.pixels + ((size_t)y * (size_t)width + (size_t)x) * 3,
                   page->pixels + ((size_t)fy * (size_t)page->width + (size_t)fx) * 3, 3);
        }
    return out;
}

static size_t read_once(struct eng_page_engine *engine, const struct b_image *page)
{
    struct b_arena *arena = b_arena_new((size_t)1 << 26);
    struct eng_page_lines lines;
    struct b_err err = {.code = B_OK};
    assert_non_null(arena);
    if (eng_page_read(engine, b_image_view_of(page), NULL, arena, &lines, NULL, &err) != B_OK)
        fail_msg("%s", err.message);
    const size_t count = lines.count;
    b_arena_drop(arena);
    return count;
}

static void reading_stays_within_its_bound(void **state)
{
    (void)state;
    struct eng_models *models = NULL;
    struct eng_page_engine *engine = NULL;
    struct b_image text, small, a4;
    assert_int_equal(eng_models_load(getenv("DOCPARSE_MODELS"), &models, NULL), B_OK);
    assert_int_equal(eng_page_engine_new(models, THREADS, &engine, NULL), B_OK);
    load('a', &text);
    load('c', &small);
    a4 = enlarged(&text, A4_WIDTH, A4_HEIGHT);
    assert_true(read_once(engine, &a4) >= 36);
    const long peak = status_mb("VmHWM:");
    print_message("A4 at 300 dpi, %d threads: at most %ld MB resident\n", THREADS, peak);
    assert_true(INSTRUMENTED || peak < MOST_MB);
    b_image_free(&a4);
    long after[4] = {0};
    for (int round = 0; round < (INSTRUMENTED ? 1 : 4);
         round++) { /* pages of several sizes, as a long document has them */
        for (int i = 0; i < 3; i++) {
            struct b_image page = enlarged(&small, 500 + 40 * i, 500 + 60 * i);
            (void)read_once(engine, &page);
            b_image_free(&page);
        }
        after[round] = status_mb("VmRSS:");
    }
    print_message("after rounds of three pages: %ld %ld %ld %ld MB\n", after[0], after[1], after[2], after[3]);
    assert_true(INSTRUMENTED || after[3] <= after[1] + 8);
    b_image_free(&text);
    b_image_free(&small);
    eng_page_engine_drop(engine);
    eng_models_drop(models);
}

int main(void)
{
    t_need_shared("golden-compact/page_a.png");
    t_need_model("PP-OCRv6_rec_small.onnx");
    const struct CMUnitTest tests[] = {cmocka_unit_test(reading_stays_within_its_bound)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
