/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_RPC_SERVER_PRIVATE_H
#define SERVICE_RPC_SERVER_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "docparse/ask.h"
#include "service/rpc/call.h"
#include "service/rpc/server.h"

/* For the methods: what they may ask the server. */

/* A condition whose timed waits (CLOCK_MONOTONIC) do not mind a clock that is set. */
void svc_monotonic_cond(pthread_cond_t *cond);

/* A worker thread with readers of its own. While a document is read, `current` and `lent` belong to the thread that
 * reads it. */
struct svc_worker {
    struct svc_server *server;
    /* One pipeline for each use of the text layer, made when first needed. */
    struct dp_pipeline *pipelines[DP_TEXT_OFF + 1];
    struct svc_ticket *current;
    bool lent;              /* a guest runs */
    bool express;           /* takes what svc_admission_express gives */
    struct dp_pipeline *large[DP_TEXT_OFF + 1];  /* the same for pages that the large model reads */
    struct dp_asker *asker; /* of a thread for the large model, made when first needed */
    enum svc_kind kind;
};
/* Between two pages of bulk work, on the thread that reads them: runs the interactive work that waits, a few calls at
 * most, with the worker's own readers. */
void svc_worker_lend(struct svc_worker *worker);
/* The worker's asker; only on threads of SVC_MODEL. */
enum b_code svc_worker_asker(struct svc_worker *worker, struct dp_asker **out, struct b_err *err) B_MUST_CHECK;
/* large: pages are read by the large model, on threads of SVC_MODEL only. B_UNSUPPORTED: there is none. */
enum b_code svc_worker_pipeline(struct svc_worker *worker, enum dp_text_layer text_layer, bool large,
                                struct dp_pipeline **out, struct b_err *err) B_MUST_CHECK;

/* As it was started; what a reload may change is asked for by the functions below. */
const struct svc_server_options *svc_server_options(const struct svc_server *server);
struct dp_limits svc_server_limits(struct svc_server *server);
struct svc_admission *svc_server_admission(const struct svc_server *server);
struct svc_jobs;
struct svc_cache;
struct svc_cache *svc_server_cache(const struct svc_server *server); /* NULL: results are not kept */
struct svc_jobs *svc_server_jobs(const struct svc_server *server); /* NULL: the server keeps none */
bool svc_server_has_identities(const struct svc_server *server);   /* clients are told apart for sure */
struct svc_tokens;
struct svc_tokens *svc_server_tokens(const struct svc_server *server); /* NULL: everybody may call */
/* A request of the page has ended. */
void svc_server_count_page(struct svc_server *server, enum svc_grpc_code code, int64_t took_ns);
struct svc_metrics *svc_server_metrics(const struct svc_server *server);
bool svc_server_draining(const struct svc_server *server);

/* All methods, and what stands for one that is none. */
#define SVC_METHODS_MAX 32
extern const struct svc_method *const svc_methods[];
extern const size_t svc_n_methods;
extern const struct svc_method svc_unknown_method;
const struct svc_method *svc_method_find(const char *path, bool reflection);
extern const struct svc_method svc_parse_document, svc_parse_stream, svc_get_server_info, svc_get_capacity,
    svc_health_check, svc_health_watch, svc_reflection_v1, svc_reflection_v1alpha, svc_submit_job, svc_get_job,
    svc_list_jobs, svc_cancel_job, svc_watch_job, svc_ask, svc_ask_stream, svc_extract, svc_locate;

#endif
