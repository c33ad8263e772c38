/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as values: formatting of messages and the stable names of reason codes. Messages quote hostile
 * input (file names, tags of damaged files), so control characters never pass through. */
#include "engine/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const code_names[] = {
    [B_OK] = "ok",           [B_ARGUMENT] = "argument",   [B_FORMAT] = "format",       [B_UNSUPPORTED] = "unsupported",
    [B_LIMIT] = "limit",     [B_NO_MEMORY] = "no_memory", [B_CANCELLED] = "cancelled", [B_DEADLINE] = "deadline",
    [B_IO] = "io",           [B_LIBRARY] = "library",     [B_INTERNAL] = "internal",   [B_NOT_FOUND] = "not_found",
    [B_PASSWORD] = "password",
};

static void replace_controls(char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7f)
            *text = ' ';
    }
}

void b_err_clear(struct b_err *err)
{
    if (err)
        memset(err, 0, sizeof *err);
}

enum b_code b_fail(struct b_err *err, enum b_code code, const char *domain, const char *fmt, ...)
{
    if (!err)
        return code;
    /* The arguments may point into err itself (wrapping a message), hence the local copy. */
    struct b_err made = {.code = code};
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(made.message, sizeof made.message, fmt, args);
    va_end(args);
    (void)snprintf(made.domain, sizeof made.domain, "%s", domain);
    replace_controls(made.message);
    *err = made;
    return code;
}

void b_advise(struct b_err *err, const char *fmt, ...)
{
    if (!err)
        return;
    char made[sizeof err->advice];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(made, sizeof made, fmt, args);
    va_end(args);
    replace_controls(made);
    memcpy(err->advice, made, sizeof made);
}

const char *b_code_name(enum b_code code)
{
    size_t i = (size_t)code;
    return i < sizeof code_names / sizeof code_names[0] && code_names[i] ? code_names[i] : "unknown";
}
