/* SPDX-License-Identifier: Apache-2.0 */
/* The job table against crashes, time and full disks: opening it for one process alone, taking up what an ended process
 * left, removing what is too old. Invariant: no job is left running that nobody works on, and no result goes before the
 * time that it was promised, whatever the clock does. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/file.h"
#include "engine/base/log.h"
#include "service/rpc/job_store_private.h"

#define BUSY_MS 5000
#define LEAST_MS (3600LL * 1000) /* what a result has left at least when the clock is set */

static const char schema[] =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
    "CREATE TABLE IF NOT EXISTS jobs(seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, state INTEGER NOT "
    "NULL,"
    " name TEXT NOT NULL, client TEXT NOT NULL, key TEXT NOT NULL, sha256 TEXT NOT NULL, status INTEGER NOT NULL "
    "DEFAULT 0,"
    " reason TEXT NOT NULL DEFAULT '', domain TEXT NOT NULL DEFAULT '', message TEXT NOT NULL DEFAULT '',"
    " pages_to_read INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0, created INTEGER NOT NULL,"
    " started INTEGER NOT NULL DEFAULT 0, ended INTEGER NOT NULL DEFAULT 0, expires INTEGER NOT NULL DEFAULT 0,"
    " bytes INTEGER NOT NULL, options BLOB NOT NULL, info BLOB, rendered BLOB);"
    "CREATE UNIQUE INDEX IF NOT EXISTS jobs_key ON jobs(client, key) WHERE key <> '';"
    "CREATE INDEX IF NOT EXISTS jobs_state ON jobs(state, seq);"
    "CREATE TABLE IF NOT EXISTS pages(job TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE, number INTEGER NOT NULL,"
    " status INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY(job, number)) WITHOUT ROWID;";

int64_t svc_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

enum b_code svc_store_failed(const struct svc_job_store *s, struct b_err *err)
{
    const int rc = sqlite3_errcode(s->db);
    const enum b_code code = rc == SQLITE_TOOBIG ? B_LIMIT : rc == SQLITE_NOMEM ? B_NO_MEMORY : B_IO;
    (void)b_fail(err, code, DOMAIN, "the job table in %s: %s", s->dir, sqlite3_errmsg(s->db));
    if (rc == SQLITE_FULL && err)
        b_advise(err, "make room on the disk");
    return code;
}

sqlite3_stmt *svc_store_prepare(const struct svc_job_store *s, const char *sql)
{
    sqlite3_stmt *q = NULL;
    return sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) == SQLITE_OK ? q : NULL;
}

void svc_store_bind(sqlite3_stmt *q, int at, const char *text)
{
    sqlite3_bind_text(q, at, text, -1, SQLITE_TRANSIENT);
}

enum b_code svc_store_finish(const struct svc_job_store *s, sqlite3_stmt *q, struct b_err *err)
{
    const bool done = q && sqlite3_step(q) == SQLITE_DONE;
    enum b_code code = done ? B_OK : svc_store_failed(s, err);
    sqlite3_finalize(q);
    return code;
}

int64_t svc_store_number(const struct svc_job_store *s, const char *sql)
{
    sqlite3_stmt *q = svc_store_prepare(s, sql);
    const int64_t n = q && sqlite3_step(q) == SQLITE_ROW ? sqlite3_column_int64(q, 0) : 0;
    sqlite3_finalize(q);
    return n;
}

bool svc_store_path(const struct svc_job_store *s, const char *id, char out[PATH_BYTES])
{
    const int n = snprintf(out, PATH_BYTES, "%s/documents/%s", s->dir, id);
    return n > 0 && n < PATH_BYTES;
}

/* Files of documents without a row: left by a crash between the two. */
static void remove_orphans(const struct svc_job_store *s)
{
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/documents", s->dir);
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] == '.' && (e->d_name[1] == '\0' || e->d_name[1] == '.'))
            continue;
        sqlite3_stmt *q = svc_store_prepare(s, "SELECT 1 FROM jobs WHERE id = ?");
        svc_store_bind(q, 1, e->d_name);
        if (q && sqlite3_step(q) == SQLITE_DONE && svc_store_path(s, e->d_name, path))
            (void)unlink(path);
        sqlite3_finalize(q);
    }
    if (dir)
        closedir(dir);
}

/* Jobs that were running when the process ended. */
static enum b_code recover(struct svc_job_store *s, struct b_err *err)
{
    sqlite3_stmt *q =
        svc_store_prepare(s, "UPDATE jobs SET state = ?, reason = 'POISON', domain = 'jobs', ended = ?, expires = ?,"
                             " message = 'the process ended each time it worked on this document'"
                             " WHERE state = ? AND attempts >= ?");
    const int64_t now = svc_now_ms();
    sqlite3_bind_int(q, 1, SVC_JOB_FAILED);
    sqlite3_bind_int64(q, 2, now);
    sqlite3_bind_int64(q, 3, now + s->limits.keep_ms);
    sqlite3_bind_int(q, 4, SVC_JOB_RUNNING);
    sqlite3_bind_int(q, 5, s->limits.max_attempts);
    enum b_code code = svc_store_finish(s, q, err);
    if (code != B_OK)
        return code;
    q = svc_store_prepare(s, "UPDATE jobs SET state = ? WHERE state = ?");
    sqlite3_bind_int(q, 1, SVC_JOB_QUEUED);
    sqlite3_bind_int(q, 2, SVC_JOB_RUNNING);
    code = svc_store_finish(s, q, err);
    if (code == B_OK)
        remove_orphans(s);
    return code;
}

/* One process at a time: two would give each other's running jobs back to the queue. A lock of the process, not of the
 * open file, so that children do not keep it alive. */
