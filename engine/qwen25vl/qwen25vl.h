/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_QWEN25VL_QWEN25VL_H
#define ENGINE_QWEN25VL_QWEN25VL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/cancel.h"
#include "engine/base/err.h"
#include "engine/qwen25vl/chat.h"
#include "engine/qwen25vl/config.h"
#include "engine/qwen25vl/grammar.h"
#include "engine/qwen25vl/image_processor.h"
#include "engine/qwen25vl/tokenizer.h"

/* The Qwen2.5-VL engine: a checkpoint directory becomes a model, a model serves sessions, a session reads a
 * prompt with pictures or videos and answers token by token.
 *
 * The tokens of an answer depend on the model, its precision, the instruction set and the prompt; never on the
 * number of threads, on drafts, on sessions decoded in the same step or on what a session has read before. */

/* --- model: immutable, shared by any number of sessions on any threads --- */

enum eng_qwen_precision {
    ENG_QWEN_EXACT = 0, /* weights as published, everything else in fp32: the reference's tokens */
    ENG_QWEN_BF16,      /* activations rounded to bfloat16 before products, where the processor multiplies bfloat16 */
    ENG_QWEN_INT8,      /* decoder and tower in 8 bits (a scale an output), activations in 8 bits (a scale a row) */
    ENG_QWEN_INT4       /* decoder in 4-bit groups of 128, head and tower in 8 bits */
};

/* Numbers of the cache of keys and values, which a long answer reads as often as the weights: halves take half the
 * memory and time, and are off by 2^-12 of a value at most. */
enum eng_qwen_cache {
    ENG_QWEN_CACHE_AUTO = 0, /* fp32 in the exact precision, halves in the others */
    ENG_QWEN_CACHE_F32,
    ENG_QWEN_CACHE_F16
};

struct eng_qwen_options {
    enum eng_qwen_precision precision;
    int threads;        /* for packing weights; 0: 1 */
    const char *packed; /* folder of packed weights; NULL: the checkpoint's */
    enum eng_qwen_cache cache;
    int isa;   /* 0: the best the processor has; otherwise one more than an enum eng_lm_isa */
    int large; /* products of many rows through oneDNN: 0 where it is faster (all with AMX; without, bfloat16
                  of pictures and the deepest of bytes), 1 never, 2 wherever it can */
};

struct eng_qwen;

/* dir: config.json, *.safetensors and the rest as published. tokenizer files may be missing (the tokenizer is
 * then NULL). options NULL: all zero. Weights stay mapped; packed copies are made here, or mapped from the file that
 * eng_qwen_pack made. */
enum b_code eng_qwen_open(const char *dir, const struct eng_qwen_options *options, struct eng_qwen **out,
                          struct b_err *err) B_MUST_CHECK;
void eng_qwen_drop(struct eng_qwen *model);

const struct eng_qwen_config *eng_qwen_config_of(const struct eng_qwen *model);
const struct eng_tokenizer *eng_qwen_tokenizer_of(const struct eng_qwen *model);
const char *eng_qwen_identity(const struct eng_qwen *model); /* 64 hexadecimal digits, see checkpoint.h */
const char *eng_qwen_isa(const struct eng_qwen *model);      /* name of the kernels in use */
/* Writes the packed layers of a model opened in INT8 or INT4 into the folder, as a file named after checkpoint,
 * precision and instruction set; its path is put into path[cap]. Opening the same model then maps it. */
enum b_code eng_qwen_pack(const struct eng_qwen *model, const char *folder, char *path, size_t cap,
                          struct b_err *err) B_MUST_CHECK;
bool eng_qwen_is_packed(const struct eng_qwen *model); /* the packed layers come from such a file */
/* Bytes of weights that one decoding step reads, and of the cache that one position takes. */
uint64_t eng_qwen_step_bytes(const struct eng_qwen *model);
uint64_t eng_qwen_position_bytes(const struct eng_qwen *model);

/* --- session: one thread at a time --- */

struct eng_session;

struct eng_session_options {
    int threads;          /* 0: 1 */
    uint64_t cache_bytes; /* budget of the cache; 0: 2 GiB */
    size_t max_visuals;   /* 0: 64 */
    uint64_t max_patches; /* of one frame; 0: 65536 */
};

enum b_code eng_session_new(const struct eng_qwen *model, const struct eng_session_options *options,
                            struct eng_session **out, struct b_err *err) B_MUST_CHECK;
void eng_session_drop(struct eng_session *session);

/* Ids with a pad for every token of a visual (see chat.h), visuals in the order of their pads. */
struct eng_prompt {
    const int32_t *ids;
    size_t count; /* >= 1 */
    const struct eng_visual *visuals;
    size_t n_visuals;
};

enum eng_sampling {
    ENG_SAMPLE_MODEL = 0, /* what generation_config.json says; published files mean greedy */
    ENG_SAMPLE_GREEDY,
    ENG_SAMPLE_RANDOM /* temperature, top_k, top_p, seed */
};

