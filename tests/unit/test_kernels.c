/* SPDX-License-Identifier: Apache-2.0 */
/* engine/kernels: element-wise kernels and kernels over blocked maps. The plain set against the definitions in
 * fp64, every vector set against the plain one, at sizes around and away from the vector width. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/kernels_check.h"

/* Bounds on the largest absolute error unless named otherwise. */
#define ERF_BOUND 1e-6         /* contract of gelu; measured 5.8e-7 */
#define GELU_BOUND 2e-6        /* gelu itself on -6..6: x/2 times the above */
#define UNIT_BOUND 3e-7        /* sigmoid, tanh: results within -1..1 */
#define SWISH_BOUND 4e-6       /* |x| up to 20 */
#define HARD_BOUND 1e-6        /* hardswish, hardsigmoid: one rounding apart */
#define MEAN_BOUND 2e-7        /* means of values within -1..1 */
#define POOL_BOUND 2e-7        /* averages of values within -1..1 */

static const size_t sizes[] = {1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 100, 257, 1000};
enum { SIZES = sizeof sizes / sizeof *sizes, POINTS = 400001 };

typedef void map_fn(float *x, size_t n);

static float *line(float limit)
{
    float *x = t_floats(POINTS);
    for (size_t i = 0; i < POINTS; i++)
        x[i] = limit * (2.0f * (float)i / (float)(POINTS - 1) - 1.0f);
    return x;
}

/* Dense points, then every size in `sizes`: vector set against plain set. */
static void compare_map(const struct eng_kernels *set, map_fn *f, map_fn *plain, float limit, double bound,
                        const char *name)
{
    float *x = line(limit), *y = t_copy(x, POINTS);
    plain(x, POINTS);
    f(y, POINTS);
    t_within(t_max_abs(y, x, POINTS), bound, set, name, POINTS);
    t_release(x);
    t_release(y);
    for (size_t i = 0; i < SIZES; i++) {
        x = t_random(sizes[i], limit, 7);
        y = t_copy(x, sizes[i]);
        plain(x, sizes[i]);
        f(y, sizes[i]);
        t_within(t_max_abs(y, x, sizes[i]), bound, set, name, sizes[i]);
        t_release(x);
        t_release(y);
    }
}

static void maps_agree_with_their_twins(void **state)
{
    (void)state;
    const struct eng_kernels *sets[3], *plain = eng_kernels_for(ENG_ISA_PLAIN);
    size_t n = t_kernel_sets(sets);
    for (size_t i = 0; i < n; i++) {
        const struct eng_kernels *s = sets[i];
        compare_map(s, s->relu, plain->relu, 5, 0, "relu");
        compare_map(s, s->gelu, plain->gelu, 6, GELU_BOUND, "gelu");
        compare_map(s, s->sigmoid, plain->sigmoid, 100, UNIT_BOUND, "sigmoid");
        compare_map(s, s->tanh, plain->tanh, 100, UNIT_BOUND, "tanh");
        compare_map(s, s->tanh, plain->tanh, 2, UNIT_BOUND, "tanh");
        compare_map(s, s->swish, plain->swish, 20, SWISH_BOUND, "swish");
        compare_map(s, s->hardswish, plain->hardswish, 5, HARD_BOUND, "hardswish");
    }
}

/* The contract in terms of erf itself, for all sets including plain. */
static void gelu_keeps_its_error_of_erf(void **state)
{
    (void)state;
    const struct eng_kernels *sets[4];
    size_t n = t_kernel_sets(sets);
    sets[n++] = eng_kernels_for(ENG_ISA_PLAIN);
    for (size_t i = 0; i < n; i++) {
        float *x = line(30), *y = t_copy(x, POINTS);
        double worst = 0;
        sets[i]->gelu(y, POINTS);
        for (size_t j = 0; j < POINTS; j++)
            if (fabsf(x[j]) > 0.01f) {
                double got = 2.0 * (double)y[j] / (double)x[j] - 1.0;
                double e = fabs(got - erf((double)x[j] / sqrt(2.0)));
                worst = e <= worst ? worst : e;
            }
        t_within(worst, ERF_BOUND, sets[i], "erf", POINTS);
        t_release(x);
        t_release(y);
    }
}

