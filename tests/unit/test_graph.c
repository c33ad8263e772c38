/* SPDX-License-Identifier: Apache-2.0 */
/* Layers of small networks against direct formulas: geometry, batches, channels that do not fill a block,
 * memory reuse, plans for other sizes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "engine/graph/graph.h"
#include "tests/support/onnx_maker.h"

struct map {
    int n, c, h, w;
    float *v;
};

static struct map map_new(int n, int c, int h, int w)
{
    struct map m = {n, c, h, w, calloc((size_t)n * (size_t)c * (size_t)h * (size_t)w, sizeof(float))};
    assert_non_null(m.v);
    return m;
}

static float *at(const struct map *m, int n, int c, int y, int x)
{
    return &m->v[((n * m->c + c) * m->h + y) * m->w + x];
}

static size_t count(const struct map *m)
{
    return (size_t)m->n * (size_t)m->c * (size_t)m->h * (size_t)m->w;
}

static struct map input_map(int n, int c, int h, int w)
{
    struct map m = map_new(n, c, h, w);
    for (size_t i = 0; i < count(&m); i++)
        m.v[i] = t_onnx_pattern("input", i) * 4;
    return m;
}

struct geometry {
    int kh, kw, sh, sw, top, left, group, same;
};

/* Plain convolution with the weights that the maker writes under `name`. */
static struct map ref_conv(const struct map *x, const char *name, int c_out, struct geometry g)
{
    int bottom = g.same ? 0 : g.top, right = g.same ? 0 : g.left, each = x->c / g.group;
    int h = g.same ? (x->h + g.sh - 1) / g.sh : (x->h + g.top + bottom - g.kh) / g.sh + 1;
    int w = g.same ? (x->w + g.sw - 1) / g.sw : (x->w + g.left + right - g.kw) / g.sw + 1;
    struct map y = map_new(x->n, c_out, h, w);
    for (int n = 0; n < x->n; n++)
        for (int o = 0; o < c_out; o++)
            for (int r = 0; r < h; r++)
                for (int q = 0; q < w; q++) {
                    double sum = 0;
                    for (int i = 0; i < each; i++)
                        for (int a = 0; a < g.kh; a++)
                            for (int b = 0; b < g.kw; b++) {
                                int yy = r * g.sh + a - (g.same ? 0 : g.top), xx = q * g.sw + b - (g.same ? 0 : g.left);
                                int from = g.group > 1 ? o : i;
                                if (yy >= 0 && yy < x->h && xx >= 0 && xx < x->w)
                                    sum +=
                                        (double)*at(x, n, from, yy, xx) *
                                        (double)t_onnx_pattern(name, (size_t)(((o * each + i) * g.kh + a) * g.kw + b));
                            }
                    *at(&y, n, o, r, q) = (float)sum;
                }
    return y;
}

static struct eng_graph *parse(struct t_onnx *m, struct eng_graph_options options)
{
    size_t size;
    struct b_err err = {0};
    struct eng_graph *g = NULL;
    const uint8_t *data = t_onnx_end(m, &size);
    if (eng_graph_parse(data, size, &options, &g, &err) != B_OK)
        fail_msg("%s", err.message);
    t_onnx_free(m);
    return g;
}

static struct eng_runner *runner_of(const struct eng_graph *g)
{
    struct eng_runner *r = NULL;
    struct b_err err = {0};
    if (eng_runner_new(g, NULL, &r, &err) != B_OK)
        fail_msg("%s", err.message);
    return r;
}

static void run(struct eng_runner *r, const struct map *x, struct eng_tensor *out)
{
    const int64_t dims[4] = {x->n, x->c, x->h, x->w};
    float *input;
    struct b_err err = {0};
    if (eng_runner_input(r, dims, &input, &err) != B_OK)
        fail_msg("%s", err.message);
    memcpy(input, x->v, count(x) * sizeof *input);
    if (eng_runner_run(r, out, NULL, &err) != B_OK)
        fail_msg("%s", err.message);
}

static void expect_map(const struct eng_tensor *got, const struct map *want)
{
    assert_int_equal(got->n_dims, 4);
    assert_int_equal(got->dims[0], want->n);
    assert_int_equal(got->dims[1], want->c);
    assert_int_equal(got->dims[2], want->h);
    assert_int_equal(got->dims[3], want->w);
    for (size_t i = 0; i < count(want); i++)
        if (!(fabsf(got->data[i] - want->v[i]) <= 2e-5f * (1 + fabsf(want->v[i]))))
            fail_msg("element %zu is %g, expected %g", i, (double)got->data[i], (double)want->v[i]);
}

