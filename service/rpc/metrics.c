/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers for monitoring. A scrape reads atomics without a lock, so that it may see one call counted and its
 * time not yet: Prometheus does not mind. */
#include "service/rpc/metrics.h"

#include <dirent.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "docparse/pipeline.h"

#define DOMAIN "metrics"
#define CODES 17 /* status numbers of gRPC */
#define STATUSES 3

_Static_assert((int)SVC_STAGE_LOAD == (int)DP_STAGE_LOAD && (int)SVC_STAGE_READ == (int)DP_STAGE_READ &&
                   (int)SVC_STAGE_ASSEMBLE == (int)DP_STAGE_ASSEMBLE && (int)SVC_STAGE_WRITE == (int)DP_STAGES,
               "the pipeline's stages come first");

const char *const svc_reasons[] = {
    "ARGUMENT",
    "FORMAT",
    "UNSUPPORTED",
    "LIMIT",
    "NO_MEMORY",
    "CANCELLED",
    "DEADLINE",
    "IO",
    "LIBRARY",
    "INTERNAL",
    "NOT_FOUND",
    "PASSWORD",
    "QUEUE_FULL",
    "CLIENT_QUEUE",
    "CLIENT_CALLS",
    "CLIENT_BYTES",
    "CLIENT_PAGES",
    "DRAINING",
    "BYTES_EXHAUSTED",
    "DEADLINE_TOO_SHORT",
    "UNAUTHENTICATED",
    "UNKNOWN_METHOD",
    "NO_JOBS",
    "JOBS_EXHAUSTED",
    "JOBS_BUSY",
    "STORAGE",
    "POISON",
    "NO_LARGE_MODEL",
    "ANSWER_CUT",
    "ANSWER_FORMAT",
    "SLOW_CLIENT",
    "HOST",
    "ORIGIN",
    "METHOD",
    "MEDIA_TYPE",
    NULL,
};
#define REASONS (sizeof svc_reasons / sizeof svc_reasons[0]) /* the last one stands for OTHER */

/* Upper bounds of all times, seconds: from what is answered at once to the largest documents. */
static const double bounds[] = {0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800};
#define BOUNDS (sizeof bounds / sizeof bounds[0])

struct histogram {
    atomic_ullong by_time[BOUNDS + 1];
    atomic_ullong ns;
};

struct method_numbers {
    atomic_ullong by_code[CODES];
    struct histogram times;
};

struct svc_metrics {
    const char *const *methods;
    size_t n_methods;
    int64_t started; /* Unix time, seconds */
    atomic_ullong pages[STATUSES];
    atomic_ullong failures[SVC_FAILED_KINDS][REASONS];
    struct histogram stages[SVC_STAGES], waits[SVC_CLASSES], work[SVC_CLASSES];
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
    m->started = (int64_t)time(NULL);
    return B_OK;
}

void svc_metrics_drop(struct svc_metrics *metrics)
{
    free(metrics);
}

static void add_time(struct histogram *h, int64_t took_ns)
{
    const double seconds = (double)took_ns * 1e-9;
    size_t at = 0;
    while (at < BOUNDS && seconds > bounds[at])
        at++;
    atomic_fetch_add(&h->by_time[at], 1);
    atomic_fetch_add(&h->ns, (unsigned long long)(took_ns > 0 ? took_ns : 0));
}

void svc_metrics_call(struct svc_metrics *m, size_t method, enum svc_grpc_code code, int64_t took_ns)
{
    struct method_numbers *n = &m->numbers[method < m->n_methods ? method : m->n_methods];
    atomic_fetch_add(&n->by_code[(unsigned)code < CODES ? (unsigned)code : 2], 1);
    add_time(&n->times, took_ns);
}

void svc_metrics_page(struct svc_metrics *m, int status)
{
    if (status >= 0 && status < STATUSES)
        atomic_fetch_add(&m->pages[status], 1);
}

