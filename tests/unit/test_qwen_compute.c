/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions of the large model: an answer depends on the prompt alone, never on threads, drafts, neighbours in a step or
 * what was read before; and every bad request is an error. On the overfit model, whose answers are known. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "tests/support/qwen_case.h"

enum { PAGES = 3, TOKENS = 120, VOCAB = 448, MODELS = 5 };

static struct eng_qwen *models[MODELS]; /* by precision; the last: bfloat16 with prompts through oneDNN */
static json_t *json;
static struct eng_visual visuals[PAGES];
static int32_t *prompts[PAGES], *answers[PAGES];
static size_t n_prompts[PAGES], n_answers[PAGES];

static int32_t *ids_of(const json_t *list, size_t *count)
{
    *count = json_array_size(list);
    int32_t *ids = calloc(*count, sizeof *ids);
    for (size_t i = 0; i < *count; i++)
        ids[i] = (int32_t)json_integer_value(json_array_get(list, i));
    return ids;
}

static int load(void **state)
{
    static const int numbers[PAGES] = {0, 1, 4};
    (void)state;
    json = json_load_file(t_golden("overfit/expected.json"), 0, NULL);
    for (int p = 0; p < MODELS; p++) {
        struct eng_qwen_options options = {.precision = (enum eng_qwen_precision)p};
        if (p == MODELS - 1)
            options = (struct eng_qwen_options){.precision = ENG_QWEN_BF16, .large = 2};
        models[p] = t_qwen_open(t_golden("overfit"), &options);
    }
    for (size_t i = 0; i < PAGES; i++) {
        const json_t *page = json_array_get(json_object_get(json, "pages"), (size_t)numbers[i]);
        char path[64];
        (void)snprintf(path, sizeof path, "overfit/%s", json_string_value(json_object_get(page, "png")));
        t_visual_load(t_golden(path), eng_qwen_config_of(models[0]), NULL, &visuals[i]);
        prompts[i] = ids_of(json_object_get(page, "prompt_ids"), &n_prompts[i]);
        answers[i] = ids_of(json_object_get(page, "answer_ids"), &n_answers[i]);
    }
    return 0;
}

static int unload(void **state)
{
    (void)state;
    for (size_t i = 0; i < PAGES; i++) {
        eng_visual_free(&visuals[i]);
        free(prompts[i]);
        free(answers[i]);
    }
    for (int p = 0; p < MODELS; p++)
        eng_qwen_drop(models[p]);
    json_decref(json);
    return 0;
}

static struct eng_prompt prompt_of(size_t page)
{
    return (struct eng_prompt){prompts[page], n_prompts[page], &visuals[page], 1};
}

/* An answer of a fresh session; how NULL: greedy. */
struct answer {
    struct eng_token tokens[TOKENS];
    size_t count;
    struct eng_session_counts counts;
};

static void answer_with(struct eng_session *session, size_t page, struct eng_generate how, struct answer *out)
{
    struct b_err err = {0};
    struct eng_prompt prompt = prompt_of(page);
    how.max_tokens = TOKENS;
    assert_int_equal(eng_session_prompt(session, &prompt, TOKENS, NULL, &err), B_OK);
    assert_int_equal(eng_session_generate(session, &how, NULL, &err), B_OK);
    const struct eng_token *tokens = eng_session_answer(session, &out->count);
    memset(out->tokens, 0, sizeof out->tokens);
    memcpy(out->tokens, tokens, out->count * sizeof *tokens);
    out->counts = eng_session_counts(session);
}

static void fresh(int precision, int threads, size_t page, struct eng_generate how, struct answer *out)
{
    struct eng_session *session = t_session(models[precision], threads);
    answer_with(session, page, how, out);
    eng_session_drop(session);
}

/* Ids and log-probabilities bit by bit. */
static void assert_same(const struct answer *a, const struct answer *b)
{
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->tokens, b->tokens, sizeof a->tokens);
}

static void test_threads(void **state)
{
    (void)state;
    for (int p = 0; p < MODELS; p++) {
        struct answer one, two;
        fresh(p, 1, 0, (struct eng_generate){0}, &one);
        fresh(p, 2, 0, (struct eng_generate){0}, &two);
        assert_same(&one, &two);
        fresh(p, 3, 0, (struct eng_generate){0}, &two);
        assert_same(&one, &two);
        if (p == ENG_QWEN_EXACT)
            for (size_t i = 0; i < one.count; i++)
                assert_int_equal(one.tokens[i].id, answers[0][i]);
    }
}

