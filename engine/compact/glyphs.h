/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_COMPACT_GLYPHS_H
#define ENGINE_COMPACT_GLYPHS_H

#include "engine/compact/ctc.h"
#include "engine/compact/line_image.h"
#include "engine/compact/recogniser.h"

#define ENG_STEP_PIXELS 8 /* columns a time step of the recogniser covers */

/* Glyphs of a line from the steps at which the recogniser saw them and from the line's own ink: an edge
 * lies in the gap between two glyphs where there is one, half way otherwise. items[i].first and .last are
 * steps of the whole line. out[0..n) gets code point, confidence and u0 <= u1. Private to engine/compact. */
void eng_glyphs_place(const struct eng_line_image *image, const struct eng_ctc_item *items, size_t n,
                      struct eng_glyph *out);

#endif
