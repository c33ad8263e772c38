/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_RPC_SERVER_H
#define SERVICE_RPC_SERVER_H

#include "docparse/limits.h"
#include "docparse/pipeline.h"
#include "docparse/sandbox.h"
#include "service/rpc/admission.h"
#include "service/rpc/job_store.h"

/* The gRPC server: one poller thread that talks to the network, workers that read pages, and the queue
 * between them. svc_server_new starts it; it serves until svc_server_stop. */
struct svc_server;

struct svc_server_options {
    const char *listen;                 /* "127.0.0.1:50051", "unix:/run/docparse.sock"; port 0: any free one */
    struct dp_sandbox *sandbox;         /* borrowed; NULL: documents are decoded in this process */
    const struct dp_model *model;       /* borrowed */
    const struct dp_model *large_model; /* borrowed; answers questions on admission.sessions threads; NULL: none */
    int model_threads;                  /* threads of one answer; 0: one a processor */
    double model_page_seconds;          /* for a page that it reads; 0: no deadline */
    uint64_t model_cache_bytes;         /* keys and values of all sessions together; 0: 4 GiB */
    struct dp_limits limits;
    struct svc_admission_limits admission; /* workers 0: one a processor */
    size_t max_message;                    /* bytes of one request message; 0: 64 MiB */
    bool log_calls;                        /* a line of the log for each call that ends */
    bool reflection;                       /* answer what methods and messages there are */
    const char *tls_cert, *tls_key;        /* PEM files, read again when they change; NULL: no TLS */
    const char *tls_client_ca;             /* clients must show a certificate that it signed; NULL: none needed */
    const char *token_file;                /* bearer tokens (tokens.h); NULL: none needed */
    const char *state_dir;                 /* jobs are kept here; NULL: no jobs */
    struct svc_job_limits jobs;
    const char *cache_dir; /* results are kept here; NULL: they are not */
    uint64_t cache_bytes;  /* of disk */
    bool cache_shared;     /* one client's result is another's, who has the same document */
    const char *metrics;   /* "127.0.0.1:9090": counters over HTTP; NULL: none */
    const char *web;       /* "127.0.0.1:8080": the page over HTTP (web.h); NULL: none */
    const char *web_host;  /* a further name that the page is reached under, behind a proxy; or NULL */
    int slow_client_s;     /* how long a client may leave a request unfinished or an answer untaken; 0: 60 */
    bool allow_insecure;   /* listen without TLS on an address that is not loopback */
};

/* Listens and starts all threads. Call it before any other thread uses gRPC; SIGPIPE must be ignored. */
enum b_code svc_server_new(const struct svc_server_options *options, struct svc_server **out,
                           struct b_err *err) B_MUST_CHECK;
/* Whether tokens and certificates can be read and the address may be listened on so; opens nothing. */
enum b_code svc_server_check(const struct svc_server_options *options, struct b_err *err) B_MUST_CHECK;
/* Takes limits, admission, jobs, the token file and the certificates of `options`, reading the files again; nothing
 * else may differ in kind (TLS, client certificates, tokens). All of it, or on an error nothing. Any thread. */
enum b_code svc_server_reload(struct svc_server *server, const struct svc_server_options *options,
                              struct b_err *err) B_MUST_CHECK;
/* The port that was opened (0 for unix sockets). */
int svc_server_port(const struct svc_server *server);
int svc_server_metrics_port(const struct svc_server *server); /* 0: none */
int svc_server_web_port(const struct svc_server *server);     /* 0: none */
/* Stops listening, lets running calls end for up to grace_ms, then cancels them; frees everything. */
void svc_server_stop(struct svc_server *server, int grace_ms);

#endif
