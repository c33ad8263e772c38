/* SPDX-License-Identifier: Apache-2.0 */
/* Geometry of the direction decision; the readings are made by page_read.c. */
#include "engine/compact/direction.h"

#include <math.h>

#define LONG_LINE 2.5f /* lengths over height from which a strip knows its axis */
#define TRIAL_SHORTEST 4.0f
#define TRIAL_LONGEST 16.0f

struct eng_sense eng_sense_at(int index)
{
    return (struct eng_sense){.reversed = index % 2 == 1, .stacked = index >= 2};
}

bool eng_strip_along_x(const struct eng_strip *strip)
{
    return fabsf(strip->ux) >= fabsf(strip->uy);
}

static float proportion(const struct eng_strip *strip)
{
    const float p = strip->height > 0.0f ? (strip->u1 - strip->u0) / strip->height : 0.0f;
    return isfinite(p) ? p : 0.0f;
}

bool eng_main_axis_is_x(const struct eng_strip *strips, const bool *active, size_t n)
{
    double x = 0.0, y = 0.0;
    for (size_t i = 0; i < n; i++) {
        const float p = proportion(&strips[i]);
        if (!active[i] || p < LONG_LINE)
            continue;
        if (eng_strip_along_x(&strips[i]))
            x += (double)p;
        else
            y += (double)p;
    }
    return x >= y;
}

int eng_quarter_turns(bool axis_is_x, struct eng_sense sense)
{
    if (axis_is_x)
        return sense.stacked ? (sense.reversed ? 3 : 1) : (sense.reversed ? 2 : 0);
    return sense.stacked ? (sense.reversed ? 2 : 0) : (sense.reversed ? 1 : 3);
}

struct eng_point eng_text_direction(int quarter_turns)
{
    switch (quarter_turns & 3) {
    case 1:
        return (struct eng_point){0.0f, -1.0f};
    case 2:
        return (struct eng_point){-1.0f, 0.0f};
    case 3:
        return (struct eng_point){0.0f, 1.0f};
    default:
        return (struct eng_point){1.0f, 0.0f};
    }
}

struct eng_sense eng_default_sense(const struct eng_strip *strip, int quarter_turns)
{
    const struct eng_point right = eng_text_direction(quarter_turns), down = {-right.y, right.x};
    const bool across = eng_strip_along_x(strip) != (fabsf(right.x) > 0.5f);
    const struct eng_point want = across ? down : right;
    return (struct eng_sense){.reversed = strip->ux * want.x + strip->uy * want.y < 0.0f};
}

static bool is_candidate(const struct eng_strip *s, bool axis_is_x, float shortest, float longest)
{
    const float p = proportion(s);
    return eng_strip_along_x(s) == axis_is_x && p >= shortest && p <= longest;
}

size_t eng_trial_lines(const struct eng_strip *strips, const bool *active, size_t n, bool axis_is_x, size_t *chosen,
                       size_t max)
{
    static const float shortest[] = {TRIAL_SHORTEST, LONG_LINE, 0.0f};
    static const float longest[] = {TRIAL_LONGEST, INFINITY, INFINITY};
    for (int round = 0; round < 3; round++) {
        size_t candidates = 0, seen = 0, k = 0;
        for (size_t i = 0; i < n; i++)
            candidates += active[i] && is_candidate(&strips[i], axis_is_x, shortest[round], longest[round]);
        if (candidates < 3 && round < 2)
            continue;
        const size_t want = candidates < max ? candidates : max;
        for (size_t i = 0; i < n && k < want; i++) {
            if (!active[i] || !is_candidate(&strips[i], axis_is_x, shortest[round], longest[round]))
                continue;
            if (seen++ == (2 * k + 1) * candidates / (2 * want)) /* the middle of the k-th of `want` shares */
                chosen[k++] = i;
        }
        return k;
    }
    return 0;
}
