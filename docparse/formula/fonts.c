/* SPDX-License-Identifier: Apache-2.0 */
/* What a character code means in its font. The fonts of TeX often come without a character map: Poppler then hands
 * out the code itself, which the encodings of The TeXbook, appendix F (OML, OMS, OMX), and of the AMS fonts
 * explain. Everything else is Unicode, whose mathematical letters are taken back to plain ones here. */
#include <string.h>

#include "docparse/formula/formula_private.h"
#include "engine/base/utf8.h"

enum family {
    TEXT_FONT,
    LETTERS /* OML */,
    SYMBOLS /* OMS */,
    EXTENSION /* OMX */,
    AMS_A,
    AMS_B,
    FRAKTUR,
    SCRIPT,
    CALLIGRAPHIC,
    BLACKBOARD,
    UNICODE_MATH,
    EULER
};

struct font_name {
    const char *part;
    uint8_t family;
};

/* Beginnings of names in small letters. The order matters: the first that fits wins. */
static const struct font_name names[] = {
    {"cmmi", LETTERS},
    {"cmmib", LETTERS},
    {"lmmathitalic", LETTERS},
    {"rtxmi", LETTERS},
    {"txmi", LETTERS},
    {"txbmi", LETTERS},
    {"newtxmi", LETTERS},
    {"ntxmi", LETTERS},
    {"newtxbmi", LETTERS},
    {"nxlmi", LETTERS},
    {"pazomath-", LETTERS},
    {"pazomath", SYMBOLS},
    {"mtmi", LETTERS},
    {"pxmi", LETTERS},
    {"rpxmi", LETTERS},
    {"zplmr7m", LETTERS},
    {"newpxmi", LETTERS},
    {"katex_math", LETTERS},
    {"mathjax_math", LETTERS},
    {"fourier-math-letters", LETTERS},
    {"mathtimeprofessional-it", LETTERS},
    {"stix-mathit", LETTERS},
    {"stixmath-italic", LETTERS},
    {"arevmath-it", LETTERS},
    {"eurm", EULER},
    {"cmsy", SYMBOLS},
    {"cmbsy", SYMBOLS},
    {"lmmathsymbols", SYMBOLS},
    {"txsya", AMS_A},
    {"txsyb", AMS_B},
    {"txsy", SYMBOLS},
    {"newtxsy", SYMBOLS},
    {"ntxsy", SYMBOLS},
    {"pxsy", SYMBOLS},
    {"mtsy", SYMBOLS},
    {"fourier-math-symbols", SYMBOLS},
    {"symbol", SYMBOLS},
    {"standardsym", SYMBOLS},
    {"katex_ams", AMS_B},
    {"katex_cal", CALLIGRAPHIC},
    {"katex_frak", FRAKTUR},
    {"katex_script", SCRIPT},
    {"cmex", EXTENSION},
    {"lmmathextension", EXTENSION},
    {"txex", EXTENSION},
    {"ntxexx", EXTENSION},
    {"newtxex", EXTENSION},
    {"pxex", EXTENSION},
    {"mtex", EXTENSION},
    {"katex_size", EXTENSION},
    {"mathjax_size", EXTENSION},
    {"fourier-math-extension", EXTENSION},
    {"msam", AMS_A},
    {"msbm", AMS_B},
    {"mathjax_ams", AMS_B},
    {"eufm", FRAKTUR},
    {"eufb", FRAKTUR},
    {"rsfs", SCRIPT},
    {"eusm", SCRIPT},
    {"bbm", BLACKBOARD},
    {"dsrom", BLACKBOARD},
    {"dsss", BLACKBOARD},
};

static bool starts(const char *s, const char *with)
{
    for (; *with; s++, with++) {
        const char c = *s >= 'A' && *s <= 'Z' ? (char)(*s - 'A' + 'a') : *s;
        if (c != *with)
            return false;
    }
    return true;
}

static bool holds(const char *s, const char *part)
{
    for (; *s; s++)
        if (starts(s, part))
            return true;
    return false;
}

