/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_RPC_WIRE_H
#define SERVICE_RPC_WIRE_H

#include <stdint.h>

#include "engine/base/buf.h"
#include <protobuf-c/protobuf-c.h>

/* Single fields of the protobuf wire format, appended to a buffer: a document's pages are packed as they
 * come and put together afterwards, so that memory holds bytes and not a tree of every page. */

/* Text and messages as the pointers that generated structs have, which are not const; packing only reads them. */
char *svc_borrow(const char *text); /* NULL becomes "" */
void *svc_borrow_message(const void *message);

/* A length-delimited field: bytes, string or an already packed message. */
void svc_wire_bytes(struct b_buf *buf, uint32_t field, const void *data, size_t size);
/* A varint field; 0 is written too (a reader takes it for the default). */
void svc_wire_number(struct b_buf *buf, uint32_t field, uint64_t value);
/* A message as a length-delimited field. */
enum b_code svc_wire_message(struct b_buf *buf, uint32_t field, const ProtobufCMessage *message,
                             struct b_err *err) B_MUST_CHECK;
/* A message without a field around it. */
enum b_code svc_wire_pack(struct b_buf *buf, const ProtobufCMessage *message, struct b_err *err) B_MUST_CHECK;

#endif
