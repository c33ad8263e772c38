/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_ORIENT_H
#define DOCPARSE_ORIENT_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/image.h"

/* What image files say about how to show them. Private to the image loaders; thread-safe. */

/* From IFD 0 of an Exif block; 0 where absent or out of range. */
struct dp_exif {
    int orientation;     /* 1..8 as TIFF 6.0 tag 274 */
    double x_dpi, y_dpi; /* pixels per inch, whatever the file's unit; not yet checked for sense */
};

/* Parses an Exif block (with or without the leading "Exif\0\0"); damaged blocks give what was readable. */
void dp_exif_parse(const uint8_t *data, size_t size, struct dp_exif *out);

/* Turns and mirrors *image so that it is upright; an orientation outside 2..8 leaves it alone. On failure
 * the image is unchanged. */
enum b_code dp_orient(struct b_image *image, int orientation, struct b_err *err) B_MUST_CHECK;

#endif
