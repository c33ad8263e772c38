/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding: one step takes, for every session, the token decided last and a draft of what may follow, runs them through
 * the model as rows of one pass, and decides tokens from their logits in order until one differs from the draft.
 * Invariant: what is in the cache behind a rejected row is overwritten before anything sees it. */
#include <stdlib.h>
#include <string.h>

#include "engine/qwen25vl/session_private.h"

#define DOMAIN "qwen25vl"
enum { DRAFT_DEFAULT = 15, LOOP_DEFAULT = 256 };

enum b_code eng_session_begin(struct eng_session *s, const struct eng_generate *how, struct b_err *err)
{
    if (!s->ready)
        return b_fail(err, B_ARGUMENT, DOMAIN, "the session has no prompt to answer");
    if (how->max_tokens == 0 || how->max_tokens > s->max_tokens)
        return b_fail(err, B_ARGUMENT, DOMAIN, "%zu tokens of answer, the prompt left room for %zu", how->max_tokens,
                      s->max_tokens);
    enum b_code code = eng_sampler_begin(&s->sampler, &s->model->config, how, s->ids, s->n_prompt, err);
    if (code != B_OK)
        return code;
    s->how = *how;
    s->how.draft_max = how->draft_max ? how->draft_max : DRAFT_DEFAULT;
    if (s->how.draft_max > SESSION_DRAFT_MAX)
        s->how.draft_max = SESSION_DRAFT_MAX;
    memset(&s->guard, 0, sizeof s->guard);
    s->guard.limit = how->loop_tokens ? how->loop_tokens : LOOP_DEFAULT;
    s->n_answer = 0;
    s->finish = ENG_RUNNING;
    return B_OK;
}

static bool is_stop(const struct eng_session *s, int32_t id)
{
    const struct eng_qwen_generation *g = &s->model->config.generation;
    for (int i = 0; i < g->n_stops; i++)
        if (g->stops[i] == id)
            return true;
    return false;
}

/* Decides the next token from logits and tells the caller. */
static struct eng_token decide(struct eng_session *s, float *logits)
{
    struct eng_token token = eng_sampler_next(&s->sampler, s->model->kernels, logits);
    s->answer[s->n_answer++] = token;
    s->ids[s->n_ids++] = token.id;
    bool loop = eng_loop_guard_push(&s->guard, s->answer, s->n_answer);
    if (s->how.on_token && !s->how.on_token(s->how.on_token_context, &token))
        s->finish = ENG_FINISH_CALLER;
    else if (!s->how.ignore_stops && is_stop(s, token.id))
        s->finish = ENG_FINISH_STOP;
    else if (loop)
        s->finish = ENG_FINISH_LOOP;
    else if (s->n_answer == s->how.max_tokens)
        s->finish = ENG_FINISH_LENGTH;
    return token;
}

/* A session's rows in a step: the token decided last, then its draft. */
struct turn {
    struct eng_session *session;
    int32_t draft[SESSION_DRAFT_MAX + 1]; /* draft[0] follows the last token */
    size_t n_draft, row, length;          /* first row; cache length before the step */
    size_t decided;                       /* rows whose logits were used */
    bool open;                            /* the draft held so far */
};

static void make_turn(struct eng_session *s, size_t rows_max, struct turn *turn)
{
    size_t left = s->how.max_tokens - s->n_answer - 1, max = s->how.draft_max;
    *turn = (struct turn){.session = s, .length = s->cache.length, .open = true};
    max = max < left ? max : left;
    max = max < rows_max - 1 ? max : rows_max - 1;
    if (!s->how.propose || max == 0)
        return;
    size_t n = s->how.propose(s->how.propose_context, s->ids, s->n_ids, turn->draft, max);
    n = n < max ? n : max;
    for (; turn->n_draft < n; turn->n_draft++)
        if (turn->draft[turn->n_draft] < 0 || turn->draft[turn->n_draft] >= s->model->config.text.vocab)
            break;
    s->counts.drafted += turn->n_draft;
}

/* Embeds the rows of all turns into lead->x and runs them; positions [3][rows]. */
static enum b_code run_turns(struct eng_session *lead, struct turn *turns, size_t count, size_t rows, struct b_err *err)
{
    const struct eng_qwen *model = lead->model;
    int64_t hidden = model->config.text.hidden;
    int32_t *positions = malloc(3 * rows * sizeof *positions);
    struct eng_span *spans = malloc(count * sizeof *spans);
    if (!positions || !spans) {
        free(positions);
        free(spans);
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    }
    for (size_t t = 0; t < count; t++) {
        struct eng_session *s = turns[t].session;
        spans[t] = (struct eng_span){.cache = &s->cache, .count = 1 + turns[t].n_draft};
        for (size_t i = 0; i < spans[t].count; i++) {
            size_t row = turns[t].row + i;
            int32_t id = i == 0 ? s->ids[s->n_ids - 1] : turns[t].draft[i - 1];
            eng_weight_to_f32(model->embed, (int64_t)id * hidden, hidden, lead->x + row * (size_t)hidden);
            for (int axis = 0; axis < 3; axis++)
                positions[(size_t)axis * rows + row] = (int32_t)(turns[t].length + i) + s->delta;
        }
    }
    struct eng_pass pass = {
        .x = lead->x, .rows = rows, .positions = positions, .stride = rows, .spans = spans, .n_spans = count};
    eng_decoder_run(model, &lead->ops, lead->memory, &pass);
    free(positions);
    free(spans);
    return B_OK;
}

