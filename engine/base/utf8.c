/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 decoding by Unicode §3.9 and the few character classes that reading order, joining of words and
 * cleaning of text need. Class tables are ranges of the blocks this product meets, not the full database. */
#include "engine/base/utf8.h"

#define REPLACEMENT 0xFFFDu

uint32_t b_utf8_next(const char *text, size_t len, size_t *pos)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t i = *pos;
    unsigned char c = s[i++];
    *pos = i;
    if (c < 0x80)
        return c;
    uint32_t cp;
    int more;
    unsigned char low = 0x80, high = 0xBF; /* allowed range of the second byte */
    if (c >= 0xC2 && c <= 0xDF) {
        cp = c & 0x1Fu;
        more = 1;
    } else if (c >= 0xE0 && c <= 0xEF) {
        cp = c & 0x0Fu;
        more = 2;
        if (c == 0xE0)
            low = 0xA0;
        else if (c == 0xED)
            high = 0x9F;
    } else if (c >= 0xF0 && c <= 0xF4) {
        cp = c & 0x07u;
        more = 3;
        if (c == 0xF0)
            low = 0x90;
        else if (c == 0xF4)
            high = 0x8F;
    } else {
        return REPLACEMENT;
    }
    for (; more > 0; more--) {
        if (i >= len || s[i] < low || s[i] > high)
            return REPLACEMENT; /* *pos stands behind the well-formed prefix: the maximal subpart */
        cp = (cp << 6) | (s[i++] & 0x3Fu);
        low = 0x80;
        high = 0xBF;
        *pos = i;
    }
    return cp;
}

size_t b_utf8_put(uint32_t cp, char out[4])
{
    if (cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF))
        cp = REPLACEMENT;
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xC0 | (cp >> 6));
        out[1] = (char)(0x80 | (cp & 0x3F));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xE0 | (cp >> 12));
        out[1] = (char)(0x80 | ((cp >> 6) & 0x3F));
        out[2] = (char)(0x80 | (cp & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | (cp >> 18));
    out[1] = (char)(0x80 | ((cp >> 12) & 0x3F));
    out[2] = (char)(0x80 | ((cp >> 6) & 0x3F));
    out[3] = (char)(0x80 | (cp & 0x3F));
    return 4;
}

uint32_t b_utf8_last(const char *text, size_t len)
{
    size_t at = len;
    while (at > 0 && ((unsigned char)text[at - 1] & 0xC0) == 0x80)
        at--;
    if (at == 0)
        return 0;
    at--;
    return b_utf8_next(text, len, &at);
}

bool b_utf8_valid(const char *text, size_t len)
{
    for (size_t pos = 0; pos < len;) {
        size_t at = pos;
        if (b_utf8_next(text, len, &pos) == REPLACEMENT &&
            !(pos - at == 3 && (unsigned char)text[at] == 0xEF && (unsigned char)text[at + 1] == 0xBF &&
              (unsigned char)text[at + 2] == 0xBD))
            return false;
    }
    return true;
}

size_t b_utf8_count(const char *text, size_t len)
{
    size_t n = 0;
    for (size_t pos = 0; pos < len; n++)
        (void)b_utf8_next(text, len, &pos);
    return n;
}

struct range {
    uint32_t first, last;
};

static bool in_ranges(const struct range *ranges, size_t n, uint32_t cp)
{
    for (size_t i = 0; i < n; i++)
        if (cp >= ranges[i].first && cp <= ranges[i].last)
            return true;
    return false;
}
#define IN(ranges, cp) in_ranges(ranges, sizeof(ranges) / sizeof((ranges)[0]), cp)

bool b_cp_is_space(uint32_t cp)
{
    return (cp >= 0x09 && cp <= 0x0D) || cp == 0x20 || cp == 0x85 || cp == 0xA0 || cp == 0x1680 ||
           (cp >= 0x2000 && cp <= 0x200A) || cp == 0x2028 || cp == 0x2029 || cp == 0x202F || cp == 0x205F ||
           cp == 0x3000;
}

