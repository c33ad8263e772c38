/* SPDX-License-Identifier: Apache-2.0 */
/* engine/kernels: products, norms, softmax, attention, the CTC head and the table decoder's kernels; vector sets
 * against the plain one, which sums in fp64. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/kernels_check.h"

/* A chain of k fp32 additions of random signs is off by about 2^-24 sqrt(k/2) of its size, squared 7e-13 at the
 * longest here, k = 384. */
#define GEMM_NMSE 7e-13
#define GEMM_ACT_NMSE 1e-11    /* the same behind an activation that makes small values of large sums */
#define NORM_BOUND 3e-6        /* normalised rows, values within about -4..4 */
#define SOFTMAX_BOUND 2e-7     /* probabilities */
#define ATTENTION_BOUND 2e-6   /* weighted values within -1..1 */
#define PROBABILITY_BOUND 1e-5 /* relative, of the CTC head: logits up to 25 in fp32 are off by a few 1e-6 */
#define SCORE_BOUND 2e-5       /* sums of 256 products */

struct gemm_case {
    size_t m, k, n;
};
static const struct gemm_case gemm_cases[] = {{1, 1, 1},     {3, 5, 7},     {6, 16, 16},   {7, 120, 33},
                                              {13, 120, 360}, {80, 120, 240}, {25, 384, 120}, {2, 256, 50}};
enum { GEMM_CASES = sizeof gemm_cases / sizeof *gemm_cases };

static struct eng_gemm *packed(const float *w, size_t k, size_t n, size_t stride, const float *bias)
{
    struct eng_gemm *g;
    struct b_err err;
    assert_int_equal(eng_gemm_new(w, k, n, stride, bias, &g, &err), B_OK);
    return g;
}

static void check_gemm(const struct eng_kernels *set, struct gemm_case c)
{
    const struct eng_kernels *plain = eng_kernels_for(ENG_ISA_PLAIN);
    size_t stride = c.n + 3;
    float *x = t_random(c.m * c.k, 1, 1), *w = t_random(c.k * stride, 1, 2), *bias = t_random(c.n, 1, 3);
    struct eng_gemm *g = packed(w, c.k, c.n, stride, bias);
    assert_int_equal(eng_gemm_k(g), c.k);
    assert_int_equal(eng_gemm_n(g), c.n);
    for (int act = ENG_GEMM_LINEAR; act <= ENG_GEMM_GELU; act++)
        for (int accumulate = 0; accumulate < 2; accumulate++) {
            float *y = t_random(c.m * c.n, 1, 4), *z = t_copy(y, c.m * c.n), *row = t_copy(y, c.n);
            plain->gemm(x, c.m, g, (enum eng_gemm_act)act, accumulate, y);
            set->gemm(x, c.m, g, (enum eng_gemm_act)act, accumulate, z);
            t_within(t_nmse(z, y, c.m * c.n), act == ENG_GEMM_LINEAR ? GEMM_NMSE : GEMM_ACT_NMSE, set, "gemm", c.n);
            set->gemm(x, 1, g, (enum eng_gemm_act)act, accumulate, row);
            assert_memory_equal(row, z, c.n * sizeof *row); /* a row does not depend on the others */
            t_release(y);
            t_release(z);
            t_release(row);
        }
    eng_gemm_drop(g);
    t_release(x);
    t_release(w);
    t_release(bias);
}

