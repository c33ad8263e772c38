/* SPDX-License-Identifier: Apache-2.0 */
/* Recursive descent over the answer's signs: commands (with the one space that ends them), escapes, single bytes.
 * Invariant: what was written before a fault is a prefix of the spelling, and every call moves forward. */
#include "docparse/formula_spell.h"

#include <string.h>

/* A sign of the answer: answer[at .. at + len). */
struct sign {
    size_t at, len, next; /* next: where the following sign begins */
};

struct speller {
    const char *text;
    size_t len, at;
    struct b_buf *out;
    int depth, matrices; /* open groups; open environments */
    bool sound;
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The sign at `at`, which is inside the text. */
static struct sign sign_at(const struct speller *s, size_t at)
{
    struct sign g = {.at = at, .len = 1};
    if (s->text[at] == '\\' && at + 1 < s->len) {
        g.len = 2;
        while (is_letter(s->text[at + 1]) && at + g.len < s->len && is_letter(s->text[at + g.len]))
            g.len++;
    } else {
        while (at + g.len < s->len && ((unsigned char)s->text[at + g.len] & 0xC0) == 0x80)
            g.len++; /* the rest of a character */
    }
    g.next = at + g.len;
    if (s->text[at] == '\\' && g.next < s->len && s->text[g.next] == ' ')
        g.next++;
    return g;
}

static bool sign_is(const struct speller *s, struct sign g, const char *text)
{
    return g.len == strlen(text) && memcmp(s->text + g.at, text, g.len) == 0;
}

static void skip_spaces(struct speller *s)
{
    while (s->at < s->len && s->text[s->at] == ' ')
        s->at++;
}

/* A letter behind a command needs a space. */
static void write_sign(struct speller *s, struct sign g)
{
    const struct b_buf *out = s->out;
    size_t letters = 0;
    while (letters < out->len && is_letter(out->data[out->len - 1 - letters]))
        letters++;
    if (letters > 0 && letters < out->len && out->data[out->len - 1 - letters] == '\\' && is_letter(s->text[g.at]) &&
        !(letters + 2 <= out->len && out->data[out->len - 2 - letters] == '\\'))
        b_buf_putc(s->out, ' ');
    b_buf_append(s->out, s->text + g.at, g.len);
}

static int arguments_of(const struct speller *s, struct sign g)
{
    static const char *const one[] = {"\\hat",
                                      "\\bar",
                                      "\\tilde",
                                      "\\vec",
                                      "\\dot",
                                      "\\ddot",
                                      "\\overline",
                                      "\\underline",
                                      "\\check",
                                      "\\breve",
                                      "\\overrightarrow",
                                      "\\overbrace",
                                      "\\underbrace",
                                      "\\mathbf",
                                      "\\mathcal",
                                      "\\mathbb",
                                      "\\mathfrak",
                                      "\\mathrm",
                                      "\\boldsymbol",
                                      "\\mathsf",
                                      "\\sqrt",
                                      "\\text",
                                      "\\operatorname",
                                      "\\boxed",
                                      "^",
                                      "_"};
    static const char *const two[] = {"\\frac", "\\binom", "\\overset", "\\underset"};
    for (size_t i = 0; i < sizeof one / sizeof *one; i++)
        if (sign_is(s, g, one[i]))
            return 1;
    for (size_t i = 0; i < sizeof two / sizeof *two; i++)
        if (sign_is(s, g, two[i]))
            return 2;
    return 0;
}

static void spell_one(struct speller *s);

/* Signs up to `end`, which is taken too. */
static void spell_until(struct speller *s, char end)
{
    for (;;) {
        skip_spaces(s);
        if (!s->sound || s->at >= s->len) {
            s->sound = false;
            return;
        }
        if (s->text[s->at] == end) {
            s->at++;
            return;
        }
        spell_one(s);
    }
}

/* Text inside braces keeps its spaces and holds no commands. */
static void copy_words(struct speller *s)
{
    if (s->text[s->at] != '{') {
        b_buf_putc(s->out, s->text[s->at]);
        s->sound = is_letter(s->text[s->at++]);
        return;
    }
    for (s->at++; s->at < s->len && s->text[s->at] != '}'; s->at++) {
        const char c = s->text[s->at];
        if (c == '{' || c == '\\' || c == '^' || c == '_' || c == '&')
            s->sound = false;
        b_buf_putc(s->out, c);
    }
    s->sound = s->sound && s->at < s->len;
    s->at += s->at < s->len;
}

static void spell_argument(struct speller *s, bool words)
{
    skip_spaces(s);
    if (s->at >= s->len || ++s->depth > DP_FORMULA_DEPTH) {
        s->sound = false;
        return;
    }
    b_buf_putc(s->out, '{');
    if (words) {
        copy_words(s);
    } else if (s->text[s->at] == '{') {
        s->at++;
        spell_until(s, '}');
    } else if (s->text[s->at] == '}' || s->text[s->at] == '^' || s->text[s->at] == '_' || s->text[s->at] == '&') {
        s->sound = false;
    } else {
        spell_one(s);
    }
    b_buf_putc(s->out, '}');
    s->depth--;
}

/* \begin{name} ... \end{name}, both with the same name. */
static void spell_environment(struct speller *s, size_t begin)
{
    const char *name = s->text + begin + strlen("\\begin");
    const char *close = memchr(name, '}', s->len - (size_t)(name - s->text));
    const size_t size = close ? (size_t)(close - name) + 1 : 0;
    bool named = size > 2 && size <= 16 && *name == '{';
    for (size_t i = 1; named && i + 1 < size; i++)
        named = is_letter(name[i]);
    if (!named || ++s->depth > DP_FORMULA_DEPTH) {
        s->sound = false;
        return;
    }
    b_buf_puts(s->out, "\\begin");
    b_buf_append(s->out, name, size);
    s->at = (size_t)(close - s->text) + 1;
    s->matrices++;
    for (;;) {
        skip_spaces(s);
        if (!s->sound || s->at >= s->len) {
            s->sound = false;
            break;
        }
        const struct sign g = sign_at(s, s->at);
        if (sign_is(s, g, "\\end")) {
            s->sound = s->len - g.at - g.len >= size && memcmp(s->text + g.at + g.len, name, size) == 0;
            b_buf_puts(s->out, "\\end");
            b_buf_append(s->out, name, size);
            s->at = g.at + g.len + size;
            break;
        }
        spell_one(s);
    }
    s->matrices--;
    s->depth--;
}

/* One sign with its arguments. */
static void spell_one(struct speller *s)
{
    const struct sign g = sign_at(s, s->at);
    const int arguments = arguments_of(s, g);
    const char c = s->text[g.at];
    if (c == '}' || sign_is(s, g, "\\") || sign_is(s, g, "\\end") ||
        (!s->matrices && (c == '&' || sign_is(s, g, "\\\\")))) {
        s->sound = false;
        return;
    }
    if (sign_is(s, g, "\\begin")) {
        spell_environment(s, g.at);
        return;
    }
    if (c == '{') {
        s->at++;
        if (++s->depth > DP_FORMULA_DEPTH)
            s->sound = false;
        b_buf_putc(s->out, '{');
        if (s->sound)
            spell_until(s, '}');
        b_buf_putc(s->out, '}');
        s->depth--;
        return;
    }
    write_sign(s, g);
    s->at = g.next;
    if (sign_is(s, g, "\\sqrt") && g.next == g.at + g.len && s->at < s->len && s->text[s->at] == '[') {
        s->at++; /* a root's index: the sign is written together with its bracket */
        b_buf_putc(s->out, '[');
        spell_until(s, ']');
        b_buf_putc(s->out, ']');
    }
    const bool words = sign_is(s, g, "\\text") || sign_is(s, g, "\\operatorname") || sign_is(s, g, "\\mathrm");
    for (int i = 0; i < arguments && s->sound; i++)
        spell_argument(s, words);
}

bool dp_formula_spell(const char *answer, size_t len, struct b_buf *out)
{
    struct speller s = {.text = answer, .len = len, .out = out, .sound = true};
    size_t signs = 0;
    for (;;) {
        skip_spaces(&s);
        if (!s.sound || s.at >= s.len)
            break;
        spell_one(&s);
        signs++;
    }
    return s.sound && signs > 0;
}
