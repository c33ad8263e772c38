/* SPDX-License-Identifier: Apache-2.0 */
/* Sixty tables drawn here, ruled, half-ruled and borderless, with spans in head and body and cells of two lines:
 * how near the tables found come to them (TEDS, and TEDS of the structure alone). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "docparse/assembly.h"
#include "output/html_table.h"
#include "service/bench/norm.h"
#include "service/bench/teds.h"
#include "tests/support/page_lines.h"

#define W 1400
#define H 1800
#define TABLES 60

enum style { FULL, LEVEL, THREE_LINES, BORDERLESS, STYLES };

struct dice {
    uint32_t state;
};

static int roll(struct dice *d, int sides)
{
    d->state ^= d->state << 13;
    d->state ^= d->state >> 17;
    d->state ^= d->state << 5;
    return (int)(d->state % (uint32_t)sides);
}

struct drawing {
    struct dp_page *page;
    struct dp_sheet sheet;
    struct dp_line_builder builder;
    struct dice dice;
    struct b_buf truth;
};

static void fill(struct drawing *g, int x0, int y0, int x1, int y1)
{
    for (int y = y0; y < y1; y++)
        memset(g->sheet.image.pixels + (size_t)y * W + x0, 40, (size_t)(x1 - x0));
}

static void line(struct drawing *g, float x, float y, const char *text)
{
    const struct t_type type = t_type_read(20);
    t_line(&g->builder, &type, x, y, text);
}

/* How far the bent paper has moved a point down. */
static float sag(float x)
{
    return 14.0f * sinf(x * 6.2831853f / W);
}

/* The page as the camera sees it: picture, lines and words moved along. */
static void bend(struct drawing *g)
{
    struct b_image flat = g->sheet.image;
    assert_int_equal(b_image_new(W, H, 1, (uint64_t)W * H, &g->sheet.image, NULL), B_OK);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            const int from = (int)lroundf((float)y - sag((float)x));
            g->sheet.image.pixels[(size_t)(y * W + x)] =
                from < 0 || from >= H ? 255 : flat.pixels[(size_t)(from * W + x)];
        }
    b_image_free(&flat);
    for (int32_t i = 0; i < g->page->n_words; i++) {
        struct dp_rect *b = &g->page->words[i].bbox;
        const float down = sag((b->x0 + b->x1) * 0.5f);
        b->y0 += down;
        b->y1 += down;
    }
    for (int32_t i = 0; i < g->page->n_lines; i++) {
        struct dp_line *l = &g->page->lines[i];
        for (int k = 0; k < 4; k++)
            l->quad[k].y += sag(l->quad[k].x);
        l->bbox.y0 = fminf(l->quad[0].y, l->quad[1].y);
        l->bbox.y1 = fmaxf(l->quad[2].y, l->quad[3].y);
    }
}

static void prose(struct drawing *g, float y)
{
    for (int i = 0; i < 4; i++)
        line(g, 150, y + (float)i * 28,
             "words of the text around that run over the whole width of the page as text does, line by line, "
             "until the paragraph ends and a table follows");
}

static const char *const names[] = {"alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"};

static void open_cell(struct drawing *g, int rows, int cols)
{
    b_buf_puts(&g->truth, "<td");
    if (cols > 1)
        b_buf_printf(&g->truth, " colspan=\"%d\"", cols);
    if (rows > 1)
        b_buf_printf(&g->truth, " rowspan=\"%d\"", rows);
    b_buf_puts(&g->truth, ">");
}

static void cell(struct drawing *g, float x, float y, const char *text)
{
    line(g, x + 12, y, text);
    b_buf_printf(&g->truth, "%s</td>", text);
}

/* One table: a head (in two rows when spanned), then rows of a name and numbers; the first two body rows share
 * their name when `tall`. */
