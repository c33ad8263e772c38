/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_QWEN25VL_UNICODE_PRIVATE_H
#define ENGINE_QWEN25VL_UNICODE_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

/* Character data (unicode_tables.c, generated). The first two list the starts of runs of equal values, ascending. */
extern const size_t eng_uni_class_count;
extern const uint32_t eng_uni_class[]; /* start << 2 | enum eng_char_class */
extern const size_t eng_uni_ccc_count;
extern const uint32_t eng_uni_ccc[]; /* start << 8 | canonical combining class */
extern const size_t eng_uni_pair_count;
extern const uint32_t eng_uni_pairs[][3]; /* character, its canonical decomposition (second 0: none), ascending */
extern const size_t eng_uni_compose_count;
extern const uint16_t eng_uni_compose[]; /* indices of pairs that compose, in the order of their two parts */

#endif
