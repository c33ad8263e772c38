/* SPDX-License-Identifier: Apache-2.0 */
/* docparse/load_pdf.c and pdf_*.c: what a page of a PDF gives, on files written by the test. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/load.h"
#include "tests/support/pdf_maker.h"

#define CATALOG "<< /Type /Catalog /Pages 2 0 R >>"
#define A4 "/MediaBox [0 0 595 842]"

#define assert_near(got, want, slack) near_at(got, want, slack, __LINE__)
static void near_at(double got, double want, double slack, int line)
{
    if (!(fabs(got - want) <= slack))
        fail_msg("line %d: %g is not %g", line, got, want);
}

/* A document of one page; the caller frees it. */
static void one_page(struct t_pdf *pdf, const char *page_extra, const char *resources, const char *content)
{
    t_pdf_begin(pdf, "1.7");
    t_pdf_object(pdf, 1, CATALOG);
    t_pdf_page(pdf, page_extra, resources, content);
}

static void load(const struct t_pdf *pdf, int number, struct dp_sheet *sheet)
{
    struct b_err err;
    if (t_load(&pdf->bytes, number, NULL, sheet, &err) != B_OK)
        fail_msg("%s: %s", b_code_name(err.code), err.message);
}

static const struct dp_word *find_word(const struct dp_sheet *sheet, const char *text, int32_t *index)
{
    for (int32_t i = 0; i < sheet->n_words; i++)
        if (strcmp(sheet->words[i].text, text) == 0) {
            if (index)
                *index = i;
            return &sheet->words[i];
        }
    fail_msg("no word \"%s\" among %d", text, (int)sheet->n_words);
    return NULL;
}

/* Bounds of everything darker than mid-grey. */
static struct dp_rect ink_bounds(const struct b_image *image)
{
    struct dp_rect box = {1e9f, 1e9f, -1, -1};
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++)
            if (image->pixels[((size_t)y * (size_t)image->width + (size_t)x) * (size_t)image->channels] < 128) {
                box.x0 = fminf(box.x0, (float)x);
                box.y0 = fminf(box.y0, (float)y);
                box.x1 = fmaxf(box.x1, (float)x + 1);
                box.y1 = fmaxf(box.y1, (float)y + 1);
            }
    return box;
}

static void assert_inside(struct dp_rect inner, struct dp_rect outer, float slack)
{
    if (inner.x0 < outer.x0 - slack || inner.y0 < outer.y0 - slack || inner.x1 > outer.x1 + slack ||
        inner.y1 > outer.y1 + slack)
        fail_msg("[%g %g %g %g] is not inside [%g %g %g %g]", (double)inner.x0, (double)inner.y0, (double)inner.x1,
                 (double)inner.y1, (double)outer.x0, (double)outer.y0, (double)outer.x1, (double)outer.y1);
}

static void words_and_fonts(void **state)
{
    (void)state;
    struct t_pdf pdf;
    struct dp_sheet s;
    int32_t at = 0;
    one_page(&pdf, A4, "",
             "BT /F1 12 Tf 72 700 Td (First line) Tj 0 -20 Td (E=mc) Tj /F1 7 Tf 0 5 Td ( ) Tj ET "
             "BT /F1 12 Tf 72 600 Td (x) Tj /F1 7 Tf 5 Ts (2) Tj ET");
    t_pdf_end(&pdf, "");
    load(&pdf, 1, &s);
    const struct dp_word *w = find_word(&s, "First", &at);
    assert_string_equal(w->font, "Helvetica");
    assert_near(w->font_size, 12, 0.01);
    assert_int_equal(w->style, 0);
    assert_int_equal(s.word_line_end[at], 0);
    find_word(&s, "line", &at);
    assert_int_equal(s.word_line_end[at], 1);
    assert_int_equal(s.word_hidden[at], 0);
    /* 12 pt: 32 pixels of line height are 160 dpi. */
    assert_near(s.dpi, 160, 0.01);
    assert_int_equal(s.image.width, (int)ceil(595 * 160 / 72.0 - 0.02));
    assert_int_equal(s.image.channels, 1);
    assert_int_equal(s.kind, DP_SHEET_DIGITAL);
    assert_near(s.width_pt, 595, 0.001);
    assert_near(find_word(&s, "First", NULL)->bbox.x0, 72 * 160 / 72.0, 1.5);
    assert_true(find_word(&s, "x", NULL)->joined);
    assert_int_equal(find_word(&s, "2", NULL)->style, DP_SUPERSCRIPT);
    dp_sheet_free(&s);
    t_pdf_free(&pdf);
}