static void check_matmul(const struct eng_kernels *set, struct gemm_case c)
{
    const struct eng_kernels *plain = eng_kernels_for(ENG_ISA_PLAIN);
    float *x = t_random(c.m * c.k, 1, 1), *w = t_random(c.k * c.n, 1, 2), *bias = t_random(c.n, 1, 3);
    float *y = t_floats(c.m * c.n), *z = t_floats(c.m * c.n), *row = t_floats(c.n), *out = t_floats(c.k);
    for (int with = 0; with < 2; with++) {
        plain->matmul(x, w, with ? bias : NULL, c.m, c.k, c.n, y);
        set->matmul(x, w, with ? bias : NULL, c.m, c.k, c.n, z);
        t_within(t_nmse(z, y, c.m * c.n), GEMM_NMSE, set, "matmul", c.n);
        set->matmul(x, w, with ? bias : NULL, 1, c.k, c.n, row);
        assert_memory_equal(row, z, c.n * sizeof *row);
        float *twin = t_floats(c.k), *shift = t_random(c.k, 1, 5);
        plain->matvec(w, bias, with ? shift : NULL, c.k, c.n, twin);
        set->matvec(w, bias, with ? shift : NULL, c.k, c.n, out);
        t_within(t_max_abs(out, twin, c.k), SCORE_BOUND, set, "matvec", c.n);
        t_release(twin);
        t_release(shift);
    }
    float *all[] = {x, w, bias, y, z, row, out};
    for (size_t i = 0; i < 7; i++)
        t_release(all[i]);
}

static void products_agree_with_their_twins(void **state)
{
    (void)state;
    const struct eng_kernels *sets[3];
    size_t n = t_kernel_sets(sets);
    for (size_t s = 0; s < n; s++)
        for (size_t i = 0; i < GEMM_CASES; i++) {
            check_gemm(sets[s], gemm_cases[i]);
            check_matmul(sets[s], gemm_cases[i]);
        }
}

/* Packed weights hold what was given: the packed twin against the unpacked one, rows with a gap. */
static void packing_keeps_the_weights(void **state)
{
    (void)state;
    enum { M = 3, K = 5, N = 37, STRIDE = 41 };
    const struct eng_kernels *plain = eng_kernels_for(ENG_ISA_PLAIN);
    float *x = t_random(M * K, 1, 1), *w = t_random(K * STRIDE, 1, 2), *bias = t_random(N, 1, 3);
    float tight[K * N], y[M * N], z[M * N];
    for (size_t i = 0; i < K; i++)
        memcpy(tight + i * N, w + i * STRIDE, N * sizeof *w);
    for (int with = 0; with < 2; with++) {
        struct eng_gemm *g = packed(w, K, N, STRIDE, with ? bias : NULL);
        plain->gemm(x, M, g, ENG_GEMM_LINEAR, 0, y);
        plain->matmul(x, tight, with ? bias : NULL, M, K, N, z);
        assert_memory_equal(y, z, sizeof y);
        eng_gemm_drop(g);
    }
    t_release(x);
    t_release(w);
    t_release(bias);
}

static void packing_refuses_what_cannot_be(void **state)
{
    (void)state;
    struct eng_gemm *g;
    struct b_err err;
    const float w[4] = {0};
    assert_int_equal(eng_gemm_new(w, 0, 2, 2, NULL, &g, &err), B_ARGUMENT);
    assert_int_equal(eng_gemm_new(w, 2, 0, 2, NULL, &g, &err), B_ARGUMENT);
    assert_int_equal(eng_gemm_new(w, 2, 2, 1, NULL, &g, &err), B_ARGUMENT);
    assert_int_equal(eng_gemm_new(w, SIZE_MAX / 2, 2, 2, NULL, &g, &err), B_ARGUMENT);
    assert_int_equal(eng_gemm_new(w, 2, SIZE_MAX - 8, SIZE_MAX, NULL, &g, &err), B_ARGUMENT);
    assert_null(g);
    eng_gemm_drop(NULL);
}

