/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_BULLETS_H
#define DOCPARSE_BULLETS_H

#include "docparse/document.h"
#include "engine/base/image.h"

/* Filled squares and discs at the head of list items that the recogniser, unsure, read as letters: lines of one or
 * two characters from line `first` on whose ink in `image` (the page image, in whose pixels boxes are given) is one
 * solid patch on even paper. Their text becomes U+25A0 or U+25CF; their confidence stays. */
void dp_bullets_name(const struct b_image_view *image, struct dp_page *page, int32_t first);

#endif
