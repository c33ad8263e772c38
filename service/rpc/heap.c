/* SPDX-License-Identifier: Apache-2.0 */
/* What the C library can be told about its heap. By itself it has eight heaps a processor, each with its own gaps,
 * since documents pass through many threads of short lives; it raises the size from which a piece is mapped and goes back
 * to the system at once up to 32 MiB, as large documents are freed; and free memory below the end of a heap stays. */
#include "service/rpc/heap.h"

#include <malloc.h>

#define HEAPS 4
#define MAPPED_BYTES (4 << 20)
#define SPARE_BYTES (16 << 20) /* free at the end of a heap, so that it does not shrink and grow all the time */

void svc_heap_bound(void)
{
    (void)mallopt(M_ARENA_MAX, HEAPS);
    (void)mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, SPARE_BYTES);
}

void svc_heap_tidy(void)
{
    (void)malloc_trim(SPARE_BYTES);
}

void svc_heap_look(struct svc_heap_state *state)
{
    const struct mallinfo2 all = mallinfo2();
    *state = (struct svc_heap_state){.used = all.uordblks + all.hblkhd, .free = all.fordblks};
}
