/* SPDX-License-Identifier: Apache-2.0 */
/* Skew and curl of a page from its strips. */
#include <math.h>

#include "engine/compact/page_private.h"

#define LONG_LINE 6.0f /* lengths over height: shorter lines have an uncertain angle */
#define SAMPLES 17
#define BINS 361 /* of half a degree, -90 to 90 */

static bool is_long(const struct eng_page_job *job, size_t i)
{
    const struct eng_strip *s = &job->strips[i];
    return job->active[i] && eng_strip_along_x(s) == job->main_axis_is_x && s->u1 - s->u0 >= LONG_LINE * s->height;
}

/* Angle of the chord against the axis that it is closest to, degrees, clockwise positive (y grows down). */
static float angle_of(const struct eng_strip *s)
{
    const struct eng_point a = eng_strip_at(s, s->u0, 0.0f), b = eng_strip_at(s, s->u1, 0.0f);
    const float dx = b.x - a.x, dy = b.y - a.y;
    const float radians = eng_strip_along_x(s) ? atan2f(dy * copysignf(1.0f, dx), fabsf(dx))
                                               : atan2f(-dx * copysignf(1.0f, dy), fabsf(dy));
    return radians * 57.29578f;
}

/* Largest distance of the centre line from its chord, heights. */
static float curl_of(const struct eng_strip *s)
{
    const struct eng_point a = eng_strip_at(s, s->u0, 0.0f), b = eng_strip_at(s, s->u1, 0.0f);
    const float dx = b.x - a.x, dy = b.y - a.y, chord = hypotf(dx, dy);
    float most = 0.0f;
    for (int i = 1; i < SAMPLES - 1 && chord > 0.0f; i++) {
        const struct eng_point p = eng_strip_at(s, s->u0 + (s->u1 - s->u0) * (float)i / (SAMPLES - 1), 0.0f);
        most = fmaxf(most, fabsf((p.x - a.x) * dy - (p.y - a.y) * dx) / chord);
    }
    return most / s->height;
}

void eng_page_figures(const struct eng_page_job *job, float *skew, float *curl)
{
    double weights[BINS] = {0.0}, angles[BINS] = {0.0}, total = 0.0, seen = 0.0;
    *skew = 0.0f;
    *curl = 0.0f;
    for (size_t i = 0; i < job->n; i++) {
        if (!is_long(job, i))
            continue;
        const struct eng_strip *s = &job->strips[i];
        const float angle = angle_of(s);
        const double length = (double)(s->u1 - s->u0);
        const int bin = (int)(fminf(fmaxf(angle, -90.0f), 90.0f) * 2.0f + 180.5f);
        weights[bin] += length;
        angles[bin] += length * (double)angle;
        total += length;
        *curl = fmaxf(*curl, curl_of(s));
    }
    for (int b = 0; b < BINS && total > 0.0; b++) { /* weighted median, then the mean of its bin */
        seen += weights[b];
        if (seen * 2.0 >= total && weights[b] > 0.0) {
            *skew = (float)(angles[b] / weights[b]);
            break;
        }
    }
}
