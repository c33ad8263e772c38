/* SPDX-License-Identifier: Apache-2.0 */
/* Strings of code points in an arena, with the character classes of the reference evaluators. */
#include "service/bench/text.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "engine/base/utf8.h"

void *bm_alloc(struct bm_mem *mem, size_t count, size_t size)
{
    void *got = b_arena_array(mem->arena, count, size);
    if (!got)
        mem->failed = true;
    return got;
}

enum b_code bm_check(const struct bm_mem *mem, struct b_err *err)
{
    return mem->failed ? b_arena_refused(mem->arena, "bench", err) : B_OK;
}

struct bm_str bm_decode(struct bm_mem *mem, const char *text, size_t len)
{
    size_t n = b_utf8_count(text, len), pos = 0;
    uint32_t *cp = BM_ARRAY(mem, n, uint32_t);
    if (!cp)
        return (struct bm_str){NULL, 0};
    for (size_t i = 0; i < n; i++)
        cp[i] = b_utf8_next(text, len, &pos);
    return (struct bm_str){cp, n};
}

struct bm_str bm_from(struct bm_mem *mem, const char *text)
{
    return bm_decode(mem, text ? text : "", text ? strlen(text) : 0);
}

const char *bm_utf8(struct bm_mem *mem, struct bm_str text)
{
    size_t room = 1;
    if (text.n > (SIZE_MAX - 1) / 4) {
        mem->failed = true;
        return "";
    }
    room += text.n * 4;
    char *out = BM_ARRAY(mem, room, char);
    if (!out)
        return "";
    size_t at = 0;
    for (size_t i = 0; i < text.n; i++) {
        char part[4];
        size_t n = b_utf8_put(text.cp[i], part);
        memcpy(out + at, part, n);
        at += n;
    }
    out[at] = 0;
    return out;
}

struct bm_out bm_out_on(struct bm_mem *mem)
{
    return (struct bm_out){mem, NULL, 0, 0};
}

void bm_putc(struct bm_out *out, uint32_t cp)
{
    if (out->n == out->cap) {
        size_t cap = out->cap;
        uint32_t *bigger;
        if (cap == 0) {
            cap = 64;
            bigger = BM_ARRAY(out->mem, cap, uint32_t);
        } else {
            bigger = b_arena_grow(out->mem->arena, out->cp, out->n, &cap, sizeof *bigger);
        }
        if (!bigger) {
            out->mem->failed = true;
            return;
        }
        out->cp = bigger;
        out->cap = cap;
    }
    out->cp[out->n++] = cp;
}

void bm_put(struct bm_out *out, struct bm_str text)
{
    for (size_t i = 0; i < text.n; i++)
        bm_putc(out, text.cp[i]);
}

void bm_puts(struct bm_out *out, const char *ascii)
{
    for (; *ascii; ascii++)
        bm_putc(out, (unsigned char)*ascii);
}

struct bm_str bm_taken(const struct bm_out *out)
{
    return (struct bm_str){out->cp, out->n};
}

struct bm_str bm_slice(struct bm_str text, size_t from, size_t to)
{
    if (to > text.n)
        to = text.n;
    if (from >= to)
        return (struct bm_str){text.cp, 0};
    return (struct bm_str){text.cp + from, to - from};
}

bool bm_equal(struct bm_str a, struct bm_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.cp, b.cp, a.n * sizeof *a.cp) == 0);
}

bool bm_at(struct bm_str text, size_t pos, const char *ascii)
{
    for (; *ascii; ascii++, pos++)
        if (pos >= text.n || text.cp[pos] != (unsigned char)*ascii)
            return false;
    return true;
}

bool bm_is(struct bm_str text, const char *ascii)
{
    return text.n == strlen(ascii) && bm_at(text, 0, ascii);
}

bool bm_ends(struct bm_str text, const char *ascii)
{
    size_t n = strlen(ascii);
    return text.n >= n && bm_at(text, text.n - n, ascii);
}

size_t bm_find_cp(struct bm_str text, size_t from, uint32_t cp)
{
    for (size_t i = from; i < text.n; i++)
        if (text.cp[i] == cp)
            return i;
    return BM_NONE;
}

size_t bm_find(struct bm_str text, size_t from, const char *ascii)
{
    for (size_t i = from; i < text.n; i++)
        if (text.cp[i] == (unsigned char)*ascii && bm_at(text, i, ascii))
            return i;
    return BM_NONE;
}

size_t bm_find_str(struct bm_str text, size_t from, struct bm_str what)
{
    for (size_t i = from; what.n <= text.n && i <= text.n - what.n; i++)
        if (bm_equal(bm_slice(text, i, i + what.n), what))
            return i;
    return BM_NONE;
}

struct bm_str bm_strip(struct bm_str text)
{
    size_t a = 0, b = text.n;
    while (a < b && bm_is_space(text.cp[a]))
        a++;
    while (b > a && bm_is_space(text.cp[b - 1]))
        b--;
    return bm_slice(text, a, b);
}

