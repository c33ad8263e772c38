/* SPDX-License-Identifier: Apache-2.0 */
/* Input bytes: a private read-only mapping for regular files, memory for pipes. Invariant: data is never
 * NULL and size never exceeds what the caller allowed. A file that shrinks while it is mapped raises
 * SIGBUS; inputs on file systems where that can happen are read, not mapped (see b_bytes_map). */
#include "engine/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/memfile.h"

enum bytes_kind { KIND_BORROWED, KIND_MAPPED, KIND_HEAP };

/* Files up to this size are read rather than mapped: then another process that truncates the file
 * cannot kill us with SIGBUS. Larger ones (models, archives) are mapped to keep memory flat. */
#define READ_WHOLE_MAX ((uint64_t)64 << 20)

static const uint8_t nothing[1] = {0};

void b_bytes_borrow(const void *data, size_t size, struct b_bytes *out)
{
    *out = (struct b_bytes){.data = size ? data : nothing, .size = size, .kind = KIND_BORROWED, .fd = -1};
}

static enum b_code too_large(const char *what, uint64_t max_bytes, struct b_err *err)
{
    (void)b_fail(err, B_LIMIT, "file", "%s is larger than the bound of %llu bytes", what,
                 (unsigned long long)max_bytes);
    b_advise(err, "raise the input limit if the input is trusted");
    return B_LIMIT;
}

enum b_code b_bytes_read_fd(int fd, uint64_t max_bytes, struct b_bytes *out, struct b_err *err)
{
    b_bytes_borrow(NULL, 0, out);
    size_t cap = 0, len = 0;
    uint8_t *data = NULL;
    for (;;) {
        if (len == cap) {
            size_t want = cap ? cap * 2 : 65536;
            uint8_t *grown = want > cap ? realloc(data, want) : NULL;
            if (!grown) {
                free(data);
                return b_fail(err, B_NO_MEMORY, "file", "out of memory after reading %zu bytes", len);
            }
            data = grown;
            cap = want;
        }
        ssize_t n = read(fd, data + len, cap - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            int why = errno;
            free(data);
            return b_fail(err, B_IO, "file", "reading failed: %s", strerror(why));
        }
        if (n == 0)
            break;
        len += (size_t)n;
        if (len > max_bytes) {
            free(data);
            return too_large("the input", max_bytes, err);
        }
    }
    *out = (struct b_bytes){.data = data, .size = len, .owner = data, .kind = KIND_HEAP, .fd = -1};
    return B_OK;
}

enum { WEIGHTS = 64 << 20 }; /* what is as large is read again and again, and its pages' translation is waited for */

/* Takes fd when it succeeds. */
static enum b_code map_fd(int fd, const char *path, size_t size, struct b_bytes *out, struct b_err *err)
{
    void *at = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (at == MAP_FAILED)
        return b_fail(err, B_IO, "file", "%s cannot be mapped: %s", path, strerror(errno));
    if (size >= WEIGHTS) /* a wish, which counts where the file is not in memory yet: then it is read in large pages */
        (void)madvise(at, size, MADV_HUGEPAGE);
    *out = (struct b_bytes){.data = at, .size = size, .owner = at, .kind = KIND_MAPPED, .fd = fd};
    return B_OK;
}

enum b_code b_bytes_map(const char *path, uint64_t max_bytes, struct b_bytes *out, struct b_err *err)
{
    b_bytes_borrow(NULL, 0, out);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        int why = errno;
        enum b_code code = b_fail(err, why == ENOENT ? B_NOT_FOUND : B_IO, "file", "%s cannot be opened: %s", path,
                                  strerror(why));
        b_advise(err, why == ENOENT ? "check the path" : "check the permissions");
        return code;
    }
    struct stat st;
    enum b_code code = B_OK;
    if (fstat(fd, &st) != 0)
        code = b_fail(err, B_IO, "file", "%s cannot be examined: %s", path, strerror(errno));
    else if (S_ISDIR(st.st_mode))
        code = b_fail(err, B_ARGUMENT, "file", "%s is a folder", path);
    else if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size <= READ_WHOLE_MAX)
        code = (uint64_t)(S_ISREG(st.st_mode) ? st.st_size : 0) > max_bytes ? too_large(path, max_bytes, err)
                                                                            : b_bytes_read_fd(fd, max_bytes, out, err);
    else if ((uint64_t)st.st_size > max_bytes)
        code = too_large(path, max_bytes, err);
    else
        code = map_fd(fd, path, (size_t)st.st_size, out, err);
    if (out->fd != fd)
        (void)close(fd);
    return code;
}

enum b_code b_bytes_share(struct b_bytes *bytes, int *fd, struct b_err *err)
{
    enum b_code code = B_OK;
    if (bytes->kind != KIND_MAPPED) {
        struct b_bytes shared;
        int memory = -1;
        code = b_memfile_of(bytes->data, bytes->size, &memory, err);
        if (code == B_OK)
            code = map_fd(memory, "shared memory", bytes->size, &shared, err);
        if (code != B_OK) {
            if (memory >= 0)
                (void)close(memory);
            return code;
        }
        b_bytes_close(bytes);
        *bytes = shared;
    }
    *fd = bytes->fd;
    return B_OK;
}

void b_bytes_close(struct b_bytes *bytes)
{
    if (!bytes)
        return;
    if (bytes->kind == KIND_MAPPED) {
        (void)munmap(bytes->owner, bytes->size);
        (void)close(bytes->fd);
    } else if (bytes->kind == KIND_HEAP)
        free(bytes->owner);
    b_bytes_borrow(NULL, 0, bytes);
}

void b_bytes_release(const struct b_bytes *bytes, const void *from, size_t size)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), at = (uintptr_t)from;
    const uintptr_t begin = (at + page - 1) / page * page, end = (at + size) / page * page;
    /* a private mapping that nobody writes to: the file still has everything */
    if (bytes->kind == KIND_MAPPED && begin < end)
        (void)madvise((void *)begin, end - begin, MADV_DONTNEED);
}
