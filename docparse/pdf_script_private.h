/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_PDF_SCRIPT_PRIVATE_H
#define DOCPARSE_PDF_SCRIPT_PRIVATE_H

#include "docparse/pdf_script.h"

/* Shared by the parts of the script reader: objects and tokens (pdf_script.c), drawing (pdf_script_draw.c). */

#define DP_SCRIPT_STACK 512

enum script_kind {
    SCRIPT_OTHER,
    SCRIPT_NUMBER,
    SCRIPT_NAME,
    SCRIPT_STRING,
    SCRIPT_ARRAY,
    SCRIPT_DICT,
    SCRIPT_CONTEXT,
    SCRIPT_SURFACE,
    SCRIPT_PATTERN,
    SCRIPT_FONT,
    SCRIPT_GLYPHS
};

struct script_matrix {
    double xx, yx, xy, yy, x0, y0;
};

/* A value on the operand stack. Which fields count depends on the kind. */
struct script_object {
    enum script_kind kind;
    double number;
    int32_t id;                  /* context, surface, font; -1 none */
    size_t first, count;         /* string: bytes of text; array: items; name: bytes of the script */
    struct script_matrix matrix; /* pattern */
    int32_t width, height;       /* dict, picture */
    bool picture, opaque, solid, truetype;
    bool unseen; /* solid: white or fully transparent */
    const char *data; /* array of one compressed datum, and the dict that holds it */
    size_t data_bytes;
};

/* Element of an array: a number, or a run of glyph indices. */
struct script_item {
    double number;
    bool is_run;
    size_t first, count; /* into script.glyphs */
};

struct script_point {
    double x, y;
    uint8_t kind; /* 'm', 'l', 'c', 'h' */
};

struct script_context {
    int32_t surface;
    struct script_matrix ctm, font_matrix;
    struct script_matrix given_matrix; /* the last set-font-matrix: of new fonts, whatever was selected since */
    int32_t font;
    double line_width;
    struct script_object source;
    double clip[4]; /* box */
    struct script_point *path;
    size_t n_path, cap_path;
};

struct script_font {
    struct script_matrix matrix;
    struct glyph_advance {
        float x, y;
        float ink[4]; /* left, top, right, bottom; y down */
        bool known;
    } * advances;
    size_t cap;
    bool last_repeats; /* glyphs behind the array have its last advance */
};

struct script {
    const char *at, *end;
    size_t most;
    struct script_object stack[DP_SCRIPT_STACK];
    int depth;
    struct script_item *items;
    size_t n_items, cap_items;
    uint32_t *glyphs;
    size_t n_glyphs, cap_glyphs;
    struct script_context *contexts;
    size_t n_contexts, cap_contexts;
    struct script_font *fonts;
    size_t cap_fonts;
    struct named {
        int32_t surface, width, height;
        bool picture, opaque, known;
    } * names; /* s0, s1...: by number */
    size_t cap_names;
    size_t *starts; /* per surface: marks when it was made; its own are behind */
    size_t cap_starts, moves_left;
    int32_t n_surfaces, last_font;
    struct script_font embedded; /* metrics of the font in work */
    struct dp_pdf_drawing *out;
    size_t cap_marks, cap_text;
    bool failed;  /* out of memory or hopelessly broken */
    bool starved; /* out of memory */
};

/* Makes room for one more element; false (and failed) when memory or the bound is at its end. */
bool dp_script_grow(struct script *s, void **array, size_t *cap, size_t count, size_t size, size_t most);
struct script_context *dp_script_context(struct script *s);
double dp_script_number(struct script *s); /* pops a number; 0 for anything else */
struct script_object dp_script_pop(struct script *s);

/* Advances of a TrueType or OpenType font that the script holds as `<|` data. Empty when it cannot be read. */
bool dp_script_font_metrics(const char *data, size_t size, struct script_font *out);

/* Drawing operators; what they take from the stack is popped. False: no such operator. */
bool dp_script_draw(struct script *s, const char *name, size_t len);
/* pdf_script_shape.c: the parts of the context's path as shapes. */
void dp_script_add_shapes(struct script *s, const struct script_context *ctx, bool filled);
void dp_script_add_mark(struct script *s, const struct script_context *ctx, struct dp_pdf_mark mark);
/* Moves the marks of surface `from` to surface `to`, by the pattern's matrix. */
void dp_script_place(struct script *s, int32_t from, int32_t to, const struct script_matrix *matrix);

#endif
