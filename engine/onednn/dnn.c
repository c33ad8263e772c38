/* SPDX-License-Identifier: Apache-2.0 */
/* oneDNN 2.x behind plain functions. Invariant: primitives never allocate while they run: scratchpads are
 * in user mode and come from the runner's own buffer, weights are reordered once per format and shared. */
#include "engine/onednn/dnn.h"

#include <dnnl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#define DOMAIN "onednn"

struct eng_dnn {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    void *scratch;
    size_t scratch_bytes;
};

struct format {
    struct format *next;
    dnnl_memory_desc_t md;
    void *data;
};

struct eng_packed {
    const float *weights, *bias;
    pthread_mutex_t lock;
    struct format *formats;
};

/* A primitive with its arguments. */
struct call {
    dnnl_primitive_t primitive;
    dnnl_memory_t src, weights, bias, dst, scratch;
    size_t scratch_bytes;
};

struct eng_conv {
    struct call call;
};

static enum b_code failed(dnnl_status_t status, const char *what, struct b_err *err)
{
    if (status == dnnl_out_of_memory)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory in %s", what);
    return b_fail(err, B_LIBRARY, DOMAIN, "%s failed with status %d", what, (int)status);
}

size_t eng_dnn_block(void)
{
    return dnnl_get_effective_cpu_isa() >= dnnl_cpu_isa_avx512_core ? 16 : 8;
}

void eng_dnn_set_threads(int threads)
{
#ifdef _OPENMP
    omp_set_num_threads(threads);
#else
    (void)threads;
#endif
}

void eng_dnn_rest(void)
{
#ifdef _OPENMP
    if (omp_get_max_threads() > 1)
        (void)omp_pause_resource_all(omp_pause_soft);
#endif
}

void eng_dnn_parallel(size_t count, void (*work)(void *context, size_t begin, size_t end), void *context)
{
#ifdef _OPENMP
    if (count > 1 && omp_get_max_threads() > 1) {
        /* OpenMP orders a team by itself, but out of sight of the thread sanitizer, to which this says the same again. */
        atomic_size_t order;
        atomic_init(&order, 0);
        atomic_store_explicit(&order, 1, memory_order_release);
#pragma omp parallel
        {
            (void)atomic_load_explicit(&order, memory_order_acquire);
            size_t threads = (size_t)omp_get_num_threads(), self = (size_t)omp_get_thread_num();
            size_t begin = count * self / threads, end = count * (self + 1) / threads;
            if (begin < end)
                work(context, begin, end);
            (void)atomic_fetch_add_explicit(&order, 1, memory_order_release);
        }
        (void)atomic_load_explicit(&order, memory_order_acquire);
        return;
    }
#endif
    work(context, 0, count);
}

enum b_code eng_dnn_new(struct eng_dnn **out, struct b_err *err)
{
    *out = NULL;
    struct eng_dnn *dnn = calloc(1, sizeof *dnn);
    if (!dnn)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    dnnl_status_t s = dnnl_engine_create(&dnn->engine, dnnl_cpu, 0);
    if (s == dnnl_success)
        s = dnnl_stream_create(&dnn->stream, dnn->engine, dnnl_stream_default_flags);
    if (s != dnnl_success) {
        eng_dnn_drop(dnn);
        return failed(s, "creating the engine", err);
    }
    *out = dnn;
    return B_OK;
}

void eng_dnn_drop(struct eng_dnn *dnn)
{
    if (!dnn)
        return;
    if (dnn->stream)
        (void)dnnl_stream_destroy(dnn->stream);
    if (dnn->engine)
        (void)dnnl_engine_destroy(dnn->engine);
    free(dnn->scratch);
    free(dnn);
}

struct eng_packed *eng_packed_new(const float *weights, const float *bias)
{
    struct eng_packed *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->weights = weights;
    p->bias = bias;
    pthread_mutex_init(&p->lock, NULL);
    return p;
}

void eng_packed_drop(struct eng_packed *packed)
{
    if (!packed)
        return;
    for (struct format *f = packed->formats, *next; f; f = next) {
        next = f->next;
        free(f->data);
        free(f);
    }
    pthread_mutex_destroy(&packed->lock);
    free(packed);
}

