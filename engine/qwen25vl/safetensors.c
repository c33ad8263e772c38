/* SPDX-License-Identifier: Apache-2.0 */
/* The safetensors container: 8 bytes of header length, a JSON header, raw row-major data. Invariant: a tensor is
 * added to the list only after its byte range, its shape and its dtype were found to agree, and the ranges of all
 * tensors follow each other without gap or overlap, as the format demands. */
#include "engine/qwen25vl/safetensors.h"

#include <stdlib.h>
#include <string.h>

#include "engine/qwen25vl/json_read.h"

#define DOMAIN "safetensors"
#define LENGTH_BYTES 8

static const struct {
    const char *name;
    enum eng_dtype dtype;
    size_t size;
} dtypes[] = {
    {"F32", ENG_F32, 4},    {"F16", ENG_F16, 2},       {"BF16", ENG_BF16, 2},     {"I32", ENG_I32, 4},
    {"I64", ENG_I64, 8},    {"U8", ENG_U8, 1},         {"F64", ENG_OTHER, 8},     {"I16", ENG_OTHER, 2},
    {"I8", ENG_OTHER, 1},   {"U16", ENG_OTHER, 2},     {"U32", ENG_OTHER, 4},     {"U64", ENG_OTHER, 8},
    {"BOOL", ENG_OTHER, 1}, {"F8_E4M3", ENG_OTHER, 1}, {"F8_E5M2", ENG_OTHER, 1},
};

size_t st_dtype_size(enum eng_dtype dtype)
{
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
        if (dtypes[i].dtype == dtype && dtype != ENG_OTHER)
            return dtypes[i].size;
    return 0;
}

const char *st_dtype_name(enum eng_dtype dtype)
{
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
        if (dtypes[i].dtype == dtype && dtype != ENG_OTHER)
            return dtypes[i].name;
    return "another type";
}

/* A file being read. */
struct file {
    const char *what;
    const uint8_t *data; /* first byte of the tensors' data */
    size_t size;         /* bytes of it */
    struct b_err *err;
};

static uint64_t little_endian(const uint8_t *p)
{
    uint64_t value = 0;
    for (int i = LENGTH_BYTES - 1; i >= 0; i--)
        value = value << 8 | p[i];
    return value;
}

size_t st_data_at(const void *data)
{
    return LENGTH_BYTES + (size_t)little_endian(data);
}

static enum b_code read_dtype(const struct file *f, const json_t *entry, const char *name, struct eng_weight *w,
                              size_t *element)
{
    const char *text = json_string_value(json_object_get(entry, "dtype"));
    for (size_t i = 0; text && i < sizeof dtypes / sizeof *dtypes; i++) {
        if (strcmp(dtypes[i].name, text) == 0) {
            w->dtype = dtypes[i].dtype;
            *element = dtypes[i].size;
            return B_OK;
        }
    }
    return b_fail(f->err, text ? B_UNSUPPORTED : B_FORMAT, DOMAIN, "%s: tensor %.80s has dtype %.20s", f->what, name,
                  text ? text : "(none)");
}

static enum b_code read_shape(const struct file *f, const json_t *entry, const char *name, struct eng_weight *w)
{
    const json_t *shape = json_object_get(entry, "shape");
    if (!json_is_array(shape) || json_array_size(shape) > ENG_TENSOR_MAX_DIMS)
        return b_fail(f->err, B_FORMAT, DOMAIN, "%s: tensor %.80s has no shape of at most %d dimensions", f->what, name,
                      ENG_TENSOR_MAX_DIMS);
    w->n_dims = (int)json_array_size(shape);
    w->count = 1;
    for (int i = 0; i < w->n_dims; i++) {
        const json_t *item = json_array_get(shape, (size_t)i);
        w->dims[i] = json_integer_value(item);
        if (!json_is_integer(item) || w->dims[i] < 0 || __builtin_mul_overflow(w->count, w->dims[i], &w->count))
            return b_fail(f->err, B_FORMAT, DOMAIN, "%s: tensor %.80s has a dimension out of range", f->what, name);
    }
    return B_OK;
}

