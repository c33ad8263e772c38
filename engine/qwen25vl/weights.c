/* SPDX-License-Identifier: Apache-2.0 */
/* What a tensor of a checkpoint is asked for: shape and type checks, widening to float32, int4 layers, and the
 * name of the whole by its contents. Widening is exact for every bit pattern, NaN payloads included. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "engine/qwen25vl/checkpoint.h"
#include "engine/qwen25vl/checkpoint_private.h"

#define DOMAIN "checkpoint"

static bool shape_is(const struct eng_weight *w, int n_dims, const int64_t *dims)
{
    if (w->n_dims != n_dims)
        return false;
    for (int i = 0; i < n_dims; i++)
        if (w->dims[i] != dims[i])
            return false;
    return true;
}

static void shape_text(int n_dims, const int64_t *dims, char *out, size_t cap)
{
    size_t at = 0;
    out[0] = '\0';
    for (int i = 0; i < n_dims && at < cap; i++) {
        const int n = snprintf(out + at, cap - at, i ? " x %lld" : "%lld", (long long)dims[i]);
        at += n > 0 ? (size_t)n : cap;
    }
}

static enum b_code find_shaped(const struct eng_checkpoint *cp, const char *name, int n_dims, const int64_t *dims,
                               const struct eng_weight **out, struct b_err *err)
{
    *out = eng_checkpoint_find(cp, name);
    if (!*out)
        return b_fail(err, B_FORMAT, DOMAIN, "tensor %.100s is missing", name);
    if (shape_is(*out, n_dims, dims))
        return B_OK;
    char want[96], found[96];
    shape_text(n_dims, dims, want, sizeof want);
    shape_text((*out)->n_dims, (*out)->dims, found, sizeof found);
    *out = NULL;
    return b_fail(err, B_FORMAT, DOMAIN, "tensor %.100s is %s instead of %s", name, found, want);
}

static bool is_float(const struct eng_weight *w)
{
    return w->dtype == ENG_F32 || w->dtype == ENG_F16 || w->dtype == ENG_BF16;
}

enum b_code eng_checkpoint_float(const struct eng_checkpoint *cp, const char *name, int n_dims, const int64_t *dims,
                                 const struct eng_weight **out, struct b_err *err)
{
    enum b_code code = find_shaped(cp, name, n_dims, dims, out, err);
    if (!code && !is_float(*out)) {
        code = b_fail(err, B_UNSUPPORTED, DOMAIN, "tensor %.100s is of %s instead of bf16, fp16 or fp32", name,
                      st_dtype_name((*out)->dtype));
        *out = NULL;
    }
    return code;
}

enum b_code eng_checkpoint_typed(const struct eng_checkpoint *cp, const char *name, enum eng_dtype dtype, int n_dims,
                                 const int64_t *dims, const struct eng_weight **out, struct b_err *err)
{
    enum b_code code = find_shaped(cp, name, n_dims, dims, out, err);
    if (!code && (*out)->dtype != dtype) {
        code = b_fail(err, B_UNSUPPORTED, DOMAIN, "tensor %.100s is of %s instead of %s", name,
                      st_dtype_name((*out)->dtype), st_dtype_name(dtype));
        *out = NULL;
    }
    return code;
}

static float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float from_f16(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000u) << 16, exponent = h >> 10 & 31u, mantissa = h & 0x3ffu;
    if (exponent == 31)
        return from_bits(sign | 0x7f800000u | mantissa << 13);
    if (exponent)
        return from_bits(sign | (exponent + 112u) << 23 | mantissa << 13);
    const float value = ldexpf((float)mantissa, -24); /* subnormal: exact in float32 */
    return sign ? -value : value;
}

void eng_weight_to_f32(const struct eng_weight *w, int64_t first, int64_t count, float *out)
{
    const uint16_t *half = w->data;
    if (w->dtype == ENG_F32) {
        memcpy(out, (const float *)w->data + first, (size_t)count * sizeof *out);
    } else if (w->dtype == ENG_BF16) {
        for (int64_t i = 0; i < count; i++)
            out[i] = from_bits((uint32_t)half[first + i] << 16);
    } else if (w->dtype == ENG_F16) {
        for (int64_t i = 0; i < count; i++)
            out[i] = from_f16(half[first + i]);
    } else {
        memset(out, 0, (size_t)count * sizeof *out); /* outside of the contract; never uninitialised */
    }
}

