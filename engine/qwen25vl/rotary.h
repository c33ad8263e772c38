/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_QWEN25VL_ROTARY_H
#define ENGINE_QWEN25VL_ROTARY_H

#include <stddef.h>
#include <stdint.h>

/* Angles of the rotary embeddings in fp32, as the reference computes them: frequencies rounded to float first. */

/* The tower: frequency k of d/4 is theta^(-4k/d). cosine and sine [d/2]: row angles, then column angles. */
void eng_rotary_patch(int row, int column, size_t d, double theta, float *cosine, float *sine);

/* The decoder: frequency i of d/2 is theta^(-2i/d); it turns with time, height or width by the sections, which
 * sum to d/2. cosine and sine [d/2]. */
void eng_rotary_token(const int32_t position[3], const int section[3], size_t d, double theta, float *cosine,
                      float *sine);

#endif
