/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/onnx_maker.h"

#include <stdlib.h>
#include <string.h>

#define MAX_BYTES ((size_t)16 << 20)

static void put_varint(struct b_buf *b, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        b_buf_putc(b, (char)(v | 0x80));
    b_buf_putc(b, (char)v);
}

static void put_int(struct b_buf *b, unsigned field, int64_t v)
{
    put_varint(b, (uint64_t)field << 3);
    put_varint(b, (uint64_t)v);
}

static void put_bytes(struct b_buf *b, unsigned field, const void *data, size_t len)
{
    put_varint(b, ((uint64_t)field << 3) | 2);
    put_varint(b, len);
    b_buf_append(b, data, len);
}

static void put_text(struct b_buf *b, unsigned field, const char *text)
{
    put_bytes(b, field, text, strlen(text));
}

static void put_float(struct b_buf *b, unsigned field, float f)
{
    put_varint(b, ((uint64_t)field << 3) | 5);
    b_buf_append(b, &f, sizeof f);
}

void t_onnx_begin(struct t_onnx *m)
{
    b_buf_init(&m->graph, MAX_BYTES);
    b_buf_init(&m->model, MAX_BYTES);
    put_int(&m->model, 1, 8);
}

static void put_named(struct t_onnx *m, unsigned field, const char *name)
{
    struct b_buf info;
    b_buf_init(&info, MAX_BYTES);
    put_text(&info, 1, name);
    put_bytes(&m->graph, field, info.data, info.len);
    b_buf_free(&info);
}

void t_onnx_input(struct t_onnx *m, const char *name)
{
    put_named(m, 11, name);
}

void t_onnx_output(struct t_onnx *m, const char *name)
{
    put_named(m, 12, name);
}

static size_t put_dims(struct b_buf *b, unsigned field, const char *dims)
{
    size_t count = 1;
    while (*dims) {
        char *end;
        long v = strtol(dims, &end, 10);
        put_int(b, field, v);
        count *= (size_t)v;
        dims = *end ? end + 1 : end;
    }
    return count;
}

float t_onnx_pattern(const char *name, size_t i)
{
    uint32_t h = 2166136261u;
    for (; *name; name++)
        h = (h ^ (uint8_t)*name) * 16777619u;
    h = (h ^ (uint32_t)i) * 2654435761u;
    h ^= h >> 15;
    return (float)(h % 2001) / 2000.0f - 0.5f;
}

void t_onnx_floats(struct t_onnx *m, const char *name, const char *dims, const float *data)
{
    struct b_buf t;
    b_buf_init(&t, MAX_BYTES);
    size_t count = put_dims(&t, 1, dims);
    put_int(&t, 2, 1);
    put_text(&t, 8, name);
    float *values = malloc((count + 1) * sizeof *values);
    for (size_t i = 0; values && i < count; i++)
        values[i] = data ? data[i] : t_onnx_pattern(name, i);
    if (values)
        put_bytes(&t, 9, values, count * sizeof *values);
    free(values);
    put_bytes(&m->graph, 5, t.data, t.len);
    b_buf_free(&t);
}

void t_onnx_ints(struct t_onnx *m, const char *name, const char *dims, const int64_t *data)
{
    struct b_buf t;
    b_buf_init(&t, MAX_BYTES);
    size_t count = put_dims(&t, 1, dims);
    put_int(&t, 2, 7);
    put_text(&t, 8, name);
    put_bytes(&t, 9, data, count * sizeof *data);
    put_bytes(&m->graph, 5, t.data, t.len);
    b_buf_free(&t);
}

/* Calls put for every word of text. */
static void put_words(struct b_buf *b, unsigned field, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, " ");
        if (len == 1 && *text == '-')
            put_bytes(b, field, "", 0);
        else if (len)
            put_bytes(b, field, text, len);
        text += len + (text[len] == ' ');
    }
}

static void put_attribute(struct b_buf *node, const char *spec, size_t len)
{
    struct b_buf a;
    b_buf_init(&a, MAX_BYTES);
    char value[256] = {0};
    size_t name = strcspn(spec, "=");
    if (name + 2 <= len && len - name - 2 < sizeof value) {
        memcpy(value, spec + name + 2, len - name - 2);
        put_bytes(&a, 1, spec, name);
        switch (spec[name + 1]) {
        case 'i':
            put_int(&a, 3, strtol(value, NULL, 10));
            break;
        case 'f':
            put_float(&a, 2, strtof(value, NULL));
            break;
        case 'I':
            (void)put_dims(&a, 8, value);
            break;
        default:
            put_text(&a, 4, value);
            break;
        }
        put_bytes(node, 5, a.data, a.len);
    }
    b_buf_free(&a);
}

void t_onnx_node(struct t_onnx *m, const char *op, const char *in, const char *out, const char *attributes)
{
    struct b_buf n;
    b_buf_init(&n, MAX_BYTES);
    put_words(&n, 1, in);
    put_words(&n, 2, out);
    put_text(&n, 4, op);
    while (*attributes) {
        size_t len = strcspn(attributes, " ");
        put_attribute(&n, attributes, len);
        attributes += len + (attributes[len] == ' ');
    }
    put_bytes(&m->graph, 1, n.data, n.len);
    b_buf_free(&n);
}

void t_onnx_metadata(struct t_onnx *m, const char *key, const char *value)
{
    struct b_buf e;
    b_buf_init(&e, MAX_BYTES);
    put_text(&e, 1, key);
    put_text(&e, 2, value);
    put_bytes(&m->model, 14, e.data, e.len);
    b_buf_free(&e);
}

const uint8_t *t_onnx_end(struct t_onnx *m, size_t *size)
{
    put_bytes(&m->model, 7, m->graph.data, m->graph.len);
    *size = m->model.len;
    return (const uint8_t *)m->model.data;
}

void t_onnx_free(struct t_onnx *m)
{
    b_buf_free(&m->graph);
    b_buf_free(&m->model);
}
