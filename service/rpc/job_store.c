/* SPDX-License-Identifier: Apache-2.0 */
/* The job table. Every change is one SQLite transaction with synchronous=FULL, so that an answer means that the
 * disk has it. A document's file is written and synced before its row exists: a crash in between leaves a file
 * without a row, which the next opening removes. Invariant: rows name files that are whole. */
#include "service/rpc/job_store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "docparse/document.h"
#include "engine/base/file.h"

#define DOCUMENT_MAX ((uint64_t)4 << 30)

#define JOB_COLUMNS                                                                                                    \
    "id, state, name, client, key, sha256, status, reason, domain, message, pages_to_read, attempts, created, "        \
    "started,"                                                                                                         \
    " ended, expires, (SELECT count(*) FROM pages WHERE job = id)"

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

static enum b_code find(const struct svc_job_store *s, const char *id, struct svc_job *job, struct b_err *err)
{
    sqlite3_stmt *q = svc_store_prepare(s, "SELECT " JOB_COLUMNS " FROM jobs WHERE id = ?");
    svc_store_bind(q, 1, id);
    const int rc = q ? sqlite3_step(q) : SQLITE_ERROR;
    enum b_code code = B_OK;
    if (rc == SQLITE_ROW)
        take_job(q, job);
    else if (rc == SQLITE_DONE)
        code = b_fail(err, B_NOT_FOUND, DOMAIN, "there is no job '%.40s', or its result has expired", id);
    else
        code = svc_store_failed(s, err);
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

/* B_OK with *existing when the client used this key before for the same thing. */
static enum b_code look_for_key(const struct svc_job_store *s, const struct svc_job *wanted, const void *options,
                                size_t options_size, struct svc_job *job, bool *existing, struct b_err *err)
{
    *existing = false;
    if (!wanted->key[0])
        return B_OK;
    sqlite3_stmt *q = svc_store_prepare(s, "SELECT " JOB_COLUMNS ", options FROM jobs WHERE client = ? AND key = ?");
    svc_store_bind(q, 1, wanted->client);
    svc_store_bind(q, 2, wanted->key);
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
    if (s->used + size > s->limits.disk_bytes)
        return b_fail(err, B_LIMIT, DOMAIN, "jobs use %llu of %llu bytes on disk", (unsigned long long)s->used,
                      (unsigned long long)s->limits.disk_bytes);
    if (svc_store_number(s, "SELECT count(*) FROM jobs WHERE state <= 2") >= s->limits.max_open)
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

static enum b_code sync_path(const char *path, struct b_err *err)
{
    enum b_code code = B_OK;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        code = b_fail(err, B_IO, DOMAIN, "the document is not safely on the disk: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    return code;
}

static enum b_code write_document(const char *path, const char *dir, const void *data, size_t size, struct b_err *err)
{
    enum b_code code = b_outfile_put(path, data, size, err);
    if (code == B_OK)
        code = sync_path(path, err);
    return code == B_OK ? sync_path(dir, err) : code; /* its name as well */
}

static enum b_code insert_job(struct svc_job_store *s, const struct svc_job *job, size_t size, const void *options,
                              size_t options_size, struct b_err *err)
{
    sqlite3_stmt *q =
        svc_store_prepare(s, "INSERT INTO jobs(id, state, name, client, key, sha256, created, bytes, options, kind)"
                             " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    svc_store_bind(q, 1, job->id);
    sqlite3_bind_int(q, 2, SVC_JOB_QUEUED);
    svc_store_bind(q, 3, job->name);
    svc_store_bind(q, 4, job->client);
    svc_store_bind(q, 5, job->key);
    svc_store_bind(q, 6, job->sha256);
    sqlite3_bind_int64(q, 7, job->created_ms);
    sqlite3_bind_int64(q, 8, (sqlite3_int64)size);
    sqlite3_bind_blob(q, 9, options_size ? options : "", (int)options_size, SQLITE_TRANSIENT);
    sqlite3_bind_int(q, 10, (int)job->kind);
    return svc_store_finish(s, q, err);
}

enum b_code svc_job_submit(struct svc_job_store *s, const struct svc_job *wanted, const void *document, size_t size,
                           const void *options, size_t options_size, struct svc_job *job, bool *existing,
                           struct b_err *err)
{
    char path[PATH_BYTES], dir[PATH_BYTES];
    (void)snprintf(dir, sizeof dir, "%s/documents", s->dir);
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
    if (code == B_OK && !svc_store_path(s, job->id, path))
        code = b_fail(err, B_INTERNAL, DOMAIN, "a path is too long");
    if (code == B_OK)
        code = write_document(path, dir, document, size, err);
    if (code == B_OK) {
        code = insert_job(s, job, size, options, options_size, err);
        if (code == B_OK)
            s->used += size;
        else
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
        svc_store_prepare(s, "SELECT " JOB_COLUMNS " FROM jobs WHERE (?1 = 0 OR state = ?1) AND"
                             " (?2 = '' OR seq < (SELECT seq FROM jobs WHERE id = ?2)) AND (?4 IS NULL OR client = ?4)"
                             " ORDER BY seq DESC LIMIT ?3");
    sqlite3_bind_int(q, 1, (int)state);
    svc_store_bind(q, 2, token);
    sqlite3_bind_int64(q, 3, (sqlite3_int64)max);
    if (client)
        svc_store_bind(q, 4, client);
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
    if (!svc_store_path(s, id, path))
        return b_fail(err, B_INTERNAL, DOMAIN, "a path is too long");
    const enum b_code code = b_bytes_map(path, DOCUMENT_MAX, &bytes, err);
    if (code == B_NOT_FOUND)
        return b_fail(err, B_NOT_FOUND, DOMAIN, "the stored document is gone from the state folder");
    if (code != B_OK)
        return code;
    b_buf_append(out, bytes.data, bytes.size);
    b_bytes_close(&bytes);
    return b_buf_check(out, DOMAIN, err);
}

enum b_code svc_job_start(struct svc_job_store *s, enum svc_kind kind, struct svc_job *job, struct b_buf *document,
                          struct b_buf *options, struct b_err *err)
{
    *job = (struct svc_job){.id = ""};
    pthread_mutex_lock(&s->lock);
    sqlite3_stmt *q =
        svc_store_prepare(s, "SELECT " JOB_COLUMNS ", options FROM jobs WHERE state = ? AND kind = ? ORDER BY seq LIMIT 1");
    sqlite3_bind_int(q, 1, SVC_JOB_QUEUED);
    sqlite3_bind_int(q, 2, (int)kind);
    const int rc = q ? sqlite3_step(q) : SQLITE_ERROR;
    enum b_code code = rc == SQLITE_ROW ? B_OK : rc == SQLITE_DONE ? B_NOT_FOUND : svc_store_failed(s, err);
    if (code == B_OK) {
        take_job(q, job);
        job->kind = kind;
        b_buf_append(options, sqlite3_column_blob(q, 17), (size_t)sqlite3_column_bytes(q, 17));
    }
    sqlite3_finalize(q);
    if (code == B_OK)
        code = read_document(s, job->id, document, err);
    if (code == B_OK) {
        q = svc_store_prepare(s, "UPDATE jobs SET state = ?, attempts = attempts + 1, started = ? WHERE id = ?");
        sqlite3_bind_int(q, 1, SVC_JOB_RUNNING);
        sqlite3_bind_int64(q, 2, svc_now_ms());
        svc_store_bind(q, 3, job->id);
        code = svc_store_finish(s, q, err);
        if (code == B_OK) {
            job->attempts++;
            job->state = SVC_JOB_RUNNING;
        }
    }
    pthread_mutex_unlock(&s->lock);
    return code;
}

enum b_code svc_job_requeue(struct svc_job_store *s, const char *id, struct b_err *err)
{
    pthread_mutex_lock(&s->lock);
    sqlite3_stmt *q =
        svc_store_prepare(s, "UPDATE jobs SET state = ?, attempts = max(attempts - 1, 0) WHERE id = ? AND state = ?");
    sqlite3_bind_int(q, 1, SVC_JOB_QUEUED);
    svc_store_bind(q, 2, id);
    sqlite3_bind_int(q, 3, SVC_JOB_RUNNING);
    const enum b_code code = svc_store_finish(s, q, err);
    pthread_mutex_unlock(&s->lock);
    return code;
}

enum b_code svc_job_opened(struct svc_job_store *s, const char *id, int32_t pages_to_read, const void *info,
                           size_t size, struct b_err *err)
{
    pthread_mutex_lock(&s->lock);
    sqlite3_stmt *q =
        svc_store_prepare(s, "UPDATE jobs SET pages_to_read = max(pages_to_read, ?), info = ? WHERE id = ?");
    sqlite3_bind_int(q, 1, pages_to_read);
    sqlite3_bind_blob(q, 2, size ? info : "", (int)size, SQLITE_TRANSIENT);
    svc_store_bind(q, 3, id);
    const enum b_code code = svc_store_finish(s, q, err);
    pthread_mutex_unlock(&s->lock);
    return code;
}

enum b_code svc_job_page(struct svc_job_store *s, const char *id, int32_t number, int status, const void *page,
                         size_t size, struct b_err *err)
{
    pthread_mutex_lock(&s->lock);
    sqlite3_stmt *q = svc_store_prepare(s, "SELECT length(data) FROM pages WHERE job = ? AND number = ?");
    svc_store_bind(q, 1, id);
    sqlite3_bind_int(q, 2, number);
    const uint64_t before = q && sqlite3_step(q) == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(q, 0) : 0;
    sqlite3_finalize(q);
    q = svc_store_prepare(s, "INSERT OR REPLACE INTO pages(job, number, status, data) VALUES(?, ?, ?, ?)");
    svc_store_bind(q, 1, id);
    sqlite3_bind_int(q, 2, number);
    sqlite3_bind_int(q, 3, status);
    sqlite3_bind_blob64(q, 4, size ? page : "", size, SQLITE_TRANSIENT);
    const enum b_code code = svc_store_finish(s, q, err);
    if (code == B_OK)
        s->used += size - before;
    if (code == B_OK && before == 0) { /* a start that gets on is none of a document that ends the process */
        q = svc_store_prepare(s, "UPDATE jobs SET attempts = 1 WHERE id = ? AND attempts > 1");
        svc_store_bind(q, 1, id);
        (void)!svc_store_finish(s, q, NULL);
    }
    pthread_mutex_unlock(&s->lock);
    return code;
}

size_t svc_job_pages(struct svc_job_store *s, const char *id, int32_t *numbers, size_t max)
{
    size_t n = 0;
    pthread_mutex_lock(&s->lock);
    sqlite3_stmt *q = svc_store_prepare(s, "SELECT number FROM pages WHERE job = ? ORDER BY number");
    svc_store_bind(q, 1, id);
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
    sqlite3_stmt *q =
        svc_store_prepare(s, "SELECT count(*), sum(status = 0), sum(status = 2) FROM pages WHERE job = ?");
    svc_store_bind(q, 1, id);
    if (q && sqlite3_step(q) == SQLITE_ROW) {
        all = sqlite3_column_int64(q, 0);
        fine = sqlite3_column_int64(q, 1);
        lost = sqlite3_column_int64(q, 2);
    }
    sqlite3_finalize(q);
    pthread_mutex_unlock(&s->lock);
    return fine == all ? DP_STATUS_OK : lost == all ? DP_STATUS_FAILED : DP_STATUS_PARTIAL;
}

int svc_job_waiting(struct svc_job_store *s, enum svc_kind kind)
{
    static const char *const queries[] = {
        [SVC_PAGES] = "SELECT count(*) FROM jobs WHERE state = 1 AND kind = 0",
        [SVC_MODEL] = "SELECT count(*) FROM jobs WHERE state = 1 AND kind = 1",
        [SVC_KINDS] = "SELECT count(*) FROM jobs WHERE state = 1",
    };
    _Static_assert(SVC_PAGES == 0 && SVC_MODEL == 1, "the numbers are in tables on disks");
    pthread_mutex_lock(&s->lock);
    const int64_t n = svc_store_number(s, queries[kind]);
    pthread_mutex_unlock(&s->lock);
    return (int)n;
}

static uint64_t bytes_of(const struct svc_job_store *s, const char *id)
{
    sqlite3_stmt *q = svc_store_prepare(s, "SELECT bytes FROM jobs WHERE id = ?");
    svc_store_bind(q, 1, id);
    const uint64_t n = q && sqlite3_step(q) == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(q, 0) : 0;
    sqlite3_finalize(q);
    return n;
}

enum b_code svc_job_end(struct svc_job_store *s, const char *id, enum svc_job_state state, int status,
                        const struct b_err *problem, const char *reason, const void *rendered, size_t size,
                        struct b_err *err)
{
    char path[PATH_BYTES];
    const int64_t now = svc_now_ms();
    pthread_mutex_lock(&s->lock);
    const uint64_t before = bytes_of(s, id);
    sqlite3_stmt *q =
        svc_store_prepare(s, "UPDATE jobs SET state = ?, status = ?, reason = ?, domain = ?, message = ?, ended = ?,"
                             " expires = ?, rendered = ?, bytes = ? WHERE id = ? AND state IN (1, 2)");
    sqlite3_bind_int(q, 1, (int)state);
    sqlite3_bind_int(q, 2, status + 1);
    svc_store_bind(q, 3, reason ? reason : "");
    svc_store_bind(q, 4, problem ? problem->domain : "");
    svc_store_bind(q, 5, problem ? problem->message : "");
    sqlite3_bind_int64(q, 6, now);
    sqlite3_bind_int64(q, 7, now + s->limits.keep_ms);
    sqlite3_bind_blob64(q, 8, size ? rendered : "", size, SQLITE_TRANSIENT);
    sqlite3_bind_int64(q, 9, (sqlite3_int64)size);
    svc_store_bind(q, 10, id);
    const enum b_code code = svc_store_finish(s, q, err);
    if (code == B_OK && sqlite3_changes(s->db) > 0)
        s->used += size - before;
    if (code == B_OK && svc_store_path(s, id, path))
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
    sqlite3_stmt *q = svc_store_prepare(s, "SELECT info, rendered FROM jobs WHERE id = ?");
    svc_store_bind(q, 1, id);
    if (q && sqlite3_step(q) == SQLITE_ROW) {
        take_blob(q, 0, info);
        take_blob(q, 1, rendered);
    } else {
        code = b_fail(err, B_NOT_FOUND, DOMAIN, "there is no job '%.40s', or its result has expired", id);
    }
    sqlite3_finalize(q);
    q = code == B_OK ? svc_store_prepare(s, "SELECT data FROM pages WHERE job = ? ORDER BY number") : NULL;
    svc_store_bind(q, 1, id);
    while (q && code == B_OK && sqlite3_step(q) == SQLITE_ROW)
        code = page(ctx, sqlite3_column_blob(q, 0), (size_t)sqlite3_column_bytes(q, 0), err);
    sqlite3_finalize(q);
    pthread_mutex_unlock(&s->lock);
    return code;
}
