/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a weights file: what is accepted must be readable from end to end. */
#include <stdint.h>
#include <stdlib.h>

#include "engine/qwen25vl/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint8_t seen;

static void read_all(const struct eng_weight *w)
{
    const uint8_t *bytes = w->data;
    for (size_t i = 0; i < w->bytes; i++)
        seen = (uint8_t)(seen ^ bytes[i]);
    for (int64_t i = 0; w->dtype <= ENG_BF16 && i < w->count; i++) {
        float value;
        eng_weight_to_f32(w, i, 1, &value);
        seen = (uint8_t)(seen ^ (value > 0));
    }
}

static void read_layer(const struct eng_checkpoint *cp)
{
    struct eng_awq awq;
    float *row;
    const struct eng_weight *w = eng_checkpoint_find(cp, "l.qweight");
    if (!w || w->n_dims != 2 || w->dims[0] > 4096 || w->dims[1] > 512)
        return;
    if (eng_awq_find(cp, "l", w->dims[0], w->dims[1] * 8, 16, &awq, NULL) != B_OK || awq.out == 0)
        return;
    row = malloc((size_t)awq.in * sizeof *row + 1);
    if (row)
        eng_awq_rows_to_f32(&awq, awq.out - 1, 1, row);
    free(row);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct eng_checkpoint *cp = NULL;
    struct b_err err;
    char identity[65];
    if (eng_checkpoint_parse(data, size, &cp, &err) != B_OK)
        return 0;
    for (size_t i = 0; i < eng_checkpoint_count(cp); i++)
        read_all(eng_checkpoint_at(cp, i));
    read_layer(cp);
    (void)!eng_checkpoint_identity(cp, identity, &err);
    eng_checkpoint_drop(cp);
    return 0;
}
