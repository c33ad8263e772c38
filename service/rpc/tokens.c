/* SPDX-License-Identifier: Apache-2.0 */
/* The token file. Tokens are kept as SHA-256 digests: comparing digests of equal length byte by byte without
 * leaving early tells nothing about how much of a guess was right. */
#include "service/rpc/tokens.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "docparse/digest.h"
#include "engine/base/file.h"
#include "engine/base/log.h"

#define DOMAIN "tokens"
#define FILE_MAX ((uint64_t)1 << 20)
#define MIN_TOKEN 16
#define MAX_TOKEN 512
#define NAME_BYTES 48
#define DIGEST_BYTES 65
#define SCHEME "Bearer "

struct token {
    char name[NAME_BYTES];
    char digest[DIGEST_BYTES];
};

struct svc_tokens {
    pthread_mutex_t lock;
    char *path;
    struct timespec time;
    off_t size;
    struct token *items;
    size_t count;
};

static bool printable(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] < '!' || text[i] > '~')
            return false;
    return len > 0;
}

static enum b_code add_line(struct token **items, size_t *count, const char *line, size_t len, int number,
                            struct b_err *err)
{
    while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == ' ' || line[len - 1] == '\t'))
        len--;
    if (len == 0 || line[0] == '#')
        return B_OK;
    const char *space = memchr(line, ' ', len);
    const size_t name = space ? (size_t)(space - line) : 0;
    const char *token = space ? space + 1 : NULL;
    const size_t token_len = space ? len - name - 1 : 0;
    if (!printable(line, name) || name >= NAME_BYTES || token_len < MIN_TOKEN || token_len > MAX_TOKEN ||
        !printable(token, token_len))
        return b_fail(err, B_FORMAT, DOMAIN,
                      "line %d is not 'NAME TOKEN' with a token of %d to %d printable characters", number, MIN_TOKEN,
                      MAX_TOKEN);
    struct token *grown = realloc(*items, (*count + 1) * sizeof *grown);
    if (!grown)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    *items = grown;
    struct token *t = &grown[*count];
    memcpy(t->name, line, name);
    t->name[name] = '\0';
    enum b_code code = dp_sha256_hex(token, token_len, t->digest, err);
    if (code == B_OK)
        ++*count;
    return code;
}

static enum b_code read_file(struct svc_tokens *t, struct b_err *err)
{
    struct b_bytes bytes;
    struct token *items = NULL;
    size_t count = 0;
    int number = 0;
    enum b_code code = b_bytes_map(t->path, FILE_MAX, &bytes, err);
    if (code != B_OK)
        return code;
    for (size_t at = 0; at < bytes.size && code == B_OK;) {
        const char *line = (const char *)bytes.data + at;
        const char *end = memchr(line, '\n', bytes.size - at);
        const size_t len = end ? (size_t)(end - line) : bytes.size - at;
        code = add_line(&items, &count, line, len, ++number, err);
        at += len + 1;
    }
    b_bytes_close(&bytes);
    if (code == B_OK && count == 0)
        code = b_fail(err, B_FORMAT, DOMAIN, "%s holds no token: nobody could call", t->path);
    if (code != B_OK) {
        free(items);
        return code;
    }
    free(t->items);
    t->items = items;
    t->count = count;
    return B_OK;
}

static bool changed(struct svc_tokens *t)
{
    struct stat st;
    if (stat(t->path, &st) != 0)
        return false;
    const bool same =
        st.st_size == t->size && st.st_mtim.tv_sec == t->time.tv_sec && st.st_mtim.tv_nsec == t->time.tv_nsec;
    t->size = st.st_size;
    t->time = st.st_mtim;
    return !same;
}

enum b_code svc_tokens_open(const char *path, struct svc_tokens **out, struct b_err *err)
{
    struct svc_tokens *t = calloc(1, sizeof *t);
    *out = NULL;
    if (t)
        pthread_mutex_init(&t->lock, NULL);
    if (!t || !(t->path = strdup(path))) {
        svc_tokens_drop(t);
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    }
    (void)changed(t);
    enum b_code code = read_file(t, err);
    if (code != B_OK) {
        svc_tokens_drop(t);
        return code;
    }
    *out = t;
    return B_OK;
}

void svc_tokens_drop(struct svc_tokens *t)
{
    if (!t)
        return;
    free(t->path);
    free(t->items);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

void svc_tokens_refresh(struct svc_tokens *t)
{
    struct b_err err;
    pthread_mutex_lock(&t->lock);
    if (changed(t)) {
        if (read_file(t, &err) == B_OK)
            b_log(B_LOG_INFO, DOMAIN, "%zu tokens are in force", t->count);
        else
            b_log(B_LOG_ERROR, DOMAIN, "the tokens before stay in force: %s", err.message);
    }
    pthread_mutex_unlock(&t->lock);
}

void svc_tokens_take(struct svc_tokens *t, struct svc_tokens *from)
{
    pthread_mutex_lock(&t->lock);
    char *path = t->path;
    struct token *items = t->items;
    t->path = from->path;
    t->items = from->items;
    t->count = from->count;
    t->size = from->size;
    t->time = from->time;
    pthread_mutex_unlock(&t->lock);
    from->path = path;
    from->items = items;
    svc_tokens_drop(from);
}

/* 0 when both digests are the same; always looks at every byte. */
static unsigned differs(const char *a, const char *b)
{
    unsigned bits = 0;
    for (size_t i = 0; i + 1 < DIGEST_BYTES; i++)
        bits |= (unsigned)(unsigned char)a[i] ^ (unsigned)(unsigned char)b[i];
    return bits;
}

bool svc_tokens_check(struct svc_tokens *t, const char *authorization, char *name, size_t size)
{
    char digest[DIGEST_BYTES];
    const size_t scheme = strlen(SCHEME);
    const struct token *found = NULL;
    const bool bearer = strncmp(authorization, SCHEME, scheme) == 0;
    const char *token = bearer ? authorization + scheme : "";
    if (dp_sha256_hex(token, strlen(token), digest, NULL) != B_OK)
        return false;
    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < t->count; i++)
        if (differs(digest, t->items[i].digest) == 0)
            found = &t->items[i];
    const bool known = bearer && found;
    if (known)
        (void)snprintf(name, size, "%s", found->name);
    pthread_mutex_unlock(&t->lock);
    return known;
}
