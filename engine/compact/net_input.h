/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_COMPACT_NET_INPUT_H
#define ENGINE_COMPACT_NET_INPUT_H

#include "engine/base/err.h"
#include "engine/base/image.h"

/* Pixels as the layout and table networks want them. Private to engine/compact. */

/* Resamples the view to width x height (bilinear on 8-bit values, without antialiasing, as the networks were
 * trained), normalises each channel and writes planes B, G, R to tensor[3][tensor_h][tensor_w]; what is right of
 * and below the picture becomes 0. width <= tensor_w, height <= tensor_h. */
enum b_code eng_net_fill(struct b_image_view view, int width, int height, int tensor_w, int tensor_h, float *tensor,
                         struct b_err *err) B_MUST_CHECK;

#endif
