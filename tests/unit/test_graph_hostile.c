/* SPDX-License-Identifier: Apache-2.0 */
/* Damaged and unsupported networks: an error with a reason, never a wrong result or a crash (run under the
 * sanitizers). The real models, when there, are cut and mutated as well. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/graph/graph.h"
#include "tests/support/onnx_maker.h"

/* Parses an exact-size copy; on success also plans and runs a small input. */
static enum b_code try_bytes(const uint8_t *data, size_t size, struct b_err *err)
{
    uint8_t *copy = malloc(size ? size : 1);
    struct eng_graph *g = NULL;
    struct eng_runner *r = NULL;
    assert_non_null(copy);
    if (size)
        memcpy(copy, data, size);
    b_err_clear(err);
    enum b_code code = eng_graph_parse(copy, size, NULL, &g, err);
    free(copy);
    if (code == B_OK) {
        const struct eng_runner_options options = {.threads = 1, .memory_bytes = 32u << 20};
        const int64_t dims[4] = {1, 3, 48, 64};
        float *input = NULL;
        struct eng_tensor out[ENG_MAX_OUTPUTS];
        assert_int_equal(eng_runner_new(g, &options, &r, err), B_OK);
        code = eng_runner_input(r, dims, &input, err);
        if (code == B_OK) {
            memset(input, 0, 3 * 48 * 64 * sizeof *input);
            code = eng_runner_run(r, out, NULL, err);
        }
        eng_runner_drop(r);
    }
    eng_graph_drop(g);
    if (code != B_OK)
        assert_true(err->message[0] != 0);
    return code;
}

static void test_samples_load(void **state)
{
    (void)state;
    struct t_onnx m;
    int i = 0;
    for (; t_onnx_sample(i, &m); i++) {
        size_t size;
        struct b_err err = {0};
        const uint8_t *data = t_onnx_end(&m, &size);
        if (try_bytes(data, size, &err) != B_OK)
            fail_msg("sample %d: %s", i, err.message);
        t_onnx_free(&m);
    }
    assert_int_equal(i, 4);
}

/* A network always ends where its last field ends, so every cut loses something that matters; a cut between
 * whole fields of the model may only leave an empty network. */
static void test_cuts(void **state)
{
    (void)state;
    struct t_onnx m;
    for (int i = 0; t_onnx_sample(i, &m); i++) {
        size_t size;
        struct b_err err = {0};
        const uint8_t *data = t_onnx_end(&m, &size);
        for (size_t len = 0; len < size; len += 1 + len / 64)
            assert_int_not_equal(try_bytes(data, len, &err), B_OK);
        t_onnx_free(&m);
    }
}

static void test_flips(void **state)
{
    (void)state;
    struct t_onnx m;
    uint64_t seed = 88172645463325252u;
    for (int i = 0; t_onnx_sample(i, &m); i++) {
        size_t size;
        struct b_err err = {0};
        const uint8_t *data = t_onnx_end(&m, &size);
        uint8_t *copy = malloc(size);
        assert_non_null(copy);
        for (int k = 0; k < 1500; k++) {
            memcpy(copy, data, size);
            for (int e = 0; e <= k % 3; e++) {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                copy[seed % size] = (uint8_t)(seed >> 40);
            }
            (void)try_bytes(copy, size, &err);
        }
        free(copy);
        t_onnx_free(&m);
    }
}

/* ---- variants that are not supported ---- */

struct variant {
    const char *what, *op, *in, *attributes;
    enum b_code code;
};

static void one_node(struct t_onnx *m, const struct variant *v)
{
    static const int64_t axes[2] = {2, 3}, sizes[4] = {1, 3, 4, 4};
    const float scales[4] = {1, 1, 1.5f, 1.5f};
    t_onnx_begin(m);
    t_onnx_input(m, "x");
    t_onnx_floats(m, "w", "8,3,3,3", NULL);
    t_onnx_floats(m, "w2", "8,3,2,2", NULL);
    t_onnx_floats(m, "deep", "6,1,3,3", NULL);
    t_onnx_floats(m, "up", "3,8,2,2", NULL);
    t_onnx_floats(m, "vec", "8", NULL);
    t_onnx_floats(m, "mat", "64,8", NULL);
    t_onnx_floats(m, "scales", "4", scales);
    t_onnx_ints(m, "axes", "2", axes);
    t_onnx_ints(m, "sizes", "4", sizes);
    t_onnx_node(m, v->op, v->in, "y", v->attributes);
    t_onnx_output(m, "y");
}

