/* SPDX-License-Identifier: Apache-2.0 */
/* Small searches and replacements that the files of version 1.6 share. */
#include <string.h>

#include "engine/base/utf8.h"
#include "service/bench/norm_v16.h"

bool bm16_is_letter(uint32_t cp)
{
    return (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z');
}

bool bm16_in(uint32_t cp, const char *set)
{
    const size_t n = strlen(set);
    for (size_t pos = 0; pos < n;)
        if (b_utf8_next(set, n, &pos) == cp)
            return true;
    return false;
}

/* Position behind `what` (UTF-8) where it stands at pos, or pos. */
static size_t behind(struct bm_str text, size_t pos, const char *what)
{
    const size_t n = strlen(what);
    size_t i = pos;
    for (size_t at = 0; at < n; i++)
        if (i >= text.n || b_utf8_next(what, n, &at) != text.cp[i])
            return pos;
    return i;
}

bool bm16_has(struct bm_str text, const char *what)
{
    for (size_t i = 0; i < text.n; i++)
        if (behind(text, i, what) > i)
            return true;
    return false;
}

struct bm_str bm16_replace(struct bm_mem *mem, struct bm_str text, const char *what, const char *by)
{
    struct bm_out out = bm_out_on(mem);
    const struct bm_str put = bm_from(mem, by);
    for (size_t i = 0; i < text.n;) {
        size_t end = behind(text, i, what);
        if (end > i)
            bm_put(&out, put);
        else
            bm_putc(&out, text.cp[i]);
        i = end > i ? end : i + 1;
    }
    return bm_taken(&out);
}

struct bm_str bm16_one_line(struct bm_mem *mem, struct bm_str text)
{
    struct bm_out out = bm_out_on(mem);
    text = bm_strip(text);
    for (size_t i = 0; i < text.n; i++)
        if (!bm_is_space(text.cp[i]))
            bm_putc(&out, text.cp[i]);
        else if (!bm_is_space(text.cp[i - 1]))
            bm_putc(&out, ' ');
    return bm_taken(&out);
}

struct bm_str bm16_compact(struct bm_mem *mem, struct bm_str text)
{
    struct bm_out out = bm_out_on(mem);
    for (size_t i = 0; i < text.n; i++)
        if (!bm_is_space(text.cp[i]))
            bm_putc(&out, text.cp[i]);
    return bm_taken(&out);
}

size_t bm16_count_words(struct bm_str text, size_t least)
{
    size_t n = 0, run = 0;
    for (size_t i = 0; i < text.n; i++) {
        run = bm16_is_letter(text.cp[i]) ? run + 1 : 0;
        n += run == least;
    }
    return n;
}

size_t bm16_count_digits(struct bm_str text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++)
        n += bm_is_digit(text.cp[i]);
    return n;
}

size_t bm16_command_end(struct bm_str text, size_t pos)
{
    size_t i = pos + 1;
    while (i < text.n && bm16_is_letter(text.cp[i]))
        i++;
    return i > pos + 1 ? i : pos;
}

bool bm16_has_ratio(struct bm_str text)
{
    for (size_t i = bm_find_cp(text, 0, '/'); i != BM_NONE; i = bm_find_cp(text, i + 1, '/')) {
        size_t a = i, b = i + 1;
        while (a > 0 && bm_is_space(text.cp[a - 1]))
            a--;
        while (b < text.n && bm_is_space(text.cp[b]))
            b++;
        if (a > 0 && bm_is_digit(text.cp[a - 1]) && b < text.n && bm_is_digit(text.cp[b]))
            return true;
    }
    return false;
}

struct bm_str bm16_open_formulas(struct bm_mem *mem, struct bm_str text, size_t first, const char *between)
{
    static const char *const ways[][2] = {{"$$", "$$"}, {"\\[", "\\]"}, {"\\(", "\\)"}, {"$", "$"}};
    for (size_t w = first; w < 4; w++) {
        struct bm_out out = bm_out_on(mem);
        const size_t n = strlen(ways[w][0]);
        size_t at = 0;
        for (size_t i = bm_find(text, 0, ways[w][0]); i != BM_NONE; i = bm_find(text, at, ways[w][0])) {
            const size_t close = bm_find(text, i + n, ways[w][1]);
            if (close == BM_NONE)
                break;
            bm_put(&out, bm_slice(text, at, i));
            bm_puts(&out, between);
            bm_put(&out, bm_slice(text, i + n, close));
            bm_puts(&out, between);
            at = close + n;
        }
        bm_put(&out, bm_slice(text, at, text.n));
        text = bm_taken(&out);
    }
    return text;
}
