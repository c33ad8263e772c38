/* SPDX-License-Identifier: Apache-2.0 */
/* Page ranges as text. One forward pass over the text; a range is written only when it is whole, and its first page is
 * never behind its last. */
#include "docparse/page_ranges.h"

#include <stdbool.h>
#include <string.h>

static void skip_blanks(const char **at)
{
    *at += strspn(*at, " ");
}

/* A page's number, 1 .. INT32_MAX, and the blanks behind it. */
static bool take_page(const char **at, int32_t *out)
{
    int64_t n = 0;
    if (**at < '0' || **at > '9')
        return false;
    for (; **at >= '0' && **at <= '9'; ++*at)
        if (n <= INT32_MAX)
            n = 10 * n + (**at - '0');
    skip_blanks(at);
    *out = n <= INT32_MAX ? (int32_t)n : 0;
    return *out > 0;
}

static bool take_range(const char **at, struct dp_page_range *out)
{
    out->first = 1;
    skip_blanks(at);
    if (**at != '-' && !take_page(at, &out->first))
        return false;
    out->last = out->first;
    if (**at != '-')
        return true;
    ++*at;
    skip_blanks(at);
    out->last = INT32_MAX;
    return **at == ',' || **at == '\0' || (take_page(at, &out->last) && out->last >= out->first);
}

size_t dp_page_ranges_parse(const char *text, struct dp_page_range *ranges, size_t max)
{
    size_t n = 0;
    for (const char *at = text; *at; n++) {
        struct dp_page_range range;
        if (!take_range(&at, &range))
            return 0;
        if (n == max)
            return max + 1;
        ranges[n] = range;
        if (*at == ',')
            at++;
        else if (*at)
            return 0;
    }
    return n;
}
