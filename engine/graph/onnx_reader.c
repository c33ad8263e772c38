/* SPDX-License-Identifier: Apache-2.0 */
/* ONNX bytes -> checked values and nodes. The protobuf library unpacks recursively and without bounds, so
 * the bytes are walked first: nesting and the number of messages are limited before anything is allocated.
 * Invariant: after gr_read every index is in range, every constant has exactly the elements that its dims
 * say, and every input of a node was defined before the node. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/graph/graph_private.h"
#include "onnx.pb-c.h"

#define MAX_NESTING 12      /* model, graph, node, attribute, graph...: the table network needs 10 */
#define MAX_MESSAGES 200000 /* the largest of the five networks has about 9000 */
#define MAX_NODES 4096

/* ---- a walk over the wire format ---- */

static bool varint(const uint8_t *data, size_t size, size_t *at, uint64_t *out)
{
    *out = 0;
    for (int shift = 0; shift < 64 && *at < size; shift += 7) {
        uint8_t byte = data[(*at)++];
        *out |= (uint64_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80))
            return true;
    }
    return false;
}

/* Message types by what they may contain; SCALARS holds nothing that nests. */
enum shape { MODEL, GRAPH, NODE, ATTRIBUTE, SCALARS };

static enum shape child_of(enum shape parent, uint64_t field)
{
    if (parent == MODEL && field == 7)
        return GRAPH;
    if (parent == GRAPH && field == 1)
        return NODE;
    if (parent == NODE && field == 5)
        return ATTRIBUTE;
    if (parent == ATTRIBUTE && field == 6)
        return GRAPH;
    return SCALARS;
}

static bool walk(const uint8_t *data, size_t size, enum shape shape, int depth, size_t *messages)
{
    if (depth > MAX_NESTING || ++*messages > MAX_MESSAGES)
        return false;
    for (size_t at = 0; at < size;) {
        uint64_t key, len;
        if (!varint(data, size, &at, &key))
            return false;
        switch (key & 7) {
        case 0:
            if (!varint(data, size, &at, &len))
                return false;
            break;
        case 1:
            len = 8;
            if (size - at < len)
                return false;
            at += 8;
            break;
        case 5:
            if (size - at < 4)
                return false;
            at += 4;
            break;
        case 2: {
            if (!varint(data, size, &at, &len) || len > size - at)
                return false;
            enum shape child = child_of(shape, key >> 3);
            if (++*messages > MAX_MESSAGES)
                return false;
            if (child != SCALARS && !walk(data + at, (size_t)len, child, depth + 1, messages))
                return false;
            at += (size_t)len;
            break;
        }
        default:
            return false;
        }
    }
    return true;
}

/* ---- names ---- */

int gr_find_value(const struct eng_graph *g, const char *name)
{
    for (int i = g->n_values - 1; i >= 0; i--)
        if (strcmp(g->values[i].name, name) == 0)
            return i;
    return -1;
}

/* Open-addressing index over value names, for reading only. */
struct names {
    int *slots;
    size_t mask;
};

static size_t hash_of(const char *s)
{
    uint64_t h = 1469598103934665603u;
    for (; *s; s++)
        h = (h ^ (uint8_t)*s) * 1099511628211u;
    return (size_t)(h ^ (h >> 32));
}

struct reader {
    struct eng_graph *g;
    struct names names;
    int cap_values;
    struct b_err *err;
};

static int lookup(const struct reader *r, const char *name)
{
    for (size_t at = hash_of(name) & r->names.mask; r->names.slots[at] >= 0; at = (at + 1) & r->names.mask)
        if (strcmp(r->g->values[r->names.slots[at]].name, name) == 0)
            return r->names.slots[at];
    return -1;
}