/* Proposes the answer with every seventh token wrong. */
static size_t nearly(void *context, const int32_t *ids, size_t count, int32_t *out, size_t max)
{
    size_t at = count - n_prompts[0], n = 0;
    (void)context;
    (void)ids;
    for (; n < max && at + n < n_answers[0]; n++)
        out[n] = (at + n) % 7 == 3 ? (answers[0][at + n] + 1) % VOCAB : answers[0][at + n];
    return n;
}

static size_t nonsense(void *context, const int32_t *ids, size_t count, int32_t *out, size_t max)
{
    (void)context;
    for (size_t i = 0; i < max; i++)
        out[i] = i % 5 == 4 ? -7 : (ids[count - 1] * 31 + (int32_t)i) % (VOCAB + 9);
    return max + 3; /* more than was asked for is cut */
}

static void test_drafts(void **state)
{
    (void)state;
    for (int p = 0; p < MODELS; p++) {
        struct answer plain, drafted;
        fresh(p, 1, 0, (struct eng_generate){0}, &plain);
        fresh(p, 2, 0, (struct eng_generate){.propose = nearly}, &drafted);
        assert_same(&plain, &drafted);
        if (p == ENG_QWEN_EXACT) {
            assert_true(drafted.counts.accepted > 60);
            assert_true(drafted.counts.steps * 4 < plain.counts.steps);
        }
        fresh(p, 1, 0, (struct eng_generate){.propose = nonsense, .draft_max = 40}, &drafted);
        assert_same(&plain, &drafted);
    }
}

static void test_drafts_when_sampling(void **state)
{
    (void)state;
    struct eng_generate how = {.sampling = ENG_SAMPLE_RANDOM, .temperature = 4, .top_p = 0.95, .seed = 7};
    struct answer plain, drafted, other;
    fresh(0, 1, 0, how, &plain);
    how.propose = nearly;
    fresh(0, 1, 0, how, &drafted);
    assert_same(&plain, &drafted);
    how.seed = 8;
    fresh(0, 1, 0, how, &other);
    assert_memory_not_equal(plain.tokens, other.tokens, sizeof plain.tokens);
    how = (struct eng_generate){.sampling = ENG_SAMPLE_RANDOM, .temperature = 4, .top_k = 1};
    fresh(0, 1, 0, how, &other); /* one candidate: greedy */
    fresh(0, 1, 0, (struct eng_generate){0}, &plain);
    assert_same(&plain, &other);
}

static void test_batches(void **state)
{
    (void)state;
    for (int p = 0; p < MODELS; p++) {
        struct eng_session *sessions[PAGES];
        struct b_err err = {0};
        for (size_t i = 0; i < PAGES; i++) {
            struct eng_prompt prompt = prompt_of(i);
            struct eng_generate how = {.max_tokens = TOKENS, .propose = i == 0 ? nearly : NULL};
            sessions[i] = t_session(models[p], 1 + (int)i % 2);
            assert_int_equal(eng_session_prompt(sessions[i], &prompt, TOKENS, NULL, &err), B_OK);
            assert_int_equal(eng_session_begin(sessions[i], &how, &err), B_OK);
        }
        for (int running = 1; running;) {
            assert_int_equal(eng_sessions_step(sessions, PAGES, NULL, &err), B_OK);
            running = 0;
            for (size_t i = 0; i < PAGES; i++)
                running |= eng_session_finish(sessions[i]) == ENG_RUNNING;
        }
        for (size_t i = 0; i < PAGES; i++) {
            struct answer alone, batched = {.count = 0};
            fresh(p, 1, i, (struct eng_generate){0}, &alone);
            const struct eng_token *tokens = eng_session_answer(sessions[i], &batched.count);
            memcpy(batched.tokens, tokens, batched.count * sizeof *tokens);
            assert_same(&alone, &batched);
            eng_session_drop(sessions[i]);
        }
    }
}

/* A thread of the batch test: a page after the other, most to the end, one cancelled in the middle. */
struct reader {
    struct eng_batch *batch;
    pthread_t thread;
    int p;
    size_t first;
    struct answer answers[3];
    enum b_code cancelled;
};

struct countdown {
    struct b_cancel cancel;
    size_t left;
};

