/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_MARKUP_DUMP_H
#define TESTS_SUPPORT_MARKUP_DUMP_H

#include <jansson.h>

#include "docparse/markup.h"

/* What the parser made of an answer, as JSON for reviewed expectations: structure in full, texts by their
 * first characters, length and a hash. New reference; NULL when out of memory. */
json_t *t_markup_json(const struct dp_page *page, const struct dp_markup_result *result);

#endif