static enum b_code define(struct reader *r, const char *name, const struct gr_const *c, int *out)
{
    struct eng_graph *g = r->g;
    if (!name || !name[0] || lookup(r, name) >= 0 || g->n_values >= r->cap_values)
        return b_fail(r->err, B_FORMAT, GR_DOMAIN, "the value '%.80s' is unnamed or defined twice", name ? name : "");
    const char *copy = b_arena_text(g->arena, name, strlen(name));
    if (!copy)
        return b_arena_refused(g->arena, GR_DOMAIN, r->err);
    int id = g->n_values++;
    g->values[id] = (struct gr_value){.name = copy, .c = c, .alias = -1, .producer = -1, .user = -1};
    size_t at = hash_of(copy) & r->names.mask;
    while (r->names.slots[at] >= 0)
        at = (at + 1) & r->names.mask;
    r->names.slots[at] = id;
    *out = id;
    return B_OK;
}

/* ---- constants ---- */

static enum b_code read_dims(const Onnx__TensorProto *t, struct gr_const *c, struct b_err *err)
{
    if (t->n_dims > GR_MAX_DIMS)
        return b_fail(err, B_UNSUPPORTED, GR_DOMAIN, "a constant has %zu dimensions", t->n_dims);
    c->count = 1;
    c->n_dims = (int)t->n_dims;
    for (size_t i = 0; i < t->n_dims; i++) {
        int64_t d = t->dims[i];
        if (d < 0 || (d > 0 && c->count > ((size_t)1 << 30) / (size_t)d))
            return b_fail(err, B_FORMAT, GR_DOMAIN, "a constant has the impossible dimension %lld", (long long)d);
        c->dims[i] = d;
        c->count *= (size_t)d;
    }
    return B_OK;
}

static enum b_code bad_tensor(const Onnx__TensorProto *t, struct b_err *err)
{
    return b_fail(err, B_FORMAT, GR_DOMAIN, "the constant '%.80s' does not hold what its type and size say",
                  t->name ? t->name : "");
}

static enum b_code read_floats(struct eng_graph *g, const Onnx__TensorProto *t, struct gr_const *c, struct b_err *err)
{
    float *f = b_arena_alloc(g->arena, c->count * sizeof *f, 64);
    if (!f)
        return b_arena_refused(g->arena, GR_DOMAIN, err);
    if (t->has_raw_data && t->raw_data.len == c->count * sizeof *f) {
        if (c->count)
            memcpy(f, t->raw_data.data, t->raw_data.len);
    } else if (!t->has_raw_data && t->n_float_data == c->count) {
        if (c->count)
            memcpy(f, t->float_data, c->count * sizeof *f);
    } else {
        return bad_tensor(t, err);
    }
    c->f = f;
    return B_OK;
}

static enum b_code read_ints(struct eng_graph *g, const Onnx__TensorProto *t, struct gr_const *c, struct b_err *err)
{
    int64_t *v = b_arena_alloc(g->arena, c->count * sizeof *v, 16);
    if (!v)
        return b_arena_refused(g->arena, GR_DOMAIN, err);
    bool wide = t->data_type == 7;
    size_t each = t->data_type == 9 ? 1 : wide ? 8 : 4;
    if (t->has_raw_data) {
        if (t->raw_data.len != c->count * each)
            return bad_tensor(t, err);
        for (size_t i = 0; i < c->count; i++) {
            int32_t narrow = 0;
            if (wide)
                memcpy(&v[i], t->raw_data.data + i * 8, 8);
            else
                memcpy(&narrow, t->raw_data.data + i * each, each);
            if (!wide)
                v[i] = narrow;
        }
    } else if (wide ? t->n_int64_data == c->count : t->n_int32_data == c->count) {
        for (size_t i = 0; i < c->count; i++)
            v[i] = wide ? t->int64_data[i] : t->int32_data[i];
    } else {
        return bad_tensor(t, err);
    }
    c->i = v;
    return B_OK;
}

