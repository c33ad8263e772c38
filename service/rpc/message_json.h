/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_RPC_MESSAGE_JSON_H
#define SERVICE_RPC_MESSAGE_JSON_H

#include "engine/base/err.h"
#include <protobuf-c/protobuf-c.h>

/* Any message as JSON in one line, by its own description: Protocol Buffers' JSON mapping with the names of the .proto
 * files. Fields that have their default are left out, 64-bit numbers are strings, bytes are base64, enums are names.
 * Free it. Thread-safe. */
enum b_code svc_message_json(const ProtobufCMessage *message, char **out, struct b_err *err) B_MUST_CHECK;

#endif
