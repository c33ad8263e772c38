/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of activations. A network needs its block for as long as it runs and its outputs are looked at, and the
 * largest, a page's detector, needs 300 MB: if every runner kept its own, a server would grow by one whenever another
 * of its readers met a large page. So there are as many blocks as runners ever worked at the same time, and the idle
 * ones go to whoever asks next. Invariant: a block is either lent or in the list, where its first bytes hold
 * the list's link; every byte of either is counted. */
#include "engine/graph/activations.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "engine/base/cancel.h"
#include "engine/graph/graph_private.h"

#define HUGE_PAGE ((size_t)2 << 20)

struct idle {
    struct idle *next;
    size_t bytes;
    int64_t since_ns;
};

struct eng_memory {
    pthread_mutex_t lock;
    struct idle *idle;
    struct eng_memory_state state;
};

enum b_code eng_memory_new(struct eng_memory **out, struct b_err *err)
{
    struct eng_memory *m = calloc(1, sizeof *m);
    *out = m;
    if (!m)
        return b_fail(err, B_NO_MEMORY, GR_DOMAIN, "out of memory");
    pthread_mutex_init(&m->lock, NULL);
    return B_OK;
}

/* The functions below want the lock. */

static struct idle *unlink_idle(struct eng_memory *m, struct idle **at)
{
    struct idle *block = *at;
    *at = block->next;
    m->state.idle_bytes -= block->bytes;
    return block;
}

static void unmap(struct eng_memory *m, struct idle *block)
{
    m->state.bytes -= block->bytes;
    m->state.blocks--;
    munmap(block, block->bytes);
}

/* The smallest idle block that is large enough; otherwise the largest makes room for one that is. */
static struct idle *find(struct eng_memory *m, size_t bytes)
{
    struct idle **fits = NULL, **largest = NULL;
    for (struct idle **at = &m->idle; *at; at = &(*at)->next) {
        if ((*at)->bytes >= bytes && (!fits || (*at)->bytes < (*fits)->bytes))
            fits = at;
        if (!largest || (*at)->bytes > (*largest)->bytes)
            largest = at;
    }
    if (!fits && largest)
        unmap(m, unlink_idle(m, largest));
    return fits ? unlink_idle(m, fits) : NULL;
}

static void drop_idle(struct eng_memory *m, int64_t until_ns)
{
    for (struct idle **at = &m->idle; *at;)
        if ((*at)->since_ns <= until_ns)
            unmap(m, unlink_idle(m, at));
        else
            at = &(*at)->next;
}

enum b_code gr_block_take(struct eng_memory *m, size_t bytes, struct gr_block *out, struct b_err *err)
{
    *out = (struct gr_block){0};
    if (bytes > SIZE_MAX - HUGE_PAGE)
        return b_fail(err, B_NO_MEMORY, GR_DOMAIN, "out of memory for %zu bytes of activations", bytes);
    bytes = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    pthread_mutex_lock(&m->lock);
    struct idle *block = find(m, bytes);
    if (block) {
        *out = (struct gr_block){(char *)block, block->bytes};
    } else {
        void *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (base != MAP_FAILED) {
            (void)madvise(base, bytes, MADV_HUGEPAGE); /* only a hint */
            m->state.bytes += bytes;
            m->state.blocks++;
            *out = (struct gr_block){base, bytes};
        }
    }
    pthread_mutex_unlock(&m->lock);
    if (!out->base)
        return b_fail(err, B_NO_MEMORY, GR_DOMAIN, "out of memory for %zu bytes of activations", bytes);
    return B_OK;
}

void gr_block_give(struct eng_memory *m, struct gr_block *given)
{
    if (!given->base)
        return;
    struct idle *block = (struct idle *)(void *)given->base;
    pthread_mutex_lock(&m->lock);
    *block = (struct idle){.next = m->idle, .bytes = given->bytes, .since_ns = b_now_ns()};
    m->idle = block;
    m->state.idle_bytes += block->bytes;
    pthread_mutex_unlock(&m->lock);
    *given = (struct gr_block){0};
}

void eng_memory_look(struct eng_memory *m, struct eng_memory_state *state)
{
    pthread_mutex_lock(&m->lock);
    *state = m->state;
    pthread_mutex_unlock(&m->lock);
}

void eng_memory_trim(struct eng_memory *m, int64_t unused_ns)
{
    pthread_mutex_lock(&m->lock);
    drop_idle(m, b_now_ns() - unused_ns);
    pthread_mutex_unlock(&m->lock);
}

void eng_memory_drop(struct eng_memory *m)
{
    if (!m)
        return;
    drop_idle(m, INT64_MAX);
    pthread_mutex_destroy(&m->lock);
    free(m);
}
