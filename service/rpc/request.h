/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_RPC_REQUEST_H
#define SERVICE_RPC_REQUEST_H

#include "engine/base/arena.h"
#include "service/rpc/call.h"
#include <protobuf-c/protobuf-c.h>

#include "docparse/v1/parser.pb-c.h"

/* What methods have in common between the bytes of a request and its turn. Each function that answers false or NULL
 * has ended the call. On the poller unless said. */

/* The request as a struct in a new arena, which is the caller's even on NULL (b_arena_drop). */
const void *svc_request_unpack(struct svc_call *call, const ProtobufCMessageDescriptor *type, const uint8_t *data,
                               size_t size, struct b_arena **arena);

/* Takes bytes of the server's budget for documents, before they are kept. */
bool svc_request_hold(struct svc_call *call, uint64_t bytes);

/* Sends the call to the threads of the reader that it wants. UNIMPLEMENTED where the server has no large model. */
bool svc_request_reader(struct svc_call *call, const Docparse__V1__ParseOptions *options);

/* Ends the call: UNIMPLEMENTED with NO_LARGE_MODEL. */
void svc_request_no_large_model(struct svc_call *call, const char *field, const char *what);

/* INVALID_ARGUMENT for a field (NULL: none to blame). Any thread. */
void svc_request_refuse(struct svc_call *call, const char *field, const struct b_err *problem);

/* Sends the answer and ends the call with it. Workers wait for slow clients, the poller does not. Any thread. */
void svc_request_reply(struct svc_call *call, const ProtobufCMessage *message, bool may_wait);

#endif
