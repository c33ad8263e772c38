/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of `docparse serve`. The file is lines of KEY = VALUE, # in front of comments; a key twice, one that does
 * not exist or a value that does not fit refuses the whole file, so that a typing mistake never becomes a default.
 * Invariant: every member of struct svc_settings has exactly one row. */
#include "service/serve_options.h"

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "docparse/sandbox.h"
#include "engine/base/file.h"
#include "engine/base/log.h"
#include "service/cli.h"
#include "service/suggest.h"

#define DOMAIN "config"
#define CONFIG_MAX ((uint64_t)1 << 20) /* a configuration of some hundred lines; anything larger is another file */
#define NOTHING "nothing"
#define HELP_COLUMN 29
#define HELP_WIDTH 118
#define GIB ((int64_t)1 << 30)

enum kind { TEXT, CHOICE, COUNT, BYTES, SECONDS, SWITCH };

struct key {
    const char *name;
    char letter; /* of a short flag, or 0 */
    enum kind kind;
    bool live; /* SIGHUP takes a new value; the others need a restart */
    size_t at;
    int64_t low, high;
    const char *fallback; /* NULL: none */
    const char *value;    /* its name in the help; NULL: a switch */
    const char *help;
};

#define AT(member) offsetof(struct svc_settings, member)
static const struct key keys[] = {
    {"listen", 'l', TEXT, false, AT(listen), 0, 0, "127.0.0.1:50051", "ADDR",
     "address and port; port 0: any free one; unix:/path: a socket"},
    {"tls-cert", 0, TEXT, true, AT(tls_cert), 0, 0, NULL, "FILE",
     "PEM certificate chain; read again when it changes. Turning TLS on or off needs a restart"},
    {"tls-key", 0, TEXT, true, AT(tls_key), 0, 0, NULL, "FILE", "its PEM private key; read again when it changes"},
    {"tls-client-ca", 0, TEXT, true, AT(tls_client_ca), 0, 0, NULL, "FILE",
     "clients must show a certificate signed by one of these"},
    {"token-file", 0, TEXT, true, AT(token_file), 0, 0, NULL, "FILE",
     "clients must send a bearer token: lines of NAME TOKEN; read again when it changes"},
    {"insecure", 0, SWITCH, false, AT(insecure), 0, 1, "no", NULL,
     "allow an address that others can reach although there is no TLS"},
    {"reflection", 0, SWITCH, false, AT(reflection), 0, 1, "no", NULL,
     "let clients ask which methods and messages there are"},
    {"metrics", 0, TEXT, false, AT(metrics), 0, 0, NULL, "ADDR",
     "counters for Prometheus at http://ADDR/metrics, such as 127.0.0.1:9090"},
    {"web", 0, TEXT, false, AT(web), 0, 0, NULL, "ADDR",
     "a page to drop files on at http://ADDR/, such as 127.0.0.1:8080"},
    {"web-host", 0, TEXT, false, AT(web_host), 0, 0, NULL, "NAME", "the name under which a proxy shows that page"},
    {"state-dir", 0, TEXT, false, AT(state_dir), 0, 0, NULL, "DIR",
     "keep jobs here (docparse.v1.Jobs); without it there are none"},
    {"cache-dir", 0, TEXT, false, AT(cache_dir), 0, 0, NULL, "DIR",
     "keep results here and give them again for the same document and options; without it none are kept"},
    {"cache-bytes", 0, BYTES, true, AT(cache_bytes), 1 << 20, 1048576 * GIB, "10G", "BYTES",
     "disk for kept results; what was used longest ago goes first"},
    {"cache-shared", 0, SWITCH, false, AT(cache_shared), 0, 1, "no", NULL,
     "a result kept for one client is given to another who sends the same document"},
    {"models", 'm', TEXT, false, AT(models), 0, 0, NULL, "DIR",
     "the networks (default: $DOCPARSE_MODELS or the installed ones)"},
    {"formulas", 0, TEXT, false, AT(formulas), 0, 0, "off", "on|off|DIR",
     "read displayed formulas of scans: with the model that comes along, not at all, or with a checkpoint made by "
     "engine/training"},
    {"model", 0, TEXT, false, AT(model), 0, 0, NULL, "DIR",
     "folder of a Qwen2.5-VL checkpoint, for Ask, Extract, Locate and pages that it is to read; loaded once; without it "
     "there are none"},
    {"model-packed", 0, TEXT, false, AT(model_packed), 0, 0, NULL, "DIR",
     "folder that 'models pack -o' wrote to (default: the checkpoint's)"},
    {"model-precision", 0, CHOICE, false, AT(model_precision), 0, 0, "exact", "P", "exact, bf16, int8 or int4"},
    {"model-sessions", 0, COUNT, false, AT(model_sessions), 1, 64, "1", "N",
     "questions answered at the same time, beside the workers"},
    {"model-threads", 0, COUNT, false, AT(model_threads), 0, 256, "0", "N",
     "threads of one answer; 0: one a processor"},
    {"model-cache", 0, BYTES, false, AT(model_cache), 1 << 20, 1024 * GIB, "4G", "BYTES",
     "keys and values of all sessions together; a question that needs more than its share is refused"},
    {"model-pixels", 0, COUNT, false, AT(model_pixels), 0, 51380224, "0", "N",
     "pixels of the picture of a page that the model sees; 0: 1605632 or the checkpoint's"},
    {"model-page-seconds", 0, SECONDS, false, AT(model_page_seconds), 0, 86400, "3600", "SECONDS",
     "time for one page that the model reads; 0: no deadline"},
    {"workers", 'w', COUNT, false, AT(workers), 0, 256, "0", "N",
     "documents read at the same time; 0: one a processor"},
    {"queue", 'q', COUNT, true, AT(queue), 0, 100000, "64", "N", "calls that may wait; more are told to come back"},
    {"queue-per-client", 0, COUNT, true, AT(queue_per_client), 0, 100000, "0", "N",
     "calls of one client that may wait; 0: as many as the queue holds"},
    {"queue-bytes", 0, BYTES, true, AT(queue_bytes), 1 << 20, 1024 * GIB, "1G", "BYTES",
     "document bytes held in memory by all calls together, and as much again (128M at least) of messages on their way in"},
    {"sandbox", 0, CHOICE, false, AT(sandbox), 0, 0, "auto", "MODE",
     "auto, on or off: decode documents in locked-up processes where the system allows, or fail, or in this process"},
    {"grace", 0, SECONDS, true, AT(grace), 0, 86400, "30", "SECONDS",
     "time that running calls get when the server stops"},
    {"slow-client", 0, SECONDS, false, AT(slow_client), 1, 86400, "60", "SECONDS",
     "time that a client may leave a request unfinished or an answer untaken"},
    {"log-level", 0, CHOICE, true, AT(log_level), 0, 0, "info", "LEVEL", "error, warning, info or debug"},
    {"log-calls", 0, SWITCH, true, AT(log_calls), 0, 1, "no", NULL,
     "a line for each call that ends: request, trace, client, method, outcome, time"},
    {"client-calls", 0, COUNT, true, AT(client_calls), 0, 100000, "0", "N",
     "calls of one client in flight; 0: no bound. A client is a token's owner, a certificate's name or an address"},
    {"client-bytes", 0, BYTES, true, AT(client_bytes), 0, 1024 * GIB, "0", "BYTES",
     "document bytes of one client in memory; 0: no bound"},
    {"client-pages", 0, COUNT, true, AT(client_pages), 0, 10000000, "0", "N",
     "pages of one client read in a minute, jobs included; 0: no bound"},
    {"max-document", 0, BYTES, true, AT(max_document), 1024, 1024 * GIB, "2G", "BYTES", "of one document"},
    {"max-pages", 0, COUNT, true, AT(max_pages), 1, 100000000, "100000", "N", "pages of one document"},
    {"max-pixels", 0, COUNT, true, AT(max_pixels), 10000, 2000000000, "50000000", "N",
     "pixels of a page image; larger pages are scaled down"},
    {"page-seconds", 0, SECONDS, true, AT(page_seconds), 0, 86400, "120", "SECONDS",
     "time for one page; 0: no deadline"},
    {"job-keep", 0, SECONDS, true, AT(job_keep), 1, 3650LL * 86400, "604800", "SECONDS",
     "time that results of jobs are kept"},
    {"job-disk", 0, BYTES, true, AT(job_disk), 1 << 20, 1048576 * GIB, "20G", "BYTES",
     "documents and results of jobs on disk; new jobs are refused above it"},
    {"job-open", 0, COUNT, true, AT(job_open), 1, 10000000, "100000", "N", "jobs that wait or run"},
    {"job-attempts", 0, COUNT, true, AT(job_attempts), 1, 100, "3", "N",
     "starts of a job before it is given up, when each one ended the server"},
};
#define N_KEYS (sizeof keys / sizeof keys[0])
_Static_assert(N_KEYS <= SVC_KEYS_MAX, "svc_flags has room for every key");