/* oneDNN takes non-const handles for sources too; it does not write to them. */
static void *handle(const void *p)
{
    return (void *)(uintptr_t)p;
}

static dnnl_status_t reorder_weights(struct eng_dnn *dnn, const dnnl_memory_desc_t *plain, const float *from,
                                     const dnnl_memory_desc_t *md, void *to)
{
    dnnl_memory_t a = NULL, b = NULL;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_t p = NULL;
    dnnl_status_t s = dnnl_memory_create(&a, plain, dnn->engine, handle(from));
    if (s == dnnl_success)
        s = dnnl_memory_create(&b, md, dnn->engine, to);
    if (s == dnnl_success)
        s = dnnl_reorder_primitive_desc_create(&pd, plain, dnn->engine, md, dnn->engine, NULL);
    if (s == dnnl_success)
        s = dnnl_primitive_create(&p, pd);
    dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, a}, {DNNL_ARG_TO, b}};
    if (s == dnnl_success)
        s = dnnl_primitive_execute(p, dnn->stream, 2, args);
    if (s == dnnl_success)
        s = dnnl_stream_wait(dnn->stream);
    if (p)
        (void)dnnl_primitive_destroy(p);
    if (pd)
        (void)dnnl_primitive_desc_destroy(pd);
    if (a)
        (void)dnnl_memory_destroy(a);
    if (b)
        (void)dnnl_memory_destroy(b);
    return s;
}

/* The weights in format `md`, reordered from `plain` on first use. */
static enum b_code packed_as(struct eng_packed *packed, struct eng_dnn *dnn, const dnnl_memory_desc_t *plain,
                             const dnnl_memory_desc_t *md, void **out, struct b_err *err)
{
    enum b_code code = B_OK;
    *out = NULL;
    if (dnnl_memory_desc_equal(plain, md)) {
        *out = handle(packed->weights);
        return B_OK;
    }
    pthread_mutex_lock(&packed->lock);
    for (struct format *f = packed->formats; f && !*out; f = f->next)
        if (dnnl_memory_desc_equal(&f->md, md))
            *out = f->data;
    if (!*out) {
        struct format *f = calloc(1, sizeof *f);
        size_t bytes = dnnl_memory_desc_get_size(md);
        void *data = f ? aligned_alloc(64, (bytes + 63) / 64 * 64) : NULL;
        dnnl_status_t s = data ? reorder_weights(dnn, plain, packed->weights, md, data) : dnnl_out_of_memory;
        if (s == dnnl_success) {
            *f = (struct format){.next = packed->formats, .md = *md, .data = data};
            packed->formats = f;
            *out = data;
        } else {
            free(data);
            free(f);
            code = failed(s, "packing weights", err);
        }
    }
    pthread_mutex_unlock(&packed->lock);
    return code;
}

static dnnl_status_t append_act(dnnl_post_ops_t ops, enum eng_act act)
{
    switch (act) {
    case ENG_ACT_RELU:
        return dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_relu, 0, 0);
    case ENG_ACT_GELU:
        return dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_gelu_erf, 0, 0);
    case ENG_ACT_HARDSWISH:
        return dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_hardswish, 0, 0);
    case ENG_ACT_SWISH:
        return dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_swish, 1, 0);
    case ENG_ACT_SIGMOID:
        return dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_logistic, 0, 0);
    default:
        return act == ENG_ACT_NONE ? dnnl_success : dnnl_invalid_arguments;
    }
}

static dnnl_status_t make_attr(const struct eng_conv_shape *s, dnnl_primitive_attr_t *out)
{
    dnnl_post_ops_t ops = NULL;
    dnnl_status_t status = dnnl_primitive_attr_create(out);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_scratchpad_mode(*out, dnnl_scratchpad_mode_user);
    if (status == dnnl_success && s) {
        status = dnnl_post_ops_create(&ops);
        if (status == dnnl_success)
            status = append_act(ops, s->act);
        if (status == dnnl_success && s->add)
            status = dnnl_post_ops_append_sum(ops, 1);
        if (status == dnnl_success)
            status = dnnl_primitive_attr_set_post_ops(*out, ops);
        if (ops)
            (void)dnnl_post_ops_destroy(ops);
    }
    return status;
}

