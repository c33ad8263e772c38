/* SPDX-License-Identifier: Apache-2.0 */
/* Rotary angles. Frequencies are few and positions many, but a row's angles cost nothing beside its products. */
#include "engine/qwen25vl/rotary.h"

#include <math.h>

static float frequency(double theta, double exponent)
{
    return (float)(1.0 / pow(theta, exponent));
}

void eng_rotary_patch(int row, int column, size_t d, double theta, float *cosine, float *sine)
{
    size_t quarter = d / 4;
    for (size_t k = 0; k < quarter; k++) {
        float f = frequency(theta, (double)k / (double)quarter);
        float r = (float)row * f, c = (float)column * f;
        cosine[k] = cosf(r);
        sine[k] = sinf(r);
        cosine[quarter + k] = cosf(c);
        sine[quarter + k] = sinf(c);
    }
}

void eng_rotary_token(const int32_t position[3], const int section[3], size_t d, double theta, float *cosine,
                      float *sine)
{
    size_t half = d / 2, ends[2] = {(size_t)section[0], (size_t)section[0] + (size_t)section[1]};
    for (size_t i = 0; i < half; i++) {
        int axis = i < ends[0] ? 0 : i < ends[1] ? 1 : 2;
        float angle = (float)position[axis] * frequency(theta, (double)i / (double)half);
        cosine[i] = cosf(angle);
        sine[i] = sinf(angle);
    }
}
