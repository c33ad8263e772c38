/* SPDX-License-Identifier: Apache-2.0 */
/* Invisible text over a page. Each word is set on its own: its size is the height of its box, stretched so that
 * its characters fill the width; a blank behind it keeps words apart when text is copied. Lines that run down,
 * up or upside down are set in that direction. */
#include <math.h>
#include <string.h>

#include "engine/base/utf8.h"
#include "output/escape.h"
#include "output/pdf_private.h"
#include "output/words.h"

#define ADVANCE 0.5 /* of a character, in font sizes */
#define DESCENT 0.2 /* the baseline above the bottom of the box, in font sizes */
#define CODES_MAX 0xFFFFu
#define REPLACEMENT 0xFFFDu

struct layer {
    struct b_buf *buf;
    struct out_pdf_font *font;
    const struct dp_page *page;
    struct out_pdf_matrix matrix;
    bool skip_text_layer;
    bool open; /* BT was written */
};

static uint32_t code_of(struct out_pdf_font *font, uint32_t cp)
{
    if (font->codes[cp])
        return font->codes[cp];
    if (font->count >= CODES_MAX) /* more characters than a font has codes */
        return font->codes[REPLACEMENT] ? font->codes[REPLACEMENT] : 1;
    font->chars[font->count] = cp;
    font->codes[cp] = (uint16_t)font->count;
    return font->count++;
}

/* A vector of the page image in user space. */
static struct dp_point along(const struct out_pdf_matrix *m, double x, double y)
{
    return (struct dp_point){(float)(m->a * x + m->c * y), (float)(m->b * x + m->d * y)};
}

/* 0: to the right, 1: down, 2: to the left, 3: up; of the page image. */
static int direction(const struct dp_line *l)
{
    const float dx = l->quad[1].x - l->quad[0].x, dy = l->quad[1].y - l->quad[0].y;
    if (fabsf(dx) >= fabsf(dy))
        return dx >= 0.0f ? 0 : 2;
    return dy >= 0.0f ? 1 : 3;
}

static void number(struct b_buf *buf, double value, int decimals)
{
    out_fixed(buf, value, decimals);
    b_buf_putc(buf, ' ');
}

/* Tf, Tz and Tm for a word over box r that runs in direction d with n characters; false for an empty box. */
static bool set_place(struct layer *l, struct dp_rect r, int d, double n)
{
    const double w = (double)r.x1 - (double)r.x0, h = (double)r.y1 - (double)r.y0;
    const double length[4] = {w, h, w, h}, height[4] = {h, w, h, w};
    const double ux[4] = {1, 0, -1, 0}, uy[4] = {0, 1, 0, -1}; /* reading direction, y down */
    const double corner_x[4] = {r.x0, r.x0, r.x1, r.x1}, corner_y[4] = {r.y1, r.y0, r.y0, r.y1};
    if (!(w > 0 && h > 0))
        return false;
    const double vx = uy[d], vy = -ux[d]; /* towards the tops of the letters */
    const double x = corner_x[d] + vx * DESCENT * height[d], y = corner_y[d] + vy * DESCENT * height[d];
    const struct dp_point u = along(&l->matrix, ux[d], uy[d]), v = along(&l->matrix, vx, vy);
    const double ulen = hypot((double)u.x, (double)u.y), vlen = hypot((double)v.x, (double)v.y);
    const double size = height[d] * vlen, wide = length[d] * ulen;
    if (!(size > 0 && wide > 0))
        return false;
    if (!l->open)
        b_buf_puts(l->buf, "BT 3 Tr\n");
    l->open = true;
    b_buf_puts(l->buf, "/" OUT_PDF_FONT_NAME " ");
    number(l->buf, size, 3);
    b_buf_puts(l->buf, "Tf ");
    number(l->buf, 100.0 * wide / (n * ADVANCE * size), 3);
    b_buf_puts(l->buf, "Tz ");
    number(l->buf, (double)u.x / ulen, 5);
    number(l->buf, (double)u.y / ulen, 5);
    number(l->buf, (double)v.x / vlen, 5);
    number(l->buf, (double)v.y / vlen, 5);
    number(l->buf, l->matrix.a * x + l->matrix.c * y + l->matrix.e, 3);
    number(l->buf, l->matrix.b * x + l->matrix.d * y + l->matrix.f, 3);
    b_buf_puts(l->buf, "Tm <");
    return true;
}

static void word(struct layer *l, const struct out_word *w, int d)
{
    double n = 0;
    for (size_t pos = 0; pos < w->len; n++)
        (void)out_next(w->text, w->len, &pos);
    if (!set_place(l, w->bbox, d, n))
        return;
    for (size_t pos = 0; pos < w->len;)
        b_buf_printf(l->buf, "%04X", (unsigned)code_of(l->font, out_next(w->text, w->len, &pos)));
    if (w->space)
        b_buf_printf(l->buf, "%04X", (unsigned)code_of(l->font, ' '));
    b_buf_puts(l->buf, "> Tj\n");
}

static void line(struct layer *l, const struct dp_line *line)
{
    struct out_words it = out_words_of(l->page, line);
    struct out_word w;
    if (l->skip_text_layer && line->source == DP_FROM_TEXT_LAYER)
        return;
    const int d = direction(line);
    while (out_words_next(&it, &w)) {
        w.space = w.space || it.line->n_words == 0 || it.next == it.line->n_words;
        word(l, &w, d);
    }
}

static void cells(struct layer *l, const struct dp_table *t, enum dp_source_kind source)
{
    for (int32_t i = 0; i < t->n_cells; i++) {
        const struct dp_cell *c = &l->page->cells[t->first_cell + i];
        const struct dp_block as_block = {
            .bbox = c->bbox, .text = c->text, .confidence = c->confidence, .source = source, .has_bbox = true};
        struct dp_line whole;
        if (out_line_of_block(&as_block, &whole))
            line(l, &whole);
    }
}

void out_pdf_text(struct b_buf *buf, struct out_pdf_font *font, const struct dp_page *page,
                  struct out_pdf_matrix matrix, bool skip_text_layer)
{
    struct layer l = {.buf = buf, .font = font, .page = page, .matrix = matrix, .skip_text_layer = skip_text_layer};
    struct dp_line whole;
    for (int32_t i = 0; i < page->n_blocks; i++) {
        const struct dp_block *b = &page->blocks[i];
        const struct dp_table *grid = b->n_lines == 0 ? out_grid(page, b) : NULL;
        for (int32_t k = 0; k < b->n_lines; k++)
            line(&l, &page->lines[b->first_line + k]);
        if (grid)
            cells(&l, grid, b->source);
        else if (out_line_of_block(b, &whole))
            line(&l, &whole);
    }
    for (int32_t i = 0; i < page->n_lines; i++)
        if (page->lines[i].block == DP_NONE)
            line(&l, &page->lines[i]);
    if (l.open)
        b_buf_puts(buf, "ET\n");
}