/* The word's box holds the ink, whatever turns and crops the page. */
static void page_geometry(void **state)
{
    (void)state;
    static const struct {
        const char *extra;
        double width, height, dpi;
    } cases[] = {{A4, 595, 842, 160},
                 {A4 " /Rotate 90", 842, 595, 160},
                 {A4 " /Rotate 180", 595, 842, 160},
                 {A4 " /Rotate 270", 842, 595, 160},
                 {A4 " /Rotate -90", 842, 595, 160},
                 {A4 " /CropBox [50 600 350 800]", 300, 200, 160},
                 {A4 " /CropBox [50 600 350 800] /Rotate 90", 200, 300, 160},
                 {"/MediaBox [40 500 440 780]", 400, 280, 160},
                 {A4 " /UserUnit 2.0", 1190, 1684, 144 /* the least */},
                 {A4 " /UserUnit .5 /Rotate 90", 421, 297.5, 320}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct t_pdf pdf;
        struct dp_sheet s;
        double width, height;
        struct b_err err;
        one_page(&pdf, cases[i].extra, "", "BT /F1 12 Tf 100 700 Td (Hallo) Tj ET");
        t_pdf_end(&pdf, "");
        load(&pdf, 1, &s);
        assert_near(s.width_pt, cases[i].width, 0.01);
        assert_near(s.height_pt, cases[i].height, 0.01);
        assert_near(s.dpi, cases[i].dpi, 0.01);
        assert_int_equal(s.image.width, (int)ceil(cases[i].width * cases[i].dpi / 72 - 0.02));
        assert_int_equal(s.image.height, (int)ceil(cases[i].height * cases[i].dpi / 72 - 0.02));
        assert_inside(ink_bounds(&s.image), find_word(&s, "Hallo", NULL)->bbox, 3.0f);
        assert_int_equal(s.n_words, 1);
        dp_sheet_free(&s);
        struct dp_source source;
        struct dp_loader *loader;
        struct dp_loader_options options = {.limits = dp_limits_default()};
        assert_int_equal(dp_source_of_bytes(pdf.bytes.data, pdf.bytes.size, "made", &options.limits, &source, &err),
                         B_OK);
        assert_int_equal(dp_loader_open(&source, &options, &loader, &err), B_OK);
        assert_int_equal(dp_loader_page_size(loader, 1, &width, &height, &err), B_OK);
        assert_near(width, cases[i].width, 0.01);
        assert_near(height, cases[i].height, 0.01);
        dp_loader_close(loader);
        dp_source_close(&source);
        t_pdf_free(&pdf);
    }
}

static void resolution(void **state)
{
    (void)state;
    static const struct {
        const char *content;
        double option, dpi;
    } cases[] = {{"BT /F1 8 Tf 72 700 Td (Small print) Tj ET", 0, 240},
                 {"BT /F1 4 Tf 72 700 Td (Tiny print) Tj ET", 0, 400},
                 {"BT /F1 40 Tf 72 700 Td (Poster) Tj ET", 0, 144},
                 {"0 0 100 100 re f", 0, 200},
                 {"BT /F1 8 Tf 72 700 Td (Small print) Tj ET", 96, 96}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct t_pdf pdf;
        struct dp_sheet s;
        struct b_err err;
        struct dp_loader_options options = {.limits = dp_limits_default(), .dpi = cases[i].option};
        one_page(&pdf, A4, "", cases[i].content);
        t_pdf_end(&pdf, "");
        assert_int_equal(t_load_options(&pdf.bytes, 1, &options, &s, &err), B_OK);
        assert_near(s.dpi, cases[i].dpi, 0.01);
        assert_int_equal(s.n_warnings, 0);
        dp_sheet_free(&s);
        t_pdf_free(&pdf);
    }
}

static void pixel_limit(void **state)
{
    (void)state;
    static const char *const boxes[] = {"/MediaBox [0 0 14400 14400]", "/MediaBox [0 0 14400 3]"};
    for (int i = 0; i < 2; i++) {
        struct t_pdf pdf;
        struct dp_sheet s;
        struct b_err err;
        struct dp_limits limits = dp_limits_default();
        limits.page_pixels = 1000000;
        limits.page_side = 5000;
        one_page(&pdf, boxes[i], "", "BT /F1 800 Tf 100 1000 Td (Wide) Tj ET");
        t_pdf_end(&pdf, "");
        assert_int_equal(t_load(&pdf.bytes, 1, &limits, &s, &err), B_OK);
        assert_non_null(t_warning(&s, "limit"));
        assert_true((uint64_t)s.image.width * (uint64_t)s.image.height <= limits.page_pixels);
        assert_true(s.image.width <= 5000);
        assert_true(s.dpi > 1 && s.dpi < 144);
        dp_sheet_free(&s);
        t_pdf_free(&pdf);
    }
}

#define PICTURE "/XObject << /Im1 6 0 R >>"

/* A scan comes back pixel for pixel, with invisible words over it. */
static void scans(void **state)
{
    (void)state;
    enum { W = 400, H = 560 };
    static const char *const words[] = {"", "BT 3 Tr /F1 12 Tf 20 200 Td (Hidden words here) Tj ET",
                                        "BT /F1 8 Tf 20 20 Td (7) Tj ET"};
    uint8_t *want = t_pattern(W, H, 1, false);
    for (int i = 0; i < 6; i++) {
        struct t_pdf pdf;
        struct dp_sheet s;
        char content[200];
        const bool turned = i >= 3;
        assert_true(snprintf(content, sizeof content, "q 200 0 0 280 0 0 cm /Im1 Do Q %s", words[i % 3]) > 0);
        one_page(&pdf, turned ? "/MediaBox [0 0 200 280] /Rotate 90" : "/MediaBox [0 0 200 280]", PICTURE, content);
        t_pdf_picture(&pdf, W, H);
        t_pdf_end(&pdf, "");
        load(&pdf, 1, &s);
        assert_int_equal(s.kind, DP_SHEET_SCAN);
        assert_near(s.dpi, 144, 0.01);
        assert_int_equal(s.image.width, turned ? H : W);
        assert_int_equal(s.image.height, turned ? W : H);
        assert_int_equal(s.image.channels, 1);
        for (int y = 0; y < H && i % 3 != 2; y++)
            for (int x = 0; x < W; x++) {
                const int got = turned ? s.image.pixels[x * H + (H - 1 - y)] : s.image.pixels[y * W + x];
                if (got != want[y * W + x])
                    fail_msg("case %d: pixel %d %d is %d, not %d", i, x, y, got, want[y * W + x]);
            }
        if (i % 3 == 1) {
            assert_int_equal(s.n_words, 3);
            for (int k = 0; k < 3; k++)
                assert_int_equal(s.word_hidden[k], 1);
        }
        if (i % 3 == 2)
            assert_int_equal(s.word_hidden[0], 0);
        assert_int_equal(s.n_images, 1);
        assert_int_equal(s.images[0].pixel_width, W);
        assert_int_equal(s.images[0].pixel_height, H);
        dp_sheet_free(&s);
        t_pdf_free(&pdf);
    }
    free(want);
}