enum { OPT_CONFIG = 1000, OPT_CHECK, OPT_KEYS = 2000 };

static const char *const levels[] = {"error", "warning", "info", "debug"};
static const char *const precisions[] = {"exact", "bf16", "int8", "int4"};
static const char *const sandboxes[] = {
    [DP_SANDBOX_AUTO] = "auto", [DP_SANDBOX_ON] = "on", [DP_SANDBOX_OFF] = "off", NULL};
#define CHOICES 4

/* --- values --- */

static char **text_at(const struct key *k, struct svc_settings *s)
{
    return (char **)(void *)((char *)s + k->at);
}

static int64_t *number_at(const struct key *k, struct svc_settings *s)
{
    return (int64_t *)(void *)((char *)s + k->at);
}

static bool is_text(const struct key *k)
{
    return k->kind == TEXT || k->kind == CHOICE;
}

void svc_settings_free(struct svc_settings *s)
{
    for (size_t i = 0; i < N_KEYS; i++)
        if (is_text(&keys[i])) {
            free(*text_at(&keys[i], s));
            *text_at(&keys[i], s) = NULL;
        }
}

/* "64M": K, M, G and T are powers of 1024. */
static bool parse_number(const struct key *k, const char *text, int64_t *out)
{
    static const char suffixes[] = "KMGT";
    char *end = NULL;
    const long long n = strtoll(text, &end, 10);
    int shift = 0;
    if (end == text)
        return false;
    if (k->kind == BYTES && *end) {
        const char *s = strchr(suffixes, *end);
        if (!s)
            return false;
        shift = 10 * (int)(s - suffixes + 1);
        end++;
    }
    if (*end || n < 0 || n > (INT64_MAX >> shift))
        return false;
    *out = (int64_t)n << shift;
    return *out >= k->low && *out <= k->high;
}

