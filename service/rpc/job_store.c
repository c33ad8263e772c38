/* SPDX-License-Identifier: Apache-2.0 */
/* The job table. Every change is one SQLite transaction with synchronous=FULL, so that an answer means that the
 * disk has it. A document's file is written and synced before its row exists: a crash in between leaves a file
 * without a row, which the next opening removes. Invariant: rows name files that are whole. */
#include "service/rpc/job_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "docparse/document.h"
#include "engine/base/file.h"
#include "engine/base/log.h"

#define DOMAIN "jobs"
#define PATH_BYTES 4096
#define BUSY_MS 5000
#define DOCUMENT_MAX ((uint64_t)4 << 30)

struct svc_job_store {
    pthread_mutex_t lock;
    sqlite3 *db;
    struct svc_job_limits limits;
    char dir[PATH_BYTES - 64];
};

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

#define JOB_COLUMNS                                                                                                    \
    "id, state, name, client, key, sha256, status, reason, domain, message, pages_to_read, attempts, created, "        \
    "started,"                                                                                                         \
    " ended, expires, (SELECT count(*) FROM pages WHERE job = id)"

int64_t svc_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static enum b_code failed(const struct svc_job_store *s, struct b_err *err)
{
    const int rc = sqlite3_errcode(s->db);
    const enum b_code code = rc == SQLITE_FULL ? B_LIMIT : rc == SQLITE_NOMEM ? B_NO_MEMORY : B_IO;
    return b_fail(err, code, DOMAIN, "the job table in %s: %s", s->dir, sqlite3_errmsg(s->db));
}

static sqlite3_stmt *prepare(const struct svc_job_store *s, const char *sql)
{
    sqlite3_stmt *q = NULL;
    return sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) == SQLITE_OK ? q : NULL;
}

static void bind_text(sqlite3_stmt *q, int at, const char *text)
{
    sqlite3_bind_text(q, at, text, -1, SQLITE_TRANSIENT);
}

/* Runs a statement without rows and ends it. */
static enum b_code finish(const struct svc_job_store *s, sqlite3_stmt *q, struct b_err *err)
{
    const bool done = q && sqlite3_step(q) == SQLITE_DONE;
    enum b_code code = done ? B_OK : failed(s, err);
    sqlite3_finalize(q);
    return code;
}

static void take_text(sqlite3_stmt *q, int at, char *out, size_t size)
{
    const char *text = (const char *)sqlite3_column_text(q, at);
    (void)snprintf(out, size, "%s", text ? text : "");
}

static void take_job(sqlite3_stmt *q, struct svc_job *job)
{
    *job = (struct svc_job){.state = (enum svc_job_state)sqlite3_column_int(q, 1),
                            .status = sqlite3_column_int(q, 6),
                            .pages_to_read = sqlite3_column_int(q, 10),
                            .attempts = sqlite3_column_int(q, 11),
                            .created_ms = sqlite3_column_int64(q, 12),
                            .started_ms = sqlite3_column_int64(q, 13),
                            .ended_ms = sqlite3_column_int64(q, 14),
                            .expires_ms = sqlite3_column_int64(q, 15),
                            .pages_done = sqlite3_column_int(q, 16)};
    take_text(q, 0, job->id, sizeof job->id);
    take_text(q, 2, job->name, sizeof job->name);
    take_text(q, 3, job->client, sizeof job->client);
    take_text(q, 4, job->key, sizeof job->key);
    take_text(q, 5, job->sha256, sizeof job->sha256);
    take_text(q, 7, job->reason, sizeof job->reason);
    take_text(q, 8, job->domain, sizeof job->domain);
    take_text(q, 9, job->message, sizeof job->message);
}

