/* SPDX-License-Identifier: Apache-2.0 */
/* The standard health service: "" is the whole server, and each service by its name. A watch sends the state
 * at once and when it changes; it is looked at on the server's tick, so that a change shows within a second. */
#include <stdlib.h>
#include <string.h>

#include "grpc/health/v1/health.pb-c.h"
#include "service/rpc/server_private.h"
#include "service/rpc/unpack.h"
#include "service/rpc/wire.h"

#define DOMAIN "health"
#define REQUEST_MAX 1024
#define REPLY_MAX 64

typedef Grpc__Health__V1__HealthCheckResponse__ServingStatus serving_status;

static serving_status status_of(const struct svc_server *server, const char *service)
{
    static const char *const known[] = {"", "docparse.v1.DocumentParser", "docparse.v1.Jobs", "grpc.health.v1.Health"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(service, known[i]) == 0)
            return svc_server_draining(server) ? GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING
                                               : GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
    return GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN;
}

static bool send_status(struct svc_call *call, serving_status status)
{
    Grpc__Health__V1__HealthCheckResponse response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    struct b_buf buf;
    b_buf_init(&buf, REPLY_MAX);
    response.status = status;
    const bool sent = svc_wire_pack(&buf, &response.base, NULL) == B_OK && svc_call_send(call, &buf, false);
    b_buf_free(&buf);
    return sent;
}

/* The service's name in a request, or NULL after the call was ended. */
static char *service_of(struct svc_call *call, const uint8_t *data, size_t size)
{
    struct b_arena *arena = b_arena_new(svc_unpack_budget(size));
    ProtobufCMessage *message = NULL;
    struct b_err err;
    char *name = NULL;
    enum b_code code =
        arena ? svc_unpack(&grpc__health__v1__health_check_request__descriptor, data, size, arena, &message, &err)
              : b_fail(&err, B_NO_MEMORY, DOMAIN, "out of memory");
    if (code == B_OK) {
        name = strdup(((const Grpc__Health__V1__HealthCheckRequest *)(const void *)message)->service);
        if (!name)
            code = b_fail(&err, B_NO_MEMORY, DOMAIN, "out of memory");
    }
    if (code != B_OK)
        svc_call_finish(call, &err);
    b_arena_drop(arena);
    return name;
}

static void check_message(struct svc_call *call, const uint8_t *data, size_t size)
{
    char *service = service_of(call, data, size);
    if (!service)
        return;
    const serving_status status = status_of(svc_call_server(call), service);
    if (status == GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN) {
        struct b_err err;
        (void)b_fail(&err, B_NOT_FOUND, DOMAIN, "there is no service '%.100s'", service);
        svc_call_finish(call, &err);
    } else {
        (void)send_status(call, status);
        svc_call_finish(call, NULL);
    }
    free(service);
}

const struct svc_method svc_health_check = {
    .path = "/grpc.health.v1.Health/Check",
    .max_message = REQUEST_MAX,
    .open = true,
    .message = check_message,
};

struct watch {
    char *service;
    serving_status last;
};

static void drop_watch(void *p)
{
    struct watch *w = p;
    free(w->service);
    free(w);
}

static void watch_message(struct svc_call *call, const uint8_t *data, size_t size)
{
    char *service = service_of(call, data, size);
    struct watch *w = service ? calloc(1, sizeof *w) : NULL;
    if (!w) {
        free(service);
        return;
    }
    w->service = service;
    w->last = status_of(svc_call_server(call), service);
    svc_call_set_state(call, w);
    (void)send_status(call, w->last);
}

static void watch_tick(struct svc_call *call, int64_t now_ns)
{
    struct watch *w = svc_call_state(call);
    (void)now_ns;
    if (!w || !svc_call_idle(call))
        return;
    const serving_status status = status_of(svc_call_server(call), w->service);
    if (status != w->last && send_status(call, status))
        w->last = status;
    else if (svc_server_draining(svc_call_server(call)))
        svc_call_finish(call, NULL);
}

const struct svc_method svc_health_watch = {
    .path = "/grpc.health.v1.Health/Watch",
    .max_message = REQUEST_MAX,
    .open = true,
    .message = watch_message,
    .tick = watch_tick,
    .drop = drop_watch,
};
