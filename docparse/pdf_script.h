/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_PDF_SCRIPT_H
#define DOCPARSE_PDF_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

/* Reads what cairo's script surface writes: a page as the list of its drawing operations, in drawing order.
 * That is how the loader learns what Poppler's GLib interface does not tell: which text is drawn at all, what
 * is drawn over it, and the straight lines. Coordinates are the surface's own. Pure; one thread at a time a
 * drawing; the script quotes hostile input, so that anything that is not understood is skipped. */

enum dp_pdf_mark_kind {
    DP_PDF_GLYPHS,  /* a character, or several that one glyph shows */
    DP_PDF_COVER,   /* an opaque box: a picture or a filled rectangle, clipped */
    DP_PDF_PICTURE, /* where a picture is placed, whether clipped or not */
    DP_PDF_LINE,    /* a straight horizontal or vertical stroke, or a thin filled box */
    DP_PDF_SHAPE    /* a path that is seen: an upright box (of whatever corners), or `free`: curves and slanted lines */
};

struct dp_pdf_mark {
    uint8_t kind;
    bool picture;         /* of a cover */
    bool turned;          /* a picture whose rows run down or up the page */
    bool free;            /* of a shape */
    bool filled;          /* of a shape: with a colour, not stroked */
    float x0, y0, x1, y1; /* cover, picture, line, shape: box. Glyphs: origin, and the end of their advance */
    float up_x, up_y;     /* glyphs: from the baseline upwards, as long as the font size. Line: width in up_x */
    uint32_t text;        /* glyphs: offset into dp_pdf_drawing.text */
    uint8_t text_bytes;   /* 0: the script does not say which character it is */
    bool coded;           /* glyphs: no text, but a cluster of its own: code 0 of a font without a character map */
    int32_t font;         /* glyphs: number of the font in the script; -1 none */
    float ink[4];         /* glyphs: left, top, right, bottom of its ink seen from the origin, y down, in font sizes;
                             all 0 when unknown */
    int32_t surface;      /* private while reading */
};

#define DP_PDF_SHAPES_MAX 100000u /* kept of one drawing, beside the other marks; more of them only add detail */

struct dp_pdf_drawing {
    struct dp_pdf_mark *marks;
    size_t n_marks, n_shapes; /* shapes are marks, too */
    char *text;
    size_t text_bytes;
    bool truncated; /* more marks than `most` that are no shapes, or a script that broke off */
};

/* Marks of the page's own surface; groups are placed where they are painted. Free with dp_pdf_drawing_free. */
enum b_code dp_pdf_script_read(const char *script, size_t size, size_t most, struct dp_pdf_drawing *out,
                               struct b_err *err) B_MUST_CHECK;
void dp_pdf_drawing_free(struct dp_pdf_drawing *drawing);

#endif