void svc_metrics_failure(struct svc_metrics *m, enum svc_failed what, const char *reason)
{
    size_t i = 0;
    while (i + 1 < REASONS && strcmp(svc_reasons[i], reason) != 0)
        i++;
    atomic_fetch_add(&m->failures[what][i], 1);
}

void svc_metrics_stage(struct svc_metrics *m, enum svc_stage stage, int64_t took_ns)
{
    add_time(&m->stages[stage], took_ns);
}

void svc_metrics_wait(struct svc_metrics *m, enum svc_class class, int64_t waited_ns)
{
    add_time(&m->waits[class], waited_ns);
}

void svc_metrics_work(struct svc_metrics *m, enum svc_class class, int64_t took_ns)
{
    add_time(&m->work[class], took_ns);
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
    b_buf_puts(out, "# HELP docparse_calls_total Calls that have ended.\n# TYPE docparse_calls_total counter\n");
    for (size_t i = 0; i <= m->n_methods; i++)
        for (size_t c = 0; c < CODES; c++) {
            const unsigned long long n = atomic_load(&m->numbers[i].by_code[c]);
            if (n > 0)
                b_buf_printf(out, "docparse_calls_total{method=\"%s\",code=\"%s\"} %llu\n", name_of(m, i), codes[c], n);
        }
}

static void write_histogram(const struct histogram *h, const char *name, const char *label, const char *value,
                            struct b_buf *out)
{
    unsigned long long sum = 0;
    for (size_t k = 0; k < BOUNDS; k++) {
        sum += atomic_load(&h->by_time[k]);
        b_buf_printf(out, "%s_bucket{%s=\"%s\",le=\"%g\"} %llu\n", name, label, value, bounds[k], sum);
    }
    sum += atomic_load(&h->by_time[BOUNDS]);
    b_buf_printf(out, "%s_bucket{%s=\"%s\",le=\"+Inf\"} %llu\n", name, label, value, sum);
    b_buf_printf(out, "%s_sum{%s=\"%s\"} %.6f\n", name, label, value, (double)atomic_load(&h->ns) * 1e-9);
    b_buf_printf(out, "%s_count{%s=\"%s\"} %llu\n", name, label, value, sum);
}

static bool is_used(const struct histogram *h)
{
    for (size_t k = 0; k <= BOUNDS; k++)
        if (atomic_load(&h->by_time[k]) > 0)
            return true;
    return false;
}

static void write_times(const struct svc_metrics *m, struct b_buf *out)
{
    static const char *const stages[SVC_STAGES] = {"load", "read", "assemble", "write"};
    static const char *const classes[SVC_CLASSES] = {"interactive", "bulk"};
    b_buf_puts(out, "# HELP docparse_call_seconds Time from a call's headers to its end.\n"
                    "# TYPE docparse_call_seconds histogram\n");
    for (size_t i = 0; i < m->n_methods; i++)
        if (is_used(&m->numbers[i].times))
            write_histogram(&m->numbers[i].times, "docparse_call_seconds", "method", m->methods[i], out);
    b_buf_puts(out,
               "# HELP docparse_stage_seconds Time of one page in a stage: load (decode, rasterise), read (recognise), "
               "assemble (blocks, order), write (result).\n# TYPE docparse_stage_seconds histogram\n");
    for (size_t i = 0; i < SVC_STAGES; i++)
        write_histogram(&m->stages[i], "docparse_stage_seconds", "stage", stages[i], out);
    b_buf_puts(out, "# HELP docparse_queue_seconds Time that calls and jobs waited for a worker.\n"
                    "# TYPE docparse_queue_seconds histogram\n");
    for (size_t i = 0; i < SVC_CLASSES; i++)
        write_histogram(&m->waits[i], "docparse_queue_seconds", "class", classes[i], out);
    b_buf_puts(out, "# HELP docparse_work_seconds Time that calls and jobs had a worker, with what it did in between for "
                    "interactive ones.\n# TYPE docparse_work_seconds histogram\n");
    for (size_t i = 0; i < SVC_CLASSES; i++)
        write_histogram(&m->work[i], "docparse_work_seconds", "class", classes[i], out);
}