/* Proposes up to `max` tokens that may follow ids[0 .. count-1], prompt and answer so far. Returns how many. */
typedef size_t (*eng_propose)(void *context, const int32_t *ids, size_t count, int32_t *out, size_t max);

struct eng_token {
    int32_t id;
    float log_probability; /* of the model's own distribution, before penalty and temperature */
};
/* Called for each token of the answer as it is decided, stop tokens included; false ends the answer after it. */
typedef bool (*eng_on_token)(void *context, const struct eng_token *token);

struct eng_generate {
    size_t max_tokens; /* of the answer; >= 1 */
    enum eng_sampling sampling;
    double repetition_penalty; /* 0: the checkpoint's; 1: none */
    double temperature, top_p; /* RANDOM only */
    int top_k;
    uint64_t seed;
    bool ignore_stops;  /* go on after stop tokens (tests) */
    size_t loop_tokens; /* an answer whose end repeats for this many tokens, four times at least, ends; 0: 256;
                           SIZE_MAX: never */
    struct eng_matcher *constraint; /* NULL: none. The answer follows its grammar as far as it goes and may stop only
                                       where it is whole; made with the checkpoint's stops, set back by begin */
    eng_propose propose;            /* NULL: no drafts */
    void *propose_context;
    size_t draft_max;      /* most tokens of one draft; 0: 15 */
    eng_on_token on_token; /* may be NULL */
    void *on_token_context;
};

enum eng_finish { ENG_RUNNING = 0, ENG_FINISH_STOP, ENG_FINISH_LENGTH, ENG_FINISH_LOOP, ENG_FINISH_CALLER };

/* Reads a prompt. What it shares with the ids and pictures of the one before is not computed again. B_ARGUMENT: ids out
 * of range, pads that do not match; B_LIMIT: the cache's budget, too many patches. After an error the session may be
 * used for another prompt. */
enum b_code eng_session_prompt(struct eng_session *session, const struct eng_prompt *prompt, size_t max_tokens,
                               struct b_cancel *cancel, struct b_err *err) B_MUST_CHECK;
/* Sets how the answer to the prompt is made; max_tokens at most what eng_session_prompt was given. */
enum b_code eng_session_begin(struct eng_session *session, const struct eng_generate *how,
                              struct b_err *err) B_MUST_CHECK;
/* One decoding step for all sessions that are still running; they share one model. Each gains one token or
 * more. The first session's threads do the work. */
enum b_code eng_sessions_step(struct eng_session *const *sessions, size_t count, struct b_cancel *cancel,
                              struct b_err *err) B_MUST_CHECK;
enum eng_finish eng_session_finish(const struct eng_session *session);
/* The answer so far, stop token included. Valid until the next call that changes the session. */
const struct eng_token *eng_session_answer(const struct eng_session *session, size_t *count);

/* begin, and steps until the end. */
enum b_code eng_session_generate(struct eng_session *session, const struct eng_generate *how, struct b_cancel *cancel,
                                 struct b_err *err) B_MUST_CHECK;

/* Answers of several threads, decoded in common steps: with n pages at a time the weights are read once for all of
 * them. Shared by any number of threads; the model must outlive it. threads: of a step for several sessions. */
struct eng_batch;
enum b_code eng_batch_new(const struct eng_qwen *model, int threads, struct eng_batch **out,
                          struct b_err *err) B_MUST_CHECK;
void eng_batch_drop(struct eng_batch *batch); /* when no thread is in it */
/* eng_session_generate, with steps taken together with the other threads that are in this call. Callbacks in `how` may
 * run on one of those threads, while this one waits: they must not block, as all would wait for them. */
enum b_code eng_batch_generate(struct eng_batch *batch, struct eng_session *session, const struct eng_generate *how,
                               struct b_cancel *cancel, struct b_err *err) B_MUST_CHECK;
struct eng_batch_counts {
    size_t steps, session_steps; /* taken; and what they would have been one by one */
};
struct eng_batch_counts eng_batch_counts(struct eng_batch *batch);

struct eng_session_counts {
    size_t prompt_tokens, reused_tokens, steps, drafted, accepted;
    double vision_seconds, prefill_seconds, decode_seconds;
};
struct eng_session_counts eng_session_counts(const struct eng_session *session);

/* --- drafts --- */

/* Looks the end of the text up in references (text that the answer is likely to repeat: a text layer, another
 * reader's page, an earlier answer) and in the text itself, and proposes what followed there. */
struct eng_lookup;
enum b_code eng_lookup_new(struct eng_lookup **out, struct b_err *err) B_MUST_CHECK;
void eng_lookup_drop(struct eng_lookup *lookup);
/* Adds a reference; the ids are copied. */
enum b_code eng_lookup_add(struct eng_lookup *lookup, const int32_t *ids, size_t count, struct b_err *err) B_MUST_CHECK;
size_t eng_lookup_propose(void *lookup, const int32_t *ids, size_t count, int32_t *out,
                          size_t max); /* an eng_propose */

#endif
