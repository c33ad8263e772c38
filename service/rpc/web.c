/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP on libmicrohttpd, a thread a connection. What may be refused is refused before a body is read: wrong hosts (a
 * name that an attacker points at this machine), other origins, missing tokens, a full queue. Invariant: every accepted
 * upload is one ticket of the server's queue and holds its bytes of the server's budget. */
#include "service/rpc/web.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/log.h"
#include "output/json_emit.h"
#include "service/rpc/http_address.h"
#include "service/rpc/messages.h"
#include "service/rpc/metrics.h"
#include "service/rpc/tokens.h"
#include "service/rpc/web_private.h"

#define CONNECTIONS 64
#define CONNECTION_BYTES ((size_t)32 << 10)
#define THREAD_STACK ((size_t)512 << 10)
#define SILENCE_S 30u                                  /* a connection on which nothing moves */
#define HEAD_NS 15000000000LL                          /* a request's head must be there by then */
#define UPLOAD_NS 30000000000LL                        /* and its body by then, */
#define UPLOAD_BYTES_PER_S 16384                       /* or at least so fast */
#define REQUEST_NS (30LL * 60 * 1000000000)            /* from the end of the upload to the last page */
#define BODY_MAX (WEB_FILE_MAX + ((uint64_t)64 << 10)) /* the file with the form around it */
#define SWALLOW_MAX ((uint64_t)8 << 20)                /* of a refused body, so that the client gets to read why */
#define FIELD_BYTES ((size_t)32 << 10)
#define BLOCK_BYTES ((size_t)64 << 10)

/* The page may load its own files and show pictures that it was sent; nothing else, from nowhere else. */
#define POLICY                                                                                                         \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "        \
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "                \
    "trusted-types docparse"

struct web_connection {
    struct web_connection *next;
    int fd;
    int64_t until_ns; /* cut then; 0: never */
};

struct svc_web {
    struct svc_server *server;
    struct MHD_Daemon *daemon;
    char host[80]; /* of the listening address, as a Host header would have it */
    int port;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    struct web_connection *connections;
    struct exchange *live;
    int n_live;
};

/* One HTTP request of /api/parse, from its head to the end of its answer. */
struct exchange {
    struct exchange *next;
    struct svc_web *web;
    struct web_request *request;
    struct MHD_PostProcessor *form;
    int64_t begun_ns;
    int fd;
    bool answered;
};

void web_put_error(struct b_buf *out, const char *reason, const struct b_err *err, int64_t retry_ms)
{
    struct out_json j = {.buf = out};
    out_json_open_object(&j, "error");
    out_json_text(&j, "reason", reason);
    out_json_text(&j, "domain", err->domain);
    out_json_text(&j, "message", err->message);
    if (err->advice[0])
        out_json_text(&j, "advice", err->advice);
    if (retry_ms >= 0)
        out_json_int(&j, "retry_ms", retry_ms);
    out_json_close_object(&j);
}

static enum MHD_Result queue(struct MHD_Connection *connection, unsigned status, struct MHD_Response *r,
                             const char *type)
{
    static const char *const headers[][2] = {
        {"Content-Security-Policy", POLICY},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Cache-Control", "no-store"},
        {"X-Accel-Buffering", "no"}, /* nginx: pass lines on as they come */
    };
    if (!r)
        return MHD_NO;
    (void)MHD_add_response_header(r, "Content-Type", type);
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        (void)MHD_add_response_header(r, headers[i][0], headers[i][1]);
    const enum MHD_Result done = MHD_queue_response(connection, status, r);
    MHD_destroy_response(r);
    return done;
}

static enum MHD_Result reply(struct MHD_Connection *connection, unsigned status, const char *type, const void *data,
                             size_t size, enum MHD_ResponseMemoryMode mode)
{
    union {
        const void *in;
        void *out;
    } bytes = {.in = data};
    return queue(connection, status, MHD_create_response_from_buffer(size, bytes.out, mode), type);
}

