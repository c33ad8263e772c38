/* SPDX-License-Identifier: Apache-2.0 */
/* Every method of the service as the client calls it: a row says how its request is packed and how its answers are
 * understood; one function runs them all. */
#include <grpc/slice.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "docparse/document.h"
#include "docparse/v1/jobs.pb-c.h"
#include "grpc/health/v1/health.pb-c.h"
#include "service/rpc/client_private.h"
#include "service/rpc/message_json.h"
#include "service/rpc/wire.h"

#define DOMAIN "client"
#define CHUNK ((size_t)512 << 10)
#define REQUEST_MAX ((size_t)1 << 31)
#define FORMATS_MAX 16
#define PARSER "/docparse.v1.DocumentParser/"
#define JOBS "/docparse.v1.Jobs/"
#define HEALTH "/grpc.health.v1.Health/"

typedef enum b_code pack_fn(const struct svc_client_params *p, struct b_buf *out, struct b_err *err);

/* What an answer says besides its JSON; renders formats into events. */
struct reading {
    const struct svc_client_events *events;
    int32_t done, to_read;
};
typedef enum b_code read_fn(struct reading *r, const ProtobufCMessage *message, struct svc_client_answer *a,
                            struct b_err *err);

/* --- requests --- */

/* A generated pointer that is not const; packing only reads. */
static uint8_t *bytes_of(const void *data)
{
    union {
        const void *in;
        uint8_t *out;
    } u = {.in = data};
    return u.out;
}

struct packed_options {
    Docparse__V1__ParseOptions options;
    Docparse__V1__OutputOptions output;
    Docparse__V1__PageRange range, *ranges[1];
    char *formats[FORMATS_MAX];
};

static size_t fill_range(const struct svc_client_params *p, Docparse__V1__PageRange *range)
{
    docparse__v1__page_range__init(range);
    range->first = p->first_page;
    range->last = p->last_page;
    return p->first_page > 0;
}

static Docparse__V1__Priority priority_of(const struct svc_client_params *p)
{
    return p->bulk ? DOCPARSE__V1__PRIORITY__PRIORITY_BULK : DOCPARSE__V1__PRIORITY__PRIORITY_UNSPECIFIED;
}

static void fill_options(const struct svc_client_params *p, struct packed_options *o)
{
    docparse__v1__parse_options__init(&o->options);
    docparse__v1__output_options__init(&o->output);
    for (size_t i = 0; i < p->n_formats && i < FORMATS_MAX; i++)
        o->formats[o->output.n_formats++] = svc_borrow(p->formats[i]);
    o->output.formats = o->formats;
    o->output.omit_words = o->output.omit_lines = !p->typed;
    o->ranges[0] = &o->range;
    o->options.n_pages = fill_range(p, &o->range);
    o->options.pages = o->ranges;
    o->options.output = &o->output;
    o->options.password = svc_borrow(p->password);
    o->options.text_layer = (Docparse__V1__TextLayerUse)p->text_layer;
    o->options.reader = (Docparse__V1__Reader)p->reader;
    o->options.priority = priority_of(p);
}

static void fill_request(const struct svc_client_params *p, struct packed_options *o, Docparse__V1__ParseRequest *r)
{
    docparse__v1__parse_request__init(r);
    fill_options(p, o);
    r->name = svc_borrow(p->name);
    r->content.data = bytes_of(p->data);
    r->content.len = p->size;
    r->options = &o->options;
}

static enum b_code pack_stream_header(const struct svc_client_params *p, struct b_buf *out, struct b_err *err)
{
    struct packed_options o;
    Docparse__V1__ParseHeader header = DOCPARSE__V1__PARSE_HEADER__INIT;
    Docparse__V1__ParseChunk chunk = DOCPARSE__V1__PARSE_CHUNK__INIT;
    fill_options(p, &o);
    header.name = svc_borrow(p->name);
    header.size = p->size;
    header.options = &o.options;
    chunk.part_case = DOCPARSE__V1__PARSE_CHUNK__PART_HEADER;
    chunk.header = &header;
    return svc_wire_pack(out, &chunk.base, err);
}

static enum b_code pack_parse(const struct svc_client_params *p, struct b_buf *out, struct b_err *err)
{
    struct packed_options o;
    Docparse__V1__ParseRequest r;
    fill_request(p, &o, &r);
    o.output.omit_document = !p->typed;
    return svc_wire_pack(out, &r.base, err);
}