static enum b_code read_tensor(struct eng_graph *g, const Onnx__TensorProto *t, const struct gr_const **out,
                               struct b_err *err)
{
    struct gr_const *c = B_ARENA_ARRAY(g->arena, 1, struct gr_const);
    if (!c)
        return b_arena_refused(g->arena, GR_DOMAIN, err);
    if (t->has_data_location && t->data_location != 0)
        return b_fail(err, B_UNSUPPORTED, GR_DOMAIN, "weights in a second file are not read");
    enum b_code code = read_dims(t, c, err);
    if (code == B_OK && t->data_type == 1)
        code = read_floats(g, t, c, err);
    else if (code == B_OK && (t->data_type == 6 || t->data_type == 7 || t->data_type == 9))
        code = read_ints(g, t, c, err);
    else if (code == B_OK)
        code = b_fail(err, B_UNSUPPORTED, GR_DOMAIN,
                      "the constant '%.80s' has element type %d; fp32, int32 and int64 are read",
                      t->name ? t->name : "", t->data_type);
    *out = c;
    return code;
}

/* ---- nodes ---- */

#define WINDOW "dilations kernel_shape strides group pads auto_pad "
static const struct operation {
    const char *op, *attributes; /* names, each followed by a space */
    enum gr_kind kind;
    enum eng_act act;
} operations[] = {
    {"Conv", WINDOW, GR_CONV, 0},
    {"ConvTranspose", WINDOW, GR_DECONV, 0},
    {"MaxPool", WINDOW "ceil_mode ", GR_MAXPOOL, 0},
    {"AveragePool", WINDOW "ceil_mode count_include_pad ", GR_AVGPOOL, 0},
    {"GlobalAveragePool", "", GR_MEAN, 0},
    {"ReduceMean", "axes keepdims ", GR_MEAN, 0},
    {"Relu", "", GR_ACT, ENG_ACT_RELU},
    {"HardSwish", "", GR_ACT, ENG_ACT_HARDSWISH},
    {"Sigmoid", "", GR_ACT, ENG_ACT_SIGMOID},
    {"HardSigmoid", "alpha beta ", GR_ACT, ENG_ACT_HARDSIGMOID},
    {"Add", "", GR_ADD, 0},
    {"Mul", "", GR_MUL, 0},
    {"Resize", "mode coordinate_transformation_mode nearest_mode ", GR_UPSAMPLE, 0},
    {"Concat", "axis ", GR_CONCAT, 0},
    {"MatMul", "", GR_MATMUL, 0},
    {"Softmax", "axis ", GR_SOFTMAX, 0},
    {"Transpose", "perm ", GR_TRANSPOSE, 0},
    {"Reshape", "allowzero ", GR_RESHAPE, 0},
    {"Squeeze", "axes ", GR_SQUEEZE, 0},
    {"Unsqueeze", "axes ", GR_UNSQUEEZE, 0},
    {"Slice", "", GR_SLICE, 0},
    {"Split", "axis ", GR_SPLIT, 0},
    {"Shape", "", GR_SHAPE, 0},
    {"Cast", "to ", GR_CAST, 0},
    {"BatchNormalization", "epsilon momentum ", GR_BATCHNORM, 0},
    {"Erf", "", GR_ERF, 0},
    {"Div", "", GR_DIV, 0},
    {"Sub", "", GR_SUB, 0},
    {"Pow", "", GR_POW, 0},
    {"Sqrt", "", GR_SQRT, 0},
    {"Clip", "", GR_CLIP, 0},
};

static const struct operation *operation_of(const char *op)
{
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
        if (strcmp(op, operations[i].op) == 0)
            return &operations[i];
    return NULL;
}

static const Onnx__AttributeProto *attribute(const Onnx__NodeProto *n, const char *name)
{
    for (size_t i = 0; i < n->n_attribute; i++)
        if (n->attribute[i]->name && strcmp(n->attribute[i]->name, name) == 0)
            return n->attribute[i];
    return NULL;
}

static int64_t int_attribute(const Onnx__NodeProto *n, const char *name, int64_t otherwise)
{
    const Onnx__AttributeProto *a = attribute(n, name);
    return a && a->has_i ? a->i : otherwise;
}

static float float_attribute(const Onnx__NodeProto *n, const char *name, float otherwise)
{
    const Onnx__AttributeProto *a = attribute(n, name);
    return a && a->has_f ? a->f : otherwise;
}

