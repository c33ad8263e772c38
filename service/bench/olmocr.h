/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_BENCH_OLMOCR_H
#define SERVICE_BENCH_OLMOCR_H

#include "service/bench/text.h"

/* Unit tests of olmOCR-bench on one page of Markdown. */

enum bm_verdict { BM_FAILED, BM_PASSED, BM_NOT_RUN /* wants a formula renderer, or an unknown type */ };

/* test: one line of the benchmark's .jsonl files (a JSON object, borrowed). */
enum bm_verdict bm_olmocr_test(struct bm_mem *mem, const char *test, struct bm_str markdown);

/* The test that every page gets: not blank, no endless repetition, no characters of other scripts. */
enum bm_verdict bm_olmocr_baseline(struct bm_mem *mem, struct bm_str markdown);


#endif
