/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_BASE_FILE_H
#define ENGINE_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

/* Bytes of a file or of memory, read-only. Immutable after opening, so any thread may read it. */
struct b_bytes {
    const uint8_t *data;
    size_t size;
    void *owner; /* private: what b_bytes_close releases */
    int kind;    /* private */
    int fd;      /* private: of what is mapped */
};

/* Maps `path` read-only. A file above max_bytes gives B_LIMIT, a directory B_ARGUMENT, an unreadable
 * one B_IO (message holds the system's reason). An empty file gives size 0 and a non-NULL data. */
enum b_code b_bytes_map(const char *path, uint64_t max_bytes, struct b_bytes *out, struct b_err *err) B_MUST_CHECK;

/* Reads `fd` to its end into memory (pipes, standard input); at most max_bytes. */
enum b_code b_bytes_read_fd(int fd, uint64_t max_bytes, struct b_bytes *out, struct b_err *err) B_MUST_CHECK;

/* Borrows memory that outlives the b_bytes. */
void b_bytes_borrow(const void *data, size_t size, struct b_bytes *out);

/* A descriptor from which another process can map the same bytes and change nothing, borrowed from `bytes`. Bytes that
 * are not mapped from a file move into a sealed memory file (memfile.h), so that data may change: before anybody
 * else reads. Twice is fine. */
enum b_code b_bytes_share(struct b_bytes *bytes, int *fd, struct b_err *err) B_MUST_CHECK;

void b_bytes_close(struct b_bytes *bytes);

/* The system may take back the memory of `size` bytes from `from` on, which lie inside, and read them again from the
 * file when they are next used; nothing happens when the bytes are not mapped. Any thread. */
void b_bytes_release(const struct b_bytes *bytes, const void *from, size_t size);

/* A file that appears under its name only when it is complete: written to a temporary neighbour,
 * renamed by b_outfile_commit. b_outfile_abort (also safe after a failed commit, and on NULL)
 * removes what was written. One thread at a time. */
struct b_outfile;
enum b_code b_outfile_open(const char *path, struct b_outfile **out, struct b_err *err) B_MUST_CHECK;
enum b_code b_outfile_write(struct b_outfile *file, const void *data, size_t size, struct b_err *err) B_MUST_CHECK;
enum b_code b_outfile_commit(struct b_outfile *file, struct b_err *err) B_MUST_CHECK; /* frees file in any case */
void b_outfile_abort(struct b_outfile *file);
/* All three at once. */
enum b_code b_outfile_put(const char *path, const void *data, size_t size, struct b_err *err) B_MUST_CHECK;

/* Makes `path` and its missing parents (mode 0777 less the umask). */
enum b_code b_make_dirs(const char *path, struct b_err *err) B_MUST_CHECK;

#endif
