/* SPDX-License-Identifier: Apache-2.0 */
/* Files of packed layers: a head that says what for, then each layer's sizes and arrays, every array at a multiple of
 * 64 bytes. Invariant: nothing of a layer is handed out before its whole length was found to lie in the file. */
#include "engine/qwen25vl/packed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/file.h"

#define DOMAIN "packed"
#define MAGIC "DPPACK3"
#define ALIGN 64
#define MAX_FILE ((uint64_t)1 << 40)

struct head {
    char magic[8];
    char identity[64], isa[32];
    uint32_t precision, count;
    uint64_t size; /* of the file */
    uint8_t unused[8];
};

struct entry {
    uint64_t kind, n, k;
    uint8_t unused[40];
};
_Static_assert(sizeof(struct head) == 128 && sizeof(struct entry) == 64, "layout of the file");

struct eng_packfile {
    struct b_bytes bytes;
    size_t at;
    uint32_t left; /* layers not taken yet */
};

/* Arrays of a layer, in bytes; 0: it has none. */
struct parts {
    uint64_t weights, scale, shift;
    size_t w_row;
};

static bool is_packed(enum eng_linear_kind kind)
{
    return kind == ENG_LINEAR_S8 || kind == ENG_LINEAR_Q4 || kind == ENG_LINEAR_Q4_S8;
}

/* n and k come from a checked configuration: products fit 64 bits. */
static struct parts parts_of(enum eng_linear_kind kind, size_t n, size_t k)
{
    const bool wide = kind == ENG_LINEAR_S8;
    struct parts p = {.w_row = wide ? eng_lm_padded(k) : eng_lm_q4_bytes(k)};
    p.weights = (uint64_t)eng_linear_rows(kind, n) * p.w_row;
    p.scale = wide ? n * sizeof(float) : 0;
    p.shift = n * sizeof(float);
    return p;
}

