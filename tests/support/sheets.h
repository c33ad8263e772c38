/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_SHEETS_H
#define TESTS_SUPPORT_SHEETS_H

#include "docparse/loader.h"

/* A sheet with something in every array, as a loader would make it: 100 x 50 pixels in colour (not allocated). */
#define T_SHEET_WORDS 5
extern const char *const t_sheet_texts[T_SHEET_WORDS];
void t_sheet_make(struct dp_sheet *sheet, int32_t number);

#endif
