/* SPDX-License-Identifier: Apache-2.0 */
/* The server's life. Every call is claimed generically, so that it is seen right after its headers: unknown
 * methods, a full queue and missing rights are answered before a body is read. The order of stopping matters:
 * listeners close, calls end, our own live calls reach zero, and only then the completion queue is shut down,
 * because a batch on a queue that was shut down ends the process. */
#include <grpc/grpc_security.h>
#include <grpc/support/time.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/log.h"
#include "service/rpc/call_private.h"
#include "service/rpc/core_private.h"
#include "service/rpc/heap.h"
#include "service/rpc/jobs.h"
#include "service/rpc/metrics.h"
#include "service/rpc/result_cache.h"
#include "service/rpc/server_private.h"
#include "service/rpc/tls.h"
#include "service/rpc/tokens.h"
#include "service/rpc/web.h"

#define DOMAIN "server"
#define CLAIMS 64 /* calls that may arrive before the poller comes round */
#define STREAMS_PER_CONNECTION 128
#define DEFAULT_MESSAGE ((size_t)64 << 20)
#define MODEL_CACHE ((uint64_t)4 << 30)
#define TICK_MS 1000
#define TIDY_MS 10000 /* memory that was not used for so long goes back to the system */
#define SLOW_CLIENT_S 60
#define HANDSHAKE_MS 10000
#define KEEPALIVE_MS 60000
#define MIN_PING_MS 30000
#define READ_AHEAD (1 << 20) /* bytes of one upload that the core takes before they are asked for and counted */
#define LEAST_UNREAD ((uint64_t)2 * DEFAULT_MESSAGE) /* room for a message that is refused beside one that is not */

struct svc_server {
    struct svc_server_options options;
    struct svc_admission *admission;
    struct svc_metrics *metrics;
    struct svc_metrics_http *http;          /* NULL: nobody asks */
    struct svc_web *web;                    /* NULL: no page */
    const char *paths[SVC_METHODS_MAX + 2]; /* the page's requests behind the methods */
    struct svc_cache *cache;                /* NULL: results are not kept */
    struct svc_jobs *jobs;                  /* NULL: no state folder, no jobs */
    struct svc_tls *tls;                    /* NULL: plaintext */
    struct svc_tokens *tokens;              /* NULL: everybody may call */
    grpc_server *core;
    grpc_completion_queue *queue;
    grpc_resource_quota *unread; /* bounds the messages that the core has not handed over yet */
    int port, metrics_port, n_workers;
    pthread_t poller, *threads;
    struct svc_worker *workers;
    pthread_mutex_t lock; /* live calls, options.limits */
    pthread_cond_t changed;
    struct svc_call *live;
    int n_calls; /* live calls, claims included */
    bool down;   /* the core has let go of all connections */
    atomic_bool draining, log_calls;
    int64_t last_tick_ns, last_tidy_ns;
};

static void on_new(struct svc_call *call, bool ok);
static void run_call(struct svc_ticket *ticket, struct svc_worker *worker);

void svc_monotonic_cond(pthread_cond_t *cond)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

static bool claim(struct svc_server *s)
{
    pthread_mutex_lock(&s->lock);
    s->n_calls++;
    pthread_mutex_unlock(&s->lock);
    if (svc_call_claim(s, s->core, s->queue, on_new))
        return true;
    return false;
}

static void count_call(struct svc_server *s, const struct svc_call *call)
{
    size_t i = 0;
    while (i < svc_n_methods && svc_methods[i] != call->method)
        i++;
    const int64_t took_ns = b_now_ns() - call->begun_ns;
    svc_metrics_call(s->metrics, i < svc_n_methods ? i : svc_n_methods + 1, call->code, took_ns);
    if (call->code == SVC_GRPC_INTERNAL)
        svc_call_log(call, B_LOG_ERROR, "%s after %lld ms: %s", call->reason, (long long)(took_ns / 1000000),
                     call->message);
    else if (atomic_load(&s->log_calls))
        svc_call_log(call, B_LOG_INFO, "%s%s%.200s after %lld ms", call->code == SVC_GRPC_OK ? "OK" : call->reason,
                     call->message[0] ? ", " : "", call->message, (long long)(took_ns / 1000000));
}

