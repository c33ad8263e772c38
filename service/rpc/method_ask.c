/* SPDX-License-Identifier: Apache-2.0 */
/* Ask, AskStream, Extract and Locate. The poller checks the request and puts it into the large model's queue; a thread
 * of the model answers. All four requests become one struct question, so that checking and running are the same. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "service/rpc/ask_run.h"
#include "service/rpc/request.h"
#include "service/rpc/wire.h"

#define DOMAIN "ask"
#define MESSAGE_MAX ((size_t)64 << 20)
#define RANGES_MAX 1000
#define EVENT_MAX ((size_t)64 << 20)
#define SILENCE_NS 5000000000LL /* a heartbeat after this long without an event */

/* A request of any of the methods. Borrows from its arena. */
struct question {
    struct b_arena *arena;
    struct svc_ask_input input;
    const char *given, *field; /* question, schema or phrase, and the request field it came in */
    size_t given_max;
    Docparse__V1__Priority priority;
    Docparse__V1__PageRange page, *page_list[1]; /* Locate's page */
    atomic_llong last_event_ns;
    atomic_bool queued;
};

static void drop_question(void *p)
{
    struct question *q = p;
    b_arena_drop(q->arena);
    free(q);
}

static void begin(struct svc_call *call)
{
    struct b_err err;
    struct question *q = NULL;
    if (!svc_server_options(svc_call_server(call))->large_model) {
        svc_request_no_large_model(call, NULL, "which answers no questions");
        return;
    }
    q = calloc(1, sizeof *q);
    if (!q) {
        (void)b_fail(&err, B_NO_MEMORY, DOMAIN, "out of memory");
        svc_call_finish(call, &err);
        return;
    }
    atomic_init(&q->last_event_ns, b_now_ns());
    atomic_init(&q->queued, false);
    svc_call_set_state(call, q);
}

static enum b_code check_pages(const struct svc_ask_input *input, struct b_err *err)
{
    if (input->n_pages > RANGES_MAX)
        return b_fail(err, B_ARGUMENT, DOMAIN, "%zu page ranges, at most %d are taken", input->n_pages, RANGES_MAX);
    for (size_t i = 0; i < input->n_pages; i++)
        if (input->pages[i]->first < 1 ||
            (input->pages[i]->last != 0 && input->pages[i]->last < input->pages[i]->first))
            return b_fail(err, B_ARGUMENT, DOMAIN,
                          "page range %d-%d: pages count from 1, the last is not before the first",
                          input->pages[i]->first, input->pages[i]->last);
    return B_OK;
}

static enum b_code check(const struct question *q, const char **field, struct b_err *err)
{
    *field = "content";
    if (q->input.size == 0)
        return b_fail(err, B_ARGUMENT, DOMAIN, "there is no document in the request");
    *field = q->field;
    if (!q->given[0])
        return b_fail(err, B_ARGUMENT, DOMAIN, "the field %s is empty", q->field);
    if (strlen(q->given) > q->given_max)
        return b_fail(err, B_ARGUMENT, DOMAIN, "the field %s has %zu bytes, at most %zu are taken", q->field,
                      strlen(q->given), q->given_max);
    *field = "max_tokens";
    if (q->input.max_tokens < 0 || q->input.max_tokens > SVC_ASK_TOKENS_MAX)
        return b_fail(err, B_ARGUMENT, DOMAIN, "max_tokens is %d; it may be 0 (default) to %d", q->input.max_tokens,
                      SVC_ASK_TOKENS_MAX);
    *field = "pages";
    return check_pages(&q->input, err);
}

/* The request has been unpacked into q: checks it and queues the call. */
static void enqueue(struct svc_call *call, struct question *q)
{
    struct b_err err;
    const char *field = NULL;
    if (check(q, &field, &err) != B_OK) {
        svc_request_refuse(call, field, &err);
        return;
    }
    if (q->priority == DOCPARSE__V1__PRIORITY__PRIORITY_BULK)
        svc_call_ticket(call)->class = SVC_BULK;
    atomic_store(&q->queued, true);
    svc_call_enqueue(call);
}

