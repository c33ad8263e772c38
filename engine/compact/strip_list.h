/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_COMPACT_STRIP_LIST_H
#define ENGINE_COMPACT_STRIP_LIST_H

#include "engine/base/err.h"
#include "engine/compact/components.h"
#include "engine/compact/detector.h"

/* eng_strips_from_map for a map that covers the page's upper left part of a padded network output:
 * scale_x, scale_y: map pixels per page pixel. Private to engine/compact. */
enum b_code eng_strips_from_window(struct eng_map map, double scale_x, double scale_y, int page_w, int page_h,
                                   const struct eng_detector_options *options, struct eng_strip_list *out,
                                   struct b_err *err) B_MUST_CHECK;

#endif
