/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_BASE_MEMFILE_H
#define ENGINE_BASE_MEMFILE_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

/* Memory that processes share through a descriptor: anonymous files (memfd_create(2)) whose size is fixed from the
 * start. What is never written takes no memory. Close the descriptor with close(2). */

/* A new one of `size` bytes; B_IO with the system's reason where the kernel or a file size limit refuses. */
enum b_code b_memfile_new(uint64_t size, int *fd, struct b_err *err) B_MUST_CHECK;

/* Takes the right to write from every process, for ever. B_IO while anybody has it mapped for writing. From then on
 * what is read cannot change. */
enum b_code b_memfile_freeze(int fd, struct b_err *err) B_MUST_CHECK;

/* A frozen one that holds a copy of the bytes (size > 0). */
enum b_code b_memfile_of(const void *data, size_t size, int *fd, struct b_err *err) B_MUST_CHECK;

/* Writes all bytes at `offset`; B_IO otherwise. */
enum b_code b_memfile_write(int fd, const void *data, size_t size, uint64_t offset, struct b_err *err) B_MUST_CHECK;

#endif
