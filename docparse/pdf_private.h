/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_PDF_PRIVATE_H
#define DOCPARSE_PDF_PRIVATE_H

#include <gio/gio.h>
#include <poppler.h>

#include "docparse/loader_private.h"

/* Private to the PDF loader: the only files that see Poppler and cairo. One thread at a time a document. */

#define DP_PDF_DOMAIN "pdf"
#define DP_POINTS_PER_INCH 72.0

struct dp_pdf {
    PopplerDocument *document;
    GBytes *bytes;
    struct dp_loader_options options;
    struct b_arena *arena; /* strings of the file info, outline, page units */
    float *units;          /* UserUnit of each page; NULL: all 1 */
    int32_t n_pages;
    struct dp_pdf_fonts *fonts;
    struct dp_pdf_sink *sinks; /* of scripts that Poppler still holds surfaces of; see pdf_marks.c */
};

/* How points of the page (origin at its top left corner, y down, as Poppler reports boxes) become pixels of
 * the page image: x * scale_x + shift_x. The shift, less than a pixel, puts a scan's own grid on whole pixels. */
struct dp_pdf_grid {
    double scale_x, scale_y, shift_x, shift_y;
    int width, height; /* of the image, pixels */
};

/* A box in points as a box of the page image, clipped to it. */
struct dp_rect dp_pdf_place(const struct dp_pdf_grid *grid, double x0, double y0, double x1, double y1);

/* An image placed on the page (parts of it may lie beside the page), points as above; pixels 0 when it was not looked
 * at. */
struct dp_pdf_image {
    double x0, y0, x1, y1;
    int id, pixel_width, pixel_height;
    bool placed; /* by the drawing: the place is exact and `turned` is known */
    bool turned; /* by a quarter */
};

/* A straight line, points; box with its thickness. */
struct dp_pdf_line {
    float x0, y0, x1, y1;
    bool vertical;
};

/* A character of the text as Poppler gives it, points. */
struct dp_pdf_char {
    float x0, y0, x1, y1;
    uint32_t cp;
    const char *font; /* as in the words */
    bool drawn;       /* by a glyph that says so itself */
};

/* sheet->word_hidden until the page is drawn: whether any glyph was drawn for the word. */
enum dp_pdf_word_shown { DP_PDF_SHOWN, DP_PDF_NOT_SHOWN, DP_PDF_NOT_SHOWN_ON_PICTURE };

/* What a page holds before it is drawn. */
struct dp_pdf_content {
    double width, height; /* points, without UserUnit */
    double unit;          /* UserUnit */
    struct dp_pdf_image *images;
    int n_images;
    struct dp_pdf_line *lines; /* straight lines, points */
    int n_lines;
    struct dp_shape *shapes; /* points until they are placed */
    int n_shapes;
    struct dp_pdf_char *chars; /* in the sheet's arena; blanks are left out */
    int n_chars;
    bool large_font;            /* a font of megabytes that is not in the file */
    bool marks_known;           /* lines and word_hidden are filled */
    double body_size;           /* size of most of the text, points; 0 without text */
    bool scan;                  /* images cover the page and no text is drawn over them */
    double scan_x, scan_y;      /* pixels per point of the scan */
    double scan_left, scan_top; /* where its grid starts, points */
};

/* Metadata, outline and flags of the open document. */
enum b_code dp_pdf_read_info(struct dp_pdf *pdf, struct dp_file_info *info, struct b_err *err) B_MUST_CHECK;

/* Fonts that are not in the file: warns of those that the page's words use; content->large_font. */
void dp_pdf_fonts_check(struct dp_pdf *pdf, struct b_cancel *cancel, struct dp_pdf_content *content,
                        struct dp_sheet *sheet);
void dp_pdf_fonts_free(struct dp_pdf_fonts *fonts);

/* Words of the page in points (boxes are turned into pixels by dp_pdf_place_words), content->body_size and chars. */
enum b_code dp_pdf_read_words(const struct dp_pdf *pdf, PopplerPage *page, struct dp_pdf_content *content,
                              struct dp_sheet *sheet, struct b_err *err) B_MUST_CHECK;
