/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_RPC_UNPACK_H
#define SERVICE_RPC_UNPACK_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include <protobuf-c/protobuf-c.h>

/* A received message as a struct, in an arena: tiny messages that swell when unpacked meet the arena's budget
 * instead of the machine's memory. Also checks that every text is valid UTF-8, which the decoder does not. The
 * result borrows nothing from data and is freed with the arena. B_FORMAT: not such a message. */
enum b_code svc_unpack(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t size, struct b_arena *arena,
                       ProtobufCMessage **out, struct b_err *err) B_MUST_CHECK;

/* A budget that honest messages of `size` bytes fit in. */
size_t svc_unpack_budget(size_t size);

#endif