static bool count_down(void *context, const struct eng_token *token)
{
    struct countdown *c = context;
    (void)token;
    if (--c->left == 0)
        b_cancel_request(&c->cancel);
    return true;
}

static void *read_pages(void *argument)
{
    struct reader *r = argument;
    struct eng_session *session = t_session(models[r->p], 1);
    struct b_err err = {0};
    for (size_t i = 0; i < 3; i++) {
        struct eng_prompt prompt = prompt_of((r->first + i) % PAGES);
        struct eng_generate how = {.max_tokens = TOKENS, .propose = i == 1 ? nearly : NULL};
        r->answers[i].count = 0;
        if (eng_session_prompt(session, &prompt, TOKENS, NULL, &err) != B_OK ||
            eng_batch_generate(r->batch, session, &how, NULL, &err) != B_OK)
            break;
        const struct eng_token *tokens = eng_session_answer(session, &r->answers[i].count);
        memcpy(r->answers[i].tokens, tokens, r->answers[i].count * sizeof *tokens);
    }
    struct countdown c = {.left = 10};
    struct eng_prompt prompt = prompt_of(r->first % PAGES);
    struct eng_generate how = {.max_tokens = TOKENS, .on_token = count_down, .on_token_context = &c};
    b_cancel_init(&c.cancel);
    r->cancelled = eng_session_prompt(session, &prompt, TOKENS, NULL, &err);
    if (r->cancelled == B_OK)
        r->cancelled = eng_batch_generate(r->batch, session, &how, &c.cancel, &err);
    eng_session_drop(session);
    return NULL;
}

/* Threads that come and go: everybody's answers are those of decoding alone, and steps are shared. */
static void test_batches_of_threads(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    for (int p = 0; p < 3; p += 2) { /* exact and 8 bits */
        struct answer alone[PAGES];
        for (size_t i = 0; i < PAGES; i++)
            fresh(p, 1, i, (struct eng_generate){0}, &alone[i]);
        struct reader readers[THREADS];
        struct eng_batch *batch = NULL;
        assert_int_equal(eng_batch_new(models[p], 2, &batch, NULL), B_OK);
        for (size_t t = 0; t < THREADS; t++) {
            readers[t] = (struct reader){.batch = batch, .p = p, .first = t};
            assert_int_equal(pthread_create(&readers[t].thread, NULL, read_pages, &readers[t]), 0);
        }
        for (size_t t = 0; t < THREADS; t++)
            pthread_join(readers[t].thread, NULL);
        for (size_t t = 0; t < THREADS; t++) {
            assert_int_equal(readers[t].cancelled, B_CANCELLED);
            for (size_t i = 0; i < 3; i++)
                assert_same(&alone[(t + i) % PAGES], &readers[t].answers[i]);
        }
        const struct eng_batch_counts counts = eng_batch_counts(batch);
        assert_true(counts.steps * 3 < counts.session_steps * 2);
        eng_batch_drop(batch);
    }
}

static void test_reuse(void **state)
{
    (void)state;
    struct answer expected, again;
    for (int p = 0; p < MODELS; p++) {
        struct eng_session *session = t_session(models[p], 1);
        fresh(p, 1, 0, (struct eng_generate){0}, &expected);
        answer_with(session, 0, (struct eng_generate){0}, &again);
        assert_int_equal(again.counts.reused_tokens, 0);
        assert_same(&expected, &again);
        answer_with(session, 0, (struct eng_generate){.propose = nonsense}, &again); /* all but the last token */
        assert_int_equal(again.counts.reused_tokens, n_prompts[0] - 1);
        assert_same(&expected, &again);
        answer_with(session, 1, (struct eng_generate){0}, &again); /* same ids, another picture */
        assert_true(again.counts.reused_tokens < 40);
        fresh(p, 1, 1, (struct eng_generate){0}, &expected);
        assert_same(&expected, &again);
        eng_session_drop(session);
    }
}

