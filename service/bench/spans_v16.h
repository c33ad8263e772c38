/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_BENCH_SPANS_V16_H
#define SERVICE_BENCH_SPANS_V16_H

#include "service/bench/quick_match.h"

/* What version 1.6 changes in the rows of a page's matching. */

/* A formula matched to a text, or the other way round: both sides are compared as texts. */
void bm16_compare_as_texts(struct bm_mem *mem, struct bm_row *row);
/* Titles and long texts that came out badly get the run of neighbouring pieces nearby that fits them best, where that
 * is much better. pieces: all that took part in the matching. */
void bm16_mend_texts(struct bm_mem *mem, struct bm_rows *rows, const struct bm_pieces *pieces);

#endif