/* More triangles than are kept are told in groups. */
static void many_shapes(void **state)
{
    (void)state;
    static char content[5000 * 48];
    struct t_pdf pdf;
    struct dp_sheet s;
    size_t n = 0;
    for (int i = 0; i < 5000; i++)
        n += (size_t)snprintf(content + n, 48, "%d %d m %d %d l %d %d l f\n", i % 90 * 2, i / 20, i % 90 * 2 + 2, i / 20,
                              i % 90 * 2, i / 20 + 2);
    one_page(&pdf, "/MediaBox [0 0 200 280]", "", content);
    t_pdf_end(&pdf, "");
    load(&pdf, 1, &s);
    assert_true(s.n_shapes > 100 && s.n_shapes <= DP_SHAPES_MAX && s.shapes[0].filled);
    dp_sheet_free(&s);
    t_pdf_free(&pdf);
}

/* Fax pixels are twice as high as wide: the finer axis decides. A page with text over its picture is no scan. */
static void grids_of_pictures(void **state)
{
    (void)state;
    struct t_pdf pdf;
    struct dp_sheet s;
    one_page(&pdf, "/MediaBox [0 0 200 280]", PICTURE, "q 200 0 0 280 0 0 cm /Im1 Do Q");
    t_pdf_picture(&pdf, 400, 280);
    t_pdf_end(&pdf, "");
    load(&pdf, 1, &s);
    assert_int_equal(s.kind, DP_SHEET_SCAN);
    assert_int_equal(s.image.width, 400);
    assert_int_equal(s.image.height, 560);
    dp_sheet_free(&s);
    t_pdf_free(&pdf);
    one_page(&pdf, "/MediaBox [0 0 200 280]", PICTURE,
             "q 200 0 0 280 0 0 cm /Im1 Do Q BT /F1 12 Tf 20 200 Td (A slide with a picture) Tj 0 -20 Td "
             "(and more words than a stamp has) Tj ET");
    t_pdf_picture(&pdf, 400, 560);
    t_pdf_end(&pdf, "");
    load(&pdf, 1, &s);
    assert_int_equal(s.kind, DP_SHEET_DIGITAL);
    assert_near(s.dpi, 160, 0.01);
    for (int32_t i = 0; i < s.n_words; i++)
        assert_int_equal(s.word_hidden[i], 0);
    dp_sheet_free(&s);
    t_pdf_free(&pdf);
    one_page(&pdf, A4, PICTURE, "q 200 0 0 100 100 500 cm /Im1 Do Q");
    t_pdf_picture(&pdf, 64, 32);
    t_pdf_end(&pdf, "");
    load(&pdf, 1, &s);
    assert_int_equal(s.kind, DP_SHEET_DIGITAL);
    assert_int_equal(s.n_images, 1);
    assert_near(s.images[0].bbox.x0, 100 * s.dpi / 72, 1);
    assert_near(s.images[0].bbox.y0, (842 - 600) * s.dpi / 72, 1);
    assert_near(s.images[0].bbox.x1, 300 * s.dpi / 72, 1);
    assert_near(s.images[0].bbox.y1, (842 - 500) * s.dpi / 72, 1);
    assert_int_equal(s.images[0].pixel_width, 64);
    dp_sheet_free(&s);
    t_pdf_free(&pdf);
}

