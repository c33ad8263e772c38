/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the golden files: safetensors headers with jansson, PNG with spng. */
#include "tests/support/tensors.h"

#include <jansson.h>
#include <spng.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    uint8_t *data = NULL;
    long len = fseek(f, 0, SEEK_END) == 0 ? ftell(f) : -1;
    if (len > 0 && fseek(f, 0, SEEK_SET) == 0)
        data = malloc((size_t)len);
    if (data && fread(data, 1, (size_t)len, f) != (size_t)len) {
        free(data);
        data = NULL;
    }
    fclose(f);
    *size = data ? (size_t)len : 0;
    return data;
}

static int read_item(const char *name, const json_t *entry, const uint8_t *data, size_t size, struct t_tensor *out)
{
    const json_t *shape = json_object_get(entry, "shape"), *offsets = json_object_get(entry, "data_offsets");
    const char *type = json_string_value(json_object_get(entry, "dtype"));
    *out = (struct t_tensor){.name = name, .count = 1};
    bool ints = type && strcmp(type, "I32") == 0;
    if (!type || (!ints && strcmp(type, "F32") != 0) || json_array_size(shape) > 6 || json_array_size(offsets) != 2)
        return -1;
    for (size_t i = 0; i < json_array_size(shape); i++) {
        out->dims[out->n_dims++] = json_integer_value(json_array_get(shape, i));
        out->count *= (size_t)json_integer_value(json_array_get(shape, i));
    }
    size_t begin = (size_t)json_integer_value(json_array_get(offsets, 0));
    size_t end = (size_t)json_integer_value(json_array_get(offsets, 1));
    if (end > size || begin > end || end - begin != out->count * sizeof(float))
        return -1;
    float *copy = malloc(end - begin + 1); /* the header's length need not align the data */
    if (!copy)
        return -1;
    memcpy(copy, data + begin, end - begin);
    for (size_t i = 0; ints && i < out->count; i++) {
        int32_t value;
        memcpy(&value, data + begin + i * sizeof value, sizeof value);
        copy[i] = (float)value;
    }
    out->data = copy;
    return 0;
}

int t_tensors_load(const char *path, struct t_tensors *out)
{
    size_t size = 0;
    uint64_t header = 0;
    *out = (struct t_tensors){.bytes = read_file(path, &size)};
    const uint8_t *bytes = out->bytes;
    if (size > 8)
        memcpy(&header, bytes, 8);
    if (!bytes || header == 0 || header > size - 8)
        return -1;
    json_t *root = json_loadb((const char *)bytes + 8, (size_t)header, 0, NULL);
    out->header = root;
    out->items = root ? calloc(json_object_size(root) + 1, sizeof *out->items) : NULL;
    const char *name;
    json_t *entry;
    if (!out->items)
        return -1;
    json_object_foreach(root, name, entry)
    {
        if (strcmp(name, "__metadata__") == 0)
            continue;
        if (read_item(name, entry, bytes + 8 + header, size - 8 - (size_t)header, &out->items[out->count]) != 0)
            return -1;
        out->count++;
    }
    return 0;
}

void t_tensors_free(struct t_tensors *tensors)
{
    for (size_t i = 0; i < tensors->count; i++)
        free((void *)(uintptr_t)tensors->items[i].data);
    free(tensors->items);
    free(tensors->bytes);
    json_decref(tensors->header);
    memset(tensors, 0, sizeof *tensors);
}

const struct t_tensor *t_tensors_find(const struct t_tensors *tensors, const char *name)
{
    for (size_t i = 0; i < tensors->count; i++)
        if (strcmp(tensors->items[i].name, name) == 0)
            return &tensors->items[i];
    return NULL;
}

uint8_t *t_png_load(const char *path, int channels, int *width, int *height)
{
    size_t size = 0, bytes = 0;
    uint8_t *file = read_file(path, &size), *pixels = NULL;
    spng_ctx *ctx = spng_ctx_new(0);
    struct spng_ihdr header;
    if (!file || !ctx || spng_set_png_buffer(ctx, file, size) || spng_get_ihdr(ctx, &header))
        goto out;
    if (spng_decoded_image_size(ctx, channels == 1 ? SPNG_FMT_G8 : SPNG_FMT_RGB8, &bytes))
        goto out;
    pixels = malloc(bytes);
    if (pixels && spng_decode_image(ctx, pixels, bytes, channels == 1 ? SPNG_FMT_G8 : SPNG_FMT_RGB8, 0)) {
        free(pixels);
        pixels = NULL;
    }
    *width = (int)header.width;
    *height = (int)header.height;
    for (size_t i = 0; pixels && channels == 3 && i + 2 < bytes; i += 3) {
        uint8_t r = pixels[i];
        pixels[i] = pixels[i + 2];
        pixels[i + 2] = r;
    }
out:
    spng_ctx_free(ctx);
    free(file);
    return pixels;
}
