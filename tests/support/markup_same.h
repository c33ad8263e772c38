/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_MARKUP_SAME_H
#define TESTS_SUPPORT_MARKUP_SAME_H

#include "docparse/markup.h"

/* NULL when both pages hold the same blocks, lines, tables, cells, warnings and status; otherwise what differs. */
const char *t_markup_difference(const struct dp_page *a, const struct dp_page *b);

/* The same for results; the raw answer aside. */
const char *t_markup_result_difference(const struct dp_markup_result *a, const struct dp_markup_result *b);

#endif
