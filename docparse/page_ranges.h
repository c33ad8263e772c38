/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_PAGE_RANGES_H
#define DOCPARSE_PAGE_RANGES_H

#include <stddef.h>
#include <stdint.h>

/* Which pages of a document somebody asked for, as people write it. */

struct dp_page_range {
    int32_t first, last; /* 1-based, inclusive; last may be INT32_MAX: to the end */
};

/* Reads a list such as "3", "1-3,9", "10-" (to the end) or "-4" (from the first); blanks may stand between its parts.
 * Returns the number of ranges written to ranges[0..max), 0 when the text is no such list, max + 1 when it has more. */
size_t dp_page_ranges_parse(const char *text, struct dp_page_range *ranges, size_t max);

#endif
