/* SPDX-License-Identifier: Apache-2.0 */
/* Small networks of the shapes that the reader supports: seeds for fuzzing, material for tests. */
#include "tests/support/onnx_maker.h"

static const float three = 3, six = 6, zero = 0, root2 = 1.41421356f, one = 1, half = 0.5f, two = 2, epsilon = 1e-5f;

static void conv(struct t_onnx *m, const char *name, const char *in, const char *dims, const char *attributes)
{
    char weights[64];
    size_t n = 0;
    for (; name[n] && n < 60; n++)
        weights[n] = name[n];
    weights[n] = 'w';
    weights[n + 1] = 0;
    t_onnx_floats(m, weights, dims, NULL);
    char in2[160];
    size_t at = 0;
    for (const char *p = in; *p && at < 80; p++)
        in2[at++] = *p;
    in2[at++] = ' ';
    for (const char *p = weights; *p; p++)
        in2[at++] = *p;
    in2[at] = 0;
    t_onnx_node(m, "Conv", in2, name, attributes);
}

/* Stem, pool, concatenation, hard swish, batch norm, squeeze-and-excite, residual. */
static void backbone(struct t_onnx *m)
{
    t_onnx_input(m, "x");
    conv(m, "c1", "x", "8,3,3,3", "kernel_shape=I3,3 strides=I2,2 pads=I1,1,1,1");
    t_onnx_floats(m, "b1", "1,8,1,1", NULL);
    t_onnx_node(m, "Add", "c1 b1", "a1", "");
    t_onnx_node(m, "Identity", "a1", "i1", "");
    t_onnx_node(m, "Relu", "i1", "r1", "");
    t_onnx_node(m, "MaxPool", "r1", "p1", "kernel_shape=I2,2 strides=I1,1 auto_pad=sSAME_UPPER");
    conv(m, "c2", "r1", "8,8,2,2", "kernel_shape=I2,2 auto_pad=sSAME_UPPER");
    t_onnx_node(m, "Concat", "p1 c2", "k1", "axis=i1");
    conv(m, "c3", "k1", "16,1,3,3", "kernel_shape=I3,3 pads=I1,1,1,1 group=i16");
    t_onnx_floats(m, "g", "16", NULL);
    t_onnx_floats(m, "be", "16", NULL);
    t_onnx_floats(m, "mu", "16", NULL);
    const float variance[16] = {1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8};
    t_onnx_floats(m, "va", "16", variance);
    t_onnx_node(m, "BatchNormalization", "c3 g be mu va", "n3", "epsilon=f0.00001");
    t_onnx_floats(m, "three", "", &three);
    t_onnx_floats(m, "six", "", &six);
    t_onnx_floats(m, "zero", "", &zero);
    t_onnx_node(m, "Add", "n3 three", "h1", "");
    t_onnx_node(m, "Clip", "h1 zero six", "h2", "");
    t_onnx_node(m, "Mul", "n3 h2", "h3", "");
    t_onnx_node(m, "Div", "h3 six", "h4", "");
    t_onnx_node(m, "GlobalAveragePool", "h4", "s0", "");
    conv(m, "s1", "s0", "4,16,1,1", "kernel_shape=I1,1");
    t_onnx_node(m, "Relu", "s1", "s2", "");
    conv(m, "s3", "s2", "16,4,1,1", "kernel_shape=I1,1");
    t_onnx_node(m, "HardSigmoid", "s3", "s4", "alpha=f0.2 beta=f0.5");
    t_onnx_node(m, "Mul", "h4 s4", "s5", "");
    conv(m, "e1", "s5", "32,16,1,1", "kernel_shape=I1,1");
    t_onnx_floats(m, "root2", "", &root2);
    t_onnx_floats(m, "one", "", &one);
    t_onnx_floats(m, "half", "", &half);
    t_onnx_node(m, "Div", "e1 root2", "g1", "");
    t_onnx_node(m, "Erf", "g1", "g2", "");
    t_onnx_node(m, "Add", "g2 one", "g3", "");
    t_onnx_node(m, "Mul", "e1 g3", "g4", "");
    t_onnx_node(m, "Mul", "g4 half", "g5", "");
    conv(m, "e2", "g5", "16,32,1,1", "kernel_shape=I1,1");
    t_onnx_node(m, "Add", "s5 e2", "y", "");
    t_onnx_output(m, "y");
}