#define FILL_QUESTION(r, p, given)                                                                                     \
    do {                                                                                                               \
        (r).name = svc_borrow((p)->name);                                                                              \
        (r).content.data = bytes_of((p)->data);                                                                        \
        (r).content.len = (p)->size;                                                                                   \
        (r).given = svc_borrow((p)->text);                                                                             \
        (r).password = svc_borrow((p)->password);                                                                      \
        (r).max_tokens = (p)->max_tokens;                                                                              \
        (r).tokens = (p)->tokens;                                                                                      \
        (r).priority = priority_of(p);                                                                                 \
    } while (0)

static enum b_code pack_ask(const struct svc_client_params *p, struct b_buf *out, struct b_err *err)
{
    Docparse__V1__AskRequest r = DOCPARSE__V1__ASK_REQUEST__INIT;
    Docparse__V1__PageRange range, *ranges[1] = {&range};
    FILL_QUESTION(r, p, question);
    r.n_pages = fill_range(p, &range);
    r.pages = ranges;
    return svc_wire_pack(out, &r.base, err);
}

static enum b_code pack_extract(const struct svc_client_params *p, struct b_buf *out, struct b_err *err)
{
    Docparse__V1__ExtractRequest r = DOCPARSE__V1__EXTRACT_REQUEST__INIT;
    Docparse__V1__PageRange range, *ranges[1] = {&range};
    FILL_QUESTION(r, p, json_schema);
    r.n_pages = fill_range(p, &range);
    r.pages = ranges;
    return svc_wire_pack(out, &r.base, err);
}

static enum b_code pack_locate(const struct svc_client_params *p, struct b_buf *out, struct b_err *err)
{
    Docparse__V1__LocateRequest r = DOCPARSE__V1__LOCATE_REQUEST__INIT;
    FILL_QUESTION(r, p, phrase);
    r.page = p->first_page;
    return svc_wire_pack(out, &r.base, err);
}

static enum b_code pack_nothing(const struct svc_client_params *p, struct b_buf *out, struct b_err *err)
{
    (void)p;
    return b_buf_check(out, DOMAIN, err);
}

static enum b_code pack_submit(const struct svc_client_params *p, struct b_buf *out, struct b_err *err)
{
    struct packed_options o;
    Docparse__V1__ParseRequest r;
    Docparse__V1__SubmitJobRequest submit = DOCPARSE__V1__SUBMIT_JOB_REQUEST__INIT;
    fill_request(p, &o, &r);
    submit.idempotency_key = svc_borrow(p->key);
    submit.request = &r;
    return svc_wire_pack(out, &submit.base, err);
}

static enum b_code pack_get(const struct svc_client_params *p, struct b_buf *out, struct b_err *err)
{
    Docparse__V1__GetJobRequest r = DOCPARSE__V1__GET_JOB_REQUEST__INIT;
    r.id = svc_borrow(p->id);
    r.include_result = p->result;
    return svc_wire_pack(out, &r.base, err);
}

/* CancelJob, WatchJob and the health of a service: one text, field 1. */
static enum b_code pack_id(const struct svc_client_params *p, struct b_buf *out, struct b_err *err)
{
    const char *id = p->id ? p->id : "";
    svc_wire_bytes(out, 1, id, strlen(id));
    return b_buf_check(out, DOMAIN, err);
}

static enum b_code pack_list(const struct svc_client_params *p, struct b_buf *out, struct b_err *err)
{
    Docparse__V1__ListJobsRequest r = DOCPARSE__V1__LIST_JOBS_REQUEST__INIT;
    r.state = (Docparse__V1__JobState)p->state;
    r.page_size = p->page_size;
    r.page_token = svc_borrow(p->page_token);
    return svc_wire_pack(out, &r.base, err);
}

/* --- answers --- */

static int status_of(Docparse__V1__Status status)
{
    switch (status) {
    case DOCPARSE__V1__STATUS__STATUS_OK:
        return DP_STATUS_OK;
    case DOCPARSE__V1__STATUS__STATUS_PARTIAL:
        return DP_STATUS_PARTIAL;
    case DOCPARSE__V1__STATUS__STATUS_FAILED:
        return DP_STATUS_FAILED;
    default:
        return -1;
    }
}

