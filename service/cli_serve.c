/* SPDX-License-Identifier: Apache-2.0 */
/* `docparse serve`: loads the model, starts the server and waits for a signal. The first SIGTERM or SIGINT stops
 * gracefully; SIGHUP reads the configuration again. SIGHUP is blocked before any thread exists and only waited for
 * here, so that a reload runs on the main thread and nowhere else. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "docparse/model_files.h"
#include "docparse/sandbox.h"
#include "engine/base/log.h"
#include "service/cli.h"
#include "service/rpc/server.h"
#include "service/serve_options.h"

#define DOMAIN "serve"
#define WAIT_NS 100000000L /* a stop is noticed at once by the signal itself, or after this */

/* What is made before the server and outlives it. */
struct models {
    struct dp_model *compact, *large; /* large NULL: none */
    struct dp_sandbox *sandbox;       /* NULL: documents are decoded in this process */
};

static struct svc_server_options options_of(const struct svc_settings *s, const struct models *models)
{
    struct svc_server_options o = {
        .listen = s->listen,
        .model = models->compact,
        .large_model = models->large,
        .sandbox = models->sandbox,
        .model_threads = (int)s->model_threads,
        .model_page_seconds = (double)s->model_page_seconds,
        .model_cache_bytes = (uint64_t)s->model_cache,
        .limits = dp_limits_default(),
        .admission = {.queue = (int)s->queue,
                      .queue_per_client = (int)s->queue_per_client,
                      .bytes = (uint64_t)s->queue_bytes,
                      .workers = (int)s->workers,
                      .sessions = (int)s->model_sessions,
                      .client = {.calls = (int)s->client_calls,
                                 .bytes = (uint64_t)s->client_bytes,
                                 .pages_per_minute = (int)s->client_pages}},
        .jobs = {.max_attempts = (int)s->job_attempts,
                 .keep_ms = s->job_keep * 1000,
                 .disk_bytes = (uint64_t)s->job_disk,
                 .max_open = (int)s->job_open},
        .cache_dir = s->cache_dir,
        .cache_bytes = (uint64_t)s->cache_bytes,
        .cache_shared = s->cache_shared != 0,
        .log_calls = s->log_calls != 0,
        .reflection = s->reflection != 0,
        .tls_cert = s->tls_cert,
        .tls_key = s->tls_key,
        .tls_client_ca = s->tls_client_ca,
        .token_file = s->token_file,
        .state_dir = s->state_dir,
        .metrics = s->metrics,
        .web = s->web,
        .web_host = s->web_host,
        .slow_client_s = (int)s->slow_client,
        .allow_insecure = s->insecure != 0,
    };
    o.limits.input_bytes = (uint64_t)s->max_document;
    o.limits.pages = (int)s->max_pages;
    o.limits.page_pixels = (uint64_t)s->max_pixels;
    o.limits.page_seconds = (double)s->page_seconds;
    return o;
}

static void say_change(void *ctx, const char *key, bool live, const char *old, const char *new)
{
    int *changes = ctx;
    ++*changes;
    if (live)
        b_log(B_LOG_INFO, DOMAIN, "%s: %s instead of %s", key, new, old);
    else
        b_log(B_LOG_WARNING, DOMAIN, "%s: %s instead of %s only after a restart", key, new, old);
}

/* What is in force: texts of `started` are borrowed by the server until the end, those of `now` by nobody. */
struct serving {
    const struct svc_flags *flags;
    struct svc_settings started, now;
    struct svc_server *server;
};

static void reload(struct serving *s)
{
    struct svc_settings next;
    struct b_err err;
    int changes = 0;
    enum b_code code = svc_settings_make(s->flags, &next, &err);
    if (code == B_OK) {
        const struct svc_server_options options = options_of(&next, &(struct models){NULL});
        code = svc_server_reload(s->server, &options, &err);
        if (code != B_OK)
            svc_settings_free(&next);
    }
    if (code != B_OK) {
        b_log(B_LOG_ERROR, DOMAIN, "the configuration stays as it was: %s%s%s", err.message, err.advice[0] ? "; " : "",
              err.advice);
        return;
    }
    b_log_set_level((enum b_log_level)svc_settings_log_level(&next));
    svc_settings_diff(&s->now, &next, say_change, &changes);
    b_log(B_LOG_INFO, DOMAIN, "read again: %s, certificates and tokens; %d keys changed",
          s->flags->config ? s->flags->config : "no file", changes);
    svc_settings_free(&s->now);
    s->now = next;
}

