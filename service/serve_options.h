/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_SERVE_OPTIONS_H
#define SERVICE_SERVE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/err.h"

/* What `docparse serve` can be told. One table holds every key: it is the flag (--queue=64), the line of the
 * configuration file (queue = 64), the help text and what a reload may change. Flags win over the file, the file over
 * the defaults. No state of its own; different objects may be used by different threads. */

/* The values in force. Texts are owned, NULL where nothing was given; counts, bytes, seconds and switches (0 or 1) are
 * numbers. Names are the keys', with _ for -. */
struct svc_settings {
    char *listen, *tls_cert, *tls_key, *tls_client_ca, *token_file, *metrics, *web, *web_host, *state_dir, *models,
        *formulas, *log_level, *sandbox;
    char *cache_dir, *model, *model_packed, *model_precision;
    int64_t model_sessions, model_threads, model_pixels, model_cache, model_page_seconds;
    int64_t insecure, reflection, workers, queue, queue_per_client, queue_bytes, grace, slow_client;
    int64_t cache_bytes, cache_shared;
    int64_t log_calls, client_calls, client_bytes, client_pages;
    int64_t max_document, max_pages, max_pixels, page_seconds;
    int64_t job_keep, job_disk, job_open, job_attempts;
};
void svc_settings_free(struct svc_settings *settings);

/* The command line, texts borrowed from argv. */
enum { SVC_KEYS_MAX = 96 };
struct svc_flags {
    const char *config;               /* --config FILE, or NULL */
    bool check;                       /* --check-config */
    const char *values[SVC_KEYS_MAX]; /* a key's flag as given, in the order of the table, or NULL */
};

/* -1: go on; otherwise the exit code, after the help or what is wrong with the flags has been printed. */
int svc_flags_parse(int argc, char **argv, struct svc_flags *flags);

/* Defaults, then the file, then the flags, then what must fit together. B_IO or B_LIMIT: the file cannot be read;
 * B_ARGUMENT or B_FORMAT: which key is wrong where, and what it takes. */
enum b_code svc_settings_make(const struct svc_flags *flags, struct svc_settings *out, struct b_err *err) B_MUST_CHECK;

/* Calls fn for every key whose value differs, with both as text; `live` says whether a running server can take it. */
void svc_settings_diff(const struct svc_settings *before, const struct svc_settings *after,
                       void (*fn)(void *ctx, const char *key, bool live, const char *old, const char *new), void *ctx);

/* The enum dp_precision of the key model-precision. */
int svc_settings_precision(const struct svc_settings *settings);

/* The enum dp_sandbox_use of the key sandbox. */
int svc_settings_sandbox(const struct svc_settings *settings);

/* The enum b_log_level of the key log-level. */
int svc_settings_log_level(const struct svc_settings *settings);

#endif