/* Runs a finished network on x in both memory modes, twice, and compares its first output. */
static void check(void (*make)(struct t_onnx *), const struct map *x, const struct map *want)
{
    for (int keep = 0; keep < 2; keep++) {
        struct t_onnx m;
        t_onnx_begin(&m);
        make(&m);
        struct eng_graph *g = parse(&m, (struct eng_graph_options){.keep_inner = keep == 1});
        struct eng_runner *r = runner_of(g);
        struct eng_tensor out[ENG_MAX_OUTPUTS];
        for (int i = 0; i < 2; i++) {
            run(r, x, out);
            expect_map(&out[0], want);
        }
        eng_runner_drop(r);
        eng_graph_drop(g);
    }
}

/* ---- convolutions ---- */

static void make_first(struct t_onnx *m)
{
    t_onnx_input(m, "x");
    t_onnx_floats(m, "w", "20,3,3,3", NULL);
    t_onnx_node(m, "Conv", "x w", "y", "kernel_shape=I3,3 strides=I2,2 pads=I1,1,1,1");
    t_onnx_output(m, "y");
}

static void test_first_layer(void **state)
{
    (void)state;
    struct map x = input_map(2, 3, 17, 22), y = ref_conv(&x, "w", 20, (struct geometry){3, 3, 2, 2, 1, 1, 1, 0});
    check(make_first, &x, &y);
    free(x.v);
    free(y.v);
}

static void make_deep(struct t_onnx *m)
{
    t_onnx_input(m, "x");
    t_onnx_floats(m, "w1", "13,3,1,1", NULL);
    t_onnx_node(m, "Conv", "x w1", "a", "kernel_shape=I1,1");
    t_onnx_floats(m, "w2", "13,1,1,7", NULL);
    t_onnx_node(m, "Conv", "a w2", "b", "kernel_shape=I1,7 pads=I0,3,0,3 group=i13");
    t_onnx_floats(m, "w3", "13,1,3,3", NULL);
    t_onnx_node(m, "Conv", "b w3", "c", "kernel_shape=I3,3 pads=I1,1,1,1 strides=I2,1 group=i13");
    t_onnx_floats(m, "w4", "9,13,2,2", NULL);
    t_onnx_node(m, "Conv", "c w4", "y", "kernel_shape=I2,2 auto_pad=sSAME_UPPER");
    t_onnx_output(m, "y");
}

static void test_depthwise_and_same(void **state)
{
    (void)state;
    struct map x = input_map(2, 3, 9, 14);
    struct map a = ref_conv(&x, "w1", 13, (struct geometry){1, 1, 1, 1, 0, 0, 1, 0});
    struct map b = ref_conv(&a, "w2", 13, (struct geometry){1, 7, 1, 1, 0, 3, 13, 0});
    struct map c = ref_conv(&b, "w3", 13, (struct geometry){3, 3, 2, 1, 1, 1, 13, 0});
    struct map y = ref_conv(&c, "w4", 9, (struct geometry){2, 2, 1, 1, 0, 0, 1, 1});
    check(make_deep, &x, &y);
    free(x.v);
    free(a.v);
    free(b.v);
    free(c.v);
    free(y.v);
}

/* ---- memory: what is read later must not be overwritten in place ---- */

static void make_residuals(struct t_onnx *m)
{
    t_onnx_input(m, "x");
    t_onnx_floats(m, "w1", "8,3,1,1", NULL);
    t_onnx_floats(m, "w2", "8,3,1,1", NULL);
    t_onnx_node(m, "Conv", "x w1", "t", "kernel_shape=I1,1");
    t_onnx_node(m, "Conv", "x w2", "u", "kernel_shape=I1,1");
    t_onnx_node(m, "Add", "t u", "v", "");
    t_onnx_node(m, "Concat", "v t", "k", "axis=i1"); /* t lives on: the addition must copy */
    t_onnx_floats(m, "w3", "16,8,1,1", NULL);
    t_onnx_node(m, "Conv", "t w3", "p", "kernel_shape=I1,1");
    t_onnx_node(m, "Add", "k p", "q", ""); /* in place on the concatenation */
    t_onnx_floats(m, "w4", "16,8,1,1", NULL);
    t_onnx_node(m, "Conv", "v w4", "s", "kernel_shape=I1,1"); /* v is a slice of it, read afterwards */
    t_onnx_node(m, "Add", "q s", "y", "");
    t_onnx_output(m, "y");
}