static int serve(struct serving *s, const struct models *models, struct b_cancel *cancel)
{
    const struct svc_server_options options = options_of(&s->started, models);
    const struct timespec wait = {.tv_nsec = WAIT_NS};
    struct b_err err;
    sigset_t hangup;
    if (svc_server_new(&options, &s->server, &err) != B_OK) {
        svc_print_error("serve", 0, &err);
        return SVC_EXIT_SETUP;
    }
    if (options.metrics)
        printf("metrics on %s, port %d\n", options.metrics, svc_server_metrics_port(s->server));
    if (options.web)
        printf("page on http://%.*s:%d/\n", (int)(strrchr(options.web, ':') - options.web), options.web,
               svc_server_web_port(s->server));
    printf("serving on %s, port %d\n", options.listen, svc_server_port(s->server));
    fflush(stdout);
    sigemptyset(&hangup);
    sigaddset(&hangup, SIGHUP);
    while (b_cancel_check(cancel, NULL) == B_OK)
        if (sigtimedwait(&hangup, NULL, &wait) == SIGHUP)
            reload(s);
    b_log(B_LOG_INFO, DOMAIN, "stopping");
    svc_server_stop(s->server, (int)s->now.grace * 1000);
    return SVC_EXIT_OK;
}

static int check(const struct svc_settings *settings, const struct svc_flags *flags)
{
    const struct svc_server_options options = options_of(settings, &(struct models){NULL});
    struct b_err err;
    if (svc_server_check(&options, &err) != B_OK) {
        svc_print_error("serve", 0, &err);
        return SVC_EXIT_SETUP;
    }
    printf("%s: fine\n", flags->config ? flags->config : "options");
    return SVC_EXIT_OK;
}

static enum b_code open_models(const struct svc_settings *s, struct models *models, struct b_err *err)
{
    char dir[4096];
    const struct dp_qwen_options qwen = {.precision = (enum dp_precision)svc_settings_precision(s),
                                         .packed = s->model_packed,
                                         .threads = (int)s->model_threads,
                                         .max_pixels = s->model_pixels};
    enum b_code code = dp_models_dir(s->models, dir, sizeof dir, err);
    if (code == B_OK)
        code = dp_model_open_compact(dir, &models->compact, err);
    if (code == B_OK && s->formulas && strcmp(s->formulas, "off") != 0)
        code = dp_model_add_formulas(models->compact, s->formulas, err);
    if (code == B_OK && s->model)
        code = dp_model_open_qwen(s->model, &qwen, &models->large, err);
    return code;
}

static int run(struct serving *s, struct b_cancel *cancel)
{
    struct models models = {NULL};
    struct b_err err;
    sigset_t hangup;
    sigemptyset(&hangup);
    sigaddset(&hangup, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &hangup, NULL);
    b_log_set_level((enum b_log_level)svc_settings_log_level(&s->started));
    int status = SVC_EXIT_SETUP;
    if (dp_sandbox_start((enum dp_sandbox_use)svc_settings_sandbox(&s->started), &models.sandbox, &err) == B_OK &&
        open_models(&s->started, &models, &err) == B_OK)
        status = serve(s, &models, cancel);
    else
        svc_print_error("set-up", 0, &err);
    dp_model_drop(models.compact);
    dp_model_drop(models.large);
    dp_sandbox_stop(models.sandbox);
    return status;
}

int svc_cmd_serve(int argc, char **argv, struct b_cancel *cancel)
{
    struct svc_flags flags;
    struct serving s = {.flags = &flags};
    struct b_err err;
    int status = svc_flags_parse(argc, argv, &flags);
    if (status >= 0)
        return status;
    if (svc_settings_make(&flags, &s.started, &err) != B_OK) {
        svc_print_error("serve", 0, &err);
        return SVC_EXIT_USAGE;
    }
    if (svc_settings_make(&flags, &s.now, &err) != B_OK) { /* the same again: it becomes what a reload replaces */
        svc_print_error("serve", 0, &err);
        status = SVC_EXIT_USAGE;
    } else {
        status = flags.check ? check(&s.started, &flags) : run(&s, cancel);
    }
    svc_settings_free(&s.started);
    svc_settings_free(&s.now);
    return status;
}
