/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_PNG_PAGE_H
#define TESTS_SUPPORT_PNG_PAGE_H

#include "engine/base/image.h"

/* A PNG file as R, G, B pixels; B_NOT_FOUND when it is absent. Free with b_image_free. */
enum b_code t_png_page(const char *path, struct b_image *out, struct b_err *err) B_MUST_CHECK;

#endif