static bool text_attribute_is(const Onnx__NodeProto *n, const char *name, const char *text, bool otherwise)
{
    const Onnx__AttributeProto *a = attribute(n, name);
    if (!a || !a->has_s)
        return otherwise;
    return a->s.len == strlen(text) && memcmp(a->s.data, text, a->s.len) == 0;
}

enum b_code gr_unsupported(const struct gr_node *node, const char *what, struct b_err *err)
{
    (void)b_fail(err, B_UNSUPPORTED, GR_DOMAIN, "the layer '%.100s' (%.40s) uses %s", node->name, node->op, what);
    b_advise(err, "only the networks that deploy/models.sh fetches are supported");
    return B_UNSUPPORTED;
}

/* An attribute that is not known might change the result. */
static enum b_code check_attributes(const Onnx__NodeProto *n, const struct operation *op, const struct gr_node *node,
                                    struct b_err *err)
{
    for (size_t i = 0; i < n->n_attribute; i++) {
        const char *name = n->attribute[i]->name ? n->attribute[i]->name : "", *at = op->attributes;
        size_t len = strlen(name);
        bool known = false;
        for (; *at && !known; at = strchr(at, ' ') + 1)
            known = len > 0 && strncmp(at, name, len) == 0 && at[len] == ' ';
        if (!known) {
            char what[80];
            (void)snprintf(what, sizeof what, "the attribute '%.50s'", name);
            return gr_unsupported(node, what, err);
        }
    }
    return B_OK;
}

/* Small integer lists: at most GR_MAX_DIMS, each within +-GR_MAX_SIDE. */
static bool list_attribute(const Onnx__NodeProto *n, const char *name, int64_t *out, int *count)
{
    const Onnx__AttributeProto *a = attribute(n, name);
    *count = 0;
    if (!a)
        return true;
    if (a->n_ints > GR_MAX_DIMS)
        return false;
    for (size_t i = 0; i < a->n_ints; i++) {
        if (a->ints[i] < -GR_MAX_SIDE || a->ints[i] > GR_MAX_SIDE)
            return false;
        out[(*count)++] = a->ints[i];
    }
    return true;
}

static enum b_code window_attributes(const Onnx__NodeProto *n, struct gr_node *node, struct b_err *err)
{
    int64_t k[GR_MAX_DIMS] = {1, 1}, s[GR_MAX_DIMS] = {1, 1}, p[GR_MAX_DIMS] = {0}, d[GR_MAX_DIMS] = {1, 1};
    int nk, ns, np, nd;
    bool ok = list_attribute(n, "kernel_shape", k, &nk) && list_attribute(n, "strides", s, &ns) &&
              list_attribute(n, "pads", p, &np) && list_attribute(n, "dilations", d, &nd);
    ok = ok && nk == 2 && (ns == 0 || ns == 2) && (np == 0 || np == 4) &&
         (nd == 0 || (nd == 2 && d[0] == 1 && d[1] == 1));
    for (int i = 0; ok && i < 2; i++)
        ok = k[i] >= 1 && k[i] <= 64 && s[i] >= 1 && s[i] <= 64;
    for (int i = 0; ok && i < 4; i++)
        ok = p[i] >= 0 && p[i] < 64;
    if (!ok || int_attribute(n, "ceil_mode", 0) != 0)
        return gr_unsupported(node, "a window that is not plain two-dimensional", err);
    struct gr_window *w = &node->window;
    for (int i = 0; i < 2; i++) {
        w->kernel[i] = (int)k[i];
        w->stride[i] = (int)s[i];
    }
    for (int i = 0; i < 4; i++)
        w->pad[i] = (int)p[i];
    w->group = int_attribute(n, "group", 1);
    w->same_upper = text_attribute_is(n, "auto_pad", "SAME_UPPER", false);
    if (!w->same_upper && !text_attribute_is(n, "auto_pad", "NOTSET", true))
        return gr_unsupported(node, "a padding mode other than SAME_UPPER", err);
    return B_OK;
}

