/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 through libcrypto's one-shot interface. */
#include "docparse/digest.h"

#include <openssl/evp.h>

enum b_code dp_sha256_hex(const void *data, size_t size, char out[65], struct b_err *err)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    out[0] = '\0';
    if (EVP_Digest(data, size, md, &len, EVP_sha256(), NULL) != 1 || len != 32)
        return b_fail(err, B_LIBRARY, "digest", "libcrypto refused to compute a SHA-256");
    for (unsigned int i = 0; i < 32; i++) {
        out[2 * i] = digits[md[i] >> 4];
        out[2 * i + 1] = digits[md[i] & 15];
    }
    out[64] = '\0';
    return B_OK;
}
