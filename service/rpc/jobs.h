/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_RPC_JOBS_H
#define SERVICE_RPC_JOBS_H

#include "service/rpc/job_store.h"

/* Jobs at work: feeds waiting jobs to the workers as bulk work, one ticket for each job that may run. Thread-safe
 * unless said. */
struct svc_jobs;
struct svc_call;
struct svc_desk;
struct svc_server;

enum b_code svc_jobs_new(struct svc_server *server, const char *state_dir, const struct svc_job_limits *limits,
                         struct svc_jobs **out, struct b_err *err) B_MUST_CHECK;
/* Starts the work. */
enum b_code svc_jobs_open(struct svc_jobs *jobs, struct b_err *err) B_MUST_CHECK;
/* Stops running jobs, which go back to the queue for the next start. */
void svc_jobs_stop(struct svc_jobs *jobs);
/* After the workers have ended. */
void svc_jobs_drop(struct svc_jobs *jobs);

struct svc_job_store *svc_jobs_store(const struct svc_jobs *jobs);
/* Whose thread asks the store for those who must not wait for a disk. It also removes results whose time is over. */
struct svc_desk *svc_jobs_desk(const struct svc_jobs *jobs);
/* Lets workers know that there may be something to do. Waits for the disk. */
void svc_jobs_feed(struct svc_jobs *jobs);
/* Cancels the work on a running job; false when nobody works on it. */
bool svc_jobs_cancel_running(struct svc_jobs *jobs, const char *id);

/* A call that waits for changes of a job: embedded in the call's state, with call, id and tell set. */
struct svc_job_watch {
    struct svc_job_watch *next, *previous;
    struct svc_call *call; /* no reference: it is unwatched before it is freed */
    char id[SVC_JOB_ID];
    /* On the desk's thread, with the call held: after each change, several of which may become one. False: not now, call
     * again in a second. */
    bool (*tell)(struct svc_job_watch *watch);
    bool listed, due, behind; /* the list's own */
};
/* Changes that come after this call are told. */
void svc_jobs_watch(struct svc_jobs *jobs, struct svc_job_watch *watch);
/* From the call's drop; of one that is not watched: nothing. */
void svc_jobs_unwatch(struct svc_jobs *jobs, struct svc_job_watch *watch);
/* A job is not as it was. */
void svc_jobs_changed(struct svc_jobs *jobs, const char *id);

#endif
