/* SPDX-License-Identifier: Apache-2.0 */
/* The bridge between the job table and the workers. A run takes the oldest waiting job when its turn comes, and
 * stores each page as it is read. Pages that an earlier start has stored are not read again, unless rendered
 * formats are wanted, whose writers need every page. Invariant: a run ends its job, or puts it back. */
#include "service/rpc/jobs.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/log.h"
#include "service/rpc/call.h"
#include "service/rpc/job_desk.h"
#include "service/rpc/messages.h"
#include "service/rpc/metrics.h"
#include "service/rpc/parse_run.h"
#include "service/rpc/unpack.h"
#include "service/rpc/wire.h"

#define DOMAIN "jobs"
#define EXPIRE_EVERY_NS 10000000000LL
#define REST_NS 10000000000LL /* between tries to store something on a disk that fails */
#define CLOCK_SET_MS 60000    /* the clock was set, rather than slewed */
#define RENDERED_MAX ((size_t)1 << 30)

struct job_run {
    struct svc_ticket ticket; /* first: a ticket is its run */
    struct svc_jobs *jobs;
    struct job_run *next;
    struct b_cancel cancel;
    char id[SVC_JOB_ID]; /* "" until it has a job */
    bool by_user;        /* cancelled for good, not because the server stops */
    bool unstored;       /* a result could not be stored: no fault of the document */
};

struct svc_jobs {
    struct svc_server *server;
    struct svc_job_store *store;
    pthread_mutex_t lock; /* the runs */
    struct job_run *runs;
    int n_runs[SVC_KINDS];
    bool stopping;
    bool unsettled;     /* a job may be marked as running that nobody works on */
    int64_t resting_ns; /* no job is started before: the disk is full or fails */
    int64_t expired_ns; /* the desk's own, as what follows */
    int64_t offset_ms;  /* of the system's clock over the monotonic one */
    struct svc_desk *desk;
    pthread_mutex_t watch_lock; /* the watches; held by nobody who drops a call */
    struct svc_job_watch *watches;
};

static void tick(void *ctx);
static void tell_watches(void *ctx);

enum b_code svc_jobs_new(struct svc_server *server, const char *state_dir, const struct svc_job_limits *limits,
                         struct svc_jobs **out, struct b_err *err)
{
    struct svc_jobs *jobs = calloc(1, sizeof *jobs);
    *out = NULL;
    if (!jobs)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    jobs->server = server;
    pthread_mutex_init(&jobs->lock, NULL);
    pthread_mutex_init(&jobs->watch_lock, NULL);
    enum b_code code = svc_desk_new(tell_watches, tick, jobs, &jobs->desk, err);
    if (code == B_OK)
        code = svc_job_store_open(state_dir, limits, &jobs->store, err);
    if (code != B_OK) {
        svc_jobs_drop(jobs);
        return code;
    }
    *out = jobs;
    return B_OK;
}

void svc_jobs_drop(struct svc_jobs *jobs)
{
    if (!jobs)
        return;
    svc_desk_drop(jobs->desk);
    svc_job_store_close(jobs->store);
    pthread_mutex_destroy(&jobs->watch_lock);
    pthread_mutex_destroy(&jobs->lock);
    free(jobs);
}

enum b_code svc_jobs_open(struct svc_jobs *jobs, struct b_err *err)
{
    const int n = svc_server_options(jobs->server)->large_model ? 0 : svc_job_waiting(jobs->store, SVC_MODEL);
    if (n > 0)
        b_log(B_LOG_WARNING, DOMAIN, "%d jobs wait for a large model: start with --model DIR, or cancel them", n);
    return svc_desk_open(jobs->desk, err);
}

struct svc_desk *svc_jobs_desk(const struct svc_jobs *jobs)
{
    return jobs->desk;
}

struct svc_job_store *svc_jobs_store(const struct svc_jobs *jobs)
{
    return jobs->store;
}

/* --- who waits for changes --- */

void svc_jobs_watch(struct svc_jobs *jobs, struct svc_job_watch *w)
{
    pthread_mutex_lock(&jobs->watch_lock);
    w->listed = true;
    w->previous = NULL;
    w->next = jobs->watches;
    if (jobs->watches)
        jobs->watches->previous = w;
    jobs->watches = w;
    pthread_mutex_unlock(&jobs->watch_lock);
}