static const void *unpack(struct svc_call *call, const ProtobufCMessageDescriptor *type, const uint8_t *data,
                          size_t size)
{
    struct question *q = svc_call_state(call);
    return svc_request_hold(call, size) ? svc_request_unpack(call, type, data, size, &q->arena) : NULL;
}

static void half_closed(struct svc_call *call)
{
    const struct question *q = svc_call_state(call);
    struct b_err err;
    if (q->given)
        return;
    (void)b_fail(&err, B_ARGUMENT, DOMAIN, "the call ended without a request");
    svc_call_finish(call, &err);
}

/* An answer that had to be JSON and is not: cut, or not what was asked. */
static void finish_cut(struct svc_call *call, const struct svc_ask_result *result, const struct b_err *problem)
{
    struct b_err err = *problem;
    if (result->answer.complete) {
        svc_call_finish_with(call, SVC_GRPC_INTERNAL, &err,
                             &(struct svc_end){.reason = "ANSWER_FORMAT", .retry_ms = -1});
        return;
    }
    (void)b_fail(&err, B_LIMIT, DOMAIN, "the answer was cut before it was whole");
    b_advise(&err, "ask for more tokens with max_tokens, or for less");
    svc_call_finish_with(call, SVC_GRPC_INVALID_ARGUMENT, &err,
                         &(struct svc_end){.reason = "ANSWER_CUT", .field = "max_tokens", .retry_ms = -1});
}

static void fill_question(struct question *q, const char *field, const char *given, size_t given_max)
{
    q->field = field;
    q->given = given;
    q->given_max = given_max;
}

/* --- Ask, AskStream --- */

static void ask_message(struct svc_call *call, const uint8_t *data, size_t size)
{
    struct question *q = svc_call_state(call);
    const Docparse__V1__AskRequest *r = unpack(call, &docparse__v1__ask_request__descriptor, data, size);
    if (!r)
        return;
    fill_question(q, "question", r->question, SVC_ASK_TEXT_MAX);
    q->priority = r->priority;
    q->input = (struct svc_ask_input){.client = svc_call_client(call),
                                      .name = r->name,
                                      .password = r->password,
                                      .data = r->content.data,
                                      .size = r->content.len,
                                      .pages = r->pages,
                                      .n_pages = r->n_pages,
                                      .text = r->question,
                                      .max_tokens = r->max_tokens,
                                      .keep_tokens = r->tokens};
    enqueue(call, q);
}

static void fill_answer(const struct svc_ask_result *result, Docparse__V1__AskResponse *m)
{
    docparse__v1__ask_response__init(m);
    m->answer = svc_borrow(result->answer.text.data);
    m->confidence = result->answer.confidence;
    m->complete = result->answer.complete;
    m->n_tokens = result->n_tokens;
    m->tokens = result->tokens;
}

static void ask_work(struct svc_call *call, struct svc_worker *worker)
{
    const struct question *q = svc_call_state(call);
    struct svc_ask_result result = {0};
    struct b_err err = {0};
    if (svc_ask_run(worker, &q->input, svc_call_cancel(call), &result, &err) == B_OK) {
        Docparse__V1__AskResponse message;
        fill_answer(&result, &message);
        svc_request_reply(call, &message.base, true);
    } else {
        svc_call_finish(call, &err);
    }
    svc_ask_result_free(&result);
}

static bool send_event(struct svc_call *call, const Docparse__V1__AskEvent *event, bool may_wait)
{
    struct question *q = svc_call_state(call);
    struct b_buf buf;
    b_buf_init(&buf, EVENT_MAX);
    atomic_store(&q->last_event_ns, b_now_ns());
    const bool sent = svc_wire_pack(&buf, &event->base, NULL) == B_OK && svc_call_send(call, &buf, may_wait);
    b_buf_free(&buf);
    return sent;
}

static bool stream_token(void *ctx, const Docparse__V1__Token *token)
{
    Docparse__V1__AskEvent event = DOCPARSE__V1__ASK_EVENT__INIT;
    Docparse__V1__Token copy = *token;
    event.event_case = DOCPARSE__V1__ASK_EVENT__EVENT_TOKEN;
    event.token = &copy;
    return send_event(ctx, &event, true);
}