/* Room for one more word and its flags in the sheet's arrays; capacity is kept by the caller. */
bool dp_pdf_word_room(struct dp_sheet *sheet, size_t *capacity);
void dp_pdf_place_words(const struct dp_pdf_grid *grid, struct dp_sheet *sheet);

/* Follows how the page is drawn: lines, words that are not shown (sheet->word_hidden), and words that are
 * shown but missing in the text that Poppler gives (appended). */
enum b_code dp_pdf_read_marks(struct dp_pdf *pdf, PopplerPage *page, struct dp_pdf_content *content,
                              struct b_cancel *cancel, struct dp_sheet *sheet, struct b_err *err) B_MUST_CHECK;
/* After the document has been closed. */
void dp_pdf_sinks_free(struct dp_pdf_sink *sinks);
struct dp_pdf_drawing;
/* The drawing's straight lines, joined (content->lines). */
enum b_code dp_pdf_take_lines(const struct dp_pdf *pdf, const struct dp_pdf_drawing *drawing,
                              struct dp_pdf_content *content, struct dp_sheet *sheet, struct b_err *err) B_MUST_CHECK;
/* pdf_shapes.c: what the drawing's paths draw, brought down to DP_SHAPES_MAX (content->shapes); as boxes of the page
 * image (sheet->shapes). */
enum b_code dp_pdf_take_shapes(const struct dp_pdf_drawing *drawing, struct dp_pdf_content *content,
                               struct dp_sheet *sheet, struct b_err *err) B_MUST_CHECK;
void dp_pdf_place_shapes(const struct dp_pdf_content *content, const struct dp_pdf_grid *grid, struct dp_sheet *sheet);
/* pdf_glyphs.c: the drawing's characters one by one (sheet->glyphs, in points until they are placed) where the page
 * holds mathematics. After dp_pdf_read_words, whose characters say which font is which. */
enum b_code dp_pdf_take_glyphs(const struct dp_pdf_drawing *drawing, const struct dp_pdf_content *content,
                               struct dp_sheet *sheet, struct b_err *err) B_MUST_CHECK;
void dp_pdf_place_glyphs(const struct dp_pdf_grid *grid, struct dp_sheet *sheet);
/* Lines as rules, and word_hidden by what the page image shows. */
enum b_code dp_pdf_place_marks(const struct dp_pdf_content *content, const struct dp_pdf_grid *grid,
                               struct dp_sheet *sheet, struct b_err *err) B_MUST_CHECK;

/* Images of the page. */
enum b_code dp_pdf_read_images(const struct dp_pdf *pdf, PopplerPage *page, struct dp_pdf_content *content,
                               struct dp_sheet *sheet, struct b_err *err) B_MUST_CHECK;
void dp_pdf_take_pictures(struct dp_pdf_content *content, const struct dp_pdf_drawing *drawing);
/* Sizes of the largest images, and whether the page is a scan; after dp_pdf_read_marks. */
enum b_code dp_pdf_find_scan(PopplerPage *page, struct dp_pdf_content *content, struct dp_sheet *sheet,
                             struct b_err *err) B_MUST_CHECK;
enum b_code dp_pdf_place_images(const struct dp_pdf_content *content, const struct dp_pdf_grid *grid,
                                struct dp_sheet *sheet, struct b_err *err) B_MUST_CHECK;

/* Resolution of the page image within the limits; warns when a limit changes it. */
enum b_code dp_pdf_choose_grid(const struct dp_pdf *pdf, const struct dp_pdf_content *content, struct dp_sheet *sheet,
                               struct dp_pdf_grid *grid, struct b_err *err) B_MUST_CHECK;
/* Draws the page; sets sheet->image: grey when it has no colour. */
enum b_code dp_pdf_draw(const struct dp_pdf *pdf, PopplerPage *page, const struct dp_pdf_grid *grid,
                        struct b_cancel *cancel, struct dp_sheet *sheet, struct b_err *err) B_MUST_CHECK;

#endif
