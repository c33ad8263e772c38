/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_COMPACT_DIRECTION_H
#define ENGINE_COMPACT_DIRECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/compact/line_image.h"
#include "engine/compact/strip.h"

/* Which way a page's text runs. The detector knows a line's axis but not its sense, and not whether
 * characters stand on the axis or are stacked along it: trial readings tell. Private to engine/compact. */

/* How the lines of one axis are read. */
struct eng_sense {
    bool reversed; /* against the detector's sense (rightwards, or downwards for steep strips) */
    bool stacked;  /* a column of upright characters */
};

/* In the order in which they are tried: as the detector says, turned by 180 degrees, and both as columns. */
#define ENG_SENSES 4
struct eng_sense eng_sense_at(int index);

/* Whether a strip's axis is closer to the page's x than to its y. */
bool eng_strip_along_x(const struct eng_strip *strip);

/* The axis along which most text runs, by length; without long strips it is x. */
bool eng_main_axis_is_x(const struct eng_strip *strips, const bool *active, size_t n);

/* Clockwise quarter turns that bring a page upright whose main lines are read in this sense. */
int eng_quarter_turns(bool axis_is_x, struct eng_sense sense);

/* Direction in which upright text runs on a page that wants `quarter_turns`. */
struct eng_point eng_text_direction(int quarter_turns);

/* The sense in which a strip that does not belong to the main axis, or a page without a trial, is tried
 * first: towards the text's direction, or downwards on the upright page where it lies across it. */
struct eng_sense eng_default_sense(const struct eng_strip *strip, int quarter_turns);

/* Lines for the trial: up to max indices of active strips on the axis, spread over the page, of a length
 * that says something and costs little. */
size_t eng_trial_lines(const struct eng_strip *strips, const bool *active, size_t n, bool axis_is_x, size_t *chosen,
                       size_t max);

#endif