static enum family family_of(const char *font)
{
    if (!font)
        return TEXT_FONT;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (starts(font, names[i].part))
            return (enum family)names[i].family;
    const char *const whole[] = {"math", "neoeuler"};
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++)
        if (holds(font, whole[i]))
            return UNICODE_MATH;
    return TEXT_FONT;
}

bool dp_font_is_mathematical(const char *font)
{
    return family_of(font) != TEXT_FONT;
}

static enum fm_alphabet alphabet_of(const char *font, enum family family)
{
    const bool bold =
        font && (holds(font, "bold") || holds(font, "cmbx") || holds(font, "cmmib") || holds(font, "-bd") ||
                 holds(font, "heavy") || holds(font, "txbmi") || holds(font, "medi"));
    const bool italic =
        font && (holds(font, "italic") || holds(font, "oblique") || holds(font, "cmti") || holds(font, "-it") ||
                 holds(font, "ital") || holds(font, "slant") || holds(font, "cmsl"));
    switch (family) {
    case LETTERS:
        return bold ? FM_BOLD_ITALIC : FM_ITALIC;
    case EULER:
        return FM_ITALIC;
    case SYMBOLS:
    case CALLIGRAPHIC:
        return FM_CAL;
    case SCRIPT:
        return FM_SCR;
    case FRAKTUR:
        return FM_FRAK;
    case AMS_B:
    case BLACKBOARD:
        return FM_BB;
    default:
        break;
    }
    if (font && (starts(font, "cmtt") || holds(font, "mono") || holds(font, "courier") || holds(font, "typewriter")))
        return FM_MONO;
    if (font && (starts(font, "cmss") || holds(font, "sans")))
        return FM_SANS;
    return bold ? (italic ? FM_BOLD_ITALIC : FM_BOLD) : italic ? FM_ITALIC : FM_ROMAN;
}

/* OMX: brackets in sizes, operators, pieces. Private: 1 wide hat, 2 wide tilde, 3 overbrace piece, 4 underbrace piece.
 */
enum { WIDE_HAT = 0x302, WIDE_TILDE = 0x303 };

static uint32_t extension(uint32_t code)
{
    static const uint16_t table[128] = {
        '(',      ')',      '[',        ']',        0x230A,     0x230B, 0x2308, 0x2309, '{',    '}',    0x27E8,
        0x27E9,   '|',      0x2016,     '/',        '\\',       '(',    ')',    '(',    ')',    '[',    ']',
        0x230A,   0x230B,   0x2308,     0x2309,     '{',        '}',    0x27E8, 0x27E9, '/',    '\\',   '(',
        ')',      '[',      ']',        0x230A,     0x230B,     0x2308, 0x2309, '{',    '}',    0x27E8, 0x27E9,
        '/',      '\\',     '/',        '\\',       0x239B,     0x239E, 0x23A1, 0x23A4, 0x23A3, 0x23A6, 0x23A2,
        0x23A5,   0x23A7,   0x23AB,     0x23A9,     0x23AD,     0x23A8, 0x23AC, 0x23AA, '|',    0x239D, 0x23A0,
        0x239C,   0x239F,   0x27E8,     0x27E9,     0x2A06,     0x2A06, 0x222E, 0x222E, 0x2A00, 0x2A00, 0x2A01,
        0x2A01,   0x2A02,   0x2A02,     0x2211,     0x220F,     0x222B, 0x22C3, 0x22C2, 0x2A04, 0x22C0, 0x22C1,
        0x2211,   0x220F,   0x222B,     0x22C3,     0x22C2,     0x2A04, 0x22C0, 0x22C1, 0x2210, 0x2210, WIDE_HAT,
        WIDE_HAT, WIDE_HAT, WIDE_TILDE, WIDE_TILDE, WIDE_TILDE, '[',    ']',    0x230A, 0x230B, 0x2308, 0x2309,
        '{',      '}',      0x221A,     0x221A,     0x221A,     0x221A, 0x23B7, 0x23B7, 0x23B7, 0x2016, 0x2191,
        0x2193,   0x23DE,   0x23DE,     0x23DF,     0x23DF,     0x21D1, 0x21D3};
    return table[code];
}