void svc_server_forget(struct svc_server *s, struct svc_call *call)
{
    if (call->method)
        count_call(s, call);
    pthread_mutex_lock(&s->lock);
    if (call->previous_live)
        call->previous_live->next_live = call->next_live;
    else if (s->live == call)
        s->live = call->next_live;
    if (call->next_live)
        call->next_live->previous_live = call->previous_live;
    s->n_calls--;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static void remember(struct svc_server *s, struct svc_call *call)
{
    pthread_mutex_lock(&s->lock);
    call->next_live = s->live;
    if (s->live)
        s->live->previous_live = call;
    s->live = call;
    pthread_mutex_unlock(&s->lock);
}

static void on_new(struct svc_call *c, bool ok)
{
    struct svc_server *s = c->server;
    if (!ok) { /* the server stops */
        svc_call_unref(c);
        return;
    }
    if (!claim(s))
        b_log(B_LOG_ERROR, DOMAIN, "a call could not be waited for");
    svc_door_prepare(c);
    c->ticket.run = run_call;
    remember(s, c);
    svc_door_open(c);
}

/* All live calls, each with a reference; NULL when there are none or no memory. */
static struct svc_call **hold_calls(struct svc_server *s, size_t *n)
{
    *n = 0;
    pthread_mutex_lock(&s->lock);
    struct svc_call **held = s->n_calls > 0 ? calloc((size_t)s->n_calls, sizeof(struct svc_call *)) : NULL;
    for (struct svc_call *c = s->live; held && c && *n < (size_t)s->n_calls; c = c->next_live)
        if (svc_call_try_ref(c))
            held[(*n)++] = c;
    pthread_mutex_unlock(&s->lock);
    return held;
}

static void each_call(struct svc_server *s, void (*fn)(struct svc_call *call, void *ctx), void *ctx)
{
    /* Only the poller adds calls and ends them by completions; references keep each alive outside the lock. */
    size_t n = 0;
    struct svc_call **held = hold_calls(s, &n);
    for (size_t i = 0; i < n; i++) {
        fn(held[i], ctx);
        svc_call_unref(held[i]);
    }
    free((void *)held);
}

static void tick_one(struct svc_call *call, void *ctx)
{
    if (call->method->tick)
        call->method->tick(call, *(const int64_t *)ctx);
    svc_call_reap(call, *(const int64_t *)ctx);
}

/* Gives back what the last documents needed and those of now do not. */
static void tidy(struct svc_server *s, int64_t now_ns)
{
    if (now_ns - s->last_tidy_ns < TIDY_MS * 1000000LL)
        return;
    s->last_tidy_ns = now_ns;
    dp_model_trim(s->options.model, TIDY_MS * 1000000LL);
    svc_heap_tidy();
}

static void tick(struct svc_server *s)
{
    const int64_t now = b_now_ns();
    if (now - s->last_tick_ns < TICK_MS * 1000000LL)
        return;
    s->last_tick_ns = now;
    if (s->tokens)
        svc_tokens_refresh(s->tokens);
    if (s->web)
        svc_web_tick(s->web, now);
    each_call(s, tick_one, (void *)&(int64_t){now});
    tidy(s, now);
}

/* Takes one event; false once the queue is shut down. */
static bool poll_once(struct svc_server *s)
{
    const gpr_timespec until = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(TICK_MS, GPR_TIMESPAN));
    const grpc_event e = grpc_completion_queue_next(s->queue, until, NULL);
    if (e.type == GRPC_OP_COMPLETE && e.tag == s) { /* the core's shutdown */
        pthread_mutex_lock(&s->lock);
        s->down = true;
        pthread_cond_broadcast(&s->changed);
        pthread_mutex_unlock(&s->lock);
    } else if (e.type == GRPC_OP_COMPLETE) {
        struct svc_tag *tag = e.tag;
        struct svc_call *call = tag->call;
        tag->fn(call, e.success != 0);
        svc_call_unref(call); /* the batch's reference */
    }
    return e.type != GRPC_QUEUE_SHUTDOWN;
}

static void *poll_events(void *arg)
{
    struct svc_server *s = arg;
    while (poll_once(s))
        tick(s);
    return NULL;
}

