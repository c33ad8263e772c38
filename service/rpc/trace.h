/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_RPC_TRACE_H
#define SERVICE_RPC_TRACE_H

#include <stdbool.h>
#include <stddef.h>

/* W3C Trace Context, level 1: `traceparent` and `tracestate` of a request, validated, and the call's own span within
 * that trace. Nothing is recorded or sent anywhere; logs and answers carry the ids. Pure but for random bytes. */
struct svc_trace {
    char trace_id[33]; /* 32 lower-case hex digits; "" when the request belongs to no trace */
    char parent[17];   /* the caller's span */
    char span[17];     /* the call's own */
    char flags[3];     /* as the caller sent them: bit 0 says that it is recorded */
    char state[513];   /* tracestate as it came; "" when absent or not well-formed */
};

/* What cannot be read leaves no trace, as the specification says: a call never fails for it. */
void svc_trace_read(const char *traceparent, const char *tracestate, struct svc_trace *out);

/* "00-TRACE-SPAN-FLAGS" with the call's own span. */
#define SVC_TRACEPARENT 56
void svc_trace_write(const struct svc_trace *trace, char out[SVC_TRACEPARENT]);

/* Whether text is an id that may stand in logs and headers as it is: 1 to max characters, letters, digits and
 * -_.:/+=@. */
bool svc_id_is_sane(const char *text, size_t max);
/* n random bytes as 2 n lower-case hex digits. */
void svc_random_hex(char *out, size_t n);

#endif