static void stream_work(struct svc_call *call, struct svc_worker *worker)
{
    const struct question *q = svc_call_state(call);
    struct svc_ask_input input = q->input;
    struct svc_ask_result result = {0};
    struct b_err err = {0};
    input.on_token = stream_token;
    input.ctx = call;
    enum b_code code = svc_ask_run(worker, &input, svc_call_cancel(call), &result, &err);
    if (code == B_OK) {
        Docparse__V1__AskResponse message;
        Docparse__V1__AskEvent event = DOCPARSE__V1__ASK_EVENT__INIT;
        fill_answer(&result, &message);
        event.event_case = DOCPARSE__V1__ASK_EVENT__EVENT_FINISHED;
        event.finished = &message;
        if (!send_event(call, &event, true))
            code = b_fail(&err, B_CANCELLED, DOMAIN, "the client left");
    }
    svc_call_finish(call, code == B_OK ? NULL : &err);
    svc_ask_result_free(&result);
}

static void stream_tick(struct svc_call *call, int64_t now_ns)
{
    struct question *q = svc_call_state(call);
    if (!q || !atomic_load(&q->queued) || now_ns - atomic_load(&q->last_event_ns) < SILENCE_NS || !svc_call_idle(call))
        return;
    Docparse__V1__Heartbeat beat = DOCPARSE__V1__HEARTBEAT__INIT;
    Docparse__V1__AskEvent event = DOCPARSE__V1__ASK_EVENT__INIT;
    beat.queue_position = svc_admission_position(svc_server_admission(svc_call_server(call)), svc_call_ticket(call));
    event.event_case = DOCPARSE__V1__ASK_EVENT__EVENT_HEARTBEAT;
    event.heartbeat = &beat;
    (void)send_event(call, &event, false);
}

/* --- Extract --- */

static void extract_message(struct svc_call *call, const uint8_t *data, size_t size)
{
    struct question *q = svc_call_state(call);
    const Docparse__V1__ExtractRequest *r = unpack(call, &docparse__v1__extract_request__descriptor, data, size);
    if (!r)
        return;
    fill_question(q, "json_schema", r->json_schema, SVC_ASK_SCHEMA_MAX);
    q->priority = r->priority;
    q->input = (struct svc_ask_input){.client = svc_call_client(call),
                                      .name = r->name,
                                      .password = r->password,
                                      .data = r->content.data,
                                      .size = r->content.len,
                                      .pages = r->pages,
                                      .n_pages = r->n_pages,
                                      .max_tokens = r->max_tokens,
                                      .keep_tokens = r->tokens};
    enqueue(call, q);
}

/* The schema without white space, so that the model is asked the same however it was written; free it. */
static enum b_code compact_schema(const char *text, char **out, struct b_err *err)
{
    json_error_t where;
    json_t *schema = json_loads(text, JSON_REJECT_DUPLICATES, &where);
    *out = NULL;
    if (!json_is_object(schema)) {
        json_decref(schema);
        return b_fail(err, B_FORMAT, DOMAIN, "json_schema is no JSON object: %s (line %d)", where.text, where.line);
    }
    *out = json_dumps(schema, JSON_COMPACT | JSON_PRESERVE_ORDER);
    json_decref(schema);
    return *out ? B_OK : b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
}

static void reply_extracted(struct svc_call *call, const struct svc_ask_result *result, const char *warning)
{
    Docparse__V1__ExtractResponse message = DOCPARSE__V1__EXTRACT_RESPONSE__INIT;
    const struct dp_answer *a = &result->answer;
    struct b_err err = {0};
    size_t size = 0;
    const char *text = dp_answer_json(a->text.data, a->text.len, &size);
    json_t *value = text ? json_loadb(text, size, 0, NULL) : NULL;
    char *copy = value ? strndup(text, size) : NULL;
    if (!copy) {
        (void)b_fail(&err, B_FORMAT, DOMAIN, "the model's answer holds no JSON");
        finish_cut(call, result, &err);
    } else {
        message.json = copy;
        message.confidence = a->confidence;
        message.held = !warning;
        message.warning = svc_borrow(warning);
        message.n_tokens = result->n_tokens;
        message.tokens = result->tokens;
        svc_request_reply(call, &message.base, true);
    }
    free(copy);
    json_decref(value);
}