static void run_call(struct svc_ticket *ticket, struct svc_worker *worker)
{
    struct svc_call *c = (struct svc_call *)(void *)((char *)ticket - offsetof(struct svc_call, ticket));
    struct b_err err;
    if (b_cancel_check(&c->cancel, &err) != B_OK)
        svc_call_finish(c, &err);
    else
        c->method->work(c, worker);
    svc_admission_leave(worker->server->admission, ticket);
    svc_call_unref(c);
}

static void run_ticket(struct svc_worker *w, struct svc_ticket *ticket)
{
    struct svc_ticket *outer = w->current;
    const enum svc_class class = ticket->class;
    const int64_t since_ns = b_now_ns();
    svc_metrics_wait(w->server->metrics, ticket->class, ticket->waited_ns);
    w->current = ticket;
    ticket->run(ticket, w); /* may free it */
    svc_metrics_work(w->server->metrics, class, b_now_ns() - since_ns);
    w->current = outer;
}

void svc_worker_lend(struct svc_worker *w)
{
    if (w->kind != SVC_PAGES || w->lent || !w->current || w->current->class != SVC_BULK)
        return;
    w->lent = true;
    struct svc_ticket *guest;
    for (int i = 1; i < SVC_BULK_SHARE && (guest = svc_admission_lend(w->server->admission)) != NULL; i++)
        run_ticket(w, guest);
    w->lent = false;
}

static struct svc_ticket *next_ticket(struct svc_worker *w)
{
    return w->express ? svc_admission_express(w->server->admission) : svc_admission_next(w->server->admission, w->kind);
}

static void *work(void *arg)
{
    struct svc_worker *w = arg;
    for (struct svc_ticket *t; (t = next_ticket(w)) != NULL;)
        run_ticket(w, t);
    for (size_t i = 0; i < sizeof w->pipelines / sizeof w->pipelines[0]; i++) {
        dp_pipeline_drop(w->pipelines[i]);
        dp_pipeline_drop(w->large[i]);
    }
    dp_asker_drop(w->asker);
    return NULL;
}

enum b_code svc_worker_pipeline(struct svc_worker *worker, enum dp_text_layer text_layer, bool large,
                                struct dp_pipeline **out, struct b_err *err)
{
    const struct svc_server_options *o = &worker->server->options;
    struct dp_pipeline **slot = large ? &worker->large[text_layer] : &worker->pipelines[text_layer];
    enum b_code code = B_OK;
    *out = NULL;
    if (large && (!o->large_model || worker->kind != SVC_MODEL))
        return b_fail(err, B_UNSUPPORTED, DOMAIN, "this server has no large model");
    if (!*slot)
        code = dp_pipeline_new(large ? o->large_model : o->model, text_layer, large ? o->model_threads : 1, slot, err);
    *out = *slot;
    return code;
}

enum b_code svc_worker_asker(struct svc_worker *worker, struct dp_asker **out, struct b_err *err)
{
    const struct svc_server_options *o = &worker->server->options;
    const uint64_t all = o->model_cache_bytes ? o->model_cache_bytes : MODEL_CACHE;
    enum b_code code = B_OK;
    if (!worker->asker)
        code =
            dp_asker_new(o->large_model, o->model_threads, all / (uint64_t)o->admission.sessions, &worker->asker, err);
    *out = worker->asker;
    return code;
}

const struct svc_server_options *svc_server_options(const struct svc_server *server)
{
    return &server->options;
}

struct dp_limits svc_server_limits(struct svc_server *server)
{
    pthread_mutex_lock(&server->lock);
    const struct dp_limits limits = server->options.limits;
    pthread_mutex_unlock(&server->lock);
    return limits;
}

struct svc_admission *svc_server_admission(const struct svc_server *server)
{
    return server->admission;
}

struct svc_cache *svc_server_cache(const struct svc_server *server)
{
    return server->cache;
}

struct svc_jobs *svc_server_jobs(const struct svc_server *server)
{
    return server->jobs;
}

bool svc_server_has_identities(const struct svc_server *server)
{
    return server->tokens != NULL || server->options.tls_client_ca != NULL;
}

bool svc_server_draining(const struct svc_server *server)
{
    return atomic_load(&server->draining);
}

int svc_server_port(const struct svc_server *server)
{
    return server->port;
}

int svc_server_metrics_port(const struct svc_server *server)
{
    return server->metrics_port;
}

struct svc_tokens *svc_server_tokens(const struct svc_server *server)
{
    return server->tokens;
}