static void maps_saturate_and_keep_nan(void **state)
{
    (void)state;
    const struct eng_kernels *sets[4];
    size_t n = t_kernel_sets(sets);
    sets[n++] = eng_kernels_for(ENG_ISA_PLAIN);
    for (size_t i = 0; i < n; i++) {
        float x[3] = {-1e30f, 1e30f, NAN};
        sets[i]->sigmoid(x, 3);
        assert_true(x[0] >= 0 && x[0] < 1e-30f);
        assert_true(x[1] == 1.0f);
        assert_true(isnan(x[2]));
        float y[3] = {-1e30f, 1e30f, NAN};
        sets[i]->tanh(y, 3);
        assert_true(y[0] == -1.0f && y[1] == 1.0f && isnan(y[2]));
        float g[3] = {-1e4f, 1e4f, NAN};
        sets[i]->gelu(g, 3);
        assert_true(g[0] == 0.0f && g[1] == 1e4f && isnan(g[2]));
    }
}

/* A value must not depend on how the caller cut the array: the graph cuts it by threads. */
static void maps_do_not_depend_on_the_cut(void **state)
{
    (void)state;
    enum { N = 300 };
    const struct eng_kernels *sets[3];
    size_t n = t_kernel_sets(sets);
    for (size_t i = 0; i < n; i++) {
        map_fn *all[] = {sets[i]->gelu, sets[i]->sigmoid, sets[i]->swish, sets[i]->tanh, sets[i]->hardswish};
        for (size_t f = 0; f < sizeof all / sizeof *all; f++) {
            float *x = t_random(N, 4, 3), *y = t_copy(x, N);
            all[f](x, N);
            all[f](y, 13);
            all[f](y + 13, 1);
            all[f](y + 14, N - 14);
            assert_memory_equal(x, y, N * sizeof *x);
            t_release(x);
            t_release(y);
        }
    }
}

static void hardsigmoid_add_and_gru_agree(void **state)
{
    (void)state;
    const struct eng_kernels *sets[3], *plain = eng_kernels_for(ENG_ISA_PLAIN);
    size_t count = t_kernel_sets(sets);
    for (size_t s = 0; s < count; s++)
        for (size_t i = 0; i < SIZES; i++) {
            size_t n = sizes[i];
            float *x = t_random(n, 6, 1), *y = t_copy(x, n), *z = t_random(n, 6, 2);
            plain->hardsigmoid(x, n, 0.2f, 0.5f);
            sets[s]->hardsigmoid(y, n, 0.2f, 0.5f);
            t_within(t_max_abs(y, x, n), HARD_BOUND, sets[s], "hardsigmoid", n);
            plain->add(x, x, z, n);
            sets[s]->add(y, y, z, n);
            t_within(t_max_abs(y, x, n), HARD_BOUND, sets[s], "add", n);
            float *gx = t_random(3 * n, 3, 4), *gh = t_random(3 * n, 3, 5), *h = t_random(n, 1, 6), *g = t_copy(h, n);
            plain->gru(gx, gh, n, h);
            sets[s]->gru(gx, gh, n, g);
            t_within(t_max_abs(g, h, n), 2 * UNIT_BOUND, sets[s], "gru", n);
            float *all[] = {x, y, z, gx, gh, h, g};
            for (size_t k = 0; k < 7; k++)
                t_release(all[k]);
        }
}

