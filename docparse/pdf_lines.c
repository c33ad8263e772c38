/* SPDX-License-Identifier: Apache-2.0 */
/* Straight lines of a page as rules: pieces of one line are joined, and a line counts only where the page
 * image shows it (white, clipped and covered ones are drawn, too). The same look at the image settles which
 * words are hidden. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/pdf_private.h"
#include "docparse/pdf_script.h"

#define LINE_LEAST 4.0f  /* points; shorter strokes are parts of drawings */
#define THICK_MOST 4.0f  /* points; thicker boxes are bars and shades */
#define LONG_RATIO 3.0f  /* length over thickness, at least */
#define JOIN_ACROSS 0.6f /* points between two pieces of one line */
#define JOIN_GAP 1.5f
#define RULE_SAMPLES 16
#define RULE_CONTRAST 10 /* of 255, against the paper on one side at least */
#define RULE_SHARE 0.5f  /* of the samples that must show the line */
#define INK_CONTRAST 24  /* of 255, inside a word's box */

static int by_place(const void *a, const void *b)
{
    const struct dp_pdf_line *p = a, *q = b;
    if (p->vertical != q->vertical)
        return p->vertical - q->vertical;
    const float pa = p->vertical ? p->x0 + p->x1 : p->y0 + p->y1, qa = q->vertical ? q->x0 + q->x1 : q->y0 + q->y1;
    if (pa != qa)
        return pa < qa ? -1 : 1;
    const float ps = p->vertical ? p->y0 : p->x0, qs = q->vertical ? q->y0 : q->x0;
    return (ps > qs) - (ps < qs);
}

static float across_of(const struct dp_pdf_line *l)
{
    return 0.5f * (l->vertical ? l->x0 + l->x1 : l->y0 + l->y1);
}

static int by_start(const void *a, const void *b)
{
    const struct dp_pdf_line *p = a, *q = b;
    const float ps = p->vertical ? p->y0 : p->x0, qs = q->vertical ? q->y0 : q->x0;
    if (ps != qs)
        return ps < qs ? -1 : 1;
    return by_place(a, b);
}

static bool touches(const struct dp_pdf_line *a, const struct dp_pdf_line *b)
{
    return a->vertical ? b->y0 <= a->y1 + JOIN_GAP : b->x0 <= a->x1 + JOIN_GAP;
}

static void join(struct dp_pdf_line *a, const struct dp_pdf_line *b)
{
    a->x0 = fminf(a->x0, b->x0);
    a->y0 = fminf(a->y0, b->y0);
    a->x1 = fmaxf(a->x1, b->x1);
    a->y1 = fmaxf(a->y1, b->y1);
}

/* Joins the pieces of each line: groups of one position across, walked along. Returns how many remain. */
static size_t join_pieces(struct dp_pdf_line *lines, size_t n)
{
    size_t kept = 0;
    qsort(lines, n, sizeof *lines, by_place);
    for (size_t i = 0; i < n;) {
        size_t end = i + 1;
        while (end < n && lines[end].vertical == lines[i].vertical &&
               across_of(&lines[end]) - across_of(&lines[i]) <= JOIN_ACROSS)
            end++;
        qsort(lines + i, end - i, sizeof *lines, by_start);
        struct dp_pdf_line at = lines[i];
        for (size_t k = i + 1; k < end; k++) {
            if (touches(&at, &lines[k])) {
                join(&at, &lines[k]);
            } else {
                lines[kept++] = at;
                at = lines[k];
            }
        }
        lines[kept++] = at;
        i = end;
    }
    return kept;
}

static bool is_rule(const struct dp_pdf_line *l)
{
    const float w = l->x1 - l->x0, h = l->y1 - l->y0, length = l->vertical ? h : w, thick = l->vertical ? w : h;
    return length >= LINE_LEAST && thick <= THICK_MOST && length >= LONG_RATIO * thick;
}

enum b_code dp_pdf_take_lines(const struct dp_pdf *pdf, const struct dp_pdf_drawing *drawing,
                              struct dp_pdf_content *content, struct dp_sheet *sheet, struct b_err *err)
{
    size_t n = 0;
    const int most = pdf->options.limits.rules_per_page;
    for (size_t i = 0; i < drawing->n_marks; i++)
        n += drawing->marks[i].kind == DP_PDF_LINE;
    struct dp_pdf_line *lines = malloc((n + 1) * sizeof *lines);
    if (!lines)
        return b_fail(err, B_NO_MEMORY, DP_PDF_DOMAIN, "out of memory");
    n = 0;
    for (size_t i = 0; i < drawing->n_marks; i++) {
        const struct dp_pdf_mark *m = &drawing->marks[i];
        if (m->kind == DP_PDF_LINE)
            lines[n++] = (struct dp_pdf_line){m->x0, m->y0, m->x1, m->y1, m->x1 - m->x0 < m->y1 - m->y0};
    }
    const size_t joined = join_pieces(lines, n);
    n = 0;
    for (size_t i = 0; i < joined; i++)
        if (is_rule(&lines[i]))
            lines[n++] = lines[i];
    if (n > (size_t)most) {
        dp_sheet_warn(sheet, "the page has more than %d lines: the rest is left out", most);
        n = (size_t)most;
    }
    content->lines = B_ARENA_ARRAY(sheet->arena, n, struct dp_pdf_line);
    if (content->lines && n > 0)
        memcpy(content->lines, lines, n * sizeof *lines);
    content->n_lines = (int)n;
    free(lines);
    return content->lines ? B_OK : b_arena_refused(sheet->arena, DP_PDF_DOMAIN, err);
}