static void test_residuals(void **state)
{
    (void)state;
    const struct geometry one = {1, 1, 1, 1, 0, 0, 1, 0};
    struct map x = input_map(1, 3, 6, 10), t = ref_conv(&x, "w1", 8, one), u = ref_conv(&x, "w2", 8, one);
    struct map k = map_new(1, 16, 6, 10);
    for (size_t i = 0; i < count(&t); i++) {
        u.v[i] += t.v[i];
        k.v[i] = u.v[i];
        k.v[count(&t) + i] = t.v[i];
    }
    struct map p = ref_conv(&t, "w3", 16, one), s = ref_conv(&u, "w4", 16, one);
    for (size_t i = 0; i < count(&k); i++)
        p.v[i] += k.v[i] + s.v[i];
    check(make_residuals, &x, &p);
    free(x.v);
    free(t.v);
    free(u.v);
    free(k.v);
    free(p.v);
    free(s.v);
}

static void make_ragged_concat(struct t_onnx *m)
{
    t_onnx_input(m, "x");
    t_onnx_floats(m, "w1", "12,3,1,1", NULL);
    t_onnx_floats(m, "w2", "21,3,1,1", NULL);
    t_onnx_floats(m, "w3", "3,3,1,1", NULL);
    t_onnx_node(m, "Conv", "x w1", "a", "kernel_shape=I1,1");
    t_onnx_node(m, "Conv", "x w2", "b", "kernel_shape=I1,1");
    t_onnx_node(m, "Conv", "x w3", "c", "kernel_shape=I1,1");
    t_onnx_node(m, "Concat", "a b c", "k", "axis=i1");
    t_onnx_floats(m, "w4", "5,36,1,1", NULL);
    t_onnx_node(m, "Conv", "k w4", "y", "kernel_shape=I1,1"); /* reads the padding of the last block */
    t_onnx_output(m, "y");
}

static void test_ragged_concat(void **state)
{
    (void)state;
    const struct geometry one = {1, 1, 1, 1, 0, 0, 1, 0};
    for (int n = 1; n <= 2; n++) {
        struct map x = input_map(n, 3, 4, 7), k = map_new(n, 36, 4, 7);
        const char *names[] = {"w1", "w2", "w3"};
        const int channels[] = {12, 21, 3};
        for (int i = 0, from = 0; i < 3; from += channels[i++]) {
            struct map part = ref_conv(&x, names[i], channels[i], one);
            for (int b = 0; b < n; b++)
                memcpy(at(&k, b, from, 0, 0), at(&part, b, 0, 0, 0), (size_t)channels[i] * 28 * sizeof(float));
            free(part.v);
        }
        struct map y = ref_conv(&k, "w4", 5, one);
        check(make_ragged_concat, &x, &y);
        free(x.v);
        free(k.v);
        free(y.v);
    }
}

/* ---- upsampling, transposed convolution ---- */

/* Up to the size of another map, odd sizes: sizes come out of shape arithmetic. */
static void make_upsample(struct t_onnx *m)
{
    static const int64_t i0 = 0, i2 = 2, i4 = 4;
    t_onnx_input(m, "x");
    t_onnx_floats(m, "w1", "11,3,1,1", NULL);
    t_onnx_node(m, "Conv", "x w1", "a", "kernel_shape=I1,1");
    t_onnx_floats(m, "w2", "11,1,3,3", NULL);
    t_onnx_node(m, "Conv", "a w2", "b", "kernel_shape=I3,3 strides=I2,2 pads=I1,1,1,1 group=i11");
    t_onnx_ints(m, "i0", "1", &i0);
    t_onnx_ints(m, "i2", "1", &i2);
    t_onnx_ints(m, "i4", "1", &i4);
    t_onnx_node(m, "Shape", "b", "s1", "");
    t_onnx_node(m, "Slice", "s1 i0 i2 i0", "s2", "");
    t_onnx_node(m, "Shape", "a", "s3", "");
    t_onnx_node(m, "Cast", "s3", "s3c", "to=i6");
    t_onnx_node(m, "Slice", "s3c i2 i4 i0", "s4", "");
    t_onnx_node(m, "Concat", "s2 s4", "s5", "axis=i0");
    t_onnx_node(m, "Resize", "b - - s5", "u",
                "mode=snearest coordinate_transformation_mode=sasymmetric nearest_mode=sfloor");
    t_onnx_node(m, "Add", "a u", "y", "");
    t_onnx_output(m, "y");
}