static bool document_path(const struct svc_job_store *s, const char *id, char out[PATH_BYTES])
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
        sqlite3_stmt *q = prepare(s, "SELECT 1 FROM jobs WHERE id = ?");
        bind_text(q, 1, e->d_name);
        if (q && sqlite3_step(q) == SQLITE_DONE && document_path(s, e->d_name, path))
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
        prepare(s, "UPDATE jobs SET state = ?, reason = 'POISON', domain = 'jobs', ended = ?, expires = ?,"
                   " message = 'the process ended each time it worked on this document'"
                   " WHERE state = ? AND attempts >= ?");
    const int64_t now = svc_now_ms();
    sqlite3_bind_int(q, 1, SVC_JOB_FAILED);
    sqlite3_bind_int64(q, 2, now);
    sqlite3_bind_int64(q, 3, now + s->limits.keep_ms);
    sqlite3_bind_int(q, 4, SVC_JOB_RUNNING);
    sqlite3_bind_int(q, 5, s->limits.max_attempts);
    enum b_code code = finish(s, q, err);
    if (code != B_OK)
        return code;
    q = prepare(s, "UPDATE jobs SET state = ? WHERE state = ?");
    sqlite3_bind_int(q, 1, SVC_JOB_QUEUED);
    sqlite3_bind_int(q, 2, SVC_JOB_RUNNING);
    code = finish(s, q, err);
    if (code == B_OK)
        remove_orphans(s);
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
    enum b_code code = B_OK;
    if (snprintf(s->dir, sizeof s->dir, "%s", state_dir) >= (int)sizeof s->dir)
        code = b_fail(err, B_ARGUMENT, DOMAIN, "the state folder's name is too long");
    (void)snprintf(path, sizeof path, "%s/documents", s->dir);
    if (code == B_OK)
        code = b_make_dirs(path, err);
    (void)snprintf(path, sizeof path, "%s/jobs.db", s->dir);
    if (code == B_OK && sqlite3_open(path, &s->db) != SQLITE_OK)
        code = failed(s, err);
    if (code == B_OK) {
        sqlite3_busy_timeout(s->db, BUSY_MS);
        if (sqlite3_exec(s->db, schema, NULL, NULL, NULL) != SQLITE_OK)
            code = failed(s, err);
    }
    if (code == B_OK)
        code = recover(s, err);
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
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static enum b_code find(const struct svc_job_store *s, const char *id, struct svc_job *job, struct b_err *err)
{
    sqlite3_stmt *q = prepare(s, "SELECT " JOB_COLUMNS " FROM jobs WHERE id = ?");
    bind_text(q, 1, id);
    const int rc = q ? sqlite3_step(q) : SQLITE_ERROR;
    enum b_code code = B_OK;
    if (rc == SQLITE_ROW)
        take_job(q, job);
    else if (rc == SQLITE_DONE)
        code = b_fail(err, B_NOT_FOUND, DOMAIN, "there is no job '%.40s', or its result has expired", id);
    else
        code = failed(s, err);
    sqlite3_finalize(q);
    return code;
}

enum b_code svc_job_get(struct svc_job_store *s, const char *id, struct svc_job *job, struct b_err *err)
{
    pthread_mutex_lock(&s->lock);
    const enum b_code code = find(s, id, job, err);
    pthread_mutex_unlock(&s->lock);
    return code;
}

static int64_t number_of(const struct svc_job_store *s, const char *sql)
{
    sqlite3_stmt *q = prepare(s, sql);
    const int64_t n = q && sqlite3_step(q) == SQLITE_ROW ? sqlite3_column_int64(q, 0) : 0;
    sqlite3_finalize(q);
    return n;
}

