/* SPDX-License-Identifier: Apache-2.0 */
/* What clients, servers and models send: messages of any type, trace headers, located answers. The first byte chooses.
 * Whatever was accepted keeps its promises: valid texts, JSON that can be read, ids of hex digits, boxes on the page.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/v1/jobs.pb-c.h"
#include "google/rpc/status.pb-c.h"
#include "service/rpc/ask_run.h"
#include "service/rpc/message_json.h"
#include "service/rpc/trace.h"
#include "service/rpc/unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const ProtobufCMessageDescriptor *const types[] = {
    &docparse__v1__parse_request__descriptor,    &docparse__v1__parse_chunk__descriptor,
    &docparse__v1__parse_event__descriptor,      &docparse__v1__ask_request__descriptor,
    &docparse__v1__ask_event__descriptor,        &docparse__v1__extract_request__descriptor,
    &docparse__v1__locate_response__descriptor,  &docparse__v1__submit_job_request__descriptor,
    &docparse__v1__get_job_response__descriptor, &google__rpc__status__descriptor,
};
#define N_TYPES (sizeof types / sizeof types[0])

static void try_message(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t size)
{
    struct b_arena *arena = b_arena_new(svc_unpack_budget(size));
    ProtobufCMessage *message = NULL;
    char *text = NULL;
    if (arena && svc_unpack(type, data, size, arena, &message, NULL) == B_OK) {
        if (svc_message_json(message, &text, NULL) != B_OK)
            abort();
        json_t *value = json_loads(text, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
        if (!json_is_object(value))
            abort();
        json_decref(value);
    }
    free(text);
    b_arena_drop(arena);
}

static void try_trace(const char *text)
{
    struct svc_trace t;
    char out[SVC_TRACEPARENT];
    const char *newline = strchr(text, '\n');
    char parent[256];
    const size_t len = newline ? (size_t)(newline - text) : strlen(text);
    const size_t kept = len < sizeof parent - 1 ? len : sizeof parent - 1;
    memcpy(parent, text, kept);
    parent[kept] = '\0';
    svc_trace_read(parent, newline ? newline + 1 : "", &t);
    if (t.trace_id[0]) {
        svc_trace_write(&t, out);
        if (strlen(out) != 55 || strspn(t.trace_id, "0123456789abcdef") != 32)
            abort();
    }
    for (const char *p = t.state; *p; p++)
        if (*p < ' ' || *p > '~')
            abort();
    if (svc_id_is_sane(text, 63) && strpbrk(text, " \"\n\\"))
        abort();
}

static void try_places(const char *text)
{
    struct b_arena *arena = b_arena_new((size_t)1 << 22);
    struct svc_ask_result r = {.width = 200, .height = 100};
    Docparse__V1__Location **l = NULL;
    size_t n = 0;
    r.answer.frames[0].width = r.answer.frames[0].height = 56;
    b_buf_init(&r.answer.text, (size_t)1 << 22);
    b_buf_puts(&r.answer.text, text);
    if (arena && svc_ask_places(&r, 1, arena, &l, &n, NULL) == B_OK)
        for (size_t i = 0; i < n; i++) {
            const Docparse__V1__Box *b = l[i]->box;
            const Docparse__V1__Point *p = l[i]->point;
            if (!l[i]->label || !b == !p)
                abort();
            if (b && !(b->x0 >= 0 && b->x0 <= b->x1 && b->x1 <= 200 && b->y0 >= 0 && b->y0 <= b->y1 && b->y1 <= 100))
                abort();
            if (p && !(p->x >= 0 && p->x <= 200 && p->y >= 0 && p->y <= 100))
                abort();
        }
    b_buf_free(&r.answer.text);
    b_arena_drop(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > (size_t)1 << 20)
        return 0;
    const size_t choice = data[0] % (N_TYPES + 2);
    if (choice < N_TYPES) {
        try_message(types[choice], data + 1, size - 1);
        return 0;
    }
    char *text = malloc(size);
    if (!text)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    if (choice == N_TYPES)
        try_trace(text);
    else
        try_places(text);
    free(text);
    return 0;
}