/* Upsampling, transposed convolutions, sigmoid. */
static void head(struct t_onnx *m)
{
    const float scales[4] = {1, 1, 2, 2};
    t_onnx_input(m, "x");
    conv(m, "c1", "x", "12,3,1,1", "kernel_shape=I1,1");
    conv(m, "c2", "c1", "12,1,3,3", "kernel_shape=I3,3 strides=I2,2 pads=I1,1,1,1 group=i12");
    t_onnx_floats(m, "scales", "4", scales);
    t_onnx_node(m, "Resize", "c2 - scales", "u",
                "mode=snearest coordinate_transformation_mode=sasymmetric nearest_mode=sfloor");
    t_onnx_node(m, "Add", "c1 u", "a", "");
    t_onnx_floats(m, "d1w", "12,12,2,2", NULL);
    t_onnx_node(m, "ConvTranspose", "a d1w", "d1", "kernel_shape=I2,2 strides=I2,2");
    t_onnx_node(m, "Relu", "d1", "r", "");
    t_onnx_floats(m, "d2w", "12,1,2,2", NULL);
    t_onnx_node(m, "ConvTranspose", "r d2w", "d2", "kernel_shape=I2,2 strides=I2,2");
    t_onnx_floats(m, "b", "1,1,1,1", &half);
    t_onnx_node(m, "Add", "d2 b", "d3", "");
    t_onnx_node(m, "Sigmoid", "d3", "y", "");
    t_onnx_output(m, "y");
}

/* Average pool, swish, shape arithmetic, layer norm, attention, classifier. */
static void sequence(struct t_onnx *m)
{
    static const int64_t minus1 = -1, i0 = 0, i1 = 1, i2 = 2, i3 = 3, parts[5] = {0, -1, 3, 2, 4},
                         merged[3] = {0, -1, 8};
    const float scale = 0.5f;
    t_onnx_input(m, "x");
    conv(m, "c", "x", "8,3,1,1", "kernel_shape=I1,1");
    t_onnx_node(m, "Sigmoid", "c", "sg", "");
    t_onnx_node(m, "Mul", "c sg", "sw", "");
    t_onnx_node(m, "AveragePool", "sw", "p", "kernel_shape=I4,2 strides=I4,2 pads=I0,0,0,0");
    t_onnx_ints(m, "i0", "1", &i0);
    t_onnx_ints(m, "i1", "1", &i1);
    t_onnx_ints(m, "i2", "1", &i2);
    t_onnx_ints(m, "i3", "1", &i3);
    t_onnx_ints(m, "m1", "1", &minus1);
    t_onnx_node(m, "Shape", "p", "sh", "");
    t_onnx_node(m, "Slice", "sh i0 i2 i0", "sl", "");
    t_onnx_node(m, "Concat", "sl m1", "want", "axis=i0");
    t_onnx_node(m, "Reshape", "p want", "f", "");
    t_onnx_node(m, "Transpose", "f", "t", "perm=I0,2,1");
    t_onnx_floats(m, "two", "", &two);
    t_onnx_floats(m, "eps", "", &epsilon);
    t_onnx_floats(m, "gamma", "8", NULL);
    t_onnx_floats(m, "beta", "8", NULL);
    t_onnx_node(m, "ReduceMean", "t", "l1", "axes=I-1");
    t_onnx_node(m, "Sub", "t l1", "l2", "");
    t_onnx_node(m, "Pow", "l2 two", "l3", "");
    t_onnx_node(m, "ReduceMean", "l3", "l4", "axes=I-1");
    t_onnx_node(m, "Add", "l4 eps", "l5", "");
    t_onnx_node(m, "Sqrt", "l5", "l6", "");
    t_onnx_node(m, "Div", "l2 l6", "l7", "");
    t_onnx_node(m, "Mul", "l7 gamma", "l8", "");
    t_onnx_node(m, "Add", "l8 beta", "ln", "");
    t_onnx_floats(m, "qkvw", "8,24", NULL);
    t_onnx_floats(m, "qkvb", "24", NULL);
    t_onnx_node(m, "MatMul", "ln qkvw", "q0", "");
    t_onnx_node(m, "Add", "q0 qkvb", "qkv", "");
    t_onnx_ints(m, "parts", "5", parts);
    t_onnx_node(m, "Reshape", "qkv parts", "q1", "");
    t_onnx_node(m, "Transpose", "q1", "q2", "perm=I2,0,3,1,4");
    t_onnx_node(m, "Slice", "q2 i0 i1 i0 i1", "qs", "");
    t_onnx_node(m, "Slice", "q2 i1 i2 i0 i1", "ks", "");
    t_onnx_node(m, "Slice", "q2 i2 i3 i0 i1", "vs", "");
    t_onnx_node(m, "Squeeze", "qs", "q", "axes=I0");
    t_onnx_node(m, "Squeeze", "ks", "k", "axes=I0");
    t_onnx_node(m, "Squeeze", "vs", "v", "axes=I0");
    t_onnx_floats(m, "qscale", "1", &scale);
    t_onnx_node(m, "Mul", "q qscale", "qq", "");
    t_onnx_node(m, "Transpose", "k", "kt", "perm=I0,1,3,2");
    t_onnx_node(m, "MatMul", "qq kt", "sc", "");
    t_onnx_node(m, "Softmax", "sc", "pr", "axis=i3");
    t_onnx_node(m, "MatMul", "pr v", "o1", "");
    t_onnx_node(m, "Transpose", "o1", "o2", "perm=I0,2,1,3");
    t_onnx_ints(m, "merged", "3", merged);
    t_onnx_node(m, "Reshape", "o2 merged", "o3", "");
    t_onnx_node(m, "Add", "t o3", "res", "");
    t_onnx_floats(m, "hw", "8,20", NULL);
    t_onnx_floats(m, "hb", "20", NULL);
    t_onnx_node(m, "MatMul", "res hw", "h1", "");
    t_onnx_node(m, "Add", "h1 hb", "h2", "");
    t_onnx_node(m, "Softmax", "h2", "y", "axis=i2");
    t_onnx_output(m, "y");
    t_onnx_metadata(m, "character", "a\nb\nc");
}