/* A prompt that goes on from an answer: what the steps of the answer left behind is as good as read again. */
static void test_reuse_of_an_answer(void **state)
{
    (void)state;
    enum { KEPT = 40 };
    struct answer first;
    struct b_err err = {0};
    int32_t *ids = malloc((n_prompts[0] + KEPT) * sizeof *ids);
    memcpy(ids, prompts[0], n_prompts[0] * sizeof *ids);
    memcpy(ids + n_prompts[0], answers[0], KEPT * sizeof *ids);
    const struct eng_prompt longer = {ids, n_prompts[0] + KEPT, &visuals[0], 1};
    for (int p = 0; p < MODELS; p++) {
        struct eng_session *session = t_session(models[p], 1), *other = t_session(models[p], 1);
        struct eng_token tokens[2][TOKENS] = {{{0}}};
        answer_with(session, 0, (struct eng_generate){0}, &first);
        for (int i = 0; i < 2; i++) {
            struct eng_session *s = i ? other : session;
            struct eng_generate how = {.max_tokens = 20};
            size_t count;
            assert_int_equal(eng_session_prompt(s, &longer, 20, NULL, &err), B_OK);
            assert_int_equal(eng_session_generate(s, &how, NULL, &err), B_OK);
            const struct eng_token *answer = eng_session_answer(s, &count);
            memcpy(tokens[i], answer, count * sizeof *answer);
        }
        assert_memory_equal(tokens[0], tokens[1], sizeof tokens[0]);
        eng_session_drop(session);
        eng_session_drop(other);
    }
    free(ids);
}

/* Another question about the same picture: the picture is not read again. */
static void test_reuse_with_other_text(void **state)
{
    (void)state;
    struct eng_session *session = t_session(models[0], 1), *other = t_session(models[0], 1);
    struct eng_prompt first = prompt_of(0), second = prompt_of(0);
    int32_t *ids = calloc(n_prompts[0] + 8, sizeof *ids);
    struct eng_generate how = {.max_tokens = 20, .ignore_stops = true};
    struct b_err err = {0};
    size_t a, b;
    memcpy(ids, prompts[0], n_prompts[0] * sizeof *ids);
    for (size_t i = n_prompts[0] - 9; i < n_prompts[0] + 8; i++)
        ids[i] = (int32_t)(i % 90);
    second.ids = ids;
    second.count = n_prompts[0] + 8;
    assert_int_equal(eng_session_prompt(session, &first, 20, NULL, &err), B_OK);
    assert_int_equal(eng_session_generate(session, &how, NULL, &err), B_OK);
    assert_int_equal(eng_session_prompt(session, &second, 20, NULL, &err), B_OK);
    assert_int_equal(eng_session_counts(session).reused_tokens, n_prompts[0] - 9);
    assert_int_equal(eng_session_generate(session, &how, NULL, &err), B_OK);
    assert_int_equal(eng_session_prompt(other, &second, 20, NULL, &err), B_OK);
    assert_int_equal(eng_session_generate(other, &how, NULL, &err), B_OK);
    const struct eng_token *x = eng_session_answer(session, &a), *y = eng_session_answer(other, &b);
    assert_int_equal(a, b);
    assert_memory_equal(x, y, a * sizeof *x);
    free(ids);
    eng_session_drop(session);
    eng_session_drop(other);
}

/* Two pictures; the next prompt changes the second, so that everything in front of it is kept. */
static void test_reuse_of_the_first_of_two(void **state)
{
    (void)state;
    struct eng_session *session = t_session(models[0], 1), *other = t_session(models[0], 1);
    struct eng_visual two[2] = {visuals[0], visuals[1]}, changed[2] = {visuals[0], visuals[0]};
    size_t pads = (size_t)eng_visual_tokens(&visuals[0], 2), count = 0, a, b;
    int32_t *ids = calloc(2 * pads + 16, sizeof *ids);
    const struct eng_qwen_token_ids *special = &eng_qwen_config_of(models[0])->ids;
    for (int v = 0; v < 2; v++) {
        ids[count++] = special->vision_start;
        for (size_t i = 0; i < pads; i++)
            ids[count++] = special->image_pad;
        ids[count++] = special->vision_end;
    }
    for (int i = 0; i < 5; i++)
        ids[count++] = 60 + i;
    struct eng_prompt prompt = {ids, count, two, 2}, next = {ids, count, changed, 2};
    struct eng_generate how = {.max_tokens = 12, .ignore_stops = true};
    struct b_err err = {0};
    assert_int_equal(eng_session_prompt(session, &prompt, 12, NULL, &err), B_OK);
    assert_int_equal(eng_session_prompt(session, &next, 12, NULL, &err), B_OK);
    assert_int_equal(eng_session_counts(session).reused_tokens, pads + 3);
    assert_int_equal(eng_session_generate(session, &how, NULL, &err), B_OK);
    assert_int_equal(eng_session_prompt(other, &next, 12, NULL, &err), B_OK);
    assert_int_equal(eng_session_generate(other, &how, NULL, &err), B_OK);
    const struct eng_token *x = eng_session_answer(session, &a), *y = eng_session_answer(other, &b);
    assert_int_equal(a, b);
    assert_memory_equal(x, y, a * sizeof *x);
    free(ids);
    eng_session_drop(session);
    eng_session_drop(other);
}

