/* SPDX-License-Identifier: Apache-2.0 */
/* docparse.v1.Jobs. Everything is answered on the poller out of the job table; storing a document of many
 * megabytes takes it some tens of milliseconds. Where clients have identities, each sees only its own jobs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/digest.h"
#include "docparse/v1/jobs.pb-c.h"
#include "service/rpc/jobs.h"
#include "service/rpc/messages.h"
#include "service/rpc/parse_run.h"
#include "service/rpc/request.h"
#include "service/rpc/wire.h"

#define DOMAIN "jobs"
#define SUBMIT_MAX ((size_t)64 << 20)
#define REQUEST_MAX 4096
#define REPLY_MAX ((size_t)1 << 30)
#define PAGE_SIZE 50
#define PAGE_SIZE_MAX 1000

static struct svc_jobs *jobs_of(struct svc_call *call)
{
    struct svc_jobs *jobs = svc_server_jobs(svc_call_server(call));
    struct b_err err;
    if (jobs)
        return jobs;
    (void)b_fail(&err, B_UNSUPPORTED, DOMAIN, "this server keeps no jobs: it was started without a state folder");
    svc_call_finish_with(call, SVC_GRPC_UNIMPLEMENTED, &err, &(struct svc_end){.reason = "NO_JOBS", .retry_ms = -1});
    return NULL;
}

/* The message borrows the job's texts; *problem is used when the job has one. */
static void fill(const struct svc_job *job, Docparse__V1__Job *m, Docparse__V1__Problem *problem)
{
    docparse__v1__job__init(m);
    m->id = svc_borrow(job->id);
    m->state = (Docparse__V1__JobState)job->state;
    m->name = svc_borrow(job->name);
    m->source_sha256 = svc_borrow(job->sha256);
    m->idempotency_key = svc_borrow(job->key);
    m->status = job->status > 0 ? svc_status_message((enum dp_status)(job->status - 1))
                                : DOCPARSE__V1__STATUS__STATUS_UNSPECIFIED;
    m->pages_done = job->pages_done;
    m->pages_to_read = job->pages_to_read;
    m->attempts = job->attempts;
    m->created_ms = job->created_ms;
    m->started_ms = job->started_ms;
    m->ended_ms = job->ended_ms;
    m->expires_ms = job->expires_ms;
    if (!job->reason[0])
        return;
    docparse__v1__problem__init(problem);
    problem->reason = svc_borrow(job->reason);
    problem->domain = svc_borrow(job->domain);
    problem->message = svc_borrow(job->message);
    m->problem = problem;
}

static bool send_job(struct svc_call *call, const struct svc_job *job)
{
    Docparse__V1__Job message;
    Docparse__V1__Problem problem;
    struct b_buf buf;
    fill(job, &message, &problem);
    b_buf_init(&buf, REPLY_MAX);
    const bool sent = svc_wire_pack(&buf, &message.base, NULL) == B_OK && svc_call_send(call, &buf, false);
    b_buf_free(&buf);
    return sent;
}

/* A job that this client may see. */
static enum b_code look(struct svc_call *call, const struct svc_jobs *jobs, const char *id, struct svc_job *job,
                        struct b_err *err)
{
    enum b_code code = svc_job_get(svc_jobs_store(jobs), id, job, err);
    if (code == B_OK && svc_server_has_identities(svc_call_server(call)) &&
        strcmp(job->client, svc_call_client(call)) != 0)
        code = b_fail(err, B_NOT_FOUND, DOMAIN, "there is no job '%.40s', or its result has expired", id);
    return code;
}

/* --- SubmitJob --- */

