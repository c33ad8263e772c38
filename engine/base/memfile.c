/* SPDX-License-Identifier: Apache-2.0 */
/* Memory files with seals. Invariant: the size is sealed at birth, so that a reader who has checked it against his
 * mapping cannot meet SIGBUS; data is written with pwrite, which is cheaper than the page faults of a mapping. */
#include "engine/base/memfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#define DOMAIN "memory"

static enum b_code refused(const char *what, struct b_err *err)
{
    return b_fail(err, B_IO, DOMAIN, "shared memory cannot be %s: %s", what, strerror(errno));
}

enum b_code b_memfile_new(uint64_t size, int *fd, struct b_err *err)
{
    *fd = memfd_create("docparse", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (*fd < 0)
        return refused("made", err);
    if (size <= INT64_MAX && ftruncate(*fd, (off_t)size) == 0 && fcntl(*fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0)
        return B_OK;
    const enum b_code code = refused("made", err);
    (void)close(*fd);
    *fd = -1;
    return code;
}

enum b_code b_memfile_freeze(int fd, struct b_err *err)
{
    return fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL) == 0 ? B_OK : refused("frozen", err);
}

enum b_code b_memfile_of(const void *data, size_t size, int *fd, struct b_err *err)
{
    enum b_code code = b_memfile_new(size, fd, err);
    if (code != B_OK)
        return code;
    code = b_memfile_write(*fd, data, size, 0, err);
    if (code == B_OK)
        code = b_memfile_freeze(*fd, err);
    if (code != B_OK) {
        (void)close(*fd);
        *fd = -1;
    }
    return code;
}

enum b_code b_memfile_write(int fd, const void *data, size_t size, uint64_t offset, struct b_err *err)
{
    for (const char *at = data; size > 0;) {
        const ssize_t n = pwrite(fd, at, size, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return refused("written", err);
        at += n;
        size -= (size_t)n;
        offset += (uint64_t)n;
    }
    return B_OK;
}