static bool stop_at_five(void *context, const struct eng_token *token)
{
    (void)token;
    return ++*(int *)context < 5;
}

static void test_ends(void **state)
{
    (void)state;
    struct eng_session *session = t_session(models[0], 1);
    struct eng_prompt prompt = prompt_of(0);
    struct b_err err = {0};
    size_t count;
    int seen = 0;
    struct eng_generate how = {
        .max_tokens = 50, .on_token = stop_at_five, .on_token_context = &seen, .propose = nearly};
    assert_int_equal(eng_session_begin(session, &how, &err), B_ARGUMENT); /* no prompt yet */
    assert_int_equal(eng_session_prompt(session, &prompt, 400, NULL, &err), B_OK);
    how.max_tokens = 401;
    assert_int_equal(eng_session_begin(session, &how, &err), B_ARGUMENT);
    how.max_tokens = 50;
    assert_int_equal(eng_session_generate(session, &how, NULL, &err), B_OK);
    assert_int_equal(eng_session_finish(session), ENG_FINISH_CALLER);
    (void)eng_session_answer(session, &count);
    assert_int_equal(count, 5);
    how = (struct eng_generate){.max_tokens = 9, .propose = nearly};
    assert_int_equal(eng_session_prompt(session, &prompt, 400, NULL, &err), B_OK);
    assert_int_equal(eng_session_generate(session, &how, NULL, &err), B_OK);
    assert_int_equal(eng_session_finish(session), ENG_FINISH_LENGTH);
    how.max_tokens = 400;
    assert_int_equal(eng_session_prompt(session, &prompt, 400, NULL, &err), B_OK);
    assert_int_equal(eng_session_generate(session, &how, NULL, &err), B_OK);
    assert_int_equal(eng_session_finish(session), ENG_FINISH_STOP);
    (void)eng_session_answer(session, &count);
    assert_int_equal(count, n_answers[0]);
    eng_session_drop(session);
}

static void refuse(struct eng_session *session, struct eng_prompt prompt, size_t tokens, enum b_code expected)
{
    struct b_err err = {0};
    assert_int_equal(eng_session_prompt(session, &prompt, tokens, NULL, &err), expected);
    assert_true(err.message[0] != '\0');
}

static void test_bad_requests(void **state)
{
    (void)state;
    struct eng_session *session = t_session(models[0], 1), *small;
    struct b_err err = {0};
    struct b_cancel cancel;
    int32_t outside[3] = {1, VOCAB, 2}, negative[2] = {-1, 2};
    struct eng_prompt prompt = prompt_of(0), changed = prompt;
    refuse(session, (struct eng_prompt){outside, 3, NULL, 0}, 10, B_ARGUMENT);
    refuse(session, (struct eng_prompt){negative, 2, NULL, 0}, 10, B_ARGUMENT);
    refuse(session, (struct eng_prompt){outside, 0, NULL, 0}, 10, B_ARGUMENT);
    refuse(session, prompt, 0, B_ARGUMENT);
    refuse(session, prompt, (size_t)1 << 40, B_LIMIT);
    changed.n_visuals = 0;
    refuse(session, changed, 10, B_ARGUMENT); /* pads without a picture */
    changed = (struct eng_prompt){prompts[0], 20, &visuals[0], 1};
    refuse(session, changed, 10, B_ARGUMENT); /* a picture without pads */
    struct eng_visual two[2] = {visuals[0], visuals[0]};
    changed = (struct eng_prompt){prompts[0], n_prompts[0], two, 2};
    refuse(session, changed, 10, B_ARGUMENT);
    two[0].grid_h = 3;
    changed.n_visuals = 1;
    refuse(session, changed, 10, B_ARGUMENT);
    struct eng_session_options options = {.cache_bytes = 100000, .max_patches = 10};
    assert_int_equal(eng_session_new(models[0], &options, &small, &err), B_OK);
    refuse(small, prompt, 10, B_LIMIT); /* patches */
    options.max_patches = 0;
    eng_session_drop(small);
    assert_int_equal(eng_session_new(models[0], &options, &small, &err), B_OK);
    refuse(small, prompt, 10, B_LIMIT); /* cache */
    eng_session_drop(small);
    options.threads = 100000;
    assert_int_equal(eng_session_new(models[0], &options, &small, &err), B_ARGUMENT);
    b_cancel_init(&cancel);
    b_cancel_request(&cancel);
    assert_int_equal(eng_session_prompt(session, &prompt, 10, &cancel, &err), B_CANCELLED);
    struct answer a, b; /* the session still works */
    answer_with(session, 0, (struct eng_generate){0}, &a);
    fresh(0, 1, 0, (struct eng_generate){0}, &b);
    assert_same(&a, &b);
    struct eng_generate how = {.max_tokens = 5};
    assert_int_equal(eng_session_prompt(session, &prompt, 10, NULL, &err), B_OK);
    assert_int_equal(eng_session_generate(session, &how, &cancel, &err), B_CANCELLED);
    eng_session_drop(session);
}

