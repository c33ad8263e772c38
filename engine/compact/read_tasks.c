/* SPDX-License-Identifier: Apache-2.0 */
/* Deals readings to worker threads, longest first, so that no long line is left for the end. Invariant: a
 * task's result depends on its strip and on the page only; every worker has a runner and an arena of its
 * own. */
#include "engine/compact/read_tasks.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "engine/base/parallel.h"
#include "engine/compact/recogniser_private.h"

#define SCRATCH_BYTES ((size_t)64 << 20) /* texts and glyphs of one page; 10,000 lines of 100 glyphs are 20 MB */

enum b_code eng_crew_new(const struct eng_graph *graph, int workers, struct eng_reading_crew *out, struct b_err *err)
{
    *out = (struct eng_reading_crew){.workers = workers};
    enum b_code code = eng_recogniser_new(graph, workers, &out->recogniser, err);
    if (code == B_OK && !(out->scratch = calloc((size_t)workers, sizeof(struct b_arena *))))
        code = b_fail(err, B_NO_MEMORY, "page", "out of memory");
    for (int i = 0; i < workers && code == B_OK; i++)
        if (!(out->scratch[i] = b_arena_new(SCRATCH_BYTES)))
            code = b_fail(err, B_NO_MEMORY, "page", "out of memory");
    if (code != B_OK)
        eng_crew_free(out);
    return code;
}

void eng_crew_free(struct eng_reading_crew *crew)
{
    eng_recogniser_drop(crew->recogniser);
    for (int i = 0; crew->scratch && i < crew->workers; i++)
        b_arena_drop(crew->scratch[i]);
    free(crew->scratch);
    *crew = (struct eng_reading_crew){.workers = 0};
}

void eng_crew_forget(struct eng_reading_crew *crew)
{
    for (int i = 0; i < crew->workers; i++)
        b_arena_reset(crew->scratch[i]);
}

struct turn {
    size_t task;
    float cost;
};

struct dealing {
    struct eng_reading_crew *crew;
    struct b_image_view page;
    struct eng_read_task *tasks;
    const struct turn *turns;
    struct b_cancel *cancel;
    struct b_err *errors; /* [workers]: a worker's first failure */
    atomic_bool failed;
};

/* Longest first; equal ones in their own order, so that the dealing is the same every time. */
static int by_cost(const void *a, const void *b)
{
    const struct turn *x = a, *y = b;
    if (x->cost != y->cost)
        return x->cost < y->cost ? 1 : -1;
    return (x->task > y->task) - (x->task < y->task);
}

static void read_one(void *ctx, size_t index, int worker)
{
    struct dealing *d = ctx;
    if (atomic_load_explicit(&d->failed, memory_order_relaxed))
        return;
    struct eng_read_task *t = &d->tasks[d->turns[index].task];
    struct b_err err = {.code = B_OK};
    enum b_code code = eng_recogniser_read_as(d->crew->recogniser, worker, d->page, &t->strip, t->look,
                                              d->crew->scratch[worker], &t->reading, d->cancel, &err);
    if (code == B_OK)
        return;
    t->reading = (struct eng_reading){.text = ""};
    if (code == B_ARGUMENT)
        return; /* a strip without extent: there is nothing to read, and the box stays */
    d->errors[worker] = err;
    atomic_store_explicit(&d->failed, true, memory_order_relaxed);
}

enum b_code eng_crew_read(struct eng_reading_crew *crew, struct b_image_view page, struct eng_read_task *tasks,
                          size_t n, struct b_cancel *cancel, struct b_err *err)
{
    struct turn *turns = malloc((n ? n : 1) * sizeof *turns);
    struct b_err *errors = calloc((size_t)crew->workers, sizeof *errors);
    enum b_code code = B_OK;
    if (!turns || !errors) {
        code = b_fail(err, B_NO_MEMORY, "page", "no memory for %zu lines", n);
        goto out;
    }
    for (size_t i = 0; i < n; i++) {
        const float cost = eng_strip_length(&tasks[i].strip) / tasks[i].strip.height;
        turns[i] = (struct turn){i, isfinite(cost) ? cost : 0.0f};
    }
    qsort(turns, n, sizeof *turns, by_cost);
    struct dealing d = {.crew = crew, .page = page, .tasks = tasks, .turns = turns, .cancel = cancel, .errors = errors};
    atomic_init(&d.failed, false);
    b_parallel_for(crew->workers, n, read_one, &d);
    eng_recogniser_rest(crew->recogniser);
    for (int i = 0; i < crew->workers && code == B_OK; i++)
        if (errors[i].code != B_OK) {
            code = errors[i].code;
            if (err)
                *err = errors[i];
        }
out:
    free(turns);
    free(errors);
    return code;
}