static enum MHD_Result reply_refusal(const struct svc_web *web, struct MHD_Connection *connection,
                                     const struct web_refusal *why)
{
    svc_metrics_failure(svc_server_metrics(web->server), SVC_FAILED_CALL, why->reason);
    struct b_buf text;
    char seconds[24];
    b_buf_init(&text, 8192);
    b_buf_putc(&text, '{');
    web_put_error(&text, why->reason, &why->err, why->retry_ms);
    b_buf_puts(&text, "}\n");
    struct MHD_Response *r =
        text.data ? MHD_create_response_from_buffer(text.len, text.data, MHD_RESPMEM_MUST_COPY) : NULL;
    b_buf_free(&text);
    if (r && why->retry_ms >= 0) {
        (void)snprintf(seconds, sizeof seconds, "%lld", (long long)((why->retry_ms + 999) / 1000));
        (void)MHD_add_response_header(r, "Retry-After", seconds);
    }
    if (r && why->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        (void)MHD_add_response_header(r, "Allow", "GET, HEAD, POST");
    if (r && why->status == MHD_HTTP_UNAUTHORIZED)
        (void)MHD_add_response_header(r, "WWW-Authenticate", "Bearer");
    return queue(connection, why->status, r, "application/json");
}

static bool refuse(struct web_refusal *why, unsigned status, enum b_code code, const char *reason, const char *message)
{
    *why = (struct web_refusal){.status = status, .reason = reason, .retry_ms = -1};
    (void)b_fail(&why->err, code, WEB_DOMAIN, "%s", message);
    return false;
}

/* What the queue says no to; why->err is filled. */
static bool refuse_work(struct web_refusal *why, enum b_code code, const struct svc_refusal *refusal)
{
    why->status = code != B_LIMIT          ? MHD_HTTP_SERVICE_UNAVAILABLE
                  : refusal->retry_ms >= 0 ? MHD_HTTP_TOO_MANY_REQUESTS
                                           : MHD_HTTP_CONTENT_TOO_LARGE;
    why->reason = refusal->reason;
    why->retry_ms = refusal->retry_ms;
    return false;
}

static enum MHD_Result reply_problem(const struct svc_web *web, struct MHD_Connection *connection, unsigned status,
                                     const char *reason, const char *message)
{
    struct web_refusal why;
    (void)refuse(&why, status, B_ARGUMENT, reason, message);
    return reply_refusal(web, connection, &why);
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
    const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
    return value ? value : "";
}

/* --- who may ask --- */

/* Only names under which this page is meant to be reached. A page of a stranger whose name was pointed at this machine
 * has another one. */
static bool host_is_ours(const struct svc_web *web, struct MHD_Connection *connection)
{
    char host[80];
    const char *known = svc_server_options(web->server)->web_host;
    if (!svc_http_host(header(connection, "Host"), host, sizeof host))
        return false;
    return strcmp(host, web->host) == 0 || strcmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0 ||
           strcmp(host, "[::1]") == 0 || (known && strcasecmp(host, known) == 0);
}

/* Browsers say where a request comes from; programs say nothing. */
static bool origin_is_ours(struct MHD_Connection *connection)
{
    const char *origin = header(connection, "Origin"), *site = header(connection, "Sec-Fetch-Site");
    if (*site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0)
        return false;
    if (!*origin)
        return true;
    const char *slashes = strstr(origin, "://");
    return slashes && strcasecmp(slashes + 3, header(connection, "Host")) == 0;
}

static bool identify(struct svc_web *web, struct MHD_Connection *connection, char *name, size_t size)
{
    struct svc_tokens *tokens = svc_server_tokens(web->server);
    if (!tokens) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
        svc_http_peer(info ? info->client_addr : NULL, name, size);
        return true;
    }
    return svc_tokens_check(tokens, header(connection, "Authorization"), name, size);
}

/* --- connections --- */

static void on_connection(void *ctx, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct svc_web *web = ctx;
    struct web_connection *c = *socket_context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        c = calloc(1, sizeof *c);
        if (!c || !info) {
            free(c);
            return;
        }
        c->fd = info->connect_fd;
        c->until_ns = b_now_ns() + HEAD_NS;
        *socket_context = c;
        pthread_mutex_lock(&web->lock);
        c->next = web->connections;
        web->connections = c;
        pthread_mutex_unlock(&web->lock);
    } else if (c) {
        pthread_mutex_lock(&web->lock);
        for (struct web_connection **p = &web->connections; *p; p = &(*p)->next)
            if (*p == c) {
                *p = c->next;
                break;
            }
        pthread_mutex_unlock(&web->lock);
        free(c);
    }
}

