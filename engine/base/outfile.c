/* SPDX-License-Identifier: Apache-2.0 */
/* Output files that are complete or absent. Invariant: until b_outfile_commit has renamed it, the data
 * lives under a temporary name in the same folder, and every way out removes that name. */
#include "engine/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct b_outfile {
    int fd;
    char *path, *temporary;
    size_t len; /* bytes waiting in data */
    char data[65536];
};

static enum b_code io_failure(const char *what, const char *path, int why, struct b_err *err)
{
    (void)b_fail(err, B_IO, "file", "%s %s failed: %s", what, path, strerror(why));
    if (why == ENOSPC || why == EDQUOT)
        b_advise(err, "free space on the output's file system and run again");
    else if (why == EACCES || why == EROFS || why == EPERM || why == ENOTDIR)
        b_advise(err, "choose a folder that can be written with -o");
    else if (why == EFBIG)
        b_advise(err, "the file-size limit of this process is reached: see ulimit -f");
    return B_IO;
}

static void outfile_free(struct b_outfile *file)
{
    if (file->fd >= 0)
        (void)close(file->fd);
    free(file->path);
    free(file->temporary);
    free(file);
}

enum b_code b_outfile_open(const char *path, struct b_outfile **out, struct b_err *err)
{
    *out = NULL;
    struct b_outfile *file = calloc(1, sizeof *file);
    if (!file)
        return b_fail(err, B_NO_MEMORY, "file", "out of memory");
    file->fd = -1;
    size_t size = strlen(path) + 16;
    file->path = strdup(path);
    file->temporary = malloc(size);
    if (!file->path || !file->temporary) {
        outfile_free(file);
        return b_fail(err, B_NO_MEMORY, "file", "out of memory");
    }
    (void)snprintf(file->temporary, size, "%s.XXXXXX", path);
    file->fd = mkostemp(file->temporary, O_CLOEXEC);
    if (file->fd < 0) {
        enum b_code code = io_failure("creating", path, errno, err);
        outfile_free(file);
        return code;
    }
    mode_t mask = umask(0);
    (void)umask(mask);
    (void)fchmod(file->fd, 0666 & ~mask);
    *out = file;
    return B_OK;
}

static enum b_code flush(struct b_outfile *file, const char *data, size_t size, struct b_err *err)
{
    while (size > 0) {
        ssize_t n = write(file->fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return io_failure("writing", file->path, errno, err);
        data += n;
        size -= (size_t)n;
    }
    return B_OK;
}

enum b_code b_outfile_write(struct b_outfile *file, const void *data, size_t size, struct b_err *err)
{
    if (size <= sizeof file->data - file->len) {
        memcpy(file->data + file->len, data, size);
        file->len += size;
        return B_OK;
    }
    enum b_code code = flush(file, file->data, file->len, err);
    file->len = 0;
    if (code != B_OK)
        return code;
    if (size >= sizeof file->data)
        return flush(file, data, size, err);
    memcpy(file->data, data, size);
    file->len = size;
    return B_OK;
}

enum b_code b_outfile_commit(struct b_outfile *file, struct b_err *err)
{
    enum b_code code = flush(file, file->data, file->len, err);
    int fd = file->fd;
    file->fd = -1;
    if (close(fd) != 0 && code == B_OK)
        code = io_failure("closing", file->path, errno, err);
    if (code == B_OK && rename(file->temporary, file->path) != 0)
        code = io_failure("renaming to", file->path, errno, err);
    if (code != B_OK)
        (void)unlink(file->temporary);
    outfile_free(file);
    return code;
}

void b_outfile_abort(struct b_outfile *file)
{
    if (!file)
        return;
    (void)unlink(file->temporary);
    outfile_free(file);
}

enum b_code b_outfile_put(const char *path, const void *data, size_t size, struct b_err *err)
{
    struct b_outfile *file = NULL;
    enum b_code code = b_outfile_open(path, &file, err);
    if (code == B_OK)
        code = b_outfile_write(file, data, size, err);
    if (code == B_OK)
        return b_outfile_commit(file, err);
    b_outfile_abort(file);
    return code;
}

enum b_code b_make_dirs(const char *path, struct b_err *err)
{
    char *copy = strdup(path);
    if (!copy)
        return b_fail(err, B_NO_MEMORY, "file", "out of memory");
    enum b_code code = B_OK;
    for (char *at = copy + 1; code == B_OK; at++) {
        if (*at != '/' && *at != '\0')
            continue;
        char keep = *at;
        *at = '\0';
        struct stat st;
        if (mkdir(copy, 0777) != 0 && (errno != EEXIST || stat(copy, &st) != 0 || !S_ISDIR(st.st_mode)))
            code = io_failure("making the folder", copy, errno == EEXIST ? ENOTDIR : errno, err);
        *at = keep;
        if (keep == '\0')
            break;
    }
    free(copy);
    return code;
}
