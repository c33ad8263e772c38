/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_QWEN25VL_SESSION_PRIVATE_H
#define ENGINE_QWEN25VL_SESSION_PRIVATE_H

#include "engine/qwen25vl/decoder.h"
#include "engine/qwen25vl/sample.h"

/* Most rows of one pass: a piece of a prompt, or tokens and drafts of the sessions of one step. Large enough that
 * reading the weights hides behind the products, small enough that activations stay near. */
enum { SESSION_ROWS = 384, SESSION_DRAFT_MAX = 63, SESSION_LOGIT_ROWS = 16 };

/* A picture or video of the last prompt and what the tower made of it. */
struct seen_visual {
    struct eng_visual visual; /* with a copy of the pixels */
    float *embedding;         /* [tokens][hidden] */
    size_t tokens;
};

struct eng_session {
    const struct eng_qwen *model;
    struct eng_session_options options;
    struct eng_ops ops;
    struct eng_decoder_memory *memory;
    struct eng_cache cache;
    const struct eng_trace *trace; /* tests */

    int32_t *ids; /* prompt and answer; the first cache.length of them are in the cache */
    size_t n_ids, cap_ids, n_prompt;
    int32_t delta; /* of positions behind the prompt */
    struct seen_visual *visuals;
    size_t n_visuals;

    float *x;      /* [SESSION_ROWS][hidden] */
    float *logits; /* [SESSION_LOGIT_ROWS][vocab] */
    bool ready;    /* logits row 0 decides the first token of the answer */

    size_t max_tokens; /* room behind the prompt */
    struct eng_generate how;
    struct eng_sampler sampler;
    struct eng_loop_guard guard;
    struct eng_token *answer; /* [max_tokens] */
    size_t n_answer;
    enum eng_finish finish;
    struct eng_session_counts counts;
};

/* eng_sessions_step with the working memory and the threads of `room`, which need not be one of the sessions. */
enum b_code eng_sessions_step_in(struct eng_session *room, struct eng_session *const *sessions, size_t count,
                                 struct b_cancel *cancel, struct b_err *err) B_MUST_CHECK;

/* Lets a test look into the passes of a session; NULL ends it. */
void eng_session_set_trace(struct eng_session *session, const struct eng_trace *trace);

#endif