static bool parse_switch(const char *text, int64_t *out)
{
    static const char *const words[] = {"no", "yes", "off", "on", "false", "true", "0", "1"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasecmp(text, words[i]) == 0) {
            *out = (int64_t)(i % 2);
            return true;
        }
    return false;
}

/* "64M" for what is a whole number of them. */
static const char *number_text(const struct key *k, int64_t n, char *out, size_t size)
{
    int shift = 0;
    while (k->kind == BYTES && n > 0 && shift < 40 && n % 1024 == 0) {
        n /= 1024;
        shift += 10;
    }
    (void)snprintf(out, size, "%lld%.1s", (long long)n, shift ? &"KMGT"[shift / 10 - 1] : "");
    return out;
}

static enum b_code misfit(const struct key *k, const char *where, const char *text, struct b_err *err)
{
    char low[32], high[32];
    if (k->kind == SWITCH)
        return b_fail(err, B_ARGUMENT, DOMAIN, "%s%s is yes or no, not '%.60s'", where, k->name, text);
    if (k->kind == CHOICE)
        return b_fail(err, B_ARGUMENT, DOMAIN, "%s%s is %s, not '%.60s'", where, k->name, k->help, text);
    return b_fail(err, B_ARGUMENT, DOMAIN, "%s%s takes a number from %s to %s%s, not '%.60s'", where, k->name,
                  number_text(k, k->low, low, sizeof low), number_text(k, k->high, high, sizeof high),
                  k->kind == BYTES ? " (K, M, G and T may follow it)" : "", text);
}

