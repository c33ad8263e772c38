/* SPDX-License-Identifier: Apache-2.0 */
/* A walker over the wire format of descriptors (google/protobuf/descriptor.proto): only the fields that name
 * things are looked at. Invariant: every read is checked against the end of the innermost message. */
#include "service/rpc/descriptors.h"

#include <stdio.h>
#include <string.h>

/* Field numbers of descriptor.proto. */
enum {
    SET_FILE = 1,
    FILE_NAME = 1,
    FILE_PACKAGE = 2,
    FILE_IMPORT = 3,
    FILE_MESSAGE = 4,
    FILE_ENUM = 5,
    FILE_SERVICE = 6,
    ANY_NAME = 1, /* DescriptorProto, EnumDescriptorProto, ServiceDescriptorProto and their parts */
    MESSAGE_FIELD = 2,
    MESSAGE_NESTED = 3,
    MESSAGE_ENUM = 4,
    ENUM_VALUE = 2,
    SERVICE_METHOD = 2
};

#define MAX_DEPTH 16

struct field {
    uint32_t number;
    struct svc_span bytes; /* of a length-delimited field; empty for others */
};

static bool read_varint(struct svc_span s, size_t *at, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 64 && *at < s.size; shift += 7) {
        const uint8_t byte = s.data[(*at)++];
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return true;
    }
    return false;
}

static bool next_field(struct svc_span s, size_t *at, struct field *f)
{
    uint64_t key, length;
    if (*at >= s.size || !read_varint(s, at, &key))
        return false;
    *f = (struct field){.number = (uint32_t)(key >> 3)};
    switch (key & 7) {
    case 0:
        return read_varint(s, at, &length);
    case 1:
        *at += 8;
        return *at <= s.size;
    case 5:
        *at += 4;
        return *at <= s.size;
    case 2:
        if (!read_varint(s, at, &length) || length > s.size - *at)
            return false;
        f->bytes = (struct svc_span){s.data + *at, (size_t)length};
        *at += (size_t)length;
        return true;
    default:
        return false;
    }
}

/* The first length-delimited field with this number, or an empty span. */
static struct svc_span find_field(struct svc_span s, uint32_t number)
{
    struct field f;
    for (size_t at = 0; next_field(s, &at, &f);)
        if (f.number == number)
            return f.bytes;
    return (struct svc_span){0};
}

static bool equals(struct svc_span s, const char *text, size_t len)
{
    return s.size == len && (len == 0 || memcmp(s.data, text, len) == 0);
}

bool svc_file_by_name(struct svc_span set, const char *name, struct svc_span *file)
{
    struct field f;
    for (size_t at = 0; next_field(set, &at, &f);)
        if (f.number == SET_FILE && equals(find_field(f.bytes, FILE_NAME), name, strlen(name))) {
            *file = f.bytes;
            return true;
        }
    return false;
}

/* Cuts "name." or "name/" (or the whole, when that is all) off the front of *symbol. */
static bool take_name(const char **symbol, struct svc_span name)
{
    if (name.size == 0 || strncmp(*symbol, (const char *)name.data, name.size) != 0)
        return false;
    const char next = (*symbol)[name.size];
    if (next != '\0' && next != '.' && next != '/')
        return false;
    *symbol += name.size + (next != '\0');
    return true;
}

static bool declares(struct svc_span message, const char *symbol, uint32_t leaf, uint32_t nested, uint32_t nested_enum,
                     int depth)
{
    if (!take_name(&symbol, find_field(message, ANY_NAME)))
        return false;
    if (*symbol == '\0')
        return true;
    struct field f;
    for (size_t at = 0; depth < MAX_DEPTH && next_field(message, &at, &f);) {
        const char *rest = symbol;
        if (f.number == leaf && take_name(&rest, find_field(f.bytes, ANY_NAME)) && *rest == '\0')
            return true;
        if (nested && f.number == nested &&
            declares(f.bytes, symbol, MESSAGE_FIELD, MESSAGE_NESTED, MESSAGE_ENUM, depth + 1))
            return true;
        if (nested_enum && f.number == nested_enum && declares(f.bytes, symbol, ENUM_VALUE, 0, 0, depth + 1))
            return true;
    }
    return false;
}

static bool file_declares(struct svc_span file, const char *symbol)
{
    const struct svc_span package = find_field(file, FILE_PACKAGE);
    struct field f;
    if (package.size > 0 && (!take_name(&symbol, package) || *symbol == '\0'))
        return false;
    for (size_t at = 0; next_field(file, &at, &f);)
        if ((f.number == FILE_SERVICE && declares(f.bytes, symbol, SERVICE_METHOD, 0, 0, 0)) ||
            (f.number == FILE_MESSAGE && declares(f.bytes, symbol, MESSAGE_FIELD, MESSAGE_NESTED, MESSAGE_ENUM, 0)) ||
            (f.number == FILE_ENUM && declares(f.bytes, symbol, ENUM_VALUE, 0, 0, 0)))
            return true;
    return false;
}

bool svc_file_by_symbol(struct svc_span set, const char *symbol, struct svc_span *file)
{
    struct field f;
    if (symbol[0] == '.')
        symbol++;
    for (size_t at = 0; next_field(set, &at, &f);)
        if (f.number == SET_FILE && file_declares(f.bytes, symbol)) {
            *file = f.bytes;
            return true;
        }
    return false;
}

bool svc_file_import(struct svc_span file, size_t *at, struct svc_span *name)
{
    struct field f;
    while (next_field(file, at, &f))
        if (f.number == FILE_IMPORT) {
            *name = f.bytes;
            return true;
        }
    return false;
}

/* *at counts services over all files: the sets are small. */
bool svc_next_service(struct svc_span set, size_t *at, char *name, size_t size)
{
    struct field file, f;
    size_t index = 0;
    for (size_t i = 0; next_field(set, &i, &file);) {
        const struct svc_span package = find_field(file.bytes, FILE_PACKAGE);
        for (size_t j = 0; file.number == SET_FILE && next_field(file.bytes, &j, &f);) {
            if (f.number != FILE_SERVICE || index++ < *at)
                continue;
            const struct svc_span service = find_field(f.bytes, ANY_NAME);
            const int n = snprintf(name, size, "%.*s%s%.*s", (int)package.size, (const char *)package.data,
                                   package.size ? "." : "", (int)service.size, (const char *)service.data);
            ++*at;
            return n > 0 && (size_t)n < size;
        }
    }
    return false;
}