/* B_OK with *existing when the client used this key before for the same thing. */
static enum b_code look_for_key(const struct svc_job_store *s, const struct svc_job *wanted, const void *options,
                                size_t options_size, struct svc_job *job, bool *existing, struct b_err *err)
{
    *existing = false;
    if (!wanted->key[0])
        return B_OK;
    sqlite3_stmt *q = prepare(s, "SELECT " JOB_COLUMNS ", options FROM jobs WHERE client = ? AND key = ?");
    bind_text(q, 1, wanted->client);
    bind_text(q, 2, wanted->key);
    enum b_code code = B_OK;
    if (q && sqlite3_step(q) == SQLITE_ROW) {
        take_job(q, job);
        *existing = true;
        const size_t size = (size_t)sqlite3_column_bytes(q, 17);
        if (strcmp(job->sha256, wanted->sha256) != 0 || size != options_size ||
            (size > 0 && memcmp(sqlite3_column_blob(q, 17), options, size) != 0))
            code = b_fail(err, B_ARGUMENT, DOMAIN, "this idempotency key stands for another document or other options");
    }
    sqlite3_finalize(q);
    return code;
}

void svc_job_set_limits(struct svc_job_store *s, const struct svc_job_limits *limits)
{
    pthread_mutex_lock(&s->lock);
    s->limits = *limits;
    pthread_mutex_unlock(&s->lock);
}

static enum b_code has_room(const struct svc_job_store *s, size_t size, struct b_err *err)
{
    const int64_t used = number_of(s, "SELECT (SELECT coalesce(sum(bytes), 0) FROM jobs)"
                                      " + (SELECT coalesce(sum(length(data)), 0) FROM pages)");
    if ((uint64_t)used + size > s->limits.disk_bytes)
        return b_fail(err, B_LIMIT, DOMAIN, "jobs use %lld of %llu bytes on disk", (long long)used,
                      (unsigned long long)s->limits.disk_bytes);
    if (number_of(s, "SELECT count(*) FROM jobs WHERE state <= 2") >= s->limits.max_open)
        return b_fail(err, B_LIMIT, DOMAIN, "%d jobs wait or run already", s->limits.max_open);
    return B_OK;
}

