/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCPARSE_DIGEST_H
#define DOCPARSE_DIGEST_H

#include <stddef.h>

#include "engine/base/err.h"

/* SHA-256 (FIPS 180-4) as 64 lower-case hex digits, through libcrypto. Thread-safe. */
enum b_code dp_sha256_hex(const void *data, size_t size, char out[65], struct b_err *err) B_MUST_CHECK;

/* The same for data that arrives in pieces. dp_sha256_new gives NULL when out of memory; failures later on
 * are kept and told by dp_sha256_end, which may be called once. One thread at a time. */
struct dp_sha256;
struct dp_sha256 *dp_sha256_new(void);
void dp_sha256_add(struct dp_sha256 *sha, const void *data, size_t size);
enum b_code dp_sha256_end(struct dp_sha256 *sha, char out[65], struct b_err *err) B_MUST_CHECK;
void dp_sha256_drop(struct dp_sha256 *sha);

#endif