int svc_server_web_port(const struct svc_server *server)
{
    return server->web ? svc_web_port(server->web) : 0;
}

struct svc_metrics *svc_server_metrics(const struct svc_server *server)
{
    return server->metrics;
}

static bool is_local(const char *address)
{
    static const char *const prefixes[] = {"127.", "localhost:", "[::1]:", "unix:", "ipv4:127.", "ipv6:[::1]:"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (strncmp(address, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

/* Certificates and tokens, NULL where there are none. */
static enum b_code read_files(const struct svc_server_options *o, struct svc_tls **tls, struct svc_tokens **tokens,
                              struct b_err *err)
{
    enum b_code code = B_OK;
    *tls = NULL;
    *tokens = NULL;
    if (!o->tls_cert && !is_local(o->listen) && !o->allow_insecure) {
        (void)b_fail(err, B_ARGUMENT, DOMAIN, "%s is reachable from outside and has no TLS", o->listen);
        b_advise(err, "give --tls-cert and --tls-key, listen on 127.0.0.1, or say --insecure");
        return B_ARGUMENT;
    }
    if (o->tls_cert)
        code = svc_tls_new(o->tls_cert, o->tls_key, o->tls_client_ca, tls, err);
    if (code == B_OK && o->token_file)
        code = svc_tokens_open(o->token_file, tokens, err);
    if (code != B_OK) {
        svc_tls_drop(*tls);
        *tls = NULL;
    }
    return code;
}

enum b_code svc_server_check(const struct svc_server_options *options, struct b_err *err)
{
    struct svc_tls *tls = NULL;
    struct svc_tokens *tokens = NULL;
    const enum b_code code = read_files(options, &tls, &tokens, err);
    svc_tls_drop(tls);
    svc_tokens_drop(tokens);
    return code;
}

/* The core takes in a message as long as its head says, up to 4 GiB, and looks at the bound of its length afterwards:
 * all of them together get as much memory as the documents that were counted. Beyond that the core ends calls until it
 * has room again. */
static void bound_unread(struct svc_server *s, uint64_t bytes)
{
    const uint64_t most = bytes < LEAST_UNREAD ? LEAST_UNREAD : bytes;
    if (!s->unread)
        s->unread = grpc_resource_quota_create("unread");
    grpc_resource_quota_resize(s->unread, most < INTPTR_MAX ? (size_t)most : INTPTR_MAX);
}

enum b_code svc_server_reload(struct svc_server *s, const struct svc_server_options *options, struct b_err *err)
{
    struct svc_server_options next = *options;
    struct svc_tls *tls = NULL;
    struct svc_tokens *tokens = NULL;
    next.listen = s->options.listen;
    next.allow_insecure = s->options.allow_insecure;
    if (!s->tls)
        next.tls_cert = NULL;
    if (!s->tokens)
        next.token_file = NULL;
    const enum b_code code = read_files(&next, &tls, &tokens, err);
    if (code != B_OK)
        return code;
    if (tls)
        svc_tls_take(s->tls, tls);
    if (tokens)
        svc_tokens_take(s->tokens, tokens);
    pthread_mutex_lock(&s->lock);
    s->options.limits = options->limits;
    pthread_mutex_unlock(&s->lock);
    atomic_store(&s->log_calls, options->log_calls);
    svc_admission_set_limits(s->admission, &options->admission);
    bound_unread(s, options->admission.bytes);
    if (s->cache)
        svc_cache_set_bytes(s->cache, options->cache_bytes);
    if (s->jobs)
        svc_job_set_limits(svc_jobs_store(s->jobs), &options->jobs);
    return B_OK;
}

static enum b_code open_port(struct svc_server *s, struct b_err *err)
{
    grpc_arg args[] = {
        svc_number_arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, (int)s->options.max_message),
        svc_number_arg(GRPC_ARG_MAX_CONCURRENT_STREAMS, STREAMS_PER_CONNECTION),
        /* Compressed messages are inflated before their size is checked: refuse them. */
        svc_number_arg(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1),
        svc_number_arg(GRPC_ARG_ALLOW_REUSEPORT, 0),
        svc_number_arg(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, HANDSHAKE_MS),
        svc_number_arg(GRPC_ARG_KEEPALIVE_TIME_MS, KEEPALIVE_MS),
        svc_number_arg(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, MIN_PING_MS),
        /* Left to itself the core measures the connection and takes in whole documents past the byte budgets. */
        svc_number_arg(GRPC_ARG_HTTP2_BDP_PROBE, 0),
        svc_number_arg(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, READ_AHEAD),
        svc_pointer_arg(GRPC_ARG_RESOURCE_QUOTA, s->unread, grpc_resource_quota_arg_vtable()),
    };
    const grpc_channel_args channel_args = {.num_args = sizeof args / sizeof args[0], .args = args};
    const enum b_code code = read_files(&s->options, &s->tls, &s->tokens, err);
    if (code != B_OK)
        return code;
    s->queue = grpc_completion_queue_create_for_next(NULL);
    s->core = grpc_server_create(&channel_args, NULL);
    grpc_server_register_completion_queue(s->core, s->queue, NULL);
    grpc_server_credentials *credentials =
        s->tls ? svc_tls_credentials(s->tls) : grpc_insecure_server_credentials_create();
    s->port = grpc_server_add_http2_port(s->core, s->options.listen, credentials);
    grpc_server_credentials_release(credentials);
    if (s->port == 0)
        return b_fail(err, B_IO, DOMAIN, "cannot listen on %s: the address is taken or not of this machine",
                      s->options.listen);
    grpc_server_start(s->core);
    return B_OK;
}

static enum b_code start_threads(struct svc_server *s, struct b_err *err)
{
    const int pages = s->options.admission.workers + 1, all = pages + s->options.admission.sessions;
    s->workers = calloc((size_t)all, sizeof *s->workers);
    s->threads = calloc((size_t)all, sizeof *s->threads);
    if (!s->workers || !s->threads)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "no memory for %d workers", all);
    for (; s->n_workers < all; s->n_workers++) {
        s->workers[s->n_workers].server = s;
        s->workers[s->n_workers].kind = s->n_workers < pages ? SVC_PAGES : SVC_MODEL;
        s->workers[s->n_workers].express = s->n_workers == pages - 1;
        if (pthread_create(&s->threads[s->n_workers], NULL, work, &s->workers[s->n_workers]) != 0)
            return b_fail(err, B_NO_MEMORY, DOMAIN, "the system refused to start a thread");
    }
    if (s->jobs) {
        const enum b_code code = svc_jobs_open(s->jobs, err);
        if (code != B_OK)
            return code;
    }
    for (int i = 0; i < CLAIMS; i++)
        if (!claim(s))
            return b_fail(err, B_NO_MEMORY, DOMAIN, "no memory for calls");
    if (pthread_create(&s->poller, NULL, poll_events, s) != 0)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "the system refused to start a thread");
    return B_OK;
}

static void look(void *ctx, struct svc_gauges *gauges)
{
    struct svc_server *s = ctx;
    svc_admission_look(s->admission, &gauges->queue);
    gauges->keeps_results = s->cache != NULL;
    if (s->cache)
        svc_cache_look(s->cache, &gauges->cache);
    gauges->jobs_waiting = s->jobs ? svc_job_waiting(svc_jobs_store(s->jobs), SVC_KINDS) : -1;
    dp_sandbox_look(s->options.sandbox, &gauges->sandbox);
    dp_model_memory(s->options.model, &gauges->networks);
    svc_heap_look(&gauges->heap);
}

void svc_server_count_page(struct svc_server *s, enum svc_grpc_code code, int64_t took_ns)
{
    svc_metrics_call(s->metrics, svc_n_methods, code, took_ns);
}

static int processors(void)
{
    const long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 && n < 256 ? (int)n : 1;
}

enum b_code svc_server_new(const struct svc_server_options *options, struct svc_server **out, struct b_err *err)
{
    struct svc_server *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "no memory for the server");
    s->options = *options;
    atomic_init(&s->log_calls, options->log_calls);
    if (s->options.admission.workers <= 0)
        s->options.admission.workers = processors();
    if (s->options.model_threads <= 0)
        s->options.model_threads = processors();
    if (!s->options.large_model)
        s->options.admission.sessions = 0;
    else if (s->options.admission.sessions <= 0)
        s->options.admission.sessions = 1;
    if (s->options.slow_client_s <= 0)
        s->options.slow_client_s = SLOW_CLIENT_S;
    if (s->options.max_message == 0)
        s->options.max_message = DEFAULT_MESSAGE;
    pthread_mutex_init(&s->lock, NULL);
    svc_monotonic_cond(&s->changed);
    enum b_code code = svc_admission_new(&s->options.admission, &s->admission, err);
    if (code != B_OK) {
        free(s);
        return code;
    }
    svc_heap_bound();
    grpc_init();
    bound_unread(s, s->options.admission.bytes);
    for (size_t i = 0; i < svc_n_methods; i++)
        s->paths[i] = svc_methods[i]->path;
    s->paths[svc_n_methods] = "/api/parse";
    code = svc_metrics_new(s->paths, &s->metrics, err);
    if (code == B_OK && s->options.cache_dir)
        code = svc_cache_open(s->options.cache_dir, s->options.cache_bytes, &s->cache, err);
    if (code == B_OK && s->options.state_dir)
        code = svc_jobs_new(s, s->options.state_dir, &s->options.jobs, &s->jobs, err);
    if (code == B_OK && s->options.metrics)
        code = svc_metrics_listen(&(struct svc_metrics_source){s->metrics, look, s}, s->options.metrics, &s->http,
                                  &s->metrics_port, err);
    if (code == B_OK)
        code = open_port(s, err);
    if (code == B_OK && s->options.web)
        code = svc_web_new(s, &s->web, err);
    if (code == B_OK)
        code = start_threads(s, err);
    if (code != B_OK) {
        svc_server_stop(s, 0);
        return code;
    }
    *out = s;
    return B_OK;
}

