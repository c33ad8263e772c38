/* SPDX-License-Identifier: Apache-2.0 */
/* What each character of a row of running text can be in a formula: by its font, its sign, and whether it stands
 * raised or lowered against the row. Letters of text fonts are told by the whole word that they are part of. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "docparse/formula/inline_private.h"
#include "engine/base/utf8.h"

#define SCRIPT_SIZE 0.86f /* of the row's size, at most */
#define SAME_SIZE 0.1f
#define RAISED 0.12f      /* sizes above the row's baseline */
#define LOWERED 0.05f
#define LETTER_GAP 0.12f  /* sizes between letters of a word */
#define DOTS_GAP 0.5f     /* sizes between points that stand for what is left out */
#define NAME_LETTERS 12
#define OWN_NAME 6        /* letters of a name that is no known one: Var(X), rank(A) */

static int by_value(const void *a, const void *b)
{
    const float p = *(const float *)a, q = *(const float *)b;
    return (p > q) - (p < q);
}

/* Size and baseline of the row chars[from..to): medians. */
static void measure(const struct dp_inline_char *chars, int32_t from, int32_t to, float *scratch, float *size, float *base)
{
    int32_t n = 0;
    for (int32_t i = from; i < to; i++)
        scratch[n++] = chars[i].size;
    qsort(scratch, (size_t)n, sizeof *scratch, by_value);
    /* Rows of formulas have many scripts: the upper quartile. */
    *size = fmaxf(scratch[n - 1 - n / 4], 1.0f);
    n = 0;
    for (int32_t i = from; i < to; i++)
        if (fabsf(chars[i].size - *size) < SAME_SIZE * *size)
            scratch[n++] = chars[i].base;
    qsort(scratch, (size_t)n, sizeof *scratch, by_value);
    *base = n > 0 ? scratch[n / 2] : chars[from].base;
}

static enum in_kind kind_of_sign(const struct fm_sign *s, bool math)
{
    switch (s->cls) {
    case FM_OPEN:
        return IN_OPEN;
    case FM_CLOSE:
        return s->cp == '!' ? IN_BANG : s->cp == '?' ? IN_PROSE : IN_CLOSE;
    case FM_FENCE:
        return IN_FENCE;
    case FM_REL:
        return s->cp == ':' ? IN_COLON : IN_RELATION;
    case FM_ARROW:
        return IN_RELATION;
    case FM_BIN: /* hyphens and asterisks of text fonts are no signs of mathematics, bullets of any font */
        return s->cp == 0x2022 || (!math && (s->cp == '-' || s->cp == '*' || s->cp == 0xB7)) ? IN_PROSE : IN_BINARY;
    case FM_OP:
    case FM_RADICAL:
        return IN_OPERATOR;
    case FM_PUNCT:
        return s->cp == ',' || s->cp == ';' ? IN_COMMA : s->cp == '.' ? IN_POINT : IN_PROSE;
    case FM_PRIME:
        return s->text_font && s->cp < 0x2032 ? IN_PROSE : IN_SCRIPT; /* apostrophes and quotes */
    case FM_ACCENT:
        return s->cp > 0x7F ? IN_ACCENT : IN_PROSE;
    default:
        return IN_PROSE;
    }
}

/* Signs of mathematical fonts that stand in prose: bullets, squares at a proof's end, marks of notes. */
static bool is_ornament(uint32_t cp)
{
    return cp == 0xA7 || cp == 0xB6 || cp == 0xA9 || cp == 0xAE || cp == 0xB0 || cp == 0x2020 || cp == 0x2021 || cp == 0x2022 ||
           (cp >= 0x2500 && cp < 0x27C0);
}

