/* SPDX-License-Identifier: Apache-2.0 */
/* Character classes and normal form C (Unicode annex 15): decompose, put marks in order, compose. Invariant: every
 * step is one walk over the text; the marks of one base are ordered by counting, so that a text of one base and a
 * million marks costs what any other does. */
#include "engine/qwen25vl/unicode.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/utf8.h"
#include "engine/qwen25vl/unicode_private.h"

/* Below this nothing is a mark, decomposes away or composes with what stands before. */
#define FIRST_MARK 0x300u
enum {
    HANGUL_S = 0xac00,
    HANGUL_L = 0x1100,
    HANGUL_V = 0x1161,
    HANGUL_T = 0x11a7,
    HANGUL_LS = 19,
    HANGUL_VS = 21,
    HANGUL_TS = 28,
    HANGUL_ALL = HANGUL_LS * HANGUL_VS * HANGUL_TS
};
/* The longest canonical decomposition has 4 characters (U+1F82 and others). */
#define MAX_PARTS 4

static uint32_t run_value(const uint32_t *runs, size_t count, uint32_t cp, unsigned shift)
{
    size_t low = 0, high = count; /* runs[low] starts at or before cp */
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (runs[middle] >> shift <= cp)
            low = middle;
        else
            high = middle;
    }
    return runs[low] & ((1u << shift) - 1);
}

enum eng_char_class eng_char_class_of(uint32_t cp)
{
    return (enum eng_char_class)run_value(eng_uni_class, eng_uni_class_count, cp, 2);
}

static uint8_t combining_class(uint32_t cp)
{
    return cp < FIRST_MARK ? 0 : (uint8_t)run_value(eng_uni_ccc, eng_uni_ccc_count, cp, 8);
}

static const uint32_t *find_pair(uint32_t cp)
{
    size_t low = 0, high = eng_uni_pair_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (eng_uni_pairs[middle][0] == cp)
            return eng_uni_pairs[middle];
        if (eng_uni_pairs[middle][0] < cp)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* Full decomposition in out[MAX_PARTS]; the number of parts. */
static int decompose(uint32_t cp, uint32_t out[MAX_PARTS])
{
    if (cp - HANGUL_S < HANGUL_ALL) {
        const uint32_t s = cp - HANGUL_S, t = s % HANGUL_TS;
        out[0] = HANGUL_L + s / (HANGUL_VS * HANGUL_TS);
        out[1] = HANGUL_V + s / HANGUL_TS % HANGUL_VS;
        out[2] = HANGUL_T + t;
        return t ? 3 : 2;
    }
    uint32_t tail[MAX_PARTS];
    int n_tail = 0;
    const uint32_t *pair;
    while ((pair = find_pair(cp)) != NULL && n_tail < MAX_PARTS - 1) {
        cp = pair[1];
        if (pair[2])
            tail[n_tail++] = pair[2];
    }
    /* A second part never decomposes further, except U+0344's, whose parts are plain. */
    out[0] = cp;
    for (int i = 0; i < n_tail; i++)
        out[i + 1] = tail[n_tail - 1 - i];
    return n_tail + 1;
}

/* The character that a and b make together, or 0. */
static uint32_t compose(uint32_t a, uint32_t b)
{
    if (a - HANGUL_L < HANGUL_LS && b - HANGUL_V < HANGUL_VS)
        return HANGUL_S + ((a - HANGUL_L) * HANGUL_VS + b - HANGUL_V) * HANGUL_TS;
    if (a - HANGUL_S < HANGUL_ALL && (a - HANGUL_S) % HANGUL_TS == 0 && b - HANGUL_T - 1 < HANGUL_TS - 1)
        return a + (b - HANGUL_T);
    size_t low = 0, high = eng_uni_compose_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const uint32_t *p = eng_uni_pairs[eng_uni_compose[middle]];
        if (p[1] == a && p[2] == b)
            return p[0];
        if (p[1] < a || (p[1] == a && p[2] < b))
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}

/* Stands for itself wherever it is: no mark, no decomposition, and never the second part of a composition. The test
 * is a cheap one that may say no too often: it admits the blocks that most text is made of. */
static bool inert(uint32_t cp)
{
    return cp < FIRST_MARK || (cp >= 0x400 && cp < 0x483) || (cp >= 0x2010 && cp < 0x2126) ||
           (cp >= 0x3041 && cp < 0x3099) || (cp >= 0x30a1 && cp < 0x30fb) || (cp >= 0x3400 && cp < 0xa000) ||
           (cp >= HANGUL_S && cp < HANGUL_S + HANGUL_ALL) || (cp >= 0xff01 && cp < 0xff60) || cp == 0xfffd ||
           (cp >= 0x3000 && cp < 0x302a);
}

bool eng_nfc_is_certain(const char *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        if ((unsigned char)text[i] < 0x80) {
            i++;
            continue;
        }
        const size_t from = i;
        const uint32_t cp = b_utf8_next(text, len, &i);
        /* U+FFFD that was not written as such stands for ill-formed bytes. */
        if (!inert(cp) || (cp == 0xfffd && (i - from != 3 || memcmp(text + from, "\xef\xbf\xbd", 3) != 0)))
            return false;
    }
    return true;
}

