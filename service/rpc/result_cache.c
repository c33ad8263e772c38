/* SPDX-License-Identifier: Apache-2.0 */
/* The index is a hash table and a list from the newest to the oldest, made from the folder at the start and kept under
 * one lock; files are read and written without it. A file's time of change is the time of its last use. Invariant: the
 * index knows no file that is not there, except while it is being removed; `bytes` is the sum over the index. */
#include "service/rpc/result_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "docparse/digest.h"
#include "engine/base/cancel.h"
#include "engine/base/log.h"

#define DOMAIN "cache"
#define MAGIC "docparse result 1\n"
#define HEAD (sizeof MAGIC - 1 + 64 + 1) /* magic, digest of the rest, newline */
#define BUCKETS 8192
#define ENTRIES_MAX 200000 /* some 40 MB of index */
#define ENTRY_MAX ((uint64_t)256 << 20)
#define PATH_BYTES 4096
#define PAUSE_NS 60000000000LL

struct entry {
    char key[SVC_CACHE_KEY];
    uint64_t size; /* of the file */
    struct entry *newer, *older, *chain;
};

struct svc_cache {
    char dir[PATH_BYTES - 128];
    int lock_fd;
    pthread_mutex_t lock; /* all below */
    struct entry *buckets[BUCKETS], *newest, *oldest;
    int64_t paused_until_ns; /* 0: storing */
    struct svc_cache_state state;
};

static bool is_key(const char *name)
{
    return strlen(name) == SVC_CACHE_KEY - 1 && strspn(name, "0123456789abcdef") == SVC_CACHE_KEY - 1;
}

static void path_of(const struct svc_cache *c, const char *key, char path[PATH_BYTES])
{
    (void)snprintf(path, PATH_BYTES, "%s/results/%.2s/%s", c->dir, key, key);
}

static struct entry **bucket_of(struct svc_cache *c, const char *key)
{
    char digits[9];
    memcpy(digits, key, 8);
    digits[8] = '\0';
    return &c->buckets[strtoul(digits, NULL, 16) % BUCKETS];
}

static struct entry *find(struct svc_cache *c, const char *key)
{
    struct entry *e = *bucket_of(c, key);
    while (e && strcmp(e->key, key) != 0)
        e = e->chain;
    return e;
}

static void unlink_from_list(struct svc_cache *c, struct entry *e)
{
    *(e->newer ? &e->newer->older : &c->newest) = e->older;
    *(e->older ? &e->older->newer : &c->oldest) = e->newer;
}

static void put_newest(struct svc_cache *c, struct entry *e)
{
    e->newer = NULL;
    e->older = c->newest;
    *(c->newest ? &c->newest->newer : &c->oldest) = e;
    c->newest = e;
}

static void forget(struct svc_cache *c, struct entry *e)
{
    struct entry **p = bucket_of(c, e->key);
    while (*p != e)
        p = &(*p)->chain;
    *p = e->chain;
    unlink_from_list(c, e);
    c->state.bytes -= e->size;
    c->state.entries--;
    free(e);
}

/* Removes what was used longest ago until the rest fits. */
static void shrink(struct svc_cache *c)
{
    char path[PATH_BYTES];
    while (c->oldest && (c->state.bytes > c->state.max_bytes || c->state.entries > ENTRIES_MAX)) {
        path_of(c, c->oldest->key, path);
        (void)unlink(path);
        forget(c, c->oldest);
        c->state.evicted++;
    }
}

static void add(struct svc_cache *c, const char *key, uint64_t size)
{
    struct entry *e = find(c, key);
    if (e) {
        c->state.bytes -= e->size;
        unlink_from_list(c, e);
    } else {
        char path[PATH_BYTES];
        e = calloc(1, sizeof *e);
        if (!e) { /* what the index does not know must not stay */
            path_of(c, key, path);
            (void)unlink(path);
            return;
        }
        memcpy(e->key, key, SVC_CACHE_KEY);
        struct entry **bucket = bucket_of(c, key);
        e->chain = *bucket;
        *bucket = e;
        c->state.entries++;
    }
    e->size = size;
    c->state.bytes += size;
    put_newest(c, e);
    shrink(c);
}

/* --- opening --- */

struct found {
    char key[SVC_CACHE_KEY];
    uint64_t size;
    struct timespec used;
};

struct found_list {
    struct found *items;
    size_t n, cap;
};

