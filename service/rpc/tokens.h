/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_RPC_TOKENS_H
#define SERVICE_RPC_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

/* Bearer tokens from a file: a line each, "NAME TOKEN", # for comments. The name is the client's identity in
 * logs and fairness; tokens are 16 to 512 printable characters and never logged. The file is read again when
 * it changes, so that a token can be withdrawn without a restart. Thread-safe. */
struct svc_tokens;

enum b_code svc_tokens_open(const char *path, struct svc_tokens **out, struct b_err *err) B_MUST_CHECK;
void svc_tokens_drop(struct svc_tokens *tokens);

/* Reads the file again if it changed; a damaged file leaves the old tokens in force and is logged. */
void svc_tokens_refresh(struct svc_tokens *tokens);

/* Takes the file and tokens of another object, which is dropped. */
void svc_tokens_take(struct svc_tokens *tokens, struct svc_tokens *from);

/* Whether the value of an `authorization` header is a known token; name[0..size) gets its owner. Takes the same
 * time whatever the token is. */
bool svc_tokens_check(struct svc_tokens *tokens, const char *authorization, char *name, size_t size);

#endif
