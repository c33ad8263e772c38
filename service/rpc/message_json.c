/* SPDX-License-Identifier: Apache-2.0 */
/* Messages as JSON. Our messages do not contain themselves, so the walk's depth is the schema's. A part that cannot be
 * made (out of memory) makes the whole NULL: jansson's setters refuse NULL. */
#include "service/rpc/message_json.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOMAIN "json"
#define DIGITS 15 /* of a number: 0.1 is 0.1 */
#define REAL_MAX 1.79769313486231e308

static json_t *message_value(const ProtobufCMessage *message);

static json_t *bytes_value(const ProtobufCBinaryData *bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const size_t size = (bytes->len + 2) / 3 * 4;
    char *text = malloc(size + 1);
    char *p = text;
    if (!text)
        return NULL;
    for (size_t i = 0; i < bytes->len; i += 3) {
        const size_t n = bytes->len - i < 3 ? bytes->len - i : 3;
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (k < n ? bytes->data[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            *p++ = k <= n ? digits[bits >> (18 - 6 * k) & 63] : '=';
    }
    json_t *value = json_stringn_nocheck(text, size);
    free(text);
    return value;
}

static json_t *real_value(double value)
{
    /* rounded to so many digits, the few numbers above would be written as one that no double holds */
    if (isfinite(value))
        return json_real(fmin(fmax(value, -REAL_MAX), REAL_MAX));
    return json_string(isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
}

/* The shortest number that is the same float. */
static json_t *float_value(float value)
{
    char text[32];
    for (int digits = 6; digits <= 9; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value)
            break;
    }
    return isfinite(value) ? json_real(strtod(text, NULL)) : real_value((double)value);
}

static json_t *wide_value(bool negative, uint64_t magnitude)
{
    return json_sprintf("%s%" PRIu64, negative ? "-" : "", magnitude);
}

static json_t *enum_value(const ProtobufCFieldDescriptor *f, int number)
{
    const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(f->descriptor, number);
    return v ? json_string(v->name) : json_integer(number);
}

static const char *text_at(const void *at)
{
    const char *const *text = at;
    return *text;
}

static const ProtobufCMessage *message_at(const void *at)
{
    const ProtobufCMessage *const *message = at;
    return *message;
}

#define READ(type) (*(const type *)at)
static json_t *scalar_value(const ProtobufCFieldDescriptor *f, const void *at)
{
    switch (f->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return json_integer(READ(int32_t));
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return json_integer(READ(uint32_t));
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return wide_value(READ(int64_t) < 0,
                          READ(int64_t) < 0 ? (uint64_t)0 - (uint64_t)READ(int64_t) : (uint64_t)READ(int64_t));
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return wide_value(false, READ(uint64_t));
    case PROTOBUF_C_TYPE_FLOAT:
        return float_value(READ(float));
    case PROTOBUF_C_TYPE_DOUBLE:
        return real_value(READ(double));
    case PROTOBUF_C_TYPE_BOOL:
        return json_boolean(READ(protobuf_c_boolean));
    case PROTOBUF_C_TYPE_ENUM:
        return enum_value(f, READ(int));
    case PROTOBUF_C_TYPE_STRING:
        return json_string(text_at(at));
    case PROTOBUF_C_TYPE_BYTES:
        return bytes_value(at);
    default:
        return message_value(message_at(at));
    }
}

static size_t size_of(const ProtobufCFieldDescriptor *f)
{
    switch (f->type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    default:
        return 4;
    }
}

static bool is_default(const ProtobufCFieldDescriptor *f, const void *at)
{
    static const char zeros[sizeof(ProtobufCBinaryData)];
    if (f->type == PROTOBUF_C_TYPE_STRING)
        return !text_at(at) || !text_at(at)[0];
    if (f->type == PROTOBUF_C_TYPE_BYTES)
        return ((const ProtobufCBinaryData *)at)->len == 0;
    return memcmp(at, zeros, size_of(f)) == 0;
}

static json_t *list_value(const ProtobufCFieldDescriptor *f, const void *items, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        if (json_array_append_new(list, scalar_value(f, (const char *)items + i * size_of(f))) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

/* Sets the field in *object, which becomes NULL on failure. */
static void put_field(json_t **object, const ProtobufCMessage *message, const ProtobufCFieldDescriptor *f)
{
    const void *at = (const char *)message + f->offset;
    const void *count = (const char *)message + f->quantifier_offset;
    json_t *value = NULL;
    if (f->label == PROTOBUF_C_LABEL_REPEATED) {
        size_t n = 0;
        const void *items = NULL;
        memcpy(&n, count, sizeof n);
        memcpy(&items, at, sizeof items);
        if (n == 0)
            return;
        value = list_value(f, items, n);
    } else if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        uint32_t which = 0;
        memcpy(&which, count, sizeof which);
        if (which != f->id)
            return;
        value = scalar_value(f, at);
    } else if (is_default(f, at)) {
        return;
    } else {
        value = scalar_value(f, at);
    }
    if (json_object_set_new(*object, f->name, value) != 0) {
        json_decref(*object);
        *object = NULL;
    }
}

static json_t *message_value(const ProtobufCMessage *message)
{
    json_t *object = json_object();
    for (unsigned i = 0; object && i < message->descriptor->n_fields; i++)
        put_field(&object, message, &message->descriptor->fields[i]);
    return object;
}

enum b_code svc_message_json(const ProtobufCMessage *message, char **out, struct b_err *err)
{
    json_t *value = message_value(message);
    *out = value ? json_dumps(value, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(DIGITS)) : NULL;
    json_decref(value);
    return *out ? B_OK : b_fail(err, B_NO_MEMORY, DOMAIN, "no memory for the message as JSON");
}