void svc_jobs_unwatch(struct svc_jobs *jobs, struct svc_job_watch *w)
{
    pthread_mutex_lock(&jobs->watch_lock);
    if (w->listed && w->previous)
        w->previous->next = w->next;
    else if (w->listed)
        jobs->watches = w->next;
    if (w->listed && w->next)
        w->next->previous = w->previous;
    w->listed = false;
    pthread_mutex_unlock(&jobs->watch_lock);
}

void svc_jobs_changed(struct svc_jobs *jobs, const char *id)
{
    bool any = false;
    pthread_mutex_lock(&jobs->watch_lock);
    for (struct svc_job_watch *w = jobs->watches; w; w = w->next)
        if (strcmp(w->id, id) == 0)
            any = w->due = true;
    pthread_mutex_unlock(&jobs->watch_lock);
    if (any)
        svc_desk_wake(jobs->desk);
}

/* One that is due, with its call held; NULL when there is none. */
static struct svc_job_watch *next_due(struct svc_jobs *jobs)
{
    pthread_mutex_lock(&jobs->watch_lock);
    struct svc_job_watch *w = jobs->watches;
    while (w && !(w->due && svc_call_try_ref(w->call)))
        w = w->next;
    if (w)
        w->due = false;
    pthread_mutex_unlock(&jobs->watch_lock);
    return w;
}

/* On the desk. */
static void tell_watches(void *ctx)
{
    struct svc_jobs *jobs = ctx;
    for (struct svc_job_watch *w; (w = next_due(jobs)) != NULL;) {
        struct svc_call *call = w->call;
        w->behind = !w->tell(w);
        svc_call_unref(call); /* may free the watch */
    }
}

/* Those whose clients had not taken the last change when the next one came. */
static void tell_those_behind(struct svc_jobs *jobs)
{
    pthread_mutex_lock(&jobs->watch_lock);
    for (struct svc_job_watch *w = jobs->watches; w; w = w->next)
        w->due |= w->behind;
    pthread_mutex_unlock(&jobs->watch_lock);
    tell_watches(jobs);
}

/* --- runs --- */

static void end_run(struct job_run *run)
{
    struct svc_jobs *jobs = run->jobs;
    pthread_mutex_lock(&jobs->lock);
    for (struct job_run **p = &jobs->runs; *p; p = &(*p)->next)
        if (*p == run) {
            *p = run->next;
            break;
        }
    jobs->n_runs[run->ticket.kind]--;
    pthread_mutex_unlock(&jobs->lock);
    svc_admission_leave(svc_server_admission(jobs->server), &run->ticket);
    free(run);
}

static void run_job(struct svc_ticket *ticket, struct svc_worker *worker);

/* One more run, when there is work for it. */
static bool add_run(struct svc_jobs *jobs, enum svc_kind kind)
{
    struct job_run *run = calloc(1, sizeof *run);
    struct b_err err;
    struct svc_refusal refusal;
    if (!run)
        return false;
    run->jobs = jobs;
    b_cancel_init(&run->cancel);
    svc_ticket_init(&run->ticket, "jobs", SVC_BULK);
    run->ticket.kind = kind;
    run->ticket.run = run_job;
    run->ticket.ours = true;
    pthread_mutex_lock(&jobs->lock);
    run->next = jobs->runs;
    jobs->runs = run;
    jobs->n_runs[kind]++;
    pthread_mutex_unlock(&jobs->lock);
    if (svc_admission_enter(svc_server_admission(jobs->server), &run->ticket, 0, &refusal, &err) == B_OK)
        return true;
    end_run(run);
    return false;
}

/* Storing failed: nothing is started for a while. */
static void rest(struct svc_jobs *jobs, const struct b_err *why)
{
    b_log(B_LOG_ERROR, DOMAIN, "%s%s%s; jobs wait and are tried again", why->message, why->advice[0] ? ": " : "",
          why->advice);
    pthread_mutex_lock(&jobs->lock);
    jobs->resting_ns = b_now_ns() + REST_NS;
    jobs->unsettled = true;
    pthread_mutex_unlock(&jobs->lock);
}

static void feed(struct svc_jobs *jobs, enum svc_kind kind, int threads)
{
    const int waiting = threads > 0 ? svc_job_waiting(jobs->store, kind) : 0;
    for (;;) {
        pthread_mutex_lock(&jobs->lock);
        const bool more = !jobs->stopping && jobs->n_runs[kind] < threads && jobs->n_runs[kind] < waiting &&
                          (jobs->resting_ns == 0 || b_now_ns() >= jobs->resting_ns);
        pthread_mutex_unlock(&jobs->lock);
        if (!more || !add_run(jobs, kind))
            return;
    }
}

