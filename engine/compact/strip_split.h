/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_COMPACT_STRIP_SPLIT_H
#define ENGINE_COMPACT_STRIP_SPLIT_H

#include "engine/base/err.h"
#include "engine/compact/components.h"
#include "engine/compact/strip_fit.h"

/* Components that hold more than one line of text, taken apart. Private to engine/compact. */
struct eng_split_pieces {
    struct eng_component *items;
    const struct eng_run **runs; /* runs[i]: the runs of items[i]; borrowed from the components or owned here */
    size_t count;
    struct eng_run **owned;
    size_t n_owned;
};

/* Every component, whole or as its lines, in order. The result borrows from `components`. */
enum b_code eng_split_components(struct eng_map map, const struct eng_components *components, float level,
                                 double aspect, struct eng_fit_space *space, struct eng_split_pieces *out,
                                 struct b_err *err) B_MUST_CHECK;
void eng_split_pieces_free(struct eng_split_pieces *pieces);

#endif
