/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_COMPACT_DIRECTION_GRID_H
#define ENGINE_COMPACT_DIRECTION_GRID_H

#include <stdbool.h>

#include "engine/base/err.h"
#include "engine/compact/strip_fit.h"

/* Directions and thicknesses of the long lines, gathered in a coarse grid over the map, so that a short
 * line can ask its surroundings in constant time. Private to engine/compact. */
struct eng_direction_cell {
    float cos2, sin2;  /* sum of unit vectors of the doubled angle: a direction has no sense */
    float thickness;   /* weighted sum */
    float weight;      /* length of the lines that passed here */
};

struct eng_direction_grid {
    struct eng_direction_cell *cells;
    int cols, rows;
};

/* For a map of width x height (in the coordinates of strip_fit.h). */
enum b_code eng_direction_grid_new(int width, int height, struct eng_direction_grid *out, struct b_err *err)
    B_MUST_CHECK;
void eng_direction_grid_free(struct eng_direction_grid *grid);

void eng_direction_add(struct eng_direction_grid *grid, const struct eng_line_fit *fit, double thickness);

/* Direction and thickness of the lines around a point, nearer ones counting more; false when there are
 * none or when they contradict each other. */
bool eng_direction_near(const struct eng_direction_grid *grid, struct eng_dpoint at, struct eng_dpoint *axis,
                        double *thickness);

#endif