void svc_jobs_feed(struct svc_jobs *jobs)
{
    const struct svc_admission_limits *threads = &svc_server_options(jobs->server)->admission;
    feed(jobs, SVC_PAGES, threads->workers);
    feed(jobs, SVC_MODEL, threads->sessions);
}

static bool has_run(const struct svc_jobs *jobs, const char *id)
{
    for (const struct job_run *r = jobs->runs; r; r = r->next)
        if (strcmp(r->id, id) == 0)
            return true;
    return false;
}

/* Jobs whose end could not be written down wait again. */
static void take_up_unsettled(struct svc_jobs *jobs)
{
    char ids[64][SVC_JOB_ID];
    struct b_err err;
    pthread_mutex_lock(&jobs->lock);
    if (jobs->unsettled && !jobs->stopping && b_now_ns() >= jobs->resting_ns) {
        const size_t n = svc_job_running(jobs->store, ids, sizeof ids / sizeof ids[0]);
        bool fine = true;
        for (size_t i = 0; i < n && fine; i++)
            if (!has_run(jobs, ids[i])) {
                fine = svc_job_requeue(jobs->store, ids[i], &err) == B_OK;
                svc_jobs_changed(jobs, ids[i]);
            }
        jobs->unsettled = !fine || n == sizeof ids / sizeof ids[0];
        if (!fine)
            jobs->resting_ns = b_now_ns() + REST_NS;
    }
    pthread_mutex_unlock(&jobs->lock);
}

/* Results are promised for a time, not until a date: a clock that jumps does not shorten it. */
static void mind_the_clock(struct svc_jobs *jobs, int64_t now_ms)
{
    const int64_t offset = now_ms - b_now_ns() / 1000000, by = offset - jobs->offset_ms;
    struct b_err err;
    if (jobs->offset_ms != 0 && by > -CLOCK_SET_MS && by < CLOCK_SET_MS) {
        jobs->offset_ms = offset;
        return;
    }
    if (jobs->offset_ms != 0) {
        b_log(B_LOG_WARNING, DOMAIN, "the system's clock was set by %lld s; results keep their time",
              (long long)(by / 1000));
        if (svc_job_clock_set(jobs->store, now_ms, by, &err) != B_OK) {
            b_log(B_LOG_ERROR, DOMAIN, "%s", err.message);
            return; /* again next time */
        }
    }
    jobs->offset_ms = offset;
}

/* About once a second, on the desk. */
static void tick(void *ctx)
{
    struct svc_jobs *jobs = ctx;
    const int64_t now_ns = b_now_ns(), now_ms = svc_now_ms();
    tell_those_behind(jobs);
    take_up_unsettled(jobs);
    svc_jobs_feed(jobs);
    mind_the_clock(jobs, now_ms);
    if (jobs->expired_ns != 0 && now_ns - jobs->expired_ns < EXPIRE_EVERY_NS)
        return;
    jobs->expired_ns = now_ns;
    svc_job_expire(jobs->store, now_ms);
}

void svc_jobs_stop(struct svc_jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    jobs->stopping = true;
    for (struct job_run *r = jobs->runs; r; r = r->next)
        b_cancel_request(&r->cancel);
    pthread_mutex_unlock(&jobs->lock);
}

bool svc_jobs_cancel_running(struct svc_jobs *jobs, const char *id)
{
    bool found = false;
    pthread_mutex_lock(&jobs->lock);
    for (struct job_run *r = jobs->runs; r; r = r->next)
        if (strcmp(r->id, id) == 0) {
            r->by_user = true;
            b_cancel_request(&r->cancel);
            found = true;
        }
    pthread_mutex_unlock(&jobs->lock);
    return found;
}

/* --- one job --- */

static enum b_code on_opened(void *ctx, const Docparse__V1__DocumentInfo *info, int32_t pages, struct b_err *err)
{
    struct job_run *run = ctx;
    struct b_buf buf;
    b_buf_init(&buf, (size_t)1 << 20);
    enum b_code code = svc_wire_pack(&buf, &info->base, err);
    if (code == B_OK)
        code = svc_job_opened(run->jobs->store, run->id, pages, buf.data, buf.len, err);
    svc_jobs_changed(run->jobs, run->id);
    run->unstored |= code == B_IO;
    b_buf_free(&buf);
    return code;
}