static void test_upsample(void **state)
{
    (void)state;
    const int sizes[][2] = {{9, 31}, {8, 12}, {13, 6}};
    for (int k = 0; k < 3; k++) {
        struct map x = input_map(2, 3, sizes[k][0], sizes[k][1]);
        struct map a = ref_conv(&x, "w1", 11, (struct geometry){1, 1, 1, 1, 0, 0, 1, 0});
        struct map b = ref_conv(&a, "w2", 11, (struct geometry){3, 3, 2, 2, 1, 1, 11, 0});
        for (int n = 0; n < a.n; n++)
            for (int c = 0; c < a.c; c++)
                for (int y = 0; y < a.h; y++)
                    for (int q = 0; q < a.w; q++)
                        *at(&a, n, c, y, q) += *at(&b, n, c, y * b.h / a.h, q * b.w / a.w);
        check(make_upsample, &x, &a);
        free(x.v);
        free(a.v);
        free(b.v);
    }
}

static struct map ref_deconv(const struct map *x, const char *name, int c_out)
{
    struct map y = map_new(x->n, c_out, 2 * x->h, 2 * x->w);
    for (int n = 0; n < y.n; n++)
        for (int o = 0; o < c_out; o++)
            for (int r = 0; r < y.h; r++)
                for (int q = 0; q < y.w; q++)
                    for (int i = 0; i < x->c; i++)
                        *at(&y, n, o, r, q) += *at(x, n, i, r / 2, q / 2) *
                                               t_onnx_pattern(name, (size_t)((i * c_out + o) * 4 + r % 2 * 2 + q % 2));
    return y;
}

static void make_deconv(struct t_onnx *m)
{
    t_onnx_input(m, "x");
    t_onnx_floats(m, "w1", "12,3,2,2", NULL);
    t_onnx_node(m, "Conv", "x w1", "a", "kernel_shape=I2,2 auto_pad=sSAME_UPPER");
    t_onnx_floats(m, "d1", "12,9,2,2", NULL);
    t_onnx_node(m, "ConvTranspose", "a d1", "b", "kernel_shape=I2,2 strides=I2,2");
    t_onnx_node(m, "Relu", "b", "c", "");
    t_onnx_floats(m, "d2", "9,1,2,2", NULL);
    t_onnx_node(m, "ConvTranspose", "c d2", "d", "kernel_shape=I2,2 strides=I2,2");
    t_onnx_node(m, "Sigmoid", "d", "y", "");
    t_onnx_output(m, "y");
}

static void test_deconv(void **state)
{
    (void)state;
    struct map x = input_map(2, 3, 5, 7), a = ref_conv(&x, "w1", 12, (struct geometry){2, 2, 1, 1, 0, 0, 1, 1});
    struct map b = ref_deconv(&a, "d1", 9);
    for (size_t i = 0; i < count(&b); i++)
        b.v[i] = b.v[i] > 0 ? b.v[i] : 0;
    struct map y = ref_deconv(&b, "d2", 1);
    for (size_t i = 0; i < count(&y); i++)
        y.v[i] = 1 / (1 + expf(-y.v[i]));
    check(make_deconv, &x, &y);
    free(x.v);
    free(a.v);
    free(b.v);
    free(y.v);
}

/* ---- pools, squeeze-and-excite ---- */

static void make_pools(struct t_onnx *m)
{
    t_onnx_input(m, "x");
    t_onnx_node(m, "MaxPool", "x", "a", "kernel_shape=I2,2 strides=I1,1 auto_pad=sSAME_UPPER");
    t_onnx_node(m, "AveragePool", "a", "b", "kernel_shape=I3,2 strides=I3,2");
    t_onnx_node(m, "MaxPool", "b", "y", "kernel_shape=I2,2 strides=I2,2");
    t_onnx_output(m, "y");
}