static void call_clear(struct call *c)
{
    dnnl_memory_t all[] = {c->src, c->weights, c->bias, c->dst, c->scratch};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i])
            (void)dnnl_memory_destroy(all[i]);
    if (c->primitive)
        (void)dnnl_primitive_destroy(c->primitive);
    memset(c, 0, sizeof *c);
}

/* Creates primitive and memory objects from a primitive descriptor; weights as given. */
static dnnl_status_t call_init(struct call *c, struct eng_dnn *dnn, const_dnnl_primitive_desc_t pd, void *weights,
                               const float *bias, const dnnl_memory_desc_t *bias_md)
{
    const dnnl_memory_desc_t *scratch = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    c->scratch_bytes = dnnl_memory_desc_get_size(scratch);
    dnnl_status_t s = dnnl_primitive_create(&c->primitive, pd);
    if (s == dnnl_success)
        s = dnnl_memory_create(&c->src, dnnl_primitive_desc_query_md(pd, dnnl_query_src_md, 0), dnn->engine, NULL);
    if (s == dnnl_success)
        s = dnnl_memory_create(&c->weights, dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0), dnn->engine,
                               weights);
    if (s == dnnl_success && bias)
        s = dnnl_memory_create(&c->bias, bias_md, dnn->engine, handle(bias));
    if (s == dnnl_success)
        s = dnnl_memory_create(&c->dst, dnnl_primitive_desc_query_md(pd, dnnl_query_dst_md, 0), dnn->engine, NULL);
    if (s == dnnl_success && c->scratch_bytes)
        s = dnnl_memory_create(&c->scratch, scratch, dnn->engine, NULL);
    return s;
}

static enum b_code call_run(struct call *c, struct eng_dnn *dnn, const float *src, float *dst, struct b_err *err)
{
    if (c->scratch_bytes > dnn->scratch_bytes) {
        free(dnn->scratch);
        dnn->scratch_bytes = (c->scratch_bytes + 4095) / 4096 * 4096;
        dnn->scratch = aligned_alloc(4096, dnn->scratch_bytes);
        if (!dnn->scratch) {
            dnn->scratch_bytes = 0;
            return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory for %zu bytes of scratch", c->scratch_bytes);
        }
    }
    dnnl_exec_arg_t args[5];
    int n = 0;
    (void)dnnl_memory_set_data_handle(c->src, handle(src));
    (void)dnnl_memory_set_data_handle(c->dst, dst);
    args[n++] = (dnnl_exec_arg_t){DNNL_ARG_SRC, c->src};
    args[n++] = (dnnl_exec_arg_t){DNNL_ARG_WEIGHTS, c->weights};
    args[n++] = (dnnl_exec_arg_t){DNNL_ARG_DST, c->dst};
    if (c->bias)
        args[n++] = (dnnl_exec_arg_t){DNNL_ARG_BIAS, c->bias};
    if (c->scratch) {
        (void)dnnl_memory_set_data_handle(c->scratch, dnn->scratch);
        args[n++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, c->scratch};
    }
    dnnl_status_t s = dnnl_primitive_execute(c->primitive, dnn->stream, n, args);
    if (s == dnnl_success)
        s = dnnl_stream_wait(dnn->stream);
    return s == dnnl_success ? B_OK : failed(s, "running a layer", err);
}

/* Channels that the library is told of. A dense convolution over a blocked source of less than one block falls
 * to its reference code (AVX-512, 12 channels: 500 times slower), but the block is there and its padding is
 * zero: the convolution takes all of it, with zero weights for the padding. */
static int64_t told_channels(const struct eng_conv_shape *s)
{
    const int64_t block = (int64_t)eng_dnn_block();
    return !s->depthwise && !s->plain_source && s->c_in < block ? block : s->c_in;
}

/* Descriptors of a convolution's tensors: activations in fixed layouts, weights plain and free. */
struct conv_mds {
    dnnl_memory_desc_t src, dst, bias, weights_any, weights_plain;
};

