/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_TORTURE_ALLOC_H
#define TESTS_TORTURE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* An allocator that fails on demand. Programs link with --wrap for the functions below, so that the calls of our
 * own code come here, and those of shared libraries do not (they have their own ways to die). Thread-safe. */

/* The n-th allocation from now on fails, once; 0: none does. Resets the counters. */
void t_alloc_fail_at(size_t n);
size_t t_alloc_count(void); /* allocations since then */
bool t_alloc_failed(void);  /* the n-th one was reached */
long t_alloc_balance(void); /* allocations less frees since then */

#endif