static enum b_code lock_folder(struct svc_job_store *s, struct b_err *err)
{
    char path[PATH_BYTES];
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    (void)snprintf(path, sizeof path, "%s/lock", s->dir);
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock_fd < 0)
        return b_fail(err, B_IO, DOMAIN, "%s cannot be opened: %s", path, strerror(errno));
    if (fcntl(s->lock_fd, F_SETLK, &whole) == 0)
        return B_OK;
    (void)b_fail(err, B_IO, DOMAIN, "another process uses the state folder %s", s->dir);
    b_advise(err, "give each server a --state-dir of its own, or stop the other one");
    return B_IO;
}

/* Tables made before jobs had a kind. */
static enum b_code add_kind(const struct svc_job_store *s, struct b_err *err)
{
    if (svc_store_number(s, "SELECT count(*) FROM pragma_table_info('jobs') WHERE name = 'kind'") > 0)
        return B_OK;
    return svc_store_finish(s, svc_store_prepare(s, "ALTER TABLE jobs ADD COLUMN kind INTEGER NOT NULL DEFAULT 0"), err);
}

static enum b_code open_table(struct svc_job_store *s, struct b_err *err)
{
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/jobs.db", s->dir);
    if (sqlite3_open(path, &s->db) != SQLITE_OK)
        return svc_store_failed(s, err);
    sqlite3_busy_timeout(s->db, BUSY_MS);
    if (sqlite3_exec(s->db, schema, NULL, NULL, NULL) != SQLITE_OK)
        return svc_store_failed(s, err);
    enum b_code code = add_kind(s, err);
    if (code == B_OK)
        code = recover(s, err);
    s->used = (uint64_t)svc_store_number(s, "SELECT (SELECT coalesce(sum(bytes), 0) FROM jobs)"
                                            " + (SELECT coalesce(sum(length(data)), 0) FROM pages)");
    return code;
}

enum b_code svc_job_store_open(const char *state_dir, const struct svc_job_limits *limits, struct svc_job_store **out,
                               struct b_err *err)
{
    char path[PATH_BYTES];
    struct svc_job_store *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    pthread_mutex_init(&s->lock, NULL);
    s->limits = *limits;
    s->lock_fd = -1;
    enum b_code code = B_OK;
    if (snprintf(s->dir, sizeof s->dir, "%s", state_dir) >= (int)sizeof s->dir)
        code = b_fail(err, B_ARGUMENT, DOMAIN, "the state folder's name is too long");
    (void)snprintf(path, sizeof path, "%s/documents", s->dir);
    if (code == B_OK)
        code = b_make_dirs(path, err);
    if (code == B_OK)
        code = lock_folder(s, err);
    if (code == B_OK)
        code = open_table(s, err);
    if (code != B_OK) {
        svc_job_store_close(s);
        return code;
    }
    *out = s;
    return B_OK;
}

void svc_job_store_close(struct svc_job_store *s)
{
    if (!s)
        return;
    sqlite3_close(s->db);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* Bytes of the jobs whose time is over. */
static uint64_t expired_bytes(const struct svc_job_store *s, int64_t now_ms)
{
    sqlite3_stmt *q = svc_store_prepare(
        s, "SELECT coalesce(sum(bytes + (SELECT coalesce(sum(length(data)), 0) FROM pages WHERE job = id)), 0)"
           " FROM jobs WHERE expires > 0 AND expires < ?");
    sqlite3_bind_int64(q, 1, now_ms);
    const uint64_t n = q && sqlite3_step(q) == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(q, 0) : 0;
    sqlite3_finalize(q);
    return n;
}

void svc_job_expire(struct svc_job_store *s, int64_t now_ms)
{
    struct b_err err;
    pthread_mutex_lock(&s->lock);
    const uint64_t bytes = expired_bytes(s, now_ms);
    sqlite3_stmt *q = svc_store_prepare(s, "DELETE FROM jobs WHERE expires > 0 AND expires < ?");
    sqlite3_bind_int64(q, 1, now_ms);
    if (svc_store_finish(s, q, &err) != B_OK)
        b_log(B_LOG_ERROR, DOMAIN, "%s", err.message);
    else
        s->used -= bytes < s->used ? bytes : s->used;
    pthread_mutex_unlock(&s->lock);
}

enum b_code svc_job_clock_set(struct svc_job_store *s, int64_t now_ms, int64_t by_ms, struct b_err *err)
{
    pthread_mutex_lock(&s->lock);
    sqlite3_stmt *q = svc_store_prepare(s, "UPDATE jobs SET expires = max(expires + ?, ?) WHERE expires > 0");
    sqlite3_bind_int64(q, 1, by_ms);
    sqlite3_bind_int64(q, 2, now_ms + (s->limits.keep_ms < LEAST_MS ? s->limits.keep_ms : LEAST_MS));
    const enum b_code code = svc_store_finish(s, q, err);
    pthread_mutex_unlock(&s->lock);
    return code;
}

size_t svc_job_running(struct svc_job_store *s, char (*ids)[SVC_JOB_ID], size_t max)
{
    size_t n = 0;
    pthread_mutex_lock(&s->lock);
    sqlite3_stmt *q = svc_store_prepare(s, "SELECT id FROM jobs WHERE state = 2 ORDER BY seq LIMIT ?");
    sqlite3_bind_int64(q, 1, (sqlite3_int64)max);
    while (q && n < max && sqlite3_step(q) == SQLITE_ROW)
        (void)snprintf(ids[n++], SVC_JOB_ID, "%s", (const char *)sqlite3_column_text(q, 0));
    sqlite3_finalize(q);
    pthread_mutex_unlock(&s->lock);
    return n;
}