static int choice_of(const char *const choices[CHOICES], const char *text)
{
    for (int i = 0; i < CHOICES; i++)
        if (choices[i] && strcmp(text, choices[i]) == 0)
            return i;
    return -1;
}

static bool fits_choice(const struct key *k, const char *text)
{
    return choice_of(k->at == AT(log_level) ? levels : k->at == AT(sandbox) ? sandboxes : precisions, text) >= 0;
}

static enum b_code set(const struct key *k, const char *where, const char *text, struct svc_settings *s,
                       struct b_err *err)
{
    if (k->kind == SWITCH ? !parse_switch(text, number_at(k, s))
                          : !is_text(k) && !parse_number(k, text, number_at(k, s)))
        return misfit(k, where, text, err);
    if (k->kind == CHOICE && !fits_choice(k, text))
        return misfit(k, where, text, err);
    if (!is_text(k))
        return B_OK;
    char *copy = text[0] ? strdup(text) : NULL; /* an empty text takes back what the file said */
    if (text[0] && !copy)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    free(*text_at(k, s));
    *text_at(k, s) = copy;
    return B_OK;
}

int svc_settings_log_level(const struct svc_settings *s)
{
    return choice_of(levels, s->log_level);
}

int svc_settings_precision(const struct svc_settings *s)
{
    return choice_of(precisions, s->model_precision);
}

int svc_settings_sandbox(const struct svc_settings *s)
{
    return choice_of(sandboxes, s->sandbox);
}

/* --- the file --- */