/* Until when the connection may go on as it does; 0: as long as it likes. */
static void set_limit(struct svc_web *web, struct MHD_Connection *connection, int64_t until_ns)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct web_connection *c = info ? info->socket_context : NULL;
    if (!c)
        return;
    pthread_mutex_lock(&web->lock);
    c->until_ns = until_ns;
    pthread_mutex_unlock(&web->lock);
}

void svc_web_tick(struct svc_web *web, int64_t now_ns)
{
    /* The socket is open as long as its entry is in the list: the library closes it after it took the entry out. */
    pthread_mutex_lock(&web->lock);
    for (struct web_connection *c = web->connections; c; c = c->next)
        if (c->until_ns != 0 && now_ns > c->until_ns)
            (void)shutdown(c->fd, SHUT_RDWR);
    pthread_mutex_unlock(&web->lock);
}

/* --- POST /api/parse --- */

static bool may_upload(struct svc_web *web, struct MHD_Connection *connection, char *client, size_t size,
                       struct web_refusal *why)
{
    char *end = NULL;
    const char *length = header(connection, "Content-Length");
    const unsigned long long bytes = strtoull(length, &end, 10);
    struct svc_ticket ticket;
    if (!origin_is_ours(connection))
        return refuse(why, MHD_HTTP_FORBIDDEN, B_ARGUMENT, "ORIGIN",
                      "the request comes from a page that is not this one");
    if (!identify(web, connection, client, size))
        return refuse(why, MHD_HTTP_UNAUTHORIZED, B_ARGUMENT, "UNAUTHENTICATED", "the request carries no valid token");
    if (strncasecmp(header(connection, "Content-Type"), "multipart/form-data", 19) != 0)
        return refuse(why, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, B_ARGUMENT, "MEDIA_TYPE",
                      "the document comes as multipart/form-data in the field 'file'");
    if (*length && (*end || bytes > BODY_MAX)) {
        (void)refuse(why, MHD_HTTP_CONTENT_TOO_LARGE, B_LIMIT, "LIMIT", "");
        (void)b_fail(&why->err, B_LIMIT, WEB_DOMAIN, "the file is larger than the %llu MiB that this page takes",
                     (unsigned long long)(WEB_FILE_MAX >> 20));
        b_advise(&why->err, "use docparse convert or docparse call for it");
        return false;
    }
    svc_ticket_init(&ticket, client, SVC_INTERACTIVE);
    struct svc_refusal refusal;
    const enum b_code code = svc_admission_peek(svc_server_admission(web->server), &ticket, 0, &refusal, &why->err);
    return code == B_OK || refuse_work(why, code, &refusal);
}

static enum MHD_Result on_field(void *ctx, enum MHD_ValueKind kind, const char *key, const char *file_name,
                                const char *type, const char *encoding, const char *data, uint64_t offset, size_t size)
{
    struct exchange *x = ctx;
    struct web_request *r = x->request;
    struct web_refusal *why = &r->refused;
    (void)kind;
    (void)type;
    (void)encoding;
    if (why->status)
        return MHD_NO;
    struct svc_refusal refusal;
    enum b_code code = svc_admission_hold(svc_server_admission(r->server), &r->ticket, size, &refusal, &why->err);
    if (code != B_OK) {
        (void)refuse_work(why, code, &refusal);
        return MHD_NO;
    }
    why->retry_ms = -1;
    code = web_form_add(&r->form, key ? key : "", file_name, data, offset, size, &why->err);
    if (code == B_OK)
        return MHD_YES;
    why->status = code == B_LIMIT       ? MHD_HTTP_CONTENT_TOO_LARGE
                  : code == B_NO_MEMORY ? MHD_HTTP_SERVICE_UNAVAILABLE
                                        : MHD_HTTP_BAD_REQUEST;
    why->reason = svc_reason_name(code);
    return MHD_NO;
}