enum b_code eng_awq_find(const struct eng_checkpoint *cp, const char *prefix, int64_t in, int64_t out, int group,
                         struct eng_awq *awq, struct b_err *err)
{
    char name[3][256];
    static const char *const parts[3] = {"qweight", "qzeros", "scales"};
    memset(awq, 0, sizeof *awq);
    for (int i = 0; i < 3; i++) {
        const int n = snprintf(name[i], sizeof name[i], "%s.%s", prefix, parts[i]);
        if (n < 0 || (size_t)n >= sizeof name[i])
            return b_fail(err, B_ARGUMENT, DOMAIN, "a layer's name is too long");
    }
    if (!eng_checkpoint_find(cp, name[0]))
        return b_fail(err, B_NOT_FOUND, DOMAIN, "%.100s is not quantised", prefix);
    if (group < 1 || in % group || out % 8)
        return b_fail(err, B_FORMAT, DOMAIN, "%.100s: %lld x %lld does not fit groups of %d", prefix, (long long)out,
                      (long long)in, group);
    const int64_t weight[2] = {in, out / 8}, zeros[2] = {in / group, out / 8}, scales[2] = {in / group, out};
    enum b_code code = eng_checkpoint_typed(cp, name[0], ENG_I32, 2, weight, &awq->qweight, err);
    if (!code)
        code = eng_checkpoint_typed(cp, name[1], ENG_I32, 2, zeros, &awq->qzeros, err);
    if (!code)
        code = eng_checkpoint_float(cp, name[2], 2, scales, &awq->scales, err);
    awq->in = in;
    awq->out = out;
    awq->group = group;
    return code;
}

int eng_awq_nibble(const struct eng_weight *packed, int64_t row, int64_t col)
{
    /* Nibble i of a word holds column (0,2,4,6,1,3,5,7)[i]; this is the inverse. */
    static const int place[8] = {0, 4, 1, 5, 2, 6, 3, 7};
    const uint32_t *words = packed->data;
    return (int)(words[row * packed->dims[1] + col / 8] >> (4 * place[col % 8]) & 15u);
}

void eng_awq_rows_to_f32(const struct eng_awq *awq, int64_t first, int64_t count, float *out)
{
    for (int64_t o = first; o < first + count; o++) {
        float scale = 0;
        int zero = 0;
        for (int64_t k = 0; k < awq->in; k++) {
            if (k % awq->group == 0) {
                eng_weight_to_f32(awq->scales, k / awq->group * awq->out + o, 1, &scale);
                zero = eng_awq_nibble(awq->qzeros, k / awq->group, o);
            }
            *out++ = (float)(eng_awq_nibble(awq->qweight, k, o) - zero) * scale;
        }
    }
}

/* 64 blocks of 64 KiB of every file: enough that retrained weights differ, little enough for a 4 GB shard. */
#define SAMPLE_BLOCKS 64
#define SAMPLE_BYTES ((size_t)65536)

static bool digest_shard(EVP_MD_CTX *ctx, const struct b_bytes *shard)
{
    const size_t at = st_data_at(shard->data), size = shard->size - at;
    uint8_t length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)((uint64_t)shard->size >> (8 * i));
    bool ok = EVP_DigestUpdate(ctx, length, sizeof length) == 1 && EVP_DigestUpdate(ctx, shard->data, at) == 1;
    if (size <= SAMPLE_BLOCKS * SAMPLE_BYTES)
        return ok && EVP_DigestUpdate(ctx, shard->data + at, size) == 1;
    const size_t step = (size - SAMPLE_BYTES) / (SAMPLE_BLOCKS - 1);
    for (size_t i = 0; i < SAMPLE_BLOCKS && ok; i++)
        ok = EVP_DigestUpdate(ctx, shard->data + at + i * step, SAMPLE_BYTES) == 1;
    return ok;
}

enum b_code eng_checkpoint_identity(const struct eng_checkpoint *cp, char out[65], struct b_err *err)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    out[0] = '\0';
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
    for (size_t i = 0; i < cp->n_shards && ok; i++)
        ok = digest_shard(ctx, &cp->shards[i]);
    ok = ok && EVP_DigestFinal_ex(ctx, md, &len) == 1 && len == 32;
    EVP_MD_CTX_free(ctx);
    if (!ok)
        return b_fail(err, B_LIBRARY, DOMAIN, "libcrypto refused to compute a SHA-256");
    for (unsigned int i = 0; i < 32; i++) {
        out[2 * i] = digits[md[i] >> 4];
        out[2 * i + 1] = digits[md[i] & 15];
    }
    out[64] = '\0';
    return B_OK;
}
