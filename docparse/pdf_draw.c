/* SPDX-License-Identifier: Apache-2.0 */
/* Draws a PDF page: the resolution, and the pixels. Scans are drawn on their own pixel grid, so that no pixel
 * of theirs is resampled; other pages as large as their text needs. Invariant: the size is checked against the
 * limits before anything is allocated. */
#include <cairo.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/pdf_private.h"

#define DPI_DEFAULT 200.0
#define DPI_LEAST 144.0      /* large print: pictures and small print still need this */
#define DPI_MOST 400.0       /* small print: more shows no more */
#define LINE_PIXELS 32.0     /* wanted height of a line of body text */
#define LINE_PER_SIZE 1.2    /* usual line height over font size */
#define SCAN_DPI_LEAST 36.0  /* below, the "scan" is a backdrop: drawn like any page */
#define ANISOTROPY 1.05      /* pixels that are nearly square are taken as they are */
#define CAIRO_SIDE_MAX 32767 /* of an image surface */

static double wanted_dpi(const struct dp_pdf_content *c)
{
    if (!(c->body_size > 0))
        return DPI_DEFAULT;
    const double dpi = LINE_PIXELS * DP_POINTS_PER_INCH / (LINE_PER_SIZE * c->body_size * c->unit);
    return fmin(fmax(dpi, DPI_LEAST), DPI_MOST);
}

/* Scale before limits, pixels per unit of the page. */
static void choose_scale(const struct dp_pdf *pdf, const struct dp_pdf_content *c, struct dp_pdf_grid *g, bool *native)
{
    const double most = fmax(c->scan_x, c->scan_y), least = fmin(c->scan_x, c->scan_y);
    *native = false;
    if (pdf->options.dpi > 0) {
        g->scale_x = g->scale_y = pdf->options.dpi * c->unit / DP_POINTS_PER_INCH;
    } else if (c->scan && most * DP_POINTS_PER_INCH / c->unit >= SCAN_DPI_LEAST) {
        *native = most <= ANISOTROPY * least;
        g->scale_x = *native ? c->scan_x : most;
        g->scale_y = *native ? c->scan_y : most;
    } else {
        g->scale_x = g->scale_y = wanted_dpi(c) * c->unit / DP_POINTS_PER_INCH;
    }
}

/* Largest factor <= 1 that brings width x height pixels within the limits. */
static double within_limits(const struct dp_limits *l, double width, double height)
{
    const double side = fmin(l->page_side, CAIRO_SIDE_MAX);
    double factor = fmin(1.0, side / fmax(width, height));
    const double pixels = (double)l->page_pixels;
    if (width * height * factor * factor > pixels)
        factor = sqrt(pixels / width / height);
    return factor;
}

static int whole(double side)
{
    return side < 1 ? 1 : (int)(side + 1e-3);
}

enum b_code dp_pdf_choose_grid(const struct dp_pdf *pdf, const struct dp_pdf_content *content, struct dp_sheet *sheet,
                               struct dp_pdf_grid *grid, struct b_err *err)
{
    bool native;
    *grid = (struct dp_pdf_grid){0};
    choose_scale(pdf, content, grid, &native);
    const double w = content->width * grid->scale_x, h = content->height * grid->scale_y;
    const double factor = within_limits(&pdf->options.limits, w, h);
    const double dpi = sqrt(grid->scale_x * grid->scale_y) * DP_POINTS_PER_INCH / content->unit;
    if (!(factor > 0) || !isfinite(w) || !isfinite(h))
        return b_fail(err, B_LIMIT, DP_PDF_DOMAIN, "a page of %g x %g points cannot be drawn", content->width,
                      content->height);
    if (factor < 1) {
        dp_sheet_warn(
            sheet,
            "the page is drawn at %.0f instead of %.0f dpi: the limit of %llu pixels (longest side %d) was reached",
            dpi * factor, dpi, (unsigned long long)pdf->options.limits.page_pixels, pdf->options.limits.page_side);
        grid->scale_x *= factor;
        grid->scale_y *= factor;
        native = false;
    }
    if (native) {
        grid->shift_x = round(content->scan_left * grid->scale_x) - content->scan_left * grid->scale_x;
        grid->shift_y = round(content->scan_top * grid->scale_y) - content->scan_top * grid->scale_y;
        grid->width = whole(round(w));
        grid->height = whole(round(h));
    } else {
        grid->width = whole(factor < 1 ? floor(w * factor) : ceil(w - 0.02));
        grid->height = whole(factor < 1 ? floor(h * factor) : ceil(h - 0.02));
    }
    sheet->dpi = dpi * factor;
    return B_OK;
}

