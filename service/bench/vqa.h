/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_BENCH_VQA_H
#define SERVICE_BENCH_VQA_H

#include "service/bench/text.h"

/* Scores of single answers to questions about pictures. All in 0..1. */

/* DocVQA, InfographicVQA: 1 minus the normalised edit distance to the nearest accepted answer; 0 below 0.5. */
double bm_anls(struct bm_mem *mem, struct bm_str pred, const struct bm_str *answers, size_t n);

/* ChartQA: numbers within 5 %, other answers equal but for case. */
bool bm_relaxed(struct bm_mem *mem, struct bm_str pred, struct bm_str target);

/* TextVQA: agreement with the answers of ten people after normalisation. */
double bm_vqa_accuracy(struct bm_mem *mem, struct bm_str pred, const struct bm_str *answers, size_t n);
struct bm_str bm_vqa_norm(struct bm_mem *mem, struct bm_str answer);

/* OCRBench: does the prediction contain an accepted answer? formula: written formulas (HME100k). */
bool bm_ocrbench(struct bm_mem *mem, struct bm_str pred, const struct bm_str *answers, size_t n, bool formula);

#endif
