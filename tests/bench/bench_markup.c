/* SPDX-License-Identifier: Apache-2.0 */
/* Speed of the markup parser on pages of our own making, in MB of HTML a second of CPU time of one core: a
 * page of prose, a page of tables, a page of formulas and figures, each whole and in pieces of four bytes as
 * a decoder gives them. `skeleton` is libxml2's share: the same page's tags without text. Usage: bench_markup
 * [seconds per case]. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "docparse/markup.h"
#include "engine/base/buf.h"

#define PAGE_BYTES ((size_t)1 << 16)

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void words(struct b_buf *out, int n)
{
    static const char *const some[] = {"the",     "model", "reads",     "pages", "of",   "paper", "slowly", "and",
                                       "writes",  "what",  "it",        "finds", "into", "small", "blocks", "with",
                                       "numbers", "like",  "3,141.59 ", "&amp;", "or",   "more",  "words",  "here"};
    for (int i = 0; i < n; i++)
        b_buf_printf(out, "%s%s", i ? " " : "", some[(i * 7 + n) % 24]);
}

static void prose(struct b_buf *out)
{
    for (int y = 0; out->len < PAGE_BYTES; y = (y + 40) % 2000) {
        if (y % 400 == 0)
            b_buf_printf(out, "<h2 data-bbox=\"100 %d 900 %d\">Part %d of the text</h2> \n ", y, y + 20, y);
        b_buf_printf(out, "<p data-bbox=\"100 %d 900 %d\">", y, y + 38);
        words(out, 80 + y / 40);
        b_buf_puts(out, "</p> \n ");
    }
}

static void tables(struct b_buf *out)
{
    for (int t = 0; out->len < PAGE_BYTES; t++) {
        b_buf_printf(out, "<table data-bbox=\"50 %d 950 %d\"><thead><tr>", t * 10 % 1800, t * 10 % 1800 + 300);
        for (int c = 0; c < 8; c++)
            b_buf_printf(out, "<th>Column %d</th>", c);
        b_buf_puts(out, "</tr></thead><tbody>");
        for (int r = 0; r < 40; r++) {
            b_buf_puts(out, "<tr>");
            for (int c = 0; c < 8; c++)
                b_buf_printf(out, c == 2 && r % 9 == 0 ? "<td rowspan=\"1\">%d.%02d</td>" : "<td>%d.%02d</td>",
                             r * 37 + c + t, c * 11 % 100);
            b_buf_puts(out, "</tr>");
        }
        b_buf_puts(out, "</tbody></table>\n");
    }
}

static void mixed(struct b_buf *out)
{
    for (int y = 0; out->len < PAGE_BYTES; y = (y + 60) % 2000) {
        b_buf_printf(out,
                     "<div class=\"formula\" data-bbox=\"100 %d 900 %d\"><img data-bbox=\"100 %d 900 "
                     "%d\"/><div>$$\\sum_{i=%d}^{n} "
                     "\\frac{x_i}{\\left(1 + y_{%d}\\right)}$$</div></div>\n",
                     y, y + 30, y, y + 30, y, y);
        b_buf_printf(out, "<p data-bbox=\"100 %d 900 %d\">where $x_i<y$ for %d and ", y + 30, y + 55, y);
        words(out, 30);
        b_buf_printf(out,
                     "</p>\n<div class=\"image\" data-bbox=\"10 %d 90 %d\"><img data-bbox=\"10 %d 90 %d\"/></div>\n", y,
                     y + 50, y, y + 50);
        b_buf_printf(out, "<ul><li data-bbox=\"100 %d 200 %d\">first of %d</li><li>second 中文字符 %d</li></ul>\n", y,
                     y + 9, y, y);
    }
}

/* Only the tags, without attributes. */
static void skeleton(const struct b_buf *page, struct b_buf *out)
{
    for (size_t i = 0; i < page->len; i++) {
        const char *gt = page->data[i] == '<' ? memchr(page->data + i, '>', page->len - i) : NULL;
        if (!gt)
            continue;
        const size_t n = strcspn(page->data + i, " >");
        b_buf_append(out, page->data + i, n);
        b_buf_putc(out, '>');
        i = (size_t)(gt - page->data);
    }
}

static bool parse(const struct b_buf *page, size_t step)
{
    struct dp_page *out = NULL;
    struct dp_markup *m = NULL;
    struct dp_markup_options o = dp_markup_options_default();
    o.frame_width = 1008;
    o.frame_height = 2016;
    bool ok = dp_page_new(1, (size_t)64 << 20, &out, NULL) == B_OK;
    if (ok) {
        out->width = 1000;
        out->height = 2000;
        ok = dp_markup_new(out, &o, &m, NULL) == B_OK;
    }
    for (size_t at = 0; ok && at < page->len; at += step)
        ok = dp_markup_push(m, page->data + at, step < page->len - at ? step : page->len - at, NULL) == B_OK;
    ok = ok && dp_markup_finish(m, DP_MARKUP_STOP_TOKEN, NULL, NULL) == B_OK;
    dp_markup_drop(m);
    dp_page_drop(out);
    return ok;
}

/* MB a second; of `bytes`, which the page stands for. */
static double measure(const struct b_buf *page, size_t step, size_t bytes, double seconds)
{
    double best = 0;
    for (int round = 0; round < 3; round++) {
        const double begin = cpu_seconds();
        double now = begin;
        long n = 0;
        for (; now - begin < seconds / 3; n++, now = cpu_seconds())
            if (!parse(page, step))
                return -1;
        const double rate = (double)bytes * (double)n / (now - begin) / 1e6;
        best = rate > best ? rate : best;
    }
    return best;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*make)(struct b_buf *out);
    } cases[] = {{"prose", prose}, {"tables", tables}, {"mixed", mixed}};
    const double seconds = argc > 1 ? strtod(argv[1], NULL) : 1.5;
    printf("%-8s %9s %12s %14s %16s\n", "page", "bytes", "whole MB/s", "by four MB/s", "skeleton MB/s");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct b_buf page, tags;
        b_buf_init(&page, PAGE_BYTES * 4);
        b_buf_init(&tags, PAGE_BYTES * 4);
        b_buf_puts(&page, "```html\n<html><body>\n");
        cases[i].make(&page);
        b_buf_puts(&page, "</body></html>\n```");
        skeleton(&page, &tags);
        printf("%-8s %9zu %12.1f %14.1f %16.1f\n", cases[i].name, page.len, measure(&page, page.len, page.len, seconds),
               measure(&page, 4, page.len, seconds), measure(&tags, tags.len, page.len, seconds));
        b_buf_free(&page);
        b_buf_free(&tags);
    }
    return 0;
}