static void test_pools(void **state)
{
    (void)state;
    struct map x = input_map(2, 10, 14, 19), a = map_new(2, 10, 14, 19), b = map_new(2, 10, 4, 9),
               y = map_new(2, 10, 2, 4);
    for (int n = 0; n < 2; n++)
        for (int c = 0; c < 10; c++) {
            for (int r = 0; r < 14; r++)
                for (int q = 0; q < 19; q++) {
                    float best = *at(&x, n, c, r, q);
                    for (int k = 1; k < 4; k++)
                        if (r + k / 2 < 14 && q + k % 2 < 19)
                            best = fmaxf(best, *at(&x, n, c, r + k / 2, q + k % 2));
                    *at(&a, n, c, r, q) = best;
                }
            for (int i = 0; i < 12 * 18; i++)
                *at(&b, n, c, i / 18 / 3, i % 18 / 2) += *at(&a, n, c, i / 18, i % 18) / 6;
            for (int i = 0; i < 2 * 4; i++)
                *at(&y, n, c, i / 4, i % 4) =
                    fmaxf(fmaxf(*at(&b, n, c, i / 4 * 2, i % 4 * 2), *at(&b, n, c, i / 4 * 2, i % 4 * 2 + 1)),
                          fmaxf(*at(&b, n, c, i / 4 * 2 + 1, i % 4 * 2), *at(&b, n, c, i / 4 * 2 + 1, i % 4 * 2 + 1)));
        }
    check(make_pools, &x, &y);
    free(x.v);
    free(a.v);
    free(b.v);
    free(y.v);
}

static void make_excite(struct t_onnx *m)
{
    t_onnx_input(m, "x");
    t_onnx_floats(m, "w0", "10,3,1,1", NULL);
    t_onnx_node(m, "Conv", "x w0", "t", "kernel_shape=I1,1");
    t_onnx_node(m, "ReduceMean", "t", "m", "axes=I2,3 keepdims=i1");
    t_onnx_floats(m, "w1", "6,10,1,1", NULL);
    t_onnx_floats(m, "w2", "10,6,1,1", NULL);
    t_onnx_node(m, "Conv", "m w1", "h", "kernel_shape=I1,1");
    t_onnx_node(m, "Relu", "h", "hr", "");
    t_onnx_node(m, "Conv", "hr w2", "s", "kernel_shape=I1,1");
    t_onnx_node(m, "HardSigmoid", "s", "f", "alpha=f0.2 beta=f0.5");
    t_onnx_node(m, "Mul", "t f", "p", "");
    t_onnx_node(m, "Add", "t p", "y", "");
    t_onnx_output(m, "y");
}

static void test_excite(void **state)
{
    (void)state;
    const struct geometry one = {1, 1, 1, 1, 0, 0, 1, 0};
    struct map x = input_map(2, 3, 5, 9), t = ref_conv(&x, "w0", 10, one), mean = map_new(2, 10, 1, 1);
    for (size_t i = 0; i < count(&t); i++)
        mean.v[i / 45] += t.v[i] / 45;
    struct map h = ref_conv(&mean, "w1", 6, one);
    for (size_t i = 0; i < count(&h); i++)
        h.v[i] = fmaxf(h.v[i], 0);
    struct map s = ref_conv(&h, "w2", 10, one);
    for (size_t i = 0; i < count(&t); i++)
        t.v[i] *= 1 + fminf(fmaxf(0.2f * s.v[i / 45] + 0.5f, 0), 1);
    check(make_excite, &x, &t);
    free(x.v);
    free(t.v);
    free(mean.v);
    free(h.v);
    free(s.v);
}

/* ---- layer normalisation ---- */

static void make_layernorm(struct t_onnx *m)
{
    const float two = 2, epsilon = 0.25f;
    t_onnx_input(m, "x");
    t_onnx_floats(m, "two", "", &two);
    t_onnx_floats(m, "eps", "", &epsilon);
    t_onnx_floats(m, "gamma", "11", NULL);
    t_onnx_floats(m, "beta", "11", NULL);
    t_onnx_node(m, "ReduceMean", "x", "a", "axes=I-1");
    t_onnx_node(m, "Sub", "x a", "b", "");
    t_onnx_node(m, "Pow", "b two", "c", "");
    t_onnx_node(m, "ReduceMean", "c", "d", "axes=I-1");
    t_onnx_node(m, "Add", "d eps", "e", "");
    t_onnx_node(m, "Sqrt", "e", "f", "");
    t_onnx_node(m, "Div", "b f", "g", "");
    t_onnx_node(m, "Mul", "g gamma", "h", "");
    t_onnx_node(m, "Add", "h beta", "y", "");
    t_onnx_output(m, "y");
}

