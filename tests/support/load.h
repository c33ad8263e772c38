/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_LOAD_H
#define TESTS_SUPPORT_LOAD_H

#include "docparse/loader.h"
#include "tests/support/images.h"

/* Loading in one call for tests. limits NULL: the defaults. */

/* Page `number` of the file; the sheet is empty when it failed. */
enum b_code t_load(const struct t_bytes *file, int number, const struct dp_limits *limits, struct dp_sheet *sheet,
                   struct b_err *err);
enum b_code t_load_options(const struct t_bytes *file, int number, const struct dp_loader_options *options,
                           struct dp_sheet *sheet, struct b_err *err);
/* Page count, or -1 with err filled. */
int t_pages(const struct t_bytes *file, const struct dp_limits *limits, struct b_err *err);
/* The first warning that contains `part`, or NULL. */
const char *t_warning(const struct dp_sheet *sheet, const char *part);
/* Peak resident memory of this process so far, KiB. */
long t_peak_kib(void);

#endif