/* The same of the TX and newtx fonts, beyond the codes that OMX has. */
static uint32_t extension_beyond(uint32_t code)
{
    static const struct {
        uint8_t code;
        uint16_t cp;
    } table[] = {{0xC3, 0x2A06}, {0xC4, 0x2A06}, {0xC7, 0x2A00}, {0xC8, 0x2A00}, {0xC9, 0x2A01}, {0xCA, 0x2A01},
                 {0xCB, 0x2A02}, {0xCC, 0x2A02}, {0xD0, 0x22C3}, {0xD1, 0x22C2}, {0xD2, 0x2A04}, {0xD3, 0x22C0},
                 {0xD4, 0x22C1}, {0xD8, 0x22C3}, {0xD9, 0x22C2}, {0xDA, 0x2A04}, {0xDB, 0x22C0}, {0xDC, 0x22C1},
                 {0xDD, 0x2210}, {0xDE, 0x2210}, {0xCD, 0x2211}, {0xCE, 0x220F}, {0xD5, 0x2211}, {0xD6, 0x220F}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].code == code)
            return table[i].cp;
    return code;
}

/* OMS where the characters that the codes would be are not what is meant. */
static const struct {
    uint8_t code;
    uint16_t cp;
} oms[] = {{0x00, 0x2212},
           {0x01, 0x22C5},
           {0x02, 0xD7},
           {0x03, 0x2217},
           {0x04, 0xF7},
           {0x05, 0x22C4},
           {0x06, 0xB1},
           {0x07, 0x2213},
           {0x08, 0x2295},
           {0x09, 0x2296},
           {0x0A, 0x2297},
           {0x0B, 0x2298},
           {0x0C, 0x2299},
           {0x0D, 0x25CB},
           {0x0E, 0x2218},
           {0x0F, 0x2219},
           {0x10, 0x224D},
           {0x11, 0x2261},
           {0x12, 0x2286},
           {0x13, 0x2287},
           {0x14, 0x2264},
           {0x15, 0x2265},
           {0x16, 0x2AAF},
           {0x17, 0x2AB0},
           {0x18, 0x223C},
           {0x19, 0x2248},
           {0x1A, 0x2282},
           {0x1B, 0x2283},
           {0x1C, 0x226A},
           {0x1D, 0x226B},
           {0x1E, 0x227A},
           {0x1F, 0x227B},
           {0x20, 0x2190},
           {0x21, 0x2192},
           {0x22, 0x2191},
           {0x23, 0x2193},
           {0x24, 0x2194},
           {0x25, 0x2197},
           {0x26, 0x2198},
           {0x27, 0x2243},
           {0x28, 0x21D0},
           {0x29, 0x21D2},
           {0x2A, 0x21D1},
           {0x2B, 0x21D3},
           {0x2C, 0x21D4},
           {0x2D, 0x2196},
           {0x2E, 0x2199},
           {0x2F, 0x221D},
           {0x30, 0x2032},
           {0x31, 0x221E},
           {0x32, 0x2208},
           {0x33, 0x220B},
           {0x34, 0x25B3},
           {0x36, 0x338},
           {0x37, 0x21A6},
           {0x38, 0x2200},
           {0x39, 0x2203},
           {0x3A, 0xAC},
           {0x3B, 0x2205},
           {0x3C, 0x211C},
           {0x3D, 0x2111},
           {0x3E, 0x22A4},
           {0x3F, 0x22A5},
           {0x40, 0x2135},
           {0x5B, 0x222A},
           {0x5D, 0x228E},
           {0x5E, 0x2227},
           {0x5F, 0x2228},
           {0x60, 0x22A2},
           {0x61, 0x22A3},
           {0x62, 0x230A},
           {0x63, 0x230B},
           {0x64, 0x2308},
           {0x65, 0x2309},
           {0x66, '{'},
           {0x67, '}'},
           {0x68, 0x27E8},
           {0x69, 0x27E9},
           {0x6A, '|'},
           {0x6B, 0x2016},
           {0x6C, 0x2195},
           {0x6E, 0x2216},
           {0x6F, 0x2240},
           {0x70, 0x221A},
           {0x71, 0x2210},
           {0x72, 0x2207},
           {0x73, 0x222B},
           {0x74, 0x2294},
           {0x75, 0x2293},
           {0x76, 0x2291},
           {0x77, 0x2292},
           {0x78, 0xA7},
           {0x79, 0x2020},
           {0x7A, 0x2021},
           /* accents of the TX and newtx fonts */
           {0x9E, 0x2CB},
           {0x9F, 0xB4},
           {0xA0, 0x2C6},
           {0xA1, 0x2DC},
           {0xA2, 0xAF},
           {0xA3, 0x2D8},
           {0xA4, 0x2D9},
           {0xA5, 0xA8},
           {0xA6, 0x2DA},
           {0xA7, 0x2C7},
           {0xAE, 0x20D7}};

