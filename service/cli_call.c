/* SPDX-License-Identifier: Apache-2.0 */
/* `docparse call`: sends documents to a server and writes the rendered formats that come back, complete or not
 * at all. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "docparse/document.h"
#include "docparse/limits.h"
#include "engine/base/file.h"
#include "output/writer.h"
#include "service/cli.h"
#include "service/rpc/client.h"

#define DEFAULT_FORMATS "json,md"
#define MAX_FORMATS 16
#define DEFAULT_RETRIES 8
#define PATH_BYTES 4096

struct call_options {
    struct svc_client_options client;
    const char *token_file, *out_dir, *password_file;
    char formats_text[256];
    const char *formats[MAX_FORMATS];
    size_t n_formats;
    bool text_layer_off, bulk;
};

static const struct option long_options[] = {
    {"output", required_argument, NULL, 'o'},
    {"format", required_argument, NULL, 'f'},
    {"tls-ca", required_argument, NULL, 'A'},
    {"tls-cert", required_argument, NULL, 'C'},
    {"tls-key", required_argument, NULL, 'K'},
    {"token-file", required_argument, NULL, 'T'},
    {"deadline", required_argument, NULL, 'd'},
    {"retries", required_argument, NULL, 'r'},
    {"password-file", required_argument, NULL, 'p'},
    {"text-layer", required_argument, NULL, 't'},
    {"bulk", no_argument, NULL, 'b'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void print_help(void)
{
    fputs("Usage: docparse call ADDR [OPTION]... [FILE]...\n"
          "Sends each FILE to the server at ADDR (host:port or unix:/path) and writes what comes back.\n"
          "Without a FILE: says what the server is and how busy.\n\n"
          "  -o, --output=DIR          where to (default: here); NAME.json and so on, NAME being the file's\n"
          "  -f, --format=LIST         formats that the server renders (default " DEFAULT_FORMATS ")\n"
          "      --text-layer=trust|off  use the file's own text where it fits, or ignore it\n"
          "      --password-file=FILE  password of encrypted documents, its first line\n"
          "      --bulk                wait behind interactive calls\n"
          "      --deadline=SECONDS    of each document (default 3600)\n"
          "      --retries=N           when the server is busy, at the times that it names (default 8)\n"
          "      --tls-ca=FILE         PEM certificates that the server's must be signed by: turns TLS on\n"
          "      --tls-cert=FILE, --tls-key=FILE   this client's own certificate\n"
          "      --token-file=FILE     bearer token, its first line\n"
          "  -h, --help                this text\n\n"
          "Exit codes: 0 all fine, 1 some documents failed or are incomplete, 2 usage, 130 interrupted.\n"
          "Example: docparse call localhost:50051 scan.tif -o out -f json,md,html\n",
          stdout);
}

static bool split_formats(struct call_options *o, const char *list)
{
    if (snprintf(o->formats_text, sizeof o->formats_text, "%s", list) >= (int)sizeof o->formats_text)
        return false;
    o->n_formats = 0;
    for (char *p = o->formats_text; p && *p;) {
        char *comma = strchr(p, ',');
        if (comma)
            *comma = '\0';
        if (!out_format_find(p) || o->n_formats == MAX_FORMATS)
            return false;
        o->formats[o->n_formats++] = p;
        p = comma ? comma + 1 : NULL;
    }
    return o->n_formats > 0;
}

static bool parse_number(const char *text, double max, double *out)
{
    char *end = NULL;
    *out = strtod(text, &end);
    return end != text && !*end && *out >= 0 && *out <= max;
}

static bool take_option(struct call_options *o, int c)
{
    double number = 0;
    switch (c) {
    case 'o':
        o->out_dir = optarg;
        return true;
    case 'f':
        return split_formats(o, optarg);
    case 'A':
        o->client.tls_ca = optarg;
        return true;
    case 'C':
        o->client.tls_cert = optarg;
        return true;
    case 'K':
        o->client.tls_key = optarg;
        return true;
    case 'T':
        o->token_file = optarg;
        return true;
    case 'p':
        o->password_file = optarg;
        return true;
    case 'd':
        return parse_number(optarg, 1e7, &o->client.deadline_seconds);
    case 'r':
        if (!parse_number(optarg, 1000, &number))
            return false;
        o->client.retries = (int)number;
        return true;
    case 't':
        o->text_layer_off = strcmp(optarg, "off") == 0;
        return o->text_layer_off || strcmp(optarg, "trust") == 0;
    default:
        o->bulk = true;
        return true;
    }
}

/* -1: go on; otherwise the exit code. */
static int parse_arguments(int argc, char **argv, struct call_options *o)
{
    optind = 1;
    opterr = 0;
    (void)split_formats(o, DEFAULT_FORMATS);
    for (int c; (c = getopt_long(argc, argv, ":o:f:h", long_options, NULL)) != -1;) {
        if (c == 'h') {
            print_help();
            return SVC_EXIT_OK;
        }
        if (c == '?' || c == ':')
            return svc_option_error("call", argv, long_options, c);
        if (!take_option(o, c))
            return svc_usage_error("call", "'%s' does not fit this option", optarg);
    }
    if (optind >= argc)
        return svc_usage_error("call", "the server's address is missing");
    o->client.address = argv[optind++];
    return -1;
}

