/* SPDX-License-Identifier: Apache-2.0 */
/* A team of threads for one session. Invariant: the caller of a run waits until every worker has left it, so that
 * the fields of a run are written only while no worker reads them. A worker that waits spins for some 20
 * microseconds, the length of the gaps inside a token, and then sleeps. */
#include "engine/qwen25vl/team.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#define DOMAIN "qwen25vl"
enum { THREADS_MAX = 256, SPINS = 2000 };

struct eng_team {
    int threads, started;
    pthread_t *handles;
    pthread_mutex_t lock;
    pthread_cond_t begin, end;
    atomic_uint run;    /* number of the current run; changed with the lock held */
    atomic_int inside;  /* workers that have not left it */
    atomic_size_t next; /* index to hand out */
    atomic_bool closing;
    size_t count;
    eng_team_work work;
    void *context;
};

struct worker {
    struct eng_team *team;
    int number;
};

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static void take_work(struct eng_team *team, int worker)
{
    for (;;) {
        size_t index = atomic_fetch_add(&team->next, 1);
        if (index >= team->count)
            return;
        team->work(team->context, index, worker);
    }
}

static unsigned wait_for_run(struct eng_team *team, unsigned seen)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load(&team->run) != seen)
            return atomic_load(&team->run);
        relax();
    }
    pthread_mutex_lock(&team->lock);
    while (atomic_load(&team->run) == seen)
        pthread_cond_wait(&team->begin, &team->lock);
    pthread_mutex_unlock(&team->lock);
    return atomic_load(&team->run);
}

static void *worker_main(void *argument)
{
    struct worker self = *(struct worker *)argument;
    unsigned seen = 0;
    free(argument);
    for (;;) {
        seen = wait_for_run(self.team, seen);
        if (atomic_load(&self.team->closing))
            return NULL;
        take_work(self.team, self.number);
        if (atomic_fetch_sub(&self.team->inside, 1) == 1) {
            pthread_mutex_lock(&self.team->lock);
            pthread_cond_signal(&self.team->end);
            pthread_mutex_unlock(&self.team->lock);
        }
    }
}

static void announce(struct eng_team *team)
{
    pthread_mutex_lock(&team->lock);
    atomic_fetch_add(&team->run, 1);
    pthread_cond_broadcast(&team->begin);
    pthread_mutex_unlock(&team->lock);
}

enum b_code eng_team_new(int threads, struct eng_team **out, struct b_err *err)
{
    *out = NULL;
    if (threads < 1 || threads > THREADS_MAX)
        return b_fail(err, B_ARGUMENT, DOMAIN, "%d threads; 1 to %d are possible", threads, (int)THREADS_MAX);
    struct eng_team *team = calloc(1, sizeof *team);
    pthread_t *handles = calloc((size_t)threads, sizeof *handles);
    if (!team || !handles) {
        free(team);
        free(handles);
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    }
    team->threads = threads;
    team->handles = handles;
    pthread_mutex_init(&team->lock, NULL);
    pthread_cond_init(&team->begin, NULL);
    pthread_cond_init(&team->end, NULL);
    for (int i = 1; i < threads; i++) {
        struct worker *self = malloc(sizeof *self);
        if (self)
            *self = (struct worker){.team = team, .number = i};
        if (!self || pthread_create(&handles[team->started], NULL, worker_main, self) != 0) {
            free(self);
            eng_team_drop(team);
            return b_fail(err, B_NO_MEMORY, DOMAIN, "cannot start thread %d of %d", i + 1, threads);
        }
        team->started++;
    }
    *out = team;
    return B_OK;
}

void eng_team_drop(struct eng_team *team)
{
    if (!team)
        return;
    atomic_store(&team->closing, true);
    announce(team);
    for (int i = 0; i < team->started; i++)
        pthread_join(team->handles[i], NULL);
    pthread_cond_destroy(&team->end);
    pthread_cond_destroy(&team->begin);
    pthread_mutex_destroy(&team->lock);
    free(team->handles);
    free(team);
}

int eng_team_threads(const struct eng_team *team)
{
    return team->threads;
}

void eng_team_run(struct eng_team *team, size_t count, eng_team_work work, void *context)
{
    if (team->started == 0 || count <= 1) {
        for (size_t i = 0; i < count; i++)
            work(context, i, 0);
        return;
    }
    team->count = count;
    team->work = work;
    team->context = context;
    atomic_store(&team->next, 0);
    atomic_store(&team->inside, team->started);
    announce(team);
    take_work(team, 0);
    for (int i = 0; i < SPINS && atomic_load(&team->inside) > 0; i++)
        relax();
    if (atomic_load(&team->inside) == 0)
        return;
    pthread_mutex_lock(&team->lock);
    while (atomic_load(&team->inside) > 0)
        pthread_cond_wait(&team->end, &team->lock);
    pthread_mutex_unlock(&team->lock);
}
