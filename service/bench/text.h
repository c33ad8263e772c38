/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_BENCH_TEXT_H
#define SERVICE_BENCH_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/arena.h"
#include "engine/base/err.h"

/* Strings as sequences of code points, the unit in which the field's metrics count. Everything lives in
 * one arena; when that is full, results are empty strings and mem->failed is set, so that a caller may
 * compute on and check once. One thread at a time for each struct bm_mem. */

#define BM_NONE SIZE_MAX

struct bm_mem {
    struct b_arena *arena;
    struct b_arena *scratch; /* of the distances: each call forgets what the one before left */
    bool failed;
};

/* Borrowed code points; plain value. */
struct bm_str {
    const uint32_t *cp;
    size_t n;
};

/* `count` elements of `size` bytes, zeroed; NULL (and mem->failed) when the arena is full. */
void *bm_alloc(struct bm_mem *mem, size_t count, size_t size);
#define BM_ARRAY(mem, count, type) ((type *)bm_alloc((mem), (count), sizeof(type)))

/* Fills err when something was refused. */
enum b_code bm_check(const struct bm_mem *mem, struct b_err *err) B_MUST_CHECK;

/* Decodes UTF-8; ill-formed parts become U+FFFD. */
struct bm_str bm_decode(struct bm_mem *mem, const char *text, size_t len);
struct bm_str bm_from(struct bm_mem *mem, const char *text); /* NULL gives "" */
/* NUL-terminated UTF-8, "" when the arena is full; never NULL. */
const char *bm_utf8(struct bm_mem *mem, struct bm_str text);

/* A growing string. */
struct bm_out {
    struct bm_mem *mem;
    uint32_t *cp;
    size_t n, cap;
};
struct bm_out bm_out_on(struct bm_mem *mem);
void bm_putc(struct bm_out *out, uint32_t cp);
void bm_put(struct bm_out *out, struct bm_str text);
void bm_puts(struct bm_out *out, const char *ascii);
struct bm_str bm_taken(const struct bm_out *out);

/* text[from..to), clipped to the string. */
struct bm_str bm_slice(struct bm_str text, size_t from, size_t to);
bool bm_equal(struct bm_str a, struct bm_str b);
bool bm_is(struct bm_str text, const char *ascii);
bool bm_at(struct bm_str text, size_t pos, const char *ascii); /* does ascii stand at pos? */
bool bm_ends(struct bm_str text, const char *ascii);
/* First position >= from, or BM_NONE. */
size_t bm_find(struct bm_str text, size_t from, const char *ascii);
size_t bm_find_cp(struct bm_str text, size_t from, uint32_t cp);
size_t bm_find_str(struct bm_str text, size_t from, struct bm_str what);

/* White space at both ends removed; one character at both ends removed. */
struct bm_str bm_strip(struct bm_str text);
struct bm_str bm_strip_cp(struct bm_str text, uint32_t cp);
/* All occurrences, left to right. */
struct bm_str bm_replace(struct bm_mem *mem, struct bm_str text, const char *ascii, const char *by);
struct bm_str bm_join(struct bm_mem *mem, const struct bm_str *parts, size_t n, const char *between);

/* Character classes as the reference evaluators' language (Python's str and re) defines them. */
bool bm_is_space(uint32_t cp);
bool bm_is_alpha(uint32_t cp); /* categories L* */
bool bm_is_digit(uint32_t cp); /* decimal digits of any script */
bool bm_is_word(uint32_t cp);  /* letters, numbers of all kinds, underscore */
/* Full lower-case mapping with the final sigma; length of the full upper-case mapping. */
struct bm_str bm_lower(struct bm_mem *mem, struct bm_str text);
size_t bm_upper_len(struct bm_str text);
struct bm_str bm_nfkc(struct bm_mem *mem, struct bm_str text);
struct bm_str bm_nfc(struct bm_mem *mem, struct bm_str text);

#endif
