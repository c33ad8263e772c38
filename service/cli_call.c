/* SPDX-License-Identifier: Apache-2.0 */
/* `docparse call`: any method of a server. Rendered formats become files, complete or not at all; everything else is
 * printed: answers to questions as text, the rest as JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "docparse/document.h"
#include "docparse/limits.h"
#include "engine/base/file.h"
#include "output/writer.h"
#include "service/call_options.h"
#include "service/cli.h"

#define PATH_BYTES 4096

/* One call under way. */
struct running {
    const struct svc_call_options *options;
    const char *what; /* file, job or method, for messages */
    const char *stem; /* of output files */
    size_t stem_len;
    struct b_outfile *files[SVC_CALL_FORMATS];
    size_t n_files;
    bool redraw, plain, text; /* progress on a terminal, in lines; answers as text */
    bool printed, fine;
    int status, done;
};

static void show_progress(struct running *r, const struct svc_client_answer *a)
{
    const bool waits = a->queue_position > 0, moved = a->pages_done != r->done;
    if ((!r->redraw && !r->plain) || a->pages_done < 0)
        return;
    r->done = a->pages_done;
    if (waits)
        fprintf(stderr, r->redraw ? "\r%s: waiting, place %d " : "%s: waiting, place %d\n", r->what, a->queue_position);
    else if (r->redraw || moved)
        fprintf(stderr, r->redraw ? "\r%s: %d of %d pages   " : "%s: %d of %d pages\n", r->what, a->pages_done,
                a->pages_to_read);
}

static enum b_code take(void *ctx, const struct svc_client_answer *a, struct b_err *err)
{
    struct running *r = ctx;
    show_progress(r, a);
    if (a->status >= 0)
        r->status = a->status;
    r->fine = a->fine;
    if (a->json) {
        puts(a->json);
    } else if (r->text && (a->piece || !r->printed)) {
        /* a stream's whole answer was printed piece by piece before */
        fputs(a->text, stdout);
        r->printed = r->printed || a->text[0] != '\0';
    }
    return fflush(stdout) == 0 ? B_OK : b_fail(err, B_IO, "call", "standard output cannot be written");
}

static enum b_code take_rendered(void *ctx, const char *format, const void *data, size_t size, struct b_err *err)
{
    struct running *r = ctx;
    const struct out_format *f = out_format_find(format);
    const char *dir = r->options->out_dir ? r->options->out_dir : ".";
    char path[PATH_BYTES];
    if (!f || r->n_files == SVC_CALL_FORMATS)
        return b_fail(err, B_FORMAT, "call", "the server sent an unknown format '%.40s'", format);
    const int n = snprintf(path, sizeof path, "%s/%.*s%s", dir, (int)r->stem_len, r->stem, f->extension);
    if (n < 0 || (size_t)n >= sizeof path)
        return b_fail(err, B_ARGUMENT, "call", "the output's name is too long");
    struct b_outfile *file = NULL;
    const enum b_code code = b_outfile_open(path, &file, err);
    if (code != B_OK)
        return code;
    r->files[r->n_files++] = file;
    return b_outfile_write(file, data, size, err);
}

/* Whether the call ends with files instead of JSON. */
static bool writes_files(const struct svc_call_options *o)
{
    const bool parses = o->method == SVC_CALL_PARSE_STREAM || o->method == SVC_CALL_PARSE_DOCUMENT;
    return (parses && (!o->json || o->out_dir)) || (o->method == SVC_CALL_GET_JOB && o->out_dir);
}

static enum b_code run(struct svc_client *client, struct running *r, const struct svc_client_params *params,
                       struct b_cancel *cancel, struct b_err *err)
{
    const struct svc_call_options *o = r->options;
    const bool files = writes_files(o), asks = o->method == SVC_CALL_ASK || o->method == SVC_CALL_ASK_STREAM;
    const bool terminal = isatty(STDERR_FILENO) != 0;
    r->redraw = o->progress == SVC_PROGRESS_AUTO && terminal && files;
    r->plain = o->progress == SVC_PROGRESS_PLAIN;
    r->text = asks && !o->json;
    r->status = r->done = -1;
    const struct svc_client_events events = {
        .ctx = r, .json = o->json || (!files && !r->text), .take = take, .rendered = files ? take_rendered : NULL};
    enum b_code code = svc_client_call(client, (enum svc_client_method)o->method, params, &events, cancel, err);
    for (size_t i = 0; i < r->n_files; i++) {
        if (code == B_OK)
            code = b_outfile_commit(r->files[i], err);
        else
            b_outfile_abort(r->files[i]);
    }
    if (r->redraw)
        fputs("\r\033[K", stderr);
    if (r->printed)
        putchar('\n');
    if (code == B_OK && files)
        fprintf(stderr, "%s: %s\n", r->what,
                r->status >= 0 ? dp_status_name((enum dp_status)r->status) : "not finished");
    if (code == B_OK && files && r->status != DP_STATUS_OK)
        r->fine = false;
    return code;
}