static void rows_agree_with_their_twins(void **state)
{
    (void)state;
    static const size_t widths[] = {1, 5, 8, 15, 16, 31, 120, 121, 257, 700};
    const struct eng_kernels *sets[3], *plain = eng_kernels_for(ENG_ISA_PLAIN);
    size_t count = t_kernel_sets(sets);
    for (size_t s = 0; s < count; s++)
        for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
            size_t n = widths[i], rows = 3;
            float *x = t_random(rows * n, 3, 1), *gamma = t_random(n, 1, 2), *beta = t_random(n, 1, 3);
            float *y = t_floats(rows * n), *z = t_floats(rows * n);
            for (size_t j = 0; j < rows * n; j++)
                x[j] += 20.0f; /* a mean that must cancel */
            plain->layernorm(x, rows, n, gamma, beta, 1e-5f, y);
            sets[s]->layernorm(x, rows, n, gamma, beta, 1e-5f, z);
            if (n > 1) /* one value: (x - x) * 316 */
                t_within(t_max_abs(z, y, rows * n), NORM_BOUND, sets[s], "layernorm", n);
            float p, q;
            for (size_t r = 0; r < rows; r++) {
                assert_int_equal(sets[s]->argmax(x + r * n, n, &q), plain->argmax(x + r * n, n, &p));
                t_within(fabs((double)p - (double)q), SOFTMAX_BOUND, sets[s], "argmax", n);
            }
            float *e = t_copy(x, rows * n);
            plain->softmax(x, rows, n);
            sets[s]->softmax(e, rows, n);
            t_within(t_max_abs(e, x, rows * n), SOFTMAX_BOUND, sets[s], "softmax", n);
            float *all[] = {x, gamma, beta, y, z, e};
            for (size_t k = 0; k < 6; k++)
                t_release(all[k]);
        }
}

static void softmax_is_stable_for_large_logits(void **state)
{
    (void)state;
    const struct eng_kernels *sets[4];
    size_t count = t_kernel_sets(sets);
    sets[count++] = eng_kernels_for(ENG_ISA_PLAIN);
    for (size_t s = 0; s < count; s++) {
        float x[11] = {1e6f, 1e6f, -1e30f, 0, 0, 0, 0, 0, 0, 0, 0}, p;
        sets[s]->softmax(x, 1, 11);
        assert_true(fabsf(x[0] - 0.5f) < 1e-6f && fabsf(x[1] - 0.5f) < 1e-6f && x[2] < 1e-30f);
        float ties[20] = {0};
        ties[4] = ties[9] = ties[17] = 2.0f;
        assert_int_equal(sets[s]->argmax(ties, 20, &p), 4); /* the lowest */
    }
}

static void check_attention(const struct eng_kernels *set, size_t t, size_t heads, size_t d, float strength)
{
    const struct eng_kernels *plain = eng_kernels_for(ENG_ISA_PLAIN);
    size_t n = heads * d;
    float *qkv = t_random(t * 3 * n, 1, 1), *y = t_floats(t * n), *z = t_floats(t * n);
    float *scratch = t_floats(eng_attention_scratch(t, d));
    for (size_t i = 0; i < t; i++) /* queries that tell the keys apart */
        for (size_t c = 0; c < n; c++)
            qkv[i * 3 * n + c] *= strength;
    plain->attention(qkv, t, heads, d, 0.2581989f, scratch, y);
    set->attention(qkv, t, heads, d, 0.2581989f, scratch, z);
    t_within(t_max_abs(z, y, t * n), ATTENTION_BOUND * (double)(strength < 10 ? 1 : strength / 10), set, "attention", t);
    t_release(qkv);
    t_release(y);
    t_release(z);
    t_release(scratch);
}

static void attention_agrees_with_its_twin(void **state)
{
    (void)state;
    const struct eng_kernels *sets[3];
    size_t n = t_kernel_sets(sets);
    for (size_t s = 0; s < n; s++) {
        for (size_t t = 1; t < 20; t++)
            check_attention(sets[s], t, 2, 15, 6);
        check_attention(sets[s], 161, 8, 15, 6);
        check_attention(sets[s], 33, 1, 1, 6);
        check_attention(sets[s], 33, 2, 64, 6);
        check_attention(sets[s], 34, 3, 16, 6);
        check_attention(sets[s], 35, 3, 17, 6);
        check_attention(sets[s], 30, 2, 15, 600); /* scores beyond what exp can hold */
    }
}

