/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_RPC_JOB_STORE_PRIVATE_H
#define SERVICE_RPC_JOB_STORE_PRIVATE_H

#include <pthread.h>
#include <sqlite3.h>

#include "service/rpc/job_store.h"

/* Between job_store.c (the life of a job) and job_keep.c (opening, recovery, what time and disk do to it). Everything
 * here is called with the store's lock held, or before others know the store. */

#define DOMAIN "jobs"
#define PATH_BYTES 4096

struct svc_job_store {
    pthread_mutex_t lock;
    sqlite3 *db;
    struct svc_job_limits limits;
    char dir[PATH_BYTES - 64];
    int lock_fd;   /* of STATE/lock, which one process holds */
    uint64_t used; /* bytes of documents and results; kept, because a sum over all pages is no work for each call */
};

/* B_IO: the disk is full or fails, try again later; B_LIMIT: this row is too large for any disk. */
enum b_code svc_store_failed(const struct svc_job_store *s, struct b_err *err);
sqlite3_stmt *svc_store_prepare(const struct svc_job_store *s, const char *sql);
void svc_store_bind(sqlite3_stmt *q, int at, const char *text);
/* Runs a statement without rows and ends it. */
enum b_code svc_store_finish(const struct svc_job_store *s, sqlite3_stmt *q, struct b_err *err) B_MUST_CHECK;
int64_t svc_store_number(const struct svc_job_store *s, const char *sql);
bool svc_store_path(const struct svc_job_store *s, const char *id, char out[PATH_BYTES]);

#endif
