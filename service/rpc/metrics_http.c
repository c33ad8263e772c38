/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics over HTTP, by libmicrohttpd: two paths, GET only, nothing of a request is believed or kept. */
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "service/rpc/http_address.h"
#include "service/rpc/metrics.h"

#define DOMAIN "metrics"
#define TEXT_MAX ((size_t)1 << 20)
#define CONNECTIONS 16
#define TIMEOUT_S 10

struct svc_metrics_http {
    struct svc_metrics_source source;
    struct MHD_Daemon *daemon;
};

static enum MHD_Result reply(struct MHD_Connection *connection, unsigned status, const char *type, const char *text,
                             size_t size)
{
    union {
        const char *in;
        void *out;
    } bytes = {.in = text};
    struct MHD_Response *r = MHD_create_response_from_buffer(size, bytes.out, MHD_RESPMEM_MUST_COPY);
    if (!r)
        return MHD_NO;
    (void)MHD_add_response_header(r, "Content-Type", type);
    const enum MHD_Result done = MHD_queue_response(connection, status, r);
    MHD_destroy_response(r);
    return done;
}

static enum MHD_Result reply_text(struct MHD_Connection *connection, unsigned status, const char *text)
{
    return reply(connection, status, "text/plain; charset=utf-8", text, strlen(text));
}

static enum MHD_Result answer(void *ctx, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *data, size_t *size, void **state)
{
    const struct svc_metrics_http *http = ctx;
    struct svc_gauges now;
    (void)version;
    (void)data;
    (void)state;
    *size = 0;
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return reply_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET\n");
    http->source.look(http->source.ctx, &now);
    if (strcmp(url, "/healthz") == 0)
        return now.queue.draining ? reply_text(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "stopping\n")
                                  : reply_text(connection, MHD_HTTP_OK, "ok\n");
    if (strcmp(url, "/metrics") != 0)
        return reply_text(connection, MHD_HTTP_NOT_FOUND, "there are /metrics and /healthz\n");
    struct b_buf text;
    b_buf_init(&text, TEXT_MAX);
    svc_metrics_write(http->source.metrics, &now, &text);
    const enum MHD_Result done =
        b_buf_check(&text, DOMAIN, NULL) == B_OK
            ? reply(connection, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", text.data, text.len)
            : reply_text(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
    b_buf_free(&text);
    return done;
}

enum b_code svc_metrics_listen(const struct svc_metrics_source *source, const char *address,
                               struct svc_metrics_http **out, int *port, struct b_err *err)
{
    struct sockaddr_storage where;
    struct svc_metrics_http *http = NULL;
    *out = NULL;
    if (!svc_http_address(address, &where))
        return b_fail(err, B_ARGUMENT, DOMAIN, "'%.60s' is no address like 127.0.0.1:9090", address);
    http = calloc(1, sizeof *http);
    if (!http)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    http->source = *source;
    const unsigned six = where.ss_family == AF_INET6 ? MHD_USE_IPv6 : 0;
    http->daemon =
        MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | six, 0, NULL, NULL, answer, http, MHD_OPTION_SOCK_ADDR,
                         (struct sockaddr *)(void *)&where, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
                         MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S, MHD_OPTION_END);
    if (!http->daemon) {
        free(http);
        return b_fail(err, B_IO, DOMAIN, "cannot listen on %s: the address is taken or not of this machine", address);
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_BIND_PORT);
    *port = info ? info->port : 0;
    *out = http;
    return B_OK;
}

void svc_metrics_close(struct svc_metrics_http *http)
{
    if (!http)
        return;
    MHD_stop_daemon(http->daemon);
    free(http);
}
