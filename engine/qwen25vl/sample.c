/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing tokens. Everything is decided by the logits, the ids seen so far and one draw of the generator a token, so
 * that verifying a draft gives what decoding one by one gives. */
#include "engine/qwen25vl/sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DOMAIN "sample"
#define GREEDY_TEMPERATURE 1e-5 /* at and below it the reference's softmax picks the largest in any case */

/* So many favourites are tried one by one before all tokens are asked for. */
#define TRIES 16

struct eng_candidate {
    float score;
    int32_t id;
};

static void note_seen(struct eng_sampler *s, int32_t id)
{
    if (id >= 0 && (size_t)id < s->vocab && !s->seen[id]) {
        s->seen[id] = 1;
        s->seen_ids[s->n_seen++] = id;
    }
}

static enum b_code reserve(struct eng_sampler *s, size_t vocab, struct b_err *err)
{
    if (s->vocab != vocab) {
        eng_sampler_free(s);
        s->seen = calloc(vocab, 1);
        s->seen_ids = calloc(vocab, sizeof *s->seen_ids);
        s->saved = calloc(vocab, sizeof *s->saved);
    }
    if (!s->greedy && !s->candidates)
        s->candidates = calloc(vocab, sizeof *s->candidates);
    if (s->matcher && !s->barred)
        s->barred = calloc(vocab, sizeof *s->barred);
    if (s->matcher && !s->allowed)
        s->allowed = calloc(vocab, sizeof *s->allowed);
    s->vocab = vocab;
    if (s->seen && s->seen_ids && s->saved && (s->greedy || s->candidates) &&
        (!s->matcher || (s->barred && s->allowed)))
        return B_OK;
    eng_sampler_free(s);
    return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
}

static void take_settings(struct eng_sampler *s, const struct eng_qwen_generation *file, const struct eng_generate *how)
{
    bool model = how->sampling == ENG_SAMPLE_MODEL;
    s->penalty = how->repetition_penalty > 0 ? how->repetition_penalty : file->repetition_penalty;
    s->temperature = model ? file->temperature : how->temperature;
    s->top_p = model ? file->top_p : how->top_p > 0 ? how->top_p : 1.0;
    s->top_k = model ? file->top_k : how->top_k;
    s->greedy = how->sampling == ENG_SAMPLE_GREEDY || (model && !file->do_sample) ||
                !(s->temperature > GREEDY_TEMPERATURE) || s->top_k == 1;
    s->state = how->seed;
}

enum b_code eng_sampler_begin(struct eng_sampler *s, const struct eng_qwen_config *config,
                              const struct eng_generate *how, const int32_t *prompt, size_t count, struct b_err *err)
{
    struct eng_sampler settings = {0};
    take_settings(&settings, &config->generation, how);
    s->greedy = settings.greedy;
    s->matcher = how->constraint;
    enum b_code code = reserve(s, (size_t)config->text.vocab, err);
    if (code != B_OK)
        return code;
    take_settings(s, &config->generation, how);
    s->stop = config->generation.stops[0];
    if (s->matcher)
        eng_matcher_reset(s->matcher);
    memset(s->seen, 0, s->vocab);
    s->n_seen = 0;
    for (size_t i = 0; i < count; i++)
        note_seen(s, prompt[i]);
    return B_OK;
}

void eng_sampler_free(struct eng_sampler *s)
{
    free(s->seen);
    free(s->seen_ids);
    free(s->saved);
    free(s->candidates);
    free(s->barred);
    free(s->allowed);
    *s = (struct eng_sampler){.greedy = s->greedy, .matcher = s->matcher};
}

/* Uniform in [0, 1): the generator of SplitMix64, 53 bits. */
static double draw(uint64_t *state)
{
    uint64_t x = *state += 0x9E3779B97F4A7C15U;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
    return (double)((x ^ (x >> 31)) >> 11) * 0x1p-53;
}

static int by_score(const void *a, const void *b)
{
    const struct eng_candidate *p = a, *q = b;
    if (p->score != q->score)
        return p->score > q->score ? -1 : 1;
    return p->id < q->id ? -1 : p->id > q->id;
}

/* Candidates that may win, best first. Without top k the ones below e^-20 of the best are left out: their sum is
 * below 1e-3 of a percent for any vocabulary. */
static size_t collect(struct eng_sampler *s, const float *logits, float top)
{
    size_t n = 0;
    float floor = top - (float)(20.0 * s->temperature);
    for (size_t i = 0; i < s->vocab; i++)
        if (logits[i] >= floor)
            s->candidates[n++] = (struct eng_candidate){.score = logits[i], .id = (int32_t)i};
    qsort(s->candidates, n, sizeof *s->candidates, by_score);
    return s->top_k > 0 && (size_t)s->top_k < n ? (size_t)s->top_k : n;
}

