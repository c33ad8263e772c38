/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_RPC_METRICS_H
#define SERVICE_RPC_METRICS_H

#include <stdint.h>

#include "docparse/reader.h"
#include "docparse/sandbox.h"
#include "engine/base/buf.h"
#include "service/rpc/admission.h"
#include "service/rpc/heap.h"
#include "service/rpc/result_cache.h"
#include "service/rpc/status.h"

/* Counters of the service and their text for Prometheus. Thread-safe: every number is an atomic. */
struct svc_metrics;

/* methods: paths, ended by NULL; the array lives as long as the metrics. */
enum b_code svc_metrics_new(const char *const *methods, struct svc_metrics **out, struct b_err *err) B_MUST_CHECK;
void svc_metrics_drop(struct svc_metrics *metrics);

/* A call has ended. method: its index, or the number of methods for an unknown one. */
void svc_metrics_call(struct svc_metrics *metrics, size_t method, enum svc_grpc_code code, int64_t took_ns);
/* A page was read; status is enum dp_status. */
void svc_metrics_page(struct svc_metrics *metrics, int status);
/* Something failed for a reason, one of svc_reasons; any other counts as OTHER. */
enum svc_failed { SVC_FAILED_CALL, SVC_FAILED_PAGE, SVC_FAILED_JOB, SVC_FAILED_KINDS };
void svc_metrics_failure(struct svc_metrics *metrics, enum svc_failed what, const char *reason);
/* A stage of a page took so long: the pipeline's (enum dp_stage), then writing the result. */
enum svc_stage { SVC_STAGE_LOAD, SVC_STAGE_READ, SVC_STAGE_ASSEMBLE, SVC_STAGE_WRITE, SVC_STAGES };
void svc_metrics_stage(struct svc_metrics *metrics, enum svc_stage stage, int64_t took_ns);
/* A call or job that waited has started. */
void svc_metrics_wait(struct svc_metrics *metrics, enum svc_class class, int64_t waited_ns);
/* One that was started has left its worker. */
void svc_metrics_work(struct svc_metrics *metrics, enum svc_class class, int64_t took_ns);

/* Every reason code that the service gives, ended by NULL; deploy/RUNBOOK.md explains each. */
extern const char *const svc_reasons[];

/* What is not counted here but asked for when the text is written. */
struct svc_gauges {
    struct svc_admission_state queue;
    struct dp_sandbox_state sandbox;
    struct dp_network_memory networks;
    struct svc_heap_state heap;
    int jobs_waiting; /* < 0: the server keeps none */
    bool keeps_results;
    struct svc_cache_state cache; /* when it does */
};
/* Everything in the text format (version 0.0.4). */
void svc_metrics_write(const struct svc_metrics *metrics, const struct svc_gauges *gauges, struct b_buf *out);

/* Serves the text at http://ADDRESS/metrics ("127.0.0.1:9090"), and "ok" or 503 "stopping" at /healthz, on a
 * thread of its own. `look` fills the gauges. */
struct svc_metrics_http;
struct svc_metrics_source {
    const struct svc_metrics *metrics;
    void (*look)(void *ctx, struct svc_gauges *gauges);
    void *ctx;
};
enum b_code svc_metrics_listen(const struct svc_metrics_source *source, const char *address,
                               struct svc_metrics_http **out, int *port, struct b_err *err) B_MUST_CHECK;
void svc_metrics_close(struct svc_metrics_http *http);

#endif
