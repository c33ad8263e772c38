/* SPDX-License-Identifier: Apache-2.0 */
/* The bridge between the job table and the workers. A run takes the oldest waiting job when its turn comes, and
 * stores each page as it is read. Pages that an earlier start has stored are not read again, unless rendered
 * formats are wanted, whose writers need every page. Invariant: a run ends its job, or puts it back. */
#include "service/rpc/jobs.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/log.h"
#include "service/rpc/messages.h"
#include "service/rpc/metrics.h"
#include "service/rpc/parse_run.h"
#include "service/rpc/unpack.h"
#include "service/rpc/wire.h"

#define DOMAIN "jobs"
#define EXPIRE_EVERY_MS 60000
#define RENDERED_MAX ((size_t)1 << 30)

struct job_run {
    struct svc_ticket ticket; /* first: a ticket is its run */
    struct svc_jobs *jobs;
    struct job_run *next;
    struct b_cancel cancel;
    char id[SVC_JOB_ID]; /* "" until it has a job */
    bool by_user;        /* cancelled for good, not because the server stops */
};

struct svc_jobs {
    struct svc_server *server;
    struct svc_job_store *store;
    pthread_mutex_t lock; /* the runs */
    struct job_run *runs;
    int n_runs;
    bool stopping;
    int64_t expired_ms;
};

enum b_code svc_jobs_new(struct svc_server *server, const char *state_dir, const struct svc_job_limits *limits,
                         struct svc_jobs **out, struct b_err *err)
{
    struct svc_jobs *jobs = calloc(1, sizeof *jobs);
    *out = NULL;
    if (!jobs)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    jobs->server = server;
    pthread_mutex_init(&jobs->lock, NULL);
    enum b_code code = svc_job_store_open(state_dir, limits, &jobs->store, err);
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
    svc_job_store_close(jobs->store);
    pthread_mutex_destroy(&jobs->lock);
    free(jobs);
}

struct svc_job_store *svc_jobs_store(const struct svc_jobs *jobs)
{
    return jobs->store;
}

static void end_run(struct job_run *run)
{
    struct svc_jobs *jobs = run->jobs;
    pthread_mutex_lock(&jobs->lock);
    for (struct job_run **p = &jobs->runs; *p; p = &(*p)->next)
        if (*p == run) {
            *p = run->next;
            break;
        }
    jobs->n_runs--;
    pthread_mutex_unlock(&jobs->lock);
    svc_admission_leave(svc_server_admission(jobs->server), &run->ticket);
    free(run);
}

static void run_job(struct svc_ticket *ticket, struct svc_worker *worker);

/* One more run, when there is work for it. */
static bool add_run(struct svc_jobs *jobs)
{
    struct job_run *run = calloc(1, sizeof *run);
    struct b_err err;
    struct svc_refusal refusal;
    if (!run)
        return false;
    run->jobs = jobs;
    b_cancel_init(&run->cancel);
    svc_ticket_init(&run->ticket, "jobs", SVC_BULK);
    run->ticket.run = run_job;
    run->ticket.ours = true;
    pthread_mutex_lock(&jobs->lock);
    run->next = jobs->runs;
    jobs->runs = run;
    jobs->n_runs++;
    pthread_mutex_unlock(&jobs->lock);
    if (svc_admission_enter(svc_server_admission(jobs->server), &run->ticket, 0, &refusal, &err) == B_OK)
        return true;
    end_run(run);
    return false;
}

void svc_jobs_feed(struct svc_jobs *jobs)
{
    int waiting = svc_job_waiting(jobs->store);
    const int workers = svc_server_options(jobs->server)->admission.workers;
    for (;;) {
        pthread_mutex_lock(&jobs->lock);
        const bool more = !jobs->stopping && jobs->n_runs < workers && jobs->n_runs < waiting;
        pthread_mutex_unlock(&jobs->lock);
        if (!more || !add_run(jobs))
            return;
    }
}

void svc_jobs_tick(struct svc_jobs *jobs)
{
    const int64_t now = svc_now_ms();
    svc_jobs_feed(jobs);
    if (now - jobs->expired_ms < EXPIRE_EVERY_MS)
        return;
    jobs->expired_ms = now;
    svc_job_expire(jobs->store, now);
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
    const struct job_run *run = ctx;
    struct b_buf buf;
    b_buf_init(&buf, (size_t)1 << 20);
    enum b_code code = svc_wire_pack(&buf, &info->base, err);
    if (code == B_OK)
        code = svc_job_opened(run->jobs->store, run->id, pages, buf.data, buf.len, err);
    b_buf_free(&buf);
    return code;
}