static enum b_code resize_attributes(const Onnx__NodeProto *n, struct gr_node *node, struct b_err *err)
{
    if (!text_attribute_is(n, "mode", "nearest", true) ||
        !text_attribute_is(n, "coordinate_transformation_mode", "asymmetric", false) ||
        !text_attribute_is(n, "nearest_mode", "floor", false))
        return gr_unsupported(node, "a resize other than nearest, asymmetric, floor", err);
    return B_OK;
}

static enum b_code node_attributes(const Onnx__NodeProto *n, struct gr_node *node, struct b_err *err)
{
    switch (node->kind) {
    case GR_CONV:
    case GR_DECONV:
    case GR_MAXPOOL:
    case GR_AVGPOOL:
        return window_attributes(n, node, err);
    case GR_UPSAMPLE:
        return resize_attributes(n, node, err);
    case GR_ACT:
        node->alpha = float_attribute(n, "alpha", 0.2f);
        node->beta = float_attribute(n, "beta", 0.5f);
        return B_OK;
    case GR_BATCHNORM:
        node->eps = float_attribute(n, "epsilon", 1e-5f);
        return B_OK;
    default:
        break;
    }
    int64_t axis = int_attribute(n, "axis", node->kind == GR_SOFTMAX ? -1 : 0);
    if (axis < -GR_MAX_DIMS || axis >= GR_MAX_DIMS)
        return gr_unsupported(node, "an impossible axis", err);
    node->axis = (int)axis;
    if (int_attribute(n, "keepdims", 1) != 1 || int_attribute(n, "allowzero", 0) != 0)
        return gr_unsupported(node, "an unusual attribute value", err);
    int64_t to = int_attribute(n, "to", 7);
    if (node->kind == GR_CAST && to != 1 && to != 6 && to != 7)
        return gr_unsupported(node, "a cast to this type", err);
    const char *list = node->kind == GR_TRANSPOSE ? "perm" : "axes";
    if (!list_attribute(n, list, node->ints, &node->n_ints))
        return gr_unsupported(node, "too long a list", err);
    return B_OK;
}

/* ReduceMean over rows and columns is the global mean; over the last axis it is part of a layer norm. */
static enum b_code classify_mean(const Onnx__NodeProto *n, struct gr_node *node, struct b_err *err)
{
    if (strcmp(n->op_type, "GlobalAveragePool") == 0)
        return B_OK;
    if (node->n_ints == 2 && node->ints[0] == 2 && node->ints[1] == 3)
        return B_OK;
    if (node->n_ints == 1 && node->ints[0] == -1) {
        node->kind = GR_REDUCE_LAST;
        return B_OK;
    }
    return gr_unsupported(node, "a mean over these axes", err);
}

static enum b_code node_values(struct reader *r, const Onnx__NodeProto *n, struct gr_node *node)
{
    if (n->n_input > GR_MAX_IN || n->n_output > GR_MAX_OUT)
        return gr_unsupported(node, "too many inputs or outputs", r->err);
    node->n_in = (int)n->n_input;
    for (size_t i = 0; i < n->n_input; i++) {
        node->in[i] = n->input[i][0] ? gr_resolve(r->g, lookup(r, n->input[i])) : -1;
        if (n->input[i][0] && node->in[i] < 0)
            return b_fail(r->err, B_FORMAT, GR_DOMAIN, "'%.80s' is used before it is defined", n->input[i]);
    }
    if (node->n_in == 0 || node->in[0] < 0)
        return gr_unsupported(node, "no input", r->err);
    int self = r->g->n_nodes;
    for (size_t i = 0; i < n->n_output; i++) {
        if (i > 0 && !n->output[i][0])
            return gr_unsupported(node, "unnamed outputs", r->err);
        enum b_code code = define(r, n->output[i], NULL, &node->out[i]);
        if (code != B_OK)
            return code;
        r->g->values[node->out[i]].producer = self;
        node->n_out++;
    }
    return B_OK;
}

static enum b_code add_constant(struct reader *r, const Onnx__NodeProto *n)
{
    const Onnx__AttributeProto *a = attribute(n, "value");
    const struct gr_const *c = NULL;
    int id;
    if (!a || !a->t || n->n_output != 1)
        return b_fail(r->err, B_UNSUPPORTED, GR_DOMAIN, "a constant without a tensor");
    enum b_code code = read_tensor(r->g, a->t, &c, r->err);
    return code == B_OK ? define(r, n->output[0], c, &id) : code;
}