static void hidden_words(void **state)
{
    (void)state;
    struct t_pdf pdf;
    struct dp_sheet s;
    int32_t at = 0;
    one_page(&pdf, A4, PICTURE,
             "BT /F1 12 Tf 72 700 Td (Seen) Tj ET BT 3 Tr /F1 12 Tf 72 650 Td (Mode3) Tj ET "
             "BT 0 Tr 1 g /F1 12 Tf 72 600 Td (White) Tj ET BT 0 g /F1 12 Tf 72 550 Td (Under) Tj ET "
             "q 100 0 0 40 60 540 cm /Im1 Do Q q 100 0 0 40 300 540 cm /Im1 Do Q "
             "BT 1 0 0 rg /F1 12 Tf 310 550 Td (Over) Tj ET BT 3 Tr /F1 12 Tf 360 550 Td (Ocr) Tj ET "
             "BT 0 Tr 0 g /F1 12 Tf 72 450 Td (Redacted) Tj ET 0 g 60 440 100 30 re f "
             "q 72 400 5 5 re W n BT /F1 12 Tf 200 400 Td (Clipped) Tj ET Q "
             "BT 1 Tr /F1 12 Tf 72 350 Td (Outlined) Tj ET");
    t_pdf_picture(&pdf, 100, 40);
    t_pdf_end(&pdf, "");
    load(&pdf, 1, &s);
    static const struct {
        const char *word;
        int hidden;
    } want[] = {{"Seen", 0}, {"Mode3", 1},   {"White", 1},    {"Under", 1},   {"Over", 0},
                {"Ocr", 1},  {"Clipped", 1}, {"Redacted", 1}, {"Outlined", 0}};
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        find_word(&s, want[i].word, &at);
        if (s.word_hidden[at] != want[i].hidden)
            fail_msg("%s: hidden is %d", want[i].word, s.word_hidden[at]);
    }
    assert_int_equal(s.n_words, sizeof want / sizeof want[0]);
    dp_sheet_free(&s);
    t_pdf_free(&pdf);
}

/* Lines in every direction, of TrueType-less fonts: Poppler's own selection has none of the turned ones. */
static void turned_words(void **state)
{
    (void)state;
    struct t_pdf pdf;
    struct dp_sheet s;
    one_page(&pdf, A4, "",
             "BT /F1 12 Tf 72 700 Td (Upright line) Tj ET BT /F1 12 Tf 0 1 -1 0 300 300 Tm (Turned words) Tj ET "
             "BT /F1 12 Tf 0 -1 1 0 400 600 Tm (Downwards) Tj ET BT /F1 12 Tf -1 0 0 -1 300 200 Tm (Upended) Tj ET");
    t_pdf_end(&pdf, "");
    load(&pdf, 1, &s);
    const double k = s.dpi / 72;
    static const struct {
        const char *text;
        double x0, y0, x1, y1; /* points, y down, roughly */
    } want[] = {{"Turned", 290, 500, 304, 542},
                {"words", 290, 469, 304, 500},
                {"Downwards", 396, 242, 410, 310},
                {"Upended", 250, 638, 300, 652}};
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        const struct dp_rect b = find_word(&s, want[i].text, NULL)->bbox;
        if (fabs(b.x0 - want[i].x0 * k) > 8 * k || fabs(b.y0 - want[i].y0 * k) > 8 * k ||
            fabs(b.x1 - want[i].x1 * k) > 8 * k || fabs(b.y1 - want[i].y1 * k) > 8 * k)
            fail_msg("%s is at [%g %g %g %g] points", want[i].text, b.x0 / k, b.y0 / k, b.x1 / k, b.y1 / k);
    }
    assert_int_equal(s.n_words, 6);
    dp_sheet_free(&s);
    t_pdf_free(&pdf);
}

/* Vertical writing: the column hangs centred below its starting point (250, 350). */
static void vertical_words(void **state)
{
    (void)state;
    static const char map[] =
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /M def /CMapType 2 def "
        "1 begincodespacerange <0000> <ffff> endcodespacerange 1 beginbfrange <0044> <0060> <4e00> endbfrange "
        "endcmap end end";
    struct t_pdf pdf;
    struct dp_sheet s;
    one_page(&pdf, A4, "", "BT /F2 14 Tf 250 350 Td <00440045004600470048> Tj ET");
    t_pdf_object(&pdf, 3,
                 "<< /Type /Page /Parent 2 0 R /Contents 4 0 R " A4 " /Resources << /Font << /F2 6 0 R >> >> >>");
    t_pdf_object(&pdf, 6,
                 "<< /Type /Font /Subtype /Type0 /BaseFont /Nofont /Encoding /Identity-V /DescendantFonts [7 0 R] "
                 "/ToUnicode 9 0 R >>");
    t_pdf_object(
        &pdf, 7,
        "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Nofont /CIDSystemInfo << /Registry (Adobe) /Ordering "
        "(Identity) /Supplement 0 >> /DW 1000 /FontDescriptor 8 0 R >>");
    t_pdf_object(
        &pdf, 8,
        "<< /Type /FontDescriptor /FontName /Nofont /Flags 4 /FontBBox [0 -200 1000 900] /ItalicAngle 0 /Ascent "
        "880 /Descent -120 /CapHeight 700 /StemV 80 >>");
    t_pdf_stream(&pdf, 9, "", map, sizeof map - 1);
    t_pdf_end(&pdf, "");
    load(&pdf, 1, &s);
    const double k = s.dpi / 72;
    const struct dp_rect b = find_word(&s, "\xe4\xb8\x80\xe4\xb8\x81\xe4\xb8\x82\xe4\xb8\x83\xe4\xb8\x84", NULL)->bbox;
    assert_near(b.x0 / k, 243, 0.5);
    assert_near(b.x1 / k, 257, 0.5);
    assert_near(b.y0 / k, 842 - 350, 1);
    assert_near(b.y1 / k, 842 - 350 + 70, 1);
    dp_sheet_free(&s);
    t_pdf_free(&pdf);
}

