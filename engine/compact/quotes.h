/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_COMPACT_QUOTES_H
#define ENGINE_COMPACT_QUOTES_H

#include <stdbool.h>

#include "engine/compact/line_image.h"
#include "engine/compact/recogniser.h"

/* Quotation marks by their shape. The recogniser was trained with straight marks for curled ones and nearly always
 * answers ' and "; whether the page shows those or curled ones is to be seen in the line's pixels. Private to
 * engine/compact. */

#define ENG_QUOTE_COLUMNS 12
#define ENG_QUOTE_ROWS 16

/* Darkness of one mark, 0 (paper) .. 1 (ink), at the line image's scale, its box in the middle. */
struct eng_quote_patch {
    float ink[ENG_QUOTE_ROWS][ENG_QUOTE_COLUMNS];
};

/* The marks that glyph `glyph` (a ' or ") shows: one, or two where " stands apart in two marks. 0 when no mark of a fitting
 * size stands there. */
int eng_quote_patches(const struct eng_line_image *image, const struct eng_glyph *glyph,
                      struct eng_quote_patch patches[2]);

/* Replaces ' and " in glyphs[0..n), a line read from `image`, where the line's marks taken together look curled. What
 * does not look like one mark or two follows the others, where these are sure. */
void eng_quotes_settle(const struct eng_line_image *image, struct eng_glyph *glyphs, size_t n);

#endif
