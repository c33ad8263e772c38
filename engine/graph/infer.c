/* SPDX-License-Identifier: Apache-2.0 */
/* Dimensions of every value for one input shape, and the integers of shape arithmetic (Shape, Slice, Concat,
 * Cast, Squeeze, Reshape on small vectors), which exist at planning time only. Invariant: a known shape has
 * dimensions of at least 1 and a product that fits the bound of every later size computation. */
#include <string.h>

#include "engine/graph/plan.h"

#define MAX_DIM ((int64_t)1 << 20)
#define MAX_ELEMENTS ((int64_t)1 << 32)

static enum b_code bad(const struct gr_node *node, const char *what, struct b_err *err)
{
    return b_fail(err, B_UNSUPPORTED, GR_DOMAIN, "the layer '%.100s' (%.40s): %s", node->name, node->op, what);
}

static enum b_code set_dims(struct gr_shape *s, const struct gr_node *node, const int64_t *dims, int n,
                            struct b_err *err)
{
    int64_t product = 1;
    if (n < 0 || n > GR_MAX_DIMS)
        return bad(node, "too many dimensions", err);
    for (int i = 0; i < n; i++) {
        if (dims[i] < 1 || dims[i] > MAX_DIM)
            return bad(node, "a dimension vanishes or explodes for this input size", err);
        product *= dims[i];
        if (product > MAX_ELEMENTS)
            return b_fail(err, B_LIMIT, GR_DOMAIN, "the layer '%.100s' would have too many elements", node->name);
    }
    *s = (struct gr_shape){.known = true, .n_dims = n};
    memcpy(s->dims, dims, (size_t)n * sizeof *dims);
    return B_OK;
}

static enum b_code set_ints(struct gr_shape *s, const struct gr_node *node, const int64_t *ints, int n,
                            struct b_err *err)
{
    if (n < 0 || n > GR_MAX_INTS)
        return bad(node, "too many integers", err);
    *s = (struct gr_shape){.known = true, .is_int = true, .n_dims = 1, .n_ints = n};
    s->dims[0] = n;
    if (n)
        memcpy(s->ints, ints, (size_t)n * sizeof *ints);
    return B_OK;
}

/* The integers of a value: a constant's or folded ones. */
static const int64_t *ints_of(const struct eng_graph *g, const struct gr_shape *shapes, int value, int *n)
{
    if (value < 0)
        return NULL;
    const struct gr_const *c = g->values[value].c;
    if (c && c->i && c->count <= GR_MAX_INTS) {
        *n = (int)c->count;
        return c->i;
    }
    if (c || !shapes[value].known || !shapes[value].is_int)
        return NULL;
    *n = shapes[value].n_ints;
    return shapes[value].ints;
}

/* ---- shape arithmetic ---- */

static enum b_code fold_slice(const struct eng_graph *g, struct gr_shape *shapes, const struct gr_node *node,
                              struct b_err *err)
{
    int n = 0, counts[4] = {0};
    const int64_t *from = ints_of(g, shapes, node->in[0], &n), *p[4] = {NULL};
    if (!from || node->n_in < 3)
        return bad(node, "a slice of something other than a shape", err);
    for (int i = 1; i < node->n_in && i < 5; i++)
        p[i - 1] = ints_of(g, shapes, node->in[i], &counts[i - 1]);
    bool ok = p[0] && counts[0] == 1 && p[1] && counts[1] == 1;
    ok = ok && (node->n_in < 4 || (p[2] && counts[2] == 1 && p[2][0] == 0));
    ok = ok && (node->n_in < 5 || (p[3] && counts[3] == 1 && p[3][0] == 1));
    if (!ok)
        return bad(node, "a slice that is not one plain range", err);
    int64_t begin = p[0][0] < 0 ? p[0][0] + n : p[0][0], end = p[1][0] < 0 ? p[1][0] + n : p[1][0];
    begin = begin < 0 ? 0 : begin > n ? n : begin;
    end = end < begin ? begin : end > n ? n : end;
    int64_t copy[GR_MAX_INTS];
    memcpy(copy, from, (size_t)n * sizeof *from);
    return set_ints(&shapes[node->out[0]], node, copy + begin, (int)(end - begin), err);
}

