/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_RPC_CLIENT_H
#define SERVICE_RPC_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/cancel.h"
#include "engine/base/err.h"

/* A client of the service, for `docparse call`: sends a document in chunks, hears of its pages and gets rendered
 * formats. One thread at a time. */
struct svc_client;

struct svc_client_options {
    const char *address;            /* "host:port", "unix:/path" */
    const char *tls_ca;             /* PEM file; NULL: plaintext */
    const char *tls_cert, *tls_key; /* the client's own certificate; NULL: none */
    const char *token;              /* bearer token; NULL: none */
    double deadline_seconds;        /* of one call; 0: an hour */
    int retries;                    /* after a refusal that says when to come back */
};

enum b_code svc_client_new(const struct svc_client_options *options, struct svc_client **out,
                           struct b_err *err) B_MUST_CHECK;
void svc_client_drop(struct svc_client *client);

struct svc_client_events {
    void *ctx;
    void (*progress)(void *ctx, int32_t pages_done, int32_t pages_to_read, int32_t queue_position);
    /* A rendered format; borrowed for the call. */
    enum b_code (*rendered)(void *ctx, const char *format, const void *data, size_t size, struct b_err *err);
};

struct svc_client_request {
    const char *name;
    const void *data;
    size_t size;
    const char *const *formats;
    size_t n_formats;
    const char *password; /* NULL: none */
    int text_layer;       /* numbers of TextLayerUse */
    int bulk;             /* 1: waits behind interactive calls */
};

/* ParseStream; *status is enum dp_status. Errors carry the server's message; its reason code is the domain. */
enum b_code svc_client_parse(struct svc_client *client, const struct svc_client_request *request,
                             const struct svc_client_events *events, int *status, struct b_cancel *cancel,
                             struct b_err *err) B_MUST_CHECK;

/* One line that says what the server is and how busy it is, into text. */
enum b_code svc_client_describe(struct svc_client *client, char *text, size_t size, struct b_err *err) B_MUST_CHECK;

#endif