static void test_layernorm(void **state)
{
    (void)state;
    struct map x = input_map(2, 3, 4, 11), y = map_new(2, 3, 4, 11);
    for (size_t r = 0; r < count(&x); r += 11) {
        float mean = 0, variance = 0;
        for (size_t i = 0; i < 11; i++)
            mean += x.v[r + i] / 11;
        for (size_t i = 0; i < 11; i++)
            variance += (x.v[r + i] - mean) * (x.v[r + i] - mean) / 11;
        for (size_t i = 0; i < 11; i++)
            y.v[r + i] =
                (x.v[r + i] - mean) / sqrtf(variance + 0.25f) * t_onnx_pattern("gamma", i) + t_onnx_pattern("beta", i);
    }
    check(make_layernorm, &x, &y);
    free(x.v);
    free(y.v);
}

/* ---- blocks ---- */

static void put_gelu(struct t_onnx *m, const char *in, const char *out)
{
    const float root2 = 1.41421356f, one = 1, half = 0.5f;
    char pair[64];
    t_onnx_floats(m, "root2", "", &root2);
    t_onnx_floats(m, "one", "", &one);
    t_onnx_floats(m, "half", "", &half);
    (void)snprintf(pair, sizeof pair, "%s root2", in);
    t_onnx_node(m, "Div", pair, "g1", "");
    t_onnx_node(m, "Erf", "g1", "g2", "");
    t_onnx_node(m, "Add", "g2 one", "g3", "");
    (void)snprintf(pair, sizeof pair, "%s g3", in);
    t_onnx_node(m, "Mul", pair, "g4", "");
    t_onnx_node(m, "Mul", "g4 half", out, "");
}

static void make_block(struct t_onnx *m)
{
    t_onnx_input(m, "x");
    t_onnx_floats(m, "w0", "16,3,1,1", NULL);
    t_onnx_node(m, "Conv", "x w0", "t", "kernel_shape=I1,1");
    t_onnx_floats(m, "w1", "32,16,1,1", NULL);
    t_onnx_node(m, "Conv", "t w1", "u", "kernel_shape=I1,1");
    put_gelu(m, "u", "v");
    t_onnx_floats(m, "w2", "16,32,1,1", NULL);
    t_onnx_node(m, "Conv", "v w2", "p", "kernel_shape=I1,1");
    t_onnx_node(m, "Add", "t p", "y", "");
    t_onnx_output(m, "y");
}

static void make_widening_block(struct t_onnx *m)
{
    t_onnx_input(m, "x");
    t_onnx_floats(m, "w0", "16,3,1,1", NULL);
    t_onnx_node(m, "Conv", "x w0", "t", "kernel_shape=I1,1");
    t_onnx_floats(m, "w1", "32,16,1,1", NULL);
    t_onnx_node(m, "Conv", "t w1", "u", "kernel_shape=I1,1");
    put_gelu(m, "u", "v");
    t_onnx_floats(m, "w2", "48,32,1,1", NULL);
    t_onnx_node(m, "Conv", "v w2", "y", "kernel_shape=I1,1");
    t_onnx_output(m, "y");
}

/* As many channels out as in, no residual: must not run in place. */
static void make_square_block(struct t_onnx *m)
{
    t_onnx_input(m, "x");
    t_onnx_floats(m, "w0", "16,3,1,1", NULL);
    t_onnx_node(m, "Conv", "x w0", "t", "kernel_shape=I1,1");
    t_onnx_floats(m, "w1", "32,16,1,1", NULL);
    t_onnx_node(m, "Conv", "t w1", "u", "kernel_shape=I1,1");
    put_gelu(m, "u", "v");
    t_onnx_floats(m, "w2", "16,32,1,1", NULL);
    t_onnx_node(m, "Conv", "v w2", "y", "kernel_shape=I1,1");
    t_onnx_output(m, "y");
}

/* The same with channels that the block kernel does not take: two convolutions. */
static void make_ragged_block(struct t_onnx *m)
{
    t_onnx_input(m, "x");
    t_onnx_floats(m, "w0", "16,3,1,1", NULL);
    t_onnx_node(m, "Conv", "x w0", "t", "kernel_shape=I1,1");
    t_onnx_floats(m, "w1", "20,16,1,1", NULL);
    t_onnx_node(m, "Conv", "t w1", "u", "kernel_shape=I1,1");
    put_gelu(m, "u", "v");
    t_onnx_floats(m, "w2", "16,20,1,1", NULL);
    t_onnx_node(m, "Conv", "v w2", "p", "kernel_shape=I1,1");
    t_onnx_node(m, "Add", "t p", "y", "");
    t_onnx_output(m, "y");
}

