/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_BASE_BUF_H
#define ENGINE_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/err.h"

/* Growable bytes with a hard maximum set at birth. The first failure is sticky: later appends do
 * nothing, so a writer may append freely and check once. data is always NUL-terminated (the NUL is
 * not counted). One thread at a time. */
struct b_buf {
    char *data;
    size_t len, cap, max;
    enum b_code failed; /* B_OK, B_LIMIT or B_NO_MEMORY */
};

void b_buf_init(struct b_buf *buf, size_t max);
void b_buf_clear(struct b_buf *buf); /* len = 0 and failure forgotten; memory kept */
void b_buf_free(struct b_buf *buf);  /* back to the state after b_buf_init */

void b_buf_append(struct b_buf *buf, const void *data, size_t len);
void b_buf_puts(struct b_buf *buf, const char *text);
void b_buf_putc(struct b_buf *buf, char c);
void b_buf_printf(struct b_buf *buf, const char *fmt, ...) B_PRINTF(2, 3);

/* B_OK, or the sticky failure as an error of `domain`. */
enum b_code b_buf_check(const struct b_buf *buf, const char *domain, struct b_err *err) B_MUST_CHECK;

#endif