static enum b_code add_identity(struct reader *r, const Onnx__NodeProto *n)
{
    int id, from = n->n_input == 1 ? lookup(r, n->input[0]) : -1;
    if (from < 0 || n->n_output != 1)
        return b_fail(r->err, B_FORMAT, GR_DOMAIN, "an Identity without one input and one output");
    from = gr_resolve(r->g, from);
    enum b_code code = define(r, n->output[0], r->g->values[from].c, &id);
    if (code == B_OK)
        r->g->values[id].alias = from;
    return code;
}

static enum b_code add_loop(struct reader *r, const Onnx__NodeProto *n, const Onnx__GraphProto *graph)
{
    const Onnx__AttributeProto *body = attribute(n, "body");
    struct gr_node *node = &r->g->nodes[r->g->n_nodes];
    struct gr_table *table = NULL;
    *node = (struct gr_node){.kind = GR_TABLE, .name = "Loop", .op = "Loop", .n_in = 1, .residual = -1};
    /* The features are the one computed input with the body's first MatMul: found by their producer, a transpose. */
    int features = -1;
    for (size_t i = 0; i < n->n_input; i++) {
        int v = n->input[i][0] ? gr_resolve(r->g, lookup(r, n->input[i])) : -1;
        int p = v >= 0 ? r->g->values[v].producer : -1;
        if (p >= 0 && r->g->nodes[p].kind == GR_TRANSPOSE)
            features = v;
    }
    if (!body || !body->g || features < 0 || graph->n_output != 2 || !graph->output[0]->name || !graph->output[1]->name)
        return gr_unsupported(node, "a loop other than the table decoder", r->err);
    enum b_code code = gr_read_table_loop(r->g, body->g, &table, r->err);
    for (size_t i = 0; i < 2 && code == B_OK; i++) {
        code = define(r, graph->output[i]->name, NULL, &node->out[i]);
        if (code == B_OK)
            r->g->values[node->out[i]].producer = r->g->n_nodes;
    }
    node->in[0] = features;
    node->n_out = 2;
    node->table = table;
    if (code == B_OK)
        r->g->n_nodes++;
    return code;
}

/* An operator that is not read only matters if an output needs it: recorded without inputs. */
static enum b_code add_unknown(struct reader *r, const Onnx__NodeProto *n, struct gr_node *node)
{
    node->kind = GR_UNKNOWN;
    node->op = b_arena_text(r->g->arena, n->op_type ? n->op_type : "", n->op_type ? strlen(n->op_type) : 0);
    if (!node->op)
        return b_arena_refused(r->g->arena, GR_DOMAIN, r->err);
    if (n->n_output > GR_MAX_OUT)
        return gr_unsupported(node, "more outputs than are read", r->err);
    for (size_t i = 0; i < n->n_output; i++) {
        enum b_code code = define(r, n->output[i], NULL, &node->out[i]);
        if (code != B_OK)
            return code;
        r->g->values[node->out[i]].producer = r->g->n_nodes;
        node->n_out++;
    }
    r->g->n_nodes++;
    return B_OK;
}

static enum b_code add_node(struct reader *r, const Onnx__NodeProto *n)
{
    const char *op = n->op_type ? n->op_type : "";
    if (n->n_output < 1)
        return b_fail(r->err, B_FORMAT, GR_DOMAIN, "a layer '%.40s' without outputs", op);
    if (strcmp(op, "Constant") == 0)
        return add_constant(r, n);
    if (strcmp(op, "Identity") == 0)
        return add_identity(r, n);
    struct gr_node *node = &r->g->nodes[r->g->n_nodes];
    *node = (struct gr_node){.residual = -1, .name = b_arena_text(r->g->arena, n->output[0], strlen(n->output[0]))};
    if (!node->name)
        return b_arena_refused(r->g->arena, GR_DOMAIN, r->err);
    const struct operation *known = operation_of(op);
    if (!known || (n->domain && n->domain[0]))
        return add_unknown(r, n, node);
    node->kind = known->kind;
    node->op = known->op;
    node->act = known->act;
    enum b_code code = node_values(r, n, node);
    if (code == B_OK)
        code = check_attributes(n, known, node, r->err);
    if (code == B_OK)
        code = node_attributes(n, node, r->err);
    if (code == B_OK && node->kind == GR_MEAN)
        code = classify_mean(n, node, r->err);
    if (code == B_OK)
        r->g->n_nodes++;
    return code;
}

