/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_RPC_METRICS_H
#define SERVICE_RPC_METRICS_H

#include <stdint.h>

#include "engine/base/buf.h"
#include "service/rpc/admission.h"
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

/* Everything, with the queue's state, in the text format (version 0.0.4). */
void svc_metrics_write(const struct svc_metrics *metrics, const struct svc_admission_state *queue, struct b_buf *out);

/* Serves the text at http://ADDRESS/metrics ("127.0.0.1:9090"), and "ok" or 503 "stopping" at /healthz, on a
 * thread of its own. */
struct svc_metrics_http;
enum b_code svc_metrics_listen(const struct svc_metrics *metrics, struct svc_admission *admission, const char *address,
                               struct svc_metrics_http **out, int *port, struct b_err *err) B_MUST_CHECK;
void svc_metrics_close(struct svc_metrics_http *http);

#endif