static enum b_code check_submit(const Docparse__V1__SubmitJobRequest *r, struct svc_job *job, const char **field,
                                struct b_err *err)
{
    const Docparse__V1__ParseRequest *request = r->request;
    *field = "request.content";
    if (!request || request->content.len == 0)
        return b_fail(err, B_ARGUMENT, DOMAIN, "there is no document in the request");
    *field = "idempotency_key";
    if (strlen(r->idempotency_key) > SVC_JOB_KEY_MAX)
        return b_fail(err, B_ARGUMENT, DOMAIN, "an idempotency key has at most %d bytes", SVC_JOB_KEY_MAX);
    enum b_code code = svc_parse_check(request->options, field, err);
    if (code == B_OK)
        code = dp_sha256_hex(request->content.data, request->content.len, job->sha256, err);
    *field = "request.sha256";
    if (code == B_OK && request->sha256[0] && strcmp(request->sha256, job->sha256) != 0)
        code =
            b_fail(err, B_ARGUMENT, DOMAIN, "the content has the sha256 %s, not the one that was given", job->sha256);
    return code;
}

static void submit(struct svc_call *call, struct svc_jobs *jobs, const Docparse__V1__SubmitJobRequest *r)
{
    struct svc_job wanted = {0}, job;
    struct b_err err;
    struct b_buf options;
    const char *field = NULL;
    bool existing = false;
    Docparse__V1__ParseOptions none = DOCPARSE__V1__PARSE_OPTIONS__INIT;
    struct svc_refusal refusal;
    if (svc_admission_may_read(svc_server_admission(svc_call_server(call)), svc_call_client(call), &refusal, &err) !=
        B_OK) {
        svc_call_refuse(call, &err, &refusal);
        return;
    }
    b_buf_init(&options, (size_t)16 << 20);
    enum b_code code = check_submit(r, &wanted, &field, &err);
    if (code != B_OK) {
        svc_request_refuse(call, field, &err);
        return;
    }
    (void)snprintf(wanted.name, sizeof wanted.name, "%s", r->request->name);
    (void)snprintf(wanted.client, sizeof wanted.client, "%s", svc_call_client(call));
    (void)snprintf(wanted.key, sizeof wanted.key, "%s", r->idempotency_key);
    code = svc_wire_pack(&options, r->request->options ? &r->request->options->base : &none.base, &err);
    if (code == B_OK)
        code = svc_job_submit(svc_jobs_store(jobs), &wanted, r->request->content.data, r->request->content.len,
                              options.data, options.len, &job, &existing, &err);
    if (code == B_OK) {
        (void)send_job(call, &job);
        svc_call_finish(call, NULL);
        svc_jobs_feed(jobs);
    } else if (code == B_LIMIT) {
        svc_call_finish_with(call, SVC_GRPC_RESOURCE_EXHAUSTED, &err,
                             &(struct svc_end){.reason = "JOBS_EXHAUSTED", .retry_ms = 60000});
    } else if (code == B_IO) { /* the disk is full or fails: not the client's fault, and it may pass */
        svc_call_finish_with(call, SVC_GRPC_UNAVAILABLE, &err,
                             &(struct svc_end){.reason = "STORAGE", .retry_ms = 60000});
    } else {
        svc_call_finish(call, &err);
    }
    b_buf_free(&options);
}

static void submit_message(struct svc_call *call, const uint8_t *data, size_t size)
{
    struct svc_jobs *jobs = jobs_of(call);
    struct b_arena *arena = NULL;
    const Docparse__V1__SubmitJobRequest *r =
        jobs ? svc_request_unpack(call, &docparse__v1__submit_job_request__descriptor, data, size, &arena) : NULL;
    if (r)
        submit(call, jobs, r);
    b_arena_drop(arena);
}

const struct svc_method svc_submit_job = {
    .path = "/docparse.v1.Jobs/SubmitJob",
    .max_message = SUBMIT_MAX,
    .message = submit_message,
};

/* --- GetJob --- */

static enum b_code add_page(void *ctx, const void *data, size_t size, struct b_err *err)
{
    svc_wire_bytes(ctx, 3, data, size); /* Document.pages */
    return b_buf_check(ctx, DOMAIN, err);
}