static void test_unsupported(void **state)
{
    (void)state;
    static const struct variant variants[] = {
        {"plain", "Conv", "x w", "kernel_shape=I3,3", B_OK},
        {"dilation", "Conv", "x w", "kernel_shape=I3,3 dilations=I2,2", B_UNSUPPORTED},
        {"another attribute", "Conv", "x w", "kernel_shape=I3,3 groups=i1", B_UNSUPPORTED},
        {"SAME_LOWER", "Conv", "x w", "kernel_shape=I3,3 auto_pad=sSAME_LOWER", B_UNSUPPORTED},
        {"another window than the weights", "Conv", "x w", "kernel_shape=I2,2", B_UNSUPPORTED},
        {"no window", "Conv", "x w", "", B_UNSUPPORTED},
        {"one-dimensional window", "Conv", "x w", "kernel_shape=I3", B_UNSUPPORTED},
        {"stride 0", "Conv", "x w", "kernel_shape=I3,3 strides=I0,1", B_UNSUPPORTED},
        {"negative padding", "Conv", "x w", "kernel_shape=I3,3 pads=I-1,0,0,0", B_UNSUPPORTED},
        {"huge padding", "Conv", "x w", "kernel_shape=I3,3 pads=I9999,0,0,0", B_UNSUPPORTED},
        {"grouped weights", "Conv", "x deep", "kernel_shape=I3,3 group=i3", B_UNSUPPORTED},
        {"bias of another size", "Conv", "x w mat", "kernel_shape=I3,3", B_UNSUPPORTED},
        {"weights that are computed", "Conv", "x x", "kernel_shape=I3,3", B_UNSUPPORTED},
        {"weights that are a vector", "Conv", "x vec", "kernel_shape=I3,3", B_UNSUPPORTED},
        {"transposed convolution 3x3", "ConvTranspose", "x w", "kernel_shape=I3,3 strides=I2,2", B_UNSUPPORTED},
        {"transposed convolution stride 1", "ConvTranspose", "x up", "kernel_shape=I2,2", B_UNSUPPORTED},
        {"transposed convolution", "ConvTranspose", "x up", "kernel_shape=I2,2 strides=I2,2", B_OK},
        {"pool 3x3", "MaxPool", "x", "kernel_shape=I3,3 strides=I2,2", B_UNSUPPORTED},
        {"pool with ceil_mode", "MaxPool", "x", "kernel_shape=I2,2 strides=I2,2 ceil_mode=i1", B_UNSUPPORTED},
        {"average that overlaps", "AveragePool", "x", "kernel_shape=I2,2", B_UNSUPPORTED},
        {"bilinear", "Resize", "x - scales", "mode=slinear coordinate_transformation_mode=sasymmetric", B_UNSUPPORTED},
        {"scale 1.5", "Resize", "x - scales",
         "mode=snearest coordinate_transformation_mode=sasymmetric nearest_mode=sfloor", B_UNSUPPORTED},
        {"resize down", "Resize", "x - - sizes",
         "mode=snearest coordinate_transformation_mode=sasymmetric nearest_mode=sfloor", B_UNSUPPORTED},
        {"mean over rows", "ReduceMean", "x", "axes=I2", B_UNSUPPORTED},
        {"mean without keepdims", "ReduceMean", "x", "axes=I2,3 keepdims=i0", B_UNSUPPORTED},
        {"softmax over channels", "Softmax", "x", "axis=i1", B_UNSUPPORTED},
        {"softmax", "Softmax", "x", "axis=i3", B_OK},
        {"impossible axis", "Softmax", "x", "axis=i77", B_UNSUPPORTED},
        {"transpose that repeats", "Transpose", "x", "perm=I0,0,1,2", B_UNSUPPORTED},
        {"transpose of fewer", "Transpose", "x", "perm=I1,0", B_UNSUPPORTED},
        {"concatenation of rows", "Concat", "x x", "axis=i2", B_UNSUPPORTED},
        {"concatenation with a constant", "Concat", "x w", "axis=i1", B_UNSUPPORTED},
        {"multiplication", "Mul", "x x", "", B_UNSUPPORTED},
        {"addition of a constant", "Add", "x vec", "", B_UNSUPPORTED},
        {"addition", "Add", "x x", "", B_OK},
        {"lone erf", "Erf", "x", "", B_UNSUPPORTED},
        {"lone hard sigmoid", "HardSigmoid", "x", "", B_UNSUPPORTED},
        {"batch norm without convolution", "BatchNormalization", "x vec vec vec vec", "", B_UNSUPPORTED},
        {"reshape by floats", "Reshape", "x vec", "", B_UNSUPPORTED},
        {"reshape by the input", "Reshape", "x x", "", B_UNSUPPORTED},
        {"reshape to another size", "Reshape", "x sizes", "", B_UNSUPPORTED},
        {"squeeze of 3", "Squeeze", "x", "axes=I1", B_UNSUPPORTED},
        {"slice of a map", "Slice", "x axes axes", "", B_UNSUPPORTED},
        {"split without sizes", "Split", "x", "axis=i1", B_UNSUPPORTED},
        {"cast of a map", "Cast", "x", "to=i6", B_UNSUPPORTED},
        {"cast to text", "Cast", "x", "to=i8", B_UNSUPPORTED},
        {"shape as output", "Shape", "x", "", B_UNSUPPORTED},
        {"product with another width", "MatMul", "x vec", "", B_UNSUPPORTED},
        {"product", "MatMul", "x mat", "", B_OK},
        {"unknown operator", "Einsum", "x", "", B_UNSUPPORTED},
        {"undefined input", "Relu", "nowhere", "", B_FORMAT},
        {"its own output as input", "Add", "x y", "", B_FORMAT},
        {"no input", "Relu", "-", "", B_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof variants / sizeof variants[0]; i++) {
        struct t_onnx m;
        struct b_err err = {0};
        size_t size;
        one_node(&m, &variants[i]);
        const uint8_t *data = t_onnx_end(&m, &size);
        enum b_code code = try_bytes(data, size, &err);
        if (code != variants[i].code)
            fail_msg("%s: %s '%s'", variants[i].what, b_code_name(code), err.message);
        if (code == B_UNSUPPORTED && !strstr(err.message, "'y'"))
            fail_msg("%s: '%s' does not name the node", variants[i].what, err.message);
        t_onnx_free(&m);
    }
}

/* Shape arithmetic is bounded: six shapes of four integers are too many. */
static void test_long_shapes(void **state)
{
    (void)state;
    for (int n = 4; n <= 6; n++) {
        static const char all[] = "s s s s s s";
        char in[16] = {0};
        struct t_onnx m;
        struct b_err err = {0};
        size_t size;
        memcpy(in, all, (size_t)(2 * n - 1));
        t_onnx_begin(&m);
        t_onnx_input(&m, "x");
        t_onnx_node(&m, "Shape", "x", "s", "");
        t_onnx_node(&m, "Concat", in, "k", "axis=i0");
        t_onnx_node(&m, "Reshape", "x k", "y", "");
        t_onnx_output(&m, "y");
        const uint8_t *data = t_onnx_end(&m, &size);
        assert_int_equal(try_bytes(data, size, &err), B_UNSUPPORTED);
        assert_non_null(strstr(err.message, n == 4 ? "'y'" : "'k'"));
        t_onnx_free(&m);
    }
}

/* An operator that is not read is no error where nothing needs it. */
static void test_dead_unknown(void **state)
{
    (void)state;
    struct t_onnx m;
    struct b_err err = {0};
    size_t size;
    t_onnx_begin(&m);
    t_onnx_input(&m, "x");
    t_onnx_node(&m, "Einsum", "x", "unused", "");
    t_onnx_node(&m, "Relu", "x", "y", "");
    t_onnx_output(&m, "y");
    const uint8_t *data = t_onnx_end(&m, &size);
    assert_int_equal(try_bytes(data, size, &err), B_OK);
    t_onnx_free(&m);
}

/* Messages nested deeper than any network needs, and more of them than the reader allows. */
static void test_nesting(void **state)
{
    (void)state;
    struct b_err err = {0};
    struct b_buf inner, outer;
    b_buf_init(&inner, 1u << 20);
    b_buf_init(&outer, 1u << 20);
    static const char fields[] = {0x0A, 0x2A, 0x32}; /* graph.node, node.attribute, attribute.g */
    for (int depth = 0; depth < 3000; depth++) {
        b_buf_clear(&outer);
        b_buf_putc(&outer, fields[2 - depth % 3]);
        for (size_t len = inner.len;; len >>= 7) {
            b_buf_putc(&outer, (char)(len > 127 ? (len & 127) | 128 : len));
            if (len <= 127)
                break;
        }
        b_buf_append(&outer, inner.data, inner.len);
        struct b_buf swap = inner;
        inner = outer;
        outer = swap;
    }
    struct t_onnx m;
    size_t size;
    t_onnx_begin(&m);
    b_buf_append(&m.graph, inner.data, inner.len);
    const uint8_t *data = t_onnx_end(&m, &size);
    assert_int_equal(try_bytes(data, size, &err), B_FORMAT);
    assert_non_null(strstr(err.message, "not an ONNX network")); /* refused before it is unpacked */
    t_onnx_free(&m);
    t_onnx_begin(&m);
    for (int i = 0; i < 300000; i++)
        b_buf_append(&m.graph, "\x0A\x00", 2); /* empty nodes */
    data = t_onnx_end(&m, &size);
    assert_int_equal(try_bytes(data, size, &err), B_FORMAT);
    assert_non_null(strstr(err.message, "not an ONNX network"));
    t_onnx_free(&m);
    b_buf_free(&inner);
    b_buf_free(&outer);
}

/* ---- the real models ---- */

static uint8_t *read_model(const char *name, size_t *size)
{
    char path[4096];
    const char *dir = getenv("DOCPARSE_MODELS");
    if (snprintf(path, sizeof path, "%s/%s", dir ? dir : ".", name) >= (int)sizeof path)
        return NULL;
    FILE *f = fopen(path, "rb");
    uint8_t *data = f ? malloc(32u << 20) : NULL;
    *size = data ? fread(data, 1, 32u << 20, f) : 0;
    if (f)
        fclose(f);
    return data;
}

static void damage_model(const char *name)
{
    size_t size = 0;
    struct b_err err = {0};
    uint8_t *data = read_model(name, &size);
    if (!data) {
        printf("SKIP %s: not there\n", name);
        return;
    }
    for (size_t k = 0; k < 40; k++)
        assert_int_not_equal(try_bytes(data, size / 41 * k + k, &err), B_OK);
    uint64_t seed = 362436069u + size;
    for (int k = 0; k < 40; k++) {
        size_t where[8];
        uint8_t was[8];
        for (int e = 0; e < 8; e++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            /* The structure lies in the small parts of the file; aim at its ends as well as anywhere. */
            size_t span = e % 2 ? size : 4096;
            where[e] = e % 4 == 2 ? size - 1 - (size_t)(seed >> 33) % span : (size_t)(seed >> 33) % span;
            was[e] = data[where[e]];
            data[where[e]] = (uint8_t)(seed >> 20);
        }
        (void)try_bytes(data, size, &err);
        for (int e = 7; e >= 0; e--)
            data[where[e]] = was[e];
    }
    free(data);
}

static void test_models(void **state)
{
    (void)state;
    damage_model("ch_ppocr_mobile_v2.0_cls_mobile.onnx");
    damage_model("slanet-plus.onnx");
    damage_model("layout_cdla.onnx");
    damage_model("PP-OCRv6_det_small.onnx");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples_load), cmocka_unit_test(test_cuts),         cmocka_unit_test(test_flips),
        cmocka_unit_test(test_unsupported),  cmocka_unit_test(test_dead_unknown), cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_long_shapes),  cmocka_unit_test(test_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