/* Row `row` of the step belongs to a turn; its logits decide a token if the draft held until here. */
static void settle_row(struct turn *turns, size_t count, size_t row, float *logits)
{
    size_t t = 0;
    while (t + 1 < count && row >= turns[t + 1].row)
        t++;
    struct turn *turn = &turns[t];
    if (!turn->open)
        return;
    size_t at = turn->decided++;
    struct eng_token token = decide(turn->session, logits);
    bool held = at < turn->n_draft && turn->draft[at] == token.id;
    turn->session->counts.accepted += held;
    turn->open = held && turn->session->finish == ENG_RUNNING;
}

static bool rows_wanted(const struct turn *turns, size_t count, size_t first, size_t n)
{
    for (size_t t = 0; t < count; t++)
        if (turns[t].open && turns[t].row < first + n && turns[t].row + turns[t].n_draft >= first)
            return true;
    return false;
}

static void settle_turns(struct eng_session *lead, struct turn *turns, size_t count, size_t rows)
{
    size_t hidden = (size_t)lead->model->config.text.hidden, vocab = (size_t)lead->model->config.text.vocab;
    for (size_t at = 0; at < rows; at += SESSION_LOGIT_ROWS) {
        size_t n = rows - at < SESSION_LOGIT_ROWS ? rows - at : SESSION_LOGIT_ROWS;
        if (!rows_wanted(turns, count, at, n))
            continue;
        eng_decoder_logits(lead->model, &lead->ops, lead->x + at * hidden, n, lead->logits);
        for (size_t i = 0; i < n; i++)
            settle_row(turns, count, at + i, lead->logits + i * vocab);
    }
    for (size_t t = 0; t < count; t++) {
        turns[t].session->cache.length = turns[t].length + turns[t].decided;
        turns[t].session->counts.steps++;
    }
}

/* Sessions that have logits from their prompt decide their first token; the others get a turn. */
static size_t deal_turns(struct eng_session *const *sessions, size_t count, struct turn *turns, size_t *rows)
{
    size_t n = 0;
    *rows = 0;
    for (size_t i = 0; i < count; i++) {
        struct eng_session *s = sessions[i];
        if (s->finish != ENG_RUNNING)
            continue;
        if (s->ready) {
            s->ready = false;
            (void)decide(s, s->logits);
            continue;
        }
        make_turn(s, SESSION_ROWS / count, &turns[n]);
        turns[n].row = *rows;
        *rows += 1 + turns[n++].n_draft;
    }
    return n;
}

enum b_code eng_sessions_step_in(struct eng_session *room, struct eng_session *const *sessions, size_t count,
                                 struct b_cancel *cancel, struct b_err *err)
{
    enum b_code code = b_cancel_check(cancel, err);
    if (code != B_OK)
        return code;
    if (count == 0 || count > SESSION_ROWS)
        return b_fail(err, B_ARGUMENT, DOMAIN, "%zu sessions in one step; 1 to %d are possible", count,
                      (int)SESSION_ROWS);
    for (size_t i = 0; i < count; i++)
        if (sessions[i]->model != room->model)
            return b_fail(err, B_ARGUMENT, DOMAIN, "the sessions of a step must share one model");
    struct turn *turns = malloc(count * sizeof *turns);
    if (!turns)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    int64_t begin = b_now_ns();
    size_t rows, n = deal_turns(sessions, count, turns, &rows);
    if (n > 0)
        code = run_turns(room, turns, n, rows, err);
    if (n > 0 && code == B_OK)
        settle_turns(room, turns, n, rows);
    for (size_t t = 0; t < n; t++)
        turns[t].session->counts.decode_seconds += (double)(b_now_ns() - begin) * 1e-9;
    free(turns);
    return code;
}

enum b_code eng_sessions_step(struct eng_session *const *sessions, size_t count, struct b_cancel *cancel,
                              struct b_err *err)
{
    return eng_sessions_step_in(count ? sessions[0] : NULL, sessions, count, cancel, err);
}

enum eng_finish eng_session_finish(const struct eng_session *session)
{
    return session->finish;
}

const struct eng_token *eng_session_answer(const struct eng_session *session, size_t *count)
{
    *count = session->n_answer;
    return session->answer;
}

enum b_code eng_session_generate(struct eng_session *session, const struct eng_generate *how, struct b_cancel *cancel,
                                 struct b_err *err)
{
    enum b_code code = eng_session_begin(session, how, err);
    while (code == B_OK && session->finish == ENG_RUNNING)
        code = eng_sessions_step(&session, 1, cancel, err);
    return code;
}
