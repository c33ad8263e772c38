/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_FORMULA_INLINE_PRIVATE_H
#define DOCPARSE_FORMULA_INLINE_PRIVATE_H

#include "docparse/formula/formula_private.h"
#include "docparse/formula/inline.h"

/* Private to the search for formulas in running text. */

enum in_kind {
    IN_PROSE,
    IN_VARIABLE, /* letter or sign that stands for something, of mathematics only */
    IN_WEAK,     /* letter of an italic text font, or Greek: a variable beside other mathematics */
    IN_DIGIT,
    IN_NAME,     /* part of the name of a function */
    IN_RELATION, IN_BINARY, IN_OPERATOR, IN_OPEN, IN_CLOSE, IN_FENCE, IN_COMMA, IN_POINT, IN_DOTS, IN_COLON, IN_SLASH,
    IN_BANG,
    IN_SCRIPT,   /* raised or lowered */
    IN_STACK,    /* of a fraction */
    IN_ACCENT
};

struct in_char {
    enum in_kind kind;
    float x0, x1, size; /* size: of its row */
    bool math;          /* of a mathematical font, or a sign that prose does not have */
    bool row;
    bool letter, greek, raised;
    bool calligraphic;
    bool alone;         /* a single letter of the text font that formulas take theirs from */
    bool of_prose;      /* a comma of the font of the prose before it */
    uint32_t cp;
    int32_t last;       /* names: index of the name's last character */
};

/* inline_kinds.c: out[n]. `sizes` is scratch for n numbers. */
void in_kinds(const struct dp_inline_char *chars, int32_t n, const char *italic, float *sizes, struct in_char *out);

#endif