static enum MHD_Result begin_upload(struct svc_web *web, struct MHD_Connection *connection, void **state)
{
    char client[SVC_CLIENT_NAME];
    struct web_refusal why = {.retry_ms = -1};
    const bool may = may_upload(web, connection, client, sizeof client, &why);
    const char *length = header(connection, "Content-Length");
    if (!may && (!*length || strtoull(length, NULL, 10) > SWALLOW_MAX))
        return reply_refusal(web, connection, &why);
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct exchange *x = info ? calloc(1, sizeof *x) : NULL;
    if (!x || !(x->request = web_request_new(web->server, may ? client : ""))) {
        free(x);
        return MHD_NO;
    }
    x->web = web;
    x->fd = info->connect_fd;
    x->begun_ns = b_now_ns();
    x->request->refused = why;
    struct svc_refusal refusal;
    const enum b_code code = may ? svc_admission_begin(svc_server_admission(web->server), &x->request->ticket,
                                                       &refusal, &x->request->refused.err)
                                 : B_OK;
    if (code != B_OK)
        (void)refuse_work(&x->request->refused, code, &refusal);
    if (may && !(x->form = MHD_create_post_processor(connection, FIELD_BYTES, on_field, x)))
        (void)refuse(&x->request->refused, MHD_HTTP_BAD_REQUEST, B_FORMAT, "FORMAT", "the form names no boundary");
    pthread_mutex_lock(&web->lock);
    x->next = web->live;
    web->live = x;
    web->n_live++;
    pthread_mutex_unlock(&web->lock);
    set_limit(web, connection, x->begun_ns + UPLOAD_NS);
    *state = x;
    return MHD_YES;
}

static enum MHD_Result go_on_upload(struct exchange *x, struct MHD_Connection *connection, const char *data,
                                    size_t *size)
{
    struct web_request *r = x->request;
    r->received += *size;
    set_limit(x->web, connection, x->begun_ns + UPLOAD_NS + (int64_t)(r->received / UPLOAD_BYTES_PER_S) * 1000000000LL);
    if (r->received > BODY_MAX)
        return MHD_NO;
    if (!r->refused.status && MHD_post_process(x->form, data, *size) != MHD_YES && !r->refused.status)
        (void)refuse(&r->refused, MHD_HTTP_BAD_REQUEST, B_FORMAT, "FORMAT", "the form is damaged");
    *size = 0;
    return MHD_YES;
}

static ssize_t read_answer(void *ctx, uint64_t pos, char *out, size_t max)
{
    const struct exchange *x = ctx;
    (void)pos;
    const long n = web_take(x->request, x->fd, out, max);
    return n > 0 ? (ssize_t)n : n == 0 ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
}

/* All of the upload is there: into the queue with it. */
static enum MHD_Result end_upload(struct exchange *x, struct MHD_Connection *connection)
{
    struct web_request *r = x->request;
    struct web_refusal *why = &r->refused;
    set_limit(x->web, connection, 0);
    x->answered = true;
    if (x->form) {
        const bool whole = MHD_destroy_post_processor(x->form) == MHD_YES;
        x->form = NULL;
        if (!whole && !why->status)
            (void)refuse(why, MHD_HTTP_BAD_REQUEST, B_FORMAT, "FORMAT", "the form ends in the middle");
    }
    if (!why->status && web_form_check(&r->form, &why->err) != B_OK) {
        why->status = MHD_HTTP_BAD_REQUEST;
        why->reason = svc_reason_name(why->err.code);
        why->retry_ms = -1;
    }
    if (why->status)
        return reply_refusal(x->web, connection, why);
    b_cancel_set_deadline(&r->cancel, b_now_ns() + REQUEST_NS);
    web_request_ref(r); /* the queue's, then the worker's */
    struct svc_refusal refusal;
    const enum b_code code = svc_admission_enter(svc_server_admission(r->server), &r->ticket,
                                                 atomic_load(&r->cancel.deadline_ns), &refusal, &why->err);
    if (code != B_OK) {
        web_request_unref(r);
        (void)refuse_work(why, code, &refusal);
        return reply_refusal(x->web, connection, why);
    }
    return queue(connection, MHD_HTTP_OK,
                 MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_answer, x, NULL),
                 "application/x-ndjson");
}

/* How a request ended, in the words of the counters. */
static enum svc_grpc_code code_of(struct web_request *r)
{
    switch (r->refused.status) {
    case 0:
        break;
    case MHD_HTTP_UNAUTHORIZED:
        return SVC_GRPC_UNAUTHENTICATED;
    case MHD_HTTP_FORBIDDEN:
        return SVC_GRPC_PERMISSION_DENIED;
    case MHD_HTTP_TOO_MANY_REQUESTS:
        return SVC_GRPC_RESOURCE_EXHAUSTED;
    case MHD_HTTP_SERVICE_UNAVAILABLE:
        return SVC_GRPC_UNAVAILABLE;
    default:
        return SVC_GRPC_INVALID_ARGUMENT;
    }
    pthread_mutex_lock(&r->lock);
    const enum svc_grpc_code code = r->code;
    pthread_mutex_unlock(&r->lock);
    return code;
}

