/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_TINY_VOCAB_H
#define TESTS_SUPPORT_TINY_VOCAB_H

#include "engine/base/buf.h"

/* A tokenizer of our own for tests: the 256 bytes (id = byte), then "ab" 256, "abc" 257, "bc" 258, "aa" 259,
 * "aaaa" 260, " t" 261, with merges in the order a b, ab c, b c, a a, aa aa, space t. */
void t_vocab_json(struct b_buf *out);
extern const char t_merges[];
/* The same as tokenizer.json with "<|im_end|>" 262 (special) and "<tool_call>" 263 (not). */
void t_tokenizer_json(struct b_buf *out);

#endif
