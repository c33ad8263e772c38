/* SPDX-License-Identifier: Apache-2.0 */
/* Trace context and ids. W3C Trace Context sections 3.2 (traceparent) and 3.3 (tracestate). */
#include "service/rpc/trace.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "engine/base/cancel.h"

#define STATE_MAX 512 /* characters that everybody must pass on, section 3.3.1.5 */
#define STATE_MEMBERS_MAX 32
#define PARENT_LENGTH 55 /* of version 00 */

void svc_random_hex(char *out, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[16];
    n = n < sizeof bytes ? n : sizeof bytes;
    if (getrandom(bytes, n, 0) != (ssize_t)n) {
        const int64_t now = b_now_ns(); /* not random, but not the same again either */
        memset(bytes, 1, sizeof bytes);
        memcpy(bytes, &now, n < sizeof now ? n : sizeof now);
    }
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * n] = '\0';
}

static bool is_hex(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(text[i] >= '0' && text[i] <= '9') && !(text[i] >= 'a' && text[i] <= 'f'))
            return false;
    return true;
}

static bool all_zero(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (text[i] != '0')
            return false;
    return true;
}

/* "VERSION-TRACE-PARENT-FLAGS"; versions to come may have more behind it. */
static bool valid_parent(const char *t)
{
    const size_t len = strlen(t);
    if (len < PARENT_LENGTH || t[2] != '-' || t[35] != '-' || t[52] != '-')
        return false;
    if (!is_hex(t, 2) || !is_hex(t + 3, 32) || !is_hex(t + 36, 16) || !is_hex(t + 53, 2))
        return false;
    if (strncmp(t, "ff", 2) == 0 || all_zero(t + 3, 32) || all_zero(t + 36, 16))
        return false;
    return len == PARENT_LENGTH || (strncmp(t, "00", 2) != 0 && t[PARENT_LENGTH] == '-');
}

/* A list of key=value with printable values; what is not is dropped whole. */
static bool valid_state(const char *t)
{
    size_t members = 1, equals = 0;
    if (!*t || strlen(t) > STATE_MAX)
        return false;
    for (const char *p = t; *p; p++) {
        if (*p < ' ' || *p > '~') /* nor may it stand in an answer's headers */
            return false;
        equals += *p == '=';
        members += *p == ',';
    }
    return equals > 0 && members <= STATE_MEMBERS_MAX;
}

void svc_trace_read(const char *traceparent, const char *tracestate, struct svc_trace *out)
{
    memset(out, 0, sizeof *out);
    if (!valid_parent(traceparent))
        return;
    memcpy(out->trace_id, traceparent + 3, 32);
    memcpy(out->parent, traceparent + 36, 16);
    memcpy(out->flags, traceparent + 53, 2);
    svc_random_hex(out->span, 8);
    if (valid_state(tracestate))
        (void)snprintf(out->state, sizeof out->state, "%s", tracestate);
}

void svc_trace_write(const struct svc_trace *trace, char out[SVC_TRACEPARENT])
{
    (void)snprintf(out, SVC_TRACEPARENT, "00-%s-%s-%s", trace->trace_id, trace->span, trace->flags);
}

bool svc_id_is_sane(const char *text, size_t max)
{
    const size_t len = strlen(text);
    return len > 0 && len <= max &&
           strspn(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.:/+=@") == len;
}
