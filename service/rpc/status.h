/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_RPC_STATUS_H
#define SERVICE_RPC_STATUS_H

#include <stdint.h>

#include "engine/base/buf.h"
#include "engine/base/err.h"

/* Our reason codes as gRPC status codes, and the google.rpc.Status that goes with them as the trailing
 * metadata `grpc-status-details-bin`. Knows nothing of calls. Thread-safe. */

/* The numbers of the protocol; static assertions where grpc's header is seen hold them against it. */
enum svc_grpc_code {
    SVC_GRPC_OK = 0,
    SVC_GRPC_CANCELLED = 1,
    SVC_GRPC_INVALID_ARGUMENT = 3,
    SVC_GRPC_DEADLINE_EXCEEDED = 4,
    SVC_GRPC_NOT_FOUND = 5,
    SVC_GRPC_PERMISSION_DENIED = 7,
    SVC_GRPC_RESOURCE_EXHAUSTED = 8,
    SVC_GRPC_FAILED_PRECONDITION = 9,
    SVC_GRPC_UNIMPLEMENTED = 12,
    SVC_GRPC_INTERNAL = 13,
    SVC_GRPC_UNAVAILABLE = 14,
    SVC_GRPC_UNAUTHENTICATED = 16
};

/* What is told to the client beside the status. */
struct svc_status_details {
    const char *reason;     /* ErrorInfo.reason, such as "QUEUE_FULL"; NULL: the name of the error's code */
    const char *field;      /* BadRequest.field of an invalid argument; NULL when no field is to blame */
    const char *quota;      /* QuotaFailure: subject of what was used up, such as "client:alice"; NULL: nothing */
    const char *request_id; /* RequestInfo; NULL: none */
    int64_t retry_delay_ms; /* RetryInfo; < 0: retrying is no use */
};

/* A document that is too big is INVALID_ARGUMENT, never RESOURCE_EXHAUSTED, which clients retry. */
enum svc_grpc_code svc_grpc_code_of(enum b_code code);

/* Appends the serialised google.rpc.Status (at most about 2 kB, well below the 8 kB that a client accepts as
 * metadata). */
enum b_code svc_status_pack(enum svc_grpc_code code, const struct b_err *problem,
                            const struct svc_status_details *details, struct b_buf *out,
                            struct b_err *err) B_MUST_CHECK;

#endif
