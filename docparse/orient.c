/* SPDX-License-Identifier: Apache-2.0 */
/* Exif orientation and resolution (Exif 2.32 §4.6: a TIFF structure in a marker), and the eight orientations
 * of TIFF 6.0 as a mirror followed by quarter turns. Every offset of the block is checked before use. */
#include "docparse/orient.h"

#include <stdbool.h>
#include <string.h>

#define TAG_ORIENTATION 274
#define TAG_X_RESOLUTION 282
#define TAG_Y_RESOLUTION 283
#define TAG_RESOLUTION_UNIT 296
#define TYPE_SHORT 3
#define TYPE_LONG 4
#define TYPE_RATIONAL 5
#define ENTRY_BYTES 12
#define CM_PER_INCH 2.54

struct reader {
    const uint8_t *data;
    size_t size;
    bool big;
};

static uint32_t u16_at(const struct reader *r, size_t at)
{
    if (at > r->size || r->size - at < 2)
        return 0;
    uint32_t a = r->data[at], b = r->data[at + 1];
    return r->big ? a << 8 | b : b << 8 | a;
}

static uint32_t u32_at(const struct reader *r, size_t at)
{
    if (at > r->size || r->size - at < 4)
        return 0;
    uint32_t first = u16_at(r, at), second = u16_at(r, at + 2);
    return r->big ? first << 16 | second : second << 16 | first;
}

static double rational_at(const struct reader *r, size_t entry)
{
    size_t at = u32_at(r, entry + 8);
    uint32_t over = u32_at(r, at), under = at < SIZE_MAX - 4 ? u32_at(r, at + 4) : 0;
    return under ? (double)over / (double)under : 0;
}

void dp_exif_parse(const uint8_t *data, size_t size, struct dp_exif *out)
{
    *out = (struct dp_exif){0};
    if (size >= 6 && memcmp(data, "Exif\0", 5) == 0) {
        data += 6;
        size -= 6;
    }
    if (size < 8 || (memcmp(data, "II*\0", 4) != 0 && memcmp(data, "MM\0*", 4) != 0))
        return;
    struct reader r = {data, size, data[0] == 'M'};
    size_t ifd = u32_at(&r, 4);
    uint32_t entries = u16_at(&r, ifd), unit = 2; /* inches, TIFF 6.0 */
    for (uint32_t i = 0; i < entries; i++) {
        size_t at = ifd + 2 + (size_t)i * ENTRY_BYTES;
        if (at > size || size - at < ENTRY_BYTES)
            break;
        uint32_t tag = u16_at(&r, at), type = u16_at(&r, at + 2);
        uint32_t value = type == TYPE_SHORT ? u16_at(&r, at + 8) : type == TYPE_LONG ? u32_at(&r, at + 8) : 0;
        if (tag == TAG_ORIENTATION && value >= 1 && value <= 8)
            out->orientation = (int)value;
        else if (tag == TAG_X_RESOLUTION && type == TYPE_RATIONAL)
            out->x_dpi = rational_at(&r, at);
        else if (tag == TAG_Y_RESOLUTION && type == TYPE_RATIONAL)
            out->y_dpi = rational_at(&r, at);
        else if (tag == TAG_RESOLUTION_UNIT)
            unit = value;
    }
    if (unit == 3) {
        out->x_dpi *= CM_PER_INCH;
        out->y_dpi *= CM_PER_INCH;
    } else if (unit != 2) {
        out->x_dpi = out->y_dpi = 0;
    }
}

static void mirror(struct b_image *image)
{
    size_t ch = (size_t)image->channels, row_bytes = (size_t)image->width * ch;
    for (int y = 0; y < image->height; y++) {
        uint8_t *left = image->pixels + (size_t)y * row_bytes, *right = left + row_bytes - ch;
        for (; left < right; left += ch, right -= ch)
            for (size_t c = 0; c < ch; c++) {
                uint8_t keep = left[c];
                left[c] = right[c];
                right[c] = keep;
            }
    }
}

enum b_code dp_orient(struct b_image *image, int orientation, struct b_err *err)
{
    /* Stored rows and columns -> upright: mirror first (2, 4, 5, 7), then clockwise quarter turns. */
    static const int turns[9] = {0, 0, 0, 2, 2, 3, 1, 1, 3};
    static const bool mirrored[9] = {false, false, true, false, true, true, false, true, false};
    if (orientation < 2 || orientation > 8)
        return B_OK;
    struct b_image turned = {0};
    if (turns[orientation] != 0) {
        /* Turning first keeps the image intact on failure; a mirror behind an odd turn is a flip, so the
         * mirrored ones take the opposite turn: turn(mirror(x), n) = mirror(turn(x, -n)). */
        int n = mirrored[orientation] ? -turns[orientation] : turns[orientation];
        enum b_code code = b_image_turn(b_image_view_of(image), n, &turned, err);
        if (code != B_OK)
            return code;
        b_image_free(image);
        *image = turned;
    }
    if (mirrored[orientation])
        mirror(image);
    return B_OK;
}