static void rules(void **state)
{
    (void)state;
    struct t_pdf pdf;
    struct dp_sheet s;
    one_page(
        &pdf, A4, "",
        "1 w 72 700 m 300 700 l S 72 700 m 72 600 l S 100 650 200 0.6 re f 72 500 m 150 500 l S 150 500 m 250 500 l S "
        "1 G 72 450 m 300 450 l S 0 G 72 400 m 300 420 l S 300 300 40 40 re S 5 w 0 1 0 RG 72 200 m 80 200 l S "
        "0 0 1 rg 400 100 50 80 re f BT 0 g /F1 12 Tf 72 750 Td (Title) Tj ET");
    t_pdf_end(&pdf, "");
    load(&pdf, 1, &s);
    const double k = s.dpi / 72;
    static const struct {
        bool vertical;
        double x0, y0, x1, y1;
    } want[] = {{false, 72, 142, 300, 142}, {true, 72, 142, 72, 242},    {false, 100, 191.7, 300, 191.7},
                {false, 72, 342, 250, 342}, {false, 300, 542, 340, 542}, {false, 300, 502, 340, 502},
                {true, 300, 502, 300, 542}, {true, 340, 502, 340, 542}};
    const int n = (int)(sizeof want / sizeof want[0]);
    for (int i = 0; i < n; i++) {
        int found = 0;
        for (int32_t r = 0; r < s.n_rules; r++) {
            const struct dp_rect b = s.rules[r].bbox;
            found += s.rules[r].vertical == want[i].vertical && fabs(b.x0 - want[i].x0 * k) < 3 &&
                     fabs(b.x1 - want[i].x1 * k) < 3 && fabs(b.y0 - want[i].y0 * k) < 3 &&
                     fabs(b.y1 - want[i].y1 * k) < 3;
        }
        if (found != 1)
            fail_msg("line %d was found %d times", i, found);
    }
    assert_int_equal(s.n_rules, n);
    assert_near(s.rules[0].width, k, 0.3);
    assert_int_equal(s.image.channels, 3);
    dp_sheet_free(&s);
    t_pdf_free(&pdf);
}

static void metadata_and_outline(void **state)
{
    (void)state;
    struct t_pdf pdf;
    struct b_err err;
    struct dp_source source;
    struct dp_loader *loader;
    struct dp_loader_options options = {.limits = dp_limits_default()};
    t_pdf_begin(&pdf, "1.6");
    t_pdf_pages(&pdf, 3);
    t_pdf_object(&pdf, 1,
                 "<< /Type /Catalog /Pages 2 0 R /Outlines 20 0 R /Lang (de-CH) /MarkInfo << /Marked true >> "
                 "/Names << /Dests << /Names [(third) [14 0 R /Fit]] >> >> >>");
    t_pdf_object(&pdf, 20, "<< /First 21 0 R /Last 23 0 R >>");
    t_pdf_object(&pdf, 21,
                 "<< /Title (One) /Parent 20 0 R /Next 23 0 R /First 22 0 R /Last 22 0 R /Dest [10 0 R /Fit] >>");
    t_pdf_object(&pdf, 22, "<< /Title (Inner) /Parent 21 0 R /Dest [12 0 R /XYZ 0 0 0] >>");
    t_pdf_object(&pdf, 23, "<< /Title <feff00d600dc> /Parent 20 0 R /A << /S /GoTo /D (third) >> >>");
    t_pdf_object(&pdf, 24,
                 "<< /Title (A title) /Author <feff0041002e> /CreationDate (D:20240229123456+05'30') /ModDate "
                 "(D:20240301000000Z) /Producer (  maker  ) >>");
    t_pdf_end(&pdf, "/Info 24 0 R");
    assert_int_equal(dp_source_of_bytes(pdf.bytes.data, pdf.bytes.size, "made", &options.limits, &source, &err), B_OK);
    assert_int_equal(dp_loader_open(&source, &options, &loader, &err), B_OK);
    const struct dp_file_info *info = dp_loader_info(loader);
    assert_int_equal(info->media, DP_MEDIA_PDF);
    assert_int_equal(info->page_count, 3);
    assert_string_equal(info->title, "A title");
    assert_string_equal(info->author, "A.");
    assert_string_equal(info->producer, "maker");
    assert_null(info->subject);
    assert_string_equal(info->created, "2024-02-29T12:34:56+05:30");
    assert_string_equal(info->modified, "2024-03-01T00:00:00Z");
    assert_string_equal(info->language, "de-CH");
    assert_string_equal(info->version, "PDF-1.6");
    assert_true(info->tagged);
    assert_false(info->encrypted);
    assert_false(info->repaired);
    assert_int_equal(info->n_outline, 3);
    static const struct {
        const char *title;
        int level, page;
    } want[] = {{"One", 0, 1}, {"Inner", 1, 2}, {"\xc3\x96\xc3\x9c", 0, 3}};
    for (int i = 0; i < 3; i++) {
        assert_string_equal(info->outline[i].title, want[i].title);
        assert_int_equal(info->outline[i].level, want[i].level);
        assert_int_equal(info->outline[i].page, want[i].page);
    }
    dp_loader_close(loader);
    dp_source_close(&source);
    t_pdf_free(&pdf);
}