static void test_loop_guard(void **state)
{
    (void)state;
    struct eng_loop_guard guard = {.limit = 60};
    struct eng_token tokens[400];
    size_t found = 0;
    for (size_t i = 0; i < 400 && !found; i++) {
        tokens[i].id = i < 100 ? (int32_t)(i * i % 97) : (int32_t)(i % 25); /* 25 tokens over and over from 100 on */
        if (eng_loop_guard_push(&guard, tokens, i + 1))
            found = i;
    }
    assert_true(found >= 100 + 4 * 25 - 2 && found <= 100 + 4 * 25); /* four periods, which are more than 60 tokens */
    memset(&guard, 0, sizeof guard);
    guard.limit = SIZE_MAX;
    for (size_t i = 0; i < 400; i++) {
        tokens[i].id = 5;
        assert_false(eng_loop_guard_push(&guard, tokens, i + 1));
    }
}

static void test_lookup(void **state)
{
    (void)state;
    struct eng_lookup *lookup;
    struct b_err err = {0};
    int32_t reference[] = {10, 11, 12, 13, 14, 15, 16, 11, 12, 20, 21}, more[] = {50, 51, 52, 53}, out[8];
    int32_t text[] = {1, 2, 3, 11, 12, 20}, middle[] = {9, 50, 51}, own[] = {1, 2, 3, 4, 5, 6, 7, 1, 2, 3};
    assert_int_equal(eng_lookup_new(&lookup, &err), B_OK);
    assert_int_equal(eng_lookup_propose(lookup, text, 6, out, 8), 0);
    assert_int_equal(eng_lookup_add(lookup, reference, 11, &err), B_OK);
    assert_int_equal(eng_lookup_add(lookup, more, 4, &err), B_OK);
    assert_int_equal(eng_lookup_propose(lookup, text, 6, out, 8), 1); /* 11 12 20 -> 21, and never across the end */
    assert_int_equal(out[0], 21);
    assert_int_equal(eng_lookup_propose(lookup, middle, 3, out, 8), 2);
    assert_int_equal(out[1], 53);
    assert_int_equal(eng_lookup_propose(lookup, own, 10, out, 3), 3); /* the text itself: 1 2 3 -> 4 5 6 */
    assert_int_equal(out[0], 4);
    assert_int_equal(out[2], 6);
    assert_int_equal(eng_lookup_propose(lookup, own, 1, out, 3), 0);
    assert_int_equal(eng_lookup_propose(lookup, own, 9, out, 3), 0); /* two tokens of the text itself are too few */
    eng_lookup_drop(lookup);
}

int main(void)
{
    (void)t_golden("");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_drafts),
        cmocka_unit_test(test_drafts_when_sampling),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_batches_of_threads),
        cmocka_unit_test(test_reuse),
        cmocka_unit_test(test_reuse_of_an_answer),
        cmocka_unit_test(test_reuse_with_other_text),
        cmocka_unit_test(test_reuse_of_the_first_of_two),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_bad_requests),
        cmocka_unit_test(test_loop_guard),
        cmocka_unit_test(test_lookup),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
