/* SPDX-License-Identifier: Apache-2.0 */
/* PDF files written object by object for tests. */
#include "tests/support/pdf_maker.h"

#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t padding[32] = {0x28, 0xBF, 0x4E, 0x5E, 0x4E, 0x75, 0x8A, 0x41, 0x64, 0x00, 0x4E,
                                    0x56, 0xFF, 0xFA, 0x01, 0x08, 0x2E, 0x2E, 0x00, 0xB6, 0xD0, 0x68,
                                    0x3E, 0x80, 0x2F, 0x0C, 0xA9, 0xFE, 0x64, 0x53, 0x69, 0x7A};

static void print(struct t_bytes *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void print(struct t_bytes *out, const char *fmt, ...)
{
    char text[4096];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof text)
        abort();
    t_append(out, text, (size_t)n);
}

void t_pdf_begin(struct t_pdf *pdf, const char *version)
{
    *pdf = (struct t_pdf){0};
    print(&pdf->bytes, "%%PDF-%s\n", version);
}

static void rc4(const uint8_t *key, size_t key_bytes, uint8_t *data, size_t size)
{
    uint8_t s[256], swap;
    unsigned i = 0, j = 0;
    for (int k = 0; k < 256; k++)
        s[k] = (uint8_t)k;
    for (int k = 0; k < 256; k++) {
        j = (j + s[k] + key[(size_t)k % key_bytes]) & 255;
        swap = s[k];
        s[k] = s[j];
        s[j] = swap;
    }
    j = 0;
    for (size_t k = 0; k < size; k++) {
        i = (i + 1) & 255;
        j = (j + s[i]) & 255;
        swap = s[i];
        s[i] = s[j];
        s[j] = swap;
        data[k] ^= s[(s[i] + s[j]) & 255];
    }
}

static void md5(const void *data, size_t size, uint8_t out[16])
{
    unsigned n = 16;
    if (EVP_Digest(data, size, out, &n, EVP_md5(), NULL) != 1)
        abort();
}

static void pad(const char *password, uint8_t out[32])
{
    size_t n = strlen(password);
    n = n < 32 ? n : 32;
    memcpy(out, password, n);
    memcpy(out + n, padding, 32 - n);
}

/* ISO 32000-1, 7.6.3: revision 2, owner password as the user's, all permissions, file id of 16 zeros. */
void t_pdf_encrypt(struct t_pdf *pdf, const char *password)
{
    uint8_t owner[32], user[32], hash[16], buffer[32 + 32 + 4 + 16] = {0};
    pad(password, buffer);
    md5(buffer, 32, hash);
    pad(password, owner);
    rc4(hash, 5, owner, 32);
    memcpy(buffer + 32, owner, 32);
    memset(buffer + 64, 0xff, 4);
    buffer[64] = 0xfc; /* P = -4, low byte first */
    md5(buffer, sizeof buffer, hash);
    memcpy(pdf->key, hash, 5);
    memcpy(user, padding, 32);
    rc4(pdf->key, 5, user, 32);
    pdf->offsets[2000] = pdf->bytes.size;
    print(&pdf->bytes, "2000 0 obj\n<< /Filter /Standard /V 1 /R 2 /P -4 /O <");
    for (int i = 0; i < 32; i++)
        print(&pdf->bytes, "%02x", owner[i]);
    print(&pdf->bytes, "> /U <");
    for (int i = 0; i < 32; i++)
        print(&pdf->bytes, "%02x", user[i]);
    print(&pdf->bytes, "> >>\nendobj\n");
    pdf->n_objects = 2000;
    pdf->encrypted = true;
}

static void start_object(struct t_pdf *pdf, int number)
{
    if (number < 1 || number >= 2000)
        abort();
    pdf->offsets[number] = pdf->bytes.size;
    pdf->n_objects = number > pdf->n_objects ? number : pdf->n_objects;
    print(&pdf->bytes, "%d 0 obj\n", number);
}

void t_pdf_object(struct t_pdf *pdf, int number, const char *fmt, ...)
{
    char text[60000];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof text)
        abort();
    start_object(pdf, number);
    t_append(&pdf->bytes, text, (size_t)n);
    print(&pdf->bytes, "\nendobj\n");
}

void t_pdf_stream(struct t_pdf *pdf, int number, const char *extra, const void *data, size_t size)
{
    uint8_t *copy = malloc(size + 1), hash[16];
    if (!copy)
        abort();
    memcpy(copy, data, size);
    if (pdf->encrypted) {
        uint8_t seed[10] = {pdf->key[0],
                            pdf->key[1],
                            pdf->key[2],
                            pdf->key[3],
                            pdf->key[4],
                            (uint8_t)number,
                            (uint8_t)(number >> 8),
                            (uint8_t)(number >> 16),
                            0,
                            0};
        md5(seed, sizeof seed, hash);
        rc4(hash, 10, copy, size);
    }
    start_object(pdf, number);
    print(&pdf->bytes, "<< /Length %zu %s >>\nstream\n", size, extra);
    t_append(&pdf->bytes, copy, size);
    print(&pdf->bytes, "\nendstream\nendobj\n");
    free(copy);
}

