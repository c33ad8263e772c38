/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a model's answer: parsing never fails but for memory, the page always passes dp_page_check,
 * pieces of any size give what the whole gives, and blocks that were announced stay. The first byte chooses
 * options, the second the size of the pieces. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/markup.h"
#include "tests/support/markup_same.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TOLD_MAX 65536

struct told {
    int32_t blocks[TOLD_MAX];
    int32_t n;
};

static void stop_here(const char *why)
{
    fprintf(stderr, "fuzz_markup: %s\n", why);
    abort();
}

static void on_block(void *ctx, const struct dp_page *page, int32_t block)
{
    struct told *told = ctx;
    if (block < 0 || block >= page->n_blocks)
        stop_here("a block outside of the page was announced");
    if (told->n < TOLD_MAX)
        told->blocks[told->n++] = block;
}

static struct dp_markup_options options_of(uint8_t bits)
{
    struct dp_markup_options o = dp_markup_options_default();
    if (bits & 1)
        o.unit = DP_MARKUP_THOUSANDTHS;
    if (bits & 2) {
        o.frame_width = 1008;
        o.frame_height = 1540;
    }
    o.thinking = (bits & 0x3C) == 0x3C;
    o.keep_raw = (bits & 0x1C) == 0x1C;
    if (bits & 0x40) { /* small limits, so that they are met */
        o.limits.input_bytes = 2000;
        o.limits.block_text = 100;
        o.limits.blocks = 20;
        o.limits.table_cells = 24;
        o.limits.table_cols = 5;
        o.limits.depth = 5;
        o.limits.silent_tags = 12;
        o.limits.repeats = 2;
    }
    return o;
}

static void check_told(const struct told *told, const struct dp_page *page)
{
    unsigned char *seen = calloc((size_t)page->n_blocks + 1, 1);
    for (int32_t i = 0; seen && i < told->n; i++) {
        if (told->blocks[i] >= page->n_blocks)
            stop_here("an announced block vanished");
        if (seen[told->blocks[i]]++)
            stop_here("a block was announced twice");
    }
    if (seen && told->n < TOLD_MAX && told->n != page->n_blocks && page->status == DP_STATUS_OK)
        stop_here("a block was never announced");
    free(seen);
}

static struct dp_page *parse(const uint8_t *data, size_t size, size_t step, uint8_t bits,
                             struct dp_markup_result *result)
{
    static struct told told;
    struct dp_markup_options o = options_of(bits);
    struct dp_page *page = NULL;
    struct dp_markup *m = NULL;
    struct b_err err;
    told.n = 0;
    o.on_block = on_block;
    o.ctx = &told;
    if (dp_page_new(1, (bits & 0x80) ? 20000 : (size_t)32 << 20, &page, &err) != B_OK)
        stop_here("no page");
    page->width = bits & 4 ? 1014 : 0;
    page->height = bits & 4 ? 1532 : 0;
    if (dp_markup_new(page, &o, &m, &err) != B_OK)
        stop_here("no parser");
    for (size_t at = 0; at < size;) {
        const size_t n = step && step < size - at ? step : size - at;
        if (dp_markup_push(m, data + at, n, &err) != B_OK)
            stop_here(err.message);
        at += n;
    }
    if (dp_markup_finish(m, (enum dp_markup_stop)((bits >> 3) % 3), result, &err) != B_OK)
        stop_here(err.message);
    dp_markup_drop(m);
    if (dp_page_check(page, &err) != B_OK)
        stop_here(err.message);
    check_told(&told, page);
    return page;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t steps[] = {1, 2, 3, 5, 11, 17, 100, 0, 0, 0, 0, 0, 0, 0, 0, 0}; /* 0: whole only */
    struct dp_markup_result a, b;
    if (size < 2)
        return 0;
    const uint8_t bits = data[0];
    const size_t step = steps[data[1] & 15];
    struct dp_page *whole = parse(data + 2, size - 2, 0, bits, &a);
    if (step) {
        struct dp_page *pieces = parse(data + 2, size - 2, step, bits, &b);
        const char *what = t_markup_difference(whole, pieces);
        if (!what)
            what = t_markup_result_difference(&a, &b);
        if (what) {
            fprintf(stderr, "pieces of %zu bytes differ in: %s\n", step, what);
            for (int32_t i = 0; i < a.n_warnings && i < b.n_warnings; i++)
                fprintf(stderr, "%s at %llu, %s at %llu\n", dp_markup_warning_name(a.warnings[i].code),
                        (unsigned long long)a.warnings[i].offset, dp_markup_warning_name(b.warnings[i].code),
                        (unsigned long long)b.warnings[i].offset);
            abort();
        }
        dp_page_drop(pieces);
    }
    dp_page_drop(whole);
    return 0;
}
