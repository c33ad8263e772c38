/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_DIGEST_H
#define DOCPARSE_DIGEST_H

#include <stddef.h>

#include "engine/base/err.h"

/* SHA-256 (FIPS 180-4) as 64 lower-case hex digits, through libcrypto. Thread-safe. */
enum b_code dp_sha256_hex(const void *data, size_t size, char out[65], struct b_err *err) B_MUST_CHECK;

#endif