/* Maps: blocks, h, w in odd shapes; b = 8 and 16. */
struct shape {
    size_t blocks, h, w;
};
static const struct shape shapes[] = {{1, 1, 1}, {2, 1, 7}, {1, 5, 1}, {3, 7, 9}, {2, 16, 20}, {1, 37, 53}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void mean_is_exact_on_large_maps(void **state)
{
    (void)state;
    enum { HW = 178560 }; /* a det map at 1984 x 1440, stride 4 */
    const struct eng_kernels *sets[4];
    size_t n = t_kernel_sets(sets);
    sets[n++] = eng_kernels_for(ENG_ISA_PLAIN);
    float *x = t_random((size_t)HW * 8, 1, 11);
    double expected[8] = {0};
    for (size_t i = 0; i < (size_t)HW * 8; i++) {
        x[i] += 0.9f; /* a sum that fp32 would lose digits of */
        expected[i % 8] += (double)x[i] / HW;
    }
    for (size_t s = 0; s < n; s++) {
        float mean[8];
        sets[s]->mean(x, 1, HW, 8, mean);
        for (size_t c = 0; c < 8; c++)
            t_within(fabs((double)mean[c] - expected[c]), MEAN_BOUND, sets[s], "mean", HW);
    }
    t_release(x);
}

static void check_reductions(const struct eng_kernels *set, struct shape m, size_t b)
{
    const struct eng_kernels *plain = eng_kernels_for(ENG_ISA_PLAIN);
    size_t hw = m.h * m.w, n = m.blocks * hw * b, channels = m.blocks * b;
    float *x = t_random(n, 1, 21), *y = t_copy(x, n), *mean = t_floats(channels), *twin = t_floats(channels);
    plain->mean(x, m.blocks, hw, b, twin);
    set->mean(x, m.blocks, hw, b, mean);
    t_within(t_max_abs(mean, twin, channels), MEAN_BOUND, set, "mean", hw);
    for (int keep = 0; keep < 2; keep++) {
        plain->scale(x, m.blocks, hw, b, twin, keep);
        set->scale(y, m.blocks, hw, b, twin, keep);
        t_within(t_max_abs(y, x, n), 0, set, "scale", hw);
    }
    t_release(x);
    t_release(y);
    t_release(mean);
    t_release(twin);
}

static void check_resampling(const struct eng_kernels *set, struct shape m, size_t b)
{
    const struct eng_kernels *plain = eng_kernels_for(ENG_ISA_PLAIN);
    size_t n = m.blocks * m.h * m.w * b;
    float *x = t_random(n, 1, 22);
    for (size_t factor = 1; factor <= 8; factor += factor < 3 ? 1 : 5) /* 1, 2, 3, 8 */
        for (int accumulate = 0; accumulate < 2; accumulate++) {
            float *y = t_random(n * factor * factor, 1, 23), *z = t_copy(y, n * factor * factor);
            plain->upsample(x, m.blocks, m.h, m.w, b, factor, y, accumulate);
            set->upsample(x, m.blocks, m.h, m.w, b, factor, z, accumulate);
            t_within(t_max_abs(z, y, n * factor * factor), 0, set, "upsample", factor);
            t_release(y);
            t_release(z);
        }
    float *y = t_floats(n), *z = t_floats(n);
    plain->maxpool2(x, m.blocks, m.h, m.w, b, y);
    set->maxpool2(x, m.blocks, m.h, m.w, b, z);
    t_within(t_max_abs(z, y, n), 0, set, "maxpool2", m.w);
    t_release(y);
    t_release(z);
    size_t pooled = m.blocks * (m.h / 3) * (m.w / 2) * b;
    y = t_floats(pooled);
    z = t_floats(pooled);
    plain->avgpool(x, m.blocks, m.h, m.w, b, 3, 2, y);
    set->avgpool(x, m.blocks, m.h, m.w, b, 3, 2, z);
    t_within(t_max_abs(z, y, pooled), POOL_BOUND, set, "avgpool", m.w);
    t_release(y);
    t_release(z);
    t_release(x);
}

static void check_layouts(const struct eng_kernels *set, size_t c, size_t hw, size_t b)
{
    const struct eng_kernels *plain = eng_kernels_for(ENG_ISA_PLAIN);
    size_t padded = (c + b - 1) / b * b;
    float *x = t_random(c * hw, 1, 31), *y = t_floats(padded * hw), *z = t_floats(padded * hw), *back = t_floats(c * hw);
    plain->to_blocked(x, c, hw, b, y);
    set->to_blocked(x, c, hw, b, z);
    t_within(t_max_abs(z, y, padded * hw), 0, set, "to_blocked", c);
    set->to_plain(z, c, hw, b, back);
    t_within(t_max_abs(back, x, c * hw), 0, set, "to_plain", c);
    plain->to_rows(y, c, hw, b, x);
    set->to_rows(y, c, hw, b, back);
    t_within(t_max_abs(back, x, c * hw), 0, set, "to_rows", c);
    set->from_rows(x, c, hw, b, z);
    t_within(t_max_abs(z, y, padded * hw), 0, set, "from_rows", c);
    t_release(x);
    t_release(y);
    t_release(z);
    t_release(back);
}

static void check_shuffles(const struct eng_kernels *set, size_t c, struct shape m, size_t b)
{
    const struct eng_kernels *plain = eng_kernels_for(ENG_ISA_PLAIN);
    size_t padded = (c + b - 1) / b * b, from = (4 * c + b - 1) / b * b, hw = m.h * m.w;
    float *x = t_random(from * hw, 3, 41), *bias = t_random(c, 1, 42);
    float *y = t_floats(padded * hw * 4), *z = t_floats(padded * hw * 4);
    for (int relu = 0; relu < 2; relu++) {
        plain->shuffle2(x, c, m.h, m.w, b, relu ? bias : NULL, relu, y);
        set->shuffle2(x, c, m.h, m.w, b, relu ? bias : NULL, relu, z);
        t_within(t_max_abs(z, y, padded * hw * 4), 0, set, "shuffle2", c);
        plain->shuffle2_plain(x, m.h, m.w, b, 0.25f, relu, y);
        set->shuffle2_plain(x, m.h, m.w, b, 0.25f, relu, z);
        t_within(t_max_abs(z, y, hw * 4), UNIT_BOUND, set, "shuffle2_plain", m.w);
    }
    t_release(x);
    t_release(bias);
    t_release(y);
    t_release(z);
}

static void blocked_kernels_agree_with_their_twins(void **state)
{
    (void)state;
    const struct eng_kernels *sets[3];
    size_t n = t_kernel_sets(sets);
    for (size_t s = 0; s < n; s++)
        for (size_t b = 8; b <= 16; b += 8)
            for (size_t i = 0; i < SHAPES; i++) {
                check_reductions(sets[s], shapes[i], b);
                check_resampling(sets[s], shapes[i], b);
                for (size_t c = 1; c <= 40; c += c == 1 ? 2 : c < 24 ? 7 : 8) { /* 1, 3, 10, 17, 24, 32, 40 */
                    check_layouts(sets[s], c, shapes[i].h * shapes[i].w, b);
                    check_shuffles(sets[s], c, shapes[i], b);
                }
            }
}

/* Twins by hand on small maps, so that a wrong definition cannot hide in both. */
static void twins_follow_their_definitions(void **state)
{
    (void)state;
    const struct eng_kernels *k = eng_kernels_for(ENG_ISA_PLAIN);
    float map[2 * 3 * 8], out[4 * 6 * 8], one[4 * 6];
    for (size_t p = 0; p < 6; p++)
        for (size_t c = 0; c < 8; c++)
            map[p * 8 + c] = -100.0f + (float)(10 * c) + (float)p; /* all negative: padding must not be 0 */
    k->maxpool2(map, 1, 2, 3, 8, out); /* rows 0 1 2 / 3 4 5 -> 4 5 5 / 4 5 5 */
    const float max_of[6] = {4, 5, 5, 4, 5, 5};
    for (size_t p = 0; p < 6; p++)
        assert_true(out[p * 8 + 2] == -80.0f + max_of[p]);
    k->avgpool(map, 1, 2, 3, 8, 2, 3, out);
    assert_true(fabsf(out[1] - (-90.0f + 2.5f)) < 1e-4f);
    k->upsample(map, 1, 2, 3, 8, 2, out, 0);
    assert_true(out[(3 * 6 + 5) * 8] == -95.0f && out[(1 * 6 + 3) * 8] == -99.0f);
    k->shuffle2_plain(map, 2, 3, 8, 1.0f, 0, one); /* channel dy*2+dx */
    assert_true(one[0] == -99.0f && one[1] == -89.0f && one[6] == -79.0f && one[7] == -69.0f);
    assert_true(one[2 * 6 + 3] == -90.0f + 4.0f + 1.0f);
    k->to_plain(map, 8, 6, 8, out);
    assert_true(out[3 * 6 + 4] == -66.0f);
    k->to_rows(map, 8, 6, 8, out);
    assert_memory_equal(out, map, sizeof map);
}

static void channels_are_copied_anywhere(void **state)
{
    (void)state;
    const struct eng_kernels *sets[4];
    size_t n = t_kernel_sets(sets);
    sets[n++] = eng_kernels_for(ENG_ISA_PLAIN);
    enum { HW = 5, FROM = 40, TO = 56 };
    static const size_t cases[][3] = {{0, 0, 40}, {8, 16, 24}, {3, 5, 30}, {0, 24, 24}, {39, 0, 1}};
    for (size_t s = 0; s < n; s++)
        for (size_t b = 8; b <= 16; b += 8)
            for (size_t i = 0; i < 5; i++) {
                float plain_src[FROM * HW], plain_dst[TO * HW], got[TO * HW];
                for (size_t j = 0; j < FROM * HW; j++)
                    plain_src[j] = (float)j;
                for (size_t j = 0; j < TO * HW; j++)
                    plain_dst[j] = -(float)j;
                float *src = t_floats(48 * HW), *dst = t_floats(64 * HW);
                sets[s]->to_blocked(plain_src, FROM, HW, b, src);
                sets[s]->to_blocked(plain_dst, TO, HW, b, dst);
                sets[s]->copy_channels(src, cases[i][0], dst, cases[i][1], cases[i][2], HW, b);
                sets[s]->to_plain(dst, TO, HW, b, got);
                memcpy(plain_dst + cases[i][1] * HW, plain_src + cases[i][0] * HW, cases[i][2] * HW * sizeof *got);
                assert_memory_equal(got, plain_dst, sizeof got);
                t_release(src);
                t_release(dst);
            }
}

static void dispatch_gives_what_the_processor_runs(void **state)
{
    (void)state;
    const struct eng_kernels *best = eng_kernels_best();
    assert_non_null(eng_kernels_for(ENG_ISA_PLAIN));
    assert_ptr_equal(best, eng_kernels_for(best->isa));
    for (int isa = (int)best->isa + 1; isa < ENG_ISA_COUNT; isa++)
        assert_null(eng_kernels_for((enum eng_isa)isa));
    assert_null(eng_kernels_for(ENG_ISA_COUNT));
    print_message("best set: %s\n", best->name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dispatch_gives_what_the_processor_runs),
        cmocka_unit_test(maps_agree_with_their_twins),
        cmocka_unit_test(gelu_keeps_its_error_of_erf),
        cmocka_unit_test(maps_saturate_and_keep_nan),
        cmocka_unit_test(maps_do_not_depend_on_the_cut),
        cmocka_unit_test(hardsigmoid_add_and_gru_agree),
        cmocka_unit_test(mean_is_exact_on_large_maps),
        cmocka_unit_test(twins_follow_their_definitions),
        cmocka_unit_test(blocked_kernels_agree_with_their_twins),
        cmocka_unit_test(channels_are_copied_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
