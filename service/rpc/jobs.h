/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_RPC_JOBS_H
#define SERVICE_RPC_JOBS_H

#include "service/rpc/job_store.h"

/* Jobs at work: feeds waiting jobs to the workers as bulk work, one ticket for each job that may run. Thread-safe
 * unless said. */
struct svc_jobs;
struct svc_server;

enum b_code svc_jobs_new(struct svc_server *server, const char *state_dir, const struct svc_job_limits *limits,
                         struct svc_jobs **out, struct b_err *err) B_MUST_CHECK;
/* Stops running jobs, which go back to the queue for the next start. */
void svc_jobs_stop(struct svc_jobs *jobs);
/* After the workers have ended. */
void svc_jobs_drop(struct svc_jobs *jobs);

struct svc_job_store *svc_jobs_store(const struct svc_jobs *jobs);
/* Lets workers know that there may be something to do. */
void svc_jobs_feed(struct svc_jobs *jobs);
/* About once a second, on the poller: feeds and removes results whose time is over. */
void svc_jobs_tick(struct svc_jobs *jobs);
/* Cancels the work on a running job; false when nobody works on it. */
bool svc_jobs_cancel_running(struct svc_jobs *jobs, const char *id);

#endif