/* An outline that is its own child and sibling ends. */
static void endless_outline(void **state)
{
    (void)state;
    struct t_pdf pdf;
    struct b_err err;
    t_pdf_begin(&pdf, "1.6");
    t_pdf_pages(&pdf, 1);
    t_pdf_object(&pdf, 1, "<< /Type /Catalog /Pages 2 0 R /Outlines 20 0 R >>");
    t_pdf_object(&pdf, 20, "<< /First 21 0 R /Last 21 0 R >>");
    t_pdf_object(&pdf, 21, "<< /Title (Loop) /Parent 20 0 R /Next 21 0 R /First 21 0 R /Last 21 0 R >>");
    t_pdf_end(&pdf, "");
    assert_int_equal(t_pages(&pdf.bytes, NULL, &err), 1);
    t_pdf_free(&pdf);
}

static void passwords(void **state)
{
    (void)state;
    struct t_pdf pdf;
    struct dp_sheet s;
    struct b_err err;
    struct dp_loader_options options = {.limits = dp_limits_default()};
    t_pdf_begin(&pdf, "1.4");
    t_pdf_encrypt(&pdf, "s3same");
    t_pdf_object(&pdf, 1, CATALOG);
    t_pdf_page(&pdf, A4, "", "BT /F1 12 Tf 72 700 Td (Secret) Tj ET");
    t_pdf_end(&pdf, "");
    assert_int_equal(t_load_options(&pdf.bytes, 1, &options, &s, &err), B_PASSWORD);
    assert_non_null(strstr(err.message, "needs a password"));
    options.password = "sesame";
    assert_int_equal(t_load_options(&pdf.bytes, 1, &options, &s, &err), B_PASSWORD);
    assert_non_null(strstr(err.message, "does not open"));
    options.password = "s3same";
    assert_int_equal(t_load_options(&pdf.bytes, 1, &options, &s, &err), B_OK);
    find_word(&s, "Secret", NULL);
    dp_sheet_free(&s);
    t_pdf_free(&pdf);
}

static void bad_files(void **state)
{
    (void)state;
    struct t_pdf pdf;
    struct b_err err;
    struct dp_sheet s;
    t_pdf_begin(&pdf, "1.4"); /* no pages */
    t_pdf_object(&pdf, 1, CATALOG);
    t_pdf_object(&pdf, 2, "<< /Type /Pages /Kids [] /Count 0 >>");
    t_pdf_end(&pdf, "");
    assert_int_equal(t_pages(&pdf.bytes, NULL, &err), -1);
    assert_int_equal(err.code, B_FORMAT);
    assert_non_null(strstr(err.message, "no pages"));
    assert_true(err.advice[0] != '\0');
    t_pdf_free(&pdf);
    struct t_bytes text = {0};
    t_append(&text, "%PDF-1.4\nthis is only text\n", 27);
    assert_int_equal(t_pages(&text, NULL, &err), -1);
    assert_int_equal(err.code, B_FORMAT);
    text.size = 0;
    t_append(&text, "Dear reader, this is a letter.\n", 31);
    assert_int_equal(t_pages(&text, NULL, &err), -1);
    assert_int_equal(err.code, B_UNSUPPORTED);
    t_bytes_free(&text);
    one_page(&pdf, A4, "", ""); /* Count says more than there is; a page that is not there fails alone */
    t_pdf_object(&pdf, 2, "<< /Type /Pages /Kids [3 0 R 99 0 R] /Count 2 >>");
    t_pdf_end(&pdf, "");
    assert_int_equal(t_load(&pdf.bytes, 1, NULL, &s, &err), B_OK);
    dp_sheet_free(&s);
    enum b_code code = t_load(&pdf.bytes, 2, NULL, &s, &err);
    assert_true(code == B_FORMAT || code == B_ARGUMENT);
    t_pdf_free(&pdf);
    one_page(&pdf, "/MediaBox [0 0 0 0]", "", ""); /* Poppler takes Letter */
    t_pdf_end(&pdf, "");
    assert_true(t_load(&pdf.bytes, 1, NULL, &s, &err) == B_OK || err.code == B_FORMAT);
    dp_sheet_free(&s);
    t_pdf_free(&pdf);
}

static void repaired(void **state)
{
    (void)state;
    struct b_err err;
    struct dp_source source;
    struct dp_loader *loader;
    struct dp_sheet s;
    struct dp_loader_options options = {.limits = dp_limits_default()};
    for (int junk = 0; junk < 2; junk++) {
        struct t_pdf pdf;
        one_page(&pdf, A4, "", "BT /F1 12 Tf 72 700 Td (Saved) Tj ET");
        t_pdf_end(&pdf, "");
        struct t_bytes file = {0};
        if (junk) /* offsets count from the header: nothing to repair */
            t_append(&file, "mail header\n", 12);
        t_append(&file, pdf.bytes.data, pdf.bytes.size);
        if (!junk) /* the offset of the table gets another last digit */
            for (size_t i = file.size - 1; i > 0; i--)
                if (file.data[i] >= '0' && file.data[i] <= '9') {
                    file.data[i] = file.data[i] == '9' ? '8' : '9';
                    break;
                }
        assert_int_equal(dp_source_of_bytes(file.data, file.size, "made", &options.limits, &source, &err), B_OK);
        assert_int_equal(dp_loader_open(&source, &options, &loader, &err), B_OK);
        assert_int_equal(dp_loader_info(loader)->repaired, !junk);
        assert_int_equal(dp_loader_page(loader, 1, NULL, &s, &err), B_OK);
        find_word(&s, "Saved", NULL);
        dp_sheet_free(&s);
        dp_loader_close(loader);
        dp_source_close(&source);
        t_bytes_free(&file);
        t_pdf_free(&pdf);
    }
}