static enum b_code on_page(void *ctx, const Docparse__V1__Page *page, struct b_err *err)
{
    struct job_run *run = ctx;
    struct b_buf buf;
    const int status = page->status == DOCPARSE__V1__STATUS__STATUS_OK        ? DP_STATUS_OK
                       : page->status == DOCPARSE__V1__STATUS__STATUS_PARTIAL ? DP_STATUS_PARTIAL
                                                                              : DP_STATUS_FAILED;
    b_buf_init(&buf, RENDERED_MAX);
    enum b_code code = svc_wire_pack(&buf, &page->base, err);
    if (code == B_OK)
        code = svc_job_page(run->jobs->store, run->id, page->number, status, buf.data, buf.len, err);
    svc_jobs_changed(run->jobs, run->id);
    run->unstored |= code == B_IO;
    b_buf_free(&buf);
    return code;
}

/* The pages of `first` to `last` (0: to the end) that are not among done[0..n), as ranges; returns how many, written to
 * out unless that is NULL. */
static size_t gaps_of(int32_t first, int32_t last, const int32_t *done, size_t n, Docparse__V1__PageRange *out)
{
    size_t count = 0;
    int32_t next = first;
    for (size_t i = 0; i <= n; i++) {
        const bool end = i == n || (last != 0 && done[i] > last);
        if (!end && done[i] < next)
            continue;
        const int32_t until = end ? last : done[i] - 1;
        if (until >= next || (end && last == 0)) {
            if (out) {
                docparse__v1__page_range__init(&out[count]);
                out[count].first = next;
                out[count].last = until;
            }
            count++;
        }
        if (end)
            break;
        next = done[i] + 1;
    }
    return count;
}

/* How the rest of a job is read. */
struct rest_of_job {
    bool complete; /* nothing is left */
    bool whole;    /* all of it is: what is read is the document's result */
};

/* Asks only for pages that an earlier start has not stored. Rendered formats need every page again: their writers cannot
 * go on in the middle. */
static enum b_code set_gaps(const struct job_run *run, const struct svc_job *job, struct b_arena *arena,
                            Docparse__V1__ParseOptions *options, struct rest_of_job *rest, struct b_err *err)
{
    const Docparse__V1__PageRange all = {.first = 1, .last = 0};
    const size_t n = svc_job_pages(run->jobs->store, run->id, NULL, 0);
    const size_t n_wanted = options->n_pages ? options->n_pages : 1;
    size_t count = 0;
    *rest = (struct rest_of_job){.whole = true};
    if (n == 0 || (options->output && options->output->n_formats > 0))
        return B_OK;
    rest->whole = false;
    rest->complete = job->pages_to_read > 0 && n >= (size_t)job->pages_to_read;
    int32_t *done = rest->complete ? NULL : B_ARENA_ARRAY(arena, n, int32_t);
    if (rest->complete || !done)
        return rest->complete ? B_OK : b_arena_refused(arena, DOMAIN, err);
    (void)svc_job_pages(run->jobs->store, run->id, done, n);
    for (size_t i = 0; i < n_wanted; i++) {
        const Docparse__V1__PageRange *r = options->n_pages ? options->pages[i] : &all;
        count += gaps_of(r->first, r->last, done, n, NULL);
    }
    rest->complete = count == 0;
    if (rest->complete)
        return B_OK;
    Docparse__V1__PageRange *gaps = B_ARENA_ARRAY(arena, count, Docparse__V1__PageRange);
    Docparse__V1__PageRange **items = B_ARENA_ARRAY(arena, count, Docparse__V1__PageRange *);
    if (!gaps || !items)
        return b_arena_refused(arena, DOMAIN, err);
    size_t at = 0;
    for (size_t i = 0; i < n_wanted; i++) {
        const Docparse__V1__PageRange *r = options->n_pages ? options->pages[i] : &all;
        at += gaps_of(r->first, r->last, done, n, &gaps[at]);
    }
    for (size_t i = 0; i < count; i++)
        items[i] = &gaps[i];
    options->pages = items;
    options->n_pages = count;
    return B_OK;
}