/* Characters with their combining classes. */
struct chars {
    uint32_t *cp;
    uint8_t *ccc;
    size_t count;
};

/* Puts the marks [from, to) in the order of their classes, equal ones as they stand. spare: to - from places. */
static void order_marks(struct chars *c, size_t from, size_t to, uint32_t *spare)
{
    size_t start[257] = {0};
    for (size_t i = from; i < to; i++)
        start[c->ccc[i] + 1]++;
    for (size_t k = 1; k < 257; k++)
        start[k] += start[k - 1];
    for (size_t i = from; i < to; i++)
        spare[start[c->ccc[i]]++] = c->cp[i];
    for (size_t i = from; i < to; i++) {
        c->cp[i] = spare[i - from];
        c->ccc[i] = combining_class(c->cp[i]);
    }
}

static void order_all(struct chars *c, uint32_t *spare)
{
    for (size_t i = 0; i < c->count;) {
        if (c->ccc[i] == 0) {
            i++;
            continue;
        }
        size_t end = i + 1;
        bool sorted = true;
        for (; end < c->count && c->ccc[end]; end++)
            sorted = sorted && c->ccc[end - 1] <= c->ccc[end];
        if (!sorted)
            order_marks(c, i, end, spare);
        i = end;
    }
}

/* In place: what composes with the last base goes into it. */
static void compose_all(struct chars *c)
{
    size_t out = 0, base = SIZE_MAX;
    for (size_t i = 0; i < c->count; i++) {
        /* Blocked when something that stands between has a class as high, or is no mark. */
        const bool open = base != SIZE_MAX && (out == base + 1 || (c->ccc[out - 1] && c->ccc[out - 1] < c->ccc[i]));
        const uint32_t whole = open ? compose(c->cp[base], c->cp[i]) : 0;
        if (whole) {
            c->cp[base] = whole;
            continue;
        }
        if (c->ccc[i] == 0)
            base = out;
        c->cp[out] = c->cp[i];
        c->ccc[out++] = c->ccc[i];
    }
    c->count = out;
}

static void put_all(const struct chars *c, struct b_buf *out)
{
    for (size_t i = 0; i < c->count; i++) {
        char bytes[4];
        b_buf_append(out, bytes, b_utf8_put(c->cp[i], bytes));
    }
}

static void decompose_all(const char *text, size_t len, bool normalise, struct chars *c)
{
    for (size_t i = 0; i < len;) {
        uint32_t parts[MAX_PARTS];
        const uint32_t cp = b_utf8_next(text, len, &i);
        const int n = normalise && cp >= 0xc0 ? decompose(cp, parts) : 1;
        if (n == 1 && !(normalise && cp >= 0xc0))
            parts[0] = cp;
        for (int k = 0; k < n; k++) {
            c->cp[c->count] = parts[k];
            c->ccc[c->count++] = combining_class(parts[k]);
        }
    }
}

void eng_nfc(const char *text, size_t len, bool normalise, struct b_buf *out)
{
    /* A character of one byte has one part, one of two bytes up to three, one of three or four bytes up to four: at
     * most 2 parts a byte. */
    struct chars c = {.count = 0};
    uint32_t *spare = NULL;
    if (len < SIZE_MAX / 16) {
        c.cp = malloc((len * 2 + MAX_PARTS) * sizeof *c.cp);
        spare = malloc((len * 2 + MAX_PARTS) * sizeof *spare);
        c.ccc = malloc(len * 2 + MAX_PARTS);
    }
    if (c.cp && c.ccc && spare) {
        decompose_all(text, len, normalise, &c);
        if (normalise) {
            order_all(&c, spare);
            compose_all(&c);
        }
        put_all(&c, out);
    } else if (!out->failed) {
        out->failed = B_NO_MEMORY;
    }
    free(c.cp);
    free(c.ccc);
    free(spare);
}
