/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OUTPUT_PICTURE_H
#define OUTPUT_PICTURE_H

#include "docparse/document.h"
#include "engine/base/buf.h"
#include "engine/base/image.h"

/* Pixels as files. Thread-safe; the same pixels give the same bytes with the same library. */

/* Appends a PNG without loss; three equal channels are written as one. dpi: 0 when unknown. */
enum b_code out_png(struct b_buf *buf, struct b_image_view view, double dpi, struct b_err *err) B_MUST_CHECK;

/* Appends a JPEG; quality 1..100. dpi: 0 when unknown. */
enum b_code out_jpeg(struct b_buf *buf, struct b_image_view view, int quality, double dpi,
                     struct b_err *err) B_MUST_CHECK;


/* "data:image/...;base64,..." of the view, at most max_width wide: PNG or JPEG, whichever is shorter. */
enum b_code out_data_uri(struct b_buf *buf, struct b_image_view view, int max_width, struct b_err *err) B_MUST_CHECK;

/* The part of the page image under a block, one pixel of margin, turned upright when the page lies on its side.
 * *owned holds the pixels if they had to be turned; free it in any case. B_NOT_FOUND when the block has no box
 * or it lies outside; that is no failure and leaves err alone. */
enum b_code out_crop(const struct b_image_view *image, const struct dp_page *page, const struct dp_block *block,
                     struct b_image *owned, struct b_image_view *crop, struct b_err *err) B_MUST_CHECK;

#endif
