/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of `docparse call`: one option a parameter of a request, and what each method needs. */
#include "service/call_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "docparse/page_ranges.h"
#include "output/writer.h"
#include "service/cli.h"
#include "service/suggest.h"

#define DEFAULT_FORMATS "json,md"
#define DEFAULT_RETRIES 8

enum {
    OPT_PASSWORD = 1000,
    OPT_TEXT_LAYER,
    OPT_READER,
    OPT_BULK,
    OPT_JSON,
    OPT_PAGES,
    OPT_SCHEMA,
    OPT_MAX_TOKENS,
    OPT_TOKENS,
    OPT_KEY,
    OPT_RESULT,
    OPT_STATE,
    OPT_PAGE_SIZE,
    OPT_PAGE_TOKEN,
    OPT_PROGRESS,
    OPT_DEADLINE,
    OPT_RETRIES,
    OPT_CA,
    OPT_CERT,
    OPT_CERT_KEY,
    OPT_TOKEN
};

static const struct option long_options[] = {
    {"method", required_argument, NULL, 'm'},
    {"output", required_argument, NULL, 'o'},
    {"format", required_argument, NULL, 'f'},
    {"json", no_argument, NULL, OPT_JSON},
    {"pages", required_argument, NULL, OPT_PAGES},
    {"text-layer", required_argument, NULL, OPT_TEXT_LAYER},
    {"reader", required_argument, NULL, OPT_READER},
    {"password-file", required_argument, NULL, OPT_PASSWORD},
    {"bulk", no_argument, NULL, OPT_BULK},
    {"question", required_argument, NULL, 'q'},
    {"schema", required_argument, NULL, OPT_SCHEMA},
    {"max-tokens", required_argument, NULL, OPT_MAX_TOKENS},
    {"tokens", no_argument, NULL, OPT_TOKENS},
    {"key", required_argument, NULL, OPT_KEY},
    {"result", no_argument, NULL, OPT_RESULT},
    {"state", required_argument, NULL, OPT_STATE},
    {"page-size", required_argument, NULL, OPT_PAGE_SIZE},
    {"page-token", required_argument, NULL, OPT_PAGE_TOKEN},
    {"progress", required_argument, NULL, OPT_PROGRESS},
    {"deadline", required_argument, NULL, OPT_DEADLINE},
    {"retries", required_argument, NULL, OPT_RETRIES},
    {"tls-ca", required_argument, NULL, OPT_CA},
    {"tls-cert", required_argument, NULL, OPT_CERT},
    {"tls-key", required_argument, NULL, OPT_CERT_KEY},
    {"token-file", required_argument, NULL, OPT_TOKEN},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void print_help(void)
{
    fputs(
        "Usage: docparse call ADDR [OPTION]... [FILE | ID]...\n"
        "Calls the server at ADDR (host:port or unix:/path). With a FILE: sends it and writes what comes back; "
        "without:\n"
        "says what the server is and how busy.\n\n"
        "  -m, --method=NAME         ParseStream (default with a FILE), ParseDocument, Ask, AskStream, Extract, "
        "Locate,\n"
        "                            GetServerInfo, GetCapacity, SubmitJob, GetJob, ListJobs, CancelJob, WatchJob, "
        "Check\n"
        "                            or Watch (health). Prints the answer's JSON, if it is not a document's formats\n"
        "  -o, --output=DIR          where to (default: here); NAME.json and so on, NAME being the file's or the "
        "job's\n"
        "  -f, --format=LIST         formats that the server renders (default " DEFAULT_FORMATS ")\n"
        "      --json                every message as a line of JSON, as it comes; documents with typed pages\n"
        "      --pages=A-B           of the document, such as 3, 1-3 or 2-\n"
        "      --text-layer=trust|off  use the file's own text where it fits, or ignore it\n"
        "      --reader=compact|qwen25vl  who reads the pages: the embedded networks (default) or the server's large model\n"
        "      --password-file=FILE  password of encrypted documents, its first line\n"
        "      --bulk                wait behind interactive calls\n"
        "  -q, --question=TEXT       Ask: what to ask; Locate: what to find\n"
        "      --schema=FILE         Extract: JSON Schema of the object that is wanted\n"
        "      --max-tokens=N        of an answer (default: the server's, 1024)\n"
        "      --tokens              with each token and its log-probability\n"
        "      --key=TEXT            SubmitJob: idempotency key (default: a new one each time)\n"
        "      --result              GetJob: with the document; with -o its formats become files\n"
        "      --state=STATE, --page-size=N, --page-token=TEXT   ListJobs: queued, running, succeeded, failed or\n"
        "                            cancelled ones; how many; from where on\n"
        "      --progress=MODE       auto (one line on a terminal), plain (lines) or none\n"
        "      --deadline=SECONDS    of each call with its retries (default 3600)\n"
        "      --retries=N           when the server is busy or not there (default 8), never before the time it names\n"
        "      --tls-ca=FILE         PEM certificates that the server's must be signed by: turns TLS on\n"
        "      --tls-cert=FILE, --tls-key=FILE   this client's own certificate\n"
        "      --token-file=FILE     bearer token, its first line\n"
        "  -h, --help                this text\n\n"
        "Exit codes: 0 all fine, 1 some calls failed or are incomplete, 2 usage, 130 interrupted.\n"
        "Examples: docparse call localhost:50051 scan.tif -o out -f json,md,html\n"
        "          docparse call localhost:50051 -m AskStream -q 'Who signed?' contract.pdf\n"
        "          docparse call localhost:50051 -m WatchJob 0123456789abcdef0123456789abcdef\n",
        stdout);
}

static bool split_formats(struct svc_call_options *o, const char *list)
{
    if (snprintf(o->formats_text, sizeof o->formats_text, "%s", list) >= (int)sizeof o->formats_text)
        return false;
    o->n_formats = 0;
    for (char *p = o->formats_text; p && *p;) {
        char *comma = strchr(p, ',');
        if (comma)
            *comma = '\0';
        if (!out_format_find(p) || o->n_formats == SVC_CALL_FORMATS)
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

static bool parse_count(const char *text, int max, int *out)
{
    double number = 0;
    const bool fine = parse_number(text, max, &number);
    *out = fine ? (int)number : 0;
    return fine;
}

static bool parse_pages(const char *text, struct svc_client_params *p)
{
    struct dp_page_range range;
    if (dp_page_ranges_parse(text, &range, 1) != 1)
        return false;
    p->first_page = range.first;
    p->last_page = range.last == INT32_MAX ? 0 : range.last;
    return true;
}

static int index_of(const char *const *names, const char *text)
{
    for (int i = 0; names[i]; i++)
        if (strcasecmp(names[i], text) == 0)
            return i;
    return -1;
}

static bool parse_method(const char *text, struct svc_call_options *o)
{
    for (int i = 0; i < SVC_CALL_METHODS; i++)
        if (strcasecmp(svc_client_method_name((enum svc_client_method)i), text) == 0) {
            o->method = i;
            return true;
        }
    return false;
}

static bool parse_state(const char *text, int *state)
{
    static const char *const states[] = {"all", "queued", "running", "succeeded", "failed", "cancelled", NULL};
    *state = index_of(states, text);
    return *state >= 0;
}

static bool parse_progress(const char *text, enum svc_progress_mode *mode)
{
    static const char *const modes[] = {"auto", "plain", "none", NULL};
    const int i = index_of(modes, text);
    *mode = (enum svc_progress_mode)i;
    return i >= 0;
}

static bool take_request_option(struct svc_call_options *o, int c)
{
    struct svc_client_params *p = &o->params;
    switch (c) {
    case OPT_PAGES:
        return parse_pages(optarg, p);
    case OPT_TEXT_LAYER:
        p->text_layer = strcmp(optarg, "off") == 0 ? 2 : 1;
        return p->text_layer == 2 || strcmp(optarg, "trust") == 0;
    case OPT_READER:
        p->reader = strcmp(optarg, "qwen25vl") == 0 ? 2 : 1;
        return p->reader == 2 || strcmp(optarg, "compact") == 0;
    case OPT_BULK:
        p->bulk = true;
        return true;
    case 'q':
        p->text = optarg;
        return true;
    case OPT_MAX_TOKENS:
        return parse_count(optarg, 100000, &p->max_tokens);
    case OPT_TOKENS:
        p->tokens = true;
        return true;
    case OPT_KEY:
        p->key = optarg;
        return true;
    case OPT_RESULT:
        p->result = true;
        return true;
    case OPT_STATE:
        return parse_state(optarg, &p->state);
    case OPT_PAGE_SIZE:
        return parse_count(optarg, 1000, &p->page_size);
    default:
        p->page_token = optarg;
        return true;
    }
}

static bool take_option(struct svc_call_options *o, int c)
{
    switch (c) {
    case 'm':
        return parse_method(optarg, o);
    case 'o':
        o->out_dir = optarg;
        return true;
    case 'f':
        return split_formats(o, optarg);
    case OPT_JSON:
        o->json = true;
        return true;
    case OPT_PASSWORD:
        o->password_file = optarg;
        return true;
    case OPT_SCHEMA:
        o->schema_file = optarg;
        return true;
    case OPT_PROGRESS:
        return parse_progress(optarg, &o->progress);
    case OPT_DEADLINE:
        return parse_number(optarg, 1e7, &o->client.deadline_seconds);
    case OPT_RETRIES:
        return parse_count(optarg, 1000, &o->client.retries);
    case OPT_CA:
        o->client.tls_ca = optarg;
        return true;
    case OPT_CERT:
        o->client.tls_cert = optarg;
        return true;
    case OPT_CERT_KEY:
        o->client.tls_key = optarg;
        return true;
    case OPT_TOKEN:
        o->token_file = optarg;
        return true;
    default:
        return take_request_option(o, c);
    }
}

/* What the chosen method needs besides options that have defaults; -1: all there. */
static int check(const struct svc_call_options *o)
{
    if (o->method == SVC_CALL_DESCRIBE)
        return -1;
    const enum svc_client_method method = (enum svc_client_method)o->method;
    const char *name = svc_client_method_name(method);
    const bool health = method == SVC_CALL_HEALTH || method == SVC_CALL_HEALTH_WATCH;
    if (svc_client_takes_document(method) && o->n_rest == 0)
        return svc_usage_error("call", "%s needs a file", name);
    if (svc_client_takes_job(method) && o->n_rest == 0)
        return svc_usage_error("call", "%s needs the id of a job", name);
    if (!svc_client_takes_document(method) && !svc_client_takes_job(method) && !health && o->n_rest > 0)
        return svc_usage_error("call", "%s takes no argument '%s'", name, o->rest[0]);
    if (method == SVC_CALL_EXTRACT && !o->schema_file)
        return svc_usage_error("call", "Extract needs --schema FILE");
    if (svc_client_takes_text(method) && method != SVC_CALL_EXTRACT && !o->params.text)
        return svc_usage_error("call", "%s needs -q TEXT", name);
    return -1;
}

int svc_call_options_parse(int argc, char **argv, struct svc_call_options *o)
{
    *o = (struct svc_call_options){.client = {.retries = DEFAULT_RETRIES}, .method = -1};
    optind = 0; /* 0 makes getopt forget what it parsed before */
    opterr = 0;
    (void)split_formats(o, DEFAULT_FORMATS);
    o->params.text_layer = 1;
    for (int c; (c = getopt_long(argc, argv, ":m:o:f:q:h", long_options, NULL)) != -1;) {
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
    o->rest = argv + optind;
    o->n_rest = argc - optind;
    if (o->method < 0)
        o->method = o->n_rest > 0 ? SVC_CALL_PARSE_STREAM : SVC_CALL_DESCRIBE;
    return check(o);
}
