/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_FORMULA_FORMULA_PRIVATE_H
#define DOCPARSE_FORMULA_FORMULA_PRIVATE_H

#include "docparse/formula/formula.h"
#include "engine/base/buf.h"

/* Private to the reading of formulas. Glyphs become elements; structures (fraction, root, matrix, accent, limits)
 * replace the elements they are made of by one element that holds their LaTeX, innermost first, until rows of
 * elements are left, which are written from left to right with their scripts. Pixels, y down. */

enum fm_class {
    FM_ORD, FM_OP, FM_BIN, FM_REL, FM_OPEN, FM_CLOSE, FM_FENCE, FM_PUNCT, FM_ACCENT, FM_RADICAL, FM_PIECE,
    FM_OVERBRACE, FM_UNDERBRACE, FM_BAR, FM_NOT, FM_PRIME, FM_ARROW, FM_SPACE
};

enum fm_alphabet {
    FM_PLAIN, /* signs and digits: no alphabet */
    FM_ITALIC, FM_ROMAN, FM_BOLD, FM_BOLD_ITALIC, FM_CAL, FM_SCR, FM_BB, FM_FRAK, FM_SANS, FM_MONO
};

/* What a code of a font means. */
struct fm_sign {
    uint32_t cp; /* Unicode, mathematical letters taken back to plain ones */
    const char *latex; /* NULL: the character itself */
    enum fm_class cls;
    enum fm_alphabet alphabet;
    bool text_font; /* of a font for text */
    bool known;
};

/* symbols.c, fonts.c */
struct fm_sign fm_sign_of(uint32_t cp, const char *font);
const char *fm_operator_name(const char *word, size_t len, bool *limits); /* "\\sin"; NULL when it is no name */
/* The symbol of a code point; false when it has none. */
bool fm_symbol(uint32_t cp, const char **latex, enum fm_class *cls);

/* A glyph or a structure. */
struct fm_el {
    struct dp_rect box; /* ink */
    float x, end;       /* origin, end of the advance */
    float base, size;
    uint32_t cp;
    const char *latex;
    enum fm_class cls;
    enum fm_alphabet alphabet;
    int32_t glyphs; /* it is made of */
    bool text_font, structure, word, limits, tall;
    bool gone; /* part of a structure now */
};

/* A set of elements; the pointers' array has room for every element of it. */
struct fm_list {
    struct fm_el **e;
    int32_t n;
};

struct fm {
    struct b_arena *arena;
    float em;      /* size of the formula's own letters */
    int depth;
    int32_t lost;  /* glyphs that found no place */
    int64_t work;  /* elements that may still be looked at */
    bool starved;
    const char *tag;
};

#define FM_DEPTH_MAX 24
#define FM_WORK_MAX 20000000 /* elements looked at: 0.1 s; a formula of 300 glyphs takes 200,000 */

/* Counts n looks at elements; false once there were too many: whatever is asked then finds nothing. */
static inline bool fm_spend(struct fm *f, int64_t n)
{
    f->work -= n;
    return f->work > 0;
}

/* The LaTeX of a set of elements: structures, then rows. In `script` several rows are a \substack, else aligned
 * lines. The list is used up. */
const char *fm_region(struct fm *f, struct fm_list *list, bool script);
const char *fm_print(struct fm *f, const char *fmt, ...) B_PRINTF(2, 3);
struct fm_list fm_list_new(struct fm *f, int32_t room);
void fm_compact(struct fm_list *list); /* takes elements that are gone out */
struct dp_rect fm_box_of(const struct fm_list *list);
/* A structure in place of its parts: parts are marked gone, the new element is appended. NULL without memory. */
struct fm_el *fm_replace(struct fm *f, struct fm_list *list, const struct fm_list *parts, const char *latex);
void fm_sort_x(struct fm_list *list);

/* pieces.c: pieces of brackets, negations, arrows, dots, words. */
void fm_join_pieces(struct fm *f, struct fm_list *list);
void fm_make_words(struct fm *f, struct fm_list *list);
/* bars.c: fractions, roots, lines and braces over and under. */
void fm_bars(struct fm *f, struct fm_list *list);
/* fences.c: brackets around what is tall. */
void fm_fences(struct fm *f, struct fm_list *list);
/* limits.c: accents; what stands above and below operators, names and arrows. */
void fm_accents(struct fm *f, struct fm_list *list);
void fm_limits(struct fm *f, struct fm_list *list);
/* rows.c */
int32_t fm_split_rows(struct fm *f, const struct fm_list *list, struct fm_list *rows, int32_t most);
const char *fm_rows(struct fm *f, struct fm_list *list, bool script);
/* The cells of rows as "a & b \\ c & d"; columns are found from the gaps. */
const char *fm_grid(struct fm *f, struct fm_list *rows, int32_t n_rows, int32_t *cols);
/* line.c: one row, from left to right. */
const char *fm_line(struct fm *f, struct fm_list *row);

static inline float fm_mid_x(const struct fm_el *e) { return (e->box.x0 + e->box.x1) * 0.5f; }
static inline float fm_mid_y(const struct fm_el *e) { return (e->box.y0 + e->box.y1) * 0.5f; }
static inline float fm_tall(const struct fm_el *e) { return e->box.y1 - e->box.y0; }
static inline float fm_wide(const struct fm_el *e) { return e->box.x1 - e->box.x0; }
static inline float fm_overlap(float a0, float a1, float b0, float b1)
{
    return (a1 < b1 ? a1 : b1) - (a0 > b0 ? a0 : b0);
}

#endif
