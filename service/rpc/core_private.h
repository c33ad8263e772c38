/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_RPC_CORE_PRIVATE_H
#define SERVICE_RPC_CORE_PRIVATE_H

#include <grpc/grpc.h>

#include "engine/base/err.h"

/* Small things that the server's and the client's side of gRPC share. */

/* A channel argument; borrows the key. */
grpc_arg svc_number_arg(const char *key, int value);

/* The same with a value that the core may take a reference of. */
grpc_arg svc_pointer_arg(const char *key, void *value, const grpc_arg_pointer_vtable *vtable);

/* A PEM file as text; free it. NULL stays NULL. */
enum b_code svc_read_pem(const char *path, char **out, struct b_err *err) B_MUST_CHECK;

/* A metadata value as text, cut to size - 1 bytes. */
void svc_slice_text(grpc_slice slice, char *out, size_t size);

/* The value under a key, or NULL. Borrowed. */
const grpc_slice *svc_metadata_find(const grpc_metadata_array *metadata, const char *key);

#endif