/* What follows the loop only cuts its outputs to the steps that ran and normalises the structure. */
static enum b_code check_tail(struct reader *r, const Onnx__GraphProto *graph, size_t first)
{
    static const char *const allowed[] = {"Cast", "Add", "Reshape", "Slice", "Softmax", "Constant", "Identity"};
    bool corners = false, structure = false;
    for (size_t i = first; i < graph->n_node; i++) {
        const Onnx__NodeProto *n = graph->node[i];
        bool ok = false;
        for (size_t k = 0; k < sizeof allowed / sizeof allowed[0] && n->op_type; k++)
            ok = ok || strcmp(n->op_type, allowed[k]) == 0;
        if (!ok || n->n_output != 1)
            return b_fail(r->err, B_UNSUPPORTED, GR_DOMAIN, "the layer '%.40s' behind the decoder loop is not read",
                          n->op_type ? n->op_type : "");
        corners = corners || (strcmp(n->op_type, "Slice") == 0 && strcmp(n->output[0], graph->output[0]->name) == 0);
        structure =
            structure || (strcmp(n->op_type, "Softmax") == 0 && strcmp(n->output[0], graph->output[1]->name) == 0);
    }
    if (!corners || !structure)
        return b_fail(r->err, B_UNSUPPORTED, GR_DOMAIN, "the outputs are not those of the table decoder");
    return B_OK;
}

static enum b_code read_nodes(struct reader *r, const Onnx__GraphProto *graph)
{
    enum b_code code = B_OK;
    for (size_t i = 0; i < graph->n_node && code == B_OK; i++) {
        const Onnx__NodeProto *n = graph->node[i];
        if (n->op_type && (strcmp(n->op_type, "Loop") == 0)) {
            code = add_loop(r, n, graph);
            return code == B_OK ? check_tail(r, graph, i + 1) : code;
        }
        code = add_node(r, n);
    }
    return code;
}

static enum b_code read_ends(struct reader *r, const Onnx__GraphProto *graph)
{
    struct eng_graph *g = r->g;
    if (graph->n_output < 1 || graph->n_output > ENG_MAX_OUTPUTS)
        return b_fail(r->err, B_UNSUPPORTED, GR_DOMAIN, "the network has %zu outputs", graph->n_output);
    for (size_t i = 0; i < graph->n_output; i++) {
        int v = graph->output[i]->name ? gr_resolve(g, lookup(r, graph->output[i]->name)) : -1;
        if (v < 0 || g->values[v].c || g->values[v].producer < 0)
            return b_fail(r->err, B_FORMAT, GR_DOMAIN, "the network's output is never computed");
        g->outputs[g->n_outputs++] = v;
    }
    return B_OK;
}

static enum b_code read_metadata(struct eng_graph *g, const Onnx__ModelProto *m, struct b_err *err)
{
    size_t n = m->n_metadata_props < 64 ? m->n_metadata_props : 64;
    g->metadata = B_ARENA_ARRAY(g->arena, n * 2 + 1, const char *);
    g->metadata_len = B_ARENA_ARRAY(g->arena, n + 1, size_t);
    if (!g->metadata || !g->metadata_len)
        return b_arena_refused(g->arena, GR_DOMAIN, err);
    for (size_t i = 0; i < n; i++) {
        const char *key = m->metadata_props[i]->key, *value = m->metadata_props[i]->value;
        if (!key || !value)
            continue;
        size_t len = strlen(value);
        int at = g->n_metadata;
        g->metadata[2 * at] = b_arena_text(g->arena, key, strlen(key));
        g->metadata[2 * at + 1] = b_arena_text(g->arena, value, len);
        g->metadata_len[at] = len;
        if (!g->metadata[2 * at] || !g->metadata[2 * at + 1])
            return b_arena_refused(g->arena, GR_DOMAIN, err);
        g->n_metadata++;
    }
    return B_OK;
}

