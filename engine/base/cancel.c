/* SPDX-License-Identifier: Apache-2.0 */
/* Cancellation flag with a monotonic deadline. b_cancel_request only stores to a lock-free atomic, so a
 * signal handler may call it. */
#include "engine/base/cancel.h"

#include <time.h>

int64_t b_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void b_cancel_init(struct b_cancel *cancel)
{
    atomic_init(&cancel->requested, false);
    atomic_init(&cancel->deadline_ns, 0);
}

void b_cancel_request(struct b_cancel *cancel)
{
    atomic_store(&cancel->requested, true);
}

void b_cancel_set_deadline(struct b_cancel *cancel, int64_t deadline_ns)
{
    atomic_store(&cancel->deadline_ns, deadline_ns);
}

enum b_code b_cancel_check(struct b_cancel *cancel, struct b_err *err)
{
    if (!cancel)
        return B_OK;
    if (atomic_load(&cancel->requested))
        return b_fail(err, B_CANCELLED, "cancel", "the work was cancelled");
    int64_t deadline = atomic_load(&cancel->deadline_ns);
    if (deadline != 0 && b_now_ns() > deadline) {
        (void)b_fail(err, B_DEADLINE, "cancel", "the time allowed for this work is over");
        b_advise(err, "allow more seconds per page");
        return B_DEADLINE;
    }
    return B_OK;
}