/* The twin itself: one head, two positions, by hand. */
static void attention_follows_its_definition(void **state)
{
    (void)state;
    const float qkv[6] = {1, 2, 10, 3, -1, 20}; /* q k v per position */
    float out[2], scratch[200];
    eng_kernels_for(ENG_ISA_PLAIN)->attention(qkv, 2, 1, 1, 0.5f, scratch, out);
    double a = exp(1.0), b = exp(-0.5), c = exp(3.0), d = exp(-1.5);
    assert_true(fabs((double)out[0] - (10 * a + 20 * b) / (a + b)) < 1e-5);
    assert_true(fabs((double)out[1] - (10 * c + 20 * d) / (c + d)) < 1e-5);
}

static void check_ctc(const struct eng_kernels *set, size_t t, size_t k, size_t n)
{
    const struct eng_kernels *plain = eng_kernels_for(ENG_ISA_PLAIN);
    float *x = t_random(t * k, 1, 1), *w = t_random(k * n, 1, 2), *bias = t_random(n, 1, 3);
    struct eng_gemm *g = packed(w, k, n, n, bias);
    float *scratch = t_floats(ENG_CTC_SCRATCH), *p = t_floats(t), *q = t_floats(t);
    int32_t *at = malloc(t * sizeof *at), *twin = malloc(t * sizeof *twin);
    assert_true(at && twin);
    plain->ctc(x, t, g, scratch, twin, p);
    set->ctc(x, t, g, scratch, at, q);
    assert_memory_equal(at, twin, t * sizeof *at);
    for (size_t i = 0; i < t; i++)
        t_within(fabs((double)q[i] / (double)p[i] - 1), PROBABILITY_BOUND, set, "ctc", n);
    set->ctc(x + (t - 1) * k, 1, g, scratch, twin, p); /* the last row alone */
    assert_int_equal(twin[0], at[t - 1]);
    assert_memory_equal(p, q + t - 1, sizeof *p);
    eng_gemm_drop(g);
    free(at);
    free(twin);
    float *all[] = {x, w, bias, scratch, p, q};
    for (size_t i = 0; i < 6; i++)
        t_release(all[i]);
}

static void ctc_agrees_with_its_twin(void **state)
{
    (void)state;
    const struct eng_kernels *sets[3];
    size_t n = t_kernel_sets(sets);
    for (size_t s = 0; s < n; s++) {
        check_ctc(sets[s], 1, 1, 1);
        check_ctc(sets[s], 5, 7, 33);
        check_ctc(sets[s], 97, 16, 255); /* one row more than a strip keeps */
        check_ctc(sets[s], 100, 9, 257);
        check_ctc(sets[s], 13, 120, 18710);
    }
}

static void ctc_breaks_ties_downwards_and_reports_the_probability(void **state)
{
    (void)state;
    enum { N = 600 };
    const struct eng_kernels *sets[4];
    size_t count = t_kernel_sets(sets);
    sets[count++] = eng_kernels_for(ENG_ISA_PLAIN);
    float w[N] = {0}, bias[N] = {0};
    bias[300] = bias[301] = bias[599] = 3.0f; /* in two strips of columns */
    struct eng_gemm *g = packed(w, 1, N, N, bias);
    float *scratch = t_floats(ENG_CTC_SCRATCH);
    for (size_t s = 0; s < count; s++) {
        const float x[2] = {0, -1e6f};
        float p[2];
        int32_t at[2];
        sets[s]->ctc(x, 2, g, scratch, at, p);
        assert_int_equal(at[0], 300);
        assert_int_equal(at[1], 300);
        assert_true(fabs((double)p[0] - 1.0 / (3.0 + 597.0 * exp(-3.0))) < 1e-6);
    }
    t_release(scratch);
    eng_gemm_drop(g);
}

struct mlp_case {
    struct eng_mlp_shape shape;
    size_t hw, begin, end;
};