static enum b_code read_job(struct job_run *run, const struct svc_job *job, const struct b_buf *document,
                            const struct b_buf *packed, struct svc_worker *worker, struct b_buf *rendered,
                            struct b_err *err)
{
    const size_t budget = svc_unpack_budget(packed->len) + ((size_t)64 << 20);
    struct b_arena *arena = b_arena_new(budget);
    ProtobufCMessage *message = NULL;
    struct svc_parse_result result = {0};
    struct rest_of_job left = {.complete = false};
    if (!arena)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    enum b_code code = svc_unpack(&docparse__v1__parse_options__descriptor, (const uint8_t *)packed->data, packed->len,
                                  arena, &message, err);
    Docparse__V1__ParseOptions *options = (Docparse__V1__ParseOptions *)(void *)message;
    if (code == B_OK)
        code = set_gaps(run, job, arena, options, &left, err);
    const struct svc_parse_input input = {.client = job->client,
                                          .name = job->name,
                                          .data = (const uint8_t *)document->data,
                                          .size = document->len,
                                          .sha256 = "",
                                          .options = options,
                                          .remember = left.whole};
    const struct svc_parse_events events = {.ctx = run, .opened = on_opened, .page = on_page};
    if (code == B_OK && !left.complete)
        code = svc_parse_run(worker, &input, &events, &run->cancel, &result, err);
    if (code == B_OK)
        code = svc_parse_put_rendered(&result, rendered, 2, err);
    svc_parse_result_free(&result);
    b_arena_drop(arena);
    return code;
}

static void put_back(struct job_run *run)
{
    struct b_err err;
    if (svc_job_requeue(run->jobs->store, run->id, &err) != B_OK)
        rest(run->jobs, &err);
}

/* Writes down how the job ended. One that was cancelled because the server stops, or whose result the disk does not
 * take, waits again: its finished pages are kept. */
static void settle(struct job_run *run, enum b_code code, const struct b_err *problem, const struct b_buf *rendered)
{
    struct svc_job_store *store = run->jobs->store;
    struct b_err err;
    pthread_mutex_lock(&run->jobs->lock);
    const bool by_user = run->by_user;
    pthread_mutex_unlock(&run->jobs->lock);
    enum b_code ended = B_OK;
    if (run->unstored) {
        rest(run->jobs, problem);
        put_back(run);
        return;
    }
    if (code == B_CANCELLED && !by_user) {
        put_back(run);
        return;
    }
    if (code == B_OK) {
        ended = svc_job_end(store, run->id, SVC_JOB_SUCCEEDED, svc_job_pages_status(store, run->id), NULL, NULL,
                            rendered->data, rendered->len, &err);
    } else {
        svc_metrics_failure(svc_server_metrics(run->jobs->server), SVC_FAILED_JOB, svc_reason_name(code));
        ended = svc_job_end(store, run->id, code == B_CANCELLED ? SVC_JOB_CANCELLED : SVC_JOB_FAILED, -1, problem,
                            svc_reason_name(code), NULL, 0, &err);
    }
    if (ended == B_LIMIT) /* no disk would take it */
        ended = svc_job_end(store, run->id, SVC_JOB_FAILED, -1, &err, svc_reason_name(B_LIMIT), NULL, 0, &err);
    if (ended != B_OK) {
        rest(run->jobs, &err);
        put_back(run);
    }
}

/* Takes the next job; its id is known to cancellers as soon as it is marked as running. */
static enum b_code begin(struct job_run *run, struct svc_job *job, struct b_buf *document, struct b_buf *options,
                         struct b_err *err)
{
    pthread_mutex_lock(&run->jobs->lock);
    const enum b_code code = svc_job_start(run->jobs->store, run->ticket.kind, job, document, options, err);
    if (code == B_OK || job->id[0])
        memcpy(run->id, job->id, sizeof run->id);
    pthread_mutex_unlock(&run->jobs->lock);
    svc_jobs_changed(run->jobs, run->id);
    return code;
}

static void run_job(struct svc_ticket *ticket, struct svc_worker *worker)
{
    struct job_run *run = (struct job_run *)(void *)ticket;
    struct svc_jobs *jobs = run->jobs;
    struct b_buf document, options, rendered;
    struct svc_job job;
    struct b_err err = {0};
    b_buf_init(&document, SIZE_MAX / 2);
    b_buf_init(&options, (size_t)16 << 20);
    b_buf_init(&rendered, RENDERED_MAX);
    enum b_code code = b_cancel_check(&run->cancel, &err);
    if (code != B_OK) { /* the server stops */
        end_run(run);
        return;
    }
    code = begin(run, &job, &document, &options, &err);
    if (code == B_OK)
        code = read_job(run, &job, &document, &options, worker, &rendered, &err);
    if (job.state == SVC_JOB_RUNNING || (code == B_NOT_FOUND && job.id[0])) {
        settle(run, code, &err, &rendered);
        svc_jobs_changed(jobs, run->id);
    } else if (code != B_NOT_FOUND) {
        rest(jobs, &err); /* it was not even started */
    }
    b_buf_free(&document);
    b_buf_free(&options);
    b_buf_free(&rendered);
    end_run(run);
    svc_jobs_feed(jobs);
}
