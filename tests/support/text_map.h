/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_TEXT_MAP_H
#define TESTS_SUPPORT_TEXT_MAP_H

/* Probability maps as the detector makes them: bars with soft edges where text stands. */
struct t_map {
    float *prob; /* [height][width] */
    int width, height;
};

struct t_map t_map_new(int width, int height); /* all zero; fails the test without memory */
void t_map_free(struct t_map *map);

/* A bar whose centre line is v(s) = bow * (1 - (2 s / length - 1)^2), s = 0..length along a
 * direction of `angle` radians (clockwise, y downward) from (x, y); `thickness` pixels, probability `peak`. */
void t_map_bar(struct t_map *map, double x, double y, double angle, double length, double thickness, double bow,
               double peak);

#endif
