/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to a call before its method sees it: under which id and trace it runs, who calls, whether it may, and
 * whether there is room. All of it is known after the headers, so that a refused call costs no more than those. */
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>
#include <stdio.h>
#include <string.h>

#include "docparse/digest.h"
#include "service/rpc/call_private.h"
#include "service/rpc/core_private.h"
#include "service/rpc/server_private.h"
#include "service/rpc/tokens.h"

#define DOMAIN "server"
#define METHOD_BYTES 128 /* longer paths are no method of ours */
#define NAME_KEPT 31     /* characters of a long certificate name in front of its digest */

/* The client's own id when it sent a sane one, otherwise random digits. */
static void choose_ids(struct svc_call *c)
{
    char parent[2 * SVC_TRACEPARENT], state[1024];
    char given[SVC_REQUEST_ID + 1]; /* one more than an id may have, so that a longer one is seen to be */
    svc_call_header(c, "x-request-id", given, sizeof given);
    if (svc_id_is_sane(given, SVC_REQUEST_ID - 1))
        (void)snprintf(c->request_id, sizeof c->request_id, "%.*s", SVC_REQUEST_ID - 1, given);
    else
        svc_random_hex(c->request_id, 8);
    svc_call_header(c, "traceparent", parent, sizeof parent);
    svc_call_header(c, "tracestate", state, sizeof state);
    svc_trace_read(parent, state, &c->trace);
}

/* A name that does not fit is told apart from others with the same beginning by its digest. */
static void take_name(struct svc_call *c, const char *name, size_t len)
{
    char digest[65];
    if (len < sizeof c->client) {
        (void)snprintf(c->client, sizeof c->client, "%.*s", (int)len, name);
        return;
    }
    if (dp_sha256_hex(name, len, digest, NULL) != B_OK)
        memset(digest, '0', sizeof digest);
    (void)snprintf(c->client, sizeof c->client, "%.*s~%.*s", NAME_KEPT, name, NAME_KEPT, digest);
}

/* Name of the client's certificate, when it showed one. */
static bool certificate_name(struct svc_call *c)
{
    grpc_auth_context *context = grpc_call_auth_context(c->call);
    bool found = false;
    if (context && grpc_auth_context_peer_is_authenticated(context)) {
        grpc_auth_property_iterator it = grpc_auth_context_peer_identity(context);
        const grpc_auth_property *p = grpc_auth_property_iterator_next(&it);
        if (p && p->value_length > 0) {
            take_name(c, p->value, p->value_length);
            found = true;
        }
    }
    grpc_auth_context_release(context);
    return found;
}

/* Who calls: the token's owner, the certificate's name, or the address without the port. False: nobody that may. */
static bool identify(struct svc_call *c)
{
    char authorization[640];
    struct svc_tokens *tokens = svc_server_tokens(c->server);
    if (tokens && !c->method->open) {
        svc_call_header(c, "authorization", authorization, sizeof authorization);
        return svc_tokens_check(tokens, authorization, c->client, sizeof c->client);
    }
    if (certificate_name(c))
        return true;
    char *peer = grpc_call_get_peer(c->call);
    (void)snprintf(c->client, sizeof c->client, "%s", peer ? peer : "unknown");
    gpr_free(peer);
    char *colon = strrchr(c->client, ':');
    if (colon && strncmp(c->client, "ipv", 3) == 0)
        *colon = '\0';
    return true;
}

static void take_deadline(struct svc_call *c)
{
    if (gpr_time_cmp(c->details.deadline, gpr_inf_future(c->details.deadline.clock_type)) == 0)
        return;
    const gpr_timespec left = gpr_time_sub(c->details.deadline, gpr_now(c->details.deadline.clock_type));
    b_cancel_set_deadline(&c->cancel, b_now_ns() + left.tv_sec * 1000000000LL + left.tv_nsec);
}

static void refuse_stranger(struct svc_call *c)
{
    struct b_err err;
    (void)b_fail(&err, B_ARGUMENT, DOMAIN, "the call carries no valid bearer token");
    svc_call_finish_with(c, SVC_GRPC_UNAUTHENTICATED, &err,
                         &(struct svc_end){.reason = "UNAUTHENTICATED", .retry_ms = -1});
}

static void refuse_unknown(struct svc_call *c)
{
    struct b_err err;
    (void)b_fail(&err, B_UNSUPPORTED, DOMAIN, "this server has no such method");
    svc_call_finish_with(c, SVC_GRPC_UNIMPLEMENTED, &err,
                         &(struct svc_end){.reason = "UNKNOWN_METHOD", .retry_ms = -1});
}

/* Refuses before the body is read when the call could not be queued anyway, or its client has enough calls. */
static bool has_room(struct svc_call *c)
{
    struct svc_admission *admission = svc_server_admission(c->server);
    struct svc_refusal refusal;
    struct b_err err;
    if (c->method->costly && !svc_call_has_room(c))
        return false;
    if (!c->method->costly && !c->method->lasting)
        return true;
    if (svc_admission_begin(admission, &c->ticket, &refusal, &err) == B_OK)
        return true;
    svc_call_refuse(c, &err, &refusal);
    return false;
}

void svc_door_prepare(struct svc_call *c)
{
    char path[METHOD_BYTES];
    c->begun_ns = b_now_ns();
    choose_ids(c);
    take_deadline(c);
    svc_slice_text(c->details.method, path, sizeof path);
    c->method = svc_method_find(path, svc_server_options(c->server)->reflection);
    c->known = identify(c);
    svc_ticket_init(&c->ticket, c->client, SVC_INTERACTIVE);
    c->ticket.kind = c->method->kind;
}

void svc_door_open(struct svc_call *c)
{
    if (!c->known)
        refuse_stranger(c);
    else if (c->method == &svc_unknown_method)
        refuse_unknown(c);
    else if (has_room(c))
        svc_call_start(c);
}
