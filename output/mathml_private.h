/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OUTPUT_MATHML_PRIVATE_H
#define OUTPUT_MATHML_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/buf.h"

/* What a command without arguments stands for. */
enum math_kind {
    MATH_NONE,     /* not a symbol */
    MATH_LETTER,   /* <mi>, slanted as letters are */
    MATH_UPRIGHT,  /* <mi>, upright */
    MATH_OPERATOR, /* <mo> */
    MATH_FENCE,    /* <mo>, does not stretch by itself */
    MATH_BIG,      /* <mo>, limits below and above in display style */
    MATH_INTEGRAL, /* <mo>, limits beside it */
    MATH_FUNCTION, /* <mi> with the command's own name: \sin */
    MATH_LIMIT     /* the same with limits below it: \max */
};

struct math_symbol {
    char name[21];
    uint16_t kind;
    uint32_t cp; /* 0 for functions */
};

/* Name without backslash; NULL when there is no such symbol. */
const struct math_symbol *math_symbol_find(const char *name, size_t len);

enum math_accent_kind { MATH_OVER, MATH_OVER_WIDE, MATH_UNDER_WIDE, MATH_BRACE_OVER, MATH_BRACE_UNDER };
struct math_accent {
    char name[20];
    uint16_t kind;
    uint32_t cp;
};
const struct math_accent *math_accent_find(const char *name, size_t len);

enum math_font {
    MATH_ITALIC, /* the default: single letters slanted */
    MATH_ROMAN,
    MATH_BOLD,
    MATH_BOLD_ITALIC,
    MATH_DOUBLE,
    MATH_SCRIPT,
    MATH_FRAKTUR,
    MATH_SANS,
    MATH_MONO
};
/* False when the command selects no font. *is_switch: the old form that holds to the end of the group. */
bool math_font_find(const char *name, size_t len, enum math_font *font, bool *is_switch);
/* The letter or digit in that font; other characters as they are. */
uint32_t math_font_apply(enum math_font font, uint32_t cp);

/* Width of a spacing command in 1/1000 em; false when it is none. */
bool math_space_find(const char *name, size_t len, int *width);

#define MATH_DEPTH_MAX 60 /* groups inside of groups; papers need about ten */

/* A translation under way. */
struct math {
    const char *text;
    size_t len, pos;
    struct b_buf *buf;
    int depth;
    bool bad; /* something unknown or unbalanced: the result is thrown away */
    enum math_font font;
    int items; /* elements of the row that ended last */
};

/* Why a row ended; the ending sign is not consumed. */
enum math_end {
    MATH_END_TEXT,
    MATH_END_BRACE,
    MATH_END_CELL,
    MATH_END_ROW,
    MATH_END_ENV,
    MATH_END_RIGHT,
    MATH_END_BRACKET
};

/* Appends everything up to the row's end. Inside of optional arguments a "]" ends it too. */
enum math_end math_row(struct math *m, bool bracket);
void math_fail(struct math *m);
void math_blanks(struct math *m);
bool math_take(struct math *m, const char *sign);      /* skips `sign` if it stands here */
size_t math_command(const struct math *m, size_t pos); /* length of the command's name behind the backslash at pos */
void math_argument(struct math *m);                    /* a group or one atom, as exactly one element */
bool math_raw_argument(struct math *m, const char **text, size_t *len); /* {...} as it stands */

/* \begin{...}: from the name's brace on. */
void math_environment(struct math *m);
void math_substack(struct math *m);
/* \text{...}: formulas in dollars inside of it are formulas. */
void math_text(struct math *m, const char *style);

#endif