static void extract_work(struct svc_call *call, struct svc_worker *worker)
{
    const struct question *q = svc_call_state(call);
    struct svc_ask_input input = q->input;
    struct svc_ask_result result = {0};
    struct b_err err = {0}, warning = {0};
    struct b_buf text;
    char *schema = NULL;
    b_buf_init(&text, SVC_ASK_SCHEMA_MAX + 4096);
    enum b_code code = compact_schema(q->given, &schema, &err);
    if (code == B_OK)
        code = dp_ask_holds(schema, &err);
    if (code != B_OK && code != B_UNSUPPORTED) {
        svc_request_refuse(call, q->field, &err);
    } else {
        if (code == B_UNSUPPORTED)
            warning = err;
        input.schema = code == B_OK ? schema : NULL;
        code = dp_ask_extract_text(schema, &text, &err);
        input.text = text.data;
        if (code == B_OK)
            code = svc_ask_run(worker, &input, svc_call_cancel(call), &result, &err);
        if (code == B_OK)
            reply_extracted(call, &result, warning.message[0] ? warning.message : NULL);
        else
            svc_call_finish(call, &err);
    }
    svc_ask_result_free(&result);
    b_buf_free(&text);
    free(schema);
}

/* --- Locate --- */

static void locate_message(struct svc_call *call, const uint8_t *data, size_t size)
{
    struct question *q = svc_call_state(call);
    const Docparse__V1__LocateRequest *r = unpack(call, &docparse__v1__locate_request__descriptor, data, size);
    if (!r)
        return;
    fill_question(q, "phrase", r->phrase, SVC_ASK_TEXT_MAX);
    q->priority = r->priority;
    docparse__v1__page_range__init(&q->page);
    q->page.first = q->page.last = r->page ? r->page : 1;
    q->page_list[0] = &q->page;
    q->input = (struct svc_ask_input){.client = svc_call_client(call),
                                      .name = r->name,
                                      .password = r->password,
                                      .data = r->content.data,
                                      .size = r->content.len,
                                      .pages = q->page_list,
                                      .n_pages = 1,
                                      .schema = dp_ask_locate_schema,
                                      .max_tokens = r->max_tokens,
                                      .keep_tokens = r->tokens};
    enqueue(call, q);
}

static void locate_work(struct svc_call *call, struct svc_worker *worker)
{
    const struct question *q = svc_call_state(call);
    struct svc_ask_input input = q->input;
    struct svc_ask_result result = {0};
    Docparse__V1__LocateResponse message = DOCPARSE__V1__LOCATE_RESPONSE__INIT;
    struct b_err err = {0};
    struct b_buf text;
    b_buf_init(&text, SVC_ASK_TEXT_MAX + 4096);
    enum b_code code = dp_ask_locate_text(q->given, &text, &err);
    input.text = text.data;
    if (code == B_OK)
        code = svc_ask_run(worker, &input, svc_call_cancel(call), &result, &err);
    if (code != B_OK) {
        svc_call_finish(call, &err);
    } else if (svc_ask_places(&result, q->page.first, result.arena, &message.locations, &message.n_locations, &err) !=
               B_OK) {
        finish_cut(call, &result, &err);
    } else {
        message.confidence = result.answer.confidence;
        message.width = result.width;
        message.height = result.height;
        message.n_tokens = result.n_tokens;
        message.tokens = result.tokens;
        svc_request_reply(call, &message.base, true);
    }
    svc_ask_result_free(&result);
    b_buf_free(&text);
}

#define ASK_METHOD(name, take, answer)                                                                                 \
    .path = "/docparse.v1.DocumentParser/" name, .max_message = MESSAGE_MAX, .costly = true, .kind = SVC_MODEL,        \
    .begin = begin, .message = take, .half_closed = half_closed, .work = answer, .drop = drop_question

const struct svc_method svc_ask = {ASK_METHOD("Ask", ask_message, ask_work)};
const struct svc_method svc_ask_stream = {ASK_METHOD("AskStream", ask_message, stream_work), .tick = stream_tick};
const struct svc_method svc_extract = {ASK_METHOD("Extract", extract_message, extract_work)};
const struct svc_method svc_locate = {ASK_METHOD("Locate", locate_message, locate_work)};
