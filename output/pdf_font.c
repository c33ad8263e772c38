/* SPDX-License-Identifier: Apache-2.0 */
/* The font of invisible text. Its one glyph is empty; what counts are the widths and the way back from codes to
 * characters. Codes are two bytes and are given out as characters appear. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/utf8.h"
#include "output/pdf_private.h"

#define CODE_POINTS 0x110000u
#define CODES_MAX 0xFFFFu
#define PER_BLOCK 100u /* entries of one bfchar block, as the specification allows */

/* Tables cmap, glyf, head, hhea, hmtx, loca, maxp: 1000 units an em, advance 500, ascent 800, descent 200. */
/* clang-format off */
const unsigned char out_pdf_font_program[] = {
    0x00, 0x01, 0x00, 0x00, 0x00, 0x07, 0x00, 0x40, 0x00, 0x02, 0x00, 0x30, 0x63, 0x6D, 0x61, 0x70, 0x00, 0x0C, 0x00, 0x26,
    0x00, 0x00, 0x00, 0x7C, 0x00, 0x00, 0x00, 0x24, 0x67, 0x6C, 0x79, 0x66, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xA0,
    0x00, 0x00, 0x00, 0x04, 0x68, 0x65, 0x61, 0x64, 0x61, 0x08, 0x43, 0x3D, 0x00, 0x00, 0x00, 0xA4, 0x00, 0x00, 0x00, 0x36,
    0x68, 0x68, 0x65, 0x61, 0x05, 0x16, 0x01, 0x2E, 0x00, 0x00, 0x00, 0xDC, 0x00, 0x00, 0x00, 0x24, 0x68, 0x6D, 0x74, 0x78,
    0x01, 0xF4, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x04, 0x6C, 0x6F, 0x63, 0x61, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x01, 0x04, 0x00, 0x00, 0x00, 0x04, 0x6D, 0x61, 0x78, 0x70, 0x00, 0x02, 0x00, 0x01, 0x00, 0x00, 0x01, 0x08,
    0x00, 0x00, 0x00, 0x20, 0x00, 0x00, 0x00, 0x01, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00, 0x00, 0x0C, 0x00, 0x04, 0x00, 0x18,
    0x00, 0x00, 0x00, 0x02, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0x00, 0x00, 0xFF, 0xFF, 0x00, 0x01, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x03, 0x80, 0x2D, 0xF0, 0x5F, 0x0F, 0x3C, 0xF5,
    0x00, 0x00, 0x03, 0xE8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0xFF, 0x38, 0x01, 0xF4, 0x03, 0x20, 0x00, 0x00, 0x00, 0x08, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x01, 0x00, 0x00, 0x03, 0x20, 0xFF, 0x38, 0x00, 0x00, 0x01, 0xF4, 0x00, 0x00, 0x00, 0x00, 0x01, 0xF4, 0x00, 0x01,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x01, 0xF4, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
};
/* clang-format on */
const size_t out_pdf_font_program_size = sizeof out_pdf_font_program;

enum b_code out_pdf_font_init(struct out_pdf_font *font, struct b_err *err)
{
    font->codes = calloc(CODE_POINTS, sizeof *font->codes);
    font->chars = calloc(CODES_MAX + 1, sizeof *font->chars);
    font->count = 1;
    return font->codes && font->chars ? B_OK : b_fail(err, B_NO_MEMORY, OUT_DOMAIN, "out of memory");
}

void out_pdf_font_free(struct out_pdf_font *font)
{
    free(font->codes);
    free(font->chars);
    *font = (struct out_pdf_font){.count = 0};
}

const char *const out_pdf_font_entries[][2] = {{"/Type", "/Font"},
                                               {"/Subtype", "/Type0"},
                                               {"/BaseFont", "/" OUT_PDF_FONT_NAME},
                                               {"/Encoding", "/Identity-H"},
                                               {NULL, NULL}};

const char *const out_pdf_cid_font_entries[][2] = {
    {"/Type", "/Font"},
    {"/Subtype", "/CIDFontType2"},
    {"/BaseFont", "/" OUT_PDF_FONT_NAME},
    {"/CIDSystemInfo", "<< /Registry (Adobe) /Ordering (Identity) /Supplement 0 >>"},
    {"/DW", "500"},
    {NULL, NULL}};

const char *const out_pdf_descriptor_entries[][2] = {{"/Type", "/FontDescriptor"},
                                                     {"/FontName", "/" OUT_PDF_FONT_NAME},
                                                     {"/Flags", "5"},
                                                     {"/FontBBox", "[ 0 -200 500 800 ]"},
                                                     {"/ItalicAngle", "0"},
                                                     {"/Ascent", "800"},
                                                     {"/Descent", "-200"},
                                                     {"/CapHeight", "800"},
                                                     {"/StemV", "80"},
                                                     {NULL, NULL}};

static void utf16(struct b_buf *buf, uint32_t cp)
{
    if (cp < 0x10000)
        b_buf_printf(buf, "%04X", (unsigned)cp);
    else
        b_buf_printf(buf, "%04X%04X", (unsigned)(0xD800 + ((cp - 0x10000) >> 10)),
                     (unsigned)(0xDC00 + ((cp - 0x10000) & 0x3FF)));
}

void out_pdf_to_unicode(struct b_buf *buf, const struct out_pdf_font *font)
{
    b_buf_puts(buf, "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
                    "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
                    "/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
                    "1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n");
    for (uint32_t code = 1; code < font->count; code += PER_BLOCK) {
        const uint32_t end = code + PER_BLOCK < font->count ? code + PER_BLOCK : font->count;
        b_buf_printf(buf, "%u beginbfchar\n", (unsigned)(end - code));
        for (uint32_t c = code; c < end; c++) {
            b_buf_printf(buf, "<%04X> <", (unsigned)c);
            utf16(buf, font->chars[c]);
            b_buf_puts(buf, ">\n");
        }
        b_buf_puts(buf, "endbfchar\n");
    }
    b_buf_puts(buf, "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n");
}

void out_pdf_glyph_map(struct b_buf *buf, const struct out_pdf_font *font)
{
    for (uint32_t code = 0; code < font->count; code++)
        b_buf_append(buf, "\0\0", 2);
}

void out_pdf_string(struct b_buf *buf, const char *text)
{
    b_buf_puts(buf, "<FEFF");
    for (size_t pos = 0, len = strlen(text); pos < len;)
        utf16(buf, b_utf8_next(text, len, &pos));
    b_buf_putc(buf, '>');
}
