/* SPDX-License-Identifier: Apache-2.0 */
/* Synthetic probability maps for the detector's post-processing. */
#include "tests/support/text_map.h"

#include <math.h>
#include <stdlib.h>

#define SOFT 1.0 /* pixels over which a bar's edge fades */

struct t_map t_map_new(int width, int height)
{
    struct t_map map = {calloc((size_t)width * (size_t)height, sizeof(float)), width, height};
    if (!map.prob)
        exit(1);
    return map;
}

void t_map_free(struct t_map *map)
{
    free(map->prob);
    map->prob = NULL;
}

/* How much of a pixel at signed distance d inside an edge counts. */
static double inside(double d)
{
    return fmin(fmax(d / SOFT + 0.5, 0.0), 1.0);
}

void t_map_bar(struct t_map *map, double x, double y, double angle, double length, double thickness, double bow,
               double peak)
{
    const double ux = cos(angle), uy = sin(angle);
    for (int row = 0; row < map->height; row++)
        for (int col = 0; col < map->width; col++) {
            const double dx = col + 0.5 - x, dy = row + 0.5 - y;
            const double s = dx * ux + dy * uy, v = dy * ux - dx * uy, t = 2.0 * s / length - 1.0;
            const double off = fabs(v - bow * (1.0 - t * t));
            const float p = (float)(peak * inside(s) * inside(length - s) * inside(thickness * 0.5 - off));
            float *at = &map->prob[(size_t)row * (size_t)map->width + (size_t)col];
            *at = fmaxf(*at, p);
        }
}
