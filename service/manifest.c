/* SPDX-License-Identifier: Apache-2.0 */
/* The record of finished inputs. Invariant: an input is listed as "ok" or "partial" only after all its
 * outputs are in place; failed inputs are listed as "failed" and are tried again. */
#include "service/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/file.h"
#include "engine/base/utf8.h"

#define DOMAIN "manifest"
#define MANIFEST_BYTES_MAX ((uint64_t)4 << 30)

struct svc_manifest {
    int fd;
    char *key;
    bool torn;    /* the file's last line has no end: what is appended must not run on from it */
    json_t *done; /* object: stem -> last entry with our key */
};

static void take_line(struct svc_manifest *m, const char *line, size_t len)
{
    json_t *entry = json_loadb(line, len, 0, NULL);
    const char *key = json_string_value(json_object_get(entry, "key"));
    const char *stem = json_string_value(json_object_get(entry, "output"));
    if (key && stem && strcmp(key, m->key) == 0)
        (void)json_object_set(m->done, stem, entry);
    json_decref(entry);
}

static enum b_code load(struct svc_manifest *m, const char *path, struct b_err *err)
{
    struct b_bytes bytes;
    enum b_code code = b_bytes_map(path, MANIFEST_BYTES_MAX, &bytes, err);
    if (code == B_NOT_FOUND) {
        b_err_clear(err);
        return B_OK;
    }
    const char *text = (const char *)bytes.data;
    for (size_t at = 0; code == B_OK && at < bytes.size;) {
        const char *end = memchr(text + at, '\n', bytes.size - at);
        if (!end) {
            m->torn = true; /* by an interruption or a full disk: that input is converted again */
            break;
        }
        take_line(m, text + at, (size_t)(end - (text + at)));
        at = (size_t)(end - text) + 1;
    }
    b_bytes_close(&bytes);
    return code;
}

enum b_code svc_manifest_open(const char *dir, const char *key, struct svc_manifest **out, struct b_err *err)
{
    *out = NULL;
    char path[4096];
    int len = snprintf(path, sizeof path, "%s/docparse-manifest.jsonl", dir);
    if (len < 0 || (size_t)len >= sizeof path)
        return b_fail(err, B_ARGUMENT, DOMAIN, "the path of the output folder is too long");
    struct svc_manifest *m = calloc(1, sizeof *m);
    if (!m)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    m->fd = -1;
    m->key = strdup(key);
    m->done = json_object();
    enum b_code code = m->key && m->done ? b_make_dirs(dir, err) : b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    if (code == B_OK)
        code = load(m, path, err);
    if (code == B_OK) {
        m->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
        if (m->fd < 0) {
            code = b_fail(err, B_IO, DOMAIN, "%s cannot be written: %s", path, strerror(errno));
            b_advise(err, "choose a folder that can be written with -o");
        }
    }
    if (code != B_OK) {
        svc_manifest_close(m);
        return code;
    }
    *out = m;
    return B_OK;
}

void svc_manifest_close(struct svc_manifest *manifest)
{
    if (!manifest)
        return;
    if (manifest->fd >= 0)
        (void)close(manifest->fd);
    json_decref(manifest->done);
    free(manifest->key);
    free(manifest);
}

/* Nanoseconds, so that a file replaced within a second is seen. */
static json_int_t modified_of(const struct stat *st)
{
    return (json_int_t)st->st_mtim.tv_sec * 1000000000 + (json_int_t)st->st_mtim.tv_nsec;
}

/* A name as JSON can hold it: file systems allow any bytes. NULL without memory; free it. */
static char *text_of_name(const char *name)
{
    const size_t len = strlen(name);
    if (b_utf8_valid(name, len))
        return strdup(name);
    char *out = malloc(4 * len + 1);
    if (!out)
        return NULL;
    size_t at = 0;
    for (size_t i = 0; i < len; i++) {
        const unsigned char byte = (unsigned char)name[i];
        if (byte < 0x80)
            out[at++] = name[i];
        else
            at += (size_t)snprintf(out + at, 5, "\\x%02X", byte);
    }
    out[at] = '\0';
    return out;
}

bool svc_manifest_done(const struct svc_manifest *manifest, const char *path, const char *stem, enum dp_status *status)
{
    char *input = text_of_name(path), *output = text_of_name(stem);
    json_t *entry = output ? json_object_get(manifest->done, output) : NULL;
    const char *said = json_string_value(json_object_get(entry, "status"));
    const char *then = json_string_value(json_object_get(entry, "input"));
    const bool same = said && input && then && strcmp(then, input) == 0;
    struct stat st;
    *status = DP_STATUS_FAILED;
    free(input);
    free(output);
    if (!same || stat(path, &st) != 0 ||
        json_integer_value(json_object_get(entry, "bytes")) != (json_int_t)st.st_size ||
        json_integer_value(json_object_get(entry, "modified")) != modified_of(&st))
        return false;
    for (enum dp_status s = DP_STATUS_OK; s < DP_STATUS_FAILED; s++)
        if (strcmp(said, dp_status_name(s)) == 0)
            *status = s;
    return *status != DP_STATUS_FAILED;
}

/* The line of one input, without its end; free it. NULL without memory. */
static char *entry_text(const struct svc_manifest *m, const char *path, const char *stem, enum dp_status status,
                        const struct b_err *why)
{
    struct stat st = {0};
    (void)stat(path, &st);
    char *input = text_of_name(path), *output = text_of_name(stem), *text = NULL;
    json_t *entry = input && output ? json_pack("{s:s, s:s, s:I, s:I, s:s, s:s}", "input", input, "output", output, "bytes",
                                                (json_int_t)st.st_size, "modified", modified_of(&st), "status",
                                                dp_status_name(status), "key", m->key)
                                    : NULL;
    if (entry && why && why->code != B_OK && status != DP_STATUS_OK) {
        char *message = text_of_name(why->message);
        (void)json_object_set_new(entry, "reason", json_string(b_code_name(why->code)));
        (void)json_object_set_new(entry, "message", json_string(message ? message : ""));
        free(message);
    }
    if (entry)
        text = json_dumps(entry, JSON_COMPACT);
    json_decref(entry);
    free(input);
    free(output);
    return text;
}

enum b_code svc_manifest_record(struct svc_manifest *manifest, const char *path, const char *stem, enum dp_status status,
                                const struct b_err *why, struct b_err *err)
{
    char *text = entry_text(manifest, path, stem, status, why);
    if (!text)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    size_t len = strlen(text);
    char *line = malloc(len + 2);
    if (!line) {
        free(text);
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    }
    /* One write, so that shards never mix their lines. */
    size_t at = 0;
    if (manifest->torn)
        line[at++] = '\n';
    memcpy(line + at, text, len);
    at += len;
    line[at++] = '\n';
    ssize_t n = write(manifest->fd, line, at);
    const int number = errno;
    free(text);
    free(line);
    if (n > 0)
        manifest->torn = (size_t)n != at;
    if (n != (ssize_t)at)
        return b_fail(err, B_IO, DOMAIN, "the manifest cannot be written: %s", n < 0 ? strerror(number) : "disk full");
    return B_OK;
}
