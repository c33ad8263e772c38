/* SPDX-License-Identifier: Apache-2.0 */
/* Parses answers for tests and prints what came out. */
#include "tests/support/markup_parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/markup_same.h"

#define ARENA ((size_t)64 << 20)
#define SHOWN 65536

static struct dp_page *parse(const void *answer, size_t size, size_t step, const struct dp_markup_options *o,
                             enum dp_markup_stop stop, const int32_t side[2], struct dp_markup_result *result)
{
    struct dp_page *page = NULL;
    struct dp_markup *m = NULL;
    struct b_err err;
    assert_int_equal(dp_page_new(1, ARENA, &page, &err), B_OK);
    page->width = side[0];
    page->height = side[1];
    assert_int_equal(dp_markup_new(page, o, &m, &err), B_OK);
    for (size_t at = 0; at < size; at += step)
        assert_int_equal(dp_markup_push(m, (const char *)answer + at, step < size - at ? step : size - at, &err), B_OK);
    assert_int_equal(dp_markup_finish(m, stop, result, &err), B_OK);
    dp_markup_drop(m);
    if (dp_page_check(page, &err) != B_OK)
        fail_msg("%s", err.message);
    return page;
}

struct t_parsed t_parse_with(const void *answer, size_t size, const struct dp_markup_options *options,
                             enum dp_markup_stop stop, int32_t width, int32_t height)
{
    const struct dp_markup_options plain = dp_markup_options_default();
    const int32_t side[2] = {width, height};
    struct t_parsed out;
    struct dp_markup_result result;
    struct dp_page *pieces = parse(answer, size, 1, options ? options : &plain, stop, side, &result);
    out.page = parse(answer, size, size ? size : 1, options ? options : &plain, stop, side, &out.result);
    const char *what = t_markup_difference(out.page, pieces);
    if (!what)
        what = t_markup_result_difference(&out.result, &result);
    if (what)
        fail_msg("whole and byte by byte differ in %s", what);
    dp_page_drop(pieces);
    return out;
}

struct t_parsed t_parse_stop(const char *answer, enum dp_markup_stop stop)
{
    return t_parse_with(answer, strlen(answer), NULL, stop, 1000, 2000);
}

struct t_parsed t_parse(const char *answer)
{
    return t_parse_stop(answer, DP_MARKUP_STOP_TOKEN);
}

void t_parsed_free(struct t_parsed *parsed)
{
    dp_page_drop(parsed->page);
    parsed->page = NULL;
}

const char *t_outline(const struct t_parsed *parsed)
{
    static char out[SHOWN];
    size_t n = 0;
    out[0] = '\0';
    for (int32_t i = 0; i < parsed->page->n_blocks && n < sizeof out - 1024; i++) {
        const struct dp_block *b = &parsed->page->blocks[i];
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%s|%.300s|", i ? "\n" : "", dp_block_type_name(b->type),
                              b->text);
        if (b->has_bbox)
            n += (size_t)snprintf(out + n, sizeof out - n, "%g %g %g %g", (double)b->bbox.x0, (double)b->bbox.y0,
                                  (double)b->bbox.x1, (double)b->bbox.y1);
        else
            n += (size_t)snprintf(out + n, sizeof out - n, "-");
    }
    return out;
}

const char *t_grid(const struct t_parsed *parsed, int32_t table)
{
    static char out[SHOWN];
    size_t n = 0;
    out[0] = '\0';
    assert_true(table >= 0 && table < parsed->page->n_tables);
    const struct dp_table *t = &parsed->page->tables[table];
    for (int32_t i = 0; i < t->n_cells && n < sizeof out - 1024; i++) {
        const struct dp_cell *c = &parsed->page->cells[t->first_cell + i];
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%d,%d %dx%d %c %.300s", i ? "\n" : "", c->row, c->col,
                              c->row_span, c->col_span, ".cr"[c->header], c -> text);
    }
    return out;
}
