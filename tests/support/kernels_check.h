/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_KERNELS_CHECK_H
#define TESTS_SUPPORT_KERNELS_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include "engine/kernels/kernels.h"

/* Memory and comparisons for the kernel tests. */

/* The vector sets to test against the plain one: those that the processor runs, and the 16-lane form on AVX2.
 * Returns how many were written to sets[0..3]. */
size_t t_kernel_sets(const struct eng_kernels *sets[3]);

/* n floats at an address that is not a multiple of 8, between guards. t_release fails the test if a guard
 * changed. */
float *t_floats(size_t n);
void t_release(float *x);

/* Uniform values in -limit..limit from a generator with the given seed: the same on every machine. */
float *t_random(size_t n, float limit, uint32_t seed);
float *t_copy(const float *x, size_t n);

double t_max_abs(const float *a, const float *b, size_t n);
/* Squared error over squared size of `expected`. */
double t_nmse(const float *a, const float *expected, size_t n);

/* Fails with the set, the kernel and the case unless value <= bound (NaN fails). */
void t_within(double value, double bound, const struct eng_kernels *set, const char *kernel, size_t size);

#endif
