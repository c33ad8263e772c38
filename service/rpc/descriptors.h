/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_RPC_DESCRIPTORS_H
#define SERVICE_RPC_DESCRIPTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Looks things up in a serialised FileDescriptorSet without a descriptor library: a set is its files one after
 * the other, and a file is found by its name or by a symbol that it declares. Borrows the set's bytes.
 * Damaged bytes end a search; they never lead outside. Immutable, thread-safe. */

struct svc_span {
    const uint8_t *data;
    size_t size;
};

/* The file called `name`, such as "docparse/v1/parser.proto". */
bool svc_file_by_name(struct svc_span set, const char *name, struct svc_span *file);

/* The file that declares `symbol`: a service, a method ("pkg.Service.Method" or with a slash), a message, an
 * enum, a nested message, or a field of any of those. */
bool svc_file_by_symbol(struct svc_span set, const char *symbol, struct svc_span *file);

/* Names of the files that `file` imports, one after the other: start with *at = 0; false when there are no more. */
bool svc_file_import(struct svc_span file, size_t *at, struct svc_span *name);

/* Full names of the services of the whole set: start with *at = 0; name[0..size) gets "pkg.Service". */
bool svc_next_service(struct svc_span set, size_t *at, char *name, size_t size);

#endif
