/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_COMPACT_MODELS_PRIVATE_H
#define ENGINE_COMPACT_MODELS_PRIVATE_H

#include "engine/compact/compact.h"
#include "engine/graph/graph.h"

struct eng_models {
    struct eng_memory *memory;
    struct eng_graph *detector, *recogniser, *layout;
};

#endif
