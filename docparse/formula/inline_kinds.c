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
#define BESIDE 6          /* characters between a letter and the word beside it */
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
    else if (s.cp == 0x338) /* the stroke of a sign that is denied, a glyph of its own */
        out.kind = IN_RELATION;
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
    if (end - from < 2 || end - from > OWN_NAME || end + 1 >= n || c[end].kind != IN_OPEN || !joined(&c[end - 1], &c[end]) ||
        !joined(&c[end], &c[end + 1]) || (from > 0 && joined(&c[from - 1], &c[from]) && c[from - 1].kind == IN_PROSE))
        return false;
    return c[end + 1].kind == IN_VARIABLE ||
           (c[end + 1].kind == IN_WEAK && end + 2 < n && (c[end + 2].kind == IN_CLOSE || c[end + 2].kind == IN_COMMA) &&
            joined(&c[end + 1], &c[end + 2]));
}

/* "= id.", "= const": a short word behind a relation, at which the formula ends. */
static bool is_value(const struct in_char *c, int32_t from, int32_t end, int32_t n)
{
    if (from == 0 || end - from < 2 || end - from > OWN_NAME || c[from].row || c[from - 1].kind != IN_RELATION)
        return false;
    return end < n && joined(&c[end - 1], &c[end]) && (c[end].kind == IN_COMMA || c[end].kind == IN_POINT || c[end].kind == IN_CLOSE);
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
        const bool named = known || (plain && c[i].kind == IN_PROSE && (is_own_name(c, i, end, n) || is_value(c, i, end, n)));
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

/* Commas of the font that the prose before them is set in. */
static void judge_commas(const struct dp_inline_char *chars, struct in_char *c, int32_t n)
{
    const char *prose = NULL;
    for (int32_t i = 0; i < n; i++) {
        if (c[i].kind == IN_PROSE && c[i].letter && !c[i].math)
            prose = chars[i].font;
        c[i].of_prose = c[i].kind == IN_COMMA && !c[i].math && prose && chars[i].font && strcmp(prose, chars[i].font) == 0;
    }
}

/* Whether the letter nearest to i on one side is of a word in the font. */
static bool has_word_beside(const struct dp_inline_char *chars, const struct in_char *c, int32_t n, int32_t i, int32_t step, const char *font)
{
    int32_t k = i + step;
    while (k >= 0 && k < n && !c[k].letter && k - i < BESIDE && i - k < BESIDE)
        k += step;
    return k >= 0 && k < n && c[k].letter && c[k].kind == IN_PROSE && chars[k].font && strcmp(chars[k].font, font) == 0;
}

/* "i.e.", "(a)": letters that prose sets alone. */
static bool is_prose_letter(const struct in_char *c, int32_t n, int32_t i)
{
    const bool dotted = (i + 2 < n && c[i + 1].kind == IN_POINT && c[i + 2].letter && joined(&c[i + 1], &c[i + 2])) ||
                        (i >= 2 && c[i - 1].kind == IN_POINT && c[i - 2].letter && joined(&c[i - 1], &c[i]));
    return dotted || (i > 0 && i + 1 < n && c[i - 1].kind == IN_OPEN && c[i + 1].kind == IN_CLOSE && (i < 2 || c[i - 2].kind == IN_PROSE || !joined(&c[i - 2], &c[i - 1])));
}

/* Single letters of the text font that the formulas of the page take theirs from. */
static void judge_letters(const struct dp_inline_char *chars, struct in_char *c, int32_t n, const char *italic)
{
    for (int32_t i = 0; i < n; i++)
        if (c[i].kind == IN_WEAK && c[i].last == i && (i == 0 || c[i - 1].last != i || !c[i - 1].letter) && !c[i].greek && chars[i].font &&
            strcmp(chars[i].font, italic) == 0 && !is_prose_letter(c, n, i) && !has_word_beside(chars, c, n, i, -1, italic) &&
            !has_word_beside(chars, c, n, i, 1, italic))
            c[i].alone = true;
    for (int32_t i = 0; i < n; i++)
        c[i].kind = c[i].alone ? IN_VARIABLE : c[i].kind;
}

void in_kinds(const struct dp_inline_char *chars, int32_t n, const char *italic, float *sizes, struct in_char *out)
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
    judge_commas(chars, out, n);
    if (italic)
        judge_letters(chars, out, n, italic);
}
