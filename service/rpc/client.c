/* SPDX-License-Identifier: Apache-2.0 */
/* The client's channel and its patience. A call is repeated as a whole, which is safe: reading a document changes
 * nothing, and a job is submitted under a key. */
#include "service/rpc/client.h"

#include <grpc/grpc_security.h>
#include <grpc/support/time.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "service/rpc/client_private.h"
#include "service/rpc/core_private.h"

#define DOMAIN "client"
#define STEP_MS 200
#define MESSAGE_MAX (1 << 30)
#define DEFAULT_SECONDS 3600.0
#define FIRST_WAIT_MS 250 /* when the server says nothing about when to come back */
#define WAIT_MS_MAX 60000
#define DOUBLINGS 8

static enum b_code make_credentials(const struct svc_client_options *o, grpc_channel_credentials **out,
                                    struct b_err *err)
{
    char *ca = NULL, *cert = NULL, *key = NULL;
    *out = NULL;
    if (!o->tls_ca) {
        *out = grpc_insecure_credentials_create();
        return B_OK;
    }
    enum b_code code = svc_read_pem(o->tls_ca, &ca, err);
    if (code == B_OK)
        code = svc_read_pem(o->tls_cert, &cert, err);
    if (code == B_OK)
        code = svc_read_pem(o->tls_key, &key, err);
    if (code == B_OK) {
        grpc_ssl_pem_key_cert_pair pair = {.private_key = key, .cert_chain = cert};
        *out = grpc_ssl_credentials_create_ex(ca, cert && key ? &pair : NULL, NULL, NULL);
    }
    free(ca);
    free(cert);
    free(key);
    return code;
}

static enum b_code make_authorization(const char *token, char **out, struct b_err *err)
{
    *out = NULL;
    if (!token)
        return B_OK;
    const size_t size = strlen(token) + sizeof "Bearer ";
    *out = malloc(size);
    if (!*out)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    (void)snprintf(*out, size, "Bearer %s", token);
    return B_OK;
}

enum b_code svc_client_new(const struct svc_client_options *o, struct svc_client **out, struct b_err *err)
{
    grpc_channel_credentials *credentials = NULL;
    struct svc_client *c = calloc(1, sizeof *c);
    *out = NULL;
    if (!c)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    grpc_init();
    c->seconds = o->deadline_seconds > 0 ? o->deadline_seconds : DEFAULT_SECONDS;
    c->retries = o->retries;
    enum b_code code = make_credentials(o, &credentials, err);
    if (code == B_OK)
        code = make_authorization(o->token, &c->authorization, err);
    if (code == B_OK) {
        grpc_arg args[] = {svc_number_arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, MESSAGE_MAX),
                           svc_number_arg(GRPC_ARG_ENABLE_RETRIES, 0), /* ours are aware of the call's deadline */
                           svc_number_arg(GRPC_ARG_ENABLE_HTTP_PROXY, 0)};
        const grpc_channel_args channel_args = {.num_args = sizeof args / sizeof args[0], .args = args};
        c->queue = grpc_completion_queue_create_for_next(NULL);
        c->channel = grpc_channel_create(o->address, credentials, &channel_args);
    }
    if (credentials)
        grpc_channel_credentials_release(credentials);
    if (code != B_OK) {
        svc_client_drop(c);
        return code;
    }
    *out = c;
    return B_OK;
}

void svc_client_drop(struct svc_client *c)
{
    if (!c)
        return;
    if (c->channel)
        grpc_channel_destroy(c->channel);
    if (c->queue) {
        grpc_completion_queue_shutdown(c->queue);
        while (grpc_completion_queue_next(c->queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL).type !=
               GRPC_QUEUE_SHUTDOWN)
            continue;
        grpc_completion_queue_destroy(c->queue);
    }
    free(c->authorization);
    free(c);
    grpc_shutdown();
}

/* Up to a quarter more, so that clients that were refused together do not come back together. */
static int64_t spread(int64_t ms)
{
    uint32_t bits = 0;
    (void)!getrandom(&bits, sizeof bits, 0);
    return ms + (int64_t)(bits % 1024) * ms / 4096;
}

static int64_t wait_before(const struct svc_try *attempt, int tries)
{
    const int doublings = tries < DOUBLINGS ? tries : DOUBLINGS;
    int64_t ms = attempt->retry_ms >= 0 ? attempt->retry_ms : FIRST_WAIT_MS;
    /* the server's own delay is for its state now: after several refusals it is doubled as well */
    ms = ms > WAIT_MS_MAX >> doublings ? WAIT_MS_MAX : ms << doublings;
    return spread(ms > attempt->retry_ms ? ms : attempt->retry_ms);
}

static void sleep_ms(int64_t ms, struct b_cancel *cancel)
{
    for (; ms > 0 && b_cancel_check(cancel, NULL) == B_OK; ms -= STEP_MS)
        usleep((useconds_t)(ms < STEP_MS ? ms : STEP_MS) * 1000);
}

enum b_code svc_client_try(struct svc_client *c, enum b_code (*once)(void *, struct svc_try *, struct b_err *),
                           void *ctx, struct b_cancel *cancel, struct b_err *err)
{
    struct svc_try attempt = {.deadline_ns = b_now_ns() + (int64_t)(c->seconds * 1e9)};
    for (int tries = 0;; tries++) {
        attempt.retry_ms = -1;
        attempt.again = false;
        enum b_code code = b_cancel_check(cancel, err);
        if (code == B_OK)
            code = once(ctx, &attempt, err);
        if (code == B_OK || !attempt.again || attempt.delivered || tries >= c->retries ||
            b_cancel_check(cancel, NULL) != B_OK)
            return code;
        const int64_t ms = wait_before(&attempt, tries);
        if (b_now_ns() + ms * 1000000 >= attempt.deadline_ns)
            return code; /* the deadline would pass while waiting: the refusal says more than that */
        sleep_ms(ms, cancel);
    }
}
