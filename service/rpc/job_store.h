/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_RPC_JOB_STORE_H
#define SERVICE_RPC_JOB_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "service/rpc/admission.h"

/* Jobs on disk: STATE/jobs.db (SQLite, write-ahead log) holds everything but the documents, which are files
 * below STATE/documents. What is acknowledged is on the disk: a process that is killed at any moment loses no
 * accepted job, and a finished page is not read twice. Knows nothing of gRPC. Thread-safe: one lock. */
struct svc_job_store;

enum svc_job_state { SVC_JOB_QUEUED = 1, SVC_JOB_RUNNING, SVC_JOB_SUCCEEDED, SVC_JOB_FAILED, SVC_JOB_CANCELLED };

#define SVC_JOB_ID 33       /* 32 hex digits and the terminator */
#define SVC_JOB_KEY_MAX 128 /* bytes of an idempotency key */

struct svc_job {
    char id[SVC_JOB_ID];
    enum svc_job_state state;
    enum svc_kind kind; /* whose threads read it; filled by svc_job_start, taken by svc_job_submit */
    char name[256], client[64], key[SVC_JOB_KEY_MAX + 1], sha256[65];
    int status;                                /* of the document once it has ended: enum dp_status + 1; 0 before */
    char reason[32], domain[24], message[384]; /* why it failed */
    int32_t pages_done, pages_to_read;
    int attempts;
    int64_t created_ms, started_ms, ended_ms, expires_ms;
};

struct svc_job_limits {
    int max_attempts;    /* starts after which a job that ends its process is given up */
    int64_t keep_ms;     /* how long results stay */
    uint64_t disk_bytes; /* documents and results together; new jobs are refused above it */
    int max_open;        /* jobs waiting and running */
};

/* Opens or makes the store; jobs that were running go back to the queue, or fail when they used up their
 * attempts. */
enum b_code svc_job_store_open(const char *state_dir, const struct svc_job_limits *limits, struct svc_job_store **out,
                               struct b_err *err) B_MUST_CHECK;
void svc_job_store_close(struct svc_job_store *store);
/* For what comes from now on. */
void svc_job_set_limits(struct svc_job_store *store, const struct svc_job_limits *limits);

/* Stores a job with its document and its packed options. With a key that this client used before, *job is the
 * old one and *existing is set; B_ARGUMENT when it was used for another document or other options. B_LIMIT:
 * disk budget or number of open jobs. */
enum b_code svc_job_submit(struct svc_job_store *store, const struct svc_job *wanted, const void *document, size_t size,
                           const void *options, size_t options_size, struct svc_job *job, bool *existing,
                           struct b_err *err) B_MUST_CHECK;

enum b_code svc_job_get(struct svc_job_store *store, const char *id, struct svc_job *job,
                        struct b_err *err) B_MUST_CHECK;

/* Newest first. client NULL: of all clients. state 0: all. token: id of the last job seen, "" from the start. Returns
 * how many were filled. */
size_t svc_job_list(struct svc_job_store *store, const char *client, enum svc_job_state state, const char *token,
                    struct svc_job *jobs, size_t max);

/* The oldest waiting job of a kind, marked as running with its attempt counted. Its document and options come into the buffers.
 * B_NOT_FOUND with an empty id: none waits; with an id: its document is gone. Other codes: not now. */
enum b_code svc_job_start(struct svc_job_store *store, enum svc_kind kind, struct svc_job *job, struct b_buf *document,
                          struct b_buf *options, struct b_err *err) B_MUST_CHECK;
/* Puts a running job back into the queue without counting the attempt (the server stops, the disk is full). */
enum b_code svc_job_requeue(struct svc_job_store *store, const char *id, struct b_err *err) B_MUST_CHECK;
/* Ids of jobs that are marked as running; returns how many were filled. */
size_t svc_job_running(struct svc_job_store *store, char (*ids)[SVC_JOB_ID], size_t max);

enum b_code svc_job_opened(struct svc_job_store *store, const char *id, int32_t pages_to_read, const void *info,
                           size_t size, struct b_err *err) B_MUST_CHECK;
/* A finished page, packed; status is enum dp_status. */
enum b_code svc_job_page(struct svc_job_store *store, const char *id, int32_t number, int status, const void *page,
                         size_t size, struct b_err *err) B_MUST_CHECK;
/* Numbers of the stored pages in ascending order; returns how many there are, of which at most max are filled. */
size_t svc_job_pages(struct svc_job_store *store, const char *id, int32_t *numbers, size_t max);
/* The document's status by its stored pages (enum dp_status). */
int svc_job_pages_status(struct svc_job_store *store, const char *id);
/* How many jobs of a kind wait; SVC_KINDS: of all. */
int svc_job_waiting(struct svc_job_store *store, enum svc_kind kind);
/* Ends a job: status >= 0 is the document's, failed jobs give status -1 and the problem. */
enum b_code svc_job_end(struct svc_job_store *store, const char *id, enum svc_job_state state, int status,
                        const struct b_err *problem, const char *reason, const void *rendered, size_t size,
                        struct b_err *err) B_MUST_CHECK;
/* A waiting job is cancelled at once; of a running one the caller stops the work. B_NOT_FOUND. */
enum b_code svc_job_cancel(struct svc_job_store *store, const char *id, struct svc_job *job,
                           struct b_err *err) B_MUST_CHECK;

/* What was stored of a job, for its result: info once, pages in order, rendered once. */
enum b_code svc_job_result(struct svc_job_store *store, const char *id, struct b_buf *info,
                           enum b_code (*page)(void *ctx, const void *data, size_t size, struct b_err *err), void *ctx,
                           struct b_buf *rendered, struct b_err *err) B_MUST_CHECK;

/* Removes results whose time is over; called now and then. */
void svc_job_expire(struct svc_job_store *store, int64_t now_ms);
/* The system's clock was set by so much: results keep the time that they had left, an hour at least. */
enum b_code svc_job_clock_set(struct svc_job_store *store, int64_t now_ms, int64_t by_ms,
                              struct b_err *err) B_MUST_CHECK;

int64_t svc_now_ms(void); /* Unix time */

#endif
