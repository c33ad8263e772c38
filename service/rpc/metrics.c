/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers for monitoring. A scrape reads atomics without a lock, so that it may see one call counted and its
 * time not yet: Prometheus does not mind. */
#include "service/rpc/metrics.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DOMAIN "metrics"
#define CODES 17 /* status numbers of gRPC */
#define STATUSES 3

/* Upper bounds of the time of a call, seconds: from what is answered at once to the largest documents. */
static const double bounds[] = {0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800};
#define BOUNDS (sizeof bounds / sizeof bounds[0])

struct method_numbers {
    atomic_ullong by_code[CODES];
    atomic_ullong by_time[BOUNDS + 1];
    atomic_ullong ns;
};

struct svc_metrics {
    const char *const *methods;
    size_t n_methods;
    atomic_ullong pages[STATUSES];
    struct method_numbers numbers[]; /* [n_methods + 1] */
};

enum b_code svc_metrics_new(const char *const *methods, struct svc_metrics **out, struct b_err *err)
{
    size_t n = 0;
    while (methods[n])
        n++;
    struct svc_metrics *m = calloc(1, sizeof *m + (n + 1) * sizeof m->numbers[0]);
    *out = m;
    if (!m)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    m->methods = methods;
    m->n_methods = n;
    return B_OK;
}

void svc_metrics_drop(struct svc_metrics *metrics)
{
    free(metrics);
}

void svc_metrics_call(struct svc_metrics *m, size_t method, enum svc_grpc_code code, int64_t took_ns)
{
    struct method_numbers *n = &m->numbers[method < m->n_methods ? method : m->n_methods];
    const double seconds = (double)took_ns * 1e-9;
    size_t at = 0;
    while (at < BOUNDS && seconds > bounds[at])
        at++;
    atomic_fetch_add(&n->by_code[(unsigned)code < CODES ? (unsigned)code : 2], 1);
    atomic_fetch_add(&n->by_time[at], 1);
    atomic_fetch_add(&n->ns, (unsigned long long)(took_ns > 0 ? took_ns : 0));
}

void svc_metrics_page(struct svc_metrics *m, int status)
{
    if (status >= 0 && status < STATUSES)
        atomic_fetch_add(&m->pages[status], 1);
}

static const char *name_of(const struct svc_metrics *m, size_t method)
{
    return method < m->n_methods ? m->methods[method] : "unknown";
}

static void write_calls(const struct svc_metrics *m, struct b_buf *out)
{
    static const char *const codes[CODES] = {
        "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
        "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
        "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
        "DATA_LOSS", "UNAUTHENTICATED"};
    b_buf_puts(out, "# HELP docparse_calls_total Calls that have ended, by method and status.\n"
                    "# TYPE docparse_calls_total counter\n");
    for (size_t i = 0; i <= m->n_methods; i++)
        for (size_t c = 0; c < CODES; c++) {
            const unsigned long long n = atomic_load(&m->numbers[i].by_code[c]);
            if (n > 0)
                b_buf_printf(out, "docparse_calls_total{method=\"%s\",code=\"%s\"} %llu\n", name_of(m, i), codes[c], n);
        }
}

static void write_times(const struct svc_metrics *m, struct b_buf *out)
{
    b_buf_puts(out, "# HELP docparse_call_seconds Time from a call's headers to its end.\n"
                    "# TYPE docparse_call_seconds histogram\n");
    for (size_t i = 0; i < m->n_methods; i++) {
        const struct method_numbers *n = &m->numbers[i];
        unsigned long long sum = 0;
        for (size_t k = 0; k <= BOUNDS; k++)
            sum += atomic_load(&n->by_time[k]);
        if (sum == 0)
            continue;
        sum = 0;
        for (size_t k = 0; k < BOUNDS; k++) {
            sum += atomic_load(&n->by_time[k]);
            b_buf_printf(out, "docparse_call_seconds_bucket{method=\"%s\",le=\"%g\"} %llu\n", m->methods[i], bounds[k],
                         sum);
        }
        sum += atomic_load(&n->by_time[BOUNDS]);
        b_buf_printf(out, "docparse_call_seconds_bucket{method=\"%s\",le=\"+Inf\"} %llu\n", m->methods[i], sum);
        b_buf_printf(out, "docparse_call_seconds_sum{method=\"%s\"} %.6f\n", m->methods[i],
                     (double)atomic_load(&n->ns) * 1e-9);
        b_buf_printf(out, "docparse_call_seconds_count{method=\"%s\"} %llu\n", m->methods[i], sum);
    }
}

static long resident_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    char line[128] = "";
    long pages = 0;
    if (f && fgets(line, sizeof line, f)) {
        const char *second = strchr(line, ' ');
        pages = second ? strtol(second, NULL, 10) : 0;
    }
    if (f)
        fclose(f);
    return pages * sysconf(_SC_PAGESIZE);
}

void svc_metrics_write(const struct svc_metrics *m, const struct svc_admission_state *queue, struct b_buf *out)
{
    static const char *const statuses[STATUSES] = {"ok", "partial", "failed"};
    write_calls(m, out);
    write_times(m, out);
    b_buf_puts(out, "# HELP docparse_pages_total Pages read, by status.\n# TYPE docparse_pages_total counter\n");
    for (size_t i = 0; i < STATUSES; i++)
        b_buf_printf(out, "docparse_pages_total{status=\"%s\"} %llu\n", statuses[i], atomic_load(&m->pages[i]));
    b_buf_printf(
        out,
        "# HELP docparse_queue_waiting Calls and jobs that wait for a worker.\n# TYPE docparse_queue_waiting gauge\n"
        "docparse_queue_waiting{class=\"interactive\"} %d\ndocparse_queue_waiting{class=\"bulk\"} %d\n"
        "# HELP docparse_running Calls and jobs being worked on.\n# TYPE docparse_running gauge\n"
        "docparse_running %d\n"
        "# HELP docparse_bytes_held Document bytes in memory.\n# TYPE docparse_bytes_held gauge\n"
        "docparse_bytes_held %llu\n"
        "# HELP docparse_draining 1 while the server takes no new work.\n# TYPE docparse_draining gauge\n"
        "docparse_draining %d\n"
        "# HELP process_resident_memory_bytes Resident memory.\n# TYPE process_resident_memory_bytes gauge\n"
        "process_resident_memory_bytes %ld\n",
        queue->waiting[SVC_INTERACTIVE], queue->waiting[SVC_BULK], queue->running, (unsigned long long)queue->bytes,
        (int)queue->draining, resident_bytes());
}