struct dp_rect dp_pdf_place(const struct dp_pdf_grid *grid, double x0, double y0, double x1, double y1)
{
    const double w = grid->width, h = grid->height;
    return (struct dp_rect){(float)fmin(w, fmax(0, x0 * grid->scale_x + grid->shift_x)),
                            (float)fmin(h, fmax(0, y0 * grid->scale_y + grid->shift_y)),
                            (float)fmin(w, fmax(0, x1 * grid->scale_x + grid->shift_x)),
                            (float)fmin(h, fmax(0, y1 * grid->scale_y + grid->shift_y))};
}

static bool is_grey(const uint8_t *data, size_t stride, int width, int height)
{
    for (int y = 0; y < height; y++) {
        const uint8_t *row = data + (size_t)y * stride;
        uint32_t differ = 0;
        for (int x = 0; x < width; x++) {
            uint32_t p;
            memcpy(&p, row + (size_t)x * 4, 4);
            differ |= (p ^ (p >> 8)) & 0xFFFF; /* blue = green, green = red */
        }
        if (differ)
            return false;
    }
    return true;
}

/* From cairo's 0x00RRGGBB in the machine's byte order. */
static enum b_code take_pixels(cairo_surface_t *surface, uint64_t max_pixels, struct b_image *out, struct b_err *err)
{
    cairo_surface_flush(surface);
    const uint8_t *data = cairo_image_surface_get_data(surface);
    const size_t stride = (size_t)cairo_image_surface_get_stride(surface);
    const int width = cairo_image_surface_get_width(surface), height = cairo_image_surface_get_height(surface);
    const int channels = is_grey(data, stride, width, height) ? 1 : 3;
    enum b_code code = b_image_new(width, height, channels, max_pixels, out, err);
    for (int y = 0; code == B_OK && y < height; y++) {
        const uint8_t *row = data + (size_t)y * stride;
        uint8_t *to = out->pixels + (size_t)y * (size_t)width * (size_t)channels;
        for (int x = 0; x < width; x++) {
            uint32_t p;
            memcpy(&p, row + (size_t)x * 4, 4);
            if (channels == 1) {
                to[x] = (uint8_t)p;
                continue;
            }
            to[x * 3] = (uint8_t)(p >> 16);
            to[x * 3 + 1] = (uint8_t)(p >> 8);
            to[x * 3 + 2] = (uint8_t)p;
        }
    }
    return code;
}

enum b_code dp_pdf_draw(const struct dp_pdf *pdf, PopplerPage *page, const struct dp_pdf_grid *grid,
                        struct b_cancel *cancel, struct dp_sheet *sheet, struct b_err *err)
{
    const int stride = cairo_format_stride_for_width(CAIRO_FORMAT_RGB24, grid->width); /* -1: too wide */
    uint8_t *memory = stride > 0 && grid->height > 0 ? b_pixels_alloc((size_t)stride * (size_t)grid->height) : NULL;
    if (!memory)
        return b_fail(err, B_NO_MEMORY, DP_PDF_DOMAIN, "no memory for an image of %d x %d pixels", grid->width,
                      grid->height);
    cairo_surface_t *surface =
        cairo_image_surface_create_for_data(memory, CAIRO_FORMAT_RGB24, grid->width, grid->height, stride);
    cairo_t *cr = cairo_create(surface);
    enum b_code code = cairo_status(cr) == CAIRO_STATUS_SUCCESS
                           ? B_OK
                           : b_fail(err, B_NO_MEMORY, DP_PDF_DOMAIN, "no memory for an image of %d x %d pixels",
                                    grid->width, grid->height);
    if (code == B_OK) {
        cairo_set_source_rgb(cr, 1, 1, 1);
        cairo_paint(cr);
        cairo_translate(cr, grid->shift_x, grid->shift_y);
        cairo_scale(cr, grid->scale_x, grid->scale_y);
        poppler_page_render(page, cr);
        if (cairo_status(cr) != CAIRO_STATUS_SUCCESS)
            dp_sheet_warn(sheet, "damaged: the page could not be drawn completely (%s)",
                          cairo_status_to_string(cairo_status(cr)));
        code = b_cancel_check(cancel, err);
    }
    cairo_destroy(cr);
    if (code == B_OK)
        code = take_pixels(surface, pdf->options.limits.page_pixels, &sheet->image, err);
    cairo_surface_destroy(surface);
    free(memory);
    return code;
}
