/* SPDX-License-Identifier: Apache-2.0 */
/* Server reflection: which services there are and the descriptors of their messages, out of the descriptor set
 * that the build embeds. v1 and v1alpha are the same bytes under two names; v1's messages serve both. */
#include <stdlib.h>
#include <string.h>

#include "grpc/reflection/v1/reflection.pb-c.h"
#include "service/rpc/descriptors.h"
#include "service/rpc/server_private.h"
#include "service/rpc/unpack.h"
#include "service/rpc/wire.h"

#define DOMAIN "reflection"
#define REQUEST_MAX 4096
#define REPLY_MAX ((size_t)1 << 20)
#define MAX_FILES 16
#define MAX_SERVICES 16
#define SERVICE_NAME 128

extern const uint8_t svc_schemas[];
extern const size_t svc_schemas_size;

static struct svc_span schemas(void)
{
    return (struct svc_span){svc_schemas, svc_schemas_size};
}

/* The file, and after it everything that it imports, each once. */
static size_t with_imports(struct svc_span file, ProtobufCBinaryData *out)
{
    struct svc_span files[MAX_FILES] = {file};
    size_t n = 1;
    for (size_t i = 0; i < n; i++) {
        struct svc_span name, found;
        for (size_t at = 0; svc_file_import(files[i], &at, &name) && n < MAX_FILES;) {
            char text[256];
            if (name.size >= sizeof text)
                continue;
            memcpy(text, name.data, name.size);
            text[name.size] = '\0';
            if (!svc_file_by_name(schemas(), text, &found))
                continue;
            bool known = false;
            for (size_t j = 0; j < n; j++)
                known = known || files[j].data == found.data;
            if (!known)
                files[n++] = found;
        }
    }
    for (size_t i = 0; i < n; i++) {
        union {
            const uint8_t *in;
            uint8_t *out;
        } bytes = {.in = files[i].data};
        out[i] = (ProtobufCBinaryData){.len = files[i].size, .data = bytes.out};
    }
    return n;
}

static void send_response(struct svc_call *call, const Grpc__Reflection__V1__ServerReflectionResponse *response)
{
    struct b_buf buf;
    struct b_err err = {0};
    b_buf_init(&buf, REPLY_MAX);
    if (svc_wire_pack(&buf, &response->base, &err) == B_OK)
        (void)svc_call_send(call, &buf, false);
    else
        svc_call_finish(call, &err);
    b_buf_free(&buf);
}

static void answer_file(struct svc_call *call, Grpc__Reflection__V1__ServerReflectionResponse *response, bool found,
                        struct svc_span file)
{
    Grpc__Reflection__V1__FileDescriptorResponse files = GRPC__REFLECTION__V1__FILE_DESCRIPTOR_RESPONSE__INIT;
    Grpc__Reflection__V1__ErrorResponse error = GRPC__REFLECTION__V1__ERROR_RESPONSE__INIT;
    ProtobufCBinaryData bytes[MAX_FILES];
    char nothing[] = "nothing of that name is served here";
    if (found) {
        files.n_file_descriptor_proto = with_imports(file, bytes);
        files.file_descriptor_proto = bytes;
        response->message_response_case =
            GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE;
        response->file_descriptor_response = &files;
    } else {
        error.error_code = SVC_GRPC_NOT_FOUND;
        error.error_message = nothing;
        response->message_response_case =
            GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE;
        response->error_response = &error;
    }
    send_response(call, response);
}

static void answer_services(struct svc_call *call, Grpc__Reflection__V1__ServerReflectionResponse *response)
{
    Grpc__Reflection__V1__ListServiceResponse list = GRPC__REFLECTION__V1__LIST_SERVICE_RESPONSE__INIT;
    Grpc__Reflection__V1__ServiceResponse services[MAX_SERVICES];
    Grpc__Reflection__V1__ServiceResponse *items[MAX_SERVICES];
    char names[MAX_SERVICES][SERVICE_NAME];
    for (size_t at = 0;
         list.n_service < MAX_SERVICES && svc_next_service(schemas(), &at, names[list.n_service], SERVICE_NAME);) {
        const size_t i = list.n_service++;
        grpc__reflection__v1__service_response__init(&services[i]);
        services[i].name = names[i];
        items[i] = &services[i];
    }
    list.service = items;
    response->message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE;
    response->list_services_response = &list;
    send_response(call, response);
}

static void answer(struct svc_call *call, Grpc__Reflection__V1__ServerReflectionRequest *request)
{
    Grpc__Reflection__V1__ServerReflectionResponse response = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;
    struct svc_span file = {0};
    response.valid_host = request->host;
    response.original_request = request;
    switch (request->message_request_case) {
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES:
        answer_services(call, &response);
        break;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME:
        answer_file(call, &response, svc_file_by_name(schemas(), request->file_by_filename, &file), file);
        break;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL:
        answer_file(call, &response, svc_file_by_symbol(schemas(), request->file_containing_symbol, &file), file);
        break;
    default: /* extensions: there are none */
        answer_file(call, &response, false, file);
    }
}

static void reflection_message(struct svc_call *call, const uint8_t *data, size_t size)
{
    struct b_arena *arena = b_arena_new(svc_unpack_budget(size));
    ProtobufCMessage *message = NULL;
    struct b_err err;
    enum b_code code = arena ? svc_unpack(&grpc__reflection__v1__server_reflection_request__descriptor, data, size,
                                          arena, &message, &err)
                             : b_fail(&err, B_NO_MEMORY, DOMAIN, "out of memory");
    if (code == B_OK)
        answer(call, (Grpc__Reflection__V1__ServerReflectionRequest *)(void *)message);
    else
        svc_call_finish(call, &err);
    b_arena_drop(arena);
}

static void reflection_half_closed(struct svc_call *call)
{
    svc_call_finish(call, NULL);
}

const struct svc_method svc_reflection_v1 = {
    .path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    .max_message = REQUEST_MAX,
    .streams_requests = true,
    .message = reflection_message,
    .half_closed = reflection_half_closed,
};
const struct svc_method svc_reflection_v1alpha = {
    .path = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    .max_message = REQUEST_MAX,
    .streams_requests = true,
    .message = reflection_message,
    .half_closed = reflection_half_closed,
};