static enum b_code read_range(const struct file *f, const json_t *entry, const char *name, size_t element,
                              struct eng_weight *w, size_t *begin)
{
    const json_t *offsets = json_object_get(entry, "data_offsets");
    const json_t *low = json_array_get(offsets, 0), *high = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(low) || !json_is_integer(high))
        return b_fail(f->err, B_FORMAT, DOMAIN, "%s: tensor %.80s has no data_offsets", f->what, name);
    const json_int_t from = json_integer_value(low), to = json_integer_value(high);
    int64_t bytes;
    if (from < 0 || to < from || (uint64_t)to > f->size)
        return b_fail(f->err, B_FORMAT, DOMAIN, "%s: tensor %.80s lies outside of the file", f->what, name);
    if (__builtin_mul_overflow(w->count, (int64_t)element, &bytes) || bytes != to - from)
        return b_fail(f->err, B_FORMAT, DOMAIN, "%s: the shape of tensor %.80s needs another number of bytes", f->what,
                      name);
    w->bytes = (size_t)bytes;
    w->data = f->data + from;
    *begin = (size_t)from;
    return B_OK;
}

static enum b_code grow(struct st_list *list, struct b_err *err)
{
    if (list->count < list->cap)
        return B_OK;
    const size_t cap = list->cap ? list->cap * 2 : 64;
    struct eng_weight *items = realloc(list->items, cap * sizeof *items);
    if (!items)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "no memory for %zu tensors", cap);
    list->items = items;
    list->cap = cap;
    return B_OK;
}

static enum b_code add(const struct file *f, const char *name, const json_t *entry, struct st_list *list)
{
    struct eng_weight w = {0};
    size_t element = 1, begin = 0;
    enum b_code code = read_dtype(f, entry, name, &w, &element);
    if (!code)
        code = read_shape(f, entry, name, &w);
    if (!code)
        code = read_range(f, entry, name, element, &w, &begin);
    if (!code)
        code = grow(list, f->err);
    if (code)
        return code;
    w.name = strdup(name);
    if (!w.name)
        return b_fail(f->err, B_NO_MEMORY, DOMAIN, "no memory for a tensor's name");
    list->items[list->count++] = w;
    return B_OK;
}

static int by_place(const void *a, const void *b)
{
    const struct eng_weight *x = a, *y = b;
    const uintptr_t p = (uintptr_t)x->data, q = (uintptr_t)y->data;
    if (p != q)
        return p < q ? -1 : 1;
    return x->bytes < y->bytes ? -1 : x->bytes > y->bytes; /* empty ones first */
}

static enum b_code check_cover(const struct file *f, struct st_list *list, size_t first)
{
    if (list->count > first)
        qsort(list->items + first, list->count - first, sizeof *list->items, by_place);
    const uint8_t *at = f->data;
    for (size_t i = first; i < list->count; i++) {
        if ((const uint8_t *)list->items[i].data != at)
            return b_fail(f->err, B_FORMAT, DOMAIN, "%s: gap or overlap before tensor %.80s", f->what,
                          list->items[i].name);
        at += list->items[i].bytes;
    }
    if (at != f->data + f->size)
        return b_fail(f->err, B_FORMAT, DOMAIN, "%s: %zu bytes belong to no tensor", f->what,
                      (size_t)(f->data + f->size - at));
    return B_OK;
}

enum b_code st_parse(const void *data, size_t size, const char *what, struct st_list *list, struct b_err *err)
{
    const uint8_t *bytes = data;
    if (size < LENGTH_BYTES)
        return b_fail(err, B_FORMAT, DOMAIN, "%s is too short for a safetensors file", what);
    const uint64_t header = little_endian(bytes);
    if (header > size - LENGTH_BYTES)
        return b_fail(err, B_FORMAT, DOMAIN, "%s is truncated, or no safetensors file", what);
    if (header > QJ_MAX_HEADER)
        return b_fail(err, B_LIMIT, DOMAIN, "the header of %s has more than %zu bytes", what, QJ_MAX_HEADER);
    const struct file f = {
        .what = what, .data = bytes + LENGTH_BYTES + header, .size = size - LENGTH_BYTES - (size_t)header, .err = err};
    json_t *root = NULL;
    enum b_code code =
        qj_parse_strict((const char *)bytes + LENGTH_BYTES, (size_t)header, QJ_MAX_HEADER, what, &root, err);
    const size_t first = list->count;
    for (void *it = json_object_iter(root); it && !code; it = json_object_iter_next(root, it))
        if (strcmp(json_object_iter_key(it), "__metadata__") != 0)
            code = add(&f, json_object_iter_key(it), json_object_iter_value(it), list);
    if (!code)
        code = check_cover(&f, list, first);
    json_decref(root);
    return code;
}

void st_list_free(struct st_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free((void *)(uintptr_t)list->items[i].name);
    free(list->items);
    memset(list, 0, sizeof *list);
}
