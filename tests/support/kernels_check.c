/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/kernels_check.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/kernels_wide.h"

enum { HEAD = 17, TAIL = 32 }; /* floats: the size in front; HEAD odd so that no result is aligned */
static const float guard = -12345.678f;

size_t t_kernel_sets(const struct eng_kernels *sets[3])
{
    size_t n = 0;
    for (int isa = ENG_ISA_AVX2; isa < ENG_ISA_COUNT; isa++)
        if (eng_kernels_for((enum eng_isa)isa))
            sets[n++] = eng_kernels_for((enum eng_isa)isa);
#if defined(__x86_64__)
    if (eng_kernels_for(ENG_ISA_AVX2))
        sets[n++] = &t_kernels_wide;
#endif
    return n;
}

float *t_floats(size_t n)
{
    float *all = malloc((HEAD + n + TAIL) * sizeof *all);
    assert_non_null(all);
    for (size_t i = 0; i < HEAD + n + TAIL; i++)
        all[i] = guard;
    memcpy(all, &n, sizeof n);
    return all + HEAD;
}

void t_release(float *x)
{
    size_t n;
    float *all = x - HEAD;
    memcpy(&n, all, sizeof n);
    for (size_t i = 2; i < HEAD; i++)
        assert_memory_equal(&all[i], &guard, sizeof guard);
    for (size_t i = 0; i < TAIL; i++)
        assert_memory_equal(&x[n + i], &guard, sizeof guard);
    free(all);
}

float *t_random(size_t n, float limit, uint32_t seed)
{
    float *x = t_floats(n);
    uint32_t s = seed * 2654435761U + 1U;
    for (size_t i = 0; i < n; i++) {
        s = s * 1664525U + 1013904223U;
        x[i] = ((float)(s >> 8) / 8388608.0f - 1.0f) * limit;
    }
    return x;
}

float *t_copy(const float *x, size_t n)
{
    float *y = t_floats(n);
    memcpy(y, x, n * sizeof *y);
    return y;
}

double t_max_abs(const float *a, const float *b, size_t n)
{
    double worst = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)a[i] - (double)b[i]);
        worst = d <= worst ? worst : d; /* NaN wins */
    }
    return worst;
}

double t_nmse(const float *a, const float *expected, size_t n)
{
    double error = 0, size = 1e-30;
    for (size_t i = 0; i < n; i++) {
        double d = (double)a[i] - (double)expected[i];
        error += d * d;
        size += (double)expected[i] * (double)expected[i];
    }
    return error / size;
}

void t_within(double value, double bound, const struct eng_kernels *set, const char *kernel, size_t size)
{
    if (!(value <= bound))
        fail_msg("%s of %s at size %zu: error %g above %g", kernel, set->name, size, value, bound);
}
