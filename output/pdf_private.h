/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OUTPUT_PDF_PRIVATE_H
#define OUTPUT_PDF_PRIVATE_H

#include "output/writer_private.h"

/* Searchable PDF: page pictures, or the original pages, under invisible text. */

/* The invisible font: every character is half as wide as it is high, and a code of its own in order of
 * appearance, which the ToUnicode map turns back into the character. */
struct out_pdf_font {
    uint16_t *codes; /* by code point; 0: none yet */
    uint32_t *chars; /* by code; code 0 is not used */
    uint32_t count;  /* codes in use, code 0 included */
};
enum b_code out_pdf_font_init(struct out_pdf_font *font, struct b_err *err) B_MUST_CHECK;
void out_pdf_font_free(struct out_pdf_font *font);

#define OUT_PDF_FONT_NAME "DocparseText"           /* resource key and base font */
extern const unsigned char out_pdf_font_program[]; /* TrueType with one empty glyph */
extern const size_t out_pdf_font_program_size;
/* Entries of the font's dictionaries, key and value in PDF syntax, up to a NULL key; without those that refer to
 * other objects: /DescendantFonts and /ToUnicode, /FontDescriptor and /CIDToGIDMap, /FontFile2. */
extern const char *const out_pdf_font_entries[][2];
extern const char *const out_pdf_cid_font_entries[][2];
extern const char *const out_pdf_descriptor_entries[][2];
void out_pdf_to_unicode(struct b_buf *buf, const struct out_pdf_font *font); /* contents of the stream */
void out_pdf_glyph_map(struct b_buf *buf, const struct out_pdf_font *font);  /* contents of the stream */

/* From pixels of the page image to user space: x' = a x + c y + e, y' = b x + d y + f. */
struct out_pdf_matrix {
    double a, b, c, d, e, f;
};

/* Appends the words of the page as invisible text, in reading order, each exactly over its box. With
 * skip_text_layer only what the file's own text layer does not have. */
void out_pdf_text(struct b_buf *buf, struct out_pdf_font *font, const struct dp_page *page,
                  struct out_pdf_matrix matrix, bool skip_text_layer);

/* True when the source is a JPEG file whose bytes are the picture of a page of this size: not turned, 8 bits,
 * grey or colour. *channels: 1 or 3. */
bool out_pdf_jpeg_fits(const void *source, size_t size, int width, int height, int *channels);

/* "(...)"-free text string: UTF-16 in hexadecimal. */
void out_pdf_string(struct b_buf *buf, const char *text);

/* The original file with text added to its pages. */
struct out_pdf_original;
/* B_FORMAT or B_PASSWORD when the file cannot be changed; then page pictures are the way. */
enum b_code out_pdf_original_open(const void *source, size_t size, struct out_pdf_original **out,
                                  struct b_err *err) B_MUST_CHECK;
enum b_code out_pdf_original_page(struct out_pdf_original *original, struct out_pdf_font *font,
                                  const struct dp_page *page, struct b_err *err) B_MUST_CHECK;
/* Appends the whole file. */
enum b_code out_pdf_original_write(struct out_pdf_original *original, const struct out_pdf_font *font,
                                   struct b_buf *buf, struct b_err *err) B_MUST_CHECK;
void out_pdf_original_drop(struct out_pdf_original *original);

#endif
