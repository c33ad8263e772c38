/* SPDX-License-Identifier: Apache-2.0 */
/* `docparse serve`: loads the model, starts the server and waits for a signal. The first SIGTERM or SIGINT
 * stops gracefully. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "docparse/model_files.h"
#include "engine/base/log.h"
#include "service/cli.h"
#include "service/rpc/server.h"

#define DEFAULT_LISTEN "127.0.0.1:50051"
#define QUEUE 64
#define QUEUE_BYTES ((uint64_t)1 << 30)
#define GRACE_MS 30000
#define WAIT_US 100000

struct serve_options {
    const char *listen, *models, *tls_cert, *tls_key, *tls_client_ca, *token_file, *state_dir, *metrics;
    int workers, queue, grace_ms;
    bool reflection, insecure;
};

static const struct option long_options[] = {
    {"listen", required_argument, NULL, 'l'},
    {"models", required_argument, NULL, 'm'},
    {"workers", required_argument, NULL, 'w'},
    {"queue", required_argument, NULL, 'q'},
    {"grace", required_argument, NULL, 'g'},
    {"reflection", no_argument, NULL, 'r'},
    {"insecure", no_argument, NULL, 'i'},
    {"tls-cert", required_argument, NULL, 'C'},
    {"tls-key", required_argument, NULL, 'K'},
    {"tls-client-ca", required_argument, NULL, 'A'},
    {"token-file", required_argument, NULL, 'T'},
    {"state-dir", required_argument, NULL, 'S'},
    {"metrics", required_argument, NULL, 'M'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void print_help(void)
{
    fputs("Usage: docparse serve [OPTION]...\n"
          "Serves docparse.v1.DocumentParser over gRPC until it is told to stop.\n\n"
          "  -l, --listen=ADDR     address and port (default " DEFAULT_LISTEN "; port 0: any; unix:/path: a socket)\n"
          "      --tls-cert=FILE, --tls-key=FILE   PEM certificate chain and key; read again when they change\n"
          "      --tls-client-ca=FILE  clients must show a certificate signed by one of these\n"
          "      --token-file=FILE     clients must send a bearer token: lines of NAME TOKEN\n"
          "      --state-dir=DIR       keep jobs here (docparse.v1.Jobs); without it there are none\n"
          "      --metrics=ADDR        counters for Prometheus at http://ADDR/metrics, such as 127.0.0.1:9090\n"
          "      --insecure        allow an address that others can reach although there is no TLS\n"
          "  -m, --models=DIR      the networks (default: $DOCPARSE_MODELS or the installed ones)\n"
          "  -w, --workers=N       documents read at the same time (default: one a processor)\n"
          "  -q, --queue=N         calls that may wait (default 64); more are told to come back\n"
          "      --grace=SECONDS   time that running calls get when the server stops (default 30)\n"
          "      --reflection      let clients ask which methods and messages there are\n"
          "  -h, --help            this text\n\n"
          "Prints the address once it serves. SIGTERM or an interrupt stops it gracefully.\n"
          "Example: docparse serve --listen 127.0.0.1:50051 --reflection\n",
          stdout);
}

static bool parse_count(const char *text, int max, int *out)
{
    char *end = NULL;
    const long n = strtol(text, &end, 10);
    if (end == text || *end || n < 0 || n > max)
        return false;
    *out = (int)n;
    return true;
}

/* -1: go on; otherwise the exit code. */
static int parse_arguments(int argc, char **argv, struct serve_options *o)
{
    optind = 1;
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, ":l:m:w:q:h", long_options, NULL)) != -1;) {
        bool fine = true;
        switch (c) {
        case 'l':
            o->listen = optarg;
            break;
        case 'm':
            o->models = optarg;
            break;
        case 'w':
            fine = parse_count(optarg, 256, &o->workers);
            break;
        case 'q':
            fine = parse_count(optarg, 100000, &o->queue);
            break;
        case 'g':
            fine = parse_count(optarg, 86400, &o->grace_ms);
            o->grace_ms = fine ? o->grace_ms * 1000 : 0;
            break;
        case 'C':
            o->tls_cert = optarg;
            break;
        case 'K':
            o->tls_key = optarg;
            break;
        case 'A':
            o->tls_client_ca = optarg;
            break;
        case 'M':
            o->metrics = optarg;
            break;
        case 'S':
            o->state_dir = optarg;
            break;
        case 'T':
            o->token_file = optarg;
            break;
        case 'r':
            o->reflection = true;
            break;
        case 'i':
            o->insecure = true;
            break;
        case 'h':
            print_help();
            return SVC_EXIT_OK;
        default:
            return svc_option_error("serve", argv, long_options, c);
        }
        if (!fine)
            return svc_usage_error("serve", "'%s' is no fitting number", optarg);
    }
    if ((o->tls_cert == NULL) != (o->tls_key == NULL) || (o->tls_client_ca && !o->tls_cert))
        return svc_usage_error("serve", "--tls-cert and --tls-key belong together, --tls-client-ca needs both");
    if (optind < argc)
        return svc_usage_error("serve", "unexpected argument '%s'", argv[optind]);
    return -1;
}

static int serve(const struct serve_options *o, const struct dp_model *model, struct b_cancel *cancel)
{
    const struct svc_server_options options = {
        .listen = o->listen,
        .model = model,
        .limits = dp_limits_default(),
        .admission = {.queue = o->queue, .bytes = QUEUE_BYTES, .workers = o->workers},
        .reflection = o->reflection,
        .tls_cert = o->tls_cert,
        .tls_key = o->tls_key,
        .tls_client_ca = o->tls_client_ca,
        .token_file = o->token_file,
        .state_dir = o->state_dir,
        .metrics = o->metrics,
        .allow_insecure = o->insecure,
    };
    struct svc_server *server = NULL;
    struct b_err err;
    if (svc_server_new(&options, &server, &err) != B_OK) {
        svc_print_error("serve", 0, &err);
        return SVC_EXIT_SETUP;
    }
    if (o->metrics)
        printf("metrics on %s, port %d\n", o->metrics, svc_server_metrics_port(server));
    printf("serving on %s, port %d\n", o->listen, svc_server_port(server));
    fflush(stdout);
    while (b_cancel_check(cancel, NULL) == B_OK)
        usleep(WAIT_US);
    b_log(B_LOG_INFO, "serve", "stopping");
    svc_server_stop(server, o->grace_ms);
    return SVC_EXIT_OK;
}

int svc_cmd_serve(int argc, char **argv, struct b_cancel *cancel)
{
    struct serve_options o = {.listen = DEFAULT_LISTEN, .queue = QUEUE, .grace_ms = GRACE_MS};
    char dir[4096];
    struct dp_model *model = NULL;
    struct b_err err;
    const int done = parse_arguments(argc, argv, &o);
    if (done >= 0)
        return done;
    enum b_code code = dp_models_dir(o.models, dir, sizeof dir, &err);
    if (code == B_OK)
        code = dp_model_open_compact(dir, &model, &err);
    if (code != B_OK) {
        svc_print_error("set-up", 0, &err);
        return SVC_EXIT_SETUP;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    const int status = serve(&o, model, cancel);
    dp_model_drop(model);
    return status;
}