static enum b_code hand_out(const struct reading *r, Docparse__V1__Rendered *const *rendered, size_t n,
                            struct b_err *err)
{
    enum b_code code = B_OK;
    for (size_t i = 0; i < n && r->events->rendered && code == B_OK; i++)
        code = r->events->rendered(r->events->ctx, rendered[i]->format, rendered[i]->content.data,
                                   rendered[i]->content.len, err);
    return code;
}

static enum b_code read_event(struct reading *r, const ProtobufCMessage *m, struct svc_client_answer *a,
                              struct b_err *err)
{
    const Docparse__V1__ParseEvent *e = (const Docparse__V1__ParseEvent *)(const void *)m;
    enum b_code code = B_OK;
    if (e->event_case == DOCPARSE__V1__PARSE_EVENT__EVENT_OPENED) {
        r->to_read = e->opened->pages_to_read;
    } else if (e->event_case == DOCPARSE__V1__PARSE_EVENT__EVENT_PAGE) {
        r->done++;
    } else if (e->event_case == DOCPARSE__V1__PARSE_EVENT__EVENT_HEARTBEAT) {
        a->queue_position = e->heartbeat->queue_position;
    } else if (e->event_case == DOCPARSE__V1__PARSE_EVENT__EVENT_FINISHED) {
        a->last = true;
        a->status = status_of(e->finished->status);
        a->fine = a->status == DP_STATUS_OK;
        code = hand_out(r, e->finished->rendered, e->finished->n_rendered, err);
    }
    a->pages_done = r->done;
    a->pages_to_read = r->to_read;
    return code;
}

static enum b_code read_parsed(struct reading *r, const ProtobufCMessage *m, struct svc_client_answer *a,
                               struct b_err *err)
{
    const Docparse__V1__ParseResponse *p = (const Docparse__V1__ParseResponse *)(const void *)m;
    /* without the typed document nobody says how it went: the call itself went well */
    a->status = p->document ? status_of(p->document->status) : DP_STATUS_OK;
    a->fine = a->status == DP_STATUS_OK;
    return hand_out(r, p->rendered, p->n_rendered, err);
}

static void take_answer(const Docparse__V1__AskResponse *r, struct svc_client_answer *a)
{
    a->last = true;
    a->text = r->answer;
    a->fine = r->complete;
}

static enum b_code read_answer(struct reading *r, const ProtobufCMessage *m, struct svc_client_answer *a,
                               struct b_err *err)
{
    (void)r;
    (void)err;
    take_answer((const Docparse__V1__AskResponse *)(const void *)m, a);
    return B_OK;
}

static enum b_code read_ask_event(struct reading *r, const ProtobufCMessage *m, struct svc_client_answer *a,
                                  struct b_err *err)
{
    const Docparse__V1__AskEvent *e = (const Docparse__V1__AskEvent *)(const void *)m;
    (void)r;
    (void)err;
    if (e->event_case == DOCPARSE__V1__ASK_EVENT__EVENT_TOKEN) {
        a->piece = true;
        a->text = e->token->text;
    } else if (e->event_case == DOCPARSE__V1__ASK_EVENT__EVENT_HEARTBEAT) {
        a->queue_position = e->heartbeat->queue_position;
    } else if (e->event_case == DOCPARSE__V1__ASK_EVENT__EVENT_FINISHED) {
        take_answer(e->finished, a);
    }
    return B_OK;
}

static void take_job(const Docparse__V1__Job *job, struct svc_client_answer *a)
{
    a->fine = job->state != DOCPARSE__V1__JOB_STATE__JOB_STATE_FAILED &&
              job->state != DOCPARSE__V1__JOB_STATE__JOB_STATE_CANCELLED;
    a->status = status_of(job->status);
    a->pages_done = job->pages_done;
    a->pages_to_read = job->pages_to_read;
}

static enum b_code read_job(struct reading *r, const ProtobufCMessage *m, struct svc_client_answer *a,
                            struct b_err *err)
{
    (void)r;
    (void)err;
    take_job((const Docparse__V1__Job *)(const void *)m, a);
    return B_OK;
}

static enum b_code read_cancelled(struct reading *r, const ProtobufCMessage *m, struct svc_client_answer *a,
                                  struct b_err *err)
{
    enum b_code code = read_job(r, m, a, err);
    a->fine = true; /* that is what was wanted */
    return code;
}

