/* SPDX-License-Identifier: Apache-2.0 */
/* Packs weights once, at load, in the panel format that all instruction sets read. */
#include <stdlib.h>

#include "engine/kernels/kernels_private.h"

enum { ALIGNMENT = 64 };

static float *new_floats(size_t count)
{
    size_t bytes = (count * sizeof(float) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return (float *)aligned_alloc(ALIGNMENT, bytes);
}

enum b_code eng_gemm_new(const float *w, size_t k, size_t n, size_t stride, const float *bias, struct eng_gemm **out,
                         struct b_err *err)
{
    const size_t pair = 2 * ENG_GEMM_PANEL;
    *out = NULL;
    if (k == 0 || n == 0 || k > ENG_GEMM_MAX || n > ENG_GEMM_MAX || stride < n)
        return b_fail(err, B_ARGUMENT, "kernels", "product with %zu x %zu weights in rows of %zu", k, n, stride);
    size_t padded = (n + pair - 1) / pair * pair;
    if (k * padded > SIZE_MAX / 2 / sizeof(float)) /* both below 2^21: the product itself fits 64 bits */
        return b_fail(err, B_LIMIT, "kernels", "product with %zu x %zu weights does not fit memory", k, n);
    struct eng_gemm *g = calloc(1, sizeof *g);
    if (g) {
        g->panels = new_floats(k * padded);
        g->bias = new_floats(padded);
    }
    if (!g || !g->panels || !g->bias) {
        eng_gemm_drop(g);
        return b_fail(err, B_NO_MEMORY, "kernels", "no memory for %zu x %zu weights", k, n);
    }
    g->k = k;
    g->n = n;
    g->n_padded = padded;
    float *to = g->panels;
    for (size_t first = 0; first < padded; first += ENG_GEMM_PANEL)
        for (size_t row = 0; row < k; row++)
            for (size_t j = first; j < first + ENG_GEMM_PANEL; j++)
                *to++ = j < n ? w[row * stride + j] : 0.0f;
    for (size_t j = 0; j < padded; j++)
        g->bias[j] = bias && j < n ? bias[j] : 0.0f;
    *out = g;
    return B_OK;
}

void eng_gemm_drop(struct eng_gemm *gemm)
{
    if (!gemm)
        return;
    free(gemm->panels);
    free(gemm->bias);
    free(gemm);
}

size_t eng_gemm_k(const struct eng_gemm *gemm)
{
    return gemm->k;
}

size_t eng_gemm_n(const struct eng_gemm *gemm)
{
    return gemm->n;
}

/* Packs w[n][k]. */
static enum b_code new_transposed(const float *w, const float *bias, size_t k, size_t n, struct eng_gemm **out,
                                  struct b_err *err)
{
    float *turned = new_floats(k * n);
    if (!turned)
        return b_fail(err, B_NO_MEMORY, "kernels", "no memory for %zu x %zu weights", k, n);
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < k; i++)
            turned[i * n + j] = w[j * k + i];
    enum b_code code = eng_gemm_new(turned, k, n, n, bias, out, err);
    free(turned);
    return code;
}

static int fits(size_t channels)
{
    return channels != 0 && channels <= ENG_MLP_MAX && channels % 16 == 0;
}

enum b_code eng_mlp_new(const float *w1, const float *b1, const float *w2, const float *b2,
                        const struct eng_mlp_shape *shape, struct eng_mlp **out, struct b_err *err)
{
    *out = NULL;
    if (!fits(shape->c) || !fits(shape->hidden) || !fits(shape->out) || (shape->residual && shape->out != shape->c))
        return b_fail(err, B_ARGUMENT, "kernels", "block of %zu, %zu and %zu channels", shape->c, shape->hidden,
                      shape->out);
    struct eng_mlp *m = calloc(1, sizeof *m);
    if (!m)
        return b_fail(err, B_NO_MEMORY, "kernels", "no memory for a block");
    m->residual = shape->residual;
    enum b_code code = new_transposed(w1, b1, shape->c, shape->hidden, &m->first, err);
    if (code == B_OK)
        code = new_transposed(w2, b2, shape->hidden, shape->out, &m->second, err);
    if (code == B_OK)
        *out = m;
    else
        eng_mlp_drop(m);
    return code;
}

void eng_mlp_drop(struct eng_mlp *mlp)
{
    if (!mlp)
        return;
    eng_gemm_drop(mlp->first);
    eng_gemm_drop(mlp->second);
    free(mlp);
}

size_t eng_mlp_scratch(const struct eng_mlp *mlp)
{
    return MLP_PIXELS * (mlp->first->k + mlp->first->n + mlp->second->n);
}

size_t eng_attention_scratch(size_t t, size_t d)
{
    /* Keys transposed, values padded, and the scores of one group of queries. */
    return eng_round16(t) * (d + eng_round16(d) + ATTENTION_QUERIES);
}
