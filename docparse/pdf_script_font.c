/* SPDX-License-Identifier: Apache-2.0 */
/* Advances of the TrueType and OpenType fonts that cairo's script surface writes out whole, compressed: the
 * script gives the places of their glyphs relative to these. Everything is bounded: the fonts are the PDF's. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "docparse/pdf_script_private.h"

#define FONT_BYTES_MAX ((size_t)64 << 20) /* a full CJK font has 20 MiB */
#define LENGTH_BYTES 4                    /* before the deflated bytes */
#define TABLE_ENTRY 16

struct bytes {
    uint8_t *data;
    size_t size;
};

/* Base 85 up to "~". */
static struct bytes decode(const char *text, size_t size)
{
    size_t room = size / 5 * 4 + 8;
    for (size_t i = 0; i < size; i++)
        room += text[i] == 'z' ? 4 : 0;
    struct bytes out = {malloc(room), 0};
    uint64_t tuple = 0;
    int n = 0;
    for (size_t i = 0; out.data && i < size && text[i] != '~'; i++) {
        const char c = text[i];
        if (c == 'z' && n == 0) {
            memset(out.data + out.size, 0, 4);
            out.size += 4;
        } else if (c >= '!' && c <= 'u') {
            tuple = tuple * 85 + (uint64_t)(c - '!');
            if (++n < 5)
                continue;
            for (int k = 3; k >= 0; k--)
                out.data[out.size++] = (uint8_t)(tuple >> (8 * k));
            tuple = 0;
            n = 0;
        }
    }
    for (int k = n; k < 5 && n > 1; k++)
        tuple = tuple * 85 + 84;
    for (int k = 0; out.data && k < n - 1; k++)
        out.data[out.size++] = (uint8_t)(tuple >> (24 - 8 * k));
    return out;
}

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t be16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static struct bytes inflate_font(const struct bytes *packed, bool *starved)
{
    struct bytes out = {NULL, 0};
    const size_t size = packed->size > LENGTH_BYTES ? be32(packed->data) : 0;
    if (size == 0 || size > FONT_BYTES_MAX)
        return out;
    uLongf got = size;
    out.data = malloc(size);
    *starved = !out.data;
    if (out.data && uncompress(out.data, &got, packed->data + LENGTH_BYTES, packed->size - LENGTH_BYTES) == Z_OK)
        out.size = got;
    return out;
}

/* A table of the font; NULL when it is missing or shorter than `least`. */
static const uint8_t *table(const struct bytes *font, const char *tag, size_t least, size_t *size)
{
    if (font->size < 12)
        return NULL;
    const size_t n = be16(font->data + 4);
    for (size_t i = 0; i < n && 12 + (i + 1) * TABLE_ENTRY <= font->size; i++) {
        const uint8_t *entry = font->data + 12 + i * TABLE_ENTRY;
        const size_t at = be32(entry + 8), length = be32(entry + 12);
        if (memcmp(entry, tag, 4) != 0)
            continue;
        if (at > font->size || length > font->size - at || length < least)
            return NULL;
        *size = length;
        return font->data + at;
    }
    return NULL;
}

/* Boxes of the glyphs' ink, where the font has outlines of TrueType. */
static void read_boxes(const struct bytes *font, float unit, struct script_font *out)
{
    enum { HEAD_WITH_FORMAT = 52, GLYPH_HEADER = 10 };
    size_t head_size, loca_size, glyf_size;
    const uint8_t *head = table(font, "head", HEAD_WITH_FORMAT, &head_size);
    const uint8_t *loca = table(font, "loca", 4, &loca_size), *glyf = table(font, "glyf", GLYPH_HEADER, &glyf_size);
    if (!head || !loca || !glyf)
        return;
    const size_t step = be16(head + 50) ? 4 : 2, n = loca_size / step;
    for (size_t i = 0; i + 1 < n && i < out->cap; i++) {
        const size_t at = step == 4 ? be32(loca + i * 4) : be16(loca + i * 2) * 2;
        const size_t next = step == 4 ? be32(loca + i * 4 + 4) : be16(loca + i * 2 + 2) * 2;
        if (next <= at || at + GLYPH_HEADER > glyf_size)
            continue; /* blank */
        float *ink = out->advances[i].ink;
        ink[0] = (float)(int16_t)be16(glyf + at + 2) * unit;
        ink[1] = -(float)(int16_t)be16(glyf + at + 8) * unit;
        ink[2] = (float)(int16_t)be16(glyf + at + 6) * unit;
        ink[3] = -(float)(int16_t)be16(glyf + at + 4) * unit;
    }
}

/* False only without memory: a font without metrics has none. Glyphs without an advance of their own in hmtx
 * have no box either: they are blanks and marks of monospaced fonts. */
static bool read_advances(const struct bytes *font, struct script_font *out)
{
    size_t head_size, hhea_size, hmtx_size;
    const uint8_t *head = table(font, "head", 20, &head_size), *hhea = table(font, "hhea", 36, &hhea_size);
    const uint8_t *hmtx = table(font, "hmtx", 4, &hmtx_size);
    if (!head || !hhea || !hmtx || be16(head + 18) == 0)
        return true;
    const float unit = 1.0f / (float)be16(head + 18);
    size_t full = be16(hhea + 34);
    full = full < hmtx_size / 4 ? full : hmtx_size / 4;
    if (full == 0)
        return true;
    out->advances = calloc(full, sizeof *out->advances);
    if (!out->advances)
        return false;
    out->cap = full;
    out->last_repeats = true;
    for (size_t i = 0; i < full; i++)
        out->advances[i] = (struct glyph_advance){.x = (float)be16(hmtx + 4 * i) * unit, .known = true};
    read_boxes(font, unit, out);
    return true;
}

bool dp_script_font_metrics(const char *data, size_t size, struct script_font *out)
{
    struct bytes packed = decode(data, size);
    struct bytes font = {NULL, 0};
    *out = (struct script_font){0};
    bool starved = !packed.data;
    if (packed.data)
        font = inflate_font(&packed, &starved);
    if (font.size > 0)
        starved = !read_advances(&font, out);
    free(packed.data);
    free(font.data);
    return !starved;
}
