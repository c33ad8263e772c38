/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_QWEN25VL_SAMPLE_H
#define ENGINE_QWEN25VL_SAMPLE_H

#include "engine/kernels/lm.h"
#include "engine/qwen25vl/qwen25vl.h"

/* Logits to a token, in the reference's order: repetition penalty, temperature, top k, top p, draw. The lowest id wins
 * ties. One thread at a time. */
struct eng_sampler {
    size_t vocab;
    bool greedy;
    double penalty, temperature, top_p;
    int top_k;
    uint64_t state;    /* of the generator: one draw a token */
    uint8_t *seen;     /* [vocab]: 1 for ids of the prompt and the answer */
    int32_t *seen_ids; /* the same as a list, so that a step touches no more */
    size_t n_seen;
    struct eng_candidate *candidates; /* [vocab], RANDOM only */
    float *saved;                     /* [vocab]: logits of seen ids before the penalty */
    struct eng_matcher *matcher;      /* NULL: any token may come */
    int32_t stop;                     /* ends an answer that cannot go on */
    struct eng_candidate *barred;     /* [vocab] with a matcher only: ids that may not come, and their logits */
    size_t n_barred;
    uint8_t *allowed; /* [vocab], with a matcher only */
};

/* An all-zero sampler becomes one for `vocab` ids, or is set anew. */
enum b_code eng_sampler_begin(struct eng_sampler *sampler, const struct eng_qwen_config *config,
                              const struct eng_generate *how, const int32_t *prompt, size_t count,
                              struct b_err *err) B_MUST_CHECK;
void eng_sampler_free(struct eng_sampler *sampler);
/* Decides the next token from its logits [vocab], which are changed, and notes it as seen. */
struct eng_token eng_sampler_next(struct eng_sampler *sampler, const struct eng_lm_kernels *kernels, float *logits);

/* Watches an answer for an end that repeats. run[p] counts how many tokens in a row equal the one p places before. */
enum { ENG_LOOP_PERIODS = 256, ENG_LOOP_TIMES = 4 };
struct eng_loop_guard {
    uint32_t run[ENG_LOOP_PERIODS + 1];
    size_t limit;
};
/* True when the last `limit` tokens or more, at least ENG_LOOP_TIMES periods, repeat one period. answer[count-1] is the
 * newest token; called once for each. */
bool eng_loop_guard_push(struct eng_loop_guard *guard, const struct eng_token *answer, size_t count);

#endif
