/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_COMPACT_CTC_H
#define ENGINE_COMPACT_CTC_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

/* The recogniser's classes and their greedy decoding. Private to engine/compact. */

/* Code point of every class: [0] is the blank (0), the last is the ASCII space, between them the lines of
 * the model's `character` metadata in order. Immutable. */
struct eng_alphabet {
    uint32_t *cps;
    size_t count;
};

/* From the metadata text: one code point a line, split at '\n' only (U+3000 is a class). B_FORMAT when a
 * line is empty, longer, or not UTF-8. */
enum b_code eng_alphabet_parse(const char *text, size_t len, struct eng_alphabet *out, struct b_err *err)
    B_MUST_CHECK;
void eng_alphabet_free(struct eng_alphabet *alphabet);

/* One kept step run: class `cls` won steps [first, last]; probability of the first, which is the one that
 * compact-models.md 2.5 step 3 counts. */
struct eng_ctc_item {
    uint32_t cp;
    int32_t first, last;
    float probability;
};

/* Collapses [steps][2] pairs (class index as a float, probability) into items[0..steps); returns their
 * number. A class outside the alphabet, which only a broken network gives, counts as blank. */
size_t eng_ctc_collapse(const struct eng_alphabet *alphabet, const float *pairs, size_t steps,
                        struct eng_ctc_item *items);

#endif
