/* SPDX-License-Identifier: Apache-2.0 */
/* Fonts of formulas as Unicode's mathematical alphabets, and widths of spaces. */
#include <string.h>

#include "output/mathml_private.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool same(const char *name, size_t len, const char *want)
{
    return strlen(want) == len && memcmp(name, want, len) == 0;
}

bool math_font_find(const char *name, size_t len, enum math_font *font, bool *is_switch)
{
    static const struct {
        char name[14];
        uint16_t font;
        bool is_switch;
    } fonts[] = {
        {"mathrm", MATH_ROMAN, false},
        {"mathup", MATH_ROMAN, false},
        {"rm", MATH_ROMAN, true},
        {"mathbf", MATH_BOLD, false},
        {"bold", MATH_BOLD, false},
        {"bf", MATH_BOLD, true},
        {"boldsymbol", MATH_BOLD_ITALIC, false},
        {"bm", MATH_BOLD_ITALIC, false},
        {"pmb", MATH_BOLD_ITALIC, false},
        {"mathbb", MATH_DOUBLE, false},
        {"Bbb", MATH_DOUBLE, false},
        {"mathds", MATH_DOUBLE, false},
        {"mathcal", MATH_SCRIPT, false},
        {"mathscr", MATH_SCRIPT, false},
        {"cal", MATH_SCRIPT, true},
        {"mathfrak", MATH_FRAKTUR, false},
        {"frak", MATH_FRAKTUR, false},
        {"mathsf", MATH_SANS, false},
        {"sf", MATH_SANS, true},
        {"mathtt", MATH_MONO, false},
        {"tt", MATH_MONO, true},
        {"mathit", MATH_ITALIC, false},
        {"mathnormal", MATH_ITALIC, false},
        {"it", MATH_ITALIC, true},
    };
    for (size_t i = 0; i < COUNT(fonts); i++)
        if (same(name, len, fonts[i].name)) {
            *font = (enum math_font)fonts[i].font;
            *is_switch = fonts[i].is_switch;
            return true;
        }
    return false;
}

/* First letters and digits of each alphabet; 0: it has none. Unicode 15, "Mathematical Alphanumeric Symbols". */
struct alphabet {
    uint32_t upper, lower, digit, upper_greek, lower_greek;
};

static const struct alphabet alphabets[] = {
    [MATH_BOLD] = {0x1D400, 0x1D41A, 0x1D7CE, 0x1D6A8, 0x1D6C2},
    [MATH_BOLD_ITALIC] = {0x1D468, 0x1D482, 0x1D7CE, 0x1D71C, 0x1D736},
    [MATH_DOUBLE] = {0x1D538, 0x1D552, 0x1D7D8, 0, 0},
    [MATH_SCRIPT] = {0x1D49C, 0x1D4B6, 0, 0, 0},
    [MATH_FRAKTUR] = {0x1D504, 0x1D51E, 0, 0, 0},
    [MATH_SANS] = {0x1D5A0, 0x1D5BA, 0x1D7E2, 0, 0},
    [MATH_MONO] = {0x1D670, 0x1D68A, 0x1D7F6, 0, 0},
};

/* Letters that Unicode had before the alphabets and left out of them. */
static uint32_t older(enum math_font font, uint32_t cp)
{
    static const struct {
        uint16_t font;
        char letter;
        uint32_t cp;
    } letters[] = {
        {MATH_SCRIPT, 'B', 0x212C},  {MATH_SCRIPT, 'E', 0x2130},  {MATH_SCRIPT, 'F', 0x2131},
        {MATH_SCRIPT, 'H', 0x210B},  {MATH_SCRIPT, 'I', 0x2110},  {MATH_SCRIPT, 'L', 0x2112},
        {MATH_SCRIPT, 'M', 0x2133},  {MATH_SCRIPT, 'R', 0x211B},  {MATH_SCRIPT, 'e', 0x212F},
        {MATH_SCRIPT, 'g', 0x210A},  {MATH_SCRIPT, 'o', 0x2134},  {MATH_FRAKTUR, 'C', 0x212D},
        {MATH_FRAKTUR, 'H', 0x210C}, {MATH_FRAKTUR, 'I', 0x2111}, {MATH_FRAKTUR, 'R', 0x211C},
        {MATH_FRAKTUR, 'Z', 0x2128}, {MATH_DOUBLE, 'C', 0x2102},  {MATH_DOUBLE, 'H', 0x210D},
        {MATH_DOUBLE, 'N', 0x2115},  {MATH_DOUBLE, 'P', 0x2119},  {MATH_DOUBLE, 'Q', 0x211A},
        {MATH_DOUBLE, 'R', 0x211D},  {MATH_DOUBLE, 'Z', 0x2124},
    };
    for (size_t i = 0; i < COUNT(letters); i++)
        if (letters[i].font == font && (uint32_t)letters[i].letter == cp)
            return letters[i].cp;
    return 0;
}

uint32_t math_font_apply(enum math_font font, uint32_t cp)
{
    if (font == MATH_ITALIC || font == MATH_ROMAN || (size_t)font >= COUNT(alphabets))
        return cp;
    const struct alphabet *a = &alphabets[font];
    const uint32_t old = older(font, cp);
    if (old)
        return old;
    if (cp >= 'A' && cp <= 'Z')
        return a->upper + (cp - 'A');
    if (cp >= 'a' && cp <= 'z')
        return a->lower + (cp - 'a');
    if (cp >= '0' && cp <= '9' && a->digit)
        return a->digit + (cp - '0');
    if (cp >= 0x391 && cp <= 0x3A9 && a->upper_greek)
        return a->upper_greek + (cp - 0x391);
    if (cp >= 0x3B1 && cp <= 0x3C9 && a->lower_greek)
        return a->lower_greek + (cp - 0x3B1);
    return cp;
}

bool math_space_find(const char *name, size_t len, int *width)
{
    /* LaTeX's own: thin 3/18 em, medium 4/18, thick 5/18. */
    static const struct {
        char name[16];
        int width;
    } spaces[] = {
        {",", 167},
        {"thinspace", 167},
        {":", 222},
        {">", 222},
        {"medspace", 222},
        {";", 278},
        {"thickspace", 278},
        {"!", -167},
        {"negthinspace", -167},
        {"quad", 1000},
        {"qquad", 2000},
        {"enspace", 500},
        {"enskip", 500},
        {" ", 250},
        {"space", 250},
        {"nobreakspace", 250},
        {"hfill", 1000},
        {"hfil", 1000},
    };
    for (size_t i = 0; i < COUNT(spaces); i++)
        if (same(name, len, spaces[i].name)) {
            *width = spaces[i].width;
            return true;
        }
    return false;
}
