/* SPDX-License-Identifier: Apache-2.0 */
/* Sixty pages laid out here with a known reading order: one to four columns, titles and captions over several
 * columns, floats, side bars, Latin and Chinese. Paragraphs carry their number; the order in which assembly puts
 * them is held against it by the edit distance that the benchmarks use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "docparse/assembly.h"
#include "docparse/line_builder.h"
#include "docparse/loader.h"

#define W 1400
#define H 1900
#define LAYOUTS 60
#define NUMBERS_MAX 200

struct drawing {
    struct dp_page *page;
    struct dp_line_builder builder;
    uint32_t dice;
    int32_t number; /* of the next paragraph */
    bool chinese;
};

struct area {
    float x0, y0, x1, y1;
};

static int roll(struct drawing *g, int sides)
{
    g->dice ^= g->dice << 13;
    g->dice ^= g->dice >> 17;
    g->dice ^= g->dice << 5;
    return (int)(g->dice % (uint32_t)sides);
}

/* A line of words from x to at most end; `tag` stands in front of the first one. */
static void line(struct drawing *g, float x, float y, float end, float size, const char *tag)
{
    static const char *const latin[] = {"paper", "of", "the", "measured", "column", "is", "described", "and", "line"};
    const float step = size * (g->chinese ? 1.0f : 0.42f), space = g->chinese ? 0.0f : step;
    float at = x;
    for (int i = 0; i == 0 || at < end - (g->chinese ? 2.0f : 9.0f) * step; i++) {
        char text[48];
        const char *word = g->chinese ? "文字" : latin[roll(g, 9)];
        (void)snprintf(text, sizeof text, "%s%s", i ? "" : tag, word);
        const float wide =
            (float)strlen(i ? "" : tag) * size * 0.42f + (g->chinese ? 2.0f * step : (float)strlen(word) * step);
        const struct dp_word w = {.bbox = {at, y, at + wide, y + size},
                                  .text = b_arena_text(g->page->arena, text, strlen(text)),
                                  .confidence = 0.9f};
        assert_int_equal(dp_line_builder_word(&g->builder, &w, NULL), B_OK);
        at += wide + space;
    }
    struct dp_line l = {.source = DP_FROM_COMPACT, .confidence = 0.9f};
    dp_quad_of_box((struct dp_rect){x, y, at - space, y + size}, 0, l.quad);
    assert_int_equal(dp_line_builder_end(&g->builder, &l, NULL), B_OK);
}

/* One numbered paragraph; returns where the next one may start. */
static float paragraph(struct drawing *g, struct area a, int lines, float size)
{
    char tag[24];
    float y = a.y0;
    (void)snprintf(tag, sizeof tag, "@%d@", g->number++);
    for (int i = 0; i < lines; i++, y += size * 1.4f)
        line(g, a.x0, y, i + 1 < lines || lines == 1 ? a.x1 : a.x0 + (a.x1 - a.x0) * 0.6f, size, i ? "" : tag);
    return y + size * 0.8f;
}

/* Paragraphs until the area is full. */
static void column(struct drawing *g, struct area a, float size)
{
    while (a.y1 - a.y0 > 4.0f * 1.4f * size) {
        const int room = (int)((a.y1 - a.y0) / (1.4f * size)), wish = 3 + roll(g, 6);
        a.y0 = paragraph(g, a, wish < room ? wish : room, size);
    }
}

/* Columns side by side; one of them may start with a float (a picture) and its caption. */
static void columns(struct drawing *g, struct area a, int n, bool floats)
{
    const float gutter = 36, wide = (a.x1 - a.x0 - gutter * (float)(n - 1)) / (float)n;
    const int with = floats ? roll(g, n) : -1;
    for (int c = 0; c < n; c++) {
        struct area own = {a.x0 + (float)c * (wide + gutter), a.y0, 0, a.y1};
        own.x1 = own.x0 + wide;
        if (c == with) {
            own.y0 += 220;
            own.y0 = paragraph(g, own, 1, 18) + 20;
        }
        column(g, own, 20);
    }
}

static void lay_out(struct drawing *g, int kind)
{
    const struct area all = {120, 150, 1280, 1750};
    struct area a = all;
    if (kind % 3 != 0) /* a title over everything */
        a.y0 = paragraph(g, (struct area){120, 150, 900, 0}, 1, 40) + 40;
    switch (kind) {
    case 0:
    case 1:
    case 2:
    case 3:
        columns(g, a, kind + 1, kind > 1);
        break;
    case 4: { /* something over all columns parts the page */
        columns(g, (struct area){a.x0, a.y0, a.x1, 880}, 2, false);
        const float y = paragraph(g, (struct area){a.x0, 930, a.x1, 0}, 2, 20);
        columns(g, (struct area){a.x0, y + 40, a.x1, a.y1}, 2, true);
        break;
    }
    default: /* a side bar in small type */
        column(g, (struct area){a.x0, a.y0, 940, a.y1}, 20);
        column(g, (struct area){1000, a.y0 + 100, 1280, 1100}, 16);
        break;
    }
}

