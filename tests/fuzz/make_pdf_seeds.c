/* SPDX-License-Identifier: Apache-2.0 */
/* Writes small PDFs and one drawing script into the folder given: seeds for fuzz_load_pdf. */
#include <cairo-script.h>
#include <cairo.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/pdf_maker.h"

static void save(const char *folder, const char *name, const void *data, size_t size)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = n > 0 && (size_t)n < sizeof path ? fopen(path, "wb") : NULL;
    if (!f || fwrite(data, 1, size, f) != size || fclose(f) != 0)
        fprintf(stderr, "cannot write %s/%s\n", folder, name);
}

static void save_pdf(const char *folder, const char *name, struct t_pdf *pdf)
{
    save(folder, name, pdf->bytes.data, pdf->bytes.size);
    t_pdf_free(pdf);
}

static void make_mixed(const char *folder)
{
    struct t_pdf pdf;
    t_pdf_begin(&pdf, "1.7");
    t_pdf_object(&pdf, 1, "<< /Type /Catalog /Pages 2 0 R /Lang (en) /Outlines 20 0 R >>");
    t_pdf_page(&pdf, "/MediaBox [0 0 200 300] /Rotate 90 /UserUnit 1.5 /CropBox [5 5 190 290]",
               "/XObject << /Im1 6 0 R >> /ExtGState << /G << /ca .5 >> >>",
               "q 80 0 0 40 100 200 cm /Im1 Do Q 10 100 m 150 100 l S 10 90 100 .5 re f /G gs "
               "BT /F1 12 Tf 20 150 Td (Some text) Tj 3 Tr 0 -20 Td (hidden) Tj ET "
               "q 0 0 50 50 re W n 10 10 20 20 re f Q BT 0 Tr /F1 9 Tf 0 1 -1 0 150 50 Tm (turned) Tj ET");
    t_pdf_picture(&pdf, 16, 8);
    t_pdf_object(&pdf, 20, "<< /First 21 0 R /Last 21 0 R >>");
    t_pdf_object(&pdf, 21, "<< /Title (One) /Parent 20 0 R /Dest [3 0 R /Fit] >>");
    t_pdf_end(&pdf, "/Info << /Title (T) /CreationDate (D:20240101) >>");
    save_pdf(folder, "mixed.pdf", &pdf);
}

static void make_encrypted(const char *folder)
{
    struct t_pdf pdf;
    t_pdf_begin(&pdf, "1.4");
    t_pdf_encrypt(&pdf, "secret");
    t_pdf_object(&pdf, 1, "<< /Type /Catalog /Pages 2 0 R >>");
    t_pdf_page(&pdf, "/MediaBox [0 0 100 100]", "", "BT /F1 12 Tf 20 50 Td (Secret) Tj ET");
    t_pdf_end(&pdf, "");
    save_pdf(folder, "encrypted.pdf", &pdf);
}

static cairo_status_t take(void *closure, const unsigned char *data, unsigned int length)
{
    t_append(closure, data, length);
    return CAIRO_STATUS_SUCCESS;
}

static void make_script(const char *folder)
{
    struct t_bytes out = {0};
    cairo_device_t *device = cairo_script_create_for_stream(take, &out);
    cairo_script_set_mode(device, CAIRO_SCRIPT_MODE_ASCII);
    cairo_surface_t *surface = cairo_script_surface_create(device, CAIRO_CONTENT_COLOR_ALPHA, 100, 100);
    cairo_t *cr = cairo_create(surface);
    cairo_move_to(cr, 10, 20);
    cairo_line_to(cr, 80, 20);
    cairo_stroke(cr);
    cairo_push_group(cr);
    cairo_rectangle(cr, 20, 30, 40, 1);
    cairo_fill(cr);
    cairo_pop_group_to_source(cr);
    cairo_paint_with_alpha(cr, 0.5);
    cairo_destroy(cr);
    cairo_surface_destroy(surface);
    cairo_device_finish(device);
    cairo_device_destroy(device);
    save(folder, "script.cs", out.data, out.size);
    t_bytes_free(&out);
}

int main(int argc, char **argv)
{
    struct t_pdf pdf;
    if (argc != 2) {
        fprintf(stderr, "usage: make_pdf_seeds FOLDER\n");
        return 2;
    }
    make_mixed(argv[1]);
    make_encrypted(argv[1]);
    make_script(argv[1]);
    t_pdf_begin(&pdf, "1.5");
    t_pdf_pages(&pdf, 2);
    t_pdf_end(&pdf, "");
    save_pdf(argv[1], "pages.pdf", &pdf);
    return 0;
}
