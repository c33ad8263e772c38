/* SPDX-License-Identifier: Apache-2.0 */
/* The default bounds; docparse/limits.h gives the reason of each. */
#include "docparse/limits.h"

struct dp_limits dp_limits_default(void)
{
    return (struct dp_limits){
        .input_bytes = (uint64_t)2 << 30,
        .page_pixels = 50u * 1000 * 1000,
        .source_pixels = 400u * 1000 * 1000,
        .page_side = 32000,
        .pages = 100000,
        .words_per_page = 200000,
        .rules_per_page = 50000,
        .images_per_page = 10000,
        .page_arena = (uint64_t)256 << 20,
        .decoder_bytes = (uint64_t)4 << 30,
        .page_seconds = 120,
        .nesting = 64,
        .table_cells = 100000,
    };
}