static uint32_t symbol_code(uint32_t code)
{
    for (size_t i = 0; i < sizeof oms / sizeof oms[0]; i++)
        if (oms[i].code == code)
            return oms[i].cp;
    return code;
}

/* Signs of the AMS fonts without a map. */
static uint32_t ams_code(uint32_t code, bool second)
{
    static const struct {
        bool second;
        uint8_t code;
        uint16_t cp;
    } table[] = {{false, 0x03, 0x25A1}, {false, 0x0A, 0x21CC}, {false, 0x10, 0x21A0}, {false, 0x20, 0x21DD},
                 {false, 0x26, 0x2273}, {false, 0x2E, 0x2272}, {false, 0x36, 0x2A7D}, {false, 0x3E, 0x2A7E},
                 {false, 0x2C, 0x225C}, {false, 0x29, 0x2234}, {false, 0x2A, 0x2235}, {false, 0x34, 0x227C},
                 {false, 0x3C, 0x227D}, {false, 0x3F, 0x22A2}, {true, 0x00, 0x2268},  {true, 0x04, 0x226E},
                 {true, 0x05, 0x226F},  {true, 0x02, 0x2270},  {true, 0x03, 0x2271},  {true, 0x28, 0x228A},
                 {true, 0x29, 0x228B},  {true, 0x2A, 0x2288},  {true, 0x3F, 0x2205},  {true, 0x7E, 0x210F},
                 {true, 0x7D, 0x210F},  {true, 0x40, 0x2204},  {true, 0x2C, 0x2224},  {true, 0x6E, 0x22C9},
                 {true, 0x6F, 0x22CA}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].second == second && table[i].code == code)
            return table[i].cp;
    return code;
}