static enum b_code read_initializers(struct reader *r, const Onnx__GraphProto *graph)
{
    enum b_code code = B_OK;
    for (size_t i = 0; i < graph->n_initializer && code == B_OK; i++) {
        const struct gr_const *c = NULL;
        int id;
        code = read_tensor(r->g, graph->initializer[i], &c, r->err);
        if (code == B_OK)
            code = define(r, graph->initializer[i]->name, c, &id);
    }
    return code;
}

/* The first graph input that is not an initializer. */
static enum b_code read_input(struct reader *r, const Onnx__GraphProto *graph)
{
    r->g->input = -1;
    for (size_t i = 0; i < graph->n_input; i++) {
        const char *name = graph->input[i]->name;
        if (!name || lookup(r, name) >= 0)
            continue;
        if (r->g->input >= 0)
            return b_fail(r->err, B_UNSUPPORTED, GR_DOMAIN, "the network has more than one input");
        enum b_code code = define(r, name, NULL, &r->g->input);
        if (code != B_OK)
            return code;
    }
    return r->g->input >= 0 ? B_OK : b_fail(r->err, B_FORMAT, GR_DOMAIN, "the network has no input");
}

static enum b_code read_graph(struct eng_graph *g, const Onnx__ModelProto *model, struct b_err *err)
{
    const Onnx__GraphProto *graph = model->graph;
    if (!graph || graph->n_node > MAX_NODES || graph->n_initializer > MAX_NODES || graph->n_input > MAX_NODES)
        return b_fail(err, B_FORMAT, GR_DOMAIN, "the file holds no network of a plausible size");
    size_t values = graph->n_initializer + graph->n_input + 2;
    for (size_t i = 0; i < graph->n_node; i++)
        values += graph->node[i]->n_output;
    size_t slots = 64;
    while (slots < values * 2)
        slots *= 2;
    struct reader r = {.g = g, .err = err, .cap_values = (int)values, .names = {.mask = slots - 1}};
    r.names.slots = malloc(slots * sizeof *r.names.slots);
    g->values = B_ARENA_ARRAY(g->arena, values, struct gr_value);
    g->nodes = B_ARENA_ARRAY(g->arena, graph->n_node + 1, struct gr_node);
    enum b_code code = B_OK;
    if (!r.names.slots || !g->values || !g->nodes)
        code = b_fail(err, B_NO_MEMORY, GR_DOMAIN, "out of memory");
    for (size_t i = 0; i < slots && code == B_OK; i++)
        r.names.slots[i] = -1;
    if (code == B_OK)
        code = read_initializers(&r, graph);
    if (code == B_OK)
        code = read_input(&r, graph);
    if (code == B_OK)
        code = read_nodes(&r, graph);
    if (code == B_OK)
        code = read_ends(&r, graph);
    if (code == B_OK)
        code = read_metadata(g, model, err);
    free(r.names.slots);
    return code;
}

enum b_code gr_read(const uint8_t *data, size_t size, struct eng_graph *g, struct b_err *err)
{
    size_t messages = 0;
    if (size == 0 || !walk(data, size, MODEL, 1, &messages))
        return b_fail(err, B_FORMAT, GR_DOMAIN, "the file is not an ONNX network or is damaged");
    Onnx__ModelProto *model = onnx__model_proto__unpack(NULL, size, data);
    if (!model)
        return b_fail(err, B_FORMAT, GR_DOMAIN, "the file is not an ONNX network or is damaged");
    enum b_code code = read_graph(g, model, err);
    onnx__model_proto__free_unpacked(model, NULL);
    if (code != B_OK && err && err->code != code)
        return b_fail(err, code, GR_DOMAIN, "the network's structure is damaged");
    return code;
}