static enum b_code fold_concat(const struct eng_graph *g, struct gr_shape *shapes, const struct gr_node *node,
                               bool *done, struct b_err *err)
{
    int64_t all[GR_MAX_INTS];
    int total = 0;
    for (int i = 0; i < node->n_in; i++) {
        int n = 0;
        const int64_t *p = ints_of(g, shapes, node->in[i], &n);
        if (!p)
            return B_OK;
        if (total + n > GR_MAX_INTS)
            return bad(node, "too many integers", err);
        memcpy(all + total, p, (size_t)n * sizeof *p);
        total += n;
    }
    *done = true;
    return set_ints(&shapes[node->out[0]], node, all, total, err);
}

/* Nodes whose input is integers that are known. */
static enum b_code fold(const struct eng_graph *g, struct gr_shape *shapes, const struct gr_node *node, bool *done,
                        struct b_err *err)
{
    int n = 0;
    struct gr_shape *out = &shapes[node->out[0]];
    switch (node->kind) {
    case GR_SHAPE:
        *done = true;
        if (!shapes[node->in[0]].known || shapes[node->in[0]].is_int)
            return bad(node, "the shape of something unknown", err);
        return set_ints(out, node, shapes[node->in[0]].dims, shapes[node->in[0]].n_dims, err);
    case GR_SLICE:
        *done = true;
        return fold_slice(g, shapes, node, err);
    case GR_CONCAT:
        return fold_concat(g, shapes, node, done, err);
    case GR_CAST:
    case GR_SQUEEZE:
    case GR_UNSQUEEZE:
    case GR_RESHAPE: {
        const int64_t *p = ints_of(g, shapes, node->in[0], &n);
        if (!p)
            return node->kind == GR_CAST ? bad(node, "a cast of something other than a shape", err) : B_OK;
        int64_t copy[GR_MAX_INTS];
        memcpy(copy, p, (size_t)n * sizeof *p);
        *done = true;
        return set_ints(out, node, copy, n, err);
    }
    default:
        return B_OK;
    }
}

/* ---- tensors ---- */

static enum b_code window_dims(const struct gr_node *node, const struct gr_shape *x, int64_t channels,
                               struct gr_shape *out, struct b_err *err)
{
    const struct gr_window *w = &node->window;
    int64_t dims[4] = {x->dims[0], channels, 0, 0};
    for (int i = 0; i < 2; i++) {
        int64_t size = x->dims[2 + i], padded = size + w->pad[i] + w->pad[i + 2];
        if (w->same_upper)
            dims[2 + i] = (size + w->stride[i] - 1) / w->stride[i];
        else if (padded < w->kernel[i])
            return bad(node, "the map is smaller than the window for this input size", err);
        else
            dims[2 + i] = (padded - w->kernel[i]) / w->stride[i] + 1;
    }
    return set_dims(out, node, dims, 4, err);
}

static enum b_code conv_dims(const struct gr_node *node, const struct gr_shape *x, struct gr_shape *out,
                             struct b_err *err)
{
    const struct gr_weights *w = node->weights;
    bool deep = node->window.group > 1;
    if (x->dims[1] != (deep ? node->window.group : w->dims[1]))
        return bad(node, "the input has another number of channels than the weights", err);
    if (node->kind == GR_CONV)
        return window_dims(node, x, w->dims[0], out, err);
    int64_t dims[4] = {x->dims[0], node->ints[0], x->dims[2] * 2, x->dims[3] * 2};
    return set_dims(out, node, dims, 4, err);
}

static enum b_code upsample_dims(const struct eng_graph *g, const struct gr_shape *shapes, const struct gr_node *node,
                                 struct gr_shape *out, struct b_err *err)
{
    const struct gr_shape *x = &shapes[node->in[0]];
    int64_t dims[4] = {x->dims[0], x->dims[1], 0, 0};
    int n = 0;
    if (node->n_in == 4 && node->in[3] >= 0) {
        const int64_t *sizes = ints_of(g, shapes, node->in[3], &n);
        if (!sizes || n != 4 || sizes[0] != dims[0] || sizes[1] != dims[1])
            return bad(node, "a size that is not known", err);
        dims[2] = sizes[2];
        dims[3] = sizes[3];
    } else {
        const float *scales = node->n_in == 3 ? gr_floats(g, node->in[2], 4) : NULL;
        if (!scales || scales[0] != 1.0f || scales[1] != 1.0f)
            return bad(node, "scales that are not known", err);
        for (int i = 2; i < 4; i++) {
            if (!(scales[i] >= 1.0f && scales[i] <= 64.0f) || scales[i] != (float)(int)scales[i])
                return bad(node, "a scale that is not a small whole number", err);
            dims[i] = x->dims[i] * (int64_t)scales[i];
        }
    }
    if (dims[2] < x->dims[2] || dims[3] < x->dims[3])
        return bad(node, "a resize to a smaller map", err);
    return set_dims(out, node, dims, 4, err);
}