static enum b_code read_got(struct reading *r, const ProtobufCMessage *m, struct svc_client_answer *a,
                            struct b_err *err)
{
    const Docparse__V1__GetJobResponse *g = (const Docparse__V1__GetJobResponse *)(const void *)m;
    if (g->job)
        take_job(g->job, a);
    return g->result ? hand_out(r, g->result->rendered, g->result->n_rendered, err) : B_OK;
}

static enum b_code read_health(struct reading *r, const ProtobufCMessage *m, struct svc_client_answer *a,
                               struct b_err *err)
{
    const Grpc__Health__V1__HealthCheckResponse *h = (const Grpc__Health__V1__HealthCheckResponse *)(const void *)m;
    (void)r;
    (void)err;
    a->fine = h->status == GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
    return B_OK;
}

/* --- the methods --- */

enum takes { NOTHING, DOCUMENT = 1, TEXT = 2, JOB = 4 };

static const struct method {
    const char *name, *path;
    unsigned takes;
    pack_fn *pack;
    const ProtobufCMessageDescriptor *answer;
    read_fn *read; /* NULL: there is nothing but its JSON */
} methods[SVC_CALL_METHODS] = {
    [SVC_CALL_PARSE_STREAM] = {"ParseStream", PARSER "ParseStream", DOCUMENT, pack_stream_header,
                               &docparse__v1__parse_event__descriptor, read_event},
    [SVC_CALL_PARSE_DOCUMENT] = {"ParseDocument", PARSER "ParseDocument", DOCUMENT, pack_parse,
                                 &docparse__v1__parse_response__descriptor, read_parsed},
    [SVC_CALL_ASK] = {"Ask", PARSER "Ask", DOCUMENT | TEXT, pack_ask, &docparse__v1__ask_response__descriptor,
                      read_answer},
    [SVC_CALL_ASK_STREAM] = {"AskStream", PARSER "AskStream", DOCUMENT | TEXT, pack_ask,
                             &docparse__v1__ask_event__descriptor, read_ask_event},
    [SVC_CALL_EXTRACT] = {"Extract", PARSER "Extract", DOCUMENT | TEXT, pack_extract,
                          &docparse__v1__extract_response__descriptor, NULL},
    [SVC_CALL_LOCATE] = {"Locate", PARSER "Locate", DOCUMENT | TEXT, pack_locate,
                         &docparse__v1__locate_response__descriptor, NULL},
    [SVC_CALL_SERVER_INFO] = {"GetServerInfo", PARSER "GetServerInfo", NOTHING, pack_nothing,
                              &docparse__v1__server_info__descriptor, NULL},
    [SVC_CALL_CAPACITY] = {"GetCapacity", PARSER "GetCapacity", NOTHING, pack_nothing,
                           &docparse__v1__capacity__descriptor, NULL},
    [SVC_CALL_SUBMIT_JOB] = {"SubmitJob", JOBS "SubmitJob", DOCUMENT, pack_submit, &docparse__v1__job__descriptor,
                             read_job},
    [SVC_CALL_GET_JOB] = {"GetJob", JOBS "GetJob", JOB, pack_get, &docparse__v1__get_job_response__descriptor,
                          read_got},
    [SVC_CALL_LIST_JOBS] = {"ListJobs", JOBS "ListJobs", NOTHING, pack_list,
                            &docparse__v1__list_jobs_response__descriptor, NULL},
    [SVC_CALL_CANCEL_JOB] = {"CancelJob", JOBS "CancelJob", JOB, pack_id, &docparse__v1__job__descriptor,
                             read_cancelled},
    [SVC_CALL_WATCH_JOB] = {"WatchJob", JOBS "WatchJob", JOB, pack_id, &docparse__v1__job__descriptor, read_job},
    [SVC_CALL_HEALTH] = {"Check", HEALTH "Check", NOTHING, pack_id,
                         &grpc__health__v1__health_check_response__descriptor, read_health},
    [SVC_CALL_HEALTH_WATCH] = {"Watch", HEALTH "Watch", NOTHING, pack_id,
                               &grpc__health__v1__health_check_response__descriptor, read_health},
};

const char *svc_client_method_name(enum svc_client_method method)
{
    return method < SVC_CALL_METHODS ? methods[method].name : NULL;
}

bool svc_client_takes_document(enum svc_client_method method)
{
    return methods[method].takes & DOCUMENT;
}

bool svc_client_takes_job(enum svc_client_method method)
{
    return methods[method].takes & JOB;
}

bool svc_client_takes_text(enum svc_client_method method)
{
    return methods[method].takes & TEXT;
}