/* Letters of Unicode's mathematical alphabets; the ones that were encoded before stand elsewhere. */
static bool plain_letter(uint32_t cp, uint32_t *plain, enum fm_alphabet *alphabet)
{
    static const struct {
        uint32_t cp;
        char letter;
        uint8_t alphabet;
    } early[] = {{0x210E, 'h', FM_ITALIC}, {0x212C, 'B', FM_SCR},  {0x2130, 'E', FM_SCR},  {0x2131, 'F', FM_SCR},
                 {0x210B, 'H', FM_SCR},    {0x2110, 'I', FM_SCR},  {0x2112, 'L', FM_SCR},  {0x2133, 'M', FM_SCR},
                 {0x211B, 'R', FM_SCR},    {0x212F, 'e', FM_SCR},  {0x210A, 'g', FM_SCR},  {0x2134, 'o', FM_SCR},
                 {0x212D, 'C', FM_FRAK},   {0x210C, 'H', FM_FRAK}, {0x2128, 'Z', FM_FRAK}, {0x2102, 'C', FM_BB},
                 {0x210D, 'H', FM_BB},     {0x2115, 'N', FM_BB},   {0x2119, 'P', FM_BB},   {0x211A, 'Q', FM_BB},
                 {0x211D, 'R', FM_BB},     {0x2124, 'Z', FM_BB}};
    static const uint8_t order[] = {FM_BOLD, FM_ITALIC, FM_BOLD_ITALIC, FM_SCR,  FM_SCR,  FM_FRAK, FM_BB,
                                    FM_FRAK, FM_SANS,   FM_SANS,        FM_SANS, FM_SANS, FM_MONO};
    static const uint32_t greek_rest[] = {0x2202, 0x3F5, 0x3D1, 0x3F0, 0x3D5, 0x3F1, 0x3D6};
    static const uint8_t greek[] = {FM_BOLD, FM_ITALIC, FM_BOLD_ITALIC, FM_BOLD, FM_BOLD_ITALIC};
    static const uint8_t digits[] = {FM_BOLD, FM_BB, FM_SANS, FM_SANS, FM_MONO};
    for (size_t i = 0; i < sizeof early / sizeof early[0]; i++)
        if (early[i].cp == cp) {
            *plain = (uint32_t)early[i].letter;
            *alphabet = (enum fm_alphabet)early[i].alphabet;
            return true;
        }
    if (cp >= 0x1D400 && cp < 0x1D400 + 13 * 52) {
        const uint32_t k = cp - 0x1D400;
        *alphabet = (enum fm_alphabet)order[k / 52];
        *plain = k % 52 < 26 ? 'A' + k % 52 : 'a' + k % 52 - 26;
    } else if (cp == 0x1D6A4 || cp == 0x1D6A5) {
        *plain = cp == 0x1D6A4 ? 0x131 : 0x237;
        *alphabet = FM_ITALIC;
    } else if (cp >= 0x1D6A8 && cp < 0x1D6A8 + 5 * 58) {
        const uint32_t k = (cp - 0x1D6A8) % 58;
        *alphabet = (enum fm_alphabet)greek[(cp - 0x1D6A8) / 58];
        *plain = k < 25    ? (k == 17 ? 0x3F4 : 0x391 + k)
                 : k == 25 ? 0x2207
                 : k < 51  ? 0x3B1 + k - 26
                           : greek_rest[k - 51];
    } else if (cp >= 0x1D7CE && cp < 0x1D7CE + 50) {
        *alphabet = (enum fm_alphabet)digits[(cp - 0x1D7CE) / 10];
        *plain = '0' + (cp - 0x1D7CE) % 10;
    } else {
        return false;
    }
    return true;
}

/* Pieces of brackets in Adobe's private area. */
static uint32_t from_private(uint32_t cp)
{
    static const uint16_t pieces[] = {0x239B, 0x239C, 0x239D, 0x23A1, 0x23A2, 0x23A3, 0x23A7, 0x23A8, 0x23A9, 0x23AA,
                                      0x23AE, 0x239E, 0x239F, 0x23A0, 0x23A4, 0x23A5, 0x23A6, 0x23AB, 0x23AC, 0x23AD};
    return cp >= 0xF8EB && cp <= 0xF8FE ? pieces[cp - 0xF8EB] : cp;
}

static uint32_t decode(uint32_t cp, enum family family)
{
    if (family == EXTENSION)
        return cp < 0x80 ? extension(cp) : cp < 0x100 ? extension_beyond(cp) : from_private(cp);
    if (family == SYMBOLS &&
        (cp < 0x20 || (cp >= '0' && cp <= '@') || cp == '[' || (cp >= ']' && cp <= 'z') || (cp >= 0x9E && cp <= 0xAE)))
        return symbol_code(cp);
    if (family == AMS_A || family == AMS_B)
        return (cp >= 'A' && cp <= 'Z') || cp == 'k' ? cp : ams_code(cp, family == AMS_B);
    return from_private(cp);
}