/* ParseResponse of a finished job, put together from what was stored. */
static enum b_code put_result(const struct svc_jobs *jobs, const struct svc_job *job, struct b_buf *out,
                              struct b_err *err)
{
    struct b_buf info, pages, rendered, document, response;
    b_buf_init(&info, REPLY_MAX);
    b_buf_init(&pages, REPLY_MAX);
    b_buf_init(&rendered, REPLY_MAX);
    b_buf_init(&document, REPLY_MAX);
    b_buf_init(&response, REPLY_MAX);
    enum b_code code = svc_job_result(svc_jobs_store(jobs), job->id, &info, add_page, &pages, &rendered, err);
    if (code == B_OK) {
        svc_wire_bytes(&document, 1, info.data ? info.data : "", info.len);
        svc_wire_number(&document, 2,
                        job->status > 0 ? (uint64_t)svc_status_message((enum dp_status)(job->status - 1)) : 0);
        b_buf_append(&document, pages.data ? pages.data : "", pages.len);
        svc_wire_bytes(&response, 1, document.data, document.len);
        b_buf_append(&response, rendered.data ? rendered.data : "", rendered.len);
        svc_wire_bytes(out, 2, response.data, response.len);
        code = b_buf_check(out, DOMAIN, err);
    }
    b_buf_free(&info);
    b_buf_free(&pages);
    b_buf_free(&rendered);
    b_buf_free(&document);
    b_buf_free(&response);
    return code;
}

static void get_message(struct svc_call *call, const uint8_t *data, size_t size)
{
    struct svc_jobs *jobs = jobs_of(call);
    struct b_arena *arena = NULL;
    struct svc_job job;
    struct b_err err = {0};
    const Docparse__V1__GetJobRequest *r =
        jobs ? svc_request_unpack(call, &docparse__v1__get_job_request__descriptor, data, size, &arena) : NULL;
    if (r) {
        Docparse__V1__Job message;
        Docparse__V1__Problem problem;
        struct b_buf out;
        b_buf_init(&out, REPLY_MAX);
        enum b_code code = look(call, jobs, r->id, &job, &err);
        if (code == B_OK) {
            fill(&job, &message, &problem);
            code = svc_wire_message(&out, 1, &message.base, &err);
        }
        if (code == B_OK && r->include_result && job.state == SVC_JOB_SUCCEEDED)
            code = put_result(jobs, &job, &out, &err);
        if (code == B_OK)
            (void)svc_call_send(call, &out, false);
        svc_call_finish(call, code == B_OK ? NULL : &err);
        b_buf_free(&out);
    }
    b_arena_drop(arena);
}

const struct svc_method svc_get_job = {
    .path = "/docparse.v1.Jobs/GetJob",
    .max_message = REQUEST_MAX,
    .message = get_message,
};

/* --- ListJobs --- */

static void list(struct svc_call *call, const struct svc_jobs *jobs, const Docparse__V1__ListJobsRequest *r)
{
    const size_t max = r->page_size <= 0                      ? PAGE_SIZE
                       : (size_t)r->page_size > PAGE_SIZE_MAX ? PAGE_SIZE_MAX
                                                              : (size_t)r->page_size;
    const char *client = svc_server_has_identities(svc_call_server(call)) ? svc_call_client(call) : NULL;
    struct svc_job *found = calloc(max, sizeof *found);
    struct b_buf out;
    struct b_err err = {0};
    b_buf_init(&out, REPLY_MAX);
    enum b_code code = found ? B_OK : b_fail(&err, B_NO_MEMORY, DOMAIN, "out of memory");
    const size_t n =
        found ? svc_job_list(svc_jobs_store(jobs), client, (enum svc_job_state)r->state, r->page_token, found, max) : 0;
    for (size_t i = 0; i < n && code == B_OK; i++) {
        Docparse__V1__Job message;
        Docparse__V1__Problem problem;
        fill(&found[i], &message, &problem);
        code = svc_wire_message(&out, 1, &message.base, &err);
    }
    if (code == B_OK && n == max)
        svc_wire_bytes(&out, 2, found[n - 1].id, strlen(found[n - 1].id));
    if (code == B_OK)
        code = b_buf_check(&out, DOMAIN, &err);
    if (code == B_OK)
        (void)svc_call_send(call, &out, false);
    svc_call_finish(call, code == B_OK ? NULL : &err);
    b_buf_free(&out);
    free(found);
}

