/* SPDX-License-Identifier: Apache-2.0 */
/* Geometry of a strip: points across the curved centre line, its length, its reversal and its bounds.
 * Invariant: nothing here looks at pixels, and a strip of degree 0 behaves exactly like a rectangle. */
#include "engine/compact/strip.h"

#include <float.h>
#include <math.h>

/* Simpson intervals for the length and samples for the bounds: a quartic's length is exact to 1e-4 of
 * itself, its extremes to 1/2048 of the sagitta. */
#define LENGTH_INTERVALS 32
#define BOUND_SAMPLES 33

static int degree_of(const struct eng_strip *strip)
{
    if (strip->degree < 0)
        return 0;
    return strip->degree > ENG_STRIP_DEGREE ? ENG_STRIP_DEGREE : strip->degree;
}

/* Centre line v(u) and its slope dv/du. */
static void centre_line(const struct eng_strip *strip, float u, float *v, float *slope)
{
    float half = (strip->u1 - strip->u0) * 0.5f;
    float mid = (strip->u1 + strip->u0) * 0.5f;
    float t = half > 0.0f ? (u - mid) / half : 0.0f;
    float value = 0.0f, derivative = 0.0f;
    for (int i = degree_of(strip); i >= 0; i--) {
        derivative = derivative * t + value;
        value = value * t + strip->coef[i];
    }
    *v = value;
    *slope = half > 0.0f ? derivative / half : 0.0f;
}

struct eng_point eng_strip_at(const struct eng_strip *strip, float u, float v)
{
    float centre = 0.0f, slope = 0.0f;
    centre_line(strip, u, &centre, &slope);
    float norm = 1.0f / sqrtf(1.0f + slope * slope);
    float along = u - v * slope * norm;
    float across = centre + v * norm;
    struct eng_point p = {strip->origin.x + along * strip->ux - across * strip->uy,
                          strip->origin.y + along * strip->uy + across * strip->ux};
    return p;
}

float eng_strip_length(const struct eng_strip *strip)
{
    float span = strip->u1 - strip->u0;
    if (span <= 0.0f)
        return 0.0f;
    if (degree_of(strip) == 0)
        return span;
    float sum = 0.0f;
    for (int i = 0; i <= LENGTH_INTERVALS; i++) {
        float v = 0.0f, slope = 0.0f;
        centre_line(strip, strip->u0 + span * (float)i / LENGTH_INTERVALS, &v, &slope);
        float weight = i == 0 || i == LENGTH_INTERVALS ? 1.0f : (i % 2 ? 4.0f : 2.0f);
        sum += weight * sqrtf(1.0f + slope * slope);
    }
    return sum * span / (3.0f * LENGTH_INTERVALS);
}

struct eng_strip eng_strip_reversed(const struct eng_strip *strip)
{
    struct eng_strip out = *strip;
    out.ux = -strip->ux;
    out.uy = -strip->uy;
    out.u0 = -strip->u1;
    out.u1 = -strip->u0;
    for (int i = 0; i <= ENG_STRIP_DEGREE; i++)
        out.coef[i] = i % 2 ? strip->coef[i] : -strip->coef[i];
    for (int i = 0; i < 4; i++)
        out.quad[i] = strip->quad[(i + 2) % 4];
    return out;
}

void eng_strip_bounds(const struct eng_strip *strip, float u_from, float u_to, float *x0, float *y0, float *x1,
                      float *y1)
{
    float lo_x = FLT_MAX, lo_y = FLT_MAX, hi_x = -FLT_MAX, hi_y = -FLT_MAX;
    int samples = degree_of(strip) == 0 ? 2 : BOUND_SAMPLES;
    for (int i = 0; i < samples; i++) {
        float u = u_from + (u_to - u_from) * (float)i / (float)(samples - 1);
        for (int side = -1; side <= 1; side += 2) {
            struct eng_point p = eng_strip_at(strip, u, (float)side * strip->height * 0.5f);
            lo_x = fminf(lo_x, p.x);
            hi_x = fmaxf(hi_x, p.x);
            lo_y = fminf(lo_y, p.y);
            hi_y = fmaxf(hi_y, p.y);
        }
    }
    *x0 = lo_x;
    *y0 = lo_y;
    *x1 = hi_x;
    *y1 = hi_y;
}
