/* SPDX-License-Identifier: Apache-2.0 */
/* Growable bytes whose maximum is set at birth. Invariant: len <= max, data[len] is NUL once allocated,
 * and after the first failure nothing is appended any more. */
#include "engine/base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void b_buf_init(struct b_buf *buf, size_t max)
{
    *buf = (struct b_buf){.max = max < SIZE_MAX / 2 ? max : SIZE_MAX / 2};
}

void b_buf_clear(struct b_buf *buf)
{
    buf->len = 0;
    buf->failed = B_OK;
    if (buf->data)
        buf->data[0] = '\0';
}

void b_buf_free(struct b_buf *buf)
{
    free(buf->data);
    b_buf_init(buf, buf->max);
}

/* Room for `more` bytes and the NUL. */
static bool reserve(struct b_buf *buf, size_t more)
{
    if (buf->failed != B_OK)
        return false;
    if (more > buf->max - buf->len) {
        buf->failed = B_LIMIT;
        return false;
    }
    size_t need = buf->len + more + 1;
    if (need <= buf->cap)
        return true;
    size_t cap = buf->cap ? buf->cap * 2 : 256;
    if (cap < need)
        cap = need;
    if (cap > buf->max + 1)
        cap = buf->max + 1;
    char *data = realloc(buf->data, cap);
    if (!data) {
        buf->failed = B_NO_MEMORY;
        return false;
    }
    buf->data = data;
    buf->cap = cap;
    return true;
}

void b_buf_append(struct b_buf *buf, const void *data, size_t len)
{
    if (!reserve(buf, len))
        return;
    if (len)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
}

void b_buf_puts(struct b_buf *buf, const char *text)
{
    b_buf_append(buf, text, strlen(text));
}

void b_buf_putc(struct b_buf *buf, char c)
{
    b_buf_append(buf, &c, 1);
}

void b_buf_printf(struct b_buf *buf, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n >= 0 && reserve(buf, (size_t)n)) {
        (void)vsnprintf(buf->data + buf->len, (size_t)n + 1, fmt, again);
        buf->len += (size_t)n;
    }
    va_end(again);
}

enum b_code b_buf_check(const struct b_buf *buf, const char *domain, struct b_err *err)
{
    if (buf->failed == B_OK)
        return B_OK;
    if (buf->failed == B_LIMIT)
        return b_fail(err, B_LIMIT, domain, "the output exceeds its bound of %zu bytes", buf->max);
    return b_fail(err, buf->failed, domain, "out of memory");
}