static void on_completed(void *ctx, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    struct svc_web *web = ctx;
    struct exchange *x = *state == web ? NULL : *state;
    (void)code;
    set_limit(web, connection, b_now_ns() + HEAD_NS);
    if (!x)
        return;
    if (x->form)
        (void)MHD_destroy_post_processor(x->form);
    const enum svc_grpc_code ended = code_of(x->request);
    svc_server_count_page(web->server, ended, b_now_ns() - x->begun_ns);
    web_request_abandon(x->request);
    web_request_unref(x->request);
    pthread_mutex_lock(&web->lock);
    for (struct exchange **p = &web->live; *p; p = &(*p)->next)
        if (*p == x) {
            *p = x->next;
            break;
        }
    web->n_live--;
    pthread_cond_broadcast(&web->changed);
    pthread_mutex_unlock(&web->lock);
    free(x);
}

/* --- GET --- */

static enum MHD_Result reply_info(const struct svc_web *web, struct MHD_Connection *connection)
{
    struct b_buf text;
    b_buf_init(&text, 65536);
    struct out_json j = {.buf = &text};
    out_json_open_object(&j, NULL);
    out_json_text(&j, "version", DOCPARSE_VERSION);
    out_json_int(&j, "max_bytes", (int64_t)WEB_FILE_MAX);
    out_json_bool(&j, "token", svc_server_tokens(web->server) != NULL);
    out_json_open_array(&j, "formats");
    for (const struct out_format *f = out_formats(); f->name; f++) {
        if (f->side_outputs)
            continue;
        out_json_open_object(&j, NULL);
        out_json_text(&j, "name", f->name);
        out_json_text(&j, "extension", f->extension);
        out_json_text(&j, "media_type", f->media_type);
        out_json_text(&j, "summary", f->summary);
        out_json_close_object(&j);
    }
    out_json_close_array(&j);
    out_json_close_object(&j);
    b_buf_putc(&text, '\n');
    const enum MHD_Result done =
        b_buf_check(&text, WEB_DOMAIN, NULL) == B_OK
            ? reply(connection, MHD_HTTP_OK, "application/json", text.data, text.len, MHD_RESPMEM_MUST_COPY)
            : MHD_NO;
    b_buf_free(&text);
    return done;
}

static enum MHD_Result get(const struct svc_web *web, struct MHD_Connection *connection, const char *url)
{
    const struct web_asset *asset = web_asset_find(url);
    if (asset)
        return reply(connection, MHD_HTTP_OK, asset->type, asset->data, *asset->size, MHD_RESPMEM_PERSISTENT);
    if (strcmp(url, "/api/info") == 0)
        return reply_info(web, connection);
    if (strcmp(url, "/api/parse") == 0)
        return reply_problem(web, connection, MHD_HTTP_METHOD_NOT_ALLOWED, "METHOD", "documents come by POST");
    return reply_problem(web, connection, MHD_HTTP_NOT_FOUND, "NOT_FOUND", "there is nothing of this name");
}

static enum MHD_Result answer(void *ctx, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *data, size_t *size, void **state)
{
    struct svc_web *web = ctx;
    const bool post = strcmp(method, "POST") == 0;
    (void)version;
    if (!*state) { /* the head has come */
        if (!host_is_ours(web, connection))
            return reply_problem(web, connection, MHD_HTTP_FORBIDDEN, "HOST",
                                 "this page is not meant to be reached under this name (--web-host)");
        if (post && strcmp(url, "/api/parse") == 0)
            return begin_upload(web, connection, state);
        if (post || (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0))
            return reply_problem(web, connection, MHD_HTTP_METHOD_NOT_ALLOWED, "METHOD",
                                 "only GET, and POST of documents");
        *state = web; /* stands for "seen" */
        return MHD_YES;
    }
    if (*state == web) {
        if (*size == 0)
            return get(web, connection, url);
        *size = 0; /* a body that nobody asked for */
        return MHD_YES;
    }
    struct exchange *x = *state;
    if (*size > 0)
        return go_on_upload(x, connection, data, size);
    return x->answered ? MHD_YES : end_upload(x, connection);
}

/* --- life --- */

/* Paths are compared as they were sent: nothing is unescaped, so that nothing can be hidden. */
static size_t leave_escapes(void *ctx, struct MHD_Connection *connection, char *text)
{
    (void)ctx;
    (void)connection;
    return strlen(text);
}