static bool latin(uint32_t cp)
{
    return (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z');
}

/* The symbol fonts of TX and its like hold brackets, which OMS has not: there they are no codes. */
static bool is_own_bracket(uint32_t cp, const char *font)
{
    return (cp == '[' || cp == ']') && font && (starts(font, "tx") || starts(font, "ntx") || starts(font, "newtx") || starts(font, "px"));
}

struct fm_sign fm_sign_of(uint32_t cp, const char *font)
{
    /* Only brackets and pieces of the extension font have codes so low and nothing to tell the font by. */
    const enum family family = !font && cp < 0x20 ? EXTENSION : family_of(font);
    struct fm_sign s = {.cp = is_own_bracket(cp, font) ? cp : decode(cp, family), .cls = FM_ORD, .known = true};
    s.text_font = family == TEXT_FONT;
    if (cp == DP_GLYPH_BAR) {
        s.cls = FM_BAR;
        return s;
    }
    if (plain_letter(s.cp, &s.cp, &s.alphabet)) {
        if (!latin(s.cp) && s.alphabet == FM_ITALIC)
            s.alphabet = FM_PLAIN;
        (void)(latin(s.cp) || fm_symbol(s.cp, &s.latex, &s.cls));
        return s;
    }
    const bool letter = latin(s.cp) || (s.cp >= 0xC0 && s.cp < 0x250 && b_cp_is_letter(s.cp));
    s.alphabet = alphabet_of(font, family);
    if (letter && s.cp != 0x131 && s.cp != 0x237)
        return s;
    if (fm_symbol(s.cp, &s.latex, &s.cls)) {
        if (s.cls != FM_ORD || (s.alphabet != FM_BOLD && s.alphabet != FM_BOLD_ITALIC))
            s.alphabet = FM_PLAIN;
        return s;
    }
    if (s.cp >= '0' && s.cp <= '9') {
        if (s.alphabet != FM_BOLD && s.alphabet != FM_BB)
            s.alphabet = s.text_font ? FM_ROMAN : FM_PLAIN;
        return s;
    }
    if (b_cp_is_space(s.cp) || s.cp == 0x200B || s.cp == 0xFEFF) {
        s.cls = FM_SPACE;
        return s;
    }
    if (b_cp_is_control(s.cp))
        s.cp = 0xFFFD; /* a code that nobody can name: it keeps its place, and texts hold no control characters */
    s.known = (b_cp_is_letter(s.cp) || s.cp > 0x2E80) && !(s.cp >= 0xE000 && s.cp < 0xF900) && s.cp < 0xFFF0;
    s.alphabet = FM_ROMAN;
    return s;
}

bool dp_glyph_ties(const struct dp_glyph *glyph, const char *font)
{
    const struct fm_sign s = fm_sign_of(glyph->cp, font);
    return s.cls == FM_OP || s.cls == FM_BIN || s.cls == FM_REL || s.cls == FM_ARROW || s.cls == FM_RADICAL ||
           s.cls == FM_PIECE;
}

enum dp_glyph_kind dp_glyph_kind(const struct dp_glyph *glyph, const char *font)
{
    const struct fm_sign s = fm_sign_of(glyph->cp, font);
    if (s.cls == FM_BAR || s.cls == FM_SPACE)
        return DP_GLYPH_NEUTRAL;
    if (s.text_font) {
        if (b_cp_is_letter(s.cp) && !(s.cp >= 0x391 && s.cp <= 0x3F5))
            return s.alphabet == FM_ITALIC || s.alphabet == FM_BOLD_ITALIC ? DP_GLYPH_ITALIC : DP_GLYPH_PROSE;
        if (s.cp == '=' || s.cp == '+' || s.cp == '<' || s.cp == '>' || s.cp == 0xD7 || s.cp == 0xB1 || s.cp == 0x2212)
            return DP_GLYPH_EQUALS;
        if ((s.cp >= 0x391 && s.cp <= 0x3F5) || (s.cp >= 0x2190 && s.cp < 0x2300) || (s.cp >= 0x27C0 && s.cp < 0x2B00))
            return DP_GLYPH_SIGN;
        return s.latex || (s.cp >= '0' && s.cp <= '9') ? DP_GLYPH_NEUTRAL : DP_GLYPH_PROSE;
    }
    if (latin(s.cp))
        return DP_GLYPH_LETTER;
    if (s.cls == FM_PUNCT || (s.cls == FM_ORD && !s.latex) || s.cls == FM_SPACE)
        return DP_GLYPH_NEUTRAL;
    return family_of(font) != EXTENSION && (s.cls == FM_OPEN || s.cls == FM_CLOSE) ? DP_GLYPH_NEUTRAL : DP_GLYPH_SIGN;
}
