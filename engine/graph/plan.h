/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_GRAPH_PLAN_H
#define ENGINE_GRAPH_PLAN_H

#include "engine/graph/graph_private.h"

/* A network planned for one input shape: steps over buffers whose places in one block of memory are fixed.
 * Private to engine/graph. */

#define GR_MAX_STEPS 8192
#define GR_PARTS 4 /* threads that a kernel with scratch memory may use */

/* What planning knows of a value: its dimensions, and its elements if it is a small integer vector. */
struct gr_shape {
    bool known, is_int;
    int n_dims;
    int64_t dims[GR_MAX_DIMS];
    int n_ints;
    int64_t ints[GR_MAX_INTS];
};

enum gr_layout { GR_PLAIN, GR_BLOCKED, GR_LAYOUTS };

/* A tensor in memory. `home`: it lives inside that buffer, `home_offset` bytes from its start; `taken`: because
 * the step that made `home` works in place on it. */
struct gr_buf {
    size_t bytes, offset;
    int first, last; /* steps that write it first and read it last */
    int home;
    size_t home_offset;
    bool taken;
    bool fixed; /* seen under several values or by the caller: nothing works in place on it */
};

/* Geometry of a map; h = w = 1 for vectors. */
struct gr_map {
    size_t n, c, h, w, blocks;
};

struct gr_run {
    struct eng_dnn *dnn;
    const struct eng_kernels *kernels;
    char *base;
    const struct gr_buf *bufs;
    struct b_cancel *cancel;
    size_t block;
    int threads;
    int table_steps; /* rows that the table decoder made */
};

struct gr_step {
    enum b_code (*run)(struct gr_run *run, const struct gr_step *step, struct b_err *err);
    const struct gr_node *node;
    int n_in, in[GR_MAX_IN];
    int n_out, out[GR_MAX_OUT];
    int scratch;               /* buffer alive in this step only, or -1 */
    int share;                 /* out[0] may live in in[share]; -1: no */
    bool copy;                 /* it does not: the step starts by copying in[share] to out[0] */
    struct gr_map x, y;        /* of in[0] and out[0] */
    size_t rows, width;        /* of matrices; elements of element-wise steps in rows */
    int64_t dims[GR_MAX_DIMS]; /* transpose: of the source */
    int n_dims;
    struct eng_conv *conv; /* owned */
};

struct gr_plan {
    int64_t key[4];
    int threads;   /* the library generates its kernels for a number of threads */
    uint64_t used; /* for least recently used */
    struct b_arena *arena;
    struct gr_shape *shapes; /* per value; NULL once planned, unless inner values are kept */
    int *rep[GR_LAYOUTS];    /* per value: its buffer in that layout, or -1; likewise */
    struct gr_shape output_shapes[ENG_MAX_OUTPUTS];
    struct gr_buf *bufs;
    int n_bufs, cap_bufs;
    struct gr_step *steps;
    int n_steps, cap_steps;
    int input, outputs[ENG_MAX_OUTPUTS];
    size_t bytes; /* of the block of memory */
};

enum b_code gr_plan_new(const struct eng_graph *g, struct eng_dnn *dnn, const int64_t dims[4], size_t budget,
                        struct gr_plan **out, struct b_err *err) B_MUST_CHECK;
void gr_plan_drop(struct gr_plan *plan);

/* Dimensions and folded integers of a node's outputs from its inputs (infer.c). */
enum b_code gr_infer(const struct eng_graph *g, struct gr_shape *shapes, const struct gr_node *node,
                     struct b_err *err) B_MUST_CHECK;
/* True when the node only makes integers that are now known. */
bool gr_is_folded(const struct gr_shape *shapes, const struct gr_node *node);

/* Nodes -> steps and buffers (lower.c). */
struct gr_lower {
    const struct eng_graph *g;
    struct eng_dnn *dnn;
    struct gr_plan *plan;
    size_t block, budget;
    struct b_err *err;
};
enum b_code gr_lower_node(struct gr_lower *l, const struct gr_node *node) B_MUST_CHECK;
/* Buffer of `value` in a layout, converted if need be (lower_tools.c). */
enum b_code gr_get(struct gr_lower *l, int value, enum gr_layout layout, int *buf) B_MUST_CHECK;
enum b_code gr_make(struct gr_lower *l, int value, enum gr_layout layout, int *buf) B_MUST_CHECK;
enum b_code gr_new_buf(struct gr_lower *l, size_t bytes, int *buf) B_MUST_CHECK;
enum b_code gr_new_step(struct gr_lower *l, const struct gr_node *node, struct gr_step **step) B_MUST_CHECK;
struct gr_map gr_map_of(const struct gr_lower *l, int value);
size_t gr_elements(const struct gr_shape *shape);

/* Places buffers (memory.c): in place and inside concatenations where lifetimes allow, then first fit. */
enum b_code gr_place(const struct eng_graph *g, struct gr_plan *plan, size_t block, size_t budget,
                     struct b_err *err) B_MUST_CHECK;

/* The code of steps (steps.c, steps_rows.c). */
typedef enum b_code gr_step_fn(struct gr_run *run, const struct gr_step *step, struct b_err *err);
gr_step_fn gr_run_conv, gr_run_shuffle, gr_run_maxpool, gr_run_avgpool, gr_run_mean, gr_run_act, gr_run_add,
    gr_run_excite, gr_run_block, gr_run_upsample, gr_run_concat, gr_run_to_plain, gr_run_to_blocked;
gr_step_fn gr_run_matmul, gr_run_layernorm, gr_run_attention, gr_run_softmax, gr_run_ctc, gr_run_transpose,
    gr_run_split, gr_run_table;
/* Parts that a kernel with scratch memory is split into. */
static inline size_t gr_parts(const struct gr_run *run)
{
    return run->threads < GR_PARTS ? (size_t)run->threads : GR_PARTS;
}
/* Copies in[share] to out[0] where the memory plan could not make them one. */
void gr_copy_shared(const struct gr_run *run, const struct gr_step *step);
/* Activations of convolutions that run as kernels of ours behind the library's product. */
static inline bool gr_acts_behind(enum eng_act act)
{
    return act == ENG_ACT_GELU || act == ENG_ACT_SWISH;
}

static inline float *gr_at(const struct gr_run *run, int buf)
{
    return (float *)(void *)(run->base + run->bufs[buf].offset);
}

#endif
