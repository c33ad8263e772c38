/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_COMPACT_RECOGNISER_PRIVATE_H
#define ENGINE_COMPACT_RECOGNISER_PRIVATE_H

#include "engine/compact/line_image.h"
#include "engine/compact/recogniser.h"

/* eng_recogniser_read of a strip looked at in a given way, quotation marks after their shape (quotes.h). Private to engine/compact. */
enum b_code eng_recogniser_read_as(struct eng_recogniser *recogniser, int worker, struct b_image_view page,
                                   const struct eng_strip *strip, enum eng_line_look look, struct b_arena *arena,
                                   struct eng_reading *out, struct b_cancel *cancel, struct b_err *err) B_MUST_CHECK;

/* Gives the memory of all workers' runs back until the next reading; no worker is reading. */
void eng_recogniser_rest(struct eng_recogniser *recogniser);

#endif
