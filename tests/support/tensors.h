/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_TENSORS_H
#define TESTS_SUPPORT_TENSORS_H

#include <stddef.h>
#include <stdint.h>

/* Tensors of a safetensors file, for golden tests; int32 ones are converted to fp32. */
struct t_tensor {
    const char *name;
    const float *data;
    size_t count;
    int n_dims;
    int64_t dims[6];
};

struct t_tensors {
    struct t_tensor *items;
    size_t count;
    void *bytes, *header; /* private */
};

/* 0 on success; the file is read whole. */
int t_tensors_load(const char *path, struct t_tensors *out);
void t_tensors_free(struct t_tensors *tensors);
const struct t_tensor *t_tensors_find(const struct t_tensors *tensors, const char *name);

/* Grey or BGR pixels of a PNG file, 8 bits each; NULL when it cannot be read. Free with free(). */
uint8_t *t_png_load(const char *path, int channels, int *width, int *height);

#endif
