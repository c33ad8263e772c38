/* SPDX-License-Identifier: Apache-2.0 */
/* Images placed on a PDF page, and the pixel grid of a page that was scanned. Looking at an image's own size
 * means decoding it, so only the largest few are looked at. */
#include <cairo.h>
#include <math.h>
#include <stdlib.h>

#include "docparse/pdf_private.h"
#include "docparse/pdf_script.h"

#define LOOKED_AT_MAX 6      /* images whose own size is read */
#define LOOKED_AT_SHARE 0.02 /* of the page's area; smaller ones are logos and ornaments */
#define COVER_CELLS 48       /* the page's side in cells when coverage is measured */
#define SCAN_COVERAGE 0.80   /* of the page: scans leave out margins, pictures in slides leave out less */
#define STAMP_WORDS 6        /* printed over a scan */
#define STAMP_SHARE 0.1      /* of the page's words */
#define MAIN_SHARE 0.10      /* of the page: an image that can be (a strip of) the scan */

/* Area of the part that lies on the page, square points; 0 for boxes without meaning. */
static double shown_area(const struct dp_pdf_image *i, const struct dp_pdf_content *c)
{
    const double w = fmin(i->x1, c->width) - fmax(i->x0, 0), h = fmin(i->y1, c->height) - fmax(i->y0, 0);
    return w > 0 && h > 0 && isfinite(w) && isfinite(h) ? w * h : 0;
}

static double area_share(const struct dp_pdf_image *i, const struct dp_pdf_content *c)
{
    return shown_area(i, c) / (c->width * c->height);
}

struct ranked {
    double area;
    struct dp_pdf_image image;
};

static int by_area(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->area != y->area)
        return x->area > y->area ? -1 : 1;
    return (x->image.id > y->image.id) - (x->image.id < y->image.id);
}

/* Sorts by area, largest first. */
static enum b_code sort_images(struct dp_pdf_content *c, struct dp_sheet *sheet, struct b_err *err)
{
    struct ranked *ranked = B_ARENA_ARRAY(sheet->arena, (size_t)c->n_images, struct ranked);
    if (!ranked)
        return b_arena_refused(sheet->arena, DP_PDF_DOMAIN, err);
    for (int k = 0; k < c->n_images; k++)
        ranked[k] = (struct ranked){shown_area(&c->images[k], c), c->images[k]};
    qsort(ranked, (size_t)c->n_images, sizeof *ranked, by_area);
    int kept = 0;
    for (int k = 0; k < c->n_images; k++)
        if (ranked[k].area > 0)
            c->images[kept++] = ranked[k].image;
    c->n_images = kept;
    return B_OK;
}

/* Copies the places of the images, in drawing order. */
static enum b_code list_images(GList *list, int most, struct dp_pdf_content *c, struct dp_sheet *sheet,
                               struct b_err *err)
{
    const guint n = g_list_length(list);
    if (n > (guint)most)
        dp_sheet_warn(sheet, "the page has more than %d images: the rest is left out", most);
    c->images = B_ARENA_ARRAY(sheet->arena, n < (guint)most ? n : (size_t)most, struct dp_pdf_image);
    if (!c->images)
        return b_arena_refused(sheet->arena, DP_PDF_DOMAIN, err);
    for (const GList *at = g_list_last(list); at && c->n_images < most; at = at->prev) {
        const PopplerImageMapping *m = at->data;
        struct dp_pdf_image i = {.id = m->image_id};
        i.x0 = fmin(m->area.x1, m->area.x2);
        i.x1 = fmax(m->area.x1, m->area.x2);
        i.y0 = fmin(m->area.y1, m->area.y2);
        i.y1 = fmax(m->area.y1, m->area.y2);
        c->images[c->n_images++] = i;
    }
    return B_OK;
}

/* Poppler's places are whole points and wrong on turned pages: where the drawing has as many pictures, its
 * places are taken. */
void dp_pdf_take_pictures(struct dp_pdf_content *c, const struct dp_pdf_drawing *drawing)
{
    int n = 0;
    for (size_t i = 0; i < drawing->n_marks; i++)
        n += drawing->marks[i].kind == DP_PDF_PICTURE;
    if (n != c->n_images)
        return;
    n = 0;
    for (size_t i = 0; i < drawing->n_marks; i++) {
        const struct dp_pdf_mark *m = &drawing->marks[i];
        if (m->kind != DP_PDF_PICTURE)
            continue;
        struct dp_pdf_image *image = &c->images[n++];
        image->x0 = m->x0;
        image->y0 = m->y0;
        image->x1 = m->x1;
        image->y1 = m->y1;
        image->placed = true;
        image->turned = m->turned;
    }
}

