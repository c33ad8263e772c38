/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_BENCH_NORM_V16_H
#define SERVICE_BENCH_NORM_V16_H

#include "service/bench/norm.h"

/* Normalisation as version 1.6 of the protocol does it, where it differs from 1.5. */

/* White space at both ends and the delimiters $$..$$ \[..\] \(..\) $..$ removed, as long as there are any. */
struct bm_str bm16_strip_delimiters(struct bm_str text);
/* The same where `may` allows it of the inside. */
struct bm_str bm16_strip_some(struct bm_str text, bool (*may)(struct bm_str inside));
/* Without \tag{..}, \notag and \nonumber. */
struct bm_str bm16_strip_tags(struct bm_mem *mem, struct bm_str text);
/* LaTeX as plain text where it is sound LaTeX; otherwise the text as it came. */
struct bm_str bm16_latex_text(struct bm_mem *mem, struct bm_str latex);
/* Inline formulas turned into plain text, circled signs into what they circle. */
struct bm_str bm16_inline_to_text(struct bm_mem *mem, struct bm_str text);
struct bm_str bm16_norm_text(struct bm_mem *mem, struct bm_str text);
struct bm_str bm16_norm_formula(struct bm_mem *mem, struct bm_str latex);
/* Inline formulas replaced by their normal form. */
struct bm_str bm16_inline_to_norm(struct bm_mem *mem, struct bm_str text);
/* Text of a table's cell: compatibility form, one spelling for marks, dashes and Greek letters, trimmed. */
struct bm_str bm16_norm_cell(struct bm_mem *mem, struct bm_str text);

/* --- small tools that the files of version 1.6 share --- */

bool bm16_is_letter(uint32_t cp);                    /* A-Z, a-z */
bool bm16_has(struct bm_str text, const char *what); /* what: UTF-8 */
/* All occurrences of `what` by `by`, both UTF-8. */
struct bm_str bm16_replace(struct bm_mem *mem, struct bm_str text, const char *what, const char *by);
/* Words of any white space joined by one space. */
struct bm_str bm16_one_line(struct bm_mem *mem, struct bm_str text);
/* Without any white space. */
struct bm_str bm16_compact(struct bm_mem *mem, struct bm_str text);
/* Is the character at pos the first of `set` (UTF-8)? */
bool bm16_in(uint32_t cp, const char *set);
/* Runs of at least `least` ASCII letters. */
size_t bm16_count_words(struct bm_str text, size_t least);
size_t bm16_count_digits(struct bm_str text);
/* \name: end of the letters behind the backslash at pos, or pos when there are none. */
size_t bm16_command_end(struct bm_str text, size_t pos);
/* Does a number, a slash and a number stand anywhere? */
bool bm16_has_ratio(struct bm_str text);
/* Delimiters one kind after the other replaced by `between` around their insides. first: 0 $$..$$, 1 \[..\],
 * 2 \(..\), 3 $..$ is the kind to begin with. */
struct bm_str bm16_open_formulas(struct bm_mem *mem, struct bm_str text, size_t first, const char *between);

#endif