static bool latin(uint32_t cp)
{
    return (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z');
}

static struct in_char classify(const struct dp_inline_char *c, float size, float base)
{
    const struct fm_sign s = fm_sign_of(c->cp, c->font);
    const bool alphabet = c->cp >= 0x1D400 && c->cp < 0x1D800;
    struct in_char out = {.x0 = c->x0, .x1 = c->x1, .size = size, .row = c->row, .cp = s.cp};
    const struct dp_glyph glyph = {.cp = c->cp};
    const enum dp_glyph_kind kind = dp_glyph_kind(&glyph, c->font);
    out.math = !s.text_font || alphabet || kind == DP_GLYPH_SIGN;
    out.greek = s.cp >= 0x391 && s.cp <= 0x3F5;
    out.letter = latin(s.cp) || out.greek || b_cp_is_letter(s.cp);
    out.calligraphic = out.letter && s.alphabet == FM_CAL;
    if (c->mono || s.cls == FM_SPACE)
        return out;
    if (c->stacked)
        out.kind = IN_STACK;
    else if (s.cp >= '0' && s.cp <= '9')
        out.kind = IN_DIGIT;
    else if (s.cp == '/')
        out.kind = IN_SLASH;
    else if (s.cp == 0x2026 || s.cp == 0x22EF)
        out.kind = IN_DOTS;
    else if (out.letter && (!s.text_font || alphabet))
        out.kind = IN_VARIABLE;
    else if (out.letter && (out.greek || s.alphabet == FM_ITALIC || s.alphabet == FM_BOLD_ITALIC))
        out.kind = IN_WEAK;
    else if (out.letter)
        out.kind = IN_PROSE;
    else if (s.cls == FM_ORD)
        out.kind = out.math && s.latex && s.cp > 0x7F && !is_ornament(s.cp) ? IN_VARIABLE : IN_PROSE;
    else
        out.kind = kind_of_sign(&s, out.math);
    const float up = base - c->base;
    if (c->size < SCRIPT_SIZE * size && (up > RAISED * size || up < -LOWERED * size) && !c->stacked) {
        out.kind = IN_SCRIPT;
        out.raised = up > 0;
    }
    return out;
}

static bool joined(const struct in_char *a, const struct in_char *b)
{
    return !b->row && b->x0 - a->x1 < LETTER_GAP * b->size && b->x0 - a->x1 > -0.5f * b->size;
}

/* Letters of text fonts from `from` on that form one word: the index behind them. */
static int32_t word_end(const struct in_char *c, int32_t from, int32_t n)
{
    int32_t end = from + 1;
    while (end < n && c[end].letter && c[end].kind == c[from].kind && joined(&c[end - 1], &c[end]))
        end++;
    return end;
}

static bool is_own_name(const struct in_char *c, int32_t from, int32_t end, int32_t n)
{
    return end - from >= 2 && end - from <= OWN_NAME && end + 1 < n && c[end].kind == IN_OPEN && joined(&c[end - 1], &c[end]) &&
           c[end + 1].kind == IN_VARIABLE && joined(&c[end], &c[end + 1]) && (from == 0 || !joined(&c[from - 1], &c[from]) || c[from - 1].kind != IN_PROSE);
}

/* Words of text fonts: names of functions, single letters, prose. */
static void judge_words(struct in_char *c, int32_t n)
{
    for (int32_t i = 0, end; i < n; i = end) {
        end = i + 1;
        if (!c[i].letter || (c[i].kind != IN_PROSE && c[i].kind != IN_WEAK))
            continue;
        end = word_end(c, i, n);
        char name[NAME_LETTERS + 1];
        bool limits, plain = end - i <= NAME_LETTERS;
        for (int32_t k = i; k < end && plain; k++) {
            plain = latin(c[k].cp);
            name[k - i] = (char)c[k].cp;
        }
        const size_t len = (size_t)(end - i);
        const bool known = plain && c[i].kind == IN_PROSE && len > 1 &&
                           (fm_operator_name(name, len, &limits) || (len == 3 && memcmp(name, "mod", 3) == 0));
        /* "x", "kT" are variables, what is longer is a word; so are two letters of a text's own Greek. */
        const bool word = c[i].kind == IN_WEAK && len > (c[i].greek && !c[i].math ? 1u : 2u);
        const bool named = known || (plain && c[i].kind == IN_PROSE && is_own_name(c, i, end, n));
        for (int32_t k = i; k < end; k++) {
            c[k].kind = named ? IN_NAME : word ? IN_PROSE : c[k].kind;
            c[k].last = end - 1;
        }
    }
}

/* Three points and more of a mathematical font. */
static void judge_points(struct in_char *c, int32_t n)
{
    for (int32_t i = 0, end; i < n; i = end) {
        end = i + 1;
        if (c[i].kind != IN_POINT || !c[i].math)
            continue;
        while (end < n && c[end].kind == IN_POINT && c[end].math && !c[end].row && c[end].x0 - c[end - 1].x1 < DOTS_GAP * c[end].size)
            end++;
        for (int32_t k = i; k < end && end - i >= 3; k++)
            c[k].kind = IN_DOTS;
    }
}

void in_kinds(const struct dp_inline_char *chars, int32_t n, float *sizes, struct in_char *out)
{
    for (int32_t from = 0, to; from < n; from = to) {
        float size, base;
        to = from + 1;
        while (to < n && !chars[to].row)
            to++;
        measure(chars, from, to, sizes, &size, &base);
        for (int32_t i = from; i < to; i++)
            out[i] = classify(&chars[i], size, base);
    }
    judge_words(out, n);
    judge_points(out, n);
}
