/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_RPC_WEB_PRIVATE_H
#define SERVICE_RPC_WEB_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "docparse/pipeline.h"
#include "engine/base/buf.h"
#include "engine/base/cancel.h"
#include "output/writer.h"
#include "service/rpc/server_private.h"
#include "service/rpc/web.h"

/* Between the web_*.c files only. A request is seen by two threads: its connection's, which reads the upload and writes
 * the answer, and the worker that reads the document. They meet in the outbox. */

#define WEB_DOMAIN "web"
#define WEB_FILE_MAX ((uint64_t)64 << 20) /* bytes of one file: what fits into one gRPC message as well */
#define WEB_RANGES 64                     /* page ranges of one request */
#define WEB_FORMATS 12                    /* formats of one request */

/* What the form says. Fields are text of bounded length until web_form_check. */
struct web_form {
    struct b_buf file;
    char name[256], pages[256], text_layer[16], password[256], formats[128];
    bool has_file;
    /* After web_form_check: */
    struct dp_page_range ranges[WEB_RANGES];
    size_t n_ranges;
    const struct out_format *wanted[WEB_FORMATS];
    size_t n_wanted;
};
void web_form_init(struct web_form *form);
void web_form_free(struct web_form *form); /* forgets the password as well */
/* A piece of the field `key`, `offset` bytes into it. B_ARGUMENT: no such field, or too long a one. */
enum b_code web_form_add(struct web_form *form, const char *key, const char *file_name, const char *data,
                         uint64_t offset, size_t size, struct b_err *err) B_MUST_CHECK;
/* Understands the fields once all are there. */
enum b_code web_form_check(struct web_form *form, struct b_err *err) B_MUST_CHECK;

/* A refusal: the HTTP status with what stands in the body. */
struct web_refusal {
    unsigned status;    /* 0: none */
    const char *reason; /* stable code, such as "QUEUE_FULL" */
    struct b_err err;
    int64_t retry_ms; /* >= 0: come back then */
};
void web_put_error(struct b_buf *out, const char *reason, const struct b_err *err, int64_t retry_ms);

struct web_request {
    struct svc_ticket ticket; /* first: a ticket is its request */
    struct svc_server *server;
    atomic_int refs; /* connection, answer, queue or worker */
    struct b_cancel cancel;
    struct web_form form;
    struct web_refusal refused;
    uint64_t received; /* bytes of the body */

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    struct b_buf outbox;
    size_t taken; /* bytes of the outbox that the connection has */
    bool over, gone;
    enum svc_grpc_code code; /* how it ended, for the counters */
    int32_t pages_done, pages;
    int64_t last_event_ns;
};
struct web_request *web_request_new(struct svc_server *server, const char *client); /* NULL: out of memory */
void web_request_ref(struct web_request *r);
void web_request_unref(struct web_request *r);
/* The client is gone: nobody works for it any more. */
void web_request_abandon(struct web_request *r);

/* W: appends one line (with its newline) and waits while the client takes none; B_CANCELLED when it is gone. */
enum b_code web_send(struct web_request *r, const struct b_buf *line, struct b_err *err) B_MUST_CHECK;
/* W: no more lines will come; code is how it went. */
void web_over(struct web_request *r, enum svc_grpc_code code);
/* Connection: up to max bytes of the answer; waits for some, with heartbeats; 0 at its end, -1 when the client at
 * socket fd is gone. */
long web_take(struct web_request *r, int fd, char *out, size_t max);

/* W: the request's turn has come. */
void web_work(struct svc_ticket *ticket, struct svc_worker *worker);

/* The page's files, embedded by the build. */
struct web_asset {
    const char *path, *type;
    const uint8_t *data;
    const size_t *size;
};
const struct web_asset *web_asset_find(const char *path); /* NULL: none */

#endif
