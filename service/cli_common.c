/* SPDX-License-Identifier: Apache-2.0 */
/* What all commands share: how errors look, usage mistakes, reading a password file. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/file.h"
#include "engine/base/log.h"
#include "service/cli.h"

#define FIRST_LINE_FILE_MAX 65536 /* a password file is tiny; anything larger is a mistake */

void svc_print_error(const char *where, int page, const struct b_err *err)
{
    char at[32] = "";
    if (page > 0)
        (void)snprintf(at, sizeof at, "page %d: ", page);
    b_log(B_LOG_ERROR, where, "%s%s [%s]%s%s", at, err->message, b_code_name(err->code), err->advice[0] ? "; " : "",
          err->advice);
}

int svc_usage_error(const char *command, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    fprintf(stderr, "docparse %s: %s\nTry 'docparse %s --help'.\n", command, text, command);
    return SVC_EXIT_USAGE;
}

enum b_code svc_read_first_line(const char *path, char **out, struct b_err *err)
{
    struct b_bytes bytes;
    *out = NULL;
    enum b_code code = b_bytes_map(path, FIRST_LINE_FILE_MAX, &bytes, err);
    if (code != B_OK)
        return code;
    *out = strndup((const char *)bytes.data, bytes.size);
    b_bytes_close(&bytes);
    if (!*out)
        return b_fail(err, B_NO_MEMORY, "cli", "out of memory");
    (*out)[strcspn(*out, "\r\n")] = '\0';
    return B_OK;
}
