/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_RPC_HEAP_H
#define SERVICE_RPC_HEAP_H

#include <stddef.h>

/* The C library's heap in a process that lives for weeks: the largest document that it ever met must not decide what it
 * takes from then on. Any thread. */

/* Once, before there are threads: few heaps, and large pieces outside of them. */
void svc_heap_bound(void);
/* Gives free memory in the middle of the heaps back to the system. */
void svc_heap_tidy(void);

struct svc_heap_state {
    size_t used, free; /* bytes */
};
void svc_heap_look(struct svc_heap_state *state);

#endif