static void look_at(PopplerPage *page, struct dp_pdf_content *c)
{
    for (int k = 0; k < c->n_images && k < LOOKED_AT_MAX && area_share(&c->images[k], c) >= LOOKED_AT_SHARE; k++) {
        cairo_surface_t *s = poppler_page_get_image(page, c->images[k].id);
        if (!s)
            continue;
        c->images[k].pixel_width = cairo_image_surface_get_width(s);
        c->images[k].pixel_height = cairo_image_surface_get_height(s);
        cairo_surface_destroy(s);
    }
}

static int cell_of(double v, double side)
{
    const double cell = v / side * COVER_CELLS + 0.5;
    return cell <= 0 ? 0 : cell >= COVER_CELLS ? COVER_CELLS : (int)cell;
}

/* Share of the page under images. */
static double coverage(const struct dp_pdf_content *c)
{
    bool cells[COVER_CELLS][COVER_CELLS] = {{false}};
    int covered = 0;
    for (int k = 0; k < c->n_images; k++) {
        const struct dp_pdf_image *i = &c->images[k];
        const int x1 = cell_of(i->x1, c->width), y1 = cell_of(i->y1, c->height);
        for (int y = cell_of(i->y0, c->height); y < y1; y++)
            for (int x = cell_of(i->x0, c->width); x < x1; x++) {
                covered += !cells[y][x];
                cells[y][x] = true;
            }
    }
    return covered / (double)(COVER_CELLS * COVER_CELLS);
}

/* Pixels per point of a placed image; the image may be turned by a quarter. */
static void density_of(const struct dp_pdf_image *i, double *x, double *y)
{
    const double w = i->x1 - i->x0, h = i->y1 - i->y0;
    const double plain = i->pixel_width * h / (i->pixel_height * w),
                 turned = i->pixel_height * h / (i->pixel_width * w);
    const bool quarter = i->placed ? i->turned : fabs(log(turned)) < 0.5 * fabs(log(plain));
    *x = (quarter ? i->pixel_height : i->pixel_width) / w;
    *y = (quarter ? i->pixel_width : i->pixel_height) / h;
}

/* Slides and covers have text over a picture of the page's size; a few words over a scan are stamps and page
 * numbers. */
static bool is_printed_over(const struct dp_pdf_content *c, const struct dp_sheet *sheet)
{
    int32_t shown = 0;
    for (int32_t i = 0; c->marks_known && i < sheet->n_words; i++)
        shown += sheet->word_hidden[i] == DP_PDF_SHOWN;
    return shown > STAMP_WORDS && (double)shown > STAMP_SHARE * sheet->n_words;
}

/* The grid of the sharpest large image: scans with a coarse background behind a sharp mask are common. */
static void take_grid(struct dp_pdf_content *c)
{
    double best = 0;
    for (int k = 0; k < c->n_images; k++) {
        const struct dp_pdf_image *i = &c->images[k];
        double x, y;
        if (i->pixel_width <= 0 || i->pixel_height <= 0 || area_share(i, c) < MAIN_SHARE)
            continue;
        density_of(i, &x, &y);
        if (fmax(x, y) <= best)
            continue;
        best = fmax(x, y);
        c->scan_x = x;
        c->scan_y = y;
        c->scan_left = i->x0;
        c->scan_top = i->y0;
    }
    c->scan = best > 0;
}

enum b_code dp_pdf_read_images(const struct dp_pdf *pdf, PopplerPage *page, struct dp_pdf_content *content,
                               struct dp_sheet *sheet, struct b_err *err)
{
    GList *list = poppler_page_get_image_mapping(page);
    enum b_code code = list_images(list, pdf->options.limits.images_per_page, content, sheet, err);
    poppler_page_free_image_mapping(list);
    return code;
}

enum b_code dp_pdf_find_scan(PopplerPage *page, struct dp_pdf_content *content, struct dp_sheet *sheet,
                             struct b_err *err)
{
    enum b_code code = sort_images(content, sheet, err);
    if (code != B_OK)
        return code;
    look_at(page, content);
    if (coverage(content) >= SCAN_COVERAGE && !is_printed_over(content, sheet))
        take_grid(content);
    return B_OK;
}

enum b_code dp_pdf_place_images(const struct dp_pdf_content *content, const struct dp_pdf_grid *grid,
                                struct dp_sheet *sheet, struct b_err *err)
{
    sheet->images = B_ARENA_ARRAY(sheet->arena, (size_t)content->n_images, struct dp_placed_image);
    if (!sheet->images)
        return b_arena_refused(sheet->arena, DP_PDF_DOMAIN, err);
    for (int k = 0; k < content->n_images; k++) {
        const struct dp_pdf_image *i = &content->images[k];
        const struct dp_rect box = dp_pdf_place(grid, i->x0, i->y0, i->x1, i->y1);
        sheet->images[sheet->n_images++] = (struct dp_placed_image){box, i->pixel_width, i->pixel_height};
    }
    return B_OK;
}
