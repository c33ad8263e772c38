/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_RPC_CLIENT_H
#define SERVICE_RPC_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/cancel.h"
#include "engine/base/err.h"

/* A client of the service, for `docparse call`. Every method is one struct of parameters in and answers out; documents
 * go in chunks by ParseStream, whole by the others. One thread at a time. */
struct svc_client;

struct svc_client_options {
    const char *address;            /* "host:port", "unix:/path" */
    const char *tls_ca;             /* PEM file; NULL: plaintext */
    const char *tls_cert, *tls_key; /* the client's own certificate; NULL: none */
    const char *token;              /* bearer token; NULL: none */
    double deadline_seconds;        /* of one call with its retries; 0: an hour */
    int retries;                    /* after a refusal that invites one, or when the server cannot be reached */
};

enum b_code svc_client_new(const struct svc_client_options *options, struct svc_client **out,
                           struct b_err *err) B_MUST_CHECK;
void svc_client_drop(struct svc_client *client);

enum svc_client_method {
    SVC_CALL_PARSE_STREAM,
    SVC_CALL_PARSE_DOCUMENT,
    SVC_CALL_ASK,
    SVC_CALL_ASK_STREAM,
    SVC_CALL_EXTRACT,
    SVC_CALL_LOCATE,
    SVC_CALL_SERVER_INFO,
    SVC_CALL_CAPACITY,
    SVC_CALL_SUBMIT_JOB,
    SVC_CALL_GET_JOB,
    SVC_CALL_LIST_JOBS,
    SVC_CALL_CANCEL_JOB,
    SVC_CALL_WATCH_JOB,
    SVC_CALL_HEALTH,
    SVC_CALL_HEALTH_WATCH,
    SVC_CALL_METHODS
};
/* "ParseStream"; NULL for SVC_CALL_METHODS. */
const char *svc_client_method_name(enum svc_client_method method);
/* Whether a document goes with the request, a job's id, a text (question, schema, phrase). */
bool svc_client_takes_document(enum svc_client_method method);
bool svc_client_takes_job(enum svc_client_method method);
bool svc_client_takes_text(enum svc_client_method method);

/* What a method does not use is ignored. Borrowed. */
struct svc_client_params {
    const char *name; /* of the document */
    const void *data;
    size_t size;
    const char *const *formats; /* rendered by the server */
    size_t n_formats;
    const char *password;      /* NULL: none */
    int text_layer;            /* numbers of TextLayerUse */
    int reader;                /* numbers of Reader */
    bool bulk;                 /* waits behind interactive calls */
    bool typed;                /* the typed document as well, with lines and words */
    int first_page, last_page; /* 1-based, inclusive; first 0: all, last 0: to the end */
    const char *text;          /* question, JSON Schema or phrase */
    int max_tokens;            /* 0: the server's default */
    bool tokens;               /* with the tokens of the answer */
    const char *id;            /* of a job, or of a service whose health is asked */
    const char *key;           /* idempotency key */
    bool result;               /* GetJob: with the document */
    int state, page_size;      /* ListJobs: number of JobState, 0 all; 0: 50 */
    const char *page_token;
};

/* One message of the server. Borrowed for the call of `take`. */
struct svc_client_answer {
    const char *json; /* in one line, names as in the .proto files; NULL unless asked for */
    const char *text; /* of an answer to Ask: the whole, or the piece; "" otherwise */
    bool piece;       /* a part of the answer, the whole comes later */
    bool last;        /* of a stream that ends with a summary */
    int status;       /* enum dp_status once a document's is known; -1 */
    bool fine;        /* complete answers, healthy services, jobs that have not failed */
    int32_t pages_done, pages_to_read, queue_position; /* -1: not said */
};

struct svc_client_events {
    void *ctx;
    bool json; /* answers with their JSON */
    /* Each message; may be NULL. An error ends the call. */
    enum b_code (*take)(void *ctx, const struct svc_client_answer *answer, struct b_err *err);
    /* A rendered format; borrowed for the call. May be NULL. */
    enum b_code (*rendered)(void *ctx, const char *format, const void *data, size_t size, struct b_err *err);
};

/* Errors carry the server's message; their domain is its reason code, such as "QUEUE_FULL". */
enum b_code svc_client_call(struct svc_client *client, enum svc_client_method method,
                            const struct svc_client_params *params, const struct svc_client_events *events,
                            struct b_cancel *cancel, struct b_err *err) B_MUST_CHECK;

/* One line that says what the server is and how busy it is, into text. */
enum b_code svc_client_describe(struct svc_client *client, char *text, size_t size, struct b_cancel *cancel,
                                struct b_err *err) B_MUST_CHECK;

/* What the server would have answered to Locate: a LocateResponse in one line of JSON, as svc_client_answer.json has it,
 * from the model's answer about page `number` with an image of width x height pixels. Free it. B_FORMAT: the answer is no
 * list of places. */
struct dp_answer;
enum b_code svc_locate_json(const struct dp_answer *answer, int width, int height, int32_t number, char **out,
                            struct b_err *err) B_MUST_CHECK;

#endif