static const struct key *find_key(const char *name)
{
    for (size_t i = 0; i < N_KEYS; i++)
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

static enum b_code unknown_key(const char *where, const char *name, struct b_err *err)
{
    struct svc_suggestion best = {0};
    for (size_t i = 0; i < N_KEYS; i++)
        svc_suggest(&best, name, keys[i].name);
    (void)b_fail(err, B_ARGUMENT, DOMAIN, "%sthere is no key '%.60s'", where, name);
    if (best.name)
        b_advise(err, "did you mean '%s'?", best.name);
    return B_ARGUMENT;
}

static char *trim(char *text)
{
    text += strspn(text, " \t\r");
    size_t len = strlen(text);
    while (len > 0 && strchr(" \t\r", text[len - 1]))
        text[--len] = '\0';
    return text;
}

static enum b_code take_line(const char *path, int number, char *line, int *seen, struct svc_settings *s,
                             struct b_err *err)
{
    char where[160];
    char *name = trim(line), *equals = strchr(name, '=');
    if (!*name || *name == '#')
        return B_OK;
    (void)snprintf(where, sizeof where, "%.120s, line %d: ", path, number);
    if (!equals)
        return b_fail(err, B_FORMAT, DOMAIN, "%s'%.60s' is not KEY = VALUE", where, name);
    *equals = '\0';
    name = trim(name);
    const struct key *k = find_key(name);
    if (!k)
        return unknown_key(where, name, err);
    if (seen[k - keys])
        return b_fail(err, B_ARGUMENT, DOMAIN, "%s%s was given in line %d already", where, k->name, seen[k - keys]);
    seen[k - keys] = number;
    return set(k, where, trim(equals + 1), s, err);
}

static enum b_code take_file(const char *path, struct svc_settings *s, struct b_err *err)
{
    int seen[N_KEYS] = {0};
    struct b_bytes bytes;
    enum b_code code = b_bytes_map(path, CONFIG_MAX, &bytes, err);
    if (code != B_OK)
        return code;
    char *text = bytes.size && memchr(bytes.data, 0, bytes.size) ? NULL : strndup((const char *)bytes.data, bytes.size);
    const bool binary = !text && memchr(bytes.data, 0, bytes.size);
    b_bytes_close(&bytes);
    if (!text)
        return binary ? b_fail(err, B_FORMAT, DOMAIN, "%.200s is no text", path)
                      : b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    char *line = text;
    for (int number = 1; line && code == B_OK; number++) {
        char *end = strchr(line, '\n');
        if (end)
            *end = '\0';
        code = take_line(path, number, line, seen, s, err);
        line = end ? end + 1 : NULL;
    }
    free(text);
    return code;
}

static enum b_code fit_together(const struct svc_settings *s, struct b_err *err)
{
    if ((s->tls_cert == NULL) != (s->tls_key == NULL))
        return b_fail(err, B_ARGUMENT, DOMAIN, "tls-cert and tls-key belong together");
    if (s->tls_client_ca && !s->tls_cert)
        return b_fail(err, B_ARGUMENT, DOMAIN, "tls-client-ca needs tls-cert and tls-key");
    return s->listen ? B_OK : b_fail(err, B_ARGUMENT, DOMAIN, "listen must not be empty");
}

enum b_code svc_settings_make(const struct svc_flags *flags, struct svc_settings *out, struct b_err *err)
{
    enum b_code code = B_OK;
    *out = (struct svc_settings){0};
    for (size_t i = 0; i < N_KEYS && code == B_OK; i++)
        code = keys[i].fallback ? set(&keys[i], "", keys[i].fallback, out, err) : B_OK;
    if (code == B_OK && flags->config)
        code = take_file(flags->config, out, err);
    for (size_t i = 0; i < N_KEYS && code == B_OK; i++)
        code = flags->values[i] ? set(&keys[i], "--", flags->values[i], out, err) : B_OK;
    if (code == B_OK)
        code = fit_together(out, err);
    if (code != B_OK)
        svc_settings_free(out);
    return code;
}

static const char *shown(const struct key *k, const struct svc_settings *s, char *out, size_t size)
{
    const void *at = (const char *)s + k->at;
    if (is_text(k)) {
        const char *text = *(char *const *)at;
        return text ? text : NOTHING;
    }
    const int64_t n = *(const int64_t *)at;
    return k->kind == SWITCH ? (n ? "yes" : "no") : number_text(k, n, out, size);
}

void svc_settings_diff(const struct svc_settings *before, const struct svc_settings *after,
                       void (*fn)(void *ctx, const char *key, bool live, const char *old, const char *new), void *ctx)
{
    for (size_t i = 0; i < N_KEYS; i++) {
        char a[32], b[32];
        const char *old = shown(&keys[i], before, a, sizeof a), *new = shown(&keys[i], after, b, sizeof b);
        /* what a server has not got at all it cannot get while it runs: TLS, tokens */
        const bool same_kind = keys[i].kind != TEXT || (strcmp(old, NOTHING) != 0 && strcmp(new, NOTHING) != 0);
        if (strcmp(old, new) != 0)
            fn(ctx, keys[i].name, keys[i].live && same_kind, old, new);
    }
}

/* --- the flags --- */

/* Words of `text` from HELP_COLUMN on, in lines of at most HELP_WIDTH. */
static void print_wrapped(const char *text, size_t column)
{
    if (column + 2 > HELP_COLUMN) {
        putchar('\n');
        column = 0;
    }
    printf("%*s", (int)(HELP_COLUMN - column), "");
    column = HELP_COLUMN;
    for (const char *p = text; *p;) {
        const size_t len = strcspn(p, " ");
        if (column > HELP_COLUMN && column + len + 1 > HELP_WIDTH) {
            printf("\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
        } else if (column > HELP_COLUMN) {
            putchar(' ');
            column++;
        }
        printf("%.*s", (int)len, p);
        column += len;
        p += len + strspn(p + len, " ");
    }
    putchar('\n');
}

static void print_key(const struct key *k)
{
    char flag[64], text[512];
    if (k->letter)
        (void)snprintf(flag, sizeof flag, "  -%c, --%s%s%s", k->letter, k->name, k->value ? "=" : "",
                       k->value ? k->value : "");
    else
        (void)snprintf(flag, sizeof flag, "      --%s%s%s", k->name, k->value ? "=" : "", k->value ? k->value : "");
    if (k->fallback && k->value)
        (void)snprintf(text, sizeof text, "%s (default %s)", k->help, k->fallback);
    else
        (void)snprintf(text, sizeof text, "%s", k->help);
    fputs(flag, stdout);
    print_wrapped(text, strlen(flag));
}

static void print_help(void)
{
    fputs("Usage: docparse serve [OPTION]...\n"
          "Serves docparse.v1.DocumentParser over gRPC until it is told to stop.\n\n"
          "  -c, --config=FILE          lines of KEY = VALUE; every option below is a key, without its dashes. Options "
          "win\n"
          "      --check-config         say whether options, file, certificates and tokens are fine; serve nothing\n",
          stdout);
    for (size_t i = 0; i < N_KEYS; i++)
        print_key(&keys[i]);
    fputs(
        "  -h, --help                 this text\n\n"
        "Prints the address once it serves. SIGTERM or an interrupt stops it gracefully. SIGHUP reads the file again:\n"
        "the log says what changed and what needs a restart; a file with a mistake changes nothing.\n"
        "Example: docparse serve --listen 127.0.0.1:50051 --reflection\n",
        stdout);
}

/* options[0 .. N_KEYS + 4): every key, the flags that are none, the end. */
static void fill_options(struct option *options, char *letters)
{
    size_t n = 0, at = 0;
    letters[at++] = ':';
    letters[at++] = 'h';
    letters[at++] = 'c';
    letters[at++] = ':';
    options[n++] = (struct option){"config", required_argument, NULL, 'c'};
    options[n++] = (struct option){"check-config", no_argument, NULL, OPT_CHECK};
    options[n++] = (struct option){"help", no_argument, NULL, 'h'};
    for (size_t i = 0; i < N_KEYS; i++) {
        options[n++] =
            (struct option){keys[i].name, keys[i].value ? required_argument : no_argument, NULL, OPT_KEYS + (int)i};
        if (keys[i].letter) {
            letters[at++] = keys[i].letter;
            letters[at++] = ':';
        }
    }
    options[n] = (struct option){0};
    letters[at] = '\0';
}

static size_t key_of(int c)
{
    if (c >= OPT_KEYS)
        return (size_t)(c - OPT_KEYS);
    size_t i = 0;
    while (i < N_KEYS && keys[i].letter != c)
        i++;
    return i;
}

int svc_flags_parse(int argc, char **argv, struct svc_flags *flags)
{
    struct option options[N_KEYS + 4];
    char letters[2 * N_KEYS + 8];
    *flags = (struct svc_flags){0};
    fill_options(options, letters);
    optind = 1;
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, letters, options, NULL)) != -1;) {
        if (c == 'h') {
            print_help();
            return SVC_EXIT_OK;
        }
        if (c == '?' || c == ':')
            return svc_option_error("serve", argv, options, c);
        const size_t i = key_of(c);
        if (c == 'c')
            flags->config = optarg;
        else if (c == OPT_CHECK)
            flags->check = true;
        else if (i < N_KEYS)
            flags->values[i] = optarg ? optarg : "yes";
    }
    if (optind < argc)
        return svc_usage_error("serve", "unexpected argument '%s'", argv[optind]);
    return -1;
}