static enum b_code call_document(struct svc_client *client, struct running *r, struct b_cancel *cancel,
                                 struct b_err *err)
{
    const struct svc_call_options *o = r->options;
    const char *slash = strrchr(r->what, '/');
    const char *name = slash ? slash + 1 : r->what;
    const char *dot = strrchr(name, '.');
    struct svc_client_params params = o->params;
    struct b_bytes bytes;
    enum b_code code = b_bytes_map(r->what, dp_limits_default().input_bytes, &bytes, err);
    if (code != B_OK)
        return code;
    r->stem = name;
    r->stem_len = dot && dot > name ? (size_t)(dot - name) : strlen(name);
    params.name = name;
    params.data = bytes.data;
    params.size = bytes.size;
    params.typed = o->json || o->method == SVC_CALL_SUBMIT_JOB;
    params.formats = o->formats;
    params.n_formats = writes_files(o) || o->method == SVC_CALL_SUBMIT_JOB ? o->n_formats : 0;
    code = run(client, r, &params, cancel, err);
    b_bytes_close(&bytes);
    return code;
}

static enum b_code call_other(struct svc_client *client, struct running *r, const char *id, struct b_cancel *cancel,
                              struct b_err *err)
{
    struct svc_client_params params = r->options->params;
    params.id = id;
    params.result = params.result || writes_files(r->options);
    r->stem = id ? id : "";
    r->stem_len = strlen(r->stem);
    return run(client, r, &params, cancel, err);
}

static int call_all(struct svc_client *client, const struct svc_call_options *o, struct b_cancel *cancel)
{
    const enum svc_client_method method = (enum svc_client_method)o->method;
    int failed = 0;
    for (int i = 0; i < (o->n_rest > 0 ? o->n_rest : 1); i++) {
        const char *argument = o->n_rest > 0 ? o->rest[i] : NULL;
        struct running r = {.options = o, .what = argument ? argument : svc_client_method_name(method)};
        struct b_err err;
        const enum b_code code = svc_client_takes_document(method) ? call_document(client, &r, cancel, &err)
                                                                   : call_other(client, &r, argument, cancel, &err);
        if (b_cancel_check(cancel, NULL) != B_OK)
            return SVC_EXIT_INTERRUPTED;
        if (code != B_OK)
            svc_print_error(r.what, 0, &err);
        failed += code != B_OK || !r.fine;
    }
    return failed ? SVC_EXIT_FAILED : SVC_EXIT_OK;
}

static int describe(struct svc_client *client, const char *address, struct b_cancel *cancel)
{
    char text[512];
    struct b_err err;
    if (svc_client_describe(client, text, sizeof text, cancel, &err) != B_OK) {
        svc_print_error(address, 0, &err);
        return SVC_EXIT_FAILED;
    }
    puts(text);
    return SVC_EXIT_OK;
}

/* Texts out of files that requests borrow. */
struct texts {
    char *token, *password, *schema;
};

static enum b_code read_schema(const char *path, char **out, struct b_err *err)
{
    struct b_bytes bytes;
    const enum b_code code = b_bytes_map(path, (uint64_t)1 << 20, &bytes, err);
    *out = NULL;
    if (code != B_OK)
        return code;
    *out = strndup((const char *)bytes.data, bytes.size);
    b_bytes_close(&bytes);
    return *out ? B_OK : b_fail(err, B_NO_MEMORY, "call", "out of memory");
}

static enum b_code read_texts(struct svc_call_options *o, struct texts *texts, struct b_err *err)
{
    enum b_code code = o->token_file ? svc_read_first_line(o->token_file, &texts->token, err) : B_OK;
    if (code == B_OK && o->password_file)
        code = svc_read_first_line(o->password_file, &texts->password, err);
    if (code == B_OK && o->schema_file)
        code = read_schema(o->schema_file, &texts->schema, err);
    o->client.token = texts->token;
    o->params.password = texts->password;
    if (texts->schema)
        o->params.text = texts->schema;
    return code == B_OK && o->out_dir ? b_make_dirs(o->out_dir, err) : code;
}

int svc_cmd_call(int argc, char **argv, struct b_cancel *cancel)
{
    struct svc_call_options o;
    struct svc_client *client = NULL;
    struct texts texts = {NULL, NULL, NULL};
    struct b_err err;
    int status = svc_call_options_parse(argc, argv, &o);
    if (status >= 0)
        return status;
    enum b_code code = read_texts(&o, &texts, &err);
    if (code == B_OK)
        code = svc_client_new(&o.client, &client, &err);
    if (code != B_OK) {
        svc_print_error("call", 0, &err);
        status = SVC_EXIT_SETUP;
    } else {
        status =
            o.method == SVC_CALL_DESCRIBE ? describe(client, o.client.address, cancel) : call_all(client, &o, cancel);
    }
    svc_client_drop(client);
    free(texts.token);
    free(texts.password);
    free(texts.schema);
    return status;
}