/* Edit distance of what was read to 0, 1, 2 ... n - 1, by the longer length. */
static double edit(const int32_t *read, int32_t n_read, int32_t n)
{
    int32_t row[NUMBERS_MAX + 1] = {0};
    for (int32_t k = 0; k <= n; k++)
        row[k] = k;
    for (int32_t i = 1; i <= n_read; i++) {
        int32_t diagonal = row[0];
        row[0] = i;
        for (int32_t k = 1; k <= n; k++) {
            const int32_t same = diagonal + (read[i - 1] != k - 1);
            int32_t best = row[k] + 1 < row[k - 1] + 1 ? row[k] + 1 : row[k - 1] + 1;
            best = same < best ? same : best;
            diagonal = row[k];
            row[k] = best;
        }
    }
    return (double)row[n] / (double)(n_read > n ? n_read : n);
}

static int32_t numbers_of(const struct dp_page *page, int32_t *out)
{
    int32_t n = 0;
    for (int32_t i = 0; i < page->n_blocks; i++)
        for (const char *at = page->blocks[i].text; at && (at = strchr(at, '@')) != NULL;) {
            char *end = NULL;
            const long value = strtol(at + 1, &end, 10);
            at = *end == '@' ? end + 1 : at + 1;
            if (end[0] == '@' && n < NUMBERS_MAX)
                out[n++] = (int32_t)value;
        }
    return n;
}

static void test_layouts(void **state)
{
    (void)state;
    double sum = 0, kinds[6] = {0};
    for (int i = 0; i < LAYOUTS; i++) {
        struct drawing g = {.dice = (uint32_t)(i + 1) * 2654435761u, .chinese = i / 6 % 3 == 2};
        int32_t read[NUMBERS_MAX];
        assert_int_equal(dp_page_new(1, 64u << 20, &g.page, NULL), B_OK);
        g.page->width = W;
        g.page->height = H;
        g.page->dpi = 150;
        dp_line_builder_begin(&g.builder, g.page);
        lay_out(&g, i % 6);
        assert_true(g.number > 0 && g.number < NUMBERS_MAX);
        assert_int_equal(dp_assemble(NULL, g.page, NULL), B_OK);
        assert_int_equal(dp_page_check(g.page, NULL), B_OK);
        const int32_t n = numbers_of(g.page, read);
        assert_int_equal(n, g.number);
        const double wrong = edit(read, n, g.number);
        if (wrong > 0)
            printf("layout %d (kind %d): %.3f of %d\n", i, i % 6, wrong, g.number);
        kinds[i % 6] += wrong * 6 / LAYOUTS;
        sum += wrong / LAYOUTS;
        dp_page_drop(g.page);
    }
    for (int k = 0; k < 6; k++)
        printf("kind %d: %.4f\n", k, kinds[k]);
    printf("reading order over %d layouts: %.4f\n", LAYOUTS, sum);
    assert_true(sum <= 0.05);
}

/* A rule through all columns ends a section of a newspaper, though the columns below stand where those above did. */
static void test_ruled_sections(void **state)
{
    (void)state;
    for (int n = 2; n <= 4; n++) {
        struct drawing g = {.dice = 7, .chinese = n == 3};
        int32_t read[NUMBERS_MAX];
        struct dp_rule rule = {.bbox = {118, 948, 1284, 951}, .width = 3};
        struct dp_sheet sheet = {.kind = DP_SHEET_DIGITAL, .rules = &rule, .n_rules = 1};
        assert_int_equal(dp_page_new(1, 64u << 20, &g.page, NULL), B_OK);
        g.page->width = W;
        g.page->height = H;
        g.page->dpi = 150;
        dp_line_builder_begin(&g.builder, g.page);
        columns(&g, (struct area){120, 150, 1280, 930}, n, false);
        columns(&g, (struct area){120, 970, 1280, 1750}, n, false);
        assert_int_equal(dp_assemble(&sheet, g.page, NULL), B_OK);
        assert_int_equal(dp_page_check(g.page, NULL), B_OK);
        assert_int_equal(numbers_of(g.page, read), g.number);
        for (int32_t i = 0; i < g.number; i++)
            assert_int_equal(read[i], i);
        dp_page_drop(g.page);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_layouts), cmocka_unit_test(test_ruled_sections)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
