/* SPDX-License-Identifier: Apache-2.0 */
/* Alphabet from the model's metadata and greedy CTC collapse. Invariant: items come in order of time and
 * do not overlap. */
#include "engine/compact/ctc.h"

#include <stdlib.h>

#include "engine/base/utf8.h"

#define MAX_CLASSES 200000u /* ten times the model's own alphabet */

enum b_code eng_alphabet_parse(const char *text, size_t len, struct eng_alphabet *out, struct b_err *err)
{
    *out = (struct eng_alphabet){NULL, 0};
    if (len > 0 && text[len - 1] == '\n')
        len--;
    size_t lines = 1;
    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    if (len == 0 || lines > MAX_CLASSES || !b_utf8_valid(text, len))
        return b_fail(err, B_FORMAT, "recogniser", "the model's character list is empty, too long or not UTF-8");
    uint32_t *cps = calloc(lines + 2, sizeof *cps);
    if (!cps)
        return b_fail(err, B_NO_MEMORY, "recogniser", "no memory for %zu characters", lines);
    size_t count = 1; /* class 0 is the blank */
    for (size_t pos = 0; count <= lines; count++) {
        if (pos < len && text[pos] != '\n')
            cps[count] = b_utf8_next(text, len, &pos);
        if (cps[count] == 0 || (pos < len && text[pos] != '\n')) {
            free(cps);
            return b_fail(err, B_FORMAT, "recogniser", "line %zu of the model's character list is not one character",
                          count);
        }
        pos++;
    }
    cps[count++] = ' ';
    *out = (struct eng_alphabet){cps, count};
    return B_OK;
}

void eng_alphabet_free(struct eng_alphabet *alphabet)
{
    free(alphabet->cps);
    *alphabet = (struct eng_alphabet){NULL, 0};
}

size_t eng_ctc_collapse(const struct eng_alphabet *alphabet, const float *pairs, size_t steps,
                        struct eng_ctc_item *items)
{
    size_t n = 0, before = 0;
    for (size_t t = 0; t < steps; t++) {
        const float index = pairs[2 * t], p = pairs[2 * t + 1];
        const size_t cls = index >= 0.0f && index < (float)alphabet->count ? (size_t)index : 0;
        if (cls != 0 && cls == before)
            items[n - 1].last = (int32_t)t;
        else if (cls != 0)
            items[n++] =
                (struct eng_ctc_item){alphabet->cps[cls], (int32_t)t, (int32_t)t, p >= 0.0f && p <= 1.0f ? p : 0.0f};
        before = cls;
    }
    return n;
}
