/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_BENCH_LATEX_TEXT_H
#define SERVICE_BENCH_LATEX_TEXT_H

#include "service/bench/text.h"

/* LaTeX as plain Unicode text, in the way of the converter that the OmniDocBench protocol uses (pylatexenc
 * 2.10, default settings): symbols become characters, fractions a/b, scripts stay as ^ and _. False where
 * that converter gives up (the caller then keeps the source): nesting too deep, an empty matrix. */
bool bm_latex_text(struct bm_mem *mem, struct bm_str latex, struct bm_str *out);

#endif