static void check_block(void (*make)(struct t_onnx *), int hidden, int out, bool residual)
{
    const struct geometry one = {1, 1, 1, 1, 0, 0, 1, 0};
    struct map x = input_map(2, 3, 5, 11), t = ref_conv(&x, "w0", 16, one), u = ref_conv(&t, "w1", hidden, one);
    for (size_t i = 0; i < count(&u); i++)
        u.v[i] = 0.5f * u.v[i] * (1 + erff(u.v[i] / 1.41421356f));
    struct map y = ref_conv(&u, "w2", out, one);
    for (size_t i = 0; residual && i < count(&y); i++)
        y.v[i] += t.v[i];
    check(make, &x, &y);
    free(x.v);
    free(t.v);
    free(u.v);
    free(y.v);
}

static void test_blocks(void **state)
{
    (void)state;
    check_block(make_block, 32, 16, true);
    check_block(make_widening_block, 32, 48, false);
    check_block(make_square_block, 32, 16, false);
    check_block(make_ragged_block, 20, 16, true);
}

/* ---- whole samples ---- */

static void test_classifier(void **state)
{
    (void)state;
    struct t_onnx m;
    struct map x = input_map(3, 3, 4, 26);
    struct eng_tensor full[ENG_MAX_OUTPUTS], best[ENG_MAX_OUTPUTS];
    assert_true(t_onnx_sample(2, &m));
    struct eng_graph *g = parse(&m, (struct eng_graph_options){.ctc_argmax = false});
    assert_true(t_onnx_sample(2, &m));
    struct eng_graph *c = parse(&m, (struct eng_graph_options){.ctc_argmax = true});
    struct eng_runner *r = runner_of(g), *q = runner_of(c);
    run(r, &x, full);
    run(q, &x, best);
    assert_int_equal(full[0].dims[1], 13);
    assert_int_equal(full[0].dims[2], 20);
    assert_int_equal(best[0].dims[2], 2);
    for (int i = 0; i < 3 * 13; i++) {
        const float *row = full[0].data + i * 20;
        float sum = 0;
        int top = 0;
        for (int k = 0; k < 20; k++) {
            sum += row[k];
            top = row[k] > row[top] ? k : top;
        }
        assert_true(fabsf(sum - 1) < 1e-5f);
        assert_int_equal((int)best[0].data[2 * i], top);
        assert_true(fabsf(best[0].data[2 * i + 1] - row[top]) < 1e-6f);
    }
    size_t len = 0;
    assert_string_equal(eng_graph_metadata(g, "character", &len), "a\nb\nc");
    assert_int_equal(len, 5);
    eng_runner_drop(r);
    eng_runner_drop(q);
    eng_graph_drop(g);
    eng_graph_drop(c);
    free(x.v);
}

static void test_taps(void **state)
{
    (void)state;
    struct t_onnx m;
    struct map x = input_map(1, 3, 16, 24);
    struct eng_tensor out[ENG_MAX_OUTPUTS];
    float values[16 * 8 * 12];
    size_t n = 0;
    assert_true(t_onnx_sample(0, &m));
    struct eng_graph *g = parse(&m, (struct eng_graph_options){.keep_inner = true});
    struct eng_runner *r = runner_of(g);
    assert_int_equal(eng_runner_tap(r, "y", values, 1, &n, NULL), B_ARGUMENT);
    run(r, &x, out);
    assert_int_equal(eng_runner_tap(r, "y", values, 1, &n, NULL), B_ARGUMENT);
    assert_int_equal(eng_runner_tap(r, "y", values, 16 * 8 * 12, &n, NULL), B_OK);
    assert_int_equal(n, 16 * 8 * 12);
    assert_memory_equal(values, out[0].data, sizeof values);
    assert_int_equal(eng_runner_tap(r, "s4", values, 16, &n, NULL), B_OK); /* factors of squeeze-and-excite */
    assert_int_equal(n, 16);
    assert_int_equal(eng_runner_tap(r, "g2", values, 16 * 8 * 12, &n, NULL), B_NOT_FOUND); /* fused away */
    assert_int_equal(eng_runner_tap(r, "nothing", values, 16 * 8 * 12, &n, NULL), B_NOT_FOUND);
    eng_runner_drop(r);
    eng_graph_drop(g);
    free(x.v);
}

