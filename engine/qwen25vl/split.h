/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_QWEN25VL_SPLIT_H
#define ENGINE_QWEN25VL_SPLIT_H

#include <stddef.h>

/* The expression below, by hand: the pieces that byte-pair merging never crosses. */
#define ENG_SPLIT_PATTERN                                                                                              \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|"  \
    "\\s+(?!\\S)|\\s+"

/* End of the piece of valid UTF-8 text that begins at `at` < len. The pieces of a text are found in time linear in
 * its length. Thread-safe. */
size_t eng_split_next(const char *text, size_t len, size_t at);

#endif
