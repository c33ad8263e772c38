/* SPDX-License-Identifier: Apache-2.0 */
/* The first steps of every method, and the last one of most. */
#include "service/rpc/request.h"

#include "service/rpc/parse_run.h"
#include "service/rpc/server_private.h"
#include "service/rpc/unpack.h"
#include "service/rpc/wire.h"

#define DOMAIN "request"
#define REPLY_MAX ((size_t)1 << 30)

const void *svc_request_unpack(struct svc_call *call, const ProtobufCMessageDescriptor *type, const uint8_t *data,
                               size_t size, struct b_arena **arena)
{
    ProtobufCMessage *message = NULL;
    struct b_err err;
    *arena = b_arena_new(svc_unpack_budget(size));
    const enum b_code code = *arena ? svc_unpack(type, data, size, *arena, &message, &err)
                                    : b_fail(&err, B_NO_MEMORY, DOMAIN, "out of memory");
    if (code == B_OK)
        return message;
    svc_call_finish(call, &err);
    return NULL;
}

bool svc_request_hold(struct svc_call *call, uint64_t bytes)
{
    struct b_err err;
    struct svc_refusal refusal;
    if (svc_admission_hold(svc_server_admission(svc_call_server(call)), svc_call_ticket(call), bytes, &refusal, &err) ==
        B_OK)
        return true;
    svc_call_refuse(call, &err, &refusal);
    return false;
}

void svc_request_no_large_model(struct svc_call *call, const char *field, const char *what)
{
    struct b_err err;
    (void)b_fail(&err, B_UNSUPPORTED, DOMAIN, "this server runs the compact reader only, %s", what);
    b_advise(&err, "start it with --model DIR, the folder of a Qwen2.5-VL checkpoint");
    svc_call_finish_with(call, SVC_GRPC_UNIMPLEMENTED, &err,
                         &(struct svc_end){.reason = "NO_LARGE_MODEL", .field = field, .retry_ms = -1});
}

bool svc_request_reader(struct svc_call *call, const Docparse__V1__ParseOptions *options)
{
    if (!svc_parse_wants_large(options))
        return true;
    if (!svc_server_options(svc_call_server(call))->large_model) {
        svc_request_no_large_model(call, "options.reader", "not the large model that is to read the pages");
        return false;
    }
    svc_call_ticket(call)->kind = SVC_MODEL;
    return true;
}

void svc_request_refuse(struct svc_call *call, const char *field, const struct b_err *problem)
{
    svc_call_finish_with(call, SVC_GRPC_INVALID_ARGUMENT, problem, &(struct svc_end){.field = field, .retry_ms = -1});
}

void svc_request_reply(struct svc_call *call, const ProtobufCMessage *message, bool may_wait)
{
    struct b_buf buf;
    struct b_err err = {0};
    b_buf_init(&buf, REPLY_MAX);
    const enum b_code code = svc_wire_pack(&buf, message, &err);
    if (code == B_OK)
        (void)svc_call_send(call, &buf, may_wait);
    svc_call_finish(call, code == B_OK ? NULL : &err);
    b_buf_free(&buf);
}
