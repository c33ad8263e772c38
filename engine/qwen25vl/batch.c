/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of several threads decoded together: reading the weights is what a step costs, so one step for all that
 * decode costs hardly more than one for each. A thread that wants a step waits until every other one in the batch wants
 * one too; the last to come takes it for all of them. Invariant: while a step is being taken its sessions belong to the
 * thread that takes it, and their own threads wait. */
#include <pthread.h>
#include <stdlib.h>

#include "engine/qwen25vl/session_private.h"

#define DOMAIN "qwen25vl"
/* Members decoded at once; more would leave too few rows of a pass for each one's draft. */
enum { MEMBERS_MAX = 32 };

/* A thread in the batch; lies on its stack. */
struct member {
    struct eng_session *session;
    struct member *next;
    bool waiting; /* for a step */
    enum b_code code;
    struct b_err err;
};

struct eng_batch {
    const struct eng_qwen *model;
    int threads;
    struct eng_session *room; /* working memory and threads of steps for several; NULL until needed */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct member *members;
    size_t n_members, n_waiting, n_joining;
    bool stepping;
    struct eng_batch_counts counts;
};

enum b_code eng_batch_new(const struct eng_qwen *model, int threads, struct eng_batch **out, struct b_err *err)
{
    struct eng_batch *batch = *out = calloc(1, sizeof *batch);
    if (!batch)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    batch->model = model;
    batch->threads = threads > 0 ? threads : 1;
    pthread_mutex_init(&batch->lock, NULL);
    pthread_cond_init(&batch->changed, NULL);
    return B_OK;
}

void eng_batch_drop(struct eng_batch *batch)
{
    if (!batch)
        return;
    eng_session_drop(batch->room);
    pthread_cond_destroy(&batch->changed);
    pthread_mutex_destroy(&batch->lock);
    free(batch);
}

struct eng_batch_counts eng_batch_counts(struct eng_batch *batch)
{
    pthread_mutex_lock(&batch->lock);
    struct eng_batch_counts counts = batch->counts;
    pthread_mutex_unlock(&batch->lock);
    return counts;
}

static enum b_code take_step(struct eng_batch *batch, struct eng_session *const *sessions, size_t n, struct b_err *err)
{
    if (n == 1)
        return eng_sessions_step(sessions, 1, NULL, err); /* on its own threads */
    enum b_code code = B_OK;
    if (!batch->room) {
        struct eng_session_options options = {.threads = batch->threads};
        code = eng_session_new(batch->model, &options, &batch->room, err);
    }
    return code == B_OK ? eng_sessions_step_in(batch->room, sessions, n, NULL, err) : code;
}

/* Takes a step for everybody. The lock is held before and after. */
static void lead(struct eng_batch *batch)
{
    struct eng_session *sessions[MEMBERS_MAX];
    struct b_err err = {0};
    size_t n = 0;
    batch->stepping = true;
    for (struct member *m = batch->members; m; m = m->next)
        sessions[n++] = m->session;
    pthread_mutex_unlock(&batch->lock);
    enum b_code code = take_step(batch, sessions, n, &err);
    pthread_mutex_lock(&batch->lock);
    for (struct member *m = batch->members; m; m = m->next) {
        m->waiting = false;
        m->code = code;
        m->err = err;
    }
    batch->n_waiting = 0;
    batch->stepping = false;
    batch->counts.steps++;
    batch->counts.session_steps += n;
    pthread_cond_broadcast(&batch->changed);
}

/* Whether the calling thread may take the step now: all members want it, and nobody is at the door. */
static bool may_lead(const struct eng_batch *batch)
{
    return !batch->stepping && batch->n_waiting == batch->n_members &&
           (batch->n_joining == 0 || batch->n_members == MEMBERS_MAX);
}

/* Nobody joins while a step is taken: it is taken for exactly the members. */
static void join(struct eng_batch *batch, struct member *self)
{
    pthread_mutex_lock(&batch->lock);
    batch->n_joining++;
    while (batch->stepping || batch->n_members == MEMBERS_MAX)
        pthread_cond_wait(&batch->changed, &batch->lock);
    batch->n_joining--;
    self->next = batch->members;
    batch->members = self;
    batch->n_members++;
    pthread_mutex_unlock(&batch->lock);
}

static void leave(struct eng_batch *batch, struct member *self)
{
    pthread_mutex_lock(&batch->lock);
    struct member **at = &batch->members;
    while (*at != self)
        at = &(*at)->next;
    *at = self->next;
    batch->n_members--;
    pthread_cond_broadcast(&batch->changed); /* the others may have waited for this one only */
    pthread_mutex_unlock(&batch->lock);
}

static enum b_code one_step(struct eng_batch *batch, struct member *self, struct b_err *err)
{
    pthread_mutex_lock(&batch->lock);
    self->waiting = true;
    batch->n_waiting++;
    while (self->waiting) {
        if (may_lead(batch))
            lead(batch);
        else
            pthread_cond_wait(&batch->changed, &batch->lock);
    }
    enum b_code code = self->code;
    if (code != B_OK && err)
        *err = self->err;
    pthread_mutex_unlock(&batch->lock);
    return code;
}

enum b_code eng_batch_generate(struct eng_batch *batch, struct eng_session *session, const struct eng_generate *how,
                               struct b_cancel *cancel, struct b_err *err)
{
    struct member self = {.session = session};
    if (session->model != batch->model)
        return b_fail(err, B_ARGUMENT, DOMAIN, "the session of another model in a batch");
    enum b_code code = eng_session_begin(session, how, err);
    if (code != B_OK)
        return code;
    join(batch, &self);
    while (code == B_OK && session->finish == ENG_RUNNING) {
        code = b_cancel_check(cancel, err);
        if (code == B_OK)
            code = one_step(batch, &self, err);
    }
    leave(batch, &self);
    return code;
}