/* One document under way. */
struct document_call {
    const struct call_options *options;
    const char *path, *stem;
    size_t stem_len;
    struct b_outfile *files[MAX_FORMATS];
    size_t n_files;
    bool show;
};

static void show_progress(void *ctx, int32_t done, int32_t to_read, int32_t position)
{
    const struct document_call *d = ctx;
    if (!d->show)
        return;
    if (position > 0)
        fprintf(stderr, "\r%s: waiting, place %d ", d->path, position);
    else
        fprintf(stderr, "\r%s: %d of %d pages   ", d->path, done, to_read);
}

static enum b_code take_rendered(void *ctx, const char *format, const void *data, size_t size, struct b_err *err)
{
    struct document_call *d = ctx;
    const struct out_format *f = out_format_find(format);
    char path[PATH_BYTES];
    if (!f || d->n_files == MAX_FORMATS)
        return b_fail(err, B_FORMAT, "call", "the server sent an unknown format '%.40s'", format);
    const int n =
        snprintf(path, sizeof path, "%s/%.*s%s", d->options->out_dir, (int)d->stem_len, d->stem, f->extension);
    if (n < 0 || (size_t)n >= sizeof path)
        return b_fail(err, B_ARGUMENT, "call", "the output's name is too long");
    struct b_outfile *file = NULL;
    enum b_code code = b_outfile_open(path, &file, err);
    if (code != B_OK)
        return code;
    d->files[d->n_files++] = file;
    return b_outfile_write(file, data, size, err);
}

static enum b_code call_document(struct svc_client *client, const struct call_options *o, const char *path,
                                 const char *password, enum dp_status *status, struct b_cancel *cancel,
                                 struct b_err *err)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    struct document_call d = {.options = o,
                              .path = path,
                              .stem = name,
                              .stem_len = dot && dot > name ? (size_t)(dot - name) : strlen(name),
                              .show = isatty(STDERR_FILENO) != 0};
    struct b_bytes bytes;
    int heard = -1;
    enum b_code code = b_bytes_map(path, dp_limits_default().input_bytes, &bytes, err);
    if (code != B_OK)
        return code;
    const struct svc_client_request request = {.name = name,
                                               .data = bytes.data,
                                               .size = bytes.size,
                                               .formats = o->formats,
                                               .n_formats = o->n_formats,
                                               .password = password,
                                               .text_layer = o->text_layer_off ? 2 : 1,
                                               .bulk = o->bulk};
    const struct svc_client_events events = {.ctx = &d, .progress = show_progress, .rendered = take_rendered};
    code = svc_client_parse(client, &request, &events, &heard, cancel, err);
    b_bytes_close(&bytes);
    for (size_t i = 0; i < d.n_files; i++) {
        if (code == B_OK)
            code = b_outfile_commit(d.files[i], err);
        else
            b_outfile_abort(d.files[i]);
    }
    if (d.show)
        fputs("\r\033[K", stderr);
    *status = heard >= 0 ? (enum dp_status)heard : DP_STATUS_FAILED;
    return code;
}

static int call_all(struct svc_client *client, const struct call_options *o, char **files, int n, const char *password,
                    struct b_cancel *cancel)
{
    int failed = 0;
    for (int i = 0; i < n; i++) {
        struct b_err err;
        enum dp_status status = DP_STATUS_FAILED;
        const enum b_code code = call_document(client, o, files[i], password, &status, cancel, &err);
        if (b_cancel_check(cancel, NULL) != B_OK)
            return SVC_EXIT_INTERRUPTED;
        if (code != B_OK)
            svc_print_error(files[i], 0, &err);
        else
            fprintf(stderr, "%s: %s\n", files[i], dp_status_name(status));
        failed += code != B_OK || status != DP_STATUS_OK;
    }
    return failed ? SVC_EXIT_FAILED : SVC_EXIT_OK;
}

static int describe(struct svc_client *client, const char *address)
{
    char text[512];
    struct b_err err;
    if (svc_client_describe(client, text, sizeof text, &err) != B_OK) {
        svc_print_error(address, 0, &err);
        return SVC_EXIT_FAILED;
    }
    puts(text);
    return SVC_EXIT_OK;
}

int svc_cmd_call(int argc, char **argv, struct b_cancel *cancel)
{
    struct call_options o = {.client = {.retries = DEFAULT_RETRIES}, .out_dir = "."};
    struct svc_client *client = NULL;
    struct b_err err;
    char *token = NULL, *password = NULL;
    int status = parse_arguments(argc, argv, &o);
    if (status >= 0)
        return status;
    enum b_code code = o.token_file ? svc_read_first_line(o.token_file, &token, &err) : B_OK;
    if (code == B_OK && o.password_file)
        code = svc_read_first_line(o.password_file, &password, &err);
    o.client.token = token;
    if (code == B_OK && optind < argc)
        code = b_make_dirs(o.out_dir, &err);
    if (code == B_OK)
        code = svc_client_new(&o.client, &client, &err);
    if (code != B_OK) {
        svc_print_error("call", 0, &err);
        status = SVC_EXIT_SETUP;
    } else if (optind >= argc) {
        status = describe(client, o.client.address);
    } else {
        status = call_all(client, &o, argv + optind, argc - optind, password, cancel);
    }
    svc_client_drop(client);
    free(token);
    free(password);
    return status;
}
