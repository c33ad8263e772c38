/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_QWEN25VL_UNICODE_H
#define ENGINE_QWEN25VL_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/buf.h"

/* What the tokenizer needs of Unicode. Pure functions, thread-safe, linear in their input. */

/* General category L, N; White_Space; everything else (marks, punctuation, symbols, controls, unassigned). */
enum eng_char_class { ENG_CHAR_OTHER = 0, ENG_CHAR_LETTER, ENG_CHAR_NUMBER, ENG_CHAR_SPACE };
enum eng_char_class eng_char_class_of(uint32_t cp);

/* Whether text[0..len) is valid UTF-8 in normal form C for certain (false: perhaps not). */
bool eng_nfc_is_certain(const char *text, size_t len);

/* Appends text in normal form C to out; ill-formed parts become U+FFFD. normalise false: only that. */
void eng_nfc(const char *text, size_t len, bool normalise, struct b_buf *out);

#endif