/* Processor time of the whole process, milliseconds. */
static double used_ms(void)
{
    struct timespec t;
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t), 0);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* After a run on two threads none of them spins while the caller does something else. */
static void test_rest(void **state)
{
    (void)state;
    struct t_onnx m;
    struct map x = input_map(1, 3, 64, 96);
    struct eng_tensor out[ENG_MAX_OUTPUTS];
    assert_true(t_onnx_sample(0, &m));
    struct eng_graph *g = parse(&m, (struct eng_graph_options){.keep_inner = false});
    struct eng_runner *r = runner_of(g);
    eng_runner_set_threads(r, 2);
    for (int i = 0; i < 3; i++) {
        run(r, &x, out);
        double before = used_ms();
        assert_int_equal(nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL), 0);
        assert_true(used_ms() - before < 3); /* spinning costs about 10 */
    }
    eng_runner_drop(r);
    eng_graph_drop(g);
    free(x.v);
}

/* Runners that rest share their memory, whoever needed most of it before. */
static void memory_is_shared(void **state)
{
    (void)state;
    struct t_onnx m;
    struct map small = input_map(1, 3, 64, 96), large = input_map(1, 3, 640, 960);
    struct eng_tensor out[ENG_MAX_OUTPUTS];
    struct eng_memory_state one, two, end;
    struct eng_memory *memory = NULL;
    assert_true(t_onnx_sample(0, &m));
    assert_int_equal(eng_memory_new(&memory, NULL), B_OK);
    struct eng_graph *g = parse(&m, (struct eng_graph_options){.memory = memory});
    struct eng_runner *r[3] = {runner_of(g), runner_of(g), runner_of(g)};
    run(r[0], &large, out);
    eng_memory_look(memory, &one);
    assert_int_equal(one.blocks, 1);
    assert_int_equal(one.idle_bytes, 0);
    eng_runner_rest(r[0]);
    for (int i = 0; i < 9; i++) { /* in turn: one block does, and results do not depend on what lies in it */
        run(r[i % 3], &small, out);
        float *first = malloc((size_t)out[0].dims[1] * sizeof *first);
        assert_non_null(first);
        memcpy(first, out[0].data, (size_t)out[0].dims[1] * sizeof *first);
        run(r[i % 3], &large, out);
        run(r[i % 3], &small, out);
        assert_memory_equal(first, out[0].data, (size_t)out[0].dims[1] * sizeof *first);
        free(first);
        eng_runner_rest(r[i % 3]);
    }
    eng_memory_look(memory, &two);
    assert_int_equal(two.blocks, 1);
    assert_int_equal(two.bytes, one.bytes);
    assert_int_equal(two.idle_bytes, one.bytes);
    run(r[0], &large, out); /* at a time: two */
    run(r[1], &small, out);
    eng_memory_look(memory, &two);
    assert_int_equal(two.blocks, 2);
    assert_true(two.bytes < 2 * one.bytes);
    eng_memory_trim(memory, 0); /* what is lent stays */
    eng_memory_look(memory, &end);
    assert_int_equal(end.bytes, two.bytes);
    eng_runner_rest(r[0]);
    eng_memory_trim(memory, 3600000000000LL);
    eng_memory_look(memory, &end);
    assert_int_equal(end.bytes, two.bytes);
    eng_memory_trim(memory, 0);
    eng_memory_look(memory, &end);
    assert_int_equal(end.bytes, two.bytes - one.bytes);
    assert_int_equal(end.blocks, 1);
    run(r[0], &large, out); /* and comes back when it is needed */
    for (int i = 0; i < 3; i++)
        eng_runner_drop(r[i]);
    eng_memory_look(memory, &end);
    assert_int_equal(end.idle_bytes, end.bytes);
    eng_graph_drop(g);
    eng_memory_drop(memory);
    free(small.v);
    free(large.v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_layer), cmocka_unit_test(test_depthwise_and_same),
        cmocka_unit_test(test_residuals),   cmocka_unit_test(test_ragged_concat),
        cmocka_unit_test(test_upsample),    cmocka_unit_test(test_deconv),
        cmocka_unit_test(test_pools),       cmocka_unit_test(test_excite),
        cmocka_unit_test(test_layernorm),   cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_classifier),  cmocka_unit_test(test_taps),
        cmocka_unit_test(test_rest),        cmocka_unit_test(memory_is_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
