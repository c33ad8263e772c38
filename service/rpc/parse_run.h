/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_RPC_PARSE_RUN_H
#define SERVICE_RPC_PARSE_RUN_H

#include "docparse/v1/parser.pb-c.h"
#include "engine/base/buf.h"
#include "engine/base/cancel.h"
#include "service/rpc/server_private.h"

/* One document read on a worker: what ParseDocument, ParseStream and jobs have in common. */
struct svc_parse_input {
    const char *client; /* whose pages these are */
    const char *name;
    const uint8_t *data;
    size_t size;
    const char *sha256;                        /* lower-case hex to hold the content against; "" none */
    const Docparse__V1__ParseOptions *options; /* NULL: defaults */
    bool remember;                             /* the result may come from the cache, and be kept in it */
};

/* Called on the worker, in order. Messages are borrowed for the call. An error ends the document. */
struct svc_parse_events {
    void *ctx;
    enum b_code (*opened)(void *ctx, const Docparse__V1__DocumentInfo *info, int32_t pages, struct b_err *err);
    enum b_code (*page)(void *ctx, const Docparse__V1__Page *page, struct b_err *err);
};

#define SVC_MAX_RENDERED 16
struct svc_parse_result {
    enum dp_status status;
    int32_t pages_ok, pages_failed;
    const struct out_format *formats[SVC_MAX_RENDERED];
    struct b_buf rendered[SVC_MAX_RENDERED]; /* one a format asked for */
    size_t n_rendered;
};
void svc_parse_result_free(struct svc_parse_result *result);

/* Checks options before anything is queued; *field names the wrong one. */
enum b_code svc_parse_check(const Docparse__V1__ParseOptions *options, const char **field,
                            struct b_err *err) B_MUST_CHECK;

/* Whether the large model reads it, on a thread of SVC_MODEL. */
bool svc_parse_wants_large(const Docparse__V1__ParseOptions *options);

enum b_code svc_parse_run(struct svc_worker *worker, const struct svc_parse_input *input,
                          const struct svc_parse_events *events, struct b_cancel *cancel,
                          struct svc_parse_result *result, struct b_err *err) B_MUST_CHECK;

/* Appends the result's rendered formats as `field` of the message being written. */
enum b_code svc_parse_put_rendered(const struct svc_parse_result *result, struct b_buf *buf, uint32_t field,
                                   struct b_err *err) B_MUST_CHECK;

#endif