/* --- calls --- */

struct one_call {
    struct svc_client *client;
    const struct method *method;
    const struct svc_client_params *params;
    const struct svc_client_events *events;
    struct b_cancel *cancel;
};

/* ParseStream's document follows its header. A refused send means that the server has ended the call: its status says
 * why. */
static enum b_code send_chunks(struct svc_stream *s, const struct svc_client_params *p, struct b_err *err)
{
    enum b_code code = B_OK;
    struct b_buf buf;
    b_buf_init(&buf, CHUNK + 64);
    for (size_t at = 0; at < p->size && code == B_OK && !s->ended; at += CHUNK) {
        const size_t n = p->size - at < CHUNK ? p->size - at : CHUNK;
        b_buf_clear(&buf);
        svc_wire_bytes(&buf, DOCPARSE__V1__PARSE_CHUNK__PART_DATA, (const char *)p->data + at, n);
        code = b_buf_check(&buf, DOMAIN, err);
        if (code == B_OK && !svc_stream_send(s, buf.data, buf.len))
            break;
    }
    b_buf_free(&buf);
    return code;
}

static enum b_code send_request(struct svc_stream *s, const struct one_call *c, struct b_err *err)
{
    struct b_buf buf;
    b_buf_init(&buf, REQUEST_MAX);
    enum b_code code = c->method->pack(c->params, &buf, err);
    bool open = code == B_OK && svc_stream_send(s, buf.data ? buf.data : "", buf.len);
    b_buf_free(&buf);
    if (open && c->method->pack == pack_stream_header)
        code = send_chunks(s, c->params, err);
    if (code == B_OK)
        svc_stream_half_close(s);
    return code;
}

static enum b_code take_message(const struct one_call *c, struct reading *r, grpc_slice message, struct b_err *err)
{
    struct svc_client_answer a = {
        .text = "", .status = -1, .fine = true, .pages_done = -1, .pages_to_read = -1, .queue_position = -1};
    struct b_arena *arena = NULL;
    ProtobufCMessage *m = NULL;
    char *json = NULL;
    enum b_code code = svc_stream_unpack(message, c->method->answer, &arena, &m, err);
    if (code == B_OK && c->method->read)
        code = c->method->read(r, m, &a, err);
    if (code == B_OK && c->events->json)
        code = svc_message_json(m, &json, err);
    a.json = json;
    if (code == B_OK && c->events->take)
        code = c->events->take(c->events->ctx, &a, err);
    free(json);
    b_arena_drop(arena);
    return code;
}

static enum b_code call_once(void *ctx, struct svc_try *attempt, struct b_err *err)
{
    const struct one_call *c = ctx;
    struct reading r = {.events = c->events};
    struct svc_stream s;
    grpc_slice message;
    bool heard = false;
    svc_stream_open(c->client, c->method->path, attempt, c->cancel, &s);
    enum b_code code = send_request(&s, c, err);
    while (code == B_OK && svc_stream_receive(&s, &message)) {
        heard = true;
        /* Documents are read again from the start; what was handed out of an answer cannot be taken back. */
        attempt->delivered = attempt->delivered || c->events->json || c->method->read != read_event;
        code = take_message(c, &r, message, err);
        grpc_slice_unref(message);
    }
    code = svc_stream_close(&s, code, attempt, err);
    return code == B_OK && !heard ? b_fail(err, B_IO, DOMAIN, "the server gave no answer") : code;
}

enum b_code svc_client_call(struct svc_client *client, enum svc_client_method method,
                            const struct svc_client_params *params, const struct svc_client_events *events,
                            struct b_cancel *cancel, struct b_err *err)
{
    struct svc_client_params p = *params;
    char key[40];
    uint64_t bits[2];
    if (method == SVC_CALL_SUBMIT_JOB && !p.key) {
        /* so that a repeated try makes no second job */
        if (getrandom(bits, sizeof bits, 0) != (ssize_t)sizeof bits)
            return b_fail(err, B_IO, DOMAIN, "the system gives no random bytes");
        (void)snprintf(key, sizeof key, "%016llx%016llx", (unsigned long long)bits[0], (unsigned long long)bits[1]);
        p.key = key;
    }
    struct one_call c = {
        .client = client, .method = &methods[method], .params = &p, .events = events, .cancel = cancel};
    return svc_client_try(client, call_once, &c, cancel, err);
}
