/* SPDX-License-Identifier: Apache-2.0 */
/* Grid of line directions. Each long line leaves its tangent in every cell it passes; a query sums the
 * cells around a point with weights that fall with the square of the distance, then the whole page. */
#include "engine/compact/direction_grid.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CELL 32       /* map pixels: two to three lines of text */
#define REACH 6       /* cells looked at in every direction */
#define COHERENCE 0.6 /* length of the mean doubled-angle vector below which lines contradict */

enum b_code eng_direction_grid_new(int width, int height, struct eng_direction_grid *out, struct b_err *err)
{
    out->cols = width / CELL + 1;
    out->rows = height / CELL + 1;
    out->cells = calloc((size_t)out->cols * (size_t)out->rows, sizeof *out->cells);
    if (!out->cells)
        return b_fail(err, B_NO_MEMORY, "detector", "no memory for a grid of %dx%d cells", out->cols, out->rows);
    return B_OK;
}

void eng_direction_grid_free(struct eng_direction_grid *grid)
{
    free(grid->cells);
    memset(grid, 0, sizeof *grid);
}

static int cell_of(double value, int cells)
{
    double at = floor(value / CELL);
    return at < 0.0 ? 0 : at > cells - 1 ? cells - 1 : (int)at;
}

void eng_direction_add(struct eng_direction_grid *grid, const struct eng_line_fit *fit, double thickness)
{
    double half = 0.5 * (fit->u1 - fit->u0);
    int steps = (int)(2.0 * half / CELL) + 1;
    float weight = (float)(2.0 * half / steps);
    for (int i = 0; i < steps; i++) {
        double t = (2.0 * i + 1.0) / steps - 1.0, v = 0.0, slope = 0.0;
        for (int k = fit->degree; k >= 0; k--) {
            slope = slope * t + v;
            v = v * t + fit->coef[k];
        }
        slope /= half;
        double u = 0.5 * (fit->u0 + fit->u1) + t * half;
        double tx = fit->axis.x - slope * fit->axis.y, ty = fit->axis.y + slope * fit->axis.x;
        double square = tx * tx + ty * ty;
        int col = cell_of(fit->origin.x + u * fit->axis.x - v * fit->axis.y, grid->cols);
        int row = cell_of(fit->origin.y + u * fit->axis.y + v * fit->axis.x, grid->rows);
        struct eng_direction_cell *cell = &grid->cells[(size_t)row * (size_t)grid->cols + (size_t)col];
        cell->cos2 += weight * (float)((tx * tx - ty * ty) / square);
        cell->sin2 += weight * (float)(2.0 * tx * ty / square);
        cell->thickness += weight * (float)thickness;
        cell->weight += weight;
    }
}

bool eng_direction_near(const struct eng_direction_grid *grid, struct eng_dpoint at, struct eng_dpoint *axis,
                        double *thickness)
{
    int col = cell_of(at.x, grid->cols), row = cell_of(at.y, grid->rows);
    double c2 = 0.0, s2 = 0.0, weight = 0.0, thick = 0.0;
    for (int y = row - REACH < 0 ? 0 : row - REACH; y <= row + REACH && y < grid->rows; y++)
        for (int x = col - REACH < 0 ? 0 : col - REACH; x <= col + REACH && x < grid->cols; x++) {
            const struct eng_direction_cell *cell = &grid->cells[(size_t)y * (size_t)grid->cols + (size_t)x];
            int dx = x - col, dy = y - row;
            double w = 1.0 / (1.0 + dx * dx + dy * dy);
            c2 += w * (double)cell->cos2;
            s2 += w * (double)cell->sin2;
            thick += w * (double)cell->thickness;
            weight += w * (double)cell->weight;
        }
    if (weight <= 0.0 || hypot(c2, s2) < COHERENCE * weight)
        return false;
    double angle = 0.5 * atan2(s2, c2);
    *axis = (struct eng_dpoint){cos(angle), sin(angle)};
    *thickness = thick / weight;
    return true;
}
