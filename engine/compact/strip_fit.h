/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_COMPACT_STRIP_FIT_H
#define ENGINE_COMPACT_STRIP_FIT_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/err.h"
#include "engine/compact/components.h"
#include "engine/compact/strip.h"

/* From the pixels of one line of text to its rectangle and its curved centre line. Private to
 * engine/compact. Coordinates: map pixels with y multiplied by `aspect` (network pixels per page pixel in
 * x over the same in y, about 1), so that lengths are true to the page in every direction. */

/* Growable work space, reused from line to line; start with zeros, end with eng_fit_space_free. */
struct eng_fit_space {
    double *values;
    size_t capacity;
};
void eng_fit_space_free(struct eng_fit_space *space);

struct eng_dpoint {
    double x, y;
};

/* One line's worth of pixels, measured. */
struct eng_piece {
    const struct eng_run *runs; /* borrowed */
    size_t n_runs;
    double area, score;              /* pixels; mean probability */
    struct eng_dpoint mean, axis;    /* centroid; principal direction, unit, by second moments */
    struct eng_dpoint corner, along; /* minimum-area rectangle: a corner, unit vector of its longer side... */
    double length, thickness;        /* ...its longer and its shorter side */
    bool flipped;                    /* the rectangle lies to the right of `along` as seen with y downward */
};

enum b_code eng_piece_measure(const struct eng_run *runs, size_t n_runs, double aspect, struct eng_fit_space *space,
                              struct eng_piece *out, struct b_err *err) B_MUST_CHECK;

/* Centre line of a piece in the frame (origin = centroid, axis), not widened. */
struct eng_line_fit {
    struct eng_dpoint origin, axis;
    double u0, u1, height;
    double coef[ENG_STRIP_DEGREE + 1]; /* of t = (u - mid) / half */
    int degree;
    double residual;  /* robust spread of the columns' middles around the centre line, pixels */
    double gap_share; /* share of the columns that are not one solid segment: two lines in one component */
    double thickest;  /* 95th percentile of the columns' thickness over their median */
};

enum b_code eng_piece_fit(const struct eng_piece *piece, struct eng_dpoint axis, double aspect,
                          struct eng_fit_space *space, struct eng_line_fit *out, struct b_err *err) B_MUST_CHECK;

/* Distance by which an outline of this area and perimeter is moved outwards (compact-models.md 2.3, step
 * 5), for a rectangle. */
double eng_unclip_distance(double width, double height);

#endif
