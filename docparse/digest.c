/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 through libcrypto, in one go or in pieces. */
#include "docparse/digest.h"

#include <stdbool.h>
#include <stdlib.h>

#include <openssl/evp.h>

#define DOMAIN "digest"

struct dp_sha256 {
    EVP_MD_CTX *ctx;
    bool failed;
};

static enum b_code to_hex(const unsigned char *md, unsigned int len, char out[65], struct b_err *err)
{
    static const char digits[] = "0123456789abcdef";
    if (len != 32)
        return b_fail(err, B_LIBRARY, DOMAIN, "libcrypto gave a SHA-256 of %u bytes", len);
    for (unsigned int i = 0; i < 32; i++) {
        out[2 * i] = digits[md[i] >> 4];
        out[2 * i + 1] = digits[md[i] & 15];
    }
    out[64] = '\0';
    return B_OK;
}

enum b_code dp_sha256_hex(const void *data, size_t size, char out[65], struct b_err *err)
{
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    out[0] = '\0';
    if (EVP_Digest(data, size, md, &len, EVP_sha256(), NULL) != 1)
        return b_fail(err, B_LIBRARY, DOMAIN, "libcrypto refused to compute a SHA-256");
    return to_hex(md, len, out, err);
}

struct dp_sha256 *dp_sha256_new(void)
{
    struct dp_sha256 *sha = calloc(1, sizeof *sha);
    if (!sha)
        return NULL;
    sha->ctx = EVP_MD_CTX_new();
    if (!sha->ctx || EVP_DigestInit_ex(sha->ctx, EVP_sha256(), NULL) != 1) {
        dp_sha256_drop(sha);
        return NULL;
    }
    return sha;
}

void dp_sha256_add(struct dp_sha256 *sha, const void *data, size_t size)
{
    if (size > 0 && EVP_DigestUpdate(sha->ctx, data, size) != 1)
        sha->failed = true;
}

enum b_code dp_sha256_end(struct dp_sha256 *sha, char out[65], struct b_err *err)
{
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    out[0] = '\0';
    if (sha->failed || EVP_DigestFinal_ex(sha->ctx, md, &len) != 1)
        return b_fail(err, B_LIBRARY, DOMAIN, "libcrypto refused to compute a SHA-256");
    return to_hex(md, len, out, err);
}

void dp_sha256_drop(struct dp_sha256 *sha)
{
    if (!sha)
        return;
    EVP_MD_CTX_free(sha->ctx);
    free(sha);
}
