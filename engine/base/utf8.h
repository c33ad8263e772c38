/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_BASE_UTF8_H
#define ENGINE_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* UTF-8 as Unicode 15 §3.9 defines it: no surrogates, no overlong forms, at most U+10FFFF. */

/* Decodes one code point at text[*pos] (*pos < len) and moves *pos past it. An ill-formed sequence
 * gives U+FFFD and skips its maximal subpart (Unicode §3.9, table 3-8). */
uint32_t b_utf8_next(const char *text, size_t len, size_t *pos);

/* The last code point of text[0..len), 0 when len is 0. */
uint32_t b_utf8_last(const char *text, size_t len);

/* Writes cp to out[4] and returns the number of bytes (1..4); an invalid cp becomes U+FFFD. */
size_t b_utf8_put(uint32_t cp, char out[4]);

bool b_utf8_valid(const char *text, size_t len);

/* Number of code points in text[0..len), ill-formed parts counted as U+FFFD. */
size_t b_utf8_count(const char *text, size_t len);

/* Classes that reading and joining need. */
bool b_cp_is_space(uint32_t cp);   /* Unicode White_Space */
bool b_cp_is_cjk(uint32_t cp);     /* ideographs, kana, hangul, CJK punctuation, full-width forms */
bool b_cp_is_rtl(uint32_t cp);     /* Hebrew, Arabic, Syriac, Thaana, N'Ko and their presentation forms */
bool b_cp_is_letter(uint32_t cp);  /* approximate: letters of the scripts this product meets */
bool b_cp_is_small(uint32_t cp);   /* small letters of the scripts whose words are broken with hyphens: Latin, Greek, Cyrillic */
bool b_cp_is_digit(uint32_t cp);   /* ASCII and full-width digits */
bool b_cp_is_control(uint32_t cp); /* C0 except tab, CR, LF; C1; noncharacters; surrogates */

#endif