static int by_use(const void *a, const void *b)
{
    const struct timespec *x = &((const struct found *)a)->used, *y = &((const struct found *)b)->used;
    if (x->tv_sec != y->tv_sec)
        return x->tv_sec < y->tv_sec ? -1 : 1;
    return (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

static bool note(struct found_list *list, const char *name, const struct stat *st)
{
    if (list->n == list->cap) {
        const size_t cap = list->cap ? 2 * list->cap : 256;
        struct found *grown = realloc(list->items, cap * sizeof *grown);
        if (!grown)
            return false;
        list->items = grown;
        list->cap = cap;
    }
    struct found *f = &list->items[list->n++];
    memcpy(f->key, name, SVC_CACHE_KEY);
    f->size = (uint64_t)st->st_size;
    f->used = st->st_mtim;
    return true;
}

/* Entries of one folder; whatever else lies there was left by a process that was killed, and is removed. */
static bool scan_folder(const char *folder, struct found_list *list)
{
    bool fine = true;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && fine && (e = readdir(d)) != NULL;) {
        struct stat st;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (!is_key(e->d_name) || fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
            (void)unlinkat(dirfd(d), e->d_name, 0);
        else
            fine = note(list, e->d_name, &st);
    }
    if (d)
        closedir(d);
    return fine;
}

static enum b_code make_folder(const char *path, struct b_err *err)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return B_OK;
    return b_fail(err, B_IO, DOMAIN, "the folder %.200s cannot be made: %s", path, strerror(errno));
}

static enum b_code load_index(struct svc_cache *c, struct b_err *err)
{
    struct found_list list = {0};
    char path[PATH_BYTES];
    enum b_code code = B_OK;
    (void)snprintf(path, sizeof path, "%s/results", c->dir);
    code = make_folder(path, err);
    for (unsigned i = 0; i < 256 && code == B_OK; i++) {
        (void)snprintf(path, sizeof path, "%s/results/%02x", c->dir, i);
        code = make_folder(path, err);
        if (code == B_OK && !scan_folder(path, &list))
            code = b_fail(err, B_NO_MEMORY, DOMAIN, "no memory for the index of the cache");
    }
    if (code == B_OK && list.n > 0)
        qsort(list.items, list.n, sizeof list.items[0], by_use);
    for (size_t i = 0; i < list.n && code == B_OK; i++)
        add(c, list.items[i].key, list.items[i].size);
    free(list.items);
    return code;
}

static enum b_code take_lock(struct svc_cache *c, struct b_err *err)
{
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/lock", c->dir);
    c->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (c->lock_fd < 0)
        return b_fail(err, B_IO, DOMAIN, "%.200s cannot be written: %s", path, strerror(errno));
    if (flock(c->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return B_OK;
    (void)b_fail(err, B_IO, DOMAIN, "%.200s is the cache of another server that runs", c->dir);
    b_advise(err, "give each server a folder of its own");
    return B_IO;
}

enum b_code svc_cache_open(const char *dir, uint64_t max_bytes, struct svc_cache **out, struct b_err *err)
{
    struct svc_cache *c = calloc(1, sizeof *c);
    *out = NULL;
    if (!c)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    pthread_mutex_init(&c->lock, NULL);
    c->lock_fd = -1;
    c->state.max_bytes = max_bytes;
    enum b_code code = B_OK;
    if (snprintf(c->dir, sizeof c->dir, "%s", dir) >= (int)sizeof c->dir)
        code = b_fail(err, B_ARGUMENT, DOMAIN, "the cache folder's name is too long");
    if (code == B_OK)
        code = b_make_dirs(dir, err);
    if (code == B_OK)
        code = take_lock(c, err);
    if (code == B_OK)
        code = load_index(c, err);
    if (code != B_OK) {
        svc_cache_close(c);
        return code;
    }
    *out = c;
    return B_OK;
}

void svc_cache_close(struct svc_cache *c)
{
    if (!c)
        return;
    while (c->newest)
        forget(c, c->newest);
    if (c->lock_fd >= 0)
        (void)close(c->lock_fd);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

void svc_cache_set_bytes(struct svc_cache *c, uint64_t max_bytes)
{
    pthread_mutex_lock(&c->lock);
    c->state.max_bytes = max_bytes;
    shrink(c);
    pthread_mutex_unlock(&c->lock);
}

/* --- use --- */

static bool is_whole(const struct b_bytes *file)
{
    char digest[65];
    return file->size >= HEAD && memcmp(file->data, MAGIC, sizeof MAGIC - 1) == 0 && file->data[HEAD - 1] == '\n' &&
           dp_sha256_hex(file->data + HEAD, file->size - HEAD, digest, NULL) == B_OK &&
           memcmp(file->data + sizeof MAGIC - 1, digest, 64) == 0;
}

/* After reading: what the index and the numbers make of it. */
static void settle(struct svc_cache *c, const char *key, const char *path, bool whole)
{
    pthread_mutex_lock(&c->lock);
    struct entry *e = find(c, key);
    if (whole) {
        c->state.hits++;
        if (e) {
            unlink_from_list(c, e);
            put_newest(c, e);
        }
        (void)utimensat(AT_FDCWD, path, NULL, 0);
    } else {
        c->state.misses++;
        c->state.damaged++;
        (void)unlink(path);
        if (e)
            forget(c, e);
    }
    pthread_mutex_unlock(&c->lock);
}

bool svc_cache_get(struct svc_cache *c, const char *key, struct b_bytes *file, const uint8_t **data, size_t *size)
{
    char path[PATH_BYTES];
    *file = (struct b_bytes){0};
    pthread_mutex_lock(&c->lock);
    const bool known = find(c, key) != NULL;
    c->state.misses += !known;
    pthread_mutex_unlock(&c->lock);
    if (!known)
        return false;
    path_of(c, key, path);
    const bool whole = b_bytes_map(path, UINT64_MAX, file, NULL) == B_OK && is_whole(file);
    settle(c, key, path, whole);
    *data = whole ? file->data + HEAD : NULL;
    *size = whole ? file->size - HEAD : 0;
    return whole;
}

size_t svc_cache_entry_max(struct svc_cache *c)
{
    pthread_mutex_lock(&c->lock);
    const uint64_t share = c->state.max_bytes / 8;
    pthread_mutex_unlock(&c->lock);
    return (size_t)(share < ENTRY_MAX ? share : ENTRY_MAX);
}

static enum b_code write_entry(const char *path, const void *data, size_t size, struct b_err *err)
{
    struct b_outfile *file = NULL;
    char digest[66];
    enum b_code code = dp_sha256_hex(data, size, digest, err);
    digest[64] = '\n';
    if (code == B_OK)
        code = b_outfile_open(path, &file, err);
    if (code == B_OK)
        code = b_outfile_write(file, MAGIC, sizeof MAGIC - 1, err);
    if (code == B_OK)
        code = b_outfile_write(file, digest, 65, err);
    if (code == B_OK)
        code = b_outfile_write(file, data, size, err);
    if (code == B_OK)
        return b_outfile_commit(file, err);
    b_outfile_abort(file);
    return code;
}

/* Whether something may be stored now that is not there yet. */
static bool may_store(struct svc_cache *c, const char *key)
{
    pthread_mutex_lock(&c->lock);
    if (c->paused_until_ns != 0 && b_now_ns() >= c->paused_until_ns)
        c->paused_until_ns = 0;
    const bool may = c->paused_until_ns == 0 && !find(c, key);
    pthread_mutex_unlock(&c->lock);
    return may;
}

void svc_cache_put(struct svc_cache *c, const char *key, const void *data, size_t size)
{
    char path[PATH_BYTES];
    struct b_err err;
    if (size > svc_cache_entry_max(c) || !may_store(c, key))
        return;
    path_of(c, key, path);
    const enum b_code code = write_entry(path, data, size, &err);
    pthread_mutex_lock(&c->lock);
    if (code == B_OK) {
        c->state.stored++;
        add(c, key, (uint64_t)size + HEAD);
    } else {
        c->state.failures++;
        c->paused_until_ns = b_now_ns() + PAUSE_NS;
    }
    pthread_mutex_unlock(&c->lock);
    if (code != B_OK)
        b_log(B_LOG_WARNING, DOMAIN, "results are not kept for a minute: %s", err.message);
}

void svc_cache_look(struct svc_cache *c, struct svc_cache_state *state)
{
    pthread_mutex_lock(&c->lock);
    *state = c->state;
    state->storing = c->paused_until_ns == 0 || b_now_ns() >= c->paused_until_ns;
    pthread_mutex_unlock(&c->lock);
}