/* A block at positions begin..end; positions outside must stay as they are. */
static void check_mlp(const struct eng_kernels *set, const struct mlp_case *t, size_t b)
{
    const struct eng_kernels *plain = eng_kernels_for(ENG_ISA_PLAIN);
    size_t c = t->shape.c, hidden = t->shape.hidden, out = t->shape.out, n = out * t->hw;
    float *w1 = t_random(hidden * c, 0.3f, 1), *b1 = t_random(hidden, 1, 2), *w2 = t_random(out * hidden, 0.3f, 3);
    float *b2 = t_random(out, 1, 4), *s = t_random(c, 1, 5), *x = t_random(c * t->hw, 1, 6), *into = t_random(n, 1, 7);
    struct eng_mlp *m;
    struct b_err err;
    assert_int_equal(eng_mlp_new(w1, b1, w2, b2, &t->shape, &m, &err), B_OK);
    float *scratch = t_floats(eng_mlp_scratch(m));
    for (int with = 0; with < 2; with++) {
        const float *factor = with ? s : NULL;
        float *y = t_copy(into, n), *z = t_copy(into, n), *cut = t_copy(into, n);
        plain->mlp(m, factor, t->begin, t->end, t->hw, b, x, y, scratch);
        set->mlp(m, factor, t->begin, t->end, t->hw, b, x, z, scratch);
        t_within(t_nmse(z, y, n), GEMM_NMSE, set, "mlp", c);
        size_t middle = t->begin + (t->end - t->begin) / 3; /* cut by threads */
        set->mlp(m, factor, middle, t->end, t->hw, b, x, cut, scratch);
        set->mlp(m, factor, t->begin, middle, t->hw, b, x, cut, scratch);
        assert_memory_equal(cut, z, n * sizeof *cut);
        if (t->shape.residual && t->begin == 0 && t->end == t->hw) {
            float *place = t_copy(x, n);
            set->mlp(m, factor, 0, t->hw, t->hw, b, place, place, scratch);
            assert_memory_equal(place, z, n * sizeof *place);
            t_release(place);
        }
        t_release(y);
        t_release(z);
        t_release(cut);
    }
    eng_mlp_drop(m);
    float *all[] = {w1, b1, w2, b2, s, x, into, scratch};
    for (size_t i = 0; i < 8; i++)
        t_release(all[i]);
}

static void blocks_agree_with_their_twin(void **state)
{
    (void)state;
    static const struct mlp_case cases[] = {
        {{48, 96, 48, 1}, 101, 0, 101}, {{48, 96, 48, 1}, 101, 7, 90}, {{48, 96, 96, 0}, 61, 3, 60},
        {{80, 416, 80, 1}, 50, 0, 50}, /* inputs in two cuts, an odd block left */
        {{272, 16, 16, 0}, 13, 0, 13},
    };
    const struct eng_kernels *sets[3];
    size_t n = t_kernel_sets(sets);
    for (size_t s = 0; s < n; s++)
        for (size_t b = 8; b <= 16; b += 8) {
            for (size_t hw = 1; hw < 16; hw++)
                check_mlp(sets[s], &(struct mlp_case){{16, 48, 16, 1}, hw, 0, hw}, b);
            for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
                check_mlp(sets[s], &cases[i], b);
        }
}

/* The twin of the block from its definition, in fp64. */
static void block_follows_its_definition(void **state)
{
    (void)state;
    enum { C = 16, H = 32 };
    float *w1 = t_random(H * C, 1, 1), *b1 = t_random(H, 1, 2), *w2 = t_random(C * H, 1, 3), *b2 = t_random(C, 1, 4);
    float *x = t_random(C, 1, 5), *y = t_floats(C), *s = t_random(C, 1, 6), scratch[48 * (H + 2 * C)];
    for (int residual = 0; residual < 2; residual++) {
        struct eng_mlp *m;
        struct b_err err;
        struct eng_mlp_shape shape = {C, H, C, residual};
        assert_int_equal(eng_mlp_new(w1, b1, w2, b2, &shape, &m, &err), B_OK);
        assert_true(eng_mlp_scratch(m) <= sizeof scratch / sizeof *scratch);
        eng_kernels_for(ENG_ISA_PLAIN)->mlp(m, s, 0, 1, 1, 8, x, y, scratch); /* one position: channels in order */
        for (size_t o = 0; o < C; o++) {
            double sum = (double)b2[o] + (residual ? (double)(x[o] * s[o]) : 0.0);
            for (size_t j = 0; j < H; j++) {
                double z = (double)b1[j];
                for (size_t i = 0; i < C; i++)
                    z += (double)w1[j * C + i] * (double)(x[i] * s[i]);
                sum += (double)w2[o * H + j] * 0.5 * z * (1.0 + erf(z / sqrt(2.0)));
            }
            assert_true(fabs(sum - (double)y[o]) < 1e-5);
        }
        eng_mlp_drop(m);
    }
    float *all[] = {w1, b1, w2, b2, x, y, s};
    for (size_t i = 0; i < 7; i++)
        t_release(all[i]);
}

