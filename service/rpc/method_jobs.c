/* SPDX-License-Identifier: Apache-2.0 */
/* docparse.v1.Jobs. The poller unpacks a request and puts it on the desk of the jobs, whose thread asks the job table and
 * answers: the table is on a disk, and a disk may be slow. Where clients have identities, each sees only its own jobs.
 * Invariant: a call that is on the desk is held by it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/digest.h"
#include "docparse/v1/jobs.pb-c.h"
#include "service/rpc/job_desk.h"
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
#define BUSY_RETRY_MS 1000
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

/* A request on its way over the desk. */
struct job_call {
    struct svc_desk_item item; /* first: a piece of work is its call */
    struct svc_call *call;
    struct svc_jobs *jobs;
    struct b_arena *arena;
    const void *request; /* in the arena */
    void (*answer)(struct job_call *c, const void *request);
    struct svc_job_watch watch; /* WatchJob, as what follows */
    struct svc_job last;        /* what was told */
};

static void drop_call(void *state)
{
    struct job_call *c = state;
    svc_jobs_unwatch(c->jobs, &c->watch);
    b_arena_drop(c->arena);
    free(c);
}

/* On the desk's thread. A client that has left needs no answer: what it wanted to submit is not stored. */
static void answer_at_desk(struct svc_desk_item *item)
{
    struct job_call *c = (struct job_call *)(void *)item;
    struct svc_call *call = c->call;
    struct b_err err;
    if (b_cancel_check(svc_call_cancel(call), &err) == B_OK)
        c->answer(c, c->request);
    else
        svc_call_finish(call, &err);
    svc_call_unref(call); /* may free c */
}