static uint64_t padded(uint64_t bytes)
{
    return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

static uint64_t length_of(const struct parts *p)
{
    return padded(p->weights) + padded(p->scale) + padded(p->shift);
}

static const char *precision_name(enum eng_qwen_precision precision)
{
    static const char *const names[] = {"exact", "bf16", "int8", "int4"};
    return (size_t)precision < sizeof names / sizeof *names ? names[precision] : "unknown";
}

enum b_code eng_packfile_path(const char *folder, const struct eng_packfile_key *key, char *path, size_t cap,
                              struct b_err *err)
{
    const int n = snprintf(path, cap, "%s/docparse-%s-%s-%.16s.packed", folder, precision_name(key->precision),
                           key->isa, key->identity);
    if (n < 0 || (size_t)n >= cap)
        return b_fail(err, B_ARGUMENT, DOMAIN, "the path of the packed weights is too long");
    return B_OK;
}

static struct head head_of(const struct eng_packfile_key *key, uint32_t count, uint64_t size)
{
    struct head h = {.magic = MAGIC, .precision = (uint32_t)key->precision, .count = count, .size = size};
    memcpy(h.identity, key->identity, strnlen(key->identity, sizeof h.identity));
    memcpy(h.isa, key->isa, strnlen(key->isa, sizeof h.isa - 1));
    return h;
}

enum b_code eng_packfile_open(const char *path, const struct eng_packfile_key *key, struct eng_packfile **out,
                              struct b_err *err)
{
    *out = NULL;
    struct eng_packfile *p = calloc(1, sizeof *p);
    if (!p)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    enum b_code code = b_bytes_map(path, MAX_FILE, &p->bytes, err);
    struct head found;
    if (code == B_OK && p->bytes.size >= sizeof found) {
        memcpy(&found, p->bytes.data, sizeof found);
        const struct head want = head_of(key, found.count, p->bytes.size);
        if (memcmp(&found, &want, sizeof found) == 0) {
            p->at = sizeof found;
            p->left = found.count;
            *out = p;
            return B_OK;
        }
    }
    if (code == B_OK) {
        code = b_fail(err, B_FORMAT, DOMAIN, "%.250s is damaged or made for another model or processor", path);
        b_advise(err, "delete it, or make it again with docparse models pack");
    }
    eng_packfile_drop(p);
    return code;
}

void eng_packfile_drop(struct eng_packfile *packed)
{
    if (!packed)
        return;
    b_bytes_close(&packed->bytes);
    free(packed);
}

/* The array of so many bytes at the place, which moves behind it. Nobody writes through it. */
static void *array_at(struct eng_packfile *p, uint64_t bytes)
{
    void *at = bytes ? (void *)(uintptr_t)(p->bytes.data + p->at) : NULL;
    p->at += (size_t)padded(bytes);
    return at;
}

enum b_code eng_packfile_take(struct eng_packfile *p, enum eng_linear_kind kind, size_t n, size_t k,
                              struct eng_linear *out, struct b_err *err)
{
    struct entry entry = {.kind = UINT64_MAX};
    const struct parts parts = parts_of(kind, n, k);
    const size_t room = p->bytes.size - p->at;
    if (p->left && room >= sizeof entry)
        memcpy(&entry, p->bytes.data + p->at, sizeof entry);
    if (entry.kind != (uint64_t)kind || entry.n != n || entry.k != k || length_of(&parts) > room - sizeof entry) {
        b_fail(err, B_FORMAT, DOMAIN, "the packed weights have other layers than the model");
        b_advise(err, "delete the file, or make it again with docparse models pack");
        return B_FORMAT;
    }
    p->at += sizeof entry;
    p->left--;
    *out = (struct eng_linear){.kind = kind, .n = n, .k = k, .w_row = parts.w_row, .mapped = true};
    out->owned = array_at(p, parts.weights);
    out->w = out->owned;
    out->scale = array_at(p, parts.scale);
    out->shift = array_at(p, parts.shift);
    return B_OK;
}

static enum b_code put_array(struct b_outfile *file, const void *data, uint64_t bytes, struct b_err *err)
{
    static const uint8_t zeros[ALIGN];
    enum b_code code = bytes ? b_outfile_write(file, data, (size_t)bytes, err) : B_OK;
    return code ? code : b_outfile_write(file, zeros, (size_t)(padded(bytes) - bytes), err);
}

static enum b_code put_layer(struct b_outfile *file, const struct eng_linear *l, struct b_err *err)
{
    const struct entry entry = {.kind = (uint64_t)l->kind, .n = l->n, .k = l->k};
    const struct parts p = parts_of(l->kind, l->n, l->k);
    enum b_code code = b_outfile_write(file, &entry, sizeof entry, err);
    if (!code)
        code = put_array(file, l->w, p.weights, err);
    if (!code)
        code = put_array(file, l->scale, p.scale, err);
    return code ? code : put_array(file, l->shift, p.shift, err);
}

enum b_code eng_packfile_write(const char *path, const struct eng_packfile_key *key,
                               const struct eng_linear *const *layers, size_t count, struct b_err *err)
{
    struct b_outfile *file = NULL;
    uint64_t size = sizeof(struct head);
    for (size_t i = 0; i < count; i++) {
        if (!is_packed(layers[i]->kind))
            return b_fail(err, B_ARGUMENT, DOMAIN, "the model has no packed weights in this precision");
        const struct parts p = parts_of(layers[i]->kind, layers[i]->n, layers[i]->k);
        size += sizeof(struct entry) + length_of(&p);
    }
    const struct head head = head_of(key, (uint32_t)count, size);
    enum b_code code = b_outfile_open(path, &file, err);
    if (!code)
        code = b_outfile_write(file, &head, sizeof head, err);
    for (size_t i = 0; i < count && !code; i++)
        code = put_layer(file, layers[i], err);
    if (!code)
        return b_outfile_commit(file, err);
    b_outfile_abort(file);
    return code;
}
