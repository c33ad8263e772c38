/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_COMPACT_STRIP_H
#define ENGINE_COMPACT_STRIP_H

#include "engine/base/image.h"

/* A text line as a strip: a curved centre line with a thickness, in pixels of the page image. On a
 * straight line a strip equals the usual rotated rectangle. Pixel centres lie at +0.5. */

#define ENG_STRIP_DEGREE 4

struct eng_point {
    float x, y;
};

/* Plain value. Reading direction: the text runs from u0 to u1 along the frame's axis (ux, uy); "up" of
 * the characters is the axis turned 90 degrees counter-clockwise as seen on the page (y grows downward):
 * (uy, -ux). Centre line: origin + u * (ux, uy) + v(u) * (-uy, ux), v(u) = sum coef[i] * t^i with
 * t = (u - u_mid) / u_half, u_mid = (u0 + u1) / 2, u_half = (u1 - u0) / 2. */
struct eng_strip {
    struct eng_point origin;          /* of the frame, page pixels */
    float ux, uy;                     /* unit vector along the line */
    float u0, u1;                     /* extent along the axis, u0 < u1, already widened (unclip) */
    float coef[ENG_STRIP_DEGREE + 1]; /* centre line, pixels across */
    int degree;                       /* 0..ENG_STRIP_DEGREE */
    float height;                     /* full thickness across the centre line, already widened */
    float score;                      /* detector: mean probability over the component's own pixels, 0..1 */
    struct eng_point quad[4];         /* minimum-area rectangle tl, tr, br, bl as compact-models.md 2.3 gives it */
};

/* Point of the page at (u along, v across the centre line, v > 0 is below the text's middle). The
 * normal is taken at u, so curved strips do not shear their characters. */
struct eng_point eng_strip_at(const struct eng_strip *strip, float u, float v);

/* Length of the centre line between u0 and u1, pixels. */
float eng_strip_length(const struct eng_strip *strip);

/* The same strip read in the opposite direction (text turned by 180 degrees). */
struct eng_strip eng_strip_reversed(const struct eng_strip *strip);

/* Upright bounding box of the part u_from..u_to of the strip. */
void eng_strip_bounds(const struct eng_strip *strip, float u_from, float u_to, float *x0, float *y0, float *x1,
                      float *y1);

#endif
