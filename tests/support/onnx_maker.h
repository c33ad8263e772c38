/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_ONNX_MAKER_H
#define TESTS_SUPPORT_ONNX_MAKER_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/buf.h"

/* Writes small ONNX files byte by byte for tests and fuzz seeds. */
struct t_onnx {
    struct b_buf graph, model;
};

void t_onnx_begin(struct t_onnx *m);
void t_onnx_input(struct t_onnx *m, const char *name);
void t_onnx_output(struct t_onnx *m, const char *name);
/* Initializers; dims as "2,3" ("" for a scalar); data NULL: a fixed pattern of small numbers. */
void t_onnx_floats(struct t_onnx *m, const char *name, const char *dims, const float *data);
void t_onnx_ints(struct t_onnx *m, const char *name, const char *dims, const int64_t *data);
/* in and out: names separated by spaces ("-" for an absent one). attributes: "axis=i1 alpha=f0.5 pads=I0,0,1,1
 * mode=snearest" (i integer, f float, I integers, s text), separated by spaces. */
void t_onnx_node(struct t_onnx *m, const char *op, const char *in, const char *out, const char *attributes);
void t_onnx_metadata(struct t_onnx *m, const char *key, const char *value);
/* The file; valid until t_onnx_free. */
const uint8_t *t_onnx_end(struct t_onnx *m, size_t *size);
void t_onnx_free(struct t_onnx *m);

/* The pattern of t_onnx_floats without data: element i of the array called name. */
float t_onnx_pattern(const char *name, size_t i);

/* Networks that together use every operator of engine/graph/OPS.md; false past the last one. */
bool t_onnx_sample(int index, struct t_onnx *m);

#endif
