/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_COMPACT_SPACES_H
#define ENGINE_COMPACT_SPACES_H

#include <stddef.h>

#include "engine/base/err.h"
#include "engine/compact/recogniser.h"

/* Puts spaces where the recogniser left them out although the ink shows a gap as wide as the line's own
 * spaces: between letters, digits and closing punctuation, never inside numbers or CJK text. glyphs[0..n)
 * rise along the line and have room for 2 n; `column` is the width of a column of the line image in page
 * pixels. *count gets the new number. Private to engine/compact. */
enum b_code eng_spaces_restore(struct eng_glyph *glyphs, size_t n, float column, size_t *count, struct b_err *err)
    B_MUST_CHECK;

#endif
