/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_GRAPH_ACTIVATIONS_H
#define ENGINE_GRAPH_ACTIVATIONS_H

#include "engine/graph/graph.h"

/* Blocks of struct eng_memory for runners. Private to engine/graph. */
struct gr_block {
    char *base; /* page-aligned; holds whatever the last one left there */
    size_t bytes;
};

/* Lends a block of at least `bytes`. B_NO_MEMORY. */
enum b_code gr_block_take(struct eng_memory *memory, size_t bytes, struct gr_block *out, struct b_err *err) B_MUST_CHECK;
/* Takes it back; `block` is empty afterwards. An empty one is fine. */
void gr_block_give(struct eng_memory *memory, struct gr_block *block);

#endif