static enum b_code check_options(const struct svc_server_options *o, const struct sockaddr_storage *where,
                                 struct b_err *err)
{
    if (!svc_http_is_loopback(where) && !o->allow_insecure) {
        (void)b_fail(err, B_ARGUMENT, WEB_DOMAIN, "%s is reachable from outside and the page has no TLS", o->web);
        b_advise(err, "listen on 127.0.0.1 behind a proxy that has it, or say --insecure");
        return B_ARGUMENT;
    }
    if (o->tls_client_ca && !o->token_file) {
        (void)b_fail(err, B_ARGUMENT, WEB_DOMAIN, "callers need a certificate, which the page cannot ask for");
        b_advise(err, "give --token-file as well, so that the page asks for a token");
        return B_ARGUMENT;
    }
    return B_OK;
}

static enum b_code listen_at(struct svc_web *web, const char *address, const struct sockaddr_storage *where,
                             struct b_err *err)
{
    const unsigned flags = MHD_USE_AUTO_INTERNAL_THREAD | MHD_USE_THREAD_PER_CONNECTION |
                           (where->ss_family == AF_INET6 ? (unsigned)MHD_USE_IPv6 : 0u);
    (void)snprintf(web->host, sizeof web->host, "%.*s", (int)(strrchr(address, ':') - address), address);
    web->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, answer, web, MHD_OPTION_SOCK_ADDR, (const struct sockaddr *)(const void *)where,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, SILENCE_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES, MHD_OPTION_THREAD_STACK_SIZE, THREAD_STACK,
        MHD_OPTION_UNESCAPE_CALLBACK, leave_escapes, NULL, MHD_OPTION_NOTIFY_COMPLETED, on_completed, web,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, web, MHD_OPTION_END);
    if (!web->daemon)
        return b_fail(err, B_IO, WEB_DOMAIN, "cannot listen on %s: the address is taken or not of this machine",
                      address);
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(web->daemon, MHD_DAEMON_INFO_BIND_PORT);
    web->port = info ? info->port : 0;
    return B_OK;
}

enum b_code svc_web_new(struct svc_server *server, struct svc_web **out, struct b_err *err)
{
    const struct svc_server_options *o = svc_server_options(server);
    struct sockaddr_storage where;
    *out = NULL;
    if (!svc_http_address(o->web, &where))
        return b_fail(err, B_ARGUMENT, WEB_DOMAIN, "'%.60s' is no address like 127.0.0.1:8080", o->web);
    enum b_code code = check_options(o, &where, err);
    if (code != B_OK)
        return code;
    struct svc_web *web = calloc(1, sizeof *web);
    if (!web)
        return b_fail(err, B_NO_MEMORY, WEB_DOMAIN, "out of memory");
    web->server = server;
    pthread_mutex_init(&web->lock, NULL);
    svc_monotonic_cond(&web->changed);
    code = listen_at(web, o->web, &where, err);
    if (code != B_OK) {
        svc_web_drop(web);
        return code;
    }
    *out = web;
    return B_OK;
}

int svc_web_port(const struct svc_web *web)
{
    return web->port;
}

void svc_web_end(struct svc_web *web, int64_t grace_ms)
{
    const int64_t until = b_now_ns() + grace_ms * 1000000;
    bool told = false;
    pthread_mutex_lock(&web->lock);
    while (web->n_live > 0) {
        struct timespec next;
        if (!told && b_now_ns() >= until) {
            for (struct exchange *x = web->live; x; x = x->next)
                b_cancel_request(&x->request->cancel);
            told = true;
        }
        if (told && b_now_ns() >= until + 5000000000LL)
            break; /* clients that do not take the end of their answer: their connections are closed */
        clock_gettime(CLOCK_MONOTONIC, &next);
        next.tv_nsec += 100000000L;
        if (next.tv_nsec >= 1000000000L) {
            next.tv_sec++;
            next.tv_nsec -= 1000000000L;
        }
        (void)pthread_cond_timedwait(&web->changed, &web->lock, &next);
    }
    pthread_mutex_unlock(&web->lock);
}

void svc_web_drop(struct svc_web *web)
{
    if (!web)
        return;
    if (web->daemon)
        MHD_stop_daemon(web->daemon);
    pthread_cond_destroy(&web->changed);
    pthread_mutex_destroy(&web->lock);
    free(web);
}