/* Splits, several outputs, constants reshaped, transposes. */
static void branches(struct t_onnx *m)
{
    static const int64_t sizes[2] = {4, 6}, flat[3] = {1, 4, -1}, wide[4] = {1, 10, 1, 1};
    t_onnx_input(m, "x");
    t_onnx_floats(m, "w", "10,3,3,3", NULL);
    t_onnx_floats(m, "b", "10", NULL);
    t_onnx_ints(m, "wide", "4", wide);
    t_onnx_node(m, "Reshape", "b wide", "b4", "");
    t_onnx_node(m, "Conv", "x w", "c", "kernel_shape=I3,3 pads=I1,1,1,1 strides=I2,1");
    t_onnx_node(m, "Add", "c b4", "cb", "");
    t_onnx_node(m, "HardSwish", "cb", "h", "");
    t_onnx_ints(m, "sizes", "2", sizes);
    t_onnx_node(m, "Split", "h sizes", "s1 s2", "axis=i1");
    t_onnx_node(m, "Sigmoid", "s1", "g", "");
    t_onnx_ints(m, "flat", "3", flat);
    t_onnx_node(m, "Reshape", "g flat", "f", "");
    t_onnx_node(m, "Transpose", "f", "y1", "perm=I0,2,1");
    t_onnx_node(m, "MaxPool", "h", "mp", "kernel_shape=I2,2 strides=I2,2");
    t_onnx_node(m, "Add", "s2 s2", "y2", "");
    t_onnx_output(m, "y1");
    t_onnx_output(m, "y2");
    t_onnx_output(m, "mp");
}

bool t_onnx_sample(int index, struct t_onnx *m)
{
    static void (*const makers[])(struct t_onnx *) = {backbone, head, sequence, branches};
    if (index < 0 || (size_t)index >= sizeof makers / sizeof makers[0])
        return false;
    t_onnx_begin(m);
    makers[index](m);
    return true;
}
