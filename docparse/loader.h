/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_LOADER_H
#define DOCPARSE_LOADER_H

#include <stdatomic.h>

#include "docparse/document.h"
#include "docparse/limits.h"
#include "docparse/source.h"
#include "engine/base/cancel.h"
#include "engine/base/image.h"

/* A loader turns a source into sheets: what the file itself says of a page, before anything is read from
 * its pixels. One loader per thread on the same source (Poppler and libtiff handles are not shared). */
struct dp_loader;
struct dp_sandbox;

struct dp_loader_options {
    struct dp_limits limits;
    double dpi;           /* 0: native (scans at their own pixel grid, born-digital by text size, default 200) */
    const char *password; /* NULL: none */
    struct dp_sandbox *sandbox; /* decode in a process of its own (sandbox.h); NULL: in this one. The source must be shared
                                   (dp_source_share) and outlive the loader. */
    /* With a sandbox: */
    struct b_cancel *cancel; /* looked at while the document is opened; NULL: nobody cancels */
    atomic_int *crashes;     /* decoders lost to this document, by all its loaders; NULL: counted for the loader alone */
};

/* Structured facts of the file; strings owned by the loader. */
struct dp_outline_item {
    const char *title;
    int32_t level, page; /* 0-based level; 1-based page, 0 unknown */
};
struct dp_file_info {
    enum dp_media media;
    int32_t page_count;
    const char *title, *author, *subject, *keywords, *creator, *producer, *language;
    const char *created, *modified;  /* ISO 8601; NULL when absent */
    const char *version;             /* "PDF-1.7"; NULL otherwise */
    bool encrypted, repaired, tagged;
    const struct dp_outline_item *outline;
    int32_t n_outline;
};

enum b_code dp_loader_open(const struct dp_source *source, const struct dp_loader_options *options,
                           struct dp_loader **out, struct b_err *err) B_MUST_CHECK;
void dp_loader_close(struct dp_loader *loader);
const struct dp_file_info *dp_loader_info(const struct dp_loader *loader);

/* Straight vector line or thin filled box: table rulings, underlines, separators. Page pixels. */
struct dp_rule {
    struct dp_rect bbox;
    float width; /* thickness, pixels */
    bool vertical;
};

/* A character as it is drawn: what formulas are rebuilt from. Only pages that hold signs of mathematics have any,
 * and only characters that stand upright. */
struct dp_glyph {
    float x, y;          /* origin on the baseline, page pixels */
    float advance, size; /* font size, pixels */
    struct dp_rect ink;  /* of what is drawn; all zero when unknown */
    uint32_t cp;         /* Unicode; the code itself in a font without a character map; DP_GLYPH_BAR */
    int32_t font;        /* into dp_sheet.glyph_fonts; DP_NONE unknown */
};
#define DP_GLYPHS_MAX 60000    /* kept of one page: small print has 15,000 */
#define DP_GLYPH_BAR 0x110000u /* a thin level line (`ink`): fraction bars and overlines are among them */

/* A raster image placed on the page. */
struct dp_placed_image {
    struct dp_rect bbox;
    int32_t pixel_width, pixel_height; /* of the image as stored */
};

/* A part of what is drawn on the page with paths: an upright box, perhaps with round corners, or (`free`) something of
 * curves and slanted lines. Thin level ones are rules. Small neighbours may be told as one. */
struct dp_shape {
    struct dp_rect bbox;
    bool free;
    bool filled; /* with a colour that is not the paper's */
};
#define DP_SHAPES_MAX 2048 /* of one page */

enum dp_sheet_kind { DP_SHEET_RASTER, DP_SHEET_SCAN, DP_SHEET_DIGITAL }; /* image file; PDF page that is one image; other PDF page */

/* One page as the file has it. Everything lives in the sheet; free with dp_sheet_free. All boxes are in
 * pixels of `image`, which is the page as a viewer shows it (crop box, rotation, EXIF orientation and
 * UserUnit applied). */
struct dp_sheet {
    int32_t number;          /* 1-based */
    struct b_image image;    /* RGB (3 channels) or grey (1) */
    double dpi;              /* pixels per inch of `image`; 0 when unknown */
    double width_pt, height_pt; /* 0 when unknown */
    enum dp_sheet_kind kind;
    struct b_arena *arena;   /* holds the arrays below */
    struct dp_word *words;   /* text layer in the file's own order; bbox, text, font, size, style; empty when none */
    int32_t n_words;
    uint8_t *word_hidden;    /* per word: 1 when drawn invisibly (render mode 3, clipped or covered: OCR layers) */
    uint8_t *word_line_end;  /* per word: 1 when the file's own order breaks the line behind it */
    struct dp_rule *rules;
    int32_t n_rules;
    struct dp_shape *shapes;
    int32_t n_shapes;
    struct dp_glyph *glyphs; /* in drawing order; empty on pages without mathematics */
    int32_t n_glyphs;
    const char **glyph_fonts; /* names as the file gives them, without the subset's tag; entries may be NULL */
    int32_t n_glyph_fonts;
    struct dp_placed_image *images;
    int32_t n_images;
    const char **warnings;   /* pixel limit applied, font substituted, damaged strip... */
    int32_t n_warnings;
};

/* Loads page `number` (1-based): B_FORMAT for a page that cannot be read: the others may still be fine.
 * Loaders only need memory for one page at a time. */
enum b_code dp_loader_page(struct dp_loader *loader, int32_t number, struct b_cancel *cancel, struct dp_sheet *out,
                           struct b_err *err) B_MUST_CHECK;
/* Page count and size without rendering, for `docparse info`: width and height in points (PDF) or pixels. */
enum b_code dp_loader_page_size(struct dp_loader *loader, int32_t number, double *width, double *height,
                                struct b_err *err) B_MUST_CHECK;
void dp_sheet_free(struct dp_sheet *sheet);

#endif
