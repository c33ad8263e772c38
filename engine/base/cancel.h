/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_BASE_CANCEL_H
#define ENGINE_BASE_CANCEL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/base/err.h"

/* Nanoseconds of the monotonic clock; only differences mean anything. */
int64_t b_now_ns(void);

/* Cancellation with a deadline, passed down and polled per page stage and per token. Any thread may
 * request, any thread may poll; the signal handler may call b_cancel_request. */
struct b_cancel {
    atomic_bool requested;
    atomic_llong deadline_ns; /* on b_now_ns's clock; 0 means none */
};

void b_cancel_init(struct b_cancel *cancel);
void b_cancel_request(struct b_cancel *cancel);
void b_cancel_set_deadline(struct b_cancel *cancel, int64_t deadline_ns);

/* B_OK, B_CANCELLED or B_DEADLINE. NULL never cancels. */
enum b_code b_cancel_check(struct b_cancel *cancel, struct b_err *err) B_MUST_CHECK;

#endif
