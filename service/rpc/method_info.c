/* SPDX-License-Identifier: Apache-2.0 */
/* GetServerInfo and GetCapacity: answered on the poller. */
#include "docparse/reader.h"
#include "docparse/source.h"
#include "docparse/v1/parser.pb-c.h"
#include "output/writer.h"
#include "service/rpc/request.h"
#include "service/rpc/server_private.h"
#include "service/rpc/wire.h"

#define REQUEST_MAX 1024
#define MAX_NAMES 32

static void info_message(struct svc_call *call, const uint8_t *data, size_t size)
{
    const struct svc_server_options *o = svc_server_options(svc_call_server(call));
    Docparse__V1__ServerInfo info = DOCPARSE__V1__SERVER_INFO__INIT;
    Docparse__V1__Sandbox sandbox = DOCPARSE__V1__SANDBOX__INIT;
    struct dp_sandbox_state state;
    char *readers[] = {svc_borrow("compact"), svc_borrow("qwen25vl")};
    char *formats[MAX_NAMES], *types[MAX_NAMES];
    const struct dp_limits limits = svc_server_limits(svc_call_server(call));
    (void)data;
    (void)size;
    info.product_version = svc_borrow(DOCPARSE_VERSION);
    info.schema_version = svc_borrow("1.0");
    info.n_readers = o->large_model ? 2 : 1;
    info.readers = readers;
    for (const struct out_format *f = out_formats(); f->name && info.n_formats < MAX_NAMES; f++)
        if (!f->side_outputs && !f->needs_source)
            formats[info.n_formats++] = svc_borrow(f->name);
    info.formats = formats;
    for (int m = DP_MEDIA_UNKNOWN + 1; m <= DP_MEDIA_WEBP; m++)
        types[info.n_media_types++] = svc_borrow(dp_media_type_name((enum dp_media)m));
    info.media_types = types;
    info.max_message_bytes = o->max_message;
    info.max_document_bytes = limits.input_bytes;
    info.max_pages = limits.pages;
    info.max_page_pixels = limits.page_pixels;
    info.model_sha256 = svc_borrow(dp_model_sha256(o->model));
    if (o->large_model) {
        info.large_model = svc_borrow(dp_model_name(o->large_model));
        info.large_model_sha256 = svc_borrow(dp_model_sha256(o->large_model));
    }
    dp_sandbox_look(o->sandbox, &state);
    sandbox.active = state.active;
    sandbox.calls_filtered = state.filtered;
    sandbox.files_confined = state.confined;
    info.sandbox = &sandbox;
    svc_request_reply(call, &info.base, false);
}

const struct svc_method svc_get_server_info = {
    .path = "/docparse.v1.DocumentParser/GetServerInfo",
    .max_message = REQUEST_MAX,
    .message = info_message,
};

static void capacity_message(struct svc_call *call, const uint8_t *data, size_t size)
{
    const struct svc_server_options *o = svc_server_options(svc_call_server(call));
    Docparse__V1__Capacity capacity = DOCPARSE__V1__CAPACITY__INIT;
    Google__Protobuf__Duration wait = GOOGLE__PROTOBUF__DURATION__INIT;
    struct svc_admission_state state;
    (void)data;
    (void)size;
    svc_admission_look(svc_server_admission(svc_call_server(call)), &state);
    capacity.workers = o->admission.workers;
    capacity.running = state.running;
    capacity.queued_interactive = state.waiting[SVC_INTERACTIVE];
    capacity.queued_bulk = state.waiting[SVC_BULK];
    capacity.queue_limit = state.limits.queue;
    capacity.bytes_held = state.bytes;
    capacity.bytes_limit = state.limits.bytes;
    wait.seconds = state.expected_wait_ms / 1000;
    wait.nanos = (int32_t)(state.expected_wait_ms % 1000) * 1000000;
    capacity.expected_wait = &wait;
    capacity.draining = state.draining;
    capacity.model_sessions = o->large_model ? o->admission.sessions : 0;
    capacity.model_running = state.model_running;
    svc_request_reply(call, &capacity.base, false);
}

const struct svc_method svc_get_capacity = {
    .path = "/docparse.v1.DocumentParser/GetCapacity",
    .max_message = REQUEST_MAX,
    .message = capacity_message,
};