static enum b_code concat_dims(const struct gr_shape *shapes, const struct gr_node *node, struct gr_shape *out,
                               struct b_err *err)
{
    const struct gr_shape *x = &shapes[node->in[0]];
    int64_t dims[4] = {x->dims[0], 0, x->dims[2], x->dims[3]};
    if (node->axis != 1 || x->n_dims != 4)
        return bad(node, "a concatenation other than of maps by channel", err);
    for (int i = 0; i < node->n_in; i++) {
        const struct gr_shape *s = node->in[i] >= 0 ? &shapes[node->in[i]] : NULL;
        if (!s || !s->known || s->is_int || s->n_dims != 4 || s->dims[0] != dims[0] || s->dims[2] != dims[2] ||
            s->dims[3] != dims[3])
            return bad(node, "a concatenation of maps of different sizes", err);
        dims[1] += s->dims[1];
    }
    return set_dims(out, node, dims, 4, err);
}

static enum b_code reshape_dims(const struct eng_graph *g, const struct gr_shape *shapes, const struct gr_node *node,
                                struct gr_shape *out, struct b_err *err)
{
    const struct gr_shape *x = &shapes[node->in[0]];
    int64_t dims[GR_MAX_DIMS], known = 1, total = 1;
    int n = 0, free_at = -1;
    const int64_t *want = node->n_in == 2 ? ints_of(g, shapes, node->in[1], &n) : NULL;
    if (!want || n > GR_MAX_DIMS)
        return bad(node, "a reshape to dimensions that are not known", err);
    for (int i = 0; i < x->n_dims; i++)
        total *= x->dims[i];
    for (int i = 0; i < n; i++) {
        dims[i] = want[i] == 0 && i < x->n_dims ? x->dims[i] : want[i];
        if (dims[i] == -1 && free_at < 0) {
            free_at = i;
            continue;
        }
        if (dims[i] < 1 || dims[i] > total || known > total / dims[i])
            return bad(node, "a reshape to another size", err);
        known *= dims[i];
    }
    if (free_at >= 0)
        dims[free_at] = total / known;
    if ((free_at < 0 && known != total) || (free_at >= 0 && total % known != 0))
        return bad(node, "a reshape to another size", err);
    return set_dims(out, node, dims, n, err);
}

static int64_t axis_of(int64_t axis, int n_dims)
{
    return axis < 0 ? axis + n_dims : axis;
}

static enum b_code squeeze_dims(const struct eng_graph *g, const struct gr_shape *shapes, const struct gr_node *node,
                                struct gr_shape *out, struct b_err *err)
{
    const struct gr_shape *x = &shapes[node->in[0]];
    int64_t dims[GR_MAX_DIMS];
    int n = 0, n_axes = node->n_ints;
    const int64_t *axes = node->ints, *given = node->n_in == 2 ? ints_of(g, shapes, node->in[1], &n_axes) : NULL;
    axes = given ? given : axes;
    if (n_axes != 1)
        return bad(node, "other than one axis", err);
    int64_t axis = axis_of(axes[0], x->n_dims);
    if (axis < 0 || axis >= x->n_dims || x->dims[axis] != 1)
        return bad(node, "a squeeze of an axis that is not 1", err);
    for (int i = 0; i < x->n_dims; i++)
        if (i != axis)
            dims[n++] = x->dims[i];
    return set_dims(out, node, dims, n, err);
}

static enum b_code transpose_dims(const struct gr_shape *x, const struct gr_node *node, struct gr_shape *out,
                                  struct b_err *err)
{
    int64_t dims[GR_MAX_DIMS];
    bool seen[GR_MAX_DIMS] = {false};
    if (node->n_ints != x->n_dims)
        return bad(node, "a permutation of another number of dimensions", err);
    for (int i = 0; i < x->n_dims; i++) {
        int64_t p = node->ints[i];
        if (p < 0 || p >= x->n_dims || seen[p])
            return bad(node, "something that is not a permutation", err);
        seen[p] = true;
        dims[i] = x->dims[p];
    }
    return set_dims(out, node, dims, x->n_dims, err);
}