static void draw(struct drawing *g, enum style style, bool spanned, bool tall, bool two_lines)
{
    const int cols = 3 + roll(&g->dice, 3), body = 4 + roll(&g->dice, 6), heads = spanned ? 2 : 1, rows = heads + body;
    const int left = 180, wide = 1040 / cols, high = two_lines ? 62 : 40 + roll(&g->dice, 12), top = 420;
    const int right = left + wide * cols, bottom = top + rows * high;
    b_buf_puts(&g->truth, "<table>");
    for (int r = 0; r < rows; r++) {
        b_buf_puts(&g->truth, "<tr>");
        for (int c = 0; c < cols; c++) {
            const float x = (float)(left + c * wide), y = (float)(top + r * high + 10);
            char text[32];
            if (r < heads && spanned && c == 0) {
                if (r == 0) {
                    open_cell(g, 2, 1);
                    cell(g, x, y + (float)high * 0.5f, "Name");
                }
                continue;
            }
            if (r == 0 && spanned) {
                if (c > 1)
                    continue;
                open_cell(g, 1, cols - 1);
                cell(g, (float)(left + wide) + 0.35f * (float)(wide * (cols - 1)), y, "Figures");
                continue;
            }
            if (tall && r == heads + 1 && c == 0)
                continue;
            open_cell(g, tall && r == heads && c == 0 ? 2 : 1, 1);
            if (r < heads) {
                (void)snprintf(text, sizeof text, c ? "Col %c" : "Name", 'A' + c);
                cell(g, x, y, text);
            } else if (c == 0 && two_lines && r == heads + 2) {
                line(g, x + 12, y, names[r % 8]);
                line(g, x + 12, y + 23, "and more");
                b_buf_printf(&g->truth, "%s and more</td>", names[r % 8]);
            } else if (c == 0) {
                cell(g, x, tall && r == heads ? y + (float)high * 0.5f : y, names[r % 8]);
            } else {
                (void)snprintf(text, sizeof text, "%d.%02d", roll(&g->dice, 900), roll(&g->dice, 100));
                cell(g, x, y, text);
            }
        }
        b_buf_puts(&g->truth, "</tr>");
    }
    b_buf_puts(&g->truth, "</table>");
    for (int r = 0; r <= rows && style != BORDERLESS; r++) {
        if (style == THREE_LINES && r != 0 && r != heads && r != rows && !(spanned && r == 1))
            continue;
        const bool partial = (spanned && r == 1) || (tall && r == heads + 1);
        fill(g, partial ? left + wide : left, top + r * high, right + 2, top + r * high + 2);
    }
    for (int c = 0; c <= cols && style == FULL; c++)
        fill(g, left + c * wide, spanned && c > 1 && c < cols ? top + high : top, left + c * wide + 2, bottom);
    prose(g, (float)bottom + 60);
}

static void compare(struct drawing *g, struct bm_mem *mem, double *teds, double *structure)
{
    struct b_buf html;
    b_buf_init(&html, 1 << 20);
    if (g->page->n_tables == 1)
        out_html_table(&html, g->page, &g->page->tables[0], NULL);
    struct bm_str pred = bm_norm_table(mem, bm_from(mem, html.data ? html.data : ""), BM_V1_5);
    struct bm_str truth = bm_norm_table(mem, bm_from(mem, g->truth.data), BM_V1_5);
    *teds = bm_teds(mem, pred, truth, false);
    *structure = bm_teds(mem, pred, truth, true);
    b_buf_free(&html);
}

static void check_drawn_tables(bool bent, double least, double least_structure)
{
    double sum[STYLES] = {0}, sum_s[STYLES] = {0}, all = 0, all_s = 0;
    struct bm_mem mem = {b_arena_new(64 << 20), b_arena_new(64 << 20), false};
    for (int i = 0; i < TABLES; i++) {
        struct drawing g = {.dice = {(uint32_t)(i + 1) * 2654435761u}};
        const enum style style = (enum style)(i % STYLES);
        double teds, structure;
        b_buf_init(&g.truth, 1 << 20);
        g.sheet.kind = DP_SHEET_RASTER;
        assert_int_equal(dp_page_new(1, 64u << 20, &g.page, NULL), B_OK);
        assert_int_equal(b_image_new(W, H, 1, (uint64_t)W * H, &g.sheet.image, NULL), B_OK);
        memset(g.sheet.image.pixels, 255, (size_t)W * H);
        g.page->width = W;
        g.page->height = H;
        g.page->dpi = 150;
        dp_line_builder_begin(&g.builder, g.page);
        prose(&g, 200);
        draw(&g, style, i / 4 % 3 == 1 && style != BORDERLESS, i / 4 % 3 == 2 && style < THREE_LINES, i % 5 == 0);
        if (bent)
            bend(&g);
        assert_int_equal(dp_assemble(&g.sheet, g.page, NULL), B_OK);
        assert_int_equal(dp_page_check(g.page, NULL), B_OK);
        compare(&g, &mem, &teds, &structure);
        if (structure < 0.9)
            printf("table %d, style %d: TEDS %.3f, structure %.3f, %d tables\n", i, (int)style, teds, structure,
                   g.page->n_tables);
        sum[style] += teds * STYLES / TABLES;
        sum_s[style] += structure * STYLES / TABLES;
        all += teds / TABLES;
        all_s += structure / TABLES;
        b_arena_reset(mem.arena);
        dp_page_drop(g.page);
        b_image_free(&g.sheet.image);
        b_buf_free(&g.truth);
    }
    for (int s = 0; s < STYLES; s++)
        printf("style %d: TEDS %.3f, structure %.3f\n", s, sum[s], sum_s[s]);
    printf("%d drawn tables: TEDS %.3f, structure %.3f\n", TABLES, all, all_s);
    b_arena_drop(mem.arena);
    b_arena_drop(mem.scratch);
    assert_true(all >= least);
    assert_true(all_s >= least_structure);
}

static void test_drawn_tables(void **state)
{
    (void)state;
    check_drawn_tables(false, 0.97, 0.97);
}

static void test_bent_tables(void **state)
{
    (void)state;
    check_drawn_tables(true, 0.90, 0.90);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_drawn_tables), cmocka_unit_test(test_bent_tables)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
