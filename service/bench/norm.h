/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_BENCH_NORM_H
#define SERVICE_BENCH_NORM_H

#include "service/bench/text.h"

/* What the OmniDocBench protocol compares: texts, formulas and tables after normalisation. */

enum bm_version { BM_V1_0, BM_V1_5, BM_V1_6 };

/* The next $..$ or \(..\) from `from` on; lines: within one line only. The inside and where all of it ends. */
bool bm_next_inline(struct bm_str text, size_t from, bool lines, size_t *start, size_t *end, struct bm_str *inside);
/* Inline formulas replaced by what `map` makes of their insides, stripped; false: the formula stays. */
typedef bool bm_inline_map(struct bm_mem *mem, struct bm_str inside, struct bm_str *out);
struct bm_str bm_map_inline(struct bm_mem *mem, struct bm_str text, bm_inline_map *map);
/* Inline formulas that hold \ ^ or _ turned into plain text; the rest as it is. */
struct bm_str bm_inline_to_text(struct bm_mem *mem, struct bm_str text);
/* Only letters, numbers and underscores are left: no spaces, no punctuation, no marks. */
struct bm_str bm_only_words(struct bm_mem *mem, struct bm_str text);
/* Both, one after the other. */
struct bm_str bm_norm_text(struct bm_mem *mem, struct bm_str text, enum bm_version version);

/* LaTeX without delimiters, environments, font and spacing commands and spaces, in lower case. */
struct bm_str bm_norm_formula(struct bm_mem *mem, struct bm_str latex, enum bm_version version);

/* Removes each `start` up to the first `end` behind it on the same line. */
struct bm_str bm_cut(struct bm_mem *mem, struct bm_str text, const char *start, char end);
/* Without the font and spacing commands, the last steps of a formula's normal form. */
struct bm_str bm_without_commands(struct bm_mem *mem, struct bm_str text);

/* HTML of a table reduced to tr, td, their spans and the text; "" when there is no table. */
struct bm_str bm_norm_table(struct bm_mem *mem, struct bm_str html, enum bm_version version);

/* Texts of the td elements that hold a single string, for tables that no table of the truth claimed. */
size_t bm_cell_texts(struct bm_mem *mem, struct bm_str html, struct bm_str **out);

#endif