static int32_t pick_random(struct eng_sampler *s, const float *logits, int32_t best)
{
    double number = draw(&s->state), total = 0, kept = 0, sum = 0;
    float top = logits[best];
    if (!(top > -INFINITY && top < INFINITY))
        return best;
    size_t n = collect(s, logits, top), end = 0;
    for (size_t i = 0; i < n; i++)
        total += exp((double)(s->candidates[i].score - top) / s->temperature);
    while (end < n && (end == 0 || kept < s->top_p * total))
        kept += exp((double)(s->candidates[end++].score - top) / s->temperature);
    for (size_t i = 0; i < end; i++) {
        sum += exp((double)(s->candidates[i].score - top) / s->temperature);
        if (sum > number * kept)
            return s->candidates[i].id;
    }
    return s->candidates[end - 1].id;
}

static void penalise(struct eng_sampler *s, float *logits)
{
    for (size_t i = 0; s->penalty != 1.0 && i < s->n_seen; i++) {
        float *x = &logits[s->seen_ids[i]];
        s->saved[i] = *x;
        *x = *x > 0 ? *x / (float)s->penalty : *x * (float)s->penalty;
    }
}

/* Log of the share of `id` in the softmax of the logits as the model gave them. */
static float log_share(struct eng_sampler *s, float *logits, int32_t id)
{
    for (size_t i = 0; s->penalty != 1.0 && i < s->n_seen; i++)
        logits[s->seen_ids[i]] = s->saved[i];
    float top = logits[id];
    for (size_t i = 0; i < s->vocab; i++)
        top = logits[i] > top ? logits[i] : top;
    double sum = 0;
    for (size_t i = 0; i < s->vocab; i++)
        if (logits[i] > top - 30.0f) /* the others are below 1e-13 each */
            sum += exp((double)(logits[i] - top));
    float share = (float)((double)(logits[id] - top) - log(sum));
    return share <= 0 ? share : share > 0 ? 0.0f : -INFINITY; /* logits that are no numbers: no confidence */
}

static void bar(struct eng_sampler *s, float *logits, int32_t id)
{
    s->barred[s->n_barred++] = (struct eng_candidate){.score = logits[id], .id = id};
    logits[id] = -INFINITY;
}

/* Bars what may not come, as far as the choice needs it: a greedy one mostly takes its first favourite. False when
 * nothing may come. */
static bool constrain(struct eng_sampler *s, const struct eng_lm_kernels *kernels, float *logits)
{
    s->n_barred = 0;
    for (int i = 0; s->greedy && i < TRIES; i++) {
        const int32_t id = (int32_t)kernels->argmax(logits, s->vocab);
        if (eng_matcher_allows(s->matcher, id))
            return true;
        if (!(logits[id] > -INFINITY))
            break;
        bar(s, logits, id);
    }
    const size_t n = eng_matcher_mask(s->matcher, s->allowed, s->vocab);
    for (size_t id = 0; id < s->vocab; id++)
        if (!s->allowed[id] && logits[id] > -INFINITY)
            bar(s, logits, (int32_t)id);
    return n > 0;
}

/* The choice among what may come; the logits are as before. */
static int32_t pick_constrained(struct eng_sampler *s, const struct eng_lm_kernels *kernels, float *logits)
{
    int32_t id = s->stop;
    if (constrain(s, kernels, logits)) {
        id = (int32_t)kernels->argmax(logits, s->vocab);
        if (!s->greedy)
            id = pick_random(s, logits, id);
    }
    for (size_t i = s->n_barred; i-- > 0;)
        logits[s->barred[i].id] = s->barred[i].score;
    (void)eng_matcher_accept(s->matcher, id);
    return id;
}

struct eng_token eng_sampler_next(struct eng_sampler *s, const struct eng_lm_kernels *kernels, float *logits)
{
    struct eng_token token;
    penalise(s, logits);
    if (s->matcher) {
        token.id = pick_constrained(s, kernels, logits);
    } else {
        token.id = (int32_t)kernels->argmax(logits, s->vocab);
        if (!s->greedy)
            token.id = pick_random(s, logits, token.id);
    }
    token.log_probability = log_share(s, logits, token.id);
    note_seen(s, token.id);
    return token;
}

bool eng_loop_guard_push(struct eng_loop_guard *guard, const struct eng_token *answer, size_t count)
{
    bool found = false;
    for (size_t p = 1; p <= ENG_LOOP_PERIODS && p < count; p++) {
        guard->run[p] = answer[count - 1].id == answer[count - 1 - p].id ? guard->run[p] + 1 : 0;
        size_t repeated = (size_t)guard->run[p] + p; /* with the first period itself */
        if (repeated >= guard->limit && repeated >= ENG_LOOP_TIMES * p)
            found = true;
    }
    return found;
}