bool b_cp_is_cjk(uint32_t cp)
{
    static const struct range cjk[] = {
        {0x1100, 0x11FF}, {0x2E80, 0x303E}, {0x3041, 0x33FF},   {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xA960, 0xA97F},
        {0xAC00, 0xD7FF}, {0xF900, 0xFAFF}, {0xFE30, 0xFE4F},   {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},   {0x16FE0, 0x18CFF},
        {0x1B000, 0x1B2FF}, {0x1F200, 0x1F2FF}, {0x20000, 0x323AF},
    };
    return cp >= 0x1100 && IN(cjk, cp);
}

bool b_cp_is_rtl(uint32_t cp)
{
    static const struct range rtl[] = {{0x0590, 0x08FF}, {0xFB1D, 0xFDFF}, {0xFE70, 0xFEFC}, {0x10800, 0x10FFF}, {0x1E800, 0x1EFFF}};
    return cp >= 0x0590 && IN(rtl, cp);
}

bool b_cp_is_small(uint32_t cp)
{
    return (cp >= 'a' && cp <= 'z') || (cp >= 0xDF && cp <= 0xFF && cp != 0xF7) ||
           (cp >= 0x100 && cp < 0x180 && (cp & 1)) || (cp >= 0x3AC && cp <= 0x3CE) || (cp >= 0x430 && cp <= 0x45F);
}

bool b_cp_is_letter(uint32_t cp)
{
    static const struct range letters[] = {
        {'A', 'Z'},       {'a', 'z'},       {0xAA, 0xAA},     {0xB5, 0xB5},     {0xBA, 0xBA},     {0xC0, 0xD6},     {0xD8, 0xF6},
        {0xF8, 0x2C1},    {0x370, 0x373},   {0x376, 0x37D},   {0x37F, 0x37F},   {0x386, 0x386},   {0x388, 0x481},   {0x48A, 0x556},
        {0x561, 0x587},   {0x5D0, 0x5EA},   {0x620, 0x64A},   {0x66E, 0x6D3},   {0x6FA, 0x6FF},   {0x700, 0x82D},   {0x8A0, 0x963},
        {0x971, 0x9E3},   {0xA05, 0xAE3},   {0xB05, 0xBE3},   {0xC05, 0xCE3},   {0xD05, 0xDDF},   {0xE01, 0xE4E},   {0xE81, 0xEDF},
        {0xF40, 0xFBC},   {0x1000, 0x103F}, {0x10A0, 0x10FF}, {0x1100, 0x135A}, {0x13A0, 0x166C}, {0x1780, 0x17B3}, {0x1820, 0x18F5},
        {0x1E00, 0x1FFC}, {0x2C00, 0x2DDE}, {0x3005, 0x3007}, {0x3041, 0x3096}, {0x309D, 0x30FF}, {0x3105, 0x31BF}, {0x31F0, 0x31FF},
        {0x3400, 0x4DBF}, {0x4E00, 0x9FFF}, {0xA000, 0xA48C}, {0xA640, 0xA7FF}, {0xAC00, 0xD7FB}, {0xF900, 0xFAD9}, {0xFB00, 0xFB4F},
        {0xFB50, 0xFDFB}, {0xFE70, 0xFEFC}, {0xFF21, 0xFF3A}, {0xFF41, 0xFF5A}, {0xFF66, 0xFFDC}, {0x1D400, 0x1D7CB}, {0x20000, 0x323AF},
    };
    return IN(letters, cp);
}

bool b_cp_is_digit(uint32_t cp)
{
    return (cp >= '0' && cp <= '9') || (cp >= 0xFF10 && cp <= 0xFF19);
}

bool b_cp_is_control(uint32_t cp)
{
    if (cp == '\t' || cp == '\n' || cp == '\r')
        return false;
    return cp < 0x20 || (cp >= 0x7F && cp <= 0x9F) || (cp >= 0xD800 && cp <= 0xDFFF) || (cp >= 0xFDD0 && cp <= 0xFDEF) ||
           (cp & 0xFFFEu) == 0xFFFEu || cp > 0x10FFFF;
}
