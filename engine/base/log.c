/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines to standard error. The level and the hook are the one piece of process state in base: the hook is set
 * once by main before threads start, the level may change while they run. */
#include "engine/base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

static atomic_int log_level = B_LOG_WARNING;
static void (*_Atomic log_hook)(void *ctx, int before);
static void *_Atomic log_hook_ctx;

void b_log_set_level(enum b_log_level level)
{
    atomic_store(&log_level, (int)level);
}

void b_log_set_hook(void (*hook)(void *ctx, int before), void *ctx)
{
    atomic_store(&log_hook_ctx, ctx);
    atomic_store(&log_hook, hook);
}

void b_log(enum b_log_level level, const char *domain, const char *fmt, ...)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    if ((int)level > atomic_load(&log_level) || level < B_LOG_ERROR || level > B_LOG_DEBUG)
        return;
    char line[1024];
    int head = snprintf(line, sizeof line, "docparse: %s: %s: ", names[level], domain);
    if (head < 0 || (size_t)head > sizeof line / 2)
        return;
    va_list args;
    va_start(args, fmt);
    int body = vsnprintf(line + head, sizeof line - (size_t)head - 1, fmt, args);
    va_end(args);
    size_t len = (size_t)head + (body > 0 ? (size_t)body : 0);
    if (len > sizeof line - 2)
        len = sizeof line - 2;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)line[i] < 0x20)
            line[i] = ' ';
    line[len++] = '\n';
    void (*hook)(void *, int) = atomic_load(&log_hook);
    void *ctx = atomic_load(&log_hook_ctx);
    if (hook)
        hook(ctx, 1);
    ssize_t ignored = write(STDERR_FILENO, line, len);
    (void)ignored;
    if (hook)
        hook(ctx, 0);
}