static enum b_code split_dims(const struct eng_graph *g, struct gr_shape *shapes, const struct gr_node *node,
                              struct b_err *err)
{
    struct gr_shape x = shapes[node->in[0]];
    int n = 0;
    const int64_t *sizes = node->n_in == 2 ? ints_of(g, shapes, node->in[1], &n) : NULL;
    int64_t total = 0;
    if (!sizes || n != node->n_out || node->axis != 1 || x.n_dims != 4)
        return bad(node, "a split other than of maps by channel into known sizes", err);
    for (int i = 0; i < n; i++) {
        if (sizes[i] < 1 || sizes[i] > x.dims[1])
            return bad(node, "a split into impossible sizes", err);
        int64_t dims[4] = {x.dims[0], sizes[i], x.dims[2], x.dims[3]};
        total += sizes[i];
        enum b_code code = set_dims(&shapes[node->out[i]], node, dims, 4, err);
        if (code != B_OK)
            return code;
    }
    return total == x.dims[1] ? B_OK : bad(node, "a split that loses channels", err);
}

/* Layers on rows: products, classifiers, attention. */
static enum b_code rows_dims(const struct gr_node *node, const struct gr_shape *x, struct gr_shape *shapes,
                             struct b_err *err)
{
    int64_t dims[GR_MAX_DIMS], width = x->dims[x->n_dims - 1];
    memcpy(dims, x->dims, sizeof dims);
    if (node->kind == GR_ATTENTION) {
        int64_t heads = node->ints[0], inner = heads * node->ints[1];
        if (x->n_dims != 3 || width != 3 * inner)
            return bad(node, "attention over rows of another width", err);
        int64_t scores[4] = {x->dims[0], heads, x->dims[1], x->dims[1]};
        dims[2] = inner;
        enum b_code code = set_dims(&shapes[node->out[1]], node, scores, 4, err);
        return code == B_OK ? set_dims(&shapes[node->out[0]], node, dims, 3, err) : code;
    }
    if (node->weights->dims[0] != width)
        return bad(node, "rows of another width than the weights", err);
    if (node->kind == GR_CTC && x->n_dims != 3)
        return bad(node, "a classifier over something other than time steps", err);
    if (node->kind != GR_LAYERNORM)
        dims[x->n_dims - 1] = node->kind == GR_CTC ? 2 : node->weights->dims[1];
    return set_dims(&shapes[node->out[0]], node, dims, x->n_dims, err);
}

static enum b_code table_dims(const struct gr_node *node, const struct gr_shape *x, struct gr_shape *shapes,
                              struct b_err *err)
{
    const struct gr_table *t = node->table;
    if (x->n_dims != 3 || x->dims[0] != 1 || x->dims[2] != t->features)
        return bad(node, "features of another shape than the decoder's", err);
    int64_t corners[3] = {1, t->steps, 8}, structure[3] = {1, t->steps, t->vocabulary};
    enum b_code code = set_dims(&shapes[node->out[0]], node, corners, 3, err);
    return code == B_OK ? set_dims(&shapes[node->out[1]], node, structure, 3, err) : code;
}

static bool needs_map(enum gr_kind kind)
{
    return kind == GR_CONV || kind == GR_DECONV || kind == GR_MAXPOOL || kind == GR_AVGPOOL || kind == GR_MEAN ||
           kind == GR_SE || kind == GR_UPSAMPLE || kind == GR_BLOCK;
}

static bool same_dims(const struct gr_shape *a, const struct gr_shape *b)
{
    return a->known && b->known && !a->is_int && !b->is_int && a->n_dims == b->n_dims &&
           memcmp(a->dims, b->dims, (size_t)a->n_dims * sizeof a->dims[0]) == 0;
}

