/* SPDX-License-Identifier: Apache-2.0 */
/* Unpacking with a budget. The decoder asks an allocator of ours, which is an arena: freeing does nothing.
 * Texts are then walked through the message's own description; our messages nest a few levels and never
 * contain themselves, so the walk's depth is that of the schema. */
#include "service/rpc/unpack.h"

#include <string.h>

#include "engine/base/utf8.h"

#define DOMAIN "request"
#define SLACK ((size_t)1 << 16)

static void *arena_alloc(void *data, size_t size)
{
    return b_arena_alloc(data, size, 16);
}

static void arena_free(void *data, void *pointer)
{
    (void)data;
    (void)pointer;
}

size_t svc_unpack_budget(size_t size)
{
    return size > (SIZE_MAX - SLACK) / 3 ? SIZE_MAX : 3 * size + SLACK;
}

static const char *bad_text(const ProtobufCMessage *message);

/* The member of a struct that a field's offset names. */
static const void *member_of(const ProtobufCMessage *message, unsigned offset)
{
    return (const char *)message + offset;
}

static size_t count_of(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *f)
{
    size_t n = 0;
    if (f->label == PROTOBUF_C_LABEL_REPEATED) {
        memcpy(&n, member_of(message, f->quantifier_offset), sizeof n);
        return n;
    }
    if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        uint32_t which = 0;
        memcpy(&which, member_of(message, f->quantifier_offset), sizeof which);
        return which == f->id;
    }
    return 1;
}

static const char *bad_text_in(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *f)
{
    const size_t n = count_of(message, f);
    const void *const *items = member_of(message, f->offset);
    if (n > 0 && f->label == PROTOBUF_C_LABEL_REPEATED)
        memcpy(&items, member_of(message, f->offset), sizeof items);
    for (size_t i = 0; i < n; i++) {
        if (!items[i])
            continue;
        if (f->type == PROTOBUF_C_TYPE_STRING && !b_utf8_valid(items[i], strlen(items[i])))
            return f->name;
        const char *inner = f->type == PROTOBUF_C_TYPE_MESSAGE ? bad_text(items[i]) : NULL;
        if (inner)
            return inner;
    }
    return NULL;
}

/* Name of the first text field that is not UTF-8, or NULL. */
static const char *bad_text(const ProtobufCMessage *message)
{
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &message->descriptor->fields[i];
        if (f->type != PROTOBUF_C_TYPE_STRING && f->type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        const char *name = bad_text_in(message, f);
        if (name)
            return name;
    }
    return NULL;
}

enum b_code svc_unpack(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t size, struct b_arena *arena,
                       ProtobufCMessage **out, struct b_err *err)
{
    ProtobufCAllocator allocator = {.alloc = arena_alloc, .free = arena_free, .allocator_data = arena};
    *out = protobuf_c_message_unpack(type, &allocator, size, data);
    if (!*out)
        return b_fail(err, B_FORMAT, DOMAIN, "the %zu bytes are no %s, or expand to more than they may", size,
                      type->name);
    const char *field = bad_text(*out);
    return field ? b_fail(err, B_FORMAT, DOMAIN, "%s is not valid UTF-8", field) : B_OK;
}