struct bm_str bm_strip_cp(struct bm_str text, uint32_t cp)
{
    size_t a = 0, b = text.n;
    while (a < b && text.cp[a] == cp)
        a++;
    while (b > a && text.cp[b - 1] == cp)
        b--;
    return bm_slice(text, a, b);
}

struct bm_str bm_replace(struct bm_mem *mem, struct bm_str text, const char *ascii, const char *by)
{
    size_t hit = bm_find(text, 0, ascii), at = 0, n = strlen(ascii);
    if (hit == BM_NONE)
        return text;
    struct bm_out out = bm_out_on(mem);
    for (; hit != BM_NONE; hit = bm_find(text, at, ascii)) {
        bm_put(&out, bm_slice(text, at, hit));
        bm_puts(&out, by);
        at = hit + n;
    }
    bm_put(&out, bm_slice(text, at, text.n));
    return bm_taken(&out);
}

struct bm_str bm_join(struct bm_mem *mem, const struct bm_str *parts, size_t n, const char *between)
{
    struct bm_out out = bm_out_on(mem);
    for (size_t i = 0; i < n; i++) {
        if (i)
            bm_puts(&out, between);
        bm_put(&out, parts[i]);
    }
    return bm_taken(&out);
}

bool bm_is_space(uint32_t cp)
{
    return b_cp_is_space(cp) || (cp >= 0x1c && cp <= 0x1f); /* Python adds the four separators of ASCII */
}

static utf8proc_category_t category_of(uint32_t cp)
{
    return utf8proc_category((utf8proc_int32_t)cp);
}

bool bm_is_alpha(uint32_t cp)
{
    utf8proc_category_t c = category_of(cp);
    return c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LO;
}

bool bm_is_digit(uint32_t cp)
{
    return category_of(cp) == UTF8PROC_CATEGORY_ND;
}

bool bm_is_word(uint32_t cp)
{
    utf8proc_category_t c = category_of(cp);
    return cp == '_' || (c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LO) ||
           (c >= UTF8PROC_CATEGORY_ND && c <= UTF8PROC_CATEGORY_NO) || (cp >= 0x4e00 && cp <= 0x9fff);
}

/* Unicode 3.13: sigma after a letter and before none becomes the final form (case-ignorable marks are
 * skipped; combining marks are the only ones that matter here). */
static bool is_final_sigma(struct bm_str text, size_t i)
{
    size_t a = i, b = i + 1;
    while (a > 0 && category_of(text.cp[a - 1]) == UTF8PROC_CATEGORY_MN)
        a--;
    while (b < text.n && category_of(text.cp[b]) == UTF8PROC_CATEGORY_MN)
        b++;
    return a > 0 && bm_is_alpha(text.cp[a - 1]) && !(b < text.n && bm_is_alpha(text.cp[b]));
}

struct bm_str bm_lower(struct bm_mem *mem, struct bm_str text)
{
    struct bm_out out = bm_out_on(mem);
    for (size_t i = 0; i < text.n; i++) {
        uint32_t cp = text.cp[i];
        if (cp == 0x3a3 && is_final_sigma(text, i)) {
            bm_putc(&out, 0x3c2);
        } else if (cp == 0x130) { /* the only character whose lower case is two: i and a dot above */
            bm_putc(&out, 'i');
            bm_putc(&out, 0x307);
        } else {
            bm_putc(&out, (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp));
        }
    }
    return bm_taken(&out);
}

size_t bm_upper_len(struct bm_str text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        utf8proc_int32_t folded[8];
        /* A character whose upper case is longer (sharp s, ligatures) folds to as many characters. */
        utf8proc_ssize_t got =
            utf8proc_decompose_char((utf8proc_int32_t)text.cp[i], folded, 8, UTF8PROC_CASEFOLD, NULL);
        n += got >= 1 && got <= 8 && text.cp[i] != 0x130 ? (size_t)got : 1;
    }
    return n;
}

static struct bm_str normalise(struct bm_mem *mem, struct bm_str text, unsigned options)
{
    struct bm_out out = bm_out_on(mem);
    const char *utf8 = bm_utf8(mem, text);
    utf8proc_uint8_t *mapped = NULL;
    utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)utf8, (utf8proc_ssize_t)strlen(utf8), &mapped,
                                      (utf8proc_option_t)(options | UTF8PROC_STABLE));
    if (n < 0 || !mapped)
        return text;
    size_t pos = 0;
    while (pos < (size_t)n)
        bm_putc(&out, b_utf8_next((const char *)mapped, (size_t)n, &pos));
    free(mapped);
    return bm_taken(&out);
}

struct bm_str bm_nfkc(struct bm_mem *mem, struct bm_str text)
{
    return normalise(mem, text, UTF8PROC_COMPOSE | UTF8PROC_COMPAT);
}

struct bm_str bm_nfc(struct bm_mem *mem, struct bm_str text)
{
    return normalise(mem, text, UTF8PROC_COMPOSE);
}
