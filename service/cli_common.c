/* SPDX-License-Identifier: Apache-2.0 */
/* What all commands share: how errors look, usage mistakes, reading a password file. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/file.h"
#include "engine/base/log.h"
#include "service/cli.h"
#include "service/suggest.h"

#define FIRST_LINE_FILE_MAX 65536 /* a password file is tiny; anything larger is a mistake */

void svc_print_error(const char *where, int page, const struct b_err *err)
{
    char at[32] = "";
    if (page > 0)
        (void)snprintf(at, sizeof at, "page %d: ", page);
    /* Messages about a file begin with its name, for callers who see nothing else; here the line does already. */
    const char *slash = strrchr(where, '/'), *name = slash ? slash + 1 : where, *message = err->message;
    const size_t len = strlen(name);
    if (len > 0 && strncmp(message, name, len) == 0 && message[len] == ' ')
        message += len + 1;
    b_log(B_LOG_ERROR, where, "%s%s [%s]%s%s", at, message, b_code_name(err->code), err->advice[0] ? "; " : "", err->advice);
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

bool svc_parse_number(const char *text, long long low, long long high, long long *out)
{
    char *end = NULL;
    errno = 0;
    const long long n = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || n < low || n > high)
        return false;
    *out = n;
    return true;
}

/* "--a, --b and --c" of the options that begin with `name`; returns how many do. */
static int options_beginning(const struct option *options, const char *name, size_t len, char *out, size_t size)
{
    int count = 0;
    size_t at = 0;
    out[0] = '\0';
    for (const struct option *o = options; o->name; o++) {
        if (strncmp(o->name, name, len) != 0)
            continue;
        int n = at < size ? snprintf(out + at, size - at, "%s--%s", count ? " or " : "", o->name) : 0;
        at += n > 0 ? (size_t)n : 0;
        count++;
    }
    return count;
}

static const struct option *option_by_value(const struct option *options, int value)
{
    while (options->name && options->val != value)
        options++;
    return options->name ? options : NULL;
}

static int unknown_long(const char *command, const struct option *options, const char *given)
{
    char name[64], several[256];
    const size_t len = strcspn(given, "=");
    struct svc_suggestion best = {0};
    (void)snprintf(name, sizeof name, "%.*s", (int)(len < sizeof name ? len : sizeof name - 1), given);
    if (options_beginning(options, name, strlen(name), several, sizeof several) > 1)
        return svc_usage_error(command, "'--%s' could be %s", name, several);
    for (const struct option *o = options; o->name; o++)
        svc_suggest(&best, name, o->name);
    if (best.name)
        return svc_usage_error(command, "there is no option '--%s'; did you mean '--%s'?", name, best.name);
    return svc_usage_error(command, "there is no option '--%s'", name);
}

int svc_option_error(const char *command, char **argv, const struct option *options, int returned)
{
    const char *word = argv[optind - 1];
    const bool is_long = word[0] == '-' && word[1] == '-' && word[2] != '\0';
    if (returned == ':') {
        if (is_long)
            return svc_usage_error(command, "option '%s' needs a value", word);
        return svc_usage_error(command, "option '-%c' needs a value", optopt);
    }
    const struct option *known = optopt ? option_by_value(options, optopt) : NULL;
    if (is_long && known)
        return svc_usage_error(command, "option '--%s' takes no value", known->name);
    if (is_long)
        return unknown_long(command, options, word + 2);
    return svc_usage_error(command, "there is no option '-%c'", optopt);
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
