/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into the program: a disk that is full after DP_DISK_BYTES bytes, below the folder DP_DISK_BELOW only
 * (pipes, terminals and other folders are untouched). Works where no file system can be mounted. A write that
 * does not fit is cut short first, as the kernel does it, and the next one fails with ENOSPC.
 * With DP_DISK_FULL the disk is full as long as a file of that name exists, whatever was written before.
 * With DP_SHORT_IO reads and writes move at most so many bytes and every third one is interrupted. */
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

typedef ssize_t (*write_fn)(int, const void *, size_t);

typedef ssize_t (*read_fn)(int, void *, size_t);

static atomic_llong used;
static atomic_uint calls;

/* Bytes that may move now; 0: the call is interrupted. */
static size_t shortened(size_t size)
{
    const char *most = getenv("DP_SHORT_IO");
    if (!most || size == 0)
        return size;
    if (atomic_fetch_add(&calls, 1) % 3 == 2)
        return 0;
    const size_t n = (size_t)strtoull(most, NULL, 10);
    return size < n ? size : n;
}

__attribute__((visibility("default"))) ssize_t read(int fd, void *data, size_t size)
{
    void *found = dlsym(RTLD_NEXT, "read");
    read_fn real;
    memcpy(&real, &found, sizeof real);
    const size_t now = shortened(size);
    if (size > 0 && now == 0) {
        errno = EINTR;
        return -1;
    }
    return real(fd, data, now);
}

static bool on_full_disk(int fd)
{
    const char *below = getenv("DP_DISK_BELOW");
    char link[64], path[4096];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = below ? readlink(link, path, sizeof path - 1) : -1;
    if (n <= 0)
        return false;
    path[n] = '\0';
    return strncmp(path, below, strlen(below)) == 0;
}

static bool is_full_now(void)
{
    const char *sign = getenv("DP_DISK_FULL");
    return sign && access(sign, F_OK) == 0;
}

/* SQLite writes its table and log so. */
__attribute__((visibility("default"))) ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
{
    void *found = dlsym(RTLD_NEXT, "pwrite64");
    ssize_t (*real)(int, const void *, size_t, off64_t);
    memcpy(&real, &found, sizeof real);
    if (size > 0 && is_full_now() && on_full_disk(fd)) {
        errno = ENOSPC;
        return -1;
    }
    return real(fd, data, size, at);
}

__attribute__((visibility("default"))) ssize_t write(int fd, const void *data, size_t size)
{
    void *found = dlsym(RTLD_NEXT, "write");
    write_fn real;
    memcpy(&real, &found, sizeof real);
    if (size == 0 || !on_full_disk(fd))
        return real(fd, data, size);
    if (is_full_now()) {
        errno = ENOSPC;
        return -1;
    }
    size = shortened(size);
    if (size == 0) {
        errno = EINTR;
        return -1;
    }
    const char *limit = getenv("DP_DISK_BYTES");
    const long long left = (limit ? strtoll(limit, NULL, 10) : INT64_MAX) - atomic_load(&used);
    if (left <= 0) {
        errno = ENOSPC;
        return -1;
    }
    ssize_t n = real(fd, data, size < (size_t)left ? size : (size_t)left);
    if (n > 0)
        atomic_fetch_add(&used, n);
    return n;
}
