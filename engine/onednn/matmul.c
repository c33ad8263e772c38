/* SPDX-License-Identifier: Apache-2.0 */
/* oneDNN's matrix product behind plain functions. Invariant: a planned product never changes, so that threads may share
 * it; what a run needs beside it (a stream, descriptions of its three matrices) lives for the run. */
#include "engine/onednn/matmul.h"

#include <dnnl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#define DOMAIN "onednn"
enum { SIZE_LIMIT = 1 << 30 };

struct eng_matmul {
    dnnl_engine_t engine;
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t primitive;
    size_t scratch;
    const char *name;
};

static enum b_code failed(dnnl_status_t status, const char *what, struct b_err *err)
{
    if (status == dnnl_out_of_memory)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory in %s", what);
    if (status == dnnl_unimplemented)
        return b_fail(err, B_UNSUPPORTED, DOMAIN, "no code for %s", what);
    return b_fail(err, B_LIBRARY, DOMAIN, "%s failed with status %d", what, (int)status);
}

bool eng_matmul_has_amx(void)
{
    return (dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core_amx) == dnnl_cpu_isa_avx512_core_amx;
}

static bool has_vnni(void)
{
    return (dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core_vnni) == dnnl_cpu_isa_avx512_core_vnni;
}

static dnnl_status_t plan(struct eng_matmul *matmul, const struct eng_matmul_shape *s)
{
    const bool bytes = s->kind == ENG_MATMUL_U8S8;
    const dnnl_dim_t m = (dnnl_dim_t)s->m, n = (dnnl_dim_t)s->n, k = (dnnl_dim_t)s->k;
    dnnl_dims_t x_dims = {m, k}, w_dims = {k, n}, y_dims = {m, n};
    dnnl_memory_desc_t x, w, y;
    dnnl_matmul_desc_t desc;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_status_t r = dnnl_memory_desc_init_by_tag(&x, 2, x_dims, bytes ? dnnl_u8 : dnnl_bf16, dnnl_ab);
    if (r == dnnl_success)
        r = dnnl_memory_desc_init_by_tag(&w, 2, w_dims, bytes ? dnnl_s8 : dnnl_bf16, dnnl_ba);
    if (r == dnnl_success)
        r = dnnl_memory_desc_init_by_tag(&y, 2, y_dims, bytes ? dnnl_s32 : dnnl_f32, dnnl_ab);
    if (r == dnnl_success)
        r = dnnl_matmul_desc_init(&desc, &x, &w, NULL, &y);
    if (r == dnnl_success)
        r = dnnl_primitive_attr_create(&attr);
    if (r == dnnl_success)
        r = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (r == dnnl_success)
        r = dnnl_primitive_desc_create(&matmul->desc, &desc, attr, matmul->engine, NULL);
    if (r == dnnl_success)
        r = dnnl_primitive_desc_query(matmul->desc, dnnl_query_impl_info_str, 0, (void *)&matmul->name);
    /* what is not the library's blocked code is its slow code, or one that lays out whole layers */
    if (r == dnnl_success && strncmp(matmul->name, "brg:", 4) != 0)
        r = dnnl_unimplemented;
    if (r == dnnl_success)
        r = dnnl_primitive_create(&matmul->primitive, matmul->desc);
    if (r == dnnl_success)
        matmul->scratch =
            dnnl_memory_desc_get_size(dnnl_primitive_desc_query_md(matmul->desc, dnnl_query_scratchpad_md, 0));
    if (attr)
        (void)dnnl_primitive_attr_destroy(attr);
    return r;
}

/* Threads that the library may use on this thread; returns what it was. */
static int set_threads(int threads)
{
#ifdef _OPENMP
    const int before = omp_get_max_threads();
    omp_set_num_threads(threads);
    return before;
#else
    return threads;
#endif
}

enum b_code eng_matmul_new(const struct eng_matmul_shape *s, struct eng_matmul **out, struct b_err *err)
{
    *out = NULL;
    if (s->m == 0 || s->n == 0 || s->k == 0 || s->m > SIZE_LIMIT || s->n > SIZE_LIMIT || s->k > SIZE_LIMIT)
        return b_fail(err, B_ARGUMENT, DOMAIN, "a product of %zu x %zu x %zu", s->m, s->n, s->k);
    if (s->kind == ENG_MATMUL_U8S8 && !has_vnni())
        return b_fail(err, B_UNSUPPORTED, DOMAIN, "no exact byte products on this processor");
    struct eng_matmul *matmul = calloc(1, sizeof *matmul);
    if (!matmul)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    const int before = set_threads(1); /* the plan divides the work among as many as there are now */
    dnnl_status_t r = dnnl_engine_create(&matmul->engine, dnnl_cpu, 0);
    if (r == dnnl_success)
        r = plan(matmul, s);
    (void)set_threads(before);
    if (r != dnnl_success) {
        eng_matmul_drop(matmul);
        return failed(r, "planning a product", err);
    }
    *out = matmul;
    return B_OK;
}

void eng_matmul_drop(struct eng_matmul *matmul)
{
    if (!matmul)
        return;
    if (matmul->primitive)
        (void)dnnl_primitive_destroy(matmul->primitive);
    if (matmul->desc)
        (void)dnnl_primitive_desc_destroy(matmul->desc);
    if (matmul->engine)
        (void)dnnl_engine_destroy(matmul->engine);
    free(matmul);
}

size_t eng_matmul_scratch(const struct eng_matmul *matmul)
{
    return matmul->scratch;
}

const char *eng_matmul_name(const struct eng_matmul *matmul)
{
    return matmul->name;
}

enum b_code eng_matmul_run(const struct eng_matmul *matmul, const void *x, const void *w, void *y, void *scratch,
                           struct b_err *err)
{
    enum { PARTS = 4 };
    const dnnl_query_t queries[PARTS] = {dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md,
                                         dnnl_query_scratchpad_md};
    const int names[PARTS] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, DNNL_ARG_SCRATCHPAD};
    void *const data[PARTS] = {(void *)(uintptr_t)x, (void *)(uintptr_t)w, y, scratch}; /* sources are not written to */
    dnnl_exec_arg_t args[PARTS] = {{0}};
    dnnl_stream_t stream = NULL;
    const int before = set_threads(1);
    dnnl_status_t r = dnnl_stream_create(&stream, matmul->engine, dnnl_stream_default_flags);
    for (int i = 0; i < PARTS && r == dnnl_success; i++) {
        args[i].arg = names[i];
        r = dnnl_memory_create(&args[i].memory, dnnl_primitive_desc_query_md(matmul->desc, queries[i], 0),
                               matmul->engine, data[i]);
    }
    if (r == dnnl_success)
        r = dnnl_primitive_execute(matmul->primitive, stream, PARTS, args);
    if (r == dnnl_success)
        r = dnnl_stream_wait(stream);
    for (int i = 0; i < PARTS; i++)
        if (args[i].memory)
            (void)dnnl_memory_destroy(args[i].memory);
    if (stream)
        (void)dnnl_stream_destroy(stream);
    (void)set_threads(before);
    return r == dnnl_success ? B_OK : failed(r, "a product", err);
}
