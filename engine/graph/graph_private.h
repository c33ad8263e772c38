/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_GRAPH_GRAPH_PRIVATE_H
#define ENGINE_GRAPH_GRAPH_PRIVATE_H

#include "engine/base/arena.h"
#include "engine/graph/graph.h"
#include "engine/kernels/kernels.h"
#include "engine/onednn/dnn.h"

/* The network between reading and planning: values and nodes in topological order. Everything lives in
 * the graph's arena except packed weights. Private to engine/graph. */

#define GR_DOMAIN "graph"
#define GR_MAX_DIMS 6
#define GR_MAX_INTS 16 /* elements of a shape-like value that planning follows */
#define GR_MAX_IN 6
#define GR_MAX_OUT 4
#define GR_MAX_SIDE 16384 /* attributes and constant dimensions beyond this are damage */

enum gr_kind {
    /* Planned and executed. */
    GR_CONV,
    GR_DECONV,
    GR_MAXPOOL,
    GR_AVGPOOL,
    GR_MEAN,
    GR_ACT,
    GR_ADD,
    GR_SE,
    GR_BLOCK, /* two 1x1 convolutions with gelu between, residual, squeeze-and-excite before */
    GR_UPSAMPLE,
    GR_CONCAT,
    GR_MATMUL,
    GR_LAYERNORM,
    GR_ATTENTION,
    GR_SOFTMAX,
    GR_CTC,
    GR_TRANSPOSE,
    GR_RESHAPE,
    GR_SQUEEZE,
    GR_UNSQUEEZE,
    GR_SPLIT,
    GR_TABLE,
    /* Only on shapes, folded while planning. */
    GR_SLICE,
    GR_SHAPE,
    GR_CAST,
    /* Only inside patterns that fusion removes; left over they are unsupported. */
    GR_MUL,
    GR_BATCHNORM,
    GR_ERF,
    GR_DIV,
    GR_SUB,
    GR_POW,
    GR_SQRT,
    GR_CLIP,
    GR_REDUCE_LAST,
    GR_UNKNOWN, /* an operator that is not read; an error unless nothing needs it */
    GR_DEAD
};

/* A constant of the file: fp32 or int64 (int32 and bool widened). */
struct gr_const {
    int n_dims;
    int64_t dims[GR_MAX_DIMS];
    size_t count;
    const float *f;   /* NULL for integers */
    const int64_t *i; /* NULL for floats */
};

struct gr_value {
    const char *name;
    const struct gr_const *c; /* NULL for computed values */
    int alias;                /* the value that an Identity made this one equal to, or -1 */
    int producer;             /* node index or -1 */
    int uses;                 /* inputs of live nodes, plus one for a graph output */
    int user;                 /* one of the nodes that use it, or -1 */
};

/* Geometry of a convolution or pool. */
struct gr_window {
    int kernel[2], stride[2], pad[4]; /* pad: top, left, bottom, right */
    int64_t group;
    bool same_upper;
};

/* What fusion attached to a node. Convolution: w OIHW, b[O]. Product: w [K][N], b[N]. Layer norm: w gamma,
 * b beta. Squeeze-and-excite: w [C][mid], b[mid], w2 [mid][C], b2[C], dims C, mid. Block: w [hidden][C],
 * b[hidden], w2 [out][hidden], b2[out], dims C, hidden, out. Transposed convolution: the 1x1
 * convolution that computes its pixels (dims O, I, 1, 1) with channels ordered dy, dx, channel. */
struct gr_weights {
    const float *w, *b, *w2, *b2;
    int64_t dims[4];
    struct eng_packed *packed; /* owned; convolutions */
    struct eng_gemm *gemm;     /* owned; products */
    struct eng_mlp *mlp;       /* owned; blocks */
};

struct gr_node {
    enum gr_kind kind;
    const char *name; /* for messages: the node's first output */
    const char *op;
    int n_in, n_out;
    int in[GR_MAX_IN], out[GR_MAX_OUT]; /* -1: absent */
    struct gr_window window;
    enum eng_act act;       /* of GR_ACT, or fused behind the layer */
    int residual;           /* value added to the result (after act), or -1 */
    float alpha, beta, eps; /* hardsigmoid; attention: alpha scales the queries; layer norm: eps */
    bool keep;              /* squeeze-and-excite: x + x s instead of x s */
    int axis;
    int64_t ints[GR_MAX_DIMS]; /* perm, axes, split sizes, resize factors, attention heads and width */
    int n_ints;
    struct gr_weights *weights;
    const struct gr_weights *excite; /* block: squeeze-and-excite before it, or NULL */
    struct gr_node *hidden;          /* block with keep_inner: the first convolution, run for taps only */
    const struct gr_table *table;
};

