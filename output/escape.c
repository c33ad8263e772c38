/* SPDX-License-Identifier: Apache-2.0 */
/* Escaping and number formatting for all writers. Invariant: what is appended is well-formed UTF-8 without
 * control characters other than tab and newline, whatever came in. */
#include "output/escape.h"

#include <math.h>
#include <string.h>

#include "engine/base/utf8.h"

#define REPLACEMENT 0xFFFDu

uint32_t out_next(const char *text, size_t len, size_t *pos)
{
    uint32_t cp = b_utf8_next(text, len, pos);
    if (cp == '\r') {
        if (*pos < len && text[*pos] == '\n')
            (*pos)++;
        return '\n';
    }
    return b_cp_is_control(cp) ? REPLACEMENT : cp;
}

void out_put(struct b_buf *buf, uint32_t cp)
{
    char bytes[4];
    b_buf_append(buf, bytes, b_utf8_put(cp, bytes));
}

static const char *xml_reference(uint32_t cp, int attribute)
{
    switch (cp) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return attribute ? "&quot;" : NULL;
    case '\'':
        return attribute ? "&#39;" : NULL;
    case '\n':
        return attribute ? "&#10;" : NULL;
    case '\t':
        return attribute ? "&#9;" : NULL;
    default:
        return NULL;
    }
}

static void xml(struct b_buf *buf, const char *text, size_t len, int attribute)
{
    size_t done = 0; /* text[done..at) is plain and is appended in one piece */
    for (size_t pos = 0; pos < len;) {
        const size_t at = pos;
        const unsigned char c = (unsigned char)text[pos];
        if (c >= 0x20 && c < 0x7F && !strchr("&<>\"'", c)) {
            pos++;
            continue;
        }
        b_buf_append(buf, text + done, at - done);
        const uint32_t cp = out_next(text, len, &pos);
        const char *reference = xml_reference(cp, attribute);
        if (reference)
            b_buf_puts(buf, reference);
        else
            out_put(buf, cp);
        done = pos;
    }
    b_buf_append(buf, text + done, len - done);
}

void out_xml_textn(struct b_buf *buf, const char *text, size_t len)
{
    xml(buf, text, len, 0);
}

void out_xml_text(struct b_buf *buf, const char *text)
{
    if (text)
        xml(buf, text, strlen(text), 0);
}

void out_xml_attr(struct b_buf *buf, const char *text)
{
    if (text)
        xml(buf, text, strlen(text), 1);
}

void out_xml_attrn(struct b_buf *buf, const char *text, size_t len)
{
    xml(buf, text, len, 1);
}

void out_json_string(struct b_buf *buf, const char *text)
{
    out_json_stringn(buf, text, text ? strlen(text) : 0);
}

void out_json_stringn(struct b_buf *buf, const char *text, size_t len)
{
    size_t done = 0;
    b_buf_putc(buf, '"');
    for (size_t pos = 0; pos < len;) {
        const size_t at = pos;
        const unsigned char c = (unsigned char)text[pos];
        if (c >= 0x20 && c < 0x7F && c != '"' && c != '\\' && !(c == '/' && at > 0 && text[at - 1] == '<')) {
            pos++;
            continue;
        }
        b_buf_append(buf, text + done, at - done);
        const uint32_t cp = out_next(text, len, &pos);
        done = pos;
        if (cp == '"' || cp == '\\' || cp == '/') {
            b_buf_putc(buf, '\\');
            b_buf_putc(buf, (char)cp);
        } else if (cp == '\n') {
            b_buf_puts(buf, "\\n");
        } else if (cp == '\t') {
            b_buf_puts(buf, "\\t");
        } else if (cp == 0x2028 || cp == 0x2029) {
            b_buf_puts(buf, cp == 0x2028 ? "\\u2028" : "\\u2029");
        } else {
            out_put(buf, cp);
        }
    }
    if (len > done)
        b_buf_append(buf, text + done, len - done);
    b_buf_putc(buf, '"');
}

void out_plainn(struct b_buf *buf, const char *text, size_t len)
{
    for (size_t pos = 0; pos < len;)
        out_put(buf, out_next(text, len, &pos));
}

void out_plain(struct b_buf *buf, const char *text)
{
    if (text)
        out_plainn(buf, text, strlen(text));
}

void out_fixed(struct b_buf *buf, double value, int decimals)
{
    static const double powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000};
    const int n = decimals < 0 ? 0 : decimals > 6 ? 6 : decimals;
    if (!(value >= -1e12)) /* NaN as well */
        value = value < 0 ? -1e12 : 0;
    if (value > 1e12)
        value = 1e12;
    const double scaled = floor(fabs(value) * powers[n] + 0.5);
    uint64_t whole = (uint64_t)scaled;
    char digits[32];
    size_t at = sizeof digits;
    int left = n;
    bool any = false; /* a decimal that is not a trailing zero was written */
    const bool negative = value < 0 && whole > 0;
    while (left > 0 || whole > 0 || at == sizeof digits || digits[at] == '.') {
        const char d = (char)('0' + whole % 10);
        whole /= 10;
        if (left == 0 || any || d != '0') {
            digits[--at] = d;
            any = true;
        }
        if (left > 0 && --left == 0 && any)
            digits[--at] = '.';
    }
    if (negative)
        digits[--at] = '-';
    b_buf_append(buf, digits + at, sizeof digits - at);
}

void out_base64(struct b_buf *buf, const void *data, size_t size)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = data;
    for (size_t i = 0; i < size; i += 3) {
        const size_t n = size - i < 3 ? size - i : 3;
        const uint32_t v =
            (uint32_t)p[i] << 16 | (n > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (n > 2 ? (uint32_t)p[i + 2] : 0);
        const char out[4] = {alphabet[v >> 18], alphabet[v >> 12 & 63], n > 1 ? alphabet[v >> 6 & 63] : '=',
                             n > 2 ? alphabet[v & 63] : '='};
        b_buf_append(buf, out, 4);
    }
}