/* Loads all pages; anything but a crash is right. Counts the pages that came. */
static int load_all(const struct t_bytes *file)
{
    struct dp_loader_options options = {.limits = dp_limits_default()};
    struct dp_source source;
    struct dp_loader *loader;
    struct b_err err = {0};
    int good = 0;
    options.limits.page_pixels = 500000;
    if (dp_source_of_bytes(file->data, file->size, "made", &options.limits, &source, &err) != B_OK)
        return 0;
    if (dp_loader_open(&source, &options, &loader, &err) == B_OK) {
        for (int n = 1; n <= dp_loader_info(loader)->page_count && n <= 4; n++) {
            struct dp_sheet s;
            if (dp_loader_page(loader, n, NULL, &s, &err) == B_OK) {
                assert_non_null(s.image.pixels);
                good++;
            } else {
                assert_true(err.code != B_OK && err.message[0]);
            }
            dp_sheet_free(&s);
        }
        dp_loader_close(loader);
    } else {
        assert_true(err.code == B_FORMAT || err.code == B_PASSWORD);
        assert_true(err.advice[0] != '\0');
    }
    dp_source_close(&source);
    return good;
}

static void damage(void **state)
{
    (void)state;
    struct t_pdf pdf;
    uint32_t random = 12345;
    int good = 0;
    one_page(&pdf, A4, PICTURE,
             "q 200 0 0 100 100 500 cm /Im1 Do Q 72 700 m 300 700 l S BT /F1 12 Tf 72 720 Td (Some text) Tj ET "
             "BT /F1 12 Tf 0 1 -1 0 300 300 Tm (Turned) Tj ET q 0 0 50 50 re W n 10 10 20 20 re f Q");
    t_pdf_picture(&pdf, 40, 20);
    t_pdf_end(&pdf, "");
    assert_int_equal(load_all(&pdf.bytes), 1);
    for (int i = 0; i < 50; i++) {
        struct t_bytes cut = {0};
        t_append(&cut, pdf.bytes.data, pdf.bytes.size * (size_t)i / 50);
        good += load_all(&cut);
        t_bytes_free(&cut);
    }
    struct t_bytes tail = {0}; /* only the place of the table is lost */
    t_append(&tail, pdf.bytes.data, pdf.bytes.size - 20);
    good += load_all(&tail);
    t_bytes_free(&tail);
    assert_true(good > 0);
    for (int i = 0; i < 150; i++) {
        struct t_bytes bad = {0};
        t_append(&bad, pdf.bytes.data, pdf.bytes.size);
        for (int k = 0; k < 1 + i % 8; k++) {
            random = random * 1664525u + 1013904223u;
            bad.data[(random >> 8) % bad.size] = (uint8_t)(random >> 24);
        }
        load_all(&bad);
        t_bytes_free(&bad);
    }
    t_pdf_free(&pdf);
}

static void bounds(void **state)
{
    (void)state;
    struct t_pdf pdf;
    struct dp_sheet s;
    struct b_err err;
    struct dp_limits limits = dp_limits_default();
    limits.words_per_page = 3;
    limits.rules_per_page = 2;
    limits.images_per_page = 1;
    one_page(&pdf, A4, PICTURE,
             "BT /F1 12 Tf 72 700 Td (one two three four five) Tj ET 72 600 m 300 600 l S 72 500 m 300 500 l S "
             "72 400 m 300 400 l S q 50 0 0 50 100 100 cm /Im1 Do Q q 60 0 0 60 300 100 cm /Im1 Do Q");
    t_pdf_picture(&pdf, 8, 8);
    t_pdf_end(&pdf, "");
    assert_int_equal(t_load(&pdf.bytes, 1, &limits, &s, &err), B_OK);
    assert_int_equal(s.n_words, 3);
    assert_int_equal(s.n_rules, 2);
    assert_int_equal(s.n_images, 1);
    assert_non_null(t_warning(&s, "more than 3 words"));
    assert_non_null(t_warning(&s, "more than 2 lines"));
    assert_non_null(t_warning(&s, "more than 1 images"));
    dp_sheet_free(&s);
    limits = dp_limits_default();
    limits.page_arena = 600; /* the page fails, cleanly */
    assert_int_equal(t_load(&pdf.bytes, 1, &limits, &s, &err), B_LIMIT);
    t_pdf_free(&pdf);
}

static void cancelled(void **state)
{
    (void)state;
    struct t_pdf pdf;
    struct dp_sheet s;
    struct b_err err;
    struct b_cancel cancel;
    struct dp_source source;
    struct dp_loader *loader;
    struct dp_loader_options options = {.limits = dp_limits_default()};
    one_page(&pdf, A4, "", "BT /F1 12 Tf 72 700 Td (one) Tj ET");
    t_pdf_end(&pdf, "");
    b_cancel_init(&cancel);
    assert_int_equal(dp_source_of_bytes(pdf.bytes.data, pdf.bytes.size, "made", &options.limits, &source, &err), B_OK);
    assert_int_equal(dp_loader_open(&source, &options, &loader, &err), B_OK);
    b_cancel_set_deadline(&cancel, b_now_ns() - 1);
    assert_int_equal(dp_loader_page(loader, 1, &cancel, &s, &err), B_DEADLINE);
    assert_null(s.image.pixels);
    b_cancel_set_deadline(&cancel, 0);
    assert_int_equal(dp_loader_page(loader, 1, &cancel, &s, &err), B_OK);
    dp_sheet_free(&s);
    b_cancel_request(&cancel);
    assert_int_equal(dp_loader_page(loader, 1, &cancel, &s, &err), B_CANCELLED);
    dp_loader_close(loader);
    dp_source_close(&source);
    t_pdf_free(&pdf);
}