/* The decoder of the table network (compact-models 1.6). Weights as the file has them. */
struct gr_table {
    int features, hidden, vocabulary, steps; /* 96, 256, 50, 501 */
    const float *w0;                         /* [features][hidden] */
    const float *w1, *b1;                    /* [hidden][hidden], [hidden] */
    const float *w2;                         /* [hidden] */
    const float *wx, *bx;                    /* [3 hidden][features + vocabulary], [3 hidden] */
    const float *wh, *bh;                    /* [3 hidden][hidden], [3 hidden] */
    const float *w3, *b3, *w4, *b4;          /* structure: hidden x hidden, hidden x vocabulary */
    const float *w5, *b5, *w6, *b6;          /* corners: hidden x hidden, hidden x 8 */
};

struct eng_graph {
    struct b_arena *arena;
    struct eng_graph_options options;
    struct eng_memory *memory, *own_memory; /* the same, or own_memory NULL */
    struct gr_value *values;
    int n_values;
    struct gr_node *nodes;
    int n_nodes;
    int input;
    int outputs[ENG_MAX_OUTPUTS], n_outputs;
    const char **metadata; /* key, value pairs */
    size_t *metadata_len;
    int n_metadata;
};

/* Follows aliases. */
static inline int gr_resolve(const struct eng_graph *g, int value)
{
    while (value >= 0 && g->values[value].alias >= 0)
        value = g->values[value].alias;
    return value;
}

/* Fails with B_UNSUPPORTED, naming the node. */
enum b_code gr_unsupported(const struct gr_node *node, const char *what, struct b_err *err);

/* File bytes -> values and nodes (onnx_reader.c). */
enum b_code gr_read(const uint8_t *data, size_t size, struct eng_graph *g, struct b_err *err) B_MUST_CHECK;
/* The loop of the table network -> its weights (table_loop.c). `body` is an unpacked GraphProto. */
struct Onnx__GraphProto;
enum b_code gr_read_table_loop(struct eng_graph *g, const struct Onnx__GraphProto *body, struct gr_table **out,
                               struct b_err *err) B_MUST_CHECK;
int gr_find_value(const struct eng_graph *g, const char *name);

/* Rewrites nodes (fuse.c): folds constants, drops what no output needs, fuses; then checks that nothing is
 * left that cannot run and packs weights. */
enum b_code gr_fuse(struct eng_graph *g, struct b_err *err) B_MUST_CHECK;
/* Patterns of several nodes (fuse_patterns.c). */
enum b_code gr_fuse_activations(struct eng_graph *g, struct b_err *err) B_MUST_CHECK;
enum b_code gr_fuse_sequences(struct eng_graph *g, struct b_err *err) B_MUST_CHECK;
enum b_code gr_fuse_excites(struct eng_graph *g, struct b_err *err) B_MUST_CHECK;
enum b_code gr_fuse_blocks(struct eng_graph *g, struct b_err *err) B_MUST_CHECK;
/* Layers with weights (fuse_layers.c). */
enum b_code gr_fuse_layers(struct eng_graph *g, struct b_err *err) B_MUST_CHECK;
enum b_code gr_pack_layers(struct eng_graph *g, struct b_err *err) B_MUST_CHECK;

/* Tools of the passes. */
void gr_count_uses(struct eng_graph *g);
void gr_kill(struct eng_graph *g, int node);
/* The node that alone uses `value`, if it is of kind `kind`; else -1. */
int gr_sole_user(const struct eng_graph *g, int value, enum gr_kind kind);
/* The node that computes `value`, if of kind `kind`; else -1. */
int gr_producer(const struct eng_graph *g, int value, enum gr_kind kind);
/* The other operand of a node with two, or -1. */
int gr_other(const struct gr_node *node, int value);
bool gr_scalar(const struct eng_graph *g, int value, float *out);
bool gr_is_scalar(const struct eng_graph *g, int value, float expected);
/* Constant floats of exactly `count` elements, or NULL. */
const float *gr_floats(const struct eng_graph *g, int value, int64_t count);
/* Constant integers equal to want[0..n). */
bool gr_ints_are(const struct eng_graph *g, int value, const int64_t *want, int n);
/* Puts `node` into slot `at`, the last slot of its pattern, so that all inputs are defined before it. */
void gr_put(struct eng_graph *g, int at, const struct gr_node *node);

/* Runs the table decoder: features [positions][features] -> corners [T][8], structure [T][vocabulary]; both have
 * room for table->steps rows. *steps gets T. scratch: gr_table_scratch floats. */
size_t gr_table_scratch(const struct gr_table *t, size_t positions);
enum b_code gr_table_run(const struct gr_table *t, const float *features, size_t positions, float *corners,
                         float *structure, float *scratch, int *steps, struct b_cancel *cancel,
                         struct b_err *err) B_MUST_CHECK;

#endif
