/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_MARKUP_PARSE_H
#define TESTS_SUPPORT_MARKUP_PARSE_H

#include "docparse/markup.h"

/* One answer parsed for a test: page of 1000 x 2000 pixels unless options say otherwise. Each parse is done
 * whole and byte by byte; both must agree and pass dp_page_check, otherwise the test fails. */
struct t_parsed {
    struct dp_page *page;
    struct dp_markup_result result;
};

struct t_parsed t_parse(const char *answer);
struct t_parsed t_parse_stop(const char *answer, enum dp_markup_stop stop);
struct t_parsed t_parse_with(const void *answer, size_t size, const struct dp_markup_options *options,
                             enum dp_markup_stop stop, int32_t width, int32_t height);
void t_parsed_free(struct t_parsed *parsed);

/* "type|text|x0 y0 x1 y1" of each block, separated by newlines, "-" for no box; static buffer. */
const char *t_outline(const struct t_parsed *parsed);
/* "r,c rsxcs h text" of each cell of a table, separated by newlines; h is '.', 'c' or 'r'; static buffer. */
const char *t_grid(const struct t_parsed *parsed, int32_t table);

#endif
