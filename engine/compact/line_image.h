/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_COMPACT_LINE_IMAGE_H
#define ENGINE_COMPACT_LINE_IMAGE_H

#include <stdbool.h>

#include "engine/base/err.h"
#include "engine/base/image.h"
#include "engine/compact/strip.h"

/* A line of text as the recogniser sees it: 48 rows of B, G, R floats 0..255, left to right. Private to
 * engine/compact. One thread at a time; the memory is kept for the next line. Start with zeros. */
struct eng_line_image {
    float *bgr;  /* [48][width][3] */
    float *u;    /* [width + 1]: where on the strip's axis each column begins; rises */
    float *ink;  /* [width]: contrast within each column, 0..255; 0 behind the line's end */
    int content; /* columns of the line; those behind are mid-grey */
    int width;   /* multiple of 32, at least content */
    int capacity;
};
void eng_line_image_free(struct eng_line_image *image);

enum eng_line_look {
    ENG_LOOK_PLAIN,  /* the strip as it is */
    ENG_LOOK_ROOMY,  /* a little higher: narrower lines at the same accuracy, what pages are read with */
    ENG_LOOK_TALL,   /* higher still: cut-off accents and a detector box that is too tight */
    ENG_LOOK_STACKED /* a column of upright characters, laid out from left to right */
};

/* The whole strip, its proportions kept. */
enum b_code eng_line_image_make(struct eng_line_image *image, struct b_image_view page,
                                const struct eng_strip *strip, enum eng_line_look look, struct b_err *err)
    B_MUST_CHECK;

/* Columns whose contrast is below this are gaps. */
float eng_line_gap_level(const struct eng_line_image *image);

/* Makes room for `content` columns and fills those behind, up to the recogniser's granularity, with grey. */
enum b_code eng_line_image_reserve(struct eng_line_image *image, int content, struct b_err *err) B_MUST_CHECK;

/* Private: ENG_LOOK_STACKED (stacked.c). Fills pixels and u of
 * the content. */
enum b_code eng_line_image_stack(struct eng_line_image *image, struct b_image_view page,
                                 const struct eng_strip *strip, struct b_err *err) B_MUST_CHECK;

#endif
