/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_BASE_IMAGE_H
#define ENGINE_BASE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

/* Pixels of a page or of a part of it: 8 bits a channel, rows from top to bottom, channels
 * interleaved; 1 channel is grey (0 black), 3 channels are R, G, B. */

/* Borrowed, read-only window into somebody's pixels. Plain value. */
struct b_image_view {
    const uint8_t *pixels; /* first pixel of the first row */
    size_t stride;         /* bytes from one row to the next, >= width * channels */
    int width, height;     /* pixels, >= 1 */
    int channels;          /* 1 or 3 */
};

/* Owned pixels; the memory ends with b_image_free. Rows are contiguous (stride = width * channels). */
struct b_image {
    uint8_t *pixels;
    int width, height, channels;
    size_t mapped; /* pixels is a private mapping of so many bytes; 0: memory of malloc */
};

/* Memory for the pixels of a page, not cleared: large pieces are asked for in huge pages, since new memory costs about
 * 4 us a page of 4 KiB, which is 20 ms for a page of text in a process of its own. NULL: none. Release with free. */
void *b_pixels_alloc(size_t size);

/* Uninitialised image; B_LIMIT when width * height exceeds max_pixels, checked before allocating. */
enum b_code b_image_new(int width, int height, int channels, uint64_t max_pixels, struct b_image *out,
                        struct b_err *err) B_MUST_CHECK;
void b_image_free(struct b_image *image);

struct b_image_view b_image_view_of(const struct b_image *image);
/* Window [x, x+width) x [y, y+height), clipped to the view; never empty. */
struct b_image_view b_image_view_crop(struct b_image_view view, int x, int y, int width, int height);

/* Copy turned by quarter_turns * 90 degrees clockwise (any integer). */
enum b_code b_image_turn(struct b_image_view view, int quarter_turns, struct b_image *out, struct b_err *err)
    B_MUST_CHECK;

#endif