static dnnl_status_t conv_descs(const struct eng_conv_shape *s, struct conv_mds *m)
{
    dnnl_format_tag_t blocked = eng_dnn_block() == 16 ? dnnl_nChw16c : dnnl_nChw8c;
    const int64_t c_in = told_channels(s);
    dnnl_dims_t src = {s->n, c_in, s->h_in, s->w_in}, dst = {s->n, s->c_out, s->h_out, s->w_out};
    dnnl_dims_t bias = {s->c_out}, dense = {s->c_out, c_in, s->kh, s->kw}, deep = {s->c_out, 1, 1, s->kh, s->kw};
    dnnl_dims_t stored = {s->c_out, s->c_in, s->kh, s->kw};
    dnnl_status_t r = dnnl_memory_desc_init_by_tag(&m->src, 4, src, dnnl_f32, s->plain_source ? dnnl_nchw : blocked);
    if (r == dnnl_success)
        r = dnnl_memory_desc_init_by_tag(&m->dst, 4, dst, dnnl_f32, blocked);
    if (r == dnnl_success)
        r = dnnl_memory_desc_init_by_tag(&m->bias, 1, bias, dnnl_f32, dnnl_a);
    int n = s->depthwise ? 5 : 4;
    if (r == dnnl_success)
        r = dnnl_memory_desc_init_by_tag(&m->weights_any, n, s->depthwise ? deep : dense, dnnl_f32,
                                         dnnl_format_tag_any);
    if (r == dnnl_success)
        r = dnnl_memory_desc_init_by_tag(&m->weights_plain, n, s->depthwise ? deep : stored, dnnl_f32,
                                         s->depthwise ? dnnl_goihw : dnnl_oihw);
    return r;
}

enum b_code eng_conv_new(struct eng_dnn *dnn, const struct eng_conv_shape *s, struct eng_packed *packed,
                         struct eng_conv **out, struct b_err *err)
{
    *out = NULL;
    struct eng_conv *conv = calloc(1, sizeof *conv);
    struct conv_mds m;
    dnnl_convolution_desc_t desc;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t pd = NULL;
    void *weights = NULL;
    enum b_code code = B_OK;
    if (!conv)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    dnnl_dims_t strides = {s->sh, s->sw}, before = {s->top, s->left}, after = {s->bottom, s->right};
    dnnl_status_t r = conv_descs(s, &m);
    if (r == dnnl_success)
        r = dnnl_convolution_forward_desc_init(&desc, dnnl_forward_inference, dnnl_convolution_direct, &m.src,
                                               &m.weights_any, packed->bias ? &m.bias : NULL, &m.dst, strides, before,
                                               after);
    if (r == dnnl_success)
        r = make_attr(s, &attr);
    if (r == dnnl_success)
        r = dnnl_primitive_desc_create(&pd, &desc, attr, dnn->engine, NULL);
    if (r == dnnl_success) {
        dnnl_memory_desc_t packed_md = *dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0);
        if (told_channels(s) != s->c_in)
            packed_md.dims[1] = s->c_in; /* the rest is padding, which a reorder fills with zeros */
        code = packed_as(packed, dnn, &m.weights_plain, &packed_md, &weights, err);
    }
    if (r == dnnl_success && code == B_OK)
        r = call_init(&conv->call, dnn, pd, weights, packed->bias, &m.bias);
    if (r != dnnl_success)
        code = failed(r, "planning a convolution", err);
    if (attr)
        (void)dnnl_primitive_attr_destroy(attr);
    if (pd)
        (void)dnnl_primitive_desc_destroy(pd);
    if (code != B_OK) {
        eng_conv_drop(conv);
        return code;
    }
    *out = conv;
    return B_OK;
}

enum b_code eng_conv_run(struct eng_conv *conv, struct eng_dnn *dnn, const float *src, float *dst, struct b_err *err)
{
    return call_run(&conv->call, dnn, src, dst, err);
}

void eng_conv_drop(struct eng_conv *conv)
{
    if (!conv)
        return;
    call_clear(&conv->call);
    free(conv);
}