static bool wait_until(struct svc_server *s, int ms, bool (*done)(const struct svc_server *s))
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&s->lock);
    int rc = 0;
    while (!done(s) && rc == 0)
        rc = ms < 0 ? pthread_cond_wait(&s->changed, &s->lock) : pthread_cond_timedwait(&s->changed, &s->lock, &until);
    const bool reached = done(s);
    pthread_mutex_unlock(&s->lock);
    return reached;
}

static bool connections_down(const struct svc_server *s)
{
    return s->down;
}

static bool no_calls(const struct svc_server *s)
{
    return s->n_calls == 0;
}

static void cancel_one(struct svc_call *call, void *ctx)
{
    (void)ctx;
    b_cancel_request(&call->cancel);
}

void svc_server_stop(struct svc_server *s, int grace_ms)
{
    if (!s)
        return;
    const int64_t until_ns = b_now_ns() + (int64_t)grace_ms * 1000000;
    atomic_store(&s->draining, true);
    svc_admission_drain(s->admission);
    if (s->jobs)
        svc_jobs_stop(s->jobs);
    if (s->core && s->poller) {
        grpc_server_shutdown_and_notify(s->core, s->queue, s);
        if (!wait_until(s, grace_ms, connections_down)) {
            each_call(s, cancel_one, NULL);
            grpc_server_cancel_all_calls(s->core);
            (void)wait_until(s, -1, connections_down);
        }
    }
    if (s->core && !s->poller) { /* the start failed half-way: nobody else takes the events */
        grpc_server_shutdown_and_notify(s->core, s->queue, s);
        while (!(s->down && no_calls(s)) && poll_once(s)) {
        }
    }
    if (s->web && s->n_workers > 0) {
        const int64_t left_ms = (until_ns - b_now_ns()) / 1000000;
        svc_web_end(s->web, left_ms > 0 ? left_ms : 0);
    }
    svc_admission_close(s->admission);
    for (int i = 0; i < s->n_workers; i++)
        pthread_join(s->threads[i], NULL);
    if (s->poller)
        (void)wait_until(s, -1, no_calls);
    if (s->queue)
        grpc_completion_queue_shutdown(s->queue);
    if (s->poller)
        pthread_join(s->poller, NULL);
    if (s->core)
        grpc_server_destroy(s->core);
    if (s->queue)
        grpc_completion_queue_destroy(s->queue);
    grpc_resource_quota_unref(s->unread);
    grpc_shutdown();
    svc_web_drop(s->web);
    svc_metrics_close(s->http);
    svc_metrics_drop(s->metrics);
    svc_jobs_drop(s->jobs);
    svc_cache_close(s->cache);
    svc_tls_drop(s->tls);
    svc_tokens_drop(s->tokens);
    svc_admission_drop(s->admission);
    free(s->workers);
    free(s->threads);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
