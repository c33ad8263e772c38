/* SPDX-License-Identifier: Apache-2.0 */
/* Error mapping and rich error details. The details are packed into small stack buffers: all texts come
 * from struct b_err or are short identifiers, so their sizes are bounded at compile time. */
#include "service/rpc/status.h"

#include <stdlib.h>
#include <string.h>

#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"
#include "service/rpc/messages.h"
#include "service/rpc/wire.h"

#define DOMAIN "status"
#define ERROR_DOMAIN "docparse"
#define TYPE_PREFIX "type.googleapis.com/google.rpc."
#define MAX_DETAILS 5
#define DETAIL_BYTES 1024

enum svc_grpc_code svc_grpc_code_of(enum b_code code)
{
    switch (code) {
    case B_OK:
        return SVC_GRPC_OK;
    case B_ARGUMENT:
    case B_FORMAT:
    case B_UNSUPPORTED:
    case B_LIMIT:
    case B_PASSWORD:
        return SVC_GRPC_INVALID_ARGUMENT;
    case B_CANCELLED:
        return SVC_GRPC_CANCELLED;
    case B_DEADLINE:
        return SVC_GRPC_DEADLINE_EXCEEDED;
    case B_NOT_FOUND:
        return SVC_GRPC_NOT_FOUND;
    case B_NO_MEMORY:
        return SVC_GRPC_RESOURCE_EXHAUSTED;
    default:
        return SVC_GRPC_INTERNAL;
    }
}

struct detail_list {
    Google__Protobuf__Any any[MAX_DETAILS];
    Google__Protobuf__Any *items[MAX_DETAILS];
    uint8_t bytes[MAX_DETAILS][DETAIL_BYTES];
    size_t n;
};

/* A detail that does not fit is left out: the status itself still says what happened. */
static void add_detail(struct detail_list *list, const char *type_url, const ProtobufCMessage *message)
{
    const size_t size = protobuf_c_message_get_packed_size(message);
    if (list->n >= MAX_DETAILS || size > DETAIL_BYTES)
        return;
    Google__Protobuf__Any *any = &list->any[list->n];
    google__protobuf__any__init(any);
    any->type_url = svc_borrow(type_url);
    any->value.data = list->bytes[list->n];
    any->value.len = protobuf_c_message_pack(message, any->value.data);
    list->items[list->n++] = any;
}

static void add_error_info(struct detail_list *list, const struct b_err *problem, const struct svc_status_details *d)
{
    Google__Rpc__ErrorInfoMetadata part = GOOGLE__RPC__ERROR_INFO_METADATA__INIT;
    Google__Rpc__ErrorInfoMetadata advice = GOOGLE__RPC__ERROR_INFO_METADATA__INIT;
    Google__Rpc__ErrorInfoMetadata *metadata[2];
    Google__Rpc__ErrorInfo info = GOOGLE__RPC__ERROR_INFO__INIT;
    info.reason = svc_borrow(d->reason ? d->reason : svc_reason_name(problem->code));
    info.domain = svc_borrow(ERROR_DOMAIN);
    info.metadata = metadata;
    if (problem->domain[0]) {
        part.key = svc_borrow("part");
        part.value = svc_borrow(problem->domain);
        metadata[info.n_metadata++] = &part;
    }
    if (problem->advice[0]) {
        advice.key = svc_borrow("advice");
        advice.value = svc_borrow(problem->advice);
        metadata[info.n_metadata++] = &advice;
    }
    add_detail(list, TYPE_PREFIX "ErrorInfo", &info.base);
}

static void add_retry_info(struct detail_list *list, int64_t delay_ms)
{
    Google__Protobuf__Duration delay = GOOGLE__PROTOBUF__DURATION__INIT;
    Google__Rpc__RetryInfo retry = GOOGLE__RPC__RETRY_INFO__INIT;
    delay.seconds = delay_ms / 1000;
    delay.nanos = (int32_t)(delay_ms % 1000) * 1000000;
    retry.retry_delay = &delay;
    add_detail(list, TYPE_PREFIX "RetryInfo", &retry.base);
}

static void add_bad_request(struct detail_list *list, const char *field, const char *description)
{
    Google__Rpc__BadRequest__FieldViolation violation = GOOGLE__RPC__BAD_REQUEST__FIELD_VIOLATION__INIT;
    Google__Rpc__BadRequest__FieldViolation *violations[1] = {&violation};
    Google__Rpc__BadRequest bad = GOOGLE__RPC__BAD_REQUEST__INIT;
    violation.field = svc_borrow(field);
    violation.description = svc_borrow(description);
    bad.n_field_violations = 1;
    bad.field_violations = violations;
    add_detail(list, TYPE_PREFIX "BadRequest", &bad.base);
}

static void add_quota(struct detail_list *list, const char *subject, const char *description)
{
    Google__Rpc__QuotaFailure__Violation violation = GOOGLE__RPC__QUOTA_FAILURE__VIOLATION__INIT;
    Google__Rpc__QuotaFailure__Violation *violations[1] = {&violation};
    Google__Rpc__QuotaFailure quota = GOOGLE__RPC__QUOTA_FAILURE__INIT;
    violation.subject = svc_borrow(subject);
    violation.description = svc_borrow(description);
    quota.n_violations = 1;
    quota.violations = violations;
    add_detail(list, TYPE_PREFIX "QuotaFailure", &quota.base);
}

static void add_request_info(struct detail_list *list, const char *request_id)
{
    Google__Rpc__RequestInfo info = GOOGLE__RPC__REQUEST_INFO__INIT;
    info.request_id = svc_borrow(request_id);
    add_detail(list, TYPE_PREFIX "RequestInfo", &info.base);
}

enum b_code svc_status_pack(enum svc_grpc_code code, const struct b_err *problem,
                            const struct svc_status_details *details, struct b_buf *out, struct b_err *err)
{
    struct detail_list list = {.n = 0};
    Google__Rpc__Status status = GOOGLE__RPC__STATUS__INIT;
    add_error_info(&list, problem, details);
    if (details->retry_delay_ms >= 0)
        add_retry_info(&list, details->retry_delay_ms);
    if (details->field)
        add_bad_request(&list, details->field, problem->message);
    if (details->quota)
        add_quota(&list, details->quota, problem->message);
    if (details->request_id)
        add_request_info(&list, details->request_id);
    status.code = (int32_t)code;
    status.message = svc_borrow(problem->message);
    status.n_details = list.n;
    status.details = list.items;
    const size_t size = google__rpc__status__get_packed_size(&status);
    uint8_t *bytes = malloc(size ? size : 1);
    if (!bytes)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "no memory for %zu bytes of error details", size);
    google__rpc__status__pack(&status, bytes);
    b_buf_append(out, bytes, size);
    free(bytes);
    return b_buf_check(out, DOMAIN, err);
}