static enum b_code on_page(void *ctx, const Docparse__V1__Page *page, struct b_err *err)
{
    const struct job_run *run = ctx;
    struct b_buf buf;
    const int status = page->status == DOCPARSE__V1__STATUS__STATUS_OK        ? DP_STATUS_OK
                       : page->status == DOCPARSE__V1__STATUS__STATUS_PARTIAL ? DP_STATUS_PARTIAL
                                                                              : DP_STATUS_FAILED;
    b_buf_init(&buf, RENDERED_MAX);
    enum b_code code = svc_wire_pack(&buf, &page->base, err);
    if (code == B_OK)
        code = svc_job_page(run->jobs->store, run->id, page->number, status, buf.data, buf.len, err);
    b_buf_free(&buf);
    return code;
}

/* The gaps between the stored pages, as ranges of a request that asked for all pages. */
static enum b_code set_gaps(const struct job_run *run, const struct svc_job *job, struct b_arena *arena,
                            Docparse__V1__ParseOptions *options, bool *complete, struct b_err *err)
{
    const size_t n = svc_job_pages(run->jobs->store, run->id, NULL, 0);
    *complete = n > 0 && job->pages_to_read > 0 && n >= (size_t)job->pages_to_read;
    if (n == 0 || *complete || options->n_pages > 0 || (options->output && options->output->n_formats > 0))
        return B_OK;
    int32_t *done = B_ARENA_ARRAY(arena, n, int32_t);
    Docparse__V1__PageRange *gaps = B_ARENA_ARRAY(arena, n + 1, Docparse__V1__PageRange);
    Docparse__V1__PageRange **items = B_ARENA_ARRAY(arena, n + 1, Docparse__V1__PageRange *);
    if (!done || !gaps || !items)
        return b_arena_refused(arena, DOMAIN, err);
    (void)svc_job_pages(run->jobs->store, run->id, done, n);
    size_t count = 0;
    int32_t next = 1;
    for (size_t i = 0; i <= n; i++) {
        const int32_t last = i < n ? done[i] - 1 : 0; /* 0: to the end */
        if (i == n || last >= next) {
            docparse__v1__page_range__init(&gaps[count]);
            gaps[count].first = next;
            gaps[count].last = last;
            items[count] = &gaps[count];
            count++;
        }
        next = i < n ? done[i] + 1 : next;
    }
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
    bool complete = false;
    if (!arena)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    enum b_code code = svc_unpack(&docparse__v1__parse_options__descriptor, (const uint8_t *)packed->data, packed->len,
                                  arena, &message, err);
    Docparse__V1__ParseOptions *options = (Docparse__V1__ParseOptions *)(void *)message;
    if (code == B_OK)
        code = set_gaps(run, job, arena, options, &complete, err);
    const struct svc_parse_input input = {.client = job->client,
                                          .name = job->name,
                                          .data = (const uint8_t *)document->data,
                                          .size = document->len,
                                          .sha256 = "",
                                          .options = options};
    const struct svc_parse_events events = {.ctx = run, .opened = on_opened, .page = on_page};
    if (code == B_OK && !complete)
        code = svc_parse_run(worker, &input, &events, &run->cancel, &result, err);
    if (code == B_OK)
        code = svc_parse_put_rendered(&result, rendered, 2, err);
    svc_parse_result_free(&result);
    b_arena_drop(arena);
    return code;
}

/* Writes down how the job ended; a run that was cancelled because the server stops leaves it waiting. */
static void settle(struct job_run *run, enum b_code code, const struct b_err *problem, const struct b_buf *rendered)
{
    struct svc_job_store *store = run->jobs->store;
    struct b_err err;
    pthread_mutex_lock(&run->jobs->lock);
    const bool by_user = run->by_user;
    pthread_mutex_unlock(&run->jobs->lock);
    enum b_code ended = B_OK;
    if (code == B_CANCELLED && !by_user) {
        svc_job_requeue(store, run->id);
        return;
    }
    if (code == B_OK)
        ended = svc_job_end(store, run->id, SVC_JOB_SUCCEEDED, svc_job_pages_status(store, run->id), NULL, NULL,
                            rendered->data, rendered->len, &err);
    else {
        svc_metrics_failure(svc_server_metrics(run->jobs->server), SVC_FAILED_JOB, svc_reason_name(code));
        ended = svc_job_end(store, run->id, code == B_CANCELLED ? SVC_JOB_CANCELLED : SVC_JOB_FAILED, -1, problem,
                            svc_reason_name(code), NULL, 0, &err);
    }
    if (ended != B_OK)
        b_log(B_LOG_ERROR, DOMAIN, "job %s: %s", run->id, err.message);
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
    code = svc_job_start(jobs->store, &job, &document, &options, &err);
    if (code == B_OK) {
        pthread_mutex_lock(&jobs->lock);
        memcpy(run->id, job.id, sizeof run->id);
        pthread_mutex_unlock(&jobs->lock);
        code = read_job(run, &job, &document, &options, worker, &rendered, &err);
        settle(run, code, &err, &rendered);
    } else if (code != B_NOT_FOUND) {
        b_log(B_LOG_ERROR, DOMAIN, "%s", err.message);
    }
    b_buf_free(&document);
    b_buf_free(&options);
    b_buf_free(&rendered);
    end_run(run);
    svc_jobs_feed(jobs);
}