static enum b_code new_id(char out[SVC_JOB_ID], struct b_err *err)
{
    uint8_t bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return b_fail(err, B_LIBRARY, DOMAIN, "the system gives no random numbers");
    for (size_t i = 0; i < sizeof bytes; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    return B_OK;
}

static enum b_code write_document(const char *path, const void *data, size_t size, struct b_err *err)
{
    struct b_outfile *file = NULL;
    enum b_code code = b_outfile_open(path, &file, err);
    if (code != B_OK)
        return code;
    code = b_outfile_write(file, data, size, err);
    if (code != B_OK) {
        b_outfile_abort(file);
        return code;
    }
    code = b_outfile_commit(file, err);
    if (code != B_OK)
        return code;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        code = b_fail(err, B_IO, DOMAIN, "the document is not safely on the disk: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    return code;
}

static enum b_code insert_job(struct svc_job_store *s, const struct svc_job *job, size_t size, const void *options,
                              size_t options_size, struct b_err *err)
{
    sqlite3_stmt *q = prepare(s, "INSERT INTO jobs(id, state, name, client, key, sha256, created, bytes, options)"
                                 " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)");
    bind_text(q, 1, job->id);
    sqlite3_bind_int(q, 2, SVC_JOB_QUEUED);
    bind_text(q, 3, job->name);
    bind_text(q, 4, job->client);
    bind_text(q, 5, job->key);
    bind_text(q, 6, job->sha256);
    sqlite3_bind_int64(q, 7, job->created_ms);
    sqlite3_bind_int64(q, 8, (sqlite3_int64)size);
    sqlite3_bind_blob(q, 9, options_size ? options : "", (int)options_size, SQLITE_TRANSIENT);
    return finish(s, q, err);
}

enum b_code svc_job_submit(struct svc_job_store *s, const struct svc_job *wanted, const void *document, size_t size,
                           const void *options, size_t options_size, struct svc_job *job, bool *existing,
                           struct b_err *err)
{
    char path[PATH_BYTES];
    pthread_mutex_lock(&s->lock);
    enum b_code code = look_for_key(s, wanted, options, options_size, job, existing, err);
    if (code != B_OK || *existing)
        goto out;
    code = has_room(s, size, err);
    *job = *wanted;
    job->state = SVC_JOB_QUEUED;
    job->created_ms = svc_now_ms();
    if (code == B_OK)
        code = new_id(job->id, err);
    if (code == B_OK && !document_path(s, job->id, path))
        code = b_fail(err, B_INTERNAL, DOMAIN, "a path is too long");
    if (code == B_OK)
        code = write_document(path, document, size, err);
    if (code == B_OK) {
        code = insert_job(s, job, size, options, options_size, err);
        if (code != B_OK)
            (void)unlink(path);
    }
out:
    pthread_mutex_unlock(&s->lock);
    return code;
}

size_t svc_job_list(struct svc_job_store *s, const char *client, enum svc_job_state state, const char *token,
                    struct svc_job *jobs, size_t max)
{
    size_t n = 0;
    pthread_mutex_lock(&s->lock);
    sqlite3_stmt *q =
        prepare(s, "SELECT " JOB_COLUMNS " FROM jobs WHERE (?1 = 0 OR state = ?1) AND"
                   " (?2 = '' OR seq < (SELECT seq FROM jobs WHERE id = ?2)) AND (?4 IS NULL OR client = ?4)"
                   " ORDER BY seq DESC LIMIT ?3");
    sqlite3_bind_int(q, 1, (int)state);
    bind_text(q, 2, token);
    sqlite3_bind_int64(q, 3, (sqlite3_int64)max);
    if (client)
        bind_text(q, 4, client);
    while (q && n < max && sqlite3_step(q) == SQLITE_ROW)
        take_job(q, &jobs[n++]);
    sqlite3_finalize(q);
    pthread_mutex_unlock(&s->lock);
    return n;
}

static enum b_code read_document(const struct svc_job_store *s, const char *id, struct b_buf *out, struct b_err *err)
{
    char path[PATH_BYTES];
    struct b_bytes bytes;
    if (!document_path(s, id, path))
        return b_fail(err, B_INTERNAL, DOMAIN, "a path is too long");
    enum b_code code = b_bytes_map(path, DOCUMENT_MAX, &bytes, err);
    if (code != B_OK)
        return code;
    b_buf_append(out, bytes.data, bytes.size);
    b_bytes_close(&bytes);
    return b_buf_check(out, DOMAIN, err);
}

enum b_code svc_job_start(struct svc_job_store *s, struct svc_job *job, struct b_buf *document, struct b_buf *options,
                          struct b_err *err)
{
    pthread_mutex_lock(&s->lock);
    sqlite3_stmt *q = prepare(s, "SELECT " JOB_COLUMNS ", options FROM jobs WHERE state = ? ORDER BY seq LIMIT 1");
    sqlite3_bind_int(q, 1, SVC_JOB_QUEUED);
    const int rc = q ? sqlite3_step(q) : SQLITE_ERROR;
    enum b_code code = rc == SQLITE_ROW ? B_OK : rc == SQLITE_DONE ? B_NOT_FOUND : failed(s, err);
    if (code == B_OK) {
        take_job(q, job);
        b_buf_append(options, sqlite3_column_blob(q, 17), (size_t)sqlite3_column_bytes(q, 17));
    }
    sqlite3_finalize(q);
    if (code == B_OK)
        code = read_document(s, job->id, document, err);
    if (code == B_OK) {
        q = prepare(s, "UPDATE jobs SET state = ?, attempts = attempts + 1, started = ? WHERE id = ?");
        sqlite3_bind_int(q, 1, SVC_JOB_RUNNING);
        sqlite3_bind_int64(q, 2, svc_now_ms());
        bind_text(q, 3, job->id);
        code = finish(s, q, err);
        job->attempts++;
        job->state = SVC_JOB_RUNNING;
    }
    pthread_mutex_unlock(&s->lock);
    return code;
}

void svc_job_requeue(struct svc_job_store *s, const char *id)
{
    struct b_err err;
    pthread_mutex_lock(&s->lock);
    sqlite3_stmt *q =
        prepare(s, "UPDATE jobs SET state = ?, attempts = max(attempts - 1, 0) WHERE id = ? AND state = ?");
    sqlite3_bind_int(q, 1, SVC_JOB_QUEUED);
    bind_text(q, 2, id);
    sqlite3_bind_int(q, 3, SVC_JOB_RUNNING);
    if (finish(s, q, &err) != B_OK)
        b_log(B_LOG_ERROR, DOMAIN, "%s", err.message);
    pthread_mutex_unlock(&s->lock);
}

enum b_code svc_job_opened(struct svc_job_store *s, const char *id, int32_t pages_to_read, const void *info,
                           size_t size, struct b_err *err)
{
    pthread_mutex_lock(&s->lock);
    sqlite3_stmt *q = prepare(s, "UPDATE jobs SET pages_to_read = max(pages_to_read, ?), info = ? WHERE id = ?");
    sqlite3_bind_int(q, 1, pages_to_read);
    sqlite3_bind_blob(q, 2, size ? info : "", (int)size, SQLITE_TRANSIENT);
    bind_text(q, 3, id);
    const enum b_code code = finish(s, q, err);
    pthread_mutex_unlock(&s->lock);
    return code;
}

enum b_code svc_job_page(struct svc_job_store *s, const char *id, int32_t number, int status, const void *page,
                         size_t size, struct b_err *err)
{
    pthread_mutex_lock(&s->lock);
    sqlite3_stmt *q = prepare(s, "INSERT OR REPLACE INTO pages(job, number, status, data) VALUES(?, ?, ?, ?)");
    bind_text(q, 1, id);
    sqlite3_bind_int(q, 2, number);
    sqlite3_bind_int(q, 3, status);
    sqlite3_bind_blob64(q, 4, size ? page : "", size, SQLITE_TRANSIENT);
    const enum b_code code = finish(s, q, err);
    pthread_mutex_unlock(&s->lock);
    return code;
}

size_t svc_job_pages(struct svc_job_store *s, const char *id, int32_t *numbers, size_t max)
{
    size_t n = 0;
    pthread_mutex_lock(&s->lock);
    sqlite3_stmt *q = prepare(s, "SELECT number FROM pages WHERE job = ? ORDER BY number");
    bind_text(q, 1, id);
    for (; q && sqlite3_step(q) == SQLITE_ROW; n++)
        if (n < max)
            numbers[n] = sqlite3_column_int(q, 0);
    sqlite3_finalize(q);
    pthread_mutex_unlock(&s->lock);
    return n;
}

int svc_job_pages_status(struct svc_job_store *s, const char *id)
{
    int64_t all = 0, fine = 0, lost = 0;
    pthread_mutex_lock(&s->lock);
    sqlite3_stmt *q = prepare(s, "SELECT count(*), sum(status = 0), sum(status = 2) FROM pages WHERE job = ?");
    bind_text(q, 1, id);
    if (q && sqlite3_step(q) == SQLITE_ROW) {
        all = sqlite3_column_int64(q, 0);
        fine = sqlite3_column_int64(q, 1);
        lost = sqlite3_column_int64(q, 2);
    }
    sqlite3_finalize(q);
    pthread_mutex_unlock(&s->lock);
    return fine == all ? DP_STATUS_OK : lost == all ? DP_STATUS_FAILED : DP_STATUS_PARTIAL;
}

int svc_job_waiting(struct svc_job_store *s)
{
    pthread_mutex_lock(&s->lock);
    const int64_t n = number_of(s, "SELECT count(*) FROM jobs WHERE state = 1");
    pthread_mutex_unlock(&s->lock);
    return (int)n;
}

enum b_code svc_job_end(struct svc_job_store *s, const char *id, enum svc_job_state state, int status,
                        const struct b_err *problem, const char *reason, const void *rendered, size_t size,
                        struct b_err *err)
{
    char path[PATH_BYTES];
    const int64_t now = svc_now_ms();
    pthread_mutex_lock(&s->lock);
    sqlite3_stmt *q =
        prepare(s, "UPDATE jobs SET state = ?, status = ?, reason = ?, domain = ?, message = ?, ended = ?,"
                   " expires = ?, rendered = ?, bytes = ? WHERE id = ? AND state IN (1, 2)");
    sqlite3_bind_int(q, 1, (int)state);
    sqlite3_bind_int(q, 2, status + 1);
    bind_text(q, 3, reason ? reason : "");
    bind_text(q, 4, problem ? problem->domain : "");
    bind_text(q, 5, problem ? problem->message : "");
    sqlite3_bind_int64(q, 6, now);
    sqlite3_bind_int64(q, 7, now + s->limits.keep_ms);
    sqlite3_bind_blob64(q, 8, size ? rendered : "", size, SQLITE_TRANSIENT);
    sqlite3_bind_int64(q, 9, (sqlite3_int64)size);
    bind_text(q, 10, id);
    const enum b_code code = finish(s, q, err);
    if (code == B_OK && document_path(s, id, path))
        (void)unlink(path); /* the document is not needed any more; a leftover is removed at the next opening */
    pthread_mutex_unlock(&s->lock);
    return code;
}

enum b_code svc_job_cancel(struct svc_job_store *s, const char *id, struct svc_job *job, struct b_err *err)
{
    enum b_code code = svc_job_get(s, id, job, err);
    if (code != B_OK || job->state != SVC_JOB_QUEUED)
        return code;
    struct b_err why;
    (void)b_fail(&why, B_CANCELLED, DOMAIN, "cancelled before it was started");
    code = svc_job_end(s, id, SVC_JOB_CANCELLED, -1, &why, "CANCELLED", NULL, 0, err);
    return code == B_OK ? svc_job_get(s, id, job, err) : code;
}

static void take_blob(sqlite3_stmt *q, int at, struct b_buf *out)
{
    const int size = sqlite3_column_bytes(q, at);
    if (size > 0)
        b_buf_append(out, sqlite3_column_blob(q, at), (size_t)size);
}

enum b_code svc_job_result(struct svc_job_store *s, const char *id, struct b_buf *info,
                           enum b_code (*page)(void *ctx, const void *data, size_t size, struct b_err *err), void *ctx,
                           struct b_buf *rendered, struct b_err *err)
{
    enum b_code code = B_OK;
    pthread_mutex_lock(&s->lock);
    sqlite3_stmt *q = prepare(s, "SELECT info, rendered FROM jobs WHERE id = ?");
    bind_text(q, 1, id);
    if (q && sqlite3_step(q) == SQLITE_ROW) {
        take_blob(q, 0, info);
        take_blob(q, 1, rendered);
    } else {
        code = b_fail(err, B_NOT_FOUND, DOMAIN, "there is no job '%.40s', or its result has expired", id);
    }
    sqlite3_finalize(q);
    q = code == B_OK ? prepare(s, "SELECT data FROM pages WHERE job = ? ORDER BY number") : NULL;
    bind_text(q, 1, id);
    while (q && code == B_OK && sqlite3_step(q) == SQLITE_ROW)
        code = page(ctx, sqlite3_column_blob(q, 0), (size_t)sqlite3_column_bytes(q, 0), err);
    sqlite3_finalize(q);
    pthread_mutex_unlock(&s->lock);
    return code;
}

void svc_job_expire(struct svc_job_store *s, int64_t now_ms)
{
    struct b_err err;
    pthread_mutex_lock(&s->lock);
    sqlite3_stmt *q = prepare(s, "DELETE FROM jobs WHERE expires > 0 AND expires < ?");
    sqlite3_bind_int64(q, 1, now_ms);
    if (finish(s, q, &err) != B_OK)
        b_log(B_LOG_ERROR, DOMAIN, "%s", err.message);
    pthread_mutex_unlock(&s->lock);
}
