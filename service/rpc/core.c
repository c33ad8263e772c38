/* SPDX-License-Identifier: Apache-2.0 */
/* Channel arguments, PEM files and metadata: used by call.c, server.c, tls.c and the client. */
#include <grpc/slice.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/file.h"
#include "service/rpc/core_private.h"

#define DOMAIN "tls"
#define PEM_MAX ((uint64_t)1 << 20) /* chains of certificates have some kB */

grpc_arg svc_number_arg(const char *key, int value)
{
    union {
        const char *in;
        char *out;
    } name = {.in = key};
    return (grpc_arg){.type = GRPC_ARG_INTEGER, .key = name.out, .value = {.integer = value}};
}

grpc_arg svc_pointer_arg(const char *key, void *value, const grpc_arg_pointer_vtable *vtable)
{
    grpc_arg arg = svc_number_arg(key, 0);
    arg.type = GRPC_ARG_POINTER;
    arg.value.pointer.p = value;
    arg.value.pointer.vtable = vtable;
    return arg;
}

enum b_code svc_read_pem(const char *path, char **out, struct b_err *err)
{
    struct b_bytes bytes;
    *out = NULL;
    if (!path)
        return B_OK;
    const enum b_code code = b_bytes_map(path, PEM_MAX, &bytes, err);
    if (code != B_OK)
        return code;
    *out = malloc(bytes.size + 1);
    if (*out) {
        memcpy(*out, bytes.data, bytes.size);
        (*out)[bytes.size] = '\0';
    }
    b_bytes_close(&bytes);
    return *out ? B_OK : b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
}

void svc_slice_text(grpc_slice slice, char *out, size_t size)
{
    const size_t len = GRPC_SLICE_LENGTH(slice) < size - 1 ? GRPC_SLICE_LENGTH(slice) : size - 1;
    memcpy(out, GRPC_SLICE_START_PTR(slice), len);
    out[len] = '\0';
}

const grpc_slice *svc_metadata_find(const grpc_metadata_array *metadata, const char *key)
{
    for (size_t i = 0; i < metadata->count; i++)
        if (grpc_slice_str_cmp(metadata->metadata[i].key, key) == 0)
            return &metadata->metadata[i].value;
    return NULL;
}