/* Puts a request on the desk, or ends the call. */
static void to_desk(struct svc_call *call, const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t size,
                    void (*answer)(struct job_call *c, const void *request))
{
    struct svc_jobs *jobs = jobs_of(call);
    struct b_err err;
    if (!jobs)
        return;
    struct job_call *c = calloc(1, sizeof *c);
    if (!c) {
        (void)b_fail(&err, B_NO_MEMORY, DOMAIN, "out of memory");
        svc_call_finish(call, &err);
        return;
    }
    c->call = call;
    c->jobs = jobs;
    c->answer = answer;
    c->item.run = answer_at_desk;
    (void)snprintf(c->item.client, sizeof c->item.client, "%s", svc_call_client(call));
    svc_call_set_state(call, c);
    c->request = svc_request_unpack(call, type, data, size, &c->arena);
    if (!c->request)
        return;
    svc_call_ref(call);
    if (svc_desk_put(svc_jobs_desk(jobs), &c->item))
        return;
    (void)b_fail(&err, B_LIMIT, DOMAIN, "%d requests wait for the job table already", SVC_DESK_MAX);
    svc_call_finish_with(call, SVC_GRPC_RESOURCE_EXHAUSTED, &err,
                         &(struct svc_end){.reason = "JOBS_BUSY", .retry_ms = BUSY_RETRY_MS});
    svc_call_unref(call);
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

static void submit(struct job_call *c, const void *request)
{
    const Docparse__V1__SubmitJobRequest *r = request;
    struct svc_call *call = c->call;
    struct svc_jobs *jobs = c->jobs;
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
    if (!svc_request_reader(call, r->request->options))
        return;
    wanted.kind = svc_call_ticket(call)->kind;
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
    if (svc_request_hold(call, size)) /* it waits with its document */
        to_desk(call, &docparse__v1__submit_job_request__descriptor, data, size, submit);
}

const struct svc_method svc_submit_job = {
    .path = "/docparse.v1.Jobs/SubmitJob",
    .max_message = SUBMIT_MAX,
    .message = submit_message,
    .drop = drop_call,
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

static void get(struct job_call *c, const void *request)
{
    const Docparse__V1__GetJobRequest *r = request;
    Docparse__V1__Job message;
    Docparse__V1__Problem problem;
    struct svc_job job;
    struct b_err err = {0};
    struct b_buf out;
    b_buf_init(&out, REPLY_MAX);
    enum b_code code = look(c->call, c->jobs, r->id, &job, &err);
    if (code == B_OK) {
        fill(&job, &message, &problem);
        code = svc_wire_message(&out, 1, &message.base, &err);
    }
    if (code == B_OK && r->include_result && job.state == SVC_JOB_SUCCEEDED)
        code = put_result(c->jobs, &job, &out, &err);
    if (code == B_OK)
        (void)svc_call_send(c->call, &out, false);
    svc_call_finish(c->call, code == B_OK ? NULL : &err);
    b_buf_free(&out);
}

static void get_message(struct svc_call *call, const uint8_t *data, size_t size)
{
    to_desk(call, &docparse__v1__get_job_request__descriptor, data, size, get);
}

const struct svc_method svc_get_job = {
    .path = "/docparse.v1.Jobs/GetJob",
    .max_message = REQUEST_MAX,
    .message = get_message,
    .drop = drop_call,
};

/* --- ListJobs --- */

static void list(struct job_call *c, const void *request)
{
    const Docparse__V1__ListJobsRequest *r = request;
    struct svc_call *call = c->call;
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
        found ? svc_job_list(svc_jobs_store(c->jobs), client, (enum svc_job_state)r->state, r->page_token, found, max) : 0;
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
    to_desk(call, &docparse__v1__list_jobs_request__descriptor, data, size, list);
}

const struct svc_method svc_list_jobs = {
    .path = "/docparse.v1.Jobs/ListJobs",
    .max_message = REQUEST_MAX,
    .message = list_message,
    .drop = drop_call,
};

/* --- CancelJob --- */

static void cancel(struct job_call *c, const void *request)
{
    const Docparse__V1__CancelJobRequest *r = request;
    struct svc_job job;
    struct b_err err = {0};
    enum b_code code = look(c->call, c->jobs, r->id, &job, &err);
    if (code == B_OK)
        code = svc_job_cancel(svc_jobs_store(c->jobs), r->id, &job, &err);
    if (code == B_OK && job.state == SVC_JOB_RUNNING)
        (void)svc_jobs_cancel_running(c->jobs, r->id);
    if (code == B_OK) {
        svc_jobs_changed(c->jobs, r->id);
        (void)send_job(c->call, &job);
    }
    svc_call_finish(c->call, code == B_OK ? NULL : &err);
}

static void cancel_message(struct svc_call *call, const uint8_t *data, size_t size)
{
    to_desk(call, &docparse__v1__cancel_job_request__descriptor, data, size, cancel);
}

const struct svc_method svc_cancel_job = {
    .path = "/docparse.v1.Jobs/CancelJob",
    .max_message = REQUEST_MAX,
    .message = cancel_message,
    .drop = drop_call,
};

/* --- WatchJob --- */

static bool over(const struct svc_job *job)
{
    return job->state != SVC_JOB_QUEUED && job->state != SVC_JOB_RUNNING;
}

/* Tells what has changed. Only the newest state counts: while the client has not taken the last one it is not asked for.
 */
static bool tell(struct svc_job_watch *watch)
{
    struct job_call *c = (struct job_call *)(void *)((char *)watch - offsetof(struct job_call, watch));
    struct svc_job job;
    struct b_err err;
    if (over(&c->last))
        return true;
    if (!svc_call_idle(c->call))
        return false;
    if (svc_job_get(svc_jobs_store(c->jobs), c->last.id, &job, &err) != B_OK) {
        svc_call_finish(c->call, &err);
        return true;
    }
    if (job.state == c->last.state && job.pages_done == c->last.pages_done && job.pages_to_read == c->last.pages_to_read)
        return true;
    c->last = job;
    (void)send_job(c->call, &job);
    if (over(&job))
        svc_call_finish(c->call, NULL);
    return true;
}

/* Watched first and looked at then, so that nothing is missed in between. */
static void watch(struct job_call *c, const void *request)
{
    const Docparse__V1__WatchJobRequest *r = request;
    struct b_err err = {0};
    c->watch.call = c->call;
    c->watch.tell = tell;
    (void)snprintf(c->watch.id, sizeof c->watch.id, "%s", r->id);
    svc_jobs_watch(c->jobs, &c->watch);
    const enum b_code code = look(c->call, c->jobs, r->id, &c->last, &err);
    if (code == B_OK)
        (void)send_job(c->call, &c->last);
    else
        svc_jobs_unwatch(c->jobs, &c->watch);
    if (code != B_OK || over(&c->last))
        svc_call_finish(c->call, code == B_OK ? NULL : &err);
}

static void watch_message(struct svc_call *call, const uint8_t *data, size_t size)
{
    to_desk(call, &docparse__v1__watch_job_request__descriptor, data, size, watch);
}

const struct svc_method svc_watch_job = {
    .path = "/docparse.v1.Jobs/WatchJob",
    .max_message = REQUEST_MAX,
    .lasting = true,
    .message = watch_message,
    .drop = drop_call,
};