/* Lightness at a pixel; -1 beside the image. */
static int light_at(const struct b_image *image, double x, double y)
{
    if (!(x >= 0 && y >= 0 && x < image->width && y < image->height))
        return -1;
    const uint8_t *p = image->pixels + ((size_t)y * (size_t)image->width + (size_t)x) * (size_t)image->channels;
    return image->channels == 1 ? p[0] : (p[0] * 2 + p[1] * 5 + p[2]) / 8;
}

/* Whether the image shows the line: it differs from the paper beside it in most places. */
static bool is_seen(const struct b_image *image, const struct dp_rule *r)
{
    const struct dp_rect b = r->bbox;
    const double cx = (b.x0 + b.x1) * 0.5, cy = (b.y0 + b.y1) * 0.5, beside = r->width * 0.5 + 2.0;
    int seen = 0;
    for (int i = 0; i < RULE_SAMPLES; i++) {
        const double t = (i + 0.5) / RULE_SAMPLES;
        const double x = r->vertical ? cx : b.x0 + t * (b.x1 - b.x0), y = r->vertical ? b.y0 + t * (b.y1 - b.y0) : cy;
        int on = 255, off = -1, other = -1;
        for (int d = -1; d <= 1; d++) { /* the line may be a pixel off its place */
            const int v = light_at(image, r->vertical ? x + d : x, r->vertical ? y : y + d);
            const int side = light_at(image, r->vertical ? x - beside : x, r->vertical ? y : y - beside);
            off = off < 0 ? side : off;
            on = v >= 0 && abs(v - off) > abs(on - off) ? v : d == -1 && v >= 0 ? v : on;
        }
        other = light_at(image, r->vertical ? x + beside : x, r->vertical ? y : y + beside);
        seen += (off >= 0 && abs(on - off) >= RULE_CONTRAST) || (other >= 0 && abs(on - other) >= RULE_CONTRAST);
    }
    return (float)seen >= RULE_SHARE * RULE_SAMPLES;
}

/* Whether the box is not of one lightness. */
static bool has_ink(const struct b_image *image, struct dp_rect b)
{
    int least = 255, most = 0;
    const int x1 = (int)fminf(ceilf(b.x1), (float)image->width), y1 = (int)fminf(ceilf(b.y1), (float)image->height);
    for (int y = (int)b.y0; y < y1; y++)
        for (int x = (int)b.x0; x < x1; x++) {
            const int v = light_at(image, x, y);
            least = v < least ? v : least;
            most = v > most ? v : most;
            if (most - least >= INK_CONTRAST)
                return true;
        }
    return false;
}

/* A word is hidden when no glyph was drawn for it over a picture, and elsewhere when nothing is seen there. */
static void settle_words(const struct dp_pdf_content *content, struct dp_sheet *s)
{
    for (int32_t i = 0; i < s->n_words; i++) {
        const bool on_picture =
            s->word_hidden[i] == DP_PDF_NOT_SHOWN_ON_PICTURE || (!content->marks_known && content->scan);
        s->word_hidden[i] = on_picture || !has_ink(&s->image, s->words[i].bbox);
    }
}

enum b_code dp_pdf_place_marks(const struct dp_pdf_content *content, const struct dp_pdf_grid *grid,
                               struct dp_sheet *sheet, struct b_err *err)
{
    settle_words(content, sheet);
    sheet->rules = B_ARENA_ARRAY(sheet->arena, (size_t)content->n_lines, struct dp_rule);
    if (!sheet->rules)
        return b_arena_refused(sheet->arena, DP_PDF_DOMAIN, err);
    for (int i = 0; i < content->n_lines; i++) {
        const struct dp_pdf_line *l = &content->lines[i];
        struct dp_rule r = {.bbox = dp_pdf_place(grid, l->x0, l->y0, l->x1, l->y1), .vertical = l->vertical};
        r.width = l->vertical ? r.bbox.x1 - r.bbox.x0 : r.bbox.y1 - r.bbox.y0;
        if (is_seen(&sheet->image, &r))
            sheet->rules[sheet->n_rules++] = r;
    }
    return B_OK;
}