static void list_message(struct svc_call *call, const uint8_t *data, size_t size)
{
    const struct svc_jobs *jobs = jobs_of(call);
    struct b_arena *arena = NULL;
    const Docparse__V1__ListJobsRequest *r =
        jobs ? svc_request_unpack(call, &docparse__v1__list_jobs_request__descriptor, data, size, &arena) : NULL;
    if (r)
        list(call, jobs, r);
    b_arena_drop(arena);
}

const struct svc_method svc_list_jobs = {
    .path = "/docparse.v1.Jobs/ListJobs",
    .max_message = REQUEST_MAX,
    .message = list_message,
};

/* --- CancelJob --- */

static void cancel_message(struct svc_call *call, const uint8_t *data, size_t size)
{
    struct svc_jobs *jobs = jobs_of(call);
    struct b_arena *arena = NULL;
    struct svc_job job;
    struct b_err err = {0};
    const Docparse__V1__CancelJobRequest *r =
        jobs ? svc_request_unpack(call, &docparse__v1__cancel_job_request__descriptor, data, size, &arena) : NULL;
    if (r) {
        enum b_code code = look(call, jobs, r->id, &job, &err);
        if (code == B_OK)
            code = svc_job_cancel(svc_jobs_store(jobs), r->id, &job, &err);
        if (code == B_OK && job.state == SVC_JOB_RUNNING)
            (void)svc_jobs_cancel_running(jobs, r->id);
        if (code == B_OK)
            (void)send_job(call, &job);
        svc_call_finish(call, code == B_OK ? NULL : &err);
    }
    b_arena_drop(arena);
}

const struct svc_method svc_cancel_job = {
    .path = "/docparse.v1.Jobs/CancelJob",
    .max_message = REQUEST_MAX,
    .message = cancel_message,
};

/* --- WatchJob --- */

struct watch {
    struct svc_job last;
};

static bool over(const struct svc_job *job)
{
    return job->state != SVC_JOB_QUEUED && job->state != SVC_JOB_RUNNING;
}

static void watch_message(struct svc_call *call, const uint8_t *data, size_t size)
{
    const struct svc_jobs *jobs = jobs_of(call);
    struct b_arena *arena = NULL;
    struct b_err err = {0};
    const Docparse__V1__WatchJobRequest *r =
        jobs ? svc_request_unpack(call, &docparse__v1__watch_job_request__descriptor, data, size, &arena) : NULL;
    if (r) {
        struct watch *w = calloc(1, sizeof *w);
        enum b_code code =
            w ? look(call, jobs, r->id, &w->last, &err) : b_fail(&err, B_NO_MEMORY, DOMAIN, "out of memory");
        if (code == B_OK) {
            svc_call_set_state(call, w);
            (void)send_job(call, &w->last);
        } else {
            free(w);
        }
        if (code != B_OK || over(&w->last))
            svc_call_finish(call, code == B_OK ? NULL : &err);
    }
    b_arena_drop(arena);
}

static void watch_tick(struct svc_call *call, int64_t now_ns)
{
    struct watch *w = svc_call_state(call);
    struct svc_job job;
    struct b_err err;
    (void)now_ns;
    if (!w || over(&w->last) || !svc_call_idle(call))
        return;
    if (svc_job_get(svc_jobs_store(svc_server_jobs(svc_call_server(call))), w->last.id, &job, &err) != B_OK) {
        svc_call_finish(call, &err);
        return;
    }
    if (job.state == w->last.state && job.pages_done == w->last.pages_done)
        return;
    w->last = job;
    (void)send_job(call, &job);
    if (over(&job))
        svc_call_finish(call, NULL);
}

const struct svc_method svc_watch_job = {
    .path = "/docparse.v1.Jobs/WatchJob",
    .max_message = REQUEST_MAX,
    .lasting = true,
    .message = watch_message,
    .tick = watch_tick,
    .drop = free,
};