static void write_failures(const struct svc_metrics *m, struct b_buf *out)
{
    static const char *const kinds[SVC_FAILED_KINDS] = {"call", "page", "job"};
    b_buf_puts(out, "# HELP docparse_failures_total What failed or was refused, by reason code.\n"
                    "# TYPE docparse_failures_total counter\n");
    for (size_t k = 0; k < SVC_FAILED_KINDS; k++)
        for (size_t i = 0; i < REASONS; i++) {
            const unsigned long long n = atomic_load(&m->failures[k][i]);
            if (n > 0)
                b_buf_printf(out, "docparse_failures_total{what=\"%s\",reason=\"%s\"} %llu\n", kinds[k],
                             svc_reasons[i] ? svc_reasons[i] : "OTHER", n);
        }
}

static void write_cache(const struct svc_cache_state *c, struct b_buf *out)
{
    b_buf_printf(
        out,
        "# HELP docparse_cache_lookups_total Documents looked for among kept results.\n"
        "# TYPE docparse_cache_lookups_total counter\n"
        "docparse_cache_lookups_total{result=\"hit\"} %llu\ndocparse_cache_lookups_total{result=\"miss\"} %llu\n"
        "# HELP docparse_cache_stored_total Results kept.\n# TYPE docparse_cache_stored_total counter\n"
        "docparse_cache_stored_total %llu\n"
        "# HELP docparse_cache_evicted_total Results removed to make room.\n# TYPE docparse_cache_evicted_total "
        "counter\n"
        "docparse_cache_evicted_total %llu\n"
        "# HELP docparse_cache_damaged_total Kept results that did not fit their digest and were removed.\n"
        "# TYPE docparse_cache_damaged_total counter\ndocparse_cache_damaged_total %llu\n"
        "# HELP docparse_cache_write_failures_total Results that the disk refused.\n"
        "# TYPE docparse_cache_write_failures_total counter\ndocparse_cache_write_failures_total %llu\n",
        c->hits, c->misses, c->stored, c->evicted, c->damaged, c->failures);
    b_buf_printf(out,
                 "# HELP docparse_cache_bytes Disk that kept results take.\n# TYPE docparse_cache_bytes gauge\n"
                 "docparse_cache_bytes %llu\n"
                 "# HELP docparse_cache_max_bytes Disk that they may take.\n# TYPE docparse_cache_max_bytes gauge\n"
                 "docparse_cache_max_bytes %llu\n"
                 "# HELP docparse_cache_entries Kept results.\n# TYPE docparse_cache_entries gauge\n"
                 "docparse_cache_entries %zu\n"
                 "# HELP docparse_cache_storing 0 for a minute after the disk refused one.\n"
                 "# TYPE docparse_cache_storing gauge\ndocparse_cache_storing %d\n",
                 (unsigned long long)c->bytes, (unsigned long long)c->max_bytes, c->entries, (int)c->storing);
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

static void write_sandbox(const struct dp_sandbox_state *s, struct b_buf *out)
{
    b_buf_printf(out,
                 "# HELP docparse_sandbox Whether decoders are processes, filtered (seccomp), confined (Landlock).\n"
                 "# TYPE docparse_sandbox gauge\n"
                 "docparse_sandbox{layer=\"process\"} %d\ndocparse_sandbox{layer=\"seccomp\"} %d\n"
                 "docparse_sandbox{layer=\"landlock\"} %d\n"
                 "# HELP docparse_decoders_total Decoder processes started, and lost by crashing or by being killed.\n"
                 "# TYPE docparse_decoders_total counter\n"
                 "docparse_decoders_total{event=\"started\"} %llu\ndocparse_decoders_total{event=\"crashed\"} %llu\n"
                 "docparse_decoders_total{event=\"killed\"} %llu\n",
                 s->active, s->filtered, s->confined, s->started, s->crashed, s->stopped);
}

static void write_memory(const struct svc_gauges *g, struct b_buf *out)
{
    const struct dp_network_memory *networks = &g->networks;
    b_buf_printf(out,
                 "# HELP process_resident_memory_bytes Resident memory.\n# TYPE process_resident_memory_bytes gauge\n"
                 "process_resident_memory_bytes %ld\n"
                 "# HELP docparse_network_bytes Memory that networks run in; idle parts are given back after a while.\n"
                 "# TYPE docparse_network_bytes gauge\n"
                 "docparse_network_bytes{state=\"used\"} %zu\ndocparse_network_bytes{state=\"idle\"} %zu\n"
                 "# HELP docparse_heap_bytes Everything else: weights, laid out networks, documents; and what is free "
                 "in between.\n"
                 "# TYPE docparse_heap_bytes gauge\n"
                 "docparse_heap_bytes{state=\"used\"} %zu\ndocparse_heap_bytes{state=\"free\"} %zu\n",
                 resident_bytes(), networks->bytes - networks->idle_bytes, networks->idle_bytes,
                 g->heap.used, g->heap.free);
}

static int open_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int n = -3; /* the two dots and the folder itself */
    if (!dir)
        return 0;
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static void write_gauges(const struct svc_metrics *m, const struct svc_gauges *g, struct b_buf *out)
{
    const struct svc_admission_state *queue = &g->queue;
    b_buf_printf(
        out,
        "# HELP docparse_queue_waiting Calls and jobs that wait for a worker.\n# TYPE docparse_queue_waiting gauge\n"
        "docparse_queue_waiting{class=\"interactive\"} %d\ndocparse_queue_waiting{class=\"bulk\"} %d\n"
        "# HELP docparse_running Calls and jobs being worked on.\n# TYPE docparse_running gauge\n"
        "docparse_running %d\n"
        "# HELP docparse_bytes_held Document bytes in memory.\n# TYPE docparse_bytes_held gauge\n"
        "docparse_bytes_held %llu\n"
        "# HELP docparse_draining 1 while the server takes no new work.\n# TYPE docparse_draining gauge\n"
        "docparse_draining %d\n",
        queue->waiting[SVC_INTERACTIVE], queue->waiting[SVC_BULK], queue->running, (unsigned long long)queue->bytes,
        (int)queue->draining);
    if (g->jobs_waiting >= 0)
        b_buf_printf(out,
                     "# HELP docparse_jobs_waiting Stored jobs that nobody has started.\n"
                     "# TYPE docparse_jobs_waiting gauge\ndocparse_jobs_waiting %d\n",
                     g->jobs_waiting);
    b_buf_printf(out,
                 "# HELP process_open_fds Open file descriptors.\n# TYPE process_open_fds gauge\nprocess_open_fds %d\n"
                 "# HELP process_start_time_seconds Unix time of the start.\n"
                 "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds %lld\n"
                 "# HELP docparse_build_info The version, always 1.\n# TYPE docparse_build_info gauge\n"
                 "docparse_build_info{version=\"%s\"} 1\n",
                 open_files(), (long long)m->started, DOCPARSE_VERSION);
}

void svc_metrics_write(const struct svc_metrics *m, const struct svc_gauges *gauges, struct b_buf *out)
{
    static const char *const statuses[STATUSES] = {"ok", "partial", "failed"};
    write_calls(m, out);
    write_times(m, out);
    b_buf_puts(out, "# HELP docparse_pages_total Pages read, by status.\n# TYPE docparse_pages_total counter\n");
    for (size_t i = 0; i < STATUSES; i++)
        b_buf_printf(out, "docparse_pages_total{status=\"%s\"} %llu\n", statuses[i], atomic_load(&m->pages[i]));
    write_failures(m, out);
    if (gauges->keeps_results)
        write_cache(&gauges->cache, out);
    write_gauges(m, gauges, out);
    write_memory(gauges, out);
    write_sandbox(&gauges->sandbox, out);
}