/* A font that the file does not hold is named. */
static void missing_font(void **state)
{
    (void)state;
    struct t_pdf pdf;
    struct dp_sheet s;
    one_page(&pdf, A4, "", "BT /F1 12 Tf 72 700 Td (one) Tj ET");
    t_pdf_object(&pdf, 5,
                 "<< /Type /Font /Subtype /TrueType /BaseFont /Nosuchfontanywhere /Encoding /WinAnsiEncoding >>");
    t_pdf_end(&pdf, "");
    load(&pdf, 1, &s);
    assert_non_null(t_warning(&s, "Nosuchfontanywhere"));
    dp_sheet_free(&s);
    t_pdf_free(&pdf);
}

struct reader {
    const struct dp_source *source;
    int words, pages;
};

static void *read_pages(void *arg)
{
    struct reader *r = arg;
    struct dp_loader_options options = {.limits = dp_limits_default()};
    struct dp_loader *loader;
    struct b_err err;
    if (dp_loader_open(r->source, &options, &loader, &err) != B_OK)
        return NULL;
    for (int n = 1; n <= dp_loader_info(loader)->page_count; n++) {
        struct dp_sheet s;
        if (dp_loader_page(loader, n, NULL, &s, &err) == B_OK) {
            r->pages++;
            r->words += s.n_words;
        }
        dp_sheet_free(&s);
    }
    dp_loader_close(loader);
    return NULL;
}

/* The fonts of the system are the same objects for all of them. */
static void many_threads(void **state)
{
    (void)state;
    struct t_pdf pdf;
    struct dp_source source;
    struct b_err err;
    struct dp_limits limits = dp_limits_default();
    enum { THREADS = 8 };
    pthread_t threads[THREADS];
    t_pdf_begin(&pdf, "1.4");
    t_pdf_pages(&pdf, 12);
    t_pdf_end(&pdf, "");
    assert_int_equal(dp_source_of_bytes(pdf.bytes.data, pdf.bytes.size, "made", &limits, &source, &err), B_OK);
    struct reader readers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        readers[i] = (struct reader){.source = &source};
        assert_int_equal(pthread_create(&threads[i], NULL, read_pages, &readers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(readers[i].pages, 12);
        assert_int_equal(readers[i].words, 36);
    }
    dp_source_close(&source);
    t_pdf_free(&pdf);
}

/* 500 pages take no more memory than the first 50. */
static void flat_memory(void **state)
{
    (void)state;
    enum { PAGES = 500, FIRST = 50, SLACK_KIB = 16 * 1024 };
    struct t_pdf pdf;
    struct dp_source source;
    struct dp_loader *loader;
    struct b_err err;
    struct dp_loader_options options = {.limits = dp_limits_default()};
    long first = 0;
    t_pdf_begin(&pdf, "1.4");
    t_pdf_pages(&pdf, PAGES);
    t_pdf_end(&pdf, "");
    assert_int_equal(dp_source_of_bytes(pdf.bytes.data, pdf.bytes.size, "made", &options.limits, &source, &err), B_OK);
    assert_int_equal(dp_loader_open(&source, &options, &loader, &err), B_OK);
    for (int n = 1; n <= PAGES; n++) {
        struct dp_sheet s;
        assert_int_equal(dp_loader_page(loader, n, NULL, &s, &err), B_OK);
        assert_int_equal(s.n_words, 3);
        dp_sheet_free(&s);
        first = n == FIRST ? t_peak_kib() : first;
    }
    const long all = t_peak_kib();
    print_message("peak resident: %ld KiB after %d pages, %ld KiB after %d\n", first, FIRST, all, PAGES);
#ifndef __SANITIZE_ADDRESS__ /* which keeps freed memory */
    assert_true(all < 700 * 1024);
    assert_true(all - first < SLACK_KIB);
#endif
    dp_loader_close(loader);
    dp_source_close(&source);
    t_pdf_free(&pdf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_and_fonts), cmocka_unit_test(page_geometry), cmocka_unit_test(resolution),
        cmocka_unit_test(pixel_limit),     cmocka_unit_test(scans),         cmocka_unit_test(grids_of_pictures),
        cmocka_unit_test(hidden_words),    cmocka_unit_test(turned_words),
        cmocka_unit_test(vertical_words),  cmocka_unit_test(rules),         cmocka_unit_test(metadata_and_outline),
        cmocka_unit_test(endless_outline), cmocka_unit_test(passwords),     cmocka_unit_test(bad_files),
        cmocka_unit_test(repaired),        cmocka_unit_test(damage),        cmocka_unit_test(bounds),
        cmocka_unit_test(cancelled),       cmocka_unit_test(missing_font),  cmocka_unit_test(many_threads),
        cmocka_unit_test(flat_memory),     cmocka_unit_test(many_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
