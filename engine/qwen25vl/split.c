/* SPDX-License-Identifier: Apache-2.0 */
/* The pre-tokenizer's regular expression as a hand-written matcher. Alternatives are tried in the expression's order,
 * each as a backtracking matcher would take it. No character is looked at more than a small number of times: runs of
 * white space, the only thing two alternatives look through, are consumed but for their last character. */
#include "engine/qwen25vl/split.h"

#include <stdbool.h>

#include "engine/base/utf8.h"
#include "engine/qwen25vl/unicode.h"

/* A character at a place: its class and where the next one begins. */
struct glyph {
    uint32_t cp;
    enum eng_char_class kind;
    size_t next;
};

static struct glyph at(const char *text, size_t len, size_t i)
{
    struct glyph g = {.next = i};
    g.cp = b_utf8_next(text, len, &g.next);
    g.kind = eng_char_class_of(g.cp);
    return g;
}

static bool is_line_end(uint32_t cp)
{
    return cp == '\r' || cp == '\n';
}

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

/* "'s" and its like in any case, the long s included, which folds to s. 0: none. */
static size_t contraction(const char *text, size_t len, size_t i)
{
    static const char *const endings[] = {"s", "t", "re", "ve", "m", "ll", "d"};
    if (text[i] != '\'' || i + 1 >= len)
        return 0;
    if (len - i >= 3 && text[i + 1] == '\xc5' && text[i + 2] == '\xbf')
        return i + 3;
    for (size_t k = 0; k < sizeof endings / sizeof *endings; k++) {
        size_t n = 0;
        while (endings[k][n] && i + 1 + n < len && lower(text[i + 1 + n]) == endings[k][n])
            n++;
        if (!endings[k][n])
            return i + 1 + n;
    }
    return 0;
}

/* End of the run of `kind` that begins at i. */
static size_t run_end(const char *text, size_t len, size_t i, enum eng_char_class kind)
{
    while (i < len) {
        const struct glyph g = at(text, len, i);
        if (g.kind != kind)
            break;
        i = g.next;
    }
    return i;
}

static size_t punctuation(const char *text, size_t len, size_t i)
{
    i = run_end(text, len, i, ENG_CHAR_OTHER);
    while (i < len && is_line_end((unsigned char)text[i]))
        i++;
    return i;
}

/* A run of white space from i on: up to its last line end, else all but its last character, else that. */
static size_t white_space(const char *text, size_t len, size_t i)
{
    size_t end = i, after_line_end = 0, last = i;
    while (end < len) {
        const struct glyph g = at(text, len, end);
        if (g.kind != ENG_CHAR_SPACE)
            break;
        if (is_line_end(g.cp))
            after_line_end = g.next;
        last = end;
        end = g.next;
    }
    if (after_line_end)
        return after_line_end;
    return end == len || last == i ? end : last;
}

size_t eng_split_next(const char *text, size_t len, size_t i)
{
    const size_t short_form = contraction(text, len, i);
    if (short_form)
        return short_form;
    const struct glyph first = at(text, len, i);
    if (first.kind == ENG_CHAR_LETTER)
        return run_end(text, len, first.next, ENG_CHAR_LETTER);
    if (first.kind == ENG_CHAR_NUMBER)
        return first.next;
    if (first.next < len && !is_line_end(first.cp)) {
        const struct glyph second = at(text, len, first.next);
        if (second.kind == ENG_CHAR_LETTER)
            return run_end(text, len, second.next, ENG_CHAR_LETTER);
        if (first.cp == ' ' && second.kind == ENG_CHAR_OTHER)
            return punctuation(text, len, second.next);
    }
    if (first.kind == ENG_CHAR_OTHER)
        return punctuation(text, len, first.next);
    return white_space(text, len, i);
}