static enum b_code tensor_dims(const struct eng_graph *g, struct gr_shape *shapes, const struct gr_node *node,
                               struct b_err *err)
{
    struct gr_shape x = shapes[node->in[0]], *out = &shapes[node->out[0]];
    int64_t dims[4] = {x.dims[0], x.dims[1], 1, 1};
    switch (node->kind) {
    case GR_CONV:
    case GR_DECONV:
        return conv_dims(node, &x, out, err);
    case GR_MAXPOOL:
    case GR_AVGPOOL:
        return window_dims(node, &x, x.dims[1], out, err);
    case GR_MEAN:
        return set_dims(out, node, dims, 4, err);
    case GR_SE: {
        if (x.dims[1] != node->weights->dims[0])
            return bad(node, "the input has another number of channels than the weights", err);
        enum b_code code = set_dims(&shapes[node->out[1]], node, dims, 4, err);
        dims[1] = node->weights->dims[1];
        if (code == B_OK)
            code = set_dims(&shapes[node->out[2]], node, dims, 4, err);
        return code == B_OK ? set_dims(out, node, x.dims, 4, err) : code;
    }
    case GR_BLOCK: {
        const struct gr_weights *w = node->weights;
        if (x.dims[1] != w->dims[0] || (node->excite && x.dims[1] != node->excite->dims[0]))
            return bad(node, "the input has another number of channels than the weights", err);
        int64_t inner[4] = {x.dims[0], w->dims[1], x.dims[2], x.dims[3]};
        int64_t outer[4] = {x.dims[0], w->dims[2], x.dims[2], x.dims[3]};
        enum b_code code = B_OK;
        if (node->hidden)
            code = set_dims(&shapes[node->hidden->out[0]], node, inner, 4, err);
        return code == B_OK ? set_dims(out, node, outer, 4, err) : code;
    }
    case GR_ADD:
        if (node->n_in != 2 || node->in[1] < 0 || !same_dims(&x, &shapes[node->in[1]]))
            return bad(node, "an addition of different shapes or of a constant", err);
        return set_dims(out, node, x.dims, x.n_dims, err);
    case GR_SOFTMAX:
        if (axis_of(node->axis, x.n_dims) != x.n_dims - 1)
            return bad(node, "a softmax over another than the last axis", err);
        return set_dims(out, node, x.dims, x.n_dims, err);
    case GR_ACT:
        return set_dims(out, node, x.dims, x.n_dims, err);
    case GR_UPSAMPLE:
        return upsample_dims(g, shapes, node, out, err);
    case GR_CONCAT:
        return concat_dims(shapes, node, out, err);
    case GR_RESHAPE:
        return reshape_dims(g, shapes, node, out, err);
    case GR_SQUEEZE:
        return squeeze_dims(g, shapes, node, out, err);
    case GR_TRANSPOSE:
        return transpose_dims(&x, node, out, err);
    case GR_SPLIT:
        return split_dims(g, shapes, node, err);
    case GR_MATMUL:
    case GR_CTC:
    case GR_LAYERNORM:
    case GR_ATTENTION:
        return rows_dims(node, &x, shapes, err);
    case GR_TABLE:
        return table_dims(node, &x, shapes, err);
    default:
        return bad(node, "this operator on tensors", err);
    }
}

bool gr_is_folded(const struct gr_shape *shapes, const struct gr_node *node)
{
    return shapes[node->out[0]].known && shapes[node->out[0]].is_int;
}

enum b_code gr_infer(const struct eng_graph *g, struct gr_shape *shapes, const struct gr_node *node, struct b_err *err)
{
    bool done = false;
    int expected = node->kind == GR_SE ? 3 : node->kind == GR_ATTENTION || node->kind == GR_TABLE ? 2 : 1;
    if (node->n_in < 1 || node->in[0] < 0 || (node->kind != GR_SPLIT && node->n_out != expected))
        return bad(node, "another number of inputs or outputs", err);
    enum b_code code = fold(g, shapes, node, &done, err);
    if (code != B_OK || done)
        return code;
    const struct gr_shape *x = &shapes[node->in[0]];
    if (!x->known || x->is_int || x->n_dims < 1)
        return bad(node, "an input that is not a computed tensor", err);
    if (needs_map(node->kind) && x->n_dims != 4)
        return bad(node, "an input that is not a map", err);
    code = tensor_dims(g, shapes, node, err);
    if (code == B_OK && node->residual >= 0 && !same_dims(&shapes[node->residual], &shapes[node->out[0]]))
        return bad(node, "an addition of different shapes", err);
    return code;
}