static void blocks_of_other_sizes_are_refused(void **state)
{
    (void)state;
    static const struct eng_mlp_shape bad[] = {
        {12, 32, 12, 1}, {16, 0, 16, 1}, {16, 32, 32, 1}, {16, ENG_MLP_MAX + 16, 16, 1}, {16, 32, 8, 0}};
    const float w[1] = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct eng_mlp *m;
        struct b_err err;
        assert_int_equal(eng_mlp_new(w, w, w, w, &bad[i], &m, &err), B_ARGUMENT);
        assert_null(m);
    }
    eng_mlp_drop(NULL);
}

static void table_kernels_agree_with_their_twins(void **state)
{
    (void)state;
    const struct eng_kernels *sets[3], *plain = eng_kernels_for(ENG_ISA_PLAIN);
    size_t count = t_kernel_sets(sets);
    static const size_t widths[] = {1, 9, 16, 31, 64, 256};
    for (size_t s = 0; s < count; s++)
        for (size_t i = 0; i < 6; i++) {
            size_t n = widths[i], rows = 11, mid = n / 4 + 1;
            float *k = t_random(rows * n, 3, 1), *q = t_random(n, 3, 2), *w = t_random(n, 1, 3);
            float *y = t_floats(n < rows ? rows : n), *z = t_floats(n < rows ? rows : n);
            plain->tanh_score(k, q, w, rows, n, y);
            sets[s]->tanh_score(k, q, w, rows, n, z);
            t_within(t_max_abs(z, y, rows), SCORE_BOUND, sets[s], "tanh_score", n);
            float *w1 = t_random(n * mid, 1, 4), *w2 = t_random(mid * n, 1, 5), *b1 = t_random(mid, 1, 6);
            float *hidden = t_floats(mid);
            plain->excite(q, n, mid, w1, b1, w2, w, 1.0f / 6, 0.5f, hidden, y);
            sets[s]->excite(q, n, mid, w1, b1, w2, w, 1.0f / 6, 0.5f, hidden, z);
            t_within(t_max_abs(z, y, n), SCORE_BOUND, sets[s], "excite", n);
            float *all[] = {k, q, w, y, z, w1, w2, b1, hidden};
            for (size_t j = 0; j < 9; j++)
                t_release(all[j]);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_agree_with_their_twins),
        cmocka_unit_test(packing_keeps_the_weights),
        cmocka_unit_test(packing_refuses_what_cannot_be),
        cmocka_unit_test(rows_agree_with_their_twins),
        cmocka_unit_test(softmax_is_stable_for_large_logits),
        cmocka_unit_test(attention_follows_its_definition),
        cmocka_unit_test(attention_agrees_with_its_twin),
        cmocka_unit_test(ctc_agrees_with_its_twin),
        cmocka_unit_test(ctc_breaks_ties_downwards_and_reports_the_probability),
        cmocka_unit_test(block_follows_its_definition),
        cmocka_unit_test(blocks_of_other_sizes_are_refused),
        cmocka_unit_test(blocks_agree_with_their_twin),
        cmocka_unit_test(table_kernels_agree_with_their_twins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