void t_pdf_end(struct t_pdf *pdf, const char *extra)
{
    size_t at = pdf->bytes.size;
    print(&pdf->bytes, "xref\n0 %d\n0000000000 65535 f \n", pdf->n_objects + 1);
    for (int i = 1; i <= pdf->n_objects; i++)
        print(&pdf->bytes, "%010zu %05d %c \n", pdf->offsets[i], pdf->offsets[i] ? 0 : 65535,
              pdf->offsets[i] ? 'n' : 'f');
    print(&pdf->bytes, "trailer\n<< /Size %d /Root 1 0 R %s %s >>\nstartxref\n%zu\n%%%%EOF\n", pdf->n_objects + 1,
          pdf->encrypted ? "/Encrypt 2000 0 R /ID [<00000000000000000000000000000000> <00>]" : "", extra, at);
}

void t_pdf_free(struct t_pdf *pdf)
{
    t_bytes_free(&pdf->bytes);
}

void t_pdf_page(struct t_pdf *pdf, const char *page_extra, const char *resources, const char *content)
{
    t_pdf_object(pdf, 2, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>");
    t_pdf_object(pdf, 3, "<< /Type /Page /Parent 2 0 R /Contents 4 0 R %s /Resources << /Font << /F1 5 0 R >> %s >> >>",
                 page_extra, resources);
    t_pdf_stream(pdf, 4, "", content, strlen(content));
    t_pdf_object(pdf, 5, "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>");
}

/* Object 5: a font whose letters and digits are all the same box, drawn by the file itself. */
static void drawn_font(struct t_pdf *pdf)
{
    static const char *const digits[] = {"zero", "one", "two",   "three", "four",
                                         "five", "six", "seven", "eight", "nine"};
    static const char glyph[] = "500 0 50 0 450 500 d1 50 0 400 500 re f";
    struct t_bytes procs = {0}, names = {0}, widths = {0};
    print(&names, "32 /space 48 ");
    print(&procs, "/space 7 0 R ");
    for (int i = 0; i < 10; i++) {
        print(&names, "/%s ", digits[i]);
        print(&procs, "/%s 6 0 R ", digits[i]);
    }
    for (int c = 'A'; c <= 'z'; c++) {
        if (c > 'Z' && c < 'a')
            continue;
        print(&names, "%s/%c ", c == 'A' ? "65 " : c == 'a' ? "97 " : "", c);
        print(&procs, "/%c 6 0 R ", c);
    }
    for (int c = 32; c < 123; c++)
        print(&widths, "500 ");
    t_pdf_object(pdf, 5,
                 "<< /Type /Font /Subtype /Type3 /FontBBox [0 0 500 500] /FontMatrix [.001 0 0 .001 0 0] /FirstChar 32 "
                 "/LastChar 122 /Widths [%.*s] /Encoding << /Differences [%.*s] >> /CharProcs << %.*s >> >>",
                 (int)widths.size, (const char *)widths.data, (int)names.size, (const char *)names.data,
                 (int)procs.size, (const char *)procs.data);
    t_pdf_stream(pdf, 6, "", glyph, sizeof glyph - 1);
    t_pdf_stream(pdf, 7, "", "500 0 d0", 8);
    t_bytes_free(&procs);
    t_bytes_free(&names);
    t_bytes_free(&widths);
}

void t_pdf_pages(struct t_pdf *pdf, int n)
{
    static char kids[60000];
    size_t at = 0;
    t_pdf_object(pdf, 1, "<< /Type /Catalog /Pages 2 0 R >>");
    drawn_font(pdf);
    for (int i = 0; i < n; i++) {
        int used = snprintf(kids + at, sizeof kids - at, "%d 0 R ", 10 + 2 * i);
        if (used < 0 || (size_t)used >= sizeof kids - at)
            abort();
        at += (size_t)used;
    }
    t_pdf_object(pdf, 2, "<< /Type /Pages /Kids [%s] /Count %d >>", kids, n);
    for (int i = 0; i < n; i++) {
        char text[128];
        int len = snprintf(text, sizeof text, "BT /F1 12 Tf 72 700 Td (Page number %d) Tj ET", i + 1);
        t_pdf_object(pdf, 10 + 2 * i,
                     "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R /Resources << /Font << /F1 "
                     "5 0 R >> >> >>",
                     11 + 2 * i);
        t_pdf_stream(pdf, 11 + 2 * i, "", text, (size_t)len);
    }
}

void t_pdf_picture(struct t_pdf *pdf, int width, int height)
{
    char extra[200];
    uint8_t *pixels = t_pattern(width, height, 1, false);
    int n = snprintf(extra, sizeof extra,
                     "/Type /XObject /Subtype /Image /Width %d /Height %d /BitsPerComponent 8 /ColorSpace /DeviceGray",
                     width, height);
    if (n < 0 || (size_t)n >= sizeof extra)
        abort();
    t_pdf_stream(pdf, 6, extra, pixels, (size_t)width * (size_t)height);
    free(pixels);
}
